/* What syncs take, take away, and are told of. */
#include "replica_fixture.h"

#define A 101u
#define B 102u

struct sync {
    struct sync_watch watch;
    struct partition_clock clock;
    uint32_t late;
    uint32_t ended;
    uint64_t position;
};

static void on_late(struct sync_watch *watch, uint64_t position)
{
    struct sync *sync = QUEUE_ITEM(watch, struct sync, watch);
    sync->late++;
    sync->position = position;
}

static void on_ended(struct sync_watch *watch)
{
    QUEUE_ITEM(watch, struct sync, watch)->ended++;
}

static struct dot dot(uint64_t actor, uint64_t counter)
{
    return (struct dot){.actor = actor, .counter = counter};
}

/* A sync from a peer that has seen dots 1 to `count` of A. */
static void begin(struct fixture *fixture, struct sync *sync, uint64_t count)
{
    *sync = (struct sync){.watch = {.late = on_late, .ended = on_ended}};
    partition_clock_init(&sync->clock);
    for (uint64_t i = 1; i <= count; i++) {
        partition_clock_add(&sync->clock, dot(A, i));
    }
    sync->watch.peer_clock = &sync->clock;
    replica_watch(fixture->holding, &sync->watch);
}

static void end(struct sync *sync)
{
    replica_unwatch(&sync->watch);
    partition_clock_deinit(&sync->clock);
}

static struct replica_taken take(struct fixture *fixture, struct sync *sync, struct bytes encoded)
{
    struct replica_taken taken;
    int result;
    while ((result = replica_take(&fixture->replica, &sync->watch, &fixture->key, encoded, WALL_MS,
                                  &taken)) == REPLICA_PENDING) {
        fickle_engine_read_all(fixture->fickle);
    }
    assert_int_equal(result, REPLICA_DONE);
    return taken;
}

static struct replica_taken take_absence(struct fixture *fixture, struct sync *sync)
{
    struct replica_taken taken;
    int result;
    while ((result = replica_take_absence(&fixture->replica, &sync->watch, fixture->key.position,
                                          fixture->key.tag, &taken)) == REPLICA_PENDING) {
        fickle_engine_read_all(fixture->fickle);
    }
    assert_int_equal(result, REPLICA_DONE);
    return taken;
}

static struct bytes both(struct fixture *fixture)
{
    struct dot context[] = {dot(A, 1), dot(B, 1)};
    struct sibling siblings[] = {{.dot = context[0]}, {.dot = context[1]}};
    return made(fixture, context, 2, siblings, 2);
}

static void what_the_peer_has_is_stored(void **state)
{
    struct fixture *fixture = *state;
    struct sync sync;
    begin(fixture, &sync, 1);
    struct replica_taken taken = take(fixture, &sync, foreign(fixture, A, 1, "theirs"));
    assert_true(taken.stored == 1 && taken.removed == 0);
    taken = take(fixture, &sync, foreign(fixture, A, 1, "theirs"));
    assert_true(taken.stored == 0 && taken.removed == 0);
    assert_int_equal(held(fixture).sibling_count, 1);
    assert_int_equal(sync.late, 0); /* its own doing */
    end(&sync);
}

static void what_the_peer_knows_to_be_gone_goes(void **state)
{
    struct fixture *fixture = *state;
    struct sync sync;
    assert_int_equal(store(fixture, both(fixture)), 0);
    begin(fixture, &sync, 1);
    struct replica_taken taken = take(fixture, &sync, foreign(fixture, B, 1, "theirs"));
    assert_true(taken.stored == 0 && taken.removed == 1);
    assert_int_equal(held(fixture).sibling_count, 1);
    assert_true(dot_equal(held(fixture).siblings[0].dot, dot(B, 1)));
    end(&sync);
}

static void what_the_peer_has_never_seen_stays(void **state)
{
    struct fixture *fixture = *state;
    struct sync sync;
    assert_int_equal(store(fixture, foreign(fixture, A, 2, "mine")), 0);
    begin(fixture, &sync, 1);
    assert_int_equal(take(fixture, &sync, (struct bytes){0}).removed, 0);
    assert_int_equal(take_absence(fixture, &sync).removed, 0);
    assert_int_equal(held(fixture).sibling_count, 1);
    end(&sync);
}

