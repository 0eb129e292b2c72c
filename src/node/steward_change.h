/* An operator's change of membership on its way, shared by the files that carry it out:
 *
 *      steward_operate.c   what was asked ----> a view with it in, or why not
 *      steward_judge.c     may it be?
 *      steward_change.c    that view is wanted -> durable -> known to another member -> answered
 *      steward_replace.c   before all that, the newcomer is told to join, staged
 *      steward_plan.c      the answer: what moves
 */
#ifndef NODE_STEWARD_CHANGE_H
#define NODE_STEWARD_CHANGE_H

#include "coordinate/request.h"
#include "node/ports.h"
#include "ring/view.h"

struct steward;

#define CHANGE_TEXT_BYTES 1024u

/* ---- the plan as an answer (steward_plan.c) ---- */

struct plan_wish {
    const struct view *before;
    const struct view *after;            /* with the change in it, committed or not */
    const struct layout *layout;         /* after the change; borrowed */
    const struct planner_report *report; /* NULL: none is known */
    uint32_t moves_least;                /* by the planner; 0: not known */
    uint32_t may_lose;
    bool committed;
};

/* An answer with memory of its own. */
struct plan {
    struct message_change_reply reply;
    struct layout *before;
    struct layout *after;
    struct plan_row *rows;
    char reason[256];
    char text[CHANGE_TEXT_BYTES];
};

/* 0 or SHOAL_ENOMEM. */
int plan_make(const struct steward *steward, const struct plan_wish *wish, struct plan **out);
void plan_free(struct plan *plan); /* NULL is fine */
/* A remark for people; empty: none. Lives in the plan. */
void plan_remark(struct plan *plan, const char *text);

/* ---- what a command comes to (steward_operate.c) ---- */

struct proposal {
    struct view *view;     /* with the change in it; a reference */
    struct layout *layout; /* that comes of it, in force or not; a reference */
    bool planned;          /* the report is of this layout */
    struct planner_report report;
    bool committed;               /* the layout is in force */
    uint32_t may_lose;            /* with it */
    char text[CHANGE_TEXT_BYTES]; /* a remark, or why it is refused and what to do */
};

/* A member and what may become of it. */
struct subject {
    uint64_t node;
    struct role role; /* as it counts now, less what is staged */
    bool live;        /* a live layout names it */
    bool staged;      /* something is staged of it */
};

/* Carries out leave, remove, set, commit and cancel on the wanted view, in thought. 0; 1 where
 * nothing changes (the view is the same); negative: refused, only the text is set. What is refused
 * names the node and says what to do. */
int operate(struct steward *steward, const struct message_change *ask, struct proposal *out);
/* Only shows: what is staged, or what if there were so many members. As above; the view stays. */
int operate_plan(struct steward *steward, const struct message_change *ask, struct proposal *out);
void proposal_end(struct proposal *proposal);

/* Asks for both roles at once (`second` NULL: one) and commits unless they are staged. */
int operate_with(struct steward *steward, const struct message_change *ask,
                 const struct role *first, const struct role *second, struct proposal *out);

/* ---- may it be (steward_judge.c) ---- */

/* Adds to the text, behind what is there already; returns the code. */
int judge_say(char text[CHANGE_TEXT_BYTES], int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The named member, or whoever leaves or has left: 0, or refused. */
int judge_subject(struct steward *steward, const struct message_change *ask, struct subject *out,
                  char text[CHANGE_TEXT_BYTES]);
/* By which kind its membership may end: ROLE_REMOVED where it is down or by force, else ROLE_OUT.
 * 0, or refused. */
int judge_end(struct steward *steward, const struct message_change *ask,
              const struct subject *subject, uint32_t *kind, char text[CHANGE_TEXT_BYTES]);
/* Fewer members than W could take no write at all: refused when it happens now, else said. */
int judge_members(const struct layout *before, const struct layout *after, bool now,
                  const struct message_change *ask, char text[CHANGE_TEXT_BYTES]);
/* Partitions that may have lost writes once all is committed that is staged. 0 or SHOAL_ENOMEM. */
int judge_losses(const struct view *view, uint32_t *out);

/* ---- on its way (steward_change.c, steward_replace.c) ---- */

enum change_step {
    CHANGE_CONTACTING, /* replace: the newcomer was told to join */
    CHANGE_AWAITING,   /* replace: its role is not known here yet */
    CHANGE_KEEPING,    /* the view with the change in it is being made durable */
    CHANGE_TELLING,    /* until another member is known to have it */
};

struct change {
    struct queue link;
    struct steward *steward;
    struct request *request;
    enum change_step step;
    uint64_t want;     /* durable once the steward's wants_kept is there */
    uint64_t until_us; /* of telling */
    struct plan *plan;
    struct timer timer;
    uint64_t ticket;                     /* replace: of the contact */
    char newcomer[LIMIT_NAME_BYTES + 1]; /* replace: its name, once it has joined; else empty */
};

struct changes {
    struct queue queue;
    uint32_t count;
    uint64_t ticket; /* the last one given */
};

void change_init(struct steward *steward);
/* The durable view has grown. */
void change_on_kept(struct steward *steward);
/* Another node turns out to know all of the durable view. */
void change_on_known(struct steward *steward, uint64_t node);
/* The answer to a contact with a ticket of STEWARD_CHANGE_TICKETS on. */
void change_on_contacted(struct steward *steward, uint64_t ticket, int code, struct bytes payload);
/* Nobody waits any more: the node stops. All are answered. */
void change_stop(struct steward *steward);
/* The steward ends: requests stay their surface's. */
void change_close(struct steward *steward);

/* Within: one that has come to its end. */
void change_fail(struct change *change, int code, const char *text);
/* What a proposal has come to: 0, 1 or a negative code, as of operate. Takes it over. */
void change_take(struct change *change, int result, struct proposal *proposal);
void change_wait(struct change *change, uint64_t us);

/* steward_replace.c */
void replace_begin(struct change *change);
void replace_on_contacted(struct change *change, int code, struct bytes payload);
/* Has the newcomer turned up? */
void replace_look(struct change *change);
/* Time is up: takes back what is staged. */
void replace_late(struct change *change);

#endif
