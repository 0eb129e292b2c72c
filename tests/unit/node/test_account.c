/* The slow log, failures and spans of requests, on real workers in virtual time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/log.h"
#include "node/core.h"
#include "ring/partition.h"
#include "shoal/error.h"
#include "support/fake_world.h"
#include "wire/frame.h"

#define LINES_MAX 64u

struct fixture {
    struct fake_world world;
    struct spans *spans[3];
    atomic_uint_least64_t slow_us;
    char lines[LINES_MAX][512];
    uint32_t line_count;
    struct span out[64];
};

static const struct trace trace = {.id_high = 0xa, .id_low = 0xb, .span = 0xc, .flags = 1};
#define TRACE_ID "000000000000000a000000000000000b"

static void catch_line(void *self, enum log_level level, struct bytes line)
{
    struct fixture *fixture = self;
    if (level >= LOG_WARNING && fixture->line_count < LINES_MAX) {
        (void)snprintf(fixture->lines[fixture->line_count++], sizeof(fixture->lines[0]), "%.*s",
                       (int)line.len, (const char *)line.data);
    }
}

static uint64_t clock_ns(void *self)
{
    return ((const struct fake_world *)self)->now.mono_us * 1000;
}

static void give_spans(struct fixture *fixture, uint32_t node)
{
    const struct spans_options options = {
        .capacity = 64, .seed = node, .clock = clock_ns, .clock_self = &fixture->world};
    struct worker *worker = fixture->world.nodes[node].workers[0];
    assert_int_equal(spans_new(&options, &fixture->spans[node]), 0);
    worker->spans = fixture->spans[node];
    worker->coordinator.spans = fixture->spans[node];
}

static int setup(void **state)
{
    static struct fixture fixture;
    memset(&fixture, 0, sizeof(fixture));
    *state = &fixture;
    fake_world_init(&fixture.world, 3, 2, 3);
    for (uint32_t i = 0; i < 3; i++) {
        fixture.world.nodes[i].config.slow_us = &fixture.slow_us;
        fixture.world.nodes[i].config.sloppy = false;
        if (fake_world_start(&fixture.world, i) < 0) {
            return -1;
        }
        fake_world_run(&fixture.world, 300 * MS);
        if (i > 0) {
            (void)fake_world_join(&fixture.world, i, world_port(0));
            fake_world_run(&fixture.world, 4000 * MS);
        }
    }
    log_configure(LOG_WARNING, LOG_FORMAT_TEXT, NULL, catch_line, &fixture);
    fixture.line_count = 0;
    return world_members(&fixture.world, 0) == 3 ? 0 : -1;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    log_configure(LOG_INFO, LOG_FORMAT_TEXT, NULL, NULL, NULL);
    fake_world_deinit(&fixture->world);
    for (uint32_t i = 0; i < 3; i++) {
        spans_free(fixture->spans[i]);
    }
    return 0;
}

static struct world_answer *put(struct fixture *fixture, const char *key)
{
    const struct request request = {.op = REQUEST_PUT,
                                    .key = bytes_from_string(key),
                                    .value = bytes_from_string("v"),
                                    .trace = trace,
                                    .surface = SURFACE_NATIVE};
    return fake_world_begin(&fixture->world, 0, 0, &request);
}

/* How many lines have all of these texts (the last is NULL). */
static uint32_t lines_with(const struct fixture *fixture, const char *const *texts)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < fixture->line_count; i++) {
        bool all = true;
        for (const char *const *text = texts; *text != NULL; text++) {
            all = all && strstr(fixture->lines[i], *text) != NULL;
        }
        count += all ? 1 : 0;
    }
    return count;
}
#define LINES(...) lines_with(fixture, (const char *const[]){__VA_ARGS__, NULL})

static void what_is_fast_leaves_no_line(void **state)
{
    struct fixture *fixture = *state;
    atomic_store(&fixture->slow_us, 500 * MS);
    struct world_answer *answer = put(fixture, "key");
    fake_world_run(&fixture->world, 300 * MS);
    assert_int_equal(answer->code, 0);
    assert_int_equal(fixture->line_count, 0);
}

static void what_is_slow_leaves_one_with_its_id_and_what_it_waited_for(void **state)
{
    struct fixture *fixture = *state;
    atomic_store(&fixture->slow_us, 1);
    struct world_answer *answer = put(fixture, "key");
    fake_world_run(&fixture->world, 300 * MS);
    assert_int_equal(answer->code, 0);
    assert_int_equal(LINES("request: slow op=put key=key surface=native ms=", "reached=3 needed=3",
                           "waited=", " peer=node", " request=" TRACE_ID),
                     1);
}

