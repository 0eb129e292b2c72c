#include "support/fickle_engine.h"

#include "base/assert.h"
#include "shoal/error.h"
#include "storage/memory_engine.h"

#include <stdio.h>
#include <stdlib.h>

uint32_t fickle_engine_cold_percent;

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

/* ---- waiting for the disk, and damage ---- */

/* True when what is asked for now has to wait. */
static bool fickle_is_cold(struct fickle_engine *fickle)
{
    return !fickle->is_reading && fickle->read_count < FICKLE_READS_MAX &&
           fickle->cold_percent > random_below(&fickle->random, 100);
}

static void fickle_wait(struct fickle_engine *fickle, uint64_t ticket)
{
    ASSERT(fickle->read_count < FICKLE_READS_MAX);
    fickle->reads[fickle->read_count++] =
        (struct fickle_read){.ticket = ticket, .due_us = fickle->engine.now_us + fickle->disk_us};
    fickle->reads_waited++;
}

static uint64_t fickle_next_us(const struct engine *engine)
{
    const struct fickle_engine *fickle = (const struct fickle_engine *)(const void *)engine;
    uint64_t next_us = UINT64_MAX;
    for (uint32_t i = 0; i < fickle->read_count; i++) {
        next_us = fickle->reads[i].due_us < next_us ? fickle->reads[i].due_us : next_us;
    }
    return next_us;
}

static void fickle_finish_reads(struct fickle_engine *fickle)
{
    fickle->is_reading = true;
    for (uint32_t i = 0; i < fickle->read_count;) {
        struct fickle_read read = fickle->reads[i];
        if (read.due_us > fickle->engine.now_us) {
            i++;
            continue;
        }
        fickle->read_count--;
        memmove(&fickle->reads[i], &fickle->reads[i + 1], (fickle->read_count - i) * sizeof(read));
        fickle->engine.events.ready(fickle->engine.events.self, read.ticket, fickle->read_code);
    }
    fickle->is_reading = false;
}

static uint32_t fickle_find_damaged(const struct fickle_engine *fickle, uint32_t partition,
                                    uint64_t position)
{
    uint32_t i = 0;
    while (i < fickle->damaged_count &&
           (fickle->damaged[i].partition != partition || fickle->damaged[i].position != position)) {
        i++;
    }
    return i;
}

static void fickle_mend(struct fickle_engine *fickle, const struct engine_key *key)
{
    uint32_t i = fickle_find_damaged(fickle, key->partition, key->position);
    if (i < fickle->damaged_count) {
        fickle->damaged[i] = fickle->damaged[--fickle->damaged_count];
    }
}

void fickle_engine_damage(struct fickle_engine *fickle, const struct engine_key *key)
{
    ASSERT(fickle->damaged_count < FICKLE_DAMAGED_MAX);
    fickle->damaged[fickle->damaged_count].partition = key->partition;
    fickle->damaged[fickle->damaged_count++].position = key->position;
    fickle->engine.events.damaged(fickle->engine.events.self, key->partition);
}

/* ---- the port ---- */

static int fickle_get(struct engine *engine, const struct engine_key *key, uint64_t ticket,
                      struct bytes *record)
{
    struct fickle_engine *fickle = fickle_of(engine);
    int result = fickle->inner->ops->get(fickle->inner, key, ticket, record);
    if (result != 0) {
        return result;
    }
    if (fickle_find_damaged(fickle, key->partition, key->position) < fickle->damaged_count) {
        return SHOAL_EDAMAGED;
    }
    if (fickle_is_cold(fickle)) {
        fickle_wait(fickle, ticket);
        return 1;
    }
    fickle->gets++;
    *record = fickle_lend(fickle, *record);
    return 0;
}

