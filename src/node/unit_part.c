/* One worker's part of a unit that crosses workers, at that worker. What it does comes step by step
 * from where the unit was submitted (unit_cross.c); between the lock and the release it keeps a
 * work here, which has the locks. */
#include "base/assert.h"
#include "base/byteorder.h"
#include "base/mutant.h"
#include "node/core.h"
#include "node/unit_change.h"
#include "shoal/error.h"

void unit_part_post(struct worker *worker, uint32_t to, struct unit_part *part, uint32_t kind)
{
    struct letter_unit *letter = part->letter;
    part->letter = NULL;
    letter->part = part;
    worker_post(worker, to, &letter->letter, kind);
}

static void part_done(struct worker *worker, struct unit_part *part, int code)
{
    part->code = code;
    if (part->crossing->home == worker->index) {
        unit_cross_on_part(part);
    } else {
        unit_part_post(worker, part->crossing->home, part, LETTER_UNIT_PART_DONE);
    }
}

/* The step is done; the work stays for the next one. */
static void part_step_done(struct unit_work *work, int code)
{
    struct unit_part *part = work->part;
    timers_stop(&work->worker->timers, &work->deadline);
    work->part = NULL;
    part_done(work->worker, part, code);
}

/* ... and the work is not needed any more. */
static void part_end(struct unit_work *work, int code)
{
    struct worker *worker = work->worker;
    struct unit_part *part = work->part;
    part->work = NULL;
    unit_work_free(work);
    part_done(worker, part, code);
}

/* ---- locking and reading ---- */

static void part_lock(struct unit_work *work);

static void part_on_deadline(struct timer *timer, uint64_t now_us)
{
    (void)now_us;
    part_end(QUEUE_ITEM(timer, struct unit_work, deadline), SHOAL_ETIMEOUT);
}

static void part_on_turn(struct lock_waiter *waiter)
{
    part_lock(QUEUE_ITEM(waiter, struct unit_work, waiter));
}

static void part_on_read(struct read_waiter *waiter, int code)
{
    struct unit_work *work = QUEUE_ITEM(waiter, struct unit_work, reading);
    if (code < 0) {
        part_end(work, code);
    } else {
        part_lock(work);
    }
}

static void part_on_frozen(struct unit_work *work, int result)
{
    (void)result;
    part_lock(work);
}

/* What was found is copied: it is for another thread, and another event. */
static int part_bring_home(struct unit_work *work)
{
    struct unit_part *part = work->part;
    size_t len = 0;
    for (uint32_t i = 0; i < work->count; i++) {
        len += work->places[i].cell->found ? work->places[i].cell->value.len : 0;
    }
    if (len > LIMIT_UNIT_BYTES) {
        return SHOAL_ETOOBIG;
    }
    buffer_clear(&part->held);
    int result = buffer_reserve(&part->held, len);
    for (uint32_t i = 0; i < work->count && result == 0; i++) {
        struct unit_cell *cell = work->places[i].cell;
        part->places[i] = work->places[i];
        if (cell->found) {
            const uint8_t *at = part->held.data + part->held.len;
            (void)buffer_append_bytes(&part->held, cell->value);
            cell->value = bytes_make(at, cell->value.len);
        }
    }
    return result;
}

static void part_read(struct unit_work *work)
{
    struct worker *worker = work->worker;
    int result =
        work->part->names_wanted ? unit_names_take(work, &work->part->names) : REPLICA_DONE;
    if (result == REPLICA_DONE) {
        result = unit_read(worker, work->places, work->count, &work->memory);
    }
    if (result == REPLICA_PENDING) {
        work->reading.fire = part_on_read;
        replica_wait(&worker->replica, &work->reading);
        return;
    }
    if (result == REPLICA_DONE) {
        result = part_bring_home(work);
        if (MUTANT(unlock_early) && !work->whole) {
            unit_unlock_all(work);
        }
    }
    if (result < 0) {
        part_end(work, result);
    } else {
        part_step_done(work, 0);
    }
}

/* Locks one after the other; false while it waits for one, or has failed. */
static bool part_lock_keys(struct unit_work *work)
{
    struct unit_locks *locks = &work->worker->units.locks;
    for (; work->locked < work->count; work->locked++) {
        uint64_t position = work->places[work->locked].key.position;
        if (!unit_lock_free(locks, position, work)) {
            work->waiter.fire = part_on_turn;
            unit_lock_wait(locks, position, &work->waiter);
            return false;
        }
        int result = unit_lock_take(locks, position, work);
        if (result < 0) {
            part_end(work, result);
            return false;
        }
    }
    return true;
}

