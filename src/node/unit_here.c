/* A unit on the worker that has all its keys, which may not be the one that it was submitted to:
 *
 *      read ---- a key is locked, or a value is on the disk ----> waiting, then read again
 *           ---- all here --> run --> written --> (settled) --> done
 *
 * One that looks at nothing is promised to be carried out in the order of coming, beside others of
 * its keys: should it have to wait for the disk it locks them. */
#include "base/memory.h"
#include "node/core.h"
#include "shoal/error.h"

#define UNIT_AGAIN_US UINT64_C(5000) /* between looks at a holding that is being filled */

/* ---- answers ---- */

static void unit_answer(struct unit_work *work, int code, const char *text)
{
    struct worker *worker = work->worker;
    struct unit *unit = work->unit;
    uint64_t now_us = worker->now.mono_us;
    pace_served(&worker->pace, now_us, now_us - work->since_us);
    timers_stop(&worker->timers, &work->deadline);
    work->unit = NULL;
    if (work->home == worker->index) {
        worker->units.count--;
        account_unit_done(worker, unit, code);
        unit->done(unit, code, bytes_from_string(text));
        return;
    }
    work->lent = true;
    unit->work = work;
    unit->code = code;
    unit->text = text;
    worker_post(worker, work->home, &unit->letter, LETTER_UNIT_DONE);
}

static void unit_end(struct unit_work *work, int code, const char *text)
{
    if (work->unit != NULL) {
        unit_answer(work, code, text);
    }
    work->ended = true;
    if (!work->lent) {
        unit_work_free(work);
    } else {
        unit_work_rest(work); /* what it still waits for would find it without its unit */
    }
}

static void unit_finish(struct unit_work *work, int code)
{
    unit_end(work, code, unit_code_text(code));
}

void unit_give_back(struct unit_work *work)
{
    work->lent = false;
    if (work->ended) {
        unit_work_free(work);
    }
}

/* ---- on its way ---- */

/* For the slow log: the last that it waited for. */
static void unit_waited(struct unit_work *work, uint32_t what)
{
    if (work->unit != NULL) {
        work->unit->waited = what;
    }
}

static void unit_try(struct unit_work *work);

/* What it wrote is in effect, or may be: the feed hears of it before who asked does. */
static void unit_told_here(struct unit_work *work, int code)
{
    if (work->changes.len > 0) {
        unit_told_work(work, code);
    } else if (work->unit != NULL) {
        unit_told(work->worker, work->places, work->count, code);
    }
}

/* Too late: what is not written yet will not be; what is being written goes on without its unit. */
static void unit_on_deadline(struct timer *timer, uint64_t now_us)
{
    struct unit_work *work = QUEUE_ITEM(timer, struct unit_work, deadline);
    (void)now_us;
    if (!work->wrote) {
        unit_end(work, SHOAL_ETIMEOUT,
                 "its deadline passed before it could run; nothing was applied");
    } else if (!work->stuck) {
        unit_told_here(work, SHOAL_EUNKNOWN);
        unit_end(work, SHOAL_EUNKNOWN, "its deadline passed before what it wrote had settled");
    } else {
        unit_answer(work, SHOAL_EUNKNOWN,
                    "its deadline passed before all that it wrote could be stored");
    }
}

bool unit_wait(struct unit_work *work)
{
    if (timer_running(&work->deadline)) {
        return true;
    }
    work->deadline.fire = unit_on_deadline;
    if (timers_start(&work->worker->timers, &work->deadline, work->deadline_us) == 0) {
        return true;
    }
    if (work->stuck) {
        unit_answer(work, SHOAL_EUNKNOWN, unit_code_text(SHOAL_EUNKNOWN));
        return false;
    }
    if (work->wrote) {
        unit_told_here(work, SHOAL_EUNKNOWN);
    }
    unit_finish(work, work->wrote ? SHOAL_EUNKNOWN : SHOAL_ENOMEM);
    return false;
}

