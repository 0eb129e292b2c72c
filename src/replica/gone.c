/* Leaving out what is gone. See gone.h. */
#include "replica/gone.h"

#include "shoal/error.h"

static bool gone_has(const struct object *object, struct dot dot)
{
    uint32_t low = 0;
    uint32_t high = object->sibling_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = dot_compare(object->siblings[middle].dot, dot);
        if (order == 0) {
            return true;
        }
        low = order < 0 ? middle + 1 : low;
        high = order < 0 ? high : middle;
    }
    return false;
}

bool gone_is(const struct partition_clock *clock, const struct object *theirs, struct dot dot)
{
    return partition_clock_seen(clock, dot) && !gone_has(theirs, dot);
}

int gone_leave_out(struct arena *arena, const struct object *object,
                   const struct partition_clock *clock, const struct object *theirs,
                   struct object *out)
{
    uint32_t first = 0;
    while (first < object->sibling_count && !gone_is(clock, theirs, object->siblings[first].dot)) {
        first++;
    }
    if (first == object->sibling_count) {
        *out = *object;
        return 0;
    }
    struct sibling *siblings = arena_alloc_array(arena, object->sibling_count, sizeof(*siblings));
    if (siblings == NULL) {
        return SHOAL_ENOMEM;
    }
    uint32_t count = 0;
    for (uint32_t i = 0; i < object->sibling_count; i++) {
        if (!gone_is(clock, theirs, object->siblings[i].dot)) {
            siblings[count++] = object->siblings[i];
        }
    }
    *out =
        (struct object){.context = object->context, .siblings = siblings, .sibling_count = count};
    return 0;
}
