/* The registry of metrics, to which every part adds and from which every surface reads.
 *
 * Metrics are declared once, at start, with a fixed set of labels; each thread then counts in a
 * shard of its own (plain relaxed stores, no sharing), and a reader sums the shards. Names follow
 * Prometheus: shoal_…, base units, _total for counters. */
#ifndef BASE_METRICS_H
#define BASE_METRICS_H

#include "base/buffer.h"
#include "base/histogram.h"

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

struct metrics; /* one a node */

/* Identifies a declared metric; small and dense. */
typedef uint32_t metric_id;

#define METRICS_MAX 4096u              /* series in one registry */
#define METRICS_LABELS_BYTES_MAX 1024u /* the labels of one series */

struct metrics *metrics_new(uint32_t shards); /* NULL when there is no memory */
void metrics_free(struct metrics *metrics);

/* Declares a metric. `labels` is the text between the braces ("surface=\"native\"") or NULL; two
 * with one name and different labels form a family and must agree in kind and help. Histograms, and
 * what ends in _seconds or _seconds_total, are recorded in microseconds and shown in seconds. Name
 * and help are borrowed for the registry's life (literals), labels are copied. Names are [a-z0-9_]
 * after "shoal_"; counters end in _total and nothing else does, histograms end in _seconds. 0 and
 * the id; SHOAL_ECONFLICT when it is there already or differs from its family; SHOAL_EINVAL for an
 * ill-formed name or ill-formed labels; SHOAL_ETOOBIG over METRICS_MAX; SHOAL_ENOMEM. Only before
 * the shards are in use. */
int metrics_declare(struct metrics *metrics, enum metric_kind kind, const char *name,
                    const char *labels, const char *help, metric_id *id);

/* A histogram that somebody else keeps: `read` adds what it has (in microseconds) to what is given,
 * on whatever thread reads the registry. `self` is borrowed for the registry's life. */
typedef void (*metrics_source)(void *self, struct histogram *out);
int metrics_declare_source(struct metrics *metrics, const char *name, const char *labels,
                           const char *help, metrics_source read, void *self);

/* The id of a metric declared by another part: 0 or SHOAL_ENOTFOUND. For start-up, not for
 * counting. */
int metrics_find(const struct metrics *metrics, const char *name, const char *labels,
                 metric_id *id);

/* From the thread that owns the shard. metrics_add is for counters and for gauges, which a negative
 * amount cast to uint64_t brings down; metrics_set for gauges; metrics_observe_us for histograms.
 */
void metrics_add(struct metrics *metrics, uint32_t shard, metric_id id, uint64_t amount);
void metrics_set(struct metrics *metrics, uint32_t shard, metric_id id, uint64_t value);
void metrics_observe_us(struct metrics *metrics, uint32_t shard, metric_id id, uint64_t value_us);
/* The same value so many times. */
void metrics_observe_many_us(struct metrics *metrics, uint32_t shard, metric_id id,
                             uint64_t value_us, uint64_t times);

/* From any thread: the sum over shards; of a histogram, how many values it has seen. */
uint64_t metrics_value(const struct metrics *metrics, metric_id id);

/* From any thread: the sum over shards of a histogram, in microseconds. */
void metrics_histogram(const struct metrics *metrics, metric_id id, struct histogram *out);

/* Appends all metrics in the Prometheus text format. 0, or SHOAL_ENOMEM or SHOAL_ETOOBIG, and then
 * nothing is appended. */
int metrics_render(const struct metrics *metrics, struct buffer *out);

/* What is looked up only when somebody asks, rather than counted: appended in the same format. A
 * sample of the same name as the one before it must follow it directly. As metrics_render. */
struct metric_sample {
    enum metric_kind kind; /* no histogram */
    const char *name;
    const char *labels; /* NULL: none */
    const char *help;
    uint64_t value;
};
int metrics_render_samples(const struct metric_sample *samples, size_t count, struct buffer *out);

/* Copies a text into a label's value: backslash, quote and newline are escaped, what doesn't fit is
 * left out. */
void metrics_label_value(const char *text, char *out, size_t size);

#endif
