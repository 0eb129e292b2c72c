/* Writes without a context replace what was acknowledged before, at the price of a write with one
 * while nothing is wrong: others vouch for what this node has missed, or don't. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "ring/partition.h"
#include "shoal/error.h"
#include "support/fake_courier.h"

static const struct bytes none;

static int setup(void **state)
{
    struct fake_courier *fake = fake_courier_new(3, 3, 2, 2);
    fake->owners[FAKE_SELF].fickle->cold_percent = 0; /* the courses below are exact */
    *state = fake;
    return 0;
}

static int setup_cold(void **state)
{
    *state = fake_courier_new(3, 3, 2, 2);
    return 0;
}

static int teardown(void **state)
{
    fake_courier_free(*state);
    return 0;
}

static uint32_t partition_of(const char *key)
{
    return partition_of_key(bytes_from_string(key), FAKE_PARTITIONS);
}

static struct holding *holding_of(struct fake_courier *fake, uint64_t node, const char *key)
{
    return replica_holding(&fake->owners[node].replica, partition_of(key));
}

static struct fake_answer *done(struct fake_courier *fake, struct fake_answer *answer)
{
    fake_run(fake, 3000 * MS);
    assert_true(answer->done);
    assert_int_equal(answer->code, 0);
    return answer;
}

/* The nodes merge an object of one value by a foreign actor that has replaced this dot. */
static void plant_over(struct fake_courier *fake, uint64_t node, const char *key, struct dot over)
{
    struct replica *replica = &fake->owners[node].replica;
    struct engine_key wanted = replica_key(replica, partition_of(key), bytes_from_string(key));
    struct dot foreign = {.actor = 70, .counter = 1};
    struct dot context[2];
    context[0] = over.actor < foreign.actor ? over : foreign;
    context[1] = over.actor < foreign.actor ? foreign : over;
    struct sibling sibling = {.dot = foreign, .hlc = 1, .value = bytes_from_string("successor")};
    struct object object = {
        .context = {.entries = context, .count = 2}, .siblings = &sibling, .sibling_count = 1};
    struct buffer encoded;
    buffer_init(&encoded, 0);
    assert_int_equal(object_encode(&object, &encoded), 0);
    assert_true(replica_store(replica, &wanted, buffer_bytes(&encoded), 1, NULL) >= 0);
    buffer_deinit(&encoded);
}

static uint32_t fetches(const struct fake_courier *fake)
{
    return fake->owners[2].fetches + fake->owners[3].fetches;
}

/* ---- nothing is wrong ---- */

static void a_delete_without_a_context_costs_what_a_put_with_one_does(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    struct fake_answer *first = done(fake, fake_put(fake, key, "one", none));
    uint64_t before = fake->message_order;
    uint64_t begun_us = fake->now.mono_us;
    struct fake_answer *put = done(fake, fake_put(fake, key, "two", first->context));
    uint64_t put_messages = fake->message_order - before;
    uint64_t put_us = put->done_us - begun_us;
    assert_int_equal(put_messages, 4); /* to two others, and back */
    before = fake->message_order;
    begun_us = fake->now.mono_us;
    struct fake_answer *gone = done(fake, fake_delete(fake, key, none));
    assert_int_equal(fake->message_order - before, put_messages);
    assert_int_equal(gone->done_us - begun_us, put_us);
    assert_int_equal(fake_holders(fake, key, "two"), 0);
}

static void puts_without_a_context_replace_one_another_at_that_price(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    (void)done(fake, fake_put(fake, key, "one", none));
    uint64_t before = fake->message_order;
    (void)done(fake, fake_put(fake, key, "two", none));
    assert_int_equal(fake->message_order - before, 4);
    for (uint64_t node = 1; node <= 3; node++) {
        assert_int_equal(fake_held(fake, node, key).sibling_count, 1);
    }
    assert_int_equal(fake_holders(fake, key, "two"), 3);
}

/* ---- the coordinator has missed something ---- */

static void a_coordinator_that_missed_the_write_deletes_it_all_the_same(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    fake_plant(fake, 2, key, "missed", 50, 3);
    fake_plant(fake, 3, key, "missed", 50, 3);
    (void)done(fake, fake_delete(fake, key, none));
    for (uint64_t node = 1; node <= 3; node++) {
        struct object object = fake_held(fake, node, key);
        assert_int_equal(object.sibling_count, 1);
        assert_int_equal(object.siblings[0].kind, SIBLING_TOMBSTONE);
    }
    struct fake_answer *get = fake_get(fake, key);
    fake_run(fake, 100 * MS);
    assert_int_equal(get->code, SHOAL_ENOTFOUND);
}

