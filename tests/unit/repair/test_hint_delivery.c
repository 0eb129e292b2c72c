/* Delivering hints to owners that answer late, never, with refusals, under another actor, or that
 * change: what is owed goes once all of them have it, and not before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/memory.h"
#include "growing_view.h"
#include "repair/hint_delivery.h"
#include "shoal/error.h"
#include "support/fickle_engine.h"
#include "wire/frame.h"

#define MS UINT64_C(1000)
#define NODES 4u
#define KEEPER 4u /* it keeps the hints; no owner in the older layout */
#define ID_FIRST (UINT64_C(1) << 62)
#define ASKS_MAX 4096u

/* A store sent to a node, not yet answered. */
struct ask {
    uint64_t node;
    uint64_t id;
    uint32_t partition;
    char key[16];
    uint64_t counter; /* of the value's dot */
    bool answered;
};

#define LEDGER_KEYS 30u

/* What the test itself knows of a key "key0", "key1", ...: a hint may go only if there was a moment
 * at which every owner held its value, each in the holding that it then had. */
struct ledger {
    uint64_t owed; /* the counter of the last value that is owed */
    uint64_t safe; /* all owners of the present layouts held it, up to this one, at one moment */
    struct {
        uint64_t actor;
        uint64_t counter;
    } held[NODES + 1];
};

struct fixture {
    struct growing growing;
    struct fickle_engine *fickle;
    struct replica replica;
    struct hints hints;
    struct random random;
    struct arena arena;
    struct timers timers;
    struct reach reach;
    struct buffer frame;
    struct hint_delivery delivery;
    struct ask asks[ASKS_MAX];
    uint32_t ask_count;
    uint32_t answered_to[NODES + 1]; /* stores that were confirmed */
    uint64_t actors[NODES + 1];      /* of the owners' holdings */
    int codes[NODES + 1];            /* what they answer */
    bool deaf[NODES + 1];            /* they don't */
    int send_code;
    uint32_t learned;
    uint64_t dots;
    struct ledger ledgers[GROWING_PARTITIONS][LEDGER_KEYS];
    bool kept[LEDGER_KEYS];
};

/* NULL for a key that is none of the counted ones. */
static struct ledger *ledger_of(struct fixture *fixture, uint32_t partition, const char *key)
{
    unsigned number;
    return sscanf(key, "key%u", &number) == 1 && number < LEDGER_KEYS
               ? &fixture->ledgers[partition][number]
               : NULL;
}

static int on_send(void *self, uint64_t node, struct bytes frame)
{
    struct fixture *fixture = self;
    struct message_store store;
    if (fixture->send_code != 0) {
        return fixture->send_code;
    }
    struct bytes payload =
        bytes_make(frame.data + FRAME_PREFIX_BYTES, frame.len - FRAME_PREFIX_BYTES);
    if (message_store_decode(payload, &fixture->arena, &store) < 0) {
        return SHOAL_EINTERNAL;
    }
    assert_true(fixture->ask_count < ASKS_MAX);
    assert_true(store.actor == 0 && !store.hint && store.id >= ID_FIRST);
    struct ask *ask = &fixture->asks[fixture->ask_count++];
    *ask = (struct ask){.node = node, .id = store.id, .partition = store.partition};
    memcpy(ask->key, store.key.data, store.key.len);
    struct object object;
    assert_int_equal(object_decode(&fixture->arena, store.object, &object), 0);
    ask->counter = object.siblings[0].dot.counter;
    return 0;
}

static uint64_t on_learn(void *self, uint64_t digest, struct bytes view)
{
    struct fixture *fixture = self;
    assert_true(digest == 77 && view.len > 0);
    fixture->learned++;
    return 0;
}

static const char *on_name(void *self, uint64_t node)
{
    static char name[24];
    (void)self;
    (void)snprintf(name, sizeof(name), "node%u", (unsigned)node);
    return name;
}

