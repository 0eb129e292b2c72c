/* The readers, and what they hold against the feed. */
#include "sim_watch.h"

#include "base/assert.h"
#include "base/memory.h"
#include "shoal/error.h"
#include "sim_counters.h"

#define SECOND_US UINT64_C(1000000)
#define TURN_US SECOND_US
#define CATCH_UP_US (60 * SECOND_US)
#define STAND_STILL_US (10 * SECOND_US)

static struct sim_watcher *watcher_of(struct feed_reader *reader)
{
    return QUEUE_ITEM(reader, struct sim_watcher, reader);
}

static const char *node_text(const struct sim_watcher *watcher, uint64_t id)
{
    static char text[32];
    const struct sim_world *world = watcher->all->world;
    for (uint32_t i = 0; i < world->node_count; i++) {
        if (world->nodes[i].id == id) {
            (void)snprintf(text, sizeof(text), "node%u", i);
            return text;
        }
    }
    return "a node of before";
}

/* ---- what a cursor may do ---- */

static bool is_gap(const struct feed_event *event, uint64_t node, uint32_t reasons)
{
    return event->op == FEED_GAP && event->node == node && (reasons & 1u << event->reason) != 0;
}

/* From where a life had come to, a mark is a multiple of TAIL_JUMP away: what stands that little
 * before it was passed over. (Who stands that little behind has had what the tail has lost.) */
static const char *judge_jump(uint64_t before, uint64_t mark)
{
    uint64_t passed = (mark - before) % TAIL_JUMP;
    return passed == 0 || passed > TAIL_JUMP / 2 ? NULL : "a crash passed over events";
}

/* Why the place may not have become that; NULL: it may. */
static const char *judge_place(const struct feed_event *event, const struct feed_place *before,
                               const struct feed_place *now, uint32_t *moved)
{
    uint64_t node = now->node;
    if (before->tag == 0 || (before->tag == now->tag && before->at == now->at)) {
        return NULL;
    }
    *moved += 1;
    if (is_gap(event, node, 1u << FEED_GAP_LOST)) {
        return NULL;
    }
    if (before->tag != now->tag) {
        return "another tail without a gap";
    }
    if (now->at < before->at) {
        return "back without a gap";
    }
    if (is_gap(event, node, 1u << FEED_GAP_TRIMMED)) {
        return now->at - before->at == event->missed ? NULL : "trimmed by another number";
    }
    if (is_gap(event, node, 1u << FEED_GAP_CRASHED)) {
        return judge_jump(before->at, now->at - 1);
    }
    if (event->op == FEED_GAP || event->op == FEED_BACK || event->node != node) {
        return "moved by what is none of its events";
    }
    return now->at == before->at + 1 ? NULL : "moved by more than an event";
}

static void judge_cursor(struct sim_watcher *watcher, const struct feed_event *event,
                         const struct feed_cursor *now)
{
    struct sim_world *world = watcher->all->world;
    uint32_t moved = 0;
    bool unknown = false; /* a lane had no place before */
    const char *why = NULL;
    const struct feed_place *at = NULL;
    for (uint32_t i = 0; i < now->count && why == NULL; i++) {
        at = &now->places[i];
        const struct feed_place *before = feed_cursor_find(&watcher->at, at->node, at->lane);
        const struct feed_place *first = feed_cursor_find(&watcher->at, at->node, 0);
        if (before != NULL) {
            why = judge_place(event, before, at, &moved);
            unknown = unknown || (before->tag == 0 && event->node == at->node);
        } else {
            unknown = unknown || event->node == at->node;
            bool timed = first != NULL && first->tag == 0;
            if (!timed && at->tag != 0 && at->at > TAIL_FIRST + 1u && event->op != FEED_GAP) {
                why = "a lane that was not there, and not from its beginning";
            }
        }
    }
    for (uint32_t i = 0; i < watcher->at.count && why == NULL; i++) {
        at = &watcher->at.places[i];
        if (feed_cursor_find(now, at->node, at->lane) == NULL &&
            !is_gap(event, at->node, 1u << FEED_GAP_REMOVED | 1u << FEED_GAP_LOST)) {
            why = "a lane is gone without a gap";
        }
    }
    if (why == NULL && moved > 1) {
        why = "several lanes moved by one event";
    }
    if (why == NULL && moved == 0 && !unknown && event->op != FEED_GAP && event->op != FEED_BACK) {
        why = "an event that no lane moved by";
    }
    if (why != NULL) {
        sim_world_fail(world, SIM_FEED, "reader %u at node%u: %s (lane %u of %s, op %u, reason %u)",
                       (unsigned)(watcher - watcher->all->items), watcher->node, why,
                       at == NULL ? 0 : at->lane, node_text(watcher, event->node), event->op,
                       event->reason);
    }
}

