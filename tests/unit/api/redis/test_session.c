/* A connection's commands over real sockets: their order, what ends it, and what bounds it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "support/fake_node.h"
#include "support/fake_unit.h"
#include "support/redis_client.h"

#define FLOOD_BYTES (32u << 20) /* more than waits to be read at once, by far */
#define FLOOD_ONE_BYTES (256u << 10)

struct fixture {
    struct fake_node node;
    struct redis_client client, other;
};

static int set_up(void **state)
{
    static struct fixture fixture;
    fake_units_clear();
    fake_node_start(&fixture.node, 1, 1, "c");
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
    fake_units_set_alone(true);
    return 0;
}

static struct redis_client *client_of(void **state)
{
    return &((struct fixture *)*state)->client;
}

static void expect(struct redis_client *client, const char *reply)
{
    assert_string_equal(redis_client_receive(client), reply);
}

/* ---- order ----------------------------------------------------------------------------------- */

static void a_pipeline_is_answered_in_order(void **state)
{
    struct redis_client *client = client_of(state);
    redis_client_send(client, "SET a 1\r\nGET a\r\nPING\r\nNONSENSE\r\nINCR a\r\nMGET a b");
    expect(client, "+OK");
    expect(client, "$1 1");
    expect(client, "+PONG");
    expect(client, "-ERR unknown command 'NONSENSE', with args beginning with: ");
    expect(client, ":2");
    expect(client, "*2 $1 2 $-1");
}

static void what_is_done_later_keeps_its_place(void **state)
{
    struct redis_client *client = client_of(state);
    redis_client_send(client, "SET later:a 1\r\nGET b\r\nINCR later:a\r\nPING\r\nGET later:a");
    expect(client, "+OK");
    expect(client, "$-1");
    expect(client, ":2");
    expect(client, "+PONG");
    expect(client, "$1 2");
}

static void replies_wait_for_the_ones_before(void **state)
{
    struct fixture *fixture = *state;
    struct redis_client *client = &fixture->client;
    fake_units_set_alone(false);
    redis_client_send(client, "GET hold:a\r\nPING\r\nECHO x");
    assert_true(fake_worker_wait(fixture->node.workers[0], FAKE_SUBMITTED, 1, NULL));
    char byte;
    assert_int_equal(recv(client->fd, &byte, 1, MSG_DONTWAIT), -1);
    redis_client_ask(&fixture->other, "GET release");
    redis_client_receive(client);
    expect(client, "+PONG");
    expect(client, "$1 x");
}

static void a_command_waits_for_the_one_that_writes_its_key(void **state)
{
    struct fixture *fixture = *state;
    struct redis_client *client = &fixture->client;
    fake_units_set_alone(false);
    redis_client_send(client, "SET hold:a 1\r\nGET hold:a\r\nGET b");
    assert_true(fake_worker_wait(fixture->node.workers[0], FAKE_SUBMITTED, 1, NULL));
    REDIS_ANSWERS(&fixture->other, "PING", "+PONG");
    assert_int_equal(fake_worker_count(fixture->node.workers[0], FAKE_SUBMITTED), 1);
    redis_client_ask(&fixture->other, "GET release");
    expect(client, "+OK");
    assert_true(fake_worker_wait(fixture->node.workers[0], FAKE_SUBMITTED, 4, NULL));
    redis_client_ask(&fixture->other, "GET release");
    redis_client_receive(client);
    redis_client_receive(client);
}

static void the_version_is_that_of_the_moment(void **state)
{
    struct redis_client *client = client_of(state);
    redis_client_send(client, "GET none\r\nHELLO 3\r\nGET none\r\nHELLO 2\r\nGET none");
    expect(client, "$-1");
    assert_int_equal(redis_client_receive(client)[0], '%');
    expect(client, "_");
    assert_int_equal(redis_client_receive(client)[0], '*');
    expect(client, "$-1");
}

static void unwanted_replies_are_not_sent(void **state)
{
    struct redis_client *client = client_of(state);
    redis_client_send(client, "CLIENT REPLY SKIP\r\nPING\r\nECHO a\r\nCLIENT REPLY OFF\r\nPING\r\n"
                              "SET later:a 1\r\nNONSENSE\r\nCLIENT REPLY ON\r\nECHO b\r\n"
                              "CLIENT REPLY SKIP\r\nSET later:a 1\r\nECHO c");
    expect(client, "$1 a");
    expect(client, "+OK");
    expect(client, "$1 b");
    expect(client, "$1 c");
}

