/* Reading a tail: from memory where that is, else from what was fetched of the disk. Who follows
 * reads the last events, which are in memory; who catches up reads stretch after stretch of old
 * segments, each fetched in the background and then told in as many answers as it takes. All of it
 * is checked event by event: what is on the disk may have rotted since it was written, and what is
 * in memory is a file that others can reach. */
#include "base/assert.h"
#include "base/limits.h"
#include "base/memory.h"
#include "shoal/error.h"
#include "storage/tail_inside.h"

#define FETCH_BYTES (512u * LIMIT_KIB) /* at least one stretch */

/* What is being read. */
struct page {
    struct buffer *out;
    size_t before; /* what was in it */
    size_t most;   /* that it may hold, but for one event */
    uint64_t next; /* position to go on at */
};

static bool page_is_empty(const struct page *page)
{
    return page->out->len == page->before;
}

/* May the event, which is so long, follow? Where positions are missing none does: that begins the
 * next page, so that it is seen. */
static bool page_takes(const struct page *page, uint64_t position, size_t gathered, size_t len)
{
    bool empty = page_is_empty(page) && gathered == 0;
    return empty || (position == page->next && page->out->len + gathered + len <= page->most);
}

/* The first segment with events at or after the position; NULL: none has. */
static struct tail_segment *tail_segment_at(const struct tail *tail, uint64_t position)
{
    struct tail_segment *found = NULL;
    for (const struct queue *link = tail->segments.previous; link != &tail->segments;
         link = link->previous) {
        struct tail_segment *segment = tail_segment_of(link);
        if (segment->end <= position) {
            break;
        }
        found = segment->mark_count > 0 ? segment : found;
    }
    return found;
}

/* ---- from memory ---- */

/* The position that the first stretch at or after the offset begins with. */
static uint64_t segment_resume(const struct tail_segment *segment, uint32_t offset)
{
    for (uint32_t i = 0; i < segment->mark_count; i++) {
        if (segment->marks[i].offset >= offset) {
            return segment->marks[i].position;
        }
    }
    return segment->end;
}

/* The next event behind the one that begins there; 0 where none does: what was written has been
 * damaged since, for others can reach the file. */
static uint32_t segment_step(const struct tail_segment *segment, uint32_t at)
{
    uint32_t len = (uint32_t)tail_event_length(segment->memory + at, segment->used - at);
    return len == 0 ? 0 : at + len;
}

/* Where the first event at or after the position begins, as far as one can walk there. */
static uint32_t segment_seek(const struct tail_segment *segment, uint64_t position)
{
    uint32_t at = segment->marks[tail_segment_find(segment, position)].offset;
    if (segment->hint_offset != 0 && segment->hint_position <= position &&
        segment->hint_offset > at) {
        at = segment->hint_offset;
    }
    uint32_t next;
    while (at < segment->used && (next = segment_step(segment, at)) != 0 &&
           tail_event_position(segment->memory + at) < position) {
        at = next;
    }
    return at;
}

/* The events from the offset on that the page takes; `*at` is behind them. False: there it is
 * damaged. */
static bool segment_gather(const struct tail_segment *segment, struct page *page, uint32_t from,
                           uint32_t *at)
{
    *at = from;
    while (*at < segment->used) {
        struct bytes rest = bytes_make(segment->memory + *at, segment->used - *at);
        struct tail_event event;
        if (tail_event_take(&rest, &event) < 0 || event.position < page->next) {
            return false;
        }
        uint32_t len = segment->used - *at - (uint32_t)rest.len;
        if (!page_takes(page, event.position, *at - from, len)) {
            return true;
        }
        page->next = event.position + 1;
        *at += len;
    }
    return *at > from;
}

static int segment_read(struct tail_segment *segment, struct page *page)
{
    uint64_t next = page->next;
    uint32_t from = segment_seek(segment, next);
    uint32_t to;
    bool whole = segment_gather(segment, page, from, &to);
    if (!whole && to == from) {
        if (!page_is_empty(page)) {
            return 0; /* which is for the next page to say */
        }
        page->next = segment_resume(segment, from + 1);
        return SHOAL_EDAMAGED;
    }
    int result = buffer_append(page->out, segment->memory + from, to - from);
    if (result < 0) {
        page->next = next;
    } else {
        segment->hint_position = page->next;
        segment->hint_offset = to;
    }
    return result;
}

/* ---- fetching ---- */

