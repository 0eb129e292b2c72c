/* Writes on their way to the database: accepted into the batch that is filling, which leaves at the
 * end of a turn when no other is on its way. A batch that finds the disk full stays and is tried
 * again about every second; one that fails otherwise ends the writing for good, because nobody can
 * tell what of it is on the disk. */
#include "base/assert.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/timers.h"
#include "shoal/error.h"
#include "storage/lsm_engine_inside.h"

#define RETRY_US 1000000u
#define REFUSALS_MAX 10u /* RocksDB takes up to 6 seconds to see that there is space again */

/* ---- accepting ---- */

static int filling_ready(struct lsm_engine *lsm)
{
    if (lsm->health == ENGINE_FAILED) {
        return SHOAL_EIO;
    }
    if (lsm->health == ENGINE_FULL) {
        return SHOAL_ENOSPC;
    }
    if (lsm->overlay.bytes >= lsm->queue_bytes_max) {
        return SHOAL_EOVERLOAD;
    }
    if (lsm->filling == NULL) {
        lsm->filling = lsm_batch_new(lsm->batches + 1);
        if (lsm->filling == NULL) {
            return SHOAL_ENOMEM;
        }
        lsm->batches++;
    }
    return 0;
}

static int accept(struct lsm_engine *lsm, struct lsm_write *write, uint64_t *sequence)
{
    write->batch = lsm->filling->number;
    queue_push(&lsm->filling->writes, &write->link);
    lsm->filling->sequence = ++lsm->sequence;
    *sequence = lsm->sequence;
    return 1;
}

/* What a write of the key replaces, as far as it is known here. */
static struct lsm_before before_of(const struct lsm_engine *lsm, const struct engine_key *key)
{
    const struct lsm_partition *partition = lsm_partition_of(lsm, key->partition);
    const struct lsm_write *old = lsm_overlay_find(&lsm->overlay, key);
    if (old != NULL && old->batch == lsm->filling->number) {
        return old->before; /* it will be left out */
    }
    if (old != NULL) {
        return (struct lsm_before){.known = true,
                                   .present = old->kind == LSM_WRITE_PUT,
                                   .bytes = old->key.len + old->record.len};
    }
    if (lsm_hidden(lsm, partition) || partition->keys == 0) {
        return (struct lsm_before){.known = true};
    }
    const struct lsm_known_slot *slot = lsm_known_find(&lsm->known, key, partition->epoch);
    if (slot != NULL) {
        return (struct lsm_before){
            .known = true, .present = slot->present, .bytes = key->key.len + slot->record_bytes};
    }
    return (struct lsm_before){0};
}

/* A put or a remove. */
static int write_key(struct lsm_engine *lsm, enum lsm_write_kind kind, const struct engine_key *key,
                     struct bytes record, uint64_t *sequence)
{
    int code = filling_ready(lsm);
    if (code != 0) {
        return code;
    }
    struct lsm_write *write = lsm_write_new(&lsm->overlay, kind, key, record);
    if (write == NULL) {
        return SHOAL_ENOMEM;
    }
    write->before = before_of(lsm, key);
    struct lsm_write *old = lsm_overlay_list(&lsm->overlay, write);
    if (old != NULL && old->batch == lsm->filling->number) {
        lsm_write_free(&lsm->overlay, old);
    }
    return accept(lsm, write, sequence);
}

int lsm_write_put(struct lsm_engine *lsm, const struct engine_key *key, struct bytes record,
                  uint64_t *sequence)
{
    if (key->key.len > LIMIT_KEY_BYTES_MAX || record.len > LIMIT_OBJECT_BYTES) {
        return SHOAL_ETOOBIG;
    }
    int code = write_key(lsm, LSM_WRITE_PUT, key, record, sequence);
    if (code >= 0) {
        uint32_t epoch = lsm_partition_of(lsm, key->partition)->epoch;
        lsm_known_record(&lsm->known, key, epoch, record);
    }
    return code;
}

