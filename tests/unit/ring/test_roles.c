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

static struct role staged(struct role role)
{
    role.staged = true;
    return role;
}

/* Both ways round, into one map. */
static struct roles joined(const struct roles *a, const struct roles *b)
{
    struct roles ab;
    struct roles ba;
    assert_int_equal(roles_join(a, b, &ab), 0);
    assert_int_equal(roles_join(b, a, &ba), 0);
    assert_true(roles_equal(&ab, &ba));
    roles_deinit(&ba);
    return ab;
}

static void of_one_role_the_committed_copy_is_the_newer(void **state)
{
    (void)state;
    struct roles asked = {0};
    struct roles committed;
    asked = with(asked, staged(ring_role(1, ROLE_IN)));
    assert_int_equal(roles_copy(&asked, &committed), 0);
    committed.items[0].staged = false;
    assert_false(roles_equal(&asked, &committed));
    assert_true(roles_behind(&asked, &committed));
    assert_false(roles_behind(&committed, &asked));
    struct roles both = joined(&asked, &committed);
    assert_false(both.items[0].staged);
    roles_deinit(&both);

    /* But a later one is newer still, staged or not. */
    asked = with(asked, staged(ring_role(1, ROLE_OUT)));
    both = joined(&asked, &committed);
    assert_true(both.items[0].staged);
    assert_int_equal(both.items[0].kind, ROLE_OUT);
    roles_deinit(&both);
    roles_deinit(&committed);
    roles_deinit(&asked);
}

static void a_removal_is_final_only_once_it_is_committed(void **state)
{
    (void)state;
    struct roles removal = {0};
    struct roles later = {0};
    removal = with(removal, staged(ring_role(1, ROLE_REMOVED)));
    later = with(later, ring_role(1, ROLE_IN));
    later = with(later, ring_role(1, ROLE_OUT));
    struct roles both = joined(&removal, &later);
    assert_int_equal(both.items[0].kind, ROLE_OUT);
    roles_deinit(&both);

    removal.items[0].staged = false;
    both = joined(&removal, &later);
    assert_int_equal(both.items[0].kind, ROLE_REMOVED);
    roles_deinit(&both);

    removal.items[0].staged = true;
    removal = with(removal, ring_role(1, ROLE_IN));
    assert_int_equal(removal.items[0].kind, ROLE_IN);
    roles_deinit(&later);
    roles_deinit(&removal);
}

static void roles_are_compared_by_what_they_ask(void **state)
{
    (void)state;
    struct role in = ring_role(1, ROLE_IN);
    struct role again = staged(in);
    again.stamp = 9;
    again.author = 7;
    assert_true(role_same(&in, &again));
    again.weight++;
    assert_false(role_same(&in, &again));
    again = in;
    again.zone[0] = 'b';
    assert_false(role_same(&in, &again));
    again = in;
    again.name[0] = 'b';
    assert_false(role_same(&in, &again));
    assert_false(role_same(&in, NULL));
    again.kind = ROLE_OUT;
    assert_true(role_same(&again, NULL));
    assert_true(role_same(NULL, NULL));
    in.kind = ROLE_OUT; /* of another name: nobody asks it anything any more */
    assert_true(role_same(&in, &again));
    in.kind = ROLE_REMOVED;
    assert_false(role_same(&in, &again));
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
    roles = with(roles, staged(ring_role(8, ROLE_REMOVED)));
    roles = with(roles, staged(ring_role(9, ROLE_IN)));
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

/* Kinds that there are not, with and without the mark of what is staged. */
static void an_unknown_kind_is_refused(void **state)
{
    (void)state;
    static const uint32_t kinds[] = {3, 7, 8, 100};
    struct roles roles = {0};
    struct roles again;
    struct buffer buffer;
    roles = with(roles, ring_role(1, ROLE_IN));
    buffer_init(&buffer, 0);
    for (uint32_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        roles.items[0].kind = kinds[i];
        buffer_clear(&buffer);
        struct writer writer = writer_make(&buffer);
        roles_write(&writer, &roles);
        struct reader reader = reader_make(buffer_bytes(&buffer));
        assert_int_equal(roles_read(&reader, &again), SHOAL_EPROTO);
    }
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
        cmocka_unit_test(of_one_role_the_committed_copy_is_the_newer),
        cmocka_unit_test(a_removal_is_final_only_once_it_is_committed),
        cmocka_unit_test(roles_are_compared_by_what_they_ask),
        cmocka_unit_test(fields_out_of_range_are_refused),
        cmocka_unit_test(no_more_nodes_than_the_bound_are_added),
        cmocka_unit_test(roles_survive_encoding),
        cmocka_unit_test(an_unknown_kind_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
