/* What one worker holds: stores merge, writes give dots, and whatever fails leaves everything as it
 * was, or ends the holding where that can't be known. */
#include "replica_fixture.h"

static void assert_value(struct sibling sibling, const char *value)
{
    assert_true(bytes_equal(sibling.value, bytes_from_string(value)));
}

/* ---- reading and writing ---- */

static void nothing_is_held_at_first(void **state)
{
    struct fixture *fixture = *state;
    struct bytes encoded = bytes_from_string("untouched?");
    assert_int_equal(replica_read_encoded(&fixture->replica, &fixture->key, &encoded), 0);
    assert_null(encoded.data);
    assert_int_equal(held(fixture).sibling_count, 0);
    assert_null(replica_holding(&fixture->replica, PARTITION + 1));
}

static void a_write_is_read_back_with_the_dot_it_was_given(void **state)
{
    struct fixture *fixture = *state;
    struct replica_written written;
    assert_int_equal(write_unseen(fixture, "one", &written), 0);
    assert_true(written.dot.actor == fixture->holding->actor);
    assert_true(written.dot.counter == 1);
    assert_true(written.own_counter_before == 0);
    struct object object = held(fixture);
    assert_int_equal(object.sibling_count, 1);
    assert_true(dot_equal(object.siblings[0].dot, written.dot));
    assert_value(object.siblings[0], "one");
    struct bytes encoded;
    assert_int_equal(replica_read_encoded(&fixture->replica, &fixture->key, &encoded), 0);
    assert_true(bytes_equal(encoded, written.encoded));
}

static void a_write_replaces_what_it_has_seen_and_nothing_else(void **state)
{
    struct fixture *fixture = *state;
    struct replica_written first;
    struct replica_written second;
    assert_int_equal(write_unseen(fixture, "one", &first), 0);
    assert_int_equal(write_unseen(fixture, "two", &second), 0);
    assert_int_equal(held(fixture).sibling_count, 2);
    assert_true(second.own_counter_before == 1);
    struct version_vector seen = {.entries = &second.dot, .count = 1};
    assert_int_equal(write_over(fixture, seen, "three", &second), 0);
    struct object object = held(fixture);
    assert_int_equal(object.sibling_count, 1);
    assert_value(object.siblings[0], "three");
}

static void later_writes_have_later_times_even_if_the_clock_steps_back(void **state)
{
    struct fixture *fixture = *state;
    struct replica_written first;
    struct replica_written second;
    assert_int_equal(write_unseen(fixture, "one", &first), 0);
    uint64_t before = held(fixture).siblings[0].hlc;
    struct sibling added = {.value = bytes_from_string("two")};
    assert_int_equal(replica_write(&fixture->replica, fixture->holding, &fixture->key,
                                   first.object.context, &added, WALL_MS - 500, &second),
                     0);
    assert_true(held(fixture).siblings[0].hlc > before);
}

/* ---- storing what others send ---- */

static void what_others_send_is_merged(void **state)
{
    struct fixture *fixture = *state;
    struct replica_written written;
    assert_int_equal(write_unseen(fixture, "mine", &written), 0);
    assert_int_equal(store(fixture, foreign(fixture, 99, 4, "theirs")), 0);
    struct object object = held(fixture);
    assert_int_equal(object.sibling_count, 2);
    assert_true(version_vector_get(object.context, 99) == 4);
    assert_true(version_vector_get(object.context, written.dot.actor) == 1);
}

static void what_is_known_already_is_not_written_again(void **state)
{
    struct fixture *fixture = *state;
    struct bytes theirs = foreign(fixture, 99, 4, "theirs");
    assert_int_equal(store(fixture, theirs), 0);
    uint32_t puts = fixture->fickle->puts;
    assert_int_equal(store(fixture, theirs), 0);
    assert_int_equal(store(fixture, foreign(fixture, 99, 3, "older")), 0);
    assert_int_equal(fixture->fickle->puts, puts);
}

