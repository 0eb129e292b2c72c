/* Lines and spans of requests. See account.h. */
#include "node/account.h"

#include "base/log.h"
#include "node/core.h"
#include "ring/partition.h"
#include "shoal/error.h"

#include <stdatomic.h>
#include <stdio.h>

#define KEY_BYTES_SHOWN 64u
#define FIELDS_MAX 16u

/* ---- lines ----------------------------------------------------------------------------------- */

/* Fields as they come to hand. */
struct line {
    struct log_field fields[FIELDS_MAX];
    uint32_t count;
    char id[33];
};

static void line_add(struct line *line, struct log_field field)
{
    if (line->count + 1 < FIELDS_MAX) {
        line->fields[line->count++] = field;
    }
}

static void line_add_key(struct line *line, struct bytes key)
{
    if (key.len > KEY_BYTES_SHOWN) {
        line_add(line, LOG_BYTES("key", bytes_make(key.data, KEY_BYTES_SHOWN)));
        line_add(line, LOG_U64("key_bytes", key.len));
    } else if (key.data != NULL) {
        line_add(line, LOG_BYTES("key", key));
    }
}

/* The id stands last, as in all of them. */
static void line_write(struct line *line, enum log_level level, const char *message,
                       const struct trace *trace, uint64_t left_out)
{
    if (left_out > 0) {
        line_add(line, LOG_U64("left_out", left_out));
    }
    if (trace_there(trace)) {
        trace_text(trace, line->id);
        line_add(line, LOG_TEXT("request", line->id));
    }
    line->fields[line->count] = LOG_END;
    if (log_enabled(level)) {
        log_write(level, message, line->fields);
    }
}

static bool account_is_slow(const struct worker *worker, uint64_t since_us)
{
    uint64_t slow_us = worker->config->slow_us == NULL
                           ? 0
                           : atomic_load_explicit(worker->config->slow_us, memory_order_relaxed);
    return slow_us != 0 && worker->now.mono_us - since_us >= slow_us;
}

static void account_count_slow(struct worker *worker)
{
    if (worker->own_metrics.registry != NULL) {
        metrics_add(worker->own_metrics.registry, worker->index, worker->own_metrics.slow, 1);
    }
}

/* ---- requests -------------------------------------------------------------------------------- */

/* The last that it waited for; its turn, if it waited longer for that than for all else. */
static uint32_t account_waited(const struct worker *worker, const struct request *request)
{
    uint64_t now_us = worker->now.mono_us;
    uint64_t begun_us = request->begun_us == 0 ? request->ended_us : request->begun_us;
    uint64_t queued_us = begun_us - request->since_us + (now_us - request->ended_us);
    return queued_us > (now_us - request->since_us) / 2 ? WAIT_QUEUE : request->waited;
}

static void line_add_request(struct line *line, struct worker *worker,
                             const struct request *request, const struct outcome *outcome)
{
    uint32_t waited = account_waited(worker, request);
    line_add(line, LOG_TEXT("op", request_op_text(request->op)));
    line_add_key(line, request->key);
    line_add(line, LOG_TEXT("surface", request_surface_text(request->surface)));
    line_add(line, LOG_U64("ms", (worker->now.mono_us - request->since_us) / 1000));
    if (outcome->needed > 0) {
        line_add(line, LOG_U64("reached", outcome->owners + outcome->fallbacks));
        line_add(line, LOG_U64("needed", outcome->needed));
    }
    line_add(line, LOG_TEXT("waited", request_wait_text(waited)));
    if (waited == WAIT_PEER || waited == WAIT_FORWARD) {
        line_add(line, LOG_TEXT("peer", worker_node_name(worker, request->waited_node)));
    }
    if (outcome->code != 0) {
        line_add(line, LOG_TEXT("result", shoal_error_text(outcome->code)));
        if (outcome->text.data != NULL && outcome->code != SHOAL_ENOTFOUND) {
            line_add(line, LOG_BYTES("text", outcome->text));
        }
    }
}

static void account_slow(struct worker *worker, const struct request *request,
                         const struct outcome *outcome)
{
    uint64_t left_out;
    account_count_slow(worker);
    if (seldom_may(&worker->account.slow, worker->now.mono_us, &left_out)) {
        struct line line = {0};
        line_add_request(&line, worker, request, outcome);
        line_write(&line, LOG_WARNING, "request: slow", &request->trace, left_out);
    }
}

/* Failures that say something of the cluster, not of what the client asked for. */
static bool account_is_trouble(int code)
{
    switch (code) {
    case SHOAL_EUNKNOWN:
    case SHOAL_EQUORUM:
    case SHOAL_ETIMEOUT:
    case SHOAL_EOVERLOAD:
    case SHOAL_EIO:
    case SHOAL_ENOSPC:
    case SHOAL_EDAMAGED:
    case SHOAL_ENOMEM:
    case SHOAL_EINTERNAL:
        return true;
    default:
        return false;
    }
}

