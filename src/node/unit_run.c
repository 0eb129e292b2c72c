/* A unit on the worker that has all its keys: what is held goes into its cells, it runs, and what
 * it made of them is written, in one event. Nothing can come between, so there is no lock. Where a
 * value has to come from the disk nothing has happened yet, and all is done again from the start
 * when it is here. */
#include "base/assert.h"
#include "base/hash.h"
#include "base/log.h"
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

/* The winner among several siblings, or of a kind that isn't just shown. */
static int unit_show(struct worker *worker, const struct object *held, uint64_t now_ms,
                     struct unit_cell *cell)
{
    const struct sibling **live =
        arena_alloc_array(&worker->arena, held->sibling_count, sizeof(const struct sibling *));
    if (live == NULL) {
        return SHOAL_ENOMEM;
    }
    cell->siblings = object_live(held, now_ms, live);
    cell->found = cell->siblings > 0;
    if (cell->found) {
        cell->value = live[0]->value;
        cell->expiry_ms = live[0]->expiry_ms;
    }
    return 0;
}

static int unit_fill(struct worker *worker, const struct unit_place *place, struct unit_cell *cell)
{
    const struct object *held = &place->held;
    uint64_t now_ms = worker->now.wall_ms;
    cell->found = false;
    cell->version = held->context.count == 0 ? 0 : unit_version(held->context);
    cell->siblings = 0;
    if (held->sibling_count == 1 && held->siblings->kind != SIBLING_COUNTER) {
        const struct sibling *only = held->siblings;
        cell->found =
            only->kind == SIBLING_VALUE && (only->expiry_ms == 0 || now_ms < only->expiry_ms);
        cell->siblings = cell->found ? 1 : 0;
        cell->value = only->value;
        cell->expiry_ms = only->expiry_ms;
        return 0;
    }
    /* Objects hide what has expired a millisecond later than units, which have no skew to bear. */
    return held->sibling_count == 0 ? 0 : unit_show(worker, held, now_ms + 1, cell);
}

static int unit_read_cell(struct worker *worker, struct unit_cell *cell, struct unit_place *place)
{
    struct replica *replica = &worker->replica;
    const struct holding *holding = replica_holding(replica, place->key.partition);
    cell->change = UNIT_KEEP;
    place->encoded = bytes_make(NULL, 0);
    if (holding == NULL || holding->refilling) {
        return SHOAL_EREFILLING;
    }
    if (cell->blind) {
        cell->found = false;
        cell->version = 0;
        cell->siblings = 0;
        return replica_read_dots(replica, &place->key, &place->held);
    }
    int result = replica_read_encoded(replica, &place->key, &place->encoded);
    if (result != REPLICA_DONE) {
        return result;
    }
    place->held = object_empty();
    if (place->encoded.data != NULL) {
        result = object_decode(&worker->arena, place->encoded, &place->held);
    }
    return result < 0 ? result : unit_fill(worker, place, cell);
}

