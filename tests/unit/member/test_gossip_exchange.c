/* What two nodes tell each other: nothing that both know, and all that either lacks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/memory.h"
#include "member/gossip.h"
#include "shoal/error.h"

#define START UINT64_C(60000000)
#define NODES 40u

/* Node 1 and node 2, who both know nodes 3 to NODES. */
struct fixture {
    struct gossip one;
    struct gossip two;
    struct arena arena;
};

static struct node_record record_of(uint64_t id)
{
    struct node_record record = {.id = id,
                                 .generation = 1,
                                 .heartbeat = 100 + id,
                                 .version = 1,
                                 .zone = "a",
                                 .host = "127.0.0.1",
                                 .state = NODE_UP};
    snprintf(record.name, sizeof(record.name), "node%u", (unsigned)id);
    return record;
}

static void learn(struct gossip *gossip, const struct node_record *record)
{
    struct wire_record wire;
    bool twin;
    node_record_to_wire(record, &wire);
    assert_int_equal(gossip_receive(gossip, 0, &wire, 1, START, &twin), 0);
}

static int begin(struct gossip *gossip, uint64_t id)
{
    const struct gossip_options options = {
        .interval_us = 500000, .fanout = 2, .phi_threshold = 8.0};
    struct node_record self = record_of(id);
    int error = gossip_init(gossip, &options, &self);
    for (uint64_t other = 1; other <= NODES && error == 0; other++) {
        struct node_record record = record_of(other);
        if (other != id) {
            learn(gossip, &record);
        }
    }
    return error;
}

static int setup(void **state)
{
    static struct fixture fixture;
    fixture = (struct fixture){0};
    arena_init(&fixture.arena, 1 << 20);
    *state = &fixture;
    return begin(&fixture.one, 1) == 0 ? begin(&fixture.two, 2) : -1;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    mem_fail_never();
    gossip_deinit(&fixture->one);
    gossip_deinit(&fixture->two);
    arena_deinit(&fixture->arena);
    return 0;
}

static struct message_gossip hear(struct fixture *fixture, struct gossip *by, uint64_t from,
                                  struct message_gossip told, int due)
{
    struct message_gossip answer = {0};
    bool twin;
    told.from = from;
    assert_int_equal(gossip_hear(by, &told, START + 1, &fixture->arena, &answer, &twin), due);
    assert_false(twin);
    return answer;
}

/* One asks two, until nobody has anything to say; returns the bytes of summaries and how many
 * records went either way. */
static uint32_t exchange(struct fixture *fixture)
{
    struct message_gossip told = {0};
    uint32_t records = 0;
    assert_int_equal(gossip_ask(&fixture->one, true, &fixture->arena, &told), 0);
    for (uint32_t leg = 0; leg < 4; leg++) {
        bool to_two = leg % 2 == 0;
        struct message_gossip answer = {0};
        bool twin;
        told.from = to_two ? 1 : 2;
        records += told.count;
        int due = gossip_hear(to_two ? &fixture->two : &fixture->one, &told, START + 1,
                              &fixture->arena, &answer, &twin);
        assert_true(due >= 0);
        if (due == 0) {
            return records;
        }
        told = answer;
    }
    fail_msg("no end");
    return 0;
}

static void assert_same_tables(struct fixture *fixture)
{
    for (uint64_t id = 3; id <= NODES; id++) {
        const struct gossip_node *a = gossip_find(&fixture->one, id);
        const struct gossip_node *b = gossip_find(&fixture->two, id);
        assert_non_null(a);
        assert_non_null(b);
        assert_true(a->record.generation == b->record.generation);
        assert_true(a->record.heartbeat == b->record.heartbeat);
        assert_true(node_record_same(&a->record, &b->record));
    }
}

static void equal_tables_cost_a_few_bytes_a_node(void **state)
{
    struct fixture *fixture = *state;
    struct message_gossip asked = {0};
    for (uint32_t beat = 0; beat < 20; beat++) {
        gossip_beat(&fixture->one); /* what there was of news is none any more */
    }
    assert_int_equal(gossip_ask(&fixture->one, true, &fixture->arena, &asked), 0);
    assert_int_equal(asked.count, 1);
    assert_true(asked.summary.len <= 20 + NODES / 8 + 3 * NODES);
    struct message_gossip answer = hear(fixture, &fixture->two, 1, asked, 1);
    assert_int_equal(answer.count, 1);
    assert_int_equal(answer.wanted_count, 0);
    assert_true(answer.summary.len <= 20 + NODES / 8 + 3);
    (void)hear(fixture, &fixture->one, 2, answer, 0);
    assert_true(gossip_find(&fixture->two, 1)->record.heartbeat == 121);
}

