/* A simulated machine and the node's process on it: the real workers of src/node, driven one event
 * at a time with virtual time, through a set of ports per worker. What is to happen to a worker
 * travels as an *item* with a due time; items of a process that has ended are dropped, items of a
 * paused one are held and delivered all at once when it resumes. */
#ifndef SIM_NODE_H
#define SIM_NODE_H

#include "base/buffer.h"
#include "base/queue.h"
#include "base/timers.h"
#include "node/worker.h"
#include "sim_clock.h"
#include "sim_feed.h"
#include "sim_offload.h"
#include "sim_options.h"
#include "sim_store.h"
#include "sim_tap.h"

struct sim_world;
struct sim_node;
struct sim_request;

enum sim_item_kind {
    SIM_ITEM_FRAME = 1,
    SIM_ITEM_ANSWER,
    SIM_ITEM_LINK,
    SIM_ITEM_CONTACTED,
    SIM_ITEM_LETTER,
    SIM_ITEM_KEPT,
    SIM_ITEM_SUBMIT,
};

/* One thing that is to happen to a worker. Owned by whoever holds it until it is handed over. */
struct sim_item {
    struct timer timer;
    struct queue link; /* in the world's list of items on their way, or the node's of held ones */
    struct sim_world *world;
    uint32_t node;
    uint32_t worker;
    uint64_t life; /* of the process it is meant for */
    enum sim_item_kind kind;
    uint64_t number;      /* answer, link: node id; contacted: ticket; kept: sequence */
    int code;             /* contacted, kept; link: up or not */
    struct source source; /* frame */
    struct letter *letter;
    struct sim_request *request;
    size_t len;
    uint8_t bytes[];
};

struct sim_worker {
    struct worker *core;   /* NULL while the process is down */
    struct engine *engine; /* the core's */
    struct sim_tap tap;
    struct sim_offload offload;
    struct worker_observer observer;
    struct timer tick;
    struct timer flush;
    struct sim_node *node;
    uint32_t index;
    uint64_t seen; /* the digest of the view it went by when last looked at */
    uint64_t letter_due_us[SIM_WORKERS_MAX]; /* of the last letter from each worker: keeps order */
};

enum sim_node_state { SIM_DOWN, SIM_UP, SIM_STOPPING };

struct sim_node {
    struct sim_world *world;
    uint32_t index;
    enum sim_node_state state;
    bool paused;
    uint64_t life; /* process starts so far */
    uint64_t id;   /* the core's; 0 before it is known */
    struct node_config config;
    struct metrics *metrics;
    struct sim_clock clock;
    struct sim_store store;
    struct sim_feed feed;
    struct sim_worker workers[SIM_WORKERS_MAX];
    uint32_t worker_count;
    struct buffer kept;   /* the record that is durable */
    struct queue keeping; /* of struct keep, in order: on its way to be durable */
    uint64_t keep_due_us; /* of the last of them */
    struct queue held;    /* items that came while paused */
    uint64_t resumed_us;  /* when it last was paused, or started */
    bool lost;            /* it forgot what it had confirmed and is not known to be refilled */
    /* Of membership: see sim_members, sim_changes. */
    bool buried;    /* it never comes back; but perhaps once it has been removed */
    bool condemned; /* it may be removed by force, so that what it holds counts as lost */
    bool removed;   /* by force: some node knows */
    uint64_t removed_known_us; /* since when it knows itself; 0: not yet */
    uint64_t *actors;          /* of its holdings, by partition, the last it showed; 0: none yet */
    /* Holdings that began anew in this process, and how many of those are to be refilled. */
    uint64_t holdings_begun, holdings_refilling;
    struct timer stop_patience;
    struct timer doom;
    char why[512]; /* it does not start */
};

int sim_node_init(struct sim_node *node, struct sim_world *world, uint32_t index);
void sim_node_deinit(struct sim_node *node);

/* Starts the process: 0, 1 when it was doomed and has ended already, or a negative code, and the
 * words for it in node->why: nothing runs. */
int sim_node_start(struct sim_node *node);

/* Ends it without goodbye: killed, or the machine loses power. */
void sim_node_crash(struct sim_node *node, enum sim_exit how);
/* The same, in the middle of something: when the disk has made a few more changes, or soon. */
void sim_node_doom(struct sim_node *node, enum sim_exit how);
/* It is doomed no longer. */
void sim_node_spare(struct sim_node *node);
/* Ends it too, and everything on the disk but the node's record is gone. */
void sim_node_lose_disk(struct sim_node *node);
/* Ends it too, and an older copy takes the place of the disk; false when there is none. */
bool sim_node_restore(struct sim_node *node);

/* The machine is set up anew: it is a node that nobody knows, and has no seeds. The process is
 * down. Who is on its way in by its seeds still asks this one too (sim_members_seeking). */
void sim_node_renew(struct sim_node *node);

/* SIGTERM: finishes what is in flight, says goodbye; the process ends when idle or after patience.
 */
void sim_node_stop(struct sim_node *node);

void sim_node_pause(struct sim_node *node);
void sim_node_resume(struct sim_node *node);

/* A new item for a worker of the running process; NULL payload data is none. */
struct sim_item *sim_item_new(struct sim_node *node, uint32_t worker, enum sim_item_kind kind,
                              struct bytes payload);
/* Hands it over at that time, or now. Takes the item. */
void sim_item_at(struct sim_item *item, uint64_t at_us);
void sim_item_now(struct sim_item *item);

/* The worker that serves a key's partition. */
struct sim_worker *sim_node_worker_of(struct sim_node *node, struct bytes key);

/* How many objects it keeps for other nodes; 0 while it is down. */
uint64_t sim_node_hints(const struct sim_node *node);

/* Running, in a cluster, all its holdings complete, one live layout, nothing due, nothing owed to
 * anybody; a member, or one that has left. */
bool sim_node_settled(const struct sim_node *node);

/* The snapshot that worker 0 has adopted; NULL when down or in no cluster. */
const struct snapshot *sim_node_snapshot(const struct sim_node *node);

/* After every call into the worker: flushes it now or soon, checks it, lets the oracle look. */
void sim_node_after_event(struct sim_worker *worker);

/* After a job has run: the node may be doomed. */
void sim_node_after_job(struct sim_node *node);

/* ---- between sim_node.c and sim_life.c ---- */

void sim_life_init(struct sim_node *node);
/* A stopping process has become idle. */
void sim_life_stopped(struct sim_node *node);
/* After an event, in which the disk may have stopped. */
void sim_life_look(struct sim_node *node);
/* Whatever runs ends. */
void sim_life_end(struct sim_node *node);

/* Gives an item back that is not to be handed over. */
void sim_item_free(struct sim_item *item);

#endif
