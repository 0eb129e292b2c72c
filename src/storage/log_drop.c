/* Dropping a partition: one record in the log that hides all before it, an empty index at once, and
 * the old one taken apart over the next flushes: first its records are counted as dead, then its
 * memory is freed. */
#include "storage/log_engine_inside.h"

#include "base/memory.h"
#include "shoal/error.h"

#define COUNTED_A_STEP 512u

/* Takes the partition's index and holding away. */
static void partition_empty(struct log_engine *log, struct log_partition *partition,
                            struct log_dropped *dropped)
{
    if (partition->holding != NULL) {
        log_slot_died(log, partition->holding->place, partition->holding->size_class);
        log_holding_free(log, partition->holding);
        partition->holding = NULL;
    }
    if (partition->index == NULL) {
        mem_free(dropped);
        return;
    }
    log->keys[partition->family] -= log_index_count(partition->index);
    dropped->index = partition->index;
    queue_push(&log->dropped, &dropped->link);
    partition->index = NULL;
    partition->bytes = 0;
}

int log_engine_drop(struct engine *engine, uint32_t number, uint64_t *sequence)
{
    struct log_engine *log = log_engine_of(engine);
    struct log_partition *partition = log_partition_of(log, number);
    log_lent_reset(log);
    struct log_dropped *dropped = mem_alloc_zeroed(1, sizeof(*dropped));
    if (dropped == NULL) {
        return SHOAL_ENOMEM;
    }
    queue_init(&dropped->link);
    struct log_record record = {
        .sequence = log->sequence + 1, .partition = number, .kind = LOG_DROP};
    struct log_spot spot;
    int code = log_append(log, &record, LOG_FOR_UPKEEP, &spot);
    if (code != 0) {
        mem_free(dropped);
        return code;
    }
    log_slot_added(spot.write->slot, LOG_DROP, spot.size_class);
    partition_empty(log, partition, dropped);
    partition->drop_sequence = record.sequence;
    *sequence = ++log->sequence;
    return 1;
}

/* Counts some of its records as dead; true when all are. */
static bool count_some(struct log_engine *log, struct log_dropped *dropped)
{
    struct log_entry entries[COUNTED_A_STEP];
    uint32_t count =
        log_index_range(dropped->index, dropped->position, dropped->tag, entries, COUNTED_A_STEP);
    for (uint32_t i = 0; i < count; i++) {
        log_slot_died(log, entries[i].place, entries[i].size_class);
    }
    if (count < COUNTED_A_STEP) {
        return true;
    }
    const struct log_entry *last = &entries[count - 1];
    if (last->position == UINT64_MAX && last->tag == UINT16_MAX) {
        return true;
    }
    dropped->position = last->tag == UINT16_MAX ? last->position + 1 : last->position;
    dropped->tag = (uint16_t)(last->tag + 1);
    return false;
}

bool log_drop_turn(struct log_engine *log)
{
    if (queue_empty(&log->dropped)) {
        return log_index_heap_release(&log->indexes);
    }
    struct log_dropped *dropped = QUEUE_ITEM(log->dropped.next, struct log_dropped, link);
    if (!dropped->counted) {
        dropped->counted = count_some(log, dropped);
    } else if (!log_index_free_some(dropped->index)) {
        queue_remove(&dropped->link);
        mem_free(dropped);
    }
    return true;
}

void log_drop_deinit(struct log_engine *log)
{
    struct queue *link;
    while ((link = queue_pop(&log->dropped)) != NULL) {
        struct log_dropped *dropped = QUEUE_ITEM(link, struct log_dropped, link);
        log_index_free(dropped->index);
        mem_free(dropped);
    }
}
