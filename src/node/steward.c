/* Views on their way from what is heard to what is acted on, and gossip. See steward.h. */
#include "node/steward.h"

#include "base/assert.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "node/steward_inside.h"
#include "shoal/error.h"

#include <stdio.h>
#include <stdlib.h>

static void steward_on_tick(struct timer *timer, uint64_t now_us);
static void steward_on_push(struct timer *timer, uint64_t now_us);

/* ---- life ---- */

static void steward_self_record(const struct steward *steward, struct node_record *out)
{
    const struct node_config *config = steward->config;
    *out = (struct node_record){
        .id = steward->id,
        .generation = steward->generation,
        .client_port = config->client_port,
        .peer_port = config->peer_port,
        .redis_port = config->redis_port,
        .http_port = config->http_port,
    };
    memcpy(out->name, config->name, sizeof(out->name));
    memcpy(out->zone, config->zone, sizeof(out->zone));
    memcpy(out->host, config->advertise_host, sizeof(out->host));
}

static int steward_identify(struct steward *steward, struct bytes kept, struct message_gossip *told)
{
    struct worker *worker = steward->worker;
    steward->id = random_id(&worker->random);
    steward->generation = 1;
    for (size_t i = 0; i < CRYPTO_KEY_BYTES; i += sizeof(uint64_t)) {
        uint64_t part = random_u64(&worker->random);
        memcpy(steward->secret.bytes + i, &part, sizeof(part));
    }
    int result = kept.len == 0 ? 0 : steward_record_decode(steward, kept, told);
    if (result < 0) {
        log_error("node record: damaged, or of a version this program doesn't know; restore it, or "
                  "start with an empty data directory",
                  LOG_TEXT("cause", shoal_error_text(result)));
        return result;
    }
    if (steward->config->secret.len != 0) {
        crypto_key_from(&steward->secret, steward->config->secret);
    }
    if (steward->view != NULL) {
        char why[640];
        result = steward_compare_facts(steward->config, view_facts(steward->view), why);
        if (result < 0) {
            log_error("config: differs from the cluster this node is a member of (there = in the "
                      "data directory)",
                      LOG_TEXT("difference", why));
        }
    }
    return result;
}

int steward_new(struct worker *worker, struct bytes kept, struct steward **out)
{
    struct steward *steward = mem_alloc_zeroed(1, sizeof(*steward));
    if (steward == NULL) {
        return SHOAL_ENOMEM;
    }
    steward->worker = worker;
    steward->config = worker->config;
    steward->next_id = STEWARD_ID_FIRST;
    steward->tick.fire = steward_on_tick;
    steward->push.fire = steward_on_push;
    table_init(&steward->peer_digests);
    join_init(steward);
    steward->tallies = mem_alloc_zeroed(worker->count, sizeof(*steward->tallies));
    steward->synced = mem_alloc_zeroed(worker->count, sizeof(*steward->synced));
    steward->tickets = mem_alloc_zeroed(worker->count, sizeof(uint64_t));
    steward->tickets_keeping = mem_alloc_zeroed(worker->count, sizeof(uint64_t));
    steward->tickets_wanted = mem_alloc_zeroed(worker->count, sizeof(uint64_t));
    steward->tickets_void = mem_alloc_zeroed(worker->count, sizeof(uint64_t));
    struct gossip_options options = {
        .interval_us = worker->config->heartbeat_interval_us,
        .fanout = worker->config->heartbeat_fanout,
        .phi_threshold = worker->config->phi_threshold,
    };
    struct message_gossip told = {0};
    bool whole = steward->tallies != NULL && steward->synced != NULL && steward->tickets != NULL &&
                 steward->tickets_keeping != NULL && steward->tickets_wanted != NULL &&
                 steward->tickets_void != NULL;
    int result = whole ? steward_identify(steward, kept, &told) : SHOAL_ENOMEM;
    struct node_record self;
    steward_self_record(steward, &self);
    if (result == 0) {
        result = gossip_init(&steward->gossip, &options, &self);
    }
    if (result == 0) {
        result = steward_record_nodes(steward, &told);
    }
    if (result < 0) {
        steward_free(steward);
        return result;
    }
    *out = steward;
    return 0;
}

void steward_free(struct steward *steward)
{
    if (steward == NULL) {
        return;
    }
    timers_stop(&steward->worker->timers, &steward->tick);
    timers_stop(&steward->worker->timers, &steward->push);
    join_close(steward);
    gossip_deinit(&steward->gossip);
    table_deinit(&steward->peer_digests);
    view_unref(steward->view);
    view_unref(steward->wanted);
    view_unref(steward->keeping);
    mem_free(steward->tallies);
    mem_free(steward->synced);
    mem_free(steward->tickets);
    mem_free(steward->tickets_keeping);
    mem_free(steward->tickets_wanted);
    mem_free(steward->tickets_void);
    mem_free(steward);
}

