/* Merge, write, inclusion and validity of objects, case by case. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/limits.h"
#include "base/memory.h"
#include "model/object.h"
#include "shoal/error.h"

static struct arena arena;

static int setup(void **state)
{
    (void)state;
    arena_init(&arena, LIMIT_ARENA_KEEP_BYTES);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    mem_fail_never();
    arena_deinit(&arena);
    return 0;
}

enum { A = 10, B = 20, C = 30 };

static struct sibling value(uint64_t actor, uint64_t counter, const char *text)
{
    return (struct sibling){
        .dot = {actor, counter},
        .hlc = 100 * counter + actor,
        .kind = SIBLING_VALUE,
        .value = bytes_from_string(text),
    };
}

static struct object written(struct object current, struct version_vector seen,
                             struct sibling added)
{
    struct object out;
    assert_int_equal(object_write(&arena, &current, seen, &added, &out), 0);
    assert_true(object_valid(&out));
    return out;
}

static struct object merged(struct object a, struct object b)
{
    struct object out;
    assert_int_equal(object_merge(&arena, &a, &b, &out), 0);
    assert_true(object_valid(&out));
    return out;
}

static void assert_values(struct object object, const char *first, const char *second)
{
    assert_int_equal(object.sibling_count, (first != NULL) + (second != NULL));
    if (first != NULL) {
        assert_true(bytes_equal(object.siblings[0].value, bytes_from_string(first)));
    }
    if (second != NULL) {
        assert_true(bytes_equal(object.siblings[1].value, bytes_from_string(second)));
    }
}

static const struct version_vector nothing_seen;

static void a_put_with_its_context_replaces_what_it_saw(void **state)
{
    (void)state;
    struct object first = written(object_empty(), nothing_seen, value(A, 1, "old"));
    struct object second = written(first, first.context, value(A, 2, "new"));
    assert_values(second, "new", NULL);
    assert_int_equal(second.context.count, 1);
    assert_int_equal(version_vector_get(second.context, A), 2);
}

static void two_puts_with_the_same_old_context_become_siblings(void **state)
{
    (void)state;
    struct object base = written(object_empty(), nothing_seen, value(A, 1, "old"));
    struct object first = written(base, base.context, value(A, 2, "one"));
    struct object second = written(first, base.context, value(A, 3, "two"));
    assert_values(second, "one", "two");
}

static void a_put_with_the_merged_context_resolves_siblings(void **state)
{
    (void)state;
    struct object left = written(object_empty(), nothing_seen, value(A, 1, "left"));
    struct object right = written(object_empty(), nothing_seen, value(B, 1, "right"));
    struct object both = merged(left, right);
    assert_values(both, "left", "right");
    struct object resolved = written(both, both.context, value(A, 2, "resolved"));
    assert_values(resolved, "resolved", NULL);
    assert_values(merged(resolved, left), "resolved", NULL);
    assert_values(merged(right, resolved), "resolved", NULL);
}

static void a_context_ahead_of_the_coordinator_is_taken_over(void **state)
{
    (void)state;
    struct object elsewhere = written(object_empty(), nothing_seen, value(B, 1, "unseen here"));
    struct object mine = written(object_empty(), nothing_seen, value(A, 1, "mine"));
    struct object out = written(mine, elsewhere.context, value(A, 2, "new"));
    assert_values(out, "mine", "new");
    /* The client saw B's write and replaced it: it does not come back when it arrives late. */
    assert_values(merged(out, elsewhere), "mine", "new");
}

static void a_stale_copy_does_not_bring_back_what_a_tombstone_replaced(void **state)
{
    (void)state;
    struct object put = written(object_empty(), nothing_seen, value(A, 1, "x"));
    struct sibling tombstone = {.dot = {A, 2}, .hlc = 5, .kind = SIBLING_TOMBSTONE};
    struct object deleted = written(put, put.context, tombstone);
    struct object both = merged(put, deleted);
    assert_true(object_equal(&both, &deleted));
    assert_null(object_winner(&both, 0));
}

static void a_dot_that_is_covered_already_is_refused(void **state)
{
    (void)state;
    struct object current = written(object_empty(), nothing_seen, value(A, 3, "x"));
    struct object out = object_empty();
    struct sibling again = value(A, 2, "y");
    assert_int_equal(object_write(&arena, &current, nothing_seen, &again, &out), SHOAL_ECONTEXT);
    struct object none = object_empty();
    assert_int_equal(object_write(&arena, &none, current.context, &again, &out), SHOAL_ECONTEXT);
    assert_int_equal(out.sibling_count, 0);
}

