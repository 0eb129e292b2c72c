/* What the readers of a worker want, each filter once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node/feed_filter.h"

static struct queue filters;

static struct feed_filter *join(const char *prefix, uint32_t ops)
{
    struct feed_filter *filter;
    assert_int_equal(feed_filter_join(&filters, bytes_from_string(prefix), ops, &filter), 0);
    return filter;
}

static bool want(uint32_t op, const char *key)
{
    struct feed_event event = {.op = op, .key = bytes_from_string(key)};
    return feed_filters_want(&filters, &event);
}

static int setup(void **state)
{
    (void)state;
    queue_init(&filters);
    return 0;
}

static void without_readers_nothing_is_wanted(void **state)
{
    (void)state;
    assert_false(want(FEED_PUT, "a"));
    assert_false(want(FEED_GAP, ""));
}

static void what_one_wants_is_wanted_until_the_last_of_them_leaves(void **state)
{
    (void)state;
    struct feed_filter *first = join("user:", 0);
    struct feed_filter *second = join("user:", FEED_CHANGES);
    struct feed_filter *deletes = join("", 1u << FEED_DELETE);
    assert_ptr_equal(first, second);
    assert_ptr_not_equal(first, deletes);
    assert_true(want(FEED_PUT, "user:7"));
    assert_false(want(FEED_PUT, "users"));
    assert_false(want(FEED_READ, "user:7"));
    assert_true(want(FEED_DELETE, "other"));
    feed_filter_leave(first);
    assert_true(want(FEED_PUT, "user:7"));
    feed_filter_leave(second);
    assert_false(want(FEED_PUT, "user:7"));
    feed_filter_leave(deletes);
    assert_true(queue_empty(&filters));
}

static void what_every_reader_is_told_is_wanted_whatever_they_filter(void **state)
{
    (void)state;
    struct feed_filter *filter = join("user:", 1u << FEED_READ);
    assert_true(want(FEED_GAP, ""));
    assert_true(want(FEED_BACK, ""));
    assert_true(want(FEED_FLUSH, ""));
    feed_filter_leave(filter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(without_readers_nothing_is_wanted, setup),
        cmocka_unit_test_setup(what_one_wants_is_wanted_until_the_last_of_them_leaves, setup),
        cmocka_unit_test_setup(what_every_reader_is_told_is_wanted_whatever_they_filter, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
