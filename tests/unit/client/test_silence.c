/* A node that takes requests and says nothing: what it is asked, who is asked instead, and until
 * when. Beside test_router.c, whose nodes fail in ways that show at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <time.h>

#include "client/core.h"
#include "client/endpoint.h"
#include "client_test.h"

/* No request ends of itself, however long the machine stops in between. */
static const struct shoal_config patient = {.timeout_ms = 600000};

/* That of the first given node. */
static struct endpoint *first_endpoint(struct fixture *fixture)
{
    return QUEUE_ITEM(fixture->client->endpoints.next, struct endpoint, link);
}

static bool first_is_silent(struct fixture *fixture)
{
    return first_endpoint(fixture)->silent;
}

static bool first_is_let_go(struct fixture *fixture)
{
    return !endpoint_ready(first_endpoint(fixture));
}

static bool first_has_both(struct fixture *fixture)
{
    return first_endpoint(fixture)->ready_count == 2;
}

static bool first_is_there(struct fixture *fixture)
{
    return endpoint_ready(first_endpoint(fixture));
}

static void start_put(struct fixture *fixture, const char *key)
{
    assert_int_equal(shoal_put_start(fixture->client, shoal_text(key), shoal_text("v"), NULL,
                                     note_done, fixture),
                     0);
}

static void one_write_finds_a_node_silent_and_the_next_ones_go_to_another(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_begin(&fixture, 2, 2, &patient);
    warm_up(&fixture);
    char key[16];
    (void)key_of_owner(&fixture, 0, key);
    atomic_store(&fixture_node(&fixture, 0)->manner, FAKE_KEEPS_SILENT);
    start_put(&fixture, key);
    await_true(&fixture, first_is_silent);
    /* What it has is not sent again; what comes now is done, and long before that one's end. */
    for (uint32_t i = 0; i < 5; i++) {
        assert_int_equal(put(&fixture, key, "v")->code, 0);
    }
    assert_int_equal(fixture.done, 5);
    assert_int_equal(fixture_node(&fixture, 0)->requests, 1);
    assert_int_equal(fixture_node(&fixture, 1)->requests, 5);
    fixture_end(&fixture);
}

static void writes_that_wait_for_room_at_a_silent_node_are_done_by_another(void **state)
{
    (void)state;
    struct fixture fixture;
    struct shoal_config config = {.in_flight_max = 2, .timeout_ms = 600000};
    fixture_begin(&fixture, 2, 2, &config);
    warm_up(&fixture);
    char key[16];
    (void)key_of_owner(&fixture, 0, key);
    atomic_store(&fixture_node(&fixture, 0)->manner, FAKE_KEEPS_SILENT);
    for (uint32_t i = 0; i < 6; i++) {
        start_put(&fixture, key);
    }
    await(&fixture, 4);
    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal(fixture.notes[i].code, 0);
    }
    assert_int_equal(fixture_node(&fixture, 0)->requests, 2);
    assert_int_equal(fixture_node(&fixture, 1)->requests, 4);
    fixture_end(&fixture);
}

static void with_nobody_else_there_a_silent_node_is_waited_for(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_begin(&fixture, 2, 2, &patient);
    warm_up(&fixture);
    char key[16];
    fake_node_stop(fixture_node(&fixture, 1));
    assert_int_equal(get(&fixture, key_of_owner(&fixture, 1, key))->code, SHOAL_ENOTFOUND);
    atomic_store(&fixture_node(&fixture, 0)->manner, FAKE_KEEPS_SILENT);
    (void)key_of_owner(&fixture, 0, key);
    assert_int_equal(shoal_get_start(fixture.client, shoal_text(key), NULL, note_done, &fixture),
                     0);
    await_true(&fixture, first_is_silent);
    struct endpoint *first = first_endpoint(&fixture);
    assert_int_equal(first->in_flight, 1); /* not handed on to the one that is away */
    fixture_end(&fixture);
}

/* The other one was silent only for a moment, but just when a node had to be chosen. */
static void a_write_that_waits_for_a_connection_goes_to_a_node_that_speaks_again(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_begin(&fixture, 2, 2, &patient);
    warm_up(&fixture);
    char key[16];
    (void)key_of_owner(&fixture, 0, key);
    fake_node_stop(fixture_node(&fixture, 0));
    await_true(&fixture, first_is_let_go);
    fake_node_start(fixture_node(&fixture, 0));
    atomic_store(&fixture_node(&fixture, 0)->greeting, FAKE_SAYS_NOTHING);
    struct endpoint *first = first_endpoint(&fixture);
    struct endpoint *second = QUEUE_ITEM(first->link.next, struct endpoint, link);
    first->retry_at_us = 0;
    second->silent = true;
    start_put(&fixture, key);
    assert_false(queue_empty(&first->waiting));
    second->silent = false;
    await(&fixture, 1);
    assert_int_equal(fixture.notes[0].code, 0);
    fixture_end(&fixture);
}

