/* How long those that an operation asks take to answer, which says whom to ask first and when to
 * ask another as well. It counts from the first time that a question was put: who keeps silent is
 * asked again, and measured from then on a slow owner would look swift just for being asked often.
 * Of several answers to one question only the first tells anything (Karn's algorithm would take
 * none of them, and never learn how slow an owner is that is always asked twice). */
#include "coordinate/fallback.h"

static uint32_t operation_elapsed_us(const struct operation *operation)
{
    uint64_t elapsed_us = operation->coordinator->now.mono_us - operation->started_us;
    return elapsed_us < UINT32_MAX ? (uint32_t)elapsed_us : UINT32_MAX;
}

static void operation_time(struct operation *operation, uint32_t index)
{
    if ((operation->timed & operation_bit(index)) == 0) {
        operation->timed |= operation_bit(index);
        operation->asked_after_us[index] = operation_elapsed_us(operation);
    }
}

void operation_asked(struct operation *operation, uint32_t target)
{
    operation->asked |= operation_bit(target);
    operation_time(operation, target);
}

void operation_asked_fallback(struct operation *operation, uint32_t index)
{
    uint32_t bit = UINT32_C(1) << index;
    operation->fallback_asked |= bit;
    if ((operation->fallback_timed & bit) == 0) {
        operation->fallback_timed |= bit;
        operation->fallback_after_us[index] = operation_elapsed_us(operation);
    }
}

void operation_asked_candidate(struct operation *operation, uint32_t index)
{
    operation_time(operation, index);
}

/* When the question was whose first answer this is; NULL if it is none. */
static const uint32_t *operation_take_question(struct operation *operation, uint64_t node)
{
    bool forwarding = operation->phase == OPERATION_FORWARDING;
    int index =
        forwarding ? forward_index(operation, node) : placement_index(&operation->placement, node);
    if (index >= 0) {
        uint64_t bit = operation_bit((uint32_t)index);
        bool timed = (operation->timed & bit) != 0;
        operation->timed &= ~bit;
        return timed ? &operation->asked_after_us[index] : NULL;
    }
    index = forwarding ? -1 : fallback_index(operation, node);
    if (index >= 0) {
        uint32_t bit = UINT32_C(1) << (uint32_t)index;
        bool timed = (operation->fallback_timed & bit) != 0;
        operation->fallback_timed &= ~bit;
        return timed ? &operation->fallback_after_us[index] : NULL;
    }
    return NULL;
}

void operation_answered(struct operation *operation, uint64_t node)
{
    struct coordinator *coordinator = operation->coordinator;
    if (node == coordinator->self) {
        return;
    }
    const uint32_t *after_us = operation_take_question(operation, node);
    if (after_us == NULL) {
        reach_heard(coordinator->reach, node);
    } else {
        reach_answered(coordinator->reach, node, operation_elapsed_us(operation) - *after_us);
    }
}
