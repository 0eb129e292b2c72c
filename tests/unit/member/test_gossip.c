/* The gossip table of one node: what it tells, whom, what it makes of what it hears. Whole clusters
 * are in tests/property. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/memory.h"
#include "member/gossip.h"
#include "shoal/error.h"

#define MS UINT64_C(1000)
#define START (60000 * MS)
#define SELF 1u

static const struct gossip_options options = {
    .interval_us = 500 * MS,
    .fanout = 2,
    .phi_threshold = 8.0,
};

struct fixture {
    struct gossip gossip;
    struct arena arena;
    bool twin;
};

static struct node_record record_of(uint64_t id, uint64_t generation, uint64_t heartbeat)
{
    struct node_record record = {
        .id = id,
        .generation = generation,
        .heartbeat = heartbeat,
        .version = 1,
        .zone = "a",
        .host = "127.0.0.1",
        .state = NODE_UP,
    };
    snprintf(record.name, sizeof(record.name), "node%u", (unsigned)id);
    return record;
}

static int setup(void **state)
{
    static struct fixture fixture;
    fixture = (struct fixture){0};
    arena_init(&fixture.arena, 1 << 20);
    struct node_record self = record_of(SELF, 100, 5);
    *state = &fixture;
    return gossip_init(&fixture.gossip, &options, &self);
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    mem_fail_never();
    gossip_deinit(&fixture->gossip);
    arena_deinit(&fixture->arena);
    return 0;
}

static void hear(struct fixture *fixture, uint64_t from, const struct node_record *record,
                 uint64_t now_us)
{
    struct wire_record wire;
    node_record_to_wire(record, &wire);
    assert_int_equal(gossip_receive(&fixture->gossip, from, &wire, 1, now_us, &fixture->twin), 0);
}

/* The node itself tells heartbeats 1 to `beats` of a generation, one an interval; returns when the
 * last one was heard. */
static uint64_t live(struct fixture *fixture, uint64_t id, uint64_t generation, uint64_t beats,
                     uint64_t now_us)
{
    for (uint64_t beat = 1; beat <= beats; beat++) {
        struct node_record record = record_of(id, generation, beat);
        hear(fixture, id, &record, now_us);
        now_us += beat < beats ? options.interval_us : 0;
    }
    return now_us;
}

static enum node_state state_of(struct fixture *fixture, uint64_t id, uint64_t now_us)
{
    return gossip_state(&fixture->gossip, id, now_us);
}

static void options_out_of_range_are_refused(void **state)
{
    (void)state;
    struct gossip gossip;
    struct node_record self = record_of(SELF, 1, 0);
    struct gossip_options bad = options;
    bad.interval_us = 0;
    assert_int_equal(gossip_init(&gossip, &bad, &self), SHOAL_EINVAL);
    bad = options;
    bad.fanout = 0;
    assert_int_equal(gossip_init(&gossip, &bad, &self), SHOAL_EINVAL);
    bad.fanout = GOSSIP_FANOUT_MAX + 1;
    assert_int_equal(gossip_init(&gossip, &bad, &self), SHOAL_EINVAL);
    bad = options;
    bad.phi_threshold = 0;
    assert_int_equal(gossip_init(&gossip, &bad, &self), SHOAL_EINVAL);
    self.id = 0;
    assert_int_equal(gossip_init(&gossip, &options, &self), SHOAL_EINVAL);
}

static void a_beating_node_is_what_it_says_of_itself(void **state)
{
    struct fixture *fixture = *state;
    uint64_t now = live(fixture, 2, 1, 10, START);
    assert_int_equal(state_of(fixture, 2, now), NODE_UP);
    struct node_record record = record_of(2, 1, 11);
    record.version = 2;
    record.state = NODE_REFILLING;
    hear(fixture, 2, &record, now);
    assert_int_equal(state_of(fixture, 2, now), NODE_REFILLING);
}