static void wire(struct fixture *fixture)
{
    struct hint_delivery *delivery = &fixture->delivery;
    struct moment now = delivery->now;
    hint_delivery_init(delivery, ID_FIRST);
    delivery->ports =
        (struct hint_ports){.self = fixture, .send = on_send, .learn = on_learn, .name = on_name};
    delivery->hints = &fixture->hints;
    delivery->reach = &fixture->reach;
    delivery->timers = &fixture->timers;
    delivery->arena = &fixture->arena;
    delivery->frame = &fixture->frame;
    delivery->now = now;
}

static int setup(void **state)
{
    static struct fixture fixture;
    fixture = (struct fixture){.dots = 1};
    growing_init(&fixture.growing, 2);
    random_init(&fixture.random, 3);
    arena_init(&fixture.arena, 65536);
    timers_init(&fixture.timers);
    reach_init(&fixture.reach);
    buffer_init(&fixture.frame, 0);
    fixture.fickle = fickle_engine_new(GROWING_PARTITIONS);
    replica_init(&fixture.replica, &fixture.fickle->engine, &fixture.random, &fixture.arena, 1000);
    hints_init(&fixture.hints, &fixture.replica, 1 << 20);
    assert_int_equal(hints_begin(&fixture.hints, GROWING_PARTITIONS, 0, 1, 1000000), 0);
    fixture.delivery.now = (struct moment){.mono_us = 1000 * MS, .wall_ms = 1000000};
    wire(&fixture);
    for (uint64_t node = 1; node <= NODES; node++) {
        fixture.actors[node] = 100 + node;
        assert_int_equal(reach_link(&fixture.reach, node, node != KEEPER), 0);
    }
    hint_delivery_adopt(&fixture.delivery, fixture.growing.before, KEEPER);
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    mem_fail_never();
    hint_delivery_check(&fixture->delivery);
    hints_check(&fixture->hints);
    hint_delivery_deinit(&fixture->delivery);
    hints_deinit(&fixture->hints);
    replica_deinit(&fixture->replica);
    fixture->fickle->engine.ops->free(&fixture->fickle->engine);
    reach_deinit(&fixture->reach);
    timers_deinit(&fixture->timers);
    buffer_deinit(&fixture->frame);
    arena_deinit(&fixture->arena);
    growing_deinit(&fixture->growing);
    return 0;
}

/* ---- the world ---- */

/* Another value for the key is owed. */
static void owe(struct fixture *fixture, uint32_t partition, const char *key)
{
    struct dot dot = {.actor = 9, .counter = fixture->dots++};
    struct sibling sibling = {.dot = dot, .hlc = 5, .value = bytes_from_string("value")};
    struct object object = {
        .context = {.entries = &dot, .count = 1}, .siblings = &sibling, .sibling_count = 1};
    struct buffer encoded;
    buffer_init(&encoded, 0);
    assert_int_equal(object_encode(&object, &encoded), 0);
    struct ledger *ledger = ledger_of(fixture, partition, key);
    if (ledger != NULL) {
        ledger->owed = dot.counter;
    }
    uint32_t cold_percent = fixture->fickle->cold_percent;
    fixture->fickle->cold_percent = 0;
    assert_int_equal(
        hints_store(&fixture->hints, partition, bytes_from_string(key), buffer_bytes(&encoded)),
        REPLICA_DONE);
    fixture->fickle->cold_percent = cold_percent;
    buffer_deinit(&encoded);
    hint_delivery_owe(&fixture->delivery, partition);
}

static void owe_many(struct fixture *fixture, uint32_t partition, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        char key[16];
        (void)snprintf(key, sizeof(key), "key%u", (unsigned)i);
        owe(fixture, partition, key);
    }
}

static void link_is(struct fixture *fixture, uint64_t node, bool up)
{
    assert_int_equal(reach_link(&fixture->reach, node, up), 0);
    hint_delivery_on_link(&fixture->delivery, node, up);
    hint_delivery_check(&fixture->delivery);
}

static void give(struct fixture *fixture, uint64_t node, const struct message_stored *stored)
{
    arena_reset(&fixture->arena);
    hint_delivery_on_stored(&fixture->delivery, node, stored);
    hint_delivery_check(&fixture->delivery);
}

