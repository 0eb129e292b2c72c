/* What crosses between workers with an outcome. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "node/outcome_copy.h"
#include "shoal/error.h"

static struct bytes text(const char *string)
{
    return bytes_from_string(string);
}

static void assert_bytes_apart(struct bytes copy, struct bytes original)
{
    assert_true(bytes_equal(copy, original));
    assert_ptr_not_equal(copy.data, original.data);
}

static void a_copy_has_all_of_a_result_and_borrows_nothing(void **state)
{
    (void)state;
    const struct result_value values[] = {{.value = text("first"), .hlc = 5},
                                          {.value = text(""), .hlc = 6}};
    const struct outcome from = {.code = SHOAL_EQUORUM,
                                 .text = text("one of two"),
                                 .context = text("token"),
                                 .after = text("cursor"),
                                 .values = values,
                                 .value_count = 2,
                                 .owners = 1,
                                 .needed = 2};
    struct outcome copy;
    void *memory = NULL;
    assert_int_equal(outcome_copy(&from, &copy, &memory), 0);
    assert_int_equal(copy.code, SHOAL_EQUORUM);
    assert_int_equal(copy.owners, 1);
    assert_int_equal(copy.needed, 2);
    assert_bytes_apart(copy.text, from.text);
    assert_bytes_apart(copy.context, from.context);
    assert_bytes_apart(copy.after, from.after);
    assert_int_equal(copy.value_count, 2);
    assert_bytes_apart(copy.values[0].value, values[0].value);
    assert_int_equal(copy.values[0].hlc, 5);
    assert_non_null(copy.values[1].value.data);
    assert_int_equal(copy.values[1].value.len, 0);
    assert_null(copy.changed);
    mem_free(memory);
}

static void a_copy_has_all_of_a_plan_and_borrows_nothing(void **state)
{
    (void)state;
    const struct plan_row rows[] = {
        {.node = 1, .name = text("node1"), .zone = text("attic"), .partitions_in = 3},
        {.node = 0, .name = text("+1"), .zone = text(""), .kind = CHANGE_JOINS, .bytes_in = 9}};
    const struct message_change_reply plan = {.changes = true,
                                              .version_after = 8,
                                              .bytes_in = 9,
                                              .reason = text("zones"),
                                              .rows = rows,
                                              .count = 2};
    const struct outcome from = {.changed = &plan};
    struct outcome copy;
    void *memory = NULL;
    assert_int_equal(outcome_copy(&from, &copy, &memory), 0);
    assert_int_equal(copy.code, 0);
    assert_null(copy.text.data);
    assert_ptr_not_equal(copy.changed, &plan);
    assert_true(copy.changed->changes);
    assert_int_equal(copy.changed->version_after, 8);
    assert_int_equal(copy.changed->bytes_in, 9);
    assert_bytes_apart(copy.changed->reason, plan.reason);
    assert_null(copy.changed->text.data);
    assert_int_equal(copy.changed->count, 2);
    for (uint32_t i = 0; i < 2; i++) {
        const struct plan_row *row = &copy.changed->rows[i];
        assert_ptr_not_equal(row, &rows[i]);
        assert_int_equal(row->node, rows[i].node);
        assert_int_equal(row->kind, rows[i].kind);
        assert_int_equal(row->partitions_in, rows[i].partitions_in);
        assert_int_equal(row->bytes_in, rows[i].bytes_in);
        assert_bytes_apart(row->name, rows[i].name);
        assert_true(bytes_equal(row->zone, rows[i].zone));
    }
    mem_free(memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_copy_has_all_of_a_result_and_borrows_nothing),
        cmocka_unit_test(a_copy_has_all_of_a_plan_and_borrows_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
