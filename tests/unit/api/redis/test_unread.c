#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/redis/unread.h"

#define BEGIN_US UINT64_C(5)
#define LATER_US (BEGIN_US + REDIS_UNREAD_US_MAX)

/* Seen twice: at the beginning and later. */
static struct redis_unread seen(size_t bytes_before, uint64_t taken_before, size_t bytes,
                                uint64_t taken)
{
    struct redis_unread unread = {0};
    redis_unread_note(&unread, bytes_before, taken_before, BEGIN_US);
    redis_unread_note(&unread, bytes, taken, LATER_US);
    return unread;
}

static void who_has_read_nothing_for_long_goes(void **state)
{
    (void)state;
    struct redis_unread stuck = seen(100, 7, 100, 7);
    assert_true(redis_unread_goes_before(&stuck, NULL, LATER_US));
    assert_false(redis_unread_goes_before(&stuck, NULL, LATER_US - 1));
    struct redis_unread stuck_with_more = seen(100, 7, 200, 7);
    assert_true(redis_unread_goes_before(&stuck_with_more, NULL, LATER_US));
}

static void who_reads_stays_however_much_waits(void **state)
{
    (void)state;
    struct redis_unread slow = seen(100, 7, 1000000, 8);
    assert_false(redis_unread_goes_before(&slow, NULL, LATER_US));
}

static void who_has_nothing_to_read_stays(void **state)
{
    (void)state;
    struct redis_unread idle = seen(0, 7, 0, 7);
    assert_false(redis_unread_goes_before(&idle, NULL, LATER_US));
    /* Its time begins when something waits. */
    redis_unread_note(&idle, 100, 7, LATER_US + 1);
    assert_false(redis_unread_goes_before(&idle, NULL, LATER_US + 1));
    assert_true(redis_unread_goes_before(&idle, NULL, LATER_US + REDIS_UNREAD_US_MAX));
}

static void nobody_goes_who_was_never_looked_at(void **state)
{
    (void)state;
    struct redis_unread unseen = {0};
    assert_false(redis_unread_goes_before(&unseen, NULL, LATER_US * 2));
}

static void the_one_with_the_most_goes_first_then_the_one_stuck_longest(void **state)
{
    (void)state;
    struct redis_unread large = seen(200, 7, 200, 7);
    struct redis_unread small = seen(100, 7, 100, 7);
    struct redis_unread longer = large;
    longer.since_us--;
    assert_true(redis_unread_goes_before(&large, &small, LATER_US));
    assert_false(redis_unread_goes_before(&small, &large, LATER_US));
    assert_true(redis_unread_goes_before(&longer, &large, LATER_US));
    assert_false(redis_unread_goes_before(&large, &longer, LATER_US));
    assert_false(redis_unread_goes_before(&large, &large, LATER_US));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_has_read_nothing_for_long_goes),
        cmocka_unit_test(who_reads_stays_however_much_waits),
        cmocka_unit_test(who_has_nothing_to_read_stays),
        cmocka_unit_test(nobody_goes_who_was_never_looked_at),
        cmocka_unit_test(the_one_with_the_most_goes_first_then_the_one_stuck_longest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
