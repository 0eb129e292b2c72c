/* The cluster as this node sees it, in the very shapes that the shoal command prints with --json:
 * status, ring and plan, and having all nodes repair now. */
#include "api/http/node_routes.h"

#include <stdio.h>
#include <string.h>

#include "api/native_nodes.h"
#include "base/text.h"
#include "node/worker.h"
#include "report/cluster_json.h"
#include "report/plan_json.h"
#include "ring/partition.h"
#include "ring/public.h"
#include "shoal/error.h"

/* As the command prints reals. */
#define JSON_FORM (JSON_COMPACT | JSON_REAL_PRECISION(9))

static void fail_memory(struct http_exchange *exchange)
{
    http_fail_code(exchange, SHOAL_ENOMEM, bytes_from_string("out of memory"));
}

static int append(const char *bytes, size_t len, void *buffer)
{
    return buffer_append(buffer, bytes, len) == 0 ? 0 : -1;
}

void http_answer_json(struct http_exchange *exchange, json_t *json)
{
    struct buffer text;
    buffer_init(&text, 0);
    bool written = json != NULL && json_dump_callback(json, append, &text, JSON_FORM) == 0 &&
                   buffer_append(&text, "\n", 1) == 0;
    json_decref(json);
    if (written) {
        http_add(exchange, "Cache-Control", "no-store");
        http_answer(exchange, 200, HTTP_JSON, buffer_bytes(&text));
    } else {
        fail_memory(exchange);
    }
    buffer_deinit(&text);
}

/* NULL: refused. */
static const struct snapshot *snapshot_or_fail(struct http_exchange *exchange)
{
    const struct snapshot *snapshot = worker_snapshot(exchange->worker);
    int code;
    const char *why = native_mute(snapshot, &code);
    if (why == NULL) {
        return snapshot;
    }
    http_fail(exchange, 503, "%s", why);
    return NULL;
}

/* ---- status ---------------------------------------------------------------------------------- */

void http_status(struct http_exchange *exchange)
{
    static const char *const names[] = {NULL};
    const struct snapshot *snapshot;
    if (http_parameters_only(exchange, names) != 0 ||
        (snapshot = snapshot_or_fail(exchange)) == NULL) {
        return;
    }
    struct message_status_reply reply;
    struct shoal_status status;
    int code = native_describe_status(exchange->arena, snapshot, &reply);
    if (code == 0) {
        code = public_status(exchange->arena, &reply, &status);
    }
    http_answer_json(exchange, code == 0 ? json_of_status(&status) : NULL);
}

/* ---- ring ------------------------------------------------------------------------------------ */

static int show_ring(struct http_exchange *exchange, const struct snapshot *snapshot,
                     const struct layout *layout, struct shoal_ring *out)
{
    struct message_ring_reply reply;
    int code = native_describe_ring(exchange->arena, snapshot, layout, &reply);
    return code == 0 ? public_ring(exchange->arena, &reply, out) : code;
}

static void answer_place(struct http_exchange *exchange, const struct shoal_ring *ring,
                         struct bytes key)
{
    http_answer_json(exchange, json_of_place(ring, shoal_bytes(key.data, key.len),
                                             partition_of_key(key, ring->partitions)));
}

/* While data moves there are older layouts in force, too: the oldest first. The command shows the
 * newest alone; who draws what moves needs both. */
static json_t *add_older(struct http_exchange *exchange, const struct snapshot *snapshot,
                         json_t *json)
{
    const struct view *view = snapshot->view;
    if (json == NULL || view->live_count < 2) {
        return json;
    }
    json_t *older = json_array();
    for (uint32_t i = 0; i + 1 < view->live_count; i++) {
        struct shoal_ring ring;
        json_t *one = show_ring(exchange, snapshot, view->live[i].layout, &ring) == 0
                          ? json_of_ring(&ring)
                          : NULL;
        (void)json_array_append_new(older, one);
    }
    if (json_array_size(older) + 1 < view->live_count ||
        json_object_set_new(json, "older", json_incref(older)) != 0) {
        json_decref(json);
        json = NULL;
    }
    json_decref(older);
    return json;
}

