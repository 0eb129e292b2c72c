/* Lists: every key that W owners hold is listed, once, whatever page it is on; deleted ones are
 * not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "shoal/error.h"
#include "support/fake_courier.h"

enum { KEYS = 30, COVERAGE = 2 };

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

/* The keys are at two of three owners each, not always the same. */
static void plant_keys(struct fake_courier *fake)
{
    for (uint32_t i = 0; i < KEYS; i++) {
        char key[16];
        (void)snprintf(key, sizeof(key), "%s%02u", i % 3 == 0 ? "apple" : "pear", (unsigned)i);
        for (uint64_t node = 1; node <= 3; node++) {
            if (node != 1 + i % 3) {
                fake_plant(fake, node, key, "v", 100 + i, 1);
            }
        }
    }
}

static void mark(bool seen[KEYS], const struct fake_answer *list)
{
    for (uint32_t i = 0; i < list->key_count; i++) {
        size_t len = strlen(list->keys[i]);
        uint32_t number = (uint32_t)(list->keys[i][len - 2] - '0') * 10 +
                          (uint32_t)(list->keys[i][len - 1] - '0');
        assert_true(number < KEYS);
        assert_false(seen[number]); /* once */
        seen[number] = true;
    }
}

static uint32_t marked(const bool seen[KEYS])
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < KEYS; i++) {
        count += seen[i] ? 1 : 0;
    }
    return count;
}

static void every_key_at_w_owners_is_listed_once(void **state)
{
    struct fake_courier *fake = *state;
    bool seen[KEYS] = {false};
    plant_keys(fake);
    struct fake_answer *list = fake_list(fake, "", 0, none);
    fake_run(fake, 500 * MS);
    assert_true(list->done);
    assert_int_equal(list->code, 0);
    mark(seen, list);
    assert_int_equal(marked(seen), KEYS);
    assert_null(list->after.data);
}

static void a_prefix_chooses(void **state)
{
    struct fake_courier *fake = *state;
    bool seen[KEYS] = {false};
    plant_keys(fake);
    struct fake_answer *list = fake_list(fake, "apple", 0, none);
    fake_run(fake, 500 * MS);
    assert_int_equal(list->code, 0);
    mark(seen, list);
    assert_int_equal(marked(seen), KEYS / 3);
    assert_true(seen[0] && seen[27] && !seen[1]);
}

static void pages_of_any_size_come_to_the_same(void **state)
{
    struct fake_courier *fake = *state;
    plant_keys(fake);
    for (uint32_t limit = 1; limit <= 11; limit += 2) {
        bool seen[KEYS] = {false};
        uint8_t cursor[64];
        struct bytes after = none;
        uint32_t rounds = 0;
        do {
            fake->answer_count = 0;
            struct fake_answer *list = fake_list(fake, "", limit, after);
            fake_run(fake, 500 * MS);
            assert_int_equal(list->code, 0);
            assert_true(list->key_count <= limit);
            mark(seen, list);
            after = list->after;
            if (after.data != NULL) {
                memcpy(cursor, after.data, after.len);
                after.data = cursor;
            }
            assert_true(++rounds <= KEYS + FAKE_PARTITIONS);
        } while (after.data != NULL);
        assert_int_equal(marked(seen), KEYS);
    }
}

static void a_deleted_key_is_not_listed_though_a_stale_owner_holds_it(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    struct fake_answer *put = fake_put(fake, key, "one", none);
    fake_run(fake, 100 * MS);
    assert_int_equal(put->code, 0);
    fake->owners[3].lose_requests = FAKE_ALWAYS;
    struct fake_answer *gone = fake_delete(fake, key, none);
    fake_run(fake, 500 * MS);
    assert_int_equal(gone->code, 0);
    fake->owners[3].lose_requests = 0;
    fake_link(fake, 2, false); /* whom is asked: this node and the stale one */
    fake_run(fake, 500 * MS);
    struct fake_answer *list = fake_list(fake, "", 0, none);
    fake_run(fake, 500 * MS);
    assert_int_equal(list->code, 0);
    assert_int_equal(list->key_count, 0);
}

