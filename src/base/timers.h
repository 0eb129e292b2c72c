/* Deadlines in order: timers that the deciding code owns, in a heap and a few queues. The world
 * asks for the next deadline and calls back when it has come; time itself is an argument, so the
 * same code runs under virtual time. Equal deadlines fire in the order they were started. */
#ifndef BASE_TIMERS_H
#define BASE_TIMERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/queue.h"

struct timer;
typedef void (*timer_fn)(struct timer *timer, uint64_t now_us);

/* Embedded in what it times. Zero-initialised means stopped. */
struct timer {
    timer_fn fire;
    uint64_t deadline_us;
    uint64_t order;    /* tie-break: start order */
    size_t position;   /* 1 + place in the heap; 0 while stopped */
    struct queue link; /* in a lane, while the position says so */
};

/* What is compared stands in the heap itself, for the timers lie all over memory. */
struct timer_place {
    uint64_t deadline_us;
    uint64_t order;
    struct timer *timer;
};

/* Timers in the order of their deadlines, because that is the order in which they came. */
struct timer_lane {
    struct queue timers;
    uint64_t last_us; /* no deadline in it is later */
};

#define TIMER_LANES 4u

struct timers {
    struct timer_place *heap;
    size_t heap_count;
    size_t capacity;
    struct timer_lane lanes[TIMER_LANES];
    size_t count; /* in heap and lanes */
    uint64_t started;
};

#define TIMERS_NEVER UINT64_MAX

void timers_init(struct timers *timers);

/* Stops what still runs, without firing it. */
void timers_deinit(struct timers *timers);

/* Starts, or moves a running timer to, the deadline: 0 or SHOAL_ENOMEM (only when growing). */
int timers_start(struct timers *timers, struct timer *timer, uint64_t deadline_us);

/* Harmless on a stopped timer. */
void timers_stop(struct timers *timers, struct timer *timer);

static inline bool timer_running(const struct timer *timer)
{
    return timer->position != 0;
}

/* The earliest deadline, TIMERS_NEVER when none runs. */
uint64_t timers_next_us(const struct timers *timers);

/* Fires, in order, every timer whose deadline is at or before now; each is stopped before it is
 * called and may start itself or others, stop others, or free what holds it. One that is started
 * meanwhile and is due at once ends the call: it fires, with what stands behind it, in the next, so
 * that a timer which always starts itself anew can't hold its thread. */
void timers_fire(struct timers *timers, uint64_t now_us);

#endif
