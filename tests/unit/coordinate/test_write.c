/* Puts and deletes coordinated here: what is confirmed is stored by W owners, what fails before the
 * dot is given has applied nothing, what ends after it without its quorum is unknown. */
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
    *state = fake_courier_new(3, 3, 2, 2);
    return 0;
}

static int teardown(void **state)
{
    fake_courier_free(*state);
    return 0;
}

/* Puts and waits: it must be done. */
static struct fake_answer *put_done(struct fake_courier *fake, const char *key, const char *value,
                                    struct bytes context)
{
    struct fake_answer *put = fake_put(fake, key, value, context);
    fake_run(fake, 3000 * MS);
    assert_true(put->done);
    assert_int_equal(put->code, 0);
    return put;
}

static struct fake_answer *get_done(struct fake_courier *fake, const char *key)
{
    struct fake_answer *get = fake_get(fake, key);
    fake_run(fake, 3000 * MS);
    assert_true(get->done);
    return get;
}

/* ---- confirming ---- */

static void a_write_is_answered_only_after_w_owners_confirmed(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    struct fake_answer *first = put_done(fake, key, "one", none);
    fake->owners[2].delay_us = 40 * MS;
    fake->owners[3].delay_us = 60 * MS;
    struct fake_answer *put = fake_put(fake, key, "two", first->context);
    fake_run(fake, 30 * MS);
    assert_false(put->done); /* this node alone is one of two */
    fake_run(fake, 15 * MS);
    assert_true(put->done);
    assert_int_equal(put->code, 0);
    assert_int_equal(put->owners, 2);
    assert_int_equal(put->needed, 2);
    fake_run(fake, 1000 * MS);
    assert_int_equal(fake_holders(fake, key, "two"), 3);
}

static void every_owner_is_sent_the_write(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    (void)put_done(fake, key, "one", none);
    assert_int_equal(fake_holders(fake, key, "one"), 3);
}

static void w_of_all_waits_for_all(void **state)
{
    struct fake_courier *fake = *state;
    struct request request = {.op = REQUEST_PUT,
                              .key = bytes_from_string(fake_key(fake, 0)),
                              .value = bytes_from_string("one"),
                              .options = {.w = QUORUM_ALL}};
    fake->owners[3].delay_us = 300 * MS;
    struct fake_answer *put = fake_begin(fake, &request);
    fake_run(fake, 250 * MS);
    assert_false(put->done);
    fake_run(fake, 1000 * MS);
    assert_true(put->done);
    assert_int_equal(put->code, 0);
    assert_int_equal(put->owners, 3);
}

/* The owner may have come back without what it had, and been filled by those who lack it too. */
static void a_confirmation_ends_with_the_link_to_who_gave_it(void **state)
{
    struct fake_courier *fake = *state;
    struct request request = {.op = REQUEST_PUT,
                              .key = bytes_from_string(fake_key(fake, 0)),
                              .value = bytes_from_string("one"),
                              .options = {.w = QUORUM_ALL}};
    fake->owners[3].delay_us = 300 * MS;
    struct fake_answer *put = fake_begin(fake, &request);
    fake_run(fake, 100 * MS);
    fake_link(fake, 2, false);
    fake_run(fake, 400 * MS);
    assert_false(put->done);
    fake_link(fake, 2, true);
    fake_run(fake, 1500 * MS);
    assert_true(put->done);
    assert_int_equal(put->code, 0);
    assert_int_equal(put->owners, 3);
}

/* Once it is known everywhere that the holding has ended, what it issued is void, and refused as
 * gone, which would look like a confirmation. */
static void a_write_does_not_outlive_the_holding_that_gave_its_dot(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    struct replica *replica = &fake->owners[FAKE_SELF].replica;
    fake->owners[2].delay_us = 200 * MS;
    fake->owners[3].delay_us = 200 * MS;
    struct fake_answer *put = fake_put(fake, key, "one", none);
    fake_run(fake, 100 * MS);
    uint32_t partition = partition_of_key(bytes_from_string(key), FAKE_PARTITIONS);
    replica_renew(replica, replica_holding(replica, partition), true);
    fake_run(fake, 1000 * MS);
    assert_true(put->done);
    assert_int_equal(put->code, SHOAL_EUNKNOWN);
    assert_non_null(strstr(put->text, "holding has ended"));
}

