/* Passing a request on: a write to one coordinator at a time and never to a second that might do it
 * again, a get to whoever answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "shoal/error.h"
#include "support/fake_courier.h"

static const struct bytes none;

/* Five nodes, so that some keys are not node 1's at all. */
static int setup(void **state)
{
    *state = fake_courier_new(5, 3, 2, 2);
    return 0;
}

static int teardown(void **state)
{
    fake_courier_free(*state);
    return 0;
}

static uint32_t forwards(const struct fake_courier *fake)
{
    uint32_t count = 0;
    for (uint64_t node = 1; node <= FAKE_NODES; node++) {
        count += fake->owners[node].forwards;
    }
    return count;
}

static void refuse(struct fake_courier *fake, uint64_t node, int code, uint32_t times)
{
    fake->owners[node].refusal = code;
    fake->owners[node].refusals = times;
}

static void a_write_goes_to_the_first_healthy_owner(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 1);
    struct fake_answer *put = fake_put(fake, key, "one", none);
    fake_run(fake, 100 * MS);
    assert_int_equal(put->code, 0);
    assert_int_equal(fake->owners[fake_owner_of(fake, key, 0)].forwards, 1);
    assert_int_equal(forwards(fake), 1);
    fake_link(fake, fake_owner_of(fake, key, 0), false);
    put = fake_put(fake, key, "two", none); /* then it is this node's */
    fake_run(fake, 100 * MS);
    assert_int_equal(put->code, 0);
    assert_int_equal(forwards(fake), 1);
    assert_int_equal(fake_holders(fake, key, "two"), 2);
}

static void an_owner_whose_clock_is_far_ahead_does_not_coordinate(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, FAKE_ALWAYS);
    fake->owners[fake_owner_of(fake, key, 0)].clock_ahead = true;
    struct fake_answer *put = fake_put(fake, key, "one", none);
    fake_run(fake, 100 * MS);
    assert_int_equal(put->code, 0);
    assert_int_equal(fake->owners[fake_owner_of(fake, key, 1)].forwards, 1);
}

static void a_node_whose_own_clock_is_far_ahead_passes_its_writes_on(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    fake->coordinator.self_clock_ahead = true;
    struct fake_answer *put = fake_put(fake, key, "one", none);
    fake_run(fake, 100 * MS);
    assert_int_equal(put->code, 0);
    assert_int_equal(forwards(fake), 1);
}

static void a_refusal_sends_a_write_to_the_next_owner(void **state)
{
    static const int codes[] = {SHOAL_ENOTOWNER, SHOAL_ESHUTDOWN, SHOAL_EREFILLING};
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, FAKE_ALWAYS);
    for (size_t i = 0; i < 3; i++) {
        uint32_t before = fake->owners[fake_owner_of(fake, key, 1)].forwards;
        refuse(fake, fake_owner_of(fake, key, 0), codes[i], 1);
        struct fake_answer *put = fake_put(fake, key, "one", none);
        fake_run(fake, 100 * MS);
        assert_int_equal(put->code, 0);
        assert_int_equal(fake->owners[fake_owner_of(fake, key, 1)].forwards, before + 1);
    }
}

static void a_refusal_that_comes_again_is_not_the_next_owners(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, FAKE_ALWAYS);
    uint64_t first = fake_owner_of(fake, key, 0);
    uint64_t second = fake_owner_of(fake, key, 1);
    refuse(fake, first, SHOAL_ENOTOWNER, 1);
    fake->owners[first].repeat_answers = FAKE_ALWAYS;
    fake->owners[second].delay_us = 50 * MS;
    struct fake_answer *put = fake_put(fake, key, "one", none);
    fake_run(fake, 500 * MS);
    assert_int_equal(put->code, 0);
    assert_int_equal(fake->owners[second].forwards, 1);
    assert_int_equal(fake->owners[fake_owner_of(fake, key, 2)].forwards, 0);
}

static void other_failures_are_the_answer(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, FAKE_ALWAYS);
    refuse(fake, fake_owner_of(fake, key, 0), SHOAL_ECONTEXT, 1);
    struct fake_answer *put = fake_put(fake, key, "one", none);
    fake_run(fake, 100 * MS);
    assert_int_equal(put->code, SHOAL_ECONTEXT);
    assert_string_equal(put->text, "refused by script");
    assert_int_equal(forwards(fake), 1);
}

static void when_all_refuse_nothing_was_applied(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, FAKE_ALWAYS);
    for (uint32_t place = 0; place < 3; place++) {
        refuse(fake, fake_owner_of(fake, key, place), SHOAL_ESHUTDOWN, FAKE_ALWAYS);
    }
    struct fake_answer *put = fake_put(fake, key, "one", none);
    fake_run(fake, 3000 * MS);
    assert_true(put->done);
    assert_int_equal(shoal_error_nothing_applied(put->code), 1);
    assert_int_equal(forwards(fake), 3);
}

static void an_owner_whom_all_others_refused_coordinates_itself(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 1);
    refuse(fake, fake_owner_of(fake, key, 0), SHOAL_ESHUTDOWN, 1);
    refuse(fake, fake_owner_of(fake, key, 2), SHOAL_ESHUTDOWN, 1);
    struct fake_answer *put = fake_put(fake, key, "one", none);
    fake_run(fake, 500 * MS);
    assert_true(put->done);
    assert_int_equal(put->code, 0);
    assert_int_equal(forwards(fake), 2);
    assert_int_equal(fake_holders(fake, key, "one"), 3);
}

