/* The log engine's index against a sorted array: random puts, moves, removals and ranges, with
 * positions and tags that collide, with more actors than the index has numbers for, and with
 * allocations that fail. */
#include "base/memory.h"
#include "property.h"
#include "shoal/error.h"
#include "storage/log_actors.h"
#include "storage/log_index.h"

#define ENTRIES_MAX 4000u
#define ACTORS_MAX 3000u
#define COUNTER_FITS (UINT64_C(1) << 33)

struct world {
    struct log_index_heap heap;
    struct log_index *index;
    struct log_entry entries[ENTRIES_MAX]; /* in order of (position, tag) */
    uint32_t count;
    uint32_t count_max; /* how large it grows */
    uint64_t position_mask;
    uint64_t position_fill; /* what the other bits sometimes are */
    uint64_t tags;
    uint64_t actors;
    uint32_t named[ACTORS_MAX + 1]; /* entries, by actor */
    uint32_t actors_named;
};

static struct world world;

static int compare(uint64_t position, uint16_t tag, const struct log_entry *entry)
{
    if (position != entry->position) {
        return position < entry->position ? -1 : 1;
    }
    return (tag > entry->tag) - (tag < entry->tag);
}

/* Where it is or would be. */
static uint32_t model_at(uint64_t position, uint16_t tag)
{
    uint32_t begin = 0;
    uint32_t end = world.count;
    while (begin < end) {
        uint32_t middle = (begin + end) / 2;
        if (compare(position, tag, &world.entries[middle]) > 0) {
            begin = middle + 1;
        } else {
            end = middle;
        }
    }
    return begin;
}

static bool model_has(uint64_t position, uint16_t tag)
{
    uint32_t at = model_at(position, tag);
    return at < world.count && compare(position, tag, &world.entries[at]) == 0;
}

/* Counts the entries that name an actor, and the actors that are named. */
static void model_name(const struct log_entry *entry, bool more)
{
    if (entry->simple) {
        uint32_t *named = &world.named[entry->dot.actor];
        world.actors_named += more && *named == 0;
        *named += more ? 1u : UINT32_MAX;
        world.actors_named -= !more && *named == 0;
    }
}

/* Whether an entry with this dot can be simple: its actor has a number, or one is free. */
static bool model_has_number(const struct dot *dot)
{
    return world.named[dot->actor] > 0 || world.actors_named < LOG_ACTORS_MAX;
}

static void expect_equal(const struct log_entry *a, const struct log_entry *b)
{
    CHECK(a->position == b->position && a->tag == b->tag);
    CHECK(a->place.slot == b->place.slot && a->place.unit == b->place.unit);
    CHECK(a->size_class == b->size_class && a->simple == b->simple);
    CHECK(!a->simple || dot_equal(a->dot, b->dot));
}

static uint64_t random_position(struct random *random)
{
    uint64_t fill = random_chance(random, 0.2) ? world.position_fill : 0;
    return (random_u64(random) & world.position_mask) | (fill & ~world.position_mask);
}

static struct log_place random_place(struct random *random)
{
    return (struct log_place){.slot = (uint32_t)random_below(random, 1u << LOG_SLOT_BITS),
                              .unit = (uint32_t)random_below(random, 1u << LOG_OFFSET_BITS)};
}

/* Of an entry that is there, or of any. */
static struct log_entry random_entry(struct random *random)
{
    struct log_entry entry = {
        .position = random_position(random),
        .tag = (uint16_t)(random_below(random, world.tags) * (65536 / world.tags)),
        .place = random_place(random),
        .size_class = (uint16_t)random_below(random, 1u << LOG_SIZE_CLASS_BITS),
        .simple = random_chance(random, 0.9),
        .dot = {.actor = 1 + random_below(random, world.actors),
                .counter = 1 + (random_u64(random) >> random_below(random, 64))}};
    if (world.count > 0 && random_chance(random, 0.5)) {
        const struct log_entry *there = &world.entries[random_below(random, world.count)];
        entry.position = there->position;
        entry.tag = there->tag;
    }
    return entry;
}

static void model_insert(uint32_t at, const struct log_entry *entry)
{
    memmove(&world.entries[at + 1], &world.entries[at], (world.count - at) * sizeof(*entry));
    world.entries[at] = *entry;
    world.count++;
}

static void step_put(struct random *random)
{
    struct log_entry entry = random_entry(random);
    bool fails = random_chance(random, 0.2);
    bool reserved = false;
    if (random_chance(random, 0.2)) {
        reserved = log_index_reserve(world.index, entry.position) == 0;
        CHECK(reserved);
    }
    if (fails) {
        mem_fail_from(1 + random_below(random, 3));
    }
    struct log_entry before;
    int code = log_index_put(world.index, &entry, &before);
    mem_fail_never();
    uint32_t at = model_at(entry.position, entry.tag);
    bool there = model_has(entry.position, entry.tag);
    CHECK(code == there || (code == SHOAL_ENOMEM && fails && !there && !reserved));
    if (code == SHOAL_ENOMEM) {
        return;
    }
    struct log_entry now;
    CHECK(log_index_find(world.index, entry.position, entry.tag, &now) == 0);
    bool simple = entry.simple && entry.dot.counter < COUNTER_FITS && model_has_number(&entry.dot);
    CHECK(now.simple == simple || (fails && !now.simple));
    entry.simple = now.simple;
    expect_equal(&now, &entry);
    if (there) {
        expect_equal(&before, &world.entries[at]);
        model_name(&world.entries[at], false);
        world.entries[at] = entry;
    } else {
        model_insert(at, &entry);
    }
    model_name(&entry, true);
}