/* Goes on with it, from wherever it is. */
static void part_lock(struct unit_work *work)
{
    struct units *units = &work->worker->units;
    bool inside = work->locked > 0 || work->whole;
    if (!units->ready) {
        part_end(work, worker_starting(work->worker) ? SHOAL_EREFILLING : SHOAL_EUNSUPPORTED);
    } else if (work->worker->parting) {
        part_end(work, SHOAL_ESHUTDOWN);
    } else if (!inside && units->closed) {
        work->waiter.fire = part_on_turn;
        unit_gate_wait(work->worker, work);
    } else if (work->part->everything) {
        work->then = part_on_frozen;
        if (inside ? units->frozen : unit_freeze(work) == 0) {
            part_read(work);
        }
    } else if (part_lock_keys(work)) {
        part_read(work);
    }
}

static void part_begin(struct worker *worker, struct unit_part *part)
{
    struct unit_work *work = unit_work_new(worker, part->count);
    if (work == NULL) {
        part_done(worker, part, SHOAL_EOVERLOAD);
        return;
    }
    part->work = work;
    work->part = part;
    if (part->count > 0) {
        memcpy(work->places, part->places, part->count * sizeof(*part->places));
    }
    work->deadline.fire = part_on_deadline;
    if (timers_start(&worker->timers, &work->deadline, part->deadline_us) < 0) {
        part_end(work, SHOAL_ENOMEM);
    } else {
        part_lock(work);
    }
}

/* ---- waiting for the storage ---- */

static void part_on_settled(struct durable_waiter *waiter, int code)
{
    struct unit_work *work = QUEUE_ITEM(waiter, struct unit_work, settling);
    if (work->finishing) {
        part_end(work, code < 0 ? SHOAL_EUNKNOWN : 0);
    } else {
        bool undecided = code < 0 && work->part->step == UNIT_DECIDE;
        part_step_done(work, undecided ? SHOAL_EUNKNOWN : code);
    }
}

/* It has only read: nothing is in doubt, and nothing need stay locked. */
static void part_on_unsettled(struct timer *timer, uint64_t now_us)
{
    (void)now_us;
    struct unit_work *work = QUEUE_ITEM(timer, struct unit_work, deadline);
    durability_cancel(&work->settling);
    part_step_done(work, SHOAL_ETIMEOUT);
}

/* The step, and with `finishing` the part, is done once all that was written is at the level. */
static void part_await(struct unit_work *work, enum durability_level level)
{
    struct durability *durability = &work->worker->replica.durability;
    struct engine *engine = work->worker->engine;
    work->settling.fire = part_on_settled;
    if (durability_reached(durability, level)) {
        part_on_settled(&work->settling, 0);
    } else if (durability->failed != 0) {
        part_on_settled(&work->settling, durability->failed);
    } else {
        durability_wait(durability, level, &work->settling);
        if (level == DURABILITY_DURABLE && !engine->settles_durable) {
            engine->ops->harden(engine);
        }
    }
}

/* ---- in memory ---- */

/* Writes behind the locks; what was held before is kept with the work. */
static int part_write_hidden(struct unit_work *work)
{
    struct worker *worker = work->worker;
    for (uint32_t i = 0; i < work->count; i++) {
        int result = unit_read_dots(worker, &work->places[i]);
        if (result != REPLICA_DONE) {
            return result < 0 ? result : SHOAL_EIO; /* in memory nothing is pending */
        }
    }
    /* For the feed, should it be released: who asked may be gone by then. */
    int result = feed_lane_on(worker) ? unit_encode(work->places, work->count, &work->changes) : 0;
    if (result == 0) {
        result = unit_write(worker, work->places, work->count, &work->memory);
    }
    if (result < 0) {
        buffer_clear(&work->changes);
    }
    return result;
}

static void part_release(struct unit_work *work)
{
    if (!work->worker->engine->keeps_data) {
        unit_told_work(work, 0);
    }
    part_end(work, 0);
}

/* ---- on a disk ---- */

static void part_take_changes(struct unit_work *work)
{
    struct unit_part *part = work->part;
    struct buffer mine = work->changes;
    work->changes = part->changed;
    part->changed = mine;
    work->flush = part->flush;
    work->id = part->id;
}

