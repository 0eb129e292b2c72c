/* Gets: R owners' answers merged, whoever is behind repaired, digests where that pays, and no
 * answer counted for more than it said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "shoal/error.h"
#include "support/fake_courier.h"

static const struct bytes none;

static int setup(void **state)
{
    *state = fake_courier_new(3, 3, 2, 2);
    return 0;
}

static int teardown(void **state)
{
    fake_courier_free(*state);
    return 0;
}

/* A text of more than a digest is worth, that tells its number. */
static const char *large(char out[4096], uint32_t number)
{
    memset(out, 'v', 4095);
    out[4095] = '\0';
    (void)snprintf(out, 16, "%08u", (unsigned)number);
    out[8] = 'v';
    return out;
}

static void a_get_asks_no_more_owners_than_it_needs(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    fake->coordinator.next_id = 9; /* one in eight asks everybody */
    struct fake_answer *get = fake_get(fake, key);
    fake_run(fake, 100 * MS);
    assert_int_equal(get->code, SHOAL_ENOTFOUND);
    assert_int_equal(fake->owners[2].fetches + fake->owners[3].fetches, 1);
    fake->coordinator.next_id = 16;
    get = fake_get(fake, key);
    fake_run(fake, 100 * MS);
    assert_int_equal(get->code, SHOAL_ENOTFOUND);
    assert_int_equal(fake->owners[2].fetches + fake->owners[3].fetches, 3);
}

static void a_get_answers_the_merge_of_what_r_owners_hold(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    fake_plant(fake, 1, key, "one", 11, 1);
    fake_plant(fake, 2, key, "two", 12, 1);
    fake_plant(fake, 3, key, "two", 12, 1);
    struct fake_answer *get = fake_get(fake, key);
    fake_run(fake, 100 * MS);
    assert_int_equal(get->code, 0);
    assert_int_equal(get->value_count, 2);
    assert_int_equal(get->owners, 2);
}

static void a_silent_owner_is_hedged_within_milliseconds(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    for (uint32_t i = 0; i < 20; i++) { /* answer times are learnt */
        (void)fake_get(fake, key);
        fake_run(fake, 10 * MS);
    }
    uint64_t second = fake_owner_of(fake, key, 1);
    fake->owners[second].lose_requests = FAKE_ALWAYS;
    fake->coordinator.next_id = 1001;
    struct fake_answer *get = fake_get(fake, key);
    fake_run(fake, 20 * MS);
    assert_true(get->done);
    assert_int_equal(get->code, SHOAL_ENOTFOUND);
}

static void a_get_over_the_budget_for_answers_is_refused_as_overloaded(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    for (uint64_t node = 1; node <= 3; node++) {
        fake_plant(fake, node, key, "one", 11, 1);
    }
    fake->coordinator.reading_bytes = COORDINATOR_READING_BYTES_MAX; /* others hold all there is */
    struct fake_answer *refused = fake_get(fake, key);
    fake_run(fake, 100 * MS);
    assert_int_equal(refused->code, SHOAL_EOVERLOAD);
    assert_int_equal(fake->coordinator.reading_bytes, COORDINATOR_READING_BYTES_MAX);
    fake->coordinator.reading_bytes = 0;
    struct fake_answer *get = fake_get(fake, key);
    fake_run(fake, 2000 * MS);
    assert_int_equal(get->code, 0);
    assert_int_equal(fake->coordinator.reading_bytes, 0); /* given back */
}

static void too_few_owners_fail_a_get_and_say_who_is_there(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    fake_link(fake, 2, false);
    fake_link(fake, 3, false);
    struct fake_answer *get = fake_get(fake, key);
    fake_run(fake, 600 * MS);
    assert_true(get->done);
    assert_int_equal(get->code, SHOAL_EQUORUM);
    assert_non_null(strstr(get->text, "R=2"));
    assert_non_null(strstr(get->text, "node1"));
}

static void silence_ends_a_get_at_its_deadline(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    fake->owners[2].lose_requests = FAKE_ALWAYS;
    fake->owners[3].lose_answers = FAKE_ALWAYS;
    struct fake_answer *get = fake_get(fake, key);
    fake_run(fake, 5000 * MS);
    assert_int_equal(get->code, SHOAL_ETIMEOUT);
    assert_non_null(strstr(get->text, "1 of R=2"));
}

