/* net/net over real threads: letters, the record, and the end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/keeper.h"
#include "support/fake_node.h"

#define WORKERS 4u
#define LETTERS 2000u

static void send_letters(struct worker *worker, const struct ports *ports, void *self)
{
    (void)ports;
    (void)self;
    for (uint64_t number = 0; number < LETTERS; number++) {
        for (uint32_t to = 0; to < WORKERS; to++) {
            fake_worker_send_letter(worker, to, number);
        }
    }
}

static void letters_between_all_workers_arrive_once_and_in_order(void **state)
{
    (void)state;
    struct fake_node node;
    fake_node_start(&node, 1, WORKERS, NULL);
    for (uint32_t i = 0; i < WORKERS; i++) {
        fake_worker_call(node.workers[i], send_letters, NULL);
    }
    for (uint32_t i = 0; i < WORKERS; i++) {
        assert_true(fake_worker_wait(node.workers[i], FAKE_LETTER, WORKERS * LETTERS, NULL));
        assert_int_equal(fake_worker_count(node.workers[i], FAKE_LETTER), WORKERS * LETTERS);
    }
    uint64_t next[WORKERS] = {0};
    for (uint32_t count = 1; count <= 200; count++) {
        struct fake_event event;
        assert_true(fake_worker_wait(node.workers[1], FAKE_LETTER, count, &event));
        assert_int_equal(event.number, next[event.code]);
        next[event.code]++;
    }
    fake_node_stop(&node);
}

static void keep_two(struct worker *worker, const struct ports *ports, void *self)
{
    (void)worker;
    (void)self;
    ports->keep(ports->self, bytes_from_string("first"), 1);
    ports->keep(ports->self, bytes_from_string("second"), 2);
}

static void records_are_kept_in_order_and_told(void **state)
{
    (void)state;
    struct fake_node node;
    struct fake_event event;
    fake_node_start(&node, 1, 2, NULL);
    fake_worker_call(node.workers[0], keep_two, NULL);
    assert_true(fake_worker_wait(node.workers[0], FAKE_KEPT, 1, &event));
    assert_int_equal(event.number, 1);
    assert_int_equal(event.code, 0);
    assert_true(fake_worker_wait(node.workers[0], FAKE_KEPT, 2, &event));
    assert_int_equal(event.number, 2);
    struct buffer record;
    buffer_init(&record, 0);
    assert_int_equal(keeper_load(node.folder_fd, &record), 0);
    assert_true(bytes_equal(buffer_bytes(&record), bytes_from_string("second")));
    buffer_deinit(&record);
    fake_node_stop(&node);
}

static void stopping_tells_every_worker_and_ends_all(void **state)
{
    (void)state;
    struct fake_node node;
    fake_node_start(&node, 1, WORKERS, NULL);
    net_stop(node.net);
    net_stop(node.net);
    for (uint32_t i = 0; i < WORKERS; i++) {
        assert_true(fake_worker_wait(node.workers[i], FAKE_STOPPED, 1, NULL));
    }
    fake_node_stop(&node);
}

static void letters_under_way_at_the_end_are_not_lost(void **state)
{
    (void)state;
    for (uint32_t round = 0; round < 20; round++) {
        struct fake_node node;
        fake_node_start(&node, 1, WORKERS, NULL);
        fake_worker_call(node.workers[round % WORKERS], send_letters, NULL);
        fake_node_stop_now(&node); /* leaks show under the sanitizers */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(letters_between_all_workers_arrive_once_and_in_order),
        cmocka_unit_test(records_are_kept_in_order_and_told),
        cmocka_unit_test(stopping_tells_every_worker_and_ends_all),
        cmocka_unit_test(letters_under_way_at_the_end_are_not_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