/* Do all owners hold the value now, and each in its present holding? */
static void ledger_look(struct fixture *fixture, uint32_t partition, struct ledger *ledger)
{
    uint64_t least = UINT64_MAX;
    for (uint64_t node = 1; node <= NODES; node++) {
        if (view_owns(fixture->delivery.view, node, partition)) {
            bool present = ledger->held[node].actor == fixture->actors[node];
            uint64_t counter = present ? ledger->held[node].counter : 0;
            least = counter < least ? counter : least;
        }
    }
    ledger->safe = least > ledger->safe ? least : ledger->safe;
}

static void ledger_hold(struct fixture *fixture, const struct ask *ask)
{
    struct ledger *ledger = ledger_of(fixture, ask->partition, ask->key);
    if (ledger == NULL) {
        return;
    }
    uint64_t actor = fixture->actors[ask->node];
    if (ledger->held[ask->node].actor != actor || ledger->held[ask->node].counter < ask->counter) {
        ledger->held[ask->node].actor = actor;
        ledger->held[ask->node].counter = ask->counter;
    }
    ledger_look(fixture, ask->partition, ledger);
}

/* Another view: where it brings an owner, moments of before don't count. */
static void view_is(struct fixture *fixture, const struct view *view)
{
    const struct view *before = fixture->delivery.view;
    hint_delivery_adopt(&fixture->delivery, view, KEEPER);
    for (uint32_t p = 0; p < GROWING_PARTITIONS; p++) {
        bool grows = view_owns(view, KEEPER, p) && !view_owns(before, KEEPER, p);
        for (uint32_t i = 0; i < LEDGER_KEYS; i++) {
            fixture->ledgers[p][i].safe = grows ? 0 : fixture->ledgers[p][i].safe;
            ledger_look(fixture, p, &fixture->ledgers[p][i]);
        }
    }
}

static bool on_owed(void *self, const struct hint_entry *entry)
{
    struct fixture *fixture = self;
    char key[16] = "";
    memcpy(key, entry->key.data, entry->key.len);
    unsigned number;
    assert_int_equal(sscanf(key, "key%u", &number), 1);
    fixture->kept[number] = true;
    return true;
}

/* Whatever is not owed any more was safe. */
static void ledger_check(struct fixture *fixture)
{
    uint32_t cold_percent = fixture->fickle->cold_percent;
    fixture->fickle->cold_percent = 0;
    for (uint32_t p = 0; p < GROWING_PARTITIONS; p++) {
        uint64_t next;
        memset(fixture->kept, 0, sizeof(fixture->kept));
        assert_int_equal(hints_walk(&fixture->hints, p, 0, on_owed, fixture, &next), 0);
        for (uint32_t i = 0; i < LEDGER_KEYS; i++) {
            struct ledger *ledger = &fixture->ledgers[p][i];
            if (!fixture->kept[i] && ledger->owed != 0) {
                assert_true(ledger->safe >= ledger->owed);
                ledger->owed = 0;
            }
        }
    }
    fixture->fickle->cold_percent = cold_percent;
}

static void answer(struct fixture *fixture, struct ask *ask)
{
    struct message_stored stored = {.id = ask->id, .code = fixture->codes[ask->node]};
    ask->answered = true;
    if (stored.code == 0) {
        stored.actor = fixture->actors[ask->node];
        fixture->answered_to[ask->node]++;
        ledger_hold(fixture, ask);
    }
    give(fixture, ask->node, &stored);
}

/* Everything that is under way is answered, by all but the deaf. */
static void answer_all(struct fixture *fixture)
{
    for (uint32_t i = 0; i < fixture->ask_count; i++) {
        if (!fixture->asks[i].answered && !fixture->deaf[fixture->asks[i].node]) {
            answer(fixture, &fixture->asks[i]);
        }
    }
}

/* Time passes, in which timers fire, the disk is read and nodes answer. */
static void run(struct fixture *fixture, uint64_t duration_us)
{
    uint64_t until_us = fixture->delivery.now.mono_us + duration_us;
    while (fixture->delivery.now.mono_us < until_us) {
        fixture->delivery.now.mono_us += 10 * MS;
        arena_reset(&fixture->arena);
        timers_fire(&fixture->timers, fixture->delivery.now.mono_us);
        fickle_engine_read_all(fixture->fickle);
        answer_all(fixture);
        hint_delivery_check(&fixture->delivery);
        hints_check(&fixture->hints);
    }
}

