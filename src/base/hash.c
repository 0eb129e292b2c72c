/* xxHash compiled into this one file: for keys of a few bytes the call through the shared library
 * and its dispatch would cost more than the hash. */
#include "base/hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/assert.h"

_Static_assert(HASH_SECRET_BYTES >= XXH3_SECRET_SIZE_MIN, "XXH3 needs a secret of that size");

uint64_t hash_xxh3(struct bytes bytes)
{
    return XXH3_64bits(bytes.data, bytes.len);
}

uint64_t hash_seeded(uint64_t seed, struct bytes bytes)
{
    return XXH3_64bits_withSeed(bytes.data, bytes.len, seed);
}

/* The state is XXH3's own, under another name. */
struct hash_pieces *hash_pieces_new(void)
{
    XXH3_state_t *state = XXH3_createState();
    if (state != NULL) {
        XXH_errorcode result = XXH3_64bits_reset(state);
        ASSERT(result == XXH_OK);
    }
    return (struct hash_pieces *)(void *)state;
}

void hash_pieces_add(struct hash_pieces *pieces, struct bytes bytes)
{
    XXH_errorcode result =
        XXH3_64bits_update((XXH3_state_t *)(void *)pieces, bytes.data, bytes.len);
    ASSERT(result == XXH_OK);
}

uint64_t hash_pieces_end(struct hash_pieces *pieces)
{
    XXH3_state_t *state = (XXH3_state_t *)(void *)pieces;
    uint64_t hash = XXH3_64bits_digest(state);
    XXH3_freeState(state);
    return hash;
}

void hash_secret_init(struct hash_secret *secret, const uint8_t seed[32])
{
    XXH_errorcode result = XXH3_generateSecret(secret->bytes, sizeof(secret->bytes), seed, 32);
    ASSERT(result == XXH_OK);
}

uint64_t hash_keyed(const struct hash_secret *secret, struct bytes bytes)
{
    return XXH3_64bits_withSecret(bytes.data, bytes.len, secret->bytes, sizeof(secret->bytes));
}

struct hash_wide hash_keyed_wide(const struct hash_secret *secret, struct bytes bytes)
{
    XXH128_hash_t hash =
        XXH3_128bits_withSecret(bytes.data, bytes.len, secret->bytes, sizeof(secret->bytes));
    return (struct hash_wide){.low = hash.low64, .high = hash.high64};
}
