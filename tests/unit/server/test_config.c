/* server/config: what is taken, what is refused, and with which words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/config.h"
#include "shoal/error.h"

static char path[64];
static struct buffer problems;
static struct config config;
static const char *no_environment[] = {NULL};

static int set_up(void **state)
{
    (void)state;
    strcpy(path, "/tmp/shoal-config-XXXXXX");
    int fd = mkstemp(path);
    buffer_init(&problems, 0);
    return fd < 0 ? -1 : close(fd);
}

static int tear_down(void **state)
{
    (void)state;
    buffer_deinit(&problems);
    return unlink(path);
}

static int load(const char *text, const char *const *environment)
{
    FILE *file = fopen(path, "w");
    fputs(text, file);
    fclose(file);
    buffer_clear(&problems);
    int code = config_load(path, environment, &config, &problems);
    assert_int_equal(buffer_append_u8(&problems, 0), 0);
    return code;
}

static const char *said(void)
{
    return (const char *)problems.data;
}

static void expect_said(const char *part)
{
    if (strstr(said(), part) == NULL) {
        fail_msg("\"%s\" is not in:\n%s", part, said());
    }
}

/* ---- refused --------------------------------------------------------------------------------- */

/* In a file that is otherwise that of a node alone. */
#define ALONE "\"quorum\": {\"n\": 1}"

