/* Schedules that chance would take long to find. Each belongs to one seed and is a story of what
 * went wrong in a system like this one, or in a draft of it. */
#include "versions_world.h"

static const struct intent value = {.writes = true, .kind = SIBLING_VALUE};
static const struct intent removal = {.writes = true, .kind = SIBLING_TOMBSTONE};

static void corner_write(struct world *world, uint32_t owner, struct intent intent)
{
    struct object held = world->ops->get(world->owners[owner], 0);
    struct dots seen = oracle_closure(world, &held);
    write_start(world, owner, 0, intent, held.context, &seen, false);
}

/* Delivers what is for these owners (a bit each) and their answers; the rest is lost. */
static void corner_deliver(struct world *world, uint32_t owners)
{
    for (uint32_t i = world->bag_count; i > 0; i--) {
        if ((owners >> world->bag[i - 1].to & 1) == 0) {
            world->bag[i - 1] = world->bag[--world->bag_count];
        }
    }
    world_drain(world);
}

static void corner_store(struct world *world, uint32_t from, uint32_t owners)
{
    struct object object = world->ops->get(world->owners[from], 0);
    uint64_t id = world->ids; /* of the write just made */
    world->bag_count = 0;
    for (uint32_t i = 0; i < WORLD_OWNERS; i++) {
        if (i != from && (owners >> i & 1) != 0) {
            struct message message = {.kind = OBJECT,
                                      .to = i,
                                      .id = id,
                                      .object = object,
                                      .actor = world->owners[from]->actor};
            member_send(world, &message);
        }
    }
    world_drain(world);
}

/* Drops its tombstones, going by what all owners have by now. */
static void corner_drop(struct world *world, uint32_t owner)
{
    for (uint32_t peer = 0; peer < WORLD_OWNERS; peer++) {
        owner_settle(world, peer);
        if (peer != owner) {
            owner_hear(world, owner, peer);
        }
    }
    owner_drop(world, owner);
}

/* An old hint reaches a refilling owner behind both its comparisons. */
static void corner_late_hint(struct world *world)
{
    corner_write(world, 0, value);
    struct object old = world->ops->get(world->owners[0], 0);
    world->bag_count = 0;
    fallback_leave(world, 0, 0, &old);
    corner_write(world, 0, removal);
    corner_store(world, 0, 6);
    for (uint32_t i = 1; i < WORLD_OWNERS; i++) {
        sync_whole(world, 0, i);
    }
    for (uint32_t i = 0; i < WORLD_OWNERS; i += 2) {
        corner_drop(world, i);
    }
    world->ops->settle(world->owners[1]);
    owner_end(world, 1, END_LOSS);
    sync_start(world, 0, 1);
    sync_start(world, 2, 1);
    for (uint32_t i = 0; i < 2; i++) {
        for (uint32_t step = 0; step < 2 * WORLD_KEYS; step++) {
            sync_step(world, i);
        }
    }
    fallback_push(world, 0);
    corner_deliver(world, 2); /* the late hint, then both joins */
    corner_write(world, 2, value);
    corner_store(world, 2, 1);
    read_start(world, 0, 0, (struct intent){0});
    corner_deliver(world, 3);
}

/* Two owners have dropped a tombstone that the third still has; a write over their nothing must not
 * leave it beside itself. */
static void corner_tombstone_left(struct world *world)
{
    corner_write(world, 1, value);
    corner_store(world, 1, 5);
    corner_write(world, 1, removal);
    corner_store(world, 1, 5);
    for (uint32_t i = 0; i < WORLD_OWNERS; i += 2) {
        sync_whole(world, 1, i);
        corner_drop(world, i);
    }
    read_start(world, 0, 0, value);
    corner_deliver(world, 5);
    corner_store(world, 0, 4);
    read_start(world, 2, 0, (struct intent){0});
    corner_deliver(world, 6);
}

/* An owner drops a tombstone that another has not even seen, which then writes: its write can't say
 * that it replaces the tombstone, and nobody who confirms it can see that it does not. */
static void corner_dropped_unseen(struct world *world)
{
    corner_write(world, 2, removal);
    corner_store(world, 2, 2);
    owner_settle(world, 2);
    owner_drop(world, 2);
    struct object held = world->ops->get(world->owners[0], 0);
    struct dots seen = oracle_closure(world, &held);
    write_start(world, 0, 0, value, held.context, &seen, true);
    corner_store(world, 0, 4);
    read_start(world, 1, 0, (struct intent){0});
    corner_deliver(world, 3);
}

static void sync_all_to(struct world *world, uint32_t target)
{
    for (uint32_t i = 0; i < WORLD_OWNERS; i++) {
        if (i != target) {
            sync_whole(world, i, target);
        }
    }
}