void http_ring(struct http_exchange *exchange)
{
    static const char *const names[] = {"key", NULL};
    const struct snapshot *snapshot;
    struct bytes key;
    if (http_parameters_only(exchange, names) != 0) {
        return;
    }
    if (http_parameter(exchange, "key", &key) != 0) {
        http_fail(exchange, 400, "key is there twice, or not percent-encoded as it should be");
        return;
    }
    if ((snapshot = snapshot_or_fail(exchange)) == NULL) {
        return;
    }
    struct shoal_ring ring;
    if (show_ring(exchange, snapshot, view_newest(snapshot->view), &ring) != 0) {
        fail_memory(exchange);
    } else if (key.data != NULL) {
        answer_place(exchange, &ring, key);
    } else {
        http_answer_json(exchange, add_older(exchange, snapshot, json_of_ring(&ring)));
    }
}

/* ---- plan and repair, which the core answers ------------------------------------------------- */

static void submit(struct http_exchange *exchange, uint32_t op, request_done done)
{
    exchange->request.op = op;
    exchange->request.done = done;
    exchange->request.user = exchange;
    worker_submit(exchange->worker, loop_now(exchange->loop), &exchange->request);
}

static void on_plan(struct request *request, const struct outcome *outcome)
{
    struct http_exchange *exchange = request->user;
    struct shoal_plan plan;
    if (outcome->code != 0) {
        http_fail_code(exchange, outcome->code, outcome->text);
        return;
    }
    int code = public_plan(exchange->arena, outcome->changed, &plan);
    http_answer_json(exchange, code == 0 ? json_of_plan(&plan) : NULL);
}

/* 0: none is given. SHOAL_EINVAL: it can't be a number of nodes. */
static int read_nodes(struct http_exchange *exchange, uint32_t *out)
{
    struct bytes given;
    char text[24];
    uint64_t nodes = 0;
    int code = http_parameter(exchange, "nodes", &given);
    if (code == 0 && given.data != NULL) {
        if (given.len == 0 || given.len >= sizeof(text)) {
            return SHOAL_EINVAL;
        }
        memcpy(text, given.data, given.len);
        text[given.len] = '\0';
        code = text_parse_u64(text, 1, LIMIT_MEMBERS, &nodes);
    }
    *out = (uint32_t)nodes;
    return code;
}

void http_plan(struct http_exchange *exchange)
{
    static const char *const names[] = {"nodes", NULL};
    uint32_t nodes = 0;
    if (http_parameters_only(exchange, names) != 0) {
        return;
    }
    int code = read_nodes(exchange, &nodes);
    struct message_change *change = arena_alloc(exchange->arena, sizeof(*change));
    if (code == SHOAL_EINVAL) {
        http_fail(exchange, 400, "nodes is to be a number from 1 to %u", LIMIT_MEMBERS);
    } else if (code != 0 || change == NULL) {
        fail_memory(exchange);
    } else {
        *change = (struct message_change){.op = CHANGE_PLAN, .nodes = nodes};
        exchange->request.change = change;
        submit(exchange, REQUEST_CHANGE, on_plan);
    }
}

static void on_repair(struct request *request, const struct outcome *outcome)
{
    struct http_exchange *exchange = request->user;
    struct shoal_repair repair;
    if (outcome->code != 0) {
        http_fail_code(exchange, outcome->code, outcome->text);
        return;
    }
    const struct message_repair_reply reply = {
        .told = outcome->owners, .nodes = outcome->needed, .text = outcome->text};
    int code = public_repair(exchange->arena, &reply, &repair);
    http_answer_json(exchange, code == 0 ? json_of_repair(&repair) : NULL);
}

void http_repair(struct http_exchange *exchange)
{
    static const char *const names[] = {NULL};
    if (http_parameters_only(exchange, names) == 0) {
        submit(exchange, REQUEST_REPAIR, on_repair);
    }
}
