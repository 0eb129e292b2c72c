#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ring/roles.h"
#include "shoal/error.h"
#include "support/ring_history.h"

static struct roles with(struct roles roles, struct role role)
{
    struct roles next;
    assert_int_equal(roles_with(&roles, &role, &next), 0);
    roles_deinit(&roles);
    return next;
}

static void roles_are_sorted_and_stamped_above_all_others(void **state)
{
    (void)state;
    struct roles roles = {0};
    roles = with(roles, ring_role(5, ROLE_IN));
    roles = with(roles, ring_role(2, ROLE_IN));
    roles = with(roles, ring_role(9, ROLE_IN));
    roles = with(roles, ring_role(5, ROLE_OUT));
    assert_int_equal(roles.count, 3);
    assert_int_equal(roles.items[0].node, 2);
    assert_int_equal(roles.items[1].node, 5);
    assert_int_equal(roles.items[2].node, 9);
    assert_int_equal(roles_find(&roles, 5)->stamp, 4);
    assert_int_equal(roles_find(&roles, 5)->kind, ROLE_OUT);
    assert_null(roles_find(&roles, 4));
    roles_deinit(&roles);
}

static void only_members_are_found_by_name(void **state)
{
    (void)state;
    struct roles roles = {0};
    roles = with(roles, ring_role(1, ROLE_IN));
    roles = with(roles, ring_role(2, ROLE_OUT));
    assert_int_equal(roles_find_member_by_name(&roles, "node1")->node, 1);
    assert_null(roles_find_member_by_name(&roles, "node2"));
    roles_deinit(&roles);
}

static void a_removed_node_stays_removed(void **state)
{
    (void)state;
    struct roles removed = {0};
    struct roles later = {0};
    struct roles next;
    removed = with(removed, ring_role(1, ROLE_REMOVED));
    later = with(later, ring_role(1, ROLE_IN));
    later = with(later, ring_role(1, ROLE_OUT));
    later = with(later, ring_role(1, ROLE_IN));

    struct role back = ring_role(1, ROLE_IN);
    assert_int_equal(roles_with(&removed, &back, &next), SHOAL_ECONFLICT);
    assert_int_equal(roles_join(&later, &removed, &next), 0);
    assert_int_equal(next.items[0].kind, ROLE_REMOVED);
    assert_true(roles_behind(&later, &removed));
    assert_false(roles_behind(&removed, &later));
    roles_deinit(&next);
    roles_deinit(&later);
    roles_deinit(&removed);
}

static void the_later_of_two_roles_wins_and_the_author_breaks_ties(void **state)
{
    (void)state;
    struct role low = ring_role(1, ROLE_IN);
    struct role high = ring_role(1, ROLE_OUT);
    struct roles a = {0};
    struct roles b = {0};
    struct roles ab;
    struct roles ba;
    low.author = 3;
    high.author = 4;
    a = with(a, low);
    b = with(b, high);
    assert_int_equal(roles_join(&a, &b, &ab), 0);
    assert_int_equal(roles_join(&b, &a, &ba), 0);
    assert_true(roles_equal(&ab, &ba));
    assert_int_equal(ab.items[0].kind, ROLE_OUT);
    assert_false(roles_equal(&a, &b));
    roles_deinit(&ba);
    roles_deinit(&ab);
    roles_deinit(&b);
    roles_deinit(&a);
}

static void fields_out_of_range_are_refused(void **state)
{
    (void)state;
    struct roles none = {0};
    struct roles next;
    struct role role = ring_role(1, ROLE_IN);
    role.weight = 0;
    assert_int_equal(roles_with(&none, &role, &next), SHOAL_EINVAL);
    role.weight = LIMIT_WEIGHT + 1;
    assert_int_equal(roles_with(&none, &role, &next), SHOAL_EINVAL);
    role = ring_role(0, ROLE_IN);
    assert_int_equal(roles_with(&none, &role, &next), SHOAL_EINVAL);
    role = ring_role(1, (enum role_kind)3);
    assert_int_equal(roles_with(&none, &role, &next), SHOAL_EINVAL);
    role = ring_role(1, ROLE_IN);
    memset(role.zone, 'z', sizeof(role.zone));
    assert_int_equal(roles_with(&none, &role, &next), SHOAL_EINVAL);
}

static void no_more_nodes_than_the_bound_are_added(void **state)
{
    (void)state;
    struct roles full = {.items = calloc(LIMIT_ROLES, sizeof(*full.items)), .count = LIMIT_ROLES};
    struct roles next;
    assert_non_null(full.items);
    for (uint32_t i = 0; i < LIMIT_ROLES; i++) {
        full.items[i] = (struct role){.node = i + 1, .stamp = 1, .weight = 1};
    }
    struct role more = ring_role(LIMIT_ROLES + 1, ROLE_IN);
    struct role known = ring_role(1, ROLE_OUT);
    assert_int_equal(roles_with(&full, &more, &next), SHOAL_EOVERLOAD);
    assert_int_equal(roles_with(&full, &known, &next), 0);
    roles_deinit(&next);
    free(full.items);
}

static void roles_survive_encoding(void **state)
{
    (void)state;
    struct roles roles = {0};
    struct roles again;
    struct buffer buffer;
    roles = with(roles, ring_role(1, ROLE_IN));
    roles = with(roles, ring_role(7, ROLE_REMOVED));
    buffer_init(&buffer, 0);
    struct writer writer = writer_make(&buffer);
    roles_write(&writer, &roles);
    assert_int_equal(writer.error, 0);
    struct reader reader = reader_make(buffer_bytes(&buffer));
    assert_int_equal(roles_read(&reader, &again), 0);
    assert_true(roles_equal(&roles, &again));
    roles_deinit(&again);

    /* The same node twice is no map. */
    roles.items[1].node = 1;
    buffer_clear(&buffer);
    writer = writer_make(&buffer);
    roles_write(&writer, &roles);
    reader = reader_make(buffer_bytes(&buffer));
    assert_int_equal(roles_read(&reader, &again), SHOAL_EPROTO);
    buffer_deinit(&buffer);
    roles_deinit(&roles);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(roles_are_sorted_and_stamped_above_all_others),
        cmocka_unit_test(only_members_are_found_by_name),
        cmocka_unit_test(a_removed_node_stays_removed),
        cmocka_unit_test(the_later_of_two_roles_wins_and_the_author_breaks_ties),
        cmocka_unit_test(fields_out_of_range_are_refused),
        cmocka_unit_test(no_more_nodes_than_the_bound_are_added),
        cmocka_unit_test(roles_survive_encoding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
