/* u8 version, u32 partition, u64 position, little-endian. See list_cursor.h. */
#include "coordinate/list_cursor.h"

#include "base/byteorder.h"
#include "shoal/error.h"

#define LIST_CURSOR_VERSION 1u

struct bytes list_cursor_make(uint32_t partition, uint64_t position, uint8_t out[LIST_CURSOR_BYTES])
{
    out[0] = LIST_CURSOR_VERSION;
    store_u32_le(out + 1, partition);
    store_u64_le(out + 5, position);
    return bytes_make(out, LIST_CURSOR_BYTES);
}

int list_cursor_read(struct bytes cursor, uint32_t *partition, uint64_t *position)
{
    if (cursor.len != LIST_CURSOR_BYTES || cursor.data[0] != LIST_CURSOR_VERSION) {
        return SHOAL_EINVAL;
    }
    *partition = load_u32_le(cursor.data + 1);
    *position = load_u64_le(cursor.data + 5);
    return 0;
}
