/* Writing: this node, an owner, gives the dot, merges locally and sends the whole object to every
 * other owner in every live layout at once; the request is answered when W owners of each live
 * layout have confirmed. Until the dot is given a failure means "nothing was applied"; after it the
 * outcome of an unfinished write is unknown, and is said to be. */
#include "base/assert.h"
#include "coordinate/coordinator.h"
#include "shoal/error.h"

static uint64_t write_self_bit(const struct operation *operation)
{
    int self = placement_index(&operation->placement, operation->coordinator->self);
    return self < 0 ? 0 : operation_bit((uint32_t)self);
}

/* What the write replaces: the client's context, or what the read quorum and this node hold. */
static int write_seen(struct operation *operation, struct version_vector *seen)
{
    struct coordinator *coordinator = operation->coordinator;
    const struct request *request = operation->request;
    if (request->context.data != NULL) {
        return token_decode(coordinator->arena, coordinator->token_keys, request->key,
                            request->context, seen);
    }
    struct object quorum = object_empty();
    struct object held = object_empty();
    int result = 0;
    if (operation->merged.len != 0) {
        result = object_decode(coordinator->arena, buffer_bytes(&operation->merged), &quorum);
    }
    if (result == 0) {
        /* As of now: writes coordinated here since the read are replaced too, one after another. */
        result = replica_read(coordinator->replica, &operation->key, &held);
    }
    return result < 0 ? result
                      : version_vector_join(coordinator->arena, quorum.context, held.context, seen);
}

static void write_send(struct operation *operation, uint64_t targets, struct bytes encoded)
{
    struct coordinator *coordinator = operation->coordinator;
    targets &= ~write_self_bit(operation);
    if (targets == 0) {
        return;
    }
    struct message_store store = {
        .id = operation->id,
        .partition = operation->partition,
        .key = operation->key.key,
        .object = encoded,
        .view_digest = coordinator->view->digest,
        .actor = operation->dot.actor,
    };
    buffer_clear(coordinator->frame);
    if (message_store_encode(&store, coordinator->frame) < 0) {
        return; /* the hedge timer tries again */
    }
    for (uint64_t rest = targets; rest != 0; rest &= rest - 1) {
        uint32_t i = (uint32_t)__builtin_ctzll(rest);
        if (coordinator_send(coordinator, operation->placement.nodes[i]) == 0) {
            operation->asked |= operation_bit(i);
        }
    }
    operation->last_ask_us = coordinator->now.mono_us;
}

static void write_confirm_local(struct operation *operation)
{
    uint64_t bit = write_self_bit(operation);
    operation->asked |= bit;
    operation->voted |= bit;
    if (operation->coordinator->replica->engine->keeps_data) {
        operation->durable |= bit;
    }
}

static void write_on_durable(struct durable_waiter *waiter, int code)
{
    struct operation *operation = QUEUE_ITEM(waiter, struct operation, local);
    operation->local_waits = false;
    if (code == 0) {
        write_confirm_local(operation);
    } else {
        operation->refused |= write_self_bit(operation);
    }
    write_judge(operation);
}

/* The context that answers the write: what its client has seen, and the write itself. But an entry
 * is a range: where this holding has issued other dots for the key that the client has not seen, a
 * range up to the new one would cover these too, so the answer is what the client had seen before.
 */
static void write_make_token(struct operation *operation, struct version_vector seen,
                             const struct replica_written *written)
{
    struct coordinator *coordinator = operation->coordinator;
    struct version_vector known = seen;
    if (written->own_counter_before <= version_vector_get(seen, written->dot.actor) &&
        version_vector_with(coordinator->arena, seen, written->dot, &known) < 0) {
        return; /* the write stands; the client reads for its context */
    }
    if (token_encode(coordinator->token_keys, operation->request->key, known, &operation->token) <
        0) {
        buffer_clear(&operation->token);
    }
}

/* When a value with this time to live is hidden; 0 is never, and so is a time beyond all clocks. */
static uint64_t write_expiry_ms(const struct coordinator *coordinator, uint64_t ttl_ms)
{
    uint64_t now_ms = coordinator->now.wall_ms;
    return ttl_ms == 0 || ttl_ms > UINT64_MAX - now_ms ? 0 : now_ms + ttl_ms;
}