static void fetch_run(struct offload_job *job)
{
    struct tail_fetch *fetch = QUEUE_ITEM(job, struct tail_fetch, job);
    const struct disk *disk = fetch->tail->options.disk;
    size_t got = 0;
    fetch->code =
        disk->ops->read(fetch->segment->file, fetch->offset, fetch->bytes, fetch->len, &got);
    if (fetch->code == 0 && got < fetch->len) {
        fetch->code = SHOAL_EIO;
    }
}

static void fetch_done(struct offload_job *job, bool dropped)
{
    struct tail_fetch *fetch = QUEUE_ITEM(job, struct tail_fetch, job);
    struct tail *tail = fetch->tail;
    struct tail_segment *segment = fetch->segment;
    fetch->busy = false;
    segment->readers--;
    if (dropped || segment->leaving) {
        fetch->segment = NULL;
    }
    if (segment->leaving && segment->readers == 0) {
        tail_release(tail, segment);
    }
    if (tail->fetched != NULL) {
        tail->fetched(tail->fetched_self);
    }
}

/* The one that has, or will have, the place. */
static struct tail_fetch *fetch_find(struct tail *tail, const struct tail_segment *segment,
                                     uint32_t offset)
{
    for (uint32_t i = 0; i < TAIL_FETCHES; i++) {
        struct tail_fetch *fetch = &tail->fetches[i];
        if (fetch->segment == segment && offset >= fetch->offset &&
            offset < fetch->offset + fetch->len) {
            return fetch;
        }
    }
    return NULL;
}

/* The one that was not used for longest; NULL: all are under way. */
static struct tail_fetch *fetch_choose(struct tail *tail)
{
    struct tail_fetch *chosen = NULL;
    for (uint32_t i = 0; i < TAIL_FETCHES; i++) {
        struct tail_fetch *fetch = &tail->fetches[i];
        if (!fetch->busy && (chosen == NULL || fetch->segment == NULL ||
                             (chosen->segment != NULL && fetch->used < chosen->used))) {
            chosen = fetch;
        }
    }
    return chosen;
}

static int fetch_begin(struct tail *tail, struct tail_fetch *fetch, struct tail_segment *segment,
                       uint32_t mark)
{
    uint32_t from = segment->marks[mark].offset;
    uint32_t to = tail_segment_stretch_end(segment, mark);
    while (to < segment->used &&
           tail_segment_stretch_end(segment, mark + 1) - from <= FETCH_BYTES) {
        to = tail_segment_stretch_end(segment, ++mark);
    }
    if (to - from > fetch->capacity) {
        uint8_t *bytes = mem_realloc(fetch->bytes, to - from);
        if (bytes == NULL) {
            return SHOAL_ENOMEM;
        }
        fetch->bytes = bytes;
        fetch->capacity = to - from;
    }
    fetch->job = (struct offload_job){.run = fetch_run, .done = fetch_done};
    fetch->tail = tail;
    fetch->segment = segment;
    fetch->offset = from;
    fetch->len = to - from;
    fetch->busy = true;
    segment->readers++;
    tail->options.offload.submit(tail->options.offload.self, OFFLOAD_READ, &fetch->job);
    return 0;
}

void tail_fetch_forget(struct tail *tail, const struct tail_segment *segment)
{
    for (uint32_t i = 0; i < TAIL_FETCHES; i++) {
        struct tail_fetch *fetch = &tail->fetches[i];
        if (fetch->segment == segment && !fetch->busy) {
            fetch->segment = NULL;
        }
    }
}

void tail_fetch_close(struct tail *tail)
{
    for (uint32_t i = 0; i < TAIL_FETCHES; i++) {
        ASSERT(!tail->fetches[i].busy);
        mem_free(tail->fetches[i].bytes);
    }
}

/* Events of what was fetched. Where the first is damaged, or all of it could not be read, one goes
 * on behind that stretch. */
static int fetch_read(const struct tail_fetch *fetch, struct page *page)
{
    const struct tail_segment *segment = fetch->segment;
    uint32_t mark = tail_segment_find(segment, page->next);
    uint32_t at = segment->marks[mark].offset - fetch->offset;
    int result = fetch->code;
    while (result == 0 && at < fetch->len) {
        struct bytes rest = bytes_make(fetch->bytes + at, fetch->len - at);
        struct tail_event event;
        result = tail_event_take(&rest, &event);
        uint32_t len = (uint32_t)(fetch->len - at - rest.len);
        if (result == 0 && event.position >= page->next) {
            if (!page_takes(page, event.position, 0, len)) {
                return 0;
            }
            result = buffer_append(page->out, fetch->bytes + at, len);
            if (result < 0) {
                return result;
            }
            page->next = event.position + 1;
        }
        at += result == 0 ? len : 0;
    }
    if (page_is_empty(page)) {
        uint32_t behind = fetch->code == 0 && result < 0 ? at + 1 : fetch->len;
        page->next = segment_resume(segment, fetch->offset + behind);
        return result == SHOAL_EPROTO ? SHOAL_EDAMAGED : result;
    }
    return 0;
}

