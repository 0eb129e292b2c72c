/* The life of an operation's memory, and its timers. See operation.h. */
#include "coordinate/operation.h"

#include "base/assert.h"
#include "base/memory.h"
#include "base/prefetch.h"
#include "coordinate/fallback.h"
#include "coordinate/traced.h"
#include "shoal/error.h"

/* Operations kept for reuse; a burst of more goes back to memory. */
#define OPERATION_KEEP 1024u

/* Buffers that a large request made grow beyond this are given back. */
#define OPERATION_KEEP_BYTES (64u * LIMIT_KIB)

#define OPERATION_BUSY_BYTES offsetof(struct operation, reading_bytes)

static void operation_on_deadline(struct timer *timer, uint64_t now_us)
{
    struct operation *operation = QUEUE_ITEM(timer, struct operation, deadline);
    (void)now_us;
    if (operation->phase == OPERATION_LINGERING) {
        operation_free(operation);
        return;
    }
    operation->coordinator->heard = WAIT_SILENCE;
    double seconds =
        (double)(operation->coordinator->now.mono_us - operation->started_us) / 1000000.0;
    const char *what = request_op_text(operation->request->op);
    uint32_t votes = operation_votes(operation);
    bool changes = request_writes(operation->request->op);
    if (operation->phase == OPERATION_WRITING && operation->issued) {
        coordinator_fail(operation, SHOAL_EUNKNOWN, "%s within %.3g s%s%s; %s",
                         operation_reached(operation), seconds, write_doubt_text(operation),
                         write_full_fallbacks_text(operation), operation_fate(operation));
    } else if (operation->phase == OPERATION_FORWARDING && changes && operation->sent) {
        coordinator_fail(
            operation, SHOAL_EUNKNOWN,
            "the key's coordinator did not answer within %.3g s; the %s may or may not "
            "be kept: read the key before trying again",
            seconds, what);
    } else if (operation->phase == OPERATION_READING) {
        coordinator_fail(operation, changes ? SHOAL_EQUORUM : SHOAL_ETIMEOUT,
                         "%s: %u of R=%u owners answered within %.3g s; %s", what, votes,
                         operation->quorum.r, seconds, operation_fate(operation));
    } else {
        coordinator_fail(operation, SHOAL_ETIMEOUT, "%s: not done within %.3g s; %s", what, seconds,
                         operation_fate(operation));
    }
}

static void operation_on_hedge(struct timer *timer, uint64_t now_us)
{
    struct operation *operation = QUEUE_ITEM(timer, struct operation, hedge);
    operation->hedge_us *= 2;
    if (operation->hedge_us > COORDINATOR_GRACE_US) {
        operation->hedge_us = COORDINATOR_GRACE_US;
    }
    operation->coordinator->heard = WAIT_SILENCE;
    /* The heap has room: this timer has just left it. */
    (void)timers_start(operation->coordinator->timers, timer, now_us + operation->hedge_us);
    switch (operation->phase) {
    case OPERATION_FORWARDING:
        forward_hedge(operation);
        return;
    case OPERATION_READING:
        read_hedge(operation);
        return;
    case OPERATION_WRITING:
        write_hedge(operation);
        return;
    case OPERATION_LISTING:
        list_hedge(operation);
        return;
    case OPERATION_LINGERING:
        return;
    }
}

static void operation_on_local(struct read_waiter *waiter, int code)
{
    struct operation *operation = QUEUE_ITEM(waiter, struct operation, local);
    operation->local_waits = false;
    operation->coordinator->heard = WAIT_DISK;
    if (operation->traced != NULL) {
        traced_waited(operation, TRACED_READ, code);
    }
    if (operation->phase == OPERATION_WRITING) {
        write_on_local(operation, code);
    } else {
        read_on_local(operation, code);
    }
}

void operation_await_local(struct operation *operation)
{
    ASSERT(!operation->local_waits);
    operation->local.fire = operation_on_local;
    operation->local_waits = true;
    if (operation->traced != NULL) {
        traced_wait(operation, TRACED_READ);
    }
    replica_wait(operation->coordinator->replica, &operation->local);
}

