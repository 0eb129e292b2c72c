/* The invariants of the lsm engine, asserted by walking everything: for tests. */
#include "base/assert.h"
#include "storage/lsm_engine_inside.h"
#include "storage/lsm_verify.h"

static void check_batches(const struct lsm_engine *lsm)
{
    uint64_t last = lsm->forgotten;
    for (const struct queue *at = lsm->kept.next; at != &lsm->kept; at = at->next) {
        const struct lsm_batch *batch = QUEUE_ITEM(at, const struct lsm_batch, link);
        ASSERT(batch->number == last + 1);
        last = batch->number;
    }
    ASSERT(last == lsm->written);
    ASSERT(lsm->writing == NULL || lsm->writing->number == last + 1);
    ASSERT(lsm->batches == last + (lsm->writing != NULL) + (lsm->filling != NULL));
    ASSERT(lsm->durable <= lsm->settled && lsm->settled <= lsm->sequence);
}

static void check_figures(const struct lsm_engine *lsm)
{
    const struct lsm_store *store = lsm->store;
    uint64_t keys[ENGINE_FAMILIES] = {0};
    uint64_t bytes[ENGINE_FAMILIES] = {0};
    for (uint32_t i = 0; i < store->partition_count; i++) {
        const struct lsm_partition *partition = &store->partitions[i];
        if (engine_worker_of(i, store->data_partitions, lsm->workers) == lsm->worker) {
            keys[partition->family] += partition->keys;
            bytes[partition->family] += partition->bytes;
        }
    }
    for (uint32_t i = 0; i < ENGINE_FAMILIES; i++) {
        ASSERT(keys[i] == lsm->keys[i] && bytes[i] == lsm->bytes[i]);
    }
}

void lsm_engine_check(const struct engine *engine)
{
    const struct lsm_engine *lsm = lsm_engine_of_const(engine);
    lsm_overlay_check(&lsm->overlay);
    check_batches(lsm);
    check_figures(lsm);
    if (lsm->writing == NULL && lsm->filling == NULL && lsm->workers == 1) {
        struct lsm_store *store = lsm->store;
        struct lsm_verdict verdict;
        rocksdb_t *db = lsm_store_enter(store);
        ASSERT(db != NULL);
        lsm_verify_database(db, &store->database, store->partition_count, &verdict);
        lsm_store_leave(store);
        uint64_t keys = 0;
        for (uint32_t i = 0; i < ENGINE_FAMILIES; i++) {
            keys += lsm->keys[i];
        }
        ASSERT(verdict.mismatch == 0);
        ASSERT(verdict.damaged > 0 || verdict.keys == keys);
    }
}
