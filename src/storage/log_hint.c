/* Reads hints. Every number is checked before it is used, also those behind a checksum: the file
 * came from a disk. What it says must fit the file exactly. */
#include "storage/log_hint.h"

#include "base/assert.h"
#include "base/memory.h"
#include "base/mutant.h"
#include "shoal/error.h"
#include "storage/log_hint_layout.h"

struct group {
    uint32_t partition;
    uint64_t entries;
    uint64_t offset;
    uint64_t checksum;
};

struct log_hint {
    struct log_hint_summary summary;
    struct disk *disk;
    struct disk_file *file; /* NULL: all is in the image */
    struct buffer image;
    uint64_t file_bytes;
    struct group *groups;
    uint32_t group_count;
    struct log_hint_place *places;
    uint32_t place_count;
};

void log_hint_free(struct log_hint *hint)
{
    if (hint == NULL) {
        return;
    }
    if (hint->file != NULL) {
        hint->disk->ops->close(hint->file);
    }
    buffer_deinit(&hint->image);
    mem_free(hint->groups);
    mem_free(hint->places);
    mem_free(hint);
}

/* All of it: SHOAL_EPROTO when the file has become shorter. */
static int hint_fetch(const struct log_hint *hint, uint64_t offset, void *out, size_t len)
{
    if (hint->file == NULL) {
        memcpy(out, hint->image.data + offset, len);
        return 0;
    }
    size_t got;
    int error = hint->disk->ops->read(hint->file, offset, out, len, &got);
    return error != 0 ? error : got == len ? 0 : SHOAL_EPROTO;
}

static int head_decode(struct log_hint *hint, const uint8_t *head, const struct log_origin *origin)
{
    struct bytes checked = bytes_make(head, HINT_AT_CHECKSUM);
    if (memcmp(head, hint_magic, sizeof(hint_magic)) != 0 ||
        load_u64_le(head + HINT_AT_VOLUME) != origin->volume ||
        load_u64_le(head + HINT_AT_NUMBER) != origin->number ||
        load_u64_le(head + HINT_AT_CHECKSUM) != log_checksum(origin, 0, checked)) {
        return SHOAL_EPROTO;
    }
    uint32_t format = load_u32_le(head + HINT_AT_FORMAT);
    if (format < LOG_HINT_FORMAT_MIN || format > LOG_HINT_FORMAT) {
        return SHOAL_EVERSION;
    }
    uint32_t flags = load_u32_le(head + HINT_AT_FLAGS);
    hint->summary = (struct log_hint_summary){
        .origin = *origin,
        .end = load_u64_le(head + HINT_AT_END),
        .first_sequence = load_u64_le(head + HINT_AT_FIRST_SEQUENCE),
        .sequence_min = load_u64_le(head + HINT_AT_SEQUENCE_MIN),
        .sequence_max = load_u64_le(head + HINT_AT_SEQUENCE_MAX),
        .damaged = (flags & HINT_FLAG_DAMAGED) != 0,
        .refused = (flags & HINT_FLAG_REFUSED) != 0,
        .older = format < LOG_HINT_FORMAT,
    };
    hint->group_count = load_u32_le(head + HINT_AT_GROUPS);
    hint->place_count = load_u32_le(head + HINT_AT_PLACES);
    bool fits = (flags & ~(uint32_t)HINT_FLAGS) == 0 && hint->group_count <= LOG_PARTITIONS_MAX &&
                hint->place_count <= LOG_HINT_PLACES_MAX;
    return fits ? 0 : SHOAL_EPROTO;
}

/* Groups by partition, one behind the other, to the very end of the file. */
static int groups_decode(struct log_hint *hint, const uint8_t *at, uint64_t offset)
{
    for (uint32_t i = 0; i < hint->group_count; i++, at += HINT_GROUP_BYTES) {
        struct group group = {
            .partition = load_u32_le(at + HINT_GROUP_AT_PARTITION),
            .entries = load_u64_le(at + HINT_GROUP_AT_ENTRIES),
            .offset = load_u64_le(at + HINT_GROUP_AT_OFFSET),
            .checksum = load_u64_le(at + HINT_GROUP_AT_CHECKSUM),
        };
        uint64_t left = (hint->file_bytes - offset) / HINT_ENTRY_BYTES;
        if (group.partition >= LOG_PARTITIONS_MAX ||
            (i > 0 && group.partition <= hint->groups[i - 1].partition) || group.entries == 0 ||
            group.entries > left || group.offset != offset) {
            return SHOAL_EPROTO;
        }
        hint->groups[i] = group;
        offset += group.entries * HINT_ENTRY_BYTES;
    }
    return offset == hint->file_bytes ? 0 : SHOAL_EPROTO;
}

