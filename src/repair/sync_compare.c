/* What differs: sums of the peer's tree against those of the tree here, and its lists of siblings
 * against what is held, both as they are when the answer arrives. See sync.h. */
#include "base/mutant.h"
#include "repair/listing.h"
#include "repair/sync_inside.h"
#include "shoal/error.h"

/* A node with so few siblings, there and here, is listed at once: going further down would cost
 * as much. */
#define SYNC_LIST_SIBLINGS 32u

/* With so many there and none here, objects are fetched without listing them first. */
#define SYNC_RANGE_SIBLINGS 64u

/* A whole partition is fetched in so many ranges at a time. */
#define SYNC_RANGES_BITS 2u
#define SYNC_RANGES_SIBLINGS 4096u

/* ---- sums ------------------------------------------------------------------------------------ */

static bool sync_sum_zero(struct tree_sum sum)
{
    return sum.low == 0 && sum.high == 0;
}

/* Nothing is here, and much is there. */
static int sync_refill(struct sync *sync, uint32_t depth, uint64_t index)
{
    bool split = depth == 0 && sync->siblings_there >= SYNC_RANGES_SIBLINGS;
    uint32_t bits = split ? SYNC_RANGES_BITS : 0;
    int result = 0;
    for (uint64_t i = 0; i < UINT64_C(1) << bits && result == 0; i++) {
        uint64_t child = index << bits | i;
        uint64_t first = node_first(depth + bits, child);
        uint64_t last = node_last(depth + bits, child);
        if (!split) {
            return sync_push_range(sync, first, last);
        }
        struct sync_task *task = sync_push(sync, STEP_RANGE); /* apart, so that they run abreast */
        result = task == NULL ? SHOAL_ENOMEM : 0;
        if (task != NULL) {
            task->position = first;
            task->until = last;
        }
    }
    return result;
}

int sync_descend(struct sync *sync, uint32_t depth, uint64_t index, struct tree_sum own,
                 struct tree_sum theirs)
{
    if (tree_sum_equal(own, theirs)) {
        return 0;
    }
    uint64_t there = sync->siblings_there >> depth;
    uint64_t here = sync->siblings_here >> depth;
    if (sync_sum_zero(own) && there >= SYNC_RANGE_SIBLINGS) {
        return sync_refill(sync, depth, index);
    }
    bool list = sync_sum_zero(theirs) || depth >= sync->bits ||
                (there <= SYNC_LIST_SIBLINGS && here <= SYNC_LIST_SIBLINGS);
    return sync_push_node(sync, list ? STEP_LEAVES : STEP_NODES, depth, index);
}

int sync_take_sums(struct sync_task *task, const struct message_sync_sums *answer)
{
    struct sync *sync = task->sync;
    struct holding *holding = sync_holding(sync);
    struct hash_tree *tree = holding == NULL ? NULL : replica_tree(holding);
    uint32_t depth = task->depth + task->fan;
    if (tree == NULL || depth > tree->bits) {
        return SHOAL_EOVERLOAD; /* it is being made anew */
    }
    if (answer->count != task->count << task->fan) {
        return SHOAL_EPROTO;
    }
    int result = 0;
    for (uint32_t i = 0; i < answer->count && result == 0; i++) {
        uint64_t child = i & ((1u << task->fan) - 1);
        uint64_t index = task->indexes[i >> task->fan] << task->fan | child;
        struct tree_sum theirs = {.low = answer->sums[i].low, .high = answer->sums[i].high};
        result = sync_descend(sync, depth, index, hash_tree_node(tree, depth, index), theirs);
    }
    sync_task_free(task);
    return result;
}

void syncs_on_sums(struct syncs *syncs, uint64_t node, const struct message_sync_sums *answer)
{
    struct sync_task *task = sync_answered(
        syncs, node, answer->id, answer->count * sizeof(*answer->sums), STEP_NODES, STEP_NODES);
    if (task != NULL) {
        struct sync *sync = task->sync;
        sync_go_on(sync, answer->code < 0 ? sync_refused(task, answer->code)
                                          : sync_take_sums(task, answer));
    }
}

/* ---- lists ----------------------------------------------------------------------------------- */

/* Entries of one key, within a list. */
struct sync_run {
    const struct sync_entry *entries;
    uint32_t count;
};

static bool sync_same_key(const struct sync_entry *a, const struct sync_entry *b)
{
    return a->position == b->position && a->tag == b->tag;
}

static bool sync_key_before(const struct sync_entry *a, const struct sync_entry *b)
{
    return a->position < b->position || (a->position == b->position && a->tag < b->tag);
}

/* Takes the entries of the key off the list's beginning, if it begins with them. */
static struct sync_run sync_take_run(struct sync_run *list, const struct sync_entry *key)
{
    struct sync_run run = {.entries = list->entries};
    while (run.count < list->count && sync_same_key(&list->entries[run.count], key)) {
        run.count++;
    }
    list->entries += run.count;
    list->count -= run.count;
    return run;
}

