/* A request from its start to its callback: what is asked (with its own copy of key and value,
 * since it may have to be sent again), by when, where it has been tried, and whom to tell. It is
 * always in exactly one place:
 *
 *      started ---> waiting at an endpoint ---> in flight on a connection ---> done
 *                        ^                              |
 *                        +------ tried elsewhere -------+
 *
 * or, when it is refused before anything is sent, in the client's list of those to be told so. */
#ifndef CLIENT_CALL_H
#define CLIENT_CALL_H

#include "base/queue.h"
#include "base/timers.h"
#include "client/settings.h"
#include "shoal/cluster.h"
#include "wire/messages.h"

struct call;
struct connection;
struct endpoint;

#define CALL_TRIES_MAX 8u

/* What a node answered, or what the library says in its stead: exactly one pointer is set when
 * `code` is 0 (none for PONG); `result` may be set for other codes. */
struct answer {
    int code;
    const char *text; /* never NULL */
    const struct message_result *result;
    const struct message_list_reply *list;
    const struct message_status_reply *status;
    const struct message_ring_reply *ring;
    const struct message_backup_reply *backup;
    const struct message_verify_reply *verification;
    const struct message_repair_reply *repair;
    const struct message_change_reply *plan;
};

/* `answer` is valid during the call; the call is freed after it. */
typedef void (*call_done_fn)(struct call *call, const struct answer *answer);

/* Whom of the library's users to tell, by the kind of call; the library's own calls use `user`
 * alone. */
struct call_listener {
    union {
        shoal_done_fn result;
        shoal_status_done_fn status;
        shoal_ring_done_fn ring;
        shoal_backup_done_fn backup;
        shoal_verify_done_fn verify;
        shoal_repair_done_fn repair;
        shoal_change_done_fn change;
    } done;
    void *user;
};

struct call {
    struct queue link; /* in the place that has it */
    struct timer timer;
    struct shoal_client *client;
    call_done_fn done;
    struct call_listener listener;
    uint32_t kind;  /* enum message_kind */
    bool changes;   /* not to be sent twice */
    bool internal;  /* not counted against the caller's bounds */
    size_t counted; /* bytes counted */
    union {
        struct message_request request;
        struct message_list list;
        struct message_join *join;     /* in `memory`, as ... */
        struct message_change *change; /* ... this, with its names behind */
        struct message_backup backup;
        bool with_values; /* VERIFY */
    };

    uint64_t deadline_us;
    uint64_t timeout_us;
    int refusal;              /* why it is never sent; 0 if it is */
    const char *refusal_text; /* static */

    struct endpoint *endpoint;     /* where it waits, or is in flight */
    struct connection *connection; /* where it is in flight; NULL while waiting */
    uint64_t id;                   /* while in flight */
    uint64_t stream_start;         /* where its frame begins in what the connection sends */
    uint64_t sent_us;
    uint64_t attempt_us; /* until when this attempt may take */
    uint32_t tries;
    uint64_t tried[CALL_TRIES_MAX]; /* serials of endpoints */

    _Alignas(16) uint8_t memory[]; /* what the bytes above point to */
};

/* A call with copies of what it needs, not started. NULL when there is no memory. `options` and
 * `context` may be NULL. */
struct call *call_new_request(enum request_op op, struct bytes key, struct bytes value,
                              const struct shoal_options *options);
struct call *call_new_list(const struct shoal_list *list, const struct shoal_options *options);
struct call *call_new_join(const char *host, uint16_t port, bool stage,
                           const struct shoal_options *options);
struct call *call_new_change(const struct shoal_change *change,
                             const struct shoal_options *options);
/* Without a path (NULL) it only asks. */
struct call *call_new_backup(const char *path, const struct shoal_options *options);
struct call *call_new_verify(bool with_values, const struct shoal_options *options);
/* PING, STATUS, RING, REPAIR. */
struct call *call_new_plain(enum message_kind kind, const struct shoal_options *options);

void call_free(struct call *call);

/* Appends its frame, with its id and what is left of its time. */
int call_encode(const struct call *call, uint64_t now_us, struct buffer *out);

/* The key that decides where it goes; data NULL when anyone may answer. */
struct bytes call_key(const struct call *call);

bool call_tried(const struct call *call, uint64_t endpoint_serial);
void call_note_try(struct call *call, uint64_t endpoint_serial);

#endif
