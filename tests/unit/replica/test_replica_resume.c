/* What becomes of a holding when a process begins over an engine that another one has left. */
#include "replica_fixture.h"

/* What the process before left, and how. */
struct before {
    bool recorded;
    bool refilling;
    bool keeps_data;
    bool resumed;
    bool behind;
    bool lost;
    bool returning;
    struct partition_clock clock;
};

static struct before clean(void)
{
    return (struct before){
        .recorded = true, .keeps_data = true, .resumed = true, .returning = true};
}

/* Begins again: PARTITION was held by actor 4711 up to 42. */
static struct holding *resume(struct fixture *fixture, struct before before)
{
    struct engine *engine = &fixture->fickle->engine;
    uint64_t sequence;
    assert_int_equal(replica_drop(&fixture->replica, PARTITION), 0);
    if (before.recorded) {
        struct buffer record;
        struct holding last = {
            .partition = PARTITION, .refilling = before.refilling, .actor = 4711, .counter = 42};
        buffer_init(&record, 0);
        assert_int_equal(holding_encode(&last, &before.clock, &record), 0);
        assert_int_equal(
            engine->ops->put_holding(engine, PARTITION, buffer_bytes(&record), &sequence), 0);
        buffer_deinit(&record);
    }
    engine->keeps_data = before.keeps_data;
    engine->resumed = before.resumed;
    engine->behind = before.behind;
    fixture->fickle->lost_partition = before.lost ? PARTITION : UINT32_MAX;
    fixture->began = 0;
    assert_int_equal(
        replica_resume(&fixture->replica, PARTITION, before.returning, &fixture->holding), 0);
    assert_ptr_equal(replica_holding(&fixture->replica, PARTITION), fixture->holding);
    assert_int_equal(fixture->began, 1);
    return fixture->holding;
}

static void assert_begins_anew(const struct holding *holding, bool refilling)
{
    assert_true(holding->actor != 4711);
    assert_true(holding->counter == 0);
    assert_int_equal(holding->refilling, refilling);
    assert_true(holding->recorded);
}

static void after_a_clean_stop_the_holding_goes_on(void **state)
{
    struct fixture *fixture = *state;
    struct replica_written written;
    struct holding *holding = resume(fixture, clean());
    assert_true(holding->actor == 4711);
    assert_false(holding->refilling);
    assert_int_equal(write_unseen(fixture, "next", &written), 0);
    assert_true(written.dot.actor == 4711 && written.dot.counter == 43);
}

static void one_that_was_refilling_goes_on_refilling(void **state)
{
    struct before before = clean();
    before.refilling = true;
    struct holding *holding = resume(*state, before);
    assert_true(holding->actor == 4711);
    assert_true(holding->refilling);
}

static void without_a_clean_stop_another_actor_goes_on_with_the_data(void **state)
{
    struct before before = clean();
    before.resumed = false;
    assert_begins_anew(resume(*state, before), false);
    before.refilling = true;
    assert_begins_anew(resume(*state, before), true);
}

static void what_was_lost_is_filled_again_whatever_else_is_said(void **state)
{
    struct before before = clean();
    before.lost = true;
    assert_begins_anew(resume(*state, before), true);
    before = clean();
    before.behind = true;
    assert_begins_anew(resume(*state, before), true);
    before = clean();
    before.recorded = false;
    assert_begins_anew(resume(*state, before), true);
    before = clean();
    before.keeps_data = false;
    assert_begins_anew(resume(*state, before), true);
}

static void who_was_no_member_has_nothing_to_be_filled_with(void **state)
{
    struct before before = {.keeps_data = true};
    assert_begins_anew(resume(*state, before), false);
    before.keeps_data = false;
    assert_begins_anew(resume(*state, before), false);
}

/* ---- clocks ---- */

static const struct dot SEEN = {.actor = 77, .counter = 1};

static bool has_seen(struct fixture *fixture, struct before before)
{
    partition_clock_add(&before.clock, SEEN);
    const struct holding *holding = resume(fixture, before);
    partition_clock_deinit(&before.clock);
    assert_true(partition_clock_includes(&holding->clock, &holding->told));
    return partition_clock_seen(&holding->clock, SEEN);
}

static void where_nothing_was_lost_the_clock_is_kept_whoever_goes_on_with_it(void **state)
{
    struct fixture *fixture = *state;
    struct before before = clean();
    assert_true(has_seen(fixture, before));
    assert_true(fixture->holding->actor == 4711);
    before.resumed = false;
    assert_true(has_seen(fixture, before));
    assert_true(fixture->holding->actor != 4711);
    before.refilling = true;
    assert_true(has_seen(fixture, before));
}

static void a_clock_does_not_outlive_its_data(void **state)
{
    struct fixture *fixture = *state;
    struct before before = clean();
    before.lost = true;
    assert_false(has_seen(fixture, before));
    before = clean();
    before.behind = true;
    assert_false(has_seen(fixture, before));
    before = clean();
    before.keeps_data = false;
    assert_false(has_seen(fixture, before));
    before = clean();
    before.resumed = false;
    before.lost = true;
    assert_false(has_seen(fixture, before));
}

static void a_record_that_can_t_be_read_is_none(void **state)
{
    struct fixture *fixture = *state;
    struct engine *engine = &fixture->fickle->engine;
    uint64_t sequence;
    struct holding *holding;
    assert_int_equal(replica_drop(&fixture->replica, PARTITION), 0);
    assert_int_equal(
        engine->ops->put_holding(engine, PARTITION, bytes_from_string("nonsense"), &sequence), 0);
    engine->keeps_data = true;
    engine->resumed = true;
    assert_int_equal(replica_resume(&fixture->replica, PARTITION, true, &holding), 0);
    assert_begins_anew(holding, true);
}

