/* One owner's holding, as the model of versions drives it: the rules on plain structs
 * (versions_owner_plain.c: the real objects and clocks), or a real replica over the memory engine
 * (versions_owner_replica.c). */
#ifndef TESTS_VERSIONS_OWNER_H
#define TESTS_VERSIONS_OWNER_H

#include "model/object.h"
#include "replica/partition_clock.h"

#define WORLD_OWNERS 3u
#define WORLD_KEYS 2u

struct world;
struct world_sync;

/* How a holding ends. */
enum owner_end {
    END_NONE,    /* there was none before */
    END_RESTART, /* nothing lost, but not proven */
    END_AMNESIA, /* back to an earlier state that was not settled yet */
    END_ROT,     /* the object of one key is gone, and that is known */
    END_LOSS,    /* nothing is left */
};

/* Implementations embed this first. */
struct owner {
    struct world *world;
    uint32_t index;
    uint64_t actor;
    bool refilling;
    uint32_t heard;       /* since it began refilling: a bit an owner */
    uint32_t heard_whole; /* ... that were complete themselves */
};

/* Objects given out live as long as the world; the clock until the owner's next call. */
struct owner_ops {
    const char *name;
    struct owner *(*new)(struct world *world, uint32_t index);
    void (*free)(struct owner *owner);
    struct object (*get)(struct owner *owner, uint32_t key);
    const struct partition_clock *(*clock)(struct owner *owner);
    /* Merges what came from elsewhere, less what the clock says is gone. */
    void (*store)(struct owner *owner, uint32_t key, const struct object *object);
    /* A sync to this holding begins; it is told (world_late) of what is stored meanwhile, and not
     * by it, that its peer's clock has seen. */
    void (*watch)(struct owner *owner, struct world_sync *sync);
    void (*unwatch)(struct owner *owner, struct world_sync *sync);
    /* What the sync's peer holds of the key: it is stored, and own siblings that the peer's clock
     * has seen and its object lacks are removed. */
    void (*take)(struct owner *owner, struct world_sync *sync, uint32_t key,
                 const struct object *theirs);
    /* Issues a dot: what `seen` covers is replaced. */
    struct dot (*write)(struct owner *owner, uint32_t key, struct version_vector seen,
                        enum sibling_kind kind, bool expires);
    /* A tombstone with a dot of its own in the place of just this sibling. */
    struct dot (*expire)(struct owner *owner, uint32_t key, struct dot sibling);
    void (*join)(struct owner *owner, const struct partition_clock *clock);
    void (*close)(struct owner *owner, uint64_t actor);
    bool (*closed)(struct owner *owner, uint64_t actor);
    /* What a peer told of its clock, under which actor. */
    void (*hear)(struct owner *owner, uint32_t peer, uint64_t actor,
                 const struct partition_clock *told);
    const struct partition_clock *(*told)(struct owner *owner);
    /* Drops all tombstones that may go; world_dropped for each. */
    void (*drop)(struct owner *owner);
    /* All so far is on stable storage. */
    void (*settle)(struct owner *owner);
    bool (*unsettled)(struct owner *owner);
    /* Ends the holding and begins another. */
    void (*end)(struct owner *owner, enum owner_end end);
    /* It has refilled. */
    void (*complete)(struct owner *owner);
};

extern const struct owner_ops owner_plain;
extern const struct owner_ops owner_replica;

/* What owners use of the world they live in. */
struct arena *world_arena(struct world *world);
uint32_t world_pick(struct world *world, uint32_t bound);
bool world_is_broken(const struct world *world, int mutant);
uint64_t world_new_actor(struct world *world);
void world_dropped(struct world *world, uint32_t owner, uint32_t key, struct dot dot);
/* What lies at the key was compared too early. */
void world_late(struct world *world, struct world_sync *sync, uint32_t key);
/* The same, of every sync to this owner but one whose peer has seen any of it. */
void world_stored(struct world *world, uint32_t owner, uint32_t key, const struct object *object,
                  const struct world_sync *by);
/* A copy that lives as long as the world. */
const struct partition_clock *world_copy_clock(struct world *world,
                                               const struct partition_clock *clock);

/* The object less the siblings that a holding with this clock and object calls gone. */
struct object world_leave_out(struct world *world, const struct object *object,
                              const struct partition_clock *clock, const struct object *theirs);
bool object_has(const struct object *object, struct dot dot);

#endif
