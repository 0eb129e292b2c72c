/* Whom a change is about, and whether it may be. What is refused names the node and says what to
 * do: it is read by somebody in the middle of the night. Nothing is refused that is merely unwise;
 * that is said in the answer. */
#include "base/memory.h"
#include "base/text.h"
#include "node/steward_inside.h"
#include "shoal/error.h"

#include <stdarg.h>
#include <stdio.h>

int judge_say(char text[CHANGE_TEXT_BYTES], int code, const char *format, ...)
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

/* ---- whom it is about ---- */

static bool role_is_named(const struct role *role, struct bytes name)
{
    return strlen(role->name) == name.len && memcmp(role->name, name.data, name.len) == 0;
}

static const struct role *member_by_name(const struct roles *roles, struct bytes name)
{
    for (uint32_t i = 0; i < roles->count; i++) {
        if (roles->items[i].kind == ROLE_IN && role_is_named(&roles->items[i], name)) {
            return &roles->items[i];
        }
    }
    return NULL;
}

/* One that has ever been in. A name may have been that of several: who has left and has not let go
 * of all comes before who has, and both before who was removed, of whom nothing more is to be said.
 */
static const struct role *former_by_name(const struct steward *steward, struct bytes name)
{
    const struct roles *roles = &steward->wanted->roles;
    const struct role *found = NULL;
    uint32_t most = 0;
    for (uint32_t i = 0; i < roles->count; i++) {
        const struct role *role = &roles->items[i];
        bool out = role->kind == ROLE_OUT && !view_removed(steward->wanted, role->node);
        uint32_t rank = !out ? 1 : steward_state_of(steward, role->node) == NODE_LEFT ? 2 : 3;
        if (role_is_named(role, name) && rank > most) {
            most = rank;
            found = role;
        }
    }
    return found;
}

/* Members before those who leave, and these before all who have ever been in. */
static const struct role *named_role(const struct steward *steward, struct bytes name)
{
    const struct view *view = steward->wanted;
    const struct role *found = member_by_name(&view->roles, name);
    for (uint32_t i = view->live_count; i-- > 0 && found == NULL;) {
        found = member_by_name(&view->live[i].layout->roles, name);
    }
    return found != NULL ? found : former_by_name(steward, name);
}

static int say_unknown(const struct roles *roles, struct bytes name, char text[CHANGE_TEXT_BYTES])
{
    char asked[LIMIT_NAME_BYTES + 1] = "";
    memcpy(asked, name.data, name.len < LIMIT_NAME_BYTES ? name.len : LIMIT_NAME_BYTES);
    const char **names = mem_alloc_zeroed((size_t)roles->count + 1, sizeof(*names));
    uint32_t count = 0;
    for (uint32_t i = 0; names != NULL && i < roles->count; i++) {
        if (roles->items[i].kind == ROLE_IN) {
            names[count++] = roles->items[i].name;
        }
    }
    const char *nearest = names == NULL ? NULL : text_nearest(asked, names);
    mem_free(names);
    if (nearest != NULL) {
        return judge_say(text, SHOAL_EINVAL, "no member is called '%.80s': did you mean '%.80s'?",
                         asked, nearest);
    }
    return judge_say(text, SHOAL_EINVAL, "no member is called '%.80s': status lists their names",
                     asked);
}

