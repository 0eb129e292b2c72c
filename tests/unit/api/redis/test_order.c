#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "api/redis/order.h"
#include "base/random.h"

#define RANDOM_KEYS 12u
#define RANDOM_COMMANDS 4000u
#define UNDER_WAY_MAX 6u

static struct redis_order_claim claim_one(enum redis_order_way way, const struct bytes *key)
{
    return (struct redis_order_claim){.way = way, .argv = key, .step = 1, .count = 1};
}

/* May the second begin while the first is under way, on the same key? */
static bool together(enum redis_order_way first, enum redis_order_way second)
{
    struct redis_order order = {0};
    struct bytes key = bytes_from_string("k");
    struct redis_order_claim one = claim_one(first, &key);
    struct redis_order_claim two = claim_one(second, &key);
    assert_true(redis_order_allows(&order, &one));
    redis_order_enter(&order, &one);
    bool allowed = redis_order_allows(&order, &two);
    redis_order_leave(&order, &one);
    assert_true(redis_order_allows(&order, &two));
    return allowed;
}

static void readers_of_a_key_go_together(void **state)
{
    (void)state;
    assert_true(together(REDIS_ORDER_READS, REDIS_ORDER_READS));
}

static void a_writer_waits_for_all_others_of_its_key_and_they_for_it(void **state)
{
    (void)state;
    assert_false(together(REDIS_ORDER_WRITES, REDIS_ORDER_READS));
    assert_false(together(REDIS_ORDER_READS, REDIS_ORDER_WRITES));
    assert_false(together(REDIS_ORDER_WRITES, REDIS_ORDER_WRITES));
    assert_false(together(REDIS_ORDER_WRITES, REDIS_ORDER_WRITES_BLIND));
}

static void nobody_waits_for_a_blind_write_but_it_waits_for_readers(void **state)
{
    (void)state;
    assert_true(together(REDIS_ORDER_WRITES_BLIND, REDIS_ORDER_READS));
    assert_true(together(REDIS_ORDER_WRITES_BLIND, REDIS_ORDER_WRITES));
    assert_true(together(REDIS_ORDER_WRITES_BLIND, REDIS_ORDER_WRITES_BLIND));
    assert_false(together(REDIS_ORDER_READS, REDIS_ORDER_WRITES_BLIND));
}

static void what_concerns_everything_is_alone(void **state)
{
    (void)state;
    static const enum redis_order_way ways[] = {REDIS_ORDER_READS, REDIS_ORDER_WRITES,
                                                REDIS_ORDER_WRITES_BLIND, REDIS_ORDER_EVERYTHING};
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        assert_false(together(ways[i], REDIS_ORDER_EVERYTHING));
        assert_false(together(REDIS_ORDER_EVERYTHING, ways[i]));
    }
}

static void a_command_without_keys_waits_only_for_what_concerns_everything(void **state)
{
    (void)state;
    struct redis_order order = {0};
    struct bytes key = bytes_from_string("k");
    struct redis_order_claim none = {.way = REDIS_ORDER_WRITES};
    struct redis_order_claim writer = claim_one(REDIS_ORDER_WRITES, &key);
    redis_order_enter(&order, &writer);
    assert_true(redis_order_allows(&order, &none));
    redis_order_leave(&order, &writer);
    struct redis_order_claim all = {.way = REDIS_ORDER_EVERYTHING};
    redis_order_enter(&order, &all);
    assert_false(redis_order_allows(&order, &none));
}

static void keys_lie_among_the_arguments_as_the_table_says(void **state)
{
    (void)state;
    struct redis_order order = {0};
    struct bytes mset[] = {bytes_from_string("mset"), bytes_from_string("a"),
                           bytes_from_string("1"), bytes_from_string("b"), bytes_from_string("2")};
    struct redis_order_claim writer = {
        .way = REDIS_ORDER_WRITES, .argv = mset, .first = 1, .step = 2, .count = 2};
    redis_order_enter(&order, &writer);
    for (uint32_t i = 1; i < 5; i++) {
        struct redis_order_claim reader = claim_one(REDIS_ORDER_READS, &mset[i]);
        assert_int_equal(redis_order_allows(&order, &reader), i % 2 == 0);
    }
}

/* Against the rule itself: nothing is under way together that must not be, and the table is empty
 * in the end. */
static void at_random_no_two_meet_that_must_not(void **state)
{
    (void)state;
    struct redis_order order = {0};
    struct random random;
    random_init(&random, 7);
    struct bytes keys[RANDOM_KEYS];
    char names[RANDOM_KEYS][8];
    struct redis_order_claim under_way[UNDER_WAY_MAX];
    uint32_t count = 0;
    for (uint32_t i = 0; i < RANDOM_KEYS; i++) {
        keys[i] = bytes_make(names[i], (size_t)snprintf(names[i], sizeof(names[i]), "k%u", i));
    }
    for (uint32_t i = 0; i < RANDOM_COMMANDS; i++) {
        enum redis_order_way way = (enum redis_order_way)random_below(&random, 3);
        struct redis_order_claim claim = claim_one(way, &keys[random_below(&random, RANDOM_KEYS)]);
        if (count < UNDER_WAY_MAX && redis_order_allows(&order, &claim)) {
            for (uint32_t k = 0; k < count; k++) {
                bool same = under_way[k].argv == claim.argv;
                bool reads = under_way[k].way == REDIS_ORDER_READS && way == REDIS_ORDER_READS;
                assert_true(!same || reads || under_way[k].way == REDIS_ORDER_WRITES_BLIND);
            }
            redis_order_enter(&order, &claim);
            under_way[count++] = claim;
        } else if (count > 0) {
            uint32_t gone = (uint32_t)random_below(&random, count);
            redis_order_leave(&order, &under_way[gone]);
            under_way[gone] = under_way[--count];
        }
    }
    while (count > 0) {
        redis_order_leave(&order, &under_way[--count]);
    }
    static const struct redis_order empty;
    assert_memory_equal(&order, &empty, sizeof(order));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(readers_of_a_key_go_together),
        cmocka_unit_test(a_writer_waits_for_all_others_of_its_key_and_they_for_it),
        cmocka_unit_test(nobody_waits_for_a_blind_write_but_it_waits_for_readers),
        cmocka_unit_test(what_concerns_everything_is_alone),
        cmocka_unit_test(a_command_without_keys_waits_only_for_what_concerns_everything),
        cmocka_unit_test(keys_lie_among_the_arguments_as_the_table_says),
        cmocka_unit_test(at_random_no_two_meet_that_must_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
