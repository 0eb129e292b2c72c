/* Describing nodes, each from what is known of it: its record if it was ever heard of, else its
 * role alone; its marks and partitions in the newest layout; and the change that is asked for it,
 * which is wherever its role is another than that layout's. */
#include "api/native_nodes.h"

#include "node/worker.h"
#include "shoal/error.h"

#define MARKS_ALL (MARK_SEEN | MARK_SYNCED | MARK_ALL_SYNCED)

static const struct layout *newest(const struct snapshot *snapshot)
{
    return view_newest(snapshot->view);
}

static struct status_node describe_heard(const struct snapshot_node *known)
{
    const struct node_record *record = &known->record;
    return (struct status_node){
        .id = record->id,
        .name = bytes_from_string(record->name),
        .zone = bytes_from_string(record->zone),
        .host = bytes_from_string(record->host),
        .client_port = record->client_port,
        .peer_port = record->peer_port,
        .redis_port = record->redis_port,
        .http_port = record->http_port,
        .state = known->state,
        .keys = record->keys,
        .bytes = record->bytes,
        .hints = record->hints,
        .pending_sync = record->pending_sync,
        .weight = known->weight,
        .storage = record->storage,
        .releasing = record->releasing,
        .sync_rate = record->sync_rate,
        .memory = record->memory,
        .ops = record->ops,
        .ops_rate = record->ops_rate,
    };
}

/* Nothing has been heard of it but its role. */
static struct status_node describe_unheard(const struct snapshot *snapshot, uint64_t id)
{
    struct status_node node = {
        .id = id,
        .name = bytes_make("", 0),
        .zone = bytes_make("", 0),
        .host = bytes_make("", 0),
        .state = NODE_DOWN,
    };
    const struct role *role = roles_find(&newest(snapshot)->roles, id);
    if (role == NULL) {
        role = roles_find(&snapshot->view->roles, id);
    }
    if (role != NULL) {
        node.name = bytes_from_string(role->name);
        node.zone = bytes_from_string(role->zone);
        node.weight = role->weight;
    }
    return node;
}

/* ---- what is asked of it --------------------------------------------------------------------- */

static enum change_kind change_between(const struct role *before, const struct role *after)
{
    bool was_in = before != NULL && before->kind == ROLE_IN;
    bool is_in = after != NULL && after->kind == ROLE_IN;
    if (role_same(after, before)) {
        return CHANGE_STAYS;
    }
    if (is_in) {
        return was_in ? CHANGE_REWEIGHED : CHANGE_JOINS;
    }
    if (after != NULL && after->kind == ROLE_REMOVED) {
        return CHANGE_REMOVED;
    }
    return was_in ? CHANGE_LEAVES : CHANGE_STAYS;
}

static void describe_change(const struct snapshot *snapshot, struct status_node *node)
{
    const struct role *asked = roles_find(&snapshot->view->roles, node->id);
    const struct role *in_force = roles_find(&newest(snapshot)->roles, node->id);
    node->change = change_between(in_force, asked);
    node->staged = node->change != CHANGE_STAYS && asked != NULL && asked->staged;
}

/* ---- how far it is --------------------------------------------------------------------------- */

/* A mark that nobody waits for shows as set. */
static uint32_t describe_marks(const struct snapshot *snapshot, uint64_t node)
{
    const struct view *view = snapshot->view;
    uint32_t newest_index = view->live_count - 1;
    uint32_t marks = MARKS_ALL;
    if (!view_counted(view, node)) {
        return marks;
    }
    static const enum mark_kind kinds[] = {MARK_SEEN, MARK_SYNCED, MARK_ALL_SYNCED};
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (!view_marked(view, newest_index, kinds[i], node)) {
            marks &= ~(uint32_t)kinds[i];
        }
    }
    /* Of a layout that it is no member of a node has nothing to get. */
    return layout_member_index(newest(snapshot), node) < 0 ? marks | MARK_SYNCED : marks;
}

