/* The ports: the only ways by which the deciding code reaches the world. `net` and `server`
 * implement them with libevent and POSIX, tests/sim with virtual time, a hostile network and
 * hostile machines. There is one set a worker; all calls are made on that worker's thread. (Storage
 * has its own port, storage/engine.h; time comes in with every event; random numbers from a seed
 * given at birth.) */
#ifndef NODE_PORTS_H
#define NODE_PORTS_H

#include "base/bytes.h"
#include "base/letter.h"

#define CONTACT_SELF 1 /* a contact's outcome: only this very node answers there */

/* Where a request frame came in, so that its answer finds back: a connection some worker serves. */
struct source {
    uint32_t worker;
    uint32_t slot;   /* the world's; meaningless to the core */
    uint64_t serial; /* the world's: tells a reused slot from the old one */
    uint64_t node;   /* the peer at its other end, by its hello; 0: this node itself */
};

struct ports {
    void *self;

    /* A whole request frame (prefix included) to a node, over this worker's own link to it. 0:
     * taken over (nothing is promised about delivery); SHOAL_ECONNECT: no link; SHOAL_EOVERLOAD:
     * its queue is full. The answer comes by worker_answer. */
    int (*send)(void *self, uint64_t node, struct bytes frame);

    /* A whole answer frame back to where a request came from. A source of this worker only. */
    void (*reply)(void *self, struct source source, struct bytes frame);

    /* Wanted links: keep one to this node at this address, whatever it takes (retrying with
     * backoff), until unlink; calling again with another address moves it. Its comings and goings
     * are told by worker_link. */
    void (*link)(void *self, uint64_t node, const char *host, uint16_t port);
    void (*unlink)(void *self, uint64_t node);

    /* One question to an address whose node isn't known yet: connects to its peer port, exchanges
     * hellos without a cluster id, sends the frame, hands the answer or the failure to
     * worker_contacted with the ticket, exactly once and within timeout_us. A name that stands for
     * several nodes may have any of them asked, but never this one. Worker 0 only. */
    void (*contact)(void *self, const char *host, uint16_t port, struct bytes frame,
                    uint64_t ticket, uint64_t timeout_us);

    /* Gives a letter to another worker, or to this one, later. Takes ownership until it hands the
     * letter to that worker's worker_letter; letters between two workers keep their order. */
    void (*post)(void *self, uint32_t worker, struct letter *letter);

    /* Writes the node's own record (identity, cluster, view) in place of the old one, atomically
     * and durably; then calls worker_kept with the sequence. Calls are answered in order. Worker 0
     * only. The bytes are borrowed for the call. */
    void (*keep)(void *self, struct bytes record, uint64_t sequence);

    /* The memory that the process takes, for telling it to others. Worker 0 only. NULL: what the
     * engines take is told instead. */
    uint64_t (*memory_bytes)(void *self);
};

#endif
