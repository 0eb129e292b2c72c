/* What a run before has left of a tail. Every event is looked at: where one is torn or damaged the
 * segment ends, and what was behind it in that segment is missing, which readers are told. Files
 * that are no segments of this lane's tail, among them those of a copied folder, are removed: a
 * copy must not go on as if it were the original, whose positions go on elsewhere. */
#include <stdlib.h>

#include "base/byteorder.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/memory.h"
#include "shoal/error.h"
#include "storage/tail_inside.h"

#define FILES_MAX 1024u /* looked at of one lane: far more than there ever are */

struct found {
    uint64_t sequence;
    uint64_t bytes;
    struct tail_segment *segment; /* NULL: it is none */
    struct tail_head head;
    bool begun;   /* it is, or was, one: only what was never begun may be passed over */
    bool removed; /* it is of no use */
    bool torn;    /* there was something behind its events */
    bool clean;
};

struct load {
    struct tail *tail;
    struct tail_past *past;
    uint32_t count;
    bool copied;
    struct found files[FILES_MAX];
};

static void visit_file(void *self, const char *name, uint64_t bytes)
{
    struct load *load = self;
    uint32_t lane;
    uint64_t sequence;
    if (load->count < FILES_MAX && tail_file_parse(name, &lane, &sequence) &&
        lane == load->tail->options.lane) {
        load->files[load->count++] = (struct found){.sequence = sequence, .bytes = bytes};
    }
}

static int compare_files(const void *a, const void *b)
{
    const struct found *x = a;
    const struct found *y = b;
    return x->sequence < y->sequence ? -1 : x->sequence > y->sequence;
}

/* ---- one file ---- */

/* Whatever is there after zeros was written behind something that is missing. */
static bool load_is_zero(const uint8_t *bytes, uint32_t len)
{
    return len == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, len - 1) == 0);
}

/* Finds its events. True if it ends as it should, in zeros or at its very end. */
static bool load_events(struct tail_segment *segment, const uint8_t *bytes, uint64_t *time_ms)
{
    struct bytes rest = bytes_make(bytes + TAIL_HEAD_BYTES, segment->bytes - TAIL_HEAD_BYTES);
    struct tail_event event;
    while (tail_event_take(&rest, &event) == 0 && event.position >= segment->end) {
        tail_segment_mark(segment, event.position, event.time_ms);
        segment->used = segment->bytes - (uint32_t)rest.len;
        segment->end = event.position + 1;
        *time_ms = event.time_ms;
    }
    return load_is_zero(bytes + segment->used, segment->bytes - segment->used);
}

static bool load_is_copy(struct load *load, const struct found *found)
{
    struct disk *disk = load->tail->options.disk;
    uint8_t identity[DISK_IDENTITY_BYTES];
    char name[DISK_NAME_BYTES];
    tail_file_name(load->tail->options.lane, found->sequence, name);
    return disk->ops->identity(disk, name, identity) != 0 ||
           memcmp(identity, found->head.identity, TAIL_IDENTITY_BYTES) != 0;
}

/* 0: it was looked at, whatever it is; negative: it could not be. */
static int load_content(struct load *load, struct found *found, struct tail_segment *segment,
                        uint8_t *bytes)
{
    const struct disk *disk = load->tail->options.disk;
    size_t got = 0;
    int result = disk->ops->read(segment->file, 0, bytes, segment->bytes, &got);
    if (result < 0 || got < segment->bytes) {
        return result < 0 ? result : SHOAL_EIO;
    }
    result = tail_head_read(bytes, &found->head);
    found->begun = result <= 0;
    if (result != 0 || found->head.lane != load->tail->options.lane ||
        found->head.sequence != found->sequence) {
        found->removed = true;
        return 0;
    }
    if (load_is_copy(load, found)) {
        load->copied = true;
        found->removed = true;
        return 0;
    }
    segment->sequence = found->sequence;
    segment->first = found->head.first;
    segment->end = found->head.first;
    bool whole = load_events(segment, bytes, &load->past->time_ms);
    found->torn = !whole;
    found->clean = whole && found->head.clean_end >= segment->end;
    found->segment = segment;
    if (disk->ops->truncate(segment->file, segment->used) == 0) {
        segment->bytes = segment->used; /* it is not written to any more */
    }
    if (!whole) {
        log_warning("feed: a segment ends in the middle of an event",
                    LOG_U64("lane", load->tail->options.lane), LOG_U64("at", segment->end));
    }
    return 0;
}

