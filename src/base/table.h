/* A hash table from 64-bit numbers (ids) to pointers: open addressing, linear probing, deletion by
 * shifting back, so that it never fills with tombstones. Keys are mixed before use; keys that an
 * outsider can choose must be hashed with a secret by the caller first. */
#ifndef BASE_TABLE_H
#define BASE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct table_slot {
    uint64_t key;
    void *value; /* NULL marks a free slot */
};

struct table {
    struct table_slot *slots; /* NULL while empty */
    size_t capacity;          /* power of two, or 0 */
    size_t count;
};

void table_init(struct table *table);
void table_deinit(struct table *table);

/* The value, or NULL. */
void *table_get(const struct table *table, uint64_t key);

/* Adds or replaces; value must not be NULL. 0 or SHOAL_ENOMEM. */
int table_put(struct table *table, uint64_t key, void *value);

/* The value removed, or NULL. */
void *table_remove(struct table *table, uint64_t key);

/* Walks all entries in slot order: start with *cursor = 0; false at the end. The table may not be
 * changed during the walk. The order depends only on the keys and the history, never on addresses.
 */
bool table_next(const struct table *table, size_t *cursor, uint64_t *key, void **value);

#endif
