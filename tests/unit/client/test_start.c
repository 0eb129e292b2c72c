/* The asynchronous calls against well-behaved nodes: outcomes, callbacks, bounds, freeing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <event2/event.h>
#include <stdio.h>

#include "client/core.h"
#include "client_test.h"

static void what_was_put_is_got_until_it_is_deleted(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_begin(&fixture, 1, 1, NULL);
    assert_int_equal(put(&fixture, "fruit", "apple")->code, 0);
    const struct note *found = get(&fixture, "fruit");
    assert_int_equal(found->code, 0);
    assert_int_equal(found->value_count, 1);
    assert_string_equal(found->value, "apple");
    assert_string_equal(found->context, "v1");
    assert_int_equal(
        shoal_delete_start(fixture.client, shoal_text("fruit"), NULL, note_done, &fixture), 0);
    await(&fixture, 3);
    assert_int_equal(fixture.notes[2].code, 0);
    assert_int_equal(get(&fixture, "fruit")->code, SHOAL_ENOTFOUND);
    fixture_end(&fixture);
}

static void the_callback_never_comes_from_within_the_start(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_begin(&fixture, 1, 1, NULL);
    /* One that is refused without asking a node, one that is not. */
    assert_int_equal(shoal_get_start(fixture.client, shoal_text(""), NULL, note_done, &fixture), 0);
    assert_int_equal(shoal_get_start(fixture.client, shoal_text("k"), NULL, note_done, &fixture),
                     0);
    assert_int_equal(fixture.done, 0);
    await(&fixture, 2);
    assert_int_equal(fixture.notes[0].code, SHOAL_EINVAL);
    assert_non_null(strstr(fixture.notes[0].text, "empty"));
    fixture_end(&fixture);
}

static void what_no_cluster_takes_is_refused_before_it_is_sent(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_begin(&fixture, 1, 1, NULL);
    static uint8_t big[300000];
    struct shoal_bytes key = shoal_text("k");
    assert_int_equal(
        shoal_get_start(fixture.client, shoal_bytes(big, sizeof(big)), NULL, note_done, &fixture),
        0);
    struct shoal_options options = {.context = shoal_bytes(big, sizeof(big))};
    assert_int_equal(shoal_put_start(fixture.client, key, key, &options, note_done, &fixture), 0);
    options = (struct shoal_options){.w = -3};
    assert_int_equal(shoal_put_start(fixture.client, key, key, &options, note_done, &fixture), 0);
    await(&fixture, 3);
    assert_int_equal(fixture.notes[0].code, SHOAL_ETOOBIG);
    assert_int_equal(fixture.notes[1].code, SHOAL_ECONTEXT);
    assert_int_equal(fixture.notes[2].code, SHOAL_EINVAL);
    assert_int_equal(fixture_node(&fixture, 0)->requests, 0);
    fixture_end(&fixture);
}

static void over_its_bounds_a_client_refuses_at_once(void **state)
{
    (void)state;
    struct fixture fixture;
    struct shoal_config config = {.waiting_max = 2};
    fixture_begin(&fixture, 1, 1, &config);
    struct shoal_bytes key = shoal_text("k");
    assert_int_equal(shoal_get_start(fixture.client, key, NULL, note_done, &fixture), 0);
    assert_int_equal(shoal_get_start(fixture.client, key, NULL, note_done, &fixture), 0);
    assert_int_equal(shoal_get_start(fixture.client, key, NULL, note_done, &fixture),
                     SHOAL_EOVERLOAD);
    await(&fixture, 2);
    assert_int_equal(shoal_get_start(fixture.client, key, NULL, note_done, &fixture), 0);
    await(&fixture, 3);
    fixture_end(&fixture);
}

static void thousands_of_requests_share_the_connections(void **state)
{
    (void)state;
    struct fixture fixture;
    struct shoal_config config = {.connections = 3, .in_flight_max = 5};
    fixture_begin(&fixture, 3, 1, &config);
    warm_up(&fixture);
    char key[16];
    for (uint32_t i = 0; i < 2000; i++) {
        (void)snprintf(key, sizeof(key), "k%u", i % 50);
        assert_int_equal(shoal_put_start(fixture.client, shoal_text(key), shoal_text(key), NULL,
                                         note_done, &fixture),
                         0);
    }
    await(&fixture, 2000);
    for (uint32_t i = 0; i < NOTES_MAX; i++) {
        assert_int_equal(fixture.notes[i].code, 0);
    }
    assert_int_equal(fake_cluster_keys(fixture.cluster), 50);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(fixture_node(&fixture, i)->connections, 3);
    }
    fixture_end(&fixture);
}

