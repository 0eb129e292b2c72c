/* Operators who change the membership while everything else goes on: nodes leave, are removed, with
 * force or without, replaced, given another weight or zone, and brought back; at once or staged,
 * and then committed or cancelled by somebody else; several at a time, on two sides of a partition.
 *
 * Some machines die for good. Until they have been removed and all they held is made up for, each
 * is one of the W-1 nodes that may have lost their data; so is a node that might be taken for dead.
 * In *reckless* runs more than that may die: what was acknowledged may then be lost where the
 * cluster says so, and nowhere else. */
#ifndef SIM_CHANGES_H
#define SIM_CHANGES_H

#include "sim_faults.h"
#include "sim_joins.h"
#include "sim_meet.h"
#include "sim_rescue.h"

#define SIM_DEEDS_MAX 64u

struct sim_changes;

/* Something an operator is about to do, or has asked for and awaits. */
struct sim_deed {
    struct timer timer;
    struct sim_changes *changes;
    bool busy;
    bool asked;
    uint32_t op;     /* enum change_op */
    uint32_t at;     /* the node that is asked */
    uint32_t target; /* the node it is about */
    bool stage, force;
    bool condemns; /* the target counts as lost until the outcome is known */
    char name[16];
    struct message_change change;
};

struct sim_changes {
    struct sim_world *world;
    struct sim_faults *faults;
    struct sim_joins *joins;
    struct random random;
    bool going;
    bool tidying; /* faults have ended: what is unfinished is finished */
    struct timer strike;
    struct timer look; /* after the dead and the absent */
    struct sim_meet meet;
    struct sim_rescue rescue;
    struct sim_deed deeds[SIM_DEEDS_MAX];
    uint64_t remove_us[SIM_NODES_MAX]; /* when a dead node is removed; 0: not yet decided */
    bool refused[SIM_NODES_MAX];       /* its removal without force */
    bool rests[SIM_NODES_MAX];         /* dead and removed, and will not come back */
};

void sim_changes_init(struct sim_changes *changes, struct sim_world *world,
                      struct sim_faults *faults, struct sim_joins *joins);
void sim_changes_deinit(struct sim_changes *changes);

void sim_changes_begin(struct sim_changes *changes);

/* No new ideas: the dead are removed, what is staged is decided, and there are enough members. */
void sim_changes_end(struct sim_changes *changes);
/* Is all of that done? */
bool sim_changes_tidy(struct sim_changes *changes);
/* From now on nobody does anything. */
void sim_changes_rest(struct sim_changes *changes);

#endif
