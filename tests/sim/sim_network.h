/* The simulated network, at the level of the node's ports: wanted links that connect and reconnect,
 * connections that carry whole frames both ways, and everything that goes wrong with them.
 *
 *   as TCP     the frames of a connection arrive in order after random delays; while a direction is
 *              cut they wait, as retransmissions do; a connection that waits for too long breaks
 *              and what was in flight is lost, though what had left a dying client may still arrive
 *   hostile    in addition frames are lost, doubled and reordered within a connection, which TCP
 *              never does and the core must survive all the same
 *
 * A client's side learns of a break by worker_link (or the failure of its contact); the server's
 * side never does: its answers go nowhere. Both sides may learn late. */
#ifndef SIM_NETWORK_H
#define SIM_NETWORK_H

#include "base/bytes.h"
#include "base/limits.h"
#include "base/queue.h"
#include "base/random.h"
#include "base/table.h"
#include "base/timers.h"
#include "node/ports.h"
#include "sim_options.h"
#include "sim_traffic.h"

struct sim_world;
struct sim_link;
struct sim_connection;

struct sim_network {
    struct sim_world *world;
    struct random random;
    struct queue links;      /* wanted, of struct sim_link */
    struct table link_index; /* by node, worker and whom they lead to */
    struct queue
        connections; /* of struct sim_connection, broken ones that still deliver included */
    struct table connection_index;          /* by their serials */
    bool cut[SIM_NODES_MAX][SIM_NODES_MAX]; /* [from][to]: nothing arrives that way */
    bool calm;                              /* faults are over: no losses, no slow frames */
    uint64_t next_serial;
    struct sim_traffic traffic;
    /* What happened, for the summary. */
    uint64_t frames, dropped, duplicated, breaks, connects, refused_hellos;
};

void sim_network_init(struct sim_network *network, struct sim_world *world, uint64_t seed);
void sim_network_deinit(struct sim_network *network);

/* ---- the ports' side ---- */

int sim_network_send(struct sim_network *network, uint32_t node, uint32_t worker, uint64_t to,
                     struct bytes frame);
void sim_network_reply(struct sim_network *network, uint32_t node, struct source source,
                       struct bytes frame);
void sim_network_link(struct sim_network *network, uint32_t node, uint32_t worker, uint64_t to,
                      const char *host, uint16_t port);
void sim_network_unlink(struct sim_network *network, uint32_t node, uint32_t worker, uint64_t to);
void sim_network_contact(struct sim_network *network, uint32_t node, const char *host,
                         uint16_t port, struct bytes frame, uint64_t ticket, uint64_t timeout_us);

/* ---- the faults' side ---- */

/* The process of a node has ended: its links are gone and its connections broken. After a clean end
 * what it had sent still arrives, after a crash perhaps. */
void sim_network_forget(struct sim_network *network, uint32_t node, bool clean);

/* Cuts or mends one direction. */
void sim_network_cut(struct sim_network *network, uint32_t from, uint32_t to, bool cut);
void sim_network_mend(struct sim_network *network);

/* Breaks one connection chosen at random, or every one between two nodes. */
void sim_network_break_one(struct sim_network *network);
void sim_network_break_between(struct sim_network *network, uint32_t a, uint32_t b);

/* Does the worker still want a link to that node id? */
bool sim_network_wanted(const struct sim_network *network, uint32_t node, uint32_t worker,
                        uint64_t to);

/* Is a link of the node to that node id up, at any of its workers? */
bool sim_network_linked(const struct sim_network *network, uint32_t node, uint64_t to);

#endif
