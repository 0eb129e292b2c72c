/* What a clock has seen, a dot at a time. Nearly every dot is the next of the actor that gave the
 * last one, and raises a number; all others go the long way over sorted arrays. */
#include "replica/partition_clock.h"

#include "base/assert.h"
#include "base/memory.h"
#include "replica/partition_clock_inside.h"
#include "shoal/error.h"

#define ACTORS_AT_FIRST 4u
#define SPANS_AT_FIRST 4u

void partition_clock_init(struct partition_clock *clock)
{
    *clock = (struct partition_clock){0};
}

void partition_clock_deinit(struct partition_clock *clock)
{
    for (uint32_t i = 0; i < clock->count; i++) {
        mem_free(clock->actors[i].spans);
    }
    mem_free(clock->actors);
    partition_clock_init(clock);
}

void partition_clock_clear(struct partition_clock *clock)
{
    uint64_t version = clock->version + (clock->count > 0 ? 1 : 0);
    partition_clock_deinit(clock);
    clock->version = version;
}

/* ---- finding ---- */

uint32_t clock_lower_bound(const struct partition_clock *clock, uint64_t actor)
{
    uint32_t low = 0;
    uint32_t high = clock->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (clock->actors[middle].actor < actor) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

struct clock_actor *clock_find(const struct partition_clock *clock, uint64_t actor)
{
    if (clock->recent < clock->count && clock->actors[clock->recent].actor == actor) {
        return &clock->actors[clock->recent];
    }
    uint32_t at = clock_lower_bound(clock, actor);
    if (at == clock->count || clock->actors[at].actor != actor) {
        return NULL;
    }
    return &clock->actors[at];
}

/* The first span that does not end below the counter. */
static uint32_t find_span(const struct clock_actor *actor, uint64_t counter)
{
    uint32_t low = 0;
    uint32_t high = actor->span_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (actor->spans[middle].last < counter) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool actor_seen(const struct clock_actor *actor, uint64_t counter)
{
    if (counter <= actor->base) {
        return true;
    }
    if (actor->span_count == 0) {
        return false;
    }
    uint32_t at = find_span(actor, counter);
    return at < actor->span_count && actor->spans[at].first <= counter;
}

bool partition_clock_seen(const struct partition_clock *clock, struct dot dot)
{
    const struct clock_actor *actor = clock_find(clock, dot.actor);
    return actor != NULL && actor_seen(actor, dot.counter);
}

bool partition_clock_base_covers(const struct partition_clock *clock, struct dot dot)
{
    const struct clock_actor *actor = clock_find(clock, dot.actor);
    return actor != NULL && dot.counter <= actor->base;
}

bool partition_clock_base_descends(const struct partition_clock *clock,
                                   struct version_vector context)
{
    for (uint32_t i = 0; i < context.count; i++) {
        if (!partition_clock_base_covers(clock, context.entries[i])) {
            return false;
        }
    }
    return true;
}

/* ---- spans ---- */

static void remove_span(struct partition_clock *clock, struct clock_actor *actor, uint32_t at)
{
    actor->span_count--;
    clock->span_count--;
    if (actor->span_count == 0) {
        mem_free(actor->spans);
        actor->spans = NULL;
        actor->span_capacity = 0;
        return;
    }
    memmove(&actor->spans[at], &actor->spans[at + 1],
            (actor->span_count - at) * sizeof(*actor->spans));
}

static int insert_span(struct partition_clock *clock, struct clock_actor *actor, uint32_t at,
                       uint64_t counter)
{
    if (actor->spans == NULL || actor->span_count == actor->span_capacity) {
        uint32_t capacity = actor->span_capacity == 0 ? SPANS_AT_FIRST : actor->span_capacity * 2;
        struct clock_span *spans = mem_realloc(actor->spans, capacity * sizeof(*spans));
        if (spans == NULL) {
            return SHOAL_ENOMEM;
        }
        actor->spans = spans;
        actor->span_capacity = capacity;
    }
    memmove(&actor->spans[at + 1], &actor->spans[at],
            (actor->span_count - at) * sizeof(*actor->spans));
    actor->spans[at] = (struct clock_span){.first = counter, .last = counter};
    actor->span_count++;
    clock->span_count++;
    return 0;
}

void clock_cut(struct partition_clock *clock, struct clock_actor *actor, uint32_t keep)
{
    if (keep >= actor->span_count) {
        return;
    }
    clock->span_count -= actor->span_count - keep;
    actor->span_count = keep;
    if (keep == 0) {
        mem_free(actor->spans);
        actor->spans = NULL;
        actor->span_capacity = 0;
    }
}

/* ---- adding ---- */

int clock_reserve(struct partition_clock *clock, uint32_t count)
{
    if (count <= clock->capacity) {
        return 0;
    }
    uint32_t capacity = clock->capacity == 0 ? ACTORS_AT_FIRST : clock->capacity * 2;
    capacity = capacity < count ? count : capacity;
    struct clock_actor *actors = mem_realloc(clock->actors, capacity * sizeof(*actors));
    if (actors == NULL) {
        return SHOAL_ENOMEM;
    }
    clock->actors = actors;
    clock->capacity = capacity;
    return 0;
}

/* The actor's entry, made when there is none, of which then nothing is known; NULL without memory.
 */
static struct clock_actor *find_or_insert(struct partition_clock *clock, uint64_t actor)
{
    uint32_t at = clock_lower_bound(clock, actor);
    if (at < clock->count && clock->actors[at].actor == actor) {
        return &clock->actors[at];
    }
    if (clock_reserve(clock, clock->count + 1) < 0) {
        return NULL;
    }
    memmove(&clock->actors[at + 1], &clock->actors[at],
            (clock->count - at) * sizeof(*clock->actors));
    clock->actors[at] = (struct clock_actor){.actor = actor};
    clock->count++;
    return &clock->actors[at];
}

/* The dot behind the base: it rises, over the first span too where that follows at once. */
static void raise_base(struct partition_clock *clock, struct clock_actor *actor)
{
    actor->base++;
    if (actor->span_count > 0 && actor->spans[0].first == actor->base + 1) {
        actor->base = actor->spans[0].last;
        remove_span(clock, actor, 0);
    }
}

/* A dot above the base that was not seen: 0 or SHOAL_ENOMEM. */
static int add_above(struct partition_clock *clock, struct clock_actor *actor, uint64_t counter)
{
    if (actor->spans == NULL) {
        return insert_span(clock, actor, 0, counter);
    }
    uint32_t at = find_span(actor, counter);
    bool follows = at > 0 && actor->spans[at - 1].last + 1 == counter;
    bool precedes = at < actor->span_count && actor->spans[at].first == counter + 1;
    if (follows && precedes) {
        actor->spans[at - 1].last = actor->spans[at].last;
        remove_span(clock, actor, at);
    } else if (follows) {
        actor->spans[at - 1].last = counter;
    } else if (precedes) {
        actor->spans[at].first = counter;
    } else {
        return insert_span(clock, actor, at, counter);
    }
    return 0;
}

static void add_any(struct partition_clock *clock, struct dot dot)
{
    if (dot.actor == 0 || dot.counter == 0 || dot.counter > CLOCK_COUNTER_MAX) {
        return;
    }
    struct clock_actor *actor = find_or_insert(clock, dot.actor);
    if (actor == NULL) {
        return;
    }
    clock->recent = (uint32_t)(actor - clock->actors);
    if (actor_seen(actor, dot.counter)) {
        return;
    }
    if (dot.counter == actor->base + 1) {
        raise_base(clock, actor);
    } else if (add_above(clock, actor, dot.counter) < 0) {
        clock_bound(clock); /* a new entry may have remained empty */
        return;
    }
    clock->version++;
    if (clock->span_count > CLOCK_SPANS_MAX || clock->count > CLOCK_ACTORS_MAX) {
        clock_bound(clock);
    }
}

void partition_clock_add(struct partition_clock *clock, struct dot dot)
{
    if (clock->recent < clock->count) {
        struct clock_actor *actor = &clock->actors[clock->recent];
        if (actor->actor == dot.actor && actor->span_count == 0 &&
            actor->base < CLOCK_COUNTER_MAX && dot.counter == actor->base + 1) {
            actor->base++;
            clock->version++;
            return;
        }
    }
    add_any(clock, dot);
}

/* ---- closing ---- */

void clock_close(struct partition_clock *clock, struct clock_actor *actor)
{
    clock_cut(clock, actor, 0);
    actor->base = CLOCK_CLOSED;
}

void partition_clock_close(struct partition_clock *clock, uint64_t actor)
{
    struct clock_actor *entry = actor == 0 ? NULL : find_or_insert(clock, actor);
    if (entry == NULL || entry->base == CLOCK_CLOSED) {
        return;
    }
    clock_close(clock, entry);
    clock->version++;
    if (clock->count > CLOCK_ACTORS_MAX) {
        clock_bound(clock);
    }
}

bool partition_clock_closed(const struct partition_clock *clock, uint64_t actor)
{
    const struct clock_actor *entry = clock_find(clock, actor);
    return entry != NULL && entry->base == CLOCK_CLOSED;
}

uint32_t partition_clock_open(const struct partition_clock *clock, uint64_t *out, uint32_t capacity)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < clock->count; i++) {
        if (clock->actors[i].base == CLOCK_CLOSED) {
            continue;
        }
        if (count < capacity) {
            out[count] = clock->actors[i].actor;
        }
        count++;
    }
    return count;
}

