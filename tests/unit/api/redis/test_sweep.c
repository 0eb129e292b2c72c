/* api/redis/sweep*: all keys, page by page in front of workers that decide nothing, and within a
 * transaction over bare cells and names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/redis/sweep.h"
#include "support/fake_node.h"
#include "support/fake_unit.h"
#include "support/redis_client.h"
#include "support/redis_rig.h"

struct fixture {
    struct fake_node node;
    struct redis_client client;
};

static struct fixture fixture;
static struct redis_client *const client = &fixture.client;

static int set_up(void **state)
{
    (void)state;
    fake_units_set_alone(false);
    fake_node_start(&fixture.node, 1, 1, "c");
    redis_client_open(&fixture.client, fixture.node.redis_port);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    redis_client_close(&fixture.client);
    fake_node_stop_now(&fixture.node);
    fake_units_set_alone(true);
    return 0;
}

static void expect_part(const char *reply, const char *part)
{
    if (strstr(reply, part) == NULL) {
        fail_msg("%s", reply);
    }
}

static void put_keys(const char *prefix, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        char line[64];
        (void)snprintf(line, sizeof(line), "SET %s%u x", prefix, i);
        REDIS_ANSWERS(client, line, "+OK");
    }
}

/* ---- KEYS, DBSIZE, RANDOMKEY ---- */

static void keys_match_their_pattern(void **state)
{
    (void)state;
    REDIS_ANSWERS(client, "KEYS *", "*0");
    REDIS_ANSWERS(client, "MSET user:1 x user:2 x group:1 x", "+OK");
    REDIS_ANSWERS(client, "KEYS group:*", "*1 $7 group:1");
    REDIS_ANSWERS(client, "KEYS u*[^1]", "*1 $6 user:2");
    REDIS_ANSWERS(client, "KEYS user:1", "*1 $6 user:1");
    assert_memory_equal(redis_client_ask(client, "KEYS *"), "*3 ", 3);
    assert_memory_equal(redis_client_ask(client, "KEYS *:1"), "*2 ", 3);
}

static void keys_are_counted(void **state)
{
    (void)state;
    REDIS_ANSWERS(client, "DBSIZE", ":0");
    put_keys("a", 77);
    REDIS_ANSWERS(client, "DBSIZE", ":77");
}

static void some_key_is_any_of_them(void **state)
{
    (void)state;
    bool seen[3] = {false, false, false};
    REDIS_ANSWERS(client, "RANDOMKEY", "$-1");
    REDIS_ANSWERS(client, "MSET 0 x 1 x 2 x", "+OK");
    for (int i = 0; i < 200; i++) {
        const char *reply = redis_client_ask(client, "RANDOMKEY");
        assert_memory_equal(reply, "$1 ", 3);
        seen[reply[3] - '0'] = true;
    }
    assert_true(seen[0] && seen[1] && seen[2]);
}

/* ---- SCAN ---- */

/* Walks until the cursor is 0 again; how often each key "PREFIX<number>" came. */
static uint32_t scan_all(const char *prefix, const char *options, uint32_t *times, uint32_t count)
{
    char cursor[32] = "0";
    uint32_t calls = 0;
    memset(times, 0, count * sizeof(*times));
    do {
        char line[128];
        (void)snprintf(line, sizeof(line), "SCAN %s %s", cursor, options);
        char *reply = strdup(redis_client_ask(client, line));
        char *word = strtok(reply, " ");
        assert_string_equal(word, "*2");
        (void)strtok(NULL, " ");
        (void)snprintf(cursor, sizeof(cursor), "%s", strtok(NULL, " "));
        while ((word = strtok(NULL, " ")) != NULL) {
            if (strncmp(word, prefix, strlen(prefix)) == 0) {
                uint32_t number = (uint32_t)strtoul(word + strlen(prefix), NULL, 10);
                assert_true(number < count);
                times[number]++;
            }
        }
        free(reply);
        assert_true(++calls < 10000);
        assert_true(strtoull(cursor, NULL, 10) < 1ull << 53); /* a double holds it */
    } while (strcmp(cursor, "0") != 0);
    return calls;
}

