/* Readers of the live feed come and go, and get their turns. All surfaces' functions of feed.h
 * begin here. A surface is called in turns of the worker only, never from within its own calls:
 * these leave a mark, and the next turn does the work. */
#include "node/feed_work.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/mutant.h"
#include "shoal/error.h"

#define LOCAL_OPS (1u << FEED_LIST | 1u << FEED_READ)

void feed_stir(struct feed_work *work)
{
    struct worker *worker = work->worker;
    if (!timer_running(&work->pump) &&
        timers_start(&worker->timers, &work->pump, worker->now.mono_us) < 0) {
        log_warning("feed: no memory for a turn; it comes with the next news");
    }
}

/* ---- calling the surface ---- */

struct feed_event feed_event_of(const struct tail_event *event, uint64_t node)
{
    struct feed_event shown = {.op = event->op, .time_ms = event->time_ms, .node = node};
    if (event->op == TAIL_CRASH) {
        shown.op = FEED_GAP;
        shown.reason = FEED_GAP_CRASHED;
        return shown;
    }
    shown.key = event->key;
    shown.value = event->value;
    shown.value_bytes = event->value_bytes;
    shown.expiry_ms = event->expiry_ms;
    return shown;
}

int feed_offer(struct feed_walk *walk, const struct feed_event *event)
{
    struct feed_work *work = walk->work;
    work->current = walk;
    walk->touched = true;
    bool taken = walk->reader->calls->take(walk->reader, event);
    if (work->current != walk) {
        return -1;
    }
    work->current = NULL;
    walk->blocked = !taken;
    return taken ? 1 : 0;
}

int feed_encode(struct feed_work *work, const struct feed_cursor *cursor, uint64_t skip_node,
                uint32_t skip_lane)
{
    return feed_cursor_encode(cursor, worker_cluster_id(work->worker), skip_node, skip_lane,
                              &work->cursor);
}

void feed_end(struct feed_walk *walk, int code, const char *text)
{
    struct feed_reader *reader = walk->reader;
    feed_walk_free(walk);
    reader->calls->ended(reader, code, text);
}

static void work_end_all(struct feed_work *work, int code, const char *text)
{
    struct queue *heads[] = {&work->synced, &work->walking};
    for (uint32_t i = 0; i < 2; i++) {
        while (!queue_empty(heads[i])) {
            feed_end(QUEUE_ITEM(heads[i]->next, struct feed_walk, link), code, text);
        }
    }
}

void feed_fail(struct feed_work *work, int code)
{
    work_end_all(work, code, "the feed can't go on at this node");
}

/* ---- turns ---- */

static bool pump_walks(struct feed_work *work)
{
    struct queue round;
    struct queue *link;
    bool more = false;
    queue_init(&round);
    while ((link = queue_pop(&work->walking)) != NULL) {
        queue_push(&round, link);
    }
    while ((link = queue_pop(&round)) != NULL) {
        queue_push(&work->walking, link);
        more = feed_walk_step(QUEUE_ITEM(link, struct feed_walk, link)) || more;
    }
    return more;
}

static void pump_flush(struct queue *walks)
{
    struct queue round;
    struct queue *link;
    queue_init(&round);
    while ((link = queue_pop(walks)) != NULL) {
        queue_push(&round, link);
    }
    while ((link = queue_pop(&round)) != NULL) {
        struct feed_walk *walk = QUEUE_ITEM(link, struct feed_walk, link);
        queue_push(walks, link);
        if (walk->touched) {
            walk->touched = false;
            walk->reader->calls->flush(walk->reader);
        }
    }
}

static void pump_tell_hub(struct feed_work *work)
{
    struct letter_feed_taken *letter =
        work->taken == 0 || work->ticket == 0 ? NULL : mem_alloc(sizeof(*letter));
    if (letter != NULL) {
        letter->ticket = work->ticket;
        letter->bytes = work->taken;
        work->taken = 0;
        worker_post(work->worker, 0, &letter->letter, LETTER_FEED_TAKEN);
    }
}

/* A node that was removed by force hears of nobody any more, of those that join later not even that
 * they are there: its readers have to go on elsewhere. */
static bool work_is_removed(const struct worker *worker)
{
    return view_removed(worker->snapshot->view, worker->snapshot->self);
}

