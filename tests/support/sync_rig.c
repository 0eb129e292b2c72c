/* The nodes, the network and time. See sync_rig.h. */
#include "support/sync_rig.h"

#include <stdlib.h>

#include "base/assert.h"
#include "repair/source.h"
#include "shoal/error.h"
#include "storage/memory_engine.h"
#include "wire/frame.h"

#define ID_FIRST (UINT64_C(1) << 62)
#define STEP_ENTRIES 100000u

/* ---- nodes ----------------------------------------------------------------------------------- */

static int rig_on_send(void *self, uint64_t node, struct bytes frame);

static void rig_on_learn(void *self, uint64_t view_digest, struct bytes view)
{
    (void)self;
    (void)view_digest;
    (void)view;
}

static void rig_new_engine(struct sync_rig *rig, uint64_t node, bool fickle)
{
    if (fickle) {
        rig->fickle[node] = fickle_engine_new(RIG_PARTITIONS);
        rig->engines[node] = &rig->fickle[node]->engine;
        return;
    }
    struct engine_options options = {.partitions = RIG_PARTITIONS};
    ASSERT(memory_engine_new(&options, &rig->engines[node]) == 0);
}

void sync_rig_init(struct sync_rig *rig, bool fickle)
{
    *rig = (struct sync_rig){.view = {.digest = 1}};
    random_init(&rig->random, 3);
    arena_init(&rig->arena, 1u << 20);
    timers_init(&rig->timers);
    buffer_init(&rig->frame, 0);
    buffer_init(&rig->reply, 0);
    pace_init(&rig->pace);
    rig->now = (struct moment){.mono_us = 1000000, .wall_ms = RIG_WALL_MS};
    for (uint64_t node = 1; node <= RIG_NODES; node++) {
        rig_new_engine(rig, node, fickle);
        replica_init(&rig->replicas[node], rig->engines[node], &rig->random, &rig->arena, 1000);
        for (uint32_t p = 0; p < RIG_PARTITIONS; p++) {
            struct holding *holding;
            ASSERT(replica_begin(&rig->replicas[node], p, false, &holding) == 0);
        }
    }
    syncs_init(&rig->syncs, ID_FIRST);
    rig->syncs.ports = (struct sync_ports){.self = rig, .send = rig_on_send, .learn = rig_on_learn};
    rig->syncs.timers = &rig->timers;
    rig->syncs.arena = &rig->arena;
    rig->syncs.frame = &rig->frame;
    rig->syncs.pace = &rig->pace;
    rig->syncs.view = &rig->view;
    rig_self(rig, 1);
    rig_upkeep(rig);
}

void sync_rig_deinit(struct sync_rig *rig)
{
    syncs_deinit(&rig->syncs);
    for (uint32_t i = 0; i < rig->frame_count; i++) {
        free(rig->frames[i].bytes);
    }
    for (uint64_t node = 1; node <= RIG_NODES; node++) {
        replica_check(&rig->replicas[node]);
        replica_deinit(&rig->replicas[node]);
        rig->engines[node]->ops->free(rig->engines[node]);
    }
    timers_deinit(&rig->timers);
    buffer_deinit(&rig->frame);
    buffer_deinit(&rig->reply);
    arena_deinit(&rig->arena);
}

void rig_self(struct sync_rig *rig, uint64_t node)
{
    rig->self = node;
    rig->syncs.self = node;
    rig->syncs.replica = &rig->replicas[node];
    rig->syncs.now = rig->now;
}

struct holding *rig_holding(struct sync_rig *rig, uint64_t node, uint32_t partition)
{
    return replica_holding(&rig->replicas[node], partition);
}

/* ---- objects --------------------------------------------------------------------------------- */

/* What is pending is read at once, however the engine feels. */
static void rig_read(struct sync_rig *rig, uint64_t node)
{
    if (rig->fickle[node] != NULL) {
        fickle_engine_read_all(rig->fickle[node]);
    }
}

