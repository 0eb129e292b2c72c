/* The Prometheus text format, version 0.0.4. Families stand together, each under its HELP and TYPE,
 * in the order they were declared.
 *
 * A histogram is shown in buckets that end at powers of two of a microsecond. Those are exact sums
 * of the finer steps it is kept in, as rounder numbers would not be. */
#include <inttypes.h>
#include <stdio.h>

#include "base/metrics_registry.h"

#define SHOWN_POWER_MIN 5u  /* 32 us */
#define SHOWN_POWER_MAX 25u /* 33.6 s */

/* What is being written to, and the first error, after which nothing more is written. */
struct page {
    struct buffer *out;
    int error;
};

static void put(struct page *page, const char *text)
{
    if (page->error == 0) {
        page->error = buffer_append(page->out, text, strlen(text));
    }
}

static void put_u64(struct page *page, uint64_t number)
{
    char text[24];
    snprintf(text, sizeof(text), "%" PRIu64, number);
    put(page, text);
}

static void put_i64(struct page *page, int64_t number)
{
    char text[24];
    snprintf(text, sizeof(text), "%" PRId64, number);
    put(page, text);
}

static void put_seconds(struct page *page, uint64_t us)
{
    char text[32];
    snprintf(text, sizeof(text), "%" PRIu64 ".%06" PRIu64, us / 1000000, us % 1000000);
    put(page, text);
}

/* In HELP a backslash and a newline are escaped. */
static void put_help(struct page *page, const char *help)
{
    for (; *help != '\0'; help++) {
        char plain[2] = {*help, '\0'};
        put(page, *help == '\n' ? "\\n" : *help == '\\' ? "\\\\" : plain);
    }
}

static void render_head(struct page *page, enum metric_kind kind, const char *name,
                        const char *help)
{
    static const char *const kinds[] = {"counter", "gauge", "histogram"};
    put(page, "# HELP ");
    put(page, name);
    put(page, " ");
    put_help(page, help);
    put(page, "\n# TYPE ");
    put(page, name);
    put(page, " ");
    put(page, kinds[kind]);
    put(page, "\n");
}

/* name, suffix and labels, up to the blank before the value. */
static void render_name(struct page *page, const char *name, const char *suffix, const char *labels)
{
    put(page, name);
    put(page, suffix);
    if (labels != NULL) {
        put(page, "{");
        put(page, labels);
        put(page, "}");
    }
    put(page, " ");
}

/* How many values are shorter than 2^power us; power 0 stands for +Inf. */
static void render_bucket(struct page *page, const struct metric *metric, unsigned power,
                          uint64_t count)
{
    put(page, metric->name);
    put(page, "_bucket{");
    if (metric->labels != NULL) {
        put(page, metric->labels);
        put(page, ",");
    }
    put(page, "le=\"");
    if (power == 0) {
        put(page, "+Inf");
    } else {
        put_seconds(page, UINT64_C(1) << power);
    }
    put(page, "\"} ");
    put_u64(page, count);
    put(page, "\n");
}

/* A recorded microsecond stands for what is shorter than the next one, so "less than 2^n" is
 * counted by the buckets that end before 2^n. */
static void render_histogram(struct page *page, const struct metrics *metrics, metric_id id)
{
    const struct metric *metric = &metrics->list[id];
    struct histogram histogram;
    metrics_histogram(metrics, id, &histogram);
    uint64_t below = 0;
    uint32_t bucket = 0;
    for (unsigned power = SHOWN_POWER_MIN; power <= SHOWN_POWER_MAX; power++) {
        while (histogram_bucket_end(bucket) < UINT64_C(1) << power) {
            below += histogram.counts[bucket++];
        }
        render_bucket(page, metric, power, below);
    }
    render_bucket(page, metric, 0, histogram.count);
    render_name(page, metric->name, "_sum", metric->labels);
    put_seconds(page, histogram.sum);
    put(page, "\n");
    render_name(page, metric->name, "_count", metric->labels);
    put_u64(page, histogram.count);
    put(page, "\n");
}

/* Does its name say that it is a time? Those are kept in microseconds. */
static bool is_time(const char *name)
{
    static const char *const ends[] = {"_seconds", "_seconds_total"};
    size_t len = strlen(name);
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        size_t end_len = strlen(ends[i]);
        if (len > end_len && strcmp(name + len - end_len, ends[i]) == 0) {
            return true;
        }
    }
    return false;
}

static void render_number(struct page *page, enum metric_kind kind, const char *name,
                          const char *labels, uint64_t value)
{
    render_name(page, name, "", labels);
    if (is_time(name)) {
        put_seconds(page, value);
    } else if (kind == METRIC_GAUGE) {
        put_i64(page, (int64_t)value);
    } else {
        put_u64(page, value);
    }
    put(page, "\n");
}

static void render_family(struct page *page, const struct metrics *metrics, metric_id first)
{
    const struct metric *leader = &metrics->list[first];
    render_head(page, leader->kind, leader->name, leader->help);
    for (metric_id id = first; id != METRICS_NONE; id = metrics->list[id].next) {
        const struct metric *metric = &metrics->list[id];
        if (metric->kind == METRIC_HISTOGRAM) {
            render_histogram(page, metrics, id);
        } else {
            render_number(page, metric->kind, metric->name, metric->labels,
                          metrics_value(metrics, id));
        }
    }
}

int metrics_render(const struct metrics *metrics, struct buffer *out)
{
    size_t len_before = out->len;
    struct page page = {.out = out};
    for (metric_id id = 0; id < metrics->count; id++) {
        if (metrics->list[id].leads) {
            render_family(&page, metrics, id);
        }
    }
    if (page.error != 0) {
        out->len = len_before;
    }
    return page.error;
}

int metrics_render_samples(const struct metric_sample *samples, size_t count, struct buffer *out)
{
    size_t len_before = out->len;
    struct page page = {.out = out};
    for (size_t i = 0; i < count; i++) {
        const struct metric_sample *sample = &samples[i];
        if (i == 0 || strcmp(samples[i - 1].name, sample->name) != 0) {
            render_head(&page, sample->kind, sample->name, sample->help);
        }
        render_number(&page, sample->kind, sample->name, sample->labels, sample->value);
    }
    if (page.error != 0) {
        out->len = len_before;
    }
    return page.error;
}

void metrics_label_value(const char *text, char *out, size_t size)
{
    size_t len = 0;
    for (; *text != '\0'; text++) {
        bool escaped = *text == '\\' || *text == '"' || *text == '\n';
        if (len + (escaped ? 2 : 1) >= size) {
            break;
        }
        if (escaped) {
            out[len++] = '\\';
        }
        out[len++] = *text == '\n' ? 'n' : *text;
    }
    out[len] = '\0';
}