static void a_silent_node_turns_suspect_and_then_down(void **state)
{
    struct fixture *fixture = *state;
    uint64_t now = live(fixture, 2, 1, 20, START);
    enum node_state before = NODE_UP;
    uint64_t suspect_after = 0;
    uint64_t down_after = 0;
    for (uint64_t silence = 0; silence < 20 * options.interval_us; silence += 10 * MS) {
        enum node_state is = state_of(fixture, 2, now + silence);
        assert_true(is >= before); /* up, suspect, down: in this order */
        if (is != before && is == NODE_SUSPECT) {
            suspect_after = silence;
        }
        if (is != before && is == NODE_DOWN) {
            down_after = silence;
        }
        before = is;
    }
    assert_in_range(suspect_after, 4 * options.interval_us, 8 * options.interval_us);
    assert_in_range(down_after, suspect_after + 1, 10 * options.interval_us);
}

static void a_node_never_heard_of_is_down(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(state_of(fixture, 99, START), NODE_DOWN);
    assert_null(gossip_find(&fixture->gossip, 99));
    assert_int_equal(state_of(fixture, SELF, START), NODE_UP);
    assert_null(gossip_find(&fixture->gossip, SELF));
}

static void being_told_of_a_node_is_no_sign_of_life_but_its_next_beat_is(void **state)
{
    struct fixture *fixture = *state;
    struct node_record record = record_of(3, 1, 500);
    hear(fixture, 2, &record, START);
    assert_non_null(gossip_find(&fixture->gossip, 3));
    assert_int_equal(state_of(fixture, 3, START), NODE_DOWN);
    hear(fixture, 2, &record, START + MS);
    assert_int_equal(state_of(fixture, 3, START + MS), NODE_DOWN);
    record.heartbeat++;
    hear(fixture, 2, &record, START + 2 * MS);
    assert_int_equal(state_of(fixture, 3, START + 2 * MS), NODE_UP);
}

static void a_node_that_speaks_itself_is_up_at_once(void **state)
{
    struct fixture *fixture = *state;
    struct node_record record = record_of(3, 1, 500);
    hear(fixture, 2, &record, START);
    hear(fixture, 3, &record, START);
    assert_int_equal(state_of(fixture, 3, START), NODE_UP);
}

static void heartbeats_of_a_dead_generation_do_not_revive(void **state)
{
    struct fixture *fixture = *state;
    uint64_t now = live(fixture, 2, 7, 10, START) + 60000 * MS;
    assert_int_equal(state_of(fixture, 2, now), NODE_DOWN);
    for (uint64_t beat = 0; beat < 100; beat++) {
        struct node_record record = record_of(2, 6, 1000 + beat);
        hear(fixture, beat % 2 == 0 ? 2 : 3, &record, now);
        assert_int_equal(state_of(fixture, 2, now), NODE_DOWN);
        now += options.interval_us;
    }
    struct node_record reborn = record_of(2, 8, 1);
    hear(fixture, 3, &reborn, now);
    assert_int_equal(state_of(fixture, 2, now), NODE_UP);
}

static void old_news_told_again_do_not_revive(void **state)
{
    struct fixture *fixture = *state;
    uint64_t now = live(fixture, 2, 1, 10, START) + 60000 * MS;
    struct node_record record = record_of(2, 1, 10);
    hear(fixture, 2, &record, now);
    record.heartbeat = 9;
    hear(fixture, 3, &record, now);
    assert_int_equal(state_of(fixture, 2, now), NODE_DOWN);
}

static void a_goodbye_takes_effect_at_once(void **state)
{
    struct fixture *fixture = *state;
    uint64_t now = live(fixture, 2, 1, 10, START);
    gossip_goodbye(&fixture->gossip, 2);
    gossip_goodbye(&fixture->gossip, 99); /* unknown: ignored */
    assert_int_equal(state_of(fixture, 2, now), NODE_DOWN);
}

static void late_news_from_before_a_goodbye_do_not_revive(void **state)
{
    struct fixture *fixture = *state;
    uint64_t now = live(fixture, 2, 1, 10, START);
    gossip_goodbye(&fixture->gossip, 2);
    struct node_record record = record_of(2, 1, 13);
    hear(fixture, 3, &record, now);
    assert_int_equal(state_of(fixture, 2, now), NODE_DOWN);
}

