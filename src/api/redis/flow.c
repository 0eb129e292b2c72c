/* When a session stops reading, and beginning what it has read. Commands in flight are bounded, and
 * so are replies that wait to be read: a client that reads while it sends is slowed to its own pace
 * and never sent away for the length of its pipeline. How long a reply will be is not known before
 * it is there, so those under way are taken to be as long as the longest of late; what comes first
 * in its session may always begin, so that nothing waits in a circle.
 *
 * One that reads nothing until it has sent everything (pipelines do that) would wait for the node
 * forever, as the node for it: while nothing moves it is therefore given more room bit by bit, up
 * to a bound. A client that leaves even that unread is sent away. (Alternative rejected: closing
 * whoever is over a bound, as Redis does with its client-output-buffer-limit: replies that were
 * made at once are over it before the client can have read any.) */
#include "api/redis/desk.h"
#include "base/limits.h"
#include "base/log.h"

#define STALL_US 50000u  /* so long nothing moves before there is more room */
#define WATCH_US 500000u /* while this worker's memory for replies is nearly full */
#define CROWDED_BYTES (LIMIT_OUTPUT_BYTES_PER_WORKER / 8 * 7)

/* What a reply is taken to have: at first, and at least. */
#define TALK_BYTES_FIRST (LIMIT_REDIS_REPLY_BYTES / 4)
#define TALK_BYTES_MIN (LIMIT_REDIS_REPLY_BYTES / 256)

static size_t unread(const struct redis_session *session)
{
    return connection_queued(session->connection) + session->reply_bytes;
}

/* ---- one client ------------------------------------------------------------------------------ */

static bool too_much_in_flight(const struct redis_session *session, uint32_t part)
{
    return session->pending_count >= LIMIT_REQUESTS_PER_CONNECTION / part ||
           session->pending_bytes > LIMIT_QUEUE_BYTES_PER_CLIENT / part;
}

bool redis_flow_must_wait(const struct redis_session *session)
{
    return too_much_in_flight(session, 1) || unread(session) > session->output_room;
}

bool redis_flow_may_go_on(const struct redis_session *session)
{
    return !too_much_in_flight(session, 2) && unread(session) <= session->output_room / 2;
}

/* ---- beginning ------------------------------------------------------------------------------- */

/* Either refusal ends by itself: what is queued is above what `drained` is called after, and what
 * is in flight will be done. With nothing in flight the second is none. */
bool redis_flow_may_begin(const struct redis_session *session)
{
    if (connection_queued(session->connection) > session->output_room) {
        return false;
    }
    return session->reply_bytes + session->talking * session->talk_bytes < LIMIT_REDIS_REPLY_BYTES;
}

void redis_flow_entered(struct redis_session *session)
{
    session->talking++;
}

/* The longest counts at once and is forgotten bit by bit. */
void redis_flow_left(struct redis_session *session, size_t reply_bytes)
{
    size_t less = session->talk_bytes - session->talk_bytes / 8;
    session->talking--;
    session->talk_bytes = reply_bytes > less ? reply_bytes : less;
    if (session->talk_bytes < TALK_BYTES_MIN) {
        session->talk_bytes = TALK_BYTES_MIN;
    }
}

/* ---- stalled --------------------------------------------------------------------------------- */

static void give_up(struct redis_session *session)
{
    log_debug("redis: a client that doesn't read is sent away",
              LOG_TEXT("from", connection_peer(session->connection)),
              LOG_U64("bytes", unread(session)));
    connection_close(session->connection);
}

/* Nothing has moved for a while: more room, or the end. */
static void relieve(struct redis_session *session, uint64_t now_us)
{
    bool room = session->output_room < LIMIT_REDIS_REPLY_BYTES_MAX && !redis_flow_full(session);
    if (room) {
        session->output_room += LIMIT_REDIS_REPLY_BYTES;
        session->output_moved_us = now_us;
        redis_session_go_on(session);
        if (!redis_flow_must_wait(session)) {
            connection_resume(session->connection);
        }
    } else if (now_us - session->output_moved_us > LIMIT_REDIS_UNREAD_SECONDS * UINT64_C(1000000)) {
        give_up(session);
    }
}

static bool nothing_in_flight(const struct redis_session *session)
{
    return session->pending.next == session->waiting;
}

