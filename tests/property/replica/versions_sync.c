/* Syncs from one owner to another, a key at a time, with everything else happening in between; and
 * the closing of actors that have ended, which rests on them. */
#include "versions_world.h"

#include <string.h>

static uint32_t other_owners(uint32_t owner)
{
    return ((1u << WORLD_OWNERS) - 1) & ~(1u << owner);
}

/* ---- syncs ---- */

struct world_sync *sync_start(struct world *world, uint32_t source, uint32_t target)
{
    struct world_sync *sync = arena_alloc(&world->arena, sizeof(*sync));
    world->syncs[world->sync_count++] = sync;
    *sync = (struct world_sync){
        .number = world_next_id(world), .source = source, .target = target, .left_count = 0};
    sync->clock = world_copy_clock(world, world->ops->clock(world->owners[source]));
    uint32_t first = world_below(world, WORLD_KEYS);
    for (uint32_t i = 0; i < WORLD_KEYS; i++) {
        sync->left[sync->left_count++] = (first + i) % WORLD_KEYS;
    }
    for (uint32_t i = 0; i < world->end_count; i++) {
        if (world->told_end[target][i] == (1u << WORLD_MEMBERS) - 1 &&
            !world->owners[source]->refilling) {
            sync->closes |= 1ull << i;
        }
    }
    world_say(world, "sync %u: %u -> %u begins", (unsigned)sync->number, source, target);
    world->ops->watch(world->owners[target], sync);
    if (world_breaks(world, MUTANT_early_join)) {
        world->ops->join(world->owners[target], sync->clock);
    }
    return sync;
}

static void sync_end(struct world *world, uint32_t index)
{
    struct world_sync *sync = world->syncs[index];
    world->ops->unwatch(world->owners[sync->target], sync);
    world->syncs[index] = world->syncs[--world->sync_count];
}

void syncs_end(struct world *world, uint32_t owner)
{
    for (uint32_t i = world->sync_count; i > 0; i--) {
        if (world->syncs[i - 1]->source == owner || world->syncs[i - 1]->target == owner) {
            sync_end(world, i - 1);
        }
    }
}

/* What was stored behind a sync's comparison is compared again, before the clock is joined: any of
 * it that the peer has seen and lacks is gone. */
void world_late(struct world *world, struct world_sync *sync, uint32_t key)
{
    if (sync->done[key] && !world_breaks(world, MUTANT_no_recheck)) {
        sync->done[key] = false;
        sync->left[sync->left_count++] = key;
    }
}

void world_stored(struct world *world, uint32_t owner, uint32_t key, const struct object *object,
                  const struct world_sync *by)
{
    for (uint32_t i = 0; i < world->sync_count; i++) {
        struct world_sync *sync = world->syncs[i];
        for (uint32_t s = 0; sync->target == owner && sync != by && s < object->sibling_count;
             s++) {
            if (partition_clock_seen(sync->clock, object->siblings[s].dot)) {
                world_late(world, sync, key);
            }
        }
    }
}

static void sync_arrive(struct world *world, uint32_t index)
{
    struct world_sync *sync = world->syncs[index];
    struct object theirs = sync->held;
    uint32_t key = sync->held_key;
    sync->holds = false;
    world->ops->take(world->owners[sync->target], sync, key, &theirs);
    sync->done[key] = true;
    for (uint32_t i = 0; i < sync->left_count; i++) {
        if (sync->left[i] == key) {
            sync->left[i--] = sync->left[--sync->left_count];
        }
    }
    struct object now = world->ops->get(world->owners[sync->target], key);
    world_say(world, "sync %u: key %u now %s", (unsigned)sync->number, key,
              object_text(world, &now));
}

static void sync_count_for_refill(struct world *world, const struct world_sync *sync)
{
    struct owner *target = world->owners[sync->target];
    if (!target->refilling) {
        return;
    }
    target->heard |= 1u << sync->source;
    if (!world->owners[sync->source]->refilling) {
        target->heard_whole |= 1u << sync->source;
    }
    uint32_t whole = (uint32_t)__builtin_popcount(target->heard_whole);
    if (whole >= WORLD_OWNERS - WORLD_W + 1 || target->heard == other_owners(sync->target)) {
        target->refilling = false;
        world->ops->complete(target);
        world_say(world, "%u has refilled", sync->target);
    }
}

