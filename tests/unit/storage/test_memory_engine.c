/* The memory engine: all that the port demands, and what it promises beyond that. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/limits.h"
#include "base/memory.h"
#include "shoal/error.h"
#include "storage/memory_engine.h"
#include "support/engine_conformance.h"

#define PARTITIONS 256u
#define KEYS 100000u
#define KEY_BYTES 16u
#define RECORD_BYTES 122u      /* a value of 100 bytes in an object of one sibling */
#define OVERHEAD_BYTES_MAX 42u /* and 22 in the object make 64 */

static int open_memory(void *self, const struct engine_options *options, bool fresh,
                       struct engine **out)
{
    (void)self;
    assert_true(fresh);
    return memory_engine_new(options, out);
}

static void a_number_of_partitions_out_of_range_is_refused(void **state)
{
    (void)state;
    struct engine *engine = NULL;
    struct engine_options options = {.partitions = 0};
    assert_int_equal(memory_engine_new(&options, &engine), SHOAL_EINVAL);
    options.partitions = LIMIT_PARTITIONS_MAX + 1;
    assert_int_equal(memory_engine_new(&options, &engine), SHOAL_EINVAL);
    assert_null(engine);
}

static void opening_without_memory_is_refused(void **state)
{
    (void)state;
    const struct engine_options options = {.partitions = 16};
    for (uint64_t nth = 1; nth < 10; nth++) {
        struct engine *engine = NULL;
        mem_fail_from(nth);
        int code = memory_engine_new(&options, &engine);
        mem_fail_never();
        assert_true(code == 0 || (code == SHOAL_ENOMEM && engine == NULL));
        if (code == 0) {
            engine->ops->free(engine);
            return;
        }
    }
    fail_msg("opening an engine never succeeds");
}

static void it_says_that_it_forgets(void **state)
{
    (void)state;
    struct engine *engine;
    const struct engine_options options = {.partitions = 1};
    assert_int_equal(memory_engine_new(&options, &engine), 0);
    assert_false(engine->keeps_data);
    assert_string_equal(engine->ops->name, "memory");
    engine->ops->flush(engine);
    engine->ops->free(engine);
}

static void put_number(struct engine *engine, const struct hash_secret *secret, uint32_t number)
{
    char text[KEY_BYTES + 1];
    snprintf(text, sizeof(text), "key %012u", number);
    uint8_t record[RECORD_BYTES] = {0};
    struct bytes bytes = bytes_make(text, KEY_BYTES);
    struct engine_key key = engine_key_of(secret, (uint32_t)(hash_xxh3(bytes) % PARTITIONS), bytes);
    uint64_t sequence;
    assert_int_equal(engine->ops->put(engine, &key, bytes_make(record, RECORD_BYTES), &sequence),
                     0);
}

static void a_key_costs_little_more_than_itself_however_full_the_index_is(void **state)
{
    (void)state;
    struct engine *engine;
    const struct engine_options options = {.partitions = PARTITIONS};
    struct hash_secret secret;
    const uint8_t seed[32] = {9};
    hash_secret_init(&secret, seed);
    struct engine_stats stats;
    assert_int_equal(memory_engine_new(&options, &engine), 0);
    engine->ops->stats(engine, ENGINE_DATA, &stats);
    uint64_t fixed = stats.memory_bytes;
    for (uint32_t i = 1; i <= KEYS; i++) {
        put_number(engine, &secret, i);
        engine->ops->stats(engine, ENGINE_DATA, &stats);
        if (i > KEYS / 4 * 3) { /* below that, slabs begun count */
            assert_true(stats.memory_bytes - fixed - stats.bytes <=
                        (uint64_t)i * OVERHEAD_BYTES_MAX);
        }
    }
    memory_engine_check(engine);
    engine->ops->free(engine);
}

static void fill(struct engine *engine)
{
    struct hash_secret secret;
    const uint8_t seed[32] = {9};
    hash_secret_init(&secret, seed);
    for (uint32_t i = 0; i < KEYS; i++) {
        put_number(engine, &secret, i);
    }
}

static uint64_t memory_held(const struct engine *engine)
{
    struct engine_stats stats;
    engine->ops->stats(engine, UINT32_MAX, &stats);
    return stats.memory_bytes;
}

static void what_was_dropped_is_freed_a_little_at_every_flush(void **state)
{
    (void)state;
    struct engine *engine;
    const struct engine_options options = {.partitions = PARTITIONS};
    assert_int_equal(memory_engine_new(&options, &engine), 0);
    uint64_t empty = memory_held(engine);
    fill(engine);
    uint64_t full = memory_held(engine);
    for (uint32_t i = 0; i < PARTITIONS; i++) {
        uint64_t sequence;
        assert_int_equal(engine->ops->drop(engine, i, &sequence), 0);
    }
    assert_int_equal(memory_held(engine), full);
    uint32_t flushes = 0;
    while (memory_held(engine) > empty) {
        engine->ops->flush(engine);
        flushes++;
        assert_true(flushes < KEYS);
        if (flushes % 50 == 0) {
            memory_engine_check(engine);
        }
    }
    assert_true(flushes > 100);
    assert_int_equal(memory_held(engine), empty);
    memory_engine_check(engine);
    engine->ops->free(engine);
}

static void a_put_that_needs_the_memory_of_what_was_dropped_gets_it(void **state)
{
    (void)state;
    struct engine *engine;
    const struct engine_options options = {.partitions = PARTITIONS,
                                           .memory_bytes_max = KEYS * 200};
    assert_int_equal(memory_engine_new(&options, &engine), 0);
    for (uint32_t round = 0; round < 3; round++) {
        fill(engine);
        for (uint32_t i = 0; i < PARTITIONS; i++) {
            uint64_t sequence;
            assert_int_equal(engine->ops->drop(engine, i, &sequence), 0);
        }
        memory_engine_check(engine);
    }
    fill(engine);
    struct engine_stats stats;
    engine->ops->stats(engine, UINT32_MAX, &stats);
    assert_int_equal(stats.keys, KEYS);
    memory_engine_check(engine);
    engine->ops->free(engine);
}

static void an_engine_may_be_freed_before_what_was_dropped(void **state)
{
    (void)state;
    struct engine *engine;
    const struct engine_options options = {.partitions = PARTITIONS};
    assert_int_equal(memory_engine_new(&options, &engine), 0);
    fill(engine);
    uint64_t sequence;
    assert_int_equal(engine->ops->drop(engine, 7, &sequence), 0);
    fill(engine);
    engine->ops->free(engine);
}

int main(void)
{
    const struct engine_subject subject = {.name = "memory engine: conformance",
                                           .open = open_memory,
                                           .check = memory_engine_check,
                                           .bounds_memory = true,
                                           .fails_by_allocation = true};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_number_of_partitions_out_of_range_is_refused),
        cmocka_unit_test(opening_without_memory_is_refused),
        cmocka_unit_test(it_says_that_it_forgets),
        cmocka_unit_test(a_key_costs_little_more_than_itself_however_full_the_index_is),
        cmocka_unit_test(what_was_dropped_is_freed_a_little_at_every_flush),
        cmocka_unit_test(a_put_that_needs_the_memory_of_what_was_dropped_gets_it),
        cmocka_unit_test(an_engine_may_be_freed_before_what_was_dropped),
    };
    int failures = engine_conformance_run(&subject);
    return failures + cmocka_run_group_tests_name("memory engine", tests, NULL, NULL);
}
