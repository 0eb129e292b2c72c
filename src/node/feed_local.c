/* Lists and reads, as events of this node alone: gathered by the worker that saw them, handed to
 * the workers whose readers want them some 50 times a second, told if there is room. None of it is
 * kept or numbered, and what is dropped is counted. */
#include "base/byteorder.h"
#include "base/memory.h"
#include "node/feed_work.h"
#include "shoal/error.h"

/* | op u8 | time u64 | key length u32 | key | */
#define LOCAL_HEAD_BYTES 13u

bool worker_feed_wanted(const struct worker *worker, uint32_t op)
{
    return op < 32 && (worker->feed->wanted & 1u << op) != 0;
}

void worker_feed_tell(struct worker *worker, uint32_t op, struct bytes key)
{
    struct feed_work *work = worker->feed;
    uint8_t head[LOCAL_HEAD_BYTES];
    head[0] = (uint8_t)op;
    store_u64_le(head + 1, worker->now.wall_ms);
    store_u32_le(head + 9, (uint32_t)key.len);
    if (!timer_running(&work->local_timer)) {
        (void)timers_start(&worker->timers, &work->local_timer,
                           worker->now.mono_us + FEED_LOCAL_US);
    }
    if (buffer_reserve(&work->local, sizeof(head) + key.len) < 0) {
        work->local_dropped++;
        return;
    }
    (void)buffer_append(&work->local, head, sizeof(head));
    (void)buffer_append_bytes(&work->local, key);
}

static void local_on_timer(struct timer *timer, uint64_t now_us)
{
    (void)now_us;
    struct feed_work *work = QUEUE_ITEM(timer, struct feed_work, local_timer);
    struct worker *worker = work->worker;
    for (uint32_t i = 0; i < worker->count; i++) {
        struct letter_feed_local *letter =
            work->wants[i] == 0 ? NULL : mem_alloc(sizeof(*letter) + work->local.len);
        if (letter == NULL) {
            continue; /* best effort */
        }
        letter->dropped = work->local_dropped;
        letter->len = work->local.len;
        if (work->local.len > 0) {
            memcpy(letter->bytes, work->local.data, work->local.len);
        }
        worker_post(worker, i, &letter->letter, LETTER_FEED_LOCAL);
    }
    buffer_clear(&work->local);
    work->local_dropped = 0;
}

void feed_local_init(struct feed_work *work)
{
    work->local_timer.fire = local_on_timer;
    buffer_init(&work->local, FEED_LOCAL_BYTES);
}

void feed_take_wants(struct feed_work *work, const struct letter_feed_wants *letter)
{
    work->wanted = 0;
    for (uint32_t i = 0; i < work->worker->count; i++) {
        work->wants[i] = letter->ops[i];
        work->wanted |= letter->ops[i];
    }
}

/* ---- telling them ---- */

static void local_tell_walking(struct feed_work *work, const struct feed_event *event)
{
    struct queue round;
    struct queue *link;
    queue_init(&round);
    while ((link = queue_pop(&work->walking)) != NULL) {
        queue_push(&round, link);
    }
    while ((link = queue_pop(&round)) != NULL) {
        struct feed_walk *walk = QUEUE_ITEM(link, struct feed_walk, link);
        struct feed_event shown = *event;
        queue_push(&work->walking, link);
        if (!feed_wants(walk, event)) {
            continue;
        }
        bool room = !walk->blocked && !walk->fresh;
        if (!room || feed_walk_offer(walk, &shown, 0, 0) == 0) {
            walk->dropped++;
        }
    }
}

static bool local_wanted_by(const struct feed_walk *walk)
{
    return (walk->reader->ops & (1u << FEED_LIST | 1u << FEED_READ)) != 0;
}

/* Who wanted any of it is told how much there was, in its turn. */
static void local_count_dropped(struct feed_work *work, uint64_t dropped)
{
    struct queue *next;
    for (struct queue *link = work->synced.next; link != &work->synced; link = next) {
        struct feed_walk *walk = QUEUE_ITEM(link, struct feed_walk, link);
        next = link->next;
        if (local_wanted_by(walk)) {
            (void)feed_leave_step(walk);
        }
    }
    for (struct queue *link = work->walking.next; link != &work->walking; link = link->next) {
        struct feed_walk *walk = QUEUE_ITEM(link, struct feed_walk, link);
        walk->dropped += local_wanted_by(walk) ? dropped : 0;
    }
    feed_stir(work);
}

void feed_take_local(struct feed_work *work, const struct letter_feed_local *letter)
{
    const uint8_t *at = letter->bytes;
    const uint8_t *end = at + letter->len;
    while (at < end) {
        size_t len = load_u32_le(at + 9);
        struct feed_event event = {.op = at[0],
                                   .time_ms = load_u64_le(at + 1),
                                   .key = bytes_make(at + LOCAL_HEAD_BYTES, len),
                                   .node = worker_node_id(work->worker)};
        struct feed_event shown = event;
        local_tell_walking(work, &event); /* first: who refuses below is to lose it once */
        feed_tell_synced(work, &shown, NULL, NULL);
        at += LOCAL_HEAD_BYTES + len;
    }
    if (letter->dropped > 0) {
        local_count_dropped(work, letter->dropped);
    }
    feed_stir(work);
}
