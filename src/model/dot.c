/* Version vectors as sorted arrays: a key's context has one entry in the ordinary case and a
 * handful in others, so a walk over neighbours beats any tree or hash. Joins return an input where
 * it already is the answer, which is what nearly every write and read meets, and allocate only
 * otherwise. */
#include "model/dot.h"

#include "base/limits.h"
#include "shoal/error.h"

/* From here on a search by halves beats looking at one entry after the other. */
#define LINEAR_ENTRIES_MAX 16u

int dot_compare(struct dot a, struct dot b)
{
    if (a.actor != b.actor) {
        return a.actor < b.actor ? -1 : 1;
    }
    if (a.counter != b.counter) {
        return a.counter < b.counter ? -1 : 1;
    }
    return 0;
}

/* The first entry whose actor is not below `actor`. */
static uint32_t lower_bound(struct version_vector vector, uint64_t actor)
{
    uint32_t low = 0;
    if (vector.count <= LINEAR_ENTRIES_MAX) {
        while (low < vector.count && vector.entries[low].actor < actor) {
            low++;
        }
        return low;
    }
    uint32_t high = vector.count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (vector.entries[middle].actor < actor) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

uint64_t version_vector_search(struct version_vector vector, uint64_t actor)
{
    uint32_t at = lower_bound(vector, actor);
    if (at == vector.count || vector.entries[at].actor != actor) {
        return 0;
    }
    return vector.entries[at].counter;
}

bool version_vector_descends(struct version_vector a, struct version_vector b)
{
    if (a.count < b.count) {
        return false;
    }
    uint32_t i = 0;
    for (uint32_t j = 0; j < b.count; j++) {
        while (i < a.count && a.entries[i].actor < b.entries[j].actor) {
            i++;
        }
        if (i == a.count || a.entries[i].actor != b.entries[j].actor ||
            a.entries[i].counter < b.entries[j].counter) {
            return false;
        }
        i++;
    }
    return true;
}

bool version_vector_equal(struct version_vector a, struct version_vector b)
{
    if (a.count != b.count) {
        return false;
    }
    for (uint32_t i = 0; i < a.count; i++) {
        if (!dot_equal(a.entries[i], b.entries[i])) {
            return false;
        }
    }
    return true;
}

/* Writes the entry-wise maximum, unless `out` is NULL; returns how many entries it has. */
static uint32_t join_entries(struct version_vector a, struct version_vector b, struct dot *out)
{
    uint32_t i = 0;
    uint32_t j = 0;
    uint32_t count = 0;
    while (i < a.count || j < b.count) {
        struct dot entry;
        if (j == b.count || (i < a.count && a.entries[i].actor < b.entries[j].actor)) {
            entry = a.entries[i++];
        } else if (i == a.count || b.entries[j].actor < a.entries[i].actor) {
            entry = b.entries[j++];
        } else {
            entry = a.entries[i].counter > b.entries[j].counter ? a.entries[i] : b.entries[j];
            i++;
            j++;
        }
        if (out != NULL) {
            out[count] = entry;
        }
        count++;
    }
    return count;
}

int version_vector_join(struct arena *arena, struct version_vector a, struct version_vector b,
                        struct version_vector *out)
{
    if (version_vector_descends(a, b)) {
        *out = a;
        return 0;
    }
    if (version_vector_descends(b, a)) {
        *out = b;
        return 0;
    }
    uint32_t count = join_entries(a, b, NULL);
    if (count > LIMIT_CONTEXT_ENTRIES) {
        return SHOAL_EOVERLOAD;
    }
    struct dot *entries = arena_alloc_array(arena, count, sizeof(*entries));
    if (entries == NULL) {
        return SHOAL_ENOMEM;
    }
    join_entries(a, b, entries);
    *out = (struct version_vector){.entries = entries, .count = count};
    return 0;
}

int version_vector_with(struct arena *arena, struct version_vector vector, struct dot dot,
                        struct version_vector *out)
{
    uint32_t at = lower_bound(vector, dot.actor);
    bool known = at < vector.count && vector.entries[at].actor == dot.actor;
    if (known && vector.entries[at].counter >= dot.counter) {
        *out = vector;
        return 0;
    }
    uint32_t rest = known ? at + 1 : at; /* where the input goes on behind the dot */
    uint32_t count = at + 1 + (vector.count - rest);
    if (count > LIMIT_CONTEXT_ENTRIES) {
        return SHOAL_EOVERLOAD;
    }
    struct dot *entries = arena_alloc_array(arena, count, sizeof(*entries));
    if (entries == NULL) {
        return SHOAL_ENOMEM;
    }
    for (uint32_t i = 0; i < at; i++) {
        entries[i] = vector.entries[i];
    }
    entries[at] = dot;
    for (uint32_t i = rest; i < vector.count; i++) {
        entries[at + 1 + (i - rest)] = vector.entries[i];
    }
    *out = (struct version_vector){.entries = entries, .count = count};
    return 0;
}

bool version_vector_valid(struct version_vector vector)
{
    if (vector.count > LIMIT_CONTEXT_ENTRIES) {
        return false;
    }
    for (uint32_t i = 0; i < vector.count; i++) {
        struct dot entry = vector.entries[i];
        if (entry.actor == 0 || entry.counter == 0 ||
            (i > 0 && vector.entries[i - 1].actor >= entry.actor)) {
            return false;
        }
    }
    return true;
}