static void a_goodbye_ends_with_a_new_life_or_a_word_of_its_own(void **state)
{
    struct fixture *fixture = *state;
    uint64_t now = live(fixture, 2, 1, 10, START);
    gossip_goodbye(&fixture->gossip, 2);
    struct node_record record = record_of(2, 2, 1);
    hear(fixture, 3, &record, now);
    assert_int_equal(state_of(fixture, 2, now), NODE_UP);

    gossip_goodbye(&fixture->gossip, 2); /* of the earlier life, delayed */
    record.heartbeat = 2;
    hear(fixture, 2, &record, now);
    assert_int_equal(state_of(fixture, 2, now), NODE_UP);

    gossip_goodbye(&fixture->gossip, 2); /* the same, and only others are heard */
    for (uint64_t beat = 3; beat < 30; beat++) {
        record.heartbeat = beat;
        now += options.interval_us;
        hear(fixture, 3, &record, now);
    }
    assert_int_equal(state_of(fixture, 2, now), NODE_UP);
}

static void a_node_that_left_has_left_however_silent(void **state)
{
    struct fixture *fixture = *state;
    struct node_record record = record_of(2, 1, 1);
    record.state = NODE_LEFT;
    hear(fixture, 3, &record, START);
    assert_int_equal(state_of(fixture, 2, START), NODE_LEFT);
    assert_int_equal(state_of(fixture, 2, START + 3600000 * MS), NODE_LEFT);
}

static void all_records_are_told_own_first(void **state)
{
    struct fixture *fixture = *state;
    for (uint64_t id = 2; id < 40; id++) {
        live(fixture, id, 1, 1, START);
    }
    gossip_beat(&fixture->gossip);
    const struct wire_record *records;
    uint32_t count;
    assert_int_equal(gossip_records(&fixture->gossip, &fixture->arena, &records, &count), 0);
    assert_int_equal(count, 39);
    assert_int_equal(records[0].id, SELF);
    assert_int_equal(records[0].heartbeat, 6);
    uint64_t sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        sum += records[i].id;
    }
    assert_int_equal(sum, 39 * 40 / 2);
}

static void changes_rise_with_what_others_act_on_and_not_with_heartbeats_or_counts(void **state)
{
    struct fixture *fixture = *state;
    uint64_t before = fixture->gossip.changes;
    live(fixture, 2, 1, 10, START);
    assert_int_equal(fixture->gossip.changes, before + 1);
    struct node_record record = record_of(2, 1, 10);
    record.version = 2;
    record.keys = 5;
    hear(fixture, 3, &record, START);
    assert_int_equal(fixture->gossip.changes, before + 1);
    record.version = 3;
    record.state = NODE_REFILLING;
    hear(fixture, 3, &record, START);
    assert_int_equal(fixture->gossip.changes, before + 2);
    gossip_beat(&fixture->gossip);
    assert_int_equal(fixture->gossip.changes, before + 2);
}

static void the_own_version_rises_only_with_what_differs(void **state)
{
    struct fixture *fixture = *state;
    struct gossip *gossip = &fixture->gossip;
    struct node_record self = gossip->self;
    gossip_set_self(gossip, &self);
    assert_int_equal(gossip->self.version, 1);
    self.keys = 77;
    self.id = 3;
    self.generation = 1;
    self.heartbeat = 0;
    self.version = 0;
    gossip_set_self(gossip, &self);
    assert_int_equal(gossip->self.version, 2);
    assert_int_equal(gossip->self.keys, 77);
    assert_int_equal(gossip->self.id, SELF);
    assert_int_equal(gossip->self.generation, 100);
    assert_int_equal(gossip->self.heartbeat, 5);
}

static void an_earlier_life_is_overtaken_once(void **state)
{
    struct fixture *fixture = *state;
    struct gossip *gossip = &fixture->gossip;
    struct node_record old = record_of(SELF, 50, 999999);
    hear(fixture, 2, &old, START);
    assert_int_equal(gossip->self.generation, 100);
    old.generation = 200;
    for (int i = 0; i < 10; i++) {
        hear(fixture, 2, &old, START);
    }
    assert_int_equal(gossip->self.generation, 201);
    assert_false(fixture->twin);
    struct node_record same = record_of(SELF, 201, 999999);
    hear(fixture, 2, &same, START);
    assert_int_equal(gossip->self.generation, 202);
    assert_null(gossip_find(gossip, SELF));
}

static void a_living_twin_is_found_out(void **state)
{
    struct fixture *fixture = *state;
    struct node_record twin = record_of(SELF, 100, 5);
    int rounds = 0;
    while (!fixture->twin && rounds < 10) {
        rounds++;
        twin.generation = fixture->gossip.self.generation + 1; /* it does as we do */
        hear(fixture, 2, &twin, START);
    }
    assert_in_range(rounds, 2, 5);
}

