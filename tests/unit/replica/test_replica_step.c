/* What a replica does by itself: making trees, dropping tombstones, having removed what expired. */
#include "replica_fixture.h"

#include <stdio.h>

#define A 101u
#define OTHER 11u
#define AHEAD_MS 1000u /* as the fixture's replica has it */

static struct dot dot(uint64_t counter)
{
    return (struct dot){.actor = A, .counter = counter};
}

static void key_is(struct fixture *fixture, uint32_t number)
{
    static char name[16];
    (void)snprintf(name, sizeof(name), "key%u", (unsigned)number);
    fixture->key = replica_key(&fixture->replica, PARTITION, bytes_from_string(name));
}

static void store_surely(struct fixture *fixture, struct bytes encoded)
{
    int result;
    while ((result = store(fixture, encoded)) == REPLICA_PENDING) {
        fickle_engine_read_all(fixture->fickle);
    }
    assert_true(result >= 0);
}

static void fill(struct fixture *fixture, uint32_t count)
{
    for (uint32_t i = 1; i <= count; i++) {
        key_is(fixture, i);
        store_surely(fixture, foreign(fixture, A, i, "value"));
    }
}

static uint64_t keys(struct fixture *fixture)
{
    struct engine_stats stats;
    struct engine *engine = &fixture->fickle->engine;
    engine->ops->stats(engine, PARTITION, &stats);
    return stats.keys;
}

/* ---- trees ---- */

static void a_tree_is_made_in_steps_and_is_that_of_what_is_held(void **state)
{
    struct fixture *fixture = *state;
    fill(fixture, 500);
    assert_null(replica_tree(fixture->holding));
    uint32_t steps = 0;
    while (replica_tree(fixture->holding) == NULL) {
        (void)replica_step(&fixture->replica, fixture->now, 50);
        fickle_engine_read_all(fixture->fickle);
        steps++;
        key_is(fixture, 500 + steps);
        store_surely(fixture, foreign(fixture, A, 500 + steps, "meanwhile"));
    }
    assert_true(steps >= 10);
    struct hash_tree *tree = replica_tree(fixture->holding);
    assert_true(tree->siblings == 500 + steps);
    struct tree_sum root = hash_tree_root(tree);
    replica_renew(&fixture->replica, fixture->holding, false);
    upkeep(fixture);
    assert_true(tree_sum_equal(hash_tree_root(replica_tree(fixture->holding)), root));
}

static void a_tree_grows_with_what_is_held(void **state)
{
    struct fixture *fixture = *state;
    upkeep(fixture);
    uint32_t bits = replica_tree(fixture->holding)->bits;
    fill(fixture, 1000);
    upkeep(fixture);
    assert_true(replica_tree(fixture->holding)->bits > bits);
    assert_true(replica_tree(fixture->holding)->siblings == 1000);
}

static void what_is_met_has_been_seen(void **state)
{
    struct fixture *fixture = *state;
    fill(fixture, 100);
    partition_clock_clear(&fixture->holding->clock);
    upkeep(fixture);
    for (uint64_t i = 1; i <= 100; i++) {
        assert_true(partition_clock_seen(&fixture->holding->clock, dot(i)));
    }
}

static void without_memory_the_tree_is_made_later(void **state)
{
    struct fixture *fixture = *state;
    fill(fixture, 100);
    mem_fail_from(1);
    (void)replica_step(&fixture->replica, fixture->now, 1000);
    mem_fail_never();
    assert_null(replica_tree(fixture->holding));
    pass_ms(fixture, 2000);
    upkeep(fixture);
    assert_true(replica_tree(fixture->holding)->siblings == 100);
}

static void a_holding_that_is_dropped_while_its_tree_waits_is_no_matter(void **state)
{
    struct fixture *fixture = *state;
    fixture->fickle->cold_percent = 100;
    fill(fixture, 10);
    (void)replica_step(&fixture->replica, fixture->now, 1000);
    assert_true(fixture->fickle->read_count > 0);
    assert_int_equal(replica_drop(&fixture->replica, PARTITION), 0);
    fickle_engine_read_all(fixture->fickle);
    upkeep(fixture);
}

/* ---- tombstones ---- */

static void owners_are(struct fixture *fixture, uint32_t count)
{
    uint64_t other = OTHER;
    assert_int_equal(replica_set_owners(fixture->holding, &other, count), 0);
}

