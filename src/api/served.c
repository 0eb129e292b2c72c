/* Counting what is served; see served.h. */
#include "api/served.h"

#include <stdio.h>

#include "shoal/error.h"

#define LABELS_BYTES 96u

static const char *const op_texts[SERVED_OPS] = {
    [SERVED_GET] = "get",         [SERVED_PUT] = "put",       [SERVED_DELETE] = "delete",
    [SERVED_ADD] = "add",         [SERVED_EXPIRE] = "expire", [SERVED_LIST] = "list",
    [SERVED_EXECUTE] = "execute", [SERVED_ADMIN] = "admin",   [SERVED_OTHER] = "other",
};

static const char *const result_texts[SERVED_RESULTS] = {
    [SERVED_OK] = "ok",         [SERVED_MISSING] = "missing", [SERVED_REFUSED] = "refused",
    [SERVED_FAILED] = "failed", [SERVED_UNKNOWN] = "unknown",
};

static int declare_op(struct metrics *metrics, const char *surface, enum served_op op,
                      struct served_metrics *ids)
{
    char labels[LABELS_BYTES];
    (void)snprintf(labels, sizeof(labels), "surface=\"%s\",op=\"%s\"", surface, op_texts[op]);
    int code = metrics_declare(metrics, METRIC_HISTOGRAM, "shoal_request_seconds", labels,
                               "Time from a request's arrival to its answer.", &ids->seconds[op]);
    for (uint32_t i = 0; i < SERVED_RESULTS && code == 0; i++) {
        (void)snprintf(labels, sizeof(labels), "surface=\"%s\",op=\"%s\",result=\"%s\"", surface,
                       op_texts[op], result_texts[i]);
        code = metrics_declare(metrics, METRIC_COUNTER, "shoal_requests_total", labels,
                               "Requests of clients that were answered.", &ids->requests[op][i]);
    }
    return code;
}

int served_declare_metrics(struct metrics *metrics, uint32_t surface, struct served_metrics *ids)
{
    const char *text = request_surface_text(surface);
    char labels[LABELS_BYTES];
    (void)snprintf(labels, sizeof(labels), "surface=\"%s\"", text);
    int code = metrics_declare(metrics, METRIC_GAUGE, "shoal_connections", labels,
                               "Client connections that are open.", &ids->connections);
    if (code == 0) {
        code = metrics_declare(metrics, METRIC_COUNTER, "shoal_refused_total", labels,
                               "Connections and requests that were no use: malformed, too large, "
                               "too slow, of an unknown version, or too many.",
                               &ids->refused);
    }
    for (uint32_t op = 0; op < SERVED_OPS && code == 0; op++) {
        code = declare_op(metrics, text, op, ids);
    }
    return code;
}

enum served_result served_result_of(int code)
{
    if (code >= 0) {
        return SERVED_OK;
    }
    switch (code) {
    case SHOAL_ENOTFOUND:
        return SERVED_MISSING;
    case SHOAL_EUNKNOWN:
    case SHOAL_EINTERNAL:
        return SERVED_UNKNOWN;
    case SHOAL_EINVAL:
    case SHOAL_ETOOBIG:
    case SHOAL_EPROTO:
    case SHOAL_EVERSION:
    case SHOAL_EPERM:
    case SHOAL_ECONFLICT:
    case SHOAL_ECONTEXT:
    case SHOAL_EUNSUPPORTED:
        return SERVED_REFUSED;
    default:
        return SERVED_FAILED;
    }
}

void served_count(struct metrics *metrics, uint32_t shard, const struct served_metrics *ids,
                  enum served_op op, enum served_result result, uint64_t us)
{
    if (metrics != NULL) {
        metrics_add(metrics, shard, ids->requests[op][result], 1);
        metrics_observe_us(metrics, shard, ids->seconds[op], us);
    }
}

void served_run_tell(struct metrics *metrics, uint32_t shard, const struct served_metrics *ids,
                     struct served_run *run)
{
    if (metrics != NULL && run->times > 0) {
        metrics_add(metrics, shard, ids->requests[run->op][run->result], run->times);
        metrics_observe_many_us(metrics, shard, ids->seconds[run->op], 0, run->times);
    }
    run->times = 0;
}