static int index_decode(struct log_hint *hint, const uint8_t *index, size_t index_bytes)
{
    hint->groups = mem_alloc(hint->group_count * sizeof(*hint->groups));
    hint->places = mem_alloc(hint->place_count * sizeof(*hint->places));
    if (hint->groups == NULL || hint->places == NULL) {
        return SHOAL_ENOMEM;
    }
    const uint8_t *at = index + (size_t)hint->group_count * HINT_GROUP_BYTES;
    for (uint32_t i = 0; i < hint->place_count; i++, at += HINT_PLACE_BYTES) {
        hint->places[i] =
            (struct log_hint_place){.offset = load_u64_le(at), .bytes = load_u64_le(at + 8)};
    }
    return groups_decode(hint, index, HINT_HEAD_BYTES + index_bytes);
}

/* Head, table and places. */
static int hint_load(struct log_hint *hint, const struct log_origin *origin)
{
    uint8_t head[HINT_HEAD_BYTES];
    if (hint->file_bytes < HINT_HEAD_BYTES) {
        return SHOAL_EPROTO;
    }
    int error = hint_fetch(hint, 0, head, sizeof(head));
    error = error == 0 ? head_decode(hint, head, origin) : error;
    if (error != 0) {
        return error;
    }
    size_t index_bytes =
        (size_t)hint->group_count * HINT_GROUP_BYTES + (size_t)hint->place_count * HINT_PLACE_BYTES;
    if (index_bytes > hint->file_bytes - HINT_HEAD_BYTES) {
        return SHOAL_EPROTO;
    }
    uint8_t *index = mem_alloc(index_bytes);
    if (index == NULL) {
        return SHOAL_ENOMEM;
    }
    error = hint_fetch(hint, HINT_HEAD_BYTES, index, index_bytes);
    if (error == 0 && load_u64_le(head + HINT_AT_INDEX_CHECKSUM) !=
                          log_checksum(origin, HINT_HEAD_BYTES, bytes_make(index, index_bytes))) {
        error = SHOAL_EPROTO;
    }
    error = error == 0 ? index_decode(hint, index, index_bytes) : error;
    mem_free(index);
    return error;
}

int log_hint_open(struct disk *disk, const struct log_origin *origin, struct log_hint **out)
{
    struct log_hint *hint = mem_alloc_zeroed(1, sizeof(*hint));
    if (hint == NULL) {
        return SHOAL_ENOMEM;
    }
    hint->disk = disk;
    char name[LOG_NAME_BYTES];
    log_hint_name(origin->number, name);
    int error = disk->ops->open(disk, name, DISK_OPEN_READ, &hint->file);
    if (error == 0) {
        error = disk->ops->size(hint->file, &hint->file_bytes);
    }
    error = error == 0 ? hint_load(hint, origin) : error;
    if (error != 0) {
        log_hint_free(hint);
        return error;
    }
    *out = hint;
    return 0;
}

int log_hint_from_image(struct buffer *image, const struct log_origin *origin,
                        struct log_hint **out)
{
    struct log_hint *hint = mem_alloc_zeroed(1, sizeof(*hint));
    if (hint == NULL) {
        return SHOAL_ENOMEM;
    }
    hint->image = *image;
    hint->file_bytes = image->len;
    int error = hint_load(hint, origin);
    if (error != 0) {
        hint->image = (struct buffer){0};
        log_hint_free(hint);
        return error;
    }
    *image = (struct buffer){0};
    *out = hint;
    return 0;
}

const struct log_hint_summary *log_hint_summary(const struct log_hint *hint)
{
    return &hint->summary;
}

static const struct group *group_find(const struct log_hint *hint, uint32_t partition)
{
    uint32_t low = 0;
    uint32_t high = hint->group_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (hint->groups[middle].partition < partition) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    bool found = low < hint->group_count && hint->groups[low].partition == partition;
    return found ? &hint->groups[low] : NULL;
}

bool log_hint_has(const struct log_hint *hint, uint32_t partition)
{
    return group_find(hint, partition) != NULL;
}

uint64_t log_hint_count(const struct log_hint *hint, uint32_t partition)
{
    const struct group *group = group_find(hint, partition);
    return group != NULL ? group->entries : 0;
}

