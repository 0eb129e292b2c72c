/* See sha1.h. */
#include "base/sha1.h"

#define BLOCK_BYTES 64u
#define LENGTH_BYTES 8u
#define ROUNDS 80u

static uint32_t rotate(uint32_t word, uint32_t bits)
{
    return word << bits | word >> (32 - bits);
}

static void expand(const uint8_t block[BLOCK_BYTES], uint32_t words[ROUNDS])
{
    for (uint32_t i = 0; i < 16; i++) {
        words[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 |
                   (uint32_t)block[4 * i + 2] << 8 | block[4 * i + 3];
    }
    for (uint32_t i = 16; i < ROUNDS; i++) {
        words[i] = rotate(words[i - 3] ^ words[i - 8] ^ words[i - 14] ^ words[i - 16], 1);
    }
}

static uint32_t mix(uint32_t round, uint32_t b, uint32_t c, uint32_t d)
{
    if (round < 20) {
        return ((b & c) | (~b & d)) + 0x5a827999u;
    }
    if (round < 40) {
        return (b ^ c ^ d) + 0x6ed9eba1u;
    }
    return round < 60 ? ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdcu : (b ^ c ^ d) + 0xca62c1d6u;
}

static void take_block(uint32_t state[5], const uint8_t block[BLOCK_BYTES])
{
    uint32_t words[ROUNDS];
    expand(block, words);
    uint32_t a = state[0];
    uint32_t b = state[1];
    uint32_t c = state[2];
    uint32_t d = state[3];
    uint32_t e = state[4];
    for (uint32_t round = 0; round < ROUNDS; round++) {
        uint32_t next = rotate(a, 5) + mix(round, b, c, d) + e + words[round];
        e = d;
        d = c;
        c = rotate(b, 30);
        b = a;
        a = next;
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
    state[4] += e;
}

/* The rest, a one bit, zeros, and the length in bits: one block or two. */
static void take_end(uint32_t state[5], struct bytes rest, uint64_t bits)
{
    uint8_t last[2 * BLOCK_BYTES] = {0};
    size_t len = rest.len < BLOCK_BYTES - LENGTH_BYTES ? BLOCK_BYTES : 2 * BLOCK_BYTES;
    if (rest.len > 0) {
        memcpy(last, rest.data, rest.len);
    }
    last[rest.len] = 0x80;
    for (uint32_t i = 0; i < LENGTH_BYTES; i++) {
        last[len - 1 - i] = (uint8_t)(bits >> (8 * i));
    }
    take_block(state, last);
    if (len > BLOCK_BYTES) {
        take_block(state, last + BLOCK_BYTES);
    }
}

void sha1(struct bytes content, uint8_t out[SHA1_BYTES])
{
    uint32_t state[5] = {0x67452301u, 0xefcdab89u, 0x98badcfeu, 0x10325476u, 0xc3d2e1f0u};
    size_t at = 0;
    for (; content.len - at >= BLOCK_BYTES; at += BLOCK_BYTES) {
        take_block(state, content.data + at);
    }
    take_end(state, bytes_make(content.data + at, content.len - at), (uint64_t)content.len * 8);
    for (uint32_t i = 0; i < SHA1_BYTES; i++) {
        out[i] = (uint8_t)(state[i / 4] >> (24 - 8 * (i % 4)));
    }
}
