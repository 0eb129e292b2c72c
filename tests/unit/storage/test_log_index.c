/* What the log engine's index promises, one thing at a time; that it agrees with a plain model
 * under random operations is shown in tests/property/storage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/hash.h"
#include "shoal/error.h"
#include "storage/log_actors.h"
#include "storage/log_index.h"

#define COUNTER_MAX ((UINT64_C(1) << 33) - 1)

struct index_test {
    struct log_index_heap heap;
    struct log_index *index;
};

static int setup(void **state)
{
    struct index_test *test = calloc(1, sizeof(*test));
    if (test == NULL) {
        return 1;
    }
    log_index_heap_init(&test->heap, 0);
    *state = test;
    return log_index_new(&test->heap, &test->index);
}

static int teardown(void **state)
{
    struct index_test *test = *state;
    mem_fail_never();
    if (test->index != NULL) {
        log_index_check(test->index);
        log_index_free(test->index);
    }
    log_index_heap_deinit(&test->heap); /* asserts that nothing is left */
    free(test);
    return 0;
}

static struct log_entry entry_of(uint64_t number)
{
    uint64_t mix = hash_mix(number + 1);
    return (struct log_entry){.position = mix,
                              .tag = (uint16_t)hash_mix(mix),
                              .place = {.slot = (uint32_t)mix & 0xffff, .unit = (uint32_t)number},
                              .size_class = log_size_class(128),
                              .simple = true,
                              .dot = {.actor = 1 + number % 3, .counter = number + 1}};
}

static int put(struct log_index *index, const struct log_entry *entry)
{
    struct log_entry before;
    return log_index_put(index, entry, &before);
}

static int put_number(struct log_index *index, uint64_t number)
{
    const struct log_entry entry = entry_of(number);
    return put(index, &entry);
}

static int find(const struct log_index *index, uint64_t position, struct log_entry *out)
{
    return log_index_find(index, position, 0, out);
}

static struct log_entry entry_at(uint64_t position, uint64_t actor, uint64_t counter)
{
    return (struct log_entry){
        .position = position, .simple = true, .dot = {.actor = actor, .counter = counter}};
}

static void every_field_comes_back_as_it_was_put(void **state)
{
    struct index_test *test = *state;
    const struct log_entry entries[] = {
        {.position = 0, .simple = true, .dot = {.actor = 1, .counter = 1}},
        {.position = UINT64_MAX,
         .tag = UINT16_MAX,
         .place = {.slot = (1u << LOG_SLOT_BITS) - 1, .unit = (1u << LOG_OFFSET_BITS) - 1},
         .size_class = (1u << LOG_SIZE_CLASS_BITS) - 1,
         .simple = true,
         .tombstone = true,
         .expires = true,
         .dot = {.actor = UINT64_MAX, .counter = COUNTER_MAX}},
        {.position = UINT64_MAX, .tag = 1, .size_class = 5, .simple = false},
        {.position = 7, .simple = true, .tombstone = true, .dot = {.actor = 1, .counter = 2}},
        {.position = 8, .simple = true, .expires = true, .dot = {.actor = 1, .counter = 3}},
        {.position = UINT64_MAX - 1,
         .tag = 3,
         .place = {.slot = 1u << (LOG_SLOT_BITS - 1), .unit = 1},
         .simple = true,
         .dot = {.actor = 1, .counter = UINT64_C(1) << 32}},
    };
    for (uint32_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++) {
        assert_int_equal(put(test->index, &entries[i]), 0);
    }
    for (uint32_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++) {
        struct log_entry out;
        assert_int_equal(log_index_find(test->index, entries[i].position, entries[i].tag, &out), 0);
        assert_true(out.position == entries[i].position);
        assert_int_equal(out.tag, entries[i].tag);
        assert_int_equal(out.place.slot, entries[i].place.slot);
        assert_int_equal(out.place.unit, entries[i].place.unit);
        assert_int_equal(out.size_class, entries[i].size_class);
        assert_int_equal(out.simple, entries[i].simple);
        assert_int_equal(out.tombstone, entries[i].tombstone);
        assert_int_equal(out.expires, entries[i].expires);
        assert_true(dot_equal(out.dot, entries[i].dot));
    }
}