/* No moods while the test itself looks or writes. */
static uint32_t rig_warm(struct sync_rig *rig, uint64_t node, uint32_t cold_percent)
{
    uint32_t before = 0;
    if (rig->fickle[node] != NULL) {
        before = rig->fickle[node]->cold_percent;
        rig->fickle[node]->cold_percent = cold_percent;
    }
    return before;
}

static struct dot rig_put(struct sync_rig *rig, uint64_t node, uint32_t partition, const char *key,
                          const char *value, bool seen)
{
    struct replica *replica = &rig->replicas[node];
    struct engine_key wanted = replica_key(replica, partition, bytes_from_string(key));
    struct version_vector context = {0};
    struct replica_written written;
    struct sibling added = {.kind = value == NULL ? SIBLING_TOMBSTONE : SIBLING_VALUE,
                            .value =
                                value == NULL ? bytes_make(NULL, 0) : bytes_from_string(value)};
    uint32_t cold = rig_warm(rig, node, 0);
    if (seen) {
        ASSERT(replica_context(replica, &wanted, &context) == REPLICA_DONE);
    }
    ASSERT(replica_write(replica, replica_holding(replica, partition), &wanted, context, &added,
                         RIG_WALL_MS, &written) >= 0);
    (void)rig_warm(rig, node, cold);
    return written.dot;
}

struct dot rig_write(struct sync_rig *rig, uint64_t node, uint32_t partition, const char *key,
                     const char *value)
{
    return rig_put(rig, node, partition, key, value, true);
}

struct dot rig_write_unseen(struct sync_rig *rig, uint64_t node, uint32_t partition,
                            const char *key, const char *value)
{
    return rig_put(rig, node, partition, key, value, false);
}

struct bytes rig_held(struct sync_rig *rig, uint64_t node, uint32_t partition, const char *key)
{
    struct replica *replica = &rig->replicas[node];
    struct engine_key wanted = replica_key(replica, partition, bytes_from_string(key));
    struct bytes encoded;
    uint32_t cold = rig_warm(rig, node, 0);
    ASSERT(replica_read_encoded(replica, &wanted, &encoded) == REPLICA_DONE);
    (void)rig_warm(rig, node, cold);
    return encoded.data == NULL ? encoded : arena_copy(&rig->arena, encoded);
}

void rig_send(struct sync_rig *rig, uint64_t from, uint64_t to, uint32_t partition, const char *key)
{
    struct bytes held = rig_held(rig, from, partition, key);
    if (held.data != NULL) {
        struct replica *replica = &rig->replicas[to];
        struct engine_key wanted = replica_key(replica, partition, bytes_from_string(key));
        uint32_t cold = rig_warm(rig, to, 0);
        ASSERT(replica_store(replica, &wanted, held, RIG_WALL_MS, NULL) >= 0);
        (void)rig_warm(rig, to, cold);
    }
}

uint64_t rig_keys(struct sync_rig *rig, uint64_t node, uint32_t partition)
{
    struct engine_stats stats;
    rig->engines[node]->ops->stats(rig->engines[node], partition, &stats);
    return stats.keys;
}

void rig_upkeep(struct sync_rig *rig)
{
    for (uint64_t node = 1; node <= RIG_NODES; node++) {
        uint32_t cold = rig_warm(rig, node, 0);
        for (uint32_t i = 0; i < 64; i++) {
            rig->now.mono_us += 100000;
            rig->engines[node]->now_us = rig->now.mono_us;
            (void)replica_step(&rig->replicas[node], rig->now, STEP_ENTRIES);
            rig_read(rig, node);
        }
        (void)rig_warm(rig, node, cold);
    }
    rig->syncs.now = rig->now;
}

bool rig_same(struct sync_rig *rig, uint64_t a, uint64_t b, uint32_t partition)
{
    struct hash_tree *mine = replica_tree(rig_holding(rig, a, partition));
    struct hash_tree *theirs = replica_tree(rig_holding(rig, b, partition));
    return mine != NULL && theirs != NULL &&
           tree_sum_equal(hash_tree_root(mine), hash_tree_root(theirs));
}

