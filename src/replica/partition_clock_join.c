/* Whole clocks: joined, compared, copied, and cut down to their bounds. A join merges sorted arrays
 * and leaves a clock alone that includes the other one already, which is the ordinary case. */
#include "base/memory.h"
#include "base/mutant.h"
#include "replica/partition_clock_inside.h"
#include "shoal/error.h"

/* ---- comparing ---- */

static bool actor_includes(const struct clock_actor *a, const struct clock_actor *b)
{
    if (a->base == CLOCK_CLOSED) {
        return true;
    }
    if (b->base > a->base) { /* closed too: and a has not seen what follows its base */
        return false;
    }
    uint32_t i = 0;
    for (uint32_t j = 0; j < b->span_count; j++) {
        struct clock_span span = b->spans[j];
        while (i < a->span_count && a->spans[i].last < span.last) {
            i++;
        }
        bool within = i < a->span_count && a->spans[i].first <= span.first;
        if (!within && span.last > a->base) {
            return false;
        }
    }
    return true;
}

bool partition_clock_includes(const struct partition_clock *a, const struct partition_clock *b)
{
    uint32_t i = 0;
    for (uint32_t j = 0; j < b->count; j++) {
        while (i < a->count && a->actors[i].actor < b->actors[j].actor) {
            i++;
        }
        if (i == a->count || a->actors[i].actor != b->actors[j].actor ||
            !actor_includes(&a->actors[i], &b->actors[j])) {
            return false;
        }
    }
    return true;
}

static bool actor_equal(const struct clock_actor *a, const struct clock_actor *b)
{
    return a->actor == b->actor && a->base == b->base && a->span_count == b->span_count &&
           (a->span_count == 0 ||
            memcmp(a->spans, b->spans, a->span_count * sizeof(*a->spans)) == 0);
}

bool partition_clock_equal(const struct partition_clock *a, const struct partition_clock *b)
{
    if (a->count != b->count || a->span_count != b->span_count) {
        return false;
    }
    for (uint32_t i = 0; i < a->count; i++) {
        if (!actor_equal(&a->actors[i], &b->actors[i])) {
            return false;
        }
    }
    return true;
}

/* ---- copying ---- */

static int copy_actor(const struct clock_actor *actor, struct clock_actor *out)
{
    *out = *actor;
    out->span_capacity = actor->span_count;
    if (actor->span_count == 0) {
        return 0;
    }
    out->spans = mem_alloc(actor->span_count * sizeof(*out->spans));
    if (out->spans == NULL) {
        return SHOAL_ENOMEM;
    }
    memcpy(out->spans, actor->spans, actor->span_count * sizeof(*out->spans));
    return 0;
}

int partition_clock_copy(const struct partition_clock *clock, struct partition_clock *out)
{
    struct partition_clock copy;
    if (clock == out) {
        return 0;
    }
    partition_clock_init(&copy);
    int result = clock_reserve(&copy, clock->count);
    for (; result == 0 && copy.count < clock->count; copy.count++) {
        result = copy_actor(&clock->actors[copy.count], &copy.actors[copy.count]);
        if (result < 0) {
            break;
        }
    }
    if (result < 0) {
        partition_clock_deinit(&copy);
        return result;
    }
    copy.span_count = clock->span_count;
    copy.recent = clock->recent;
    copy.version = clock->version;
    partition_clock_deinit(out);
    *out = copy;
    return 0;
}

/* ---- joining ---- */

/* Adds a span that begins nowhere before those added already: to the base, to the last one, or
 * behind it. */
static void push_span(struct clock_actor *out, struct clock_span span)
{
    if (span.first <= out->base + 1) {
        out->base = span.last > out->base ? span.last : out->base;
        return;
    }
    struct clock_span *last = out->span_count > 0 ? &out->spans[out->span_count - 1] : NULL;
    if (last != NULL && span.first <= last->last + 1) {
        last->last = span.last > last->last ? span.last : last->last;
        return;
    }
    out->spans[out->span_count++] = span;
}

/* The spans of both into out->spans, above out->base, which they may raise. Writing never overtakes
 * the reading of a's, whose place `out` may therefore have when b has none. */
static void union_spans(const struct clock_span *a, uint32_t a_count, const struct clock_span *b,
                        uint32_t b_count, struct clock_actor *out)
{
    uint32_t i = 0;
    uint32_t j = 0;
    out->span_count = 0;
    while (i < a_count || j < b_count) {
        if (j == b_count || (i < a_count && a[i].first <= b[j].first)) {
            push_span(out, a[i++]);
        } else {
            push_span(out, b[j++]);
        }
    }
}

static void join_actor(struct partition_clock *clock, struct clock_actor *mine,
                       const struct clock_actor *theirs)
{
    if (mine->base == CLOCK_CLOSED) {
        return;
    }
    if (theirs->base == CLOCK_CLOSED) {
        clock_close(clock, mine);
        return;
    }
    uint32_t before = mine->span_count;
    mine->base = theirs->base > mine->base ? theirs->base : mine->base;
    uint32_t capacity = mine->span_count + theirs->span_count;
    struct clock_span *spans = NULL;
    if (theirs->span_count > 0) {
        spans = mem_alloc(capacity * sizeof(*spans));
    }
    struct clock_actor joined = *mine;
    if (spans != NULL) {
        joined.spans = spans;
        joined.span_capacity = capacity;
        union_spans(mine->spans, before, theirs->spans, theirs->span_count, &joined);
        mem_free(mine->spans);
    } else {
        union_spans(mine->spans, before, NULL, 0, &joined);
    }
    if (joined.span_count == 0) {
        mem_free(joined.spans);
        joined.spans = NULL;
        joined.span_capacity = 0;
    }
    clock->span_count = clock->span_count - before + joined.span_count;
    *mine = joined;
}

