/* What the parts of a net share: its stations (net.c), the ports to them, and the way they end. */
#ifndef NET_NET_STATE_H
#define NET_NET_STATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "net/blocking.h"
#include "net/contact.h"
#include "net/lag.h"
#include "net/link.h"
#include "net/net.h"
#include "net/resolver.h"

#define LISTENERS_MAX 4u
#define BLOCKING_PATIENCE_S 2u

/* One worker's share of the world. */
struct station {
    struct net *net;
    struct loop loop;
    struct links links;
    struct contacts contacts;
    struct inbound inbound;
    struct offload_desk offload;
    struct lag lag;
    struct listener *listeners[LISTENERS_MAX];
    uint32_t listener_count;
    pthread_t thread;
    bool running;
    bool stopping; /* its worker has been told */
    struct errand stop;
    atomic_bool idle; /* stopping, and nothing left to do */
};

struct net {
    struct net_options options;
    struct blocking disk;
    struct resolver *names;
    struct offload_pool offload;
    int ended_fd;
    atomic_bool over;
    atomic_bool stop_asked;
    atomic_uint ended_count;
    uint32_t count;
    struct station stations[];
};

struct station *net_station_of(struct loop *loop);
void net_free_listeners(struct station *station);

/* net_end.c: at the end of every turn, is it the loop's last? */
bool net_is_over(struct loop *loop);

#endif