static void bad_configurations_are_refused_with_key_value_line_and_what_would_be_right(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *said;
    } cases[] = {
        /* Not JSON at all. */
        {"", ":1: not JSON"},
        {"{\n\"node\": {\n", "not JSON"},
        {"{" ALONE ", }", "not JSON"},
        {"[]", "expected is an object"},
        {"{\"workers\": 1,\n\"workers\": 2}", ":2: not JSON: duplicate object key"},
        {"{\"quorum\": {\"n\": 1}} trailing", "not JSON"},
        /* Unknown keys. */
        {"{\n\"nodes\": {}}", ":2: unknown key \"nodes\": did you mean \"node\"?"},
        {"{\"node\": {\n\"nmae\": \"x\"}}",
         ":2: unknown key \"node.nmae\": did you mean \"node.name\"?"},
        {"{\"heartbeat\": {\"interval\": 5}}", "did you mean \"heartbeat.interval_ms\"?"},
        {"{\"node\": {\"engine\": 1}}", "\"engine\" belongs in \"storage\""},
        {"{\"node\": {\"workers\": 1}}", "\"workers\" belongs at the top level"},
        {"{\"client_port\": 1}", "\"client_port\" belongs in \"listen\""},
        {"{\"zzzzzzzzzz\": 1}", "unknown key \"zzzzzzzzzz\""},
        {"{\"node\": {\"\": 1}}", "unknown key \"node.\""},
        /* Types. */
        {"{\"node\": 5}", "\"node\" is a section: expected is an object"},
        {"{\"node\":\n{\"name\": 5}}", ":2: node.name is 5: expected is a name"},
        {"{\"workers\": \"two\"}", "workers is \"two\": expected is a whole number"},
        {"{\"workers\": 1.5}", "workers is 1.5"},
        {"{\"workers\": true}", "workers is true"},
        {"{\"quorum\": {\"sloppy\": 1}}", "quorum.sloppy is 1: expected is true or false"},
        {"{\"cluster\": {\"seeds\": \"a:1\"}}", "cluster.seeds is \"a:1\": expected is a list"},
        {"{\"cluster\": {\"seeds\": [1]}}", "cluster.seeds is [1]"},
        {"{\"cluster\": {\"seeds\": [\"a\"]}}", "HOST:PEER_PORT"},
        {"{\"cluster\": {\"seeds\": [\"a:0\"]}}", "cluster.seeds is [\"a:0\"]"},
        {"{\"log\": {\"level\": \"loud\"}}",
         "log.level is \"loud\": expected is \"debug\", \"info\""},
        {"{\"log\": {\"format\": null}}", "log.format is null"},
        {"{\"heartbeat\": {\"interval_ms\": \"5 parsecs\"}}", "interval_ms is \"5 parsecs\""},
        {"{\"node\": {\"name\": \"a\\u0000b\"}}", "not JSON"},
        /* Ranges. */
        {"{\"node\": {\"name\": \"\"}}", "node.name is \"\""},
        {"{\"node\": {\"name\": \"a\\nb\"}}", "without control characters"},
        {"{\"node\": {\"weight\": 0}}", "node.weight is 0: expected is a whole number from 1"},
        {"{\"node\": {\"weight\": -1}}", "node.weight is -1"},
        {"{\"node\": {\"weight\": 1001}}", "node.weight is 1001"},
        {"{\"listen\": {\"client_port\": 65536}}", "listen.client_port is 65536"},
        {"{\"listen\": {\"client_port\": -1}}", "listen.client_port is -1"},
        {"{\"cluster\": {\"partitions\": 100}}",
         "cluster.partitions is 100: expected is a power of two"},
        {"{\"cluster\": {\"partitions\": 131072}}", "cluster.partitions is 131072"},
        {"{\"quorum\": {\"n\": 9}}", "quorum.n is 9: expected is a whole number from 1 to 8"},
        {"{\"heartbeat\": {\"phi_threshold\": 0.5}}", "phi_threshold is 0.5"},
        {"{\"heartbeat\": {\"interval_ms\": 10}}", "expected is a duration from 50ms"},
        {"{\"heartbeat\": {\"interval_ms\": \"2h\"}}", "interval_ms is \"2h\""},
        {"{\"heartbeat\": {\"interval_ms\": 9223372036854775807}}", "interval_ms is 922337203"},
        {"{\"limits\": {\"key_bytes\": 300000}}", "limits.key_bytes is 300000"},
        {"{\"limits\": {\"value_bytes\": 0}}", "limits.value_bytes is 0"},
        {"{\"workers\": 257}", "workers is 257"},
        /* Storage. */
        {"{" ALONE ", \"storage\": {\"engine\": \"rocks\"}}",
         "storage.engine is \"rocks\": expected is \"log\", \"lsm\" or \"memory\""},
        {"{" ALONE ", \"storage\": {\"durability\": \"always\"}}",
         "storage.durability is \"always\": expected is \"sync\""},
        {"{" ALONE ", \"storage\": {\"compression\": \"zip\"}}", "expected is \"lz4\" or \"none\""},
        {"{" ALONE ", \"storage\": {\"scrub_days\": 366}}", "storage.scrub_days is 366"},
        {"{" ALONE ", \"storage\": {\"durability\": \"interval\", \"interval_ms\": \"2m\"}}",
         "expected is a duration from 1ms to 60s"},
        /* At odds with each other. */
        {"{\"quorum\": {\"n\": 3,\n\"r\": 4}, \"listen\": {\"peer_port\": 1}}",
         ":2: quorum.r is 4, more than quorum.n = 3"},
        {"{\"quorum\": {\"n\": 1, \"w\": 2}}", "quorum.w is 2, more than quorum.n = 1"},
        {"{}", "listen.peer_port is missing: quorum.n = 3 needs other nodes"},
        {"{" ALONE ", \"cluster\": {\"seeds\": [\"a:1\"]}}", "cluster.seeds are other nodes"},
        {"{" ALONE ", \"listen\": {\"client_port\": null}}", "client_port is null"},
        {"{" ALONE ",\n\"listen\": {\"client_port\": 5, \"http_port\": 5}}",
         ":2: listen.http_port is 5, the same as listen.client_port"},
        {"{" ALONE ", \"listen\": {\"host\": \"0.0.0.0\"}}", "set cluster.secret_file"},
        {"{" ALONE ", \"listen\": {\"host\": \"10.1.1.1\"}}", "listen.host is \"10.1.1.1\""},
        {"{\"listen\": {\"host\": \"0.0.0.0\", \"peer_port\": 1},"
         "\"cluster\": {\"secret_file\": \"s\"}}",
         "advertise.host is missing"},
        /* Hosts, and how others reach them. */
        {"{" ALONE ", \"listen\": {\"host\": \"[::1]\"}}",
         "listen.host is \"[::1]\": expected is a name or an address alone"},
        {"{" ALONE ", \"advertise\": {\"host\": \"db:3001\"}}", "advertise.host is \"db:3001\""},
        {"{" ALONE ", \"advertise\": {\"host\": \"0.0.0.0\"}}",
         "advertise.host is every address of this machine"},
        {"{" ALONE ", \"advertise\": {\"host\": \"::\"}}", "advertise.host is every address"},
        {"{" ALONE ", \"advertise\": {\"client_port\": 0}}",
         "advertise.client_port is 0: expected is a port from 1 to 65535"},
        {"{" ALONE ", \"advertise\": {\"client_port\": 65536}}", "advertise.client_port is 65536"},
        {"{" ALONE ", \"advertise\": {\"client_prot\": 1}}",
         "did you mean \"advertise.client_port\"?"},
        {"{" ALONE ",\n\"advertise\": {\"peer_port\": 7}}",
         ":2: advertise.peer_port is 7, but there is no listen.peer_port"},
        {"{" ALONE ", \"advertise\": {\"redis_port\": 7}}", "there is no listen.redis_port"},
        {"{" ALONE ", \"advertise\": {\"http_port\": 7}}", "there is no listen.http_port"},
        {"{\"listen\": {\"host\": \"::\", \"peer_port\": 1},"
         "\"cluster\": {\"secret_file\": \"s\"}}",
         "advertise.host is missing"},
        {"{" ALONE ", \"listen\": {\"host\": \"::\"}}", "set cluster.secret_file"},
        {"{" ALONE ", \"listen\": {\"host\": \"fe80::1\"}}", "set cluster.secret_file"},
        {"{" ALONE ", \"cluster\": {\"resolver\": \"dns.example\"}}",
         "cluster.resolver is \"dns.example\": expected is the address of a name server"},
        {"{" ALONE ", \"cluster\": {\"resolver\": \"10.0.0.1:0\"}}", "cluster.resolver is"},
        {"{" ALONE ", \"cluster\": {\"resolvers\": \"\"}}", "did you mean \"cluster.resolver\"?"},
        {"{" ALONE ", \"tracing\": {\"endpoint\": \"https://a/v1/traces\"}}",
         "tracing.endpoint is \"https://a/v1/traces\": expected is http://HOST[:PORT][/PATH]"},
        {"{" ALONE ", \"tracing\": {\"sample\": 1.5}}", "a share of the requests, from 0 to 1"},
        {"{" ALONE ", \"tracing\": {\"sampel\": 1}}", "did you mean \"tracing.sample\"?"},
        {"{" ALONE ", \"log\": {\"slow_ms\": \"2h\"}}", "a duration up to 1h"},
        {"{\"cluster\": {\"seeds\": [\"::1:4001\"]}}", "[v6]:PEER_PORT"},
        {"{" ALONE ", \"http\": {\"cors\": \"*\"}}", "http.cors is"},
        {"{" ALONE ", \"http\": {\"cors\": [\"app.example\"]}}", "a list of origins such as"},
        {"{" ALONE ", \"http\": {\"cors\": [\"https://app.example/\"]}}", "a list of origins"},
        {"{" ALONE ", \"http\": {\"cors\": [\"https://a b\"]}}", "a list of origins"},
        {"{" ALONE ", \"http\": {\"cors\": [\"*\", \"https://a\"]}}", "a list of origins"},
        {"{" ALONE ", \"http\": {\"cors\": [\"https://a\", \"*\"]}}", "a list of origins"},
        {"{" ALONE ", \"http\": {\"body_mb\": 0}}", "megabytes from 1 to 256"},
        {"{" ALONE ", \"http\": {\"idel_ms\": 5}}", "did you mean \"http.idle_ms\"?"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (load(cases[i].text, no_environment) != SHOAL_EINVAL) {
            fail_msg("taken: %s", cases[i].text);
        }
        expect_said(cases[i].said);
        expect_said(path);
    }
}

