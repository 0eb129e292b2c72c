/* See log_actors.h. */
#include "storage/log_actors.h"

#include <string.h>

#define CAPACITY_FIRST 4u

void log_actors_init(struct log_actors *actors, struct memory_budget *budget)
{
    *actors = (struct log_actors){.budget = budget};
}

void log_actors_deinit(struct log_actors *actors)
{
    memory_budget_free(actors->budget, actors->slots, actors->capacity * sizeof(*actors->slots));
    log_actors_init(actors, actors->budget);
}

static bool grow(struct log_actors *actors)
{
    if (actors->capacity == LOG_ACTORS_MAX) {
        return false;
    }
    uint32_t capacity = actors->capacity == 0 ? CAPACITY_FIRST : actors->capacity * 2;
    capacity = capacity < LOG_ACTORS_MAX ? capacity : LOG_ACTORS_MAX;
    struct log_actor *slots = memory_budget_alloc(actors->budget, capacity * sizeof(*slots));
    if (slots == NULL) {
        return false;
    }
    if (actors->end > 0) {
        memcpy(slots, actors->slots, actors->end * sizeof(*slots));
    }
    memory_budget_free(actors->budget, actors->slots, actors->capacity * sizeof(*slots));
    actors->slots = slots;
    actors->capacity = capacity;
    return true;
}

uint32_t log_actors_take(struct log_actors *actors, uint64_t actor)
{
    ASSERT(actor != 0);
    uint32_t number = actors->end;
    for (uint32_t i = 0; i < actors->end; i++) {
        if (actors->slots[i].id == actor) {
            actors->slots[i].entries++;
            return i;
        }
        if (actors->slots[i].id == 0 && number == actors->end) {
            number = i;
        }
    }
    if (number == actors->capacity && !grow(actors)) {
        return LOG_ACTOR_NONE;
    }
    actors->slots[number] = (struct log_actor){.id = actor, .entries = 1};
    actors->end += number == actors->end;
    return number;
}

void log_actors_give(struct log_actors *actors, uint32_t number)
{
    if (number == LOG_ACTOR_NONE) {
        return;
    }
    ASSERT(number < actors->end && actors->slots[number].entries > 0);
    actors->slots[number].entries--;
    if (actors->slots[number].entries > 0) {
        return;
    }
    actors->slots[number].id = 0;
    while (actors->end > 0 && actors->slots[actors->end - 1].id == 0) {
        actors->end--;
    }
}
