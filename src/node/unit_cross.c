/* A unit whose keys are of several workers, seen from the one that it was submitted to. Parts are
 * locked in the order of the workers, then the unit runs here, on copies of what is held.
 *
 *      in memory     lock, lock, ... run --> each part written behind its locks --> unlocked
 *                                            one refused --> all as before --> unlocked
 *
 *      on disks      lock, lock, ... run --> each part on record as *prepared*, what was only read
 *                                            settled --> decided, on record --> answered
 *                    --> each part written, its record removed, unlocked --> all that durable
 *                    --> the decision forgotten
 *                    nothing to write: what was read settled, if that is asked for --> unlocked
 *
 * That is two-phase commit (Gray, 1978). The first part that writes, this worker's own if it does,
 * decides last, so that its own preparation and the decision are one write. Should only one part
 * write there is nothing to be decided between several. After a crash what is prepared is done if
 * the decision is on record, and forgotten if not (unit_redo.c); hence all of these records go to
 * stable storage, whatever the node is configured to: logs of workers are cut apart from each
 * other. Locks of distributed systems' kind, with their timeouts, need not be feared: no worker
 * fails alone. */
#include "base/assert.h"
#include "base/memory.h"
#include "node/core.h"
#include "shoal/error.h"

#include <stdlib.h>

enum cross_phase {
    CROSS_LOCKING,
    CROSS_PREPARING,
    CROSS_DECIDING,
    CROSS_APPLYING,
    CROSS_UNDOING,
    CROSS_ENDING,
};

/* ---- memory ---- */

static void cross_free(struct unit_crossing *crossing)
{
    queue_remove(&crossing->link);
    for (uint32_t i = 0; crossing->parts != NULL && i < crossing->count; i++) {
        mem_free(crossing->parts[i].letter);
        buffer_deinit(&crossing->parts[i].held);
        buffer_deinit(&crossing->parts[i].names);
        buffer_deinit(&crossing->parts[i].changed);
    }
    arena_deinit(&crossing->memory);
    mem_free(crossing->parts);
    mem_free(crossing->places);
    mem_free(crossing);
}

void unit_cross_deinit(struct worker *worker)
{
    struct queue *crossings = &worker->units.crossings;
    while (!queue_empty(crossings)) {
        struct unit_crossing *crossing = QUEUE_ITEM(crossings->next, struct unit_crossing, link);
        timers_stop(&worker->timers, &crossing->deadline);
        cross_free(crossing);
    }
}

static int place_compare(const void *a, const void *b)
{
    const struct unit_place *x = a;
    const struct unit_place *y = b;
    if (x->worker != y->worker) {
        return x->worker < y->worker ? -1 : 1;
    }
    return x->key.position < y->key.position ? -1 : x->key.position > y->key.position;
}

static struct unit_crossing *cross_new(struct worker *worker, struct unit *unit)
{
    struct unit_crossing *crossing = mem_alloc_zeroed(1, sizeof(*crossing));
    if (crossing == NULL) {
        return NULL;
    }
    queue_init(&crossing->link);
    arena_init(&crossing->memory, 0);
    crossing->parts = mem_alloc_zeroed(worker->count, sizeof(*crossing->parts));
    crossing->places = mem_alloc_zeroed(unit->count, sizeof(*crossing->places));
    if (crossing->parts == NULL || crossing->places == NULL) {
        cross_free(crossing);
        return NULL;
    }
    crossing->worker = worker;
    crossing->home = worker->index;
    crossing->unit = unit;
    crossing->since_us = worker->now.mono_us;
    unit->memory = &crossing->memory;
    queue_push(&worker->units.crossings, &crossing->link);
    return crossing;
}

static bool cross_add_part(struct unit_crossing *crossing, uint32_t worker)
{
    struct unit *unit = crossing->unit;
    struct unit_part *part = &crossing->parts[crossing->count++];
    part->crossing = crossing;
    part->worker = worker;
    part->everything = unit->everything || unit->with_names;
    part->names_wanted = unit->with_names;
    part->deadline_us = unit->deadline_us;
    buffer_init(&part->held, 0);
    buffer_init(&part->names, 0);
    buffer_init(&part->changed, 0);
    part->letter = mem_alloc(sizeof(*part->letter));
    return part->letter != NULL;
}

/* Finds whose its keys are, and makes a part for each worker that has some; for all of them, if
 * everything is to be locked. */
