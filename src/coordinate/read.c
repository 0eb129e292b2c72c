/* Reading from R owners: a get, or the first half of a write without a context, which replaces what
 * a read quorum holds. All answers are merged; whoever answered a get with less than the merge is
 * sent the merge (read repair, Dynamo section 5). Usually only R owners are asked; the others are
 * asked as well once one of these keeps silent for longer than it usually does, and by one read in
 * eight, so that reading heals owners that are behind. */
#include "base/assert.h"
#include "base/hash.h"
#include "coordinate/coordinator.h"
#include "shoal/error.h"

#define READ_ASK_ALL_ONE_IN 8u

static bool read_is_get(const struct operation *operation)
{
    return operation->phase == OPERATION_LINGERING || operation->request->op == REQUEST_GET;
}

/* The targets whose answers count: owners in the layout that reads go by. */
static uint64_t read_targets(const struct operation *operation)
{
    const struct placement *placement = &operation->placement;
    return placement->present[placement->read_layout] & operation->allowed;
}

static void read_note_refusal(struct operation *operation, uint32_t target, int code)
{
    operation_refused(operation, target, code);
    if (code == SHOAL_EDAMAGED) {
        operation->damaged |= operation_bit(target);
        operation->digests[target] = 0; /* so that it is sent the merge, if there is one */
    }
}

/* What this node holds itself, if its holding is complete: a replica_outcome or a negative code. */
static int read_local_copy(struct operation *operation, struct bytes *encoded)
{
    struct replica *replica = operation->coordinator->replica;
    const struct holding *holding = replica_holding(replica, operation->partition);
    if (holding == NULL || holding->refilling) {
        return SHOAL_EREFILLING;
    }
    return read_is_get(operation) ? replica_read_encoded(replica, &operation->key, encoded)
                                  : replica_versions(replica, &operation->key, encoded);
}

/* This node's own answer, when it has one to give, or will have once its disk has been read. */
static void read_local(struct operation *operation)
{
    int found = placement_index(&operation->placement, operation->coordinator->self);
    uint32_t self = (uint32_t)found;
    if (found < 0 || (read_targets(operation) & operation_bit(self)) == 0) {
        return;
    }
    uint64_t bit = operation_bit(self);
    operation->asked |= bit;
    if (((operation->voted | operation->refused) & bit) != 0 || operation->local_waits) {
        return;
    }
    struct bytes encoded;
    int result = read_local_copy(operation, &encoded);
    if (result == REPLICA_PENDING) {
        operation_await_local(operation);
        return;
    }
    if (result == REPLICA_DONE) {
        result = read_hold(operation, encoded);
    }
    if (result < 0) {
        read_note_refusal(operation, self, result);
        return;
    }
    operation->digests[self] = read_digest(encoded);
    operation->voted |= bit;
}

/* Has this node's own copy a vote, for others to be compared with? */
static bool read_knows(const struct operation *operation, uint32_t *self)
{
    int found = placement_index(&operation->placement, operation->coordinator->self);
    *self = (uint32_t)found;
    return found >= 0 && (operation->voted & operation_bit(*self)) != 0;
}

/* Whoever holds what this node holds itself answers so, and no more; unless `whole` is wanted. */
static void read_ask(struct operation *operation, uint32_t target, bool whole)
{
    struct coordinator *coordinator = operation->coordinator;
    uint32_t self;
    bool get = read_is_get(operation);
    bool has_known = get && !whole && read_knows(operation, &self);
    struct message_fetch fetch = {
        .id = operation->id,
        .partition = operation->partition,
        .key = operation->key.key,
        .mode = get ? FETCH_OBJECT : FETCH_VERSIONS,
        .has_known = has_known,
        .known = has_known ? operation->digests[self] : 0,
        .view_digest = coordinator->view->digest,
    };
    buffer_clear(coordinator->frame);
    if (message_fetch_encode(&fetch, coordinator->frame) < 0 ||
        coordinator_send(coordinator, operation->placement.nodes[target]) < 0) {
        return;
    }
    uint64_t bit = operation_bit(target);
    operation->asked |= bit;
    operation->known_told = has_known ? operation->known_told | bit : operation->known_told & ~bit;
    operation->last_ask_us = coordinator->now.mono_us;
}

static void read_ask_many(struct operation *operation, uint64_t targets, uint32_t count)
{
    for (; targets != 0 && count > 0; count--) {
        uint32_t i = (uint32_t)__builtin_ctzll(targets);
        targets &= targets - 1;
        read_ask(operation, i, false);
    }
}

