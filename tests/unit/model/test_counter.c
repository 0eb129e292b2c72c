/* Counters: adding, joining, their bytes, and numbers as text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"
#include "model/counter.h"
#include "shoal/error.h"

static struct arena arena;

static int setup(void **state)
{
    (void)state;
    arena_init(&arena, LIMIT_ARENA_KEEP_BYTES);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_deinit(&arena);
    return 0;
}

static struct counter added(const struct counter *counter, uint64_t actor, uint64_t number,
                            uint64_t before, int64_t delta)
{
    struct counter out;
    int64_t total;
    struct dot dot = {actor, number};
    assert_int_equal(counter_add(&arena, counter, dot, before, delta, &out, &total), 0);
    assert_int_equal(total, counter_total(&out));
    return out;
}

static struct counter joined(const struct counter *a, const struct counter *b)
{
    struct counter out;
    assert_int_equal(counter_join(&arena, a, b, &out), 0);
    return out;
}

static void an_actor_goes_on_with_its_shard(void **state)
{
    (void)state;
    struct counter empty = {.epoch = {9, 9}, .base = 10};
    struct counter one = added(&empty, 1, 5, 0, 3);
    struct counter two = added(&one, 1, 7, 5, -1);
    assert_int_equal(two.shard_count, 1);
    assert_int_equal(two.shards[0].start.counter, 5);
    assert_int_equal(two.shards[0].last, 7);
    assert_int_equal(counter_total(&two), 12);
    assert_int_equal(counter_total(&one), 13); /* inputs stay */
}

static void an_actor_that_has_given_a_later_dot_begins_another(void **state)
{
    (void)state;
    struct counter empty = {0};
    struct counter one = added(&empty, 1, 5, 0, 3);
    struct counter two = added(&one, 1, 9, 8, 4);
    assert_int_equal(two.shard_count, 2);
    assert_int_equal(counter_total(&two), 7);
    /* A copy of the first shard with more in it, met later, takes nothing from the second. */
    struct counter more = added(&one, 1, 6, 5, 10);
    struct counter all = joined(&two, &more);
    assert_int_equal(counter_total(&all), 17);
}

static void additions_made_apart_are_all_kept(void **state)
{
    (void)state;
    struct counter empty = {.epoch = {9, 9}, .base = 100};
    struct counter a = added(&empty, 2, 1, 0, 5);
    struct counter b = added(&empty, 1, 1, 0, -7);
    struct counter both = joined(&a, &b);
    assert_int_equal(counter_total(&both), 98);
    struct counter on = added(&both, 2, 2, 1, 1);
    struct counter again = joined(&on, &b);
    assert_int_equal(counter_total(&again), 99);
    assert_int_equal(again.shard_count, 2);
    assert_int_equal(again.shards[0].start.actor, 1);
}

static void a_later_copy_counts_though_its_sum_is_smaller(void **state)
{
    (void)state;
    struct counter empty = {0};
    struct counter one = added(&empty, 1, 1, 0, 5);
    struct counter two = added(&one, 1, 2, 1, -9);
    struct counter both = joined(&one, &two);
    assert_int_equal(counter_total(&both), -4);
}

static void another_dot_without_an_addition_keeps_the_shard_open(void **state)
{
    (void)state;
    struct counter empty = {0};
    struct counter one = added(&empty, 1, 1, 0, 5);
    struct counter kept;
    assert_int_equal(counter_keep(&arena, &one, (struct dot){1, 2}, 1, &kept), 0);
    struct counter two = added(&kept, 1, 3, 2, 5);
    assert_int_equal(two.shard_count, 1);
    assert_int_equal(counter_keep(&arena, &one, (struct dot){2, 2}, 1, &kept), 0);
    assert_int_equal(kept.shards[0].last, 1); /* another's stays as it is */
}

static void leaving_the_range_is_refused(void **state)
{
    (void)state;
    struct counter out;
    int64_t total = 77;
    struct counter high = {.epoch = {1, 1}, .base = INT64_MAX};
    struct counter low = {.epoch = {1, 1}, .base = INT64_MIN};
    struct dot dot = {2, 1};
    assert_int_equal(counter_add(&arena, &high, dot, 0, 1, &out, &total), SHOAL_ETOOBIG);
    assert_int_equal(counter_add(&arena, &low, dot, 0, -1, &out, &total), SHOAL_ETOOBIG);
    assert_int_equal(total, 77);
    assert_int_equal(counter_add(&arena, &low, dot, 0, INT64_MAX, &out, &total), 0);
    assert_int_equal(total, -1);
    /* A shard that would overflow, though the total doesn't, is followed by another. */
    struct counter more;
    assert_int_equal(counter_add(&arena, &out, (struct dot){2, 2}, 1, INT64_MAX, &more, &total), 0);
    assert_int_equal(total, INT64_MAX - 1);
    assert_int_equal(more.shard_count, 2);
}

