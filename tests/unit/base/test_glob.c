/* Glob patterns: what they match, odd ones too, and that none takes long. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/glob.h"
#include "shoal/error.h"

static struct arena arena;

static bool matches_bytes(struct bytes pattern, struct bytes text, bool any_case)
{
    const struct glob *glob = NULL;
    arena_reset(&arena);
    assert_int_equal(glob_compile(&arena, pattern, any_case, &glob), 0);
    return glob_matches(glob, text);
}

static bool matches(const char *pattern, const char *text)
{
    return matches_bytes(bytes_from_string(pattern), bytes_from_string(text), false);
}

static void stars_and_question_marks(void **state)
{
    (void)state;
    assert_true(matches("*", "anything"));
    assert_true(matches("h?llo", "hello"));
    assert_false(matches("h?llo", "hllo"));
    assert_true(matches("h*llo", "hllo"));
    assert_true(matches("h*llo", "heeeello"));
    assert_false(matches("h*llo", "heeeell"));
    assert_true(matches("a**b***", "a-b-"));
    assert_true(matches("*ab*ba*", "xabbay"));
    assert_false(matches("*ab*ba*", "xabay"));
    assert_true(matches("*b?d*f?", "abcdefg"));
    assert_false(matches("abc", "abcd"));
    assert_false(matches("abcd", "abc"));
    assert_false(matches("a*a", "a"));
}

static void brackets(void **state)
{
    (void)state;
    assert_true(matches("h[ae]llo", "hallo"));
    assert_false(matches("h[ae]llo", "hillo"));
    assert_true(matches("h[^e]llo", "hallo"));
    assert_false(matches("h[^e]llo", "hello"));
    assert_true(matches("h[a-c]llo", "hbllo"));
    assert_false(matches("h[a-c]llo", "hdllo"));
    assert_true(matches("[c-a]", "b"));
    assert_true(matches("[a-c1-3]", "2"));
    assert_true(matches("[-a]", "-"));
    assert_true(matches("[a\\]]", "]"));
    assert_true(matches("[\\^]", "^"));
    assert_true(matches("[a^]", "^"));
}

static void odd_brackets(void **state)
{
    (void)state;
    assert_false(matches("[]", "]"));
    assert_false(matches("[]a]", "a"));
    assert_true(matches("[^]", "]"));
    assert_true(matches("[ab", "b"));
    assert_false(matches("[ab", "bb"));
    assert_false(matches("[", "["));
    assert_true(matches("[^", "x"));
    assert_true(matches("[a-]", "a")); /* from a to ], and unclosed */
    assert_true(matches("[a-]", "^"));
    assert_false(matches("[a-]", "-"));
    assert_true(matches("[\\", "\\"));
    assert_true(matches_bytes(bytes_from_string("[\x80-\x01]"), bytes_make("\0", 1), false));
    assert_false(matches("[\x80-\x01]", "\x7f"));
}

static void backslashes(void **state)
{
    (void)state;
    assert_true(matches("a\\*b", "a*b"));
    assert_false(matches("a\\*b", "axb"));
    assert_true(matches("\\\\", "\\"));
    assert_true(matches("a\\", "a\\"));
    assert_true(matches("\\a", "a"));
}

static void only_the_empty_pattern_matches_the_empty_text(void **state)
{
    (void)state;
    assert_true(matches("", ""));
    assert_false(matches("*", ""));
    assert_false(matches("", "a"));
}

static void any_byte_is_a_byte(void **state)
{
    (void)state;
    assert_true(matches_bytes(bytes_make("a\0*", 3), bytes_make("a\0b\0", 4), false));
    assert_false(matches_bytes(bytes_make("a\0*", 3), bytes_make("ab", 2), false));
    assert_true(matches_bytes(bytes_make("?", 1), bytes_make("\0", 1), false));
}

static void case_is_ignored_when_asked(void **state)
{
    (void)state;
    struct bytes name = bytes_from_string("MaxMemory");
    assert_true(matches_bytes(bytes_from_string("maxm*"), name, true));
    assert_true(matches_bytes(bytes_from_string("*[M-m]?MORY"), name, true));
    assert_false(matches_bytes(bytes_from_string("maxm*"), name, false));
}

