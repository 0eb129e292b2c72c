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
    holding_init(&holding, 3);
    holding_begin(&holding, false, &random);
    for (uint64_t i = 1; i <= 1000; i++) {
        struct dot dot = holding_next_dot(&holding);
        assert_true(dot.actor == holding.actor);
        assert_true(dot.counter == i);
    }
    holding_deinit(&holding);
}

static void a_holding_begun_anew_has_another_actor(void **state)
{
    (void)state;
    struct random random;
    struct holding holding;
    random_init(&random, 1);
    holding_init(&holding, 3);
    holding_begin(&holding, false, &random);
    uint64_t before = holding.actor;
    (void)holding_next_dot(&holding);
    holding_begin(&holding, true, &random);
    assert_true(holding.actor != before);
    assert_true(holding.counter == 0);
    assert_true(holding.refilling);
    assert_false(holding.recorded);
    holding_check(&holding);
    holding_deinit(&holding);
}

/* ---- records ---- */

static void begin_some_holding(struct holding *holding)
{
    holding_init(holding, 9);
    holding->refilling = true;
    holding->actor = 0x1122334455667788;
    holding->counter = 42;
    for (uint64_t i = 1; i <= 9; i += i == 4 ? 2 : 1) {
        partition_clock_add(&holding->clock, (struct dot){.actor = 7, .counter = i});
    }
}

static struct buffer record_of(const struct holding *holding)
{
    struct buffer record;
    buffer_init(&record, 0);
    assert_int_equal(holding_encode(holding, &holding->clock, &record), 0);
    return record;
}

static void the_record_says_who_how_far_and_whether_complete(void **state)
{
    (void)state;
    struct holding holding;
    begin_some_holding(&holding);
    struct buffer record = record_of(&holding);
    assert_int_equal(record.data[0], 2);
    assert_true(load_u64_le(record.data + 1) == holding.actor);
    assert_true(load_u64_le(record.data + 9) == 42);
    assert_int_equal(record.data[17], 1);
    buffer_deinit(&record);
    holding.refilling = false;
    record = record_of(&holding);
    assert_int_equal(record.data[17], 0);
    buffer_deinit(&record);
    holding_deinit(&holding);
}

static void a_record_gives_back_the_holding_and_what_it_had_seen(void **state)
{
    (void)state;
    struct holding holding;
    begin_some_holding(&holding);
    struct holding_record after = {0};
    struct buffer record = record_of(&holding);
    assert_int_equal(holding_decode(buffer_bytes(&record), &after), 0);
    assert_true(after.refilling);
    assert_true(after.actor == holding.actor && after.counter == 42);
    assert_true(partition_clock_equal(&after.clock, &holding.clock));
    partition_clock_deinit(&after.clock);
    buffer_deinit(&record);
    holding_deinit(&holding);
}

static void a_record_without_a_clock_has_seen_nothing(void **state)
{
    (void)state;
    struct holding holding;
    begin_some_holding(&holding);
    struct holding_record after = {0};
    struct buffer record;
    buffer_init(&record, 0);
    assert_int_equal(holding_encode(&holding, NULL, &record), 0);
    partition_clock_add(&after.clock, (struct dot){.actor = 1, .counter = 1});
    assert_int_equal(holding_decode(buffer_bytes(&record), &after), 0);
    assert_true(after.actor == holding.actor && after.clock.count == 0);
    partition_clock_deinit(&after.clock);
    buffer_deinit(&record);
    holding_deinit(&holding);
}

static void a_record_of_the_first_format_is_read(void **state)
{
    (void)state;
    uint8_t record[HOLDING_RECORD_BYTES] = {1};
    struct holding_record after = {0};
    store_u64_le(record + 1, 17);
    store_u64_le(record + 9, 42);
    record[17] = 1;
    for (size_t len = 0; len <= sizeof(record); len++) {
        int result = holding_decode(bytes_make(record, len), &after);
        assert_int_equal(result, len == sizeof(record) ? 0 : SHOAL_EPROTO);
    }
    assert_true(after.refilling && after.actor == 17 && after.counter == 42);
    assert_true(after.clock.count == 0);
}

static void a_record_that_makes_no_sense_is_refused(void **state)
{
    (void)state;
    struct holding good;
    begin_some_holding(&good);
    struct holding_record out = {0};
    struct buffer record = record_of(&good);
    for (size_t len = 0; len < record.len; len++) {
        assert_int_equal(holding_decode(bytes_make(record.data, len), &out), SHOAL_EPROTO);
    }
    struct bytes whole = buffer_bytes(&record);
    record.data[0] = 3;
    assert_int_equal(holding_decode(whole, &out), SHOAL_EVERSION);
    record.data[0] = 2;
    record.data[17] = 2; /* an unknown flag */
    assert_int_equal(holding_decode(whole, &out), SHOAL_EPROTO);
    record.data[17] = 0;
    store_u64_le(record.data + 1, 0); /* no actor */
    assert_int_equal(holding_decode(whole, &out), SHOAL_EPROTO);
    store_u64_le(record.data + 1, 17);
    store_u64_le(record.data + 9, UINT64_MAX); /* no dot could follow */
    assert_int_equal(holding_decode(whole, &out), SHOAL_EPROTO);
    assert_true(out.actor == 0 && out.clock.count == 0);
    store_u64_le(record.data + 9, 42);
    assert_int_equal(holding_decode(whole, &out), 0);
    partition_clock_deinit(&out.clock);
    buffer_deinit(&record);
    holding_deinit(&good);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dots_are_counted_from_one_and_never_again),
        cmocka_unit_test(a_holding_begun_anew_has_another_actor),
        cmocka_unit_test(the_record_says_who_how_far_and_whether_complete),
        cmocka_unit_test(a_record_gives_back_the_holding_and_what_it_had_seen),
        cmocka_unit_test(a_record_without_a_clock_has_seen_nothing),
        cmocka_unit_test(a_record_of_the_first_format_is_read),
        cmocka_unit_test(a_record_that_makes_no_sense_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