static struct status_node describe(const struct snapshot *snapshot, uint64_t id)
{
    const struct snapshot_node *known = snapshot_find(snapshot, id);
    struct status_node node =
        known != NULL ? describe_heard(known) : describe_unheard(snapshot, id);
    int index = layout_member_index(newest(snapshot), id);
    node.partitions = index < 0 ? 0 : newest(snapshot)->members[index].partitions;
    node.marks = describe_marks(snapshot, id);
    describe_change(snapshot, &node);
    return node;
}

/* ---- whom there is --------------------------------------------------------------------------- */

static const struct status_node *list_members(struct arena *arena, const struct snapshot *snapshot,
                                              const struct layout *layout)
{
    struct status_node *nodes = arena_alloc_array(arena, layout->member_count, sizeof(*nodes));
    for (uint32_t i = 0; nodes != NULL && i < layout->member_count; i++) {
        nodes[i] = describe(snapshot, layout->members[i].node);
    }
    return nodes;
}

const struct status_node *native_list_members(struct arena *arena, const struct snapshot *snapshot)
{
    return list_members(arena, snapshot, newest(snapshot));
}

/* Somebody that no record tells of. */
static bool shows_by_role(const struct snapshot *snapshot, const struct role *role)
{
    return snapshot_find(snapshot, role->node) == NULL &&
           !view_removed(snapshot->view, role->node) &&
           (role->kind == ROLE_IN || view_counted(snapshot->view, role->node));
}

const struct status_node *native_list_nodes(struct arena *arena, const struct snapshot *snapshot,
                                            uint32_t *count)
{
    const struct layout *layout = newest(snapshot);
    const struct roles *roles = &snapshot->view->roles;
    size_t most = (size_t)layout->member_count + snapshot->node_count + roles->count;
    struct status_node *nodes = arena_alloc_array(arena, most, sizeof(*nodes));
    if (nodes == NULL) {
        return NULL;
    }
    uint32_t found = 0;
    for (uint32_t i = 0; i < layout->member_count; i++) {
        nodes[found++] = describe(snapshot, layout->members[i].node);
    }
    for (uint32_t i = 0; i < snapshot->node_count && found < LIMIT_MEMBERS; i++) {
        uint64_t id = snapshot->nodes[i].record.id;
        if (layout_member_index(layout, id) < 0 && !view_removed(snapshot->view, id)) {
            nodes[found++] = describe(snapshot, id);
        }
    }
    for (uint32_t i = 0; i < roles->count && found < LIMIT_MEMBERS; i++) {
        uint64_t id = roles->items[i].node;
        if (layout_member_index(layout, id) < 0 && shows_by_role(snapshot, &roles->items[i])) {
            nodes[found++] = describe(snapshot, id);
        }
    }
    *count = found;
    return nodes;
}

/* ---- the answers ----------------------------------------------------------------------------- */

int native_describe_status(struct arena *arena, const struct snapshot *snapshot,
                           struct message_status_reply *out)
{
    const struct layout *layout = newest(snapshot);
    const struct cluster_facts *facts = view_facts(snapshot->view);
    struct message_status_reply reply = {
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
    reply.nodes = native_list_nodes(arena, snapshot, &reply.node_count);
    if (reply.nodes == NULL) {
        return SHOAL_ENOMEM;
    }
    *out = reply;
    return 0;
}

int native_describe_ring(struct arena *arena, const struct snapshot *snapshot,
                         const struct layout *layout, struct message_ring_reply *out)
{
    const struct status_node *nodes = list_members(arena, snapshot, layout);
    if (nodes == NULL) {
        return SHOAL_ENOMEM;
    }
    *out = (struct message_ring_reply){
        .layout_version = layout->key.version,
        .layout_hash = layout->key.hash,
        .partitions = layout->facts.partitions,
        .replicas = layout->replicas,
        .nodes = nodes,
        .node_count = layout->member_count,
        .owners = layout->owners,
    };
    return 0;
}

const char *native_mute(const struct snapshot *snapshot, int *code)
{
    if (snapshot == NULL) {
        *code = SHOAL_EQUORUM;
        return "this node is in no cluster yet: wait for it to join, or join it with join-cluster";
    }
    if (view_removed(snapshot->view, snapshot->self)) { /* what it knows is old, and nobody's */
        *code = SHOAL_EPERM;
        return WORKER_REMOVED_TEXT;
    }
    return NULL;
}
