/* What an operator's command comes to: a view with the change in it, or why not. Nothing is changed
 * here; all is thought through on the view that the node wants by now. */
#include "node/steward_inside.h"
#include "shoal/error.h"

#define WHAT_IF_NODES_MAX 1024u

void proposal_end(struct proposal *proposal)
{
    view_unref(proposal->view);
    layout_unref(proposal->layout);
    proposal->view = NULL;
    proposal->layout = NULL;
}

/* ---- what comes of it ---- */

static int say_none_left(char text[CHANGE_TEXT_BYTES])
{
    return judge_say(
        text, SHOAL_ECONFLICT,
        "no member would be left: the last one can't leave its cluster (to give the cluster "
        "up, stop the node and delete its data directory)");
}

/* The layout that the view would come to, all that is staged included. */
static int proposal_plan(const struct view *view, struct proposal *out)
{
    struct planner_report report = {0};
    int result = view_plan(view, &out->layout, &report);
    if (result == 1) {
        out->layout = layout_ref((struct layout *)view_newest(view));
        return 0;
    }
    out->planned = result == 0;
    out->report = report;
    return result == SHOAL_EINVAL ? say_none_left(out->text) : result;
}

/* Commits what is due in it. Takes the view over. */
static int proposal_commit(struct view *asked, struct proposal *out)
{
    struct view *committed;
    bool all = view_staged(asked) == 0; /* then what the planner says is said of this layout */
    int result = all ? proposal_plan(asked, out) : 0;
    if (result == 0) {
        result = view_commit(asked, &committed);
    }
    if (result == SHOAL_EOVERLOAD) {
        (void)judge_say(
            out->text, 0,
            "%u layouts are in force, as many as may be: the change is kept, and comes into "
            "force by itself when one of the changes under way has come to its end",
            asked->live_count);
        out->view = asked;
        return out->layout != NULL ? 0 : proposal_plan(asked, out);
    }
    if (result < 0) {
        view_unref(asked);
        return result == SHOAL_EINVAL ? say_none_left(out->text) : result;
    }
    view_unref(asked);
    layout_unref(out->layout);
    out->view = committed;
    out->layout = layout_ref((struct layout *)view_newest(committed));
    out->committed = result == 0 && !view_due(committed);
    if (result == 0 && !out->committed) {
        (void)judge_say(
            out->text, 0,
            "%u layouts are in force, as many as may be: the removal counts at once, the "
            "layout without the node follows by itself",
            committed->live_count);
    }
    return 0;
}

/* Takes the view with the roles in it over: plans it, or commits it as well. */
static int proposal_make(struct steward *steward, const struct message_change *ask,
                         struct view *asked, struct proposal *out)
{
    const struct layout *before = view_newest(steward->wanted);
    int result;
    if (ask->stage) {
        out->view = asked;
        result = proposal_plan(asked, out);
    } else {
        result = proposal_commit(asked, out);
    }
    if (result == 0) {
        result = judge_members(before, out->layout, !ask->stage, ask, out->text);
    }
    if (result == 0) {
        result = judge_losses(out->view, &out->may_lose);
    }
    if (result < 0) {
        proposal_end(out);
    }
    return result;
}

int operate_with(struct steward *steward, const struct message_change *ask,
                 const struct role *first, const struct role *second, struct proposal *out)
{
    struct view *asked;
    int result = view_with_role(steward->wanted, first, &asked);
    if (result >= 0 && second != NULL) {
        struct view *both;
        result = view_with_role(asked, second, &both);
        view_unref(asked);
        asked = both;
    }
    if (result == SHOAL_EOVERLOAD) {
        return judge_say(out->text, result,
                         "node '%s': a change of it waits for others to come to their end: look at "
                         "status, try again then",
                         first->name);
    }
    if (result == SHOAL_ECONFLICT) {
        return judge_say(out->text, result, "node '%s' was removed by force, which is final",
                         first->name);
    }
    if (result < 0) {
        return judge_say(out->text, result, "node '%s': %s", first->name, shoal_error_text(result));
    }
    return proposal_make(steward, ask, asked, out);
}

/* Nothing is to be changed. */
static int proposal_nothing(const struct steward *steward, struct proposal *out)
{
    out->view = view_ref(steward->wanted);
    int result = proposal_plan(out->view, out);
    if (result == 0) {
        result = judge_losses(out->view, &out->may_lose);
    }
    if (result < 0) {
        proposal_end(out);
    }
    return result < 0 ? result : 1;
}

/* ---- the commands ---- */