static int fickle_brief(struct engine *engine, const struct engine_key *key,
                        struct engine_brief *out)
{
    struct fickle_engine *fickle = fickle_of(engine);
    int result = fickle->inner->ops->brief(fickle->inner, key, out);
    bool damaged =
        fickle_find_damaged(fickle, key->partition, key->position) < fickle->damaged_count;
    if (result == 0 && (fickle->is_secretive || damaged)) {
        *out = (struct engine_brief){0};
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
    if (fickle->puts_before_failing > 0) {
        fickle->puts_before_failing--;
    } else if (fickle->puts_failing > 0) {
        fickle->puts_failing--;
        return fickle->put_code;
    }
    int result = fickle->inner->ops->put(fickle->inner, key, record, sequence);
    if (result >= 0) {
        fickle_mend(fickle, key);
    }
    fickle->puts += result >= 0 ? 1 : 0;
    return fickle_wrote(fickle, result, sequence);
}

static int fickle_remove(struct engine *engine, const struct engine_key *key, uint64_t *sequence)
{
    struct fickle_engine *fickle = fickle_of(engine);
    fickle_take_back(fickle);
    fickle_mend(fickle, key);
    return fickle_wrote(fickle, fickle->inner->ops->remove(fickle->inner, key, sequence), sequence);
}

struct fickle_walk {
    struct fickle_engine *fickle;
    uint32_t partition;
    engine_visit visit;
    void *self;
    bool any;
    bool waits;
    uint64_t last;
    uint64_t waits_at;
};

static bool fickle_visit(void *self, const struct engine_entry *entry)
{
    struct fickle_walk *walk = self;
    struct fickle_engine *fickle = walk->fickle;
    if ((!walk->any || entry->position != walk->last) && fickle_is_cold(fickle)) {
        walk->waits = true;
        walk->waits_at = entry->position;
        return false;
    }
    walk->any = true;
    walk->last = entry->position;
    if (fickle_find_damaged(fickle, walk->partition, entry->position) < fickle->damaged_count) {
        return true;
    }
    struct engine_entry lent = {.position = entry->position,
                                .key = fickle_lend(fickle, entry->key),
                                .record = fickle_lend(fickle, entry->record)};
    return walk->visit(walk->self, &lent);
}

static int fickle_walk(struct engine *engine, uint32_t partition, uint64_t position,
                       uint64_t ticket, engine_visit visit, void *self, uint64_t *next)
{
    struct fickle_walk walk = {
        .fickle = fickle_of(engine), .partition = partition, .visit = visit, .self = self};
    struct engine *inner = walk.fickle->inner;
    int result = inner->ops->walk(inner, partition, position, ticket, fickle_visit, &walk, next);
    if (walk.any && walk.fickle->walks_failing > 0) {
        walk.fickle->walks_failing--;
        return SHOAL_EIO;
    }
    if (!walk.waits) {
        return result;
    }
    *next = walk.waits_at;
    fickle_wait(walk.fickle, ticket);
    return 2;
}

struct fickle_survey {
    struct fickle_walk walk;
    engine_survey_visit visit;
    void *self;
};

static bool fickle_survey_visit(void *self, const struct engine_survey_entry *entry)
{
    struct fickle_survey *survey = self;
    struct fickle_engine *fickle = survey->walk.fickle;
    if ((!survey->walk.any || entry->position != survey->walk.last) && fickle_is_cold(fickle)) {
        survey->walk.waits = true;
        survey->walk.waits_at = entry->position;
        return false;
    }
    survey->walk.any = true;
    survey->walk.last = entry->position;
    struct engine_survey_entry lent = *entry;
    lent.key = fickle_lend(fickle, entry->key);
    uint32_t found = fickle_find_damaged(fickle, survey->walk.partition, entry->position);
    if (fickle->is_secretive || found < fickle->damaged_count) {
        lent.brief = (struct engine_brief){0};
    }
    return survey->visit(survey->self, &lent);
}

static int fickle_survey(struct engine *engine, uint32_t partition, uint64_t position,
                         uint64_t ticket, engine_survey_visit visit, void *self, uint64_t *next)
{
    struct fickle_survey survey = {.walk = {.fickle = fickle_of(engine), .partition = partition},
                                   .visit = visit,
                                   .self = self};
    struct engine *inner = survey.walk.fickle->inner;
    int result =
        inner->ops->survey(inner, partition, position, ticket, fickle_survey_visit, &survey, next);
    if (!survey.walk.waits) {
        return result;
    }
    *next = survey.walk.waits_at;
    fickle_wait(survey.walk.fickle, ticket);
    return 2;
}

static int fickle_drop(struct engine *engine, uint32_t partition, uint64_t *sequence)
{
    struct fickle_engine *fickle = fickle_of(engine);
    fickle_take_back(fickle);
    if (fickle->drops_failing > 0) {
        fickle->drops_failing--;
        return SHOAL_ENOMEM;
    }
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
    return fickle->lost_partition == partition;
}

static bool fickle_behind(const struct engine *engine)
{
    const struct fickle_engine *fickle = (const struct fickle_engine *)(const void *)engine;
    return fickle->behind;
}

static enum engine_health fickle_health(const struct engine *engine)
{
    const struct fickle_engine *fickle = (const struct fickle_engine *)(const void *)engine;
    return fickle->health;
}

static void fickle_harden(struct engine *engine)
{
    struct fickle_engine *fickle = fickle_of(engine);
    fickle->sequence_wanted = fickle->sequence;
    fickle->hardens++;
}

static int fickle_backup(struct engine *engine, const char *folder, uint64_t ticket)
{
    struct fickle_engine *fickle = fickle_of(engine);
    (void)snprintf(fickle->backup_folder, sizeof(fickle->backup_folder), "%s", folder);
    if (fickle->backup_code < 0) {
        return fickle->backup_code;
    }
    fickle_wait(fickle, ticket);
    return 0;
}

static void fickle_flush(struct engine *engine)
{
    struct fickle_engine *fickle = fickle_of(engine);
    fickle->inner->ops->flush(fickle->inner);
    fickle_finish_reads(fickle);
    if (fickle->settles && fickle->health != ENGINE_FAILED) {
        fickle_engine_settle(fickle);
        if (fickle->sequence_wanted > 0) {
            fickle->engine.events.durable(fickle->engine.events.self, fickle->sequence_wanted);
        }
    }
}

static void fickle_free(struct engine *engine)
{
    struct fickle_engine *fickle = fickle_of(engine);
    fickle_take_back(fickle);
    if (!fickle->keeps_inner) {
        fickle->inner->ops->free(fickle->inner);
    }
    free(fickle);
}

static const struct engine_ops fickle_ops = {
    .name = "fickle",
    .get = fickle_get,
    .brief = fickle_brief,
    .put = fickle_put,
    .remove = fickle_remove,
    .walk = fickle_walk,
    .survey = fickle_survey,
    .drop = fickle_drop,
    .get_holding = fickle_get_holding,
    .put_holding = fickle_put_holding,
    .lost = fickle_lost,
    .stats = fickle_stats,
    .health = fickle_health,
    .behind = fickle_behind,
    .harden = fickle_harden,
    .backup = fickle_backup,
    .flush = fickle_flush,
    .next_us = fickle_next_us,
    .free = fickle_free,
};

struct fickle_engine *fickle_engine_over(struct engine *store)
{
    struct fickle_engine *fickle = calloc(1, sizeof(*fickle));
    ASSERT(fickle != NULL);
    fickle->inner = store;
    fickle->keeps_inner = true;
    fickle->engine.ops = &fickle_ops;
    fickle->engine.settles_durable = true;
    fickle->cold_percent = fickle_engine_cold_percent;
    fickle->disk_us = FICKLE_DISK_US;
    fickle->lost_partition = UINT32_MAX;
    random_init(&fickle->random, 5);
    return fickle;
}

struct fickle_engine *fickle_engine_new(uint32_t partitions)
{
    struct engine_options options = {.partitions = partitions};
    struct engine *store;
    ASSERT(memory_engine_new(&options, &store) == 0);
    struct fickle_engine *fickle = fickle_engine_over(store);
    fickle->keeps_inner = false;
    return fickle;
}

void fickle_engine_read_all(struct fickle_engine *fickle)
{
    for (uint32_t i = 0; i < fickle->read_count; i++) {
        fickle->reads[i].due_us = 0;
    }
    fickle_finish_reads(fickle);
}

void fickle_engine_settle(struct fickle_engine *fickle)
{
    const struct engine_events *events = &fickle->engine.events;
    if (fickle->engine.settles_durable) {
        events->durable(events->self, fickle->sequence);
    } else {
        events->settled(events->self, fickle->sequence);
    }
}

void fickle_engine_make_durable(struct fickle_engine *fickle)
{
    fickle->engine.events.durable(fickle->engine.events.self, fickle->sequence);
}

void fickle_engine_break(struct fickle_engine *fickle, int code)
{
    fickle->health = ENGINE_FAILED;
    fickle->engine.events.failed(fickle->engine.events.self, code);
}
