/* Listing keys: a coverage query. Partition after partition, in the order of the ring, N-W+1 owners
 * are asked for a page of what they hold (enough of them to include one that has confirmed any
 * given write); the pages are merged object by object, and what is live after the merge is listed.
 *
 * A window of partitions is walked at once, as wide as the answer still needs; results are taken in
 * order:
 *
 *      taken | slot p: pages of A and B, complete | slot p+1: A heard, B asked | ... | not begun
 *
 * A cursor is (partition, position): pages end only between positions, so nothing is skipped or
 * listed twice while the cluster changes around it. */
#include "coordinate/list.h"
#include "base/assert.h"
#include "base/memory.h"
#include "shoal/error.h"

static struct list_slot *list_slot_of(struct listing *listing, uint32_t partition)
{
    return &listing->slots[partition % LIST_WINDOW_MAX];
}

static void list_close(struct operation *operation)
{
    for (uint32_t i = 0; i < LIST_WINDOW_MAX; i++) {
        list_slot_close(operation, &operation->listing->slots[i]);
    }
}

void list_free(struct operation *operation)
{
    struct listing *listing = operation->listing;
    list_close(operation);
    operation->coordinator->listings--;
    operation->listing = NULL;
    for (uint32_t i = 0; i < LIST_WINDOW_MAX; i++) {
        for (uint32_t j = 0; j < LIMIT_REQUEST_TARGETS; j++) {
            buffer_deinit(&listing->slots[i].pages[j]);
        }
    }
    list_answer_deinit(&listing->answer);
    mem_free(listing);
}

/* ---- taking a complete slot's pages ---- */

/* What the slot's pages have to say: 0 and *next where to go on in its partition (*end: nowhere).
 */
static int list_take(struct operation *operation, struct list_slot *slot, uint64_t *next, bool *end)
{
    struct coordinator *coordinator = operation->coordinator;
    struct listing *listing = operation->listing;
    struct list_amount before = list_answer_held(&listing->answer);
    struct list_pages pages;
    int result = list_pages_open(coordinator->arena, slot->pages, slot->voted, &pages);
    if (result == 0) {
        result = list_answer_take(&listing->answer, coordinator->arena,
                                  coordinator_expiry_ms(coordinator), &pages, next);
    }
    *end = pages.end;
    list_pages_close(&pages);
    struct list_amount held = list_answer_held(&listing->answer);
    struct list_amount given = {held.keys - before.keys, held.bytes - before.bytes};
    listing->window = list_window_after(listing->window, given, list_answer_left(&listing->answer));
    return result;
}

/* ---- the machine ---- */

static void list_finish(struct operation *operation, struct bytes after)
{
    struct listing *listing = operation->listing;
    struct outcome outcome = {
        .entries = listing->answer.entries, .entry_count = listing->answer.count, .after = after};
    coordinator_complete(operation, &outcome);
    operation_free(operation);
}

static void list_fail(struct operation *operation, int code)
{
    coordinator_fail(operation, code, "list: %s", shoal_error_text(code));
}

/* Takes all that can be taken, begins what fits the window. True while the operation lives on. */
static bool list_advance(struct operation *operation)
{
    struct listing *listing = operation->listing;
    while (listing->partition < listing->partitions) {
        while (listing->begun < listing->partitions &&
               listing->begun < listing->partition + listing->window) {
            int result = list_slot_begin(operation, list_slot_of(listing, listing->begun),
                                         listing->begun, 0);
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
        if (result == 0 && list_answer_full(&listing->answer) && !end) {
            list_finish(operation, list_cursor_make(listing->partition, next, listing->cursor));
            return false;
        }
        if (result == 0 && !end) {
            result = list_slot_begin(operation, slot, listing->partition, next);
        } else if (result == 0) {
            list_slot_close(operation, slot);
            listing->partition++;
        }
        if (result < 0) {
            list_fail(operation, result);
            return false;
        }
        if (list_answer_full(&listing->answer) && listing->partition < listing->partitions && end) {
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
    list_answer_init(&listing->answer, request->limit, request->with_values);
    listing->partitions = view_facts(coordinator->view)->partitions;
    listing->window = LIST_WINDOW_MIN;
    uint64_t position = 0;
    if (request->context.data != NULL &&
        (list_cursor_read(request->context, &listing->partition, &position) < 0 ||
         listing->partition >= listing->partitions)) {
        coordinator_fail(operation, SHOAL_EINVAL,
                         "list: the cursor is not one that an earlier list answered");
        return;
    }
    int result = list_slot_begin(operation, list_slot_of(listing, listing->partition),
                                 listing->partition, position);
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
            int result = list_slot_begin(operation, slot, p, slot->position);
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
    listing->window = LIST_WINDOW_MAX; /* whoever is silent is waited for once for all of them */
    for (uint32_t p = listing->partition; p < listing->begun; p++) {
        struct list_slot *slot = list_slot_of(listing, p);
        if (list_slot_complete(operation, slot)) {
            continue;
        }
        if (!list_slot_possible(operation, slot) &&
            coordinator->now.mono_us - operation->started_us >= COORDINATOR_GRACE_US) {
            coordinator_fail(operation, SHOAL_EQUORUM,
                             "list needs %u owners of every partition; partition %u has fewer that "
                             "can be reached; try again when they are back",
                             list_coverage(operation), p);
            return;
        }
        list_slot_ask_all(operation, slot);
    }
}

static struct list_slot *list_slot_by_id(struct listing *listing, uint64_t id)
{
    for (uint32_t i = 0; i < LIST_WINDOW_MAX; i++) {
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
    uint64_t waiting = operation->waiting;
    bool accounts = coordinator_accounts(coordinator, operation, (uint32_t)target,
                                         scanned->view_digest, scanned->view) == 1;
    operation->waiting = waiting; /* a list asks again rather than wait for the join */
    slot->asked &= ~operation_bit((uint32_t)target);
    if (!accounts) {
        return; /* the hedge timer, or the new view, asks again */
    }
    if (scanned->code != 0) {
        list_slot_on_refusal(operation, slot, (uint32_t)target);
        return;
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
    list_slot_on_page(operation, slot, (uint32_t)target);
    (void)list_advance(operation);
}
