/* What happens when: a seed's temper, random steps, a common life of a key to bring schedules near
 * the edge, and healing. */
#include "versions_world.h"

typedef void (*step_fn)(struct world *world, uint32_t owner, uint32_t key);

static uint32_t some_owner(struct world *world)
{
    return world_below(world, WORLD_OWNERS);
}

static uint32_t some_other(struct world *world, uint32_t owner)
{
    return (owner + 1 + world_below(world, WORLD_OWNERS - 1)) % WORLD_OWNERS;
}

static struct intent some_intent(struct world *world)
{
    struct intent intent = {.writes = true};
    intent.kind = world_chance(world, 0.5) ? SIBLING_VALUE : SIBLING_TOMBSTONE;
    intent.expires = intent.kind == SIBLING_VALUE && world_chance(world, 0.1);
    return intent;
}

/* ---- steps ---- */

static void step_message(struct world *world, uint32_t owner, uint32_t key)
{
    (void)owner;
    (void)key;
    if (world->bag_count == 0) {
        return;
    }
    uint32_t i = world_below(world, world->bag_count);
    uint32_t luck = world_below(world, 100);
    struct message message = world->bag[i];
    if (luck >= 10) { /* else it stays, to be delivered again */
        world->bag[i] = world->bag[--world->bag_count];
    }
    if (luck < 90) { /* else it is lost */
        member_deliver(world, &message);
    }
}

static bool token_pick(struct world *world, uint32_t key, struct token *out)
{
    uint32_t count =
        world->token_count[key] < WORLD_TOKENS ? world->token_count[key] : WORLD_TOKENS;
    if (count == 0) {
        return false;
    }
    *out = world->tokens[key][world_below(world, count)];
    return true;
}

/* Without a context: verified, or where that can't be, after reading from R owners. */
static void write_blind(struct world *world, uint32_t owner, uint32_t key, struct intent intent)
{
    struct object held = world->ops->get(world->owners[owner], key);
    struct dots seen = oracle_closure(world, &held);
    if (world_breaks(world, MUTANT_blind_delete)) {
        struct dots claimed = oracle_claimable(world, &world->acked);
        dots_join(&seen, &claimed);
        write_start(world, owner, key, intent, held.context, &seen, false);
    } else if (world->owners[owner]->refilling || world_chance(world, 0.3)) {
        read_start(world, owner, key, intent);
    } else {
        write_start(world, owner, key, intent, held.context, &seen, true);
    }
}

static void step_write(struct world *world, uint32_t owner, uint32_t key)
{
    struct intent intent = some_intent(world);
    struct token token;
    if (world_breaks(world, MUTANT_fallback_dots) && world_chance(world, 0.3)) {
        fallback_write(world, world_below(world, WORLD_FALLBACKS), key, intent);
    } else if (world_chance(world, 0.5) && token_pick(world, key, &token)) {
        write_start(world, owner, key, intent, token.context, &token.seen, false);
    } else {
        write_blind(world, owner, key, intent);
    }
}

static void step_read(struct world *world, uint32_t owner, uint32_t key)
{
    read_start(world, owner, key, (struct intent){0});
}

static void step_sync(struct world *world, uint32_t owner, uint32_t key)
{
    (void)key;
    if (world->sync_count > 0 && world_chance(world, 0.85)) {
        sync_step(world, world_below(world, world->sync_count));
    } else if (world->sync_count < WORLD_SYNCS) {
        sync_start(world, owner, some_other(world, owner));
    }
}

static void step_whole_sync(struct world *world, uint32_t owner, uint32_t key)
{
    (void)key;
    sync_whole(world, owner, some_other(world, owner));
}

static void step_hints(struct world *world, uint32_t owner, uint32_t key)
{
    (void)owner;
    (void)key;
    fallback_push(world, world_below(world, WORLD_FALLBACKS));
}

