/* Gossip: what this node tells the others and hears from them, at every heartbeat and, when the
 * view has news, at once. Only the durable view is ever told. */
#include "base/log.h"
#include "base/memory.h"
#include "node/steward_inside.h"
#include "shoal/error.h"

#include <stdlib.h>

/* What stands in every message. */
static int steward_head(struct steward *steward, struct message_gossip *out)
{
    struct worker *worker = steward->worker;
    struct buffer names;
    buffer_init(&names, 0);
    *out = (struct message_gossip){
        .cluster = view_facts(steward->view)->id,
        .from = steward->id,
        .wall_ms = worker->now.wall_ms,
        .view_digest = steward->view->digest,
    };
    int result = view_names(steward->view, &names);
    if (result == 0) {
        out->known = arena_copy(&worker->arena, buffer_bytes(&names));
        result = out->known.data == NULL ? SHOAL_ENOMEM : 0;
    }
    buffer_deinit(&names);
    return result;
}

/* The view for a receiver that has shown the names of the parts it has; whole for one that has not
 * (NULL). */
static int steward_tell_view(struct steward *steward, struct bytes names,
                             struct message_gossip *out)
{
    struct buffer encoded;
    buffer_init(&encoded, 0);
    bool brief = names.data != NULL;
    int result = brief ? view_encode_brief(steward->view, names, &encoded)
                       : view_encode(steward->view, &encoded);
    struct bytes view = {0};
    if (result == 0) {
        view = arena_copy(&steward->worker->arena, buffer_bytes(&encoded));
        result = view.data == NULL ? SHOAL_ENOMEM : 0;
    }
    buffer_deinit(&encoded);
    *(brief ? &out->brief : &out->view) = view;
    return result;
}

int steward_tell(struct steward *steward, uint64_t theirs, struct message_gossip *out)
{
    int result = steward_head(steward, out);
    if (result == 0 && theirs != steward->view->digest) {
        result = steward_tell_view(steward, (struct bytes){0}, out);
    }
    return result < 0 ? result
                      : gossip_records(&steward->gossip, &steward->worker->arena, &out->records,
                                       &out->count);
}

static void steward_send(struct steward *steward, uint64_t node, struct message_gossip *told)
{
    struct worker *worker = steward->worker;
    told->id = steward->next_id++;
    buffer_clear(&worker->frame);
    if (reach_linked(&worker->reach, node) && message_gossip_encode(told, &worker->frame) == 0) {
        (void)worker->ports.send(worker->ports.self, node, buffer_bytes(&worker->frame));
        steward->counts.sent_bytes += worker->frame.len;
    }
}

/* Shows this node's view and whom it knows, and with a heartbeat also what it knows of them. What
 * the target lacks is sent when its answer has shown that. */
static void steward_gossip_to(struct steward *steward, uint64_t node, bool heartbeat)
{
    struct message_gossip told;
    if (reach_linked(&steward->worker->reach, node) && steward_head(steward, &told) == 0 &&
        gossip_ask(&steward->gossip, heartbeat, &steward->worker->arena, &told) == 0) {
        steward_send(steward, node, &told);
    }
}

/* Everybody known who was not removed, in the arena; NULL: everybody. */
static const uint64_t *steward_eligible(struct steward *steward, uint32_t *count)
{
    *count = 0;
    if (steward->view->removed_count == 0) {
        return NULL;
    }
    uint64_t *ids =
        arena_alloc_array(&steward->worker->arena, steward->gossip.nodes.count + 1, sizeof(*ids));
    size_t cursor = 0;
    uint64_t id;
    void *value;
    while (ids != NULL && table_next(&steward->gossip.nodes, &cursor, &id, &value)) {
        if (!view_removed(steward->view, id)) {
            ids[(*count)++] = id;
        }
    }
    return ids;
}

static void steward_gossip_round(struct steward *steward, bool heartbeat)
{
    struct worker *worker = steward->worker;
    uint32_t eligible_count;
    const uint64_t *eligible = steward_eligible(steward, &eligible_count);
    uint64_t targets[GOSSIP_FANOUT_MAX];
    uint32_t count = gossip_targets(&steward->gossip, &worker->random, eligible, eligible_count,
                                    worker->now.mono_us, targets, GOSSIP_FANOUT_MAX);
    for (uint32_t i = 0; i < count; i++) {
        steward_gossip_to(steward, targets[i], heartbeat);
    }
}

/* Nodes that are no members, nor leaving, and have been silent for long are forgotten. */
static bool steward_may_forget(const struct steward *steward, const struct role *role)
{
    const struct gossip_node *known = gossip_find(&steward->gossip, role->node);
    if (role->kind == ROLE_IN || steward_is_live(steward->view, role->node)) {
        return false;
    }
    return known == NULL || known->record.state == NODE_LEFT || role->kind == ROLE_REMOVED;
}

static void steward_forget(struct steward *steward)
{
    const struct roles *roles = &steward->view->roles;
    uint64_t *keep = arena_alloc_array(&steward->worker->arena, roles->count + 1, sizeof(*keep));
    uint32_t count = 0;
    for (uint32_t i = 0; keep != NULL && i < roles->count; i++) {
        if (!steward_may_forget(steward, &roles->items[i])) {
            keep[count++] = roles->items[i].node; /* they are sorted by it */
        }
    }
    if (keep != NULL) {
        gossip_forget(&steward->gossip, keep, count, STEWARD_FORGET_US,
                      steward->worker->now.mono_us);
    }
}

