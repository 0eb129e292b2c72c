/* What is held goes into a unit's cells, it runs, and what it made of them is written. On the
 * worker that has all its keys that is one event: nothing can come between, so there is no lock.
 * Where a value has to come from the disk nothing has happened yet, and all is done again from the
 * start when it is here. */
#include "base/assert.h"
#include "base/hash.h"
#include "base/log.h"
#include "model/shown.h"
#include "node/core.h"
#include "shoal/error.h"

/* ---- what is held ---- */

/* Another for every write: the context names the last of each actor. Never 0. */
static uint64_t unit_version(struct version_vector context)
{
    uint64_t version = 0;
    for (uint32_t i = 0; i < context.count; i++) {
        const struct dot *entry = &context.entries[i];
        version = hash_mix(version ^ entry->actor) + entry->counter;
    }
    return hash_mix(version) | 1;
}

/* The winner among several siblings, or what a counter comes to. */
static int unit_show(struct worker *worker, const struct object *held, uint64_t now_ms,
                     struct unit_cell *cell)
{
    const struct shown *shown;
    uint32_t count;
    int result = object_show(&worker->arena, held, now_ms, &shown, &count);
    if (result == 0 && count > 0) {
        cell->found = true;
        cell->siblings = count;
        cell->value = shown[0].value;
        cell->expiry_ms = shown[0].expiry_ms;
    }
    for (uint32_t i = 0; result == 0 && i < count && cell->stamped; i++) {
        cell->stamp = shown_stamp(cell->stamp, shown[i].value, shown[i].hlc, shown[i].expiry_ms);
    }
    return result;
}

static int unit_fill(struct worker *worker, const struct object *held, struct unit_cell *cell)
{
    uint64_t now_ms = worker->now.wall_ms;
    cell->found = false;
    cell->siblings = 0;
    cell->stamp = 0;
    cell->version = held->context.count == 0 ? 0 : unit_version(held->context);
    if (held->sibling_count == 1 && held->siblings->kind != SIBLING_COUNTER) {
        const struct sibling *only = held->siblings;
        cell->found =
            only->kind == SIBLING_VALUE && (only->expiry_ms == 0 || now_ms < only->expiry_ms);
        cell->siblings = cell->found ? 1 : 0;
        cell->value = only->value;
        cell->expiry_ms = only->expiry_ms;
        if (cell->stamped && cell->found) {
            cell->stamp = shown_stamp(0, only->value, only->hlc, only->expiry_ms);
        }
        return 0;
    }
    /* Objects hide what has expired a millisecond later than units, which have no skew to bear. */
    return held->sibling_count == 0 ? 0 : unit_show(worker, held, now_ms + 1, cell);
}

static bool unit_absent(const struct object *held)
{
    for (uint32_t i = 0; i < held->sibling_count; i++) {
        if (held->siblings[i].kind != SIBLING_TOMBSTONE) {
            return false;
        }
    }
    return true;
}

int unit_read_dots(struct worker *worker, struct unit_place *place)
{
    int result = replica_read_dots(&worker->replica, &place->key, &place->held);
    place->encoded = bytes_make(NULL, 0);
    place->absent = result == REPLICA_DONE && unit_absent(&place->held);
    return result;
}

/* Was it read before, and is still the same? */
static bool unit_has_kept(struct worker *worker, struct unit_place *place)
{
    struct engine_brief brief;
    const struct engine *engine = worker->engine;
    if (place->kept.data == NULL) {
        return false;
    }
    bool same = engine->ops->brief(worker->engine, &place->key, &brief) == 0 && brief.simple &&
                dot_equal(brief.dot, place->kept_dot);
    place->kept = same ? place->kept : bytes_make(NULL, 0);
    place->encoded = place->kept;
    return same;
}

static int unit_read_place(struct worker *worker, struct unit_place *place)
{
    struct replica *replica = &worker->replica;
    struct unit_cell *cell = place->cell;
    const struct holding *holding = replica_holding(replica, place->key.partition);
    cell->change = UNIT_KEEP;
    place->encoded = bytes_make(NULL, 0);
    place->held = object_empty();
    place->written = false;
    if (holding == NULL || holding->refilling) {
        return SHOAL_EREFILLING;
    }
    if (cell->blind) {
        cell->found = false;
        cell->version = 0;
        cell->siblings = 0;
        return unit_read_dots(worker, place);
    }
    int result = REPLICA_DONE;
    if (!unit_has_kept(worker, place)) {
        result = replica_read_encoded(replica, &place->key, &place->encoded);
    }
    if (result == REPLICA_DONE && place->encoded.data != NULL) {
        result = object_decode(&worker->arena, place->encoded, &place->held);
    }
    place->absent = unit_absent(&place->held);
    return result != REPLICA_DONE ? result : unit_fill(worker, &place->held, cell);
}

/* What was read stays until the rest is here, too: nobody promises that it is still at hand then.
 */
static int unit_keep(struct unit_place *place, struct arena *memory)
{
    struct dot dot;
    if (place->kept.data != NULL || place->encoded.data == NULL ||
        !object_peek_simple(place->encoded, &dot)) {
        return 0;
    }
    if (memory->held > LIMIT_UNIT_BYTES || place->encoded.len > LIMIT_UNIT_BYTES) {
        return SHOAL_ETOOBIG;
    }
    place->kept_dot = dot;
    place->kept = arena_copy(memory, place->encoded);
    return place->kept.data == NULL ? SHOAL_ENOMEM : 0;
}