/* ---- who counts ---- */

static void a_refilling_holding_has_no_say(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    struct fake_answer *get = fake_get(fake, key);
    uint32_t partition = get->request.partition;
    fake_run(fake, 100 * MS);
    replica_holding(&fake->owners[2].replica, partition)->refilling = true;
    fake_plant(fake, 3, key, "kept", 12, 1);
    get = fake_get(fake, key);
    fake_run(fake, 300 * MS);
    assert_int_equal(get->code, 0);
    assert_string_equal(get->values[0], "kept");
    replica_holding(&fake->owners[1].replica, partition)->refilling = true;
    get = fake_get(fake, key);
    fake_run(fake, 1000 * MS);
    assert_int_equal(get->code, SHOAL_EQUORUM); /* one complete owner is not two */
}

static void a_holding_that_has_been_refilled_meanwhile_counts(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    struct fake_answer *get = fake_get(fake, key);
    uint32_t partition = get->request.partition;
    fake_run(fake, 100 * MS);
    for (uint64_t node = 2; node <= 3; node++) {
        replica_holding(&fake->owners[node].replica, partition)->refilling = true;
    }
    get = fake_get(fake, key);
    fake_run(fake, 20 * MS);
    assert_false(get->done);
    replica_holding(&fake->owners[3].replica, partition)->refilling = false;
    fake_run(fake, 200 * MS);
    assert_true(get->done);
    assert_int_equal(get->code, SHOAL_ENOTFOUND);
}

/* ---- digests ---- */

static void a_value_held_here_is_compared_by_digest(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    char text[4096];
    fake->owners[FAKE_SELF].fickle->cold_percent = 0; /* its own copy is there to compare with */
    struct fake_answer *put = fake_put(fake, key, large(text, 1), none);
    fake_run(fake, 500 * MS);
    assert_int_equal(put->code, 0);
    struct fake_answer *get = fake_get(fake, key);
    fake_run(fake, 100 * MS);
    assert_int_equal(get->code, 0);
    uint64_t second = fake_owner_of(fake, key, 1);
    assert_int_equal(fake->owners[second].fetch_mode, FETCH_OBJECT);
    assert_true(fake->owners[second].fetch_known);
}

static void a_digest_that_differs_brings_the_object(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    char text[4096];
    fake_plant(fake, 1, key, large(text, 1), 11, 1);
    fake_plant(fake, 2, key, large(text, 2), 11, 2);
    fake_plant(fake, 3, key, large(text, 2), 11, 2);
    struct fake_answer *get = fake_get(fake, key);
    fake_run(fake, 100 * MS);
    assert_int_equal(get->code, 0);
    assert_int_equal(get->value_count, 1);
    assert_memory_equal(get->values[0], "00000002", 8);
}

static void a_digest_that_comes_twice_is_no_vote_for_an_object_that_never_came(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    char text[4096];
    fake_plant(fake, 1, key, large(text, 1), 11, 1);
    fake_plant(fake, 2, key, large(text, 2), 11, 2);
    fake_plant(fake, 3, key, large(text, 2), 11, 2);
    for (uint64_t node = 2; node <= 3; node++) {
        fake->owners[node].repeat_answers = FAKE_ALWAYS;
        fake->owners[node].delay_us = 130 * MS; /* hedged meanwhile: digests are asked for again */
    }
    struct fake_answer *get = fake_get(fake, key);
    fake_run(fake, 1500 * MS);
    assert_int_equal(get->code, 0);
    assert_memory_equal(get->values[0], "00000002", 8);
}

/* ---- repairing ---- */

static void an_owner_that_is_behind_is_repaired(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    fake_plant(fake, 2, key, "new", 11, 2);
    fake_plant(fake, 3, key, "new", 11, 2);
    fake_plant(fake, 1, key, "old", 11, 1);
    struct fake_answer *get = fake_get(fake, key);
    fake_run(fake, 100 * MS);
    assert_string_equal(get->values[0], "new");
    assert_int_equal(fake_holders(fake, key, "new"), 3); /* this node itself was behind */
    assert_int_equal(fake_holders(fake, key, "old"), 0);
}

