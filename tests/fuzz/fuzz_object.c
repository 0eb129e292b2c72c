/* An object as it comes from a peer or a disk. What decodes is valid and canonical, and survives
 * being merged with itself. */
#include "base/assert.h"
#include "fuzz.h"
#include "model/shown.h"
#include "support/object_history.h"

#define SAMPLE_STEPS 20u

/* What is shown can be added to, or is refused for a reason. */
static void try_showing(struct arena *arena, const struct object *object)
{
    const struct shown *shown;
    uint32_t count;
    struct sibling added;
    int64_t total;
    struct dot dot = {.actor = 7, .counter = UINT64_MAX};
    int showing = object_show(arena, object, 1, &shown, &count);
    int adding = object_add(arena, object, 1, dot, -1, &added, &total);
    ASSERT(showing == 0 || adding == showing);
    if (adding == 0) {
        struct counter counter;
        ASSERT(counter_decode(arena, added.value, &counter) == 0);
        ASSERT(counter_total(&counter) == total);
    }
}

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
        try_showing(&arena, &object);
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
    struct object object = *history_pick(history);
    struct dot dot = {.actor = random_id(random), .counter = 1};
    struct sibling added;
    int64_t total;
    object.sibling_count = random_chance(random, 0.5) ? 0 : object.sibling_count;
    if (object_add(arena, &object, 0, dot, 5, &added, &total) == 0) {
        added.dot = dot;
        ASSERT(object_write(arena, &object, object.context, &added, &object) == 0);
    }
    ASSERT(object_encode(&object, out) == 0);
}
