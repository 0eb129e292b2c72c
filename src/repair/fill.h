/* What a holding still has to copy from whom: the plan, apart from the doing.
 *
 * A holding is filled for one of two reasons. It is *refilling*, for it began without data it
 * should have: then it must hear, of the layout that reads go by, N-W+1 other owners that are not
 * refilling themselves, enough to include one that confirmed any given write; or all the others
 * there are, for then nothing more is to be had. (That layout's owners hold all that was
 * acknowledged. An owner in a newer one that is not synced yet has nothing to go by, so having
 * heard it then does not count later either.) Or a newer layout is to be *synced*: then it must
 * hear, of every older live layout, N-W+1 owners (its own holding counts where it was one), in
 * copies begun after everyone had seen the new layout. An older layout whose owners of the
 * partition are the same set asks nothing: every quorum of it is a quorum of the new one. */
#ifndef REPAIR_FILL_H
#define REPAIR_FILL_H

#include "ring/view.h"

/* What has been copied whole from a node, over all copies. */
struct fill_heard {
    uint64_t node;
    bool counts;     /* it was an owner in the layout that reads went by when the copy began */
    bool whole;      /* counted, and was complete itself */
    bool for_target; /* begun after all had seen the target layout */
    bool whole_for_target; /* both, in one copy */
};

struct fill {
    uint32_t partition;
    bool has_target;
    struct content_hash target; /* the layout to be synced */
    struct fill_heard heard[LIMIT_REQUEST_TARGETS];
    uint32_t heard_count;
};

void fill_init(struct fill *fill, uint32_t partition);

/* Sets the layout to be synced (NULL: none); a change of it voids what was heard for the old one.
 */
void fill_set_target(struct fill *fill, const struct content_hash *target);

/* What was heard so far counts no more. */
void fill_forget(struct fill *fill);

/* Takes note of a complete copy. `counts`: when it began, the source was an owner in the layout
 * that reads go by. */
void fill_note(struct fill *fill, uint64_t node, bool counts, bool refilling, bool for_target);

/* May the holding count in R again? */
bool fill_refilled(const struct fill *fill, const struct view *view, uint64_t self);

/* Is the partition synced for the target (which must be live)? */
bool fill_synced(const struct fill *fill, const struct view *view, uint64_t self, bool refilling);

/* The nodes worth copying from next, best first: returns how many of `out` were filled. None when
 * nothing is missing, or when what is missing must wait (for all to see the target). */
uint32_t fill_candidates(const struct fill *fill, const struct view *view, uint64_t self,
                         bool refilling, uint64_t out[LIMIT_REQUEST_TARGETS]);

#endif
