/* The inside of a worker, shared by the files of this layer. Each file handles one side of it:
 *
 *      worker.c   the entry points
 *      worker_request.c, worker_frame.c, worker_repair_frame.c, worker_post.c
 *                 what goes to which part and to which worker, and what is sent
 *      account.c  the slow log, failures, and spans of what is traced
 *      adopt.c    taking up a snapshot: holdings begin, fills are planned, requests judged anew
 *      unit*.c    units of work over keys on a node that is alone: unit_inside.h
 *      serve.c    what peers ask of this node's holdings: store, fetch, scan
 *      serve_sync.c
 *                 ... and to make theirs the same
 *      worker_closing.c
 *                 closing actors that have ended, and what peers who do so ask
 *      worker_repair.c
 *                 syncs, fills and rounds; comparing for the whole node
 *      worker_release.c
 *                 letting go of partitions, and taking what others let go
 *      serve_hint.c
 *                 stores for owners that are away
 *      expiry.c   removing what has expired
 *      feed_lane.c, feed_serve.c, unit_told.c
 *                 the changes that this worker has coordinated, for the live feed
 *      feed_hub*.c, feed_work.h
 *                 the feed of all nodes, followed (worker 0), and read (every worker)
 *      parking.c  peers' frames that wait for this node's disk
 *      inbound.c  requests that other nodes pass on
 *      worker_stop.c, worker_backup.c
 *                 the last records of a clean stop; copies of what is on disk
 *      verify.c, repair_now.c
 *                 what operators ask of all nodes: do they agree, and to see to it now
 *      steward.c  (worker 0) membership and layout
 */
#ifndef NODE_CORE_H
#define NODE_CORE_H

#include "coordinate/coordinator.h"
#include "member/reach.h"
#include "node/account.h"
#include "node/feed_lane.h"
#include "node/letters.h"
#include "node/parking.h"
#include "node/unit_inside.h"
#include "node/worker.h"
#include "repair/anti_entropy.h"
#include "repair/closing.h"
#include "repair/filler.h"
#include "repair/hint_delivery.h"
#include "repair/release.h"
#include "repair/rounds.h"
#include "repair/taking.h"
#include "replica/replica.h"

struct feed_hub;
struct feed_work;
struct steward;

/* Request ids tell whose answer it is: coordinator below 2^62, syncs from there, then
 * the delivery of hints, the steward above. */
#define SYNC_ID_FIRST COORDINATOR_ID_LIMIT
#define HINT_ID_FIRST (COORDINATOR_ID_LIMIT + COORDINATOR_ID_LIMIT / 2)
#define CLOSING_ID_FIRST (COORDINATOR_ID_LIMIT + COORDINATOR_ID_LIMIT / 4 * 3)
#define RELEASE_ID_FIRST (COORDINATOR_ID_LIMIT + COORDINATOR_ID_LIMIT / 8 * 7)
#define VERIFY_ID_FIRST (COORDINATOR_ID_LIMIT + COORDINATOR_ID_LIMIT / 4)
#define STEWARD_ID_FIRST (COORDINATOR_ID_LIMIT * 2)
#define FEED_HUB_ID_FIRST (COORDINATOR_ID_LIMIT * 3)
#define FEED_READER_ID_FIRST (COORDINATOR_ID_LIMIT / 2 * 7)

#define LEARNED_VIEWS 8u

struct worker_metrics {
    struct metrics *registry; /* NULL: don't count */
    metric_id keys, bytes, memory_bytes, disk_bytes, waiting, full, failed;
    metric_id hints_owed, hints_bytes, hints_stored, hints_delivered, hints_refused;
    metric_id comparisons, syncs, sync_failures, sync_objects, sync_bytes, sync_repairs;
    metric_id tombstones, actors_closed, closing_questions;
    metric_id releasing, released, release_questions;
    metric_id feed_events, feed_bytes, feed_failed;
    metric_id segments, compactions, compaction_bytes, tombstones_held, partitions_held;
    metric_id gossip_rounds, gossip_sent_bytes, gossip_received_bytes, suspicions;
    metric_id slow;
    struct worker_counted {
        uint64_t stored, delivered, refused; /* hints */
        uint64_t comparisons, syncs, sync_failures, sync_objects, sync_bytes, sync_repairs;
        uint64_t tombstones, actors_closed, closing_questions;
        uint64_t released, release_questions;
        uint64_t feed_events;
        uint64_t compactions, compaction_bytes;
        uint64_t gossip_rounds, gossip_sent_bytes, gossip_received_bytes, suspicions;
    } counted; /* so far */
};

