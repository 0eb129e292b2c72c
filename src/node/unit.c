/* Units come in here. See unit.h for what they are. One whose keys are all one worker's is done on
 * that worker, at once where nothing has to be waited for:
 *
 *      read ---- a value is on the disk ----> waiting, then read again
 *           ---- all here --> run --> written --> (settled) --> done */
#include "node/unit.h"

#include "base/assert.h"
#include "base/memory.h"
#include "node/core.h"
#include "ring/partition.h"
#include "shoal/error.h"

#define UNIT_PLACES 4u               /* in a unit that is done at once: more go to the arena */
#define UNIT_KEEP 256u               /* works kept for reuse */
#define UNIT_KEEP_BYTES 4096u        /* of a work's memory */
#define UNIT_AGAIN_US UINT64_C(5000) /* between looks at a holding that is being filled */

static const char *const unit_not_alone =
    "units of work over keys are done by a node that is alone (quorum.n = 1, no other member): "
    "several owners without a leader can't promise them; nothing was applied";

/* ---- is the node alone? ---- */

static bool units_layout_alone(const struct layout *layout, uint64_t self)
{
    return layout->facts.n == 1 && layout->member_count == 1 && layout->members[0].node == self;
}

static bool units_snapshot_alone(const struct snapshot *snapshot)
{
    const struct view *view = snapshot->view;
    bool alone = !view_due(view) && !view_removed(view, snapshot->self) && !snapshot->closed;
    for (uint32_t i = 0; i < view->live_count && alone; i++) {
        alone = units_layout_alone(view->live[i].layout, snapshot->self);
    }
    return alone;
}

void units_adopt(struct worker *worker)
{
    struct units *units = &worker->units;
    units->alone = units_snapshot_alone(worker->snapshot);
    units->ready = units->alone;
    units->partitions = view_facts(worker->snapshot->view)->partitions;
}

bool worker_alone(const struct worker *worker)
{
    return worker->units.alone;
}

/* ---- at once ---- */

void unit_place(const struct worker *worker, const struct unit *unit, struct unit_place *places)
{
    for (uint32_t i = 0; i < unit->count; i++) {
        struct bytes key = unit->cells[i].key;
        uint32_t partition = partition_of_key(key, worker->units.partitions);
        places[i].key = replica_key(&worker->replica, partition, key);
    }
}

/* Finds the places of the cells' keys; false where one is another worker's. */
static bool unit_place_own(const struct worker *worker, const struct unit *unit,
                           struct unit_place *places)
{
    for (uint32_t i = 0; i < unit->count; i++) {
        struct bytes key = unit->cells[i].key;
        uint32_t partition = partition_of_key(key, worker->units.partitions);
        if (worker->count > 1 && worker_of_partition(worker, partition) != worker->index) {
            return false;
        }
        places[i].key.partition = partition;
    }
    for (uint32_t i = 0; i < unit->count; i++) {
        places[i].key = replica_key(&worker->replica, places[i].key.partition, unit->cells[i].key);
    }
    return true;
}

bool worker_unit_now(struct worker *worker, struct moment now, struct unit *unit, int *code)
{
    struct unit_place few[UNIT_PLACES];
    struct unit_place *places = few;
    if (!worker->units.ready || worker->stopping || unit->everything || unit->with_names ||
        (worker->engine->keeps_data && !unit->reads_only)) {
        return false;
    }
    worker_enter(worker, now);
    if (unit->count > UNIT_PLACES) {
        places = arena_alloc_array(&worker->arena, unit->count, sizeof(*places));
    }
    bool done = places != NULL && unit_place_own(worker, unit, places) &&
                unit_read(worker, unit, places) == REPLICA_DONE;
    if (done) {
        unit->memory = &worker->arena;
        *code = unit_execute(worker, unit) ? unit_write(worker, unit, places) : 0;
        ASSERT(*code <= 0);
    }
    worker_leave(worker);
    return done;
}

/* ---- works ---- */

void units_init(struct units *units)
{
    queue_init(&units->all);
    queue_init(&units->free);
}

static void unit_work_release(struct unit_work *work)
{
    queue_remove(&work->link);
    queue_remove(&work->reading.link);
    queue_remove(&work->settling.link);
    arena_deinit(&work->memory);
    mem_free(work->places);
    mem_free(work);
}

void units_deinit(struct worker *worker)
{
    struct units *units = &worker->units;
    while (!queue_empty(&units->all)) {
        struct unit_work *work = QUEUE_ITEM(units->all.next, struct unit_work, link);
        timers_stop(&worker->timers, &work->deadline);
        timers_stop(&worker->timers, &work->again);
        unit_work_release(work);
    }
    while (!queue_empty(&units->free)) {
        unit_work_release(QUEUE_ITEM(units->free.next, struct unit_work, link));
    }
}

