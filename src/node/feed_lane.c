/* See feed_lane.h: what goes into the lane. */
#include "node/feed_lane.h"

#include "node/core.h"

#define LANE_TICK_US UINT64_C(1000000)

static void lane_on_tick(struct timer *timer, uint64_t now_us)
{
    const struct feed_lane *lane = QUEUE_ITEM(timer, struct feed_lane, tick);
    tail_tick(lane->tail, now_us);
    /* A lane of before goes once it tells nothing that the present one still could. */
    uint64_t since_ms = tail_since(lane->tail);
    for (uint32_t i = 1; i < lane->tail_count; i++) {
        if (lane->tails[i] != NULL && since_ms != UINT64_MAX) {
            tail_expire(lane->tails[i], since_ms);
        }
    }
}

static void lane_on_gathered(struct timer *timer, uint64_t now_us)
{
    (void)timer; /* the flush that follows looks at who waits */
    (void)now_us;
}

static void lane_on_fetched(void *self)
{
    struct feed_lane *lane = self;
    lane->fetched = true;
}

void feed_lane_init(struct worker *worker, const struct worker_options *options)
{
    struct feed_lane *lane = &worker->lane;
    queue_init(&lane->waiters);
    buffer_init(&lane->page, 0);
    lane->tick.fire = lane_on_tick;
    lane->gather.fire = lane_on_gathered;
    lane->tails = options->tails;
    lane->tail_count = options->tail_count;
    lane->lanes = options->lanes;
    for (uint32_t i = 0; i < lane->tail_count; i++) {
        if (lane->tails[i] != NULL) {
            tail_on_fetched(lane->tails[i], lane_on_fetched, lane);
        }
    }
    lane->tail = lane->tail_count > 0 ? lane->tails[0] : NULL;
}

void feed_lane_deinit(struct worker *worker)
{
    struct feed_lane *lane = &worker->lane;
    feed_serve_close(worker);
    for (uint32_t i = 0; i < lane->tail_count; i++) {
        if (lane->tails[i] != NULL) {
            tail_on_fetched(lane->tails[i], NULL, NULL);
        }
    }
    buffer_deinit(&lane->page);
}

void feed_lane_stats(const struct worker *worker, struct tail_stats *out)
{
    const struct feed_lane *lane = &worker->lane;
    *out = (struct tail_stats){0};
    for (uint32_t i = 0; i < lane->tail_count; i++) {
        struct tail_stats one = {0};
        if (lane->tails[i] != NULL) {
            tail_stats(lane->tails[i], &one);
        }
        out->events += one.events;
        out->bytes_kept += one.bytes_kept;
        out->failed = out->failed || one.failed;
    }
}

/* ---- what has changed ---- */

bool feed_lane_on(const struct worker *worker)
{
    return worker->lane.tail != NULL;
}

static void lane_append(struct worker *worker, struct tail_event *event)
{
    struct feed_lane *lane = &worker->lane;
    event->time_ms = worker->now.wall_ms;
    tail_append(lane->tail, event);
    lane->appended = true;
    if (!timer_running(&lane->tick)) {
        /* Without memory for it what follows tries again. */
        (void)timers_start(&worker->timers, &lane->tick, worker->now.mono_us + LANE_TICK_US);
    }
}

void feed_lane_put(struct worker *worker, struct bytes key, struct bytes value, uint64_t expiry_ms)
{
    if (feed_lane_on(worker)) {
        struct tail_event event = {
            .op = FEED_PUT,
            .key = key,
            .value = value.data != NULL ? value : bytes_make("", 0),
            .value_bytes = value.len,
            .expiry_ms = expiry_ms,
        };
        lane_append(worker, &event);
    }
}

static void lane_append_key(struct worker *worker, uint32_t op, struct bytes key)
{
    if (feed_lane_on(worker)) {
        struct tail_event event = {.op = op, .key = key};
        lane_append(worker, &event);
    }
}

void feed_lane_delete(struct worker *worker, struct bytes key)
{
    lane_append_key(worker, FEED_DELETE, key);
}

void feed_lane_expired(struct worker *worker, struct bytes key)
{
    lane_append_key(worker, FEED_EXPIRE, key);
}

void feed_lane_flushed(struct worker *worker)
{
    lane_append_key(worker, FEED_FLUSH, bytes_make(NULL, 0));
}

void feed_lane_changed(void *self, const struct change_told *told)
{
    struct tail_event event = {
        .op = told->op == REQUEST_DELETE ? FEED_DELETE : FEED_PUT,
        .key = told->key,
        .value = told->value,
        .value_bytes = told->value_bytes,
        .expiry_ms = told->expiry_ms,
    };
    lane_append(self, &event);
}