struct worker {
    uint32_t index;
    uint32_t count;
    const struct node_config *config;
    struct ports ports;
    struct engine *engine;
    struct metrics *metrics;
    struct worker_metrics own_metrics;
    struct spans *spans; /* borrowed; NULL: nothing is traced */
    struct account account;
    struct moment now;
    struct random random;
    struct arena arena;
    struct timers timers;
    struct buffer frame; /* scratch of what is sent to nodes */
    struct buffer reply; /* scratch of answers */
    struct replica replica;
    uint64_t upkeep_us; /* when the replica has something to do by itself */
    struct reach reach;
    struct coordinator coordinator;
    struct pace pace;
    struct syncs syncs;
    struct transfers transfers;
    struct filler filler;
    struct release release; /* what this node owns no more */
    struct taking taking;   /* what others own no more */
    struct rounds rounds;
    struct anti_entropy anti_entropy; /* worker 0 only */
    struct closing closing;
    struct ended ended; /* what this node takes no more writes from */
    struct hints hints;
    struct hint_delivery delivery;
    struct snapshot *snapshot; /* adopted; NULL before the node is in a cluster */
    struct steward *steward;   /* worker 0 only */
    uint32_t serving;          /* depth of event handling: calls never nest */
    uint64_t ops;              /* requests on keys and units taken from surfaces, so far */

    /* For each partition of this worker (p / count): the layout it was last synced for. */
    struct content_hash *synced;
    uint32_t synced_count;
    struct content_hash reported; /* the last layout reported to the steward as synced */
    bool holdings_missing;        /* some could not be begun: the next snapshot tries again */
    bool fills_wanted;            /* a holding has begun anew in this event */
    bool released;                /* a partition was let go in this event */
    uint32_t storage_told;        /* enum node_storage, as the steward was told last */

    /* Views handed to the steward of late, so that one isn't sent again for every answer. */
    uint64_t learned[LEARNED_VIEWS];
    uint64_t learned_ticket[LEARNED_VIEWS];
    uint32_t learned_next;
    uint64_t ticket;

    struct units units;
    struct feed_lane lane; /* of the live feed */
    struct feed_hub *hub;  /* worker 0 only */
    struct feed_work *feed;

    struct queue inbound; /* forwarded requests being executed */
    uint32_t inbound_count;
    struct queue confirms; /* stores whose durability is awaited */
    uint32_t confirm_count;
    struct parking parking;        /* peers' frames that wait for the disk */
    struct queue backups;          /* requested here */
    struct queue backup_parts;     /* of any, under way at this worker's engine */
    struct queue verifies;         /* requested here */
    struct queue verify_parts;     /* of any, this worker's share */
    struct table verify_questions; /* id -> struct verify_task */
    uint64_t verify_next_id;
    struct queue repairs; /* worker 0: requests that members are being told of */

    bool stopping;
    bool parting; /* the last records are put: no dot is given any more */
    int part_code;
    uint32_t crossing; /* own requests that are at other workers */
    struct worker_observer observer;
};

/* Does anybody have to wait for units now? */
static inline bool unit_gate_shut(const struct worker *worker)
{
    return worker->units.closed || worker->units.locks.held > 0;
}

static inline uint32_t worker_of_partition(const struct worker *worker, uint32_t partition)
{
    return partition % worker->count;
}

/* When a request that arrives now and asks for this time (0: the default) is late. */
static inline uint64_t worker_deadline_us(const struct worker *worker, uint64_t timeout_us)
{
    uint64_t now_us = worker->now.mono_us;
    uint64_t wait_us = timeout_us == 0 ? worker->config->request_timeout_us : timeout_us;
    return wait_us < UINT64_MAX - now_us ? now_us + wait_us : UINT64_MAX - 1;
}

