/* A lane as others read it: each question is for what follows a position, and is answered at once
 * if there is anything, else when there is, or empty when its time is up (a long poll). Who follows
 * a busy lane asks again and again; a pause between answers lets a page gather, so that following
 * costs the lane little however many changes there are. */
#include "base/memory.h"
#include "node/core.h"
#include "shoal/error.h"

#define WAITERS_MAX 256u
#define WAIT_US_MAX UINT64_C(60000000)
#define FETCH_US UINT64_C(2000000) /* at least, for what is on its way */
#define GATHER_US UINT64_C(1000)
#define PAGE_KEEP_BYTES (256u * LIMIT_KIB)

struct feed_waiter {
    struct queue link;
    struct timer deadline;
    struct worker *worker;
    struct source source;
    struct tail *tail;
    uint64_t id;
    uint64_t position;
    bool placed; /* by this node: who asked knows a time, and is to learn of what is gone since */
    size_t bytes_max;
};

/* ---- answers ---- */

static void feed_reply(struct worker *worker, struct source source, const struct message_fed *fed)
{
    buffer_clear(&worker->reply);
    if (message_fed_encode(fed, &worker->reply) == 0) {
        worker_reply(worker, source, buffer_bytes(&worker->reply));
    }
}

static void feed_refuse(struct worker *worker, struct source source, uint64_t id, int code)
{
    struct message_fed fed = {.id = id, .code = code, .lanes = worker->lane.lanes};
    feed_reply(worker, source, &fed);
}

static void feed_answer(struct worker *worker, const struct feed_waiter *waiter, int code,
                        uint64_t next)
{
    struct feed_lane *lane = &worker->lane;
    struct bytes events = buffer_bytes(&lane->page);
    struct bytes rest = events;
    struct tail_event first;
    struct message_fed fed = {
        .id = waiter->id,
        .code = code,
        .lanes = lane->lanes,
        .tail = tail_id(waiter->tail),
        .first = next,
        .next = next,
        .end = tail_end(waiter->tail),
        .events = events,
    };
    if (events.len > 0 && tail_event_take(&rest, &first) == 0) {
        fed.first = first.position;
    }
    if (waiter->placed && waiter->position < fed.first) {
        fed.first = waiter->position;
    }
    feed_reply(worker, waiter->source, &fed);
}

/* True when it was answered; false: there is nothing yet. */
static bool feed_try(struct worker *worker, const struct feed_waiter *waiter)
{
    struct feed_lane *lane = &worker->lane;
    uint64_t next = waiter->position;
    buffer_clear(&lane->page);
    int result = tail_read(waiter->tail, waiter->position, waiter->bytes_max, &lane->page, &next);
    if (result == 1 || (result == 0 && lane->page.len == 0 && next <= waiter->position)) {
        return false;
    }
    feed_answer(worker, waiter, result, next);
    return true;
}

/* ---- who waits ---- */

static void waiter_free(struct feed_waiter *waiter)
{
    struct worker *worker = waiter->worker;
    timers_stop(&worker->timers, &waiter->deadline);
    queue_remove(&waiter->link);
    worker->lane.waiter_count--;
    mem_free(waiter);
}

static void waiter_on_deadline(struct timer *timer, uint64_t now_us)
{
    struct feed_waiter *waiter = QUEUE_ITEM(timer, struct feed_waiter, deadline);
    (void)now_us;
    buffer_clear(&waiter->worker->lane.page);
    feed_answer(waiter->worker, waiter, 0, waiter->position);
    waiter_free(waiter);
}

static int feed_wait(struct worker *worker, const struct feed_waiter *model, uint64_t wait_us)
{
    struct feed_lane *lane = &worker->lane;
    if (lane->waiter_count >= WAITERS_MAX) {
        return SHOAL_EOVERLOAD;
    }
    struct feed_waiter *waiter = mem_alloc(sizeof(*waiter));
    if (waiter == NULL) {
        return SHOAL_ENOMEM;
    }
    *waiter = *model;
    waiter->deadline = (struct timer){.fire = waiter_on_deadline};
    uint64_t most_us = wait_us < WAIT_US_MAX ? wait_us : WAIT_US_MAX;
    int result = timers_start(&worker->timers, &waiter->deadline, worker->now.mono_us + most_us);
    if (result < 0) {
        mem_free(waiter);
        return result;
    }
    queue_push(&lane->waiters, &waiter->link);
    lane->waiter_count++;
    return 0;
}