static void account_failed(struct worker *worker, const struct request *request,
                           const struct outcome *outcome)
{
    uint64_t left_out;
    if (seldom_may(&worker->account.failed, worker->now.mono_us, &left_out)) {
        struct line line = {0};
        line_add_request(&line, worker, request, outcome);
        line_write(&line, LOG_WARNING, "request: failed", &request->trace, left_out);
    }
}

static void account_trace(struct worker *worker, struct request *request)
{
    bool sampled = request->surface == SURFACE_PEER
                       ? trace_sampled(&request->trace) && trace_there(&request->trace)
                       : spans_sample(worker->spans, &request->trace, worker->now.mono_us);
    if (sampled) {
        request->span = spans_id(worker->spans);
        request->parent_span = request->trace.span;
        request->trace.span = request->span;
        request->begin_ns = spans_now_ns(worker->spans);
    }
}

static void account_place(const struct worker *worker, struct bytes key, struct span *span)
{
    const struct snapshot *snapshot = worker->snapshot;
    span->partition = SPAN_NO_PARTITION;
    if (snapshot != NULL && key.len > 0) {
        span->partition = partition_of_key(key, view_facts(snapshot->view)->partitions);
        span->key_hash = replica_key(&worker->replica, span->partition, key).position;
    }
}

static void account_span(struct worker *worker, const struct request *request,
                         const struct outcome *outcome)
{
    struct span span = {
        .id_high = request->trace.id_high,
        .id_low = request->trace.id_low,
        .id = request->span,
        .parent = request->parent_span,
        .begin_ns = request->begin_ns,
        .end_ns = spans_now_ns(worker->spans),
        .name = request_op_text(request->op),
        .op = request_op_text(request->op),
        .surface = request_surface_text(request->surface),
        .waited = request_wait_text(account_waited(worker, request)),
        .kind = SPAN_SERVER,
        .code = outcome->code,
        .quorum = outcome->needed > 0,
        .owners = outcome->owners,
        .fallbacks = outcome->fallbacks,
        .needed = outcome->needed,
    };
    account_place(worker, request->op == REQUEST_LIST ? bytes_make(NULL, 0) : request->key, &span);
    spans_record(worker->spans, &span);
}

static bool account_is_told(uint32_t op)
{
    return op <= REQUEST_LIST; /* what operators ask takes its time */
}

void account_begin(struct worker *worker, struct request *request)
{
    request->since_us = worker->now.mono_us;
    request->begun_us = 0;
    request->ended_us = 0;
    request->waited = WAIT_NOTHING;
    request->span = 0;
    if (worker->spans != NULL && account_is_told(request->op)) {
        account_trace(worker, request);
    }
}

void account_done(struct worker *worker, struct request *request, const struct outcome *outcome)
{
    if (request->span != 0) {
        account_span(worker, request, outcome);
        request->trace.span = request->parent_span;
    }
    if (!account_is_told(request->op)) {
        return;
    }
    if (account_is_slow(worker, request->since_us)) {
        account_slow(worker, request, outcome);
    } else if (outcome->code != 0 && account_is_trouble(outcome->code)) {
        account_failed(worker, request, outcome);
    }
}

/* ---- units ----------------------------------------------------------------------------------- */

void account_unit_begin(struct worker *worker, struct unit *unit)
{
    if (unit->since_us != 0) {
        return; /* it could not be done at once, and comes again */
    }
    unit->since_us = worker->now.mono_us;
    if (worker->spans != NULL && spans_sample(worker->spans, &unit->trace, worker->now.mono_us)) {
        unit->span = spans_id(worker->spans);
        unit->parent_span = unit->trace.span;
        unit->begin_ns = spans_now_ns(worker->spans);
    }
}

static struct bytes unit_first_key(const struct unit *unit)
{
    return unit->count > 0 ? unit->cells[0].key : bytes_make(NULL, 0);
}

static const char *unit_name_text(const struct unit *unit)
{
    return unit->name == NULL ? "unit" : unit->name;
}

static void account_unit_span(struct worker *worker, const struct unit *unit, int code)
{
    struct span span = {
        .id_high = unit->trace.id_high,
        .id_low = unit->trace.id_low,
        .id = unit->span,
        .parent = unit->parent_span,
        .begin_ns = unit->begin_ns,
        .end_ns = spans_now_ns(worker->spans),
        .name = unit_name_text(unit),
        .op = unit_name_text(unit),
        .surface = request_surface_text(unit->surface),
        .waited = request_wait_text(unit->waited),
        .kind = SPAN_SERVER,
        .code = code,
    };
    account_place(worker, unit_first_key(unit), &span);
    spans_record(worker->spans, &span);
}

