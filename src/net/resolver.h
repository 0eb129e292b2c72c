/* From host names to addresses, without blocking anybody: a thread of its own with libevent's
 * evdns, which asks for A and AAAA at once and for many names at a time, so that a name server that
 * is slow with one name doesn't hold up another. Names are looked up anew each time they are asked
 * for (only askers of the same moment share an answer), and the system's files, resolv.conf and
 * hosts, are read again when they may have changed. Weighed and left: getaddrinfo on a thread,
 * which blocks for seconds a name; evdns in every worker, whose random numbers are not made for
 * threads. */
#ifndef NET_RESOLVER_H
#define NET_RESOLVER_H

#include "net/address.h"
#include "net/loop.h"

struct resolver;

struct lookup {
    /* Set by the asker. The host is borrowed until `done`. */
    struct loop *loop;
    const char *host;
    uint16_t port;
    /* On the loop's thread, exactly once; takes the lookup back. `dropped`: all is ending: only
     * release. */
    void (*done)(struct lookup *lookup, bool dropped);

    /* The outcome: 0 and the addresses in the order the resolver gave them, or SHOAL_ECONNECT and
     * why (static text). */
    int code;
    const char *why;
    struct addresses addresses;

    /* private */
    struct errand errand;
    struct channel_link given;
    struct queue waiting;
};

/* `server`: ask this name server, IP or IP:PORT, and not those of resolv.conf; empty: those. 0,
 * SHOAL_ENOMEM, SHOAL_EIO. */
int resolver_start(const char *server, struct resolver **out);

/* Any thread. */
void resolver_look_up(struct resolver *resolver, struct lookup *lookup);

/* Ends the thread; lookups under way come back to their loops, as failed or, where the loop is
 * over, dropped. Before the loops are freed; nobody asks any more. NULL is fine. */
void resolver_stop(struct resolver *resolver);

#endif