static void step_lose_hints(struct world *world, uint32_t owner, uint32_t key)
{
    (void)owner;
    (void)key;
    fallback_lose(world, world_below(world, WORLD_FALLBACKS));
}

/* Owners tell each other their clocks now and then: a report may be old. */
static void step_drop(struct world *world, uint32_t owner, uint32_t key)
{
    (void)key;
    for (uint32_t peer = 0; peer < WORLD_OWNERS; peer++) {
        if (peer != owner && world_chance(world, 0.6)) {
            owner_hear(world, owner, peer);
        }
    }
    owner_drop(world, owner);
}

static void step_expire(struct world *world, uint32_t owner, uint32_t key)
{
    expire_start(world, owner, key);
}

static void step_settle(struct world *world, uint32_t owner, uint32_t key)
{
    (void)key;
    world->ops->settle(world->owners[owner]);
}

static void step_close(struct world *world, uint32_t owner, uint32_t key)
{
    (void)key;
    for (uint32_t end = 0; end < world->end_count; end++) {
        end_ask(world, owner, end, world_below(world, WORLD_MEMBERS));
        end_close(world, owner, end);
    }
}

static void step_restart(struct world *world, uint32_t owner, uint32_t key)
{
    (void)key;
    if (world->end_count < WORLD_ENDS) {
        owner_end(world, owner, END_RESTART);
    }
}

/* One owner at a time, until it has refilled; where the world is careless, two. */
static void step_loss(struct world *world, uint32_t owner, uint32_t key)
{
    (void)key;
    uint32_t refilling = 0;
    for (uint32_t i = 0; i < WORLD_OWNERS; i++) {
        refilling += i != owner && world->owners[i]->refilling;
    }
    if (refilling > (world->careless ? 1 : 0) || world->end_count == WORLD_ENDS) {
        return;
    }
    bool unsettled = world->ops->unsettled(world->owners[owner]);
    owner_end(world, owner,
              unsettled && world_chance(world, 0.5) ? END_AMNESIA
              : world_chance(world, 0.3)            ? END_ROT
                                                    : END_LOSS);
    if (refilling > 0) {
        oracle_excuse(world);
    }
}

static const struct {
    step_fn step;
    uint32_t weight;
} steps[] = {
    {step_message, 200},   {step_write, 40}, {step_read, 30},   {step_sync, 75},
    {step_whole_sync, 30}, {step_hints, 15}, {step_drop, 40},   {step_expire, 5},
    {step_settle, 15},     {step_close, 30}, {step_restart, 5}, {step_loss, 20},
    {step_lose_hints, 2},
};
#define STEPS (sizeof(steps) / sizeof(steps[0]))

void world_temper(struct world *world)
{
    static const uint32_t tempers[] = {1, 5, 5, 20};
    world->keys = 1 + world_below(world, WORLD_KEYS);
    world->careless = world_chance(world, 0.15);
    for (uint32_t i = 0; i < STEPS; i++) {
        world->weights[i] = steps[i].weight * tempers[world_below(world, 4)];
    }
}

void world_step(struct world *world)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < STEPS; i++) {
        sum += world->weights[i];
    }
    uint32_t luck = world_below(world, sum);
    uint32_t i = 0;
    while (luck >= world->weights[i]) {
        luck -= world->weights[i++];
    }
    uint32_t owner = some_owner(world);
    steps[i].step(world, owner, world_below(world, world->keys));
}

/* ---- a common life of a key ---- */

/* Delivers this share of what is on its way; some of it more than once. */
static void some_messages(struct world *world, double share)
{
    uint32_t count = world->bag_count;
    for (uint32_t i = 0; i < count && world->bag_count > 0; i++) {
        if (!world_chance(world, share)) {
            continue;
        }
        uint32_t at = i < world->bag_count ? i : world_below(world, world->bag_count);
        struct message message = world->bag[at];
        if (world_chance(world, 0.7)) {
            world->bag[at] = world->bag[--world->bag_count];
        }
        member_deliver(world, &message);
    }
    for (uint32_t i = 0; share > 0.8 && i < world->bag_count; i++) {
        if (world->bag[i].kind == ANSWER) {
            struct message message = world->bag[i];
            world->bag[i] = world->bag[--world->bag_count];
            member_deliver(world, &message);
        }
    }
}

