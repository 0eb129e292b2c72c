/* A holding as it is: a replica of one partition over the memory engine, made to look like one that
 * keeps its data. Writes settle when the model says so. A loss of power goes back to what the
 * engine held before one of the writes that had not settled; the machine then knows that it may
 * have lost something (engine->behind). */
#include "versions_owner.h"

#include "base/limits.h"
#include "replica/replica.h"
#include "storage/memory_engine.h"
#include "support/fickle_engine.h"
#include "versions_world.h"

#include <stdlib.h>

#define PARTITION 0u
#define WALL_MS 1000u
#define TURN_US UINT64_C(2000000) /* from call to call: more than any pause between records */
#define STEP_BUDGET 4096u
#define STEPS_MAX 64u
#define STATES_MAX 256u

/* The engine's content at some moment. */
struct content {
    struct bytes objects[WORLD_KEYS]; /* data NULL: none */
    struct bytes record;
};

struct real {
    struct owner owner;
    struct fickle_engine *fickle;
    struct replica replica;
    struct holding *holding;
    struct arena arena;
    struct engine_key keys[WORLD_KEYS];
    uint64_t now_us;
    struct content states[STATES_MAX];
    uint32_t state_count;
};

static const char *const key_names[WORLD_KEYS] = {"k1", "k2"};

static struct real *real_of(struct owner *owner)
{
    return (struct real *)owner;
}

/* Before every call of the replica, as before every event of a node. */
static void real_turn(struct real *real)
{
    real->now_us += TURN_US;
    real->fickle->engine.now_us = real->now_us;
    arena_reset(&real->arena);
}

static void require(bool fact)
{
    if (!fact) {
        abort();
    }
}

static struct bytes keep(struct real *real, struct bytes bytes)
{
    return bytes.data == NULL ? bytes : arena_copy(world_arena(real->owner.world), bytes);
}

static struct bytes encoded_of(struct real *real, uint32_t key)
{
    struct bytes encoded;
    require(replica_read_encoded(&real->replica, &real->keys[key], &encoded) == REPLICA_DONE);
    return encoded;
}

static struct content content_of(struct real *real)
{
    struct content content = {0};
    struct engine *engine = real->fickle->inner;
    for (uint32_t key = 0; key < WORLD_KEYS; key++) {
        content.objects[key] = keep(real, encoded_of(real, key));
    }
    if (engine->ops->get_holding(engine, PARTITION, &content.record) == 0) {
        content.record = keep(real, content.record);
    }
    return content;
}

/* Before every change: from here a loss of power may go on. */
static void real_note(struct real *real)
{
    real_turn(real);
    if (real->state_count < STATES_MAX) {
        real->states[real->state_count++] = content_of(real);
    }
}

/* ---- beginning and ending ---- */

static bool real_expired(void *self, struct holding *holding, const struct engine_key *key,
                         const struct object *held, struct dot dot)
{
    (void)self;
    (void)holding;
    (void)key;
    (void)held;
    (void)dot;
    return false; /* the model's schedule decides when */
}

static void real_work(struct real *real)
{
    for (uint32_t i = 0; i < STEPS_MAX; i++) {
        real_turn(real);
        struct moment now = {.mono_us = real->now_us, .wall_ms = WALL_MS};
        if (replica_step(&real->replica, now, STEP_BUDGET) > real->now_us + TURN_US) {
            return;
        }
    }
}

static void real_open(struct real *real, const struct content *content, enum owner_end after)
{
    bool forgets = after != END_RESTART && after != END_NONE;
    real->fickle = fickle_engine_new(1);
    struct engine *store = real->fickle->inner;
    uint64_t sequence;
    real->fickle->engine.keeps_data = true;
    real->fickle->engine.behind = after == END_AMNESIA || after == END_LOSS;
    real->fickle->lost_partition = after == END_ROT ? PARTITION : UINT32_MAX;
    real->fickle->slow = true;
    replica_init(&real->replica, &real->fickle->engine, &real->owner.world->random, &real->arena,
                 UINT64_C(1000000000));
    real->replica.listener.expired = real_expired;
    for (uint32_t key = 0; key < WORLD_KEYS; key++) {
        real->keys[key] = replica_key(&real->replica, PARTITION, bytes_from_string(key_names[key]));
        if (content->objects[key].data != NULL) {
            require(store->ops->put(store, &real->keys[key], content->objects[key], &sequence) ==
                    0);
        }
    }
    if (content->record.data != NULL) {
        require(store->ops->put_holding(store, PARTITION, content->record, &sequence) == 0);
    }
    real_turn(real);
    require(replica_resume(&real->replica, PARTITION, after != END_NONE, &real->holding) == 0);
    uint64_t others[WORLD_OWNERS - 1];
    for (uint32_t i = 0, count = 0; i < WORLD_OWNERS; i++) {
        if (i != real->owner.index) {
            others[count++] = i + 1;
        }
    }
    require(replica_set_owners(real->holding, others, WORLD_OWNERS - 1) == 0);
    real_work(real);
    real->owner.actor = real->holding->actor;
    require(real->holding->refilling || !forgets);
}

