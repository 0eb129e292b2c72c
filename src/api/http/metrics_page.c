/* /metrics, in the text format that Prometheus reads (0.0.4): what has been counted, then what is
 * looked up only now that somebody asks: the members as this node sees them, the layout, the
 * process. */
#include <stdio.h>

#include "api/http/node_routes.h"
#include "net/process.h"
#include "node/worker.h"
#include "shoal/error.h"

#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"
#define SAMPLES_MAX 40u
#define LABELS_BYTES 512u
#define VALUE_BYTES 128u

struct samples {
    struct metric_sample items[SAMPLES_MAX];
    uint32_t count;
};

static void add(struct samples *samples, enum metric_kind kind, const char *name,
                const char *labels, const char *help, uint64_t value)
{
    if (samples->count < SAMPLES_MAX) {
        samples->items[samples->count++] = (struct metric_sample){
            .kind = kind, .name = name, .labels = labels, .help = help, .value = value};
    }
}

static void gauge(struct samples *samples, const char *name, const char *help, uint64_t value)
{
    add(samples, METRIC_GAUGE, name, NULL, help, value);
}

/* ---- the cluster ----------------------------------------------------------------------------- */

static void add_members(struct samples *samples, const struct snapshot *snapshot)
{
    static const char *const labels[] = {
        [NODE_UP] = "state=\"up\"",
        [NODE_SUSPECT] = "state=\"suspect\"",
        [NODE_DOWN] = "state=\"down\"",
        [NODE_JOINING] = "state=\"joining\"",
        [NODE_LEAVING] = "state=\"leaving\"",
        [NODE_LEFT] = "state=\"left\"",
        [NODE_REFILLING] = "state=\"refilling\"",
    };
    uint64_t counts[sizeof(labels) / sizeof(labels[0])] = {0};
    for (uint32_t i = 0; snapshot != NULL && i < snapshot->node_count; i++) {
        uint32_t state = snapshot->nodes[i].state;
        bool shown = state < sizeof(labels) / sizeof(labels[0]) &&
                     !view_removed(snapshot->view, snapshot->nodes[i].record.id);
        counts[shown ? state : NODE_LEFT] += shown ? 1 : 0;
    }
    for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++) {
        add(samples, METRIC_GAUGE, "shoal_members", labels[i],
            "Nodes of the cluster by the state that this node sees them in, itself included.",
            counts[i]);
    }
}

static void add_layout(struct samples *samples, const struct snapshot *snapshot)
{
    const struct view *view = snapshot == NULL ? NULL : snapshot->view;
    const struct layout *newest = view == NULL ? NULL : view_newest(view);
    int index = newest == NULL ? -1 : layout_member_index(newest, snapshot->self);
    gauge(samples, "shoal_layout_version", "Version of the newest layout; 0 while in no cluster.",
          newest == NULL ? 0 : newest->key.version);
    gauge(samples, "shoal_layouts_live",
          "Layouts in force; more than one while a change of membership goes on.",
          view == NULL ? 0 : view->live_count);
    gauge(samples, "shoal_changes_staged", "Changes that wait for an operator's commit.",
          view == NULL ? 0 : view_staged(view));
    gauge(samples, "shoal_partitions", "Partitions of the cluster.",
          view == NULL ? 0 : view_facts(view)->partitions);
    gauge(samples, "shoal_partitions_owned", "Partitions that this node owns in the newest layout.",
          index < 0 ? 0 : newest->members[index].partitions);
    gauge(samples, "shoal_partitions_at_risk",
          "Partitions of which removals of nodes may have lost acknowledged writes.",
          view == NULL ? 0 : view_may_lose(view, NULL, 0));
}

/* ---- the process ----------------------------------------------------------------------------- */

static void add_process(struct samples *samples)
{
    struct process_state state;
    process_look(&state);
    gauge(samples, "shoal_process_resident_memory_bytes", "Memory that the process takes.",
          state.resident_bytes);
    gauge(samples, "shoal_process_virtual_memory_bytes", "Address space of the process.",
          state.virtual_bytes);
    add(samples, METRIC_COUNTER, "shoal_process_cpu_seconds_total", NULL,
        "Processor time that the process has used.", state.cpu_us);
    gauge(samples, "shoal_process_threads", "Threads of the process.", state.threads);
    gauge(samples, "shoal_process_open_fds", "Files and connections that are open.",
          state.open_files);
    gauge(samples, "shoal_process_max_fds", "How many may be open.", state.open_files_max);
    gauge(samples, "shoal_process_start_time_seconds",
          "When the process started, in seconds since 1970.", state.started_ms * 1000);
}

static void write_build_labels(const struct http_node *node, char out[LABELS_BYTES])
{
    char engine[VALUE_BYTES];
    char durability[VALUE_BYTES];
    metrics_label_value(node->engine == NULL ? "" : node->engine, engine, sizeof(engine));
    metrics_label_value(node->durability == NULL ? "" : node->durability, durability,
                        sizeof(durability));
    (void)snprintf(out, LABELS_BYTES,
                   "version=\"%s\",compiler=\"%s\",engine=\"%s\",durability=\"%s\"", SHOAL_VERSION,
#ifdef __clang__
                   "clang " __clang_version__,
#else
                   "gcc " __VERSION__,
#endif
                   engine, durability);
}

/* ---- the page -------------------------------------------------------------------------------- */

void http_metrics_page(struct http_exchange *exchange)
{
    const struct http_options *options = http_options(exchange->http);
    const struct snapshot *snapshot = worker_snapshot(exchange->worker);
    struct samples samples = {.count = 0};
    char build[LABELS_BYTES];
    struct buffer page;
    buffer_init(&page, 0);
    write_build_labels(&options->node, build);
    add(&samples, METRIC_GAUGE, "shoal_build_info", build,
        "Always 1; the labels say what runs, and on what.", 1);
    add_members(&samples, snapshot);
    add_layout(&samples, snapshot);
    add_process(&samples);
    int code = options->metrics == NULL ? 0 : metrics_render(options->metrics, &page);
    if (code == 0) {
        code = metrics_render_samples(samples.items, samples.count, &page);
    }
    if (code == 0) {
        http_add(exchange, "Cache-Control", "no-store");
        http_answer(exchange, 200, METRICS_TYPE, buffer_bytes(&page));
    } else {
        http_fail_code(exchange, code, bytes_make(NULL, 0));
    }
    buffer_deinit(&page);
}
