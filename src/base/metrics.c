/* Declaring and counting.
 *
 * Every shard is one array of cells, and a metric is a place in it: one cell for a counter or
 * gauge, and for a histogram its buckets, sum and maximum. A cell has one writer, so adding is a
 * relaxed load and a relaxed store instead of a locked instruction; readers may see a sum a moment
 * old. */
#include "base/metrics.h"

#include "base/assert.h"
#include "base/memory.h"
#include "base/metrics_registry.h"
#include "shoal/error.h"

#define LINE_BYTES 64u
#define CELLS_MIN 64u
#define LIST_MIN 32u

/* A histogram's cells. */
#define CELL_SUM HISTOGRAM_BUCKETS
#define CELL_MAX (HISTOGRAM_BUCKETS + 1u)
#define HISTOGRAM_CELLS (HISTOGRAM_BUCKETS + 2u)

struct metrics *metrics_new(uint32_t shards)
{
    size_t size = sizeof(struct metrics) + shards * sizeof(struct metrics_shard);
    struct metrics *metrics = mem_alloc_zeroed(1, size);
    if (metrics != NULL) {
        metrics->shard_count = shards;
        arena_init(&metrics->texts, 0);
    }
    return metrics;
}

void metrics_free(struct metrics *metrics)
{
    if (metrics == NULL) {
        return;
    }
    for (uint32_t i = 0; i < metrics->shard_count; i++) {
        mem_free(metrics->shards[i].memory);
    }
    arena_deinit(&metrics->texts);
    mem_free(metrics->list);
    mem_free(metrics);
}

/* A cache line is left free on both sides, so that two shards never touch the same one. */
static int shard_grow(struct metrics_shard *shard, size_t cells_used, size_t cells_capacity)
{
    size_t size = cells_capacity * sizeof(uint64_t) + 2 * (size_t)LINE_BYTES;
    uint8_t *memory = mem_alloc_zeroed(1, size);
    if (memory == NULL) {
        return SHOAL_ENOMEM;
    }
    size_t offset = LINE_BYTES - (uintptr_t)memory % LINE_BYTES;
    _Atomic uint64_t *cells = (void *)(memory + offset);
    for (size_t i = 0; i < cells_used; i++) {
        atomic_init(&cells[i], atomic_load_explicit(&shard->cells[i], memory_order_relaxed));
    }
    mem_free(shard->memory);
    shard->memory = memory;
    shard->cells = cells;
    return 0;
}

static int reserve_cells(struct metrics *metrics, size_t more)
{
    size_t needed = metrics->cells + more;
    if (needed <= metrics->cells_capacity) {
        return 0;
    }
    size_t capacity = metrics->cells_capacity == 0 ? CELLS_MIN : metrics->cells_capacity;
    while (capacity < needed) {
        capacity *= 2;
    }
    for (uint32_t i = 0; i < metrics->shard_count; i++) {
        int error = shard_grow(&metrics->shards[i], metrics->cells, capacity);
        if (error != 0) {
            return error; /* those grown before are merely larger than needed */
        }
    }
    metrics->cells_capacity = capacity;
    return 0;
}

static int reserve_entry(struct metrics *metrics)
{
    if (metrics->count == METRICS_MAX) {
        return SHOAL_ETOOBIG;
    }
    if (metrics->count < metrics->capacity) {
        return 0;
    }
    uint32_t capacity = metrics->capacity == 0 ? LIST_MIN : 2 * metrics->capacity;
    struct metric *list = mem_realloc(metrics->list, capacity * sizeof(*list));
    if (list == NULL) {
        return SHOAL_ENOMEM;
    }
    metrics->list = list;
    metrics->capacity = capacity;
    return 0;
}

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text);
    size_t end_len = strlen(end);
    return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

static size_t name_len(const char *text)
{
    return strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_");
}

