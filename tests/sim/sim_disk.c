/* Each write remembers what it replaced until it is durable; a crash puts that back, newest first.
 * Dropping a partition is durable at once: what it would take to undo one is a copy of everything,
 * and the core may not rely on a drop being lost. */
#include "sim_disk.h"

#include "base/assert.h"
#include "base/memory.h"
#include "shoal/error.h"
#include "storage/memory_engine.h"

struct undo {
    struct queue link;
    uint32_t worker;
    uint64_t sequence;
    uint32_t partition;
    bool is_holding;
    bool existed;
    uint64_t position;
    size_t key_len;
    size_t record_len;
    uint8_t bytes[]; /* key, then the record before */
};

struct sim_engine {
    struct engine engine;
    struct sim_disk *disk;
    struct sim_disk_hooks hooks;
    uint32_t worker;
    uint32_t worker_count;
    uint64_t issued;
    uint64_t wanted; /* up to here a sync was asked for */
};

static struct sim_engine *engine_of(struct engine *engine)
{
    return (struct sim_engine *)(void *)engine;
}

int sim_disk_init(struct sim_disk *disk, uint32_t partitions, bool delayed)
{
    struct engine_options options = {.partitions = partitions};
    *disk = (struct sim_disk){.partitions = partitions, .delayed = delayed};
    queue_init(&disk->undo);
    return memory_engine_new(&options, &disk->store);
}

static void undo_free(struct sim_disk *disk, struct undo *undo)
{
    queue_remove(&undo->link);
    disk->undo_count--;
    mem_free(undo);
}

static struct undo *undo_at(struct queue *link)
{
    return QUEUE_ITEM(link, struct undo, link);
}

void sim_disk_deinit(struct sim_disk *disk)
{
    while (!queue_empty(&disk->undo)) {
        undo_free(disk, undo_at(disk->undo.next));
    }
    if (disk->store != NULL) {
        disk->store->ops->free(disk->store);
        disk->store = NULL;
    }
}

/* Remembers what is there before a write. */
static int remember(struct sim_engine *engine, bool is_holding, const struct engine_key *key)
{
    struct sim_disk *disk = engine->disk;
    struct bytes before = {0};
    int code = is_holding ? disk->store->ops->get_holding(disk->store, key->partition, &before)
                          : disk->store->ops->get(disk->store, key, 0, &before);
    ASSERT(code == 0 || code == SHOAL_ENOTFOUND);
    size_t key_len = is_holding ? 0 : key->key.len;
    size_t record_len = code == 0 ? before.len : 0;
    struct undo *undo = mem_alloc(sizeof(*undo) + key_len + record_len);
    if (undo == NULL) {
        return SHOAL_ENOMEM;
    }
    *undo = (struct undo){.worker = engine->worker,
                          .sequence = engine->issued + 1,
                          .partition = key->partition,
                          .is_holding = is_holding,
                          .existed = code == 0,
                          .position = key->position,
                          .key_len = key_len,
                          .record_len = record_len};
    if (key_len > 0) {
        memcpy(undo->bytes, key->key.data, key_len);
    }
    if (record_len > 0) {
        memcpy(undo->bytes + key_len, before.data, record_len);
    }
    queue_push(&disk->undo, &undo->link);
    disk->undo_count++;
    return 0;
}

/* After a write that the store took: 0 when it is durable, 1 and its sequence otherwise. */
static int written(struct sim_engine *engine, int code, uint64_t *sequence)
{
    struct sim_disk *disk = engine->disk;
    if (code < 0) {
        if (disk->delayed) {
            undo_free(disk, undo_at(disk->undo.previous));
        }
        return code;
    }
    if (!disk->delayed) {
        return 0;
    }
    *sequence = ++engine->issued;
    return 1;
}

static int engine_get(struct engine *base, const struct engine_key *key, uint64_t ticket,
                      struct bytes *record)
{
    struct engine *store = engine_of(base)->disk->store;
    return store->ops->get(store, key, ticket, record);
}

static int engine_brief(struct engine *base, const struct engine_key *key, struct engine_brief *out)
{
    struct engine *store = engine_of(base)->disk->store;
    return store->ops->brief(store, key, out);
}

static int engine_put(struct engine *base, const struct engine_key *key, struct bytes record,
                      uint64_t *sequence)
{
    struct sim_engine *engine = engine_of(base);
    struct engine *store = engine->disk->store;
    ASSERT(key->partition % engine->worker_count == engine->worker);
    if (engine->disk->delayed && remember(engine, false, key) != 0) {
        return SHOAL_ENOMEM;
    }
    return written(engine, store->ops->put(store, key, record, sequence), sequence);
}

static int engine_remove(struct engine *base, const struct engine_key *key, uint64_t *sequence)
{
    struct sim_engine *engine = engine_of(base);
    struct engine *store = engine->disk->store;
    if (engine->disk->delayed && remember(engine, false, key) != 0) {
        return SHOAL_ENOMEM;
    }
    return written(engine, store->ops->remove(store, key, sequence), sequence);
}

static int engine_walk(struct engine *base, uint32_t partition, uint64_t position, uint64_t ticket,
                       engine_visit visit, void *self, uint64_t *next)
{
    struct engine *store = engine_of(base)->disk->store;
    return store->ops->walk(store, partition, position, ticket, visit, self, next);
}

