/* What expires comes out in the order of time, and what did not fit is known to be missing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/random.h"
#include "replica/expiring.h"

static struct dot dot(uint64_t counter)
{
    return (struct dot){.actor = 7, .counter = counter};
}

static void they_come_out_when_they_are_due_and_in_order(void **state)
{
    (void)state;
    struct expiring expiring;
    struct expiring_sibling out;
    struct random random;
    random_init(&random, 3);
    expiring_init(&expiring);
    assert_true(expiring_next_ms(&expiring) == EXPIRING_NEVER);
    for (uint64_t i = 1; i <= 1000; i++) {
        expiring_add(&expiring, 1 + random_below(&random, 500), i, dot(i));
        expiring_check(&expiring);
    }
    uint64_t last_ms = 0;
    uint32_t count = 0;
    for (uint64_t now_ms = 0; now_ms <= 500; now_ms += 50) {
        while (expiring_pop(&expiring, now_ms, &out)) {
            assert_true(out.due_ms >= last_ms && out.due_ms <= now_ms);
            assert_true(out.position == out.dot.counter);
            expiring_check(&expiring);
            last_ms = out.due_ms;
            count++;
        }
        assert_true(expiring_next_ms(&expiring) > now_ms);
    }
    assert_int_equal(count, 1000);
    expiring_deinit(&expiring);
}

static void of_what_does_not_fit_the_first_time_is_kept(void **state)
{
    (void)state;
    struct expiring expiring;
    expiring_init(&expiring);
    for (uint64_t i = 1; i <= EXPIRING_MAX; i++) {
        expiring_add(&expiring, i, i, dot(i));
    }
    assert_true(expiring.missed_ms == EXPIRING_NEVER);
    expiring_add(&expiring, 900, 1, dot(1));
    expiring_add(&expiring, 700, 1, dot(1));
    expiring_add(&expiring, 800, 1, dot(1));
    assert_true(expiring.missed_ms == 700);
    expiring_forget(&expiring);
    assert_true(expiring.count == 0 && expiring.missed_ms == EXPIRING_NEVER);
    mem_fail_from(1);
    expiring_add(&expiring, 5, 1, dot(1));
    mem_fail_never();
    assert_true(expiring.count == 0 && expiring.missed_ms == 5);
    expiring_deinit(&expiring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(they_come_out_when_they_are_due_and_in_order),
        cmocka_unit_test(of_what_does_not_fit_the_first_time_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
