/* Writing: this node, an owner, gives the dot, merges locally and sends the whole object to every
 * other owner in every live layout at once; the request is answered when W owners of each live
 * layout have confirmed. Until the dot is given a failure means "nothing was applied"; after it the
 * outcome of an unfinished write is unknown, and is said to be. */
#include "coordinate/write.h"
#include "base/mutant.h"
#include "coordinate/fallback.h"
#include "coordinate/traced.h"
#include "shoal/error.h"

struct message_store write_message(const struct operation *operation, struct bytes encoded)
{
    return (struct message_store){
        .id = operation->id,
        .partition = operation->partition,
        .key = operation->key.key,
        .object = encoded,
        .view_digest = operation->coordinator->view->digest,
        .actor = operation->dot.actor,
        .durable = operation->quorum.dw > 0,
        .trace = operation->request->trace,
    };
}

int write_store_to(struct operation *operation, uint64_t node, struct message_store *store)
{
    struct coordinator *coordinator = operation->coordinator;
    if (operation->traced != NULL) {
        store->trace = traced_call(operation, node, "STORE");
        buffer_clear(coordinator->frame);
        int result = message_store_encode(store, coordinator->frame);
        if (result < 0) {
            return result;
        }
    }
    return coordinator_send(coordinator, node);
}

static void write_send_owners(struct operation *operation, uint64_t targets, struct bytes encoded)
{
    struct coordinator *coordinator = operation->coordinator;
    targets &= ~write_self_bit(operation);
    if (targets == 0) {
        return;
    }
    struct message_store store = write_message(operation, encoded);
    buffer_clear(coordinator->frame);
    if (message_store_encode(&store, coordinator->frame) < 0) {
        return; /* the hedge timer tries again */
    }
    for (uint64_t rest = targets; rest != 0; rest &= rest - 1) {
        uint32_t i = (uint32_t)__builtin_ctzll(rest);
        if (write_store_to(operation, operation->placement.nodes[i], &store) == 0) {
            operation_asked(operation, i);
        }
    }
}

static void write_send(struct operation *operation, uint64_t targets, struct bytes encoded)
{
    write_send_owners(operation, targets, encoded);
    fallback_send(operation, encoded);
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
    if ((written->own_counter_before <= version_vector_get(seen, written->dot.actor) ||
         MUTANT(token_range)) &&
        version_vector_with(coordinator->arena, seen, written->dot, &known) < 0) {
        return; /* the write stands; the client reads for its context */
    }
    buffer_clear(&operation->token);
    if (token_encode(coordinator->token_keys, operation->request->key, known, &operation->token) <
        0) {
        buffer_clear(&operation->token);
    }
}

/* When the value is hidden; 0 is never, and so is a time beyond all clocks. */
static uint64_t write_expiry_ms(const struct coordinator *coordinator,
                                const struct request *request)
{
    uint64_t now_ms = coordinator->now.wall_ms;
    uint64_t ttl_ms = request->ttl_ms;
    if (request->expiry_ms != 0) {
        return request->expiry_ms;
    }
    return ttl_ms == 0 || ttl_ms > UINT64_MAX - now_ms ? 0 : now_ms + ttl_ms;
}

/* Sends what is held now, which includes the write, to the targets, and to whoever stands in for
 * others; once it has been read. False when that shows that there is more than the write, and it
 * was not sent. */
static bool write_send_again(struct operation *operation, uint64_t targets)
{
    struct coordinator *coordinator = operation->coordinator;
    struct bytes encoded;
    if ((targets == 0 && !fallback_wanted(operation)) || operation->local_waits) {
        return true;
    }
    int result = replica_read_encoded(coordinator->replica, &operation->key, &encoded);
    if (result == REPLICA_PENDING) {
        operation_await_local(operation);
    } else if (result == REPLICA_DONE && encoded.data != NULL) {
        if (write_note_held(operation, encoded)) {
            return false;
        }
        write_send(operation, targets, encoded);
    }
    return true;
}

/* Begun again, and found replaced by somebody who saw it: what is held now only has to be
 * confirmed by as many as the write would have to be. */
static void write_resume(struct operation *operation)
{
    const struct durability *durability = &operation->coordinator->replica->durability;
    bool durable = operation->quorum.dw > 0;
    operation->issued = true;
    if (durability->failed != 0) {
        write_refuse_own(operation, durability->failed);
    } else {
        write_confirm_own(operation, durability_reached(durability, durable ? DURABILITY_DURABLE
                                                                            : DURABILITY_SETTLED));
    }
    (void)write_send_again(operation, operation_reachable(operation));
}

