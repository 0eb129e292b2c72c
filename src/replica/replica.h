/* What one worker holds: its partitions' holdings and the engine with their objects. Reads, merges
 * and writes objects; knows nothing of other nodes, quorums or who owns what.
 *
 * Nothing here blocks. What must be read from the disk first is *pending*: nothing has changed, and
 * whoever asked waits (replica_wait) and then does all of it again. */
#ifndef REPLICA_REPLICA_H
#define REPLICA_REPLICA_H

#include "base/table.h"
#include "model/hlc.h"
#include "model/object.h"
#include "replica/durability.h"
#include "replica/holding.h"
#include "replica/waiting.h"
#include "storage/engine.h"

/* What reading, storing and writing come to, beside negative codes. */
enum replica_outcome {
    REPLICA_DONE = 0, /* read; or held, as durable as this engine ever makes it */
    REPLICA_HELD = 1, /* held, and may be confirmed once `durability` says that it is settled */
    REPLICA_PENDING =
        2, /* nothing has changed: wait with replica_wait, then again from the start */
};

/* What the replica tells its owner; may be left out. */
struct replica_listener {
    void *self;
    /* A holding began, for the first time or in place of one that has forgotten something. Within
     * any call below that may begin one, or an event of the engine: it is not to be called back. */
    void (*began)(void *self, const struct holding *holding);
};

struct replica {
    struct engine *engine; /* borrowed */
    struct random *random; /* borrowed */
    struct arena *arena;   /* borrowed: the event's scratch memory */
    struct hash_secret position_secret;
    struct table holdings; /* partition + 1 -> struct holding * */
    struct table damaged;  /* partition + 1 -> itself: found damaged while not held */
    bool all_damaged;      /* ... and there was no memory to note which */
    struct durability durability;
    struct waiting_room reads;
    struct hlc clock;
    struct buffer scratch; /* encodings on their way to the engine */
    struct replica_listener listener;
};

/* Takes over the engine's events. */
void replica_init(struct replica *replica, struct engine *engine, struct random *random,
                  struct arena *arena, uint64_t clock_ahead_ms_max);
void replica_deinit(struct replica *replica);

/* ---- holdings ---- */

/* NULL when the partition isn't held. */
struct holding *replica_holding(const struct replica *replica, uint32_t partition);

/* Is there anything of the partition here, held now or left by an earlier run? */
bool replica_knows(const struct replica *replica, uint32_t partition);

/* Begins to hold the partition, or ends the present holding and begins another. Where the engine
 * can't record it now, that is made up for before its first dot. 0, or SHOAL_ENOMEM (never for a
 * partition held already). */
int replica_begin(struct replica *replica, uint32_t partition, bool refilling,
                  struct holding **out);

/* At the start of a process: goes on with the holding on record if it is proven that nothing has
 * been forgotten since, else begins another. `returning`: this node was a member when it stopped,
 * so there should be data; a new holding is then refilling unless all that was confirmed is known
 * to be there. Outcomes as replica_begin. */
int replica_resume(struct replica *replica, uint32_t partition, bool returning,
                   struct holding **out);

/* The holding has forgotten something, or may have: another one begins in its place. */
void replica_renew(struct replica *replica, struct holding *holding, bool refilling);

/* The holding is complete again. */
void replica_complete(struct replica *replica, struct holding *holding);

/* Puts every holding on record as it is now: 0 or the first failure. */
int replica_record_all(struct replica *replica);

/* Forgets the holding and all its data: the holding first. */
int replica_drop(struct replica *replica, uint32_t partition);

/* ---- objects ---- */

struct engine_key replica_key(const struct replica *replica, uint32_t partition, struct bytes key);

/* Waits for the read that was found pending last. The waiter is called once or leaves. */
static inline void replica_wait(struct replica *replica, struct read_waiter *waiter)
{
    waiting_enter(&replica->reads, waiter);
}

/* The object held: `encoded` is borrowed from the engine until its next call that changes anything,
 * data NULL when there is none. REPLICA_DONE, REPLICA_PENDING, SHOAL_EDAMAGED (it can't be read,
 * and its holding has begun anew since), SHOAL_EIO. */
int replica_read_encoded(struct replica *replica, const struct engine_key *key,
                         struct bytes *encoded);
/* The same decoded, into the arena; empty when there is none. Also SHOAL_EPROTO for a record that
 * is no object, which is not served. */
int replica_read(struct replica *replica, const struct engine_key *key, struct object *out);

/* The context of what is held, often known without reading it; empty when there is nothing, or
 * nothing that can be read (what is damaged does not keep a write from replacing it). Outcomes as
 * replica_read. */
int replica_context(struct replica *replica, const struct engine_key *key,
                    struct version_vector *out);
/* The same as an encoded object without values, whose times and kinds may be made up; data NULL
 * when there is nothing. In the arena. */
int replica_versions(struct replica *replica, const struct engine_key *key, struct bytes *encoded);

/* The object without its values, in the arena: 0 or a negative code. */
int replica_strip(struct replica *replica, struct bytes *encoded);

/* Merges an object that came from elsewhere with what is held, reading that only where the engine's
 * brief does not tell what the merge would be. REPLICA_DONE, REPLICA_HELD, REPLICA_PENDING;
 * SHOAL_EPROTO for bytes that are no object, SHOAL_EOVERLOAD when too many siblings or actors would
 * result, or as engine_put: nothing changed. */
int replica_store(struct replica *replica, const struct engine_key *key, struct bytes encoded,
                  uint64_t wall_ms);

struct replica_written {
    struct bytes encoded;
    struct object object;
    struct dot dot;              /* the one issued */
    uint64_t own_counter_before; /* this holding's last dot on the key before; 0 for none */
};

/* Issues a dot for a write coordinated here and stores it: what `seen` covers is replaced. `added`
 * comes without dot and hlc. Outcomes as replica_store, and SHOAL_ECONTEXT where `seen` covers dots
 * that this holding has not given; on REPLICA_DONE and REPLICA_HELD `out` holds the whole new
 * object, its encoding in scratch memory valid until the next store or write. */
int replica_write(struct replica *replica, struct holding *holding, const struct engine_key *key,
                  struct version_vector seen, const struct sibling *added, uint64_t wall_ms,
                  struct replica_written *out);

/* ---- looking in ---- */

/* What was just answered REPLICA_DONE, or had the sequence and is settled now, is on stable
 * storage. */
bool replica_durable(const struct replica *replica, uint64_t sequence);

/* Healthy until the engine says otherwise or has failed. */
enum engine_health replica_health(const struct replica *replica);

/* Of all partitions held. */
void replica_stats(const struct replica *replica, struct engine_stats *out);

void replica_check(const struct replica *replica);

/* ---- between the files of this layer ---- */

/* Puts the holding on record if it is not: 0 or the engine's refusal. */
int replica_record(struct replica *replica, struct holding *holding);

#endif
