/* See position_index.h. */
#include "storage/position_index.h"

#include "base/prefetch.h"
#include "storage/index_leaf.h"

#define PREFETCH_SLOTS 8u
#define PREFETCH_BLOCK_BYTES 192u /* of a record: small ones are here then */

static struct index_leaf *leaf_at(const struct position_index *index, uint64_t position)
{
    return index_leaf_of(index_directory_leaf(&index->directory, position));
}

void position_index_init(struct position_index *index, struct dense_heap *leaves)
{
    index_directory_init(&index->directory, &index_leaf_kind, leaves);
}

void position_index_clear(struct position_index *index)
{
    index_directory_clear(&index->directory);
}

struct index_slot *position_index_find(const struct position_index *index, uint64_t position,
                                       struct bytes key)
{
    const struct index_ref ref = index_directory_ref(&index->directory, position);
    struct index_leaf *leaf = index_leaf_of(index_ref_leaf(ref));
    uint32_t home = leaf_home(position, ref.depth, ref.homes);
    uint32_t at = index_leaf_lower_bound(leaf, ref.homes, home, position);
    struct index_slot *slot = &leaf->slots[at];
    while (slot->position == position && slot->block != NULL) {
        if (bytes_equal(record_key(slot->block), key)) {
            return slot;
        }
        slot++;
    }
    return NULL;
}

void position_index_prefetch(const struct position_index *index, uint64_t position)
{
    const struct index_ref ref = index_directory_ref(&index->directory, position);
    const struct index_leaf *leaf = index_leaf_of(index_ref_leaf(ref));
    prefetch_bytes(&leaf->slots[leaf_home(position, ref.depth, ref.homes)],
                   INDEX_LEAF_WINDOW * sizeof(struct index_slot));
}

void position_index_prefetch_block(const struct position_index *index, uint64_t position)
{
    const struct index_ref ref = index_directory_ref(&index->directory, position);
    const struct index_leaf *leaf = index_leaf_of(index_ref_leaf(ref));
    uint32_t home = leaf_home(position, ref.depth, ref.homes);
    prefetch_bytes(leaf->slots[index_leaf_lower_bound(leaf, ref.homes, home, position)].block,
                   PREFETCH_BLOCK_BYTES);
}

int position_index_reserve(struct position_index *index, uint64_t position)
{
    while (!index_leaf_has_room(leaf_at(index, position), position)) {
        int code = index_directory_grow(&index->directory, position);
        if (code != 0) {
            return code;
        }
    }
    return 0;
}

void position_index_add(struct position_index *index, uint64_t position, uint8_t *block)
{
    struct index_leaf *leaf = leaf_at(index, position);
    index_leaf_add(leaf, position, block);
    index_directory_added(&index->directory, &leaf->head);
}

void position_index_remove(struct position_index *index, struct index_slot *slot)
{
    struct index_leaf *leaf = leaf_at(index, slot->position);
    index_leaf_remove(leaf, (uint32_t)(slot - leaf->slots));
    index_directory_removed(&index->directory, &leaf->head);
}

bool position_index_block_moved(struct position_index *index, uint32_t position_high,
                                const uint8_t *from, uint8_t *to)
{
    /* The low half of the position is not known: its home is this one or a later one. */
    uint64_t position = (uint64_t)position_high << 32;
    const struct index_ref ref = index_directory_ref(&index->directory, position);
    struct index_leaf *leaf = index_leaf_of(index_ref_leaf(ref));
    uint32_t at = leaf_home(position, ref.depth, ref.homes);
    while (at < leaf->head.capacity && leaf->slots[at].block != from) {
        at++;
    }
    if (at == leaf->head.capacity) {
        return false;
    }
    leaf->slots[at].block = to;
    return true;
}

void position_index_seek(const struct position_index *index, uint64_t position,
                         struct index_cursor *cursor)
{
    uint32_t at = index_directory_ref_at(&index->directory, position);
    const struct index_ref ref = index->directory.refs[at];
    uint32_t home = leaf_home(position, ref.depth, ref.homes);
    const struct index_leaf *leaf = index_leaf_of(index_ref_leaf(ref));
    uint32_t slot = index_leaf_lower_bound(leaf, ref.homes, home, position);
    *cursor = (struct index_cursor){.index = index, .ref = at, .slot = slot};
}

struct index_slot *position_index_next(struct index_cursor *cursor)
{
    const struct index_directory *directory = &cursor->index->directory;
    while (cursor->ref < index_directory_ref_count(directory)) {
        struct index_leaf *leaf = index_leaf_of(index_ref_leaf(directory->refs[cursor->ref]));
        while (cursor->slot < leaf->head.capacity) {
            struct index_slot *slot = &leaf->slots[cursor->slot++];
            if (slot->block == NULL) {
                continue;
            }
            if (cursor->slot + PREFETCH_SLOTS < leaf->head.capacity) {
                __builtin_prefetch(leaf->slots[cursor->slot + PREFETCH_SLOTS].block);
            }
            return slot;
        }
        cursor->ref = index_directory_next(directory, cursor->ref);
        cursor->slot = 0;
    }
    return NULL;
}

void position_index_check(const struct position_index *index)
{
    index_directory_check(&index->directory);
}
