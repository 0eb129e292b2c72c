/* One partition of a list: whom to ask for a page, and when there are enough of them. This node is
 * asked first, and owners that keep silent or refuse are asked last, so that one of them costs a
 * list one wait and not one for every partition that it owns. */
#include "base/mutant.h"
#include "coordinate/list.h"

#define LIST_SCAN_BYTES (256u * LIMIT_KIB)
#define LIST_KEEP_BYTES (2u * LIST_SCAN_BYTES) /* a page's memory kept for the next partition */

void list_slot_close(struct operation *operation, struct list_slot *slot)
{
    if (slot->id != 0) {
        (void)table_remove(&operation->coordinator->operations, slot->id);
        slot->id = 0;
    }
    size_t released = 0;
    for (uint32_t i = 0; i < LIMIT_REQUEST_TARGETS; i++) {
        struct buffer *page = &slot->pages[i];
        released += page->len;
        buffer_clear(page);
        if (page->capacity > LIST_KEEP_BYTES) {
            buffer_deinit(page);
            buffer_init(page, 0);
        }
    }
    operation_hold(operation, operation->reading_bytes - released);
}

uint32_t list_coverage(const struct operation *operation)
{
    const struct cluster_facts *facts = view_facts(operation->coordinator->view);
    return facts->n - facts->w + (MUTANT(list_one_less) && facts->n > facts->w ? 0 : 1);
}

static void list_ask(struct operation *operation, struct list_slot *slot, uint32_t target)
{
    struct coordinator *coordinator = operation->coordinator;
    const struct request *request = operation->request;
    const struct listing *listing = operation->listing;
    uint64_t left = list_answer_left(&listing->answer).keys;
    struct message_scan scan = {
        .id = slot->id,
        .partition = slot->partition,
        .position = slot->position,
        .keys_max = left < LIMIT_PAGE_KEYS ? (uint32_t)left : LIMIT_PAGE_KEYS,
        .bytes_max = LIST_SCAN_BYTES,
        .prefix = request->key,
        .stripped = !request->with_values,
        .view_digest = coordinator->view->digest,
        .trace = request->trace,
    };
    buffer_clear(coordinator->frame);
    if (message_scan_encode(&scan, coordinator->frame) == 0 &&
        coordinator_send(coordinator, slot->placement.nodes[target]) == 0) {
        slot->asked |= operation_bit(target);
    }
}

static uint64_t list_targets(const struct list_slot *slot)
{
    return slot->placement.present[slot->placement.read_layout];
}

/* ---- whom to ask last ---- */

static uint32_t list_doubt_find(const struct list_doubts *doubts, uint64_t node)
{
    uint32_t i = 0;
    while (i < doubts->count && doubts->nodes[i] != node) {
        i++;
    }
    return i;
}

static void list_doubt(struct list_doubts *doubts, uint64_t node)
{
    if (doubts->count < LIMIT_REQUEST_TARGETS && list_doubt_find(doubts, node) == doubts->count) {
        doubts->nodes[doubts->count++] = node;
    }
}

static void list_trust(struct list_doubts *doubts, uint64_t node)
{
    uint32_t i = list_doubt_find(doubts, node);
    if (i < doubts->count) {
        doubts->nodes[i] = doubts->nodes[--doubts->count];
    }
}

static bool list_doubted(const struct operation *operation, uint64_t node)
{
    const struct list_doubts *doubts = &operation->listing->doubts;
    return list_doubt_find(doubts, node) < doubts->count ||
           reach_quiet(operation->coordinator->reach, node);
}

/* Those who were asked and could have answered by now. */
static void list_slot_doubt(struct operation *operation, const struct list_slot *slot)
{
    const struct coordinator *coordinator = operation->coordinator;
    uint64_t waited_us = coordinator->now.mono_us - slot->begun_us;
    for (uint64_t rest = slot->asked & ~slot->voted; rest != 0; rest &= rest - 1) {
        uint64_t node = slot->placement.nodes[__builtin_ctzll(rest)];
        if (waited_us >= reach_hedge_us(coordinator->reach, node, COORDINATOR_HEDGE_US_MIN,
                                        COORDINATOR_HEDGE_US_MAX)) {
            list_doubt(&operation->listing->doubts, node);
        }
    }
}

