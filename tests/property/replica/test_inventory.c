/* What goes with a holding is true at every moment: three holders of a partition live random lives
 * (writes, stores of old objects, syncs in steps, damage, restarts, loss of all data) on engines
 * whose reads and writes have to wait, while trees are made, tombstones dropped and expired
 * siblings removed in between. After every step
 *
 *      a complete tree is that of what is held,
 *      a clock claims no dot that the holder has not truly seen, and has told no more than that,
 *      what was gone has not come back.
 *
 * In the end the holders sync, and are equal; where none has forgotten anything, without
 * tombstones.
 */
#include "property.h"

#include "base/limits.h"
#include "base/memory.h"
#include "replica/replica.h"
#include "shoal/error.h"
#include "storage/memory_engine.h"
#include "support/fickle_engine.h"

#define NODES 3u
#define KEYS 90u
#define STEPS 400u
#define DOTS_MAX 8192u
#define PAST_MAX 64u
#define SYNCS 4u
#define PARTITION 1u
#define AHEAD_MS 1000u

struct holder {
    uint32_t number;
    struct engine *store; /* outlives the engine over it */
    struct fickle_engine *fickle;
    struct replica replica;
    struct holding *holding;
    bool seen[DOTS_MAX]; /* the oracle: of the dots issued */
    bool gone[DOTS_MAX]; /* before this step */
    bool live[DOTS_MAX]; /* after it */
    uint32_t lives;      /* how often it began anew */
    uint32_t lives_before;
};

struct sync {
    bool active;
    struct holder *from;
    struct holder *to;
    struct partition_clock clock;
    bool seen[DOTS_MAX]; /* by `from` when it began */
    bool left[KEYS];
    struct sync_watch watch;
};

static struct holder holders[NODES];
static struct sync syncs[SYNCS];
static struct random *luck;
static struct random ids;
static struct arena arena;
static struct moment now;
static struct dot dots[DOTS_MAX];
static uint32_t dot_count;
static char names[KEYS][8];
static struct engine_key keys[KEYS];
static struct {
    struct buffer object;
    uint32_t key;
} past[PAST_MAX]; /* objects that were held somewhere at some time */
static uint32_t past_count;
static bool forgetful; /* a holder has forgotten something */
static bool stingy;    /* memory is short now and then */
static uint64_t dropped, expired, grown, late;

/* Around each call of a replica. */
static void scrimp(void)
{
    if (stingy && random_chance(luck, 0.3)) {
        mem_fail_from(1 + random_below(luck, 12));
    }
}

/* The call's outcome, with memory as plentiful as ever. */
static int scrimped(int result)
{
    mem_fail_never();
    CHECK(result >= 0 || (stingy && result == SHOAL_ENOMEM));
    return result;
}

static uint32_t number_of(struct dot dot)
{
    uint32_t i = 0;
    while (i < dot_count && !dot_equal(dots[i], dot)) {
        i++;
    }
    CHECK(i < dot_count);
    return i;
}

static void issued(struct holder *holder, struct dot dot)
{
    CHECK(dot_count < DOTS_MAX);
    for (uint32_t i = 0; i < dot_count; i++) {
        CHECK(!dot_equal(dots[i], dot));
    }
    dots[dot_count] = dot;
    holder->seen[dot_count] = true;
    dot_count++;
}

/* ---- holders ---- */

static void on_began(void *self, const struct holding *holding)
{
    struct holder *holder = self;
    (void)holding;
    holder->lives++;
}

