/* Merging under each other's clocks. See side.h. */
#include "coordinate/side.h"

#include "base/mutant.h"
#include "replica/gone.h"

void side_init(struct side *side)
{
    side->object = object_empty();
    side->clock = NULL;
    partition_clock_init(&side->decoded);
}

void side_deinit(struct side *side)
{
    partition_clock_deinit(&side->decoded);
}

int side_read_clock(struct side *side, struct bytes encoded)
{
    side->clock = NULL;
    if (encoded.data == NULL) {
        return 0;
    }
    int result = partition_clock_decode(encoded, &side->decoded);
    side->clock = result == 0 ? &side->decoded : NULL;
    return result;
}

/* One side's object less what is gone for another. */
static int side_remains(struct arena *arena, const struct side *sides, uint32_t count, uint32_t of,
                        struct object *out)
{
    *out = sides[of].object;
    for (uint32_t i = 0; i < count; i++) {
        const struct partition_clock *clock = MUTANT(no_clock) ? NULL : sides[i].clock;
        int result =
            i == of || clock == NULL ? 0 : gone_leave_out(arena, out, clock, &sides[i].object, out);
        if (result < 0) {
            return result;
        }
    }
    return 0;
}

int side_merge(struct arena *arena, const struct side *sides, uint32_t count, struct object *out)
{
    *out = object_empty();
    for (uint32_t i = 0; i < count; i++) {
        struct object object;
        int result = side_remains(arena, sides, count, i, &object);
        if (result == 0) {
            result = object_merge(arena, out, &object, out);
        }
        if (result < 0) {
            return result;
        }
    }
    return 0;
}
