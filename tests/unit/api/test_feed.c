/* Readers of the live feed over real sockets, both surfaces, in front of a feed that tells what the
 * test says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"
#include "shoal/error.h"
#include "support/fake_feed.h"
#include "support/fake_node.h"
#include "support/wire_client.h"

struct fixture {
    struct fake_node node;
    struct wire_client client;
};

static int set_up(void **state)
{
    static struct fixture fixture;
    fake_feed_reset();
    fake_node_start(&fixture.node, 1, 1, "c");
    wire_client_open(&fixture.client, fixture.node.client_port);
    wire_client_hello(&fixture.client);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    wire_client_close(&fixture->client);
    fake_node_stop_now(&fixture->node);
    return 0;
}

static void watch(struct fixture *fixture, uint64_t id, const char *cursor, uint64_t heartbeat_us)
{
    const struct message_watch message = {
        .id = id,
        .prefix = bytes_from_string("p/"),
        .ops = 1u << FEED_PUT,
        .cursor = cursor == NULL ? (struct bytes){0} : bytes_from_string(cursor),
        .heartbeat_us = heartbeat_us,
    };
    assert_int_equal(message_watch_encode(&message, &fixture->client.out), 0);
    wire_client_send(&fixture->client);
}

static struct watched_event watched(struct fixture *fixture, uint64_t id)
{
    struct bytes payload;
    uint32_t kind;
    uint64_t found;
    struct message_watched message;
    assert_true(wire_client_receive(&fixture->client, &payload, &kind, &found));
    assert_int_equal(kind, MESSAGE_WATCHED);
    assert_int_equal(found, id);
    assert_int_equal(message_watched_decode(payload, &fixture->client.arena, &message), 0);
    assert_int_equal(message.count, 1);
    return message.events[0];
}

static void expect_end(struct fixture *fixture, uint64_t id, int code)
{
    struct message_result result = wire_client_result(&fixture->client);
    assert_int_equal(result.id, id);
    assert_int_equal(result.code, code);
}

static struct feed_event put_of(const char *key, const char *value, uint64_t serial)
{
    return (struct feed_event){
        .op = FEED_PUT,
        .time_ms = 5,
        .key = bytes_from_string(key),
        .value = bytes_from_string(value),
        .value_bytes = strlen(value),
        .cursor = bytes_from_string("here"),
        .serial = serial,
    };
}

static void call(struct fixture *fixture, fake_call what, void *self)
{
    fake_worker_call(fixture->node.workers[0], what, self);
}

static uint32_t offer(struct fixture *fixture, const struct feed_event *events, uint32_t count)
{
    struct fake_feed_offer offer = {.events = events, .count = count};
    call(fixture, fake_feed_offer, &offer);
    return offer.taken;
}

/* ---- the native protocol --------------------------------------------------------------------- */

static void a_watch_is_told_its_place_and_then_events(void **state)
{
    struct fixture *fixture = *state;
    watch(fixture, 7, NULL, 0);
    assert_true(fake_feed_wait(1));
    assert_int_equal(fake_feed_ops(), 1u << FEED_PUT);
    assert_true(bytes_equal(fake_feed_prefix(), bytes_from_string("p/")));
    call(fixture, fake_feed_place, NULL);
    struct watched_event event = watched(fixture, 7);
    assert_int_equal(event.op, 0);
    assert_true(bytes_equal(event.cursor, bytes_from_string("start")));
    const struct feed_event put = put_of("p/k", "v", 1);
    assert_int_equal(offer(fixture, &put, 1), 1);
    event = watched(fixture, 7);
    assert_int_equal(event.op, FEED_PUT);
    assert_true(bytes_equal(event.value, bytes_from_string("v")));
    assert_true(bytes_equal(event.cursor, bytes_from_string("here")));
    assert_true(bytes_equal(event.node, bytes_from_string("fake")));
}

static void several_watches_share_a_connection_and_end_one_by_one(void **state)
{
    struct fixture *fixture = *state;
    watch(fixture, 1, "c", 0);
    watch(fixture, 2, "c", 0);
    assert_true(fake_feed_wait(2));
    watch(fixture, 2, "c", 0);
    expect_end(fixture, 2, SHOAL_ECONFLICT);
    const struct message_unwatch unwatch = {.id = 1};
    assert_int_equal(message_unwatch_encode(&unwatch, &fixture->client.out), 0);
    wire_client_send(&fixture->client);
    expect_end(fixture, 1, 0);
    assert_int_equal(message_unwatch_encode(&unwatch, &fixture->client.out), 0);
    wire_client_send(&fixture->client);
    expect_end(fixture, 1, SHOAL_ENOTFOUND);
    const struct feed_event put = put_of("p/k", "v", 1);
    assert_int_equal(offer(fixture, &put, 1), 1);
    assert_int_equal(watched(fixture, 2).op, FEED_PUT);
}

