/* What members do: owners take objects and answer, forget and begin anew; fallbacks keep hints for
 * the owners and push them until each owner has confirmed and is still the one that did. */
#include "versions_world.h"

#include <stdlib.h>

/* ---- the network ---- */

void member_send(struct world *world, const struct message *message)
{
    if (world->bag_count == world->bag_capacity) {
        world->bag_capacity = world->bag_capacity == 0 ? 64 : world->bag_capacity * 2;
        world->bag = realloc(world->bag, world->bag_capacity * sizeof(*world->bag));
        if (world->bag == NULL) {
            abort();
        }
    }
    world->bag[world->bag_count++] = *message;
}

/* Requests die with their receiver's process, what was only in its memory does not matter to them
 * then: a frame of a writer that has ended can't reach a process that began later. */
static void member_cut_off(struct world *world, uint32_t member)
{
    for (uint32_t i = world->bag_count; i > 0; i--) {
        const struct message *message = &world->bag[i - 1];
        if (message->kind == OBJECT && message->to == member) {
            world->bag[i - 1] = world->bag[--world->bag_count];
        }
    }
}

/* ---- owners ---- */

void owner_store(struct world *world, uint32_t owner, uint32_t key, const struct object *object)
{
    world->ops->store(world->owners[owner], key, object);
}

void owner_settle(struct world *world, uint32_t owner)
{
    for (uint32_t i = 0; i < 2; i++) { /* a record may be on its way already, of before */
        (void)world->ops->told(world->owners[owner]);
        world->ops->settle(world->owners[owner]);
    }
}

/* What a report says may be old by the time it is used. */
void owner_hear(struct world *world, uint32_t owner, uint32_t peer)
{
    struct owner *from = world->owners[peer];
    const struct partition_clock *told = world_copy_clock(world, world->ops->told(from));
    world->ops->hear(world->owners[owner], peer, from->actor, told);
}

void owner_drop(struct world *world, uint32_t owner)
{
    world->ops->drop(world->owners[owner]);
}

void owner_end(struct world *world, uint32_t owner, enum owner_end end)
{
    struct owner *at = world->owners[owner];
    uint64_t old = at->actor;
    syncs_end(world, owner);
    world->ops->end(at, end);
    if (end != END_RESTART) {
        at->refilling = true;
        at->heard = 0;
        at->heard_whole = 0;
        world->losses++;
    }
    if (at->actor != old) {
        world->ends[world->end_count++] = (struct ended_actor){.actor = old, .owner = owner};
    }
    requests_end(world, owner);
    member_cut_off(world, owner);
    world->ended[owner] = 0;
    for (uint32_t i = 0; i < WORLD_ENDS; i++) {
        world->told_end[owner][i] = 0;
        world->synced_since[owner][i] = 0;
        world->reported_dots[owner][i] = (struct dots){0};
    }
    world_say(world, "%u %s: actor %x ends, %x begins", owner,
              end == END_RESTART   ? "restarts"
              : end == END_AMNESIA ? "loses its last writes"
              : end == END_ROT     ? "loses an object to rot"
                                   : "loses its disk",
              (unsigned)old & 0xffff, (unsigned)at->actor & 0xffff);
}

/* ---- fallbacks ---- */

void fallback_leave(struct world *world, uint32_t fallback, uint32_t key,
                    const struct object *object)
{
    struct fallback *at = &world->fallbacks[fallback];
    if (at->count == at->capacity) {
        at->capacity = at->capacity == 0 ? 8 : at->capacity * 2;
        at->hints = realloc(at->hints, at->capacity * sizeof(*at->hints));
        if (at->hints == NULL) {
            abort();
        }
    }
    at->hints[at->count++] =
        (struct hint){.id = world_next_id(world), .key = key, .object = *object};
}

/* Once to each owner that has not confirmed; when all have, once more to all, to see that the
 * holdings that confirmed are still there. So at one moment all of them held it. */
void fallback_push(struct world *world, uint32_t fallback)
{
    const struct fallback *at = &world->fallbacks[fallback];
    for (uint32_t i = 0; i < at->count; i++) {
        const struct hint *hint = &at->hints[i];
        for (uint32_t owner = 0; owner < WORLD_OWNERS; owner++) {
            if (hint->again ? hint->still[owner] : hint->confirmed[owner] != 0) {
                continue;
            }
            struct message push = {.kind = HINT,
                                   .to = owner,
                                   .from = WORLD_OWNERS + fallback,
                                   .key = hint->key,
                                   .id = hint->id,
                                   .object = hint->object,
                                   .again = hint->again};
            member_send(world, &push);
        }
    }
}

