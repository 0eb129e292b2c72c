/* The coordinator of one worker: carries out puts, gets, deletes and lists over the owners of a
 * key, as Dynamo does (DeCandia et al., 2007, section 4.5), and passes on what another node should
 * coordinate. It decides; whom it may talk to, and how views are joined, its `courier` does. */
#ifndef COORDINATE_COORDINATOR_H
#define COORDINATE_COORDINATOR_H

#include "base/metrics.h"
#include "base/moment.h"
#include "base/queue.h"
#include "base/spans.h"
#include "base/table.h"
#include "base/timers.h"
#include "coordinate/operation.h"
#include "coordinate/request.h"
#include "member/reach.h"
#include "model/token.h"

/* No join was begun. */
#define COURIER_NO_TICKET UINT64_MAX

/* What a write has made of its key: a value (REQUEST_PUT), which is left out where it is not at
 * hand, or nothing (REQUEST_DELETE). Borrowed. */
struct change_told {
    uint32_t op;
    struct bytes key;
    struct bytes value;   /* data NULL: none, or left out */
    uint64_t value_bytes; /* as far as it is known */
    uint64_t expiry_ms;
};

/* What the worker does for its coordinator. */
struct courier {
    void *self;
    /* A request frame to a node; to this one only STORE and SCAN (then it goes to the partition's
     * worker). */
    int (*send)(void *self, uint64_t node, struct bytes frame);
    /* A view that came with an answer, to be joined: returns the ticket to wait for, later than
     * ticket_void, or COURIER_NO_TICKET when there is no memory for it. */
    uint64_t (*learn)(void *self, uint64_t view_digest, struct bytes view);
    /* The request is done; the outcome is borrowed for the call. */
    void (*complete)(void *self, struct request *request, const struct outcome *outcome);
    /* The request turns out to be this node's own to coordinate: it is handed back, to be begun
     * again on the worker of its partition. */
    void (*reroute)(void *self, struct request *request);
    /* The node's clock is too far ahead for it to coordinate. */
    bool (*clock_ahead)(void *self, uint64_t node);
    /* How the node's storage is, as it said last; of this node as it is: enum node_storage. */
    uint32_t (*storage)(void *self, uint64_t node);
    /* The key is locked by a transaction: it is not to be written now. NULL: none ever is. */
    bool (*locked)(void *self, const struct engine_key *key);
    /* A write has given its dot, is over, whether acknowledged or unknown, and is about to be
     * answered. NULL: nobody wants to know. */
    void (*changed)(void *self, const struct change_told *change);
    /* Its name, for messages; never NULL. */
    const char *(*name)(void *self, uint64_t node);
    /* Where it is reached by peers, for traces; "" when that isn't known. NULL: it never is. */
    const char *(*address)(void *self, uint64_t node, uint16_t *port);
};

struct coordinator_metrics {
    uint32_t shard;
    struct metrics *registry; /* NULL: don't count */
    metric_id quorum_failures, unknowns, hedges, read_repairs, forwards, siblings, rewrites;
};

struct coordinator {
    struct courier courier;
    struct replica *replica; /* borrowed */
    struct reach *reach;     /* borrowed */
    struct timers *timers;   /* borrowed */
    struct arena *arena;     /* borrowed */
    struct buffer *frame;    /* borrowed: scratch for encoding one frame */
    struct moment now;       /* of the present event ... */
    uint32_t heard;          /* ... and what it is, for whoever waited: enum request_wait ... */
    uint64_t heard_node;     /* ... from this node */
    struct spans *spans;     /* borrowed; NULL: nothing is traced */
    struct coordinator_metrics metrics;

    /* From the adopted snapshot; borrowed; NULL before the node is in a cluster. */
    const struct view *view;
    const struct token_keys *token_keys;
    uint64_t self;
    bool self_clock_ahead;    /* no writes are coordinated here */
    bool self_clock_doubtful; /* nothing is hidden, or removed, for having expired by it */
    bool alone;               /* view_alone: no clock but this node's own */
    bool sloppy;              /* quorum.sloppy: fallbacks may stand in for owners */
    const uint64_t *included; /* digests of views that ours includes */
    uint32_t included_count;
    uint64_t ticket_done; /* joins up to here are in our view ... */
    uint64_t ticket_void; /* ... but up to here some are not: who waits for one asks again */

    uint64_t request_timeout_us;
    uint64_t memory_bytes_max; /* limits.memory_mb, for messages; 0: no limit */
    uint64_t next_id;
    size_t reading_bytes;    /* held by all operations */
    struct table operations; /* id -> operation */
    struct queue all;        /* in order of start */
    struct queue free;
    uint32_t count;
    uint32_t free_count;
    uint32_t lingering;     /* of count, those that are answered */
    size_t lingering_bytes; /* what these hold */
    uint32_t listings;      /* of count, lists */