/* 0; 1: it is on its way; a negative code. */
static int tail_read_cold(struct tail *tail, struct tail_segment *segment, struct page *page)
{
    uint32_t mark = tail_segment_find(segment, page->next);
    struct tail_fetch *fetch = fetch_find(tail, segment, segment->marks[mark].offset);
    if (fetch == NULL) {
        fetch = fetch_choose(tail);
        int result = fetch == NULL ? 1 : fetch_begin(tail, fetch, segment, mark);
        if (result != 0) {
            return result;
        }
    }
    fetch->used = ++tail->reads;
    if (fetch->busy || fetch->segment != segment) {
        return 1;
    }
    int result = fetch_read(fetch, page);
    if (fetch->code != 0) {
        fetch->segment = NULL; /* who asks again may fare better */
    }
    return result;
}

/* ---- both ---- */

int tail_read(struct tail *tail, uint64_t position, size_t bytes_max, struct buffer *out,
              uint64_t *next)
{
    struct page page = {.out = out,
                        .before = out->len,
                        .most = out->len + bytes_max,
                        .next = position > tail->end ? tail->end : position};
    struct tail_segment *segment = tail_segment_at(tail, page.next);
    int result = 0;
    while (segment != NULL && result == 0) {
        uint64_t from = page.next;
        if (segment->first > from && !page_is_empty(&page)) {
            break;
        }
        result = segment->memory != NULL ? segment_read(segment, &page)
                                         : tail_read_cold(tail, segment, &page);
        if (page.next == from || (page.next < segment->end && !page_is_empty(&page))) {
            break;
        }
        segment = tail_segment_at(tail, page.next);
    }
    if (!page_is_empty(&page)) {
        result = 0;
    } else if (result == 0 && segment == NULL) {
        page.next = tail->end;
    }
    *next = page.next;
    return result;
}

/* Does it begin with the mark of a crash? When that was is known no better than between the events
 * beside it, so whoever wants the later one is told of it. */
static bool segment_begins_with_crash(const struct tail_segment *segment)
{
    struct tail_event event;
    if (segment->memory == NULL || segment->mark_count == 0) {
        return false;
    }
    struct bytes rest =
        bytes_make(segment->memory + TAIL_HEAD_BYTES, segment->used - TAIL_HEAD_BYTES);
    return tail_event_take(&rest, &event) == 0 && event.op == TAIL_CRASH;
}

/* False: all its events are of before. */
static bool segment_find_time(const struct tail_segment *segment, uint64_t time_ms,
                              uint64_t *position)
{
    uint32_t mark = 0;
    while (mark < segment->mark_count && segment->marks[mark].time_ms < time_ms) {
        mark++;
    }
    if (mark == segment->mark_count) {
        return false;
    }
    *position = segment->marks[mark].position;
    if (segment->memory != NULL) {
        uint32_t at = segment->marks[mark].offset;
        uint32_t next;
        while (at < segment->used && (next = segment_step(segment, at)) != 0 &&
               tail_event_time(segment->memory + at) < time_ms) {
            *position = tail_event_position(segment->memory + at) + 1;
            at = next;
        }
    }
    return true;
}

uint64_t tail_find_time(const struct tail *tail, uint64_t time_ms)
{
    uint64_t behind = tail_first(tail); /* all that was before the segment */
    if (behind > TAIL_FIRST && tail->gone_ms >= time_ms) {
        return behind - 1;
    }
    for (const struct queue *link = tail->segments.next; link != &tail->segments;
         link = link->next) {
        const struct tail_segment *segment = tail_segment_of(link);
        uint64_t crash = segment_begins_with_crash(segment) ? segment->marks[0].position : 0;
        uint64_t position = segment->end;
        bool found = segment_find_time(segment, time_ms, &position);
        if (found && position > segment->marks[0].position && position != crash + 1) {
            return position;
        }
        if (found || segment->end == crash + 1) {
            return behind;
        }
        behind = segment->end;
    }
    return behind;
}

void tail_on_fetched(struct tail *tail, void (*fetched)(void *self), void *self)
{
    tail->fetched = fetched;
    tail->fetched_self = self;
}
