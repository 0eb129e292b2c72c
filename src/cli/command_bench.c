/* shoal bench: what a cluster does with a steady load from one machine, and what that costs in CPU
 * time, which on a shared machine is the steadier figure. The keys it writes (bench:...) are left
 * there. */

#include <string.h>
#include <sys/resource.h>

#include "base/memory.h"
#include "base/text.h"
#include "cli/bench.h"
#include "cli/process_cpu.h"
#include "cli/progress.h"
#include "cli/session.h"

#define CONNECTIONS_DEFAULT 50u
#define PIPELINE_DEFAULT 16u
#define KEYS_DEFAULT 100000u
#define VALUE_SIZE_DEFAULT 100u
#define DURATION_US_DEFAULT (UINT64_C(10) * 1000000)
#define MIX_MAX 1000000u

/* A benchmark being run and what it has cost. */
struct run {
    struct terminal *terminal;
    struct bench bench;
    struct process_cpu servers;
    struct progress progress;
    bool measuring;
    uint64_t started_us;
    uint64_t client_cpu_us;
    uint64_t server_cpu_us;
    double seconds;
    struct bench_figures figures;
};

static uint64_t or_default(uint64_t given, uint64_t standard)
{
    return given > 0 ? given : standard;
}

static int parse_mix(struct terminal *terminal, const char *mix, struct bench_plan *plan)
{
    plan->puts = 1;
    plan->gets = 1;
    if (mix == NULL) {
        return 0;
    }
    char text[32];
    const char *colon = strchr(mix, ':');
    uint64_t puts = 0;
    uint64_t gets = 0;
    bool fine = colon != NULL && (size_t)(colon - mix) < sizeof(text);
    if (fine) {
        memcpy(text, mix, (size_t)(colon - mix));
        text[colon - mix] = '\0';
        fine = text_parse_u64(text, 0, MIX_MAX, &puts) == 0 &&
               text_parse_u64(colon + 1, 0, MIX_MAX, &gets) == 0 && puts + gets > 0;
    }
    plan->puts = (uint32_t)puts;
    plan->gets = (uint32_t)gets;
    return fine ? 0
                : terminal_fail_form(terminal, SHOAL_EINVAL,
                                     "--mix: \"%s\" is not PUTS:GETS, such as 1:4", mix);
}

static int count_nodes(struct terminal *terminal, const struct bench_plan *plan, uint32_t *nodes)
{
    struct shoal_config config = {
        .hosts = plan->hosts,
        .port = plan->port,
        .routing = plan->routing,
        .name = "shoal bench",
        .timeout_ms = plan->timeout_ms,
        .connect_timeout_ms = plan->connect_timeout_ms,
    };
    struct shoal_client *client = NULL;
    char text[INVOCATION_WHY_BYTES];
    int error = shoal_client_open(&config, &client, text, sizeof(text));
    if (error != 0) {
        return terminal_fail(terminal, error, text);
    }
    *nodes = plan->routing == SHOAL_ROUTE_GIVEN ? 1 : (uint32_t)shoal_client_node_count(client);
    shoal_client_free(client);
    return 0;
}

/* Connections are counted over all nodes, and the requests in flight with them. */
static int make_plan(struct terminal *terminal, const struct invocation *invocation,
                     struct bench_plan *plan)
{
    const struct bench_flags *given = &invocation->bench;
    *plan = (struct bench_plan){
        .hosts = session_hosts(invocation),
        .port = (uint16_t)invocation->port,
        .routing = given->direct ? SHOAL_ROUTE_GIVEN : SHOAL_ROUTE_OWNERS,
        .threads = (uint32_t)or_default(given->threads, 1),
        .pipeline = (uint32_t)or_default(given->pipeline, PIPELINE_DEFAULT),
        .keys = or_default(given->keys, KEYS_DEFAULT),
        .value_size = or_default(given->value_size, VALUE_SIZE_DEFAULT),
        .duration_us = or_default(given->duration_us, DURATION_US_DEFAULT),
        .requests = given->requests,
        .timeout_ms = invocation->timeout_us / 1000,
        .connect_timeout_ms = session_connect_timeout_ms(invocation),
        .with_context = given->with_context,
        .lockstep = given->lockstep,
        .prepared = given->prepared,
    };
    int status = parse_mix(terminal, given->mix, plan);
    if (status == 0 && plan->keys < plan->threads) {
        status = terminal_fail(terminal, SHOAL_EINVAL, "bench: give each thread a key at least");
    }
    uint32_t nodes = 1;
    if (status == 0) {
        status = count_nodes(terminal, plan, &nodes);
    }
    uint64_t connections = or_default(given->connections, CONNECTIONS_DEFAULT);
    uint64_t share = (uint64_t)plan->threads * nodes;
    plan->connections = (uint32_t)((connections + share - 1) / share);
    uint64_t each = (connections + plan->threads - 1) / plan->threads;
    plan->in_flight = (uint32_t)(each * plan->pipeline);
    return status;
}

