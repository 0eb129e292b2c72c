/* What a worker's lane of the live feed is told of, and how it answers who asks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/log.h"
#include "node/core.h"
#include "shoal/error.h"
#include "support/fake_world.h"

enum { TOLD_MAX = 64, FEED_BYTES = 1 << 20 };

/* ---- what was told ---- */

struct told {
    uint32_t op;
    char key[16];
    char value[24]; /* "-" where there is none */
    uint64_t value_bytes;
    uint64_t expiry_ms;
};

static struct told told[TOLD_MAX];
static uint32_t told_count;

static void look_at(struct tail *tail)
{
    struct buffer page;
    uint64_t next;
    buffer_init(&page, 0);
    assert_int_equal(tail_read(tail, 1, 1 << 20, &page, &next), 0);
    struct bytes rest = buffer_bytes(&page);
    struct tail_event event;
    while (rest.len > 0 && tail_event_take(&rest, &event) == 0) {
        assert_true(told_count < TOLD_MAX);
        struct told *one = &told[told_count++];
        *one = (struct told){
            .op = event.op, .value_bytes = event.value_bytes, .expiry_ms = event.expiry_ms};
        (void)snprintf(one->key, sizeof(one->key), "%.*s", (int)event.key.len,
                       event.key.len == 0 ? "" : (const char *)event.key.data);
        (void)snprintf(one->value, sizeof(one->value), "%.*s",
                       event.value.data == NULL ? 1 : (int)event.value.len,
                       event.value.data == NULL ? "-" : (const char *)event.value.data);
    }
    buffer_deinit(&page);
}

/* Of all nodes and workers, lane by lane. */
static void look(struct fake_world *world)
{
    told_count = 0;
    for (uint32_t n = 0; n < WORLD_NODES; n++) {
        for (uint32_t w = 0; w < WORLD_WORKERS; w++) {
            if (world->nodes[n].tails[w] != NULL) {
                look_at(world->nodes[n].tails[w]);
            }
        }
    }
}

static uint32_t count_of(uint32_t op, const char *key, const char *value)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < told_count; i++) {
        count += told[i].op == op && strcmp(told[i].key, key) == 0 &&
                 (value == NULL || strcmp(told[i].value, value) == 0);
    }
    return count;
}

/* ---- worlds ---- */

static int begin(void **state, uint32_t n, uint32_t workers, bool durable)
{
    static struct fake_world world;
    log_set_level(LOG_ERROR);
    fake_world_init(&world, n, n / 2 + 1, n / 2 + 1);
    for (uint32_t i = 0; i < n; i++) {
        world.nodes[i].worker_count = workers;
        world.nodes[i].durable = durable;
        world.nodes[i].feed_bytes = FEED_BYTES;
        if (fake_world_start(&world, i) < 0) {
            return -1;
        }
        fake_world_run(&world, 300 * MS);
        if (i > 0) {
            (void)fake_world_join(&world, i, world_port(0));
            fake_world_run(&world, 3000 * MS);
        }
    }
    *state = &world;
    return 0;
}

static int setup_alone(void **state)
{
    return begin(state, 1, 1, false);
}

static int setup_alone_durable(void **state)
{
    return begin(state, 1, 1, true);
}

static int setup_workers(void **state)
{
    return begin(state, 1, 3, false);
}

static int setup_workers_durable(void **state)
{
    return begin(state, 1, 3, true);
}

static int setup_three(void **state)
{
    return begin(state, 3, 1, false);
}

static int teardown(void **state)
{
    fake_world_deinit(*state);
    return 0;
}

/* ---- requests ---- */

static struct world_answer *ask(struct fake_world *world, const struct request *request)
{
    struct world_answer *answer = fake_world_begin(world, 0, 0, request);
    fake_world_run(world, 100 * MS);
    return answer;
}

