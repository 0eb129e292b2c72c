#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "ring/layout.h"
#include "shoal/error.h"
#include "support/ring_history.h"

static struct layout *found(uint32_t partitions)
{
    struct cluster_facts facts = ring_facts(partitions, 3, 2, 2);
    struct role founder = ring_role(1, ROLE_IN);
    struct layout *layout;
    assert_int_equal(layout_found(&facts, &founder, &layout), 0);
    return layout;
}

/* The successor with nodes 1 to `count` in. */
static struct layout *grown(const struct layout *parent, uint32_t count)
{
    struct roles roles;
    struct layout *layout;
    assert_int_equal(roles_copy(&parent->roles, &roles), 0);
    for (uint32_t node = 1; node <= count; node++) {
        struct role role = ring_role(node, ROLE_IN);
        struct roles next;
        assert_int_equal(roles_with(&roles, &role, &next), 0);
        roles_deinit(&roles);
        roles = next;
    }
    assert_int_equal(layout_plan(&parent, 1, &roles, &layout), 0);
    roles_deinit(&roles);
    return layout;
}

static void a_founder_owns_everything(void **state)
{
    (void)state;
    struct layout *layout = found(16);
    uint64_t owners[LIMIT_REPLICAS];
    assert_int_equal(layout->key.version, 1);
    assert_int_equal(layout->parent_count, 0);
    assert_int_equal(layout->replicas, 1);
    assert_int_equal(layout->members[0].partitions, 16);
    assert_int_equal(layout_owners(layout, 15, owners), 1);
    assert_int_equal(owners[0], 1);
    layout_unref(layout);
}

static void a_successor_names_its_parents_and_spreads_ownership(void **state)
{
    (void)state;
    struct layout *first = found(16);
    struct layout *second = grown(first, 4);
    uint32_t sum = 0;
    assert_int_equal(second->key.version, 2);
    assert_int_equal(second->parent_count, 1);
    assert_true(content_hash_equal(&second->parents[0], &first->key.hash));
    assert_int_equal(second->replicas, 3);
    assert_int_equal(second->member_count, 4);
    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal(second->members[i].partitions, 12);
        sum += layout_owns(second, i + 1, 0);
    }
    assert_int_equal(sum, 3);
    /* Node 1 keeps 12 of its 16; all else is new. */
    assert_int_equal(layout_moves(first, second), 36);
    assert_int_equal(layout_moves(second, second), 0);
    assert_int_equal(layout_member_index(second, 3), 2);
    assert_int_equal(layout_member_index(second, 9), -1);
    layout_unref(second);
    layout_unref(first);
}

static void the_same_plan_has_the_same_name_everywhere(void **state)
{
    (void)state;
    struct layout *first = found(16);
    struct layout *a = grown(first, 5);
    struct layout *b = grown(first, 5);
    struct layout *c = grown(first, 6);
    assert_int_equal(layout_key_compare(&a->key, &b->key), 0);
    assert_int_not_equal(layout_key_compare(&a->key, &c->key), 0);
    assert_true(layout_key_compare(&first->key, &c->key) < 0);
    layout_unref(c);
    layout_unref(b);
    layout_unref(a);
    layout_unref(first);
}

static void no_member_is_no_layout(void **state)
{
    (void)state;
    struct layout *first = found(4);
    const struct layout *parents[] = {first};
    struct layout *out;
    struct roles roles;
    struct role leaving = ring_role(1, ROLE_OUT);
    assert_int_equal(roles_with(&first->roles, &leaving, &roles), 0);
    assert_int_equal(layout_plan(parents, 1, &roles, &out), SHOAL_EINVAL);
    roles_deinit(&roles);
    layout_unref(first);
}

static void bad_facts_are_named(void **state)
{
    (void)state;
    const char *why = NULL;
    struct cluster_facts facts = ring_facts(16, 3, 2, 2);
    assert_int_equal(cluster_facts_check(&facts, &why), 0);
    facts.partitions = 100;
    assert_int_equal(cluster_facts_check(&facts, &why), SHOAL_EINVAL);
    assert_string_equal(why, "partitions must be a power of two, 1 to 65536");
    facts = ring_facts(16, 9, 2, 2);
    assert_int_equal(cluster_facts_check(&facts, &why), SHOAL_EINVAL);
    facts = ring_facts(16, 3, 4, 2);
    assert_int_equal(cluster_facts_check(&facts, &why), SHOAL_EINVAL);
    assert_string_equal(why, "r must be 1 to n");
    facts = ring_facts(16, 3, 2, 0);
    assert_int_equal(cluster_facts_check(&facts, &why), SHOAL_EINVAL);
    assert_string_equal(why, "w must be 1 to n");
}