static void lost_pages_and_silent_owners_are_made_up_for(void **state)
{
    struct fake_courier *fake = *state;
    bool seen[KEYS] = {false};
    plant_keys(fake);
    fake->owners[2].lose_requests = FAKE_ALWAYS;
    fake->owners[3].lose_answers = 5;
    struct fake_answer *list = fake_list(fake, "", 0, none);
    fake_run(fake, 1900 * MS);
    assert_true(list->done);
    assert_int_equal(list->code, 0);
    mark(seen, list);
    assert_int_equal(marked(seen), KEYS);
}

static void refilling_holdings_are_not_asked_for_what_there_is(void **state)
{
    struct fake_courier *fake = *state;
    for (uint32_t p = 0; p < FAKE_PARTITIONS; p++) {
        replica_holding(&fake->owners[1].replica, p)->refilling = true;
    }
    fake_plant(fake, 2, "key", "v", 9, 1);
    fake_plant(fake, 3, "key", "v", 9, 1);
    struct fake_answer *list = fake_list(fake, "", 0, none);
    fake_run(fake, 1000 * MS);
    assert_int_equal(list->code, 0);
    assert_int_equal(list->key_count, 1);
}

/* How many partitions' pages the owners were asked for. */
static uint32_t scanned(const struct fake_courier *fake)
{
    uint32_t scans = 0;
    for (uint64_t node = 1; node <= 3; node++) {
        scans += fake->owners[node].scans;
    }
    return scans / COVERAGE;
}

static void a_short_page_walks_few_partitions(void **state)
{
    struct fake_courier *fake = *state;
    for (uint32_t i = 0; i < 10 * FAKE_PARTITIONS; i++) {
        char key[16];
        (void)snprintf(key, sizeof(key), "key%u", (unsigned)i);
        fake_plant(fake, 1, key, "v", 100 + i, 1);
        fake_plant(fake, 2, key, "v", 100 + i, 1);
    }
    struct fake_answer *one = fake_list(fake, "", 1, none);
    fake_run(fake, 500 * MS);
    assert_int_equal(one->key_count, 1);
    assert_int_equal(scanned(fake), 1);
    struct fake_answer *more = fake_list(fake, "", 50, none);
    fake_run(fake, 500 * MS);
    assert_int_equal(more->key_count, 50);
    assert_true(scanned(fake) <= 1 + 10);
}

/* Round trips of 1, 2, 4 and 8 partitions, then of 16: eight for 64 of them. */
static void empty_partitions_are_walked_many_at_once(void **state)
{
    struct fake_courier *fake = *state;
    struct fake_answer *list = fake_list(fake, "", 1, none);
    fake_run(fake, (uint64_t)8 * 2 * FAKE_LATENCY_US + 100);
    assert_true(list->done);
    assert_int_equal(list->key_count, 0);
    assert_int_equal(scanned(fake), FAKE_PARTITIONS);
}

static void an_owner_that_refuses_costs_no_wait(void **state)
{
    struct fake_courier *fake = *state;
    bool seen[KEYS] = {false};
    plant_keys(fake);
    fake->owners[2].refusals = FAKE_ALWAYS;
    fake->owners[2].refusal = SHOAL_EREFILLING;
    struct fake_answer *list = fake_list(fake, "", 0, none);
    fake_run(fake, 30 * MS);
    assert_true(list->done);
    mark(seen, list);
    assert_int_equal(marked(seen), KEYS);
    assert_int_equal(fake->owners[2].scans, 1); /* the others are asked first from then on */
}

static void a_silent_owner_is_waited_for_once(void **state)
{
    struct fake_courier *fake = *state;
    bool seen[KEYS] = {false};
    plant_keys(fake);
    fake->owners[2].lose_requests = FAKE_ALWAYS;
    struct fake_answer *list = fake_list(fake, "", 0, none);
    fake_run(fake, COORDINATOR_HEDGE_US_MAX + 30 * MS);
    assert_true(list->done);
    mark(seen, list);
    assert_int_equal(marked(seen), KEYS);
}