static void bytes_that_are_no_object_are_refused(void **state)
{
    struct fixture *fixture = *state;
    struct bytes good = foreign(fixture, 99, 4, "theirs");
    for (size_t len = 0; len + sizeof("theirs") < good.len; len++) {
        assert_true(store(fixture, bytes_make(good.data, len)) < 0);
    }
    assert_int_equal(held(fixture).sibling_count, 0);
}

static void more_siblings_than_a_key_may_have_are_refused_and_change_nothing(void **state)
{
    struct fixture *fixture = *state;
    for (uint64_t i = 1; i <= LIMIT_SIBLINGS; i++) {
        assert_int_equal(store(fixture, foreign(fixture, i, 1, "v")), 0);
    }
    assert_int_equal(store(fixture, foreign(fixture, 5000, 1, "v")), SHOAL_EOVERLOAD);
    struct replica_written written;
    assert_int_equal(write_unseen(fixture, "one more", &written), SHOAL_EOVERLOAD);
    assert_int_equal(held(fixture).sibling_count, LIMIT_SIBLINGS);
    struct version_vector seen = held(fixture).context;
    assert_int_equal(write_over(fixture, seen, "resolved", &written), 0);
    assert_int_equal(held(fixture).sibling_count, 1);
}

/* ---- durability ---- */

static void a_slow_write_is_held_at_once_and_confirmed_later(void **state)
{
    struct fixture *fixture = *state;
    struct replica_written written;
    fixture->fickle->slow = true;
    assert_int_equal(write_unseen(fixture, "one", &written), 1);
    assert_int_equal(held(fixture).sibling_count, 1);
    assert_false(durability_reached(&fixture->replica.durability, DURABILITY_SETTLED));
    fickle_engine_settle(fixture->fickle);
    assert_true(durability_reached(&fixture->replica.durability, DURABILITY_SETTLED));
}

static void an_object_stored_again_waits_for_what_is_not_yet_durable(void **state)
{
    struct fixture *fixture = *state;
    struct bytes theirs = foreign(fixture, 99, 4, "theirs");
    fixture->fickle->slow = true;
    assert_int_equal(store(fixture, theirs), 1);
    assert_int_equal(store(fixture, theirs), 1);
    fickle_engine_settle(fixture->fickle);
    assert_int_equal(store(fixture, theirs), 0);
}

static void storage_that_failed_confirms_nothing_any_more(void **state)
{
    struct fixture *fixture = *state;
    struct replica_written written;
    struct bytes theirs = foreign(fixture, 99, 4, "theirs");
    fixture->fickle->slow = true;
    assert_int_equal(store(fixture, theirs), 1);
    fickle_engine_break(fixture->fickle, SHOAL_EIO);
    assert_int_equal(store(fixture, theirs), SHOAL_EIO);
    assert_int_equal(store(fixture, foreign(fixture, 99, 5, "newer")), SHOAL_EIO);
    assert_int_equal(write_unseen(fixture, "mine", &written), SHOAL_EIO);
    assert_int_equal(held(fixture).sibling_count, 1); /* reads go on */
}

/* ---- the holding and its dots ---- */

static void a_refused_put_applies_nothing_and_no_dot_is_given_twice(void **state)
{
    static const int codes[] = {SHOAL_ENOMEM, SHOAL_ENOSPC, SHOAL_EIO, SHOAL_ETOOBIG,
                                SHOAL_EOVERLOAD};
    struct fixture *fixture = *state;
    struct replica_written written;
    assert_int_equal(write_unseen(fixture, "before", &written), 0);
    struct dot last = written.dot;
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        fixture->fickle->puts_failing = 1;
        fixture->fickle->put_code = codes[i];
        assert_int_equal(write_unseen(fixture, "refused", &written), codes[i]);
        assert_int_equal(held(fixture).sibling_count, 1 + (uint32_t)i);
        assert_int_equal(write_unseen(fixture, "after", &written), 0);
        assert_true(written.dot.actor != last.actor || written.dot.counter > last.counter);
        last = written.dot;
    }
}

