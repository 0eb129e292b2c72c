/* Sloppy quorums: who stands in for owners that are away, what it counts for, and what not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "ring/partition.h"
#include "shoal/error.h"
#include "support/fake_courier.h"

enum { NODES = 6 };

static const struct bytes none;

static int setup(void **state)
{
    struct fake_courier *fake = fake_courier_new(NODES, 3, 2, 2);
    fake->owners[FAKE_SELF].fickle->cold_percent = 0;
    fake->coordinator.sloppy = true;
    *state = fake;
    return 0;
}

static int teardown(void **state)
{
    fake_courier_free(*state);
    return 0;
}

static struct fake_answer *done(struct fake_courier *fake, struct fake_answer *answer)
{
    fake_run(fake, 3000 * MS);
    assert_true(answer->done);
    assert_int_equal(answer->code, 0);
    return answer;
}

/* The node that stands in for the key's owners in this place, by the ring. */
static uint64_t stand_in(struct fake_courier *fake, const char *key, uint32_t place)
{
    uint64_t nodes[NODES];
    uint32_t partition = partition_of_key(bytes_from_string(key), FAKE_PARTITIONS);
    assert_true(layout_fallbacks(view_newest(fake->owners[FAKE_SELF].view), partition, nodes,
                                 NODES) == NODES - 3);
    return nodes[place];
}

static uint32_t hints(const struct fake_courier *fake)
{
    uint32_t count = 0;
    for (uint64_t node = 1; node <= NODES; node++) {
        count += fake->owners[node].hints;
    }
    return count;
}

/* Puts, and cuts off the owners in the second and third place, or only the latter. */
static struct bytes put_and_cut(struct fake_courier *fake, const char *key, uint32_t from)
{
    struct fake_answer *first = done(fake, fake_put(fake, key, "one", none));
    for (uint32_t place = from; place < 3; place++) {
        fake_link(fake, fake_owner_of(fake, key, place), false);
    }
    return first->context;
}

static void nobody_stands_in_while_all_owners_are_there(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    struct fake_answer *put = done(fake, fake_put(fake, key, "one", none));
    assert_int_equal(put->owners, 2);
    assert_int_equal(put->fallbacks, 0);
    assert_int_equal(hints(fake), 0);
}

static void the_next_on_the_ring_keeps_a_write_for_an_owner_that_is_away(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    struct bytes context = put_and_cut(fake, key, 2);
    struct fake_answer *put = done(fake, fake_put(fake, key, "two", context));
    assert_int_equal(put->owners + put->fallbacks, 2);
    assert_int_equal(fake->owners[stand_in(fake, key, 0)].hints, 1);
    assert_int_equal(hints(fake), 1);
}

static void fallbacks_count_towards_w_and_are_told_apart(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    struct bytes context = put_and_cut(fake, key, 1);
    struct fake_answer *put = done(fake, fake_put(fake, key, "two", context));
    assert_int_equal(put->owners, 1);
    assert_int_equal(put->fallbacks, 1);
    assert_int_equal(put->needed, 2);
    assert_int_equal(fake->owners[stand_in(fake, key, 0)].hints, 1);
    assert_int_equal(fake->owners[stand_in(fake, key, 1)].hints, 1);
    assert_int_equal(hints(fake), 2);
}

static void who_is_away_as_well_is_passed_over(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    struct bytes context = put_and_cut(fake, key, 2);
    fake_link(fake, stand_in(fake, key, 0), false);
    fake->owners[stand_in(fake, key, 1)].storage = NODE_STORAGE_FULL;
    (void)done(fake, fake_put(fake, key, "two", context));
    assert_int_equal(fake->owners[stand_in(fake, key, 2)].hints, 1);
    assert_int_equal(hints(fake), 1);
}

static void without_sloppy_quorums_nobody_stands_in(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    fake->coordinator.sloppy = false;
    struct bytes context = put_and_cut(fake, key, 1);
    struct fake_answer *put = fake_put(fake, key, "two", context);
    fake_run(fake, 3000 * MS);
    assert_int_equal(put->code, SHOAL_EQUORUM);
    assert_non_null(strstr(put->text, "nothing was applied"));
    assert_int_equal(hints(fake), 0);
}

