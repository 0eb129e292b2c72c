/* See feed_surface.h. */
#include "api/feed_surface.h"

#include "base/memory.h"
#include "shoal/error.h"

#define GATHERED_BYTES_MAX (64u * LIMIT_KIB) /* more of it leaves at once */
#define PACE_US_PER_WRITE 400u               /* of a round: the wait for the next */
#define PACE_US_MAX 200000u
#define SLOW_US 1000000u /* who is full for so long is slow */

struct feed_surface {
    struct metrics *metrics;
    struct feed_metrics ids;
    uint32_t workers;
    struct feed_desk desks[];
};

/* ---- metrics --------------------------------------------------------------------------------- */

int feed_surface_declare_metrics(struct metrics *metrics, struct feed_metrics *ids)
{
    static const char *const labels[FEED_KIND_COUNT] = {
        [FEED_KIND_HTTP] = "surface=\"http\"",
        [FEED_KIND_NATIVE] = "surface=\"native\"",
    };
    int code = 0;
    for (uint32_t i = 0; i < FEED_KIND_COUNT && code == 0; i++) {
        code = metrics_declare(metrics, METRIC_GAUGE, "shoal_feed_readers", labels[i],
                               "Readers of the live feed.", &ids->readers[i]);
    }
    for (uint32_t i = 0; i < FEED_KIND_COUNT && code == 0; i++) {
        code = metrics_declare(metrics, METRIC_COUNTER, "shoal_feed_sent_events_total", labels[i],
                               "Events of the live feed sent to readers, counted for each.",
                               &ids->sent[i]);
    }
    for (uint32_t i = 0; i < FEED_KIND_COUNT && code == 0; i++) {
        code = metrics_declare(metrics, METRIC_COUNTER, "shoal_feed_slow_readers_total", labels[i],
                               "Times that a reader of the live feed took nothing for a second "
                               "while there was something.",
                               &ids->slow[i]);
    }
    return code;
}

static void count(const struct feed_desk *desk, const metric_id *ids, enum feed_kind kind,
                  uint64_t amount)
{
    const struct feed_surface *surface = desk->surface;
    if (surface->metrics != NULL) {
        metrics_add(surface->metrics, desk->loop->index, ids[kind], amount);
    }
}

/* ---- rounds ---------------------------------------------------------------------------------- */

static uint64_t now_us(const struct feed_desk *desk)
{
    return loop_now(desk->loop).mono_us;
}

static void run_round(struct feed_desk *desk)
{
    uint64_t written = 0;
    struct queue *link;
    while ((link = queue_pop(&desk->dirty)) != NULL) {
        feed_outlet_send(QUEUE_ITEM(link, struct feed_outlet, link));
        written++;
    }
    uint64_t pause_us = written * PACE_US_PER_WRITE;
    desk->next_us = now_us(desk) + (pause_us < PACE_US_MAX ? pause_us : PACE_US_MAX);
}

static void on_round(struct task *task)
{
    run_round(QUEUE_ITEM(task, struct feed_desk, round));
}

static void on_pace(struct timer *timer, uint64_t now_us)
{
    (void)now_us;
    run_round(QUEUE_ITEM(timer, struct feed_desk, pace));
}

void feed_outlet_flush(struct feed_outlet *outlet)
{
    struct feed_desk *desk = outlet->desk;
    if (outlet->gathered.len == 0 || !queue_empty(&outlet->link)) {
        return;
    }
    bool first = queue_empty(&desk->dirty);
    queue_push(&desk->dirty, &outlet->link);
    if (!first) {
        return;
    }
    uint64_t now = now_us(desk);
    if (now >= desk->next_us) {
        loop_defer(desk->loop, &desk->round);
    } else {
        loop_start_timer(desk->loop, &desk->pace, desk->next_us - now);
    }
}

/* ---- outlets --------------------------------------------------------------------------------- */

