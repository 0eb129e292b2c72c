/* The beginning and the end of a tail's life: going on where the run before has ended, as far as
 * that can be known, and leaving the files so that the next one can. Where it can't be known
 * positions jump ahead, behind a mark of the crash: none is ever given twice. */
#include "base/assert.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/memory.h"
#include "shoal/error.h"
#include "storage/tail_inside.h"

#define SEGMENTS 8u /* that a tail's bytes are divided into */
#define SEGMENT_BYTES_MIN (64u * LIMIT_KIB)

/* ---- what was ---- */

/* `anew`: not the first of this lane. Then a first position stands for all that was. */
static void tail_new_id(struct tail *tail, bool anew)
{
    uint64_t id = tail->options.random(tail->options.random_self);
    tail->id = id == 0 ? 1 : id;
    tail->end = anew ? TAIL_FIRST + 1 : TAIL_FIRST;
    tail->gone_ms = anew ? TAIL_GONE_UNKNOWN : 0;
}

/* Of what a run before had let go of, only this is known: it is older than what there is. */
static void tail_date_gone(struct tail *tail)
{
    const struct tail_segment *first =
        queue_empty(&tail->segments) ? NULL : tail_segment_of(tail->segments.next);
    if (first != NULL && first->first > TAIL_FIRST) {
        tail->gone_ms = first->mark_count > 0 ? first->marks[0].time_ms : TAIL_GONE_UNKNOWN;
    }
}

/* What a killed process has written is the system's to lose: once there is more behind it, it must
 * be as durable as that. */
static int tail_sync_past(const struct tail *tail)
{
    const struct disk *disk = tail->options.disk;
    int result = 0;
    for (const struct queue *link = tail->segments.next; link != &tail->segments && result == 0;
         link = link->next) {
        result = disk->ops->sync(tail_segment_of(link)->file);
    }
    return result;
}

/* Ahead of whatever may have been given since. False: there are no such positions, for some file
 * has a number that no honest one has. */
static bool tail_jump(struct tail *tail, const struct tail_past *past)
{
    uint64_t begun = tail->sequence - past->sequence;
    if (begun > (TAIL_POSITIONS - tail->end) / TAIL_JUMP) {
        return false;
    }
    tail->end += TAIL_JUMP * begun;
    return true;
}

static void tail_mark_crash(struct tail *tail, const struct tail_past *past)
{
    struct tail_event mark = {.op = TAIL_CRASH, .time_ms = past->time_ms, .expiry_ms = past->from};
    tail_append(tail, &mark);
    tail->events = 0;
}

/* The first segment of this life, with its head and what it begins with on the disk before anything
 * else is in it. `past`: what a run has left that ended badly; NULL: none has. */
static int tail_begin_file(struct tail *tail, const struct tail_past *past)
{
    struct disk *disk = tail->options.disk;
    struct tail_segment *segment = tail_segment_new(tail->segment_bytes);
    if (segment == NULL) {
        return SHOAL_ENOMEM;
    }
    segment->sequence = tail->sequence++;
    int result = tail_file_make(disk, tail->options.lane, segment);
    if (result < 0) {
        tail_segment_free(segment);
        return result;
    }
    tail->spare = segment;
    tail_roll(tail);
    if (past != NULL) {
        tail_mark_crash(tail, past);
    }
    result = disk->ops->sync(segment->file);
    return result == 0 ? disk->ops->sync_folder(disk) : result;
}

static void tail_forget(struct tail *tail)
{
    while (!queue_empty(&tail->segments)) {
        struct tail_segment *segment = tail_segment_of(tail->segments.next);
        queue_remove(&segment->link);
        tail_file_leave(tail->options.disk, segment);
        tail_segment_free(segment);
    }
    tail->active = NULL;
}

/* Goes on where the run before ended, or begins. */
static void tail_begin(struct tail *tail)
{
    struct disk *disk = tail->options.disk;
    struct tail_past past = {0};
    if (disk == NULL) {
        tail_new_id(tail, tail->options.anew);
        return;
    }
    int found = tail_load(tail, &past);
    bool crashed = found == 1 && tail->id != 0;
    if (found >= 0 && tail->id == 0) {
        tail_new_id(tail, tail->options.anew || found == 1);
    } else {
        tail_date_gone(tail);
    }
    int synced = crashed ? tail_sync_past(tail) : 0;
    if (tail->options.old && found >= 0) {
        return;
    }
    found = synced < 0 ? synced : found;
    if (crashed && !tail_jump(tail, &past)) {
        found = SHOAL_EPROTO;
    }
    if (found >= 0) {
        tail_trim(tail, 2 * (uint64_t)tail->segment_bytes);
        found = tail_begin_file(tail, crashed ? &past : NULL);
    }
    if (found < 0) {
        log_error("feed: what is on the disk can't be gone on with; it begins anew, in memory",
                  LOG_TEXT("cause", disk->ops->explain(disk)), LOG_U64("lane", tail->options.lane));
        tail_forget(tail);
        tail_new_id(tail, true);
        tail->told = true;
        tail_try_later(tail);
    }
}

/* ---- opening and closing ---- */

int tail_open(const struct tail_options *options, struct tail **out)
{
    struct tail *tail = mem_alloc_zeroed(1, sizeof(*tail));
    if (tail == NULL) {
        return SHOAL_ENOMEM;
    }
    tail->options = *options;
    uint64_t bytes = options->bytes_max / SEGMENTS / SEGMENT_BYTES_MIN * SEGMENT_BYTES_MIN;
    bytes = bytes > TAIL_SEGMENT_BYTES_MAX ? TAIL_SEGMENT_BYTES_MAX : bytes;
    tail->segment_bytes = bytes < SEGMENT_BYTES_MIN ? SEGMENT_BYTES_MIN : (uint32_t)bytes;
    tail->sequence = 1;
    queue_init(&tail->segments);
    queue_init(&tail->gone);
    queue_init(&tail->work.gone);
    tail_begin(tail);
    tail->open = true;
    *out = tail;
    return 0;
}

void tail_close(struct tail *tail, bool clean)
{
    if (tail == NULL) {
        return;
    }
    ASSERT(!tail->work.busy);
    tail_fetch_close(tail);
    if (tail->options.disk != NULL) {
        tail_work_end(tail, clean);
    }
    while (!queue_empty(&tail->segments)) {
        struct tail_segment *segment = tail_segment_of(tail->segments.next);
        queue_remove(&segment->link);
        tail_file_leave(tail->options.disk, segment);
        tail_segment_free(segment);
    }
    mem_free(tail);
}
