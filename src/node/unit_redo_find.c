/* The records of a worker that a run before has left (unit_redo.c): intents, prepared units and
 * decisions, as they lie in the engine. They are found once, kept as items while what they say is
 * done again, and removed when that is over. */
#include "base/log.h"
#include "base/memory.h"
#include "node/unit_redo_inside.h"
#include "shoal/error.h"

static uint32_t redo_place(const struct worker *worker, uint32_t partition)
{
    return engine_partition_of(ENGINE_FAMILY_INTENTS, partition, worker->units.partitions);
}

bool redo_has_records(const struct worker *worker)
{
    struct engine *engine = worker->engine;
    bool records = false;
    for (uint32_t p = worker->index; p < worker->units.partitions && !records; p += worker->count) {
        struct engine_stats stats;
        engine->ops->stats(engine, redo_place(worker, p), &stats);
        records = stats.keys > 0;
    }
    return records;
}

/* ---- finding them ---- */

struct redo_walk {
    struct unit_redo *redo;
    uint32_t partition;
    int result;
};

static bool redo_visit(void *self, const struct engine_entry *entry)
{
    struct redo_walk *walk = self;
    struct unit_record record;
    if (unit_record_decode(entry->record, &record) < 0) {
        log_error("transactions: a record that is none; what it was for may be there in part",
                  LOG_U64("partition", walk->partition));
        return true;
    }
    struct redo_item *item = mem_alloc(sizeof(*item) + record.changes.len);
    if (item == NULL) {
        walk->result = SHOAL_ENOMEM;
        return false;
    }
    *item = (struct redo_item){.record = record, .partition = walk->partition};
    if (record.changes.len > 0) {
        memcpy(item->bytes, record.changes.data, record.changes.len);
    }
    item->record.changes = bytes_make(item->bytes, record.changes.len);
    queue_push(&walk->redo->items, &item->link);
    return true;
}

static void redo_free_item(struct redo_item *item)
{
    queue_remove(&item->link);
    mem_free(item);
}

/* Those that were found behind it: the same way is gone again, and each must be there once. */
static void redo_unfind(struct unit_redo *redo, const struct queue *behind)
{
    while (redo->items.previous != behind) {
        redo_free_item(QUEUE_ITEM(redo->items.previous, struct redo_item, link));
    }
}

int redo_find(struct unit_redo *redo)
{
    struct worker *worker = redo->worker;
    struct engine *engine = worker->engine;
    uint32_t partition = worker->index + redo->walked * worker->count;
    while (partition < worker->units.partitions) {
        struct redo_walk walk = {.redo = redo, .partition = partition};
        const struct queue *last = redo->items.previous;
        uint64_t next = 0;
        int result =
            engine->ops->walk(engine, redo_place(worker, partition), redo->walked_up_to,
                              waiting_ticket(&worker->replica.reads), redo_visit, &walk, &next);
        if (result < 0 || walk.result < 0) {
            redo_unfind(redo, last);
            return result < 0 ? result : walk.result;
        }
        if (result == 2) {
            redo->walked_up_to = next;
            return REPLICA_PENDING;
        }
        redo->walked_up_to = 0;
        redo->walked++;
        partition += worker->count;
    }
    return REPLICA_DONE;
}

/* Records of the same transaction and worker. */
static bool redo_alike(const struct redo_item *a, const struct redo_item *b)
{
    return a->record.id == b->record.id && a->record.kind == b->record.kind &&
           a->partition == b->partition;
}

bool redo_whole(const struct unit_redo *redo, const struct redo_item *item)
{
    uint32_t found = 0;
    for (const struct queue *link = redo->items.next; link != &redo->items; link = link->next) {
        found += redo_alike(QUEUE_ITEM(link, const struct redo_item, link), item) ? 1 : 0;
    }
    return found == item->record.count;
}

int redo_gather(const struct unit_redo *redo, const struct redo_item *item, struct buffer *changes)
{
    int result = 0;
    for (const struct queue *link = redo->items.next; link != &redo->items && result == 0;
         link = link->next) {
        const struct redo_item *other = QUEUE_ITEM(link, const struct redo_item, link);
        if (redo_alike(other, item)) {
            result = buffer_append_bytes(changes, other->record.changes);
        }
    }
    return result;
}

bool redo_decided(const struct unit_redo *redo, const struct unit_record *record)
{
    for (const struct queue *link = redo->items.next; link != &redo->items; link = link->next) {
        const struct redo_item *item = QUEUE_ITEM(link, const struct redo_item, link);
        if (item->record.kind == UNIT_RECORD_DECISION && item->record.id == record->id) {
            return true;
        }
    }
    return false;
}

/* ---- removing them ---- */

void redo_free_items(struct unit_redo *redo)
{
    while (!queue_empty(&redo->items)) {
        redo_free_item(QUEUE_ITEM(redo->items.next, struct redo_item, link));
    }
}

int redo_remove_all(struct unit_redo *redo)
{
    struct queue *link = redo->items.next;
    int result = 0;
    while (link != &redo->items && result == 0) {
        struct redo_item *item = QUEUE_ITEM(link, struct redo_item, link);
        link = link->next;
        if (item->record.kind != UNIT_RECORD_DECISION) {
            result = unit_record_erase(redo->worker, &item->record, item->partition);
            if (result == 0) {
                redo_free_item(item);
            }
        }
    }
    return result;
}

void redo_remove_decisions(struct unit_redo *redo)
{
    for (struct queue *link = redo->items.next; link != &redo->items; link = link->next) {
        const struct redo_item *item = QUEUE_ITEM(link, const struct redo_item, link);
        if (item->record.kind == UNIT_RECORD_DECISION) {
            (void)unit_decision_remove(redo->worker, item->record.id, item->partition);
        }
    }
}

void unit_redo_drop(struct worker *worker)
{
    struct replica *replica = &worker->replica;
    struct engine *engine = replica->engine;
    for (uint32_t p = worker->index; p < worker->units.partitions; p += worker->count) {
        struct engine_stats stats;
        uint64_t sequence = 0;
        engine->ops->stats(engine, redo_place(worker, p), &stats);
        if (stats.keys > 0 && engine->ops->drop(engine, redo_place(worker, p), &sequence) == 1) {
            durability_issue(&replica->durability, sequence);
        }
    }
}
