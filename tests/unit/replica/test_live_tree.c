/* A tree that is made behind a frontier is the one of what is held when it is done. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/limits.h"
#include "base/memory.h"
#include "replica/live_tree.h"
#include "shoal/error.h"

#define FAR (UINT64_C(1) << 63)

static const struct hash_secret secret;

static struct dot dot(uint64_t counter)
{
    return (struct dot){.actor = 7, .counter = counter};
}

static struct tree_sum sum_of(uint64_t position, uint64_t counter)
{
    return hash_tree_term(&secret, position, dot(counter));
}

static void writes_behind_the_frontier_are_in_it_and_those_ahead_are_met(void **state)
{
    (void)state;
    struct live_tree live;
    live_tree_init(&live);
    assert_true(live_tree_wants(&live));
    assert_int_equal(live_tree_begin(&live, 100), 0);
    assert_false(live_tree_wants(&live));
    live_tree_add(&live, &secret, 5, dot(1)); /* ahead: it will be met */
    live_tree_meet(&live, &secret, 5, dot(1));
    live_tree_advance(&live, FAR);
    live_tree_add(&live, &secret, 6, dot(2));      /* behind */
    live_tree_subtract(&live, &secret, 5, dot(1)); /* behind */
    live_tree_add(&live, &secret, FAR, dot(3));    /* ahead, and gone again before it is met */
    live_tree_subtract(&live, &secret, FAR, dot(3));
    live_tree_add(&live, &secret, FAR + 1, dot(4));
    live_tree_meet(&live, &secret, FAR + 1, dot(4));
    live_tree_finish(&live);
    assert_true(live.complete);
    assert_true(live.tree.siblings == 2);
    assert_true(tree_sum_equal(hash_tree_root(&live.tree),
                               tree_sum_plus(sum_of(6, 2), sum_of(FAR + 1, 4))));
    live_tree_check(&live);
    live_tree_deinit(&live);
}

static void one_that_has_outgrown_its_size_is_used_while_another_is_made(void **state)
{
    (void)state;
    struct live_tree live;
    live_tree_init(&live);
    assert_int_equal(live_tree_begin(&live, 0), 0);
    live_tree_finish(&live);
    uint64_t count = 0;
    while (!live_tree_outgrown(&live)) {
        count++;
        live_tree_add(&live, &secret, count << 40, dot(count));
    }
    assert_true(count > HASH_TREE_LEAF_KEYS);
    assert_true(live_tree_wants(&live));
    struct tree_sum root = hash_tree_root(&live.tree);
    assert_int_equal(live_tree_begin(&live, live.tree.siblings), 0);
    for (uint64_t i = 1; i <= count; i++) {
        live_tree_meet(&live, &secret, i << 40, dot(i));
    }
    assert_true(live.complete && live.tree.bits == 0);
    live_tree_finish(&live);
    assert_true(live.tree.bits > 0);
    assert_true(tree_sum_equal(hash_tree_root(&live.tree), root));
    assert_false(live_tree_wants(&live));
    for (uint64_t i = 1; i <= count; i++) {
        live_tree_subtract(&live, &secret, i << 40, dot(i));
    }
    struct tree_sum none = hash_tree_root(&live.tree);
    assert_true(none.low == 0 && none.high == 0);
    live_tree_deinit(&live);
}

/* In the tree in use and, behind the frontier, in the one in the making. */
static void an_exchange_is_one_gone_and_one_come(void **state)
{
    (void)state;
    struct live_tree live;
    live_tree_init(&live);
    live_tree_exchange(&live, &secret, 5, dot(1), dot(2)); /* no tree: nothing to do */
    assert_int_equal(live_tree_begin(&live, 100), 0);
    live_tree_finish(&live);
    live_tree_add(&live, &secret, 5, dot(1));
    live_tree_add(&live, &secret, FAR, dot(2));
    assert_int_equal(live_tree_begin(&live, 100), 0);
    live_tree_meet(&live, &secret, 5, dot(1));
    live_tree_advance(&live, FAR);
    live_tree_exchange(&live, &secret, 5, dot(1), dot(3));
    live_tree_exchange(&live, &secret, FAR, dot(2), dot(4));
    struct tree_sum expected = tree_sum_plus(sum_of(5, 3), sum_of(FAR, 4));
    assert_true(live.tree.siblings == 2 && live.making.siblings == 1);
    assert_true(tree_sum_equal(hash_tree_root(&live.tree), expected));
    live_tree_check(&live);
    live_tree_meet(&live, &secret, FAR, dot(4));
    live_tree_finish(&live);
    assert_true(tree_sum_equal(hash_tree_root(&live.tree), expected));
    live_tree_check(&live);
    live_tree_deinit(&live);
}

static void one_that_is_much_too_large_is_wanted_smaller(void **state)
{
    (void)state;
    struct live_tree live;
    live_tree_init(&live);
    assert_int_equal(live_tree_begin(&live, 100000), 0);
    live_tree_finish(&live);
    assert_true(live_tree_wants(&live));
    assert_int_equal(live_tree_begin(&live, live.tree.siblings), 0);
    live_tree_finish(&live);
    assert_false(live_tree_wants(&live));
    live_tree_deinit(&live);
}

static void what_is_forgotten_is_made_anew(void **state)
{
    (void)state;
    struct live_tree live;
    live_tree_init(&live);
    assert_int_equal(live_tree_begin(&live, 0), 0);
    live_tree_finish(&live);
    assert_int_equal(live_tree_begin(&live, 100), 0);
    live_tree_advance(&live, 7);
    live_tree_forget(&live);
    assert_true(!live.complete && !live.is_making && live_tree_wants(&live));
    live_tree_add(&live, &secret, 5, dot(1)); /* no tree: nothing to do */
    assert_int_equal(live_tree_begin(&live, 0), 0);
    live_tree_finish(&live);
    assert_true(live.tree.siblings == 0);
    live_tree_deinit(&live);
}

static void without_memory_none_is_begun(void **state)
{
    (void)state;
    struct live_tree live;
    live_tree_init(&live);
    mem_fail_from(1);
    int result = live_tree_begin(&live, 100);
    mem_fail_never();
    assert_int_equal(result, SHOAL_ENOMEM);
    assert_true(!live.is_making && live_tree_wants(&live));
    live_tree_deinit(&live);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_behind_the_frontier_are_in_it_and_those_ahead_are_met),
        cmocka_unit_test(one_that_has_outgrown_its_size_is_used_while_another_is_made),
        cmocka_unit_test(an_exchange_is_one_gone_and_one_come),
        cmocka_unit_test(one_that_is_much_too_large_is_wanted_smaller),
        cmocka_unit_test(what_is_forgotten_is_made_anew),
        cmocka_unit_test(without_memory_none_is_begun),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