/* A hint's write reaches each owner, and each owner loses it before the next one has it: the hint
 * must not go for having been confirmed by three holdings of which two are no more. */
static void corner_confirmed_in_turn(struct world *world)
{
    corner_write(world, 0, value);
    struct object object = world->ops->get(world->owners[0], 0);
    dots_add(&world->acked_hint, world->dot_count - 1); /* by owner 0 and the fallback */
    world->bag_count = 0;
    fallback_leave(world, 0, 0, &object);
    for (uint32_t i = 0; i < WORLD_OWNERS; i++) {
        fallback_push(world, 0);
        corner_deliver(world, 1u << i | 1u << WORLD_OWNERS);
        owner_end(world, i, END_LOSS);
        sync_all_to(world, i);
    }
}

/* Everybody asks everybody about the first actor that has ended, and closes it if that may be. */
static void corner_close(struct world *world)
{
    for (uint32_t owner = 0; owner < WORLD_OWNERS; owner++) {
        for (uint32_t member = 0; member < WORLD_MEMBERS; member++) {
            end_ask(world, owner, 0, member);
        }
        sync_all_to(world, owner);
        end_close(world, owner, 0);
    }
}

/* The only copy of a write is a hint when its writer has ended: nobody may take the writer's dots
 * for seen before the hint has been delivered. */
static void corner_ended_in_hint(struct world *world)
{
    corner_write(world, 0, value);
    struct object object = world->ops->get(world->owners[0], 0);
    dots_add(&world->acked_hint, world->dot_count - 1);
    world->bag_count = 0;
    fallback_leave(world, 0, 0, &object);
    owner_end(world, 0, END_LOSS);
    corner_close(world);
}

/* A frame of a writer that has ended and was closed arrives after all: its dot is refused, but its
 * context would take away what it replaced. */
static void corner_late_frame(struct world *world)
{
    corner_write(world, 1, value);
    corner_store(world, 1, 5);
    corner_write(world, 0, value);
    world->bag_count = 0;
    struct message late = {.kind = OBJECT, .to = 1, .actor = world->owners[0]->actor};
    late.object = world->ops->get(world->owners[0], 0);
    owner_end(world, 0, END_LOSS);
    sync_all_to(world, 0);
    corner_close(world);
    member_send(world, &late);
    world_drain(world);
    read_start(world, 1, 0, (struct intent){0});
    corner_deliver(world, 6);
}

/* A tombstone is everywhere, what it replaced was not: only the tombstone's context keeps that from
 * coming to those who have never seen it. */
static void corner_replaced_unseen(struct world *world)
{
    corner_write(world, 2, value);
    struct object old = world->ops->get(world->owners[2], 0);
    world->bag_count = 0;
    fallback_leave(world, 0, 0, &old);
    read_start(world, 0, 0, removal);
    corner_deliver(world, 5);
    corner_store(world, 0, 6);
    for (uint32_t i = 0; i < WORLD_OWNERS; i++) {
        corner_drop(world, i);
    }
    fallback_push(world, 0);
    corner_deliver(world, 1);
    read_start(world, 0, 0, (struct intent){0});
    corner_deliver(world, 3);
}

/* Two owners forget at once, an old hint comes back to one of them: the third still knows that what
 * it carries was deleted. */
static void corner_two_forget(struct world *world)
{
    world->careless = true;
    corner_write(world, 0, value);
    struct object old = world->ops->get(world->owners[0], 0);
    world->bag_count = 0;
    corner_write(world, 0, removal);
    corner_store(world, 0, 6);
    for (uint32_t i = 0; i < WORLD_OWNERS; i++) {
        sync_all_to(world, i);
    }
    for (uint32_t i = 0; i < WORLD_OWNERS; i++) {
        corner_drop(world, i);
    }
    fallback_leave(world, 0, 0, &old);
    owner_end(world, 0, END_LOSS);
    owner_end(world, 1, END_LOSS);
    oracle_excuse(world);
    fallback_push(world, 0);
    corner_deliver(world, 3);
    sync_whole(world, 0, 1);
    sync_all_to(world, 0);
    sync_all_to(world, 1);
    read_start(world, 0, 0, (struct intent){0});
    corner_deliver(world, 3);
}

bool world_corner(struct world *world)
{
    static void (*const corners[])(struct world * world) = {
        corner_late_hint,     corner_confirmed_in_turn, corner_two_forget, corner_tombstone_left,
        corner_ended_in_hint, corner_dropped_unseen,    corner_late_frame, corner_replaced_unseen,
    };
    if (world->seed == 0 || world->seed > sizeof(corners) / sizeof(corners[0])) {
        return false;
    }
    world->careless = false;
    corners[world->seed - 1](world);
    return true;
}