static void a_scan_returns_every_key(void **state)
{
    (void)state;
    static uint32_t times[500];
    put_keys("key:", 500);
    uint32_t calls = scan_all("key:", "COUNT 7", times, 500);
    assert_true(calls > 40);
    for (uint32_t i = 0; i < 500; i++) {
        assert_true(times[i] >= 1);
    }
    assert_int_equal(scan_all("key:", "COUNT 1000000", times, 500), 1);
}

/* All in one cursor's reach, at the very beginning and at the very end. */
static void places_that_share_a_cursor_are_passed(void **state)
{
    (void)state;
    uint32_t times[40];
    put_keys("first:", 40);
    put_keys("near:", 40);
    scan_all("first:", "COUNT 1", times, 40);
    for (uint32_t i = 0; i < 40; i++) {
        assert_true(times[i] >= 1);
    }
    scan_all("near:", "COUNT 3", times, 40);
    for (uint32_t i = 0; i < 40; i++) {
        assert_true(times[i] >= 1);
    }
}

static void a_scan_shows_what_matches(void **state)
{
    (void)state;
    uint32_t times[20];
    put_keys("a", 20);
    put_keys("b", 20);
    scan_all("a", "MATCH a*", times, 20);
    assert_int_equal(times[7], 1);
    scan_all("b", "MATCH a*", times, 20);
    assert_int_equal(times[7], 0);
    scan_all("b", "TYPE string COUNT 5", times, 20);
    assert_true(times[7] >= 1);
    scan_all("b", "TYPE hash", times, 20);
    assert_int_equal(times[7], 0);
}

static void cursors_are_read_as_by_redis(void **state)
{
    (void)state;
    REDIS_ANSWERS(client, "SCAN x", "-ERR invalid cursor");
    REDIS_ANSWERS(client, "SCAN \" 1\"", "-ERR invalid cursor");
    REDIS_ANSWERS(client, "SCAN 1x", "-ERR invalid cursor");
    REDIS_ANSWERS(client, "SCAN +", "-ERR invalid cursor");
    REDIS_ANSWERS(client, "SCAN 18446744073709551616", "-ERR invalid cursor");
    REDIS_ANSWERS(client, "SCAN 18446744073709551615", "*2 $1 0 *0");
    REDIS_ANSWERS(client, "SCAN -1", "*2 $1 0 *0");
    REDIS_ANSWERS(client, "SCAN \"\"", "*2 $1 0 *0");
    REDIS_ANSWERS(client, "SCAN +0", "*2 $1 0 *0");
    REDIS_ANSWERS(client, "SCAN 0 COUNT 0", "-ERR syntax error");
    REDIS_ANSWERS(client, "SCAN 0 COUNT x", "-ERR value is not an integer or out of range");
    REDIS_ANSWERS(client, "SCAN 0 COUNT", "-ERR syntax error");
    REDIS_ANSWERS(client, "SCAN 0 LIMIT 5", "-ERR syntax error");
}

static void a_cursor_names_a_place(void **state)
{
    (void)state;
    uint32_t partition;
    uint64_t position;
    assert_int_equal(sweep_cursor_of(0, 0), 0);
    uint64_t cursor = sweep_cursor_of(255, UINT64_MAX);
    assert_true(sweep_cursor_place(cursor, 256, &partition, &position));
    assert_int_equal(partition, 255);
    assert_true(position > UINT64_MAX - (1u << 27));
    assert_false(sweep_cursor_place(cursor, 255, &partition, &position));
    assert_true(sweep_cursor_of(65535, UINT64_MAX) < 1ull << 53);
}

static void patterns_that_go_too_far_are_refused(void **state)
{
    (void)state;
    char line[3000] = "KEYS *";
    memset(line + 6, '?', 2000);
    line[2006] = '*';
    expect_part(redis_client_ask(client, line), "-ERR the pattern is longer than");
}

/* ---- FLUSHALL ---- */

static void flushing_deletes_what_it_sees(void **state)
{
    (void)state;
    put_keys("later:", 1200); /* more than a page */
    REDIS_ANSWERS(client, "FLUSHALL ASYNC", "+OK");
    REDIS_ANSWERS(client, "DBSIZE", ":0");
    REDIS_ANSWERS(client, "FLUSHDB sync", "+OK");
    REDIS_ANSWERS(client, "FLUSHALL NOW", "-ERR syntax error");
    REDIS_ANSWERS(client, "FLUSHALL ASYNC SYNC", "-ERR syntax error");
}

