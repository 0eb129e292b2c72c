/* The node's own record over restarts: who it was it is again, and a damaged one is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/byteorder.h"
#include "base/hash.h"
#include "base/memory.h"
#include "shoal/error.h"
#include "support/fake_world.h"

static int setup(void **state)
{
    static struct fake_world world;
    fake_world_init(&world, 1, 1, 1);
    *state = &world;
    return 0;
}

static int teardown(void **state)
{
    fake_world_deinit(*state);
    return 0;
}

/* Node 0 has been in a cluster of `members` nodes, and was killed. */
static void have_been(struct fake_world *world, uint32_t members)
{
    for (uint32_t i = 0; i < members; i++) {
        assert_int_equal(fake_world_start(world, i), 0);
        fake_world_run(world, 300 * MS);
        if (i > 0) {
            struct world_answer *join = fake_world_join(world, i, world_port(0));
            fake_world_run(world, 3000 * MS);
            assert_int_equal(join->code, 0);
        }
    }
    fake_world_run(world, 500 * MS);
    fake_world_kill(world, 0);
}

static void a_node_is_after_a_restart_who_it_was(void **state)
{
    struct fake_world *world = *state;
    assert_int_equal(fake_world_start(world, 0), 0);
    fake_world_run(world, 300 * MS);
    uint64_t id = worker_node_id(world->nodes[0].workers[0]);
    uint64_t cluster = worker_cluster_id(world->nodes[0].workers[0]);
    uint64_t view = world_snapshot(world, 0)->view->digest;
    struct token_keys keys = world_snapshot(world, 0)->token_keys;
    uint64_t generation = snapshot_find(world_snapshot(world, 0), id)->record.generation;
    fake_world_kill(world, 0);
    assert_int_equal(fake_world_start(world, 0), 0);
    assert_true(worker_node_id(world->nodes[0].workers[0]) == id);
    fake_world_run(world, 300 * MS);
    assert_true(worker_cluster_id(world->nodes[0].workers[0]) == cluster);
    assert_true(world_snapshot(world, 0)->view->digest == view);
    assert_memory_equal(&world_snapshot(world, 0)->token_keys, &keys, sizeof(keys));
    assert_true(snapshot_find(world_snapshot(world, 0), id)->record.generation > generation);
}

static void a_member_finds_the_others_again_by_its_record(void **state)
{
    struct fake_world *world = *state;
    have_been(world, 3);
    fake_world_run(world, 1000 * MS);
    assert_int_equal(fake_world_start(world, 0), 0);
    fake_world_run(world, 1000 * MS);
    const struct snapshot *snapshot = world_snapshot(world, 0);
    assert_int_equal(snapshot->node_count, 3);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(snapshot->nodes[i].state, NODE_UP);
    }
}

static void a_new_life_is_kept_before_anybody_hears_of_it(void **state)
{
    struct fake_world *world = *state;
    have_been(world, 2);
    world->nodes[0].keeps_held = true;
    uint64_t id = worker_node_id(world->nodes[1].workers[0]);
    assert_int_equal(fake_world_start(world, 0), 0);
    fake_world_run(world, 500 * MS);
    assert_null(world_snapshot(world, 0));
    struct world_answer *put = fake_world_put(world, 0, 0, "key", "value");
    assert_int_equal(put->code, SHOAL_EQUORUM);
    world->nodes[0].keeps_held = false;
    fake_world_run(world, 500 * MS);
    assert_non_null(world_snapshot(world, 0));
    assert_non_null(snapshot_find(world_snapshot(world, 0), id));
}

/* The code with which a start over these bytes is refused; 0 if it is not. */
static int start_over(struct fake_world *world, struct bytes record)
{
    struct buffer *kept = &world->nodes[0].kept;
    buffer_clear(kept);
    assert_int_equal(buffer_append_bytes(kept, record), 0);
    int result = fake_world_start(world, 0);
    if (result == 0) {
        fake_world_kill(world, 0);
    }
    return result;
}

