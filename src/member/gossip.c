/* The table of records, and who lives. SWIM's indirect probes were rejected: heartbeats that pass
 * through others already are evidence that a node lives although we can't reach it ourselves, and
 * whether we reach it is not asked here (see reach.h). */
#include "base/memory.h"
#include "base/mutant.h"
#include "member/gossip_inside.h"
#include "shoal/error.h"

#include <stdlib.h>
#include <string.h>

/* A silence of this many intervals is no news: a beat that takes a detour, a busy machine. It also
 * is under every threshold from here on, whatever the node's rhythm. */
#define PAUSE_INTERVALS 2u
#define PAUSE_THRESHOLD_MIN 0.5

/* Others may have known a few more heartbeats than we did when a node said goodbye; what they tell
 * within this many after it is no new life. */
#define GOODBYE_HEARTBEATS 16u

/* 50 nodes: 10 ms; 1,000: 0.2 s. */
#define PUSH_US_PER_NODE UINT64_C(200)
#define PUSH_US_MIN UINT64_C(10000)

/* 50 nodes: 0.5 s, every heartbeat; 1,000: 10 s. Some hundred new records a second, of any cluster.
 */
#define COUNTS_US_PER_NODE UINT64_C(10000)

/* Each dead life of ours can overtake us once; only a living twin goes on. */
#define TWIN_OVERTAKEN 3u

int gossip_init(struct gossip *gossip, const struct gossip_options *options,
                const struct node_record *self)
{
    if (options->interval_us == 0 || options->fanout == 0 || options->fanout > GOSSIP_FANOUT_MAX ||
        !(options->phi_threshold > 0) || self->id == 0 ||
        self->generation > NODE_RECORD_GENERATION_MAX) {
        return SHOAL_EINVAL;
    }
    *gossip = (struct gossip){.options = *options, .self = *self, .rows_stale = true};
    table_init(&gossip->nodes);
    return 0;
}

void gossip_deinit(struct gossip *gossip)
{
    size_t cursor = 0;
    uint64_t id;
    void *node;
    while (table_next(&gossip->nodes, &cursor, &id, &node)) {
        mem_free(node);
    }
    table_deinit(&gossip->nodes);
    mem_free(gossip->rows);
}

static struct detector_options detector_options_of(const struct gossip *gossip)
{
    uint64_t interval_ms = gossip->options.interval_us / 1000;
    return (struct detector_options){
        .interval_ms_expected = interval_ms,
        .deviation_ms_min = interval_ms / 2,
        .pause_ms_accepted = PAUSE_INTERVALS * interval_ms,
    };
}

void gossip_beat(struct gossip *gossip)
{
    gossip->self.heartbeat++;
}

void gossip_become(struct gossip *gossip, uint64_t id)
{
    mem_free(table_remove(&gossip->nodes, id));
    gossip->self.id = id;
    gossip->changes++;
    gossip->rows_stale = true;
}

void gossip_set_self(struct gossip *gossip, const struct node_record *self)
{
    struct node_record *own = &gossip->self;
    if (node_record_same(own, self)) {
        return;
    }
    struct node_record next = *self;
    next.id = own->id;
    next.generation = own->generation;
    next.heartbeat = own->heartbeat;
    next.version = own->version + 1;
    if (!node_record_same_but_counts(own, &next)) {
        gossip->changes++;
    }
    *own = next;
    gossip_note_news(gossip);
}

void gossip_note_news(struct gossip *gossip)
{
    gossip->versions_stale = true;
    gossip->news_heartbeat = gossip->self.heartbeat;
}

/* ---- hearing --------------------------------------------------------------------------------- */

/* Does the record know anything of its node that `own` does not? */
static bool is_ahead(const struct wire_record *other, const struct node_record *own)
{
    if (other->generation != own->generation) {
        return other->generation > own->generation;
    }
    return other->version > own->version || other->heartbeat > own->heartbeat;
}

