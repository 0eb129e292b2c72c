/* What is told of requests besides their answers: those that took long (the slow log) and those
 * that failed by no fault of their client get a line, traced ones a span (docs/tracing.md). The
 * same for what peers ask of this node's holdings, so that one id can be followed through the logs
 * of all nodes. What is fast and done costs a comparison; the time is that of the event. */
#ifndef NODE_ACCOUNT_H
#define NODE_ACCOUNT_H

#include "base/seldom.h"
#include "coordinate/request.h"

struct worker;
struct unit;

/* A worker's. */
struct account {
    struct seldom slow, failed, served;
};

/* A request that came in here, by a surface or from a peer; and its end, before `done`. */
void account_begin(struct worker *worker, struct request *request);
void account_done(struct worker *worker, struct request *request, const struct outcome *outcome);

/* The same of a unit. */
void account_unit_begin(struct worker *worker, struct unit *unit);
void account_unit_done(struct worker *worker, struct unit *unit, int code);

/* What a peer asks of this node, from the frame's arrival to the answer. */
struct served {
    struct trace trace;
    uint64_t since_us;
    uint64_t begin_ns; /* 0: not traced */
    const char *op;    /* "STORE" */
    struct bytes key;  /* borrowed */
    uint32_t partition;
    bool waited; /* for the disk */
};

/* Of the frame that is being dispatched. */
struct served account_serve(struct worker *worker, const char *op, const struct trace *trace,
                            uint32_t partition, struct bytes key);
void account_served(struct worker *worker, const struct served *served, int code);

#endif