/* Puts what is to replace all that `seen` covers. */
static int write_put(struct operation *operation, struct holding *holding,
                     struct version_vector seen, struct replica_written *written)
{
    struct coordinator *coordinator = operation->coordinator;
    const struct request *request = operation->request;
    bool put = request->op == REQUEST_PUT;
    struct sibling added = {
        .kind = put ? SIBLING_VALUE : SIBLING_TOMBSTONE,
        .expiry_ms = put ? write_expiry_ms(coordinator, request) : 0,
        .value = put ? request->value : bytes_make(NULL, 0),
    };
    operation->put_expiry_ms = added.expiry_ms;
    return replica_write(coordinator->replica, holding, &operation->key, seen, &added,
                         coordinator->now.wall_ms, written);
}

/* The dot is given: everybody is told. */
static void write_tell(struct operation *operation, const struct holding *holding,
                       const struct replica_written *written, bool confirmed)
{
    struct coordinator *coordinator = operation->coordinator;
    operation->issued = true;
    operation->begun = true;
    operation->dot = written->dot;
    if (coordinator->issued != NULL) {
        coordinator->issued(coordinator->issued_self, operation->request->key, operation->dot,
                            written->seen);
    }
    write_confirm_own(operation, confirmed);
    write_vouch_own(operation, holding);
    write_send(operation, operation_reachable(operation), written->encoded);
    write_make_token(operation, written->seen, written);
}

/* The dot is issued and everybody told. REPLICA_DONE; REPLICA_PENDING: nothing was done yet; or the
 * operation was failed and freed. */
static int write_issue(struct operation *operation)
{
    struct coordinator *coordinator = operation->coordinator;
    struct replica *replica = coordinator->replica;
    bool amends = request_amends(operation->request->op);
    struct version_vector seen = {0};
    int result = amends ? REPLICA_DONE : write_seen(operation, &seen);
    if (result != REPLICA_DONE) {
        return result == REPLICA_PENDING ? result : write_fail(operation, result);
    }
    struct holding *holding = replica_holding(replica, operation->partition);
    if (holding != NULL && version_vector_get(seen, holding->actor) > holding->counter) {
        /* Somebody has seen a dot of ours that we don't remember giving: this holding has
         * forgotten. */
        replica_renew(replica, holding, true);
    }
    if (holding == NULL) {
        coordinator_fail(operation, SHOAL_ENOTOWNER,
                         "this node does not hold the key's partition; %s",
                         operation_fate(operation));
        return -1;
    }
    if (write_superseded(operation, holding->actor)) {
        write_resume(operation);
        return REPLICA_DONE;
    }
    struct replica_written written;
    result = amends ? write_amend(operation, holding, &written)
                    : write_put(operation, holding, seen, &written);
    if (result < 0 || result == REPLICA_PENDING) {
        return result < 0 ? write_fail(operation, result) : result;
    }
    write_tell(operation, holding, &written, result == REPLICA_DONE);
    return REPLICA_DONE;
}

static void write_finish(struct operation *operation)
{
    struct outcome outcome = {
        .context =
            operation->token.len == 0 ? bytes_make(NULL, 0) : buffer_bytes(&operation->token),
        .owners = fallback_owner_votes(operation),
        .fallbacks = fallback_votes(operation),
        .needed = operation->quorum.w,
        .number = operation->number,
    };
    if (MUTANT(hint_counts_owner)) {
        outcome.owners += outcome.fallbacks;
        outcome.fallbacks = 0;
    }
    coordinator_complete(operation, &outcome);
    operation_free(operation);
}

/* If all of these owners confirmed, and all fallbacks there are. */
static bool write_could_be_met(struct operation *operation, uint64_t owners)
{
    return placement_write_met(&operation->placement, owners, operation->quorum.w) ||
           fallback_write_met(operation, owners, fallback_supply(operation));
}

static bool write_possible(struct operation *operation, uint64_t troubled)
{
    uint64_t possible = (operation_reachable(operation) & ~operation->refused) | operation->voted |
                        operation->waiting;
    return write_could_be_met(operation, possible & ~troubled);
}

/* To those who have not confirmed yet. It may end the operation. */
static void write_send_more(struct operation *operation, uint64_t targets)
{
    if (!write_send_again(operation, targets)) {
        write_again(operation);
    }
}

/* The holding that gave the dot has ended meanwhile. What it issued is void once that is known
 * everywhere, and then refused as gone, which would look like a confirmation. */
static bool write_outlived(const struct operation *operation)
{
    const struct holding *holding =
        replica_holding(operation->coordinator->replica, operation->partition);
    return (holding == NULL || holding->actor != operation->dot.actor) && !MUTANT(write_outlives);
}