static void a_full_disk_ends_no_actor(void **state)
{
    struct fixture *fixture = *state;
    struct replica_written written;
    uint64_t actor = fixture->holding->actor;
    fixture->fickle->puts_failing = 1;
    fixture->fickle->put_code = SHOAL_ENOSPC;
    assert_int_equal(write_unseen(fixture, "refused", &written), SHOAL_ENOSPC);
    assert_true(fixture->holding->actor == actor);
    assert_int_equal(fixture->began, 0);
}

static void a_refused_write_leaves_no_gap_in_the_clock(void **state)
{
    struct fixture *fixture = *state;
    struct replica_written written;
    fixture->fickle->puts_failing = 1;
    fixture->fickle->put_code = SHOAL_ENOSPC;
    assert_int_equal(write_unseen(fixture, "refused", &written), SHOAL_ENOSPC);
    assert_int_equal(write_unseen(fixture, "next", &written), 0);
    assert_true(partition_clock_base_covers(&fixture->holding->clock, written.dot));
}

static void a_put_whose_fate_is_uncertain_ends_the_actor_but_not_the_holding(void **state)
{
    struct fixture *fixture = *state;
    struct replica_written written;
    uint64_t actor = fixture->holding->actor;
    assert_int_equal(write_unseen(fixture, "before", &written), 0);
    struct dot before = written.dot;
    fixture->fickle->puts_failing = 1;
    fixture->fickle->put_code = SHOAL_EIO;
    assert_int_equal(write_unseen(fixture, "refused", &written), SHOAL_EIO);
    assert_true(fixture->holding->actor != actor);
    /* What was deleted before does not come back: it has been seen. */
    assert_true(partition_clock_seen(&fixture->holding->clock, before));
    assert_false(fixture->holding->refilling);
    assert_ptr_equal(replica_holding(&fixture->replica, PARTITION), fixture->holding);
    assert_int_equal(write_unseen(fixture, "next", &written), 0);
    assert_true(fixture->holding->recorded);
}

static void a_holding_that_is_not_on_record_gives_no_dots(void **state)
{
    struct fixture *fixture = *state;
    struct replica_written written;
    struct holding *holding;
    fixture->fickle->holdings_failing = 2;
    assert_int_equal(replica_begin(&fixture->replica, 3, true, &holding), 0);
    assert_true(holding->refilling);
    fixture->holding = holding;
    fixture->key.partition = 3;
    assert_int_equal(write_unseen(fixture, "refused", &written), SHOAL_ENOSPC);
    assert_true(holding->counter == 0);
    assert_int_equal(write_unseen(fixture, "recorded by now", &written), 0);
    struct bytes record;
    struct engine *engine = &fixture->fickle->engine;
    assert_int_equal(engine->ops->get_holding(engine, 3, &record), 0);
    assert_true(record.len > HOLDING_RECORD_BYTES);
}

static void a_dot_of_its_own_that_it_does_not_remember_ends_the_holding(void **state)
{
    struct fixture *fixture = *state;
    struct replica_written written;
    uint64_t actor = fixture->holding->actor;
    assert_int_equal(store(fixture, foreign(fixture, actor, 8, "from before")), 0);
    assert_int_equal(write_unseen(fixture, "now", &written), 0);
    assert_true(written.dot.actor != actor);
    assert_true(fixture->holding->refilling);
    assert_int_equal(fixture->began, 1);
    assert_int_equal(held(fixture).sibling_count, 2); /* nothing was swallowed */
}

static void a_dropped_partition_forgets_its_holding_and_its_data(void **state)
{
    struct fixture *fixture = *state;
    struct replica_written written;
    struct bytes record;
    struct engine *engine = &fixture->fickle->engine;
    assert_int_equal(write_unseen(fixture, "one", &written), 0);
    assert_int_equal(replica_drop(&fixture->replica, PARTITION), 0);
    assert_null(replica_holding(&fixture->replica, PARTITION));
    assert_int_equal(held(fixture).sibling_count, 0);
    assert_int_equal(engine->ops->get_holding(engine, PARTITION, &record), SHOAL_ENOTFOUND);
}

