/* Walking a partition in order of position. Records at hand are visited; at the first that is not,
 * it and the entries after it are read in the background, in the order in which they lie on disk,
 * and the walk ends for now. It ends for now too when it has lent much, so that one walk neither
 * takes the memory of a partition nor keeps the worker. Entries of one position are visited in one
 * go and by their keys; there are hardly ever two of them. */
#include "storage/log_engine_inside.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/memory.h"
#include "shoal/error.h"

#define CHUNK 64u
#define AHEAD_MAX 128u
#define AHEAD_BYTES_MAX (1u * LIMIT_MIB)
#define LENT_MAX (4u * LIMIT_MIB) /* of one walk */

struct walk {
    struct log_engine *log;
    struct log_partition *partition;
    uint32_t number;
    uint64_t ticket;
    engine_visit visit;
    void *self;
    uint64_t *next;
};

/* The entries before are visited; from there on it goes on later. */
static int walk_rest(struct walk *walk, uint64_t position)
{
    int code = log_ready_late(walk->log, walk->ticket);
    if (code != 0) {
        return code;
    }
    *walk->next = position;
    return 2;
}

/* Reads the entry in the background, and those after it. */
static int walk_fetch(struct walk *walk, const struct log_entry *entry)
{
    struct log_entry ahead[AHEAD_MAX];
    uint32_t count =
        log_index_range(walk->partition->index, entry->position, entry->tag, ahead, AHEAD_MAX);
    uint64_t bytes = 0;
    uint32_t taken = 0;
    while (taken < count && (taken == 0 || bytes < AHEAD_BYTES_MAX)) {
        bytes += log_size_of_class(ahead[taken].size_class);
        taken++;
    }
    int code = log_fetch(walk->log, walk->number, ahead, taken, walk->ticket);
    if (code != 0) {
        return code;
    }
    *walk->next = entry->position;
    return 2;
}

/* 0 and the record; 1: to be passed over; else what the walk is to return, 2 as 3. */
static int walk_read(struct walk *walk, const struct log_entry *entry, struct log_record *out)
{
    int code = log_read(walk->log, walk->number, entry, out);
    if (code == 1) {
        code = walk_fetch(walk, entry);
        return code == 2 ? 3 : code;
    }
    if (code != SHOAL_EDAMAGED) {
        return code;
    }
    if (log_damage_told(walk->log, entry->place)) {
        return 1;
    }
    code = log_damage_found(walk->log, walk->number, entry->place);
    if (code == 0) {
        code = walk_rest(walk, entry->position);
    }
    return code == 2 ? 3 : code;
}

static bool walk_visit(const struct walk *walk, const struct log_record *record)
{
    struct engine_entry entry = {
        .position = record->position, .key = record->key, .record = record->value};
    return walk->visit(walk->self, &entry);
}

/* ---- several entries of one position ---- */

static int by_key(const void *left, const void *right)
{
    const struct log_record *a = left;
    const struct log_record *b = right;
    return bytes_compare(a->key, b->key);
}

/* All entries of the position, in memory that the caller frees. */
static int crowd_entries(const struct walk *walk, uint64_t position, struct log_entry **out,
                         uint32_t *count)
{
    struct log_entry *entries = NULL;
    uint32_t capacity = 0;
    uint32_t found = 0;
    do {
        capacity = capacity == 0 ? CHUNK : capacity * 2;
        struct log_entry *grown = mem_realloc(entries, capacity * sizeof(*grown));
        if (grown == NULL) {
            mem_free(entries);
            return SHOAL_ENOMEM;
        }
        entries = grown;
        found = log_index_range(walk->partition->index, position, 0, entries, capacity);
    } while (found == capacity && entries[found - 1].position == position);
    while (entries[found - 1].position != position) {
        found--;
    }
    *out = entries;
    *count = found;
    return 0;
}

/* Reads all of them in the background: a part would not do, as they are needed together. */
static int crowd_fetch(struct walk *walk, struct log_entry *entries, uint32_t count, uint32_t first)
{
    struct log_entry cold = entries[first]; /* what the ticket waits for comes first */
    memmove(entries + 1, entries, first * sizeof(*entries));
    entries[0] = cold;
    int code = log_fetch(walk->log, walk->number, entries, count, walk->ticket);
    if (code != 0) {
        return code;
    }
    *walk->next = entries[0].position;
    return 3;
}

static int crowd_read(struct walk *walk, struct log_entry *entries, uint32_t count,
                      struct log_record *records, uint32_t *read)
{
    for (uint32_t i = 0; i < count; i++) {
        int code = log_read(walk->log, walk->number, &entries[i], &records[*read]);
        if (code == 1) {
            return crowd_fetch(walk, entries, count, i);
        }
        if (code == SHOAL_EDAMAGED) {
            code = walk_read(walk, &entries[i], &records[*read]);
        }
        if (code < 0 || code > 1) {
            return code;
        }
        *read += code == 0 ? 1 : 0;
    }
    return 0;
}

