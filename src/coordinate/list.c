/* Listing keys: a coverage query. Partition after partition, in the order of the ring, N-W+1 owners
 * are asked for a page of what they hold (enough of them to include one that has confirmed any
 * given write); the pages are merged object by object, and what is live after the merge is listed.
 *
 * A window of partitions is walked at once; results are taken in order:
 *
 *      taken | slot p: pages of A and B, complete | slot p+1: A heard, B asked | ... | not begun
 *
 * A cursor is (partition, position): pages end only between positions, so nothing is skipped or
 * listed twice while the cluster changes around it. */
#include "base/assert.h"
#include "base/memory.h"
#include "coordinate/coordinator.h"
#include "coordinate/list_cursor.h"
#include "coordinate/list_pages.h"
#include "model/shown.h"
#include "shoal/error.h"

#define LIST_WINDOW 16u
#define LIST_SCAN_BYTES (256u * LIMIT_KIB)
#define LIST_KEEP_BYTES (2u * LIST_SCAN_BYTES) /* a page's memory kept for the next partition */
#define LIST_ANSWER_BYTES (16u * LIMIT_MIB)

struct list_slot {
    uint64_t id; /* of its scans; 0 while unused */
    uint32_t partition;
    uint64_t position; /* from where on */
    struct placement placement;
    uint64_t asked;
    uint64_t voted;
    bool complete;
    struct buffer pages[LIMIT_REQUEST_TARGETS]; /* payloads of the answers, by target */
};

struct listing {
    struct list_slot slots[LIST_WINDOW]; /* partition p lives in slot p mod LIST_WINDOW */
    uint32_t partition;                  /* the next one to take from */
    uint32_t begun;                      /* the next one to begin */
    uint32_t partitions;
    struct arena arena; /* what has been taken */
    struct list_entry *entries;
    uint32_t count;
    uint32_t limit;
    size_t bytes;
    uint8_t cursor[LIST_CURSOR_BYTES];
};

static struct list_slot *list_slot_of(struct listing *listing, uint32_t partition)
{
    return &listing->slots[partition % LIST_WINDOW];
}

static void list_slot_close(struct operation *operation, struct list_slot *slot)
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

static void list_close(struct operation *operation)
{
    for (uint32_t i = 0; i < LIST_WINDOW; i++) {
        list_slot_close(operation, &operation->listing->slots[i]);
    }
}

void list_free(struct operation *operation)
{
    struct listing *listing = operation->listing;
    list_close(operation);
    operation->coordinator->listings--;
    operation->listing = NULL;
    for (uint32_t i = 0; i < LIST_WINDOW; i++) {
        for (uint32_t j = 0; j < LIMIT_REQUEST_TARGETS; j++) {
            buffer_deinit(&listing->slots[i].pages[j]);
        }
    }
    arena_deinit(&listing->arena);
    mem_free(listing->entries);
    mem_free(listing);
}

static uint32_t list_coverage(const struct operation *operation)
{
    const struct cluster_facts *facts = view_facts(operation->coordinator->view);
    return facts->n - facts->w + 1;
}