void write_judge(struct operation *operation)
{
    if (!operation->issued) {
        return; /* the hedge timer tries to begin */
    }
    if (write_outlived(operation)) {
        coordinator_fail(operation, SHOAL_EUNKNOWN,
                         "%s, and the coordinator's own holding has ended meanwhile; %s",
                         operation_reached(operation), operation_fate(operation));
        return;
    }
    if (write_done(operation)) {
        write_finish(operation);
        return;
    }
    if (write_doubted(operation)) {
        write_again(operation);
        return;
    }
    uint64_t open = operation->allowed & ~operation->refused;
    if (!write_could_be_met(operation, open | operation->voted | operation->waiting)) {
        coordinator_fail(operation, SHOAL_EUNKNOWN, "%s and too many refused (%s%s); %s",
                         operation_reached(operation),
                         operation_reasons(operation, operation->refused),
                         write_full_fallbacks_text(operation), operation_fate(operation));
        return;
    }
    /* Owners that a new view brought in, and who stands in for those that refused. */
    uint64_t unasked = operation_reachable(operation) & ~operation->asked & open &
                       ~operation->voted & ~operation->waiting;
    if (unasked != 0 || operation->refused != 0 || operation->fallback_refused != 0) {
        write_send_more(operation, unasked);
    }
}

static uint64_t write_hedge_us(const struct operation *operation)
{
    /* Nobody else is to be asked where this node is the only owner. */
    uint64_t longest_us =
        operation->placement.node_count == 1 ? COORDINATOR_HEDGE_US_MAX : COORDINATOR_HEDGE_US_MIN;
    for (uint32_t i = 0; i < operation->placement.node_count; i++) {
        uint64_t hedge_us =
            reach_hedge_us(operation->coordinator->reach, operation->placement.nodes[i],
                           COORDINATOR_HEDGE_US_MIN, COORDINATOR_HEDGE_US_MAX);
        longest_us = hedge_us > longest_us ? hedge_us : longest_us;
    }
    return longest_us;
}

/* Since the write began, and had to wait for something else, a transaction has locked its key. */
static bool write_is_locked(const struct operation *operation)
{
    const struct courier *courier = &operation->coordinator->courier;
    return courier->locked != NULL && courier->locked(courier->self, &operation->key) &&
           !MUTANT(locked_anyway);
}

/* Gives the dot once enough owners can be reached; until then waits for them. */
static void write_try(struct operation *operation)
{
    struct coordinator *coordinator = operation->coordinator;
    if (operation->local_waits) {
        return;
    }
    if (write_self_bit(operation) == 0) {
        coordinator_fail(operation, SHOAL_ENOTOWNER, "this node does not own key '%s' any more; %s",
                         request_key_text(coordinator, operation->key.key),
                         operation_fate(operation));
        return;
    }
    uint64_t troubled = write_troubled(operation);
    if (!write_possible(operation, troubled)) {
        if (write_possible(operation, 0)) {
            write_fail_troubled(operation, troubled);
        } else if (coordinator->now.mono_us - operation->started_us >= COORDINATOR_GRACE_US) {
            write_fail_unreachable(operation);
        } else if (!timer_running(&operation->hedge)) {
            operation_wait(operation, COORDINATOR_HEDGE_US_MIN);
        }
        return;
    }
    if (operation->basis == WRITE_ALONE || operation->basis == WRITE_VOUCHED) {
        operation->basis = write_basis_now(operation); /* view, holding, links may have changed */
        if (operation->basis == WRITE_READ) {
            operation->phase = OPERATION_READING;
            read_begin(operation);
            return;
        }
    }
    if (write_is_locked(operation)) {
        if (!timer_running(&operation->hedge)) {
            operation_wait(operation, COORDINATOR_HEDGE_US_MIN);
        }
        return;
    }
    int issued = write_issue(operation);
    if (issued < 0) {
        return;
    }
    if (issued == REPLICA_PENDING) {
        operation_await_local(operation);
        if (!timer_running(&operation->hedge)) {
            operation_wait(operation, COORDINATOR_HEDGE_US_MAX); /* for the deadline */
        }
        return;
    }
    if (write_done(operation)) {
        write_finish(operation);
        return;
    }
    operation_wait(operation, write_hedge_us(operation));
}

/* The owners to be sent the write once more. */
static uint64_t write_missing(const struct operation *operation)
{
    return operation->allowed & ~operation->voted & ~operation->refused &
           ~write_self_bit(operation);
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
    uint64_t missing = write_missing(operation);
    uint64_t silent = missing & operation->asked & ~operation->waiting;
    for (uint64_t rest = silent; rest != 0; rest &= rest - 1) {
        reach_silent(coordinator->reach, operation->placement.nodes[__builtin_ctzll(rest)],
                     coordinator->now.mono_us);
    }
    /* Storing is idempotent: what was lost on the way is sent again. */
    fallback_hedge(operation, silent);
    write_send_more(operation, missing & operation_reachable(operation));
}

void write_on_local(struct operation *operation, int code)
{
    if (operation->issued) {
        if (code == 0) {
            write_send_more(operation, write_missing(operation) & operation_reachable(operation));
        }
        return; /* or the hedge timer tries again */
    }
    if (code < 0) {
        (void)write_fail(operation, code);
        return;
    }
    write_try(operation);
}