/* The scrubber may be faster than the first snapshot. */
static void damage_found_before_the_holding_goes_on_counts(void **state)
{
    struct fixture *fixture = *state;
    struct holding *holding;
    fixture->fickle->engine.keeps_data = true;
    fixture->fickle->engine.resumed = true;
    assert_int_equal(replica_record_all(&fixture->replica), 0);
    replica_deinit(&fixture->replica);
    replica_init(&fixture->replica, &fixture->fickle->engine, &fixture->random, &fixture->arena,
                 1000);
    fickle_engine_damage(fixture->fickle, &fixture->key);
    assert_int_equal(replica_resume(&fixture->replica, PARTITION, true, &holding), 0);
    assert_begins_anew(holding, true);
    assert_int_equal(replica_resume(&fixture->replica, PARTITION + 1, true, &holding), 0);
    assert_true(holding->refilling); /* never recorded */
}

static void what_is_recorded_at_the_end_is_what_goes_on(void **state)
{
    struct fixture *fixture = *state;
    struct replica_written written;
    struct holding *other;
    assert_int_equal(replica_begin(&fixture->replica, PARTITION + 1, true, &other), 0);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(write_unseen(fixture, "value", &written), 0);
    }
    uint64_t actor = fixture->holding->actor;
    uint64_t other_actor = other->actor;
    assert_int_equal(replica_record_all(&fixture->replica), 0);
    replica_deinit(&fixture->replica);
    fixture->fickle->engine.keeps_data = true;
    fixture->fickle->engine.resumed = true;
    replica_init(&fixture->replica, &fixture->fickle->engine, &fixture->random, &fixture->arena,
                 1000);
    assert_int_equal(replica_resume(&fixture->replica, PARTITION, true, &fixture->holding), 0);
    assert_int_equal(replica_resume(&fixture->replica, PARTITION + 1, true, &other), 0);
    assert_true(fixture->holding->actor == actor && fixture->holding->counter == 5);
    assert_true(other->actor == other_actor && other->refilling);
}

static void a_holding_that_is_complete_again_is_on_record_as_such(void **state)
{
    struct fixture *fixture = *state;
    struct engine *engine = &fixture->fickle->engine;
    struct bytes record;
    struct holding_record recorded = {0};
    replica_renew(&fixture->replica, fixture->holding, true);
    assert_int_equal(engine->ops->get_holding(engine, PARTITION, &record), 0);
    assert_int_equal(holding_decode(record, &recorded), 0);
    assert_true(recorded.refilling);
    replica_complete(&fixture->replica, fixture->holding);
    assert_int_equal(engine->ops->get_holding(engine, PARTITION, &record), 0);
    assert_int_equal(holding_decode(record, &recorded), 0);
    assert_false(recorded.refilling);
    assert_true(recorded.actor == fixture->holding->actor);
    partition_clock_deinit(&recorded.clock);
}

static void records_that_can_t_be_put_are_reported(void **state)
{
    struct fixture *fixture = *state;
    fixture->fickle->holdings_failing = 1;
    assert_int_equal(replica_record_all(&fixture->replica), SHOAL_ENOSPC);
    assert_int_equal(replica_record_all(&fixture->replica), 0);
}

static void what_an_earlier_run_left_is_known_though_not_held(void **state)
{
    struct fixture *fixture = *state;
    struct replica_written written;
    assert_int_equal(write_unseen(fixture, "one", &written), 0);
    replica_deinit(&fixture->replica);
    replica_init(&fixture->replica, &fixture->fickle->engine, &fixture->random, &fixture->arena,
                 1000);
    assert_true(replica_knows(&fixture->replica, PARTITION));
    assert_false(replica_knows(&fixture->replica, PARTITION + 1));
    assert_int_equal(replica_drop(&fixture->replica, PARTITION), 0);
    assert_false(replica_knows(&fixture->replica, PARTITION));
}

static void without_memory_a_holding_goes_on_whole_or_not_at_all(void **state)
{
    struct fixture *fixture = *state;
    bool failed = true;
    for (uint64_t nth = 1; failed; nth++) {
        struct holding *holding;
        mem_fail_from(nth);
        int result = replica_resume(&fixture->replica, 1, true, &holding);
        mem_fail_never();
        failed = result < 0;
        assert_true((replica_holding(&fixture->replica, 1) != NULL) == !failed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(after_a_clean_stop_the_holding_goes_on),
        FIXTURE_TEST(one_that_was_refilling_goes_on_refilling),
        FIXTURE_TEST(without_a_clean_stop_another_actor_goes_on_with_the_data),
        FIXTURE_TEST(what_was_lost_is_filled_again_whatever_else_is_said),
        FIXTURE_TEST(who_was_no_member_has_nothing_to_be_filled_with),
        FIXTURE_TEST(where_nothing_was_lost_the_clock_is_kept_whoever_goes_on_with_it),
        FIXTURE_TEST(a_clock_does_not_outlive_its_data),
        FIXTURE_TEST(a_record_that_can_t_be_read_is_none),
        FIXTURE_TEST(damage_found_before_the_holding_goes_on_counts),
        FIXTURE_TEST(what_is_recorded_at_the_end_is_what_goes_on),
        FIXTURE_TEST(a_holding_that_is_complete_again_is_on_record_as_such),
        FIXTURE_TEST(records_that_can_t_be_put_are_reported),
        FIXTURE_TEST(what_an_earlier_run_left_is_known_though_not_held),
        FIXTURE_TEST(without_memory_a_holding_goes_on_whole_or_not_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
