/* Finding fallbacks and counting them. See fallback.h. They are the members of the newest layout in
 * the order of the ring behind the partition's owners, the same from every coordinator, less those
 * that can't be reached either. */
#include "coordinate/fallback.h"

#include "base/mutant.h"
#include "coordinate/write.h"
#include "shoal/error.h"

/* So many are looked at for one partition. */
#define FALLBACK_CANDIDATES_MAX 32u

static uint32_t fallback_bit(uint32_t index)
{
    return UINT32_C(1) << index;
}

static uint32_t fallback_all(const struct operation *operation)
{
    return fallback_bit(operation->fallback_count) - 1;
}

uint32_t fallback_votes(const struct operation *operation)
{
    return (uint32_t)__builtin_popcount(operation->fallback_voted);
}

int fallback_index(const struct operation *operation, uint64_t node)
{
    for (uint32_t i = 0; i < operation->fallback_count; i++) {
        if (operation->fallbacks[i] == node) {
            return (int)i;
        }
    }
    return -1;
}

void fallback_reset(struct operation *operation)
{
    operation->given_up = 0;
    operation->fallback_count = 0;
    operation->fallback_asked = 0;
    operation->fallback_voted = 0;
    operation->fallback_refused = 0;
    operation->fallback_timed = 0;
}

/* ---- who ---- */

static bool fallback_healthy(const struct operation *operation, uint64_t node)
{
    const struct coordinator *coordinator = operation->coordinator;
    bool reached = reach_linked(coordinator->reach, node) && !reach_quiet(coordinator->reach, node);
    return (reached || MUTANT(trust_gossip)) &&
           coordinator->courier.storage(coordinator->courier.self, node) == NODE_STORAGE_OK;
}

/* Owners for which somebody is to stand in: they can't be reached, keep silent, or don't take it.
 */
static uint64_t fallback_away(const struct operation *operation)
{
    const struct coordinator *coordinator = operation->coordinator;
    uint64_t away = operation->given_up | operation->refused;
    for (uint32_t i = 0; i < operation->placement.node_count; i++) {
        uint64_t node = operation->placement.nodes[i];
        if (node != coordinator->self && !fallback_healthy(operation, node)) {
            away |= operation_bit(i);
        }
    }
    return away & operation->allowed & ~operation->voted & ~write_self_bit(operation);
}

/* Those that may yet confirm, or have. */
static uint32_t fallback_standing(const struct operation *operation)
{
    uint32_t standing = operation->fallback_voted;
    for (uint32_t i = 0; i < operation->fallback_count; i++) {
        bool open = (operation->fallback_refused & fallback_bit(i)) == 0;
        if (open && fallback_healthy(operation, operation->fallbacks[i])) {
            standing |= fallback_bit(i);
        }
    }
    return (uint32_t)__builtin_popcount(standing);
}

/* Further candidates, at most so many, in order; returns how many there are. */
static uint32_t fallback_find(const struct operation *operation, uint64_t *out, uint32_t wanted)
{
    const struct coordinator *coordinator = operation->coordinator;
    uint64_t candidates[FALLBACK_CANDIDATES_MAX];
    uint32_t found = 0;
    uint32_t room = COORDINATOR_FALLBACKS_MAX - operation->fallback_count;
    wanted = wanted < room ? wanted : room;
    if (!coordinator->sloppy || wanted == 0) {
        return 0;
    }
    uint32_t count = layout_fallbacks(view_newest(coordinator->view), operation->partition,
                                      candidates, FALLBACK_CANDIDATES_MAX);
    for (uint32_t i = 0; i < count && found < wanted; i++) {
        uint64_t node = candidates[i];
        if (node != coordinator->self && placement_index(&operation->placement, node) < 0 &&
            !view_removed(coordinator->view, node) && fallback_index(operation, node) < 0 &&
            fallback_healthy(operation, node)) {
            out[found++] = node;
        }
    }
    return found;
}

static uint32_t fallback_lacking(const struct operation *operation)
{
    uint32_t away = (uint32_t)__builtin_popcountll(fallback_away(operation));
    uint32_t standing = fallback_standing(operation);
    return away > standing ? away - standing : 0;
}

uint32_t fallback_supply(struct operation *operation)
{
    uint64_t found[COORDINATOR_FALLBACKS_MAX];
    return fallback_standing(operation) +
           fallback_find(operation, found, fallback_lacking(operation));
}

static uint32_t fallback_open(const struct operation *operation)
{
    return fallback_all(operation) & ~operation->fallback_voted & ~operation->fallback_refused;
}

/* Those to be sent the write now. Who was sent it and has not confirmed is left to the hedge timer
 * or the next view: asking again with each answer that comes would double with every round trip. */
