/* Heartbeat gossip ("A Gossip-Style Failure Detection Service", van Renesse et al., 1998): each
 * node raises its own heartbeat and shows a few random others what it has heard; they answer with
 * what it lacks, and name what they lack. This part keeps the table of records and says who is
 * alive; it sends nothing itself: the owner asks for the targets and the message, and hands in what
 * arrives.
 *
 *      gossip.c           the table: hearing, forgetting, who lives
 *      gossip_targets.c   whom to tell
 *      gossip_exchange.c  what to tell: summaries, and the records that the other side lacks */
#ifndef MEMBER_GOSSIP_H
#define MEMBER_GOSSIP_H

#include "base/random.h"
#include "base/table.h"
#include "member/detector.h"
#include "member/record.h"

#define GOSSIP_FANOUT_MAX 16u

struct gossip_options {
    uint64_t interval_us; /* between two heartbeats, and between two rounds of telling */
    uint32_t fanout;      /* 1 to GOSSIP_FANOUT_MAX */
    double phi_threshold; /* above it a node is shown as suspect, above twice it as down */
};

struct gossip_node {
    struct node_record record;
    struct detector detector; /* fed by every heartbeat that is news, whoever tells it */
    uint64_t known_since_us;
    int64_t clock_ahead_ms;     /* its wall clock less ours when last heard directly */
    bool heard_directly;        /* clock_ahead_ms holds something */
    bool fading;                /* about to be forgotten: no longer told to others */
    bool goodbye;               /* it said so in this generation ... */
    uint64_t goodbye_heartbeat; /* ... when we knew this heartbeat of it */
};

/* A node worth telling of. */
struct gossip_row {
    struct node_record *record;
    struct gossip_node *node; /* NULL: self */
};

struct gossip {
    struct gossip_options options;
    struct node_record self;
    struct table nodes; /* node id -> struct gossip_node *, never self */
    uint64_t changes;   /* raised whenever a record came, went or changed in more than its counts */
    uint64_t places;    /* raised whenever it is news where a node is */
    uint32_t overtaken; /* how often another's record of this node was ahead of the own one */

    /* All that is worth telling in order of ids, self among it, and its digests. Private. */
    struct gossip_row *rows;
    uint32_t row_count;
    uint32_t rows_max;
    bool rows_stale;         /* nodes came, went, fade or began anew */
    bool versions_stale;     /* a record changed beyond its heartbeat */
    uint64_t members_digest; /* of ids and generations */
    uint64_t versions_digest;
    uint64_t news_heartbeat; /* the own heartbeat when a record last changed so */
};

/* 0, or SHOAL_EINVAL for options or a record of self out of range. The record is copied. */
int gossip_init(struct gossip *gossip, const struct gossip_options *options,
                const struct node_record *self);
void gossip_deinit(struct gossip *gossip);

/* Raises the own heartbeat (once an interval). */
void gossip_beat(struct gossip *gossip);

/* The node turns out to be the member `id` (which has lost its data): what was known of that one is
 * dropped, and what others know of it makes the own generation go beyond it. */
void gossip_become(struct gossip *gossip, uint64_t id);

/* Changes what the node tells of itself: all fields but id, generation, heartbeat and version,
 * which stay the gossip's own; the version rises above all told before if anything differs. */
void gossip_set_self(struct gossip *gossip, const struct node_record *self);

/* Up to fanout distinct random nodes to tell, preferring the living but now and then one thought
 * dead, so that partitions heal. They are taken from `eligible` (ids, without doubles; those never
 * heard of are fine), or from all known nodes when it is NULL. Returns how many. */
uint32_t gossip_targets(struct gossip *gossip, struct random *random, const uint64_t *eligible,
                        uint32_t eligible_count, uint64_t now_us, uint64_t *out, uint32_t out_max);

/* All records worth telling, own first, in wire form; the array from the arena, texts borrowed from
 * the gossip until it changes. 0 or SHOAL_ENOMEM. For who knows nothing yet, and for disks. */
int gossip_records(const struct gossip *gossip, struct arena *arena,
                   const struct wire_record **records, uint32_t *count);

