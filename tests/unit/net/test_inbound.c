/* net/inbound: the peer port as peers and clients meet it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "shoal/error.h"
#include "support/fake_node.h"
#include "support/wire_client.h"
#include "wire/frame.h"

static struct message_hello peer_hello(uint64_t node)
{
    struct message_hello hello = wire_client_plain_hello();
    hello.role = ROLE_PEER;
    hello.node = node;
    return hello;
}

static void send_hello(struct wire_client *client, const struct message_hello *hello)
{
    assert_int_equal(message_hello_encode(hello, &client->out), 0);
    wire_client_send(client);
}

static void connect_peer(struct wire_client *client, const struct fake_node *node)
{
    struct bytes payload;
    uint32_t kind;
    uint64_t id;
    struct message_hello hello = peer_hello(9);
    wire_client_open(client, node->peer_port);
    send_hello(client, &hello);
    assert_true(wire_client_receive(client, &payload, &kind, &id));
    assert_int_equal(kind, MESSAGE_HELLO_REPLY);
}

static void append_fetch(struct wire_client *client, uint64_t id)
{
    struct message_fetch fetch = {.id = id, .key = bytes_from_string("k")};
    assert_int_equal(message_fetch_encode(&fetch, &client->out), 0);
}

static void a_peers_requests_are_answered_in_a_batch(void **state)
{
    (void)state;
    struct fake_node node;
    struct wire_client peer;
    fake_node_start(&node, 1, 1, "c");
    connect_peer(&peer, &node);
    for (uint64_t id = 1; id <= 500; id++) {
        append_fetch(&peer, id);
    }
    assert_int_equal(message_ping_encode(501, &peer.out), 0);
    wire_client_send(&peer);
    for (uint64_t id = 1; id <= 501; id++) {
        struct bytes payload;
        uint32_t kind;
        uint64_t got;
        assert_true(wire_client_receive(&peer, &payload, &kind, &got));
        assert_int_equal(got, id);
        assert_int_equal(kind, id == 501 ? MESSAGE_PONG : MESSAGE_STORED);
    }
    wire_client_close(&peer);
    fake_node_stop(&node);
}

static void reply_late(struct worker *worker, const struct ports *ports, void *self)
{
    const struct source *source = self;
    struct buffer frame;
    (void)worker;
    buffer_init(&frame, 0);
    assert_int_equal(message_pong_encode(666, &frame), 0);
    ports->reply(ports->self, *source, buffer_bytes(&frame));
    buffer_deinit(&frame);
}

static void take_source(struct worker *worker, const struct ports *ports, void *self)
{
    (void)ports;
    *(struct source *)self = fake_worker_source(worker);
}

static void be_silent(struct worker *worker, const struct ports *ports, void *self)
{
    (void)ports;
    (void)self;
    fake_worker_answer_frames(worker, false);
}

static void an_answer_for_a_connection_that_is_gone_reaches_no_other(void **state)
{
    (void)state;
    struct fake_node node;
    struct wire_client peer;
    struct source source;
    fake_node_start(&node, 1, 1, "c");
    fake_worker_call(node.workers[0], be_silent, NULL);
    connect_peer(&peer, &node);
    append_fetch(&peer, 1);
    wire_client_send(&peer);
    assert_true(fake_worker_wait(node.workers[0], FAKE_FRAME, 1, NULL));
    fake_worker_call(node.workers[0], take_source, &source);
    wire_client_close(&peer);
    struct wire_client others[40];
    for (uint32_t i = 0; i < 40; i++) { /* all slots are taken again */
        connect_peer(&others[i], &node);
    }
    fake_worker_call(node.workers[0], reply_late, &source);
    for (uint32_t i = 0; i < 40; i++) {
        struct bytes payload;
        uint32_t kind;
        uint64_t id;
        assert_int_equal(message_ping_encode(i, &others[i].out), 0);
        wire_client_send(&others[i]);
        assert_true(wire_client_receive(&others[i], &payload, &kind, &id));
        assert_int_equal(id, i);
        wire_client_close(&others[i]);
    }
    fake_node_stop(&node);
}

