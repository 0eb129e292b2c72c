/* WATCH: the live feed over the native protocol. Every watch of a connection is a reader of its
 * own; they share its output, and what waits in it bounds them all (feed_surface.h). The first
 * message says where the reader stands, so that the client has a cursor before anything has
 * happened. */
#include "api/feed_surface.h"
#include "api/native_state.h"
#include "base/memory.h"
#include "shoal/error.h"

#define WATCHES_MAX 64u  /* of one connection */
#define RETRY_US 250000u /* a full reader is looked at again */

struct native_watch {
    struct queue link; /* in session->watches */
    struct session *session;
    struct feed_reader reader;
    struct feed_outlet outlet;
    struct timer timer; /* heartbeats, and looking at a full one */
    struct task free;   /* later: it may be in a call of the worker's */
    uint64_t id;
    uint64_t heartbeat_us;
    uint64_t told_us;
    bool greeted; /* it knows where it stands */
    bool full;    /* was given something and had no room */
    uint8_t prefix[];
};

static struct native_watch *watch_of(struct feed_reader *reader)
{
    return QUEUE_ITEM(reader, struct native_watch, reader);
}

static struct worker *worker_of(const struct native_watch *watch)
{
    return watch->session->loop->worker;
}

static void start_timer(struct native_watch *watch, uint64_t us)
{
    loop_start_timer(watch->session->loop, &watch->timer, us);
}

/* ---- the end --------------------------------------------------------------------------------- */

static void on_free(struct task *task)
{
    mem_free(QUEUE_ITEM(task, struct native_watch, free));
}

/* The reader is closed already; the memory goes when nobody is in it. */
static void release(struct native_watch *watch)
{
    struct session *session = watch->session;
    timers_stop(&session->loop->timers, &watch->timer);
    queue_remove(&watch->link);
    session->watch_count--;
    feed_outlet_close(&watch->outlet);
    loop_defer(session->loop, &watch->free);
}

static void end(struct native_watch *watch, int code, const char *text)
{
    struct session *session = watch->session;
    uint64_t id = watch->id;
    feed_outlet_send(&watch->outlet);
    release(watch);
    if (session->connection != NULL && !connection_over(session->connection)) {
        session_refuse(session, id, code, text);
    }
}

static void stop(struct native_watch *watch, int code, const char *text)
{
    worker_feed_close(worker_of(watch), &watch->reader);
    end(watch, code, text);
}

static void on_ended(struct feed_reader *reader, int code, const char *text)
{
    end(watch_of(reader), code, text);
}

void native_watches_end(struct session *session)
{
    while (!queue_empty(&session->watches)) {
        struct native_watch *watch = QUEUE_ITEM(session->watches.next, struct native_watch, link);
        worker_feed_close(worker_of(watch), &watch->reader);
        release(watch);
    }
}

/* ---- what it is told ------------------------------------------------------------------------- */

static bool tell(struct native_watch *watch, const struct watched_event *event)
{
    const struct message_watched message = {.id = watch->id, .events = event, .count = 1};
    watch->told_us = loop_now(watch->session->loop).mono_us;
    return message_watched_encode(&message, feed_outlet_buffer(&watch->outlet)) == 0;
}

/* Where it stands, and nothing else. */
static void tell_heartbeat(struct native_watch *watch)
{
    struct bytes cursor = worker_feed_cursor(&watch->reader);
    const struct watched_event event = {
        .time_ms = loop_now(watch->session->loop).wall_ms,
        .cursor = cursor.data != NULL ? cursor : bytes_make("", 0),
        .key = bytes_make("", 0),
        .node = bytes_make("", 0),
    };
    watch->greeted = watch->greeted || cursor.data != NULL;
    if (tell(watch, &event)) {
        feed_outlet_flush(&watch->outlet);
    }
}

static bool on_take(struct feed_reader *reader, const struct feed_event *event)
{
    struct native_watch *watch = watch_of(reader);
    if (!feed_outlet_room(&watch->outlet)) {
        watch->full = true;
        start_timer(watch, RETRY_US);
        return false;
    }
    const struct watched_event told = {
        .op = event->op,
        .time_ms = event->time_ms,
        .cursor = event->cursor,
        .key = event->key,
        .value = event->value,
        .value_bytes = event->value_bytes,
        .expiry_ms = event->expiry_ms,
        .reason = event->reason,
        .missed = event->missed,
        .node = bytes_from_string(worker_feed_node_name(worker_of(watch), event->node)),
    };
    if (!tell(watch, &told)) {
        stop(watch, SHOAL_ENOMEM, "this node is short of memory: go on at another");
        return true;
    }
    watch->greeted = true;
    feed_outlet_put(&watch->outlet, 1);
    return true;
}

static void on_flush(struct feed_reader *reader)
{
    struct native_watch *watch = watch_of(reader);
    if (!watch->greeted && worker_feed_cursor(reader).data != NULL) {
        tell_heartbeat(watch);
    }
    feed_outlet_flush(&watch->outlet);
}

static void go_on(struct native_watch *watch)
{
    watch->full = false;
    worker_feed_more(worker_of(watch), &watch->reader);
}

void native_watches_more(struct session *session)
{
    for (struct queue *at = session->watches.next; at != &session->watches; at = at->next) {
        struct native_watch *watch = QUEUE_ITEM(at, struct native_watch, link);
        if (watch->full) {
            go_on(watch);
        }
    }
}

