/* The table from ids to pointers; random operations against a model are in tests/property. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/table.h"
#include "shoal/error.h"

static int stop_failing(void **state)
{
    (void)state;
    mem_fail_never();
    return 0;
}

static void what_is_put_is_found_until_removed(void **state)
{
    (void)state;
    struct table table;
    int a;
    int b;
    table_init(&table);
    assert_null(table_get(&table, 0));
    assert_null(table_remove(&table, 0));
    assert_int_equal(table_put(&table, 0, &a), 0);
    assert_int_equal(table_put(&table, UINT64_MAX, &b), 0);
    assert_ptr_equal(table_get(&table, 0), &a);
    assert_ptr_equal(table_get(&table, UINT64_MAX), &b);
    assert_int_equal(table.count, 2);
    assert_ptr_equal(table_remove(&table, 0), &a);
    assert_null(table_get(&table, 0));
    assert_null(table_remove(&table, 0));
    assert_int_equal(table.count, 1);
    table_deinit(&table);
}

static void a_second_put_replaces(void **state)
{
    (void)state;
    struct table table;
    int a;
    int b;
    table_init(&table);
    assert_int_equal(table_put(&table, 7, &a), 0);
    assert_int_equal(table_put(&table, 7, &b), 0);
    assert_ptr_equal(table_get(&table, 7), &b);
    assert_int_equal(table.count, 1);
    table_deinit(&table);
}

static void a_walk_meets_every_entry_once(void **state)
{
    (void)state;
    struct table table;
    static int values[1000];
    static bool met[1000];
    table_init(&table);
    for (uint64_t i = 0; i < 1000; i++) {
        assert_int_equal(table_put(&table, i << 40, &values[i]), 0);
    }
    size_t cursor = 0;
    uint64_t key;
    void *value;
    size_t count = 0;
    while (table_next(&table, &cursor, &key, &value)) {
        uint64_t i = key >> 40;
        assert_true(i < 1000);
        assert_ptr_equal(value, &values[i]);
        assert_false(met[i]);
        met[i] = true;
        count++;
    }
    assert_int_equal(count, 1000);
    table_deinit(&table);
}

static void an_empty_table_has_no_memory_and_no_entries(void **state)
{
    (void)state;
    struct table table;
    table_init(&table);
    size_t cursor = 0;
    uint64_t key;
    void *value;
    assert_false(table_next(&table, &cursor, &key, &value));
    assert_null(table.slots);
    table_deinit(&table);
}

static void coming_and_going_does_not_make_it_grow(void **state)
{
    (void)state;
    struct table table;
    int value;
    table_init(&table);
    for (uint64_t i = 0; i < 100000; i++) {
        assert_int_equal(table_put(&table, i, &value), 0);
        if (i >= 10) {
            assert_ptr_equal(table_remove(&table, i - 10), &value);
        }
    }
    assert_true(table.capacity <= 32);
    table_deinit(&table);
}

static void out_of_memory_leaves_all_entries(void **state)
{
    (void)state;
    struct table table;
    static int values[1000];
    table_init(&table);
    mem_fail_from(1);
    assert_int_equal(table_put(&table, 1, &values[1]), SHOAL_ENOMEM);
    mem_fail_from(2);
    uint64_t fits = 0;
    while (table_put(&table, fits, &values[fits]) == 0) {
        fits++;
    }
    assert_true(fits >= 10 && fits < 20);
    for (uint64_t i = 0; i < fits; i++) {
        assert_ptr_equal(table_get(&table, i), &values[i]);
    }
    /* Replacing needs no memory. */
    assert_int_equal(table_put(&table, 0, &values[999]), 0);
    mem_fail_never();
    assert_int_equal(table_put(&table, fits, &values[fits]), 0);
    assert_int_equal(table.count, fits + 1);
    table_deinit(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_put_is_found_until_removed),
        cmocka_unit_test(a_second_put_replaces),
        cmocka_unit_test(a_walk_meets_every_entry_once),
        cmocka_unit_test(an_empty_table_has_no_memory_and_no_entries),
        cmocka_unit_test(coming_and_going_does_not_make_it_grow),
        cmocka_unit_test_teardown(out_of_memory_leaves_all_entries, stop_failing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