static void a_quiet_owner_is_asked_last(void **state)
{
    struct fake_courier *fake = *state;
    for (uint32_t i = 0; i < REACH_SILENCES; i++) {
        reach_silent(&fake->reach, 2, fake->now.mono_us);
    }
    struct fake_answer *list = fake_list(fake, "", 0, none);
    fake_run(fake, 30 * MS);
    assert_true(list->done);
    assert_int_equal(fake->owners[2].scans, 0);
}

static void too_few_owners_fail_a_list(void **state)
{
    struct fake_courier *fake = *state;
    fake_link(fake, 2, false);
    fake_link(fake, 3, false);
    struct fake_answer *list = fake_list(fake, "", 0, none);
    fake_run(fake, 600 * MS);
    assert_true(list->done);
    assert_int_equal(list->code, SHOAL_EQUORUM);
    assert_int_equal(list->key_count, 0);
}

static void a_cursor_of_somebodys_own_making_is_refused(void **state)
{
    static const char *const cursors[] = {"", "x", "\x01garbage_of_1", "\x02............"};
    struct fake_courier *fake = *state;
    for (size_t i = 0; i < sizeof(cursors) / sizeof(cursors[0]); i++) {
        struct fake_answer *list = fake_list(fake, "", 0, bytes_from_string(cursors[i]));
        assert_true(list->done);
        assert_int_equal(list->code, SHOAL_EINVAL);
    }
}

static void more_lists_than_a_worker_runs_are_overloaded(void **state)
{
    struct fake_courier *fake = *state;
    for (uint64_t node = 1; node <= 3; node++) {
        fake->owners[node].lose_requests = FAKE_ALWAYS;
    }
    fake->coordinator.listings = COORDINATOR_LISTINGS_MAX - 1;
    struct fake_answer *first = fake_list(fake, "", 0, none);
    struct fake_answer *second = fake_list(fake, "", 0, none);
    assert_false(first->done);
    assert_true(second->done);
    assert_int_equal(second->code, SHOAL_EOVERLOAD);
    fake_run(fake, 3000 * MS);
    assert_true(first->done);
    assert_int_equal(first->code, SHOAL_ETIMEOUT);
    assert_int_equal(fake->coordinator.listings, COORDINATOR_LISTINGS_MAX - 1);
    fake->coordinator.listings = 0;
}

static void a_change_of_view_in_the_middle_loses_nothing(void **state)
{
    struct fake_courier *fake = *state;
    bool seen[KEYS] = {false};
    plant_keys(fake);
    struct role role = ring_role(4, ROLE_IN);
    struct view *both = ring_view_commit(view_ref(fake->owners[FAKE_SELF].view), &role);
    struct fake_answer *list = fake_list(fake, "", 0, none);
    fake_run(fake, FAKE_LATENCY_US + 100);
    assert_false(list->done);
    for (uint64_t node = 2; node <= 4; node++) {
        fake_believes(fake, node, view_ref(both));
    }
    fake_adopt(fake, both, 0);
    fake_run(fake, 1000 * MS);
    assert_true(list->done);
    assert_int_equal(list->code, 0);
    mark(seen, list);
    assert_int_equal(marked(seen), KEYS);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_key_at_w_owners_is_listed_once),
        TEST(a_prefix_chooses),
        TEST(pages_of_any_size_come_to_the_same),
        TEST(a_deleted_key_is_not_listed_though_a_stale_owner_holds_it),
        TEST(lost_pages_and_silent_owners_are_made_up_for),
        TEST(refilling_holdings_are_not_asked_for_what_there_is),
        TEST(a_short_page_walks_few_partitions),
        TEST(empty_partitions_are_walked_many_at_once),
        TEST(an_owner_that_refuses_costs_no_wait),
        TEST(a_silent_owner_is_waited_for_once),
        TEST(a_quiet_owner_is_asked_last),
        TEST(too_few_owners_fail_a_list),
        TEST(a_cursor_of_somebodys_own_making_is_refused),
        TEST(more_lists_than_a_worker_runs_are_overloaded),
        TEST(a_change_of_view_in_the_middle_loses_nothing),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    fickle_engine_cold_percent = 70; /* the same where most reads have to wait for the disk */
    return failed + cmocka_run_group_tests_name("cold", tests, NULL, NULL);
}