static void a_generation_with_nothing_beyond_it_counts_as_a_twin_and_nothing_wraps(void **state)
{
    struct fixture *fixture = *state;
    struct node_record record = record_of(SELF, NODE_RECORD_GENERATION_MAX, 1);
    hear(fixture, 2, &record, START);
    assert_int_equal(fixture->gossip.self.generation, 100);
    assert_true(fixture->twin);
    record.generation--;
    hear(fixture, 2, &record, START);
    assert_int_equal(fixture->gossip.self.generation, NODE_RECORD_GENERATION_MAX);
}

static void an_ill_formed_record_spoils_the_whole_message(void **state)
{
    struct fixture *fixture = *state;
    struct node_record good = record_of(2, 1, 1);
    struct wire_record wire[2];
    node_record_to_wire(&good, &wire[0]);
    wire[1] = wire[0];
    wire[1].id = 3;
    wire[1].state = NODE_DOWN;
    bool twin = true;
    assert_int_equal(gossip_receive(&fixture->gossip, 2, wire, 2, START, &twin), SHOAL_EPROTO);
    assert_true(twin); /* untouched */
    assert_null(gossip_find(&fixture->gossip, 2));
}

static void members_are_bounded_and_known_ones_still_heard(void **state)
{
    struct fixture *fixture = *state;
    for (uint64_t id = 2; id < LIMIT_MEMBERS + 100; id++) {
        struct node_record record = record_of(id, 1, 1);
        hear(fixture, id, &record, START);
    }
    assert_int_equal(fixture->gossip.nodes.count, LIMIT_MEMBERS - 1);
    assert_null(gossip_find(&fixture->gossip, LIMIT_MEMBERS + 50));
    struct node_record record = record_of(2, 1, 2);
    hear(fixture, 2, &record, START + MS);
    assert_int_equal(gossip_find(&fixture->gossip, 2)->record.heartbeat, 2);
}

static void targets_are_distinct_living_and_never_self(void **state)
{
    struct fixture *fixture = *state;
    struct random random;
    random_init(&random, 1);
    uint64_t dead_at = START;
    for (uint64_t id = 2; id <= 5; id++) {
        live(fixture, id, 1, 1, dead_at);
    }
    uint64_t now = dead_at + 60000 * MS;
    for (uint64_t id = 6; id <= 9; id++) {
        live(fixture, id, 1, 1, now);
    }
    uint32_t asked[10] = {0};
    for (int i = 0; i < 8000; i++) {
        uint64_t out[8];
        uint32_t count = gossip_targets(&fixture->gossip, &random, NULL, 0, now, out, 8);
        assert_int_equal(count, options.fanout);
        assert_int_not_equal(out[0], out[1]);
        asked[out[0]]++;
        asked[out[1]]++;
    }
    assert_int_equal(asked[SELF], 0);
    for (uint64_t id = 2; id <= 5; id++) {
        assert_in_range(asked[id], 125, 375); /* 1000 / 4 expected */
    }
    for (uint64_t id = 6; id <= 9; id++) {
        assert_in_range(asked[id], 3400, 4100); /* 15000 / 4 expected */
    }
}

static void places_without_a_living_node_go_to_the_dead(void **state)
{
    struct fixture *fixture = *state;
    struct random random;
    random_init(&random, 1);
    live(fixture, 2, 1, 1, START);
    uint64_t now = START + 60000 * MS;
    live(fixture, 3, 1, 1, now);
    uint64_t out[8];
    assert_int_equal(gossip_targets(&fixture->gossip, &random, NULL, 0, now, out, 8), 2);
    assert_int_equal(out[0] + out[1], 5);
    assert_int_equal(gossip_targets(&fixture->gossip, &random, NULL, 0, now, out, 0), 0);
}

static void targets_are_only_of_those_eligible_known_or_not(void **state)
{
    struct fixture *fixture = *state;
    struct random random;
    random_init(&random, 1);
    for (uint64_t id = 2; id <= 9; id++) {
        live(fixture, id, 1, 1, START);
    }
    const uint64_t eligible[] = {SELF, 4, 77};
    uint64_t out[8];
    uint32_t count = gossip_targets(&fixture->gossip, &random, eligible, 3, START, out, 8);
    assert_int_equal(count, 2);
    assert_int_equal(out[0], 4);
    assert_int_equal(out[1], 77);
    count = gossip_targets(&fixture->gossip, &random, eligible, 1, START, out, 8);
    assert_int_equal(count, 0);
}