static void all_problems_are_told_at_once(void **state)
{
    (void)state;
    assert_int_equal(
        load("{\"workers\": -1,\n\"nod\": {},\n\"log\": {\"level\": 1}}", no_environment),
        SHOAL_EINVAL);
    expect_said(":1: workers is -1");
    expect_said(":2: unknown key \"nod\"");
    expect_said(":3: log.level is 1");
}

static void a_file_that_is_not_there_is_named(void **state)
{
    (void)state;
    buffer_clear(&problems);
    assert_int_equal(config_load("/nonexistent.json", no_environment, &config, &problems),
                     SHOAL_EINVAL);
    assert_int_equal(buffer_append_u8(&problems, 0), 0);
    expect_said("/nonexistent.json: can't be opened: No such file");
    buffer_clear(&problems);
    assert_int_equal(config_load("/", no_environment, &config, &problems), SHOAL_EINVAL);
}

/* ---- taken ----------------------------------------------------------------------------------- */

static void silence_means_the_defaults(void **state)
{
    (void)state;
    assert_int_equal(load("{" ALONE "}", no_environment), 0);
    assert_string_equal(config.listen_host, "127.0.0.1");
    assert_string_equal(config.advertise_host, "127.0.0.1");
    assert_int_equal(config.client_port, 3001);
    assert_int_equal(config.peer_port, CONFIG_PORT_NONE);
    assert_int_equal(config.r, 1);
    assert_int_equal(config.w, 1);
    assert_int_equal(config.key_bytes, 65536);
    assert_int_equal(config.value_bytes, 16 * 1024 * 1024);
    assert_int_equal(config.hints_mb, 1024);
    assert_int_equal(config.feed_tail_mb, 64);
    assert_int_equal(config.transfers, 8);
    assert_int_equal(config.partitions, 256);
    assert_int_equal(config.engine, ENGINE_LOG);
    assert_int_equal(config.durability, DURABILITY_SYNC);
    assert_int_equal(config.compression, COMPRESSION_LZ4);
    assert_int_equal(config.scrub_days, 7);
    assert_int_equal(config.slow_us, 1000000);
    assert_string_equal(config.trace_endpoint, "");
    assert_true(config.trace_sample == 0.01);
    assert_true(strlen(config.node_name) > 0);
    assert_int_equal(
        load("{\"quorum\": {\"n\": 5}, \"listen\": {\"peer_port\": 4001}}", no_environment), 0);
    assert_int_equal(config.r, 3);
    assert_int_equal(config.w, 3);
}