static int engine_drop(struct engine *base, uint32_t partition, uint64_t *sequence)
{
    struct sim_disk *disk = engine_of(base)->disk;
    for (struct queue *link = disk->undo.next; link != &disk->undo;) {
        struct undo *undo = undo_at(link);
        link = link->next;
        if (undo->partition == partition) {
            undo_free(disk, undo);
        }
    }
    int code = disk->store->ops->drop(disk->store, partition, sequence);
    return code < 0 ? code : 0;
}

static int engine_get_holding(struct engine *base, uint32_t partition, struct bytes *record)
{
    struct engine *store = engine_of(base)->disk->store;
    return store->ops->get_holding(store, partition, record);
}

static int engine_put_holding(struct engine *base, uint32_t partition, struct bytes record,
                              uint64_t *sequence)
{
    struct sim_engine *engine = engine_of(base);
    struct engine *store = engine->disk->store;
    struct engine_key key = {.partition = partition};
    if (engine->disk->delayed && remember(engine, true, &key) != 0) {
        return SHOAL_ENOMEM;
    }
    return written(engine, store->ops->put_holding(store, partition, record, sequence), sequence);
}

static void engine_stats(const struct engine *base, uint32_t partition, struct engine_stats *out)
{
    const struct sim_engine *engine = (const struct sim_engine *)(const void *)base;
    const struct engine *store = engine->disk->store;
    if (partition != UINT32_MAX) {
        store->ops->stats(store, partition, out);
        return;
    }
    *out = (struct engine_stats){0};
    for (uint32_t p = engine->worker; p < engine->disk->partitions; p += engine->worker_count) {
        struct engine_stats one;
        store->ops->stats(store, p, &one);
        out->keys += one.keys;
        out->bytes += one.bytes;
        out->memory_bytes += one.memory_bytes;
    }
}

/* The world looks after what the disk has lost: it says so of all by keeps_data. */
static bool engine_lost(const struct engine *base, uint32_t partition)
{
    (void)base;
    (void)partition;
    return false;
}

static enum engine_health engine_health(const struct engine *base)
{
    (void)base;
    return ENGINE_HEALTHY;
}

static void engine_harden(struct engine *base)
{
    (void)base; /* flush asks for all of it */
}

static int engine_backup(struct engine *base, const char *folder, uint64_t ticket)
{
    (void)base;
    (void)folder;
    (void)ticket;
    return SHOAL_EUNSUPPORTED;
}

static uint64_t engine_next_us(const struct engine *base)
{
    (void)base;
    return UINT64_MAX;
}

static void engine_flush(struct engine *base)
{
    struct sim_engine *engine = engine_of(base);
    if (engine->wanted < engine->issued) {
        engine->wanted = engine->issued;
        engine->hooks.sync_wanted(engine->hooks.self, engine->worker, engine->issued);
    }
}

static void engine_free(struct engine *base)
{
    mem_free(engine_of(base));
}

static const struct engine_ops ops = {
    .name = "simulated",
    .get = engine_get,
    .brief = engine_brief,
    .put = engine_put,
    .remove = engine_remove,
    .walk = engine_walk,
    .drop = engine_drop,
    .get_holding = engine_get_holding,
    .put_holding = engine_put_holding,
    .lost = engine_lost,
    .stats = engine_stats,
    .health = engine_health,
    .harden = engine_harden,
    .backup = engine_backup,
    .flush = engine_flush,
    .next_us = engine_next_us,
    .free = engine_free,
};

int sim_disk_open(struct sim_disk *disk, uint32_t worker, uint32_t worker_count,
                  const struct sim_disk_hooks *hooks, struct engine **out)
{
    struct sim_engine *engine = mem_alloc_zeroed(1, sizeof(*engine));
    if (engine == NULL) {
        return SHOAL_ENOMEM;
    }
    engine->engine.ops = &ops;
    engine->engine.keeps_data = disk->holds_data;
    engine->disk = disk;
    engine->hooks = *hooks;
    engine->worker = worker;
    engine->worker_count = worker_count;
    *out = &engine->engine;
    return 0;
}

void sim_disk_synced(struct sim_disk *disk, uint32_t worker, uint64_t sequence)
{
    for (struct queue *link = disk->undo.next; link != &disk->undo;) {
        struct undo *undo = undo_at(link);
        link = link->next;
        if (undo->worker == worker && undo->sequence <= sequence) {
            undo_free(disk, undo);
        }
    }
}

static void revert(struct sim_disk *disk, const struct undo *undo)
{
    struct engine *store = disk->store;
    struct bytes record = bytes_make(undo->bytes + undo->key_len, undo->record_len);
    struct engine_key key = {.partition = undo->partition,
                             .position = undo->position,
                             .key = bytes_make(undo->bytes, undo->key_len)};
    uint64_t sequence = 0;
    int code = 0;
    if (undo->is_holding) {
        /* The port has no way to take a holding's first record away again, so that one stays. */
        if (undo->existed) {
            code = store->ops->put_holding(store, undo->partition, record, &sequence);
        }
    } else if (undo->existed) {
        code = store->ops->put(store, &key, record, &sequence);
    } else {
        code = store->ops->remove(store, &key, &sequence);
    }
    ASSERT(code >= 0 || code == SHOAL_ENOTFOUND);
}

uint64_t sim_disk_crash(struct sim_disk *disk, struct random *random)
{
    uint64_t lost = random == NULL ? 0 : random_below(random, disk->undo_count + 1);
    for (uint64_t i = 0; i < lost; i++) {
        struct undo *last = undo_at(disk->undo.previous);
        revert(disk, last);
        undo_free(disk, last);
    }
    while (!queue_empty(&disk->undo)) {
        undo_free(disk, undo_at(disk->undo.next));
    }
    return lost;
}
