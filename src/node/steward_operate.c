/* What an operator's command comes to: a view with the change in it, or why not. Nothing is changed
 * here; all is thought through on the view that the node wants by now. Refusals name the node and
 * say what to do: they are read by somebody in the middle of the night. */
#include "node/steward_inside.h"
#include "shoal/error.h"

#include <stdarg.h>
#include <stdio.h>

#define WHAT_IF_NODES_MAX 1024u

static int say(char text[CHANGE_TEXT_BYTES], int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Adds to what is there already; returns the code. */
static int say(char text[CHANGE_TEXT_BYTES], int code, const char *format, ...)
{
    size_t len = strnlen(text, CHANGE_TEXT_BYTES - 1);
    if (len > 0 && len < CHANGE_TEXT_BYTES - 3) {
        memcpy(text + len, "; ", 3);
        len += 2;
    }
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text + len, CHANGE_TEXT_BYTES - len, format, arguments);
    va_end(arguments);
    return code;
}

void proposal_end(struct proposal *proposal)
{
    view_unref(proposal->view);
    layout_unref(proposal->layout);
    proposal->view = NULL;
    proposal->layout = NULL;
}

/* ---- whom it is about ---- */

static const struct role *role_by_name(const struct roles *roles, struct bytes name, bool in)
{
    for (uint32_t i = 0; i < roles->count; i++) {
        const struct role *role = &roles->items[i];
        if ((role->kind == ROLE_IN || !in) && strlen(role->name) == name.len &&
            memcmp(role->name, name.data, name.len) == 0) {
            return role;
        }
    }
    return NULL;
}

/* Members before those who leave, and these before all who have ever been in. */
static const struct role *named_role(const struct view *view, struct bytes name)
{
    const struct role *found = role_by_name(&view->roles, name, true);
    for (uint32_t i = view->live_count; i-- > 0 && found == NULL;) {
        found = role_by_name(&view->live[i].layout->roles, name, true);
    }
    return found != NULL ? found : role_by_name(&view->roles, name, false);
}

int operate_find(struct steward *steward, const struct message_change *ask, struct subject *out,
                 char text[CHANGE_TEXT_BYTES])
{
    const struct view *view = steward->wanted;
    uint64_t node = steward->id;
    if (ask->node.data != NULL) {
        const struct role *named = named_role(view, ask->node);
        if (named == NULL) {
            return say(text, SHOAL_ENOTFOUND,
                       "no member is called '%.*s': status lists their names",
                       ask->node.len > 80 ? 80 : (int)ask->node.len, (const char *)ask->node.data);
        }
        node = named->node;
    }
    const struct role *asked = roles_find(&view->roles, node);
    const struct role *counts = steward_role_of(view, node);
    if (asked == NULL) {
        return say(text, SHOAL_ENOTFOUND, "this node, '%s', is no member: join it first",
                   steward->config->name);
    }
    *out = (struct subject){.node = node,
                            .role = counts != NULL ? *counts : *asked,
                            .live = steward_is_live(view, node),
                            .staged = asked->staged};
    if (counts == NULL && asked->kind != ROLE_IN) {
        out->role.kind = ROLE_OUT;
    }
    out->role.author = steward->id;
    out->role.staged = ask->stage;
    return 0;
}

/* ---- may it be ---- */

static bool subject_is_down(const struct steward *steward, const struct subject *subject)
{
    uint64_t now_us = steward->worker->now.mono_us;
    return subject->node != steward->id &&
           gossip_state(&steward->gossip, subject->node, now_us) == NODE_DOWN;
}

/* Partitions that may have lost writes once all is committed that is staged. */
static int losses(const struct view *view, uint32_t *out)
{
    struct view *unstaged;
    int result = view_unstage(view, &unstaged);
    if (result < 0) {
        return result;
    }
    struct view *committed = NULL;
    result = view_commit(unstaged, &committed);
    if (result >= 0 || result == SHOAL_EOVERLOAD || result == SHOAL_EINVAL) {
        *out = view_may_lose(result >= 0 ? committed : unstaged, NULL, 0);
        result = 0;
    }
    view_unref(committed);
    view_unref(unstaged);
    return result;
}

