#include "support/fickle_engine.h"

#include "base/assert.h"
#include "shoal/error.h"
#include "storage/memory_engine.h"

#include <stdlib.h>

static struct fickle_engine *fickle_of(struct engine *engine)
{
    return (struct fickle_engine *)(void *)engine;
}

/* ---- lending ---- */

static struct bytes fickle_lend(struct fickle_engine *fickle, struct bytes bytes)
{
    uint8_t *copy = malloc(bytes.len == 0 ? 1 : bytes.len);
    void **lent = realloc(fickle->lent, (fickle->lent_count + 1) * sizeof(*lent));
    ASSERT(copy != NULL && lent != NULL);
    memcpy(copy, bytes.data, bytes.len);
    fickle->lent = lent;
    fickle->lent[fickle->lent_count++] = copy;
    return bytes_make(copy, bytes.len);
}

static void fickle_take_back(struct fickle_engine *fickle)
{
    for (size_t i = 0; i < fickle->lent_count; i++) {
        free(fickle->lent[i]);
    }
    free(fickle->lent);
    fickle->lent = NULL;
    fickle->lent_count = 0;
}

/* ---- the port ---- */

static int fickle_get(struct engine *engine, const struct engine_key *key, uint64_t ticket,
                      struct bytes *record)
{
    struct fickle_engine *fickle = fickle_of(engine);
    int result = fickle->inner->ops->get(fickle->inner, key, ticket, record);
    if (result == 0) {
        *record = fickle_lend(fickle, *record);
    }
    return result;
}

static int fickle_brief(struct engine *engine, const struct engine_key *key,
                        struct engine_brief *out)
{
    struct fickle_engine *fickle = fickle_of(engine);
    return fickle->inner->ops->brief(fickle->inner, key, out);
}

static int fickle_wrote(struct fickle_engine *fickle, int result, uint64_t *sequence)
{
    if (result < 0 || !fickle->slow) {
        return result;
    }
    *sequence = ++fickle->sequence;
    return 1;
}

static int fickle_put(struct engine *engine, const struct engine_key *key, struct bytes record,
                      uint64_t *sequence)
{
    struct fickle_engine *fickle = fickle_of(engine);
    fickle_take_back(fickle);
    if (fickle->puts_failing > 0) {
        fickle->puts_failing--;
        return fickle->put_code;
    }
    int result = fickle->inner->ops->put(fickle->inner, key, record, sequence);
    fickle->puts += result >= 0 ? 1 : 0;
    return fickle_wrote(fickle, result, sequence);
}

static int fickle_remove(struct engine *engine, const struct engine_key *key, uint64_t *sequence)
{
    struct fickle_engine *fickle = fickle_of(engine);
    fickle_take_back(fickle);
    return fickle_wrote(fickle, fickle->inner->ops->remove(fickle->inner, key, sequence), sequence);
}

struct fickle_walk {
    struct fickle_engine *fickle;
    engine_visit visit;
    void *self;
};

static bool fickle_visit(void *self, const struct engine_entry *entry)
{
    struct fickle_walk *walk = self;
    struct engine_entry lent = {.position = entry->position,
                                .key = fickle_lend(walk->fickle, entry->key),
                                .record = fickle_lend(walk->fickle, entry->record)};
    return walk->visit(walk->self, &lent);
}

static int fickle_walk(struct engine *engine, uint32_t partition, uint64_t position,
                       uint64_t ticket, engine_visit visit, void *self, uint64_t *next)
{
    struct fickle_walk walk = {.fickle = fickle_of(engine), .visit = visit, .self = self};
    struct engine *inner = walk.fickle->inner;
    return inner->ops->walk(inner, partition, position, ticket, fickle_visit, &walk, next);
}

static int fickle_drop(struct engine *engine, uint32_t partition, uint64_t *sequence)
{
    struct fickle_engine *fickle = fickle_of(engine);
    fickle_take_back(fickle);
    return fickle_wrote(fickle, fickle->inner->ops->drop(fickle->inner, partition, sequence),
                        sequence);
}

