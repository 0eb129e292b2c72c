/* Going through what a closed segment holds, for compaction and scrub. The hint is the table of
 * contents, so that what is not wanted need not be read, and what can't be read is known by its
 * key; where the hint itself is unreadable, a scan of the segment gives the same. Everything that
 * blocks or takes long happens in jobs: reading, sorting, checking. */
#include "storage/log_engine_inside.h"

#include "base/assert.h"
#include "base/memory.h"
#include "shoal/error.h"
#include "storage/log_scan.h"

#define SPAN_BYTES (256u * LIMIT_KIB) /* that one read takes in, if records are not larger */
#define GAP_BYTES (32u * LIMIT_KIB)   /* of unwanted records, that is rather read than left out */
#define LIST_FIRST 256u
#define DIGIT_BITS 11u
#define DIGIT_VALUES (1u << DIGIT_BITS)

static void submit(struct log_sweep *sweep, void (*run)(struct offload_job *job),
                   void (*done)(struct offload_job *job, bool dropped))
{
    struct offload *offload = &sweep->log->options.offload;
    sweep->running = true;
    sweep->slot->readers++;
    sweep->job.run = run;
    sweep->job.done = done;
    offload->submit(offload->self, OFFLOAD_SLOW, &sweep->job);
}

static void sweep_done(struct offload_job *job, bool dropped)
{
    struct log_sweep *sweep = QUEUE_ITEM(job, struct log_sweep, job);
    sweep->running = false;
    sweep->slot->readers--;
    if (!dropped) {
        sweep->then(sweep);
    }
}

/* ---- listing ---- */

/* Room for another element; arrays double. */
static int list_grow(void **array, size_t *capacity, size_t count, size_t size)
{
    if (count < *capacity) {
        return 0;
    }
    size_t wanted = *capacity == 0 ? LIST_FIRST : *capacity * 2;
    void *grown = mem_realloc(*array, wanted * size);
    if (grown == NULL) {
        return SHOAL_ENOMEM;
    }
    *array = grown;
    *capacity = wanted;
    return 0;
}

static int list_entry(struct log_sweep *sweep, const struct log_hint_entry *entry)
{
    void *array = sweep->entries;
    int code =
        list_grow(&array, &sweep->entry_capacity, sweep->entry_count, sizeof(*sweep->entries));
    sweep->entries = array;
    if (code == 0) {
        sweep->entries[sweep->entry_count++] =
            (struct log_sweep_entry){.position = entry->position,
                                     .unit = (uint32_t)(entry->offset / LOG_UNIT_BYTES),
                                     .bytes = entry->bytes,
                                     .partition = (uint16_t)sweep->partition,
                                     .tag = entry->tag};
    }
    return code;
}

static int list_marker(struct log_sweep *sweep, const struct log_hint_entry *entry)
{
    void *array = sweep->markers;
    int code =
        list_grow(&array, &sweep->marker_capacity, sweep->marker_count, sizeof(*sweep->markers));
    sweep->markers = array;
    if (code == 0) {
        sweep->markers[sweep->marker_count++] = (struct log_marker){.sequence = entry->sequence,
                                                                    .position = entry->position,
                                                                    .partition = sweep->partition,
                                                                    .tag = entry->tag,
                                                                    .kind = entry->kind};
    }
    return code;
}

/* Holding records are in memory: nobody wants to read them. */
static int list_one(void *self, const struct log_hint_entry *entry)
{
    struct log_sweep *sweep = self;
    if (entry->kind == LOG_PUT && entry->offset < LOG_SEGMENT_BYTES_MAX) {
        return list_entry(sweep, entry);
    }
    return entry->kind == LOG_REMOVE || entry->kind == LOG_DROP ? list_marker(sweep, entry) : 0;
}

static bool is_mine(const struct log_sweep *sweep, uint32_t partition)
{
    const struct log_engine_options *options = &sweep->log->options;
    uint32_t partitions = options->engine.partitions;
    return partition < engine_partition_count(partitions) &&
           engine_worker_of(partition, partitions, options->workers) == options->worker;
}

