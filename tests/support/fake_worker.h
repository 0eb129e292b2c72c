/* A worker that decides nothing: it has node/worker.h's functions, for tests of what stands around
 * the core (net, api). Link it instead of the real one. Requests are answered from a small table;
 * the first part of a key says how:
 *
 *      hold:...    kept until a request for the key "release" comes; released last in, first out
 *      later:...   answered at the next flush, not within worker_submit
 *      cross:...   sent to the next worker by letter and answered when it has come back
 *      otherwise   at once
 *
 * A join contacts the address and answers with
 * the code of that. What happens to it is written down as events, which a test can wait for. */
#ifndef SUPPORT_FAKE_WORKER_H
#define SUPPORT_FAKE_WORKER_H

#include "node/worker.h"

enum fake_event_kind {
    FAKE_LINK_UP,   /* number: node */
    FAKE_LINK_DOWN, /* number: node */
    FAKE_STRANGER,  /* number: node, at whose address somebody else answers */
    FAKE_ANSWER,    /* number: node; payload */
    FAKE_FRAME,     /* number: the source's serial; payload */
    FAKE_CONTACTED, /* number: ticket; code; payload */
    FAKE_KEPT,      /* number: sequence; code */
    FAKE_LETTER,    /* number: as sent by fake_worker_send_letter; code: the sender's index */
    FAKE_OFFLOADED, /* number: the job's address; code: 1 when it was dropped */
    FAKE_SUBMITTED, /* payload: the key */
    FAKE_STOPPED,
};

#define FAKE_PAYLOAD_BYTES 512u /* kept of a payload */

struct fake_event {
    enum fake_event_kind kind;
    uint64_t number;
    int code;
    size_t payload_len; /* in all */
    uint8_t payload[FAKE_PAYLOAD_BYTES];
};

/* Its node id is worker_options.random_seed; it is in a cluster of one (config->cluster_name, whose
 * id is that name's hash) if config->n is not 0. A source kept from a frame is for fake_reply. */

/* Waits (seconds at most) until there have been `count` events of the kind; the count-th is copied
 * out. False: it has not come. Any thread. */
bool fake_worker_wait(struct worker *worker, enum fake_event_kind kind, uint32_t count,
                      struct fake_event *out);
/* How many there have been. */
uint32_t fake_worker_count(struct worker *worker, enum fake_event_kind kind);

/* Runs the function on the worker's thread, and waits until it has. Any other thread. */
typedef void (*fake_call)(struct worker *worker, const struct ports *ports, void *self);
void fake_worker_call(struct worker *worker, fake_call call, void *self);

/* On the worker's thread. */
void fake_worker_send_letter(struct worker *worker, uint32_t to, uint64_t number);
/* The source of the last frame. */
struct source fake_worker_source(const struct worker *worker);
/* In worker_frame every frame is answered at once by a PONG with its id; until this turns it off.
 */
void fake_worker_answer_frames(struct worker *worker, bool answer);

#endif
