/* The part of the conformance suite in which seeded random operations run against the engine and
 * the model, with positions spread and crowded, memory bounded, and allocations failing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/random.h"
#include "shoal/error.h"
#include "support/engine_conformance_parts.h"

struct mix {
    uint32_t keys;         /* to choose from */
    uint32_t partitions;   /* to choose from */
    bool crowded;          /* few different positions, at the ends of the range too */
    double chance_of_drop; /* of a partition, an operation */
};

static size_t random_len(struct random *random)
{
    switch (random_below(random, 20)) {
    case 0:
        return 0;
    case 1:
        return random_below(random, 12000);
    default:
        return 60 + random_below(random, 100);
    }
}

/* Any bytes, or an object that a brief may tell of. */
static struct bytes random_record(struct trial *trial, struct random *random)
{
    size_t len = random_len(random);
    uint8_t seed = (uint8_t)random_u64(random);
    if (random_chance(random, 0.5)) {
        return trial_bytes(trial, len, seed);
    }
    static uint8_t value[12000];
    memset(value, seed, len);
    struct dot dot = {.actor = 1 + random_below(random, 3),
                      .counter = random_u64(random) >> random_below(random, 64)};
    if (random_chance(random, 0.2)) {
        return trial_tombstone(trial, dot);
    }
    if (random_chance(random, 0.2)) {
        return trial_expiring(trial, dot, 1 + random_below(random, 1000));
    }
    return trial_object(trial, dot, bytes_make(value, len));
}

static struct engine_key random_key(struct trial *trial, struct random *random,
                                    const struct mix *mix, char text[24])
{
    uint64_t number = random_below(random, mix->keys);
    snprintf(text, 24, "key %u", (unsigned)number);
    struct engine_key key = trial_key(trial, (uint32_t)(number % mix->partitions), text);
    if (mix->crowded) {
        uint64_t crowd = key.position % 8;
        key.tag = (uint16_t)number;
        key.position = crowd < 2   ? UINT64_MAX - crowd
                       : crowd < 4 ? crowd - 2
                       : crowd < 6 ? UINT64_C(0x8000000000000000) + (key.position >> 60)
                                   : key.position >> 30;
    }
    return key;
}

/* One write, or none; what can't be done for want of memory is left out of the model too. */
static void random_step(struct trial *trial, struct random *random, const struct mix *mix)
{
    char text[24];
    struct engine_key key = random_key(trial, random, mix, text);
    int code = 0;
    if (random_chance(random, mix->chance_of_drop)) {
        code = trial_try_drop(trial, key.partition);
    } else if (random_chance(random, 0.02)) {
        trial_turn(trial);
    } else if (random_chance(random, 0.3)) {
        code = trial_try_remove(trial, key);
    } else {
        code = trial_try_put(trial, key, random_record(trial, random));
    }
    assert_true(code == 0 || code == SHOAL_ENOMEM);
}

static void run(struct trial *trial, uint64_t seed, uint32_t steps, const struct mix *mix)
{
    struct random random;
    random_init(&random, seed);
    for (uint32_t i = 0; i < steps; i++) {
        random_step(trial, &random, mix);
        if (i % 1024 == 0) {
            trial_check_all(trial);
            uint32_t partition = (uint32_t)random_below(&random, mix->partitions);
            (void)trial_walk(trial, partition, random_u64(&random), 1 + random_below(&random, 100));
        }
    }
    trial_check_all(trial);
}

static const struct engine_options unbounded = {.partitions = TRIAL_PARTITIONS};

void random_operations_agree_with_the_model(void **state)
{
    struct trial *trial = *state;
    static const struct mix mixes[] = {
        {.keys = 50, .partitions = 3, .chance_of_drop = 0.001},
        {.keys = 3000, .partitions = 1, .chance_of_drop = 0.0001},
        {.keys = 6000, .partitions = TRIAL_STORES, .chance_of_drop = 0.0005},
    };
    for (uint32_t i = 0; i < 3; i++) {
        run(trial, 100 + i, 12000, &mixes[i]);
        trial_renew(trial, &unbounded);
    }
}

void random_operations_on_crowded_positions_agree_with_the_model(void **state)
{
    struct trial *trial = *state;
    static const struct mix mixes[] = {
        {.keys = 20, .partitions = 1, .crowded = true},
        {.keys = 4000, .partitions = 2, .crowded = true, .chance_of_drop = 0.0002},
    };
    for (uint32_t i = 0; i < 2; i++) {
        run(trial, 200 + i, 10000, &mixes[i]);
        trial_renew(trial, &unbounded);
    }
}

