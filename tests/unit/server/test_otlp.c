/* Spans in OTLP's JSON, to the letter, and the addresses of collectors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/endpoint.h"
#include "server/otlp.h"
#include "shoal/error.h"

static const struct otlp_resource resource = {.node = "n1", .cluster = "c", .zone = "z"};

#define HEAD                                                                                       \
    "{\"resourceSpans\":[{\"resource\":{\"attributes\":["                                          \
    "{\"key\":\"service.name\",\"value\":{\"stringValue\":\"shoal\"}},"                            \
    "{\"key\":\"service.namespace\",\"value\":{\"stringValue\":\"c\"}},"                           \
    "{\"key\":\"service.instance.id\",\"value\":{\"stringValue\":\"n1\"}},"                        \
    "{\"key\":\"service.version\",\"value\":{\"stringValue\":\"" SHOAL_VERSION "\"}},"             \
    "{\"key\":\"shoal.zone\",\"value\":{\"stringValue\":\"z\"}}]},\"scopeSpans\":[{\"scope\":{"    \
    "\"name\":\"shoal\",\"version\":\"" SHOAL_VERSION "\"},\"spans\":["
#define TAIL "]}]}]}"

static void assert_rendered(const struct span *spans, uint32_t count, const char *expected)
{
    char *text = otlp_render(&resource, spans, count);
    assert_non_null(text);
    assert_string_equal(text, expected);
    free(text);
}

static void a_request_and_a_call_are_as_otlp_has_them(void **state)
{
    const struct span spans[] = {
        {.id_high = 1,
         .id_low = 0xab,
         .id = 0xc,
         .begin_ns = 5,
         .end_ns = 1792000000000000007,
         .name = "put",
         .op = "put",
         .surface = "http",
         .waited = "peer",
         .kind = SPAN_SERVER,
         .code = SHOAL_EUNKNOWN,
         .quorum = true,
         .owners = 1,
         .fallbacks = 1,
         .needed = 3,
         .partition = 7,
         .key_hash = 0xf00},
        {.id_high = 1,
         .id_low = 0xab,
         .id = 0xd,
         .parent = 0xc,
         .begin_ns = 6,
         .end_ns = 6,
         .name = "STORE",
         .kind = SPAN_CLIENT,
         .open = true,
         .partition = SPAN_NO_PARTITION,
         .port = 4001,
         .node = "n2",
         .host = "10.0.0.2"},
    };
    (void)state;
    char expected[4096];
    (void)snprintf(
        expected, sizeof(expected), "%s",
        HEAD "{\"traceId\":\"000000000000000100000000000000ab\",\"spanId\":\"000000000000000c\","
             "\"name\":\"put\",\"kind\":2,\"startTimeUnixNano\":\"5\","
             "\"endTimeUnixNano\":\"1792000000000000007\",\"attributes\":["
             "{\"key\":\"db.system.name\",\"value\":{\"stringValue\":\"shoal\"}},"
             "{\"key\":\"db.operation.name\",\"value\":{\"stringValue\":\"put\"}},"
             "{\"key\":\"shoal.quorum.reached\",\"value\":{\"intValue\":\"2\"}},"
             "{\"key\":\"shoal.quorum.needed\",\"value\":{\"intValue\":\"3\"}},"
             "{\"key\":\"shoal.surface\",\"value\":{\"stringValue\":\"http\"}},"
             "{\"key\":\"shoal.waited\",\"value\":{\"stringValue\":\"peer\"}},"
             "{\"key\":\"shoal.partition\",\"value\":{\"intValue\":\"7\"}},"
             "{\"key\":\"shoal.key.hash\",\"value\":{\"stringValue\":\"0000000000000f00\"}},"
             "{\"key\":\"error.type\",\"value\":{\"stringValue\":\"@\"}}],"
             "\"status\":{\"code\":2,\"message\":\"@\"}},"
             "{\"traceId\":\"000000000000000100000000000000ab\",\"spanId\":\"000000000000000d\","
             "\"parentSpanId\":\"000000000000000c\",\"name\":\"STORE\",\"kind\":3,"
             "\"startTimeUnixNano\":\"6\",\"endTimeUnixNano\":\"6\",\"attributes\":["
             "{\"key\":\"rpc.system\",\"value\":{\"stringValue\":\"shoal\"}},"
             "{\"key\":\"rpc.method\",\"value\":{\"stringValue\":\"STORE\"}},"
             "{\"key\":\"shoal.peer\",\"value\":{\"stringValue\":\"n2\"}},"
             "{\"key\":\"server.address\",\"value\":{\"stringValue\":\"10.0.0.2\"}},"
             "{\"key\":\"server.port\",\"value\":{\"intValue\":\"4001\"}},"
             "{\"key\":\"shoal.unanswered\",\"value\":{\"boolValue\":true}}]}" TAIL);
    char whole[4096];
    size_t len = 0;
    const char *words = shoal_error_text(SHOAL_EUNKNOWN);
    for (const char *at = expected; *at != 0; at++) {
        bool here = *at == '@';
        const char *from = here ? words : at;
        size_t bytes = here ? strlen(words) : 1;
        memcpy(whole + len, from, bytes);
        len += bytes;
    }
    whole[len] = 0;
    assert_rendered(spans, 2, whole);
}

static void a_key_that_is_not_there_is_no_error(void **state)
{
    const struct span span = {.id_low = 1,
                              .id = 1,
                              .name = "get",
                              .op = "get",
                              .kind = SPAN_SERVER,
                              .code = SHOAL_ENOTFOUND,
                              .partition = SPAN_NO_PARTITION};
    (void)state;
    char *text = otlp_render(&resource, &span, 1);
    assert_non_null(text);
    assert_null(strstr(text, "\"status\""));
    assert_non_null(strstr(text, "{\"key\":\"shoal.found\",\"value\":{\"boolValue\":false}}"));
    free(text);
}

static void a_name_that_is_not_utf8_does_not_spoil_the_rest(void **state)
{
    const struct span span = {.id_low = 1,
                              .id = 1,
                              .name = "STORE",
                              .kind = SPAN_CLIENT,
                              .partition = SPAN_NO_PARTITION,
                              .node = "n\xff"};
    (void)state;
    char *text = otlp_render(&resource, &span, 1);
    assert_non_null(text);
    assert_non_null(strstr(text, "(not UTF-8)"));
    free(text);
}

static uint64_t rejected(const char *answer)
{
    return otlp_rejected(bytes_from_string(answer));
}

static void what_a_collector_rejected_is_read_from_its_answer(void **state)
{
    (void)state;
    assert_true(rejected("{}") == 0);
    assert_true(rejected("") == 0);
    assert_true(rejected("no JSON") == 0);
    assert_true(rejected("{\"partialSuccess\":{}}") == 0);
    assert_true(rejected("{\"partialSuccess\":{\"rejectedSpans\":\"3\"}}") == 3);
    assert_true(rejected("{\"partialSuccess\":{\"rejectedSpans\":4}}") == 4);
    assert_true(rejected("{\"partialSuccess\":{\"rejectedSpans\":-4}}") == 0);
    assert_true(rejected("{\"partialSuccess\":{\"rejectedSpans\":\"x\"}}") == 0);
    assert_true(rejected("{\"partialSuccess\":[1]}") == 0);
}

static void assert_endpoint(const char *text, const char *host, uint16_t port, const char *path)
{
    struct endpoint endpoint;
    assert_int_equal(endpoint_parse(text, &endpoint), 0);
    assert_string_equal(endpoint.host, host);
    assert_int_equal(endpoint.port, port);
    assert_string_equal(endpoint.path, path);
}

static void a_collector_has_an_address(void **state)
{
    static const char *const wrong[] = {
        "",
        "localhost:4318",
        "https://a/v1/traces",
        "http://",
        "http:///v1/traces",
        "http://a b/",
        "http://a:0/",
        "http://a:x/",
        "http://u:p@a/",
        "http://a/v1 traces",
        "http://a?x=1",
        "http://a/#x",
        "http://a/\x7f",
    };
    struct endpoint endpoint;
    (void)state;
    assert_endpoint("http://127.0.0.1:4318/v1/traces", "127.0.0.1", 4318, "/v1/traces");
    assert_endpoint("http://collector.example", "collector.example", 4318, "/v1/traces");
    assert_endpoint("http://collector.example/", "collector.example", 4318, "/v1/traces");
    assert_endpoint("http://[::1]:9/x?y=1", "::1", 9, "/x?y=1");
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_int_equal(endpoint_parse(wrong[i], &endpoint), SHOAL_EINVAL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_and_a_call_are_as_otlp_has_them),
        cmocka_unit_test(a_key_that_is_not_there_is_no_error),
        cmocka_unit_test(a_name_that_is_not_utf8_does_not_spoil_the_rest),
        cmocka_unit_test(what_a_collector_rejected_is_read_from_its_answer),
        cmocka_unit_test(a_collector_has_an_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
