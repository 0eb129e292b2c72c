/* The rules of versions, clocks and forgotten tombstones under random schedules, on plain holdings
 * and on real ones; see versions_world.h. SHOAL_SEED=S runs one seed (SHOAL_TRACE=1 shows what
 * happens), SHOAL_SEEDS=N that many; in a build with mutants SHOAL_MUTANT=name breaks a rule, which
 * must fail. */
#include "property.h"

#include "versions_world.h"

#include <time.h>

#define SEEDS_PLAIN 15000u
#define SEEDS_REAL 5000u
#define SEEDS_FRESH 200u
#define SEEDS_MUTANT 20000u

static struct {
    uint64_t reads, writes, acks, drops, closes, losses;
} totals;

static bool schedule_passes(uint64_t seed, const struct owner_ops *ops, int mutant)
{
    static struct world world;
    bool tracing = getenv("SHOAL_TRACE") != NULL;
    world_init(&world, seed, ops, mutant, tracing);
    world_run(&world);
    bool passes = world.failure[0] == 0;
    if (!passes && (mutant < 0 || tracing)) {
        print_error("SHOAL_SEED=%llu, %s holdings (SHOAL_TRACE=1 shows what happens): %s\n",
                    (unsigned long long)seed, ops->name, world.failure);
    }
    totals.reads += world.reads;
    totals.writes += world.writes;
    totals.acks += world.acks;
    totals.drops += world.drops;
    totals.closes += world.closes;
    totals.losses += world.losses;
    world_deinit(&world);
    return passes;
}

static int chosen_mutant(void)
{
#ifdef SHOAL_MUTANTS
    return mutant_selected;
#else
    return -1;
#endif
}

static void plain_schedule(struct random *random)
{
    (void)random;
    CHECK(schedule_passes(property_seed, &owner_plain, chosen_mutant()));
}

static void real_schedule(struct random *random)
{
    (void)random;
    CHECK(schedule_passes(property_seed, &owner_replica, chosen_mutant()));
}

static void totals_print(void)
{
    print_message("%llu reads, %llu writes, %llu acknowledged; %llu drops, %llu actors closed, "
                  "%llu losses\n",
                  (unsigned long long)totals.reads, (unsigned long long)totals.writes,
                  (unsigned long long)totals.acks, (unsigned long long)totals.drops,
                  (unsigned long long)totals.closes, (unsigned long long)totals.losses);
    assert_true(totals.acks > 0 && totals.drops > 0 && totals.closes > 0 && totals.losses > 0);
}

static void no_schedule_breaks_the_rules(void **state)
{
    (void)state;
    property_run(plain_schedule, SEEDS_PLAIN);
    totals_print();
}

static void real_replicas_keep_them(void **state)
{
    (void)state;
    property_run(real_schedule, SEEDS_REAL);
    totals_print();
}

/* A seed nobody has tried before; if it fails it is printed, and kept by whoever sees it. */
static void nor_does_a_fresh_one(void **state)
{
    (void)state;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t seed = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    print_message("fresh seed %llu\n", (unsigned long long)seed);
    for (uint64_t i = 0; i < SEEDS_FRESH; i++) {
        assert_true(schedule_passes(seed + i, &owner_plain, chosen_mutant()));
        assert_true(schedule_passes(seed + i, &owner_replica, chosen_mutant()));
    }
}

/* In a build with mutants also in the real code. */
static void assert_noticed(const struct owner_ops *ops, enum mutant mutant, const char *name)
{
    uint64_t seed = 1;
    while (seed <= SEEDS_MUTANT && schedule_passes(seed, ops, (int)mutant)) {
        seed++;
    }
    if (seed > SEEDS_MUTANT) {
        print_error("%s can be broken in %s holdings without anything noticing\n", name, ops->name);
        fail();
    }
    print_message("%-18s %s: seed %llu\n", name, ops->name, (unsigned long long)seed);
}

static const struct rule {
    enum mutant mutant;
    const char *name;
} rules[] = {
#define RULE(name)                                                                                 \
    {                                                                                              \
        MUTANT_##name, #name                                                                       \
    }
    RULE(keep_actor),      RULE(context_clock),     RULE(drop_on_dot),    RULE(drop_alone),
    RULE(count_refilling), RULE(no_clock),          RULE(accept_covered), RULE(fallback_dots),
    RULE(early_join),      RULE(late_clock),        RULE(keep_gone),      RULE(no_recheck),
    RULE(blind_delete),    RULE(deaf_delete),       RULE(keep_clock),     RULE(close_no_sync),
    RULE(close_no_hints),  RULE(close_by_report),   RULE(hear_ended),     RULE(hint_one_owner),
    RULE(hint_any_actor),  RULE(hint_counts_owner), RULE(expire_all),
#undef RULE
};
#define RULES (sizeof(rules) / sizeof(rules[0]))

static void broken_rules_are_noticed(void **state)
{
    (void)state;
    if (chosen_mutant() >= 0) {
        skip();
    }
    for (size_t i = 0; i < RULES; i++) {
        assert_noticed(&owner_plain, rules[i].mutant, rules[i].name);
    }
}

static void broken_rules_of_real_replicas_are_noticed(void **state)
{
    (void)state;
#ifdef SHOAL_MUTANTS
    if (chosen_mutant() >= 0) {
        skip();
    }
    for (size_t i = 0; i < RULES; i++) {
        assert_int_equal(mutant_select(rules[i].name), 0);
        assert_noticed(&owner_replica, rules[i].mutant, rules[i].name);
    }
    assert_int_equal(mutant_select(NULL), 0);
#else
    skip();
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_schedule_breaks_the_rules),
        cmocka_unit_test(real_replicas_keep_them),
        cmocka_unit_test(nor_does_a_fresh_one),
        cmocka_unit_test(broken_rules_are_noticed),
        cmocka_unit_test(broken_rules_of_real_replicas_are_noticed),
    };
    if (getenv("SHOAL_TEST") != NULL) {
        cmocka_set_test_filter(getenv("SHOAL_TEST"));
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