static void pump_on_timer(struct timer *timer, uint64_t now_us)
{
    (void)now_us;
    struct feed_work *work = QUEUE_ITEM(timer, struct feed_work, pump);
    if (work->readers > 0 && work_is_removed(work->worker)) {
        work_end_all(work, SHOAL_ECONNECT, WORKER_REMOVED_TEXT);
    }
    feed_advance(work);
    if (work->readers > 0) {
        feed_gone_review(work);
    }
    bool more = pump_walks(work);
    feed_fetch_next(work);
    pump_flush(&work->synced);
    pump_flush(&work->walking);
    pump_tell_hub(work);
    if (more || !queue_empty(&work->arrived)) {
        feed_stir(work);
    }
}

/* ---- following ---- */

static int work_follow(struct feed_work *work, uint64_t ticket, uint32_t ops)
{
    struct letter_feed_follow *letter = mem_alloc(sizeof(*letter));
    if (letter == NULL) {
        return SHOAL_ENOMEM;
    }
    letter->ticket = ticket;
    letter->ops = ops;
    work->ticket = ticket;
    work->ops_told = ops;
    worker_post(work->worker, 0, &letter->letter, LETTER_FEED_FOLLOW);
    return 0;
}

static uint32_t work_local_ops(const struct feed_work *work)
{
    const struct queue *heads[] = {&work->synced, &work->walking};
    uint32_t ops = 0;
    for (uint32_t i = 0; i < 2; i++) {
        for (const struct queue *link = heads[i]->next; link != heads[i]; link = link->next) {
            ops |= QUEUE_ITEM(link, struct feed_walk, link)->reader->ops & LOCAL_OPS;
        }
    }
    return ops;
}

static int work_follow_as_needed(struct feed_work *work)
{
    uint32_t ops = work_local_ops(work);
    if (work->ticket != 0 && ops == work->ops_told) {
        return 0;
    }
    return work_follow(work, work->ticket != 0 ? work->ticket : ++work->tickets, ops);
}

static void work_on_linger(struct timer *timer, uint64_t now_us)
{
    struct feed_work *work = QUEUE_ITEM(timer, struct feed_work, linger);
    if (work->readers > 0 || work->ticket == 0) {
        return;
    }
    if (work_follow(work, 0, 0) < 0) {
        (void)timers_start(&work->worker->timers, timer, now_us + FEED_LINGER_US);
        return;
    }
    feed_forget(work);
}

/* ---- readers ---- */

void feed_walk_free(struct feed_walk *walk)
{
    struct feed_work *work = walk->work;
    struct worker *worker = work->worker;
    feed_fetch_drop(walk);
    queue_remove(&walk->link);
    feed_cursor_deinit(&walk->at);
    feed_filter_leave(walk->filter);
    mem_free(walk->away);
    walk->reader->walk = NULL;
    work->current = work->current == walk ? NULL : work->current;
    work->readers--;
    mem_free(walk);
    if (work->readers == 0) {
        (void)timers_start(&worker->timers, &work->linger, worker->now.mono_us + FEED_LINGER_US);
    }
    if (work->ticket != 0 && work->ops_told != 0) {
        (void)work_follow_as_needed(work);
    }
}

static int walk_new(struct feed_work *work, struct feed_reader *reader, struct bytes cursor,
                    struct feed_walk **out)
{
    struct feed_walk *walk = mem_alloc_zeroed(1, sizeof(*walk));
    if (walk == NULL) {
        return SHOAL_ENOMEM;
    }
    walk->reader = reader;
    walk->work = work;
    walk->fresh = cursor.data == NULL;
    feed_cursor_init(&walk->at);
    feed_fetch_init(walk);
    int error = 0;
    if (!walk->fresh) {
        error = feed_cursor_decode(cursor, worker_cluster_id(work->worker), &walk->at);
    }
    if (error == 0 && walk->at.count > 0 && walk->at.places[0].tag != 0 && MUTANT(feed_skipped)) {
        walk->at.places[0].at++;
    }
    if (error == 0) {
        error = feed_filter_join(&work->filters, reader->prefix, reader->ops, &walk->filter);
    }
    if (error < 0) {
        feed_cursor_deinit(&walk->at);
        mem_free(walk);
        return error;
    }
    *out = walk;
    return 0;
}

