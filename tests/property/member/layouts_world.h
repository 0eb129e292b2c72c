/* A small cluster for trying the rules of live layouts: the real views, trackers, placements and
 * plans of fills, and around them as little as will do. Data is a grow-only set of writes for each
 * partition, a bit each, for versions are tested elsewhere. A seeded scheduler delivers, loses,
 * repeats and reorders messages, crashes, pauses and cuts off nodes, takes a disk away, lets
 * operators stage, commit and cancel changes anywhere, removes the dead by force and lets some of
 * them come back; then all heals. Checked:
 *
 *   1  a read sees every write that was acknowledged before the read began;
 *   2  no acknowledged write is lost, but for those that a forced removal declared possibly lost;
 *      and nothing that a node not removed ever held is thrown away;
 *   3  once healed, one layout remains, all agree, all data is at all owners, no committed change
 *      was dropped, and nothing was committed that nobody has committed;
 *   4  once healed, and the dead removed, every change and every request finishes, no operator
 *      being needed for what is due;
 *   6  at any time W owners, of the newest layout that all have synced, hold an acknowledged write
 *      (numbered as the simulator's invariants).
 *
 * Answers given by removed nodes only, cut off from all that know, are excused: no rule without
 * leases helps there. Rules are broken by the switches of base/mutant.h: in the real code, and, for
 * those that nodes keep and the model plays itself (requests, releases), here. */
#ifndef TESTS_LAYOUTS_WORLD_H
#define TESTS_LAYOUTS_WORLD_H

#include "base/mutant.h"
#include "base/random.h"
#include "member/tracker.h"
#include "repair/fill.h"

#define WORLD_NODES 7u
#define WORLD_PARTITIONS 4u
#define WORLD_OPERATIONS 600u /* at one node at a time */
#define WORLD_N 3u
#define WORLD_R 2u
#define WORLD_W 2u

/* A set of writes. */
struct writes {
    uint64_t words[8];
};

enum message_is {
    GOSSIP,
    WRITE,
    READ,
    ANSWER,
    SYNC, /* give me all you hold of the partition */
    SYNCED,
    RELEASE, /* take from me what you lack of the partition */
    TAKE,    /* as SYNC, from one who is no owner any more */
    TAKEN,
    RELEASED, /* I have all of it */
    PUSH,     /* anti-entropy, when all is well again */
    HINT,     /* a write that is owed to you */
    HINTED,
    MESSAGE_KINDS,
};

struct letter {
    enum message_is kind;
    uint32_t from;
    uint32_t to;
    struct view *view; /* of the sender, whole */
    uint64_t operation;
    uint32_t partition;
    int write;          /* the write's bit; -1 for none */
    bool keep;          /* WRITE, ANSWER: as a fallback, for the owners */
    uint64_t actor;     /* of the holding that asks to be synced, or to be released */
    bool for_target;    /* SYNC: begun after all had seen the target */
    bool source_counts; /* ... when the source was an owner to read from */
    bool refilling;     /* ANSWER, SYNCED: so is the holding that answers */
    struct content_hash target;
    struct writes data;
};

struct letters {
    struct letter *items;
    uint32_t count;
    uint32_t capacity;
};

struct operation {
    bool is_write;
    uint64_t id;
    uint32_t partition;
    struct view *known; /* the layouts its quorum was last judged by */
    bool asked;         /* of a read: a layout has been chosen */
    struct content_hash layout;
    uint32_t votes;     /* a bit a node */
    uint32_t fallbacks; /* a bit a node that keeps the write for an owner */
    int write;
    struct writes data;
    struct writes must; /* what a read has to see */
    uint32_t age;
};

/* What one node holds of one partition; no actor: nothing. */
struct place {
    uint64_t actor;
    bool refilling;
    struct writes data;
    struct fill fill;
    struct content_hash synced; /* the layout that it is synced for */
    uint64_t release_id;        /* of the round of asking owners to take it; 0: none */
    uint32_t released;          /* who has confirmed in it; a bit a node */
};

/* A write that is owed to owners. */
struct owed {
    uint32_t partition;
    int write;
    uint64_t round;     /* of asking; a new one for other owners */
    uint32_t owners;    /* of that round */
    uint32_t confirmed; /* by these */
};

#define WORLD_HINTS 64u

struct world_node {
    uint32_t n; /* its id is n + 1 */
    struct view *view;
    struct view *stable; /* what a wrong variant goes back to */
    bool up, dead, halted, paused;
    struct place places[WORLD_PARTITIONS];
    struct owed owed[WORLD_HINTS];
    uint32_t owed_count;
    struct operation *operations[WORLD_OPERATIONS];
    uint32_t operation_count;
};

/* A change that someone has asked for. */
struct asked {
    struct role role;
    uint32_t by;
    uint32_t committed; /* as these nodes knew then; a bit each */
};

/* A write acknowledged with the help of fallbacks, and all who said that they have it. */
struct helped {
    uint32_t partition;
    int write;
    uint32_t nodes;
};

struct world {
    struct random random;
    bool tracing;
    char failure[200]; /* empty while all is well */
    uint32_t now;

    uint32_t node_count;
    uint32_t partitions;
    struct world_node nodes[WORLD_NODES];
    struct letters net;
    struct letters late;
    uint32_t cut; /* these nodes are cut off from the others */

