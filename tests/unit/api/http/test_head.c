/* Heads of requests: what they say, what is refused, and that pieces make no difference. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "api/http/head.h"
#include "shoal/error.h"

#define HEAD_BYTES_MAX 4096u

static const struct http_head_bounds bounds = {.bytes = HEAD_BYTES_MAX};

struct fixture {
    struct http_field fields[HTTP_FIELDS_MAX];
    struct http_head head;
    size_t head_bytes;
    struct http_problem problem;
};

/* The status of the refusal; 0: it was read; 1: it isn't whole. In pieces of `step` bytes. */
static uint32_t read_in_pieces(struct fixture *fixture, struct bytes bytes, size_t step)
{
    struct http_head_progress progress = {0};
    int code = 0;
    for (size_t have = step; code == 0; have += step) {
        size_t len = have < bytes.len ? have : bytes.len;
        code = http_head_scan(&progress, bytes_make(bytes.data, len), &bounds, &fixture->head_bytes,
                              &fixture->problem);
        if (code == 0 && len == bytes.len) {
            return 1;
        }
    }
    if (code == 1) {
        code = http_head_read(bytes_make(bytes.data, fixture->head_bytes), fixture->fields,
                              &fixture->head, &fixture->problem);
    }
    return code == 0 ? 0 : fixture->problem.status;
}

static uint32_t read_head(struct fixture *fixture, const char *text)
{
    struct bytes bytes = bytes_from_string(text);
    uint32_t status = read_in_pieces(fixture, bytes, bytes.len);
    assert_int_equal(read_in_pieces(fixture, bytes, 1), status);
    assert_int_equal(read_in_pieces(fixture, bytes, 3), status);
    return status;
}

/* A request with these fields besides its Host. */
static uint32_t read_with(struct fixture *fixture, const char *fields)
{
    char text[HEAD_BYTES_MAX];
    snprintf(text, sizeof(text), "PUT /kv/a HTTP/1.1\r\nHost: a\r\n%s\r\n", fields);
    return read_head(fixture, text);
}

static void assert_bytes(struct bytes bytes, const char *text)
{
    assert_true(bytes_equal(bytes, bytes_from_string(text)));
}

static void a_request_is_taken_apart(void **state)
{
    (void)state;
    struct fixture fixture;
    assert_int_equal(read_head(&fixture, "GET /kv/a%20b?r=1&w=2 HTTP/1.1\r\n"
                                         "Host: shoal:80\r\nX-Thing: \t a b \t\r\nEmpty:\r\n\r\n"
                                         "GET /next"),
                     0);
    assert_int_equal(fixture.head.method, HTTP_GET);
    assert_int_equal(fixture.head.version, 11);
    assert_bytes(fixture.head.path, "/kv/a%20b");
    assert_bytes(fixture.head.query, "r=1&w=2");
    assert_int_equal(fixture.head.field_count, 3);
    assert_bytes(fixture.fields[1].name, "X-Thing");
    assert_bytes(fixture.fields[1].value, "a b");
    assert_bytes(fixture.fields[2].value, "");
    assert_int_equal(fixture.head.body, HTTP_BODY_NONE);
    assert_false(fixture.head.close || fixture.head.keep_alive || fixture.head.expects);
}

static void targets_of_all_forms_become_paths(void **state)
{
    (void)state;
    static const struct {
        const char *line, *path, *query;
    } cases[] = {
        {"GET / HTTP/1.1", "/", NULL},
        {"GET /a?b?c HTTP/1.1", "/a", "b?c"},
        {"GET /? HTTP/1.1", "/", ""},
        {"GET http://h HTTP/1.1", "/", NULL},
        {"GET http://h:80?x HTTP/1.1", "/", "x"},
        {"GET HTTPS://[::1]/y HTTP/1.1", "/y", NULL},
        {"OPTIONS * HTTP/1.1", "*", NULL},
    };
    struct fixture fixture;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[256];
        snprintf(text, sizeof(text), "%s\r\nHost: a\r\n\r\n", cases[i].line);
        assert_int_equal(read_head(&fixture, text), 0);
        assert_bytes(fixture.head.path, cases[i].path);
        assert_int_equal(fixture.head.query.data != NULL, cases[i].query != NULL);
        if (cases[i].query != NULL) {
            assert_bytes(fixture.head.query, cases[i].query);
        }
    }
}

static void a_head_that_is_not_whole_is_waited_for(void **state)
{
    (void)state;
    struct fixture fixture;
    static const char *const texts[] = {"G",
                                        "GET /",
                                        "GET / HTTP/1.1\r",
                                        "GET / HTTP/1.1\r\n",
                                        "GET / HTTP/1.1\r\nHost: a\r\n",
                                        "GET / HTTP/1.1\r\n\r"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_int_equal(read_head(&fixture, texts[i]), 1);
    }
}

static void what_is_no_request_is_refused_at_its_first_byte(void **state)
{
    (void)state;
    struct fixture fixture;
    assert_int_equal(read_head(&fixture, "\x16\x03\x01"), 400);
    assert_int_equal(read_head(&fixture, " GET"), 400);
    assert_int_equal(read_head(&fixture, "\r\n"), 400); /* the session passes over those */
}

