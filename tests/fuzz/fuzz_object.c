/* An object as it comes from a peer or a disk. What decodes is valid and canonical, and survives
 * being merged with itself. */
#include "base/assert.h"
#include "fuzz.h"
#include "support/object_history.h"

#define SAMPLE_STEPS 20u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes bytes = bytes_make(data, size);
    struct arena arena;
    struct buffer again;
    struct object object;
    struct dot dot;
    arena_init(&arena, 0);
    buffer_init(&again, 0);
    bool simple = object_peek_simple(bytes, &dot);
    if (object_decode(&arena, bytes, &object) == 0) {
        struct object merged;
        ASSERT(object_valid(&object));
        ASSERT(object_encode(&object, &again) == 0);
        ASSERT(bytes_equal(buffer_bytes(&again), bytes));
        ASSERT(object_merge(&arena, &object, &object, &merged) == 0);
        ASSERT(object_equal(&merged, &object));
        ASSERT(!simple || dot_equal(dot, object.siblings[0].dot));
        (void)object_winner(&object, 1);
    }
    buffer_deinit(&again);
    arena_deinit(&arena);
    return 0;
}

void fuzz_sample(struct random *random, struct arena *arena, struct buffer *out)
{
    struct object_history *history = arena_alloc(arena, sizeof(*history));
    ASSERT(history != NULL);
    history_init(history, arena, random_u64(random));
    for (unsigned i = 0; i < SAMPLE_STEPS; i++) {
        history_step(history);
    }
    ASSERT(object_encode(history_pick(history), out) == 0);
}
