/* When a change has settled, and who is waited for until then. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "report/situation.h"

#define NODES_MAX 40u

struct scene {
    struct shoal_status status;
    struct shoal_node nodes[NODES_MAX];
    char names[NODES_MAX][16];
};

/* So many members that are up, in one layout, with nothing to do; ids from 1. */
static void scene_begin(struct scene *scene, size_t count)
{
    *scene = (struct scene){
        .status = {.node = 1,
                   .cluster_name = "c",
                   .layout_version = 4,
                   .oldest_version = 4,
                   .live_layouts = 1,
                   .partitions = 64,
                   .n = 3,
                   .r = 2,
                   .w = 2,
                   .node_count = count},
    };
    scene->status.nodes = scene->nodes;
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(scene->names[i], sizeof(scene->names[i]), "node%zu", i + 1);
        scene->nodes[i] = (struct shoal_node){
            .id = i + 1,
            .name = scene->names[i],
            .zone = "a",
            .host = "h",
            .state = "up",
            .storage = "ok",
            .change = "",
            .partitions = 64,
            .weight = 1,
            .seen = 1,
            .synced = 1,
            .all_synced = 1,
        };
    }
}

static void scene_change(struct scene *scene)
{
    scene->status.live_layouts = 2;
    scene->status.layout_version = 5;
}

static void expect_wait(const struct situation *situation, uint32_t index, enum wait_kind kind,
                        uint64_t node)
{
    assert_in_range(index, 0, situation->wait_count - 1);
    assert_int_equal(situation->waits[index].kind, kind);
    assert_int_equal(situation->waits[index].node->id, node);
}

static void expect_text(const struct situation *situation, uint32_t index, const char *text)
{
    char found[SITUATION_TEXT_BYTES];
    wait_text(&situation->waits[index], found);
    assert_string_equal(found, text);
}

static void at_rest_it_is_settled(void **state)
{
    (void)state;
    struct scene scene;
    struct situation situation;
    scene_begin(&scene, 3);
    situation_read(&scene.status, NULL, &situation);
    assert_true(situation.settled);
    assert_false(situation.changing);
    assert_int_equal(situation.wait_count, 0);
    assert_int_equal(situation.copies, 3 * 64);
}

static void two_layouts_are_never_settled(void **state)
{
    (void)state;
    struct scene scene;
    struct situation situation;
    scene_begin(&scene, 3);
    scene_change(&scene);
    situation_read(&scene.status, NULL, &situation);
    assert_false(situation.settled);
    assert_true(situation.changing);
}

static void each_step_names_those_it_waits_for_and_not_the_next_ones(void **state)
{
    (void)state;
    struct scene scene;
    struct situation situation;
    scene_begin(&scene, 3);
    scene_change(&scene);
    for (size_t i = 0; i < 3; i++) {
        scene.nodes[i].seen = scene.nodes[i].synced = scene.nodes[i].all_synced = 0;
        scene.nodes[i].pending_sync = 64;
        scene.nodes[i].releasing = 3;
    }
    scene.nodes[0].seen = 1;
    scene.nodes[2].seen = 1;
    situation_read(&scene.status, NULL, &situation);
    assert_int_equal(situation.wait_count, 1);
    expect_wait(&situation, 0, WAIT_SEE, 2);
    scene.nodes[1].seen = 1;
    scene.nodes[1].synced = 1;
    scene.nodes[1].pending_sync = 0;
    scene.nodes[2].pending_sync = 1;
    situation_read(&scene.status, NULL, &situation);
    assert_int_equal(situation.wait_count, 2);
    expect_wait(&situation, 0, WAIT_SYNC, 1);
    expect_text(&situation, 0, "node1 to sync 64 partitions");
    expect_text(&situation, 1, "node3 to sync 1 partition");
    for (size_t i = 0; i < 3; i++) {
        scene.nodes[i].synced = 1;
        scene.nodes[i].pending_sync = 0;
    }
    scene.nodes[2].all_synced = 1;
    situation_read(&scene.status, NULL, &situation);
    assert_int_equal(situation.wait_count, 2);
    expect_wait(&situation, 0, WAIT_TELL, 1);
    expect_wait(&situation, 1, WAIT_TELL, 2);
    scene.status.live_layouts = 1;
    situation_read(&scene.status, NULL, &situation);
    assert_int_equal(situation.wait_count, 3);
    expect_wait(&situation, 0, WAIT_RELEASE, 1);
    assert_false(situation.settled);
    assert_int_equal(situation.to_release, 9);
}

