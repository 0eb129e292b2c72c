/* Which sibling is shown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model/object.h"

static struct sibling make(uint64_t actor, uint64_t hlc, uint8_t kind, uint64_t expiry_ms)
{
    return (struct sibling){.dot = {actor, 1}, .hlc = hlc, .kind = kind, .expiry_ms = expiry_ms};
}

static struct object holding(const struct sibling *siblings, uint32_t count)
{
    return (struct object){.siblings = siblings, .sibling_count = count};
}

static void the_later_write_wins(void **state)
{
    (void)state;
    struct sibling siblings[] = {make(1, 50, SIBLING_VALUE, 0), make(2, 70, SIBLING_VALUE, 0),
                                 make(3, 60, SIBLING_VALUE, 0)};
    struct object object = holding(siblings, 3);
    assert_ptr_equal(object_winner(&object, 0), &siblings[1]);
}

static void equal_times_are_decided_by_the_dot(void **state)
{
    (void)state;
    struct sibling siblings[] = {make(1, 50, SIBLING_VALUE, 0), make(2, 50, SIBLING_VALUE, 0)};
    struct object object = holding(siblings, 2);
    assert_ptr_equal(object_winner(&object, 0), &siblings[1]);
}

static void a_write_concurrent_with_a_delete_is_not_hidden_by_it(void **state)
{
    (void)state;
    struct sibling siblings[] = {make(1, 50, SIBLING_VALUE, 0), make(2, 90, SIBLING_TOMBSTONE, 0)};
    struct object object = holding(siblings, 2);
    assert_ptr_equal(object_winner(&object, 0), &siblings[0]);
}

static void nothing_wins_where_nothing_lives(void **state)
{
    (void)state;
    struct sibling tombstone = make(1, 50, SIBLING_TOMBSTONE, 0);
    struct object deleted = holding(&tombstone, 1);
    struct object empty = object_empty();
    const struct sibling *live[1];
    assert_null(object_winner(&deleted, 0));
    assert_null(object_winner(&empty, 0));
    assert_int_equal(object_live(&deleted, 0, live), 0);
    assert_int_equal(object_live(&empty, 0, live), 0);
}

static void expiry_hides_only_after_its_time(void **state)
{
    (void)state;
    struct sibling siblings[] = {make(1, 50, SIBLING_VALUE, 0), make(2, 70, SIBLING_VALUE, 1000)};
    struct object object = holding(siblings, 2);
    assert_ptr_equal(object_winner(&object, 1000), &siblings[1]);
    assert_ptr_equal(object_winner(&object, 1001), &siblings[0]);
    assert_ptr_equal(object_winner(&object, 0), &siblings[1]); /* 0 ignores expiry */
    struct object alone = holding(&siblings[1], 1);
    assert_null(object_winner(&alone, 1001));
}

static void the_live_siblings_come_winner_first(void **state)
{
    (void)state;
    struct sibling siblings[] = {
        make(1, 50, SIBLING_VALUE, 0),     make(2, 70, SIBLING_VALUE, 1000),
        make(3, 60, SIBLING_COUNTER, 0),   make(4, 99, SIBLING_TOMBSTONE, 0),
        make(5, 60, SIBLING_VALUE, 90000),
    };
    struct object object = holding(siblings, 5);
    const struct sibling *live[5];
    assert_int_equal(object_live(&object, 0, live), 4);
    assert_ptr_equal(live[0], &siblings[1]);
    assert_ptr_equal(live[1], &siblings[4]);
    assert_ptr_equal(live[2], &siblings[2]);
    assert_ptr_equal(live[3], &siblings[0]);
    assert_ptr_equal(live[0], object_winner(&object, 0));
    assert_int_equal(object_live(&object, 2000, live), 3);
    assert_ptr_equal(live[0], &siblings[4]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_later_write_wins),
        cmocka_unit_test(equal_times_are_decided_by_the_dot),
        cmocka_unit_test(a_write_concurrent_with_a_delete_is_not_hidden_by_it),
        cmocka_unit_test(nothing_wins_where_nothing_lives),
        cmocka_unit_test(expiry_hides_only_after_its_time),
        cmocka_unit_test(the_live_siblings_come_winner_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
