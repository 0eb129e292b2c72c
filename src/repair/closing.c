/* Asks, tells and syncs, a little at a tick. See closing.h. */
#include "repair/closing.h"

#include "base/assert.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/mutant.h"
#include "repair/closing_case.h"
#include "shoal/error.h"

#define CLOSING_TICK_US UINT64_C(500000)
#define CLOSING_IDLE_TICK_US UINT64_C(1000000)
#define CLOSING_SETTLE_US UINT64_C(1000000) /* what seems to have ended may be told of yet */
#define CLOSING_DENIED_US_MIN UINT64_C(10000000)
#define CLOSING_DENIED_US_MAX UINT64_C(300000000)
#define CLOSING_PAUSE_US_MIN UINT64_C(1000000)
#define CLOSING_PAUSE_US_MAX UINT64_C(30000000)

static void closing_on_timer(struct timer *timer, uint64_t now_us);
static void closing_go_on(struct closing *closing, struct closing_case *entry);

/* ---- life ---- */

void closing_init(struct closing *closing, uint64_t id_first)
{
    *closing = (struct closing){.next_id = id_first, .timer = {.fire = closing_on_timer}};
    table_init(&closing->cases);
    queue_init(&closing->turns);
}

static uint64_t closing_longer(uint64_t pause_us, uint64_t max_us)
{
    return pause_us * 2 < max_us ? pause_us * 2 : max_us;
}

static uint32_t count_bits(uint64_t bits)
{
    return (uint32_t)__builtin_popcountll(bits);
}

static struct closing_case *closing_find(const struct closing *closing, uint32_t partition)
{
    return table_get(&closing->cases, (uint64_t)partition + 1);
}

/* Its syncs go on, for whoever else may want them, but nothing waits for them. */
static void closing_free(struct closing *closing, struct closing_case *entry)
{
    closing->syncs -= count_bits(entry->wanted);
    queue_remove(&entry->link);
    (void)table_remove(&closing->cases, (uint64_t)entry->partition + 1);
    mem_free(entry);
}

static void closing_free_all(struct closing *closing)
{
    while (!queue_empty(&closing->turns)) {
        closing_free(closing, QUEUE_ITEM(closing->turns.next, struct closing_case, link));
    }
}

void closing_forget(struct closing *closing)
{
    closing_free_all(closing);
    timers_stop(closing->timers, &closing->timer);
    closing->view = NULL;
    closing->digest = 0;
    closing_members_deinit(&closing->members);
    closing->next = closing->first;
}

void closing_deinit(struct closing *closing)
{
    closing_forget(closing);
    table_deinit(&closing->cases);
}

void closing_stop(struct closing *closing)
{
    closing->is_stopped = true;
    closing_free_all(closing);
    timers_stop(closing->timers, &closing->timer);
}

static void closing_keep_time(struct closing *closing)
{
    uint64_t tick_us = closing->cases.count > 0 ? CLOSING_TICK_US : CLOSING_IDLE_TICK_US;
    (void)timers_start(closing->timers, &closing->timer, closing->now.mono_us + tick_us);
}

void closing_adopt(struct closing *closing, const struct view *view, uint64_t self,
                   const uint64_t *leavers, uint32_t leaver_count)
{
    closing->view = view;
    closing->self = self;
    bool others = closing_members_set(&closing->members, view, leavers, leaver_count) != 0;
    if (others || view->digest != closing->digest) {
        closing_free_all(closing);
        closing->digest = view->digest;
        closing->next = closing->first;
    }
    if (!closing->is_stopped && !timer_running(&closing->timer)) {
        closing_keep_time(closing);
    }
}

uint32_t closing_pending(const struct closing *closing)
{
    return (uint32_t)closing->cases.count;
}

/* ---- which actors ---- */

static void closing_wait(struct closing *closing, struct closing_case *entry, uint64_t wait_us)
{
    closing->syncs -= count_bits(entry->wanted);
    closing_case_begin(entry, CLOSING_WAITING, 0);
    entry->count = 0;
    entry->next_us = closing->now.mono_us + wait_us;
}

