/* The live feed's events as another node or a disk may give them: events one after the other, and
 * the same bytes as the file of a tail's segment, as they are and with checksums put right so that
 * what is behind them is tried too. What is taken lies in the bytes and within its bounds; a tail
 * opens on whatever there is, and reads to its end. */
#include "base/assert.h"
#include "base/byteorder.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/log.h"
#include "fuzz.h"
#include "shoal/error.h"
#include "storage/tail_inside.h"
#include "support/manual_offload.h"
#include "support/model_disk.h"

#define FILE_BYTES (64u * LIMIT_KIB)

/* ---- events ---- */

static void try_events(struct bytes bytes)
{
    struct tail_event event;
    while (bytes.len > 0) {
        struct bytes before = bytes;
        int error = tail_event_take(&bytes, &event);
        ASSERT(error == 0 || error == SHOAL_EPROTO);
        if (error != 0) {
            ASSERT(bytes.data == before.data && bytes.len == before.len);
            return;
        }
        size_t taken = before.len - bytes.len;
        ASSERT(taken >= TAIL_EVENT_HEAD_BYTES && bytes.data == before.data + taken);
        ASSERT(event.key.len + event.value.len <= taken);
        ASSERT(event.key.len <= LIMIT_KEY_BYTES_MAX && event.value.len <= LIMIT_FEED_VALUE_BYTES);
    }
}

/* Every event that says its length within the bytes gets the checksum that fits. */
static void sign_events(uint8_t *at, size_t len)
{
    while (len >= TAIL_EVENT_HEAD_BYTES) {
        size_t one = tail_event_length(at, len);
        if (one == 0) {
            return;
        }
        store_u32_le(at + 4, (uint32_t)hash_xxh3(bytes_make(at + 8, one - 8)));
        at += one;
        len -= one;
    }
}

/* ---- a file ---- */

static uint64_t draw(void *self)
{
    (void)self;
    return 7;
}

static void try_file(struct bytes content, uint8_t *file, bool honest)
{
    struct model_disk *model = model_disk_new(1);
    struct manual_offload offload;
    struct tail *tail;
    struct buffer page;
    manual_offload_init(&offload);
    buffer_init(&page, 0);
    memset(file, 0, FILE_BYTES);
    memcpy(file, content.data, content.len < FILE_BYTES ? content.len : FILE_BYTES);
    model_disk_put_file(model, "003-0000000000000001.tail", bytes_make(file, FILE_BYTES));
    if (honest) {
        uint8_t identity[DISK_IDENTITY_BYTES];
        struct disk *disk = model_disk_port(model);
        ASSERT(disk->ops->identity(disk, "003-0000000000000001.tail", identity) == 0);
        memcpy(file, "shoaltl1", 8);
        store_u32_le(file + 8, 3);
        store_u64_le(file + 24, 1);
        memcpy(file + 48, identity, TAIL_IDENTITY_BYTES);
        store_u64_le(file + 64, hash_xxh3(bytes_make(file, 64)));
        store_u64_le(file + 80, hash_seeded(load_u64_le(file + 64), bytes_make(file + 72, 8)));
        sign_events(file + TAIL_HEAD_BYTES, FILE_BYTES - TAIL_HEAD_BYTES);
        struct disk_file *handle;
        ASSERT(disk->ops->open(disk, "003-0000000000000001.tail", DISK_OPEN_WRITE, &handle) == 0);
        ASSERT(disk->ops->write(handle, 0, bytes_make(file, FILE_BYTES)) == 0);
        disk->ops->close(handle);
    }
    struct tail_options options = {.disk = model_disk_port(model),
                                   .lane = 3,
                                   .bytes_max = 8 * FILE_BYTES,
                                   .offload = manual_offload_port(&offload),
                                   .random = draw};
    ASSERT(tail_open(&options, &tail) == 0);
    for (uint64_t at = tail_first(tail); at < tail_end(tail);) {
        uint64_t next = at;
        buffer_clear(&page);
        int result = tail_read(tail, at, 1000, &page, &next);
        if (result == 1) {
            ASSERT(manual_offload_run(&offload) > 0);
            continue;
        }
        ASSERT(next > at && next <= tail_end(tail));
        try_events(buffer_bytes(&page));
        at = next;
    }
    manual_offload_end(&offload);
    tail_close(tail, true);
    buffer_deinit(&page);
    model_disk_free(model);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t file[FILE_BYTES];
    struct buffer copy;
    log_set_level(LOG_ERROR + 1);
    buffer_init(&copy, 0);
    try_events(bytes_make(data, size));
    ASSERT(buffer_append(&copy, data, size) == 0);
    sign_events(copy.data, copy.len);
    try_events(buffer_bytes(&copy));
    buffer_deinit(&copy);
    if (size % 8 == 0) { /* an opening costs more than all the rest */
        try_file(bytes_make(data, size), file, false);
        try_file(bytes_make(data, size), file, true);
    }
    return 0;
}

void fuzz_sample(struct random *random, struct arena *arena, struct buffer *out)
{
    uint8_t bytes[256] = {0};
    (void)arena;
    if (random_chance(random, 0.5)) {
        store_u64_le(bytes + 16, 5);
        store_u64_le(bytes + 32, 1);
        store_u64_le(bytes + 72, random_below(random, 10));
        ASSERT(buffer_append(out, bytes, TAIL_HEAD_BYTES) == 0);
    }
    uint64_t position = random_chance(random, 0.1) ? random_u64(random) : 1;
    for (uint64_t left = 1 + random_below(random, 8); left > 0; left--) {
        bool with_value;
        struct tail_event event = {.op = 1,
                                   .time_ms = left,
                                   .key = bytes_make("some key", random_below(random, 8)),
                                   .value = bytes_make("some value", random_below(random, 10)),
                                   .expiry_ms = random_below(random, 2)};
        size_t len = tail_event_plan(&event, 1000, &with_value);
        tail_event_put(&event, position++, with_value, len, bytes);
        ASSERT(buffer_append(out, bytes, len) == 0);
    }
}
