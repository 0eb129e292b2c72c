/* api/http/body_read and json_value: what /data and /v1/execute take, what is stored of it, and how
 * that is shown. Whole requests are tested against real nodes (tests/scenario/test_http_kv.py). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "api/http/body_read.h"
#include "api/http/json_value.h"
#include "api/json_read.h"
#include "base/limits.h"
#include "shoal/error.h"

static struct arena arena;

static int setup(void **state)
{
    (void)state;
    arena_init(&arena, 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_deinit(&arena);
    return 0;
}

static void assert_is(struct bytes bytes, const char *text)
{
    if (bytes.len != strlen(text) || (bytes.len > 0 && memcmp(bytes.data, text, bytes.len) != 0)) {
        fail_msg("%.*s is not %s", (int)bytes.len, (const char *)bytes.data, text);
    }
}

/* ---- values ---- */

static struct bytes stored_of(const char *json)
{
    struct bytes value;
    struct bytes stored = {.data = NULL};
    assert_int_equal(json_check(bytes_from_string(json), &value, NULL), 0);
    assert_int_equal(json_value_store(&arena, value, &stored), 0);
    assert_non_null(stored.data);
    return stored;
}

static void assert_shown(struct bytes stored, const char *field, const char *item)
{
    struct buffer out;
    buffer_init(&out, 0);
    assert_int_equal(json_value_field(&out, stored), 0);
    assert_is(buffer_bytes(&out), field);
    buffer_clear(&out);
    assert_int_equal(json_value_item(&out, stored), 0);
    assert_is(buffer_bytes(&out), item);
    buffer_deinit(&out);
}