void feed_outlet_open(struct feed_outlet *outlet, struct feed_desk *desk,
                      struct connection *connection, enum feed_kind kind)
{
    *outlet = (struct feed_outlet){.desk = desk, .connection = connection, .kind = kind};
    queue_init(&outlet->link);
    buffer_init(&outlet->gathered, 0);
    connection_marks(connection, FEED_OUTLET_HIGH_BYTES, FEED_OUTLET_LOW_BYTES);
    count(desk, desk->surface->ids.readers, kind, 1);
}

void feed_outlet_close(struct feed_outlet *outlet)
{
    queue_remove(&outlet->link);
    buffer_deinit(&outlet->gathered);
    count(outlet->desk, outlet->desk->surface->ids.readers, outlet->kind, (uint64_t)-1);
}

void feed_outlet_send(struct feed_outlet *outlet)
{
    queue_remove(&outlet->link);
    if (outlet->gathered.len == 0) {
        return;
    }
    if (connection_write(outlet->connection, buffer_bytes(&outlet->gathered)) != 0) {
        connection_close(outlet->connection); /* it comes again for what there was no memory for */
    }
    if (outlet->gathered.capacity > GATHERED_BYTES_MAX) {
        buffer_deinit(&outlet->gathered);
    }
    buffer_clear(&outlet->gathered);
}

/* Full: nothing but what is on its way to the reader already. */
static bool is_full(const struct feed_outlet *outlet)
{
    size_t queued = connection_queued(outlet->connection);
    if (queued > FEED_OUTLET_HIGH_BYTES) {
        return true;
    }
    return queued > 0 && outlet->desk->loop->output_bytes > LIMIT_OUTPUT_BYTES_PER_WORKER / 2;
}

bool feed_outlet_room(struct feed_outlet *outlet)
{
    if (!is_full(outlet)) {
        outlet->full_since_us = 0;
        outlet->slow = false;
        return true;
    }
    uint64_t now = now_us(outlet->desk);
    if (outlet->full_since_us == 0) {
        outlet->full_since_us = now;
    } else if (!outlet->slow && now - outlet->full_since_us >= SLOW_US) {
        outlet->slow = true;
        count(outlet->desk, outlet->desk->surface->ids.slow, outlet->kind, 1);
    }
    return false;
}

void feed_outlet_put(struct feed_outlet *outlet, uint32_t events)
{
    count(outlet->desk, outlet->desk->surface->ids.sent, outlet->kind, events);
    if (outlet->gathered.len >= GATHERED_BYTES_MAX) {
        feed_outlet_send(outlet);
    }
}

/* ---- life ------------------------------------------------------------------------------------ */

int feed_surface_new(uint32_t workers, struct metrics *metrics, const struct feed_metrics *ids,
                     struct feed_surface **out)
{
    struct feed_surface *surface =
        mem_alloc_zeroed(1, sizeof(*surface) + workers * sizeof(struct feed_desk));
    if (surface == NULL) {
        return SHOAL_ENOMEM;
    }
    surface->metrics = metrics;
    if (metrics != NULL) {
        surface->ids = *ids;
    }
    surface->workers = workers;
    for (uint32_t i = 0; i < workers; i++) {
        struct feed_desk *desk = &surface->desks[i];
        desk->surface = surface;
        queue_init(&desk->dirty);
        feed_frames_init(&desk->frames);
        task_init(&desk->round, on_round);
        desk->pace.fire = on_pace;
    }
    *out = surface;
    return 0;
}

void feed_surface_free(struct feed_surface *surface)
{
    if (surface == NULL) {
        return;
    }
    for (uint32_t i = 0; i < surface->workers; i++) {
        feed_frames_deinit(&surface->desks[i].frames);
    }
    mem_free(surface);
}

struct feed_desk *feed_surface_desk(struct feed_surface *surface, struct loop *loop)
{
    struct feed_desk *desk = &surface->desks[loop->index];
    desk->loop = loop;
    return desk;
}
