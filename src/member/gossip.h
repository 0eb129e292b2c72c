/* Heartbeat gossip ("A Gossip-Style Failure Detection Service", van Renesse et al., 1998): each node
 * raises its own heartbeat and tells a few random others all it has heard; they answer with what they
 * know. This part keeps the table of records and says who is alive; it sends nothing itself: the
 * owner asks for the targets and the message, and hands in what arrives. */
#ifndef MEMBER_GOSSIP_H
#define MEMBER_GOSSIP_H

#include "base/random.h"
#include "base/table.h"
#include "member/detector.h"
#include "member/record.h"

struct gossip_options {
    uint64_t interval_us;
    uint32_t fanout;
    double phi_threshold; /* above it a node is shown as suspect, far above it as down */
};

struct gossip_node {
    struct node_record record;
    struct detector detector;
    int64_t clock_ahead_ms; /* its wall clock less ours when last heard directly */
    bool heard_directly;
};

struct gossip {
    struct gossip_options options;
    struct node_record self;
    struct table nodes; /* node id -> struct gossip_node *, never self */
    uint64_t changes;   /* raised whenever a record changed in more than its heartbeat */
};

int gossip_init(struct gossip *gossip, const struct gossip_options *options,
                const struct node_record *self);
void gossip_deinit(struct gossip *gossip);

/* Raises the own heartbeat (once an interval). */
void gossip_beat(struct gossip *gossip);

/* Changes something of the own record: keeps the version above all told before. */
void gossip_set_self(struct gossip *gossip, const struct node_record *self);

/* Up to fanout random nodes to tell, preferring the living but now and then one thought dead, so
 * that partitions heal. `eligible` (sorted ids) restricts them; returns how many. */
uint32_t gossip_targets(struct gossip *gossip, struct random *random, const uint64_t *eligible,
                        uint32_t eligible_count, uint64_t now_us, uint64_t *out, uint32_t out_max);

/* All records, own first, in wire form; arrays from the arena, texts borrowed from the gossip. */
int gossip_records(const struct gossip *gossip, struct arena *arena,
                   const struct wire_record **records, uint32_t *count);

/* Merges what a peer told. Records of nodes beyond LIMIT_MEMBERS are ignored. A record of this very
 * node with a higher generation or version than its own (an earlier life, or a twin) makes the own
 * one go beyond it; *twin is set when a higher generation than ours is alive elsewhere.
 * 0, SHOAL_EPROTO, SHOAL_ENOMEM. */
int gossip_receive(struct gossip *gossip, uint64_t from, const struct wire_record *records,
                   uint32_t count, uint64_t now_us, bool *twin);

/* The sender's wall clock against ours. */
void gossip_observe_clock(struct gossip *gossip, uint64_t from, uint64_t its_wall_ms,
                          uint64_t our_wall_ms);

/* True when our own clock is ahead of most others' by more than the bound: this node then should not
 * coordinate writes. */
bool gossip_clock_ahead(const struct gossip *gossip, uint64_t bound_ms);

/* The node says goodbye: down at once, without waiting for silence. */
void gossip_goodbye(struct gossip *gossip, uint64_t node);

/* Forgets nodes that are in no `keep` list (sorted ids) and have been silent for silent_us. */
void gossip_forget(struct gossip *gossip, const uint64_t *keep, uint32_t keep_count,
                   uint64_t silent_us, uint64_t now_us);

const struct gossip_node *gossip_find(const struct gossip *gossip, uint64_t node);

/* As shown in status: what the node says of itself, or suspect / down by its silence. A node never
 * heard of is down. */
enum node_state gossip_state(const struct gossip *gossip, uint64_t node, uint64_t now_us);

#endif
