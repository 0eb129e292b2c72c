/* Durations, numbers, addresses, near misses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "shoal/error.h"

#define UNTOUCHED 987654321u

static void expect_duration(const char *text, uint64_t unit_us, uint64_t expected_us)
{
    uint64_t us = UNTOUCHED;
    if (text_parse_duration_us(text, unit_us, &us) != 0 || us != expected_us) {
        fail_msg("\"%s\" gave %llu", text, (unsigned long long)us);
    }
}

static void durations_are_read_in_every_unit(void **state)
{
    (void)state;
    expect_duration("250us", 1000, 250);
    expect_duration("250ms", 1000, 250000);
    expect_duration("60s", 1000, 60000000);
    expect_duration("5m", 1000, 300000000);
    expect_duration("2h", 1000, UINT64_C(7200000000));
    expect_duration("1d", 1000, UINT64_C(86400000000));
    expect_duration("0s", 1000, 0);
    expect_duration("007ms", 1, 7000);
}

static void a_bare_number_takes_the_unit_of_the_name(void **state)
{
    (void)state;
    expect_duration("250", 1000, 250000);
    expect_duration("3", 1000000, 3000000);
    expect_duration("0", 1000, 0);
}

static void durations_end_at_100_years(void **state)
{
    (void)state;
    expect_duration("36500d", 1000, UINT64_C(36500) * 86400 * 1000000);
    uint64_t us = UNTOUCHED;
    assert_int_equal(text_parse_duration_us("36501d", 1000, &us), SHOAL_EINVAL);
    assert_int_equal(text_parse_duration_us("3153600000001ms", 1000, &us), SHOAL_EINVAL);
    assert_int_equal(text_parse_duration_us("18446744073709551615d", 1000, &us), SHOAL_EINVAL);
    assert_int_equal(text_parse_duration_us("18446744073709551616us", 1000, &us), SHOAL_EINVAL);
    assert_int_equal(text_parse_duration_us("99999999999999999999999999s", 1000, &us),
                     SHOAL_EINVAL);
    assert_int_equal(us, UNTOUCHED);
}

static void what_is_no_duration_is_refused(void **state)
{
    (void)state;
    const char *const texts[] = {"",     "s",   "ms",   "-1s",   "+1s",      " 1s",
                                 "1s ",  "1 s", "1.5s", "1S",    "1sec",     "1msx",
                                 "0x1s", "1e3", "1w",   "1m30s", "\xd9\xa1s"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        uint64_t us = UNTOUCHED;
        if (text_parse_duration_us(texts[i], 1000, &us) != SHOAL_EINVAL || us != UNTOUCHED) {
            fail_msg("\"%s\" was taken", texts[i]);
        }
    }
}

static void numbers_are_read_within_their_range(void **state)
{
    (void)state;
    uint64_t number = UNTOUCHED;
    assert_int_equal(text_parse_u64("18446744073709551615", 0, UINT64_MAX, &number), 0);
    assert_int_equal(number, UINT64_MAX);
    assert_int_equal(text_parse_u64("0", 0, 5, &number), 0);
    assert_int_equal(number, 0);
    assert_int_equal(text_parse_u64("5", 5, 5, &number), 0);
    assert_int_equal(number, 5);
    assert_int_equal(text_parse_u64("4", 5, 9, &number), SHOAL_EINVAL);
    assert_int_equal(text_parse_u64("10", 5, 9, &number), SHOAL_EINVAL);
    assert_int_equal(text_parse_u64("18446744073709551616", 0, UINT64_MAX, &number), SHOAL_EINVAL);
    assert_int_equal(text_parse_u64("184467440737095516150", 0, UINT64_MAX, &number), SHOAL_EINVAL);
    assert_int_equal(number, 5);
}

static void what_is_no_number_is_refused(void **state)
{
    (void)state;
    const char *const texts[] = {"", " 1", "1 ", "-1", "+1", "0x10", "1.0", "1e3", "1_000", "a"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        uint64_t number = UNTOUCHED;
        if (text_parse_u64(texts[i], 0, UINT64_MAX, &number) != SHOAL_EINVAL ||
            number != UNTOUCHED) {
            fail_msg("\"%s\" was taken", texts[i]);
        }
    }
}

static void expect_address(const char *text, uint16_t port_default, const char *host, uint16_t port)
{
    char got_host[256];
    uint16_t got_port = 0;
    if (text_parse_address(text, port_default, got_host, &got_port) != 0) {
        fail_msg("\"%s\" was refused", text);
    }
    assert_string_equal(got_host, host);
    assert_int_equal(got_port, port);
}

static void addresses_have_a_host_and_a_port(void **state)
{
    (void)state;
    expect_address("127.0.0.1:3001", 0, "127.0.0.1", 3001);
    expect_address("node-1.example.com:1", 0, "node-1.example.com", 1);
    expect_address("my_host:65535", 4001, "my_host", 65535);
    expect_address("[::1]:4001", 0, "::1", 4001);
    expect_address("[fe80::1%eth0]:4001", 0, "fe80::1%eth0", 4001);
    expect_address("[::ffff:10.0.0.1]:4001", 0, "::ffff:10.0.0.1", 4001);
}

static void a_missing_port_is_the_default_if_there_is_one(void **state)
{
    (void)state;
    char host[256];
    uint16_t port;
    expect_address("localhost", 3001, "localhost", 3001);
    expect_address("[::1]", 3001, "::1", 3001);
    expect_address("::1", 3001, "::1", 3001);
    expect_address("fe80::1%eth0", 3001, "fe80::1%eth0", 3001);
    assert_int_equal(text_parse_address("localhost", 0, host, &port), SHOAL_EINVAL);
    assert_int_equal(text_parse_address("[::1]", 0, host, &port), SHOAL_EINVAL);
    assert_int_equal(text_parse_address("::1", 0, host, &port), SHOAL_EINVAL);
    assert_int_equal(text_parse_address("::1:4001", 0, host, &port), SHOAL_EINVAL);
}

static void an_address_is_written_as_it_is_read(void **state)
{
    (void)state;
    static const struct {
        const char *host;
        const char *text;
    } cases[] = {{"127.0.0.1", "127.0.0.1:3001"},
                 {"db-1.test", "db-1.test:3001"},
                 {"::1", "[::1]:3001"},
                 {"fe80::1%eth0", "[fe80::1%eth0]:3001"},
                 {"", ":3001"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[TEXT_ADDRESS_BYTES];
        text_address(cases[i].host, 3001, text);
        assert_string_equal(text, cases[i].text);
    }
}

static void a_host_stands_alone(void **state)
{
    (void)state;
    static const char *const hosts[] = {"localhost", "10.0.0.1", "db_1.example.com",
                                        "::1",       "::",       "fe80::1%eth0"};
    static const char *const others[] = {"", "a:1", "[::1]", "a b", "http://a", "a,b", "::1%"};
    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
        assert_true(text_is_host(hosts[i]));
    }
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        assert_false(text_is_host(others[i]));
    }
}

static void a_host_may_have_255_bytes(void **state)
{
    (void)state;
    char text[300];
    char host[256];
    uint16_t port;
    snprintf(text, sizeof(text), "%0255d:1", 0);
    assert_int_equal(text_parse_address(text, 0, host, &port), 0);
    assert_int_equal(strlen(host), 255);
    snprintf(text, sizeof(text), "%0256d:1", 0);
    assert_int_equal(text_parse_address(text, 0, host, &port), SHOAL_EINVAL);
}

static void what_is_no_address_is_refused(void **state)
{
    (void)state;
    const char *const texts[] = {"",
                                 ":",
                                 ":3001",
                                 "host:",
                                 "host:0",
                                 "host:65536",
                                 "host:-1",
                                 "host: 1",
                                 "host:1 ",
                                 " host:1",
                                 "host:1:2",
                                 ":::1",
                                 "::g",
                                 "[::1",
                                 "[::1]x",
                                 "[::1]:",
                                 "[]:1",
                                 "[host]:1",
                                 "[1.2.3.4]:1",
                                 "ho st:1",
                                 "host\n:1",
                                 "h\xc3\xa9:1",
                                 "http://h:1",
                                 "[::1%]:1",
                                 "[::1%a b]:1",
                                 "a/b:1",
                                 "host:+1",
                                 "host:99999999999999999999"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        char host[256] = "untouched";
        uint16_t port = 77;
        if (text_parse_address(texts[i], 3001, host, &port) != SHOAL_EINVAL || port != 77 ||
            strcmp(host, "untouched") != 0) {
            fail_msg("\"%s\" was taken", texts[i]);
        }
    }
}

static void hex_is_two_lower_case_digits_a_byte(void **state)
{
    (void)state;
    char out[9];
    text_hex((const uint8_t[]){0x00, 0x9a, 0xff, 0x10}, 4, out);
    assert_string_equal(out, "009aff10");
    text_hex(NULL, 0, out);
    assert_string_equal(out, "");
}

static const char *const keys[] = {"client_port", "peer_port", "name", "seeds",        "engine",
                                   "durability",  "log",       "n",    "read_timeout", NULL};

static void a_slip_finds_the_name_that_was_meant(void **state)
{
    (void)state;
    assert_string_equal(text_nearest("client_prot", keys), "client_port");
    assert_string_equal(text_nearest("clientport", keys), "client_port");
    assert_string_equal(text_nearest("seed", keys), "seeds");
    assert_string_equal(text_nearest("nmae", keys), "name");
    assert_string_equal(text_nearest("enigne", keys), "engine");
    assert_string_equal(text_nearest("lgo", keys), "log");
    assert_string_equal(text_nearest("read_time_out", keys), "read_timeout");
}

static void capitals_are_no_slip(void **state)
{
    (void)state;
    assert_string_equal(text_nearest("N", keys), "n");
    assert_string_equal(text_nearest("DURABILITY", keys), "durability");
    assert_string_equal(text_nearest("Naem", keys), "name");
}

static void a_list_of_names_ends_where_the_room_does(void **state)
{
    (void)state;
    const char *const names[] = {"one", "two", "three", NULL};
    char out[16];
    text_list(names, out, sizeof(out));
    assert_string_equal(out, "one, two, three");
    text_list(names, out, sizeof(out) - 1);
    assert_string_equal(out, "one, two");
    text_list(names + 3, out, sizeof(out));
    assert_string_equal(out, "");
}

static void what_resembles_nothing_finds_nothing(void **state)
{
    (void)state;
    const char *const none[] = {NULL};
    char endless[1000];
    memset(endless, 'n', sizeof(endless));
    endless[sizeof(endless) - 1] = '\0';
    assert_null(text_nearest("colour", keys));
    assert_null(text_nearest("x", keys));
    assert_null(text_nearest("", keys));
    assert_null(text_nearest("port", keys));
    assert_null(text_nearest(endless, keys));
    assert_null(text_nearest("name", none));
}

static void names_too_long_to_compare_are_passed_over(void **state)
{
    (void)state;
    char endless[1000];
    memset(endless, 'n', sizeof(endless));
    endless[sizeof(endless) - 1] = '\0';
    const char *const names[] = {endless, "name", NULL};
    assert_string_equal(text_nearest("nam", names), "name");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_are_read_in_every_unit),
        cmocka_unit_test(a_bare_number_takes_the_unit_of_the_name),
        cmocka_unit_test(durations_end_at_100_years),
        cmocka_unit_test(what_is_no_duration_is_refused),
        cmocka_unit_test(numbers_are_read_within_their_range),
        cmocka_unit_test(what_is_no_number_is_refused),
        cmocka_unit_test(addresses_have_a_host_and_a_port),
        cmocka_unit_test(a_missing_port_is_the_default_if_there_is_one),
        cmocka_unit_test(an_address_is_written_as_it_is_read),
        cmocka_unit_test(a_host_stands_alone),
        cmocka_unit_test(a_host_may_have_255_bytes),
        cmocka_unit_test(what_is_no_address_is_refused),
        cmocka_unit_test(hex_is_two_lower_case_digits_a_byte),
        cmocka_unit_test(a_slip_finds_the_name_that_was_meant),
        cmocka_unit_test(capitals_are_no_slip),
        cmocka_unit_test(a_list_of_names_ends_where_the_room_does),
        cmocka_unit_test(what_resembles_nothing_finds_nothing),
        cmocka_unit_test(names_too_long_to_compare_are_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
