/* Defaults, bounds and the list of hosts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "client/settings.h"
#include "shoal/error.h"

static void no_config_is_the_default_one(void **state)
{
    (void)state;
    struct settings settings;
    const char *why = NULL;
    assert_int_equal(settings_init(&settings, NULL, &why), 0);
    assert_int_equal(settings.host_count, 1);
    assert_string_equal(settings.hosts[0].name, "127.0.0.1");
    assert_int_equal(settings.hosts[0].port, 3001);
    assert_int_equal(settings.timeout_us, 5000000);
    assert_int_equal(settings.connections, 1);
    settings_deinit(&settings);
}

static void hosts_are_read_with_and_without_ports(void **state)
{
    (void)state;
    struct settings settings;
    const char *why = NULL;
    struct shoal_config config = {.hosts = "one,two:4,[::1]:5,[fe80::2]", .port = 9};
    assert_int_equal(settings_init(&settings, &config, &why), 0);
    assert_int_equal(settings.host_count, 4);
    assert_string_equal(settings.hosts[0].name, "one");
    assert_int_equal(settings.hosts[0].port, 9);
    assert_int_equal(settings.hosts[1].port, 4);
    assert_string_equal(settings.hosts[2].name, "::1");
    assert_int_equal(settings.hosts[2].port, 5);
    assert_string_equal(settings.hosts[3].name, "fe80::2");
    settings_deinit(&settings);
}

static void hosts_that_make_no_sense_are_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {"", ",", "a,", ",a", "a:", "a:0", "a:65536", "a b"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct settings settings;
        const char *why = NULL;
        struct shoal_config config = {.hosts = wrong[i]};
        if (settings_init(&settings, &config, &why) != SHOAL_EINVAL || why == NULL) {
            fail_msg("\"%s\" was taken", wrong[i]);
        }
    }
}

static void numbers_over_their_bounds_are_refused(void **state)
{
    (void)state;
    struct settings settings;
    const char *why = NULL;
    struct shoal_config config = {.connections = 1025};
    assert_int_equal(settings_init(&settings, &config, &why), SHOAL_EINVAL);
    config = (struct shoal_config){.in_flight_max = 4097};
    assert_int_equal(settings_init(&settings, &config, &why), SHOAL_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_config_is_the_default_one),
        cmocka_unit_test(hosts_are_read_with_and_without_ports),
        cmocka_unit_test(hosts_that_make_no_sense_are_refused),
        cmocka_unit_test(numbers_over_their_bounds_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
