/* See bit_run.h. The edges are masked, whole words in between are taken as they lie in memory:
 * neither a sum of bits nor "all are equal" depends on their order. */
#include "api/redis/bit_run.h"

#define WORD_BYTES sizeof(uint64_t)

/* Of a byte the bits from `first` to the end. */
static uint8_t tail_mask(uint64_t first)
{
    return (uint8_t)(0xff >> (first % 8));
}

/* Of a byte the bits up to `last`. */
static uint8_t head_mask(uint64_t last)
{
    return (uint8_t)(0xff << (7 - last % 8));
}

static uint64_t word_at(const uint8_t *data)
{
    uint64_t word;
    memcpy(&word, data, WORD_BYTES);
    return word;
}

/* In each byte how many of its bits are set. */
static uint64_t counts_of(uint64_t word)
{
    word -= word >> 1 & UINT64_C(0x5555555555555555);
    word = (word & UINT64_C(0x3333333333333333)) + (word >> 2 & UINT64_C(0x3333333333333333));
    return (word + (word >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
}

static uint64_t sum_of(uint64_t counts)
{
    uint64_t pairs =
        (counts & UINT64_C(0x00ff00ff00ff00ff)) + (counts >> 8 & UINT64_C(0x00ff00ff00ff00ff));
    return pairs * UINT64_C(0x0001000100010001) >> 48;
}

/* The counts of so many words fit in a byte each, 31 times 8 being below 256. */
#define BATCH_BYTES (31 * WORD_BYTES)

static uint64_t count_bytes(const uint8_t *data, size_t len)
{
    uint64_t count = 0;
    size_t at = 0;
    while (at + WORD_BYTES <= len) {
        uint64_t counts = 0;
        size_t end = len - at > BATCH_BYTES ? at + BATCH_BYTES : len;
        for (; at + WORD_BYTES <= end; at += WORD_BYTES) {
            counts += counts_of(word_at(data + at));
        }
        count += sum_of(counts);
    }
    for (; at < len; at++) {
        count += sum_of(counts_of(data[at]));
    }
    return count;
}

uint64_t bit_run_count(const uint8_t *data, struct bit_run run)
{
    size_t first = run.first / 8;
    size_t last = run.last / 8;
    uint8_t outside_first = data[first] & (uint8_t)~tail_mask(run.first);
    uint8_t outside_last = data[last] & (uint8_t)~head_mask(run.last);
    return count_bytes(data + first, last - first + 1) - sum_of(counts_of(outside_first)) -
           sum_of(counts_of(outside_last));
}

/* The byte with what is wanted as ones, and zeros outside of the run. */
static uint8_t candidates(const uint8_t *data, size_t at, struct bit_run run, bool wanted)
{
    uint8_t byte = wanted ? data[at] : (uint8_t)~data[at];
    byte &= at == run.first / 8 ? tail_mask(run.first) : 0xff;
    byte &= at == run.last / 8 ? head_mask(run.last) : 0xff;
    return byte;
}

int64_t bit_run_find(const uint8_t *data, struct bit_run run, bool wanted)
{
    uint64_t dull = wanted ? 0 : UINT64_MAX;
    size_t last = run.last / 8;
    size_t at = run.first / 8;
    while (at <= last) {
        uint8_t byte = candidates(data, at, run, wanted);
        if (byte != 0) {
            return (int64_t)(at * 8) + __builtin_clz(byte) - (int)(8 * (sizeof(int) - 1));
        }
        at++;
        while (at + WORD_BYTES <= last && word_at(data + at) == dull) {
            at += WORD_BYTES;
        }
    }
    return -1;
}
