#include "property.h"

#include "layouts_world.h"

#include <time.h>

static struct {
    uint64_t acked, reads, commits, dropped, removed;
} totals;

static bool schedule_passes(uint64_t seed, enum mutant mutant)
{
    struct world world;
    world_init(&world, seed, mutant, mutant == MUTANT_NONE && getenv("SHOAL_TRACE") != NULL);
    world_run(&world);
    bool passes = world.failure[0] == 0;
    if (!passes && mutant == MUTANT_NONE) {
        print_error("SHOAL_SEED=%llu (SHOAL_TRACE=1 shows what happens): %s\n",
                    (unsigned long long)seed, world.failure);
    }
    totals.acked += world.acked_count;
    totals.reads += world.read_count;
    totals.commits += world.commit_count;
    totals.dropped += world.dropped_count;
    totals.removed += world.removed_count;
    world_deinit(&world);
    return passes;
}

static void one_schedule(struct random *random)
{
    (void)random;
    CHECK(schedule_passes(property_seed, MUTANT_NONE));
}

static void no_schedule_breaks_the_rules(void **state)
{
    (void)state;
    property_run(one_schedule, 2000);
    print_message("%llu writes acknowledged, %llu reads, %llu commits, %llu drops, %llu removals\n",
                  (unsigned long long)totals.acked, (unsigned long long)totals.reads,
                  (unsigned long long)totals.commits, (unsigned long long)totals.dropped,
                  (unsigned long long)totals.removed);
}

/* A seed nobody has tried before; if it fails it is printed, and kept by whoever sees it. */
static void nor_does_a_fresh_one(void **state)
{
    (void)state;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t seed = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    print_message("fresh seed %llu\n", (unsigned long long)seed);
    for (uint64_t i = 0; i < 20; i++) {
        assert_true(schedule_passes(seed + i, MUTANT_NONE));
    }
}

static void assert_caught(enum mutant mutant, uint64_t schedules)
{
    for (uint64_t seed = 1; seed <= schedules; seed++) {
        if (!schedule_passes(seed, mutant)) {
            return;
        }
    }
    print_error("rule %d can be broken without anything noticing\n", mutant);
    fail();
}

static void broken_rules_are_noticed(void **state)
{
    (void)state;
    assert_caught(MUTANT_SYNC_ONE_PEER, 3000);
    assert_caught(MUTANT_READ_NEWEST, 3000);
    assert_caught(MUTANT_WRITE_NEWEST, 3000);
    assert_caught(MUTANT_RELEASE_EARLY, 3000);
    assert_caught(MUTANT_MARK_EARLY, 3000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_schedule_breaks_the_rules),
        cmocka_unit_test(nor_does_a_fresh_one),
        cmocka_unit_test(broken_rules_are_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
