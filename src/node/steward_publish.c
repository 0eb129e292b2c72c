/* Publishing: the durable view and what gossip knows of the nodes become one immutable snapshot,
 * and every worker is sent it. */
#include "base/log.h"
#include "base/memory.h"
#include "node/steward_inside.h"

#include <stdlib.h>

static int steward_compare_nodes(const void *a, const void *b)
{
    uint64_t x = ((const struct snapshot_node *)a)->record.id;
    uint64_t y = ((const struct snapshot_node *)b)->record.id;
    return x < y ? -1 : x > y;
}

static void steward_sort(struct snapshot *snapshot)
{
    qsort(snapshot->nodes, snapshot->node_count, sizeof(*snapshot->nodes), steward_compare_nodes);
}

static void steward_list_known(struct steward *steward, struct snapshot *snapshot)
{
    size_t cursor = 0;
    uint64_t id;
    void *value;
    snapshot->nodes[snapshot->node_count++] =
        (struct snapshot_node){.record = steward->gossip.self,
                               .state = steward->gossip.self.state,
                               .weight = steward->config->weight};
    while (table_next(&steward->gossip.nodes, &cursor, &id, &value)) {
        const struct gossip_node *node = value;
        snapshot->nodes[snapshot->node_count++] = (struct snapshot_node){
            .record = node->record,
            .state = steward_state_of(steward, id),
            .clock_ahead = node->heard_directly &&
                           node->clock_ahead_ms > (int64_t)steward->config->clock_ahead_ms_max,
        };
    }
}

/* A member's weight and zone are what its role says, for operators may have changed them; of what
 * is staged, what it was before. */
static void steward_list_role(const struct view *view, struct snapshot_node *node)
{
    const struct role *role = steward_role_of(view, node->record.id);
    role = role != NULL ? role : roles_find(&view->roles, node->record.id); /* a joiner's */
    if (role != NULL) {
        node->weight = role->weight;
        memcpy(node->record.zone, role->zone, sizeof(node->record.zone));
    }
}

/* Members that have never been heard of, and every node's role. */
static void steward_list_roles(struct steward *steward, struct snapshot *snapshot)
{
    const struct roles *roles = &steward->view->roles;
    struct snapshot known = {.nodes = snapshot->nodes, .node_count = snapshot->node_count};
    steward_sort(snapshot);
    for (uint32_t i = 0; i < roles->count; i++) {
        const struct role *role = &roles->items[i];
        bool member = role->kind == ROLE_IN || steward_is_live(steward->view, role->node);
        if (member && snapshot_find(&known, role->node) == NULL) {
            struct snapshot_node *node = &snapshot->nodes[snapshot->node_count++];
            *node = (struct snapshot_node){.state = steward_state_of(steward, role->node),
                                           .weight = role->weight};
            node->record.id = role->node;
            memcpy(node->record.name, role->name, sizeof(node->record.name));
            memcpy(node->record.zone, role->zone, sizeof(node->record.zone));
        }
    }
    for (uint32_t i = 0; i < snapshot->node_count; i++) {
        steward_list_role(steward->view, &snapshot->nodes[i]);
    }
    qsort(snapshot->nodes, snapshot->node_count, sizeof(*snapshot->nodes), steward_compare_nodes);
}

static struct snapshot *steward_snapshot(struct steward *steward)
{
    struct worker *worker = steward->worker;
    struct snapshot *snapshot = mem_alloc_zeroed(1, sizeof(*snapshot));
    if (snapshot == NULL) {
        return NULL;
    }
    size_t nodes_max = steward->gossip.nodes.count + steward->view->roles.count + 1;
    snapshot->references = 1;
    snapshot->nodes = mem_alloc_zeroed(nodes_max, sizeof(*snapshot->nodes));
    snapshot->tickets = mem_alloc_zeroed(worker->count, sizeof(*snapshot->tickets));
    snapshot->tickets_void = mem_alloc_zeroed(worker->count, sizeof(*snapshot->tickets_void));
    if (snapshot->nodes == NULL || snapshot->tickets == NULL || snapshot->tickets_void == NULL) {
        snapshot_unref(snapshot);
        return NULL;
    }
    const struct cluster_facts *facts = view_facts(steward->view);
    snapshot->epoch = steward->epoch + 1;
    snapshot->self = steward->id;
    snapshot->view = view_ref(steward->view);
    snapshot->returning = steward->returning;
    snapshot->closed = steward->closed;
    snapshot->worker_count = worker->count;
    uint64_t bound_ms = steward->config->clock_ahead_ms_max;
    uint64_t now_us = worker->now.mono_us;
    snapshot->self_clock_ahead = gossip_clock_ahead(&steward->gossip, bound_ms, now_us);
    snapshot->self_clock_doubtful = gossip_clock_doubtful(&steward->gossip, bound_ms, now_us);
    memcpy(snapshot->tickets, steward->tickets, worker->count * sizeof(*snapshot->tickets));
    memcpy(snapshot->tickets_void, steward->tickets_void,
           worker->count * sizeof(*snapshot->tickets_void));
    memcpy(snapshot->included, steward->included, sizeof(snapshot->included));
    steward_secret_token_keys(steward, &snapshot->token_keys);
    hash_secret_init(&snapshot->position_secret, facts->hash_seed);
    steward_list_known(steward, snapshot);
    steward_list_roles(steward, snapshot);
    return snapshot;
}

static bool is_suspect(uint32_t state)
{
    return state == NODE_SUSPECT || state == NODE_DOWN;
}

/* Who was well when this was published last, and isn't any more. */
static void steward_count_suspicions(struct steward *steward, struct snapshot *snapshot)
{
    const struct snapshot *before = steward->published;
    for (uint32_t i = 0; before != NULL && i < snapshot->node_count; i++) {
        const struct snapshot_node *node = &snapshot->nodes[i];
        const struct snapshot_node *was = snapshot_find(before, node->record.id);
        steward->counts.suspicions +=
            was != NULL && is_suspect(node->state) && !is_suspect(was->state) ? 1 : 0;
    }
    snapshot_unref(steward->published);
    steward->published = snapshot_ref(snapshot);
}

void steward_publish(struct steward *steward)
{
    struct worker *worker = steward->worker;
    if (steward->view == NULL) {
        return;
    }
    struct snapshot *snapshot = steward_snapshot(steward);
    if (snapshot == NULL) {
        return; /* the next heartbeat tries again */
    }
    steward->epoch = snapshot->epoch;
    steward_count_suspicions(steward, snapshot);
    for (uint32_t i = 0; i < worker->count; i++) {
        struct letter_snapshot *letter = mem_alloc(sizeof(*letter));
        if (letter == NULL) {
            break;
        }
        letter->snapshot = snapshot_ref(snapshot);
        worker_post(worker, i, &letter->letter, LETTER_SNAPSHOT);
    }
    snapshot_unref(snapshot);
}
