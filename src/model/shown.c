/* Counters are joined where they are shown and by the next write that amends them, never in
 * storage: there concurrent ones stay siblings, as everything that is concurrent does, so that
 * merging objects knows nothing of what they hold. */
#include "model/shown.h"

#include "base/hash.h"
#include "base/mutant.h"
#include "shoal/error.h"

/* Takes a counter into the one of its epoch that is shown already; 1 when there is none. */
static int show_join(struct arena *arena, struct shown *shown, uint32_t count,
                     const struct counter *parts)
{
    for (uint32_t i = 0; i < count; i++) {
        if (shown[i].counter && (counter_same(&shown[i].parts, parts) || MUTANT(counter_epochs))) {
            return counter_join(arena, &shown[i].parts, parts, &shown[i].parts);
        }
    }
    return 1;
}

/* Takes the next one in the order of win: 0 or a negative code. */
static int show_take(struct arena *arena, struct shown *shown, uint32_t *count,
                     const struct sibling *sibling)
{
    struct shown *next = &shown[*count];
    *next = (struct shown){.value = sibling->value,
                           .hlc = sibling->hlc,
                           .expiry_ms = sibling->expiry_ms,
                           .dot = sibling->dot,
                           .counter = sibling->kind == SIBLING_COUNTER};
    int result = 1;
    if (next->counter) {
        result = counter_decode(arena, sibling->value, &next->parts);
        result = result < 0 ? result : show_join(arena, shown, *count, &next->parts);
    }
    *count += result == 1 ? 1 : 0;
    return result < 0 ? result : 0;
}

static int show_digits(struct arena *arena, struct shown *shown, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (shown[i].counter) {
            char *digits = arena_alloc(arena, NUMBER_DIGITS_MAX);
            if (digits == NULL) {
                return SHOAL_ENOMEM;
            }
            shown[i].value =
                bytes_make(digits, number_print(counter_total(&shown[i].parts), digits));
        }
    }
    return 0;
}

int object_show(struct arena *arena, const struct object *object, uint64_t now_ms,
                const struct shown **out, uint32_t *count)
{
    size_t room = (size_t)object->sibling_count + 1;
    const struct sibling **live = arena_alloc_array(arena, room, sizeof(const struct sibling *));
    struct shown *shown = arena_alloc_array(arena, room, sizeof(*shown));
    if (live == NULL || shown == NULL) {
        return SHOAL_ENOMEM;
    }
    uint32_t taken = 0;
    uint32_t live_count = object_live(object, now_ms, live);
    int result = 0;
    for (uint32_t i = 0; i < live_count && result == 0; i++) {
        result = show_take(arena, shown, &taken, live[i]);
    }
    if (result == 0) {
        result = show_digits(arena, shown, taken);
    }
    if (result == 0) {
        *out = shown;
        *count = taken;
    }
    return result;
}

/* Two nodes may give different writes of one key the same time: so values are taken in, too. */
uint64_t shown_stamp(uint64_t stamp, struct bytes value, uint64_t hlc, uint64_t expiry_ms)
{
    return hash_seeded(hash_mix(hash_mix(stamp ^ hlc) + expiry_ms), value);
}

/* ---- writes that depend on what is there ---- */

/* What is shown as a counter to amend: false when it is no number. */
static bool show_number(const struct shown *shown, struct counter *out)
{
    if (shown->counter) {
        *out = shown->parts;
        return true;
    }
    *out = (struct counter){.epoch = shown->dot};
    return number_parse(shown->value, &out->base);
}

static int show_encode(struct arena *arena, const struct counter *counter, struct sibling *out)
{
    out->kind = SIBLING_COUNTER;
    out->value = counter_encode(arena, counter);
    return out->value.data == NULL ? SHOAL_ENOMEM : 0;
}

int object_add(struct arena *arena, const struct object *object, uint64_t now_ms, struct dot dot,
               int64_t delta, struct sibling *out, int64_t *total)
{
    const struct shown *shown;
    uint32_t count;
    int result = object_show(arena, object, now_ms, &shown, &count);
    if (result < 0) {
        return result;
    }
    struct sibling sibling = {.expiry_ms = count == 0 ? 0 : shown[0].expiry_ms};
    /* After a deletion, too, it descends from nothing: some owners may have dropped the tombstone
     * already, and what they and others begin now is one number. Its shards are new ones. */
    struct counter counter = {0};
    int64_t after;
    if (count > 0 && !show_number(&shown[0], &counter)) {
        return SHOAL_EINVAL;
    }
    uint64_t before = version_vector_get(object->context, dot.actor);
    result = counter_add(arena, &counter, dot, before, delta, &counter, &after);
    if (result == 0) {
        result = show_encode(arena, &counter, &sibling);
    }
    if (result == 0) {
        *out = sibling;
        *total = after;
    }
    return result;
}

int object_set_expiry(struct arena *arena, const struct object *object, uint64_t now_ms,
                      struct dot dot, uint64_t expiry_ms, struct sibling *out, uint64_t *had_ms)
{
    const struct shown *shown;
    uint32_t count;
    int result = object_show(arena, object, now_ms, &shown, &count);
    if (result < 0 || count == 0) {
        return result < 0 ? result : SHOAL_ENOTFOUND;
    }
    struct sibling sibling = {.hlc = shown[0].hlc, .expiry_ms = expiry_ms, .value = shown[0].value};
    struct counter counter;
    if (show_number(&shown[0], &counter)) {
        uint64_t before = version_vector_get(object->context, dot.actor);
        result = counter_keep(arena, &counter, dot, before, &counter);
        if (result == 0) {
            result = show_encode(arena, &counter, &sibling);
        }
    }
    if (result == 0) {
        *out = sibling;
        *had_ms = shown[0].expiry_ms;
    }
    return result;
}