static uint64_t owed(const struct fixture *fixture)
{
    return fixture->hints.keys;
}

static uint32_t sent_to(const struct fixture *fixture, uint64_t node)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < fixture->ask_count; i++) {
        count += fixture->asks[i].node == node;
    }
    return count;
}

/* ---- deliveries ---- */

static void what_all_owners_confirm_goes(void **state)
{
    struct fixture *fixture = *state;
    owe(fixture, 1, "key");
    run(fixture, 3000 * MS);
    assert_true(owed(fixture) == 0);
    assert_true(fixture->delivery.delivered == 1);
    for (uint64_t node = 1; node <= 3; node++) {
        assert_int_equal(fixture->answered_to[node],
                         2); /* the hint, and whether it is still there */
    }
    assert_int_equal(fixture->answered_to[KEEPER], 0);
    assert_true(fixture->delivery.debts.count == 0);

    /* And then there is silence. */
    uint32_t asked = fixture->ask_count;
    run(fixture, 60000 * MS);
    assert_int_equal(fixture->ask_count, asked);
    assert_true(timers_next_us(&fixture->timers) == TIMERS_NEVER);
}

static void what_one_owner_lacks_stays_until_it_returns(void **state)
{
    struct fixture *fixture = *state;
    link_is(fixture, 3, false);
    owe_many(fixture, 1, 200);
    run(fixture, 30000 * MS);
    assert_true(owed(fixture) == 200);
    assert_int_equal(fixture->answered_to[1], 200); /* in its turn */
    assert_int_equal(fixture->answered_to[2], 200);
    assert_int_equal(sent_to(fixture, 3), 0);
    link_is(fixture, 3, true);
    run(fixture, 2000 * MS);
    assert_true(owed(fixture) == 0);
    assert_true(fixture->answered_to[3] >= 200);
    assert_true(fixture->answered_to[1] < 210); /* it isn't told all of it again */
}

static void a_returning_owner_is_caught_up_in_many_partitions_at_once(void **state)
{
    struct fixture *fixture = *state;
    link_is(fixture, 3, false);
    for (uint32_t p = 0; p < GROWING_PARTITIONS; p++) {
        owe_many(fixture, p, 20);
    }
    run(fixture, 1000 * MS);
    link_is(fixture, 3, true);
    assert_int_equal(sent_to(fixture, 3), HINT_PASSES_PER_PEER * 20);
    run(fixture, 10000 * MS);
    assert_true(owed(fixture) == 0);
}

static void no_more_is_in_flight_than_a_page(void **state)
{
    struct fixture *fixture = *state;
    link_is(fixture, 2, false);
    link_is(fixture, 3, false);
    owe_many(fixture, 1, 3 * HINT_PAGE_KEYS);
    fixture->deaf[3] = true;
    link_is(fixture, 3, true);
    assert_int_equal(sent_to(fixture, 3), HINT_PAGE_KEYS);
    run(fixture, 1900 * MS);
    assert_int_equal(sent_to(fixture, 3), HINT_PAGE_KEYS);
    run(fixture, 500 * MS); /* it is tried again */
    assert_int_equal(sent_to(fixture, 3), 2 * HINT_PAGE_KEYS);
    run(fixture, 20000 * MS); /* less and less often */
    assert_true(sent_to(fixture, 3) <= 7 * HINT_PAGE_KEYS);
    fixture->deaf[3] = false;
    run(fixture, 10000 * MS);
    assert_true(fixture->answered_to[3] >= 3 * HINT_PAGE_KEYS);
}

static void an_owner_that_refuses_keeps_what_it_is_owed(void **state)
{
    struct fixture *fixture = *state;
    fixture->codes[2] = SHOAL_ENOSPC;
    owe_many(fixture, 1, 3);
    run(fixture, 60000 * MS);
    assert_true(owed(fixture) == 3);
    fixture->codes[2] = 0;
    run(fixture, 15000 * MS);
    assert_true(owed(fixture) == 0);
}