static void values_come_back_as_they_were(void **state)
{
    static const struct {
        const char *json;
        const char *stored;
    } cases[] = {
        {"12", "12"},
        {"1.0e5", "1.0e5"},
        {"{\"a\": [1, null]}", "{\"a\": [1, null]}"},
        {"\"hello\"", "hello"},
        {"\"\"", ""},
        {"\"12\"", "\"12\""},
        {"\"true\"", "\"true\""},
        {"\" [] \"", "\" [] \""},
        {"\"\\\"x\\\"\"", "\"\\\"x\\\"\""},
        {"\"{\"", "{"},
        {"\"\\ud800\"", "\"\\ud800\""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char field[64];
        struct bytes stored = stored_of(cases[i].json);
        assert_is(stored, cases[i].stored);
        (void)snprintf(field, sizeof(field), "\"value\":%s", cases[i].json);
        assert_shown(stored, field, cases[i].json);
    }
}

static void what_others_have_stored_is_shown_as_well_as_json_can(void **state)
{
    (void)state;
    assert_shown(bytes_from_string("text"), "\"value\":\"text\"", "\"text\"");
    assert_shown(bytes_from_string(" [1]\n"), "\"value\":[1]", "[1]");
    assert_shown(bytes_from_string("\xff"), "\"value_base64\":\"/w==\"",
                 "{\"value_base64\":\"/w==\"}");
    assert_shown(bytes_make("a\0", 2), "\"value\":\"a\\u0000\"", "\"a\\u0000\"");
}

/* ---- entries ---- */

static void an_entry_is_a_key_and_a_value(void **state)
{
    struct body_entry entry;
    char why[BODY_TEXT_BYTES];
    (void)state;
    const char *plain = " {\"value\": [1.0], \"k\\u0065y\": \"a\\/b\"} ";
    assert_int_equal(body_read_entry(&arena, bytes_from_string(plain), &entry, why), 0);
    assert_is(entry.key, "a/b");
    assert_is(entry.value, "[1.0]");
    const char *bytes = "{\"key_base64\":\"/w==\",\"value_base64\":\"\"}";
    assert_int_equal(body_read_entry(&arena, bytes_from_string(bytes), &entry, why), 0);
    assert_is(entry.key, "\xff");
    assert_int_equal(entry.value.len, 0);
    assert_non_null(entry.value.data);
}

static void what_is_no_entry_is_refused_with_the_reason(void **state)
{
    static const struct {
        const char *body;
        const char *part;
    } cases[] = {
        {"", "ends too early"},
        {"[]", "a JSON object"},
        {"{\"key\":\"a\"}", "\"value\" is missing"},
        {"{\"value\":1}", "\"key\" is missing"},
        {"{\"key\":1,\"value\":1}", "is a string"},
        {"{\"key\":\"\\ud800\",\"value\":1}", "is a string"},
        {"{\"key\":\"a\",\"key\":\"a\",\"value\":1}", "\"key\" is there twice"},
        {"{\"key\":\"a\",\"vlaue\":1}", "unknown field \"vlaue\": did you mean \"value\"?"},
        {"{\"key\":\"a\",\"cmd_type\":\"set\",\"value\":1}", "unknown field"},
        {"{\"key\":\"a\",\"\\ud800\":1}", "unknown field"},
        {"{\"key\":\"a\",\"key_base64\":\"YQ==\",\"value\":1}", "not both"},
        {"{\"key\":\"a\",\"value\":1,\"value_base64\":\"\"}", "not both"},
        {"{\"key_base64\":\"YQ\",\"value\":1}", "base64"},
        {"{\"key\":\"a\",\"value_base64\":1}", "base64"},
        {"{\"key\":\"a\",\n\"value\":}", "line 2, column 9"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct body_entry entry;
        char why[BODY_TEXT_BYTES] = "";
        assert_int_equal(body_read_entry(&arena, bytes_from_string(cases[i].body), &entry, why),
                         SHOAL_EINVAL);
        if (strstr(why, cases[i].part) == NULL) {
            fail_msg("%s: %s", cases[i].body, why);
        }
    }
}

/* ---- commands ---- */

static int read_commands(const char *body, struct body_command **commands, uint32_t *count,
                         char why[BODY_TEXT_BYTES])
{
    return body_read_commands(&arena, bytes_from_string(body), commands, count, why);
}

static void commands_are_read_in_order(void **state)
{
    struct body_command *commands;
    uint32_t count;
    char why[BODY_TEXT_BYTES];
    (void)state;
    const char *body = "{\"commands\":[{\"key\":\"a\",\"cmd_type\":\"get\",\"value\":null},"
                       "{\"cmd_type\":\"set\",\"key\":\"a\",\"value\":\"x\"},"
                       "{\"cmd_type\":\"delete\",\"key_base64\":\"YQ==\"}]}";
    assert_int_equal(read_commands(body, &commands, &count, why), 0);
    assert_int_equal(count, 3);
    assert_int_equal(commands[0].type, BODY_GET);
    assert_null(commands[0].value.data);
    assert_int_equal(commands[1].type, BODY_SET);
    assert_is(commands[1].value, "x");
    assert_int_equal(commands[2].type, BODY_DELETE);
    assert_is(commands[2].key, "a");
    assert_int_equal(read_commands("{\"commands\":[]}", &commands, &count, why), 0);
    assert_int_equal(count, 0);
}

static void what_is_no_command_is_refused_and_named(void **state)
{
    static const struct {
        const char *body;
        const char *why;
    } cases[] = {
        {"{}", "\"commands\" is missing: an array of commands"},
        {"{\"commands\":{}}", "\"commands\" is missing: an array of commands"},
        {"{\"commands\":[],\"x\":1}", "unknown field \"x\": known here: commands"},
        {"{\"commands\":[1]}",
         "command 1: it is not an object: {\"cmd_type\", \"key\", \"value\"}"},
        {"{\"commands\":[{\"cmd_type\":\"GET\",\"key\":\"a\"}]}", "unknown command"},
        {"{\"commands\":[{\"by\":2,\"cmd_type\":\"incr\"}]}", "unknown command"},
        {"{\"commands\":[{\"cmd_type\":null,\"key\":\"a\"}]}", "unknown command"},
        {"{\"commands\":[{\"key\":\"a\"}]}",
         "command 1: \"cmd_type\" is missing: get, set or delete"},
        {"{\"commands\":[{\"cmd_type\":\"get\",\"key\":\"a\"},{\"cmd_type\":\"set\",\"key\":\"a\"}]"
         "}",
         "command 2: \"value\" is missing (or \"value_base64\")"},
        {"{\"commands\":[{\"cmd_type\":\"get\",\"cmd_type\":\"get\",\"key\":\"a\"}]}",
         "command 1: \"cmd_type\" is there twice"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct body_command *commands;
        uint32_t count;
        char why[BODY_TEXT_BYTES] = "";
        assert_int_equal(read_commands(cases[i].body, &commands, &count, why), SHOAL_EINVAL);
        assert_string_equal(why, cases[i].why);
    }
}

static void too_many_commands_are_too_much(void **state)
{
    struct body_command *commands;
    struct buffer body;
    uint32_t count;
    char why[BODY_TEXT_BYTES];
    static const char head[] = "{\"commands\":[{}";
    (void)state;
    buffer_init(&body, 0);
    assert_int_equal(buffer_append(&body, head, sizeof(head) - 1), 0);
    for (uint32_t i = 0; i < LIMIT_UNIT_COMMANDS; i++) {
        assert_int_equal(buffer_append(&body, ",{}", 3), 0);
    }
    assert_int_equal(buffer_append(&body, "]}", 2), 0);
    assert_int_equal(body_read_commands(&arena, buffer_bytes(&body), &commands, &count, why),
                     SHOAL_ETOOBIG);
    buffer_deinit(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_come_back_as_they_were),
        cmocka_unit_test(what_others_have_stored_is_shown_as_well_as_json_can),
        cmocka_unit_test(an_entry_is_a_key_and_a_value),
        cmocka_unit_test(what_is_no_entry_is_refused_with_the_reason),
        cmocka_unit_test(commands_are_read_in_order),
        cmocka_unit_test(what_is_no_command_is_refused_and_named),
        cmocka_unit_test(too_many_commands_are_too_much),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
