/* What a tail does in the background. */
#include "base/memory.h"
#include "storage/tail_inside.h"

void tail_work_begin(struct tail *tail)
{
    (void)tail;
}

void tail_work_unmap(struct tail *tail, struct tail_segment *segment)
{
    (void)tail;
    (void)segment;
}

void tail_work_end(struct tail *tail, bool clean)
{
    (void)tail;
    (void)clean;
}

int tail_file_make(struct disk *disk, uint32_t lane, struct tail_segment *segment)
{
    (void)disk;
    (void)lane;
    (void)segment;
    return -1;
}

void tail_file_leave(struct disk *disk, struct tail_segment *segment)
{
    (void)disk;
    mem_free(segment->memory);
    segment->memory = NULL;
}

void tail_file_begin(const struct tail *tail, struct tail_segment *segment)
{
    (void)tail;
    (void)segment;
}

int tail_load(struct tail *tail, uint64_t *time_ms)
{
    (void)tail;
    *time_ms = 0;
    return -1;
}
