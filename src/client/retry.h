/* Whether a request may be tried at another node, and what its outcome is if not. The one rule: a
 * write is sent again only when it is certain that nothing of it was applied; a read always may be.
 * Pure, and the only place where that is decided. */
#ifndef CLIENT_RETRY_H
#define CLIENT_RETRY_H

#include <stdbool.h>

/* How an attempt ended. */
enum attempt_end {
    ATTEMPT_ANSWERED,  /* with `code` */
    ATTEMPT_UNSENT,    /* its node was lost before a byte of it left */
    ATTEMPT_LOST,      /* its connection was lost after some of it may have left */
    ATTEMPT_TIMED_OUT, /* the request's time is up, some of it may have left */
    ATTEMPT_EXPIRED,   /* the request's time is up, not a byte has left */
};

struct verdict {
    bool again; /* try another node, if there is one */
    int code;   /* the outcome if not */
};

/* `changes`: the request changes something. `code`: the answer's, or the reason of a failure that
 * left nothing applied. */
struct verdict retry_decide(bool changes, enum attempt_end end, int code);

#endif