static void a_list_comes_in_pages(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_begin(&fixture, 1, 1, NULL);
    (void)put(&fixture, "a1", "x");
    (void)put(&fixture, "a2", "x");
    (void)put(&fixture, "b1", "x");
    (void)put(&fixture, "a3", "x");
    struct shoal_list list = {.prefix = shoal_text("a")};
    assert_int_equal(shoal_list_start(fixture.client, &list, NULL, note_done, &fixture), 0);
    await(&fixture, 5);
    struct note first = fixture.notes[4];
    assert_string_equal(first.keys, "a1 a2");
    assert_true(first.more);
    list.after = shoal_bytes(first.after, first.after_len);
    assert_int_equal(shoal_list_start(fixture.client, &list, NULL, note_done, &fixture), 0);
    await(&fixture, 6);
    assert_string_equal(fixture.notes[5].keys, "a3");
    assert_false(fixture.notes[5].more);
    fixture_end(&fixture);
}

static void keys_and_values_are_any_bytes(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_begin(&fixture, 1, 1, NULL);
    struct shoal_bytes key = shoal_bytes("\0\xff\n", 3);
    assert_int_equal(
        shoal_put_start(fixture.client, key, shoal_bytes("", 0), NULL, note_done, &fixture), 0);
    await(&fixture, 1);
    assert_int_equal(shoal_get_start(fixture.client, key, NULL, note_done, &fixture), 0);
    await(&fixture, 2);
    assert_int_equal(fixture.notes[1].code, 0);
    assert_int_equal(fixture.notes[1].value_count, 1);
    assert_string_equal(fixture.notes[1].value, "");
    fixture_end(&fixture);
}

static void an_unanswered_write_is_unknown_when_the_client_is_freed(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_begin(&fixture, 1, 1, NULL);
    warm_up(&fixture);
    atomic_store(&fixture_node(&fixture, 0)->manner, FAKE_KEEPS_SILENT);
    struct shoal_bytes key = shoal_text("k");
    assert_int_equal(shoal_put_start(fixture.client, key, key, NULL, note_done, &fixture), 0);
    assert_int_equal(shoal_get_start(fixture.client, key, NULL, note_done, &fixture), 0);
    while (fixture_node(&fixture, 0)->requests < 2) {
        event_base_loop(fixture.base, EVLOOP_ONCE);
    }
    /* And one that has not left. */
    assert_int_equal(shoal_put_start(fixture.client, key, key, NULL, note_done, &fixture), 0);
    shoal_client_free(fixture.client);
    fixture.client = NULL;
    assert_int_equal(fixture.done, 3);
    assert_int_equal(fixture.notes[0].code, SHOAL_EUNKNOWN);
    assert_int_equal(fixture.notes[1].code, SHOAL_ESHUTDOWN);
    assert_int_equal(fixture.notes[2].code, SHOAL_ESHUTDOWN);
    fixture_end(&fixture);
}

static void free_in_callback(struct shoal_client *client, const struct shoal_result *result,
                             void *user)
{
    struct fixture *fixture = user;
    note_done(client, result, user);
    if (fixture->client != NULL) {
        fixture->client = NULL;
        shoal_client_free(client);
        assert_int_equal(shoal_get_start(client, shoal_text("k"), NULL, free_in_callback, user),
                         SHOAL_ESHUTDOWN);
    }
}

static void a_callback_may_free_the_client(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_begin(&fixture, 1, 1, NULL);
    for (uint32_t i = 0; i < 10; i++) {
        assert_int_equal(
            shoal_get_start(fixture.client, shoal_text("k"), NULL, free_in_callback, &fixture), 0);
    }
    await(&fixture, 10); /* each exactly once */
    assert_int_equal(fixture.notes[0].code, SHOAL_ENOTFOUND);
    assert_int_equal(fixture.notes[9].code, SHOAL_ESHUTDOWN);
    fixture_end(&fixture);
}

static void the_node_is_given_most_of_the_time_that_is_left(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_begin(&fixture, 1, 1, NULL);
    struct shoal_options options = {.timeout_ms = 8000};
    assert_int_equal(
        shoal_get_start(fixture.client, shoal_text("k"), &options, note_done, &fixture), 0);
    await(&fixture, 1);
    assert_in_range(fixture_node(&fixture, 0)->timeout_us, 1, 7200000);
    fixture_end(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_put_is_got_until_it_is_deleted),
        cmocka_unit_test(the_callback_never_comes_from_within_the_start),
        cmocka_unit_test(what_no_cluster_takes_is_refused_before_it_is_sent),
        cmocka_unit_test(over_its_bounds_a_client_refuses_at_once),
        cmocka_unit_test(thousands_of_requests_share_the_connections),
        cmocka_unit_test(a_list_comes_in_pages),
        cmocka_unit_test(keys_and_values_are_any_bytes),
        cmocka_unit_test(an_unanswered_write_is_unknown_when_the_client_is_freed),
        cmocka_unit_test(a_callback_may_free_the_client),
        cmocka_unit_test(the_node_is_given_most_of_the_time_that_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
