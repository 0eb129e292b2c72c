/* The log engine as the port has it: what each call does to log and index, and the turn. What
 * stands below it is drawn in log_engine_inside.h. */
#include "storage/log_engine_inside.h"

#include <stdio.h>

#include "base/assert.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/mutant.h"
#include "shoal/error.h"

#define LENT_KEEP_BYTES (1u * LIMIT_MIB)

/* ---- partitions ---- */

struct log_partition *log_partition_of(struct log_engine *log, uint32_t partition)
{
    uint32_t partitions = log->options.engine.partitions;
    uint32_t workers = log->options.workers;
    ASSERT(partition < engine_partition_count(partitions));
    ASSERT(engine_worker_of(partition, partitions, workers) == log->options.worker);
    uint32_t family = engine_family_of(partition, partitions);
    uint32_t local = partition % partitions / workers;
    return &log->partitions[family * (log->partition_count / ENGINE_FAMILIES) + local];
}

const struct log_partition *log_partition_of_const(const struct log_engine *log, uint32_t partition)
{
    return log_partition_of((struct log_engine *)(uintptr_t)log, partition);
}

uint32_t log_partition_number(const struct log_engine *log, uint32_t local)
{
    uint32_t share = log->partition_count / ENGINE_FAMILIES;
    uint32_t among = local % share * log->options.workers + log->options.worker;
    return engine_partition_of(local / share, among, log->options.engine.partitions);
}

bool log_is_live(const struct log_engine *log, uint32_t partition, const struct log_entry *entry)
{
    const struct log_index *index = log_partition_of_const(log, partition)->index;
    struct log_entry found;
    return index != NULL && log_index_find(index, entry->position, entry->tag, &found) == 0 &&
           log_place_equal(found.place, entry->place);
}

void log_engine_fail(struct log_engine *log, const char *what, int code)
{
    if (log->failed || MUTANT(failed_goes_on)) {
        return;
    }
    log_error("storage: failed: no write is confirmed until a restart", LOG_TEXT("what", what),
              LOG_TEXT("error", shoal_error_text(code)));
    log->failed = true;
    atomic_store(&log->volume->failed, true); /* it is one disk: the others hear of it */
}

/* Of a key and its value, as they are counted for users. */
static uint64_t content_bytes(uint16_t size_class)
{
    return log_size_of_class(size_class) - LOG_RECORD_BYTES;
}

/* ---- reads ---- */

struct engine_brief log_brief_of(const struct log_engine *log, const struct log_entry *entry)
{
    if (!entry->simple || log_damage_told(log, entry->place)) {
        return (struct engine_brief){0};
    }
    return (struct engine_brief){.simple = true,
                                 .tombstone = entry->tombstone,
                                 .expires = entry->expires,
                                 .dot = entry->dot};
}

static void log_engine_expect(const struct engine *engine, const struct engine_key *key)
{
    const struct log_engine *log = log_engine_of_const(engine);
    const struct log_partition *partition = log_partition_of_const(log, key->partition);
    if (partition->index != NULL) {
        log_index_prefetch(partition->index, key->position);
    }
}

static int log_engine_brief(struct engine *engine, const struct engine_key *key,
                            struct engine_brief *out)
{
    const struct log_engine *log = log_engine_of(engine);
    const struct log_partition *partition = log_partition_of_const(log, key->partition);
    struct log_entry entry;
    if (partition->index == NULL ||
        log_index_find(partition->index, key->position, key->tag, &entry) != 0) {
        return SHOAL_ENOTFOUND;
    }
    *out = log_brief_of(log, &entry);
    return 0;
}

static int log_engine_get_holding(struct engine *engine, uint32_t number, struct bytes *record)
{
    const struct log_partition *partition = log_partition_of_const(log_engine_of(engine), number);
    if (partition->holding == NULL) {
        return SHOAL_ENOTFOUND;
    }
    *record = bytes_make(partition->holding->bytes, partition->holding->len);
    return 0;
}

/* ---- writes ---- */

