/* Joining, adding and adding up; see counter.h. Sums are added up in 128 bits, so that no order of
 * additions and no number of shards overflows on the way to a total that fits. */
#include "model/counter.h"

#include "base/limits.h"
#include "base/mutant.h"
#include "shoal/error.h"

__extension__ typedef __int128 wide;

static wide counter_sum(const struct counter *counter)
{
    wide sum = counter->base;
    for (uint32_t i = 0; i < counter->shard_count; i++) {
        sum += counter->shards[i].sum;
    }
    return sum;
}

static bool fits(wide number)
{
    return number >= INT64_MIN && number <= INT64_MAX;
}

int64_t counter_total(const struct counter *counter)
{
    wide sum = counter_sum(counter);
    if (fits(sum)) {
        return (int64_t)sum;
    }
    return sum < 0 ? INT64_MIN : INT64_MAX;
}

/* ---- joining ---- */

/* Of two copies of a shard the later; two contents under one number can't come about as long as
 * actors are never reused: should damage bring it about, all holders choose alike. */
static struct counter_shard shard_later(struct counter_shard a, struct counter_shard b)
{
    if (a.last != b.last && !MUTANT(shard_larger)) {
        return a.last > b.last ? a : b;
    }
    return a.sum > b.sum ? a : b;
}

int counter_join(struct arena *arena, const struct counter *a, const struct counter *b,
                 struct counter *out)
{
    struct counter_shard *shards = arena_alloc_array(
        arena, (size_t)a->shard_count + b->shard_count + 1, sizeof(struct counter_shard));
    if (shards == NULL) {
        return SHOAL_ENOMEM;
    }
    uint32_t count = 0;
    uint32_t i = 0;
    uint32_t j = 0;
    while (i < a->shard_count || j < b->shard_count) {
        int order = i == a->shard_count   ? 1
                    : j == b->shard_count ? -1
                                          : dot_compare(a->shards[i].start, b->shards[j].start);
        if (order == 0) {
            shards[count++] = shard_later(a->shards[i++], b->shards[j++]);
        } else {
            shards[count++] = order < 0 ? a->shards[i++] : b->shards[j++];
        }
    }
    if (count > LIMIT_COUNTER_SHARDS) {
        return SHOAL_EOVERLOAD;
    }
    *out = (struct counter){
        .epoch = a->epoch, .base = a->base, .shards = shards, .shard_count = count};
    return 0;
}

/* ---- adding ---- */

/* The actor's shard that its next dot may go on with; shard_count when there is none. */
static uint32_t counter_own(const struct counter *counter, uint64_t actor, uint64_t before)
{
    uint32_t i = 0;
    while (i < counter->shard_count && (counter->shards[i].start.actor != actor ||
                                        counter->shards[i].last != before || before == 0)) {
        i++;
    }
    return i;
}

/* Does a shard claim to have begun with a dot that is not given yet? */
static bool counter_begun(const struct counter *counter, struct dot dot)
{
    for (uint32_t i = 0; i < counter->shard_count; i++) {
        if (dot_equal(counter->shards[i].start, dot)) {
            return true;
        }
    }
    return false;
}

/* A copy with room for one more. */
static struct counter_shard *counter_copy(struct arena *arena, const struct counter *counter)
{
    struct counter_shard *shards =
        arena_alloc_array(arena, (size_t)counter->shard_count + 1, sizeof(*shards));
    if (shards != NULL && counter->shard_count > 0) {
        memcpy(shards, counter->shards, counter->shard_count * sizeof(*shards));
    }
    return shards;
}

int counter_add(struct arena *arena, const struct counter *counter, struct dot dot, uint64_t before,
                int64_t delta, struct counter *out, int64_t *total)
{
    wide after = counter_sum(counter) + delta;
    uint32_t own = counter_own(counter, dot.actor, before);
    int64_t sum = delta;
    if (!fits(after)) {
        return SHOAL_ETOOBIG;
    }
    if (own < counter->shard_count &&
        __builtin_add_overflow(counter->shards[own].sum, delta, &sum)) {
        own = counter->shard_count; /* it is full: another begins */
        sum = delta;
    }
    if (counter_begun(counter, dot)) {
        return SHOAL_EPROTO;
    }
    bool begins = own == counter->shard_count;
    if (begins && counter->shard_count >= LIMIT_COUNTER_SHARDS) {
        return SHOAL_EOVERLOAD;
    }
    struct counter_shard *shards = counter_copy(arena, counter);
    if (shards == NULL) {
        return SHOAL_ENOMEM;
    }
    struct counter_shard added = {
        .start = begins ? dot : shards[own].start, .last = dot.counter, .sum = sum};
    while (begins && own > 0 && dot_compare(shards[own - 1].start, dot) > 0) {
        shards[own] = shards[own - 1];
        own--;
    }
    shards[own] = added;
    uint32_t count = counter->shard_count + (begins ? 1 : 0);
    if (MUTANT(shard_alone)) {
        shards[0] = added;
        count = 1;
    }
    *out = (struct counter){
        .epoch = counter->epoch, .base = counter->base, .shards = shards, .shard_count = count};
    *total = (int64_t)after;
    return 0;
}

int counter_keep(struct arena *arena, const struct counter *counter, struct dot dot,
                 uint64_t before, struct counter *out)
{
    uint32_t own = counter_own(counter, dot.actor, before);
    struct counter_shard *shards = counter_copy(arena, counter);
    if (shards == NULL) {
        return SHOAL_ENOMEM;
    }
    if (own < counter->shard_count) {
        shards[own].last = dot.counter;
    }
    *out = *counter;
    out->shards = shards;
    return 0;
}
