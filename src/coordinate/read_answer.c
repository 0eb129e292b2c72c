/* What a read has come to: the merge of all answers, within the budget for them, and from it the
 * outcome that its client is told. */
#include "base/assert.h"
#include "base/hash.h"
#include "coordinate/coordinator.h"
#include "shoal/error.h"

/* ---- merging ---- */

uint64_t read_digest(struct bytes encoded)
{
    return encoded.data == NULL ? 0 : hash_xxh3(encoded);
}

/* Takes an object (data NULL: nothing there) into the merge. 0 or an error. */
static int read_merge(struct operation *operation, struct bytes encoded)
{
    struct arena *arena = operation->coordinator->arena;
    bool first = operation->merged.len == 0;
    ASSERT(first || operation->merged.data != NULL);
    if (encoded.data == NULL ||
        (!first && bytes_equal(encoded, buffer_bytes(&operation->merged)))) {
        return 0;
    }
    struct object incoming;
    int result = object_decode(arena, encoded, &incoming);
    if (result < 0 || first) {
        return result < 0 ? result : buffer_append_bytes(&operation->merged, encoded);
    }
    /* The decoded merge borrows its values from the buffer that is about to be rewritten. */
    struct bytes present = arena_copy(arena, buffer_bytes(&operation->merged));
    if (present.data == NULL) {
        return SHOAL_ENOMEM;
    }
    struct object held;
    struct object merged;
    result = object_decode(arena, present, &held);
    if (result == 0) {
        result = object_merge(arena, &held, &incoming, &merged);
    }
    if (result == 0) {
        result = buffer_reserve(&operation->merged, object_encoded_size_max(&merged));
    }
    if (result < 0) {
        return result;
    }
    buffer_clear(&operation->merged);
    return object_encode(&merged, &operation->merged);
}

/* The same within the budget for answers: SHOAL_EOVERLOAD when others hold too much. */
int read_hold(struct operation *operation, struct bytes encoded)
{
    if (!operation_may_hold(operation, operation->merged.len + encoded.len)) {
        operation->over_budget = true;
        return SHOAL_EOVERLOAD;
    }
    int result = read_merge(operation, encoded);
    operation_hold(operation, operation->merged.len);
    return result;
}

/* ---- the outcome ---- */

/* Wall time less the bound on clocks, so that nothing is hidden early by any of them. */
static uint64_t read_expiry_now_ms(const struct coordinator *coordinator)
{
    uint64_t bound = coordinator->replica->clock.ahead_ms_max;
    return coordinator->now.wall_ms > bound ? coordinator->now.wall_ms - bound : 1;
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
    const struct sibling **live =
        arena_alloc_array(arena, object.sibling_count + 1u, sizeof(struct sibling *));
    struct result_value *values =
        arena_alloc_array(arena, object.sibling_count + 1u, sizeof(*values));
    if (live == NULL || values == NULL) {
        return SHOAL_ENOMEM;
    }
    uint32_t count = object_live(&object, read_expiry_now_ms(coordinator), live);
    for (uint32_t i = 0; i < count; i++) {
        values[i] = (struct result_value){.value = live[i]->value, .hlc = live[i]->hlc};
    }
    if (count > 1) {
        coordinator_count(coordinator, coordinator->metrics.siblings);
    }
    outcome->code = count == 0 ? SHOAL_ENOTFOUND : 0;
    outcome->values = values;
    outcome->value_count = count;
    return 0;
}
