/* Commands about the node: INFO, CONFIG, COMMAND and their like, over sockets. */
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

static void info_has_what_clients_look_for(void **state)
{
    struct redis_client *client = &((struct fixture *)*state)->client;
    const char *fields[] = {"# Server ",
                            "redis_version:7.0.15 ",
                            "redis_mode:standalone ",
                            "arch_bits:64 ",
                            "loading:0 ",
                            "role:master ",
                            "connected_slaves:0 ",
                            "cluster_enabled:0 ",
                            "used_memory:",
                            "tcp_port:",
                            "connected_clients:2 ",
                            "# Shoal ",
                            "shoal_version:"};
    REDIS_ANSWERS(&((struct fixture *)*state)->other, "PING", "+PONG");
    const char *info = redis_client_ask(client, "INFO");
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        if (strstr(info, fields[i]) == NULL) {
            fail_msg("no %s in %s", fields[i], info);
        }
    }
    REDIS_ANSWERS(client, "INFO cluster", "$30 # Cluster cluster_enabled:0 ");
    REDIS_ANSWERS(client, "INFO nonsense", "$0 ");
    info = redis_client_ask(client, "INFO CPU replication cpu");
    assert_non_null(strstr(info, "# Replication"));
    assert_non_null(strstr(info, "# CPU"));
    assert_null(strstr(info, "# Server"));
}

static void config_get_takes_patterns(void **state)
{
    struct redis_client *client = &((struct fixture *)*state)->client;
    REDIS_ANSWERS(client, "CONFIG GET maxclients", "*2 $10 maxclients $3 100");
    REDIS_ANSWERS(client, "CONFIG GET MAXMEM* databases maxmemory",
                  "*6 $9 databases $1 1 $9 maxmemory $1 0 $16 maxmemory-policy $10 "
                  "noeviction");
    REDIS_ANSWERS(client, "CONFIG GET nonsense", "*0");
    REDIS_ANSWERS(client, "CONFIG GET appendonly", "*2 $10 appendonly $2 no");
}

static void config_set_changes_what_can_change(void **state)
{
    struct redis_client *client = &((struct fixture *)*state)->client;
    REDIS_ANSWERS(client, "CONFIG SET maxclients 50 proto-max-bulk-len 1mb", "+OK");
    REDIS_ANSWERS(client, "CONFIG GET maxclients", "*2 $10 maxclients $2 50");
    REDIS_ANSWERS(client, "CONFIG GET proto-max-bulk-len", "*2 $18 proto-max-bulk-len $7 1048576");
    REDIS_ANSWERS(client, "CONFIG SET save \"\"", "+OK"); /* what it is */
    REDIS_ANSWERS(client, "CONFIG RESETSTAT", "+OK");
}

static void config_set_refuses_the_rest_and_then_changes_nothing(void **state)
{
    struct redis_client *client = &((struct fixture *)*state)->client;
    REDIS_ANSWERS(client, "CONFIG SET maxclients 50 nonsense 1",
                  "-ERR Unknown option or number of arguments for CONFIG SET - 'nonsense'");
    REDIS_ANSWERS(client, "CONFIG SET maxclients 50 databases 3",
                  "-ERR CONFIG SET failed (possibly related to argument 'databases') - can't set "
                  "immutable config");
    REDIS_ANSWERS(client, "CONFIG SET maxclients 50 MAXCLIENTS 60",
                  "-ERR CONFIG SET failed (possibly related to argument 'maxclients') - duplicate "
                  "parameter");
    REDIS_ANSWERS(client, "CONFIG SET maxclients many",
                  "-ERR CONFIG SET failed (possibly related to argument 'maxclients') - argument "
                  "couldn't be parsed into an integer");
    REDIS_ANSWERS(client, "CONFIG SET maxclients 50 save", "-ERR syntax error");
    assert_int_equal(redis_client_ask(client, "CONFIG SET maxmemory 1gb")[0], '-');
    assert_int_equal(redis_client_ask(client, "CONFIG SET proto-max-bulk-len 65mb")[0], '-');
    REDIS_ANSWERS(client, "CONFIG GET maxclients", "*2 $10 maxclients $3 100");
    REDIS_ANSWERS(client, "CONFIG REWRITE", "-ERR The server is running without a config file");
}

