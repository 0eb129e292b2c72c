/* Hints in the engine's upper partitions. See hints.h. A record is
 *
 *      u8 0x20 (format 2: what no object begins with)   u64 arrival, little-endian   object */
#include "replica/hints.h"

#include "base/assert.h"
#include "base/log.h"
#include "base/memory.h"
#include "shoal/error.h"

#define HINT_FORMAT 0x20u
#define HINT_HEADER_BYTES 9u
#define HINT_ARRIVAL_MAX (UINT64_MAX >> 1) /* what a disk may say */
#define HINT_ARRIVAL_SHIFT 20u             /* numbers given in one millisecond, at most */

void hints_init(struct hints *hints, struct replica *replica, uint64_t bytes_max)
{
    *hints = (struct hints){.replica = replica, .bytes_max = bytes_max};
}

void hints_deinit(struct hints *hints)
{
    mem_free(hints->piles);
}

static struct hint_pile *hints_find(const struct hints *hints, uint32_t partition)
{
    ASSERT(partition < hints->partitions);
    ASSERT(partition % hints->step == hints->first);
    return &hints->piles[partition / hints->step];
}

/* The engine's partition with the hints of this one. */
static uint32_t hints_place(const struct hints *hints, uint32_t partition)
{
    return hints->partitions + partition;
}

/* ---- what is owed ---- */

/* The pile is now so much. */
static void hints_count(struct hints *hints, struct hint_pile *pile, uint64_t keys, uint64_t bytes)
{
    hints->keys = hints->keys - pile->keys + keys;
    hints->bytes = hints->bytes - pile->bytes + bytes;
    pile->keys = keys;
    pile->bytes = bytes;
}

/* The engine's count of bytes is not exact: nothing falls below none. */
static uint64_t hints_less(uint64_t bytes, uint64_t gone)
{
    return bytes < gone ? 0 : bytes - gone;
}

int hints_begin(struct hints *hints, uint32_t partitions, uint32_t first, uint32_t step,
                uint64_t wall_ms)
{
    ASSERT(step > 0 && first < step);
    struct hint_pile *piles = mem_alloc_zeroed(partitions / step + 1, sizeof(*piles));
    if (piles == NULL) {
        return SHOAL_ENOMEM;
    }
    mem_free(hints->piles);
    hints->piles = piles;
    hints->partitions = partitions;
    hints->replica->hints_from = partitions;
    hints->first = first;
    hints->step = step;
    hints->keys = 0;
    hints->bytes = 0;
    uint64_t from = wall_ms << HINT_ARRIVAL_SHIFT;
    if (from > hints->arrival && from <= HINT_ARRIVAL_MAX) {
        hints->arrival = from;
    }
    struct engine *engine = hints->replica->engine;
    uint32_t lost = 0;
    for (uint32_t p = first; p < partitions; p += step) {
        struct engine_stats stats;
        engine->ops->stats(engine, hints_place(hints, p), &stats);
        struct hint_pile *pile = hints_find(hints, p);
        hints_count(hints, pile, stats.keys, stats.keys == 0 ? 0 : stats.bytes);
        pile->newest = hints->arrival;
        lost += engine->ops->lost(engine, hints_place(hints, p)) ? 1 : 0;
    }
    if (lost > 0 && engine->keeps_data) {
        log_error("hints: some that were kept for others may be lost", LOG_U64("partitions", lost));
    }
    return 0;
}

struct hint_pile hints_pile(const struct hints *hints, uint32_t partition)
{
    return *hints_find(hints, partition);
}

uint64_t hints_record_bytes(struct bytes object)
{
    return HINT_HEADER_BYTES + object.len;
}

/* ---- records ---- */

static int hints_encode(struct buffer *out, uint64_t arrival, struct bytes object)
{
    uint8_t header[HINT_HEADER_BYTES] = {HINT_FORMAT};
    for (uint32_t i = 0; i < sizeof(arrival); i++) {
        header[1 + i] = (uint8_t)(arrival >> (8 * i));
    }
    int result = buffer_append(out, header, sizeof(header));
    return result < 0 ? result : buffer_append_bytes(out, object);
}

