/* Which sibling to show where one must win: values before tombstones, then the later hybrid time,
 * then the higher dot. The choice is only ever for show: nothing is dropped because of it. */
#include "model/object.h"

static bool hidden(const struct sibling *sibling, uint64_t now_ms)
{
    return sibling->expiry_ms != 0 && now_ms > sibling->expiry_ms;
}

static bool live(const struct sibling *sibling, uint64_t now_ms)
{
    return sibling->kind != SIBLING_TOMBSTONE && !hidden(sibling, now_ms);
}

static bool wins(const struct sibling *a, const struct sibling *b)
{
    if (a->hlc != b->hlc) {
        return a->hlc > b->hlc;
    }
    return dot_compare(a->dot, b->dot) > 0;
}

const struct sibling *object_winner(const struct object *object, uint64_t now_ms)
{
    const struct sibling *best = NULL;
    for (uint32_t i = 0; i < object->sibling_count; i++) {
        const struct sibling *sibling = &object->siblings[i];
        if (live(sibling, now_ms) && (best == NULL || wins(sibling, best))) {
            best = sibling;
        }
    }
    return best;
}

uint32_t object_live(const struct object *object, uint64_t now_ms, const struct sibling **out)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < object->sibling_count; i++) {
        const struct sibling *sibling = &object->siblings[i];
        if (!live(sibling, now_ms)) {
            continue;
        }
        uint32_t place = count++;
        while (place > 0 && wins(sibling, out[place - 1])) {
            out[place] = out[place - 1];
            place--;
        }
        out[place] = sibling;
    }
    return count;
}