static void keep_cursor(struct sim_watcher *watcher, struct bytes bytes,
                        const struct feed_event *event)
{
    struct sim_world *world = watcher->all->world;
    const struct worker *core = world->nodes[watcher->node].workers[watcher->worker].core;
    struct feed_cursor now;
    feed_cursor_init(&now);
    if (feed_cursor_decode(bytes, worker_cluster_id(core), &now) < 0) {
        sim_world_fail(world, SIM_FEED, "a cursor that can't be read, at node%u", watcher->node);
        return;
    }
    if (watcher->known && event != NULL) {
        judge_cursor(watcher, event, &now);
    }
    feed_cursor_deinit(&watcher->at);
    watcher->at = now;
    buffer_clear(&watcher->cursor);
    ASSERT(buffer_append_bytes(&watcher->cursor, bytes) == 0);
    if (!watcher->known) {
        watcher->known = true;
        watcher->written_before = world->oracle.history.write_count;
        sim_gaps_begin(&watcher->gaps, &watcher->at);
    }
}

/* ---- what it is told ---- */

static void note_told(struct sim_watcher *watcher, uint32_t write)
{
    if (write > watcher->told_count) {
        uint32_t count = write + 1024;
        watcher->told = mem_realloc(watcher->told, count + 1);
        ASSERT(watcher->told != NULL);
        memset(watcher->told + watcher->told_count + 1, 0, count - watcher->told_count);
        watcher->told_count = count;
    }
    watcher->told[write] = 1;
}

static void judge_put(struct sim_watcher *watcher, const struct feed_event *event)
{
    struct sim_world *world = watcher->all->world;
    struct sim_history *history = &world->oracle.history;
    if (event->op != FEED_PUT || sim_counters_named(event->key) || sim_counters_wild(event->key)) {
        return;
    }
    if (event->value.data == NULL) {
        watcher->left_out[sim_history_key(history, event->key)]++;
        return;
    }
    uint32_t write = sim_history_by_value(history, event->value);
    const struct sim_write *found = write == 0 ? NULL : sim_history_get(history, write);
    const struct sim_key *key = found == NULL ? NULL : &history->keys[found->key];
    if (key == NULL || !bytes_equal(event->key, bytes_make(key->name, key->name_len))) {
        sim_world_fail(world, SIM_FEED, "a put that nobody has made, of %.*s", (int)event->key.len,
                       (const char *)event->key.data);
        return;
    }
    if (found->state == SIM_WRITE_NONE) {
        sim_world_fail(world, SIM_FEED, "a put of which nothing was applied, of %.*s",
                       (int)event->key.len, (const char *)event->key.data);
    }
    sim_trace_say(&world->trace, world->now_us, "... which is put #%u", write);
    note_told(watcher, write);
}

static void note_gap(struct sim_watcher *watcher, const struct feed_event *event)
{
    struct sim_world *world = watcher->all->world;
    sim_gaps_note(&watcher->gaps, event);
    watcher->all->gaps++;
    sim_trace_say(&world->trace, world->now_us, "reader at node%u is told: %s of %s, reason %u",
                  watcher->node, event->op == FEED_BACK ? "back" : "gap",
                  node_text(watcher, event->node), event->reason);
}