static void step_remove(struct random *random)
{
    struct log_entry entry = random_entry(random);
    uint32_t at = model_at(entry.position, entry.tag);
    bool there = model_has(entry.position, entry.tag);
    if (random_chance(random, 0.2)) {
        mem_fail_from(1);
    }
    struct log_entry before;
    int code = log_index_remove(world.index, entry.position, entry.tag, &before);
    mem_fail_never();
    CHECK(code == (there ? 0 : SHOAL_ENOTFOUND));
    if (there) {
        expect_equal(&before, &world.entries[at]);
        model_name(&world.entries[at], false);
        world.count--;
        memmove(&world.entries[at], &world.entries[at + 1], (world.count - at) * sizeof(before));
    }
    CHECK(log_index_find(world.index, entry.position, entry.tag, &before) == SHOAL_ENOTFOUND);
}

static void step_move(struct random *random)
{
    struct log_entry entry = random_entry(random);
    uint32_t at = model_at(entry.position, entry.tag);
    bool there = model_has(entry.position, entry.tag);
    struct log_place from = entry.place;
    if (there && random_chance(random, 0.8)) {
        from = world.entries[at].place;
    }
    bool lies_there = there && from.slot == world.entries[at].place.slot &&
                      from.unit == world.entries[at].place.unit;
    struct log_place to = random_place(random);
    CHECK(log_index_move(world.index, entry.position, entry.tag, from, to) == lies_there);
    if (lies_there) {
        world.entries[at].place = to;
    }
}

static void step_range(struct random *random)
{
    static struct log_entry out[ENTRIES_MAX];
    struct log_entry from = random_entry(random);
    uint32_t count = (uint32_t)random_below(random, random_chance(random, 0.5) ? 8 : ENTRIES_MAX);
    uint32_t at = model_at(from.position, from.tag);
    uint32_t met = log_index_range(world.index, from.position, from.tag, out, count);
    CHECK(met == (count < world.count - at ? count : world.count - at));
    for (uint32_t i = 0; i < met; i++) {
        expect_equal(&out[i], &world.entries[at + i]);
    }
}

static void expect_all(void)
{
    static struct log_entry out[ENTRIES_MAX];
    log_index_check(world.index);
    (void)dense_heap_check(&world.heap.leaves);
    CHECK(log_index_count(world.index) == world.count);
    CHECK(log_index_range(world.index, 0, 0, out, ENTRIES_MAX) == world.count);
    for (uint32_t i = 0; i < world.count; i++) {
        expect_equal(&out[i], &world.entries[i]);
    }
}

static void step(struct random *random, bool growing)
{
    uint64_t dice = random_below(random, 10);
    bool may_put = world.count < world.count_max;
    if (dice < (growing ? 6 : 3) && may_put) {
        step_put(random);
    } else if (dice < 7) {
        step_remove(random);
    } else if (dice < 9) {
        step_move(random);
    } else {
        step_range(random);
    }
}

static void world_make(struct random *random)
{
    static const uint32_t counts[] = {12, 300, ENTRIES_MAX};
    static const uint64_t masks[] = {UINT64_MAX,
                                     UINT64_C(0xff) << 56,
                                     UINT64_C(0xffff),
                                     UINT64_C(0x3ff) << 30,
                                     UINT64_C(0xffffffff00000000),
                                     1};
    static const uint64_t tags[] = {1, 4, 65536};
    static const uint64_t actors[] = {3, 40, ACTORS_MAX};
    world.count = 0;
    memset(world.named, 0, sizeof(world.named));
    world.actors_named = 0;
    world.count_max = counts[random_below(random, 3)];
    world.position_mask = masks[random_below(random, 6)];
    world.position_fill = random_u64(random);
    world.tags = tags[random_below(random, 3)];
    world.actors = actors[random_below(random, 3)];
    log_index_heap_init(&world.heap, 0);
    CHECK(log_index_new(&world.heap, &world.index) == 0);
    if (random_chance(random, 0.2)) {
        log_index_expect(world.index, random_below(random, 2 * ENTRIES_MAX));
    }
}

static void the_index_agrees_with_a_sorted_array(struct random *random)
{
    world_make(random);
    uint32_t steps = world.count_max * 5 < 1000 ? 1000 : world.count_max * 5;
    for (uint32_t i = 0; i < steps; i++) {
        step(random, i * 4 / steps % 2 == 0);
        if (world.count_max < 100) {
            log_index_check(world.index);
        }
        if (i % (steps / 50) == 0) {
            expect_all();
        }
    }
    expect_all();
    while (log_index_free_some(world.index)) {
        (void)dense_heap_check(&world.heap.leaves);
    }
    log_index_heap_deinit(&world.heap);
}

static void log_index_property(void **state)
{
    (void)state;
    property_run(the_index_agrees_with_a_sorted_array, 60);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(log_index_property)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