static int list_hint(struct log_sweep *sweep)
{
    struct log_hint *hint;
    int code = log_hint_open(sweep->log->disk, &sweep->slot->origin, &hint);
    if (code != 0) {
        return code;
    }
    for (uint32_t i = 0; code == 0 && i < log_hint_groups(hint); i++) {
        sweep->partition = log_hint_partition(hint, i);
        if (is_mine(sweep, sweep->partition)) {
            code = log_hint_read(hint, sweep->partition, list_one, sweep);
        }
    }
    log_hint_free(hint);
    return code;
}

static int list_record(void *self, uint64_t offset, size_t size, const struct log_record *record)
{
    struct log_sweep *sweep = self;
    if (!is_mine(sweep, record->partition)) {
        return 0;
    }
    struct log_hint_entry entry;
    log_hint_entry_of(record, offset, size, &entry);
    sweep->partition = record->partition;
    return list_one(sweep, &entry);
}

static int list_scan(struct log_sweep *sweep)
{
    struct disk *disk = sweep->log->disk;
    struct disk_file *file = sweep->slot->segment->file;
    const struct log_scan_events events = {.self = sweep, .record = list_record};
    struct log_header header;
    struct log_scan_result result;
    sweep->entry_count = 0;
    sweep->marker_count = 0;
    int code = log_scan_header(disk, file, &header);
    return code != 0 ? code : log_scan(disk, file, &header, sweep->slot->end, &events, &result);
}

/* One digit of a radix sort: from one array to the other, stable. */
static void place_digit(const struct log_sweep_entry *from, struct log_sweep_entry *to,
                        size_t count, unsigned shift)
{
    size_t starts[DIGIT_VALUES + 1] = {0};
    for (size_t i = 0; i < count; i++) {
        starts[((from[i].unit >> shift) & (DIGIT_VALUES - 1)) + 1]++;
    }
    for (size_t i = 1; i < DIGIT_VALUES; i++) {
        starts[i] += starts[i - 1];
    }
    for (size_t i = 0; i < count; i++) {
        to[starts[(from[i].unit >> shift) & (DIGIT_VALUES - 1)]++] = from[i];
    }
}

/* Places have two digits, for a segment has not more units. */
static int list_sort(struct log_sweep *sweep)
{
    _Static_assert(LOG_SEGMENT_BYTES_MAX / LOG_UNIT_BYTES <= DIGIT_VALUES * DIGIT_VALUES,
                   "two digits are enough");
    size_t count = sweep->entry_count;
    struct log_sweep_entry *other = count == 0 ? NULL : mem_alloc(count * sizeof(*other));
    if (other == NULL) {
        return count == 0 ? 0 : SHOAL_ENOMEM;
    }
    place_digit(sweep->entries, other, count, 0);
    place_digit(other, sweep->entries, count, DIGIT_BITS);
    mem_free(other);
    return 0;
}

static void list_run(struct offload_job *job)
{
    struct log_sweep *sweep = QUEUE_ITEM(job, struct log_sweep, job);
    sweep->code = list_hint(sweep);
    if (sweep->code != 0 && sweep->code != SHOAL_ENOMEM) {
        sweep->code = list_scan(sweep);
    }
    if (sweep->code == 0) {
        sweep->code = list_sort(sweep);
    }
}

void log_sweep_list(struct log_sweep *sweep, struct log_slot *slot)
{
    ASSERT(sweep->slot == NULL && slot->state == LOG_SLOT_CLOSED);
    sweep->slot = slot;
    submit(sweep, list_run, sweep_done);
}

/* ---- reading ---- */

static uint64_t entry_offset(const struct log_sweep_entry *entry)
{
    return (uint64_t)entry->unit * LOG_UNIT_BYTES;
}

