/* Confirmations of a write: this node's own, which waits for its own storage, and those of the
 * other owners, which count once the view they were given under is part of this node's. */
#include "base/mutant.h"
#include "coordinate/fallback.h"
#include "coordinate/traced.h"
#include "coordinate/write.h"
#include "shoal/error.h"

/* ---- this node's own ---- */

/* This node's own write, of this sequence, may be confirmed. */
static void write_take_own(struct operation *operation, uint64_t sequence)
{
    uint64_t bit = write_self_bit(operation);
    operation->asked |= bit;
    operation->voted |= bit;
    if (replica_durable(operation->coordinator->replica, sequence)) {
        operation->durable |= bit;
    }
}

void write_refuse_own(struct operation *operation, int code)
{
    int self = placement_index(&operation->placement, operation->coordinator->self);
    if (self >= 0) {
        operation_refused(operation, (uint32_t)self, code);
    }
}

static void write_on_confirm(struct durable_waiter *waiter, int code)
{
    struct operation *operation = QUEUE_ITEM(waiter, struct operation, confirm);
    operation->confirm_waits = false;
    operation->coordinator->heard = WAIT_DISK;
    if (operation->traced != NULL) {
        traced_waited(operation, TRACED_CONFIRM, code);
    }
    operation_expect_next(operation);
    if (code == 0) {
        write_take_own(operation, waiter->sequence);
    } else {
        write_refuse_own(operation, code);
    }
    write_judge(operation);
}

void write_confirm_own(struct operation *operation, bool at_once)
{
    struct replica *replica = operation->coordinator->replica;
    bool wanted = operation->quorum.dw > 0;
    if (at_once || MUTANT(vote_early)) {
        write_take_own(operation, 0);
        return;
    }
    operation->asked |= write_self_bit(operation);
    operation->confirm.fire = write_on_confirm;
    operation->confirm_waits = true;
    if (operation->traced != NULL) {
        traced_wait(operation, TRACED_CONFIRM);
    }
    durability_wait(&replica->durability, wanted ? DURABILITY_DURABLE : DURABILITY_SETTLED,
                    &operation->confirm);
    if (wanted) {
        replica->engine->ops->harden(replica->engine);
    }
}

/* ---- enough ---- */

static bool write_durable_enough(const struct operation *operation)
{
    uint64_t newest = operation->placement.owners[operation->placement.layout_count - 1];
    uint64_t counted = operation->durable & operation->voted & newest;
    return (uint32_t)__builtin_popcountll(counted) >= operation->quorum.dw;
}

bool write_done(const struct operation *operation)
{
    return fallback_write_met(operation, operation->voted, fallback_votes(operation)) &&
           write_durable_enough(operation) && write_vouched(operation);
}

/* ---- others' ---- */

/* A node that does not own the partition in another view than ours will soon know better, or we
 * shall: it is asked again. Every other refusal stands. */
static void write_note_refusal(struct operation *operation, uint32_t target,
                               const struct message_stored *stored)
{
    struct coordinator *coordinator = operation->coordinator;
    if (stored->code != SHOAL_ENOTOWNER || stored->view_digest == coordinator->view->digest) {
        operation_refused(operation, target, stored->code);
    }
    if (stored->view.data != NULL) {
        (void)coordinator->courier.learn(coordinator->courier.self, stored->view_digest,
                                         stored->view);
    }
}

void write_on_stored(struct operation *operation, uint32_t target,
                     const struct message_stored *stored)
{
    uint64_t bit = operation_bit(target);
    if ((operation->voted & bit) != 0) {
        return; /* an answer again */
    }
    if (stored->code != 0) {
        write_note_refusal(operation, target, stored);
    } else {
        if (stored->durable || MUTANT(dw_settled)) {
            operation->durable |= bit;
        }
        write_vouch(operation, target, stored);
        if (coordinator_accounts(operation->coordinator, operation, target, stored->view_digest,
                                 stored->view) == 1) {
            operation->voted |= bit;
            operation->waiting &= ~bit;
        }
    }
    write_judge(operation);
}