static bool on_expired(void *self, struct holding *holding, const struct engine_key *key,
                       const struct object *held, struct dot dot)
{
    struct holder *holder = self;
    struct replica_written written;
    if (random_chance(luck, 0.3)) {
        return false; /* not the first healthy owner, at the moment */
    }
    int result = replica_expire(&holder->replica, holding, key, held, dot, now.wall_ms, &written);
    if (result < 0) {
        CHECK(stingy || result == SHOAL_ECONTEXT);
        return false;
    }
    issued(holder, written.dot);
    CHECK(written.object.sibling_count == held->sibling_count);
    for (uint32_t i = 0; i < held->sibling_count; i++) {
        CHECK(!dot_equal(held->siblings[i].dot, dot) ||
              (held->siblings[i].expiry_ms != 0 &&
               held->siblings[i].expiry_ms + AHEAD_MS < now.wall_ms));
    }
    expired++;
    return true;
}

static void holder_begin(struct holder *holder)
{
    struct random seed;
    random_init(&seed, random_u64(luck));
    holder->fickle = fickle_engine_over(holder->store);
    holder->fickle->engine.keeps_data = true;
    holder->fickle->engine.now_us = now.mono_us;
    holder->fickle->cold_percent = random_chance(luck, 0.5) ? 40 : 0;
    holder->fickle->slow = random_chance(luck, 0.5);
    holder->fickle->is_secretive = random_chance(luck, 0.2);
    replica_init(&holder->replica, &holder->fickle->engine, &ids, &arena, AHEAD_MS);
    holder->replica.listener =
        (struct replica_listener){.self = holder, .began = on_began, .expired = on_expired};
}

static void tell_owners(struct holder *holder)
{
    uint64_t others[NODES];
    uint32_t count = 0;
    for (uint32_t i = 0; i < NODES; i++) {
        others[count] = i + 1;
        count += i != holder->number ? 1 : 0;
    }
    CHECK(replica_set_owners(holder->holding, others, count) == 0);
}

/* A source that begins anew answers as another one. */
static void end_syncs(struct holder *holder)
{
    for (uint32_t i = 0; i < SYNCS; i++) {
        if (syncs[i].active && (syncs[i].from == holder || syncs[i].to == holder)) {
            replica_unwatch(&syncs[i].watch);
            syncs[i].active = false;
        }
    }
}

static void holder_end(struct holder *holder)
{
    end_syncs(holder);
    replica_deinit(&holder->replica);
    holder->fickle->engine.ops->free(&holder->fickle->engine);
}

static void holder_restart(struct holder *holder, bool clean)
{
    if (clean) {
        CHECK(replica_record_all(&holder->replica) == 0);
    }
    forgetful = forgetful || !clean;
    holder_end(holder);
    holder_begin(holder);
    holder->fickle->engine.resumed = clean;
    CHECK(replica_resume(&holder->replica, PARTITION, true, &holder->holding) == 0);
    tell_owners(holder);
}

static void holder_lose(struct holder *holder)
{
    forgetful = true;
    end_syncs(holder);
    CHECK(replica_drop(&holder->replica, PARTITION) == 0);
    memset(holder->seen, 0, sizeof(holder->seen));
    CHECK(replica_begin(&holder->replica, PARTITION, true, &holder->holding) == 0);
    tell_owners(holder);
}

/* ---- what is held ---- */

/* What a test does while a read waits: all of it again. */
static bool again(struct holder *holder, int result)
{
    if (result != REPLICA_PENDING) {
        return false;
    }
    fickle_engine_read_all(holder->fickle);
    return true;
}

static struct bytes held(struct holder *holder, uint32_t key)
{
    struct bytes encoded;
    int result;
    do {
        result = replica_read_encoded(&holder->replica, &keys[key], &encoded);
    } while (again(holder, result));
    CHECK(result == 0 || result == SHOAL_EDAMAGED);
    return result == 0 ? encoded : bytes_make(NULL, 0);
}

/* The record is damaged: the holder has forgotten all that it had seen and holds no more. */
static void holder_damage(struct holder *holder, uint32_t key)
{
    if (holder->fickle->damaged_count == FICKLE_DAMAGED_MAX || held(holder, key).data == NULL) {
        return;
    }
    forgetful = true;
    end_syncs(holder);
    fickle_engine_damage(holder->fickle, &keys[key]);
    memset(holder->seen, 0, sizeof(holder->seen));
}

