/* What a write without a context of its client's replaces. Where one layout is live and this node's
 * holding is complete, the dot is given at once, on what this node holds, and the owners that
 * confirm it vouch for it: each says whether it keeps siblings that the object sent does not have.
 * N-W+1 that keep none include one of every W that ever confirmed a write, so nothing that was
 * acknowledged before has been missed, at no more messages than a write with a context costs. When
 * one does keep others, R owners are read and the write is made again on what they hold. Elsewhere
 * (several layouts, a refilling holding, quorums that don't overlap) R owners are read first. Riak
 * makes siblings here; Cassandra leaves it to clocks. */
#include "base/mutant.h"
#include "coordinate/write.h"
#include "shoal/error.h"

/* So many owners have to vouch: as many as reading would have asked, too. */
static uint32_t write_vouchers_needed(const struct operation *operation)
{
    const struct cluster_facts *facts = view_facts(operation->coordinator->view);
    uint32_t n = operation->placement.newest_count;
    uint32_t rest = n >= facts->w ? n - facts->w + 1 : 1;
    return MUTANT(vouch_few) ? 1 : rest > operation->quorum.r ? rest : operation->quorum.r;
}

/* The owners in the one live layout; 0 while there are several, or some were removed by force. */
static uint64_t write_vouchers(const struct operation *operation)
{
    const struct placement *placement = &operation->placement;
    bool plain = placement->layout_count == 1 && placement->present[0] == placement->owners[0];
    return plain ? placement->owners[0] & operation->allowed : 0;
}

static bool write_can_be_vouched(struct operation *operation)
{
    const struct coordinator *coordinator = operation->coordinator;
    const struct holding *holding = replica_holding(coordinator->replica, operation->partition);
    uint32_t needed = write_vouchers_needed(operation);
    uint64_t vouchers = write_vouchers(operation);
    if (holding == NULL || holding->refilling || (vouchers & write_self_bit(operation)) == 0 ||
        needed > operation->quorum.w) {
        return false;
    }
    uint64_t able = vouchers & operation_reachable(operation) & ~write_troubled(operation);
    return (uint32_t)__builtin_popcountll(able) >= needed;
}

enum write_basis write_basis_now(struct operation *operation)
{
    bool amends = request_amends(operation->request->op);
    if (operation->request->context.data != NULL && !amends) {
        return WRITE_CONTEXT;
    }
    if (read_is_own(operation) || MUTANT(blind_delete)) {
        return WRITE_ALONE;
    }
    return !amends && write_can_be_vouched(operation) ? WRITE_VOUCHED : WRITE_READ;
}

int write_read_quorum(struct operation *operation, struct object *out)
{
    *out = object_empty();
    return operation->merged.len == 0 ? 0
                                      : object_decode(operation->coordinator->arena,
                                                      buffer_bytes(&operation->merged), out);
}

int write_seen(struct operation *operation, struct version_vector *seen)
{
    struct coordinator *coordinator = operation->coordinator;
    const struct request *request = operation->request;
    if (operation->basis == WRITE_CONTEXT) {
        return token_decode(coordinator->arena, coordinator->token_keys, request->key,
                            request->context, seen);
    }
    struct object quorum;
    struct version_vector held = {0};
    int result = write_read_quorum(operation, &quorum);
    if (result == 0) {
        /* As of now: writes coordinated here since the read are replaced too, one after another. */
        result = replica_context(coordinator->replica, &operation->key, &held);
    }
    return result != REPLICA_DONE
               ? result
               : version_vector_join(coordinator->arena, quorum.context, held, seen);
}

/* ---- vouching ---- */

void write_vouch_own(struct operation *operation, const struct holding *holding)
{
    uint64_t bit = write_self_bit(operation);
    operation->abstained |= holding->refilling ? bit : 0;
    operation->vouched |= holding->refilling ? 0 : bit;
}

void write_vouch(struct operation *operation, uint32_t target, const struct message_stored *stored)
{
    uint64_t bit = operation_bit(target);
    if (stored->concurrent && !MUTANT(deaf_delete)) {
        operation->disputed |= bit;
    } else if (stored->refilling && !MUTANT(count_refilling)) {
        operation->abstained |= bit;
    } else {
        operation->vouched |= bit;
        operation->abstained &= ~bit;
    }
}

bool write_note_held(struct operation *operation, struct bytes encoded)
{
    struct object held;
    if (operation->basis != WRITE_VOUCHED) {
        return false;
    }
    /* Whoever is sent this keeps nothing beside it, and would vouch for what it has not replaced.
     */
    bool just_the_write = object_decode(operation->coordinator->arena, encoded, &held) == 0 &&
                          held.sibling_count == 1 &&
                          dot_equal(held.siblings[0].dot, operation->dot);
    if (!just_the_write) {
        operation->disputed |= write_self_bit(operation);
    }
    return !just_the_write;
}

bool write_vouched(const struct operation *operation)
{
    uint64_t vouched = operation->vouched & operation->voted & write_vouchers(operation);
    return operation->basis != WRITE_VOUCHED ||
           (operation->disputed == 0 &&
            (uint32_t)__builtin_popcountll(vouched) >= write_vouchers_needed(operation));
}

bool write_doubted(const struct operation *operation)
{
    if (operation->basis != WRITE_VOUCHED) {
        return false;
    }
    uint64_t able = (operation->vouched | ~(operation->refused | operation->abstained)) &
                    write_vouchers(operation);
    return operation->disputed != 0 ||
           (uint32_t)__builtin_popcountll(able) < write_vouchers_needed(operation);
}

/* ---- once more ---- */

void write_again(struct operation *operation)
{
    operation_forget_answers(operation);
    operation->issued = false;
    operation->basis = WRITE_READ;
    operation->phase = OPERATION_READING;
    coordinator_count(operation->coordinator, operation->coordinator->metrics.rewrites);
    if (operation_renumber(operation) < 0) {
        coordinator_fail(operation, SHOAL_ENOMEM, "out of memory; %s", operation_fate(operation));
        return;
    }
    read_begin(operation);
}

bool write_superseded(struct operation *operation, uint64_t actor)
{
    struct object quorum;
    return operation->begun && operation->dot.actor == actor &&
           write_read_quorum(operation, &quorum) == 0 && quorum.sibling_count == 1 &&
           version_vector_covers(quorum.context, operation->dot) &&
           !dot_equal(quorum.siblings[0].dot, operation->dot);
}