static void part_prepare(struct unit_work *work)
{
    struct unit_part *part = work->part;
    if (!work->worker->engine->keeps_data) {
        int result = part_write_hidden(work);
        part_step_done(work, result < 0 ? result : 0);
        return;
    }
    part_take_changes(work);
    int result = unit_record_put(work, UNIT_RECORD_PREPARED, part->decider);
    if (result == 0 && part->step == UNIT_DECIDE) {
        result = unit_decision_put(work->worker, part->id, part->decider);
        if (result < 0) {
            (void)unit_record_remove(work);
        }
    }
    if (result < 0) {
        part_step_done(work, result);
    } else {
        part_await(work, MUTANT(prepared_early) ? DURABILITY_SETTLED : DURABILITY_DURABLE);
    }
}

static void part_on_written(struct unit_work *work, int result)
{
    bool prepared = work->record_kind == UNIT_RECORD_PREPARED;
    unit_told_work(work, result);
    if (result == SHOAL_EUNKNOWN && work->stuck) {
        part_step_done(work, result); /* it stays locked: the next start does the rest */
        return;
    }
    if (result < 0) {
        part_end(work, result);
        return;
    }
    unit_unlock_all(work);
    buffer_deinit(&work->changes);
    work->finishing = true;
    part_await(work, prepared ? DURABILITY_DURABLE : DURABILITY_SETTLED);
}

/* Everything goes, and then what the unit has put; there is no way back. */
static int part_flush(struct unit_work *work)
{
    int result = unit_flush(work);
    for (uint32_t i = 0; i < work->count; i++) {
        work->places[i].held = object_empty();
        work->places[i].absent = true;
        work->places[i].encoded = bytes_make(NULL, 0);
    }
    if (result == 0) {
        result = unit_write(work->worker, work->places, work->count, NULL);
    }
    unit_told_flush(work->worker);
    unit_told(work->worker, work->places, work->count, result);
    return result < 0 ? SHOAL_EUNKNOWN : 0;
}

static void part_write(struct unit_work *work)
{
    if (!work->worker->engine->keeps_data) {
        part_end(work, part_flush(work));
        return;
    }
    if (work->part->step == UNIT_APPLY) {
        unit_write_prepared(work, part_on_written);
        return;
    }
    bool several = work->part->flush || work->part->several;
    part_take_changes(work);
    unit_write_all(work, several, part_on_written);
}

/* What others have written is waited for no longer than the unit may take. */
static void part_settle(struct unit_work *work)
{
    struct worker *worker = work->worker;
    if (MUTANT(settle_skipped)) {
        part_step_done(work, 0);
        return;
    }
    work->deadline.fire = part_on_unsettled;
    if (timers_start(&worker->timers, &work->deadline, work->part->deadline_us) < 0) {
        part_step_done(work, SHOAL_ENOMEM);
    } else {
        part_await(work, DURABILITY_SETTLED);
    }
}

static void part_undo(struct unit_work *work)
{
    if (work->worker->engine->keeps_data) {
        (void)unit_record_remove(work); /* without a decision what stays doesn't count */
        part_end(work, 0);
    } else {
        part_end(work, unit_take_back(work->worker, work->places, work->count));
    }
}

static void part_forget(struct worker *worker, struct unit_part *part)
{
    if (!worker->parting) { /* else the next start does */
        (void)unit_decision_remove(worker, part->id, part->decider);
    }
    part_done(worker, part, 0);
}

void unit_part_step(struct worker *worker, struct unit_part *part)
{
    struct unit_work *work = part->work;
    if (part->step == UNIT_LOCK) {
        part_begin(worker, part);
        return;
    }
    if (part->step == UNIT_FORGET) {
        part_forget(worker, part);
        return;
    }
    ASSERT(work != NULL && work->worker == worker && work->part == NULL);
    work->part = part;
    switch ((enum unit_step)part->step) {
    case UNIT_SETTLE:
        part_settle(work);
        break;
    case UNIT_PREPARE:
    case UNIT_DECIDE:
        part_prepare(work);
        break;
    case UNIT_WRITE:
    case UNIT_APPLY:
        part_write(work);
        break;
    case UNIT_UNDO:
        part_undo(work);
        break;
    default:
        part_release(work);
        break;
    }
}
