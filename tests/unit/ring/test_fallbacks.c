/* Who stands in for a partition's owners: everybody else, in the order of the ring. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/ring_history.h"

enum { Q = 64 };

static void fallbacks_are_all_members_but_the_owners_each_once(void **state)
{
    (void)state;
    for (uint32_t members = 1; members <= 9; members++) {
        struct cluster_facts facts = ring_facts(Q, 3, 2, 2);
        struct view *view = ring_view_of(&facts, members);
        const struct layout *layout = view_newest(view);
        for (uint32_t p = 0; p < Q; p++) {
            uint64_t nodes[16];
            uint32_t count = layout_fallbacks(layout, p, nodes, 16);
            assert_int_equal(count, members > 3 ? members - 3 : 0);
            for (uint32_t i = 0; i < count; i++) {
                assert_false(layout_owns(layout, nodes[i], p));
                for (uint32_t j = 0; j < i; j++) {
                    assert_true(nodes[i] != nodes[j]);
                }
            }
        }
        view_unref(view);
    }
}

static void the_first_is_the_next_on_the_ring_and_fewer_are_a_beginning_of_more(void **state)
{
    (void)state;
    struct cluster_facts facts = ring_facts(Q, 3, 2, 2);
    struct view *view = ring_view_of(&facts, 7);
    const struct layout *layout = view_newest(view);
    for (uint32_t p = 0; p < Q; p++) {
        uint64_t all[8];
        uint64_t some[2];
        assert_int_equal(layout_fallbacks(layout, p, all, 8), 4);
        assert_int_equal(layout_fallbacks(layout, p, some, 2), 2);
        assert_true(some[0] == all[0] && some[1] == all[1]);
        uint64_t next = 0;
        for (uint32_t i = 1; next == 0; i++) {
            uint64_t owners[LIMIT_REPLICAS];
            uint32_t count = layout_owners(layout, (p + i) % Q, owners);
            for (uint32_t j = 0; j < count && next == 0; j++) {
                next = layout_owns(layout, owners[j], p) ? 0 : owners[j];
            }
        }
        assert_true(all[0] == next);
    }
    view_unref(view);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fallbacks_are_all_members_but_the_owners_each_once),
        cmocka_unit_test(the_first_is_the_next_on_the_ring_and_fewer_are_a_beginning_of_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
