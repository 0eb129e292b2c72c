/* The calls of one operation. See traced.h. */
#include "coordinate/traced.h"

#include "base/memory.h"
#include "coordinate/coordinator.h"

#include <stdio.h>

/* More calls of one operation than this aren't told. */
#define TRACED_CALLS_MAX 32u

/* This node's own disk, in the place of a node. */
#define NODE_READ 0u
#define NODE_CONFIRM UINT64_MAX

struct traced_call {
    uint64_t node;
    uint64_t span; /* 0: answered, and recorded */
    uint64_t begin_ns;
    const char *name;
};

struct traced {
    struct trace trace; /* span: that of the request */
    uint64_t key_hash;
    uint32_t partition;
    uint32_t count;
    struct traced_call calls[TRACED_CALLS_MAX];
};

void traced_begin(struct operation *operation)
{
    struct traced *traced = mem_alloc_zeroed(1, sizeof(*traced));
    if (traced == NULL) {
        return;
    }
    traced->trace = operation->request->trace;
    traced->partition = SPAN_NO_PARTITION;
    if (operation->key.key.len > 0) {
        traced->partition = operation->partition;
        traced->key_hash = operation->key.position;
    }
    operation->traced = traced;
}

static struct traced_call *traced_open(struct traced *traced, uint64_t node)
{
    for (uint32_t i = 0; i < traced->count; i++) {
        if (traced->calls[i].node == node && traced->calls[i].span != 0) {
            return &traced->calls[i];
        }
    }
    return NULL;
}

static struct traced_call *traced_add(struct operation *operation, uint64_t node, const char *name)
{
    struct traced *traced = operation->traced;
    struct spans *spans = operation->coordinator->spans;
    if (traced->count == TRACED_CALLS_MAX) {
        return NULL;
    }
    struct traced_call *call = &traced->calls[traced->count++];
    *call = (struct traced_call){
        .node = node, .span = spans_id(spans), .begin_ns = spans_now_ns(spans), .name = name};
    return call;
}

struct trace traced_call(struct operation *operation, uint64_t node, const char *name)
{
    struct traced *traced = operation->traced;
    struct trace trace = traced->trace;
    if (node == operation->coordinator->self) {
        return trace;
    }
    struct traced_call *call = traced_open(traced, node);
    if (call == NULL) {
        call = traced_add(operation, node, name);
    }
    if (call != NULL) {
        trace.span = call->span;
    }
    return trace;
}

static void traced_place(const struct operation *operation, uint64_t node, struct span *span)
{
    const struct courier *courier = &operation->coordinator->courier;
    (void)snprintf(span->node, sizeof(span->node), "%s", courier->name(courier->self, node));
    if (courier->address != NULL) {
        (void)snprintf(span->host, sizeof(span->host), "%s",
                       courier->address(courier->self, node, &span->port));
    }
}

static bool traced_is_own(const struct traced_call *call)
{
    return call->node == NODE_READ || call->node == NODE_CONFIRM;
}

static void traced_record(struct operation *operation, struct traced_call *call, int32_t code,
                          bool open)
{
    const struct traced *traced = operation->traced;
    struct spans *spans = operation->coordinator->spans;
    struct span span = {
        .id_high = traced->trace.id_high,
        .id_low = traced->trace.id_low,
        .id = call->span,
        .parent = traced->trace.span,
        .begin_ns = call->begin_ns,
        .end_ns = spans_now_ns(spans),
        .name = call->name,
        .kind = traced_is_own(call) ? SPAN_INTERNAL : SPAN_CLIENT,
        .code = code,
        .open = open,
        .partition = traced->partition,
        .key_hash = traced->key_hash,
    };
    if (!traced_is_own(call)) {
        traced_place(operation, call->node, &span);
    }
    spans_record(spans, &span);
    call->span = 0;
}

void traced_answer(struct operation *operation, uint64_t node, int32_t code)
{
    struct traced_call *call = traced_open(operation->traced, node);
    if (call != NULL) {
        traced_record(operation, call, code, false);
    }
}

void traced_wait(struct operation *operation, enum traced_wait what)
{
    bool read = what == TRACED_READ;
    (void)traced_add(operation, read ? NODE_READ : NODE_CONFIRM,
                     read ? "storage read" : "storage confirm");
}

void traced_waited(struct operation *operation, enum traced_wait what, int32_t code)
{
    traced_answer(operation, what == TRACED_READ ? NODE_READ : NODE_CONFIRM, code);
}

void traced_end(struct operation *operation)
{
    struct traced *traced = operation->traced;
    for (uint32_t i = 0; i < traced->count; i++) {
        if (traced->calls[i].span != 0) {
            traced_record(operation, &traced->calls[i], 0, true);
        }
    }
    mem_free(traced);
    operation->traced = NULL;
}
