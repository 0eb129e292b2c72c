/* One leaf of the index against a sorted array of what it should hold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/random.h"
#include "storage/index_leaf.h"

#define ENTRIES_MAX 2000u
#define BLOCK_BYTES 16u

struct leaf_test {
    struct index_leaf *leaf;
    uint8_t blocks[ENTRIES_MAX][BLOCK_BYTES]; /* records whose key is their number */
    uint64_t positions[ENTRIES_MAX];
    bool present[ENTRIES_MAX];
};

static int setup(void **state)
{
    struct leaf_test *test = calloc(1, sizeof(*test));
    *state = test;
    return test == NULL;
}

static int teardown(void **state)
{
    struct leaf_test *test = *state;
    free(test->leaf);
    free(test);
    return 0;
}

/* Exchanges the leaf for one of the capacity with the same entries. */
static void leaf_build(struct leaf_test *test, uint32_t capacity)
{
    const struct leaf_head *from = test->leaf != NULL ? &test->leaf->head : index_leaf_kind.empty;
    struct index_leaf *leaf = calloc(1, index_leaf_kind.bytes(capacity));
    assert_non_null(leaf);
    leaf->head.capacity = capacity;
    index_leaf_kind.fill(&leaf->head, from, 0, from->count);
    free(test->leaf);
    test->leaf = leaf;
}

static void entry_make(struct leaf_test *test, uint32_t number, uint64_t position)
{
    uint8_t key[2] = {(uint8_t)(number >> 8), (uint8_t)number};
    const struct record record = {.position_high = (uint32_t)(position >> 32),
                                  .key = bytes_make(key, sizeof(key))};
    record_write(test->blocks[number], &record);
    test->positions[number] = position;
}

static void add(struct leaf_test *test, uint32_t number)
{
    if (!index_leaf_has_room(test->leaf, test->positions[number])) {
        leaf_build(test, index_leaf_kind.capacity_after(test->leaf->head.capacity));
    }
    if (index_leaf_has_room(test->leaf, test->positions[number])) {
        index_leaf_add(test->leaf, test->positions[number], test->blocks[number]);
        test->present[number] = true;
    }
}

static uint32_t find(const struct leaf_test *test, uint32_t number)
{
    const struct index_leaf *leaf = test->leaf;
    uint64_t position = test->positions[number];
    uint32_t home = leaf_home(position, leaf->head.depth, leaf->head.homes);
    uint32_t at = index_leaf_lower_bound(leaf, leaf->head.homes, home, position);
    while (leaf->slots[at].position == position && leaf->slots[at].block != NULL) {
        if (leaf->slots[at].block == test->blocks[number]) {
            return at;
        }
        at++;
    }
    return UINT32_MAX;
}

static void run(struct leaf_test *test, uint64_t seed, uint64_t mask)
{
    struct random random;
    random_init(&random, seed);
    free(test->leaf);
    test->leaf = NULL;
    leaf_build(test, index_leaf_kind.capacity_first);
    for (uint32_t n = 0; n < ENTRIES_MAX; n++) {
        entry_make(test, n, (random_u64(&random) & mask) | (n % 3 == 0 ? ~mask : 0));
        test->present[n] = false;
    }
    for (uint32_t i = 0; i < 8000; i++) {
        uint32_t n = (uint32_t)random_below(&random, i < 4000 ? ENTRIES_MAX / 2 : ENTRIES_MAX);
        if (test->present[n]) {
            index_leaf_remove(test->leaf, find(test, n));
            test->present[n] = false;
        } else {
            add(test, n);
        }
        if (i % 100 == 0) {
            index_leaf_kind.check(&test->leaf->head);
        }
    }
    uint32_t count = 0;
    for (uint32_t n = 0; n < ENTRIES_MAX; n++) {
        assert_int_equal(find(test, n) != UINT32_MAX, test->present[n]);
        count += test->present[n];
    }
    assert_int_equal(count, test->leaf->head.count);
    assert_true(count > 500);
}

static void random_adds_and_removes_keep_order_and_find_everything(void **state)
{
    struct leaf_test *test = *state;
    run(test, 1, UINT64_MAX);
}

static void so_they_do_where_positions_crowd_and_collide(void **state)
{
    struct leaf_test *test = *state;
    run(test, 2, 0);                    /* two positions: the first and the last */
    run(test, 3, 7);                    /* the ends of the range */
    run(test, 4, UINT64_C(0x1f) << 59); /* spread over 32 */
    run(test, 5, UINT64_C(0xffffffff)); /* homes by the high half alone */
    run(test, 6, UINT64_C(0xffffffff00000000));
}

static void capacities_leave_room_to_grow_and_are_not_much_more(void **state)
{
    (void)state;
    for (uint32_t count = 1; count < 3000; count++) {
        uint32_t capacity = index_leaf_kind.capacity_for(count);
        assert_true(count < index_leaf_count_max(capacity));
        assert_true(count < 100 || capacity < count * 3 / 2);
        uint32_t after = index_leaf_kind.capacity_after(capacity);
        assert_true(after > capacity);
        assert_true(capacity < 100 || after < capacity + capacity / 7);
        assert_int_equal(dense_heap_block_bytes(index_leaf_kind.bytes(capacity)) <=
                             index_leaf_kind.bytes(capacity) + 32,
                         true);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(random_adds_and_removes_keep_order_and_find_everything),
        TEST(so_they_do_where_positions_crowd_and_collide),
        cmocka_unit_test(capacities_leave_room_to_grow_and_are_not_much_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