/* Looks through one partition that has no case yet. */
static void closing_review(struct closing *closing, uint32_t partition)
{
    uint64_t actors[LIMIT_ENDED_ACTORS];
    const struct holding *holding = replica_holding(closing->replica, partition);
    if (closing->members.count == 0 || holding == NULL ||
        closing_candidates(holding, actors) == 0 || closing_find(closing, partition) != NULL ||
        !view_owns(closing->view, closing->self, partition)) {
        return;
    }
    struct closing_case *entry = closing_case_new(partition, closing->members.count);
    if (entry == NULL || table_put(&closing->cases, (uint64_t)partition + 1, entry) < 0) {
        mem_free(entry);
        return; /* the next time round */
    }
    queue_push(&closing->turns, &entry->link);
    entry->denied_us = CLOSING_DENIED_US_MIN;
    closing_wait(closing, entry, CLOSING_SETTLE_US);
}

static void closing_review_some(struct closing *closing)
{
    uint32_t partitions = view_facts(closing->view)->partitions;
    for (uint32_t i = 0; i < CLOSING_PARTITIONS_MAX && closing->next < partitions; i++) {
        closing_review(closing, closing->next);
        closing->next += closing->step;
    }
    if (closing->next >= partitions) {
        closing->next = closing->first;
    }
}

/* ---- asking and telling ---- */

static void closing_enter(struct closing *closing, struct closing_case *entry,
                          enum closing_stage stage)
{
    closing_case_begin(entry, stage, closing->next_id++);
    entry->pause_us = CLOSING_PAUSE_US_MIN;
    entry->next_us = closing->now.mono_us;
}

static struct message_ended closing_question(const struct closing *closing,
                                             const struct closing_case *entry)
{
    return (struct message_ended){
        .id = entry->id,
        .partition = entry->partition,
        .view_digest = closing->digest,
        .actors = entry->actors,
        .count = entry->count,
        .certain = entry->stage == CLOSING_TELLING,
    };
}

/* This node's own word. */
static uint64_t closing_own_word(struct closing *closing, const struct closing_case *entry)
{
    struct message_ended question = closing_question(closing, entry);
    struct ended_standing standing = {
        .holding = replica_holding(closing->replica, entry->partition),
        .has_record = true,
        .owes = closing->ports.owes_hints(closing->ports.self, entry->partition),
    };
    return ended_confirm(closing->ended, &question, &standing);
}

/* Asks everybody who has more to say; adds to the number of questions sent. */
static void closing_ask(struct closing *closing, struct closing_case *entry, uint32_t *sent)
{
    struct message_ended question = closing_question(closing, entry);
    buffer_clear(closing->frame);
    if (message_ended_encode(&question, closing->frame) < 0) {
        return; /* no memory: again when it is repeated */
    }
    for (uint32_t i = 0; i < entry->word_count; i++) {
        uint64_t node = closing->members.nodes[i];
        if (node != closing->self && !closing_case_told(entry, i)) {
            (void)closing->ports.send(closing->ports.self, node, buffer_bytes(closing->frame));
            closing->counts.questions++;
            (*sent)++;
        }
    }
    for (uint32_t i = 0; i < entry->word_count; i++) {
        if (closing->members.nodes[i] == closing->self && !closing_case_told(entry, i)) {
            closing_case_word(entry, i, closing_own_word(closing, entry));
        }
    }
}

