/* What is gone: a dot that a holding's clock has seen and that its object lacks was replaced, or
 * was a tombstone that everybody knew; it may not come back ("Concise Server-Wide Causality
 * Management", section 4). The one rule behind refusing old writes, syncs and reads. */
#ifndef REPLICA_GONE_H
#define REPLICA_GONE_H

#include "model/object.h"
#include "replica/partition_clock.h"

/* Does a holding with this clock, which holds `theirs` of the key, know the dot to be gone? */
bool gone_is(const struct partition_clock *clock, const struct object *theirs, struct dot dot);

/* The object less those of its siblings that are gone where `theirs` is held under this clock; the
 * context stays. 0 (and *out is *object itself where nothing is gone; else its siblings lie in the
 * arena) or SHOAL_ENOMEM. */
int gone_leave_out(struct arena *arena, const struct object *object,
                   const struct partition_clock *clock, const struct object *theirs,
                   struct object *out);

#endif
