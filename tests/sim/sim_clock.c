/* Offsets and drift; nothing here depends on the real time. */
#include "sim_clock.h"

/* Where the world's wall time begins: some day in 2026. */
#define WALL_START_MS INT64_C(1780000000000)
#define MONO_OFFSET_US_MAX UINT64_C(100000000000)

static int64_t symmetric(struct random *random, uint64_t bound)
{
    return (int64_t)random_below(random, 2 * bound + 1) - (int64_t)bound;
}

void sim_clock_init(struct sim_clock *clock, const struct sim_clock_options *options,
                    struct random *random)
{
    clock->mono_offset_us = 1 + random_below(random, MONO_OFFSET_US_MAX);
    clock->wall_offset_ms = symmetric(random, options->skew_ms_max);
    clock->drift_ppm = symmetric(random, options->drift_ppm_max);
}

struct moment sim_clock_moment(const struct sim_clock *clock, uint64_t now_us)
{
    int64_t drift_ms = (int64_t)(now_us / 1000) * clock->drift_ppm / 1000000;
    int64_t wall_ms = WALL_START_MS + (int64_t)(now_us / 1000) + clock->wall_offset_ms + drift_ms;
    return (struct moment){.mono_us = now_us + clock->mono_offset_us, .wall_ms = (uint64_t)wall_ms};
}

uint64_t sim_clock_world_us(const struct sim_clock *clock, uint64_t mono_us)
{
    return mono_us > clock->mono_offset_us ? mono_us - clock->mono_offset_us : 0;
}

void sim_clock_jump(struct sim_clock *clock, const struct sim_clock_options *options,
                    struct random *random)
{
    clock->wall_offset_ms += symmetric(random, options->jump_ms_max);
}

bool sim_clocks_agree(const struct sim_clock_options *options)
{
    return 2 * options->skew_ms_max + options->jump_ms_max < SIM_CLOCK_AHEAD_MS &&
           options->drift_ppm_max < 200;
}

void sim_clock_heal(struct sim_clock *clock)
{
    clock->wall_offset_ms = 0;
    clock->drift_ppm = 0;
}
