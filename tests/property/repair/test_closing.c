/* The closing of ended actors in a small world: three owners of a partition and a member that keeps
 * hints, with messages that are lost, late and repeated, holdings that end, with and without their
 * data, hints and syncs at random moments. The drivers and what they confirm are the real ones;
 * objects are only dots.
 *
 * An actor may be closed at a holding only if nobody goes on with it, and if each of its dots that
 * is stored anywhere, then or at any later time, has been seen there. When faults stop, all that
 * ended are closed everywhere. */
#include "property.h"

#include "repair/closing.h"
#include "support/fickle_engine.h"
#include "support/ring_history.h"
#include "wire/frame.h"

#define MEMBERS 4u
#define PARTITIONS 4u
#define P 0u
#define ACTORS 48u
#define COUNTERS 60u
#define BAG_MAX 4000u
#define STEPS 400u
#define MS UINT64_C(1000)

/* Dots by actor: bit c - 1 is the counter c. */
struct dots {
    uint64_t of[ACTORS];
};

struct member {
    uint64_t node;
    struct fickle_engine *fickle;
    struct replica replica;
    struct holding *holding; /* owners */
    struct closing closing;
    struct ended ended;
    struct timers timers;
    struct buffer frame;
    struct dots stored;            /* lives here, or was overwritten here */
    struct dots seen;              /* that, and what syncs told of */
    struct dots hints;             /* kept for the owners ... */
    struct dots owed[MEMBERS + 1]; /* ... that have not confirmed */
    bool was_closed[ACTORS];
    bool is_owner;
    uint32_t actor;       /* its index; owners */
    uint32_t filled_from; /* while refilling: bits of members */
};

enum kind { WRITE, DELIVER, DELIVERED, REPORT, ASK, ANSWER, SYNC };

struct item {
    enum kind kind;
    bool refilling; /* SYNC: its source was, when it began */
    uint32_t from, to;
    uint32_t actor, counter; /* WRITE: in this actor's name; DELIVER: in nobody's */
    struct message_ended ask;
    uint64_t ids[LIMIT_ENDED_ACTORS];
    struct message_ended_reply answer;
    struct partition_clock clock; /* SYNC: taken when it began */
    struct dots seen;
    uint64_t begun_us, source_actor;
};

static struct member members[MEMBERS + 1]; /* from 1 */
static struct item bag[BAG_MAX];
static uint32_t bag_count;
static struct random *luck;
static struct view *view;
static struct arena arena;
static uint64_t ids[ACTORS];
static uint32_t actor_count;
static uint64_t now_us;
static uint64_t closed_count;
static bool slow[SYNC + 1]; /* what takes long in this run */

static uint64_t bit(uint32_t counter)
{
    return UINT64_C(1) << (counter - 1);
}

static uint32_t some_member(void)
{
    return 1 + (uint32_t)random_below(luck, MEMBERS);
}

static struct member *some_owner(void)
{
    for (;;) {
        struct member *member = &members[some_member()];
        if (member->is_owner) {
            return member;
        }
    }
}

static struct item *put(enum kind kind, uint32_t from, uint32_t to)
{
    CHECK(bag_count < BAG_MAX);
    struct item *item = &bag[bag_count++];
    *item = (struct item){.kind = kind, .from = from, .to = to};
    return item;
}

/* ---- what must hold ---- */

/* A dot is stored, or offered to an owner who takes it: no holding has closed its actor unseen. */
static void check_stored(uint32_t actor, uint32_t counter)
{
    for (uint32_t i = 1; i <= MEMBERS; i++) {
        CHECK(!members[i].was_closed[actor] || (members[i].seen.of[actor] & bit(counter)) != 0);
    }
}