static void news_travel_in_both_directions(void **state)
{
    struct fixture *fixture = *state;
    struct node_record news = record_of(7);
    news.version = 5;
    news.keys = 1;
    learn(&fixture->one, &news);
    news = record_of(8);
    news.version = 2;
    news.heartbeat = 500;
    news.state = NODE_REFILLING;
    learn(&fixture->two, &news);
    assert_true(exchange(fixture) <= 4); /* two own ones, two that differ */
    assert_same_tables(fixture);
}

static void news_are_found_by_the_digest_when_they_were_not_shown(void **state)
{
    struct fixture *fixture = *state;
    struct node_record news = record_of(7);
    news.version = 5;
    news.keys = 1;
    learn(&fixture->one, &news);
    for (uint32_t beat = 0; beat < 20; beat++) {
        gossip_beat(&fixture->one); /* long ago */
    }
    assert_true(exchange(fixture) <= 4);
    assert_same_tables(fixture);
}

static void who_knows_other_nodes_is_shown_all_of_them(void **state)
{
    struct fixture *fixture = *state;
    for (uint64_t id = NODES + 1; id <= NODES + 3; id++) {
        struct node_record record = record_of(id);
        learn(id % 2 == 0 ? &fixture->one : &fixture->two, &record);
    }
    struct node_record reborn = record_of(9);
    reborn.generation = 2;
    reborn.heartbeat = 1;
    learn(&fixture->two, &reborn);
    assert_true(exchange(fixture) <= 6);
    assert_same_tables(fixture);
    assert_non_null(gossip_find(&fixture->one, NODES + 3));
    assert_non_null(gossip_find(&fixture->two, NODES + 2));
    assert_true(exchange(fixture) == 2);
}

static void being_shown_a_node_is_no_sign_that_it_lives_but_its_heartbeat_is(void **state)
{
    struct fixture *fixture = *state;
    (void)exchange(fixture);
    assert_int_equal(gossip_state(&fixture->two, 7, START + 2), NODE_DOWN);
    assert_int_equal(gossip_state(&fixture->two, 1, START + 2), NODE_UP); /* it spoke */
    struct node_record beaten = record_of(7);
    beaten.heartbeat++;
    learn(&fixture->one, &beaten);
    (void)exchange(fixture);
    assert_int_equal(gossip_state(&fixture->two, 7, START + 2), NODE_UP);
}

static void a_life_of_its_own_that_it_has_not_led_is_overtaken(void **state)
{
    struct fixture *fixture = *state;
    struct node_record other = record_of(2);
    other.heartbeat += 50; /* as a twin's would be */
    learn(&fixture->one, &other);
    (void)exchange(fixture);
    assert_true(fixture->two.self.generation == 2);
    (void)exchange(fixture);
    assert_true(gossip_find(&fixture->one, 2)->record.generation == 2);
}

static void a_large_table_comes_in_parts(void **state)
{
    struct fixture *fixture = *state;
    uint64_t last = NODES + 2 * LIMIT_GOSSIP_RECORDS + 50;
    for (uint64_t id = NODES + 1; id <= last; id++) {
        struct node_record record = record_of(id);
        learn(&fixture->one, &record);
    }
    uint32_t rounds = 0;
    while (fixture->two.nodes.count < fixture->one.nodes.count) {
        assert_true(exchange(fixture) <= LIMIT_GOSSIP_RECORDS + 3);
        gossip_beat(&fixture->one);
        gossip_beat(&fixture->two);
        assert_true(++rounds < 10);
    }
}

static void what_an_earlier_version_tells_is_answered_with_all(void **state)
{
    struct fixture *fixture = *state;
    struct message_gossip told = {.kind = GOSSIP_WHOLE};
    struct message_gossip answer = hear(fixture, &fixture->two, 1, told, 1);
    assert_int_equal(answer.count, NODES);
}

static void a_summary_that_is_none_changes_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct message_gossip answer;
    bool twin;
    const uint8_t bytes[] = {9, 9, 9};
    struct node_record record = record_of(99);
    struct wire_record wire;
    node_record_to_wire(&record, &wire);
    struct message_gossip told = {.from = 1,
                                  .kind = GOSSIP_ASKS,
                                  .records = &wire,
                                  .count = 1,
                                  .summary = bytes_make(bytes, sizeof(bytes))};
    assert_int_equal(gossip_hear(&fixture->two, &told, START, &fixture->arena, &answer, &twin),
                     SHOAL_EPROTO);
    assert_null(gossip_find(&fixture->two, 99));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(equal_tables_cost_a_few_bytes_a_node),
        TEST(news_travel_in_both_directions),
        TEST(news_are_found_by_the_digest_when_they_were_not_shown),
        TEST(who_knows_other_nodes_is_shown_all_of_them),
        TEST(being_shown_a_node_is_no_sign_that_it_lives_but_its_heartbeat_is),
        TEST(a_life_of_its_own_that_it_has_not_led_is_overtaken),
        TEST(a_large_table_comes_in_parts),
        TEST(what_an_earlier_version_tells_is_answered_with_all),
        TEST(a_summary_that_is_none_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