static void what_was_added_apart_may_leave_the_range_and_shows_its_end(void **state)
{
    (void)state;
    struct counter high = {.epoch = {1, 1}, .base = INT64_MAX - 1};
    struct counter a = added(&high, 2, 1, 0, 1);
    struct counter b = added(&high, 3, 1, 0, 1);
    struct counter both = joined(&a, &b);
    assert_int_equal(counter_total(&both), INT64_MAX);
    struct counter less = added(&both, 2, 2, 1, -2);
    assert_int_equal(counter_total(&less), INT64_MAX - 1);
}

static void shards_are_bounded(void **state)
{
    (void)state;
    struct counter counter = {0};
    for (uint64_t i = 1; i <= LIMIT_COUNTER_SHARDS; i++) {
        counter = added(&counter, i, 1, 0, 1);
    }
    struct counter out;
    int64_t total;
    struct dot new_dot = {LIMIT_COUNTER_SHARDS + 1, 1};
    struct counter other = {0};
    assert_int_equal(counter_add(&arena, &counter, new_dot, 0, 1, &out, &total), SHOAL_EOVERLOAD);
    assert_int_equal(counter_add(&arena, &counter, (struct dot){1, 2}, 1, 1, &out, &total), 0);
    other = added(&other, new_dot.actor, 1, 0, 1);
    assert_int_equal(counter_join(&arena, &counter, &other, &out), SHOAL_EOVERLOAD);
}

static void a_shard_from_the_future_is_refused(void **state)
{
    (void)state;
    struct counter empty = {0};
    struct counter out;
    int64_t total;
    struct counter made_up = added(&empty, 1, 9, 0, 1);
    assert_int_equal(counter_add(&arena, &made_up, (struct dot){1, 9}, 3, 1, &out, &total),
                     SHOAL_EPROTO);
}

/* ---- bytes ---- */

static struct counter some_counter(void)
{
    static const struct counter_shard shards[] = {
        {.start = {3, 300}, .last = 301, .sum = -5},
        {.start = {3, 400}, .last = 400, .sum = 7},
        {.start = {4, 1}, .last = 90000, .sum = INT64_MIN},
    };
    return (struct counter){.epoch = {1, 2}, .base = -1, .shards = shards, .shard_count = 3};
}

static void bytes_come_back_as_they_were(void **state)
{
    (void)state;
    struct counter counter = some_counter();
    struct bytes bytes = counter_encode(&arena, &counter);
    struct counter back;
    assert_int_equal(counter_decode(&arena, bytes, &back), 0);
    assert_true(counter_same(&counter, &back));
    assert_int_equal(back.shard_count, counter.shard_count);
    for (uint32_t i = 0; i < counter.shard_count; i++) {
        assert_true(dot_equal(back.shards[i].start, counter.shards[i].start));
        assert_int_equal(back.shards[i].last, counter.shards[i].last);
        assert_int_equal(back.shards[i].sum, counter.shards[i].sum);
    }
    assert_true(bytes_equal(bytes, counter_encode(&arena, &back)));
}

static void what_is_cut_off_or_goes_on_is_refused(void **state)
{
    (void)state;
    struct counter counter = some_counter();
    struct bytes bytes = counter_encode(&arena, &counter);
    struct counter back;
    for (size_t len = 0; len < bytes.len; len++) {
        assert_int_equal(counter_decode(&arena, bytes_make(bytes.data, len), &back), SHOAL_EPROTO);
    }
    uint8_t *longer = arena_alloc(&arena, bytes.len + 1);
    memcpy(longer, bytes.data, bytes.len);
    longer[bytes.len] = 0;
    assert_int_equal(counter_decode(&arena, bytes_make(longer, bytes.len + 1), &back),
                     SHOAL_EPROTO);
}

static void assert_refused(struct counter counter, int code)
{
    struct counter back;
    struct bytes bytes = counter_encode(&arena, &counter);
    assert_int_equal(counter_decode(&arena, bytes, &back), code);
}

