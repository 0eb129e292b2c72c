/* The core's metrics: declared once for the node, counted in each worker's own shard. */
#include "node/core.h"
#include "shoal/error.h"

/* In the order of the ids below. */
static const struct {
    enum metric_kind kind;
    const char *name;
    const char *help;
} worker_metric_list[] = {
    {METRIC_COUNTER, "shoal_quorum_failures_total",
     "Requests refused because too few owners could be reached; nothing was applied."},
    {METRIC_COUNTER, "shoal_unknown_outcomes_total",
     "Writes whose outcome was reported as unknown."},
    {METRIC_COUNTER, "shoal_hedges_total", "Times another owner was asked as well."},
    {METRIC_COUNTER, "shoal_read_repairs_total", "Objects sent to owners found behind by a read."},
    {METRIC_COUNTER, "shoal_forwards_total", "Requests passed on to the key's coordinator."},
    {METRIC_COUNTER, "shoal_sibling_reads_total", "Reads that found concurrent values."},
    {METRIC_COUNTER, "shoal_rewrites_total",
     "Writes without a context made once more, because owners held what the first had missed."},
    {METRIC_GAUGE, "shoal_engine_keys", "Keys held, deleted ones included."},
    {METRIC_GAUGE, "shoal_engine_bytes", "Bytes of the keys and records held."},
    {METRIC_GAUGE, "shoal_engine_memory_bytes", "Memory that the engines hold, index included."},
    {METRIC_GAUGE, "shoal_engine_disk_bytes", "Bytes that the engines occupy on disk."},
    {METRIC_GAUGE, "shoal_engine_waiting", "Questions of peers that wait for this node's disk."},
    {METRIC_GAUGE, "shoal_storage_full", "Workers whose storage refuses writes for lack of space."},
    {METRIC_GAUGE, "shoal_storage_failed",
     "Workers whose storage has failed: they confirm no writes until a restart."},
    {METRIC_GAUGE, "shoal_hints_owed", "Objects kept for owners that could not be reached."},
    {METRIC_GAUGE, "shoal_hints_bytes", "Bytes of the objects kept for others."},
    {METRIC_COUNTER, "shoal_hints_stored_total",
     "Times an object was taken to be kept for others."},
    {METRIC_COUNTER, "shoal_hints_delivered_total",
     "Objects kept for others that every owner has confirmed."},
    {METRIC_COUNTER, "shoal_hints_refused_total",
     "Times an object was not taken for others, for lack of room (limits.hints_mb)."},
};

#define WORKER_METRICS (sizeof(worker_metric_list) / sizeof(worker_metric_list[0]))

int worker_declare_metrics(struct metrics *metrics)
{
    for (size_t i = 0; i < WORKER_METRICS; i++) {
        metric_id id;
        int result =
            metrics_declare(metrics, worker_metric_list[i].kind, worker_metric_list[i].name, NULL,
                            worker_metric_list[i].help, &id);
        if (result < 0 && result != SHOAL_ECONFLICT) {
            return result;
        }
    }
    return 0;
}

void worker_find_metrics(struct worker *worker)
{
    struct coordinator_metrics *found = &worker->coordinator.metrics;
    struct worker_metrics *own = &worker->own_metrics;
    *found = (struct coordinator_metrics){.shard = worker->index};
    metric_id *ids[WORKER_METRICS] = {&found->quorum_failures,
                                      &found->unknowns,
                                      &found->hedges,
                                      &found->read_repairs,
                                      &found->forwards,
                                      &found->siblings,
                                      &found->rewrites,
                                      &own->keys,
                                      &own->bytes,
                                      &own->memory_bytes,
                                      &own->disk_bytes,
                                      &own->waiting,
                                      &own->full,
                                      &own->failed,
                                      &own->hints_owed,
                                      &own->hints_bytes,
                                      &own->hints_stored,
                                      &own->hints_delivered,
                                      &own->hints_refused};
    if (worker->metrics == NULL) {
        return;
    }
    for (size_t i = 0; i < WORKER_METRICS; i++) {
        if (metrics_find(worker->metrics, worker_metric_list[i].name, NULL, ids[i]) < 0) {
            return; /* not declared: nothing is counted */
        }
    }
    found->registry = worker->metrics;
    own->registry = worker->metrics;
}

/* What happened to hints since the last time. */
static void worker_count_hints(struct worker *worker)
{
    struct worker_metrics *own = &worker->own_metrics;
    const struct {
        metric_id id;
        uint64_t *counted;
        uint64_t now;
    } counters[] = {
        {own->hints_stored, &own->stored, worker->hints.stored},
        {own->hints_delivered, &own->delivered, worker->delivery.delivered},
        {own->hints_refused, &own->refused, worker->hints.refused},
    };
    for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++) {
        metrics_add(own->registry, worker->index, counters[i].id,
                    counters[i].now - *counters[i].counted);
        *counters[i].counted = counters[i].now;
    }
}

void worker_measure(struct worker *worker)
{
    const struct worker_metrics *own = &worker->own_metrics;
    if (own->registry == NULL) {
        return;
    }
    struct engine_stats stats;
    replica_stats(&worker->replica, &stats);
    uint32_t storage = worker_own_storage(worker);
    const struct {
        metric_id id;
        uint64_t value;
    } gauges[] = {
        {own->keys, stats.keys},
        {own->bytes, stats.bytes},
        {own->memory_bytes, stats.memory_bytes},
        {own->disk_bytes, stats.disk_bytes},
        {own->waiting, worker->parking.count},
        {own->full, storage == NODE_STORAGE_FULL ? 1 : 0},
        {own->failed, storage == NODE_STORAGE_FAILED ? 1 : 0},
        {own->hints_owed, worker->hints.keys},
        {own->hints_bytes, worker->hints.bytes},
    };
    for (size_t i = 0; i < sizeof(gauges) / sizeof(gauges[0]); i++) {
        metrics_set(own->registry, worker->index, gauges[i].id, gauges[i].value);
    }
    worker_count_hints(worker);
}