void gossip_overtaken(struct gossip *gossip, uint64_t generation, bool *twin)
{
    if (generation >= NODE_RECORD_GENERATION_MAX) {
        *twin = true; /* no honest life comes so far, and there is nothing beyond */
        return;
    }
    gossip->self.generation = generation + 1;
    gossip->changes++;
    gossip->rows_stale = true;
    gossip->overtaken++;
    if (gossip->overtaken >= TWIN_OVERTAKEN) {
        *twin = true;
    }
}

/* A node not known before; NULL in *out when there is no place for it. */
static int node_add(struct gossip *gossip, const struct node_record *record, uint64_t now_us,
                    struct gossip_node **out)
{
    *out = NULL;
    if (gossip->nodes.count + 1 >= LIMIT_MEMBERS) {
        return 0;
    }
    struct gossip_node *node = mem_alloc_zeroed(1, sizeof(*node));
    if (node == NULL) {
        return SHOAL_ENOMEM;
    }
    node->record = *record;
    node->known_since_us = now_us;
    detector_init(&node->detector);
    int error = table_put(&gossip->nodes, record->id, node);
    if (error != 0) {
        mem_free(node);
        return error;
    }
    gossip->changes++;
    gossip->places++;
    gossip->rows_stale = true;
    gossip_note_news(gossip);
    *out = node;
    return 0;
}

static void node_lives(struct gossip *gossip, struct gossip_node *node, uint64_t now_us)
{
    struct detector_options options = detector_options_of(gossip);
    detector_heartbeat(&node->detector, &options, now_us);
    gossip->rows_stale = gossip->rows_stale || node->fading;
    node->fading = false;
}

void gossip_node_beat(struct gossip *gossip, struct gossip_node *node, uint64_t heartbeat,
                      bool directly, uint64_t now_us)
{
    node->record.heartbeat = heartbeat;
    node_lives(gossip, node, now_us);

    /* Has it spoken since its goodbye? Itself: by anything new. Through others: only by what can't
     * have been under way before. */
    if (directly || heartbeat > node->goodbye_heartbeat + GOODBYE_HEARTBEATS) {
        node->goodbye = false;
    }
}

static bool is_elsewhere(const struct node_record *a, const struct node_record *b)
{
    return a->peer_port != b->peer_port || strcmp(a->host, b->host) != 0;
}

/* Takes over a record that is ahead of what is known. */
static void node_update(struct gossip *gossip, struct gossip_node *node,
                        const struct node_record *record, bool directly, uint64_t now_us)
{
    bool reborn = record->generation > node->record.generation;
    bool beat = reborn || record->heartbeat > node->record.heartbeat;
    bool same = node_record_same_but_counts(&node->record, record);
    bool moved = is_elsewhere(&node->record, record);
    if (node_record_merge(&node->record, record) == 1) {
        gossip->changes += reborn || !same ? 1 : 0;
        gossip->places += moved ? 1 : 0;
        gossip_note_news(gossip);
    }
    if (reborn) {
        gossip->rows_stale = true;
        detector_init(&node->detector);
    }
    if (beat) {
        gossip_node_beat(gossip, node, node->record.heartbeat, reborn || directly, now_us);
    }
}

static int receive_other(struct gossip *gossip, const struct wire_record *wire, bool directly,
                         uint64_t now_us)
{
    struct gossip_node *node = table_get(&gossip->nodes, wire->id);
    struct node_record record;
    if (node == NULL) {
        int error = node_record_from_wire(wire, &record);
        if (error == 0) {
            error = node_add(gossip, &record, now_us, &node);
        }
        if (error != 0 || node == NULL) {
            return error;
        }
    } else if (is_ahead(wire, &node->record)) {
        int error = node_record_from_wire(wire, &record);
        if (error != 0) {
            return error;
        }
        node_update(gossip, node, &record, directly, now_us);
    }
    bool silent_so_far = node->detector.last_us == 0;
    if (silent_so_far && directly && wire->generation == node->record.generation) {
        node_lives(gossip, node, now_us);
    }
    return 0;
}

