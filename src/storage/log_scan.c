/* See log_scan.h. A batch is checked as a whole before any of its records is told, because whether
 * a batch with a bad record is kept depends on what follows it. */
#include "storage/log_scan.h"

#include "base/assert.h"
#include "base/mutant.h"
#include "shoal/error.h"
#include "storage/log_window.h"

#define PEEK_BYTES 1024u /* most records are whole in so much */

/* Looking for records in a damaged region may follow false lengths; a bound on what that costs. */
#define SALVAGE_BYTES_MIN (1024u * 1024u)
#define SALVAGE_FACTOR 4u

struct scan {
    struct log_window window;
    struct log_header header;
    uint64_t durable; /* known to the caller */
    const struct log_scan_events *events;
    struct log_scan_result result;
    uint64_t hashed; /* bytes of records that were checked by their full length */
};

/* What lies beyond a place that doesn't check out. */
struct beyond {
    uint64_t first;    /* the next valid batch; UINT64_MAX: none */
    uint64_t used_end; /* behind the last byte that isn't zero */
    bool proven;       /* some batch says that the place was durable */
};

int log_scan_header(struct disk *disk, struct disk_file *file, struct log_header *out)
{
    uint8_t bytes[LOG_HEADER_BYTES];
    size_t got;
    int error = disk->ops->read(file, 0, bytes, sizeof(bytes), &got);
    if (error != 0) {
        return error;
    }
    return got == sizeof(bytes) ? log_header_decode(bytes, out) : SHOAL_EPROTO;
}

/* The record at the offset, ending no later than `to`: 0, SHOAL_EPROTO, SHOAL_ENOMEM. */
static int record_at(struct scan *scan, uint64_t offset, uint64_t to, size_t peek,
                     struct log_record *record, size_t *size)
{
    const struct log_origin *origin = &scan->header.origin;
    struct bytes bytes;
    size_t left = (size_t)(to - offset);
    int error = log_window_at(&scan->window, offset, left < peek ? left : peek, &bytes);
    if (error != 0) {
        return error;
    }
    size_t needed = 0;
    int code = log_record_decode(origin, offset, bytes, record, &needed);
    if (code != 1) {
        *size = needed;
        return code;
    }
    if (needed > left) {
        return SHOAL_EPROTO;
    }
    scan->hashed += needed;
    error = log_window_at(&scan->window, offset, needed, &bytes);
    if (error != 0) {
        return error;
    }
    code = log_record_decode(origin, offset, bytes, record, size);
    return code == 1 ? SHOAL_EPROTO : code;
}

/* A batch header that checks out, of a batch that is all in the file. */
static int batch_at(struct scan *scan, uint64_t offset, struct log_batch *batch)
{
    struct bytes bytes;
    int error = log_window_at(&scan->window, offset, LOG_BATCH_BYTES, &bytes);
    if (error != 0) {
        return error;
    }
    if (bytes.len < LOG_BATCH_BYTES ||
        log_batch_decode(&scan->header.origin, offset, bytes.data, batch) != 0) {
        return SHOAL_EPROTO;
    }
    return batch->bytes <= scan->window.file_bytes - offset ? 0 : SHOAL_EPROTO;
}

/* Do all of a batch's records check out? 0, SHOAL_EPROTO, SHOAL_ENOMEM. */
static int batch_check(struct scan *scan, uint64_t offset, const struct log_batch *batch)
{
    uint64_t to = offset + batch->bytes;
    uint32_t records = 0;
    for (uint64_t at = offset + LOG_BATCH_BYTES; at < to; records++) {
        struct log_record record;
        size_t size;
        int error = record_at(scan, at, to, PEEK_BYTES, &record, &size);
        if (error != 0) {
            return error;
        }
        at += size;
    }
    return records == batch->records ? 0 : SHOAL_EPROTO;
}

static void place_damaged(struct scan *scan, uint64_t from, uint64_t to)
{
    if (from < to) {
        scan->result.damaged++;
        scan->result.damaged_bytes += to - from;
        if (scan->events->damage != NULL) {
            scan->events->damage(scan->events->self, from, to - from);
        }
    }
}

/* Where the next record that checks out begins; `to` when there is none. */
static int record_find(struct scan *scan, uint64_t from, uint64_t to, uint64_t hashed_max,
                       uint64_t *out)
{
    uint64_t at = log_round(from);
    for (; at + LOG_RECORD_BYTES <= to && scan->hashed < hashed_max; at += LOG_UNIT_BYTES) {
        struct log_record record;
        size_t size;
        int error = record_at(scan, at, to, LOG_RECORD_BYTES, &record, &size);
        if (error != SHOAL_EPROTO) {
            *out = at;
            return error;
        }
    }
    *out = to;
    return 0;
}

/* Tells every record between the two places that checks out; what doesn't is a damaged place. */
static int records_tell(struct scan *scan, uint64_t from, uint64_t to)
{
    uint64_t hashed_max = scan->hashed + SALVAGE_FACTOR * (to - from) + SALVAGE_BYTES_MIN;
    for (uint64_t at = from; at < to;) {
        struct log_record record;
        size_t size;
        int error = record_at(scan, at, to, PEEK_BYTES, &record, &size);
        if (error == 0) {
            error = scan->events->record(scan->events->self, at, size, &record);
            at += size;
        } else if (error == SHOAL_EPROTO) {
            uint64_t next;
            error = record_find(scan, at + 1, to, hashed_max, &next);
            if (error == 0) {
                place_damaged(scan, at, next);
                at = next;
            }
        }
        if (error != 0) {
            return error;
        }
    }
    return 0;
}

