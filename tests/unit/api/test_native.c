/* The native protocol over real sockets, loops and threads, in front of workers that decide
 * nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <sys/socket.h>

#include "shoal/error.h"
#include "support/fake_node.h"
#include "support/wire_client.h"

struct fixture {
    struct fake_node node;
    struct wire_client client;
};

static int start(void **state, uint32_t workers, const char *cluster)
{
    static struct fixture fixture;
    fake_node_start(&fixture.node, 1, workers, cluster);
    wire_client_open(&fixture.client, fixture.node.client_port);
    *state = &fixture;
    return 0;
}

static int set_up(void **state)
{
    return start(state, 1, "c");
}

static int set_up_two(void **state)
{
    return start(state, 2, "c");
}

static int set_up_alone(void **state)
{
    return start(state, 1, NULL);
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    wire_client_close(&fixture->client);
    fake_node_stop_now(&fixture->node);
    return 0;
}

static struct bytes text(const char *words)
{
    return bytes_from_string(words);
}

static void expect_code(struct wire_client *client, uint64_t id, int code, const char *part)
{
    struct message_result result = wire_client_result(client);
    assert_int_equal(result.id, id);
    assert_int_equal(result.code, code);
    if (part != NULL) {
        char words[4096] = "";
        assert_true(result.text.len < sizeof(words));
        memcpy(words, result.text.data, result.text.len);
        if (strstr(words, part) == NULL) {
            fail_msg("\"%s\" is not in \"%s\"", part, words);
        }
    }
}

/* ---- hello ----------------------------------------------------------------------------------- */

static void a_hello_is_answered_with_who_this_is(void **state)
{
    struct fixture *fixture = *state;
    struct wire_client *client = &fixture->client;
    struct message_hello hello = wire_client_plain_hello();
    struct message_hello_reply reply;
    struct bytes payload;
    uint32_t kind;
    uint64_t id;
    hello.version_max = PROTOCOL_VERSION + 5;
    assert_int_equal(message_hello_encode(&hello, &client->out), 0);
    wire_client_send(client);
    assert_true(wire_client_receive(client, &payload, &kind, &id));
    assert_int_equal(message_hello_reply_decode(payload, &client->arena, &reply), 0);
    assert_int_equal(reply.version, PROTOCOL_VERSION);
    assert_int_equal(reply.node, 1);
    assert_string_equal(reply.name, "fake");
    assert_true(reply.frame_bytes_max > LIMIT_MIB);
}

static void a_version_from_the_future_is_refused_with_the_versions(void **state)
{
    struct fixture *fixture = *state;
    struct wire_client *client = &fixture->client;
    struct message_hello hello = wire_client_plain_hello();
    hello.version_min = 8;
    hello.version_max = 9;
    assert_int_equal(message_hello_encode(&hello, &client->out), 0);
    wire_client_send(client);
    expect_code(client, 1, SHOAL_EVERSION, "8 to 9");
    assert_true(wire_client_is_closed(client));
}

static void a_peer_is_sent_to_the_peer_port(void **state)
{
    struct fixture *fixture = *state;
    struct wire_client *client = &fixture->client;
    struct message_hello hello = wire_client_plain_hello();
    hello.role = ROLE_PEER;
    hello.node = 3;
    assert_int_equal(message_hello_encode(&hello, &client->out), 0);
    wire_client_send(client);
    expect_code(client, 1, SHOAL_EPROTO, "peer port");
    assert_true(wire_client_is_closed(client));
}

static void nothing_is_served_before_the_hello(void **state)
{
    struct fixture *fixture = *state;
    wire_client_get(&fixture->client, 5, "k");
    wire_client_send(&fixture->client);
    expect_code(&fixture->client, 5, SHOAL_EPROTO, "HELLO");
    assert_true(wire_client_is_closed(&fixture->client));
    assert_int_equal(fake_worker_count(fixture->node.workers[0], FAKE_SUBMITTED), 0);
}

static void another_protocol_is_told_so(void **state)
{
    struct fixture *fixture = *state;
    const char *http = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    wire_client_send_bytes(&fixture->client, http, strlen(http));
    expect_code(&fixture->client, 0, SHOAL_ETOOBIG, "native protocol");
    assert_true(wire_client_is_closed(&fixture->client));
}