static bool cross_divide(struct unit_crossing *crossing)
{
    const struct worker *worker = crossing->worker;
    struct unit *unit = crossing->unit;
    bool everything = unit->everything || unit->with_names;
    for (uint32_t i = 0; i < unit->count; i++) {
        struct unit_place *place = &crossing->places[i];
        place->cell = &unit->cells[i];
        place->key = unit_key(worker, unit->cells[i].key);
        place->worker = worker_of_partition(worker, place->key.partition);
    }
    if (unit->count > 1) {
        qsort(crossing->places, unit->count, sizeof(*crossing->places), place_compare);
    }
    uint32_t at = 0;
    for (uint32_t i = 0; i < worker->count; i++) {
        uint32_t first = at;
        while (at < unit->count && crossing->places[at].worker == i) {
            at++;
        }
        if (everything || at > first) {
            if (!cross_add_part(crossing, i)) {
                return false;
            }
            struct unit_part *part = &crossing->parts[crossing->count - 1];
            part->places = crossing->places + first;
            part->count = at - first;
        }
    }
    return true;
}

/* ---- answers ---- */

static void cross_answer(struct unit_crossing *crossing, int code, const char *text)
{
    struct worker *worker = crossing->worker;
    struct unit *unit = crossing->unit;
    timers_stop(&worker->timers, &crossing->deadline);
    if (unit == NULL) {
        return;
    }
    uint64_t now_us = worker->now.mono_us;
    pace_served(&worker->pace, now_us, now_us - crossing->since_us);
    crossing->unit = NULL;
    worker->units.count--;
    account_unit_done(worker, unit, code);
    unit->done(unit, code, bytes_from_string(text));
}

static const char *cross_text(int code)
{
    switch (code) {
    case SHOAL_ETIMEOUT:
        return "its deadline passed while others held keys of it, or what it had read was not yet "
               "settled; nothing was applied";
    case SHOAL_EUNSUPPORTED:
        return unit_not_alone;
    case SHOAL_ESHUTDOWN:
        return unit_stopping;
    case SHOAL_EOVERLOAD:
        return unit_overload;
    default:
        return unit_code_text(code);
    }
}

static void cross_on_deadline(struct timer *timer, uint64_t now_us)
{
    struct unit_crossing *crossing = QUEUE_ITEM(timer, struct unit_crossing, deadline);
    (void)now_us;
    if (crossing->phase == CROSS_PREPARING) {
        crossing->code = SHOAL_ETIMEOUT;
        cross_answer(crossing, SHOAL_ETIMEOUT,
                     "its deadline passed before it was decided; nothing was applied");
    } else {
        cross_answer(crossing, SHOAL_EUNKNOWN,
                     "it was being decided when its deadline passed; the outcome is unknown");
    }
}

/* ---- steps ---- */

static void cross_send(struct unit_part *part, enum unit_step step)
{
    struct worker *worker = part->crossing->worker;
    part->step = (uint8_t)step;
    part->away = true;
    if (part->worker == worker->index) {
        unit_part_step(worker, part);
    } else {
        unit_part_post(worker, part->worker, part, LETTER_UNIT_PART);
    }
}

/* What step a part is to do; UNIT_LOCK: none. */
typedef enum unit_step (*cross_choice)(const struct unit_crossing *crossing,
                                       const struct unit_part *part);

static void cross_next(struct unit_crossing *crossing);

/* All parts that have one to do, at the same time. */
static void cross_send_all(struct unit_crossing *crossing, enum cross_phase phase,
                           cross_choice choose)
{
    uint32_t count = crossing->count;
    crossing->phase = (uint8_t)phase;
    for (uint32_t i = 0; i < count; i++) {
        crossing->away += choose(crossing, &crossing->parts[i]) == UNIT_LOCK ? 0 : 1;
    }
    if (crossing->away == 0) {
        cross_next(crossing);
        return;
    }
    crossing->away++; /* until all are on their way nothing goes on */
    /* This worker's own part last: whatever it lets begin comes to the others after this. */
    struct unit_part *own = NULL;
    for (uint32_t i = 0; i < count; i++) {
        struct unit_part *part = &crossing->parts[i];
        enum unit_step step = choose(crossing, part);
        if (step != UNIT_LOCK && part->worker == crossing->home) {
            own = part;
        } else if (step != UNIT_LOCK) {
            cross_send(part, step);
        }
    }
    if (own != NULL) {
        cross_send(own, choose(crossing, own));
    }
    if (--crossing->away == 0) {
        cross_next(crossing);
    }
}