    void (*issued)(void *self, struct bytes key, struct dot dot, struct version_vector seen);
    void *issued_self; /* the observer's; NULL in production */
};

/* Where the operations' ids begin; below this bit they belong to the coordinator. */
#define COORDINATOR_ID_LIMIT (UINT64_C(1) << 62)

void coordinator_init(struct coordinator *coordinator);
void coordinator_deinit(struct coordinator *coordinator);

/* Takes up a new view: every operation is placed and judged anew. After it no operation knows only
 * older layouts. */
void coordinator_adopt(struct coordinator *coordinator);

/* True when this node should coordinate the request itself, on the worker of its partition; false
 * when it is to be forwarded. Asked once a request, for it may use up a silent peer's chance to
 * prove itself. Only with a view. */
bool coordinator_is_ours(struct coordinator *coordinator, const struct request *request,
                         uint32_t partition);

/* Begins a request: forwards it if so decided, else coordinates (on the worker of its partition) or
 * lists. It may complete at once. Checks everything that
 * depends on the cluster; sizes were checked by the surface. */
void coordinator_start(struct coordinator *coordinator, struct request *request);

/* Answers of every kind that go by operation id. */
void coordinator_on_result(struct coordinator *coordinator, uint64_t node,
                           const struct message_result *result);
void coordinator_on_stored(struct coordinator *coordinator, uint64_t node,
                           const struct message_stored *stored);
void coordinator_on_fetched(struct coordinator *coordinator, uint64_t node,
                            const struct message_fetched *fetched);
void coordinator_on_scanned(struct coordinator *coordinator, uint64_t node,
                            const struct message_scanned *scanned, struct bytes payload);

/* The link to a node went up or down. */
void coordinator_on_link(struct coordinator *coordinator, uint64_t node, bool up);

/* Nothing is in flight that a client waits for. */
bool coordinator_idle(const struct coordinator *coordinator);

void coordinator_check(const struct coordinator *coordinator);

/* ---- between the files of this layer ---- */

/* Takes note that the operation holds `bytes` of answers now, instead of what it held. */
void operation_hold(struct operation *operation, size_t bytes);

/* May it hold as much, beside what others hold? */
bool operation_may_hold(const struct operation *operation, size_t bytes);

/* Waits for the read of this node's own disk that was just found pending: then read_on_local or
 * write_on_local. One at a time. */
void operation_await_local(struct operation *operation);

/* The target will not: for the messages, why. */
static inline void operation_refused(struct operation *operation, uint32_t target, int code)
{
    operation->refused |= operation_bit(target);
    operation->refusals[target] = code;
}

/* Sends the frame in coordinator->frame. */
int coordinator_send(struct coordinator *coordinator, uint64_t node);

/* Does an answer given under this view digest count already? 1 yes; 0 not yet: the view that came
 * along is being joined and `waiting` was set, or the target is to be asked again. */
int coordinator_accounts(struct coordinator *coordinator, struct operation *operation,
                         uint32_t target, uint64_t view_digest, struct bytes view);

/* Is a view of this digest part of ours? */
bool coordinator_knows(const struct coordinator *coordinator, uint64_t view_digest);

/* Answers the request of the operation; the operation stays until it is freed. */
void coordinator_complete(struct operation *operation, const struct outcome *outcome);

/* The same with a code and a printf text, and what was reached. Once a dot has been given the code
 * is SHOAL_EUNKNOWN whatever it says. Frees the operation. */