/* ---- ends ------------------------------------------------------------------------------------ */

static void after_a_protocol_error_nothing_is_carried_out(void **state)
{
    struct fixture *fixture = *state;
    struct redis_client *client = &fixture->client;
    redis_client_send(client, "SET a 1\r\nGET later:x\r\n*1\r\n!bad\r\nSET a 2");
    expect(client, "+OK");
    expect(client, "$-1");
    expect(client, "-ERR Protocol error: expected '$', got '!'");
    expect(client, "");
    REDIS_ANSWERS(&fixture->other, "GET a", "$1 1");
}

static void after_quit_nothing_is_carried_out(void **state)
{
    struct fixture *fixture = *state;
    struct redis_client *client = &fixture->client;
    redis_client_send(client, "SET a 1\r\nGET later:x\r\nQUIT\r\nSET a 2");
    expect(client, "+OK");
    expect(client, "$-1");
    expect(client, "+OK");
    expect(client, "");
    REDIS_ANSWERS(&fixture->other, "GET a", "$1 1");
}

static void who_sends_no_more_still_gets_its_replies(void **state)
{
    struct fixture *fixture = *state;
    struct redis_client *client = &fixture->client;
    fake_units_set_alone(false);
    redis_client_send(client, "GET hold:a\r\nPING");
    assert_int_equal(shutdown(client->fd, SHUT_WR), 0);
    assert_true(fake_worker_wait(fixture->node.workers[0], FAKE_SUBMITTED, 1, NULL));
    redis_client_ask(&fixture->other, "GET release");
    redis_client_receive(client);
    expect(client, "+PONG");
    expect(client, "");
}

static void who_leaves_is_forgotten_when_its_commands_are_done(void **state)
{
    struct fixture *fixture = *state;
    fake_units_set_alone(false);
    redis_client_send(&fixture->client, "SET hold:a 1\r\nGET hold:a\r\nQUIT");
    assert_true(fake_worker_wait(fixture->node.workers[0], FAKE_SUBMITTED, 1, NULL));
    shutdown(fixture->client.fd, SHUT_RDWR);
    redis_client_ask(&fixture->other, "GET release");
    REDIS_ANSWERS(&fixture->other, "PING", "+PONG");
}

static void http_is_sent_away_without_a_word(void **state)
{
    struct fixture *fixture = *state;
    redis_client_send(&fixture->client, "POST / HTTP/1.1\r\nHost: a\r\n\r\nSET a 1");
    expect(&fixture->client, "");
    REDIS_ANSWERS(&fixture->other, "GET a", "$-1");
}

/* ---- bounds ---------------------------------------------------------------------------------- */

static void one_client_too_many_is_told_so(void **state)
{
    struct fixture *fixture = *state;
    struct redis_client third;
    REDIS_ANSWERS(&fixture->client, "PING", "+PONG");
    REDIS_ANSWERS(&fixture->other, "PING", "+PONG");
    atomic_store(&fixture->node.limits.connections, 2);
    redis_client_open(&third, fixture->node.redis_port);
    expect(&third, "-ERR max number of clients reached");
    expect(&third, "");
    redis_client_close(&third);
    REDIS_ANSWERS(&fixture->client, "PING", "+PONG");
}

static void keys_and_values_over_their_limits_are_refused_by_name(void **state)
{
    struct fixture *fixture = *state;
    struct redis_client *client = &fixture->client;
    atomic_store(&fixture->node.limits.key_bytes, 4);
    atomic_store(&fixture->node.limits.value_bytes, 8);
    REDIS_ANSWERS(client, "SET abcde 1",
                  "-ERR a key of 5 bytes is larger than limits.key_bytes, which is 4");
    REDIS_ANSWERS(client, "SET abcd 12345678", "+OK");
    redis_client_send(client, "*1\r\n$9");
    expect(client, "-ERR Protocol error: invalid bulk length (limits.value_bytes is 8)");
    expect(client, "");
}

