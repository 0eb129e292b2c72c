/* The storage port: what a worker asks of an engine, and what an engine answers by event.
 *
 * An engine keeps encoded objects by (partition, key). It never changes them and looks into them
 * only by object_peek_simple. A read answers at once or says *pending* and completes by an event; a
 * write returns a sequence, and "everything up to s is settled" and "everything up to s is durable"
 * arrive as events. Nothing here blocks. One engine serves one worker's partitions; all calls and
 * events happen on that worker's thread, events only from within `flush` and from jobs that come
 * back from an offload (storage/offload.h), never from within another call.
 *
 *      put --> held: read back at once --> settled: may be confirmed --> durable: on stable storage
 *                                          (durability `sync`: the same moment)
 *
 * The order of iteration is by position, the 64-bit hash of the key under a secret that all nodes
 * of a cluster share: the same on every owner, stable under inserts and deletes, and not to be
 * predicted by clients. Keys of equal position are ordered by their bytes. */
#ifndef STORAGE_ENGINE_H
#define STORAGE_ENGINE_H

#include "base/arena.h"
#include "base/bytes.h"
#include "base/hash.h"
#include "base/limits.h"
#include "model/dot.h"

struct engine;

/* Why an engine is in trouble, for status, log and metrics. */
enum engine_health {
    ENGINE_HEALTHY = 0,
    ENGINE_FULL = 1,   /* writes are refused for lack of space; reads go on; it tries again */
    ENGINE_FAILED = 2, /* a write or sync failed: nothing is confirmed until a restart */
};

/* How events reach the worker. */
struct engine_events {
    void *self;
    /* What was pending can go on: 0, or why not. While this runs, the same get or walk answers at
     * once for whatever has not been changed since. */
    void (*ready)(void *self, uint64_t ticket, int code);
    /* Every write up to the sequence may be confirmed: it is as durable as this engine is
     * configured to make writes before that. Implied by `durable`. */
    void (*settled)(void *self, uint64_t sequence);
    /* Every write up to the sequence is on stable storage. */
    void (*durable)(void *self, uint64_t sequence);
    /* The storage failed for good: no write will be confirmed any more. */
    void (*failed)(void *self, int code);
    /* A record of the partition turned out to be damaged: it is not served, and the holding has
     * forgotten something. Once for every discovery, and before any call answers as if it were not
     * there: from here on the holding doesn't count in reads until it has been refilled. */
    void (*damaged)(void *self, uint32_t partition);
};

/* A key as an engine wants it: hashed once by the caller. Position and tag are together 80 bits of
 * one keyed hash: who does not know the secret can't make two keys that agree in both. */
struct engine_key {
    uint32_t partition;
    uint16_t tag;
    uint64_t position;
    struct bytes key;
};

/* Partitions 0..Q-1, Q being engine_options.partitions, hold data; partition Q + p holds hints for
 * partition p, 2Q + p intents: changes of several keys that are to be made together (node/unit.h).
 * These are like any other to the engine, and live with the same worker. */
enum engine_family {
    ENGINE_FAMILY_DATA = 0,
    ENGINE_FAMILY_HINTS = 1,
    ENGINE_FAMILY_INTENTS = 2,
};

#define ENGINE_FAMILIES 3u

/* How many an engine has in all, other workers' included. */
static inline uint32_t engine_partition_count(uint32_t partitions)
{
    return ENGINE_FAMILIES * partitions;
}

static inline enum engine_family engine_family_of(uint32_t partition, uint32_t partitions)
{
    return (enum engine_family)(partition / partitions);
}

static inline uint32_t engine_partition_of(enum engine_family family, uint32_t partition,
                                           uint32_t partitions)
{
    return (uint32_t)family * partitions + partition;
}

static inline uint32_t engine_worker_of(uint32_t partition, uint32_t partitions, uint32_t workers)
{
    return partition % partitions % workers;
}

/* For stats, instead of a partition. */
#define ENGINE_DATA UINT32_MAX        /* all partitions that hold data */
#define ENGINE_HINTS (UINT32_MAX - 1) /* all that hold hints */

