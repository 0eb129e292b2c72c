/* What stores bring, what they leave out, and what they say of it. Each case is run with the
 * engine's briefs and without, and with reads that have to wait: that makes no difference. */
#include "replica_fixture.h"

#define A 101u
#define B 102u
#define C 103u

static struct dot dot(uint64_t actor, uint64_t counter)
{
    return (struct dot){.actor = actor, .counter = counter};
}

static struct sibling value(uint64_t actor, uint64_t counter)
{
    return (struct sibling){
        .dot = dot(actor, counter), .hlc = 5, .value = bytes_from_string("value")};
}

static struct replica_stored stored(struct fixture *fixture, struct bytes encoded)
{
    struct replica_stored out = {.concurrent = true};
    int result;
    while ((result = replica_store(&fixture->replica, &fixture->key, encoded, WALL_MS, &out)) ==
           REPLICA_PENDING) {
        fickle_engine_read_all(fixture->fickle);
    }
    assert_int_equal(result, REPLICA_DONE);
    return out;
}

static bool seen(struct fixture *fixture, uint64_t actor, uint64_t counter)
{
    return partition_clock_seen(&fixture->holding->clock, dot(actor, counter));
}

static uint64_t keys(struct fixture *fixture)
{
    struct engine_stats stats;
    struct engine *engine = &fixture->fickle->engine;
    engine->ops->stats(engine, PARTITION, &stats);
    return stats.keys;
}

static void the_dots_of_what_is_stored_have_been_seen_and_its_context_has_not(void **state)
{
    struct fixture *fixture = *state;
    struct dot context[] = {dot(A, 7), dot(B, 3)};
    struct sibling siblings[] = {value(A, 7)};
    stored(fixture, made(fixture, context, 2, siblings, 1));
    assert_true(seen(fixture, A, 7));
    assert_false(seen(fixture, A, 6));
    assert_false(seen(fixture, B, 3));
}

static void what_was_replaced_here_is_refused_and_counts_as_held(void **state)
{
    struct fixture *fixture = *state;
    struct bytes old = foreign(fixture, A, 1, "old");
    struct dot context[] = {dot(A, 1), dot(B, 1)};
    struct sibling newer[] = {value(B, 1)};
    stored(fixture, old);
    stored(fixture, made(fixture, context, 2, newer, 1));
    uint32_t puts = fixture->fickle->puts;
    assert_true(stored(fixture, old).concurrent); /* the newer one is not in it */
    assert_int_equal(fixture->fickle->puts, puts);
    assert_int_equal(held(fixture).sibling_count, 1);
    assert_true(dot_equal(held(fixture).siblings[0].dot, dot(B, 1)));
}

static void what_is_gone_is_refused_also_where_nothing_is_left_to_tell_of_it(void **state)
{
    struct fixture *fixture = *state;
    struct bytes old = foreign(fixture, A, 1, "old");
    partition_clock_add(&fixture->holding->clock, dot(A, 1)); /* as by a sync */
    assert_false(stored(fixture, old).concurrent);
    assert_int_equal(keys(fixture), 0);
    stored(fixture, foreign(fixture, A, 2, "never seen"));
    assert_int_equal(held(fixture).sibling_count, 1);
}

static void only_the_siblings_that_are_gone_are_left_out(void **state)
{
    struct fixture *fixture = *state;
    struct dot context[] = {dot(A, 2), dot(B, 1), dot(C, 4)};
    struct sibling siblings[] = {value(A, 1), value(A, 2), value(B, 1)};
    partition_clock_add(&fixture->holding->clock, dot(A, 2));
    stored(fixture, made(fixture, context, 3, siblings, 3));
    struct object object = held(fixture);
    assert_int_equal(object.sibling_count, 2);
    assert_true(dot_equal(object.siblings[0].dot, dot(A, 1)));
    assert_true(dot_equal(object.siblings[1].dot, dot(B, 1)));
    assert_int_equal(object.context.count, 3); /* it stays, and is merged */
}

