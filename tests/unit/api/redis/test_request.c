#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "api/redis/request.h"
#include "base/buffer.h"
#include "base/random.h"
#include "shoal/error.h"

static const struct redis_request_bounds bounds = {
    .bulk_bytes = 1000, .bytes = 100000, .arguments = 100000};

struct parse {
    struct arena arena;
    struct redis_request_progress progress;
    struct redis_request request;
    size_t need;
    char text[REDIS_ERROR_BYTES];
};

static int set_up(void **state)
{
    static struct parse parse;
    parse = (struct parse){0};
    arena_init(&parse.arena, 1 << 20);
    *state = &parse;
    return 0;
}

static int tear_down(void **state)
{
    struct parse *parse = *state;
    arena_deinit(&parse->arena);
    return 0;
}

static int parse_bytes(struct parse *parse, struct bytes input)
{
    return redis_request_read(input, &bounds, &parse->progress, &parse->arena, &parse->request,
                              &parse->need, parse->text);
}

static int parse_text(struct parse *parse, const char *text)
{
    return parse_bytes(parse, bytes_from_string(text));
}

static void expect_argument(const struct parse *parse, uint32_t index, const char *text)
{
    assert_true(index < parse->request.argc);
    struct bytes argument = parse->request.argv[index];
    if (!bytes_equal(argument, bytes_from_string(text))) {
        fail_msg("argument %u is \"%.*s\", not \"%s\"", index, (int)argument.len,
                 (const char *)argument.data, text);
    }
}

static void expect_refusal(struct parse *parse, const char *input, const char *text)
{
    assert_int_equal(parse_text(parse, input), SHOAL_EPROTO);
    assert_string_equal(parse->text, text);
}

static void expect_words(struct parse *parse, const char *line, uint32_t count, ...)
{
    assert_int_equal(parse_text(parse, line), 0);
    assert_int_equal(parse->request.argc, count);
    assert_int_equal(parse->request.length, strlen(line));
    va_list words;
    va_start(words, count);
    for (uint32_t i = 0; i < count; i++) {
        expect_argument(parse, i, va_arg(words, const char *));
    }
    va_end(words);
}

/* ---- arrays ---------------------------------------------------------------------------------- */

static void an_array_is_taken_where_it_lies(void **state)
{
    struct parse *parse = *state;
    const char *input = "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5\r\nv\r\nvv\r\nPING\r\n";
    assert_int_equal(parse_text(parse, input), 0);
    assert_int_equal(parse->request.argc, 3);
    assert_int_equal(parse->request.length, strlen(input) - 6);
    assert_false(parse->request.copied);
    expect_argument(parse, 0, "SET");
    expect_argument(parse, 2, "v\r\nvv");
    assert_ptr_equal(parse->request.argv[1].data, input + 17);
}

static void an_empty_argument_is_one(void **state)
{
    expect_words(*state, "*2\r\n$3\r\nGET\r\n$0\r\n\r\n", 2, "GET", "");
}

static void arrays_of_none_or_fewer_are_passed_over(void **state)
{
    struct parse *parse = *state;
    assert_int_equal(parse_text(parse, "*0\r\nX"), 0);
    assert_int_equal(parse->request.argc, 0);
    assert_int_equal(parse->request.length, 4);
    assert_int_equal(parse_text(parse, "*-10\r\n"), 0);
    assert_int_equal(parse->request.argc, 0);
}

