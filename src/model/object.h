/* What a key holds: a dotted version vector set ("Concise Server-Wide Causality Management",
 * Gonçalves et al., 2015, sections 2 and 3): a causal context and exactly the concurrent values.
 *
 *      context  {a:5, b:3}            every dot of a up to 5 and of b up to 3 has been seen
 *      siblings (a,5) "x"  (b,2) "y"  of these, the ones that nothing seen has replaced
 *
 * Objects are values: functions never change their inputs; results live in the arena and may share
 * memory with the inputs. Objects always travel whole, every sibling with the full context. */
#ifndef MODEL_OBJECT_H
#define MODEL_OBJECT_H

#include "base/buffer.h"
#include "model/dot.h"

enum sibling_kind {
    SIBLING_VALUE = 0,
    SIBLING_TOMBSTONE = 1, /* a deletion: no bytes */
    SIBLING_COUNTER = 2,   /* a number to add to: see counter.h */
};

struct sibling {
    struct dot dot;
    uint64_t hlc;       /* hybrid logical time of the write, see hlc.h */
    uint64_t expiry_ms; /* it is hidden when wall time is later; 0 is never */
    uint8_t kind;       /* enum sibling_kind */
    struct bytes value;
};

struct object {
    struct version_vector context;
    const struct sibling *siblings; /* sorted by dot, each covered by the context */
    uint32_t sibling_count;
};

/* The empty object: nothing seen, nothing there. */
static inline struct object object_empty(void)
{
    return (struct object){0};
}

/* One sibling, and the context is exactly its dot: nearly every object. */
static inline bool object_simple(const struct object *object)
{
    return object->sibling_count == 1 && object->context.count == 1 &&
           dot_equal(object->context.entries[0], object->siblings[0].dot);
}

/* The join of two objects: contexts joined; a sibling stays if both have its dot, or if the other
 * side's context does not cover it. Commutative, associative and idempotent. 0, SHOAL_ENOMEM, or
 * SHOAL_EOVERLOAD when the result exceeds LIMIT_SIBLINGS or LIMIT_CONTEXT_ENTRIES. */
int object_merge(struct arena *arena, const struct object *a, const struct object *b,
                 struct object *out);

/* One write: what `seen` covers is replaced, everything else stays, and the new sibling is added.
 * Outcomes as for merge, and SHOAL_ECONTEXT when current's context or seen covers the new dot: then
 * the holding has forgotten dots that it gave out, and must begin a new actor before it writes. */
int object_write(struct arena *arena, const struct object *current, struct version_vector seen,
                 const struct sibling *added, struct object *out);

/* One sibling, named by its dot, is replaced and nothing else: a context would cover a range, and
 * with it others. Outcomes as object_write, and SHOAL_ENOTFOUND when there is no such sibling. */
int object_replace(struct arena *arena, const struct object *current, struct dot replaced,
                   const struct sibling *added, struct object *out);

/* The object without the sibling of this dot; its context stays. 0 or SHOAL_ENOMEM. */
int object_without(struct arena *arena, const struct object *object, struct dot dot,
                   struct object *out);

bool object_equal(const struct object *a, const struct object *b);

/* Merging b into a would change nothing in a. */
bool object_includes(const struct object *a, const struct object *b);

/* The sibling to show where one must win: values before tombstones (a write concurrent with a
 * delete is not hidden by it), then the higher HLC, then the higher dot. Siblings hidden by expiry
 * at now_ms lose to all and are never returned; pass 0 to ignore expiry. NULL when nothing is left
 * or only tombstones are. */
const struct sibling *object_winner(const struct object *object, uint64_t now_ms);

/* The live siblings (neither tombstones nor expired at now_ms), winner first, the rest in
 * descending order of win; returns how many were written to `out`, which has room for
 * sibling_count. */
uint32_t object_live(const struct object *object, uint64_t now_ms, const struct sibling **out);

/* Invariants: sorted, unique, covered, within limits. For assertions and for decoded input. */
bool object_valid(const struct object *object);

/* The canonical encoding, used in storage and on the wire: equal objects have equal bytes.
 *
 *   u8      0x10 | flags         high nibble: format 1; bit 0: simple
 *   simple (one sibling, and the context is exactly its dot; nearly every object):
 *     u8 kind | 0x80 if it expires, u64 actor, u64 hlc, varint counter, [u64 expiry_ms], value
 *   otherwise:
 *     varint entries, each: u64 actor, varint counter
 *     varint siblings, each: u8 kind | 0x80 if it expires, u64 actor, varint counter, u64 hlc,
 *       [u64 expiry_ms], varint value length, value
 *
 * Numbers are little-endian, varints LEB128 in their shortest form. 0, SHOAL_ENOMEM, or
 * SHOAL_ETOOBIG over LIMIT_VALUE_BYTES_MAX or LIMIT_OBJECT_BYTES. */
int object_encode(const struct object *object, struct buffer *out);

/* As object_encode, with every value left out (their lengths become 0): for listing keys. */
int object_encode_stripped(const struct object *object, struct buffer *out);

/* An upper bound of the encoded size, for reserving. */
size_t object_encoded_size_max(const struct object *object);

/* Values are borrowed from `bytes`, the rest is in the arena. Refuses anything not canonical or not
 * valid: 0, SHOAL_EPROTO, SHOAL_EVERSION (another format), SHOAL_ENOMEM. */
int object_decode(struct arena *arena, struct bytes bytes, struct object *out);

/* The single dot of a simple encoding without decoding it: true and the dot, or false when the
 * object is not simple (read it). */
bool object_peek_simple(struct bytes encoded, struct dot *dot);

/* What a simple encoding says of its sibling in its first bytes. */
struct object_glance {
    struct dot dot;
    bool tombstone;
    bool expires;
};

/* As object_peek_simple, with more of it. */
bool object_glance(struct bytes encoded, struct object_glance *out);

#endif
