/* Read repair (Dynamo, section 5): whoever answered a get with less than what all answers come to
 * is sent that, also when its answer arrives after the client was answered: the operation lingers
 * for it. */
#include "coordinate/read.h"

static void read_repair_target(struct operation *operation, uint32_t target)
{
    struct coordinator *coordinator = operation->coordinator;
    uint64_t node = operation->placement.nodes[target];
    struct bytes merged = buffer_bytes(&operation->merged);
    operation->digests[target] = read_digest(merged);
    coordinator_count(coordinator, coordinator->metrics.read_repairs);
    struct message_store store = {
        .partition = operation->partition,
        .key = operation->key.key,
        .object = merged,
        .view_digest = coordinator->view->digest,
    };
    buffer_clear(coordinator->frame);
    if (message_store_encode(&store, coordinator->frame) == 0) {
        (void)coordinator_send(coordinator, node);
    }
}

void read_repair(struct operation *operation)
{
    if (operation->merged.len == 0) {
        return; /* nobody holds anything */
    }
    uint64_t whole = read_digest(buffer_bytes(&operation->merged));
    uint64_t known = operation->voted | operation->waiting | operation->damaged;
    for (uint64_t rest = known; rest != 0; rest &= rest - 1) {
        uint32_t i = (uint32_t)__builtin_ctzll(rest);
        if (operation->digests[i] != whole) {
            read_repair_target(operation, i);
        }
    }
}

bool read_linger(struct operation *operation)
{
    struct coordinator *coordinator = operation->coordinator;
    struct bytes key = operation->key.key;
    size_t bytes = operation->merged.len + operation->answers.len + key.len;
    uint64_t until_us = coordinator->now.mono_us + COORDINATOR_LINGER_US;
    if (read_late(operation) == 0 || coordinator->lingering >= COORDINATOR_LINGERING_MAX ||
        bytes > COORDINATOR_LINGERING_BYTES_MAX - coordinator->lingering_bytes ||
        buffer_append_bytes(&operation->key_copy, key) < 0 ||
        timers_start(coordinator->timers, &operation->deadline, until_us) < 0) {
        return false;
    }
    operation->key.key = buffer_bytes(&operation->key_copy);
    operation->phase = OPERATION_LINGERING;
    operation->lingering_bytes = bytes;
    coordinator->lingering++;
    coordinator->lingering_bytes += bytes;
    timers_stop(coordinator->timers, &operation->hedge);
    return true;
}

/* What all answers so far come to. False while this node's own disk has to be read for that, or
 * when it can't be told. */
static bool read_settle_late(struct operation *operation)
{
    bool own;
    if (operation->local_waits) {
        return false;
    }
    if (read_agrees(operation, operation->voted)) {
        return true;
    }
    int result = read_settle(operation, operation->voted, &own);
    if (result == REPLICA_PENDING) {
        operation_await_local(operation);
    }
    return result == 0;
}

void read_end_lingering(struct operation *operation)
{
    if (read_settle_late(operation)) {
        read_repair(operation);
    }
    if (operation->local_waits) {
        return;
    }
    if (read_late(operation) == 0) {
        operation_free(operation);
    }
}