static int entry_decode(const struct log_hint *hint, const uint8_t *at, struct log_hint_entry *out)
{
    uint64_t units = load_u32_le(at + HINT_ENTRY_AT_SIZE);
    uint8_t flags = at[HINT_ENTRY_AT_FLAGS];
    *out = (struct log_hint_entry){
        .sequence = load_u64_le(at + HINT_ENTRY_AT_SEQUENCE),
        .position = load_u64_le(at + HINT_ENTRY_AT_POSITION),
        .offset = (uint64_t)load_u32_le(at + HINT_ENTRY_AT_OFFSET) * LOG_UNIT_BYTES,
        .tag = (uint16_t)(at[HINT_ENTRY_AT_TAG] | at[HINT_ENTRY_AT_TAG + 1] << 8),
        .kind = at[HINT_ENTRY_AT_KIND],
        .simple = (flags & HINT_ENTRY_SIMPLE) != 0,
        .tombstone = (flags & HINT_ENTRY_TOMBSTONE) != 0,
        .expires = (flags & HINT_ENTRY_EXPIRES) != 0,
        .dot = {.actor = load_u64_le(at + HINT_ENTRY_AT_ACTOR),
                .counter = load_u64_le(at + HINT_ENTRY_AT_COUNTER)},
    };
    const struct log_hint_summary *summary = &hint->summary;
    bool fits = units * LOG_UNIT_BYTES >= LOG_RECORD_BYTES &&
                units * LOG_UNIT_BYTES <= LOG_RECORD_BYTES_MAX &&
                out->offset >= LOG_HEADER_BYTES + LOG_BATCH_BYTES &&
                out->offset + units * LOG_UNIT_BYTES <= summary->end &&
                out->sequence >= summary->sequence_min && out->sequence <= summary->sequence_max &&
                out->kind >= LOG_PUT && out->kind <= LOG_HOLDING &&
                (flags & ~HINT_ENTRY_FLAGS) == 0 &&
                (flags == 0 || (flags & HINT_ENTRY_SIMPLE) != 0);
    out->bytes = (uint32_t)(units * LOG_UNIT_BYTES);
    return fits ? 0 : SHOAL_EPROTO;
}

typedef int (*entry_visit)(void *self, const struct log_hint_entry *entry);

static int entries_visit(const struct log_hint *hint, struct bytes group, entry_visit visit,
                         void *self)
{
    for (size_t at = 0; at < group.len; at += HINT_ENTRY_BYTES) {
        struct log_hint_entry entry;
        int error = entry_decode(hint, group.data + at, &entry);
        error = error == 0 ? visit(self, &entry) : error;
        if (error != 0) {
            return error;
        }
    }
    return 0;
}

static int nothing_visited(void *self, const struct log_hint_entry *entry)
{
    (void)self;
    (void)entry;
    return 0;
}

/* All of the group is checked before anything of it is visited. */
static int group_read(const struct log_hint *hint, const struct group *group, entry_visit visit,
                      void *self)
{
    size_t len = (size_t)group->entries * HINT_ENTRY_BYTES;
    uint8_t *memory = mem_alloc(len);
    if (memory == NULL) {
        return SHOAL_ENOMEM;
    }
    struct bytes bytes = bytes_make(memory, len);
    int error = hint_fetch(hint, group->offset, memory, len);
    if (error == 0 &&
        log_checksum(&hint->summary.origin, group->partition, bytes) != group->checksum &&
        !MUTANT(hint_file_trusted)) {
        error = SHOAL_EPROTO;
    }
    error = error == 0 ? entries_visit(hint, bytes, nothing_visited, NULL) : error;
    if (error == 0 && visit != NULL) {
        error = entries_visit(hint, bytes, visit, self);
    }
    mem_free(memory);
    return error;
}

int log_hint_read(const struct log_hint *hint, uint32_t partition, entry_visit visit, void *self)
{
    const struct group *group = group_find(hint, partition);
    return group == NULL ? 0 : group_read(hint, group, visit, self);
}

int log_hint_check(const struct log_hint *hint)
{
    int error = 0;
    for (uint32_t i = 0; error == 0 && i < hint->group_count; i++) {
        error = group_read(hint, &hint->groups[i], NULL, NULL);
    }
    return error;
}

uint32_t log_hint_groups(const struct log_hint *hint)
{
    return hint->group_count;
}

uint32_t log_hint_partition(const struct log_hint *hint, uint32_t index)
{
    ASSERT(index < hint->group_count);
    return hint->groups[index].partition;
}

uint32_t log_hint_places(const struct log_hint *hint)
{
    return hint->place_count;
}

struct log_hint_place log_hint_place(const struct log_hint *hint, uint32_t index)
{
    ASSERT(index < hint->place_count);
    return hint->places[index];
}

/* Equal checksums say equal content. Places may differ: they are what was found, when it was. */
bool log_hint_agree(const struct log_hint *a, const struct log_hint *b)
{
    if (a->summary.end != b->summary.end || a->group_count != b->group_count) {
        return false;
    }
    bool comparable = a->summary.older == b->summary.older;
    for (uint32_t i = 0; i < a->group_count; i++) {
        const struct group *x = &a->groups[i];
        const struct group *y = &b->groups[i];
        if (x->partition != y->partition || x->entries != y->entries ||
            (comparable && x->checksum != y->checksum)) {
            return false;
        }
    }
    return true;
}
