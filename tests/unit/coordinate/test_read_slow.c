/* Gets while one owner's disk is slow, this node's or another's: nobody waits for it who can have
 * the answer from others, and once it is as fast as they are it is asked again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "shoal/error.h"
#include "support/fake_courier.h"

#define ASKS_ALL UINT64_C(1000) /* the id of a get that asks everybody, as one in eight does */
#define ASKS_FEW UINT64_C(1001)

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

static struct fickle_engine *disk(struct fake_courier *fake)
{
    return fake->owners[FAKE_SELF].fickle;
}

static void plant(struct fake_courier *fake, const char *key)
{
    for (uint64_t node = 1; node <= 3; node++) {
        fake_plant(fake, node, key, "one", 11, 1);
    }
}

static struct fake_answer *get_with_id(struct fake_courier *fake, const char *key, uint64_t id)
{
    fake->coordinator.next_id = id + 8 * fake->answer_count;
    return fake_get(fake, key);
}

/* Answer times are learnt. */
static void learn(struct fake_courier *fake, const char *key)
{
    for (uint32_t i = 0; i < 20; i++) {
        (void)get_with_id(fake, key, ASKS_ALL);
        fake_run(fake, 200 * MS);
    }
}

static void this_nodes_own_slow_disk_is_waited_for_no_longer_than_another_owner(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    plant(fake, key);
    learn(fake, key);
    disk(fake)->cold_percent = 100;
    disk(fake)->disk_us = 900 * MS;
    struct fake_answer *get = get_with_id(fake, key, ASKS_FEW);
    fake_run(fake, 20 * MS);
    assert_true(get->done);
    assert_int_equal(get->code, 0);
    assert_int_equal(get->owners, 2);
}

static void
answers_that_differ_are_put_together_without_a_copy_that_takes_long_to_read(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    plant(fake, key);
    learn(fake, key);
    fake_plant(fake, 3, key, "two", 11, 2);
    disk(fake)->cold_percent = 100;
    disk(fake)->disk_us = 900 * MS;
    struct fake_answer *get = get_with_id(fake, key, ASKS_FEW);
    fake_run(fake, 40 * MS);
    assert_true(get->done);
    assert_int_equal(get->code, 0);
    assert_string_equal(get->values[0], "two");
    fake_run(fake, 2000 * MS);
    assert_int_equal(fake_holders(fake, key, "two"), 3); /* its own is repaired all the same */
}

/* It answered at once, differs from another's, and has left the kernel's memory since. The third
 * owner holds the same, and has said no more than that. */
static void a_copy_that_would_have_to_be_read_anew_is_done_without(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    plant(fake, key);
    learn(fake, key);
    fake_plant(fake, fake_owner_of(fake, key, 1), key, "two", 11, 2);
    disk(fake)->cold_percent = 0;
    struct fake_answer *get = get_with_id(fake, key, ASKS_FEW);
    disk(fake)->cold_percent = 100;
    disk(fake)->disk_us = 900 * MS;
    fake_run(fake, 40 * MS);
    assert_true(get->done);
    assert_int_equal(get->code, 0);
    assert_string_equal(get->values[0], "two");
}

static void an_owner_that_answers_slowly_is_asked_after_a_swift_one(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    uint64_t slow = fake_owner_of(fake, key, 1);
    uint64_t swift = fake_owner_of(fake, key, 2);
    plant(fake, key);
    fake->owners[slow].delay_us = 60 * MS;
    learn(fake, key);
    uint32_t before = fake->owners[slow].fetches;
    uint32_t before_swift = fake->owners[swift].fetches;
    struct fake_answer *get = get_with_id(fake, key, ASKS_FEW);
    fake_run(fake, 20 * MS);
    assert_int_equal(get->code, 0);
    assert_int_equal(fake->owners[slow].fetches, before);
    assert_int_equal(fake->owners[swift].fetches, before_swift + 1);
}

/* Others are asked soon, for there is a swift owner; the slow one's own time is not up by then. */
static void an_owner_is_silent_only_after_the_time_that_it_usually_takes_itself(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    uint64_t slow = fake_owner_of(fake, key, 1);
    uint64_t swift = fake_owner_of(fake, key, 2);
    plant(fake, key);
    fake->owners[slow].delay_us = 60 * MS;
    learn(fake, key);
    disk(fake)->cold_percent = 100;
    disk(fake)->disk_us = 900 * MS;
    fake->owners[swift].delay_us = 2000 * MS;
    struct fake_answer *get = get_with_id(fake, key, ASKS_ALL);
    fake_run(fake, 30 * MS);
    assert_false(get->done);
    assert_true(reach_quiet(&fake->reach, swift));
    assert_false(reach_quiet(&fake->reach, slow));
    fake->owners[slow].delay_us = 2000 * MS;
    fake_run(fake, 100 * MS);
    (void)get_with_id(fake, key, ASKS_ALL);
    fake_run(fake, 600 * MS); /* pauses between questions double */
    assert_true(reach_quiet(&fake->reach, slow));
}