int lsm_write_remove(struct lsm_engine *lsm, const struct engine_key *key, uint64_t *sequence)
{
    int code = write_key(lsm, LSM_WRITE_REMOVE, key, bytes_make(NULL, 0), sequence);
    if (code >= 0) {
        uint32_t epoch = lsm_partition_of(lsm, key->partition)->epoch;
        lsm_known_absent(&lsm->known, key, epoch);
    }
    return code;
}

/* A write of the partition as a whole. */
static int write_partition(struct lsm_engine *lsm, enum lsm_write_kind kind, uint32_t number,
                           struct bytes record, uint64_t *sequence)
{
    const struct engine_key nowhere = {.partition = number};
    int code = filling_ready(lsm);
    if (code != 0) {
        return code;
    }
    struct lsm_write *write = lsm_write_new(&lsm->overlay, kind, &nowhere, record);
    return write == NULL ? SHOAL_ENOMEM : accept(lsm, write, sequence);
}

int lsm_write_drop(struct lsm_engine *lsm, uint32_t number, uint64_t *sequence)
{
    struct lsm_partition *partition = lsm_partition_of(lsm, number);
    int code = write_partition(lsm, LSM_WRITE_DROP, number, bytes_make(NULL, 0), sequence);
    if (code >= 0) {
        lsm_overlay_drop(&lsm->overlay, number);
        lsm_wounds_forget(lsm, number);
        partition->dropped = lsm->filling->number;
        partition->epoch++;
        lsm_partition_forget(partition);
    }
    return code;
}

int lsm_write_holding(struct lsm_engine *lsm, uint32_t number, struct bytes record,
                      uint64_t *sequence)
{
    struct lsm_partition *partition = lsm_partition_of(lsm, number);
    if (record.len > ENGINE_HOLDING_BYTES_MAX) {
        return SHOAL_ETOOBIG;
    }
    uint8_t *holding = mem_alloc(record.len);
    if (holding == NULL) {
        return SHOAL_ENOMEM;
    }
    int code = write_partition(lsm, LSM_WRITE_HOLDING, number, record, sequence);
    if (code < 0) {
        mem_free(holding);
        return code;
    }
    lsm_partition_hold(partition, holding, record);
    return code;
}

/* ---- the batch comes back ---- */

static void count(struct lsm_engine *lsm, const struct lsm_write_job *job)
{
    struct lsm_partition *partition = job->touched;
    while (partition != NULL) {
        lsm->keys[partition->family] += partition->stored_keys - partition->keys;
        lsm->bytes[partition->family] += partition->stored_bytes - partition->bytes;
        partition->keys = partition->stored_keys;
        partition->bytes = partition->stored_bytes;
        partition = partition->next_touched;
    }
}

static void written(struct lsm_engine *lsm, struct lsm_write_job *job)
{
    const struct engine_events *events = &lsm->engine.events;
    if (lsm->health == ENGINE_FULL) {
        log_info("lsm: there is space again; writes are taken",
                 LOG_TEXT("folder", lsm->store->folder));
        lsm->health = ENGINE_HEALTHY;
    }
    lsm->refusals = 0;
    if (job->batch != NULL) {
        count(lsm, job);
        lsm->settled = job->batch->sequence;
        lsm->written = job->batch->number;
        lsm->writing = NULL;
        queue_push(&lsm->kept, &job->batch->link);
    }
    if (job->sync) {
        lsm->durable = lsm->settled;
        lsm->sync_due_us = TIMERS_NEVER;
        events->durable(events->self, lsm->durable);
        return;
    }
    if (lsm->store->durability == LSM_INTERVAL && lsm->sync_due_us == TIMERS_NEVER) {
        lsm->sync_due_us = lsm->engine.now_us + lsm->interval_us;
    }
    events->settled(events->self, lsm->settled);
}

static void refused(struct lsm_engine *lsm, const struct lsm_write_job *job)
{
    if (lsm->health != ENGINE_FULL) {
        log_error("lsm: the disk is full; writes are refused until there is space again",
                  LOG_TEXT("folder", lsm->store->folder), LOG_TEXT("why", job->text));
    }
    lsm->health = ENGINE_FULL;
    lsm->retry_us = lsm->engine.now_us + RETRY_US;
    lsm->refusals = job->spacious ? lsm->refusals + 1 : 0;
}