static struct object object_of(struct bytes encoded)
{
    struct object object = object_empty();
    CHECK(encoded.data == NULL || object_decode(&arena, encoded, &object) == 0);
    return object;
}

static void remember(uint32_t key, struct bytes encoded)
{
    if (encoded.data != NULL) {
        uint32_t slot = past_count++ % PAST_MAX;
        past[slot].key = key;
        buffer_clear(&past[slot].object);
        CHECK(buffer_append_bytes(&past[slot].object, encoded) == 0);
    }
}

/* ---- syncs ---- */

static void on_late(struct sync_watch *watch, uint64_t position)
{
    struct sync *sync = (struct sync *)(void *)((char *)watch - offsetof(struct sync, watch));
    for (uint32_t key = 0; key < KEYS; key++) {
        if (keys[key].position == position) {
            sync->left[key] = true;
            late++;
        }
    }
}

static void on_ended(struct sync_watch *watch)
{
    struct sync *sync = (struct sync *)(void *)((char *)watch - offsetof(struct sync, watch));
    sync->active = false;
}

static void sync_begin(struct sync *sync, struct holder *from, struct holder *to)
{
    sync->active = true;
    sync->from = from;
    sync->to = to;
    CHECK(partition_clock_copy(&from->holding->clock, &sync->clock) == 0);
    memcpy(sync->seen, from->seen, sizeof(sync->seen));
    memset(sync->left, 1, sizeof(sync->left));
    sync->watch =
        (struct sync_watch){.peer_clock = &sync->clock, .late = on_late, .ended = on_ended};
    replica_watch(to->holding, &sync->watch);
}

static void sync_take(struct sync *sync, uint32_t key)
{
    struct holder *to = sync->to;
    struct bytes theirs = held(sync->from, key);
    struct bytes copy = arena_copy(&arena, theirs);
    struct replica_taken taken;
    int result;
    copy = theirs.data == NULL ? bytes_make(NULL, 0) : copy;
    do {
        scrimp();
        result =
            copy.data == NULL && random_chance(luck, 0.5)
                ? replica_take_absence(&to->replica, &sync->watch, keys[key].position,
                                       keys[key].tag, &taken)
                : replica_take(&to->replica, &sync->watch, &keys[key], copy, now.wall_ms, &taken);
        result = scrimped(result);
    } while (again(to, result));
    sync->left[key] = result < 0;
}

static void sync_join(struct sync *sync)
{
    for (uint32_t i = 0; i < DOTS_MAX; i++) {
        sync->to->seen[i] = sync->to->seen[i] || sync->seen[i];
    }
    scrimp();
    replica_join_clock(&sync->to->replica, sync->to->holding, &sync->clock);
    (void)scrimped(0);
    replica_unwatch(&sync->watch);
    sync->active = false;
}

static void sync_step(struct sync *sync, uint32_t budget)
{
    uint32_t first = (uint32_t)random_below(luck, KEYS);
    for (uint32_t i = 0; i < KEYS && sync->active && budget > 0; i++) {
        uint32_t key = (first + i) % KEYS;
        if (sync->left[key]) {
            sync_take(sync, key);
            budget--;
        }
    }
    if (sync->active && budget > 0) {
        sync_join(sync);
    }
}

/* ---- steps ---- */