static void encode(const struct layout *layout, struct buffer *buffer)
{
    buffer_init(buffer, 0);
    assert_int_equal(layout_encode(layout, buffer), 0);
}

static void decoding_gives_the_same_name(void **state)
{
    (void)state;
    struct layout *first = found(64);
    struct layout *layout = grown(first, 5);
    struct layout *again;
    struct buffer buffer;
    encode(layout, &buffer);
    assert_int_equal(layout_decode(buffer_bytes(&buffer), &again), 0);
    assert_int_equal(layout_key_compare(&layout->key, &again->key), 0);
    assert_int_equal(again->members[4].partitions, layout->members[4].partitions);
    assert_true(cluster_facts_equal(&again->facts, &layout->facts));
    buffer_deinit(&buffer);
    layout_unref(again);
    layout_unref(layout);
    layout_unref(first);
}

static void assert_refused(struct bytes bytes, int error)
{
    struct layout *out;
    assert_int_equal(layout_decode(bytes, &out), error);
}

static void an_owner_twice_in_a_row_or_unknown_is_refused(void **state)
{
    (void)state;
    struct layout *first = found(4);
    struct layout *layout = grown(first, 3);
    struct buffer buffer;
    encode(layout, &buffer); /* the owners come last */
    uint8_t *last = &buffer.data[buffer.len - 2];
    uint8_t own = last[0];
    last[0] = last[-2];
    assert_refused(buffer_bytes(&buffer), SHOAL_EPROTO);
    last[0] = 3;
    assert_refused(buffer_bytes(&buffer), SHOAL_EPROTO);
    last[0] = own;
    last[1] = 1;
    assert_refused(buffer_bytes(&buffer), SHOAL_EPROTO);
    buffer_deinit(&buffer);
    layout_unref(layout);
    layout_unref(first);
}

static void other_formats_and_cut_or_longer_bytes_are_refused(void **state)
{
    (void)state;
    struct layout *layout = found(4);
    struct buffer buffer;
    encode(layout, &buffer);
    for (size_t len = 0; len < buffer.len; len++) {
        assert_refused(bytes_make(buffer.data, len), SHOAL_EPROTO);
    }
    assert_int_equal(buffer_append_u8(&buffer, 0), 0);
    assert_refused(buffer_bytes(&buffer), SHOAL_EPROTO);
    buffer.data[1] = 2;
    assert_refused(buffer_bytes(&buffer), SHOAL_EVERSION);
    buffer_deinit(&buffer);
    layout_unref(layout);
}

static void a_lack_of_memory_at_any_point_is_an_error(void **state)
{
    (void)state;
    struct layout *first = found(4);
    const struct layout *parents[] = {first};
    struct layout *out = NULL;
    struct buffer buffer;
    int r = SHOAL_ENOMEM;
    for (uint64_t nth = 1; r != 0; nth++) {
        mem_fail_from(nth);
        r = layout_plan(parents, 1, &first->roles, &out);
        mem_fail_never();
        assert_true(r == 0 || r == SHOAL_ENOMEM);
    }
    encode(out, &buffer);
    layout_unref(out);
    r = SHOAL_ENOMEM;
    for (uint64_t nth = 1; r != 0; nth++) {
        mem_fail_from(nth);
        r = layout_decode(buffer_bytes(&buffer), &out);
        mem_fail_never();
        assert_true(r == 0 || r == SHOAL_ENOMEM);
    }
    layout_unref(out);
    buffer_deinit(&buffer);
    layout_unref(first);
}

static void the_largest_table_can_be_planned_and_encoded(void **state)
{
    (void)state;
    struct layout *first = found(LIMIT_PARTITIONS_MAX);
    struct layout *layout = grown(first, 40);
    struct layout *again;
    struct buffer buffer;
    encode(layout, &buffer);
    assert_int_equal(layout_decode(buffer_bytes(&buffer), &again), 0);
    assert_int_equal(layout_key_compare(&layout->key, &again->key), 0);
    buffer_deinit(&buffer);
    layout_unref(again);
    layout_unref(layout);
    layout_unref(first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_founder_owns_everything),
        cmocka_unit_test(a_successor_names_its_parents_and_spreads_ownership),
        cmocka_unit_test(the_same_plan_has_the_same_name_everywhere),
        cmocka_unit_test(no_member_is_no_layout),
        cmocka_unit_test(bad_facts_are_named),
        cmocka_unit_test(decoding_gives_the_same_name),
        cmocka_unit_test(an_owner_twice_in_a_row_or_unknown_is_refused),
        cmocka_unit_test(other_formats_and_cut_or_longer_bytes_are_refused),
        cmocka_unit_test(a_lack_of_memory_at_any_point_is_an_error),
        cmocka_unit_test(the_largest_table_can_be_planned_and_encoded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