static void real_shut(struct real *real)
{
    replica_check(&real->replica);
    replica_deinit(&real->replica);
    real->fickle->engine.ops->free(&real->fickle->engine);
}

static struct owner *real_new(struct world *world, uint32_t index)
{
    struct real *real = calloc(1, sizeof(*real));
    require(real != NULL);
    static const struct content nothing;
    real->owner = (struct owner){.world = world, .index = index};
    arena_init(&real->arena, LIMIT_ARENA_KEEP_BYTES);
    real_open(real, &nothing, END_NONE);
    return &real->owner;
}

static void real_free(struct owner *owner)
{
    struct real *real = real_of(owner);
    real_shut(real);
    arena_deinit(&real->arena);
    free(real);
}

static void real_end(struct owner *owner, enum owner_end end)
{
    struct real *real = real_of(owner);
    struct content content = {0};
    if (end == END_RESTART || end == END_ROT) {
        content = content_of(real);
    } else if (end == END_AMNESIA) {
        content = real->states[world_pick(owner->world, real->state_count)];
    }
    if (end == END_ROT) {
        content.objects[world_pick(owner->world, WORLD_KEYS)].data = NULL;
    }
    real_shut(real);
    real_open(real, &content, end);
    real->state_count = 0;
}

/* ---- objects ---- */

static struct object real_get(struct owner *owner, uint32_t key)
{
    struct real *real = real_of(owner);
    real_turn(real);
    struct bytes encoded = keep(real, encoded_of(real, key));
    struct object object = object_empty();
    require(encoded.data == NULL ||
            object_decode(world_arena(owner->world), encoded, &object) == 0);
    return object;
}

static const struct partition_clock *real_clock(struct owner *owner)
{
    return &real_of(owner)->holding->clock;
}

static struct bytes encode(struct real *real, const struct object *object)
{
    struct buffer buffer;
    buffer_init(&buffer, 0);
    require(object_encode(object, &buffer) == 0);
    struct bytes encoded = keep(real, buffer_bytes(&buffer));
    buffer_deinit(&buffer);
    return encoded;
}

static void real_store(struct owner *owner, uint32_t key, const struct object *object)
{
    struct real *real = real_of(owner);
    real_note(real);
    require(replica_store(&real->replica, &real->keys[key], encode(real, object), WALL_MS, NULL) >=
            0);
}

static struct dot real_write(struct owner *owner, uint32_t key, struct version_vector seen,
                             enum sibling_kind kind, bool expires)
{
    struct real *real = real_of(owner);
    real_note(real);
    struct sibling added = {.kind = (uint8_t)kind, .expiry_ms = expires ? 1 : 0};
    struct replica_written written = {0};
    if (replica_write(&real->replica, real->holding, &real->keys[key], seen, &added, WALL_MS,
                      &written) < 0) {
        world_fail(owner->world, "%u can't write any more", owner->index);
    }
    return written.dot;
}

static struct dot real_expire(struct owner *owner, uint32_t key, struct dot sibling)
{
    struct real *real = real_of(owner);
    real_note(real);
    struct object held = object_empty();
    struct replica_written written = {0};
    require(replica_read(&real->replica, &real->keys[key], &held) == REPLICA_DONE);
    if (replica_expire(&real->replica, real->holding, &real->keys[key], &held, sibling, WALL_MS,
                       &written) < 0) {
        world_fail(owner->world, "%u can't remove what has expired", owner->index);
    }
    return written.dot;
}

/* ---- syncs ---- */

struct real_watch {
    struct sync_watch watch;
    struct world *world;
    struct world_sync *sync;
};

static void real_late(struct sync_watch *watch, uint64_t position)
{
    struct real_watch *real_watch = (struct real_watch *)watch;
    struct real *real = real_of(real_watch->world->owners[real_watch->sync->target]);
    for (uint32_t key = 0; key < WORLD_KEYS; key++) {
        if (real->keys[key].position == position) {
            world_late(real_watch->world, real_watch->sync, key);
        }
    }
}