/* worker.c: every entry point begins with the one and ends with the other. */
void worker_enter(struct worker *worker, struct moment now);
void worker_leave(struct worker *worker);

/* worker_post.c */
int worker_send(void *self, uint64_t node, struct bytes frame);
void worker_reply(struct worker *worker, struct source source, struct bytes frame);
void worker_post(struct worker *worker, uint32_t to, struct letter *letter, uint32_t kind);
int worker_post_frame(struct worker *worker, uint32_t to, uint32_t kind, struct source source,
                      struct bytes bytes);
const char *worker_node_name(void *self, uint64_t node);
const char *worker_node_address(void *self, uint64_t node, uint16_t *port);

bool worker_clock_ahead(void *self, uint64_t node);
uint32_t worker_storage(void *self, uint64_t node);
/* The same of this worker's engine alone. */
uint32_t worker_own_storage(const struct worker *worker);
uint64_t worker_learn(void *self, uint64_t view_digest, struct bytes view);

/* unit_gate.c */
/* As a courier's `locked`. */
bool worker_key_locked(void *self, const struct engine_key *key);

/* worker_metrics.c */
void worker_find_metrics(struct worker *worker);
/* Sets the gauges of what the engine holds. */
void worker_measure(struct worker *worker);

/* worker_stop.c: once a loop turn. */
void worker_part(struct worker *worker);

/* worker_repair.c */
void worker_repair_init(struct worker *worker);
void worker_repair_deinit(struct worker *worker);
void worker_repair_enter(struct worker *worker);
void worker_repair_adopt(struct worker *worker);
void worker_repair_link(struct worker *worker, uint64_t node, bool up);
void worker_repair_stop(struct worker *worker);
/* Takes the letter if it is about repair. */
bool worker_letter_repair(struct worker *worker, struct letter *letter);
/* A sync has come to its end. */
void worker_on_sync(void *self, const struct sync_outcome *outcome);
void serve_compare(struct worker *worker, struct source source, const struct message_compare *ask);

/* worker_backup.c */
void worker_backup(struct worker *worker, struct request *request);
void worker_backup_part(struct worker *worker, struct letter_backup *letter);
void worker_backup_done(struct worker *worker, struct letter_backup *letter);
void worker_backup_close(struct worker *worker);

/* verify.c, verify_part.c */
struct letter_verify;
void worker_verify(struct worker *worker, struct request *request);
void worker_verify_done(struct worker *worker, struct letter_verify *letter);
void worker_verify_part(struct worker *worker, struct letter_verify *letter);
void worker_verify_close(struct worker *worker);
void verify_parts_stop(struct worker *worker);
void verify_parts_close(struct worker *worker);
/* An answer with an id from VERIFY_ID_FIRST on. */
void verify_take_answer(struct worker *worker, uint64_t node, uint32_t kind, struct bytes payload);

/* repair_now.c */
void repair_now(struct worker *worker, struct request *request);
void repair_now_stop(struct worker *worker);
void repair_now_close(struct worker *worker);
void repair_now_take_answer(struct worker *worker, uint64_t node, struct bytes payload);
void serve_repair(struct worker *worker, struct source source, struct bytes payload);

/* worker_request.c */
void worker_take_request(struct worker *worker, struct request *request);
void worker_execute(struct worker *worker, struct request *request);
void worker_complete(struct worker *worker, struct request *request, const struct outcome *outcome);
void worker_on_complete(void *self, struct request *request, const struct outcome *outcome);
void worker_on_done(struct worker *worker, struct request *request);
void worker_reroute(void *self, struct request *request);

/* worker_frame.c: the code, if any, is why what the frame waited for can't be read. */
void worker_dispatch(struct worker *worker, struct source source, struct bytes payload, int code);
void worker_take_answer(struct worker *worker, uint64_t node, struct bytes payload);

