/* See log_index.h. This file packs and unpacks entries, and keeps the actors' counts; where a leaf
 * is and what it looks like inside is index_directory.c and log_leaf.c.
 *
 *      slot: position 64 | tag 16 | high 32: counter's low bits
 *      low 64: segment slot 20 | unit 22 | size class 9 | actor 10 | tombstone 1 | expires 1 |
 *              counter's top bit 1                                                    22 bytes
 */
#include "storage/log_index.h"

#include <string.h>

#include "shoal/error.h"
#include "storage/log_actors.h"
#include "storage/log_leaf.h"

#define UNIT_SHIFT LOG_SLOT_BITS
#define CLASS_SHIFT (UNIT_SHIFT + LOG_OFFSET_BITS)
#define ACTOR_SHIFT (CLASS_SHIFT + LOG_SIZE_CLASS_BITS)
#define ACTOR_BITS 10u
#define TOMBSTONE_SHIFT (ACTOR_SHIFT + ACTOR_BITS)
#define EXPIRES_SHIFT (TOMBSTONE_SHIFT + 1u)
#define COUNTER_SHIFT (EXPIRES_SHIFT + 1u)
#define LINE_BYTES 64u  /* of a cache */
#define FREE_LEAVES 64u /* in a step */
#define COUNTER_BITS (32u + 64u - COUNTER_SHIFT)
#define PLACE_MASK ((UINT64_C(1) << CLASS_SHIFT) - 1)

_Static_assert(LOG_ACTOR_NONE < 1u << ACTOR_BITS, "its number fits");

/* Sizes: every unit up to EXACT_BYTES, then so many steps to a doubling. */
#define EXACT_BYTES 512u
#define EXACT_CLASSES (EXACT_BYTES / LOG_UNIT_BYTES)
#define EXACT_LOG 9u
#define STEP_LOG 4u

struct log_index {
    struct index_directory directory;
    struct log_actors actors;
    struct log_index_heap *heap;
};

uint16_t log_size_class(uint64_t bytes)
{
    if (bytes <= EXACT_BYTES) {
        return (uint16_t)((bytes + LOG_UNIT_BYTES - 1) / LOG_UNIT_BYTES);
    }
    uint32_t log = 63u - (uint32_t)__builtin_clzll(bytes - 1);
    uint64_t step = ((bytes - 1) >> (log - STEP_LOG)) - (1u << STEP_LOG);
    uint64_t class = EXACT_CLASSES + ((log - EXACT_LOG) << STEP_LOG) + step + 1;
    ASSERT(class < 1u << LOG_SIZE_CLASS_BITS);
    return (uint16_t) class;
}

uint64_t log_size_of_class(uint16_t size_class)
{
    if (size_class <= EXACT_CLASSES) {
        return (uint64_t)size_class * LOG_UNIT_BYTES;
    }
    uint32_t above = size_class - EXACT_CLASSES - 1u;
    uint32_t log = EXACT_LOG + (above >> STEP_LOG);
    uint64_t step = (above & ((1u << STEP_LOG) - 1)) + 1;
    return ((UINT64_C(1) << STEP_LOG) + step) << (log - STEP_LOG);
}

static void leaf_moved(void *self, void *from, void *to)
{
    (void)self;
    (void)from;
    index_directory_leaf_moved(to);
}

void log_index_heap_init(struct log_index_heap *heap, uint64_t bytes_max)
{
    heap->budget = (struct memory_budget){.bytes_max = bytes_max};
    slab_pool_init(&heap->pool, &heap->budget);
    dense_heap_init(&heap->leaves, &heap->pool, leaf_moved, NULL);
}

void log_index_heap_deinit(struct log_index_heap *heap)
{
    ASSERT(heap->leaves.used_bytes == 0);
    dense_heap_deinit(&heap->leaves);
    slab_pool_deinit(&heap->pool);
    ASSERT(heap->budget.held_bytes == 0);
}

bool log_index_heap_release(struct log_index_heap *heap)
{
    return slab_pool_release(&heap->pool);
}

int log_index_new(struct log_index_heap *heap, struct log_index **out)
{
    struct log_index *index = memory_budget_alloc(&heap->budget, sizeof(*index));
    if (index == NULL) {
        return SHOAL_ENOMEM;
    }
    index_directory_init(&index->directory, &log_leaf_kind, &heap->leaves);
    log_actors_init(&index->actors, &heap->budget);
    index->heap = heap;
    *out = index;
    return 0;
}

bool log_index_free_some(struct log_index *index)
{
    if (index_directory_clear_some(&index->directory, FREE_LEAVES)) {
        return true;
    }
    log_index_free(index);
    return false;
}

