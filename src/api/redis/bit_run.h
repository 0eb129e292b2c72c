/* Runs of bits in a string of bytes, the first bit being the highest of the first byte: how many
 * are set, and where the first of a kind is. A word at a time. */
#ifndef API_REDIS_BIT_RUN_H
#define API_REDIS_BIT_RUN_H

#include "base/bytes.h"

/* Both ends included and within the bytes; first <= last. */
struct bit_run {
    uint64_t first, last;
};

static inline bool bit_at(const uint8_t *data, uint64_t at)
{
    return (data[at / 8] >> (7 - at % 8) & 1) != 0;
}

uint64_t bit_run_count(const uint8_t *data, struct bit_run run);

/* -1: there is none. */
int64_t bit_run_find(const uint8_t *data, struct bit_run run, bool wanted);

#endif
