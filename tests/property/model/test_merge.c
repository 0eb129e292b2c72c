/* The laws of merge and write, on objects from random histories of a few replicas. Each test
 * prints the seed it ended with; SHOAL_SEED runs one alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/limits.h"
#include "support/object_history.h"

#define SEEDS 1000u
#define STEPS 120u

typedef void (*property)(struct object_history *history);

static struct arena arena;
static uint64_t seed;

static int setup(void **state)
{
    (void)state;
    arena_init(&arena, LIMIT_ARENA_KEEP_BYTES);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    print_message("ended with seed %llu\n", (unsigned long long)seed);
    arena_deinit(&arena);
    return 0;
}

static void for_each_history(property holds)
{
    const char *chosen = getenv("SHOAL_SEED");
    uint64_t first = chosen != NULL ? strtoull(chosen, NULL, 10) : 1;
    uint64_t last = chosen != NULL ? first : SEEDS;
    for (seed = first; seed <= last; seed++) {
        struct object_history *history = arena_alloc(&arena, sizeof(*history));
        history_init(history, &arena, seed);
        for (unsigned step = 0; step < STEPS; step++) {
            history_step(history);
            if (step % 4 == 0) {
                holds(history);
            }
        }
        arena_reset(&arena);
    }
}

static struct object merged(struct object_history *history, const struct object *a,
                            const struct object *b)
{
    struct object out;
    assert_int_equal(object_merge(history->arena, a, b, &out), 0);
    assert_true(object_valid(&out));
    return out;
}

static void check_commutative(struct object_history *history)
{
    const struct object *a = history_pick(history);
    const struct object *b = history_pick(history);
    struct object ab = merged(history, a, b);
    struct object ba = merged(history, b, a);
    assert_true(object_equal(&ab, &ba));
}

static void check_associative(struct object_history *history)
{
    const struct object *a = history_pick(history);
    const struct object *b = history_pick(history);
    const struct object *c = history_pick(history);
    struct object ab = merged(history, a, b);
    struct object bc = merged(history, b, c);
    struct object left = merged(history, &ab, c);
    struct object right = merged(history, a, &bc);
    assert_true(object_equal(&left, &right));
}

static void check_idempotent(struct object_history *history)
{
    const struct object *a = history_pick(history);
    const struct object *b = history_pick(history);
    struct object aa = merged(history, a, a);
    assert_true(object_equal(&aa, a));
    struct object ab = merged(history, a, b);
    struct object again = merged(history, &ab, b);
    assert_true(object_equal(&again, &ab));
    again = merged(history, a, &ab);
    assert_true(object_equal(&again, &ab));
}

static void check_inclusion_agrees_with_merge(struct object_history *history)
{
    const struct object *a = history_pick(history);
    const struct object *b = history_pick(history);
    struct object ab = merged(history, a, b);
    assert_true(object_includes(a, b) == object_equal(&ab, a));
    assert_true(object_includes(b, a) == object_equal(&ab, b));
    assert_true(object_includes(&ab, a) && object_includes(&ab, b));
    assert_true((object_includes(a, b) && object_includes(b, a)) == object_equal(a, b));
}

static void check_history_explains_every_object(struct object_history *history)
{
    const struct object *a = history_pick(history);
    const struct object *b = history_pick(history);
    assert_true(object_valid(a));
    assert_true(history_explains(history, a));
    struct object ab = merged(history, a, b);
    assert_true(history_explains(history, &ab));
}

static bool holds_dot(const struct object *object, struct dot dot)
{
    for (uint32_t i = 0; i < object->sibling_count; i++) {
        if (dot_equal(object->siblings[i].dot, dot)) {
            return true;
        }
    }
    return false;
}

static void check_a_write_replaces_just_what_it_saw(struct object_history *history)
{
    const struct object *current = history_pick(history);
    struct version_vector seen = history_pick(history)->context;
    struct sibling added = {.dot = {random_id(&history->random), 1}, .kind = SIBLING_TOMBSTONE};
    struct object out;
    assert_int_equal(object_write(history->arena, current, seen, &added, &out), 0);
    assert_true(object_valid(&out));
    assert_true(holds_dot(&out, added.dot));
    uint32_t expected = 1;
    for (uint32_t i = 0; i < current->sibling_count; i++) {
        struct dot dot = current->siblings[i].dot;
        bool survives = !version_vector_covers(seen, dot);
        assert_true(holds_dot(&out, dot) == survives);
        expected += survives;
    }
    assert_int_equal(out.sibling_count, expected);
    assert_true(version_vector_descends(out.context, current->context));
    assert_true(version_vector_descends(out.context, seen));
}

static void merge_is_commutative(void **state)
{
    (void)state;
    for_each_history(check_commutative);
}

static void merge_is_associative(void **state)
{
    (void)state;
    for_each_history(check_associative);
}

static void merge_is_idempotent(void **state)
{
    (void)state;
    for_each_history(check_idempotent);
}

static void inclusion_and_equality_agree_with_merge(void **state)
{
    (void)state;
    for_each_history(check_inclusion_agrees_with_merge);
}

static void siblings_survive_until_a_write_that_saw_them(void **state)
{
    (void)state;
    for_each_history(check_history_explains_every_object);
}

static void a_write_replaces_exactly_what_its_context_covers(void **state)
{
    (void)state;
    for_each_history(check_a_write_replaces_just_what_it_saw);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(merge_is_commutative),
        TEST(merge_is_associative),
        TEST(merge_is_idempotent),
        TEST(inclusion_and_equality_agree_with_merge),
        TEST(siblings_survive_until_a_write_that_saw_them),
        TEST(a_write_replaces_exactly_what_its_context_covers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
