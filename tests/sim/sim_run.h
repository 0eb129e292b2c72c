/* One run, from a seed to a verdict, in the phases of TigerBeetle's VOPR: form the cluster, load it
 * while things go wrong and check what must hold at all times, then let everything heal and demand
 * that it converges. */
#ifndef SIM_RUN_H
#define SIM_RUN_H

#include "sim_world.h"

struct sim_result {
    struct sim_verdict verdict;
    struct sim_counts counts;
    uint64_t trace_hash;
    uint64_t events;
    uint64_t simulated_us;
    uint64_t frames, dropped, duplicated, connects;
    uint64_t acked, nothing, unknown;
    uint64_t dots, holdings_judged, reads_judged, reads_strict, sibling_reads, blind_judged;
    uint64_t counters_judged;
    uint64_t hinted, dropped_tombstones;
};

/* Runs it. `trace` may be NULL. */
void sim_run(const struct sim_options *options, FILE *trace, struct sim_result *result);

#endif
