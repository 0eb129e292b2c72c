#include "ring/partition.h"

#include "base/assert.h"
#include "base/hash.h"
#include "base/limits.h"

struct bytes partition_tag(struct bytes key)
{
    const uint8_t *open = key.len > 0 ? memchr(key.data, '{', key.len) : NULL;
    if (open == NULL) {
        return key;
    }
    const uint8_t *start = open + 1;
    size_t left = key.len - (size_t)(start - key.data);
    const uint8_t *close = left > 0 ? memchr(start, '}', left) : NULL;
    if (close == NULL || close == start) {
        return key;
    }
    return bytes_make(start, (size_t)(close - start));
}

uint64_t partition_hash(struct bytes key)
{
    return hash_xxh3(partition_tag(key));
}

uint32_t partition_of_hash(uint64_t hash, uint32_t partitions)
{
    ASSERT(partitions > 0 && partitions <= LIMIT_PARTITIONS_MAX);
    /* The top log2(partitions) bits. */
    return (uint32_t)((hash >> 32) * partitions >> 32);
}
