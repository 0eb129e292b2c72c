/* A place in the live feed: for every lane of every node, what comes next. Readers carry it from
 * node to node as a *cursor*, bytes that mean the same everywhere in the cluster:
 *
 *      | version u8 | varint stamp, varint gone | varint nodes
 *      | node u64 | varint lanes | tag u32, varint at | ... | check u32 |
 *
 * The tag tells one tail of a lane from the one that took its place. Tag 0: no position is known
 * yet, `at` is the wall time (ms) from which on the lane is wanted; time 0 is its beginning. Nodes
 * ascend, lanes are 0 to lanes - 1, numbers stand in their shortest form: one place has one
 * encoding. The check is a hash with the cluster's id, so that what was cut, retyped or is another
 * cluster's is refused; it is no secret, and who forges one reads from elsewhere, nothing more.
 * (Kafka's consumer offsets are the model; here they are the client's, not kept for it.) */
#ifndef NODE_FEED_CURSOR_H
#define NODE_FEED_CURSOR_H

#include "base/buffer.h"

struct feed_place {
    uint64_t node;
    uint64_t at;
    uint32_t lane;
    uint32_t tag;
    uint64_t checked; /* its holder's own: not encoded, not compared */
};

/* What was known of the members: the highest stamp of a role, and how many were not in. Tells who
 * has come and gone since (feed_gone.c). */
struct feed_known {
    uint64_t stamp;
    uint64_t gone;
};

/* Sorted by node and lane; a node's lanes are there from 0 on without a hole. */
struct feed_cursor {
    struct feed_known known;
    struct feed_place *places;
    uint32_t count;
    uint32_t capacity;
};

/* Never 0. */
uint32_t feed_tag(uint64_t tail);

void feed_cursor_init(struct feed_cursor *cursor);
void feed_cursor_deinit(struct feed_cursor *cursor);

/* NULL: none. */
struct feed_place *feed_cursor_find(const struct feed_cursor *cursor, uint64_t node, uint32_t lane);
/* How many lanes it has of the node. */
uint32_t feed_cursor_lanes(const struct feed_cursor *cursor, uint64_t node);
/* Adds a place, or replaces it; the lanes below must be there. 0, SHOAL_ENOMEM, or SHOAL_ETOOBIG
 * over LIMIT_FEED_LANES. */
int feed_cursor_put(struct feed_cursor *cursor, const struct feed_place *place);
/* Takes the node's lanes from this one on out. */
void feed_cursor_cut(struct feed_cursor *cursor, uint64_t node, uint32_t lane);
/* 0 or SHOAL_ENOMEM. */
int feed_cursor_copy(struct feed_cursor *to, const struct feed_cursor *from);
/* The same places. */
bool feed_cursor_equal(const struct feed_cursor *a, const struct feed_cursor *b);

/* Replaces what `out` holds. Without the lanes of `skip_node` from `skip_lane` on (node 0: with
 * all). 0 or SHOAL_ENOMEM. */
int feed_cursor_encode(const struct feed_cursor *cursor, uint64_t cluster, uint64_t skip_node,
                       uint32_t skip_lane, struct buffer *out);
/* Bytes from anywhere: 0; SHOAL_EINVAL: not a cursor, or of another cluster; SHOAL_ENOMEM. Touches
 * `out` (initialised) only on success. */
int feed_cursor_decode(struct bytes bytes, uint64_t cluster, struct feed_cursor *out);

#endif
