/* The tree of one holding: its nodes are the sums of what lies below them, at any time and depth.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "replica/hash_tree.h"
#include "shoal/error.h"

static struct hash_tree tree;
static struct hash_secret secret;

static int setup(void **state)
{
    (void)state;
    const uint8_t seed[32] = {7};
    hash_secret_init(&secret, seed);
    assert_int_equal(hash_tree_init(&tree, 13), 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    mem_fail_never();
    hash_tree_deinit(&tree);
    return 0;
}

static struct tree_sum term(uint64_t position, uint64_t counter)
{
    return hash_tree_term(&secret, position, (struct dot){.actor = 5, .counter = counter});
}

static bool is_zero(struct tree_sum sum)
{
    return sum.low == 0 && sum.high == 0;
}

static void an_empty_tree_is_zero_everywhere(void **state)
{
    (void)state;
    assert_true(is_zero(hash_tree_root(&tree)));
    assert_true(is_zero(hash_tree_node(&tree, 13, 8191)));
    assert_true(tree.siblings == 0);
}

static void a_sibling_is_in_the_nodes_over_its_position_and_no_others(void **state)
{
    (void)state;
    uint64_t position = UINT64_C(0xa5a5) << 48;
    hash_tree_add(&tree, position, term(position, 1));
    for (uint32_t depth = 0; depth <= 13; depth++) {
        uint64_t over = depth == 0 ? 0 : position >> (64 - depth);
        assert_true(tree_sum_equal(hash_tree_node(&tree, depth, over), term(position, 1)));
        assert_true(depth == 0 || is_zero(hash_tree_node(&tree, depth, over ^ 1)));
    }
    hash_tree_check(&tree);
}

static void what_was_added_and_taken_away_leaves_nothing(void **state)
{
    (void)state;
    struct tree_sum before;
    hash_tree_add(&tree, UINT64_MAX, term(UINT64_MAX, 1));
    before = hash_tree_root(&tree);
    hash_tree_add(&tree, 0, term(0, 2));
    assert_false(tree_sum_equal(hash_tree_root(&tree), before));
    hash_tree_subtract(&tree, 0, term(0, 2));
    assert_true(tree_sum_equal(hash_tree_root(&tree), before));
    hash_tree_subtract(&tree, UINT64_MAX, term(UINT64_MAX, 1));
    assert_true(is_zero(hash_tree_root(&tree)));
    assert_true(tree.siblings == 0);
}

static void a_change_shows_in_sums_that_were_asked_for_before(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 100; i++) {
        uint64_t position = i << 57;
        hash_tree_add(&tree, position, term(position, i + 1));
        (void)hash_tree_node(&tree, (uint32_t)(i % 14), 0); /* some are made again, some are not */
        hash_tree_check(&tree);
    }
    struct tree_sum sum = {0};
    for (uint64_t i = 0; i < 100; i++) {
        sum = tree_sum_plus(sum, term(i << 57, i + 1));
    }
    assert_true(tree_sum_equal(hash_tree_root(&tree), sum));
}

static void trees_of_different_depth_agree_where_both_have_nodes(void **state)
{
    (void)state;
    struct hash_tree flat;
    assert_int_equal(hash_tree_init(&flat, 2), 0);
    for (uint64_t i = 0; i < 1000; i++) {
        uint64_t position = hash_mix(i + 1);
        hash_tree_add(&tree, position, term(position, i + 1));
        hash_tree_add(&flat, position, term(position, i + 1));
    }
    for (uint64_t index = 0; index < 4; index++) {
        assert_true(tree_sum_equal(hash_tree_node(&tree, 2, index), flat.leaves[index]));
    }
    assert_true(tree_sum_equal(hash_tree_root(&tree), hash_tree_root(&flat)));
    hash_tree_deinit(&flat);
}

static void a_term_depends_on_all_that_it_names_and_on_the_secret(void **state)
{
    (void)state;
    struct dot dot = {.actor = 1, .counter = 2};
    struct dot swapped = {.actor = 2, .counter = 1};
    struct tree_sum first = hash_tree_term(&secret, 3, dot);
    assert_true(tree_sum_equal(first, hash_tree_term(&secret, 3, dot)));
    assert_false(tree_sum_equal(first, hash_tree_term(&secret, 4, dot)));
    assert_false(tree_sum_equal(first, hash_tree_term(&secret, 3, swapped)));
    const uint8_t seed[32] = {8};
    struct hash_secret another;
    hash_secret_init(&another, seed);
    assert_false(tree_sum_equal(first, hash_tree_term(&another, 3, dot)));
}

static void sums_carry_into_their_upper_half(void **state)
{
    (void)state;
    struct tree_sum most = {.low = UINT64_MAX, .high = 1};
    struct tree_sum one = {.low = 1};
    hash_tree_add(&tree, 0, most);
    hash_tree_add(&tree, 0, one);
    assert_true(tree_sum_equal(hash_tree_root(&tree), (struct tree_sum){.low = 0, .high = 2}));
    hash_tree_subtract(&tree, 0, one);
    assert_true(tree_sum_equal(hash_tree_root(&tree), most));
}

static void the_depth_follows_the_number_of_siblings(void **state)
{
    (void)state;
    assert_int_equal(hash_tree_bits_for(0), 0);
    assert_int_equal(hash_tree_bits_for(HASH_TREE_LEAF_KEYS), 0);
    assert_int_equal(hash_tree_bits_for(HASH_TREE_LEAF_KEYS + 1), 1);
    assert_int_equal(hash_tree_bits_for(UINT64_C(1000000)), 17);
    assert_int_equal(hash_tree_bits_for(UINT64_MAX), HASH_TREE_BITS_MAX);
}

static void a_tree_takes_little_more_than_its_leaves(void **state)
{
    (void)state;
    size_t leaves = sizeof(struct tree_sum) << 13;
    assert_true(hash_tree_bytes(&tree) >= leaves);
    assert_true(hash_tree_bytes(&tree) < leaves + leaves / 32);
}

static void without_memory_there_is_no_tree(void **state)
{
    (void)state;
    struct hash_tree another;
    for (uint64_t nth = 1; nth <= 3; nth++) {
        mem_fail_from(nth);
        assert_int_equal(hash_tree_init(&another, 12), SHOAL_ENOMEM);
    }
    mem_fail_from(4);
    assert_int_equal(hash_tree_init(&another, 12), 0);
    hash_tree_deinit(&another);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_empty_tree_is_zero_everywhere),
        TEST(a_sibling_is_in_the_nodes_over_its_position_and_no_others),
        TEST(what_was_added_and_taken_away_leaves_nothing),
        TEST(a_change_shows_in_sums_that_were_asked_for_before),
        TEST(trees_of_different_depth_agree_where_both_have_nodes),
        TEST(a_term_depends_on_all_that_it_names_and_on_the_secret),
        TEST(sums_carry_into_their_upper_half),
        TEST(the_depth_follows_the_number_of_siblings),
        TEST(a_tree_takes_little_more_than_its_leaves),
        TEST(without_memory_there_is_no_tree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