void closing_on_reply(struct closing *closing, uint64_t node,
                      const struct message_ended_reply *reply)
{
    if (closing->view == NULL || closing->is_stopped) {
        return;
    }
    if (reply->view_digest != closing->digest) {
        if (reply->view.data != NULL) {
            closing->ports.learn(closing->ports.self, reply->view_digest, reply->view);
        }
        return; /* of another view, perhaps ours of then: asked again */
    }
    struct queue *link = closing->turns.next;
    for (; link != &closing->turns; link = link->next) {
        struct closing_case *entry = QUEUE_ITEM(link, struct closing_case, link);
        bool asks = entry->stage == CLOSING_ASKING || entry->stage == CLOSING_TELLING;
        if (!asks || entry->id != reply->id || reply->code != 0) {
            continue;
        }
        int member = closing_members_find(&closing->members, node);
        if (member >= 0) {
            closing_case_word(entry, (uint32_t)member, reply->confirmed);
            closing_go_on(closing, entry);
            return;
        }
    }
}

/* ---- syncing ---- */

/* The other owners of the partition, in any live layout: how many. */
static uint32_t closing_sources(const struct closing *closing, uint32_t partition,
                                uint64_t out[LIMIT_REQUEST_TARGETS])
{
    struct placement placement;
    uint32_t count = 0;
    if (view_place(closing->view, partition, &placement) < 0) {
        return UINT32_MAX;
    }
    for (uint32_t i = 0; i < placement.node_count; i++) {
        uint64_t node = placement.nodes[i];
        if (node != closing->self && !view_removed(closing->view, node)) {
            out[count++] = node;
        }
    }
    return count;
}

static bool closing_synced(const struct closing *closing, const struct closing_case *entry)
{
    uint64_t sources[LIMIT_REQUEST_TARGETS];
    uint32_t count = closing_sources(closing, entry->partition, sources);
    if (MUTANT(close_no_sync)) {
        return true;
    }
    if (MUTANT(close_by_report) &&
        closing_case_whole(entry, replica_holding(closing->replica, entry->partition))) {
        return true;
    }
    return count <= LIMIT_REQUEST_TARGETS && count_bits(entry->synced) == count;
}

static void closing_sync(struct closing *closing, struct closing_case *entry)
{
    uint64_t sources[LIMIT_REQUEST_TARGETS];
    uint32_t count = closing_sources(closing, entry->partition, sources);
    if (count > LIMIT_REQUEST_TARGETS) {
        return;
    }
    for (uint32_t i = 0; i < count && closing->syncs < CLOSING_SYNCS_MAX; i++) {
        uint64_t bit = UINT64_C(1) << i;
        if (((entry->synced | entry->wanted) & bit) == 0 &&
            closing->ports.sync(closing->ports.self, entry->partition, sources[i]) == 0) {
            entry->wanted |= bit;
            closing->syncs++;
        }
    }
}

void closing_on_synced(struct closing *closing, const struct sync_outcome *outcome)
{
    uint64_t sources[LIMIT_REQUEST_TARGETS];
    struct closing_case *entry = closing_find(closing, outcome->partition);
    if (entry == NULL || entry->stage != CLOSING_SYNCING) {
        return;
    }
    uint32_t count = closing_sources(closing, outcome->partition, sources);
    for (uint32_t i = 0; count <= LIMIT_REQUEST_TARGETS && i < count; i++) {
        uint64_t bit = UINT64_C(1) << i;
        if (sources[i] != outcome->node) {
            continue;
        }
        closing->syncs -= (entry->wanted & bit) != 0 ? 1 : 0;
        entry->wanted &= ~bit;
        bool later = outcome->begun_us > entry->since_us || MUTANT(close_early_sync);
        bool whole = !outcome->refilling || MUTANT(close_by_refilling);
        if (outcome->code == 0 && whole && later) {
            entry->synced |= bit;
        }
    }
    closing_go_on(closing, entry);
}

static void closing_close(struct closing *closing, struct closing_case *entry)
{
    struct holding *holding = replica_holding(closing->replica, entry->partition);
    for (uint32_t i = 0; i < entry->count; i++) {
        partition_clock_close(&holding->clock, entry->actors[i]);
    }
    closing->counts.closed += entry->count;
    log_debug("partition: actors that have ended are closed",
              LOG_U64("partition", entry->partition), LOG_U64("actors", entry->count));
    replica_tell_clock(closing->replica, holding);
    closing_free(closing, entry);
}

