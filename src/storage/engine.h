/* The storage port: what a worker asks of an engine, and what an engine answers by event.
 *
 * An engine keeps encoded objects by (partition, key). It never looks into them. A read answers at
 * once or says *pending* and completes by an event; a write returns a sequence, and "everything up
 * to s is durable" arrives as an event. Nothing here blocks. One engine serves one worker's
 * partitions; all calls and events happen on that worker's thread.
 *
 * The order of iteration is by position, the 64-bit hash of the key under a secret that all nodes
 * of a cluster share: the same on every owner, stable under inserts and deletes, and not to be
 * predicted by clients. Keys of equal position are ordered by their bytes. */
#ifndef STORAGE_ENGINE_H
#define STORAGE_ENGINE_H

#include "base/arena.h"
#include "base/bytes.h"
#include "base/hash.h"

struct engine;

/* How events reach the worker. */
struct engine_events {
    void *self;
    /* A pending read is done: as the outcomes of engine_get. The record is borrowed for the call.
     */
    void (*read_done)(void *self, uint64_t ticket, int code, struct bytes record);
    /* Every write up to the sequence is durable. */
    void (*durable)(void *self, uint64_t sequence);
    /* The storage failed for good: no write will be confirmed any more. */
    void (*failed)(void *self, int code);
};

/* A key as an engine wants it: hashed once by the caller. */
struct engine_key {
    uint32_t partition;
    uint64_t position; /* engine_position(secret, key) */
    struct bytes key;
};

struct engine_stats {
    uint64_t keys;
    uint64_t bytes;        /* keys and records */
    uint64_t memory_bytes; /* all that the engine holds in memory, index included */
};

/* One entry met while iterating; borrowed until the engine's next write. */
struct engine_entry {
    uint64_t position;
    struct bytes key;
    struct bytes record;
};

/* Called for each entry; false ends the walk before the entry after this one. */
typedef bool (*engine_visit)(void *self, const struct engine_entry *entry);

struct engine_ops {
    const char *name;
    /* 0 and the record (borrowed until the next write to this engine), SHOAL_ENOTFOUND, or 1:
     * pending, read_done will come with the ticket. */
    int (*get)(struct engine *engine, const struct engine_key *key, uint64_t ticket,
               struct bytes *record);
    /* Adds or replaces. Key and record are borrowed for the call and may not lie in what the engine
     * lent. 0 when it is as durable as this engine ever makes it, 1 when `durable` will say so for
     * *sequence; SHOAL_ETOOBIG (over LIMIT_KEY_BYTES_MAX or LIMIT_OBJECT_BYTES), SHOAL_ENOMEM (over
     * the memory bound), SHOAL_ENOSPC, SHOAL_EIO: nothing changed. */
    int (*put)(struct engine *engine, const struct engine_key *key, struct bytes record,
               uint64_t *sequence);
    /* Removes the record if there: outcomes as put. (Deletes by users are tombstones, thus puts.)
     */
    int (*remove)(struct engine *engine, const struct engine_key *key, uint64_t *sequence);
    /* Visits the entries of the partition from `position` on, in order. 0 when it came to the end
     * and 1 when the visitor ended it; negative codes of the storage. The visitor may not write. */
    int (*walk)(struct engine *engine, uint32_t partition, uint64_t position, engine_visit visit,
                void *self);
    /* Forgets everything of the partition, its holding record first. It is empty at once; memory
     * and disk may come back later, over the next flushes. Outcomes as put. */
    int (*drop)(struct engine *engine, uint32_t partition, uint64_t *sequence);
    /* A small record of the partition's holding (actor, counter, ...), kept apart from the data. */
    int (*get_holding)(struct engine *engine, uint32_t partition, struct bytes *record);
    int (*put_holding)(struct engine *engine, uint32_t partition, struct bytes record,
                       uint64_t *sequence);
    /* Of one partition, or of all when partition is UINT32_MAX. */
    void (*stats)(const struct engine *engine, uint32_t partition, struct engine_stats *out);
    /* Once a loop turn, after all events: group commit and the like. */
    void (*flush)(struct engine *engine);
    void (*free)(struct engine *engine);
};

/* Engines embed this first. */
struct engine {
    const struct engine_ops *ops;
    struct engine_events events; /* set by the worker before the first call */
    bool keeps_data;             /* what was durable is there again after a restart */
};

struct engine_options {
    uint32_t partitions;       /* of the cluster */
    uint64_t memory_bytes_max; /* 0: no bound */
};

/* Named after the hash with the cluster's shared secret. */
static inline uint64_t engine_position(const struct hash_secret *secret, struct bytes key)
{
    return hash_keyed(secret, key);
}

#endif
