/* The tails of a node: one for each worker, and, where a run before had more workers, theirs, which
 * are kept for readers as long as the present ones reach back. Opened before the workers are made,
 * closed when they are gone. */
#ifndef STORAGE_TAIL_SET_H
#define STORAGE_TAIL_SET_H

#include "storage/tail.h"

struct tail_set;

struct tail_set_options {
    struct disk *disk; /* borrowed; NULL: memory alone */
    uint32_t workers;
    const struct offload *offloads; /* of the workers; copied. NULL without a disk */
    uint64_t bytes_max;             /* of the present workers' together */
    bool anew; /* the node has been before: where nothing is left, something is missing */
    uint64_t (*random)(void *self);
    void *random_self;
};

/* Blocks. 0 or SHOAL_ENOMEM. */
int tail_set_open(const struct tail_set_options *options, struct tail_set **out);
/* Blocks; all jobs have come back. NULL is fine. */
void tail_set_close(struct tail_set *set, bool clean);

/* Blocks. What any tail of a run before has left is removed: nothing goes on with it, for changes
 * are made that no tail is told of. How many files, or SHOAL_EIO and such. */
int tail_set_discard(struct disk *disk);

/* Those of a worker: its own first, then those of lanes index + workers, ...; some may be NULL. */
struct tail *const *tail_set_of(const struct tail_set *set, uint32_t worker, uint32_t *count);
/* How many lanes there are, those of before included. */
uint32_t tail_set_lanes(const struct tail_set *set);

#endif
