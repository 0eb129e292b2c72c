/* What a run before has left half done (unit_redo.c), where the keys are: the changes of a record
 * that are this worker's are written as those of any unit, and told of only when they are durable,
 * since the record goes then. */
#include "base/log.h"
#include "node/unit_redo_inside.h"
#include "ring/partition.h"
#include "shoal/error.h"

bool redo_concerns(const struct worker *worker, const struct unit_record *record, uint32_t index)
{
    struct bytes rest = record->changes;
    struct unit_cell cell;
    while (rest.len > 0 && unit_change_take(&rest, &cell) == 0) {
        uint32_t partition = partition_of_key(cell.key, worker->units.partitions);
        if (worker_of_partition(worker, partition) == index) {
            return true;
        }
    }
    return record->flush;
}

static void redo_written(struct unit_work *work, int code)
{
    struct letter_redo model = {.step = REDO_WROTE, .item = work->redo_item};
    uint32_t home = work->home;
    struct worker *worker = work->worker;
    unit_work_free(work);
    if (code < 0 || !redo_post(worker, home, &model)) {
        log_error("transactions: one of before can't be completed; the node stays closed",
                  LOG_TEXT("cause", shoal_error_text(code)));
    }
}

static void redo_on_durable(struct durable_waiter *waiter, int code)
{
    redo_written(QUEUE_ITEM(waiter, struct unit_work, settling), code);
}

static void redo_on_written(struct unit_work *work, int result)
{
    struct durability *durability = &work->worker->replica.durability;
    unit_told_work(work, result);
    if (result < 0 || durability_reached(durability, DURABILITY_DURABLE)) {
        redo_written(work, result < 0 ? result : 0);
        return;
    }
    work->settling.fire = redo_on_durable;
    durability_wait(durability, DURABILITY_DURABLE, &work->settling);
    work->worker->engine->ops->harden(work->worker->engine);
}

/* The changes of keys that are held here: those of other owners' keys are not this node's to do.
 * One that is this node's and could not be begun for lack of memory may not be passed over. */
static int redo_choose(struct unit_work *work, struct bytes rest)
{
    const struct worker *worker = work->worker;
    struct unit_cell cell;
    int result = worker->holdings_missing ? SHOAL_ENOMEM : 0;
    while (rest.len > 0 && result == 0 && unit_change_take(&rest, &cell) == 0) {
        uint32_t partition = partition_of_key(cell.key, worker->units.partitions);
        if (worker_of_partition(worker, partition) == worker->index &&
            replica_holding(&worker->replica, partition) != NULL) {
            result = unit_change_encode(&cell, &work->changes);
        }
    }
    return result;
}

void redo_write(struct worker *worker, const struct letter_redo *letter)
{
    struct unit_work *work = unit_work_new(worker, 0);
    if (work == NULL) {
        log_error("transactions: no memory to complete one of before; the node stays closed");
        return;
    }
    work->home = letter->letter.from;
    work->redo_item = letter->item;
    work->flush = letter->record.flush;
    work->flush_worker = letter->record.worker;
    work->flush_workers = letter->record.workers;
    int result = redo_choose(work, letter->record.changes);
    if (result < 0) {
        redo_written(work, result);
    } else {
        unit_write_prepared(work, redo_on_written);
    }
}
