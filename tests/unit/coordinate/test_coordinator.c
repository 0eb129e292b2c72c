/* What all requests share: answers count only under views that are joined, every change of view
 * judges what is in flight anew, and without memory the outcome is clear and never a false one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/memory.h"
#include "ring/partition.h"
#include "shoal/error.h"
#include "support/fake_courier.h"

static const struct bytes none;

static int setup(void **state)
{
    *state = fake_courier_new(3, 3, 2, 2);
    return 0;
}

static int teardown(void **state)
{
    fake_courier_free(*state);
    return 0;
}

/* ---- views ---- */

/* The view and the wish that the node may join, which changes no layout. */
static struct view *with_wish(const struct view *view, uint64_t node)
{
    struct role role = ring_role(node, ROLE_IN);
    struct view *next;
    assert_int_equal(view_with_role(view, &role, &next), 0);
    return next;
}

/* A second live layout, with node 4 in it. */
static struct view *with_node_4(const struct view *view)
{
    struct role role = ring_role(4, ROLE_IN);
    return ring_view_commit(view_ref(view), &role);
}

/* Its newest layout is synced by all, and the only one. */
static struct view *synced(struct view *view)
{
    static const enum mark_kind kinds[] = {MARK_SEEN, MARK_SYNCED, MARK_ALL_SYNCED};
    struct layout_key newest = view_newest(view)->key;
    struct view *next;
    for (uint32_t i = 0; i < view->counted_count; i++) {
        for (uint32_t k = 0; k < 3; k++) {
            assert_true(view_with_mark(view, &newest, kinds[k], view->counted[i], &next) >= 0);
            view_unref(view);
            view = next;
        }
    }
    assert_int_equal(view_drop_synced(view, &next), 0);
    view_unref(view);
    return next;
}

static struct view *joined(const struct view *a, const struct view *b)
{
    struct view *out;
    assert_int_equal(view_join(a, b, &out), 0);
    return out;
}

static void everybody_believes(struct fake_courier *fake, const struct view *view)
{
    for (uint64_t node = 2; node <= FAKE_NODES; node++) {
        fake_believes(fake, node, view_ref(view));
    }
}

static const struct view *mine(const struct fake_courier *fake)
{
    return fake->owners[FAKE_SELF].view;
}

/* A key that node 1 owns under both layouts, and node 4 under the newer one. */
static const char *key_that_moves(struct fake_courier *fake, const struct view *view)
{
    for (uint32_t i = 0; i < 1000; i++) {
        static char key[16];
        (void)snprintf(key, sizeof(key), "move%u", (unsigned)i);
        uint32_t partition = partition_of_key(bytes_from_string(key), FAKE_PARTITIONS);
        if (layout_owns(view_newest(mine(fake)), FAKE_SELF, partition) &&
            layout_owns(view_newest(view), FAKE_SELF, partition) &&
            layout_owns(view_newest(view), 4, partition)) {
            return key;
        }
    }
    fail();
    return NULL;
}

/* A put that another node has passed on, so that this one coordinates it. */
static struct fake_answer *put_here(struct fake_courier *fake, const char *key, const char *value)
{
    struct request request = {.op = REQUEST_PUT,
                              .key = bytes_from_string(key),
                              .value = bytes_from_string(value),
                              .forwarded = true};
    return fake_begin(fake, &request);
}

static void a_vote_under_another_view_waits_for_the_join(void **state)
{
    struct fake_courier *fake = *state;
    struct view *other = with_wish(mine(fake), 4);
    const char *key = fake_key(fake, 0);
    everybody_believes(fake, other);
    struct fake_answer *get = fake_get(fake, key);
    struct fake_answer *put = fake_put(fake, key, "one", none);
    fake_run(fake, 30 * MS);
    assert_int_equal(fake->learned_count, 1);
    assert_false(get->done);
    assert_false(put->done);
    fake_adopt(fake, view_ref(other), 1);
    fake_run(fake, 100 * MS);
    assert_int_equal(get->code, SHOAL_ENOTFOUND);
    assert_int_equal(put->code, 0);
    view_unref(other);
}

static void an_answer_whose_view_was_joined_long_ago_counts_at_once(void **state)
{
    struct fake_courier *fake = *state;
    struct view *older = with_wish(mine(fake), 4);
    struct view *newer = with_wish(older, 5);
    const char *key = fake_key(fake, 0);
    everybody_believes(fake, older);
    fake->joins_at_once = true;
    struct fake_answer *put = fake_put(fake, key, "one", none);
    fake_run(fake, 500 * MS);
    assert_int_equal(put->code, 0);
    fake->joins_at_once = false;
    fake_adopt(fake, newer, 1); /* the others are behind, and stay there */
    put = fake_put(fake, key, "two", none);
    fake_run(fake, 30 * MS);
    assert_true(put->done);
    assert_int_equal(put->code, 0);
    view_unref(older);
}

