/* The members' side of joining: any of them says whether a node may become one, and hands it all it
 * needs for that: the view, who the others are, and the secret or the proof of having it. Nothing
 * is changed here: it is the joiner that adds itself. */
#include "node/steward_inside.h"
#include "shoal/error.h"

#include <stdio.h>

/* What a member tells one who wants to become one, or become one again: then *node says who. */
static int admit_judge(struct steward *steward, const struct message_admit *admit, uint64_t *node,
                       char why[1024])
{
    if (steward->view == NULL) {
        (void)snprintf(why, 1024, "node '%s' is in no cluster itself yet", steward->config->name);
        return SHOAL_EQUORUM;
    }
    if (steward->join.stage != JOIN_NONE && steward->join.stage != JOIN_TELLING &&
        admit->node != steward->id) {
        (void)snprintf(why, 1024, "node '%s' is about to join a cluster itself: ask again",
                       steward->config->name);
        return SHOAL_EQUORUM; /* whoever came now would be left behind in this one */
    }
    const struct cluster_facts *facts = view_facts(steward->view);
    struct node_config theirs = {
        .partitions = admit->partitions, .n = admit->n, .r = admit->r, .w = admit->w};
    if (admit->cluster_name.len > LIMIT_NAME_BYTES || admit->name.len > LIMIT_NAME_BYTES) {
        (void)snprintf(why, 1024, "a name is too long");
        return SHOAL_EINVAL;
    }
    memcpy(theirs.cluster_name, admit->cluster_name.data, admit->cluster_name.len);
    memcpy(theirs.name, admit->name.data, admit->name.len);
    char difference[640];
    if (steward_compare_facts(&theirs, facts, difference) < 0) {
        (void)snprintf(why, 1024,
                       "the joiner is configured for another cluster: %s (here = the joiner); "
                       "change its config and start it again",
                       difference);
        return SHOAL_ECLUSTER;
    }
    const struct role *namesake = roles_find_member_by_name(&steward->view->roles, theirs.name);
    if (namesake != NULL && namesake->node != admit->node) {
        *node = steward_returning_member(steward, namesake, admit);
        if (*node == 0) {
            (void)snprintf(why, 1024,
                           "a member is called '%s' already, at another address: give the joiner "
                           "another node.name",
                           theirs.name);
            return SHOAL_ECONFLICT;
        }
    }
    if (view_removed(steward->view, admit->node)) {
        (void)snprintf(why, 1024,
                       "this node was removed by force: it can come back only with an empty data "
                       "directory");
        return SHOAL_EPERM;
    }
    return 0;
}

static int admit_fill(struct steward *steward, struct message_admit_reply *reply)
{
    struct worker *worker = steward->worker;
    struct buffer encoded;
    buffer_init(&encoded, 0);
    int result = view_encode(steward->view, &encoded);
    if (result == 0) {
        reply->view = arena_copy(&worker->arena, buffer_bytes(&encoded));
        result = reply->view.data == NULL ? SHOAL_ENOMEM : 0;
    }
    buffer_deinit(&encoded);
    reply->cluster = view_facts(steward->view)->id;
    if (result == 0) {
        reply->secret = steward_secret_show(steward, reply->cluster, &worker->arena);
        result = reply->secret.data == NULL ? SHOAL_ENOMEM : 0;
    }
    if (result == 0) {
        result = gossip_records(&steward->gossip, &worker->arena, &reply->records, &reply->count);
    }
    return result;
}

void steward_on_admit(struct steward *steward, struct source source,
                      const struct message_admit *admit)
{
    struct worker *worker = steward->worker;
    struct message_admit_reply reply = {.id = admit->id};
    char why[1024];
    reply.code = admit_judge(steward, admit, &reply.node, why);
    if (reply.code == 0) {
        reply.code = admit_fill(steward, &reply);
        (void)snprintf(why, sizeof(why), "%s", shoal_error_text(reply.code));
    }
    if (reply.code != 0) {
        reply = (struct message_admit_reply){
            .id = admit->id, .code = reply.code, .text = bytes_from_string(why)};
    }
    buffer_clear(&worker->reply);
    if (message_admit_reply_encode(&reply, &worker->reply) == 0) {
        worker_reply(worker, source, buffer_bytes(&worker->reply));
    }
}
