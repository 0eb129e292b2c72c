/* Where requests go, and where they go when a node fails: the heart of what makes retries safe. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <event2/event.h>

#include "client/core.h"
#include "client/endpoint.h"
#include "client_test.h"
#include "shoal/error.h"

static void a_request_goes_straight_to_its_keys_first_owner(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_begin(&fixture, 3, 1, NULL);
    warm_up(&fixture);
    for (uint32_t i = 0; i < 3; i++) {
        char key[16];
        for (uint32_t times = 0; times < 5; times++) {
            assert_int_equal(put(&fixture, key_of_owner(&fixture, i, key), "v")->code, 0);
        }
        assert_int_equal(fixture_node(&fixture, i)->requests, 5);
    }
    fixture_end(&fixture);
}

static void routed_by_given_nodes_nobody_else_is_asked(void **state)
{
    (void)state;
    struct fixture fixture;
    struct shoal_config config = {.routing = SHOAL_ROUTE_GIVEN};
    fixture_begin(&fixture, 3, 1, &config);
    for (uint32_t i = 0; i < 3; i++) {
        char key[16];
        assert_int_equal(put(&fixture, key_of_owner(&fixture, i, key), "v")->code, 0);
    }
    assert_int_equal(fixture_node(&fixture, 0)->requests, 3);
    assert_int_equal(fixture_node(&fixture, 1)->connections, 0);
    fixture_end(&fixture);
}

static void with_the_first_given_node_away_the_second_answers(void **state)
{
    (void)state;
    struct fixture fixture;
    struct shoal_config config = {.routing = SHOAL_ROUTE_GIVEN};
    fixture_begin(&fixture, 2, 2, &config);
    fake_node_stop(fixture_node(&fixture, 0));
    assert_int_equal(put(&fixture, "k", "v")->code, 0);
    assert_int_equal(fixture_node(&fixture, 1)->requests, 1);
    fixture_end(&fixture);
}

static void
with_nobody_there_the_error_names_the_node_and_says_that_nothing_was_applied(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_begin(&fixture, 1, 1, NULL);
    fake_node_stop(fixture_node(&fixture, 0));
    const struct note *note = put(&fixture, "k", "v");
    assert_int_equal(note->code, SHOAL_ECONNECT);
    assert_non_null(strstr(note->text, "127.0.0.1:"));
    assert_non_null(strstr(note->text, "Connection refused"));
    fixture_end(&fixture);
}

static void a_write_whose_connection_breaks_is_unknown_and_sent_only_once(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_begin(&fixture, 3, 3, NULL);
    warm_up(&fixture);
    char key[16];
    (void)key_of_owner(&fixture, 1, key);
    atomic_store(&fixture_node(&fixture, 1)->manner, FAKE_APPLIES_AND_HANGS_UP);
    const struct note *note = put(&fixture, key, "once");
    assert_int_equal(note->code, SHOAL_EUNKNOWN);
    assert_non_null(strstr(note->text, "read the key"));
    uint32_t requests = 0;
    for (uint32_t i = 0; i < 3; i++) {
        requests += fixture_node(&fixture, i)->requests;
    }
    assert_int_equal(requests, 1);
    assert_string_equal(get(&fixture, key)->value, "once");
    fixture_end(&fixture);
}

static void a_read_whose_connection_breaks_is_asked_of_another_node(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_begin(&fixture, 3, 3, NULL);
    char key[16];
    (void)put(&fixture, key_of_owner(&fixture, 1, key), "kept");
    warm_up(&fixture);
    atomic_store(&fixture_node(&fixture, 1)->manner, FAKE_HANGS_UP);
    const struct note *note = get(&fixture, key);
    assert_int_equal(note->code, 0);
    assert_string_equal(note->value, "kept");
    fixture_end(&fixture);
}

static void a_write_refused_by_a_node_that_is_stopping_goes_to_another(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_begin(&fixture, 3, 3, NULL);
    warm_up(&fixture);
    char key[16];
    (void)key_of_owner(&fixture, 2, key);
    atomic_store(&fixture_node(&fixture, 2)->manner, FAKE_REFUSES);
    atomic_store(&fixture_node(&fixture, 2)->code, SHOAL_ESHUTDOWN);
    assert_int_equal(put(&fixture, key, "v")->code, 0);
    assert_int_equal(fake_cluster_keys(fixture.cluster), 1);
    fixture_end(&fixture);
}

static void a_refusal_by_all_is_told_as_the_last_one_said_it(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_begin(&fixture, 2, 2, NULL);
    warm_up(&fixture);
    for (uint32_t i = 0; i < 2; i++) {
        atomic_store(&fixture_node(&fixture, i)->manner, FAKE_REFUSES);
        atomic_store(&fixture_node(&fixture, i)->code, SHOAL_EREFILLING);
    }
    const struct note *note = get(&fixture, "k");
    assert_int_equal(note->code, SHOAL_EREFILLING);
    assert_string_equal(note->text, "as told");
    assert_int_equal(fixture_node(&fixture, 0)->requests + fixture_node(&fixture, 1)->requests, 2);
    fixture_end(&fixture);
}

static struct endpoint *last_endpoint(struct fixture *fixture)
{
    return QUEUE_ITEM(fixture->client->endpoints.previous, struct endpoint, link);
}

static bool one_waits_at_the_last(struct fixture *fixture)
{
    return fixture->client->map != NULL && !queue_empty(&last_endpoint(fixture)->waiting);
}

/* No connection has ever been lost, so that no trouble is known that could be told instead. */
static void a_write_that_waits_for_a_node_which_leaves_is_not_told_as_done(void **state)
{
    (void)state;
    struct fixture fixture;
    char key[16];
    fixture_begin(&fixture, 2, 1, NULL);
    atomic_store(&fixture_node(&fixture, 1)->greeting, FAKE_SAYS_NOTHING);
    while (fixture.client->map == NULL) {
        (void)get(&fixture, key_of_owner(&fixture, 0, key));
    }
    fixture.done = 0;
    atomic_store(&fixture_node(&fixture, 0)->manner, FAKE_REFUSES);
    atomic_store(&fixture_node(&fixture, 0)->code, SHOAL_ENOTOWNER);
    assert_int_equal(shoal_put_start(fixture.client, shoal_text(key), shoal_text("v"), NULL,
                                     note_done, &fixture),
                     0);
    await_true(&fixture, one_waits_at_the_last);
    last_endpoint(&fixture)->wanted = false; /* as by a layout without it */
    fixture.client->unwanted = true;
    client_schedule_turn(fixture.client);
    await(&fixture, 1);
    assert_int_equal(fixture.notes[0].code, SHOAL_ECONNECT);
    assert_non_null(strstr(fixture.notes[0].text, "it has left the cluster"));
    assert_int_equal(fake_cluster_keys(fixture.cluster), 0);
    fixture_end(&fixture);
}