/* As when it has expired: a context of (A, 2) would cover (A, 1) too. */
static void one_sibling_is_replaced_and_no_other(void **state)
{
    (void)state;
    struct object one = written(object_empty(), nothing_seen, value(A, 1, "stays"));
    struct object two = written(one, nothing_seen, value(A, 2, "goes"));
    struct sibling tombstone = {.dot = {B, 1}, .hlc = 9, .kind = SIBLING_TOMBSTONE};
    struct object out;
    assert_int_equal(object_replace(&arena, &two, (struct dot){A, 2}, &tombstone, &out), 0);
    assert_true(object_valid(&out));
    assert_values(out, "stays", "");
    assert_int_equal(out.siblings[1].kind, SIBLING_TOMBSTONE);
    struct object elsewhere = merged(two, out);
    assert_true(object_equal(&elsewhere, &out)); /* it goes there as well */
    assert_int_equal(object_replace(&arena, &out, (struct dot){A, 2}, &tombstone, &elsewhere),
                     SHOAL_ENOTFOUND);
    tombstone.dot = (struct dot){A, 2};
    assert_int_equal(object_replace(&arena, &two, (struct dot){A, 1}, &tombstone, &elsewhere),
                     SHOAL_ECONTEXT);
}

static void an_object_without_a_sibling_keeps_its_context(void **state)
{
    (void)state;
    struct object one = written(object_empty(), nothing_seen, value(A, 1, "stays"));
    struct object two = written(one, nothing_seen, value(B, 1, "goes"));
    struct object out;
    assert_int_equal(object_without(&arena, &two, (struct dot){B, 1}, &out), 0);
    assert_true(object_valid(&out));
    assert_values(out, "stays", NULL);
    assert_true(version_vector_equal(out.context, two.context));
    assert_int_equal(object_without(&arena, &out, (struct dot){A, 1}, &out), 0);
    assert_true(object_valid(&out));
    assert_int_equal(out.sibling_count, 0);
}

static void merging_what_is_included_changes_nothing_and_takes_no_memory(void **state)
{
    (void)state;
    struct object old = written(object_empty(), nothing_seen, value(A, 1, "old"));
    struct object new = written(old, old.context, value(A, 2, "new"));
    struct object out;
    mem_fail_from(1);
    assert_int_equal(object_merge(&arena, &new, &old, &out), 0);
    assert_ptr_equal(out.siblings, new.siblings);
    assert_int_equal(object_merge(&arena, &old, &new, &out), 0);
    assert_ptr_equal(out.siblings, new.siblings);
    struct object none = object_empty();
    assert_int_equal(object_merge(&arena, &none, &new, &out), 0);
    assert_ptr_equal(out.siblings, new.siblings);
}

static void inclusion_is_more_than_a_wider_context(void **state)
{
    (void)state;
    struct object put = written(object_empty(), nothing_seen, value(A, 1, "x"));
    struct object gone = {.context = put.context}; /* all seen, nothing left */
    assert_true(object_includes(&gone, &put));
    assert_false(object_includes(&put, &gone));
    assert_true(object_includes(&put, &put));
    struct object empty = object_empty();
    assert_true(object_includes(&put, &empty));
    assert_false(object_includes(&empty, &put));
}

static void two_contents_under_one_dot_converge_whatever_the_order(void **state)
{
    (void)state;
    struct object a = written(object_empty(), nothing_seen, value(A, 1, "sound"));
    struct object b = written(object_empty(), nothing_seen, value(A, 1, "spoilt"));
    struct object ab = merged(a, b);
    struct object ba = merged(b, a);
    assert_true(object_equal(&ab, &ba));
    assert_int_equal(ab.sibling_count, 1);
    assert_false(object_equal(&a, &b));
}

static void equality_looks_at_every_field(void **state)
{
    (void)state;
    struct object base = written(object_empty(), nothing_seen, value(A, 1, "x"));
    for (int field = 0; field < 6; field++) {
        struct sibling changed = base.siblings[0];
        struct object other = base;
        struct dot wider[] = {{A, 1}, {B, 1}};
        other.siblings = &changed;
        assert_true(object_equal(&base, &other));
        switch (field) {
        case 0:
            changed.dot.actor++;
            break;
        case 1:
            changed.hlc++;
            break;
        case 2:
            changed.expiry_ms++;
            break;
        case 3:
            changed.kind = SIBLING_COUNTER;
            break;
        case 4:
            changed.value = bytes_from_string("y");
            break;
        default:
            other.context = (struct version_vector){.entries = wider, .count = 2};
            break;
        }
        assert_false(object_equal(&base, &other));
    }
}