bool units_idle(const struct worker *worker)
{
    return queue_empty(&worker->units.all);
}

static struct unit_work *unit_work_take(struct units *units)
{
    struct queue *link = queue_pop(&units->free);
    if (link != NULL) {
        units->free_count--;
        return QUEUE_ITEM(link, struct unit_work, link);
    }
    struct unit_work *work = mem_alloc_zeroed(1, sizeof(*work));
    if (work != NULL) {
        queue_init(&work->link);
        queue_init(&work->reading.link);
        queue_init(&work->settling.link);
        arena_init(&work->memory, UNIT_KEEP_BYTES);
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

static void unit_work_free(struct unit_work *work)
{
    struct worker *worker = work->worker;
    struct units *units = &worker->units;
    timers_stop(&worker->timers, &work->deadline);
    timers_stop(&worker->timers, &work->again);
    waiting_leave(&work->reading);
    durability_cancel(&work->settling);
    queue_remove(&work->link);
    units->count--;
    if (units->free_count < UNIT_KEEP && work->place_capacity <= UNIT_KEEP) {
        arena_reset(&work->memory);
        queue_push(&units->free, &work->link);
        units->free_count++;
    } else {
        unit_work_release(work);
    }
}

/* ---- answers ---- */

static void unit_answer(struct worker *worker, struct unit_work *work, int code, const char *text)
{
    struct unit *unit = work->unit;
    uint64_t now_us = worker->now.mono_us;
    pace_served(&worker->pace, now_us, now_us - work->since_us);
    work->unit = NULL;
    if (work->home == worker->index) {
        unit->done(unit, code, bytes_from_string(text));
        unit_work_free(work);
        return;
    }
    unit->work = work;
    unit->code = code;
    unit->text = text;
    worker_post(worker, work->home, &unit->letter, LETTER_UNIT_DONE);
}

static const char *unit_code_text(int code)
{
    switch (code) {
    case 0:
        return "";
    case SHOAL_ENOMEM:
        return "out of memory, or over limits.memory_mb; nothing was applied";
    case SHOAL_EDAMAGED:
        return "the record on disk is damaged and not served; nothing was applied";
    case SHOAL_EREFILLING:
        return "what this node holds of the key is not complete; nothing was applied";
    default:
        return shoal_error_text(code);
    }
}

static void unit_finish(struct worker *worker, struct unit_work *work, int code)
{
    unit_answer(worker, work, code, unit_code_text(code));
}

/* ---- on its way ---- */

static void unit_try(struct unit_work *work);

static void unit_on_deadline(struct timer *timer, uint64_t now_us)
{
    struct unit_work *work = QUEUE_ITEM(timer, struct unit_work, deadline);
    (void)now_us;
    if (work->wrote) {
        unit_answer(work->worker, work, SHOAL_EUNKNOWN,
                    "it ran, but its deadline passed before what it wrote had settled");
    } else {
        unit_answer(work->worker, work, SHOAL_ETIMEOUT,
                    "its deadline passed before it could run; nothing was applied");
    }
}

static void unit_on_again(struct timer *timer, uint64_t now_us)
{
    (void)now_us;
    unit_try(QUEUE_ITEM(timer, struct unit_work, again));
}

static void unit_on_read(struct read_waiter *waiter, int code)
{
    struct unit_work *work = QUEUE_ITEM(waiter, struct unit_work, reading);
    if (code < 0) {
        unit_finish(work->worker, work, code);
    } else {
        unit_try(work);
    }
}

static void unit_on_settled(struct durable_waiter *waiter, int code)
{
    struct unit_work *work = QUEUE_ITEM(waiter, struct unit_work, settling);
    unit_finish(work->worker, work, code < 0 ? SHOAL_EUNKNOWN : 0);
}

/* False: without memory for its timer it has been answered. */
static bool unit_wait(struct unit_work *work)
{
    struct worker *worker = work->worker;
    if (timer_running(&work->deadline)) {
        return true;
    }
    work->deadline.fire = unit_on_deadline;
    if (timers_start(&worker->timers, &work->deadline, work->deadline_us) < 0) {
        unit_finish(worker, work, work->wrote ? SHOAL_EUNKNOWN : SHOAL_ENOMEM);
        return false;
    }
    return true;
}

static void unit_wait_for_holding(struct unit_work *work)
{
    struct worker *worker = work->worker;
    uint64_t now_us = worker->now.mono_us;
    work->again.fire = unit_on_again;
    if (now_us - work->since_us > COORDINATOR_GRACE_US ||
        timers_start(&worker->timers, &work->again, now_us + UNIT_AGAIN_US) < 0) {
        unit_finish(worker, work, SHOAL_EREFILLING);
    } else {
        (void)unit_wait(work);
    }
}

static void unit_write_all(struct unit_work *work)
{
    struct worker *worker = work->worker;
    int result = unit_write(worker, work->unit, work->places);
    if (result != REPLICA_HELD) {
        unit_finish(worker, work, result);
        return;
    }
    work->wrote = true;
    if (unit_wait(work)) {
        work->settling.fire = unit_on_settled;
        durability_wait(&worker->replica.durability, DURABILITY_SETTLED, &work->settling);
    }
}

static void unit_try(struct unit_work *work)
{
    struct worker *worker = work->worker;
    if (!worker->units.ready) {
        unit_answer(worker, work, SHOAL_EUNSUPPORTED, unit_not_alone);
        return;
    }
    if (worker->parting && !work->unit->reads_only) {
        unit_answer(worker, work, SHOAL_ESHUTDOWN,
                    "this node is stopping; nothing was applied, try another");
        return;
    }
    int result = unit_read(worker, work->unit, work->places);
    if (result == REPLICA_PENDING) {
        work->reading.fire = unit_on_read;
        replica_wait(&worker->replica, &work->reading);
        (void)unit_wait(work);
    } else if (result == SHOAL_EREFILLING) {
        unit_wait_for_holding(work);
    } else if (result < 0) {
        unit_finish(worker, work, result);
    } else if (unit_execute(worker, work->unit)) {
        unit_write_all(work);
    } else {
        unit_finish(worker, work, 0);
    }
}

/* ---- beginning ---- */

static struct unit_work *unit_work_new(struct worker *worker, struct unit *unit)
{
    struct units *units = &worker->units;
    struct unit_work *work =
        units->count < LIMIT_REQUESTS_PER_WORKER ? unit_work_take(units) : NULL;
    if (work == NULL) {
        return NULL;
    }
    if (unit_work_reserve(work, unit->count) < 0) {
        unit_work_release(work);
        return NULL;
    }
    queue_push(&units->all, &work->link);
    units->count++;
    work->worker = worker;
    work->unit = unit;
    work->since_us = worker->now.mono_us;
    work->wrote = false;
    unit->memory = &work->memory;
    return work;
}

static void unit_refuse(struct unit *unit, int code, const char *text)
{
    unit->done(unit, code, bytes_from_string(text));
}

static const char *const unit_overload =
    "more units in flight on one worker than it takes, or no memory for one: try again later; "
    "nothing was applied";

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

/* Here, whichever worker it came from. */
static void unit_begin(struct worker *worker, struct unit *unit, uint32_t home)
{
    struct unit_work *work = unit_work_new(worker, unit);
    if (work == NULL && home == worker->index) {
        unit_refuse(unit, SHOAL_EOVERLOAD, unit_overload);
        return;
    }
    if (work == NULL) {
        unit->work = NULL;
        unit->code = SHOAL_EOVERLOAD;
        unit->text = unit_overload;
        worker_post(worker, home, &unit->letter, LETTER_UNIT_DONE);
        return;
    }
    work->home = home;
    work->deadline_us = unit->deadline_us;
    unit_place(worker, unit, work->places);
    unit_try(work);
}

static void unit_submit(struct worker *worker, struct unit *unit)
{
    if (worker->stopping) {
        unit_refuse(unit, SHOAL_ESHUTDOWN,
                    "this node is stopping; nothing was applied, try another");
        return;
    }
    if (!worker->units.alone) {
        unit_refuse(unit, SHOAL_EUNSUPPORTED, unit_not_alone);
        return;
    }
    unit->deadline_us = worker_deadline_us(worker, unit->timeout_us);
    int at = unit_worker_of(worker, unit);
    if (at < 0 || unit->everything || unit->with_names) {
        unit_refuse(unit, SHOAL_EUNSUPPORTED, "its keys are of several workers");
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
    unit_submit(worker, unit);
    worker_leave(worker);
}

/* Back where it came from; the work that carried it out, and its memory, go home after that. */
static void unit_come_back(struct worker *worker, struct unit *unit, uint32_t from)
{
    struct unit_work *work = unit->work;
    worker->crossing--;
    unit->done(unit, unit->code, bytes_from_string(unit->text));
    if (work != NULL) {
        worker_post(worker, from, &work->letter, LETTER_UNIT_OVER);
    }
}

bool units_letter(struct worker *worker, struct letter *letter)
{
    switch (letter->kind) {
    case LETTER_UNIT:
        unit_begin(worker, QUEUE_ITEM(letter, struct unit, letter), letter->from);
        return true;
    case LETTER_UNIT_DONE:
        unit_come_back(worker, QUEUE_ITEM(letter, struct unit, letter), letter->from);
        return true;
    case LETTER_UNIT_OVER:
        unit_work_free(QUEUE_ITEM(letter, struct unit_work, letter));
        return true;
    default:
        return false;
    }
}
