/* Writing several keys, where what is written survives the process: all of it is put on record
 * first (an intent), then written, then the record is removed. A log is cut by a crash at one
 * place:
 *
 *      | intent | write | write | intent removed |
 *               ^ from here on the next start does it all (again)
 *                                               ^ from here on there is nothing left to do
 *
 * Writing again what was written is harmless: had anybody written one of the keys after it, this
 * would stand behind the removal in the same log. All this is one event, unless something must be
 * read first or there is no room: then the keys are locked, and it goes on as soon as it can.
 * Should the storage fail by then they stay locked: the next start does the rest, and until then
 * nobody sees half of it. */
#include "base/assert.h"
#include "base/log.h"
#include "base/mutant.h"
#include "node/core.h"
#include "node/unit_change.h"
#include "shoal/error.h"

#define WRITE_AGAIN_US UINT64_C(50000)

int unit_encode(const struct unit_place *places, uint32_t count, struct buffer *changes)
{
    int result = 0;
    for (uint32_t i = 0; i < count && result == 0; i++) {
        if (unit_changes(&places[i])) {
            result = unit_change_encode(places[i].cell, changes);
        }
    }
    return result;
}

/* ---- one after the other ---- */

/* One that could not be begun has what was in it before nevertheless, and all are ours while we are
 * alone: it goes, too, and begins. */
int unit_flush(struct unit_work *work)
{
    struct worker *worker = work->worker;
    for (uint32_t p = worker->index; p < worker->units.partitions; p += worker->count) {
        struct holding *holding = replica_holding(&worker->replica, p);
        bool ours = holding != NULL || worker->units.alone;
        if (p % work->flush_workers != work->flush_worker || !ours) {
            continue;
        }
        int result = replica_drop(&worker->replica, p);
        int begun = replica_begin(&worker->replica, p, false, &holding);
        if (result < 0 || begun < 0) {
            return result < 0 ? result : begun;
        }
    }
    work->flushed = true;
    work->settles = work->settles || worker->engine->keeps_data;
    return 0;
}

static int write_next(struct unit_work *work)
{
    struct worker *worker = work->worker;
    struct bytes rest =
        bytes_make(work->changes.data + work->written, work->changes.len - work->written);
    struct unit_cell cell;
    int result = unit_change_take(&rest, &cell);
    ASSERT(result == 0); /* what came from a disk was looked through before */
    struct unit_place place = {.cell = &cell, .key = unit_key(worker, cell.key)};
    result = unit_read_dots(worker, &place);
    if (result == REPLICA_DONE && unit_changes(&place)) {
        result = unit_write_place(worker, &place);
    }
    if (result == REPLICA_DONE || result == REPLICA_HELD) {
        work->settles = work->settles || result == REPLICA_HELD;
        work->written = work->changes.len - rest.len;
        return REPLICA_DONE;
    }
    return result;
}

static int write_rest(struct unit_work *work)
{
    int result = REPLICA_DONE;
    if (MUTANT(intent_early)) {
        result = unit_record_remove(work);
    }
    if (result == REPLICA_DONE && work->flush && !work->flushed) {
        result = unit_flush(work);
    }
    while (result == REPLICA_DONE && work->written < work->changes.len) {
        result = write_next(work);
    }
    return result == REPLICA_DONE ? unit_record_remove(work) : result;
}

/* ---- where it can't go on at once ---- */

static void write_go(struct unit_work *work);

static void write_on_read(struct read_waiter *waiter, int code)
{
    (void)code; /* should it not be there, that is found out by trying */
    write_go(QUEUE_ITEM(waiter, struct unit_work, reading));
}

static void write_on_again(struct timer *timer, uint64_t now_us)
{
    (void)now_us;
    write_go(QUEUE_ITEM(timer, struct unit_work, again));
}

/* Nobody may see the half that is there. */
static void write_hide(struct unit_work *work)
{
    struct units *units = &work->worker->units;
    work->wrote = true;
    work->stuck = true;
    if (!work->whole && work->locked < work->count && unit_lock_all(work) < 0 && !units->closed) {
        units->freeze = work; /* which takes no memory */
        units->frozen = true;
        units->closed = true;
        work->whole = true;
    }
}

static void write_await(struct unit_work *work, int result)
{
    struct worker *worker = work->worker;
    write_hide(work);
    if (result == REPLICA_PENDING) {
        work->reading.fire = write_on_read;
        replica_wait(&worker->replica, &work->reading);
    } else {
        work->again.fire = write_on_again;
        result = timers_start(&worker->timers, &work->again, worker->now.mono_us + WRITE_AGAIN_US);
        if (result < 0) {
            work->then(work, SHOAL_EUNKNOWN);
            return;
        }
    }
    if (work->unit != NULL) {
        (void)unit_wait(work);
    }
}

/* Refused before anything was written: true if it can be left at that. Records of which one is gone
 * are not whole, and do not count. */
static bool write_abort(struct unit_work *work)
{
    uint32_t records = work->records;
    return work->record_kind == UNIT_RECORD_INTENT && work->written == 0 && !work->flushed &&
           !work->flush && (unit_record_remove(work) == 0 || work->records < records);
}

static void write_on_refused(struct durable_waiter *waiter, int code)
{
    struct unit_work *work = QUEUE_ITEM(waiter, struct unit_work, settling);
    work->then(work, code < 0 ? SHOAL_EUNKNOWN : work->refusal);
}

/* A crash that keeps the intent and not its removal would do it all: who asked may hear that
 * nothing was applied only when the removal is settled. */
static void write_refuse(struct unit_work *work, int code)
{
    struct durability *durability = &work->worker->replica.durability;
    if (!work->settles || durability_reached(durability, DURABILITY_SETTLED)) {
        work->then(work, code);
        return;
    }
    work->refusal = code;
    work->wrote = true;
    work->stuck = false;
    if (work->unit == NULL || unit_wait(work)) {
        work->settling.fire = write_on_refused;
        durability_wait(durability, DURABILITY_SETTLED, &work->settling);
    }
}

/* The next start does it, or the rest of it. */
static void write_give_up(struct unit_work *work)
{
    write_hide(work);
    work->then(work, SHOAL_EUNKNOWN);
}

static void write_go(struct unit_work *work)
{
    int result = write_rest(work);
    if (result == REPLICA_DONE) {
        work->then(work, work->settles ? REPLICA_HELD : REPLICA_DONE);
    } else if (result < 0 && write_abort(work)) {
        write_refuse(work, result);
    } else if (work->worker->replica.durability.failed != 0) {
        write_give_up(work);
    } else {
        write_await(work, result);
    }
}

void unit_write_all(struct unit_work *work, bool several, unit_then then)
{
    work->then = then;
    work->record_kind = UNIT_RECORD_INTENT;
    if (several && work->worker->engine->keeps_data) {
        work->id = work->worker->units.next_id++;
        int result = unit_record_put(work, UNIT_RECORD_INTENT, 0);
        if (result < 0) {
            then(work, result);
            return;
        }
        work->settles = true;
    }
    write_go(work);
}

void unit_write_prepared(struct unit_work *work, unit_then then)
{
    work->then = then;
    work->settles = true;
    write_go(work);
}
