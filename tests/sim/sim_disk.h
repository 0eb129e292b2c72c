/* A simulated machine's disk: the real memory engine, kept across a crash of the node, behind
 * engines (one a worker, the node's own code sees nothing else) that can put durability off. What
 * was not yet durable at a crash may be lost: a random suffix of it, in reverse order of writing,
 * in the manner of SQLite's crash tests. The disk belongs to the node, not to a worker, so the
 * number of workers may change between two starts. */
#ifndef SIM_DISK_H
#define SIM_DISK_H

#include "base/queue.h"
#include "base/random.h"
#include "storage/engine.h"

struct sim_disk {
    struct engine *store; /* the real one */
    uint32_t partitions;
    bool delayed;      /* writes become durable by sim_disk_synced only */
    bool holds_data;   /* what a process confirmed on it is there: an engine's keeps_data */
    struct queue undo; /* of struct undo, oldest first: what is not durable yet */
    uint64_t undo_count;
};

/* Told when a worker's engine has writes that want to become durable: the world answers some time
 * later by sim_disk_synced and the engine's `durable` event. */
struct sim_disk_hooks {
    void *self;
    void (*sync_wanted)(void *self, uint32_t worker, uint64_t sequence);
};

/* 0 or SHOAL_ENOMEM. */
int sim_disk_init(struct sim_disk *disk, uint32_t partitions, bool delayed);
void sim_disk_deinit(struct sim_disk *disk);

/* An engine for one worker of a starting process. 0 or SHOAL_ENOMEM. */
int sim_disk_open(struct sim_disk *disk, uint32_t worker, uint32_t worker_count,
                  const struct sim_disk_hooks *hooks, struct engine **out);

/* All that the worker wrote up to the sequence is durable. */
void sim_disk_synced(struct sim_disk *disk, uint32_t worker, uint64_t sequence);

/* The process has ended. What was not durable is kept up to a random point and lost beyond it;
 * returns how many writes were lost. With a NULL random nothing is. */
uint64_t sim_disk_crash(struct sim_disk *disk, struct random *random);

#endif