/* What to tell a target: the own record, and what it takes to find that either knows nodes which
 * the other doesn't; with `beats` also every heartbeat, and to find differing records. Fills kind,
 * records and summary of *out: from the arena, texts borrowed from the gossip until it changes. 0
 * or SHOAL_ENOMEM. */
int gossip_ask(struct gossip *gossip, bool beats, struct arena *arena, struct message_gossip *out);

/* Takes in what a node told, by gossip_hear or in answer, and says what it should hear in return:
 * fills kind, records, summary and wanted of *answer, memory as above. 1 when there is an answer
 * (to a question always), 0 when none is due; SHOAL_EPROTO, nothing taken in; SHOAL_ENOMEM, some
 * taken in, which does no harm. For *twin see gossip_receive. */
int gossip_hear(struct gossip *gossip, const struct message_gossip *told, uint64_t now_us,
                struct arena *arena, struct message_gossip *answer, bool *twin);

/* Merges records that the peer `from` told, all or nothing. A node counts as heard when its
 * heartbeat or generation rose, or when it spoke itself; merely being told of one is no sign that
 * it lives. Records of nodes beyond LIMIT_MEMBERS are ignored. A record of this very node that is
 * ahead of its own (from an earlier life, or a twin: a second process with its id) makes the own
 * generation go beyond it; *twin is set when that has happened so often that only a living twin
 * explains it. 0; SHOAL_EPROTO, nothing merged; SHOAL_ENOMEM, some merged, which does no harm. */
int gossip_receive(struct gossip *gossip, uint64_t from, const struct wire_record *records,
                   uint32_t count, uint64_t now_us, bool *twin);

/* The sender's wall clock against ours, as it told in a message of its own. A node not known is
 * ignored. */
void gossip_observe_clock(struct gossip *gossip, uint64_t from, uint64_t its_wall_ms,
                          uint64_t our_wall_ms);

/* True when our own clock is ahead of most others' by more than the bound, of those heard directly:
 * this node then should not coordinate writes. Those that are down have a say only where all are:
 * what their clocks were when they were heard says nothing of ours now. */
bool gossip_clock_ahead(const struct gossip *gossip, uint64_t bound_ms, uint64_t now_us);

/* True also when it was ahead of most of all, as far as those that are down had heard: nothing is
 * to be hidden or removed by it. Whoever is cut off with others whose clocks are as wrong must not
 * begin to. */
bool gossip_clock_doubtful(const struct gossip *gossip, uint64_t bound_ms, uint64_t now_us);

/* The node says goodbye: down at once, without waiting for silence, until it speaks again itself or
 * others tell of a life that can't be from before the goodbye. */
void gossip_goodbye(struct gossip *gossip, uint64_t node);

/* Forgets nodes that are not in `keep` (sorted ids) and have been silent for silent_us; those
 * silent for half of it are no longer told to others, so that two nodes can't keep reminding each
 * other of a third one that is long gone. Call it now and then, with a time well above what news
 * take to reach all. */
void gossip_forget(struct gossip *gossip, const uint64_t *keep, uint32_t keep_count,
                   uint64_t silent_us, uint64_t now_us);

/* Bounds that grow with the number of nodes, so that what all of them cause doesn't: how long to
 * wait between two pushes of news, and how rarely to tell of counts (keys, bytes, hints) that
 * change all the time. */
uint64_t gossip_push_us(const struct gossip *gossip);
uint64_t gossip_counts_us(const struct gossip *gossip);

/* NULL for a node not known, and for this one. Valid until the gossip next changes. */
const struct gossip_node *gossip_find(const struct gossip *gossip, uint64_t node);

/* As shown in status: what the node says of itself, or suspect / down by its silence. A node never
 * heard of is down; one that said it left has left, however silent. */
enum node_state gossip_state(const struct gossip *gossip, uint64_t node, uint64_t now_us);

/* Would its silence show as down, whatever it last said of itself? */
bool gossip_silent(const struct gossip *gossip, uint64_t node, uint64_t now_us);

#endif
