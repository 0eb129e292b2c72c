/* A worker: one thread's share of a node, and the whole of it that decides. Partition p belongs to
 * worker p mod count. Everything that happens comes in through the functions below, one event a
 * call, with the time; everything it does goes out through the ports and by completing requests.
 * Worker 0 also houses the steward, which decides membership and layout for the node.
 *
 * The world's part of the contract: calls for one worker never overlap nor nest (a port never calls
 * back into the worker from within a port call, and `done` of a request does not submit another:
 * it queues it for after the call); after each batch of calls it calls worker_flush, and
 * worker_tick and worker_flush no later than worker_next_us says. All events of the engine come
 * from within worker_flush and worker_offloaded. */
#ifndef NODE_WORKER_H
#define NODE_WORKER_H

#include <stdatomic.h>

#include "base/metrics.h"
#include "base/moment.h"
#include "coordinate/request.h"
#include "model/object.h"
#include "node/ports.h"
#include "node/snapshot.h"
#include "storage/engine.h"
#include "storage/offload.h"

/* What every request is told at a node that was removed by force. */
#define WORKER_REMOVED_TEXT                                                                        \
    "this node was removed from its cluster by force and serves nothing any more: ask another; "   \
    "to bring the machine back, start it with an empty data directory and join it anew"

struct worker;
struct sync_outcome;

/* What the node was configured with. Borrowed for the workers' life. */
struct node_config {
    char name[LIMIT_NAME_BYTES + 1];
    char zone[LIMIT_NAME_BYTES + 1];
    uint32_t weight;
    char cluster_name[LIMIT_NAME_BYTES + 1];
    uint32_t partitions;
    uint32_t n, r, w;
    bool sloppy;
    /* As told to others. Ports of 0 are not served. */
    char advertise_host[LIMIT_NAME_BYTES + 1];
    uint16_t client_port, peer_port, redis_port, http_port;
    /* Peer addresses. */
    struct {
        char host[LIMIT_NAME_BYTES + 1];
        uint16_t port;
    } * seeds;
    uint32_t seed_count;
    uint64_t heartbeat_interval_us;
    uint32_t heartbeat_fanout;
    double phi_threshold;
    uint64_t repair_interval_us; /* between comparisons with each peer; 0: none by itself */
    uint64_t request_timeout_us; /* default deadline of a request */
    uint64_t clock_ahead_ms_max;
    uint64_t key_bytes_max;
    uint64_t value_bytes_max;
    uint64_t memory_bytes_max; /* of the engines together; 0: none */
    uint64_t hints_bytes_max;  /* kept for other nodes, by all workers together; 0: nothing is */
    uint32_t transfers;        /* syncs that move data at a time, of all workers together */
    /* Requests that take longer get a line in the log. Any thread may change it; NULL or 0: none.
     */
    const atomic_uint_least64_t *slow_us;
    struct bytes secret;          /* from secret_file; empty: the founder makes one */
    struct bytes secret_previous; /* accepted too; empty: what the node's record remembers */
};

struct worker_options {
    uint32_t index;
    uint32_t count;
    const struct node_config *config;
    struct ports ports;
    struct engine *engine;   /* owned by the worker from success on */
    struct metrics *metrics; /* borrowed; shard = index */
    struct spans *spans;     /* borrowed: where traced requests are recorded; NULL: nowhere */
    /* The lanes of the live feed that this worker keeps: its own first, then, for workers of before
     * that there are no more, those of index + count, index + 2 count, ... of which any may be
     * NULL. Borrowed. None: no feed. */
    struct tail *const *tails;
    uint32_t tail_count;
    uint32_t lanes; /* of the node, those of before included */
    uint64_t random_seed;
    /* Worker 0: the record last given to ports.keep, empty on the very first start. Borrowed for
     * the call. A damaged one, or one of another cluster name, is refused (SHOAL_EPROTO,
     * SHOAL_EINVAL). */
    struct bytes kept;
    struct moment now;
};

/* Declares the core's metrics; once, before the workers. */
int worker_declare_metrics(struct metrics *metrics);

int worker_new(const struct worker_options *options, struct worker **out);
void worker_free(struct worker *worker);

/* Begins: founds, joins or resumes the cluster. Once, for each worker, after all are made. */
void worker_start(struct worker *worker, struct moment now);

/* A request from a surface served by this worker. */
void worker_submit(struct worker *worker, struct moment now, struct request *request);

