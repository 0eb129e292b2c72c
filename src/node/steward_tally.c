/* What the workers say of themselves, summed up into what the node tells of itself. */
#include "node/steward_inside.h"

void steward_tally_sum(const struct steward *steward, struct worker_tally *out)
{
    struct worker_tally sum = {0};
    for (uint32_t i = 0; i < steward->worker->count; i++) {
        const struct worker_tally *tally = &steward->tallies[i];
        sum.keys += tally->keys;
        sum.bytes += tally->bytes;
        sum.hints += tally->hints;
        sum.pending += tally->pending;
        sum.refilling += tally->refilling;
        sum.releasing += tally->releasing;
        sum.sync_bytes += tally->sync_bytes;
        sum.memory += tally->memory;
        sum.ops += tally->ops;
        if (tally->storage > sum.storage) {
            sum.storage = tally->storage; /* the worst speaks for the node */
        }
    }
    *out = sum;
}

/* ---- how fast syncs bring data, and clients ask ---- */

void steward_measure_rates(struct steward *steward)
{
    struct rates *rates = &steward->rates;
    struct worker_tally sum;
    steward_tally_sum(steward, &sum);
    rates->samples[rates->next] = (struct rate_sample){
        .at_us = steward->worker->now.mono_us,
        .sync_bytes = sum.sync_bytes,
        .ops = sum.ops,
    };
    rates->next = (rates->next + 1) % STEWARD_RATE_SAMPLES;
    rates->count += rates->count < STEWARD_RATE_SAMPLES ? 1 : 0;
}

static uint64_t a_second(uint64_t amount, uint64_t us)
{
    return us == 0 ? 0 : (uint64_t)((double)amount * 1e6 / (double)us);
}

/* From the oldest sample to the newest. */
static void take_rates(const struct rates *rates, struct node_record *self)
{
    self->sync_rate = 0;
    self->ops_rate = 0;
    if (rates->count < 2) {
        return;
    }
    uint32_t last = rates->next + STEWARD_RATE_SAMPLES;
    const struct rate_sample *newest = &rates->samples[(last - 1) % STEWARD_RATE_SAMPLES];
    const struct rate_sample *oldest =
        &rates->samples[(last - rates->count) % STEWARD_RATE_SAMPLES];
    uint64_t us = newest->at_us - oldest->at_us;
    self->sync_rate = a_second(newest->sync_bytes - oldest->sync_bytes, us);
    self->ops_rate = a_second(newest->ops - oldest->ops, us);
}

/* The process's where the world tells it, else the engines'. It is told in steps: with every page
 * of memory that comes and goes there would be another record. */
static uint64_t memory_now(const struct steward *steward, const struct worker_tally *sum)
{
    const struct ports *ports = &steward->worker->ports;
    uint64_t bytes = ports->memory_bytes == NULL ? sum->memory : ports->memory_bytes(ports->self);
    return (bytes + LIMIT_MIB - 1) / LIMIT_MIB * LIMIT_MIB;
}

/* ---- the others ---- */

enum node_state steward_state_of(const struct steward *steward, uint64_t node)
{
    uint64_t now_us = steward->worker->now.mono_us;
    enum node_state state = gossip_state(&steward->gossip, node, now_us);
    if (state == NODE_LEFT && steward->view != NULL && steward_is_live(steward->view, node) &&
        gossip_silent(&steward->gossip, node, now_us)) {
        state = NODE_DOWN; /* it had left, was brought back, and never spoke again */
    }
    const struct gossip_node *known = gossip_find(&steward->gossip, node);
    bool heard = known != NULL && (known->goodbye || known->detector.last_us != 0);
    uint64_t since_us = steward->started_us;
    if (known != NULL && known->known_since_us > since_us) {
        since_us = known->known_since_us;
    }
    bool early = now_us - since_us < STEWARD_HEARING_BEATS * steward->config->heartbeat_interval_us;
    return state == NODE_DOWN && !heard && early ? NODE_SUSPECT : state;
}

/* ---- the record ---- */

static enum node_state steward_state(const struct steward *steward, const struct worker_tally *sum)
{
    bool unread = steward->returning && !steward_all_adopted(steward, 1);
    if (steward->view != NULL) {
        enum standing standing = steward_standing(steward);
        if (standing >= STANDING_LEAVING) {
            return standing == STANDING_LEAVING ? NODE_LEAVING : NODE_LEFT;
        }
    }
    if (sum->refilling > 0 || unread) {
        return NODE_REFILLING;
    }
    if (steward->view != NULL &&
        layout_member_index(view_read_layout(steward->view), steward->id) < 0) {
        return NODE_JOINING;
    }
    return NODE_UP;
}

/* Counts change all the time, and with a thousand members each change of each would be a record
 * that all are told: they wait until others have had their turn. Whether something is left to be
 * done doesn't wait. */
static void steward_hold_counts(struct steward *steward, struct node_record *self)
{
    const struct node_record *told = &steward->gossip.self;
    uint64_t now_us = steward->worker->now.mono_us;
    bool turned = (told->pending_sync == 0) != (self->pending_sync == 0) ||
                  (told->releasing == 0) != (self->releasing == 0);
    if (node_record_same(told, self)) {
        return;
    }
    if (turned || now_us >= steward->counts_told_us + gossip_counts_us(&steward->gossip)) {
        steward->counts_told_us = now_us;
        return;
    }
    self->keys = told->keys;
    self->bytes = told->bytes;
    self->hints = told->hints;
    self->pending_sync = told->pending_sync;
    self->releasing = told->releasing;
    self->sync_rate = told->sync_rate;
    self->memory = told->memory;
    self->ops = told->ops;
    self->ops_rate = told->ops_rate;
}

void steward_refresh_self(struct steward *steward)
{
    struct node_record self = steward->gossip.self;
    struct worker_tally sum;
    steward_tally_sum(steward, &sum);
    self.keys = sum.keys;
    self.bytes = sum.bytes;
    self.hints = sum.hints;
    self.pending_sync = sum.pending;
    self.storage = sum.storage;
    self.releasing = sum.releasing;
    self.memory = memory_now(steward, &sum);
    self.ops = sum.ops;
    take_rates(&steward->rates, &self);
    self.state = steward_state(steward, &sum);
    const struct role *role =
        steward->view == NULL ? NULL : steward_role_of(steward->view, steward->id);
    if (role != NULL && role->kind == ROLE_IN) {
        memcpy(self.zone, role->zone, sizeof(self.zone)); /* operators may have moved it */
    }
    steward_hold_counts(steward, &self);
    gossip_set_self(&steward->gossip, &self);
}
