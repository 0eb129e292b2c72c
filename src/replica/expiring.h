/* The siblings of one holding that have an expiry, by the time at which they are to be removed. The
 * heap is bounded; what does not fit is *missed*, and found by a walk over all that is held once
 * the first of it is due. An entry whose sibling is gone does no harm. (Redis finds what has
 * expired by sampling, which finds the last ones late; a timer a key costs a timer a key.) */
#ifndef REPLICA_EXPIRING_H
#define REPLICA_EXPIRING_H

#include "model/dot.h"

#include <stdbool.h>

#define EXPIRING_MAX 4096u
#define EXPIRING_NEVER UINT64_MAX

struct expiring_sibling {
    uint64_t due_ms;
    uint64_t position;
    struct dot dot;
};

struct expiring {
    struct expiring_sibling *heap;
    uint32_t count;
    uint32_t capacity;
    uint64_t missed_ms; /* the first of those missed is due then; EXPIRING_NEVER: none is */
};

void expiring_init(struct expiring *expiring);
void expiring_deinit(struct expiring *expiring);

/* Forgets all. */
void expiring_forget(struct expiring *expiring);

/* Adds one, or notes when what is missed is due. */
void expiring_add(struct expiring *expiring, uint64_t due_ms, uint64_t position, struct dot dot);

/* Takes the first one out if it is due by now. */
bool expiring_pop(struct expiring *expiring, uint64_t now_ms, struct expiring_sibling *out);

/* When the first one is due; EXPIRING_NEVER when there is none. */
uint64_t expiring_next_ms(const struct expiring *expiring);

void expiring_check(const struct expiring *expiring);

#endif