static void expect_refusal(const struct fake_node *node, const struct message_hello *hello,
                           int code)
{
    struct wire_client peer;
    wire_client_open(&peer, node->peer_port);
    send_hello(&peer, hello);
    struct message_result result = wire_client_result(&peer);
    assert_int_equal(result.code, code);
    assert_true(result.text.len > 0);
    assert_true(wire_client_is_closed(&peer));
    wire_client_close(&peer);
}

static void unfit_peers_are_refused_with_a_reason(void **state)
{
    (void)state;
    struct fake_node node;
    fake_node_start(&node, 1, 1, "c");
    struct message_hello hello = peer_hello(9);
    hello.version_min = 7;
    hello.version_max = 9;
    expect_refusal(&node, &hello, SHOAL_EVERSION);
    hello = peer_hello(9);
    hello.cluster = 4242;
    expect_refusal(&node, &hello, SHOAL_ECLUSTER);
    hello = peer_hello(0);
    expect_refusal(&node, &hello, SHOAL_EPROTO);
    fake_node_stop(&node);
}

static void nothing_but_a_hello_is_taken_first(void **state)
{
    (void)state;
    struct fake_node node;
    struct wire_client peer;
    fake_node_start(&node, 1, 1, "c");
    wire_client_open(&peer, node.peer_port);
    append_fetch(&peer, 3);
    wire_client_send(&peer);
    struct message_result result = wire_client_result(&peer);
    assert_int_equal(result.code, SHOAL_EPROTO);
    assert_int_equal(result.id, 3);
    assert_true(wire_client_is_closed(&peer));
    assert_int_equal(fake_worker_count(node.workers[0], FAKE_FRAME), 0);
    wire_client_close(&peer);
    fake_node_stop(&node);
}

static void a_malformed_frame_costs_its_connection_and_no_other(void **state)
{
    (void)state;
    static const uint8_t bomb[] = {0, 0, 0, 8, 0x93, 33, 7, 0xdd, 0xff, 0xff, 0xff, 0xff};
    struct fake_node node;
    struct wire_client good;
    struct wire_client bad;
    struct bytes payload;
    uint32_t kind;
    uint64_t id;
    fake_node_start(&node, 1, 1, "c");
    connect_peer(&good, &node);
    connect_peer(&bad, &node);
    wire_client_send_bytes(&bad, bomb, sizeof(bomb));
    struct message_result result = wire_client_result(&bad);
    assert_int_equal(result.code, SHOAL_EPROTO);
    assert_int_equal(result.id, 7);
    assert_true(wire_client_is_closed(&bad));
    assert_int_equal(message_ping_encode(1, &good.out), 0);
    wire_client_send(&good);
    assert_true(wire_client_receive(&good, &payload, &kind, &id));
    wire_client_close(&good);
    wire_client_close(&bad);
    fake_node_stop(&node);
}

static void a_client_is_served_what_concerns_the_cluster_but_no_keys(void **state)
{
    (void)state;
    struct fake_node node;
    struct wire_client client;
    struct bytes payload;
    uint32_t kind;
    uint64_t id;
    fake_node_start(&node, 1, 1, "c");
    wire_client_open(&client, node.peer_port);
    wire_client_hello(&client);
    assert_int_equal(message_status_encode(2, &client.out), 0);
    assert_int_equal(message_ping_encode(3, &client.out), 0);
    wire_client_get(&client, 4, "key");
    wire_client_send(&client);
    assert_true(wire_client_receive(&client, &payload, &kind, &id));
    assert_int_equal(kind, MESSAGE_STATUS_REPLY);
    assert_true(wire_client_receive(&client, &payload, &kind, &id));
    assert_int_equal(kind, MESSAGE_PONG);
    struct message_result result = wire_client_result(&client);
    assert_int_equal(result.code, SHOAL_EUNSUPPORTED);
    wire_client_close(&client);
    fake_node_stop(&node);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_peers_requests_are_answered_in_a_batch),
        cmocka_unit_test(an_answer_for_a_connection_that_is_gone_reaches_no_other),
        cmocka_unit_test(unfit_peers_are_refused_with_a_reason),
        cmocka_unit_test(nothing_but_a_hello_is_taken_first),
        cmocka_unit_test(a_malformed_frame_costs_its_connection_and_no_other),
        cmocka_unit_test(a_client_is_served_what_concerns_the_cluster_but_no_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
