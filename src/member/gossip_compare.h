/* What a summary that another node has sent says against the own table: what is lacking there, what
 * is lacking here, and whose heartbeat is behind. Heartbeats that are ahead are taken in at once.
 * Private to gossip. */
#ifndef MEMBER_GOSSIP_COMPARE_H
#define MEMBER_GOSSIP_COMPARE_H

#include "base/arena.h"
#include "member/gossip.h"
#include "member/summary.h"

/* The first three are set before comparing. */
struct gossip_comparison {
    struct gossip *gossip;
    uint64_t from;
    uint64_t now_us;
    bool versions;                      /* the summary shows them */
    const struct node_record **lacking; /* there */
    uint32_t lacking_count;
    uint64_t *wanted; /* lacking here */
    uint32_t wanted_count;
    uint8_t *ahead; /* bits of the rows whose heartbeat is higher here */
    bool overtaken; /* the summary has a life of this node that it has not led ... */
    uint64_t overtaken_generation;
};

/* The rows are refreshed, and a summary without ids is of the same members. What is lacking stands
 * in the arena. 0, or SHOAL_ENOMEM with nothing taken in. */
int gossip_compare(struct gossip_comparison *comparison, const struct summary *summary,
                   struct arena *arena);

#endif
