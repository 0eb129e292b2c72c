/* A holding gives every dot once, and no two holdings share an actor. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/byteorder.h"
#include "replica/holding.h"
#include "shoal/error.h"

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

static void a_record_gives_back_the_holding(void **state)
{
    (void)state;
    struct holding before = {.partition = 9, .refilling = true, .actor = 17, .counter = 42};
    struct holding after;
    uint8_t record[HOLDING_RECORD_BYTES];
    holding_encode(&before, record);
    assert_int_equal(holding_decode(bytes_make(record, sizeof(record)), 9, &after), 0);
    assert_int_equal(after.partition, 9);
    assert_true(after.refilling && after.recorded);
    assert_true(after.actor == 17 && after.counter == 42);
    assert_true(holding_next_dot(&after).counter == 43);
}

static void a_record_that_makes_no_sense_is_refused(void **state)
{
    (void)state;
    struct holding good = {.actor = 17, .counter = 42};
    struct holding out;
    uint8_t record[HOLDING_RECORD_BYTES + 1] = {0};
    for (size_t len = 0; len <= sizeof(record); len++) {
        holding_encode(&good, record);
        int result = holding_decode(bytes_make(record, len), 0, &out);
        assert_int_equal(result, len == HOLDING_RECORD_BYTES ? 0 : SHOAL_EPROTO);
    }
    record[0] = 2;
    assert_int_equal(holding_decode(bytes_make(record, HOLDING_RECORD_BYTES), 0, &out),
                     SHOAL_EVERSION);
    holding_encode(&good, record);
    record[17] = 2; /* an unknown flag */
    assert_int_equal(holding_decode(bytes_make(record, HOLDING_RECORD_BYTES), 0, &out),
                     SHOAL_EPROTO);
    good.actor = 0;
    holding_encode(&good, record);
    assert_int_equal(holding_decode(bytes_make(record, HOLDING_RECORD_BYTES), 0, &out),
                     SHOAL_EPROTO);
    good = (struct holding){.actor = 17, .counter = UINT64_MAX}; /* no dot could follow */
    holding_encode(&good, record);
    assert_int_equal(holding_decode(bytes_make(record, HOLDING_RECORD_BYTES), 0, &out),
                     SHOAL_EPROTO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dots_are_counted_from_one_and_never_again),
        cmocka_unit_test(a_holding_begun_anew_has_another_actor),
        cmocka_unit_test(the_record_says_who_how_far_and_whether_complete),
        cmocka_unit_test(a_record_gives_back_the_holding),
        cmocka_unit_test(a_record_that_makes_no_sense_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