static void values_are_taken(void **state)
{
    (void)state;
    assert_int_equal(
        load("{\"node\": {\"name\": \"n\", \"zone\": \"z\", \"weight\": 7},"
             "\"listen\": {\"host\": \"::1\", \"client_port\": 0, \"peer_port\": 4,"
             "\"redis_port\": null},"
             "\"advertise\": {\"host\": \"db\"}, \"data_dir\": \"d\","
             "\"cluster\": {\"name\": \"c\", \"partitions\": 64,"
             "\"seeds\": [\"a:1\", \"[::1]:2\"]},"
             "\"quorum\": {\"n\": 3, \"r\": 1, \"w\": 3, \"sloppy\": false},"
             "\"heartbeat\": {\"interval_ms\": \"1s\", \"fanout\": 3, \"phi_threshold\": 5},"
             "\"storage\": {\"durability\": \"interval\", \"interval_ms\": 250,"
             "\"compression\": \"none\", \"scrub_days\": 0},"
             "\"workers\": 2, \"limits\": {\"memory_mb\": 512, \"hints_mb\": 7, \"transfers\": 3, "
             "\"request_timeout_ms\": 250},"
             "\"feed\": {\"tail_mb\": 9},"
             "\"http\": {\"cors\": [\"https://app.example\", \"http://[::1]:8080\"],"
             "\"body_mb\": 3, \"head_kb\": 9, \"idle_ms\": \"5m\", \"request_ms\": 500},"
             "\"log\": {\"level\": \"debug\", \"format\": \"json\", \"slow_ms\": 0},"
             "\"tracing\": {\"endpoint\": \"http://[::1]:4318\", \"sample\": 1}}",
             no_environment),
        0);
    assert_string_equal(config.node_zone, "z");
    assert_int_equal(config.feed_tail_mb, 9);
    assert_string_equal(config.http_cors, "https://app.example,http://[::1]:8080");
    assert_int_equal(config.http_body_mb, 3);
    assert_int_equal(config.http_head_kb, 9);
    assert_int_equal(config.http_idle_us, 300000000);
    assert_int_equal(config.http_request_us, 500000);
    assert_int_equal(config.node_weight, 7);
    assert_int_equal(config.client_port, 0);
    assert_int_equal(config.redis_port, CONFIG_PORT_NONE);
    assert_string_equal(config.advertise_host, "db");
    assert_int_equal(config.seeds.count, 2);
    assert_string_equal(config.seeds.items[1].host, "::1");
    assert_int_equal(config.seeds.items[1].port, 2);
    assert_false(config.sloppy);
    assert_int_equal(config.heartbeat_interval_us, 1000000);
    assert_int_equal(config.request_timeout_us, 250000);
    assert_int_equal(config.hints_mb, 7);
    assert_int_equal(config.transfers, 3);
    assert_int_equal(config.durability, DURABILITY_INTERVAL);
    assert_int_equal(config.durability_interval_us, 250000);
    assert_int_equal(config.compression, COMPRESSION_NONE);
    assert_int_equal(config.scrub_days, 0);
    assert_int_equal(config.log_level, LOG_DEBUG);
    assert_int_equal(config.log_format, LOG_FORMAT_JSON);
    assert_int_equal(config.slow_us, 0);
    assert_string_equal(config.trace_endpoint, "http://[::1]:4318");
    assert_true(config.trace_sample == 1);
}

