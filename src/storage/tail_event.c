/* One event of a tail as bytes: the layout drawn in tail.h. The same bytes lie in the segments, on
 * disk and in memory, and go to other nodes; so a reader takes nothing in them for granted. */
#include "storage/tail_event.h"

#include "base/byteorder.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/mutant.h"
#include "shoal/error.h"

#define EVENT_VALUE 1u  /* flags: it is here, */
#define EVENT_EXPIRY 2u /* and so is when it expires */
#define EXPIRY_BYTES 8u

size_t tail_event_plan(const struct tail_event *event, size_t bytes_max, bool *with_value)
{
    size_t len = TAIL_EVENT_HEAD_BYTES + (event->expiry_ms != 0 ? EXPIRY_BYTES : 0);
    len += event->key.len;
    *with_value = event->value.data != NULL && event->value.len <= LIMIT_FEED_VALUE_BYTES &&
                  len + event->value.len <= bytes_max;
    return *with_value ? len + event->value.len : len;
}

static uint32_t event_checksum(const uint8_t *at, size_t len)
{
    return (uint32_t)hash_xxh3(bytes_make(at + 8, len - 8));
}

void tail_event_put(const struct tail_event *event, uint64_t position, bool with_value, size_t len,
                    uint8_t *at)
{
    uint8_t *rest = at + TAIL_EVENT_HEAD_BYTES;
    bool expires = event->expiry_ms != 0;
    uint64_t value_bytes = event->value.data == NULL ? event->value_bytes : event->value.len;
    store_u64_le(at + 8, position);
    store_u64_le(at + 16, event->time_ms);
    at[24] = (uint8_t)event->op;
    at[25] = (uint8_t)((with_value ? EVENT_VALUE : 0) | (expires ? EVENT_EXPIRY : 0));
    at[26] = 0;
    at[27] = 0;
    store_u32_le(at + 28, (uint32_t)event->key.len);
    store_u32_le(at + 32, (uint32_t)value_bytes);
    if (expires) {
        store_u64_le(rest, event->expiry_ms);
        rest += EXPIRY_BYTES;
    }
    if (event->key.len > 0) {
        memcpy(rest, event->key.data, event->key.len);
    }
    if (with_value && event->value.len > 0) {
        memcpy(rest + event->key.len, event->value.data, event->value.len);
    }
    store_u32_le(at, (uint32_t)len);
    store_u32_le(at + 4, event_checksum(at, len));
}

size_t tail_event_length(const uint8_t *at, size_t rest)
{
    if (rest < TAIL_EVENT_HEAD_BYTES) {
        return 0;
    }
    size_t len = load_u32_le(at);
    return len >= TAIL_EVENT_HEAD_BYTES && len <= rest ? len : 0;
}

uint64_t tail_event_position(const uint8_t *at)
{
    return load_u64_le(at + 8);
}

uint64_t tail_event_time(const uint8_t *at)
{
    return load_u64_le(at + 16);
}

uint64_t tail_crash_from(const struct tail_event *mark)
{
    uint64_t from = mark->expiry_ms;
    return from < mark->position ? from : mark->position;
}

int tail_event_take(struct bytes *events, struct tail_event *out)
{
    const uint8_t *at = events->data;
    size_t len = tail_event_length(at, events->len);
    bool whole = len > 0 && load_u32_le(at + 4) == event_checksum(at, len);
    if (len == 0 || (!whole && !MUTANT(tail_unchecked))) {
        return SHOAL_EPROTO;
    }
    uint8_t flags = at[25];
    bool has_value = (flags & EVENT_VALUE) != 0;
    size_t key_len = load_u32_le(at + 28);
    size_t value_bytes = load_u32_le(at + 32);
    size_t head = TAIL_EVENT_HEAD_BYTES + ((flags & EVENT_EXPIRY) != 0 ? EXPIRY_BYTES : 0);
    if ((flags & ~(EVENT_VALUE | EVENT_EXPIRY)) != 0 || at[26] != 0 || at[27] != 0 || len < head ||
        key_len > len - head || key_len > LIMIT_KEY_BYTES_MAX ||
        tail_event_position(at) >= TAIL_POSITIONS) {
        return SHOAL_EPROTO;
    }
    size_t value_len = len - head - key_len;
    if (has_value ? value_len != value_bytes || value_len > LIMIT_FEED_VALUE_BYTES
                  : value_len != 0) {
        return SHOAL_EPROTO;
    }
    const uint8_t *key = at + head;
    *out = (struct tail_event){
        .position = tail_event_position(at),
        .time_ms = tail_event_time(at),
        .op = at[24],
        .key = bytes_make(key, key_len),
        .value = has_value ? bytes_make(key + key_len, value_len) : bytes_make(NULL, 0),
        .value_bytes = value_bytes,
        .expiry_ms = (flags & EVENT_EXPIRY) != 0 ? load_u64_le(at + TAIL_EVENT_HEAD_BYTES) : 0,
    };
    *events = bytes_make(at + len, events->len - len);
    return 0;
}
