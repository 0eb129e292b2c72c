#include "support/gossip_cluster.h"

#include "base/assert.h"
#include "base/memory.h"
#include "member/tracker.h"
#include "support/ring_history.h"
#include "wire/frame.h"

#include <stdio.h>

#define MS UINT64_C(1000)
#define DELAY_US_MIN 500u
#define DELAY_US_MAX (40 * MS)

struct gossip_packet {
    struct timer arrival;
    struct gossip_packet *next; /* of those in the air */
    struct gossip_packet **at;
    struct gossip_cluster *cluster;
    struct gossip_member *to;
    bool answer;
    struct buffer frame;
};

/* ---- the network ----------------------------------------------------------------------------- */

static void packet_free(struct gossip_packet *packet)
{
    timers_stop(&packet->cluster->timers, &packet->arrival);
    *packet->at = packet->next;
    if (packet->next != NULL) {
        packet->next->at = packet->at;
    }
    buffer_deinit(&packet->frame);
    mem_free(packet);
}

static void member_hear(struct gossip_member *member, const struct message_gossip *told,
                        bool answer);

static void packet_arrive(struct timer *timer, uint64_t now_us)
{
    struct gossip_packet *packet = (struct gossip_packet *)(void *)timer;
    struct gossip_cluster *cluster = packet->cluster;
    cluster->now_us = now_us;
    if (packet->to->alive) {
        struct message_gossip message;
        struct bytes payload = bytes_make(packet->frame.data + FRAME_PREFIX_BYTES,
                                          packet->frame.len - FRAME_PREFIX_BYTES);
        arena_reset(&cluster->arena);
        ASSERT(message_gossip_decode(payload, &cluster->arena, &message) == 0);
        member_hear(packet->to, &message, packet->answer);
    }
    packet_free(packet);
}

static void packet_send(struct gossip_member *from, struct gossip_member *to,
                        const struct message_gossip *message, bool answer)
{
    struct gossip_cluster *cluster = from->cluster;
    struct gossip_packet *packet = mem_alloc_zeroed(1, sizeof(*packet));
    ASSERT(packet != NULL);
    packet->cluster = cluster;
    packet->to = to;
    packet->answer = answer;
    packet->arrival.fire = packet_arrive;
    packet->next = cluster->in_air;
    packet->at = &cluster->in_air;
    if (packet->next != NULL) {
        packet->next->at = &packet->next;
    }
    cluster->in_air = packet;
    buffer_init(&packet->frame, 0);
    ASSERT(message_gossip_encode(message, &packet->frame) == 0);
    from->sent_messages++;
    from->sent_bytes += packet->frame.len;
    if (packet->frame.len > from->sent_bytes_max) {
        from->sent_bytes_max = packet->frame.len;
    }
    uint64_t delay_us = DELAY_US_MIN + random_below(&cluster->random, DELAY_US_MAX);
    ASSERT(timers_start(&cluster->timers, &packet->arrival, cluster->now_us + delay_us) == 0);
}

/* What is lost was sent: it counts. */
static void member_send(struct gossip_member *from, struct gossip_member *to,
                        const struct message_gossip *message, bool answer)
{
    struct gossip_cluster *cluster = from->cluster;
    packet_send(from, to, message, answer);
    if (from->side != to->side || random_chance(&cluster->random, cluster->loss)) {
        packet_free(cluster->in_air);
    } else if (random_chance(&cluster->random, cluster->loss)) {
        packet_send(from, to, message, answer);
    }
}

/* ---- views ----------------------------------------------------------------------------------- */

static void message_begin(const struct gossip_member *member, struct message_gossip *out)
{
    struct buffer names;
    *out = (struct message_gossip){.from = member->id};
    if (member->view == NULL) {
        return;
    }
    buffer_init(&names, 0);
    ASSERT(view_names(member->view, &names) == 0);
    out->view_digest = member->view->digest;
    out->known = arena_copy(&member->cluster->arena, buffer_bytes(&names));
    buffer_deinit(&names);
}

static void message_add_view(const struct gossip_member *member, struct bytes names,
                             struct message_gossip *out)
{
    struct buffer brief;
    buffer_init(&brief, 0);
    ASSERT(view_encode_brief(member->view, names, &brief) == 0);
    out->brief = arena_copy(&member->cluster->arena, buffer_bytes(&brief));
    buffer_deinit(&brief);
}

/* A sync begins when all have seen the newest layout, and takes its time. */
static uint64_t member_synced(struct gossip_member *member)
{
    struct gossip_cluster *cluster = member->cluster;
    uint32_t newest = member->view->live_count - 1;
    const struct content_hash *hash = &member->view->live[newest].layout->key.hash;
    if (newest == 0 || !tracker_sync_ready(member->view, newest)) {
        return 0;
    }
    if (!content_hash_equal(&member->syncing, hash)) {
        member->syncing = *hash;
        member->synced_us = cluster->now_us + random_below(&cluster->random, cluster->sync_us_max);
        ASSERT(timers_start(&cluster->timers, &member->sync, member->synced_us) == 0);
    }
    return cluster->now_us >= member->synced_us ? UINT64_C(1) << newest : 0;
}

