/* What this node answers about ended actors, and what it refuses from then on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "repair/ended.h"

#define P 3u
#define MINE UINT64_C(7)

static struct ended ended;
static struct holding holding;
static struct ended_standing standing;

static int setup(void **state)
{
    (void)state;
    ended_init(&ended);
    holding_init(&holding, P);
    holding.actor = MINE;
    standing = (struct ended_standing){.holding = &holding, .has_record = true};
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    mem_fail_never();
    ended_check(&ended);
    holding_deinit(&holding);
    ended_deinit(&ended);
    return 0;
}

static uint64_t confirm(const uint64_t *actors, uint32_t count, bool certain)
{
    struct message_ended question = {
        .id = 1, .partition = P, .actors = actors, .count = count, .certain = certain};
    return ended_confirm(&ended, &question, &standing);
}

static bool refuses(uint64_t actor)
{
    return ended_refuses(&ended, P, standing.holding, actor);
}

static void ones_own_actor_is_not_confirmed(void **state)
{
    (void)state;
    const uint64_t actors[] = {5, MINE, 9};
    assert_true(confirm(actors, 3, false) == 5);
    assert_true(confirm(actors, 3, true) == 5);
    assert_true(refuses(5) && refuses(9));
    assert_false(refuses(MINE));
}

static void being_asked_whose_it_is_promises_nothing(void **state)
{
    (void)state;
    const uint64_t actors[] = {5};
    assert_true(confirm(actors, 1, false) == 1);
    assert_false(refuses(5));
}

static void what_was_confirmed_is_refused_in_that_partition_only(void **state)
{
    (void)state;
    const uint64_t actors[] = {9, 5, 8};
    assert_true(confirm(actors, 3, true) == 7);
    assert_true(confirm(actors, 3, true) == 7);
    assert_true(refuses(5) && refuses(8) && refuses(9));
    assert_false(refuses(6) || refuses(0));
    assert_false(ended_refuses(&ended, P + 1, NULL, 5));
}

static void a_member_without_holding_answers_too(void **state)
{
    (void)state;
    const uint64_t actors[] = {5};
    standing = (struct ended_standing){0};
    assert_true(confirm(actors, 1, true) == 1);
    assert_true(refuses(5));
}

static void a_holding_on_record_that_may_go_on_says_nothing(void **state)
{
    (void)state;
    const uint64_t actors[] = {5};
    standing.holding = NULL;
    assert_true(confirm(actors, 1, false) == 0);
    assert_true(confirm(actors, 1, true) == 0);
    assert_false(refuses(5));
}

static void who_owes_hints_confirms_no_end(void **state)
{
    (void)state;
    const uint64_t actors[] = {5};
    standing.owes = true;
    assert_true(confirm(actors, 1, false) == 1);
    assert_true(confirm(actors, 1, true) == 0);
    assert_false(refuses(5));
}

static void no_actor_at_all_is_not_confirmed(void **state)
{
    (void)state;
    const uint64_t actors[] = {0};
    assert_true(confirm(actors, 1, false) == 0);
    assert_true(confirm(NULL, 0, true) == 0);
}

static void what_the_clock_has_closed_is_refused(void **state)
{
    (void)state;
    partition_clock_close(&holding.clock, 5);
    assert_true(refuses(5));
    assert_false(ended_refuses(&ended, P, NULL, 5));
}

static void what_was_confirmed_is_refused_when_the_clock_is_lost(void **state)
{
    (void)state;
    const uint64_t actors[] = {5};
    partition_clock_close(&holding.clock, 5);
    assert_true(confirm(actors, 1, true) == 1);
    partition_clock_clear(&holding.clock);
    assert_true(refuses(5));
}

static void over_the_bound_nothing_more_is_confirmed(void **state)
{
    (void)state;
    for (uint64_t actor = 100; actor < 100 + ENDED_ACTORS_MAX; actor++) {
        assert_true(confirm(&actor, 1, true) == 1);
    }
    const uint64_t actors[] = {5, 100};
    assert_true(confirm(actors, 2, true) == 2);
    assert_true(confirm(actors, 2, false) == 3);
    assert_false(refuses(5));
    partition_clock_close(&holding.clock, 200);
    assert_true(confirm(actors, 2, true) == 3);
    assert_true(refuses(5) && refuses(200) && refuses(201));
    partition_clock_close(&holding.clock, 6); /* learned from elsewhere */
    const uint64_t closed[] = {6};
    assert_true(confirm(closed, 1, true) == 1);
}

static void without_memory_nothing_is_confirmed(void **state)
{
    (void)state;
    const uint64_t actors[] = {5};
    for (uint64_t nth = 1; nth <= 3; nth++) {
        mem_fail_from(nth);
        assert_true(confirm(actors, 1, true) == 0);
        assert_false(refuses(5));
        ended_check(&ended);
        ended_forget(&ended);
    }
    mem_fail_from(4);
    assert_true(confirm(actors, 1, true) == 1);
    assert_true(refuses(5));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(ones_own_actor_is_not_confirmed),
        TEST(being_asked_whose_it_is_promises_nothing),
        TEST(what_was_confirmed_is_refused_in_that_partition_only),
        TEST(a_member_without_holding_answers_too),
        TEST(a_holding_on_record_that_may_go_on_says_nothing),
        TEST(who_owes_hints_confirms_no_end),
        TEST(no_actor_at_all_is_not_confirmed),
        TEST(what_the_clock_has_closed_is_refused),
        TEST(what_was_confirmed_is_refused_when_the_clock_is_lost),
        TEST(over_the_bound_nothing_more_is_confirmed),
        TEST(without_memory_nothing_is_confirmed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
