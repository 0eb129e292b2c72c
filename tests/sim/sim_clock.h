/* A simulated machine's clocks. The monotonic one runs evenly from an offset of its own; the wall
 * clock is skewed, drifts and may jump, as clocks of real machines do when nobody minds them. */
#ifndef SIM_CLOCK_H
#define SIM_CLOCK_H

#include "base/moment.h"
#include "base/random.h"
#include "sim_options.h"

struct sim_clock {
    uint64_t mono_offset_us;
    int64_t wall_offset_ms;
    int64_t drift_ppm;
};

void sim_clock_init(struct sim_clock *clock, const struct sim_clock_options *options,
                    struct random *random);

/* What the machine's clocks say at a moment of the world's own time. */
struct moment sim_clock_moment(const struct sim_clock *clock, uint64_t now_us);

/* The world's time at which the machine's monotonic clock shows mono_us; 0 when it is past. */
uint64_t sim_clock_world_us(const struct sim_clock *clock, uint64_t mono_us);

/* The wall clock jumps, forwards or back, by at most the options' bound. */
void sim_clock_jump(struct sim_clock *clock, const struct sim_clock_options *options,
                    struct random *random);

/* Do all machines' clocks agree, always, as closely as nodes are told? */
bool sim_clocks_agree(const struct sim_clock_options *options);

/* All is well again: the wall clock agrees with the world's. */
void sim_clock_heal(struct sim_clock *clock);

#endif
