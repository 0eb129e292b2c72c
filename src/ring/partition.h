/* From a key to its partition: the top bits of XXH3-64 of the key, or of what stands between the
 * first { and the next } if that is not empty, so that users can place keys together (as in Redis
 * Cluster). Top bits, so that doubling the number of partitions splits each in place. */
#ifndef RING_PARTITION_H
#define RING_PARTITION_H

#include "base/bytes.h"

/* The part of the key that is hashed. */
struct bytes partition_tag(struct bytes key);

uint64_t partition_hash(struct bytes key);

/* partitions: a power of two, 1 to LIMIT_PARTITIONS_MAX. */
uint32_t partition_of_hash(uint64_t hash, uint32_t partitions);

static inline uint32_t partition_of_key(struct bytes key, uint32_t partitions)
{
    return partition_of_hash(partition_hash(key), partitions);
}

#endif
