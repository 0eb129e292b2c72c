/* The rules of dotted version vector sets: equality, inclusion, merge and write. Each is one walk
 * over siblings sorted by dot. What nearly every operation meets (one side already holds all that
 * the other knows) is found first and costs no memory. */
#include "model/object.h"

#include "base/limits.h"
#include "base/mutant.h"
#include "shoal/error.h"

/* An order of everything a sibling holds besides its dot. A dot is issued once, so two copies of a
 * sibling are the same; should damage have made them differ, the greater one wins on every holder
 * alike and merge stays commutative. */
static int compare_copies(const struct sibling *a, const struct sibling *b)
{
    if (a->hlc != b->hlc) {
        return a->hlc < b->hlc ? -1 : 1;
    }
    if (a->expiry_ms != b->expiry_ms) {
        return a->expiry_ms < b->expiry_ms ? -1 : 1;
    }
    if (a->kind != b->kind) {
        return a->kind < b->kind ? -1 : 1;
    }
    if (a->value.data == b->value.data && a->value.len == b->value.len) {
        return 0;
    }
    return bytes_compare(a->value, b->value);
}

bool object_equal(const struct object *a, const struct object *b)
{
    if (a->sibling_count != b->sibling_count || !version_vector_equal(a->context, b->context)) {
        return false;
    }
    for (uint32_t i = 0; i < a->sibling_count; i++) {
        if (!dot_equal(a->siblings[i].dot, b->siblings[i].dot) ||
            compare_copies(&a->siblings[i], &b->siblings[i]) != 0) {
            return false;
        }
    }
    return true;
}

bool object_includes(const struct object *a, const struct object *b)
{
    if (!version_vector_descends(a->context, b->context)) {
        return false;
    }
    /* b can add nothing that a's context does not cover: is there anything of a it would take away
     * or hold a greater copy of? */
    uint32_t j = 0;
    for (uint32_t i = 0; i < a->sibling_count; i++) {
        const struct sibling *mine = &a->siblings[i];
        while (j < b->sibling_count && dot_compare(b->siblings[j].dot, mine->dot) < 0) {
            j++;
        }
        if (j < b->sibling_count && dot_equal(b->siblings[j].dot, mine->dot)) {
            if (compare_copies(mine, &b->siblings[j]) < 0) {
                return false;
            }
        } else if (version_vector_covers(b->context, mine->dot)) {
            return false;
        }
    }
    return true;
}

/* Walks both sides in the order of dots and keeps what the merge rule keeps; returns how many.
 * `out` has room for both. */
static uint32_t merge_siblings(const struct object *a, const struct object *b, struct sibling *out)
{
    uint32_t i = 0;
    uint32_t j = 0;
    uint32_t count = 0;
    while (i < a->sibling_count || j < b->sibling_count) {
        int order;
        if (i == a->sibling_count) {
            order = 1;
        } else if (j == b->sibling_count) {
            order = -1;
        } else {
            order = dot_compare(a->siblings[i].dot, b->siblings[j].dot);
        }
        if (order == 0) {
            const struct sibling *left = &a->siblings[i++];
            const struct sibling *right = &b->siblings[j++];
            out[count++] = compare_copies(left, right) < 0 ? *right : *left;
        } else if (order < 0) {
            const struct sibling *left = &a->siblings[i++];
            if (!version_vector_covers(b->context, left->dot)) {
                out[count++] = *left;
            }
        } else {
            const struct sibling *right = &b->siblings[j++];
            if (!version_vector_covers(a->context, right->dot)) {
                out[count++] = *right;
            }
        }
    }
    return count;
}

int object_merge(struct arena *arena, const struct object *a, const struct object *b,
                 struct object *out)
{
    if (object_includes(a, b)) {
        *out = *a;
        return 0;
    }
    if (object_includes(b, a)) {
        *out = *b;
        return 0;
    }
    struct version_vector context;
    struct version_vector other = MUTANT(context_lost) ? a->context : b->context;
    int error = version_vector_join(arena, a->context, other, &context);
    if (error != 0) {
        return error;
    }
    struct sibling *siblings =
        arena_alloc_array(arena, (size_t)a->sibling_count + b->sibling_count, sizeof(*siblings));
    if (siblings == NULL) {
        return SHOAL_ENOMEM;
    }
    uint32_t count = merge_siblings(a, b, siblings);
    if (count > LIMIT_SIBLINGS) {
        return SHOAL_EOVERLOAD;
    }
    *out = (struct object){.context = context, .siblings = siblings, .sibling_count = count};
    return 0;
}