/* Arrival and object of a record: 0 or SHOAL_EPROTO. */
static int hints_decode(struct bytes record, uint64_t *arrival, struct bytes *object)
{
    if (record.len <= HINT_HEADER_BYTES || record.data[0] != HINT_FORMAT) {
        return SHOAL_EPROTO;
    }
    uint64_t number = 0;
    for (uint32_t i = 0; i < sizeof(number); i++) {
        number |= (uint64_t)record.data[1 + i] << (8 * i);
    }
    if (number > HINT_ARRIVAL_MAX) {
        return SHOAL_EPROTO;
    }
    *arrival = number;
    *object = bytes_make(record.data + HINT_HEADER_BYTES, record.len - HINT_HEADER_BYTES);
    return 0;
}

/* ---- storing ---- */

/* What is owed for the key: its record's length, 0 for none, and the object in it, data NULL for
 * none that can be read (then there is nothing to merge with: what was in it is lost).
 * REPLICA_DONE, REPLICA_PENDING or why not. */
static int hints_read(struct hints *hints, const struct engine_key *key, size_t *record_bytes,
                      struct bytes *object)
{
    struct replica *replica = hints->replica;
    struct engine *engine = replica->engine;
    struct engine_brief brief;
    struct bytes record;
    uint64_t arrival;
    *record_bytes = 0;
    *object = bytes_make(NULL, 0);
    if (engine->ops->brief(engine, key, &brief) == SHOAL_ENOTFOUND) {
        return REPLICA_DONE;
    }
    int result = replica_read_encoded(replica, key, &record);
    if (result == SHOAL_EDAMAGED) {
        *record_bytes = HINT_HEADER_BYTES;
        return REPLICA_DONE;
    }
    if (result == REPLICA_DONE && record.data != NULL) {
        *record_bytes = record.len == 0 ? 1 : record.len;
        if (hints_decode(record, &arrival, object) < 0) {
            *object = bytes_make(NULL, 0);
        }
    }
    return result;
}

/* Joins what is owed already with what came: the encoding of it in the arena, data NULL when
 * nothing came that is not there. */
static int hints_merge(struct hints *hints, struct bytes owed, const struct object *incoming,
                       struct bytes *encoded)
{
    struct arena *arena = hints->replica->arena;
    struct object before;
    struct object merged;
    int result = object_decode(arena, owed, &before);
    if (result == 0) {
        result = object_merge(arena, &before, incoming, &merged);
    }
    if (result < 0) {
        return result;
    }
    if (object_equal(&merged, &before)) {
        *encoded = bytes_make(NULL, 0);
        return 0;
    }
    struct buffer buffer;
    buffer_init(&buffer, 0);
    result = object_encode(&merged, &buffer);
    if (result == 0) {
        *encoded = arena_copy(arena, buffer_bytes(&buffer));
        result = encoded->data == NULL ? SHOAL_ENOMEM : 0;
    }
    buffer_deinit(&buffer);
    return result;
}

/* Nothing new: but what is there may itself not be settled yet. */
static int hints_confirm(const struct hints *hints)
{
    return durability_reached(&hints->replica->durability, DURABILITY_SETTLED) ? REPLICA_DONE
                                                                               : REPLICA_HELD;
}

/* Is there room for an entry that takes so much in place of one that took `before`? */
static bool hints_admit(struct hints *hints, uint64_t bytes, uint64_t before)
{
    bool fits = bytes <= before || hints_less(hints->bytes, before) + bytes <= hints->bytes_max;
    if (!fits) {
        hints->refused++;
        if (!hints->is_full) {
            log_warning("hints: no room for more (limits.hints_mb): writes for owners that can't "
                        "be reached are refused here",
                        LOG_U64("hints", hints->keys), LOG_U64("bytes", hints->bytes));
        }
    } else if (hints->is_full) {
        log_info("hints: there is room again", LOG_U64("bytes", hints->bytes));
    }
    hints->is_full = !fits;
    return fits;
}

static int hints_put(struct hints *hints, const struct engine_key *key, struct bytes object,
                     struct hint_pile *pile, size_t record_bytes)
{
    struct replica *replica = hints->replica;
    uint64_t bytes = key->key.len + hints_record_bytes(object);
    uint64_t before = record_bytes == 0 ? 0 : key->key.len + record_bytes;
    if (!hints_admit(hints, bytes, before)) {
        return SHOAL_EOVERLOAD;
    }
    buffer_clear(&replica->scratch);
    int result = hints_encode(&replica->scratch, hints->arrival + 1, object);
    if (result < 0) {
        return result;
    }
    uint64_t sequence = 0;
    result =
        replica->engine->ops->put(replica->engine, key, buffer_bytes(&replica->scratch), &sequence);
    if (result < 0) {
        return result;
    }
    if (result == 1) {
        durability_issue(&replica->durability, sequence);
    }
    pile->newest = ++hints->arrival;
    hints->stored++;
    hints_count(hints, pile, pile->keys + (record_bytes == 0 ? 1 : 0),
                hints_less(pile->bytes, before) + bytes);
    return result == 1 ? REPLICA_HELD : REPLICA_DONE;
}

