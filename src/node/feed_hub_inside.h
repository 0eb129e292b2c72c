/* The inside of the hub: feed_hub.c (whom it follows for, and whom), feed_hub_lane.c (asking one
 * lane, and what comes). */
#ifndef NODE_FEED_HUB_INSIDE_H
#define NODE_FEED_HUB_INSIDE_H

#include "base/table.h"
#include "node/core.h"
#include "node/feed_hub.h"

#define FEED_AWAY_US 3000000u   /* in trouble for so long: away */
#define FEED_WAIT_US 5000000u   /* a long poll */
#define FEED_ANSWER_US 3000000u /* beyond it, an answer is late */
#define FEED_RETRY_US 500000u
#define FEED_LATER_US 5000000u     /* where there is no feed */
#define FEED_SETTLE_US 2000000u    /* who is not heard in that time is not waited for */
#define FEED_FULL_US 20000u        /* until looking again whether the workers have caught up */
#define FEED_PAGE_BYTES 262144u    /* wanted of one answer */
#define FEED_UNREAD_BYTES 4194304u /* told to a worker and not done with */

struct hub_node;

struct hub_lane {
    struct hub_node *node;
    uint32_t lane;
    uint64_t tail; /* 0: none known, `at` is a time */
    uint64_t at;
    bool from_end;      /* none known yet, and it is to be followed from its end */
    uint64_t ask;       /* id of the question that is out; 0: none */
    struct timer timer; /* when it is late, or to be asked again */
};

struct hub_node {
    struct feed_hub *hub;
    uint64_t id;
    bool told;   /* its number of lanes */
    bool away;   /* told */
    bool silent; /* told: it keeps no feed */
    bool leaver; /* it has left: once it is silent it is gone */
    struct timer trouble;
    uint32_t lane_count;
    struct hub_lane *lanes[LIMIT_WORKERS];
};

struct hub_follower {
    uint64_t ticket; /* 0: it has no readers */
    uint32_t ops;
    uint64_t unread; /* bytes */
    bool behind;     /* it has missed something, for lack of memory */
};

struct feed_hub {
    struct worker *worker;
    struct hub_follower *followers; /* one a worker */
    bool active;
    bool ready;
    uint64_t began_ms;
    struct timer settle;
    struct hub_node **nodes; /* sorted */
    uint32_t node_count;
    struct table asks; /* id -> struct hub_lane */
    uint64_t next_id;
    uint32_t lanes; /* of all nodes */
};

/* feed_hub.c */
/* Takes the reference over; NULL: there was no memory, and it begins anew with everything. */
void hub_tell(struct feed_hub *hub, struct feed_news *news);
/* One without events, about the node, or the lane. */
void hub_tell_node(const struct hub_node *node, uint32_t kind);
void hub_tell_lane(struct hub_lane *lane, uint32_t kind, uint64_t missed);
void hub_review_ready(struct feed_hub *hub);
bool hub_full(const struct feed_hub *hub);
void hub_heard(struct hub_node *node);
void hub_in_trouble(struct hub_node *node);

/* feed_hub_lane.c */
/* 0, SHOAL_ENOMEM, SHOAL_ETOOBIG. */
int hub_lane_new(struct hub_node *node, uint64_t time_ms, bool from_end);
void hub_lane_free(struct hub_lane *lane);
void hub_lane_ask(struct hub_lane *lane);
/* Forgets the question that is out. */
void hub_lane_drop(struct hub_lane *lane);
/* The lanes of the node that there are not. */
void hub_lanes_cut(struct hub_node *node, uint32_t lanes);

#endif
