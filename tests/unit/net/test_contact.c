/* net/contact: one question to an address, answered or failed exactly once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shoal/error.h"
#include "support/fake_node.h"

#define SECOND_US UINT64_C(1000000)

struct question {
    const char *host;
    uint16_t port;
    uint64_t timeout_us;
};

static void ask(struct worker *worker, const struct ports *ports, void *self)
{
    (void)worker;
    const struct question *question = self;
    struct buffer frame;
    buffer_init(&frame, 0);
    struct message_admit admit = {.id = 5, .node = 1};
    assert_int_equal(message_admit_encode(&admit, &frame), 0);
    ports->contact(ports->self, question->host, question->port, buffer_bytes(&frame), 99,
                   question->timeout_us);
    buffer_deinit(&frame);
}

static struct fake_event ask_and_wait(struct fake_node *node, struct question question)
{
    struct fake_event event;
    uint32_t before = fake_worker_count(node->workers[0], FAKE_CONTACTED);
    fake_worker_call(node->workers[0], ask, &question);
    assert_true(fake_worker_wait(node->workers[0], FAKE_CONTACTED, before + 1, &event));
    assert_int_equal(event.number, 99);
    return event;
}

static void an_answer_is_handed_over_also_from_another_cluster(void **state)
{
    (void)state;
    struct fake_node a;
    struct fake_node b;
    fake_node_start(&a, 1, 1, "own");
    fake_node_start(&b, 2, 1, "other");
    struct fake_event event =
        ask_and_wait(&a, (struct question){"localhost", b.peer_port, 60 * SECOND_US});
    assert_int_equal(event.code, 0);
    assert_true(event.payload_len > 0);
    fake_node_stop(&a);
    fake_node_stop(&b);
    assert_true(true);
}

/* A port that nobody listens on, nor will: it is held by *fd, to be closed. */
static uint16_t dead_port(int *fd)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    *fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(*fd, (struct sockaddr *)&address, len), 0);
    assert_int_equal(getsockname(*fd, (struct sockaddr *)&address, &len), 0);
    return ntohs(address.sin_port);
}

static void nobody_there_is_an_error_at_once(void **state)
{
    (void)state;
    struct fake_node a;
    fake_node_start(&a, 1, 1, NULL);
    int fd;
    struct fake_event event =
        ask_and_wait(&a, (struct question){"127.0.0.1", dead_port(&fd), 3600 * SECOND_US});
    assert_int_equal(event.code, SHOAL_ECONNECT);
    close(fd);
    fake_node_stop(&a);
}

static void a_name_that_does_not_exist_is_an_error(void **state)
{
    (void)state;
    struct fake_node a;
    fake_node_start(&a, 1, 1, NULL);
    struct fake_event event =
        ask_and_wait(&a, (struct question){"no such host.invalid", 1, 3600 * SECOND_US});
    assert_int_equal(event.code, SHOAL_ECONNECT);
    fake_node_stop(&a);
}

static void a_node_never_asks_itself(void **state)
{
    (void)state;
    struct fake_node a;
    fake_node_start(&a, 1, 1, NULL);
    struct fake_event event =
        ask_and_wait(&a, (struct question){"127.0.0.1", a.peer_port, 60 * SECOND_US});
    assert_int_equal(event.code, CONTACT_SELF);
    assert_true(event.payload_len > 0);
    event = ask_and_wait(&a, (struct question){"localhost", a.peer_port, 60 * SECOND_US});
    assert_int_equal(event.code, CONTACT_SELF);
    fake_node_stop(&a);
}

static void a_failure_says_why(void **state)
{
    (void)state;
    struct fake_node a;
    fake_node_start(&a, 1, 1, NULL);
    struct fake_event event =
        ask_and_wait(&a, (struct question){"no such host.invalid", 1, 3600 * SECOND_US});
    assert_true(event.code < 0);
    const char *expected = "the name can't be looked up";
    assert_true(event.payload_len > strlen(expected));
    assert_memory_equal(event.payload, expected, strlen(expected));
    fake_node_stop(&a);
}

static void a_peer_that_is_silent_is_a_timeout(void **state)
{
    (void)state;
    struct fake_node a;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(fd, 10), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    fake_node_start(&a, 1, 1, NULL);
    struct fake_event event =
        ask_and_wait(&a, (struct question){"127.0.0.1", ntohs(address.sin_port), 50000});
    assert_int_equal(event.code, SHOAL_ETIMEOUT);
    fake_node_stop(&a);
    close(fd);
}

static void a_client_port_is_not_a_peer_port(void **state)
{
    (void)state;
    struct fake_node a;
    struct fake_node b;
    fake_node_start(&a, 1, 1, NULL);
    fake_node_start(&b, 2, 1, "c");
    struct fake_event event =
        ask_and_wait(&a, (struct question){"127.0.0.1", b.client_port, 60 * SECOND_US});
    assert_int_equal(event.code, SHOAL_EPROTO);
    fake_node_stop(&a);
    fake_node_stop(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_is_handed_over_also_from_another_cluster),
        cmocka_unit_test(nobody_there_is_an_error_at_once),
        cmocka_unit_test(a_name_that_does_not_exist_is_an_error),
        cmocka_unit_test(a_node_never_asks_itself),
        cmocka_unit_test(a_failure_says_why),
        cmocka_unit_test(a_peer_that_is_silent_is_a_timeout),
        cmocka_unit_test(a_client_port_is_not_a_peer_port),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
