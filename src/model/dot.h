/* Dots and version vectors, after "Dotted Version Vectors" (Preguiça et al., 2012).
 *
 * An actor is one unbroken holding of one partition by one node: a random 64-bit id with a counter
 * of its own. A dot names one write: the actor that coordinated it and the counter it gave. A
 * version vector maps actors to counters; an entry (a, n) stands for the range "every dot of a up
 * to n, on this key". That is why a holder that has forgotten one of its own dots must never issue
 * another under the same actor: the new entry would silently cover the forgotten write. */
#ifndef MODEL_DOT_H
#define MODEL_DOT_H

#include "base/arena.h"
#include "base/bytes.h"

struct dot {
    uint64_t actor;   /* never 0 */
    uint64_t counter; /* from 1 */
};

/* By actor, then counter: <0, 0, >0. */
int dot_compare(struct dot a, struct dot b);

static inline bool dot_equal(struct dot a, struct dot b)
{
    return a.actor == b.actor && a.counter == b.counter;
}

/* Entries sorted by actor, each actor once, counters from 1. Borrowed memory, usually the arena. */
struct version_vector {
    const struct dot *entries;
    uint32_t count;
};

/* 0 when the actor has no entry. */
uint64_t version_vector_search(struct version_vector vector, uint64_t actor);
/* The same, quick for one entry, of which most have no more. */
static inline uint64_t version_vector_get(struct version_vector vector, uint64_t actor)
{
    if (vector.count == 1) {
        return vector.entries->actor == actor ? vector.entries->counter : 0;
    }
    return vector.count == 0 ? 0 : version_vector_search(vector, actor);
}

static inline bool version_vector_covers(struct version_vector vector, struct dot dot)
{
    return version_vector_get(vector, dot.actor) >= dot.counter;
}

/* Every entry of b is covered by a. */
bool version_vector_descends(struct version_vector a, struct version_vector b);

bool version_vector_equal(struct version_vector a, struct version_vector b);

/* The entry-wise maximum, allocated in the arena (or one of the inputs when it already is the
 * join): 0, SHOAL_ENOMEM, or SHOAL_EOVERLOAD over LIMIT_CONTEXT_ENTRIES. */
int version_vector_join(struct arena *arena, struct version_vector a, struct version_vector b,
                        struct version_vector *out);

/* The vector with the dot's entry raised to the dot. Outcomes as for join. */
int version_vector_with(struct arena *arena, struct version_vector vector, struct dot dot,
                        struct version_vector *out);

/* Sorted strictly by actor, no zero actor or counter, within the limit. */
bool version_vector_valid(struct version_vector vector);

#endif
