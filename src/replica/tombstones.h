/* The tombstones of one holding that wait to be dropped, and what the partition's other owners have
 * told of their clocks. A tombstone goes when the contiguous base of every owner's clock covers its
 * dot and its whole context: then none of them takes back what it hides, whoever offers it, however
 * late; time plays no part. Of clocks only what was told counts, that is, what is on stable
 * storage.
 *
 * Candidates stand in a bounded list; what does not fit is *missed* and found by a walk over all
 * that is held. A candidate that no longer is one does no harm. */
#ifndef REPLICA_TOMBSTONES_H
#define REPLICA_TOMBSTONES_H

#include "replica/partition_clock.h"

#define TOMBSTONES_MAX 4096u
#define TOMBSTONES_STRANGERS_MAX 16u

struct tombstone {
    uint64_t position;
    struct dot dot;
};

struct owner_report {
    uint64_t node;
    uint64_t actor; /* 0: it has told nothing yet */
    struct partition_clock clock;
};

struct tombstones {
    struct tombstone *list;
    uint32_t count;
    uint32_t capacity;
    uint32_t left; /* of the pass under way: the first so many are still to be looked at */
    bool missed;   /* there may be others */
    bool due;      /* something has been told since the last pass began */
    struct owner_report *reports; /* one for each other owner */
    uint32_t report_count;
    bool owners_known;
    /* Actors that hold a candidate back: its context tells of them, and this holding's clock has
     * not seen all of that. Perhaps no clock knows of them any more, for what was replaced before a
     * crash is forgotten; then only this tells that they are to be closed. */
    uint64_t strangers[TOMBSTONES_STRANGERS_MAX];
    uint32_t stranger_count;
};

void tombstones_init(struct tombstones *tombstones);
void tombstones_deinit(struct tombstones *tombstones);

/* Forgets the candidates, not what was told. */
void tombstones_forget(struct tombstones *tombstones);

/* Adds a candidate, or notes that one was missed. */
void tombstones_add(struct tombstones *tombstones, uint64_t position, struct dot dot);

/* The other owners from now on; what those that stay have told is kept. 0, or SHOAL_ENOMEM: then
 * they are unknown, and nothing is covered. */
int tombstones_set_owners(struct tombstones *tombstones, const uint64_t *nodes, uint32_t count);

/* An owner's word; it is not kept of nodes that are none, nor without memory. */
void tombstones_report(struct tombstones *tombstones, uint64_t node, uint64_t actor,
                       const struct partition_clock *clock);

/* Has that owner told to have seen all of this clock? True also of a node that is none. */
bool tombstones_heard(const struct tombstones *tombstones, uint64_t node,
                      const struct partition_clock *clock);

/* This holding has told (it has put on stable storage) more of its own clock. */
static inline void tombstones_told(struct tombstones *tombstones)
{
    tombstones->due = true;
}

/* Are there candidates for which no other owner is to be heard? */
static inline bool tombstones_alone(const struct tombstones *tombstones)
{
    return tombstones->owners_known && tombstones->report_count == 0 &&
           (tombstones->count > 0 || tombstones->missed);
}

/* Has everybody told that they have seen the dot, and all before it? */
bool tombstones_seen(const struct tombstones *tombstones, const struct partition_clock *told,
                     struct dot dot);

/* ... and all of the context that it came with: it may go. */
bool tombstones_covered(const struct tombstones *tombstones, const struct partition_clock *told,
                        struct version_vector context, struct dot dot);

/* Notes who of a candidate's context holds it back. */
void tombstones_note_strangers(struct tombstones *tombstones, const struct partition_clock *clock,
                               struct version_vector context);

/* The next candidate whose dot everybody has told to have seen, of this pass or, if something was
 * told since, of another; it looks at `budget` at most and takes them off. False when there is none
 * (or the budget is used up). The candidate stays in the list until tombstones_settle. */
bool tombstones_next(struct tombstones *tombstones, const struct partition_clock *told,
                     uint32_t *budget, struct tombstone *out);

/* The candidate given last has gone or is none (else it waits for the next pass). */
void tombstones_remove_last(struct tombstones *tombstones);

/* The candidate given last could not be looked at now: it will be given again. */
static inline void tombstones_again(struct tombstones *tombstones)
{
    tombstones->left++;
}

void tombstones_check(const struct tombstones *tombstones);

#endif
