/* The row of segments: what is appended, which segment is next, which one goes. See tail.h for the
 * promises and tail_inside.h for who does what. */
#include "storage/tail.h"

#include "base/assert.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/memory.h"
#include "shoal/error.h"
#include "storage/tail_inside.h"

#define SEGMENTS 8u      /* that a tail's bytes are divided into */
#define SEGMENTS_MAX 64u /* files: each start begins one, however short the one before is */
#define SEGMENT_BYTES_MIN (64u * LIMIT_KIB)
#define MEMORY_SEGMENTS 2u /* kept in memory where there should be a disk */
#define RETRY_US_MIN UINT64_C(1000000)
#define RETRY_US_MAX UINT64_C(30000000)

/* ---- what goes ---- */

static bool tail_has_file(const struct tail_segment *segment)
{
    return segment->file != NULL;
}

static void tail_free_memory(struct tail *tail, struct tail_segment *segment)
{
    if (tail_has_file(segment)) {
        tail_work_unmap(tail, segment);
    } else {
        mem_free(segment->memory);
    }
    segment->memory = NULL;
}

void tail_drop(struct tail *tail, struct tail_segment *segment)
{
    uint64_t latest_ms = tail_segment_latest(segment);
    tail->gone_ms = latest_ms > tail->gone_ms ? latest_ms : tail->gone_ms;
    queue_remove(&segment->link);
    segment->leaving = true;
    tail_fetch_forget(tail, segment);
    if (segment->readers == 0) {
        tail_release(tail, segment);
    }
}

void tail_release(struct tail *tail, struct tail_segment *segment)
{
    tail_free_memory(tail, segment);
    if (tail_has_file(segment)) {
        queue_push(&tail->gone, &segment->link);
    } else {
        tail_segment_free(segment);
    }
}

static uint64_t tail_file_bytes(const struct tail *tail)
{
    uint64_t bytes = tail->spare != NULL ? tail->spare->bytes : 0;
    for (const struct queue *link = tail->segments.next; link != &tail->segments;
         link = link->next) {
        const struct tail_segment *segment = tail_segment_of(link);
        bytes += tail_has_file(segment) ? segment->bytes : 0;
    }
    return bytes;
}

static struct tail_segment *tail_oldest(const struct tail *tail, bool has_file, uint32_t *count)
{
    struct tail_segment *oldest = NULL;
    *count = 0;
    for (struct queue *link = tail->segments.previous; link != &tail->segments;
         link = link->previous) {
        struct tail_segment *segment = tail_segment_of(link);
        if (tail_has_file(segment) == has_file) {
            oldest = segment;
            ++*count;
        }
    }
    return oldest;
}

static uint32_t tail_memory_segments(const struct tail *tail)
{
    uint64_t fit = tail->options.bytes_max / tail->segment_bytes;
    return tail->options.disk != NULL ? MEMORY_SEGMENTS : (uint32_t)(fit < 2 ? 2 : fit);
}

/* Keeps to the bytes, with room for `more`. What is in memory alone goes with what is older. */
static void tail_trim(struct tail *tail, uint64_t more)
{
    uint32_t count;
    struct tail_segment *oldest = tail_oldest(tail, true, &count);
    while (oldest != NULL && oldest != tail->active &&
           (count > SEGMENTS_MAX || tail_file_bytes(tail) + more > tail->options.bytes_max)) {
        while (tail_segment_of(tail->segments.next) != oldest) {
            tail_drop(tail, tail_segment_of(tail->segments.next));
        }
        tail_drop(tail, oldest);
        oldest = tail_oldest(tail, true, &count);
    }
}

/* ---- what is next ---- */

static bool tail_begin_memory(struct tail *tail)
{
    uint32_t count;
    struct tail_segment *oldest = tail_oldest(tail, false, &count);
    struct tail_segment *segment = NULL;
    uint8_t *memory = NULL;
    if (count >= tail_memory_segments(tail)) {
        memory = oldest->memory; /* used again, for it need not be asked for page by page */
        oldest->memory = NULL;
        if (oldest == tail->active) {
            tail->active = NULL;
        }
        tail_drop(tail, oldest);
    }
    segment = tail_segment_new(tail->segment_bytes);
    if (segment != NULL && memory == NULL) {
        memory = mem_alloc(tail->segment_bytes);
    }
    if (segment == NULL || memory == NULL) {
        mem_free(memory);
        if (segment != NULL) {
            tail_segment_free(segment);
        }
        return false;
    }
    segment->memory = memory;
    tail->active = segment;
    return true;
}

/* Only the last two stay in memory. */
static void tail_cool(struct tail *tail)
{
    uint32_t warm = 0;
    for (struct queue *link = tail->segments.previous; link != &tail->segments;
         link = link->previous) {
        struct tail_segment *segment = tail_segment_of(link);
        if (tail_has_file(segment) && segment->memory != NULL && ++warm > 2 &&
            segment->readers == 0) {
            tail_work_unmap(tail, segment);
            segment->memory = NULL;
        }
    }
}