/* The dot is issued and everybody told. 0, or the operation was failed and freed. */
static int write_issue(struct operation *operation)
{
    struct coordinator *coordinator = operation->coordinator;
    struct replica *replica = coordinator->replica;
    const struct request *request = operation->request;
    struct version_vector seen;
    int result = write_seen(operation, &seen);
    if (result < 0) {
        coordinator_fail(
            operation, result,
            result == SHOAL_ECONTEXT
                ? "the context is damaged, forged or of another key: get the key again "
                  "and use the context that comes with it"
                : "can't read what the write replaces");
        return -1;
    }
    struct holding *holding = replica_holding(replica, operation->partition);
    if (holding != NULL && version_vector_get(seen, holding->actor) > holding->counter) {
        /* Somebody has seen a dot of ours that we don't remember giving: this holding has
         * forgotten. */
        result = replica_begin(replica, operation->partition, true, &holding);
    }
    if (holding == NULL || result < 0) {
        coordinator_fail(operation, result < 0 ? result : SHOAL_ENOTOWNER,
                         "this node does not hold the key's partition");
        return -1;
    }
    bool put = request->op == REQUEST_PUT;
    struct sibling added = {
        .kind = put ? SIBLING_VALUE : SIBLING_TOMBSTONE,
        .expiry_ms = put ? write_expiry_ms(coordinator, request->ttl_ms) : 0,
        .value = put ? request->value : bytes_make(NULL, 0),
    };
    struct replica_written written;
    result = replica_write(replica, holding, &operation->key, seen, &added,
                           coordinator->now.wall_ms, &written);
    if (result < 0) {
        coordinator_fail(
            operation, result,
            result == SHOAL_EOVERLOAD
                ? "the key has too many siblings or actors: resolve them with a put that "
                  "carries the context of a get"
                : "%s: nothing was applied",
            shoal_error_text(result));
        return -1;
    }
    operation->issued = true;
    operation->dot = written.dot;
    if (coordinator->issued != NULL) {
        coordinator->issued(coordinator->issued_self, request->key, operation->dot, seen);
    }
    if (result == 0) {
        write_confirm_local(operation);
    } else {
        operation->asked |= write_self_bit(operation);
        operation->local.fire = write_on_durable;
        durability_wait(&replica->durability, &operation->local);
        operation->local_waits = true;
    }
    write_send(operation, operation_reachable(operation), written.encoded);
    write_make_token(operation, seen, &written);
    return 0;
}

/* Sends what is held now, which includes the write, to the targets. */
static void write_send_again(struct operation *operation, uint64_t targets)
{
    struct coordinator *coordinator = operation->coordinator;
    struct bytes encoded;
    if (targets != 0 &&
        replica_read_encoded(coordinator->replica, &operation->key, &encoded) == 0 &&
        encoded.data != NULL) {
        write_send(operation, targets, encoded);
    }
}

static bool write_durable_enough(const struct operation *operation)
{
    uint64_t newest = operation->placement.owners[operation->placement.layout_count - 1];
    uint64_t counted = operation->durable & operation->voted & newest;
    return (uint32_t)__builtin_popcountll(counted) >= operation->quorum.dw;
}

static void write_finish(struct operation *operation)
{
    struct outcome outcome = {
        .context =
            operation->token.len == 0 ? bytes_make(NULL, 0) : buffer_bytes(&operation->token),
        .owners = operation_votes(operation),
        .needed = operation->quorum.w,
    };
    coordinator_complete(operation, &outcome);
    operation_free(operation);
}

static bool write_possible(const struct operation *operation)
{
    uint64_t possible = (operation_reachable(operation) & ~operation->refused) | operation->voted |
                        operation->waiting;
    return placement_write_possible(&operation->placement, possible, operation->quorum.w);
}

static void write_fail_unreachable(struct operation *operation)
{
    uint64_t reachable = operation_reachable(operation) & ~operation->refused;
    uint64_t all = operation->allowed;
    coordinator_fail(
        operation, SHOAL_EQUORUM,
        "%s needs W=%u owners of key '%s'; reachable: %s; not reachable: %s; nothing was "
        "applied, try again when they are back",
        request_op_text(operation->request->op), operation->quorum.w,
        request_key_text(operation->coordinator, operation->key.key),
        operation_names(operation, reachable), operation_names(operation, all & ~reachable));
}

