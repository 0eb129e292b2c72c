/* The two hashes used in memory and on the ring: XXH3 plain (the ring's: every client and node must
 * agree on it) and XXH3 keyed with a process's own secret (tables whose keys strangers choose). The
 * thin wrap of xxHash; cryptographic ones are in crypto.h. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include "base/bytes.h"

/* XXH3-64, seed 0. */
uint64_t hash_xxh3(struct bytes bytes);

/* XXH3-64 with a seed: checksums that say what they belong to. */
uint64_t hash_seeded(uint64_t seed, struct bytes bytes);

/* XXH3-64, seed 0, of content that comes in pieces: new, add..., end, which frees it. */
struct hash_pieces;
struct hash_pieces *hash_pieces_new(void); /* NULL when there is no memory */
void hash_pieces_add(struct hash_pieces *pieces, struct bytes bytes);
uint64_t hash_pieces_end(struct hash_pieces *pieces);

#define HASH_SECRET_BYTES 192

struct hash_secret {
    uint8_t bytes[HASH_SECRET_BYTES];
};

/* From any 32 random bytes. */
void hash_secret_init(struct hash_secret *secret, const uint8_t seed[32]);

/* XXH3-64 with the secret: not to be predicted without it. */
uint64_t hash_keyed(const struct hash_secret *secret, struct bytes bytes);

/* XXH3-128 with the secret. */
struct hash_wide {
    uint64_t low;
    uint64_t high;
};
struct hash_wide hash_keyed_wide(const struct hash_secret *secret, struct bytes bytes);

/* A good mixing of one number (splitmix64's finaliser). */
static inline uint64_t hash_mix(uint64_t x)
{
    x ^= x >> 30;
    x *= UINT64_C(0xbf58476d1ce4e5b9);
    x ^= x >> 27;
    x *= UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

#endif
