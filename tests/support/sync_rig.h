/* Some holdings of the same partitions in one process, and one of the nodes that syncs from the
 * others, over a network that counts what it carries and may lose it. Frames are really encoded and
 * decoded. Aborts without memory unless told to fail: it is for tests. */
#ifndef SUPPORT_SYNC_RIG_H
#define SUPPORT_SYNC_RIG_H

#include "repair/sync.h"
#include "support/fickle_engine.h"

#define RIG_NODES 4u
#define RIG_PARTITIONS 16u
#define RIG_FRAMES_MAX 512u
#define RIG_WALL_MS 1000000u

struct rig_frame {
    uint64_t node; /* to */
    uint8_t *bytes;
    size_t len;
};

struct sync_rig {
    struct random random;
    struct arena arena;
    struct timers timers;
    struct buffer frame;
    struct buffer reply;
    struct pace pace;
    struct moment now;
    struct fickle_engine *fickle[RIG_NODES + 1]; /* NULL: it has a plain engine */
    struct engine *engines[RIG_NODES + 1];
    struct replica replicas[RIG_NODES + 1]; /* by node id, from 1 */
    struct syncs syncs;                     /* at the node `self` */
    struct view view;                       /* nothing of it but the digest */
    uint64_t self;

    struct rig_frame frames[RIG_FRAMES_MAX]; /* questions on their way */
    uint32_t frame_count;
    uint32_t lose_percent;
    bool unreachable; /* sending fails */
    uint64_t messages;
    uint64_t bytes;
    uint64_t questions[64]; /* by kind */

    /* Called before a question is answered; NULL: nobody. */
    void (*asked)(struct sync_rig *rig, uint64_t node, uint32_t kind);
    void *user;

    /* The last sync that ended. */
    struct sync_outcome outcome;
    uint32_t outcomes;
};

/* With fickle engines or plain memory engines. Every node holds every partition. */
void sync_rig_init(struct sync_rig *rig, bool fickle);
void sync_rig_deinit(struct sync_rig *rig);

struct holding *rig_holding(struct sync_rig *rig, uint64_t node, uint32_t partition);

/* A write coordinated by the node that replaces what it holds (all that it has seen); NULL deletes.
 * The dot. */
struct dot rig_write(struct sync_rig *rig, uint64_t node, uint32_t partition, const char *key,
                     const char *value);
/* ... that has seen nothing. */
struct dot rig_write_unseen(struct sync_rig *rig, uint64_t node, uint32_t partition,
                            const char *key, const char *value);
/* What one node holds of the key is stored at another, as a coordinator would. */
void rig_send(struct sync_rig *rig, uint64_t from, uint64_t to, uint32_t partition,
              const char *key);
/* The object held, encoded, in the arena; data NULL: none. */
struct bytes rig_held(struct sync_rig *rig, uint64_t node, uint32_t partition, const char *key);
uint64_t rig_keys(struct sync_rig *rig, uint64_t node, uint32_t partition);

/* All clocks are told, all tombstones dropped that may be, trees made. */
void rig_upkeep(struct sync_rig *rig);

/* Makes the node the one that syncs. */
void rig_self(struct sync_rig *rig, uint64_t node);

/* Begins a sync of the partition from the node. */
int rig_begin(struct sync_rig *rig, uint32_t partition, uint64_t node, struct sync **out);
/* Answers the first question on its way; false: there is none. */
bool rig_answer(struct sync_rig *rig);
/* Goes on with answers, reads and time until no sync runs. */
void rig_run(struct sync_rig *rig);
/* So long, with everything that happens until then. */
void rig_pass(struct sync_rig *rig, uint64_t us);
/* Begins and runs: the outcome's code. */
int rig_sync(struct sync_rig *rig, uint32_t partition, uint64_t node);

/* Do both nodes hold the same siblings in the partition? */
bool rig_same(struct sync_rig *rig, uint64_t a, uint64_t b, uint32_t partition);

#endif
