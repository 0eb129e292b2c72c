/* Kept links: this worker's own connection to each node that the core wants one to. A link retries
 * for ever with jittered backoff, looking the host's name up anew each time; and a peer that says
 * nothing for a few seconds although asked (a PING) is taken for gone: a partition that drops
 * packets must be noticed without waiting for TCP. */
#ifndef NET_LINK_H
#define NET_LINK_H

#include "base/table.h"
#include "net/loop.h"

struct resolver;

#define LINK_BACKOFF_US_MIN 50000u
#define LINK_BACKOFF_US_MAX 2000000u
#define LINK_DIAL_US 3000000u
#define LINK_CHECK_US 1000000u   /* a PING after a second without a word */
#define LINK_SILENCE_US 3000000u /* and the end after three with a PING unanswered */

struct links {
    struct loop *loop;
    struct resolver *names;
    struct table by_node; /* node id -> struct link * */
    bool stopping;
};

void links_init(struct links *links, struct loop *loop, struct resolver *names);
/* Once the loop is over and its connections are closed. */
void links_deinit(struct links *links);

/* The node is stopping: links that are up stay, so that what is queued goes out, and no others are
 * tried any more. */
void links_stop(struct links *links);

/* As ports.link and ports.unlink: nothing here calls the worker back at once. */
void links_want(struct links *links, uint64_t node, const char *host, uint16_t port);
void links_unwant(struct links *links, uint64_t node);

/* As ports.send. */
int links_send(struct links *links, uint64_t node, struct bytes frame);

#endif