static void one_client_over_the_limit_is_told_so(void **state)
{
    struct fixture *fixture = *state;
    struct wire_client more;
    atomic_store(&fixture->node.limits.connections, 1);
    wire_client_hello(&fixture->client);
    wire_client_open(&more, fixture->node.client_port);
    expect_code(&more, 0, SHOAL_EOVERLOAD, "limits.connections");
    assert_true(wire_client_is_closed(&more));
    wire_client_close(&more);
    wire_client_get(&fixture->client, 2, "k");
    wire_client_send(&fixture->client);
    expect_code(&fixture->client, 2, SHOAL_ENOTFOUND, NULL);
}

/* ---- requests -------------------------------------------------------------------------------- */

static void what_is_put_is_got(void **state)
{
    struct fixture *fixture = *state;
    struct wire_client *client = &fixture->client;
    wire_client_hello(client);
    wire_client_put(client, 1, "key", text("value"));
    wire_client_get(client, 2, "key");
    wire_client_get(client, 3, "none");
    wire_client_send(client);
    expect_code(client, 1, 0, NULL);
    struct message_result result = wire_client_result(client);
    assert_int_equal(result.id, 2);
    assert_int_equal(result.value_count, 1);
    assert_true(bytes_equal(result.values[0].value, text("value")));
    expect_code(client, 3, SHOAL_ENOTFOUND, NULL);
}

static void many_requests_at_once_are_all_answered(void **state)
{
    struct fixture *fixture = *state;
    struct wire_client *client = &fixture->client;
    wire_client_hello(client);
    for (uint64_t id = 1; id <= 20000; id++) {
        char key[32];
        snprintf(key, sizeof(key), "%skey-%d", id % 3 == 0 ? "later:" : "", (int)id);
        wire_client_put(client, id, key, text("a value of some length"));
        if (id % 500 == 0) {
            wire_client_send(client);
        }
    }
    static bool seen[20001];
    for (uint64_t count = 0; count < 20000; count++) {
        struct message_result result = wire_client_result(client);
        assert_int_equal(result.code, 0);
        assert_true(result.id <= 20000 && !seen[result.id]);
        seen[result.id] = true;
    }
}

static void answers_come_as_they_are_ready_not_as_they_were_asked(void **state)
{
    struct fixture *fixture = *state;
    struct wire_client *client = &fixture->client;
    wire_client_hello(client);
    wire_client_put(client, 1, "hold:a", text("A"));
    wire_client_put(client, 2, "hold:b", text("B"));
    wire_client_put(client, 3, "c", text("C"));
    wire_client_send(client);
    expect_code(client, 3, 0, NULL);
    wire_client_put(client, 4, "release", text("x"));
    wire_client_get(client, 5, "a");
    wire_client_send(client);
    expect_code(client, 4, 0, NULL);
    expect_code(client, 2, 0, NULL);
    expect_code(client, 1, 0, NULL);
    expect_code(client, 5, SHOAL_ENOTFOUND, NULL);
}

/* Held requests point into what was received: it must stay as it was while megabytes pass by. */
static void keys_and_values_in_flight_stay_as_they_were(void **state)
{
    struct fixture *fixture = *state;
    struct wire_client *client = &fixture->client;
    static uint8_t filler[100000];
    wire_client_hello(client);
    for (uint32_t i = 0; i < 200; i++) {
        char key[32];
        char value[400];
        snprintf(key, sizeof(key), "hold:%u", i);
        memset(value, 'a' + (int)(i % 26), sizeof(value));
        wire_client_put(client, i, key, bytes_make(value, sizeof(value)));
        wire_client_put(client, 1000 + i, "filler", bytes_make(filler, (i * 977) % 100000));
        wire_client_send(client);
        expect_code(client, 1000 + i, 0, NULL);
    }
    wire_client_put(client, 5000, "release", text("x"));
    wire_client_send(client);
    expect_code(client, 5000, 0, NULL);
    for (uint32_t i = 0; i < 200; i++) {
        expect_code(client, 199 - i, 0, NULL);
    }
    for (uint32_t i = 0; i < 200; i++) {
        char key[32];
        snprintf(key, sizeof(key), "hold:%u", i);
        wire_client_get(client, i, key);
    }
    wire_client_put(client, 6000, "release", text("x"));
    wire_client_send(client);
    expect_code(client, 6000, 0, NULL);
    for (uint32_t i = 0; i < 200; i++) {
        struct message_result result = wire_client_result(client);
        char value[400];
        memset(value, 'a' + (int)(result.id % 26), sizeof(value));
        assert_int_equal(result.code, 0);
        assert_true(bytes_equal(result.values[0].value, bytes_make(value, sizeof(value))));
    }
}

