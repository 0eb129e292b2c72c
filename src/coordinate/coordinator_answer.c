/* What peers answer finds its operation here, and is noted as evidence of who lives. An answer
 * counts only when it was given under a view that this node has joined: until then it waits. */
#include "coordinate/fallback.h"
#include "coordinate/traced.h"
#include "coordinate/write.h"

#include "base/mutant.h"

void coordinator_hear(struct coordinator *coordinator, uint32_t what, uint64_t node)
{
    coordinator->heard = what;
    coordinator->heard_node = node;
}

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

void coordinator_on_result(struct coordinator *coordinator, uint64_t node,
                           const struct message_result *result)
{
    int target;
    struct operation *operation = coordinator_find(coordinator, result->id, node, &target);
    if (operation == NULL || operation->phase != OPERATION_FORWARDING) {
        return;
    }
    operation_answered(operation, node);
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
        operation_answered(operation, node);
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
    operation_answered(operation, node);
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
