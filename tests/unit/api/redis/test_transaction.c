/* MULTI, EXEC, DISCARD, WATCH over sockets, in front of fake units. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "support/fake_node.h"
#include "support/fake_unit.h"
#include "support/redis_client.h"

struct fixture {
    struct fake_node node;
    struct redis_client client, other;
};

static int set_up(void **state)
{
    static struct fixture fixture;
    fake_units_clear();
    fake_node_start(&fixture.node, 1, 2, "c");
    redis_client_open(&fixture.client, fixture.node.redis_port);
    redis_client_open(&fixture.other, fixture.node.redis_port);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    redis_client_close(&fixture->client);
    redis_client_close(&fixture->other);
    fake_node_stop_now(&fixture->node);
    fake_units_clear();
    return 0;
}

static void queued_commands_are_carried_out_in_order(void **state)
{
    struct redis_client *client = &((struct fixture *)*state)->client;
    REDIS_ANSWERS(client, "MULTI", "+OK");
    REDIS_ANSWERS(client, "SET a 5", "+QUEUED");
    REDIS_ANSWERS(client, "INCR a", "+QUEUED");
    REDIS_ANSWERS(client, "GET a", "+QUEUED");
    REDIS_ANSWERS(client, "GET none", "+QUEUED");
    REDIS_ANSWERS(client, "EXEC", "*4 +OK :6 $1 6 $-1");
    REDIS_ANSWERS(client, "EXEC", "-ERR EXEC without MULTI");
    REDIS_ANSWERS(client, "GET a", "$1 6");
}

static void an_empty_transaction_has_no_replies(void **state)
{
    struct redis_client *client = &((struct fixture *)*state)->client;
    REDIS_ANSWERS(client, "MULTI", "+OK");
    REDIS_ANSWERS(client, "EXEC", "*0");
}

static void what_fails_in_it_fails_alone(void **state)
{
    struct redis_client *client = &((struct fixture *)*state)->client;
    REDIS_ANSWERS(client, "MULTI", "+OK");
    REDIS_ANSWERS(client, "SET a x", "+QUEUED");
    REDIS_ANSWERS(client, "INCR a", "+QUEUED");
    REDIS_ANSWERS(client, "SET b y", "+QUEUED");
    REDIS_ANSWERS(client, "EXEC", "*3 +OK -ERR value is not an integer or out of range +OK");
    REDIS_ANSWERS(client, "GET b", "$1 y");
}

static void what_can_not_be_queued_spoils_it(void **state)
{
    struct redis_client *client = &((struct fixture *)*state)->client;
    const char *bad[] = {"NONSENSE", "GET", "CLIENT NONSENSE", "SHOAL.GET k"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        REDIS_ANSWERS(client, "MULTI", "+OK");
        assert_int_equal(redis_client_ask(client, bad[i])[0], '-');
        REDIS_ANSWERS(client, "SET a 1", "+QUEUED");
        REDIS_ANSWERS(client, "EXEC",
                      "-EXECABORT Transaction discarded because of previous errors.");
        REDIS_ANSWERS(client, "GET a", "$-1");
    }
}

static void multi_does_not_nest_and_watch_does_not_stand_in_it(void **state)
{
    struct redis_client *client = &((struct fixture *)*state)->client;
    REDIS_ANSWERS(client, "MULTI", "+OK");
    REDIS_ANSWERS(client, "MULTI", "-ERR MULTI calls can not be nested");
    REDIS_ANSWERS(client, "WATCH a", "-ERR WATCH inside MULTI is not allowed");
    REDIS_ANSWERS(client, "SET a 1", "+QUEUED");
    REDIS_ANSWERS(client, "EXEC", "*1 +OK");
}

static void an_ill_formed_exec_ends_it(void **state)
{
    struct redis_client *client = &((struct fixture *)*state)->client;
    const char *said = "-EXECABORT Transaction discarded because of: wrong number of arguments for "
                       "'exec' command";
    REDIS_ANSWERS(client, "EXEC now", said);
    REDIS_ANSWERS(client, "MULTI", "+OK");
    REDIS_ANSWERS(client, "EXEC now", said);
    REDIS_ANSWERS(client, "EXEC", "-ERR EXEC without MULTI");
}

static void discard_forgets_all(void **state)
{
    struct fixture *fixture = *state;
    struct redis_client *client = &fixture->client;
    REDIS_ANSWERS(client, "DISCARD", "-ERR DISCARD without MULTI");
    REDIS_ANSWERS(client, "WATCH a", "+OK");
    REDIS_ANSWERS(client, "MULTI", "+OK");
    REDIS_ANSWERS(client, "SET a 1", "+QUEUED");
    REDIS_ANSWERS(client, "DISCARD", "+OK");
    REDIS_ANSWERS(client, "GET a", "$-1");
    REDIS_ANSWERS(&fixture->other, "SET a 2", "+OK"); /* not watched any more */
    REDIS_ANSWERS(client, "MULTI", "+OK");
    REDIS_ANSWERS(client, "PING", "+QUEUED");
    REDIS_ANSWERS(client, "EXEC", "*1 +PONG");
}

