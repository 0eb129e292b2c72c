/* One encoding for each object: whatever is encoded comes back, and whatever decodes is the very
 * encoding of what it decodes to, also after damage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/limits.h"
#include "support/mutate.h"
#include "support/object_history.h"

#define SEEDS 200u
#define STEPS 60u
#define MUTANTS 20u

static struct arena arena;
static struct buffer first;
static struct buffer second;

static int setup(void **state)
{
    (void)state;
    arena_init(&arena, LIMIT_ARENA_KEEP_BYTES);
    buffer_init(&first, 0);
    buffer_init(&second, 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    buffer_deinit(&second);
    buffer_deinit(&first);
    arena_deinit(&arena);
    return 0;
}

typedef void (*property)(struct object_history *history, const struct object *object);

static void for_each_object(property holds)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct object_history *history = arena_alloc(&arena, sizeof(*history));
        history_init(history, &arena, seed);
        for (unsigned step = 0; step < STEPS; step++) {
            history_step(history);
            const struct object *object = history_pick(history);
            buffer_clear(&first);
            assert_int_equal(object_encode(object, &first), 0);
            holds(history, object);
        }
        arena_reset(&arena);
    }
}

static void check_round_trip(struct object_history *history, const struct object *object)
{
    (void)history;
    struct object back;
    assert_true(first.len <= object_encoded_size_max(object));
    assert_int_equal(object_decode(&arena, buffer_bytes(&first), &back), 0);
    assert_true(object_equal(&back, object));
}

static void check_equal_bytes(struct object_history *history, const struct object *object)
{
    const struct object *other = history_pick(history);
    buffer_clear(&second);
    assert_int_equal(object_encode(other, &second), 0);
    assert_true(bytes_equal(buffer_bytes(&first), buffer_bytes(&second)) ==
                object_equal(object, other));
}

static void check_canonical(struct object_history *history, const struct object *object)
{
    for (unsigned i = 0; i < MUTANTS; i++) {
        buffer_clear(&first);
        assert_int_equal(object_encode(object, &first), 0);
        for (uint64_t more = 1 + random_below(&history->random, 3); more > 0; more--) {
            mutate(&history->random, &first);
        }
        struct object damaged;
        if (object_decode(&arena, buffer_bytes(&first), &damaged) != 0) {
            continue;
        }
        assert_true(object_valid(&damaged));
        buffer_clear(&second);
        assert_int_equal(object_encode(&damaged, &second), 0);
        assert_true(bytes_equal(buffer_bytes(&first), buffer_bytes(&second)));
    }
}

static void check_peek(struct object_history *history, const struct object *object)
{
    (void)history;
    struct dot dot;
    bool simple = object->sibling_count == 1 && object->context.count == 1 &&
                  dot_equal(object->siblings[0].dot, object->context.entries[0]);
    assert_true(object_peek_simple(buffer_bytes(&first), &dot) == simple);
    if (simple) {
        assert_true(dot_equal(dot, object->siblings[0].dot));
    }
}

static void every_object_comes_back_from_its_bytes(void **state)
{
    (void)state;
    for_each_object(check_round_trip);
}

static void equal_objects_and_only_they_have_equal_bytes(void **state)
{
    (void)state;
    for_each_object(check_equal_bytes);
}

static void damaged_bytes_are_refused_or_canonical(void **state)
{
    (void)state;
    for_each_object(check_canonical);
}

static void a_peek_agrees_with_decoding(void **state)
{
    (void)state;
    for_each_object(check_peek);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_object_comes_back_from_its_bytes, setup, teardown),
        cmocka_unit_test_setup_teardown(equal_objects_and_only_they_have_equal_bytes, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(damaged_bytes_are_refused_or_canonical, setup, teardown),
        cmocka_unit_test_setup_teardown(a_peek_agrees_with_decoding, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