static void pw_and_dw_ask_for_owners_alone(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    struct bytes context = put_and_cut(fake, key, 1);
    fake->owners[FAKE_SELF].fickle->engine.keeps_data = true;
    const struct request_options options[] = {{.pw = 2}, {.dw = 2}};
    for (uint32_t i = 0; i < 2; i++) {
        struct request request = {.op = REQUEST_PUT,
                                  .key = bytes_from_string(key),
                                  .value = bytes_from_string("two"),
                                  .context = context,
                                  .options = options[i]};
        struct fake_answer *put = fake_begin(fake, &request);
        fake_run(fake, 3000 * MS);
        assert_int_equal(put->code, SHOAL_EQUORUM);
        assert_int_equal(fake_holders(fake, key, "two"), 0);
    }
    struct request request = {.op = REQUEST_PUT,
                              .key = bytes_from_string(key),
                              .value = bytes_from_string("two"),
                              .context = context,
                              .options = {.pw = 1}};
    assert_int_equal(done(fake, fake_begin(fake, &request))->fallbacks, 1);
}

static void a_fallback_vouches_for_nothing(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    (void)put_and_cut(fake, key, 1);
    struct fake_answer *gone = fake_delete(fake, key, none);
    fake_run(fake, 3000 * MS);
    assert_int_equal(gone->code, SHOAL_EQUORUM);
    assert_non_null(strstr(gone->text, "nothing was applied"));
    assert_int_equal(fake_held(fake, 1, key).siblings[0].kind, SIBLING_VALUE);
}

static void who_refuses_is_replaced_by_the_next(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    struct bytes context = put_and_cut(fake, key, 1);
    struct fake_owner *first = &fake->owners[stand_in(fake, key, 0)];
    first->refusals = FAKE_ALWAYS;
    first->refusal = SHOAL_EOVERLOAD;
    struct fake_answer *put = done(fake, fake_put(fake, key, "two", context));
    assert_int_equal(put->fallbacks, 1);
    assert_int_equal(fake->owners[stand_in(fake, key, 2)].hints, 1);
}

static void when_all_are_full_the_outcome_is_unknown_and_says_why(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    struct bytes context = put_and_cut(fake, key, 1);
    for (uint32_t place = 0; place < 3; place++) {
        fake->owners[stand_in(fake, key, place)].refusals = FAKE_ALWAYS;
        fake->owners[stand_in(fake, key, place)].refusal = SHOAL_EOVERLOAD;
    }
    struct fake_answer *put = fake_put(fake, key, "two", context);
    fake_run(fake, 3000 * MS);
    assert_int_equal(put->code, SHOAL_EUNKNOWN);
    assert_non_null(strstr(put->text, "limits.hints_mb"));
}

static void what_was_reached_is_told(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    struct bytes context = put_and_cut(fake, key, 1);
    for (uint32_t place = 1; place < 3; place++) { /* a single one answers */
        fake->owners[stand_in(fake, key, place)].lose_answers = FAKE_ALWAYS;
    }
    struct request request = {.op = REQUEST_PUT,
                              .key = bytes_from_string(key),
                              .value = bytes_from_string("two"),
                              .context = context,
                              .options = {.w = 3}};
    struct fake_answer *put = fake_begin(fake, &request);
    fake_run(fake, 3000 * MS);
    assert_int_equal(put->code, SHOAL_EUNKNOWN);
    assert_non_null(strstr(put->text, "1 of W=3 owners confirmed, 1 fallback"));
    assert_int_equal(put->owners, 1);
    assert_int_equal(put->fallbacks, 1);
}

static void owners_that_keep_silent_are_stood_in_for_after_a_while(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    struct fake_answer *first = done(fake, fake_put(fake, key, "one", none));
    fake->owners[fake_owner_of(fake, key, 1)].lose_requests = FAKE_ALWAYS;
    fake->owners[fake_owner_of(fake, key, 2)].lose_requests = FAKE_ALWAYS;
    struct fake_answer *put = fake_put(fake, key, "two", first->context);
    uint64_t begun_us = fake->now.mono_us;
    (void)done(fake, put);
    assert_int_equal(put->fallbacks, 1);
    assert_true(put->done_us - begun_us < 300 * MS);
}