/* The value as it is stored. */
static void value_pack(struct log_engine *log, struct log_record *record)
{
    struct bytes raw = record->value;
    record->value_raw = (uint32_t)raw.len;
    if (!log->options.compress || raw.len < COMPRESSION_BYTES_MIN) {
        return;
    }
    buffer_clear(&log->scratch);
    size_t len;
    if (buffer_reserve(&log->scratch, raw.len) == 0 &&
        compress_value(&log->compressor, raw, log->scratch.data, &len)) {
        record->value = bytes_make(log->scratch.data, len);
        record->flags |= LOG_FLAG_LZ4;
    }
    if (log->scratch.capacity > LENT_KEEP_BYTES && record->flags == 0) {
        buffer_deinit(&log->scratch);
    }
}

static int partition_index(struct log_engine *log, struct log_partition *partition)
{
    return partition->index != NULL ? 0 : log_index_new(&log->indexes, &partition->index);
}

/* What the index said before is dead; what it says now is alive. */
static void put_account(struct log_engine *log, struct log_partition *partition,
                        const struct log_spot *spot, const struct log_entry *before)
{
    log_slot_added(spot->write->slot, LOG_PUT, spot->size_class);
    partition->bytes += content_bytes(spot->size_class);
    if (before == NULL) {
        log->keys[partition->family]++;
        return;
    }
    partition->bytes -= content_bytes(before->size_class);
    log_slot_died(log, before->place, before->size_class);
}

static int log_engine_put(struct engine *engine, const struct engine_key *key, struct bytes record,
                          uint64_t *sequence)
{
    struct log_engine *log = log_engine_of(engine);
    struct log_partition *partition = log_partition_of(log, key->partition);
    if (key->key.len > LIMIT_KEY_BYTES_MAX || record.len > LIMIT_OBJECT_BYTES) {
        return SHOAL_ETOOBIG;
    }
    log_lent_reset(log);
    int code = partition_index(log, partition);
    if (code != 0) {
        return code;
    }
    struct log_record put = {.sequence = log->sequence + 1,
                             .position = key->position,
                             .partition = key->partition,
                             .tag = key->tag,
                             .kind = LOG_PUT,
                             .key = key->key,
                             .value = record};
    value_pack(log, &put);
    struct log_spot spot;
    code = log_append(log, &put, LOG_FOR_USER, &spot);
    if (code != 0) {
        return code;
    }
    struct log_entry entry = {.position = key->position,
                              .tag = key->tag,
                              .place = spot.place,
                              .size_class = spot.size_class};
    struct log_entry before;
    struct object_glance glance = {0};
    entry.simple = object_glance(record, &glance);
    entry.tombstone = glance.tombstone;
    entry.expires = glance.expires;
    entry.dot = glance.dot;
    code = log_index_put(partition->index, &entry, &before);
    if (code < 0) {
        log_append_undo(log, &spot);
        return code;
    }
    put_account(log, partition, &spot, code == 1 ? &before : NULL);
    *sequence = ++log->sequence;
    return 1;
}

/* The record of a removal has no key: position and tag stand for it, as in the index. */
static int log_engine_remove(struct engine *engine, const struct engine_key *key,
                             uint64_t *sequence)
{
    struct log_engine *log = log_engine_of(engine);
    struct log_partition *partition = log_partition_of(log, key->partition);
    struct log_entry before;
    log_lent_reset(log);
    struct log_record record = {.sequence = log->sequence + 1,
                                .position = key->position,
                                .partition = key->partition,
                                .tag = key->tag,
                                .kind = LOG_REMOVE};
    struct log_spot spot;
    int code = log_append(log, &record, LOG_FOR_UPKEEP, &spot);
    if (code != 0) {
        return code;
    }
    log_slot_added(spot.write->slot, LOG_REMOVE, spot.size_class);
    *sequence = ++log->sequence;
    if (partition->index != NULL &&
        log_index_remove(partition->index, key->position, key->tag, &before) == 0) {
        partition->bytes -= content_bytes(before.size_class);
        log->keys[partition->family]--;
        log_slot_died(log, before.place, before.size_class);
    }
    return 1;
}

