/* Whom a read asks: as many owners as it needs, the responsive ones first; and what for. */
#include "coordinate/read.h"
#include "coordinate/traced.h"

/* One get in so many asks everybody, so that reading heals owners that are behind. */
#define READ_ASK_ALL_ONE_IN 8u

/* An owner whose answers take so many times as long as another's is asked after it. */
#define READ_SLOWER_TIMES 4u

uint64_t read_targets(const struct operation *operation)
{
    const struct placement *placement = &operation->placement;
    return placement->present[placement->read_layout] & operation->allowed;
}

/* Has this node's own copy a vote, for others to be compared with? */
static bool read_knows(struct operation *operation)
{
    int self = placement_index(&operation->placement, operation->coordinator->self);
    if (self < 0 || (operation->voted & operation_bit((uint32_t)self)) == 0) {
        return false;
    }
    operation->known = operation->digests[self];
    return true;
}

/* Whoever holds what this node holds itself answers so, and no more; until answers differ. */
static void read_ask(struct operation *operation, uint32_t target)
{
    struct coordinator *coordinator = operation->coordinator;
    bool get = read_is_whole(operation);
    bool has_known = get && !operation->differs && read_knows(operation);
    struct message_fetch fetch = {
        .id = operation->id,
        .partition = operation->partition,
        .key = operation->key.key,
        .mode = get ? FETCH_OBJECT : FETCH_VERSIONS,
        .has_known = has_known,
        .known = has_known ? operation->known : 0,
        .view_digest = coordinator->view->digest,
        .trace = operation_trace(operation, operation->placement.nodes[target], "FETCH"),
    };
    buffer_clear(coordinator->frame);
    if (message_fetch_encode(&fetch, coordinator->frame) < 0 ||
        coordinator_send(coordinator, operation->placement.nodes[target]) < 0) {
        return;
    }
    uint64_t bit = operation_bit(target);
    operation_asked(operation, target);
    operation->known_told = has_known ? operation->known_told | bit : operation->known_told & ~bit;
}

void read_ask_many(struct operation *operation, uint64_t targets, uint32_t count)
{
    for (; targets != 0 && count > 0; count--) {
        uint32_t i = (uint32_t)__builtin_ctzll(targets);
        targets &= targets - 1;
        read_ask(operation, i);
    }
}

/* The most that an owner usually takes to answer. */
static uint64_t read_usual_us(const struct operation *operation, uint32_t target)
{
    return reach_hedge_us(operation->coordinator->reach, operation->placement.nodes[target],
                          COORDINATOR_HEDGE_US_MIN, COORDINATOR_HEDGE_US_MAX);
}

uint64_t read_swiftest_us(const struct operation *operation, uint64_t targets)
{
    uint64_t least_us = COORDINATOR_HEDGE_US_MAX;
    for (uint64_t rest = targets; rest != 0; rest &= rest - 1) {
        uint64_t usual_us = read_usual_us(operation, (uint32_t)__builtin_ctzll(rest));
        least_us = usual_us < least_us ? usual_us : least_us;
    }
    return least_us;
}

/* Those of them that don't take much longer than the swiftest. The others are not forgotten: every
 * write asks them, and one get in so many. */
static uint64_t read_swift(const struct operation *operation, uint64_t targets)
{
    uint64_t most_us = READ_SLOWER_TIMES * read_swiftest_us(operation, targets);
    uint64_t swift = 0;
    for (uint64_t rest = targets; rest != 0; rest &= rest - 1) {
        uint32_t i = (uint32_t)__builtin_ctzll(rest);
        if (read_usual_us(operation, i) <= most_us) {
            swift |= operation_bit(i);
        }
    }
    return swift;
}

/* Asks so many of the targets, in order; returns how many are still to be asked. */
static uint32_t read_ask_some(struct operation *operation, uint64_t targets, uint32_t count)
{
    uint32_t available = (uint32_t)__builtin_popcountll(targets);
    read_ask_many(operation, targets, count);
    return available < count ? count - available : 0;
}

void read_ask_enough(struct operation *operation)
{
    struct coordinator *coordinator = operation->coordinator;
    uint64_t open = read_targets(operation) & ~operation->refused;
    uint32_t expected =
        (uint32_t)__builtin_popcountll(open & (operation->asked | operation->waiting));
    if (expected >= operation->quorum.r) {
        return;
    }
    uint64_t candidates = open & ~operation->asked & operation_reachable(operation);
    uint64_t disputed =
        candidates & operation->disputed; /* they keep what the write didn't replace */
    uint64_t usable = disputed;
    for (uint64_t rest = candidates; rest != 0; rest &= rest - 1) {
        uint32_t i = (uint32_t)__builtin_ctzll(rest);
        if (reach_usable(coordinator->reach, operation->placement.nodes[i],
                         coordinator->now.mono_us)) {
            usable |= operation_bit(i);
        }
    }
    uint32_t short_of = operation->quorum.r - expected;
    if (read_is_whole(operation) && operation->id % READ_ASK_ALL_ONE_IN == 0) {
        short_of = LIMIT_REQUEST_TARGETS;
    }
    uint64_t swift = usable;
    if ((uint32_t)__builtin_popcountll(usable) > short_of) {
        swift = disputed | read_swift(operation, usable);
    }
    short_of = read_ask_some(operation, swift, short_of);
    short_of = read_ask_some(operation, usable & ~swift, short_of);
    (void)read_ask_some(operation, candidates & ~usable, short_of);
}
