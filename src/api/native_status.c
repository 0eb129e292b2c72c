/* STATUS and RING, answered from the snapshot that the worker has adopted: no question to anyone.
 */
#include "api/native_nodes.h"
#include "api/native_state.h"
#include "shoal/error.h"

static const struct snapshot *snapshot_or_refuse(struct session *session, uint64_t id)
{
    const struct snapshot *snapshot = worker_snapshot(session->loop->worker);
    if (snapshot == NULL) {
        session_refuse(session, id, SHOAL_EQUORUM,
                       "this node is in no cluster yet: wait for it to join, or join it with "
                       "join-cluster");
        return NULL;
    }
    if (view_removed(snapshot->view, snapshot->self)) { /* what it knows is old, and nobody's */
        session_refuse(session, id, SHOAL_EPERM, WORKER_REMOVED_TEXT);
        return NULL;
    }
    return snapshot;
}

static void send_or_refuse(struct session *session, uint64_t id, int code)
{
    if (code == 0) {
        connection_send(session->connection);
    } else {
        session_refuse(session, id, code, "the answer could not be put together");
    }
}

void native_take_status(struct session *session, const struct frame *frame)
{
    const struct snapshot *snapshot = snapshot_or_refuse(session, frame->id);
    if (snapshot == NULL) {
        return;
    }
    const struct layout *layout = view_newest(snapshot->view);
    const struct cluster_facts *facts = view_facts(snapshot->view);
    struct message_status_reply reply = {
        .id = frame->id,
        .node = snapshot->self,
        .cluster = facts->id,
        .cluster_name = bytes_from_string(facts->name),
        .layout_version = layout->key.version,
        .layout_hash = layout->key.hash,
        .live_layouts = snapshot->view->live_count,
        .partitions = facts->partitions,
        .n = facts->n,
        .r = facts->r,
        .w = facts->w,
        .staged = view_staged(snapshot->view),
        .may_lose = view_may_lose(snapshot->view, NULL, 0),
        .oldest_version = snapshot->view->live[0].layout->key.version,
    };
    reply.nodes = native_list_nodes(&session->loop->arena, snapshot, &reply.node_count);
    struct buffer *out = connection_output(session->connection);
    if (out != NULL) {
        send_or_refuse(session, frame->id,
                       reply.nodes == NULL ? SHOAL_ENOMEM
                                           : message_status_reply_encode(&reply, out));
    }
}

void native_take_ring(struct session *session, const struct frame *frame)
{
    const struct snapshot *snapshot = snapshot_or_refuse(session, frame->id);
    if (snapshot == NULL) {
        return;
    }
    const struct layout *layout = view_newest(snapshot->view);
    const struct status_node *nodes = native_list_members(&session->loop->arena, snapshot);
    struct message_ring_reply reply = {
        .id = frame->id,
        .layout_version = layout->key.version,
        .layout_hash = layout->key.hash,
        .partitions = layout->facts.partitions,
        .replicas = layout->replicas,
        .nodes = nodes,
        .node_count = layout->member_count,
        .owners = layout->owners,
    };
    struct buffer *out = connection_output(session->connection);
    if (out != NULL) {
        send_or_refuse(session, frame->id,
                       nodes == NULL ? SHOAL_ENOMEM : message_ring_reply_encode(&reply, out));
    }
}
