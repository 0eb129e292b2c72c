/* The cryptographic hashes in use, the thin wrap of libsodium: BLAKE2b for names of content
 * (layouts) and for message authentication (peers' proofs), SipHash for what is authenticated with
 * every request (context tokens), where BLAKE2b would take a tenth of the time. */
#ifndef BASE_CRYPTO_H
#define BASE_CRYPTO_H

#include "base/bytes.h"

#define CRYPTO_HASH_BYTES 16
#define CRYPTO_MAC_BYTES 16
#define CRYPTO_KEY_BYTES 32

/* A 128-bit name of some content. */
struct content_hash {
    uint8_t bytes[CRYPTO_HASH_BYTES];
};

struct crypto_key {
    uint8_t bytes[CRYPTO_KEY_BYTES];
};

/* Once a process, before anything else here: 0 or SHOAL_EIO. Repeated calls are harmless. */
int crypto_init(void);

void crypto_hash(struct content_hash *out, struct bytes content);

/* Order by bytes, as memcmp. */
int content_hash_compare(const struct content_hash *a, const struct content_hash *b);
bool content_hash_equal(const struct content_hash *a, const struct content_hash *b);

/* Keyed BLAKE2b over the parts' lengths and bytes, so that moving a byte from one part to the next
 * changes it. */
void crypto_mac(uint8_t out[CRYPTO_MAC_BYTES], const struct crypto_key *key,
                const struct bytes *parts, size_t count);

/* A tag for `content` that is bound to `owner`: SipHash-2-4 with a result of 128 bits (Aumasson and
 * Bernstein, 2012), in cascade: the owner's tag under the key is the key for the content. So
 * neither is copied and no byte moves from one to the other. The key's first half is used. */
void crypto_tag(uint8_t out[CRYPTO_MAC_BYTES], const struct crypto_key *key, struct bytes owner,
                struct bytes content);

/* In constant time. */
bool crypto_equal(const void *a, const void *b, size_t len);

/* A key from a secret of any length (a file's content). */
void crypto_key_from(struct crypto_key *out, struct bytes secret);

/* A key of its own for one purpose ("token", "peer"), derived from a secret. */
void crypto_derive(struct crypto_key *out, const struct crypto_key *secret, const char *purpose);

#endif
