/* What this node's and the others' storage does to requests: reads that wait for the disk, damaged
 * records, confirmations that must be durable, disks that are full and disks that have failed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "shoal/error.h"
#include "support/fake_courier.h"

static const struct bytes none;

static int setup(void **state)
{
    *state = fake_courier_new(3, 3, 2, 2);
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

static struct fickle_engine *disk(struct fake_courier *fake)
{
    return fake->owners[FAKE_SELF].fickle;
}

/* Everything read here takes so long from now on. */
static void slow_down(struct fake_courier *fake, uint64_t disk_us)
{
    disk(fake)->cold_percent = 100;
    disk(fake)->disk_us = disk_us;
}

static struct engine_key key_of(struct fake_courier *fake, const char *key)
{
    uint32_t partition = 0;
    while (partition < FAKE_PARTITIONS) {
        struct engine_key wanted =
            replica_key(&fake->owners[FAKE_SELF].replica, partition, bytes_from_string(key));
        struct engine_brief brief;
        struct engine *engine = &disk(fake)->engine;
        if (engine->ops->brief(engine, &wanted, &brief) == 0) {
            return wanted;
        }
        partition++;
    }
    fail();
    return (struct engine_key){0};
}

/* ---- reads that wait ---- */

static void a_get_waits_for_the_only_copy(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    fake_plant(fake, 1, key, "one", 11, 1);
    slow_down(fake, 50 * MS);
    struct fake_answer *get = fake_get(fake, key);
    fake_run(fake, 49 * MS);
    assert_false(get->done);
    fake_run(fake, 2 * MS);
    assert_int_equal(get->code, 0);
    assert_string_equal(get->values[0], "one");
    assert_int_equal(disk(fake)->reads_waited, 1); /* the disk is asked once */
}

static void a_get_goes_on_with_others_when_its_own_copy_takes_long(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    for (uint64_t node = 1; node <= 3; node++) {
        fake_plant(fake, node, key, "one", 11, 1);
    }
    slow_down(fake, 500 * MS);
    struct fake_answer *get = fake_get(fake, key);
    fake_run(fake, 200 * MS);
    assert_int_equal(get->code, 0);
    assert_int_equal(get->owners, 2);
}

static void a_copy_of_its_own_that_is_behind_is_repaired_when_it_has_been_read(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    fake_plant(fake, 1, key, "old", 11, 1);
    fake_plant(fake, 2, key, "new", 11, 2);
    fake_plant(fake, 3, key, "new", 11, 2);
    slow_down(fake, 300 * MS);
    struct fake_answer *get = fake_get(fake, key);
    fake_run(fake, 200 * MS);
    assert_int_equal(get->code, 0);
    assert_int_equal(fake_held(fake, FAKE_SELF, key).siblings[0].dot.counter, 1);
    fake_run(fake, 200 * MS);
    assert_int_equal(fake_held(fake, FAKE_SELF, key).siblings[0].dot.counter, 2);
}

static void a_copy_of_its_own_that_is_ahead_repairs_the_others_when_it_has_been_read(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    fake_plant(fake, 1, key, "new", 11, 2);
    fake_plant(fake, 2, key, "old", 11, 1);
    fake_plant(fake, 3, key, "old", 11, 1);
    slow_down(fake, 300 * MS);
    struct fake_answer *get = fake_get(fake, key);
    fake_run(fake, 200 * MS);
    assert_int_equal(get->code, 0);
    fake_run(fake, 300 * MS);
    assert_int_equal(fake_holders(fake, key, "new"), 3);
}

static void a_request_that_ends_while_it_waits_is_not_called_back(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    fake_plant(fake, 1, key, "one", 11, 1);
    slow_down(fake, 5000 * MS);
    struct fake_answer *get = fake_get(fake, key);
    struct fake_answer *put = fake_put(fake, key, "two", none); /* needs no read */
    fake_run(fake, 4000 * MS);
    assert_int_equal(get->code, SHOAL_ETIMEOUT);
    assert_int_equal(put->code, 0);
    fake_run(fake, 4000 * MS);
    assert_int_equal(disk(fake)->read_count, 0);
}

