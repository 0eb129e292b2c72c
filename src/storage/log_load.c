/* Filling the index at a start, from the hints of the volume's segments. Partition by partition,
 * all that any segment has of it is gathered and sorted by key; of each key the highest sequence
 * wins, unless the partition was dropped later; so no entry need remember its sequence afterwards.
 * Where a record lies twice, because compaction was interrupted, the copy is taken. */
#include "storage/log_engine_inside.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/memory.h"
#include "base/mutant.h"
#include "shoal/error.h"
#include "storage/log_scan.h"

#define GATHERED_FIRST 1024u

/* A record found, and the segment it lies in, by its place in the volume's list: they are in order
 * of their numbers. */
struct found {
    struct log_hint_entry entry;
    uint32_t segment;
};

struct load {
    struct log_engine *log;
    struct log_slot **slots; /* by segment; NULL: nothing of ours is in it */
    uint32_t number;         /* of the partition */
    uint32_t segment;        /* being read */
    struct found *found;     /* puts and removals */
    size_t count;
    size_t capacity;
    struct found holding; /* the newest; sequence 0: none */
    uint64_t drop_sequence;
};

/* ---- gathering ---- */

static int slot_open(struct load *load)
{
    struct log_segment *segment = load->log->volume->segments[load->segment];
    struct log_slot *slot;
    int code = log_slot_new(load->log, &slot);
    if (code != 0) {
        return code;
    }
    atomic_fetch_add(&segment->users, 1);
    slot->state = LOG_SLOT_CLOSED;
    slot->segment = segment;
    slot->origin = segment->origin;
    slot->capacity = segment->end;
    slot->first_sequence = segment->first_sequence;
    slot->end = segment->end;
    slot->written = segment->end;
    slot->durable = segment->end;
    slot->sealed = true;
    load->slots[load->segment] = slot;
    return 0;
}

static struct log_place place_of(const struct load *load, const struct found *found)
{
    return (struct log_place){.slot = load->slots[found->segment]->number,
                              .unit = (uint32_t)(found->entry.offset / LOG_UNIT_BYTES)};
}

/* It is not the one that counts. */
static void superseded(const struct load *load, const struct found *found)
{
    if (found->entry.kind == LOG_PUT || found->entry.kind == LOG_HOLDING) {
        log_slot_died(load->log, place_of(load, found), log_size_class(found->entry.bytes));
    }
}

static int gather_one(struct load *load, const struct found *found)
{
    if (load->count == load->capacity) {
        size_t capacity = load->capacity == 0 ? GATHERED_FIRST : load->capacity * 2;
        struct found *grown = mem_realloc(load->found, capacity * sizeof(*grown));
        if (grown == NULL) {
            return SHOAL_ENOMEM;
        }
        load->found = grown;
        load->capacity = capacity;
    }
    load->found[load->count++] = *found;
    return 0;
}

static int gather(void *self, const struct log_hint_entry *entry)
{
    struct load *load = self;
    struct found found = {.entry = *entry, .segment = load->segment};
    if (entry->offset >= LOG_SEGMENT_BYTES_MAX || entry->bytes < LOG_RECORD_BYTES) {
        return 0; /* no record of ours lies there */
    }
    log_slot_added(load->slots[load->segment], entry->kind, log_size_class(entry->bytes));
    switch (entry->kind) {
    case LOG_DROP:
        if (entry->sequence > load->drop_sequence) {
            load->drop_sequence = entry->sequence;
        }
        return 0;
    case LOG_HOLDING:
        if (entry->sequence < load->holding.entry.sequence) {
            superseded(load, &found);
            return 0;
        }
        superseded(load, &load->holding);
        load->holding = found;
        return 0;
    default:
        return gather_one(load, &found);
    }
}

static int gather_record(void *self, uint64_t offset, size_t size, const struct log_record *record)
{
    struct load *load = self;
    if (record->partition != load->number) {
        return 0;
    }
    struct log_hint_entry entry;
    log_hint_entry_of(record, offset, size, &entry);
    return gather(self, &entry);
}

