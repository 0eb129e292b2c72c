/* Reading what an owner holds for comparing it byte by byte, a page at a time; and which answer is
 * for whom. See verify.h. */
#include "node/verify.h"
#include "shoal/error.h"

#define PAGE_BYTES (1u * LIMIT_MIB)

/* ---- asking ---- */

void verify_owner_ask_page(struct verify_task *task, struct verify_owner *owner)
{
    struct worker *worker = task->part->worker;
    uint64_t question = worker->verify_next_id++;
    const struct message_sync_fetch fetch = {
        .id = question,
        .partition = task->partition,
        .actor = owner->actor,
        .view_digest = worker->snapshot->view->digest,
        .position = owner->position,
        .until = UINT64_MAX,
        .bytes_max = PAGE_BYTES,
    };
    buffer_clear(&worker->frame);
    verify_owner_ask(task, owner, question, message_sync_fetch_encode(&fetch, &worker->frame));
}

/* Asks those again that had no time for it. */
void verify_ask_pages_again(struct verify_task *task)
{
    for (uint32_t i = 0; i < task->count; i++) {
        struct verify_owner *owner = &task->owners[i];
        if (owner->page_refused) {
            owner->page_refused = false;
            verify_owner_ask_page(task, owner);
        }
    }
}

/* ---- answers ---- */

static void take_rooted(struct worker *worker, uint64_t node,
                        const struct message_sync_rooted *rooted)
{
    struct verify_task *task;
    struct verify_owner *owner = verify_owner_find(worker, node, rooted->id, &task);
    if (owner != NULL) {
        owner->code = rooted->code;
        owner->refilling = rooted->refilling;
        owner->actor = rooted->actor;
        owner->root = rooted->root;
        owner->siblings = rooted->siblings;
        verify_task_answered(task);
    }
}

/* All of a sibling and where it belongs. */
static void sibling_add(struct verify_owner *owner, struct worker *worker,
                        const struct scan_entry *entry, const struct sibling *sibling)
{
    const struct hash_secret *secret = &worker->replica.position_secret;
    struct hash_wide key = hash_keyed_wide(secret, entry->key);
    struct hash_wide value = hash_keyed_wide(secret, sibling->value);
    const uint64_t content[] = {entry->position,
                                key.low,
                                key.high,
                                sibling->dot.actor,
                                sibling->dot.counter,
                                sibling->hlc,
                                (uint64_t)sibling->kind,
                                sibling->expiry_ms,
                                value.low,
                                value.high};
    struct hash_wide term = hash_keyed_wide(secret, bytes_make(content, sizeof(content)));
    owner->sum = verify_plus(owner->sum, (struct wire_sum){.low = term.low, .high = term.high});
    owner->bytes += sibling->value.len;
}

static int page_add(struct worker *worker, struct verify_owner *owner,
                    const struct message_sync_fetched *page)
{
    for (uint32_t i = 0; i < page->count; i++) {
        struct object object;
        int code = object_decode(&worker->arena, page->entries[i].object, &object);
        if (code < 0) {
            return code;
        }
        for (uint32_t s = 0; s < object.sibling_count; s++) {
            sibling_add(owner, worker, &page->entries[i], &object.siblings[s]);
        }
    }
    return page->end || page->next > owner->position ? 0 : SHOAL_EPROTO;
}

static void take_page(struct worker *worker, uint64_t node, const struct message_sync_fetched *page)
{
    struct verify_task *task;
    struct verify_owner *owner = verify_owner_find(worker, node, page->id, &task);
    if (owner == NULL) {
        return;
    }
    owner->page_refused = page->code == SHOAL_EOVERLOAD;
    if (!owner->page_refused) {
        owner->code = page->code < 0 ? page->code : page_add(worker, owner, page);
    }
    if (owner->code == 0 && !owner->page_refused && !page->end) {
        owner->position = page->next;
        verify_owner_ask_page(task, owner);
    }
    verify_task_answered(task);
}

void verify_take_answer(struct worker *worker, uint64_t node, uint32_t kind, struct bytes payload)
{
    struct message_sync_rooted rooted;
    struct message_sync_fetched fetched;
    if (kind == MESSAGE_SYNC_ROOTED &&
        message_sync_rooted_decode(payload, &worker->arena, &rooted) == 0) {
        take_rooted(worker, node, &rooted);
    } else if (kind == MESSAGE_SYNC_FETCHED &&
               message_sync_fetched_decode(payload, &worker->arena, &fetched) == 0) {
        take_page(worker, node, &fetched);
    }
}
