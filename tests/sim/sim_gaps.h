/* What a reader of the live feed was told of nodes: which gaps, and who is away. By the nodes' own
 * ids, for a machine that is set up anew is another node, and what its readers were told of the one
 * before says nothing of it. And what these gaps excuse: a gap is no licence to tell nothing more,
 * so each excuses only what its reason can have cost. */
#ifndef SIM_GAPS_H
#define SIM_GAPS_H

#include "node/feed.h"
#include "node/feed_cursor.h"
#include "sim_world.h"

#define SIM_GAPS_MAX 128u

struct sim_gap_node {
    uint64_t id;
    uint32_t reasons; /* 1 << enum feed_gap */
    bool away;
    bool timed; /* it had no place at first, but a time: what came since then is a matter of clocks
                 */
};

struct sim_gaps {
    struct sim_gap_node nodes[SIM_GAPS_MAX];
    uint32_t count;
};

/* A gap or its end. */
void sim_gaps_note(struct sim_gaps *gaps, const struct feed_event *event);
/* The reader has its first place. */
void sim_gaps_begin(struct sim_gaps *gaps, const struct feed_cursor *cursor);
/* Was it told of such a gap of the node? */
bool sim_gaps_told(const struct sim_gaps *gaps, uint64_t node, uint32_t reason);
/* Need it not have been told of an acknowledged put? */
bool sim_gaps_excuse(const struct sim_gaps *gaps, const struct sim_world *world,
                     const struct sim_write *write);

#endif
