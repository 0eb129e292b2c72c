/* The world: nodes, network, virtual time and the oracle that watches them. Single-threaded, and a
 * function of its options alone: no address, no real time and no unseeded number decides anything.
 *
 * It moves from event to event. After each the touched worker is flushed and checked, what it has
 * issued is shown to the oracle, and the requests it has completed are judged. */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include "base/arena.h"
#include "base/timers.h"
#include "sim_members.h"
#include "sim_network.h"
#include "sim_node.h"
#include "sim_options.h"
#include "sim_oracle.h"
#include "sim_request.h"
#include "sim_trace.h"

struct sim_counts {
    uint64_t crashes, outages, dooms, stops, cleans, starts, starts_ended, starts_failed, pauses;
    uint64_t blackouts, losses, restores, rots, fulls, failures, reverted_writes, jobs;
    uint64_t joins, clock_jumps;
    uint64_t changes, changes_refused, changes_unknown, commits, burials, removals, declared,
        meetings;
    uint64_t rescues;
    uint64_t live_most; /* layouts */
    uint64_t partitions, breaks;
    uint64_t requests, completed, orphaned;
    uint64_t converged, converged_us, converged_us_max; /* from settled to identical */
    struct sim_store_figures store;
};

struct sim_world {
    struct sim_options options;
    struct timers timers; /* everything that is to happen */
    uint64_t now_us;
    uint64_t checked_at; /* the event count at the last look at everything */
    uint64_t checked;    /* such looks */
    struct arena arena;
    struct buffer scratch;
    struct random random; /* for nodes; the network has its own */
    struct sim_trace trace;
    struct sim_network network;
    struct sim_node *nodes;
    uint32_t node_count;
    uint32_t node_room; /* node_count, and the one in reserve */
    struct sim_members members;
    struct sim_oracle oracle;
    struct sim_verdict verdict;
    struct sim_counts counts;
    struct queue items;     /* of struct sim_item: all that are on their way */
    struct queue requests;  /* of struct sim_request: not yet completed */
    struct queue completed; /* completed and not yet judged */
    struct queue buried;    /* judged, kept to catch a second completion */
    uint64_t same_time;     /* events since the time last moved */
    bool has_token_keys;
    uint64_t cluster;             /* its id, once all are in it */
    struct token_keys token_keys; /* of the cluster */
};

/* Makes the world with all nodes down. 0 or SHOAL_ENOMEM. */
int sim_world_init(struct sim_world *world, const struct sim_options *options, FILE *trace);
void sim_world_deinit(struct sim_world *world);

/* The machine in reserve becomes one of the nodes, down; NULL when there is none. Up to then it is
 * nowhere, so that it changes the course of no run that does without it. */
struct sim_node *sim_world_enlist(struct sim_world *world);

/* Takes the next event; false when there is none or the verdict is broken. */
bool sim_world_step(struct sim_world *world);

/* Runs for so long, or until a violation. */
void sim_world_run_us(struct sim_world *world, uint64_t duration_us);

/* Runs until the condition holds; false when it did not within the time, or at a violation. */
bool sim_world_run_until(struct sim_world *world, bool (*condition)(struct sim_world *world),
                         uint64_t timeout_us);

/* Every node that is up is settled and knows as many others as are up; there is one live layout. */
bool sim_world_settled(struct sim_world *world);

/* May the node forget now, by the promise that W-1 may? */
bool sim_world_may_lose(struct sim_world *world, const struct sim_node *node);

#define sim_world_fail(world, ...) sim_verdict_fail(&(world)->verdict, __VA_ARGS__)

/* ---- called by the nodes ---- */

void sim_world_issued(struct sim_world *world, uint32_t node, struct bytes key, struct dot dot,
                      struct version_vector seen);
void sim_world_expired(struct sim_world *world, uint32_t node, struct bytes key, struct dot dot,
                       struct dot replaced);
void sim_world_dropped(struct sim_world *world, uint32_t node, struct bytes key, struct dot dot);
/* A holding begins that has forgotten something. */
void sim_world_refilling(struct sim_world *world, uint32_t node, uint32_t partition);

/* Is the node running in the cluster (and not in one of its own)? */
bool sim_world_is_member(const struct sim_world *world, const struct sim_node *node);

/* What the node holds of a key, without changing the course of things: 0, SHOAL_ENOTFOUND, or
 * whatever keeps it from being seen. It lives in the world's arena. */
int sim_world_peek(struct sim_world *world, struct sim_node *node, struct bytes key,
                   struct object *out);

/* Shows the oracle every holding of every key. */
void sim_world_check_holdings(struct sim_world *world);

#endif
