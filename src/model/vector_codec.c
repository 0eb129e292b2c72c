/* The bytes of a version vector, shared by objects and context tokens. The number of entries is
 * checked against what is really there before memory is taken for them. */
#include "model/vector_codec.h"

#include "base/byteorder.h"
#include "base/limits.h"
#include "model/varint.h"
#include "shoal/error.h"

#define ENTRY_BYTES_MIN 9u /* actor and the shortest counter */

size_t version_vector_encoded_size(struct version_vector vector)
{
    size_t size = varint_size(vector.count);
    for (uint32_t i = 0; i < vector.count; i++) {
        size += sizeof(uint64_t) + varint_size(vector.entries[i].counter);
    }
    return size;
}

uint8_t *version_vector_store(uint8_t *at, struct version_vector vector)
{
    at = varint_store(at, vector.count);
    for (uint32_t i = 0; i < vector.count; i++) {
        store_u64_le(at, vector.entries[i].actor);
        at = varint_store(at + sizeof(uint64_t), vector.entries[i].counter);
    }
    return at;
}

static const uint8_t *load_entry(const uint8_t *at, const uint8_t *end, struct dot *entry)
{
    if ((size_t)(end - at) < ENTRY_BYTES_MIN) {
        return NULL;
    }
    entry->actor = load_u64_le(at);
    return varint_load(at + sizeof(uint64_t), end, &entry->counter);
}

int version_vector_load(struct arena *arena, const uint8_t **at, const uint8_t *end,
                        struct version_vector *out)
{
    uint64_t count;
    const uint8_t *next = varint_load(*at, end, &count);
    if (next == NULL || count > LIMIT_CONTEXT_ENTRIES ||
        count > (size_t)(end - next) / ENTRY_BYTES_MIN) {
        return SHOAL_EPROTO;
    }
    struct dot *entries = NULL;
    if (count > 0) {
        entries = arena_alloc_array(arena, (size_t)count, sizeof(*entries));
        if (entries == NULL) {
            return SHOAL_ENOMEM;
        }
    }
    for (uint64_t i = 0; i < count; i++) {
        next = load_entry(next, end, &entries[i]);
        if (next == NULL) {
            return SHOAL_EPROTO;
        }
    }
    struct version_vector vector = {.entries = entries, .count = (uint32_t)count};
    if (!version_vector_valid(vector)) {
        return SHOAL_EPROTO;
    }
    *at = next;
    *out = vector;
    return 0;
}
