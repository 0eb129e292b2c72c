/* A sync's life: it begins with the peer's root and clock, does what is on its stack, looks again
 * where something was stored meanwhile, and ends by joining the clock. See sync.h. */
#include "repair/sync.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/mutant.h"
#include "repair/sync_inside.h"
#include "shoal/error.h"

#include <stdlib.h>

static void sync_on_timer(struct timer *timer, uint64_t now_us);
static void sync_on_late(struct sync_watch *watch, uint64_t position);
static void sync_on_ended(struct sync_watch *watch);

void syncs_init(struct syncs *syncs, uint64_t id_first)
{
    *syncs = (struct syncs){.next_id = id_first};
    table_init(&syncs->tasks);
    queue_init(&syncs->running);
}

void syncs_deinit(struct syncs *syncs)
{
    while (!queue_empty(&syncs->running)) {
        sync_cancel(QUEUE_ITEM(syncs->running.next, struct sync, link));
    }
    table_deinit(&syncs->tasks);
}

struct holding *sync_holding(const struct sync *sync)
{
    return replica_holding(sync->syncs->replica, sync->partition);
}

/* ---- beginning and ending -------------------------------------------------------------------- */

static void sync_free_tasks(struct queue *tasks)
{
    while (!queue_empty(tasks)) {
        sync_task_free(QUEUE_ITEM(tasks->next, struct sync_task, link));
    }
}

void sync_cancel(struct sync *sync)
{
    struct syncs *syncs = sync->syncs;
    sync_free_tasks(&sync->todo);
    sync_free_tasks(&sync->busy);
    timers_stop(syncs->timers, &sync->timer);
    if (sync->watching) {
        replica_unwatch(&sync->watch);
    }
    partition_clock_deinit(&sync->peer_clock);
    table_deinit(&sync->late);
    queue_remove(&sync->link);
    syncs->count--;
    mem_free(sync);
}

static void sync_end(struct sync *sync, int code)
{
    struct syncs *syncs = sync->syncs;
    struct sync_outcome outcome = {
        .code = code,
        .partition = sync->partition,
        .node = sync->node,
        .actor = sync->actor,
        .release = sync->release,
        .refilling = sync->refilling,
        .begun_us = sync->begun_us,
        .repaired = sync->repaired,
    };
    void *self = sync->self;
    void (*done)(void *, const struct sync_outcome *) = sync->done;
    syncs->counts.completed += code == 0 ? 1 : 0;
    syncs->counts.failed += code < 0 ? 1 : 0;
    sync_cancel(sync);
    done(self, &outcome);
}

int sync_begin(struct syncs *syncs, const struct sync_wish *wish, struct sync **out)
{
    struct holding *holding = replica_holding(syncs->replica, wish->partition);
    if (holding == NULL || replica_tree(holding) == NULL) {
        return holding == NULL ? SHOAL_ENOTOWNER : SHOAL_EOVERLOAD;
    }
    struct sync *sync = mem_alloc_zeroed(1, sizeof(*sync));
    if (sync == NULL) {
        return SHOAL_ENOMEM;
    }
    sync->syncs = syncs;
    sync->partition = wish->partition;
    sync->node = wish->node;
    sync->release = wish->release;
    sync->has_target = wish->target != NULL;
    if (wish->target != NULL) {
        sync->target = *wish->target;
    }
    sync->self = wish->self;
    sync->done = wish->done;
    sync->begun_us = syncs->now.mono_us;
    sync->timer.fire = sync_on_timer;
    queue_init(&sync->todo);
    queue_init(&sync->busy);
    table_init(&sync->late);
    partition_clock_init(&sync->peer_clock);
    queue_push(&syncs->running, &sync->link);
    syncs->count++;
    replica_tell_clock(syncs->replica, holding);
    struct sync_task *root = sync_push(sync, STEP_ROOT);
    int result = root == NULL ? SHOAL_ENOMEM : sync_ask(root);
    if (result < 0) {
        sync_cancel(sync);
        return result;
    }
    syncs->counts.begun++;
    *out = sync;
    return 0;
}

/* ---- the clocks and the roots ---------------------------------------------------------------- */

/* What the peer told of its clock, for the dropping of tombstones. */
static int sync_hear_told(struct sync *sync, const struct message_sync_rooted *answer,
                          const struct partition_clock *clock)
{
    struct holding *holding = sync_holding(sync);
    if (answer->told.data == NULL) {
        replica_report(holding, sync->node, answer->actor, clock);
        return 0;
    }
    struct partition_clock told;
    partition_clock_init(&told);
    int result = partition_clock_decode(answer->told, &told);
    if (result == 0) {
        replica_report(holding, sync->node, answer->actor, &told);
    }
    partition_clock_deinit(&told);
    return result;
}

static int sync_compare_roots(struct sync *sync, const struct message_sync_rooted *answer)
{
    struct hash_tree *tree = replica_tree(sync_holding(sync));
    if (tree == NULL || answer->bits > HASH_TREE_BITS_MAX) {
        return tree == NULL ? SHOAL_EOVERLOAD : SHOAL_EPROTO;
    }
    sync->bits = answer->bits < tree->bits ? answer->bits : tree->bits;
    sync->siblings_there = answer->siblings;
    sync->siblings_here = tree->siblings;
    sync->watch.peer_clock = &sync->peer_clock;
    sync->watch.late = sync_on_late;
    sync->watch.ended = sync_on_ended;
    replica_watch(sync_holding(sync), &sync->watch);
    sync->watching = true;
    if (MUTANT(early_join)) {
        replica_join_clock(sync->syncs->replica, sync_holding(sync), &sync->peer_clock);
    }
    struct tree_sum theirs = {.low = answer->root.low, .high = answer->root.high};
    return sync_descend(sync, 0, 0, hash_tree_root(tree), theirs);
}