static void a_watched_key_that_changes_abandons_it(void **state)
{
    struct fixture *fixture = *state;
    struct redis_client *client = &fixture->client;
    REDIS_ANSWERS(client, "SET a 1", "+OK");
    REDIS_ANSWERS(client, "WATCH a later:b", "+OK");
    REDIS_ANSWERS(&fixture->other, "SET a 1", "+OK"); /* be it to the same */
    REDIS_ANSWERS(client, "MULTI", "+OK");
    REDIS_ANSWERS(client, "SET later:b 2", "+QUEUED");
    REDIS_ANSWERS(client, "CLIENT SETNAME no", "+QUEUED");
    REDIS_ANSWERS(client, "EXEC", "*-1");
    REDIS_ANSWERS(client, "GET later:b", "$-1");
    REDIS_ANSWERS(client, "CLIENT GETNAME", "$-1");
    REDIS_ANSWERS(client, "MULTI", "+OK"); /* and with it the watching has ended */
    REDIS_ANSWERS(client, "GET a", "+QUEUED");
    REDIS_ANSWERS(client, "EXEC", "*1 $1 1");
}

static void a_watched_key_that_stays_does_not(void **state)
{
    struct fixture *fixture = *state;
    struct redis_client *client = &fixture->client;
    REDIS_ANSWERS(client, "WATCH a", "+OK");
    REDIS_ANSWERS(client, "WATCH a b", "+OK");
    REDIS_ANSWERS(&fixture->other, "SET c 1", "+OK");
    REDIS_ANSWERS(client, "MULTI", "+OK");
    REDIS_ANSWERS(client, "SET a mine", "+QUEUED");
    REDIS_ANSWERS(client, "EXEC", "*1 +OK");
}

static void one_s_own_write_counts_as_a_change_too(void **state)
{
    struct redis_client *client = &((struct fixture *)*state)->client;
    REDIS_ANSWERS(client, "WATCH a", "+OK");
    REDIS_ANSWERS(client, "SET a 1", "+OK");
    REDIS_ANSWERS(client, "MULTI", "+OK");
    REDIS_ANSWERS(client, "PING", "+QUEUED");
    REDIS_ANSWERS(client, "EXEC", "*-1");
}

static void unwatch_and_reset_end_watching(void **state)
{
    struct redis_client *client = &((struct fixture *)*state)->client;
    const char *ends[] = {"UNWATCH", "RESET"};
    for (size_t i = 0; i < 2; i++) {
        REDIS_ANSWERS(client, "WATCH a", "+OK");
        REDIS_ANSWERS(client, "SET a 1", "+OK");
        assert_int_equal(redis_client_ask(client, ends[i])[0], '+');
        REDIS_ANSWERS(client, "MULTI", "+OK");
        REDIS_ANSWERS(client, "PING", "+QUEUED");
        REDIS_ANSWERS(client, "EXEC", "*1 +PONG");
    }
}

