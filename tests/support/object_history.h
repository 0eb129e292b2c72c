/* Objects as they come about: the life of one key on a few replicas that write with fresh, stale
 * and no contexts, exchange objects late, twice or never, and now and then fall back to an older
 * state (and begin a new actor, as a holding that has forgotten must). Properties are checked on
 * these rather than on random bytes, since merge only promises anything for objects with a history.
 */
#ifndef SUPPORT_OBJECT_HISTORY_H
#define SUPPORT_OBJECT_HISTORY_H

#include "base/arena.h"
#include "base/random.h"
#include "model/object.h"

#define HISTORY_REPLICAS_MAX 4u
#define HISTORY_OBJECTS_MAX 64u
#define HISTORY_WRITES_MAX 100u

struct history_replica {
    uint64_t actor;
    uint64_t counter;
    struct object object;
};

/* What a write truly was: the oracle's view. */
struct history_write {
    struct sibling sibling;
    struct version_vector seen;
};

struct object_history {
    struct arena *arena;
    struct random random;
    uint64_t hlc;
    uint32_t replica_count;
    struct history_replica replicas[HISTORY_REPLICAS_MAX];
    uint32_t object_count; /* every state that ever stood on a replica, the oldest overwritten */
    struct object objects[HISTORY_OBJECTS_MAX];
    uint32_t write_count;
    struct history_write writes[HISTORY_WRITES_MAX];
};

/* Everything is allocated in the arena, which the caller resets when done with the history. */
void history_init(struct object_history *history, struct arena *arena, uint64_t seed);

void history_step(struct object_history *history);

/* Any state that stood on some replica at some time (the last HISTORY_OBJECTS_MAX are kept). */
const struct object *history_pick(struct object_history *history);

/* Whether the object is just what its context says: of the writes that the context covers, exactly
 * those are siblings that no other covered write had seen. */
bool history_explains(const struct object_history *history, const struct object *object);

#endif