static void commands_are_described(void **state)
{
    struct redis_client *client = &((struct fixture *)*state)->client;
    REDIS_ANSWERS(client, "COMMAND INFO get nonsense",
                  "*2 *10 $3 get :2 *2 +readonly +fast :1 :1 :1 *3 +@read +@string +@fast *0 *1 "
                  "*6 $5 flags *2 +RO +access $12 begin_search *4 $4 type $5 index $4 spec *2 "
                  "$5 index :1 $9 find_keys *4 $4 type $5 range $4 spec *6 $7 lastkey :0 $7 "
                  "keystep :1 $5 limit :0 *0 $-1");
    assert_memory_equal(redis_client_ask(client, "COMMAND DOCS ping nonsense"),
                        "*2 $4 ping *10 $7 summary ", 26);
    REDIS_ANSWERS(client, "COMMAND LIST FILTERBY PATTERN config|*",
                  "*5 $10 config|get $11 config|help $16 config|resetstat $14 config|rewrite "
                  "$10 config|set");
    REDIS_ANSWERS(client, "COMMAND LIST FILTERBY MODULE m", "*0");
    REDIS_ANSWERS(client, "COMMAND LIST FILTERBY odd m", "-ERR syntax error");
    assert_int_equal(redis_client_ask(client, "COMMAND COUNT")[0], ':');
    assert_int_equal(redis_client_ask(client, "COMMAND")[0], '*');
}

static void keys_of_a_call_are_named(void **state)
{
    struct redis_client *client = &((struct fixture *)*state)->client;
    REDIS_ANSWERS(client, "COMMAND GETKEYS mset a 1 b 2", "*2 $1 a $1 b");
    REDIS_ANSWERS(client, "COMMAND GETKEYSANDFLAGS set k v", "*1 *2 $1 k *2 +OW +update");
    REDIS_ANSWERS(client, "COMMAND GETKEYSANDFLAGS set k v GET",
                  "*1 *2 $1 k *3 +RW +access +update");
    REDIS_ANSWERS(client, "COMMAND GETKEYS nonsense a", "-ERR Invalid command specified");
    REDIS_ANSWERS(client, "COMMAND GETKEYS ping a", "-ERR The command has no key arguments");
    REDIS_ANSWERS(client, "COMMAND GETKEYS get a b",
                  "-ERR Invalid number of arguments specified for command");
}

static void what_test_suites_send_is_answered(void **state)
{
    struct redis_client *client = &((struct fixture *)*state)->client;
    REDIS_ANSWERS(client, "FUNCTION FLUSH", "+OK");
    REDIS_ANSWERS(client, "FUNCTION FLUSH SYNC", "+OK");
    REDIS_ANSWERS(client, "FUNCTION FLUSH odd",
                  "-ERR FUNCTION FLUSH only supports SYNC|ASYNC option");
    REDIS_ANSWERS(client, "FUNCTION LOAD x", "-ERR unknown subcommand 'LOAD'. Try FUNCTION HELP.");
    REDIS_ANSWERS(client, "WAIT 1 0", ":0");
    REDIS_ANSWERS(client, "WAIT 1 -1", "-ERR timeout is negative");
    REDIS_ANSWERS(client, "ROLE", "*3 $6 master :0 *0");
    REDIS_ANSWERS(client, "SLOWLOG LEN", ":0");
    REDIS_ANSWERS(client, "SLOWLOG GET -2", "-ERR count should be greater than or equal to -1");
    REDIS_ANSWERS(client, "MEMORY USAGE none", "$-1");
    REDIS_ANSWERS(client, "SET key value", "+OK");
    assert_int_equal(redis_client_ask(client, "MEMORY USAGE key")[0], ':');
    assert_memory_equal(redis_client_ask(client, "DEBUG SLEEP 1"), "-ERR DEBUG command not allowed",
                        30);
    assert_memory_equal(redis_client_ask(client, "TIME"), "*2 $10 ", 7);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(info_has_what_clients_look_for),
        TEST(config_get_takes_patterns),
        TEST(config_set_changes_what_can_change),
        TEST(config_set_refuses_the_rest_and_then_changes_nothing),
        TEST(commands_are_described),
        TEST(keys_of_a_call_are_named),
        TEST(what_test_suites_send_is_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
