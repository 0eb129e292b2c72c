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
                       engine_visit visit, void *self)
{
    struct fickle_walk walk = {.fickle = fickle_of(engine), .visit = visit, .self = self};
    struct engine *inner = walk.fickle->inner;
    return inner->ops->walk(inner, partition, position, fickle_visit, &walk);
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
    .put = fickle_put,
    .remove = fickle_remove,
    .walk = fickle_walk,
    .drop = fickle_drop,
    .get_holding = fickle_get_holding,
    .put_holding = fickle_put_holding,
    .stats = fickle_stats,
    .flush = fickle_flush,
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
