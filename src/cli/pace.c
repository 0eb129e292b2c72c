/* A short window of samples, at most two a second; see pace.h. The rate is that between its ends:
 * work comes in lumps, and a longer memory would go on hoping when it has stopped. */
#include "cli/pace.h"

#include <string.h>

#define APART_US UINT64_C(500000)
#define ENOUGH_US UINT64_C(2000000)

static void forget_oldest(struct pace *pace)
{
    pace->count--;
    memmove(&pace->samples[0], &pace->samples[1], pace->count * sizeof(pace->samples[0]));
}

void pace_note(struct pace *pace, uint64_t now_us, uint64_t left)
{
    if (pace->count > 0 && left > pace->samples[pace->count - 1].left) {
        pace->count = 0;
    }
    if (pace->count > 1 && now_us - pace->samples[pace->count - 2].at_us < APART_US) {
        pace->count--; /* the newest stands in for the one before it */
    }
    if (pace->count == PACE_SAMPLES) {
        forget_oldest(pace);
    }
    pace->samples[pace->count].at_us = now_us;
    pace->samples[pace->count].left = left;
    pace->count++;
}

bool pace_seconds_left(const struct pace *pace, uint64_t *out)
{
    if (pace->count < 2) {
        return false;
    }
    uint64_t span_us = pace->samples[pace->count - 1].at_us - pace->samples[0].at_us;
    uint64_t left = pace->samples[pace->count - 1].left;
    uint64_t done = pace->samples[0].left - left;
    if (span_us < ENOUGH_US || done == 0) {
        return false;
    }
    *out = (uint64_t)((double)span_us / 1e6 / (double)done * (double)left + 0.999);
    return true;
}