void random_operations_and_restarts_agree_with_the_model(void **state)
{
    struct trial *trial = *state;
    if (!trial->subject->keeps_data) {
        return;
    }
    static const struct mix mixes[] = {
        {.keys = 300, .partitions = 3, .chance_of_drop = 0.001},
        {.keys = 3000, .partitions = TRIAL_STORES, .chance_of_drop = 0.0005},
        {.keys = 500, .partitions = 2, .crowded = true, .chance_of_drop = 0.0005},
    };
    for (uint32_t i = 0; i < 3; i++) {
        for (uint32_t part = 0; part < 6; part++) {
            run(trial, 600 + 10 * i + part, 1500, &mixes[i]);
            trial_settle(trial);
            trial_restart(trial, part % 2 == 0);
            trial_check_all(trial);
        }
        trial_renew(trial, &unbounded);
    }
}

static uint64_t memory_held(const struct trial *trial)
{
    struct engine_stats stats;
    trial->engine->ops->stats(trial->engine, UINT32_MAX, &stats);
    return stats.memory_bytes;
}

void over_the_memory_bound_a_put_is_refused_and_changes_nothing(void **state)
{
    struct trial *trial = *state;
    if (!trial->subject->bounds_memory) {
        return;
    }
    const uint64_t bound = 4 * 1024 * 1024;
    const struct engine_options options = {.partitions = TRIAL_PARTITIONS,
                                           .memory_bytes_max = bound};
    trial_renew(trial, &options);
    char text[24];
    uint32_t written = 0;
    int code = 0;
    while (code == 0) {
        snprintf(text, sizeof(text), "key %u", written);
        code = trial_try_put(trial, trial_key(trial, written % TRIAL_PARTITIONS, text),
                             trial_bytes(trial, 100, (uint8_t)written));
        written += code == 0;
        assert_true(memory_held(trial) <= bound);
    }
    assert_int_equal(code, SHOAL_ENOMEM);
    assert_true(written > 15000);
    trial_check_all(trial);

    /* What is there can still be read, replaced in its size, and removed; then there is room again.
     */
    trial_put(trial, trial_key(trial, 0, "key 0"), trial_bytes(trial, 100, 7));
    for (uint32_t i = 0; i < written / 2; i++) {
        snprintf(text, sizeof(text), "key %u", i);
        trial_remove(trial, trial_key(trial, i % TRIAL_PARTITIONS, text));
    }
    trial_put(trial, trial_key(trial, 0, "new key"), trial_bytes(trial, 100, 7));
    trial_check_all(trial);
    run(trial, 300, 4000, &(struct mix){.keys = 30000, .partitions = TRIAL_PARTITIONS});
    assert_true(memory_held(trial) <= bound);
}

void memory_that_was_freed_serves_records_of_other_sizes(void **state)
{
    struct trial *trial = *state;
    if (!trial->subject->bounds_memory) {
        return;
    }
    const struct engine_options options = {.partitions = TRIAL_PARTITIONS,
                                           .memory_bytes_max = 4 * 1024 * 1024};
    trial_renew(trial, &options);
    char text[24];
    /* Each round replaces every record by one of another size, in an order of its own. */
    for (uint32_t round = 0; round < 8; round++) {
        size_t len = 50 + (size_t)(round * 37 % 8) * 17;
        for (uint32_t i = 0; i < 12000; i++) {
            uint32_t number = (uint32_t)((uint64_t)i * 7919 * (round + 1) % 12007);
            snprintf(text, sizeof(text), "key %u", number);
            trial_put(trial, trial_key(trial, number % TRIAL_PARTITIONS, text),
                      trial_bytes(trial, len, (uint8_t)number));
        }
    }
    trial_check_all(trial);
}

void a_failed_allocation_changes_nothing(void **state)
{
    struct trial *trial = *state;
    if (!trial->subject->fails_by_allocation) {
        return;
    }
    /* From the nth allocation on all fail for some steps, then memory is there again. */
    static const struct mix mix = {.keys = 4000, .partitions = 4, .chance_of_drop = 0.0005};
    for (uint64_t nth = 1; nth < 40; nth++) {
        struct random random;
        random_init(&random, 400 + nth);
        mem_fail_from(nth);
        for (uint32_t i = 0; i < 1500; i++) {
            random_step(trial, &random, &mix);
        }
        if (!trial->subject->keeps_data) {
            trial_check_all(trial); /* reading takes no memory */
        }
        mem_fail_never();
        for (uint32_t i = 0; i < 300; i++) {
            random_step(trial, &random, &mix);
        }
        trial_check_all(trial);
        if (nth % 4 == 0) {
            trial_renew(trial, &unbounded);
        }
    }
}