struct engine_stats {
    uint64_t keys;
    uint64_t bytes;        /* keys and records; may be off by a sixteenth and 16 a key */
    uint64_t memory_bytes; /* all that the engine holds in memory, index included */
    uint64_t disk_bytes;  /* all that it occupies on disk; of the whole engine only, as the rest: */
    uint64_t segments;    /* files that hold records; 0 for engines that don't tell, as the rest */
    uint64_t compacted;   /* segments rewritten without what is dead, since the start */
    uint64_t moved_bytes; /* that were written again for that */
};

/* What an engine knows of a key without reading its record. */
struct engine_brief {
    bool simple;    /* one sibling, and the context is exactly its dot; else unknown: read it */
    bool tombstone; /* that sibling is one; false when not simple */
    bool expires;   /* that sibling has an expiry; false when not simple */
    struct dot dot; /* of that sibling */
};

/* One entry met while iterating; borrowed until the engine's next write. */
struct engine_entry {
    uint64_t position;
    struct bytes key;
    struct bytes record;
};

/* Called for each entry; false ends the walk before the entry after this one. */
typedef bool (*engine_visit)(void *self, const struct engine_entry *entry);

/* One entry met while surveying: what is known of it without reading its record. Of a record that
 * `damaged` has been raised for, and of one that only reading could tell about, it is not simple.
 */
struct engine_survey_entry {
    uint64_t position;
    struct bytes key; /* borrowed; data is NULL where the engine has only its tag */
    uint16_t tag;     /* where it has no key: use engine_survey_tag */
    struct engine_brief brief;
};

/* Called for each entry; false ends the survey before the entry after this one. */
typedef bool (*engine_survey_visit)(void *self, const struct engine_survey_entry *entry);

