/* Judging latencies interval by interval, the baseline, and the debt. See pace.h. */
#include "repair/pace.h"

void pace_init(struct pace *pace)
{
    *pace = (struct pace){0};
}

/* ---- percentiles: four buckets an octave ----------------------------------------------------- */

static uint32_t pace_bucket(uint64_t latency_us)
{
    if (latency_us < 4) {
        return (uint32_t)latency_us;
    }
    uint32_t octave = 63 - (uint32_t)__builtin_clzll(latency_us);
    uint32_t bucket = (octave - 1) * 4 + (uint32_t)(latency_us >> (octave - 2) & 3);
    return bucket < PACE_BUCKETS ? bucket : PACE_BUCKETS - 1;
}

/* The middle of a bucket. */
static uint64_t pace_bucket_us(uint32_t bucket)
{
    if (bucket < 4) {
        return bucket;
    }
    uint32_t octave = bucket / 4 + 1;
    return ((UINT64_C(9) + 2 * (bucket % 4)) << (octave - 2)) / 2;
}

static uint64_t pace_percentile_us(const struct pace_latencies *latencies)
{
    uint32_t beyond = latencies->samples / 100;
    for (uint32_t i = PACE_BUCKETS; i-- > 0;) {
        if (latencies->buckets[i] > beyond) {
            return pace_bucket_us(i);
        }
        beyond -= latencies->buckets[i];
    }
    return 0;
}

/* ---- the baseline ---------------------------------------------------------------------------- */

static bool pace_knows(const struct pace *pace)
{
    return pace->windows >= PACE_WINDOWS_FIRST;
}

/* The lowest of the first windows, for what disturbs one of them only makes it higher. From then on
 * by small steps however far off the window is: one that was disturbed hardly moves it (compare Ma,
 * Muthukrishnan and Sandler, "Frugal streaming for estimating quantiles"). */
static void pace_learn(struct pace *pace, uint64_t window_us)
{
    uint64_t baseline_us = pace->baseline_us;
    if (!pace_knows(pace)) {
        pace->windows++;
        pace->baseline_us = baseline_us == 0 || window_us < baseline_us ? window_us : baseline_us;
    } else if (window_us > baseline_us) {
        uint64_t step_us = baseline_us / 8 + 1;
        pace->baseline_us += window_us - baseline_us < step_us ? window_us - baseline_us : step_us;
    } else {
        uint64_t step_us = baseline_us / 4;
        pace->baseline_us -= baseline_us - window_us < step_us ? baseline_us - window_us : step_us;
    }
}

/* The interval was one of requests alone. */
static void pace_look(struct pace *pace)
{
    struct pace_latencies *window = &pace->window;
    for (uint32_t i = 0; i < PACE_BUCKETS; i++) {
        window->buckets[i] += pace->interval.buckets[i];
    }
    window->samples += pace->interval.samples;
    window->length_us += pace->interval.length_us;
    if (window->samples >= PACE_WINDOW_SAMPLES && window->length_us >= PACE_WINDOW_US) {
        pace_learn(pace, pace_percentile_us(window));
        *window = (struct pace_latencies){0};
    }
}

/* Does it show what latency is without repair? */
static bool pace_shows(const struct pace *pace, uint64_t now_us)
{
    if (pace->moved > 0) {
        return !pace_knows(pace); /* as little as that is as good as nothing */
    }
    bool calm = !pace->disturbed && now_us - pace->moved_at_us >= PACE_CALM_US;
    return calm || !pace_knows(pace);
}

static bool pace_slow(uint32_t slow, uint32_t samples)
{
    return slow * PACE_SLOW_PART > samples;
}

/* Nothing was moved for a while. Were requests as slow? Then it is the foreground's own latency. */
static void pace_end_rest(struct pace *pace, uint64_t now_us)
{
    if (pace_slow(pace->rest_slow, pace->rest_samples)) {
        pace->baseline_us += pace->baseline_us / 4 + 1;
        pace->ceiling = 0;
    }
    pace->rested_at_us = now_us;
    pace->rest_until_us = 0;
    pace->rest_samples = 0;
    pace->rest_slow = 0;
    pace->credit_us = 0;
}

static void pace_rest(struct pace *pace, uint64_t now_us)
{
    if (pace->since_us >= pace->moved_at_us + PACE_INTERVAL_US) { /* what waited is answered */
        pace->rest_samples += pace->interval.samples;
        pace->rest_slow += pace->slow;
    }
    if (now_us >= pace->rest_until_us) {
        pace_end_rest(pace, now_us);
    }
}

/* A request that took longer is slow. */
static uint64_t pace_mark_us(const struct pace *pace)
{
    uint64_t mark_us = 2 * pace->baseline_us;
    return mark_us > PACE_LATENCY_US_MIN ? mark_us : PACE_LATENCY_US_MIN;
}

/* ---- the rate -------------------------------------------------------------------------------- */

static void pace_slow_down(struct pace *pace, uint64_t now_us)
{
    if (pace->rate == PACE_RATE_MIN) {
        if (now_us - pace->rested_at_us >= PACE_STRIDE_US) {
            pace->rest_until_us = now_us + PACE_REST_US; /* perhaps it is not repair */
        }
        return;
    }
    pace->ceiling = pace->rate;
    pace->rate = pace->rate / 2 > PACE_RATE_MIN ? pace->rate / 2 : PACE_RATE_MIN;
}