static void an_owner_that_names_no_actor_has_not_confirmed(void **state)
{
    struct fixture *fixture = *state;
    fixture->actors[2] = 0;
    owe(fixture, 1, "key");
    run(fixture, 60000 * MS);
    assert_true(owed(fixture) == 1);
}

/* Refuses the stores of one key. */
static void one_that_cannot_be_stored_keeps_only_itself_and_what_came_later(void **state)
{
    struct fixture *fixture = *state;
    owe(fixture, 1, "before");
    owe(fixture, 1, "bad");
    owe(fixture, 1, "later");
    for (uint32_t step = 0; step < 3000; step++) {
        fixture->deaf[1] = true;
        run(fixture, 10 * MS);
        for (uint32_t i = 0; i < fixture->ask_count; i++) {
            struct ask *ask = &fixture->asks[i];
            if (!ask->answered) {
                fixture->codes[1] = strcmp(ask->key, "bad") == 0 ? SHOAL_EOVERLOAD : 0;
                answer(fixture, ask);
            }
        }
    }
    fixture->codes[1] = 0;
    assert_true(owed(fixture) == 2);
    fixture->deaf[1] = false;
    run(fixture, 30000 * MS);
    assert_true(owed(fixture) == 0);
}

/* ---- what changes meanwhile ---- */

static void what_changed_after_it_was_sent_is_sent_again(void **state)
{
    struct fixture *fixture = *state;
    owe(fixture, 1, "key");
    fixture->deaf[1] = fixture->deaf[2] = fixture->deaf[3] = true;
    run(fixture, 600 * MS);
    assert_int_equal(fixture->ask_count, 3);
    owe(fixture, 1, "key");
    fixture->deaf[1] = fixture->deaf[2] = fixture->deaf[3] = false;
    answer_all(fixture);
    run(fixture, 100 * MS);
    assert_true(owed(fixture) == 1);
    run(fixture, 5000 * MS);
    assert_true(owed(fixture) == 0);
    for (uint64_t node = 1; node <= 3; node++) {
        assert_true(fixture->answered_to[node] >= 3);
    }
}

static void another_actor_has_confirmed_nothing(void **state)
{
    struct fixture *fixture = *state;
    link_is(fixture, 3, false);
    owe_many(fixture, 1, 10);
    run(fixture, 30000 * MS);
    assert_int_equal(fixture->answered_to[1], 10);
    fixture->actors[1] = 999; /* it lost its disk, and is filled by others who have nothing of it */
    link_is(fixture, 3, true);
    run(fixture, 5000 * MS);
    assert_true(owed(fixture) == 0);
    assert_true(fixture->answered_to[1] >= 20); /* the new one got them all */
}

static void an_actor_that_ends_between_confirmation_and_removal_is_noticed(void **state)
{
    struct fixture *fixture = *state;
    owe_many(fixture, 1, 5);
    fixture->deaf[1] = fixture->deaf[2] = fixture->deaf[3] = true;
    run(fixture, 600 * MS);
    assert_int_equal(fixture->ask_count, 15);
    fixture->deaf[1] = false;
    answer_all(fixture); /* 1 has them all, and loses its disk before the others have confirmed */
    fixture->actors[1] = 555;
    fixture->deaf[2] = fixture->deaf[3] = false;
    run(fixture, 5000 * MS);
    assert_true(owed(fixture) == 0);
    assert_true(fixture->answered_to[1] >= 10);
}

static void an_owner_that_changes_in_the_middle_of_a_pass_gets_all_of_it(void **state)
{
    struct fixture *fixture = *state;
    link_is(fixture, 1, false);
    link_is(fixture, 2, false);
    link_is(fixture, 3, false);
    owe_many(fixture, 1, 2 * HINT_PAGE_KEYS);
    fixture->deaf[3] = true;
    link_is(fixture, 3, true);
    for (uint32_t i = 0; i < fixture->ask_count; i++) {
        fixture->actors[3] = i < HINT_PAGE_KEYS / 2 ? 103 : 203;
        if (!fixture->asks[i].answered && i < HINT_PAGE_KEYS) {
            answer(fixture, &fixture->asks[i]);
        }
    }
    fixture->deaf[3] = false;
    fixture->answered_to[3] = 0;
    run(fixture, 5000 * MS);
    assert_true(fixture->answered_to[3] >= 2 * HINT_PAGE_KEYS);
    link_is(fixture, 1, true);
    link_is(fixture, 2, true);
    run(fixture, 5000 * MS);
    assert_true(owed(fixture) == 0);
}