/* Is there a dot in `run` that `other` lacks and the clock has (or has not) seen? */
static bool sync_lacks(struct sync_run run, struct sync_run other,
                       const struct partition_clock *clock, bool seen)
{
    uint32_t j = 0;
    for (uint32_t i = 0; i < run.count; i++) {
        const struct sync_entry *entry = &run.entries[i];
        while (j < other.count && sync_entry_compare(&other.entries[j], entry) < 0) {
            j++;
        }
        struct dot dot = {.actor = entry->actor, .counter = entry->counter};
        bool shared = j < other.count && sync_entry_compare(&other.entries[j], entry) == 0;
        if (!shared && partition_clock_seen(clock, dot) == seen) {
            return true;
        }
    }
    return false;
}

/* Asks for the object of each key that differs. A sibling missing here that the clock here has seen
 * is gone, it needn't come; one missing there that the peer has seen is gone as well, and the
 * peer's object, if there is one, is taken before it is removed. */
static int sync_compare_lists(struct sync *sync, struct sync_run theirs, struct sync_run own)
{
    const struct partition_clock *clock = &sync_holding(sync)->clock;
    int result = 0;
    while (result == 0 && (theirs.count > 0 || own.count > 0)) {
        bool from_own =
            theirs.count == 0 || (own.count > 0 && sync_key_before(own.entries, theirs.entries));
        struct sync_entry key = from_own ? own.entries[0] : theirs.entries[0];
        struct sync_run there = sync_take_run(&theirs, &key);
        struct sync_run here = sync_take_run(&own, &key);
        bool gone = sync_lacks(here, there, &sync->peer_clock, true) && !MUTANT(keep_gone);
        if (gone || sync_lacks(there, here, clock, false)) {
            result = sync_push_name(sync, key.position, key.tag);
        }
    }
    return result;
}

static int sync_check_listed(const struct sync_task *task, const struct message_sync_listed *answer)
{
    if (!answer->end && answer->next <= task->position) {
        return SHOAL_EPROTO;
    }
    for (uint32_t i = 0; i < answer->count; i++) {
        const struct sync_entry *entry = &answer->entries[i];
        if ((i > 0 && sync_entry_compare(entry - 1, entry) >= 0) ||
            entry->position < task->position || (!answer->end && entry->position >= answer->next)) {
            return SHOAL_EPROTO;
        }
    }
    return 0;
}

/* The entries from one position to another, included. */
static struct sync_run sync_slice(const struct message_sync_listed *answer, uint64_t first,
                                  uint64_t last)
{
    struct sync_run slice = {.entries = answer->entries};
    uint32_t i = 0;
    while (i < answer->count && answer->entries[i].position < first) {
        i++;
    }
    slice.entries += i;
    while (i < answer->count && answer->entries[i].position <= last) {
        slice.count++;
        i++;
    }
    return slice;
}

/* All of the answer has been compared: the next page, or the task is done. */
static void sync_end_list(struct sync_task *task, const struct message_sync_listed *answer)
{
    bool end = answer->end;
    uint64_t next = answer->next;
    sync_drop_answer(task);
    if (end) {
        sync_task_free(task);
    } else {
        task->position = next;
        sync_again(task);
    }
}

int sync_take_listed(struct sync_task *task, const struct message_sync_listed *answer,
                     struct bytes payload)
{
    struct sync *sync = task->sync;
    if (!sync_is_kept(task, payload)) {
        int wrong = sync_check_listed(task, answer);
        if (wrong < 0) {
            return wrong;
        }
        task->compared = task->position;
    }
    struct listing_part part = {
        .partition = sync->partition,
        .depth = task->depth,
        .indexes = task->indexes,
        .count = task->count,
        .position = task->compared,
        .until = answer->end ? UINT64_MAX : answer->next - 1,
    };
    struct listing own;
    int result = listing_make(sync->syncs->replica, &part, &own);
    if (sync->broken || result < 0) {
        return result < 0 ? result : SHOAL_ECONFLICT;
    }
    if (result == REPLICA_PENDING) {
        return sync_keep_reading(task, payload);
    }
    struct sync_run theirs =
        sync_slice(answer, task->compared, own.end ? part.until : own.next - 1);
    struct sync_run here = {.entries = own.entries, .count = own.count};
    result = sync_compare_lists(sync, theirs, here);
    if (result < 0) {
        return result;
    }
    if (!own.end) {
        task->compared = own.next;
        return sync_keep_for_later(task, payload);
    }
    sync_end_list(task, answer);
    return 0;
}

void syncs_on_listed(struct syncs *syncs, uint64_t node, const struct message_sync_listed *answer,
                     struct bytes payload)
{
    struct sync_task *task =
        sync_answered(syncs, node, answer->id, payload.len, STEP_LEAVES, STEP_LEAVES);
    if (task != NULL) {
        struct sync *sync = task->sync;
        sync_go_on(sync, answer->code < 0 ? sync_refused(task, answer->code)
                                          : sync_take_listed(task, answer, payload));
    }
}
