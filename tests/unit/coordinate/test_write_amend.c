/* Additions and changes of expiry: they rest on what a read quorum holds, lose nothing that was
 * added apart, and are made once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "model/shown.h"
#include "ring/partition.h"
#include "shoal/error.h"
#include "support/fake_courier.h"

static const struct bytes none;

static int setup(void **state)
{
    *state = fake_courier_new(3, 3, 2, 2);
    return 0;
}

static int setup_five(void **state)
{
    *state = fake_courier_new(5, 3, 2, 2);
    return 0;
}

static int setup_alone(void **state)
{
    *state = fake_courier_new(1, 1, 1, 1);
    return 0;
}

static int teardown(void **state)
{
    fake_courier_free(*state);
    return 0;
}

static struct holding *own_holding(struct fake_courier *fake, const char *key)
{
    return replica_holding(&fake->owners[FAKE_SELF].replica,
                           partition_of_key(bytes_from_string(key), FAKE_PARTITIONS));
}

static struct fake_answer *done(struct fake_courier *fake, struct fake_answer *answer)
{
    fake_run(fake, 3000 * MS);
    assert_true(answer->done);
    assert_int_equal(answer->code, 0);
    return answer;
}

static void assert_reads(struct fake_courier *fake, const char *key, const char *value)
{
    struct fake_answer *get = done(fake, fake_get(fake, key));
    assert_int_equal(get->value_count, 1);
    assert_string_equal(get->values[0], value);
}

/* The nodes take in what another coordinator has made of what the first of them holds. */
static void add_elsewhere(struct fake_courier *fake, const char *key, uint64_t first, uint64_t last,
                          struct dot dot, int64_t delta)
{
    struct arena arena;
    struct buffer encoded;
    struct object after;
    int64_t total;
    arena_init(&arena, 0);
    buffer_init(&encoded, 0);
    struct object held = fake_held(fake, first, key);
    struct sibling sibling;
    assert_int_equal(object_add(&arena, &held, 0, dot, delta, &sibling, &total), 0);
    sibling.dot = dot;
    sibling.hlc = dot.counter;
    assert_int_equal(object_write(&arena, &held, held.context, &sibling, &after), 0);
    assert_int_equal(object_encode(&after, &encoded), 0);
    for (uint64_t node = first; node <= last; node++) {
        struct replica *replica = &fake->owners[node].replica;
        uint32_t partition = partition_of_key(bytes_from_string(key), FAKE_PARTITIONS);
        struct engine_key wanted = replica_key(replica, partition, bytes_from_string(key));
        assert_true(replica_store(replica, &wanted, buffer_bytes(&encoded), 1, NULL) >= 0);
    }
    buffer_deinit(&encoded);
    arena_deinit(&arena);
}

/* ---- adding ---- */

static void additions_add_up_and_all_owners_hold_them(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    assert_int_equal(done(fake, fake_add(fake, key, 5))->number, 5);
    struct fake_answer *less = done(fake, fake_add(fake, key, -7));
    assert_int_equal(less->number, -2);
    assert_true(less->owners >= 2);
    struct fake_answer *get = done(fake, fake_get(fake, key));
    assert_int_equal(get->value_count, 1);
    assert_string_equal(get->values[0], "-2");
    assert_true(get->counters[0]);
    for (uint64_t node = 1; node <= 3; node++) {
        assert_int_equal(fake_held(fake, node, key).sibling_count, 1);
    }
}

static void a_value_that_this_node_has_missed_is_added_to(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    fake_plant(fake, 2, key, "41", 50, 3);
    fake_plant(fake, 3, key, "41", 50, 3);
    assert_int_equal(done(fake, fake_add(fake, key, 1))->number, 42);
    assert_reads(fake, key, "42");
    assert_int_equal(fake_held(fake, 1, key).sibling_count, 1);
}

static void what_another_added_meanwhile_is_kept(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    (void)done(fake, fake_put(fake, key, "100", none));
    fake_link(fake, 2, false);
    add_elsewhere(fake, key, 2, 2, (struct dot){50, 3}, 10); /* only node 2 knows */
    assert_int_equal(done(fake, fake_add(fake, key, 1))->number, 101);
    fake_link(fake, 2, true);
    fake_link(fake, 3, false);
    assert_int_equal(done(fake, fake_add(fake, key, 1))->number, 112);
    assert_int_equal(fake_held(fake, 1, key).sibling_count, 1);
    fake_link(fake, 3, true);
    assert_reads(fake, key, "112");
}