struct log_holding *log_holding_new(struct log_engine *log, size_t len)
{
    struct log_holding *holding = mem_alloc(sizeof(*holding) + len);
    if (holding != NULL) {
        *holding = (struct log_holding){.len = len};
        log->memory_bytes += sizeof(*holding) + len;
    }
    return holding;
}

void log_holding_free(struct log_engine *log, struct log_holding *holding)
{
    if (holding != NULL) {
        log->memory_bytes -= sizeof(*holding) + holding->len;
        mem_free(holding);
    }
}

static int log_engine_put_holding(struct engine *engine, uint32_t number, struct bytes record,
                                  uint64_t *sequence)
{
    struct log_engine *log = log_engine_of(engine);
    struct log_partition *partition = log_partition_of(log, number);
    if (record.len > ENGINE_HOLDING_BYTES_MAX) {
        return SHOAL_ETOOBIG;
    }
    log_lent_reset(log);
    struct log_holding *old = partition->holding;
    bool fits = old != NULL && old->len == record.len;
    struct log_holding *holding = fits ? old : log_holding_new(log, record.len);
    if (holding == NULL) {
        return SHOAL_ENOMEM;
    }
    struct log_record put = {.sequence = log->sequence + 1,
                             .partition = number,
                             .kind = LOG_HOLDING,
                             .value = record,
                             .value_raw = (uint32_t)record.len};
    struct log_spot spot;
    int code = log_append(log, &put, LOG_FOR_UPKEEP, &spot);
    if (code != 0) {
        log_holding_free(log, fits ? NULL : holding);
        return code;
    }
    log_slot_added(spot.write->slot, LOG_HOLDING, spot.size_class);
    if (old != NULL) {
        log_slot_died(log, old->place, old->size_class);
        log_holding_free(log, fits ? NULL : old);
    }
    holding->sequence = put.sequence;
    holding->place = spot.place;
    holding->size_class = spot.size_class;
    if (record.len > 0) {
        memcpy(holding->bytes, record.data, record.len);
    }
    partition->holding = holding;
    *sequence = ++log->sequence;
    return 1;
}

/* ---- the turn ---- */

static void log_engine_harden(struct engine *engine)
{
    struct log_engine *log = log_engine_of(engine);
    if (log->durable_sequence >= log->sequence && log->sequence > log->base_sequence) {
        log->harden_told = true;
    }
    log_durable_harden(log, log->append_number);
}

static void tell_failure(struct log_engine *log)
{
    log->failed = log->failed || log_volume_failed(log);
    if (log->failed && !log->failed_told) {
        log->failed_told = true;
        log->engine.events.failed(log->engine.events.self, SHOAL_EIO);
    }
}

