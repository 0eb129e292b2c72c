/* What the log engine says of itself: how much it holds, how it is, whether it has anything to do.
 */
#include "storage/log_engine_inside.h"

bool log_engine_lost(const struct engine *engine, uint32_t partition)
{
    const struct log_engine *log = log_engine_of_const(engine);
    return log_partition_of_const(log, partition)->lost || log_volume_lost(log->volume, partition);
}

enum engine_health log_engine_health(const struct engine *engine)
{
    const struct log_engine *log = log_engine_of_const(engine);
    if (log->failed || log_volume_failed(log)) {
        return ENGINE_FAILED;
    }
    return log_engine_is_full(log) || log->space.wanted > 0 ? ENGINE_FULL : ENGINE_HEALTHY;
}

/* Of segments that several engines need, each counts its share. */
static uint64_t disk_bytes(const struct log_engine *log)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < log->slot_capacity; i++) {
        const struct log_slot *slot = log->slots[i];
        if (slot == NULL || slot->segment == NULL) {
            continue;
        }
        uint32_t users = atomic_load(&slot->segment->users);
        uint64_t bytes = slot->state == LOG_SLOT_CLOSED ? slot->end : slot->capacity;
        sum += bytes / (users == 0 ? 1 : users);
    }
    return sum;
}

static uint64_t content_bytes(const struct log_engine *log, uint32_t family)
{
    uint64_t bytes = 0;
    uint32_t share = log->partition_count / ENGINE_FAMILIES;
    for (uint32_t i = family * share; i < (family + 1) * share; i++) {
        bytes += log->partitions[i].bytes;
    }
    return bytes;
}

static void stats_hints(const struct log_engine *log, struct engine_stats *out)
{
    *out = (struct engine_stats){.keys = log->keys[ENGINE_FAMILY_HINTS],
                                 .bytes = content_bytes(log, ENGINE_FAMILY_HINTS)};
    uint32_t share = log->partition_count / ENGINE_FAMILIES;
    for (uint32_t i = ENGINE_FAMILY_HINTS * share; i < (ENGINE_FAMILY_HINTS + 1) * share; i++) {
        const struct log_index *index = log->partitions[i].index;
        out->memory_bytes += index == NULL ? 0 : log_index_bytes(index);
    }
}

static void stats_all(const struct log_engine *log, struct engine_stats *out)
{
    *out = (struct engine_stats){
        .keys = log->keys[ENGINE_FAMILY_DATA],
        .bytes = content_bytes(log, ENGINE_FAMILY_DATA),
        .memory_bytes = sizeof(*log) + log->partition_count * sizeof(*log->partitions) +
                        log->slot_count * sizeof(struct log_slot) + log->memory_bytes +
                        log->indexes.budget.held_bytes + log->queued_bytes + log->lent.held,
        .disk_bytes = disk_bytes(log),
        .segments = log->slot_count,
        .compacted = log->figures.compacted,
        .moved_bytes = log->figures.moved_bytes};
}

void log_engine_stats(const struct engine *engine, uint32_t number, struct engine_stats *out)
{
    const struct log_engine *log = log_engine_of_const(engine);
    if (number == ENGINE_DATA) {
        stats_all(log, out);
        return;
    }
    if (number == ENGINE_HINTS) {
        stats_hints(log, out);
        return;
    }
    const struct log_partition *partition = log_partition_of_const(log, number);
    bool empty = partition->index == NULL;
    *out = (struct engine_stats){.keys = empty ? 0 : log_index_count(partition->index),
                                 .bytes = partition->bytes,
                                 .memory_bytes = empty ? 0 : log_index_bytes(partition->index)};
}

void log_engine_figures(const struct engine *engine, struct log_engine_figures *out)
{
    const struct log_engine *log = log_engine_of_const(engine);
    *out = log->figures;
    out->segments = log->slot_count;
    out->used_bytes = log->used_bytes;
    out->live_bytes = log->live_bytes;
    out->marker_bytes = log->marker_bytes;
    out->damaged = log->damaged.count;
}

static bool slots_idle(const struct log_engine *log)
{
    for (uint32_t i = 0; i < log->slot_capacity; i++) {
        const struct log_slot *slot = log->slots[i];
        if (slot != NULL && (slot->task != LOG_TASK_NONE || slot->state == LOG_SLOT_SEALING ||
                             slot->state == LOG_SLOT_LEAVING)) {
            return false;
        }
    }
    return true;
}

static bool writes_idle(const struct log_engine *log)
{
    bool only_empty = log->filling != NULL && log->filling->records == 0 &&
                      log->writes.next == &log->filling->link;
    return (queue_empty(&log->writes) || only_empty) && log->durable_number >= log->harden_number;
}

bool log_engine_idle(const struct engine *engine)
{
    const struct log_engine *log = log_engine_of_const(engine);
    if (log->failed) {
        return log->failed_told;
    }
    bool told = log->late.count == 0 && log->damage_untold == 0 && !log->harden_told;
    return told && writes_idle(log) && slots_idle(log) && queue_empty(&log->dropped) &&
           log->fetch_count == 0 && log->backup == NULL && log_compact_idle(log);
}
