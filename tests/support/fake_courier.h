/* A coordinator in a small world of its own: it runs on node 1 of a few, each with a replica over
 * an engine of its own, in virtual time. Tests script what the others do: answer late, never,
 * twice, refuse, believe in another view. Frames are really encoded and decoded.
 *
 *      struct fake_courier *fake = fake_courier_new(3, 3, 2, 2);
 *      fake->owners[2].lose_requests = 1;             node 2 misses the next request
 *      struct fake_answer *put = fake_put(fake, "key", "value", none);
 *      fake_run(fake, 1000 * MS);
 *      assert_int_equal(put->code, 0); */
#ifndef SUPPORT_FAKE_COURIER_H
#define SUPPORT_FAKE_COURIER_H

#include "coordinate/coordinator.h"
#include "support/fickle_engine.h"
#include "support/ring_history.h"

#define FAKE_NODES 8u /* ids 1 to this; node 1 is the coordinator's */
#define FAKE_ANSWERS 64u
#define FAKE_PARTITIONS 64u
#define FAKE_SELF 1u
#define FAKE_ALWAYS UINT32_MAX
#define FAKE_LATENCY_US 500u
#define MS UINT64_C(1000)

/* A node: what it holds and how it behaves. */
struct fake_owner {
    struct fickle_engine *fickle;
    struct replica replica;
    struct view *view; /* its own */
    bool linked;       /* the coordinator's link to it is up */
    uint64_t delay_us; /* on top of the latency, for its answers */
    uint32_t lose_requests;
    uint32_t lose_answers; /* acts, but the answer is lost */
    uint32_t repeat_answers;
    uint32_t refusals; /* so many requests are answered with ... */
    int refusal;       /* ... this */
    bool durable;      /* says of its stores that they are */
    bool clock_ahead;
    uint32_t storage; /* enum node_storage, as it tells; node 1's engine is asked as well */
    uint32_t stores, fetches, scans, forwards; /* that it received */
    uint32_t fetch_mode;                       /* enum fetch_mode of the last fetch */
    bool fetch_known;                          /* and whether it told what node 1 holds */
    uint32_t durable_stores;                   /* of the stores, those to be durable */
    uint32_t hints;                            /* that it took for others */
    struct trace trace;                        /* that came with the last request */
};

#define FAKE_PENDING 1 /* the code of a request that is not done */

/* How a request ended. */
struct fake_answer {
    struct request request;
    bool done;
    int code;
    char text[1024];
    uint8_t context_bytes[1024];
    struct bytes context; /* data NULL is none */
    char values[8][32];   /* of a get, winner first; the keys of a list in `keys` */
    uint64_t expiries[8]; /* of these */
    bool counters[8];
    uint32_t value_count;
    int64_t number;
    uint32_t owners;
    uint32_t fallbacks;
    uint32_t needed;
    char keys[64][32];
    uint32_t key_count;
    uint8_t after_bytes[64];
    struct bytes after;
    uint64_t done_us;
    uint32_t rerouted; /* handed back to be begun again, so often */
    char key[32];
    char value[4096];
    uint8_t token[1024];
};

struct fake_message;

struct fake_courier {
    struct coordinator coordinator;
    struct random random;
    struct arena arena;
    struct timers timers;
    struct buffer frame;
    struct buffer reply;
    struct reach reach;
    struct token_keys token_keys;
    struct moment now;
    struct fake_owner owners[FAKE_NODES + 1]; /* by id */
    uint32_t node_count;
    struct fake_message *messages; /* in flight */
    uint64_t message_order;
    struct fake_answer answers[FAKE_ANSWERS];
    uint32_t answer_count;
    uint64_t learned_digest[16]; /* views handed over to be joined, by ticket - 1 */
    struct view *learned[16];
    uint32_t learned_count;
    bool refuses_to_learn; /* as without memory */
    bool joins_at_once;    /* what is learnt is adopted with the next event */
    uint32_t joined;       /* of learned */
    bool rerouting;        /* what is rerouted is begun again */
};

/* Nodes 1 to `nodes`, all members of one synced layout; links up. */
struct fake_courier *fake_courier_new(uint32_t nodes, uint32_t n, uint32_t r, uint32_t w);
void fake_courier_free(struct fake_courier *fake);

/* A key whose partition node 1 owns in this place (0: first); FAKE_ALWAYS: doesn't own. */
const char *fake_key(struct fake_courier *fake, uint32_t place);
/* The node that owns the key's partition in this place. */
uint64_t fake_owner_of(struct fake_courier *fake, const char *key, uint32_t place);

/* Begins a request. `context` may be another answer's. */
struct fake_answer *fake_put(struct fake_courier *fake, const char *key, const char *value,
                             struct bytes context);
struct fake_answer *fake_get(struct fake_courier *fake, const char *key);
struct fake_answer *fake_delete(struct fake_courier *fake, const char *key, struct bytes context);
struct fake_answer *fake_add(struct fake_courier *fake, const char *key, int64_t delta);
struct fake_answer *fake_expire(struct fake_courier *fake, const char *key, uint64_t expiry_ms);
struct fake_answer *fake_list(struct fake_courier *fake, const char *prefix, uint32_t limit,
                              struct bytes after);
/* The same with everything in `request` but what is private, and the key as it says. */
struct fake_answer *fake_begin(struct fake_courier *fake, const struct request *request);

/* Lets this much time pass, with all that is due in it. */
void fake_run(struct fake_courier *fake, uint64_t us);

/* Node 1 takes up this view (takes over the reference); tickets up to `done` are in it. */
void fake_adopt(struct fake_courier *fake, struct view *view, uint64_t ticket_done);
/* The node's own view (takes over the reference). */
void fake_believes(struct fake_courier *fake, uint64_t node, struct view *view);
void fake_link(struct fake_courier *fake, uint64_t node, bool up);

/* What a node holds under the key: its siblings; `context`, unless NULL, gets the dots' actors. */
struct object fake_held(struct fake_courier *fake, uint64_t node, const char *key);
/* How many nodes hold this very value among the key's siblings. */
uint32_t fake_holders(struct fake_courier *fake, const char *key, const char *value);
/* The node merges an object of one value by a foreign actor. */
void fake_plant(struct fake_courier *fake, uint64_t node, const char *key, const char *value,
                uint64_t actor, uint64_t counter);

#endif