static void answers_that_nobody_waits_for_change_nothing(void **state)
{
    struct fixture *fixture = *state;
    owe(fixture, 1, "a");
    owe(fixture, 1, "b");
    fixture->deaf[1] = fixture->deaf[2] = fixture->deaf[3] = true;
    run(fixture, 600 * MS);
    struct message_stored stored = {.actor = 101};
    struct ask first = fixture->asks[0];
    for (uint64_t node = 1; node <= 3; node++) {
        static const uint64_t ids[] = {0, 7, ID_FIRST - 1, ID_FIRST + 12345, UINT64_MAX};
        for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
            stored.id = ids[i];
            give(fixture, node, &stored);
        }
    }
    stored.id = first.id;
    give(fixture, first.node % 3 + 1, &stored); /* of another node */
    stored.actor = fixture->actors[first.node];
    give(fixture, first.node, &stored);
    give(fixture, first.node, &stored); /* twice */
    give(fixture, first.node, &stored);
    run(fixture, 1000 * MS);
    assert_true(owed(fixture) == 2);
    /* Answers to what was given up, or comes after the link broke. */
    link_is(fixture, first.node, false);
    link_is(fixture, first.node, true);
    give(fixture, first.node, &stored);
    assert_true(owed(fixture) == 2);
}

static void views_that_come_with_answers_are_learned(void **state)
{
    struct fixture *fixture = *state;
    owe(fixture, 1, "key");
    fixture->deaf[1] = fixture->deaf[2] = fixture->deaf[3] = true;
    run(fixture, 600 * MS);
    struct message_stored stored = {.id = fixture->asks[0].id,
                                    .code = SHOAL_ENOTOWNER,
                                    .view_digest = 77,
                                    .view = bytes_from_string("view")};
    give(fixture, fixture->asks[0].node, &stored);
    assert_int_equal(fixture->learned, 1);
    assert_true(owed(fixture) == 1);
}

/* ---- layouts ---- */

static void owners_of_every_live_layout_are_owed_it(void **state)
{
    struct fixture *fixture = *state;
    uint32_t moved = fixture->growing.moved;
    link_is(fixture, 3, false);
    owe(fixture, moved, "key");
    run(fixture, 2000 * MS);
    hint_delivery_adopt(&fixture->delivery, fixture->growing.both, KEEPER);
    link_is(fixture, 3, true);
    fixture->deaf[KEEPER] = true; /* this node has become one itself */
    run(fixture, 5000 * MS);
    assert_true(owed(fixture) == 1);
    assert_true(sent_to(fixture, KEEPER) > 0);
    fixture->deaf[KEEPER] = false;
    run(fixture, 15000 * MS);
    assert_true(owed(fixture) == 0);
}

static void a_node_removed_by_force_is_owed_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct view *without = view_without(fixture->growing.before, 3);
    link_is(fixture, 3, false);
    owe(fixture, 1, "key");
    run(fixture, 30000 * MS);
    assert_true(owed(fixture) == 1);
    hint_delivery_adopt(&fixture->delivery, without, KEEPER);
    run(fixture, 5000 * MS);
    assert_true(owed(fixture) == 0);
    hint_delivery_forget(&fixture->delivery);
    view_unref(without);
}

static void a_restart_owes_what_was_kept(void **state)
{
    struct fixture *fixture = *state;
    link_is(fixture, 3, false);
    owe_many(fixture, 1, 10);
    owe_many(fixture, 2, 10);
    run(fixture, 30000 * MS);
    hint_delivery_deinit(&fixture->delivery);
    hints_deinit(&fixture->hints);
    hints_init(&fixture->hints, &fixture->replica, 1 << 20);
    assert_int_equal(hints_begin(&fixture->hints, GROWING_PARTITIONS, 0, 1, 1), 0);
    wire(fixture); /* the clock went back, too */
    hint_delivery_adopt(&fixture->delivery, fixture->growing.before, KEEPER);
    assert_true(owed(fixture) == 20);
    run(fixture, 5000 * MS);
    assert_true(owed(fixture) == 20);
    link_is(fixture, 3, true);
    run(fixture, 10000 * MS);
    assert_true(owed(fixture) == 0);
}

