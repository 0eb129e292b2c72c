/* Requests on their way through the workers: to the one that owns the partition, and back to the
 * one they came from, with an outcome whose memory crosses with them. */
#include "base/assert.h"
#include "base/memory.h"
#include "base/mutant.h"
#include "node/core.h"
#include "node/outcome_copy.h"
#include "node/steward.h"
#include "ring/partition.h"
#include "shoal/error.h"

/* ---- completing ---- */

void worker_complete(struct worker *worker, struct request *request, const struct outcome *outcome)
{
    request->ended_us = worker->now.mono_us;
    if (request->origin == worker->index) {
        account_done(worker, request, outcome);
        request->done(request, outcome);
        return;
    }
    request->outcome_memory = NULL;
    if (outcome_copy(outcome, &request->outcome, &request->outcome_memory) < 0) {
        /* What was done stands; the answer is lost to lack of memory, a failure's text only. */
        bool changes = request_writes(request->op) || request->op == REQUEST_CHANGE;
        int lost = changes ? SHOAL_EUNKNOWN : SHOAL_ENOMEM;
        request->outcome = (struct outcome){
            .code = outcome->code == 0 ? lost : outcome->code,
            .text = bytes_from_string("there is no memory for all of the answer"),
        };
    }
    worker_post(worker, request->origin, &request->letter, LETTER_DONE);
}

/* Repair yields to requests by how long they take here. */
static void worker_time_request(struct worker *worker, const struct request *request)
{
    uint64_t timeout_us = request->options.timeout_us;
    uint64_t wait_us = timeout_us == 0 ? worker->config->request_timeout_us : timeout_us;
    uint64_t now_us = worker->now.mono_us;
    if (request->op <= REQUEST_EXPIRE && request->deadline_us > wait_us &&
        now_us >= request->deadline_us - wait_us) {
        pace_served(&worker->pace, now_us, now_us - (request->deadline_us - wait_us));
    }
}

void worker_on_complete(void *self, struct request *request, const struct outcome *outcome)
{
    struct worker *worker = self;
    worker_time_request(worker, request);
    worker_complete(worker, request, outcome);
}

void worker_reroute(void *self, struct request *request)
{
    struct worker *worker = self;
    uint32_t to = worker_of_partition(worker, request->partition);
    if (to != worker->index && request->origin == worker->index) {
        worker->crossing++;
    }
    worker_post(worker, to, &request->letter, LETTER_REQUEST);
}

void worker_on_done(struct worker *worker, struct request *request)
{
    void *memory = request->outcome_memory;
    struct outcome outcome = request->outcome;
    worker->crossing--;
    account_done(worker, request, &outcome);
    request->done(request, &outcome);
    mem_free(memory);
}

/* ---- beginning ---- */

static void worker_refuse(struct worker *worker, struct request *request, int code,
                          const char *text)
{
    struct outcome outcome = {.code = code, .text = bytes_from_string(text)};
    worker_complete(worker, request, &outcome);
}

/* Carries out a request here, whichever worker it came from. */
void worker_execute(struct worker *worker, struct request *request)
{
    bool changes = request_writes(request->op);
    if (request->op == REQUEST_JOIN) {
        steward_join(worker->steward, request);
    } else if (request->op == REQUEST_CHANGE) {
        steward_change(worker->steward, request);
    } else if (request->op == REQUEST_BACKUP) {
        worker_backup(worker, request);
    } else if (worker->snapshot == NULL) {
        worker_refuse(worker, request, SHOAL_EQUORUM,
                      "this node is in no cluster yet: wait for it to join, or join it with "
                      "join-cluster; nothing was applied");
    } else if (view_removed(worker->snapshot->view, worker->snapshot->self)) {
        worker_refuse(worker, request, SHOAL_EPERM, WORKER_REMOVED_TEXT);
    } else if (request->op == REQUEST_VERIFY) {
        worker_verify(worker, request);
    } else if (request->op == REQUEST_REPAIR) {
        repair_now(worker, request);
    } else if (changes && worker->parting) {
        worker_refuse(worker, request, SHOAL_ESHUTDOWN,
                      "this node is stopping; nothing was applied, try another");
    } else if (changes && worker->snapshot->closed) {
        worker_refuse(
            worker, request, SHOAL_EQUORUM,
            "this node is joining a cluster and takes no writes until it has; nothing was "
            "applied");
    } else if (!unit_gate_shut(worker) || !unit_gate_request(worker, request)) {
        coordinator_start(&worker->coordinator, request);
    }
}

static uint32_t worker_for(struct worker *worker, struct request *request)
{
    if (request->op == REQUEST_JOIN || request->op == REQUEST_REPAIR ||
        request->op == REQUEST_CHANGE) {
        return 0;
    }
    if (worker->snapshot == NULL || request->op == REQUEST_LIST || request->op == REQUEST_BACKUP ||
        request->op == REQUEST_VERIFY) {
        return worker->index;
    }
    request->partition =
        partition_of_key(request->key, view_facts(worker->snapshot->view)->partitions);
    request->forward = !coordinator_is_ours(&worker->coordinator, request, request->partition);
    return !request->forward && !MUTANT(wrong_worker)
               ? worker_of_partition(worker, request->partition)
               : worker->index;
}

void worker_take_request(struct worker *worker, struct request *request)
{
    worker->ops += request->op <= REQUEST_LIST ? 1 : 0;
    account_begin(worker, request);
    request->origin = worker->index;
    request->forward = false;
    request->deadline_us = worker_deadline_us(worker, request->options.timeout_us);
    if (worker->stopping) {
        worker_refuse(worker, request, SHOAL_ESHUTDOWN,
                      "this node is stopping; nothing was applied, try another");
    } else {
        uint32_t to = worker_for(worker, request);
        if (to == worker->index) {
            worker_execute(worker, request);
        } else {
            worker->crossing++;
            worker_post(worker, to, &request->letter, LETTER_REQUEST);
        }
    }
}