static void a_late_answer_that_is_behind_is_repaired(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    uint64_t late = fake_owner_of(fake, key, 2);
    for (uint64_t node = 1; node <= 3; node++) {
        if (node != late) {
            fake_plant(fake, node, key, "kept", 11, 1);
        }
    }
    fake->owners[late].delay_us = 200 * MS;
    fake->coordinator.next_id = 8; /* asks everybody */
    struct fake_answer *get = fake_get(fake, key);
    fake_run(fake, 50 * MS);
    assert_true(get->done);
    assert_int_equal(fake_holders(fake, key, "kept"), 2);
    fake_run(fake, 500 * MS);
    assert_int_equal(fake_holders(fake, key, "kept"), 3);
    assert_int_equal(fake->coordinator.count, 0);
}

static void a_late_answer_that_is_ahead_repairs_the_others(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    uint64_t late = fake_owner_of(fake, key, 2);
    fake_plant(fake, late, key, "ahead", 11, 7);
    fake->owners[late].delay_us = 200 * MS;
    fake->coordinator.next_id = 8;
    struct fake_answer *get = fake_get(fake, key);
    fake_run(fake, 50 * MS);
    assert_int_equal(get->code, SHOAL_ENOTFOUND);
    fake_run(fake, 500 * MS);
    assert_int_equal(fake_holders(fake, key, "ahead"), 3);
}

static void those_who_never_answer_are_not_waited_for_long(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    uint64_t late = fake_owner_of(fake, key, 2);
    fake->owners[late].lose_requests = FAKE_ALWAYS;
    fake->coordinator.request_timeout_us = 3600 * 1000 * MS;
    fake->coordinator.next_id = 8;
    struct fake_answer *get = fake_get(fake, key);
    fake_run(fake, 50 * MS);
    assert_true(get->done);
    assert_int_equal(fake->coordinator.lingering, 1);
    assert_true(coordinator_idle(&fake->coordinator));
    fake_run(fake, COORDINATOR_LINGER_US);
    assert_int_equal(fake->coordinator.lingering, 0);
    assert_int_equal(fake->coordinator.count, 0);
    assert_true(fake->coordinator.lingering_bytes == 0);
}

static void reads_that_linger_are_bounded(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    uint64_t late = fake_owner_of(fake, key, 2);
    fake->owners[late].lose_requests = FAKE_ALWAYS;
    enum { AT_ONCE = 50 };
    for (uint32_t begun = 0; begun < COORDINATOR_LINGERING_MAX + AT_ONCE; begun += AT_ONCE) {
        fake->answer_count = 0;
        for (uint32_t i = 0; i < AT_ONCE; i++) {
            fake->coordinator.next_id = 8 * (begun + i + 1);
            (void)fake_get(fake, key);
        }
        fake_run(fake, 1 * MS);
        for (uint32_t i = 0; i < AT_ONCE; i++) {
            assert_true(fake->answers[i].done);
        }
    }
    assert_int_equal(fake->coordinator.lingering, COORDINATOR_LINGERING_MAX);
    fake_run(fake, COORDINATOR_LINGER_US);
    assert_int_equal(fake->coordinator.count, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_get_asks_no_more_owners_than_it_needs),
        TEST(a_get_answers_the_merge_of_what_r_owners_hold),
        TEST(a_silent_owner_is_hedged_within_milliseconds),
        TEST(a_get_over_the_budget_for_answers_is_refused_as_overloaded),
        TEST(too_few_owners_fail_a_get_and_say_who_is_there),
        TEST(silence_ends_a_get_at_its_deadline),
        TEST(a_refilling_holding_has_no_say),
        TEST(a_holding_that_has_been_refilled_meanwhile_counts),
        TEST(a_value_held_here_is_compared_by_digest),
        TEST(a_digest_that_differs_brings_the_object),
        TEST(a_digest_that_comes_twice_is_no_vote_for_an_object_that_never_came),
        TEST(an_owner_that_is_behind_is_repaired),
        TEST(a_late_answer_that_is_behind_is_repaired),
        TEST(a_late_answer_that_is_ahead_repairs_the_others),
        TEST(those_who_never_answer_are_not_waited_for_long),
        TEST(reads_that_linger_are_bounded),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    fickle_engine_cold_percent = 70; /* the same where most reads have to wait for the disk */
    return failed + cmocka_run_group_tests_name("cold", tests, NULL, NULL);
}