static void several(struct world *world, uint32_t most, step_fn step, uint32_t key)
{
    uint32_t count = 1 + world_below(world, most);
    for (uint32_t i = 0; i < count; i++) {
        step(world, some_owner(world), key);
    }
}

static void scene(struct world *world, char what, uint32_t key)
{
    static const struct intent put = {.writes = true, .kind = SIBLING_VALUE};
    static const struct intent removal = {.writes = true, .kind = SIBLING_TOMBSTONE};
    uint32_t owner = some_owner(world);
    struct token token;
    switch (what) {
    case 'w':
        read_start(world, owner, key, put);
        some_messages(world, 0.9);
        break;
    case 'm':
        some_messages(world, 0.6);
        break;
    case 'l':
        if (world_chance(world, 0.5)) {
            step_loss(world, owner, key);
        }
        break;
    case 'r':
        step_read(world, owner, key);
        some_messages(world, 0.9);
        break;
    case 'o':
        if (token_pick(world, key, &token)) {
            write_start(world, owner, key, removal, token.context, &token.seen, false);
        }
        break;
    case 's':
        several(world, 8, step_whole_sync, key);
        break;
    case 'c':
        several(world, 20, step_close, key);
        break;
    default:
        step_drop(world, owner, key);
    }
}

void world_story(struct world *world)
{
    uint32_t key = world_below(world, world->keys);
    for (const char *what = "wmlrmomscldscdm"; *what != 0 && world->failure[0] == 0; what++) {
        if (world_chance(world, 0.75)) {
            scene(world, *what, key);
        }
    }
}

/* ---- healing ---- */

void world_drain(struct world *world)
{
    while (world->bag_count > 0 && world->failure[0] == 0) {
        uint32_t i = world_below(world, world->bag_count);
        struct message message = world->bag[i];
        world->bag[i] = world->bag[--world->bag_count];
        member_deliver(world, &message);
    }
    while (world->sync_count > 0 && world->failure[0] == 0) {
        sync_step(world, world_below(world, world->sync_count));
    }
}

static void heal_round(struct world *world)
{
    for (uint32_t i = 0; i < WORLD_FALLBACKS; i++) {
        fallback_push(world, i);
    }
    world_drain(world);
    for (uint32_t key = 0; key < WORLD_KEYS; key++) {
        for (uint32_t i = 0; i < 8; i++) {
            expire_start(world, 0, key);
            world_drain(world);
        }
    }
    for (uint32_t a = 0; a < WORLD_OWNERS; a++) {
        for (uint32_t b = 0; b < WORLD_OWNERS; b++) {
            if (a != b && world->failure[0] == 0) {
                sync_start(world, a, b);
                world_drain(world);
            }
        }
    }
    for (uint32_t end = 0; end < world->end_count; end++) {
        for (uint32_t owner = 0; owner < WORLD_OWNERS; owner++) {
            for (uint32_t member = 0; member < WORLD_MEMBERS; member++) {
                end_ask(world, owner, end, member);
            }
            end_close(world, owner, end);
        }
    }
    for (uint32_t owner = 0; owner < WORLD_OWNERS; owner++) {
        owner_settle(world, owner);
    }
    for (uint32_t owner = 0; owner < WORLD_OWNERS; owner++) {
        for (uint32_t peer = 0; peer < WORLD_OWNERS; peer++) {
            if (peer != owner) {
                owner_hear(world, owner, peer);
            }
        }
        owner_drop(world, owner);
    }
}

void world_heal(struct world *world)
{
    world_say(world, "---- faults stop");
    for (uint32_t i = 0; i < 7 && world->failure[0] == 0; i++) {
        heal_round(world);
    }
}