static void of_what_the_peer_lacks_altogether_the_name_is_enough(void **state)
{
    struct fixture *fixture = *state;
    struct sync sync;
    struct engine_stats stats;
    struct engine *engine = &fixture->fickle->engine;
    assert_int_equal(store(fixture, both(fixture)), 0);
    begin(fixture, &sync, 1);
    assert_int_equal(take_absence(fixture, &sync).removed, 1);
    assert_int_equal(held(fixture).sibling_count, 1);
    partition_clock_add(&sync.clock, dot(B, 1));
    assert_int_equal(take_absence(fixture, &sync).removed, 1);
    engine->ops->stats(engine, PARTITION, &stats);
    assert_true(stats.keys == 0);
    assert_int_equal(take_absence(fixture, &sync).removed, 0); /* nothing is there */
    end(&sync);
}

static void what_is_gone_here_does_not_come_back_by_a_sync(void **state)
{
    struct fixture *fixture = *state;
    struct sync sync;
    partition_clock_add(&fixture->holding->clock, dot(A, 1));
    begin(fixture, &sync, 1);
    struct replica_taken taken = take(fixture, &sync, foreign(fixture, A, 1, "old"));
    assert_true(taken.stored == 0 && taken.removed == 0);
    assert_int_equal(held(fixture).sibling_count, 0);
    end(&sync);
}

static void a_sync_hears_of_what_comes_behind_its_back(void **state)
{
    struct fixture *fixture = *state;
    struct sync sync;
    struct sync other;
    begin(fixture, &sync, 1);
    begin(fixture, &other, 1);
    assert_int_equal(store(fixture, foreign(fixture, B, 1, "the peer has not seen it")), 0);
    assert_int_equal(sync.late, 0);
    assert_int_equal(store(fixture, foreign(fixture, A, 1, "the peer has")), 0);
    assert_int_equal(sync.late, 1);
    assert_true(sync.position == fixture->key.position);
    assert_int_equal(store(fixture, foreign(fixture, A, 1, "again")), 0);
    assert_int_equal(sync.late, 1); /* nothing came */
    end(&sync);
    partition_clock_add(&other.clock, dot(A, 2));
    assert_int_equal(store(fixture, foreign(fixture, A, 2, "who has left hears nothing")), 0);
    assert_int_equal(sync.late, 1);
    assert_int_equal(other.late, 2);
    end(&other);
}

static void another_sync_s_stores_are_late_too(void **state)
{
    struct fixture *fixture = *state;
    struct sync one;
    struct sync other;
    begin(fixture, &one, 1);
    begin(fixture, &other, 1);
    take(fixture, &one, foreign(fixture, A, 1, "theirs"));
    assert_int_equal(one.late, 0);
    assert_int_equal(other.late, 1);
    end(&one);
    end(&other);
}

static void a_holding_that_begins_anew_ends_its_syncs(void **state)
{
    struct fixture *fixture = *state;
    struct sync one;
    struct sync other;
    begin(fixture, &one, 1);
    fickle_engine_damage(fixture->fickle, &fixture->key);
    assert_int_equal(one.ended, 1);
    begin(fixture, &other, 1);
    assert_int_equal(replica_drop(&fixture->replica, PARTITION), 0);
    assert_int_equal(one.ended, 1);
    assert_int_equal(other.ended, 1);
    end(&one);
    end(&other);
}

static void after_a_sync_all_that_the_peer_had_seen_has_been_seen(void **state)
{
    struct fixture *fixture = *state;
    struct sync sync;
    begin(fixture, &sync, 5);
    pass_ms(fixture, 2000);
    replica_join_clock(&fixture->replica, fixture->holding, &sync.clock);
    assert_true(partition_clock_base_covers(&fixture->holding->clock, dot(A, 5)));
    assert_true(partition_clock_equal(&fixture->holding->told, &fixture->holding->clock));
    assert_int_equal(store(fixture, foreign(fixture, A, 3, "gone")), 0);
    assert_int_equal(held(fixture).sibling_count, 0);
    end(&sync);
}

static int cold(void **state)
{
    int result = fixture_setup(state);
    ((struct fixture *)*state)->fickle->is_secretive = true;
    ((struct fixture *)*state)->fickle->cold_percent = 50;
    return result;
}

#define TEST(name) FIXTURE_TEST(name), cmocka_unit_test_setup_teardown(name, cold, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_the_peer_has_is_stored),
        TEST(what_the_peer_knows_to_be_gone_goes),
        TEST(what_the_peer_has_never_seen_stays),
        TEST(of_what_the_peer_lacks_altogether_the_name_is_enough),
        TEST(what_is_gone_here_does_not_come_back_by_a_sync),
        FIXTURE_TEST(a_sync_hears_of_what_comes_behind_its_back),
        FIXTURE_TEST(another_sync_s_stores_are_late_too),
        FIXTURE_TEST(a_holding_that_begins_anew_ends_its_syncs),
        FIXTURE_TEST(after_a_sync_all_that_the_peer_had_seen_has_been_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