static void a_lost_store_is_sent_again(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    struct fake_answer *first = put_done(fake, key, "one", none);
    fake->owners[2].lose_requests = 2;
    fake->owners[3].lose_requests = FAKE_ALWAYS;
    struct fake_answer *put = fake_put(fake, key, "two", first->context);
    fake_run(fake, 1500 * MS);
    assert_true(put->done);
    assert_int_equal(put->code, 0);
    assert_int_equal(fake_holders(fake, key, "two"), 2);
}

static void a_confirmation_that_comes_twice_counts_once(void **state)
{
    struct fake_courier *fake = *state;
    struct request request = {.op = REQUEST_PUT,
                              .key = bytes_from_string(fake_key(fake, 0)),
                              .value = bytes_from_string("one"),
                              .options = {.w = QUORUM_ALL}};
    fake->owners[2].repeat_answers = FAKE_ALWAYS;
    fake->owners[3].lose_answers = FAKE_ALWAYS;
    struct fake_answer *put = fake_begin(fake, &request);
    fake_run(fake, 3000 * MS);
    assert_true(put->done);
    assert_true(put->code < 0);
    assert_int_equal(put->owners, 1 + 1);
}

static void its_own_confirmation_waits_for_its_own_storage(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    struct fake_answer *first = put_done(fake, key, "one", none);
    fake->owners[FAKE_SELF].fickle->slow = true;
    fake->owners[3].lose_answers = FAKE_ALWAYS;
    struct fake_answer *put = fake_put(fake, key, "two", first->context);
    fake_run(fake, 500 * MS);
    assert_false(put->done);
    fickle_engine_settle(fake->owners[FAKE_SELF].fickle);
    assert_true(put->done);
    assert_int_equal(put->code, 0);
}

static void a_full_memory_is_named_with_its_limit_and_what_to_do(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    fake->coordinator.memory_bytes_max = 64 * LIMIT_MIB;
    fake->owners[FAKE_SELF].fickle->put_code = SHOAL_ENOMEM;
    fake->owners[FAKE_SELF].fickle->puts_failing = 2;
    struct fake_answer *put = fake_put(fake, key, "one", none);
    fake_run(fake, 100 * MS);
    assert_true(put->done);
    assert_int_equal(put->code, SHOAL_ENOMEM);
    assert_non_null(strstr(put->text, "limits.memory_mb = 64 is used up; nothing is evicted"));
    fake->coordinator.memory_bytes_max = 0;
    put = fake_put(fake, key, "one", none);
    fake_run(fake, 100 * MS);
    assert_int_equal(put->code, SHOAL_ENOMEM);
    assert_non_null(strstr(put->text, "the system gives no more"));
    (void)put_done(fake, key, "one", none);
}

static void own_storage_that_fails_while_waiting_does_not_confirm(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    struct fake_answer *first = put_done(fake, key, "one", none);
    fake->owners[FAKE_SELF].fickle->slow = true;
    fake->owners[3].lose_answers = FAKE_ALWAYS;
    struct fake_answer *put = fake_put(fake, key, "two", first->context);
    fake_run(fake, 100 * MS);
    fickle_engine_break(fake->owners[FAKE_SELF].fickle, SHOAL_EIO);
    fake_run(fake, 3000 * MS);
    assert_int_equal(put->code, SHOAL_EUNKNOWN);
    assert_int_equal(put->owners, 1);
}

static void durable_confirmations_are_counted_apart(void **state)
{
    struct fake_courier *fake = *state;
    struct request request = {.op = REQUEST_PUT,
                              .key = bytes_from_string(fake_key(fake, 0)),
                              .value = bytes_from_string("one"),
                              .options = {.dw = 2, .timeout_us = 800 * MS}};
    struct fake_answer *refused = fake_begin(fake, &request);
    assert_true(refused->done); /* nobody here keeps anything */
    assert_int_equal(refused->code, SHOAL_EUNSUPPORTED);
    fake->owners[FAKE_SELF].fickle->engine.keeps_data = true;
    struct fake_answer *put = fake_begin(fake, &request);
    fake_run(fake, 500 * MS);
    assert_false(put->done); /* three confirmed, one durably */
    fake_run(fake, 1000 * MS);
    assert_int_equal(put->code, SHOAL_EUNKNOWN);
    fake->owners[2].durable = true;
    put = fake_begin(fake, &request);
    fake_run(fake, 500 * MS);
    assert_true(put->done);
    assert_int_equal(put->code, 0);
}

/* ---- failing ---- */

