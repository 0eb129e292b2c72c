/* Holdings over an engine, and the engine's events. See replica.h; objects are in replica_read.c
 * and replica_write.c. */
#include "base/assert.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/mutant.h"
#include "base/timers.h"
#include "replica/replica_inside.h"
#include "shoal/error.h"

/* ---- the engine's events ---- */

static void replica_on_ready(void *self, uint64_t ticket, int code)
{
    struct replica *replica = self;
    waiting_ready(&replica->reads, ticket, code);
}

static void replica_on_settled(void *self, uint64_t sequence)
{
    struct replica *replica = self;
    durability_reach(&replica->durability, DURABILITY_SETTLED, sequence);
}

static void replica_on_durable(void *self, uint64_t sequence)
{
    struct replica *replica = self;
    durability_reach(&replica->durability, DURABILITY_DURABLE, sequence);
}

static void replica_on_failed(void *self, int code)
{
    struct replica *replica = self;
    log_error("storage: failed; this node confirms no writes until it is restarted",
              LOG_TEXT("cause", shoal_error_text(code)));
    durability_fail(&replica->durability, code);
}

/* What is not held now may be held later in this run: that it is damaged is kept in mind. */
static void replica_note_damage(struct replica *replica, uint32_t partition)
{
    if (table_put(&replica->damaged, (uint64_t)partition + 1, replica) < 0) {
        replica->all_damaged = true;
    }
}

static void replica_on_damaged(void *self, uint32_t partition)
{
    struct replica *replica = self;
    if (replica->hints_from > 0 && partition >= replica->hints_from) {
        bool hint = partition < 2 * replica->hints_from;
        log_error(hint ? "storage: a hint is damaged: what was kept in it for others is lost"
                       : "storage: an intent is damaged: of a transaction that a crash cut short "
                         "a part may be missing",
                  LOG_U64("partition", partition % replica->hints_from));
        return;
    }
    struct holding *holding = replica_holding(replica, partition);
    log_error("storage: a record is damaged and not served; its partition is filled again from the "
              "other owners",
              LOG_U64("partition", partition));
    if (MUTANT(damage_ignored)) {
        return;
    }
    if (holding != NULL) {
        replica_renew(replica, holding, true);
    } else {
        replica_note_damage(replica, partition);
    }
}

void replica_init(struct replica *replica, struct engine *engine, struct random *random,
                  struct arena *arena, uint64_t clock_ahead_ms_max)
{
    *replica = (struct replica){.engine = engine, .random = random, .arena = arena};
    table_init(&replica->holdings);
    table_init(&replica->damaged);
    durability_init(&replica->durability);
    waiting_init(&replica->reads);
    hlc_init(&replica->clock, clock_ahead_ms_max);
    buffer_init(&replica->scratch, 0);
    buffer_init(&replica->record, 0);
    queue_init(&replica->working);
    queue_init(&replica->upkeep.link);
    replica->review_us = TIMERS_NEVER;
    engine->events = (struct engine_events){
        .self = replica,
        .ready = replica_on_ready,
        .settled = replica_on_settled,
        .durable = replica_on_durable,
        .failed = replica_on_failed,
        .damaged = replica_on_damaged,
    };
}

/* Whoever syncs with the holding has to begin anew, or has lost it. */
static void replica_end_watches(struct holding *holding)
{
    struct queue *link;
    while ((link = queue_pop(&holding->watches)) != NULL) {
        struct sync_watch *watch = QUEUE_ITEM(link, struct sync_watch, link);
        watch->ended(watch);
    }
}

static void replica_free_holding(struct holding *holding)
{
    if (holding != NULL) {
        replica_end_watches(holding);
        holding_deinit(holding);
        mem_free(holding);
    }
}

void replica_deinit(struct replica *replica)
{
    size_t cursor = 0;
    uint64_t key;
    void *holding;
    waiting_leave(&replica->upkeep);
    while (table_next(&replica->holdings, &cursor, &key, &holding)) {
        replica_free_holding(holding);
    }
    table_deinit(&replica->holdings);
    table_deinit(&replica->damaged);
    buffer_deinit(&replica->record);
    buffer_deinit(&replica->scratch);
}

/* ---- beginning and ending ---- */

struct holding *replica_holding(const struct replica *replica, uint32_t partition)
{
    return table_get(&replica->holdings, (uint64_t)partition + 1);
}

bool replica_knows(const struct replica *replica, uint32_t partition)
{
    struct engine *engine = replica->engine;
    struct bytes record;
    struct engine_stats stats;
    engine->ops->stats(engine, partition, &stats);
    return stats.keys > 0 || replica_holding(replica, partition) != NULL ||
           engine->ops->get_holding(engine, partition, &record) == 0;
}

static void replica_tell(struct replica *replica, const struct holding *holding)
{
    if (replica->listener.began != NULL) {
        replica->listener.began(replica->listener.self, holding);
    }
}

/* Another actor for it, or the first one. */
static void replica_begin_holding(struct replica *replica, struct holding *holding, bool refilling)
{
    if (MUTANT(keep_actor) && holding->actor != 0) {
        holding->refilling = refilling;
    } else {
        holding_begin(holding, refilling, replica->random);
    }
    (void)replica_record(replica, holding); /* again before its first dot, if need be */
    replica_tell(replica, holding);
    holding_wake(holding);
}

