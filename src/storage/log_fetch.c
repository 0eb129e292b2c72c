/* Records read in the background. What a job has read stays at hand for a while after it was told,
 * so that who has to begin again from the start (engine.h) finds it, also on file systems that can
 * never say whether something is in memory. Several who want the same record share one read.
 *
 *      wanted --> waits (no memory taken) --> under way --> arrived: told, warm --> forgotten */
#include "storage/log_engine_inside.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/memory.h"
#include "shoal/error.h"

#define UNDER_WAY_MAX 128u
#define UNDER_WAY_BYTES_MAX (32u * LIMIT_MIB)
#define WARM_MAX 1024u
#define WARM_BYTES_MAX (4u * LIMIT_MIB)

/* Of a record that is gone: no index leads there. */
static const struct log_place NOWHERE = {.slot = UINT32_MAX};

/* ---- items ---- */

static void item_free(struct log_engine *log, struct log_item *item)
{
    (void)table_remove(&log->items, log_place_key(item->place));
    if (item->fetch == NULL) {
        queue_remove(&item->link);
        log->warm_count--;
        log->warm_bytes -= item->len;
    }
    log->memory_bytes -= sizeof(*item) + item->len;
    mem_free(item->bytes);
    mem_free(item);
}

static struct log_item *item_new(struct log_fetch *fetch, uint32_t partition,
                                 const struct log_entry *entry)
{
    struct log_engine *log = fetch->log;
    struct log_item *item = mem_alloc_zeroed(1, sizeof(*item));
    if (item == NULL) {
        return NULL;
    }
    item->fetch = fetch;
    item->entry = *entry;
    item->place = entry->place;
    item->slot = log->slots[entry->place.slot];
    item->origin = item->slot->origin;
    item->partition = partition;
    item->len = (size_t)log_size_of_class(entry->size_class);
    queue_init(&item->link);
    if (table_put(&log->items, log_place_key(item->entry.place), item) != 0) {
        mem_free(item);
        return NULL;
    }
    log->memory_bytes += sizeof(*item) + item->len;
    item->slot->readers++;
    fetch->items[fetch->count++] = item;
    fetch->bytes += item->len;
    return item;
}

static void item_unpin(struct log_item *item)
{
    if (item->slot != NULL) {
        item->slot->readers--;
        item->slot = NULL;
    }
}

/* What is at hand might be forgotten before the others have been read: it arrives with them. */
static void item_adopt(struct log_fetch *fetch, struct log_item *item)
{
    queue_remove(&item->link);
    fetch->log->warm_count--;
    fetch->log->warm_bytes -= item->len;
    item->fetch = fetch;
    item->copied = true;
    fetch->items[fetch->count++] = item;
    fetch->bytes += item->len;
}

/* What is not yet in the file will be there when the others have been read, and perhaps no longer
 * at hand. False: no memory. */
static bool item_copy(struct log_engine *log, struct log_item *item)
{
    struct bytes bytes;
    if (!log_writes_find(log, item->place, &bytes)) {
        return true;
    }
    size_t len = bytes.len < item->len ? bytes.len : item->len;
    item->bytes = mem_alloc(item->len);
    item->copied = item->bytes != NULL;
    if (item->copied) {
        memset(item->bytes, 0, item->len);
        memcpy(item->bytes, bytes.data, len);
    }
    return item->copied;
}

const struct log_item *log_fetched(const struct log_engine *log, struct log_place place)
{
    if (log->items.count == 0) {
        return NULL;
    }
    const struct log_item *item = table_get(&log->items, log_place_key(place));
    return item != NULL && item->fetch == NULL ? item : NULL;
}

void log_fetch_moved(struct log_engine *log, struct log_place from, struct log_place to)
{
    struct log_item *item =
        log->items.count == 0 ? NULL : table_remove(&log->items, log_place_key(from));
    if (item != NULL && table_put(&log->items, log_place_key(to), item) == 0) {
        item->place = to;
    }
}

static void warm_trim(struct log_engine *log)
{
    while (log->warm_count > WARM_MAX || log->warm_bytes > WARM_BYTES_MAX) {
        item_free(log, QUEUE_ITEM(log->warm.next, struct log_item, link));
    }
}