static void a_counter_that_is_too_large_makes_an_entry_that_is_not_simple(void **state)
{
    struct index_test *test = *state;
    const struct log_entry entry = entry_at(7, 9, COUNTER_MAX + 1);
    struct log_entry out;
    assert_int_equal(put(test->index, &entry), 0);
    assert_int_equal(find(test->index, 7, &out), 0);
    assert_false(out.simple);
}

static void sizes_are_exact_up_to_512_bytes_and_a_sixteenth_too_large_at_most(void **state)
{
    (void)state;
    uint64_t last = 0;
    for (uint64_t bytes = 16; bytes < LOG_RECORD_BYTES_MAX + bytes / 50; bytes += 16 + bytes / 50) {
        uint64_t size = bytes / LOG_UNIT_BYTES * LOG_UNIT_BYTES;
        uint64_t rounded = log_size_of_class(log_size_class(size));
        assert_true(rounded >= size && rounded <= size + size / 16);
        assert_true(size > 512 || rounded == size);
        assert_true(rounded >= last);
        assert_int_equal(log_size_class(rounded), log_size_class(size));
        last = rounded;
    }
}

static void actors_that_no_entry_names_make_room_for_others(void **state)
{
    struct index_test *test = *state;
    struct log_entry out;
    for (uint64_t actor = 1; actor <= 5 * LOG_ACTORS_MAX; actor++) {
        const struct log_entry entry = entry_at(actor % 10, actor, actor);
        assert_int_equal(put(test->index, &entry), actor > 10);
        assert_int_equal(find(test->index, actor % 10, &out), 0);
        assert_true(out.simple && out.dot.actor == actor);
    }
}

static void one_actor_too_many_is_not_simple_until_another_goes(void **state)
{
    struct index_test *test = *state;
    struct log_entry out;
    for (uint64_t actor = 1; actor <= LOG_ACTORS_MAX; actor++) {
        const struct log_entry entry = entry_at(actor << 50, actor, 1);
        assert_int_equal(put(test->index, &entry), 0);
        assert_int_equal(find(test->index, actor << 50, &out), 0);
        assert_true(out.simple);
    }
    const struct log_entry more = entry_at(1, LOG_ACTORS_MAX + 1, 1);
    assert_int_equal(put(test->index, &more), 0);
    assert_int_equal(find(test->index, 1, &out), 0);
    assert_false(out.simple);
    assert_int_equal(log_index_remove(test->index, UINT64_C(500) << 50, 0, &out), 0);
    assert_int_equal(out.dot.actor, 500);
    assert_int_equal(put(test->index, &more), 1);
    assert_int_equal(find(test->index, 1, &out), 0);
    assert_true(out.simple && out.dot.actor == LOG_ACTORS_MAX + 1);
}

static void only_what_lies_at_the_old_place_is_moved(void **state)
{
    struct index_test *test = *state;
    const struct log_place old = {.slot = 3, .unit = 4};
    const struct log_place new = {.slot = 5, .unit = 6};
    struct log_entry entry = entry_at(1, 2, 3);
    entry.place = old;
    assert_int_equal(put(test->index, &entry), 0);
    assert_false(log_index_move(test->index, 1, 1, old, new));
    assert_false(log_index_move(test->index, 2, 0, old, new));
    assert_false(log_index_move(test->index, 1, 0, new, old));
    assert_true(log_index_move(test->index, 1, 0, old, new));
    struct log_entry out;
    assert_int_equal(find(test->index, 1, &out), 0);
    assert_int_equal(out.place.slot, 5);
    assert_int_equal(out.place.unit, 6);
    assert_true(out.simple && out.dot.counter == 3);
}

static void after_a_reservation_a_put_needs_no_memory(void **state)
{
    struct index_test *test = *state;
    for (uint64_t number = 0; number < 3000; number++) {
        const struct log_entry entry = entry_of(number);
        assert_int_equal(log_index_reserve(test->index, entry.position), 0);
        mem_fail_from(1);
        assert_int_equal(put(test->index, &entry), 0);
        mem_fail_never();
    }
}

