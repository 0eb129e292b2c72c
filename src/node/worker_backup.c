/* Backups: an operator's request goes to every worker, each of which has its engine copy what it
 * has into one folder, once all that it has confirmed is durable; the request completes when the
 * last has answered. What the folder is called, the node's record and the manifest are the
 * server's.
 *
 *      request --> origin --BACKUP--> every worker: harden, wait, engine->backup, wait
 *                     ^------------BACKED-------------'                                    */
#include "base/assert.h"
#include "base/memory.h"
#include "node/core.h"
#include "shoal/error.h"

#include <stdio.h>

/* At the worker where the request came in. */
struct backup {
    struct queue link;
    struct request *request;
    uint32_t left; /* workers that have not answered */
    int code;      /* the first failure */
    uint32_t failed;
};

/* At each worker, for its part. */
struct backup_part {
    struct queue link;
    struct worker *worker;
    struct letter_backup *letter; /* goes back with the code */
    struct durable_waiter durable;
    bool durable_waits;
    struct read_waiter ready;
};

/* ---- the parts ---- */

static void backup_part_end(struct backup_part *part, int code)
{
    struct worker *worker = part->worker;
    struct letter_backup *letter = part->letter;
    queue_remove(&part->link);
    mem_free(part);
    letter->code = code;
    worker_post(worker, letter->origin, &letter->letter, LETTER_BACKED);
}

static void backup_part_on_ready(struct read_waiter *waiter, int code)
{
    backup_part_end(QUEUE_ITEM(waiter, struct backup_part, ready), code);
}

static void backup_part_copy(struct backup_part *part)
{
    struct replica *replica = &part->worker->replica;
    struct engine *engine = replica->engine;
    int result = engine->ops->backup(engine, part->letter->folder, waiting_ticket(&replica->reads));
    if (result < 0) {
        backup_part_end(part, result);
        return;
    }
    part->ready.fire = backup_part_on_ready;
    replica_wait(replica, &part->ready);
}

static void backup_part_on_durable(struct durable_waiter *waiter, int code)
{
    struct backup_part *part = QUEUE_ITEM(waiter, struct backup_part, durable);
    part->durable_waits = false;
    if (code < 0) {
        backup_part_end(part, code);
    } else {
        backup_part_copy(part);
    }
}

void worker_backup_part(struct worker *worker, struct letter_backup *letter)
{
    struct durability *durability = &worker->replica.durability;
    struct backup_part *part = mem_alloc_zeroed(1, sizeof(*part));
    if (part == NULL || durability->failed != 0) {
        letter->code = part == NULL ? SHOAL_ENOMEM : durability->failed;
        mem_free(part);
        worker_post(worker, letter->origin, &letter->letter, LETTER_BACKED);
        return;
    }
    part->worker = worker;
    part->letter = letter;
    queue_init(&part->ready.link);
    queue_push(&worker->backup_parts, &part->link);
    if (!worker->engine->keeps_data || durability_reached(durability, DURABILITY_DURABLE)) {
        backup_part_copy(part);
        return;
    }
    part->durable.fire = backup_part_on_durable;
    part->durable_waits = true;
    durability_wait(durability, DURABILITY_DURABLE, &part->durable);
    worker->engine->ops->harden(worker->engine);
}

/* ---- the whole ---- */

static void backup_complete(struct worker *worker, struct backup *backup)
{
    char text[128];
    struct outcome outcome = {.code = backup->code};
    if (backup->code != 0) {
        (void)snprintf(text, sizeof(text), "backup: worker %u, engine %s: %s", backup->failed,
                       worker->engine->ops->name, shoal_error_text(backup->code));
        outcome.text = bytes_from_string(text);
    }
    struct request *request = backup->request;
    queue_remove(&backup->link);
    mem_free(backup);
    request->done(request, &outcome);
}

static void backup_note(struct worker *worker, struct backup *backup, uint32_t from, int code)
{
    if (code < 0 && backup->code == 0) {
        backup->code = code;
        backup->failed = from;
    }
    backup->left--;
    if (backup->left == 0) {
        backup_complete(worker, backup);
    }
}

void worker_backup_done(struct worker *worker, struct letter_backup *letter)
{
    struct backup *backup = letter->backup;
    uint32_t from = letter->letter.from;
    int code = letter->code;
    mem_free(letter);
    backup_note(worker, backup, from, code);
}

static int backup_post(struct worker *worker, struct backup *backup, uint32_t to)
{
    struct bytes folder = backup->request->key;
    struct letter_backup *letter = mem_alloc(sizeof(*letter) + folder.len + 1);
    if (letter == NULL) {
        return SHOAL_ENOMEM;
    }
    letter->backup = backup;
    letter->origin = worker->index;
    letter->code = 0;
    memcpy(letter->folder, folder.data, folder.len);
    letter->folder[folder.len] = '\0';
    worker_post(worker, to, &letter->letter, LETTER_BACKUP);
    return 0;
}

void worker_backup(struct worker *worker, struct request *request)
{
    ASSERT(request->origin == worker->index);
    struct outcome outcome = {0};
    struct backup *backup = mem_alloc_zeroed(1, sizeof(*backup));
    bool absolute = request->key.len > 0 && request->key.data[0] == '/' &&
                    memchr(request->key.data, '\0', request->key.len) == NULL;
    if (backup == NULL || !absolute) {
        mem_free(backup);
        outcome.code = absolute ? SHOAL_ENOMEM : SHOAL_EINVAL;
        outcome.text =
            bytes_from_string(absolute ? "out of memory" : "backup: the path is not absolute");
        request->done(request, &outcome);
        return;
    }
    backup->request = request;
    backup->left = worker->count + 1; /* itself: nobody completes it before all are asked */
    queue_push(&worker->backups, &backup->link);
    for (uint32_t i = 0; i < worker->count; i++) {
        int result = backup_post(worker, backup, i);
        if (result < 0) {
            backup_note(worker, backup, i, result);
        }
    }
    backup_note(worker, backup, worker->index, 0);
}

/* The worker ends: requests stay their surface's. */
void worker_backup_close(struct worker *worker)
{
    while (!queue_empty(&worker->backup_parts)) {
        struct backup_part *part = QUEUE_ITEM(worker->backup_parts.next, struct backup_part, link);
        waiting_leave(&part->ready);
        if (part->durable_waits) {
            durability_cancel(&part->durable);
        }
        queue_remove(&part->link);
        mem_free(part->letter);
        mem_free(part);
    }
    while (!queue_empty(&worker->backups)) {
        struct backup *backup = QUEUE_ITEM(worker->backups.next, struct backup, link);
        queue_remove(&backup->link);
        mem_free(backup);
    }
}