/* What nearly every request touches: the first part, and of the placement what few owners take. */
static void operation_prefetch(const struct queue *link)
{
    const struct operation *operation =
        QUEUE_ITEM((struct queue *)(uintptr_t)link, struct operation, link);
    const struct placement *placement = &operation->placement;
    prefetch_bytes(operation, OPERATION_BUSY_BYTES);
    prefetch_bytes(placement, PREFETCH_LINE_BYTES);
    prefetch_bytes(placement->owners, sizeof(placement->owners[0]));
    prefetch_bytes(placement->present, sizeof(placement->present[0]));
}

static struct operation *operation_take(struct coordinator *coordinator)
{
    struct queue *link = queue_pop(&coordinator->free);
    if (link != NULL) {
        operation_prefetch(coordinator->free.next->next); /* for the time after the next */
        coordinator->free_count--;
        return QUEUE_ITEM(link, struct operation, link);
    }
    struct operation *operation = mem_alloc_zeroed(1, sizeof(*operation));
    if (operation != NULL) {
        queue_init(&operation->link);
        buffer_init(&operation->key_copy, 0);
        buffer_init(&operation->merged, 0);
        buffer_init(&operation->answers, 0);
        buffer_init(&operation->token, 0);
    }
    return operation;
}

static void operation_reset(struct operation *operation)
{
    operation->request = NULL;
    operation->allowed = 0;
    operation->asked = 0;
    operation->voted = 0;
    operation->refused = 0;
    operation->waiting = 0;
    operation->damaged = 0;
    operation->durable = 0;
    operation->ticket_first = 0;
    operation->ticket = 0;
    operation->known_told = 0;
    operation->kept = 0;
    operation->differs = false;
    operation->timed = 0;
    operation->traced = NULL;
    operation->reading_bytes = 0;
    operation->over_budget = false;
    operation->basis = WRITE_CONTEXT;
    operation->issued = false;
    operation->begun = false;
    operation->number = 0;
    operation->put_expiry_ms = 0;
    operation->put_bytes = 0;
    operation->vouched = 0;
    operation->disputed = 0;
    operation->abstained = 0;
    operation->confirm_waits = false;
    operation->local_waits = false;
    operation->fallback_refusal = 0;
    fallback_reset(operation);
    operation->candidate_count = 0;
    operation->candidate_next = 0;
    operation->sent = false;
    operation->listing = NULL;
    operation->placement.node_count = 0;
    buffer_clear(&operation->key_copy);
    buffer_clear(&operation->merged);
    buffer_clear(&operation->answers);
    buffer_clear(&operation->token);
}

struct operation *operation_new(struct coordinator *coordinator, struct request *request,
                                enum operation_phase phase)
{
    if (coordinator->count >= LIMIT_REQUESTS_PER_WORKER) {
        return NULL;
    }
    struct operation *operation = operation_take(coordinator);
    if (operation == NULL) {
        return NULL;
    }
    operation_reset(operation);
    operation->coordinator = coordinator;
    operation->id = coordinator->next_id;
    operation->phase = phase;
    operation->request = request;
    operation->partition = request->partition;
    operation->started_us = coordinator->now.mono_us;
    operation->deadline.fire = operation_on_deadline;
    operation->hedge.fire = operation_on_hedge;
    if (table_put(&coordinator->operations, operation->id, operation) < 0) {
        queue_push(&coordinator->free, &operation->link);
        coordinator->free_count++;
        return NULL;
    }
    coordinator->next_id++;
    ASSERT(coordinator->next_id < COORDINATOR_ID_LIMIT);
    coordinator->count++;
    queue_push(&coordinator->all, &operation->link);
    return operation;
}

int operation_renumber(struct operation *operation)
{
    struct coordinator *coordinator = operation->coordinator;
    (void)table_remove(&coordinator->operations, operation->id);
    operation->id = coordinator->next_id++;
    ASSERT(coordinator->next_id < COORDINATOR_ID_LIMIT);
    return table_put(&coordinator->operations, operation->id, operation);
}