static void a_store_that_replaces_by_something_gone_leaves_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct dot context[] = {dot(A, 1), dot(B, 1)};
    struct sibling siblings[] = {value(B, 1)};
    stored(fixture, foreign(fixture, A, 1, "held"));
    partition_clock_add(&fixture->holding->clock, dot(B, 1));
    stored(fixture, made(fixture, context, 2, siblings, 1));
    assert_int_equal(keys(fixture), 0);
    assert_true(seen(fixture, A, 1));
    upkeep(fixture);
    assert_true(replica_tree(fixture->holding)->siblings == 0);
}

static void what_is_held_is_not_gone_however_often_it_comes(void **state)
{
    struct fixture *fixture = *state;
    struct bytes object = foreign(fixture, A, 1, "held");
    for (int i = 0; i < 3; i++) {
        assert_false(stored(fixture, object).concurrent);
        assert_int_equal(held(fixture).sibling_count, 1);
    }
    assert_int_equal(fixture->fickle->puts, 1);
}

static void a_store_tells_whether_other_siblings_remain(void **state)
{
    struct fixture *fixture = *state;
    struct dot context[] = {dot(A, 1), dot(B, 1), dot(C, 1)};
    struct sibling siblings[] = {value(C, 1)};
    assert_false(stored(fixture, foreign(fixture, A, 1, "one")).concurrent);
    assert_true(stored(fixture, foreign(fixture, B, 1, "two")).concurrent);
    assert_true(stored(fixture, foreign(fixture, B, 1, "two")).concurrent);
    assert_false(stored(fixture, made(fixture, context, 3, siblings, 1)).concurrent);
}

static void where_the_partition_is_not_held_nothing_is_stored(void **state)
{
    struct fixture *fixture = *state;
    struct engine_key key = fixture->key;
    key.partition = PARTITION + 1;
    assert_int_equal(
        replica_store(&fixture->replica, &key, foreign(fixture, A, 1, "x"), WALL_MS, NULL),
        SHOAL_ENOTOWNER);
}

static void what_is_damaged_keeps_nothing_from_coming_back(void **state)
{
    struct fixture *fixture = *state;
    struct bytes object = foreign(fixture, A, 1, "held");
    stored(fixture, object);
    fickle_engine_damage(fixture->fickle, &fixture->key);
    assert_false(seen(fixture, A, 1));
    assert_false(stored(fixture, object).concurrent);
    assert_int_equal(held(fixture).sibling_count, 1);
    upkeep(fixture);
    assert_true(replica_tree(fixture->holding)->siblings == 1);
}

static void a_dot_of_its_own_that_it_does_not_remember_ends_the_holding(void **state)
{
    struct fixture *fixture = *state;
    uint64_t actor = fixture->holding->actor;
    stored(fixture, foreign(fixture, A, 1, "seen by the one before"));
    fixture->key = replica_key(&fixture->replica, PARTITION, bytes_from_string("other"));
    stored(fixture, foreign(fixture, actor, 8, "given by the one before"));
    assert_true(fixture->holding->actor != actor && fixture->holding->refilling);
    assert_false(seen(fixture, A, 1));
    assert_true(seen(fixture, actor, 8));
    assert_int_equal(held(fixture).sibling_count, 1);
}

static int secretive(void **state)
{
    int result = fixture_setup(state);
    ((struct fixture *)*state)->fickle->is_secretive = true;
    return result;
}

static int cold(void **state)
{
    int result = secretive(state);
    ((struct fixture *)*state)->fickle->cold_percent = 50;
    return result;
}

#define TEST(name)                                                                                 \
    FIXTURE_TEST(name), cmocka_unit_test_setup_teardown(name, secretive, fixture_teardown),        \
        cmocka_unit_test_setup_teardown(name, cold, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_dots_of_what_is_stored_have_been_seen_and_its_context_has_not),
        TEST(what_was_replaced_here_is_refused_and_counts_as_held),
        TEST(what_is_gone_is_refused_also_where_nothing_is_left_to_tell_of_it),
        TEST(only_the_siblings_that_are_gone_are_left_out),
        TEST(a_store_that_replaces_by_something_gone_leaves_nothing),
        TEST(what_is_held_is_not_gone_however_often_it_comes),
        TEST(a_store_tells_whether_other_siblings_remain),
        TEST(where_the_partition_is_not_held_nothing_is_stored),
        TEST(a_dot_of_its_own_that_it_does_not_remember_ends_the_holding),
        TEST(what_is_damaged_keeps_nothing_from_coming_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
