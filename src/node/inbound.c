/* Requests that other nodes pass on to this one, an owner: each becomes a request of this worker
 * with memory of its own, and its outcome goes back as a RESULT to the connection it came from. */
#include "base/memory.h"
#include "node/core.h"
#include "ring/partition.h"
#include "shoal/error.h"

struct inbound {
    struct request request;
    struct queue link;
    struct worker *worker;
    struct source source;
    uint64_t id;
    uint8_t bytes[]; /* key, value, context */
};

static void inbound_answer(struct worker *worker, struct source source, uint64_t id,
                           const struct outcome *outcome)
{
    struct message_result result;
    outcome_to_result(outcome, id, &result);
    buffer_clear(&worker->reply);
    if (message_result_encode(&result, &worker->reply) == 0) {
        worker_reply(worker, source, buffer_bytes(&worker->reply));
    }
}

static void inbound_free(struct inbound *inbound)
{
    queue_remove(&inbound->link);
    inbound->worker->inbound_count--;
    mem_free(inbound);
}

static void inbound_done(struct request *request, const struct outcome *outcome)
{
    struct inbound *inbound = request->user;
    inbound_answer(inbound->worker, inbound->source, inbound->id, outcome);
    inbound_free(inbound);
}

static struct bytes inbound_copy(uint8_t **at, struct bytes from)
{
    if (from.data == NULL) {
        return from;
    }
    struct bytes copy = bytes_make(*at, from.len);
    memcpy(*at, from.data, from.len);
    *at += from.len;
    return copy;
}

static struct inbound *inbound_new(struct worker *worker, struct source source,
                                   const struct message_request *ask)
{
    struct inbound *inbound =
        mem_alloc(sizeof(*inbound) + ask->key.len + ask->value.len + ask->context.len);
    if (inbound == NULL) {
        return NULL;
    }
    memset(inbound, 0, sizeof(*inbound));
    uint8_t *at = inbound->bytes;
    inbound->worker = worker;
    inbound->source = source;
    inbound->id = ask->id;
    struct request *request = &inbound->request;
    request->op = ask->op;
    request->key = inbound_copy(&at, ask->key);
    request->value = inbound_copy(&at, ask->value);
    request->context = inbound_copy(&at, ask->context);
    request->ttl_ms = ask->ttl_ms;
    request->expiry_ms = ask->expiry_ms;
    request->delta = ask->delta;
    request->options = ask->options;
    request->trace = ask->trace;
    request->surface = SURFACE_PEER;
    request->forwarded = true;
    request->done = inbound_done;
    request->user = inbound;
    queue_push(&worker->inbound, &inbound->link);
    worker->inbound_count++;
    return inbound;
}

static void inbound_refuse(struct worker *worker, struct source source, uint64_t id, int code)
{
    struct outcome outcome = {.code = code, .text = bytes_from_string(shoal_error_text(code))};
    inbound_answer(worker, source, id, &outcome);
}

void inbound_forward(struct worker *worker, struct source source,
                     const struct message_forward *forward)
{
    const struct message_request *ask = &forward->request;
    if (worker->stopping) {
        inbound_refuse(worker, source, ask->id, SHOAL_ESHUTDOWN);
        return;
    }
    if (worker->inbound_count >= LIMIT_REQUESTS_PER_WORKER) {
        inbound_refuse(worker, source, ask->id, SHOAL_EOVERLOAD);
        return;
    }
    struct inbound *inbound = inbound_new(worker, source, ask);
    if (inbound == NULL) {
        inbound_refuse(worker, source, ask->id, SHOAL_ENOMEM);
        return;
    }
    struct request *request = &inbound->request;
    account_begin(worker, request);
    request->origin = worker->index;
    request->deadline_us = worker_deadline_us(worker, ask->options.timeout_us);
    request->partition =
        partition_of_key(request->key, view_facts(worker->snapshot->view)->partitions);
    if (!unit_gate_shut(worker) || !unit_gate_request(worker, request)) {
        coordinator_start(&worker->coordinator, request);
    }
}

void inbound_close(struct worker *worker)
{
    while (!queue_empty(&worker->inbound)) {
        inbound_free(QUEUE_ITEM(worker->inbound.next, struct inbound, link));
    }
}
