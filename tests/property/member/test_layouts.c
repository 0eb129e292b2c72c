#include "property.h"

#include "layouts_world.h"

#include <time.h>

static struct {
    uint64_t acked, reads, commits, again, cancels, dropped, removed, disks, released, hints;
} totals;

static bool schedule_passes(uint64_t seed)
{
    struct world world;
    world_init(&world, seed, getenv("SHOAL_TRACE") != NULL);
    world_run(&world);
    bool passes = world.failure[0] == 0;
    if (!passes) {
        print_error("SHOAL_SEED=%llu (SHOAL_TRACE=1 shows what happens): %s\n",
                    (unsigned long long)seed, world.failure);
    }
    totals.acked += world.acked_count;
    totals.reads += world.read_count;
    totals.commits += world.commit_count;
    totals.again += world.again_count;
    totals.cancels += world.cancel_count;
    totals.dropped += world.dropped_count;
    totals.removed += world.removed_count;
    totals.disks += world.disk_count;
    totals.released += world.release_count;
    totals.hints += world.hint_count;
    world_deinit(&world);
    return passes;
}

static void one_schedule(struct random *random)
{
    (void)random;
    CHECK(schedule_passes(property_seed));
}

static void no_schedule_breaks_the_rules(void **state)
{
    (void)state;
    property_run(one_schedule, 2000);
    print_message("%llu writes acknowledged, %llu reads, %llu commits (%llu of what was due), "
                  "%llu cancels, %llu drops, %llu removals, %llu disks lost, %llu partitions "
                  "released, %llu hints delivered\n",
                  (unsigned long long)totals.acked, (unsigned long long)totals.reads,
                  (unsigned long long)totals.commits, (unsigned long long)totals.again,
                  (unsigned long long)totals.cancels, (unsigned long long)totals.dropped,
                  (unsigned long long)totals.removed, (unsigned long long)totals.disks,
                  (unsigned long long)totals.released, (unsigned long long)totals.hints);
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
        assert_true(schedule_passes(seed + i));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_schedule_breaks_the_rules),
        cmocka_unit_test(nor_does_a_fresh_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