static void a_damaged_record_is_refused_whatever_byte_it_is(void **state)
{
    struct fake_world *world = *state;
    static const uint8_t flips[] = {0x01, 0x80, 0xff};
    have_been(world, 2);
    struct buffer good;
    buffer_init(&good, 0);
    assert_int_equal(buffer_append_bytes(&good, buffer_bytes(&world->nodes[0].kept)), 0);
    for (size_t i = 0; i < good.len; i++) {
        for (size_t k = 0; k < sizeof(flips); k++) {
            good.data[i] ^= flips[k];
            int result = start_over(world, buffer_bytes(&good));
            assert_true(result == SHOAL_EPROTO || result == SHOAL_EVERSION);
            good.data[i] ^= flips[k];
        }
    }
    assert_int_equal(start_over(world, buffer_bytes(&good)), 0);
    buffer_deinit(&good);
}

static void a_record_cut_short_or_with_something_behind_it_is_refused(void **state)
{
    struct fake_world *world = *state;
    have_been(world, 1);
    struct buffer good;
    buffer_init(&good, 0);
    assert_int_equal(buffer_append_bytes(&good, buffer_bytes(&world->nodes[0].kept)), 0);
    for (size_t len = 1; len < good.len; len++) {
        assert_int_equal(start_over(world, bytes_make(good.data, len)), SHOAL_EPROTO);
    }
    assert_int_equal(buffer_append_u8(&good, 0), 0);
    assert_int_equal(start_over(world, buffer_bytes(&good)), SHOAL_EPROTO);
    buffer_deinit(&good);
}

static void a_config_that_differs_from_the_record_is_refused(void **state)
{
    struct fake_world *world = *state;
    struct node_config *config = &world->nodes[0].config;
    have_been(world, 1);
    config->partitions *= 2;
    assert_int_equal(fake_world_start(world, 0), SHOAL_EINVAL);
    config->partitions /= 2;
    config->n = 3;
    assert_int_equal(fake_world_start(world, 0), SHOAL_EINVAL);
    config->n = 1;
    (void)snprintf(config->cluster_name, sizeof(config->cluster_name), "other");
    assert_int_equal(fake_world_start(world, 0), SHOAL_EINVAL);
    (void)snprintf(config->cluster_name, sizeof(config->cluster_name), "test");
    assert_int_equal(fake_world_start(world, 0), 0);
}

/* ---- the cluster's secret ---- */

static struct token_keys restart_with(struct fake_world *world, const char *secret,
                                      const char *previous)
{
    struct node_config *config = &world->nodes[0].config;
    fake_world_kill(world, 0);
    config->secret = bytes_from_string(secret);
    config->secret_previous = bytes_from_string(previous);
    assert_int_equal(fake_world_start(world, 0), 0);
    fake_world_run(world, 300 * MS);
    return world_snapshot(world, 0)->token_keys;
}

static struct crypto_key token_key(const char *secret)
{
    struct crypto_key whole;
    struct crypto_key key;
    crypto_key_from(&whole, bytes_from_string(secret));
    crypto_derive(&key, &whole, "token");
    return key;
}

static void assert_key(const struct crypto_key *key, const char *secret)
{
    struct crypto_key expected = token_key(secret);
    assert_memory_equal(key, &expected, sizeof(expected));
}

static void a_secret_that_was_replaced_is_the_previous_one_until_the_next_change(void **state)
{
    struct fake_world *world = *state;
    assert_int_equal(fake_world_start(world, 0), 0);
    fake_world_run(world, 300 * MS);
    struct token_keys own = world_snapshot(world, 0)->token_keys;
    assert_false(own.has_previous);
    struct token_keys keys = restart_with(world, "first", "");
    assert_key(&keys.current, "first");
    assert_true(keys.has_previous); /* the one that it had made itself */
    assert_memory_equal(&keys.previous, &own.current, sizeof(own.current));
    for (uint32_t i = 0; i < 3; i++) { /* restarts change nothing */
        keys = restart_with(world, "second", "");
        assert_key(&keys.current, "second");
        assert_key(&keys.previous, "first");
    }
    keys = restart_with(world, "third", "");
    assert_key(&keys.current, "third");
    assert_key(&keys.previous, "second");
    keys = restart_with(world, "", ""); /* no file any more: as recorded */
    assert_key(&keys.current, "third");
    assert_key(&keys.previous, "second");
}