/* Asks for all, so that the disk is read for all at the same time. */
static int unit_read_all(struct worker *worker, struct unit_place *places, uint32_t count,
                         struct arena *memory, uint32_t *pending)
{
    *pending = count;
    for (uint32_t i = 0; i < count; i++) {
        int result = unit_read_place(worker, &places[i]);
        if (result == REPLICA_PENDING || (result == SHOAL_EOVERLOAD && *pending < count)) {
            *pending = *pending < i ? *pending : i;
        } else if (result == REPLICA_DONE && memory != NULL && count > 1) {
            result = unit_keep(&places[i], memory);
        }
        if (result < 0 && result != SHOAL_EOVERLOAD) {
            return result;
        }
        if (result != REPLICA_DONE && (memory == NULL || *pending == count)) {
            return result;
        }
    }
    return *pending < count ? REPLICA_PENDING : REPLICA_DONE;
}

int unit_read(struct worker *worker, struct unit_place *places, uint32_t count,
              struct arena *memory)
{
    uint32_t pending;
    int result = unit_read_all(worker, places, count, memory, &pending);
    while (result == REPLICA_PENDING && memory != NULL) {
        /* Who waits does so for what was asked last. */
        result = unit_read_place(worker, &places[pending]);
        if (result != REPLICA_DONE) {
            return result;
        }
        result = unit_keep(&places[pending], memory);
        if (result == 0) {
            result = unit_read_all(worker, places, count, memory, &pending);
        }
    }
    return result;
}

bool unit_execute(struct worker *worker, struct unit *unit)
{
    unit->flush = false;
    unit->abandon = false;
    unit->run(unit, worker->now.wall_ms);
    ASSERT(!unit->flush || unit->everything || unit->with_names);
    if (unit->abandon) {
        return false;
    }
    bool changes = unit->flush;
    for (uint32_t i = 0; i < unit->count && !changes; i++) {
        changes = unit->cells[i].change != UNIT_KEEP;
    }
    ASSERT(!changes || !unit->reads_only);
    return changes;
}

/* ---- what becomes of it ---- */

bool unit_changes(const struct unit_place *place)
{
    return place->cell->change == UNIT_PUT ||
           (place->cell->change == UNIT_DELETE && !place->absent);
}

uint32_t unit_count_changes(const struct unit_place *places, uint32_t count)
{
    uint32_t changes = 0;
    for (uint32_t i = 0; i < count; i++) {
        changes += unit_changes(&places[i]) ? 1 : 0;
    }
    return changes;
}

int unit_write_place(struct worker *worker, const struct unit_place *place)
{
    struct replica *replica = &worker->replica;
    const struct unit_cell *cell = place->cell;
    bool put = cell->change == UNIT_PUT;
    struct sibling added = {
        .kind = put ? SIBLING_VALUE : SIBLING_TOMBSTONE,
        .expiry_ms = put ? cell->expiry_ms : 0,
        .value = put ? cell->value : bytes_make(NULL, 0),
    };
    struct replica_written out;
    struct holding *holding = replica_holding(replica, place->key.partition);
    if (holding == NULL) {
        return SHOAL_EREFILLING;
    }
    return replica_replace(replica, holding, &place->key, &place->held, &added, worker->now.wall_ms,
                           &out);
}

/* ---- all or nothing in memory, where a put can be refused for lack of it ---- */

/* What is held of every key that will change, where writing can't move it. */
static int unit_save(struct worker *worker, struct unit_place *places, uint32_t count,
                     struct arena *memory)
{
    for (uint32_t i = 0; i < count; i++) {
        struct unit_place *place = &places[i];
        if (!unit_changes(place) || place->held.sibling_count == 0) {
            continue;
        }
        int result = REPLICA_DONE;
        if (place->encoded.data == NULL) {
            result = replica_read_encoded(&worker->replica, &place->key, &place->encoded);
        }
        if (result != REPLICA_DONE) {
            return result < 0 ? result : SHOAL_EIO;
        }
        place->encoded = arena_copy(memory, place->encoded);
        if (place->encoded.data == NULL) {
            return SHOAL_ENOMEM;
        }
    }
    return 0;
}

static int unit_take_back_place(struct worker *worker, const struct unit_place *place)
{
    struct replica *replica = &worker->replica;
    struct object written;
    struct object before = object_empty();
    int result = replica_read(replica, &place->key, &written);
    if (result == REPLICA_DONE && place->encoded.data != NULL) {
        result = object_decode(&worker->arena, place->encoded, &before);
    }
    /* What is taken back may not lie in what the engine lent. */
    struct holding *holding = replica_holding(replica, place->key.partition);
    if (result == REPLICA_DONE && holding != NULL) {
        result = replica_put_back(replica, holding, &place->key, &written, &before, place->encoded);
    }
    return result == REPLICA_HELD ? REPLICA_DONE : result;
}

int unit_take_back(struct worker *worker, const struct unit_place *places, uint32_t count)
{
    int result = 0;
    for (uint32_t i = count; i-- > 0;) {
        if (places[i].written && unit_take_back_place(worker, &places[i]) != 0) {
            log_error("unit: half of it can't be taken back for lack of memory",
                      LOG_BYTES("key", places[i].key.key));
            result = SHOAL_EUNKNOWN;
        }
    }
    return result;
}

int unit_write(struct worker *worker, struct unit_place *places, uint32_t count,
               struct arena *memory)
{
    int outcome = REPLICA_DONE;
    if (memory != NULL) {
        int result = unit_save(worker, places, count, memory);
        if (result < 0) {
            return result;
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        if (!unit_changes(&places[i])) {
            continue;
        }
        int result = unit_write_place(worker, &places[i]);
        if (result < 0) {
            bool back = i == 0 || memory == NULL || unit_take_back(worker, places, i) == 0;
            return back ? result : SHOAL_EUNKNOWN;
        }
        places[i].written = true;
        outcome = result == REPLICA_HELD ? REPLICA_HELD : outcome;
    }
    return outcome;
}
