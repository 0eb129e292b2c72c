/* Units come in here. See unit.h for what they are, and unit_inside.h for who does what. */
#include "node/unit.h"

#include "base/assert.h"
#include "base/hash.h"
#include "node/core.h"
#include "ring/partition.h"
#include "shoal/error.h"

#define UNIT_PLACES 4u /* of a unit that is done at once: more go to the arena */

const char unit_not_alone[] =
    "units of work over keys are done by a node that is alone (quorum.n = 1, no other member): "
    "several owners without a leader can't promise them; nothing was applied";
const char unit_stopping[] = "this node is stopping; nothing was applied, try another";
const char unit_overload[] =
    "more units in flight on one worker than it takes, or no memory for one: try again later; "
    "nothing was applied";

const char *unit_code_text(int code)
{
    switch (code) {
    case 0:
        return "";
    case SHOAL_ENOMEM:
        return "out of memory, or over limits.memory_mb; nothing was applied";
    case SHOAL_ETOOBIG:
        return "its values are more together than one unit may hold; nothing was applied";
    case SHOAL_ENOSPC:
        return "the disk is full; nothing was applied";
    case SHOAL_EDAMAGED:
        return "the record on disk is damaged and not served; nothing was applied";
    case SHOAL_EREFILLING:
        return "what this node holds of the key is not complete; nothing was applied";
    case SHOAL_EUNKNOWN:
        return "the outcome is unknown: it ran, but whether all that it wrote is stored can't be "
               "told";
    default:
        return shoal_error_text(code);
    }
}

/* ---- life ---- */

void units_init(struct worker *worker, uint64_t seed)
{
    struct units *units = &worker->units;
    unit_locks_init(&units->locks);
    queue_init(&units->gate);
    queue_init(&units->requests);
    queue_init(&units->works);
    queue_init(&units->crossings);
    queue_init(&units->free_works);
    units->next_id = hash_mix(seed + 1);
}

void units_deinit(struct worker *worker)
{
    struct units *units = &worker->units;
    unit_redo_deinit(worker);
    unit_gate_deinit(worker);
    unit_cross_deinit(worker);
    while (!queue_empty(&units->works)) {
        struct unit_work *work = QUEUE_ITEM(units->works.next, struct unit_work, link);
        timers_stop(&worker->timers, &work->deadline);
        timers_stop(&worker->timers, &work->again);
        unit_work_release(work);
    }
    while (!queue_empty(&units->free_works)) {
        unit_work_release(QUEUE_ITEM(units->free_works.next, struct unit_work, link));
    }
    unit_locks_deinit(&units->locks);
    snapshot_unref(units->next);
}

bool units_idle(const struct worker *worker)
{
    const struct units *units = &worker->units;
    return queue_empty(&units->works) && queue_empty(&units->crossings) && units->waiting == 0;
}

void units_check(const struct worker *worker)
{
    const struct units *units = &worker->units;
    unit_locks_check(&units->locks);
    ASSERT(units->closed == (units->freeze != NULL || units->redo != NULL || units->barred));
    ASSERT(units->closed || queue_empty(&units->gate));
    ASSERT(!units->frozen || units->freeze != NULL);
}

/* ---- is the node alone? ---- */

/* Work goes on over the keys of more than one event: no other layout may come between. */
static bool units_engaged(const struct units *units)
{
    return units->locks.held > 0 || units->freeze != NULL;
}

bool units_defer(struct worker *worker, struct snapshot *snapshot)
{
    struct units *units = &worker->units;
    bool waits = units->next != NULL || (units->alone && units_engaged(units) &&
                                         !view_alone(snapshot->view, snapshot->self));
    if (waits) {
        snapshot_unref(units->next);
        units->next = snapshot;
        units->ready = false;
    }
    return waits;
}

void units_adopt(struct worker *worker, bool first)
{
    struct units *units = &worker->units;
    const struct snapshot *snapshot = worker->snapshot;
    units->alone = view_alone(snapshot->view, snapshot->self) && !snapshot->closed;
    units->ready = units->alone;
    units->partitions = view_facts(snapshot->view)->partitions;
    if (first) {
        unit_redo_begin(worker);
    }
}

void units_leave(struct worker *worker)
{
    struct units *units = &worker->units;
    if (units->freeze != NULL && !units->frozen) {
        unit_gate_review(worker);
    }
    if (units->next != NULL && !units_engaged(units)) {
        struct snapshot *snapshot = units->next;
        units->next = NULL;
        worker_adopt(worker, snapshot);
    }
}

bool worker_alone(const struct worker *worker)
{
    return worker->units.ready;
}

bool worker_starting(const struct worker *worker)
{
    return worker->units.partitions == 0;
}

/* ---- at once ---- */

struct engine_key unit_key(const struct worker *worker, struct bytes key)
{
    return replica_key(&worker->replica, partition_of_key(key, worker->units.partitions), key);
}

/* Finds the places of the cells' keys; false where one is another worker's, or locked. */
static bool unit_place_own(const struct worker *worker, const struct unit *unit,
                           struct unit_place *places)
{
    const struct unit_locks *locks = &worker->units.locks;
    for (uint32_t i = 0; i < unit->count; i++) {
        struct bytes key = unit->cells[i].key;
        uint32_t partition = partition_of_key(key, worker->units.partitions);
        if (worker->count > 1 && worker_of_partition(worker, partition) != worker->index) {
            return false;
        }
        places[i].key = replica_key(&worker->replica, partition, key);
        places[i].cell = &unit->cells[i];
        places[i].kept = bytes_make(NULL, 0);
        if (locks->held > 0 && !unit_lock_free(locks, places[i].key.position, NULL)) {
            return false;
        }
    }
    return true;
}