static int fickle_get_holding(struct engine *engine, uint32_t partition, struct bytes *record)
{
    struct fickle_engine *fickle = fickle_of(engine);
    int result = fickle->inner->ops->get_holding(fickle->inner, partition, record);
    if (result == 0) {
        *record = fickle_lend(fickle, *record);
    }
    return result;
}

static int fickle_put_holding(struct engine *engine, uint32_t partition, struct bytes record,
                              uint64_t *sequence)
{
    struct fickle_engine *fickle = fickle_of(engine);
    fickle_take_back(fickle);
    if (fickle->holdings_failing > 0) {
        fickle->holdings_failing--;
        return SHOAL_ENOSPC;
    }
    return fickle_wrote(fickle,
                        fickle->inner->ops->put_holding(fickle->inner, partition, record, sequence),
                        sequence);
}

static void fickle_stats(const struct engine *engine, uint32_t partition, struct engine_stats *out)
{
    const struct fickle_engine *fickle = (const struct fickle_engine *)(const void *)engine;
    fickle->inner->ops->stats(fickle->inner, partition, out);
}

static bool fickle_lost(const struct engine *engine, uint32_t partition)
{
    const struct fickle_engine *fickle = (const struct fickle_engine *)(const void *)engine;
    return fickle->inner->ops->lost(fickle->inner, partition);
}

static enum engine_health fickle_health(const struct engine *engine)
{
    const struct fickle_engine *fickle = (const struct fickle_engine *)(const void *)engine;
    return fickle->inner->ops->health(fickle->inner);
}

static void fickle_harden(struct engine *engine)
{
    struct fickle_engine *fickle = fickle_of(engine);
    fickle->inner->ops->harden(fickle->inner);
}

static int fickle_backup(struct engine *engine, const char *folder, uint64_t ticket)
{
    struct fickle_engine *fickle = fickle_of(engine);
    return fickle->inner->ops->backup(fickle->inner, folder, ticket);
}

static uint64_t fickle_next_us(const struct engine *engine)
{
    const struct fickle_engine *fickle = (const struct fickle_engine *)(const void *)engine;
    return fickle->inner->ops->next_us(fickle->inner);
}

static void fickle_flush(struct engine *engine)
{
    struct fickle_engine *fickle = fickle_of(engine);
    fickle->inner->ops->flush(fickle->inner);
}

static void fickle_free(struct engine *engine)
{
    struct fickle_engine *fickle = fickle_of(engine);
    fickle_take_back(fickle);
    fickle->inner->ops->free(fickle->inner);
    free(fickle);
}

static const struct engine_ops fickle_ops = {
    .name = "fickle",
    .get = fickle_get,
    .brief = fickle_brief,
    .put = fickle_put,
    .remove = fickle_remove,
    .walk = fickle_walk,
    .drop = fickle_drop,
    .get_holding = fickle_get_holding,
    .put_holding = fickle_put_holding,
    .lost = fickle_lost,
    .stats = fickle_stats,
    .health = fickle_health,
    .harden = fickle_harden,
    .backup = fickle_backup,
    .flush = fickle_flush,
    .next_us = fickle_next_us,
    .free = fickle_free,
};

struct fickle_engine *fickle_engine_new(uint32_t partitions)
{
    struct engine_options options = {.partitions = partitions};
    struct fickle_engine *fickle = calloc(1, sizeof(*fickle));
    ASSERT(fickle != NULL);
    ASSERT(memory_engine_new(&options, &fickle->inner) == 0);
    fickle->engine.ops = &fickle_ops;
    return fickle;
}

void fickle_engine_settle(struct fickle_engine *fickle)
{
    fickle->engine.events.durable(fickle->engine.events.self, fickle->sequence);
}

void fickle_engine_break(struct fickle_engine *fickle, int code)
{
    fickle->engine.events.failed(fickle->engine.events.self, code);
}