int gossip_receive(struct gossip *gossip, uint64_t from, const struct wire_record *records,
                   uint32_t count, uint64_t now_us, bool *twin)
{
    for (uint32_t i = 0; i < count; i++) {
        if (!node_record_valid(&records[i])) {
            return SHOAL_EPROTO;
        }
    }
    bool twin_found = false;
    for (uint32_t i = 0; i < count; i++) {
        if (records[i].id == gossip->self.id) {
            if (is_ahead(&records[i], &gossip->self)) {
                gossip_overtaken(gossip, records[i].generation, &twin_found);
            }
            continue;
        }
        int error = receive_other(gossip, &records[i], records[i].id == from, now_us);
        if (error != 0) {
            return error;
        }
    }
    *twin = twin_found;
    return 0;
}

void gossip_goodbye(struct gossip *gossip, uint64_t id)
{
    struct gossip_node *node = table_get(&gossip->nodes, id);
    if (node != NULL) {
        node->goodbye = true;
        node->goodbye_heartbeat = node->record.heartbeat;
    }
}

/* ---- clocks ---------------------------------------------------------------------------------- */

void gossip_observe_clock(struct gossip *gossip, uint64_t from, uint64_t its_wall_ms,
                          uint64_t our_wall_ms)
{
    struct gossip_node *node = table_get(&gossip->nodes, from);
    if (node == NULL) {
        return;
    }
    bool ahead = its_wall_ms > our_wall_ms;
    uint64_t apart = ahead ? its_wall_ms - our_wall_ms : our_wall_ms - its_wall_ms;
    int64_t distance = apart < INT64_MAX ? (int64_t)apart : INT64_MAX;
    node->clock_ahead_ms = ahead ? distance : -distance;
    node->heard_directly = true;
}

struct clock_poll {
    uint32_t heard;
    uint32_t behind; /* ours by more than the bound */
};

static bool poll_says_ahead(const struct clock_poll *poll)
{
    return 2 * poll->behind > poll->heard;
}

static void clocks_poll(const struct gossip *gossip, uint64_t bound_ms, uint64_t now_us,
                        struct clock_poll *all, struct clock_poll *living)
{
    int64_t bound = bound_ms < INT64_MAX ? (int64_t)bound_ms : INT64_MAX;
    size_t cursor = 0;
    uint64_t id;
    void *value;
    while (table_next(&gossip->nodes, &cursor, &id, &value)) {
        const struct gossip_node *node = value;
        if (!node->heard_directly) {
            continue;
        }
        uint32_t lives = gossip_state(gossip, id, now_us) != NODE_DOWN ? 1 : 0;
        uint32_t behind = node->clock_ahead_ms < -bound ? 1 : 0;
        all->heard++;
        all->behind += behind;
        living->heard += lives;
        living->behind += lives & behind;
    }
}

bool gossip_clock_ahead(const struct gossip *gossip, uint64_t bound_ms, uint64_t now_us)
{
    struct clock_poll all = {0};
    struct clock_poll living = {0};
    clocks_poll(gossip, bound_ms, now_us, &all, &living);
    return poll_says_ahead(living.heard > 0 && !MUTANT(dead_clocks) ? &living : &all);
}

bool gossip_clock_doubtful(const struct gossip *gossip, uint64_t bound_ms, uint64_t now_us)
{
    struct clock_poll all = {0};
    struct clock_poll living = {0};
    clocks_poll(gossip, bound_ms, now_us, &all, &living);
    return poll_says_ahead(&living) || poll_says_ahead(&all);
}

/* ---- forgetting ------------------------------------------------------------------------------ */

static int compare_ids(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a;
    uint64_t right = *(const uint64_t *)b;
    return left < right ? -1 : left > right ? 1 : 0;
}