static void check_closed(struct member *member)
{
    for (uint32_t a = 0; a < actor_count; a++) {
        if (!partition_clock_closed(&member->holding->clock, ids[a])) {
            member->was_closed[a] = false; /* also when the clock was lost */
            continue;
        }
        if (member->was_closed[a]) {
            continue;
        }
        member->was_closed[a] = true;
        closed_count++;
        for (uint32_t i = 1; i <= MEMBERS; i++) {
            CHECK(!members[i].is_owner || members[i].actor != a);
            CHECK((members[i].stored.of[a] & ~member->seen.of[a]) == 0);
            CHECK((members[i].hints.of[a] & ~member->seen.of[a]) == 0);
        }
    }
}

/* ---- ports ---- */

static int on_send(void *self, uint64_t node, struct bytes frame)
{
    struct member *member = self;
    struct message_ended ask;
    struct bytes payload =
        bytes_make(frame.data + FRAME_PREFIX_BYTES, frame.len - FRAME_PREFIX_BYTES);
    CHECK(message_ended_decode(payload, &arena, &ask) == 0);
    struct item *item = put(ASK, (uint32_t)member->node, (uint32_t)node);
    item->ask = ask;
    memcpy(item->ids, ask.actors, ask.count * sizeof(*item->ids));
    return 0;
}

static void on_learn(void *self, uint64_t digest, struct bytes bytes)
{
    (void)self;
    (void)digest;
    (void)bytes;
    CHECK(false); /* there is but one view */
}

static bool has_hints(const struct member *member)
{
    for (uint32_t a = 0; a < actor_count; a++) {
        if (member->hints.of[a] != 0) {
            return true;
        }
    }
    return false;
}

static bool on_owes_hints(void *self, uint32_t partition)
{
    (void)partition;
    return has_hints(self);
}

static int on_sync(void *self, uint32_t partition, uint64_t node)
{
    struct member *member = self;
    const struct member *source = &members[node];
    struct item *item = put(SYNC, (uint32_t)node, (uint32_t)member->node);
    CHECK(partition == P);
    partition_clock_init(&item->clock);
    CHECK(partition_clock_copy(&source->holding->clock, &item->clock) == 0);
    item->seen = source->seen;
    item->refilling = source->holding->refilling;
    item->begun_us = now_us;
    item->source_actor = source->holding->actor;
    return 0;
}

/* ---- holdings ---- */

static bool begin_actor(struct member *member)
{
    if (actor_count == ACTORS) {
        return false;
    }
    member->actor = actor_count;
    member->holding->counter = 0;
    ids[actor_count++] = member->holding->actor;
    return true;
}

/* What is on its way to or from a process ends with it. */
static void drop_messages(uint32_t node, bool syncs_only)
{
    for (uint32_t i = 0; i < bag_count;) {
        bool its = bag[i].from == node || bag[i].to == node;
        if (its && (bag[i].kind == SYNC || (!syncs_only && bag[i].to == node))) {
            partition_clock_deinit(&bag[i].clock);
            bag[i] = bag[--bag_count];
        } else {
            i++;
        }
    }
}

/* Begins anew, with its data or without, in the same process or another. */
static void end_holding(struct member *member, bool loses, bool restarts)
{
    if (actor_count == ACTORS) {
        return;
    }
    if (loses) {
        for (uint32_t i = 1; i <= MEMBERS; i++) {
            if (members[i].is_owner && members[i].holding->refilling) {
                return; /* one at a time */
            }
        }
        replica_renew(&member->replica, member->holding, true);
        member->stored = (struct dots){0};
        member->seen = (struct dots){0};
        memset(member->was_closed, 0, sizeof(member->was_closed));
        member->filled_from = 0;
    } else {
        member->holding->actor = random_id(luck);
    }
    drop_messages((uint32_t)member->node, !restarts);
    if (restarts) {
        closing_forget(&member->closing);
        ended_forget(&member->ended);
        closing_adopt(&member->closing, view, member->node, NULL, 0);
    }
    CHECK(begin_actor(member));
}

