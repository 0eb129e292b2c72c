/* The roll of a node's Redis clients: a card for each connection, whatever worker serves it. A card
 * is made and taken off by the thread that serves the connection; any thread may read the roll, for
 * CLIENT LIST and CLIENT KILL. What changes with every command is stored relaxed in the card, so
 * that the roll costs commands nothing; what clients set (names) changes under the roll's lock. */
#ifndef API_REDIS_CLIENT_ROLL_H
#define API_REDIS_CLIENT_ROLL_H

#include <pthread.h>
#include <stdatomic.h>

#include "api/redis/command.h"
#include "base/buffer.h"
#include "net/loop.h"

#define CLIENT_NAME_BYTES_MAX 255u    /* CLIENT SETNAME, SETINFO */
#define CLIENT_ADDRESS_BYTES_MAX 127u /* "[2001:db8::1]:6379" */

enum client_text {
    CLIENT_NAME,
    CLIENT_LIBRARY,
    CLIENT_LIBRARY_VERSION,
    CLIENT_TEXTS,
};

struct client_card {
    struct queue link; /* in the roll */
    struct loop *loop; /* that serves it */
    uint64_t id;       /* of this node, ascending from 1 */
    int fd;
    uint64_t created_ms; /* wall */
    char address[CLIENT_ADDRESS_BYTES_MAX + 1];
    char local_address[CLIENT_ADDRESS_BYTES_MAX + 1];
    /* Under the roll's lock; the serving thread may read them without. NULL: not set. */
    char *texts[CLIENT_TEXTS];
    bool killed; /* under the lock: about to be closed, and not told of any more */
    /* Relaxed; the serving thread writes. */
    _Atomic uint64_t active_ms; /* of the last command */
    _Atomic(const struct command *) command;
    _Atomic int32_t queued; /* by MULTI; -1: none is under way */
    _Atomic bool doomed;    /* a watched key has changed, or a queued command was no good */
    _Atomic uint8_t protocol;
    _Atomic bool no_evict;
    _Atomic size_t output_bytes; /* that wait to be sent */
};

struct client_roll {
    pthread_mutex_t lock;
    struct queue cards; /* by id, ascending */
    uint64_t last_id;
    uint32_t count;
    uint64_t accepted; /* since the node runs */
};

/* 0 or SHOAL_ENOMEM. */
int client_roll_init(struct client_roll *roll);
/* Once all cards have left. */
void client_roll_deinit(struct client_roll *roll);

/* A connection has come: numbers its card and fills it from the socket. */
void client_roll_enter(struct client_roll *roll, struct client_card *card, struct loop *loop,
                       int fd, uint64_t now_ms);
/* It is over. Harmless on a card that is zeroed or has left. */
void client_roll_leave(struct client_roll *roll, struct client_card *card);

/* A command begins. */
static inline void client_card_touch(struct client_card *card, const struct command *command,
                                     uint64_t now_ms)
{
    atomic_store_explicit(&card->command, command, memory_order_relaxed);
    atomic_store_explicit(&card->active_ms, now_ms, memory_order_relaxed);
}

/* 0; SHOAL_EINVAL: there is a character in it that would break CLIENT LIST; SHOAL_ETOOBIG. */
int client_text_check(struct bytes text);

/* The same, or SHOAL_ENOMEM. An empty text unsets it. */
int client_roll_set(struct client_roll *roll, struct client_card *card, enum client_text which,
                    struct bytes text);

uint32_t client_roll_count(struct client_roll *roll);
uint64_t client_roll_accepted(struct client_roll *roll);

/* Appends the client's line of CLIENT LIST, without its end. The roll's lock is held, or it is the
 * serving thread. `asking`: bytes of what it is asking just now, 0 for another client. 0 or
 * SHOAL_ENOMEM. */
int client_card_describe(const struct client_card *card, uint64_t now_ms, size_t asking,
                         struct buffer *out);

#endif
