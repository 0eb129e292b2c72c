/* The node's side of the native protocol as a whole: its desks, its metrics, its birth and end. */
#include "api/native.h"

#include "api/native_state.h"
#include "base/memory.h"
#include "shoal/error.h"

int native_declare_metrics(struct metrics *metrics, struct native_metrics *ids)
{
    static const char *const labels[NATIVE_OP_COUNT] = {
        [NATIVE_OP_PUT] = "surface=\"native\",op=\"put\"",
        [NATIVE_OP_GET] = "surface=\"native\",op=\"get\"",
        [NATIVE_OP_DELETE] = "surface=\"native\",op=\"delete\"",
        [NATIVE_OP_ADD] = "surface=\"native\",op=\"add\"",
        [NATIVE_OP_EXPIRE] = "surface=\"native\",op=\"expire\"",
        [NATIVE_OP_LIST] = "surface=\"native\",op=\"list\"",
        [NATIVE_OP_JOIN] = "surface=\"native\",op=\"join\"",
        [NATIVE_OP_VERIFY] = "surface=\"native\",op=\"verify\"",
        [NATIVE_OP_REPAIR] = "surface=\"native\",op=\"repair\"",
        [NATIVE_OP_CHANGE] = "surface=\"native\",op=\"change\"",
    };
    int code = metrics_declare(metrics, METRIC_GAUGE, "shoal_connections", "surface=\"native\"",
                               "Client connections that are open.", &ids->connections);
    if (code == 0) {
        code = metrics_declare(metrics, METRIC_COUNTER, "shoal_refused_frames_total",
                               "surface=\"native\"",
                               "Frames and connections that were refused: malformed, too large, "
                               "of an unknown version, or too many.",
                               &ids->refused);
    }
    for (uint32_t i = 0; i < NATIVE_OP_COUNT && code == 0; i++) {
        code = metrics_declare(metrics, METRIC_HISTOGRAM, "shoal_request_seconds", labels[i],
                               "Time from a request's arrival to its answer.", &ids->seconds[i]);
    }
    return code;
}

int native_new(const struct native_options *options, struct native **out)
{
    struct native *native =
        mem_alloc_zeroed(1, sizeof(*native) + options->workers * sizeof(struct native_desk));
    if (native == NULL) {
        return SHOAL_ENOMEM;
    }
    native->options = *options;
    for (uint32_t i = 0; i < options->workers; i++) {
        struct native_desk *desk = &native->desks[i];
        desk->native = native;
        queue_init(&desk->sessions);
        queue_init(&desk->requests);
        queue_init(&desk->free_requests);
    }
    *out = native;
    return 0;
}

void native_free(struct native *native)
{
    if (native == NULL) {
        return;
    }
    for (uint32_t i = 0; i < native->options.workers; i++) {
        native_requests_free(&native->desks[i]);
    }
    mem_free(native);
}
