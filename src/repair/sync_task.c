/* Questions on their way: each is asked again when no answer comes, or the peer has too much to do,
 * and an answer may be kept to be dealt with piece by piece. See sync_inside.h. */
#include "repair/sync_inside.h"

#include "base/memory.h"
#include "shoal/error.h"

#define SYNC_ANSWER_US UINT64_C(3000000) /* more with every silence */
#define SYNC_SILENCES_MAX 3u
#define SYNC_PAUSE_US UINT64_C(100000) /* where the peer has too much to do */
#define SYNC_REFUSALS_MAX 100u
#define SYNC_STACK_LOOK 4u /* so many tasks from the top are looked at for room */

static void sync_on_task_timer(struct timer *timer, uint64_t now_us);
static void sync_on_reading(struct read_waiter *waiter, int code);

/* ---- the stack ------------------------------------------------------------------------------- */

static void queue_push_front(struct queue *head, struct queue *link)
{
    queue_push(head->next, link);
}

struct sync_task *sync_push(struct sync *sync, enum sync_step step)
{
    struct sync_task *task = mem_alloc_zeroed(1, sizeof(*task));
    if (task == NULL) {
        return NULL;
    }
    task->sync = sync;
    task->step = step;
    task->timer.fire = sync_on_task_timer;
    task->reading.fire = sync_on_reading;
    queue_init(&task->reading.link);
    buffer_init(&task->answer, 0);
    bool nodes = step == STEP_NODES || step == STEP_LEAVES;
    task->indexes = nodes ? mem_alloc(LIMIT_SYNC_NODES * sizeof(*task->indexes)) : NULL;
    task->names = step == STEP_NAMES ? mem_alloc(LIMIT_SYNC_NAMES * sizeof(*task->names)) : NULL;
    if ((nodes && task->indexes == NULL) || (step == STEP_NAMES && task->names == NULL)) {
        mem_free(task);
        return NULL;
    }
    queue_push_front(&sync->todo, &task->link);
    return task;
}

/* A task near the top that was not asked yet and suits; NULL: none. One that keeps an answer has
 * been asked, and the answer knows nothing of what would be added. */
static struct sync_task *sync_find_room(struct sync *sync, enum sync_step step, uint32_t depth)
{
    struct queue *link = sync->todo.next;
    for (uint32_t i = 0; i < SYNC_STACK_LOOK && link != &sync->todo; i++, link = link->next) {
        struct sync_task *task = QUEUE_ITEM(link, struct sync_task, link);
        if (task->step == step && task->depth == depth && task->position == 0 &&
            task->answer.len == 0) {
            return task;
        }
    }
    return NULL;
}

int sync_push_node(struct sync *sync, enum sync_step step, uint32_t depth, uint64_t index)
{
    struct sync_task *task = sync_find_room(sync, step, depth);
    if (task == NULL || task->count == LIMIT_SYNC_NODES ||
        task->indexes[task->count - 1] >= index) {
        task = sync_push(sync, step);
        if (task == NULL) {
            return SHOAL_ENOMEM;
        }
        task->depth = depth;
    }
    task->indexes[task->count++] = index;
    return 0;
}

static bool sync_names_after(const struct sync_task *task, uint64_t position, uint16_t tag)
{
    const struct sync_name *last = &task->names[task->count - 1];
    return last->position < position || (last->position == position && last->tag < tag);
}

int sync_push_name(struct sync *sync, uint64_t position, uint16_t tag)
{
    struct sync_task *task = sync_find_room(sync, STEP_NAMES, 0);
    if (task == NULL || task->count == LIMIT_SYNC_NAMES || !sync_names_after(task, position, tag)) {
        task = sync_push(sync, STEP_NAMES);
        if (task == NULL) {
            return SHOAL_ENOMEM;
        }
    }
    task->names[task->count++] = (struct sync_name){.position = position, .tag = tag};
    return 0;
}

int sync_push_range(struct sync *sync, uint64_t position, uint64_t until)
{
    struct queue *link = sync->todo.next;
    for (uint32_t i = 0; i < SYNC_STACK_LOOK && link != &sync->todo; i++, link = link->next) {
        struct sync_task *above = QUEUE_ITEM(link, struct sync_task, link);
        if (above->step == STEP_RANGE && position > 0 && above->until == position - 1) {
            above->until = until;
            return 0;
        }
    }
    struct sync_task *task = sync_push(sync, STEP_RANGE);
    if (task == NULL) {
        return SHOAL_ENOMEM;
    }
    task->position = position;
    task->until = until;
    return 0;
}