int unit_read(struct worker *worker, struct unit *unit, struct unit_place *places)
{
    for (uint32_t i = 0; i < unit->count; i++) {
        int result = unit_read_cell(worker, &unit->cells[i], &places[i]);
        if (result != REPLICA_DONE) {
            return result;
        }
    }
    return REPLICA_DONE;
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

/* Is there something to write? Not where nothing but deletions would be deleted. */
static bool unit_changes(const struct unit_cell *cell, const struct object *held)
{
    if (cell->change != UNIT_DELETE) {
        return cell->change == UNIT_PUT;
    }
    for (uint32_t i = 0; i < held->sibling_count; i++) {
        if (held->siblings[i].kind != SIBLING_TOMBSTONE) {
            return true;
        }
    }
    return false;
}

static int unit_write_cell(struct worker *worker, const struct unit_cell *cell,
                           const struct unit_place *place, struct object *written)
{
    struct replica *replica = &worker->replica;
    bool put = cell->change == UNIT_PUT;
    struct sibling added = {
        .kind = put ? SIBLING_VALUE : SIBLING_TOMBSTONE,
        .expiry_ms = put ? cell->expiry_ms : 0,
        .value = put ? cell->value : bytes_make(NULL, 0),
    };
    struct replica_written out;
    struct holding *holding = replica_holding(replica, place->key.partition);
    int result = replica_replace(replica, holding, &place->key, &place->held, &added,
                                 worker->now.wall_ms, &out);
    if (result >= 0) {
        *written = out.object;
        if (worker->coordinator.issued != NULL) {
            worker->coordinator.issued(worker->coordinator.issued_self, cell->key, out.dot,
                                       place->held.context);
        }
    }
    return result;
}

/* ---- all or nothing, where a put can fail for lack of memory ---- */

/* What is held of every key that will change, where writing can't move it: it may have to be put
 * back. */
static int unit_save(struct worker *worker, const struct unit *unit, struct unit_place *places)
{
    struct replica *replica = &worker->replica;
    for (uint32_t i = 0; i < unit->count; i++) {
        struct unit_place *place = &places[i];
        if (!unit_changes(&unit->cells[i], &place->held) || place->held.sibling_count == 0) {
            continue;
        }
        int result = REPLICA_DONE;
        if (unit->cells[i].blind) {
            result = replica_read_encoded(replica, &place->key, &place->encoded);
        }
        if (result == REPLICA_DONE) {
            place->encoded = arena_copy(&worker->arena, place->encoded);
            result = place->encoded.data == NULL
                         ? SHOAL_ENOMEM
                         : object_decode(&worker->arena, place->encoded, &place->held);
        }
        if (result != 0) {
            return result < 0 ? result : SHOAL_EIO;
        }
    }
    return 0;
}

/* The cells below `end` that were written are as before again, the last one first. */
static int unit_take_back(struct worker *worker, const struct unit *unit,
                          const struct unit_place *places, const struct object *written,
                          uint32_t end)
{
    struct replica *replica = &worker->replica;
    int result = 0;
    for (uint32_t i = end; i-- > 0;) {
        const struct unit_place *place = &places[i];
        if (!unit_changes(&unit->cells[i], &place->held)) {
            continue;
        }
        struct holding *holding = replica_holding(replica, place->key.partition);
        int back = replica_put_back(replica, holding, &place->key, &written[i], &place->held,
                                    place->encoded);
        if (back < 0) {
            log_error("unit: no memory to take back half of it", LOG_BYTES("key", place->key.key));
            result = SHOAL_EUNKNOWN;
        }
    }
    return result;
}

static int unit_write_cells(struct worker *worker, const struct unit *unit,
                            struct unit_place *places, struct object *written, uint32_t *end)
{
    int outcome = REPLICA_DONE;
    for (*end = 0; *end < unit->count; (*end)++) {
        const struct unit_cell *cell = &unit->cells[*end];
        const struct unit_place *place = &places[*end];
        if (!unit_changes(cell, &place->held)) {
            continue;
        }
        int result = unit_write_cell(worker, cell, place, &written[*end]);
        if (result < 0) {
            return result;
        }
        outcome = result == REPLICA_HELD ? REPLICA_HELD : outcome;
    }
    return outcome;
}

static uint32_t unit_count_changes(const struct unit *unit, const struct unit_place *places)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < unit->count; i++) {
        count += unit_changes(&unit->cells[i], &places[i].held) ? 1 : 0;
    }
    return count;
}

int unit_write(struct worker *worker, struct unit *unit, struct unit_place *places)
{
    uint32_t end;
    struct object only;
    if (unit->count == 1) {
        return unit_write_cells(worker, unit, places, &only, &end);
    }
    struct object *written = arena_alloc_array(&worker->arena, unit->count, sizeof(*written));
    bool several = unit_count_changes(unit, places) > 1 && !worker->engine->keeps_data;
    int result = written == NULL ? SHOAL_ENOMEM : 0;
    if (result == 0 && several) {
        result = unit_save(worker, unit, places);
    }
    if (result < 0) {
        return result;
    }
    result = unit_write_cells(worker, unit, places, written, &end);
    if (result < 0 && end > 0 && unit_take_back(worker, unit, places, written, end) < 0) {
        return SHOAL_EUNKNOWN;
    }
    return result;
}
