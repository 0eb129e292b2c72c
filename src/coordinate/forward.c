/* Passing a request on to the node that should coordinate it: for a write the key's first healthy
 * owner, so that ordinary sequences of writes meet one coordinator; for a read any owner. A read
 * may be passed to the next one as well when the first keeps silent. A write may not: a coordinator
 * that has received it may have carried it out, so a silent one leaves the outcome unknown, while
 * one that refused, or was never reached, does not. */
#include "base/mutant.h"
#include "coordinate/coordinator.h"
#include "coordinate/traced.h"
#include "shoal/error.h"

int forward_index(const struct operation *operation, uint64_t node)
{
    for (uint32_t i = 0; i < operation->candidate_count; i++) {
        if (operation->candidates[i] == node) {
            return (int)i;
        }
    }
    return -1;
}

static void forward_add(struct operation *operation, uint64_t node)
{
    if (forward_index(operation, node) < 0) {
        operation->candidates[operation->candidate_count++] = node;
    }
}

/* Owners in the newest layout: the healthy in order, then those that are merely linked. */
static void forward_candidates(struct operation *operation)
{
    struct coordinator *coordinator = operation->coordinator;
    uint64_t owners[LIMIT_REPLICAS];
    uint32_t count = layout_owners(view_newest(coordinator->view), operation->partition, owners);
    bool read = operation->request->op == REQUEST_GET;
    operation->candidate_count = 0;
    operation->candidate_next = 0;
    operation->timed = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (owners[i] != coordinator->self &&
            reach_usable(coordinator->reach, owners[i], coordinator->now.mono_us) &&
            (read || coordinator_fit(coordinator, owners[i]))) {
            forward_add(operation, owners[i]);
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        if (owners[i] != coordinator->self && reach_linked(coordinator->reach, owners[i])) {
            forward_add(operation, owners[i]);
        }
    }
}

/* 0 when sent to the next candidate; a negative code when there is none left. */
static int forward_try(struct operation *operation)
{
    struct coordinator *coordinator = operation->coordinator;
    const struct request *request = operation->request;
    while (operation->candidate_next < operation->candidate_count) {
        uint64_t node = operation->candidates[operation->candidate_next++];
        struct message_forward forward = {
            .request =
                {
                    .id = operation->id,
                    .op = request->op,
                    .key = request->key,
                    .value = request->value,
                    .context = request->context,
                    .ttl_ms = request->ttl_ms,
                    .expiry_ms = request->expiry_ms,
                    .delta = request->delta,
                    .options = request->options,
                    .trace = operation_trace(operation, node, "FORWARD"),
                },
            .view_digest = coordinator->view->digest,
        };
        forward.request.options.timeout_us = request->deadline_us > coordinator->now.mono_us
                                                 ? request->deadline_us - coordinator->now.mono_us
                                                 : 1;
        buffer_clear(coordinator->frame);
        int result = message_forward_encode(&forward, coordinator->frame);
        if (result < 0) {
            return result;
        }
        if (coordinator_send(coordinator, node) == 0) {
            operation->sent = true;
            operation_asked_candidate(operation, operation->candidate_next - 1);
            coordinator_count(coordinator, coordinator->metrics.forwards);
            return 0;
        }
    }
    return SHOAL_EQUORUM;
}

static void forward_fail_unreachable(struct operation *operation)
{
    coordinator_fail(operation, SHOAL_EQUORUM,
                     "%s: no owner of key '%s' can be reached from here; nothing was applied, try "
                     "another node or try again later",
                     request_op_text(operation->request->op),
                     request_key_text(operation->coordinator, operation->request->key));
}

/* Nobody else is left to pass it on to, and nobody has it: if this node is an owner, it coordinates
 * after all. False when it is not; otherwise the operation is gone. */
static bool forward_take_back(struct operation *operation)
{
    struct coordinator *coordinator = operation->coordinator;
    struct request *request = operation->request;
    if (!view_owns(coordinator->view, coordinator->self, operation->partition) ||
        coordinator->self_clock_ahead) {
        return false;
    }
    operation->request = NULL;
    operation_free(operation);
    request->forward = false;
    request->forwarded = true; /* by itself: it makes no further hop */
    coordinator->courier.reroute(coordinator->courier.self, request);
    return true;
}

void forward_begin(struct operation *operation)
{
    struct coordinator *coordinator = operation->coordinator;
    forward_candidates(operation);
    if (forward_try(operation) < 0) {
        if (!forward_take_back(operation)) {
            operation_wait(operation, COORDINATOR_HEDGE_US_MIN); /* links may be coming up */
        }
        return;
    }
    uint64_t node = operation->candidates[operation->candidate_next - 1];
    operation_wait(operation, reach_hedge_us(coordinator->reach, node, COORDINATOR_HEDGE_US_MIN,
                                             COORDINATOR_HEDGE_US_MAX));
}

void forward_hedge(struct operation *operation)
{
    struct coordinator *coordinator = operation->coordinator;
    if (!operation->sent) {
        forward_candidates(operation);
        if (forward_try(operation) < 0 && !forward_take_back(operation) &&
            coordinator->now.mono_us - operation->started_us >= COORDINATOR_GRACE_US) {
            forward_fail_unreachable(operation);
        }
        return;
    }
    reach_silent(coordinator->reach, operation->candidates[operation->candidate_next - 1],
                 coordinator->now.mono_us);
    if (operation->request->op == REQUEST_GET ||
        (operation->request->op == REQUEST_ADD && MUTANT(redo_add))) {
        coordinator_count(coordinator, coordinator->metrics.hedges);
        (void)forward_try(operation);
    }
}

/* Would another owner perhaps do better? Nothing was applied. */
static bool forward_elsewhere(const struct message_result *result)
{
    switch (result->code) {
    case SHOAL_ENOTOWNER:
    case SHOAL_ESHUTDOWN:
    case SHOAL_EREFILLING:
    case SHOAL_ENOSPC: /* nothing was applied there; another owner's storage may do better */
    case SHOAL_EIO:
    case SHOAL_EOVERLOAD: /* or less may wait for its disk; each owner is asked once at most */
        return true;
    default:
        return false;
    }
}

void forward_on_result(struct operation *operation, uint64_t node,
                       const struct message_result *result)
{
    bool current = operation->sent && operation->candidates[operation->candidate_next - 1] == node;
    if (!current && (operation->request->op != REQUEST_GET || forward_elsewhere(result))) {
        return; /* late or again, from one that has been passed over: who has it now answers */
    }
    if (forward_elsewhere(result)) {
        operation->sent = false;
        if (forward_try(operation) == 0 || forward_take_back(operation)) {
            return;
        }
    }
    struct outcome outcome = {
        .code = result->code,
        .text = result->text,
        .context = result->context,
        .values = result->values,
        .value_count = result->value_count,
        .owners = result->owners,
        .fallbacks = result->fallbacks,
        .needed = result->needed,
        .number = result->number,
    };
    coordinator_complete(operation, &outcome);
    operation_free(operation);
}

void forward_on_link_down(struct operation *operation, uint64_t node)
{
    if (!operation->sent || operation->candidates[operation->candidate_next - 1] != node) {
        return;
    }
    if (operation->request->op == REQUEST_GET) {
        operation->sent = forward_try(operation) == 0;
        return;
    }
    coordinator_fail(
        operation, SHOAL_EUNKNOWN,
        "the connection to the key's coordinator %s broke; the %s may or may not be "
        "kept: read the key before trying again",
        operation->coordinator->courier.name(operation->coordinator->courier.self, node),
        request_op_text(operation->request->op));
}