static void a_clock_ahead_of_most_others_is_noticed(void **state)
{
    struct fixture *fixture = *state;
    struct gossip *gossip = &fixture->gossip;
    assert_false(gossip_clock_ahead(gossip, 500, START));
    for (uint64_t id = 2; id <= 4; id++) {
        live(fixture, id, 1, 1, START);
    }
    gossip_observe_clock(gossip, 2, 10000, 11000);
    gossip_observe_clock(gossip, 3, 11000, 11000);
    assert_false(gossip_clock_ahead(gossip, 500, START));
    gossip_observe_clock(gossip, 4, 1, UINT64_MAX);
    assert_true(gossip_clock_ahead(gossip, 500, START));
    assert_false(gossip_clock_ahead(gossip, 2000, START));
    gossip_observe_clock(gossip, 4, UINT64_MAX, 1);
    assert_false(gossip_clock_ahead(gossip, 500, START));
    gossip_observe_clock(gossip, 99, 0, 11000);
    assert_null(gossip_find(gossip, 99));
}

/* Two that were behind are dead, the third says that all is well again: their last word was of a
 * clock that has been set since. Only where nobody is left to ask does it stand. */
static void the_dead_have_no_say_about_clocks_beside_the_living(void **state)
{
    struct fixture *fixture = *state;
    struct gossip *gossip = &fixture->gossip;
    for (uint64_t id = 2; id <= 4; id++) {
        live(fixture, id, 1, 1, START);
        gossip_observe_clock(gossip, id, 10000, 11000);
    }
    assert_true(gossip_clock_ahead(gossip, 500, START));
    gossip_goodbye(gossip, 2);
    gossip_goodbye(gossip, 3);
    assert_true(gossip_clock_ahead(gossip, 500, START));
    gossip_observe_clock(gossip, 4, 11000, 11000);
    assert_false(gossip_clock_ahead(gossip, 500, START));
    gossip_goodbye(gossip, 4);
    assert_true(gossip_clock_ahead(gossip, 500, START));
}

/* Two whose clocks are both ahead, on the smaller side of a partition: the other there does not
 * gainsay, but those that can't be asked now had. */
static void those_cut_off_with_a_clock_as_wrong_go_on_doubting_theirs(void **state)
{
    struct fixture *fixture = *state;
    struct gossip *gossip = &fixture->gossip;
    assert_false(gossip_clock_doubtful(gossip, 500, START));
    for (uint64_t id = 2; id <= 4; id++) {
        live(fixture, id, 1, 1, START);
        gossip_observe_clock(gossip, id, id == 4 ? 11000 : 10000, 11000);
    }
    assert_true(gossip_clock_doubtful(gossip, 500, START));
    gossip_goodbye(gossip, 2);
    gossip_goodbye(gossip, 3);
    assert_false(gossip_clock_ahead(gossip, 500, START));
    assert_true(gossip_clock_doubtful(gossip, 500, START));
    gossip_observe_clock(gossip, 2, 11000, 11000);
    assert_false(gossip_clock_doubtful(gossip, 500, START));
    gossip_observe_clock(gossip, 4, 10000, 11000); /* what one says who can be asked does count */
    assert_true(gossip_clock_doubtful(gossip, 500, START));
}

