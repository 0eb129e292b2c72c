/* What a read has come to: from the merge of all answers, the outcome that its client is told. */
#include "coordinate/read.h"
#include "model/shown.h"
#include "shoal/error.h"

static int read_show(struct operation *operation, const struct object *object,
                     struct outcome *outcome)
{
    struct coordinator *coordinator = operation->coordinator;
    const struct shown *shown;
    uint32_t count;
    int result =
        object_show(coordinator->arena, object, coordinator_expiry_ms(coordinator), &shown, &count);
    if (result < 0) {
        return result;
    }
    struct result_value *values =
        arena_alloc_array(coordinator->arena, (size_t)count + 1, sizeof(*values));
    if (values == NULL) {
        return SHOAL_ENOMEM;
    }
    for (uint32_t i = 0; i < count; i++) {
        values[i] = (struct result_value){.value = shown[i].value,
                                          .hlc = shown[i].hlc,
                                          .expiry_ms = shown[i].expiry_ms,
                                          .counter = shown[i].counter};
    }
    if (count > 1) {
        coordinator_count(coordinator, coordinator->metrics.siblings);
    }
    outcome->code = count == 0 ? SHOAL_ENOTFOUND : 0;
    outcome->values = values;
    outcome->value_count = count;
    return 0;
}

int read_outcome(struct operation *operation, struct outcome *outcome)
{
    struct coordinator *coordinator = operation->coordinator;
    struct arena *arena = coordinator->arena;
    struct object object = object_empty();
    int result = 0;
    if (operation->merged.len != 0) {
        result = object_decode(arena, buffer_bytes(&operation->merged), &object);
    }
    if (result < 0 || object.context.count == 0) {
        outcome->code = result < 0 ? result : SHOAL_ENOTFOUND;
        return result;
    }
    result = token_encode(coordinator->token_keys, operation->key.key, object.context,
                          &operation->token);
    if (result < 0) {
        return result;
    }
    outcome->context = buffer_bytes(&operation->token);
    return read_show(operation, &object, outcome);
}
