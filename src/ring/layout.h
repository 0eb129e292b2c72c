/* The layout: who owns what. An immutable, replicated artefact named by the hash of its content.
 *
 *      facts      cluster id and name, Q partitions, default N R W, hash seed: fixed at birth
 *      version    1 + the newest parent's; with the hash it orders layouts
 *      parents    hashes of the layouts that were live where it was committed
 *      roles      the map it was planned from, none staged; its members are those with ROLE_IN
 *      owners     Q rows of `replicas` member indexes, in order; the first coordinates
 *
 * A node's virtual nodes are the partitions it owns. With fewer members than N every member owns
 * everything, so `replicas` = min(N, members). */
#ifndef RING_LAYOUT_H
#define RING_LAYOUT_H

#include "base/buffer.h"
#include "base/crypto.h"
#include "base/limits.h"
#include "ring/planner.h"
#include "ring/roles.h"

/* Versions stay far from overflow, whatever a peer says. */
#define LAYOUT_VERSION_MAX (UINT64_MAX >> 1)

struct cluster_facts {
    uint64_t id; /* random, never 0 */
    char name[LIMIT_NAME_BYTES + 1];
    uint32_t partitions;   /* Q, a power of two */
    uint32_t n, r, w;      /* defaults; 1 <= r, w <= n <= LIMIT_REPLICAS */
    uint8_t hash_seed[32]; /* for storage positions: the same on all nodes, see storage/engine.h */
};

struct layout_key {
    uint64_t version;
    struct content_hash hash;
};

struct layout_member {
    uint64_t node;
    uint32_t weight;
    uint32_t partitions; /* how many it owns; derived */
};

struct layout {
    /* private: use layout_ref / layout_unref */
    uint32_t references;

    struct layout_key key;
    struct cluster_facts facts;
    struct content_hash *parents;
    uint32_t parent_count;
    struct roles roles;
    struct layout_member *members; /* sorted by node id */
    uint32_t member_count;
    uint32_t replicas;
    uint16_t *owners; /* facts.partitions * replicas indexes into members */
};

/* Order: version, then hash. */
int layout_key_compare(const struct layout_key *a, const struct layout_key *b);

/* The first layout of a new cluster, with one member that owns everything. 0, SHOAL_EINVAL (facts
 * or role out of range), SHOAL_ENOMEM. */
int layout_found(const struct cluster_facts *facts, const struct role *founder,
                 struct layout **out);

/* Plans and names the successor of `parents` (sorted by key; the last is the newest, whose owners
 * are where movement is measured from) for the roles. Deterministic. 0, SHOAL_EINVAL when the roles
 * leave no member or one is staged, SHOAL_EOVERLOAD when versions have run out, SHOAL_ENOMEM. */
int layout_plan(const struct layout *const *parents, uint32_t parent_count,
                const struct roles *roles, struct layout **out);

/* The same, with what the planner has to say about it. */
int layout_plan_report(const struct layout *const *parents, uint32_t parent_count,
                       const struct roles *roles, struct layout **out,
                       struct planner_report *report);

struct layout *layout_ref(const struct layout *layout);
void layout_unref(struct layout *layout); /* NULL is fine; thread-safe */

/* -1 when the node is no member. */
int layout_member_index(const struct layout *layout, uint64_t node);

/* The owners' node ids in order; returns how many (layout->replicas). */
uint32_t layout_owners(const struct layout *layout, uint32_t partition,
                       uint64_t out[LIMIT_REPLICAS]);

bool layout_owns(const struct layout *layout, uint64_t node, uint32_t partition);

/* The members behind the partition's owners in the order of the ring, at most `capacity`: those who
 * take writes for owners that are away. Members that own nothing are none. Returns how many. */
uint32_t layout_fallbacks(const struct layout *layout, uint32_t partition, uint64_t *out,
                          uint32_t capacity);

/* Canonical: the content hash is taken over these bytes. 0, SHOAL_ENOMEM, SHOAL_ETOOBIG. */
int layout_encode(const struct layout *layout, struct buffer *out);

/* Hostile input: everything is checked, the hash and what is derived are computed anew.
 * 0, SHOAL_EPROTO, SHOAL_EVERSION, SHOAL_ENOMEM. */
int layout_decode(struct bytes bytes, struct layout **out);

/* How two layouts' ownership differs: owner slots gained by any node in `to` that it lacks in
 * `from`. */
uint32_t layout_moves(const struct layout *from, const struct layout *to);

bool cluster_facts_equal(const struct cluster_facts *a, const struct cluster_facts *b);

/* Facts within limits: 0, or SHOAL_EINVAL with *why (static text) naming what is wrong. */
int cluster_facts_check(const struct cluster_facts *facts, const char **why);

#endif