static void the_configured_previous_secret_goes_before_the_recorded_one(void **state)
{
    struct fake_world *world = *state;
    world->nodes[0].config.secret = bytes_from_string("old");
    assert_int_equal(fake_world_start(world, 0), 0);
    fake_world_run(world, 300 * MS);
    assert_false(world_snapshot(world, 0)->token_keys.has_previous);
    struct token_keys keys = restart_with(world, "old", "new");
    assert_key(&keys.current, "old");
    assert_key(&keys.previous, "new");
    keys = restart_with(world, "new", "old");
    assert_key(&keys.current, "new");
    assert_key(&keys.previous, "old");
    keys = restart_with(world, "new", "");
    assert_key(&keys.current, "new");
    assert_key(&keys.previous, "old");
    keys = restart_with(world, "new", "nobody's"); /* the old one has leaked */
    assert_key(&keys.current, "new");
    assert_key(&keys.previous, "nobody's");
}

static void another_secret_moves_no_key(void **state)
{
    struct fake_world *world = *state;
    assert_int_equal(fake_world_start(world, 0), 0);
    fake_world_run(world, 300 * MS);
    struct hash_secret before = world_snapshot(world, 0)->position_secret;
    (void)restart_with(world, "another", "");
    assert_memory_equal(&world_snapshot(world, 0)->position_secret, &before, sizeof(before));
}

/* As the version before wrote it, which knew one secret. */
static void a_record_of_the_format_before_is_read(void **state)
{
    struct fake_world *world = *state;
    world->nodes[0].config.secret = bytes_from_string("old");
    world->nodes[1].config.secret = bytes_from_string("old");
    have_been(world, 2);
    struct buffer *kept = &world->nodes[0].kept;
    enum { HASHED_FROM = 9, SECRETS_END = 17 + 32, PAYLOAD = SECRETS_END + 1 + 32 };
    assert_int_equal(kept->data[0], 2);
    kept->data[0] = 1;
    memmove(kept->data + SECRETS_END, kept->data + PAYLOAD, kept->len - PAYLOAD);
    kept->len -= PAYLOAD - SECRETS_END;
    struct bytes hashed = bytes_make(kept->data + HASHED_FROM, kept->len - HASHED_FROM);
    store_u64_le(kept->data + 1, hash_xxh3(hashed));
    world->nodes[0].config.secret = bytes_from_string("new");
    assert_int_equal(fake_world_start(world, 0), 0);
    fake_world_run(world, 500 * MS);
    struct token_keys keys = world_snapshot(world, 0)->token_keys;
    assert_key(&keys.current, "new");
    assert_key(&keys.previous, "old");
    assert_int_equal(world_snapshot(world, 0)->node_count, 2);
    assert_int_equal(kept->data[0], 2);
}

static void without_memory_a_node_starts_whole_or_not_at_all(void **state)
{
    struct fake_world *world = *state;
    int result = SHOAL_ENOMEM;
    have_been(world, 2);
    struct world_node *node = &world->nodes[0];
    for (uint64_t nth = 1; result != 0; nth++) {
        struct fickle_engine *fickle = fickle_engine_new(WORLD_PARTITIONS);
        struct worker *worker = NULL;
        struct worker_options options = {.count = 1,
                                         .config = &node->config,
                                         .engine = &fickle->engine,
                                         .random_seed = nth,
                                         .kept = buffer_bytes(&node->kept),
                                         .now = world->now};
        mem_fail_from(nth);
        result = worker_new(&options, &worker);
        mem_fail_never();
        if (result == 0) {
            worker_free(worker);
        } else {
            assert_int_equal(result, SHOAL_ENOMEM);
            fickle->engine.ops->free(&fickle->engine);
        }
        assert_true(nth < 1000);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_node_is_after_a_restart_who_it_was),
        TEST(a_member_finds_the_others_again_by_its_record),
        TEST(a_new_life_is_kept_before_anybody_hears_of_it),
        TEST(a_damaged_record_is_refused_whatever_byte_it_is),
        TEST(a_record_cut_short_or_with_something_behind_it_is_refused),
        TEST(a_config_that_differs_from_the_record_is_refused),
        TEST(a_secret_that_was_replaced_is_the_previous_one_until_the_next_change),
        TEST(the_configured_previous_secret_goes_before_the_recorded_one),
        TEST(another_secret_moves_no_key),
        TEST(a_record_of_the_format_before_is_read),
        TEST(without_memory_a_node_starts_whole_or_not_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
