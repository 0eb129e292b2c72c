/* What operators do, one at a time: ask a node for a change and see what it answers, start machines
 * and have them join. Between sim_changes.c and sim_deeds.c. */
#ifndef SIM_DEEDS_H
#define SIM_DEEDS_H

#include "sim_changes.h"

void sim_deeds_init(struct sim_changes *changes);

/* Asks for it later, of a member that runs then. False when too much is under way. */
bool sim_deed_plan(struct sim_changes *changes, const struct sim_deed *deed, uint64_t delay_us);
/* Is anything under way about the node? */
bool sim_deed_about(const struct sim_changes *changes, uint32_t target);

/* A member that runs, of any; NULL when the choice fell on another. */
struct sim_node *sim_deed_choose_member(struct sim_changes *changes);
/* Would enough be left for every quorum if one more went? */
bool sim_deed_may_shrink(struct sim_changes *changes);

/* Starts a machine, to join as soon as it can, or to wait for what operators say. */
void sim_deed_start(struct sim_changes *changes, struct sim_node *node, bool waits);
/* One more member: a new machine, or one that had left. */
void sim_deed_grow(struct sim_changes *changes, uint64_t delay_us);
/* A member's place is taken by a new machine. */
void sim_deed_replace(struct sim_changes *changes, uint64_t delay_us);

/* What must be asked for so that all comes to an end. */
void sim_deed_tidy(struct sim_changes *changes);
/* Those whose removal has come to nothing are as good as all others. */
void sim_deed_absolve(struct sim_changes *changes);

#endif