static void pace_speed_up(struct pace *pace)
{
    if (pace->moved * 1000000 / pace->interval.length_us < pace->rate / 2) {
        return; /* not even this was used: it says nothing of more */
    }
    if (pace->rate / 2 > pace->ceiling) {
        pace->ceiling = 0; /* it was something else that was too much */
    }
    uint64_t step = pace->rate / 4;
    if (pace->ceiling > 0) {
        uint64_t gap = pace->ceiling > pace->rate ? pace->ceiling - pace->rate : 0;
        step = gap / 4 > pace->rate / 64 ? gap / 4 : pace->rate / 64;
    }
    pace->rate = pace->rate + step < PACE_RATE_MAX ? pace->rate + step : PACE_RATE_MAX;
}

/* What the interval's requests spend and earn, so that one of few counts as many of many. */
static void pace_account(struct pace *pace)
{
    int64_t length_us = (int64_t)pace->interval.length_us;
    int64_t spent_us = length_us * pace->slow / pace->interval.samples;
    int64_t credit_us = pace->credit_us + length_us / (int64_t)PACE_SLOW_PART - spent_us;
    credit_us = credit_us < PACE_CREDIT_US_MAX ? credit_us : PACE_CREDIT_US_MAX;
    pace->credit_us = credit_us > -PACE_CREDIT_US_MAX ? credit_us : -PACE_CREDIT_US_MAX;
}

static void pace_judge(struct pace *pace, uint64_t now_us)
{
    if (pace_shows(pace, now_us)) {
        pace_look(pace);
    }
    if (pace->rest_until_us > 0) {
        pace_rest(pace, now_us);
        return;
    }
    if (pace->moved == 0 || !pace_knows(pace)) {
        return;
    }
    pace_account(pace);
    if (pace->credit_us >= 0) {
        pace_speed_up(pace);
    } else if (pace_slow(pace->slow, pace->interval.samples)) {
        pace_slow_down(pace, now_us);
    }
}

/* Nobody is served. */
static void pace_unbind(struct pace *pace)
{
    pace->rate = 0;
    pace->ceiling = 0;
    pace->owed = 0;
    pace->credit_us = 0;
    pace->rest_until_us = 0;
    pace->rest_samples = 0;
    pace->rest_slow = 0;
}

/* Ends the interval if it is over. */
static void pace_turn(struct pace *pace, uint64_t now_us)
{
    if (pace->since_us == 0) {
        pace->since_us = now_us;
    }
    uint64_t length_us = now_us - pace->since_us;
    bool quiet = length_us >= PACE_QUIET_US;
    bool enough = length_us >= PACE_INTERVAL_US && pace->interval.samples >= PACE_SAMPLES_MIN;
    if (!enough && !quiet) {
        return;
    }
    pace->serving = pace->interval.samples > 0;
    pace->interval.length_us = length_us;
    if (enough && !quiet) {
        pace->rate = pace->rate == 0 ? PACE_RATE_MIN : pace->rate;
        pace_judge(pace, now_us);
    } else {
        pace_unbind(pace);
    }
    pace->interval = (struct pace_latencies){0};
    pace->slow = 0;
    pace->moved = 0;
    pace->since_us = now_us;
}

void pace_disturb(struct pace *pace, bool disturbed)
{
    pace->disturbed = disturbed;
}

void pace_served(struct pace *pace, uint64_t now_us, uint64_t latency_us)
{
    pace_turn(pace, now_us);
    pace->interval.buckets[pace_bucket(latency_us)]++;
    pace->interval.samples++;
    pace->slow += latency_us > pace_mark_us(pace) ? 1 : 0;
}

uint64_t pace_page_bytes(struct pace *pace, uint64_t now_us)
{
    pace_turn(pace, now_us);
    if (pace->rate == 0) {
        return pace->serving ? PACE_PAGE_BYTES_SERVING : PACE_PAGE_BYTES_MAX;
    }
    uint64_t bytes = pace->rate / 64;
    bytes = bytes < PACE_PAGE_BYTES_SERVING ? bytes : PACE_PAGE_BYTES_SERVING;
    return bytes > PACE_PAGE_BYTES_MIN ? bytes : PACE_PAGE_BYTES_MIN;
}

void pace_asked(struct pace *pace, uint64_t bytes)
{
    pace->owed += pace->rate == 0 ? 0 : bytes;
}

void pace_came(struct pace *pace, uint64_t now_us, uint64_t bytes, uint64_t asked)
{
    pace_turn(pace, now_us);
    pace->moved += bytes;
    pace->moved_at_us = now_us;
    if (bytes >= asked) {
        pace->owed += pace->rate == 0 ? 0 : bytes - asked;
    } else {
        pace->owed -= asked - bytes < pace->owed ? asked - bytes : pace->owed;
    }
}

uint64_t pace_wait_us(struct pace *pace, uint64_t now_us)
{
    pace_turn(pace, now_us);
    if (pace->rate == 0) {
        pace->owed = 0;
        pace->paid_until_us = now_us;
        return 0;
    }
    uint64_t passed_us = now_us - pace->paid_until_us;
    passed_us = passed_us < PACE_QUIET_US ? passed_us : PACE_QUIET_US;
    uint64_t paid = passed_us * pace->rate / 1000000;
    if (paid > 0) {
        pace->owed -= paid < pace->owed ? paid : pace->owed;
        pace->paid_until_us = now_us;
    }
    if (now_us < pace->rest_until_us) {
        uint64_t rest_us = pace->rest_until_us - now_us;
        return rest_us < PACE_INTERVAL_US ? rest_us : PACE_INTERVAL_US;
    }
    if (pace->owed == 0) {
        return 0;
    }
    uint64_t wait_us = pace->owed * 1000000 / pace->rate + 1;
    return wait_us < PACE_INTERVAL_US ? wait_us : PACE_INTERVAL_US;
}
