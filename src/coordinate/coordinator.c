/* Beginning, answering and ending operations; what all kinds share. See coordinator.h. */
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
        .code = operation->begun ? SHOAL_EUNKNOWN : code,
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
        if (self && fit && !replica_behind(coordinator->replica)) {
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
    if (coordinator->self_clock_ahead && !MUTANT(expire_early)) {
        return 0;
    }
    return now_ms > bound ? now_ms - bound : 0;
}

/* May this worker coordinate the request? Its sender may know better who is healthy, not who owns.
 */
static bool coordinator_may(struct coordinator *coordinator, const struct request *request)
{
    bool changes = request->op != REQUEST_GET;
    return view_owns(coordinator->view, coordinator->self, request->partition) &&
           (!changes || !coordinator->self_clock_ahead || MUTANT(ahead_writes));
}

static void coordinator_hear(struct coordinator *coordinator, uint32_t what, uint64_t node)
{
    coordinator->heard = what;
    coordinator->heard_node = node;
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

/* ---- answers ---- */

int coordinator_send(struct coordinator *coordinator, uint64_t node)
{
    return coordinator->courier.send(coordinator->courier.self, node,
                                     buffer_bytes(coordinator->frame));
}

bool coordinator_knows(const struct coordinator *coordinator, uint64_t view_digest)
{
    if (view_digest == coordinator->view->digest) {
        return true;
    }
    for (uint32_t i = 0; i < coordinator->included_count; i++) {
        if (coordinator->included[i] == view_digest) {
            return true;
        }
    }
    return false;
}

int coordinator_accounts(struct coordinator *coordinator, struct operation *operation,
                         uint32_t target, uint64_t view_digest, struct bytes view)
{
    if (coordinator_knows(coordinator, view_digest) || MUTANT(view_unchecked)) {
        return 1;
    }
    if (view.data == NULL) {
        /* It knew our view of then, which has grown since: ask again under the present one. */
        operation->asked &= ~operation_bit(target);
        return 0;
    }
    uint64_t ticket = coordinator->courier.learn(coordinator->courier.self, view_digest, view);
    if (ticket <= coordinator->ticket_done) {
        return 1; /* joined before now */
    }
    if (ticket == COURIER_NO_TICKET) {
        return 0; /* the hedge timer asks again */
    }
    if (operation->waiting == 0 || ticket < operation->ticket_first) {
        operation->ticket_first = ticket;
    }
    if (operation->waiting == 0 || ticket > operation->ticket) {
        operation->ticket = ticket;
    }
    operation->waiting |= operation_bit(target);
    return 0;
}

static struct operation *coordinator_find(struct coordinator *coordinator, uint64_t id,
                                          uint64_t node, int *target)
{
    struct operation *operation = table_get(&coordinator->operations, id);
    if (operation == NULL) {
        return NULL;
    }
    *target = placement_index(&operation->placement, node);
    return operation;
}

static void coordinator_note_answer(struct operation *operation, uint64_t node)
{
    struct coordinator *coordinator = operation->coordinator;
    if (node != coordinator->self) {
        reach_answered(coordinator->reach, node, coordinator->now.mono_us - operation->last_ask_us);
    }
}

void coordinator_on_result(struct coordinator *coordinator, uint64_t node,
                           const struct message_result *result)
{
    int target;
    struct operation *operation = coordinator_find(coordinator, result->id, node, &target);
    if (operation == NULL || operation->phase != OPERATION_FORWARDING) {
        return;
    }
    coordinator_note_answer(operation, node);
    coordinator_hear(coordinator, WAIT_FORWARD, node);
    if (operation->traced != NULL) {
        traced_answer(operation, node, result->code);
    }
    forward_on_result(operation, node, result);
}

void coordinator_on_stored(struct coordinator *coordinator, uint64_t node,
                           const struct message_stored *stored)
{
    int target;
    struct operation *operation = coordinator_find(coordinator, stored->id, node, &target);
    if (operation == NULL || operation->phase != OPERATION_WRITING) {
        return;
    }
    int fallback = target < 0 ? fallback_index(operation, node) : -1;
    if (target >= 0 || fallback >= 0) {
        coordinator_note_answer(operation, node);
        coordinator_hear(coordinator, WAIT_PEER, node);
        if (operation->traced != NULL) {
            traced_answer(operation, node, stored->code);
        }
    }
    if (target >= 0) {
        write_on_stored(operation, (uint32_t)target, stored);
    } else if (fallback >= 0) {
        fallback_on_stored(operation, (uint32_t)fallback, stored);
    }
}

void coordinator_on_fetched(struct coordinator *coordinator, uint64_t node,
                            const struct message_fetched *fetched)
{
    int target;
    struct operation *operation = coordinator_find(coordinator, fetched->id, node, &target);
    if (operation == NULL || target < 0 ||
        (operation->phase != OPERATION_READING && operation->phase != OPERATION_LINGERING)) {
        return;
    }
    coordinator_note_answer(operation, node);
    coordinator_hear(coordinator, WAIT_PEER, node);
    if (operation->traced != NULL) {
        traced_answer(operation, node, fetched->code);
    }
    read_on_fetched(operation, (uint32_t)target, fetched);
}

void coordinator_on_scanned(struct coordinator *coordinator, uint64_t node,
                            const struct message_scanned *scanned, struct bytes payload)
{
    /* Listings give each partition an id of its own behind the operation's: see list.c. */
    struct operation *operation = table_get(&coordinator->operations, scanned->id);
    if (operation == NULL || operation->phase != OPERATION_LISTING) {
        return;
    }
    coordinator_hear(coordinator, WAIT_PEER, node);
    list_on_scanned(operation, node, scanned, payload);
}

/* ---- changes around the operations ---- */

static void coordinator_rejudge(struct operation *operation)
{
    struct coordinator *coordinator = operation->coordinator;
    if (operation->phase == OPERATION_FORWARDING || operation->phase == OPERATION_LINGERING) {
        return; /* these ask no quorum */
    }
    if (operation->phase == OPERATION_LISTING) {
        list_judge(operation);
        return;
    }
    int result = operation_place(operation);
    if (result < 0) {
        coordinator_fail(operation, result, "too many changes of layout are under way at once; %s",
                         operation_fate(operation));
        return;
    }
    /* Positions are hashed with the cluster's seed, and this may be another cluster now. */
    operation->key = replica_key(coordinator->replica, operation->partition, operation->key.key);
    if (operation->ticket_first <= coordinator->ticket_void) {
        operation->asked &= ~operation->waiting;
        operation->waiting = 0;
    } else if (operation->ticket <= coordinator->ticket_done) {
        operation->voted |= operation->waiting;
        operation->waiting = 0;
    }
    if (operation->phase == OPERATION_READING) {
        read_judge(operation);
    } else {
        write_judge(operation);
    }
}

void coordinator_adopt(struct coordinator *coordinator)
{
    coordinator_hear(coordinator, WAIT_VIEW, 0);
    struct queue *link = coordinator->all.next;
    while (link != &coordinator->all) {
        struct queue *next = link->next; /* judging frees at most this one */
        coordinator_rejudge(QUEUE_ITEM(link, struct operation, link));
        link = next;
    }
}

/* What an owner has confirmed of a write in flight rests on the holding that it had then. It may
 * come back without, be filled by others who have not heard of the write either, and count again;
 * so it is asked again. */
static void coordinator_void_vote(struct operation *operation, uint64_t node)
{
    int target = placement_index(&operation->placement, node);
    if (MUTANT(vote_outlives)) {
        return;
    }
    if (target < 0) {
        fallback_void(operation, node);
        return;
    }
    uint64_t others = ~operation_bit((uint32_t)target);
    operation->asked &= others;
    operation->voted &= others;
    operation->durable &= others;
    operation->vouched &= others;
    operation->waiting &= others;
}

void coordinator_on_link(struct coordinator *coordinator, uint64_t node, bool up)
{
    if (up) {
        return; /* the hedge timers ask again */
    }
    coordinator_hear(coordinator, WAIT_VIEW, node);
    struct queue *link = coordinator->all.next;
    while (link != &coordinator->all) {
        struct queue *next = link->next;
        struct operation *operation = QUEUE_ITEM(link, struct operation, link);
        if (operation->phase == OPERATION_FORWARDING) {
            forward_on_link_down(operation, node);
        } else if (operation->phase == OPERATION_WRITING) {
            coordinator_void_vote(operation, node);
        }
        link = next;
    }
}

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
