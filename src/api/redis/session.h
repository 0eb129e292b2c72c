/* A client's connection to the Redis port, and its commands in flight. Replies go out in the order
 * of the commands, whatever order they are done in; commands begin in that order too, as far ahead
 * as order.h lets them. */
#ifndef API_REDIS_SESSION_H
#define API_REDIS_SESSION_H

#include "api/redis.h"
#include "api/redis/call.h"
#include "api/redis/client_roll.h"
#include "api/redis/request.h"
#include "api/redis/shared.h"
#include "api/redis/unread.h"
#include "coordinate/request.h"
#include "net/connection.h"

/* CLIENT REPLY. The session moves from SKIP_NEXT to SKIPPING when that command's reply is dropped,
 * and from SKIPPING to ON when the next one's is. */
enum redis_reply_mode {
    REDIS_REPLY_ON = 0,
    REDIS_REPLY_OFF,       /* no reply is sent */
    REDIS_REPLY_SKIP_NEXT, /* CLIENT REPLY SKIP itself: neither its own ... */
    REDIS_REPLY_SKIPPING,  /* ... nor the next one's */
};

struct redis_order;       /* order.h */
struct watching;          /* transaction.c */
struct redis_transaction; /* transaction.h */
struct redis_spread;      /* spread.h */

/* One worker's share of the surface: touched by its loop's thread alone. */
struct redis_desk;

/* A command between its arrival and its reply. Recycled by the desk. */
struct redis_pending {
    struct queue link;      /* in session->pending, by arrival; or among the desk's free ones */
    struct queue desk_link; /* in desk->begun */
    struct redis_session *session;
    struct redis_call call;
    struct redis_cells cells;
    struct unit_cell cell;     /* the only one, as a rule */
    struct bytes arguments[8]; /* argv, as a rule; else `kept` holds it */
    void *kept;                /* pieces of memory, freed with it */
    struct input_block *block; /* where the arguments lie; NULL: they are copied in `kept` */
    size_t bytes;              /* of the request */
    uint32_t flow;             /* as session->flow when it came */
    bool copied;               /* arguments lie in the loop's arena until they are kept */
    bool keeps;                /* arguments stay as long as it does */
    struct unit unit;
    struct request request;      /* COMMAND_CONTEXT, and SPREAD_* of one key */
    struct redis_spread *spread; /* what it is about elsewhere, more than one request; or NULL */
    struct redis_transaction *transaction; /* that it is about to carry out (EXEC); or NULL */
    struct watching *watching;             /* WATCH: what it has seen; in `kept` */
    struct buffer out;                     /* the reply, until its turn comes */
    struct reply reply; /* writes to `out`, or straight to the connection's output */
    size_t mark;        /* where its reply begins in there */
    uint64_t since_us;
    uint8_t way;         /* enum redis_order_way */
    bool answered;       /* replied before its turn to begin: refused ... */
    const char *refused; /* ... for want of memory; of its name what matters: see begin.c */
    bool begun;
    bool talks; /* its reply may be long */
    bool done;
    bool silent; /* CLIENT REPLY: its reply is dropped */
    int code;    /* of what made it fail; 0: Redis's own words, if it did */
};

struct redis_session {
    struct redis_desk *desk;
    struct redis_shared *shared;
    struct loop *loop;
    struct queue link;             /* in the desk's sessions */
    struct connection *connection; /* NULL once closed */
    struct redis_request_progress progress;
    uint32_t flow; /* which uninterrupted flow of requests this is: what came in one was sent before
                      the reply to any of it could be read */
    bool halfway;  /* it goes on with the next bytes, for they complete a request */
    struct queue pending;
    struct queue *waiting; /* the first that hasn't begun; the list's head: all have */
    uint32_t pending_count;
    size_t pending_bytes;
    size_t reply_bytes;        /* of replies that wait for their turn */
    uint32_t talking;          /* have begun, aren't done, and may reply at length ... */
    size_t talk_bytes;         /* ... so much each, by what was replied lately: see flow.c */
    struct redis_order *order; /* of what has begun and isn't done; NULL: nothing has */
    struct task task;          /* begins what waits */
    bool ended;                /* sends no more, may still read */
    bool deaf;                 /* nothing it sends is of use any more */
    bool quitting;             /* QUIT: as deaf, and what waits is not carried out */

    /* Output that nobody reads: see flow.c. */
    size_t output_room; /* so much may wait to be read before reading stops */
    size_t output_seen;
    uint64_t output_moved_us; /* when something was read last */
    struct timer stall;
    struct redis_unread unread; /* while all clients' nearly fill this worker's memory */

    /* What clients set and ask. */
    struct client_card card; /* what other clients can see of it */
    uint8_t protocol;        /* 2 or 3 */
    bool no_touch;
    uint8_t reply_mode;                    /* enum redis_reply_mode */
    int32_t r, w;                          /* SHOAL.QUORUM; QUORUM_DEFAULT */
    struct redis_transaction *transaction; /* MULTI or WATCH is on; else NULL */
};

/* The reply is complete (in pending->reply): it is sent when its turn comes, and the pending
 * command is freed. */
void redis_pending_done(struct redis_pending *pending);

/* The same with an error in place of whatever was replied so far: Redis's words where it has some
 * (OOM, MISCONF, READONLY, LOADING), ERR else. An unknown outcome is called so. */
void redis_pending_fail(struct redis_pending *pending, int code, struct bytes text);

/* Memory that goes with the pending command. NULL: none; reply with redis_pending_fail. */
void *redis_pending_alloc(struct redis_pending *pending, size_t bytes);

/* ---- who carries them out ---- */

/* alone.c: COMMAND_KEYS as a unit on this standalone node. */
void redis_alone_begin(struct redis_pending *pending);
/* spread.c: COMMAND_KEYS where there are other nodes, or N > 1. */
void redis_spread_begin(struct redis_pending *pending);
/* sweep.c: COMMAND_SWEEP, both. */
void redis_sweep_begin(struct redis_pending *pending);
/* shoal.c: COMMAND_CONTEXT. */
void redis_context_begin(struct redis_pending *pending);
/* transaction.c: true: the command has been queued or refused by a transaction under way, and
 * replied to. */
bool redis_transaction_takes(struct redis_pending *pending);
/* A command of that name that couldn't be resolved: a transaction under way will not be carried
 * out; EXEC ends it. */
void redis_transaction_spoil(struct redis_session *session, struct bytes name);
/* COMMAND_CONTROL: MULTI, EXEC, DISCARD, WATCH, UNWATCH; replies when done. */
void redis_transaction_begin(struct redis_pending *pending);
/* What MULTI and WATCH have gathered for the connection is dropped. */
void redis_transaction_free(struct redis_session *session);
/* A pending command that is freed had this one; NULL is fine. */
void redis_transaction_drop(struct redis_transaction *transaction);

/* CLIENT KILL, on the loop's thread: the connection ends at once. */
void redis_session_kill(struct redis_session *session);

/* The cells for a command's keys, each key once. 0 or SHOAL_ENOMEM. cells.c */
int redis_cells_of(struct redis_pending *pending);

#endif
