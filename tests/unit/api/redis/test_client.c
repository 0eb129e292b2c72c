/* What a connection says of itself, and what others can be told and done to, over sockets. */
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
    REDIS_ANSWERS(&fixture.client, "PING", "+PONG"); /* so that this one is number 1 */
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

static void a_client_is_greeted_as_redis_greets_it(void **state)
{
    struct redis_client *client = &((struct fixture *)*state)->client;
    REDIS_ANSWERS(client, "PING", "+PONG");
    REDIS_ANSWERS(client, "PING hi", "$2 hi");
    REDIS_ANSWERS(client, "ECHO hi", "$2 hi");
    REDIS_ANSWERS(client, "PING a b", "-ERR wrong number of arguments for 'ping' command");
    REDIS_ANSWERS(client, "SELECT 0", "+OK");
    REDIS_ANSWERS(client, "SELECT 1", "-ERR DB index is out of range");
    REDIS_ANSWERS(client, "SELECT x", "-ERR value is not an integer or out of range");
    REDIS_ANSWERS(client, "HELLO 3",
                  "%7 $6 server $5 redis $7 version $6 7.0.15 $5 proto :3 $2 id :1 $4 mode "
                  "$10 standalone $4 role $6 master $7 modules *0");
    REDIS_ANSWERS(client, "CLIENT GETNAME", "_");
    REDIS_ANSWERS(client, "RESET", "+RESET");
    REDIS_ANSWERS(client, "CLIENT GETNAME", "$-1");
}

static void hello_refuses_what_redis_refuses(void **state)
{
    struct redis_client *client = &((struct fixture *)*state)->client;
    REDIS_ANSWERS(client, "HELLO 1", "-NOPROTO unsupported protocol version");
    REDIS_ANSWERS(client, "HELLO 4", "-NOPROTO unsupported protocol version");
    REDIS_ANSWERS(client, "HELLO x", "-ERR Protocol version is not an integer or out of range");
    REDIS_ANSWERS(client, "HELLO 2 SETNAME", "-ERR Syntax error in HELLO option 'SETNAME'");
    REDIS_ANSWERS(client, "HELLO 3 AUTH joe pw",
                  "-WRONGPASS invalid username-password pair or user is disabled.");
    assert_memory_equal(redis_client_ask(client, "HELLO 2 AUTH default any SETNAME me"), "*14 ", 4);
    REDIS_ANSWERS(client, "CLIENT GETNAME", "$2 me");
}

static void auth_answers_as_without_a_password(void **state)
{
    struct redis_client *client = &((struct fixture *)*state)->client;
    REDIS_ANSWERS(client, "AUTH pw",
                  "-ERR AUTH <password> called without any password configured for the default "
                  "user. Are you sure your configuration is correct?");
    REDIS_ANSWERS(client, "AUTH default pw", "+OK");
    REDIS_ANSWERS(client, "AUTH joe pw",
                  "-WRONGPASS invalid username-password pair or user is disabled.");
    REDIS_ANSWERS(client, "AUTH a b c", "-ERR syntax error");
}

static void names_are_set_and_refused(void **state)
{
    struct redis_client *client = &((struct fixture *)*state)->client;
    REDIS_ANSWERS(client, "CLIENT SETNAME me", "+OK");
    REDIS_ANSWERS(client, "CLIENT SETNAME \"a b\"",
                  "-ERR Client names cannot contain spaces, newlines or special characters.");
    REDIS_ANSWERS(client, "CLIENT GETNAME", "$2 me");
    REDIS_ANSWERS(client, "CLIENT SETNAME \"\"", "+OK");
    REDIS_ANSWERS(client, "CLIENT GETNAME", "$-1");
    REDIS_ANSWERS(client, "CLIENT SETINFO lib-name lib", "+OK");
    REDIS_ANSWERS(client, "CLIENT SETINFO LIB-VER 1.2", "+OK");
    REDIS_ANSWERS(client, "CLIENT SETINFO lib-foo x", "-ERR Unrecognized option 'lib-foo'");
    REDIS_ANSWERS(client, "CLIENT SETINFO lib-name \"a b\"",
                  "-ERR lib-name cannot contain spaces, newlines or special characters.");
    assert_non_null(strstr(redis_client_ask(client, "CLIENT INFO"), "lib-name=lib lib-ver=1.2"));
}

