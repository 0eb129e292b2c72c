/* Log lines as a sink receives them, under a clock of the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "shoal/error.h"

static char line[LOG_LINE_BYTES + 1];
static enum log_level line_level;
static unsigned line_count;

static void catch_line(void *self, enum log_level level, struct bytes bytes)
{
    (void)self;
    assert_true(bytes.len <= LOG_LINE_BYTES);
    memcpy(line, bytes.data, bytes.len);
    line[bytes.len] = '\0';
    line_level = level;
    line_count++;
}

/* 2026-11-21 10:00:00.123456 UTC */
static uint64_t fixed_clock(void *self)
{
    (void)self;
    return UINT64_C(1795255200123456);
}

static int setup(void **state)
{
    (void)state;
    line_count = 0;
    line[0] = '\0';
    log_set_clock(fixed_clock, NULL);
    log_configure(LOG_INFO, LOG_FORMAT_TEXT, NULL, catch_line, NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    mem_fail_never();
    log_set_clock(NULL, NULL);
    log_configure(LOG_INFO, LOG_FORMAT_TEXT, NULL, NULL, NULL);
    return 0;
}

static void a_text_line_has_time_level_message_and_fields(void **state)
{
    (void)state;
    log_info("layout: adopted", LOG_U64("version", 3), LOG_TEXT("hash", "ab12"));
    assert_string_equal(line, "2026-11-21T10:00:00.123Z info    layout: adopted "
                              "version=3 hash=ab12\n");
    assert_int_equal(line_level, LOG_INFO);
    log_error("disk: failed");
    assert_string_equal(line, "2026-11-21T10:00:00.123Z error   disk: failed\n");
    log_warning("clock: behind", LOG_I64("by_us", -5), LOG_HEX("actor", 0xab));
    assert_string_equal(line, "2026-11-21T10:00:00.123Z warning clock: behind by_us=-5 "
                              "actor=00000000000000ab\n");
}

static void a_json_line_is_one_object(void **state)
{
    (void)state;
    log_configure(LOG_DEBUG, LOG_FORMAT_JSON, "n1", catch_line, NULL);
    log_debug("layout: adopted", LOG_U64("version", UINT64_MAX), LOG_TEXT("hash", "ab12"),
              LOG_I64("delta", INT64_MIN), LOG_HEX("actor", 255));
    assert_string_equal(
        line, "{\"time\":\"2026-11-21T10:00:00.123Z\",\"level\":\"debug\",\"node\":\"n1\","
              "\"message\":\"layout: adopted\",\"version\":18446744073709551615,"
              "\"hash\":\"ab12\",\"delta\":-9223372036854775808,"
              "\"actor\":\"00000000000000ff\"}\n");
    log_configure(LOG_DEBUG, LOG_FORMAT_JSON, NULL, catch_line, NULL);
    log_info("up");
    assert_string_equal(line, "{\"time\":\"2026-11-21T10:00:00.123Z\",\"level\":\"info\","
                              "\"message\":\"up\"}\n");
}

static unsigned evaluated;

static uint64_t evaluate(void)
{
    evaluated++;
    return 1;
}

static void what_is_below_the_level_is_neither_written_nor_evaluated(void **state)
{
    (void)state;
    evaluated = 0;
    log_debug("quiet", LOG_U64("n", evaluate()));
    assert_int_equal(line_count, 0);
    assert_int_equal(evaluated, 0);
    assert_false(log_enabled(LOG_DEBUG));
    log_set_level(LOG_DEBUG);
    log_debug("loud", LOG_U64("n", evaluate()));
    assert_int_equal(line_count, 1);
    assert_int_equal(evaluated, 1);
    log_set_level(LOG_ERROR);
    log_warning("quiet");
    assert_int_equal(line_count, 1);
}

static void expect_written(enum log_format format, struct bytes value, const char *expected)
{
    log_configure(LOG_INFO, format, NULL, catch_line, NULL);
    log_info("m", LOG_BYTES("f", value));
    const char *start = strstr(line, format == LOG_FORMAT_JSON ? "\"f\":" : "f=");
    assert_non_null(start);
    start += format == LOG_FORMAT_JSON ? 4 : 2;
    size_t len = strlen(start) - (format == LOG_FORMAT_JSON ? 2 : 1);
    if (len != strlen(expected) || memcmp(start, expected, len) != 0) {
        fail_msg("expected %s, found %s", expected, start);
    }
}

static void odd_values_are_quoted_and_escaped_in_text(void **state)
{
    (void)state;
    expect_written(LOG_FORMAT_TEXT, bytes_from_string("plain-1.2:3/x"), "plain-1.2:3/x");
    expect_written(LOG_FORMAT_TEXT, bytes_make(NULL, 0), "\"\"");
    expect_written(LOG_FORMAT_TEXT, bytes_from_string("two words"), "\"two words\"");
    expect_written(LOG_FORMAT_TEXT, bytes_from_string("a=b"), "\"a=b\"");
    expect_written(LOG_FORMAT_TEXT, bytes_from_string("say \"x\\y\""), "\"say \\\"x\\\\y\\\"\"");
    expect_written(LOG_FORMAT_TEXT, bytes_from_string("a\nb"), "\"a\\nb\"");
    expect_written(LOG_FORMAT_TEXT, bytes_make("\0\x1b[2J\x7f", 6), "\"\\x00\\x1b[2J\\x7f\"");
    expect_written(LOG_FORMAT_TEXT, bytes_from_string("\xff\xc3"), "\"\\xff\\xc3\"");
    expect_written(LOG_FORMAT_TEXT, bytes_from_string("caf\xc3\xa9"), "\"caf\xc3\xa9\"");
    expect_written(LOG_FORMAT_TEXT,
                   bytes_from_string("\xc2\x9b"
                                     "2J"),
                   "\"\\x9b2J\"");
}

static void odd_values_are_escaped_in_json(void **state)
{
    (void)state;
    expect_written(LOG_FORMAT_JSON, bytes_make(NULL, 0), "\"\"");
    expect_written(LOG_FORMAT_JSON, bytes_from_string("a\"b\\c\nd"), "\"a\\\"b\\\\c\\nd\"");
    expect_written(LOG_FORMAT_JSON, bytes_make("\0\x1f\x7f", 3), "\"\\u0000\\u001f\\u007f\"");
    expect_written(LOG_FORMAT_JSON, bytes_from_string("\xff"), "\"\\\\xff\"");
    expect_written(LOG_FORMAT_JSON, bytes_from_string("caf\xc3\xa9"), "\"caf\xc3\xa9\"");
    expect_written(LOG_FORMAT_JSON, bytes_from_string("\xc2\x85"), "\"\\u0085\"");
}

static void a_long_value_is_cut_at_a_character(void **state)
{
    (void)state;
    static char text[100001];
    for (size_t i = 0; i + 2 < sizeof(text); i += 2) {
        text[i] = (char)0xc3;
        text[i + 1] = (char)0xa9;
    }
    for (int format = LOG_FORMAT_TEXT; format <= LOG_FORMAT_JSON; format++) {
        log_configure(LOG_INFO, (enum log_format)format, NULL, catch_line, NULL);
        log_info("m", LOG_TEXT("long", text), LOG_U64("after", 7));
        assert_true(text_is_utf8(bytes_from_string(line)));
        assert_true(strlen(line) > 1000);
        assert_true(strlen(line) < 1200);
        assert_non_null(strstr(line, "...\""));
        assert_non_null(strstr(line, "after"));
        assert_null(strstr(line, "truncated"));
    }
    static char word[2001];
    memset(word, 'w', sizeof(word) - 1);
    log_configure(LOG_INFO, LOG_FORMAT_TEXT, NULL, catch_line, NULL);
    log_info("m", LOG_TEXT("long", word));
    assert_non_null(strstr(line, "www...\""));
    log_info(word);
    assert_non_null(strstr(line, "www...\n"));
}

static void fields_without_room_are_left_out_whole(void **state)
{
    (void)state;
    static char text[1001];
    memset(text, '\n', sizeof(text) - 1);
    for (int format = LOG_FORMAT_TEXT; format <= LOG_FORMAT_JSON; format++) {
        log_configure(LOG_INFO, (enum log_format)format, "n1", catch_line, NULL);
        log_info("m", LOG_TEXT("a", text), LOG_TEXT("b", text), LOG_TEXT("c", text),
                 LOG_TEXT("d", text), LOG_TEXT("e", text), LOG_U64("small", 7));
        assert_non_null(strstr(line, "c"));
        assert_null(strstr(line, format == LOG_FORMAT_JSON ? "\"e\"" : " e="));
        assert_non_null(strstr(line, format == LOG_FORMAT_JSON ? "\"small\":7" : "small=7"));
        const char *end =
            format == LOG_FORMAT_JSON ? ",\"truncated\":true}\n" : " truncated=true\n";
        assert_string_equal(line + strlen(line) - strlen(end), end);
    }
}

static void a_line_needs_no_memory(void **state)
{
    (void)state;
    mem_fail_from(1);
    log_info("out of memory", LOG_TEXT("where", "here"));
    assert_int_equal(line_count, 1);
}

static void standard_error_receives_the_line(void **state)
{
    (void)state;
    int ends[2];
    char got[200] = {0};
    assert_int_equal(pipe(ends), 0);
    int saved = dup(STDERR_FILENO);
    assert_true(saved >= 0);
    log_configure(LOG_INFO, LOG_FORMAT_TEXT, NULL, NULL, NULL);
    dup2(ends[1], STDERR_FILENO);
    log_info("to standard error");
    dup2(saved, STDERR_FILENO);
    close(saved);
    close(ends[1]);
    ssize_t len = read(ends[0], got, sizeof(got) - 1);
    close(ends[0]);
    assert_true(len > 0);
    assert_string_equal(got, "2026-11-21T10:00:00.123Z info    to standard error\n");
}

static void the_systems_clock_is_the_default(void **state)
{
    (void)state;
    log_set_clock(NULL, NULL);
    log_info("now");
    assert_true(strncmp(line, "20", 2) == 0 && line[23] == 'Z');
    assert_memory_not_equal(line, "2026-11-21T10:00:00.123Z", 24);
}

static void levels_are_read_by_name(void **state)
{
    (void)state;
    for (int i = LOG_DEBUG; i <= LOG_ERROR; i++) {
        enum log_level level = LOG_DEBUG;
        assert_int_equal(log_level_parse(log_level_name((enum log_level)i), &level), 0);
        assert_int_equal(level, i);
    }
    enum log_level level = LOG_WARNING;
    const char *const texts[] = {"", "INFO", "warn", "info ", "errors"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_int_equal(log_level_parse(texts[i], &level), SHOAL_EINVAL);
    }
    assert_int_equal(level, LOG_WARNING);
}

/* Threads log while another changes the format: every line arrives whole. */
#define THREADS 4
#define LINES_PER_THREAD 2000

static atomic_uint whole_lines;
static atomic_uint broken_lines;

static void check_line(void *self, enum log_level level, struct bytes bytes)
{
    (void)self;
    (void)level;
    char copy[LOG_LINE_BYTES + 1];
    memcpy(copy, bytes.data, bytes.len);
    copy[bytes.len] = '\0';
    bool whole = strstr(copy, " info    work: done n=5 text=abc\n") != NULL ||
                 strstr(copy, "\"message\":\"work: done\",\"n\":5,\"text\":\"abc\"}\n") != NULL;
    atomic_fetch_add(whole ? &whole_lines : &broken_lines, 1);
}

static void *log_lines(void *unused)
{
    (void)unused;
    for (size_t i = 0; i < LINES_PER_THREAD; i++) {
        log_info("work: done", LOG_U64("n", 5), LOG_TEXT("text", "abc"));
    }
    return NULL;
}

static void threads_write_whole_lines_while_the_format_changes(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    log_configure(LOG_INFO, LOG_FORMAT_TEXT, NULL, check_line, NULL);
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, log_lines, NULL), 0);
    }
    for (size_t i = 0; i < 50; i++) {
        log_configure(LOG_INFO, i % 2 == 0 ? LOG_FORMAT_JSON : LOG_FORMAT_TEXT, "n1", check_line,
                      NULL);
    }
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(atomic_load(&broken_lines), 0);
    assert_int_equal(atomic_load(&whole_lines), THREADS * LINES_PER_THREAD);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_text_line_has_time_level_message_and_fields),
        TEST(a_json_line_is_one_object),
        TEST(what_is_below_the_level_is_neither_written_nor_evaluated),
        TEST(odd_values_are_quoted_and_escaped_in_text),
        TEST(odd_values_are_escaped_in_json),
        TEST(a_long_value_is_cut_at_a_character),
        TEST(fields_without_room_are_left_out_whole),
        TEST(a_line_needs_no_memory),
        TEST(standard_error_receives_the_line),
        TEST(the_systems_clock_is_the_default),
        TEST(levels_are_read_by_name),
        TEST(threads_write_whole_lines_while_the_format_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
