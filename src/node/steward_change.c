/* Operators' changes on their way. A change is done when it is durable here and another member is
 * known to have it, so that it outlives this node; where no other member can be reached, or none
 * confirms in time, being durable here has to do, and the answer says so. Who asked is answered
 * exactly once, with the plan of what moves. (There is no leader to ask and nothing to lock: two
 * changes made at two nodes at once merge, see ring/roles.h.) */
#include "base/assert.h"
#include "base/log.h"
#include "base/memory.h"
#include "node/steward_inside.h"
#include "shoal/error.h"

#include <stdio.h>

#define CHANGES_MAX 16u /* at a time */
#define CHANGE_TELL_US UINT64_C(2000000)
#define CHANGE_PUSH_US UINT64_C(50000)

static void change_on_timer(struct timer *timer, uint64_t now_us);

void change_init(struct steward *steward)
{
    queue_init(&steward->changes.queue);
}

/* ---- the end of a change ---- */

static void change_free(struct change *change)
{
    struct steward *steward = change->steward;
    timers_stop(&steward->worker->timers, &change->timer);
    queue_remove(&change->link);
    steward->changes.count--;
    plan_free(change->plan);
    mem_free(change);
}

static void change_answer(struct change *change, const struct outcome *outcome)
{
    struct worker *worker = change->steward->worker;
    struct request *request = change->request;
    struct plan *plan = change->plan; /* the outcome borrows from it */
    change->plan = NULL;
    change_free(change);
    worker_complete(worker, request, outcome);
    plan_free(plan);
}

void change_fail(struct change *change, int code, const char *text)
{
    struct outcome outcome = {.code = code, .text = bytes_from_string(text)};
    log_info("membership: a change was not made", LOG_TEXT("reason", text));
    change_answer(change, &outcome);
}

/* Done, with one more remark if there is one. */
static void change_done(struct change *change, const char *more)
{
    char text[CHANGE_TEXT_BYTES];
    if (more != NULL) {
        (void)snprintf(text, sizeof(text), "%.800s%s%s", change->plan->text,
                       change->plan->text[0] == '\0' ? "" : "; ", more);
        plan_remark(change->plan, text);
    }
    struct outcome outcome = {.code = 0, .changed = &change->plan->reply};
    change_answer(change, &outcome);
}

/* ---- durable, then known to another ---- */

void change_wait(struct change *change, uint64_t us)
{
    struct worker *worker = change->steward->worker;
    uint64_t at_us = worker->now.mono_us + us;
    if (timers_start(&worker->timers, &change->timer, at_us) < 0) {
        change_fail(change, SHOAL_EUNKNOWN, "out of memory; look at status");
    }
}

static uint64_t change_left_us(const struct change *change)
{
    uint64_t now_us = change->steward->worker->now.mono_us;
    return change->request->deadline_us > now_us ? change->request->deadline_us - now_us : 0;
}

/* A node that has left may be switched off for good any moment: its knowing is worth nothing. */
static bool change_concerns(const struct steward *steward, uint64_t node)
{
    const struct role *role = roles_find(&steward->view->roles, node);
    return node != steward->id && role != NULL && !view_removed(steward->view, node) &&
           (role->kind == ROLE_IN || steward_is_live(steward->view, node));
}

/* Is there another member that this node reaches? */
static bool change_has_listener(const struct steward *steward)
{
    const struct roles *roles = &steward->view->roles;
    for (uint32_t i = 0; i < roles->count; i++) {
        uint64_t node = roles->items[i].node;
        if (change_concerns(steward, node) && reach_linked(&steward->worker->reach, node)) {
            return true;
        }
    }
    return false;
}

static void change_tell(struct change *change)
{
    struct steward *steward = change->steward;
    uint64_t left_us = change_left_us(change);
    change->step = CHANGE_TELLING;
    if (!change_has_listener(steward)) {
        bool alone = view_newest(steward->view)->member_count == 1;
        change_done(change, alone ? NULL
                                  : "no other member can be reached now: they are told as soon as "
                                    "they can be");
        return;
    }
    change->until_us =
        steward->worker->now.mono_us + (left_us < CHANGE_TELL_US ? left_us : CHANGE_TELL_US);
    change_wait(change, CHANGE_PUSH_US);
}

/* Those that have come so far, each handled once though handling frees it. */
static void changes_each(struct steward *steward, enum change_step step, bool durable,
                         void (*handle)(struct change *change))
{
    struct queue *at = steward->changes.queue.next;
    while (at != &steward->changes.queue) {
        struct change *change = QUEUE_ITEM(at, struct change, link);
        at = at->next;
        if (change->step == step && (!durable || steward->wants_kept >= change->want)) {
            handle(change);
        }
    }
}

void change_on_kept(struct steward *steward)
{
    changes_each(steward, CHANGE_KEEPING, true, change_tell);
    changes_each(steward, CHANGE_AWAITING, false, replace_look);
}

static void change_known(struct change *change)
{
    change_done(change, NULL);
}

void change_on_known(struct steward *steward, uint64_t node)
{
    if (change_concerns(steward, node)) {
        changes_each(steward, CHANGE_TELLING, true, change_known);
    }
}

