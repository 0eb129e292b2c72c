/* Gossip: what this node tells the others and hears from them, at every heartbeat and, when the
 * view has news, at once. Only the durable view is ever told. */
#include "base/log.h"
#include "base/memory.h"
#include "node/steward_inside.h"
#include "shoal/error.h"

#include <stdlib.h>

void steward_refresh_self(struct steward *steward)
{
    struct node_record self = steward->gossip.self;
    struct worker_tally sum = {0};
    for (uint32_t i = 0; i < steward->worker->count; i++) {
        sum.keys += steward->tallies[i].keys;
        sum.bytes += steward->tallies[i].bytes;
        sum.hints += steward->tallies[i].hints;
        sum.pending += steward->tallies[i].pending;
        sum.refilling += steward->tallies[i].refilling;
        if (steward->tallies[i].storage > sum.storage) {
            sum.storage = steward->tallies[i].storage; /* the worst speaks for the node */
        }
    }
    self.keys = sum.keys;
    self.bytes = sum.bytes;
    self.hints = sum.hints;
    self.pending_sync = sum.pending;
    self.storage = sum.storage;
    self.state = NODE_UP;
    bool unread = steward->returning && !steward_all_adopted(steward, 1);
    if (sum.refilling > 0 || unread) {
        self.state = NODE_REFILLING;
    } else if (steward->view != NULL &&
               layout_member_index(view_read_layout(steward->view), steward->id) < 0) {
        self.state = NODE_JOINING;
    }
    const struct node_record *told = &steward->gossip.self;
    if (told->keys != self.keys || told->bytes != self.bytes || told->hints != self.hints ||
        told->state != self.state || told->pending_sync != self.pending_sync ||
        told->storage != self.storage) {
        gossip_set_self(&steward->gossip, &self);
    }
}

static uint64_t steward_peer_digest(const struct steward *steward, uint64_t node)
{
    return (uint64_t)(uintptr_t)table_get(&steward->peer_digests, node);
}

static void steward_note_digest(struct steward *steward, uint64_t node, uint64_t digest)
{
    if (digest != 0 && table_get(&steward->gossip.nodes, node) != NULL) {
        (void)table_put(&steward->peer_digests, node, (void *)(uintptr_t)digest);
    }
}

int steward_tell(struct steward *steward, uint64_t theirs, struct message_gossip *out)
{
    struct worker *worker = steward->worker;
    *out = (struct message_gossip){
        .cluster = view_facts(steward->view)->id,
        .from = steward->id,
        .wall_ms = worker->now.wall_ms,
        .view_digest = steward->view->digest,
        .view = bytes_make(NULL, 0),
    };
    if (theirs != steward->view->digest) {
        struct buffer encoded;
        buffer_init(&encoded, 0);
        int result = view_encode(steward->view, &encoded);
        if (result == 0) {
            out->view = arena_copy(&worker->arena, buffer_bytes(&encoded));
        }
        buffer_deinit(&encoded);
        if (result < 0 || out->view.data == NULL) {
            return SHOAL_ENOMEM;
        }
    }
    return gossip_records(&steward->gossip, &worker->arena, &out->records, &out->count);
}

static void steward_gossip_to(struct steward *steward, uint64_t node)
{
    struct worker *worker = steward->worker;
    struct message_gossip told;
    if (!reach_linked(&worker->reach, node) ||
        steward_tell(steward, steward_peer_digest(steward, node), &told) < 0) {
        return;
    }
    told.id = steward->next_id++;
    buffer_clear(&worker->frame);
    if (message_gossip_encode(&told, &worker->frame) == 0) {
        (void)worker->ports.send(worker->ports.self, node, buffer_bytes(&worker->frame));
    }
}

