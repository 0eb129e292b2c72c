/* What the lsm engine is made of, shared by the files that implement it and nobody else. */
#ifndef STORAGE_LSM_ENGINE_INSIDE_H
#define STORAGE_LSM_ENGINE_INSIDE_H

#include "base/buffer.h"
#include "base/table.h"
#include "storage/lsm_database.h"
#include "storage/lsm_engine.h"
#include "storage/lsm_known.h"
#include "storage/lsm_overlay.h"

#define LSM_BUNCHES 4u /* read ahead by walks and kept */
#define LSM_WOUNDS_MAX 256u
#define LSM_BUNCH_HEAD_BYTES 16u /* of an entry in a bunch: u64 position, u32 key, u32 record */

/* Something that is being read on another thread. */
struct lsm_fetch {
    struct offload_job job;
    struct lsm_engine *engine;
    struct queue link; /* in flight in the order of asking, or spent */
    uint64_t written; /* number of the newest batch that was surely written when it was asked for */
};

/* One get, or several of one key. */
struct lsm_read {
    struct lsm_fetch fetch;
    struct lsm_read *same_hash; /* next in the table's chain */
    uint64_t *tickets;
    size_t ticket_count;
    size_t ticket_capacity;
    int code;           /* 0, SHOAL_ENOTFOUND, SHOAL_EDAMAGED, SHOAL_EIO */
    uint64_t wound_low; /* if damaged: what else is, around it */
    uint64_t wound_high;
    char *record;
    size_t record_len;
    struct engine_key key; /* bytes behind this */
};

/* A part of a partition, read for a walk: entries from `from` up to, not including, `upto`. */
struct lsm_bunch {
    struct lsm_fetch fetch;
    uint32_t partition;
    uint64_t from;
    uint64_t upto;
    bool to_end; /* there is nothing behind */
    int code;
    uint64_t ticket;
    bool wounded; /* something in it can't be read: the last place where */
    uint64_t wound_low;
    uint64_t wound_high;
    struct buffer entries;
};

/* A range of positions that is known not to be readable: it was told of once. */
struct lsm_wound {
    uint32_t partition;
    uint64_t low;
    uint64_t high;
};

/* The one write job of an engine: a batch, a sync, or both. */
struct lsm_write_job {
    struct offload_job job;
    struct lsm_engine *engine;
    struct lsm_batch *batch; /* NULL: only a sync */
    bool sync;
    bool insist;     /* it was refused again and again although there was space: open again first */
    uint64_t opened; /* how often the database had been opened when it was refused */
    bool out;        /* with the offload */
    int code;
    bool spacious;                 /* there was space when it began */
    char text[512];                /* what went wrong */
    struct lsm_partition *touched; /* by the batch; chained */
};

struct lsm_engine {
    struct engine engine;
    struct lsm_store *store;
    struct offload offload;
    uint32_t worker;
    uint32_t workers;
    uint64_t interval_us;
    uint64_t queue_bytes_max;
    bool lost;

    /* What is written. */
    uint64_t sequence;
    uint64_t settled;
    uint64_t durable;
    uint64_t batches;          /* number of the last batch */
    uint64_t written;          /* number of the last batch that is in the database */
    uint64_t forgotten;        /* number of the last batch that the overlay has let go */
    struct lsm_batch *filling; /* NULL: nothing to write */
    struct lsm_batch *writing; /* NULL: none is on its way or waits to be tried again */
    struct queue kept;         /* batches that are written, oldest first */
    struct lsm_overlay overlay;
    struct lsm_write_job write_job;
    bool harden;
    uint64_t sync_due_us; /* TIMERS_NEVER: nothing settled that is not durable, or not asked for */
    enum engine_health health;
    uint64_t retry_us; /* while full */
    uint32_t refusals; /* in a row, for lack of space although there was space */

    /* What is read. */
    struct lsm_known known;
    struct table reads; /* by hash of the key; chained */
    struct queue in_flight;
    struct queue spent;         /* reads that have answered; what they lent goes with them */
    struct lsm_read *answering; /* while its tickets are made ready */
    struct lsm_bunch *bunches[LSM_BUNCHES]; /* newest first; NULL at the end */
    struct queue spent_bunches;
    struct lsm_wound wounds[LSM_WOUNDS_MAX];
    uint32_t wound_count;
    struct arena lent;
    uint32_t backups; /* on their way */

    uint64_t keys[ENGINE_FAMILIES]; /* as settled */
    uint64_t bytes[ENGINE_FAMILIES];
};

static inline struct lsm_engine *lsm_engine_of(struct engine *engine)
{
    return (struct lsm_engine *)(void *)engine;
}

static inline const struct lsm_engine *lsm_engine_of_const(const struct engine *engine)
{
    return (const struct lsm_engine *)(const void *)engine;
}

static inline struct lsm_partition *lsm_partition_of(const struct lsm_engine *lsm, uint32_t number)
{
    return &lsm->store->partitions[number];
}

/* Was it dropped by a write that the database may not show yet? Then nothing in the database
 * counts. */
static inline bool lsm_hidden(const struct lsm_engine *lsm, const struct lsm_partition *partition)
{
    return partition->dropped > lsm->forgotten;
}

/* lsm_write.c: batches, on their way to the database. */
int lsm_write_put(struct lsm_engine *lsm, const struct engine_key *key, struct bytes record,
                  uint64_t *sequence);
int lsm_write_remove(struct lsm_engine *lsm, const struct engine_key *key, uint64_t *sequence);
int lsm_write_drop(struct lsm_engine *lsm, uint32_t partition, uint64_t *sequence);
int lsm_write_holding(struct lsm_engine *lsm, uint32_t partition, struct bytes record,
                      uint64_t *sequence);
void lsm_write_flush(struct lsm_engine *lsm);
uint64_t lsm_write_next_us(const struct lsm_engine *lsm);

/* lsm_write_job.c: what happens to a batch on the other thread. */
void lsm_write_job_run(struct offload_job *job);

/* lsm_read.c */
int lsm_read_get(struct lsm_engine *lsm, const struct engine_key *key, uint64_t ticket,
                 struct bytes *record);
int lsm_read_brief(struct lsm_engine *lsm, const struct engine_key *key, struct engine_brief *out);
void lsm_read_forget_spent(struct lsm_engine *lsm);

/* lsm_walk.c */
int lsm_walk(struct lsm_engine *lsm, uint32_t partition, uint64_t position, uint64_t ticket,
             engine_visit visit, void *self, uint64_t *next);
/* The partition changed in the database: what was read ahead of it is not true any more. */
void lsm_walk_forget(struct lsm_engine *lsm, uint32_t partition);
void lsm_walk_forget_spent(struct lsm_engine *lsm);
void lsm_walk_free(struct lsm_engine *lsm);

/* lsm_bunch.c: what happens to a bunch on the other thread. */
void lsm_bunch_run(struct offload_job *job);

/* lsm_wounds.c; found: raises events.damaged unless the range is known to be damaged. */
void lsm_wound_found(struct lsm_engine *lsm, uint32_t partition, uint64_t low, uint64_t high);
bool lsm_is_wounded(const struct lsm_engine *lsm, const struct engine_key *key);
void lsm_wounds_forget(struct lsm_engine *lsm, uint32_t partition);

/* lsm_backup.c */
int lsm_backup_begin(struct lsm_engine *lsm, const char *folder, uint64_t ticket);

#endif