static bool cross_decides(const struct unit_crossing *crossing, const struct unit_part *part)
{
    return crossing->writers > 0 && part == &crossing->parts[crossing->decider];
}

static enum unit_step choose_release(const struct unit_crossing *crossing,
                                     const struct unit_part *part)
{
    (void)crossing;
    return part->locked ? UNIT_RELEASE : UNIT_LOCK;
}

static enum unit_step choose_undo(const struct unit_crossing *crossing,
                                  const struct unit_part *part)
{
    (void)crossing;
    enum unit_step step = part->prepared ? UNIT_UNDO : UNIT_RELEASE;
    return part->locked ? step : UNIT_LOCK;
}

static enum unit_step choose_hidden(const struct unit_crossing *crossing,
                                    const struct unit_part *part)
{
    (void)crossing;
    return part->changes ? UNIT_PREPARE : UNIT_LOCK;
}

static enum unit_step choose_prepare(const struct unit_crossing *crossing,
                                     const struct unit_part *part)
{
    if (!part->changes) {
        return UNIT_SETTLE;
    }
    return cross_decides(crossing, part) ? UNIT_LOCK : UNIT_PREPARE;
}

static enum unit_step choose_decide(const struct unit_crossing *crossing,
                                    const struct unit_part *part)
{
    enum unit_step step = crossing->writers > 1 ? UNIT_DECIDE : UNIT_WRITE;
    return cross_decides(crossing, part) ? step : UNIT_LOCK;
}

static enum unit_step choose_apply(const struct unit_crossing *crossing,
                                   const struct unit_part *part)
{
    (void)crossing;
    enum unit_step step = part->changes ? UNIT_APPLY : UNIT_RELEASE;
    return part->locked ? step : UNIT_LOCK;
}

static enum unit_step choose_forget(const struct unit_crossing *crossing,
                                    const struct unit_part *part)
{
    return cross_decides(crossing, part) ? UNIT_FORGET : UNIT_LOCK;
}

/* ---- from step to step ---- */

/* Nothing is written; the answer may be given already. */
static void cross_leave(struct unit_crossing *crossing)
{
    cross_answer(crossing, crossing->code, crossing->code == 0 ? "" : cross_text(crossing->code));
    cross_send_all(crossing, CROSS_ENDING, choose_release);
}

static void cross_on_locked(struct unit_crossing *crossing);

static void cross_lock_next(struct unit_crossing *crossing)
{
    if (crossing->code < 0) {
        cross_leave(crossing);
    } else if (crossing->next == crossing->count) {
        cross_on_locked(crossing);
    } else {
        crossing->away = 1;
        cross_send(&crossing->parts[crossing->next++], UNIT_LOCK);
    }
}

/* What each part is to write, as far as it must outlive the unit's own memory. */
static int cross_collect(struct unit_crossing *crossing)
{
    const struct worker *worker = crossing->worker;
    const struct unit *unit = crossing->unit;
    bool home = false;
    for (uint32_t i = 0; i < crossing->count; i++) {
        struct unit_part *part = &crossing->parts[i];
        uint32_t changes = unit_count_changes(part->places, part->count);
        part->flush = unit->flush && part->worker < worker->units.partitions;
        part->several = changes > 1;
        part->changes = part->flush || changes > 0;
        if (part->changes && !home) {
            home = part->worker == worker->index;
            crossing->decider = crossing->writers == 0 || home ? i : crossing->decider;
        }
        crossing->writers += part->changes ? 1 : 0;
        int result =
            worker->engine->keeps_data ? unit_encode(part->places, part->count, &part->changed) : 0;
        if (result < 0) {
            return result;
        }
    }
    return 0;
}

static void cross_prepare(struct unit_crossing *crossing)
{
    struct worker *worker = crossing->worker;
    const struct unit_part *decider = &crossing->parts[crossing->decider];
    uint64_t id = worker->units.next_id++;
    for (uint32_t i = 0; i < crossing->count; i++) {
        crossing->parts[i].id = id;
        crossing->parts[i].decider = decider->worker; /* a partition of that worker's */
    }
    crossing->deadline.fire = cross_on_deadline;
    if (timers_start(&worker->timers, &crossing->deadline, decider->deadline_us) < 0) {
        crossing->code = SHOAL_ENOMEM;
        cross_leave(crossing);
        return;
    }
    cross_send_all(crossing, CROSS_PREPARING, choose_prepare);
}