static void silence_is_told_as_a_heartbeat(void **state)
{
    struct fixture *fixture = *state;
    watch(fixture, 3, "c", 1); /* the shortest there is */
    for (uint32_t i = 0; i < 3; i++) {
        struct watched_event event = watched(fixture, 3);
        assert_int_equal(event.op, 0);
        assert_true(bytes_equal(event.cursor, bytes_from_string("start")));
    }
}

static void what_the_feed_refuses_is_refused(void **state)
{
    struct fixture *fixture = *state;
    static const int codes[] = {SHOAL_EINVAL, SHOAL_EUNSUPPORTED, SHOAL_EOVERLOAD, SHOAL_ECONNECT};
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        fake_feed_refuse(codes[i]);
        watch(fixture, 4, "c", 0);
        expect_end(fixture, 4, codes[i]);
    }
}

static void a_watch_that_the_feed_ends_is_told_why(void **state)
{
    struct fixture *fixture = *state;
    int code = SHOAL_ESHUTDOWN;
    watch(fixture, 5, "c", 0);
    assert_true(fake_feed_wait(1));
    call(fixture, fake_feed_end, &code);
    expect_end(fixture, 5, SHOAL_ESHUTDOWN);
}

static void watches_end_with_their_connection(void **state)
{
    struct fixture *fixture = *state;
    watch(fixture, 6, "c", 0);
    assert_true(fake_feed_wait(1));
    assert_int_equal(shutdown(fixture->client.fd, SHUT_WR), 0);
    assert_true(fake_feed_wait(0));
    assert_true(wire_client_is_closed(&fixture->client));
}

/* Nothing is read until it takes no more; then everything that was taken arrives, and room is said
 * to be there again. */
static void a_reader_that_is_full_takes_no_more_until_it_has_read(void **state)
{
    struct fixture *fixture = *state;
    static char value[200001];
    memset(value, 'v', sizeof(value) - 1);
    watch(fixture, 8, "c", 0);
    assert_true(fake_feed_wait(1));
    const struct feed_event put = put_of("p/k", value, 1);
    uint32_t taken = 0;
    while (offer(fixture, &put, 1) == 1) {
        taken++;
        assert_true(taken < 1000);
    }
    assert_true(taken > 1);
    for (uint32_t i = 0; i < taken; i++) {
        assert_int_equal(watched(fixture, 8).value.len, sizeof(value) - 1);
    }
    while (fake_feed_more() == 0) {
        usleep(1000);
    }
    assert_int_equal(offer(fixture, &put, 1), 1);
    assert_int_equal(watched(fixture, 8).op, FEED_PUT);
}

/* What it takes is gathered, and is to leave when the memory is gone. */
static void offer_and_run_out(struct worker *worker, const struct ports *ports, void *self)
{
    fake_feed_offer(worker, ports, self);
    mem_fail_from(1);
}

static void have_memory_again(struct worker *worker, const struct ports *ports, void *self)
{
    (void)worker;
    (void)ports;
    (void)self;
    mem_fail_never();
}

/* Else the reader would go on as if it had been told. */
static void an_event_that_there_is_no_memory_to_send_ends_the_connection(void **state)
{
    struct fixture *fixture = *state;
    static char value[60001];
    memset(value, 'v', sizeof(value) - 1);
    watch(fixture, 9, "c", 0);
    assert_true(fake_feed_wait(1));
    const struct feed_event put = put_of("p/k", value, 1);
    struct fake_feed_offer offer = {.events = &put, .count = 1};
    call(fixture, offer_and_run_out, &offer);
    assert_int_equal(offer.taken, 1);
    assert_true(wire_client_is_closed(&fixture->client));
    call(fixture, have_memory_again, NULL);
}

/* ---- /wal ------------------------------------------------------------------------------------ */

#define HANDSHAKE                                                                                  \
    "GET /wal?prefix=p%%2f&ops=put%s HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"                \
    "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"                                         \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

static int wal_open(struct fixture *fixture, const char *more)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(fixture->node.http_port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    char request[1024];
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    int len = snprintf(request, sizeof(request), HANDSHAKE, more);
    assert_int_equal(send(fd, request, (size_t)len, 0), len);
    return fd;
}

/* Exactly so many bytes. */
static void receive(int fd, void *into, size_t len)
{
    assert_int_equal(recv(fd, into, len, MSG_WAITALL), len);
}

/* The head of the answer, ended by a NUL. */
static void receive_head(int fd, char head[2048])
{
    size_t len = 0;
    do {
        assert_true(len < 2047);
        receive(fd, head + len++, 1);
        head[len] = 0;
    } while (len < 4 || strcmp(head + len - 4, "\r\n\r\n") != 0);
}

