/* How long a node may keep silent before others are asked instead: as long as its answers usually
 * take, with room for how they vary (RFC 6298's estimator, as nodes use it among themselves).
 * Without it a node that has stopped would be given every request of a whole attempt's time, and
 * each of the writes among them would wait for its own end.
 *
 * What a long silence ends with says little of the next answer: of those that were asked before its
 * end only the first counts, and as no more than twice what was waited. So a node that was stopped
 * is trusted again as before, while one that has become slow is soon waited for. Pure. */
#ifndef CLIENT_PATIENCE_H
#define CLIENT_PATIENCE_H

#include <stdbool.h>
#include <stdint.h>

/* A false alarm costs a second question; what is normal on a busy machine or disk is none. */
#define PATIENCE_US_MIN (UINT64_C(50) * 1000)
#define PATIENCE_US_MAX (UINT64_C(1000) * 1000)

/* All zeros: nothing is known yet. */
struct patience {
    bool measured;
    bool broken; /* a silence has ended, and no answer was counted since */
    double latency_us;
    double deviation_us;
    uint64_t since_us; /* answers to what was asked before are not counted */
};

/* Something was heard after it had been taken for silent. */
void patience_silence_ended(struct patience *patience);

/* What was asked then is answered now. */
void patience_answered(struct patience *patience, uint64_t asked_us, uint64_t now_us);

/* How long to wait for it: within the bounds above, the upper one while nothing is known. */
uint64_t patience_us(const struct patience *patience);

#endif
