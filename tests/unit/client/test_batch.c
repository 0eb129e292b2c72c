/* Several operations at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "client_test.h"

struct seen {
    struct fixture *fixture;
    int codes[8];
    char values[8][16];
    size_t count;
};

static void on_batch(struct shoal_client *client, const struct shoal_result *const *results,
                     size_t count, void *user)
{
    (void)client;
    struct seen *seen = user;
    seen->count = count;
    for (size_t i = 0; i < count && i < 8; i++) {
        seen->codes[i] = results[i]->code;
        if (results[i]->value_count > 0) {
            (void)snprintf(seen->values[i], sizeof(seen->values[i]), "%.*s",
                           (int)results[i]->values[0].value.len,
                           (const char *)results[i]->values[0].value.data);
        }
    }
    seen->fixture->done++;
}

static void every_operation_has_its_own_outcome_in_its_place(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_begin(&fixture, 3, 1, NULL);
    (void)put(&fixture, "there", "yes");
    struct shoal_operation operations[] = {
        {.kind = SHOAL_GET, .key = shoal_text("there")},
        {.kind = SHOAL_GET, .key = shoal_text("missing")},
        {.kind = SHOAL_PUT, .key = shoal_text("new"), .value = shoal_text("v")},
        {.kind = SHOAL_GET, .key = shoal_text("")},
        {.kind = SHOAL_DELETE, .key = shoal_text("gone")},
    };
    struct seen seen = {.fixture = &fixture};
    assert_int_equal(shoal_batch_start(fixture.client, operations, 5, NULL, on_batch, &seen), 0);
    await(&fixture, 2);
    assert_int_equal(seen.count, 5);
    assert_int_equal(seen.codes[0], 0);
    assert_string_equal(seen.values[0], "yes");
    assert_int_equal(seen.codes[1], SHOAL_ENOTFOUND);
    assert_int_equal(seen.codes[2], 0);
    assert_int_equal(seen.codes[3], SHOAL_EINVAL);
    assert_int_equal(seen.codes[4], 0);
    assert_string_equal(get(&fixture, "new")->value, "v");
    fixture_end(&fixture);
}

static void a_batch_without_room_starts_nothing(void **state)
{
    (void)state;
    struct fixture fixture;
    struct shoal_config config = {.waiting_max = 2};
    fixture_begin(&fixture, 1, 1, &config);
    struct shoal_bytes keys[] = {shoal_text("a"), shoal_text("b"), shoal_text("c")};
    struct seen seen = {.fixture = &fixture};
    assert_int_equal(shoal_mget_start(fixture.client, keys, 3, NULL, on_batch, &seen),
                     SHOAL_EOVERLOAD);
    assert_int_equal(shoal_mget_start(fixture.client, keys, 2, NULL, on_batch, &seen), 0);
    await(&fixture, 1);
    assert_int_equal(fixture_node(&fixture, 0)->requests, 2);
    fixture_end(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_operation_has_its_own_outcome_in_its_place),
        cmocka_unit_test(a_batch_without_room_starts_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
