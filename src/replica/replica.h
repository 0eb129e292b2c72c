/* What one worker holds: its partitions' holdings and the engine with their objects. Reads, merges
 * and writes objects; knows nothing of other nodes, quorums or who owns what. */
#ifndef REPLICA_REPLICA_H
#define REPLICA_REPLICA_H

#include "base/table.h"
#include "model/hlc.h"
#include "model/object.h"
#include "replica/durability.h"
#include "replica/holding.h"
#include "storage/engine.h"

struct replica {
    struct engine *engine; /* borrowed */
    struct random *random; /* borrowed */
    struct arena *arena;   /* borrowed: the event's scratch memory */
    struct hash_secret position_secret;
    struct table holdings; /* partition + 1 -> struct holding * */
    struct durability durability;
    struct hlc clock;
    struct buffer scratch; /* encodings on their way to the engine */
};

/* Takes over the engine's events. */
void replica_init(struct replica *replica, struct engine *engine, struct random *random,
                  struct arena *arena, uint64_t clock_ahead_ms_max);
void replica_deinit(struct replica *replica);

/* NULL when the partition isn't held. */
struct holding *replica_holding(const struct replica *replica, uint32_t partition);

/* Begins to hold the partition, or ends the present holding and begins another. Where the engine
 * can't record it now, that is made up for before its first dot. 0, or SHOAL_ENOMEM (never for a
 * partition held already). */
int replica_begin(struct replica *replica, uint32_t partition, bool refilling,
                  struct holding **out);

/* Forgets the holding and all its data: the holding first. */
int replica_drop(struct replica *replica, uint32_t partition);

struct engine_key replica_key(const struct replica *replica, uint32_t partition, struct bytes key);

/* The object held: `encoded` is borrowed from the engine until its next write, data NULL when there
 * is none. 0, SHOAL_EPROTO for a record that can't be read (and is not served), SHOAL_EIO. */
int replica_read_encoded(struct replica *replica, const struct engine_key *key,
                         struct bytes *encoded);
/* The same decoded, into the arena; empty when there is none. */
int replica_read(struct replica *replica, const struct engine_key *key, struct object *out);

/* Merges an object that came from elsewhere with what is held. 0: held, as durable as it will be;
 * 1: held, and durable once the durability queue says so; SHOAL_EPROTO for bytes that are no
 * object, SHOAL_EOVERLOAD when too many siblings or actors would result, or as engine_put: nothing
 * changed. */
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
 * that this holding has not given; on 0 and 1 `out` holds the whole new
 * object, its encoding in scratch memory valid until the next store or write. */
int replica_write(struct replica *replica, struct holding *holding, const struct engine_key *key,
                  struct version_vector seen, const struct sibling *added, uint64_t wall_ms,
                  struct replica_written *out);

/* Of all partitions held. */
void replica_stats(const struct replica *replica, struct engine_stats *out);

void replica_check(const struct replica *replica);

#endif
