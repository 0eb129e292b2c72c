/* Syncing one partition from another node's: what is moved, what goes, what is joined, and what
 * frames that are lost, holdings that begin anew and stores in between come to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/memory.h"
#include "repair/sync_inside.h"
#include "shoal/error.h"
#include "support/sync_rig.h"
#include "wire/frame.h"

#define P 3u

static struct sync_rig rig;

static int setup(void **state)
{
    (void)state;
    sync_rig_init(&rig, true);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    mem_fail_never();
    sync_rig_deinit(&rig);
    return 0;
}

static const char *key_of(uint32_t number)
{
    static char key[32];
    (void)snprintf(key, sizeof(key), "key%u", (unsigned)number);
    return key;
}

/* The same keys at nodes 1 and 2. */
static void plant_both(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        (void)rig_write(&rig, 2, P, key_of(i), "value");
        rig_send(&rig, 2, 1, P, key_of(i));
        arena_reset(&rig.arena);
    }
}

static void plant(uint64_t node, uint32_t first, uint32_t count)
{
    for (uint32_t i = first; i < first + count; i++) {
        (void)rig_write(&rig, node, P, key_of(i), "value");
        arena_reset(&rig.arena);
    }
}

static const struct partition_clock *clock_of(uint64_t node)
{
    return &rig_holding(&rig, node, P)->clock;
}

/* ---- what is moved --------------------------------------------------------------------------- */

static void equal_holdings_cost_one_pair_of_messages(void **state)
{
    (void)state;
    plant_both(2000);
    rig_upkeep(&rig);
    assert_int_equal(rig_sync(&rig, P, 2), 0);
    assert_int_equal(rig.messages, 2);
    assert_int_equal(rig.syncs.counts.objects, 0);
    assert_true(partition_clock_includes(clock_of(1), clock_of(2)));
}

static void what_is_missing_comes_and_nothing_else(void **state)
{
    (void)state;
    plant_both(2000);
    plant(2, 5000, 7);
    plant(1, 6000, 3);
    rig_upkeep(&rig);
    assert_int_equal(rig_sync(&rig, P, 2), 0);
    assert_int_equal(rig.syncs.counts.objects, 7);
    assert_int_equal(rig.outcome.repaired, 7);
    assert_int_equal(rig_keys(&rig, 1, P), 2010);
    assert_true(rig.messages < 40);
    rig_self(&rig, 2);
    assert_int_equal(rig_sync(&rig, P, 1), 0);
    assert_true(rig_same(&rig, 1, 2, P));
    assert_int_equal(rig_keys(&rig, 2, P), 2010);
}

static void what_a_sync_has_made_equal_costs_nothing_again(void **state)
{
    (void)state;
    plant(2, 0, 300);
    rig_upkeep(&rig);
    assert_int_equal(rig_sync(&rig, P, 2), 0);
    uint64_t messages = rig.messages;
    assert_int_equal(rig_sync(&rig, P, 2), 0);
    assert_int_equal(rig.messages, messages + 2);
    assert_int_equal(rig.outcome.repaired, 0);
}

static void an_empty_holding_is_refilled_by_pages_without_lists(void **state)
{
    (void)state;
    plant(2, 0, 6000);
    rig_upkeep(&rig);
    assert_int_equal(rig_sync(&rig, P, 2), 0);
    assert_int_equal(rig_keys(&rig, 1, P), 6000);
    assert_true(rig_same(&rig, 1, 2, P));
    assert_int_equal(rig.questions[MESSAGE_SYNC_LEAVES], 0);
    assert_true(rig.questions[MESSAGE_SYNC_FETCH] <= 8);
}

static void a_holding_whose_peer_is_empty_asks_little(void **state)
{
    (void)state;
    plant(1, 0, 6000);
    rig_upkeep(&rig);
    assert_int_equal(rig_sync(&rig, P, 2), 0);
    assert_true(rig.messages <= 4);
    assert_int_equal(rig_keys(&rig, 1, P), 6000);
}

static void siblings_meet(void **state)
{
    (void)state;
    (void)rig_write_unseen(&rig, 1, P, "key", "mine");
    (void)rig_write_unseen(&rig, 2, P, "key", "theirs");
    assert_int_equal(rig_sync(&rig, P, 2), 0);
    struct object held;
    assert_int_equal(object_decode(&rig.arena, rig_held(&rig, 1, P, "key"), &held), 0);
    assert_int_equal(held.sibling_count, 2);
    assert_int_equal(rig_sync(&rig, P, 2), 0); /* a key with siblings is listed whole */
    assert_int_equal(rig.outcome.repaired, 0);
}

