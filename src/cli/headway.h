/* How far a change has got, and how long it still takes, over several looks at it. First data
 * moves, measured in bytes where there are some, for most partitions are only compared and say
 * little; then former owners let go, measured in partitions. Pure: it is told the time. */
#ifndef CLI_HEADWAY_H
#define CLI_HEADWAY_H

#include "cli/pace.h"
#include "report/situation.h"

enum headway_measure {
    HEADWAY_COPIES = 0, /* partitions to be synced */
    HEADWAY_BYTES,
    HEADWAY_RELEASES, /* partitions to be let go */
};

struct headway {
    enum headway_measure measure;
    uint64_t total; /* the most that was ever left, in this measure */
    uint64_t left;
    struct pace pace;
};

/* All zeros is one that has not seen anything yet. */
void headway_note(struct headway *headway, const struct situation *situation, uint64_t now_us);

/* Seconds until what is measured now is done; false while that can't be told. */
bool headway_seconds_left(const struct headway *headway, uint64_t *out);

#endif
