/* One worker's share of a verification: so many partitions at a time, each a small task. See
 * verify.h. */
#include "base/memory.h"
#include "node/verify.h"
#include "shoal/error.h"

#include <stdio.h>

#define TASKS_MAX 64u        /* at a time */
#define TASKS_READING_MAX 4u /* ... with values */

static void part_free(struct verify_part *part)
{
    while (!queue_empty(&part->tasks)) {
        verify_task_free(QUEUE_ITEM(part->tasks.next, struct verify_task, link));
    }
    timers_stop(&part->worker->timers, &part->deadline);
    queue_remove(&part->link);
    mem_free(part);
}

static void part_end(struct verify_part *part)
{
    struct worker *worker = part->worker;
    struct letter_verify *letter = part->letter;
    part_free(part);
    worker_post(worker, letter->origin, &letter->letter, LETTER_VERIFIED);
}

/* What is left is not verified, but for what was seen to differ. */
static void part_cut(struct verify_part *part, const char *why)
{
    while (!queue_empty(&part->tasks)) {
        verify_task_give_up(QUEUE_ITEM(part->tasks.next, struct verify_task, link));
    }
    if (part->letter->text[0] == '\0') {
        (void)snprintf(part->letter->text, sizeof(part->letter->text), "%s", why);
    }
    part_end(part);
}

static bool part_begin_one(struct verify_part *part)
{
    struct worker *worker = part->worker;
    struct verify_task *task = mem_alloc_zeroed(1, sizeof(*task));
    if (task == NULL) {
        return false;
    }
    task->part = part;
    task->partition = part->partition;
    part->partition += worker->count;
    queue_push(&part->tasks, &task->link);
    part->task_count++;
    verify_task_begin(task);
    return true;
}

void verify_part_go_on(struct verify_part *part)
{
    uint32_t partitions = view_facts(part->worker->snapshot->view)->partitions;
    uint32_t tasks_max = part->letter->with_values ? TASKS_READING_MAX : TASKS_MAX;
    while (part->partition < partitions && part->task_count < tasks_max) {
        if (!part_begin_one(part)) {
            part_cut(part, "there was no memory for a part of it");
            return;
        }
    }
    if (part->task_count == 0) {
        part_end(part);
    }
}

static void part_on_deadline(struct timer *timer, uint64_t now_us)
{
    (void)now_us;
    part_cut(QUEUE_ITEM(timer, struct verify_part, deadline), "the time was up");
}

void worker_verify_part(struct worker *worker, struct letter_verify *letter)
{
    struct verify_part *part = mem_alloc_zeroed(1, sizeof(*part));
    if (part == NULL || worker->snapshot == NULL || worker->stopping) {
        mem_free(part);
        (void)snprintf(letter->text, sizeof(letter->text), "a worker of the node is not ready");
        worker_post(worker, letter->origin, &letter->letter, LETTER_VERIFIED);
        return;
    }
    part->worker = worker;
    part->letter = letter;
    part->partition = worker->index;
    part->deadline.fire = part_on_deadline;
    queue_init(&part->tasks);
    queue_push(&worker->verify_parts, &part->link);
    if (timers_start(&worker->timers, &part->deadline, letter->deadline_us) != 0) {
        part_cut(part, "there was no memory for a part of it");
        return;
    }
    verify_part_go_on(part);
}

void verify_parts_stop(struct worker *worker)
{
    while (!queue_empty(&worker->verify_parts)) {
        part_cut(QUEUE_ITEM(worker->verify_parts.next, struct verify_part, link),
                 "the node is stopping");
    }
}

void verify_parts_close(struct worker *worker)
{
    while (!queue_empty(&worker->verify_parts)) {
        struct verify_part *part = QUEUE_ITEM(worker->verify_parts.next, struct verify_part, link);
        mem_free(part->letter);
        part_free(part);
    }
}