static void trees_of_different_depth_compare(void **state)
{
    (void)state;
    plant_both(40);
    plant(2, 1000, 4000);
    rig_upkeep(&rig);
    assert_true(replica_tree(rig_holding(&rig, 1, P))->bits <
                replica_tree(rig_holding(&rig, 2, P))->bits);
    assert_int_equal(rig_sync(&rig, P, 2), 0);
    rig_upkeep(&rig);
    assert_true(rig_same(&rig, 1, 2, P));
    rig_self(&rig, 2);
    plant(1, 9000, 10);
    assert_int_equal(rig_sync(&rig, P, 1), 0);
    assert_true(rig_same(&rig, 1, 2, P));
}

/* ---- what goes ------------------------------------------------------------------------------- */

static void what_the_peer_has_replaced_goes(void **state)
{
    (void)state;
    struct dot first = rig_write(&rig, 2, P, "key", "old");
    rig_send(&rig, 2, 1, P, "key");
    (void)rig_write(&rig, 2, P, "key", "new");
    assert_int_equal(rig_sync(&rig, P, 2), 0);
    assert_true(rig_same(&rig, 1, 2, P));
    assert_true(partition_clock_seen(clock_of(1), first));
}

/* Node 2 deletes the key and forgets it altogether; node 1 still has the value. */
static void forget_at_peer(const char *key)
{
    (void)rig_write(&rig, 2, P, key, "value");
    rig_send(&rig, 2, 1, P, key);
    (void)rig_write(&rig, 2, P, key, NULL);
    assert_int_equal(replica_set_owners(rig_holding(&rig, 2, P), NULL, 0), 0);
    replica_tell_clock(&rig.replicas[2], rig_holding(&rig, 2, P));
    rig_upkeep(&rig);
    assert_null(rig_held(&rig, 2, P, key).data);
}

static void what_the_peer_knows_to_be_gone_goes_though_it_has_nothing_of_the_key(void **state)
{
    (void)state;
    forget_at_peer("key");
    assert_int_equal(rig_sync(&rig, P, 2), 0);
    assert_null(rig_held(&rig, 1, P, "key").data);
    assert_int_equal(rig.outcome.repaired, 1);
}

static void a_tombstone_that_the_peer_was_first_to_drop_goes_and_is_no_repair(void **state)
{
    (void)state;
    (void)rig_write(&rig, 2, P, "key", "value");
    (void)rig_write(&rig, 2, P, "key", NULL);
    rig_send(&rig, 2, 1, P, "key");
    assert_int_equal(replica_set_owners(rig_holding(&rig, 2, P), NULL, 0), 0);
    replica_tell_clock(&rig.replicas[2], rig_holding(&rig, 2, P));
    rig_upkeep(&rig);
    assert_null(rig_held(&rig, 2, P, "key").data);
    assert_non_null(rig_held(&rig, 1, P, "key").data);
    assert_int_equal(rig_sync(&rig, P, 2), 0);
    assert_null(rig_held(&rig, 1, P, "key").data);
    assert_int_equal(rig.outcome.repaired, 0);
}

static void thousands_of_keys_that_the_peer_has_forgotten_go(void **state)
{
    (void)state;
    plant_both(9000);
    assert_int_equal(replica_set_owners(rig_holding(&rig, 2, P), NULL, 0), 0);
    for (uint32_t i = 0; i < 9000; i++) {
        (void)rig_write(&rig, 2, P, key_of(i), NULL);
        arena_reset(&rig.arena);
        if (i % 3000 == 2999) { /* a few at a time are kept track of */
            replica_tell_clock(&rig.replicas[2], rig_holding(&rig, 2, P));
            rig_upkeep(&rig);
        }
    }
    assert_int_equal(rig_keys(&rig, 2, P), 0);
    plant(1, 20000, 5000); /* the peer has not seen these */
    assert_int_equal(rig_sync(&rig, P, 2), 0);
    assert_int_equal(rig_keys(&rig, 1, P), 5000);
    assert_true(rig.questions[MESSAGE_SYNC_LEAVES] <= 2);
}

