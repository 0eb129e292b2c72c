/* The planner: who should own what. Pure, deterministic and exact:
 *
 *   - every partition has min(N, members) distinct owners, in distinct zones where there are
 * enough;
 *   - every member owns within one partition of its weighted share (capped at all Q; what is capped
 *     is shared among the rest by weight);
 *   - of all such tables, one that moves as little as possible from the table before;
 *   - every member is first owner of its share of what it owns, as evenly as can be, without
 * moving.
 *
 * Where zones and shares can't all be had, zones win over shares (losing a zone must not lose all
 * copies) and the report says so. With fewer zones than copies every partition is in all of them. A
 * minimum-cost flow (flow.h) after Garage's ("Optimal assignment of partitions", Auvolat et al.),
 * its targets computed as exact fractions (shares.h) instead of searched for. */
#ifndef RING_PLANNER_H
#define RING_PLANNER_H

#include "base/limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct planner_member {
    uint64_t node;
    uint32_t weight;
    uint32_t zone; /* dense index of the zone's name */
};

#define PLANNER_NONE UINT16_MAX

struct planner_input {
    uint32_t partitions;
    uint32_t n;
    const struct planner_member *members; /* sorted by node id */
    uint32_t member_count;
    /* The table before, as indexes into `members` (PLANNER_NONE for owners that are no members any
     * more); NULL when there is none. */
    const uint16_t *before;
    uint32_t before_replicas;
};

struct planner_report {
    uint32_t replicas; /* owners a partition */
    uint32_t moved;    /* owner slots that are new to their member */
    /* A bound from below: with these shares, and as many copies apart in zones, no table moves
     * less. Found by counting, not from the table, so that it checks the planner. */
    uint32_t moves_least;
    uint32_t zones_used; /* distinct zones every partition spans at least */
    double
        share_excess_max; /* the worst member's distance from its weighted share, in partitions */
    char reason[256];     /* why something couldn't be had; empty when all is exact */
};

/* Fills owners[partitions * replicas] with indexes into members; it may not be `before`. Firsts
 * stay where the balance allows, the others keep their order, new owners come last. 0, SHOAL_EINVAL
 * (no member, bad numbers), SHOAL_ENOMEM. */
int planner_plan(const struct planner_input *input, uint16_t *owners,
                 struct planner_report *report);

#endif