/* The first item that lies, as far as is known, in the slot. */
static struct log_item *item_in_slot(const struct log_engine *log, const struct log_slot *slot)
{
    size_t cursor = 0;
    uint64_t key;
    void *value;
    while (table_next(&log->items, &cursor, &key, &value)) {
        if (key >> LOG_OFFSET_BITS == slot->number) {
            return value;
        }
    }
    return NULL;
}

void log_fetch_forget_slot(struct log_engine *log, const struct log_slot *slot)
{
    struct log_item *item;
    while ((item = item_in_slot(log, slot)) != NULL) {
        if (item->fetch == NULL) {
            item_free(log, item);
        } else {
            /* Still read at the place where it was once. */
            (void)table_remove(&log->items, log_place_key(item->place));
            item->place = NOWHERE;
        }
    }
}

/* ---- the job ---- */

static void item_read(struct log_engine *log, struct log_item *item)
{
    size_t got = 0;
    size_t size;
    struct log_record record;
    uint64_t offset = log_place_offset(item->entry.place);
    struct disk_file *file = item->slot->segment->file;
    int code = log->disk->ops->read(file, offset, item->bytes, item->len, &got);
    if (code != 0) {
        /* A disk that failed once may have hiccuped. */
        code = log->disk->ops->read(file, offset, item->bytes, item->len, &got);
    }
    if (code == 0) {
        code =
            log_record_decode(&item->origin, offset, bytes_make(item->bytes, got), &record, &size);
    }
    /* A place that can't be read at all is as good as one that was read wrongly. */
    item->code = code == 0 ? 0 : SHOAL_EDAMAGED;
}

static void fetch_run(struct offload_job *job)
{
    struct log_fetch *fetch = QUEUE_ITEM(job, struct log_fetch, job);
    for (uint32_t i = 0; i < fetch->count; i++) {
        if (fetch->items[i]->code == 0 && !fetch->items[i]->copied) {
            item_read(fetch->log, fetch->items[i]);
        }
    }
}

static void fetch_free(struct log_fetch *fetch)
{
    queue_remove(&fetch->link);
    fetch->log->fetch_count--;
    mem_free(fetch->items);
    mem_free(fetch->tickets);
    mem_free(fetch);
}

/* Everything it read is at hand now. */
static void fetch_arrived(struct log_fetch *fetch)
{
    struct log_engine *log = fetch->log;
    for (uint32_t i = 0; i < fetch->count; i++) {
        struct log_item *item = fetch->items[i];
        item_unpin(item);
        item->fetch = NULL;
        queue_push(&log->warm, &item->link);
        log->warm_count++;
        log->warm_bytes += item->len;
        struct log_entry now = item->entry;
        now.place = item->place;
        if (item->code == SHOAL_EDAMAGED && log_is_live(log, item->partition, &now)) {
            (void)log_damage_found(log, item->partition, item->place);
        }
    }
}

static void fetch_tell(struct log_fetch *fetch)
{
    struct log_engine *log = fetch->log;
    log_damage_tell(log);
    for (uint32_t i = 0; i < fetch->ticket_count; i++) {
        log_lent_reset(log);
        log->engine.events.ready(log->engine.events.self, fetch->tickets[i], 0);
    }
}

static void fetch_submit(struct log_fetch *fetch);

static void fetches_go_on(struct log_engine *log)
{
    while (!queue_empty(&log->fetches)) {
        struct log_fetch *fetch = QUEUE_ITEM(log->fetches.next, struct log_fetch, link);
        bool room = log->fetches_under_way < UNDER_WAY_MAX &&
                    log->fetch_bytes + fetch->bytes <= UNDER_WAY_BYTES_MAX;
        if (!room && log->fetches_under_way > 0) {
            return;
        }
        fetch_submit(fetch);
    }
}

static void fetch_done(struct offload_job *job, bool dropped)
{
    struct log_fetch *fetch = QUEUE_ITEM(job, struct log_fetch, job);
    struct log_engine *log = fetch->log;
    log->fetches_under_way--;
    log->fetch_bytes -= fetch->bytes;
    fetch_arrived(fetch);
    if (!dropped) {
        fetch_tell(fetch);
        log_lent_reset(log);
        fetches_go_on(log);
    }
    for (uint32_t i = 0; i < fetch->count; i++) {
        if (fetch->items[i]->code == SHOAL_ENOMEM) {
            item_free(log, fetch->items[i]);
        }
    }
    fetch_free(fetch);
    warm_trim(log);
}

