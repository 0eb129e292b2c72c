/* A small cluster for trying the rules of versions, partition clocks and forgotten tombstones: one
 * partition, three owners (N=3, R=W=2), two fallbacks with hints, two keys. The objects, the clocks
 * and, behind versions_owner.h, the holdings are the real code; around them is as little as will
 * do.
 *
 * A seeded scheduler lets clients read and write, loses, repeats and reorders messages, pushes
 * hints, syncs a key at a time, drops tombstones, lets values expire, closes actors, restarts
 * owners and makes them forget. Then faults stop, all heals, and the oracle judges, which knows of
 * every dot what it truly replaced:
 *
 *   1  what W owners confirmed is seen by every later read from R owners, or something that saw it;
 *      what fallbacks helped to confirm is there once all has healed;
 *   2  what a confirmed write replaced never returns, and no dot is issued twice;
 *   3  once healed the owners are identical; hints, tombstones and what expired are gone.
 *
 * Owners forget one at a time until each has refilled; in *careless* worlds two may at once. Then
 * what nobody holds any more is excused, and nothing else. After versions.py, Shoal's first model
 * of these rules, whose broken variants are tried here too (base/mutant.h). */
#ifndef TESTS_VERSIONS_WORLD_H
#define TESTS_VERSIONS_WORLD_H

#include "base/arena.h"
#include "base/mutant.h"
#include "base/random.h"
#include "versions_owner.h"

#define WORLD_R 2u
#define WORLD_W 2u
#define WORLD_FALLBACKS 2u
#define WORLD_MEMBERS (WORLD_OWNERS + WORLD_FALLBACKS)

#define WORLD_DOTS 384u
#define WORLD_ENDS 60u /* actors that may end */
#define WORLD_TOKENS 3u
#define WORLD_SYNCS 4u

/* Dots, a bit each, by their number in world->dots. */
struct dots {
    uint64_t words[WORLD_DOTS / 64];
};

struct known_dot {
    struct dot dot;
    uint32_t key;
    struct dots replaced; /* every dot that it truly replaced, and what those replaced */
};

enum message_is { OBJECT, ASK, ANSWER, CONFIRM, HINT, HINT_OK };

struct message {
    enum message_is kind;
    uint32_t to;   /* a member: owners, then fallbacks */
    uint32_t from; /* of answers */
    uint32_t key;
    uint64_t id; /* of the read, write or hint it belongs to; 0: none */
    struct object object;
    uint64_t actor; /* who coordinated (OBJECT), who confirms (HINT_OK); 0: a repair */
    const struct partition_clock *clock;
    bool concurrent, refilling; /* CONFIRM */
    bool again;                 /* HINT, HINT_OK: of the second round */
};

/* A write's purpose of a read; NONE: a client's read. */
struct intent {
    bool writes;
    enum sibling_kind kind;
    bool expires;
};

struct request {
    bool is_write;
    uint64_t id;
    uint32_t coordinator;
    uint32_t key;
    struct intent intent;
    struct dots acked; /* when it began: what it must see, or replaces */
    /* a read */
    uint32_t answered; /* a bit an owner */
    struct object objects[WORLD_OWNERS];
    const struct partition_clock *clocks[WORLD_OWNERS];
    /* a write */
    uint32_t dot;
    uint32_t confirmed; /* a bit a member */
    uint32_t clean;     /* ... that are complete, and had nothing it does not replace */
    bool verified;      /* its replacing of all that was acknowledged is yet to be shown */
};

struct hint {
    uint64_t id;
    uint32_t key;
    struct object object;
    uint64_t confirmed[WORLD_OWNERS]; /* by which actor; 0: not yet */
    bool again;                       /* all have confirmed: are those holdings still there? */
    bool still[WORLD_OWNERS];
};

struct fallback {
    struct hint *hints;
    uint32_t count, capacity;
    uint64_t ended;        /* a bit each of world->ends */
    uint64_t next_counter; /* of a fallback that issues dots, which is wrong */
};

struct world_sync {
    uint64_t number;
    uint32_t source, target;
    const struct partition_clock *clock; /* of the source, when it began */
    uint32_t left[WORLD_KEYS];
    uint32_t left_count;
    bool done[WORLD_KEYS];
    bool holds; /* an object is on its way */
    uint32_t held_key;
    struct object held;
    uint64_t closes; /* ended actors that everybody had confirmed by its beginning */
    void *watch;     /* the target's */
};

struct clock_copy {
    struct partition_clock clock;
    struct clock_copy *next;
};

/* An actor that has ended, to be closed. */
struct ended_actor {
    uint64_t actor;
    uint32_t owner;
};

struct token {
    struct version_vector context;
    struct dots seen; /* truly */
};

struct world {
    struct random random;
    struct arena arena; /* everything of this world */
    uint64_t seed;
    int mutant; /* enum mutant, -1: none */
    bool tracing, careless;
    char failure[240]; /* empty while all is well */
    const struct owner_ops *ops;

    struct owner *owners[WORLD_OWNERS];
    struct fallback fallbacks[WORLD_FALLBACKS];
    struct message *bag;
    uint32_t bag_count, bag_capacity;
    struct request *requests;
    uint32_t request_count, request_capacity;
    struct world_sync *syncs[WORLD_SYNCS + 1];
    uint32_t sync_count;
    uint64_t ids;
    uint32_t keys; /* that this world uses */
    uint32_t weights[16];

