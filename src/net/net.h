/* The world of a node: W loops, each with its thread, links, inbound peers and listeners; the
 * threads for what blocks; and the ports by which each worker reaches it all. Made in this order:
 *
 *      net_new -> net_listen... (ports are known now)
 *              -> engines, with net_offload, and workers, with net_ports -> net_run
 *              -> net_stop, net_join -> workers freed -> net_free
 */
#ifndef NET_NET_H
#define NET_NET_H

#include "net/inbound.h"
#include "net/listener.h"
#include "net/offload.h"
#include "node/ports.h"

struct net;

struct net_metrics {
    metric_id received_bytes;
    metric_id sent_bytes;
    metric_id lag_seconds;
    struct offload_metrics offload;
};

struct net_options {
    uint32_t workers;
    int folder_fd;           /* of the data folder: for the node's record; borrowed */
    bool offload;            /* there are engines that use net_offload: start threads for them */
    const char *resolver;    /* the only name server to ask, IP or IP:PORT; NULL: the system's */
    struct metrics *metrics; /* borrowed; shard = worker index; NULL: none are kept */
    struct net_metrics metric_ids;
    /* Clients that call on the peer port; `self` as for listeners. */
    inbound_client client;
    void *client_self;
};

/* Declares this layer's metrics; once a registry, before net_new. As metrics_declare. */
int net_declare_metrics(struct metrics *metrics, struct net_metrics *ids);

/* 0, SHOAL_ENOMEM, SHOAL_EIO. */
int net_new(const struct net_options *options, struct net **out);

struct loop *net_loop(struct net *net, uint32_t index);
uint32_t net_worker_count(const struct net *net);
struct ports net_ports(struct net *net, uint32_t index);
/* For that worker's engine, when options.offload says that there is one. */
struct offload net_offload(struct net *net, uint32_t index);

/* Every worker listens on the port of the host (0: any; *port_out says which). 0, or a negative
 * code with a text. */
int net_listen(struct net *net, const char *host, uint16_t port, listener_accepted accepted,
               void *self, uint16_t *port_out, char text[256]);
/* The same, for peers. */
int net_listen_peers(struct net *net, const char *host, uint16_t port, uint16_t *port_out,
                     char text[256]);

/* Starts the threads; workers[i] is loop i's, borrowed until net_join returns. 0 or SHOAL_EIO. */
int net_run(struct net *net, struct worker *const *workers);

/* Any thread: no more connections are accepted, the workers stop as worker_stop says, and the loops
 * end when all are idle and what they have to say is said. */
void net_stop(struct net *net);
/* Any thread: the loops end at once. */
void net_stop_now(struct net *net);
/* Becomes readable when all loops have ended. */
int net_ended_fd(const struct net *net);
/* Waits for the threads. The node's record, if one was being written, is on disk; the engines' jobs
 * have come back to them, run or dropped, so that workers and engines can be freed. False when the
 * disk doesn't let go of one: then they may not be. */
bool net_join(struct net *net);

/* The threads are over, the workers freed. NULL is fine. */
void net_free(struct net *net);

#endif