static void nothing_goes_on_after_a_stop(void **state)
{
    struct fixture *fixture = *state;
    owe_many(fixture, 1, 10);
    fixture->deaf[1] = true;
    run(fixture, 600 * MS);
    hint_delivery_stop(&fixture->delivery);
    uint32_t asked = fixture->ask_count;
    fixture->deaf[1] = false;
    link_is(fixture, 1, false);
    link_is(fixture, 1, true);
    run(fixture, 30000 * MS);
    assert_int_equal(fixture->ask_count, asked);
    assert_true(owed(fixture) == 10);
}

/* ---- trouble of its own ---- */

static void hints_on_a_slow_disk_are_read_first(void **state)
{
    struct fixture *fixture = *state;
    for (uint32_t p = 0; p < 4; p++) {
        owe_many(fixture, p, 100);
    }
    fixture->fickle->cold_percent = 30;
    run(fixture, 60000 * MS);
    assert_true(fixture->fickle->reads_waited > 0);
    assert_true(owed(fixture) == 0);
}

static void hints_that_cannot_be_read_are_given_up_when_all_others_went(void **state)
{
    struct fixture *fixture = *state;
    owe_many(fixture, 1, 3);
    struct engine_key place =
        replica_key(&fixture->replica, GROWING_PARTITIONS + 1, bytes_from_string("key1"));
    fickle_engine_damage(fixture->fickle, &place);
    run(fixture, 10000 * MS);
    assert_true(owed(fixture) == 0);
    assert_true(fixture->delivery.debts.count == 0);
}

static void a_full_queue_to_a_peer_is_waited_for(void **state)
{
    struct fixture *fixture = *state;
    fixture->send_code = SHOAL_EOVERLOAD;
    owe_many(fixture, 1, 3);
    run(fixture, 5000 * MS);
    assert_int_equal(fixture->ask_count, 0);
    fixture->send_code = 0;
    run(fixture, 20000 * MS);
    assert_true(owed(fixture) == 0);
}

static void where_the_foreground_suffers_it_takes_its_time(void **state)
{
    struct fixture *fixture = *state;
    struct pace pace;
    pace_init(&pace);
    fixture->delivery.pace = &pace;
    owe_many(fixture, 1, 3 * HINT_PAGE_KEYS);
    pace.rate = PACE_RATE_MIN;
    pace.owed = 2 * PACE_RATE_MIN; /* two seconds' worth */
    pace.paid_until_us = fixture->delivery.now.mono_us;
    run(fixture, 1000 * MS);
    assert_int_equal(fixture->ask_count, 0);
    run(fixture, 10000 * MS);
    assert_true(owed(fixture) == 0);
    assert_true(pace.moved > 0 || pace.owed > 0);
}

static void without_memory_it_waits(void **state)
{
    struct fixture *fixture = *state;
    /* Whatever cannot be allocated from the nth on, while the hint comes in and is delivered ... */
    for (uint64_t nth = 1; nth < 60; nth++) {
        owe(fixture, 1, "key");
        link_is(fixture, 3, false);
        mem_fail_from(nth);
        hint_delivery_owe(&fixture->delivery, 1);
        hint_delivery_on_link(&fixture->delivery, 3, true);
        hint_delivery_adopt(&fixture->delivery, fixture->growing.both, KEEPER);
        for (uint32_t i = 0; i < 100; i++) {
            fixture->delivery.now.mono_us += 10 * MS;
            timers_fire(&fixture->timers, fixture->delivery.now.mono_us);
            answer_all(fixture);
        }
        mem_fail_never();
        hint_delivery_check(&fixture->delivery);
        hints_check(&fixture->hints);
        /* ... it goes on once there is memory again. */
        link_is(fixture, 3, true);
        hint_delivery_adopt(&fixture->delivery, fixture->growing.before, KEEPER);
        run(fixture, 30000 * MS);
        assert_true(owed(fixture) == 0);
        fixture->ask_count = 0;
    }
}

