/* When nodes compare, what an answer comes to, and what a peer's question is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "repair/anti_entropy.h"
#include "shoal/error.h"
#include "wire/frame.h"

#define MS UINT64_C(1000)
#define S (UINT64_C(1000) * MS)
#define WORKERS 3u
#define PEER 7u
#define ID_FIRST 100u

static struct anti_entropy self;
static struct timers timers;
static struct random rng;
static struct buffer frame;
static struct arena arena;
static struct view view;

static uint64_t gather_node;
static uint64_t gather_ticket;
static uint32_t gathers;
static struct message_compare sent;
static uint32_t sends;
static int send_code;
static uint32_t rounds;
static bool round_of_everything;
static uint32_t answers;
static bool answered_nothing;
static struct comparison answered;

static void on_gather(void *user, uint64_t node, uint64_t ticket)
{
    (void)user;
    gather_node = node;
    gather_ticket = ticket;
    gathers++;
}

static int on_send(void *user, uint64_t node, struct bytes bytes)
{
    (void)user;
    assert_int_equal(node, PEER);
    struct bytes payload =
        bytes_make(bytes.data + FRAME_PREFIX_BYTES, bytes.len - FRAME_PREFIX_BYTES);
    assert_int_equal(message_compare_decode(payload, &arena, &sent), 0);
    sends++;
    return send_code;
}

static void on_round(void *user, uint64_t node, bool everything)
{
    (void)user;
    assert_int_equal(node, PEER);
    rounds++;
    round_of_everything = everything;
}

static void on_learn(void *user, uint64_t view_digest, struct bytes bytes)
{
    (void)user;
    (void)view_digest;
    (void)bytes;
}

static void on_answer(void *user, const struct comparison *mine)
{
    (void)user;
    answers++;
    answered_nothing = mine == NULL;
    answered = mine == NULL ? (struct comparison){0} : *mine;
}

static int setup(void **state)
{
    (void)state;
    timers_init(&timers);
    random_init(&rng, 4);
    buffer_init(&frame, 0);
    arena_init(&arena, 65536);
    view = (struct view){.digest = 55};
    anti_entropy_init(&self, ID_FIRST);
    self.ports = (struct anti_entropy_ports){
        .send = on_send, .gather = on_gather, .round = on_round, .learn = on_learn};
    self.timers = &timers;
    self.random = &rng;
    self.frame = &frame;
    self.view = &view;
    self.self = 1;
    self.workers = WORKERS;
    self.interval_us = 10 * S;
    self.now.mono_us = 1000 * S;
    gathers = sends = rounds = answers = 0;
    send_code = 0;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    mem_fail_never();
    anti_entropy_deinit(&self);
    timers_deinit(&timers);
    buffer_deinit(&frame);
    arena_deinit(&arena);
    return 0;
}

static void pass(uint64_t us)
{
    uint64_t end_us = self.now.mono_us + us;
    while (timers_next_us(&timers) <= end_us) {
        self.now.mono_us = timers_next_us(&timers);
        timers_fire(&timers, self.now.mono_us);
    }
    self.now.mono_us = end_us;
}

/* All workers tell theirs. */
static void tell(uint64_t low, bool incomplete, bool untold)
{
    for (uint32_t i = 0; i < WORKERS; i++) {
        struct comparison part = {
            .sum = {.low = i == 0 ? low : 0, .high = 1},
            .shared = 2,
            .incomplete = incomplete && i == 1,
            .untold = untold && i == 2,
        };
        anti_entropy_gathered(&self, gather_ticket, &part);
    }
}

static void compared(int code, bool equal)
{
    struct message_compared answer = {.id = sent.id, .code = code, .equal = equal};
    anti_entropy_on_compared(&self, PEER, &answer);
}

static void a_link_that_comes_up_is_compared_over_soon_and_then_every_interval(void **state)
{
    (void)state;
    anti_entropy_link(&self, PEER, true);
    pass(ANTI_ENTROPY_SOON_US);
    assert_int_equal(gathers, 1);
    assert_int_equal(gather_node, PEER);
    tell(9, false, false);
    assert_int_equal(sends, 1);
    assert_int_equal(sent.node, 1);
    assert_true(sent.sum.low == 9 && sent.sum.high == WORKERS);
    compared(0, true);
    for (uint32_t i = 2; i < 20; i++) {
        pass(8 * S);
        assert_int_equal(gathers, i - 1);
        pass(3 * S);
        assert_int_equal(gathers, i);
        tell(9, false, false);
        compared(0, true);
    }
    assert_int_equal(rounds, 0);
    assert_int_equal(self.equal, 19);
}

static void sums_that_differ_begin_a_round_of_everything(void **state)
{
    (void)state;
    anti_entropy_link(&self, PEER, true);
    pass(S);
    tell(9, false, false);
    compared(0, false);
    assert_int_equal(rounds, 1);
    assert_true(round_of_everything);
}

static void where_nothing_can_be_said_there_is_a_round_as_well(void **state)
{
    (void)state;
    anti_entropy_link(&self, PEER, true);
    pass(S);
    tell(9, false, false);
    compared(SHOAL_EREFILLING, false);
    assert_int_equal(rounds, 1);
    pass(11 * S);
    tell(9, true, false); /* incomplete here */
    compared(0, true);
    assert_int_equal(rounds, 2);
    assert_true(round_of_everything);
}

static void clocks_that_were_not_told_are_asked_for_though_all_is_equal(void **state)
{
    (void)state;
    anti_entropy_link(&self, PEER, true);
    pass(S);
    tell(9, false, true);
    compared(0, true);
    assert_int_equal(rounds, 1);
    assert_false(round_of_everything);
}