static uint32_t count_missing(const struct partition_clock *clock,
                              const struct partition_clock *other)
{
    uint32_t missing = 0;
    uint32_t i = 0;
    for (uint32_t j = 0; j < other->count; j++) {
        while (i < clock->count && clock->actors[i].actor < other->actors[j].actor) {
            i++;
        }
        missing += i == clock->count || clock->actors[i].actor != other->actors[j].actor ? 1 : 0;
    }
    return missing;
}

/* Makes an empty entry of each actor that only the other one knows; from behind, in place. */
static void insert_missing(struct partition_clock *clock, const struct partition_clock *other)
{
    uint32_t missing = count_missing(clock, other);
    if (missing == 0 || clock_reserve(clock, clock->count + missing) < 0) {
        return;
    }
    uint32_t i = clock->count;
    uint32_t j = other->count;
    clock->count += missing;
    for (uint32_t at = clock->count; missing > 0;) {
        uint64_t theirs = other->actors[j - 1].actor;
        if (i > 0 && clock->actors[i - 1].actor >= theirs) {
            j -= clock->actors[i - 1].actor == theirs ? 1 : 0;
            clock->actors[--at] = clock->actors[--i];
        } else {
            clock->actors[--at] = (struct clock_actor){.actor = theirs};
            j--;
            missing--;
        }
    }
}

void partition_clock_join(struct partition_clock *clock, const struct partition_clock *other)
{
    if (partition_clock_includes(clock, other)) {
        return;
    }
    insert_missing(clock, other);
    uint32_t i = 0;
    for (uint32_t j = 0; j < other->count; j++) {
        while (i < clock->count && clock->actors[i].actor < other->actors[j].actor) {
            i++;
        }
        if (i < clock->count && clock->actors[i].actor == other->actors[j].actor) {
            join_actor(clock, &clock->actors[i], &other->actors[j]);
        }
    }
    clock->version++;
    clock_bound(clock);
}

/* ---- the bounds ---- */

static bool only_spans(const struct clock_actor *actor)
{
    return actor->base == 0;
}

static bool is_closed(const struct clock_actor *actor)
{
    return actor->base == CLOCK_CLOSED;
}

static bool is_any(const struct clock_actor *actor)
{
    return actor->base > 0;
}

static void bound_actors(struct partition_clock *clock)
{
    static bool (*const goes_first[])(const struct clock_actor *) = {only_spans, is_closed, is_any};
    uint32_t excess = clock->count > CLOCK_ACTORS_MAX ? clock->count - CLOCK_ACTORS_MAX : 0;
    for (size_t kind = 0; kind < sizeof(goes_first) / sizeof(goes_first[0]); kind++) {
        for (uint32_t i = 0; i < clock->count && excess > 0; i++) {
            if (goes_first[kind](&clock->actors[i])) {
                clock_cut(clock, &clock->actors[i], 0);
                clock->actors[i].base = 0;
                excess--;
            }
        }
    }
}

/* How many spans remain when no actor keeps more than `each`. */
static uint32_t count_spans(const struct partition_clock *clock, uint32_t each)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < clock->count; i++) {
        uint32_t spans = clock->actors[i].span_count;
        count += spans < each ? spans : each;
    }
    return count;
}

static void bound_spans(struct partition_clock *clock)
{
    if (clock->span_count <= CLOCK_SPANS_MAX) {
        return;
    }
    uint32_t each = 0; /* the most that fits; some may keep one more */
    uint32_t over = CLOCK_SPANS_MAX + 1;
    while (over - each > 1) {
        uint32_t middle = each + (over - each) / 2;
        if (count_spans(clock, middle) <= CLOCK_SPANS_MAX) {
            each = middle;
        } else {
            over = middle;
        }
    }
    uint32_t spare = CLOCK_SPANS_MAX - count_spans(clock, each);
    for (uint32_t i = 0; i < clock->count; i++) {
        struct clock_actor *actor = &clock->actors[i];
        if (MUTANT(raise_base) && actor->span_count > each) {
            actor->base = actor->spans[actor->span_count - 1].last;
            clock_cut(clock, actor, 0);
        } else if (actor->span_count > each) {
            uint32_t more = spare > 0 ? 1 : 0;
            clock_cut(clock, actor, each + more);
            spare -= more;
        }
    }
}

void clock_bound(struct partition_clock *clock)
{
    bound_spans(clock);
    bound_actors(clock);
    uint32_t count = 0;
    for (uint32_t i = 0; i < clock->count; i++) {
        if (clock->actors[i].base > 0 || clock->actors[i].span_count > 0) {
            clock->actors[count++] = clock->actors[i];
        }
    }
    clock->count = count;
}