static void report(struct fixture *fixture, uint64_t count)
{
    struct partition_clock clock;
    partition_clock_init(&clock);
    for (uint64_t i = 1; i <= count; i++) {
        partition_clock_add(&clock, dot(i));
    }
    replica_report(fixture->holding, OTHER, 1, &clock);
    partition_clock_deinit(&clock);
}

static void tell(struct fixture *fixture)
{
    pass_ms(fixture, 2000);
    replica_tell_clock(&fixture->replica, fixture->holding);
    upkeep(fixture);
}

static void a_tombstone_goes_once_every_owner_has_told_of_it(void **state)
{
    struct fixture *fixture = *state;
    owners_are(fixture, 1);
    store_surely(fixture, foreign(fixture, A, 1, "value"));
    store_surely(fixture, deletion(fixture, A, 2));
    tell(fixture);
    assert_true(keys(fixture) == 1);
    report(fixture, 1);
    upkeep(fixture);
    assert_true(keys(fixture) == 1);
    report(fixture, 2);
    upkeep(fixture);
    assert_true(keys(fixture) == 0);
    assert_true(fixture->replica.tombstones_dropped == 1);
    assert_true(replica_tree(fixture->holding)->siblings == 0);
    assert_true(partition_clock_seen(&fixture->holding->clock, dot(2)));
    store_surely(fixture, foreign(fixture, A, 1, "value"));
    store_surely(fixture, deletion(fixture, A, 2));
    assert_true(keys(fixture) == 0); /* nothing of it comes back */
}

static void what_this_holding_has_not_told_does_not_count(void **state)
{
    struct fixture *fixture = *state;
    fixture->fickle->slow = true;
    fixture->fickle->engine.settles_durable = false;
    owners_are(fixture, 1);
    store_surely(fixture, foreign(fixture, A, 1, "value"));
    store_surely(fixture, deletion(fixture, A, 2));
    report(fixture, 2);
    tell(fixture);
    assert_true(keys(fixture) == 1);
    fickle_engine_make_durable(fixture->fickle);
    upkeep(fixture);
    assert_true(keys(fixture) == 0);
}

static void where_there_is_no_other_owner_it_goes_by_itself(void **state)
{
    struct fixture *fixture = *state;
    owners_are(fixture, 0);
    upkeep(fixture);
    pass_ms(fixture, 60000);
    store_surely(fixture, foreign(fixture, A, 1, "value"));
    store_surely(fixture, deletion(fixture, A, 2));
    for (int i = 0; i < 3; i++) {
        uint64_t next_us = replica_step(&fixture->replica, fixture->now, 64);
        pass_ms(fixture, next_us < fixture->now.mono_us + 2000000 ? 1000 : 0);
        upkeep(fixture);
    }
    assert_true(keys(fixture) == 0);
}

static void a_value_beside_the_tombstone_stays(void **state)
{
    struct fixture *fixture = *state;
    owners_are(fixture, 0);
    upkeep(fixture);
    store_surely(fixture, deletion(fixture, A, 1));
    store_surely(fixture, foreign(fixture, A + 1, 1, "value"));
    assert_int_equal(held(fixture).sibling_count, 2);
    tell(fixture);
    struct object object = held(fixture);
    assert_int_equal(object.sibling_count, 1);
    assert_int_equal(object.siblings[0].kind, SIBLING_VALUE);
    assert_int_equal(object.context.count, 2); /* it is still known what was deleted */
    assert_true(replica_tree(fixture->holding)->siblings == 1);
}

static void tombstones_from_before_a_restart_are_found(void **state)
{
    struct fixture *fixture = *state;
    store_surely(fixture, foreign(fixture, A, 1, "value"));
    store_surely(fixture, deletion(fixture, A, 2));
    assert_int_equal(replica_record_all(&fixture->replica), 0);
    replica_deinit(&fixture->replica);
    fixture->fickle->engine.keeps_data = true;
    fixture->fickle->engine.resumed = true;
    replica_init(&fixture->replica, &fixture->fickle->engine, &fixture->random, &fixture->arena,
                 AHEAD_MS);
    assert_int_equal(replica_resume(&fixture->replica, PARTITION, true, &fixture->holding), 0);
    assert_true(partition_clock_seen(&fixture->holding->clock, dot(1))); /* as recorded */
    owners_are(fixture, 0);
    tell(fixture);
    assert_true(keys(fixture) == 0);
}

