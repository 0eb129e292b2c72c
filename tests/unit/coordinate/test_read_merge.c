/* Answers that differ are merged under each other's clocks: what one holder knows to be gone is not
 * shown because another still has it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "ring/partition.h"
#include "shoal/error.h"
#include "support/fake_courier.h"

enum { OLD = 11, NEW = 12 }; /* actors */

static int setup(void **state)
{
    struct fake_courier *fake = fake_courier_new(3, 3, 2, 2);
    fake->owners[FAKE_SELF].fickle->cold_percent = 0;
    fake->coordinator.next_id = 9; /* one in eight asks everybody: not the first */
    *state = fake;
    return 0;
}

static int setup_cold(void **state)
{
    struct fake_courier *fake = fake_courier_new(3, 3, 2, 2);
    fake->owners[FAKE_SELF].fickle->cold_percent = 100;
    fake->coordinator.next_id = 9;
    *state = fake;
    return 0;
}

static int teardown(void **state)
{
    fake_courier_free(*state);
    return 0;
}

/* The node has seen the dot of the actor, wherever that has gone. */
static void has_seen(struct fake_courier *fake, uint64_t node, const char *key, uint64_t actor)
{
    uint32_t partition = partition_of_key(bytes_from_string(key), FAKE_PARTITIONS);
    struct holding *holding = replica_holding(&fake->owners[node].replica, partition);
    partition_clock_add(&holding->clock, (struct dot){.actor = actor, .counter = 1});
}

static struct fake_answer *get_done(struct fake_courier *fake, const char *key, int code)
{
    struct fake_answer *get = fake_get(fake, key);
    fake_run(fake, 500 * MS);
    assert_true(get->done);
    assert_int_equal(get->code, code);
    return get;
}

static void what_another_holder_knows_to_be_gone_is_not_shown(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    fake_plant(fake, 1, key, "old", OLD, 1);
    for (uint64_t node = 2; node <= 3; node++) {
        has_seen(fake, node, key, OLD); /* a tombstone replaced it, and has been dropped */
    }
    struct fake_answer *get = get_done(fake, key, SHOAL_ENOTFOUND);
    assert_null(get->context.data);
    assert_int_equal(fake_holders(fake, key, "old"), 1); /* and is not brought back by repair */
}

static void what_this_node_knows_to_be_gone_is_not_shown(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    has_seen(fake, 1, key, OLD);
    fake_plant(fake, 2, key, "old", OLD, 1);
    fake_plant(fake, 3, key, "old", OLD, 1);
    (void)get_done(fake, key, SHOAL_ENOTFOUND);
    assert_int_equal(fake_held(fake, 1, key).sibling_count, 0);
}

static void what_nobody_knows_to_be_gone_is_shown(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    has_seen(fake, 1, key, NEW);
    fake_plant(fake, 2, key, "old", OLD, 1);
    fake_plant(fake, 3, key, "old", OLD, 1);
    (void)get_done(fake, key, 0);
    assert_int_equal(fake_held(fake, 1, key).sibling_count, 1); /* repaired */
}

static void what_is_gone_goes_and_what_is_beside_it_stays(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    fake_plant(fake, 1, key, "old", OLD, 1);
    for (uint64_t node = 2; node <= 3; node++) {
        fake_plant(fake, node, key, "new", NEW, 1);
        has_seen(fake, node, key, OLD);
    }
    struct fake_answer *get = get_done(fake, key, 0);
    assert_int_equal(get->value_count, 1);
    assert_string_equal(get->values[0], "new");
    for (uint64_t node = 1; node <= 3; node++) { /* and repair has told this node */
        assert_int_equal(fake_held(fake, node, key).sibling_count, 1);
    }
    assert_int_equal(fake_holders(fake, key, "old"), 0);
}

static void this_nodes_object_and_clock_are_of_one_moment(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    for (uint64_t node = 2; node <= 3; node++) {
        fake_plant(fake, node, key, "value", NEW, 1);
        fake->owners[node].delay_us = 20 * MS;
    }
    struct fake_answer *get = fake_get(fake, key);
    fake_run(fake, 5 * MS); /* nothing was here when the others were asked */
    fake_plant(fake, 1, key, "value", NEW, 1);
    fake_run(fake, 500 * MS);
    assert_int_equal(get->code, 0);
    assert_int_equal(get->value_count, 1);
}