static void account_unit_line(struct worker *worker, const struct unit *unit, int code,
                              struct seldom *seldom, const char *message)
{
    uint64_t left_out;
    if (!seldom_may(seldom, worker->now.mono_us, &left_out)) {
        return;
    }
    struct line line = {0};
    line_add(&line, LOG_TEXT("op", unit_name_text(unit)));
    line_add_key(&line, unit_first_key(unit));
    line_add(&line, LOG_U64("keys", unit->count));
    line_add(&line, LOG_TEXT("surface", request_surface_text(unit->surface)));
    line_add(&line, LOG_U64("ms", (worker->now.mono_us - unit->since_us) / 1000));
    if (unit->waited != WAIT_NOTHING) {
        line_add(&line, LOG_TEXT("waited", request_wait_text(unit->waited)));
    }
    if (code != 0) {
        line_add(&line, LOG_TEXT("result", shoal_error_text(code)));
    }
    line_write(&line, LOG_WARNING, message, &unit->trace, left_out);
}

void account_unit_done(struct worker *worker, struct unit *unit, int code)
{
    if (unit->span != 0) {
        account_unit_span(worker, unit, code);
        unit->span = 0;
    }
    if (account_is_slow(worker, unit->since_us)) {
        account_count_slow(worker);
        account_unit_line(worker, unit, code, &worker->account.slow, "request: slow");
    } else if (code != 0 && account_is_trouble(code)) {
        account_unit_line(worker, unit, code, &worker->account.failed, "request: failed");
    }
    unit->since_us = 0;
}

/* ---- what peers ask -------------------------------------------------------------------------- */

struct served account_serve(struct worker *worker, const char *op, const struct trace *trace,
                            uint32_t partition, struct bytes key)
{
    struct served served = {
        .trace = *trace,
        .since_us = worker->parking.since_us,
        .op = op,
        .key = key,
        .partition = partition,
        .waited = worker->parking.since_us != worker->now.mono_us,
    };
    if (worker->spans != NULL && trace_sampled(trace)) {
        uint64_t before_us = worker->now.mono_us - served.since_us;
        served.begin_ns = spans_now_ns(worker->spans) - before_us * 1000;
    }
    return served;
}

static void account_served_span(struct worker *worker, const struct served *served, int code)
{
    struct span span = {
        .id_high = served->trace.id_high,
        .id_low = served->trace.id_low,
        .id = spans_id(worker->spans),
        .parent = served->trace.span,
        .begin_ns = served->begin_ns,
        .end_ns = spans_now_ns(worker->spans),
        .name = served->op,
        .surface = request_surface_text(SURFACE_PEER),
        .waited = request_wait_text(served->waited ? WAIT_DISK : WAIT_NOTHING),
        .kind = SPAN_SERVER,
        .code = code,
        .partition = served->partition,
    };
    spans_record(worker->spans, &span);
}

static void account_served_line(struct worker *worker, const struct served *served, int code,
                                enum log_level level, const char *message)
{
    uint64_t left_out;
    if (!log_enabled(level) ||
        !seldom_may(&worker->account.served, worker->now.mono_us, &left_out)) {
        return;
    }
    struct line line = {0};
    line_add(&line, LOG_TEXT("op", served->op));
    line_add_key(&line, served->key);
    line_add(&line, LOG_U64("partition", served->partition));
    line_add(&line, LOG_U64("ms", (worker->now.mono_us - served->since_us) / 1000));
    line_add(&line,
             LOG_TEXT("waited", request_wait_text(served->waited ? WAIT_DISK : WAIT_NOTHING)));
    if (code != 0) {
        line_add(&line, LOG_TEXT("result", shoal_error_text(code)));
    }
    line_write(&line, level, message, &served->trace, left_out);
}

/* Not yet its owner, still being filled: that passes, and the asker knows what to do. It is worth a
 * line only where somebody follows the request. */
static bool account_passes(int code)
{
    return code == SHOAL_ENOTOWNER || code == SHOAL_EREFILLING || code == SHOAL_ESHUTDOWN;
}

void account_served(struct worker *worker, const struct served *served, int code)
{
    if (served->begin_ns != 0) {
        account_served_span(worker, served, code);
    }
    if (account_is_slow(worker, served->since_us)) {
        account_count_slow(worker);
        account_served_line(worker, served, code, LOG_WARNING, "peer's request: slow");
    } else if (code != 0 && !account_passes(code)) {
        account_served_line(worker, served, code, LOG_WARNING, "peer's request: refused");
    } else if (code != 0 && trace_there(&served->trace)) {
        account_served_line(worker, served, code, LOG_INFO, "peer's request: refused");
    }
}
