/* net/link: kept links between real loops, with fake workers at both ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "shoal/error.h"
#include "support/fake_node.h"
#include "support/wire_client.h"

struct wish {
    uint64_t node;
    const char *host;
    uint16_t port;
    struct bytes frame;
    int code;
};

static void want(struct worker *worker, const struct ports *ports, void *self)
{
    (void)worker;
    const struct wish *wish = self;
    ports->link(ports->self, wish->node, wish->host, wish->port);
}

static void unwant(struct worker *worker, const struct ports *ports, void *self)
{
    (void)worker;
    ports->unlink(ports->self, ((const struct wish *)self)->node);
}

static void send_frame(struct worker *worker, const struct ports *ports, void *self)
{
    (void)worker;
    struct wish *wish = self;
    wish->code = ports->send(ports->self, wish->node, wish->frame);
}

static void append_fetch(struct buffer *out, uint64_t id, size_t key_len)
{
    static uint8_t key[1000];
    struct message_fetch fetch = {.id = id, .key = bytes_make(key, key_len)};
    assert_int_equal(message_fetch_encode(&fetch, out), 0);
}

static void requests_and_answers_pass_over_a_link(void **state)
{
    (void)state;
    struct fake_node a;
    struct fake_node b;
    struct buffer frame;
    struct fake_event event;
    buffer_init(&frame, 0);
    append_fetch(&frame, 77, 3);
    fake_node_start(&a, 1, 1, "c");
    fake_node_start(&b, 2, 2, "c");
    struct wish wish = {
        .node = 2, .host = "127.0.0.1", .port = b.peer_port, .frame = buffer_bytes(&frame)};
    fake_worker_call(a.workers[0], send_frame, &wish);
    assert_int_equal(wish.code, SHOAL_ECONNECT);
    fake_worker_call(a.workers[0], want, &wish);
    assert_true(fake_worker_wait(a.workers[0], FAKE_LINK_UP, 1, &event));
    assert_int_equal(event.number, 2);
    fake_worker_call(a.workers[0], send_frame, &wish);
    assert_int_equal(wish.code, 0);
    assert_true(fake_worker_wait(a.workers[0], FAKE_ANSWER, 1, &event));
    assert_int_equal(event.number, 2);
    assert_int_equal(fake_worker_count(b.workers[0], FAKE_FRAME) +
                         fake_worker_count(b.workers[1], FAKE_FRAME),
                     1);
    fake_node_stop(&a);
    fake_node_stop(&b);
    buffer_deinit(&frame);
}

static void a_name_is_looked_up(void **state)
{
    (void)state;
    struct fake_node a;
    struct fake_node b;
    fake_node_start(&a, 1, 1, "c");
    fake_node_start(&b, 2, 1, "c");
    struct wish wish = {.node = 2, .host = "localhost", .port = b.peer_port};
    fake_worker_call(a.workers[0], want, &wish);
    assert_true(fake_worker_wait(a.workers[0], FAKE_LINK_UP, 1, NULL));
    fake_node_stop(&a);
    fake_node_stop(&b);
}

static void a_link_goes_down_with_its_peer_and_comes_up_again(void **state)
{
    (void)state;
    struct fake_node a;
    struct fake_node b;
    fake_node_start(&a, 1, 1, "c");
    fake_node_start(&b, 2, 1, "c");
    struct wish wish = {.node = 2, .host = "127.0.0.1", .port = b.peer_port};
    fake_worker_call(a.workers[0], want, &wish);
    for (uint32_t life = 1; life <= 3; life++) {
        uint16_t port = b.peer_port;
        assert_true(fake_worker_wait(a.workers[0], FAKE_LINK_UP, life, NULL));
        fake_node_stop_now(&b);
        assert_true(fake_worker_wait(a.workers[0], FAKE_LINK_DOWN, life, NULL));
        fake_node_start_at(&b, 2, 1, "c", port);
    }
    fake_node_stop(&a);
    fake_node_stop(&b);
}

static void a_link_that_is_moved_goes_down_and_up_elsewhere(void **state)
{
    (void)state;
    struct fake_node a;
    struct fake_node b;
    struct fake_node moved;
    fake_node_start(&a, 1, 1, "c");
    fake_node_start(&b, 2, 1, "c");
    fake_node_start(&moved, 2, 1, "c");
    struct wish wish = {.node = 2, .host = "127.0.0.1", .port = b.peer_port};
    fake_worker_call(a.workers[0], want, &wish);
    assert_true(fake_worker_wait(a.workers[0], FAKE_LINK_UP, 1, NULL));
    wish.port = moved.peer_port;
    fake_worker_call(a.workers[0], want, &wish);
    assert_true(fake_worker_wait(a.workers[0], FAKE_LINK_DOWN, 1, NULL));
    assert_true(fake_worker_wait(a.workers[0], FAKE_LINK_UP, 2, NULL));
    fake_worker_call(a.workers[0], unwant, &wish);
    fake_worker_call(a.workers[0], send_frame, &wish);
    assert_int_equal(wish.code, SHOAL_ECONNECT);
    assert_int_equal(fake_worker_count(a.workers[0], FAKE_LINK_DOWN), 1);
    fake_node_stop(&a);
    fake_node_stop(&b);
    fake_node_stop(&moved);
}

/* The link keeps trying: it comes up as soon as the right node stands there. */
static void a_link_refuses_another_node_and_another_cluster(void **state)
{
    (void)state;
    struct fake_node a;
    struct fake_node b;
    fake_node_start(&a, 1, 1, "c");
    fake_node_start(&b, 3, 1, "c");
    uint16_t port = b.peer_port;
    struct wish wish = {.node = 2, .host = "127.0.0.1", .port = port};
    fake_worker_call(a.workers[0], want, &wish);
    struct wish other = {.node = 3, .host = "127.0.0.1", .port = port};
    fake_worker_call(a.workers[0], want, &other);
    assert_true(fake_worker_wait(a.workers[0], FAKE_LINK_UP, 1, NULL));
    struct fake_event stranger;
    assert_true(fake_worker_wait(a.workers[0], FAKE_STRANGER, 1, &stranger));
    assert_int_equal(stranger.number, 2);
    fake_worker_call(a.workers[0], unwant, &other);
    fake_node_stop_now(&b);
    fake_node_start_at(&b, 2, 1, "another", port);
    struct wire_client client;
    wire_client_open(&client, port);
    struct message_hello hello = wire_client_plain_hello();
    hello.role = ROLE_PEER;
    hello.node = 1;
    hello.cluster = 12345;
    assert_int_equal(message_hello_encode(&hello, &client.out), 0);
    wire_client_send(&client);
    struct message_result result = wire_client_result(&client);
    assert_int_equal(result.code, SHOAL_ECLUSTER);
    assert_true(wire_client_is_closed(&client));
    wire_client_close(&client);
    assert_int_equal(fake_worker_count(a.workers[0], FAKE_LINK_UP), 1);
    fake_node_stop_now(&b);
    fake_node_start_at(&b, 2, 1, "c", port);
    struct fake_event event;
    assert_true(fake_worker_wait(a.workers[0], FAKE_LINK_UP, 2, &event));
    assert_int_equal(event.number, 2);
    fake_node_stop(&a);
    fake_node_stop(&b);
}