static void nodes_that_share_nothing_say_nothing(void **state)
{
    (void)state;
    anti_entropy_link(&self, PEER, true);
    pass(S);
    for (uint32_t i = 0; i < WORKERS; i++) {
        struct comparison part = {0};
        anti_entropy_gathered(&self, gather_ticket, &part);
    }
    assert_int_equal(sends, 0);
    pass(11 * S);
    assert_int_equal(gathers, 2);
}

static void silence_and_refused_frames_wait_for_the_next_interval(void **state)
{
    (void)state;
    anti_entropy_link(&self, PEER, true);
    pass(S);
    tell(9, false, false);
    pass(60 * S); /* no answer */
    assert_true(gathers >= 3);
    uint32_t before = gathers;
    send_code = SHOAL_ECONNECT;
    pass(11 * S);
    tell(9, false, false);
    send_code = 0;
    pass(21 * S);
    assert_true(gathers > before);
    assert_int_equal(rounds, 0);
    compared(0, false); /* of yesterday */
    assert_int_equal(rounds, 0);
}

static void a_worker_that_does_not_answer_is_not_waited_for_for_ever(void **state)
{
    (void)state;
    struct comparison part = {.shared = 1};
    anti_entropy_link(&self, PEER, true);
    pass(S);
    anti_entropy_gathered(&self, gather_ticket, &part);
    uint64_t first = gather_ticket;
    pass(30 * S);
    assert_true(gathers >= 2);
    anti_entropy_gathered(&self, first, &part); /* too late */
    assert_int_equal(sends, 0);
}

static void without_an_interval_it_compares_only_when_told_to(void **state)
{
    (void)state;
    self.interval_us = 0;
    anti_entropy_link(&self, PEER, true);
    pass(100 * S);
    assert_int_equal(gathers, 0);
    anti_entropy_now(&self);
    pass(0);
    assert_int_equal(gathers, 1);
    anti_entropy_now(&self); /* while it is under way: once more behind it */
    tell(9, false, false);
    compared(0, true);
    pass(0);
    assert_int_equal(gathers, 2);
    tell(9, false, false);
    compared(0, true);
    pass(100 * S);
    assert_int_equal(gathers, 2);
}

static void a_link_that_is_down_is_let_alone(void **state)
{
    (void)state;
    anti_entropy_link(&self, PEER, true);
    anti_entropy_link(&self, PEER, false);
    anti_entropy_link(&self, PEER + 1, false); /* never up */
    anti_entropy_now(&self);
    pass(100 * S);
    assert_int_equal(gathers, 0);
}

static void a_peer_that_asks_is_told_the_whole_sum(void **state)
{
    (void)state;
    struct comparison_asker asker = {.answer = on_answer};
    assert_int_equal(anti_entropy_asked(&self, PEER, &asker), 0);
    assert_int_equal(gather_node, PEER);
    tell(4, true, false);
    assert_int_equal(answers, 1);
    assert_true(answered.sum.low == 4 && answered.sum.high == WORKERS && answered.shared == 6);
    assert_true(answered.incomplete);
    assert_int_equal(sends, 0);
}

static void no_more_peers_are_gathered_for_than_the_bound(void **state)
{
    (void)state;
    struct comparison_asker asker = {.answer = on_answer};
    for (uint32_t i = 0; i < ANTI_ENTROPY_ASKED_MAX; i++) {
        assert_int_equal(anti_entropy_asked(&self, PEER, &asker), 0);
    }
    assert_int_equal(anti_entropy_asked(&self, PEER, &asker), SHOAL_EOVERLOAD);
    pass(10 * S);
    assert_int_equal(answers, ANTI_ENTROPY_ASKED_MAX);
    assert_true(answered_nothing);
    assert_int_equal(anti_entropy_asked(&self, PEER, &asker), 0);
}

static void without_memory_a_comparison_is_put_off(void **state)
{
    (void)state;
    struct comparison_asker asker = {.answer = on_answer};
    anti_entropy_link(&self, PEER, true);
    mem_fail_from(1);
    assert_int_equal(anti_entropy_asked(&self, PEER, &asker), SHOAL_ENOMEM);
    pass(S);
    mem_fail_never();
    assert_int_equal(gathers, 0);
    pass(11 * S);
    assert_int_equal(gathers, 1);
}

static void one_that_was_stopped_compares_no_more(void **state)
{
    (void)state;
    anti_entropy_link(&self, PEER, true);
    anti_entropy_stop(&self);
    anti_entropy_now(&self);
    pass(100 * S);
    assert_int_equal(gathers, 0);
}

#define AE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        AE_TEST(a_link_that_comes_up_is_compared_over_soon_and_then_every_interval),
        AE_TEST(sums_that_differ_begin_a_round_of_everything),
        AE_TEST(where_nothing_can_be_said_there_is_a_round_as_well),
        AE_TEST(clocks_that_were_not_told_are_asked_for_though_all_is_equal),
        AE_TEST(nodes_that_share_nothing_say_nothing),
        AE_TEST(silence_and_refused_frames_wait_for_the_next_interval),
        AE_TEST(a_worker_that_does_not_answer_is_not_waited_for_for_ever),
        AE_TEST(without_an_interval_it_compares_only_when_told_to),
        AE_TEST(a_link_that_is_down_is_let_alone),
        AE_TEST(a_peer_that_asks_is_told_the_whole_sum),
        AE_TEST(no_more_peers_are_gathered_for_than_the_bound),
        AE_TEST(without_memory_a_comparison_is_put_off),
        AE_TEST(one_that_was_stopped_compares_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
