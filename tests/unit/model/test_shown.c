/* What an object shows, and the writes that depend on it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"
#include "model/shown.h"
#include "shoal/error.h"

enum { A = 1, B = 2, C = 3 };

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

/* The object with the write in the place of all it held. */
static struct object written(const struct object *before, struct sibling sibling, struct dot dot,
                             uint64_t hlc)
{
    struct object out;
    sibling.dot = dot;
    sibling.hlc = sibling.hlc == 0 ? hlc : sibling.hlc;
    assert_int_equal(object_write(&arena, before, before->context, &sibling, &out), 0);
    return out;
}

static struct object put(const struct object *before, const char *value, struct dot dot,
                         uint64_t hlc, uint64_t expiry_ms)
{
    struct sibling sibling = {.value = bytes_from_string(value), .expiry_ms = expiry_ms};
    return written(before, sibling, dot, hlc);
}

static struct object deleted(const struct object *before, struct dot dot, uint64_t hlc)
{
    return written(before, (struct sibling){.kind = SIBLING_TOMBSTONE}, dot, hlc);
}

static struct object add(const struct object *before, struct dot dot, uint64_t hlc, int64_t delta,
                         int64_t *total)
{
    struct sibling sibling;
    assert_int_equal(object_add(&arena, before, 0, dot, delta, &sibling, total), 0);
    return written(before, sibling, dot, hlc);
}

static struct object merged(const struct object *a, const struct object *b)
{
    struct object out;
    assert_int_equal(object_merge(&arena, a, b, &out), 0);
    return out;
}

static uint32_t show(const struct object *object, uint64_t now_ms, const struct shown **out)
{
    uint32_t count;
    assert_int_equal(object_show(&arena, object, now_ms, out, &count), 0);
    return count;
}

static void assert_shows(const struct object *object, const char *value, uint64_t hlc)
{
    const struct shown *shown;
    assert_true(show(object, 0, &shown) >= 1);
    assert_true(bytes_equal(shown[0].value, bytes_from_string(value)));
    assert_int_equal(shown[0].hlc, hlc);
}

static void additions_to_nothing_begin_at_zero(void **state)
{
    (void)state;
    struct object empty = object_empty();
    int64_t total;
    struct object one = add(&empty, (struct dot){A, 1}, 10, 5, &total);
    assert_int_equal(total, 5);
    struct object two = add(&one, (struct dot){B, 1}, 11, -7, &total);
    assert_int_equal(total, -2);
    assert_shows(&two, "-2", 11);
    assert_int_equal(two.sibling_count, 1);
    assert_int_equal(two.siblings[0].kind, SIBLING_COUNTER);
}

static void a_number_is_gone_on_from_and_keeps_its_expiry(void **state)
{
    (void)state;
    struct object empty = object_empty();
    struct object value = put(&empty, "41", (struct dot){A, 1}, 10, 5000);
    int64_t total;
    struct object one = add(&value, (struct dot){A, 2}, 11, 1, &total);
    assert_int_equal(total, 42);
    assert_int_equal(one.siblings[0].expiry_ms, 5000);
}

static void what_is_no_number_is_refused(void **state)
{
    (void)state;
    struct object empty = object_empty();
    struct object value = put(&empty, "4 1", (struct dot){A, 1}, 10, 0);
    struct sibling sibling;
    int64_t total;
    struct dot dot = {A, 2};
    assert_int_equal(object_add(&arena, &value, 0, dot, 1, &sibling, &total), SHOAL_EINVAL);
}

static void additions_made_apart_are_one_value(void **state)
{
    (void)state;
    struct object empty = object_empty();
    struct object value = put(&empty, "10", (struct dot){A, 1}, 10, 0);
    int64_t total;
    struct object a = add(&value, (struct dot){A, 2}, 11, 1, &total);
    struct object b = add(&value, (struct dot){B, 1}, 12, 2, &total);
    struct object both = merged(&a, &b);
    const struct shown *shown;
    assert_int_equal(both.sibling_count, 2);
    assert_int_equal(show(&both, 0, &shown), 1);
    assert_true(shown[0].counter);
    assert_shows(&both, "13", 12);
    struct object more = add(&both, (struct dot){A, 3}, 13, 1, &total);
    assert_int_equal(total, 14);
    assert_int_equal(more.sibling_count, 1);
}

static void counters_of_different_writes_are_different_values(void **state)
{
    (void)state;
    struct object empty = object_empty();
    struct object value_a = put(&empty, "10", (struct dot){A, 1}, 10, 0);
    struct object value_b = put(&empty, "10", (struct dot){B, 1}, 10, 0);
    int64_t total;
    struct object a = add(&value_a, (struct dot){A, 2}, 12, 1, &total);
    struct object b = add(&value_b, (struct dot){B, 2}, 11, 2, &total);
    struct object both = merged(&a, &b);
    const struct shown *shown;
    assert_int_equal(show(&both, 0, &shown), 2);
    assert_shows(&both, "11", 12);
}

static void after_a_deletion_it_begins_anew_and_both_sides_alike(void **state)
{
    (void)state;
    struct object empty = object_empty();
    int64_t total;
    struct object old = add(&empty, (struct dot){A, 1}, 10, 100, &total);
    struct object gone = deleted(&old, (struct dot){A, 2}, 11);
    struct object a = add(&gone, (struct dot){A, 3}, 12, 1, &total);
    struct object b = add(&gone, (struct dot){B, 1}, 12, 2, &total);
    struct object both = merged(&a, &b);
    assert_shows(&both, "3", 12);
    struct object late = merged(&both, &old); /* what was deleted adds nothing */
    assert_shows(&late, "3", 12);
}

