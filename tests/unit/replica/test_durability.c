/* Confirmations come with the event that makes them true: in order, once, never before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "replica/durability.h"
#include "shoal/error.h"

enum { WAITERS = 4 };

struct waiting {
    struct durable_waiter waiter;
    int fired; /* its place in the order of firing, from 1; 0 before */
    int code;
};

static struct durability durability;
static struct waiting waiting[WAITERS];
static int fired_count;

static void on_fire(struct durable_waiter *waiter, int code)
{
    struct waiting *item = QUEUE_ITEM(waiter, struct waiting, waiter);
    assert_int_equal(item->fired, 0);
    item->fired = ++fired_count;
    item->code = code;
}

static int setup(void **state)
{
    (void)state;
    durability_init(&durability);
    fired_count = 0;
    for (int i = 0; i < WAITERS; i++) {
        waiting[i] = (struct waiting){.waiter = {.fire = on_fire}};
    }
    return 0;
}

/* Writes 1, 2, ... are issued, and each is waited for. */
static void wait_for_all(void)
{
    for (int i = 0; i < WAITERS; i++) {
        durability_issue(&durability, (uint64_t)i + 1);
        durability_wait(&durability, DURABILITY_SETTLED, &waiting[i].waiter);
    }
}

static void nothing_issued_is_settled(void **state)
{
    (void)state;
    assert_true(durability_reached(&durability, DURABILITY_SETTLED));
    durability_issue(&durability, 1);
    assert_false(durability_reached(&durability, DURABILITY_SETTLED));
    durability_reach(&durability, DURABILITY_SETTLED, 1);
    assert_true(durability_reached(&durability, DURABILITY_SETTLED));
}

static void a_waiter_is_called_when_its_write_is_settled_and_not_before(void **state)
{
    (void)state;
    wait_for_all();
    assert_int_equal(fired_count, 0);
    durability_reach(&durability, DURABILITY_SETTLED, 2);
    assert_int_equal(waiting[0].fired, 1);
    assert_int_equal(waiting[1].fired, 2);
    assert_int_equal(waiting[2].fired, 0);
    assert_int_equal(waiting[0].code, 0);
    durability_reach(&durability, DURABILITY_SETTLED, WAITERS);
    assert_int_equal(waiting[3].fired, WAITERS);
}

static void an_event_out_of_order_takes_nothing_back(void **state)
{
    (void)state;
    wait_for_all();
    durability_reach(&durability, DURABILITY_SETTLED, 3);
    durability_reach(&durability, DURABILITY_SETTLED, 1);
    assert_int_equal(fired_count, 3);
    assert_int_equal(durability.reached[DURABILITY_SETTLED], 3);
}

static void who_left_is_not_called(void **state)
{
    (void)state;
    wait_for_all();
    durability_cancel(&waiting[1].waiter);
    durability_reach(&durability, DURABILITY_SETTLED, WAITERS);
    assert_int_equal(waiting[1].fired, 0);
    assert_int_equal(fired_count, WAITERS - 1);
}

static void failed_storage_tells_everybody_and_settles_nothing(void **state)
{
    (void)state;
    wait_for_all();
    durability_reach(&durability, DURABILITY_SETTLED, 1);
    durability_fail(&durability, SHOAL_EIO);
    assert_int_equal(waiting[0].code, 0);
    for (int i = 1; i < WAITERS; i++) {
        assert_int_equal(waiting[i].code, SHOAL_EIO);
    }
    assert_int_equal(durability.failed, SHOAL_EIO);
    assert_false(durability_reached(&durability, DURABILITY_SETTLED));
}

static void on_fire_leave_others(struct durable_waiter *waiter, int code)
{
    on_fire(waiter, code);
    durability_cancel(&waiting[1].waiter);
}

static void a_waiter_may_take_another_out_when_called(void **state)
{
    (void)state;
    wait_for_all();
    waiting[0].waiter.fire = on_fire_leave_others;
    durability_reach(&durability, DURABILITY_SETTLED, WAITERS);
    assert_int_equal(waiting[1].fired, 0);
    assert_int_equal(fired_count, WAITERS - 1);
}

/* ---- two levels ---- */

static void what_is_settled_is_not_thereby_durable(void **state)
{
    (void)state;
    durability_issue(&durability, 1);
    durability_wait(&durability, DURABILITY_SETTLED, &waiting[0].waiter);
    durability_wait(&durability, DURABILITY_DURABLE, &waiting[1].waiter);
    durability_reach(&durability, DURABILITY_SETTLED, 1);
    assert_int_equal(waiting[0].fired, 1);
    assert_int_equal(waiting[1].fired, 0);
    assert_false(durability_reached(&durability, DURABILITY_DURABLE));
    durability_reach(&durability, DURABILITY_DURABLE, 1);
    assert_int_equal(waiting[1].fired, 2);
    durability_check(&durability);
}

static void on_fire_check_durable(struct durable_waiter *waiter, int code)
{
    on_fire(waiter, code);
    assert_true(durability_reached(&durability, DURABILITY_DURABLE));
}

static void what_is_durable_is_settled_and_who_waits_for_either_is_called(void **state)
{
    (void)state;
    durability_issue(&durability, 1);
    waiting[0].waiter.fire = on_fire_check_durable;
    durability_wait(&durability, DURABILITY_SETTLED, &waiting[0].waiter);
    durability_wait(&durability, DURABILITY_DURABLE, &waiting[1].waiter);
    durability_reach(&durability, DURABILITY_DURABLE, 1);
    assert_int_equal(waiting[0].fired, 1);
    assert_int_equal(waiting[1].fired, 2);
    assert_true(durability_reached(&durability, DURABILITY_SETTLED));
}

static void failed_storage_tells_who_waits_for_either(void **state)
{
    (void)state;
    durability_issue(&durability, 1);
    durability_wait(&durability, DURABILITY_SETTLED, &waiting[0].waiter);
    durability_wait(&durability, DURABILITY_DURABLE, &waiting[1].waiter);
    durability_fail(&durability, SHOAL_EIO);
    assert_int_equal(waiting[0].code, SHOAL_EIO);
    assert_int_equal(waiting[1].code, SHOAL_EIO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(nothing_issued_is_settled, setup),
        cmocka_unit_test_setup(a_waiter_is_called_when_its_write_is_settled_and_not_before, setup),
        cmocka_unit_test_setup(an_event_out_of_order_takes_nothing_back, setup),
        cmocka_unit_test_setup(who_left_is_not_called, setup),
        cmocka_unit_test_setup(failed_storage_tells_everybody_and_settles_nothing, setup),
        cmocka_unit_test_setup(a_waiter_may_take_another_out_when_called, setup),
        cmocka_unit_test_setup(what_is_settled_is_not_thereby_durable, setup),
        cmocka_unit_test_setup(what_is_durable_is_settled_and_who_waits_for_either_is_called,
                               setup),
        cmocka_unit_test_setup(failed_storage_tells_who_waits_for_either, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