/* ---- looking in ---- */

static void check_actor(const struct clock_actor *actor)
{
    ASSERT(actor->actor != 0);
    ASSERT(actor->base > 0 || actor->span_count > 0);
    ASSERT((actor->spans == NULL) == (actor->span_count == 0));
    ASSERT(actor->span_count <= actor->span_capacity);
    uint64_t last = actor->base;
    for (uint32_t i = 0; i < actor->span_count; i++) {
        ASSERT(last < CLOCK_COUNTER_MAX && actor->spans[i].first > last + 1);
        ASSERT(actor->spans[i].first <= actor->spans[i].last);
        last = actor->spans[i].last;
        ASSERT(last <= CLOCK_COUNTER_MAX);
    }
}

void partition_clock_check(const struct partition_clock *clock)
{
    uint32_t span_count = 0;
    ASSERT(clock->count <= clock->capacity);
    ASSERT(clock->count <= CLOCK_ACTORS_MAX);
    ASSERT(clock->span_count <= CLOCK_SPANS_MAX);
    for (uint32_t i = 0; i < clock->count; i++) {
        check_actor(&clock->actors[i]);
        ASSERT(i == 0 || clock->actors[i - 1].actor < clock->actors[i].actor);
        span_count += clock->actors[i].span_count;
    }
    ASSERT(span_count == clock->span_count);
}