/* ---- the network ----------------------------------------------------------------------------- */

static bool rig_loses(struct sync_rig *rig)
{
    return rig->lose_percent > 0 && random_below(&rig->random, 100) < rig->lose_percent;
}

static int rig_on_send(void *self, uint64_t node, struct bytes frame)
{
    struct sync_rig *rig = self;
    rig->messages++;
    rig->bytes += frame.len;
    if (rig->unreachable || rig_loses(rig)) {
        return rig->unreachable ? SHOAL_ECONNECT : 0;
    }
    ASSERT(rig->frame_count < RIG_FRAMES_MAX);
    struct rig_frame *kept = &rig->frames[rig->frame_count++];
    *kept = (struct rig_frame){.node = node, .bytes = malloc(frame.len), .len = frame.len};
    ASSERT(kept->bytes != NULL);
    memcpy(kept->bytes, frame.data, frame.len);
    return 0;
}

static struct bytes rig_payload(struct bytes frame)
{
    return bytes_make(frame.data + FRAME_PREFIX_BYTES, frame.len - FRAME_PREFIX_BYTES);
}

/* The answer of a node, encoded into rig->reply: 0, 1: it must read first, or negative: none. */
static int rig_make_answer(struct sync_rig *rig, uint64_t node, uint32_t kind, struct bytes payload)
{
    struct replica *replica = &rig->replicas[node];
    union {
        struct message_sync_root root;
        struct message_sync_nodes nodes;
        struct message_sync_leaves leaves;
        struct message_sync_fetch fetch;
    } ask;
    struct arena *arena = &rig->arena;
    buffer_clear(&rig->reply);
    if (kind == MESSAGE_SYNC_ROOT && message_sync_root_decode(payload, arena, &ask.root) == 0) {
        struct message_sync_rooted answer = {.id = ask.root.id, .clock = bytes_make("", 0)};
        answer.code = source_root(replica, &ask.root, &answer);
        return message_sync_rooted_encode(&answer, &rig->reply);
    }
    if (kind == MESSAGE_SYNC_NODES && message_sync_nodes_decode(payload, arena, &ask.nodes) == 0) {
        struct message_sync_sums answer = {.id = ask.nodes.id};
        answer.code = source_nodes(replica, &ask.nodes, &answer);
        return message_sync_sums_encode(&answer, &rig->reply);
    }
    if (kind == MESSAGE_SYNC_LEAVES &&
        message_sync_leaves_decode(payload, arena, &ask.leaves) == 0) {
        struct message_sync_listed answer = {.id = ask.leaves.id};
        answer.code = source_leaves(replica, &ask.leaves, &answer);
        return answer.code == REPLICA_PENDING ? 1
                                              : message_sync_listed_encode(&answer, &rig->reply);
    }
    if (kind == MESSAGE_SYNC_FETCH && message_sync_fetch_decode(payload, arena, &ask.fetch) == 0) {
        struct message_sync_fetched answer = {.id = ask.fetch.id};
        answer.code = source_fetch(replica, &ask.fetch, &answer);
        return answer.code == REPLICA_PENDING ? 1
                                              : message_sync_fetched_encode(&answer, &rig->reply);
    }
    return SHOAL_EPROTO;
}

static void rig_deliver(struct sync_rig *rig, uint64_t node, struct bytes payload)
{
    uint32_t kind;
    uint64_t id;
    ASSERT(frame_peek(payload, &kind, &id) == 0);
    struct message_sync_rooted rooted;
    struct message_sync_sums sums;
    struct message_sync_listed listed;
    struct message_sync_fetched fetched;
    if (kind == MESSAGE_SYNC_ROOTED &&
        message_sync_rooted_decode(payload, &rig->arena, &rooted) == 0) {
        syncs_on_rooted(&rig->syncs, node, &rooted);
    } else if (kind == MESSAGE_SYNC_SUMS &&
               message_sync_sums_decode(payload, &rig->arena, &sums) == 0) {
        syncs_on_sums(&rig->syncs, node, &sums);
    } else if (kind == MESSAGE_SYNC_LISTED &&
               message_sync_listed_decode(payload, &rig->arena, &listed) == 0) {
        syncs_on_listed(&rig->syncs, node, &listed, payload);
    } else if (kind == MESSAGE_SYNC_FETCHED &&
               message_sync_fetched_decode(payload, &rig->arena, &fetched) == 0) {
        syncs_on_fetched(&rig->syncs, node, &fetched, payload);
    }
}

