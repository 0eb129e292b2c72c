/* The world itself: what its files share, and the phases of a schedule. */
#include "versions_world.h"

#include "replica/gone.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void world_say(struct world *world, const char *format, ...)
{
    if (world->tracing) {
        va_list list;
        va_start(list, format);
        vprintf(format, list);
        va_end(list);
        putchar('\n');
    }
}

void world_fail(struct world *world, const char *format, ...)
{
    if (world->failure[0] != 0) {
        return;
    }
    va_list list;
    va_start(list, format);
    vsnprintf(world->failure, sizeof(world->failure), format, list);
    va_end(list);
    world_say(world, "FAILED: %s", world->failure);
}

uint32_t world_below(struct world *world, uint32_t bound)
{
    return (uint32_t)random_below(&world->random, bound);
}

bool world_chance(struct world *world, double probability)
{
    return random_chance(&world->random, probability);
}

uint64_t world_next_id(struct world *world)
{
    return ++world->ids;
}

/* For traces: {context | siblings}, actors by their last four digits. */
const char *object_text(struct world *world, const struct object *object)
{
    if (!world->tracing) {
        return "";
    }
    char *text = arena_alloc(&world->arena, 2048);
    size_t at = 0;
    at += (size_t)snprintf(text, 2048, "{");
    for (uint32_t i = 0; i < object->context.count && at < 1800; i++) {
        const struct dot *dot = &object->context.entries[i];
        at += (size_t)snprintf(text + at, 2048 - at, " %x:%u", (unsigned)dot->actor & 0xffff,
                               (unsigned)dot->counter);
    }
    at += (size_t)snprintf(text + at, 2048 - at, " |");
    for (uint32_t i = 0; i < object->sibling_count && at < 1900; i++) {
        const struct sibling *sibling = &object->siblings[i];
        at +=
            (size_t)snprintf(text + at, 2048 - at, " %x.%u%s",
                             (unsigned)sibling->dot.actor & 0xffff, (unsigned)sibling->dot.counter,
                             sibling->kind == SIBLING_TOMBSTONE ? "t"
                             : sibling->expiry_ms != 0          ? "x"
                                                                : "v");
    }
    snprintf(text + at, 2048 - at, " }");
    return text;
}

void dots_add(struct dots *dots, uint32_t dot)
{
    dots->words[dot / 64] |= 1ull << (dot % 64);
}

bool dots_have(const struct dots *dots, uint32_t dot)
{
    return dot < WORLD_DOTS && (dots->words[dot / 64] >> (dot % 64) & 1) != 0;
}

void dots_join(struct dots *into, const struct dots *from)
{
    for (uint32_t i = 0; i < WORLD_DOTS / 64; i++) {
        into->words[i] |= from->words[i];
    }
}

/* ---- what owners use ---- */

struct arena *world_arena(struct world *world)
{
    return &world->arena;
}

uint32_t world_pick(struct world *world, uint32_t bound)
{
    return world_below(world, bound);
}

bool world_is_broken(const struct world *world, int mutant)
{
    return world->mutant == mutant;
}

uint64_t world_new_actor(struct world *world)
{
    return random_id(&world->random);
}

void world_dropped(struct world *world, uint32_t owner, uint32_t key, struct dot dot)
{
    world_say(world, "%u drops tombstone %x.%u of key %u", owner, (unsigned)dot.actor & 0xffff,
              (unsigned)dot.counter, key);
    world->drops++;
    dots_add(&world->dropped, oracle_find(world, dot));
}

const struct partition_clock *world_copy_clock(struct world *world,
                                               const struct partition_clock *clock)
{
    struct clock_copy *copy = arena_alloc(&world->arena, sizeof(*copy));
    partition_clock_init(&copy->clock);
    if (partition_clock_copy(clock, &copy->clock) != 0) {
        abort();
    }
    copy->next = world->copies;
    world->copies = copy;
    return &copy->clock;
}

struct object world_leave_out(struct world *world, const struct object *object,
                              const struct partition_clock *clock, const struct object *theirs)
{
    struct object out;
    if (gone_leave_out(&world->arena, object, clock, theirs, &out) != 0) {
        abort();
    }
    return out;
}

bool object_has(const struct object *object, struct dot dot)
{
    for (uint32_t i = 0; i < object->sibling_count; i++) {
        if (dot_equal(object->siblings[i].dot, dot)) {
            return true;
        }
    }
    return false;
}

/* ---- a schedule ---- */

void world_init(struct world *world, uint64_t seed, const struct owner_ops *ops, int mutant,
                bool tracing)
{
    *world = (struct world){.seed = seed, .ops = ops, .mutant = mutant, .tracing = tracing};
    random_init(&world->random, seed);
    arena_init(&world->arena, 0);
    for (uint32_t i = 0; i < WORLD_OWNERS; i++) {
        world->owners[i] = ops->new (world, i);
    }
}

void world_run(struct world *world)
{
    world_temper(world);
    if (!world_corner(world)) {
        uint32_t rounds = 1 + world_below(world, 2);
        for (uint32_t round = 0; round < rounds; round++) {
            world_story(world);
            uint32_t steps = 20 + world_below(world, 41);
            for (uint32_t i = 0; i < steps && world->failure[0] == 0; i++) {
                world_step(world);
            }
        }
    }
    if (world->failure[0] == 0) {
        world_heal(world);
    }
    if (world->failure[0] == 0) {
        oracle_judge_end(world);
    }
}

void world_deinit(struct world *world)
{
    for (uint32_t i = 0; i < WORLD_OWNERS; i++) {
        world->ops->free(world->owners[i]);
    }
    for (uint32_t i = 0; i < WORLD_FALLBACKS; i++) {
        free(world->fallbacks[i].hints);
    }
    for (struct clock_copy *copy = world->copies; copy != NULL; copy = copy->next) {
        partition_clock_deinit(&copy->clock);
    }
    free(world->bag);
    free(world->requests);
    arena_deinit(&world->arena);
}