static void a_dead_node_is_waited_for_first_and_the_way_out_is_said(void **state)
{
    (void)state;
    struct scene scene;
    struct situation situation;
    scene_begin(&scene, 3);
    scene_change(&scene);
    scene.nodes[0].synced = 0;
    scene.nodes[0].pending_sync = 5;
    scene.nodes[2].state = "down";
    scene.nodes[2].synced = 0;
    scene.nodes[2].pending_sync = 7; /* what it said when it lived: it has all 64 to sync */
    situation_read(&scene.status, NULL, &situation);
    assert_int_equal(situation.wait_count, 2);
    expect_wait(&situation, 0, WAIT_DOWN, 3);
    expect_wait(&situation, 1, WAIT_SYNC, 1);
    assert_true(wait_is_stuck(&situation.waits[0]));
    assert_false(wait_is_stuck(&situation.waits[1]));
    expect_text(&situation, 0,
                "node3, which is down: start it again; if it never returns: shoal remove-node "
                "--node node3");
    assert_int_equal(situation.to_sync, 5 + 64);
    assert_true(situation_is_stuck(&situation));
}

static void a_dead_node_that_nobody_waits_for_holds_nothing_up(void **state)
{
    (void)state;
    struct scene scene;
    struct situation situation;
    scene_begin(&scene, 3);
    scene.nodes[2].state = "down";
    scene.nodes[2].pending_sync = 7;
    scene.nodes[2].releasing = 7;
    situation_read(&scene.status, NULL, &situation);
    assert_true(situation.settled);
}

static void a_dead_leaver_that_still_holds_data_is_waited_for(void **state)
{
    (void)state;
    struct scene scene;
    struct situation situation;
    uint64_t gone[] = {3};
    struct expectation expected = {.gone = gone, .gone_count = 1};
    scene_begin(&scene, 3);
    scene.nodes[2].state = "down";
    scene.nodes[2].releasing = 7;
    situation_read(&scene.status, &expected, &situation);
    assert_false(situation.settled);
    expect_wait(&situation, 0, WAIT_DOWN_DATA, 3);
    scene.nodes[2].releasing = 0;
    situation_read(&scene.status, &expected, &situation);
    assert_true(situation.settled);
}

static void who_leaves_must_have_left(void **state)
{
    (void)state;
    struct scene scene;
    struct situation situation;
    uint64_t gone[] = {2};
    struct expectation expected = {.gone = gone, .gone_count = 1};
    scene_begin(&scene, 3);
    situation_read(&scene.status, &expected, &situation);
    expect_wait(&situation, 0, WAIT_LEAVE, 2);
    scene.nodes[1].state = "leaving";
    scene.nodes[1].hints = 2;
    situation_read(&scene.status, &expected, &situation);
    assert_false(situation.settled);
    expect_text(&situation, 0, "node2 to deliver 2 writes that it keeps for others");
    situation_read(&scene.status, NULL, &situation); /* also for who only looks */
    assert_false(situation.settled);
    scene.nodes[1].state = "left";
    scene.nodes[1].hints = 0;
    situation_read(&scene.status, &expected, &situation);
    assert_true(situation.settled);
    scene.nodes[1] = scene.nodes[2];
    scene.status.node_count = 2; /* removed by force: not even listed any more */
    situation_read(&scene.status, &expected, &situation);
    assert_true(situation.settled);
}

static void who_joins_must_be_there_and_up(void **state)
{
    (void)state;
    struct scene scene;
    struct situation situation;
    uint64_t come[] = {3};
    struct expectation expected = {.come = come, .come_count = 1};
    scene_begin(&scene, 3);
    scene.status.node_count = 2;
    situation_read(&scene.status, &expected, &situation);
    assert_false(situation.settled);
    scene.status.node_count = 3;
    scene.nodes[2].state = "joining";
    situation_read(&scene.status, &expected, &situation);
    assert_false(situation.settled);
    expect_wait(&situation, 0, WAIT_UP, 3);
    scene.nodes[2].state = "up";
    situation_read(&scene.status, &expected, &situation);
    assert_true(situation.settled);
}

