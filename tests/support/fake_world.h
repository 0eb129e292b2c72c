/* A few nodes, whole, in virtual time: real workers and stewards over ports that this file plays.
 * No faults but those that a test asks for: nodes that are cut off or stopped, records that can't
 * be written, engines with moods. (Random faults are tests/sim's.)
 *
 *      fake_world_start(&world, 0);                  node 0 founds a cluster
 *      fake_world_start(&world, 1);
 *      struct world_answer *join = fake_world_join(&world, 1, world_port(0));
 *      fake_world_run(&world, 2000 * MS); */
#ifndef SUPPORT_FAKE_WORLD_H
#define SUPPORT_FAKE_WORLD_H

#include "node/worker.h"
#include "storage/tail.h"
#include "support/fickle_engine.h"

#define WORLD_NODES 5u
#define WORLD_WORKERS 3u
#define WORLD_ANSWERS 256u
#define WORLD_PARTITIONS 16u
#define MS UINT64_C(1000)

struct fake_world;

/* What a worker's ports know of themselves. */
struct world_place {
    struct fake_world *world;
    uint32_t node;
    uint32_t worker;
};

struct world_node {
    struct node_config config;
    struct world_place places[WORLD_WORKERS];
    struct worker *workers[WORLD_WORKERS];
    struct fickle_engine *engines[WORLD_WORKERS];
    bool durable; /* set before the first start: its engines keep data, in these: */
    struct engine *stores[WORLD_WORKERS];
    uint64_t feed_bytes; /* set before the first start: its workers keep lanes of the feed: */
    struct tail *tails[WORLD_WORKERS]; /* in memory, and over kills all the same */
    uint64_t draws;
    bool clean;            /* it was stopped with everything recorded and durable */
    bool behind;           /* told to its engines at the next start */
    uint32_t worker_count; /* 1, unless a test sets it before the start */
    bool up;
    bool cut;           /* nothing gets through */
    struct buffer kept; /* its record */
    uint32_t keeps;     /* records that were written */
    uint32_t keeps_failing;
    bool keeps_held; /* records are not answered for the time being */
    uint32_t life;   /* starts so far: events of an earlier one are dropped */
    bool links[WORLD_WORKERS][WORLD_NODES];
    bool wanted[WORLD_WORKERS][WORLD_NODES];
    uint32_t goodbyes;     /* heard */
    uint64_t contacted[8]; /* the last ticket answered, by its three highest bits */
};

#define WORLD_PENDING 1 /* the code of a request that is not done */

struct world_answer {
    struct request request;
    bool done;
    int code;
    char text[1500];
    char value[64]; /* the winner of a get */
    uint32_t value_count;
    char keys[64][16];
    uint32_t key_count;
    uint8_t context_bytes[512];
    struct bytes context;
    uint64_t done_us;
    struct message_verify_reply verification; /* its lists: bits of the first 64 partitions */
    uint64_t differing;
    uint64_t unverified;
    struct message_change_reply plan; /* of a change, with its rows: the names in `names` */
    struct plan_row rows[2 * WORLD_NODES];
    char names[2 * WORLD_NODES][16];
    bool changed;    /* there was a plan */
    uint32_t owners; /* of a repair: who was told; needed: of how many */
    uint32_t needed;
    char key[64];
    char put[1024];
    uint8_t token[512];
    struct message_change change; /* lent, with its texts */
    char change_node[32];
    char change_zone[32];
};

struct world_event;

struct fake_world {
    struct moment now;
    struct world_node nodes[WORLD_NODES];
    struct world_event *events;
    uint64_t order;
    struct world_answer answers[WORLD_ANSWERS];
    uint32_t answer_count;
    uint32_t contacts;
    /* May change answers that are handed over, as nothing but a fault would; NULL: nobody does. */
    void (*garble)(uint8_t *payload, size_t len);
    /* The last answers to frames that a test sent by itself. */
    struct buffer reply;
    uint32_t replies;
};

void fake_world_init(struct fake_world *world, uint32_t n, uint32_t r, uint32_t w);
void fake_world_deinit(struct fake_world *world);

uint16_t world_port(uint32_t node);
/* The node's own peer port is one of its seeds, too, if it is listed. */
void world_seeds(struct fake_world *world, uint32_t node, const uint32_t *seeds, uint32_t count);

/* Makes and starts the workers, over empty engines and the record last kept: 0, or the code of
 * worker_new. */
int fake_world_start(struct fake_world *world, uint32_t node);
/* As kill -9. */
void fake_world_kill(struct fake_world *world, uint32_t node);
/* In order: stops it, lets it finish what it has to do for up to five seconds, then ends it. */
void fake_world_stop(struct fake_world *world, uint32_t node);
void fake_world_cut(struct fake_world *world, uint32_t node, bool cut);
/* The records held back are written now. */
void fake_world_keep(struct fake_world *world, uint32_t node);

void fake_world_run(struct fake_world *world, uint64_t us);

/* While the node is down: its lanes of the feed are lost. */
void fake_world_lose_tails(struct fake_world *world, uint32_t node);

/* Requests at worker `worker` of the node. */
struct world_answer *fake_world_put(struct fake_world *world, uint32_t node, uint32_t worker,
                                    const char *key, const char *value);
struct world_answer *fake_world_get(struct fake_world *world, uint32_t node, uint32_t worker,
                                    const char *key);
struct world_answer *fake_world_list(struct fake_world *world, uint32_t node, uint32_t worker);
struct world_answer *fake_world_join(struct fake_world *world, uint32_t node, uint16_t port);
/* The same, but staged. */
struct world_answer *fake_world_join_staged(struct fake_world *world, uint32_t node, uint16_t port);
/* An operator's change; within five seconds, unless it says another time. */
struct world_answer *fake_world_change(struct fake_world *world, uint32_t node, uint32_t worker,
                                       const struct message_change *change);
struct world_answer *fake_world_begin(struct fake_world *world, uint32_t node, uint32_t worker,
                                      const struct request *request);

/* Hands a frame to worker 0 of the node, as from a stranger; its answer comes to world->reply. */
void fake_world_ask(struct fake_world *world, uint32_t node, struct bytes frame);
/* The same as if a peer of this id had sent it. */
void fake_world_ask_as(struct fake_world *world, uint32_t node, uint64_t peer, struct bytes frame);

const struct snapshot *world_snapshot(struct fake_world *world, uint32_t node);
/* Members of the newest layout as the node sees it; 0 before it is in a cluster. */
uint32_t world_members(struct fake_world *world, uint32_t node);

#endif