static void a_read_of_its_own_that_fails_is_made_up_for_by_others(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    for (uint64_t node = 1; node <= 3; node++) {
        fake_plant(fake, node, key, "one", 11, 1);
    }
    slow_down(fake, 1 * MS);
    disk(fake)->read_code = SHOAL_EIO;
    struct fake_answer *get = fake_get(fake, key);
    fake_run(fake, 200 * MS);
    assert_int_equal(get->code, 0);
    assert_int_equal(get->owners, 2);
}

/* ---- writes that wait, and those that need not ---- */

static void a_plain_sequence_of_puts_reads_nothing(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    slow_down(fake, 50 * MS);
    for (uint32_t i = 0; i < 5; i++) {
        struct fake_answer *put = fake_put(fake, key, i % 2 == 0 ? "even" : "odd", none);
        fake_run(fake, 100 * MS);
        assert_int_equal(put->code, 0);
        put = fake_put(fake, key, "with a context", put->context);
        fake_run(fake, 100 * MS);
        assert_int_equal(put->code, 0);
    }
    assert_int_equal(disk(fake)->reads_waited, 0);
    assert_int_equal(fake_holders(fake, key, "with a context"), 3);
    assert_int_equal(fake_held(fake, FAKE_SELF, key).sibling_count, 1);
}

static void a_put_over_siblings_waits_until_they_have_been_read(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    fake_plant(fake, 1, key, "a", 11, 1);
    fake_plant(fake, 1, key, "b", 12, 1);
    slow_down(fake, 30 * MS);
    struct fake_answer *put = fake_put(fake, key, "c", none);
    fake_run(fake, 10 * MS);
    assert_int_equal(fake->owners[2].stores + fake->owners[3].stores, 0);
    fake_run(fake, 1000 * MS);
    assert_int_equal(put->code, 0);
    assert_int_equal(fake_holders(fake, key, "c"), 3);
    assert_int_equal(fake_held(fake, FAKE_SELF, key).sibling_count, 1);
}

static void a_put_whose_read_fails_applies_nothing(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    struct fake_answer *first = fake_put(fake, key, "one", none);
    fake_run(fake, 100 * MS);
    fake_plant(fake, 1, key, "another", 12, 1);
    slow_down(fake, 1 * MS);
    disk(fake)->read_code = SHOAL_EIO;
    struct fake_answer *put = fake_put(fake, key, "two", first->context);
    fake_run(fake, 100 * MS);
    assert_int_equal(put->code, SHOAL_EIO);
    assert_non_null(strstr(put->text, "nothing was applied"));
    assert_int_equal(fake_holders(fake, key, "two"), 0);
}

static void a_put_that_waits_when_its_time_is_over_applies_nothing(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    fake_plant(fake, 1, key, "a", 11, 1);
    fake_plant(fake, 1, key, "b", 12, 1);
    slow_down(fake, 5000 * MS);
    struct fake_answer *put = fake_put(fake, key, "c", none);
    fake_run(fake, 10000 * MS);
    assert_true(put->code == SHOAL_ETIMEOUT || put->code == SHOAL_EQUORUM);
    assert_non_null(strstr(put->text, "nothing was applied"));
    assert_int_equal(fake_holders(fake, key, "c"), 0);
}

static void what_is_sent_again_may_have_to_be_read_first(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    slow_down(fake, 3 * MS);
    fake->owners[2].lose_requests = 1;
    fake->owners[3].lose_requests = 1;
    struct fake_answer *first = fake_put(fake, key, "one", none);
    fake_run(fake, 1000 * MS);
    assert_int_equal(first->code, 0);
    fake->owners[2].lose_requests = 1;
    fake->owners[3].lose_requests = 1;
    struct fake_answer *put = fake_put(fake, key, "two", first->context);
    fake_run(fake, 1000 * MS);
    assert_int_equal(put->code, 0);
    assert_true(disk(fake)->reads_waited > 0);
    assert_int_equal(fake_holders(fake, key, "two"), 3);
}

/* ---- damage ---- */