static void an_unlinked_quorum_fails_with_nothing_applied(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    struct fake_answer *first = put_done(fake, key, "one", none);
    fake_link(fake, 2, false);
    fake_link(fake, 3, false);
    for (int i = 0; i < 2; i++) { /* with a context, and without */
        struct fake_answer *put = fake_put(fake, key, "two", i == 0 ? first->context : none);
        fake_run(fake, 1000 * MS);
        assert_true(put->done);
        assert_int_equal(put->code, SHOAL_EQUORUM);
        assert_non_null(strstr(put->text, "nothing was applied"));
        assert_int_equal(fake_holders(fake, key, "two"), 0);
    }
}

static void a_write_waits_a_little_for_links_that_are_coming_up(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    fake_link(fake, 2, false);
    fake_link(fake, 3, false);
    struct fake_answer *put = fake_put(fake, key, "one", none);
    fake_run(fake, 50 * MS);
    assert_false(put->done);
    fake_link(fake, 3, true);
    fake_run(fake, 500 * MS);
    assert_true(put->done);
    assert_int_equal(put->code, 0);
}

static void a_silent_owner_leaves_the_outcome_unknown(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    struct fake_answer *first = put_done(fake, key, "one", none);
    fake->owners[2].lose_answers = FAKE_ALWAYS;
    fake->owners[3].lose_requests = FAKE_ALWAYS;
    struct fake_answer *put = fake_put(fake, key, "two", first->context);
    uint64_t begun_us = fake->now.mono_us;
    fake_run(fake, 5000 * MS);
    assert_true(put->done);
    assert_int_equal(put->code, SHOAL_EUNKNOWN);
    assert_non_null(strstr(put->text, "1 of W=2 owners confirmed"));
    assert_true(put->done_us - begun_us <= fake->coordinator.request_timeout_us);
    assert_int_equal(fake_holders(fake, key, "two"), 2); /* as it happens, it is kept */
}

static void too_many_refusals_end_a_write_at_once_as_unknown(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    struct fake_answer *first = put_done(fake, key, "one", none);
    for (uint64_t node = 2; node <= 3; node++) {
        fake->owners[node].refusals = 1;
        fake->owners[node].refusal = SHOAL_ENOSPC;
    }
    struct fake_answer *put = fake_put(fake, key, "two", first->context);
    fake_run(fake, 50 * MS);
    assert_true(put->done);
    assert_int_equal(put->code, SHOAL_EUNKNOWN);
}

static void its_own_full_storage_applies_nothing(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    fake->owners[FAKE_SELF].fickle->puts_failing = 1;
    fake->owners[FAKE_SELF].fickle->put_code = SHOAL_ENOSPC;
    struct fake_answer *put = fake_put(fake, key, "one", none);
    fake_run(fake, 500 * MS);
    assert_true(put->done);
    assert_int_equal(put->code, SHOAL_ENOSPC);
    assert_int_equal(shoal_error_nothing_applied(put->code), 1);
    assert_int_equal(fake_holders(fake, key, "one"), 0);
}

static void a_quorum_that_can_never_be_met_is_refused_at_once(void **state)
{
    struct fake_courier *fake = *state;
    struct request request = {.op = REQUEST_PUT,
                              .key = bytes_from_string(fake_key(fake, 0)),
                              .value = bytes_from_string("one"),
                              .options = {.w = 4}};
    struct fake_answer *put = fake_begin(fake, &request);
    assert_true(put->done);
    assert_int_equal(put->code, SHOAL_EINVAL);
    assert_non_null(strstr(put->text, "w=4 is larger than n=3"));
}

/* ---- replacing ---- */

static void a_put_without_context_replaces_what_the_read_quorum_holds(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    fake_plant(fake, 2, key, "elsewhere", 50, 3);
    fake_plant(fake, 3, key, "elsewhere", 50, 3);
    (void)put_done(fake, key, "new", none);
    for (uint64_t node = 1; node <= 3; node++) {
        struct object object = fake_held(fake, node, key);
        assert_int_equal(object.sibling_count, 1);
        assert_true(version_vector_get(object.context, 50) == 3);
    }
    assert_int_equal(fake_holders(fake, key, "new"), 3);
}

static void puts_without_context_in_a_row_leave_one_value(void **state)
{
    static const char *const values[] = {"a", "b", "c", "d", "e", "f", "g", "h"};
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    struct fake_answer *puts[8];
    for (uint32_t i = 0; i < 8; i++) { /* all in flight at once */
        puts[i] = fake_put(fake, key, values[i], none);
        fake_run(fake, 100);
    }
    fake_run(fake, 3000 * MS);
    for (uint32_t i = 0; i < 8; i++) {
        assert_int_equal(puts[i]->code, 0);
    }
    struct fake_answer *get = get_done(fake, key);
    assert_int_equal(get->value_count, 1);
}

