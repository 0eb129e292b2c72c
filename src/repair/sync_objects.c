/* Taking the objects that came: each is stored, and what the peer knows to be gone is removed; what
 * was asked for by name and didn't come is not there any more. See sync.h. */
#include "base/log.h"
#include "repair/sync_inside.h"
#include "shoal/error.h"

/* The storage here has too much to write. */
#define SYNC_STORE_PAUSE_US UINT64_C(20000)
#define SYNC_STORE_TRIES_MAX 250u

/* That a tombstone went here because the peer was the first to drop it repairs nothing. */
static void sync_count(struct sync *sync, const struct replica_taken *taken)
{
    if (taken->stored + taken->removed > taken->dropped) {
        sync->repaired++;
        sync->syncs->counts.repairs++;
    }
}

/* Where the name stands in the task's, or count. */
static uint32_t sync_find_name(const struct sync_task *task, uint64_t position, uint16_t tag)
{
    uint32_t low = 0;
    uint32_t high = task->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const struct sync_name *name = &task->names[middle];
        if (name->position < position || (name->position == position && name->tag < tag)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    bool found =
        low < task->count && task->names[low].position == position && task->names[low].tag == tag;
    return found ? low : task->count;
}

/* Is it what was asked for, in order? The key is hashed: a peer can't misname what it sends. */
static int sync_check_fetched(const struct sync_task *task,
                              const struct message_sync_fetched *answer)
{
    uint64_t first = task->step == STEP_NAMES ? task->names[0].position : task->position;
    uint64_t last = task->step == STEP_NAMES ? UINT64_MAX : task->until;
    if (!answer->end && (answer->next <= first || answer->next > last)) {
        return SHOAL_EPROTO;
    }
    for (uint32_t i = 0; i < answer->count; i++) {
        uint64_t position = answer->entries[i].position;
        if (position < first || position > last || (!answer->end && position >= answer->next) ||
            (i > 0 && position < answer->entries[i - 1].position)) {
            return SHOAL_EPROTO;
        }
    }
    return 0;
}

/* Takes the entries from task->taken on: REPLICA_DONE, or what the first that could not be taken
 * came to. */
static int sync_take_entries(struct sync_task *task, const struct message_sync_fetched *answer)
{
    struct sync *sync = task->sync;
    struct syncs *syncs = sync->syncs;
    for (; task->taken < answer->count; task->taken++) {
        const struct scan_entry *entry = &answer->entries[task->taken];
        struct engine_key key = replica_key(syncs->replica, sync->partition, entry->key);
        if (key.position != entry->position ||
            (task->step == STEP_NAMES &&
             sync_find_name(task, key.position, key.tag) == task->count)) {
            return SHOAL_EPROTO;
        }
        struct replica_taken taken = {0};
        int result = replica_take(syncs->replica, &sync->watch, &key, entry->object,
                                  syncs->now.wall_ms, &taken);
        if (result < 0 || result == REPLICA_PENDING || sync->broken) {
            return result;
        }
        syncs->counts.objects++;
        sync_count(sync, &taken);
    }
    return REPLICA_DONE;
}

/* Bit by name: has it come? In the arena; NULL without memory. */
static bool *sync_present(const struct sync_task *task, const struct message_sync_fetched *answer)
{
    const struct sync *sync = task->sync;
    bool *present = arena_alloc_array(sync->syncs->arena, task->count + 1, sizeof(*present));
    if (present == NULL) {
        return NULL;
    }
    memset(present, 0, (task->count + 1) * sizeof(*present));
    for (uint32_t i = 0; i < answer->count; i++) {
        struct engine_key key =
            replica_key(sync->syncs->replica, sync->partition, answer->entries[i].key);
        present[sync_find_name(task, key.position, key.tag)] = true;
    }
    return present;
}

/* The same for names of which nothing came, after the entries. */
static int sync_take_absences(struct sync_task *task, const struct message_sync_fetched *answer,
                              uint32_t told)
{
    struct sync *sync = task->sync;
    struct syncs *syncs = sync->syncs;
    const bool *present = sync_present(task, answer);
    if (present == NULL) {
        return SHOAL_ENOMEM;
    }
    for (; task->taken - answer->count < told; task->taken++) {
        uint32_t i = task->taken - answer->count;
        struct replica_taken taken = {0};
        int result =
            present[i] ? REPLICA_DONE
                       : replica_take_absence(syncs->replica, &sync->watch, task->names[i].position,
                                              task->names[i].tag, &taken);
        if (result < 0 || result == REPLICA_PENDING || sync->broken) {
            return result;
        }
        sync_count(sync, &taken);
    }
    return REPLICA_DONE;
}

/* How many of the names the answer tells of. */
static uint32_t sync_told(const struct sync_task *task, const struct message_sync_fetched *answer)
{
    uint32_t told = 0;
    while (told < task->count && (answer->end || task->names[told].position < answer->next)) {
        told++;
    }
    return told;
}

/* All of the answer has been taken: what is left of the task, if anything, is asked next. */
static void sync_end_page(struct sync_task *task, const struct message_sync_fetched *answer,
                          uint32_t told)
{
    bool end = answer->end || (task->step == STEP_NAMES && told == task->count);
    uint64_t next = answer->next;
    sync_drop_answer(task);
    task->refusals = 0;
    if (end) {
        sync_task_free(task);
        return;
    }
    if (task->step == STEP_NAMES) {
        task->count -= told;
        memmove(task->names, task->names + told, task->count * sizeof(*task->names));
    } else {
        task->position = next;
    }
    sync_again(task);
}

int sync_take_fetched(struct sync_task *task, const struct message_sync_fetched *answer,
                      struct bytes payload)
{
    struct sync *sync = task->sync;
    int result = sync_is_kept(task, payload) ? 0 : sync_check_fetched(task, answer);
    if (result == 0 && sync_holding(sync) == NULL) {
        result = SHOAL_ENOTOWNER;
    }
    if (result < 0) {
        return result;
    }
    uint32_t told = task->step == STEP_NAMES ? sync_told(task, answer) : 0;
    result = task->taken < answer->count ? sync_take_entries(task, answer) : REPLICA_DONE;
    if (result >= 0 && result != REPLICA_PENDING && told > 0 && !sync->broken) {
        result = sync_take_absences(task, answer, told);
    }
    if (sync->broken) {
        return SHOAL_ECONFLICT;
    }
    if (result == REPLICA_PENDING) {
        return sync_keep_reading(task, payload);
    }
    if (result == SHOAL_EOVERLOAD && ++task->refusals <= SYNC_STORE_TRIES_MAX) {
        return sync_keep_going(task, payload, SYNC_STORE_PAUSE_US);
    }
    if (result < 0) {
        log_error("sync: an object could not be taken", LOG_U64("partition", sync->partition),
                  LOG_TEXT("cause", shoal_error_text(result)));
        return result;
    }
    sync_end_page(task, answer, told);
    return 0;
}

void syncs_on_fetched(struct syncs *syncs, uint64_t node, const struct message_sync_fetched *answer,
                      struct bytes payload)
{
    struct sync_task *task =
        sync_answered(syncs, node, answer->id, payload.len, STEP_NAMES, STEP_RANGE);
    if (task != NULL) {
        struct sync *sync = task->sync;
        sync_go_on(sync, answer->code < 0 ? sync_refused(task, answer->code)
                                          : sync_take_fetched(task, answer, payload));
    }
}
