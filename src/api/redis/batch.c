#include "api/redis/batch.h"

#include "api/redis/call.h"

#define ARGUMENTS_SHORT 3u /* of a command with one key, in the usual place */

void redis_batch_read(struct redis_batch *batch, struct bytes input,
                      const struct redis_request_bounds *bounds,
                      struct redis_request_progress *progress, struct arena *arena)
{
    size_t taken = 0;
    uint32_t arguments = 0;
    batch->count = 0;
    batch->code = 0;
    batch->need = 0;
    arena_reset(arena);
    while (batch->count < REDIS_BATCH_REQUESTS && arguments < REDIS_BATCH_ARGUMENTS &&
           taken < input.len && batch->code == 0) {
        struct redis_request *request = &batch->requests[batch->count];
        batch->code = redis_request_read(bytes_make(input.data + taken, input.len - taken), bounds,
                                         progress, arena, request, &batch->need, batch->text);
        if (batch->code == 0) {
            taken += request->length;
            arguments += request->argc;
            batch->count++;
        }
    }
}

struct places {
    struct engine_key items[REDIS_BATCH_KEYS];
    uint32_t count;
    const struct worker *worker;
};

static void add_key(struct places *places, struct bytes key)
{
    if (places->count < REDIS_BATCH_KEYS) {
        worker_unit_find(places->worker, key, &places->items[places->count++]);
    }
}

static void add_keys(struct places *places, const struct redis_request *request)
{
    if (request->argc <= ARGUMENTS_SHORT) {
        add_key(places, request->argv[1]);
        return;
    }
    uint32_t first = 0;
    uint32_t step = 1;
    const struct command *command = command_find(request->argv[0]);
    uint32_t count = command == NULL ? 0 : redis_keys_of(command, request->argc, &first, &step);
    for (uint32_t i = 0; i < count && places->count < REDIS_BATCH_KEYS; i++) {
        add_key(places, request->argv[first + i * step]);
    }
}

/* One small command alone has nothing to do meanwhile. */
void redis_batch_expect(const struct redis_batch *batch, const struct worker *worker)
{
    struct places places = {.worker = worker};
    if (batch->count == 1 && batch->requests[0].argc <= ARGUMENTS_SHORT) {
        return;
    }
    for (uint32_t i = 0; i < batch->count; i++) {
        if (batch->requests[i].argc > 1) {
            add_keys(&places, &batch->requests[i]);
        }
    }
    for (uint32_t i = 0; i < places.count; i++) {
        worker_unit_expect(worker, &places.items[i]);
    }
    for (uint32_t i = 0; i < places.count; i++) {
        worker_unit_expect_more(worker, &places.items[i]);
    }
}
