/* Reading from R owners: a get, or the first half of a write without a context, which replaces what
 * a read quorum holds. All answers are merged; whoever answered a get with less than the merge is
 * sent the merge (read repair, Dynamo section 5). Usually only R owners are asked; the others are
 * asked as well once one of these keeps silent for longer than it usually does, and by one read in
 * eight, so that reading heals owners that are behind. */
#include "coordinate/read.h"
#include "base/mutant.h"
#include "shoal/error.h"

void read_note_refusal(struct operation *operation, uint32_t target, int code)
{
    operation_refused(operation, target, code);
    if (code == SHOAL_EDAMAGED) {
        operation->damaged |= operation_bit(target);
        operation->digests[target] = 0; /* so that it is sent the merge, if there is one */
    }
}

int read_local_copy(struct operation *operation, struct bytes *encoded)
{
    struct replica *replica = operation->coordinator->replica;
    const struct holding *holding = replica_holding(replica, operation->partition);
    if (holding == NULL || (holding->refilling && !MUTANT(count_refilling))) {
        return SHOAL_EREFILLING;
    }
    return read_is_whole(operation) ? replica_read_encoded(replica, &operation->key, encoded)
                                    : replica_versions(replica, &operation->key, encoded);
}

void read_local(struct operation *operation)
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
        result = read_hold_own(operation, encoded);
    }
    if (result < 0) {
        read_note_refusal(operation, self, result);
        return;
    }
    operation->digests[self] = read_digest(encoded);
    operation->voted |= bit;
}

/* ---- the end ---- */

uint64_t read_late(const struct operation *operation)
{
    return operation->asked & ~operation->voted & ~operation->refused & ~operation->waiting;
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

enum read_state {
    READ_OPEN,   /* more answers are needed, or this node's own disk */
    READ_AGAIN,  /* to be judged anew, for an answer does not count any more */
    READ_DONE,   /* the merge is what they come to */
    READ_FAILED, /* and the operation is gone */
};

/* Those that only said that they hold what this node holds are asked for all of it, with the clock.
 */
static void read_ask_whole(struct operation *operation, uint64_t targets)
{
    operation->differs = true;
    operation->voted &= ~targets;
    read_ask_many(operation, targets, LIMIT_REQUEST_TARGETS);
}

/* Answers that differ, under each other's clocks. */
static enum read_state read_conclude_differing(struct operation *operation, uint64_t votes)
{
    int self = placement_index(&operation->placement, operation->coordinator->self);
    uint64_t own_bit = self < 0 ? 0 : operation_bit((uint32_t)self);
    uint64_t whole = votes & (operation->kept | own_bit);
    if (!placement_read_met(&operation->placement, whole, operation->quorum.r)) {
        read_ask_whole(operation, votes & ~whole);
        return READ_OPEN;
    }
    if (operation->local_waits) {
        whole &= ~own_bit; /* it has to be read yet, or anew: enough others make up for it */
        if (!placement_read_met(&operation->placement, whole, operation->quorum.r)) {
            read_ask_whole(operation, votes & ~whole & ~own_bit);
            return READ_OPEN;
        }
    }
    bool own = false;
    int result = read_settle(operation, whole, &own);
    if (result == REPLICA_PENDING) {
        operation_await_local(operation);
        return READ_OPEN;
    }
    if (result < 0 && own) {
        operation->voted &= ~own_bit;
        read_note_refusal(operation, (uint32_t)self, result);
        return READ_AGAIN;
    }
    if (result < 0) {
        coordinator_fail(operation, result, "%s: can't put the answers together: %s",
                         request_op_text(operation->request->op), shoal_error_text(result));
        return READ_FAILED;
    }
    return READ_DONE;
}

/* Have enough answered, and what do they come to? */
static enum read_state read_conclude(struct operation *operation)
{
    uint64_t votes = operation->voted & read_targets(operation);
    if (!placement_read_met(&operation->placement, votes, operation->quorum.r)) {
        return READ_OPEN;
    }
    if (!read_is_whole(operation)) {
        return READ_DONE;
    }
    if (!read_agrees(operation, votes)) {
        return read_conclude_differing(operation, votes);
    }
    int result = read_settle_alike(operation, votes);
    if (result < 0) {
        coordinator_fail(operation, result, "%s: %s", request_op_text(operation->request->op),
                         shoal_error_text(result));
        return READ_FAILED;
    }
    if (result > 0) {
        read_ask_whole(operation, votes);
    }
    return result > 0 ? READ_OPEN : READ_DONE;
}

/* How long to wait before others are asked as well. This node's own disk gets as long as the
 * swiftest other owner usually takes: beyond that there is a faster way. */
static uint64_t read_hedge_us(const struct operation *operation)
{
    const struct coordinator *coordinator = operation->coordinator;
    int first = __builtin_ffsll((long long)(operation->asked & ~operation->voted));
    if (first == 0) {
        return COORDINATOR_HEDGE_US_MIN;
    }
    uint64_t target = operation_bit((uint32_t)first - 1);
    bool own = operation->placement.nodes[first - 1] == coordinator->self;
    return read_swiftest_us(operation, own ? read_targets(operation) & ~target : target);
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
    if (operation->damaged != 0 && (read_targets(operation) & ~operation->damaged) == 0) {
        coordinator_fail(operation, SHOAL_EDAMAGED,
                         "the record of key '%s' is damaged on disk and there is no other copy: "
                         "restore a backup or overwrite it",
                         request_key_text(operation->coordinator, operation->key.key));
        return;
    }
    enum read_state state = READ_AGAIN;
    while (state == READ_AGAIN) {
        state = read_conclude(operation);
    }
    if (state == READ_DONE) {
        read_finish(operation);
    }
    if (state != READ_OPEN) {
        return;
    }
    read_ask_enough(operation);
    if (!timer_running(&operation->hedge)) {
        operation_wait(operation, read_hedge_us(operation));
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
        uint64_t target = operation_bit((uint32_t)__builtin_ctzll(rest));
        uint64_t node = operation->placement.nodes[__builtin_ctzll(rest)];
        /* Another may have been what was not waited for longer. */
        if (node != coordinator->self && elapsed_us >= read_swiftest_us(operation, target)) {
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

/* Takes the content of an answer: 0, a negative code, or 1 when there is none, and it was asked for
 * again. */
static int read_take_content(struct operation *operation, uint32_t target,
                             const struct message_fetched *fetched)
{
    uint64_t bit = operation_bit(target);
    if (!read_is_whole(operation)) {
        return read_hold(operation, fetched->object);
    }
    bool known = (operation->known_told & bit) != 0 && fetched->digest == operation->known;
    if (fetched->object.data != NULL || (fetched->digest == 0 && !known)) {
        return read_keep(operation, target, fetched->object, fetched->clock);
    }
    if (!known) {
        operation->known_told &= ~bit; /* it stands for what it was told long ago */
        operation->asked &= ~bit;
        return 1;
    }
    operation->kept &= ~bit;
    return 0;
}

static void read_take(struct operation *operation, uint32_t target,
                      const struct message_fetched *fetched)
{
    uint64_t bit = operation_bit(target);
    int result = read_take_content(operation, target, fetched);
    if (result != 0) {
        if (result < 0) {
            operation_refused(operation, target, result);
        }
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