/* Another segment is written to from here on; none if there is no memory. */
static void tail_roll(struct tail *tail)
{
    if (tail->spare != NULL) {
        tail->active = tail->spare;
        tail->spare = NULL;
        tail->active->first = tail->end;
        tail_file_begin(tail, tail->active);
    } else if (tail_begin_memory(tail)) { /* also until the next one is ready */
        tail->active->first = tail->end;
    } else {
        tail->active = NULL;
        return;
    }
    tail->active->end = tail->end;
    queue_push(&tail->segments, &tail->active->link);
    tail_trim(tail, tail->options.disk != NULL ? tail->segment_bytes : 0);
    tail_cool(tail);
    tail_work_begin(tail, false);
}

void tail_append(struct tail *tail, const struct tail_event *event)
{
    bool with_value;
    size_t len = tail_event_plan(event, tail->segment_bytes / 2, &with_value);
    if (tail->active == NULL || len > tail->active->bytes - tail->active->used) {
        tail_roll(tail);
    }
    struct tail_segment *active = tail->active;
    ASSERT(!tail->options.old);
    tail->gone_ms = tail->gone_ms == TAIL_GONE_UNKNOWN ? event->time_ms : tail->gone_ms;
    uint64_t position = tail->end++;
    tail->events++;
    if (active == NULL || len > active->bytes - active->used) {
        return; /* its position is spent: readers see that something is missing */
    }
    if (tail_segment_mark(active, position, event->time_ms) && tail->spare == NULL) {
        tail_work_begin(tail, false);
    }
    tail_event_put(event, position, with_value, len, active->memory + active->used);
    active->used += (uint32_t)len;
    active->end = position + 1;
    active->dirty = true;
}

/* ---- trouble ---- */

static void tail_try_later(struct tail *tail)
{
    uint64_t wait_us = tail->retry_wait_us == 0 ? RETRY_US_MIN : tail->retry_wait_us * 2;
    tail->retry_wait_us = wait_us < RETRY_US_MAX ? wait_us : RETRY_US_MAX;
    tail->retry_us = tail->now_us + tail->retry_wait_us;
}

void tail_fail(struct tail *tail, bool lost, const char *words)
{
    if (!tail->told) {
        log_error("feed: the disk fails; what comes is kept in memory until it is well again",
                  LOG_TEXT("cause", words), LOG_U64("lane", tail->options.lane));
    }
    tail->told = true;
    tail_try_later(tail);
    if (lost && tail->spare != NULL) {
        tail_drop(tail, tail->spare);
        tail->spare = NULL;
    }
    if (lost && tail->active != NULL && tail_has_file(tail->active)) {
        tail_roll(tail);
    }
}

void tail_ready(struct tail *tail, struct tail_segment *spare)
{
    tail->spare = spare;
    tail->retry_wait_us = 0;
    if (tail->told) {
        log_info("feed: the disk is well again", LOG_U64("lane", tail->options.lane));
        tail->told = false;
    }
    if (tail->active == NULL || !tail_has_file(tail->active)) {
        tail_roll(tail);
    }
}

void tail_tick(struct tail *tail, uint64_t now_us)
{
    tail->now_us = now_us;
    tail_work_begin(tail, true);
}

/* ---- life ---- */

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

/* ---- looking in ---- */

void tail_expire(struct tail *tail, uint64_t time_ms)
{
    uint64_t latest_ms = 0;
    for (const struct queue *link = tail->segments.next; link != &tail->segments;
         link = link->next) {
        uint64_t segment_ms = tail_segment_latest(tail_segment_of(link));
        latest_ms = segment_ms > latest_ms ? segment_ms : latest_ms;
    }
    ASSERT(tail->options.old);
    while (latest_ms < time_ms && !queue_empty(&tail->segments)) {
        tail_drop(tail, tail_segment_of(tail->segments.next));
    }
    tail_work_begin(tail, false);
}

uint64_t tail_since(const struct tail *tail)
{
    for (const struct queue *link = tail->segments.next; link != &tail->segments;
         link = link->next) {
        if (tail_segment_of(link)->mark_count > 0) {
            return tail_segment_of(link)->marks[0].time_ms;
        }
    }
    return UINT64_MAX;
}

uint64_t tail_id(const struct tail *tail)
{
    return tail->id;
}

uint64_t tail_first(const struct tail *tail)
{
    return queue_empty(&tail->segments) ? tail->end : tail_segment_of(tail->segments.next)->first;
}

uint64_t tail_end(const struct tail *tail)
{
    return tail->end;
}

void tail_stats(const struct tail *tail, struct tail_stats *out)
{
    bool on_disk = tail->active != NULL && tail_has_file(tail->active);
    bool should = tail->options.disk != NULL && !tail->options.old;
    *out = (struct tail_stats){.events = tail->events, .failed = should && !on_disk};
    for (const struct queue *link = tail->segments.next; link != &tail->segments;
         link = link->next) {
        out->bytes_kept += tail_segment_of(link)->used;
    }
}
