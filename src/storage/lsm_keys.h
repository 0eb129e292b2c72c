/* Keys of the lsm engine in its database. A partition is one range of keys in each of two spaces:
 *
 *      00 name                               -> facts of the database: format, partitions, id
 *      01 partition                          -> the holding's record
 *      02 partition                          -> u64 keys, u64 bytes (of keys and records)
 *      10 partition position key             -> the record; in the order in which the port walks
 *      20 partition key                      -> position; in the order of the keys themselves
 *      u8 u32       u64      bytes
 *
 * Numbers in keys are big-endian, so that their order is the order of the bytes. The last space has
 * an entry for every key and makes "all keys with a prefix" a range in each partition, for ordered
 * scans; an overwrite leaves it alone, so it costs new keys only. */
#ifndef STORAGE_LSM_KEYS_H
#define STORAGE_LSM_KEYS_H

#include "base/byteorder.h"
#include "base/bytes.h"

enum lsm_space {
    LSM_SPACE_META = 0x00,
    LSM_SPACE_HOLDINGS = 0x01,
    LSM_SPACE_COUNTS = 0x02,
    LSM_SPACE_DATA = 0x10,
    LSM_SPACE_NAMES = 0x20,
};

#define LSM_PARTITION_BYTES 5u /* space and partition */
#define LSM_PLACE_BYTES 13u    /* and position */
#define LSM_COUNTS_BYTES 16u

static inline void lsm_partition_key(uint8_t out[LSM_PARTITION_BYTES], enum lsm_space space,
                                     uint32_t partition)
{
    out[0] = (uint8_t)space;
    store_u32_be(out + 1, partition);
}

static inline void lsm_place_key(uint8_t out[LSM_PLACE_BYTES], uint32_t partition,
                                 uint64_t position)
{
    lsm_partition_key(out, LSM_SPACE_DATA, partition);
    store_u64_be(out + LSM_PARTITION_BYTES, position);
}

/* What follows the last key of the partition in that space. */
static inline void lsm_partition_end(uint8_t out[LSM_PARTITION_BYTES], enum lsm_space space,
                                     uint32_t partition)
{
    if (partition == UINT32_MAX) {
        lsm_partition_key(out, (enum lsm_space)(space + 1), 0);
    } else {
        lsm_partition_key(out, space, partition + 1);
    }
}

#endif