/* The record can't be read any more, and the holding has been filled again since. */
static void damage(struct fake_courier *fake, const char *key)
{
    struct engine_key wanted = key_of(fake, key);
    fickle_engine_damage(disk(fake), &wanted);
    replica_holding(&fake->owners[FAKE_SELF].replica, wanted.partition)->refilling = false;
}

static void the_only_copy_damaged_is_said_by_name(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    fake_plant(fake, 1, key, "one", 11, 1);
    damage(fake, key);
    struct fake_answer *get = fake_get(fake, key);
    fake_run(fake, 10 * MS);
    assert_int_equal(get->code, SHOAL_EDAMAGED);
    assert_non_null(strstr(get->text, key));
    assert_non_null(strstr(get->text, "restore a backup or overwrite it"));
    struct fake_answer *other = fake_get(fake, "another key");
    fake_run(fake, 10 * MS);
    assert_int_equal(other->code, SHOAL_ENOTFOUND); /* others are served */
    struct fake_answer *put = fake_put(fake, key, "two", none);
    fake_run(fake, 10 * MS);
    assert_int_equal(put->code, 0);
    get = fake_get(fake, key);
    fake_run(fake, 10 * MS);
    assert_int_equal(get->code, 0);
    assert_string_equal(get->values[0], "two");
}

static void a_damaged_copy_is_made_up_for_by_others_and_repaired(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    for (uint64_t node = 1; node <= 3; node++) {
        fake_plant(fake, node, key, "one", 11, 1);
    }
    damage(fake, key);
    struct fake_answer *get = fake_get(fake, key);
    fake_run(fake, 100 * MS);
    assert_int_equal(get->code, 0);
    assert_string_equal(get->values[0], "one");
    assert_int_equal(get->owners, 2);
    assert_int_equal(disk(fake)->damaged_count, 0);
    assert_int_equal(fake_holders(fake, key, "one"), 3);
}

static void another_owners_damaged_copy_is_repaired_too(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    fake_plant(fake, 1, key, "one", 11, 1);
    fake_plant(fake, 3, key, "one", 11, 1);
    fake->owners[2].refusals = 1;
    fake->owners[2].refusal = SHOAL_EDAMAGED;
    fake->coordinator.next_id = 16; /* asks everybody */
    struct fake_answer *get = fake_get(fake, key);
    fake_run(fake, 100 * MS);
    assert_int_equal(get->code, 0);
    assert_int_equal(fake_holders(fake, key, "one"), 3);
}

/* ---- durable confirmations ---- */

static void a_write_counts_its_own_copy_when_it_is_settled(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    disk(fake)->slow = true;
    disk(fake)->engine.keeps_data = true;
    disk(fake)->engine.settles_durable = false;
    struct fake_answer *put = fake_put(fake, key, "one", none);
    fake_run(fake, 100 * MS);
    assert_int_equal(put->code, FAKE_PENDING);
    fickle_engine_settle(disk(fake));
    assert_int_equal(put->code, 0);
    assert_int_equal(disk(fake)->hardens, 0);
    assert_int_equal(fake->owners[FAKE_SELF].durable_stores, 0);
}

static void a_durable_write_waits_for_stable_storage_and_asks_for_it(void **state)
{
    struct fake_courier *fake = *state;
    struct request request = {.op = REQUEST_PUT,
                              .key = bytes_from_string(fake_key(fake, 0)),
                              .value = bytes_from_string("one"),
                              .options = {.dw = 1}};
    disk(fake)->slow = true;
    disk(fake)->engine.keeps_data = true;
    disk(fake)->engine.settles_durable = false;
    struct fake_answer *put = fake_begin(fake, &request);
    fake_run(fake, 100 * MS);
    assert_true(disk(fake)->hardens > 0);
    assert_int_equal(fake->owners[2].durable_stores, 1);
    assert_int_equal(fake->owners[3].durable_stores, 1);
    fickle_engine_settle(disk(fake));
    fake_run(fake, 100 * MS);
    assert_false(put->done); /* settled is not durable */
    fickle_engine_make_durable(disk(fake));
    assert_int_equal(put->code, 0);
}

/* ---- full and failed ---- */

static uint32_t forwards(const struct fake_courier *fake)
{
    uint32_t count = 0;
    for (uint64_t node = 1; node <= FAKE_NODES; node++) {
        count += fake->owners[node].forwards;
    }
    return count;
}