static void what_is_gone_here_does_not_come_back_from_a_peer_that_still_has_it(void **state)
{
    (void)state;
    forget_at_peer("key");
    rig_self(&rig, 2);
    assert_int_equal(rig_sync(&rig, P, 1), 0);
    assert_null(rig_held(&rig, 2, P, "key").data);
    assert_int_equal(rig.syncs.counts.objects, 0);
}

static void what_the_peer_has_not_seen_stays(void **state)
{
    (void)state;
    (void)rig_write(&rig, 1, P, "key", "mine");
    forget_at_peer("other");
    assert_int_equal(rig_sync(&rig, P, 2), 0);
    assert_non_null(rig_held(&rig, 1, P, "key").data);
}

/* ---- what happens meanwhile ------------------------------------------------------------------ */

static struct bytes late_object;

/* An old hint: the value comes once more, behind the comparison. */
static void store_late(struct sync_rig *at, uint64_t node, uint32_t kind)
{
    (void)node;
    if (kind != MESSAGE_SYNC_FETCH || late_object.data == NULL) {
        return;
    }
    struct replica *replica = &at->replicas[1];
    struct engine_key key = replica_key(replica, P, bytes_from_string("late"));
    assert_true(replica_store(replica, &key, late_object, RIG_WALL_MS, NULL) >= 0);
    late_object = bytes_make(NULL, 0);
}

static void a_store_behind_the_comparison_is_compared_before_the_clock_is_joined(void **state)
{
    (void)state;
    static uint8_t bytes[256];
    (void)rig_write(&rig, 2, P, "late", "old");
    struct bytes held = rig_held(&rig, 2, P, "late");
    memcpy(bytes, held.data, held.len);
    late_object = bytes_make(bytes, held.len);
    (void)rig_write(&rig, 2, P, "late", NULL);
    assert_int_equal(replica_set_owners(rig_holding(&rig, 2, P), NULL, 0), 0);
    replica_tell_clock(&rig.replicas[2], rig_holding(&rig, 2, P));
    rig_upkeep(&rig);
    assert_null(rig_held(&rig, 2, P, "late").data);
    plant(2, 0, 10); /* something to fetch */
    rig.asked = store_late;
    assert_int_equal(rig_sync(&rig, P, 2), 0);
    assert_null(late_object.data);
    assert_null(rig_held(&rig, 1, P, "late").data);
}

static bool renew_source;
static bool renew_here;

static void renew_once(struct sync_rig *at, uint64_t node, uint32_t kind)
{
    if (kind == MESSAGE_SYNC_LEAVES && renew_source) {
        renew_source = false;
        replica_renew(&at->replicas[node], rig_holding(at, node, P), true);
    }
    if (kind == MESSAGE_SYNC_LEAVES && renew_here) {
        renew_here = false;
        replica_renew(&at->replicas[1], rig_holding(at, 1, P), true);
    }
}

static void a_source_that_begins_anew_ends_the_sync_and_nothing_is_taken_for_gone(void **state)
{
    (void)state;
    plant_both(200);
    plant(2, 500, 3);
    rig_upkeep(&rig);
    renew_source = true;
    rig.asked = renew_once;
    assert_int_equal(rig_sync(&rig, P, 2), SHOAL_ECONFLICT);
    assert_int_equal(rig_keys(&rig, 1, P), 200);
}

static void a_holding_that_begins_anew_here_ends_the_sync_without_a_join(void **state)
{
    (void)state;
    plant_both(200);
    struct dot dot = rig_write(&rig, 2, P, "more", "value");
    rig_upkeep(&rig);
    renew_here = true;
    rig.asked = renew_once;
    assert_int_equal(rig_sync(&rig, P, 2), SHOAL_ECONFLICT);
    assert_false(partition_clock_seen(clock_of(1), dot));
}

static void lost_frames_are_asked_for_again(void **state)
{
    (void)state;
    plant_both(500);
    plant(2, 1000, 400);
    rig_upkeep(&rig);
    rig.lose_percent = 15;
    assert_int_equal(rig_sync(&rig, P, 2), 0);
    assert_true(rig_same(&rig, 1, 2, P));
}

