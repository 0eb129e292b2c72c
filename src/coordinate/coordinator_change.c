/* What changes around the operations under way: the view, and links that end. Each of them is
 * judged anew. */
#include "coordinate/fallback.h"
#include "coordinate/write.h"

#include "base/mutant.h"

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
    operation->timed &= others;
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
