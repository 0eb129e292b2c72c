/* Shared by the files of hint delivery: debts and routes (hint_debt.c), peers and events
 * (hint_delivery.c), passes (hint_pass.c), sweeps (hint_sweep.c). See hint_delivery.h for the
 * words. */
#ifndef REPAIR_HINT_INSIDE_H
#define REPAIR_HINT_INSIDE_H

#include "repair/hint_delivery.h"

/* A node that something is owed to. */
struct hint_peer {
    uint64_t node;
    struct queue wanting; /* routes whose passes may begin */
    uint32_t active;      /* passes under way */
    uint32_t returning;   /* routes still to be caught up since its link came up */
    uint64_t sent;        /* objects confirmed since then */
};

enum hint_route_state {
    ROUTE_IDLE,
    ROUTE_WANTING, /* in its peer's queue */
    ROUTE_ACTIVE,  /* a pass is under way */
};

struct hint_route {
    struct queue link;
    struct hint_debt *debt;
    struct hint_peer *peer;
    struct hint_pass *pass;
    enum hint_route_state state;
    uint64_t actor;         /* who has confirmed; 0: nobody */
    uint64_t confirmed;     /* all that arrived up to here */
    uint64_t heard;         /* 1 + the serial of the last frame which that actor has confirmed */
    bool is_probe;          /* wanted only to hear of the actor */
    bool is_routine;        /* wanted in its turn, while other owners are away */
    bool is_returning;      /* counted in the peer's */
    uint64_t pause_us;      /* doubles with every failure */
    uint64_t not_before_us; /* failed: not again before */
};

struct hint_debt {
    struct queue link; /* in the order of turns */
    struct hint_delivery *delivery;
    uint32_t partition;
    struct hint_route *routes;
    uint32_t route_count;
    struct timer timer; /* look at it again */

    /* The sweep, and before it the question to all owners whether they still are who they were. */
    uint64_t asked; /* all that arrived up to here is to be removed; not above `swept`: nothing */
    uint64_t mark;  /* answers to frames from this serial on count */
    bool is_sweeping;
    uint64_t swept;    /* all that arrived up to here has been removed */
    uint64_t ceiling;  /* of the sweep under way */
    uint64_t newest;   /* of the pile when it began */
    uint64_t position; /* where it goes on */
    bool has_left;     /* it met something that stays */
    struct read_waiter reading;
};

/* hint_debt.c */

/* The debt of the partition, for which there are hints; NULL without memory. */
struct hint_debt *hint_debt_make(struct hint_delivery *delivery, uint32_t partition);
void hint_debt_free(struct hint_debt *debt);
/* Routes to the owners of now; those that stay keep what they have confirmed. 0 or SHOAL_ENOMEM. */
int hint_debt_reroute(struct hint_debt *debt);
/* NULL when the node is no owner. */
struct hint_route *hint_debt_route(struct hint_debt *debt, uint64_t node);

/* Looks what is to be done for the debt: wants passes, sweeps, or frees it when nothing is owed. */
void hint_debt_plan(struct hint_debt *debt);
/* Looks at it again at this time, or earlier. */
void hint_debt_plan_at(struct hint_debt *debt, uint64_t at_us);
/* Could a pass of the route begin, and would it bring anything? */
bool hint_route_ready(const struct hint_route *route, uint64_t newest);
/* Of a route that is idle. */
void hint_route_want(struct hint_route *route, bool is_probe, bool is_routine);
/* The route is wanted no more, and nothing of it is under way. */
void hint_route_rest(struct hint_route *route);

/* This node itself always is. */
bool hint_peer_linked(const struct hint_delivery *delivery, const struct hint_peer *peer);

/* hint_delivery.c */

/* The pass of the route has ended: with 0 it is through and has raised what is confirmed. */
void hint_route_ended(struct hint_route *route, bool was_routine, uint64_t took_us, int code);
/* Begins what passes can begin. */
void hint_delivery_run(struct hint_delivery *delivery);

/* hint_pass.c */
void hint_passes_init(struct hint_delivery *delivery);
/* NULL when all are under way. */
struct hint_pass *hint_pass_free(struct hint_delivery *delivery);
/* The pass is free. It may end at once. */
void hint_pass_begin(struct hint_pass *pass, struct hint_route *route);
/* Ends it, whatever is under way, without a word to the route. */
void hint_pass_abort(struct hint_pass *pass);

/* hint_sweep.c */
void hint_sweep_begin(struct hint_debt *debt, uint64_t ceiling);
/* The next page. */
void hint_sweep_step(struct hint_debt *debt);
void hint_sweep_abort(struct hint_debt *debt);
void hint_sweep_on_read(struct read_waiter *waiter, int code);

#endif