static void hostile_arrays_are_refused_in_redis_words(void **state)
{
    struct parse *parse = *state;
    expect_refusal(parse, "*3000000000\r\n", "Protocol error: invalid multibulk length");
    expect_refusal(parse, "*100001\r\n", "Protocol error: invalid multibulk length");
    expect_refusal(parse, "*\r\n", "Protocol error: invalid multibulk length");
    expect_refusal(parse, "*+1\r\n", "Protocol error: invalid multibulk length");
    expect_refusal(parse, "*01\r\n", "Protocol error: invalid multibulk length");
    expect_refusal(parse, "*1 \r\n", "Protocol error: invalid multibulk length");
    expect_refusal(parse, "*99999999999999999999\r\n", "Protocol error: invalid multibulk length");
    expect_refusal(parse, "*1\r\nfoo\r\n", "Protocol error: expected '$', got 'f'");
    expect_refusal(parse, "*2\r\n$1\r\nx\r\n:1\r\n", "Protocol error: expected '$', got ':'");
    expect_refusal(parse, "*1\r\n$-1\r\n", "Protocol error: invalid bulk length");
    expect_refusal(parse, "*1\r\n$x\r\n", "Protocol error: invalid bulk length");
    expect_refusal(parse, "*1\r\n$2000000000\r\n", "Protocol error: invalid bulk length");
}

static void an_argument_over_the_limit_names_it(void **state)
{
    struct parse *parse = *state;
    expect_refusal(parse, "*1\r\n$1001\r\n",
                   "Protocol error: invalid bulk length (limits.value_bytes is 1000)");
    assert_int_equal(parse_text(parse, "*1\r\n$1000\r\n"), 1);
}

static void a_request_over_all_bounds_is_refused_before_it_has_come(void **state)
{
    struct parse *parse = *state;
    expect_refusal(parse, "*17000\r\n$1\r\nx\r\n$1\r\n",
                   "Protocol error: the request is larger than 100000 bytes");
}

static void a_number_without_an_end_is_refused(void **state)
{
    struct parse *parse = *state;
    static char input[REDIS_INLINE_BYTES_MAX + 16];
    memset(input, '1', sizeof(input) - 1);
    input[0] = '*';
    expect_refusal(parse, input, "Protocol error: too big mbulk count string");
    static const char head[] = {'*', '1', '\r', '\n', '$'};
    memcpy(input, head, sizeof(head));
    expect_refusal(parse, input, "Protocol error: too big bulk count string");
}

/* ---- in pieces ------------------------------------------------------------------------------- */

static void half_a_request_says_how_much_it_needs(void **state)
{
    struct parse *parse = *state;
    assert_int_equal(parse_text(parse, "*3\r\n$3\r\nSET\r\n$100\r\nabc"), 1);
    assert_int_equal(parse->need, strlen("*3\r\n$3\r\nSET\r\n$100\r\n") + 102 + 6);
}

/* As the connection does: what has come so far, again and again. */
static void feed_in_pieces(struct parse *parse, struct bytes input, size_t step)
{
    size_t have = 0;
    int code = 1;
    while (code == 1) {
        assert_true(have < input.len);
        have = have + step < input.len ? have + step : input.len;
        code = parse_bytes(parse, bytes_make(input.data, have));
        assert_true(code == 0 || parse->need <= input.len);
    }
    assert_int_equal(code, 0);
    assert_int_equal(parse->request.length, input.len);
    assert_int_equal(parse->progress.scanned, 0);
}

static void append_request(struct buffer *out, uint32_t count, uint32_t len)
{
    char line[64];
    assert_int_equal(
        buffer_append(out, line, (size_t)snprintf(line, sizeof(line), "*%u\r\n", count)), 0);
    for (uint32_t i = 0; i < count; i++) {
        int bytes = snprintf(line, sizeof(line), "$%u\r\n%0*u\r\n", len, (int)len, i);
        assert_int_equal(buffer_append(out, line, (size_t)bytes), 0);
    }
}

static void however_a_request_is_cut_it_is_the_same(void **state)
{
    struct parse *parse = *state;
    static const uint32_t counts[] = {1, 3, 64, 65, 300};
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        struct buffer whole;
        buffer_init(&whole, 0);
        append_request(&whole, counts[i], 7);
        for (size_t step = 1; step < 40; step += 1 + counts[i] / 64) {
            feed_in_pieces(parse, buffer_bytes(&whole), step);
            assert_int_equal(parse->request.argc, counts[i]);
            for (uint32_t k = 0; k < counts[i]; k++) {
                char expected[16];
                snprintf(expected, sizeof(expected), "%07u", k);
                expect_argument(parse, k, expected);
            }
            arena_reset(&parse->arena);
        }
        buffer_deinit(&whole);
    }
}

