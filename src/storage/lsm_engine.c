/* See lsm_engine.h: the port on top of the rest. */
#include "storage/lsm_engine.h"

#include "base/assert.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/timers.h"
#include "shoal/error.h"
#include "storage/brief.h"
#include "storage/lsm_engine_inside.h"

#define QUEUE_BYTES_MAX (64u * LIMIT_MIB)
#define LENT_BYTES_KEPT (256u * LIMIT_KIB)

static int engine_get(struct engine *engine, const struct engine_key *key, uint64_t ticket,
                      struct bytes *record)
{
    return lsm_read_get(lsm_engine_of(engine), key, ticket, record);
}

static int engine_brief(struct engine *engine, const struct engine_key *key,
                        struct engine_brief *out)
{
    return lsm_read_brief(lsm_engine_of(engine), key, out);
}

static int engine_put(struct engine *engine, const struct engine_key *key, struct bytes record,
                      uint64_t *sequence)
{
    return lsm_write_put(lsm_engine_of(engine), key, record, sequence);
}

static int engine_remove(struct engine *engine, const struct engine_key *key, uint64_t *sequence)
{
    return lsm_write_remove(lsm_engine_of(engine), key, sequence);
}

static int engine_walk(struct engine *engine, uint32_t partition, uint64_t position,
                       uint64_t ticket, engine_visit visit, void *self, uint64_t *next)
{
    return lsm_walk(lsm_engine_of(engine), partition, position, ticket, visit, self, next);
}

struct survey {
    engine_survey_visit visit;
    void *self;
};

static bool survey_visit(void *self, const struct engine_entry *entry)
{
    const struct survey *survey = self;
    const struct engine_survey_entry met = {
        .position = entry->position, .key = entry->key, .brief = engine_brief_of(entry->record)};
    return survey->visit(survey->self, &met);
}

/* There is no index apart from the records. */
static int engine_survey(struct engine *engine, uint32_t partition, uint64_t position,
                         uint64_t ticket, engine_survey_visit visit, void *self, uint64_t *next)
{
    struct survey survey = {.visit = visit, .self = self};
    return engine_walk(engine, partition, position, ticket, survey_visit, &survey, next);
}

static int engine_drop(struct engine *engine, uint32_t partition, uint64_t *sequence)
{
    return lsm_write_drop(lsm_engine_of(engine), partition, sequence);
}

static int engine_get_holding(struct engine *engine, uint32_t number, struct bytes *record)
{
    const struct lsm_partition *partition = lsm_partition_of(lsm_engine_of(engine), number);
    if (!partition->held) {
        return SHOAL_ENOTFOUND;
    }
    *record = bytes_make(partition->holding, partition->holding_len);
    return 0;
}

static int engine_put_holding(struct engine *engine, uint32_t partition, struct bytes record,
                              uint64_t *sequence)
{
    return lsm_write_holding(lsm_engine_of(engine), partition, record, sequence);
}

static bool engine_lost(const struct engine *engine, uint32_t partition)
{
    (void)partition; /* the database's log is of all of them */
    return lsm_engine_of_const(engine)->lost;
}

static uint64_t property(rocksdb_t *db, const char *name)
{
    uint64_t value = 0;
    return rocksdb_property_int(db, name, &value) == 0 ? value : 0;
}

/* The database is everybody's: each engine tells of its share. */
static void add_shares(const struct lsm_engine *lsm, struct engine_stats *out)
{
    rocksdb_t *db = lsm_store_enter_now(lsm->store);
    if (db == NULL) {
        return;
    }
    uint64_t buffers = property(db, "rocksdb.size-all-mem-tables");
    uint64_t cache = rocksdb_cache_get_usage(lsm->store->database.cache);
    uint64_t tables = property(db, "rocksdb.total-sst-files-size");
    lsm_store_leave(lsm->store);
    out->memory_bytes += (buffers + cache) / lsm->workers;
    out->disk_bytes = (tables + buffers) / lsm->workers; /* the log is about what is in buffers */
}

static void engine_stats(const struct engine *engine, uint32_t number, struct engine_stats *out)
{
    const struct lsm_engine *lsm = lsm_engine_of_const(engine);
    if (number == ENGINE_HINTS) {
        *out = (struct engine_stats){.keys = lsm->keys[ENGINE_FAMILY_HINTS],
                                     .bytes = lsm->bytes[ENGINE_FAMILY_HINTS]};
        return;
    }
    if (number != ENGINE_DATA) {
        const struct lsm_partition *partition = lsm_partition_of(lsm, number);
        *out = (struct engine_stats){.keys = partition->keys, .bytes = partition->bytes};
        return;
    }
    *out =
        (struct engine_stats){.keys = lsm->keys[ENGINE_FAMILY_DATA],
                              .bytes = lsm->bytes[ENGINE_FAMILY_DATA],
                              .memory_bytes = sizeof(*lsm) + lsm->overlay.bytes + lsm->lent.held +
                                              LSM_KNOWN_SLOTS * sizeof(struct lsm_known_slot)};
    add_shares(lsm, out);
}

