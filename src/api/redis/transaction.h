/* MULTI, EXEC, DISCARD, WATCH, UNWATCH: what a connection has queued and what it watches.
 *
 *               .--------- MULTI: commands are queued ---- EXEC ----.
 *      nothing -+                                                   +-> one unit -> its replies
 *               '-- WATCH: keys' versions are read by a unit -------'
 *
 * EXEC carries out all commands as one unit over the cells of all their keys and of what is watched
 * (node/unit.h): exact, atomic, isolated. A watched key whose version has changed by then abandons
 * it. Only where the node stands alone: between several owners without a leader it would be a
 * promise that nobody keeps, and MULTI and WATCH say so. */
#ifndef API_REDIS_TRANSACTION_H
#define API_REDIS_TRANSACTION_H

#include "api/redis/session.h"

/* Of one connection; a command over them spoils its transaction, as one that Redis has no memory
 * for does. */
#define TRANSACTION_COMMANDS_MAX (256u * 1024u)
#define TRANSACTION_BYTES_MAX LIMIT_QUEUE_BYTES_PER_CLIENT /* queued and watched, all told */
#define TRANSACTION_REPLY_BYTES_MAX LIMIT_QUEUE_BYTES_PER_CLIENT
#define TRANSACTION_WATCHED_MAX (64u * 1024u)

struct transaction_watched {
    struct bytes key;
    uint64_t version;
    bool found;
};

struct transaction_queued {
    const struct command *command;
    const struct bytes *argv;
    uint32_t argc;
    uint64_t value_bytes_max; /* as struct redis_call */
    size_t reply_end; /* in `replies`, where its reply ends; it begins where the last ended */
};

struct redis_transaction {
    bool open;    /* by MULTI */
    bool spoiled; /* a command could not be queued: EXEC refuses */
    /* MULTI was refused, as the node is not alone. What was sent with it before that could be known
     * must not be carried out as if it stood for itself. */
    bool refused;
    uint32_t refused_flow; /* session->flow by then */
    struct arena memory;
    size_t bytes; /* in it */
    struct transaction_queued *queued;
    uint32_t queued_count, queued_room;
    struct transaction_watched *watched;
    uint32_t watched_count, watched_room;
    /* While it is carried out: */
    struct redis_cells cells;
    void *cells_memory;
    bool resp3; /* when it begins; HELLO in it may change that */
    struct buffer replies;
    bool changed;  /* a watched key has: nothing was carried out */
    bool too_much; /* to reply: nothing was carried out */
};

#endif