void write_judge(struct operation *operation)
{
    if (!operation->issued) {
        return; /* the hedge timer tries to begin */
    }
    if (placement_write_met(&operation->placement, operation->voted, operation->quorum.w) &&
        write_durable_enough(operation)) {
        write_finish(operation);
        return;
    }
    uint64_t open = operation->allowed & ~operation->refused;
    if (!placement_write_possible(&operation->placement,
                                  open | operation->voted | operation->waiting,
                                  operation->quorum.w)) {
        coordinator_fail(operation, SHOAL_EUNKNOWN,
                         "%u of W=%u owners confirmed and too many refused (%s); the %s may or may "
                         "not be kept: read the key before trying again",
                         operation_votes(operation), operation->quorum.w,
                         operation_names(operation, operation->refused),
                         request_op_text(operation->request->op));
        return;
    }
    /* Owners that a new view brought in. */
    write_send_again(operation, operation_reachable(operation) & ~operation->asked & open &
                                    ~operation->voted & ~operation->waiting);
}

static uint64_t write_hedge_us(const struct operation *operation)
{
    uint64_t longest_us = COORDINATOR_HEDGE_US_MIN;
    for (uint32_t i = 0; i < operation->placement.node_count; i++) {
        uint64_t hedge_us =
            reach_hedge_us(operation->coordinator->reach, operation->placement.nodes[i],
                           COORDINATOR_HEDGE_US_MIN, COORDINATOR_HEDGE_US_MAX);
        longest_us = hedge_us > longest_us ? hedge_us : longest_us;
    }
    return longest_us;
}

/* Gives the dot once enough owners can be reached; until then waits for them. */
static void write_try(struct operation *operation)
{
    struct coordinator *coordinator = operation->coordinator;
    if (write_self_bit(operation) == 0) {
        coordinator_fail(operation, SHOAL_ENOTOWNER, "this node does not own key '%s' any more",
                         request_key_text(coordinator, operation->key.key));
        return;
    }
    if (!write_possible(operation)) {
        if (coordinator->now.mono_us - operation->started_us >= COORDINATOR_GRACE_US) {
            write_fail_unreachable(operation);
        } else if (!timer_running(&operation->hedge)) {
            operation_wait(operation, COORDINATOR_HEDGE_US_MIN);
        }
        return;
    }
    if (write_issue(operation) < 0) {
        return;
    }
    if (placement_write_met(&operation->placement, operation->voted, operation->quorum.w) &&
        write_durable_enough(operation)) {
        write_finish(operation);
        return;
    }
    operation_wait(operation, write_hedge_us(operation));
}

void write_begin(struct operation *operation)
{
    write_try(operation);
}

void write_hedge(struct operation *operation)
{
    struct coordinator *coordinator = operation->coordinator;
    if (!operation->issued) {
        write_try(operation);
        return;
    }
    /* Those whose view is being joined are asked again too: by now their answer may count at once.
     */
    uint64_t missing =
        operation->allowed & ~operation->voted & ~operation->refused & ~write_self_bit(operation);
    uint64_t silent = missing & operation->asked & ~operation->waiting;
    for (uint64_t rest = silent; rest != 0; rest &= rest - 1) {
        reach_silent(coordinator->reach, operation->placement.nodes[__builtin_ctzll(rest)],
                     coordinator->now.mono_us);
    }
    /* Storing is idempotent: what was lost on the way is sent again. */
    write_send_again(operation, missing & operation_reachable(operation));
}

/* A node that does not own the partition in another view than ours will soon know better, or we
 * shall: it is asked again. Every other refusal stands. */
static void write_note_refusal(struct operation *operation, uint64_t bit,
                               const struct message_stored *stored)
{
    struct coordinator *coordinator = operation->coordinator;
    if (stored->code != SHOAL_ENOTOWNER || stored->view_digest == coordinator->view->digest) {
        operation->refused |= bit;
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
        write_note_refusal(operation, bit, stored);
    } else {
        if (stored->durable) {
            operation->durable |= bit;
        }
        if (coordinator_accounts(operation->coordinator, operation, target, stored->view_digest,
                                 stored->view) == 1) {
            operation->voted |= bit;
            operation->waiting &= ~bit;
        }
    }
    write_judge(operation);
}
