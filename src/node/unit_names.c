/* Every key that is there, for units that ask: each worker appends those of its partitions, and has
 * everything locked meanwhile. */
#include "base/byteorder.h"
#include "model/shown.h"
#include "node/core.h"
#include "shoal/error.h"

#define NAMES_SCRATCH_BYTES ((size_t)64 * LIMIT_KIB)

struct names_walk {
    struct unit_work *work;
    struct arena scratch; /* for one record after the other: all of them would be a lot */
    struct buffer *names;
    int result;
};

/* The walk may not call the engine; decoding what it shows is no call. */
static bool names_visit(void *self, const struct engine_entry *entry)
{
    struct names_walk *walk = self;
    struct worker *worker = walk->work->worker;
    struct object held;
    uint8_t len[sizeof(uint32_t)];
    arena_reset(&walk->scratch);
    if (object_decode(&walk->scratch, entry->record, &held) < 0 ||
        object_winner(&held, worker->now.wall_ms + 1) == NULL) {
        return true;
    }
    store_u32_le(len, (uint32_t)entry->key.len);
    walk->result = buffer_append(walk->names, len, sizeof(len));
    if (walk->result == 0) {
        walk->result = buffer_append_bytes(walk->names, entry->key);
    }
    return walk->result == 0;
}

static int names_walk_all(struct names_walk *walk)
{
    struct unit_work *work = walk->work;
    struct worker *worker = work->worker;
    struct engine *engine = worker->engine;
    uint32_t partition = worker->index + work->walked * worker->count;
    while (partition < worker->units.partitions) {
        uint64_t next = 0;
        int result =
            engine->ops->walk(engine, partition, work->walked_up_to,
                              waiting_ticket(&worker->replica.reads), names_visit, walk, &next);
        if (walk->result < 0 || result < 0) {
            return walk->result < 0 ? walk->result : result;
        }
        if (result == 2) {
            work->walked_up_to = next;
            return REPLICA_PENDING;
        }
        work->walked_up_to = 0;
        work->walked++;
        partition += worker->count;
    }
    return REPLICA_DONE;
}

int unit_names_take(struct unit_work *work, struct buffer *names)
{
    struct names_walk walk = {.work = work, .names = names};
    arena_init(&walk.scratch, NAMES_SCRATCH_BYTES);
    int result = names_walk_all(&walk);
    arena_deinit(&walk.scratch);
    return result;
}

static uint32_t names_count(struct bytes rest)
{
    uint32_t count = 0;
    while (rest.len > 0) {
        size_t len = sizeof(uint32_t) + load_u32_le(rest.data);
        rest = bytes_make(rest.data + len, rest.len - len);
        count++;
    }
    return count;
}

int unit_names_give(struct unit *unit, const struct unit_part *parts, uint32_t count)
{
    uint32_t total = 0;
    for (uint32_t i = 0; i < count; i++) {
        total += names_count(buffer_bytes(&parts[i].names));
    }
    struct unit_name *names = arena_alloc_array(unit->memory, total, sizeof(*names));
    if (names == NULL) {
        return SHOAL_ENOMEM;
    }
    unit->names = names;
    unit->name_count = total;
    for (uint32_t i = 0; i < count; i++) {
        struct bytes rest = buffer_bytes(&parts[i].names);
        while (rest.len > 0) {
            uint32_t len = load_u32_le(rest.data);
            (names++)->key = bytes_make(rest.data + sizeof(len), len);
            rest = bytes_make(rest.data + sizeof(len) + len, rest.len - sizeof(len) - len);
        }
    }
    return 0;
}