static void what_others_are_told_may_differ_from_what_is_listened_on(void **state)
{
    (void)state;
    assert_int_equal(
        load("{\"listen\": {\"host\": \"::\", \"peer_port\": 4001, \"redis_port\": 5, "
             "\"http_port\": 6},"
             "\"advertise\": {\"host\": \"2001:db8::7\", \"client_port\": 13001, \"peer_port\": "
             "14001, \"redis_port\": 15, \"http_port\": null},"
             "\"cluster\": {\"secret_file\": \"s\", \"resolver\": \"[fd00::2]:53\"}}",
             no_environment),
        0);
    assert_string_equal(config.advertise_host, "2001:db8::7");
    assert_int_equal(config.advertise_client_port, 13001);
    assert_int_equal(config.advertise_peer_port, 14001);
    assert_int_equal(config.advertise_redis_port, 15);
    assert_int_equal(config.advertise_http_port, CONFIG_PORT_NONE);
    assert_string_equal(config.resolver, "[fd00::2]:53");
    const char *environment[] = {"SHOAL_ADVERTISE_CLIENT_PORT=13002", "SHOAL_ADVERTISE_HOST=db",
                                 "SHOAL_CLUSTER_RESOLVER=10.0.0.2", NULL};
    assert_int_equal(load("{" ALONE ", \"advertise\": {\"client_port\": 1}}", environment), 0);
    assert_int_equal(config.advertise_client_port, 13002);
    assert_string_equal(config.advertise_host, "db");
    assert_string_equal(config.resolver, "10.0.0.2");
}

static void loopback_needs_no_secret(void **state)
{
    (void)state;
    static const char *const hosts[] = {"127.0.0.1", "127.1.2.3", "::1", "localhost",
                                        "::ffff:127.0.0.1"};
    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
        char text[128];
        snprintf(text, sizeof(text), "{" ALONE ", \"listen\": {\"host\": \"%s\"}}", hosts[i]);
        assert_int_equal(load(text, no_environment), 0);
        assert_string_equal(config.advertise_host, hosts[i]);
    }
}