static uint32_t fallback_unasked(const struct operation *operation)
{
    return fallback_open(operation) & (MUTANT(fallback_storm) ? ~0u : ~operation->fallback_asked);
}

bool fallback_wanted(struct operation *operation)
{
    uint64_t found[COORDINATOR_FALLBACKS_MAX];
    return operation->coordinator->sloppy &&
           (fallback_unasked(operation) != 0 ||
            fallback_find(operation, found, fallback_lacking(operation)) > 0);
}

void fallback_hedge(struct operation *operation, uint64_t silent)
{
    struct coordinator *coordinator = operation->coordinator;
    uint64_t now_us = coordinator->now.mono_us;
    if (now_us - operation->started_us >= COORDINATOR_STAND_IN_US) {
        operation->given_up |= silent;
    }
    operation->fallback_asked = 0;
    for (uint32_t open = fallback_open(operation); open != 0; open &= open - 1) {
        reach_silent(coordinator->reach, operation->fallbacks[__builtin_ctz(open)], now_us);
    }
}

void fallback_place(struct operation *operation)
{
    operation->fallback_asked = 0;
    for (uint32_t i = 0; i < operation->fallback_count; i++) {
        if (placement_index(&operation->placement, operation->fallbacks[i]) >= 0) {
            operation->fallback_voted &= ~fallback_bit(i);
            operation->fallback_refused |= fallback_bit(i);
        }
    }
}

/* ---- asking and hearing them ---- */

void fallback_send(struct operation *operation, struct bytes encoded)
{
    struct coordinator *coordinator = operation->coordinator;
    if (!coordinator->sloppy) {
        return;
    }
    operation->fallback_count += fallback_find(
        operation, &operation->fallbacks[operation->fallback_count], fallback_lacking(operation));
    uint32_t open = fallback_unasked(operation);
    struct message_store store = write_message(operation, encoded);
    store.hint = true;
    buffer_clear(coordinator->frame);
    if (open == 0 || message_store_encode(&store, coordinator->frame) < 0) {
        return;
    }
    for (; open != 0; open &= open - 1) {
        uint32_t index = (uint32_t)__builtin_ctz(open);
        if (write_store_to(operation, operation->fallbacks[index], &store) == 0) {
            operation_asked_fallback(operation, index);
        }
    }
}

void fallback_on_stored(struct operation *operation, uint32_t index,
                        const struct message_stored *stored)
{
    struct coordinator *coordinator = operation->coordinator;
    uint32_t bit = fallback_bit(index);
    if (stored->view.data != NULL) {
        (void)coordinator->courier.learn(coordinator->courier.self, stored->view_digest,
                                         stored->view);
    }
    if ((operation->fallback_refused & bit) != 0) {
        return;
    }
    if (stored->code != 0) {
        operation->fallback_refused |= bit;
        operation->fallback_refusal = stored->code;
    } else if (coordinator_knows(coordinator, stored->view_digest) && stored->actor == 0) {
        operation->fallback_voted |= bit;
    } /* else it is asked again when its view is known here: it may be an owner */
    write_judge(operation);
}

void fallback_void(struct operation *operation, uint64_t node)
{
    int index = fallback_index(operation, node);
    if (index >= 0) {
        operation->fallback_asked &= ~fallback_bit((uint32_t)index);
        operation->fallback_timed &= ~fallback_bit((uint32_t)index);
        operation->fallback_voted &= ~fallback_bit((uint32_t)index);
    }
}

/* ---- counting them ---- */

uint32_t fallback_owner_votes(const struct operation *operation)
{
    const struct placement *placement = &operation->placement;
    uint32_t least = operation_votes(operation);
    if (operation->fallback_voted == 0) {
        return least;
    }
    for (uint32_t i = 0; i < placement->layout_count; i++) {
        uint64_t votes = operation->voted & placement->present[i];
        uint32_t count = (uint32_t)__builtin_popcountll(votes);
        if (count < least && !placement_met(placement, i, votes, operation->quorum.w)) {
            least = count;
        }
    }
    return least;
}

bool fallback_write_met(const struct operation *operation, uint64_t owners, uint32_t fallbacks)
{
    const struct placement *placement = &operation->placement;
    const struct quorum *quorum = &operation->quorum;
    if (placement_write_met(placement, owners, quorum->w)) {
        return true;
    }
    uint32_t pw = quorum->pw > 1 ? quorum->pw : 1; /* this node is one */
    if (fallbacks == 0 || (!placement_write_met(placement, owners, pw) && !MUTANT(pw_fallbacks))) {
        return false;
    }
    for (uint32_t i = 0; i < placement->layout_count; i++) {
        uint32_t have = (uint32_t)__builtin_popcountll(owners & placement->present[i]);
        if (have + fallbacks < quorum->w && !placement_met(placement, i, owners, quorum->w)) {
            return false;
        }
    }
    return true;
}