static void a_silent_coordinator_leaves_a_write_unknown(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, FAKE_ALWAYS);
    fake->owners[fake_owner_of(fake, key, 0)].lose_answers = FAKE_ALWAYS;
    struct fake_answer *put = fake_put(fake, key, "one", none);
    fake_run(fake, 5000 * MS);
    assert_int_equal(put->code, SHOAL_EUNKNOWN);
    assert_int_equal(forwards(fake), 1); /* nobody else was asked to do it again */
}

static void a_link_that_breaks_leaves_a_write_unknown_at_once(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, FAKE_ALWAYS);
    uint64_t first = fake_owner_of(fake, key, 0);
    fake->owners[first].lose_answers = FAKE_ALWAYS;
    struct fake_answer *put = fake_put(fake, key, "one", none);
    fake_run(fake, 5 * MS);
    fake_link(fake, fake_owner_of(fake, key, 1), false);
    assert_false(put->done);
    fake_link(fake, first, false);
    assert_true(put->done);
    assert_int_equal(put->code, SHOAL_EUNKNOWN);
}

static void a_get_goes_on_to_the_next_owner_when_one_is_silent_or_gone(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, FAKE_ALWAYS);
    fake->owners[fake_owner_of(fake, key, 0)].lose_requests = FAKE_ALWAYS;
    struct fake_answer *get = fake_get(fake, key);
    fake_run(fake, 150 * MS);
    assert_true(get->done);
    assert_int_equal(get->code, 0);
    fake->owners[fake_owner_of(fake, key, 1)].lose_answers = 1;
    get = fake_get(fake, key);
    fake_run(fake, 1 * MS);
    fake_link(fake, fake_owner_of(fake, key, 0), false);
    fake_run(fake, 300 * MS);
    assert_true(get->done);
    assert_int_equal(get->code, 0);
}

static void without_any_owner_in_reach_nothing_was_applied(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, FAKE_ALWAYS);
    for (uint32_t place = 0; place < 3; place++) {
        fake_link(fake, fake_owner_of(fake, key, place), false);
    }
    struct fake_answer *put = fake_put(fake, key, "one", none);
    struct fake_answer *get = fake_get(fake, key);
    fake_run(fake, 100 * MS);
    assert_false(put->done); /* links may be coming up */
    fake_run(fake, 600 * MS);
    assert_int_equal(put->code, SHOAL_EQUORUM);
    assert_int_equal(get->code, SHOAL_EQUORUM);
    assert_non_null(strstr(put->text, "nothing was applied"));
}

static void a_request_makes_one_hop_at_most(void **state)
{
    struct fake_courier *fake = *state;
    struct request request = {.op = REQUEST_PUT,
                              .key = bytes_from_string(fake_key(fake, FAKE_ALWAYS)),
                              .value = bytes_from_string("one"),
                              .forwarded = true};
    struct fake_answer *put = fake_begin(fake, &request);
    assert_true(put->done);
    assert_int_equal(put->code, SHOAL_ENOTOWNER);
    assert_int_equal(forwards(fake), 0);
}

/* Whoever passed it on didn't know that yet. */
static void a_write_that_was_passed_on_to_a_node_whose_clock_is_far_ahead_is_refused(void **state)
{
    struct fake_courier *fake = *state;
    struct request request = {.op = REQUEST_PUT,
                              .key = bytes_from_string(fake_key(fake, 0)),
                              .value = bytes_from_string("one"),
                              .forwarded = true};
    fake->coordinator.self_clock_ahead = true;
    struct fake_answer *put = fake_begin(fake, &request);
    assert_true(put->done);
    assert_int_equal(put->code, SHOAL_ENOTOWNER);
    assert_int_equal(fake_holders(fake, fake_key(fake, 0), "one"), 0);
    request.op = REQUEST_GET; /* reads prove nothing of clocks */
    struct fake_answer *get = fake_begin(fake, &request);
    fake_run(fake, 100 * MS);
    assert_true(get->done);
    assert_int_equal(get->code, SHOAL_ENOTFOUND);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_write_goes_to_the_first_healthy_owner),
        TEST(an_owner_whose_clock_is_far_ahead_does_not_coordinate),
        TEST(a_node_whose_own_clock_is_far_ahead_passes_its_writes_on),
        TEST(a_refusal_sends_a_write_to_the_next_owner),
        TEST(a_refusal_that_comes_again_is_not_the_next_owners),
        TEST(other_failures_are_the_answer),
        TEST(when_all_refuse_nothing_was_applied),
        TEST(an_owner_whom_all_others_refused_coordinates_itself),
        TEST(a_silent_coordinator_leaves_a_write_unknown),
        TEST(a_link_that_breaks_leaves_a_write_unknown_at_once),
        TEST(a_get_goes_on_to_the_next_owner_when_one_is_silent_or_gone),
        TEST(without_any_owner_in_reach_nothing_was_applied),
        TEST(a_request_makes_one_hop_at_most),
        TEST(a_write_that_was_passed_on_to_a_node_whose_clock_is_far_ahead_is_refused),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    fickle_engine_cold_percent = 70; /* the same where most reads have to wait for the disk */
    return failed + cmocka_run_group_tests_name("cold", tests, NULL, NULL);
}