/* It is asked again and again while it keeps silent, which makes it no swifter. */
static void an_owner_is_as_slow_as_its_first_answer_to_a_question(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    uint64_t slow = fake_owner_of(fake, key, 1);
    plant(fake, key);
    learn(fake, key); /* that they are swift: so they are soon asked again */
    fake_link(fake, fake_owner_of(fake, key, 2), false);
    fake->owners[slow].delay_us = 60 * MS;
    for (uint32_t i = 0; i < 16; i++) {
        uint32_t before = fake->owners[slow].fetches;
        struct fake_answer *get = get_with_id(fake, key, ASKS_FEW);
        fake_run(fake, 500 * MS);
        assert_int_equal(get->code, 0);
        assert_true(i > 0 || fake->owners[slow].fetches > before + 1);
    }
    const struct reach_peer *peer = table_get(&fake->reach.peers, slow);
    assert_true(peer->latency_us > 50.0 * MS && peer->latency_us < 65.0 * MS); /* smoothed */
}

static void an_owner_that_is_swift_again_is_asked_again(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    uint64_t slow = fake_owner_of(fake, key, 1);
    plant(fake, key);
    fake->owners[slow].delay_us = 60 * MS;
    learn(fake, key);
    fake->owners[slow].delay_us = 0;
    learn(fake, key);
    learn(fake, key);
    uint32_t before = fake->owners[slow].fetches;
    struct fake_answer *get = get_with_id(fake, key, ASKS_FEW);
    fake_run(fake, 20 * MS);
    assert_int_equal(get->code, 0);
    assert_int_equal(fake->owners[slow].fetches, before + 1);
}

static void the_only_other_owner_is_asked_however_slow_it_is(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    uint64_t slow = fake_owner_of(fake, key, 1);
    plant(fake, key);
    fake->owners[slow].delay_us = 60 * MS;
    learn(fake, key);
    fake_link(fake, fake_owner_of(fake, key, 2), false);
    struct fake_answer *get = get_with_id(fake, key, ASKS_FEW);
    fake_run(fake, 100 * MS);
    assert_int_equal(get->code, 0);
}

static int setup_five(void **state)
{
    *state = fake_courier_new(5, 5, 3, 3);
    return 0;
}

static void slow_owners_are_asked_at_once_where_the_swift_ones_are_too_few(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    uint64_t swift = fake_owner_of(fake, key, 4);
    for (uint64_t node = 2; node <= 5; node++) {
        fake->owners[node].delay_us = node == swift ? 0 : 60 * MS;
    }
    learn(fake, key);
    uint32_t before[6];
    for (uint64_t node = 2; node <= 5; node++) {
        before[node] = fake->owners[node].fetches;
    }
    (void)get_with_id(fake, key, ASKS_FEW);
    fake_run(fake, FAKE_LATENCY_US + 100); /* before anybody is hedged */
    uint32_t asked = 0;
    for (uint64_t node = 2; node <= 5; node++) {
        asked += fake->owners[node].fetches - before[node];
    }
    assert_int_equal(asked, 2); /* and this node makes R=3 */
    assert_int_equal(fake->owners[swift].fetches, before[swift] + 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(this_nodes_own_slow_disk_is_waited_for_no_longer_than_another_owner),
        TEST(answers_that_differ_are_put_together_without_a_copy_that_takes_long_to_read),
        TEST(a_copy_that_would_have_to_be_read_anew_is_done_without),
        TEST(an_owner_that_answers_slowly_is_asked_after_a_swift_one),
        TEST(an_owner_is_silent_only_after_the_time_that_it_usually_takes_itself),
        TEST(an_owner_is_as_slow_as_its_first_answer_to_a_question),
        TEST(an_owner_that_is_swift_again_is_asked_again),
        TEST(the_only_other_owner_is_asked_however_slow_it_is),
        cmocka_unit_test_setup_teardown(
            slow_owners_are_asked_at_once_where_the_swift_ones_are_too_few, setup_five, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
