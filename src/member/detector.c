/* Phi as Akka and Cassandra practise it: intervals are taken as normally distributed, the mean is
 * the window's plus the pause that is accepted as no news, the deviation has a floor. Instead of
 * their logistic approximation, which is 15 orders of magnitude off at ten deviations, the tail is
 * computed as what it is, and by its asymptotic series where erfc would underflow. */
#include "member/detector.h"

#include <math.h>
#include <stdbool.h>

#define PHI_MAX 1000.0

/* The prior counts as two intervals, one above and one below what is expected by a quarter. */
#define PRIOR_COUNT 2.0
#define PRIOR_DEVIATION 0.25

/* The longest silence that enters the history, in deviations beyond the accepted mean. */
#define SAMPLE_DEVIATIONS_MAX 3.0

/* Over two hours: the squares of a whole window of them, summed, are exact in a double. */
#define INTERVAL_MS_MAX 8388608.0

/* From here on, in deviations, the series is exact to eight digits; erfc holds out until 37. */
#define SERIES_FROM 30.0

struct rhythm {
    double mean_ms; /* the pause included */
    double deviation_ms;
};

void detector_init(struct detector *detector)
{
    *detector = (struct detector){0};
}

static struct rhythm rhythm_of(const struct detector *detector,
                               const struct detector_options *options)
{
    double expected = (double)options->interval_ms_expected;
    double count = PRIOR_COUNT + detector->count;
    double sum = (double)detector->sum_ms;
    double mean = (PRIOR_COUNT * expected + sum) / count;

    double prior = PRIOR_DEVIATION * expected;
    double squares = PRIOR_COUNT * (prior * prior + (expected - mean) * (expected - mean));
    double off = (double)detector->squares - 2 * mean * sum + detector->count * mean * mean;
    squares += fmax(off, 0.0); /* rounding may leave less than nothing */
    double floor_ms = options->deviation_ms_min > 0 ? (double)options->deviation_ms_min : 1.0;
    return (struct rhythm){
        .mean_ms = mean + (double)options->pause_ms_accepted,
        .deviation_ms = fmax(sqrt(squares / count), floor_ms),
    };
}

/* The oldest goes where there is no room. */
static void interval_add(struct detector *detector, uint32_t interval_ms)
{
    if (detector->count == DETECTOR_WINDOW) {
        uint64_t oldest_ms = detector->intervals_ms[detector->next];
        detector->sum_ms -= oldest_ms;
        detector->squares -= oldest_ms * oldest_ms;
    } else {
        detector->count++;
    }
    detector->intervals_ms[detector->next] = interval_ms;
    detector->next = (detector->next + 1) % DETECTOR_WINDOW;
    detector->sum_ms += interval_ms;
    detector->squares += (uint64_t)interval_ms * interval_ms;
}

void detector_heartbeat(struct detector *detector, const struct detector_options *options,
                        uint64_t now_us)
{
    bool first = detector->last_us == 0;
    if (!first && now_us < detector->last_us) {
        return;
    }
    if (!first) {
        struct rhythm rhythm = rhythm_of(detector, options);
        double longest = rhythm.mean_ms + SAMPLE_DEVIATIONS_MAX * rhythm.deviation_ms;
        double interval = (double)(now_us - detector->last_us) / 1000.0;
        interval_add(detector, (uint32_t)fmin(fmin(interval, longest), INTERVAL_MS_MAX));
    }
    detector->last_us = now_us > 0 ? now_us : 1;
}

/* -log10 of the probability that a normal variable lies more than y deviations above its mean. */
static double tail_log10(double y)
{
    if (y < SERIES_FROM) {
        return -log10(0.5 * erfc(y * M_SQRT1_2));
    }
    double y2 = y * y;
    double series = 1.0 - 1.0 / y2 + 3.0 / (y2 * y2);
    return (y2 / 2.0 + log(y * sqrt(2.0 * M_PI) / series)) / M_LN10;
}

double detector_phi(const struct detector *detector, const struct detector_options *options,
                    uint64_t now_us)
{
    if (detector->last_us == 0 || now_us <= detector->last_us) {
        return 0.0;
    }
    struct rhythm rhythm = rhythm_of(detector, options);
    double silence_ms = (double)(now_us - detector->last_us) / 1000.0;
    double phi = tail_log10((silence_ms - rhythm.mean_ms) / rhythm.deviation_ms);
    return fmin(fmax(phi, 0.0), PHI_MAX);
}
