/* What the files of the Redis surface share of its connections and of its workers' desks. */
#ifndef API_REDIS_DESK_H
#define API_REDIS_DESK_H

#include "api/redis/order.h"
#include "api/redis/session.h"
#include "base/limits.h"

#define REDIS_REPLY_BYTES_MAX (LIMIT_REDIS_REPLY_BYTES_MAX / 2) /* of one command */

struct redis_desk {
    struct queue sessions;
    struct queue begun; /* commands that have begun and aren't done, by `desk_link` */
    struct queue free_pending;
    uint32_t free_pending_count;
    struct served_run run; /* commands that were done at once and aren't counted yet */
    struct redis_order *spare_order;
    size_t reply_bytes; /* of replies that wait for their turn */
    struct timer
        watch; /* flow.c: runs while they and what is unread nearly fill this worker's memory */
};

struct redis {
    struct redis_shared shared;
    struct redis_desk desks[];
};

void redis_count(const struct redis_session *session, metric_id id, uint64_t amount);

/* ---- count.c: what is counted of commands ---------------------------------------------------- */

/* It has its reply. `at_once`: in the call that brought it; the run is told when that is over. */
void redis_count_served(const struct redis_pending *pending, bool at_once);
void redis_count_told(const struct redis_session *session);

/* ---- pending.c: a command's life ------------------------------------------------------------- */

/* One for a command of this session, in no queue yet. NULL: no memory. */
struct redis_pending *redis_pending_new(struct redis_session *session);
/* Gives back all that it holds, and itself. */
void redis_pending_free(struct redis_pending *pending);
/* Its arguments are kept from now on: in the block that they were received in, else as a copy. In
 * the connection's input call only. 0; SHOAL_ENOMEM; SHOAL_EOVERLOAD: what is in flight fills this
 * worker's memory for it. */
int redis_pending_keep(struct redis_pending *pending);
/* The last in the session's queue: kept, replying to a buffer of its own. */
void redis_pending_push(struct redis_pending *pending);
/* Begins, as far as the session's order is concerned. 0; 1: it must wait; SHOAL_ENOMEM. */
int redis_pending_enter(struct redis_pending *pending);
/* Those that haven't begun never will. */
void redis_pendings_drop_waiting(struct redis_session *session);
/* Forgets what has been replied so far. */
void redis_pending_rewind(struct redis_pending *pending);
/* Writes the error that redis_pending_fail says. */
void redis_pending_write_error(struct redis_pending *pending, int code, struct bytes text);
/* Replied, straight to the connection's output: counts it, drops it if the client wants none. */
void redis_pending_sent(struct redis_pending *pending);
void redis_pendings_free(struct redis_desk *desk);

/* ---- told.c ---------------------------------------------------------------------------------- */

/* A command is being carried out: readers of the live feed are told if it reads or lists. */
void redis_tell_feed(const struct redis_pending *pending);

/* ---- begin.c: how commands begin ------------------------------------------------------------- */

/* The first of a session to be waited for by nobody: carries it out, straight to the connection's
 * output where that can be done here and now; else it is pushed and goes on by itself. */
void redis_begin_first(struct redis_pending *pending);
/* One that comes while others are pending: waits in the queue, perhaps not for long. */
void redis_begin_behind(struct redis_pending *pending);
/* Begins what waits in the session's queue, as far as the order allows. Not within a call of the
 * worker. */
void redis_begin_waiting(struct redis_session *session);

/* alone.c: true: carried out here and now, and replied. False: nothing has happened. */
bool redis_alone_now(struct redis_pending *pending);

/* ---- flow.c: not more than the node can hold ------------------------------------------------- */

/* Reading must stop: too much is in flight, or too many replies wait to be read. */
bool redis_flow_must_wait(const struct redis_session *session);
/* With room for more than the next command. */
bool redis_flow_may_go_on(const struct redis_session *session);
/* The next that waits in the session's queue may begin, as far as replies are concerned. Else it is
 * called for when that changes. */
bool redis_flow_may_begin(const struct redis_session *session);
/* One begins that may reply at length; it is done, and replied so much. */
void redis_flow_entered(struct redis_session *session);
void redis_flow_left(struct redis_session *session, size_t reply_bytes);
/* Reading has stopped. */
void redis_flow_stopped(struct redis_session *session);
void redis_flow_init(struct redis_session *session);
/* The session is about to be freed. */
void redis_flow_end(struct redis_session *session);
/* All clients' replies together fill this worker's memory for them. When they nearly do, who reads
 * nothing from then on is closed after a while. */
bool redis_flow_full(const struct redis_session *session);

/* ---- session.c: the connection's life -------------------------------------------------------- */

/* Something is done: reading goes on if it waited for that, or the session ends and is freed. */
void redis_session_review(struct redis_session *session);
/* Queued commands may begin: soon. */
void redis_session_go_on(struct redis_session *session);
#endif
