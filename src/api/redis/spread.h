/* What a command asks of the core where one request won't do, or what it does goes on in steps: a
 * row of requests, a bounded number of them at a time, and then what comes next. Commands on keys
 * in a cluster and sweeps over all keys are made of such rows.
 *
 *      row of n requests --> so many lanes in flight --> each outcome taken --> next
 *
 * Requests are not submitted from within another's `done` (the worker doesn't nest): what is asked
 * after an outcome is left to a task, which also lets others have their turn between two rows. */
#ifndef API_REDIS_SPREAD_H
#define API_REDIS_SPREAD_H

#include "api/redis/session.h"
#include "net/loop.h"

#define SPREAD_LANES 64u
#define SPREAD_TEXT_BYTES 512u

struct redis_spread;

struct redis_lane {
    struct request request;
    struct redis_spread *spread;
    uint32_t item;
    bool busy;
};

/* What a row is made of. */
struct redis_row {
    /* What is asked for the item; key, value and the like stay as long as the command. The
     * session's quorum is set. */
    void (*ask)(struct redis_spread *spread, uint32_t item, struct request *request);
    /* 0, or the code that the item has failed with; the outcome is borrowed for the call. NULL:
     * outcome->code. */
    int (*take)(struct redis_spread *spread, uint32_t item, const struct outcome *outcome);
    /* All have been answered: ask on, or reply. */
    void (*next)(struct redis_spread *spread);
};

struct redis_spread {
    struct redis_pending *pending;
    struct arena memory; /* what was read, and what is written */
    struct buffer body;  /* of a reply whose length is known at its end */
    void *user;          /* whose command it is */

    /* The row under way. */
    const struct redis_row *row;
    uint32_t count;
    uint32_t asked;
    uint32_t answered;
    uint32_t failed;
    int code;         /* of the first that failed, or of the first with an unknown outcome */
    const char *text; /* in memory; never NULL, may be empty */
    size_t bytes;     /* read, for bounds */
    size_t counted;   /* among the desk's replies */

    /* private */
    struct task task;
    bool asking;   /* lanes are being filled */
    bool stepping; /* `next` runs */
    struct redis_lane *lanes;
    uint32_t lane_count;
    struct redis_lane lane; /* the only one, as a rule */
};

/* The pending command's; freed with it. NULL: no memory, and the command has failed. */
struct redis_spread *redis_spread_new(struct redis_pending *pending);
void redis_spread_free(struct redis_spread *spread); /* NULL is fine */

/* Begins a row: at once, or soon where another's `next` asks for it. With no items its own `next`
 * is all there is. */
void redis_spread_ask(struct redis_spread *spread, const struct redis_row *row, uint32_t count);

/* The row has failed, in part or whole: replies so. `what` was to be done to the items ("written"),
 * said where there were several. */
void redis_spread_fail(struct redis_spread *spread, const char *what);

/* So much more is kept for a reply. 0; SHOAL_EOVERLOAD: all that wait fill this worker's memory. */
int redis_spread_count(struct redis_spread *spread, size_t bytes);

/* The client is gone: nobody waits for more. */
bool redis_spread_abandoned(const struct redis_spread *spread);

/* What of the command needs to look and write in one step; NULL: nothing. */
const char *redis_linear_part(const struct redis_call *call);

/* "ERR 'append' needs a linearizable key: ..."; of a node that is only starting, "LOADING ...". */
void redis_reply_linear(struct redis_pending *pending, const char *what);

#endif