static void a_handshake_is_answered_when_the_reader_has_its_place(void **state)
{
    struct fixture *fixture = *state;
    char head[2048];
    int fd = wal_open(fixture, "");
    assert_true(fake_feed_wait(1));
    assert_int_equal(recv(fd, head, 1, MSG_DONTWAIT), -1);
    call(fixture, fake_feed_place, NULL);
    receive_head(fd, head);
    assert_non_null(strstr(head, "101 Switching"));
    assert_non_null(strstr(head, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    close(fd);
    assert_true(fake_feed_wait(0));
}

static void a_client_that_goes_before_that_is_forgotten(void **state)
{
    struct fixture *fixture = *state;
    int fd = wal_open(fixture, "");
    assert_true(fake_feed_wait(1));
    close(fd);
    assert_true(fake_feed_wait(0));
}

static void all_readers_of_an_event_get_the_same_frame(void **state)
{
    struct fixture *fixture = *state;
    static const char json[] = "{\"cursor\":\"aGVyZQ\",\"time\":\"1970-01-01T00:00:00.005Z\","
                               "\"op\":\"put\",\"key\":\"p/k\",\"value\":\"v\",\"node\":\"fake\"}";
    int fds[3];
    char head[2048];
    for (uint32_t i = 0; i < 3; i++) {
        fds[i] = wal_open(fixture, "");
        assert_true(fake_feed_wait(i + 1));
    }
    call(fixture, fake_feed_place, NULL);
    const struct feed_event events[] = {put_of("p/k", "v", 1), put_of("p/k", "v", 1),
                                        put_of("p/k", "v", 0)};
    assert_int_equal(offer(fixture, events, 3), 3);
    for (uint32_t i = 0; i < 3; i++) {
        receive_head(fds[i], head);
        for (uint32_t k = 0; k < 3; k++) {
            uint8_t frame[2 + sizeof(json) - 1];
            receive(fds[i], frame, sizeof(frame));
            assert_int_equal(frame[0], 0x81);
            assert_int_equal(frame[1], sizeof(json) - 1);
            assert_memory_equal(frame + 2, json, sizeof(json) - 1);
        }
        close(fds[i]);
    }
}

static void a_feed_that_ends_closes_the_websocket(void **state)
{
    struct fixture *fixture = *state;
    char head[2048];
    uint8_t frame[4];
    int code = SHOAL_ESHUTDOWN;
    int fd = wal_open(fixture, "&after=AQID");
    assert_true(fake_feed_wait(1));
    assert_true(bytes_equal(fake_feed_cursor(), bytes_from_string("\1\2\3")));
    const struct feed_event put = put_of("p/k", "", 1);
    assert_int_equal(offer(fixture, &put, 1), 1);
    receive_head(fd, head);
    call(fixture, fake_feed_end, &code);
    do {
        receive(fd, frame, 1);
    } while (frame[0] != 0x88);
    receive(fd, frame, 3);
    assert_int_equal(frame[1] << 8 | frame[2], 1001);
    close(fd);
}

static void what_the_feed_refuses_is_an_answer(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        int code;
        const char *status;
    } cases[] = {{SHOAL_EINVAL, " 400 "},
                 {SHOAL_EUNSUPPORTED, " 501 "},
                 {SHOAL_EOVERLOAD, " 503 "},
                 {SHOAL_ESHUTDOWN, " 503 "}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char head[2048];
        fake_feed_refuse(cases[i].code);
        int fd = wal_open(fixture, "");
        receive_head(fd, head);
        assert_non_null(strstr(head, cases[i].status));
        close(fd);
    }
    fake_feed_refuse(0);
    int code = SHOAL_ENOMEM;
    char head[2048];
    int fd = wal_open(fixture, "");
    assert_true(fake_feed_wait(1));
    call(fixture, fake_feed_end, &code);
    receive_head(fd, head);
    assert_non_null(strstr(head, " 503 "));
    close(fd);
}

/* ---- reads and lists ------------------------------------------------------------------------- */

static void reads_and_lists_are_told_only_where_somebody_wants_them(void **state)
{
    struct fixture *fixture = *state;
    wire_client_get(&fixture->client, 1, "k");
    wire_client_send(&fixture->client);
    (void)wire_client_result(&fixture->client);
    assert_int_equal(fake_feed_told(FEED_READ), 0);
    fake_feed_want(1u << FEED_READ | 1u << FEED_LIST);
    wire_client_get(&fixture->client, 2, "k");
    wire_client_put(&fixture->client, 3, "k", bytes_from_string("v"));
    wire_client_send(&fixture->client);
    (void)wire_client_result(&fixture->client);
    (void)wire_client_result(&fixture->client);
    assert_int_equal(fake_feed_told(FEED_READ), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_watch_is_told_its_place_and_then_events, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(several_watches_share_a_connection_and_end_one_by_one,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(silence_is_told_as_a_heartbeat, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_the_feed_refuses_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_watch_that_the_feed_ends_is_told_why, set_up, tear_down),
        cmocka_unit_test_setup_teardown(watches_end_with_their_connection, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_reader_that_is_full_takes_no_more_until_it_has_read,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            an_event_that_there_is_no_memory_to_send_ends_the_connection, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_handshake_is_answered_when_the_reader_has_its_place,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_client_that_goes_before_that_is_forgotten, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(all_readers_of_an_event_get_the_same_frame, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_feed_that_ends_closes_the_websocket, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_the_feed_refuses_is_an_answer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reads_and_lists_are_told_only_where_somebody_wants_them,
                                        set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