static void too_long_a_head_is_refused_by_what_is_too_long(void **state)
{
    (void)state;
    struct fixture fixture;
    static char text[2 * HEAD_BYTES_MAX];
    memset(text, 'a', sizeof(text) - 1);
    assert_int_equal(read_head(&fixture, text), 501);
    memcpy(text, "GET /", 5);
    assert_int_equal(read_head(&fixture, text), 414);
    memcpy(text, "GET / HTTP/1.1\r\n", 16);
    assert_int_equal(read_head(&fixture, text), 431);
    memcpy(text + HEAD_BYTES_MAX - 20, "\r\nHost: a\r\n\r\n", 13); /* ends well, within */
    memcpy(text + 16, "x:", 2);
    assert_int_equal(read_head(&fixture, text), 0);
}

static void lines_end_with_cr_lf(void **state)
{
    (void)state;
    struct fixture fixture;
    assert_int_equal(read_head(&fixture, "GET / HTTP/1.1\nHost: a\r\n\r\n"), 400);
    assert_int_equal(read_head(&fixture, "GET / HTTP/1.1\r\nHost: a\n\r\n"), 400);
    assert_int_equal(read_head(&fixture, "GET / HTTP/1.1\r\nHost: a\r\n\n"), 400);
    assert_int_equal(read_head(&fixture, "GET / HTTP/1.1\r\nHost: a\r\r\n\r\n"), 400);
    assert_int_equal(read_head(&fixture, "GET / HTTP/1.1\r\nHost: a\rb: c\r\n\r\n"), 400);
}

static void lengths_and_codings_say_where_the_body_ends(void **state)
{
    (void)state;
    struct fixture fixture;
    assert_int_equal(read_with(&fixture, "Content-Length: 12\r\n"), 0);
    assert_int_equal(fixture.head.body, HTTP_BODY_LENGTH);
    assert_int_equal(fixture.head.body_bytes, 12);
    assert_int_equal(read_with(&fixture, "Content-Length: 0\r\n"), 0);
    assert_int_equal(fixture.head.body, HTTP_BODY_NONE);
    assert_int_equal(read_with(&fixture, "TRANSFER-ENCODING: Chunked\r\n"), 0);
    assert_int_equal(fixture.head.body, HTTP_BODY_CHUNKED);
    assert_int_equal(read_with(&fixture, "Content-Length: 18446744073709551617\r\n"), 0);
    assert_true(fixture.head.body_bytes == UINT64_MAX); /* over any bound, not wrapped */
}

static void what_leaves_the_end_of_the_body_open_is_refused(void **state)
{
    (void)state;
    static const char *const fields[] = {
        "Content-Length: 1\r\nContent-Length: 1\r\n",
        "Content-Length: 1, 1\r\n",
        "Content-Length: +1\r\n",
        "Content-Length: 01\r\n",
        "Content-Length: 00\r\n",
        "Content-Length: 1 1\r\n",
        "Content-Length:\r\n",
        "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n",
        "Transfer-Encoding: chunked, chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked, gzip\r\n",
        "Transfer-Encoding: identity\r\n",
        "Transfer-Encoding:\r\n",
    };
    struct fixture fixture;
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        assert_int_equal(read_with(&fixture, fields[i]), 400);
    }
    assert_int_equal(read_with(&fixture, "Transfer-Encoding: gzip, chunked\r\n"), 501);
}

static void what_becomes_of_the_connection_is_understood(void **state)
{
    (void)state;
    struct fixture fixture;
    assert_int_equal(read_with(&fixture, "Connection: upgrade , CLOSE\r\n"), 0);
    assert_true(fixture.head.close);
    assert_int_equal(read_with(&fixture, "Connection: closed\r\nConnection: Keep-Alive\r\n"), 0);
    assert_true(!fixture.head.close && fixture.head.keep_alive);
    assert_int_equal(read_with(&fixture, "Expect: 100-Continue\r\n"), 0);
    assert_true(fixture.head.expects);
    assert_int_equal(read_with(&fixture, "Expect: more\r\n"), 417);
}

static void list_members_are_trimmed_and_empty_ones_passed_over(void **state)
{
    (void)state;
    struct bytes rest = bytes_from_string(" a ,,\t,b c,");
    struct bytes member;
    assert_true(http_list_next(&rest, &member));
    assert_bytes(member, "a");
    assert_true(http_list_next(&rest, &member));
    assert_bytes(member, "b c");
    assert_false(http_list_next(&rest, &member));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_is_taken_apart),
        cmocka_unit_test(targets_of_all_forms_become_paths),
        cmocka_unit_test(a_head_that_is_not_whole_is_waited_for),
        cmocka_unit_test(what_is_no_request_is_refused_at_its_first_byte),
        cmocka_unit_test(too_long_a_head_is_refused_by_what_is_too_long),
        cmocka_unit_test(lines_end_with_cr_lf),
        cmocka_unit_test(lengths_and_codings_say_where_the_body_ends),
        cmocka_unit_test(what_leaves_the_end_of_the_body_open_is_refused),
        cmocka_unit_test(what_becomes_of_the_connection_is_understood),
        cmocka_unit_test(list_members_are_trimmed_and_empty_ones_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