static void nothing_is_slow_where_the_slow_log_is_off(void **state)
{
    struct fixture *fixture = *state;
    fake_world_cut(&fixture->world, 2, true);
    fake_world_run(&fixture->world, 1000 * MS);
    (void)put(fixture, "key");
    fake_world_run(&fixture->world, 5000 * MS);
    assert_int_equal(LINES("request: slow"), 0);
    assert_int_equal(LINES("request: failed", "surface=native", "result=", "request=" TRACE_ID), 1);
}

static void of_many_failures_some_are_written_and_the_rest_counted(void **state)
{
    struct fixture *fixture = *state;
    fake_world_cut(&fixture->world, 2, true);
    fake_world_run(&fixture->world, 1000 * MS);
    for (uint32_t i = 0; i < 3 * SELDOM_LINES; i++) {
        (void)put(fixture, "key");
    }
    fake_world_run(&fixture->world, 5000 * MS);
    assert_in_range(LINES("request: failed"), SELDOM_LINES, 2 * SELDOM_LINES);
    fake_world_run(&fixture->world, 10000 * MS);
    (void)put(fixture, "key");
    fake_world_run(&fixture->world, 5000 * MS);
    assert_true(LINES("request: failed", " left_out=") >= 1);
}

static void store_by_hand(struct fixture *fixture, uint32_t partition)
{
    struct buffer frame;
    struct message_store store = {.id = 9,
                                  .partition = partition,
                                  .key = bytes_from_string("key"),
                                  .object = bytes_from_string("no object"),
                                  .trace = trace};
    buffer_init(&frame, 0);
    assert_int_equal(message_store_encode(&store, &frame), 0);
    fake_world_ask(&fixture->world, 0, buffer_bytes(&frame));
    buffer_deinit(&frame);
}

static void what_a_peer_is_refused_leaves_a_line_with_the_id(void **state)
{
    struct fixture *fixture = *state;
    store_by_hand(fixture, 0);
    assert_int_equal(LINES("peer's request: refused op=STORE key=key partition=0",
                           "result=", "request=" TRACE_ID),
                     1);
}

static void a_peer_that_waits_for_its_disk_leaves_a_line_with_the_id(void **state)
{
    struct fixture *fixture = *state;
    for (uint32_t node = 0; node < 3; node++) {
        fixture->world.nodes[node].engines[0]->slow = true;
    }
    atomic_store(&fixture->slow_us, 10 * MS);
    struct world_answer *answer = put(fixture, "key");
    fake_world_run(&fixture->world, 150 * MS);
    for (uint32_t node = 0; node < 3; node++) {
        fickle_engine_settle(fixture->world.nodes[node].engines[0]);
    }
    fake_world_run(&fixture->world, 50 * MS);
    assert_int_equal(answer->code, 0);
    assert_int_equal(LINES("peer's request: slow op=STORE key=key partition=", "waited=disk",
                           "request=" TRACE_ID),
                     2);
    assert_true(LINES("request: slow op=put key=key surface=native") == 1);
}

static uint32_t take(struct fixture *fixture, uint32_t node)
{
    return spans_take(fixture->spans[node], fixture->out, 64);
}

/* The node's span of this name and kind; zeros if there is none. */
static struct span find(struct fixture *fixture, uint32_t count, const char *name, uint32_t kind)
{
    for (uint32_t i = 0; i < count; i++) {
        if (strcmp(fixture->out[i].name, name) == 0 && fixture->out[i].kind == kind) {
            return fixture->out[i];
        }
    }
    return (struct span){0};
}

static void a_traced_request_has_a_span_below_its_parent_and_so_have_its_peers(void **state)
{
    struct fixture *fixture = *state;
    for (uint32_t i = 0; i < 3; i++) {
        give_spans(fixture, i);
    }
    const struct request request = {.op = REQUEST_GET,
                                    .key = bytes_from_string("key"),
                                    .options = {.r = 3},
                                    .trace = trace,
                                    .surface = SURFACE_HTTP};
    (void)fake_world_begin(&fixture->world, 0, 0, &request);
    fake_world_run(&fixture->world, 300 * MS);
    uint32_t count = take(fixture, 0);
    struct span root = find(fixture, count, "get", SPAN_SERVER);
    struct span call = find(fixture, count, "FETCH", SPAN_CLIENT);
    assert_true(root.parent == trace.span && root.id != 0 && call.parent == root.id);
    assert_int_equal(root.code, SHOAL_ENOTFOUND);
    assert_string_equal(root.surface, "http");
    assert_true(root.id_high == trace.id_high && root.id_low == trace.id_low);
    assert_true(root.end_ns > root.begin_ns && root.key_hash != 0);
    assert_true(root.quorum && root.owners == 3 && root.needed == 3);
    assert_string_equal(call.host, "10.0.0.1");
    assert_true(call.port != 0);
    for (uint32_t node = 1; node < 3; node++) {
        struct span served = find(fixture, take(fixture, node), "FETCH", SPAN_SERVER);
        assert_true(served.id != 0 && served.id_low == trace.id_low);
        assert_true(served.partition == root.partition);
        assert_true(served.parent != 0 && served.parent != root.id);
    }
}