void steward_start(struct steward *steward)
{
    struct worker *worker = steward->worker;
    (void)timers_start(&worker->timers, &steward->tick,
                       worker->now.mono_us + steward->config->heartbeat_interval_us);
    if (steward->view != NULL) {
        /* A member again. Its new generation is kept before anybody hears of it. */
        steward->data_lost = !worker->engine->keeps_data;
        steward->wanted = view_ref(steward->view);
        view_unref(steward->view);
        steward->view = NULL;
        steward_keep(steward);
    } else if (steward->config->seed_count > 0) {
        steward_keep(steward); /* the node id, before it is told */
        join_by_seeds(steward);
    } else if (steward_found(steward) < 0) {
        log_error("cluster: can't be founded; out of memory");
    }
}

void steward_role(const struct steward *steward, struct role *out)
{
    const struct node_config *config = steward->config;
    *out = (struct role){
        .node = steward->id, .author = steward->id, .kind = ROLE_IN, .weight = config->weight};
    memcpy(out->name, config->name, sizeof(out->name));
    memcpy(out->zone, config->zone, sizeof(out->zone));
}

uint64_t steward_node_id(const struct steward *steward)
{
    return steward->id;
}

uint64_t steward_cluster_id(const struct steward *steward)
{
    return steward->view == NULL ? 0 : view_facts(steward->view)->id;
}

bool steward_idle(const struct steward *steward)
{
    return !steward->keep_active;
}

void steward_check(const struct steward *steward)
{
    ASSERT(steward->id != 0);
    ASSERT(steward->keep_active || steward->keeping == NULL);
    ASSERT(steward->view == NULL || steward->wanted != NULL);
}

/* ---- keeping views ---- */

void steward_keep(struct steward *steward)
{
    struct worker *worker = steward->worker;
    if (steward->keep_active) {
        steward->keep_needed = true;
        return;
    }
    struct buffer record;
    buffer_init(&record, 0);
    int result = steward_record_encode(steward, steward->wanted, &record);
    if (result < 0) {
        steward->keep_needed = true; /* tried again with the next heartbeat */
        buffer_deinit(&record);
        return;
    }
    steward->keep_active = true;
    steward->keep_needed = false;
    steward->keeping = steward->wanted == NULL ? NULL : view_ref(steward->wanted);
    memcpy(steward->tickets_keeping, steward->tickets_wanted,
           worker->count * sizeof(*steward->tickets));
    steward->keep_sequence++;
    worker->ports.keep(worker->ports.self, buffer_bytes(&record), steward->keep_sequence);
    buffer_deinit(&record);
}

static void steward_include(struct steward *steward, uint64_t digest)
{
    steward->included[steward->included_next] = digest;
    steward->included_next = (steward->included_next + 1) % SNAPSHOT_INCLUDED;
}

static void steward_log_view(const struct view *view)
{
    const struct layout *newest = view_newest(view);
    char hash[2 * CRYPTO_HASH_BYTES + 1];
    text_hex(newest->key.hash.bytes, 4, hash);
    log_info("layout: in force", LOG_U64("version", newest->key.version), LOG_TEXT("hash", hash),
             LOG_U64("members", newest->member_count), LOG_U64("live_layouts", view->live_count),
             LOG_U64("read_version", view_read_layout(view)->key.version));
}

static bool steward_layouts_differ(const struct view *a, const struct view *b)
{
    return a == NULL || a->live_count != b->live_count || a->read_index != b->read_index ||
           layout_key_compare(&view_newest(a)->key, &view_newest(b)->key) != 0;
}

static void steward_step(struct steward *steward);

void steward_on_kept(struct steward *steward, uint64_t sequence, int code)
{
    if (sequence != steward->keep_sequence || !steward->keep_active) {
        return;
    }
    steward->keep_active = false;
    struct view *kept = steward->keeping;
    steward->keeping = NULL;
    if (code < 0) {
        log_error("node record: can't be written; what is new of the cluster is not acted on, and "
                  "tried again",
                  LOG_TEXT("cause", shoal_error_text(code)));
        steward->keep_needed = true;
        view_unref(kept);
        return;
    }
    for (uint32_t i = 0; i < steward->worker->count; i++) {
        if (steward->tickets_keeping[i] > steward->tickets[i]) {
            steward->tickets[i] = steward->tickets_keeping[i];
        }
    }
    if (kept != NULL) {
        bool changed = steward->view == NULL || steward->view->digest != kept->digest;
        if (steward_layouts_differ(steward->view, kept)) {
            steward_log_view(kept);
        }
        if (changed && steward->view != NULL) {
            steward_include(steward, steward->view->digest);
        }
        view_unref(steward->view);
        steward->view = kept;
        if (changed) {
            steward->view_epoch = steward->epoch + 1;
        }
        join_on_kept(steward);
        steward_publish(steward);
        if (changed) {
            steward_push(steward);
        }
    }
    steward_step(steward);
    if (steward->keep_needed || steward->wanted != steward->view) {
        bool ahead = steward->wanted != NULL &&
                     (steward->view == NULL || steward->wanted->digest != steward->view->digest);
        if (steward->keep_needed || ahead) {
            steward_keep(steward);
        }
    }
}