static void cross_on_locked(struct unit_crossing *crossing)
{
    struct worker *worker = crossing->worker;
    struct unit *unit = crossing->unit;
    if (unit->with_names) {
        crossing->code = unit_names_give(unit, crossing->parts, crossing->count);
    }
    bool changes = crossing->code == 0 && unit_execute(worker, unit);
    if (changes) {
        crossing->code = cross_collect(crossing);
    }
    bool settles = unit->lasting && worker->engine->keeps_data;
    if (crossing->code < 0 || (crossing->writers == 0 && !settles)) {
        cross_leave(crossing);
    } else if (worker->engine->keeps_data) {
        cross_prepare(crossing);
    } else if (unit->flush) {
        cross_send_all(crossing, CROSS_APPLYING, choose_apply);
    } else {
        cross_send_all(crossing, CROSS_PREPARING, choose_hidden);
    }
}

static void cross_on_prepared(struct unit_crossing *crossing)
{
    bool disk = crossing->worker->engine->keeps_data;
    if (crossing->writers == 0) {
        bool gave_up = crossing->code == SHOAL_ETIMEOUT || crossing->code == SHOAL_ENOMEM;
        crossing->code = gave_up ? crossing->code : 0; /* of failed storage what is held is all */
        cross_leave(crossing);
    } else if (crossing->code < 0) {
        if (disk) {
            cross_answer(crossing, crossing->code, cross_text(crossing->code));
        }
        cross_send_all(crossing, CROSS_UNDOING, choose_undo);
    } else if (disk) {
        cross_send_all(crossing, CROSS_DECIDING, choose_decide);
    } else {
        cross_leave(crossing);
    }
}

static void cross_on_decided(struct unit_crossing *crossing)
{
    if (crossing->code == SHOAL_EUNKNOWN) {
        /* The storage has failed: the next start finds out. Until then all stays locked. */
        cross_answer(crossing, SHOAL_EUNKNOWN, cross_text(SHOAL_EUNKNOWN));
    } else if (crossing->code < 0) {
        cross_answer(crossing, crossing->code, cross_text(crossing->code));
        cross_send_all(crossing, CROSS_UNDOING, choose_undo);
    } else if (crossing->writers > 1) {
        cross_answer(crossing, 0, "");
        cross_send_all(crossing, CROSS_APPLYING, choose_apply);
    } else {
        cross_leave(crossing);
    }
}

static void cross_on_applied(struct unit_crossing *crossing)
{
    if (!crossing->worker->engine->keeps_data) {
        cross_answer(crossing, crossing->code, cross_text(crossing->code));
        cross_free(crossing);
    } else if (crossing->code < 0) {
        cross_free(crossing); /* the storage has failed, and the decision stays */
    } else {
        cross_send_all(crossing, CROSS_ENDING, choose_forget);
    }
}

/* All parts are here. */
static void cross_next(struct unit_crossing *crossing)
{
    switch ((enum cross_phase)crossing->phase) {
    case CROSS_LOCKING:
        cross_lock_next(crossing);
        break;
    case CROSS_PREPARING:
        cross_on_prepared(crossing);
        break;
    case CROSS_DECIDING:
        cross_on_decided(crossing);
        break;
    case CROSS_APPLYING:
        cross_on_applied(crossing);
        break;
    case CROSS_UNDOING:
        cross_answer(crossing, crossing->code, cross_text(crossing->code));
        cross_free(crossing);
        break;
    default:
        cross_free(crossing);
        break;
    }
}

void unit_cross_on_part(struct unit_part *part)
{
    struct unit_crossing *crossing = part->crossing;
    bool worse = crossing->code == 0 || part->code == SHOAL_EUNKNOWN;
    ASSERT(part->away && crossing->away > 0);
    part->away = false;
    part->locked = part->work != NULL;
    part->prepared = part->code == 0 && part->step == UNIT_PREPARE;
    if (part->code < 0 && worse) {
        crossing->code = part->code;
    }
    if (--crossing->away == 0) {
        cross_next(crossing);
    }
}

void unit_cross(struct worker *worker, struct unit *unit)
{
    struct unit_crossing *crossing = cross_new(worker, unit);
    if (crossing == NULL || !cross_divide(crossing)) {
        worker->units.count--;
        unit->done(unit, SHOAL_EOVERLOAD, bytes_from_string(unit_overload));
        if (crossing != NULL) {
            cross_free(crossing);
        }
        return;
    }
    crossing->phase = CROSS_LOCKING;
    cross_lock_next(crossing);
}