/* 0: all were visited; else what the walk is to return, 2 as 3. */
static int walk_crowd(struct walk *walk, uint64_t position)
{
    struct log_entry *entries;
    uint32_t count;
    uint32_t read = 0;
    int code = crowd_entries(walk, position, &entries, &count);
    if (code != 0) {
        return code;
    }
    struct log_record *records = mem_alloc(count * sizeof(*records));
    code = records == NULL ? SHOAL_ENOMEM : crowd_read(walk, entries, count, records, &read);
    if (code == 0) {
        qsort(records, read, sizeof(*records), by_key);
        for (uint32_t i = 0; i < read && code == 0; i++) {
            code = walk_visit(walk, &records[i]) ? 0 : 1;
        }
    }
    mem_free(entries);
    mem_free(records);
    return code;
}

/* ---- the walk ---- */

static int walk_single(struct walk *walk, const struct log_entry *entry)
{
    struct log_record record;
    int code = walk_read(walk, entry, &record);
    if (code == 0) {
        return walk_visit(walk, &record) ? 0 : 1;
    }
    return code == 1 ? 0 : code;
}

/* Is the entry not the only one of its position? */
static bool is_crowd(const struct walk *walk, const struct log_entry *entry)
{
    struct log_entry two[2];
    uint32_t count = log_index_range(walk->partition->index, entry->position, 0, two, 2);
    return count == 2 && two[1].position == entry->position;
}

/* Visits from the position on; *done when it came to the end, else *position is where to go on. */
static int walk_chunk(struct walk *walk, uint64_t *position, bool *done)
{
    struct log_entry entries[CHUNK];
    uint32_t count = log_index_range(walk->partition->index, *position, 0, entries, CHUNK);
    for (uint32_t i = 0; i < count; i++) {
        bool last = i + 1 == count;
        bool crowd =
            last ? is_crowd(walk, &entries[i]) : entries[i + 1].position == entries[i].position;
        if (walk->log->lent_bytes > LENT_MAX) {
            int code = walk_rest(walk, entries[i].position);
            return code == 2 ? 3 : code;
        }
        int code = crowd ? walk_crowd(walk, entries[i].position) : walk_single(walk, &entries[i]);
        if (code != 0) {
            return code;
        }
        if (entries[i].position == UINT64_MAX) {
            *done = true;
            return 0;
        }
        *position = entries[i].position + 1;
        if (crowd) {
            return 0; /* the rest of the chunk may be of the same position */
        }
    }
    *done = count < CHUNK;
    return 0;
}

int log_engine_walk(struct engine *engine, uint32_t partition, uint64_t position, uint64_t ticket,
                    engine_visit visit, void *self, uint64_t *next)
{
    struct log_engine *log = log_engine_of(engine);
    struct walk walk = {.log = log,
                        .partition = log_partition_of(log, partition),
                        .number = partition,
                        .ticket = ticket,
                        .visit = visit,
                        .self = self,
                        .next = next};
    log_lent_reset(log);
    bool done = walk.partition->index == NULL;
    int code = 0;
    while (!done && code == 0) {
        code = walk_chunk(&walk, &position, &done);
    }
    return code == 3 ? 2 : code;
}

/* ---- the survey: only what the index knows ---- */

int log_engine_survey(struct engine *engine, uint32_t partition, uint64_t position, uint64_t ticket,
                      engine_survey_visit visit, void *self, uint64_t *next)
{
    (void)ticket;
    (void)next;
    struct log_engine *log = log_engine_of(engine);
    const struct log_index *index = log_partition_of(log, partition)->index;
    struct log_entry entries[CHUNK];
    uint16_t tag = 0;
    uint32_t count = index == NULL ? 0 : log_index_range(index, position, tag, entries, CHUNK);
    while (count > 0) {
        for (uint32_t i = 0; i < count; i++) {
            const struct engine_survey_entry met = {.position = entries[i].position,
                                                    .tag = entries[i].tag,
                                                    .brief = log_brief_of(log, &entries[i])};
            if (!visit(self, &met)) {
                return 1;
            }
        }
        const struct log_entry *last = &entries[count - 1];
        if (count < CHUNK || (last->position == UINT64_MAX && last->tag == UINT16_MAX)) {
            return 0;
        }
        tag = (uint16_t)(last->tag + 1);
        position = last->position + (tag == 0 ? 1 : 0);
        count = log_index_range(index, position, tag, entries, CHUNK);
    }
    return 0;
}