static void do_write(struct holder *holder, uint32_t key)
{
    struct version_vector seen = {0};
    struct sibling added = {0};
    struct replica_written written;
    uint64_t kind = random_below(luck, 10);
    int result = REPLICA_DONE;
    if (kind < 4) {
        added.kind = SIBLING_TOMBSTONE;
    } else {
        added.value = bytes_from_string("some value");
        added.expiry_ms = kind < 6 ? now.wall_ms + random_below(luck, 20000) : 0;
    }
    if (random_chance(luck, 0.8)) {
        do {
            result = replica_context(&holder->replica, &keys[key], &seen);
        } while (again(holder, result));
    }
    CHECK(result == REPLICA_DONE);
    do {
        scrimp();
        result = replica_write(&holder->replica, holder->holding, &keys[key], seen, &added,
                               now.wall_ms, &written);
        result = result == SHOAL_ECONTEXT ? result : scrimped(result);
        mem_fail_never();
    } while (again(holder, result));
    if (result >= 0) {
        issued(holder, written.dot);
        remember(key, written.encoded);
    }
}

static void do_store(struct holder *holder)
{
    uint32_t count = past_count < PAST_MAX ? past_count : PAST_MAX;
    if (count == 0) {
        return;
    }
    uint32_t slot = (uint32_t)random_below(luck, count);
    struct bytes encoded = buffer_bytes(&past[slot].object);
    struct object sent = object_of(encoded);
    struct replica_stored stored;
    int result;
    do {
        scrimp();
        result =
            replica_store(&holder->replica, &keys[past[slot].key], encoded, now.wall_ms, &stored);
        result = scrimped(result);
    } while (again(holder, result));
    if (result < 0) {
        return;
    }
    struct object after = object_of(held(holder, past[slot].key));
    bool concurrent = false;
    for (uint32_t i = 0; i < after.sibling_count; i++) {
        bool sent_too = false;
        for (uint32_t j = 0; j < sent.sibling_count; j++) {
            sent_too = sent_too || dot_equal(sent.siblings[j].dot, after.siblings[i].dot);
        }
        concurrent = concurrent || !sent_too;
    }
    CHECK(stored.concurrent == concurrent);
}

static void do_report(struct holder *from, struct holder *to)
{
    scrimp();
    replica_tell_clock(&from->replica, from->holding);
    replica_report(to->holding, from->number + 1, from->holding->actor, &from->holding->told);
    (void)scrimped(0);
}

static void do_upkeep(struct holder *holder, uint32_t budget)
{
    uint64_t before = holder->replica.tombstones_dropped;
    uint32_t bits = holder->holding->tree.complete ? holder->holding->tree.tree.bits : 99;
    scrimp();
    (void)replica_step(&holder->replica, now, budget);
    (void)scrimped(0);
    dropped += holder->replica.tombstones_dropped - before;
    grown += holder->holding->tree.complete && holder->holding->tree.tree.bits > bits ? 1 : 0;
    if (random_chance(luck, 0.7)) {
        fickle_engine_read_all(holder->fickle);
    }
}

static void do_sync(void)
{
    struct sync *sync = &syncs[random_below(luck, SYNCS)];
    if (!sync->active) {
        uint32_t from = (uint32_t)random_below(luck, NODES);
        uint32_t to = (from + 1 + (uint32_t)random_below(luck, NODES - 1)) % NODES;
        sync_begin(sync, &holders[from], &holders[to]);
    } else {
        sync_step(sync, 1 + (uint32_t)random_below(luck, KEYS));
    }
}

static void pass_time(uint64_t ms)
{
    now.mono_us += ms * 1000;
    now.wall_ms += ms;
    for (uint32_t i = 0; i < NODES; i++) {
        holders[i].fickle->engine.now_us = now.mono_us;
    }
}

static void step(bool may_forget)
{
    struct holder *holder = &holders[random_below(luck, NODES)];
    uint32_t key = (uint32_t)random_below(luck, KEYS);
    uint64_t what = random_below(luck, 1000);
    pass_time(random_below(luck, 400));
    if (what < 400) {
        do_write(holder, key);
    } else if (what < 550) {
        do_store(holder);
    } else if (what < 700) {
        do_sync();
    } else if (what < 850) {
        do_upkeep(holder, 1 + (uint32_t)random_below(luck, 60));
    } else if (what < 930) {
        do_report(holder, &holders[random_below(luck, NODES)]);
    } else if (what < 970) {
        fickle_engine_settle(holder->fickle);
    } else if (what < 980) {
        holder_restart(holder, !may_forget || random_chance(luck, 0.5));
    } else if (what < 990 && may_forget) {
        holder_damage(holder, key);
    } else if (what < 993 && may_forget) {
        holder_lose(holder);
    }
}

