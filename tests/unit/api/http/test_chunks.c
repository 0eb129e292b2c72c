/* Chunked bodies: the data is what was sent, in whatever pieces it comes, and nothing else passes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "api/http/chunks.h"
#include "shoal/error.h"

#define BODY_BYTES_MAX 4096u

struct fixture {
    char body[BODY_BYTES_MAX];
    size_t body_bytes;
    size_t end; /* where the next request begins */
};

/* The status of the refusal; 0: all of it was read; 1: it isn't whole. */
static uint32_t read_in_pieces(struct fixture *fixture, struct bytes bytes, size_t step)
{
    struct http_chunks chunks = {0};
    size_t at = 0;
    fixture->body_bytes = 0;
    while (at < bytes.len) {
        struct http_problem problem;
        struct bytes data;
        size_t taken;
        size_t len = bytes.len - at < step ? bytes.len - at : step;
        int outcome =
            http_chunks_next(&chunks, bytes_make(bytes.data + at, len), &taken, &data, &problem);
        if (outcome < 0) {
            return problem.status;
        }
        if (outcome == HTTP_CHUNKS_DATA) {
            assert_true(fixture->body_bytes + data.len <= BODY_BYTES_MAX);
            memcpy(fixture->body + fixture->body_bytes, data.data, data.len);
            fixture->body_bytes += data.len;
        }
        at += taken;
        fixture->end = at;
        if (outcome == HTTP_CHUNKS_DONE) {
            return 0;
        }
    }
    return 1;
}

static uint32_t read_chunks(struct fixture *fixture, const char *text)
{
    struct bytes bytes = bytes_from_string(text);
    uint32_t status = read_in_pieces(fixture, bytes, 1);
    assert_int_equal(read_in_pieces(fixture, bytes, 2), status);
    assert_int_equal(read_in_pieces(fixture, bytes, bytes.len), status);
    return status;
}

static void assert_body(struct fixture *fixture, const char *text, const char *body)
{
    assert_int_equal(read_chunks(fixture, text), 0);
    assert_int_equal(fixture->body_bytes, strlen(body));
    assert_memory_equal(fixture->body, body, strlen(body));
}

static void chunks_become_a_body(void **state)
{
    (void)state;
    struct fixture fixture;
    assert_body(&fixture, "0\r\n\r\n", "");
    assert_body(&fixture, "3\r\nabc\r\n0002\r\nde\r\n0\r\n\r\n", "abcde");
    assert_body(&fixture, "A\r\n0123456789\r\nb\r\n0123456789a\r\n000\r\n\r\n",
                "01234567890123456789a");
    assert_body(&fixture, "4\r\n\r\n\r\n\r\n0\r\n\r\n", "\r\n\r\n");
}

static void the_next_request_begins_behind_the_end(void **state)
{
    (void)state;
    struct fixture fixture;
    assert_body(&fixture, "1\r\na\r\n0\r\n\r\nGET", "a");
    assert_int_equal(fixture.end, strlen("1\r\na\r\n0\r\n\r\n"));
}

static void extensions_and_trailers_are_passed_over(void **state)
{
    (void)state;
    struct fixture fixture;
    assert_body(&fixture, "1;a=\"b;c\"\r\na\r\n1 \t;x\r\nb\r\n0;z\r\nName: value\r\nOther:\r\n\r\n",
                "ab");
}

static void what_is_malformed_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "\r\n",
        "x\r\n",
        "-1\r\n",
        "+1\r\n",
        " 1\r\n",
        "1 \r\na\r\n",
        "1\na\r\n",
        "1\r\nab\r\n",
        "1\r\na0\r\n",
        "1\r\na\n0\r\n",
        "1;\x01\r\n",
        "1;\r\na\r\n",
        "1; =x\r\na\r\n",
        "11111111111111111\r\n",
        "0\r\nname\r\n",
        "0\r\n: x\r\n",
        "0\r\nA : x\r\n",
        "0\r\n x: y\r\n",
        "0\r\n\n",
        "0\r\na: b\n\r\n",
        "0\r\na: \x7f\r\n",
        "1\r\r\na\r\n",
    };
    struct fixture fixture;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_int_equal(read_chunks(&fixture, texts[i]), 400);
    }
}

static void what_is_passed_over_is_bounded(void **state)
{
    (void)state;
    struct fixture fixture;
    static char text[3 * HTTP_TRAILER_BYTES_MAX];
    memset(text, 'x', sizeof(text) - 1);
    memcpy(text, "1;", 2);
    assert_int_equal(read_chunks(&fixture, text), 400);
    memcpy(text, "0\r\n", 3);
    assert_int_equal(read_chunks(&fixture, text), 431);
    size_t at = 0;
    while (at + 16 < sizeof(text)) { /* many short ones */
        at += (size_t)snprintf(text + at, 16, "1;yyyy\r\nz\r\n");
    }
    assert_int_equal(read_chunks(&fixture, text), 400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chunks_become_a_body),
        cmocka_unit_test(the_next_request_begins_behind_the_end),
        cmocka_unit_test(extensions_and_trailers_are_passed_over),
        cmocka_unit_test(what_is_malformed_is_refused),
        cmocka_unit_test(what_is_passed_over_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
