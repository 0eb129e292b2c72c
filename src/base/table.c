/* Linear probing over a power of two of slots, at most 3/4 of them in use, so that a lookup looks
 * at a few neighbouring slots (Knuth, TAOCP 6.4, algorithms L and R). A removal shifts later
 * entries of the run back instead of leaving a mark, and growing is the only rebuild. */
#include "base/table.h"

#include "base/assert.h"
#include "base/hash.h"
#include "base/memory.h"
#include "shoal/error.h"

#define CAPACITY_MIN 16u

void table_init(struct table *table)
{
    *table = (struct table){0};
}

void table_deinit(struct table *table)
{
    mem_free(table->slots);
    *table = (struct table){0};
}

static size_t home_of(uint64_t key, size_t capacity)
{
    return (size_t)hash_mix(key) & (capacity - 1);
}

/* The slot that holds the key, or the free one where it belongs. The table is not empty. */
static size_t slot_of(const struct table *table, uint64_t key)
{
    size_t at = home_of(key, table->capacity);
    while (table->slots[at].value != NULL && table->slots[at].key != key) {
        at = (at + 1) & (table->capacity - 1);
    }
    return at;
}

void *table_get(const struct table *table, uint64_t key)
{
    if (table->count == 0) {
        return NULL;
    }
    return table->slots[slot_of(table, key)].value;
}

static int grow(struct table *table)
{
    struct table larger = {
        .capacity = table->capacity == 0 ? CAPACITY_MIN : 2 * table->capacity,
        .count = table->count,
    };
    larger.slots = mem_alloc_zeroed(larger.capacity, sizeof(*larger.slots));
    if (larger.slots == NULL) {
        return SHOAL_ENOMEM;
    }
    for (size_t i = 0; i < table->capacity; i++) {
        if (table->slots[i].value != NULL) {
            larger.slots[slot_of(&larger, table->slots[i].key)] = table->slots[i];
        }
    }
    mem_free(table->slots);
    *table = larger;
    return 0;
}

int table_put(struct table *table, uint64_t key, void *value)
{
    ASSERT(value != NULL);
    if (table->capacity > 0) {
        struct table_slot *slot = &table->slots[slot_of(table, key)];
        if (slot->value != NULL) {
            slot->value = value;
            return 0;
        }
    }
    if (table->count + 1 > table->capacity / 4 * 3) {
        int error = grow(table);
        if (error != 0) {
            return error;
        }
    }
    table->slots[slot_of(table, key)] = (struct table_slot){.key = key, .value = value};
    table->count++;
    return 0;
}

/* Fills the hole with the next entry of the run that may stand there, which leaves a new hole,
 * until the run ends. An entry may move back to the hole unless its home lies behind it. */
static void close_hole(struct table *table, size_t hole)
{
    size_t mask = table->capacity - 1;
    for (size_t at = (hole + 1) & mask; table->slots[at].value != NULL; at = (at + 1) & mask) {
        size_t home = home_of(table->slots[at].key, table->capacity);
        if (((at - home) & mask) >= ((at - hole) & mask)) {
            table->slots[hole] = table->slots[at];
            hole = at;
        }
    }
    table->slots[hole] = (struct table_slot){0};
}

void *table_remove(struct table *table, uint64_t key)
{
    if (table->count == 0) {
        return NULL;
    }
    size_t at = slot_of(table, key);
    void *value = table->slots[at].value;
    if (value != NULL) {
        close_hole(table, at);
        table->count--;
    }
    return value;
}

bool table_next(const struct table *table, size_t *cursor, uint64_t *key, void **value)
{
    while (*cursor < table->capacity) {
        const struct table_slot *slot = &table->slots[(*cursor)++];
        if (slot->value != NULL) {
            *key = slot->key;
            *value = slot->value;
            return true;
        }
    }
    return false;
}