static int load_file(struct load *load, struct found *found)
{
    struct tail *tail = load->tail;
    struct disk *disk = tail->options.disk;
    if (found->bytes < TAIL_HEAD_BYTES || found->bytes > TAIL_SEGMENT_BYTES_MAX) {
        found->begun = found->bytes > TAIL_SEGMENT_BYTES_MAX;
        found->removed = true;
        return 0;
    }
    char name[DISK_NAME_BYTES];
    tail_file_name(tail->options.lane, found->sequence, name);
    struct tail_segment *segment = tail_segment_new((uint32_t)found->bytes);
    uint8_t *bytes = mem_alloc(found->bytes);
    int result = segment == NULL || bytes == NULL ? SHOAL_ENOMEM : 0;
    if (result == 0) {
        result = disk->ops->open(disk, name, DISK_OPEN_WRITE, &segment->file);
    }
    if (result == 0) {
        result = load_content(load, found, segment, bytes);
    }
    mem_free(bytes);
    if (segment != NULL && found->segment == NULL) {
        tail_file_leave(disk, segment);
        tail_segment_free(segment);
    }
    return result;
}

/* ---- all of them ---- */

static void load_remove(struct load *load, struct found *found)
{
    struct tail *tail = load->tail;
    struct disk *disk = tail->options.disk;
    char name[DISK_NAME_BYTES];
    if (found->segment != NULL) {
        tail_file_leave(disk, found->segment);
        tail_segment_free(found->segment);
        found->segment = NULL;
    }
    tail_file_name(tail->options.lane, found->sequence, name);
    (void)disk->ops->remove(disk, name);
}

/* Those that follow each other, of the tail that the last one is of; what else there is goes. */
static void load_choose(struct load *load)
{
    uint64_t id = 0;
    uint64_t before = UINT64_MAX;
    for (uint32_t i = load->count; i-- > 0;) {
        struct found *found = &load->files[i];
        const struct tail_segment *segment = found->segment;
        if (segment != NULL && !load->copied && id == 0) {
            id = found->head.id;
        }
        bool fits =
            segment != NULL && !load->copied && found->head.id == id && segment->end <= before;
        if (segment != NULL && !fits) {
            found->removed = true;
            before = 0; /* nor does what is older */
        }
        before = fits ? segment->first : before;
        if (found->removed) {
            load_remove(load, found);
        }
    }
    load->tail->id = id;
}

/* An event that does not check out, or a file that can't be made out, is at least one that was. */
static void load_look_back(struct tail_past *past, const struct found *found)
{
    const struct tail_segment *segment = found->segment;
    if (segment != NULL) {
        past->sequence = found->sequence;
    }
    if (segment != NULL && (segment->mark_count > 0 || past->from == 0)) {
        past->from = segment->end;
        past->lacking = false;
    }
    if (!past->lacking && past->from != 0 && (segment == NULL ? found->begun : found->torn)) {
        past->from++;
        past->lacking = true;
    }
}

/* The end is what a clean stop has written down as such, in the last file there is. One behind it
 * that was never begun, as it looks, may have been: cut short, it has nothing to show for it. */
static bool load_take(struct load *load)
{
    struct tail *tail = load->tail;
    bool clean = load->count == 0; /* files that hold nothing may have been cut to that */
    for (uint32_t i = 0; i < load->count; i++) {
        struct found *found = &load->files[i];
        tail->sequence = found->sequence >= tail->sequence ? found->sequence + 1 : tail->sequence;
        if (found->begun || !queue_empty(&tail->segments)) {
            clean = found->segment != NULL && found->clean;
        }
        load_look_back(load->past, found);
        if (found->segment != NULL) {
            queue_push(&tail->segments, &found->segment->link);
            tail->end = clean ? found->head.clean_end : found->segment->end;
        }
    }
    return clean;
}

int tail_load(struct tail *tail, struct tail_past *past)
{
    struct disk *disk = tail->options.disk;
    struct load *load = mem_alloc_zeroed(1, sizeof(*load));
    if (load == NULL) {
        return SHOAL_ENOMEM;
    }
    load->tail = tail;
    load->past = past;
    int result = disk->ops->list(disk, visit_file, load);
    if (load->count > 1) {
        qsort(load->files, load->count, sizeof(load->files[0]), compare_files);
    }
    for (uint32_t i = 0; i < load->count && result == 0; i++) {
        int code = load_file(load, &load->files[i]);
        if (code == SHOAL_ENOMEM) {
            result = code;
        } else if (code < 0) {
            load->files[i].begun = true; /* what there is, nobody knows; it stays where it is */
            log_error("feed: a segment can't be read", LOG_TEXT("cause", disk->ops->explain(disk)));
        }
    }
    if (load->copied) {
        log_warning("feed: the files are a copy of another node's, or of this one's from before; "
                    "the feed begins anew",
                    LOG_U64("lane", tail->options.lane));
    }
    load_choose(load);
    bool clean = load_take(load);
    mem_free(load);
    return result < 0 ? result : (clean ? 0 : 1);
}
