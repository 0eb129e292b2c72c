/* How far a change has got, in the measure that tells most. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/headway.h"

#define SECOND UINT64_C(1000000)

static void note(struct headway *headway, uint64_t second, uint64_t to_sync, uint64_t bytes,
                 uint64_t to_release)
{
    const struct situation situation = {
        .to_sync = to_sync, .bytes_left = bytes, .to_release = to_release};
    headway_note(headway, &situation, second * SECOND);
}

static void bytes_count_and_not_the_many_partitions_that_are_only_compared(void **state)
{
    (void)state;
    struct headway headway = {0};
    uint64_t seconds;
    note(&headway, 0, 768, 1000, 150);
    for (uint64_t second = 1; second <= 5; second++) {
        note(&headway, second, 150, 1000 - 20 * second, 150);
    }
    assert_int_equal(headway.measure, HEADWAY_BYTES);
    assert_int_equal(headway.total, 1000);
    assert_int_equal(headway.left, 900);
    assert_true(headway_seconds_left(&headway, &seconds));
    assert_int_equal(seconds, 45);
}

static void without_bytes_partitions_count(void **state)
{
    (void)state;
    struct headway headway = {0};
    for (uint64_t second = 0; second <= 4; second++) {
        note(&headway, second, 100 - 10 * second, 0, 0);
    }
    uint64_t seconds;
    assert_int_equal(headway.measure, HEADWAY_COPIES);
    assert_true(headway_seconds_left(&headway, &seconds));
    assert_int_equal(seconds, 6);
    note(&headway, 5, 50, 4000, 0); /* now it is known what they hold */
    assert_int_equal(headway.measure, HEADWAY_BYTES);
    assert_int_equal(headway.total, 4000);
    assert_false(headway_seconds_left(&headway, &seconds));
    note(&headway, 6, 2, 0, 0); /* the last ones lack nothing by the estimate: no step back */
    assert_int_equal(headway.measure, HEADWAY_BYTES);
    assert_int_equal(headway.left, 0);
    assert_int_equal(headway.total, 4000);
    assert_false(headway_seconds_left(&headway, &seconds));
}

static void letting_go_is_measured_for_itself(void **state)
{
    (void)state;
    struct headway headway = {0};
    for (uint64_t second = 0; second <= 4; second++) {
        note(&headway, second, 10, 1000 - 100 * second, 40);
    }
    for (uint64_t second = 5; second <= 9; second++) {
        note(&headway, second, 0, 0, 40 - (second - 5));
    }
    uint64_t seconds;
    assert_int_equal(headway.measure, HEADWAY_RELEASES);
    assert_int_equal(headway.total, 40);
    assert_true(headway_seconds_left(&headway, &seconds));
    assert_int_equal(seconds, 36);
}

static void nobody_can_tell_while_somebody_holds_it_up(void **state)
{
    (void)state;
    const struct shoal_node dead = {.name = "n", .state = "down", .storage = "ok", .change = ""};
    struct headway headway = {0};
    uint64_t seconds;
    for (uint64_t second = 0; second <= 4; second++) {
        note(&headway, second, 100 - 10 * second, 0, 0);
    }
    assert_true(headway_seconds_left(&headway, &seconds));
    const struct situation stuck = {
        .to_sync = 60, .wait_count = 1, .waits = {{.node = &dead, .kind = WAIT_DOWN}}};
    headway_note(&headway, &stuck, 5 * SECOND);
    assert_false(headway_seconds_left(&headway, &seconds));
    assert_int_equal(headway.left, 60);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_count_and_not_the_many_partitions_that_are_only_compared),
        cmocka_unit_test(without_bytes_partitions_count),
        cmocka_unit_test(letting_go_is_measured_for_itself),
        cmocka_unit_test(nobody_can_tell_while_somebody_holds_it_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