    /* How hostile this world is. */
    double loss, repeat, reach, lag, sloppy;
    uint32_t deadline;
    uint32_t slow; /* nodes that rarely hear gossip */
    bool by_base, aloof;
    uint32_t steps;
    double weights[7];
    uint32_t changes;
    uint32_t losable; /* nodes that may leave or die */
    uint32_t disks;   /* that may be lost, one after the other */

    /* What has happened, for the checks. */
    uint32_t joined;       /* nodes that may take requests */
    uint32_t ever_removed; /* nodes */
    uint64_t ids;          /* of operations, actors and rounds */
    int write_count;
    struct writes acked[WORLD_PARTITIONS];
    struct writes excused[WORLD_PARTITIONS];
    struct writes held[WORLD_PARTITIONS];
    bool declared[WORLD_PARTITIONS];
    bool disk_lost;
    struct asked *asked;
    uint32_t asked_count;
    struct helped *helped;
    uint32_t helped_count;
    uint64_t acked_count, read_count, commit_count, again_count, dropped_count, removed_count,
        cancel_count, disk_count, release_count, hint_count;
};

/* A world from the seed, driven to its end. world->failure tells what went wrong. */
void world_init(struct world *world, uint64_t seed, bool tracing);
/* One without any hostility, for a story: nothing happens by itself. */
void world_init_calm(struct world *world, uint32_t nodes, uint32_t members, uint32_t partitions,
                     bool tracing);
void world_run(struct world *world);
void world_deinit(struct world *world);

/* The parts, from one file to the next. */

__attribute__((format(printf, 2, 3))) void world_say(struct world *world, const char *format, ...);
__attribute__((format(printf, 2, 3))) void world_fail(struct world *world, const char *format, ...);

bool writes_empty(const struct writes *writes);
bool writes_equal(const struct writes *a, const struct writes *b);
void writes_join(struct writes *into, const struct writes *from);
void writes_add(struct writes *writes, int write);
/* a less b less c. */
struct writes writes_less(const struct writes *a, const struct writes *b, const struct writes *c);

uint32_t world_below(struct world *world, uint32_t bound);
bool world_chance(struct world *world, double probability);

uint32_t owners_mask(const struct layout *layout, uint32_t partition);
uint32_t removed_mask(const struct view *view);
uint32_t counted_mask(const struct view *view);
bool view_owns_at(const struct view *view, uint32_t n, uint32_t partition);
/* Owners in any live layout, less the removed. */
uint32_t view_owners_mask(const struct view *view, uint32_t partition);

/* Takes the view over. */
void node_adopt(struct world *world, struct world_node *node, struct view *view);
void node_learn(struct world *world, struct world_node *node, const struct view *view);
void node_forget_operations(struct world_node *node);
void node_crash(struct world_node *node);
void node_store(struct world *world, struct world_node *node, uint32_t partition,
                const struct writes *data);

/* Fills in nothing but the view, which it holds. */
void letter_send(struct world *world, struct letter letter, const struct view *view);
void letters_add(struct letters *letters, struct letter letter);
struct letter letters_take(struct letters *letters, uint32_t index);
void letters_clear(struct letters *letters);

/* layouts_requests.c */
uint64_t operation_begin(struct world *world, struct world_node *node, bool is_write,
                         uint32_t partition);
struct operation *operation_find(struct world_node *node, uint64_t id);
void operation_ask(struct world *world, struct world_node *node, struct operation *operation);
void operation_answered(struct world *world, struct world_node *node, const struct letter *letter);
void operations_retry(struct world *world, struct world_node *node);

/* layouts_node.c */
void node_handle(struct world *world, const struct letter *letter);
void node_tick(struct world *world, struct world_node *node, bool every);

/* Parts of a tick: sets marks and drops layouts; notes what is synced and asks for what is not. */
void node_track(struct world *world, struct world_node *node);
void node_fill(struct world *world, struct world_node *node);
void node_tell(struct world *world, const struct world_node *node, uint32_t to);

/* layouts_release.c */
void release_step(struct world *world, struct world_node *node);
void release_handle(struct world *world, struct world_node *node, const struct letter *letter);
void hints_step(struct world *world, struct world_node *node);
void hints_handle(struct world *world, struct world_node *node, const struct letter *letter);

/* layouts_operate.c */
void operator_ask(struct world *world, struct world_node *node, uint32_t who, enum role_kind kind,
                  uint32_t weight, bool staged);
/* Commits what is due; then, also what is staged. */
void operator_commit(struct world *world, struct world_node *node);
void operator_commit_staged(struct world *world, struct world_node *node);
void operator_cancel(struct world *world, struct world_node *node);
void operator_remove(struct world *world, struct world_node *node, uint32_t who);
void world_operate(struct world *world);
uint32_t world_fit(struct world *world, struct world_node **out);
/* Has someone asked for the change, and has it been committed? */
bool change_is_known(const struct world *world, const struct role *role, bool committed);

/* layouts_schedule.c */
void node_lose_disk(struct world *world, struct world_node *node);

/* layouts_heal.c */
void world_check_held(struct world *world);
void world_heal(struct world *world);

#endif
