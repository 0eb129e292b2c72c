/* The actors that a partition's index refers to by a small number instead of their 64 bits. Every
 * actor counts the entries that name it, and its number is free again when none does. Few actors
 * coordinate a partition at a time, so the table is an array that is searched from its beginning.
 */
#ifndef STORAGE_LOG_ACTORS_H
#define STORAGE_LOG_ACTORS_H

#include "storage/memory_budget.h"

#define LOG_ACTORS_MAX 1023u
#define LOG_ACTOR_NONE 1023u /* a number that no actor has */

struct log_actor {
    uint64_t id;      /* 0: the number is free */
    uint64_t entries; /* that name it */
};

struct log_actors {
    struct memory_budget *budget; /* borrowed */
    struct log_actor *slots;
    uint32_t capacity;
    uint32_t end; /* numbers from here on are free */
};

void log_actors_init(struct log_actors *actors, struct memory_budget *budget);
void log_actors_deinit(struct log_actors *actors);

/* The actor's number, for one entry more. LOG_ACTOR_NONE when there is no room for another actor.
 */
uint32_t log_actors_take(struct log_actors *actors, uint64_t actor);

/* One entry less. LOG_ACTOR_NONE is harmless. */
void log_actors_give(struct log_actors *actors, uint32_t number);

static inline uint64_t log_actors_id(const struct log_actors *actors, uint32_t number)
{
    ASSERT(number < actors->end);
    return actors->slots[number].id;
}

#endif