static void a_lost_hint_is_sent_again(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    struct bytes context = put_and_cut(fake, key, 1);
    for (uint64_t node = 2; node <= NODES; node++) {
        fake->owners[node].lose_requests = 1;
    }
    assert_int_equal(done(fake, fake_put(fake, key, "two", context))->fallbacks, 1);
}

/* A view of the stand-ins' own, with a wish that node 1 has not heard of. */
static struct view *view_with_wish(const struct fake_courier *fake)
{
    struct role role = {.node = 99, .author = 4, .kind = ROLE_IN, .weight = 1, .name = "n99"};
    struct view *next;
    assert_int_equal(view_with_role(fake->owners[FAKE_SELF].view, &role, &next), 0);
    return next;
}

/* Two ask, two answer, and each answer would ask both again. */
static void fallbacks_whose_view_is_not_known_yet_are_not_asked_with_every_answer(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    struct bytes context = put_and_cut(fake, key, 3);
    struct view *theirs = view_with_wish(fake);
    uint32_t stores = 0;
    for (uint32_t place = 1; place < 3; place++) {
        struct fake_owner *owner = &fake->owners[fake_owner_of(fake, key, place)];
        owner->refusals = FAKE_ALWAYS;
        owner->refusal = SHOAL_EOVERLOAD;
    }
    for (uint32_t place = 0; place < 3; place++) {
        fake_believes(fake, stand_in(fake, key, place), view_ref(theirs));
    }
    (void)fake_put(fake, key, "two", context);
    fake_run(fake, 6 * MS); /* a dozen round trips */
    for (uint32_t place = 0; place < 3; place++) {
        stores += fake->owners[stand_in(fake, key, place)].stores;
    }
    assert_in_range(stores, 2, 3 * 4); /* a few hedges fit */
    view_unref(theirs);
}

static void what_a_fallback_confirmed_ends_with_its_link(void **state)
{
    struct fake_courier *fake = *state;
    const char *key = fake_key(fake, 0);
    struct bytes context = put_and_cut(fake, key, 1);
    struct request request = {.op = REQUEST_PUT,
                              .key = bytes_from_string(key),
                              .value = bytes_from_string("two"),
                              .context = context,
                              .options = {.w = QUORUM_ALL}};
    fake->owners[stand_in(fake, key, 1)].lose_requests = FAKE_ALWAYS;
    struct fake_answer *put = fake_begin(fake, &request);
    fake_run(fake, 10 * MS);
    fake_link(fake, stand_in(fake, key, 0), false);
    fake->owners[stand_in(fake, key, 1)].lose_requests = 0;
    fake_run(fake, 400 * MS);
    assert_true(!put->done || (put->fallbacks == 2 && put->code == 0));
    assert_true(fake->owners[stand_in(fake, key, 2)].hints > 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nobody_stands_in_while_all_owners_are_there),
        TEST(the_next_on_the_ring_keeps_a_write_for_an_owner_that_is_away),
        TEST(fallbacks_count_towards_w_and_are_told_apart),
        TEST(who_is_away_as_well_is_passed_over),
        TEST(without_sloppy_quorums_nobody_stands_in),
        TEST(pw_and_dw_ask_for_owners_alone),
        TEST(a_fallback_vouches_for_nothing),
        TEST(who_refuses_is_replaced_by_the_next),
        TEST(when_all_are_full_the_outcome_is_unknown_and_says_why),
        TEST(what_was_reached_is_told),
        TEST(owners_that_keep_silent_are_stood_in_for_after_a_while),
        TEST(a_lost_hint_is_sent_again),
        TEST(fallbacks_whose_view_is_not_known_yet_are_not_asked_with_every_answer),
        TEST(what_a_fallback_confirmed_ends_with_its_link),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