/* Copies what `seen` leaves, with `added` at its place in the order of dots; returns how many. */
static uint32_t write_siblings(const struct object *current, struct version_vector seen,
                               const struct sibling *added, struct sibling *out)
{
    uint32_t count = 0;
    bool placed = false;
    for (uint32_t i = 0; i < current->sibling_count; i++) {
        const struct sibling *old = &current->siblings[i];
        if (version_vector_covers(seen, old->dot) && !MUTANT(write_beside)) {
            continue;
        }
        if (!placed && dot_compare(added->dot, old->dot) < 0) {
            out[count++] = *added;
            placed = true;
        }
        out[count++] = *old;
    }
    if (!placed) {
        out[count++] = *added;
    }
    return count;
}

/* Nothing that others than this actor wrote. */
static bool is_of(struct version_vector vector, uint64_t actor)
{
    return vector.count == 0 || (vector.count == 1 && vector.entries[0].actor == actor);
}

/* All of it is replaced by the actor that wrote all of it: then the new sibling is the object. */
static bool is_overwritten(const struct object *current, struct version_vector seen,
                           struct dot added)
{
    if (!is_of(current->context, added.actor) || !is_of(seen, added.actor)) {
        return false;
    }
    uint64_t replaced = seen.count == 0 ? 0 : seen.entries[0].counter;
    for (uint32_t i = 0; i < current->sibling_count; i++) {
        if (current->siblings[i].dot.counter > replaced) {
            return false;
        }
    }
    return true;
}

static int overwrite(struct arena *arena, const struct sibling *added, struct object *out)
{
    struct sibling *only = arena_alloc(arena, sizeof(*only));
    if (only == NULL) {
        return SHOAL_ENOMEM;
    }
    *only = *added;
    *out = (struct object){
        .context = {.entries = &only->dot, .count = 1}, .siblings = only, .sibling_count = 1};
    return 0;
}

int object_write(struct arena *arena, const struct object *current, struct version_vector seen,
                 const struct sibling *added, struct object *out)
{
    if (version_vector_covers(current->context, added->dot) ||
        version_vector_covers(seen, added->dot)) {
        return SHOAL_ECONTEXT;
    }
    if (is_overwritten(current, seen, added->dot)) {
        return overwrite(arena, added, out);
    }
    struct version_vector context;
    int error = version_vector_join(arena, current->context, seen, &context);
    if (error == 0) {
        error = version_vector_with(arena, context, added->dot, &context);
    }
    if (error != 0) {
        return error;
    }
    struct sibling *siblings =
        arena_alloc_array(arena, (size_t)current->sibling_count + 1, sizeof(*siblings));
    if (siblings == NULL) {
        return SHOAL_ENOMEM;
    }
    uint32_t count = write_siblings(current, seen, added, siblings);
    if (count > LIMIT_SIBLINGS) {
        return SHOAL_EOVERLOAD;
    }
    *out = (struct object){.context = context, .siblings = siblings, .sibling_count = count};
    return 0;
}

int object_without(struct arena *arena, const struct object *object, struct dot dot,
                   struct object *out)
{
    struct sibling *siblings = arena_alloc_array(arena, object->sibling_count, sizeof(*siblings));
    if (siblings == NULL) {
        return SHOAL_ENOMEM;
    }
    uint32_t count = 0;
    for (uint32_t i = 0; i < object->sibling_count; i++) {
        if (!dot_equal(object->siblings[i].dot, dot)) {
            siblings[count++] = object->siblings[i];
        }
    }
    *out =
        (struct object){.context = object->context, .siblings = siblings, .sibling_count = count};
    return 0;
}

int object_replace(struct arena *arena, const struct object *current, struct dot replaced,
                   const struct sibling *added, struct object *out)
{
    struct object others;
    int error = object_without(arena, current, replaced, &others);
    if (error == 0 && others.sibling_count == current->sibling_count) {
        error = SHOAL_ENOTFOUND;
    }
    return error != 0 ? error
                      : object_write(arena, &others, (struct version_vector){0}, added, out);
}

static bool sibling_valid(const struct sibling *sibling)
{
    if (sibling->kind > SIBLING_COUNTER || sibling->value.len > LIMIT_VALUE_BYTES_MAX) {
        return false;
    }
    return sibling->kind != SIBLING_TOMBSTONE ||
           (sibling->value.len == 0 && sibling->expiry_ms == 0);
}

bool object_valid(const struct object *object)
{
    if (object_simple(object)) {
        const struct sibling *only = object->siblings;
        return only->dot.actor != 0 && only->dot.counter != 0 && sibling_valid(only);
    }
    if (object->sibling_count > LIMIT_SIBLINGS || !version_vector_valid(object->context)) {
        return false;
    }
    for (uint32_t i = 0; i < object->sibling_count; i++) {
        const struct sibling *sibling = &object->siblings[i];
        if (sibling->dot.counter == 0 || !sibling_valid(sibling) ||
            !version_vector_covers(object->context, sibling->dot) ||
            (i > 0 && dot_compare(object->siblings[i - 1].dot, sibling->dot) >= 0)) {
            return false;
        }
    }
    return true;
}