static void a_second_put_with_the_old_context_leaves_two_siblings(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    struct fake_answer *first = put_done(fake, key, "first", none);
    (void)put_done(fake, key, "left", first->context);
    (void)put_done(fake, key, "right", first->context);
    struct fake_answer *get = get_done(fake, key);
    assert_int_equal(get->value_count, 2);
    (void)put_done(fake, key, "both", get->context);
    get = get_done(fake, key);
    assert_int_equal(get->value_count, 1);
    assert_string_equal(get->values[0], "both");
}

static void the_token_of_a_put_covers_only_what_its_writer_has_seen(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    struct fake_answer *first = put_done(fake, key, "first", none);
    (void)put_done(fake, key, "left", first->context);
    struct fake_answer *right = put_done(fake, key, "right", first->context);
    /* Whoever wrote "right" has not seen "left": going on from there must not swallow it. */
    (void)put_done(fake, key, "more right", right->context);
    assert_int_equal(fake_holders(fake, key, "left"), 3);
    struct fake_answer *get = get_done(fake, key);
    assert_true(get->value_count >= 2);
}

static void the_token_of_a_put_replaces_it_where_nothing_is_beside_it(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    struct fake_answer *put = put_done(fake, key, "one", none);
    put = put_done(fake, key, "two", put->context);
    (void)put_done(fake, key, "three", put->context);
    struct fake_answer *get = get_done(fake, key);
    assert_int_equal(get->value_count, 1);
    assert_string_equal(get->values[0], "three");
}

static void a_forged_or_foreign_context_is_refused_and_applies_nothing(void **state)
{
    struct fake_courier *fake = *state;
    char other[32];
    (void)snprintf(other, sizeof(other), "%s", fake_key(fake, 0));
    struct fake_answer *put = put_done(fake, other, "one", none);
    struct bytes token = put->context;
    const char *key = fake_key(fake, 1); /* another key */
    struct request request = {.op = REQUEST_PUT,
                              .key = bytes_from_string(key),
                              .value = bytes_from_string("stolen"),
                              .context = token,
                              .forwarded = true};
    struct fake_answer *foreign = fake_begin(fake, &request);
    assert_int_equal(foreign->code, SHOAL_ECONTEXT);
    for (size_t i = 0; i < token.len; i++) {
        uint8_t forged[1024];
        memcpy(forged, token.data, token.len);
        forged[i] ^= 1;
        request.key = bytes_from_string(other);
        request.context = bytes_make(forged, token.len);
        fake->answer_count = 2;
        assert_int_equal(fake_begin(fake, &request)->code, SHOAL_ECONTEXT);
    }
    assert_int_equal(fake_holders(fake, other, "stolen"), 0);
    assert_int_equal(fake_holders(fake, key, "stolen"), 0);
}

static void a_delete_leaves_a_tombstone_that_hides_the_value(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    (void)put_done(fake, key, "one", none);
    struct fake_answer *gone = fake_delete(fake, key, none);
    fake_run(fake, 500 * MS);
    assert_int_equal(gone->code, 0);
    assert_int_equal(fake_holders(fake, key, "one"), 0);
    assert_int_equal(fake_held(fake, 2, key).siblings[0].kind, SIBLING_TOMBSTONE);
    struct fake_answer *get = get_done(fake, key);
    assert_int_equal(get->code, SHOAL_ENOTFOUND);
    assert_non_null(get->context.data);
}

static void a_time_to_live_beyond_all_clocks_hides_nothing(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    struct request request = {.op = REQUEST_PUT,
                              .key = bytes_from_string(key),
                              .value = bytes_from_string("one"),
                              .ttl_ms = UINT64_MAX};
    struct fake_answer *put = fake_begin(fake, &request);
    fake_run(fake, 500 * MS);
    assert_int_equal(put->code, 0);
    assert_int_equal(get_done(fake, key)->value_count, 1);
    assert_true(fake_held(fake, 1, key).siblings[0].expiry_ms == 0);
    request.ttl_ms = 5000;
    put = fake_begin(fake, &request);
    fake_run(fake, 500 * MS);
    assert_int_equal(put->code, 0);
    assert_true(fake_held(fake, 1, key).siblings[0].expiry_ms == fake->now.wall_ms + 5000);
    fake->now.wall_ms += 7000; /* the bound on clocks is a second */
    assert_int_equal(get_done(fake, key)->code, SHOAL_ENOTFOUND);
}

