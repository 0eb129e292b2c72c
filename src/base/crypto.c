/* BLAKE2b (RFC 7693) from libsodium. Its own keyed mode is used rather than HMAC around it: one
 * pass, and made for it. */
#include "base/crypto.h"

/* Not <sodium.h>, which brings a crypto_hash of its own. */
#include <sodium/core.h>
#include <sodium/crypto_generichash.h>
#include <sodium/crypto_generichash_blake2b.h>
#include <sodium/crypto_shorthash_siphash24.h>
#include <sodium/utils.h>

#include "base/assert.h"
#include "base/byteorder.h"
#include "shoal/error.h"

_Static_assert(CRYPTO_HASH_BYTES >= crypto_generichash_BYTES_MIN, "BLAKE2b's smallest");
_Static_assert(CRYPTO_MAC_BYTES >= crypto_generichash_BYTES_MIN, "BLAKE2b's smallest");
_Static_assert(CRYPTO_KEY_BYTES <= crypto_generichash_KEYBYTES_MAX, "BLAKE2b's largest");
_Static_assert(CRYPTO_MAC_BYTES == crypto_shorthash_siphashx24_BYTES, "SipHash's result");
_Static_assert(CRYPTO_MAC_BYTES == crypto_shorthash_siphashx24_KEYBYTES, "which is a key again");

/* Sets derived keys apart from message authentication under the same secret. */
static const unsigned char derive_personal[crypto_generichash_blake2b_PERSONALBYTES] =
    "shoal derive key";

int crypto_init(void)
{
    return sodium_init() < 0 ? SHOAL_EIO : 0;
}

void crypto_hash(struct content_hash *out, struct bytes content)
{
    int result =
        crypto_generichash(out->bytes, sizeof(out->bytes), content.data, content.len, NULL, 0);
    ASSERT(result == 0);
}

int content_hash_compare(const struct content_hash *a, const struct content_hash *b)
{
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

bool content_hash_equal(const struct content_hash *a, const struct content_hash *b)
{
    return content_hash_compare(a, b) == 0;
}

void crypto_mac(uint8_t out[CRYPTO_MAC_BYTES], const struct crypto_key *key,
                const struct bytes *parts, size_t count)
{
    crypto_generichash_state state;
    crypto_generichash_init(&state, key->bytes, sizeof(key->bytes), CRYPTO_MAC_BYTES);
    for (size_t i = 0; i < count; i++) {
        uint8_t len[8];
        store_u64_le(len, parts[i].len);
        crypto_generichash_update(&state, len, sizeof(len));
        crypto_generichash_update(&state, parts[i].data, parts[i].len);
    }
    crypto_generichash_final(&state, out, CRYPTO_MAC_BYTES);
}

void crypto_tag(uint8_t out[CRYPTO_MAC_BYTES], const struct crypto_key *key, struct bytes owner,
                struct bytes content)
{
    uint8_t owned[CRYPTO_MAC_BYTES];
    crypto_shorthash_siphashx24(owned, owner.data, owner.len, key->bytes);
    crypto_shorthash_siphashx24(out, content.data, content.len, owned);
}

bool crypto_equal(const void *a, const void *b, size_t len)
{
    return sodium_memcmp(a, b, len) == 0;
}

void crypto_derive(struct crypto_key *out, const struct crypto_key *secret, const char *purpose)
{
    int result = crypto_generichash_blake2b_salt_personal(
        out->bytes, sizeof(out->bytes), (const unsigned char *)purpose, strlen(purpose),
        secret->bytes, sizeof(secret->bytes), NULL, derive_personal);
    ASSERT(result == 0);
}

void crypto_key_from(struct crypto_key *out, struct bytes secret)
{
    int result = crypto_generichash_blake2b(out->bytes, sizeof(out->bytes), secret.data, secret.len,
                                            NULL, 0);
    ASSERT(result == 0);
}
