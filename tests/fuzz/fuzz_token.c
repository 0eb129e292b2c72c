/* A context token as it comes from a client. The input is tried as it is, which no input passes,
 * and as a body signed with the right key, which must be the very encoding of what it decodes to.
 */
#include "base/assert.h"
#include "fuzz.h"
#include "model/token.h"
#include "shoal/error.h"
#include "support/object_history.h"

#define SAMPLE_STEPS 20u

static const struct token_keys keys = {.current = {{1, 2, 3}}};

static void try_signed(struct arena *arena, struct bytes key, struct bytes body)
{
    struct buffer token;
    struct buffer again;
    struct version_vector context;
    uint8_t mac[CRYPTO_MAC_BYTES];
    buffer_init(&token, 0);
    buffer_init(&again, 0);
    crypto_tag(mac, &keys.current, key, body);
    ASSERT(buffer_append_bytes(&token, body) == 0);
    ASSERT(buffer_append(&token, mac, sizeof(mac)) == 0);
    int error = token_decode(arena, &keys, key, buffer_bytes(&token), &context);
    ASSERT(error == 0 || error == SHOAL_ECONTEXT);
    if (error == 0) {
        ASSERT(version_vector_valid(context));
        ASSERT(token_encode(&keys, key, context, &again) == 0);
        ASSERT(bytes_equal(buffer_bytes(&token), buffer_bytes(&again)));
    }
    buffer_deinit(&again);
    buffer_deinit(&token);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes input = bytes_make(data, size);
    struct bytes key = bytes_from_string("key");
    struct version_vector context;
    struct arena arena;
    ASSERT(crypto_init() == 0);
    arena_init(&arena, 0);
    ASSERT(token_decode(&arena, &keys, key, input, &context) == SHOAL_ECONTEXT);
    try_signed(&arena, key, input);
    arena_deinit(&arena);
    return 0;
}

/* The body of a real token. */
void fuzz_sample(struct random *random, struct arena *arena, struct buffer *out)
{
    struct object_history *history = arena_alloc(arena, sizeof(*history));
    ASSERT(history != NULL && crypto_init() == 0);
    history_init(history, arena, random_u64(random));
    for (unsigned i = 0; i < SAMPLE_STEPS; i++) {
        history_step(history);
    }
    struct version_vector context = history_pick(history)->context;
    ASSERT(token_encode(&keys, bytes_from_string("key"), context, out) == 0);
    out->len -= CRYPTO_MAC_BYTES;
}
