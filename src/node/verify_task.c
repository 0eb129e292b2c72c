/* One partition being compared: asks all its owners in the newest layout for the roots of their
 * trees, this node among them by the same way, and where values are wanted reads those too. What
 * differs is compared again a few times, with growing pauses, as writes may have been on their way;
 * so is what some owner could not answer. See verify.h. */
#include "base/memory.h"
#include "base/mutant.h"
#include "node/verify.h"
#include "shoal/error.h"

#include <stdio.h>

#define ANSWER_US UINT64_C(3000000)   /* an owner that takes longer is asked again */
#define PAGE_PAUSE_US UINT64_C(20000) /* an owner lets those whom it serves go first */
#define PAUSE_FIRST_US UINT64_C(50000)
#define PAUSE_MAX_US UINT64_C(1000000)
#define TRIES_MAX 8u
#define UNREACHABLE_TRIES 3u /* that it counts for when there is no link to an owner */

static void task_review(struct verify_task *task);

/* ---- verdicts ---- */

void verify_task_free(struct verify_task *task)
{
    struct worker *worker = task->part->worker;
    for (uint32_t i = 0; i < task->count; i++) {
        if (task->owners[i].question != 0) {
            (void)table_remove(&worker->verify_questions, task->owners[i].question);
        }
    }
    timers_stop(&worker->timers, &task->timer);
    queue_remove(&task->link);
    task->part->task_count--;
    mem_free(task);
}

static void task_end(struct verify_task *task, enum verify_verdict verdict)
{
    struct letter_verify *letter = task->part->letter;
    letter->verdicts[task->partition / task->part->worker->count] = (uint8_t)verdict;
    verify_task_free(task);
}

/* The first reason is told, for all. */
static void task_explain(const struct verify_task *task)
{
    struct letter_verify *letter = task->part->letter;
    struct worker *worker = task->part->worker;
    if (letter->text[0] != '\0') {
        return;
    }
    for (uint32_t i = 0; i < task->count; i++) {
        const struct verify_owner *owner = &task->owners[i];
        if (owner->code < 0 || owner->question != 0) {
            int code = owner->code < 0 ? owner->code : SHOAL_ETIMEOUT;
            const char *why = code == SHOAL_ECONNECT   ? "can't be reached"
                              : code == SHOAL_ETIMEOUT ? "does not answer"
                              : code == SHOAL_EOVERLOAD
                                  ? "is still reading what it holds: try again soon"
                                  : shoal_error_text(code);
            (void)snprintf(letter->text, sizeof(letter->text), "partition %u: node '%.80s' %s",
                           task->partition, worker_node_name(worker, owner->node), why);
            return;
        }
    }
    (void)snprintf(letter->text, sizeof(letter->text), "partition %u: the time was up",
                   task->partition);
}

/* Without another try. */
void verify_task_give_up(struct verify_task *task)
{
    if (task->differed) {
        task_end(task, VERIFY_DIFFERENT);
        return;
    }
    task_explain(task);
    task_end(task, VERIFY_UNKNOWN);
}

static void task_on_pause_over(struct timer *timer, uint64_t now_us)
{
    (void)now_us;
    struct verify_task *task = QUEUE_ITEM(timer, struct verify_task, timer);
    struct verify_part *part = task->part;
    verify_task_begin(task);
    verify_part_go_on(part);
}

static bool task_unreachable(const struct verify_task *task)
{
    for (uint32_t i = 0; i < task->count; i++) {
        if (task->owners[i].code == SHOAL_ECONNECT) {
            return true;
        }
    }
    return false;
}

static void task_again(struct verify_task *task)
{
    struct worker *worker = task->part->worker;
    uint64_t pause_us = PAUSE_FIRST_US << task->tries;
    task->tries += task_unreachable(task) ? UNREACHABLE_TRIES : 1;
    task->phase = VERIFY_PAUSE;
    task->timer.fire = task_on_pause_over;
    pause_us = pause_us < PAUSE_MAX_US ? pause_us : PAUSE_MAX_US;
    if (task->tries >= TRIES_MAX ||
        timers_start(&worker->timers, &task->timer, worker->now.mono_us + pause_us) != 0) {
        verify_task_give_up(task);
    }
}

/* ---- asking ---- */

static void task_on_late(struct timer *timer, uint64_t now_us)
{
    (void)now_us;
    struct verify_task *task = QUEUE_ITEM(timer, struct verify_task, timer);
    struct verify_part *part = task->part;
    for (uint32_t i = 0; i < task->count; i++) {
        struct verify_owner *owner = &task->owners[i];
        if (owner->question != 0) {
            (void)table_remove(&part->worker->verify_questions, owner->question);
            owner->question = 0;
            owner->code = SHOAL_ETIMEOUT;
        }
    }
    task->differed = false;
    task_again(task);
    verify_part_go_on(part);
}

/* The question is in the frame: it goes out, and the task is found by its answer. */
void verify_owner_ask(struct verify_task *task, struct verify_owner *owner, uint64_t question,
                      int encoded)
{
    struct worker *worker = task->part->worker;
    int code = encoded;
    if (code == 0) {
        code = table_put(&worker->verify_questions, question, task);
    }
    if (code == 0) {
        owner->question = question;
        code = worker_send(worker, owner->node, buffer_bytes(&worker->frame));
        if (code < 0) {
            (void)table_remove(&worker->verify_questions, question);
            owner->question = 0;
        }
    }
    owner->code = code;
}

