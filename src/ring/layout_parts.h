/* How a layout is put together, for its planner and its codec: begun with facts and roles, from
 * which its members follow; then given version, parents and owners; then sealed. Private to ring.
 */
#ifndef RING_LAYOUT_PARTS_H
#define RING_LAYOUT_PARTS_H

#include "ring/layout.h"

/* A layout of these members with room for its parents and owners, held once. Takes `roles` over on
 * success. 0, SHOAL_EINVAL when the roles leave no member or one is staged, SHOAL_ENOMEM. */
int layout_begin(const struct cluster_facts *facts, struct roles *roles, uint32_t parent_count,
                 struct layout **out);

/* Computes what is derived from the owners. */
void layout_derive(struct layout *layout);

/* Names the layout: computes its content hash. 0, or the encoding's failure. */
int layout_seal(struct layout *layout);

static inline size_t layout_slots(const struct layout *layout)
{
    return (size_t)layout->facts.partitions * layout->replicas;
}

#endif
