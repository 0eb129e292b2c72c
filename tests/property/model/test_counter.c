/* The laws of joining counters, on copies that some actors have added to and exchanged at random:
 * the order of joins does not matter, and what all copies come to is everything that was added.
 * Each test prints the seed it ended with; SHOAL_SEED runs one alone. Bytes that were damaged are
 * refused or mean something canonical. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"
#include "base/random.h"
#include "model/counter.h"

#define SEEDS 2000u
#define STEPS 60u
#define COPIES 4u

struct run {
    struct random random;
    struct counter copies[COPIES];
    uint64_t given[COPIES]; /* the last dot of the actor that adds to the copy; each has one */
    uint64_t actors[COPIES];
    int64_t added;
};

static struct arena arena;
static uint64_t seed;

static struct counter joined(const struct counter *a, const struct counter *b)
{
    struct counter out;
    assert_int_equal(counter_join(&arena, a, b, &out), 0);
    return out;
}

static void assert_same(const struct counter *a, const struct counter *b)
{
    assert_true(bytes_equal(counter_encode(&arena, a), counter_encode(&arena, b)));
}

static void run_begin(struct run *run)
{
    memset(run, 0, sizeof(*run));
    random_init(&run->random, seed);
    for (uint32_t i = 0; i < COPIES; i++) {
        run->copies[i] = (struct counter){.epoch = {1, 1}, .base = 10};
        run->actors[i] = 2 + i;
    }
}

static void run_add(struct run *run, uint32_t at)
{
    int64_t delta = (int64_t)random_below(&run->random, 2001) - 1000;
    int64_t total;
    if (random_chance(&run->random, 0.05)) { /* it ends, and another begins */
        run->actors[at] += COPIES;
        run->given[at] = 0;
    }
    uint64_t before = run->given[at];
    if (random_chance(&run->random, 0.1)) {
        before = ++run->given[at]; /* of something else */
    }
    struct dot dot = {run->actors[at], ++run->given[at]};
    assert_int_equal(
        counter_add(&arena, &run->copies[at], dot, before, delta, &run->copies[at], &total), 0);
    run->added += delta;
}

static void run_step(struct run *run)
{
    uint32_t at = (uint32_t)random_below(&run->random, COPIES);
    if (random_chance(&run->random, 0.5)) {
        run_add(run, at);
    } else {
        uint32_t from = (uint32_t)random_below(&run->random, COPIES);
        run->copies[at] = joined(&run->copies[at], &run->copies[from]);
    }
}

static void for_each_run(void (*holds)(struct run *run))
{
    const char *chosen = getenv("SHOAL_SEED");
    uint64_t first = chosen != NULL ? strtoull(chosen, NULL, 10) : 1;
    uint64_t last = chosen != NULL ? first : SEEDS;
    arena_init(&arena, LIMIT_ARENA_KEEP_BYTES);
    for (seed = first; seed <= last; seed++) {
        struct run run;
        run_begin(&run);
        for (unsigned step = 0; step < STEPS; step++) {
            run_step(&run);
        }
        holds(&run);
        arena_reset(&arena);
    }
    print_message("ended with seed %llu\n", (unsigned long long)seed);
    arena_deinit(&arena);
}

static void joins_are_a_lattice(struct run *run)
{
    const struct counter *copies = run->copies;
    struct counter ab = joined(&copies[0], &copies[1]);
    struct counter ba = joined(&copies[1], &copies[0]);
    assert_same(&ab, &ba);
    struct counter bc = joined(&copies[1], &copies[2]);
    struct counter ab_c = joined(&ab, &copies[2]);
    struct counter a_bc = joined(&copies[0], &bc);
    assert_same(&ab_c, &a_bc);
    struct counter twice = joined(&ab, &ab);
    assert_same(&ab, &twice);
    struct counter again = joined(&ab, &copies[0]);
    assert_same(&ab, &again);
}

static void joins_commute_associate_and_are_idempotent(void **state)
{
    (void)state;
    for_each_run(joins_are_a_lattice);
}

static void all_is_there(struct run *run)
{
    struct counter all = run->copies[0];
    for (uint32_t i = 1; i < COPIES; i++) {
        all = joined(&all, &run->copies[i]);
    }
    assert_int_equal(counter_total(&all), 10 + run->added);
}

static void every_addition_is_in_the_join_of_all_copies_once(void **state)
{
    (void)state;
    for_each_run(all_is_there);
}

static void damage_is_refused_or_canonical(struct run *run)
{
    struct bytes bytes = counter_encode(&arena, &run->copies[0]);
    struct counter back;
    assert_int_equal(counter_decode(&arena, bytes, &back), 0);
    assert_same(&run->copies[0], &back);
    for (unsigned i = 0; i < 50; i++) {
        struct bytes damaged = arena_copy(&arena, bytes);
        uint8_t *at = (uint8_t *)(uintptr_t)damaged.data;
        at[random_below(&run->random, bytes.len)] ^= (uint8_t)(1 + random_below(&run->random, 255));
        damaged.len -= random_chance(&run->random, 0.3) ? random_below(&run->random, bytes.len) : 0;
        if (counter_decode(&arena, damaged, &back) == 0) {
            assert_true(bytes_equal(counter_encode(&arena, &back), damaged));
        }
    }
}

static void damaged_bytes_are_refused_or_mean_something(void **state)
{
    (void)state;
    for_each_run(damage_is_refused_or_canonical);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(joins_commute_associate_and_are_idempotent),
        cmocka_unit_test(every_addition_is_in_the_join_of_all_copies_once),
        cmocka_unit_test(damaged_bytes_are_refused_or_mean_something),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
