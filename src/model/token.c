/* Context tokens. The authentication is checked before anything is parsed and the parser is strict
 * all the same. Nothing in a token is secret, so it is not encrypted; and as it carries the context
 * itself, a node keeps nothing for the clients that hold one. The alternative, contexts that
 * clients may build (Riak's plain vector clocks), lets one careless client erase writes it never
 * saw. */
#include "model/token.h"

#include "base/limits.h"
#include "base/mutant.h"
#include "model/varint.h"
#include "model/vector_codec.h"
#include "shoal/error.h"

#define TOKEN_VERSION 1u
#define TOKEN_BYTES_MIN (2u + CRYPTO_MAC_BYTES) /* version and no entries */

int token_encode(const struct token_keys *keys, struct bytes key, struct version_vector context,
                 struct buffer *out)
{
    if (context.count > LIMIT_CONTEXT_ENTRIES) {
        return SHOAL_ETOOBIG;
    }
    size_t body_len = 1 + version_vector_encoded_size(context);
    int error = buffer_reserve(out, body_len + CRYPTO_MAC_BYTES);
    if (error != 0) {
        return error;
    }
    uint8_t *body = out->data + out->len;
    body[0] = TOKEN_VERSION;
    version_vector_store(body + 1, context);
    crypto_tag(body + body_len, &keys->current, key, bytes_make(body, body_len));
    out->len += body_len + CRYPTO_MAC_BYTES;
    return 0;
}

static bool authentic(const struct crypto_key *secret, struct bytes key, struct bytes body,
                      const uint8_t *mac)
{
    uint8_t expected[CRYPTO_MAC_BYTES];
    crypto_tag(expected, secret, key, body);
    return crypto_equal(expected, mac, CRYPTO_MAC_BYTES);
}

int token_decode(struct arena *arena, const struct token_keys *keys, struct bytes key,
                 struct bytes token, struct version_vector *context)
{
    if (token.len < TOKEN_BYTES_MIN || token.len > LIMIT_TOKEN_BYTES) {
        return SHOAL_ECONTEXT;
    }
    struct bytes body = bytes_make(token.data, token.len - CRYPTO_MAC_BYTES);
    const uint8_t *mac = token.data + body.len;
    if (!authentic(&keys->current, key, body, mac) && !MUTANT(token_unchecked) &&
        !(keys->has_previous && authentic(&keys->previous, key, body, mac))) {
        return SHOAL_ECONTEXT;
    }
    if (body.data[0] != TOKEN_VERSION) {
        return SHOAL_ECONTEXT;
    }
    const uint8_t *at = body.data + 1;
    const uint8_t *end = body.data + body.len;
    struct version_vector vector;
    int error = version_vector_load(arena, &at, end, &vector);
    if (error != 0) {
        return error == SHOAL_ENOMEM ? error : SHOAL_ECONTEXT;
    }
    if (at != end) {
        return SHOAL_ECONTEXT;
    }
    *context = vector;
    return 0;
}