void replica_renew(struct replica *replica, struct holding *holding, bool refilling)
{
    replica_end_watches(holding);
    if (!MUTANT(keep_clock)) {
        holding_forget_clock(holding);
    }
    holding_forget_tree(holding);
    replica_begin_holding(replica, holding, refilling);
}

void replica_change_actor(struct replica *replica, struct holding *holding)
{
    replica_end_watches(holding);
    holding_forget_tree(holding);
    replica_begin_holding(replica, holding, holding->refilling);
}

/* Room for the partition's holding: the one there is, or a new one, whose actor is 0. */
static int replica_make(struct replica *replica, uint32_t partition, struct holding **out)
{
    struct holding *holding = replica_holding(replica, partition);
    if (holding == NULL) {
        holding = mem_alloc(sizeof(*holding));
        if (holding == NULL) {
            return SHOAL_ENOMEM;
        }
        holding_init(holding, partition);
        holding->working = &replica->working;
        int result = table_put(&replica->holdings, (uint64_t)partition + 1, holding);
        if (result < 0) {
            mem_free(holding);
            return result;
        }
    }
    *out = holding;
    return 0;
}

int replica_begin(struct replica *replica, uint32_t partition, bool refilling, struct holding **out)
{
    struct holding *holding;
    int result = replica_make(replica, partition, &holding);
    if (result == 0) {
        replica_renew(replica, holding, refilling);
        *out = holding;
    }
    return result;
}

/* Nothing confirmed in the partition has been lost since the process before, as far as that can be
 * known. */
static bool replica_whole(const struct replica *replica, uint32_t partition)
{
    const struct engine *engine = replica->engine;
    return engine->keeps_data && (!engine->behind || MUTANT(behind_trusted)) &&
           !replica->all_damaged && table_get(&replica->damaged, (uint64_t)partition + 1) == NULL &&
           (!engine->ops->lost(engine, partition) || MUTANT(lost_trusted));
}

static bool replica_load(struct replica *replica, uint32_t partition, struct holding_record *out)
{
    struct bytes record;
    int result = replica->engine->ops->get_holding(replica->engine, partition, &record);
    if (result == 0) {
        result = holding_decode(record, out);
        if (result < 0) {
            log_warning("partition: the record of its holding can't be used; it begins anew",
                        LOG_U64("partition", partition),
                        LOG_TEXT("cause", shoal_error_text(result)));
        }
    }
    return result == 0;
}

/* Takes up the holding that was on record: with nothing lost its clock is still true, whoever goes
 * on with it. What was overwritten after that record has been forgotten, which is safe. */
static void replica_take_up(struct holding *holding, struct holding_record *before)
{
    partition_clock_deinit(&holding->clock);
    holding->clock = before->clock;
    partition_clock_init(&before->clock);
    holding->refilling = before->refilling;
    holding->actor = before->actor;
    holding->counter = before->counter;
    holding->recorded = true;
}

int replica_resume(struct replica *replica, uint32_t partition, bool returning,
                   struct holding **out)
{
    struct holding_record before = {0};
    struct holding *holding;
    bool known = replica_load(replica, partition, &before);
    bool whole = replica_whole(replica, partition);
    int result = replica_make(replica, partition, &holding);
    if (result < 0) {
        partition_clock_deinit(&before.clock);
        return result;
    }
    bool refilling = returning && (!whole || !known || before.refilling);
    if (known && (whole || MUTANT(keep_clock) || MUTANT(keep_actor))) {
        replica_take_up(holding, &before);
    }
    partition_clock_deinit(&before.clock);
    if (!known || !whole) {
        replica_renew(replica, holding, refilling);
    } else if (!replica->engine->resumed && !MUTANT(crash_resumes)) {
        replica_begin_holding(replica, holding, refilling);
    } else {
        replica_tell(replica, holding);
        holding_wake(holding);
    }
    *out = holding;
    return 0;
}

void replica_complete(struct replica *replica, struct holding *holding)
{
    holding->refilling = false;
    holding->recorded = false; /* a record that says refilling only costs another refill */
    (void)replica_record(replica, holding);
}

int replica_drop(struct replica *replica, uint32_t partition)
{
    replica_free_holding(table_remove(&replica->holdings, (uint64_t)partition + 1));
    uint64_t sequence = 0;
    int result = replica->engine->ops->drop(replica->engine, partition, &sequence);
    if (result == 1) {
        durability_issue(&replica->durability, sequence);
    }
    return result < 0 ? result : 0;
}

/* ---- looking in ---- */

bool replica_durable(const struct replica *replica, uint64_t sequence)
{
    return replica->engine->keeps_data &&
           (replica->engine->settles_durable ||
            replica->durability.reached[DURABILITY_DURABLE] >= sequence);
}

enum engine_health replica_health(const struct replica *replica)
{
    return replica->durability.failed != 0 ? ENGINE_FAILED
                                           : replica->engine->ops->health(replica->engine);
}

bool replica_behind(const struct replica *replica)
{
    return replica->engine->ops->behind(replica->engine);
}

void replica_stats(const struct replica *replica, struct engine_stats *out)
{
    replica->engine->ops->stats(replica->engine, UINT32_MAX, out);
}

void replica_check(const struct replica *replica)
{
    size_t cursor = 0;
    uint64_t key;
    void *value;
    while (table_next(&replica->holdings, &cursor, &key, &value)) {
        const struct holding *holding = value;
        ASSERT(key == (uint64_t)holding->partition + 1);
        holding_check(holding);
    }
    durability_check(&replica->durability);
}
