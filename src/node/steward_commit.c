/* Changes that are due: asked for and committed, but not in the newest layout, because another
 * commit has won over theirs, or because there was no room for one more live layout. They are
 * committed again without an operator: soon by the node that the change is about, later by anyone
 * else, at random times, so that mostly one node does it (and no harm is done if two do). What is
 * staged waits for an operator. */
#include "base/log.h"
#include "node/steward_inside.h"
#include "shoal/error.h"

#define COMMIT_OWN_US_MIN UINT64_C(200000)
#define COMMIT_OWN_US_SPREAD UINT64_C(800000)
#define COMMIT_OTHER_US_MIN UINT64_C(2000000)
#define COMMIT_OTHER_US_SPREAD UINT64_C(4000000)

static void commit_on_timer(struct timer *timer, uint64_t now_us);

void commit_init(struct steward *steward)
{
    steward->commit.fire = commit_on_timer;
}

void commit_close(struct steward *steward)
{
    timers_stop(&steward->worker->timers, &steward->commit);
}

/* Is the change of this very node due? */
static bool commit_is_own(const struct steward *steward)
{
    const struct view *view = steward->view;
    const struct role *asked = steward_role_of(view, steward->id);
    const struct role *has = roles_find(&view_newest(view)->roles, steward->id);
    return asked != NULL && !role_same(asked, has);
}

void commit_review(struct steward *steward)
{
    const struct view *view = steward->view;
    struct worker *worker = steward->worker;
    bool own = view != NULL && commit_is_own(steward);
    if (view == NULL || steward->stopping || !view_due(view) || view_removed(view, steward->id) ||
        !(own || steward_is_live(view, steward->id))) {
        timers_stop(&worker->timers, &steward->commit);
        return;
    }
    uint64_t wait_us =
        own ? COMMIT_OWN_US_MIN + random_below(&worker->random, COMMIT_OWN_US_SPREAD)
            : COMMIT_OTHER_US_MIN + random_below(&worker->random, COMMIT_OTHER_US_SPREAD);
    bool sooner = own && steward->commit.deadline_us >
                             worker->now.mono_us + COMMIT_OWN_US_MIN + COMMIT_OWN_US_SPREAD;
    if (!timer_running(&steward->commit) || sooner) {
        (void)timers_start(&worker->timers, &steward->commit, worker->now.mono_us + wait_us);
    }
}

/* Both of two members, say, were asked to leave, each on its side of a partition: the one that the
 * newest layout still names stays, for a cluster can't be without any. */
static void commit_stay(struct steward *steward)
{
    const struct role *role = steward_role_of(steward->view, steward->id);
    if (role == NULL || role->kind != ROLE_OUT ||
        layout_member_index(view_newest(steward->view), steward->id) < 0) {
        return;
    }
    log_warning("layout: this node was asked to leave, but would leave no member behind; it stays");
    struct role stays = *role;
    stays.kind = ROLE_IN;
    stays.staged = false;
    stays.author = steward->id;
    struct view *view;
    int result = view_with_role(steward->view, &stays, &view);
    if (result >= 0) {
        (void)steward_want(steward, view);
    }
}

static void commit_on_timer(struct timer *timer, uint64_t now_us)
{
    struct steward *steward = QUEUE_ITEM(timer, struct steward, commit);
    (void)now_us;
    if (steward->view == NULL || steward->keep_active ||
        steward->wanted->digest != steward->view->digest || !view_due(steward->view)) {
        return; /* reviewed again when that is through */
    }
    struct view *committed;
    int result = view_commit(steward->view, &committed);
    if (result == 0) {
        log_info("layout: a change that had not come into force is committed again");
    }
    if (result >= 0) {
        (void)steward_want(steward, committed);
    } else if (result == SHOAL_EINVAL) {
        commit_stay(steward);
    }
}
