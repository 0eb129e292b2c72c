/* A small cluster for trying the rules of live layouts: the real views, trackers and placements,
 * and around them as little as will do. Data is a grow-only set of writes for each partition, a bit
 * each, for versions are tested elsewhere. A seeded scheduler delivers, loses, repeats and reorders
 * messages, crashes, pauses and cuts off nodes, lets operators stage and commit changes anywhere,
 * removes the dead by force and lets some of them come back; then all heals. Checked:
 *
 *   1  a read sees every write that was acknowledged before the read began;
 *   2  no acknowledged write is lost, but for those that a forced removal declared possibly lost;
 * and nothing that a node not removed ever held is thrown away; 3  once healed, one layout remains,
 * all agree, all data is at all owners, and no staged change was dropped; 4  once healed, and the
 * dead removed, every change and every request finishes.
 *
 * Answers given by removed nodes only, cut off from all that know, are excused: no rule without
 * leases helps there. */
#ifndef TESTS_LAYOUTS_WORLD_H
#define TESTS_LAYOUTS_WORLD_H

#include "base/random.h"
#include "member/tracker.h"

#define WORLD_NODES 7u
#define WORLD_PARTITIONS 4u
#define WORLD_OPERATIONS 600u /* at one node at a time */
#define WORLD_N 3u
#define WORLD_R 2u
#define WORLD_W 2u

/* Rules broken on purpose, to see that the checks notice. */
enum mutant {
    MUTANT_NONE,
    MUTANT_SYNC_ONE_PEER, /* a sync with one owner of each older layout is enough */
    MUTANT_READ_NEWEST,   /* reads go by the newest layout, synced or not */
    MUTANT_WRITE_NEWEST,  /* a write needs its quorum in the newest layout only */
    MUTANT_RELEASE_EARLY, /* an old owner forgets its data while its layout is live, unpushed */
    MUTANT_MARK_EARLY,    /* synced is marked whether or not anything was */
};

/* A set of writes. */
struct writes {
    uint64_t words[8];
};

enum message_is { GOSSIP, WRITE, READ, ANSWER, SYNC, SYNCED, PUSH, PUSHED };

struct letter {
    enum message_is kind;
    uint32_t from;
    uint32_t to;
    struct view *view; /* of the sender, whole */
    uint64_t operation;
    uint32_t partition;
    int write; /* the write's bit; -1 for none */
    struct content_hash target;
    struct content_hash source;
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
    uint32_t votes; /* a bit a node */
    int write;
    struct writes data;
    struct writes must; /* what a read has to see */
    uint32_t age;
};

/* Who has served for a sync. */
struct progress {
    struct content_hash target;
    struct content_hash source;
    uint32_t partition;
    uint32_t served; /* a bit a node */
};

struct world_node {
    uint32_t n; /* its id is n + 1 */
    struct view *view;
    bool up, dead, halted, paused;
    struct writes data[WORLD_PARTITIONS];
    struct operation *operations[WORLD_OPERATIONS];
    uint32_t operation_count;
    struct progress *progress;
    uint32_t progress_count;
    struct writes pushed_data[WORLD_PARTITIONS]; /* what `pushed` speaks of */
    uint32_t pushed[WORLD_PARTITIONS];           /* who confirmed it; a bit a node */
};

struct asked {
    struct role role;
    uint32_t by;
};

struct world {
    struct random random;
    enum mutant mutant;
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
    double loss, repeat, reach, lag;
    uint32_t deadline;
    uint32_t slow; /* nodes that rarely hear gossip */
    bool only_newest, by_base, aloof;
    uint32_t steps;
    double weights[7];
    uint32_t changes;
    uint32_t losable;

    /* What has happened, for the checks. */
    uint32_t joined;       /* nodes that may take requests */
    uint32_t ever_removed; /* nodes */
    uint64_t operation_ids;
    int write_count;
    struct writes acked[WORLD_PARTITIONS];
    struct writes excused[WORLD_PARTITIONS];
    struct writes held[WORLD_PARTITIONS];
    bool declared[WORLD_PARTITIONS];
    struct asked *asked;
    uint32_t asked_count;
    uint64_t acked_count, read_count, commit_count, dropped_count, removed_count;
};

/* A world from the seed, driven to its end. world->failure tells what went wrong. */
void world_init(struct world *world, uint64_t seed, enum mutant mutant, bool tracing);
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

/* layouts_schedule.c */
void operator_commit(struct world *world, struct world_node *node);
void operator_remove(struct world *world, struct world_node *node, uint32_t who);
uint32_t world_fit(struct world *world, struct world_node **out);
void world_heal(struct world *world);

#endif