int judge_subject(struct steward *steward, const struct message_change *ask, struct subject *out,
                  char text[CHANGE_TEXT_BYTES])
{
    const struct view *view = steward->wanted;
    uint64_t node = steward->id;
    if (ask->node.data != NULL) {
        const struct role *named = named_role(steward, ask->node);
        if (named == NULL) {
            return say_unknown(&view->roles, ask->node, text);
        }
        node = named->node;
    }
    const struct role *asked = roles_find(&view->roles, node);
    const struct role *counts = steward_role_of(view, node);
    if (asked == NULL) {
        return judge_say(text, SHOAL_EINVAL, "this node, '%s', is no member: join it first",
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

/* Silent for long, and no connection to it either. */
static bool subject_is_down(const struct steward *steward, const struct subject *subject)
{
    return subject->node != steward->id && steward_state_of(steward, subject->node) == NODE_DOWN &&
           !reach_linked(&steward->worker->reach, subject->node);
}

/* A node that reaches none of the others may itself be the one that is cut off. */
static bool judge_is_cut_off(const struct steward *steward, const struct subject *subject)
{
    const struct roles *roles = &steward->wanted->roles;
    uint32_t others = 0;
    for (uint32_t i = 0; i < roles->count; i++) {
        uint64_t node = roles->items[i].node;
        if (roles->items[i].kind == ROLE_IN && node != steward->id && node != subject->node) {
            others++;
            if (reach_linked(&steward->worker->reach, node)) {
                return false;
            }
        }
    }
    return others > 0;
}

/* Is a node asked to be removed for good that doesn't count as removed yet? */
static bool judge_removes(const struct view *view)
{
    for (uint32_t i = 0; i < view->roles.count; i++) {
        const struct role *role = &view->roles.items[i];
        if (role->kind == ROLE_REMOVED && !view_removed(view, role->node)) {
            return true;
        }
    }
    return false;
}

int judge_losses(const struct view *view, uint32_t *out)
{
    if (!judge_removes(view)) { /* planning, for large clusters, takes a while */
        *out = view_may_lose(view, NULL, 0);
        return 0;
    }
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
static int judge_removal(const struct steward *steward, const struct role *removed,
                         char text[CHANGE_TEXT_BYTES])
{
    uint32_t before = 0;
    uint32_t after = 0;
    struct view *with;
    int result = view_with_role(steward->wanted, removed, &with);
    if (result < 0) {
        return judge_say(text, result, "node '%s' can't be removed: %s", removed->name,
                         shoal_error_text(result));
    }
    result = judge_losses(steward->wanted, &before);
    if (result == 0) {
        result = judge_losses(with, &after);
    }
    view_unref(with);
    if (result < 0) {
        return judge_say(text, result, "%s", shoal_error_text(result));
    }
    if (after > before) {
        return judge_say(
            text, SHOAL_EQUORUM,
            "node '%s' is down, and without it acknowledged writes of %u partitions may be "
            "lost, for too few of their owners would be left: bring it back, or wait until "
            "an earlier removal has come to its end; to remove it all the same, remove it "
            "with --force",
            removed->name, after - before);
    }
    return 0;
}

int judge_end(struct steward *steward, const struct message_change *ask,
              const struct subject *subject, uint32_t *kind, char text[CHANGE_TEXT_BYTES])
{
    bool down = subject_is_down(steward, subject);
    *kind = ROLE_OUT;
    if (ask->op == CHANGE_LEAVE) {
        if (down) {
            (void)judge_say(
                text, 0,
                "node '%s' is down: this can't come to its end before it is back; if it is "
                "gone for good, remove it instead",
                subject->role.name);
        }
        return 0;
    }
    if (ask->force && subject->node == steward->id) {
        return judge_say(
            text, SHOAL_EINVAL,
            "node '%s' can't remove itself by force: ask another member, or let it leave",
            subject->role.name);
    }
    if (down && judge_is_cut_off(steward, subject)) {
        (void)judge_say(text, 0,
                        "this node reaches no other member: if it is cut off itself, the others "
                        "go on without knowing of this");
    }
    if (ask->force || down) {
        struct role removed = subject->role;
        removed.kind = ROLE_REMOVED;
        *kind = ROLE_REMOVED;
        return ask->force ? 0 : judge_removal(steward, &removed, text);
    }
    return 0;
}

int judge_members(const struct layout *before, const struct layout *after, bool now,
                  const struct message_change *ask, char text[CHANGE_TEXT_BYTES])
{
    const struct cluster_facts *facts = &after->facts;
    uint32_t left = after->member_count;
    if (left >= before->member_count) {
        return 0;
    }
    if (left < facts->w && now && !ask->force) {
        return judge_say(
            text, SHOAL_EQUORUM,
            "that would leave %u member%s, fewer than W=%u, and all writes would fail: add "
            "members first, or repeat it with --force",
            left, left == 1 ? "" : "s", facts->w);
    }
    if (left < facts->w) {
        return judge_say(text, 0, "%u member%s will be left, fewer than W=%u: all writes will fail",
                         left, left == 1 ? "" : "s", facts->w);
    }
    if (left < facts->n) {
        return judge_say(
            text, 0,
            "%u members will be left, fewer than N=%u: every partition has only %u copies "
            "until more join",
            left, facts->n, after->replicas);
    }
    return 0;
}
