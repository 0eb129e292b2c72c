/* The estimate of how long a node's answers take. See patience.h. */
#include "client/patience.h"

#include <math.h>

/* RFC 6298: weights of a new sample, and how many deviations make a patient wait. */
#define LATENCY_GAIN 0.125
#define DEVIATION_GAIN 0.25
#define DEVIATIONS 4.0

void patience_silence_ended(struct patience *patience)
{
    patience->broken = true;
}

void patience_answered(struct patience *patience, uint64_t asked_us, uint64_t now_us)
{
    if (asked_us < patience->since_us || now_us < asked_us) {
        return;
    }
    if (patience->broken) {
        patience->broken = false;
        patience->since_us = now_us;
    }
    double sample = (double)(now_us - asked_us);
    double most = 2.0 * (double)patience_us(patience);
    sample = sample < most ? sample : most;
    if (!patience->measured) {
        patience->measured = true;
        patience->latency_us = sample;
        patience->deviation_us = sample / 2;
        return;
    }
    double off = fabs(sample - patience->latency_us);
    patience->deviation_us += DEVIATION_GAIN * (off - patience->deviation_us);
    patience->latency_us += LATENCY_GAIN * (sample - patience->latency_us);
}

uint64_t patience_us(const struct patience *patience)
{
    double wait_us = patience->latency_us + DEVIATIONS * patience->deviation_us;
    if (!patience->measured || wait_us >= (double)PATIENCE_US_MAX) {
        return PATIENCE_US_MAX;
    }
    return wait_us < (double)PATIENCE_US_MIN ? PATIENCE_US_MIN : (uint64_t)wait_us;
}
