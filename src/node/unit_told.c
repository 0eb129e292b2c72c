/* What units have changed, for the live feed. Where a unit's keys are all here its cells say so;
 * where they are of several workers, or are written later than they are answered, what is to be
 * written was encoded, and that says so. */
#include "node/core.h"
#include "node/unit_change.h"
#include "shoal/error.h"

/* Refused: nothing was applied. */
static bool told_nothing(const struct worker *worker, int code)
{
    return !feed_lane_on(worker) || (code < 0 && code != SHOAL_EUNKNOWN);
}

static void told_cell(struct worker *worker, const struct unit_cell *cell)
{
    if (cell->change == UNIT_PUT) {
        feed_lane_put(worker, cell->key, cell->value, cell->expiry_ms);
    } else {
        feed_lane_delete(worker, cell->key);
    }
}

void unit_told(struct worker *worker, const struct unit_place *places, uint32_t count, int code)
{
    if (told_nothing(worker, code)) {
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (unit_changes(&places[i])) {
            told_cell(worker, places[i].cell);
        }
    }
}

void unit_told_work(struct unit_work *work, int code)
{
    struct worker *worker = work->worker;
    struct bytes rest = buffer_bytes(&work->changes);
    struct unit_cell cell;
    if (told_nothing(worker, code)) {
        return;
    }
    if (work->flush) {
        unit_told_flush(worker);
    }
    while (rest.len > 0 && unit_change_take(&rest, &cell) == 0) {
        told_cell(worker, &cell);
    }
}

void unit_told_flush(struct worker *worker)
{
    feed_lane_flushed(worker);
}
