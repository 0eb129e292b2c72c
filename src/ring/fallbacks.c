/* Who keeps writes for owners that are away: the members that come next on the ring. */
#include "base/assert.h"
#include "ring/layout.h"

struct fallback_walk {
    const struct layout *layout;
    uint64_t met[LIMIT_MEMBERS / 64]; /* members met so far */
    uint32_t met_count;
    uint64_t *out;
    uint32_t count;
    uint32_t capacity;
};

/* True once there is no need to look further. */
static bool fallback_meet(struct fallback_walk *walk, uint16_t member, bool owner)
{
    uint64_t bit = UINT64_C(1) << (member % 64);
    if ((walk->met[member / 64] & bit) == 0) {
        walk->met[member / 64] |= bit;
        walk->met_count++;
        if (!owner) {
            walk->out[walk->count++] = walk->layout->members[member].node;
        }
    }
    return walk->count == walk->capacity || walk->met_count == walk->layout->member_count;
}

uint32_t layout_fallbacks(const struct layout *layout, uint32_t partition, uint64_t *out,
                          uint32_t capacity)
{
    uint32_t partitions = layout->facts.partitions;
    ASSERT(partition < partitions && capacity > 0);
    struct fallback_walk walk = {.layout = layout, .out = out, .capacity = capacity};
    for (uint32_t i = 0; i < partitions; i++) {
        uint32_t at = (partition + i) % partitions;
        const uint16_t *row = &layout->owners[(size_t)at * layout->replicas];
        for (uint32_t j = 0; j < layout->replicas; j++) {
            if (fallback_meet(&walk, row[j], i == 0)) {
                return walk.count;
            }
        }
    }
    return walk.count; /* the others own nothing at all */
}