static void log_engine_flush(struct engine *engine)
{
    struct log_engine *log = log_engine_of(engine);
    log_lent_reset(log);
    tell_failure(log);
    log_damage_tell(log);
    log_ready_turn(log);
    (void)log_drop_turn(log);
    log_backup_turn(log);
    log_compact_turn(log);
    log_active_turn(log);
    log_writes_submit(log);
    log_durable_turn(log);
    log_scrub_turn(log);
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t log_engine_next_us(const struct engine *engine)
{
    const struct log_engine *log = log_engine_of_const(engine);
    bool now = log->late.count > 0 || log->damage_untold > 0 || log->harden_told ||
               !queue_empty(&log->dropped) ||
               (!log->failed_told && (log->failed || log_volume_failed(log)));
    if (now) {
        return log->engine.now_us;
    }
    uint64_t next = least(log_scrub_next_us(log), log_compact_next_us(log));
    if (!log->failed) {
        next = least(next, least(log_active_next_us(log), log_durable_next_us(log)));
        next = least(next, log_writes_next_us(log));
    }
    return next;
}

/* ---- the life of it ---- */

static void log_engine_free(struct engine *engine)
{
    struct log_engine *log = log_engine_of(engine);
    ASSERT(!log->writing && !log->sync.running && log->fetches_under_way == 0);
    ASSERT(!log->space.running);
    log_backup_deinit(log);
    log_sweep_end(&log->compact.sweep);
    log_sweep_end(&log->scrub.sweep);
    log_fetch_deinit(log);
    log_writes_deinit(log);
    log_drop_deinit(log);
    for (uint32_t i = 0; i < log->partition_count; i++) {
        log_index_free(log->partitions[i].index);
        log_holding_free(log, log->partitions[i].holding);
    }
    mem_free(log->partitions);
    log_index_heap_deinit(&log->indexes);
    log_slots_deinit(log);
    table_deinit(&log->damaged);
    buffer_deinit(&log->scratch);
    compressor_deinit(&log->compressor);
    arena_deinit(&log->lent);
    mem_free(log);
}

static const struct engine_ops log_engine_ops = {
    .name = "log",
    .get = log_engine_get,
    .brief = log_engine_brief,
    .expect = log_engine_expect,
    .put = log_engine_put,
    .remove = log_engine_remove,
    .walk = log_engine_walk,
    .survey = log_engine_survey,
    .drop = log_engine_drop,
    .get_holding = log_engine_get_holding,
    .put_holding = log_engine_put_holding,
    .lost = log_engine_lost,
    .stats = log_engine_stats,
    .health = log_engine_health,
    .behind = log_engine_behind,
    .harden = log_engine_harden,
    .backup = log_engine_backup,
    .flush = log_engine_flush,
    .next_us = log_engine_next_us,
    .free = log_engine_free,
};

static struct log_engine *engine_make(const struct log_engine_options *options)
{
    uint32_t mine =
        (options->engine.partitions - options->worker + options->workers - 1) / options->workers;
    uint32_t count = engine_partition_count(mine);
    struct log_engine *log = mem_alloc_zeroed(1, sizeof(*log));
    struct log_partition *partitions = mem_alloc_zeroed(count, sizeof(*partitions));
    if (log == NULL || partitions == NULL) {
        mem_free(log);
        mem_free(partitions);
        return NULL;
    }
    struct log_volume *volume = options->volume;
    log->options = *options;
    log->engine = (struct engine){.ops = &log_engine_ops,
                                  .keeps_data = true,
                                  .settles_durable = volume->durability == LOG_SYNC,
                                  .resumed = volume->resumed,
                                  .behind = volume->behind};
    log->volume = volume;
    log->disk = volume->disk;
    log->durability = volume->durability;
    log->partitions = partitions;
    log->partition_count = count;
    for (uint32_t i = 0; i < count; i++) {
        partitions[i].family = (uint8_t)(i / mine);
    }
    log->sync_due_us = TIMERS_NEVER;
    log->space_free = UINT64_MAX;
    log_index_heap_init(&log->indexes, 0);
    buffer_init(&log->scratch, 0);
    arena_init(&log->lent, LENT_KEEP_BYTES);
    table_init(&log->items);
    table_init(&log->damaged);
    struct queue *queues[] = {&log->dropped,     &log->unsynced, &log->writes,
                              &log->idle_writes, &log->warm,     &log->fetches};
    for (size_t i = 0; i < sizeof(queues) / sizeof(queues[0]); i++) {
        queue_init(queues[i]);
    }
    log_compact_init(log);
    log_scrub_init(log);
    return log;
}

int log_engine_new(const struct log_engine_options *options, struct engine **out, char text[512])
{
    uint32_t partitions = options->engine.partitions;
    if (partitions == 0 || partitions > LIMIT_PARTITIONS_MAX || options->workers == 0 ||
        options->worker >= options->workers || options->worker >= partitions) {
        snprintf(text, 512, "partitions or workers out of range");
        return SHOAL_EINVAL;
    }
    struct log_engine *log = engine_make(options);
    if (log == NULL) {
        snprintf(text, 512, "%s", shoal_error_text(SHOAL_ENOMEM));
        return SHOAL_ENOMEM;
    }
    int code = log_load(log, text);
    log->base_sequence = log->sequence;
    log->settled_sequence = log->sequence;
    log->durable_sequence = log->sequence;
    if (code == 0) {
        code = log_active_open(log, text);
    }
    if (code != 0) {
        log_engine_free(&log->engine);
        return code;
    }
    log->indexes.budget.bytes_max = options->engine.memory_bytes_max;
    *out = &log->engine;
    return 0;
}
