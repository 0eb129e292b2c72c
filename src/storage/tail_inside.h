/* Between the files of a tail (storage/tail.h).
 *
 *      tail.c           appending, and what is done when the disk fails
 *      tail_open.c      the beginning and the end of its life
 *      tail_row.c       which segment is next, what stays in memory, what goes
 *      tail_event.c     an event as bytes
 *      tail_segment.c   a segment in memory: its marks, and finding a position in it
 *      tail_read.c      reading, from memory or by way of a fetch from the disk
 *      tail_file.c      a segment's file and its head
 *      tail_work.c      what is done on the disk in the background
 *      tail_load.c      what a run before has left
 *
 * A tail is a row of segments of one size, oldest first. The last one is written to; it and the one
 * before it are in memory, for that is where readers who follow are. The next one waits ready:
 *
 *      [ file ] [ file ] [ file, in memory ] [ file, in memory, written to ]   (spare)
 *
 * Where there is no disk, or it fails, segments are in memory alone. */
#ifndef STORAGE_TAIL_INSIDE_H
#define STORAGE_TAIL_INSIDE_H

#include "base/queue.h"
#include "storage/tail_event.h"

#define TAIL_HEAD_BYTES 96u /* of a segment, also of one in memory alone */
#define TAIL_MARK_BYTES (32u * LIMIT_KIB)
#define TAIL_FETCHES 4u
#define TAIL_IDENTITY_BYTES DISK_IDENTITY_LASTING_BYTES

/* An event begins here; one in every TAIL_MARK_BYTES or so has a mark. */
struct tail_mark {
    uint64_t position;
    uint64_t time_ms; /* the latest from here to the next mark */
    uint32_t offset;
};

struct tail_segment {
    struct queue link;
    uint64_t sequence;       /* of its file */
    uint64_t first;          /* position of the first event, or where it would be */
    uint64_t end;            /* behind the last one */
    uint32_t bytes;          /* how long it is */
    uint32_t used;           /* of that, head included */
    uint8_t *memory;         /* NULL: on the disk alone */
    const atomic_bool *lost; /* see struct disk_map; NULL: that is no file's */
    struct disk_file *file;  /* NULL: in memory alone */
    bool dirty;              /* written to since it was last synced */
    bool leaving;            /* it is let go of as soon as nobody reads it */
    bool told;               /* the log was, that pages are lost */
    uint32_t readers;        /* fetches under way, and syncs */
    uint8_t identity[TAIL_IDENTITY_BYTES];
    struct tail_mark *marks;
    uint32_t mark_count;
    uint64_t hint_position; /* where a reader came to last, ... */
    uint32_t hint_offset;   /* ... 0: none did */
};

/* A stretch of a segment that is on the disk alone. */
struct tail_fetch {
    struct offload_job job;
    struct tail *tail;
    struct tail_segment *segment; /* NULL: free */
    uint32_t offset;
    uint32_t len;
    uint8_t *bytes;
    uint32_t capacity;
    int code;
    bool busy;
    uint64_t used; /* when last, in reads */
};

#define TAIL_WORK_SYNCS 4u
#define TAIL_WORK_UNMAPS 8u

struct tail_unmap {
    struct disk_file *file;
    uint8_t *memory;
    uint64_t bytes;
};

/* Of what is gone nothing is known but that it was before the first event to come. */
#define TAIL_GONE_UNKNOWN UINT64_MAX

/* What is done in the background: one such job at a time. */
struct tail_work {
    struct offload_job job;
    bool busy;
    bool again;      /* there is more to do when it is done, ... */
    bool again_sync; /* ... and syncing is due */
    /* in */
    struct tail_segment *syncs[TAIL_WORK_SYNCS];
    uint32_t sync_count;
    struct tail_unmap unmaps[TAIL_WORK_UNMAPS];
    uint32_t unmap_count;
    struct queue gone;         /* segments whose files go */
    struct tail_segment *make; /* to be made; NULL: none */
    /* out */
    int sync_code;
    int make_code;
    char words[160]; /* what went wrong first */
};

struct tail {
    struct tail_options options;
    uint64_t id;
    uint64_t end;
    uint64_t sequence; /* of the next file */
    uint64_t gone_ms;  /* the latest of what is gone before the first event; TAIL_GONE_UNKNOWN */
    uint32_t segment_bytes;
    struct queue segments;       /* oldest first */
    struct tail_segment *active; /* the last of them; NULL: there is no memory for one */
    struct tail_segment *spare;  /* ready to be the next */
    struct queue gone;           /* let go of, with files to be removed */
    struct tail_unmap unmaps[TAIL_WORK_UNMAPS];
    uint32_t unmap_count;
    struct tail_work work;
    struct tail_fetch fetches[TAIL_FETCHES];
    uint64_t reads; /* of fetches, to tell which is of use */
    uint64_t events;
    bool open;         /* jobs may be given to the background */
    bool told;         /* the log was, that the disk fails */
    uint64_t retry_us; /* when the disk is tried again */
    uint64_t retry_wait_us;
    uint64_t now_us;
    void (*fetched)(void *self);
    void *fetched_self;
};