/* ---- within a transaction ---- */

struct within {
    struct arena memory;
    struct unit_cell items[4];
    struct redis_cells cells;
    struct unit unit;
    struct unit_name names[3];
    struct buffer out, shown;
};

static const char *run_within(struct within *within, const char *words)
{
    char line[128];
    static struct bytes argv[REDIS_RIG_ARGUMENTS];
    (void)snprintf(line, sizeof(line), "%s", words);
    struct reply reply = {.out = &within->out};
    struct redis_call call = {
        .argv = argv,
        .argc = redis_rig_words(line, argv),
        .reply = &reply,
        .cells = &within->cells,
        .memory = &within->memory,
        .now_ms = 1700000000000,
        .in_transaction = true,
        .unit = &within->unit,
    };
    buffer_clear(&within->out);
    call.command = command_find(argv[0]);
    call.command->run(&call);
    return redis_rig_show(buffer_bytes(&within->out), &within->shown);
}

/* Of the names a, b, c: a is untouched, b a cell that was read, c one that nobody has looked at. */
static void begin_within(struct within *within)
{
    *within = (struct within){
        .cells = {.items = within->items, .count = 3},
        .items = {{.key = bytes_from_string("b"), .found = true},
                  {.key = bytes_from_string("c"), .blind = true},
                  {.key = bytes_from_string("d"), .blind = true}},
        .names = {{bytes_from_string("a")}, {bytes_from_string("b")}, {bytes_from_string("c")}},
        .unit = {.names = within->names, .name_count = 3},
    };
    arena_init(&within->memory, 0);
    buffer_init(&within->out, 0);
    buffer_init(&within->shown, 0);
}

static void end_within(struct within *within)
{
    arena_deinit(&within->memory);
    buffer_deinit(&within->out);
    buffer_deinit(&within->shown);
}

static void a_transaction_sees_its_own_changes(void **state)
{
    (void)state;
    struct within within;
    begin_within(&within);
    assert_string_equal(run_within(&within, "DBSIZE"), ":3");
    assert_string_equal(run_within(&within, "KEYS *"), "*3 $1 b $1 a $1 c");
    redis_cell_put(&within.items[1], bytes_from_string("x"), 0);
    redis_cell_put(&within.items[2], bytes_from_string("x"), 0);
    redis_cell_delete(&within.items[0]);
    assert_string_equal(run_within(&within, "KEYS *"), "*3 $1 c $1 d $1 a");
    assert_string_equal(run_within(&within, "SCAN 0 MATCH d"), "*2 $1 0 *1 $1 d");
    assert_string_equal(run_within(&within, "SCAN 77 TYPE hash"), "*2 $1 0 *0");
    assert_memory_equal(run_within(&within, "RANDOMKEY"), "$1 ", 3);
    end_within(&within);
}

static void a_transaction_flushes(void **state)
{
    (void)state;
    struct within within;
    begin_within(&within);
    assert_string_equal(run_within(&within, "FLUSHALL WHAT"), "-ERR syntax error");
    assert_false(within.unit.flush);
    assert_string_equal(run_within(&within, "FLUSHDB"), "+OK");
    assert_true(within.unit.flush);
    assert_string_equal(run_within(&within, "DBSIZE"), ":0");
    assert_string_equal(run_within(&within, "RANDOMKEY"), "$-1");
    redis_cell_put(&within.items[2], bytes_from_string("x"), 0);
    assert_string_equal(run_within(&within, "KEYS *"), "*1 $1 d");
    end_within(&within);
}

#define SWEEP_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SWEEP_TEST(keys_match_their_pattern),
        SWEEP_TEST(keys_are_counted),
        SWEEP_TEST(some_key_is_any_of_them),
        SWEEP_TEST(a_scan_returns_every_key),
        SWEEP_TEST(places_that_share_a_cursor_are_passed),
        SWEEP_TEST(a_scan_shows_what_matches),
        SWEEP_TEST(cursors_are_read_as_by_redis),
        cmocka_unit_test(a_cursor_names_a_place),
        SWEEP_TEST(patterns_that_go_too_far_are_refused),
        SWEEP_TEST(flushing_deletes_what_it_sees),
        cmocka_unit_test(a_transaction_sees_its_own_changes),
        cmocka_unit_test(a_transaction_flushes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