static void store(struct member *member, uint32_t actor, uint32_t counter)
{
    check_stored(actor, counter);
    member->stored.of[actor] |= bit(counter);
    member->seen.of[actor] |= bit(counter);
    partition_clock_add(&member->holding->clock, (struct dot){ids[actor], counter});
}

/* `only`: whom its frames reach; 0: everybody, more or less. */
static void coordinate(struct member *member, uint32_t only)
{
    if (member->holding->counter == COUNTERS) {
        return;
    }
    uint32_t counter = (uint32_t)++member->holding->counter;
    store(member, member->actor, counter);
    for (uint32_t i = 1; i <= MEMBERS; i++) {
        /* The keeper of hints gets it when somebody seems to be away. */
        bool goes = members[i].is_owner || random_chance(luck, 0.4);
        bool reaches = only == 0 ? goes && random_chance(luck, 0.9) : i == only;
        if (i != member->node && reaches) {
            struct item *item = put(WRITE, (uint32_t)member->node, i);
            item->actor = member->actor;
            item->counter = counter;
        }
    }
}

/* ---- what arrives ---- */

static void take_write(const struct item *item)
{
    struct member *member = &members[item->to];
    if (ended_refuses(&member->ended, P, member->holding, ids[item->actor])) {
        return;
    }
    if (member->is_owner) {
        store(member, item->actor, item->counter);
        return;
    }
    check_stored(item->actor, item->counter);
    member->hints.of[item->actor] |= bit(item->counter);
    for (uint32_t i = 1; i <= MEMBERS; i++) {
        member->owed[i].of[item->actor] |= members[i].is_owner ? bit(item->counter) : 0;
    }
}

static void take_delivery(const struct item *item)
{
    struct member *member = &members[item->to];
    struct dot dot = {ids[item->actor], item->counter};
    if (!partition_clock_seen(&member->holding->clock, dot)) {
        store(member, item->actor, item->counter);
    }
    struct item *answer = put(DELIVERED, item->to, item->from);
    answer->actor = item->actor;
    answer->counter = item->counter;
}

static void take_delivered(const struct item *item)
{
    struct member *member = &members[item->to];
    bool owed = false;
    member->owed[item->from].of[item->actor] &= ~bit(item->counter);
    for (uint32_t i = 1; i <= MEMBERS; i++) {
        owed = owed || (member->owed[i].of[item->actor] & bit(item->counter)) != 0;
    }
    if (!owed) {
        member->hints.of[item->actor] &= ~bit(item->counter);
    }
}

static void take_ask(const struct item *item)
{
    struct member *member = &members[item->to];
    struct message_ended ask = item->ask;
    struct ended_standing standing = {
        .holding = member->holding, .has_record = member->is_owner, .owes = has_hints(member)};
    ask.actors = item->ids;
    struct message_ended_reply answer = {.id = ask.id,
                                         .confirmed =
                                             ended_confirm(&member->ended, &ask, &standing),
                                         .view_digest = view->digest};
    put(ANSWER, item->to, item->from)->answer = answer;
}

/* A sync is complete: all that its source had is here, or is known to be gone. */
static void take_sync(const struct item *item)
{
    struct member *member = &members[item->to];
    struct sync_outcome outcome = {.partition = P,
                                   .node = item->from,
                                   .actor = item->source_actor,
                                   .refilling = item->refilling,
                                   .begun_us = item->begun_us};
    for (uint32_t a = 0; a < actor_count; a++) {
        member->seen.of[a] |= item->seen.of[a];
    }
    partition_clock_join(&member->holding->clock, &item->clock);
    check_closed(member);
    replica_report(member->holding, item->from, item->source_actor, &item->clock);
    closing_on_synced(&member->closing, &outcome);
    if (member->holding->refilling && !item->refilling) {
        member->filled_from |= 1u << item->from;
        member->holding->refilling = __builtin_popcount(member->filled_from) < 2;
    }
}