static void a_client_that_goes_with_requests_in_flight_does_no_harm(void **state)
{
    struct fixture *fixture = *state;
    struct wire_client *client = &fixture->client;
    struct wire_client leaver;
    wire_client_open(&leaver, fixture->node.client_port);
    wire_client_hello(&leaver);
    for (uint64_t id = 0; id < 100; id++) {
        wire_client_put(&leaver, id, "hold:x", text("y"));
    }
    wire_client_send(&leaver);
    assert_true(fake_worker_wait(fixture->node.workers[0], FAKE_SUBMITTED, 100, NULL));
    struct linger reset = {.l_onoff = 1, .l_linger = 0};
    setsockopt(leaver.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    wire_client_close(&leaver);
    wire_client_hello(client);
    wire_client_put(client, 1, "release", text("x"));
    wire_client_send(client);
    expect_code(client, 1, 0, NULL);
}

static void a_half_closed_client_still_gets_its_answers_and_then_the_end(void **state)
{
    struct fixture *fixture = *state;
    struct wire_client *client = &fixture->client;
    struct wire_client other;
    wire_client_hello(client);
    wire_client_put(client, 1, "hold:x", text("y"));
    wire_client_put(client, 2, "z", text("y"));
    wire_client_send(client);
    shutdown(client->fd, SHUT_WR);
    expect_code(client, 2, 0, NULL);
    wire_client_open(&other, fixture->node.client_port);
    wire_client_hello(&other);
    wire_client_put(&other, 1, "release", text("x"));
    wire_client_send(&other);
    expect_code(client, 1, 0, NULL);
    assert_true(wire_client_is_closed(client));
    wire_client_close(&other);
}

static void requests_that_cross_between_workers_come_back(void **state)
{
    struct fixture *fixture = *state;
    struct wire_client *client = &fixture->client;
    wire_client_hello(client);
    for (uint64_t id = 1; id <= 3000; id++) {
        wire_client_put(client, id, "cross:key", text("value"));
    }
    wire_client_send(client);
    for (uint64_t id = 1; id <= 3000; id++) {
        expect_code(client, id, 0, NULL);
    }
}

static void a_list_is_answered(void **state)
{
    struct fixture *fixture = *state;
    struct wire_client *client = &fixture->client;
    struct message_list list = {.id = 9, .prefix = text("a"), .with_values = true};
    struct message_list_reply reply;
    struct bytes payload;
    uint32_t kind;
    uint64_t id;
    wire_client_hello(client);
    wire_client_put(client, 1, "ab", text("1"));
    wire_client_put(client, 2, "cd", text("2"));
    assert_int_equal(message_list_encode(&list, &client->out), 0);
    wire_client_send(client);
    expect_code(client, 1, 0, NULL);
    expect_code(client, 2, 0, NULL);
    assert_true(wire_client_receive(client, &payload, &kind, &id));
    assert_int_equal(message_list_reply_decode(payload, &client->arena, &reply), 0);
    assert_int_equal(reply.count, 1);
    assert_true(bytes_equal(reply.entries[0].key, text("ab")));
    assert_true(bytes_equal(reply.entries[0].value, text("1")));
    assert_null(reply.after.data);
}

/* ---- bounds ---------------------------------------------------------------------------------- */

static void what_is_over_a_limit_is_refused_and_the_connection_goes_on(void **state)
{
    struct fixture *fixture = *state;
    struct wire_client *client = &fixture->client;
    static uint8_t big[3 * LIMIT_MIB];
    static char long_key[2000];
    memset(long_key, 'k', sizeof(long_key) - 1);
    wire_client_hello(client);
    wire_client_put(client, 1, "", text("v"));
    wire_client_put(client, 2, long_key, text("v"));
    wire_client_put(client, 3, "key", bytes_make(big, LIMIT_MIB + 1));
    wire_client_put(client, 4, "key", bytes_make(big, sizeof(big)));
    wire_client_put(client, 5, "key", bytes_make(big, LIMIT_MIB));
    wire_client_send(client);
    expect_code(client, 1, SHOAL_EINVAL, "the key is empty");
    expect_code(client, 2, SHOAL_ETOOBIG, "1999 bytes");
    expect_code(client, 3, SHOAL_ETOOBIG, "limits.value_bytes");
    expect_code(client, 4, SHOAL_ETOOBIG, "limits.value_bytes");
    expect_code(client, 5, 0, NULL);
}

static void a_malformed_frame_is_answered_and_ends_the_connection(void **state)
{
    struct fixture *fixture = *state;
    struct wire_client *client = &fixture->client;
    static const uint8_t bomb[] = {0, 0, 0, 8, 0x93, 5, 77, 0xdd, 0xff, 0xff, 0xff, 0xff};
    wire_client_hello(client);
    wire_client_send_bytes(client, bomb, sizeof(bomb));
    expect_code(client, 77, SHOAL_EPROTO, "malformed");
    assert_true(wire_client_is_closed(client));
}

static void well_formed_nonsense_is_answered_and_the_connection_goes_on(void **state)
{
    struct fixture *fixture = *state;
    struct wire_client *client = &fixture->client;
    static const uint8_t unknown[] = {0, 0, 0, 3, 0x92, 29, 7};
    static const uint8_t for_peers[] = {0, 0, 0, 4, 0x93, 33, 8, 1};
    static const uint8_t fieldless[] = {0, 0, 0, 3, 0x92, 5, 9};
    wire_client_hello(client);
    wire_client_send_bytes(client, unknown, sizeof(unknown));
    expect_code(client, 7, SHOAL_EUNSUPPORTED, NULL);
    wire_client_send_bytes(client, for_peers, sizeof(for_peers));
    expect_code(client, 8, SHOAL_EUNSUPPORTED, NULL);
    wire_client_send_bytes(client, fieldless, sizeof(fieldless));
    expect_code(client, 9, SHOAL_EPROTO, "fields");
    wire_client_get(client, 10, "k");
    wire_client_send(client);
    expect_code(client, 10, SHOAL_ENOTFOUND, NULL);
}

static void reading_stops_at_the_bound_of_requests_in_flight(void **state)
{
    struct fixture *fixture = *state;
    struct wire_client *client = &fixture->client;
    struct wire_client other;
    wire_client_hello(client);
    for (uint64_t id = 0; id < LIMIT_REQUESTS_PER_CONNECTION + 1000; id++) {
        wire_client_put(client, id, "hold:x", text("y"));
    }
    wire_client_send(client);
    struct worker *worker = fixture->node.workers[0];
    assert_true(fake_worker_wait(worker, FAKE_SUBMITTED, LIMIT_REQUESTS_PER_CONNECTION, NULL));
    wire_client_open(&other, fixture->node.client_port);
    wire_client_hello(&other);
    wire_client_get(&other, 1, "k");
    wire_client_send(&other);
    expect_code(&other, 1, SHOAL_ENOTFOUND, NULL);
    assert_int_equal(fake_worker_count(worker, FAKE_SUBMITTED), LIMIT_REQUESTS_PER_CONNECTION + 1);
    wire_client_put(&other, 2, "release", text("x"));
    wire_client_send(&other);
    expect_code(&other, 2, 0, NULL);
    for (uint32_t i = 0; i < LIMIT_REQUESTS_PER_CONNECTION; i++) {
        assert_int_equal(wire_client_result(client).code, 0);
    }
    assert_true(
        fake_worker_wait(worker, FAKE_SUBMITTED, LIMIT_REQUESTS_PER_CONNECTION + 1002, NULL));
    wire_client_put(&other, 3, "release", text("x"));
    wire_client_send(&other);
    expect_code(&other, 3, 0, NULL);
    for (uint32_t i = 0; i < 1000; i++) {
        assert_int_equal(wire_client_result(client).code, 0);
    }
    wire_client_close(&other);
}

static void reading_stops_while_answers_are_not_read(void **state)
{
    struct fixture *fixture = *state;
    struct wire_client *client = &fixture->client;
    uint32_t asked = 100;
    wire_client_hello(client);
    for (uint64_t id = 0; id < asked; id++) {
        wire_client_get(client, id, "big:1000000");
    }
    wire_client_send(client);
    struct worker *worker = fixture->node.workers[0];
    struct wire_client other;
    wire_client_open(&other, fixture->node.client_port);
    wire_client_hello(&other);
    assert_true(fake_worker_wait(worker, FAKE_SUBMITTED, 5, NULL));
    for (uint64_t id = 0; id < 20; id++) { /* turns pass, and nothing more is taken */
        wire_client_get(&other, id, "k");
        wire_client_send(&other);
        expect_code(&other, id, SHOAL_ENOTFOUND, NULL);
    }
    assert_true(fake_worker_count(worker, FAKE_SUBMITTED) < 60);
    for (uint64_t id = 0; id < asked; id++) {
        struct message_result result = wire_client_result(client);
        assert_int_equal(result.id, id);
        assert_int_equal(result.values[0].value.len, 1000000);
    }
    wire_client_close(&other);
}

static void answers_beyond_the_bound_are_overload_for_reads_only(void **state)
{
    struct fixture *fixture = *state;
    struct wire_client *client = &fixture->client;
    struct wire_client other;
    uint32_t asked = 120;
    wire_client_hello(client);
    for (uint64_t id = 0; id < asked; id++) {
        wire_client_get(client, id, "hold:big");
    }
    wire_client_put(client, 1000, "hold:other", text("v"));
    wire_client_send(client);
    assert_true(fake_worker_wait(fixture->node.workers[0], FAKE_SUBMITTED, asked + 1, NULL));
    static uint8_t value[LIMIT_MIB];
    wire_client_open(&other, fixture->node.client_port);
    wire_client_hello(&other);
    wire_client_put(&other, 1, "hold:big", bytes_make(value, sizeof(value)));
    wire_client_put(&other, 2, "release", text("x"));
    wire_client_send(&other);
    expect_code(&other, 2, 0, NULL);
    expect_code(&other, 1, 0, NULL);
    expect_code(client, 1000, 0, NULL);
    uint32_t whole = 0;
    uint32_t refused = 0;
    for (uint32_t i = 0; i < asked; i++) {
        struct message_result result = wire_client_result(client);
        if (result.code == 0) {
            whole++;
        } else {
            assert_int_equal(result.code, SHOAL_EOVERLOAD);
            refused++;
        }
    }
    assert_true(whole >= 60 && refused > 20);
    wire_client_close(&other);
}

/* ---- the cluster ----------------------------------------------------------------------------- */

static void status_and_ring_are_answered_from_the_snapshot(void **state)
{
    struct fixture *fixture = *state;
    struct wire_client *client = &fixture->client;
    struct message_status_reply status;
    struct message_ring_reply ring;
    struct bytes payload;
    uint32_t kind;
    uint64_t id;
    wire_client_hello(client);
    assert_int_equal(message_status_encode(1, &client->out), 0);
    assert_int_equal(message_ring_encode(2, &client->out), 0);
    wire_client_send(client);
    assert_true(wire_client_receive(client, &payload, &kind, &id));
    assert_int_equal(message_status_reply_decode(payload, &client->arena, &status), 0);
    assert_true(bytes_equal(status.cluster_name, text("c")));
    assert_int_equal(status.node_count, 1);
    assert_int_equal(status.nodes[0].partitions, 16);
    assert_true(bytes_equal(status.nodes[0].name, text("fake")));
    assert_int_equal(status.nodes[0].client_port, fixture->node.client_port);
    assert_true(wire_client_receive(client, &payload, &kind, &id));
    assert_int_equal(message_ring_reply_decode(payload, &client->arena, &ring), 0);
    assert_int_equal(ring.partitions, 16);
    assert_int_equal(ring.replicas, 1);
    assert_int_equal(ring.node_count, 1);
}

static void a_node_in_no_cluster_says_so(void **state)
{
    struct fixture *fixture = *state;
    struct wire_client *client = &fixture->client;
    wire_client_hello(client);
    assert_int_equal(message_status_encode(1, &client->out), 0);
    assert_int_equal(message_ring_encode(2, &client->out), 0);
    wire_client_send(client);
    expect_code(client, 1, SHOAL_EQUORUM, "in no cluster yet");
    expect_code(client, 2, SHOAL_EQUORUM, "in no cluster yet");
}

static void a_join_is_answered_when_it_has_ended(void **state)
{
    struct fixture *fixture = *state;
    struct wire_client *client = &fixture->client;
    struct fake_node other;
    fake_node_start(&other, 2, 1, "other");
    struct message_join join = {
        .id = 4, .host = "localhost", .port = other.peer_port, .timeout_us = 20000000};
    wire_client_hello(client);
    assert_int_equal(message_join_encode(&join, &client->out), 0);
    wire_client_send(client);
    expect_code(client, 4, 0, NULL);
    join.id = 5;
    join.port = 0;
    assert_int_equal(message_join_encode(&join, &client->out), 0);
    wire_client_send(client);
    expect_code(client, 5, SHOAL_EINVAL, "port");
    fake_node_stop_now(&other);
}

static void expect_backup(struct wire_client *client, struct message_backup_reply *reply)
{
    struct bytes payload;
    uint32_t kind;
    uint64_t id;
    assert_true(wire_client_receive(client, &payload, &kind, &id));
    assert_int_equal(kind, MESSAGE_BACKUP_REPLY);
    assert_int_equal(message_backup_reply_decode(payload, &client->arena, reply), 0);
}

static void a_backup_is_begun_and_looked_at(void **state)
{
    struct fixture *fixture = *state;
    struct wire_client *client = &fixture->client;
    struct message_backup ask = {.id = 1};
    struct message_backup_reply reply;
    wire_client_hello(client);
    assert_int_equal(message_backup_encode(&ask, &client->out), 0);
    wire_client_send(client);
    expect_backup(client, &reply);
    assert_int_equal(reply.number, 0);
    assert_int_equal(reply.state, BACKUP_NONE);
    ask = (struct message_backup){.id = 2, .path = text("/no")};
    assert_int_equal(message_backup_encode(&ask, &client->out), 0);
    wire_client_send(client);
    expect_code(client, 2, SHOAL_EINVAL, "not there");
    fixture->node.backup.state = BACKUP_FAILED;
    fixture->node.backup.code = SHOAL_ENOSPC;
    fixture->node.backup.bytes = 12;
    snprintf(fixture->node.backup.text, sizeof(fixture->node.backup.text), "full");
    ask = (struct message_backup){.id = 3, .path = text("/yes")};
    assert_int_equal(message_backup_encode(&ask, &client->out), 0);
    wire_client_send(client);
    expect_backup(client, &reply);
    assert_int_equal(reply.id, 3);
    assert_int_equal(reply.number, 5);
    assert_int_equal(reply.state, BACKUP_FAILED);
    assert_int_equal(reply.code, SHOAL_ENOSPC);
    assert_int_equal(reply.bytes, 12);
    assert_true(bytes_equal(reply.text, text("full")));
    assert_true(bytes_equal(reply.path, text("/yes")));
}

static struct bytes receive_kind(struct wire_client *client, uint32_t wanted)
{
    struct bytes payload;
    uint32_t kind;
    uint64_t id;
    assert_true(wire_client_receive(client, &payload, &kind, &id));
    assert_int_equal(kind, wanted);
    return payload;
}

static void verifying_and_repairing_are_answered_in_their_own_words(void **state)
{
    struct fixture *fixture = *state;
    struct wire_client *client = &fixture->client;
    struct message_verify verify = {.id = 8};
    struct message_verify_reply found;
    wire_client_hello(client);
    for (uint32_t i = 0; i < 2; i++) {
        verify.with_values = i == 1;
        assert_int_equal(message_verify_encode(&verify, &client->out), 0);
        wire_client_send(client);
        struct bytes payload = receive_kind(client, MESSAGE_VERIFY_REPLY);
        assert_int_equal(message_verify_reply_decode(payload, &client->arena, &found), 0);
        assert_int_equal(found.id, 8);
        assert_int_equal(found.partitions, 16);
        assert_int_equal(found.with_values, i);
        assert_int_equal(found.siblings, 77);
        assert_int_equal(found.differing_count, 1);
        assert_int_equal(found.differing[0], 3);
        assert_int_equal(found.unverified_count, i);
        assert_int_equal(found.text.len > 0, i == 1);
    }
    verify.timeout_us = UINT64_C(3600000001);
    assert_int_equal(message_verify_encode(&verify, &client->out), 0);
    wire_client_send(client);
    expect_code(client, 8, SHOAL_EINVAL, "hour");

    struct message_repair repair = {.id = 9, .pass_on = true};
    struct message_repair_reply told;
    assert_int_equal(message_repair_encode(&repair, &client->out), 0);
    wire_client_send(client);
    struct bytes payload = receive_kind(client, MESSAGE_REPAIR_REPLY);
    assert_int_equal(message_repair_reply_decode(payload, &client->arena, &told), 0);
    assert_int_equal(told.id, 9);
    assert_int_equal(told.told, 2);
    assert_int_equal(told.nodes, 3);
    assert_true(bytes_equal(told.text, text("node3 is away")));
}

static void expect_plan(struct wire_client *client)
{
    struct message_change_reply plan;
    struct bytes payload = receive_kind(client, MESSAGE_CHANGE_REPLY);
    assert_int_equal(message_change_reply_decode(payload, &client->arena, &plan), 0);
    assert_int_equal(plan.id, 6);
    assert_true(plan.changes && !plan.committed);
    assert_int_equal(plan.partitions, 16);
    assert_int_equal(plan.moves, CHANGE_SET);
    assert_int_equal(plan.count, 1);
    assert_int_equal(plan.rows[0].node, 7);
    assert_true(bytes_equal(plan.rows[0].name, text("node2")));
    assert_true(bytes_equal(plan.rows[0].zone, text("attic")));
    assert_int_equal(plan.rows[0].weight, 20);
    assert_int_equal(plan.rows[0].bytes_in, 1000000);
}

static void a_change_is_answered_with_its_plan_on_both_ports(void **state)
{
    struct fixture *fixture = *state;
    struct wire_client *client = &fixture->client;
    struct wire_client peer;
    struct message_change change = {.id = 6,
                                    .op = CHANGE_SET,
                                    .node = text("node2"),
                                    .zone = text("attic"),
                                    .weight = 20,
                                    .timeout_us = 1000000};
    wire_client_open(&peer, fixture->node.peer_port);
    struct wire_client *both[] = {client, &peer};
    for (size_t i = 0; i < 2; i++) {
        wire_client_hello(both[i]);
        assert_int_equal(message_change_encode(&change, &both[i]->out), 0);
        wire_client_send(both[i]);
        expect_plan(both[i]);
    }
    change.weight = LIMIT_WEIGHT + 1;
    assert_int_equal(message_change_encode(&change, &client->out), 0);
    wire_client_send(client);
    expect_code(client, 6, SHOAL_EINVAL, "weight");
    wire_client_close(&peer);
}

static void backups_are_not_asked_for_on_the_peer_port(void **state)
{
    struct fixture *fixture = *state;
    struct wire_client client;
    struct message_backup ask = {.id = 2, .path = text("/yes")};
    wire_client_open(&client, fixture->node.peer_port);
    wire_client_hello(&client);
    assert_int_equal(message_backup_encode(&ask, &client.out), 0);
    wire_client_send(&client);
    expect_code(&client, 2, SHOAL_EUNSUPPORTED, "peer port");
    assert_int_equal(fixture->node.backup.number, 0);
    wire_client_close(&client);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_hello_is_answered_with_who_this_is),
        TEST(a_version_from_the_future_is_refused_with_the_versions),
        TEST(a_peer_is_sent_to_the_peer_port),
        TEST(nothing_is_served_before_the_hello),
        TEST(another_protocol_is_told_so),
        TEST(one_client_over_the_limit_is_told_so),
        TEST(what_is_put_is_got),
        TEST(many_requests_at_once_are_all_answered),
        TEST(answers_come_as_they_are_ready_not_as_they_were_asked),
        TEST(keys_and_values_in_flight_stay_as_they_were),
        TEST(a_client_that_goes_with_requests_in_flight_does_no_harm),
        TEST(a_half_closed_client_still_gets_its_answers_and_then_the_end),
        cmocka_unit_test_setup_teardown(requests_that_cross_between_workers_come_back, set_up_two,
                                        tear_down),
        TEST(a_list_is_answered),
        TEST(what_is_over_a_limit_is_refused_and_the_connection_goes_on),
        TEST(a_malformed_frame_is_answered_and_ends_the_connection),
        TEST(well_formed_nonsense_is_answered_and_the_connection_goes_on),
        TEST(reading_stops_at_the_bound_of_requests_in_flight),
        TEST(reading_stops_while_answers_are_not_read),
        TEST(answers_beyond_the_bound_are_overload_for_reads_only),
        TEST(status_and_ring_are_answered_from_the_snapshot),
        cmocka_unit_test_setup_teardown(a_node_in_no_cluster_says_so, set_up_alone, tear_down),
        TEST(a_join_is_answered_when_it_has_ended),
        TEST(a_backup_is_begun_and_looked_at),
        TEST(verifying_and_repairing_are_answered_in_their_own_words),
        TEST(a_change_is_answered_with_its_plan_on_both_ports),
        TEST(backups_are_not_asked_for_on_the_peer_port),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