/* One owner has dropped the tombstone, the other has it still. */
static void after_a_deletion_that_one_side_has_forgotten_they_are_one_number(void **state)
{
    int64_t total;
    struct object empty = object_empty();
    struct object tombstone = deleted(&empty, (struct dot){C, 1}, 10);
    struct object a = add(&empty, (struct dot){A, 1}, 20, 1, &total);
    struct object b = add(&tombstone, (struct dot){B, 1}, 21, 2, &total);
    struct object both;
    (void)state;
    assert_int_equal(object_merge(&arena, &a, &b, &both), 0);
    assert_shows(&both, "3", 21);
}

static void what_has_expired_is_not_gone_on_from(void **state)
{
    (void)state;
    struct object empty = object_empty();
    struct object value = put(&empty, "41", (struct dot){A, 1}, 10, 5000);
    struct sibling sibling;
    int64_t total;
    struct dot dot = {A, 2};
    assert_int_equal(object_add(&arena, &value, 5001, dot, 1, &sibling, &total), 0);
    assert_int_equal(total, 1);
    assert_int_equal(sibling.expiry_ms, 0);
}

static void expiry_is_told_and_set_without_touching_the_value(void **state)
{
    (void)state;
    struct object empty = object_empty();
    struct object value = put(&empty, "text", (struct dot){A, 1}, 10, 5000);
    struct sibling sibling;
    uint64_t had_ms;
    struct dot dot = {B, 1};
    assert_int_equal(object_set_expiry(&arena, &value, 0, dot, 7000, &sibling, &had_ms), 0);
    assert_int_equal(had_ms, 5000);
    struct object changed = written(&value, sibling, dot, 99);
    assert_shows(&changed, "text", 10); /* the time of its write */
    assert_int_equal(changed.siblings[0].kind, SIBLING_VALUE);
    assert_int_equal(changed.siblings[0].expiry_ms, 7000);
    assert_int_equal(object_set_expiry(&arena, &changed, 7001, dot, 0, &sibling, &had_ms),
                     SHOAL_ENOTFOUND);
    assert_int_equal(object_set_expiry(&arena, &empty, 0, dot, 0, &sibling, &had_ms),
                     SHOAL_ENOTFOUND);
}

static void additions_beside_a_change_of_expiry_are_not_lost(void **state)
{
    (void)state;
    struct object empty = object_empty();
    struct object value = put(&empty, "10", (struct dot){C, 1}, 10, 0);
    struct sibling sibling;
    uint64_t had_ms;
    int64_t total;
    struct dot dot = {A, 1};
    assert_int_equal(object_set_expiry(&arena, &value, 0, dot, 7000, &sibling, &had_ms), 0);
    struct object a = written(&value, sibling, dot, 11);
    struct object b = add(&value, (struct dot){B, 1}, 12, 2, &total);
    a = add(&a, (struct dot){A, 2}, 13, 5, &total);
    struct object both = merged(&a, &b);
    assert_shows(&both, "17", 13);
}

static void counting_and_expiring_in_turn_needs_one_shard(void **state)
{
    (void)state;
    struct object object = object_empty();
    for (uint64_t i = 0; i < 20; i++) {
        struct sibling sibling;
        uint64_t had_ms;
        int64_t total;
        struct dot dot = {A, 2 * i + 2};
        object = add(&object, (struct dot){A, 2 * i + 1}, 2 * i + 1, 1, &total);
        assert_int_equal(object_set_expiry(&arena, &object, 0, dot, 1000 + i, &sibling, &had_ms),
                         0);
        object = written(&object, sibling, dot, 2 * i + 2);
    }
    const struct shown *shown;
    assert_int_equal(show(&object, 0, &shown), 1);
    assert_int_equal(shown[0].parts.shard_count, 1);
    assert_int_equal(counter_total(&shown[0].parts), 20);
}

static void a_counter_that_cant_be_read_is_an_error(void **state)
{
    (void)state;
    struct object empty = object_empty();
    struct sibling sibling = {.kind = SIBLING_COUNTER, .value = bytes_from_string("\x01 no")};
    struct object object = written(&empty, sibling, (struct dot){A, 1}, 10);
    const struct shown *shown;
    uint32_t count;
    assert_int_equal(object_show(&arena, &object, 0, &shown, &count), SHOAL_EPROTO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(additions_to_nothing_begin_at_zero),
        cmocka_unit_test(a_number_is_gone_on_from_and_keeps_its_expiry),
        cmocka_unit_test(what_is_no_number_is_refused),
        cmocka_unit_test(additions_made_apart_are_one_value),
        cmocka_unit_test(counters_of_different_writes_are_different_values),
        cmocka_unit_test(after_a_deletion_it_begins_anew_and_both_sides_alike),
        cmocka_unit_test(after_a_deletion_that_one_side_has_forgotten_they_are_one_number),
        cmocka_unit_test(what_has_expired_is_not_gone_on_from),
        cmocka_unit_test(expiry_is_told_and_set_without_touching_the_value),
        cmocka_unit_test(additions_beside_a_change_of_expiry_are_not_lost),
        cmocka_unit_test(counting_and_expiring_in_turn_needs_one_shard),
        cmocka_unit_test(a_counter_that_cant_be_read_is_an_error),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
