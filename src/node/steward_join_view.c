/* What a joiner makes of the view that it was admitted with: the cluster's facts must be those it
 * is built for, it puts itself in, and from then on that is the view it wants. Apart from finding
 * somebody to ask, and from what an operator is told (steward_join.c). */
#include "node/steward_inside.h"
#include "shoal/error.h"

/* What is already asked for this node is what it would ask: it has lost its data, or its cluster's
 * answer came late. Its weight and zone are the cluster's then, not its config's. */
static bool join_is_asked(const struct role *asked, bool stage)
{
    return asked != NULL && asked->kind == ROLE_IN && (!asked->staged || stage);
}

/* The cluster's view with this node in it, committed if it can be at once and shall be. */
static int join_view(struct steward *steward, struct view *theirs, struct view **out)
{
    struct role role;
    steward_role(steward, &role);
    role.staged = steward->join.stage_only;
    if (join_is_asked(roles_find(&theirs->roles, role.node), role.staged)) {
        *out = view_ref(theirs);
        return 0;
    }
    struct view *asked;
    int result = view_with_role(theirs, &role, &asked);
    if (result < 0 || role.staged) {
        *out = result < 0 ? NULL : asked;
        return result < 0 ? result : 0;
    }
    struct view *committed;
    result = view_commit(asked, &committed);
    if (result == SHOAL_EOVERLOAD) {
        *out = asked; /* changes are under way: planned as soon as they are through */
        return 0;
    }
    view_unref(asked);
    if (result < 0) {
        return result;
    }
    *out = committed;
    return 0;
}

/* It has left this cluster, and may know what the member that it asks doesn't. */
static bool join_again(const struct steward *steward, const struct message_admit_reply *reply)
{
    return steward->wanted != NULL && view_facts(steward->wanted)->id == reply->cluster;
}

static int join_theirs(const struct steward *steward, const struct message_admit_reply *reply,
                       struct view **out)
{
    struct view *theirs;
    int result = view_decode(reply->view, &theirs);
    if (result < 0) {
        return result;
    }
    if (!join_again(steward, reply)) {
        *out = theirs;
        return 0;
    }
    result = view_join(theirs, steward->wanted, out);
    view_unref(theirs);
    return result < 0 ? result : 0;
}

/* Its facts were compared there; what this node is built for must hold whatever comes. */
static int join_compose(struct steward *steward, const struct message_admit_reply *reply,
                        struct view *theirs, struct view **out)
{
    char why[640];
    if (view_facts(theirs)->id != reply->cluster) {
        return SHOAL_EPROTO;
    }
    if (steward_compare_facts(steward->config, view_facts(theirs), why) < 0) {
        return SHOAL_ECLUSTER;
    }
    if (reply->node != 0 && roles_find(&theirs->roles, reply->node) == NULL) {
        return SHOAL_EPROTO;
    }
    uint64_t id_before = steward->id;
    steward->id = reply->node != 0 ? reply->node : id_before;
    int result = join_view(steward, theirs, out);
    steward->id = id_before;
    return result;
}

/* Takes the view over; it is kept, and acted on then. */
static int join_want(struct steward *steward, const struct message_admit_reply *reply,
                     struct view *joined)
{
    struct join *join = &steward->join;
    join->stage = JOIN_KEEPING;
    join->cluster = reply->cluster;
    if (join->request != NULL) {
        (void)timers_start(&steward->worker->timers, &join->timer, join->request->deadline_us);
    }
    if (!join_again(steward, reply)) {
        steward_replace(steward, joined);
        return 0;
    }
    int result = steward_want(steward, joined);
    if (result < 0) { /* nothing has happened */
        join->stage = JOIN_CONTACTING;
        join->cluster = 0;
    }
    return result;
}

int join_take(struct steward *steward, const struct message_admit_reply *reply)
{
    struct view *theirs;
    struct view *joined = NULL;
    uint64_t id_before = steward->id;
    int result = join_theirs(steward, reply, &theirs);
    if (result < 0) {
        return result;
    }
    result = join_compose(steward, reply, theirs, &joined);
    view_unref(theirs);
    if (result < 0) {
        return result;
    }
    steward->join.returned = reply->node != 0;
    if (steward->join.returned) {
        steward_become(steward, reply->node);
    }
    /* A member that knows nobody's address could never tell that it is one. */
    bool twin;
    result = gossip_receive(&steward->gossip, 0, reply->records, reply->count,
                            steward->worker->now.mono_us, &twin);
    if (result < 0) {
        steward->id = id_before;
        gossip_become(&steward->gossip, id_before);
        view_unref(joined);
        return result;
    }
    steward_secret_join(steward, reply->secret);
    return join_want(steward, reply, joined);
}