static void a_peer_that_never_answers_is_given_up(void **state)
{
    (void)state;
    plant(2, 0, 10);
    rig.lose_percent = 100;
    assert_int_equal(rig_sync(&rig, P, 2), SHOAL_ETIMEOUT);
    rig.lose_percent = 0;
    rig.unreachable = true;
    assert_int_equal(rig_sync(&rig, P, 2), SHOAL_ECONNECT);
}

static void reads_may_have_to_wait_on_both_sides(void **state)
{
    (void)state;
    plant_both(100);
    for (uint32_t i = 0; i < 40; i++) {
        (void)rig_write_unseen(&rig, 2, P, key_of(i), "sibling");
        arena_reset(&rig.arena);
    }
    for (uint32_t i = 30; i < 60; i++) {
        (void)rig_write_unseen(&rig, 1, P, key_of(i), "another");
        arena_reset(&rig.arena);
    }
    plant(2, 200, 50);
    rig_upkeep(&rig);
    rig.fickle[1]->cold_percent = 50;
    rig.fickle[2]->cold_percent = 50;
    assert_int_equal(rig_sync(&rig, P, 2), 0);
    rig_self(&rig, 2);
    assert_int_equal(rig_sync(&rig, P, 1), 0);
    assert_true(rig_same(&rig, 1, 2, P));
    assert_true(rig.fickle[1]->reads_waited > 0 && rig.fickle[2]->reads_waited > 0);
}

static void storage_with_too_much_to_write_is_waited_for(void **state)
{
    (void)state;
    plant(2, 0, 100);
    rig_upkeep(&rig);
    rig.fickle[1]->puts_failing = 20;
    rig.fickle[1]->put_code = SHOAL_EOVERLOAD;
    assert_int_equal(rig_sync(&rig, P, 2), 0);
    assert_true(rig_same(&rig, 1, 2, P));
}

static void a_full_disk_ends_the_sync_and_the_clock_stays(void **state)
{
    (void)state;
    struct dot dot = rig_write(&rig, 2, P, "key", "value");
    rig.fickle[1]->puts_failing = 1;
    rig.fickle[1]->put_code = SHOAL_ENOSPC;
    assert_int_equal(rig_sync(&rig, P, 2), SHOAL_ENOSPC);
    assert_false(partition_clock_seen(clock_of(1), dot));
}

static void without_memory_a_sync_fails_or_is_complete(void **state)
{
    (void)state;
    plant_both(60);
    plant(2, 100, 60);
    rig_upkeep(&rig);
    bool done = false;
    for (uint64_t nth = 1; !done && nth < 400; nth++) {
        mem_fail_from(nth);
        int result = rig_begin(&rig, P, 2, NULL);
        while (result == 0 && rig.syncs.count > 0 && rig_answer(&rig)) {
        }
        mem_fail_never();
        if (result == 0) {
            rig_run(&rig);
        }
        done = result == 0 && rig.outcome.code == 0;
        while (rig.frame_count > 0) {
            (void)rig_answer(&rig);
        }
    }
    assert_true(done);
    assert_true(rig_same(&rig, 1, 2, P));
}

/* ---- the stack ------------------------------------------------------------------------------- */

/* A sync whose root is still on its way, and nothing else. */
static struct sync *begin_bare(void)
{
    struct sync *sync = NULL;
    plant(2, 0, 10);
    rig_upkeep(&rig);
    assert_int_equal(rig_begin(&rig, P, 2, &sync), 0);
    assert_true(queue_empty(&sync->todo));
    return sync;
}

static struct sync_task *top_of(struct sync *sync)
{
    assert_false(queue_empty(&sync->todo));
    return QUEUE_ITEM(sync->todo.next, struct sync_task, link);
}

static void nothing_is_added_to_a_question_whose_answer_is_kept(void **state)
{
    (void)state;
    struct sync *sync = begin_bare();
    assert_int_equal(sync_push_node(sync, STEP_LEAVES, 8, 3), 0);
    struct sync_task *kept = top_of(sync);
    assert_int_equal(sync_push_node(sync, STEP_LEAVES, 8, 4), 0);
    assert_ptr_equal(top_of(sync), kept);
    assert_int_equal(buffer_append(&kept->answer, "answer", 6), 0);
    assert_int_equal(sync_push_node(sync, STEP_LEAVES, 8, 5), 0);
    assert_int_equal(kept->count, 2);
    assert_int_equal(top_of(sync)->count, 1);
    sync_cancel(sync);
}