int steward_want(struct steward *steward, struct view *view)
{
    struct view *joined;
    int result = view_join(steward->wanted, view, &joined);
    if (result < 0) {
        log_warning("layout: a view could not be joined",
                    LOG_TEXT("cause", shoal_error_text(result)));
        view_unref(view);
        return result;
    }
    if (joined->digest == steward->wanted->digest) {
        if (steward->view != NULL && steward->view->digest == joined->digest) {
            steward_include(steward, view->digest); /* nothing new: ours includes it */
        }
        view_unref(view);
        view_unref(joined);
        return 0;
    }
    view_unref(view);
    view_unref(steward->wanted);
    steward->wanted = joined;
    steward_keep(steward);
    return 0;
}

void steward_replace(struct steward *steward, struct view *view)
{
    view_unref(steward->wanted);
    steward->wanted = view;
    steward_keep(steward);
}

/* ---- publishing ---- */

static int steward_compare_nodes(const void *a, const void *b)
{
    uint64_t x = ((const struct snapshot_node *)a)->record.id;
    uint64_t y = ((const struct snapshot_node *)b)->record.id;
    return x < y ? -1 : x > y;
}

static bool steward_listed(const struct snapshot *snapshot, uint64_t node)
{
    for (uint32_t i = 0; i < snapshot->node_count; i++) {
        if (snapshot->nodes[i].record.id == node) {
            return true;
        }
    }
    return false;
}

static void steward_list_known(struct steward *steward, struct snapshot *snapshot)
{
    uint64_t now_us = steward->worker->now.mono_us;
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
            .state = gossip_state(&steward->gossip, id, now_us),
            .clock_ahead = node->heard_directly &&
                           node->clock_ahead_ms > (int64_t)steward->config->clock_ahead_ms_max,
        };
    }
}

