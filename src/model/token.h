/* Context tokens: a key's causal context as clients carry it. Opaque to them, bound to the key and
 * authenticated with the cluster's secret, because a context of another key or of a client's own
 * making would swallow writes it never saw.
 *
 *      u8 version (1), varint entries, each u64 actor + varint counter, 16-byte MAC over key + rest
 */
#ifndef MODEL_TOKEN_H
#define MODEL_TOKEN_H

#include "base/buffer.h"
#include "base/crypto.h"
#include "model/dot.h"

/* Derived from the cluster's current and previous secret: tokens are made with the current one and
 * accepted under both, so that a secret can be changed under running clients. */
struct token_keys {
    struct crypto_key current;
    struct crypto_key previous;
    bool has_previous;
};

/* Appends the token. 0, SHOAL_ENOMEM, SHOAL_ETOOBIG. */
int token_encode(const struct token_keys *keys, struct bytes key, struct version_vector context,
                 struct buffer *out);

/* 0; SHOAL_ECONTEXT for a token that is malformed, forged or of another key; SHOAL_ENOMEM. */
int token_decode(struct arena *arena, const struct token_keys *keys, struct bytes key,
                 struct bytes token, struct version_vector *context);

#endif