/* feed_letter.c */
/* Takes the letter if it is about the feed. */
bool worker_letter_feed(struct worker *worker, struct letter *letter);
void worker_take_fed(struct worker *worker, uint64_t node, struct bytes payload);
/* Frees what such a letter that is not delivered carries. */
void feed_letter_free(struct letter *letter);

/* worker_closing.c */
void worker_closing_init(struct worker *worker);
void worker_closing_deinit(struct worker *worker);
void worker_closing_adopt(struct worker *worker);
/* Would this node be asked before an actor is closed, unless it has been removed? */
bool worker_closing_asks(const struct worker *worker, uint64_t node);
/* For another cluster. */
void worker_closing_forget(struct worker *worker);
void serve_ended(struct worker *worker, struct source source, const struct message_ended *ask);

/* worker_release.c */
void worker_release_init(struct worker *worker);
void worker_release_deinit(struct worker *worker);
/* Of every partition that is here and not owned: to be let go. */
void worker_release_want(struct worker *worker, uint32_t partition);
/* How many are still here that the newest layout has elsewhere. */
uint32_t worker_releasing(const struct worker *worker);
/* Says so when the last one was let go. */
void worker_release_leave(struct worker *worker);
void serve_release(struct worker *worker, struct source source, const struct message_release *ask);

/* worker_repair_frame.c: what is not of repair is passed over. */
void worker_repair_frame(struct worker *worker, struct source source, uint32_t kind,
                         struct bytes payload, int code);
void worker_repair_answer(struct worker *worker, uint64_t node, uint32_t kind,
                          struct bytes payload);

/* adopt.c: takes over the reference. */
void worker_adopt(struct worker *worker, struct snapshot *snapshot);
void worker_on_refilled(void *self, uint32_t partition);
void worker_on_synced(void *self, uint32_t partition, const struct content_hash *target);
void worker_on_began(void *self, const struct holding *holding);
void worker_review_fills(struct worker *worker);
/* Tells the steward where this worker stands. */
void worker_tell(struct worker *worker, uint32_t kind);
void worker_tally_take(const struct worker *worker, struct worker_tally *out);

/* expiry.c: a sibling has expired; false when it is not for this node, or not now, to remove it. */
bool worker_on_expired(void *self, struct holding *holding, const struct engine_key *key,
                       const struct object *held, struct dot dot);

/* serve.c, serve_scan.c: with a code, the answer is that refusal. A frame that is found pending is
 * parked. */
void serve_store(struct worker *worker, struct source source, const struct message_store *store,
                 int code);
/* The holding's clock as it is at this moment, encoded, in the arena. 0 or SHOAL_ENOMEM. */
int serve_clock(struct worker *worker, const struct holding *holding, struct bytes *out);
void serve_fetch(struct worker *worker, struct source source, const struct message_fetch *fetch,
                 int code);
void serve_scan(struct worker *worker, struct source source, const struct message_scan *scan,
                int code);
/* serve_hint.c: is the store one to be kept for others? Then the outcome of keeping it, as of
 * replica_store. */
bool serve_is_hint(const struct worker *worker, const struct message_store *store);
int serve_hint(struct worker *worker, const struct message_store *store);
/* serve_sync.c */
void serve_sync_root(struct worker *worker, struct source source,
                     const struct message_sync_root *ask);
void serve_sync_nodes(struct worker *worker, struct source source,
                      const struct message_sync_nodes *ask);
void serve_sync_leaves(struct worker *worker, struct source source,
                       const struct message_sync_leaves *ask, int code);
void serve_sync_fetch(struct worker *worker, struct source source,
                      const struct message_sync_fetch *ask, int code);
bool serve_owns(const struct worker *worker, uint32_t partition);
/* Is it held here, owned or to be let go? */
bool serve_holds(const struct worker *worker, uint32_t partition);
/* The whole view for one whose digest differs; data NULL when it doesn't. Lives in the arena. */
struct bytes serve_view(struct worker *worker, uint64_t asked_digest);
void serve_close(struct worker *worker);

/* inbound.c */
void inbound_forward(struct worker *worker, struct source source,
                     const struct message_forward *forward);
void inbound_close(struct worker *worker);

#endif
