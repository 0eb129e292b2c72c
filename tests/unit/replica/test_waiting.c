/* Who waits for a read is called once, by ticket, and may wait again from within. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "replica/waiting.h"
#include "shoal/error.h"

enum { WAITERS = 3 * WAITING_BUCKETS };

struct reader {
    struct read_waiter waiter;
    int fired;
    int code;
    bool again;
};

static struct waiting_room room;
static struct reader readers[WAITERS];

static void on_fire(struct read_waiter *waiter, int code)
{
    struct reader *reader = QUEUE_ITEM(waiter, struct reader, waiter);
    reader->fired++;
    reader->code = code;
    if (reader->again) {
        reader->again = false;
        (void)waiting_ticket(&room);
        waiting_enter(&room, waiter);
    }
}

static int setup(void **state)
{
    (void)state;
    waiting_init(&room);
    for (int i = 0; i < WAITERS; i++) {
        readers[i] = (struct reader){.waiter = {.fire = on_fire}};
        (void)waiting_ticket(&room);
        waiting_enter(&room, &readers[i].waiter);
    }
    return 0;
}

static void everybody_is_called_once_by_ticket_in_any_order(void **state)
{
    (void)state;
    for (int i = WAITERS - 1; i >= 0; i--) {
        uint64_t ticket = readers[i].waiter.ticket;
        assert_true(ticket == (uint64_t)i + 1);
        waiting_ready(&room, ticket, -i);
        assert_int_equal(readers[i].fired, 1);
        assert_int_equal(readers[i].code, -i);
        waiting_ready(&room, ticket, 0); /* nobody's any more */
        assert_int_equal(readers[i].fired, 1);
    }
}

static void a_ticket_that_nobody_holds_calls_nobody(void **state)
{
    (void)state;
    waiting_ready(&room, 0, 0);
    waiting_ready(&room, WAITERS + 1, 0);
    for (int i = 0; i < WAITERS; i++) {
        assert_int_equal(readers[i].fired, 0);
    }
}

static void who_left_is_not_called(void **state)
{
    (void)state;
    waiting_leave(&readers[5].waiter);
    waiting_ready(&room, readers[5].waiter.ticket, 0);
    assert_int_equal(readers[5].fired, 0);
    waiting_leave(&readers[5].waiter);                                   /* harmless */
    waiting_ready(&room, readers[5 + WAITING_BUCKETS].waiter.ticket, 0); /* the same bucket */
    assert_int_equal(readers[5 + WAITING_BUCKETS].fired, 1);
}

static void who_must_wait_once_more_may(void **state)
{
    (void)state;
    readers[0].again = true;
    waiting_ready(&room, 1, 0);
    assert_int_equal(readers[0].fired, 1);
    assert_true(readers[0].waiter.ticket == WAITERS + 1);
    waiting_ready(&room, WAITERS + 1, SHOAL_EIO);
    assert_int_equal(readers[0].fired, 2);
    assert_int_equal(readers[0].code, SHOAL_EIO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(everybody_is_called_once_by_ticket_in_any_order, setup),
        cmocka_unit_test_setup(a_ticket_that_nobody_holds_calls_nobody, setup),
        cmocka_unit_test_setup(who_left_is_not_called, setup),
        cmocka_unit_test_setup(who_must_wait_once_more_may, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
