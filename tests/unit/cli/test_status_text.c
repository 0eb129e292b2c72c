/* What status shows below its table, and in one line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "cli/status_text.h"

static struct shoal_node node_of(uint64_t id, const char *name)
{
    return (struct shoal_node){
        .id = id,
        .name = name,
        .zone = "a",
        .host = "127.0.0.1",
        .client_port = 3001,
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

static struct shoal_status status_of(const struct shoal_node *nodes, size_t count)
{
    return (struct shoal_status){
        .node = 1,
        .cluster_name = "demo",
        .layout_version = 7,
        .oldest_version = 7,
        .live_layouts = 1,
        .partitions = 64,
        .n = 3,
        .r = 2,
        .w = 2,
        .nodes = nodes,
        .node_count = count,
    };
}

static char *printed(const struct shoal_status *status, const uint64_t *seconds_left)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    status_print(status, seconds_left, out);
    (void)fclose(out);
    return text;
}

static void expect_printed(const struct shoal_status *status, const char *expected)
{
    char *text = printed(status, NULL);
    assert_string_equal(text, expected);
    free(text);
}

static void expect_line(const struct shoal_status *status, const char *expected)
{
    char line[STATUS_LINE_BYTES];
    status_line(status, line);
    assert_string_equal(line, expected);
}

static void at_rest_there_is_the_table_and_one_line(void **state)
{
    (void)state;
    struct shoal_node nodes[] = {node_of(2, "b"), node_of(1, "a")};
    struct shoal_status status = status_of(nodes, 2);
    expect_printed(&status,
                   "NAME  STATE  STORAGE  ZONE  WEIGHT  ADDRESS         PARTITIONS  KEYS  BYTES  "
                   "HINTS  PENDING  RELEASING\n"
                   "a *   up     ok       a          1  127.0.0.1:3001          64     0      0  "
                   "    0        0          0\n"
                   "b     up     ok       a          1  127.0.0.1:3001          64     0      0  "
                   "    0        0          0\n"
                   "cluster demo: layout 7, 64 partitions, n=3 r=2 w=2; settled\n");
    expect_line(&status, "layout 7: 2 nodes up; settled");
}

static void a_change_is_told_with_how_far_and_who_is_waited_for(void **state)
{
    (void)state;
    struct shoal_node nodes[] = {node_of(1, "a"), node_of(2, "b"), node_of(3, "c")};
    struct shoal_status status = status_of(nodes, 3);
    status.live_layouts = 2;
    status.oldest_version = 6;
    nodes[1].synced = 0;
    nodes[1].pending_sync = 12;
    nodes[2].state = "down";
    nodes[2].all_synced = 0;
    uint64_t seconds = 80;
    char *text = printed(&status, &seconds);
    assert_non_null(
        strstr(text, "; a change of the layout is under way\n"
                     "layout 6 -> 7: 180 of 192 copies synced, 12 to go; about 1m 20s left\n"
                     "waiting for c, which is down: start it again; if it never returns: shoal "
                     "remove-node --node c\n"
                     "waiting for b to sync 12 partitions\n"));
    free(text);
    expect_line(&status, "layout 6 -> 7: 2 nodes up, c down; a change of the layout is under way, "
                         "12 of 192 copies to sync; waiting for c, which is down: start it again; "
                         "if it never returns: shoal remove-node --node c");
}

static void what_is_staged_and_what_may_be_lost_stands_below(void **state)
{
    (void)state;
    struct shoal_node nodes[] = {node_of(1, "a"), node_of(2, "b"), node_of(3, "c")};
    struct shoal_status status = status_of(nodes, 3);
    nodes[1].change = "reweighed";
    nodes[1].staged = 1;
    nodes[2].change = "joins";
    nodes[2].staged = 1;
    status.staged = 2;
    status.may_lose = 1;
    char *text = printed(&status, NULL);
    assert_non_null(strstr(
        text, "; settled\n"
              "staged: b is reweighed, c joins (shoal cluster plan shows what moves, commit does "
              "it, cancel forgets it)\n"
              "warning: acknowledged writes of 1 partition may have been lost: too many of their "
              "owners were removed\n"));
    free(text);
    expect_line(&status, "layout 7: 3 nodes up; settled; 2 changes staged; writes of 1 partition "
                         "may have been lost");
}

static void a_line_has_an_end_however_many_nodes_are_down(void **state)
{
    (void)state;
    struct shoal_node nodes[200];
    for (size_t i = 0; i < 200; i++) {
        nodes[i] = node_of(i + 1, "a-node-of-a-long-name");
        nodes[i].state = "down";
    }
    struct shoal_status status = status_of(nodes, 200);
    char line[STATUS_LINE_BYTES];
    status_line(&status, line);
    assert_int_equal(strlen(line), STATUS_LINE_BYTES - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(at_rest_there_is_the_table_and_one_line),
        cmocka_unit_test(a_change_is_told_with_how_far_and_who_is_waited_for),
        cmocka_unit_test(what_is_staged_and_what_may_be_lost_stands_below),
        cmocka_unit_test(a_line_has_an_end_however_many_nodes_are_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