static bool name_is_valid(enum metric_kind kind, const char *name)
{
    static const char prefix[] = "shoal_";
    if (strncmp(name, prefix, strlen(prefix)) != 0 || name[strlen(prefix)] == '\0' ||
        name[name_len(name)] != '\0') {
        return false;
    }
    return ends_with(name, "_total") == (kind == METRIC_COUNTER) &&
           (kind != METRIC_HISTOGRAM || ends_with(name, "_seconds"));
}

/* name="value",name="value": in values a backslash escapes what follows. */
static bool labels_are_valid(const char *labels)
{
    if (labels == NULL) {
        return true;
    }
    if (strlen(labels) > METRICS_LABELS_BYTES_MAX) {
        return false;
    }
    for (;;) {
        size_t len = name_len(labels);
        if (len == 0 || (labels[0] >= '0' && labels[0] <= '9') ||
            strncmp(labels + len, "=\"", 2) != 0) {
            return false;
        }
        labels += len + 2;
        while (*labels != '"') {
            if (*labels == '\\') {
                labels++;
            }
            if (*labels == '\0' || *labels == '\n') {
                return false;
            }
            labels++;
        }
        labels++;
        if (*labels == '\0') {
            return true;
        }
        if (*labels != ',') {
            return false;
        }
        labels++;
    }
}