void feed_serve_close(struct worker *worker)
{
    struct queue *waiters = &worker->lane.waiters;
    while (!queue_empty(waiters)) {
        waiter_free(QUEUE_ITEM(waiters->next, struct feed_waiter, link));
    }
}

static void feed_review(struct worker *worker)
{
    struct feed_lane *lane = &worker->lane;
    struct queue looked; /* at what is left of these not again */
    queue_init(&looked);
    lane->appended = false;
    lane->fetched = false;
    while (!queue_empty(&lane->waiters)) {
        struct feed_waiter *waiter = QUEUE_ITEM(lane->waiters.next, struct feed_waiter, link);
        if (feed_try(worker, waiter)) {
            waiter_free(waiter);
        } else {
            queue_remove(&waiter->link);
            queue_push(&looked, &waiter->link);
        }
    }
    struct queue *link;
    while ((link = queue_pop(&looked)) != NULL) {
        queue_push(&lane->waiters, link);
    }
    lane->served_us = worker->now.mono_us;
    if (lane->page.capacity > PAGE_KEEP_BYTES) {
        buffer_deinit(&lane->page);
    }
}

void feed_lane_flush(struct worker *worker)
{
    struct feed_lane *lane = &worker->lane;
    if (!lane->appended && !lane->fetched) {
        return;
    }
    uint64_t ready_us = lane->served_us + GATHER_US;
    if (lane->waiter_count == 0) {
        lane->appended = false;
        lane->fetched = false;
    } else if (lane->fetched || worker->now.mono_us >= ready_us) {
        feed_review(worker);
    } else if (!timer_running(&lane->gather) &&
               timers_start(&worker->timers, &lane->gather, ready_us) < 0) {
        feed_review(worker);
    }
}

/* ---- questions ---- */

static struct tail *feed_tail(const struct worker *worker, uint32_t index)
{
    const struct feed_lane *lane = &worker->lane;
    uint32_t i = index / worker->count;
    return i < lane->tail_count ? lane->tails[i] : NULL;
}

static uint64_t feed_position(const struct tail *tail, const struct message_feed *ask)
{
    switch ((enum feed_from)ask->from) {
    case FEED_FROM_TIME:
        return tail_find_time(tail, ask->at);
    case FEED_FROM_END:
        return tail_end(tail);
    case FEED_FROM_POSITION:
        break;
    }
    return ask->tail != 0 && ask->tail != tail_id(tail) ? tail_first(tail) : ask->at;
}

void serve_feed(struct worker *worker, struct source source, struct bytes payload)
{
    struct message_feed ask;
    if (message_feed_decode(payload, &worker->arena, &ask) < 0) {
        return;
    }
    if (ask.lane % worker->count != worker->index) {
        (void)worker_post_frame(worker, ask.lane % worker->count, LETTER_FRAME, source, payload);
        return;
    }
    struct tail *tail = feed_tail(worker, ask.lane);
    if (tail == NULL) {
        feed_refuse(worker, source, ask.id,
                    feed_lane_on(worker) ? SHOAL_ENOTFOUND : SHOAL_EUNSUPPORTED);
        return;
    }
    size_t bytes_max =
        ask.bytes_max < LIMIT_FEED_PAGE_BYTES ? (size_t)ask.bytes_max : LIMIT_FEED_PAGE_BYTES;
    struct feed_waiter asker = {.worker = worker,
                                .source = source,
                                .tail = tail,
                                .id = ask.id,
                                .position = feed_position(tail, &ask),
                                .placed = ask.from == FEED_FROM_TIME,
                                .bytes_max = bytes_max};
    queue_init(&asker.link);
    if (feed_try(worker, &asker)) {
        return;
    }
    bool coming = tail_end(tail) > asker.position; /* from the disk */
    bool elsewhere = asker.position > tail_end(tail) ||
                     (ask.tail != 0 && ask.tail != tail_id(tail)); /* it should hear so */
    if (!coming && (ask.wait_us == 0 || elsewhere)) {
        feed_answer(worker, &asker, 0, asker.position);
        return;
    }
    int result =
        feed_wait(worker, &asker, coming && ask.wait_us < FETCH_US ? FETCH_US : ask.wait_us);
    if (result < 0) {
        feed_refuse(worker, source, ask.id, result);
    }
}
