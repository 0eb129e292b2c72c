/* What all workers of a node agree on, published by the steward: the view and who the members are.
 * Immutable and shared; each worker holds a reference to the one it has adopted. */
#ifndef NODE_SNAPSHOT_H
#define NODE_SNAPSHOT_H

#include "base/hash.h"
#include "member/record.h"
#include "model/token.h"
#include "ring/view.h"

#define SNAPSHOT_INCLUDED 16u

struct snapshot_node {
    struct node_record record;
    uint32_t state;   /* enum node_state, as this node sees it */
    bool clock_ahead; /* further ahead than the bound: not chosen to coordinate */
    uint32_t weight;
};

struct snapshot {
    uint32_t references; /* private */
    uint64_t epoch;      /* increasing */
    uint64_t self;       /* node id */
    struct view *view;
    struct snapshot_node *nodes; /* sorted by id, self among them */
    uint32_t node_count;
    struct token_keys token_keys;
    struct hash_secret position_secret;
    bool self_clock_ahead;
    bool self_clock_doubtful;
    bool returning; /* this process began as a member: its engines should have the data */
    bool closed;    /* writes are refused: the node is about to join another cluster */
    /* For each worker: the last of its tickets (views handed to the steward) that is included. */
    uint64_t *tickets;
    /* For each worker: none of its tickets up to here counts, for one of them could not be joined.
     */
    uint64_t *tickets_void;
    uint32_t worker_count;
    /* Digests of views known to be included in this one: an answer that carries one needs no join.
     */
    uint64_t included[SNAPSHOT_INCLUDED];
};

struct snapshot *snapshot_ref(const struct snapshot *snapshot);
void snapshot_unref(struct snapshot *snapshot); /* NULL is fine; thread-safe */

/* NULL when unknown. */
const struct snapshot_node *snapshot_find(const struct snapshot *snapshot, uint64_t node);

#endif
