/* Rounds of anti-entropy at one worker: a round syncs, from one peer, every partition that both
 * own, or only those in which the peer's word on its clock is out of date. A few syncs run at a
 * time, over all rounds; where both sides are equal a sync is one pair of messages. */
#ifndef REPAIR_ROUNDS_H
#define REPAIR_ROUNDS_H

#include "repair/compare.h"
#include "repair/sync.h"

#define ROUNDS_CONCURRENT_MAX 4u

struct rounds_ports {
    void *self;
    /* A sync has come to its end. */
    void (*ended)(void *self, const struct sync_outcome *outcome);
};

struct rounds {
    struct rounds_ports ports;
    struct syncs *syncs; /* borrowed */
    struct worker_share share;
    struct queue queue; /* of struct round: who is next to sync a partition */
    struct queue syncing;
    uint32_t running;
    bool stopped;
};

void rounds_init(struct rounds *rounds);
/* Before the syncs. */
void rounds_deinit(struct rounds *rounds);

/* Begins a round with the node, of everything or only of what is untold. While one is under way
 * this comes to nothing, but may turn it into one of everything. */
void rounds_begin(struct rounds *rounds, uint64_t node, bool everything);

/* What runs ends; nothing more begins. */
void rounds_stop(struct rounds *rounds);

/* Are any under way? */
bool rounds_idle(const struct rounds *rounds);

#endif
