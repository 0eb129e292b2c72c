/* What goes wrong in a run, and when: crashes, disk losses, graceful stops, pauses, partitions of
 * all shapes, broken connections and jumping clocks, each at its own random times; and how it ends.
 */
#ifndef SIM_FAULTS_H
#define SIM_FAULTS_H

#include "sim_world.h"

enum sim_fault {
    SIM_FAULT_CRASH,
    SIM_FAULT_STOP,
    SIM_FAULT_PAUSE,
    SIM_FAULT_PARTITION,
    SIM_FAULT_BREAK,
    SIM_FAULT_CLOCK,
    SIM_FAULT_LOSS,
    SIM_FAULTS,
};

/* Faults planned by themselves, around joins. */
#define SIM_TROUBLES_MAX (3u * SIM_NODES_MAX)

struct sim_faults;

/* Embedded per kind, so that a timer finds its way home. */
struct sim_fault_timer {
    struct timer timer;
    struct sim_faults *faults;
    uint32_t index; /* enum sim_fault, or a node */
};

struct sim_faults {
    struct sim_world *world;
    struct random random;
    struct sim_fault_timer strikes[SIM_FAULTS];
    struct sim_fault_timer revivals[SIM_NODES_MAX];
    struct sim_fault_timer resumes[SIM_NODES_MAX];
    struct sim_fault_timer mend;
    struct sim_fault_timer troubles[SIM_TROUBLES_MAX];
    uint32_t trouble_count;
    uint32_t flaps; /* further cuts of the same kind, each soon after the last is mended */
};

void sim_faults_init(struct sim_faults *faults, struct sim_world *world);

/* From now on things go wrong. */
void sim_faults_begin(struct sim_faults *faults);

/* A few faults around that time, when something delicate is under way. */
void sim_faults_trouble(struct sim_faults *faults, uint64_t at_us);

/* Nothing goes wrong any more, and what was broken works again. */
void sim_faults_end(struct sim_faults *faults);

#endif