/* For this engine and, through the store, for all of the node. */
static void fail(struct lsm_engine *lsm)
{
    const struct engine_events *events = &lsm->engine.events;
    atomic_store(&lsm->store->failed, true);
    lsm->health = ENGINE_FAILED;
    events->failed(events->self, SHOAL_EIO);
}

static void write_done(struct offload_job *base, bool dropped)
{
    struct lsm_write_job *job = (struct lsm_write_job *)(void *)base;
    struct lsm_engine *lsm = job->engine;
    job->out = false;
    if (dropped) {
        return;
    }
    if (atomic_load(&lsm->store->failed)) {
        fail(lsm); /* another engine's write did; what this one wrote is in doubt as well */
    } else if (job->code == 0) {
        written(lsm, job);
    } else if (job->code == SHOAL_ENOSPC) {
        lsm->harden = lsm->harden || job->sync;
        refused(lsm, job);
    } else {
        log_error("lsm: a write failed; none is confirmed any more until a restart",
                  LOG_TEXT("folder", lsm->store->folder), LOG_TEXT("why", job->text));
        fail(lsm);
    }
}

/* ---- at the end of a turn ---- */

/* Lets go of batches that no read on its way may have missed. */
static void batches_forget(struct lsm_engine *lsm)
{
    uint64_t upto = lsm->written;
    if (!queue_empty(&lsm->in_flight)) {
        upto = QUEUE_ITEM(lsm->in_flight.next, struct lsm_fetch, link)->written;
    }
    while (!queue_empty(&lsm->kept)) {
        struct lsm_batch *batch = QUEUE_ITEM(lsm->kept.next, struct lsm_batch, link);
        if (batch->number > upto) {
            return;
        }
        for (struct queue *at = batch->writes.next; at != &batch->writes; at = at->next) {
            lsm_walk_forget(lsm, QUEUE_ITEM(at, struct lsm_write, link)->partition);
        }
        lsm->forgotten = batch->number;
        lsm_batch_free(&lsm->overlay, batch);
    }
}

static bool sync_wanted(const struct lsm_engine *lsm)
{
    return lsm->store->durability == LSM_SYNC || lsm->harden ||
           lsm->sync_due_us <= lsm->engine.now_us;
}

void lsm_write_flush(struct lsm_engine *lsm)
{
    struct lsm_write_job *job = &lsm->write_job;
    batches_forget(lsm);
    if (lsm->health != ENGINE_FAILED && !job->out && atomic_load(&lsm->store->failed)) {
        fail(lsm);
    }
    bool resting = lsm->health == ENGINE_FULL && lsm->engine.now_us < lsm->retry_us;
    if (job->out || resting || lsm->health == ENGINE_FAILED) {
        return;
    }
    bool filled = lsm->filling != NULL && !queue_empty(&lsm->filling->writes);
    if (lsm->writing == NULL && filled) {
        lsm->writing = lsm->filling;
        lsm->filling = NULL;
    }
    bool sync = sync_wanted(lsm);
    if (lsm->writing == NULL && (!sync || lsm->durable == lsm->settled)) {
        lsm->harden = false;
        return;
    }
    *job = (struct lsm_write_job){.job = {.run = lsm_write_job_run, .done = write_done},
                                  .engine = lsm,
                                  .batch = lsm->writing,
                                  .sync = sync,
                                  .insist = lsm->refusals >= REFUSALS_MAX,
                                  .opened = job->opened,
                                  .out = true};
    lsm->harden = false;
    lsm->offload.submit(lsm->offload.self, OFFLOAD_WRITE, &job->job);
}

uint64_t lsm_write_next_us(const struct lsm_engine *lsm)
{
    if (lsm->write_job.out || lsm->health == ENGINE_FAILED) {
        return TIMERS_NEVER;
    }
    if (atomic_load(&lsm->store->failed)) {
        return lsm->engine.now_us; /* to be told */
    }
    return lsm->health == ENGINE_FULL ? lsm->retry_us : lsm->sync_due_us;
}
