/* A side of a merge: what one holder says of a key, its object and the clock of its holding, both
 * of one moment. A sibling that another side's clock has seen and its object lacks is gone, and is
 * left out: it was replaced, though by now nothing may be left of what replaced it ("Concise
 * Server-Wide Causality Management", Gonçalves et al., 2015). */
#ifndef COORDINATE_SIDE_H
#define COORDINATE_SIDE_H

#include "model/object.h"
#include "replica/partition_clock.h"

struct side {
    struct object object;                /* empty: it holds nothing of the key */
    const struct partition_clock *clock; /* borrowed or `decoded`; NULL: not known */
    struct partition_clock decoded;
};

/* Empty, of an unknown clock. */
void side_init(struct side *side);
void side_deinit(struct side *side);

/* Takes an encoded clock; data NULL is none. Outcomes as partition_clock_decode. */
int side_read_clock(struct side *side, struct bytes encoded);

/* All that the sides hold, less what is gone for another; in the arena. 0, SHOAL_ENOMEM, or
 * SHOAL_EOVERLOAD as object_merge. */
int side_merge(struct arena *arena, const struct side *sides, uint32_t count, struct object *out);

#endif
