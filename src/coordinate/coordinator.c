/* Beginning and ending operations, of whatever kind. See coordinator.h. */
#include "coordinate/fallback.h"
#include "coordinate/traced.h"
#include "coordinate/write.h"

#include "base/assert.h"
#include "base/memory.h"
#include "base/mutant.h"
#include "ring/partition.h"
#include "shoal/error.h"

#include <stdarg.h>
#include <stdio.h>

void coordinator_init(struct coordinator *coordinator)
{
    table_init(&coordinator->operations);
    queue_init(&coordinator->all);
    queue_init(&coordinator->free);
    coordinator->next_id = 1;
}

void coordinator_deinit(struct coordinator *coordinator)
{
    while (!queue_empty(&coordinator->all)) {
        operation_free(QUEUE_ITEM(coordinator->all.next, struct operation, link));
    }
    struct queue *link;
    while ((link = queue_pop(&coordinator->free)) != NULL) {
        operation_release(QUEUE_ITEM(link, struct operation, link));
    }
    table_deinit(&coordinator->operations);
}

/* ---- completion ---- */

void coordinator_count(struct coordinator *coordinator, metric_id metric)
{
    if (coordinator->metrics.registry != NULL) {
        metrics_add(coordinator->metrics.registry, coordinator->metrics.shard, metric, 1);
    }
}

void coordinator_complete(struct operation *operation, const struct outcome *outcome)
{
    struct coordinator *coordinator = operation->coordinator;
    struct request *request = operation->request;
    ASSERT(request != NULL);
    operation->request = NULL;
    request->waited = coordinator->heard;
    request->waited_node = coordinator->heard_node;
    if (outcome->code == SHOAL_EUNKNOWN) {
        coordinator_count(coordinator, coordinator->metrics.unknowns);
    } else if (outcome->code == SHOAL_EQUORUM) {
        coordinator_count(coordinator, coordinator->metrics.quorum_failures);
    }
    if (operation->begun && coordinator->courier.changed != NULL) {
        write_told(operation, request);
    }
    coordinator->courier.complete(coordinator->courier.self, request, outcome);
}

static struct bytes coordinator_format(struct coordinator *coordinator, const char *format,
                                       va_list arguments)
{
    enum { TEXT_BYTES = 2048 };
    char *text = arena_alloc(coordinator->arena, TEXT_BYTES);
    if (text == NULL) {
        return bytes_from_string("out of memory");
    }
    (void)vsnprintf(text, TEXT_BYTES, format, arguments);
    return bytes_from_string(text);
}

void coordinator_fail(struct operation *operation, int code, const char *format, ...)
{
    struct coordinator *coordinator = operation->coordinator;
    va_list arguments;
    va_start(arguments, format);
    struct bytes text = coordinator_format(coordinator, format, arguments);
    va_end(arguments);
    bool writing = operation->phase == OPERATION_WRITING;
    struct outcome outcome = {
        .code = operation->begun && !MUTANT(unknown_failed) ? SHOAL_EUNKNOWN : code,
        .text = text,
        .owners = writing ? fallback_owner_votes(operation) : operation_votes(operation),
        .fallbacks = writing ? fallback_votes(operation) : 0,
        .needed = writing ? operation->quorum.w : operation->quorum.r,
    };
    coordinator_complete(operation, &outcome);
    operation_free(operation);
}

void coordinator_refuse(struct coordinator *coordinator, struct request *request, int code,
                        const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    struct bytes text = coordinator_format(coordinator, format, arguments);
    va_end(arguments);
    struct outcome outcome = {.code = code, .text = text};
    coordinator->courier.complete(coordinator->courier.self, request, &outcome);
}

/* ---- beginning ---- */

bool coordinator_fit(const struct coordinator *coordinator, uint64_t node)
{
    const struct courier *courier = &coordinator->courier;
    bool ahead = node == coordinator->self ? coordinator->self_clock_ahead
                                           : courier->clock_ahead(courier->self, node);
    return !ahead && courier->storage(courier->self, node) == NODE_STORAGE_OK;
}

bool coordinator_is_ours(struct coordinator *coordinator, const struct request *request,
                         uint32_t partition)
{
    const struct layout *newest = view_newest(coordinator->view);
    if (request->op == REQUEST_GET) {
        return layout_owns(newest, coordinator->self, partition) ||
               view_owns(coordinator->view, coordinator->self, partition);
    }
    uint64_t owners[LIMIT_REPLICAS];
    uint32_t count = layout_owners(newest, partition, owners);
    bool owner = false;
    for (uint32_t i = 0; i < count; i++) {
        bool self = owners[i] == coordinator->self;
        bool fit = coordinator_fit(coordinator, owners[i]);
        if (self && fit) {
            return true;
        }
        owner = owner || self;
        if (!self && fit && reach_usable(coordinator->reach, owners[i], coordinator->now.mono_us)) {
            return false;
        }
    }
    return owner && !coordinator->self_clock_ahead; /* where storage fails it, it says so itself */
}

static void coordinator_coordinate(struct operation *operation)
{
    struct request *request = operation->request;
    int result = operation_place(operation);
    if (result < 0) {
        coordinator_fail(operation, result, "too many changes of layout are under way at once");
        return;
    }
    if (request->op != REQUEST_GET) {
        operation->basis = write_basis_now(operation);
    }
    if (request->op == REQUEST_GET || operation->basis == WRITE_READ) {
        operation->phase = OPERATION_READING;
        read_begin(operation);
    } else {
        operation->phase = OPERATION_WRITING;
        write_begin(operation);
    }
}

