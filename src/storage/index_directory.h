/* The upper half of a partition's index: extendible hashing (Fagin and others, 1979) over the top
 * bits of the position leads to a leaf. It decides when a leaf grows, splits, shrinks or goes: one
 * leaf at a time, so no step touches more than some hundreds of slots and the index is never twice
 * there. What a slot is and how a leaf is searched is up to its kind, of which there are two:
 * index_leaf.h is made to be quick, log_leaf.h to be small.
 *
 *      refs (2^depth)          leaf: a head of 32 bytes, then slots in order of position
 *      00 --\
 *      01 ---+---------------> all positions that begin with 0
 * empty 10 ------> leaf of the positions that begin with 10       11 ------> leaf
 */
#ifndef STORAGE_INDEX_DIRECTORY_H
#define STORAGE_INDEX_DIRECTORY_H

#include "storage/dense_heap.h"

#define LEAF_HOMES_MAX 16383u

struct index_directory;

/* What every leaf begins with. */
struct leaf_head {
    struct index_directory *owner;
    uint64_t first;    /* the first position of its range */
    uint32_t count;    /* of entries */
    uint32_t capacity; /* of slots */
    uint32_t homes;    /* slots that its range is spread over: see leaf_home */
    uint32_t depth;    /* its range: positions that share this many top bits with first */
};

/* Packed, so that all of them stay in the caches where the leaves do not. */
struct index_ref {
    uint64_t leaf : 44;  /* its address divided by 16: addresses have 48 bits */
    uint64_t homes : 14; /* of the leaf */
    uint64_t depth : 6;  /* of the leaf */
};

/* What the directory must know of leaves. Functions see leaves of the kind only. */
struct leaf_kind {
    const struct leaf_head *empty; /* shared by all ranges without an entry; never written */
    uint32_t capacity_first;       /* of a leaf that is to have its first entry */
    uint32_t capacity_max;         /* full leaves of this or more are split where that helps */
    size_t (*bytes)(uint32_t capacity);
    uint32_t (*capacity_for)(uint32_t count);      /* to build one for that many entries */
    uint32_t (*capacity_after)(uint32_t capacity); /* the next larger */
    bool (*too_large)(const struct leaf_head *leaf);
    /* How many entries lie below the position; *slot: no entry at or above it is before this. */
    uint32_t (*count_below)(const struct leaf_head *leaf, uint64_t position, uint32_t *slot);
    /* Sets the count, homes and slots of a leaf whose other fields are set: to `count` entries of
     * another, from that slot on. They are fewer than the capacity, or as many as
     * capacity_for was asked about. */
    void (*fill)(struct leaf_head *leaf, const struct leaf_head *from, uint32_t slot,
                 uint32_t count);
    void (*check)(const struct leaf_head *leaf);
};

struct index_directory {
    struct index_ref *refs; /* &root while depth is 0 */
    uint32_t depth;         /* log2 of how many refs there are */
    uint32_t leaf_count;    /* ranges, those without an entry counted too */
    uint32_t cleared;       /* refs whose leaves are gone, while it is being cleared */
    struct index_ref root;
    const struct leaf_kind *kind;
    struct dense_heap *leaves;
    uint64_t count; /* of entries */
    uint64_t bytes; /* of leaves and refs */
};

/* `leaves` holds nothing but leaves of such directories, tells index_directory_leaf_moved of moves,
 * and outlives them. The directory itself must stay where it is. */
void index_directory_init(struct index_directory *directory, const struct leaf_kind *kind,
                          struct dense_heap *leaves);

/* Frees the leaves and becomes empty. */
void index_directory_clear(struct index_directory *directory);

/* Frees up to so many leaves; true while there are more. Until then it is good for nothing else. */
bool index_directory_clear_some(struct index_directory *directory, uint32_t leaves_max);

/* To be called by the leaves' heap: the leaf now lies at `to`. */
void index_directory_leaf_moved(void *to);

/* If it is empty: has ranges for about so many entries, so that adding them in order of position
 * does not crowd them into few leaves. Without the memory nothing changes. */
void index_directory_expect(struct index_directory *directory, uint64_t count);

/* One step towards room for an entry in the leaf of the position, which may be another then. 0, or
 * SHOAL_ENOMEM and no entry has changed. */
int index_directory_grow(struct index_directory *directory, uint64_t position);

/* An entry was added to the leaf, or taken out of it, and the leaf's count and homes say so. After
 * a removal the leaf may be gone or another. */
void index_directory_added(struct index_directory *directory, const struct leaf_head *leaf);
void index_directory_removed(struct index_directory *directory, struct leaf_head *leaf);

/* Asserts the invariants; walks everything. */
void index_directory_check(const struct index_directory *directory);

static inline uint32_t index_directory_ref_count(const struct index_directory *directory)
{
    return UINT32_C(1) << directory->depth;
}

static inline uint32_t index_directory_ref_at(const struct index_directory *directory,
                                              uint64_t position)
{
    return (uint32_t)(position >> 1 >> (63 - directory->depth));
}

static inline struct index_ref index_directory_ref(const struct index_directory *directory,
                                                   uint64_t position)
{
    return directory->refs[index_directory_ref_at(directory, position)];
}

static inline struct leaf_head *index_ref_leaf(struct index_ref ref)
{
    return (struct leaf_head *)((uintptr_t)ref.leaf << 4);
}

static inline struct leaf_head *index_directory_leaf(const struct index_directory *directory,
                                                     uint64_t position)
{
    return index_ref_leaf(index_directory_ref(directory, position));
}

/* How many refs in a row lead to a leaf of that depth. */
static inline uint32_t index_directory_span(const struct index_directory *directory,
                                            uint32_t leaf_depth)
{
    return UINT32_C(1) << (directory->depth - leaf_depth);
}

/* The ref of the leaf after the one that the ref at `at` leads to. */
static inline uint32_t index_directory_next(const struct index_directory *directory, uint32_t at)
{
    uint32_t span = index_directory_span(directory, directory->refs[at].depth);
    return (at | (span - 1)) + 1;
}

/* Where a leaf of that depth has its entry of the position, about: the position's fraction of the
 * range, of the homes. Rises with the position. */
static inline uint32_t leaf_home(uint64_t position, uint32_t depth, uint32_t homes)
{
    uint64_t fraction = (position << depth) >> 32;
    return (uint32_t)(fraction * homes >> 32);
}

#endif