static void unwatch_within_multi_is_queued(void **state)
{
    struct fixture *fixture = *state;
    REDIS_ANSWERS(&fixture->client, "WATCH a", "+OK");
    REDIS_ANSWERS(&fixture->client, "MULTI", "+OK");
    REDIS_ANSWERS(&fixture->client, "UNWATCH", "+QUEUED");
    REDIS_ANSWERS(&fixture->other, "SET a 1", "+OK");
    REDIS_ANSWERS(&fixture->client, "EXEC", "*-1");
}

static void commands_about_the_session_have_their_place_in_it(void **state)
{
    struct redis_client *client = &((struct fixture *)*state)->client;
    REDIS_ANSWERS(client, "MULTI", "+OK");
    REDIS_ANSWERS(client, "SET a 1", "+QUEUED");
    REDIS_ANSWERS(client, "CLIENT SETNAME me", "+QUEUED");
    REDIS_ANSWERS(client, "GET a", "+QUEUED");
    REDIS_ANSWERS(client, "CLIENT GETNAME", "+QUEUED");
    REDIS_ANSWERS(client, "EXEC", "*4 +OK +OK $1 1 $2 me");
}

static void hello_in_it_changes_how_what_follows_replies(void **state)
{
    struct redis_client *client = &((struct fixture *)*state)->client;
    REDIS_ANSWERS(client, "MULTI", "+OK");
    REDIS_ANSWERS(client, "GET none", "+QUEUED");
    REDIS_ANSWERS(client, "HELLO 3", "+QUEUED");
    REDIS_ANSWERS(client, "GET none", "+QUEUED");
    const char *reply = redis_client_ask(client, "EXEC");
    assert_memory_equal(reply, "*3 $-1 %7 ", 10);
    assert_string_equal(reply + strlen(reply) - 2, " _");
    REDIS_ANSWERS(client, "GET none", "_");
}

static void reset_and_quit_do_not_wait_for_exec(void **state)
{
    struct redis_client *client = &((struct fixture *)*state)->client;
    REDIS_ANSWERS(client, "MULTI", "+OK");
    REDIS_ANSWERS(client, "SET a 1", "+QUEUED");
    REDIS_ANSWERS(client, "RESET", "+RESET");
    REDIS_ANSWERS(client, "EXEC", "-ERR EXEC without MULTI");
    REDIS_ANSWERS(client, "MULTI", "+OK");
    REDIS_ANSWERS(client, "SET a 1", "+QUEUED");
    REDIS_ANSWERS(client, "QUIT", "+OK");
    assert_string_equal(redis_client_receive(client), "");
    REDIS_ANSWERS(&((struct fixture *)*state)->other, "GET a", "$-1");
}

static void flushall_and_dbsize_see_what_it_has_done(void **state)
{
    struct redis_client *client = &((struct fixture *)*state)->client;
    REDIS_ANSWERS(client, "SET old 1", "+OK");
    REDIS_ANSWERS(client, "MULTI", "+OK");
    REDIS_ANSWERS(client, "SET new 1", "+QUEUED");
    REDIS_ANSWERS(client, "DBSIZE", "+QUEUED");
    REDIS_ANSWERS(client, "FLUSHALL", "+QUEUED");
    REDIS_ANSWERS(client, "GET old", "+QUEUED");
    REDIS_ANSWERS(client, "SET last 1", "+QUEUED");
    REDIS_ANSWERS(client, "KEYS *", "+QUEUED");
    REDIS_ANSWERS(client, "EXEC", "*6 +OK :2 +OK $-1 +OK *1 $4 last");
    REDIS_ANSWERS(client, "GET new", "$-1");
    REDIS_ANSWERS(client, "GET last", "$1 1");
}

static void an_unknown_outcome_is_called_so(void **state)
{
    struct redis_client *client = &((struct fixture *)*state)->client;
    REDIS_ANSWERS(client, "MULTI", "+OK");
    REDIS_ANSWERS(client, "SET fails:a 1", "+QUEUED");
    const char *reply = redis_client_ask(client, "EXEC");
    assert_int_equal(reply[0], '-');
    assert_non_null(strstr(reply, "unknown"));
}

