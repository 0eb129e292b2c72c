/* A partition clock: which dots a holding has seen. Per actor a contiguous base ("every dot up to
 * here") and the spans seen above it; a closed actor counts as seen whole. ("Concise Server-Wide
 * Causality Management", Gonçalves et al., 2015, section 4, with spans in place of bitmaps.)
 *
 * It describes one complete holding and answers one question: a dot that the clock has seen and no
 * live sibling carries is *gone*, and may not come back. So a dot enters only together with its
 * stored sibling, or by joining a peer's clock after a complete sync from it; an object's context
 * never does. To forget a dot is always safe (something gone may be offered again, something
 * deleted stays a tombstone for longer), to claim one that was not seen never is: what exceeds the
 * bounds is therefore forgotten, the highest spans first, and a base is never raised over a gap.
 *
 * Over CLOCK_SPANS_MAX each actor keeps its lowest spans, up to a number that is the same for all;
 * over CLOCK_ACTORS_MAX go those that have only spans, then closed ones (which a peer's clock may
 * bring back), then others, the lowest ids first everywhere, so that owners forget the same ones.
 */
#ifndef REPLICA_PARTITION_CLOCK_H
#define REPLICA_PARTITION_CLOCK_H

#include "base/buffer.h"
#include "model/dot.h"

/* Bounds of one clock. */
#define CLOCK_ACTORS_MAX 4096u
#define CLOCK_SPANS_MAX 4096u /* of all its actors together */
#define CLOCK_BYTES_MAX (160u * 1024u)

/* first .. last, both seen, above the base with at least one unseen dot before. */
struct clock_span {
    uint64_t first;
    uint64_t last;
};

struct clock_actor {
    uint64_t actor;
    uint64_t base;            /* 1 .. base have been seen; UINT64_MAX: closed */
    struct clock_span *spans; /* ascending, apart from each other; NULL when there are none */
    uint32_t span_count;
    uint32_t span_capacity;
};

struct partition_clock {
    struct clock_actor *actors; /* by id */
    uint32_t count;
    uint32_t capacity;
    uint32_t span_count; /* of all actors */
    uint32_t recent;     /* whose dot came last; a guess, to be found without a search */
    uint64_t version;    /* raised by every change: tells a clock from its earlier self */
};

void partition_clock_init(struct partition_clock *clock);
void partition_clock_deinit(struct partition_clock *clock);

/* Forgets everything. */
void partition_clock_clear(struct partition_clock *clock);

bool partition_clock_seen(const struct partition_clock *clock, struct dot dot);

/* Every dot of the actor up to this one has been seen. */
bool partition_clock_base_covers(const struct partition_clock *clock, struct dot dot);
/* The same of every entry of a context. */
bool partition_clock_base_descends(const struct partition_clock *clock,
                                   struct version_vector context);

/* The dot has been seen. Without memory, or over the bounds, it (or another one) is forgotten. */
void partition_clock_add(struct partition_clock *clock, struct dot dot);

/* All that the other has seen, its closed actors included; less of it without memory. */
void partition_clock_join(struct partition_clock *clock, const struct partition_clock *other);

/* The actor has ended and will never be heard of again: its gaps are void. */
void partition_clock_close(struct partition_clock *clock, uint64_t actor);
bool partition_clock_closed(const struct partition_clock *clock, uint64_t actor);

/* The actors that aren't closed, for the closing of those that have ended: ids into `out`, returns
 * how many there are, which may be more than `capacity`. */
uint32_t partition_clock_open(const struct partition_clock *clock, uint64_t *out,
                              uint32_t capacity);

/* Replaces what `out` (initialised) is, its version included: 0 or SHOAL_ENOMEM (then `out` is
 * unchanged). */
int partition_clock_copy(const struct partition_clock *clock, struct partition_clock *out);
bool partition_clock_equal(const struct partition_clock *a, const struct partition_clock *b);
/* All that b has seen a has seen. */
bool partition_clock_includes(const struct partition_clock *a, const struct partition_clock *b);

/* Equal clocks, equal digests; 0 is that of the empty one. */
uint64_t partition_clock_digest(const struct partition_clock *clock);

/* Canonical: equal clocks have equal bytes, at most CLOCK_BYTES_MAX.
 *
 *   u8 0x10 (format 1), varint actors, each, by id: u64 actor (little-endian), varint base + 1
 *   (closed: 0, and nothing follows), varint spans, each, ascending:
 *   varint (first - 2 - last of what is before it, the base or a span), varint (last - first)
 *
 * 0, or as buffer_reserve: nothing was appended. */
int partition_clock_encode(const struct partition_clock *clock, struct buffer *out);
/* Hostile input: 0, SHOAL_EPROTO (not canonical, over a bound), SHOAL_EVERSION, SHOAL_ENOMEM; `out`
 * (initialised) is changed only on success. */
int partition_clock_decode(struct bytes bytes, struct partition_clock *out);

/* The invariants, for assertions. */
void partition_clock_check(const struct partition_clock *clock);

#endif
