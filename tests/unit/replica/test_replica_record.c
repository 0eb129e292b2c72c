/* Of a clock only what is on stable storage is told, and it is put there no more often than need
 * be. */
#include "replica_fixture.h"

#define A 101u

static struct dot dot(uint64_t counter)
{
    return (struct dot){.actor = A, .counter = counter};
}

static bool told(const struct fixture *fixture, uint64_t counter)
{
    return partition_clock_seen(&fixture->holding->told, dot(counter));
}

static void see(struct fixture *fixture, uint64_t counter)
{
    assert_true(store(fixture, foreign(fixture, A, counter, "value")) >= 0);
}

static void tell(struct fixture *fixture)
{
    replica_tell_clock(&fixture->replica, fixture->holding);
}

static void it_is_told_when_its_record_is_durable_and_not_when_it_is_settled(void **state)
{
    struct fixture *fixture = *state;
    fixture->fickle->slow = true;
    fixture->fickle->engine.settles_durable = false;
    pass_ms(fixture, 2000);
    see(fixture, 1);
    tell(fixture);
    assert_false(told(fixture, 1));
    see(fixture, 2);
    fickle_engine_settle(fixture->fickle);
    assert_false(told(fixture, 1));
    fickle_engine_make_durable(fixture->fickle);
    assert_true(told(fixture, 1));
    assert_false(told(fixture, 2)); /* it came after the record */
}

static void what_an_engine_never_makes_more_durable_is_told_at_once(void **state)
{
    struct fixture *fixture = *state;
    pass_ms(fixture, 2000);
    see(fixture, 1);
    tell(fixture);
    assert_true(told(fixture, 1));
}

static void it_is_put_on_record_once_a_second_at_most_and_only_if_it_has_changed(void **state)
{
    struct fixture *fixture = *state;
    upkeep(fixture);
    pass_ms(fixture, 2000);
    see(fixture, 1);
    tell(fixture);
    assert_true(told(fixture, 1));
    see(fixture, 2);
    tell(fixture);
    assert_false(told(fixture, 2)); /* too soon */
    pass_ms(fixture, 500);
    upkeep(fixture);
    assert_false(told(fixture, 2));
    pass_ms(fixture, 600);
    upkeep(fixture);
    assert_true(told(fixture, 2));
    uint64_t next_us = fixture->holding->telling.next_us;
    pass_ms(fixture, 2000);
    tell(fixture);
    upkeep(fixture);
    assert_true(fixture->holding->telling.next_us == next_us); /* no record was put */
}

static void a_record_that_is_late_is_hardened(void **state)
{
    struct fixture *fixture = *state;
    fixture->fickle->slow = true;
    fixture->fickle->engine.settles_durable = false;
    pass_ms(fixture, 2000);
    see(fixture, 1);
    tell(fixture);
    for (int i = 0; i < 4 && fixture->fickle->hardens == 0; i++) {
        pass_ms(fixture, 1000);
        upkeep(fixture);
    }
    assert_true(fixture->fickle->hardens > 0);
    fickle_engine_make_durable(fixture->fickle);
    assert_true(told(fixture, 1));
}

static void where_the_record_is_refused_nothing_is_told_until_it_is_not(void **state)
{
    struct fixture *fixture = *state;
    see(fixture, 1);
    pass_ms(fixture, 2000);
    fixture->fickle->holdings_failing = 1;
    tell(fixture);
    assert_false(told(fixture, 1));
    pass_ms(fixture, 2000);
    upkeep(fixture);
    assert_true(told(fixture, 1));
}

static void where_the_storage_fails_nothing_more_is_told(void **state)
{
    struct fixture *fixture = *state;
    fixture->fickle->slow = true;
    pass_ms(fixture, 2000);
    see(fixture, 1);
    tell(fixture);
    fickle_engine_break(fixture->fickle, SHOAL_EIO);
    assert_false(told(fixture, 1));
    assert_false(fixture->holding->telling.waiting);
}

static void what_forgets_takes_back_what_it_told(void **state)
{
    struct fixture *fixture = *state;
    fixture->fickle->slow = true;
    pass_ms(fixture, 2000);
    see(fixture, 1);
    tell(fixture);
    fickle_engine_settle(fixture->fickle);
    assert_true(told(fixture, 1));
    pass_ms(fixture, 2000);
    see(fixture, 2);
    tell(fixture); /* on its way */
    fickle_engine_damage(fixture->fickle, &fixture->key);
    assert_false(told(fixture, 1));
    fickle_engine_settle(fixture->fickle);
    assert_false(told(fixture, 1) || told(fixture, 2));
}

static void without_memory_less_is_told(void **state)
{
    struct fixture *fixture = *state;
    see(fixture, 1);
    for (uint64_t nth = 1; nth < 8; nth++) {
        pass_ms(fixture, 2000);
        see(fixture, 1 + nth);
        mem_fail_from(nth);
        tell(fixture);
        mem_fail_never();
        assert_true(partition_clock_includes(&fixture->holding->clock, &fixture->holding->told));
        replica_check(&fixture->replica);
    }
    pass_ms(fixture, 2000);
    upkeep(fixture);
    tell(fixture);
    assert_true(told(fixture, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(it_is_told_when_its_record_is_durable_and_not_when_it_is_settled),
        FIXTURE_TEST(what_an_engine_never_makes_more_durable_is_told_at_once),
        FIXTURE_TEST(it_is_put_on_record_once_a_second_at_most_and_only_if_it_has_changed),
        FIXTURE_TEST(a_record_that_is_late_is_hardened),
        FIXTURE_TEST(where_the_record_is_refused_nothing_is_told_until_it_is_not),
        FIXTURE_TEST(where_the_storage_fails_nothing_more_is_told),
        FIXTURE_TEST(what_forgets_takes_back_what_it_told),
        FIXTURE_TEST(without_memory_less_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
