/* A segment as a file, "LANE-SEQUENCE.tail": made in full before it is needed, so that writing to
 * it later, through memory, meets neither a full disk nor a bad one. Its head says whose it is:
 *
 *      0   "shoaltl1"             the format, version 1
 *      8   u32 lane | u32 0 | u64 tail's id | u64 sequence | u64 first position | u64 bytes
 *      48  16 bytes: identity     of the file when it was made: a copy has another, and is no
 *                                 tail to be gone on with
 *      64  u64 XXH3 of 0..63
 *      72  u64 end                of a clean stop: position behind the last event; else 0
 *      80  u64 XXH3 of 72..79, seeded with the one at 64
 *      88  u64 0
 *      96  events (tail.h), then zeros
 *
 * All of it zeros: never begun. */
#include <stdio.h>

#include "base/byteorder.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/memory.h"
#include "shoal/error.h"
#include "storage/tail_inside.h"

#define MAGIC_BYTES 8u
#define HEAD_SUM_AT 64u
#define CLEAN_AT 72u
#define CLEAN_SUM_AT 80u
#define FILL_BYTES (64u * LIMIT_KIB)
#define SUFFIX ".tail"

static const uint8_t magic[MAGIC_BYTES] = {'s', 'h', 'o', 'a', 'l', 't', 'l', '1'};

void tail_file_name(uint32_t lane, uint64_t sequence, char out[DISK_NAME_BYTES])
{
    (void)snprintf(out, DISK_NAME_BYTES, "%03u-%016llx" SUFFIX, lane, (unsigned long long)sequence);
}

bool tail_file_parse(const char *name, uint32_t *lane, uint64_t *sequence)
{
    unsigned in_lane;
    unsigned long long in_sequence;
    char again[DISK_NAME_BYTES];
    if (sscanf(name, "%3u-%16llx", &in_lane, &in_sequence) != 2 || in_lane >= LIMIT_WORKERS) {
        return false;
    }
    tail_file_name(in_lane, in_sequence, again);
    if (strcmp(name, again) != 0) {
        return false;
    }
    *lane = in_lane;
    *sequence = in_sequence;
    return true;
}

/* ---- heads ---- */

void tail_file_begin(const struct tail *tail, struct tail_segment *segment)
{
    uint8_t *head = segment->memory;
    memcpy(head, magic, MAGIC_BYTES);
    store_u32_le(head + 8, tail->options.lane);
    store_u32_le(head + 12, 0);
    store_u64_le(head + 16, tail->id);
    store_u64_le(head + 24, segment->sequence);
    store_u64_le(head + 32, segment->first);
    store_u64_le(head + 40, segment->bytes);
    memcpy(head + 48, segment->identity, TAIL_IDENTITY_BYTES);
    store_u64_le(head + HEAD_SUM_AT, hash_xxh3(bytes_make(head, HEAD_SUM_AT)));
    segment->dirty = true;
}

void tail_file_finish(struct tail_segment *segment, uint64_t end)
{
    uint8_t *head = segment->memory;
    store_u64_le(head + CLEAN_AT, end);
    store_u64_le(head + CLEAN_SUM_AT,
                 hash_seeded(load_u64_le(head + HEAD_SUM_AT), bytes_make(head + CLEAN_AT, 8)));
}

static bool head_is_zero(const uint8_t *head)
{
    for (uint32_t i = 0; i < TAIL_HEAD_BYTES; i++) {
        if (head[i] != 0) {
            return false;
        }
    }
    return true;
}

int tail_head_read(const uint8_t head[TAIL_HEAD_BYTES], struct tail_head *out)
{
    if (head_is_zero(head)) {
        return 1;
    }
    uint64_t sum = load_u64_le(head + HEAD_SUM_AT);
    if (memcmp(head, magic, MAGIC_BYTES) != 0 || sum != hash_xxh3(bytes_make(head, HEAD_SUM_AT))) {
        return SHOAL_EPROTO;
    }
    *out = (struct tail_head){
        .lane = load_u32_le(head + 8),
        .id = load_u64_le(head + 16),
        .sequence = load_u64_le(head + 24),
        .first = load_u64_le(head + 32),
        .bytes = load_u64_le(head + 40),
        .clean_end = load_u64_le(head + CLEAN_AT),
    };
    memcpy(out->identity, head + 48, TAIL_IDENTITY_BYTES);
    if (load_u64_le(head + CLEAN_SUM_AT) != hash_seeded(sum, bytes_make(head + CLEAN_AT, 8))) {
        out->clean_end = 0;
    }
    bool sane = out->id != 0 && out->first < TAIL_POSITIONS && out->clean_end < TAIL_POSITIONS;
    return sane ? 0 : SHOAL_EPROTO;
}

/* ---- files ---- */

/* Zeros that were written, not only reserved: the pages are there from then on, and the blocks the
 * file's own. They need not be synced: most are overwritten before the system writes them out. */
static int file_fill(const struct disk *disk, struct tail_segment *segment)
{
    uint8_t *zeros = mem_alloc_zeroed(1, FILL_BYTES);
    int result = zeros == NULL ? SHOAL_ENOMEM : disk->ops->reserve(segment->file, segment->bytes);
    for (uint64_t at = 0; result == 0 && at < segment->bytes; at += FILL_BYTES) {
        uint64_t rest = segment->bytes - at;
        size_t len = rest < FILL_BYTES ? (size_t)rest : FILL_BYTES;
        result = disk->ops->write(segment->file, at, bytes_make(zeros, len));
    }
    mem_free(zeros);
    return result;
}

int tail_file_make(struct disk *disk, uint32_t lane, struct tail_segment *segment)
{
    char name[DISK_NAME_BYTES];
    uint8_t identity[DISK_IDENTITY_BYTES];
    struct disk_map map = {0};
    tail_file_name(lane, segment->sequence, name);
    int result = disk->ops->open(disk, name, DISK_OPEN_CREATE, &segment->file);
    if (result < 0) {
        segment->file = NULL;
        return result;
    }
    result = file_fill(disk, segment);
    if (result == 0) {
        result = disk->ops->identity(disk, name, identity);
    }
    if (result == 0) {
        memcpy(segment->identity, identity, TAIL_IDENTITY_BYTES);
        result = disk->ops->sync_folder(disk);
    }
    if (result == 0) {
        result = disk->ops->map(segment->file, segment->bytes, &map);
    }
    if (result < 0) {
        tail_file_leave(disk, segment);
        (void)disk->ops->remove(disk, name);
        return result;
    }
    segment->memory = map.memory;
    segment->lost = map.lost;
    return 0;
}

void tail_file_leave(struct disk *disk, struct tail_segment *segment)
{
    if (segment->file == NULL) {
        mem_free(segment->memory);
    } else {
        if (segment->memory != NULL) {
            disk->ops->unmap(segment->file, segment->memory, segment->bytes);
        }
        disk->ops->close(segment->file);
        segment->file = NULL;
    }
    segment->memory = NULL;
    segment->lost = NULL;
}