static void a_range_is_longer_by_the_one_behind_it_and_none_is_behind_the_last(void **state)
{
    (void)state;
    struct sync *sync = begin_bare();
    uint64_t half = UINT64_C(1) << 63;
    assert_int_equal(sync_push_range(sync, half, half + 99), 0);
    assert_int_equal(sync_push_range(sync, half + 100, UINT64_MAX), 0);
    struct sync_task *last = top_of(sync);
    assert_int_equal(sync_push_range(sync, 0, 99), 0);
    assert_int_equal(last->position, half);
    assert_true(last->until == UINT64_MAX);
    assert_int_equal(top_of(sync)->position, 0);
    assert_int_equal(top_of(sync)->until, 99);
    sync_cancel(sync);
}

/* ---- many schedules -------------------------------------------------------------------------- */

/* Writes at both nodes, deletes and old objects arriving, in the middle of syncs. */
static void disturb(struct sync_rig *at, uint64_t node, uint32_t kind)
{
    (void)node;
    (void)kind;
    uint32_t number = (uint32_t)random_below(&at->random, 40);
    uint64_t where = 1 + random_below(&at->random, 2);
    switch (random_below(&at->random, 6)) {
    case 0:
        (void)rig_write(at, where, P, key_of(number), "again");
        break;
    case 1:
        (void)rig_write_unseen(at, where, P, key_of(number), "beside");
        break;
    case 2:
        (void)rig_write(at, where, P, key_of(number), NULL);
        break;
    case 3:
        rig_send(at, where, 3 - where, P, key_of(number));
        break;
    default:
        break;
    }
}

static void after_any_schedule_two_syncs_make_both_the_same(void **state)
{
    (void)state;
    for (uint32_t round = 0; round < 60; round++) {
        rig.asked = disturb;
        rig.fickle[1]->cold_percent = round % 3 == 0 ? 30 : 0;
        for (uint32_t i = 0; i < 4; i++) {
            rig_self(&rig, 1 + i % 2);
            assert_int_equal(rig_sync(&rig, P, 2 - i % 2), 0);
        }
        rig.asked = NULL;
        for (uint32_t i = 0; i < 2; i++) {
            rig_self(&rig, 1 + i);
            assert_int_equal(rig_sync(&rig, P, 2 - i), 0);
        }
        assert_true(rig_same(&rig, 1, 2, P));
        rig_self(&rig, 1);
        assert_int_equal(rig_sync(&rig, P, 2), 0);
        assert_int_equal(rig.outcome.repaired, 0);
        assert_true(partition_clock_equal(clock_of(1), clock_of(2)));
    }
}

/* ---- answers that make no sense -------------------------------------------------------------- */

static uint64_t first_id(uint32_t *kind)
{
    uint64_t id = 0;
    assert_true(rig.frame_count > 0);
    struct rig_frame *frame = &rig.frames[0];
    assert_int_equal(
        frame_peek(bytes_make(frame->bytes + FRAME_PREFIX_BYTES, frame->len - FRAME_PREFIX_BYTES),
                   kind, &id),
        0);
    return id;
}

static void begin_and_answer_root(void)
{
    uint32_t kind;
    plant(2, 0, 10);
    rig_upkeep(&rig);
    assert_int_equal(rig_begin(&rig, P, 2, NULL), 0);
    assert_true(rig_answer(&rig));
    (void)first_id(&kind);
    assert_int_equal(kind, MESSAGE_SYNC_LEAVES);
}

static void a_list_out_of_order_ends_the_sync(void **state)
{
    (void)state;
    uint32_t kind;
    begin_and_answer_root();
    struct sync_entry entries[] = {{.position = 9, .actor = 1, .counter = 1},
                                   {.position = 3, .actor = 1, .counter = 2}};
    struct message_sync_listed listed = {
        .id = first_id(&kind), .entries = entries, .count = 2, .end = true};
    syncs_on_listed(&rig.syncs, 2, &listed, bytes_from_string("payload"));
    assert_int_equal(rig.outcome.code, SHOAL_EPROTO);
    assert_int_equal(rig.syncs.count, 0);
}

static void a_page_that_does_not_move_on_ends_the_sync(void **state)
{
    (void)state;
    uint32_t kind;
    begin_and_answer_root();
    struct message_sync_listed listed = {.id = first_id(&kind), .end = false, .next = 0};
    syncs_on_listed(&rig.syncs, 2, &listed, bytes_from_string("payload"));
    assert_int_equal(rig.outcome.code, SHOAL_EPROTO);
}