/* ---- tail.c ---- */

/* The disk does not do what it should, and is tried again later. `lost`: what was written may not
 * be there, so that what comes is kept in memory from now on; else once there is no segment left.
 */
void tail_fail(struct tail *tail, bool lost, const char *words);
void tail_try_later(struct tail *tail);
/* The next segment is ready. */
void tail_ready(struct tail *tail, struct tail_segment *spare);

/* ---- tail_row.c ---- */

/* Another segment is written to from here on; none if there is no memory. */
void tail_roll(struct tail *tail);
/* Keeps to the bytes, with room for `more`. What is in memory alone goes with what is older. */
void tail_trim(struct tail *tail, uint64_t more);
/* Lets go of it: of its memory now, of its file in the background. */
void tail_drop(struct tail *tail, struct tail_segment *segment);
/* Nobody reads it any more. */
void tail_release(struct tail *tail, struct tail_segment *segment);

/* ---- tail_segment.c ---- */

/* Without memory for events and without a file; NULL without memory for itself. */
struct tail_segment *tail_segment_new(uint32_t bytes);
/* Not its memory for events, nor its file. */
void tail_segment_free(struct tail_segment *segment);
/* An event of this position and time is about to be appended: true if it begins a stretch. */
bool tail_segment_mark(struct tail_segment *segment, uint64_t position, uint64_t time_ms);
/* The time of its latest event; 0: it has none. */
uint64_t tail_segment_latest(const struct tail_segment *segment);
/* The last mark at or before the position; the first one if there is none; it has one. */
uint32_t tail_segment_find(const struct tail_segment *segment, uint64_t position);
/* Where the stretch of the mark ends. */
uint32_t tail_segment_stretch_end(const struct tail_segment *segment, uint32_t mark);

static inline struct tail_segment *tail_segment_of(const struct queue *link)
{
    return QUEUE_ITEM((struct queue *)(uintptr_t)link, struct tail_segment, link);
}

static inline bool tail_has_file(const struct tail_segment *segment)
{
    return segment->file != NULL;
}

/* Is what was written to its memory, or some of it, in no file? */
static inline bool tail_segment_lost(const struct tail_segment *segment)
{
    atomic_signal_fence(memory_order_seq_cst); /* it is set while writing, on this thread */
    return segment->lost != NULL && atomic_load_explicit(segment->lost, memory_order_relaxed);
}

/* ---- tail_file.c ---- */

void tail_file_name(uint32_t lane, uint64_t sequence, char out[DISK_NAME_BYTES]);
/* Is it the name of such a file? Which? */
bool tail_file_parse(const char *name, uint32_t *lane, uint64_t *sequence);
/* Makes, fills and maps the segment's file. Blocks. 0 or a negative code, and nothing is left. */
int tail_file_make(struct disk *disk, uint32_t lane, struct tail_segment *segment);
/* Unmaps and closes what it has of a file, or frees its memory. Blocks. */
void tail_file_leave(struct disk *disk, struct tail_segment *segment);
/* The head of a segment that is about to be written to, in its memory. */
void tail_file_begin(const struct tail *tail, struct tail_segment *segment);
/* A clean stop: the next run goes on at this position. */
void tail_file_finish(struct tail_segment *segment, uint64_t end);

struct tail_head {
    uint32_t lane;
    uint64_t id;
    uint64_t sequence;
    uint64_t first;
    uint64_t bytes;
    uint8_t identity[TAIL_IDENTITY_BYTES];
    uint64_t clean_end; /* of a clean stop; else 0 */
};

/* 0; 1: nothing was ever written to it; SHOAL_EPROTO. */
int tail_head_read(const uint8_t head[TAIL_HEAD_BYTES], struct tail_head *out);

/* ---- tail_work.c ---- */

/* Gives the background what there is to do, with syncing if that is due: now, or when it has done
 * what it was given before. */
void tail_work_begin(struct tail *tail, bool sync);
/* A segment's memory, which is its file's, is not needed any more. */
void tail_work_unmap(struct tail *tail, struct tail_segment *segment);
/* Does all that is left, here and now; the last segment says that its end is the end (`clean`), if
 * that is so. */
void tail_work_end(struct tail *tail, bool clean);

/* ---- tail_load.c ---- */

struct tail_past {
    uint64_t time_ms;  /* of the last event */
    uint64_t from;     /* events are known to have been up to here; 0: there are none */
    bool lacking;      /* the last of these is not there */
    uint64_t sequence; /* of the last segment that is left */
};

/* Finds the segments of a run before, their id and their end. 0: it goes on at tail->end, or there
 * are none (then the id is 0); 1: some may be missing there, or all of them; negative: the disk
 * fails. */
int tail_load(struct tail *tail, struct tail_past *past);

/* ---- tail_read.c ---- */

/* What was fetched of the segment is of no use any more. */
void tail_fetch_forget(struct tail *tail, const struct tail_segment *segment);
void tail_fetch_close(struct tail *tail);

#endif
