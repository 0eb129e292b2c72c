/* The index of a partition against a naive set, two of them sharing one heap of leaves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/random.h"
#include "shoal/error.h"
#include "storage/position_index.h"

#define ENTRIES_MAX 20000u
#define BLOCK_BYTES 16u
#define INDEXES 2u

struct index_test {
    struct memory_budget budget;
    struct slab_pool pool;
    struct dense_heap leaves;
    struct position_index indexes[INDEXES];
    uint8_t blocks[ENTRIES_MAX][BLOCK_BYTES]; /* records whose key is their number */
    uint64_t positions[ENTRIES_MAX];
    bool present[ENTRIES_MAX]; /* entry n belongs to index n % INDEXES */
};

static void leaf_moved(void *self, void *from, void *to)
{
    (void)self;
    (void)from;
    index_directory_leaf_moved(to);
}

static int setup(void **state)
{
    struct index_test *test = calloc(1, sizeof(*test));
    if (test == NULL) {
        return 1;
    }
    slab_pool_init(&test->pool, &test->budget);
    dense_heap_init(&test->leaves, &test->pool, leaf_moved, NULL);
    for (uint32_t i = 0; i < INDEXES; i++) {
        position_index_init(&test->indexes[i], &test->leaves);
    }
    *state = test;
    return 0;
}

static int teardown(void **state)
{
    struct index_test *test = *state;
    mem_fail_never();
    for (uint32_t i = 0; i < INDEXES; i++) {
        position_index_clear(&test->indexes[i]);
        position_index_check(&test->indexes[i]);
    }
    assert_int_equal(dense_heap_check(&test->leaves), 0);
    dense_heap_deinit(&test->leaves);
    slab_pool_deinit(&test->pool);
    assert_int_equal(test->budget.held_bytes, 0);
    free(test);
    return 0;
}

static struct bytes key_of(const struct index_test *test, uint32_t number)
{
    return record_key(test->blocks[number]);
}

static void entry_make(struct index_test *test, uint32_t number, uint64_t position)
{
    uint8_t key[2] = {(uint8_t)(number >> 8), (uint8_t)number};
    const struct record record = {.position_high = (uint32_t)(position >> 32),
                                  .key = bytes_make(key, sizeof(key))};
    record_write(test->blocks[number], &record);
    test->positions[number] = position;
}

static struct position_index *index_of(struct index_test *test, uint32_t number)
{
    return &test->indexes[number % INDEXES];
}

static struct index_slot *find(struct index_test *test, uint32_t number)
{
    return position_index_find(index_of(test, number), test->positions[number],
                               key_of(test, number));
}

static void add(struct index_test *test, uint32_t number)
{
    int code = position_index_reserve(index_of(test, number), test->positions[number]);
    if (code != 0) {
        assert_int_equal(code, SHOAL_ENOMEM);
        return;
    }
    position_index_add(index_of(test, number), test->positions[number], test->blocks[number]);
    test->present[number] = true;
}

static void flip(struct index_test *test, uint32_t number)
{
    if (test->present[number]) {
        position_index_remove(index_of(test, number), find(test, number));
        test->present[number] = false;
    } else {
        add(test, number);
    }
}

/* Each walk is in order, from any position, and meets just what is there. */
static void expect_walk(struct index_test *test, uint32_t which, uint64_t from)
{
    uint64_t expected = 0;
    for (uint32_t n = which; n < ENTRIES_MAX; n += INDEXES) {
        expected += test->present[n] && test->positions[n] >= from;
    }
    struct index_cursor cursor;
    position_index_seek(&test->indexes[which], from, &cursor);
    uint64_t met = 0;
    const struct index_slot *before = NULL;
    const struct index_slot *slot = position_index_next(&cursor);
    while (slot != NULL) {
        assert_true(slot->position >= from);
        assert_true(before == NULL || before->position < slot->position ||
                    (before->position == slot->position &&
                     bytes_compare(record_key(before->block), record_key(slot->block)) < 0));
        before = slot;
        met++;
        slot = position_index_next(&cursor);
    }
    assert_int_equal(met, expected);
}

static void expect_all(struct index_test *test, struct random *random)
{
    for (uint32_t n = 0; n < ENTRIES_MAX; n++) {
        struct index_slot *slot = find(test, n);
        assert_int_equal(slot != NULL, test->present[n]);
        assert_true(slot == NULL || slot->block == test->blocks[n]);
    }
    for (uint32_t i = 0; i < INDEXES; i++) {
        position_index_check(&test->indexes[i]);
        expect_walk(test, i, 0);
        expect_walk(test, i, random_u64(random));
        expect_walk(test, i, test->positions[random_below(random, ENTRIES_MAX)]);
    }
    assert_int_equal(dense_heap_check(&test->leaves), slab_pool_check(&test->pool));
}