static void an_object_that_was_not_asked_for_ends_the_sync(void **state)
{
    (void)state;
    uint32_t kind;
    begin_and_answer_root();
    assert_true(rig_answer(&rig));
    uint64_t id = first_id(&kind);
    assert_int_equal(kind, MESSAGE_SYNC_FETCH);
    struct bytes key = bytes_from_string("not asked for");
    struct scan_entry entry = {.position = replica_key(&rig.replicas[1], P, key).position,
                               .key = key,
                               .object = rig_held(&rig, 2, P, key_of(1))};
    struct message_sync_fetched fetched = {.id = id, .entries = &entry, .count = 1, .end = true};
    syncs_on_fetched(&rig.syncs, 2, &fetched, bytes_from_string("payload"));
    assert_int_equal(rig.outcome.code, SHOAL_EPROTO);
    assert_int_equal(rig_keys(&rig, 1, P), 0);
}

static void answers_of_others_and_of_yesterday_are_passed_over(void **state)
{
    (void)state;
    uint32_t kind;
    begin_and_answer_root();
    struct message_sync_listed listed = {.id = first_id(&kind), .end = true};
    syncs_on_listed(&rig.syncs, 3, &listed, bytes_from_string("payload"));
    listed.id--;
    syncs_on_listed(&rig.syncs, 2, &listed, bytes_from_string("payload"));
    struct message_sync_sums sums = {.id = listed.id + 1};
    syncs_on_sums(&rig.syncs, 2, &sums);
    rig_run(&rig);
    assert_int_equal(rig.outcome.code, 0);
    assert_int_equal(rig_keys(&rig, 1, P), 10);
}

#define SYNC_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SYNC_TEST(equal_holdings_cost_one_pair_of_messages),
        SYNC_TEST(what_is_missing_comes_and_nothing_else),
        SYNC_TEST(what_a_sync_has_made_equal_costs_nothing_again),
        SYNC_TEST(an_empty_holding_is_refilled_by_pages_without_lists),
        SYNC_TEST(a_holding_whose_peer_is_empty_asks_little),
        SYNC_TEST(siblings_meet),
        SYNC_TEST(trees_of_different_depth_compare),
        SYNC_TEST(what_the_peer_has_replaced_goes),
        SYNC_TEST(what_the_peer_knows_to_be_gone_goes_though_it_has_nothing_of_the_key),
        SYNC_TEST(a_tombstone_that_the_peer_was_first_to_drop_goes_and_is_no_repair),
        SYNC_TEST(thousands_of_keys_that_the_peer_has_forgotten_go),
        SYNC_TEST(what_is_gone_here_does_not_come_back_from_a_peer_that_still_has_it),
        SYNC_TEST(what_the_peer_has_not_seen_stays),
        SYNC_TEST(a_store_behind_the_comparison_is_compared_before_the_clock_is_joined),
        SYNC_TEST(a_source_that_begins_anew_ends_the_sync_and_nothing_is_taken_for_gone),
        SYNC_TEST(a_holding_that_begins_anew_here_ends_the_sync_without_a_join),
        SYNC_TEST(lost_frames_are_asked_for_again),
        SYNC_TEST(a_peer_that_never_answers_is_given_up),
        SYNC_TEST(reads_may_have_to_wait_on_both_sides),
        SYNC_TEST(storage_with_too_much_to_write_is_waited_for),
        SYNC_TEST(a_full_disk_ends_the_sync_and_the_clock_stays),
        SYNC_TEST(without_memory_a_sync_fails_or_is_complete),
        SYNC_TEST(nothing_is_added_to_a_question_whose_answer_is_kept),
        SYNC_TEST(a_range_is_longer_by_the_one_behind_it_and_none_is_behind_the_last),
        SYNC_TEST(after_any_schedule_two_syncs_make_both_the_same),
        SYNC_TEST(a_list_out_of_order_ends_the_sync),
        SYNC_TEST(a_page_that_does_not_move_on_ends_the_sync),
        SYNC_TEST(an_object_that_was_not_asked_for_ends_the_sync),
        SYNC_TEST(answers_of_others_and_of_yesterday_are_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
