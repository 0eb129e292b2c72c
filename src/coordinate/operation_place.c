/* Which nodes an operation concerns. Sets of them are bits over its targets; when the view changes
 * these are others, and what has been heard by then is carried over to those who still count. See
 * operation.h. */
#include <string.h>

#include "base/mutant.h"
#include "coordinate/fallback.h"

/* Bits over the old targets become bits over the new ones. */
static uint64_t operation_carry(const struct placement *from, const struct placement *to,
                                uint64_t bits)
{
    uint64_t carried = 0;
    while (bits != 0) {
        uint32_t i = (uint32_t)__builtin_ctzll(bits);
        bits &= bits - 1;
        int index = placement_index(to, from->nodes[i]);
        if (index >= 0) {
            carried |= operation_bit((uint32_t)index);
        }
    }
    return carried;
}

static void operation_carry_kept(struct operation *operation, const struct placement *from)
{
    uint64_t old[LIMIT_REQUEST_TARGETS];
    struct read_piece pieces[LIMIT_REQUEST_TARGETS];
    uint32_t after_us[LIMIT_REQUEST_TARGETS];
    memcpy(old, operation->digests, from->node_count * sizeof(old[0]));
    memcpy(pieces, operation->pieces, from->node_count * sizeof(pieces[0]));
    memcpy(after_us, operation->asked_after_us, from->node_count * sizeof(after_us[0]));
    for (uint32_t i = 0; i < operation->placement.node_count; i++) {
        int index = placement_index(from, operation->placement.nodes[i]);
        operation->digests[i] = index >= 0 ? old[index] : 0;
        operation->pieces[i] = index >= 0 ? pieces[index] : (struct read_piece){0};
        operation->asked_after_us[i] = index >= 0 ? after_us[index] : 0;
    }
}

/* All targets, or fewer where the request lowered n: of the newest layout's owners then only the
 * first n, this node always among them. Owners of older layouts are always asked. */
static uint64_t operation_allowed(const struct operation *operation)
{
    const struct placement *placement = &operation->placement;
    uint64_t all =
        placement->node_count == 64 ? UINT64_MAX : operation_bit(placement->node_count) - 1;
    uint32_t n = operation->quorum.n;
    if (n >= placement->newest_count) {
        return all;
    }
    uint64_t newest = operation_bit(placement->newest_count) - 1;
    uint64_t first = operation_bit(n) - 1;
    int self = placement_index(placement, operation->coordinator->self);
    if (self >= (int)n && self < (int)placement->newest_count) {
        first = (operation_bit(n - 1) - 1) | operation_bit((uint32_t)self);
    }
    return (all & ~newest) | first;
}

/* The view has changed: what was heard is carried over to the new targets. */
static int operation_place_anew(struct operation *operation)
{
    struct placement *present = &operation->placement;
    const struct placement old = *present;
    int result = view_place(operation->coordinator->view, operation->partition, present);
    if (result < 0) {
        *present = old;
        return result;
    }
    operation->asked = operation_carry(&old, present, operation->asked);
    operation->voted = operation_carry(&old, present, operation->voted);
    operation->waiting = operation_carry(&old, present, operation->waiting);
    operation->timed = operation_carry(&old, present, operation->timed);
    operation->durable = operation_carry(&old, present, operation->durable);
    operation->vouched = operation_carry(&old, present, operation->vouched);
    operation->disputed = operation_carry(&old, present, operation->disputed);
    operation->abstained = operation_carry(&old, present, operation->abstained);
    operation->known_told = operation_carry(&old, present, operation->known_told);
    operation->kept = operation_carry(&old, present, operation->kept);
    operation->given_up = operation_carry(&old, present, operation->given_up);
    fallback_place(operation);
    operation->refused = 0; /* what was refused under the old view may be granted now */
    operation->damaged = 0;
    operation_carry_kept(operation, &old);
    return 0;
}

int operation_place(struct operation *operation)
{
    int result =
        operation->placement.node_count != 0
            ? operation_place_anew(operation)
            : view_place(operation->coordinator->view, operation->partition, &operation->placement);
    if (result < 0) {
        return result;
    }
    const struct content_hash *hash = &view_read_layout(operation->coordinator->view)->key.hash;
    if (operation->phase == OPERATION_READING && !content_hash_equal(&operation->read_hash, hash) &&
        !MUTANT(answers_carried)) {
        operation->asked = 0;
        operation->voted = 0;
        operation->waiting = 0;
        operation->known_told = 0;
        operation->kept = 0;
        buffer_clear(&operation->merged);
        buffer_clear(&operation->answers);
    }
    operation->read_hash = *hash;
    operation->allowed = operation_allowed(operation);
    return 0;
}

uint64_t operation_reachable(const struct operation *operation)
{
    uint64_t reachable = 0;
    for (uint32_t i = 0; i < operation->placement.node_count; i++) {
        uint64_t node = operation->placement.nodes[i];
        if (node == operation->coordinator->self ||
            reach_linked(operation->coordinator->reach, node)) {
            reachable |= operation_bit(i);
        }
    }
    return reachable & operation->allowed;
}