static struct bytes entry_bytes(const struct log_sweep *sweep, const struct log_sweep_entry *entry)
{
    return bytes_make(sweep->bytes + (entry_offset(entry) - sweep->offset), entry->bytes);
}

static bool entry_decode(const struct log_sweep *sweep, const struct log_sweep_entry *entry,
                         struct log_record *out)
{
    size_t size;
    return log_record_decode(&sweep->slot->origin, entry_offset(entry), entry_bytes(sweep, entry),
                             out, &size) == 0 &&
           out->kind == LOG_PUT && out->partition == entry->partition &&
           out->position == entry->position && out->tag == entry->tag;
}

/* Where the whole can't be read, perhaps some of it can. */
static bool read_alone(const struct log_sweep *sweep, const struct log_sweep_entry *entry)
{
    size_t got = 0;
    int code = sweep->log->disk->ops->read(sweep->slot->segment->file, entry_offset(entry),
                                           sweep->bytes + (entry_offset(entry) - sweep->offset),
                                           entry->bytes, &got);
    return code == 0 && got == entry->bytes;
}

static void read_run(struct offload_job *job)
{
    struct log_sweep *sweep = QUEUE_ITEM(job, struct log_sweep, job);
    size_t got = 0;
    int code = sweep->log->disk->ops->read(sweep->slot->segment->file, sweep->offset, sweep->bytes,
                                           sweep->bytes_len, &got);
    bool whole = code == 0 && got == sweep->bytes_len;
    struct log_record record;
    for (size_t i = sweep->from; i < sweep->to; i++) {
        struct log_sweep_entry *entry = &sweep->entries[i];
        if (entry->wanted) {
            entry->damaged =
                (!whole && !read_alone(sweep, entry)) || !entry_decode(sweep, entry, &record);
        }
    }
    sweep->code = 0;
}

int log_sweep_read(struct log_sweep *sweep, size_t from)
{
    while (from < sweep->entry_count && !sweep->entries[from].wanted) {
        from++;
    }
    sweep->from = from;
    sweep->to = from;
    if (from == sweep->entry_count) {
        return 1;
    }
    uint64_t offset = entry_offset(&sweep->entries[from]);
    uint64_t end = offset;
    for (size_t i = from; i < sweep->entry_count; i++) {
        const struct log_sweep_entry *entry = &sweep->entries[i];
        uint64_t begins = entry_offset(entry);
        if (entry->wanted && i > from &&
            (begins > end + GAP_BYTES || begins + entry->bytes > offset + SPAN_BYTES)) {
            break;
        }
        if (entry->wanted) {
            end = begins + entry->bytes;
            sweep->to = i + 1;
        }
    }
    size_t len = (size_t)(end - offset);
    if (len > sweep->bytes_capacity) {
        uint8_t *bytes = mem_realloc(sweep->bytes, len);
        if (bytes == NULL) {
            return SHOAL_ENOMEM;
        }
        sweep->bytes = bytes;
        sweep->bytes_capacity = len;
    }
    sweep->offset = offset;
    sweep->bytes_len = len;
    submit(sweep, read_run, sweep_done);
    return 0;
}

void log_sweep_record(const struct log_sweep *sweep, const struct log_sweep_entry *entry,
                      struct log_record *out)
{
    ASSERT(entry->wanted && !entry->damaged);
    ASSERT(entry_decode(sweep, entry, out));
}

struct log_entry log_sweep_place(const struct log_sweep *sweep, const struct log_sweep_entry *entry)
{
    return (struct log_entry){.position = entry->position,
                              .tag = entry->tag,
                              .place = {.slot = sweep->slot->number, .unit = entry->unit},
                              .size_class = log_size_class(entry->bytes)};
}

void log_sweep_end(struct log_sweep *sweep)
{
    ASSERT(!sweep->running);
    mem_free(sweep->entries);
    mem_free(sweep->markers);
    mem_free(sweep->bytes);
    *sweep = (struct log_sweep){.log = sweep->log, .then = sweep->then};
}