void coordinator_fail(struct operation *operation, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Completes a request that has no operation. */
void coordinator_refuse(struct coordinator *coordinator, struct request *request, int code,
                        const char *format, ...) __attribute__((format(printf, 4, 5)));

void coordinator_count(struct coordinator *coordinator, metric_id metric);

/* Nothing that the node told of itself speaks against its giving dots: its clock is not far ahead
 * (then it must not) and its storage takes writes (else another does better). */
bool coordinator_fit(const struct coordinator *coordinator, uint64_t node);

/* The time up to which what has expired is hidden: this node's less the bound on clocks, so that
 * nothing is hidden before its time by any clock within that bound; just this node's where there is
 * no other. 0, which hides nothing, where this node's own is known to be out of it. */
uint64_t coordinator_expiry_ms(const struct coordinator *coordinator);

/* Starts the deadline and the hedge timer of an operation that could not finish at once. Frees it
 * and fails its request when there is no memory for that. */
void operation_wait(struct operation *operation, uint64_t hedge_us);

/* "node2, node3": the targets in the mask, for messages; in the arena. */
const char *operation_names(const struct operation *operation, uint64_t targets);

/* "node2: disk full, node3: storage failed": the refused ones among the targets, and why. */
const char *operation_reasons(const struct operation *operation, uint64_t targets);

/* "1 of W=2 owners confirmed, 1 fallback": what a write has reached; in the arena. */
const char *operation_reached(const struct operation *operation);

/* "nothing was applied", or once a dot has been given that nobody knows; in the arena. */
const char *operation_fate(const struct operation *operation);

/* "put", "get", ... */
const char *request_op_text(uint32_t op);

/* The key for messages: shortened, unprintable bytes escaped; in the arena. */
const char *request_key_text(struct coordinator *coordinator, struct bytes key);

/* The targets that a frame can be sent to now: linked ones, and this node. */
uint64_t operation_reachable(const struct operation *operation);

/* When a write has waited so long, others are asked to stand in for owners that keep silent. */
#define COORDINATOR_STAND_IN_US UINT64_C(50000)

/* How long a request waits for links to come up or holdings to fill before it fails for lack of
 * owners; and the bounds of the hedging delay. */
#define COORDINATOR_GRACE_US UINT64_C(250000)
#define COORDINATOR_HEDGE_US_MIN UINT64_C(2000)
#define COORDINATOR_HEDGE_US_MAX UINT64_C(100000)

/* How long, how many and with how much memory reads that are answered stay for those who have not
 * answered. */
/* What reads and lists in flight may hold of others' answers, a worker; one always may. */
#define COORDINATOR_READING_BYTES_MAX ((size_t)256 * LIMIT_MIB)

#define COORDINATOR_LINGER_US UINT64_C(1000000)
#define COORDINATOR_LINGERING_MAX 1024u
#define COORDINATOR_LINGERING_BYTES_MAX ((size_t)32 * LIMIT_MIB)

/* Lists at a time: each holds a window of pages. */
#define COORDINATOR_LISTINGS_MAX 64u

/* coordinator_answer.c: whom, or what, the event at hand was heard from. */
void coordinator_hear(struct coordinator *coordinator, uint32_t what, uint64_t node);

/* One file a machine: begin, judge (after anything changed), hedge. */
void read_begin(struct operation *operation);
/* Is the read quorum this node alone, and can it answer? */
bool read_is_own(const struct operation *operation);
void read_on_fetched(struct operation *operation, uint32_t target,
                     const struct message_fetched *fetched);
void read_on_local(struct operation *operation, int code);
void read_judge(struct operation *operation);
void read_hedge(struct operation *operation);
/* read_answer.c: what the merge says: 0 or a negative code. */
int read_outcome(struct operation *operation, struct outcome *outcome);
void write_begin(struct operation *operation);
void write_on_stored(struct operation *operation, uint32_t target,
                     const struct message_stored *stored);
void write_on_local(struct operation *operation, int code);
void write_judge(struct operation *operation);
void write_hedge(struct operation *operation);
/* What to say where fallbacks are full; else "". */
const char *write_full_fallbacks_text(const struct operation *operation);
/* ", but ...": what keeps a write without a context from being done although enough confirmed it;
 * else "". */
const char *write_doubt_text(const struct operation *operation);
/* write_refuse.c: targets whose storage takes no writes, as they said themselves; why goes to their
 * refusals. */
uint64_t write_troubled(struct operation *operation);
/* write_told.c: says what the write has come to, before its request is answered. */
void write_told(const struct operation *operation, const struct request *request);
/* These end the operation; nothing was applied. The first by the code of this node's own part, and
 * returns -1. */
int write_fail(struct operation *operation, int code);
void write_fail_troubled(struct operation *operation, uint64_t troubled);
void write_fail_unreachable(struct operation *operation);
void forward_begin(struct operation *operation);
void forward_on_result(struct operation *operation, uint64_t node,
                       const struct message_result *result);
void forward_hedge(struct operation *operation);
/* The node's place among those that it may be passed to; -1 if it is none. */
int forward_index(const struct operation *operation, uint64_t node);
void forward_on_link_down(struct operation *operation, uint64_t node);
void list_begin(struct operation *operation);
void list_on_scanned(struct operation *operation, uint64_t node,
                     const struct message_scanned *scanned, struct bytes payload);
void list_judge(struct operation *operation);
void list_hedge(struct operation *operation);
void list_free(struct operation *operation);

#endif
