/* The phi accrual failure detector (Hayashibara et al., 2004): from the history of intervals
 * between heartbeats it computes phi = -log10 P(the next one comes later than now), so that 8 means
 * "if the node lived, such a silence would happen once in 10^8". Phi is a suspicion, not a fact: it
 * chooses whom to try first and what status shows; it never gates a request. Pure: no clock, no
 * allocation. */
#ifndef MEMBER_DETECTOR_H
#define MEMBER_DETECTOR_H

#include <stdint.h>

#define DETECTOR_WINDOW 64u

struct detector {
    uint32_t intervals_ms[DETECTOR_WINDOW]; /* a ring */
    uint32_t count;
    uint32_t next;
    uint64_t sum_ms;  /* of the intervals in the ring ... */
    uint64_t squares; /* ... and of their squares: exact, so that asking costs no walk */
    uint64_t last_us; /* the latest heartbeat; 0 before the first */
};

struct detector_options {
    uint64_t interval_ms_expected; /* how often a heartbeat should be heard: the prior */
    uint64_t deviation_ms_min;     /* floor of the standard deviation: tolerance for jitter */
    uint64_t pause_ms_accepted;    /* added to the mean: pauses that are no news */
};

void detector_init(struct detector *detector);

/* A heartbeat was heard now. A silence much longer than what is usual enters the history as a long
 * interval, not at its full length: an outage teaches little about a healthy node's rhythm, while a
 * rhythm that really has become slower is learnt within a few beats. */
void detector_heartbeat(struct detector *detector, const struct detector_options *options,
                        uint64_t now_us);
/* 0 before the first heartbeat; grows with silence; at most 1000. */
double detector_phi(const struct detector *detector, const struct detector_options *options,
                    uint64_t now_us);

#endif
