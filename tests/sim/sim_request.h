/* A client's request: handed to a node's worker as the surfaces do it, completed by the core,
 * judged by the oracle, and then given back to whoever asked. A request whose node crashes has no
 * answer; what it asked for may or may not have happened. */
#ifndef SIM_REQUEST_H
#define SIM_REQUEST_H

#include "base/buffer.h"
#include "base/queue.h"
#include "coordinate/request.h"
#include "sim_oracle.h"

struct sim_world;
struct sim_node;
struct sim_request;

typedef void (*sim_request_completed)(struct sim_request *request);

struct sim_request {
    struct request request; /* the core's */
    struct queue link;
    struct sim_world *world;
    uint32_t node;
    uint64_t life;
    uint64_t submitted_us;
    uint64_t due_us; /* by when it must be complete, pauses apart */
    uint32_t write;  /* the oracle's id; 0 for others */
    uint32_t add;    /* the same of an addition */
    bool is_count;   /* a read of a counter, ... */
    uint64_t began;  /* ... which began then */
    bool is_read;
    struct sim_read read;
    uint8_t *memory; /* key, value and context; the names of a change */
    struct message_change change;

    sim_request_completed completed; /* may be NULL */
    void *user;

    /* The answer, once there is one. */
    bool done;
    bool orphaned; /* its node crashed first */
    int code;
    struct outcome outcome;              /* copied */
    struct buffer answer;                /* what the outcome's bytes point into */
    struct message_change_reply changed; /* without its rows */
    struct result_value *values;
    struct list_entry *entries;
};

struct sim_ask {
    uint32_t node;
    uint32_t worker;
    uint32_t op; /* enum request_op, REQUEST_LIST, REQUEST_JOIN, REQUEST_CHANGE */
    struct bytes key;
    struct bytes value;
    struct bytes context;
    uint32_t limit;
    uint64_t ttl_ms;
    uint64_t expiry_ms;
    int64_t delta;
    bool with_values;
    bool forged;                         /* the context must be refused */
    bool stage;                          /* join: without committing */
    const struct message_change *change; /* copied */
    struct request_options options;
    sim_request_completed completed;
    void *user;
};

/* Submits to a node that is up. The request belongs to the world and is valid until `completed` has
 * returned, or, without `completed`, until sim_request_release. */
struct sim_request *sim_request_submit(struct sim_world *world, const struct sim_ask *ask);

/* Judges and hands back what has been completed. */
void sim_request_settle(struct sim_world *world);

/* The node's process is about to end: whatever completes from now on is ignored; and it has ended:
 * what was in flight is handed back without an answer. */
void sim_request_orphan(struct sim_world *world, const struct sim_node *node);
void sim_request_abandon(struct sim_world *world);

/* Fails the run for requests that are overdue. */
void sim_request_check(struct sim_world *world);

void sim_request_release(struct sim_request *request);
void sim_request_free_all(struct sim_world *world);

#endif