static void every_write_is_told_once_with_what_it_came_to(void **state)
{
    struct fake_world *world = *state;
    struct request put = {.op = REQUEST_PUT,
                          .key = bytes_from_string("a"),
                          .value = bytes_from_string("one"),
                          .expiry_ms = world->now.wall_ms + 1000000};
    assert_int_equal(ask(world, &put)->code, 0);
    struct request add = {.op = REQUEST_ADD, .key = bytes_from_string("n"), .delta = -7};
    assert_int_equal(ask(world, &add)->code, 0);
    struct request expire = {.op = REQUEST_EXPIRE,
                             .key = bytes_from_string("a"),
                             .expiry_ms = world->now.wall_ms + 2000000};
    assert_int_equal(ask(world, &expire)->code, 0);
    struct request delete = {.op = REQUEST_DELETE, .key = bytes_from_string("a")};
    assert_int_equal(ask(world, &delete)->code, 0);
    struct request get = {.op = REQUEST_GET, .key = bytes_from_string("a")};
    assert_int_equal(ask(world, &get)->code, SHOAL_ENOTFOUND);
    look(world);
    assert_int_equal(told_count, 4);
    assert_int_equal(told[0].op, FEED_PUT);
    assert_string_equal(told[0].value, "one");
    assert_int_equal(told[0].expiry_ms, put.expiry_ms);
    assert_string_equal(told[1].value, "-7");
    assert_int_equal(told[2].op, FEED_PUT);
    assert_string_equal(told[2].value, "-");
    assert_int_equal(told[2].value_bytes, 3);
    assert_int_equal(told[2].expiry_ms, expire.expiry_ms);
    assert_int_equal(told[3].op, FEED_DELETE);
}

static void what_is_refused_is_not_told(void **state)
{
    struct fake_world *world = *state;
    struct request expire = {
        .op = REQUEST_EXPIRE, .key = bytes_from_string("missing"), .expiry_ms = 1};
    assert_int_equal(ask(world, &expire)->code, SHOAL_ENOTFOUND);
    struct request put = {
        .op = REQUEST_PUT, .key = bytes_from_string("a"), .context = bytes_from_string("forged")};
    assert_int_equal(ask(world, &put)->code, SHOAL_ECONTEXT);
    look(world);
    assert_int_equal(told_count, 0);
}

static void what_has_expired_is_told_when_it_is_removed(void **state)
{
    struct fake_world *world = *state;
    struct request put = {.op = REQUEST_PUT,
                          .key = bytes_from_string("a"),
                          .value = bytes_from_string("1"),
                          .ttl_ms = 500};
    assert_int_equal(ask(world, &put)->code, 0);
    fake_world_run(world, 30000 * MS);
    look(world);
    assert_int_equal(told_count, 2);
    assert_int_equal(count_of(FEED_EXPIRE, "a", "-"), 1);
}

static void of_several_nodes_only_who_coordinates_tells(void **state)
{
    struct fake_world *world = *state;
    char key[16];
    for (uint32_t i = 0; i < 30; i++) {
        (void)snprintf(key, sizeof(key), "key%u", i);
        struct world_answer *put = fake_world_put(world, i % 3, 0, key, "v");
        fake_world_run(world, 100 * MS);
        assert_int_equal(put->code, 0);
    }
    look(world);
    assert_int_equal(told_count, 30);
    for (uint32_t i = 0; i < 30; i++) {
        (void)snprintf(key, sizeof(key), "key%u", i);
        assert_int_equal(count_of(FEED_PUT, key, "v"), 1);
    }
}

/* ---- units ---- */

struct trial {
    struct unit unit;
    struct unit_cell cells[8];
    const char *put[8]; /* NULL: deleted */
    bool flush;
    bool abandon;
    bool done;
    int code;
};

static void trial_run(struct unit *unit, uint64_t now_ms)
{
    const struct trial *trial = unit->user;
    (void)now_ms;
    unit->flush = trial->flush;
    unit->abandon = trial->abandon;
    for (uint32_t i = 0; i < unit->count; i++) {
        unit->cells[i].change = trial->put[i] == NULL ? UNIT_DELETE : UNIT_PUT;
        unit->cells[i].value = bytes_from_string(trial->put[i] == NULL ? "" : trial->put[i]);
    }
}

static void trial_done(struct unit *unit, int code, struct bytes text)
{
    struct trial *trial = unit->user;
    (void)text;
    trial->done = true;
    trial->code = code;
}

static void trial_add(struct trial *trial, const char *key, const char *put)
{
    trial->cells[trial->unit.count].key = bytes_from_string(key);
    trial->put[trial->unit.count++] = put;
}

