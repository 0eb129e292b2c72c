/* What routes ask of a request's fields, parameters and origin. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "api/http/cors.h"
#include "api/http/exchange.h"
#include "shoal/error.h"

#define FIELDS_MAX 8u

struct fixture {
    struct http_exchange exchange;
    struct http_field fields[FIELDS_MAX];
    struct arena arena;
};

static int set_up(void **state)
{
    static struct fixture fixture;
    fixture = (struct fixture){.exchange.method = HTTP_GET};
    arena_init(&fixture.arena, 0);
    fixture.exchange.fields = fixture.fields;
    fixture.exchange.arena = &fixture.arena;
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    arena_deinit(&((struct fixture *)*state)->arena);
    return 0;
}

/* Literals: borrowed. */
static void add_field(struct fixture *fixture, const char *name, const char *value)
{
    struct http_field *field = &fixture->fields[fixture->exchange.field_count++];
    *field = (struct http_field){bytes_from_string(name), bytes_from_string(value)};
}

static void set_field(struct fixture *fixture, const char *name, const char *value)
{
    fixture->exchange.field_count = 0;
    add_field(fixture, name, value);
}

static void a_field_is_found_whatever_its_case(void **state)
{
    struct fixture *fixture = *state;
    add_field(fixture, "X-Thing", "one");
    add_field(fixture, "x-thing", "two");
    add_field(fixture, "EMPTY", "");
    assert_true(bytes_equal(http_header(&fixture->exchange, "x-thing"), bytes_from_string("one")));
    assert_non_null(http_header(&fixture->exchange, "empty").data);
    assert_null(http_header(&fixture->exchange, "x-thin").data);
    assert_null(http_header(&fixture->exchange, "x-things").data);
}

static bool has(struct fixture *fixture, const char *value, const char *tag)
{
    set_field(fixture, "If-None-Match", value);
    return http_has(&fixture->exchange, bytes_from_string(tag));
}

static void what_the_client_has_is_found_in_its_list(void **state)
{
    struct fixture *fixture = *state;
    assert_true(has(fixture, "\"a\"", "\"a\""));
    assert_true(has(fixture, "\"b\" , W/\"a\"", "\"a\""));
    assert_true(has(fixture, "\"a\"", "W/\"a\""));
    assert_true(has(fixture, "\"x,\\\" , \"a\"", "\"a\""));
    assert_true(has(fixture, "*", "\"a\""));
    assert_false(has(fixture, "\"b\"", "\"a\""));
    assert_false(has(fixture, "a", "\"a\""));
    assert_false(has(fixture, "\"a", "\"a\""));
    assert_false(has(fixture, "", "\"a\""));
    set_field(fixture, "If-None-Match", "*");
    assert_false(http_has(&fixture->exchange, bytes_make(NULL, 0)));
}

static bool forbids(struct fixture *fixture, const char *name, const char *value, const char *tag)
{
    set_field(fixture, name, value);
    return http_forbids(&fixture->exchange,
                        tag == NULL ? bytes_make(NULL, 0) : bytes_from_string(tag));
}

static void conditions_forbid_what_they_are_against(void **state)
{
    struct fixture *fixture = *state;
    assert_false(forbids(fixture, "If-Match", "\"a\", \"b\"", "\"b\""));
    assert_true(forbids(fixture, "If-Match", "\"a\"", "\"b\""));
    assert_true(forbids(fixture, "If-Match", "W/\"a\"", "\"a\"")); /* the strong comparison */
    assert_true(forbids(fixture, "If-Match", "*", NULL));
    assert_false(forbids(fixture, "If-Match", "*", "\"a\""));
    assert_true(forbids(fixture, "If-None-Match", "*", "\"a\""));
    assert_false(forbids(fixture, "If-None-Match", "*", NULL));
    assert_true(forbids(fixture, "If-None-Match", "W/\"a\"", "\"a\""));
    assert_false(forbids(fixture, "Other", "*", "\"a\""));
}

static void a_read_under_both_conditions_goes_by_the_first_that_fails(void **state)
{
    struct fixture *fixture = *state;
    struct bytes tag = bytes_from_string("\"a\"");
    set_field(fixture, "If-Match", "\"a\"");
    add_field(fixture, "If-None-Match", "\"a\"");
    assert_false(http_wants_other(&fixture->exchange, tag));
    assert_true(http_has(&fixture->exchange, tag));
    assert_true(http_forbids(&fixture->exchange, tag));
    assert_true(http_wants_other(&fixture->exchange, bytes_from_string("\"b\"")));
}