static bool on_take(struct feed_reader *reader, const struct feed_event *event)
{
    struct sim_watcher *watcher = watcher_of(reader);
    if (watcher->room == 0) {
        return false;
    }
    struct sim_world *world = watcher->all->world;
    watcher->room--;
    watcher->all->events++;
    sim_trace_say(&world->trace, world->now_us, "reader %u at node%u is told op %u of %.*s: %.*s",
                  (unsigned)(watcher - watcher->all->items), watcher->node, event->op,
                  (int)event->key.len, (const char *)event->key.data,
                  event->value.len < 32 ? (int)event->value.len : 32,
                  event->value.data == NULL ? "" : (const char *)event->value.data);
    if (event->op == FEED_GAP || event->op == FEED_BACK) {
        note_gap(watcher, event);
    }
    keep_cursor(watcher, event->cursor, event);
    judge_put(watcher, event);
    return true;
}

static void on_flush(struct feed_reader *reader)
{
    struct sim_watcher *watcher = watcher_of(reader);
    struct bytes cursor = watcher->known ? (struct bytes){0} : worker_feed_cursor(reader);
    if (cursor.data != NULL) {
        keep_cursor(watcher, cursor, NULL);
    }
}

static void on_ended(struct feed_reader *reader, int code, const char *text)
{
    struct sim_watcher *watcher = watcher_of(reader);
    struct sim_world *world = watcher->all->world;
    bool removed = code == SHOAL_ECONNECT && world->nodes[watcher->node].removed;
    watcher->open = false;
    if (code != SHOAL_ESHUTDOWN && !removed) { /* else it goes on elsewhere */
        sim_world_fail(world, SIM_FEED, "a reader at node%u is ended: %s", watcher->node, text);
    }
}

static const struct feed_reader_calls watcher_calls = {
    .take = on_take, .flush = on_flush, .ended = on_ended};

/* ---- where it reads ---- */

static bool watcher_alive(const struct sim_watcher *watcher)
{
    const struct sim_node *node = &watcher->all->world->nodes[watcher->node];
    return watcher->open && watcher->reader.walk != NULL && node->state == SIM_UP &&
           node->life == watcher->life;
}

static void watcher_open(struct sim_watcher *watcher)
{
    struct sim_watchers *all = watcher->all;
    struct sim_world *world = all->world;
    struct sim_node *node = &world->nodes[random_below(&all->random, world->node_count)];
    if (node->state != SIM_UP || node->paused || node->removed ||
        !sim_world_is_member(world, node)) {
        return;
    }
    watcher->node = node->index;
    watcher->worker = (uint32_t)random_below(&all->random, node->worker_count);
    watcher->life = node->life;
    struct sim_worker *worker = &node->workers[watcher->worker];
    struct bytes cursor = watcher->known ? buffer_bytes(&watcher->cursor) : (struct bytes){0};
    int code = worker_feed_open(worker->core, &watcher->reader, cursor);
    watcher->open = code == 0;
    all->reopened += watcher->open;
    if (code == SHOAL_EINVAL) {
        sim_world_fail(world, SIM_FEED, "a cursor is refused at node%u", node->index);
    }
    if (watcher->open) {
        sim_node_after_event(worker);
    }
}

static void watcher_close(struct sim_watcher *watcher)
{
    struct sim_node *node = &watcher->all->world->nodes[watcher->node];
    worker_feed_close(node->workers[watcher->worker].core, &watcher->reader);
    watcher->open = false;
}

static void watcher_turn(struct sim_watcher *watcher)
{
    struct sim_watchers *all = watcher->all;
    struct sim_node *node = &all->world->nodes[watcher->node];
    struct sim_worker *worker = &node->workers[watcher->worker];
    if (!watcher_alive(watcher)) {
        watcher->open = false;
        watcher_open(watcher);
    } else if (!node->paused && !all->calm && random_chance(&all->random, 0.15)) {
        watcher_close(watcher);
        sim_node_after_event(worker);
        watcher_open(watcher);
    }
    if (watcher_alive(watcher) && !all->world->nodes[watcher->node].paused) {
        bool fast = all->calm || random_chance(&all->random, 0.6);
        worker = &all->world->nodes[watcher->node].workers[watcher->worker];
        watcher->room = fast ? UINT32_MAX : (uint32_t)random_below(&all->random, 20);
        worker_feed_more(worker->core, &watcher->reader);
        sim_node_after_event(worker);
    }
}