static void owner_ask_root(struct verify_task *task, struct verify_owner *owner)
{
    struct worker *worker = task->part->worker;
    uint64_t question = worker->verify_next_id++;
    const struct message_sync_root root = {
        .id = question,
        .partition = task->partition,
        .view_digest = worker->snapshot->view->digest,
        .node = worker->snapshot->self,
        .told = bytes_make("", 0),
    };
    buffer_clear(&worker->frame);
    verify_owner_ask(task, owner, question, message_sync_root_encode(&root, &worker->frame));
}

/* ---- judging ---- */

static bool task_waits(const struct verify_task *task)
{
    for (uint32_t i = 0; i < task->count; i++) {
        if (task->owners[i].question != 0) {
            return true;
        }
    }
    return false;
}

static bool task_failed(const struct verify_task *task)
{
    for (uint32_t i = 0; i < task->count; i++) {
        if (task->owners[i].code < 0) {
            return true;
        }
    }
    return false;
}

static bool sums_equal(struct wire_sum a, struct wire_sum b)
{
    return a.low == b.low && a.high == b.high;
}

/* Does every owner say the same as the first, and is complete? */
static bool task_equal(const struct verify_task *task)
{
    const struct verify_owner *first = &task->owners[0];
    for (uint32_t i = 0; i < task->count; i++) {
        const struct verify_owner *owner = &task->owners[i];
        if (owner->refilling || !sums_equal(owner->root, first->root) ||
            !sums_equal(owner->sum, first->sum)) {
            return false;
        }
    }
    return true;
}

static void task_end_identical(struct verify_task *task)
{
    struct letter_verify *letter = task->part->letter;
    const struct hash_secret *secret = &task->part->worker->replica.position_secret;
    const struct verify_owner *first = &task->owners[0];
    const uint64_t content[] = {task->partition, first->root.low, first->root.high, first->sum.low,
                                first->sum.high};
    struct hash_wide term = hash_keyed_wide(secret, bytes_make(content, sizeof(content)));
    letter->digest =
        verify_plus(letter->digest, (struct wire_sum){.low = term.low, .high = term.high});
    letter->siblings += first->siblings;
    letter->bytes += first->bytes;
    task_end(task, VERIFY_IDENTICAL);
}

static void task_read_values(struct verify_task *task)
{
    task->phase = VERIFY_VALUES;
    for (uint32_t i = 0; i < task->count; i++) {
        verify_owner_ask_page(task, &task->owners[i]);
    }
}

static void task_on_page_pause_over(struct timer *timer, uint64_t now_us)
{
    (void)now_us;
    struct verify_task *task = QUEUE_ITEM(timer, struct verify_task, timer);
    struct verify_part *part = task->part;
    verify_ask_pages_again(task);
    task_review(task);
    verify_part_go_on(part);
}

static bool task_pages_refused(const struct verify_task *task)
{
    for (uint32_t i = 0; i < task->count; i++) {
        if (task->owners[i].page_refused) {
            return true;
        }
    }
    return false;
}

/* Arms the timer while answers are awaited, else says what they come to. */
static void task_review(struct verify_task *task)
{
    struct worker *worker = task->part->worker;
    bool waits = task_waits(task);
    bool failed = task_failed(task);
    if (waits || (!failed && task_pages_refused(task))) {
        uint64_t wait_us = waits ? ANSWER_US : PAGE_PAUSE_US;
        task->timer.fire = waits ? task_on_late : task_on_page_pause_over;
        if (timers_start(&worker->timers, &task->timer, worker->now.mono_us + wait_us) != 0) {
            verify_task_give_up(task);
        }
        return;
    }
    timers_stop(&worker->timers, &task->timer);
    bool equal = !failed && (task_equal(task) || MUTANT(verify_blind));
    task->differed = !failed && !equal;
    if (!equal) {
        task_again(task);
    } else if (task->phase == VERIFY_ROOTS && task->part->letter->with_values) {
        task_read_values(task);
        task_review(task);
    } else {
        task_end_identical(task);
    }
}

void verify_task_begin(struct verify_task *task)
{
    const struct view *view = task->part->worker->snapshot->view;
    uint64_t nodes[LIMIT_REPLICAS];
    uint32_t count = layout_owners(view_newest(view), task->partition, nodes);
    task->count = 0;
    task->phase = VERIFY_ROOTS;
    for (uint32_t i = 0; i < count; i++) {
        if (!view_removed(view, nodes[i])) {
            task->owners[task->count++] = (struct verify_owner){.node = nodes[i]};
        }
    }
    for (uint32_t i = 0; i < task->count; i++) {
        owner_ask_root(task, &task->owners[i]);
    }
    if (task->count == 0) {
        verify_task_give_up(task); /* all were removed by force */
        return;
    }
    task_review(task);
}

/* ---- answers ---- */

/* The owner that the question went to; NULL when it is not awaited any more. */
struct verify_owner *verify_owner_find(struct worker *worker, uint64_t node, uint64_t question,
                                       struct verify_task **task)
{
    *task = table_get(&worker->verify_questions, question);
    for (uint32_t i = 0; *task != NULL && i < (*task)->count; i++) {
        struct verify_owner *owner = &(*task)->owners[i];
        if (owner->question == question && owner->node == node) {
            (void)table_remove(&worker->verify_questions, question);
            owner->question = 0;
            return owner;
        }
    }
    return NULL;
}

void verify_task_answered(struct verify_task *task)
{
    struct verify_part *part = task->part;
    task_review(task);
    verify_part_go_on(part);
}