/* ---- without memory ---- */

static void without_memory_a_write_is_whole_or_not_at_all(void **state)
{
    struct fixture *fixture = *state;
    bool failed = true;
    uint32_t wrote = 0;
    for (uint64_t nth = 1; failed; nth++) {
        struct replica_written written;
        arena_deinit(&fixture->arena);
        mem_fail_from(nth);
        int result = write_unseen(fixture, "mine", &written);
        mem_fail_never();
        failed = result < 0;
        assert_true(result == 0 || result == SHOAL_ENOMEM);
        wrote += result == 0 ? 1 : 0;
        struct object object = held(fixture);
        assert_int_equal(object.sibling_count, wrote);
    }
    assert_int_equal(wrote, 1);
}

static void without_memory_a_store_is_whole_or_not_at_all(void **state)
{
    struct fixture *fixture = *state;
    struct replica_written written;
    assert_int_equal(write_unseen(fixture, "mine", &written), 0);
    struct buffer kept;
    buffer_init(&kept, 0);
    assert_int_equal(buffer_append_bytes(&kept, foreign(fixture, 99, 1, "theirs")), 0);
    bool failed = true;
    for (uint64_t nth = 1; failed; nth++) {
        arena_deinit(&fixture->arena);
        mem_fail_from(nth);
        int result = store(fixture, buffer_bytes(&kept));
        mem_fail_never();
        failed = result < 0;
        assert_true(result == 0 || result == SHOAL_ENOMEM);
        assert_int_equal(held(fixture).sibling_count, failed ? 1 : 2);
    }
    buffer_deinit(&kept);
}

static void without_memory_a_holding_begins_whole_or_not_at_all(void **state)
{
    struct fixture *fixture = *state;
    bool failed = true;
    for (uint64_t nth = 1; failed; nth++) {
        struct holding *holding;
        mem_fail_from(nth);
        int result = replica_begin(&fixture->replica, 1, false, &holding);
        mem_fail_never();
        failed = result < 0;
        assert_true((replica_holding(&fixture->replica, 1) != NULL) == !failed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(nothing_is_held_at_first),
        FIXTURE_TEST(a_write_is_read_back_with_the_dot_it_was_given),
        FIXTURE_TEST(a_write_replaces_what_it_has_seen_and_nothing_else),
        FIXTURE_TEST(later_writes_have_later_times_even_if_the_clock_steps_back),
        FIXTURE_TEST(what_others_send_is_merged),
        FIXTURE_TEST(what_is_known_already_is_not_written_again),
        FIXTURE_TEST(bytes_that_are_no_object_are_refused),
        FIXTURE_TEST(more_siblings_than_a_key_may_have_are_refused_and_change_nothing),
        FIXTURE_TEST(a_slow_write_is_held_at_once_and_confirmed_later),
        FIXTURE_TEST(an_object_stored_again_waits_for_what_is_not_yet_durable),
        FIXTURE_TEST(storage_that_failed_confirms_nothing_any_more),
        FIXTURE_TEST(a_refused_put_applies_nothing_and_no_dot_is_given_twice),
        FIXTURE_TEST(a_full_disk_ends_no_actor),
        FIXTURE_TEST(a_refused_write_leaves_no_gap_in_the_clock),
        FIXTURE_TEST(a_put_whose_fate_is_uncertain_ends_the_actor_but_not_the_holding),
        FIXTURE_TEST(a_holding_that_is_not_on_record_gives_no_dots),
        FIXTURE_TEST(a_dot_of_its_own_that_it_does_not_remember_ends_the_holding),
        FIXTURE_TEST(a_dropped_partition_forgets_its_holding_and_its_data),
        FIXTURE_TEST(without_memory_a_write_is_whole_or_not_at_all),
        FIXTURE_TEST(without_memory_a_store_is_whole_or_not_at_all),
        FIXTURE_TEST(without_memory_a_holding_begins_whole_or_not_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