void fallback_lose(struct world *world, uint32_t fallback)
{
    struct fallback *at = &world->fallbacks[fallback];
    world_say(world, "fallback %u loses its hints", fallback);
    for (uint32_t i = 0; i < at->count; i++) {
        struct dots dots = oracle_closure(world, &at->hints[i].object);
        dots_join(&world->unhinted, &dots);
    }
    at->count = 0;
    at->ended = 0;
    member_cut_off(world, WORLD_OWNERS + fallback);
}

/* Have all confirmed, this round? */
static bool hint_confirmed(const struct hint *hint)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < WORLD_OWNERS; i++) {
        count += hint->again ? hint->still[i] : hint->confirmed[i] != 0;
    }
    return count == WORLD_OWNERS;
}

static void hint_take(struct world *world, struct hint *hint, const struct message *message)
{
    uint32_t from = message->from;
    if (hint->again && hint->confirmed[from] != message->actor) {
        hint->again = false; /* another holding: what the one before had may be lost */
        for (uint32_t i = 0; i < WORLD_OWNERS; i++) {
            hint->still[i] = false;
        }
    }
    hint->confirmed[from] = message->actor;
    if (hint->again && message->again) {
        hint->still[from] = true;
    }
    if (!hint->again && hint_confirmed(hint) && !world_breaks(world, MUTANT_hint_any_actor)) {
        hint->again = true;
    }
}

static void fallback_confirmed(struct world *world, const struct message *message)
{
    struct fallback *at = &world->fallbacks[message->to - WORLD_OWNERS];
    for (uint32_t i = 0; i < at->count; i++) {
        struct hint *hint = &at->hints[i];
        if (hint->id != message->id) {
            continue;
        }
        hint_take(world, hint, message);
        bool all = hint_confirmed(hint);
        if (all || world_breaks(world, MUTANT_hint_one_owner)) {
            at->hints[i] = at->hints[--at->count];
        }
        return;
    }
}

/* ---- messages ---- */

/* Does what is held have siblings that were not sent? */
static bool holds_more(const struct object *held, const struct object *sent)
{
    for (uint32_t i = 0; i < held->sibling_count; i++) {
        if (!object_has(sent, held->siblings[i].dot)) {
            return true;
        }
    }
    return false;
}

static bool member_refuses(const struct world *world, uint32_t member, uint64_t actor)
{
    uint64_t ended = member < WORLD_OWNERS ? world->ended[member]
                                           : world->fallbacks[member - WORLD_OWNERS].ended;
    for (uint32_t i = 0; i < world->end_count; i++) {
        if (world->ends[i].actor == actor && (ended >> i & 1) != 0) {
            return !world_breaks(world, MUTANT_hear_ended);
        }
    }
    return false;
}

static void member_take(struct world *world, const struct message *message)
{
    uint32_t to = message->to;
    if (message->actor != 0 && member_refuses(world, to, message->actor)) {
        world_say(world, "%u refuses a frame of ended %x", to, (unsigned)message->actor & 0xffff);
        return;
    }
    world_say(world, "%u takes key %u %s", to, message->key, object_text(world, &message->object));
    struct message confirm = {.kind = CONFIRM, .to = to, .from = to, .id = message->id};
    if (to >= WORLD_OWNERS) {
        fallback_leave(world, to - WORLD_OWNERS, message->key, &message->object);
    } else {
        owner_store(world, to, message->key, &message->object);
        struct object held = world->ops->get(world->owners[to], message->key);
        confirm.concurrent = holds_more(&held, &message->object);
        confirm.refilling = world->owners[to]->refilling;
    }
    if (message->id != 0) {
        member_send(world, &confirm);
    }
}

void member_deliver(struct world *world, const struct message *message)
{
    switch (message->kind) {
    case OBJECT:
        member_take(world, message);
        break;
    case ASK:
        requests_ask(world, message);
        break;
    case ANSWER:
        requests_answer(world, message);
        break;
    case CONFIRM:
        requests_confirm(world, message);
        break;
    case HINT: {
        world_say(world, "%u takes hint %u of key %u %s", message->to, (unsigned)message->id,
                  message->key, object_text(world, &message->object));
        owner_store(world, message->to, message->key, &message->object);
        struct message done = {.kind = HINT_OK,
                               .to = message->from,
                               .from = message->to,
                               .id = message->id,
                               .actor = world->owners[message->to]->actor,
                               .again = message->again};
        member_send(world, &done);
        break;
    }
    case HINT_OK:
        fallback_confirmed(world, message);
        break;
    }
}
