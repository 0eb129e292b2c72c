/* A holding as the rules have it: objects, a clock, what peers told of theirs; and the states that
 * it may fall back to when its machine loses power. */
#include "versions_owner.h"

#include "versions_world.h"

#include <stdlib.h>
#include <string.h>

#define STATES_MAX 256u

/* As of some moment. */
struct state {
    struct object objects[WORLD_KEYS];
    const struct partition_clock *clock;
    const struct partition_clock *reports[WORLD_OWNERS]; /* NULL: none */
    uint64_t counter;
};

struct plain {
    struct owner owner;
    struct object objects[WORLD_KEYS];
    struct partition_clock clock;
    const struct partition_clock *reports[WORLD_OWNERS];
    uint64_t counter;
    const struct partition_clock *copy; /* of the clock, while it is at this version */
    uint64_t copy_version;
    struct state states[STATES_MAX];
    uint32_t state_count;
};

static struct plain *plain_of(struct owner *owner)
{
    return (struct plain *)owner;
}

static bool plain_breaks(const struct plain *plain, enum mutant mutant)
{
    return world_is_broken(plain->owner.world, (int)mutant);
}

static const struct partition_clock *plain_copy(struct plain *plain)
{
    if (plain->copy == NULL || plain->copy_version != plain->clock.version) {
        plain->copy = world_copy_clock(plain->owner.world, &plain->clock);
        plain->copy_version = plain->clock.version;
    }
    return plain->copy;
}

/* Before every change: from here a loss of power may go on. */
static void plain_note(struct plain *plain)
{
    if (plain->state_count == STATES_MAX) {
        return;
    }
    struct state *state = &plain->states[plain->state_count++];
    memcpy(state->objects, plain->objects, sizeof(state->objects));
    memcpy(state->reports, plain->reports, sizeof(state->reports));
    state->clock = plain_copy(plain);
    state->counter = plain->counter;
}

static struct owner *plain_new(struct world *world, uint32_t index)
{
    struct plain *plain = calloc(1, sizeof(*plain));
    if (plain == NULL) {
        abort();
    }
    plain->owner = (struct owner){.world = world, .index = index};
    plain->owner.actor = world_new_actor(world);
    partition_clock_init(&plain->clock);
    return &plain->owner;
}

static void plain_free(struct owner *owner)
{
    struct plain *plain = plain_of(owner);
    partition_clock_deinit(&plain->clock);
    free(plain);
}

static struct object plain_get(struct owner *owner, uint32_t key)
{
    return plain_of(owner)->objects[key];
}

static const struct partition_clock *plain_clock(struct owner *owner)
{
    return plain_copy(plain_of(owner));
}

/* An object without siblings isn't kept, its context neither. */
static void plain_put(struct plain *plain, uint32_t key, const struct object *object)
{
    plain->objects[key] = object->sibling_count > 0 ? *object : object_empty();
}

static void plain_merge(struct plain *plain, uint32_t key, const struct object *object,
                        const struct world_sync *by)
{
    struct world *world = plain->owner.world;
    const struct object *held = &plain->objects[key];
    struct object incoming = *object;
    if (!plain_breaks(plain, MUTANT_accept_covered)) {
        incoming = world_leave_out(world, object, &plain->clock, held);
    }
    struct object merged;
    if (object_merge(&world->arena, held, &incoming, &merged) != 0) {
        abort();
    }
    for (uint32_t i = 0; i < merged.sibling_count; i++) {
        partition_clock_add(&plain->clock, merged.siblings[i].dot);
    }
    if (plain_breaks(plain, MUTANT_context_clock)) {
        for (uint32_t i = 0; i < object->context.count; i++) {
            struct dot entry = object->context.entries[i];
            for (uint64_t n = 1; n <= entry.counter; n++) {
                partition_clock_add(&plain->clock, (struct dot){entry.actor, n});
            }
        }
    }
    plain_put(plain, key, &merged);
    world_stored(world, plain->owner.index, key, &merged, by);
}

static void plain_store(struct owner *owner, uint32_t key, const struct object *object)
{
    plain_note(plain_of(owner));
    plain_merge(plain_of(owner), key, object, NULL);
}

static void plain_watch(struct owner *owner, struct world_sync *sync)
{
    (void)owner;
    (void)sync;
}

static void plain_take(struct owner *owner, struct world_sync *sync, uint32_t key,
                       const struct object *theirs)
{
    struct plain *plain = plain_of(owner);
    plain_note(plain);
    if (theirs->sibling_count > 0) {
        plain_merge(plain, key, theirs, sync);
    }
    if (!plain_breaks(plain, MUTANT_keep_gone)) {
        struct object left =
            world_leave_out(owner->world, &plain->objects[key], sync->clock, theirs);
        plain_put(plain, key, &left);
    }
}

static struct dot plain_next_dot(struct plain *plain)
{
    return (struct dot){.actor = plain->owner.actor, .counter = ++plain->counter};
}

static struct dot plain_write(struct owner *owner, uint32_t key, struct version_vector seen,
                              enum sibling_kind kind, bool expires)
{
    struct plain *plain = plain_of(owner);
    plain_note(plain);
    struct sibling added = {
        .dot = plain_next_dot(plain), .kind = (uint8_t)kind, .expiry_ms = expires ? 1 : 0};
    struct object written;
    if (object_write(&owner->world->arena, &plain->objects[key], seen, &added, &written) == 0) {
        plain->objects[key] = written;
        partition_clock_add(&plain->clock, added.dot);
    }
    return added.dot;
}