static struct object many_siblings(uint32_t count, uint64_t actor)
{
    struct object object = object_empty();
    for (uint32_t i = 0; i < count; i++) {
        object = written(object, nothing_seen, value(actor, i + 1, "x"));
    }
    return object;
}

static void too_many_siblings_are_refused_as_overloaded(void **state)
{
    (void)state;
    struct object full = many_siblings(LIMIT_SIBLINGS, A);
    struct object other = many_siblings(1, B);
    struct object out = object_empty();
    struct sibling one_more = value(A, LIMIT_SIBLINGS + 1, "x");
    assert_int_equal(object_write(&arena, &full, nothing_seen, &one_more, &out), SHOAL_EOVERLOAD);
    assert_int_equal(object_merge(&arena, &full, &other, &out), SHOAL_EOVERLOAD);
    assert_int_equal(out.sibling_count, 0);
    /* One that resolves them is welcome. */
    assert_int_equal(object_write(&arena, &full, full.context, &one_more, &out), 0);
    assert_int_equal(out.sibling_count, 1);
}

static void running_out_of_memory_leaves_the_output_alone(void **state)
{
    (void)state;
    struct object a = written(object_empty(), nothing_seen, value(A, 1, "a"));
    struct object b = written(object_empty(), nothing_seen, value(B, 1, "b"));
    struct object out = object_empty();
    struct arena fresh;
    arena_init(&fresh, 0);
    mem_fail_from(1);
    assert_int_equal(object_merge(&fresh, &a, &b, &out), SHOAL_ENOMEM);
    struct sibling added = value(C, 1, "c");
    assert_int_equal(object_write(&fresh, &a, b.context, &added, &out), SHOAL_ENOMEM);
    mem_fail_never();
    arena_deinit(&fresh);
    assert_int_equal(out.sibling_count, 0);
}

static void objects_that_break_an_invariant_are_not_valid(void **state)
{
    (void)state;
    struct sibling siblings[2] = {value(A, 1, "a"), value(B, 1, "b")};
    struct dot entries[2] = {{A, 1}, {B, 1}};
    struct object object = {
        .context = {.entries = entries, .count = 2}, .siblings = siblings, .sibling_count = 2};
    assert_true(object_valid(&object));
    object.context.count = 1; /* b is not covered */
    assert_false(object_valid(&object));
    object.context.count = 2;
    siblings[1] = siblings[0]; /* the same twice */
    assert_false(object_valid(&object));
    siblings[1] = value(B, 1, "b");
    siblings[1].kind = 3;
    assert_false(object_valid(&object));
    siblings[1].kind = SIBLING_TOMBSTONE; /* with bytes */
    assert_false(object_valid(&object));
    siblings[1].value = (struct bytes){0};
    assert_true(object_valid(&object));
    siblings[1].expiry_ms = 1; /* a tombstone does not expire */
    assert_false(object_valid(&object));
    siblings[1] = value(B, 0, "b");
    assert_false(object_valid(&object));
    siblings[1] = value(B, 1, "b");
    siblings[1].value.len = LIMIT_VALUE_BYTES_MAX + 1;
    assert_false(object_valid(&object));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_put_with_its_context_replaces_what_it_saw),
        TEST(two_puts_with_the_same_old_context_become_siblings),
        TEST(a_put_with_the_merged_context_resolves_siblings),
        TEST(a_context_ahead_of_the_coordinator_is_taken_over),
        TEST(a_stale_copy_does_not_bring_back_what_a_tombstone_replaced),
        TEST(a_dot_that_is_covered_already_is_refused),
        TEST(one_sibling_is_replaced_and_no_other),
        TEST(an_object_without_a_sibling_keeps_its_context),
        TEST(merging_what_is_included_changes_nothing_and_takes_no_memory),
        TEST(inclusion_is_more_than_a_wider_context),
        TEST(two_contents_under_one_dot_converge_whatever_the_order),
        TEST(equality_looks_at_every_field),
        TEST(too_many_siblings_are_refused_as_overloaded),
        TEST(running_out_of_memory_leaves_the_output_alone),
        TEST(objects_that_break_an_invariant_are_not_valid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