/* Takes over the next view with all that follows from it, and sees that others hear of it. */
static void member_take_view(struct gossip_member *member, struct view *next)
{
    struct gossip_cluster *cluster = member->cluster;
    int result = 0;
    if (next->digest == member->view->digest) {
        view_unref(next);
        return;
    }
    while (result == 0) {
        view_unref(member->view);
        member->view = next;
        struct tracker_facts facts = {.self = member->id,
                                      .seen = (UINT64_C(1) << next->live_count) - 1,
                                      .synced = member_synced(member)};
        result = tracker_step(member->view, &facts, &next);
        ASSERT(result >= 0);
    }
    if (!timer_running(&member->push)) {
        uint64_t due_us = member->pushed_us + gossip_push_us(&member->gossip);
        ASSERT(timers_start(&cluster->timers, &member->push,
                            due_us > cluster->now_us ? due_us : cluster->now_us + 1) == 0);
    }
}

static void member_on_sync(struct timer *timer, uint64_t now_us)
{
    struct gossip_member *member = QUEUE_ITEM(timer, struct gossip_member, sync);
    struct tracker_facts facts = {.self = member->id};
    struct view *next;
    member->cluster->now_us = now_us;
    facts.synced = member_synced(member);
    facts.seen = (UINT64_C(1) << member->view->live_count) - 1;
    if (tracker_step(member->view, &facts, &next) == 0) {
        member_take_view(member, next);
    }
}

/* Does the teller know all of our view? */
static bool member_hear_view(struct gossip_member *member, const struct message_gossip *told)
{
    const struct view *known = member->view;
    struct view *view;
    struct view *joined;
    if (told->view_digest == member->view->digest) {
        return true;
    }
    if (told->brief.data == NULL || view_decode_brief(told->brief, &known, 1, &view) != 0) {
        return false;
    }
    ASSERT(view_join(member->view, view, &joined) == 0);
    bool complete = joined->digest == view->digest;
    view_unref(view);
    member_take_view(member, joined);
    return complete;
}

void gossip_member_admit(struct gossip_member *member, uint64_t id)
{
    struct role role = ring_role(id, ROLE_IN);
    member_take_view(member, ring_view_commit(view_ref(member->view), &role));
}

/* ---- members --------------------------------------------------------------------------------- */

static void member_answer(struct gossip_member *member, const struct message_gossip *told,
                          struct message_gossip *out, bool view)
{
    struct gossip_member *to = &member->cluster->members[told->from - 1];
    out->kind = GOSSIP_TELLS;
    if (view) {
        message_add_view(member, told->known, out);
    }
    member_send(member, to, out, told->kind == GOSSIP_ASKS);
}

static void member_hear(struct gossip_member *member, const struct message_gossip *told,
                        bool answer)
{
    struct gossip_cluster *cluster = member->cluster;
    struct message_gossip out;
    bool twin;
    int result;
    message_begin(member, &out);
    result = gossip_hear(&member->gossip, told, cluster->now_us, &cluster->arena, &out, &twin);
    ASSERT(result >= 0 && !twin);
    bool asked = told->kind == GOSSIP_ASKS;
    bool complete = member->view == NULL || member_hear_view(member, told);
    bool tell_view = member->view != NULL &&
                     (asked ? told->view_digest != member->view->digest : answer && !complete);
    if (result == 1 || tell_view) {
        member_answer(member, told, &out, tell_view);
    }
}

static void member_ask_some(struct gossip_member *member, bool heartbeats)
{
    struct gossip_cluster *cluster = member->cluster;
    uint64_t targets[GOSSIP_FANOUT_MAX];
    uint32_t count = gossip_targets(&member->gossip, &cluster->random, NULL, 0, cluster->now_us,
                                    targets, GOSSIP_FANOUT_MAX);
    for (uint32_t i = 0; i < count; i++) {
        struct message_gossip told;
        arena_reset(&cluster->arena);
        message_begin(member, &told);
        ASSERT(gossip_ask(&member->gossip, true, &cluster->arena, &told) == 0);
        told.summary = heartbeats ? told.summary : (struct bytes){0};
        member_send(member, &cluster->members[targets[i] - 1], &told, false);
    }
}

static void member_count(struct gossip_member *member)
{
    uint64_t beats = gossip_counts_us(&member->gossip) / GOSSIP_INTERVAL_US;
    struct node_record self = member->gossip.self;
    if (self.heartbeat % (beats > 0 ? beats : 1) == 0) {
        self.keys += 1 + random_below(&member->cluster->random, 1000);
        self.bytes += self.keys * 100;
        gossip_set_self(&member->gossip, &self);
    }
}

static void member_on_beat(struct timer *timer, uint64_t now_us)
{
    struct gossip_member *member = QUEUE_ITEM(timer, struct gossip_member, beat);
    struct gossip_cluster *cluster = member->cluster;
    cluster->now_us = now_us;
    gossip_beat(&member->gossip);
    if (cluster->counting) {
        member_count(member);
    }
    member_ask_some(member, true);
    ASSERT(timers_start(&cluster->timers, timer, now_us + GOSSIP_INTERVAL_US) == 0);
}