void change_take(struct change *change, int result, struct proposal *proposal)
{
    struct steward *steward = change->steward;
    if (result < 0) {
        change_fail(change, result,
                    proposal->text[0] != '\0' ? proposal->text : shoal_error_text(result));
        return;
    }
    struct plan_wish wish = {.before = steward->wanted,
                             .after = proposal->view,
                             .layout = proposal->layout,
                             .report = proposal->planned ? &proposal->report : NULL,
                             .may_lose = proposal->may_lose,
                             .committed = proposal->committed};
    int made = plan_make(steward, &wish, &change->plan);
    if (made < 0) {
        proposal_end(proposal);
        change_fail(change, made, "out of memory; nothing was changed");
        return;
    }
    plan_remark(change->plan, proposal->text);
    if (result == 0) {
        result = steward_want(steward, view_ref(proposal->view));
        if (result < 0) {
            proposal_end(proposal);
            change_fail(change, result, "the change could not be taken; nothing was changed");
            return;
        }
    } else if (change->request->change->op == CHANGE_PLAN) {
        proposal_end(proposal);
        change_done(change, NULL);
        return;
    }
    proposal_end(proposal);
    change->step = CHANGE_KEEPING;
    change->want = steward->wants;
    if (steward->wants_kept >= change->want) {
        change_tell(change);
    } else {
        change_wait(change, change_left_us(change));
    }
}

/* ---- time ---- */

static void change_on_timer(struct timer *timer, uint64_t now_us)
{
    struct change *change = QUEUE_ITEM(timer, struct change, timer);
    switch (change->step) {
    case CHANGE_CONTACTING:
    case CHANGE_AWAITING:
        replace_late(change);
        return;
    case CHANGE_KEEPING:
        change_fail(change, SHOAL_EUNKNOWN,
                    "this node could not write its own record in time; the change is made once it "
                    "can: look at its log and at status");
        return;
    case CHANGE_TELLING:
        if (now_us >= change->until_us) {
            change_done(change, "no other member has confirmed yet to know of it: they go on being "
                                "told");
            return;
        }
        steward_push(change->steward);
        change_wait(change, CHANGE_PUSH_US);
        return;
    }
}

/* ---- the beginning ---- */

/* NULL: it may be. */
static const char *change_refusal(const struct steward *steward, const struct message_change *ask,
                                  int *code)
{
    enum join_stage joining = steward->join.stage;
    *code = SHOAL_ECONFLICT;
    if (steward->view == NULL) {
        *code = SHOAL_EQUORUM;
        return "this node is in no cluster yet: wait for it to join, or join it with join-cluster";
    }
    if (joining != JOIN_NONE && joining != JOIN_TELLING) {
        return "this node is joining a cluster: wait for that to end";
    }
    enum standing standing = steward_standing(steward);
    if (standing == STANDING_REMOVED) {
        *code = SHOAL_EPERM;
        return WORKER_REMOVED_TEXT;
    }
    if (standing == STANDING_LEFT && ask->op != CHANGE_PLAN &&
        !(ask->op == CHANGE_LEAVE && ask->node.data == NULL)) {
        return "this node has left its cluster: ask a member";
    }
    if (steward->changes.count >= CHANGES_MAX) {
        *code = SHOAL_EOVERLOAD;
        return "this node has many changes under way: try again";
    }
    return NULL;
}

void steward_change(struct steward *steward, struct request *request)
{
    struct worker *worker = steward->worker;
    const struct message_change *ask = request->change;
    ASSERT(ask != NULL);
    int code;
    const char *refusal = change_refusal(steward, ask, &code);
    struct change *change = refusal == NULL ? mem_alloc_zeroed(1, sizeof(*change)) : NULL;
    if (change == NULL) {
        struct outcome outcome = {.code = refusal != NULL ? code : SHOAL_ENOMEM};
        outcome.text = bytes_from_string(refusal != NULL ? refusal : "out of memory");
        worker_complete(worker, request, &outcome);
        return;
    }
    change->steward = steward;
    change->request = request;
    change->timer.fire = change_on_timer;
    queue_push(&steward->changes.queue, &change->link);
    steward->changes.count++;
    if (ask->op == CHANGE_REPLACE) {
        replace_begin(change);
        return;
    }
    struct proposal proposal;
    int result = ask->op == CHANGE_PLAN ? operate_plan(steward, ask, &proposal)
                                        : operate(steward, ask, &proposal);
    change_take(change, result, &proposal);
}

void change_on_contacted(struct steward *steward, uint64_t ticket, int code, struct bytes payload)
{
    struct queue *at = steward->changes.queue.next;
    for (; at != &steward->changes.queue; at = at->next) {
        struct change *change = QUEUE_ITEM(at, struct change, link);
        if (change->step == CHANGE_CONTACTING && change->ticket == ticket) {
            replace_on_contacted(change, code, payload);
            return;
        }
    }
}

/* ---- the steward's end ---- */

void change_stop(struct steward *steward)
{
    while (!queue_empty(&steward->changes.queue)) {
        struct change *change = QUEUE_ITEM(steward->changes.queue.next, struct change, link);
        switch (change->step) {
        case CHANGE_CONTACTING:
        case CHANGE_AWAITING:
            replace_late(change);
            break;
        case CHANGE_KEEPING:
            change_fail(change, SHOAL_EUNKNOWN, "this node is stopping: look at status");
            break;
        case CHANGE_TELLING:
            change_done(change, "this node is stopping, and no other member has confirmed yet to "
                                "know of it: they are told when it is back");
            break;
        }
    }
}

void change_close(struct steward *steward)
{
    while (!queue_empty(&steward->changes.queue)) {
        change_free(QUEUE_ITEM(steward->changes.queue.next, struct change, link));
    }
}
