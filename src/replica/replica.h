/* What one worker holds: its partitions' holdings and the engine with their objects. Reads, merges
 * and writes objects; knows nothing of other nodes, quorums or who owns what.
 *
 * Nothing here blocks. What must be read from the disk first is *pending*: nothing has changed, and
 * whoever asked waits (replica_wait) and then does all of it again. */
#ifndef REPLICA_REPLICA_H
#define REPLICA_REPLICA_H

#include "base/moment.h"
#include "base/table.h"
#include "model/hlc.h"
#include "model/object.h"
#include "replica/durability.h"
#include "replica/hash_tree.h"
#include "replica/holding.h"
#include "replica/partition_clock.h"
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
    /* A tombstone was dropped: every owner has seen it and all that it replaced. As `began`. */
    void (*dropped)(void *self, const struct engine_key *key, struct dot dot);
    /* A sibling whose expiry has passed by more than clocks may differ: true if that is dealt with
     * (by replica_expire, which may be called from here), false to be told again later. From within
     * replica_step; key and object live in the arena. */
    bool (*expired)(void *self, struct holding *holding, const struct engine_key *key,
                    const struct object *held, struct dot dot);
};

struct replica {
    struct engine *engine; /* borrowed */
    struct random *random; /* borrowed */
    struct arena *arena;   /* borrowed: the event's scratch memory */
    struct hash_secret position_secret;
    uint32_t hints_from;   /* the engine's partitions from here on hold hints; 0: not known yet */
    struct table holdings; /* partition + 1 -> struct holding * */
    struct table damaged;  /* partition + 1 -> itself: found damaged while not held */
    bool all_damaged;      /* ... and there was no memory to note which */
    struct durability durability;
    struct waiting_room reads;
    struct hlc clock;
    struct buffer scratch;       /* encodings on their way to the engine */
    struct buffer record;        /* ... and holdings' records */
    struct queue working;        /* holdings with something to do in small steps */
    struct read_waiter upkeep;   /* in no queue: nothing that is done in steps waits for the disk */
    struct moment stepped;       /* the last step ... */
    uint32_t step_budget;        /* ... and what it was given */
    uint64_t tombstones_dropped; /* so far */
    uint64_t review_us;          /* when to look what there is to do; TIMERS_NEVER: need not */
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

/* The key will be read or written in a moment: what that needs of memory is fetched meanwhile. */
void replica_expect(const struct replica *replica, const struct engine_key *key);
/* The same a little later: what that memory leads to. */
void replica_expect_more(const struct replica *replica, const struct engine_key *key);

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

/* What a store came to, beside its outcome. */
struct replica_stored {
    bool concurrent; /* siblings are held now that the object sent does not have */
};

/* Merges an object that came from elsewhere with what is held, reading that only where the engine's
 * brief does not tell what the merge would be. Its siblings that are gone here (the holding's clock
 * has seen them, what is held lacks them) are left out; where nothing else is left of it, it counts
 * as held. REPLICA_DONE, REPLICA_HELD, with `out` (may be NULL); REPLICA_PENDING; SHOAL_EPROTO for
 * bytes that are no object, SHOAL_ENOTOWNER where the partition isn't held, SHOAL_EOVERLOAD when
 * too many siblings or actors would result, or as engine_put: nothing changed. */
int replica_store(struct replica *replica, const struct engine_key *key, struct bytes encoded,
                  uint64_t wall_ms, struct replica_stored *out);

struct replica_written {
    struct bytes encoded;
    struct object object;
    struct version_vector seen;  /* what was replaced */
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

/* What is held as far as a write that replaces all of it is concerned: its dots, and which of them
 * are tombstones; read only where the engine can't tell these without. In the arena; outcomes as
 * replica_read, but what is damaged counts as nothing. */
int replica_read_dots(struct replica *replica, const struct engine_key *key, struct object *out);

/* replica_write where the caller has read in this very event what is held (or its dots), all of
 * which is replaced: never pending. */
int replica_replace(struct replica *replica, struct holding *holding, const struct engine_key *key,
                    const struct object *held, const struct sibling *added, uint64_t wall_ms,
                    struct replica_written *out);

/* Takes back a write made in this very event: what it replaced, `before` with its encoding (data
 * NULL: nothing), is held again in place of `written`. Outcomes as replica_write but for pending.
 */
int replica_put_back(struct replica *replica, struct holding *holding, const struct engine_key *key,
                     const struct object *written, const struct object *before,
                     struct bytes encoded);

/* A write that depends on what it replaces. */
struct replica_amendment {
    void *self;
    /* What becomes of the object under this dot: the sibling without its dot, an hlc of 0 for that
     * of now; 0 or a negative code, and then no dot is given. Values may be borrowed. */
    int (*make)(void *self, const struct object *object, struct dot dot, struct sibling *out);
};

/* As replica_write, of what the amendment makes of all that is held; while the holding is
 * refilling, of what `quorum`, the answer of a read quorum, holds, and of its own writes since.
 * What the quorum answered has been stored before. Outcomes as replica_write and of the amendment;
 * SHOAL_EREFILLING: the holding has forgotten, or can't tell whether what the quorum answered still
 * counts, and nothing was done; SHOAL_EUNKNOWN: the storage failed, and may keep the write or not.
 */
int replica_amend(struct replica *replica, struct holding *holding, const struct engine_key *key,
                  const struct object *quorum, const struct replica_amendment *amendment,
                  uint64_t wall_ms, struct replica_written *out);

/* ---- syncs ---- */

/* The tree of what is held, always current; NULL while it is still being made. */
struct hash_tree *replica_tree(struct holding *holding);

/* A sync under way: makes this holding have what a peer's has. The peer's clock is of before
 * anything of the peer's was looked at; it is joined when everything has been compared. */
struct sync_watch {
    struct queue link;
    struct holding *holding;
    const struct partition_clock *peer_clock; /* borrowed, unchanged while watching */
    /* A sibling that the peer's clock has seen was stored here at this position, and not by this
     * sync: what is there is to be compared (again) before the clock is joined. */
    void (*late)(struct sync_watch *watch, uint64_t position);
    /* The holding has forgotten something, or is no more: nothing that was compared counts. The
     * watch is out already. Neither function may call the replica back. */
    void (*ended)(struct sync_watch *watch);
};

/* Begins to watch: before the first comparison. */
void replica_watch(struct holding *holding, struct sync_watch *watch);

/* Ends it; harmless after `ended`. */
static inline void replica_unwatch(struct sync_watch *watch)
{
    queue_remove(&watch->link);
}

struct replica_taken {
    uint32_t stored;  /* siblings that came */
    uint32_t removed; /* ... and that went because the peer knows them to be gone, ... */
    uint32_t dropped; /* ... of these, tombstones: the peer was only the first to drop them */
};

/* What the peer holds of a key (data NULL: nothing), read after its clock was taken: stores it and
 * removes what the peer's clock has seen and its object lacks. Outcomes as replica_store, and
 * SHOAL_ECONTEXT: the object shows that the holding has forgotten, it has begun anew. */
int replica_take(struct replica *replica, struct sync_watch *watch, const struct engine_key *key,
                 struct bytes encoded, uint64_t wall_ms, struct replica_taken *out);

/* The same where the peer has nothing of a key of which only the name is known. */
int replica_take_absence(struct replica *replica, struct sync_watch *watch, uint64_t position,
                         uint16_t tag, struct replica_taken *out);

/* A complete sync from the holding whose clock this was when it began: all that it had seen has
 * been seen here. */
void replica_join_clock(struct replica *replica, struct holding *holding,
                        const struct partition_clock *clock);

/* ---- tombstones ---- */

/* The other owners, in all live layouts: a tombstone goes when each of them has told that it has
 * seen it and all that it knows of. Until this is called none goes. 0 or SHOAL_ENOMEM (then none
 * goes). */
int replica_set_owners(struct holding *holding, const uint64_t *nodes, uint32_t count);

/* What an owner's holding has told of its clock; of others than owners it is not kept. */
void replica_report(struct holding *holding, uint64_t node, uint64_t actor,
                    const struct partition_clock *clock);

/* Has that owner told of all that has been seen here by now? True also of a node that is none. */
static inline bool replica_heard(const struct holding *holding, uint64_t node)
{
    return tombstones_heard(&holding->tombstones, node, &holding->clock);
}

/* Asks that `holding->told` become what the clock is now: it is put on record, at most once a
 * second, and told once the record is on stable storage. */
void replica_tell_clock(struct replica *replica, struct holding *holding);

/* ---- upkeep ---- */

/* Goes on with what takes long, for about `budget` entries looked at: making trees, dropping
 * tombstones, finding what has expired. When it should be called again although nothing else
 * happens, as mono_us: now, later, or TIMERS_NEVER. */
uint64_t replica_step(struct replica *replica, struct moment now, uint32_t budget);

/* Nothing more is done by itself: the last records are put. */
void replica_rest(struct replica *replica);

/* Replaces one sibling of what is held, which has expired, and nothing else by a tombstone of this
 * holding's own. Outcomes as replica_write but for pending, and SHOAL_ENOTFOUND when there is no
 * such sibling. */
int replica_expire(struct replica *replica, struct holding *holding, const struct engine_key *key,
                   const struct object *held, struct dot expired, uint64_t wall_ms,
                   struct replica_written *out);

/* ---- looking in ---- */

/* What was just answered REPLICA_DONE, or had the sequence and is settled now, is on stable
 * storage. */
bool replica_durable(const struct replica *replica, uint64_t sequence);

/* Healthy until the engine says otherwise or has failed. */
enum engine_health replica_health(const struct replica *replica);

/* So much waits for this node's disk that writes are better coordinated by others. */
bool replica_behind(const struct replica *replica);

/* Of all partitions held. */
void replica_stats(const struct replica *replica, struct engine_stats *out);

void replica_check(const struct replica *replica);

#endif
