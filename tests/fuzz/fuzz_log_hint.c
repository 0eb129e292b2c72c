/* A hint file as a disk may return it. The input is taken as it is, which hardly any passes, and
 * with its checksums put right, so that every number behind them is tried too. Whatever opens shows
 * only entries that lie in the segment. */
#include "base/assert.h"
#include "base/byteorder.h"
#include "fuzz.h"
#include "shoal/error.h"
#include "storage/log_hint_layout.h"
#include "support/model_disk.h"

#define SAMPLE_ENTRIES 40u

static const struct log_origin origin = {.volume = 99, .number = 7};

static int check_entry(void *self, const struct log_hint_entry *entry)
{
    const struct log_hint_summary *summary = self;
    ASSERT(entry->offset >= LOG_HEADER_BYTES);
    ASSERT(entry->offset + entry->bytes <= summary->end);
    ASSERT(entry->bytes >= LOG_RECORD_BYTES && entry->bytes <= LOG_RECORD_BYTES_MAX);
    ASSERT(entry->sequence <= summary->sequence_max);
    return 0;
}

static void try_file(struct bytes content)
{
    char name[LOG_NAME_BYTES];
    struct log_hint *hint;
    struct model_disk *model = model_disk_new(1);
    log_hint_name(origin.number, name);
    model_disk_put_file(model, name, content);
    int error = log_hint_open(model_disk_port(model), &origin, &hint);
    ASSERT(error == 0 || error == SHOAL_EPROTO || error == SHOAL_EVERSION);
    if (error == 0) {
        struct log_hint_summary summary = *log_hint_summary(hint);
        bool whole = true;
        for (uint32_t i = 0; i < log_hint_groups(hint); i++) {
            uint32_t partition = log_hint_partition(hint, i);
            ASSERT(log_hint_has(hint, partition) && log_hint_count(hint, partition) > 0);
            error = log_hint_read(hint, partition, check_entry, &summary);
            ASSERT(error == 0 || error == SHOAL_EPROTO);
            whole = whole && error == 0;
        }
        ASSERT((log_hint_check(hint) == 0) == whole);
        log_hint_free(hint);
    }
    model_disk_free(model);
}

static bool inside(size_t size, uint64_t offset, uint64_t len)
{
    return offset <= size && len <= size - offset;
}

static void sign(uint8_t *file, size_t size)
{
    if (size < HINT_HEAD_BYTES) {
        return;
    }
    memcpy(file, hint_magic, sizeof(hint_magic));
    store_u32_le(file + HINT_AT_FORMAT, LOG_HINT_FORMAT);
    store_u64_le(file + HINT_AT_VOLUME, origin.volume);
    store_u64_le(file + HINT_AT_NUMBER, origin.number);
    uint64_t groups = load_u32_le(file + HINT_AT_GROUPS);
    uint64_t index_bytes =
        groups * HINT_GROUP_BYTES + load_u32_le(file + HINT_AT_PLACES) * (uint64_t)HINT_PLACE_BYTES;
    if (inside(size, HINT_HEAD_BYTES, index_bytes)) {
        uint8_t *at = file + HINT_HEAD_BYTES;
        for (uint64_t i = 0; i < groups; i++, at += HINT_GROUP_BYTES) {
            uint64_t offset = load_u64_le(at + HINT_GROUP_AT_OFFSET);
            uint64_t bytes = load_u64_le(at + HINT_GROUP_AT_ENTRIES) * HINT_ENTRY_BYTES;
            if (inside(size, offset, bytes)) {
                struct bytes group = bytes_make(file + offset, (size_t)bytes);
                uint32_t partition = load_u32_le(at + HINT_GROUP_AT_PARTITION);
                store_u64_le(at + HINT_GROUP_AT_CHECKSUM, log_checksum(&origin, partition, group));
            }
        }
        struct bytes index = bytes_make(file + HINT_HEAD_BYTES, (size_t)index_bytes);
        store_u64_le(file + HINT_AT_INDEX_CHECKSUM, log_checksum(&origin, HINT_HEAD_BYTES, index));
    }
    store_u64_le(file + HINT_AT_CHECKSUM,
                 log_checksum(&origin, 0, bytes_make(file, HINT_AT_CHECKSUM)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buffer copy;
    buffer_init(&copy, 0);
    try_file(bytes_make(data, size));
    ASSERT(buffer_append(&copy, data, size) == 0);
    sign(copy.data, copy.len);
    try_file(buffer_bytes(&copy));
    buffer_deinit(&copy);
    return 0;
}

void fuzz_sample(struct random *random, struct arena *arena, struct buffer *out)
{
    struct log_hint_builder *builder;
    struct log_hint_verdict verdict = {.end = 100000};
    (void)arena;
    ASSERT(log_hint_builder_new(&origin, 1, &builder) == 0);
    uint64_t count = random_below(random, SAMPLE_ENTRIES);
    for (uint64_t i = 0; i < count; i++) {
        struct log_hint_entry entry = {.sequence = random_below(random, 1000),
                                       .position = random_u64(random),
                                       .offset = 112 + 16 * random_below(random, 5000),
                                       .bytes = 48 + 16 * (uint32_t)random_below(random, 20),
                                       .tag = (uint16_t)random_u64(random),
                                       .kind = (uint8_t)(LOG_PUT + random_below(random, 4)),
                                       .simple = random_chance(random, 0.5)};
        ASSERT(log_hint_add(builder, (uint32_t)random_below(random, 6), &entry) == 0);
    }
    if (random_chance(random, 0.3)) {
        log_hint_add_place(builder, 160, 64);
    }
    ASSERT(log_hint_encode(builder, &verdict, out) == 0);
    log_hint_builder_free(builder);
}