bool rig_answer(struct sync_rig *rig)
{
    if (rig->frame_count == 0) {
        return false;
    }
    struct rig_frame frame = rig->frames[0];
    rig->frame_count--;
    memmove(rig->frames, rig->frames + 1, rig->frame_count * sizeof(frame));
    struct bytes payload = rig_payload(bytes_make(frame.bytes, frame.len));
    uint32_t kind;
    uint64_t id;
    ASSERT(frame_peek(payload, &kind, &id) == 0);
    arena_reset(&rig->arena);
    if (rig->asked != NULL) {
        rig->asked(rig, frame.node, kind);
    }
    rig->questions[kind]++;
    int result;
    while ((result = rig_make_answer(rig, frame.node, kind, payload)) == 1) {
        rig_read(rig, frame.node);
    }
    free(frame.bytes);
    if (result < 0) {
        return true; /* no memory: as if it had been lost */
    }
    rig->messages++;
    rig->bytes += rig->reply.len;
    if (!rig_loses(rig)) {
        rig_deliver(rig, frame.node, rig_payload(buffer_bytes(&rig->reply)));
    }
    return true;
}

/* ---- running --------------------------------------------------------------------------------- */

static void rig_on_done(void *self, const struct sync_outcome *outcome)
{
    struct sync_rig *rig = self;
    rig->outcome = *outcome;
    rig->outcomes++;
}

int rig_begin(struct sync_rig *rig, uint32_t partition, uint64_t node, struct sync **out)
{
    struct sync *sync;
    struct sync_wish wish = {
        .partition = partition, .node = node, .self = rig, .done = rig_on_done};
    rig->syncs.now = rig->now;
    return sync_begin(&rig->syncs, &wish, out == NULL ? &sync : out);
}

/* One answer or read, if there is any to wait for. */
static bool rig_event(struct sync_rig *rig)
{
    struct fickle_engine *fickle = rig->fickle[rig->self];
    if (rig_answer(rig)) {
        return true;
    }
    arena_reset(&rig->arena);
    if (fickle != NULL && fickle->read_count > 0) {
        fickle_engine_read_all(fickle);
        return true;
    }
    return false;
}

static void rig_fire(struct sync_rig *rig, uint64_t due_us)
{
    rig->now.mono_us = due_us > rig->now.mono_us ? due_us : rig->now.mono_us;
    rig->syncs.now = rig->now;
    timers_fire(&rig->timers, rig->now.mono_us);
}

void rig_run(struct sync_rig *rig)
{
    while (rig->syncs.count > 0) {
        if (!rig_event(rig)) {
            uint64_t next_us = timers_next_us(&rig->timers);
            ASSERT(next_us != TIMERS_NEVER); /* else it would hang */
            rig_fire(rig, next_us);
        }
    }
}

void rig_pass(struct sync_rig *rig, uint64_t us)
{
    uint64_t end_us = rig->now.mono_us + us;
    rig->syncs.now = rig->now;
    while (rig_event(rig) || timers_next_us(&rig->timers) <= end_us) {
        if (rig->frame_count == 0 && timers_next_us(&rig->timers) <= end_us) {
            rig_fire(rig, timers_next_us(&rig->timers));
        }
    }
    rig->now.mono_us = end_us;
    rig->syncs.now = rig->now;
}

int rig_sync(struct sync_rig *rig, uint32_t partition, uint64_t node)
{
    int result = rig_begin(rig, partition, node, NULL);
    if (result < 0) {
        return result;
    }
    rig_run(rig);
    return rig->outcome.code;
}
