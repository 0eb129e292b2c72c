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

#define OLD "0123456789abcdef"
#define NEW "a secret made of words"

static void expect(const char *current, const char *previous)
{
    struct secrets secrets;
    char text[512] = "";
    secrets_init(&secrets);
    if (secrets_load(path, &secrets, text) != 0) {
        fail_msg("%s", text);
    }
    assert_true(bytes_equal(buffer_bytes(&secrets.current), bytes_from_string(current)));
    assert_true(bytes_equal(buffer_bytes(&secrets.previous), bytes_from_string(previous)));
    secrets_deinit(&secrets);
}

static void expect_refused(const char *said)
{
    struct secrets secrets;
    char text[512] = "";
    secrets_init(&secrets);
    assert_int_equal(secrets_load(path, &secrets, text), SHOAL_EINVAL);
    if (strstr(text, said) == NULL) {
        fail_msg("\"%s\" is not in \"%s\"", said, text);
    }
    assert_non_null(strstr(text, path));
    secrets_deinit(&secrets);
}

static void write_text(const char *content)
{
    write_secret(content, strlen(content));
}

static void the_secret_is_taken_without_what_is_around_it(void **state)
{
    (void)state;
    static const char *const contents[] = {OLD, OLD "\n", OLD "\r\n", " " OLD "\t\n\n",
                                           "\n\n" OLD "\n \n"};
    for (size_t i = 0; i < sizeof(contents) / sizeof(contents[0]); i++) {
        write_text(contents[i]);
        expect(OLD, "");
    }
}

static void a_second_line_is_the_other_secret(void **state)
{
    (void)state;
    static const char *const contents[] = {NEW "\n" OLD, NEW "\n" OLD "\n", NEW "\r\n" OLD "\r\n",
                                           "\n" NEW " \n\n\t" OLD "\n\n"};
    for (size_t i = 0; i < sizeof(contents) / sizeof(contents[0]); i++) {
        write_text(contents[i]);
        expect(NEW, OLD);
    }
}

static void what_is_wrong_is_told_with_its_line_and_what_to_do(void **state)
{
    (void)state;
    static const struct {
        const char *content, *said;
    } cases[] = {
        {"", " holds no secret"},
        {" \n\n", " holds no secret"},
        {"0123456789abcde\n", ":1 is too short"},
        {"\n\n0123456789abcde", ":3 is too short"},
        {OLD "\nshort\n", ":2 is too short"},
        {OLD "\n" OLD " \n", ":2 is the same secret again"},
        {OLD "\n" NEW "\n\nand the third one here\n", ":4 is one too many"},
        {OLD "\n0123456789\x01"
             "abcdef\n",
         ":2 holds bytes that are no printable ASCII"},
        {"0123456789\xc3\xbc"
         "abcdef\n",
         ":1 holds bytes that are no printable ASCII"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        write_text(cases[i].content);
        expect_refused(cases[i].said);
        expect_refused("/dev/urandom");
    }
    static const char zero[] = "0123456789abcdef\0 and more";
    write_secret(zero, sizeof(zero) - 1);
    expect_refused(":1 holds bytes that are no printable ASCII");
}

static void too_long_and_absent_are_refused(void **state)
{
    (void)state;
    static char endless[LIMIT_CREDENTIALS_BYTES + 10];
    memset(endless, 'x', sizeof(endless));
    write_secret(endless, sizeof(endless));
    expect_refused("more than");
    write_secret(endless, LIMIT_CREDENTIALS_BYTES);
    struct secrets secrets;
    char text[512] = "";
    secrets_init(&secrets);
    assert_int_equal(secrets_load(path, &secrets, text), 0);
    assert_int_equal(secrets.current.len, LIMIT_CREDENTIALS_BYTES);
    secrets_deinit(&secrets);
    secrets_init(&secrets);
    assert_int_equal(secrets_load("/nonexistent/secret", &secrets, text), SHOAL_EINVAL);
    assert_non_null(strstr(text, "/nonexistent/secret"));
    secrets_deinit(&secrets);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_secret_is_taken_without_what_is_around_it),
        TEST(a_second_line_is_the_other_secret),
        TEST(what_is_wrong_is_told_with_its_line_and_what_to_do),
        TEST(too_long_and_absent_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