/* As pipelines do: nothing is read before all is sent. */
static void who_reads_only_when_all_is_sent_is_given_room(void **state)
{
    struct redis_client *client = client_of(state);
    struct buffer one;
    buffer_init(&one, 0);
    char head[64];
    int len = snprintf(head, sizeof(head), "*2\r\n$4\r\nECHO\r\n$%u\r\n", FLOOD_ONE_BYTES);
    assert_int_equal(buffer_append(&one, head, (size_t)len), 0);
    assert_int_equal(buffer_reserve(&one, FLOOD_ONE_BYTES + 2), 0);
    memset(one.data + one.len, 'x', FLOOD_ONE_BYTES);
    one.len += FLOOD_ONE_BYTES;
    assert_int_equal(buffer_append(&one, "\r\n", 2), 0);
    for (uint32_t sent = 0; sent < FLOOD_BYTES; sent += FLOOD_ONE_BYTES) {
        for (size_t at = 0; at < one.len;) {
            ssize_t now = send(client->fd, one.data + at, one.len - at, MSG_NOSIGNAL);
            assert_true(now > 0);
            at += (size_t)now;
        }
    }
    buffer_deinit(&one);
    for (uint32_t sent = 0; sent < FLOOD_BYTES; sent += FLOOD_ONE_BYTES) {
        assert_int_equal(strlen(redis_client_receive(client)), FLOOD_ONE_BYTES + 8);
    }
    REDIS_ANSWERS(client, "PING", "+PONG");
}

/* Their replies could have any length. */
static void reads_that_begin_before_any_is_done_are_few(void **state)
{
    struct fixture *fixture = *state;
    struct redis_client *client = &fixture->client;
    enum { COMMANDS = 100 };
    static char line[COMMANDS * 16];
    size_t len = 0;
    fake_units_set_alone(false);
    for (uint32_t i = 0; i < COMMANDS; i++) {
        len += (size_t)snprintf(line + len, sizeof(line) - len, "%sGET hold:%u",
                                i == 0 ? "" : "\r\n", i);
    }
    redis_client_send(client, line);
    assert_true(fake_worker_wait(fixture->node.workers[0], FAKE_SUBMITTED, 1, NULL));
    REDIS_ANSWERS(&fixture->other, "PING", "+PONG");
    assert_in_range(fake_worker_count(fixture->node.workers[0], FAKE_SUBMITTED), 1, 8);
    char byte;
    for (uint32_t i = 0; i < COMMANDS; i++) {
        while (recv(client->fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) != 1 && client->in.len == 0) {
            redis_client_ask(&fixture->other, "GET release");
        }
        assert_int_equal(redis_client_receive(client)[0], '$');
    }
}

/* More commands than may be in flight: reading stops, and goes on. */
static void any_number_of_commands_is_carried_out(void **state)
{
    struct fixture *fixture = *state;
    struct redis_client *client = &fixture->client;
    enum { COMMANDS = 10000 };
    static char line[COMMANDS * 16];
    size_t len = 0;
    fake_units_set_alone(false);
    for (uint32_t i = 0; i < COMMANDS; i++) {
        len +=
            (size_t)snprintf(line + len, sizeof(line) - len, "%sGET later:a", i == 0 ? "" : "\r\n");
    }
    redis_client_send(client, line);
    for (uint32_t i = 0; i < COMMANDS; i++) {
        assert_int_equal(redis_client_receive(client)[0], '$');
    }
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(a_pipeline_is_answered_in_order),
        CASE(what_is_done_later_keeps_its_place),
        CASE(replies_wait_for_the_ones_before),
        CASE(a_command_waits_for_the_one_that_writes_its_key),
        CASE(the_version_is_that_of_the_moment),
        CASE(unwanted_replies_are_not_sent),
        CASE(after_a_protocol_error_nothing_is_carried_out),
        CASE(after_quit_nothing_is_carried_out),
        CASE(who_sends_no_more_still_gets_its_replies),
        CASE(who_leaves_is_forgotten_when_its_commands_are_done),
        CASE(http_is_sent_away_without_a_word),
        CASE(one_client_too_many_is_told_so),
        CASE(keys_and_values_over_their_limits_are_refused_by_name),
        CASE(who_reads_only_when_all_is_sent_is_given_room),
        CASE(reads_that_begin_before_any_is_done_are_few),
        CASE(any_number_of_commands_is_carried_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
