/* Concurrent writes and what becomes of them, as clients see it. */
#include "scenario.h"

static void two_writers_with_the_same_old_context_leave_two_siblings(void **state)
{
    (void)state;
    struct cluster cluster;
    struct sim_options options;
    sim_options_quiet(&options);
    cluster_open(&cluster, &options);

    cluster_put(&cluster, 0, "cart", "old", NULL);
    struct answer old = cluster_get(&cluster, 1, "cart");
    assert_values(&old, "old", NULL);
    assert_int_equal(cluster_put(&cluster, 1, "cart", "left", &old).code, 0);
    assert_int_equal(cluster_put(&cluster, 2, "cart", "right", &old).code, 0);

    struct answer both = cluster_get(&cluster, 0, "cart");
    assert_values(&both, "left", "right");

    assert_int_equal(cluster_put(&cluster, 2, "cart", "merged", &both).code, 0);
    for (uint32_t node = 0; node < 3; node++) {
        struct answer one = cluster_get(&cluster, node, "cart");
        assert_values(&one, "merged", NULL);
    }
    cluster_close(&cluster);
}

static void a_writer_that_goes_on_with_its_own_puts_context_swallows_nobody(void **state)
{
    (void)state;
    struct cluster cluster;
    struct sim_options options;
    sim_options_quiet(&options);
    cluster_open(&cluster, &options);

    cluster_put(&cluster, 0, "cart", "old", NULL);
    struct answer old = cluster_get(&cluster, 0, "cart");
    assert_int_equal(cluster_put(&cluster, 1, "cart", "hers", &old).code, 0);
    struct answer his = cluster_put(&cluster, 2, "cart", "his", &old);
    assert_int_equal(his.code, 0);
    /* He has never seen hers; going on from his own answer must not replace it. */
    cluster_put(&cluster, 2, "cart", "his second", his.token_len > 0 ? &his : &old);
    struct answer now = cluster_get(&cluster, 0, "cart");
    bool found = false;
    for (uint32_t i = 0; i < now.value_count; i++) {
        found = found || strcmp(now.values[i], "hers") == 0;
    }
    assert_true(found);
    cluster_close(&cluster);
}

static void puts_without_a_context_one_after_another_never_leave_siblings(void **state)
{
    (void)state;
    struct cluster cluster;
    struct sim_options options;
    sim_options_quiet(&options);
    options.workers[0] = 2;
    options.workers[2] = 3;
    cluster_open(&cluster, &options);

    for (uint32_t i = 0; i < 60; i++) {
        char value[32];
        snprintf(value, sizeof(value), "value %u", i);
        assert_int_equal(cluster_put(&cluster, i % 3, "slate", value, NULL).code, 0);
        struct answer now = cluster_get(&cluster, (i + 1) % 3, "slate");
        assert_values(&now, value, NULL);
    }
    cluster_close(&cluster);
}

static void a_deleted_key_does_not_return_when_an_owner_that_missed_it_comes_back(void **state)
{
    (void)state;
    struct cluster cluster;
    struct sim_options options;
    sim_options_quiet(&options);
    cluster_open(&cluster, &options);

    cluster_put(&cluster, 0, "ghost", "alive", NULL);
    cluster_run(&cluster, SECOND_US);
    cluster_part(&cluster, 2, 0);
    cluster_part(&cluster, 2, 1);
    assert_int_equal(cluster_delete(&cluster, 0, "ghost", NULL).code, 0);
    assert_int_equal(cluster_get(&cluster, 1, "ghost").code, SHOAL_ENOTFOUND);
    cluster_mend(&cluster);
    cluster_settle(&cluster);
    for (uint32_t node = 0; node < 3; node++) {
        assert_int_equal(cluster_get(&cluster, 2 - node, "ghost").code, SHOAL_ENOTFOUND);
    }
    cluster_close(&cluster);
}

static void a_forged_damaged_or_foreign_context_is_refused_and_nothing_is_applied(void **state)
{
    (void)state;
    struct cluster cluster;
    struct sim_options options;
    sim_options_quiet(&options);
    cluster_open(&cluster, &options);

    cluster_put(&cluster, 0, "mine", "precious", NULL);
    cluster_put(&cluster, 0, "other", "else", NULL);
    struct answer damaged = cluster_get(&cluster, 0, "mine");
    struct answer foreign = cluster_get(&cluster, 0, "other");
    damaged.token[damaged.token_len / 2] ^= 1;
    struct answer made_up = {.token = "just let me in", .token_len = 14};

    const struct answer *bad[] = {&damaged, &foreign, &made_up};
    for (uint32_t i = 0; i < 3; i++) {
        char value[32];
        snprintf(value, sizeof(value), "attempt %u", i);
        struct answer refused = cluster_put(&cluster, i, "mine", value, bad[i]);
        assert_int_equal(refused.code, SHOAL_ECONTEXT);
        assert_int_equal(cluster_delete(&cluster, i, "mine", bad[i]).code, SHOAL_ECONTEXT);
    }
    struct answer still = cluster_get(&cluster, 2, "mine");
    assert_values(&still, "precious", NULL);
    cluster_close(&cluster);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_writers_with_the_same_old_context_leave_two_siblings),
        cmocka_unit_test(a_writer_that_goes_on_with_its_own_puts_context_swallows_nobody),
        cmocka_unit_test(puts_without_a_context_one_after_another_never_leave_siblings),
        cmocka_unit_test(a_deleted_key_does_not_return_when_an_owner_that_missed_it_comes_back),
        cmocka_unit_test(a_forged_damaged_or_foreign_context_is_refused_and_nothing_is_applied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
