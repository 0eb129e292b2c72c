/* What goes wrong in a run, and when: kills, power losses, graceful stops, pauses, disks that are
 * lost, full, failing, rotten or replaced by older copies, partitions of all shapes, broken
 * connections and jumping clocks, each at its own random times; and how it ends. What happens to
 * disks is in sim_wear.c. */
#ifndef SIM_FAULTS_H
#define SIM_FAULTS_H

#include "sim_world.h"

enum sim_fault {
    SIM_FAULT_CRASH,
    SIM_FAULT_POWER,
    SIM_FAULT_BLACK,
    SIM_FAULT_STOP,
    SIM_FAULT_PAUSE,
    SIM_FAULT_PARTITION,
    SIM_FAULT_BREAK,
    SIM_FAULT_CLOCK,
    SIM_FAULT_LOSS,
    SIM_FAULT_RESTORE,
    SIM_FAULT_ROT,
    SIM_FAULT_FULL,
    SIM_FAULT_FAIL,
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
    bool going;
    struct sim_fault_timer strikes[SIM_FAULTS];
    struct sim_fault_timer revivals[SIM_NODES_MAX];
    struct sim_fault_timer resumes[SIM_NODES_MAX];
    struct sim_fault_timer repairs[SIM_NODES_MAX]; /* of disks */
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

/* The network falls in two, for a while. */
void sim_faults_split(struct sim_faults *faults);

/* ---- for those who make trouble of other kinds, too ---- */

/* Some microseconds, that many in the mean; and a timer started to fire then. */
uint64_t sim_faults_draw_us(struct sim_faults *faults, uint64_t mean_us);
void sim_faults_arm(struct sim_faults *faults, struct sim_fault_timer *timer, uint64_t mean_us);
/* A node that has ended comes back some time later. */
void sim_faults_revive(struct sim_faults *faults, const struct sim_node *node);
/* One that runs, at random; NULL when the choice fell on one that does not. */
struct sim_node *sim_faults_choose(struct sim_faults *faults);

/* How a start in the middle of which the node ends may end. */
enum sim_exit sim_wear_exit(struct sim_faults *faults, const struct sim_node *node);
/* A strike of that kind at a node that runs. */
void sim_wear_strike(struct sim_faults *faults, struct sim_node *node, enum sim_fault fault);
/* Power goes everywhere at once. */
void sim_wear_blackout(struct sim_faults *faults);
/* The disk is repaired; a process that its failures have disabled is restarted. */
void sim_wear_mend(struct sim_faults *faults, struct sim_node *node);

/* Nothing goes wrong any more, and what was broken works again. */
void sim_faults_end(struct sim_faults *faults);

#endif