/* ---- running --------------------------------------------------------------------------------- */

static uint64_t own_cpu_us(void)
{
    struct rusage usage = {0};
    (void)getrusage(RUSAGE_SELF, &usage);
    return (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 +
           (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static void on_tick(void *user)
{
    struct run *run = user;
    char text[96];
    uint64_t done = atomic_load_explicit(run->measuring ? &run->bench.done : &run->bench.prepared,
                                         memory_order_relaxed);
    (void)snprintf(text, sizeof(text), "%llu requests (%.0f/s)", (unsigned long long)done,
                   (double)done / progress_seconds(&run->progress));
    uint64_t position = done;
    if (run->measuring && run->bench.plan.requests == 0) {
        position = progress_now_us() - run->started_us;
    }
    progress_show(&run->progress, position, text);
}

static bool is_unsure(const struct bench_errors *errors)
{
    bool unsure = false;
    for (uint32_t i = 0; i < errors->count; i++) {
        unsure = unsure || !shoal_error_nothing_applied(errors->rows[i].code);
    }
    return unsure;
}

static bool may_have_written(const struct run *run)
{
    return atomic_load(&run->bench.prepared) > 0 || run->figures.puts.count > 0 ||
           is_unsure(&run->figures.filling_errors) || is_unsure(&run->figures.errors);
}

static int measure(struct run *run)
{
    const struct bench_plan *plan = &run->bench.plan;
    progress_begin(&run->progress, run->terminal, "writing each key once:", plan->keys);
    bool prepared = bench_prepared(&run->bench, on_tick, run);
    progress_end(&run->progress);
    uint64_t server_us = 0;
    uint64_t client_us = own_cpu_us();
    int error = process_cpu_read(&run->servers, &server_us);
    if (prepared) {
        run->measuring = true;
        run->started_us = progress_now_us();
        progress_begin(&run->progress, run->terminal,
                       "measuring:", plan->requests > 0 ? plan->requests : plan->duration_us);
        bench_go(&run->bench);
    }
    uint64_t done_us = 0;
    bench_end(&run->bench, on_tick, run, &run->figures);
    done_us = progress_now_us();
    progress_end(&run->progress);
    run->client_cpu_us = own_cpu_us() - client_us;
    uint64_t server_end_us = 0;
    if (error == 0) {
        error = process_cpu_read(&run->servers, &server_end_us);
    }
    run->server_cpu_us = server_end_us - server_us;
    run->seconds = (double)(done_us - run->started_us) / 1e6;
    run->terminal->applied_some = may_have_written(run);
    if (!prepared) {
        return terminal_fail(run->terminal, run->figures.failure.code, run->figures.failure.text);
    }
    return error == 0 ? 0
                      : terminal_fail(run->terminal, SHOAL_EINVAL,
                                      "--server-pid: one of these processes is not there");
}

/* ---- reporting ------------------------------------------------------------------------------- */

static double us_at(const struct histogram *histogram, double quantile)
{
    return (double)histogram_quantile(histogram, quantile) / 1e3;
}

static json_t *json_of_histogram(const struct histogram *histogram, double seconds)
{
    return json_pack("{s:I,s:f,s:f,s:f,s:f,s:f}", "requests", (json_int_t)histogram->count,
                     "per_second", (double)histogram->count / seconds, "p50_us",
                     us_at(histogram, 0.5), "p99_us", us_at(histogram, 0.99), "p999_us",
                     us_at(histogram, 0.999), "max_us", (double)histogram->max / 1e3);
}

static json_t *json_of_errors(const struct bench_errors *errors)
{
    json_t *object = json_object();
    for (uint32_t i = 0; i < errors->count; i++) {
        (void)json_object_set_new(object, shoal_error_text(errors->rows[i].code),
                                  json_integer((json_int_t)errors->rows[i].count));
    }
    return object;
}

static int print_json(const struct run *run, const struct histogram *all)
{
    double count = all->count > 0 ? (double)all->count : 1;
    json_t *object = json_pack("{s:f,s:o,s:o,s:o,s:o,s:o,s:f}", "seconds", run->seconds, "all",
                               json_of_histogram(all, run->seconds), "puts",
                               json_of_histogram(&run->figures.puts, run->seconds), "gets",
                               json_of_histogram(&run->figures.gets, run->seconds), "errors",
                               json_of_errors(&run->figures.errors), "filling_errors",
                               json_of_errors(&run->figures.filling_errors),
                               "client_cpu_us_per_request", (double)run->client_cpu_us / count);
    if (object != NULL && run->servers.count > 0) {
        (void)json_object_set_new(object, "server_cpu_us_per_request",
                                  json_real((double)run->server_cpu_us / count));
    }
    return terminal_print_json(run->terminal, run->terminal->out, object);
}

static void print_line(FILE *out, const char *name, const struct histogram *histogram,
                       double seconds)
{
    if (histogram->count > 0) {
        (void)fprintf(
            out, "%-5s %10llu  %10.0f/s  p50 %8.3f  p99 %8.3f  p99.9 %8.3f  max %8.3f ms\n", name,
            (unsigned long long)histogram->count, (double)histogram->count / seconds,
            us_at(histogram, 0.5) / 1e3, us_at(histogram, 0.99) / 1e3,
            us_at(histogram, 0.999) / 1e3, (double)histogram->max / 1e6);
    }
}

static void print_errors(FILE *out, const char *what, const struct bench_errors *errors)
{
    for (uint32_t i = 0; i < errors->count; i++) {
        const struct bench_error *error = &errors->rows[i];
        (void)fprintf(out, "%s: %llu x %s (%s)\n", what, (unsigned long long)error->count,
                      shoal_error_text(error->code), error->text);
    }
}

static int print_plain(const struct run *run, const struct histogram *all)
{
    FILE *out = run->terminal->out;
    print_line(out, "puts", &run->figures.puts, run->seconds);
    print_line(out, "gets", &run->figures.gets, run->seconds);
    print_line(out, "all", all, run->seconds);
    double count = all->count > 0 ? (double)all->count : 1;
    (void)fprintf(out, "client CPU %.2f us a request", (double)run->client_cpu_us / count);
    if (run->servers.count > 0) {
        (void)fprintf(out, ", servers' CPU %.2f us", (double)run->server_cpu_us / count);
    }
    (void)fputc('\n', out);
    print_errors(out, "errors", &run->figures.errors);
    print_errors(out, "errors when each key was written once", &run->figures.filling_errors);
    return 0;
}

static int report(const struct run *run)
{
    struct histogram all;
    histogram_init(&all);
    histogram_add(&all, &run->figures.puts);
    histogram_add(&all, &run->figures.gets);
    int status = run->terminal->json ? print_json(run, &all) : print_plain(run, &all);
    const struct bench_errors *errors = &run->figures.errors;
    if (all.count == 0 && errors->count > 0) {
        return terminal_fail(run->terminal, errors->rows[0].code, errors->rows[0].text);
    }
    return status;
}

int command_bench(struct terminal *terminal, const struct invocation *invocation)
{
    struct run *run = mem_alloc_zeroed(1, sizeof(*run));
    if (run == NULL) {
        return terminal_fail(terminal, SHOAL_ENOMEM, shoal_error_text(SHOAL_ENOMEM));
    }
    run->terminal = terminal;
    struct bench_plan plan;
    int status = 0;
    if (process_cpu_parse(&run->servers, invocation->bench.server_pid) != 0) {
        status = terminal_fail(terminal, SHOAL_EINVAL, "--server-pid: give PID[,PID...]");
    }
    if (status == 0) {
        status = make_plan(terminal, invocation, &plan);
    }
    if (status == 0 && bench_start(&run->bench, &plan) != 0) {
        /* Threads that have started may still use it: it is not freed, the program ends. */
        return terminal_fail(terminal, SHOAL_ENOMEM, "bench: the threads can't be started");
    }
    if (status == 0) {
        status = measure(run);
    }
    if (status == 0) {
        status = report(run);
    }
    mem_free(run);
    return status;
}
