/* Nodes that don't speak as they should. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "client_test.h"

static void a_node_of_another_version_is_an_error_that_says_so(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_begin(&fixture, 1, 1, NULL);
    atomic_store(&fixture_node(&fixture, 0)->greeting, FAKE_REFUSES_VERSION);
    const struct note *note = put(&fixture, "k", "v");
    assert_int_equal(note->code, SHOAL_EVERSION);
    assert_non_null(strstr(note->text, "speaks versions 2 to 3"));
    fixture_end(&fixture);
}

static void a_port_that_says_nothing_is_given_up_within_the_time_limit(void **state)
{
    (void)state;
    struct fixture fixture;
    struct shoal_config config = {.connect_timeout_ms = 50};
    fixture_begin(&fixture, 1, 1, &config);
    atomic_store(&fixture_node(&fixture, 0)->greeting, FAKE_SAYS_NOTHING);
    const struct note *note = put(&fixture, "k", "v");
    assert_int_equal(note->code, SHOAL_ECONNECT);
    assert_non_null(strstr(note->text, "says nothing"));
    fixture_end(&fixture);
}

static void rubbish_ends_the_connection_and_not_the_client(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_begin(&fixture, 1, 1, NULL);
    warm_up(&fixture);
    static const int manners[] = {FAKE_TALKS_RUBBISH, FAKE_ANSWERS_SOMETHING_ELSE};
    for (size_t i = 0; i < sizeof(manners) / sizeof(manners[0]); i++) {
        atomic_store(&fixture_node(&fixture, 0)->manner, manners[i]);
        assert_int_equal(put(&fixture, "k", "v")->code, SHOAL_EUNKNOWN);
        assert_int_equal(get(&fixture, "k")->code, SHOAL_EPROTO);
        atomic_store(&fixture_node(&fixture, 0)->manner, FAKE_SERVES);
        assert_int_equal(put(&fixture, "k", "v")->code, 0);
    }
    fixture_end(&fixture);
}

static void a_large_value_travels_both_ways(void **state)
{
    (void)state;
    struct fixture fixture;
    struct shoal_config config = {.timeout_ms = 600000}; /* on a busy machine it may take a while */
    fixture_begin(&fixture, 1, 1, &config);
    size_t len = 9u << 20;
    char *value = test_malloc(len);
    memset(value, 'x', len);
    assert_int_equal(shoal_put_start(fixture.client, shoal_text("big"), shoal_bytes(value, len),
                                     NULL, note_done, &fixture),
                     0);
    test_free(value); /* it was copied */
    await(&fixture, 1);
    assert_int_equal(fixture.notes[0].code, 0);
    const struct note *note = get(&fixture, "big");
    assert_int_equal(note->code, 0);
    assert_int_equal(strspn(note->value, "x"), sizeof(note->value) - 1);
    fixture_end(&fixture);
}

static void a_frame_larger_than_the_node_takes_is_not_sent(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_begin(&fixture, 1, 1, NULL);
    warm_up(&fixture);
    size_t len = 33u << 20;
    char *value = test_calloc(1, len);
    assert_int_equal(shoal_put_start(fixture.client, shoal_text("big"), shoal_bytes(value, len),
                                     NULL, note_done, &fixture),
                     0);
    await(&fixture, 1);
    test_free(value);
    assert_int_equal(fixture.notes[0].code, SHOAL_ETOOBIG);
    assert_int_equal(fixture_node(&fixture, 0)->requests, 0);
    fixture_end(&fixture);
}

static void a_name_that_resolves_to_nothing_is_an_error(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_begin(&fixture, 1, 1, NULL);
    shoal_client_free(fixture.client);
    struct shoal_config config = {.hosts = "no..name:1", .timeout_ms = 60000};
    assert_int_equal(shoal_client_new(&config, fixture.base, &fixture.client), 0);
    assert_int_equal(put(&fixture, "k", "v")->code, SHOAL_ECONNECT);
    fixture_end(&fixture);
}

static void localhost_is_found_by_name(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_begin(&fixture, 1, 1, NULL);
    shoal_client_free(fixture.client);
    struct shoal_config config = {
        .hosts = "localhost",
        .port = fixture_node(&fixture, 0)->port,
        .routing = SHOAL_ROUTE_GIVEN,
    };
    assert_int_equal(shoal_client_new(&config, fixture.base, &fixture.client), 0);
    assert_int_equal(put(&fixture, "k", "v")->code, 0);
    fixture_end(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_node_of_another_version_is_an_error_that_says_so),
        cmocka_unit_test(a_port_that_says_nothing_is_given_up_within_the_time_limit),
        cmocka_unit_test(rubbish_ends_the_connection_and_not_the_client),
        cmocka_unit_test(a_large_value_travels_both_ways),
        cmocka_unit_test(a_frame_larger_than_the_node_takes_is_not_sent),
        cmocka_unit_test(a_name_that_resolves_to_nothing_is_an_error),
        cmocka_unit_test(localhost_is_found_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