static void an_overloaded_node_is_not_pressed(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_begin(&fixture, 2, 2, NULL);
    warm_up(&fixture);
    for (uint32_t i = 0; i < 2; i++) {
        atomic_store(&fixture_node(&fixture, i)->manner, FAKE_REFUSES);
        atomic_store(&fixture_node(&fixture, i)->code, SHOAL_EOVERLOAD);
    }
    assert_int_equal(get(&fixture, "k")->code, SHOAL_EOVERLOAD);
    assert_int_equal(fixture_node(&fixture, 0)->requests + fixture_node(&fixture, 1)->requests, 1);
    fixture_end(&fixture);
}

static void a_read_that_a_silent_node_keeps_waiting_is_answered_by_another(void **state)
{
    (void)state;
    struct fixture fixture;
    struct shoal_config config = {.timeout_ms = 60000};
    fixture_begin(&fixture, 2, 2, &config);
    char key[16];
    (void)put(&fixture, key_of_owner(&fixture, 0, key), "kept");
    warm_up(&fixture);
    atomic_store(&fixture_node(&fixture, 0)->manner, FAKE_KEEPS_SILENT);
    assert_string_equal(get(&fixture, key)->value, "kept");
    /* And from then on the silent one is passed over. */
    uint32_t before = fixture_node(&fixture, 0)->requests;
    assert_string_equal(get(&fixture, key)->value, "kept");
    assert_int_equal(fixture_node(&fixture, 0)->requests, before);
    fixture_end(&fixture);
}

static void a_write_out_of_time_is_unknown_a_read_timed_out(void **state)
{
    (void)state;
    struct fixture fixture;
    struct shoal_config config = {.timeout_ms = 60};
    fixture_begin(&fixture, 1, 1, &config);
    warm_up(&fixture);
    atomic_store(&fixture_node(&fixture, 0)->manner, FAKE_KEEPS_SILENT);
    struct shoal_bytes key = shoal_text("k");
    assert_int_equal(shoal_put_start(fixture.client, key, key, NULL, note_done, &fixture), 0);
    assert_int_equal(shoal_get_start(fixture.client, key, NULL, note_done, &fixture), 0);
    await(&fixture, 2);
    assert_int_equal(fixture.notes[0].code, SHOAL_EUNKNOWN);
    assert_int_equal(fixture.notes[1].code, SHOAL_ETIMEOUT);
    assert_non_null(strstr(fixture.notes[1].text, "answer"));
    fixture_end(&fixture);
}

static void a_node_that_comes_back_is_used_again(void **state)
{
    (void)state;
    struct fixture fixture;
    struct shoal_config config = {.routing = SHOAL_ROUTE_GIVEN};
    fixture_begin(&fixture, 1, 1, &config);
    assert_int_equal(put(&fixture, "k", "v")->code, 0);
    fake_node_stop(fixture_node(&fixture, 0));
    assert_int_equal(get(&fixture, "k")->code, SHOAL_ECONNECT);
    fake_node_start(fixture_node(&fixture, 0));
    assert_string_equal(get(&fixture, "k")->value, "v");
    fixture_end(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_goes_straight_to_its_keys_first_owner),
        cmocka_unit_test(routed_by_given_nodes_nobody_else_is_asked),
        cmocka_unit_test(with_the_first_given_node_away_the_second_answers),
        cmocka_unit_test(
            with_nobody_there_the_error_names_the_node_and_says_that_nothing_was_applied),
        cmocka_unit_test(a_write_whose_connection_breaks_is_unknown_and_sent_only_once),
        cmocka_unit_test(a_read_whose_connection_breaks_is_asked_of_another_node),
        cmocka_unit_test(a_write_refused_by_a_node_that_is_stopping_goes_to_another),
        cmocka_unit_test(a_refusal_by_all_is_told_as_the_last_one_said_it),
        cmocka_unit_test(a_write_that_waits_for_a_node_which_leaves_is_not_told_as_done),
        cmocka_unit_test(an_overloaded_node_is_not_pressed),
        cmocka_unit_test(a_read_that_a_silent_node_keeps_waiting_is_answered_by_another),
        cmocka_unit_test(a_write_out_of_time_is_unknown_a_read_timed_out),
        cmocka_unit_test(a_node_that_comes_back_is_used_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
