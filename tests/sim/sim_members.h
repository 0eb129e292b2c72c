/* Who belongs to the cluster, by what its nodes know themselves: the simulator decides nothing
 * here, it only looks. Also what follows from it for the oracle: which partitions a removal by
 * force has declared as possibly having lost acknowledged writes (and only those are excused), and
 * invariant 6: at any moment every acknowledged write is held by W of its owners in the oldest
 * layout that is live anywhere, less the disks that were lost. */
#ifndef SIM_MEMBERS_H
#define SIM_MEMBERS_H

#include "sim_node.h"

struct sim_world;

enum sim_standing {
    SIM_OUTSIDE, /* down, or in no cluster, or one of its own, or not yet known to this one */
    SIM_MEMBER,  /* of the newest layout, as it sees it */
    SIM_STAGED,  /* its joining waits for an operator */
    SIM_LEAVER,  /* was asked to leave, or has left */
    SIM_REMOVED, /* by force, and it knows */
};

struct sim_members {
    uint64_t *seen;   /* by node: the digest of the view that was looked at last */
    bool *declared;   /* by partition */
    uint32_t looks;   /* at obligations that were due */
    uint64_t checked; /* obligations */
    uint64_t floor;   /* the highest oldest layout's version of any view */
    bool risen;       /* ... since obligations were last checked */
};

int sim_members_init(struct sim_world *world);
void sim_members_deinit(struct sim_world *world);

/* Takes in what views have changed; before every judgement. */
void sim_members_look(struct sim_world *world);

/* Those who were removed and whose place has been taken count as lost no more; and who was removed
 * by somebody who died with it is none of the removed. */
void sim_members_absolve(struct sim_world *world);

/* After an event of the worker: what it owns no more doesn't bind it when it owns it again. */
void sim_members_adopted(struct sim_worker *worker);

/* Fails the run where an acknowledged write is held by fewer than owe it; only looks now and then,
 * and whenever a layout has gone. */
void sim_members_check(struct sim_world *world);

enum sim_standing sim_members_standing(const struct sim_world *world, const struct sim_node *node);

/* A node that runs and belongs to the cluster; NULL when there is none. */
struct sim_node *sim_members_any(struct sim_world *world);
/* One that a node can join at: as before, or where all who run are leaving one of these. */
struct sim_node *sim_members_contact(struct sim_world *world);
const struct snapshot *sim_members_snapshot(struct sim_world *world);
struct sim_node *sim_members_find(struct sim_world *world, uint64_t id);

/* Is any node still on its way in by its seeds, or will be when it runs again? It would take the
 * first cluster that it finds at one of them. */
bool sim_members_seeking(const struct sim_world *world);

/* Every node that runs, or should, is settled and agrees with all others; one layout is live,
 * nothing is due, and nobody holds what it doesn't own; those who were removed know it. */
bool sim_members_settled(struct sim_world *world);

/* How many nodes that were removed by force may still answer without knowing it. */
uint32_t sim_members_ghosts(const struct sim_world *world);

#endif