static void what_is_due_is_waited_for_and_what_is_staged_is_not(void **state)
{
    (void)state;
    struct scene scene;
    struct situation situation;
    scene_begin(&scene, 3);
    scene.nodes[1].change = "removed";
    situation_read(&scene.status, NULL, &situation);
    assert_false(situation.settled);
    assert_true(situation.changing);
    expect_wait(&situation, 0, WAIT_COMMIT, 2);
    expect_text(&situation, 0,
                "a layout in which node2 is removed: one comes by itself once there is room for "
                "it");
    scene.nodes[1].staged = 1;
    situation_read(&scene.status, NULL, &situation);
    assert_true(situation.settled);
}

static void a_full_disk_that_should_take_data_is_named(void **state)
{
    (void)state;
    struct scene scene;
    struct situation situation;
    scene_begin(&scene, 3);
    scene.nodes[1].storage = "full";
    situation_read(&scene.status, NULL, &situation);
    assert_true(situation.settled);
    scene_change(&scene);
    scene.nodes[1].synced = 0;
    scene.nodes[1].pending_sync = 2;
    situation_read(&scene.status, NULL, &situation);
    expect_wait(&situation, 0, WAIT_STORAGE, 2);
    assert_true(wait_is_stuck(&situation.waits[0]));
}

static void the_time_left_is_by_what_a_joiner_lacks_and_how_fast_it_gets_it(void **state)
{
    (void)state;
    struct scene scene;
    struct situation situation;
    uint64_t seconds;
    scene_begin(&scene, 4);
    scene_change(&scene);
    for (size_t i = 0; i < 3; i++) {
        scene.nodes[i].partitions = 48;
        scene.nodes[i].releasing = 16;
        scene.nodes[i].bytes = 64000;
    }
    scene.nodes[3].partitions = 48;
    scene.nodes[3].bytes = 12000;
    scene.nodes[3].pending_sync = 36;
    scene.nodes[3].synced = 0;
    situation_read(&scene.status, NULL, &situation);
    assert_int_equal(situation.bytes_left, 36000);
    assert_false(situation_seconds_left(&situation, &seconds)); /* nothing comes */
    scene.nodes[3].sync_rate = 1000;
    situation_read(&scene.status, NULL, &situation);
    assert_true(situation_seconds_left(&situation, &seconds));
    assert_int_equal(seconds, 36);
    char text[SITUATION_TEXT_BYTES];
    situation_text(&situation, &seconds, text);
    assert_string_equal(text, "156 of 192 copies synced, 36 to go; 1000 B/s, about 36s left");
    situation_text(&situation, NULL, text);
    assert_string_equal(text, "156 of 192 copies synced, 36 to go; 1000 B/s");
}

static void more_waits_than_there_is_room_for_are_counted(void **state)
{
    (void)state;
    struct scene scene;
    struct situation situation;
    scene_begin(&scene, NODES_MAX);
    for (size_t i = 0; i < NODES_MAX; i++) {
        scene.nodes[i].pending_sync = 1;
    }
    situation_read(&scene.status, NULL, &situation);
    assert_int_equal(situation.wait_count, NODES_MAX);
    expect_wait(&situation, SITUATION_WAITS_MAX - 1, WAIT_SYNC, SITUATION_WAITS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(at_rest_it_is_settled),
        cmocka_unit_test(two_layouts_are_never_settled),
        cmocka_unit_test(each_step_names_those_it_waits_for_and_not_the_next_ones),
        cmocka_unit_test(a_dead_node_is_waited_for_first_and_the_way_out_is_said),
        cmocka_unit_test(a_dead_node_that_nobody_waits_for_holds_nothing_up),
        cmocka_unit_test(a_dead_leaver_that_still_holds_data_is_waited_for),
        cmocka_unit_test(who_leaves_must_have_left),
        cmocka_unit_test(who_joins_must_be_there_and_up),
        cmocka_unit_test(what_is_due_is_waited_for_and_what_is_staged_is_not),
        cmocka_unit_test(a_full_disk_that_should_take_data_is_named),
        cmocka_unit_test(the_time_left_is_by_what_a_joiner_lacks_and_how_fast_it_gets_it),
        cmocka_unit_test(more_waits_than_there_is_room_for_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