void log_index_free(struct log_index *index)
{
    if (index == NULL) {
        return;
    }
    index_directory_clear(&index->directory);
    log_actors_deinit(&index->actors);
    memory_budget_free(&index->heap->budget, index, sizeof(*index));
}

uint64_t log_index_count(const struct log_index *index)
{
    return index->directory.count;
}

uint64_t log_index_bytes(const struct log_index *index)
{
    return index->directory.bytes + sizeof(*index) +
           index->actors.capacity * sizeof(struct log_actor);
}

void log_index_expect(struct log_index *index, uint64_t count)
{
    index_directory_expect(&index->directory, count);
}

static uint64_t place_pack(struct log_place place)
{
    ASSERT(place.slot < 1u << LOG_SLOT_BITS && place.unit < 1u << LOG_OFFSET_BITS);
    return place.slot | (uint64_t)place.unit << UNIT_SHIFT;
}

/* All of an entry but its actor's count. */
static struct log_slot entry_pack(const struct log_entry *entry, uint32_t actor)
{
    ASSERT(entry->size_class < 1u << LOG_SIZE_CLASS_BITS);
    uint64_t low = place_pack(entry->place) | (uint64_t)entry->size_class << CLASS_SHIFT |
                   (uint64_t)actor << ACTOR_SHIFT;
    uint64_t counter = 0;
    if (actor != LOG_ACTOR_NONE) {
        counter = entry->dot.counter;
        low |= (uint64_t)entry->tombstone << TOMBSTONE_SHIFT |
               (uint64_t)entry->expires << EXPIRES_SHIFT | counter >> 32 << COUNTER_SHIFT;
    }
    return (struct log_slot){
        .position = entry->position, .low = low, .high = (uint32_t)counter, .tag = entry->tag};
}

static uint32_t slot_actor(const struct log_slot *slot)
{
    return (uint32_t)(slot->low >> ACTOR_SHIFT) & ((1u << ACTOR_BITS) - 1);
}

static struct log_entry entry_unpack(const struct log_index *index, const struct log_slot *slot)
{
    struct log_entry entry = {
        .position = slot->position,
        .tag = slot->tag,
        .place = {.slot = (uint32_t)slot->low & ((1u << LOG_SLOT_BITS) - 1),
                  .unit = (uint32_t)(slot->low >> UNIT_SHIFT) & ((1u << LOG_OFFSET_BITS) - 1)},
        .size_class = (uint16_t)(slot->low >> CLASS_SHIFT & ((1u << LOG_SIZE_CLASS_BITS) - 1)),
    };
    uint32_t actor = slot_actor(slot);
    if (actor != LOG_ACTOR_NONE) {
        entry.simple = true;
        entry.tombstone = (slot->low >> TOMBSTONE_SHIFT & 1) != 0;
        entry.expires = (slot->low >> EXPIRES_SHIFT & 1) != 0;
        entry.dot.actor = log_actors_id(&index->actors, actor);
        entry.dot.counter = slot->low >> COUNTER_SHIFT << 32 | slot->high;
    }
    return entry;
}

/* A number for the actor of the entry's dot, if it can have one. */
static uint32_t actor_take(struct log_index *index, const struct log_entry *entry)
{
    if (!entry->simple || entry->dot.counter >> COUNTER_BITS != 0) {
        return LOG_ACTOR_NONE;
    }
    return log_actors_take(&index->actors, entry->dot.actor);
}

/* Where an entry is, or where it would be. */
struct found {
    struct log_leaf *leaf;
    uint32_t at;
    bool there;
};

static struct found slot_find(const struct log_index *index, uint64_t position, uint16_t tag)
{
    const struct index_ref ref = index_directory_ref(&index->directory, position);
    struct log_leaf *leaf = log_leaf_of(index_ref_leaf(ref));
    uint32_t count = log_leaf_count(leaf, ref);
    uint32_t at = log_leaf_lower_bound(leaf, count, ref.depth, position);
    while (at < count && leaf->slots[at].position == position && leaf->slots[at].tag < tag) {
        at++;
    }
    bool there = at < count && leaf->slots[at].position == position && leaf->slots[at].tag == tag;
    return (struct found){.leaf = leaf, .at = at, .there = there};
}

int log_index_find(const struct log_index *index, uint64_t position, uint16_t tag,
                   struct log_entry *out)
{
    struct found found = slot_find(index, position, tag);
    if (!found.there) {
        return SHOAL_ENOTFOUND;
    }
    *out = entry_unpack(index, &found.leaf->slots[found.at]);
    return 0;
}

