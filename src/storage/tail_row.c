/* The row of segments of a tail: which one is written to next, which stay in memory, which go. It
 * keeps to the tail's bytes, so each that comes may cost the oldest. */
#include "base/assert.h"
#include "base/limits.h"
#include "base/memory.h"
#include "storage/tail_inside.h"

#define SEGMENTS_MAX 64u   /* files: each start begins one, however short the one before is */
#define MEMORY_SEGMENTS 2u /* kept in memory where there should be a disk */

/* ---- what goes ---- */

static void tail_free_memory(struct tail *tail, struct tail_segment *segment)
{
    if (tail_has_file(segment)) {
        tail_work_unmap(tail, segment);
    } else {
        mem_free(segment->memory);
        segment->memory = NULL;
    }
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

void tail_trim(struct tail *tail, uint64_t more)
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
        }
    }
}

void tail_roll(struct tail *tail)
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
