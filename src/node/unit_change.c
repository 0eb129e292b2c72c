/* See unit_change.h. Records come from a disk, so their lengths are not believed. */
#include "node/unit_change.h"

#include "base/byteorder.h"
#include "base/limits.h"
#include "shoal/error.h"

#define CHANGE_HEAD_BYTES 17u

int unit_change_encode(const struct unit_cell *cell, struct buffer *out)
{
    struct bytes value = cell->change == UNIT_PUT ? cell->value : bytes_make(NULL, 0);
    if (cell->key.len > LIMIT_KEY_BYTES_MAX || value.len > LIMIT_VALUE_BYTES_MAX) {
        return SHOAL_ETOOBIG;
    }
    int result = buffer_reserve(out, CHANGE_HEAD_BYTES + cell->key.len + value.len);
    if (result < 0) {
        return result;
    }
    uint8_t head[CHANGE_HEAD_BYTES];
    head[0] = cell->change;
    store_u64_le(head + 1, cell->change == UNIT_PUT ? cell->expiry_ms : 0);
    store_u32_le(head + 9, (uint32_t)cell->key.len);
    store_u32_le(head + 13, (uint32_t)value.len);
    (void)buffer_append(out, head, sizeof(head));
    (void)buffer_append_bytes(out, cell->key);
    return buffer_append_bytes(out, value);
}

int unit_change_take(struct bytes *rest, struct unit_cell *out)
{
    if (rest->len < CHANGE_HEAD_BYTES) {
        return SHOAL_EPROTO;
    }
    size_t key_len = load_u32_le(rest->data + 9);
    size_t value_len = load_u32_le(rest->data + 13);
    uint8_t change = rest->data[0];
    if ((change != UNIT_PUT && change != UNIT_DELETE) || key_len > LIMIT_KEY_BYTES_MAX ||
        value_len > LIMIT_VALUE_BYTES_MAX || rest->len - CHANGE_HEAD_BYTES < key_len + value_len) {
        return SHOAL_EPROTO;
    }
    const uint8_t *key = rest->data + CHANGE_HEAD_BYTES;
    *out = (struct unit_cell){
        .key = bytes_make(key, key_len),
        .value = bytes_make(key + key_len, value_len),
        .expiry_ms = load_u64_le(rest->data + 1),
        .change = change,
    };
    size_t len = CHANGE_HEAD_BYTES + key_len + value_len;
    *rest = bytes_make(rest->data + len, rest->len - len);
    return 0;
}