static void compression_is_for_who_takes_it(void **state)
{
    struct fixture *fixture = *state;
    static const char *const yes[] = {
        "gzip", "x-gzip",           "GZip;q=0.001", "br;q=1, gzip;q=0.5",
        "*",    "deflate, *;q=0.1", "gzip ; q=1.0", "gzip;q=0.5, identity;q=0.5"};
    static const char *const no[] = {"",
                                     "identity",
                                     "gzip;q=0",
                                     "gzip;q=0.000",
                                     "*;q=0",
                                     "gzip;q=0, *;q=1",
                                     "gzip;q=0.5, identity",
                                     "gzip;q=-1",
                                     "gzip;q=2",
                                     "gzipped"};
    assert_false(http_accepts_gzip(&fixture->exchange));
    for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
        set_field(fixture, "Accept-Encoding", yes[i]);
        assert_true(http_accepts_gzip(&fixture->exchange));
    }
    for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
        set_field(fixture, "Accept-Encoding", no[i]);
        assert_false(http_accepts_gzip(&fixture->exchange));
    }
}

static void parameters_are_decoded(void **state)
{
    struct fixture *fixture = *state;
    struct http_exchange *exchange = &fixture->exchange;
    struct bytes value;
    exchange->query = bytes_from_string("a=1&&b%20c=x+y%00&flag&a%3Db=2&=5&twice=1&twice=1&bad=%4");
    assert_int_equal(http_parameter(exchange, "a", &value), 0);
    assert_true(bytes_equal(value, bytes_from_string("1")));
    assert_int_equal(http_parameter(exchange, "b c", &value), 0);
    assert_true(bytes_equal(value, bytes_make("x y\0", 4)));
    assert_int_equal(http_parameter(exchange, "flag", &value), 0);
    assert_true(value.data != NULL && value.len == 0);
    assert_int_equal(http_parameter(exchange, "a=b", &value), 0);
    assert_true(bytes_equal(value, bytes_from_string("2")));
    assert_int_equal(http_parameter(exchange, "none", &value), 0);
    assert_null(value.data);
    assert_int_equal(http_parameter(exchange, "twice", &value), SHOAL_EINVAL);
    assert_int_equal(http_parameter(exchange, "bad", &value), SHOAL_EINVAL);
}

static void paths_are_decoded_byte_by_byte(void **state)
{
    struct http_exchange *exchange = &((struct fixture *)*state)->exchange;
    struct bytes out;
    assert_int_equal(http_decode(exchange, bytes_from_string("a%2Fb%00%ff+%2B"), &out), 0);
    assert_true(bytes_equal(out, bytes_make("a/b\0\xff++", 7)));
    assert_int_equal(http_decode(exchange, bytes_from_string("plain"), &out), 0);
    assert_true(bytes_equal(out, bytes_from_string("plain")));
    static const char *const broken[] = {"%", "%4", "a%", "%g0", "%0g", "%%41", "%u0041"};
    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        assert_int_equal(http_decode(exchange, bytes_from_string(broken[i]), &out), SHOAL_EINVAL);
    }
}

static bool forbidden(struct fixture *fixture, uint32_t method, const char *origin,
                      const char *origins)
{
    const struct http_cors cors = {.origins = origins};
    fixture->exchange.method = method;
    set_field(fixture, "Host", "shoal:80");
    add_field(fixture, "Origin", origin);
    return http_cors_forbids(&cors, &fixture->exchange);
}

static void pages_of_other_origins_change_nothing(void **state)
{
    struct fixture *fixture = *state;
    assert_true(forbidden(fixture, HTTP_POST, "https://a.example", ""));
    assert_true(forbidden(fixture, HTTP_POST, "null", "https://a.example"));
    assert_true(forbidden(fixture, HTTP_PUT, "http://shoal", ""));
    assert_true(forbidden(fixture, HTTP_DELETE, "http://evil/://shoal:80", ""));
    assert_false(forbidden(fixture, HTTP_POST, "http://shoal:80", ""));
    assert_false(
        forbidden(fixture, HTTP_POST, "https://a.example", "https://b.example,https://a.example"));
    assert_false(forbidden(fixture, HTTP_POST, "https://a.example", "*"));
    assert_false(forbidden(fixture, HTTP_GET, "https://a.example", ""));
    add_field(fixture, "Upgrade",
              "websocket"); /* WebSocket has no preflight: it is kept out here */
    assert_true(http_cors_forbids(&(struct http_cors){.origins = ""}, &fixture->exchange));
    set_field(fixture, "Host", "shoal:80"); /* no page at all */
    fixture->exchange.method = HTTP_POST;
    assert_false(http_cors_forbids(&(struct http_cors){.origins = ""}, &fixture->exchange));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_field_is_found_whatever_its_case),
        TEST(what_the_client_has_is_found_in_its_list),
        TEST(conditions_forbid_what_they_are_against),
        TEST(a_read_under_both_conditions_goes_by_the_first_that_fails),
        TEST(compression_is_for_who_takes_it),
        TEST(parameters_are_decoded),
        TEST(paths_are_decoded_byte_by_byte),
        TEST(pages_of_other_origins_change_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
