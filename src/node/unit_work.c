/* The memory of units under way: works are kept for reuse, as many as a busy worker has at a time,
 * and as far as they have not grown. */
#include "base/memory.h"
#include "node/core.h"
#include "shoal/error.h"

#define UNIT_KEEP 256u        /* works kept for reuse */
#define UNIT_KEEP_PLACES 64u  /* ... of at most so many places ... */
#define UNIT_KEEP_BYTES 4096u /* ... and so much memory */

void unit_work_release(struct unit_work *work)
{
    queue_remove(&work->link);
    queue_remove(&work->waiter.link);
    queue_remove(&work->reading.link);
    queue_remove(&work->settling.link);
    mem_free(work->letter);
    arena_deinit(&work->memory);
    buffer_deinit(&work->changes);
    mem_free(work->places);
    mem_free(work);
}

static struct unit_work *unit_work_take(struct units *units)
{
    struct queue *link = queue_pop(&units->free_works);
    if (link != NULL) {
        units->free_count--;
        return QUEUE_ITEM(link, struct unit_work, link);
    }
    struct unit_work *work = mem_alloc_zeroed(1, sizeof(*work));
    if (work != NULL) {
        queue_init(&work->link);
        queue_init(&work->waiter.link);
        queue_init(&work->reading.link);
        queue_init(&work->settling.link);
        arena_init(&work->memory, UNIT_KEEP_BYTES);
        buffer_init(&work->changes, 0);
    }
    return work;
}

static int unit_work_reserve(struct unit_work *work, uint32_t count)
{
    if (count <= work->place_capacity) {
        return 0;
    }
    struct unit_place *places = mem_realloc(work->places, count * sizeof(*places));
    if (places == NULL) {
        return SHOAL_ENOMEM;
    }
    work->places = places;
    work->place_capacity = count;
    return 0;
}

struct unit_work *unit_work_new(struct worker *worker, uint32_t count)
{
    struct units *units = &worker->units;
    struct unit_work *work = unit_work_take(units);
    if (work == NULL) {
        return NULL;
    }
    if (unit_work_reserve(work, count) < 0) {
        unit_work_release(work);
        return NULL;
    }
    queue_push(&units->works, &work->link);
    work->worker = worker;
    work->unit = NULL;
    work->part = NULL;
    work->home = worker->index;
    work->since_us = worker->now.mono_us;
    work->count = count;
    work->locked = 0;
    work->flush = false;
    work->flushed = false;
    work->flush_worker = worker->index;
    work->flush_workers = worker->count;
    work->record_kind = 0;
    work->wrote = false;
    work->stuck = false;
    work->lent = false;
    work->ended = false;
    work->finishing = false;
    work->settles = false;
    work->whole = false;
    work->walked = 0;
    work->walked_up_to = 0;
    work->records = 0;
    work->written = 0;
    return work;
}

static bool unit_work_fits(const struct units *units, const struct unit_work *work)
{
    return units->free_count < UNIT_KEEP && work->place_capacity <= UNIT_KEEP_PLACES &&
           work->changes.capacity <= UNIT_KEEP_BYTES;
}

void unit_work_rest(struct unit_work *work)
{
    struct timers *timers = &work->worker->timers;
    timers_stop(timers, &work->deadline);
    timers_stop(timers, &work->again);
    unit_lock_leave(&work->waiter);
    waiting_leave(&work->reading);
    durability_cancel(&work->settling);
    unit_unlock_all(work);
}

void unit_work_free(struct unit_work *work)
{
    struct units *units = &work->worker->units;
    unit_work_rest(work);
    queue_remove(&work->link);
    mem_free(work->letter);
    work->letter = NULL;
    if (!unit_work_fits(units, work)) {
        unit_work_release(work);
        return;
    }
    arena_reset(&work->memory);
    buffer_clear(&work->changes);
    queue_push(&units->free_works, &work->link);
    units->free_count++;
}