static void take(const struct item *item)
{
    struct member *member = &members[item->to];
    switch (item->kind) {
    case WRITE:
        take_write(item);
        break;
    case DELIVER:
        take_delivery(item);
        break;
    case DELIVERED:
        take_delivered(item);
        break;
    case REPORT:
        replica_report(member->holding, item->from, ids[item->actor], &member->holding->clock);
        break;
    case ASK:
        take_ask(item);
        break;
    case ANSWER:
        closing_on_reply(&member->closing, item->from, &item->answer);
        break;
    case SYNC:
        take_sync(item);
        break;
    }
    if (member->is_owner) {
        check_closed(member);
    }
}

/* ---- steps ---- */

static void deliver(double lost, double repeated)
{
    if (bag_count == 0) {
        return;
    }
    uint32_t at = (uint32_t)random_below(luck, bag_count);
    struct item item = bag[at];
    bool is_sync = item.kind == SYNC;
    if (slow[item.kind] && lost > 0 && random_chance(luck, 0.97)) {
        return;
    }
    bool stays = !is_sync && random_chance(luck, repeated);
    if (!stays) {
        bag[at] = bag[--bag_count];
    }
    if (is_sync || !random_chance(luck, lost)) {
        take(&item);
    }
    if (is_sync) {
        partition_clock_deinit(&item.clock);
    }
}

static void push_hints(struct member *member)
{
    for (uint32_t a = 0; a < actor_count; a++) {
        for (uint32_t counter = 1; counter <= COUNTERS; counter++) {
            for (uint32_t i = 1; i <= MEMBERS && bag_count < BAG_MAX / 2; i++) {
                if ((member->owed[i].of[a] & bit(counter)) != 0) {
                    struct item *item = put(DELIVER, (uint32_t)member->node, i);
                    item->actor = a;
                    item->counter = counter;
                }
            }
        }
    }
}

static void tell(const struct member *member)
{
    for (uint32_t i = 1; i <= MEMBERS; i++) {
        if (members[i].is_owner && i != member->node) {
            put(REPORT, (uint32_t)member->node, i)->actor = member->actor;
        }
    }
}

static void pass(uint64_t ms)
{
    now_us += ms * MS;
    for (uint32_t i = 1; i <= MEMBERS; i++) {
        members[i].closing.now.mono_us = now_us;
        timers_fire(&members[i].timers, now_us);
        closing_check(&members[i].closing);
        ended_check(&members[i].ended);
        if (members[i].is_owner) {
            check_closed(&members[i]);
        }
    }
}

static void step(void)
{
    struct member *owner = some_owner();
    struct member *another = some_owner();
    uint64_t what = random_below(luck, 100);
    if (what < 10) {
        coordinate(owner, 0);
    } else if (what < 12) { /* what it writes is on its way when it loses it */
        coordinate(owner, some_member());
        end_holding(owner, true, random_chance(luck, 0.5));
    } else if (what < 15) {
        end_holding(owner, random_chance(luck, 0.3), random_chance(luck, 0.5));
    } else if (what < 20) {
        tell(owner);
    } else if (what < 24) {
        for (uint32_t i = 1; i <= MEMBERS; i++) {
            push_hints(&members[i]);
        }
    } else if (what < 28 && owner != another && bag_count < BAG_MAX / 2) {
        (void)on_sync(owner, P, another->node);
    } else if (what < 45) {
        pass(500);
    } else {
        for (uint64_t count = random_below(luck, 8); count > 0; count--) {
            deliver(0.1, 0.1);
        }
    }
}