bool unit_lasts(const struct worker *worker, const struct unit *unit)
{
    return !unit->lasting || !worker->engine->keeps_data ||
           durability_reached(&worker->replica.durability, DURABILITY_SETTLED);
}

bool worker_unit_now(struct worker *worker, struct moment now, struct unit *unit, int *code)
{
    struct unit_place few[UNIT_PLACES];
    struct unit_place *places = few;
    const struct units *units = &worker->units;
    if (!units->ready || units->closed || worker->stopping || unit->everything ||
        unit->with_names || (worker->engine->keeps_data && !unit->reads_only)) {
        return false;
    }
    worker_enter(worker, now);
    if (worker->spans != NULL) {
        account_unit_begin(worker, unit);
    }
    if (unit->count > UNIT_PLACES) {
        places = arena_alloc_array(&worker->arena, unit->count, sizeof(*places));
    }
    bool done = places != NULL && unit_lasts(worker, unit) &&
                unit_place_own(worker, unit, places) &&
                unit_read(worker, places, unit->count, NULL) == REPLICA_DONE;
    if (done) {
        worker->ops++;
        unit->memory = &worker->arena;
        *code = 0;
        if (unit_execute(worker, unit)) {
            bool several = unit->count > 1 && unit_count_changes(places, unit->count) > 1;
            struct arena *memory = several ? &worker->arena : NULL;
            *code = unit_write(worker, places, unit->count, memory);
            unit_told(worker, places, unit->count, *code);
        }
        ASSERT(*code <= 0);
        if (worker->spans != NULL) {
            account_unit_done(worker, unit, *code);
        }
    }
    worker_leave(worker);
    return done;
}

/* ---- beginning ---- */

/* The worker of all keys; the own one where there are none. -1: they are of several. */
static int unit_worker_of(const struct worker *worker, const struct unit *unit)
{
    uint32_t found = worker->index;
    for (uint32_t i = 0; i < unit->count && worker->count > 1; i++) {
        uint32_t at = worker_of_partition(
            worker, partition_of_key(unit->cells[i].key, worker->units.partitions));
        if (i > 0 && at != found) {
            return -1;
        }
        found = at;
    }
    return (int)found;
}

static void unit_submit(struct worker *worker, struct unit *unit)
{
    struct units *units = &worker->units;
    int code = units->count < LIMIT_REQUESTS_PER_WORKER ? 0 : SHOAL_EOVERLOAD;
    const char *text = unit_overload;
    if (worker->stopping) {
        code = SHOAL_ESHUTDOWN;
        text = unit_stopping;
    } else if (worker_starting(worker)) {
        code = SHOAL_EREFILLING;
        text = UNIT_STARTING_TEXT;
    } else if (!units->ready) {
        code = SHOAL_EUNSUPPORTED;
        text = unit_not_alone;
    }
    if (code < 0) {
        unit->done(unit, code, bytes_from_string(text));
        return;
    }
    units->count++;
    account_unit_begin(worker, unit);
    unit->deadline_us = worker_deadline_us(worker, unit->timeout_us);
    int at = unit_worker_of(worker, unit);
    if (at < 0 || unit->everything || unit->with_names) {
        unit_cross(worker, unit);
    } else if ((uint32_t)at == worker->index) {
        unit_begin(worker, unit, worker->index);
    } else {
        worker->crossing++;
        worker_post(worker, (uint32_t)at, &unit->letter, LETTER_UNIT);
    }
}

void worker_unit(struct worker *worker, struct moment now, struct unit *unit)
{
    worker_enter(worker, now);
    worker->ops++;
    unit_submit(worker, unit);
    worker_leave(worker);
}

/* ---- letters ---- */

/* Back where it came from; the work that carried it out goes home after that. */
static void unit_come_back(struct worker *worker, struct unit *unit, uint32_t from)
{
    struct unit_work *work = unit->work;
    worker->crossing--;
    worker->units.count--;
    account_unit_done(worker, unit, unit->code);
    unit->done(unit, unit->code, bytes_from_string(unit->text));
    if (work != NULL) {
        struct letter_unit *letter = work->letter;
        work->letter = NULL;
        letter->work = work;
        worker_post(worker, from, &letter->letter, LETTER_UNIT_OVER);
    }
}

bool units_letter(struct worker *worker, struct letter *letter)
{
    struct letter_unit *held = (struct letter_unit *)(void *)letter;
    switch (letter->kind) {
    case LETTER_UNIT:
        unit_begin(worker, QUEUE_ITEM(letter, struct unit, letter), letter->from);
        return true;
    case LETTER_UNIT_DONE:
        unit_come_back(worker, QUEUE_ITEM(letter, struct unit, letter), letter->from);
        return true;
    case LETTER_UNIT_OVER:
        held->work->letter = held;
        unit_give_back(held->work);
        return true;
    case LETTER_UNIT_PART:
        held->part->letter = held;
        unit_part_step(worker, held->part);
        return true;
    case LETTER_UNIT_PART_DONE:
        held->part->letter = held;
        unit_cross_on_part(held->part);
        return true;
    default:
        return unit_redo_letter(worker, letter);
    }
}