static void what_a_single_confirming_owner_keeps_is_replaced_too(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    fake_plant(fake, 3, key, "missed", 50, 3);
    fake->owners[2].lose_requests = FAKE_ALWAYS;
    (void)done(fake, fake_put(fake, key, "new", none));
    assert_int_equal(fake_held(fake, 3, key).sibling_count, 1);
    assert_int_equal(fake_holders(fake, key, "missed"), 0);
}

static void late_confirmations_of_the_first_try_are_not_counted_for_the_second(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    struct request request = {.op = REQUEST_PUT,
                              .key = bytes_from_string(key),
                              .value = bytes_from_string("new"),
                              .options = {.w = QUORUM_ALL}};
    fake_plant(fake, 2, key, "missed", 50, 3);
    fake->owners[3].delay_us = 100 * MS; /* it confirms the first try when the second is out */
    struct fake_answer *put = fake_begin(fake, &request);
    fake_run(fake, FAKE_LATENCY_US + 100); /* the first has arrived, and nobody has confirmed */
    assert_false(put->done);
    fake->owners[3].lose_requests = FAKE_ALWAYS; /* the second never reaches it */
    fake_run(fake, 300 * MS);
    assert_false(put->done);
    fake->owners[3].lose_requests = 0;
    fake->owners[3].delay_us = 0;
    (void)done(fake, put);
}

static void what_comes_to_this_node_while_it_waits_is_replaced_too(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    fake->owners[2].lose_requests = 1;
    fake->owners[3].lose_requests = 1;
    struct fake_answer *gone = fake_delete(fake, key, none);
    fake_plant(fake, 1, key, "acknowledged elsewhere before", 50, 1); /* a repair brings it */
    (void)done(fake, gone);
    for (uint64_t node = 1; node <= 3; node++) {
        assert_int_equal(fake_held(fake, node, key).sibling_count, 1);
    }
    assert_int_equal(fake_holders(fake, key, "acknowledged elsewhere before"), 0);
}

static void a_write_that_was_replaced_meanwhile_is_not_made_again(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    fake->owners[2].lose_requests = 1;
    fake->owners[3].lose_requests = 1;
    struct fake_answer *put = fake_put(fake, key, "first", none);
    fake_run(fake, 1 * MS);
    struct dot dot = fake_held(fake, 1, key).siblings[0].dot;
    for (uint64_t node = 1; node <= 3; node++) {
        plant_over(fake, node, key, dot); /* somebody read it, and wrote on */
    }
    (void)done(fake, put);
    assert_int_equal(fake_holders(fake, key, "successor"), 3);
    assert_int_equal(fake_holders(fake, key, "first"), 0);
}

static void when_the_others_can_not_be_read_the_outcome_is_unknown(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    fake_plant(fake, 2, key, "missed", 50, 3);
    fake->owners[2].delay_us = 5 * MS;
    fake->owners[3].lose_requests = FAKE_ALWAYS;
    struct fake_answer *put = fake_put(fake, key, "new", none);
    fake_run(fake, 2 * MS);
    fake->owners[2].lose_requests = FAKE_ALWAYS;
    fake_run(fake, 3000 * MS);
    assert_true(put->done);
    assert_int_equal(put->code, SHOAL_EUNKNOWN);
    assert_non_null(strstr(put->text, "the put may or may not be kept"));
    assert_null(strstr(put->text, "nothing was applied"));
}

/* ---- who may vouch ---- */

static void a_refilling_owner_does_not_vouch(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    fake_plant(fake, 3, key, "missed", 50, 3); /* with node 1, W owners had confirmed it once */
    holding_of(fake, 2, key)->refilling = true;
    fake->owners[3].delay_us = 30 * MS;
    struct fake_answer *gone = fake_delete(fake, key, none);
    fake_run(fake, 10 * MS);
    assert_false(gone->done); /* two of two have confirmed */
    (void)done(fake, gone);
    assert_int_equal(fake_holders(fake, key, "missed"), 0);
}

static void a_write_that_too_few_can_vouch_for_is_never_called_done(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    holding_of(fake, 2, key)->refilling = true;
    fake->owners[3].lose_requests = FAKE_ALWAYS;
    struct fake_answer *gone = fake_delete(fake, key, none);
    fake_run(fake, 3000 * MS);
    assert_true(gone->done);
    assert_int_equal(gone->code, SHOAL_EUNKNOWN);
    assert_non_null(strstr(gone->text, "too few could say that they keep nothing else"));
}

static void a_refilling_coordinator_reads_first(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    fake_plant(fake, 2, key, "missed", 50, 3);
    fake_plant(fake, 3, key, "missed", 50, 3);
    holding_of(fake, 1, key)->refilling = true;
    struct fake_answer *gone = fake_delete(fake, key, none);
    fake_run(fake, 600);
    assert_int_equal(fake->owners[2].stores + fake->owners[3].stores, 0);
    (void)done(fake, gone);
    assert_int_equal(fetches(fake), 2);
    assert_int_equal(fake_holders(fake, key, "missed"), 0);
}