static void a_value_written_over_a_counter_is_a_value(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    (void)done(fake, fake_add(fake, key, 5));
    (void)done(fake, fake_put(fake, key, "7", none));
    assert_false(done(fake, fake_get(fake, key))->counters[0]);
    assert_int_equal(done(fake, fake_add(fake, key, 1))->number, 8);
    (void)done(fake, fake_delete(fake, key, none));
    assert_int_equal(done(fake, fake_add(fake, key, 1))->number, 1);
}

static void assert_refused(struct fake_courier *fake, struct fake_answer *answer, int code,
                           const char *words)
{
    fake_run(fake, 3000 * MS);
    assert_true(answer->done);
    assert_int_equal(answer->code, code);
    assert_non_null(strstr(answer->text, words));
}

static void what_is_no_number_is_refused_and_costs_no_dot(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    (void)done(fake, fake_put(fake, key, "ten", none));
    uint64_t before = own_holding(fake, key)->counter;
    assert_refused(fake, fake_add(fake, key, 1), SHOAL_EINVAL,
                   "value is not an integer or out of range");
    (void)done(fake, fake_put(fake, key, "9223372036854775807", none));
    assert_refused(fake, fake_add(fake, key, 1), SHOAL_EINVAL,
                   "increment or decrement would overflow");
    assert_int_equal(own_holding(fake, key)->counter, before + 1);
    assert_reads(fake, key, "9223372036854775807");
}

static void an_addition_that_got_no_quorum_is_unknown_and_made_once(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    (void)done(fake, fake_add(fake, key, 1));
    for (uint64_t node = 2; node <= 3; node++) {
        fake->owners[node].lose_answers = 0;
        fake->owners[node].refusals = 0;
    }
    struct fake_answer *add = fake_add(fake, key, 10);
    fake_run(fake, 2 * MS); /* the read is answered; of the stores nobody hears */
    fake->owners[2].lose_answers = FAKE_ALWAYS;
    fake->owners[3].lose_answers = FAKE_ALWAYS;
    fake_run(fake, 3000 * MS);
    assert_true(add->done);
    if (add->code != 0) {
        assert_int_equal(add->code, SHOAL_EUNKNOWN);
    }
    fake->owners[2].lose_answers = 0;
    fake->owners[3].lose_answers = 0;
    assert_int_equal(done(fake, fake_add(fake, key, 100))->number, 111);
}

static void without_owners_that_answer_nothing_is_applied(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    fake->owners[2].lose_requests = FAKE_ALWAYS;
    fake->owners[3].lose_requests = FAKE_ALWAYS;
    uint64_t before = own_holding(fake, key)->counter;
    assert_refused(fake, fake_add(fake, key, 1), SHOAL_EQUORUM, "nothing was applied");
    assert_int_equal(own_holding(fake, key)->counter, before);
}

static void storage_that_fails_under_an_addition_leaves_it_unknown(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    (void)done(fake, fake_add(fake, key, 1));
    fake->owners[FAKE_SELF].fickle->put_code = SHOAL_EIO;
    fake->owners[FAKE_SELF].fickle->puts_failing = 1;
    assert_refused(fake, fake_add(fake, key, 1), SHOAL_EUNKNOWN, "may or may not be kept");
    fake->owners[FAKE_SELF].fickle->put_code = SHOAL_ENOSPC;
    fake->owners[FAKE_SELF].fickle->puts_failing = 1;
    assert_refused(fake, fake_add(fake, key, 1), SHOAL_ENOSPC, "nothing was applied");
}

static void a_coordinator_that_falls_silent_leaves_it_unknown_and_no_other_is_asked(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, FAKE_ALWAYS);
    fake->owners[fake_owner_of(fake, key, 0)].lose_answers = FAKE_ALWAYS;
    struct fake_answer *add = fake_add(fake, key, 1);
    assert_refused(fake, add, SHOAL_EUNKNOWN, "may or may not");
    uint32_t forwards = 0;
    for (uint64_t node = 2; node <= 5; node++) {
        forwards += fake->owners[node].forwards;
    }
    assert_int_equal(forwards, 1);
}