static void between_several_owners_it_is_refused(void **state)
{
    struct redis_client *client = &((struct fixture *)*state)->client;
    fake_units_set_alone(false);
    assert_non_null(strstr(redis_client_ask(client, "MULTI"), "needs a linearizable key"));
    assert_non_null(strstr(redis_client_ask(client, "WATCH a"), "needs a linearizable key"));
    REDIS_ANSWERS(client, "UNWATCH", "+OK");
    REDIS_ANSWERS(client, "EXEC", "-ERR EXEC without MULTI");
}

static void a_node_that_is_only_starting_says_so(void **state)
{
    struct redis_client *client = &((struct fixture *)*state)->client;
    fake_units_set_starting(true);
    assert_memory_equal(redis_client_ask(client, "WATCH a"), "-LOADING ", 9);
    assert_memory_equal(redis_client_ask(client, "MULTI"), "-LOADING ", 9);
    assert_memory_equal(redis_client_ask(client, "APPEND a b"), "-LOADING ", 9);
    fake_units_set_starting(false);
    REDIS_ANSWERS(client, "MULTI", "+OK");
}

static void what_was_sent_with_a_refused_multi_is_refused_too(void **state)
{
    struct redis_client *client = &((struct fixture *)*state)->client;
    fake_units_set_alone(false);
    redis_client_send(client, "MULTI\r\nPING\r\nECHO a\r\nEXEC\r\nPING");
    for (int i = 0; i < 3; i++) {
        assert_non_null(strstr(redis_client_receive(client), "needs a linearizable key"));
    }
    assert_memory_equal(redis_client_receive(client), "-EXECABORT ", 11);
    assert_string_equal(redis_client_receive(client), "+PONG");
}

static void who_has_read_that_multi_was_refused_goes_on(void **state)
{
    struct redis_client *client = &((struct fixture *)*state)->client;
    fake_units_set_alone(false);
    assert_non_null(strstr(redis_client_ask(client, "MULTI"), "needs a linearizable key"));
    REDIS_ANSWERS(client, "PING", "+PONG");
    REDIS_ANSWERS(client, "EXEC", "-ERR EXEC without MULTI");
}

static void a_client_that_goes_away_leaves_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct redis_client gone;
    for (int i = 0; i < 20; i++) {
        redis_client_open(&gone, fixture->node.redis_port);
        redis_client_send(&gone, "WATCH later:a\r\nMULTI\r\nSET later:a 1\r\nCLIENT ID\r\nEXEC");
        redis_client_close(&gone);
    }
    REDIS_ANSWERS(&fixture->client, "PING", "+PONG");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(queued_commands_are_carried_out_in_order),
        TEST(an_empty_transaction_has_no_replies),
        TEST(what_fails_in_it_fails_alone),
        TEST(what_can_not_be_queued_spoils_it),
        TEST(multi_does_not_nest_and_watch_does_not_stand_in_it),
        TEST(an_ill_formed_exec_ends_it),
        TEST(discard_forgets_all),
        TEST(a_watched_key_that_changes_abandons_it),
        TEST(a_watched_key_that_stays_does_not),
        TEST(one_s_own_write_counts_as_a_change_too),
        TEST(unwatch_and_reset_end_watching),
        TEST(unwatch_within_multi_is_queued),
        TEST(commands_about_the_session_have_their_place_in_it),
        TEST(hello_in_it_changes_how_what_follows_replies),
        TEST(reset_and_quit_do_not_wait_for_exec),
        TEST(flushall_and_dbsize_see_what_it_has_done),
        TEST(an_unknown_outcome_is_called_so),
        TEST(between_several_owners_it_is_refused),
        TEST(a_node_that_is_only_starting_says_so),
        TEST(what_was_sent_with_a_refused_multi_is_refused_too),
        TEST(who_has_read_that_multi_was_refused_goes_on),
        TEST(a_client_that_goes_away_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
