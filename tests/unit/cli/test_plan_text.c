/* Plans for people and programs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "cli/plan_text.h"
#include "report/plan_json.h"

static const struct shoal_plan_node nodes[] = {
    {.id = 1,
     .name = "n1",
     .zone = "a",
     .change = "stays",
     .weight = 1,
     .partitions_before = 64,
     .partitions_after = 48},
    {.id = 0,
     .name = "+1",
     .zone = "b",
     .change = "joins",
     .weight = 2,
     .partitions_after = 48,
     .partitions_in = 48,
     .bytes_in = 3u << 20},
};

static struct shoal_plan plan_of_two(void)
{
    return (struct shoal_plan){
        .changes = 1,
        .version_before = 3,
        .version_after = 4,
        .partitions = 64,
        .replicas_before = 1,
        .replicas_after = 2,
        .moves = 49,
        .moves_least = 48,
        .zones_before = 1,
        .zones_after = 2,
        .share_excess_before = 0,
        .share_excess_after = 0.5,
        .bytes_in = 3u << 20,
        .reason = "",
        .text = "",
        .nodes = nodes,
        .node_count = 2,
    };
}

static void expect_print(const struct shoal_plan *plan, const char *expected)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    plan_print(plan, out);
    (void)fclose(out);
    assert_string_equal(text, expected);
    free(text);
}

#define TABLE                                                                                      \
    "NAME  ZONE  WEIGHT  CHANGE  BEFORE  AFTER  GETS    BYTES\n"                                   \
    "n1    a          1  stays       64     48     0      0 B\n"                                   \
    "+1    b          2  joins        0     48    48  3.0 MiB\n"                                   \
    "layout 3 -> 4: 49 of 128 copies move, about 3.0 MiB; the least possible is 48\n"              \
    "balance: the worst node is 0.00 -> 0.50 partitions from its weighted share\n"

static void a_plan_is_a_table_and_what_it_is_worth(void **state)
{
    (void)state;
    struct shoal_plan plan = plan_of_two();
    expect_print(&plan, TABLE "zones: 1 -> 2 for every partition\n"
                              "replicas: 1 -> 2 of every partition\n");
}

static void what_does_not_change_is_said_once_and_what_may_be_lost_is_said(void **state)
{
    (void)state;
    struct shoal_plan plan = plan_of_two();
    plan.zones_before = 2;
    plan.replicas_before = 2;
    plan.reason = "zone b is too small";
    plan.may_lose = 1;
    expect_print(&plan, TABLE "zones: 2 for every partition\n"
                              "replicas: 2 of every partition\n"
                              "note: zone b is too small\n"
                              "warning: acknowledged writes of 1 partition may be lost: too many "
                              "of their owners are removed\n");
}

static void json_has_every_field_and_no_id_for_a_node_that_is_not(void **state)
{
    (void)state;
    struct shoal_plan plan = plan_of_two();
    json_t *object = json_of_plan(&plan);
    assert_non_null(object);
    assert_true(json_is_true(json_object_get(object, "changes")));
    assert_true(json_is_false(json_object_get(object, "committed")));
    json_t *layout = json_object_get(object, "layout");
    assert_int_equal(json_integer_value(json_object_get(layout, "before")), 3);
    assert_int_equal(json_integer_value(json_object_get(layout, "after")), 4);
    assert_int_equal(json_integer_value(json_object_get(object, "moves")), 49);
    assert_int_equal(json_integer_value(json_object_get(object, "moves_least")), 48);
    assert_null(json_object_get(object, "reason"));
    json_t *list = json_object_get(object, "nodes");
    assert_int_equal(json_array_size(list), 2);
    assert_string_equal(json_string_value(json_object_get(json_array_get(list, 0), "id")),
                        "0000000000000001");
    json_t *added = json_array_get(list, 1);
    assert_true(json_is_null(json_object_get(added, "id")));
    assert_string_equal(json_string_value(json_object_get(added, "name")), "+1");
    assert_int_equal(json_integer_value(json_object_get(added, "bytes_in")), 3u << 20);
    assert_int_equal(json_integer_value(json_object_get(added, "weight")), 2);
    json_decref(object);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plan_is_a_table_and_what_it_is_worth),
        cmocka_unit_test(what_does_not_change_is_said_once_and_what_may_be_lost_is_said),
        cmocka_unit_test(json_has_every_field_and_no_id_for_a_node_that_is_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