/* The hint went bad since the volume was opened: the segment itself says the same. */
static int gather_scanned(struct load *load)
{
    struct log_engine *log = load->log;
    struct disk_file *file = log->volume->segments[load->segment]->file;
    struct log_header header;
    struct log_scan_result result;
    const struct log_scan_events events = {.self = load, .record = gather_record};
    int code = log_scan_header(log->disk, file, &header);
    if (code == 0) {
        code = log_scan(log->disk, file, &header, 0, &events, &result);
    }
    if (code == 0 && result.damaged == 0) {
        return 0;
    }
    log_partition_of(log, load->number)->lost = true;
    return code == SHOAL_ENOMEM ? code : 0;
}

static int gather_segment(struct load *load)
{
    const struct log_hint *hint = load->log->volume->segments[load->segment]->hint;
    if (hint == NULL || !log_hint_has(hint, load->number)) {
        return 0;
    }
    int code = load->slots[load->segment] == NULL ? slot_open(load) : 0;
    if (code != 0) {
        return code;
    }
    code = log_hint_read(hint, load->number, gather, load);
    return code == SHOAL_EPROTO || code == SHOAL_EIO ? gather_scanned(load) : code;
}

/* ---- choosing ---- */

static int by_key_then_newest(const void *left, const void *right)
{
    const struct found *a = left;
    const struct found *b = right;
    if (a->entry.position != b->entry.position) {
        return a->entry.position < b->entry.position ? -1 : 1;
    }
    if (a->entry.tag != b->entry.tag) {
        return a->entry.tag < b->entry.tag ? -1 : 1;
    }
    if (a->entry.sequence != b->entry.sequence) {
        return (a->entry.sequence > b->entry.sequence) != MUTANT(load_oldest) ? -1 : 1;
    }
    return a->segment > b->segment ? -1 : a->segment < b->segment;
}

static bool same_key(const struct found *a, const struct found *b)
{
    return a->entry.position == b->entry.position && a->entry.tag == b->entry.tag;
}

/* Leaves the puts that count, in order; the rest is dead. */
static void choose(struct load *load)
{
    size_t kept = 0;
    size_t next = 0;
    while (next < load->count) {
        struct found newest = load->found[next++];
        while (next < load->count && same_key(&newest, &load->found[next])) {
            superseded(load, &load->found[next++]);
        }
        if (newest.entry.kind == LOG_PUT && newest.entry.sequence > load->drop_sequence) {
            load->found[kept++] = newest;
        } else {
            superseded(load, &newest);
        }
    }
    load->count = kept;
}

static int index_fill(struct load *load)
{
    struct log_engine *log = load->log;
    struct log_partition *partition = log_partition_of(log, load->number);
    if (load->count == 0) {
        return 0;
    }
    int code = log_index_new(&log->indexes, &partition->index);
    if (code != 0) {
        return code;
    }
    log_index_expect(partition->index, load->count);
    for (size_t i = 0; i < load->count; i++) {
        const struct found *found = &load->found[i];
        struct log_entry before;
        struct log_entry entry = {.position = found->entry.position,
                                  .tag = found->entry.tag,
                                  .place = place_of(load, found),
                                  .size_class = log_size_class(found->entry.bytes),
                                  .simple = found->entry.simple,
                                  .tombstone = found->entry.tombstone,
                                  .expires = found->entry.expires,
                                  .dot = found->entry.dot};
        code = log_index_put(partition->index, &entry, &before);
        if (code < 0) {
            return code;
        }
        ASSERT(code == 0);
        partition->bytes += log_size_of_class(entry.size_class) - LOG_RECORD_BYTES;
    }
    log->keys[partition->family] += load->count;
    return 0;
}

/* ---- the holding ---- */