struct flood {
    uint64_t node;
    struct bytes frame;
    uint32_t taken;
    int code;
};

static void send_until_refused(struct worker *worker, const struct ports *ports, void *self)
{
    (void)worker;
    struct flood *flood = self;
    while ((flood->code = ports->send(ports->self, flood->node, flood->frame)) == 0) {
        flood->taken++;
    }
}

static void a_full_queue_is_overload_and_empties_again(void **state)
{
    (void)state;
    struct fake_node a;
    struct fake_node b;
    struct buffer frame;
    buffer_init(&frame, 0);
    static uint8_t value[4 * LIMIT_MIB];
    struct message_store store = {
        .id = 1, .key = bytes_from_string("k"), .object = bytes_make(value, sizeof(value))};
    assert_int_equal(message_store_encode(&store, &frame), 0);
    fake_node_start(&a, 1, 1, "c");
    fake_node_start(&b, 2, 1, "c");
    struct wish wish = {.node = 2, .host = "127.0.0.1", .port = b.peer_port};
    struct flood flood = {.node = 2, .frame = buffer_bytes(&frame)};
    fake_worker_call(a.workers[0], want, &wish);
    assert_true(fake_worker_wait(a.workers[0], FAKE_LINK_UP, 1, NULL));
    fake_worker_call(a.workers[0], send_until_refused, &flood);
    assert_int_equal(flood.code, SHOAL_EOVERLOAD);
    assert_int_equal(flood.taken, LIMIT_QUEUE_BYTES_PER_PEER / frame.len);
    assert_true(fake_worker_wait(a.workers[0], FAKE_ANSWER, flood.taken, NULL));
    fake_node_stop(&a);
    fake_node_stop(&b);
    buffer_deinit(&frame);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_and_answers_pass_over_a_link),
        cmocka_unit_test(a_name_is_looked_up),
        cmocka_unit_test(a_link_goes_down_with_its_peer_and_comes_up_again),
        cmocka_unit_test(a_link_that_is_moved_goes_down_and_up_elsewhere),
        cmocka_unit_test(a_link_refuses_another_node_and_another_cluster),
        cmocka_unit_test(a_full_queue_is_overload_and_empties_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
