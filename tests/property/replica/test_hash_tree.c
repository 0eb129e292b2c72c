/* A tree that lives through random writes is equal, node by node and at every depth, to one that is
 * made anew from what is held. */
#include "property.h"

#include "replica/hash_tree.h"

#define SIBLINGS_MAX 400u
#define STEPS 600u

struct held {
    uint64_t position;
    struct dot dot;
};

static struct hash_secret secret;
static struct held held[SIBLINGS_MAX];
static uint32_t held_count;

static struct tree_sum term_of(struct held sibling)
{
    return hash_tree_term(&secret, sibling.position, sibling.dot);
}

/* Near one another often, as siblings of a key and keys of a leaf are. */
static uint64_t some_position(struct random *random)
{
    uint64_t luck = random_below(random, 3);
    uint64_t position = random_u64(random);
    return luck == 0 ? position : luck == 1 ? position >> 20 : position | UINT64_C(0xffff) << 48;
}

static void step(struct random *random, struct hash_tree *tree)
{
    uint64_t luck = random_below(random, 100);
    if (luck < 50 && held_count < SIBLINGS_MAX) {
        struct held sibling = {.position = some_position(random),
                               .dot = {1 + random_below(random, 5), 1 + random_below(random, 99)}};
        held[held_count++] = sibling;
        hash_tree_add(tree, sibling.position, term_of(sibling));
    } else if (luck < 80 && held_count > 0) {
        uint32_t at = (uint32_t)random_below(random, held_count);
        hash_tree_subtract(tree, held[at].position, term_of(held[at]));
        held[at] = held[--held_count];
    } else {
        uint32_t depth = (uint32_t)random_below(random, tree->bits + 1);
        (void)hash_tree_node(tree, depth, random_below(random, UINT64_C(1) << depth));
    }
}

static void check_node(struct hash_tree *tree, struct hash_tree *rebuilt, uint32_t depth,
                       uint64_t index)
{
    struct tree_sum sum = {0};
    uint64_t leaves = UINT64_C(1) << (tree->bits - depth);
    for (uint64_t leaf = index * leaves; leaf < (index + 1) * leaves; leaf++) {
        sum = tree_sum_plus(sum, tree->leaves[leaf]);
    }
    CHECK(tree_sum_equal(hash_tree_node(tree, depth, index), sum));
    CHECK(tree_sum_equal(hash_tree_node(rebuilt, depth, index), sum));
}

static void lives_end_as_rebuilt(struct random *random)
{
    struct hash_tree tree;
    struct hash_tree rebuilt;
    const uint8_t seed[32] = {(uint8_t)random_u64(random)};
    hash_secret_init(&secret, seed);
    held_count = 0;
    uint32_t bits = (uint32_t)random_below(random, 15);
    CHECK(hash_tree_init(&tree, bits) == 0);
    CHECK(hash_tree_init(&rebuilt, bits) == 0);
    for (uint32_t i = 0; i < STEPS; i++) {
        step(random, &tree);
    }
    hash_tree_check(&tree);
    for (uint32_t i = 0; i < held_count; i++) {
        hash_tree_add(&rebuilt, held[i].position, term_of(held[i]));
    }
    CHECK(tree.siblings == held_count);
    for (uint32_t depth = 0; depth <= bits; depth++) {
        for (uint32_t tries = 0; tries < 8; tries++) {
            uint64_t index = random_below(random, UINT64_C(1) << depth);
            check_node(&tree, &rebuilt, depth, index);
        }
    }
    CHECK(memcmp(tree.leaves, rebuilt.leaves, sizeof(*tree.leaves) << bits) == 0);
    hash_tree_check(&tree);
    hash_tree_check(&rebuilt);
    hash_tree_deinit(&rebuilt);
    hash_tree_deinit(&tree);
}

static void a_tree_is_equal_to_a_rebuild_after_any_updates(void **state)
{
    (void)state;
    property_run(lives_end_as_rebuilt, 400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tree_is_equal_to_a_rebuild_after_any_updates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