static struct dot plain_expire(struct owner *owner, uint32_t key, struct dot sibling)
{
    struct plain *plain = plain_of(owner);
    plain_note(plain);
    const struct object *held = &plain->objects[key];
    struct sibling added = {.dot = plain_next_dot(plain), .kind = SIBLING_TOMBSTONE};
    struct object written;
    int result = plain_breaks(plain, MUTANT_expire_all)
                     ? object_write(&owner->world->arena, held, held->context, &added, &written)
                     : object_replace(&owner->world->arena, held, sibling, &added, &written);
    if (result == 0) {
        plain->objects[key] = written;
        partition_clock_add(&plain->clock, added.dot);
    }
    return added.dot;
}

static void plain_join(struct owner *owner, const struct partition_clock *clock)
{
    plain_note(plain_of(owner));
    partition_clock_join(&plain_of(owner)->clock, clock);
}

static void plain_close(struct owner *owner, uint64_t actor)
{
    plain_note(plain_of(owner));
    partition_clock_close(&plain_of(owner)->clock, actor);
}

static bool plain_closed(struct owner *owner, uint64_t actor)
{
    return partition_clock_closed(&plain_of(owner)->clock, actor);
}

static void plain_hear(struct owner *owner, uint32_t peer, uint64_t actor,
                       const struct partition_clock *told)
{
    (void)actor;
    plain_of(owner)->reports[peer] = told;
}

/* Does every owner's base cover the dot and all of the context? */
static bool plain_may_drop(struct plain *plain, struct dot dot, struct version_vector context)
{
    for (uint32_t i = 0; i < WORLD_OWNERS; i++) {
        bool own = i == plain->owner.index;
        const struct partition_clock *clock = own ? &plain->clock : plain->reports[i];
        if (!own && plain_breaks(plain, MUTANT_drop_alone)) {
            continue;
        }
        if (clock == NULL || !partition_clock_base_covers(clock, dot)) {
            return false;
        }
        if (!plain_breaks(plain, MUTANT_drop_on_dot) &&
            !partition_clock_base_descends(clock, context)) {
            return false;
        }
    }
    return true;
}

static void plain_drop(struct owner *owner)
{
    struct plain *plain = plain_of(owner);
    for (uint32_t key = 0; key < WORLD_KEYS; key++) {
        struct object held = plain->objects[key];
        struct object left = held;
        struct sibling *siblings =
            arena_alloc_array(&owner->world->arena, held.sibling_count, sizeof(*siblings));
        left.siblings = siblings;
        left.sibling_count = 0;
        for (uint32_t i = 0; i < held.sibling_count; i++) {
            const struct sibling *sibling = &held.siblings[i];
            if (sibling->kind != SIBLING_TOMBSTONE ||
                !plain_may_drop(plain, sibling->dot, held.context)) {
                siblings[left.sibling_count++] = *sibling;
            } else {
                world_dropped(owner->world, owner->index, key, sibling->dot);
            }
        }
        if (left.sibling_count < held.sibling_count) {
            plain_note(plain);
            plain_put(plain, key, &left);
        }
    }
}

static void plain_settle(struct owner *owner)
{
    plain_of(owner)->state_count = 0;
}

static bool plain_unsettled(struct owner *owner)
{
    return plain_of(owner)->state_count > 0;
}

static void plain_fall_back(struct plain *plain, const struct state *state)
{
    if (!plain_breaks(plain, MUTANT_keep_clock)) {
        partition_clock_clear(&plain->clock);
        if (state->clock != NULL && partition_clock_copy(state->clock, &plain->clock) != 0) {
            abort();
        }
    }
    memcpy(plain->objects, state->objects, sizeof(plain->objects));
    memcpy(plain->reports, state->reports, sizeof(plain->reports));
    plain->copy = NULL;
}

static void plain_end(struct owner *owner, enum owner_end end)
{
    struct plain *plain = plain_of(owner);
    static const struct state nothing;
    uint64_t counter = plain->counter;
    if (end == END_AMNESIA) {
        const struct state *state = &plain->states[world_pick(owner->world, plain->state_count)];
        counter = state->counter;
        plain_fall_back(plain, state);
    } else if (end == END_ROT) {
        struct state state = {0};
        memcpy(state.objects, plain->objects, sizeof(state.objects));
        state.objects[world_pick(owner->world, WORLD_KEYS)] = object_empty();
        plain_fall_back(plain, &state);
    } else if (end == END_LOSS) {
        counter = 0;
        plain_fall_back(plain, &nothing);
    }
    if (plain_breaks(plain, MUTANT_keep_actor)) {
        plain->counter = counter;
    } else {
        plain->owner.actor = world_new_actor(owner->world);
        plain->counter = 0;
    }
    plain->state_count = 0;
}

static void plain_complete(struct owner *owner)
{
    plain_settle(owner);
}

const struct owner_ops owner_plain = {
    .name = "plain",
    .new = plain_new,
    .free = plain_free,
    .get = plain_get,
    .clock = plain_clock,
    .store = plain_store,
    .watch = plain_watch,
    .unwatch = plain_watch,
    .take = plain_take,
    .write = plain_write,
    .expire = plain_expire,
    .join = plain_join,
    .close = plain_close,
    .closed = plain_closed,
    .hear = plain_hear,
    .told = plain_clock,
    .drop = plain_drop,
    .settle = plain_settle,
    .unsettled = plain_unsettled,
    .end = plain_end,
    .complete = plain_complete,
};