static void unit_on_again(struct timer *timer, uint64_t now_us)
{
    (void)now_us;
    unit_try(QUEUE_ITEM(timer, struct unit_work, again));
}

static void unit_on_turn(struct lock_waiter *waiter)
{
    struct unit_work *work = QUEUE_ITEM(waiter, struct unit_work, waiter);
    unit_waited(work, WAIT_QUEUE);
    unit_try(work);
}

static void unit_on_read(struct read_waiter *waiter, int code)
{
    struct unit_work *work = QUEUE_ITEM(waiter, struct unit_work, reading);
    unit_waited(work, WAIT_DISK);
    if (code < 0) {
        unit_finish(work, code);
    } else {
        unit_try(work);
    }
}

static void unit_finish_write(struct unit_work *work, int code)
{
    unit_told_here(work, code);
    unit_finish(work, code);
}

static void unit_on_settled(struct durable_waiter *waiter, int code)
{
    struct unit_work *work = QUEUE_ITEM(waiter, struct unit_work, settling);
    unit_waited(work, WAIT_DISK);
    unit_finish_write(work, code < 0 ? SHOAL_EUNKNOWN : 0);
}

static void unit_on_lasting(struct durable_waiter *waiter, int code)
{
    struct unit_work *work = QUEUE_ITEM(waiter, struct unit_work, settling);
    (void)code; /* where storage has failed, what is held is all there is */
    unit_waited(work, WAIT_DISK);
    unit_finish(work, 0);
}

/* It has written nothing. */
static void unit_leave(struct unit_work *work)
{
    struct durability *durability = &work->worker->replica.durability;
    if (unit_lasts(work->worker, work->unit) || durability->failed != 0) {
        unit_finish(work, 0);
    } else if (unit_wait(work)) {
        work->settling.fire = unit_on_lasting;
        durability_wait(durability, DURABILITY_SETTLED, &work->settling);
    }
}

/* The next start does what is on record. Until then its keys are locked: nobody sees half of it,
 * and nothing is written that the next start would write over. */
static void unit_stay(struct unit_work *work)
{
    unit_told_here(work, SHOAL_EUNKNOWN);
    if (work->unit != NULL) {
        unit_answer(work, SHOAL_EUNKNOWN, unit_code_text(SHOAL_EUNKNOWN));
    }
}

static void unit_on_written(struct unit_work *work, int result)
{
    if (result == SHOAL_EUNKNOWN && work->stuck) {
        unit_stay(work);
        return;
    }
    if (result == REPLICA_DONE && work->unit != NULL && work->changes.len == 0) {
        unit_told_here(work, 0);
        unit_leave(work);
        return;
    }
    if (result != REPLICA_HELD || work->unit == NULL) {
        unit_finish_write(work, result < 0 ? result : 0);
        return;
    }
    struct durability *durability = &work->worker->replica.durability;
    work->wrote = true;
    work->stuck = false;
    unit_unlock_all(work);
    if (durability_reached(durability, DURABILITY_SETTLED) || durability->failed != 0) {
        unit_finish_write(work, durability->failed != 0 ? SHOAL_EUNKNOWN : 0);
    } else if (unit_wait(work)) {
        work->settling.fire = unit_on_settled;
        durability_wait(durability, DURABILITY_SETTLED, &work->settling);
    }
}

static void unit_put(struct unit_work *work)
{
    struct worker *worker = work->worker;
    uint32_t changes = unit_count_changes(work->places, work->count);
    if (changes > 1 && worker->engine->keeps_data) {
        int result = unit_encode(work->places, work->count, &work->changes);
        if (result < 0) {
            unit_finish(work, result);
        } else {
            unit_write_all(work, true, unit_on_written);
        }
        return;
    }
    struct arena *memory = changes > 1 ? &worker->arena : NULL;
    unit_on_written(work, unit_write(worker, work->places, work->count, memory));
}