static int operate_end(struct steward *steward, const struct message_change *ask,
                       struct proposal *out)
{
    struct subject subject;
    uint32_t kind = ROLE_OUT;
    int result = judge_subject(steward, ask, &subject, out->text);
    if (result < 0) {
        return result;
    }
    const char *name = subject.role.name;
    bool gone = subject.role.kind == ROLE_REMOVED;
    bool out_already = subject.role.kind == ROLE_OUT && !subject.staged;
    if (gone) {
        (void)judge_say(out->text, 0, "node '%s' was removed by force already", name);
        return proposal_nothing(steward, out);
    }
    result = judge_end(steward, ask, &subject, &kind, out->text);
    if (result < 0) {
        return result;
    }
    if (out_already && kind == ROLE_OUT) {
        (void)judge_say(
            out->text, 0,
            subject.live ? "node '%s' is leaving already" : "node '%s' has left already", name);
        return proposal_nothing(steward, out);
    }
    subject.role.kind = kind;
    return operate_with(steward, ask, &subject.role, NULL, out);
}

static int operate_set(struct steward *steward, const struct message_change *ask,
                       struct proposal *out)
{
    struct subject subject;
    int result = judge_subject(steward, ask, &subject, out->text);
    if (result < 0) {
        return result;
    }
    struct role *role = &subject.role;
    if (role->kind != ROLE_IN) {
        return judge_say(out->text, SHOAL_ECONFLICT,
                         "node '%s' is no member any more: its weight and zone mean nothing",
                         role->name);
    }
    if (ask->weight > LIMIT_WEIGHT || (ask->weight == 0 && ask->zone.data == NULL)) {
        return judge_say(out->text, SHOAL_EINVAL,
                         "set a weight from 1 to %u, or a zone, for node '%s'", LIMIT_WEIGHT,
                         role->name);
    }
    if (ask->zone.data != NULL &&
        (ask->zone.len > LIMIT_NAME_BYTES || memchr(ask->zone.data, 0, ask->zone.len) != NULL)) {
        return judge_say(out->text, SHOAL_EINVAL,
                         "the zone's name is too long (%u bytes at most) or has a zero byte in it",
                         LIMIT_NAME_BYTES);
    }
    role->weight = ask->weight != 0 ? ask->weight : role->weight;
    if (ask->zone.data != NULL) {
        memset(role->zone, 0, sizeof(role->zone));
        memcpy(role->zone, ask->zone.data, ask->zone.len);
    }
    const struct role *asked = roles_find(&steward->wanted->roles, role->node);
    if (role_same(asked, role) && (!asked->staged || role->staged)) {
        (void)judge_say(out->text, 0, "node '%s' has that weight and zone already", role->name);
        return proposal_nothing(steward, out);
    }
    return operate_with(steward, ask, role, NULL, out);
}

static int operate_commit(struct steward *steward, const struct message_change *ask,
                          struct proposal *out)
{
    struct view *asked;
    int result = view_unstage(steward->wanted, &asked);
    if (result < 0) {
        return result;
    }
    if (result == 1 && !view_due(asked)) {
        view_unref(asked);
        (void)judge_say(out->text, 0, "nothing is staged");
        return proposal_nothing(steward, out);
    }
    struct message_change now = *ask;
    now.stage = false;
    return proposal_make(steward, &now, asked, out);
}

static int operate_cancel(struct steward *steward, struct proposal *out)
{
    uint32_t staged = view_staged(steward->wanted);
    int result = view_cancel(steward->wanted, &out->view);
    if (result < 0) {
        return result;
    }
    (void)judge_say(out->text, 0,
                    result == 1 ? "nothing is staged" : "staged changes that are forgotten: %u",
                    staged);
    int planned = proposal_plan(out->view, out);
    if (planned < 0) {
        proposal_end(out);
        return planned;
    }
    return result;
}

int operate(struct steward *steward, const struct message_change *ask, struct proposal *out)
{
    *out = (struct proposal){0};
    switch (ask->op) {
    case CHANGE_LEAVE:
    case CHANGE_REMOVE:
        return operate_end(steward, ask, out);
    case CHANGE_SET:
        return operate_set(steward, ask, out);
    case CHANGE_COMMIT:
        return operate_commit(steward, ask, out);
    case CHANGE_CANCEL:
        return operate_cancel(steward, out);
    default:
        return judge_say(out->text, SHOAL_EUNSUPPORTED,
                         "this version of the node does not know that change: upgrade it");
    }
}

int operate_plan(struct steward *steward, const struct message_change *ask, struct proposal *out)
{
    *out = (struct proposal){0};
    if (ask->nodes == 0) {
        if (view_staged(steward->wanted) == 0) {
            (void)judge_say(out->text, 0, "nothing is staged");
        }
        return proposal_nothing(steward, out);
    }
    if (ask->nodes > WHAT_IF_NODES_MAX) {
        return judge_say(out->text, SHOAL_EINVAL, "what if: 1 to %u nodes", WHAT_IF_NODES_MAX);
    }
    struct planner_report report = {0};
    int result = view_plan_nodes(steward->wanted, ask->nodes, &out->layout, &report);
    if (result == 1) {
        out->layout = layout_ref((struct layout *)view_newest(steward->wanted));
        result = 0;
    }
    if (result < 0) {
        return result;
    }
    out->planned = true;
    out->report = report;
    out->view = view_ref(steward->wanted);
    return 1;
}
