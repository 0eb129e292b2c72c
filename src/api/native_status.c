/* STATUS and RING, answered from the snapshot that the worker has adopted: no question to anyone.
 */
#include "api/native_state.h"
#include "shoal/error.h"

static const struct snapshot *snapshot_or_refuse(struct session *session, uint64_t id)
{
    const struct snapshot *snapshot = worker_snapshot(session->loop->worker);
    if (snapshot == NULL) {
        session_refuse(session, id, SHOAL_EQUORUM,
                       "this node is in no cluster yet: wait for it to join, or join it with "
                       "join-cluster");
    }
    return snapshot;
}

static struct status_node describe(const struct snapshot_node *node)
{
    const struct node_record *record = &node->record;
    return (struct status_node){
        .id = record->id,
        .name = bytes_from_string(record->name),
        .zone = bytes_from_string(record->zone),
        .host = bytes_from_string(record->host),
        .client_port = record->client_port,
        .peer_port = record->peer_port,
        .redis_port = record->redis_port,
        .http_port = record->http_port,
        .state = node->state,
        .keys = record->keys,
        .bytes = record->bytes,
        .hints = record->hints,
        .pending_sync = record->pending_sync,
        .weight = node->weight,
        .storage = record->storage,
    };
}

/* A member of the layout of which nothing has been heard but its role. */
static struct status_node describe_unheard(const struct layout *layout,
                                           const struct layout_member *member)
{
    struct status_node node = {
        .id = member->node,
        .name = bytes_make("", 0),
        .zone = bytes_make("", 0),
        .host = bytes_make("", 0),
        .state = NODE_DOWN,
        .weight = member->weight,
    };
    const struct role *role = roles_find(&layout->roles, member->node);
    if (role != NULL) {
        node.name = bytes_from_string(role->name);
        node.zone = bytes_from_string(role->zone);
    }
    return node;
}

static struct status_node describe_member(const struct snapshot *snapshot,
                                          const struct layout *layout, uint32_t index)
{
    const struct layout_member *member = &layout->members[index];
    const struct snapshot_node *known = snapshot_find(snapshot, member->node);
    struct status_node node = known != NULL ? describe(known) : describe_unheard(layout, member);
    node.partitions = member->partitions;
    return node;
}

static void send_or_refuse(struct session *session, uint64_t id, int code)
{
    if (code == 0) {
        connection_send(session->connection);
    } else {
        session_refuse(session, id, code, "the answer could not be put together");
    }
}

/* The layout's members, then those that are known but own nothing. */
static const struct status_node *list_all(struct loop *loop, const struct snapshot *snapshot,
                                          uint32_t *count)
{
    const struct layout *layout = view_newest(snapshot->view);
    struct status_node *nodes = arena_alloc_array(
        &loop->arena, (size_t)layout->member_count + snapshot->node_count, sizeof(*nodes));
    if (nodes == NULL) {
        return NULL;
    }
    uint32_t found = 0;
    for (uint32_t i = 0; i < layout->member_count; i++) {
        nodes[found++] = describe_member(snapshot, layout, i);
    }
    for (uint32_t i = 0; i < snapshot->node_count && found < LIMIT_MEMBERS; i++) {
        if (layout_member_index(layout, snapshot->nodes[i].record.id) < 0) {
            nodes[found++] = describe(&snapshot->nodes[i]);
        }
    }
    *count = found;
    return nodes;
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
    };
    reply.nodes = list_all(session->loop, snapshot, &reply.node_count);
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
    struct status_node *nodes =
        arena_alloc_array(&session->loop->arena, layout->member_count, sizeof(*nodes));
    for (uint32_t i = 0; nodes != NULL && i < layout->member_count; i++) {
        nodes[i] = describe_member(snapshot, layout, i);
    }
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
