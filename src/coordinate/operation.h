/* An operation: one request being coordinated, or being passed on to who coordinates it. A state
 * machine driven by answers, timers and changes of the view:
 *
 *      FORWARDING ---- the coordinator's RESULT --------------------------> done
 *      READING ------- R owners' answers (get) ---------------------------> done, LINGERING
 *        | ^           R owners' versions (write without a context)
 *        v |           owners keep what such a write has not replaced
 *      WRITING ------- W owners of every live layout confirmed -----------> done
 *      LISTING ------- N-W+1 owners of every partition walked ------------> done
 *
 * What has been heard from whom is kept as bits over the placement's targets, so that a quorum is a
 * few instructions, and can be judged anew when the view changes: votes belong to nodes, and nodes
 * find their new bit by id. */
#ifndef COORDINATE_OPERATION_H
#define COORDINATE_OPERATION_H

#include "base/queue.h"
#include "base/timers.h"
#include "coordinate/quorum.h"
#include "coordinate/request.h"
#include "replica/replica.h"
#include "ring/view.h"

struct coordinator;
struct listing;
struct traced;

enum operation_phase {
    OPERATION_FORWARDING,
    OPERATION_READING,
    OPERATION_WRITING,
    OPERATION_LISTING,
    OPERATION_LINGERING, /* answered; stays to repair whoever answers late and is behind */
};

#define COORDINATOR_FALLBACKS_MAX 16u

/* An object and a clock that another answered, in `answers`. */
struct read_piece {
    size_t object_at;
    size_t object_len; /* 0: nothing held */
    size_t clock_at;
    size_t clock_len; /* 0: not told */
};

/* What a write replaces: see write_basis.c. */
enum write_basis {
    WRITE_CONTEXT, /* what its client's context covers */
    WRITE_READ,    /* what R owners held when they were asked, and this node */
    WRITE_ALONE,   /* what this node holds, which is the read quorum */
    WRITE_VOUCHED, /* what this node holds; others have to confirm that they keep nothing else */
};

/* What every request touches stands first and close together, for hundreds of operations wait at a
 * time, and each is out of the cache by the time its answer comes. */
struct operation {
    struct queue link; /* in the coordinator's list of all, or of free ones */
    struct coordinator *coordinator;
    uint64_t id;             /* request id of every frame it sends */
    struct request *request; /* NULL once answered */
    enum operation_phase phase;
    enum write_basis basis;
    uint32_t partition;
    struct engine_key key; /* bytes borrowed from the request; owned copy while lingering */
    struct quorum quorum;
    uint64_t started_us;
    uint64_t hedge_us;     /* the present interval; doubles */
    struct traced *traced; /* NULL: it isn't; see traced.h */

    /* Bits over placement.nodes. */
    uint64_t allowed; /* may be asked: all, or fewer where the request lowered n */
    uint64_t asked;
    uint64_t voted;      /* answered, and the answer counts */
    uint64_t refused;    /* answered that it will not */
    uint64_t waiting;    /* answered under another view, which is being joined first */
    uint64_t timed;      /* its asked_after_us says when the question was that it owes an answer */
    uint64_t damaged;    /* refused because what it holds of the key can't be read */
    uint64_t durable;    /* confirmed durably */
    uint64_t vouched;    /* confirmed, and keep nothing that the write has not replaced, ... */
    uint64_t disputed;   /* ... or do keep such, ... */
    uint64_t abstained;  /* ... or can't say, for their holdings are incomplete */
    uint64_t given_up;   /* writing: others are to stand in for those that keep silent */
    uint64_t known_told; /* was told the digest of this node's own copy, ... */
    uint64_t known;      /* ... which is this */
    uint64_t kept;       /* its object and clock are in `answers` */
    uint64_t ticket_first; /* the joins that `waiting` waits for: the first ... */
    uint64_t ticket;       /* ... and the last of them */