/* Removing the node must not take the last copy of acknowledged writes with it. */
static int judge_losses(const struct steward *steward, const struct role *removed,
                        char text[CHANGE_TEXT_BYTES])
{
    uint32_t before = 0;
    uint32_t after = 0;
    struct view *with;
    int result = view_with_role(steward->wanted, removed, &with);
    if (result < 0) {
        return say(text, result, "node '%s' can't be removed: %s", removed->name,
                   shoal_error_text(result));
    }
    result = losses(steward->wanted, &before);
    if (result == 0) {
        result = losses(with, &after);
    }
    view_unref(with);
    if (result < 0) {
        return say(text, result, "%s", shoal_error_text(result));
    }
    if (after > before) {
        return say(text, SHOAL_EQUORUM,
                   "node '%s' is down, and without it acknowledged writes of %u partitions may be "
                   "lost, for too few of their owners would be left: bring it back, or wait until "
                   "an earlier removal has come to its end; to remove it all the same, remove it "
                   "with --force",
                   removed->name, after - before);
    }
    return 0;
}

int operate_end_kind(struct steward *steward, const struct message_change *ask,
                     const struct subject *subject, uint32_t *kind, char text[CHANGE_TEXT_BYTES])
{
    bool down = subject_is_down(steward, subject);
    *kind = ROLE_OUT;
    if (ask->op == CHANGE_LEAVE) {
        if (down) {
            (void)say(text, 0,
                      "node '%s' is down: this can't come to its end before it is back; if it is "
                      "gone for good, remove it instead",
                      subject->role.name);
        }
        return 0;
    }
    if (ask->force && subject->node == steward->id) {
        return say(text, SHOAL_EINVAL,
                   "node '%s' can't remove itself by force: ask another member, or let it leave",
                   subject->role.name);
    }
    if (ask->force || down) {
        struct role removed = subject->role;
        removed.kind = ROLE_REMOVED;
        *kind = ROLE_REMOVED;
        return ask->force ? 0 : judge_losses(steward, &removed, text);
    }
    return 0;
}

/* Fewer members than W could take no write at all. */
static int judge_members(const struct layout *before, const struct layout *after, bool now,
                         const struct message_change *ask, char text[CHANGE_TEXT_BYTES])
{
    const struct cluster_facts *facts = &after->facts;
    uint32_t left = after->member_count;
    if (left >= before->member_count) {
        return 0;
    }
    if (left < facts->w && now && !ask->force) {
        return say(text, SHOAL_EQUORUM,
                   "that would leave %u member%s, fewer than W=%u, and all writes would fail: add "
                   "members first, or repeat it with --force",
                   left, left == 1 ? "" : "s", facts->w);
    }
    if (left < facts->w) {
        return say(text, 0, "%u member%s will be left, fewer than W=%u: all writes will fail", left,
                   left == 1 ? "" : "s", facts->w);
    }
    if (left < facts->n) {
        return say(text, 0,
                   "%u members will be left, fewer than N=%u: every partition has only %u copies "
                   "until more join",
                   left, facts->n, after->replicas);
    }
    return 0;
}

/* ---- what comes of it ---- */

