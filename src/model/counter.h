/* A counter that several may add to at the same time and none of whose additions is lost: the
 * content of a sibling of kind SIBLING_COUNTER. A PN-counter ("A comprehensive study of Convergent
 * and Commutative Replicated Data Types", Shapiro et al., 2011) in the shape of Cassandra's counter
 * shards: each actor that adds has a sum of its own, which only it changes, with the number of its
 * latest change; of two copies of a shard the later one counts.
 *
 *      epoch (a,4)  base 10      it descends from the write (a,4), which set 10
 *      shards  (a,5)..7: +3      a has added three since, first by (a,5), last by (a,7)
 *              (b,2)..2: -1
 *
 * A shard is known by the dot that began it, not by its actor alone: an actor that has seen nothing
 * of the key for a while begins another, which no copy of the former can swallow. Counters of one
 * epoch are parts of one number and are joined; those of different epochs are different values. */
#ifndef MODEL_COUNTER_H
#define MODEL_COUNTER_H

#include "base/buffer.h"
#include "model/dot.h"

struct counter_shard {
    struct dot start; /* of its first addition */
    uint64_t last;    /* counter of its actor's latest dot in it */
    int64_t sum;
};

struct counter {
    struct dot epoch; /* of the put it descends from; all zero where nothing or a deletion was */
    int64_t base;     /* what that put had set; else 0 */
    const struct counter_shard *shards; /* sorted by start */
    uint32_t shard_count;
};

/* Parts of one number? */
static inline bool counter_same(const struct counter *a, const struct counter *b)
{
    return dot_equal(a->epoch, b->epoch) && a->base == b->base;
}

/* What both of the same counter know: commutative, associative, idempotent. 0, SHOAL_ENOMEM, or
 * SHOAL_EOVERLOAD over LIMIT_COUNTER_SHARDS. */
int counter_join(struct arena *arena, const struct counter *a, const struct counter *b,
                 struct counter *out);

/* Base and sums; where additions made apart have led out of the 64-bit range, the end of it. */
int64_t counter_total(const struct counter *counter);

/* The actor's addition, under its new dot; `before` is the counter of the dot that it gave for this
 * key last, 0 for none. Its shard goes on if that is its latest, for then the actor has every
 * addition of its own before it; else another begins. 0 and the new total; SHOAL_ENOMEM;
 * SHOAL_EOVERLOAD over LIMIT_COUNTER_SHARDS; SHOAL_ETOOBIG when the total would leave the 64-bit
 * range; SHOAL_EPROTO for a counter that nobody has made, with a shard begun by this dot. */
int counter_add(struct arena *arena, const struct counter *counter, struct dot dot, uint64_t before,
                int64_t delta, struct counter *out, int64_t *total);

/* The actor gives another dot for the key and adds nothing: its shard, if one could go on, goes on
 * with it. 0 or SHOAL_ENOMEM. */
int counter_keep(struct arena *arena, const struct counter *counter, struct dot dot,
                 uint64_t before, struct counter *out);

/* ---- its bytes ----
 *
 *   u8 1 (the format), u64 actor and varint counter of the epoch, i64 base,
 *   varint shards, each: u64 actor, varint counter of its start, varint last - start, i64 sum
 *
 * Little-endian, varints in their shortest form: equal counters have equal bytes. */

/* In the arena; data NULL without memory. */
struct bytes counter_encode(struct arena *arena, const struct counter *counter);

/* Refuses anything not canonical: 0, SHOAL_EPROTO, SHOAL_EVERSION (another format), SHOAL_ENOMEM.
 */
int counter_decode(struct arena *arena, struct bytes bytes, struct counter *out);

/* ---- numbers as text ---- */

#define NUMBER_DIGITS_MAX 20u

/* Without NUL; the length. */
uint32_t number_print(int64_t number, char out[NUMBER_DIGITS_MAX]);

/* What number_print would have written, and nothing else: no blanks, no plus, no leading zeros. */
bool number_parse(struct bytes text, int64_t *out);

#endif