/* ---- what is true after each ---- */

static void check_tree(struct holder *holder)
{
    struct hash_tree *tree = replica_tree(holder->holding);
    struct hash_tree fresh;
    if (tree == NULL) {
        return;
    }
    CHECK(hash_tree_init(&fresh, tree->bits) == 0);
    for (uint32_t key = 0; key < KEYS; key++) {
        struct object object = object_of(held(holder, key));
        for (uint32_t i = 0; i < object.sibling_count; i++) {
            hash_tree_add(&fresh, keys[key].position,
                          hash_tree_term(&holder->replica.position_secret, keys[key].position,
                                         object.siblings[i].dot));
        }
    }
    CHECK(tree->siblings == fresh.siblings);
    for (uint64_t leaf = 0; leaf < UINT64_C(1) << tree->bits; leaf++) {
        CHECK(tree_sum_equal(hash_tree_node(tree, tree->bits, leaf),
                             hash_tree_node(&fresh, tree->bits, leaf)));
    }
    CHECK(tree_sum_equal(hash_tree_root(tree), hash_tree_root(&fresh)));
    hash_tree_deinit(&fresh);
}

static void look(struct holder *holder)
{
    memset(holder->live, 0, sizeof(holder->live));
    for (uint32_t key = 0; key < KEYS; key++) {
        struct object object = object_of(held(holder, key));
        for (uint32_t i = 0; i < object.sibling_count; i++) {
            uint32_t number = number_of(object.siblings[i].dot);
            holder->live[number] = true;
            holder->seen[number] = true;
        }
    }
}

static void check_holder(struct holder *holder)
{
    const struct holding *holding = holder->holding;
    uint64_t version;
    do {
        version = holding->clock.version;
        look(holder); /* what is read meanwhile may let the replica go on by itself */
    } while (version != holding->clock.version);
    for (uint32_t i = 0; i < dot_count; i++) {
        bool claimed = partition_clock_seen(&holding->clock, dots[i]);
        CHECK(!claimed || holder->seen[i]);
        CHECK(!holder->live[i] || !holder->gone[i] || holder->lives != holder->lives_before);
        holder->gone[i] = claimed && !holder->live[i];
    }
    holder->lives_before = holder->lives;
    CHECK(partition_clock_includes(&holding->clock, &holding->told));
    check_tree(holder);
    replica_check(&holder->replica);
}

/* ---- the end ---- */

static void settle_all(void)
{
    for (uint32_t turn = 0; turn < 40; turn++) {
        pass_time(1500);
        for (uint32_t i = 0; i < NODES; i++) {
            arena_reset(&arena);
            fickle_engine_read_all(holders[i].fickle);
            fickle_engine_settle(holders[i].fickle);
            do_upkeep(&holders[i], 1000);
        }
    }
}

static void heal(void)
{
    for (uint32_t i = 0; i < SYNCS; i++) {
        if (syncs[i].active) {
            replica_unwatch(&syncs[i].watch);
            syncs[i].active = false;
        }
    }
    pass_time(100000);
    for (uint32_t round = 0; round < 4; round++) {
        settle_all(); /* also what expires */
        for (uint32_t pair = 0; pair < NODES * NODES; pair++) {
            struct holder *from = &holders[pair / NODES];
            struct holder *to = &holders[pair % NODES];
            arena_reset(&arena);
            if (from != to) {
                sync_begin(&syncs[0], from, to);
                while (syncs[0].active) {
                    sync_step(&syncs[0], KEYS + 1);
                }
            }
        }
        settle_all();
        for (uint32_t pair = 0; pair < NODES * NODES; pair++) {
            do_report(&holders[pair / NODES], &holders[pair % NODES]);
        }
        settle_all();
        for (uint32_t pair = 0; pair < NODES * NODES; pair++) {
            do_report(&holders[pair / NODES], &holders[pair % NODES]);
        }
    }
    settle_all();
}

