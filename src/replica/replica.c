/* Holdings over an engine: read, merge, write. See replica.h. */
#include "replica/replica.h"

#include "base/assert.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/memory.h"
#include "shoal/error.h"

/* ---- the engine's events ---- */

static void replica_on_durable(void *self, uint64_t sequence)
{
    struct replica *replica = self;
    durability_reached(&replica->durability, sequence);
}

static void replica_on_failed(void *self, int code)
{
    struct replica *replica = self;
    log_error("storage: failed; this node confirms no writes until it is restarted",
              LOG_TEXT("cause", shoal_error_text(code)));
    durability_fail(&replica->durability, code);
}

static void replica_on_ready(void *self, uint64_t ticket, int code)
{
    (void)self;
    (void)ticket;
    (void)code;
}

static void replica_on_damaged(void *self, uint32_t partition)
{
    (void)self;
    log_error("storage: a record is damaged", LOG_U64("partition", partition));
}

void replica_init(struct replica *replica, struct engine *engine, struct random *random,
                  struct arena *arena, uint64_t clock_ahead_ms_max)
{
    *replica = (struct replica){.engine = engine, .random = random, .arena = arena};
    table_init(&replica->holdings);
    durability_init(&replica->durability);
    hlc_init(&replica->clock, clock_ahead_ms_max);
    buffer_init(&replica->scratch, 0);
    engine->events = (struct engine_events){
        .self = replica,
        .ready = replica_on_ready,
        .settled = replica_on_durable,
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
    buffer_deinit(&replica->scratch);
}

/* ---- holdings ---- */

struct holding *replica_holding(const struct replica *replica, uint32_t partition)
{
    return table_get(&replica->holdings, (uint64_t)partition + 1);
}

/* The holding is on record, or on its way there ahead of all that is written after. */
static int replica_record_holding(struct replica *replica, struct holding *holding)
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

int replica_begin(struct replica *replica, uint32_t partition, bool refilling, struct holding **out)
{
    struct holding *holding = replica_holding(replica, partition);
    if (holding == NULL) {
        holding = mem_alloc(sizeof(*holding));
        if (holding == NULL) {
            return SHOAL_ENOMEM;
        }
        int result = table_put(&replica->holdings, (uint64_t)partition + 1, holding);
        if (result < 0) {
            mem_free(holding);
            return result;
        }
    }
    holding_begin(holding, partition, refilling, replica->random);
    (void)replica_record_holding(replica, holding); /* again before its first dot, if need be */
    *out = holding;
    return 0;
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

/* ---- objects ---- */

struct engine_key replica_key(const struct replica *replica, uint32_t partition, struct bytes key)
{
    return engine_key_of(&replica->position_secret, partition, key);
}

int replica_read_encoded(struct replica *replica, const struct engine_key *key,
                         struct bytes *encoded)
{
    int result = replica->engine->ops->get(replica->engine, key, 0, encoded);
    if (result == SHOAL_ENOTFOUND) {
        *encoded = bytes_make(NULL, 0);
        return 0;
    }
    /* No engine of today answers *pending*; one that does brings the continuation with it. */
    return result == 1 ? SHOAL_EUNSUPPORTED : result;
}

int replica_read(struct replica *replica, const struct engine_key *key, struct object *out)
{
    struct bytes encoded;
    int result = replica_read_encoded(replica, key, &encoded);
    if (result < 0) {
        return result;
    }
    if (encoded.data == NULL) {
        *out = object_empty();
        return 0;
    }
    return object_decode(replica->arena, encoded, out);
}

/* Encodes into the scratch buffer and puts: 0, 1 or the engine's refusal. */
static int replica_put(struct replica *replica, const struct engine_key *key,
                       const struct object *object)
{
    if (replica->durability.failed != 0) {
        return replica->durability.failed;
    }
    buffer_clear(&replica->scratch);
    int result = object_encode(object, &replica->scratch);
    if (result < 0) {
        return result;
    }
    uint64_t sequence = 0;
    result =
        replica->engine->ops->put(replica->engine, key, buffer_bytes(&replica->scratch), &sequence);
    if (result == 1) {
        durability_issue(&replica->durability, sequence);
    }
    return result;
}

static void replica_observe_clock(struct replica *replica, const struct object *object,
                                  uint64_t wall_ms)
{
    for (uint32_t i = 0; i < object->sibling_count; i++) {
        (void)hlc_observe(&replica->clock, object->siblings[i].hlc, wall_ms);
    }
}

int replica_store(struct replica *replica, const struct engine_key *key, struct bytes encoded,
                  uint64_t wall_ms)
{
    struct object incoming;
    int result = object_decode(replica->arena, encoded, &incoming);
    if (result < 0) {
        return result;
    }
    struct object held;
    result = replica_read(replica, key, &held);
    if (result < 0) {
        return result;
    }
    replica_observe_clock(replica, &incoming, wall_ms);
    struct object merged;
    result = object_merge(replica->arena, &held, &incoming, &merged);
    if (result < 0) {
        return result;
    }
    if (object_equal(&merged, &held)) {
        /* Nothing new, but what is held may itself not be durable yet, or never become it. */
        const struct durability *durability = &replica->durability;
        return durability_settled(durability) ? 0
               : durability->failed != 0      ? durability->failed
                                              : 1;
    }
    return replica_put(replica, key, &merged);
}

/* What is held under the key, by a holding that remembers every dot of its own in it: if the object
 * knows of one that this holding doesn't remember giving, it has forgotten, and begins anew. */
static int replica_read_own(struct replica *replica, struct holding *holding,
                            const struct engine_key *key, struct object *held)
{
    int result = replica_record_holding(replica, holding);
    if (result == 0) {
        result = replica_read(replica, key, held);
    }
    if (result < 0 || version_vector_get(held->context, holding->actor) <= holding->counter) {
        return result;
    }
    result = replica_begin(replica, holding->partition, true, &holding);
    return result < 0 ? result : replica_read_own(replica, holding, key, held);
}

/* Would the write let the object grow beyond what writes may? Those that shrink it are always let
 * in. */
static bool replica_overgrown(const struct object *before, const struct object *after)
{
    return (after->sibling_count > LIMIT_SIBLINGS_WRITTEN &&
            after->sibling_count > before->sibling_count) ||
           (after->context.count > LIMIT_CONTEXT_ENTRIES_WRITTEN &&
            after->context.count > before->context.count);
}

int replica_write(struct replica *replica, struct holding *holding, const struct engine_key *key,
                  struct version_vector seen, const struct sibling *added, uint64_t wall_ms,
                  struct replica_written *out)
{
    struct object held;
    int result = replica_read_own(replica, holding, key, &held);
    if (result < 0) {
        return result;
    }
    struct replica_written written = {.own_counter_before =
                                          version_vector_get(held.context, holding->actor)};
    struct sibling sibling = *added;
    sibling.dot = holding_next_dot(holding);
    sibling.hlc = hlc_next(&replica->clock, wall_ms);
    result = object_write(replica->arena, &held, seen, &sibling, &written.object);
    if (result < 0) {
        return result;
    }
    if (replica_overgrown(&held, &written.object)) {
        return SHOAL_EOVERLOAD;
    }
    result = replica_put(replica, key, &written.object);
    if (result == SHOAL_ENOMEM || result == SHOAL_ETOOBIG) {
        return result; /* refused before anything was touched: the dot was never anywhere */
    }
    if (result < 0) {
        /* What became of the write is not certain: this holding may not go on under its actor. */
        holding_begin(holding, holding->partition, holding->refilling, replica->random);
        return result;
    }
    written.encoded = buffer_bytes(&replica->scratch);
    written.dot = sibling.dot;
    *out = written;
    return result;
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
    ASSERT(replica->durability.durable <= replica->durability.issued);
}