static void on_timer(struct timer *timer, uint64_t now_us)
{
    struct native_watch *watch = QUEUE_ITEM(timer, struct native_watch, timer);
    if (watch->full && feed_outlet_room(&watch->outlet)) {
        go_on(watch);
    }
    if (watch->full) {
        start_timer(watch, RETRY_US);
        return;
    }
    bool placed = watch->greeted || worker_feed_cursor(&watch->reader).data != NULL;
    if (placed && now_us - watch->told_us >= watch->heartbeat_us) {
        tell_heartbeat(watch);
    }
    uint64_t due_us = watch->told_us + watch->heartbeat_us;
    start_timer(watch, due_us > now_us ? due_us - now_us : watch->heartbeat_us);
}

/* ---- the beginning --------------------------------------------------------------------------- */

static uint64_t heartbeat_of(const struct message_watch *message)
{
    uint64_t us = message->heartbeat_us;
    if (us == 0) {
        return FEED_HEARTBEAT_US_DEFAULT;
    }
    us = us > FEED_HEARTBEAT_US_MIN ? us : FEED_HEARTBEAT_US_MIN;
    return us < FEED_HEARTBEAT_US_MAX ? us : FEED_HEARTBEAT_US_MAX;
}

static struct native_watch *new_watch(struct session *session, const struct message_watch *message)
{
    static const struct feed_reader_calls calls = {
        .take = on_take, .flush = on_flush, .ended = on_ended};
    struct native_watch *watch = mem_alloc_zeroed(1, sizeof(*watch) + message->prefix.len);
    if (watch == NULL) {
        return NULL;
    }
    if (message->prefix.len > 0) {
        memcpy(watch->prefix, message->prefix.data, message->prefix.len);
    }
    watch->session = session;
    watch->id = message->id;
    watch->heartbeat_us = heartbeat_of(message);
    watch->told_us = loop_now(session->loop).mono_us;
    watch->timer.fire = on_timer;
    task_init(&watch->free, on_free);
    watch->reader = (struct feed_reader){.calls = &calls,
                                         .prefix = bytes_make(watch->prefix, message->prefix.len),
                                         .ops = message->ops,
                                         .user = watch};
    return watch;
}

static const char *text_of(int code)
{
    switch (code) {
    case SHOAL_EINVAL:
        return "this is no cursor of this cluster: pass on one that an event had";
    case SHOAL_EUNSUPPORTED:
        return "this node keeps no feed (feed.tail_mb is 0)";
    case SHOAL_EOVERLOAD:
        return "the feed has as many readers here as it may: ask another node";
    case SHOAL_ECONNECT:
        return FEED_NO_CLUSTER_TEXT;
    default:
        return shoal_error_text(code);
    }
}

static int begin(struct session *session, const struct message_watch *message)
{
    struct feed_surface *feed = session->desk->native->options.feed;
    if (feed == NULL) {
        return SHOAL_EUNSUPPORTED;
    }
    if (session->watch_count >= WATCHES_MAX) {
        return SHOAL_EOVERLOAD;
    }
    struct native_watch *watch = new_watch(session, message);
    if (watch == NULL) {
        return SHOAL_ENOMEM;
    }
    int code = worker_feed_open(session->loop->worker, &watch->reader, message->cursor);
    if (code != 0) {
        mem_free(watch);
        return code;
    }
    feed_outlet_open(&watch->outlet, feed_surface_desk(feed, session->loop), session->connection,
                     FEED_KIND_NATIVE);
    queue_push(&session->watches, &watch->link);
    session->watch_count++;
    start_timer(watch, watch->heartbeat_us);
    return 0;
}

static struct native_watch *find(const struct session *session, uint64_t id)
{
    for (struct queue *at = session->watches.next; at != &session->watches; at = at->next) {
        struct native_watch *watch = QUEUE_ITEM(at, struct native_watch, link);
        if (watch->id == id) {
            return watch;
        }
    }
    return NULL;
}

#define OPS_KNOWN                                                                                  \
    (1u << FEED_PUT | 1u << FEED_DELETE | 1u << FEED_EXPIRE | 1u << FEED_LIST | 1u << FEED_READ)

void native_take_watch(struct session *session, const struct frame *frame)
{
    struct message_watch message;
    int code = message_watch_decode(frame->payload, &session->loop->arena, &message);
    if (code != 0) {
        native_refuse_fields(session, frame, code);
    } else if ((message.ops & ~OPS_KNOWN) != 0) {
        session_refuse(session, frame->id, SHOAL_EINVAL,
                       "ops has bits that stand for nothing one can ask for");
    } else if (find(session, message.id) != NULL) {
        session_refuse(session, frame->id, SHOAL_ECONFLICT, "there is a WATCH with this id");
    } else {
        code = begin(session, &message);
        if (code != 0) {
            session_refuse(session, frame->id, code, text_of(code));
        }
    }
}

void native_take_unwatch(struct session *session, const struct frame *frame)
{
    struct native_watch *watch = find(session, frame->id);
    if (watch == NULL) {
        session_refuse(session, frame->id, SHOAL_ENOTFOUND, "there is no WATCH with this id");
    } else {
        stop(watch, 0, "");
    }
}