static void votes_wait_for_the_last_of_several_joins(void **state)
{
    struct fake_courier *fake = *state;
    struct view *first = with_wish(mine(fake), 4);
    struct view *second = with_wish(mine(fake), 5);
    const char *key = fake_key(fake, 0);
    struct request request = {
        .op = REQUEST_GET, .key = bytes_from_string(key), .options = {.r = 3}};
    fake_believes(fake, 2, view_ref(first));
    fake_believes(fake, 3, view_ref(second));
    fake->owners[3].delay_us = 2 * MS; /* the first view is learnt first ... */
    struct fake_answer *before = fake_begin(fake, &request);
    fake_run(fake, FAKE_LATENCY_US + 100);
    fake->owners[3].delay_us = 0; /* ... and comes last with the other answers */
    fake->owners[2].delay_us = 5 * MS;
    struct fake_answer *get = fake_begin(fake, &request);
    fake_run(fake, 20 * MS);
    assert_int_equal(fake->learned_count, 2);
    assert_true(fake->learned_digest[0] == first->digest);
    fake_adopt(fake, joined(mine(fake), first), 1);
    assert_false(before->done);
    assert_false(get->done);
    fake_adopt(fake, joined(mine(fake), second), 2);
    assert_true(before->done);
    assert_true(get->done);
    view_unref(first);
    view_unref(second);
}

static void answers_that_wait_for_a_join_that_failed_are_asked_for_again(void **state)
{
    struct fake_courier *fake = *state;
    struct view *other = with_wish(mine(fake), 4);
    const char *key = fake_key(fake, 0);
    everybody_believes(fake, other);
    struct fake_answer *get = fake_get(fake, key);
    fake_run(fake, 5 * MS);
    assert_int_equal(fake->learned_count, 1);
    everybody_believes(fake, mine(fake));
    fake->coordinator.ticket_void = 1;
    fake_adopt(fake, view_ref(mine(fake)), 1);
    assert_false(get->done);
    fake_run(fake, 20 * MS);
    assert_int_equal(get->code, SHOAL_ENOTFOUND);
    view_unref(other);
}

static void a_view_that_there_is_no_memory_to_learn_counts_for_nothing(void **state)
{
    struct fake_courier *fake = *state;
    struct view *other = with_wish(mine(fake), 4);
    const char *key = fake_key(fake, 0);
    everybody_believes(fake, other);
    fake->refuses_to_learn = true;
    struct fake_answer *put = fake_put(fake, key, "one", none);
    fake_run(fake, 300 * MS);
    assert_false(put->done);
    fake_adopt(fake, other, 0); /* by gossip */
    fake_run(fake, 600 * MS);
    assert_true(put->done);
    assert_int_equal(put->code, 0);
}

static void a_write_needs_its_quorum_in_every_live_layout(void **state)
{
    struct fake_courier *fake = *state;
    struct view *both = with_node_4(mine(fake));
    const char *key = key_that_moves(fake, both);
    uint32_t partition = partition_of_key(bytes_from_string(key), FAKE_PARTITIONS);
    everybody_believes(fake, both);
    fake_adopt(fake, both, 0);
    for (uint64_t node = 2; node <= 4; node++) {
        /* Only this node, and who owns it in the older layout alone, confirm. */
        bool newest = layout_owns(view_newest(both), node, partition);
        fake->owners[node].lose_answers = newest ? FAKE_ALWAYS : 0;
    }
    struct fake_answer *put = put_here(fake, key, "one");
    fake_run(fake, 1000 * MS);
    assert_false(put->done);
    fake->owners[4].lose_answers = 0;
    fake_run(fake, 500 * MS);
    assert_true(put->done);
    assert_int_equal(put->code, 0);
}

static void a_new_owner_that_does_not_know_the_layout_yet_is_asked_again(void **state)
{
    struct fake_courier *fake = *state;
    struct view *before = view_ref(mine(fake));
    struct view *both = with_node_4(before);
    const char *key = key_that_moves(fake, both);
    uint32_t partition = partition_of_key(bytes_from_string(key), FAKE_PARTITIONS);
    fake_believes(fake, 2, view_ref(both));
    fake_believes(fake, 3, view_ref(both));
    fake_adopt(fake, both, 0);
    for (uint64_t node = 2; node <= 3; node++) {
        bool newest = layout_owns(view_newest(both), node, partition);
        fake->owners[node].lose_answers = newest ? FAKE_ALWAYS : 0;
    }
    struct fake_answer *put = put_here(fake, key, "one");
    fake_run(fake, 300 * MS);
    assert_false(put->done);
    assert_true(fake->owners[4].stores >= 1);
    fake_believes(fake, 4, view_ref(both));
    fake_run(fake, 600 * MS);
    assert_true(put->done);
    assert_int_equal(put->code, 0);
    view_unref(before);
}