/* ---- asking ---- */

static bool list_reached(const struct operation *operation, uint64_t node)
{
    const struct coordinator *coordinator = operation->coordinator;
    return node == coordinator->self || reach_linked(coordinator->reach, node);
}

/* Asks so many more of the open ones, those in doubt or the others. How many are still wanted. */
static uint32_t list_ask_some(struct operation *operation, struct list_slot *slot, uint64_t open,
                              bool doubted, uint32_t wanted)
{
    for (; open != 0 && wanted > 0; open &= open - 1) {
        uint32_t i = (uint32_t)__builtin_ctzll(open);
        uint64_t node = slot->placement.nodes[i];
        if (list_reached(operation, node) && list_doubted(operation, node) == doubted) {
            list_ask(operation, slot, i);
            wanted--;
        }
    }
    return wanted;
}

/* Asks so many more of the open ones. */
static void list_ask_open(struct operation *operation, struct list_slot *slot, uint64_t open,
                          uint32_t wanted)
{
    int self = placement_index(&slot->placement, operation->coordinator->self);
    uint64_t own = self < 0 ? 0 : open & operation_bit((uint32_t)self);
    wanted = list_ask_some(operation, slot, own, false, wanted);
    wanted = list_ask_some(operation, slot, open & ~own, false, wanted);
    (void)list_ask_some(operation, slot, open, true, wanted);
}

/* Asks as many owners as the coverage is short of. */
static void list_slot_ask(struct operation *operation, struct list_slot *slot)
{
    uint64_t expected = slot->asked | slot->voted;
    uint32_t count = (uint32_t)__builtin_popcountll(expected);
    uint32_t enough = list_coverage(operation);
    list_ask_open(operation, slot, list_targets(slot) & ~expected & ~slot->refused,
                  enough > count ? enough - count : 0);
}

void list_slot_ask_all(struct operation *operation, struct list_slot *slot)
{
    list_slot_doubt(operation, slot);
    slot->refused = 0;
    list_ask_open(operation, slot, list_targets(slot) & ~slot->voted, LIMIT_REQUEST_TARGETS);
}

void list_slot_on_refusal(struct operation *operation, struct list_slot *slot, uint32_t target)
{
    slot->refused |= operation_bit(target);
    list_doubt(&operation->listing->doubts, slot->placement.nodes[target]);
    list_slot_ask(operation, slot);
}

void list_slot_on_page(struct operation *operation, struct list_slot *slot, uint32_t target)
{
    slot->voted |= operation_bit(target);
    list_trust(&operation->listing->doubts, slot->placement.nodes[target]);
}

int list_slot_begin(struct operation *operation, struct list_slot *slot, uint32_t partition,
                    uint64_t position)
{
    struct coordinator *coordinator = operation->coordinator;
    list_slot_close(operation, slot);
    int result = view_place(coordinator->view, partition, &slot->placement);
    if (result < 0) {
        return result;
    }
    slot->partition = partition;
    slot->position = position;
    slot->begun_us = coordinator->now.mono_us;
    slot->asked = 0;
    slot->voted = 0;
    slot->refused = 0;
    result = table_put(&coordinator->operations, coordinator->next_id, operation);
    if (result < 0) {
        return result;
    }
    slot->id = coordinator->next_id++;
    list_slot_ask(operation, slot);
    return 0;
}

/* ---- what it has come to ---- */

bool list_slot_complete(const struct operation *operation, const struct list_slot *slot)
{
    return slot->id != 0 &&
           placement_read_met(&slot->placement, slot->voted, list_coverage(operation));
}

bool list_slot_possible(const struct operation *operation, const struct list_slot *slot)
{
    uint64_t possible = slot->voted;
    for (uint64_t rest = list_targets(slot); rest != 0; rest &= rest - 1) {
        uint32_t i = (uint32_t)__builtin_ctzll(rest);
        if (list_reached(operation, slot->placement.nodes[i])) {
            possible |= operation_bit(i);
        }
    }
    return placement_read_met(&slot->placement, possible, list_coverage(operation));
}
