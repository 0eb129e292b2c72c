/* Summaries as bytes: what was shown comes back, and nothing that was not written is believed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"
#include "base/memory.h"
#include "base/random.h"
#include "member/summary.h"
#include "shoal/error.h"

#define ROUNDS 300u
#define NODES_MAX 70u

static int setup(void **state)
{
    static struct arena arena;
    arena_init(&arena, 1 << 20);
    *state = &arena;
    return 0;
}

static int teardown(void **state)
{
    arena_deinit(*state);
    return 0;
}

/* Few bits as often as many. */
static uint64_t number(struct random *random)
{
    return random_u64(random) >> random_below(random, 64);
}

static struct summary any(struct random *random, struct arena *arena)
{
    struct summary summary = {
        .members_digest = number(random),
        .versions_digest = number(random),
        .count = (uint32_t)random_below(random, NODES_MAX),
        .ids = random_chance(random, 0.5),
        .versions = random_chance(random, 0.5),
        .entries = arena_alloc_array(arena, NODES_MAX, sizeof(*summary.entries)),
    };
    summary.versions = summary.versions || summary.ids;
    for (uint32_t i = 0; i < summary.count; i++) {
        if (summary.ids || random_chance(random, 0.6)) {
            summary.entries[summary.entry_count++] = (struct summary_entry){
                .place = i,
                .id = summary.ids ? 1000 * (i + 1) + random_below(random, 1000) : 0,
                .generation = summary.ids ? number(random) : 0,
                .version = summary.versions ? number(random) : 0,
                .heartbeat = number(random),
            };
        }
    }
    return summary;
}

static void what_is_shown_comes_back(void **state)
{
    struct arena *arena = *state;
    struct random random;
    random_init(&random, 1);
    for (uint32_t round = 0; round < ROUNDS; round++) {
        struct summary out;
        arena_reset(arena);
        struct summary summary = any(&random, arena);
        assert_int_equal(summary_decode(summary_encode(&summary, arena), arena, &out), 0);
        assert_int_equal(out.ids, summary.ids);
        assert_int_equal(out.versions, summary.versions);
        assert_true(out.members_digest == summary.members_digest);
        assert_true(out.versions_digest == summary.versions_digest);
        assert_int_equal(out.count, summary.count);
        assert_int_equal(out.entry_count, summary.entry_count);
        for (uint32_t i = 0; i < out.entry_count; i++) {
            assert_int_equal(out.entries[i].place, summary.entries[i].place);
            assert_true(out.entries[i].id == summary.entries[i].id);
            assert_true(out.entries[i].generation == summary.entries[i].generation);
            assert_true(out.entries[i].version == summary.entries[i].version);
            assert_true(out.entries[i].heartbeat == summary.entries[i].heartbeat);
        }
    }
}

static void damaged_ones_are_refused_or_stay_within_bounds(void **state)
{
    struct arena *arena = *state;
    struct random random;
    random_init(&random, 2);
    for (uint32_t round = 0; round < ROUNDS; round++) {
        struct summary out;
        arena_reset(arena);
        struct summary summary = any(&random, arena);
        struct bytes bytes = summary_encode(&summary, arena);
        assert_int_equal(summary_decode(bytes_make(bytes.data, bytes.len - 1), arena, &out),
                         SHOAL_EPROTO);
        uint8_t *hurt = mem_alloc(bytes.len); /* its end is where a sanitizer looks */
        assert_non_null(hurt);
        memcpy(hurt, bytes.data, bytes.len);
        hurt[random_below(&random, bytes.len)] ^= (uint8_t)(1u << random_below(&random, 8));
        if (summary_decode(bytes_make(hurt, bytes.len), arena, &out) == 0) {
            assert_true(out.entry_count <= out.count && out.count <= LIMIT_MEMBERS);
            for (uint32_t i = 0; i < out.entry_count; i++) {
                assert_true(out.entries[i].place < out.count);
                assert_true(i == 0 || out.entries[i].place > out.entries[i - 1].place);
                assert_true(!out.ids || i == 0 || out.entries[i].id > out.entries[i - 1].id);
            }
        }
        mem_free(hurt);
    }
}

static void more_nodes_than_there_may_be_are_refused(void **state)
{
    struct arena *arena = *state;
    struct summary out;
    struct summary summary = {.count = LIMIT_MEMBERS + 1};
    assert_int_equal(summary_decode(summary_encode(&summary, arena), arena, &out), SHOAL_EPROTO);
    assert_int_equal(summary_decode((struct bytes){0}, arena, &out), SHOAL_EPROTO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_shown_comes_back, setup, teardown),
        cmocka_unit_test_setup_teardown(damaged_ones_are_refused_or_stay_within_bounds, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(more_nodes_than_there_may_be_are_refused, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