static void more_tombstones_than_are_kept_in_mind_go_all_the_same(void **state)
{
    struct fixture *fixture = *state;
    uint32_t count = 3 * TOMBSTONES_MAX;
    upkeep(fixture);
    for (uint32_t i = 1; i <= count; i++) {
        key_is(fixture, i);
        store_surely(fixture, deletion(fixture, A, i));
        if (i % 64 == 0) {
            arena_reset(&fixture->arena);
        }
    }
    assert_true(fixture->holding->tombstones.missed);
    owners_are(fixture, 0);
    for (int i = 0; i < 60 && keys(fixture) > 0; i++) {
        arena_reset(&fixture->arena);
        tell(fixture);
    }
    assert_true(keys(fixture) == 0);
    assert_false(fixture->holding->tombstones.missed);
}

static void no_walk_looks_for_more_while_none_of_those_in_mind_can_go(void **state)
{
    struct fixture *fixture = *state;
    upkeep(fixture);
    for (uint32_t i = 1; i <= TOMBSTONES_MAX + 100; i++) {
        key_is(fixture, i);
        store_surely(fixture, deletion(fixture, A, i));
        if (i % 64 == 0) {
            arena_reset(&fixture->arena);
        }
    }
    owners_are(fixture, 1); /* it tells nothing */
    tell(fixture);          /* the tree grows by the way */
    uint64_t next_us = fixture->holding->patrol.next_us;
    for (int i = 0; i < 60; i++) {
        arena_reset(&fixture->arena);
        pass_ms(fixture, 1000);
        tell(fixture);
    }
    assert_true(fixture->holding->tombstones.missed);
    assert_true(fixture->holding->patrol.next_us == next_us);
}

static void where_the_disk_is_full_they_go_later(void **state)
{
    struct fixture *fixture = *state;
    owners_are(fixture, 0);
    upkeep(fixture);
    store_surely(fixture, deletion(fixture, A, 1));
    store_surely(fixture, foreign(fixture, A + 1, 1, "value"));
    fixture->fickle->puts_failing = 1;
    fixture->fickle->put_code = SHOAL_ENOSPC;
    tell(fixture);
    assert_int_equal(held(fixture).sibling_count, 2);
    assert_true(replica_tree(fixture->holding)->siblings == 2);
    pass_ms(fixture, 2000);
    upkeep(fixture);
    assert_int_equal(held(fixture).sibling_count, 1);
}

/* ---- what expires ---- */

static uint32_t expired_count;
static bool expired_answer;

static bool on_expired(void *self, struct holding *holding, const struct engine_key *key,
                       const struct object *object, struct dot which)
{
    struct fixture *fixture = self;
    struct replica_written written;
    expired_count++;
    return expired_answer && replica_expire(&fixture->replica, holding, key, object, which,
                                            fixture->now.wall_ms, &written) >= 0;
}

static void listen(struct fixture *fixture)
{
    upkeep(fixture);
    expired_count = 0;
    expired_answer = true;
    fixture->replica.listener = (struct replica_listener){.self = fixture, .expired = on_expired};
}

static struct bytes expiring(struct fixture *fixture, uint64_t counter, uint64_t expiry_ms)
{
    struct dot own = dot(counter);
    struct sibling sibling = {
        .dot = own, .hlc = 5, .expiry_ms = expiry_ms, .value = bytes_from_string("value")};
    return made(fixture, &own, 1, &sibling, 1);
}

static void what_has_expired_for_every_clock_is_replaced_by_a_tombstone(void **state)
{
    struct fixture *fixture = *state;
    listen(fixture);
    store_surely(fixture, expiring(fixture, 1, WALL_MS + 5000));
    upkeep(fixture);
    pass_ms(fixture, 5000 + AHEAD_MS);
    upkeep(fixture);
    assert_int_equal(expired_count, 0);
    pass_ms(fixture, 1001);
    upkeep(fixture);
    assert_int_equal(expired_count, 1);
    struct object object = held(fixture);
    assert_int_equal(object.sibling_count, 1);
    assert_int_equal(object.siblings[0].kind, SIBLING_TOMBSTONE);
    assert_true(object.siblings[0].dot.actor == fixture->holding->actor);
    assert_true(replica_tree(fixture->holding)->siblings == 1);
}

