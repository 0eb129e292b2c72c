/* What is appended, and what is done when the disk fails. See tail.h for the promises and
 * tail_inside.h for who does what. */
#include "storage/tail.h"

#include <string.h>

#include "base/assert.h"
#include "base/log.h"
#include "storage/tail_inside.h"

#define RETRY_US_MIN UINT64_C(1000000)
#define RETRY_US_MAX UINT64_C(30000000)

/* ---- pages that are lost ---- */

static void tail_tell_loss(const struct tail *tail, struct tail_segment *segment)
{
    char name[DISK_NAME_BYTES];
    tail_file_name(tail->options.lane, segment->sequence, name);
    if (!segment->told) {
        log_error("feed: pages of a file in use are gone: somebody has cut it short, or the disk "
                  "can't give them back. What was there is told as missing; what comes is in "
                  "another file. Leave data_dir/feed alone while the server runs; if nobody has "
                  "touched it, look after the disk",
                  LOG_TEXT("file", name));
    }
    segment->told = true;
}

/* What comes is in another one; what the file has lost is found by who reads it. */
static void tail_give_up(struct tail *tail)
{
    tail_tell_loss(tail, tail->active);
    tail_roll(tail);
}

static void tail_look_for_loss(struct tail *tail)
{
    for (const struct queue *link = tail->segments.next; link != &tail->segments;
         link = link->next) {
        struct tail_segment *segment = tail_segment_of(link);
        if (tail_segment_lost(segment)) {
            tail_tell_loss(tail, segment);
        }
    }
    if (tail->active != NULL && tail_segment_lost(tail->active)) {
        tail_give_up(tail);
    }
}

/* ---- appending ---- */

/* The segment with room for so much; NULL: there is no memory for one. */
static struct tail_segment *tail_room(struct tail *tail, size_t len)
{
    if (tail->active == NULL || len > tail->active->bytes - tail->active->used) {
        tail_roll(tail);
    }
    struct tail_segment *active = tail->active;
    return active != NULL && len <= active->bytes - active->used ? active : NULL;
}

void tail_append(struct tail *tail, const struct tail_event *event)
{
    bool with_value;
    size_t len = tail_event_plan(event, tail->segment_bytes / 2, &with_value);
    struct tail_segment *active = tail_room(tail, len);
    ASSERT(!tail->options.old);
    while (active != NULL) {
        tail_event_put(event, tail->end, with_value, len, active->memory + active->used);
        if (!tail_segment_lost(active)) {
            break;
        }
        memset(active->memory + active->used, 0, len); /* that page may be there: not told twice */
        tail_give_up(tail); /* in the end for memory, which has no file to lose */
        active = tail_room(tail, len);
    }
    tail->gone_ms = tail->gone_ms == TAIL_GONE_UNKNOWN ? event->time_ms : tail->gone_ms;
    uint64_t position = tail->end++;
    tail->events++;
    if (active == NULL) {
        return; /* its position is spent: readers see that something is missing */
    }
    if (tail_segment_mark(active, position, event->time_ms) && tail->spare == NULL) {
        tail_work_begin(tail, false);
    }
    active->used += (uint32_t)len;
    active->end = position + 1;
    active->dirty = true;
}

/* ---- trouble ---- */

void tail_try_later(struct tail *tail)
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
    tail_look_for_loss(tail);
    tail_work_begin(tail, true);
}

/* ---- looking in ---- */

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