/* Asks as many more owners as the quorum is short of, the responsive ones first. */
static void read_ask_enough(struct operation *operation)
{
    struct coordinator *coordinator = operation->coordinator;
    uint64_t open = read_targets(operation) & ~operation->refused;
    uint32_t expected =
        (uint32_t)__builtin_popcountll(open & (operation->asked | operation->waiting));
    if (expected >= operation->quorum.r) {
        return;
    }
    uint64_t candidates = open & ~operation->asked & operation_reachable(operation);
    uint64_t usable =
        candidates & operation->disputed; /* they keep what the write didn't replace */
    for (uint64_t rest = candidates; rest != 0; rest &= rest - 1) {
        uint32_t i = (uint32_t)__builtin_ctzll(rest);
        if (reach_usable(coordinator->reach, operation->placement.nodes[i],
                         coordinator->now.mono_us)) {
            usable |= operation_bit(i);
        }
    }
    uint32_t short_of = operation->quorum.r - expected;
    if (read_is_get(operation) && operation->id % READ_ASK_ALL_ONE_IN == 0) {
        short_of = LIMIT_REQUEST_TARGETS;
    }
    read_ask_many(operation, usable, short_of);
    uint32_t asked = (uint32_t)__builtin_popcountll(usable);
    if (asked < short_of) {
        read_ask_many(operation, candidates & ~usable, short_of - asked);
    }
}

/* ---- read repair ---- */

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

static void read_repair(struct operation *operation)
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

/* ---- the end ---- */

static uint64_t read_late(const struct operation *operation)
{
    return operation->asked & ~operation->voted & ~operation->refused & ~operation->waiting;
}

/* Some who were asked have not answered: the operation stays a while, to repair them too, with a
 * copy of the key. False when there is nobody to stay for, or too many stay already. */