static int steward_compare_ids(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* Everybody known who was not removed; sorted, in the arena. */
static uint32_t steward_eligible(struct steward *steward, const uint64_t **out)
{
    uint64_t *ids =
        arena_alloc_array(&steward->worker->arena, steward->gossip.nodes.count + 1, sizeof(*ids));
    uint32_t count = 0;
    size_t cursor = 0;
    uint64_t id;
    void *value;
    while (ids != NULL && table_next(&steward->gossip.nodes, &cursor, &id, &value)) {
        if (!view_removed(steward->view, id)) {
            ids[count++] = id;
        }
    }
    if (count > 0) {
        qsort(ids, count, sizeof(*ids), steward_compare_ids);
    }
    *out = ids;
    return count;
}

static void steward_gossip_round(struct steward *steward)
{
    struct worker *worker = steward->worker;
    const uint64_t *eligible;
    uint32_t eligible_count = steward_eligible(steward, &eligible);
    uint64_t targets[16];
    uint32_t count = gossip_targets(&steward->gossip, &worker->random, eligible, eligible_count,
                                    worker->now.mono_us, targets, 16);
    for (uint32_t i = 0; i < count; i++) {
        steward_gossip_to(steward, targets[i]);
    }
}

/* Nodes that are no members and have been silent for long are forgotten. */
static void steward_forget(struct steward *steward)
{
    const struct roles *roles = &steward->view->roles;
    uint64_t *keep = arena_alloc_array(&steward->worker->arena, roles->count + 1, sizeof(*keep));
    uint32_t count = 0;
    for (uint32_t i = 0; keep != NULL && i < roles->count; i++) {
        if (roles->items[i].kind == ROLE_IN) {
            keep[count++] = roles->items[i].node; /* roles are sorted by node */
        }
    }
    if (keep != NULL) {
        gossip_forget(&steward->gossip, keep, count, STEWARD_FORGET_US,
                      steward->worker->now.mono_us);
    }
}

/* News of layouts doesn't wait for the next heartbeat. */
void steward_push(struct steward *steward)
{
    struct worker *worker = steward->worker;
    uint64_t due_us = steward->last_push_us + STEWARD_PUSH_US_MIN;
    if (timer_running(&steward->push)) {
        return;
    }
    (void)timers_start(&worker->timers, &steward->push,
                       due_us > worker->now.mono_us ? due_us : worker->now.mono_us + 1);
}

void steward_on_push(struct timer *timer, uint64_t now_us)
{
    struct steward *steward = QUEUE_ITEM(timer, struct steward, push);
    steward->last_push_us = now_us;
    if (steward->view != NULL && !steward->stopping) {
        steward_gossip_round(steward);
    }
}

void steward_on_tick(struct timer *timer, uint64_t now_us)
{
    struct steward *steward = QUEUE_ITEM(timer, struct steward, tick);
    struct worker *worker = steward->worker;
    (void)timers_start(&worker->timers, timer, now_us + steward->config->heartbeat_interval_us);
    if (steward->keep_needed && !steward->keep_active) {
        steward_keep(steward);
    }
    if (steward->view == NULL || steward->stopping) {
        return;
    }
    gossip_beat(&steward->gossip);
    steward_refresh_self(steward);
    steward_forget(steward);
    steward_gossip_round(steward);
    seek_step(steward);
    steward_publish(steward);
    steward_step(steward);
}

void steward_hear(struct steward *steward, const struct message_gossip *told)
{
    struct worker *worker = steward->worker;
    bool twin = false;
    uint64_t changes = steward->gossip.changes;
    if (gossip_receive(&steward->gossip, told->from, told->records, told->count,
                       worker->now.mono_us, &twin) < 0) {
        return;
    }
    if (twin) {
        log_error("node: another process runs under this node's id; stop one of them");
    }
    gossip_observe_clock(&steward->gossip, told->from, told->wall_ms, worker->now.wall_ms);
    steward_note_digest(steward, told->from, told->view_digest);
    struct view *view;
    if (told->view.data != NULL && view_decode(told->view, &view) == 0) {
        (void)steward_want(steward, view);
    }
    if (changes != steward->gossip.changes) {
        steward_publish(steward); /* addresses and states */
    }
}

static void steward_reply(struct steward *steward, struct source source,
                          const struct message_gossip_reply *reply)
{
    struct worker *worker = steward->worker;
    buffer_clear(&worker->reply);
    if (message_gossip_reply_encode(reply, &worker->reply) == 0) {
        worker_reply(worker, source, buffer_bytes(&worker->reply));
    }
}

void steward_on_gossip(struct steward *steward, struct source source,
                       const struct message_gossip *gossip)
{
    if (steward->view == NULL) {
        return;
    }
    struct message_gossip_reply reply = {.code = 0};
    if (gossip->cluster != view_facts(steward->view)->id) {
        reply.gossip = (struct message_gossip){.id = gossip->id, .from = steward->id};
        reply.code = SHOAL_ECLUSTER;
        reply.text = bytes_from_string("this node is of another cluster");
        steward_reply(steward, source, &reply);
        return;
    }
    if (!view_removed(steward->view, gossip->from)) {
        steward_hear(steward, gossip);
    }
    if (steward_tell(steward, gossip->view_digest, &reply.gossip) == 0) {
        reply.gossip.id = gossip->id;
        steward_reply(steward, source, &reply);
    }
}

void steward_on_gossip_reply(struct steward *steward, uint64_t node,
                             const struct message_gossip_reply *reply)
{
    if (steward->view == NULL || node != reply->gossip.from) {
        return;
    }
    if (reply->code != 0) {
        log_error("gossip: refused", LOG_TEXT("node", worker_node_name(steward->worker, node)),
                  LOG_BYTES("reason", reply->text));
        return;
    }
    if (reply->gossip.cluster != view_facts(steward->view)->id) {
        return;
    }
    steward_hear(steward, &reply->gossip);
    if (reply->gossip.view_digest == steward->view->digest) {
        join_on_confirmed(steward);
    }
}

void steward_on_goodbye(struct steward *steward, const struct message_goodbye *goodbye)
{
    log_info("node: says goodbye",
             LOG_TEXT("node", worker_node_name(steward->worker, goodbye->from)));
    gossip_goodbye(&steward->gossip, goodbye->from);
    steward_publish(steward);
}

void steward_stop(struct steward *steward)
{
    struct worker *worker = steward->worker;
    steward->stopping = true;
    join_close(steward);
    size_t cursor = 0;
    uint64_t id;
    void *value;
    while (table_next(&steward->gossip.nodes, &cursor, &id, &value)) {
        struct message_goodbye goodbye = {.id = steward->next_id++, .from = steward->id};
        buffer_clear(&worker->frame);
        if (reach_linked(&worker->reach, id) &&
            message_goodbye_encode(&goodbye, &worker->frame) == 0) {
            (void)worker->ports.send(worker->ports.self, id, buffer_bytes(&worker->frame));
        }
    }
}
