/* A request as the surfaces (native, Redis, HTTP) hand it to the core, and its outcome. The same
 * struct crosses to the worker that owns the key's partition and comes back; it completes exactly
 * once, by `done`, on the thread of the worker it was submitted to, possibly before the submitting
 * call returns. */
#ifndef COORDINATE_REQUEST_H
#define COORDINATE_REQUEST_H

#include "base/bytes.h"
#include "base/letter.h"
#include "base/trace.h"
#include "wire/messages.h"

/* Beyond enum request_op of the wire. */
enum {
    REQUEST_LIST = 16,
    REQUEST_JOIN = 17, /* key is the host, port in `limit` */
    /* key is the folder that every worker's engine puts its copies into; from the node itself, on
     * worker 0 only. */
    REQUEST_BACKUP = 18,
    REQUEST_VERIFY = 19, /* with_values; the outcome is its `verification` */
    REQUEST_REPAIR = 20, /* of `needed` nodes `owners` begin now; the text says who doesn't */
    REQUEST_CHANGE = 21, /* `change`; the outcome is its `changed` */
};

/* Where a request came in. */
enum request_surface {
    SURFACE_NONE = 0, /* the node itself */
    SURFACE_NATIVE = 1,
    SURFACE_REDIS = 2,
    SURFACE_HTTP = 3,
    SURFACE_PEER = 4, /* passed on by another node */
};

/* "native", "redis", "http", "peer"; "node" for the node itself. */
const char *request_surface_text(uint32_t surface);

/* What a request waited for last, for the slow log and traces. */
enum request_wait {
    WAIT_NOTHING = 0,
    WAIT_DISK = 1,    /* this node's own */
    WAIT_PEER = 2,    /* the answer of a node */
    WAIT_FORWARD = 3, /* the answer of the node that it was passed on to */
    WAIT_SILENCE = 4, /* answers that did not come */
    WAIT_VIEW = 5,    /* a change of the layout, or of who is reached */
    WAIT_QUEUE = 6,   /* its turn */
};

const char *request_wait_text(uint32_t wait);

/* Does it change what its key holds? */
static inline bool request_writes(uint32_t op)
{
    return op == REQUEST_PUT || op == REQUEST_DELETE || op == REQUEST_ADD || op == REQUEST_EXPIRE;
}

/* Does what it writes depend on what it replaces? */
static inline bool request_amends(uint32_t op)
{
    return op == REQUEST_ADD || op == REQUEST_EXPIRE;
}

/* Borrowed for the duration of `done`. */
struct outcome {
    int code;          /* 0, or an enum shoal_error; SHOAL_ENOTFOUND for a get of a missing key (the
                          context is there all the same when the key was deleted) */
    struct bytes text; /* on failure: what was asked, what was reached, what to do */
    struct bytes context;              /* token, for get, put and delete; data NULL is none */
    const struct result_value *values; /* get: live siblings, winner first */
    uint32_t value_count;
    uint32_t owners; /* that confirmed or answered */
    uint32_t fallbacks;
    uint32_t needed;
    int64_t number; /* add: the counter's value after it; expire: the expiry before it */
    const struct list_entry *entries; /* list */
    uint32_t entry_count;
    struct bytes after; /* list: where to go on; data NULL at the end */
    const struct message_verify_reply *verification; /* without id */
    const struct message_change_reply *changed;      /* without id */
};

/* The outcome as the wire's answer to request `id`; borrows from it. A failure without a text of
 * its own gets its code's. */
void outcome_to_result(const struct outcome *outcome, uint64_t id, struct message_result *out);

struct request;
typedef void (*request_done)(struct request *request, const struct outcome *outcome);

struct request {
    /* Set by the surface. Bytes are borrowed until `done` is called. */
    uint32_t op;      /* enum request_op, or one of the above */
    struct bytes key; /* list: the prefix */
    struct bytes value;
    struct bytes context; /* token; list: the cursor; data NULL is none */
    uint64_t ttl_ms;
    uint64_t expiry_ms; /* wall time; put: instead of ttl_ms; expire: 0 takes it away */
    int64_t delta;      /* add */
    uint32_t limit;
    bool with_values;
    bool forwarded; /* has made its one hop: coordinate here or refuse */
    struct request_options options;
    bool stage;                          /* join: without committing */
    const struct message_change *change; /* change */
    struct trace trace;                  /* all zero: nobody asked for one */
    uint32_t surface;                    /* enum request_surface */
    request_done done;
    void *user;

    /* Private to the core from submission to completion. */
    struct letter letter;
    uint32_t origin; /* worker index */
    uint32_t partition;
    bool forward; /* decided once, where it came in: another node is to coordinate it */
    uint64_t deadline_us;
    uint64_t since_us;    /* when it came in, */
    uint64_t begun_us;    /* ... was begun on the worker that carried it out, */
    uint64_t ended_us;    /* ... and had ended there */
    uint32_t waited;      /* enum request_wait */
    uint64_t waited_node; /* WAIT_PEER, WAIT_FORWARD */
    uint64_t span;        /* its own, where it is traced; else 0 */
    uint64_t parent_span;
    uint64_t begin_ns;      /* of the span */
    struct outcome outcome; /* on its way back from another worker, with its memory */
    void *outcome_memory;
};

#endif