static void client_list_tells_of_all_workers_clients(void **state)
{
    struct fixture *fixture = *state;
    REDIS_ANSWERS(&fixture->client, "CLIENT SETNAME one", "+OK");
    REDIS_ANSWERS(&fixture->other, "CLIENT SETNAME two", "+OK");
    REDIS_ANSWERS(&fixture->other, "MULTI", "+OK");
    REDIS_ANSWERS(&fixture->other, "GET a", "+QUEUED");
    const char *list = redis_client_ask(&fixture->client, "CLIENT LIST");
    assert_non_null(strstr(list, " name=one "));
    assert_non_null(strstr(list, " name=two "));
    assert_non_null(strstr(list, " multi=1 "));
    assert_non_null(strstr(list, " cmd=client|list "));
    list = redis_client_ask(&fixture->client, "CLIENT LIST ID 2 9");
    assert_non_null(strstr(list, "id=2 "));
    assert_null(strstr(list, "id=1 "));
    REDIS_ANSWERS(&fixture->client, "CLIENT LIST TYPE replica", "$0 ");
    REDIS_ANSWERS(&fixture->client, "CLIENT LIST TYPE odd", "-ERR Unknown client type 'odd'");
    REDIS_ANSWERS(&fixture->client, "CLIENT LIST ID x", "-ERR Invalid client ID");
    REDIS_ANSWERS(&fixture->client, "CLIENT LIST odd", "-ERR syntax error");
}

static void client_kill_ends_others_and_oneself(void **state)
{
    struct fixture *fixture = *state;
    REDIS_ANSWERS(&fixture->client, "PING", "+PONG");
    REDIS_ANSWERS(&fixture->other, "CLIENT ID", ":2");
    REDIS_ANSWERS(&fixture->client, "CLIENT KILL ID 9", ":0");
    REDIS_ANSWERS(&fixture->client, "CLIENT KILL ID 0", "-ERR client-id should be greater than 0");
    REDIS_ANSWERS(&fixture->client, "CLIENT KILL ID 1", ":0"); /* itself: skipped */
    REDIS_ANSWERS(&fixture->client, "CLIENT KILL 1.2.3.4:5", "-ERR No such client");
    REDIS_ANSWERS(&fixture->client, "CLIENT KILL ID 2", ":1");
    assert_string_equal(redis_client_receive(&fixture->other), "");
    REDIS_ANSWERS(&fixture->client, "CLIENT KILL ID 1 SKIPME no", ":1");
    assert_string_equal(redis_client_receive(&fixture->client), "");
}

static void client_reply_says_what_is_wanted(void **state)
{
    struct redis_client *client = &((struct fixture *)*state)->client;
    redis_client_send(client, "CLIENT REPLY OFF\r\nPING\r\nPING\r\nCLIENT REPLY ON");
    assert_string_equal(redis_client_receive(client), "+OK");
    redis_client_send(client, "CLIENT REPLY SKIP\r\nPING one\r\nPING two");
    assert_string_equal(redis_client_receive(client), "$3 two");
    REDIS_ANSWERS(client, "CLIENT REPLY odd", "-ERR syntax error");
}

static void what_is_not_here_is_an_unknown_subcommand(void **state)
{
    struct redis_client *client = &((struct fixture *)*state)->client;
    REDIS_ANSWERS(client, "CLIENT TRACKING on",
                  "-ERR unknown subcommand 'TRACKING'. Try CLIENT HELP.");
    REDIS_ANSWERS(client, "CLIENT NO-EVICT on", "+OK");
    REDIS_ANSWERS(client, "CLIENT NO-TOUCH maybe", "-ERR syntax error");
    assert_memory_equal(redis_client_ask(client, "CLIENT HELP"), "*23 +CLIENT <subcommand> ", 25);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_client_is_greeted_as_redis_greets_it),
        TEST(hello_refuses_what_redis_refuses),
        TEST(auth_answers_as_without_a_password),
        TEST(names_are_set_and_refused),
        TEST(client_list_tells_of_all_workers_clients),
        TEST(client_kill_ends_others_and_oneself),
        TEST(client_reply_says_what_is_wanted),
        TEST(what_is_not_here_is_an_unknown_subcommand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