int hints_store(struct hints *hints, uint32_t partition, struct bytes key, struct bytes object)
{
    struct replica *replica = hints->replica;
    struct hint_pile *pile = hints_find(hints, partition);
    struct engine_key place = replica_key(replica, hints_place(hints, partition), key);
    struct object incoming;
    struct bytes owed;
    size_t record_bytes;
    int result = replica->durability.failed;
    if (result == 0) {
        result = object_decode(replica->arena, object, &incoming);
    }
    if (result == 0) {
        result = hints_read(hints, &place, &record_bytes, &owed);
    }
    if (result == REPLICA_DONE && owed.data != NULL) {
        result = hints_merge(hints, owed, &incoming, &object);
        if (result == 0 && object.data == NULL) {
            return hints_confirm(hints);
        }
    }
    return result == REPLICA_DONE ? hints_put(hints, &place, object, pile, record_bytes) : result;
}

/* ---- walking, removing ---- */

struct hints_walking {
    struct hints *hints;
    struct hint_pile *pile;
    hint_visit visit;
    void *self;
};

static bool hints_on_entry(void *self, const struct engine_entry *entry)
{
    const struct hints_walking *walking = self;
    struct hint_entry hint = {.position = entry->position, .key = entry->key};
    if (hints_decode(entry->record, &hint.arrival, &hint.object) < 0) {
        hint.object = bytes_make(NULL, 0);
        log_error("hints: a record that is none, and is not delivered",
                  LOG_BYTES("key", entry->key));
    }
    /* Of a run whose clock was ahead of this one's: numbers go on above it. */
    if (hint.arrival > walking->hints->arrival) {
        walking->hints->arrival = hint.arrival;
    }
    if (hint.arrival > walking->pile->newest) {
        walking->pile->newest = hint.arrival;
    }
    return walking->visit(walking->self, &hint);
}

int hints_walk(struct hints *hints, uint32_t partition, uint64_t position, hint_visit visit,
               void *self, uint64_t *next)
{
    struct replica *replica = hints->replica;
    struct hints_walking walking = {
        .hints = hints, .pile = hints_find(hints, partition), .visit = visit, .self = self};
    return replica->engine->ops->walk(replica->engine, hints_place(hints, partition), position,
                                      waiting_ticket(&replica->reads), hints_on_entry, &walking,
                                      next);
}

int hints_remove(struct hints *hints, uint32_t partition, struct bytes key, uint64_t record_bytes)
{
    struct replica *replica = hints->replica;
    struct hint_pile *pile = hints_find(hints, partition);
    struct engine_key place = replica_key(replica, hints_place(hints, partition), key);
    uint64_t sequence = 0;
    int result = replica->engine->ops->remove(replica->engine, &place, &sequence);
    if (result < 0) {
        return result;
    }
    if (result == 1) {
        durability_issue(&replica->durability, sequence);
    }
    uint64_t keys = hints_less(pile->keys, 1);
    uint64_t bytes = hints_less(pile->bytes, key.len + record_bytes);
    hints_count(hints, pile, keys, keys == 0 ? 0 : bytes);
    return 0;
}

int hints_drop(struct hints *hints, uint32_t partition)
{
    struct replica *replica = hints->replica;
    uint64_t sequence = 0;
    int result =
        replica->engine->ops->drop(replica->engine, hints_place(hints, partition), &sequence);
    if (result < 0) {
        return result;
    }
    if (result == 1) {
        durability_issue(&replica->durability, sequence);
    }
    hints_count(hints, hints_find(hints, partition), 0, 0);
    return 0;
}

void hints_check(const struct hints *hints)
{
    uint64_t keys = 0;
    uint64_t bytes = 0;
    for (uint32_t p = hints->first; p < hints->partitions; p += hints->step) {
        const struct hint_pile *pile = hints_find(hints, p);
        ASSERT(pile->newest <= hints->arrival);
        ASSERT(pile->keys > 0 || pile->bytes == 0);
        keys += pile->keys;
        bytes += pile->bytes;
    }
    ASSERT(keys == hints->keys);
    ASSERT(bytes == hints->bytes);
}