void sync_again(struct sync_task *task)
{
    struct sync *sync = task->sync;
    queue_remove(&task->link);
    sync->busy_count--;
    task->is_busy = false;
    struct queue *below = sync->todo.next;
    while (below != &sync->todo && QUEUE_ITEM(below, struct sync_task, link)->step == STEP_NAMES) {
        below = below->next;
    }
    queue_push(below, &task->link); /* before it */
}

/* The question under way, if any, is over. */
static void sync_task_unask(struct sync_task *task)
{
    timers_stop(task->sync->syncs->timers, &task->timer);
    if (task->id != 0) {
        (void)table_remove(&task->sync->syncs->tasks, task->id);
        task->id = 0;
    }
}

void sync_task_free(struct sync_task *task)
{
    sync_task_unask(task);
    waiting_leave(&task->reading);
    buffer_deinit(&task->answer);
    queue_remove(&task->link);
    task->sync->busy_count -= task->is_busy ? 1 : 0;
    mem_free(task->indexes);
    mem_free(task->names);
    mem_free(task);
}

/* ---- asking ---------------------------------------------------------------------------------- */

static int sync_encode_root(const struct sync_task *task, struct buffer *frame)
{
    const struct sync *sync = task->sync;
    struct holding *holding = sync_holding(sync);
    if (holding == NULL) {
        return SHOAL_ENOTOWNER;
    }
    struct buffer told;
    buffer_init(&told, 0);
    int result = partition_clock_encode(&holding->told, &told);
    if (result == 0) {
        struct message_sync_root message = {
            .id = task->id,
            .partition = sync->partition,
            .view_digest = sync->syncs->view->digest,
            .node = sync->syncs->self,
            .actor = holding->actor,
            .told = buffer_bytes(&told),
            .release = sync->release,
        };
        if (sync->has_target) {
            message.target = sync->target;
        }
        result = message_sync_root_encode(&message, frame);
    }
    buffer_deinit(&told);
    return result;
}

static int sync_encode_nodes(struct sync_task *task, struct buffer *frame)
{
    const struct sync *sync = task->sync;
    uint32_t levels = sync->bits - task->depth;
    task->fan = levels < LIMIT_SYNC_FAN ? levels : LIMIT_SYNC_FAN;
    struct message_sync_nodes message = {
        .id = task->id,
        .partition = sync->partition,
        .actor = sync->actor,
        .view_digest = sync->syncs->view->digest,
        .depth = task->depth,
        .fan = task->fan,
        .indexes = task->indexes,
        .count = task->count,
    };
    return message_sync_nodes_encode(&message, frame);
}

static int sync_encode_leaves(const struct sync_task *task, struct buffer *frame)
{
    const struct sync *sync = task->sync;
    struct message_sync_leaves message = {
        .id = task->id,
        .partition = sync->partition,
        .actor = sync->actor,
        .view_digest = sync->syncs->view->digest,
        .depth = task->depth,
        .indexes = task->indexes,
        .count = task->count,
        .position = task->position,
    };
    return message_sync_leaves_encode(&message, frame);
}

static int sync_encode_fetch(const struct sync_task *task, struct buffer *frame)
{
    const struct sync *sync = task->sync;
    struct message_sync_fetch message = {
        .id = task->id,
        .partition = sync->partition,
        .actor = sync->actor,
        .view_digest = sync->syncs->view->digest,
        .names = task->names,
        .count = task->count,
        .position = task->position,
        .until = task->until,
        .bytes_max = task->charged,
    };
    return message_sync_fetch_encode(&message, frame);
}

static int sync_encode(struct sync_task *task, struct buffer *frame)
{
    switch (task->step) {
    case STEP_ROOT:
        return sync_encode_root(task, frame);
    case STEP_NODES:
        return sync_encode_nodes(task, frame);
    case STEP_LEAVES:
        return sync_encode_leaves(task, frame);
    default:
        return sync_encode_fetch(task, frame);
    }
}

/* What the answer may bring is owed from now on; it's more exactly known when it comes. */
static void sync_charge(struct sync_task *task)
{
    struct syncs *syncs = task->sync->syncs;
    if (task->step == STEP_NAMES || task->step == STEP_RANGE) {
        task->charged = pace_page_bytes(syncs->pace, syncs->now.mono_us);
        pace_asked(syncs->pace, task->charged);
    }
}

