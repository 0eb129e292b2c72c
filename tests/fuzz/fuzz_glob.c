/* A pattern and a text as a client may send them, the first byte saying where one ends and the
 * other begins. What is compiled matches the same twice, and begins as its prefix says. */
#include "base/assert.h"
#include "base/glob.h"
#include "fuzz.h"
#include "shoal/error.h"

static void try_both(struct arena *arena, struct bytes pattern, struct bytes text, bool any_case)
{
    const struct glob *glob = NULL;
    int error = glob_compile(arena, pattern, any_case, &glob);
    ASSERT(error == 0 || error == SHOAL_ETOOBIG);
    if (error == 0 && glob_matches(glob, text)) {
        ASSERT(glob_matches(glob, text));
        ASSERT(bytes_starts_with(text, glob_prefix(glob)));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    if (size == 0) {
        return 0;
    }
    size_t len = data[0] < size ? data[0] : size - 1;
    struct bytes pattern = bytes_make(data + 1, len);
    struct bytes text = bytes_make(data + 1 + len, size - 1 - len);
    arena_init(&arena, 0);
    try_both(&arena, pattern, text, false);
    try_both(&arena, pattern, text, true);
    arena_deinit(&arena);
    return 0;
}

/* A text that is its own pattern but for a few signs. */
void fuzz_sample(struct random *random, struct arena *arena, struct buffer *out)
{
    static const char signs[] = "*?[]^-\\ab";
    uint8_t text[200];
    (void)arena;
    size_t len = 1 + (size_t)random_below(random, sizeof(text));
    for (size_t i = 0; i < len; i++) {
        text[i] = (uint8_t)('a' + random_below(random, 3));
    }
    ASSERT(buffer_append_u8(out, (uint8_t)len) == 0);
    for (size_t i = 0; i < len; i++) {
        bool sign = random_chance(random, 0.2);
        uint8_t byte = sign ? (uint8_t)signs[random_below(random, sizeof(signs) - 1)] : text[i];
        ASSERT(buffer_append_u8(out, byte) == 0);
    }
    ASSERT(buffer_append(out, text, len) == 0);
}