static bool read_linger(struct operation *operation)
{
    struct coordinator *coordinator = operation->coordinator;
    struct bytes key = operation->key.key;
    size_t bytes = operation->merged.len + key.len;
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

static void read_finish(struct operation *operation)
{
    if (operation->request->op != REQUEST_GET) {
        operation->phase = OPERATION_WRITING;
        operation_forget_answers(operation);
        write_begin(operation);
        return;
    }
    struct outcome outcome = {.owners = operation_votes(operation), .needed = operation->quorum.r};
    int result = read_outcome(operation, &outcome);
    if (result < 0) {
        coordinator_fail(operation, result, "get: can't put the answer together: %s",
                         shoal_error_text(result));
        return;
    }
    if (outcome.code == SHOAL_ENOTFOUND) {
        outcome.text = bytes_from_string("no such key");
    }
    read_repair(operation);
    bool stays = read_linger(operation);
    coordinator_complete(operation, &outcome);
    if (!stays) {
        operation_free(operation);
    }
}

void read_judge(struct operation *operation)
{
    read_local(operation);
    if (operation->over_budget) {
        coordinator_fail(operation, SHOAL_EOVERLOAD,
                         "%s: reads in flight hold %u MiB of answers already: try again later; %s",
                         request_op_text(operation->request->op),
                         (unsigned)(COORDINATOR_READING_BYTES_MAX / LIMIT_MIB),
                         operation_fate(operation));
        return;
    }
    uint64_t votes = operation->voted & read_targets(operation);
    if (operation->damaged != 0 && (read_targets(operation) & ~operation->damaged) == 0) {
        coordinator_fail(operation, SHOAL_EDAMAGED,
                         "the record of key '%s' is damaged on disk and there is no other copy: "
                         "restore a backup or overwrite it",
                         request_key_text(operation->coordinator, operation->key.key));
        return;
    }
    if (placement_read_met(&operation->placement, votes, operation->quorum.r)) {
        read_finish(operation);
        return;
    }
    read_ask_enough(operation);
    if (!timer_running(&operation->hedge)) {
        int first = __builtin_ffsll((long long)(operation->asked & ~operation->voted));
        uint64_t hedge_us =
            first == 0 ? COORDINATOR_HEDGE_US_MIN
                       : reach_hedge_us(operation->coordinator->reach,
                                        operation->placement.nodes[first - 1],
                                        COORDINATOR_HEDGE_US_MIN, COORDINATOR_HEDGE_US_MAX);
        operation_wait(operation, hedge_us);
    }
}

bool read_is_own(const struct operation *operation)
{
    const struct coordinator *coordinator = operation->coordinator;
    const struct holding *holding = replica_holding(coordinator->replica, operation->partition);
    int self = placement_index(&operation->placement, coordinator->self);
    return operation->quorum.r == 1 && self >= 0 && holding != NULL && !holding->refilling &&
           (read_targets(operation) & operation_bit((uint32_t)self)) != 0;
}

void read_begin(struct operation *operation)
{
    read_judge(operation);
}

static bool read_possible(const struct operation *operation)
{
    uint64_t possible = (operation_reachable(operation) & ~operation->refused) | operation->voted |
                        operation->waiting;
    return placement_read_met(&operation->placement, possible & read_targets(operation),
                              operation->quorum.r);
}

void read_hedge(struct operation *operation)
{
    struct coordinator *coordinator = operation->coordinator;
    uint64_t elapsed_us = coordinator->now.mono_us - operation->started_us;
    if (elapsed_us >= COORDINATOR_GRACE_US && !read_possible(operation)) {
        uint64_t targets = read_targets(operation);
        coordinator_fail(operation, SHOAL_EQUORUM,
                         "%s needs R=%u owners that can answer for key '%s'; owners: %s; answered: "
                         "%s; try again when they are back; %s",
                         request_op_text(operation->request->op), operation->quorum.r,
                         request_key_text(coordinator, operation->key.key),
                         operation_names(operation, targets),
                         operation_names(operation, operation->voted), operation_fate(operation));
        return;
    }
    for (uint64_t rest = read_late(operation); rest != 0; rest &= rest - 1) {
        uint64_t node = operation->placement.nodes[__builtin_ctzll(rest)];
        if (node != coordinator->self) {
            reach_silent(coordinator->reach, node, coordinator->now.mono_us);
        }
    }
    coordinator_count(coordinator, coordinator->metrics.hedges);
    operation->refused = 0; /* a refilling holding may be complete by now */
    uint64_t open = read_targets(operation) & ~operation->voted & operation_reachable(operation);
    int self = placement_index(&operation->placement, coordinator->self);
    if (self >= 0) {
        open &= ~operation_bit((uint32_t)self);
    }
    read_ask_many(operation, open, LIMIT_REQUEST_TARGETS);
    read_judge(operation);
}

/* ---- answers ---- */

/* After a late answer: repairs whom it tells of, or all that are behind it. */
static void read_end_lingering(struct operation *operation)
{
    read_repair(operation);
    if (read_late(operation) == 0) {
        operation_free(operation);
    }
}

void read_on_local(struct operation *operation, int code)
{
    int self = placement_index(&operation->placement, operation->coordinator->self);
    if (code < 0 && self >= 0) {
        read_note_refusal(operation, (uint32_t)self, code);
    }
    if (operation->phase == OPERATION_READING) {
        read_judge(operation);
        return;
    }
    read_local(operation);
    read_end_lingering(operation);
}

static void read_take(struct operation *operation, uint32_t target,
                      const struct message_fetched *fetched)
{
    uint64_t bit = operation_bit(target);
    if (fetched->digest != 0 && fetched->object.data == NULL) {
        /* It holds what it was told; perhaps long ago: a vote only for what is held here still. */
        uint32_t self;
        if (!read_knows(operation, &self) || fetched->digest != operation->digests[self]) {
            read_ask(operation, target, true);
            return;
        }
    } else if (read_hold(operation, fetched->object) < 0) {
        operation_refused(operation, target, SHOAL_EOVERLOAD);
        return;
    }
    operation->digests[target] = fetched->digest;
    if (coordinator_accounts(operation->coordinator, operation, target, fetched->view_digest,
                             fetched->view) == 1) {
        operation->voted |= bit;
        operation->waiting &= ~bit;
    }
}

void read_on_fetched(struct operation *operation, uint32_t target,
                     const struct message_fetched *fetched)
{
    uint64_t bit = operation_bit(target);
    if ((operation->voted & bit) != 0) {
        return; /* an answer again */
    }
    if (fetched->code != 0) {
        read_note_refusal(operation, target, fetched->code);
        if (fetched->view.data != NULL) {
            (void)operation->coordinator->courier.learn(operation->coordinator->courier.self,
                                                        fetched->view_digest, fetched->view);
        }
    } else {
        read_take(operation, target, fetched);
    }
    if (operation->phase == OPERATION_READING) {
        read_judge(operation);
        return;
    }
    read_end_lingering(operation);
}