static void real_ended(struct sync_watch *watch)
{
    (void)watch; /* the model ends its syncs with the holding */
}

static void real_watch(struct owner *owner, struct world_sync *sync)
{
    struct real_watch *watch = arena_alloc(world_arena(owner->world), sizeof(*watch));
    *watch = (struct real_watch){.world = owner->world, .sync = sync};
    watch->watch.peer_clock = sync->clock;
    watch->watch.late = real_late;
    watch->watch.ended = real_ended;
    sync->watch = watch;
    replica_watch(real_of(owner)->holding, &watch->watch);
}

static void real_unwatch(struct owner *owner, struct world_sync *sync)
{
    (void)owner;
    replica_unwatch(&((struct real_watch *)sync->watch)->watch);
}

static void real_take(struct owner *owner, struct world_sync *sync, uint32_t key,
                      const struct object *theirs)
{
    struct real *real = real_of(owner);
    real_note(real);
    struct sync_watch *watch = &((struct real_watch *)sync->watch)->watch;
    struct bytes encoded = {0};
    if (theirs->sibling_count > 0) {
        encoded = encode(real, theirs);
    }
    int result;
    if (encoded.data == NULL && world_pick(owner->world, 2) == 0) {
        result = replica_take_absence(&real->replica, watch, real->keys[key].position,
                                      real->keys[key].tag, NULL);
    } else {
        result = replica_take(&real->replica, watch, &real->keys[key], encoded, WALL_MS, NULL);
    }
    require(result == REPLICA_DONE || result == REPLICA_HELD);
}

static void real_join(struct owner *owner, const struct partition_clock *clock)
{
    struct real *real = real_of(owner);
    real_note(real);
    replica_join_clock(&real->replica, real->holding, clock);
}

/* ---- clocks and tombstones ---- */

static void real_close(struct owner *owner, uint64_t actor)
{
    struct real *real = real_of(owner);
    real_note(real);
    partition_clock_close(&real->holding->clock, actor);
    replica_tell_clock(&real->replica, real->holding);
}

static bool real_closed(struct owner *owner, uint64_t actor)
{
    return partition_clock_closed(&real_of(owner)->holding->clock, actor);
}

static void real_hear(struct owner *owner, uint32_t peer, uint64_t actor,
                      const struct partition_clock *told)
{
    real_turn(real_of(owner));
    replica_report(real_of(owner)->holding, peer + 1, actor, told);
}

/* Only what is on stable storage is told. */
static const struct partition_clock *real_told(struct owner *owner)
{
    struct real *real = real_of(owner);
    real_turn(real);
    replica_tell_clock(&real->replica, real->holding);
    return &real->holding->told;
}

static void real_drop(struct owner *owner)
{
    struct real *real = real_of(owner);
    struct object before[WORLD_KEYS];
    for (uint32_t key = 0; key < WORLD_KEYS; key++) {
        before[key] = real_get(owner, key);
    }
    real_note(real);
    replica_tell_clock(&real->replica, real->holding);
    real_work(real);
    for (uint32_t key = 0; key < WORLD_KEYS; key++) {
        struct object after = real_get(owner, key);
        for (uint32_t i = 0; i < before[key].sibling_count; i++) {
            if (!object_has(&after, before[key].siblings[i].dot)) {
                world_dropped(owner->world, owner->index, key, before[key].siblings[i].dot);
            }
        }
    }
}

static void real_settle(struct owner *owner)
{
    struct real *real = real_of(owner);
    real_turn(real);
    fickle_engine_settle(real->fickle);
    real->state_count = 0;
}

static bool real_unsettled(struct owner *owner)
{
    return real_of(owner)->state_count > 0;
}

static void real_complete(struct owner *owner)
{
    struct real *real = real_of(owner);
    real_turn(real);
    replica_complete(&real->replica, real->holding);
    real_settle(owner);
}

const struct owner_ops owner_replica = {
    .name = "real",
    .new = real_new,
    .free = real_free,
    .get = real_get,
    .clock = real_clock,
    .store = real_store,
    .watch = real_watch,
    .unwatch = real_unwatch,
    .take = real_take,
    .write = real_write,
    .expire = real_expire,
    .join = real_join,
    .close = real_close,
    .closed = real_closed,
    .hear = real_hear,
    .told = real_told,
    .drop = real_drop,
    .settle = real_settle,
    .unsettled = real_unsettled,
    .end = real_end,
    .complete = real_complete,
};