/* Grows to about `share` of all entries and shrinks again, twice. */
static void run(struct index_test *test, uint64_t seed, uint64_t mask, uint32_t steps)
{
    struct random random;
    random_init(&random, seed);
    for (uint32_t n = 0; n < ENTRIES_MAX; n++) {
        entry_make(test, n, (random_u64(&random) & mask) | (n % 5 == 0 ? ~mask : 0));
    }
    for (uint32_t i = 0; i < steps; i++) {
        uint32_t n = (uint32_t)random_below(&random, ENTRIES_MAX);
        bool growing = i * 4 / steps % 2 == 0;
        if (test->present[n] != growing || random_chance(&random, 0.1)) {
            flip(test, n);
        }
        if (i % (steps / 16) == 0) {
            expect_all(test, &random);
        }
    }
    expect_all(test, &random);
    for (uint32_t n = 0; n < ENTRIES_MAX; n++) {
        if (test->present[n]) {
            flip(test, n);
        }
    }
    expect_all(test, &random);
}

static void random_operations_agree_with_the_set(void **state)
{
    run(*state, 1, UINT64_MAX, 160000);
}

static void so_they_do_where_positions_crowd(void **state)
{
    struct index_test *test = *state;
    run(test, 2, UINT64_C(0xffff), 40000);
    run(test, 3, UINT64_C(0xff) << 56, 40000);
    run(test, 4, UINT64_C(0x3ff) << 32, 40000);
}

static void an_index_of_one_position_grows_and_its_refs_do_not(void **state)
{
    struct index_test *test = *state;
    for (uint32_t n = 0; n < 4000; n++) {
        entry_make(test, n, UINT64_MAX);
        add(test, n);
    }
    for (uint32_t i = 0; i < INDEXES; i++) {
        position_index_check(&test->indexes[i]);
        assert_int_equal(test->indexes[i].directory.count, 2000);
        assert_true(test->indexes[i].directory.depth <= 8);
    }
}

static void a_block_that_moved_is_found_at_its_new_place(void **state)
{
    struct index_test *test = *state;
    static uint8_t elsewhere[ENTRIES_MAX][BLOCK_BYTES];
    struct random random;
    random_init(&random, 6);
    for (uint32_t n = 0; n < ENTRIES_MAX; n++) {
        uint64_t mask = n % 4 < 2 ? UINT64_MAX : UINT64_C(0x3fffffff); /* equal high halves too */
        entry_make(test, n, random_u64(&random) & mask);
        add(test, n);
    }
    for (uint32_t n = 0; n < ENTRIES_MAX; n++) {
        memcpy(elsewhere[n], test->blocks[n], BLOCK_BYTES);
        uint32_t high = (uint32_t)(test->positions[n] >> 32);
        assert_true(
            position_index_block_moved(index_of(test, n), high, test->blocks[n], elsewhere[n]));
        assert_false(
            position_index_block_moved(index_of(test, n), high, test->blocks[n], elsewhere[n]));
        assert_ptr_equal(find(test, n)->block, elsewhere[n]);
    }
    position_index_check(&test->indexes[0]);
}

static void growth_touches_one_leaf_at_a_time(void **state)
{
    struct index_test *test = *state;
    struct random random;
    random_init(&random, 7);
    uint64_t bytes = 0;
    for (uint32_t n = 0; n < ENTRIES_MAX; n += INDEXES) {
        entry_make(test, n, random_u64(&random));
        add(test, n);
        assert_true(test->indexes[0].directory.bytes < bytes + 8192 ||
                    test->indexes[0].directory.bytes < bytes * 2);
        assert_true(n < 2000 || test->indexes[0].directory.bytes < bytes + 8192);
        bytes = test->indexes[0].directory.bytes;
    }
}

static void without_memory_nothing_changes(void **state)
{
    struct index_test *test = *state;
    struct random random;
    random_init(&random, 8);
    for (uint32_t n = 0; n < ENTRIES_MAX; n++) {
        entry_make(test, n, random_u64(&random));
    }
    for (uint64_t nth = 1; nth < 40; nth++) {
        mem_fail_from(nth);
        for (uint32_t i = 0; i < 1000; i++) {
            flip(test, (uint32_t)random_below(&random, ENTRIES_MAX));
        }
        mem_fail_never();
        if (nth % 8 == 0) {
            expect_all(test, &random);
        }
    }
    expect_all(test, &random);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(random_operations_agree_with_the_set),
        TEST(so_they_do_where_positions_crowd),
        TEST(an_index_of_one_position_grows_and_its_refs_do_not),
        TEST(a_block_that_moved_is_found_at_its_new_place),
        TEST(growth_touches_one_leaf_at_a_time),
        TEST(without_memory_nothing_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
