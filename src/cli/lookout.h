/* Asking for the cluster's status again and again while it changes. Nodes that are asked may stop,
 * die or leave meanwhile; then others are asked: those of the command line, and members that
 * earlier answers named. Answers from another cluster don't count: a node that has left may be in
 * one. */
#ifndef CLI_LOOKOUT_H
#define CLI_LOOKOUT_H

#include "cli/invocation.h"
#include "shoal/cluster.h"

#define LOOKOUT_HOSTS_MAX 32u
#define LOOKOUT_WHY_BYTES 512u

struct lookout {
    char *hosts[LOOKOUT_HOSTS_MAX]; /* HOST:PORT */
    uint32_t host_count;
    uint32_t given_count; /* the first of them: what the user named, never dropped */
    uint32_t at;
    struct shoal_client *client; /* to hosts[at]; NULL: none now */
    uint64_t cluster;            /* 0: any */
    char why[LOOKOUT_WHY_BYTES]; /* the last failure */
};

/* With the hosts of the command line. Without memory some are left out. */
void lookout_init(struct lookout *lookout, const struct invocation *invocation);
void lookout_deinit(struct lookout *lookout);

/* One more to ask; beyond LOOKOUT_HOSTS_MAX the oldest that was learnt makes room. */
void lookout_add(struct lookout *lookout, const char *host, uint16_t port);

/* Asks one node, within about two seconds. 0 and the status is the caller's to free; otherwise the
 * reason is in `why`, and the next call asks another one. */
int lookout_ask(struct lookout *lookout, struct shoal_status **out);

#endif