/* Faults stop: everything arrives, everybody syncs and tells. */
static void heal(void)
{
    for (uint32_t round = 0; round < 80; round++) {
        for (uint32_t i = 1; i <= MEMBERS; i++) {
            push_hints(&members[i]);
            for (uint32_t j = 1; j <= MEMBERS && round < 3; j++) {
                if (members[i].is_owner && members[j].is_owner && i != j) {
                    (void)on_sync(&members[i], P, j);
                }
            }
            if (members[i].is_owner && round % 10 == 0) {
                tell(&members[i]);
            }
        }
        while (bag_count > 0) {
            deliver(0, 0);
        }
        pass(1000);
    }
    for (uint32_t i = 1; i <= MEMBERS; i++) {
        for (uint32_t a = 0; a < actor_count && members[i].is_owner; a++) {
            bool current = false;
            for (uint32_t j = 1; j <= MEMBERS; j++) {
                current = current || (members[j].is_owner && members[j].actor == a);
            }
            const struct clock_actor *actors = members[i].holding->clock.actors;
            for (uint32_t k = 0; k < members[i].holding->clock.count; k++) {
                CHECK(current || actors[k].actor != ids[a] || actors[k].base == UINT64_MAX);
            }
        }
    }
}

/* ---- the world ---- */

static void member_init(uint32_t node)
{
    struct member *member = &members[node];
    *member = (struct member){.node = node, .is_owner = view_owns(view, node, P)};
    timers_init(&member->timers);
    buffer_init(&member->frame, 0);
    ended_init(&member->ended);
    member->fickle = fickle_engine_new(PARTITIONS);
    replica_init(&member->replica, &member->fickle->engine, luck, &arena, 1000);
    closing_init(&member->closing, 1000 * node);
    member->closing.ports = (struct closing_ports){.self = member,
                                                   .send = on_send,
                                                   .learn = on_learn,
                                                   .owes_hints = on_owes_hints,
                                                   .sync = on_sync};
    member->closing.replica = &member->replica;
    member->closing.timers = &member->timers;
    member->closing.frame = &member->frame;
    member->closing.ended = &member->ended;
    member->closing.step = 1;
    if (member->is_owner) {
        CHECK(replica_begin(&member->replica, P, false, &member->holding) == 0);
        CHECK(begin_actor(member));
    }
}

static void member_deinit(struct member *member)
{
    closing_deinit(&member->closing);
    ended_deinit(&member->ended);
    replica_deinit(&member->replica);
    member->fickle->engine.ops->free(&member->fickle->engine);
    timers_deinit(&member->timers);
    buffer_deinit(&member->frame);
}

static void meet(struct member *member)
{
    uint64_t others[MEMBERS];
    uint32_t count = 0;
    for (uint32_t i = 1; i <= MEMBERS; i++) {
        if (members[i].is_owner && i != member->node) {
            others[count++] = i;
        }
    }
    if (member->is_owner) {
        CHECK(replica_set_owners(member->holding, others, count) == 0);
    }
    closing_adopt(&member->closing, view, member->node, NULL, 0);
}

static void lives_are_safe(struct random *random)
{
    struct cluster_facts facts = ring_facts(PARTITIONS, 3, 2, 2);
    luck = random;
    view = ring_view_of(&facts, MEMBERS);
    arena_init(&arena, 1 << 20);
    bag_count = 0;
    actor_count = 0;
    now_us = 1000 * MS;
    slow[WRITE] = random_chance(random, 0.3);
    slow[DELIVER] = random_chance(random, 0.3);
    slow[SYNC] = random_chance(random, 0.3);
    for (uint32_t i = 1; i <= MEMBERS; i++) {
        member_init(i);
    }
    for (uint32_t i = 1; i <= MEMBERS; i++) {
        meet(&members[i]);
    }
    for (uint32_t i = 0; i < STEPS; i++) {
        arena_reset(&arena);
        step();
    }
    heal();
    drop_messages(1, true);
    for (uint32_t i = 1; i <= MEMBERS; i++) {
        member_deinit(&members[i]);
    }
    view_unref(view);
    arena_deinit(&arena);
}

static void an_actor_is_closed_only_when_nothing_of_it_can_turn_up(void **state)
{
    (void)state;
    closed_count = 0;
    property_run(lives_are_safe, 600);
    assert_true(closed_count > 300);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_actor_is_closed_only_when_nothing_of_it_can_turn_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
