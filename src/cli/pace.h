/* How fast something that counts down goes, over its last seconds, and so how long it still takes.
 * Pure: it is told the time. What counts up again, because more work was found, begins anew. */
#ifndef CLI_PACE_H
#define CLI_PACE_H

#include <stdbool.h>
#include <stdint.h>

#define PACE_SAMPLES 32u

struct pace {
    struct {
        uint64_t at_us;
        uint64_t left;
    } samples[PACE_SAMPLES]; /* oldest first */
    uint32_t count;
};

/* All zeros is a pace that knows nothing yet. The clock is any that doesn't run backwards. */
void pace_note(struct pace *pace, uint64_t now_us, uint64_t left);

/* Seconds until nothing is left, rounded up; false while that can't be told: too little has been
 * seen, or nothing has moved. */
bool pace_seconds_left(const struct pace *pace, uint64_t *out);

#endif
