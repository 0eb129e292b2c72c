/* Records as lines of JSON: what is written is read back, whatever the bytes; mistakes are named.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "cli/record.h"

static void what_is_written_is_read_back(void **state)
{
    (void)state;
    struct random random;
    random_init(&random, 7);
    for (uint32_t round = 0; round < 500; round++) {
        uint8_t key[40];
        uint8_t value[200];
        size_t key_len = 1 + random_below(&random, sizeof(key) - 1);
        size_t value_len = random_below(&random, sizeof(value));
        uint64_t letters = random_chance(&random, 0.5) ? 128 : 256;
        for (size_t i = 0; i < sizeof(key); i++) {
            key[i] = (uint8_t)random_below(&random, letters);
        }
        for (size_t i = 0; i < sizeof(value); i++) {
            value[i] = (uint8_t)random_below(&random, letters);
        }
        char *line = NULL;
        size_t size = 0;
        FILE *file = open_memstream(&line, &size);
        struct shoal_entry entry = {.key = shoal_bytes(key, key_len),
                                    .value = shoal_bytes(value, value_len)};
        assert_int_equal(record_write(file, &entry), 0);
        (void)fclose(file);
        struct buffer key_read;
        struct buffer value_read;
        buffer_init(&key_read, 0);
        buffer_init(&value_read, 0);
        char why[RECORD_WHY_BYTES];
        assert_int_equal(record_read(bytes_make(line, size), &key_read, &value_read, why), 0);
        assert_true(bytes_equal(buffer_bytes(&key_read), bytes_make(key, key_len)));
        assert_true(bytes_equal(buffer_bytes(&value_read), bytes_make(value, value_len)));
        buffer_deinit(&key_read);
        buffer_deinit(&value_read);
        free(line);
    }
}

static void expect_refused(const char *line, const char *reason)
{
    struct buffer key;
    struct buffer value;
    buffer_init(&key, 0);
    buffer_init(&value, 0);
    char why[RECORD_WHY_BYTES] = "";
    int code = record_read(bytes_from_string(line), &key, &value, why);
    if (code != SHOAL_EINVAL || strstr(why, reason) == NULL) {
        fail_msg("%s: code %d, \"%s\"", line, code, why);
    }
    buffer_deinit(&key);
    buffer_deinit(&value);
}

static void mistakes_are_named(void **state)
{
    (void)state;
    expect_refused("", "no JSON");
    expect_refused("{\"key\":\"a\"", "no JSON");
    expect_refused("[\"key\"]", "no record");
    expect_refused(" \tnonsense", "no record");
    expect_refused("{\"value\":\"a\"}", "\"key\" or \"key_base64\"");
    expect_refused("{\"key\":\"a\"}", "\"value\" or \"value_base64\"");
    expect_refused("{\"key\":\"a\",\"value\":null}", "no string");
    expect_refused("{\"key\":\"a\",\"value\":\"b\",\"value_base64\":\"Yg==\"}", "either");
    expect_refused("{\"key\":\"a\",\"vlaue\":\"b\"}", "did you mean \"value\"");
    expect_refused("{\"key\":\"a\",\"value\":\"b\",\"other\":\"c\"}", "unknown field");
    expect_refused("{\"key\":\"a\",\"key\":\"b\",\"value\":\"c\"}", "duplicate");
    expect_refused("{\"key\":\"a\",\"value_base64\":\"not base64\"}", "not base64");
    expect_refused("{\"key\":\"a\",\"value\":\"b\"} trailing", "no JSON");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(mistakes_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