static void a_node_whose_disk_is_full_passes_its_writes_on(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    disk(fake)->health = ENGINE_FULL;
    struct fake_answer *put = fake_put(fake, key, "one", none);
    fake_run(fake, 100 * MS);
    assert_int_equal(put->code, 0);
    assert_int_equal(forwards(fake), 1);
    disk(fake)->health = ENGINE_HEALTHY;
    put = fake_put(fake, key, "two", none);
    fake_run(fake, 100 * MS);
    assert_int_equal(put->code, 0);
    assert_int_equal(forwards(fake), 1);
}

static void
a_node_whose_disk_is_far_behind_leaves_writes_to_others_while_there_are_any(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    fake_plant(fake, 1, key, "zero", 11, 1);
    disk(fake)->behind = true;
    struct fake_answer *put = fake_put(fake, key, "one", none);
    fake_run(fake, 100 * MS);
    assert_int_equal(put->code, 0);
    assert_int_equal(forwards(fake), 1);
    for (uint64_t node = 2; node <= 3; node++) {
        fake->owners[node].storage = NODE_STORAGE_FULL;
    }
    put = fake_put(fake, key, "two", none); /* and says what is the matter with the others */
    fake_run(fake, 100 * MS);
    assert_int_equal(put->code, SHOAL_ENOSPC);
    assert_int_equal(forwards(fake), 1);
    struct fake_answer *get = fake_get(fake, key);
    fake_run(fake, 100 * MS);
    assert_int_equal(get->code, 0);
    disk(fake)->behind = false;
    for (uint64_t node = 2; node <= 3; node++) {
        fake->owners[node].storage = NODE_STORAGE_OK;
    }
    put = fake_put(fake, key, "three", none);
    fake_run(fake, 100 * MS);
    assert_int_equal(put->code, 0);
    assert_int_equal(forwards(fake), 1);
}

static void writes_are_not_passed_to_one_whose_storage_failed(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 1);
    uint64_t first = fake_owner_of(fake, key, 0);
    fake->owners[first].storage = NODE_STORAGE_FAILED;
    fake->owners[first].refusals = FAKE_ALWAYS;
    fake->owners[first].refusal = SHOAL_EIO;
    struct fake_answer *put = fake_put(fake, key, "one", none); /* coordinated here */
    fake_run(fake, 100 * MS);
    assert_int_equal(put->code, 0);
    assert_int_equal(forwards(fake), 0);
    assert_int_equal(fake_holders(fake, key, "one"), 2);
    struct fake_answer *get = fake_get(fake, key);
    fake_run(fake, 100 * MS);
    assert_int_equal(get->code, 0);
}

static void a_full_disk_with_nobody_to_pass_to_is_said_at_once(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    fake_plant(fake, 1, key, "one", 11, 1);
    disk(fake)->health = ENGINE_FULL;
    struct fake_answer *put = fake_put(fake, key, "two", none);
    fake_run(fake, 10 * MS);
    assert_int_equal(put->code, SHOAL_ENOSPC);
    assert_non_null(strstr(put->text, "node1: disk full"));
    assert_non_null(strstr(put->text, "nothing was applied"));
    struct fake_answer *get = fake_get(fake, key);
    fake_run(fake, 10 * MS);
    assert_int_equal(get->code, 0); /* reads go on */
}

static void too_many_full_disks_are_named_and_nothing_is_applied(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    fake->owners[2].storage = NODE_STORAGE_FULL;
    fake->owners[3].storage = NODE_STORAGE_FAILED;
    struct fake_answer *put = fake_put(fake, key, "one", none);
    fake_run(fake, 10 * MS);
    assert_int_equal(put->code, SHOAL_ENOSPC);
    assert_non_null(strstr(put->text, "node2: disk full"));
    assert_non_null(strstr(put->text, "node3: storage failed"));
    assert_int_equal(fake_holders(fake, key, "one"), 0);
    fake->owners[3].storage = NODE_STORAGE_OK;
    put = fake_put(fake, key, "one", none);
    fake_run(fake, 100 * MS);
    assert_int_equal(put->code, 0);
}