/* A peer's hello, when it connects here or answers there: 0, or SHOAL_ECLUSTER / SHOAL_EVERSION and
 * a text (static or in `text`) for the log and the other side. */
int worker_check_hello(struct worker *worker, const struct message_hello *hello, char text[256]);

/* A validated request frame's payload from a peer's connection that this worker serves. */
void worker_frame(struct worker *worker, struct moment now, struct source source,
                  struct bytes payload);

/* A validated answer frame's payload from this worker's link to the node. */
void worker_answer(struct worker *worker, struct moment now, uint64_t node, struct bytes payload);

/* This worker's link to the node came up (hellos exchanged) or went down. */
void worker_link(struct worker *worker, struct moment now, uint64_t node, bool up);

/* Somebody who is not the node, or not of its cluster, answers at the node's address. */
void worker_stranger(struct worker *worker, struct moment now, uint64_t node);

/* As announced in ports.h. 0 and the answer's payload; CONTACT_SELF or a negative code, and a text
 * for people that says why, which may be empty. */
void worker_contacted(struct worker *worker, struct moment now, uint64_t ticket, int code,
                      struct bytes payload);
void worker_letter(struct worker *worker, struct moment now, struct letter *letter);
void worker_kept(struct worker *worker, struct moment now, uint64_t sequence, int code);

/* A job that the worker's engine gave to the offload port has come back: calls its `done`. */
void worker_offloaded(struct worker *worker, struct moment now, struct offload_job *job,
                      bool dropped);

uint64_t worker_next_us(const struct worker *worker); /* mono_us; TIMERS_NEVER */
void worker_tick(struct worker *worker, struct moment now);
void worker_flush(struct worker *worker, struct moment now);

/* Graceful stop: new requests are refused, those in flight are finished, peers are told (worker 0),
 * holdings are recorded and all is made durable. Done when worker_idle says so, or when the world
 * loses patience. */
void worker_stop(struct worker *worker, struct moment now);
bool worker_idle(const struct worker *worker);

/* True when it has stopped with everything recorded and durable: if that holds for all workers of
 * a node, its engines may tell the next run that this one ended cleanly. Never for engines that
 * keep nothing. */
bool worker_clean(const struct worker *worker);

/* The adopted snapshot (borrowed until the next call); NULL until the node is in a cluster. For the
 * surfaces' status and ring answers, and for hellos. */
const struct snapshot *worker_snapshot(const struct worker *worker);
/* Worker 0 knows its node's id from birth, the others once the node is in a cluster; 0 until then.
 */
uint64_t worker_node_id(const struct worker *worker);
uint64_t worker_cluster_id(const struct worker *worker); /* 0 until in one; for hellos */
const struct node_config *worker_config(const struct worker *worker);
bool worker_stopping(const struct worker *worker);

/* Frees a letter that will not be delivered, because its worker is gone. Requests stay their
 * surface's. */
void letter_free(struct letter *letter);

/* For the simulator, after every event: asserts the invariants of everything inside. */
void worker_check(const struct worker *worker);

/* Watches the core from outside: what the simulator's oracle needs and requests can't tell. All
 * optional; NULL in production. */
struct worker_observer {
    void *self;
    /* A dot was issued for the key; the write replaces what `seen` covers. */
    void (*issued)(void *self, uint64_t node, struct bytes key, struct dot dot,
                   struct version_vector seen);
    /* A dot was issued for a tombstone in the place of this one sibling, which has expired. */
    void (*expired)(void *self, uint64_t node, struct bytes key, struct dot dot,
                    struct dot replaced);
    /* A tombstone was dropped. */
    void (*dropped)(void *self, uint64_t node, struct bytes key, struct dot dot);
    /* A holding began: refilling or complete. */
    void (*holding)(void *self, uint64_t node, uint32_t partition, uint64_t actor, bool refilling);
    /* A sync has come to its end. */
    void (*synced)(void *self, uint64_t node, const struct sync_outcome *outcome);
};
void worker_observe(struct worker *worker, const struct worker_observer *observer);

/* The object held here, for comparing replicas: 0, SHOAL_ENOTFOUND, 1 (it must be read from the
 * disk first: ask again later), ... `out` lives in the arena. */
int worker_peek(struct worker *worker, struct arena *arena, struct bytes key, struct object *out);

/* How many objects this worker keeps for other nodes. */
uint64_t worker_hints(const struct worker *worker);

#endif
