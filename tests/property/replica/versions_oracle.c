/* The oracle: it sees each dot being issued, and what the write that issued it truly replaced, and
 * judges by nothing else what reads and holdings show. */
#include "versions_world.h"

uint32_t oracle_find(const struct world *world, struct dot dot)
{
    for (uint32_t i = world->dot_count; i > 0; i--) {
        if (dot_equal(world->dots[i - 1].dot, dot)) {
            return i - 1;
        }
    }
    return WORLD_DOTS;
}

uint32_t oracle_issue(struct world *world, uint32_t key, struct dot dot, const struct dots *seen)
{
    if (oracle_find(world, dot) < WORLD_DOTS || world->dot_count == WORLD_DOTS) {
        world_fail(world, "dot %x.%u was issued twice", (unsigned)dot.actor & 0xffff,
                   (unsigned)dot.counter);
        return WORLD_DOTS - 1;
    }
    uint32_t number = world->dot_count++;
    world->dots[number] = (struct known_dot){.dot = dot, .key = key, .replaced = *seen};
    return number;
}

void oracle_claim(struct world *world, uint32_t dot, const struct dots *seen)
{
    for (uint32_t i = 0; i < world->dot_count; i++) {
        if (i == dot || dots_have(&world->dots[i].replaced, dot)) {
            dots_join(&world->dots[i].replaced, seen);
        }
    }
}

struct dots oracle_claimable(const struct world *world, const struct dots *acked)
{
    struct dots claimable;
    for (uint32_t i = 0; i < WORLD_DOTS / 64; i++) {
        claimable.words[i] = acked->words[i] & ~world->excused.words[i];
    }
    return claimable;
}

struct dots oracle_closure(const struct world *world, const struct object *object)
{
    struct dots closure = {0};
    for (uint32_t i = 0; i < object->sibling_count; i++) {
        uint32_t dot = oracle_find(world, object->siblings[i].dot);
        if (dot < WORLD_DOTS) {
            dots_add(&closure, dot);
            dots_join(&closure, &world->dots[dot].replaced);
        }
    }
    return closure;
}

/* The write, or something that saw it: does the mask have any of these? */
static bool oracle_outlived(const struct world *world, uint32_t dot, const struct dots *there)
{
    for (uint32_t i = 0; i < world->dot_count; i++) {
        if (dots_have(there, i) && (i == dot || dots_have(&world->dots[i].replaced, dot))) {
            return true;
        }
    }
    return false;
}

void oracle_judge(struct world *world, uint32_t key, const struct object *object,
                  const struct dots *acked, const char *where)
{
    struct dots there = world->dropped;
    for (uint32_t i = 0; i < object->sibling_count; i++) {
        uint32_t dot = oracle_find(world, object->siblings[i].dot);
        if (dot == WORLD_DOTS) {
            world_fail(world, "%s: nobody issued %s", where, object_text(world, object));
            return;
        }
        dots_add(&there, dot);
    }
    for (uint32_t i = 0; i < world->dot_count; i++) {
        const struct known_dot *known = &world->dots[i];
        if (known->key != key || !dots_have(acked, i) || dots_have(&world->excused, i)) {
            continue;
        }
        if (!oracle_outlived(world, i, &there)) {
            world_fail(world, "%s: key %u lost acknowledged %x.%u", where, key,
                       (unsigned)known->dot.actor & 0xffff, (unsigned)known->dot.counter);
        }
        for (uint32_t s = 0; s < object->sibling_count; s++) {
            struct dot dot = object->siblings[s].dot;
            if (dots_have(&known->replaced, oracle_find(world, dot))) {
                world_fail(world, "%s: key %u shows %x.%u, which %x.%u replaced", where, key,
                           (unsigned)dot.actor & 0xffff, (unsigned)dot.counter,
                           (unsigned)known->dot.actor & 0xffff, (unsigned)known->dot.counter);
            }
        }
    }
}

static bool siblings_equal(const struct object *a, const struct object *b)
{
    bool equal = a->sibling_count == b->sibling_count;
    for (uint32_t i = 0; equal && i < a->sibling_count; i++) {
        equal = dot_equal(a->siblings[i].dot, b->siblings[i].dot);
    }
    return equal;
}

void oracle_judge_end(struct world *world)
{
    struct dots acked = world->acked;
    for (uint32_t i = 0; i < WORLD_DOTS / 64; i++) {
        acked.words[i] |= world->acked_hint.words[i] & ~world->unhinted.words[i];
    }
    for (uint32_t key = 0; key < WORLD_KEYS; key++) {
        struct object first = world->ops->get(world->owners[0], key);
        for (uint32_t i = 0; i < WORLD_OWNERS; i++) {
            struct object object = world->ops->get(world->owners[i], key);
            oracle_judge(world, key, &object, &acked, "at the end");
            if (!siblings_equal(&object, &first)) {
                world_fail(world, "at the end owners 0 and %u differ in key %u", i, key);
            }
            for (uint32_t s = 0; s < object.sibling_count; s++) {
                if (object.siblings[s].kind == SIBLING_TOMBSTONE) {
                    world_fail(world, "at the end owner %u keeps a tombstone: %s", i,
                               object_text(world, &object));
                }
                if (object.siblings[s].expiry_ms != 0) {
                    world_fail(world, "at the end owner %u keeps what has expired: %s", i,
                               object_text(world, &object));
                }
            }
        }
    }
    for (uint32_t i = 0; i < WORLD_OWNERS; i++) {
        if (world->owners[i]->refilling) {
            world_fail(world, "at the end owner %u has not refilled", i);
        }
    }
    for (uint32_t i = 0; i < WORLD_FALLBACKS; i++) {
        if (world->fallbacks[i].count > 0) {
            world_fail(world, "at the end hints remain");
        }
    }
}

void oracle_excuse(struct world *world)
{
    struct dots there = world->dropped;
    for (uint32_t key = 0; key < WORLD_KEYS; key++) {
        for (uint32_t i = 0; i < WORLD_OWNERS; i++) {
            struct object object = world->ops->get(world->owners[i], key);
            for (uint32_t s = 0; s < object.sibling_count; s++) {
                dots_add(&there, oracle_find(world, object.siblings[s].dot));
            }
        }
    }
    for (uint32_t i = 0; i < world->dot_count; i++) {
        if (!oracle_outlived(world, i, &there)) {
            dots_add(&world->excused, i);
        }
    }
}
