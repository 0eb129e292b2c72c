/* The core's metrics: declared once for the node, counted in each worker's own shard. */
#include "node/core.h"
#include "shoal/error.h"

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
    *found = (struct coordinator_metrics){.shard = worker->index};
    metric_id *ids[WORKER_METRICS] = {&found->quorum_failures, &found->unknowns, &found->hedges,
                                      &found->read_repairs,    &found->forwards, &found->siblings};
    if (worker->metrics == NULL) {
        return;
    }
    for (size_t i = 0; i < WORKER_METRICS; i++) {
        if (metrics_find(worker->metrics, worker_metric_list[i].name, NULL, ids[i]) < 0) {
            return; /* not declared: nothing is counted */
        }
    }
    found->registry = worker->metrics;
}
