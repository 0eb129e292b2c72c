/* A payload as it comes off a connection: validated, and decoded as every kind there is, whatever
 * kind it says. What decodes can be encoded again and is the same after that. */
#include "base/assert.h"
#include "base/limits.h"
#include "fuzz.h"
#include "support/message_cases.h"
#include "wire/frame.h"

static void try_message(const struct message_case *message, struct bytes payload,
                        struct arena *arena)
{
    struct buffer once;
    struct buffer twice;
    buffer_init(&once, 0);
    buffer_init(&twice, 0);
    if (message->recode(payload, arena, &once) == 0) {
        struct bytes again =
            bytes_make(once.data + FRAME_PREFIX_BYTES, once.len - FRAME_PREFIX_BYTES);
        ASSERT(frame_validate(again) == 0);
        ASSERT(message->recode(again, arena, &twice) == 0);
        ASSERT(bytes_equal(buffer_bytes(&once), buffer_bytes(&twice)));
    }
    buffer_deinit(&twice);
    buffer_deinit(&once);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes payload = bytes_make(data, size);
    struct arena arena;
    arena_init(&arena, 0);
    struct bytes inner;
    size_t taken = 0;
    size_t need = 0;
    if (frame_next(payload, LIMIT_FRAME_BYTES, &inner, &taken, &need) == 0) {
        ASSERT(taken == inner.len + FRAME_PREFIX_BYTES && taken <= size);
    }
    uint32_t kind;
    uint64_t id;
    if (frame_validate(payload) == 0) {
        ASSERT(frame_peek(payload, &kind, &id) == 0);
    }
    for (size_t i = 0; i < message_case_count; i++) {
        try_message(&message_cases[i], payload, &arena);
    }
    arena_deinit(&arena);
    return 0;
}

void fuzz_sample(struct random *random, struct arena *arena, struct buffer *out)
{
    const struct message_case *message = &message_cases[random_below(random, message_case_count)];
    ASSERT(message->encode_random(random, arena, out) == 0);
    out->len -= FRAME_PREFIX_BYTES;
    memmove(out->data, out->data + FRAME_PREFIX_BYTES, out->len);
}