static void a_value_is_hidden_by_reads_and_lists_once_it_has_expired_by_any_clock(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    struct request request = {.op = REQUEST_PUT,
                              .key = bytes_from_string(key),
                              .value = bytes_from_string("one"),
                              .ttl_ms = 5000};
    struct fake_answer *put = fake_begin(fake, &request);
    fake_run(fake, 500 * MS);
    assert_int_equal(put->code, 0);
    fake->now.wall_ms += 5000 + 1000; /* to the last moment of the bound on clocks */
    assert_int_equal(get_done(fake, key)->value_count, 1);
    struct fake_answer *list = fake_list(fake, "", 10, none);
    fake_run(fake, 500 * MS);
    assert_int_equal(list->key_count, 1);
    fake->now.wall_ms += 1;
    assert_int_equal(get_done(fake, key)->code, SHOAL_ENOTFOUND);
    list = fake_list(fake, "", 10, none);
    fake_run(fake, 500 * MS);
    assert_int_equal(list->code, 0);
    assert_int_equal(list->key_count, 0);
    fake->coordinator.self_clock_doubtful = true; /* this node's clock proves nothing */
    assert_int_equal(get_done(fake, key)->value_count, 1);
}

/* ---- forgetting ---- */

static void a_holding_that_has_forgotten_a_dot_of_its_own_begins_anew(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    struct replica *mine = &fake->owners[FAKE_SELF].replica;
    (void)put_done(fake, key, "one", none);
    struct dot before = fake_held(fake, 1, key).siblings[0].dot;
    uint32_t partition = fake->answers[0].request.partition;
    fake_plant(fake, 2, key, "mine of before", before.actor, 9);
    fake_plant(fake, 3, key, "mine of before", before.actor, 9);
    (void)put_done(fake, key, "two", none);
    assert_true(replica_holding(mine, partition)->refilling);
    assert_true(replica_holding(mine, partition)->actor != before.actor);
    struct object object = fake_held(fake, 2, key);
    assert_int_equal(object.sibling_count, 1);
    assert_true(object.siblings[0].dot.actor != before.actor);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_write_is_answered_only_after_w_owners_confirmed),
        TEST(every_owner_is_sent_the_write),
        TEST(w_of_all_waits_for_all),
        TEST(a_confirmation_ends_with_the_link_to_who_gave_it),
        TEST(a_write_does_not_outlive_the_holding_that_gave_its_dot),
        TEST(a_lost_store_is_sent_again),
        TEST(a_confirmation_that_comes_twice_counts_once),
        TEST(its_own_confirmation_waits_for_its_own_storage),
        TEST(own_storage_that_fails_while_waiting_does_not_confirm),
        TEST(durable_confirmations_are_counted_apart),
        TEST(an_unlinked_quorum_fails_with_nothing_applied),
        TEST(a_write_waits_a_little_for_links_that_are_coming_up),
        TEST(a_silent_owner_leaves_the_outcome_unknown),
        TEST(too_many_refusals_end_a_write_at_once_as_unknown),
        TEST(its_own_full_storage_applies_nothing),
        TEST(a_full_memory_is_named_with_its_limit_and_what_to_do),
        TEST(a_quorum_that_can_never_be_met_is_refused_at_once),
        TEST(a_put_without_context_replaces_what_the_read_quorum_holds),
        TEST(puts_without_context_in_a_row_leave_one_value),
        TEST(a_second_put_with_the_old_context_leaves_two_siblings),
        TEST(the_token_of_a_put_covers_only_what_its_writer_has_seen),
        TEST(the_token_of_a_put_replaces_it_where_nothing_is_beside_it),
        TEST(a_forged_or_foreign_context_is_refused_and_applies_nothing),
        TEST(a_delete_leaves_a_tombstone_that_hides_the_value),
        TEST(a_time_to_live_beyond_all_clocks_hides_nothing),
        TEST(a_value_is_hidden_by_reads_and_lists_once_it_has_expired_by_any_clock),
        TEST(a_holding_that_has_forgotten_a_dot_of_its_own_begins_anew),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    fickle_engine_cold_percent = 70; /* the same where most reads have to wait for the disk */
    return failed + cmocka_run_group_tests_name("cold", tests, NULL, NULL);
}