/* ---- stage by stage ---- */

/* It has waited: are there candidates still, or again? */
static void closing_begin(struct closing *closing, struct closing_case *entry)
{
    const struct holding *holding = replica_holding(closing->replica, entry->partition);
    entry->count = holding == NULL ? 0 : closing_candidates(holding, entry->actors);
    if (entry->count == 0) {
        closing_free(closing, entry);
        return;
    }
    entry->holding_actor = holding->actor;
    closing_enter(closing, entry, CLOSING_ASKING);
}

/* Goes as far as what was heard allows. The case may be freed. */
static void closing_go_on(struct closing *closing, struct closing_case *entry)
{
    const struct holding *holding = replica_holding(closing->replica, entry->partition);
    if (holding == NULL ||
        (entry->stage != CLOSING_WAITING && holding->actor != entry->holding_actor)) {
        closing_free(closing, entry);
        return;
    }
    if (entry->stage == CLOSING_ASKING && closing_case_heard(entry)) {
        closing_case_narrow(entry, closing_case_agreed(entry));
        if (entry->count == 0) {
            closing_wait(closing, entry, entry->denied_us);
            entry->denied_us = closing_longer(entry->denied_us, CLOSING_DENIED_US_MAX);
            return;
        }
        closing_enter(closing, entry, CLOSING_TELLING);
    } else if (entry->stage == CLOSING_TELLING &&
               closing_case_agreed(entry) == closing_case_all(entry)) {
        closing_enter(closing, entry, CLOSING_SYNCING);
        entry->since_us = closing->now.mono_us;
    }
    if (entry->stage == CLOSING_SYNCING && closing_synced(closing, entry)) {
        closing_close(closing, entry);
    }
}

/* The case's turn has come. */
static void closing_turn(struct closing *closing, struct closing_case *entry, uint32_t *sent)
{
    if (entry->stage == CLOSING_WAITING) {
        closing_begin(closing, entry);
        return;
    }
    if (entry->stage == CLOSING_SYNCING && closing->syncs == CLOSING_SYNCS_MAX) {
        return; /* at the next tick */
    }
    entry->next_us = closing->now.mono_us + entry->pause_us;
    entry->pause_us = closing_longer(entry->pause_us, CLOSING_PAUSE_US_MAX);
    if (entry->stage == CLOSING_SYNCING) {
        closing_sync(closing, entry);
    } else {
        closing_ask(closing, entry, sent);
    }
    closing_go_on(closing, entry);
}

static void closing_on_timer(struct timer *timer, uint64_t now_us)
{
    struct closing *closing = QUEUE_ITEM(timer, struct closing, timer);
    uint32_t sent = 0;
    (void)now_us;
    closing_keep_time(closing);
    closing_review_some(closing);
    for (size_t left = closing->cases.count; left > 0 && sent < CLOSING_QUESTIONS_MAX; left--) {
        struct closing_case *entry = QUEUE_ITEM(closing->turns.next, struct closing_case, link);
        queue_remove(&entry->link);
        queue_push(&closing->turns, &entry->link);
        if (entry->next_us <= closing->now.mono_us) {
            closing_turn(closing, entry, &sent);
        }
    }
}

void closing_check(const struct closing *closing)
{
    uint32_t wanted = 0;
    size_t count = 0;
    const struct queue *link = closing->turns.next;
    for (; link != &closing->turns; link = link->next) {
        const struct closing_case *entry = QUEUE_ITEM(link, struct closing_case, link);
        ASSERT(closing_find(closing, entry->partition) == entry);
        ASSERT(entry->word_count == closing->members.count);
        ASSERT(entry->stage == CLOSING_SYNCING || entry->wanted == 0);
        wanted += count_bits(entry->wanted);
        count++;
    }
    ASSERT(wanted == closing->syncs);
    ASSERT(count == closing->cases.count);
}
