/* Writes that can't be: for lack of owners that can be reached, of owners that can store it, or
 * because this node's own part failed. In all of these nothing was applied. */
#include "coordinate/write.h"
#include "shoal/error.h"

static void write_fail_memory(struct operation *operation)
{
    const struct coordinator *coordinator = operation->coordinator;
    const char *name = coordinator->courier.name(coordinator->courier.self, coordinator->self);
    if (coordinator->memory_bytes_max == 0) {
        coordinator_fail(operation, SHOAL_ENOMEM, "%s: out of memory: the system gives no more; %s",
                         name, operation_fate(operation));
    } else {
        coordinator_fail(operation, SHOAL_ENOMEM,
                         "%s: out of memory: limits.memory_mb = %llu is used up; nothing is "
                         "evicted: raise it or delete keys; %s",
                         name, (unsigned long long)(coordinator->memory_bytes_max / LIMIT_MIB),
                         operation_fate(operation));
    }
}

int write_fail(struct operation *operation, int code)
{
    if (request_amends(operation->request->op) && write_amend_fail(operation, code)) {
        return -1;
    }
    switch (code) {
    case SHOAL_ENOMEM:
        write_fail_memory(operation);
        break;
    case SHOAL_ECONTEXT:
        coordinator_fail(operation, code,
                         "the context is damaged, forged or of another key: get the key again and "
                         "use the context that comes with it");
        break;
    case SHOAL_EOVERLOAD:
        coordinator_fail(operation, code,
                         "the key has too many siblings or actors (resolve them with a put that "
                         "carries the context of a get), or too much waits to be written to disk "
                         "(try again later); %s",
                         operation_fate(operation));
        break;
    default:
        coordinator_fail(operation, code, "%s: %s; %s",
                         operation->coordinator->courier.name(operation->coordinator->courier.self,
                                                              operation->coordinator->self),
                         shoal_error_text(code), operation_fate(operation));
        break;
    }
    return -1;
}

void write_fail_unreachable(struct operation *operation)
{
    uint64_t reachable = operation_reachable(operation) & ~operation->refused;
    uint64_t all = operation->allowed;
    coordinator_fail(
        operation, SHOAL_EQUORUM,
        "%s needs W=%u owners of key '%s'%s; reachable: %s; not reachable: %s; try again when they "
        "are back; %s",
        request_op_text(operation->request->op), operation->quorum.w,
        request_key_text(operation->coordinator, operation->key.key),
        operation->coordinator->sloppy && operation->quorum.pw < operation->quorum.w
            ? " or others to stand in for them"
            : "",
        operation_names(operation, reachable), operation_names(operation, all & ~reachable),
        operation_fate(operation));
}

/* Of this node what its engine says now, for another worker's may fare otherwise. */
static uint32_t write_storage(const struct coordinator *coordinator, uint64_t node)
{
    if (node != coordinator->self) {
        return coordinator->courier.storage(coordinator->courier.self, node);
    }
    switch (replica_health(coordinator->replica)) {
    case ENGINE_HEALTHY:
        return NODE_STORAGE_OK;
    case ENGINE_FULL:
        return NODE_STORAGE_FULL;
    case ENGINE_FAILED:
        break;
    }
    return NODE_STORAGE_FAILED;
}

/* Targets whose storage takes no writes, as they said themselves; why goes to their refusals. */
uint64_t write_troubled(struct operation *operation)
{
    uint64_t troubled = 0;
    for (uint32_t i = 0; i < operation->placement.node_count; i++) {
        uint32_t storage = write_storage(operation->coordinator, operation->placement.nodes[i]);
        if (storage != NODE_STORAGE_OK) {
            troubled |= operation_bit(i);
            operation->refusals[i] = storage == NODE_STORAGE_FULL ? SHOAL_ENOSPC : SHOAL_EIO;
        }
    }
    return troubled;
}

/* Enough owners can be reached, but too many of them have no place for a write. */
void write_fail_troubled(struct operation *operation, uint64_t troubled)
{
    bool full = false;
    for (uint64_t rest = troubled; rest != 0; rest &= rest - 1) {
        full = full || operation->refusals[__builtin_ctzll(rest)] == SHOAL_ENOSPC;
    }
    coordinator_fail(operation, full ? SHOAL_ENOSPC : SHOAL_EIO,
                     "%s needs W=%u owners of key '%s' that can store it; %s; %s",
                     request_op_text(operation->request->op), operation->quorum.w,
                     request_key_text(operation->coordinator, operation->key.key),
                     operation_reasons(operation, troubled), operation_fate(operation));
}

const char *write_full_fallbacks_text(const struct operation *operation)
{
    return operation->fallback_refusal == SHOAL_EOVERLOAD
               ? "; who could stand in keeps as much for others as it may: limits.hints_mb"
               : "";
}

const char *write_doubt_text(const struct operation *operation)
{
    return operation->issued && !write_vouched(operation)
               ? ", but too few could say that they keep nothing else"
               : "";
}