struct engine_ops {
    const char *name;
    /* 0 and the record (borrowed until the next call of this engine but get, brief and stats),
     * SHOAL_ENOTFOUND, SHOAL_EDAMAGED (there, but not to be read: events.damaged has been raised
     * for it; who finds damage without an event to raise it in says pending), SHOAL_EIO,
     * SHOAL_ENOMEM, SHOAL_EOVERLOAD (too many reads are pending), or 1: pending, ready will come
     * with the ticket, once for each call that said so. Tickets are never 0 but where nobody waits:
     * then ready may come all the same. */
    int (*get)(struct engine *engine, const struct engine_key *key, uint64_t ticket,
               struct bytes *record);
    /* What is known without reading: 0, or SHOAL_ENOTFOUND. Never pending. A record of which
     * `damaged` has been raised is not simple: what it held must not be taken for held. */
    int (*brief)(struct engine *engine, const struct engine_key *key, struct engine_brief *out);
    /* The key will be asked for or put in a moment: its place in memory may be fetched meanwhile.
     * Changes nothing. NULL: of no use to this engine. */
    void (*expect)(const struct engine *engine, const struct engine_key *key);
    /* The same a little later, when that place is likely here: what it leads to. NULL as above. */
    void (*expect_more)(const struct engine *engine, const struct engine_key *key);
    /* Adds or replaces, without reading what was there. Key and record are borrowed for the call
     * and may not lie in what the engine lent. 0 when it is as durable as this engine ever makes
     * it, 1 when `settled` will say so for *sequence; SHOAL_ETOOBIG (over LIMIT_KEY_BYTES_MAX or
     * LIMIT_OBJECT_BYTES), SHOAL_ENOMEM (over the memory bound), SHOAL_ENOSPC, SHOAL_EIO,
     * SHOAL_EOVERLOAD (too much waits to be written): nothing changed. */
    int (*put)(struct engine *engine, const struct engine_key *key, struct bytes record,
               uint64_t *sequence);
    /* Removes the record if there: outcomes as put. (Deletes by users are tombstones, thus puts.)
     */
    int (*remove)(struct engine *engine, const struct engine_key *key, uint64_t *sequence);
    /* Visits the entries of the partition from `position` on, in order. 0 when it came to the end,
     * 1 when the visitor ended it; 2 when the entries at *next are not in memory: all before have
     * been visited, ready will come with the ticket, then walk from *next. Damaged records are
     * passed over once events.damaged has been raised for them, not before. Negative codes of the
     * storage. The visitor may not call the engine. */
    int (*walk)(struct engine *engine, uint32_t partition, uint64_t position, uint64_t ticket,
                engine_visit visit, void *self, uint64_t *next);
    /* As walk, but tells only what is known without reading: with an index in memory it is never
     * pending, and a record is passed over only once it is gone. Entries of one position come by
     * their keys or their tags, as the engine has it. */
    int (*survey)(struct engine *engine, uint32_t partition, uint64_t position, uint64_t ticket,
                  engine_survey_visit visit, void *self, uint64_t *next);
    /* Forgets everything of the partition, its holding record first. It is empty at once; memory
     * and disk may come back later, over the next flushes. Outcomes as put. */
    int (*drop)(struct engine *engine, uint32_t partition, uint64_t *sequence);
    /* A small record of the partition's holding (actor, counter, ...), at most
     * ENGINE_HOLDING_BYTES_MAX, kept apart from the data and in memory: get is never pending. */
    int (*get_holding)(struct engine *engine, uint32_t partition, struct bytes *record);
    int (*put_holding)(struct engine *engine, uint32_t partition, struct bytes record,
                       uint64_t *sequence);
    /* True when opening it found that something of the partition was lost, as far as can be told:
     * the holding must begin anew, refilling. */
    bool (*lost)(const struct engine *engine, uint32_t partition);
    /* Of one partition, or of ENGINE_DATA or ENGINE_HINTS together; memory and disk of the whole
     * engine are ENGINE_DATA's. Writes count when they settle, or before. */
    void (*stats)(const struct engine *engine, uint32_t partition, struct engine_stats *out);
    enum engine_health (*health)(const struct engine *engine);
    /* So much waits for the disk that writes will soon be refused: half of what may. */
    bool (*behind)(const struct engine *engine);
    /* Asks that all written so far become durable soon, whatever is configured: `durable` says so.
     */
    void (*harden)(struct engine *engine);
    /* Puts copies of everything durable now into the folder, which is there and empty: an absolute
     * path. ready comes with the ticket. 0, or SHOAL_EUNSUPPORTED, SHOAL_ENOMEM. */
    int (*backup)(struct engine *engine, const char *folder, uint64_t ticket);
    /* Once a loop turn, after all events: group commit and the like. */
    void (*flush)(struct engine *engine);
    /* When flush should be called again although nothing else happens; TIMERS_NEVER: no need. */
    uint64_t (*next_us)(const struct engine *engine);
    void (*free)(struct engine *engine);
};

/* Some 50 to 150 bytes as a rule: memory is taken only for what there is. */
#define ENGINE_HOLDING_BYTES_MAX (160u * LIMIT_KIB + 256u)

/* Engines embed this first. */
struct engine {
    const struct engine_ops *ops;
    struct engine_events events; /* set by the worker before the first call */
    uint64_t now_us;             /* mono time of the present event; set by the worker */
    bool keeps_data;             /* what was settled is there again after a restart */
    bool settles_durable;        /* settled is durable: durability `sync` */
    bool resumed; /* the process before ended cleanly with these very files: holdings go on */
    bool behind;  /* the machine may have lost settled writes: every holding is refilling */
};

struct engine_options {
    uint32_t partitions;       /* of the cluster; in all engine_partition_count */
    uint64_t memory_bytes_max; /* 0: no bound */
};

/* The key under the cluster's shared secret. */
static inline struct engine_key engine_key_of(const struct hash_secret *secret, uint32_t partition,
                                              struct bytes key)
{
    struct hash_wide wide = hash_keyed_wide(secret, key);
    return (struct engine_key){
        .partition = partition, .tag = (uint16_t)wide.high, .position = wide.low, .key = key};
}

/* The tag of an entry met while surveying, whichever engine it is. */
static inline uint16_t engine_survey_tag(const struct hash_secret *secret,
                                         const struct engine_survey_entry *entry)
{
    return entry->key.data == NULL ? entry->tag : engine_key_of(secret, 0, entry->key).tag;
}

#endif
