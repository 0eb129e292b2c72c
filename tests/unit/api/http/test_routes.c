/* Which route a path belongs to, among those that there are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/http/routes.h"

static const struct http_route *find(const char *path, uint32_t method, struct bytes *rest,
                                     uint32_t *methods)
{
    return http_route_find(bytes_from_string(path), method, rest, methods);
}

static void the_rest_of_a_path_may_be_anything(void **state)
{
    (void)state;
    struct bytes rest;
    uint32_t methods;
    static const char *const keys[] = {"a", "a/b//c", "%2F", "", "/", "keys/"};
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        char path[64] = "/kv/";
        strcat(path, keys[i]);
        const struct http_route *route = find(path, HTTP_GET, &rest, &methods);
        assert_non_null(route);
        assert_string_equal(route->pattern, "/kv/*");
        assert_true(bytes_equal(rest, bytes_from_string(keys[i])));
    }
}

static void a_path_without_a_route_has_no_methods(void **state)
{
    (void)state;
    struct bytes rest;
    uint32_t methods = 99;
    static const char *const paths[] = {"/kv", "/k", "/kvx", "/no/such", "/health/", "*", "/pin"};
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        assert_null(find(paths[i], HTTP_GET, &rest, &methods));
        assert_int_equal(methods, 0);
    }
}

static void head_goes_where_get_goes_and_others_are_told(void **state)
{
    (void)state;
    struct bytes rest;
    uint32_t methods;
    assert_ptr_equal(find("/ping", HTTP_HEAD, &rest, &methods),
                     find("/ping", HTTP_GET, &rest, &methods));
    assert_null(find("/kv/a", HTTP_POST, &rest, &methods));
    assert_int_equal(methods, HTTP_GET | HTTP_PUT | HTTP_DELETE);
    assert_null(find("/kv/a", 0, &rest, &methods));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_rest_of_a_path_may_be_anything),
        cmocka_unit_test(a_path_without_a_route_has_no_methods),
        cmocka_unit_test(head_goes_where_get_goes_and_others_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