/* Owners come and go, lose their disks, refuse and fall silent, hints change: in the end every
 * owner has confirmed the last state of every key, as the one it is then, and nothing is owed. */
static void whatever_happens_all_is_delivered_in_the_end(void **state)
{
    struct fixture *fixture = *state;
    struct random *random = &fixture->random;
    for (uint32_t step = 0; step < 3000; step++) {
        uint64_t node = 1 + random_below(random, 3);
        char key[16];
        (void)snprintf(key, sizeof(key), "key%u", (unsigned)random_below(random, 30));
        switch (random_below(random, 8)) {
        case 0:
            link_is(fixture, node, random_chance(random, 0.6));
            break;
        case 1:
            fixture->deaf[node] = random_chance(random, 0.3);
            break;
        case 2:
            fixture->codes[node] = random_chance(random, 0.2) ? SHOAL_EOVERLOAD : 0;
            break;
        case 3:
            fixture->actors[node] += random_chance(random, 0.3) ? 1000 : 0;
            break;
        case 4:
            if (random_chance(random, 0.2)) {
                view_is(fixture, random_chance(random, 0.5) ? fixture->growing.before
                                                            : fixture->growing.both);
            }
            break;
        case 5:
            fixture->fickle->cold_percent = random_chance(random, 0.3) ? 20 : 0;
            break;
        default:
            owe(fixture, (uint32_t)random_below(random, GROWING_PARTITIONS), key);
            break;
        }
        run(fixture, random_below(random, 100) * MS);
        ledger_check(fixture);
        if (fixture->ask_count > ASKS_MAX - 1024) {
            fixture->ask_count = 0; /* what is under way is lost */
        }
    }
    for (uint64_t node = 1; node <= 3; node++) {
        fixture->deaf[node] = false;
        fixture->codes[node] = 0;
        link_is(fixture, node, true);
    }
    for (uint32_t i = 0; i < 40 && owed(fixture) > 0; i++) {
        fixture->ask_count = 0;
        run(fixture, 1000 * MS);
    }
    assert_true(owed(fixture) == 0);
    assert_true(fixture->delivery.debts.count == 0);
}

#define DELIVERY_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        DELIVERY_TEST(what_all_owners_confirm_goes),
        DELIVERY_TEST(what_one_owner_lacks_stays_until_it_returns),
        DELIVERY_TEST(a_returning_owner_is_caught_up_in_many_partitions_at_once),
        DELIVERY_TEST(no_more_is_in_flight_than_a_page),
        DELIVERY_TEST(an_owner_that_refuses_keeps_what_it_is_owed),
        DELIVERY_TEST(an_owner_that_names_no_actor_has_not_confirmed),
        DELIVERY_TEST(one_that_cannot_be_stored_keeps_only_itself_and_what_came_later),
        DELIVERY_TEST(what_changed_after_it_was_sent_is_sent_again),
        DELIVERY_TEST(another_actor_has_confirmed_nothing),
        DELIVERY_TEST(an_actor_that_ends_between_confirmation_and_removal_is_noticed),
        DELIVERY_TEST(an_owner_that_changes_in_the_middle_of_a_pass_gets_all_of_it),
        DELIVERY_TEST(answers_that_nobody_waits_for_change_nothing),
        DELIVERY_TEST(views_that_come_with_answers_are_learned),
        DELIVERY_TEST(owners_of_every_live_layout_are_owed_it),
        DELIVERY_TEST(a_node_removed_by_force_is_owed_nothing),
        DELIVERY_TEST(a_restart_owes_what_was_kept),
        DELIVERY_TEST(nothing_goes_on_after_a_stop),
        DELIVERY_TEST(hints_on_a_slow_disk_are_read_first),
        DELIVERY_TEST(hints_that_cannot_be_read_are_given_up_when_all_others_went),
        DELIVERY_TEST(a_full_queue_to_a_peer_is_waited_for),
        DELIVERY_TEST(where_the_foreground_suffers_it_takes_its_time),
        DELIVERY_TEST(without_memory_it_waits),
        DELIVERY_TEST(whatever_happens_all_is_delivered_in_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
