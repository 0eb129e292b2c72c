/* shoal join-cluster: makes the node a member of another node's cluster, then follows its share of
 * the data until all has settled. Joining is done once the node says so; what follows only watches,
 * and giving it up changes nothing. */
#include "base/text.h"
#include "cli/change.h"
#include "cli/settle.h"

#define PEER_PORT_DEFAULT 4001u

static const struct shoal_node *self_of(const struct shoal_status *status)
{
    for (size_t i = 0; i < status->node_count; i++) {
        if (status->nodes[i].id == status->node) {
            return &status->nodes[i];
        }
    }
    return NULL;
}

static void tell_move(struct terminal *terminal, const struct shoal_status *status, bool staged)
{
    const struct shoal_node *self = self_of(status);
    if (self == NULL) {
        return;
    }
    if (staged) {
        terminal_remark(terminal,
                        "%s is known to cluster %s now and gets its share at shoal cluster commit",
                        self->name, status->cluster_name);
    } else {
        terminal_remark(terminal,
                        "%s is in cluster %s: layout %llu gives it %llu of %u partitions; their "
                        "data moves there now",
                        self->name, status->cluster_name,
                        (unsigned long long)status->layout_version,
                        (unsigned long long)self->partitions, status->partitions);
    }
}

/* Who has joined, for the watching; 0 when the node doesn't say. */
static uint64_t joined_node(struct session *session)
{
    struct shoal_status *status = NULL;
    if (shoal_status(session->client, NULL, &status) != 0) {
        return 0;
    }
    uint64_t node = status->node;
    tell_move(session->terminal, status, session->invocation->stage);
    shoal_status_free(status);
    return node;
}

static int follow(struct settle *settle, uint64_t node, const char *host, uint16_t port)
{
    struct expectation expected = {.come = &node, .come_count = node != 0 ? 1 : 0};
    lookout_add(&settle->lookout, host, port); /* nodes answer on their peer port, too */
    return settle_wait(settle, &expected);
}

static int run(struct session *session, const char *host, uint16_t port)
{
    struct settle settle;
    bool stage = session->invocation->stage;
    settle_begin(&settle, session);
    int code = shoal_join(session->client, host, port, stage, &session->options);
    int status = 0;
    if (code != 0) {
        status = session_fail(session, code);
    } else {
        settle_arm(&settle);
        uint64_t node = joined_node(session);
        status = stage ? 0 : follow(&settle, node, host, port);
    }
    settle_end(&settle);
    return status != 0 ? status : terminal_print_ok(session->terminal, (struct shoal_bytes){0});
}

int command_join(struct terminal *terminal, const struct invocation *invocation)
{
    char host[256];
    uint16_t port = 0;
    if (invocation->known_cluster_node == NULL ||
        text_parse_address(invocation->known_cluster_node, PEER_PORT_DEFAULT, host, &port) != 0) {
        return terminal_fail(terminal, SHOAL_EINVAL,
                             "join-cluster: give --known-cluster-node HOST:PEER_PORT, a node that "
                             "is in the cluster already");
    }
    struct session session;
    int status = change_session_open(&session, terminal, invocation);
    if (status != 0) {
        return status;
    }
    status = run(&session, host, port);
    session_close(&session);
    return status;
}
