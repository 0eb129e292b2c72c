/* A segment as memory knows it: where in it which positions are. Events have no fixed length, so
 * every so many bytes the place of one is marked; from there one walks. Kafka's index of a segment
 * is the same. */
#include "base/assert.h"
#include "base/limits.h"
#include "base/memory.h"
#include "storage/tail_inside.h"

struct tail_segment *tail_segment_new(uint32_t bytes)
{
    struct tail_segment *segment = mem_alloc_zeroed(1, sizeof(*segment));
    if (segment == NULL) {
        return NULL;
    }
    queue_init(&segment->link);
    segment->bytes = bytes;
    segment->used = TAIL_HEAD_BYTES;
    segment->marks = mem_alloc_zeroed(bytes / TAIL_MARK_BYTES + 2, sizeof(*segment->marks));
    if (segment->marks == NULL) {
        mem_free(segment);
        return NULL;
    }
    return segment;
}

void tail_segment_free(struct tail_segment *segment)
{
    mem_free(segment->marks);
    mem_free(segment);
}

bool tail_segment_mark(struct tail_segment *segment, uint64_t position, uint64_t time_ms)
{
    uint32_t count = segment->mark_count;
    struct tail_mark *last = count > 0 ? &segment->marks[count - 1] : NULL;
    if (last != NULL && segment->used - last->offset < TAIL_MARK_BYTES) {
        last->time_ms = time_ms > last->time_ms ? time_ms : last->time_ms;
        return false;
    }
    ASSERT(segment->mark_count < segment->bytes / TAIL_MARK_BYTES + 2);
    segment->marks[segment->mark_count++] =
        (struct tail_mark){.position = position, .time_ms = time_ms, .offset = segment->used};
    return true;
}

uint64_t tail_segment_latest(const struct tail_segment *segment)
{
    uint64_t latest_ms = 0;
    for (uint32_t i = 0; i < segment->mark_count; i++) {
        uint64_t time_ms = segment->marks[i].time_ms;
        latest_ms = time_ms > latest_ms ? time_ms : latest_ms;
    }
    return latest_ms;
}

uint32_t tail_segment_find(const struct tail_segment *segment, uint64_t position)
{
    uint32_t low = 0;
    uint32_t high = segment->mark_count;
    ASSERT(high > 0);
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (segment->marks[middle].position <= position) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

uint32_t tail_segment_stretch_end(const struct tail_segment *segment, uint32_t mark)
{
    return mark + 1 < segment->mark_count ? segment->marks[mark + 1].offset : segment->used;
}
