/* Roots, sums and lists of a holding. The objects are in source_fetch.c. See source.h. */
#include "repair/source.h"

#include "base/mutant.h"
#include "repair/listing.h"
#include "shoal/error.h"

/* ---- the root and the clocks ----------------------------------------------------------------- */

/* Encodes into the arena. */
static int source_clock(struct replica *replica, const struct partition_clock *clock,
                        struct bytes *out)
{
    struct buffer encoded;
    buffer_init(&encoded, 0);
    int result = partition_clock_encode(clock, &encoded);
    if (result == 0) {
        *out = arena_copy(replica->arena, buffer_bytes(&encoded));
        result = out->data == NULL ? SHOAL_ENOMEM : 0;
    }
    buffer_deinit(&encoded);
    return result;
}

/* What the asker told of its own clock. What can't be read is left: it only delays. */
static void source_hear(struct holding *holding, const struct message_sync_root *ask)
{
    struct partition_clock told;
    partition_clock_init(&told);
    if (ask->actor != 0 && partition_clock_decode(ask->told, &told) == 0) {
        replica_report(holding, ask->node, ask->actor, &told);
    }
    partition_clock_deinit(&told);
}

int source_root(struct replica *replica, const struct message_sync_root *ask,
                struct message_sync_rooted *out)
{
    struct holding *holding = replica_holding(replica, ask->partition);
    if (holding == NULL) {
        return SHOAL_ENOTOWNER;
    }
    source_hear(holding, ask);
    replica_tell_clock(replica, holding);
    struct hash_tree *tree = replica_tree(holding);
    if (tree == NULL) {
        return SHOAL_EOVERLOAD;
    }
    out->told = bytes_make(NULL, 0);
    int result = source_clock(replica, &holding->clock, &out->clock);
    if (result == 0 && !partition_clock_equal(&holding->told, &holding->clock)) {
        result = source_clock(replica, &holding->told, &out->told);
    }
    struct tree_sum root = hash_tree_root(tree);
    out->refilling = holding->refilling;
    out->actor = holding->actor;
    out->root = (struct wire_sum){.low = root.low, .high = root.high};
    out->bits = tree->bits;
    out->siblings = tree->siblings;
    return result;
}

/* ---- sums and lists -------------------------------------------------------------------------- */

/* The holding that the question is about: 0, SHOAL_ENOTOWNER, SHOAL_ECONFLICT. */
static int source_find(const struct replica *replica, uint32_t partition, uint64_t actor,
                       struct holding **out)
{
    *out = replica_holding(replica, partition);
    if (*out == NULL) {
        return SHOAL_ENOTOWNER;
    }
    return (*out)->actor == actor || MUTANT(source_any_actor) ? 0 : SHOAL_ECONFLICT;
}

/* Are these nodes of a tree: of this depth, ascending? */
static bool source_valid(uint32_t depth, const uint64_t *indexes, uint32_t count)
{
    if (depth > 63) {
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (indexes[i] >> depth != 0 || (i > 0 && indexes[i] <= indexes[i - 1])) {
            return false;
        }
    }
    return true;
}

int source_nodes(struct replica *replica, const struct message_sync_nodes *ask,
                 struct message_sync_sums *out)
{
    struct holding *holding;
    int result = source_find(replica, ask->partition, ask->actor, &holding);
    if (result < 0) {
        return result;
    }
    struct hash_tree *tree = replica_tree(holding);
    if (tree == NULL) {
        return SHOAL_EOVERLOAD;
    }
    uint32_t depth = ask->depth + ask->fan;
    if (!source_valid(ask->depth, ask->indexes, ask->count) || depth > tree->bits) {
        return SHOAL_EINVAL;
    }
    uint32_t count = ask->count << ask->fan;
    struct wire_sum *sums = arena_alloc_array(replica->arena, count, sizeof(*sums));
    if (sums == NULL) {
        return SHOAL_ENOMEM;
    }
    for (uint32_t i = 0; i < count; i++) {
        uint64_t child = i & ((1u << ask->fan) - 1);
        uint64_t index = ask->indexes[i >> ask->fan] << ask->fan | child;
        struct tree_sum sum = hash_tree_node(tree, depth, index);
        sums[i] = (struct wire_sum){.low = sum.low, .high = sum.high};
    }
    out->sums = sums;
    out->count = count;
    return REPLICA_DONE;
}

int source_leaves(struct replica *replica, const struct message_sync_leaves *ask,
                  struct message_sync_listed *out)
{
    struct holding *holding;
    int result = source_find(replica, ask->partition, ask->actor, &holding);
    if (result < 0) {
        return result;
    }
    if (!source_valid(ask->depth, ask->indexes, ask->count)) {
        return SHOAL_EINVAL;
    }
    struct listing_part part = {
        .partition = ask->partition,
        .depth = ask->depth,
        .indexes = ask->indexes,
        .count = ask->count,
        .position = ask->position,
        .until = UINT64_MAX,
    };
    struct listing page;
    result = listing_make(replica, &part, &page);
    if (result == REPLICA_DONE) {
        /* Reading may have found damage. */
        result = source_find(replica, ask->partition, ask->actor, &holding);
    }
    if (result == REPLICA_DONE) {
        out->entries = page.entries;
        out->count = page.count;
        out->end = page.end;
        out->next = page.next;
    }
    return result;
}
