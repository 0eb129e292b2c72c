/* A cursor of the live feed as it comes from a client. The input is tried as it is, and with the
 * check that belongs to it, when it must be the very encoding of what it decodes to. */
#include "base/assert.h"
#include "base/byteorder.h"
#include "base/hash.h"
#include "base/limits.h"
#include "fuzz.h"
#include "node/feed_cursor.h"
#include "shoal/error.h"

#define CLUSTER 9u
#define NODES_MAX 5u

static void try_cursor(struct bytes bytes)
{
    struct feed_cursor cursor;
    struct buffer again;
    feed_cursor_init(&cursor);
    buffer_init(&again, 0);
    int error = feed_cursor_decode(bytes, CLUSTER, &cursor);
    ASSERT(error == 0 || error == SHOAL_EINVAL);
    if (error == 0) {
        ASSERT(cursor.count <= LIMIT_FEED_LANES);
        ASSERT(feed_cursor_encode(&cursor, CLUSTER, 0, 0, &again) == 0);
        ASSERT(bytes_equal(bytes, buffer_bytes(&again)));
    }
    buffer_deinit(&again);
    feed_cursor_deinit(&cursor);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes input = bytes_make(data, size);
    struct buffer checked;
    uint8_t check[4];
    try_cursor(input);
    buffer_init(&checked, 0);
    store_u32_le(check, (uint32_t)hash_seeded(CLUSTER, input));
    ASSERT(buffer_append_bytes(&checked, input) == 0);
    ASSERT(buffer_append(&checked, check, sizeof(check)) == 0);
    try_cursor(buffer_bytes(&checked));
    buffer_deinit(&checked);
    return 0;
}

/* A real one, without its check. */
void fuzz_sample(struct random *random, struct arena *arena, struct buffer *out)
{
    struct feed_cursor cursor;
    (void)arena;
    feed_cursor_init(&cursor);
    cursor.known.stamp = random_u64(random) >> random_below(random, 64);
    for (uint64_t node = 1; node <= random_below(random, NODES_MAX); node++) {
        for (uint32_t lane = 0; lane < 1 + node % 3; lane++) {
            struct feed_place place = {.node = node << random_below(random, 40),
                                       .tag = (uint32_t)random_u64(random),
                                       .at = random_u64(random) >> random_below(random, 64)};
            place.lane = feed_cursor_lanes(&cursor, place.node);
            ASSERT(feed_cursor_put(&cursor, &place) == 0);
        }
    }
    ASSERT(feed_cursor_encode(&cursor, CLUSTER, 0, 0, out) == 0);
    out->len -= 4;
    feed_cursor_deinit(&cursor);
}