static void list_ask(struct operation *operation, struct list_slot *slot, uint32_t target)
{
    struct coordinator *coordinator = operation->coordinator;
    const struct request *request = operation->request;
    const struct listing *listing = operation->listing;
    uint32_t left = listing->limit - listing->count;
    struct message_scan scan = {
        .id = slot->id,
        .partition = slot->partition,
        .position = slot->position,
        .keys_max = left < LIMIT_PAGE_KEYS ? left : LIMIT_PAGE_KEYS,
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

/* Asks as many owners as the coverage is short of; all of them when `all`. */
static void list_ask_enough(struct operation *operation, struct list_slot *slot, bool all)
{
    struct coordinator *coordinator = operation->coordinator;
    uint32_t expected = (uint32_t)__builtin_popcountll(slot->asked | slot->voted);
    uint32_t wanted = all ? LIMIT_REQUEST_TARGETS : list_coverage(operation);
    uint64_t open = list_targets(slot) & ~slot->voted & (all ? UINT64_MAX : ~slot->asked);
    int self = placement_index(&slot->placement, coordinator->self);
    if (self >= 0 && (open & operation_bit((uint32_t)self)) != 0 && expected < wanted) {
        list_ask(operation, slot, (uint32_t)self);
        open &= ~operation_bit((uint32_t)self);
        expected++;
    }
    for (; open != 0 && expected < wanted; open &= open - 1) {
        uint32_t i = (uint32_t)__builtin_ctzll(open);
        if (reach_linked(coordinator->reach, slot->placement.nodes[i])) {
            list_ask(operation, slot, i);
            expected++;
        }
    }
}

/* Begins (again) to walk a partition from a position. 0 or a negative code. */
static int list_slot_begin(struct operation *operation, uint32_t partition, uint64_t position)
{
    struct coordinator *coordinator = operation->coordinator;
    struct list_slot *slot = list_slot_of(operation->listing, partition);
    list_slot_close(operation, slot);
    int result = view_place(coordinator->view, partition, &slot->placement);
    if (result < 0) {
        return result;
    }
    slot->partition = partition;
    slot->position = position;
    slot->asked = 0;
    slot->voted = 0;
    slot->complete = false;
    result = table_put(&coordinator->operations, coordinator->next_id, operation);
    if (result < 0) {
        return result;
    }
    slot->id = coordinator->next_id++;
    list_ask_enough(operation, slot, false);
    return 0;
}

/* ---- taking a complete slot's pages ---- */

/* What the key shows first: 1, 0 when it shows nothing, or a negative code. Without values counters
 * have no bytes that could be joined. */
static int list_show(struct operation *operation, const struct object *object, struct bytes *out)
{
    struct coordinator *coordinator = operation->coordinator;
    uint64_t now_ms = coordinator_expiry_ms(coordinator);
    const struct sibling *winner = object_winner(object, now_ms);
    if (winner == NULL || !operation->request->with_values || winner->kind != SIBLING_COUNTER) {
        *out = winner == NULL ? bytes_make(NULL, 0) : winner->value;
        return winner == NULL ? 0 : 1;
    }
    const struct shown *shown;
    uint32_t count;
    int result = object_show(coordinator->arena, object, now_ms, &shown, &count);
    *out = result < 0 ? bytes_make(NULL, 0) : shown[0].value;
    return result < 0 ? result : 1;
}

static int list_emit(struct operation *operation, struct bytes key, const struct object *object)
{
    struct listing *listing = operation->listing;
    struct bytes value;
    int shows = list_show(operation, object, &value);
    if (shows <= 0) {
        return shows;
    }
    struct list_entry *grown = mem_realloc(
        listing->entries, (listing->count + 1u) * sizeof(*grown)); /* amortised by realloc */
    if (grown == NULL) {
        return SHOAL_ENOMEM;
    }
    listing->entries = grown;
    struct list_entry entry = {.key = arena_copy(&listing->arena, key)};
    if (operation->request->with_values) {
        entry.value = arena_copy(&listing->arena, value);
        if (entry.value.data == NULL) {
            entry.value.data = (const uint8_t *)""; /* empty, not absent */
        }
        if (entry.value.len != value.len) {
            return SHOAL_ENOMEM;
        }
    }
    if (entry.key.len == 0) {
        entry.key.data = (const uint8_t *)""; /* empty, not absent */
    } else if (entry.key.data == NULL) {
        return SHOAL_ENOMEM;
    }
    listing->entries[listing->count++] = entry;
    listing->bytes += key.len + entry.value.len;
    return 0;
}

static bool list_full(const struct listing *listing)
{
    return listing->count >= listing->limit || listing->bytes >= LIST_ANSWER_BYTES;
}

/* Takes what the pages have to say: 0 and *next where to go on in this partition. */
static int list_take_pages(struct operation *operation, struct list_pages *pages, uint64_t *next)
{
    const struct scan_entry *entry;
    uint64_t last = 0;
    int result = 0;
    *next = pages->until;
    while (result == 0 && (entry = list_pages_next(pages)) != NULL) {
        if (list_full(operation->listing) && entry->position != last) {
            *next = entry->position;
            pages->end = false;
            return 0;
        }
        last = entry->position;
        struct bytes key = entry->key;
        struct object merged;
        result = list_pages_take(operation->coordinator->arena, pages, entry, &merged);
        if (result == 0) {
            result = list_emit(operation, key, &merged);
        }
    }
    return result;
}

/* The same of the slot (*end: nowhere). */
static int list_take(struct operation *operation, struct list_slot *slot, uint64_t *next, bool *end)
{
    struct list_pages pages;
    int result = list_pages_open(operation->coordinator->arena, slot->pages, slot->voted, &pages);
    if (result == 0) {
        result = list_take_pages(operation, &pages, next);
    }
    *end = pages.end;
    list_pages_close(&pages);
    return result;
}

/* ---- the machine ---- */

static void list_finish(struct operation *operation, struct bytes after)
{
    struct listing *listing = operation->listing;
    struct outcome outcome = {
        .entries = listing->entries, .entry_count = listing->count, .after = after};
    coordinator_complete(operation, &outcome);
    operation_free(operation);
}

static void list_fail(struct operation *operation, int code)
{
    coordinator_fail(operation, code, "list: %s", shoal_error_text(code));
}

static bool list_slot_complete(struct operation *operation, struct list_slot *slot)
{
    return slot->id != 0 &&
           placement_read_met(&slot->placement, slot->voted, list_coverage(operation));
}

/* Takes all that can be taken, begins what fits the window. True while the operation lives on. */
static bool list_advance(struct operation *operation)
{
    struct listing *listing = operation->listing;
    while (listing->partition < listing->partitions) {
        while (listing->begun < listing->partitions &&
               listing->begun < listing->partition + LIST_WINDOW) {
            int result = list_slot_begin(operation, listing->begun, 0);
            if (result < 0) {
                list_fail(operation, result);
                return false;
            }
            listing->begun++;
        }
        struct list_slot *slot = list_slot_of(listing, listing->partition);
        if (!list_slot_complete(operation, slot)) {
            return true;
        }
        uint64_t next = 0;
        bool end = false;
        int result = list_take(operation, slot, &next, &end);
        if (result == 0 && list_full(listing) && !end) {
            list_finish(operation, list_cursor_make(listing->partition, next, listing->cursor));
            return false;
        }
        if (result == 0 && !end) {
            result = list_slot_begin(operation, listing->partition, next);
        } else if (result == 0) {
            list_slot_close(operation, slot);
            listing->partition++;
        }
        if (result < 0) {
            list_fail(operation, result);
            return false;
        }
        if (list_full(listing) && listing->partition < listing->partitions && end) {
            list_finish(operation, list_cursor_make(listing->partition, 0, listing->cursor));
            return false;
        }
    }
    list_finish(operation, bytes_make(NULL, 0));
    return false;
}

void list_begin(struct operation *operation)
{
    struct coordinator *coordinator = operation->coordinator;
    const struct request *request = operation->request;
    if (coordinator->listings >= COORDINATOR_LISTINGS_MAX) {
        coordinator_fail(operation, SHOAL_EOVERLOAD,
                         "more than %u lists in flight on one worker: try again later",
                         COORDINATOR_LISTINGS_MAX);
        return;
    }
    struct listing *listing = mem_alloc_zeroed(1, sizeof(*listing));
    if (listing == NULL) {
        coordinator_fail(operation, SHOAL_ENOMEM, "list: out of memory");
        return;
    }
    operation->listing = listing;
    coordinator->listings++;
    arena_init(&listing->arena, 0);
    listing->partitions = view_facts(coordinator->view)->partitions;
    listing->limit =
        request->limit == 0 || request->limit > LIMIT_LIST_KEYS ? LIMIT_LIST_KEYS : request->limit;
    uint64_t position = 0;
    if (request->context.data != NULL &&
        (list_cursor_read(request->context, &listing->partition, &position) < 0 ||
         listing->partition >= listing->partitions)) {
        coordinator_fail(operation, SHOAL_EINVAL,
                         "list: the cursor is not one that an earlier list answered");
        return;
    }
    int result = list_slot_begin(operation, listing->partition, position);
    if (result < 0) {
        list_fail(operation, result);
        return;
    }
    listing->begun = listing->partition + 1;
    if (list_advance(operation)) {
        operation_wait(operation, COORDINATOR_HEDGE_US_MAX);
    }
}

/* The view has changed: walk anew what is not complete. */
void list_judge(struct operation *operation)
{
    struct listing *listing = operation->listing;
    for (uint32_t p = listing->partition; p < listing->begun; p++) {
        struct list_slot *slot = list_slot_of(listing, p);
        if (!list_slot_complete(operation, slot)) {
            int result = list_slot_begin(operation, p, slot->position);
            if (result < 0) {
                list_fail(operation, result);
                return;
            }
        }
    }
    (void)list_advance(operation);
}

void list_hedge(struct operation *operation)
{
    struct coordinator *coordinator = operation->coordinator;
    struct listing *listing = operation->listing;
    for (uint32_t p = listing->partition; p < listing->begun; p++) {
        struct list_slot *slot = list_slot_of(listing, p);
        if (list_slot_complete(operation, slot)) {
            continue;
        }
        uint64_t possible = slot->voted;
        for (uint64_t rest = list_targets(slot); rest != 0; rest &= rest - 1) {
            uint32_t i = (uint32_t)__builtin_ctzll(rest);
            uint64_t node = slot->placement.nodes[i];
            if (node == coordinator->self || reach_linked(coordinator->reach, node)) {
                possible |= operation_bit(i);
            }
        }
        if (!placement_read_met(&slot->placement, possible, list_coverage(operation)) &&
            coordinator->now.mono_us - operation->started_us >= COORDINATOR_GRACE_US) {
            coordinator_fail(operation, SHOAL_EQUORUM,
                             "list needs %u owners of every partition; partition %u has fewer that "
                             "can be reached; try again when they are back",
                             list_coverage(operation), p);
            return;
        }
        list_ask_enough(operation, slot, true);
    }
}

static struct list_slot *list_slot_by_id(struct listing *listing, uint64_t id)
{
    for (uint32_t i = 0; i < LIST_WINDOW; i++) {
        if (listing->slots[i].id == id) {
            return &listing->slots[i];
        }
    }
    return NULL;
}

void list_on_scanned(struct operation *operation, uint64_t node,
                     const struct message_scanned *scanned, struct bytes payload)
{
    struct coordinator *coordinator = operation->coordinator;
    struct list_slot *slot = list_slot_by_id(operation->listing, scanned->id);
    int target = slot == NULL ? -1 : placement_index(&slot->placement, node);
    if (target < 0 || (slot->voted & operation_bit((uint32_t)target)) != 0) {
        return;
    }
    uint64_t bit = operation_bit((uint32_t)target);
    uint64_t waiting = operation->waiting;
    bool accounts = coordinator_accounts(coordinator, operation, (uint32_t)target,
                                         scanned->view_digest, scanned->view) == 1;
    operation->waiting = waiting; /* a list asks again rather than wait for the join */
    slot->asked &= ~bit;
    if (scanned->code != 0 || !accounts) {
        return; /* the hedge timer, or the new view, asks again */
    }
    /* Beyond the budget only the partition that is taken next may add to it, so that lists go on.
     */
    size_t held = operation->reading_bytes + payload.len;
    if (slot->partition != operation->listing->partition && !operation_may_hold(operation, held)) {
        return;
    }
    if (buffer_append_bytes(&slot->pages[target], payload) < 0) {
        return;
    }
    operation_hold(operation, held);
    slot->voted |= bit;
    (void)list_advance(operation);
}