static int say_none_left(char text[CHANGE_TEXT_BYTES])
{
    return say(text, SHOAL_ECONFLICT,
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
    (void)snprintf(out->reason, sizeof(out->reason), "%s", result == 0 ? report.reason : "");
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
        (void)say(out->text, 0,
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
        (void)say(out->text, 0,
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
        result = losses(out->view, &out->may_lose);
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
        return say(out->text, result,
                   "node '%s': a change of it waits for others to come to their end: look at "
                   "status, try again then",
                   first->name);
    }
    if (result == SHOAL_ECONFLICT) {
        return say(out->text, result, "node '%s' was removed by force, which is final",
                   first->name);
    }
    if (result < 0) {
        return say(out->text, result, "node '%s': %s", first->name, shoal_error_text(result));
    }
    return proposal_make(steward, ask, asked, out);
}

/* Nothing is to be changed. */
static int proposal_nothing(const struct steward *steward, struct proposal *out)
{
    out->view = view_ref(steward->wanted);
    int result = proposal_plan(out->view, out);
    if (result == 0) {
        result = losses(out->view, &out->may_lose);
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
    int result = operate_find(steward, ask, &subject, out->text);
    if (result < 0) {
        return result;
    }
    const char *name = subject.role.name;
    bool gone = subject.role.kind == ROLE_REMOVED;
    bool out_already = subject.role.kind == ROLE_OUT && !subject.staged;
    if (gone) {
        (void)say(out->text, 0, "node '%s' was removed by force already", name);
        return proposal_nothing(steward, out);
    }
    result = operate_end_kind(steward, ask, &subject, &kind, out->text);
    if (result < 0) {
        return result;
    }
    if (out_already && kind == ROLE_OUT) {
        (void)say(out->text, 0,
                  subject.live ? "node '%s' is leaving already" : "node '%s' has left already",
                  name);
        return proposal_nothing(steward, out);
    }
    subject.role.kind = kind;
    return operate_with(steward, ask, &subject.role, NULL, out);
}

static int operate_set(struct steward *steward, const struct message_change *ask,
                       struct proposal *out)
{
    struct subject subject;
    int result = operate_find(steward, ask, &subject, out->text);
    if (result < 0) {
        return result;
    }
    struct role *role = &subject.role;
    if (role->kind != ROLE_IN) {
        return say(out->text, SHOAL_ECONFLICT,
                   "node '%s' is no member any more: its weight and zone mean nothing", role->name);
    }
    if (ask->weight > LIMIT_WEIGHT || (ask->weight == 0 && ask->zone.data == NULL)) {
        return say(out->text, SHOAL_EINVAL, "set a weight from 1 to %u, or a zone, for node '%s'",
                   LIMIT_WEIGHT, role->name);
    }
    if (ask->zone.data != NULL &&
        (ask->zone.len > LIMIT_NAME_BYTES || memchr(ask->zone.data, 0, ask->zone.len) != NULL)) {
        return say(out->text, SHOAL_EINVAL,
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
        (void)say(out->text, 0, "node '%s' has that weight and zone already", role->name);
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
        (void)say(out->text, 0, "nothing is staged");
        return proposal_nothing(steward, out);
    }
    return proposal_make(steward, ask, asked, out);
}

static int operate_cancel(struct steward *steward, struct proposal *out)
{
    uint32_t staged = view_staged(steward->wanted);
    int result = view_cancel(steward->wanted, &out->view);
    if (result < 0) {
        return result;
    }
    (void)say(out->text, 0,
              result == 1 ? "nothing is staged" : "staged changes that are forgotten: %u", staged);
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
        return say(out->text, SHOAL_EUNSUPPORTED,
                   "this version of the node does not know that change: upgrade it");
    }
}

int operate_plan(struct steward *steward, const struct message_change *ask, struct proposal *out)
{
    *out = (struct proposal){0};
    if (ask->nodes == 0) {
        if (view_staged(steward->wanted) == 0) {
            (void)say(out->text, 0, "nothing is staged");
        }
        return proposal_nothing(steward, out);
    }
    if (ask->nodes > WHAT_IF_NODES_MAX) {
        return say(out->text, SHOAL_EINVAL, "what if: 1 to %u nodes", WHAT_IF_NODES_MAX);
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
    (void)snprintf(out->reason, sizeof(out->reason), "%s", report.reason);
    out->view = view_ref(steward->wanted);
    return 1;
}
