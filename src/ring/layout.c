#include "ring/layout.h"

#include "base/assert.h"
#include "base/memory.h"
#include "ring/layout_parts.h"
#include "shoal/error.h"

#include <string.h>

int layout_key_compare(const struct layout_key *a, const struct layout_key *b)
{
    if (a->version != b->version) {
        return a->version < b->version ? -1 : 1;
    }
    return content_hash_compare(&a->hash, &b->hash);
}

int cluster_facts_check(const struct cluster_facts *facts, const char **why)
{
    const char *wrong = NULL;
    if (facts->id == 0) {
        wrong = "the cluster's id is 0";
    } else if (memchr(facts->name, 0, sizeof(facts->name)) == NULL) {
        wrong = "the cluster's name is too long";
    } else if (facts->partitions == 0 || facts->partitions > LIMIT_PARTITIONS_MAX ||
               (facts->partitions & (facts->partitions - 1)) != 0) {
        wrong = "partitions must be a power of two, 1 to 65536";
    } else if (facts->n == 0 || facts->n > LIMIT_REPLICAS) {
        wrong = "n must be 1 to 8";
    } else if (facts->r == 0 || facts->r > facts->n) {
        wrong = "r must be 1 to n";
    } else if (facts->w == 0 || facts->w > facts->n) {
        wrong = "w must be 1 to n";
    }
    if (wrong != NULL) {
        *why = wrong;
        return SHOAL_EINVAL;
    }
    return 0;
}

bool cluster_facts_equal(const struct cluster_facts *a, const struct cluster_facts *b)
{
    return a->id == b->id && strcmp(a->name, b->name) == 0 && a->partitions == b->partitions &&
           a->n == b->n && a->r == b->r && a->w == b->w &&
           memcmp(a->hash_seed, b->hash_seed, sizeof(a->hash_seed)) == 0;
}

static void layout_free(struct layout *layout)
{
    mem_free(layout->owners);
    mem_free(layout->members);
    roles_deinit(&layout->roles);
    mem_free(layout->parents);
    mem_free(layout);
}

struct layout *layout_ref(const struct layout *layout)
{
    struct layout *held = (struct layout *)layout; /* the count is all that ever changes */
    uint32_t before = __atomic_fetch_add(&held->references, 1, __ATOMIC_RELAXED);
    ASSERT(before > 0 && before < UINT32_MAX);
    return held;
}

void layout_unref(struct layout *layout)
{
    if (layout == NULL) {
        return;
    }
    uint32_t before = __atomic_fetch_sub(&layout->references, 1, __ATOMIC_ACQ_REL);
    ASSERT(before > 0);
    if (before == 1) {
        layout_free(layout);
    }
}

/* 0 also where one is staged: such roles are no layout's. */
static uint32_t members_in(const struct roles *roles)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < roles->count; i++) {
        if (roles->items[i].staged) {
            return 0;
        }
        count += roles->items[i].kind == ROLE_IN;
    }
    return count;
}

int layout_begin(const struct cluster_facts *facts, struct roles *roles, uint32_t parent_count,
                 struct layout **out)
{
    uint32_t member_count = members_in(roles);
    if (member_count == 0) {
        return SHOAL_EINVAL;
    }
    struct layout *layout = mem_alloc_zeroed(1, sizeof(*layout));
    if (layout == NULL) {
        return SHOAL_ENOMEM;
    }
    layout->references = 1;
    layout->facts = *facts;
    layout->replicas = facts->n < member_count ? facts->n : member_count;
    layout->parents = mem_alloc_zeroed(parent_count, sizeof(*layout->parents));
    layout->members = mem_alloc_zeroed(member_count, sizeof(*layout->members));
    layout->owners = mem_alloc_zeroed(layout_slots(layout), sizeof(*layout->owners));
    if (layout->parents == NULL || layout->members == NULL || layout->owners == NULL) {
        layout_free(layout);
        return SHOAL_ENOMEM;
    }
    layout->parent_count = parent_count;
    for (uint32_t i = 0; i < roles->count; i++) {
        if (roles->items[i].kind == ROLE_IN) {
            layout->members[layout->member_count++] = (struct layout_member){
                .node = roles->items[i].node, .weight = roles->items[i].weight};
        }
    }
    layout->roles = *roles;
    *roles = (struct roles){0};
    *out = layout;
    return 0;
}

void layout_derive(struct layout *layout)
{
    for (uint32_t i = 0; i < layout->member_count; i++) {
        layout->members[i].partitions = 0;
    }
    for (size_t slot = 0; slot < layout_slots(layout); slot++) {
        layout->members[layout->owners[slot]].partitions++;
    }
}

int layout_seal(struct layout *layout)
{
    struct buffer buffer;
    buffer_init(&buffer, 0);
    int r = layout_encode(layout, &buffer);
    if (r == 0) {
        crypto_hash(&layout->key.hash, buffer_bytes(&buffer));
    }
    buffer_deinit(&buffer);
    return r;
}

int layout_member_index(const struct layout *layout, uint64_t node)
{
    uint32_t low = 0;
    uint32_t high = layout->member_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (layout->members[middle].node == node) {
            return (int)middle;
        }
        if (layout->members[middle].node < node) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return -1;
}

uint32_t layout_owners(const struct layout *layout, uint32_t partition,
                       uint64_t out[LIMIT_REPLICAS])
{
    ASSERT(partition < layout->facts.partitions);
    const uint16_t *row = &layout->owners[(size_t)partition * layout->replicas];
    for (uint32_t i = 0; i < layout->replicas; i++) {
        out[i] = layout->members[row[i]].node;
    }
    return layout->replicas;
}

bool layout_owns(const struct layout *layout, uint64_t node, uint32_t partition)
{
    ASSERT(partition < layout->facts.partitions);
    const uint16_t *row = &layout->owners[(size_t)partition * layout->replicas];
    for (uint32_t i = 0; i < layout->replicas; i++) {
        if (layout->members[row[i]].node == node) {
            return true;
        }
    }
    return false;
}

uint32_t layout_moves(const struct layout *from, const struct layout *to)
{
    ASSERT(from->facts.partitions == to->facts.partitions);
    uint32_t moves = 0;
    for (uint32_t partition = 0; partition < to->facts.partitions; partition++) {
        const uint16_t *row = &to->owners[(size_t)partition * to->replicas];
        for (uint32_t i = 0; i < to->replicas; i++) {
            moves += !layout_owns(from, to->members[row[i]].node, partition);
        }
    }
    return moves;
}
