/* Both rules of the hybrid logical clock: a local event takes the larger of wall time and the last
 * time plus one; a peer's time is taken over unless it lies beyond the bound. When the 16 logical
 * bits run over within a millisecond they carry into the wall part, which keeps the order and lets
 * the clock run ahead by that millisecond. */
#include "model/hlc.h"

#include "base/mutant.h"

#define LOGICAL_BITS 16
#define WALL_MS_MAX ((UINT64_C(1) << (64 - LOGICAL_BITS)) - 1)

void hlc_init(struct hlc *hlc, uint64_t ahead_ms_max)
{
    *hlc = (struct hlc){.ahead_ms_max = ahead_ms_max};
}

uint64_t hlc_next(struct hlc *hlc, uint64_t wall_ms)
{
    uint64_t wall = (wall_ms < WALL_MS_MAX ? wall_ms : WALL_MS_MAX) << LOGICAL_BITS;
    if (wall > hlc->last) {
        hlc->last = wall;
    } else if (hlc->last < UINT64_MAX) {
        hlc->last++;
    }
    return hlc->last;
}

int hlc_observe(struct hlc *hlc, uint64_t seen, uint64_t wall_ms)
{
    uint64_t seen_ms = hlc_wall_ms(seen);
    if (seen_ms > wall_ms && seen_ms - wall_ms > hlc->ahead_ms_max && !MUTANT(hlc_unbounded)) {
        return 1;
    }
    if (seen > hlc->last) {
        hlc->last = seen;
    }
    return 0;
}
