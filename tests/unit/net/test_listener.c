/* net/listener: ports chosen, shared between workers, and not shared with strangers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <unistd.h>

#include "net/listener.h"
#include "support/wire_client.h"

static uint32_t accepted;

static void on_accepted(void *self, struct loop *loop, int fd)
{
    (void)self;
    (void)loop;
    accepted++;
    close(fd);
}

static void several_loops_share_a_port_of_the_kernels_choosing(void **state)
{
    (void)state;
    struct loop loops[2];
    struct listener *listeners[2];
    struct addresses addresses;
    uint16_t port = 0;
    char text[256];
    assert_int_equal(listener_choose("127.0.0.1", 0, &addresses, &port, text), 0);
    assert_int_not_equal(port, 0);
    for (uint32_t i = 0; i < 2; i++) {
        assert_int_equal(loop_init(&loops[i], NULL, i), 0);
        assert_int_equal(
            listener_new(&loops[i], &addresses, on_accepted, NULL, &listeners[i], text), 0);
    }
    accepted = 0;
    struct wire_client clients[20];
    for (uint32_t i = 0; i < 20; i++) {
        wire_client_open(&clients[i], port);
    }
    while (accepted < 20) {
        loop_turn(&loops[0], false);
        loop_turn(&loops[1], false);
    }
    for (uint32_t i = 0; i < 20; i++) {
        wire_client_close(&clients[i]);
    }
    for (uint32_t i = 0; i < 2; i++) {
        listener_free(listeners[i]);
        loop_deinit(&loops[i]);
    }
}

static void a_port_that_another_listens_on_is_refused_with_its_address(void **state)
{
    (void)state;
    struct loop loop;
    struct listener *listener;
    struct addresses addresses;
    uint16_t port = 0;
    char text[256] = "";
    assert_int_equal(listener_choose("127.0.0.1", 0, &addresses, &port, text), 0);
    assert_int_equal(loop_init(&loop, NULL, 0), 0);
    assert_int_equal(listener_new(&loop, &addresses, on_accepted, NULL, &listener, text), 0);
    uint16_t again;
    assert_true(listener_choose("127.0.0.1", port, &addresses, &again, text) < 0);
    assert_non_null(strstr(text, "127.0.0.1:"));
    assert_non_null(strstr(text, "in use"));
    listener_free(listener);
    loop_deinit(&loop);
}

static void a_host_that_is_not_this_machine_is_refused(void **state)
{
    (void)state;
    struct addresses addresses;
    uint16_t port;
    char text[256] = "";
    assert_true(listener_choose("203.0.113.1", 0, &addresses, &port, text) < 0);
    assert_non_null(strstr(text, "203.0.113.1"));
    assert_true(listener_choose("no such host.invalid", 0, &addresses, &port, text) < 0);
    assert_non_null(strstr(text, "no such host.invalid"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(several_loops_share_a_port_of_the_kernels_choosing),
        cmocka_unit_test(a_port_that_another_listens_on_is_refused_with_its_address),
        cmocka_unit_test(a_host_that_is_not_this_machine_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