/* A read by whoever answers; once more where a busy machine took all of its time. */
static void read_somewhere(struct fixture *fixture, const char *key)
{
    for (uint32_t i = 0; i < 100; i++) {
        int code = get(fixture, key)->code;
        if (code == SHOAL_ENOTFOUND) {
            return;
        }
        assert_true(code == SHOAL_ETIMEOUT || code == SHOAL_ECONNECT);
    }
    fail_msg("no read was answered in time");
}

/* The reads have gone elsewhere, so nobody's end would find it out. */
static void a_node_that_stays_silent_is_connected_to_anew(void **state)
{
    (void)state;
    struct fixture fixture;
    struct shoal_config config = {.timeout_ms = 200};
    fixture_begin(&fixture, 2, 2, &config);
    warm_up(&fixture);
    char key[16];
    (void)key_of_owner(&fixture, 0, key);
    atomic_store(&fixture_node(&fixture, 0)->manner, FAKE_KEEPS_SILENT);
    read_somewhere(&fixture, key);
    await_true(&fixture, first_is_let_go);
    uint32_t connections = fixture_node(&fixture, 0)->connections;
    atomic_store(&fixture_node(&fixture, 0)->manner, FAKE_SERVES);
    while (!first_is_there(&fixture)) {
        read_somewhere(&fixture, key);
    }
    assert_true(fixture_node(&fixture, 0)->connections > connections);
    assert_false(first_is_silent(&fixture));
    fixture_end(&fixture);
}

/* One of its two connections was asked and said nothing; nobody has asked the other. */
static void a_node_with_an_idle_connection_besides_is_connected_to_anew_too(void **state)
{
    (void)state;
    struct fixture fixture;
    struct shoal_config config = {.timeout_ms = 200, .connections = 2};
    fixture_begin(&fixture, 2, 2, &config);
    warm_up(&fixture);
    char key[16];
    (void)key_of_owner(&fixture, 0, key);
    await_true(&fixture, first_has_both);
    atomic_store(&fixture_node(&fixture, 0)->manner, FAKE_KEEPS_SILENT);
    read_somewhere(&fixture, key);
    await_true(&fixture, first_is_let_go);
    atomic_store(&fixture_node(&fixture, 0)->manner, FAKE_SERVES);
    while (!first_is_there(&fixture)) {
        read_somewhere(&fixture, key);
    }
    assert_false(first_is_silent(&fixture));
    fixture_end(&fixture);
}

/* Whether the node alone was asked, though the application did something else for three times the
 * patience: that is the test. */
static bool alone_is_asked_by_a_busy_application(void)
{
    struct fixture fixture;
    fixture_begin(&fixture, 2, 2, &patient);
    warm_up(&fixture);
    char key[16];
    (void)key_of_owner(&fixture, 0, key);
    assert_int_equal(shoal_get_start(fixture.client, shoal_text(key), NULL, note_done, &fixture),
                     0);
    const struct timespec busy = {.tv_nsec = 3 * (long)PATIENCE_US_MIN * 1000};
    (void)nanosleep(&busy, NULL);
    await(&fixture, 1);
    bool alone = fixture_node(&fixture, 1)->requests == 0;
    assert_true(!alone || fixture_node(&fixture, 0)->requests == 1);
    fixture_end(&fixture);
    return alone;
}

/* The nodes are on the client's own thread: a machine that stops it just after it has sent makes
 * them silent indeed, but not each time. */
static void an_application_that_keeps_the_loop_waiting_makes_no_node_silent(void **state)
{
    (void)state;
    uint32_t tries = 1;
    while (!alone_is_asked_by_a_busy_application()) {
        assert_true(++tries < 20);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_write_finds_a_node_silent_and_the_next_ones_go_to_another),
        cmocka_unit_test(writes_that_wait_for_room_at_a_silent_node_are_done_by_another),
        cmocka_unit_test(with_nobody_else_there_a_silent_node_is_waited_for),
        cmocka_unit_test(a_write_that_waits_for_a_connection_goes_to_a_node_that_speaks_again),
        cmocka_unit_test(a_node_that_stays_silent_is_connected_to_anew),
        cmocka_unit_test(a_node_with_an_idle_connection_besides_is_connected_to_anew_too),
        cmocka_unit_test(an_application_that_keeps_the_loop_waiting_makes_no_node_silent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
