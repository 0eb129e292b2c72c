/* The tail of a lane of the live feed: a bounded log of the changes that one worker has
 * coordinated, oldest first, each with its position, which counts up by one and never begins anew
 * while the tail's files are there. What it promises:
 *   - An event is in the tail for good as far as the process goes the moment tail_append returns:
 *     kill -9 doesn't lose it. That costs no system call: the segment written to is a file mapped
 *     into memory, reserved and written to once before, so that neither a full disk nor a bad one
 *     is met while appending.
 *   - On disk it is synced once a second (offload, the slow lane): the end of the machine may cost
 *     that much, and any end but a clean stop is told of by a *crash mark* at the place where the
 *     next life begins.
 *   - A file that is cut short by somebody while it is mapped, or a page of which the disk can't
 *     give back, costs what was there: the segment is given up, what comes is in the next one.
 *   - It keeps to its bytes: the oldest segment goes, readers that still want it learn where it
 *     begins now.
 *   - A disk that fails or is full costs the durability, not the feed: it goes on in memory (as
 *     much as the size of two segments) and says so.
 * Rejected: a record in the engine beside each object (atomic with it, at twice the writes, and a
 * log-structured engine would have to compact away what is dead on arrival); write() at the end of
 * each turn (a system call a request where requests come one by one).
 *
 * Positions are contiguous but where something is missing: what memory or a damaged file has lost,
 * and behind the end of a run that may have lost some, where they jump ahead to a crash mark. The
 * mark says up to where events are known to have been (tail_crash_from): what a reader has not had
 * of these is gone.
 *
 * Events are encoded as they go to other nodes, so that a page of the log is an answer. All numbers
 * are little-endian:
 *
 *      | u32 bytes, all of them | u32 checksum: low half of XXH3 over all behind it |
 *      | u64 position | u64 time_ms | u8 op | u8 flags: 1 value, 2 expiry | u16 0 |
 *      | u32 bytes of the key | u32 bytes of the value, be it left out | (u64 expiry_ms) |
 *      | key | (value) |
 */
#ifndef STORAGE_TAIL_H
#define STORAGE_TAIL_H

#include "base/buffer.h"
#include "base/bytes.h"
#include "storage/disk.h"
#include "storage/offload.h"

#define TAIL_SEGMENT_BYTES_MAX (8u << 20)
#define TAIL_CRASH 0xff /* an event's op: the mark described above */
#define TAIL_FIRST 1u   /* the position of a tail's first event */
/* So far positions go ahead after an end that may have lost some, once for each file that may have
 * been begun since, so that none is given twice. */
#define TAIL_JUMP (UINT64_C(1) << 32)

struct tail;

struct tail_options {
    struct disk *disk; /* borrowed; NULL: memory alone */
    uint32_t lane;     /* names its files */
    bool old;          /* of a worker that there is no more: nothing is appended */
    bool anew;         /* there may have been a tail before this one, of which nothing is left */
    uint64_t bytes_max;
    struct offload offload;
    uint64_t (*random)(void *self); /* for the tail's id */
    void *random_self;
};

/* Opens what there is, in whatever state; torn ends are cut, what is behind damage in a segment is
 * given up. The tail has a new id where nothing is left, or its files are a copy; where something
 * was it begins at TAIL_FIRST + 1, so that who wants it from its beginning is told that something
 * is missing. What a run before has left unsynced is synced. Blocks. 0, SHOAL_ENOMEM. Disk trouble
 * is survived as said above. */
int tail_open(const struct tail_options *options, struct tail **out);
/* `clean`: the next opening begins without a crash mark. Blocks. NULL is fine. */
void tail_close(struct tail *tail, bool clean);

uint64_t tail_id(const struct tail *tail);
uint64_t tail_first(const struct tail *tail); /* oldest position kept */
uint64_t tail_end(const struct tail *tail);   /* position of the next event */

struct tail_event {
    uint64_t position;
    uint64_t time_ms;
    uint32_t op; /* enum feed_op, or TAIL_CRASH */
    struct bytes key;
    struct bytes value; /* data NULL: none, or left out */
    uint64_t value_bytes;
    uint64_t expiry_ms; /* 0: never; of TAIL_CRASH: see tail_crash_from */
};

/* Of a mark of a crash: what was before this position was told, or is gone; from here to the mark
 * nothing is known to have been. */
uint64_t tail_crash_from(const struct tail_event *mark);

/* Gives it the next position (event->position is not looked at). Values over
 * LIMIT_FEED_VALUE_BYTES are left out, their length is told. */
void tail_append(struct tail *tail, const struct tail_event *event);

/* Whole events from `position` on into `out`, at least one if there is one, then while they come to
 * no more than bytes_max. `*next` is the position behind the last. A position below tail_first
 * reads from there. 0; 1: they are not in memory and are being fetched, `fetched` is called later
 * (from the offload's done): ask again; negative: what lies there can't be read, *next says where
 * to go on. */
int tail_read(struct tail *tail, uint64_t position, size_t bytes_max, struct buffer *out,
              uint64_t *next);
/* Where to read from for all events at or after the time; tail_end if there are none. Where they
 * are on the disk alone, a little before: at most some dozen KiB. Where such events may be missing,
 * the position of one that is: below tail_first for those that went first. */
uint64_t tail_find_time(const struct tail *tail, uint64_t time_ms);
/* Called whenever something that tail_read called 1 has come. */
void tail_on_fetched(struct tail *tail, void (*fetched)(void *self), void *self);

/* All that an old tail keeps goes if it ends before the time. */
void tail_expire(struct tail *tail, uint64_t time_ms);
/* The time of the oldest events kept; UINT64_MAX: there are none. */
uint64_t tail_since(const struct tail *tail);

/* Once a second or so: has what is not synced synced. */
void tail_tick(struct tail *tail, uint64_t now_us);

struct tail_stats {
    uint64_t events; /* appended in this life */
    uint64_t bytes_kept;
    bool failed; /* the disk: kept in memory alone */
};
void tail_stats(const struct tail *tail, struct tail_stats *out);

/* Takes the first event off encoded ones from anywhere: bytes are borrowed. 0 or SHOAL_EPROTO. */
int tail_event_take(struct bytes *events, struct tail_event *out);

#endif