    bool local_waits;
    bool confirm_waits;
    bool issued;             /* a write's dot is given, and is to be confirmed */
    bool begun;              /* one was given before: from there on the outcome may be unknown */
    bool sent;               /* forwarding: a candidate may have acted on it */
    bool over_budget;        /* reading: an answer did not fit into the budget */
    bool differs;            /* reading: answers do, so all are to bring their clocks */
    uint32_t fallback_asked; /* bits over `fallbacks`: since the last view, or hedge */
    uint32_t fallback_voted;
    uint32_t fallback_refused; /* or are owners by now */
    uint32_t fallback_timed;   /* as `timed` */
    uint32_t fallback_count;
    int fallback_refusal; /* why one did, last */
    uint32_t candidate_count;
    uint32_t candidate_next;
    struct dot dot; /* of a write */
    int64_t number; /* what the write of an add or expire answers */
    uint64_t
        put_expiry_ms; /* of what was written, and how long that is where it was there before */
    uint64_t put_bytes;
    struct timer deadline;
    struct timer hedge;
    struct durable_waiter confirm; /* for the confirmation of this node's own write */
    struct read_waiter local;      /* for a read of this node's own disk */
    struct buffer token;           /* the context of a write's reply */
    struct buffer merged;          /* the merge of all answers to a read */
    struct buffer answers;         /* others', while it is not known whether they matter */
    struct buffer key_copy;
    size_t reading_bytes;          /* what it holds of the coordinator's budget for answers */
    size_t lingering_bytes;        /* held while lingering */
    struct content_hash read_hash; /* the layout that the votes of a read are of */
    struct listing *listing;
    struct placement placement;

    /* How long after the beginning each was asked: the first time since it last answered, for a
     * question repeated to who keeps silent is still the same. */
    uint32_t asked_after_us[LIMIT_REQUEST_TARGETS]; /* by target; forwarding: by candidate */
    uint32_t fallback_after_us[COORDINATOR_FALLBACKS_MAX];

    /* By target. */
    uint64_t digests[LIMIT_REQUEST_TARGETS]; /* of each answer to a read, to see who is behind */
    struct read_piece pieces[LIMIT_REQUEST_TARGETS];
    int refusals[LIMIT_REQUEST_TARGETS];           /* of those refused: why, as far as they said */
    uint64_t fallbacks[COORDINATOR_FALLBACKS_MAX]; /* node ids, in the order of the ring */
    uint64_t candidates[LIMIT_REPLICAS];           /* forwarding: node ids in order of preference */
};

/* As this one is about to end: asks for the memory of those that will probably end soon after. */
void operation_expect_next(const struct operation *operation);

/* Taken from the coordinator's pool; NULL over LIMIT_REQUESTS_PER_WORKER or without memory. */
struct operation *operation_new(struct coordinator *coordinator, struct request *request,
                                enum operation_phase phase);

/* Back to the pool: stops its timers, leaves every queue. */
void operation_free(struct operation *operation);

/* Back to memory. */
void operation_release(struct operation *operation);

/* Takes the placement from the view in force and carries votes over by node; a read whose layout is
 * another now begins its count again, for a vote says what its node held when only the older layout
 * was asked. 0 or SHOAL_EOVERLOAD. */
int operation_place(struct operation *operation);

/* Nothing that was answered so far counts any more. */
void operation_forget_answers(struct operation *operation);

/* Another id: answers to what was sent so far don't reach it. 0 or SHOAL_ENOMEM. */
int operation_renumber(struct operation *operation);

/* The target, the fallback, or the candidate by its index, was sent a question: from the first one
 * on it counts how long it takes. */
void operation_asked(struct operation *operation, uint32_t target);
void operation_asked_fallback(struct operation *operation, uint32_t index);
void operation_asked_candidate(struct operation *operation, uint32_t index);

/* It has answered, which tells how swift it is, if it is the first answer to its question, and that
 * it lives. Of nodes that are none of these nothing is learned. */
void operation_answered(struct operation *operation, uint64_t node);

/* The number of votes. */
static inline uint32_t operation_votes(const struct operation *operation)
{
    return (uint32_t)__builtin_popcountll(operation->voted);
}

static inline uint64_t operation_bit(uint32_t index)
{
    return UINT64_C(1) << index;
}

#endif