static void over_the_bound_a_put_is_refused_and_the_rest_is_there(void **state)
{
    struct index_test *test = *state;
    test->heap.budget.bytes_max = 1 << 20;
    uint64_t number = 0;
    while (put_number(test->index, number) == 0) {
        number++;
    }
    assert_int_equal(put_number(test->index, number), SHOAL_ENOMEM);
    assert_int_equal(log_index_count(test->index), number);
    assert_true(number > 20000);
    assert_int_equal(put_number(test->index, 5), 1);
    struct log_entry out;
    for (uint64_t i = 0; i < number; i++) {
        const struct log_entry entry = entry_of(i);
        assert_int_equal(log_index_find(test->index, entry.position, entry.tag, &out), 0);
    }
}

/* All of it, at every stage of growth, once there is a fair number of keys. */
static void a_key_costs_26_bytes_at_most_however_full_the_index_is(void **state)
{
    struct index_test *test = *state;
    for (uint64_t number = 0; number < 1500000; number++) {
        assert_int_equal(put_number(test->index, number), 0);
        if (number > 500000 && number % 1000 == 0) {
            assert_true(test->heap.budget.held_bytes <= number * 26);
        }
    }
}

static void so_it_does_after_a_load_in_order_of_position(void **state)
{
    struct index_test *test = *state;
    const uint64_t count = 600000;
    log_index_expect(test->index, count);
    for (uint64_t number = 0; number < count; number++) {
        const struct log_entry entry = entry_at(UINT64_MAX / count * number, 1, 1);
        assert_int_equal(put(test->index, &entry), 0);
    }
    assert_true(test->heap.budget.held_bytes <= count * 26);
}

static void growth_touches_one_leaf_at_a_time(void **state)
{
    struct index_test *test = *state;
    uint64_t bytes = log_index_bytes(test->index);
    for (uint64_t number = 0; number < 20000; number++) {
        assert_int_equal(put_number(test->index, number), 0);
        uint64_t now = log_index_bytes(test->index);
        assert_true(now < bytes + 4096);
        bytes = now;
    }
}

static void an_index_is_freed_in_steps_and_its_memory_goes_back(void **state)
{
    struct index_test *test = *state;
    struct log_index *other;
    assert_int_equal(log_index_new(&test->heap, &other), 0);
    uint64_t empty_bytes = test->heap.budget.held_bytes;
    for (uint64_t number = 0; number < 100000; number++) {
        assert_int_equal(put_number(number % 10 == 0 ? other : test->index, number), 0);
    }
    uint64_t full_bytes = test->heap.budget.held_bytes;
    uint32_t steps = 1;
    while (log_index_free_some(test->index)) {
        log_index_check(other);
        steps++;
    }
    test->index = other;
    assert_in_range(steps, 5, 50);
    for (uint64_t number = 0; number < 100000; number += 10) {
        const struct log_entry entry = entry_of(number);
        struct log_entry out;
        assert_int_equal(log_index_remove(other, entry.position, entry.tag, &out), 0);
    }
    while (log_index_heap_release(&test->heap)) {
    }
    assert_true(test->heap.budget.held_bytes < empty_bytes + full_bytes / 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_field_comes_back_as_it_was_put),
        TEST(a_counter_that_is_too_large_makes_an_entry_that_is_not_simple),
        TEST(sizes_are_exact_up_to_512_bytes_and_a_sixteenth_too_large_at_most),
        TEST(actors_that_no_entry_names_make_room_for_others),
        TEST(one_actor_too_many_is_not_simple_until_another_goes),
        TEST(only_what_lies_at_the_old_place_is_moved),
        TEST(after_a_reservation_a_put_needs_no_memory),
        TEST(over_the_bound_a_put_is_refused_and_the_rest_is_there),
        TEST(a_key_costs_26_bytes_at_most_however_full_the_index_is),
        TEST(so_it_does_after_a_load_in_order_of_position),
        TEST(growth_touches_one_leaf_at_a_time),
        TEST(an_index_is_freed_in_steps_and_its_memory_goes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
