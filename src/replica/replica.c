/* Holdings over an engine, and the engine's events. See replica.h; objects are in replica_read.c
 * and replica_write.c. */
#include "replica/replica.h"

#include "base/assert.h"
#include "base/log.h"
#include "base/memory.h"
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
    struct holding *holding = replica_holding(replica, partition);
    log_error("storage: a record is damaged and not served; its partition is filled again from the "
              "other owners",
              LOG_U64("partition", partition));
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
    engine->events = (struct engine_events){
        .self = replica,
        .ready = replica_on_ready,
        .settled = replica_on_settled,
        .durable = replica_on_durable,
        .failed = replica_on_failed,
        .damaged = replica_on_damaged,
    };
}

void replica_deinit(struct replica *replica)
{
    size_t cursor = 0;
    uint64_t key;
    void *holding;
    while (table_next(&replica->holdings, &cursor, &key, &holding)) {
        mem_free(holding);
    }
    table_deinit(&replica->holdings);
    table_deinit(&replica->damaged);
    buffer_deinit(&replica->scratch);
}

/* ---- records ---- */

int replica_record(struct replica *replica, struct holding *holding)
{
    if (holding->recorded) {
        return 0;
    }
    uint8_t record[HOLDING_RECORD_BYTES];
    holding_encode(holding, record);
    uint64_t sequence = 0;
    int result = replica->engine->ops->put_holding(replica->engine, holding->partition,
                                                   bytes_make(record, sizeof(record)), &sequence);
    if (result == 1) {
        durability_issue(&replica->durability, sequence);
    }
    holding->recorded = result >= 0;
    return result < 0 ? result : 0;
}

int replica_record_all(struct replica *replica)
{
    int first = 0;
    size_t cursor = 0;
    uint64_t key;
    void *value;
    while (table_next(&replica->holdings, &cursor, &key, &value)) {
        struct holding *holding = value;
        holding->recorded = false; /* with the counter of now */
        int result = replica_record(replica, holding);
        first = first == 0 ? result : first;
    }
    return first;
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

void replica_renew(struct replica *replica, struct holding *holding, bool refilling)
{
    holding_begin(holding, holding->partition, refilling, replica->random);
    (void)replica_record(replica, holding); /* again before its first dot, if need be */
    replica_tell(replica, holding);
}

/* Room for the partition's holding: the one there is, or a new one, whose actor is 0. */
static int replica_make(struct replica *replica, uint32_t partition, struct holding **out)
{
    struct holding *holding = replica_holding(replica, partition);
    if (holding == NULL) {
        holding = mem_alloc_zeroed(1, sizeof(*holding));
        if (holding == NULL) {
            return SHOAL_ENOMEM;
        }
        holding->partition = partition;
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
    return engine->keeps_data && !engine->behind && !replica->all_damaged &&
           table_get(&replica->damaged, (uint64_t)partition + 1) == NULL &&
           !engine->ops->lost(engine, partition);
}

static bool replica_load(struct replica *replica, uint32_t partition, struct holding *out)
{
    struct bytes record;
    int result = replica->engine->ops->get_holding(replica->engine, partition, &record);
    if (result == 0) {
        result = holding_decode(record, partition, out);
        if (result < 0) {
            log_warning("partition: the record of its holding can't be used; it begins anew",
                        LOG_U64("partition", partition),
                        LOG_TEXT("cause", shoal_error_text(result)));
        }
    }
    return result == 0;
}

int replica_resume(struct replica *replica, uint32_t partition, bool returning,
                   struct holding **out)
{
    struct holding before = {0};
    struct holding *holding;
    bool known = replica_load(replica, partition, &before);
    bool whole = replica_whole(replica, partition);
    int result = replica_make(replica, partition, &holding);
    if (result < 0) {
        return result;
    }
    if (known && whole && replica->engine->resumed) {
        *holding = before;
        replica_tell(replica, holding);
    } else {
        replica_renew(replica, holding, returning && (!whole || !known || before.refilling));
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
    mem_free(table_remove(&replica->holdings, (uint64_t)partition + 1));
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