static void who_did_not_ask_for_it_is_not_traced(void **state)
{
    struct fixture *fixture = *state;
    for (uint32_t i = 0; i < 3; i++) {
        give_spans(fixture, i);
    }
    (void)fake_world_put(&fixture->world, 0, 0, "key", "v");
    fake_world_run(&fixture->world, 300 * MS);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(take(fixture, i), 0);
    }
}

/* ---- units ----------------------------------------------------------------------------------- */

static int setup_alone(void **state)
{
    static struct fixture fixture;
    memset(&fixture, 0, sizeof(fixture));
    *state = &fixture;
    fake_world_init(&fixture.world, 1, 1, 1);
    fixture.world.nodes[0].config.slow_us = &fixture.slow_us;
    fixture.world.nodes[0].worker_count = 2;
    if (fake_world_start(&fixture.world, 0) < 0) {
        return -1;
    }
    fake_world_run(&fixture.world, 300 * MS);
    log_configure(LOG_WARNING, LOG_FORMAT_TEXT, NULL, catch_line, &fixture);
    return 0;
}

static void put_cell(struct unit *unit, uint64_t now_ms)
{
    (void)now_ms;
    unit->cells[0].change = UNIT_PUT;
    unit->cells[0].value = bytes_from_string("v");
}

static void note_code(struct unit *unit, int code, struct bytes text)
{
    (void)text;
    *(int *)unit->user = code;
}

/* A unit over a key of worker 1, submitted at worker 0, so that it takes its time. */
static int far_unit(struct fixture *fixture, struct unit_cell *cell)
{
    int code = WORLD_PENDING;
    struct unit unit = {.cells = cell,
                        .count = 1,
                        .run = put_cell,
                        .done = note_code,
                        .user = &code,
                        .name = "set",
                        .surface = SURFACE_REDIS,
                        .trace = trace};
    char key[16];
    for (uint32_t i = 0; cell->key.len == 0; i++) {
        (void)snprintf(key, sizeof(key), "key-%u", i);
        bool theirs = partition_of_key(bytes_from_string(key), WORLD_PARTITIONS) % 2 == 1;
        cell->key = theirs ? bytes_from_string(key) : bytes_make(NULL, 0);
    }
    worker_unit(fixture->world.nodes[0].workers[0], fixture->world.now, &unit);
    fixture->world.now.mono_us += MS; /* so long the letter takes */
    fake_world_run(&fixture->world, 50 * MS);
    return code;
}

static void units_are_in_the_slow_log_and_in_traces(void **state)
{
    struct fixture *fixture = *state;
    struct unit_cell cell = {0};
    give_spans(fixture, 0);
    atomic_store(&fixture->slow_us, 1);
    assert_int_equal(far_unit(fixture, &cell), 0);
    assert_int_equal(
        LINES("request: slow op=set key=key-", "keys=1 surface=redis ms=", "request=" TRACE_ID), 1);
    struct span span = find(fixture, take(fixture, 0), "set", SPAN_SERVER);
    assert_true(span.id_low == trace.id_low && span.parent == trace.span);
    assert_string_equal(span.surface, "redis");
    assert_true(span.end_ns > span.begin_ns);
}

static void what_a_unit_does_at_once_has_a_span_too(void **state)
{
    struct fixture *fixture = *state;
    struct worker *worker = fixture->world.nodes[0].workers[0];
    struct unit_cell cell = {.key = bytes_from_string("key")};
    struct unit unit = {.cells = &cell, .run = put_cell, .trace = trace};
    int code = WORLD_PENDING;
    give_spans(fixture, 0);
    while (partition_of_key(cell.key, WORLD_PARTITIONS) % 2 != 0) {
        cell.key.len--; /* one of worker 0's */
    }
    unit.count = 1;
    assert_true(worker_unit_now(worker, fixture->world.now, &unit, &code));
    assert_int_equal(code, 0);
    assert_true(find(fixture, take(fixture, 0), "unit", SPAN_SERVER).parent == trace.span);
}

#define ALONE(name) cmocka_unit_test_setup_teardown(name, setup_alone, teardown)
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_fast_leaves_no_line),
        TEST(what_is_slow_leaves_one_with_its_id_and_what_it_waited_for),
        TEST(nothing_is_slow_where_the_slow_log_is_off),
        TEST(of_many_failures_some_are_written_and_the_rest_counted),
        TEST(what_a_peer_is_refused_leaves_a_line_with_the_id),
        TEST(a_peer_that_waits_for_its_disk_leaves_a_line_with_the_id),
        TEST(a_traced_request_has_a_span_below_its_parent_and_so_have_its_peers),
        TEST(who_did_not_ask_for_it_is_not_traced),
        ALONE(units_are_in_the_slow_log_and_in_traces),
        ALONE(what_a_unit_does_at_once_has_a_span_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
