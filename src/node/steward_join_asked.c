/* What an operator's join-cluster is to a node: one that may leave its own cluster behind joins the
 * other; one that has others is brought together with a node of the same cluster (steward_meet.c),
 * and whatever else answers there, it stays where it is. */
#include "node/steward_inside.h"
#include "shoal/error.h"

#define JOINING_TEXT "this node is joining a cluster already: wait for that to end"
#define LEAVING_TEXT                                                                               \
    "this node is leaving its cluster, and others have not got all yet that it holds: wait until " \
    "status shows it as left"

/* NULL: it may, or may meet another node of its own cluster. */
static const char *join_refusal(const struct steward *steward, int *code)
{
    const struct join *join = &steward->join;
    if (join->stage != JOIN_NONE || steward->meet.request != NULL ||
        (join->by_seeds && steward->view == NULL)) {
        return JOINING_TEXT;
    }
    if (steward->view == NULL) {
        return "this node is still starting: try again";
    }
    if (steward_standing(steward) == STANDING_REMOVED) {
        *code = SHOAL_EPERM;
        return WORKER_REMOVED_TEXT;
    }
    return NULL;
}

/* NULL: it may become a member. */
static const char *join_staying(const struct steward *steward)
{
    switch (steward_standing(steward)) {
    case STANDING_ALONE:
    case STANDING_LEFT:
        return steward->changes.count > 0
                   ? "a change of membership is under way at this node: wait for that to end"
                   : NULL;
    case STANDING_LEAVING:
        return LEAVING_TEXT;
    default:
        return "this node is a member of a cluster with others: leave that first";
    }
}

const char *join_yet_to_come(const struct steward *steward)
{
    const struct role *asked = roles_find(&steward->view->roles, steward->id);
    if (steward_standing(steward) == STANDING_LEAVING) {
        return LEAVING_TEXT;
    }
    return asked != NULL && asked->staged ? "its share waits for shoal cluster commit" : NULL;
}

/* May there be nodes of its own cluster that it has lost sight of? Who has left has no need of
 * them, and who founded it and never had any others neither. */
static bool join_may_meet(const struct steward *steward)
{
    enum standing standing = steward_standing(steward);
    return standing == STANDING_MEMBER || standing == STANDING_LEAVING ||
           (standing == STANDING_ALONE && view_newest(steward->view)->key.version > 1);
}

static void join_refuse(struct steward *steward, struct request *request, int code,
                        const char *text)
{
    struct outcome outcome = {.code = code, .text = bytes_from_string(text)};
    worker_complete(steward->worker, request, &outcome);
}

void join_begin(struct steward *steward, struct request *request)
{
    struct join *join = &steward->join;
    const char *staying = join->stage != JOIN_NONE ? JOINING_TEXT : join_staying(steward);
    if (staying != NULL) {
        join_refuse(steward, request, SHOAL_ECONFLICT, staying);
        return;
    }
    join->request = request;
    memcpy(join->host, request->key.data, request->key.len);
    join->host[request->key.len] = '\0';
    join->port = (uint16_t)request->limit;
    join->invited = false;
    join->stage_only = request->stage;
    join_close_own(steward);
}

void steward_join(struct steward *steward, struct request *request)
{
    int code = SHOAL_ECONFLICT;
    const char *refusal = join_refusal(steward, &code);
    if (refusal == NULL && request->key.len > LIMIT_NAME_BYTES) {
        refusal = "the host's name is too long";
    }
    if (refusal != NULL) {
        join_refuse(steward, request, code, refusal);
    } else if (!request->stage && join_may_meet(steward)) {
        meet_begin(steward, request);
    } else {
        join_begin(steward, request);
    }
}