static void trial_do(struct fake_world *world, struct trial *trial)
{
    trial->unit.cells = trial->cells;
    trial->unit.run = trial_run;
    trial->unit.done = trial_done;
    trial->unit.user = trial;
    worker_unit(world->nodes[0].workers[0], world->now, &trial->unit);
    worker_flush(world->nodes[0].workers[0], world->now);
    fake_world_run(world, 100 * MS);
    assert_true(trial->done);
}

static void a_unit_tells_of_every_cell_that_it_changed(void **state)
{
    struct fake_world *world = *state;
    struct trial one = {0};
    trial_add(&one, "a", "1");
    trial_do(world, &one);
    assert_int_equal(one.code, 0);
    struct trial many = {0};
    for (uint32_t i = 0; i < 6; i++) {
        static const char *const keys[] = {"b", "c", "d", "e", "f", "g"};
        trial_add(&many, keys[i], "2");
    }
    trial_add(&many, "a", NULL);
    trial_add(&many, "never", NULL); /* there is nothing to delete */
    trial_do(world, &many);
    assert_int_equal(many.code, 0);
    struct trial none = {.abandon = true};
    trial_add(&none, "a", "3");
    trial_do(world, &none);
    look(world);
    assert_int_equal(told_count, 8);
    assert_int_equal(count_of(FEED_PUT, "a", "1"), 1);
    assert_int_equal(count_of(FEED_DELETE, "a", "-"), 1);
    assert_int_equal(count_of(FEED_PUT, "g", "2"), 1);
}

static void a_unit_done_at_once_tells_as_well(void **state)
{
    struct fake_world *world = *state;
    struct trial trial = {0};
    int code = 1;
    trial_add(&trial, "a", "1");
    trial_add(&trial, "b", "2");
    trial.unit.cells = trial.cells;
    trial.unit.run = trial_run;
    trial.unit.user = &trial;
    assert_true(worker_unit_now(world->nodes[0].workers[0], world->now, &trial.unit, &code));
    assert_int_equal(code, 0);
    look(world);
    assert_int_equal(told_count, 2);
    assert_string_equal(told[1].value, "2");
}

static void everything_deleted_is_told_once_a_lane_and_then_what_was_put(void **state)
{
    struct fake_world *world = *state;
    struct trial flush = {.flush = true};
    flush.unit.everything = true;
    trial_add(&flush, "a", "1");
    trial_do(world, &flush);
    assert_int_equal(flush.code, 0);
    look(world);
    assert_int_equal(count_of(FEED_FLUSH, "", "-"), world->nodes[0].worker_count);
    assert_int_equal(count_of(FEED_PUT, "a", "1"), 1);
    assert_int_equal(told_count, world->nodes[0].worker_count + 1);
}

/* ---- asking ---- */

static void feed_ask(struct fake_world *world, const struct message_feed *ask)
{
    struct buffer frame;
    buffer_init(&frame, 0);
    assert_int_equal(message_feed_encode(ask, &frame), 0);
    world->replies = 0;
    fake_world_ask(world, 0, buffer_bytes(&frame));
    buffer_deinit(&frame);
    fake_world_run(world, 1 * MS);
}

static struct message_fed answer_of(struct fake_world *world)
{
    struct message_fed fed;
    struct arena arena;
    arena_init(&arena, 0);
    assert_int_equal(world->replies, 1);
    assert_int_equal(message_fed_decode(buffer_bytes(&world->reply), &arena, &fed), 0);
    arena_deinit(&arena);
    return fed;
}

static void put_some(struct fake_world *world, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        (void)fake_world_put(world, 0, 0, "key", "value");
    }
    fake_world_run(world, 20 * MS);
}

static void what_is_there_is_answered_at_once(void **state)
{
    struct fake_world *world = *state;
    put_some(world, 3);
    struct message_feed ask = {.id = 9, .at = 2, .bytes_max = 1 << 20, .wait_us = 1000 * MS};
    feed_ask(world, &ask);
    struct message_fed fed = answer_of(world);
    assert_int_equal(fed.id, 9);
    assert_int_equal(fed.code, 0);
    assert_int_equal(fed.tail, tail_id(world->nodes[0].tails[0]));
    assert_int_equal(fed.first, 2);
    assert_int_equal(fed.next, 4);
    assert_int_equal(fed.end, 4);
    ask.tail = fed.tail + 1; /* of another tail: all of this one */
    ask.at = 3;
    feed_ask(world, &ask);
    assert_int_equal(answer_of(world).first, 1);
    ask.from = FEED_FROM_END;
    ask.wait_us = 0;
    feed_ask(world, &ask);
    assert_int_equal(answer_of(world).next, 4);
    assert_int_equal(answer_of(world).events.len, 0);
}

