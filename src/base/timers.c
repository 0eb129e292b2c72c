/* A binary heap of places of timers, each of which knows its own, so that stopping one costs a
 * logarithm and no search (libuv's timers, kept apart from any clock). A timing wheel was rejected:
 * it rounds deadlines, and its work depends on how much time passes.
 *
 *      heap[0] is the earliest; the children of i are 2i + 1 and 2i + 2 */
#include "base/timers.h"

#include "base/assert.h"
#include "base/memory.h"
#include "shoal/error.h"

#define CAPACITY_MIN 16u

void timers_init(struct timers *timers)
{
    *timers = (struct timers){0};
}

void timers_deinit(struct timers *timers)
{
    for (size_t i = 0; i < timers->count; i++) {
        timers->heap[i].timer->position = 0;
    }
    mem_free(timers->heap);
    *timers = (struct timers){0};
}

static bool fires_before(const struct timer_place *a, const struct timer_place *b)
{
    if (a->deadline_us != b->deadline_us) {
        return a->deadline_us < b->deadline_us;
    }
    return a->order < b->order;
}

static void place(struct timers *timers, size_t at, struct timer_place it)
{
    timers->heap[at] = it;
    it.timer->position = at + 1;
}

static void sift_up(struct timers *timers, size_t at)
{
    struct timer_place it = timers->heap[at];
    while (at > 0) {
        size_t parent = (at - 1) / 2;
        if (!fires_before(&it, &timers->heap[parent])) {
            break;
        }
        place(timers, at, timers->heap[parent]);
        at = parent;
    }
    place(timers, at, it);
}

static void sift_down(struct timers *timers, size_t at)
{
    struct timer_place it = timers->heap[at];
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= timers->count) {
            break;
        }
        if (child + 1 < timers->count &&
            fires_before(&timers->heap[child + 1], &timers->heap[child])) {
            child++;
        }
        if (!fires_before(&timers->heap[child], &it)) {
            break;
        }
        place(timers, at, timers->heap[child]);
        at = child;
    }
    place(timers, at, it);
}

/* After the timer at `at` has changed, either way. */
static void restore_order(struct timers *timers, size_t at)
{
    if (at > 0 && fires_before(&timers->heap[at], &timers->heap[(at - 1) / 2])) {
        sift_up(timers, at);
    } else {
        sift_down(timers, at);
    }
}

static int make_room(struct timers *timers)
{
    if (timers->count < timers->capacity) {
        return 0;
    }
    size_t capacity = timers->capacity == 0 ? CAPACITY_MIN : 2 * timers->capacity;
    struct timer_place *heap = mem_realloc(timers->heap, capacity * sizeof(*heap));
    if (heap == NULL) {
        return SHOAL_ENOMEM;
    }
    timers->heap = heap;
    timers->capacity = capacity;
    return 0;
}

int timers_start(struct timers *timers, struct timer *timer, uint64_t deadline_us)
{
    if (!timer_running(timer)) {
        int error = make_room(timers);
        if (error != 0) {
            return error;
        }
        timer->position = ++timers->count;
    }
    timer->deadline_us = deadline_us;
    timers->heap[timer->position - 1] = (struct timer_place){
        .deadline_us = deadline_us, .order = timers->started++, .timer = timer};
    restore_order(timers, timer->position - 1);
    return 0;
}

void timers_stop(struct timers *timers, struct timer *timer)
{
    if (!timer_running(timer)) {
        return;
    }
    size_t at = timer->position - 1;
    ASSERT(at < timers->count && timers->heap[at].timer == timer);
    timer->position = 0;
    struct timer_place last = timers->heap[--timers->count];
    if (last.timer != timer) {
        place(timers, at, last);
        restore_order(timers, at);
    }
}

uint64_t timers_next_us(const struct timers *timers)
{
    return timers->count == 0 ? TIMERS_NEVER : timers->heap[0].deadline_us;
}

void timers_fire(struct timers *timers, uint64_t now_us)
{
    uint64_t started_before = timers->started;
    while (timers->count > 0) {
        struct timer *timer = timers->heap[0].timer;
        if (timer->deadline_us > now_us || timers->heap[0].order >= started_before) {
            break;
        }
        timers_stop(timers, timer);
        timer->fire(timer, now_us);
    }
}