    struct ended_actor ends[WORLD_ENDS];
    uint32_t end_count;
    /* What each owner has been told of each ended actor, for closing it. */
    uint32_t told_end[WORLD_OWNERS][WORLD_ENDS];     /* a bit a member that confirmed */
    uint32_t synced_since[WORLD_OWNERS][WORLD_ENDS]; /* a bit an owner */
    struct dots reported_dots[WORLD_OWNERS][WORLD_ENDS];
    uint64_t ended[WORLD_OWNERS]; /* what each owner confirmed the end of; a bit each of ends */

    struct token tokens[WORLD_KEYS][WORLD_TOKENS];
    uint32_t token_count[WORLD_KEYS];

    struct known_dot dots[WORLD_DOTS];
    uint32_t dot_count;
    struct dots acked;      /* by W owners */
    struct dots acked_hint; /* with a fallback's help */
    struct dots dropped;    /* tombstones that went */
    struct dots excused;
    struct dots unhinted;      /* in hints that were lost */
    struct clock_copy *copies; /* clocks as they were at some moment */

    uint64_t reads, writes, acks, drops, closes, losses; /* for the summary */
};

/* A world from the seed, driven to its end. world->failure tells what went wrong. */
void world_init(struct world *world, uint64_t seed, const struct owner_ops *ops, int mutant,
                bool tracing);
void world_run(struct world *world);
void world_deinit(struct world *world);

/* The parts, from one file to the next. */

static inline bool world_breaks(const struct world *world, enum mutant mutant)
{
    return world->mutant == (int)mutant;
}

__attribute__((format(printf, 2, 3))) void world_say(struct world *world, const char *format, ...);
__attribute__((format(printf, 2, 3))) void world_fail(struct world *world, const char *format, ...);
uint32_t world_below(struct world *world, uint32_t bound);
bool world_chance(struct world *world, double probability);
uint64_t world_next_id(struct world *world);
const char *object_text(struct world *world, const struct object *object);

void dots_add(struct dots *dots, uint32_t dot);
bool dots_have(const struct dots *dots, uint32_t dot);
void dots_join(struct dots *into, const struct dots *from);

/* ---- versions_oracle.c ---- */
/* The dot's number; WORLD_DOTS when nobody issued it. */
uint32_t oracle_find(const struct world *world, struct dot dot);
uint32_t oracle_issue(struct world *world, uint32_t key, struct dot dot, const struct dots *seen);
/* The dot replaced these as well, it turned out. */
void oracle_claim(struct world *world, uint32_t dot, const struct dots *seen);
/* What a write without context says that it replaced: of these, what is not excused. */
struct dots oracle_claimable(const struct world *world, const struct dots *acked);
/* The siblings and all that they replaced. */
struct dots oracle_closure(const struct world *world, const struct object *object);
void oracle_judge(struct world *world, uint32_t key, const struct object *object,
                  const struct dots *acked, const char *where);
void oracle_judge_end(struct world *world);
/* Two owners have forgotten at once: what nobody holds any more is excused. */
void oracle_excuse(struct world *world);

/* ---- versions_requests.c ---- */
void read_start(struct world *world, uint32_t coordinator, uint32_t key, struct intent intent);
void write_start(struct world *world, uint32_t coordinator, uint32_t key, struct intent intent,
                 struct version_vector context, const struct dots *seen, bool verified);
void expire_start(struct world *world, uint32_t coordinator, uint32_t key);
void fallback_write(struct world *world, uint32_t fallback, uint32_t key, struct intent intent);
void requests_end(struct world *world, uint32_t coordinator);
void requests_ask(struct world *world, const struct message *message);
void requests_answer(struct world *world, const struct message *message);
void requests_confirm(struct world *world, const struct message *message);

/* ---- versions_members.c: what members do ---- */
void member_send(struct world *world, const struct message *message);
void member_deliver(struct world *world, const struct message *message);
void owner_store(struct world *world, uint32_t owner, uint32_t key, const struct object *object);
void owner_drop(struct world *world, uint32_t owner);
/* All that it has may be told from now on. */
void owner_settle(struct world *world, uint32_t owner);
void owner_hear(struct world *world, uint32_t owner, uint32_t peer);
/* Every end of a holding: another actor begins, the old one is to be closed. */
void owner_end(struct world *world, uint32_t owner, enum owner_end end);
void fallback_leave(struct world *world, uint32_t fallback, uint32_t key,
                    const struct object *object);
void fallback_push(struct world *world, uint32_t fallback);
void fallback_lose(struct world *world, uint32_t fallback);

/* ---- versions_sync.c: syncs and the closing of actors ---- */
struct world_sync *sync_start(struct world *world, uint32_t source, uint32_t target);
void sync_step(struct world *world, uint32_t index);
void sync_whole(struct world *world, uint32_t source, uint32_t target);
/* All that have to do with this owner end. */
void syncs_end(struct world *world, uint32_t owner);
void end_ask(struct world *world, uint32_t owner, uint32_t end, uint32_t member);
void end_close(struct world *world, uint32_t owner, uint32_t end);

/* ---- versions_schedule.c ---- */
/* How hostile this world is, and to what. */
void world_temper(struct world *world);
void world_step(struct world *world);
void world_story(struct world *world);
void world_heal(struct world *world);
/* ---- versions_corners.c: schedules that chance would take long to find ---- */
/* True when the seed was one of them. */
bool world_corner(struct world *world);
void world_drain(struct world *world);

#endif
