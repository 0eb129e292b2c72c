/* The phi accrual detector: exact where the normal tail is known, monotone, bounded, adaptive. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/random.h"
#include "member/detector.h"

#define MS UINT64_C(1000)
#define START (1000 * MS)

static const struct detector_options options = {
    .interval_ms_expected = 500,
    .deviation_ms_min = 200,
    .pause_ms_accepted = 1000,
};

/* Beats at exactly the expected rhythm; returns when the last one was heard. */
static uint64_t beat_evenly(struct detector *detector, uint32_t beats, uint64_t interval_us)
{
    uint64_t now = START;
    detector_init(detector);
    detector_heartbeat(detector, &options, now);
    for (uint32_t i = 0; i < beats; i++) {
        now += interval_us;
        detector_heartbeat(detector, &options, now);
    }
    return now;
}

static void assert_near(double is, double expected, double tolerance)
{
    if (fabs(is - expected) > tolerance) {
        fail_msg("%f is not %f", is, expected);
    }
}

static void phi_is_0_before_the_first_heartbeat(void **state)
{
    (void)state;
    struct detector detector;
    detector_init(&detector);
    assert_true(detector_phi(&detector, &options, 0) == 0.0);
    assert_true(detector_phi(&detector, &options, UINT64_MAX) == 0.0);
}

static void phi_is_the_negative_logarithm_of_the_normal_tail(void **state)
{
    (void)state;
    struct detector detector;
    uint64_t last = beat_evenly(&detector, 100, 500 * MS);
    /* Mean 500 + 1000 ms; the deviation is the floor, 200 ms. The tail beyond y deviations: */
    const struct {
        double y;
        double phi;
    } known[] = {
        {0, 0.30103}, {1, 0.79955}, {2, 1.64302},   {3, 2.86970},   {5, 6.54265},
        {8, 15.2061}, {10, 23.118}, {30, 197.3092}, {40, 349.4370},
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        uint64_t now = last + (uint64_t)((1500 + 200 * known[i].y) * 1000);
        assert_near(detector_phi(&detector, &options, now), known[i].phi, 0.001);
    }
}

static void phi_grows_with_silence_and_stays_bounded(void **state)
{
    (void)state;
    struct detector detector;
    uint64_t last = beat_evenly(&detector, 10, 500 * MS);
    double before = 0.0;
    for (uint64_t silence = 0; silence < 20000 * MS; silence += 777) {
        double phi = detector_phi(&detector, &options, last + silence);
        assert_true(phi >= before);
        assert_true(isfinite(phi) && phi <= 1000.0);
        before = phi;
    }
    assert_true(detector_phi(&detector, &options, UINT64_MAX) == 1000.0);
}

static void a_live_node_is_not_suspected_between_beats(void **state)
{
    (void)state;
    struct detector detector;
    uint64_t last = beat_evenly(&detector, 100, 500 * MS);
    assert_true(detector_phi(&detector, &options, last + 500 * MS) < 0.001);
    assert_true(detector_phi(&detector, &options, last + 1000 * MS) < 0.01);
}

static void jitter_makes_it_patient(void **state)
{
    (void)state;
    struct random random;
    random_init(&random, 1);
    struct detector even;
    struct detector shaky;
    uint64_t last = beat_evenly(&even, 64, 500 * MS);
    uint64_t now = START;
    detector_init(&shaky);
    for (int i = 0; i < 64; i++) {
        detector_heartbeat(&shaky, &options, now);
        now += random_below(&random, 1000) * MS;
    }
    double phi_even = detector_phi(&even, &options, last + 2500 * MS);
    double phi_shaky = detector_phi(&shaky, &options, shaky.last_us + 2500 * MS);
    assert_true(phi_shaky < phi_even);
}

static void a_slower_rhythm_is_learnt(void **state)
{
    (void)state;
    struct detector detector;
    uint64_t now = beat_evenly(&detector, 64, 500 * MS);
    assert_true(detector_phi(&detector, &options, now + 5000 * MS) > 8.0);
    for (int i = 0; i < 64; i++) {
        now += 5000 * MS;
        detector_heartbeat(&detector, &options, now);
    }
    assert_true(detector_phi(&detector, &options, now + 5000 * MS) < 1.0);
}

static void one_outage_does_not_blind_it(void **state)
{
    (void)state;
    struct detector detector;
    uint64_t now = beat_evenly(&detector, 64, 500 * MS);
    now += 3600 * 1000 * MS;
    detector_heartbeat(&detector, &options, now);
    for (int i = 0; i < 3; i++) {
        now += 500 * MS;
        detector_heartbeat(&detector, &options, now);
    }
    assert_true(detector_phi(&detector, &options, now + 4000 * MS) > 8.0);
}

static void the_prior_holds_until_something_is_known(void **state)
{
    (void)state;
    struct detector detector;
    detector_init(&detector);
    detector_heartbeat(&detector, &options, START);
    assert_true(detector_phi(&detector, &options, START + 500 * MS) < 0.1);
    assert_true(detector_phi(&detector, &options, START + 4000 * MS) > 8.0);
}

static void time_that_steps_back_changes_nothing(void **state)
{
    (void)state;
    struct detector detector;
    uint64_t last = beat_evenly(&detector, 5, 500 * MS);
    struct detector before = detector;
    detector_heartbeat(&detector, &options, last - 1);
    assert_memory_equal(&detector, &before, sizeof(detector));
    assert_true(detector_phi(&detector, &options, last - 1) == 0.0);
}

static void a_heartbeat_at_time_0_is_a_heartbeat(void **state)
{
    (void)state;
    struct detector detector;
    detector_init(&detector);
    detector_heartbeat(&detector, &options, 0);
    assert_true(detector_phi(&detector, &options, 60000 * MS) > 8.0);
}

static void options_of_0_are_survived(void **state)
{
    (void)state;
    const struct detector_options nothing = {0};
    struct detector detector;
    detector_init(&detector);
    detector_heartbeat(&detector, &nothing, START);
    detector_heartbeat(&detector, &nothing, START);
    assert_true(isfinite(detector_phi(&detector, &nothing, START + 1)));
    assert_true(detector_phi(&detector, &nothing, START + 1000 * MS) > 8.0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(phi_is_0_before_the_first_heartbeat),
        cmocka_unit_test(phi_is_the_negative_logarithm_of_the_normal_tail),
        cmocka_unit_test(phi_grows_with_silence_and_stays_bounded),
        cmocka_unit_test(a_live_node_is_not_suspected_between_beats),
        cmocka_unit_test(jitter_makes_it_patient),
        cmocka_unit_test(a_slower_rhythm_is_learnt),
        cmocka_unit_test(one_outage_does_not_blind_it),
        cmocka_unit_test(the_prior_holds_until_something_is_known),
        cmocka_unit_test(time_that_steps_back_changes_nothing),
        cmocka_unit_test(a_heartbeat_at_time_0_is_a_heartbeat),
        cmocka_unit_test(options_of_0_are_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