static void while_this_holding_is_filled_only_the_quorum_counts(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    struct replica *replica = &fake->owners[FAKE_SELF].replica;
    replica_renew(replica, own_holding(fake, key), true);
    fake_plant(fake, 1, key, "666", 60, 1); /* deleted long ago, brought by somebody late */
    fake_plant(fake, 2, key, "41", 50, 3);
    fake_plant(fake, 3, key, "41", 50, 3);
    assert_int_equal(done(fake, fake_add(fake, key, 1))->number, 42);
    assert_int_equal(done(fake, fake_add(fake, key, 1))->number, 43);
}

/* ---- expiry ---- */

static void expiry_is_set_told_and_taken_away(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    uint64_t at_ms = fake->now.wall_ms + 60000;
    (void)done(fake, fake_put(fake, key, "value", none));
    uint64_t hlc = fake_held(fake, 1, key).siblings[0].hlc;
    assert_int_equal(done(fake, fake_expire(fake, key, at_ms))->number, 0);
    struct fake_answer *get = done(fake, fake_get(fake, key));
    assert_string_equal(get->values[0], "value");
    assert_true(get->expiries[0] == at_ms);
    assert_true(fake_held(fake, 2, key).siblings[0].hlc == hlc);
    assert_true((uint64_t)done(fake, fake_expire(fake, key, 0))->number == at_ms);
    fake->now.wall_ms += 100000;
    assert_reads(fake, key, "value");
}

static void what_is_not_there_does_not_expire(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    assert_refused(fake, fake_expire(fake, key, 1), SHOAL_ENOTFOUND, "no such key");
    (void)done(fake, fake_put(fake, key, "value", none));
    (void)done(fake, fake_expire(fake, key, 1));
    assert_refused(fake, fake_expire(fake, key, 0), SHOAL_ENOTFOUND, "no such key");
}

static void an_addition_keeps_the_expiry_and_begins_anew_after_it(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    (void)done(fake, fake_add(fake, key, 5));
    (void)done(fake, fake_expire(fake, key, fake->now.wall_ms + 5000));
    assert_int_equal(done(fake, fake_add(fake, key, 1))->number, 6);
    fake->now.wall_ms += 7000; /* the bound on clocks is a second */
    assert_int_equal(done(fake, fake_add(fake, key, 1))->number, 1);
    assert_true(done(fake, fake_get(fake, key))->expiries[0] == 0);
}

static void a_put_may_name_the_time_of_its_expiry(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    struct request request = {.op = REQUEST_PUT,
                              .key = bytes_from_string(key),
                              .value = bytes_from_string("one"),
                              .expiry_ms = fake->now.wall_ms + 10};
    (void)done(fake, fake_begin(fake, &request));
    assert_true(done(fake, fake_get(fake, key))->expiries[0] == request.expiry_ms);
}

static void a_node_that_is_alone_hides_to_the_millisecond(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    fake->coordinator.alone = view_alone(fake->coordinator.view, FAKE_SELF);
    assert_true(fake->coordinator.alone);
    uint64_t at_ms = fake->now.wall_ms + 10000;
    (void)done(fake, fake_put(fake, key, "value", none));
    (void)done(fake, fake_expire(fake, key, at_ms));
    fake->now.wall_ms = at_ms;
    struct fake_answer *get = fake_get(fake, key);
    assert_true(get->done && get->code == 0);
    fake->now.wall_ms = at_ms + 1;
    get = fake_get(fake, key);
    assert_true(get->done && get->code == SHOAL_ENOTFOUND);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(additions_add_up_and_all_owners_hold_them),
        TEST(a_value_that_this_node_has_missed_is_added_to),
        TEST(what_another_added_meanwhile_is_kept),
        TEST(a_value_written_over_a_counter_is_a_value),
        TEST(what_is_no_number_is_refused_and_costs_no_dot),
        TEST(an_addition_that_got_no_quorum_is_unknown_and_made_once),
        TEST(without_owners_that_answer_nothing_is_applied),
        TEST(storage_that_fails_under_an_addition_leaves_it_unknown),
        cmocka_unit_test_setup_teardown(
            a_coordinator_that_falls_silent_leaves_it_unknown_and_no_other_is_asked, setup_five,
            teardown),
        TEST(while_this_holding_is_filled_only_the_quorum_counts),
        TEST(expiry_is_set_told_and_taken_away),
        TEST(what_is_not_there_does_not_expire),
        TEST(an_addition_keeps_the_expiry_and_begins_anew_after_it),
        TEST(a_put_may_name_the_time_of_its_expiry),
        cmocka_unit_test_setup_teardown(a_node_that_is_alone_hides_to_the_millisecond, setup_alone,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