static void check_equal(void)
{
    for (uint32_t i = 0; i < NODES; i++) {
        arena_reset(&arena);
        check_holder(&holders[i]);
        CHECK(replica_tree(holders[i].holding) != NULL);
        CHECK(memcmp(holders[i].live, holders[0].live, sizeof(holders[i].live)) == 0);
        CHECK(tree_sum_equal(hash_tree_root(replica_tree(holders[i].holding)),
                             hash_tree_root(replica_tree(holders[0].holding))));
        for (uint32_t key = 0; key < KEYS; key++) {
            struct object object = object_of(held(&holders[i], key));
            for (uint32_t s = 0; s < object.sibling_count; s++) {
                CHECK(forgetful || object.siblings[s].kind != SIBLING_TOMBSTONE);
                CHECK(forgetful || object.siblings[s].expiry_ms == 0);
            }
        }
    }
}

/* ---- lives ---- */

static void worlds_begin(void)
{
    arena_init(&arena, LIMIT_ARENA_KEEP_BYTES);
    random_init(&ids, random_u64(luck));
    now = (struct moment){.mono_us = 1000000, .wall_ms = 1000000};
    dot_count = 0;
    past_count = 0;
    forgetful = false;
    for (uint32_t i = 0; i < NODES; i++) {
        struct engine_options options = {.partitions = 2};
        struct holder *holder = &holders[i];
        *holder = (struct holder){.number = i};
        CHECK(memory_engine_new(&options, &holder->store) == 0);
        holder_begin(holder);
        CHECK(replica_begin(&holder->replica, PARTITION, false, &holder->holding) == 0);
        tell_owners(holder);
    }
    for (uint32_t key = 0; key < KEYS; key++) {
        (void)snprintf(names[key], sizeof(names[key]), "k%u", (unsigned)key);
        keys[key] = replica_key(&holders[0].replica, PARTITION, bytes_from_string(names[key]));
    }
    for (uint32_t i = 0; i < SYNCS; i++) {
        syncs[i].active = false;
        partition_clock_init(&syncs[i].clock);
    }
}

static void worlds_end(void)
{
    for (uint32_t i = 0; i < NODES; i++) {
        holder_end(&holders[i]);
        holders[i].store->ops->free(holders[i].store);
    }
    for (uint32_t i = 0; i < SYNCS; i++) {
        partition_clock_deinit(&syncs[i].clock);
    }
    for (uint32_t i = 0; i < PAST_MAX; i++) {
        buffer_deinit(&past[i].object);
    }
    arena_deinit(&arena);
}

static void lives(struct random *random)
{
    luck = random;
    worlds_begin();
    bool may_forget = random_chance(luck, 0.5);
    stingy = random_chance(luck, 0.3);
    forgetful = stingy; /* clocks that could not grow have forgotten */
    for (uint32_t i = 0; i < STEPS; i++) {
        arena_reset(&arena);
        step(may_forget);
        for (uint32_t n = 0; n < NODES; n++) {
            arena_reset(&arena);
            check_holder(&holders[n]);
        }
    }
    stingy = false;
    heal();
    check_equal();
    worlds_end();
}

static void what_goes_with_a_holding_is_true_at_every_moment(void **state)
{
    (void)state;
    property_run(lives, 60);
    if (getenv("SHOAL_SEED") == NULL) {
        assert_true(dropped > 0 && expired > 0 && grown > 0 && late > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_goes_with_a_holding_is_true_at_every_moment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
