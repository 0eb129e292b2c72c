/* Who has to wait: for a key that a unit has locked, or at the gate of the whole worker, which is
 * closed while a unit has everything locked or waits for that, and after a start until what the run
 * before left half done is done. Everybody waits in the order of coming, and tries again from the
 * start when called.
 *
 * To lock everything, nothing new begins, and who has begun comes to an end: units that hold locks,
 * and requests that have not been answered. */
#include "base/assert.h"
#include "base/memory.h"
#include "node/core.h"
#include "shoal/error.h"

/* ---- requests ---- */

/* A plain request that waits. */
struct gate_request {
    struct queue link; /* in units->requests */
    struct lock_waiter waiter;
    struct timer deadline;
    struct worker *worker;
    struct request *request;
};

static struct request *gate_request_end(struct gate_request *gate)
{
    struct worker *worker = gate->worker;
    struct request *request = gate->request;
    timers_stop(&worker->timers, &gate->deadline);
    unit_lock_leave(&gate->waiter);
    queue_remove(&gate->link);
    worker->units.waiting--;
    mem_free(gate);
    return request;
}

static void gate_request_fire(struct lock_waiter *waiter)
{
    struct gate_request *gate = QUEUE_ITEM(waiter, struct gate_request, waiter);
    struct worker *worker = gate->worker;
    worker_execute(worker, gate_request_end(gate));
}

static void gate_request_on_deadline(struct timer *timer, uint64_t now_us)
{
    struct gate_request *gate = QUEUE_ITEM(timer, struct gate_request, deadline);
    struct worker *worker = gate->worker;
    struct outcome outcome = {
        .code = SHOAL_ETIMEOUT,
        .text = bytes_from_string("the key is locked by a transaction that is waiting for others "
                                  "or for the disk; nothing was applied")};
    (void)now_us;
    worker_complete(worker, gate_request_end(gate), &outcome);
}

static bool gate_is_of_keys(const struct request *request)
{
    return request->op != REQUEST_LIST && request->op <= REQUEST_LIST;
}

/* Waits at the lock; at the gate where `position` is NULL. */
static void gate_request_enter(struct worker *worker, struct request *request,
                               const uint64_t *position)
{
    struct units *units = &worker->units;
    struct outcome outcome = {
        .code = SHOAL_EOVERLOAD,
        .text = bytes_from_string("too many requests wait for a transaction; nothing was applied")};
    struct gate_request *gate =
        units->waiting < LIMIT_REQUESTS_PER_WORKER ? mem_alloc_zeroed(1, sizeof(*gate)) : NULL;
    if (gate == NULL) {
        worker_complete(worker, request, &outcome);
        return;
    }
    units->waiting++;
    gate->worker = worker;
    gate->request = request;
    gate->waiter.fire = gate_request_fire;
    gate->deadline.fire = gate_request_on_deadline;
    queue_init(&gate->waiter.link);
    queue_push(&units->requests, &gate->link);
    if (timers_start(&worker->timers, &gate->deadline, request->deadline_us) < 0) {
        worker_complete(worker, gate_request_end(gate), &outcome);
    } else if (position != NULL) {
        unit_lock_wait(&units->locks, *position, &gate->waiter);
    } else {
        queue_push(&units->gate, &gate->waiter.link);
    }
}

bool unit_gate_request(struct worker *worker, struct request *request)
{
    struct units *units = &worker->units;
    if (request->op > REQUEST_LIST) {
        return false; /* what operators ask */
    }
    if (units->closed) {
        gate_request_enter(worker, request, NULL);
        return true;
    }
    if (gate_is_of_keys(request) && units->locks.held > 0) {
        uint64_t position =
            replica_key(&worker->replica, request->partition, request->key).position;
        if (!unit_lock_free(&units->locks, position, NULL)) {
            gate_request_enter(worker, request, &position);
            return true;
        }
    }
    return false;
}

/* ---- units ---- */

const struct unit_place *unit_locked(const struct worker *worker, const struct unit_work *work)
{
    const struct unit_locks *locks = &worker->units.locks;
    for (uint32_t i = 0; i < work->count && locks->held > 0; i++) {
        if (!unit_lock_free(locks, work->places[i].key.position, work)) {
            return &work->places[i];
        }
    }
    return NULL;
}

/* Locks of keys only: while everything is about to be locked, what has begun has to come to its
 * end. */
bool worker_key_locked(void *self, const struct engine_key *key)
{
    const struct worker *worker = self;
    const struct unit_locks *locks = &worker->units.locks;
    return locks->held > 0 && !unit_lock_free(locks, key->position, NULL);
}

bool unit_key_locked(const struct worker *worker, const struct engine_key *key)
{
    return worker->units.closed || worker_key_locked((void *)(uintptr_t)worker, key);
}

void unit_gate_wait(struct worker *worker, struct unit_work *work)
{
    ASSERT(worker->units.closed);
    queue_push(&worker->units.gate, &work->waiter.link);
}

int unit_lock_all(struct unit_work *work)
{
    struct unit_locks *locks = &work->worker->units.locks;
    for (; work->locked < work->count; work->locked++) {
        int result = unit_lock_take(locks, work->places[work->locked].key.position, work);
        if (result < 0) {
            unit_unlock_all(work);
            return result;
        }
    }
    return 0;
}

void unit_unlock_all(struct unit_work *work)
{
    struct unit_locks *locks = &work->worker->units.locks;
    uint32_t count = work->locked;
    work->locked = 0;
    for (uint32_t i = 0; i < count; i++) {
        unit_lock_release(locks, work->places[i].key.position, work);
    }
    if (work->whole) {
        unit_thaw(work);
    }
}

/* ---- everything ---- */

static bool gate_quiet(const struct worker *worker)
{
    return worker->units.locks.held == 0 && coordinator_idle(&worker->coordinator);
}

int unit_freeze(struct unit_work *work)
{
    struct worker *worker = work->worker;
    struct units *units = &worker->units;
    ASSERT(!units->closed && units->freeze == NULL);
    units->freeze = work;
    units->frozen = gate_quiet(worker);
    units->closed = true;
    work->whole = true;
    return units->frozen ? 0 : 1;
}

void unit_thaw(struct unit_work *work)
{
    struct units *units = &work->worker->units;
    ASSERT(units->freeze == work);
    work->whole = false;
    units->freeze = NULL;
    units->frozen = false;
    unit_gate_review(work->worker);
}

void unit_gate_review(struct worker *worker)
{
    struct units *units = &worker->units;
    struct queue *link;
    if (units->freeze != NULL && !units->frozen && gate_quiet(worker)) {
        units->frozen = true;
        units->freeze->then(units->freeze, 0);
    }
    units->closed = units->freeze != NULL || units->redo != NULL || units->barred;
    if (units->opening) {
        return; /* whoever is calling them goes on */
    }
    units->opening = true;
    while (!units->closed && (link = queue_pop(&units->gate)) != NULL) {
        struct lock_waiter *waiter = QUEUE_ITEM(link, struct lock_waiter, link);
        waiter->fire(waiter);
    }
    units->opening = false;
}

void unit_gate_deinit(struct worker *worker)
{
    struct units *units = &worker->units;
    while (!queue_empty(&units->requests)) {
        struct gate_request *gate = QUEUE_ITEM(units->requests.next, struct gate_request, link);
        (void)gate_request_end(gate);
    }
}