static void fetch_submit(struct log_fetch *fetch)
{
    struct log_engine *log = fetch->log;
    queue_remove(&fetch->link);
    for (uint32_t i = 0; i < fetch->count; i++) {
        struct log_item *item = fetch->items[i];
        if (!item->copied) {
            item->bytes = mem_alloc(item->len);
            item->code = item->bytes == NULL ? SHOAL_ENOMEM : 0;
        }
    }
    fetch->under_way = true;
    fetch->job.run = fetch_run;
    fetch->job.done = fetch_done;
    log->fetches_under_way++;
    log->fetch_bytes += fetch->bytes;
    log->options.offload.submit(log->options.offload.self, OFFLOAD_READ, &fetch->job);
}

/* ---- asking for it ---- */

static int ticket_add(struct log_fetch *fetch, uint64_t ticket)
{
    struct log_tickets tickets = {.tickets = fetch->tickets,
                                  .count = fetch->ticket_count,
                                  .capacity = fetch->ticket_capacity};
    int code = log_tickets_add(&tickets, ticket);
    fetch->tickets = tickets.tickets;
    fetch->ticket_count = tickets.count;
    fetch->ticket_capacity = tickets.capacity;
    return code;
}

/* Takes back what was never given to the offload. */
static void fetch_undo(struct log_fetch *fetch)
{
    for (uint32_t i = 0; i < fetch->count; i++) {
        item_unpin(fetch->items[i]);
        item_free(fetch->log, fetch->items[i]);
    }
    fetch_free(fetch);
}

static struct log_fetch *fetch_new(struct log_engine *log, uint32_t count, uint64_t ticket)
{
    struct log_fetch *fetch = mem_alloc_zeroed(1, sizeof(*fetch));
    if (fetch == NULL) {
        return NULL;
    }
    fetch->log = log;
    log->fetch_count++;
    queue_init(&fetch->link);
    fetch->items = mem_alloc(count * sizeof(struct log_item *));
    if (fetch->items == NULL || ticket_add(fetch, ticket) != 0) {
        fetch_free(fetch);
        return NULL;
    }
    return fetch;
}

static int by_place(const void *left, const void *right)
{
    const struct log_item *a = *(const struct log_item *const *)left;
    const struct log_item *b = *(const struct log_item *const *)right;
    uint64_t key_a = log_place_key(a->entry.place);
    uint64_t key_b = log_place_key(b->entry.place);
    return key_a < key_b ? -1 : key_a > key_b;
}

int log_fetch(struct log_engine *log, uint32_t partition, const struct log_entry *entries,
              uint32_t count, uint64_t ticket)
{
    struct log_item *first = table_get(&log->items, log_place_key(entries[0].place));
    if (first != NULL) {
        ASSERT(first->fetch != NULL);
        return ticket_add(first->fetch, ticket);
    }
    if (log->fetch_count >= LOG_FETCHES_MAX) {
        return SHOAL_EOVERLOAD;
    }
    struct log_fetch *fetch = fetch_new(log, count, ticket);
    if (fetch == NULL) {
        return SHOAL_ENOMEM;
    }
    for (uint32_t i = 0; i < count; i++) {
        struct log_item *item = table_get(&log->items, log_place_key(entries[i].place));
        if (item != NULL && item->fetch == NULL) {
            item_adopt(fetch, item);
        } else if (item == NULL) {
            item = item_new(fetch, partition, &entries[i]);
            if (item == NULL || !item_copy(log, item)) {
                fetch_undo(fetch);
                return SHOAL_ENOMEM;
            }
        }
    }
    qsort(fetch->items, fetch->count, sizeof(fetch->items[0]), by_place);
    queue_push(&log->fetches, &fetch->link);
    fetches_go_on(log);
    return 0;
}

/* No job is under way any more. */
void log_fetch_deinit(struct log_engine *log)
{
    while (!queue_empty(&log->fetches)) {
        fetch_undo(QUEUE_ITEM(log->fetches.next, struct log_fetch, link));
    }
    while (!queue_empty(&log->warm)) {
        item_free(log, QUEUE_ITEM(log->warm.next, struct log_item, link));
    }
    table_deinit(&log->items);
    mem_free(log->late.tickets);
}