/* What the cluster has to say about the request before anything is done. */
static int coordinator_admit(struct coordinator *coordinator, struct request *request,
                             struct quorum *quorum)
{
    char why[128];
    int result = quorum_resolve(view_facts(coordinator->view), &request->options, quorum, why);
    if (result < 0) {
        coordinator_refuse(coordinator, request, result, "%s: %s", request_op_text(request->op),
                           why);
        return result;
    }
    if (quorum->dw > 0 && !coordinator->replica->engine->keeps_data) {
        coordinator_refuse(
            coordinator, request, SHOAL_EUNSUPPORTED,
            "dw=%u: the %s engine keeps nothing over a restart, so no write is durable", quorum->dw,
            coordinator->replica->engine->ops->name);
        return SHOAL_EUNSUPPORTED;
    }
    return 0;
}

uint64_t coordinator_expiry_ms(const struct coordinator *coordinator)
{
    bool exact = coordinator->alone || MUTANT(expire_early);
    uint64_t bound = exact ? 0 : coordinator->replica->clock.ahead_ms_max;
    uint64_t now_ms = coordinator->now.wall_ms;
    if (coordinator->self_clock_doubtful && !MUTANT(expire_early)) {
        return 0;
    }
    return now_ms > bound ? now_ms - bound : 0;
}

/* The disk of this worker takes less than is written, and another owner could give the dot. */
static bool coordinator_leaves(struct coordinator *coordinator, const struct request *request)
{
    if (request->op == REQUEST_GET || request->forwarded || !replica_behind(coordinator->replica)) {
        return false;
    }
    uint64_t owners[LIMIT_REPLICAS];
    const struct layout *newest = view_newest(coordinator->view);
    uint32_t count = layout_owners(newest, request->partition, owners);
    for (uint32_t i = 0; i < count; i++) {
        if (owners[i] != coordinator->self && coordinator_fit(coordinator, owners[i]) &&
            reach_usable(coordinator->reach, owners[i], coordinator->now.mono_us)) {
            return true;
        }
    }
    return false;
}

/* May this worker coordinate the request? Its sender may know better who is healthy, not who owns.
 */
static bool coordinator_may(struct coordinator *coordinator, const struct request *request)
{
    bool changes = request->op != REQUEST_GET;
    return view_owns(coordinator->view, coordinator->self, request->partition) &&
           (!changes || !coordinator->self_clock_ahead || MUTANT(ahead_writes));
}

void coordinator_start(struct coordinator *coordinator, struct request *request)
{
    struct quorum quorum;
    coordinator_hear(coordinator, WAIT_NOTHING, 0);
    request->begun_us = coordinator->now.mono_us;
    request->waited = WAIT_NOTHING;
    if (coordinator_admit(coordinator, request, &quorum) < 0) {
        return;
    }
    bool list = request->op == REQUEST_LIST;
    bool forward = request->forward;
    if (!list && !forward && !coordinator_may(coordinator, request)) {
        if (request->forwarded) {
            coordinator_refuse(coordinator, request, SHOAL_ENOTOWNER,
                               "this node does not coordinate key '%s'",
                               request_key_text(coordinator, request->key));
            return;
        }
        forward = true; /* it was this node's when it came in; the view has changed since */
    }
    if (!list && !forward && coordinator_leaves(coordinator, request)) {
        forward = true;
    }
    struct engine_key key = {0};
    if (!list && !forward) {
        key = replica_key(coordinator->replica, request->partition, request->key);
        replica_expect(coordinator->replica, &key);
    }
    struct operation *operation =
        operation_new(coordinator, request, list ? OPERATION_LISTING : OPERATION_FORWARDING);
    if (operation == NULL) {
        coordinator_refuse(coordinator, request, SHOAL_EOVERLOAD,
                           "more than %u requests in flight on one worker: try again later",
                           LIMIT_REQUESTS_PER_WORKER);
        return;
    }
    operation->quorum = quorum;
    operation->key = key;
    if (request->span != 0) {
        traced_begin(operation);
    }
    if (list) {
        list_begin(operation);
    } else if (forward) {
        forward_begin(operation);
    } else {
        coordinator_coordinate(operation);
    }
}

/* ---- looking in ---- */

bool coordinator_idle(const struct coordinator *coordinator)
{
    const struct queue *link = coordinator->all.next;
    for (; link != &coordinator->all; link = link->next) {
        if (QUEUE_ITEM(link, const struct operation, link)->request != NULL) {
            return false;
        }
    }
    return true;
}

void coordinator_check(const struct coordinator *coordinator)
{
    uint32_t count = 0;
    const struct queue *link = coordinator->all.next;
    for (; link != &coordinator->all; link = link->next) {
        const struct operation *operation = QUEUE_ITEM(link, const struct operation, link);
        ASSERT(table_get(&coordinator->operations, operation->id) == operation);
        ASSERT((operation->voted & operation->waiting) == 0);
        ASSERT((operation->request == NULL) == (operation->phase == OPERATION_LINGERING));
        ASSERT(timer_running(&operation->deadline));
        count++;
    }
    ASSERT(count == coordinator->count);
}