static void a_layout_that_comes_while_a_write_is_in_flight_has_its_say(void **state)
{
    struct fake_courier *fake = *state;
    struct view *both = with_node_4(mine(fake));
    const char *key = key_that_moves(fake, both);
    struct fake_answer *first = put_here(fake, key, "one");
    fake_run(fake, 100 * MS);
    assert_int_equal(first->code, 0);
    for (uint64_t node = 2; node <= 3; node++) {
        fake->owners[node].delay_us = 20 * MS;
    }
    struct request request = {.op = REQUEST_PUT,
                              .key = bytes_from_string(key),
                              .value = bytes_from_string("two"),
                              .context = first->context,
                              .forwarded = true};
    struct fake_answer *put = fake_begin(fake, &request);
    fake_run(fake, 5 * MS); /* the write is on its way */
    assert_false(put->done);
    fake_believes(fake, 4, view_ref(both));
    fake_adopt(fake, both, 0);
    fake_run(fake, 1 * MS);
    assert_int_equal(fake->owners[4].stores, 1);
    fake->joins_at_once = true;
    fake_run(fake, 500 * MS);
    assert_true(put->done);
    assert_int_equal(put->code, 0);
}

static void a_read_begins_its_count_again_when_it_goes_by_another_layout(void **state)
{
    struct fake_courier *fake = *state;
    struct view *after = synced(with_node_4(mine(fake)));
    const char *key = key_that_moves(fake, after);
    uint32_t partition = partition_of_key(bytes_from_string(key), FAKE_PARTITIONS);
    uint64_t stays = layout_owns(view_newest(after), 2, partition) ? 2 : 3;
    uint64_t leaves = 5 - stays;
    struct request request = {
        .op = REQUEST_GET, .key = bytes_from_string(key), .options = {.r = 3}};
    fake->owners[leaves].lose_requests = FAKE_ALWAYS;
    struct fake_answer *get = fake_begin(fake, &request);
    fake_run(fake, 5 * MS);
    assert_false(get->done);
    /* What it answered then says nothing of what it holds as an owner in the newer layout. */
    fake_plant(fake, stays, key, "synced since", 77, 1);
    everybody_believes(fake, after);
    fake_adopt(fake, after, 0);
    fake_run(fake, 20 * MS);
    assert_true(get->done);
    assert_int_equal(get->code, 0);
    assert_string_equal(get->values[0], "synced since");
}

static void who_is_no_owner_any_more_does_not_coordinate(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    struct role out = ring_role(FAKE_SELF, ROLE_OUT);
    out.name[0] = '\0';
    struct view *gone = with_node_4(mine(fake));
    gone = synced(ring_view_commit(gone, &out));
    fake->owners[2].lose_requests = FAKE_ALWAYS;
    fake->owners[3].lose_requests = FAKE_ALWAYS;
    struct request reads_first = {.op = REQUEST_PUT,
                                  .key = bytes_from_string(key),
                                  .value = bytes_from_string("one"),
                                  .options = {.r = 3}};
    struct fake_answer *put = fake_begin(fake, &reads_first); /* still reads */
    fake_run(fake, 1 * MS);
    assert_false(put->done);
    everybody_believes(fake, gone);
    fake_adopt(fake, gone, 0);
    for (uint64_t node = 2; node <= 4; node++) {
        fake->owners[node].lose_requests = 0;
    }
    fake_run(fake, 1000 * MS);
    assert_true(put->done);
    assert_int_equal(put->code, SHOAL_ENOTOWNER);
    assert_int_equal(fake_holders(fake, key, "one"), 0);
    struct request request = {.op = REQUEST_GET, .key = bytes_from_string(key), .forwarded = true};
    assert_int_equal(fake_begin(fake, &request)->code, SHOAL_ENOTOWNER);
}

/* ---- without memory ---- */

enum { FAILURES = 150 };

/* A cluster in which the key has a value, and the nth allocation from now on fails. */
static struct fake_courier *fake_short_of_memory(const char **key, uint64_t nth)
{
    struct fake_courier *fake = fake_courier_new(3, 3, 2, 2);
    *key = fake_key(fake, 0);
    struct fake_answer *put = fake_put(fake, *key, "before", none);
    fake_run(fake, 500 * MS);
    assert_int_equal(put->code, 0);
    arena_deinit(&fake->arena);
    timers_deinit(&fake->timers);
    mem_fail_from(nth);
    return fake;
}

