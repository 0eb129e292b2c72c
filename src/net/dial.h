/* One attempt to reach a node's peer port: look up the name, try its addresses in turn, exchange
 * hellos. What both kept links and single questions begin with. A name may stand for several nodes
 * (all of a cluster, even): an address at which the wrong one answers is passed over, too, and one
 * that is silent gets its share of the time only. */
#ifndef NET_DIAL_H
#define NET_DIAL_H

#include "net/connection.h"
#include "wire/messages.h"

struct resolver;
struct dial;

struct dial_outcome {
    /* 0; SHOAL_ECONNECT, SHOAL_ETIMEOUT; what the other side refused with; SHOAL_EVERSION,
     * SHOAL_EPROTO for an answer that is no hello; what `judge` said. Of several addresses: the
     * last, but a judgement counts before those that can't be reached. */
    int code;
    char text[256]; /* on failure */
    /* On success: the connection, now the receiver's, who must give it a handler at once. */
    struct connection *connection;
    struct message_hello_reply hello;
};

/* Called once, never from within dial_start; not after dial_cancel. The dial is over by then. */
typedef void (*dial_done)(void *self, const struct dial_outcome *outcome);

struct dial_options {
    const char *host; /* copied */
    uint16_t port;
    bool with_cluster; /* tell this node's cluster id */
    bool any_order;    /* begin with any of the name's addresses, not always with the first */
    uint64_t timeout_us;
    /* May be NULL. Is it the node that is looked for? 0; or a negative code and a text, and the
     * next address is tried: the outcome if there is none that is it. No call of this header. */
    int (*judge)(void *self, const struct message_hello_reply *hello, char text[256]);
    dial_done done;
    void *self;
};

/* 0 or SHOAL_ENOMEM. */
int dial_start(struct loop *loop, struct resolver *names, const struct dial_options *options,
               struct dial **out);
void dial_cancel(struct dial *dial); /* NULL is fine */

#endif