/* More places than a word has bits, and than are tried one by one. */
static void long_pieces_are_found(void **state)
{
    (void)state;
    char pattern[400];
    char text[800];
    for (size_t len = 1; len <= 200; len++) {
        memset(text, 'a', sizeof(text));
        memset(pattern, '?', sizeof(pattern));
        pattern[0] = '*';
        pattern[1] = 'b';
        pattern[len + 1] = 'c';
        pattern[len + 2] = '*';
        text[150] = 'b';
        text[150 + len] = 'c';
        assert_true(matches_bytes(bytes_make(pattern, len + 3), bytes_make(text, 600), false));
        text[150 + len] = 'd';
        assert_false(matches_bytes(bytes_make(pattern, len + 3), bytes_make(text, 600), false));
    }
}

static void the_prefix_is_what_stands_before_anything_special(void **state)
{
    (void)state;
    const struct glob *glob = NULL;
    assert_int_equal(glob_compile(&arena, bytes_from_string("us\\er:*x"), false, &glob), 0);
    assert_true(bytes_equal(glob_prefix(glob), bytes_from_string("user:")));
    assert_int_equal(glob_compile(&arena, bytes_from_string("*"), false, &glob), 0);
    assert_int_equal(glob_prefix(glob).len, 0);
    assert_int_equal(glob_compile(&arena, bytes_from_string("ab?*"), false, &glob), 0);
    assert_int_equal(glob_prefix(glob).len, 0);
}

static void what_is_too_long_is_refused(void **state)
{
    (void)state;
    const struct glob *glob = NULL;
    char *pattern = malloc(GLOB_BYTES_MAX + 1);
    assert_non_null(pattern);
    memset(pattern, 'a', GLOB_BYTES_MAX + 1);
    arena_reset(&arena);
    assert_int_equal(glob_compile(&arena, bytes_make(pattern, GLOB_BYTES_MAX + 1), false, &glob),
                     SHOAL_ETOOBIG);
    assert_int_equal(glob_compile(&arena, bytes_make(pattern, GLOB_BYTES_MAX), false, &glob), 0);
    pattern[0] = '*';
    pattern[GLOB_SEARCHED_MAX] = '?';
    pattern[GLOB_SEARCHED_MAX + 1] = '*';
    assert_int_equal(glob_compile(&arena, bytes_make(pattern, GLOB_SEARCHED_MAX + 2), false, &glob),
                     0);
    pattern[GLOB_SEARCHED_MAX + 1] = '?';
    pattern[GLOB_SEARCHED_MAX + 2] = '*';
    assert_int_equal(glob_compile(&arena, bytes_make(pattern, GLOB_SEARCHED_MAX + 3), false, &glob),
                     SHOAL_ETOOBIG);
    free(pattern);
}

/* Each of these would take a matcher that tries all ways longer than anybody waits. */
static void no_pattern_takes_long(void **state)
{
    (void)state;
    size_t len = 60000;
    char *text = malloc(len);
    char *pattern = malloc(len);
    assert_non_null(text);
    assert_non_null(pattern);
    memset(text, 'a', len);
    for (size_t i = 0; i < len; i++) {
        pattern[i] = i % 2 == 0 ? '*' : 'a';
    }
    pattern[len - 1] = 'b';
    for (unsigned i = 0; i < 100; i++) {
        assert_false(matches_bytes(bytes_make(pattern, len), bytes_make(text, len), false));
    }
    memset(pattern, 'a', len / 2);
    pattern[0] = '*';
    pattern[len / 2 - 2] = 'b';
    pattern[len / 2 - 1] = '*';
    for (unsigned i = 0; i < 100; i++) {
        assert_false(matches_bytes(bytes_make(pattern, len / 2), bytes_make(text, len), false));
    }
    memset(pattern, '?', 1000);
    pattern[0] = '*';
    pattern[998] = 'b';
    pattern[999] = '*';
    for (unsigned i = 0; i < 100; i++) {
        assert_false(matches_bytes(bytes_make(pattern, 1000), bytes_make(text, len), false));
    }
    free(pattern);
    free(text);
}

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stars_and_question_marks),
        cmocka_unit_test(brackets),
        cmocka_unit_test(odd_brackets),
        cmocka_unit_test(backslashes),
        cmocka_unit_test(only_the_empty_pattern_matches_the_empty_text),
        cmocka_unit_test(any_byte_is_a_byte),
        cmocka_unit_test(case_is_ignored_when_asked),
        cmocka_unit_test(long_pieces_are_found),
        cmocka_unit_test(the_prefix_is_what_stands_before_anything_special),
        cmocka_unit_test(what_is_too_long_is_refused),
        cmocka_unit_test(no_pattern_takes_long),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
