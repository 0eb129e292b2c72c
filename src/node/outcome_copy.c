/* What has to be aligned stands first in the block (a plan with its rows, values), bytes behind. */
#include "node/outcome_copy.h"

#include "base/assert.h"
#include "base/memory.h"
#include "shoal/error.h"

struct plan_copy {
    struct message_change_reply reply;
    struct plan_row rows[];
};

static struct bytes copy_bytes(uint8_t **at, struct bytes from)
{
    if (from.data == NULL) {
        return from;
    }
    struct bytes copy = bytes_make(*at, from.len);
    if (from.len > 0) {
        memcpy(*at, from.data, from.len);
    }
    *at += from.len;
    return copy;
}

static size_t plan_struct_size(const struct message_change_reply *plan)
{
    return plan == NULL ? 0 : sizeof(struct plan_copy) + plan->count * sizeof(struct plan_row);
}

static size_t plan_bytes(const struct message_change_reply *plan)
{
    if (plan == NULL) {
        return 0;
    }
    size_t size = plan->reason.len + plan->text.len;
    for (uint32_t i = 0; i < plan->count; i++) {
        size += plan->rows[i].name.len + plan->rows[i].zone.len;
    }
    return size;
}

static size_t outcome_size(const struct outcome *outcome)
{
    size_t size = outcome->text.len + outcome->context.len + outcome->after.len +
                  outcome->value_count * sizeof(struct result_value) +
                  plan_struct_size(outcome->changed) + plan_bytes(outcome->changed);
    for (uint32_t i = 0; i < outcome->value_count; i++) {
        size += outcome->values[i].value.len;
    }
    return size;
}

static const struct message_change_reply *copy_plan(const struct message_change_reply *from,
                                                    struct plan_copy *plan, uint8_t **at)
{
    plan->reply = *from;
    for (uint32_t i = 0; i < from->count; i++) {
        plan->rows[i] = from->rows[i];
        plan->rows[i].name = copy_bytes(at, from->rows[i].name);
        plan->rows[i].zone = copy_bytes(at, from->rows[i].zone);
    }
    plan->reply.rows = plan->rows;
    plan->reply.reason = copy_bytes(at, from->reason);
    plan->reply.text = copy_bytes(at, from->text);
    return &plan->reply;
}

int outcome_copy(const struct outcome *from, struct outcome *out, void **memory)
{
    ASSERT(from->entry_count == 0 && from->verification == NULL);
    uint8_t *block = mem_alloc(outcome_size(from));
    if (block == NULL) {
        return SHOAL_ENOMEM;
    }
    struct plan_copy *plan = (struct plan_copy *)(void *)block;
    struct result_value *values =
        (struct result_value *)(void *)(block + plan_struct_size(from->changed));
    uint8_t *at = (uint8_t *)(values + from->value_count);
    *out = *from;
    for (uint32_t i = 0; i < from->value_count; i++) {
        values[i] = from->values[i];
        values[i].value = copy_bytes(&at, from->values[i].value);
    }
    out->values = values;
    out->text = copy_bytes(&at, from->text);
    out->context = copy_bytes(&at, from->context);
    out->after = copy_bytes(&at, from->after);
    out->changed = from->changed == NULL ? NULL : copy_plan(from->changed, plan, &at);
    *memory = block;
    return 0;
}