/* Members that have never been heard of, and every member's weight. */
static void steward_list_roles(struct steward *steward, struct snapshot *snapshot)
{
    const struct roles *roles = &steward->view->roles;
    for (uint32_t i = 0; i < roles->count; i++) {
        const struct role *role = &roles->items[i];
        if (role->kind == ROLE_IN && !steward_listed(snapshot, role->node)) {
            struct snapshot_node *node = &snapshot->nodes[snapshot->node_count++];
            *node = (struct snapshot_node){.state = NODE_DOWN, .weight = role->weight};
            node->record.id = role->node;
            memcpy(node->record.name, role->name, sizeof(node->record.name));
            memcpy(node->record.zone, role->zone, sizeof(node->record.zone));
        }
    }
    for (uint32_t i = 0; i < snapshot->node_count; i++) {
        const struct role *role = roles_find(roles, snapshot->nodes[i].record.id);
        if (role != NULL) {
            snapshot->nodes[i].weight = role->weight;
        }
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
    snapshot->data_lost = steward->data_lost;
    snapshot->closed = steward->closed;
    snapshot->worker_count = worker->count;
    snapshot->self_clock_ahead =
        gossip_clock_ahead(&steward->gossip, steward->config->clock_ahead_ms_max);
    memcpy(snapshot->tickets, steward->tickets, worker->count * sizeof(*snapshot->tickets));
    memcpy(snapshot->tickets_void, steward->tickets_void,
           worker->count * sizeof(*snapshot->tickets_void));
    memcpy(snapshot->included, steward->included, sizeof(snapshot->included));
    crypto_derive(&snapshot->token_keys.current, &steward->secret, "token");
    hash_secret_init(&snapshot->position_secret, facts->hash_seed);
    steward_list_known(steward, snapshot);
    steward_list_roles(steward, snapshot);
    return snapshot;
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

/* ---- trackers ---- */

static bool steward_all_adopted(const struct steward *steward, uint64_t epoch)
{
    for (uint32_t i = 0; i < steward->worker->count; i++) {
        if (steward->tallies[i].epoch < epoch) {
            return false;
        }
    }
    return true;
}

static bool steward_all_synced(const struct steward *steward, const struct content_hash *target)
{
    for (uint32_t i = 0; i < steward->worker->count; i++) {
        if (!content_hash_equal(&steward->synced[i], target)) {
            return false;
        }
    }
    return true;
}

/* This node was let in but a change that won over its own left it out: plan again. */
static void steward_commit_own(struct steward *steward)
{
    struct worker *worker = steward->worker;
    const struct role *role = roles_find(&steward->view->roles, steward->id);
    if (role == NULL || role->kind != ROLE_IN ||
        layout_member_index(view_newest(steward->view), steward->id) >= 0 ||
        worker->now.mono_us < steward->next_commit_us) {
        return;
    }
    steward->next_commit_us = worker->now.mono_us + 200000 + random_below(&worker->random, 800000);
    struct view *committed;
    int result = view_commit(steward->view, &committed);
    if (result == 0) {
        (void)steward_want(steward, committed);
    } else if (result == 1) {
        view_unref(committed);
    }
}

/* Sets the marks that have come true and commits what this node is due. */
static void steward_step(struct steward *steward)
{
    if (steward->view == NULL || steward->keep_active ||
        steward->wanted->digest != steward->view->digest) {
        return;
    }
    const struct view *view = steward->view;
    uint32_t newest = view->live_count - 1;
    struct tracker_facts facts = {.self = steward->id};
    if (steward_all_adopted(steward, steward->view_epoch)) {
        facts.seen = view->live_count >= 64 ? UINT64_MAX : (UINT64_C(1) << view->live_count) - 1;
        if (steward_all_synced(steward, &view_newest(view)->key.hash)) {
            facts.synced = UINT64_C(1) << newest;
        }
    }
    struct view *next;
    int result = tracker_step(view, &facts, &next);
    if (result == 0) {
        (void)steward_want(steward, next);
        return;
    }
    steward_commit_own(steward);
}

void steward_on_tally(struct steward *steward, uint32_t from, const struct worker_tally *tally,
                      bool adopted)
{
    (void)adopted;
    steward->tallies[from] = *tally;
    join_on_tally(steward);
    steward_step(steward);
}

void steward_on_synced(struct steward *steward, uint32_t from, const struct content_hash *target)
{
    steward->synced[from] = *target;
    steward_step(steward);
}

void steward_on_view(struct steward *steward, uint32_t from, uint64_t ticket, struct bytes view)
{
    ASSERT(ticket > steward->tickets_wanted[from]);
    steward->tickets_wanted[from] = ticket;
    struct view *decoded;
    if (steward->wanted == NULL || view_decode(view, &decoded) < 0 ||
        steward_want(steward, decoded) < 0) {
        steward->tickets_void[from] = ticket; /* who waits for it asks again */
        steward_publish(steward);
    } else if (steward->view != NULL && steward->wanted->digest == steward->view->digest) {
        steward->tickets[from] = ticket;
        steward_publish(steward);
    } else if (steward->keep_active && steward->tickets_keeping[from] < ticket) {
        steward->keep_needed = true; /* the keep under way may lack it */
    }
}

/* ---- gossip ---- */

static void steward_refresh_self(struct steward *steward)
{
    struct node_record self = steward->gossip.self;
    struct worker_tally sum = {0};
    for (uint32_t i = 0; i < steward->worker->count; i++) {
        sum.keys += steward->tallies[i].keys;
        sum.bytes += steward->tallies[i].bytes;
        sum.pending += steward->tallies[i].pending;
        sum.refilling += steward->tallies[i].refilling;
    }
    self.keys = sum.keys;
    self.bytes = sum.bytes;
    self.pending_sync = sum.pending;
    self.state = NODE_UP;
    if (sum.refilling > 0) {
        self.state = NODE_REFILLING;
    } else if (steward->view != NULL &&
               layout_member_index(view_read_layout(steward->view), steward->id) < 0) {
        self.state = NODE_JOINING;
    }
    const struct node_record *told = &steward->gossip.self;
    if (told->keys != self.keys || told->bytes != self.bytes || told->state != self.state ||
        told->pending_sync != self.pending_sync) {
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

/* What this node tells; the view comes along when `theirs` is another. */
static int steward_tell(struct steward *steward, uint64_t theirs, struct message_gossip *out)
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

static void steward_on_push(struct timer *timer, uint64_t now_us)
{
    struct steward *steward = QUEUE_ITEM(timer, struct steward, push);
    steward->last_push_us = now_us;
    if (steward->view != NULL && !steward->stopping) {
        steward_gossip_round(steward);
    }
}

static void steward_on_tick(struct timer *timer, uint64_t now_us)
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
    steward_publish(steward);
    steward_step(steward);
}

/* What a message of another node tells. */
static void steward_hear(struct steward *steward, const struct message_gossip *told)
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