static void where_fewer_confirm_than_must_vouch_owners_are_read_first(void **state)
{
    struct fake_courier *fake = *state;
    struct request request = {
        .op = REQUEST_DELETE, .key = bytes_from_string(fake_key(fake, 0)), .options = {.w = 1}};
    (void)done(fake, fake_begin(fake, &request));
    assert_int_equal(fetches(fake), 1);
    request.options = (struct request_options){.r = 3};
    (void)done(fake, fake_begin(fake, &request));
    assert_int_equal(fetches(fake), 1 + 2);
    request.options = (struct request_options){.r = 3, .w = 3};
    (void)done(fake, fake_begin(fake, &request));
    assert_int_equal(fetches(fake), 1 + 2);
}

static void an_owner_that_is_away_leaves_the_others_to_vouch(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    fake_link(fake, 3, false);
    (void)done(fake, fake_put(fake, key, "one", none));
    (void)done(fake, fake_delete(fake, key, none));
    assert_int_equal(fetches(fake), 0);
}

/* ---- changes of layout ---- */

static struct view *with_node_4(const struct view *view)
{
    struct role role = ring_role(4, ROLE_IN);
    return ring_view_commit(view_ref(view), &role);
}

static void believe(struct fake_courier *fake, struct view *view)
{
    for (uint64_t node = 2; node <= FAKE_NODES; node++) {
        fake_believes(fake, node, view_ref(view));
    }
    fake_adopt(fake, view, 0);
}

static void while_several_layouts_are_live_owners_are_read_first(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    fake_plant(fake, 2, key, "missed", 50, 3);
    fake_plant(fake, 3, key, "missed", 50, 3);
    believe(fake, with_node_4(fake->owners[FAKE_SELF].view));
    struct request request = {
        .op = REQUEST_DELETE, .key = bytes_from_string(key), .forwarded = true};
    struct fake_answer *gone = fake_begin(fake, &request);
    fake_run(fake, 600);
    assert_int_equal(fake->owners[2].stores + fake->owners[3].stores, 0);
    (void)done(fake, gone);
    assert_true(fetches(fake) > 0);
    assert_int_equal(fake_holders(fake, key, "missed"), 0);
}

static void a_layout_that_comes_before_enough_have_vouched_has_it_read_and_made_again(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    fake->owners[2].delay_us = 20 * MS;
    fake->owners[3].delay_us = 20 * MS;
    struct request request = {
        .op = REQUEST_DELETE, .key = bytes_from_string(key), .forwarded = true};
    struct fake_answer *gone = fake_begin(fake, &request);
    fake_run(fake, 5 * MS);
    assert_false(gone->done);
    assert_int_equal(fetches(fake), 0);
    believe(fake, with_node_4(fake->owners[FAKE_SELF].view));
    fake->joins_at_once = true;
    (void)done(fake, gone);
    assert_true(fetches(fake) > 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define TEST_COLD(name)                                                                            \
    {                                                                                              \
#name " (cold)", name, setup_cold, teardown, NULL                                          \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_delete_without_a_context_costs_what_a_put_with_one_does),
        TEST(puts_without_a_context_replace_one_another_at_that_price),
        TEST(a_coordinator_that_missed_the_write_deletes_it_all_the_same),
        TEST_COLD(a_coordinator_that_missed_the_write_deletes_it_all_the_same),
        TEST(what_a_single_confirming_owner_keeps_is_replaced_too),
        TEST_COLD(what_a_single_confirming_owner_keeps_is_replaced_too),
        TEST(late_confirmations_of_the_first_try_are_not_counted_for_the_second),
        TEST(what_comes_to_this_node_while_it_waits_is_replaced_too),
        TEST_COLD(what_comes_to_this_node_while_it_waits_is_replaced_too),
        TEST(a_write_that_was_replaced_meanwhile_is_not_made_again),
        TEST(when_the_others_can_not_be_read_the_outcome_is_unknown),
        TEST(a_refilling_owner_does_not_vouch),
        TEST(a_write_that_too_few_can_vouch_for_is_never_called_done),
        TEST(a_refilling_coordinator_reads_first),
        TEST(where_fewer_confirm_than_must_vouch_owners_are_read_first),
        TEST(an_owner_that_is_away_leaves_the_others_to_vouch),
        TEST(while_several_layouts_are_live_owners_are_read_first),
        TEST(a_layout_that_comes_before_enough_have_vouched_has_it_read_and_made_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