static void another_engine_needs_no_other_change(void **state)
{
    (void)state;
    const char *environment[] = {"SHOAL_STORAGE_ENGINE=memory", NULL};
    assert_int_equal(load("{" ALONE ", \"storage\": {\"engine\": \"log\", \"durability\": \"sync\","
                          "\"interval_ms\": 5, \"compression\": \"lz4\", \"scrub_days\": 3}}",
                          environment),
                     0);
    assert_int_equal(config.engine, ENGINE_MEMORY);
}

static void the_shipped_files_are_valid(void **state)
{
    (void)state;
    static const char *const names[] = {"standalone", "cluster_node_1", "cluster_node_2",
                                        "cluster_node_3"};
    const char *folder = getenv("CONF");
    assert_non_null(folder);
    for (size_t i = 0; i < 4; i++) {
        char file[512];
        snprintf(file, sizeof(file), "%s/%s.json", folder, names[i]);
        assert_int_equal(config_load(file, no_environment, &config, &problems), 0);
        assert_int_equal(config.engine, ENGINE_LOG);
        assert_int_equal(config.durability, DURABILITY_SYNC);
        if (i > 0) {
            assert_int_equal(config.client_port, 3000 + (int)i);
            assert_int_equal(config.peer_port, 4000 + (int)i);
            assert_int_equal(config.redis_port, 6300 + (int)i);
            assert_int_equal(config.http_port, 8000 + (int)i);
        }
    }
}

/* ---- the environment ------------------------------------------------------------------------- */

static void the_environment_goes_before_the_file(void **state)
{
    (void)state;
    const char *environment[] = {"SHOAL_NODE_NAME=from-env",
                                 "SHOAL_QUORUM_N=3",
                                 "SHOAL_LISTEN_PEER_PORT=4001",
                                 "SHOAL_LISTEN_HTTP_PORT=",
                                 "SHOAL_CLUSTER_SEEDS=a:1,b:2",
                                 "SHOAL_WORKERS=3",
                                 "SHOAL_HEARTBEAT_INTERVAL_MS=2s",
                                 "SHOAL_QUORUM_SLOPPY=false",
                                 "SHOAL_HOSTS=127.0.0.1",
                                 "PATH=/bin",
                                 NULL};
    assert_int_equal(load("{\"node\": {\"name\": \"from-file\"}, \"quorum\": {\"n\": 1},"
                          "\"listen\": {\"http_port\": 8001}}",
                          environment),
                     0);
    assert_string_equal(config.node_name, "from-env");
    assert_int_equal(config.n, 3);
    assert_int_equal(config.w, 2);
    assert_int_equal(config.http_port, CONFIG_PORT_NONE);
    assert_int_equal(config.seeds.count, 2);
    assert_int_equal(config.workers, 3);
    assert_int_equal(config.heartbeat_interval_us, 2000000);
    assert_false(config.sloppy);
}

static void general_variables_count_where_the_file_is_silent(void **state)
{
    (void)state;
    const char *environment[] = {"HOSTNAME=machine", "PORT_HTTP=8080", "PORT_TCP=6379",
                                 "ENV=production", NULL};
    assert_int_equal(load("{" ALONE "}", environment), 0);
    assert_string_equal(config.node_name, "machine");
    assert_int_equal(config.http_port, 8080);
    assert_int_equal(config.redis_port, 6379);
    assert_int_equal(config.log_format, LOG_FORMAT_JSON);
    assert_int_equal(load("{" ALONE ", \"node\": {\"name\": \"own\"},"
                          "\"listen\": {\"http_port\": null, \"redis_port\": 1},"
                          "\"log\": {\"format\": \"text\"}}",
                          environment),
                     0);
    assert_string_equal(config.node_name, "own");
    assert_int_equal(config.http_port, CONFIG_PORT_NONE);
    assert_int_equal(config.redis_port, 1);
    assert_int_equal(config.log_format, LOG_FORMAT_TEXT);
}