static int sync_take_rooted(struct sync_task *task, const struct message_sync_rooted *answer)
{
    struct sync *sync = task->sync;
    if (sync_holding(sync) == NULL || answer->actor == 0) {
        return answer->actor == 0 ? SHOAL_EPROTO : SHOAL_ENOTOWNER;
    }
    struct partition_clock clock;
    partition_clock_init(&clock);
    int result = partition_clock_decode(answer->clock, &clock);
    if (result == 0) {
        result = sync_hear_told(sync, answer, &clock);
    }
    if (result < 0) {
        partition_clock_deinit(&clock);
        return result;
    }
    partition_clock_deinit(&sync->peer_clock);
    sync->peer_clock = clock;
    sync->actor = answer->actor;
    sync->refilling = sync->refilling || answer->refilling;
    if (answer->view.data != NULL) {
        sync->syncs->ports.learn(sync->syncs->ports.self, answer->view_digest, answer->view);
    }
    sync_task_free(task);
    if (sync->rooted) {
        return 0;
    }
    sync->rooted = true;
    return sync_compare_roots(sync, answer);
}

void syncs_on_rooted(struct syncs *syncs, uint64_t node, const struct message_sync_rooted *answer)
{
    struct sync_task *task =
        sync_answered(syncs, node, answer->id, answer->clock.len, STEP_ROOT, STEP_ROOT);
    if (task != NULL) {
        struct sync *sync = task->sync;
        sync_go_on(sync, answer->code < 0 ? answer->code : sync_take_rooted(task, answer));
    }
}

/* ---- what happens here meanwhile ------------------------------------------------------------- */

static void sync_on_late(struct sync_watch *watch, uint64_t position)
{
    struct sync *sync = QUEUE_ITEM(watch, struct sync, watch);
    uint64_t index = sync->bits == 0 ? 0 : position >> (64 - sync->bits);
    if (!MUTANT(no_recheck) && table_put(&sync->late, index + 1, sync) < 0) {
        sync->late_all = true;
    }
}

static void sync_on_ended(struct sync_watch *watch)
{
    struct sync *sync = QUEUE_ITEM(watch, struct sync, watch);
    sync->broken = true;
    /* Without memory for the timer the next answer, or its absence, ends it. */
    (void)timers_start(sync->syncs->timers, &sync->timer, sync->syncs->now.mono_us);
}

static int sync_index_order(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return x == y ? 0 : x < y ? -1 : 1;
}

/* Puts what was stored here meanwhile on the stack. */
static int sync_recheck(struct sync *sync)
{
    if (sync->late_all) {
        sync->late_all = false;
        return sync_push_node(sync, STEP_LEAVES, 0, 0);
    }
    uint64_t *indexes = arena_alloc_array(sync->syncs->arena, sync->late.count, sizeof(*indexes));
    if (indexes == NULL) {
        return SHOAL_ENOMEM;
    }
    uint32_t count = 0;
    size_t cursor = 0;
    uint64_t key;
    void *value;
    while (table_next(&sync->late, &cursor, &key, &value)) {
        indexes[count++] = key - 1;
    }
    table_deinit(&sync->late);
    table_init(&sync->late);
    qsort(indexes, count, sizeof(*indexes), sync_index_order);
    int result = 0;
    for (uint32_t i = 0; i < count && result == 0; i++) {
        result = sync_push_node(sync, STEP_LEAVES, sync->bits, indexes[i]);
    }
    return result;
}

/* ---- going on -------------------------------------------------------------------------------- */

/* Asks as much as the window and the pace let through: 0 or negative. */
static int sync_pump(struct sync *sync)
{
    struct syncs *syncs = sync->syncs;
    int result = 0;
    while (result == 0 && sync->busy_count < SYNC_WINDOW && !queue_empty(&sync->todo)) {
        struct sync_task *task = QUEUE_ITEM(sync->todo.next, struct sync_task, link);
        bool moves = task->step == STEP_NAMES || task->step == STEP_RANGE;
        uint64_t wait_us = moves ? pace_wait_us(syncs->pace, syncs->now.mono_us) : 0;
        if (wait_us > 0) {
            return timers_start(syncs->timers, &sync->timer, syncs->now.mono_us + wait_us);
        }
        result = sync_ask(task);
    }
    return result;
}

/* All has been compared: 1 when the sync is complete, 0 when there is more to ask, or negative. */
static int sync_complete(struct sync *sync)
{
    struct holding *holding = sync_holding(sync);
    if (holding == NULL) {
        return SHOAL_ENOTOWNER;
    }
    if (sync->late_all || sync->late.count > 0) {
        return sync_recheck(sync);
    }
    if (MUTANT(late_clock) && !sync->joins_late) {
        sync->joins_late = true;
        return sync_push(sync, STEP_ROOT) == NULL ? SHOAL_ENOMEM : 0;
    }
    replica_join_clock(sync->syncs->replica, holding, &sync->peer_clock);
    return 1;
}

void sync_go_on(struct sync *sync, int result)
{
    while (result == 0 && !sync->broken) {
        result = sync_pump(sync);
        if (result == 0 && (!queue_empty(&sync->todo) || !queue_empty(&sync->busy))) {
            return;
        }
        result = result == 0 ? sync_complete(sync) : result;
    }
    if (result == 1) {
        sync_end(sync, 0);
    } else {
        sync_end(sync, sync->broken ? SHOAL_ECONFLICT : result);
    }
}

static void sync_on_timer(struct timer *timer, uint64_t now_us)
{
    (void)now_us;
    sync_go_on(QUEUE_ITEM(timer, struct sync, timer), 0);
}
