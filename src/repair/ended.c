/* A sorted list for each partition that has any. See ended.h. */
#include "repair/ended.h"

#include "base/assert.h"
#include "base/memory.h"
#include "base/mutant.h"
#include "shoal/error.h"

#define ACTORS_AT_FIRST 4u

void ended_init(struct ended *ended)
{
    table_init(&ended->partitions);
}

void ended_forget(struct ended *ended)
{
    size_t cursor = 0;
    uint64_t key;
    void *value;
    while (table_next(&ended->partitions, &cursor, &key, &value)) {
        struct ended_partition *partition = value;
        mem_free(partition->actors);
        mem_free(partition);
    }
    table_deinit(&ended->partitions);
    table_init(&ended->partitions);
}

void ended_deinit(struct ended *ended)
{
    ended_forget(ended);
}

static struct ended_partition *find_partition(const struct ended *ended, uint32_t partition)
{
    return table_get(&ended->partitions, (uint64_t)partition + 1);
}

/* The first that is not below this actor. */
static uint32_t lower_bound(const struct ended_partition *partition, uint64_t actor)
{
    uint32_t low = 0;
    uint32_t high = partition->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (partition->actors[middle] < actor) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool has_actor(const struct ended_partition *partition, uint64_t actor)
{
    uint32_t at = lower_bound(partition, actor);
    return at < partition->count && partition->actors[at] == actor;
}

bool ended_refuses(const struct ended *ended, uint32_t partition, const struct holding *holding,
                   uint64_t actor)
{
    if (actor == 0 || MUTANT(hear_ended)) {
        return false; /* in nobody's name: a repair, or a hint that is delivered */
    }
    if (holding != NULL && partition_clock_closed(&holding->clock, actor)) {
        return true;
    }
    const struct ended_partition *known =
        ended->partitions.count > 0 ? find_partition(ended, partition) : NULL;
    return known != NULL && has_actor(known, actor);
}

/* ---- confirming ---- */

static struct ended_partition *find_or_add_partition(struct ended *ended, uint32_t partition)
{
    struct ended_partition *known = find_partition(ended, partition);
    if (known != NULL) {
        return known;
    }
    known = mem_alloc_zeroed(1, sizeof(*known));
    if (known != NULL && table_put(&ended->partitions, (uint64_t)partition + 1, known) < 0) {
        mem_free(known);
        known = NULL;
    }
    return known;
}

static int grow(struct ended_partition *partition)
{
    uint32_t capacity = partition->capacity == 0 ? ACTORS_AT_FIRST : partition->capacity * 2;
    uint64_t *actors = mem_realloc(partition->actors, capacity * sizeof(*actors));
    if (actors == NULL) {
        return SHOAL_ENOMEM;
    }
    partition->actors = actors;
    partition->capacity = capacity;
    return 0;
}

/* What the clock has closed it refuses by itself. Only done where there is no room: the clock may
 * be lost, and this not. */
static void prune(struct ended_partition *known, const struct holding *holding)
{
    uint32_t count = 0;
    for (uint32_t i = 0; holding != NULL && i < known->count; i++) {
        if (!partition_clock_closed(&holding->clock, known->actors[i])) {
            known->actors[count++] = known->actors[i];
        }
    }
    known->count = holding != NULL ? count : known->count;
}

/* False when there is no room for it. */
static bool remember(struct ended *ended, uint32_t partition, const struct holding *holding,
                     uint64_t actor)
{
    struct ended_partition *known = find_or_add_partition(ended, partition);
    if (known == NULL) {
        return false;
    }
    if (has_actor(known, actor)) {
        return true;
    }
    if (known->count == ENDED_ACTORS_MAX) {
        prune(known, holding);
    }
    if (known->count == ENDED_ACTORS_MAX) {
        return false;
    }
    if (known->count == known->capacity && grow(known) < 0) {
        return false;
    }
    uint32_t at = lower_bound(known, actor);
    memmove(&known->actors[at + 1], &known->actors[at],
            (known->count - at) * sizeof(*known->actors));
    known->actors[at] = actor;
    known->count++;
    return true;
}

static bool is_mine(const struct ended_standing *standing, uint64_t actor)
{
    return standing->holding != NULL ? standing->holding->actor == actor : standing->has_record;
}

static bool confirm(struct ended *ended, const struct message_ended *question,
                    const struct ended_standing *standing, uint64_t actor)
{
    if (actor == 0 || is_mine(standing, actor)) {
        return false;
    }
    if (!question->certain) {
        return true;
    }
    if (standing->owes && !MUTANT(close_no_hints)) {
        return false;
    }
    const struct holding *holding = standing->holding;
    return remember(ended, question->partition, holding, actor) ||
           (holding != NULL && partition_clock_closed(&holding->clock, actor));
}

uint64_t ended_confirm(struct ended *ended, const struct message_ended *question,
                       const struct ended_standing *standing)
{
    uint64_t confirmed = 0;
    ASSERT(question->count <= LIMIT_ENDED_ACTORS);
    for (uint32_t i = 0; i < question->count; i++) {
        if (confirm(ended, question, standing, question->actors[i])) {
            confirmed |= UINT64_C(1) << i;
        }
    }
    return confirmed;
}

void ended_check(const struct ended *ended)
{
    size_t cursor = 0;
    uint64_t key;
    void *value;
    while (table_next(&ended->partitions, &cursor, &key, &value)) {
        const struct ended_partition *partition = value;
        ASSERT(partition->count <= partition->capacity);
        ASSERT(partition->count <= ENDED_ACTORS_MAX);
        for (uint32_t i = 1; i < partition->count; i++) {
            ASSERT(partition->actors[i - 1] < partition->actors[i]);
        }
    }
}
