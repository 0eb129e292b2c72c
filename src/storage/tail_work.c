/* What a tail does in the background, one job at a time: syncing what was written to, making the
 * next segment ready, taking out of memory what is not needed there, removing what is too old. A
 * failure of the first two is told to the tail, which then goes on in memory; of the others nothing
 * is told, for nobody relies on them. */
#include <stdio.h>

#include "base/memory.h"
#include "storage/tail_inside.h"

/* ---- elsewhere ---- */

static void work_failed(struct tail_work *work, struct disk *disk)
{
    if (work->words[0] == 0) {
        (void)snprintf(work->words, sizeof(work->words), "%s", disk->ops->explain(disk));
    }
}

static void work_remove(const struct tail *tail, struct tail_segment *segment)
{
    struct disk *disk = tail->options.disk;
    char name[DISK_NAME_BYTES];
    tail_file_leave(disk, segment);
    tail_file_name(tail->options.lane, segment->sequence, name);
    (void)disk->ops->remove(disk, name); /* the next start tries again */
}

static void work_unmap(struct tail_work *work, const struct disk *disk)
{
    for (uint32_t i = 0; i < work->unmap_count; i++) {
        disk->ops->unmap(work->unmaps[i].file, work->unmaps[i].memory, work->unmaps[i].bytes);
    }
    work->unmap_count = 0;
}

static void work_run(struct offload_job *job)
{
    struct tail_work *work = QUEUE_ITEM(job, struct tail_work, job);
    const struct tail *tail = QUEUE_ITEM(work, struct tail, work);
    struct disk *disk = tail->options.disk;
    for (uint32_t i = 0; i < work->sync_count && work->sync_code == 0; i++) {
        work->sync_code = disk->ops->sync(work->syncs[i]->file);
        if (work->sync_code < 0) {
            work_failed(work, disk);
        }
    }
    work_unmap(work, disk);
    for (struct queue *link = work->gone.next; link != &work->gone; link = link->next) {
        work_remove(tail, tail_segment_of(link));
    }
    if (work->make != NULL) {
        work->make_code = tail_file_make(disk, tail->options.lane, work->make);
        if (work->make_code < 0) {
            work_failed(work, disk);
        }
    }
}

/* ---- here ---- */

static void work_take_syncs(struct tail *tail, bool dropped)
{
    struct tail_work *work = &tail->work;
    for (uint32_t i = 0; i < work->sync_count; i++) {
        struct tail_segment *segment = work->syncs[i];
        segment->readers--;
        if (dropped || work->sync_code < 0) {
            segment->dirty = true;
        }
        if (segment->leaving && segment->readers == 0) {
            tail_release(tail, segment);
        }
    }
    work->sync_count = 0;
}

static void work_take_made(struct tail *tail, bool dropped)
{
    struct tail_work *work = &tail->work;
    struct tail_segment *made = work->make;
    work->make = NULL;
    if (made != NULL && (dropped || work->make_code < 0)) {
        tail_segment_free(made);
    } else if (made != NULL && work->sync_code < 0) {
        made->leaving = true;
        tail_release(tail, made);
    } else if (made != NULL) {
        tail_ready(tail, made);
    }
}

static void work_done(struct offload_job *job, bool dropped)
{
    struct tail_work *work = QUEUE_ITEM(job, struct tail_work, job);
    struct tail *tail = QUEUE_ITEM(work, struct tail, work);
    work->busy = false;
    if (work->unmap_count > 0) { /* dropped: before their files are closed */
        work_unmap(work, tail->options.disk);
    }
    struct queue *link;
    while ((link = queue_pop(&work->gone)) != NULL) {
        struct tail_segment *segment = tail_segment_of(link);
        if (segment->file != NULL) { /* dropped */
            tail_file_leave(tail->options.disk, segment);
        }
        tail_segment_free(segment);
    }
    work_take_syncs(tail, dropped);
    work_take_made(tail, dropped);
    if (!dropped && (work->sync_code < 0 || work->make_code < 0)) {
        tail_fail(tail, work->sync_code < 0, work->words);
    }
    if (!dropped && work->again) {
        work->again = false;
        tail_work_begin(tail, work->again_sync);
    }
}

/* What was written to, but for what a sync has failed for: that may be said to be well now, and
 * isn't. */
