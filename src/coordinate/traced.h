/* What a traced operation asked of whom, as spans: a client span for every node that it sent a
 * FORWARD, STORE or FETCH to, whose id goes along as the parent of that node's own span; and one
 * for every wait for this node's own disk. An operation that isn't traced has none of it, and costs
 * a look at a pointer. */
#ifndef COORDINATE_TRACED_H
#define COORDINATE_TRACED_H

#include "base/spans.h"
#include "coordinate/operation.h"

/* For a request that is traced; nothing happens without memory. */
void traced_begin(struct operation *operation);

/* The operation is about to send this ("STORE") to the node: the trace to send along. What was
 * sent there before and not answered is the same call still. */
struct trace traced_call(struct operation *operation, uint64_t node, const char *name);

/* The node has answered. */
void traced_answer(struct operation *operation, uint64_t node, int32_t code);

/* A wait for this node's own disk begins, or is over. */
enum traced_wait { TRACED_READ, TRACED_CONFIRM };
void traced_wait(struct operation *operation, enum traced_wait what);
void traced_waited(struct operation *operation, enum traced_wait what, int32_t code);

/* What is open yet is recorded as such. */
void traced_end(struct operation *operation);

/* The trace to send along to a node by any operation. */
static inline struct trace operation_trace(struct operation *operation, uint64_t node,
                                           const char *name)
{
    if (operation->traced != NULL) {
        return traced_call(operation, node, name);
    }
    return operation->request == NULL ? (struct trace){0} : operation->request->trace;
}

#endif
