/* How a change of membership stands, as one answer to `status` tells it: how much is left to move,
 * who is waited for and why, whether all has settled. Pure; what `status` shows and what commands
 * wait for is decided here and nowhere else.
 *
 * A change goes through these steps, and waits in each for the slowest node:
 *
 *      commit    its roles are in a layout
 *      see       every node knows the new layout, and none of its requests only older ones
 *      sync      every node has all it owns now
 *      tell      every node knows that all have: the older layouts go
 *      release   those who own something no more hand it over once more, and drop it */
#ifndef REPORT_SITUATION_H
#define REPORT_SITUATION_H

#include <stdbool.h>

#include "shoal/cluster.h"

#define SITUATION_WAITS_MAX 32u
#define SITUATION_TEXT_BYTES 640u

/* Why a node is waited for; the more urgent for an operator, the earlier. */
enum wait_kind {
    WAIT_NONE = 0,
    WAIT_DOWN,      /* it is down, and must say something before the change can go on */
    WAIT_DOWN_DATA, /* it is down, leaves, and holds what its new owners have not confirmed */
    WAIT_STORAGE,   /* it can't store what it should get */
    WAIT_COMMIT,    /* what is asked of it is in no layout yet */
    WAIT_SEE,
    WAIT_SYNC,
    WAIT_TELL,
    WAIT_RELEASE,
    WAIT_HINTS, /* it leaves, and keeps writes for others */
    WAIT_LEAVE,
    WAIT_UP, /* it joins, and has no say in reads yet */
};

struct wait {
    const struct shoal_node *node;
    enum wait_kind kind;
    uint64_t count; /* partitions or writes, by kind; 0: not known */
};

/* What must have come true beside that nothing is under way. */
struct expectation {
    const uint64_t *gone; /* ids of nodes that leave or are removed */
    size_t gone_count;
    const uint64_t *come; /* of nodes that join */
    size_t come_count;
};

struct situation {
    bool settled;
    bool changing;    /* several layouts are live, or roles are due: not only a repair */
    uint64_t copies;  /* of partitions, at all nodes, in the newest layout */
    uint64_t to_sync; /* of these */
    uint64_t to_release;
    uint64_t rate;       /* bytes a second, taken in by all nodes */
    uint64_t bytes_left; /* about so many are to be taken in */
    uint32_t wait_count; /* of all; the first SITUATION_WAITS_MAX stand in waits */
    struct wait waits[SITUATION_WAITS_MAX]; /* by kind; they borrow from the status */
};

/* `expected` may be NULL. */
void situation_read(const struct shoal_status *status, const struct expectation *expected,
                    struct situation *out);

/* Somebody holds it up who won't go on by himself: then nobody can tell how long it takes. */
bool situation_is_stuck(const struct situation *situation);

/* Seconds until the data has moved, judging by bytes; false while that can't be told. */
bool situation_seconds_left(const struct situation *situation, uint64_t *out);

/* "648 of 768 copies synced, 120 to go; 14 MiB/s, about 40s left", with the time left if it is
 * known; what of this doesn't apply is left out. */
void situation_text(const struct situation *situation, const uint64_t *seconds_left,
                    char out[SITUATION_TEXT_BYTES]);

/* "node3, which is down: start it again; if it never returns: ..." */
void wait_text(const struct wait *wait, char out[SITUATION_TEXT_BYTES]);

/* Something that an operator may have to do something about. */
bool wait_is_stuck(const struct wait *wait);

/* A node's change behind its name: "joins", "is removed". */
const char *change_words(const char *change);

/* "sync", "down", ...: for programs. */
const char *wait_kind_text(enum wait_kind kind);

#endif