static void on_stall(struct timer *timer, uint64_t now_us)
{
    struct redis_session *session = QUEUE_ITEM(timer, struct redis_session, stall);
    struct connection *connection = session->connection;
    if (connection_over(connection) || !connection_paused(connection)) {
        return;
    }
    size_t queued = connection_queued(connection);
    if (redis_flow_may_go_on(session)) {
        connection_resume(connection);
        return;
    }
    if (queued < session->output_seen || !nothing_in_flight(session)) {
        session->output_moved_us = now_us;
    } else {
        relieve(session, now_us);
    }
    session->output_seen = queued;
    loop_start_timer(session->loop, timer, STALL_US);
}

void redis_flow_stopped(struct redis_session *session)
{
    session->output_seen = connection_queued(session->connection);
    session->output_moved_us = loop_now(session->loop).mono_us;
    loop_start_timer(session->loop, &session->stall, STALL_US);
}

/* ---- all clients ----------------------------------------------------------------------------- */

static size_t held(const struct loop *loop, const struct redis_desk *desk)
{
    return loop->output_bytes + desk->reply_bytes;
}

static struct redis_session *session_of(const struct queue *link)
{
    return QUEUE_ITEM((struct queue *)(uintptr_t)link, struct redis_session, link);
}

static bool is_open(const struct redis_session *session)
{
    return session->connection != NULL && !connection_over(session->connection);
}

static void note_all(struct redis_desk *desk, bool anew, uint64_t now_us)
{
    for (struct queue *link = desk->sessions.next; link != &desk->sessions; link = link->next) {
        struct redis_session *session = session_of(link);
        if (anew) {
            session->unread = (struct redis_unread){0};
        }
        if (is_open(session)) {
            redis_unread_note(&session->unread, connection_queued(session->connection),
                              connection_sent(session->connection), now_us);
        }
    }
}

/* NULL: everybody reads. */
static struct redis_session *choose(const struct redis_desk *desk, uint64_t now_us)
{
    struct redis_session *chosen = NULL;
    for (const struct queue *link = desk->sessions.next; link != &desk->sessions;
         link = link->next) {
        struct redis_session *session = session_of(link);
        const struct redis_unread *other = chosen == NULL ? NULL : &chosen->unread;
        if (is_open(session) && redis_unread_goes_before(&session->unread, other, now_us)) {
            chosen = session;
        }
    }
    return chosen;
}

static void send_away(struct redis_session *session, uint64_t now_us)
{
    log_warning("redis: replies that are not read fill this worker's memory for them; a client "
                "that reads nothing is sent away",
                LOG_TEXT("from", connection_peer(session->connection)),
                LOG_U64("bytes", session->unread.bytes),
                LOG_U64("seconds", (now_us - session->unread.since_us) / 1000000));
    redis_count(session, session->shared->options.metric_ids.served.refused, 1);
    connection_close(session->connection);
}

/* Until there is room for others, or all who are left do read. */
static void on_watch(struct timer *timer, uint64_t now_us)
{
    struct redis_desk *desk = QUEUE_ITEM(timer, struct redis_desk, watch);
    struct loop *loop = session_of(desk->sessions.next)->loop;
    size_t bytes = held(loop, desk);
    note_all(desk, false, now_us);
    while (bytes > CROWDED_BYTES) {
        struct redis_session *session = choose(desk, now_us);
        if (session == NULL) {
            loop_start_timer(loop, timer, WATCH_US);
            return;
        }
        bytes -= session->unread.bytes;
        send_away(session, now_us);
    }
}

static void watch(const struct redis_session *session)
{
    struct redis_desk *desk = session->desk;
    if (!timer_running(&desk->watch)) {
        desk->watch.fire = on_watch;
        note_all(desk, true, loop_now(session->loop).mono_us);
        loop_start_timer(session->loop, &desk->watch, WATCH_US);
    }
}

bool redis_flow_full(const struct redis_session *session)
{
    size_t bytes = held(session->loop, session->desk);
    if (bytes > CROWDED_BYTES) {
        watch(session);
    }
    return bytes > LIMIT_OUTPUT_BYTES_PER_WORKER;
}

/* ---- life ------------------------------------------------------------------------------------ */

void redis_flow_end(struct redis_session *session)
{
    struct timers *timers = &session->loop->timers;
    timers_stop(timers, &session->stall);
    if (queue_empty(&session->desk->sessions)) {
        timers_stop(timers, &session->desk->watch);
    }
}

void redis_flow_init(struct redis_session *session)
{
    session->stall.fire = on_stall;
    session->output_room = LIMIT_REDIS_REPLY_BYTES;
    session->talk_bytes = TALK_BYTES_FIRST;
}