static void watcher_fires(struct timer *timer, uint64_t now_us)
{
    struct sim_watcher *watcher = QUEUE_ITEM(timer, struct sim_watcher, timer);
    struct sim_watchers *all = watcher->all;
    if (!all->away) {
        watcher_turn(watcher);
    }
    uint64_t wait_us = 1 + random_below(&all->random, all->calm ? TURN_US / 4 : 2 * TURN_US);
    timers_start(&all->world->timers, timer, now_us + wait_us);
}

/* ---- a run ---- */

void sim_watchers_init(struct sim_watchers *watchers, struct sim_world *world, uint32_t count)
{
    *watchers = (struct sim_watchers){.world = world, .count = count};
    random_init(&watchers->random, world->options.seed ^ 0x77617463);
    for (uint32_t i = 0; i < count; i++) {
        struct sim_watcher *watcher = &watchers->items[i];
        watcher->all = watchers;
        watcher->reader.calls = &watcher_calls;
        watcher->timer.fire = watcher_fires;
        watcher->room = UINT32_MAX;
        feed_cursor_init(&watcher->at);
        buffer_init(&watcher->cursor, 0);
    }
}

void sim_watchers_deinit(struct sim_watchers *watchers)
{
    for (uint32_t i = 0; i < watchers->count; i++) {
        struct sim_watcher *watcher = &watchers->items[i];
        timers_stop(&watchers->world->timers, &watcher->timer);
        feed_cursor_deinit(&watcher->at);
        buffer_deinit(&watcher->cursor);
        mem_free(watcher->told);
    }
}

void sim_watchers_begin(struct sim_watchers *watchers)
{
    struct sim_world *world = watchers->world;
    for (uint32_t i = 0; i < watchers->count; i++) {
        timers_start(&world->timers, &watchers->items[i].timer,
                     world->now_us + 1 + random_below(&watchers->random, TURN_US));
    }
}

void sim_watchers_away(struct sim_watchers *watchers, bool away)
{
    watchers->away = away;
    for (uint32_t i = 0; i < watchers->count && away; i++) {
        struct sim_watcher *watcher = &watchers->items[i];
        if (watcher_alive(watcher)) {
            watcher_close(watcher);
            sim_node_after_event(&watchers->world->nodes[watcher->node].workers[watcher->worker]);
        }
    }
}

/* ---- the end ---- */

static void judge_watcher(struct sim_watcher *watcher)
{
    struct sim_watchers *all = watcher->all;
    struct sim_history *history = &all->world->oracle.history;
    for (uint32_t id = watcher->written_before + 1; watcher->known && id <= history->write_count;
         id++) {
        const struct sim_write *write = sim_history_get(history, id);
        if (write->state != SIM_WRITE_ACKED || write->is_delete) {
            continue;
        }
        all->judged++;
        if (id <= watcher->told_count && watcher->told[id] != 0) {
            continue;
        }
        if (sim_gaps_excuse(&watcher->gaps, all->world, write)) {
            all->excused++;
        } else if (watcher->left_out[write->key] > 0) {
            watcher->left_out[write->key]--;
        } else {
            const struct sim_key *key = &history->keys[write->key];
            sim_world_fail(all->world, SIM_FEED,
                           "reader %u, last at node%u, was never told of put #%u of %.*s that was "
                           "acknowledged (node%u coordinated it as number %llu)",
                           (unsigned)(watcher - all->items), watcher->node, id, (int)key->name_len,
                           (const char *)key->name, key->dots[write->dots[0]].node,
                           (unsigned long long)key->dots[write->dots[0]].dot.counter);
            return;
        }
    }
}

void sim_watchers_judge(struct sim_watchers *watchers)
{
    struct sim_world *world = watchers->world;
    uint64_t end_us = world->now_us + CATCH_UP_US;
    uint64_t since_us = world->now_us;
    uint64_t events = UINT64_MAX;
    watchers->calm = true;
    while (watchers->count > 0 && world->now_us < end_us && !world->verdict.broken &&
           world->now_us - since_us < STAND_STILL_US) {
        if (events != watchers->events) {
            events = watchers->events;
            since_us = world->now_us;
        }
        sim_world_run_us(world, SECOND_US / 2);
    }
    for (uint32_t i = 0; i < watchers->count && !world->verdict.broken; i++) {
        judge_watcher(&watchers->items[i]);
        timers_stop(&world->timers, &watchers->items[i].timer);
    }
}
