/* A holding gives every dot once, and no two holdings share an actor. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/byteorder.h"
#include "replica/holding.h"

static void dots_are_counted_from_one_and_never_again(void **state)
{
    (void)state;
    struct random random;
    struct holding holding;
    random_init(&random, 1);
    holding_begin(&holding, 3, false, &random);
    for (uint64_t i = 1; i <= 1000; i++) {
        struct dot dot = holding_next_dot(&holding);
        assert_true(dot.actor == holding.actor);
        assert_true(dot.counter == i);
    }
}

static void a_holding_begun_anew_has_another_actor(void **state)
{
    (void)state;
    struct random random;
    struct holding holding;
    random_init(&random, 1);
    holding_begin(&holding, 3, false, &random);
    uint64_t before = holding.actor;
    (void)holding_next_dot(&holding);
    holding_begin(&holding, 3, true, &random);
    assert_true(holding.actor != before);
    assert_true(holding.counter == 0);
    assert_true(holding.refilling);
    assert_false(holding.recorded);
    holding_check(&holding);
}

static void the_record_says_who_how_far_and_whether_complete(void **state)
{
    (void)state;
    struct holding holding = {
        .partition = 9, .refilling = true, .actor = 0x1122334455667788, .counter = 42};
    uint8_t record[HOLDING_RECORD_BYTES];
    holding_encode(&holding, record);
    assert_int_equal(record[0], 1);
    assert_true(load_u64_le(record + 1) == holding.actor);
    assert_true(load_u64_le(record + 9) == 42);
    assert_int_equal(record[17], 1);
    holding.refilling = false;
    holding_encode(&holding, record);
    assert_int_equal(record[17], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dots_are_counted_from_one_and_never_again),
        cmocka_unit_test(a_holding_begun_anew_has_another_actor),
        cmocka_unit_test(the_record_says_who_how_far_and_whether_complete),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
