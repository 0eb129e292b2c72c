/* shoal join-cluster: makes the node a member of another node's cluster, then waits until the new
 * layout has settled, that is, until every member has its share of the data. Joining is done once
 * the node says so; the waiting only watches, and giving it up changes nothing. */
#include <time.h>

#include "base/text.h"
#include "cli/progress.h"
#include "cli/session.h"

#define JOIN_TIMEOUT_MS 30000u
#define SETTLE_TIMEOUT_US (UINT64_C(3600) * 1000000)
#define PEER_PORT_DEFAULT 4001u
#define POLL_MS 200

static const struct shoal_node *self_of(const struct shoal_status *status)
{
    for (size_t i = 0; i < status->node_count; i++) {
        if (status->nodes[i].id == status->node) {
            return &status->nodes[i];
        }
    }
    return NULL;
}

static uint64_t pending_of(const struct shoal_status *status)
{
    uint64_t pending = 0;
    for (size_t i = 0; i < status->node_count; i++) {
        pending += status->nodes[i].pending_sync;
    }
    return pending;
}

static bool is_settled(const struct shoal_status *status)
{
    const struct shoal_node *self = self_of(status);
    return status->live_layouts == 1 && self != NULL && strcmp(self->state, "up") == 0 &&
           self->partitions > 0 && self->pending_sync == 0;
}

static void tell_move(struct terminal *terminal, const struct shoal_status *status)
{
    const struct shoal_node *self = self_of(status);
    if (self != NULL) {
        terminal_remark(terminal,
                        "%s is in cluster %s: layout %llu gives it %llu of %u partitions; their "
                        "data moves there now",
                        self->name, status->cluster_name,
                        (unsigned long long)status->layout_version,
                        (unsigned long long)self->partitions, status->partitions);
    }
}

static void pause_between_polls(void)
{
    const struct timespec pause = {.tv_nsec = POLL_MS * 1000000L};
    (void)nanosleep(&pause, NULL);
}

/* Until the layout has settled or the time is up; a status that fails is asked for again. */
static int settle(struct session *session, struct progress *progress, uint64_t until_us)
{
    bool told = false;
    while (progress_now_us() < until_us) {
        struct shoal_status *status = NULL;
        if (shoal_status(session->client, NULL, &status) == 0) {
            bool settled = is_settled(status);
            const struct shoal_node *self = self_of(status);
            if (!told && self != NULL && self->partitions > 0) {
                tell_move(session->terminal, status);
                told = true;
            }
            char text[64];
            (void)snprintf(text, sizeof(text), "%llu partitions to go",
                           (unsigned long long)pending_of(status));
            shoal_status_free(status);
            if (settled) {
                return 0;
            }
            progress_show(progress, 0, text);
        }
        pause_between_polls();
    }
    progress_end(progress);
    return terminal_fail(session->terminal, SHOAL_EUNKNOWN,
                         "the node has joined, but its data has not all arrived in time; it goes "
                         "on by itself, see shoal status --watch");
}

static int run(struct session *session, const char *host, uint16_t port, uint64_t settle_us)
{
    struct progress progress;
    progress_begin(&progress, session->terminal, "moving:", 0);
    uint64_t until_us = progress_now_us() + settle_us;
    int code = shoal_join(session->client, host, port, 0, &session->options);
    if (code != 0) {
        return session_fail(session, code);
    }
    int status = settle(session, &progress, until_us);
    progress_end(&progress);
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
    int status = session_open(&session, terminal, invocation, JOIN_TIMEOUT_MS);
    if (status != 0) {
        return status;
    }
    uint64_t settle_us = invocation->timeout_us > 0 ? invocation->timeout_us : SETTLE_TIMEOUT_US;
    status = run(&session, host, port, settle_us);
    session_close(&session);
    return status;
}