static bool unit_blind(const struct unit *unit)
{
    for (uint32_t i = 0; i < unit->count; i++) {
        if (unit->cells[i].blind) {
            return true;
        }
    }
    return false;
}

/* Nobody who comes after a blind write waits for it to be done, so what comes after must find the
 * key locked. */
static void unit_keep_place(struct unit_work *work)
{
    if (unit_blind(work->unit)) {
        (void)unit_lock_all(work); /* without memory it is as any other */
    }
}

static void unit_await_read(struct unit_work *work)
{
    work->reading.fire = unit_on_read;
    replica_wait(&work->worker->replica, &work->reading);
    unit_keep_place(work);
    (void)unit_wait(work);
}

static void unit_await_holding(struct unit_work *work)
{
    struct worker *worker = work->worker;
    uint64_t now_us = worker->now.mono_us;
    work->again.fire = unit_on_again;
    if (now_us - work->since_us > COORDINATOR_GRACE_US ||
        timers_start(&worker->timers, &work->again, now_us + UNIT_AGAIN_US) < 0) {
        unit_finish(work, SHOAL_EREFILLING);
        return;
    }
    unit_keep_place(work);
    (void)unit_wait(work);
}

/* Waits for who is before it; true if there is somebody. */
static bool unit_await_turn(struct unit_work *work)
{
    struct worker *worker = work->worker;
    const struct unit_place *locked = unit_locked(worker, work);
    work->waiter.fire = unit_on_turn;
    if (worker->units.closed && work->locked == 0) {
        unit_gate_wait(worker, work);
    } else if (locked != NULL) {
        unit_lock_wait(&worker->units.locks, locked->key.position, &work->waiter);
    } else {
        return false;
    }
    (void)unit_wait(work);
    return true;
}

static void unit_try(struct unit_work *work)
{
    struct worker *worker = work->worker;
    if (!worker->units.ready) {
        unit_end(work, SHOAL_EUNSUPPORTED, unit_not_alone);
        return;
    }
    if (worker->parting && !work->unit->reads_only) {
        unit_end(work, SHOAL_ESHUTDOWN, unit_stopping);
        return;
    }
    if (unit_await_turn(work)) {
        return;
    }
    int result = unit_read(worker, work->places, work->count, &work->memory);
    if (result == REPLICA_PENDING) {
        unit_await_read(work);
    } else if (result == SHOAL_EREFILLING) {
        unit_await_holding(work);
    } else if (result < 0) {
        unit_finish(work, result);
    } else if (unit_execute(worker, work->unit)) {
        unit_put(work);
    } else {
        unit_leave(work);
    }
}

/* ---- beginning ---- */

void unit_begin(struct worker *worker, struct unit *unit, uint32_t home)
{
    bool starting = worker_starting(worker); /* home has heard of the layout a moment earlier */
    int code = starting ? SHOAL_EREFILLING : SHOAL_EOVERLOAD;
    const char *text = starting ? UNIT_STARTING_TEXT : unit_overload;
    struct unit_work *work = starting ? NULL : unit_work_new(worker, unit->count);
    if (work != NULL && home != worker->index) {
        work->letter = mem_alloc(sizeof(*work->letter));
        if (work->letter == NULL) {
            unit_work_free(work);
            work = NULL;
        }
    }
    if (work == NULL && home == worker->index) {
        worker->units.count--;
        unit->done(unit, code, bytes_from_string(text));
        return;
    }
    if (work == NULL) {
        unit->work = NULL;
        unit->code = code;
        unit->text = text;
        worker_post(worker, home, &unit->letter, LETTER_UNIT_DONE);
        return;
    }
    work->home = home;
    work->unit = unit;
    work->deadline_us = unit->deadline_us;
    unit->memory = &work->memory;
    for (uint32_t i = 0; i < unit->count; i++) {
        work->places[i] = (struct unit_place){.cell = &unit->cells[i],
                                              .key = unit_key(worker, unit->cells[i].key)};
    }
    unit_try(work);
}