static void assert_honest(struct fake_courier *fake, const struct fake_answer *put, const char *key)
{
    uint32_t holders = fake_holders(fake, key, "after");
    assert_true(put->done);
    if (put->code == 0) {
        assert_true(holders >= 2);
    } else if (shoal_error_nothing_applied(put->code)) {
        assert_int_equal(holders, 0);
    } else {
        assert_int_equal(put->code, SHOAL_EUNKNOWN);
    }
}

static void without_memory_a_put_is_done_or_says_what_is_known(void **state)
{
    uint32_t done = 0;
    (void)state;
    for (uint64_t nth = 1; nth <= FAILURES; nth++) {
        const char *key;
        struct fake_courier *fake = fake_short_of_memory(&key, nth);
        struct bytes context = nth % 2 == 0 ? none : fake->answers[0].context;
        struct fake_answer *put = fake_put(fake, key, "after", context);
        fake_run(fake, 300 * MS);
        mem_fail_never();
        fake_run(fake, 3000 * MS);
        assert_honest(fake, put, key);
        done += put->code == 0 ? 1 : 0;
        fake_courier_free(fake);
    }
    assert_true(done > 0 && done < FAILURES);
}

static void without_memory_a_get_answers_the_value_or_fails(void **state)
{
    uint32_t done = 0;
    (void)state;
    for (uint64_t nth = 1; nth <= FAILURES; nth++) {
        const char *key;
        struct fake_courier *fake = fake_short_of_memory(&key, nth);
        struct fake_answer *get = fake_get(fake, key);
        fake_run(fake, 300 * MS);
        mem_fail_never();
        fake_run(fake, 3000 * MS);
        assert_true(get->done);
        assert_true(get->code != SHOAL_ENOTFOUND);
        if (get->code == 0) {
            assert_string_equal(get->values[0], "before");
            done++;
        }
        fake_courier_free(fake);
    }
    assert_true(done > 0 && done < FAILURES);
}

static void without_memory_a_list_is_whole_or_fails(void **state)
{
    uint32_t done = 0;
    (void)state;
    for (uint64_t nth = 1; nth <= FAILURES; nth++) {
        const char *key;
        struct fake_courier *fake = fake_short_of_memory(&key, nth);
        struct fake_answer *list = fake_list(fake, "", 0, none);
        fake_run(fake, 300 * MS);
        mem_fail_never();
        fake_run(fake, 3000 * MS);
        assert_true(list->done);
        if (list->code == 0) {
            assert_int_equal(list->key_count, 1);
            assert_string_equal(list->keys[0], key);
            done++;
        }
        fake_courier_free(fake);
    }
    assert_true(done > 0 && done < FAILURES);
}

static void without_memory_a_change_of_layout_leaves_an_honest_outcome(void **state)
{
    (void)state;
    for (uint64_t nth = 1; nth <= FAILURES; nth++) {
        struct fake_courier *fake = fake_courier_new(3, 3, 2, 2);
        struct view *both = with_node_4(mine(fake));
        const char *key = key_that_moves(fake, both);
        struct fake_answer *put = put_here(fake, key, "after");
        struct fake_answer *list = fake_list(fake, "", 0, none);
        struct fake_answer *get = fake_get(fake, key);
        fake_run(fake, 1200);
        everybody_believes(fake, both);
        arena_deinit(&fake->arena);
        mem_fail_from(nth);
        fake_adopt(fake, both, 0);
        fake_run(fake, 200 * MS);
        mem_fail_never();
        fake_run(fake, 3000 * MS);
        assert_honest(fake, put, key);
        assert_true(list->done);
        assert_true(get->done);
        fake_courier_free(fake);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_vote_under_another_view_waits_for_the_join),
        TEST(an_answer_whose_view_was_joined_long_ago_counts_at_once),
        TEST(votes_wait_for_the_last_of_several_joins),
        TEST(answers_that_wait_for_a_join_that_failed_are_asked_for_again),
        TEST(a_view_that_there_is_no_memory_to_learn_counts_for_nothing),
        TEST(a_write_needs_its_quorum_in_every_live_layout),
        TEST(a_new_owner_that_does_not_know_the_layout_yet_is_asked_again),
        TEST(a_layout_that_comes_while_a_write_is_in_flight_has_its_say),
        TEST(a_read_begins_its_count_again_when_it_goes_by_another_layout),
        TEST(who_is_no_owner_any_more_does_not_coordinate),
        cmocka_unit_test(without_memory_a_put_is_done_or_says_what_is_known),
        cmocka_unit_test(without_memory_a_get_answers_the_value_or_fails),
        cmocka_unit_test(without_memory_a_list_is_whole_or_fails),
        cmocka_unit_test(without_memory_a_change_of_layout_leaves_an_honest_outcome),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    fickle_engine_cold_percent = 70; /* the same where most reads have to wait for the disk */
    return failed + cmocka_run_group_tests_name("cold", tests, NULL, NULL);
}