static void its_siblings_stay(void **state)
{
    struct fixture *fixture = *state;
    struct dot context[] = {dot(3)};
    struct sibling siblings[] = {{.dot = dot(2), .value = bytes_from_string("stays")},
                                 {.dot = dot(3), .expiry_ms = WALL_MS + 1}};
    listen(fixture);
    store_surely(fixture, made(fixture, context, 1, siblings, 2));
    pass_ms(fixture, 3000);
    upkeep(fixture);
    struct object object = held(fixture);
    assert_int_equal(object.sibling_count, 2);
    bool stays = false;
    for (uint32_t i = 0; i < 2; i++) {
        stays = stays || dot_equal(object.siblings[i].dot, dot(2));
        assert_false(dot_equal(object.siblings[i].dot, dot(3)));
    }
    assert_true(stays);
}

static void who_does_not_remove_it_now_is_told_again(void **state)
{
    struct fixture *fixture = *state;
    listen(fixture);
    expired_answer = false;
    store_surely(fixture, expiring(fixture, 1, WALL_MS + 1));
    pass_ms(fixture, 3000);
    upkeep(fixture);
    assert_int_equal(expired_count, 1);
    pass_ms(fixture, 3000);
    upkeep(fixture);
    assert_int_equal(expired_count, 1);
    pass_ms(fixture, 9000);
    expired_answer = true;
    upkeep(fixture);
    assert_int_equal(expired_count, 2);
    assert_int_equal(held(fixture).siblings[0].kind, SIBLING_TOMBSTONE);
}

static void what_has_been_replaced_is_left_alone(void **state)
{
    struct fixture *fixture = *state;
    listen(fixture);
    store_surely(fixture, expiring(fixture, 1, WALL_MS + 1));
    store_surely(fixture, foreign(fixture, A, 2, "stays"));
    pass_ms(fixture, 3000);
    upkeep(fixture);
    assert_int_equal(expired_count, 0);
    assert_int_equal(held(fixture).siblings[0].kind, SIBLING_VALUE);
}

static void what_expires_is_found_again_after_a_restart(void **state)
{
    struct fixture *fixture = *state;
    store_surely(fixture, expiring(fixture, 1, WALL_MS + 5000));
    replica_deinit(&fixture->replica);
    fixture->fickle->engine.keeps_data = true;
    replica_init(&fixture->replica, &fixture->fickle->engine, &fixture->random, &fixture->arena,
                 AHEAD_MS);
    assert_int_equal(replica_resume(&fixture->replica, PARTITION, true, &fixture->holding), 0);
    listen(fixture);
    for (int i = 0; i < 90 && expired_count == 0; i++) {
        upkeep(fixture);
        pass_ms(fixture, 1000);
    }
    assert_int_equal(expired_count, 1);
    assert_true(fixture->now.wall_ms > WALL_MS + 5000 + AHEAD_MS);
}

static int cold(void **state)
{
    int result = fixture_setup(state);
    ((struct fixture *)*state)->fickle->cold_percent = 50;
    return result;
}

static int secretive(void **state)
{
    int result = fixture_setup(state);
    ((struct fixture *)*state)->fickle->is_secretive = true;
    return result;
}

#define TEST(name)                                                                                 \
    FIXTURE_TEST(name), cmocka_unit_test_setup_teardown(name, cold, fixture_teardown),             \
        cmocka_unit_test_setup_teardown(name, secretive, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_tree_is_made_in_steps_and_is_that_of_what_is_held),
        TEST(a_tree_grows_with_what_is_held),
        TEST(what_is_met_has_been_seen),
        FIXTURE_TEST(without_memory_the_tree_is_made_later),
        FIXTURE_TEST(a_holding_that_is_dropped_while_its_tree_waits_is_no_matter),
        TEST(a_tombstone_goes_once_every_owner_has_told_of_it),
        TEST(what_this_holding_has_not_told_does_not_count),
        TEST(where_there_is_no_other_owner_it_goes_by_itself),
        TEST(a_value_beside_the_tombstone_stays),
        TEST(tombstones_from_before_a_restart_are_found),
        FIXTURE_TEST(more_tombstones_than_are_kept_in_mind_go_all_the_same),
        FIXTURE_TEST(no_walk_looks_for_more_while_none_of_those_in_mind_can_go),
        FIXTURE_TEST(where_the_disk_is_full_they_go_later),
        TEST(what_has_expired_for_every_clock_is_replaced_by_a_tombstone),
        TEST(its_siblings_stay),
        TEST(who_does_not_remove_it_now_is_told_again),
        TEST(what_has_been_replaced_is_left_alone),
        TEST(what_expires_is_found_again_after_a_restart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