int worker_feed_open(struct worker *worker, struct feed_reader *reader, struct bytes cursor)
{
    struct feed_work *work = worker->feed;
    struct feed_walk *walk;
    if (worker->stopping) {
        return SHOAL_ESHUTDOWN;
    }
    if (!feed_lane_on(worker)) {
        return SHOAL_EUNSUPPORTED;
    }
    if (worker->snapshot == NULL || work_is_removed(worker)) {
        return SHOAL_ECONNECT;
    }
    if (work->readers >= LIMIT_FEED_READERS) {
        return SHOAL_EOVERLOAD;
    }
    int error = walk_new(work, reader, cursor, &walk);
    if (error < 0) {
        return error;
    }
    reader->walk = walk;
    queue_push(&work->walking, &walk->link);
    work->readers++;
    timers_stop(&worker->timers, &work->linger);
    error = work_follow_as_needed(work);
    if (error < 0) {
        feed_walk_free(walk);
        return error;
    }
    feed_stir(work);
    return 0;
}

void worker_feed_more(struct worker *worker, struct feed_reader *reader)
{
    if (reader->walk != NULL) {
        reader->walk->blocked = false;
        feed_stir(worker->feed);
    }
}

void worker_feed_close(struct worker *worker, struct feed_reader *reader)
{
    (void)worker;
    if (reader->walk != NULL) {
        feed_walk_free(reader->walk);
    }
}

struct bytes worker_feed_cursor(const struct feed_reader *reader)
{
    struct feed_walk *walk = reader->walk;
    if (walk == NULL || walk->fresh) {
        return (struct bytes){0};
    }
    struct feed_work *work = walk->work;
    int error = walk->synced ? feed_ends(work) : 0;
    error = error == 0 ? feed_encode(work, walk->synced ? &work->ends : &walk->at, 0, 0) : error;
    return error < 0 ? (struct bytes){0} : buffer_bytes(&work->cursor);
}

const char *worker_feed_node_name(const struct worker *worker, uint64_t node)
{
    const struct snapshot_node *found =
        worker->snapshot == NULL ? NULL : snapshot_find(worker->snapshot, node);
    const struct role *role =
        worker->snapshot == NULL ? NULL : roles_find(&worker->snapshot->view->roles, node);
    if (found != NULL && found->record.name[0] != '\0') {
        return found->record.name;
    }
    return role != NULL && role->name[0] != '\0' ? role->name : "?";
}

/* ---- life ---- */

int feed_work_new(struct worker *worker, struct feed_work **out)
{
    struct feed_work *work = mem_alloc_zeroed(1, sizeof(*work));
    uint32_t *wants = mem_alloc_zeroed(worker->count, sizeof(*wants));
    if (work == NULL || wants == NULL) {
        mem_free(work);
        mem_free(wants);
        return SHOAL_ENOMEM;
    }
    work->worker = worker;
    work->wants = wants;
    work->held_bytes_max = LIMIT_FEED_HELD_BYTES;
    work->next_id = FEED_READER_ID_FIRST;
    queue_init(&work->arrived);
    queue_init(&work->ages);
    queue_init(&work->synced);
    queue_init(&work->walking);
    queue_init(&work->hungry);
    queue_init(&work->filters);
    table_init(&work->asks);
    feed_cursor_init(&work->ends);
    buffer_init(&work->cursor, 0);
    work->pump.fire = pump_on_timer;
    work->linger.fire = work_on_linger;
    feed_local_init(work);
    *out = work;
    return 0;
}

void feed_work_adopt(struct feed_work *work)
{
    if (work->readers > 0) {
        feed_stir(work);
    }
}

void feed_work_stop(struct feed_work *work)
{
    feed_fail(work, SHOAL_ESHUTDOWN);
    (void)work_follow(work, 0, 0);
    feed_forget(work);
}

/* Readers that are left are their surfaces', which are gone. */
void feed_work_free(struct feed_work *work)
{
    if (work == NULL) {
        return;
    }
    struct queue *heads[] = {&work->synced, &work->walking};
    work->ops_told = 0;
    for (uint32_t i = 0; i < 2; i++) {
        while (!queue_empty(heads[i])) {
            feed_walk_free(QUEUE_ITEM(heads[i]->next, struct feed_walk, link));
        }
    }
    feed_forget(work);
    timers_stop(&work->worker->timers, &work->pump);
    timers_stop(&work->worker->timers, &work->linger);
    timers_stop(&work->worker->timers, &work->local_timer);
    table_deinit(&work->asks);
    feed_cursor_deinit(&work->ends);
    buffer_deinit(&work->cursor);
    buffer_deinit(&work->local);
    mem_free(work->wants);
    mem_free(work);
}