/* News of layouts, and of where nodes are, don't wait for the next heartbeat. A change is followed
 * by a burst of them, the longer the more members set their marks, which is what a push waits for.
 */
void steward_push(struct steward *steward)
{
    struct worker *worker = steward->worker;
    uint64_t due_us = steward->last_push_us + gossip_push_us(&steward->gossip);
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
        steward_gossip_round(steward, false);
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
    steward->counts.rounds++;
    steward_measure_rates(steward);
    steward_refresh_self(steward);
    steward_forget(steward);
    steward_gossip_round(steward, true);
    seek_step(steward);
    steward_publish(steward);
    steward_step(steward);
}

/* Takes in the view that was told, if any. Does the sender know all of ours? */
static bool steward_hear_view(struct steward *steward, const struct message_gossip *told)
{
    const struct view *known[] = {steward->wanted, steward->view};
    struct view *view;
    int result = 1;
    if (told->view.data != NULL) {
        result = view_decode(told->view, &view);
    } else if (told->brief.data != NULL) {
        result = view_decode_brief(told->brief, known, 2, &view);
    }
    if (result != 0) {
        return told->view_digest == steward->view->digest;
    }
    uint64_t digest = view->digest;
    return steward_want(steward, view) == 0 && steward->wanted->digest == digest;
}

/* Who hears of a member by a view, but not where it is, can't reach it; and if whoever knew both
 * dies then, the two never meet. So that is durable, and told on, as soon as it is known. */
static void steward_note_places(struct steward *steward, uint64_t places_before)
{
    if (steward->places_kept != steward->gossip.places && !steward->stopping) {
        steward_keep(steward);
    }
    if (places_before != steward->gossip.places) {
        steward_push(steward);
    }
}

/* What a message tells; *answer gets what the sender should hear of nodes, and *complete whether it
 * knows all of the view. 1 when there is such an answer, else 0 or a negative code. */
static int steward_take(struct steward *steward, const struct message_gossip *told,
                        struct message_gossip *answer, bool *complete)
{
    struct worker *worker = steward->worker;
    bool twin = false;
    uint64_t changes = steward->gossip.changes;
    uint64_t places = steward->gossip.places;
    int result =
        gossip_hear(&steward->gossip, told, worker->now.mono_us, &worker->arena, answer, &twin);
    if (result < 0) {
        return result;
    }
    if (twin) {
        log_error("node: another process runs under this node's id; stop one of them");
    }
    gossip_observe_clock(&steward->gossip, told->from, told->wall_ms, worker->now.wall_ms);
    *complete = steward_hear_view(steward, told);
    if (*complete) {
        change_on_known(steward, told->from);
    }
    if (changes != steward->gossip.changes) {
        steward_publish(steward); /* addresses and states */
    }
    steward_note_places(steward, places);
    return result;
}

void steward_hear(struct steward *steward, const struct message_gossip *told)
{
    struct message_gossip answer;
    bool complete;
    (void)steward_take(steward, told, &answer, &complete);
}

static void steward_reply(struct steward *steward, struct source source,
                          const struct message_gossip_reply *reply)
{
    struct worker *worker = steward->worker;
    buffer_clear(&worker->reply);
    if (message_gossip_reply_encode(reply, &worker->reply) == 0) {
        worker_reply(worker, source, buffer_bytes(&worker->reply));
        steward->counts.sent_bytes += worker->reply.len;
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
    bool complete;
    int result = steward_head(steward, &reply.gossip);
    if (result == 0 && view_removed(steward->view, gossip->from)) {
        reply.gossip.kind = GOSSIP_TELLS;              /* it is to learn that, and not heard */
        result = gossip->kind != GOSSIP_TELLS ? 1 : 0; /* else the two would never be done */
    } else if (result == 0) {
        result = steward_take(steward, gossip, &reply.gossip, &complete);
    }
    if (result == 1 && gossip->kind != GOSSIP_TELLS &&
        gossip->view_digest != steward->view->digest &&
        steward_tell_view(steward, gossip->known, &reply.gossip) < 0) {
        return;
    }
    if (result == 1) {
        reply.gossip.id = gossip->id;
        steward_reply(steward, source, &reply);
    }
}

/* What an answer has shown to be lacking there. */
static void steward_follow_up(struct steward *steward, uint64_t node,
                              const struct message_gossip *told, struct message_gossip *more,
                              bool complete)
{
    more->kind = GOSSIP_TELLS;
    if (told->kind == GOSSIP_WHOLE) {
        more->count = 0; /* of an earlier version: it asks for records by telling its own */
    }
    if (complete || steward_tell_view(steward, told->known, more) == 0) {
        steward_send(steward, node, more);
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
    struct message_gossip more;
    bool complete = true;
    bool due = steward_head(steward, &more) == 0;
    int result = steward_take(steward, &reply->gossip, &more, &complete);
    if (reply->gossip.view_digest == steward->view->digest) {
        join_on_confirmed(steward);
    }
    bool records = result == 1 && reply->gossip.kind == GOSSIP_TELLS;
    if (due && result >= 0 && (records || !complete)) {
        steward_follow_up(steward, node, &reply->gossip, &more, complete);
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
    change_stop(steward);
    commit_close(steward);
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