static bool engine_behind(const struct engine *engine)
{
    const struct lsm_engine *lsm = lsm_engine_of_const(engine);
    return lsm->overlay.bytes > lsm->queue_bytes_max / 2;
}

static enum engine_health engine_health(const struct engine *engine)
{
    return lsm_engine_of_const(engine)->health;
}

static void engine_harden(struct engine *engine)
{
    lsm_engine_of(engine)->harden = true;
}

static int engine_backup(struct engine *engine, const char *folder, uint64_t ticket)
{
    return lsm_backup_begin(lsm_engine_of(engine), folder, ticket);
}

static void engine_flush(struct engine *engine)
{
    struct lsm_engine *lsm = lsm_engine_of(engine);
    lsm_read_forget_spent(lsm);
    lsm_walk_forget_spent(lsm);
    arena_reset(&lsm->lent);
    lsm_write_flush(lsm);
}

static uint64_t engine_next_us(const struct engine *engine)
{
    return lsm_write_next_us(lsm_engine_of_const(engine));
}

/* What was not written is not there: its jobs have come back. */
static void engine_free(struct engine *engine)
{
    struct lsm_engine *lsm = lsm_engine_of(engine);
    ASSERT(!lsm->write_job.out && lsm->backups == 0 && queue_empty(&lsm->in_flight));
    lsm_read_forget_spent(lsm);
    lsm_walk_free(lsm);
    while (!queue_empty(&lsm->kept)) {
        lsm_batch_free(&lsm->overlay, QUEUE_ITEM(lsm->kept.next, struct lsm_batch, link));
    }
    if (lsm->writing != NULL) {
        lsm_batch_free(&lsm->overlay, lsm->writing);
    }
    if (lsm->filling != NULL) {
        lsm_batch_free(&lsm->overlay, lsm->filling);
    }
    ASSERT(lsm->overlay.bytes == 0);
    table_deinit(&lsm->reads);
    lsm_known_deinit(&lsm->known);
    arena_deinit(&lsm->lent);
    (void)atomic_fetch_sub(&lsm->store->engines, 1);
    mem_free(lsm);
}

static const struct engine_ops lsm_engine_ops = {
    .name = "lsm",
    .get = engine_get,
    .brief = engine_brief,
    .put = engine_put,
    .remove = engine_remove,
    .walk = engine_walk,
    .survey = engine_survey,
    .drop = engine_drop,
    .get_holding = engine_get_holding,
    .put_holding = engine_put_holding,
    .lost = engine_lost,
    .stats = engine_stats,
    .health = engine_health,
    .behind = engine_behind,
    .harden = engine_harden,
    .backup = engine_backup,
    .flush = engine_flush,
    .next_us = engine_next_us,
    .free = engine_free,
};

static void adopt_partitions(struct lsm_engine *lsm)
{
    const struct lsm_store *store = lsm->store;
    for (uint32_t i = 0; i < store->partition_count; i++) {
        const struct lsm_partition *partition = &store->partitions[i];
        if (engine_worker_of(i, store->data_partitions, lsm->workers) == lsm->worker) {
            lsm->keys[partition->family] += partition->keys;
            lsm->bytes[partition->family] += partition->bytes;
        }
    }
}

int lsm_engine_new(const struct lsm_engine_options *options, struct engine **out)
{
    ASSERT(options->worker < options->workers);
    struct lsm_engine *lsm = mem_alloc_zeroed(1, sizeof(*lsm));
    if (lsm == NULL) {
        return SHOAL_ENOMEM;
    }
    if (lsm_known_init(&lsm->known) != 0) {
        mem_free(lsm);
        return SHOAL_ENOMEM;
    }
    const struct lsm_report *report = lsm_store_report(options->store);
    lsm->engine = (struct engine){.ops = &lsm_engine_ops,
                                  .keeps_data = true,
                                  .settles_durable = options->store->durability == LSM_SYNC,
                                  .resumed = report->resumed,
                                  .behind = report->behind};
    lsm->lost = report->lost;
    lsm->store = options->store;
    lsm->offload = options->offload;
    lsm->worker = options->worker;
    lsm->workers = options->workers;
    lsm->interval_us = options->interval_us;
    lsm->queue_bytes_max =
        options->queue_bytes_max > 0 ? options->queue_bytes_max : QUEUE_BYTES_MAX;
    lsm->sync_due_us = TIMERS_NEVER;
    lsm_overlay_init(&lsm->overlay);
    queue_init(&lsm->kept);
    queue_init(&lsm->in_flight);
    queue_init(&lsm->spent);
    queue_init(&lsm->spent_bunches);
    table_init(&lsm->reads);
    arena_init(&lsm->lent, LENT_BYTES_KEPT);
    adopt_partitions(lsm);
    (void)atomic_fetch_add(&options->store->engines, 1);
    *out = &lsm->engine;
    return 0;
}