int sync_ask(struct sync_task *task)
{
    struct sync *sync = task->sync;
    struct syncs *syncs = sync->syncs;
    if (!task->is_busy) {
        queue_remove(&task->link);
        queue_push(&sync->busy, &task->link);
        sync->busy_count++;
        task->is_busy = true;
    }
    sync_task_unask(task);
    if (task->answer.len > 0) {
        return timers_start(syncs->timers, &task->timer, syncs->now.mono_us); /* go on with it */
    }
    uint64_t id = syncs->next_id++;
    int result = table_put(&syncs->tasks, id, task);
    if (result < 0) {
        return result;
    }
    task->id = id;
    sync_charge(task);
    uint64_t late_us = syncs->now.mono_us + SYNC_ANSWER_US * (1 + task->silences);
    buffer_clear(syncs->frame);
    result = sync_encode(task, syncs->frame);
    if (result == 0) {
        result = timers_start(syncs->timers, &task->timer, late_us);
    }
    if (result == 0) {
        syncs->counts.questions++;
        result = syncs->ports.send(syncs->ports.self, sync->node, buffer_bytes(syncs->frame));
        result = result == SHOAL_EOVERLOAD ? 0 : result; /* as if it had been lost */
    }
    return result;
}

/* ---- answers --------------------------------------------------------------------------------- */

struct sync_task *sync_answered(struct syncs *syncs, uint64_t node, uint64_t id, size_t bytes,
                                enum sync_step first, enum sync_step last)
{
    struct sync_task *task = table_get(&syncs->tasks, id);
    if (task == NULL || task->sync->node != node || task->step < first || task->step > last) {
        return NULL;
    }
    syncs->counts.bytes += bytes;
    pace_came(syncs->pace, syncs->now.mono_us, bytes, task->charged);
    task->charged = 0;
    sync_task_unask(task);
    task->silences = 0;
    return task;
}

int sync_refused(struct sync_task *task, int code)
{
    struct syncs *syncs = task->sync->syncs;
    task->refusals++;
    if (code != SHOAL_EOVERLOAD || task->refusals > SYNC_REFUSALS_MAX) {
        return code;
    }
    return timers_start(syncs->timers, &task->timer, syncs->now.mono_us + SYNC_PAUSE_US);
}

static int sync_keep(struct sync_task *task, struct bytes payload)
{
    return sync_is_kept(task, payload) ? 0 : buffer_append_bytes(&task->answer, payload);
}

int sync_keep_reading(struct sync_task *task, struct bytes payload)
{
    int result = sync_keep(task, payload);
    if (result == 0) {
        replica_wait(task->sync->syncs->replica, &task->reading);
    }
    return result;
}

int sync_keep_for_later(struct sync_task *task, struct bytes payload)
{
    int result = sync_keep(task, payload);
    if (result == 0) {
        sync_again(task);
    }
    return result;
}

int sync_keep_going(struct sync_task *task, struct bytes payload, uint64_t pause_us)
{
    struct syncs *syncs = task->sync->syncs;
    int result = sync_keep(task, payload);
    return result < 0 ? result
                      : timers_start(syncs->timers, &task->timer, syncs->now.mono_us + pause_us);
}

void sync_drop_answer(struct sync_task *task)
{
    buffer_clear(&task->answer);
    task->taken = 0;
}

/* Takes the kept answer up where it was left. */
static int sync_resume(struct sync_task *task)
{
    struct syncs *syncs = task->sync->syncs;
    struct bytes payload = buffer_bytes(&task->answer);
    struct message_sync_listed listed;
    struct message_sync_fetched fetched;
    int result;
    if (task->step == STEP_LEAVES) {
        result = message_sync_listed_decode(payload, syncs->arena, &listed);
        return result < 0 ? result : sync_take_listed(task, &listed, payload);
    }
    result = message_sync_fetched_decode(payload, syncs->arena, &fetched);
    return result < 0 ? result : sync_take_fetched(task, &fetched, payload);
}

static void sync_on_reading(struct read_waiter *waiter, int code)
{
    struct sync_task *task = QUEUE_ITEM(waiter, struct sync_task, reading);
    struct sync *sync = task->sync;
    sync_go_on(sync, code < 0 || sync->broken ? code : sync_resume(task));
}

static void sync_on_task_timer(struct timer *timer, uint64_t now_us)
{
    struct sync_task *task = QUEUE_ITEM(timer, struct sync_task, timer);
    struct sync *sync = task->sync;
    int result;
    (void)now_us;
    if (sync->broken) {
        result = 0;
    } else if (task->answer.len > 0) {
        result = sync_resume(task);
    } else if (task->id != 0 && ++task->silences > SYNC_SILENCES_MAX) {
        result = SHOAL_ETIMEOUT;
    } else {
        result = sync_ask(task);
    }
    sync_go_on(sync, result);
}
