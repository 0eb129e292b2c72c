/* Reading one record: from a write that is not yet in the file, from what a job has read, or from
 * the file if that needs no waiting; else it is pending and read in the background. What is lent
 * stays until the next call that is not a mere read; when that has come to much, a read is pending
 * just because of it. */
#include "storage/log_engine_inside.h"

#include "base/assert.h"
#include "base/memory.h"
#include "shoal/error.h"
#include "storage/compression.h"

#define TICKETS_FIRST 16u

void log_lent_reset(struct log_engine *log)
{
    if (log->lent_bytes > 0) {
        arena_reset(&log->lent);
        log->lent_bytes = 0;
    }
}

static uint8_t *lend(struct log_engine *log, size_t len)
{
    uint8_t *bytes = arena_alloc(&log->lent, len);
    log->lent_bytes += bytes == NULL ? 0 : len;
    return bytes;
}

/* ---- tickets ---- */

int log_tickets_add(struct log_tickets *tickets, uint64_t ticket)
{
    if (tickets->count == tickets->capacity) {
        uint32_t capacity = tickets->capacity == 0 ? TICKETS_FIRST : tickets->capacity * 2;
        uint64_t *grown = mem_realloc(tickets->tickets, capacity * sizeof(*grown));
        if (grown == NULL) {
            return SHOAL_ENOMEM;
        }
        tickets->tickets = grown;
        tickets->capacity = capacity;
    }
    tickets->tickets[tickets->count++] = ticket;
    return 0;
}

int log_ready_late(struct log_engine *log, uint64_t ticket)
{
    return log_tickets_add(&log->late, ticket);
}

void log_ready_turn(struct log_engine *log)
{
    struct log_tickets late =
        log->late; /* what the worker asks for meanwhile is for the next turn */
    log->late = (struct log_tickets){0};
    for (uint32_t i = 0; i < late.count; i++) {
        log_lent_reset(log);
        log->engine.events.ready(log->engine.events.self, late.tickets[i], 0);
    }
    mem_free(late.tickets);
}

/* ---- reading ---- */

/* Bytes, and where they lay when they were read. */
struct stored {
    struct bytes bytes;
    struct log_origin origin;
    uint64_t offset;
};

/* The bytes at the place, as far as they are at hand. */
static int bytes_at(struct log_engine *log, const struct log_entry *entry, struct stored *out)
{
    out->origin = log->slots[entry->place.slot]->origin;
    out->offset = log_place_offset(entry->place);
    if (log_writes_find(log, entry->place, &out->bytes)) {
        return 0;
    }
    const struct log_item *item = log_fetched(log, entry->place);
    if (item != NULL) {
        *out = (struct stored){.bytes = bytes_make(item->bytes, item->len),
                               .origin = item->origin,
                               .offset = log_place_offset(item->entry.place)};
        return item->code;
    }
    size_t len = (size_t)log_size_of_class(entry->size_class);
    uint8_t *bytes = lend(log, len);
    if (bytes == NULL) {
        return SHOAL_ENOMEM;
    }
    size_t got = 0;
    int code = log->disk->ops->read_now(log->slots[entry->place.slot]->segment->file, out->offset,
                                        bytes, len, &got);
    out->bytes = bytes_make(bytes, got);
    return code >= 0 || code == SHOAL_ENOMEM ? code : 1; /* the read that may block tries again */
}

static int decompress(struct log_engine *log, struct log_record *record)
{
    if (record->kind != LOG_PUT || (record->flags & LOG_FLAG_LZ4) == 0) {
        return 0;
    }
    if (record->value_raw > LIMIT_OBJECT_BYTES) {
        return SHOAL_EDAMAGED;
    }
    uint8_t *raw = lend(log, record->value_raw);
    if (raw == NULL) {
        return SHOAL_ENOMEM;
    }
    if (decompress_value(record->value, raw, record->value_raw) != 0) {
        return SHOAL_EDAMAGED;
    }
    record->value = bytes_make(raw, record->value_raw);
    return 0;
}

int log_read(struct log_engine *log, uint32_t partition, const struct log_entry *entry,
             struct log_record *out)
{
    struct stored stored;
    size_t size;
    int code = bytes_at(log, entry, &stored);
    if (code != 0) {
        return code;
    }
    code = log_record_decode(&stored.origin, stored.offset, stored.bytes, out, &size);
    if (code != 0 || out->kind != LOG_PUT || out->partition != partition ||
        out->position != entry->position || out->tag != entry->tag) {
        return SHOAL_EDAMAGED;
    }
    return decompress(log, out);
}

/* ---- get ---- */

static int pending_late(struct log_engine *log, uint64_t ticket)
{
    int code = log_ready_late(log, ticket);
    return code == 0 ? 1 : code;
}

static int get_damaged(struct log_engine *log, uint32_t partition, struct log_place place,
                       uint64_t ticket)
{
    if (log_damage_told(log, place)) {
        return SHOAL_EDAMAGED;
    }
    int code = log_damage_found(log, partition, place);
    return code == 0 ? pending_late(log, ticket) : code;
}

int log_engine_get(struct engine *engine, const struct engine_key *key, uint64_t ticket,
                   struct bytes *record)
{
    struct log_engine *log = log_engine_of(engine);
    const struct log_partition *partition = log_partition_of(log, key->partition);
    struct log_entry entry;
    if (partition->index == NULL ||
        log_index_find(partition->index, key->position, key->tag, &entry) != 0) {
        return SHOAL_ENOTFOUND;
    }
    if (log->lent_bytes > LOG_LENT_BYTES_MAX) {
        return pending_late(log, ticket);
    }
    struct log_record found;
    int code = log_read(log, key->partition, &entry, &found);
    if (code == 1) {
        code = log_fetch(log, key->partition, &entry, 1, ticket);
        return code == 0 ? 1 : code;
    }
    if (code == SHOAL_EDAMAGED) {
        return get_damaged(log, key->partition, entry.place, ticket);
    }
    if (code != 0) {
        return code;
    }
    if (!bytes_equal(found.key, key->key)) {
        return SHOAL_ENOTFOUND;
    }
    *record = found.value;
    return 0;
}