static void who_waits_is_answered_with_all_that_came_in_a_turn(void **state)
{
    struct fake_world *world = *state;
    struct message_feed ask = {.from = FEED_FROM_END, .bytes_max = 1 << 20, .wait_us = 1000 * MS};
    feed_ask(world, &ask);
    assert_int_equal(world->replies, 0);
    fake_world_run(world, 500 * MS);
    assert_int_equal(world->replies, 0);
    put_some(world, 3);
    struct message_fed fed = answer_of(world);
    assert_int_equal(fed.first, 1);
    assert_true(fed.next > 1);
}

static void who_waits_in_vain_is_told_so(void **state)
{
    struct fake_world *world = *state;
    struct message_feed ask = {.from = FEED_FROM_END, .bytes_max = 1, .wait_us = 100 * MS};
    feed_ask(world, &ask);
    fake_world_run(world, 150 * MS);
    struct message_fed fed = answer_of(world);
    assert_int_equal(fed.code, 0);
    assert_int_equal(fed.next, 1);
    assert_int_equal(fed.events.len, 0);
}

static void only_so_many_wait(void **state)
{
    struct fake_world *world = *state;
    struct message_feed ask = {.from = FEED_FROM_END, .bytes_max = 1, .wait_us = 60000 * MS};
    for (uint32_t i = 0; i < 256; i++) {
        feed_ask(world, &ask);
        assert_int_equal(world->replies, 0);
    }
    feed_ask(world, &ask);
    assert_int_equal(answer_of(world).code, SHOAL_EOVERLOAD);
}

static void what_is_no_lane_is_said_to_be_none(void **state)
{
    struct fake_world *world = *state;
    struct message_feed ask = {.lane = 77, .bytes_max = 1, .wait_us = 60000 * MS};
    feed_ask(world, &ask);
    assert_int_equal(answer_of(world).code, SHOAL_ENOTFOUND);
    fake_world_kill(world, 0);
    world->nodes[0].feed_bytes = 0;
    assert_int_equal(fake_world_start(world, 0), 0);
    fake_world_run(world, 300 * MS);
    feed_ask(world, &ask);
    assert_int_equal(answer_of(world).code, SHOAL_EUNSUPPORTED);
}

int main(void)
{
#define TEST(name, setup) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(every_write_is_told_once_with_what_it_came_to, setup_alone),
        TEST(every_write_is_told_once_with_what_it_came_to, setup_alone_durable),
        TEST(what_is_refused_is_not_told, setup_alone),
        TEST(what_has_expired_is_told_when_it_is_removed, setup_alone),
        TEST(of_several_nodes_only_who_coordinates_tells, setup_three),
        TEST(a_unit_tells_of_every_cell_that_it_changed, setup_alone),
        TEST(a_unit_tells_of_every_cell_that_it_changed, setup_alone_durable),
        TEST(a_unit_tells_of_every_cell_that_it_changed, setup_workers),
        TEST(a_unit_tells_of_every_cell_that_it_changed, setup_workers_durable),
        TEST(a_unit_done_at_once_tells_as_well, setup_alone),
        TEST(everything_deleted_is_told_once_a_lane_and_then_what_was_put, setup_alone),
        TEST(everything_deleted_is_told_once_a_lane_and_then_what_was_put, setup_alone_durable),
        TEST(everything_deleted_is_told_once_a_lane_and_then_what_was_put, setup_workers),
        TEST(everything_deleted_is_told_once_a_lane_and_then_what_was_put, setup_workers_durable),
        TEST(what_is_there_is_answered_at_once, setup_alone),
        TEST(who_waits_is_answered_with_all_that_came_in_a_turn, setup_alone),
        TEST(who_waits_in_vain_is_told_so, setup_alone),
        TEST(only_so_many_wait, setup_alone),
        TEST(what_is_no_lane_is_said_to_be_none, setup_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