static void a_large_array_is_not_allotted_before_it_comes(void **state)
{
    struct parse *parse = *state;
    assert_int_equal(parse_text(parse, "*16000\r\n$1\r\nx\r\n"), 1);
    assert_int_equal(parse->arena.held, 0);
}

/* ---- inline ---------------------------------------------------------------------------------- */

static void a_line_is_split_at_spaces(void **state)
{
    expect_words(*state, "PING\r\n", 1, "PING");
    expect_words(*state, "  set  k\tv \r\n", 3, "set", "k", "v");
    expect_words(*state, "get k\n", 2, "get", "k");
    expect_words(*state, "\r\n", 0);
    expect_words(*state, " \n", 0);
}

static void quotes_hold_words_together(void **state)
{
    expect_words(*state, "a \"b c\" 'd e'\r\n", 3, "a", "b c", "d e");
    expect_words(*state, "a \"\\x41\\n\\\"\\\\\\q\"\n", 2, "a", "A\n\"\\q");
    expect_words(*state, "a '\\'\\n'\n", 2, "a", "'\\n");
    expect_words(*state, "a \"\" ''\n", 3, "a", "", "");
    expect_words(*state, "a b\"c d\"\n", 2, "a", "bc d");
    expect_words(*state, "a \"\\x4\"\n", 2, "a", "x4");
}

static void quotes_out_of_balance_are_refused(void **state)
{
    static const char *const lines[] = {"\"a\n",    "'a\n",      "\"a\"b\n",
                                        "'a'b\n",   "a\"b\"c\n", "set \"\"\"test-key\"\"\" v\r\n",
                                        "\"\\\"\n", "'\\'\n"};
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        expect_refusal(*state, lines[i], "Protocol error: unbalanced quotes in request");
    }
}

static void a_line_too_long_is_refused(void **state)
{
    struct parse *parse = *state;
    static char line[REDIS_INLINE_BYTES_MAX + 3];
    memset(line, 'a', REDIS_INLINE_BYTES_MAX + 2);
    line[REDIS_INLINE_BYTES_MAX] = 0;
    assert_int_equal(parse_text(parse, line), 1);
    line[REDIS_INLINE_BYTES_MAX] = 'a';
    expect_refusal(parse, line, "Protocol error: too big inline request");
    parse->progress = (struct redis_request_progress){0};
    line[REDIS_INLINE_BYTES_MAX] = '\n';
    line[REDIS_INLINE_BYTES_MAX + 1] = 0;
    assert_int_equal(parse_text(parse, line), 0);
}

static void a_line_in_pieces_is_the_same(void **state)
{
    struct parse *parse = *state;
    feed_in_pieces(parse, bytes_from_string("set key \"a value\"\r\n"), 3);
    assert_int_equal(parse->request.argc, 3);
    assert_true(parse->request.copied);
    expect_argument(parse, 2, "a value");
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(an_array_is_taken_where_it_lies),
        CASE(an_empty_argument_is_one),
        CASE(arrays_of_none_or_fewer_are_passed_over),
        CASE(hostile_arrays_are_refused_in_redis_words),
        CASE(an_argument_over_the_limit_names_it),
        CASE(a_request_over_all_bounds_is_refused_before_it_has_come),
        CASE(a_number_without_an_end_is_refused),
        CASE(half_a_request_says_how_much_it_needs),
        CASE(however_a_request_is_cut_it_is_the_same),
        CASE(a_large_array_is_not_allotted_before_it_comes),
        CASE(a_line_is_split_at_spaces),
        CASE(quotes_hold_words_together),
        CASE(quotes_out_of_balance_are_refused),
        CASE(a_line_too_long_is_refused),
        CASE(a_line_in_pieces_is_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