static void who_only_agreed_with_this_node_is_asked_for_its_clock_when_a_third_differs(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    for (uint64_t node = 1; node <= 3; node++) {
        fake_plant(fake, node, key, "new", NEW, 1);
    }
    has_seen(fake, 2, key, OLD);
    fake_plant(fake, 3, key, "old", OLD, 1); /* beside the new one */
    struct request request = {
        .op = REQUEST_GET, .key = bytes_from_string(key), .options = {.r = 3}};
    struct fake_answer *get = fake_begin(fake, &request);
    fake_run(fake, 500 * MS);
    assert_int_equal(get->code, 0);
    assert_int_equal(get->value_count, 1);
    assert_string_equal(get->values[0], "new");
    assert_int_equal(get->owners, 3);
    if (fake->owners[FAKE_SELF].fickle->cold_percent == 0) {
        assert_int_equal(fake->owners[2].fetches, 2);
    }
}

static void a_list_leaves_out_what_another_holder_knows_to_be_gone(void **state)
{
    struct fake_courier *fake = *state;
    char key[32];
    (void)snprintf(key, sizeof(key), "%s", fake_key(fake, 0));
    fake_plant(fake, 1, key, "old", OLD, 1);
    struct fake_answer *list = fake_list(fake, "", 10, bytes_make(NULL, 0));
    fake_run(fake, 500 * MS);
    assert_int_equal(list->key_count, 1);
    for (uint64_t node = 2; node <= 3; node++) {
        has_seen(fake, node, key, OLD);
    }
    list = fake_list(fake, "", 10, bytes_make(NULL, 0));
    fake_run(fake, 500 * MS);
    assert_int_equal(list->code, 0);
    assert_int_equal(list->key_count, 0);
}

static void others_that_agree_are_enough_where_this_node_can_not_say(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    uint32_t partition = partition_of_key(bytes_from_string(key), FAKE_PARTITIONS);
    fake_plant(fake, 2, key, "value", NEW, 1);
    fake_plant(fake, 3, key, "value", NEW, 1);
    replica_holding(&fake->owners[1].replica, partition)->refilling = true;
    struct fake_answer *get = get_done(fake, key, 0);
    assert_string_equal(get->values[0], "value");
    assert_int_equal(get->owners, 2);
}

static void others_that_differ_are_merged_under_their_clocks_without_this_node(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    uint32_t partition = partition_of_key(bytes_from_string(key), FAKE_PARTITIONS);
    fake_plant(fake, 2, key, "old", OLD, 1);
    fake_plant(fake, 3, key, "new", NEW, 1);
    has_seen(fake, 3, key, OLD);
    replica_holding(&fake->owners[1].replica, partition)->refilling = true;
    struct fake_answer *get = get_done(fake, key, 0);
    assert_int_equal(get->value_count, 1);
    assert_string_equal(get->values[0], "new");
}

static void a_late_answer_with_what_is_gone_repairs_nobody_but_its_sender(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    uint64_t late = fake_owner_of(fake, key, 2);
    for (uint64_t node = 1; node <= 3; node++) {
        if (node != late) {
            fake_plant(fake, node, key, "new", NEW, 1);
            has_seen(fake, node, key, OLD);
        }
    }
    fake_plant(fake, late, key, "old", OLD, 1);
    fake->owners[late].delay_us = 50 * MS;
    fake->coordinator.next_id = 16; /* asks everybody */
    struct fake_answer *get = get_done(fake, key, 0);
    assert_int_equal(get->value_count, 1);
    assert_int_equal(fake_holders(fake, key, "new"), 3);
    assert_int_equal(fake_holders(fake, key, "old"), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define TEST_COLD(name)                                                                            \
    {                                                                                              \
#name " (cold)", name, setup_cold, teardown, NULL                                          \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_another_holder_knows_to_be_gone_is_not_shown),
        TEST_COLD(what_another_holder_knows_to_be_gone_is_not_shown),
        TEST(what_this_node_knows_to_be_gone_is_not_shown),
        TEST_COLD(what_this_node_knows_to_be_gone_is_not_shown),
        TEST(what_nobody_knows_to_be_gone_is_shown),
        TEST_COLD(what_nobody_knows_to_be_gone_is_shown),
        TEST(what_is_gone_goes_and_what_is_beside_it_stays),
        TEST_COLD(what_is_gone_goes_and_what_is_beside_it_stays),
        TEST(this_nodes_object_and_clock_are_of_one_moment),
        TEST_COLD(this_nodes_object_and_clock_are_of_one_moment),
        TEST(who_only_agreed_with_this_node_is_asked_for_its_clock_when_a_third_differs),
        TEST_COLD(who_only_agreed_with_this_node_is_asked_for_its_clock_when_a_third_differs),
        TEST(a_list_leaves_out_what_another_holder_knows_to_be_gone),
        TEST(others_that_agree_are_enough_where_this_node_can_not_say),
        TEST(others_that_differ_are_merged_under_their_clocks_without_this_node),
        TEST(a_late_answer_with_what_is_gone_repairs_nobody_but_its_sender),
        TEST_COLD(a_late_answer_with_what_is_gone_repairs_nobody_but_its_sender),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
