/* The hybrid logical clock ("Logical Physical Clocks", Kulkarni et al., 2014): wall time in
 * milliseconds in the upper 48 bits, a logical counter in the lower 16. It never runs backwards,
 * stays close to wall time, and a write that follows another in any order of events has the higher
 * time, as long as no clock is further ahead than the bound. It only ever breaks ties between
 * concurrent siblings; causality is the version vectors' business. */
#ifndef MODEL_HLC_H
#define MODEL_HLC_H

#include <stdint.h>

struct hlc {
    uint64_t last;
    uint64_t ahead_ms_max; /* how far a peer's clock may drag this one along */
};

void hlc_init(struct hlc *hlc, uint64_t ahead_ms_max);

/* A time above every one given or observed. */
uint64_t hlc_next(struct hlc *hlc, uint64_t wall_ms);

/* Takes note of a peer's time: 0, or 1 when it is further ahead of wall_ms than the bound, in which
 * case this clock is left alone (the version itself is stored all the same). */
int hlc_observe(struct hlc *hlc, uint64_t seen, uint64_t wall_ms);

static inline uint64_t hlc_wall_ms(uint64_t time)
{
    return time >> 16;
}

#endif