static void disks_that_turn_out_full_are_named_in_an_unknown_outcome(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    struct fake_answer *first = fake_put(fake, key, "one", none);
    fake_run(fake, 100 * MS);
    for (uint64_t node = 2; node <= 3; node++) {
        fake->owners[node].refusals = FAKE_ALWAYS;
        fake->owners[node].refusal = SHOAL_ENOSPC;
    }
    struct fake_answer *put = fake_put(fake, key, "two", first->context);
    fake_run(fake, 100 * MS);
    assert_int_equal(put->code, SHOAL_EUNKNOWN);
    assert_non_null(strstr(put->text, "node2: disk full"));
}

static void a_put_that_its_own_disk_has_no_room_for_applies_nothing(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    disk(fake)->puts_failing = 1;
    disk(fake)->put_code = SHOAL_ENOSPC;
    struct fake_answer *put = fake_put(fake, key, "one", none);
    fake_run(fake, 100 * MS);
    assert_int_equal(put->code, SHOAL_ENOSPC);
    assert_non_null(strstr(put->text, "node1: disk full"));
    assert_int_equal(fake->owners[2].stores + fake->owners[3].stores, 0);
}

static void a_coordinator_that_has_no_room_sends_a_write_to_the_next_one(void **state)
{
    static const int codes[] = {SHOAL_ENOSPC, SHOAL_EIO, SHOAL_EOVERLOAD};
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, FAKE_ALWAYS);
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        uint64_t first = fake_owner_of(fake, key, 0);
        uint64_t second = fake_owner_of(fake, key, 1);
        uint32_t before = fake->owners[second].forwards;
        fake->owners[first].refusals = 1;
        fake->owners[first].refusal = codes[i];
        struct fake_answer *put = fake_put(fake, key, "one", none);
        fake_run(fake, 100 * MS);
        assert_int_equal(put->code, 0);
        assert_int_equal(fake->owners[second].forwards, before + 1);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define ALONE(name) cmocka_unit_test_setup_teardown(name, setup_alone, teardown)

static int setup_four(void **state)
{
    *state = fake_courier_new(4, 3, 2, 2);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ALONE(a_get_waits_for_the_only_copy),
        TEST(a_get_goes_on_with_others_when_its_own_copy_takes_long),
        TEST(a_copy_of_its_own_that_is_behind_is_repaired_when_it_has_been_read),
        TEST(a_copy_of_its_own_that_is_ahead_repairs_the_others_when_it_has_been_read),
        ALONE(a_request_that_ends_while_it_waits_is_not_called_back),
        TEST(a_read_of_its_own_that_fails_is_made_up_for_by_others),
        TEST(a_plain_sequence_of_puts_reads_nothing),
        TEST(a_put_over_siblings_waits_until_they_have_been_read),
        TEST(a_put_whose_read_fails_applies_nothing),
        TEST(a_put_that_waits_when_its_time_is_over_applies_nothing),
        TEST(what_is_sent_again_may_have_to_be_read_first),
        ALONE(the_only_copy_damaged_is_said_by_name),
        TEST(a_damaged_copy_is_made_up_for_by_others_and_repaired),
        TEST(another_owners_damaged_copy_is_repaired_too),
        ALONE(a_write_counts_its_own_copy_when_it_is_settled),
        TEST(a_durable_write_waits_for_stable_storage_and_asks_for_it),
        TEST(a_node_whose_disk_is_full_passes_its_writes_on),
        TEST(a_node_whose_disk_is_far_behind_leaves_writes_to_others_while_there_are_any),
        TEST(writes_are_not_passed_to_one_whose_storage_failed),
        ALONE(a_full_disk_with_nobody_to_pass_to_is_said_at_once),
        TEST(too_many_full_disks_are_named_and_nothing_is_applied),
        TEST(disks_that_turn_out_full_are_named_in_an_unknown_outcome),
        ALONE(a_put_that_its_own_disk_has_no_room_for_applies_nothing),
        cmocka_unit_test_setup_teardown(
            a_coordinator_that_has_no_room_sends_a_write_to_the_next_one, setup_four, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
