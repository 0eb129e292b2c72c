/* server/secret: what a secret file may hold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/log.h"
#include "server/secret.h"
#include "shoal/error.h"

static char path[64];

static int set_up(void **state)
{
    (void)state;
    strcpy(path, "/tmp/shoal-secret-XXXXXX");
    int fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int tear_down(void **state)
{
    (void)state;
    return unlink(path);
}

static void write_secret(const char *content, size_t len)
{
    FILE *file = fopen(path, "w");
    assert_int_equal(fwrite(content, 1, len, file), len);
    fclose(file);
}

static void the_secret_is_taken_without_the_newline(void **state)
{
    (void)state;
    struct buffer secret;
    char text[512];
    buffer_init(&secret, 0);
    write_secret(" 0123456789abcdef\n\n", 19);
    assert_int_equal(secret_load(path, &secret, text), 0);
    assert_true(bytes_equal(buffer_bytes(&secret), bytes_from_string("0123456789abcdef")));
    buffer_deinit(&secret);
}

static void too_short_too_long_and_absent_are_refused_with_what_to_do(void **state)
{
    (void)state;
    struct buffer secret;
    char text[512] = "";
    static char endless[LIMIT_CREDENTIALS_BYTES + 10];
    buffer_init(&secret, 0);
    write_secret("0123456789abcde\n", 16);
    assert_int_equal(secret_load(path, &secret, text), SHOAL_EINVAL);
    assert_non_null(strstr(text, "/dev/urandom"));
    memset(endless, 'x', sizeof(endless));
    write_secret(endless, sizeof(endless));
    assert_int_equal(secret_load(path, &secret, text), SHOAL_EINVAL);
    assert_int_equal(secret_load("/nonexistent/secret", &secret, text), SHOAL_EINVAL);
    assert_non_null(strstr(text, "/nonexistent/secret"));
    assert_int_equal(secret.len, 0);
    buffer_deinit(&secret);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_secret_is_taken_without_the_newline, set_up, tear_down),
        cmocka_unit_test_setup_teardown(too_short_too_long_and_absent_are_refused_with_what_to_do,
                                        set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