void log_index_prefetch(const struct log_index *index, uint64_t position)
{
    const struct index_ref ref = index_directory_ref(&index->directory, position);
    const struct log_leaf *leaf = log_leaf_of(index_ref_leaf(ref));
    uint32_t first =
        ref.homes > LOG_LEAF_WINDOW ? log_leaf_window(ref.homes, ref.depth, position) : 0;
    const uint8_t *begin = (const uint8_t *)&leaf->slots[first];
    for (size_t at = 0; at < LOG_LEAF_WINDOW * sizeof(struct log_slot); at += LINE_BYTES) {
        __builtin_prefetch(begin + at);
    }
}

int log_index_reserve(struct log_index *index, uint64_t position)
{
    for (;;) {
        const struct leaf_head *leaf = index_directory_leaf(&index->directory, position);
        if (leaf->count < leaf->capacity) {
            return 0;
        }
        int code = index_directory_grow(&index->directory, position);
        if (code != 0) {
            return code;
        }
    }
}

int log_index_put(struct log_index *index, const struct log_entry *entry, struct log_entry *before)
{
    struct found found = slot_find(index, entry->position, entry->tag);
    if (found.there) {
        struct log_slot *slot = &found.leaf->slots[found.at];
        *before = entry_unpack(index, slot);
        uint32_t actor = actor_take(index, entry);
        log_actors_give(&index->actors, slot_actor(slot));
        *slot = entry_pack(entry, actor);
        return 1;
    }
    if (found.leaf->head.count == found.leaf->head.capacity) {
        int code = log_index_reserve(index, entry->position);
        if (code != 0) {
            return code;
        }
        found = slot_find(index, entry->position, entry->tag);
    }
    const struct log_slot slot = entry_pack(entry, actor_take(index, entry));
    log_leaf_insert(found.leaf, found.at, &slot);
    index_directory_added(&index->directory, &found.leaf->head);
    return 0;
}

bool log_index_move(struct log_index *index, uint64_t position, uint16_t tag, struct log_place from,
                    struct log_place to)
{
    struct found found = slot_find(index, position, tag);
    if (!found.there) {
        return false;
    }
    struct log_slot *slot = &found.leaf->slots[found.at];
    if ((slot->low & PLACE_MASK) != place_pack(from)) {
        return false;
    }
    slot->low = (slot->low & ~PLACE_MASK) | place_pack(to);
    return true;
}

int log_index_remove(struct log_index *index, uint64_t position, uint16_t tag,
                     struct log_entry *before)
{
    struct found found = slot_find(index, position, tag);
    if (!found.there) {
        return SHOAL_ENOTFOUND;
    }
    const struct log_slot *slot = &found.leaf->slots[found.at];
    *before = entry_unpack(index, slot);
    log_actors_give(&index->actors, slot_actor(slot));
    log_leaf_remove(found.leaf, found.at);
    index_directory_removed(&index->directory, &found.leaf->head);
    return 0;
}

uint32_t log_index_range(const struct log_index *index, uint64_t position, uint16_t tag,
                         struct log_entry *out, uint32_t count)
{
    const struct index_directory *directory = &index->directory;
    uint32_t met = 0;
    uint32_t ref_at = index_directory_ref_at(directory, position);
    uint32_t at = slot_find(index, position, tag).at;
    while (met < count && ref_at < index_directory_ref_count(directory)) {
        const struct log_leaf *leaf = log_leaf_of(index_ref_leaf(directory->refs[ref_at]));
        while (met < count && at < leaf->head.count) {
            out[met++] = entry_unpack(index, &leaf->slots[at++]);
        }
        ref_at = index_directory_next(directory, ref_at);
        at = 0;
    }
    return met;
}

void log_index_check(const struct log_index *index)
{
    index_directory_check(&index->directory);
    const struct log_actors *actors = &index->actors;
    ASSERT(actors->end <= actors->capacity && actors->capacity <= LOG_ACTORS_MAX);
    ASSERT(actors->end == 0 || actors->slots[actors->end - 1].id != 0);
    uint64_t entries[LOG_ACTORS_MAX + 1] = {0};
    for (uint32_t i = 0; i < index_directory_ref_count(&index->directory);) {
        const struct log_leaf *leaf = log_leaf_of(index_ref_leaf(index->directory.refs[i]));
        for (uint32_t at = 0; at < leaf->head.count; at++) {
            entries[slot_actor(&leaf->slots[at])]++;
        }
        i = index_directory_next(&index->directory, i);
    }
    for (uint32_t i = 0; i < LOG_ACTORS_MAX; i++) {
        ASSERT(entries[i] == (i < actors->end ? actors->slots[i].entries : 0));
        ASSERT(i >= actors->end || (actors->slots[i].id != 0) == (entries[i] > 0));
    }
}
