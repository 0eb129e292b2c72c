/* The end of a membership. A node that was asked to leave is *leaving* while a live layout names it
 * or it holds what others are still to get: data that it is to release, hints. After that it has
 * *left*: it keeps the cluster's view, goes on passing requests on, comes back to the same state
 * after a restart, and joins again only by an operator's word. A node that was removed by force
 * serves nothing any more; it stays up to say so. */
#include "base/log.h"
#include "node/steward_inside.h"

#include <stdio.h>

const struct role *steward_role_of(const struct view *view, uint64_t node)
{
    const struct role *asked = roles_find(&view->roles, node);
    if (asked == NULL || !asked->staged) {
        return asked;
    }
    const struct role *newest = NULL;
    for (uint32_t i = 0; i < view->live_count; i++) {
        const struct role *recorded = roles_find(&view->live[i].layout->roles, node);
        if (recorded != NULL && (newest == NULL || role_newer(recorded, newest))) {
            newest = recorded;
        }
    }
    return newest;
}

bool steward_is_live(const struct view *view, uint64_t node)
{
    for (uint32_t i = 0; i < view->live_count; i++) {
        if (layout_member_index(view->live[i].layout, node) >= 0) {
            return true;
        }
    }
    return false;
}

static bool steward_is_alone(const struct steward *steward)
{
    const struct layout *newest = view_newest(steward->view);
    return steward->view->live_count == 1 && newest->member_count == 1 &&
           newest->members[0].node == steward->id;
}

/* Has every worker let go of everything, by what it has said of this view? Once it has, a later
 * view brings nothing back. */
static bool steward_is_empty(const struct steward *steward)
{
    struct worker_tally sum;
    steward_tally_sum(steward, &sum);
    bool told =
        steward->standing == STANDING_LEFT || steward_all_adopted(steward, steward->view_epoch);
    return told && sum.releasing == 0 && sum.hints == 0;
}

enum standing steward_standing(const struct steward *steward)
{
    const struct view *view = steward->view;
    if (view_removed(view, steward->id)) {
        return STANDING_REMOVED;
    }
    const struct role *asked = roles_find(&view->roles, steward->id);
    const struct role *role = steward_role_of(view, steward->id);
    bool staged_in = role == NULL && asked != NULL && asked->kind == ROLE_IN;
    if (staged_in || (role != NULL && role->kind == ROLE_IN)) {
        return steward_is_alone(steward) ? STANDING_ALONE : STANDING_MEMBER;
    }
    return steward_is_live(view, steward->id) || !steward_is_empty(steward) ? STANDING_LEAVING
                                                                            : STANDING_LEFT;
}

/* ---- telling people ---- */

static void steward_note_loss(struct steward *steward)
{
    uint32_t first[8];
    uint32_t count = 0;
    if (steward->may_lose_view == steward->view->digest) {
        return;
    }
    steward->may_lose_view = steward->view->digest;
    if (steward->view->removed_count > 0) {
        count = view_may_lose(steward->view, first, 8);
    }
    if (count > steward->may_lose) {
        char list[128] = "";
        size_t len = 0;
        for (uint32_t i = 0; i < count && i < 8; i++) {
            len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%u", i == 0 ? "" : " ",
                                    first[i]);
        }
        log_warning("layout: too many owners of some partitions were removed by force; "
                    "acknowledged writes may be lost",
                    LOG_U64("partitions", count), LOG_TEXT("first", list));
    }
    steward->may_lose = count;
}

bool steward_note_standing(struct steward *steward)
{
    if (steward->view == NULL) {
        return false;
    }
    steward_note_loss(steward);
    enum standing standing = steward_standing(steward);
    if (standing == steward->standing) {
        return false;
    }
    steward->standing = standing;
    if (standing == STANDING_LEAVING) {
        log_info("leave: this node hands over what it holds");
    } else if (standing == STANDING_LEFT) {
        log_info("leave: done; this node holds nothing any more and may be stopped");
    } else if (standing == STANDING_REMOVED) {
        log_error("cluster: this node was removed by force; it serves nothing any more. To bring "
                  "the machine back, start it with an empty data directory and join it anew");
    }
    return true;
}