static void bad_variables_are_refused_by_name(void **state)
{
    (void)state;
    static const struct {
        const char *variable;
        const char *said;
    } cases[] = {
        {"SHOAL_QUORUM_R=many", "SHOAL_QUORUM_R is \"many\" for quorum.r: expected is"},
        {"SHOAL_QUORUM_R=2", "SHOAL_QUORUM_R: quorum.r is 2, more than quorum.n = 1"},
        {"SHOAL_LISTEN_CLENT_PORT=1", "did you mean SHOAL_LISTEN_CLIENT_PORT?"},
        {"SHOAL_WORKRES=2", "unknown variable SHOAL_WORKRES: did you mean SHOAL_WORKERS?"},
        {"SHOAL_NODE_COLOUR=red", "unknown variable SHOAL_NODE_COLOUR"},
        {"SHOAL_CLUSTER_SEEDS=a:1,,b:2", "SHOAL_CLUSTER_SEEDS"},
        {"SHOAL_QUORUM_SLOPPY=maybe", "SHOAL_QUORUM_SLOPPY is \"maybe\""},
        {"SHOAL_HEARTBEAT_PHI_THRESHOLD=8x", "PHI_THRESHOLD"},
        {"SHOAL_STORAGE_ENGINE=rocks", "SHOAL_STORAGE_ENGINE is \"rocks\" for storage.engine"},
        {"PORT_TCP=abc", "PORT_TCP is \"abc\" for listen.redis_port"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *environment[] = {cases[i].variable, NULL};
        if (load("{" ALONE "}", environment) != SHOAL_EINVAL) {
            fail_msg("taken: %s", cases[i].variable);
        }
        expect_said(cases[i].said);
    }
}

static void a_variable_is_named_once_and_no_file_with_it(void **state)
{
    (void)state;
    const char *environment[] = {"SHOAL_WORKERS=two", NULL};
    assert_int_equal(load("{" ALONE "}", environment), SHOAL_EINVAL);
    assert_memory_equal(problems.data, "SHOAL_WORKERS is \"two\"", 22);
}

static void variables_that_others_set_are_passed_over(void **state)
{
    (void)state;
    const char *environment[] = {
        "SHOAL_SERVICE_HOST=10.0.0.1",        "SHOAL_SERVICE_PORT=3001",
        "SHOAL_PORT=tcp://10.0.0.1:3001",     "SHOAL_PORT_3001_TCP=tcp://10.0.0.1:3001",
        "SHOAL_PORT_3001_TCP_ADDR=10.0.0.1",  "SHOAL_NODE_SERVICE_HOST=10.0.0.2",
        "SHOAL_SERVER=/usr/bin/shoal-server", NULL};
    assert_int_equal(load("{" ALONE "}", environment), 0);
}

static void what_needs_a_restart_is_named(void **state)
{
    (void)state;
    struct config other;
    struct buffer names;
    buffer_init(&names, 0);
    assert_int_equal(load("{" ALONE "}", no_environment), 0);
    other = config;
    other.log_level = LOG_DEBUG;
    other.connections = 5;
    other.slow_us = 7;
    assert_int_equal(config_fixed_differences(&config, &other, &names), 0);
    assert_int_equal(names.len, 0);
    other.http_body_mb = 5;
    other.workers = 3;
    other.n = 2;
    assert_int_equal(config_fixed_differences(&config, &other, &names), 0);
    assert_true(bytes_equal(buffer_bytes(&names), bytes_from_string("quorum.n, workers")));
    buffer_deinit(&names);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(bad_configurations_are_refused_with_key_value_line_and_what_would_be_right),
        TEST(all_problems_are_told_at_once),
        TEST(a_file_that_is_not_there_is_named),
        TEST(silence_means_the_defaults),
        TEST(values_are_taken),
        TEST(what_others_are_told_may_differ_from_what_is_listened_on),
        TEST(loopback_needs_no_secret),
        TEST(another_engine_needs_no_other_change),
        TEST(the_shipped_files_are_valid),
        TEST(the_environment_goes_before_the_file),
        TEST(general_variables_count_where_the_file_is_silent),
        TEST(a_variable_is_named_once_and_no_file_with_it),
        TEST(bad_variables_are_refused_by_name),
        TEST(variables_that_others_set_are_passed_over),
        TEST(what_needs_a_restart_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
