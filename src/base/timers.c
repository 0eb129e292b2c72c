/* Most timers run for one of a few times, so that of each kind each ends later than the one before:
 * these stand in lanes, where starting and stopping take a few instructions, however many run. All
 * others stand in a binary heap of places of timers, each of which knows its own, so that stopping
 * one costs a logarithm and no search (libuv's timers, kept apart from any clock). A timing wheel
 * was rejected: it rounds deadlines, and its work depends on how much time passes.
 *
 *      lanes[i]   the first is the earliest; a timer joins the lane behind whose last one it fits
 *                 most closely, else an empty one, else one with a single timer, which moves over
 *      heap[0]    is the earliest; the children of i are 2i + 1 and 2i + 2 */
#include "base/timers.h"

#include "base/assert.h"
#include "base/memory.h"
#include "shoal/error.h"

#define CAPACITY_MIN 16u
#define IN_LANE SIZE_MAX /* the position of a timer in a lane */

void timers_init(struct timers *timers)
{
    *timers = (struct timers){0};
    for (size_t i = 0; i < TIMER_LANES; i++) {
        queue_init(&timers->lanes[i].timers);
    }
}

static struct timer *timer_of(struct queue *link)
{
    return QUEUE_ITEM(link, struct timer, link);
}

void timers_deinit(struct timers *timers)
{
    for (size_t i = 0; i < timers->heap_count; i++) {
        timers->heap[i].timer->position = 0;
    }
    for (size_t i = 0; i < TIMER_LANES; i++) {
        struct queue *link;
        while ((link = queue_pop(&timers->lanes[i].timers)) != NULL) {
            timer_of(link)->position = 0;
        }
    }
    mem_free(timers->heap);
    timers_init(timers);
}

/* ---- the heap ---- */

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
        if (child >= timers->heap_count) {
            break;
        }
        if (child + 1 < timers->heap_count &&
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

/* For one more, even if all came to stand in the heap: so moving one needs no memory. */
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

/* There is room for every timer that runs. */
static void heap_add(struct timers *timers, struct timer *timer)
{
    ASSERT(timers->heap_count < timers->capacity);
    timers->heap[timers->heap_count] = (struct timer_place){
        .deadline_us = timer->deadline_us, .order = timer->order, .timer = timer};
    sift_up(timers, timers->heap_count++);
}

static void heap_remove(struct timers *timers, const struct timer *timer)
{
    size_t at = timer->position - 1;
    ASSERT(at < timers->heap_count && timers->heap[at].timer == timer);
    struct timer_place last = timers->heap[--timers->heap_count];
    if (last.timer != timer) {
        place(timers, at, last);
        restore_order(timers, at);
    }
}

/* ---- the lanes ---- */

static void lane_add(struct timer_lane *lane, struct timer *timer)
{
    lane->last_us = timer->deadline_us;
    timer->position = IN_LANE;
    queue_push(&lane->timers, &timer->link);
}

/* The lane that the deadline fits into most closely, else an empty one; NULL: neither. */
static struct timer_lane *lane_for(struct timers *timers, uint64_t deadline_us)
{
    struct timer_lane *best = NULL;
    bool best_empty = true;
    for (size_t i = 0; i < TIMER_LANES; i++) {
        struct timer_lane *lane = &timers->lanes[i];
        bool empty = queue_empty(&lane->timers);
        if (!empty && lane->last_us > deadline_us) {
            continue;
        }
        if (best == NULL || (best_empty && !empty) || (!empty && lane->last_us > best->last_us)) {
            best = lane;
            best_empty = empty;
        }
    }
    return best;
}

/* A lane with a single timer, which goes to the heap: else far ones would keep all others out of
 * the lanes. NULL: there is none. */
static struct timer_lane *lane_cleared(struct timers *timers)
{
    for (size_t i = 0; i < TIMER_LANES; i++) {
        struct queue *only = timers->lanes[i].timers.next;
        if (only->next == &timers->lanes[i].timers) {
            queue_remove(only);
            heap_add(timers, timer_of(only));
            return &timers->lanes[i];
        }
    }
    return NULL;
}

/* ---- both ---- */

int timers_start(struct timers *timers, struct timer *timer, uint64_t deadline_us)
{
    if (timer_running(timer)) {
        timers_stop(timers, timer);
    } else {
        int error = make_room(timers);
        if (error != 0) {
            return error;
        }
    }
    timer->deadline_us = deadline_us;
    timer->order = timers->started++;
    struct timer_lane *lane = lane_for(timers, deadline_us);
    lane = lane == NULL ? lane_cleared(timers) : lane;
    if (lane != NULL) {
        lane_add(lane, timer);
    } else {
        heap_add(timers, timer);
    }
    timers->count++;
    return 0;
}

void timers_stop(struct timers *timers, struct timer *timer)
{
    if (!timer_running(timer)) {
        return;
    }
    if (timer->position == IN_LANE) {
        queue_remove(&timer->link);
    } else {
        heap_remove(timers, timer);
    }
    timer->position = 0;
    timers->count--;
}

static bool timer_before(const struct timer *a, const struct timer *b)
{
    return a->deadline_us != b->deadline_us ? a->deadline_us < b->deadline_us : a->order < b->order;
}

/* The earliest of all; NULL when none runs. */
static struct timer *earliest(const struct timers *timers)
{
    struct timer *first = timers->heap_count > 0 ? timers->heap[0].timer : NULL;
    for (size_t i = 0; i < TIMER_LANES; i++) {
        const struct timer_lane *lane = &timers->lanes[i];
        if (!queue_empty(&lane->timers)) {
            struct timer *timer = timer_of(lane->timers.next);
            first = first == NULL || timer_before(timer, first) ? timer : first;
        }
    }
    return first;
}

uint64_t timers_next_us(const struct timers *timers)
{
    const struct timer *first = earliest(timers);
    return first == NULL ? TIMERS_NEVER : first->deadline_us;
}

void timers_fire(struct timers *timers, uint64_t now_us)
{
    uint64_t started_before = timers->started;
    struct timer *timer;
    while ((timer = earliest(timers)) != NULL && timer->deadline_us <= now_us &&
           timer->order < started_before) {
        timers_stop(timers, timer);
        timer->fire(timer, now_us);
    }
}
