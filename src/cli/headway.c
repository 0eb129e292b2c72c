/* See headway.h. */
#include "cli/headway.h"

/* Once in bytes it stays so until all is synced: the last ones may lack nothing by the estimate. */
static enum headway_measure measure_of(const struct headway *headway,
                                       const struct situation *situation)
{
    if (situation->to_sync == 0 && situation->to_release > 0) {
        return HEADWAY_RELEASES;
    }
    if (situation->bytes_left > 0 || headway->measure == HEADWAY_BYTES) {
        return HEADWAY_BYTES;
    }
    return HEADWAY_COPIES;
}

static uint64_t left_of(enum headway_measure measure, const struct situation *situation)
{
    switch (measure) {
    case HEADWAY_BYTES:
        return situation->bytes_left;
    case HEADWAY_RELEASES:
        return situation->to_release;
    case HEADWAY_COPIES:
        break;
    }
    return situation->to_sync;
}

void headway_note(struct headway *headway, const struct situation *situation, uint64_t now_us)
{
    enum headway_measure measure = measure_of(headway, situation);
    if (measure != headway->measure) {
        *headway = (struct headway){.measure = measure};
    }
    headway->left = left_of(measure, situation);
    if (headway->left > headway->total) {
        headway->total = headway->left;
    }
    if (situation_is_stuck(situation)) {
        headway->pace = (struct pace){0};
        return;
    }
    pace_note(&headway->pace, now_us, headway->left);
}

bool headway_seconds_left(const struct headway *headway, uint64_t *out)
{
    return headway->left > 0 && pace_seconds_left(&headway->pace, out);
}