static void what_is_not_canonical_is_refused(void **state)
{
    (void)state;
    struct counter_shard shards[2];
    struct counter counter = some_counter();
    counter.shards = shards;
    counter.shard_count = 2;
    shards[0] = (struct counter_shard){.start = {4, 1}, .last = 1};
    shards[1] = (struct counter_shard){.start = {3, 1}, .last = 1};
    assert_refused(counter, SHOAL_EPROTO); /* not sorted */
    shards[1] = shards[0];
    assert_refused(counter, SHOAL_EPROTO); /* twice */
    shards[0].start.actor = 0;
    assert_refused(counter, SHOAL_EPROTO);
    shards[0] = (struct counter_shard){.start = {1, 5}, .last = 4}; /* wraps around */
    assert_refused(counter, SHOAL_EPROTO);
    counter.shard_count = 0;
    counter.epoch = (struct dot){0};
    assert_refused(counter, SHOAL_EPROTO); /* a base from nowhere */
    counter.epoch.counter = 1;
    assert_refused(counter, SHOAL_EPROTO);
    uint8_t other_format[] = {2, 0, 0};
    assert_int_equal(counter_decode(&arena, bytes_make(other_format, 3), &counter), SHOAL_EVERSION);
}

static void a_claim_of_many_shards_takes_no_memory(void **state)
{
    (void)state;
    struct counter counter = {0};
    struct bytes bytes = counter_encode(&arena, &counter);
    uint8_t claim[64];
    memcpy(claim, bytes.data, bytes.len);
    claim[bytes.len - 1] = 0x7f;
    size_t held = arena.held;
    assert_int_equal(counter_decode(&arena, bytes_make(claim, bytes.len), &counter), SHOAL_EPROTO);
    assert_int_equal(arena.held, held);
}

/* ---- numbers ---- */

static void numbers_are_printed_and_parsed(void **state)
{
    (void)state;
    static const struct {
        int64_t number;
        const char *text;
    } cases[] = {{0, "0"},
                 {7, "7"},
                 {-7, "-7"},
                 {10, "10"},
                 {-1000, "-1000"},
                 {INT64_MAX, "9223372036854775807"},
                 {INT64_MIN, "-9223372036854775808"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char digits[NUMBER_DIGITS_MAX];
        uint32_t len = number_print(cases[i].number, digits);
        struct bytes text = bytes_from_string(cases[i].text);
        assert_true(bytes_equal(bytes_make(digits, len), text));
        int64_t back = 1;
        assert_true(number_parse(text, &back));
        assert_true(back == cases[i].number);
    }
}

static void what_is_no_number_in_its_shortest_form_is_none(void **state)
{
    (void)state;
    static const char *const texts[] = {"",
                                        "-",
                                        "+1",
                                        " 1",
                                        "1 ",
                                        "01",
                                        "-0",
                                        "-01",
                                        "00",
                                        "1.0",
                                        "1e3",
                                        "0x1",
                                        "abc",
                                        "9223372036854775808",
                                        "-9223372036854775809",
                                        "18446744073709551616",
                                        "99999999999999999999",
                                        "100000000000000000000"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        int64_t number = 5;
        assert_false(number_parse(bytes_from_string(texts[i]), &number));
        assert_int_equal(number, 5);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_actor_goes_on_with_its_shard),
        cmocka_unit_test(an_actor_that_has_given_a_later_dot_begins_another),
        cmocka_unit_test(additions_made_apart_are_all_kept),
        cmocka_unit_test(a_later_copy_counts_though_its_sum_is_smaller),
        cmocka_unit_test(another_dot_without_an_addition_keeps_the_shard_open),
        cmocka_unit_test(leaving_the_range_is_refused),
        cmocka_unit_test(what_was_added_apart_may_leave_the_range_and_shows_its_end),
        cmocka_unit_test(shards_are_bounded),
        cmocka_unit_test(a_shard_from_the_future_is_refused),
        cmocka_unit_test(bytes_come_back_as_they_were),
        cmocka_unit_test(what_is_cut_off_or_goes_on_is_refused),
        cmocka_unit_test(what_is_not_canonical_is_refused),
        cmocka_unit_test(a_claim_of_many_shards_takes_no_memory),
        cmocka_unit_test(numbers_are_printed_and_parsed),
        cmocka_unit_test(what_is_no_number_in_its_shortest_form_is_none),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