static void work_choose_syncs(struct tail *tail)
{
    struct tail_work *work = &tail->work;
    for (struct queue *link = tail->segments.next;
         link != &tail->segments && work->sync_count < TAIL_WORK_SYNCS; link = link->next) {
        struct tail_segment *segment = tail_segment_of(link);
        if (segment->file != NULL && segment->dirty) {
            segment->dirty = false;
            segment->readers++;
            work->syncs[work->sync_count++] = segment;
        }
    }
}

/* The next one, in time: while the one before is filled. Where the disk fails, once in a while. */
static void work_choose_make(struct tail *tail)
{
    bool wanted = tail->spare == NULL && !tail->options.old;
    if (wanted && (tail->retry_wait_us == 0 || tail->now_us >= tail->retry_us)) {
        struct tail_segment *segment = tail_segment_new(tail->segment_bytes);
        if (segment != NULL) {
            segment->sequence = tail->sequence++;
        }
        tail->work.make = segment;
    }
}

void tail_work_begin(struct tail *tail, bool sync)
{
    struct tail_work *work = &tail->work;
    if (tail->options.disk == NULL || !tail->open) {
        return;
    }
    if (work->busy) {
        work->again = true;
        work->again_sync = work->again_sync || sync;
        return;
    }
    work->again_sync = false;
    work->sync_code = 0;
    work->make_code = 0;
    work->words[0] = 0;
    if (sync && tail->retry_wait_us == 0) {
        work_choose_syncs(tail);
    }
    work_choose_make(tail);
    memcpy(work->unmaps, tail->unmaps, tail->unmap_count * sizeof(tail->unmaps[0]));
    work->unmap_count = tail->unmap_count;
    tail->unmap_count = 0;
    struct queue *link;
    while ((link = queue_pop(&tail->gone)) != NULL) {
        queue_push(&work->gone, link);
    }
    if (work->sync_count == 0 && work->unmap_count == 0 && queue_empty(&work->gone) &&
        work->make == NULL) {
        return;
    }
    work->job = (struct offload_job){.run = work_run, .done = work_done};
    work->busy = true;
    tail->options.offload.submit(tail->options.offload.self, OFFLOAD_SLOW, &work->job);
}

void tail_work_unmap(struct tail *tail, struct tail_segment *segment)
{
    struct tail_unmap unmap = {
        .file = segment->file, .memory = segment->memory, .bytes = segment->bytes};
    if (segment->memory == NULL) {
        return;
    }
    if (tail->unmap_count < TAIL_WORK_UNMAPS) {
        tail->unmaps[tail->unmap_count++] = unmap;
    } else {
        tail->options.disk->ops->unmap(unmap.file, unmap.memory, unmap.bytes);
    }
    segment->memory = NULL;
    segment->lost = NULL;
}

/* ---- the end ---- */

static bool work_sync_all(struct tail *tail)
{
    const struct disk *disk = tail->options.disk;
    bool synced = true;
    for (struct queue *link = tail->segments.next; link != &tail->segments; link = link->next) {
        struct tail_segment *segment = tail_segment_of(link);
        if (segment->file != NULL && segment->dirty) {
            segment->dirty = disk->ops->sync(segment->file) != 0;
            synced = synced && !segment->dirty;
        }
    }
    return synced;
}

void tail_work_end(struct tail *tail, bool clean)
{
    const struct disk *disk = tail->options.disk;
    struct tail_segment *active = tail->active;
    if (tail->spare != NULL) {
        tail_drop(tail, tail->spare);
        tail->spare = NULL;
    }
    for (uint32_t i = 0; i < tail->unmap_count; i++) {
        disk->ops->unmap(tail->unmaps[i].file, tail->unmaps[i].memory, tail->unmaps[i].bytes);
    }
    tail->unmap_count = 0;
    struct queue *link;
    while ((link = queue_pop(&tail->gone)) != NULL) {
        work_remove(tail, tail_segment_of(link));
        tail_segment_free(tail_segment_of(link));
    }
    /* In this order: what says that all is there is true from the moment that it is. */
    if (clean && active != NULL && active->file != NULL && !tail_segment_lost(active) &&
        work_sync_all(tail)) {
        tail_file_finish(active, tail->end);
        (void)disk->ops->sync(active->file);
    }
}