static void member_on_push(struct timer *timer, uint64_t now_us)
{
    struct gossip_member *member = QUEUE_ITEM(timer, struct gossip_member, push);
    member->cluster->now_us = now_us;
    member->pushed_us = now_us;
    member_ask_some(member, false);
}

static struct node_record record_of(const struct gossip_member *member)
{
    struct node_record record = {
        .id = member->id,
        .generation = member->generation,
        .heartbeat = member->cluster->heartbeats,
        .version = 1,
        .zone = "zone-a",
        .client_port = 3001,
        .peer_port = 3101,
        .state = NODE_UP,
    };
    snprintf(record.name, sizeof(record.name), "node%u", (unsigned)member->id);
    snprintf(record.host, sizeof(record.host), "10.0.%u.%u", (unsigned)member->id / 256,
             (unsigned)member->id % 256);
    return record;
}

static void member_learn(struct gossip_member *member, const struct gossip_member *contact,
                         bool told)
{
    struct gossip_cluster *cluster = member->cluster;
    struct node_record known = record_of(contact);
    struct wire_record one;
    const struct wire_record *records = &one;
    uint32_t count = 1;
    bool twin;
    node_record_to_wire(&known, &one);
    arena_reset(&cluster->arena);
    if (told) {
        ASSERT(gossip_records(&contact->gossip, &cluster->arena, &records, &count) == 0);
    }
    ASSERT(gossip_receive(&member->gossip, 0, records, count, cluster->now_us, &twin) == 0);
}

void gossip_member_start(struct gossip_member *member, const struct gossip_member *contact,
                         bool told)
{
    const struct gossip_options options = {
        .interval_us = GOSSIP_INTERVAL_US, .fanout = 2, .phi_threshold = 8.0};
    struct gossip_cluster *cluster = member->cluster;
    member->generation++;
    member->alive = true;
    struct node_record self = record_of(member);
    ASSERT(gossip_init(&member->gossip, &options, &self) == 0);
    if (contact != member) {
        member_learn(member, contact, told);
        member->view = contact->view == NULL ? NULL : view_ref(contact->view);
    }
    uint64_t phase_us = random_below(&cluster->random, GOSSIP_INTERVAL_US);
    ASSERT(timers_start(&cluster->timers, &member->beat, cluster->now_us + phase_us) == 0);
}

void gossip_member_kill(struct gossip_member *member)
{
    struct timers *timers = &member->cluster->timers;
    timers_stop(timers, &member->beat);
    timers_stop(timers, &member->push);
    timers_stop(timers, &member->sync);
    gossip_deinit(&member->gossip);
    view_unref(member->view);
    member->view = NULL;
    member->alive = false;
}

/* ---- the cluster ----------------------------------------------------------------------------- */

void gossip_cluster_init(struct gossip_cluster *cluster, uint32_t count, uint64_t seed, double loss)
{
    *cluster = (struct gossip_cluster){
        .loss = loss, .now_us = 1000 * MS, .count = count, .sync_us_max = 5000 * MS};
    random_init(&cluster->random, seed);
    timers_init(&cluster->timers);
    arena_init(&cluster->arena, 1 << 20);
    cluster->members = mem_alloc_zeroed(count, sizeof(*cluster->members));
    ASSERT(cluster->members != NULL);
    for (uint32_t i = 0; i < count; i++) {
        struct gossip_member *member = &cluster->members[i];
        member->beat.fire = member_on_beat;
        member->push.fire = member_on_push;
        member->sync.fire = member_on_sync;
        member->cluster = cluster;
        member->id = i + 1;
    }
}

void gossip_cluster_start(struct gossip_cluster *cluster, uint32_t members)
{
    for (uint32_t i = 0; i < members; i++) {
        gossip_member_start(&cluster->members[i], &cluster->members[0], false);
    }
}

void gossip_cluster_lay_out(struct gossip_cluster *cluster, uint32_t partitions, uint32_t members)
{
    struct cluster_facts facts = ring_facts(partitions, 3, 2, 2);
    struct view *view = ring_view_of(&facts, members);
    for (uint32_t i = 0; i < cluster->count; i++) {
        if (cluster->members[i].alive) {
            cluster->members[i].view = view_ref(view);
        }
    }
    view_unref(view);
}

void gossip_cluster_stop(struct gossip_cluster *cluster)
{
    while (cluster->in_air != NULL) {
        packet_free(cluster->in_air);
    }
    for (uint32_t i = 0; i < cluster->count; i++) {
        if (cluster->members[i].alive) {
            gossip_member_kill(&cluster->members[i]);
        }
    }
    mem_free(cluster->members);
    arena_deinit(&cluster->arena);
    timers_deinit(&cluster->timers);
}

void gossip_cluster_run(struct gossip_cluster *cluster, uint64_t duration_us)
{
    uint64_t end_us = cluster->now_us + duration_us;
    for (;;) {
        uint64_t next_us = timers_next_us(&cluster->timers);
        if (next_us > end_us) {
            break;
        }
        cluster->now_us = next_us;
        timers_fire(&cluster->timers, next_us);
    }
    cluster->now_us = end_us;
}
