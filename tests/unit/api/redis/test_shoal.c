/* api/redis/shoal: quorums of a connection, siblings and contexts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "support/fake_node.h"
#include "support/fake_unit.h"
#include "support/redis_client.h"

struct fixture {
    struct fake_node node;
    struct redis_client client;
};

static struct fixture fixture;
static struct redis_client *const client = &fixture.client;

static int set_up(void **state)
{
    (void)state;
    fake_units_set_alone(false);
    fake_node_start(&fixture.node, 1, 1, "c");
    redis_client_open(&fixture.client, fixture.node.redis_port);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    redis_client_close(&fixture.client);
    fake_node_stop_now(&fixture.node);
    fake_units_set_alone(true);
    return 0;
}

#define NO_QUORUM "-ERR a quorum is a number from 1 to 8, or one, quorum, all or default"

static void a_connection_has_its_quorums(void **state)
{
    (void)state;
    REDIS_ANSWERS(client, "SHOAL.QUORUM", "*2 $7 default $7 default");
    REDIS_ANSWERS(client, "SHOAL.QUORUM 1 ALL", "+OK");
    REDIS_ANSWERS(client, "SHOAL.QUORUM", "*2 $1 1 $3 all");
    REDIS_ANSWERS(client, "SHOAL.QUORUM quorum one", "+OK");
    REDIS_ANSWERS(client, "SHOAL.QUORUM", "*2 $6 quorum $1 1");
    REDIS_ANSWERS(client, "SHOAL.QUORUM default 3", "+OK");
    REDIS_ANSWERS(client, "SHOAL.QUORUM", "*2 $7 default $1 3");
}

static void a_bad_quorum_changes_nothing(void **state)
{
    (void)state;
    REDIS_ANSWERS(client, "SHOAL.QUORUM 2 2", "+OK");
    REDIS_ANSWERS(client, "SHOAL.QUORUM 1 0", NO_QUORUM);
    REDIS_ANSWERS(client, "SHOAL.QUORUM 9 1", NO_QUORUM);
    REDIS_ANSWERS(client, "SHOAL.QUORUM -1 1", NO_QUORUM);
    REDIS_ANSWERS(client, "SHOAL.QUORUM most 1", NO_QUORUM);
    REDIS_ANSWERS(client, "SHOAL.QUORUM 1",
                  "-ERR wrong number of arguments for 'shoal.quorum' command");
    REDIS_ANSWERS(client, "SHOAL.QUORUM", "*2 $1 2 $1 2");
}

static void all_siblings_come_with_their_context(void **state)
{
    (void)state;
    REDIS_ANSWERS(client, "SHOAL.GET many:a", "*-1");
    REDIS_ANSWERS(client, "SHOAL.GET gone:a", "*1 $7 context");
    REDIS_ANSWERS(client, "SET many:a 1", "+OK");
    REDIS_ANSWERS(client, "SHOAL.GET many:a", "*3 $7 context $1 1 $6 second");
    REDIS_ANSWERS(client, "GET many:a", "$1 1");
}

static void a_context_resolves(void **state)
{
    (void)state;
    REDIS_ANSWERS(client, "SHOAL.PUT a new context", "+OK");
    REDIS_ANSWERS(client, "GET a", "$3 new");
    REDIS_ANSWERS(client, "SHOAL.PUT a newer \"\" EX 100", "+OK");
    REDIS_ANSWERS(client, "TTL a", ":100");
    REDIS_ANSWERS(client, "SHOAL.DEL a context", "+OK");
    REDIS_ANSWERS(client, "GET a", "$-1");
}

static void mistakes_are_named(void **state)
{
    (void)state;
    REDIS_ANSWERS(client, "SHOAL.PUT a 1 context EX", "-ERR syntax error");
    REDIS_ANSWERS(client, "SHOAL.PUT a 1 context IN 5", "-ERR syntax error");
    REDIS_ANSWERS(client, "SHOAL.PUT a 1 context EX 0",
                  "-ERR invalid expire time in 'shoal.put' command");
    REDIS_ANSWERS(client, "SHOAL.PUT a 1 context PX x",
                  "-ERR value is not an integer or out of range");
    REDIS_ANSWERS(client, "SHOAL.PUT a 1",
                  "-ERR wrong number of arguments for 'shoal.put' command");
    assert_non_null(strstr(redis_client_ask(client, "SHOAL.DEL unknown:a c"), "unknown"));
    assert_non_null(strstr(redis_client_ask(client, "SHOAL.GET weak:a"), "1 of 2 owners"));
}

#define SHOAL_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SHOAL_TEST(a_connection_has_its_quorums),
        SHOAL_TEST(a_bad_quorum_changes_nothing),
        SHOAL_TEST(all_siblings_come_with_their_context),
        SHOAL_TEST(a_context_resolves),
        SHOAL_TEST(mistakes_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