static void sync_complete(struct world *world, uint32_t index)
{
    struct world_sync sync = *world->syncs[index];
    sync_end(world, index);
    struct owner *target = world->owners[sync.target];
    if (world_breaks(world, MUTANT_late_clock)) {
        sync.clock = world_copy_clock(world, world->ops->clock(world->owners[sync.source]));
    }
    world->ops->join(target, sync.clock);
    world_say(world, "sync %u: %u -> %u is complete", (unsigned)sync.number, sync.source,
              sync.target);
    for (uint32_t i = 0; i < world->end_count; i++) {
        if ((sync.closes >> i & 1) != 0) {
            world->synced_since[sync.target][i] |= 1u << sync.source;
        }
    }
    sync_count_for_refill(world, &sync);
}

void sync_step(struct world *world, uint32_t index)
{
    struct world_sync *sync = world->syncs[index];
    if (sync->holds) {
        sync_arrive(world, index);
    } else if (sync->left_count > 0) {
        uint32_t key = sync->left[0];
        sync->left_count--;
        memmove(sync->left, sync->left + 1, sync->left_count * sizeof(sync->left[0]));
        sync->held = world->ops->get(world->owners[sync->source], key);
        sync->held_key = key;
        sync->holds = true;
        sync->done[key] = false;
    } else {
        sync_complete(world, index);
    }
}

void sync_whole(struct world *world, uint32_t source, uint32_t target)
{
    uint64_t number = sync_start(world, source, target)->number;
    for (uint32_t i = 0; i < world->sync_count;) {
        if (world->syncs[i]->number == number) {
            sync_step(world, i);
            i = 0;
        } else {
            i++;
        }
    }
}

/* ---- ended actors ---- */

static void collect_dots(const struct world *world, const struct object *object, uint64_t actor,
                         struct dots *out)
{
    for (uint32_t i = 0; i < object->sibling_count; i++) {
        if (object->siblings[i].dot.actor == actor) {
            dots_add(out, oracle_find(world, object->siblings[i].dot));
        }
    }
}

static bool dots_empty(const struct dots *dots)
{
    uint64_t any = 0;
    for (uint32_t i = 0; i < WORLD_DOTS / 64; i++) {
        any |= dots->words[i];
    }
    return any == 0;
}

/* The owner asks a member whether it knows of the end: it does from now on, and says so unless it
 * owes a hint with dots of the actor. */
void end_ask(struct world *world, uint32_t owner, uint32_t end, uint32_t member)
{
    uint64_t actor = world->ends[end].actor;
    struct dots dots = {0};
    if (member < WORLD_OWNERS) {
        for (uint32_t key = 0; key < WORLD_KEYS; key++) {
            struct object object = world->ops->get(world->owners[member], key);
            collect_dots(world, &object, actor, &dots);
        }
        world->ended[member] |= 1ull << end;
    } else {
        struct fallback *fallback = &world->fallbacks[member - WORLD_OWNERS];
        for (uint32_t i = 0; i < fallback->count; i++) {
            collect_dots(world, &fallback->hints[i].object, actor, &dots);
        }
        fallback->ended |= 1ull << end;
        if (!dots_empty(&dots) && !world_breaks(world, MUTANT_close_no_hints) &&
            !world_breaks(world, MUTANT_close_by_report)) {
            return;
        }
    }
    world->told_end[owner][end] |= 1u << member;
    world->reported_dots[owner][end] = dots;
}

static bool end_covered(struct world *world, uint32_t owner, uint32_t end)
{
    const struct partition_clock *clock = world->ops->clock(world->owners[owner]);
    for (uint32_t i = 0; i < world->dot_count; i++) {
        if (dots_have(&world->reported_dots[owner][end], i) &&
            !partition_clock_seen(clock, world->dots[i].dot)) {
            return false;
        }
    }
    return true;
}

void end_close(struct world *world, uint32_t owner, uint32_t end)
{
    uint64_t actor = world->ends[end].actor;
    if (world->told_end[owner][end] != (1u << WORLD_MEMBERS) - 1 ||
        world->ops->closed(world->owners[owner], actor)) {
        return;
    }
    bool ready = world->synced_since[owner][end] == other_owners(owner);
    if (world_breaks(world, MUTANT_close_by_report)) {
        ready = end_covered(world, owner, end);
    }
    if (ready || world_breaks(world, MUTANT_close_no_sync)) {
        world->ops->close(world->owners[owner], actor);
        world->closes++;
        world_say(world, "%u closes %x", owner, (unsigned)actor & 0xffff);
    }
}
