/* When a node that founds or resumes its own cluster may call itself ready: when every worker has
 * adopted the cluster's first snapshot, which takes as long as writing the node's record does. */
#ifndef SERVER_READINESS_H
#define SERVER_READINESS_H

#include <stdatomic.h>

#include "net/net.h"

struct readiness_look {
    struct readiness *readiness;
    struct loop *loop;
    struct errand errand;
    struct timer timer;
};

struct readiness {
    int fd; /* an eventfd; -1: not open */
    atomic_uint missing;
    struct readiness_look looks[LIMIT_WORKERS];
};

/* Looks at all workers until they are ready, at most timeout_ms: true when they are. The loops run.
 * The struct stays where it is for as long as they do. */
bool readiness_wait(struct readiness *readiness, struct net *net, int timeout_ms);

/* Once the loops are over. */
void readiness_deinit(struct readiness *readiness);

#endif