static void silent_strangers_fade_and_are_forgotten_members_are_kept(void **state)
{
    struct fixture *fixture = *state;
    struct gossip *gossip = &fixture->gossip;
    for (uint64_t id = 2; id <= 5; id++) {
        live(fixture, id, 1, 1, START);
    }
    struct node_record never_heard = record_of(6, 1, 1);
    hear(fixture, 2, &never_heard, START);
    const uint64_t keep[] = {2, 4};
    const uint64_t silent_us = 100000 * MS;
    struct node_record alive = record_of(5, 1, 2);

    gossip_forget(gossip, keep, 2, silent_us, START + silent_us / 2 - 1);
    const struct wire_record *records;
    uint32_t count;
    assert_int_equal(gossip_records(gossip, &fixture->arena, &records, &count), 0);
    assert_int_equal(count, 6);
    hear(fixture, 5, &alive, START + silent_us / 2);

    gossip_forget(gossip, keep, 2, silent_us, START + silent_us / 2);
    assert_int_equal(gossip_records(gossip, &fixture->arena, &records, &count), 0);
    assert_int_equal(count, 4); /* self, 2, 4, 5 */
    assert_non_null(gossip_find(gossip, 3));

    uint64_t changes = gossip->changes;
    gossip_forget(gossip, keep, 2, silent_us, START + silent_us);
    assert_int_equal(gossip->nodes.count, 3);
    assert_int_equal(gossip->changes, changes + 2);
    assert_non_null(gossip_find(gossip, 2));
    assert_null(gossip_find(gossip, 3));
    assert_non_null(gossip_find(gossip, 4));
    assert_non_null(gossip_find(gossip, 5));
    assert_null(gossip_find(gossip, 6));
}

static void a_fading_node_that_beats_again_is_told_again(void **state)
{
    struct fixture *fixture = *state;
    struct gossip *gossip = &fixture->gossip;
    live(fixture, 2, 1, 1, START);
    gossip_forget(gossip, NULL, 0, 100000 * MS, START + 60000 * MS);
    struct node_record record = record_of(2, 1, 2);
    hear(fixture, 2, &record, START + 60000 * MS);
    const struct wire_record *records;
    uint32_t count;
    assert_int_equal(gossip_records(gossip, &fixture->arena, &records, &count), 0);
    assert_int_equal(count, 2);
}

static void without_memory_nothing_is_half_known(void **state)
{
    struct fixture *fixture = *state;
    struct node_record record = record_of(2, 1, 1);
    struct wire_record wire;
    node_record_to_wire(&record, &wire);
    for (uint64_t nth = 1; nth <= 2; nth++) {
        mem_fail_from(nth);
        int error = gossip_receive(&fixture->gossip, 2, &wire, 1, START, &fixture->twin);
        mem_fail_never();
        assert_int_equal(error, SHOAL_ENOMEM);
        assert_null(gossip_find(&fixture->gossip, 2));
    }
    mem_fail_from(1);
    const struct wire_record *records;
    uint32_t count;
    int error = gossip_records(&fixture->gossip, &fixture->arena, &records, &count);
    mem_fail_never();
    assert_int_equal(error, SHOAL_ENOMEM);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_out_of_range_are_refused),
        TEST(a_beating_node_is_what_it_says_of_itself),
        TEST(a_silent_node_turns_suspect_and_then_down),
        TEST(a_node_never_heard_of_is_down),
        TEST(being_told_of_a_node_is_no_sign_of_life_but_its_next_beat_is),
        TEST(a_node_that_speaks_itself_is_up_at_once),
        TEST(heartbeats_of_a_dead_generation_do_not_revive),
        TEST(old_news_told_again_do_not_revive),
        TEST(a_goodbye_takes_effect_at_once),
        TEST(late_news_from_before_a_goodbye_do_not_revive),
        TEST(a_goodbye_ends_with_a_new_life_or_a_word_of_its_own),
        TEST(a_node_that_left_has_left_however_silent),
        TEST(all_records_are_told_own_first),
        TEST(changes_rise_with_what_others_act_on_and_not_with_heartbeats_or_counts),
        TEST(the_own_version_rises_only_with_what_differs),
        TEST(an_earlier_life_is_overtaken_once),
        TEST(a_living_twin_is_found_out),
        TEST(a_generation_with_nothing_beyond_it_counts_as_a_twin_and_nothing_wraps),
        TEST(an_ill_formed_record_spoils_the_whole_message),
        TEST(members_are_bounded_and_known_ones_still_heard),
        TEST(targets_are_distinct_living_and_never_self),
        TEST(places_without_a_living_node_go_to_the_dead),
        TEST(targets_are_only_of_those_eligible_known_or_not),
        TEST(a_clock_ahead_of_most_others_is_noticed),
        TEST(the_dead_have_no_say_about_clocks_beside_the_living),
        TEST(those_cut_off_with_a_clock_as_wrong_go_on_doubting_theirs),
        TEST(silent_strangers_fade_and_are_forgotten_members_are_kept),
        TEST(a_fading_node_that_beats_again_is_told_again),
        TEST(without_memory_nothing_is_half_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