/* 0 and the holding; SHOAL_EDAMAGED, SHOAL_ENOMEM. */
static int holding_read(const struct load *load, struct log_holding **out)
{
    struct log_engine *log = load->log;
    const struct log_hint_entry *entry = &load->holding.entry;
    const struct log_slot *slot = load->slots[load->holding.segment];
    if (entry->bytes > log_record_size(0, ENGINE_HOLDING_BYTES_MAX)) {
        return SHOAL_EDAMAGED;
    }
    uint8_t *bytes = mem_alloc(entry->bytes);
    if (bytes == NULL) {
        return SHOAL_ENOMEM;
    }
    size_t got = 0;
    size_t size;
    struct log_record record;
    int code = log->disk->ops->read(slot->segment->file, entry->offset, bytes, entry->bytes, &got);
    if (code == 0) {
        code =
            log_record_decode(&slot->origin, entry->offset, bytes_make(bytes, got), &record, &size);
    }
    bool right = code == 0 && record.kind == LOG_HOLDING && record.partition == load->number &&
                 record.value.len <= ENGINE_HOLDING_BYTES_MAX;
    struct log_holding *holding = right ? log_holding_new(log, record.value.len) : NULL;
    if (holding != NULL) {
        holding->sequence = record.sequence;
        holding->place = place_of(load, &load->holding);
        holding->size_class = log_size_class(entry->bytes);
        if (record.value.len > 0) {
            memcpy(holding->bytes, record.value.data, record.value.len);
        }
        *out = holding;
    }
    mem_free(bytes);
    return !right ? SHOAL_EDAMAGED : holding == NULL ? SHOAL_ENOMEM : 0;
}

static int holding_load(struct load *load)
{
    struct log_partition *partition = log_partition_of(load->log, load->number);
    if (load->holding.entry.sequence <= load->drop_sequence) {
        superseded(load, &load->holding);
        return 0;
    }
    int code = holding_read(load, &partition->holding);
    if (code == SHOAL_EDAMAGED) {
        superseded(load, &load->holding);
        partition->lost = true;
        return 0;
    }
    return code;
}

/* ---- all of it ---- */

static int load_partition(struct load *load)
{
    load->count = 0;
    load->drop_sequence = 0;
    load->holding = (struct found){0};
    int code = 0;
    for (load->segment = 0; code == 0 && load->segment < load->log->volume->segment_count;
         load->segment++) {
        code = gather_segment(load);
    }
    if (code != 0) {
        return code;
    }
    log_partition_of(load->log, load->number)->drop_sequence = load->drop_sequence;
    if (load->count > 0) {
        qsort(load->found, load->count, sizeof(*load->found), by_key_then_newest);
    }
    choose(load);
    code = index_fill(load);
    return code == 0 ? holding_load(load) : code;
}

static int load_all(struct load *load)
{
    struct log_engine *log = load->log;
    const struct log_engine_options *options = &log->options;
    for (uint32_t i = 0; i < log->partition_count; i++) {
        load->number = log_partition_number(log, i);
        int code = load_partition(load);
        if (code != 0) {
            return code;
        }
        if (options->progress != NULL) {
            options->progress(options->progress_self, (i + 1) / ENGINE_FAMILIES,
                              log->partition_count / ENGINE_FAMILIES);
        }
    }
    return 0;
}

int log_load(struct log_engine *log, char text[512])
{
    uint32_t segments = log->volume->segment_count;
    struct load load = {.log = log};
    log->sequence = log->volume->sequence;
    for (uint32_t i = 0; i < segments; i++) {
        /* Markers are compared with first sequences: what is new comes after all of them. */
        uint64_t first = log->volume->segments[i]->first_sequence;
        log->sequence = first > log->sequence ? first : log->sequence;
    }
    load.slots = mem_alloc_zeroed(segments, sizeof(struct log_slot *));
    int code = load.slots == NULL ? SHOAL_ENOMEM : load_all(&load);
    mem_free(load.slots);
    mem_free(load.found);
    if (code != 0) {
        snprintf(text, 512, "the index could not be loaded: %s",
                 code == SHOAL_EIO ? log->disk->ops->explain(log->disk) : shoal_error_text(code));
    }
    return code;
}
