/* Judging latencies interval by interval, and the debt. See pace.h. */
#include "repair/pace.h"

#include <string.h>

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

/* The upper end of a bucket. */
static uint64_t pace_bucket_us(uint32_t bucket)
{
    if (bucket < 4) {
        return bucket;
    }
    uint32_t octave = bucket / 4 + 1;
    return ((UINT64_C(4) + bucket % 4 + 1) << (octave - 2)) - 1;
}

static uint64_t pace_percentile_us(const struct pace *pace)
{
    uint32_t beyond = pace->samples / 100;
    for (uint32_t i = PACE_BUCKETS; i-- > 0;) {
        if (pace->buckets[i] > beyond) {
            return pace_bucket_us(i);
        }
        beyond -= pace->buckets[i];
    }
    return 0;
}

/* ---- the rate -------------------------------------------------------------------------------- */

static void pace_slow_down(struct pace *pace, uint64_t moved_per_s)
{
    uint64_t rate = pace->rate == 0 || pace->rate > moved_per_s ? moved_per_s : pace->rate;
    pace->rate = rate / 2 > PACE_RATE_MIN ? rate / 2 : PACE_RATE_MIN;
}

static void pace_speed_up(struct pace *pace)
{
    if (pace->rate > 0) {
        pace->rate += pace->rate / 4;
        pace->rate = pace->rate > PACE_RATE_MAX ? 0 : pace->rate;
    }
}

/* Slow as it is, the latency stays: it is the foreground's own. */
static void pace_believe(struct pace *pace)
{
    pace->baseline_us += pace->baseline_us / 8 + 1;
}

static void pace_judge(struct pace *pace, uint64_t length_us)
{
    uint64_t now_us = pace_percentile_us(pace);
    if (pace->moved == 0) {
        pace->baseline_us = pace->baseline_us == 0 ? now_us : (pace->baseline_us * 7 + now_us) / 8;
        pace_speed_up(pace);
        return;
    }
    if (pace->baseline_us == 0) {
        if (pace->rate == PACE_RATE_MIN) {
            pace->baseline_us = now_us; /* as good as nothing is moved */
        }
        pace->rate = PACE_RATE_MIN; /* to find out */
        return;
    }
    uint64_t mark_us = 2 * pace->baseline_us;
    mark_us = mark_us > PACE_LATENCY_US_MIN ? mark_us : PACE_LATENCY_US_MIN;
    if (now_us <= mark_us) {
        pace_speed_up(pace);
    } else if (pace->rate == PACE_RATE_MIN) {
        pace_believe(pace);
    } else {
        pace_slow_down(pace, pace->moved * 1000000 / length_us);
    }
}

/* Ends the interval if it is over. */
static void pace_turn(struct pace *pace, uint64_t now_us)
{
    if (pace->since_us == 0) {
        pace->since_us = now_us;
    }
    uint64_t length_us = now_us - pace->since_us;
    bool quiet = length_us >= PACE_QUIET_US;
    bool enough = length_us >= PACE_INTERVAL_US && pace->samples >= PACE_SAMPLES_MIN && !quiet;
    if (!enough && !quiet) {
        return;
    }
    pace->serving = pace->samples > 0;
    if (enough) {
        pace_judge(pace, length_us);
    } else {
        pace->rate = 0; /* nobody is served */
        pace->owed = 0;
    }
    memset(pace->buckets, 0, sizeof(pace->buckets));
    pace->samples = 0;
    pace->moved = 0;
    pace->since_us = now_us;
}

void pace_served(struct pace *pace, uint64_t now_us, uint64_t latency_us)
{
    pace_turn(pace, now_us);
    pace->buckets[pace_bucket(latency_us)]++;
    pace->samples++;
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
    if (pace->owed == 0) {
        return 0;
    }
    uint64_t wait_us = pace->owed * 1000000 / pace->rate + 1;
    return wait_us < PACE_INTERVAL_US ? wait_us : PACE_INTERVAL_US;
}