static uint64_t silence_us(const struct gossip_node *node, uint64_t now_us)
{
    uint64_t since_us = node->detector.last_us > node->known_since_us ? node->detector.last_us
                                                                      : node->known_since_us;
    return now_us > since_us ? now_us - since_us : 0;
}

/* One node that is to go, or NULL; marks those that fade. The table can't change under a walk. */
static struct gossip_node *find_forgettable(struct gossip *gossip, const uint64_t *keep,
                                            uint32_t keep_count, uint64_t silent_us,
                                            uint64_t now_us)
{
    size_t cursor = 0;
    uint64_t id;
    void *value;
    while (table_next(&gossip->nodes, &cursor, &id, &value)) {
        struct gossip_node *node = value;
        bool kept =
            keep_count > 0 && bsearch(&id, keep, keep_count, sizeof(*keep), compare_ids) != NULL;
        uint64_t silence = silence_us(node, now_us);
        bool fading = !kept && silence >= silent_us / 2;
        gossip->rows_stale = gossip->rows_stale || fading != node->fading;
        node->fading = fading;
        if (!kept && silence >= silent_us) {
            return node;
        }
    }
    return NULL;
}

void gossip_forget(struct gossip *gossip, const uint64_t *keep, uint32_t keep_count,
                   uint64_t silent_us, uint64_t now_us)
{
    struct gossip_node *node;
    while ((node = find_forgettable(gossip, keep, keep_count, silent_us, now_us)) != NULL) {
        table_remove(&gossip->nodes, node->record.id);
        mem_free(node);
        gossip->changes++;
        gossip->rows_stale = true;
    }
}

uint64_t gossip_push_us(const struct gossip *gossip)
{
    uint64_t us = PUSH_US_PER_NODE * gossip->nodes.count;
    return us > PUSH_US_MIN ? us : PUSH_US_MIN;
}

uint64_t gossip_counts_us(const struct gossip *gossip)
{
    return COUNTS_US_PER_NODE * gossip->nodes.count;
}

/* ---- asking ---------------------------------------------------------------------------------- */

const struct gossip_node *gossip_find(const struct gossip *gossip, uint64_t id)
{
    return table_get(&gossip->nodes, id);
}

bool gossip_silent(const struct gossip *gossip, uint64_t id, uint64_t now_us)
{
    const struct gossip_node *node = table_get(&gossip->nodes, id);
    if (id == gossip->self.id) {
        return false;
    }
    if (node == NULL || node->goodbye || node->detector.last_us == 0) {
        return true;
    }
    struct detector_options options = detector_options_of(gossip);
    return detector_phi(&node->detector, &options, now_us) > 2 * gossip->options.phi_threshold;
}

enum node_state gossip_state(const struct gossip *gossip, uint64_t id, uint64_t now_us)
{
    if (id == gossip->self.id) {
        return (enum node_state)gossip->self.state;
    }
    const struct gossip_node *node = table_get(&gossip->nodes, id);
    if (node == NULL) {
        return NODE_DOWN;
    }
    if (node->record.state == NODE_LEFT) {
        return NODE_LEFT;
    }
    if (node->goodbye || node->detector.last_us == 0) {
        return NODE_DOWN;
    }
    uint64_t pause_us = PAUSE_INTERVALS * gossip->options.interval_us;
    if (now_us < node->detector.last_us + pause_us &&
        gossip->options.phi_threshold >= PAUSE_THRESHOLD_MIN) {
        return (enum node_state)node->record.state; /* nearly always; phi is costly */
    }
    struct detector_options options = detector_options_of(gossip);
    double phi = detector_phi(&node->detector, &options, now_us);
    if (phi > 2 * gossip->options.phi_threshold) {
        return NODE_DOWN;
    }
    if (phi > gossip->options.phi_threshold) {
        return NODE_SUSPECT;
    }
    return (enum node_state)node->record.state;
}