static bool same_labels(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* The last of the family that the new metric joins, METRICS_NONE when it begins one: 0, or
 * SHOAL_ECONFLICT when it doesn't fit in. */
static int family_last(const struct metrics *metrics, const struct metric *metric, metric_id *last)
{
    metric_id found = METRICS_NONE;
    for (metric_id i = 0; i < metrics->count; i++) {
        const struct metric *other = &metrics->list[i];
        if (strcmp(other->name, metric->name) != 0) {
            continue;
        }
        if (other->kind != metric->kind || strcmp(other->help, metric->help) != 0 ||
            same_labels(other->labels, metric->labels)) {
            return SHOAL_ECONFLICT;
        }
        found = i;
    }
    *last = found;
    return 0;
}

/* 0 or SHOAL_ENOMEM. */
static int keep_labels(struct metrics *metrics, const char **labels)
{
    if (*labels == NULL) {
        return 0;
    }
    size_t size = strlen(*labels) + 1;
    char *kept = arena_alloc(&metrics->texts, size);
    if (kept == NULL) {
        return SHOAL_ENOMEM;
    }
    memcpy(kept, *labels, size);
    *labels = kept;
    return 0;
}

static int add_metric(struct metrics *metrics, struct metric metric, size_t cells, metric_id *id)
{
    if (!name_is_valid(metric.kind, metric.name) || !labels_are_valid(metric.labels)) {
        return SHOAL_EINVAL;
    }
    metric_id last = METRICS_NONE;
    int error = family_last(metrics, &metric, &last);
    if (error == 0) {
        error = keep_labels(metrics, &metric.labels);
    }
    if (error == 0) {
        error = reserve_entry(metrics);
    }
    if (error == 0) {
        error = reserve_cells(metrics, cells);
    }
    if (error != 0) {
        return error;
    }
    metric.leads = last == METRICS_NONE;
    if (!metric.leads) {
        metrics->list[last].next = metrics->count;
    }
    metrics->list[metrics->count] = metric;
    metrics->cells += cells;
    *id = metrics->count++;
    return 0;
}

int metrics_declare(struct metrics *metrics, enum metric_kind kind, const char *name,
                    const char *labels, const char *help, metric_id *id)
{
    struct metric metric = {
        .kind = kind,
        .name = name,
        .labels = labels,
        .help = help,
        .cell = metrics->cells,
        .next = METRICS_NONE,
    };
    return add_metric(metrics, metric, kind == METRIC_HISTOGRAM ? HISTOGRAM_CELLS : 1, id);
}

int metrics_declare_source(struct metrics *metrics, const char *name, const char *labels,
                           const char *help, metrics_source read, void *self)
{
    struct metric metric = {
        .kind = METRIC_HISTOGRAM,
        .name = name,
        .labels = labels,
        .help = help,
        .cell = metrics->cells,
        .source = read,
        .source_self = self,
        .next = METRICS_NONE,
    };
    metric_id id;
    return add_metric(metrics, metric, 0, &id);
}

static _Atomic uint64_t *cell_of(const struct metrics *metrics, uint32_t shard, metric_id id,
                                 bool histogram)
{
    ASSERT(shard < metrics->shard_count);
    ASSERT(id < metrics->count);
    const struct metric *metric = &metrics->list[id];
    ASSERT((metric->kind == METRIC_HISTOGRAM) == histogram && metric->source == NULL);
    return &metrics->shards[shard].cells[metric->cell];
}

static uint64_t load(const _Atomic uint64_t *cell)
{
    return atomic_load_explicit(cell, memory_order_relaxed);
}

static void store(_Atomic uint64_t *cell, uint64_t value)
{
    atomic_store_explicit(cell, value, memory_order_relaxed);
}

void metrics_add(struct metrics *metrics, uint32_t shard, metric_id id, uint64_t amount)
{
    _Atomic uint64_t *cell = cell_of(metrics, shard, id, false);
    store(cell, load(cell) + amount);
}

void metrics_set(struct metrics *metrics, uint32_t shard, metric_id id, uint64_t value)
{
    store(cell_of(metrics, shard, id, false), value);
}

void metrics_observe_us(struct metrics *metrics, uint32_t shard, metric_id id, uint64_t value_us)
{
    metrics_observe_many_us(metrics, shard, id, value_us, 1);
}

void metrics_observe_many_us(struct metrics *metrics, uint32_t shard, metric_id id,
                             uint64_t value_us, uint64_t times)
{
    _Atomic uint64_t *cells = cell_of(metrics, shard, id, true);
    _Atomic uint64_t *bucket = &cells[histogram_bucket(value_us)];
    store(bucket, load(bucket) + times);
    store(&cells[CELL_SUM], load(&cells[CELL_SUM]) + value_us * times);
    if (value_us > load(&cells[CELL_MAX])) {
        store(&cells[CELL_MAX], value_us);
    }
}

uint64_t metrics_value(const struct metrics *metrics, metric_id id)
{
    ASSERT(id < metrics->count);
    if (metrics->list[id].kind == METRIC_HISTOGRAM) {
        struct histogram histogram;
        metrics_histogram(metrics, id, &histogram);
        return histogram.count;
    }
    uint64_t sum = 0;
    for (uint32_t i = 0; i < metrics->shard_count; i++) {
        sum += load(cell_of(metrics, i, id, false));
    }
    return sum;
}

void metrics_histogram(const struct metrics *metrics, metric_id id, struct histogram *out)
{
    const struct metric *metric = &metrics->list[id];
    histogram_init(out);
    if (metric->source != NULL) {
        metric->source(metric->source_self, out);
        return;
    }
    for (uint32_t i = 0; i < metrics->shard_count; i++) {
        const _Atomic uint64_t *cells = cell_of(metrics, i, id, true);
        for (size_t bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) {
            uint64_t count = load(&cells[bucket]);
            out->counts[bucket] += count;
            out->count += count;
        }
        out->sum += load(&cells[CELL_SUM]);
        uint64_t max = load(&cells[CELL_MAX]);
        if (max > out->max) {
            out->max = max;
        }
    }
}

int metrics_find(const struct metrics *metrics, const char *name, const char *labels, metric_id *id)
{
    for (uint32_t i = 0; i < metrics->count; i++) {
        const struct metric *metric = &metrics->list[i];
        bool same = labels == NULL || metric->labels == NULL ? labels == metric->labels
                                                             : strcmp(labels, metric->labels) == 0;
        if (same && strcmp(metric->name, name) == 0) {
            *id = i;
            return 0;
        }
    }
    return SHOAL_ENOTFOUND;
}