static bool unit_is_zero(const uint8_t *unit)
{
    static const uint8_t zeros[LOG_UNIT_BYTES];
    return memcmp(unit, zeros, LOG_UNIT_BYTES) == 0;
}

/* One unit of what lies beyond: is it the begin of a valid batch? */
static void unit_look(struct scan *scan, uint64_t place, uint64_t at, struct bytes bytes,
                      struct beyond *beyond)
{
    struct log_batch batch;
    if (bytes.len < LOG_BATCH_BYTES || !log_batch_begins(bytes.data) ||
        log_batch_decode(&scan->header.origin, at, bytes.data, &batch) != 0) {
        return;
    }
    if (beyond->first == UINT64_MAX) {
        beyond->first = at;
    }
    beyond->proven = beyond->proven || batch.durable > place;
}

/* Looks through the file from a place on until it has found a batch and a proof, or to the end. */
static int look_beyond(struct scan *scan, uint64_t place, struct beyond *out)
{
    *out = (struct beyond){.first = UINT64_MAX,
                           .used_end = place,
                           .proven = scan->durable > place ||
                                     scan->window.file_bytes < scan->header.capacity};
    for (uint64_t at = place; at < scan->window.file_bytes; at += LOG_UNIT_BYTES) {
        struct bytes bytes;
        int error = log_window_at(&scan->window, at, LOG_BATCH_BYTES, &bytes);
        if (error != 0) {
            return error;
        }
        if (bytes.len >= LOG_UNIT_BYTES && unit_is_zero(bytes.data)) {
            continue;
        }
        out->used_end = at + (bytes.len < LOG_UNIT_BYTES ? bytes.len : LOG_UNIT_BYTES);
        if (at > place) {
            unit_look(scan, place, at, bytes, out);
        }
        if (out->proven && out->first != UINT64_MAX) {
            return 0;
        }
    }
    out->proven = out->proven || scan->window.unreadable_end > place;
    return 0;
}

/* Where a damaged region ends in which no batch follows any more. */
static uint64_t region_end(const struct scan *scan, uint64_t used_end)
{
    uint64_t known =
        scan->durable < scan->window.file_bytes ? scan->durable : scan->window.file_bytes;
    return known > used_end ? known : used_end;
}

/* The batch at the end of what is valid doesn't check out. `batch_end`: where it ends, when its
 * header says so; 0: it doesn't. A seal that recovery put where the file was cut may lie before
 * that. 0 and the scan goes on, 1 when this was the end. */
static int damage_judge(struct scan *scan, uint64_t batch_end)
{
    uint64_t place = scan->result.end;
    struct beyond beyond;
    int error = look_beyond(scan, place, &beyond);
    if (error != 0) {
        return error;
    }
    if ((!beyond.proven && !MUTANT(torn_kept)) || MUTANT(scan_stops)) {
        scan->result.torn = beyond.used_end - place;
        return 1;
    }
    uint64_t to = batch_end != 0 ? batch_end : region_end(scan, beyond.used_end);
    if (beyond.first != UINT64_MAX && (beyond.first < to || batch_end == 0)) {
        to = beyond.first;
    }
    error = records_tell(scan, batch_end != 0 ? place + LOG_BATCH_BYTES : place, to);
    scan->result.end = to;
    return error != 0 ? error : to == place ? 1 : 0;
}

/* One batch, or one damaged region: 0 and the scan goes on, 1 when this was the end. */
static int scan_step(struct scan *scan)
{
    uint64_t place = scan->result.end;
    struct log_batch batch;
    int error = batch_at(scan, place, &batch);
    bool headed = error == 0;
    if (headed && batch.durable > scan->result.durable) {
        scan->result.durable = batch.durable;
    }
    if (headed && batch.seal) {
        scan->result.sealed = true;
        scan->result.end = place + LOG_BATCH_BYTES;
        return 1;
    }
    if (headed) {
        error = batch_check(scan, place, &batch);
    }
    if (error == SHOAL_EPROTO) {
        return damage_judge(scan, headed ? place + batch.bytes : 0);
    }
    if (error != 0) {
        return error;
    }
    scan->result.end = place + batch.bytes;
    return records_tell(scan, place + LOG_BATCH_BYTES, scan->result.end);
}

int log_scan(struct disk *disk, struct disk_file *file, const struct log_header *header,
             uint64_t durable, const struct log_scan_events *events, struct log_scan_result *out)
{
    struct scan scan = {.header = *header, .durable = durable, .events = events};
    scan.result.end = LOG_HEADER_BYTES;
    scan.result.durable = durable > LOG_HEADER_BYTES ? durable : LOG_HEADER_BYTES;
    int code = log_window_init(&scan.window, disk, file);
    while (code == 0) {
        code = scan_step(&scan);
    }
    scan.result.shortened = !scan.result.sealed && scan.window.file_bytes < scan.header.capacity;
    scan.result.read = scan.window.read;
    log_window_deinit(&scan.window);
    if (code != 1) {
        return code;
    }
    *out = scan.result;
    return 0;
}