void operation_forget_answers(struct operation *operation)
{
    if (operation->confirm_waits) {
        durability_cancel(&operation->confirm);
        operation->confirm_waits = false;
    }
    operation->asked = 0;
    operation->voted = 0;
    operation->refused = 0;
    operation->damaged = 0;
    operation->waiting = 0;
    operation->durable = 0;
    operation->vouched = 0;
    operation->abstained = 0;
    operation->timed = 0;
    fallback_reset(operation);
}

void operation_release(struct operation *operation)
{
    buffer_deinit(&operation->key_copy);
    buffer_deinit(&operation->merged);
    buffer_deinit(&operation->answers);
    buffer_deinit(&operation->token);
    mem_free(operation);
}

static void operation_trim(struct buffer *buffer)
{
    if (buffer->capacity > OPERATION_KEEP_BYTES) {
        buffer_deinit(buffer);
        buffer_init(buffer, 0);
    }
}

void operation_hold(struct operation *operation, size_t bytes)
{
    struct coordinator *coordinator = operation->coordinator;
    ASSERT(coordinator->reading_bytes >= operation->reading_bytes);
    coordinator->reading_bytes += bytes - operation->reading_bytes;
    operation->reading_bytes = bytes;
}

bool operation_may_hold(const struct operation *operation, size_t bytes)
{
    size_t others = operation->coordinator->reading_bytes - operation->reading_bytes;
    return others == 0 || bytes <= operation->reading_bytes ||
           (others < COORDINATOR_READING_BYTES_MAX &&
            bytes <= COORDINATOR_READING_BYTES_MAX - others);
}

/* Operations mostly end in the order in which they began. That of the next is at hand by now, as it
 * was asked for before. */
void operation_expect_next(const struct operation *operation)
{
    const struct queue *end = &operation->coordinator->all;
    const struct queue *next = operation->link.next;
    if (next == end || next->next == end) {
        return;
    }
    next = next->next;
    operation_prefetch(next->next);
    prefetch_bytes(QUEUE_ITEM((struct queue *)(uintptr_t)next, struct operation, link)->request,
                   sizeof(struct request));
}

void operation_free(struct operation *operation)
{
    struct coordinator *coordinator = operation->coordinator;
    timers_stop(coordinator->timers, &operation->deadline);
    timers_stop(coordinator->timers, &operation->hedge);
    if (operation->confirm_waits) {
        durability_cancel(&operation->confirm);
        operation->confirm_waits = false;
    }
    if (operation->local_waits) {
        waiting_leave(&operation->local);
        operation->local_waits = false;
    }
    if (operation->phase == OPERATION_LINGERING) {
        coordinator->lingering--;
        coordinator->lingering_bytes -= operation->lingering_bytes;
    }
    if (operation->listing != NULL) {
        list_free(operation);
    }
    if (operation->traced != NULL) {
        traced_end(operation);
    }
    operation_hold(operation, 0);
    (void)table_remove(&coordinator->operations, operation->id);
    queue_remove(&operation->link);
    coordinator->count--;
    if (coordinator->free_count >= OPERATION_KEEP) {
        operation_release(operation);
        return;
    }
    operation_trim(&operation->key_copy);
    operation_trim(&operation->merged);
    operation_trim(&operation->answers);
    operation_trim(&operation->token);
    queue_push(coordinator->free.next, &operation->link); /* to the front: it is in the cache */
    coordinator->free_count++;
}

void operation_wait(struct operation *operation, uint64_t hedge_us)
{
    struct coordinator *coordinator = operation->coordinator;
    operation->hedge_us = hedge_us;
    uint64_t now_us = coordinator->now.mono_us;
    if ((!timer_running(&operation->deadline) &&
         timers_start(coordinator->timers, &operation->deadline, operation->request->deadline_us) <
             0) ||
        timers_start(coordinator->timers, &operation->hedge, now_us + hedge_us) < 0) {
        coordinator_fail(operation, SHOAL_ENOMEM, "out of memory; %s", operation_fate(operation));
    }
}
