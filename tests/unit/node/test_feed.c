/* Readers of the live feed on a few whole nodes: what they are told, from where on, and what of it
 * when nodes die, come back, lose what they kept, or the reader is slow or comes again elsewhere.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/memory.h"
#include "node/core.h"
#include "node/feed.h"
#include "node/feed_cursor.h"
#include "shoal/error.h"
#include "support/fake_world.h"
#include "wire/frame.h"

enum { SEEN_MAX = 4096, CURSOR_MAX = 1024 };

struct seen {
    uint32_t op;
    uint32_t reason;
    uint64_t missed;
    uint64_t node;
    uint64_t serial;
    char key[24];
    char value[24];
};

struct watcher {
    struct feed_reader reader;
    struct seen seen[SEEN_MAX];
    uint32_t count;
    uint32_t room; /* takes it has */
    uint32_t flushes;
    bool ended;
    int code;
    uint8_t cursor[CURSOR_MAX]; /* of the last event */
    size_t cursor_len;
};

static struct watcher *watcher_of(struct feed_reader *reader)
{
    return QUEUE_ITEM(reader, struct watcher, reader);
}

static void copy_text(char *to, size_t size, struct bytes from)
{
    (void)snprintf(to, size, "%.*s", (int)from.len, from.data == NULL ? "" : (char *)from.data);
}

static bool on_take(struct feed_reader *reader, const struct feed_event *event)
{
    struct watcher *watcher = watcher_of(reader);
    if (watcher->room == 0) {
        return false;
    }
    watcher->room--;
    assert_true(watcher->count < SEEN_MAX && event->cursor.len <= CURSOR_MAX);
    struct seen *seen = &watcher->seen[watcher->count++];
    *seen = (struct seen){.op = event->op,
                          .reason = event->reason,
                          .missed = event->missed,
                          .node = event->node,
                          .serial = event->serial};
    copy_text(seen->key, sizeof(seen->key), event->key);
    copy_text(seen->value, sizeof(seen->value), event->value);
    memcpy(watcher->cursor, event->cursor.data, event->cursor.len);
    watcher->cursor_len = event->cursor.len;
    return true;
}

static void on_flush(struct feed_reader *reader)
{
    watcher_of(reader)->flushes++;
}

static void on_ended(struct feed_reader *reader, int code, const char *text)
{
    assert_non_null(text);
    watcher_of(reader)->ended = true;
    watcher_of(reader)->code = code;
}

static const struct feed_reader_calls calls = {
    .take = on_take, .flush = on_flush, .ended = on_ended};

static void watcher_open_for(struct fake_world *world, struct watcher *watcher, uint32_t node,
                             uint32_t worker, struct bytes cursor, const char *prefix, uint32_t ops)
{
    memset(watcher, 0, sizeof(*watcher));
    watcher->room = UINT32_MAX;
    watcher->reader.calls = &calls;
    watcher->reader.prefix = bytes_from_string(prefix);
    watcher->reader.ops = ops;
    assert_int_equal(worker_feed_open(world->nodes[node].workers[worker], &watcher->reader, cursor),
                     0);
}

static void watcher_open(struct fake_world *world, struct watcher *watcher, uint32_t node,
                         uint32_t worker, struct bytes cursor)
{
    watcher_open_for(world, watcher, node, worker, cursor, "", 0);
}

static void watcher_close(struct fake_world *world, struct watcher *watcher, uint32_t node,
                          uint32_t worker)
{
    worker_feed_close(world->nodes[node].workers[worker], &watcher->reader);
}

static uint32_t keys_seen(const struct watcher *watcher, const char *key)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < watcher->count; i++) {
        count += watcher->seen[i].op != FEED_GAP && strcmp(watcher->seen[i].key, key) == 0;
    }
    return count;
}

static uint32_t gaps_seen(const struct watcher *watcher, uint32_t reason)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < watcher->count; i++) {
        count += watcher->seen[i].op == FEED_GAP && watcher->seen[i].reason == reason;
    }
    return count;
}

static uint32_t backs_seen(const struct watcher *watcher)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < watcher->count; i++) {
        count += watcher->seen[i].op == FEED_BACK;
    }
    return count;
}

static void put_keys(struct fake_world *world, uint32_t node, uint32_t from, uint32_t count)
{
    for (uint32_t i = from; i < from + count; i++) {
        char key[16];
        char value[16];
        (void)snprintf(key, sizeof(key), "key%03u", (unsigned)i);
        (void)snprintf(value, sizeof(value), "value%u", (unsigned)i);
        struct world_answer *answer =
            fake_world_put(world, node, i % world->nodes[node].worker_count, key, value);
        fake_world_run(world, 20 * MS);
        assert_true(answer->done);
    }
}

/* Each of them once; exactly so many events. */
static void assert_keys(const struct watcher *watcher, uint32_t from, uint32_t count)
{
    for (uint32_t i = from; i < from + count; i++) {
        char key[16];
        (void)snprintf(key, sizeof(key), "key%03u", (unsigned)i);
        assert_int_equal(keys_seen(watcher, key), 1);
    }
}

/* ---- worlds ---- */

static struct fake_world world;

static int setup(void **state, uint32_t nodes, uint64_t feed_bytes)
{
    fake_world_init(&world, nodes, nodes < 2 ? 1 : 2, nodes < 2 ? 1 : 2);
    *state = &world;
    for (uint32_t i = 0; i < nodes; i++) {
        world.nodes[i].worker_count = i + 1;
        world.nodes[i].feed_bytes = feed_bytes;
        if (fake_world_start(&world, i) < 0) {
            return -1;
        }
        fake_world_run(&world, 300 * MS);
        if (i > 0) {
            struct world_answer *join = fake_world_join(&world, i, world_port(0));
            fake_world_run(&world, 3000 * MS);
            if (join->code != 0) {
                return -1;
            }
        }
    }
    fake_world_run(&world, 2000 * MS);
    return 0;
}

static int setup_one(void **state)
{
    return setup(state, 1, 1u << 20);
}

static int setup_three(void **state)
{
    return setup(state, 3, 1u << 20);
}

static int setup_small(void **state)
{
    return setup(state, 3, 1u << 17);
}

static int teardown(void **state)
{
    fake_world_deinit(*state);
    return 0;
}

static struct watcher a, b, c;
static const struct bytes nothing;

/* ---- what is told ---- */

static void a_reader_is_told_of_changes_from_when_it_has_a_place(void **state)
{
    (void)state;
    put_keys(&world, 0, 0, 5);
    watcher_open(&world, &a, 0, 0, nothing);
    assert_null(worker_feed_cursor(&a.reader).data);
    fake_world_run(&world, 100 * MS);
    assert_int_equal(a.count, 0);
    assert_int_equal(a.flushes, 1);
    assert_non_null(worker_feed_cursor(&a.reader).data);
    put_keys(&world, 0, 5, 5);
    assert_int_equal(a.count, 5);
    assert_keys(&a, 5, 5);
    assert_string_equal(a.seen[0].value, "value5");
    assert_int_equal(a.seen[0].op, FEED_PUT);
    watcher_close(&world, &a, 0, 0);
}

static void changes_of_all_nodes_are_told_at_every_node_once(void **state)
{
    (void)state;
    watcher_open(&world, &a, 0, 0, nothing);
    watcher_open(&world, &b, 2, 1, nothing);
    watcher_open(&world, &c, 2, 2, nothing);
    fake_world_run(&world, 500 * MS);
    assert_non_null(worker_feed_cursor(&a.reader).data);
    for (uint32_t node = 0; node < 3; node++) {
        put_keys(&world, node, 10 * node, 10);
    }
    fake_world_run(&world, 1000 * MS);
    const struct watcher *all[] = {&a, &b, &c};
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(all[i]->count, 30);
        assert_keys(all[i], 0, 30);
    }
    watcher_close(&world, &a, 0, 0);
    watcher_close(&world, &b, 2, 1);
    watcher_close(&world, &c, 2, 2);
}

static void readers_in_step_share_what_is_made_of_an_event(void **state)
{
    (void)state;
    watcher_open(&world, &a, 1, 1, nothing);
    watcher_open(&world, &b, 1, 1, nothing);
    fake_world_run(&world, 500 * MS);
    put_keys(&world, 0, 0, 10);
    fake_world_run(&world, 500 * MS);
    assert_int_equal(a.count, 10);
    for (uint32_t i = 0; i < 10; i++) {
        assert_true(a.seen[i].serial != 0 && a.seen[i].serial == b.seen[i].serial);
    }
    assert_int_equal(a.cursor_len, b.cursor_len);
    assert_memory_equal(a.cursor, b.cursor, a.cursor_len);
    watcher_close(&world, &a, 1, 1);
    watcher_close(&world, &b, 1, 1);
}

static void prefixes_and_ops_are_kept_to(void **state)
{
    (void)state;
    watcher_open_for(&world, &a, 0, 0, nothing, "key00", 0);
    watcher_open_for(&world, &b, 0, 0, nothing, "", 1u << FEED_DELETE);
    fake_world_run(&world, 500 * MS);
    put_keys(&world, 0, 5, 10);
    struct request request = {.op = REQUEST_DELETE, .key = bytes_from_string("key007")};
    (void)fake_world_begin(&world, 1, 0, &request);
    fake_world_run(&world, 1000 * MS);
    assert_int_equal(a.count, 6);
    assert_int_equal(a.seen[5].op, FEED_DELETE);
    assert_int_equal(b.count, 1);
    assert_string_equal(b.seen[0].key, "key007");
    watcher_close(&world, &a, 0, 0);
    watcher_close(&world, &b, 0, 0);
}

static void lists_and_reads_are_told_at_their_node_to_who_wants_them(void **state)
{
    (void)state;
    struct worker *worker = world.nodes[2].workers[0];
    assert_false(worker_feed_wanted(worker, FEED_READ));
    memset(&a, 0, sizeof(a));
    a.room = UINT32_MAX;
    a.reader.calls = &calls;
    a.reader.ops = 1u << FEED_READ | FEED_CHANGES;
    assert_int_equal(worker_feed_open(world.nodes[2].workers[2], &a.reader, nothing), 0);
    watcher_open(&world, &b, 2, 2, nothing);
    fake_world_run(&world, 500 * MS);
    assert_true(worker_feed_wanted(worker, FEED_READ));
    assert_false(worker_feed_wanted(worker, FEED_LIST));
    worker_feed_tell(worker, FEED_READ, bytes_from_string("read"));
    fake_world_run(&world, 500 * MS);
    assert_int_equal(keys_seen(&a, "read"), 1);
    assert_int_equal(b.count, 0);
    a.room = 0;
    worker_feed_tell(worker, FEED_READ, bytes_from_string("lost"));
    worker_feed_tell(worker, FEED_READ, bytes_from_string("gone"));
    fake_world_run(&world, 500 * MS);
    a.room = UINT32_MAX;
    worker_feed_more(world.nodes[2].workers[2], &a.reader);
    fake_world_run(&world, 500 * MS);
    assert_int_equal(gaps_seen(&a, FEED_GAP_DROPPED), 1);
    assert_int_equal(a.seen[a.count - 1].missed, 2);
    watcher_close(&world, &a, 2, 2);
    fake_world_run(&world, 500 * MS);
    assert_false(worker_feed_wanted(worker, FEED_READ));
    watcher_close(&world, &b, 2, 2);
}

/* ---- slow readers, and those who come again ---- */

static void a_slow_reader_gets_everything_in_the_end(void **state)
{
    (void)state;
    watcher_open(&world, &a, 0, 0, nothing);
    watcher_open(&world, &b, 0, 0, nothing);
    fake_world_run(&world, 500 * MS);
    a.room = 3;
    put_keys(&world, 1, 0, 20);
    fake_world_run(&world, 500 * MS);
    assert_int_equal(a.count, 3);
    assert_int_equal(b.count, 20);
    a.room = 4;
    worker_feed_more(world.nodes[0].workers[0], &a.reader);
    fake_world_run(&world, 500 * MS);
    assert_int_equal(a.count, 7);
    a.room = UINT32_MAX;
    worker_feed_more(world.nodes[0].workers[0], &a.reader);
    fake_world_run(&world, 500 * MS);
    assert_int_equal(a.count, 20);
    assert_keys(&a, 0, 20);
    put_keys(&world, 2, 20, 5);
    fake_world_run(&world, 500 * MS);
    assert_int_equal(a.count, 25);
    assert_int_equal(a.seen[24].serial, b.seen[24].serial);
    watcher_close(&world, &a, 0, 0);
    watcher_close(&world, &b, 0, 0);
}

static void a_cursor_goes_on_at_another_node(void **state)
{
    (void)state;
    watcher_open(&world, &a, 0, 0, nothing);
    fake_world_run(&world, 500 * MS);
    put_keys(&world, 0, 0, 10);
    put_keys(&world, 2, 10, 10);
    fake_world_run(&world, 500 * MS);
    assert_int_equal(a.count, 20);
    uint8_t cursor[CURSOR_MAX];
    struct bytes at = worker_feed_cursor(&a.reader);
    memcpy(cursor, at.data, at.len);
    watcher_close(&world, &a, 0, 0);
    put_keys(&world, 0, 20, 10);
    put_keys(&world, 1, 30, 10);
    watcher_open(&world, &b, 1, 1, bytes_make(cursor, at.len));
    assert_non_null(worker_feed_cursor(&b.reader).data);
    put_keys(&world, 2, 40, 10);
    fake_world_run(&world, 2000 * MS);
    assert_int_equal(b.count, 30);
    assert_keys(&b, 20, 30);
    put_keys(&world, 1, 50, 1);
    fake_world_run(&world, 500 * MS);
    assert_true(b.seen[30].serial != 0); /* it came into step */
    watcher_close(&world, &b, 1, 1);
}

static void what_no_cursor_is_is_refused(void **state)
{
    (void)state;
    struct worker *worker = world.nodes[0].workers[0];
    memset(&a, 0, sizeof(a));
    a.reader.calls = &calls;
    assert_int_equal(worker_feed_open(worker, &a.reader, bytes_from_string("not a cursor")),
                     SHOAL_EINVAL);
    assert_int_equal(worker_feed_open(worker, &a.reader, bytes_make("", 0)), SHOAL_EINVAL);
    worker_feed_close(worker, &a.reader);
}

static void a_reader_that_was_away_for_long_is_told_how_much_is_gone(void **state)
{
    (void)state;
    watcher_open(&world, &a, 1, 0, nothing);
    fake_world_run(&world, 500 * MS);
    uint8_t cursor[CURSOR_MAX];
    struct bytes at = worker_feed_cursor(&a.reader);
    memcpy(cursor, at.data, at.len);
    watcher_close(&world, &a, 1, 0);
    static uint8_t value[1000];
    uint32_t puts = 0;
    for (uint32_t i = 0; i < 200; i++) {
        struct request request = {.op = REQUEST_PUT,
                                  .key = bytes_from_string("large"),
                                  .value = bytes_make(value, sizeof(value))};
        puts += fake_world_begin(&world, 0, 0, &request) != NULL;
        fake_world_run(&world, 30 * MS);
    }
    watcher_open(&world, &b, 2, 0, bytes_make(cursor, at.len)); /* node 1 still holds it all */
    fake_world_run(&world, 3000 * MS);
    assert_int_equal(gaps_seen(&b, FEED_GAP_TRIMMED), 1);
    assert_int_equal(b.seen[0].op, FEED_GAP);
    assert_int_equal(b.seen[0].missed + b.count - 1, puts);
    watcher_close(&world, &b, 2, 0);
}

static void a_cursor_from_the_future_is_told_that_something_is_lost(void **state)
{
    (void)state;
    struct feed_cursor cursor;
    struct buffer bytes;
    struct worker *worker = world.nodes[0].workers[0];
    feed_cursor_init(&cursor);
    buffer_init(&bytes, 0);
    watcher_open(&world, &a, 0, 0, nothing);
    fake_world_run(&world, 500 * MS);
    put_keys(&world, 1, 0, 10);
    struct bytes at = worker_feed_cursor(&a.reader);
    assert_int_equal(feed_cursor_decode(at, worker_cluster_id(worker), &cursor), 0);
    for (uint32_t i = 0; i < cursor.count; i++) {
        cursor.places[i].at += 1000; /* a tail that was set back with its folder stands so */
    }
    assert_int_equal(feed_cursor_encode(&cursor, worker_cluster_id(worker), 0, 0, &bytes), 0);
    watcher_open(&world, &b, 2, 0, buffer_bytes(&bytes));
    fake_world_run(&world, 5000 * MS);
    assert_int_equal(gaps_seen(&b, FEED_GAP_LOST), cursor.count);
    put_keys(&world, 1, 10, 10);
    fake_world_run(&world, 1000 * MS);
    assert_keys(&b, 10, 10);
    watcher_close(&world, &a, 0, 0);
    watcher_close(&world, &b, 2, 0);
    feed_cursor_deinit(&cursor);
    buffer_deinit(&bytes);
}

/* ---- nodes that die ---- */

/* The reader knows no position of theirs, but a time. */
static void what_is_gone_of_nodes_that_were_never_heard_is_told(void **state)
{
    (void)state;
    static uint8_t value[1000];
    fake_world_cut(&world, 0, true);
    fake_world_run(&world, 20000 * MS);
    watcher_open(&world, &a, 0, 0, nothing);
    fake_world_run(&world, 10000 * MS);
    assert_int_equal(gaps_seen(&a, FEED_GAP_AWAY), 2);
    for (uint32_t i = 0; i < 200; i++) {
        struct request request = {.op = REQUEST_PUT,
                                  .key = bytes_from_string("large"),
                                  .value = bytes_make(value, sizeof(value))};
        assert_non_null(fake_world_begin(&world, 1, 0, &request));
        fake_world_run(&world, 30 * MS);
    }
    fake_world_cut(&world, 0, false);
    fake_world_run(&world, 20000 * MS);
    assert_int_equal(backs_seen(&a), 2);
    assert_true(keys_seen(&a, "large") > 0 && keys_seen(&a, "large") < 200);
    assert_true(gaps_seen(&a, FEED_GAP_TRIMMED) > 0);
    watcher_close(&world, &a, 0, 0);
}

static void what_a_new_member_lost_before_anybody_heard_of_it_is_told(void **state)
{
    (void)state;
    watcher_open(&world, &a, 0, 0, nothing);
    fake_world_run(&world, 500 * MS);
    put_keys(&world, 0, 0, 1);
    uint8_t cursor[CURSOR_MAX];
    struct bytes at = worker_feed_cursor(&a.reader);
    memcpy(cursor, at.data, at.len);
    watcher_close(&world, &a, 0, 0);
    fake_world_run(&world, 20000 * MS); /* nobody follows */
    world.nodes[3].worker_count = 2;
    world.nodes[3].feed_bytes = 1u << 20;
    assert_int_equal(fake_world_start(&world, 3), 0);
    fake_world_run(&world, 300 * MS);
    struct world_answer *join = fake_world_join(&world, 3, world_port(0));
    fake_world_run(&world, 3000 * MS);
    assert_int_equal(join->code, 0);
    put_keys(&world, 3, 1, 20);
    fake_world_kill(&world, 3);
    fake_world_lose_tails(&world, 3);
    fake_world_run(&world, 1000 * MS);
    assert_int_equal(fake_world_start(&world, 3), 0);
    fake_world_run(&world, 5000 * MS);
    put_keys(&world, 3, 21, 10);
    watcher_open(&world, &b, 1, 0, bytes_make(cursor, at.len));
    fake_world_run(&world, 5000 * MS);
    assert_int_equal(gaps_seen(&b, FEED_GAP_TRIMMED), 2); /* one a worker */
    assert_keys(&b, 21, 10);
    watcher_close(&world, &b, 1, 0);
}

static void a_node_that_dies_is_told_away_once_and_back_once(void **state)
{
    (void)state;
    watcher_open(&world, &a, 0, 0, nothing);
    fake_world_run(&world, 500 * MS);
    put_keys(&world, 2, 0, 10);
    fake_world_kill(&world, 2);
    fake_world_run(&world, 10000 * MS);
    assert_int_equal(gaps_seen(&a, FEED_GAP_AWAY), 1);
    put_keys(&world, 0, 10, 5);
    watcher_open(&world, &b, 1, 0, nothing); /* who comes now hears of it, too */
    fake_world_run(&world, 10000 * MS);
    assert_int_equal(gaps_seen(&b, FEED_GAP_AWAY), 1);
    assert_non_null(worker_feed_cursor(&b.reader).data);
    assert_int_equal(fake_world_start(&world, 2), 0);
    fake_world_run(&world, 5000 * MS);
    put_keys(&world, 2, 15, 5);
    fake_world_run(&world, 5000 * MS);
    assert_int_equal(gaps_seen(&a, FEED_GAP_AWAY), 1);
    assert_int_equal(backs_seen(&a), 1);
    assert_int_equal(backs_seen(&b), 1);
    assert_keys(&a, 0, 20);
    assert_keys(&b, 15, 5);
    watcher_close(&world, &a, 0, 0);
    watcher_close(&world, &b, 1, 0);
}

static void what_a_node_did_unseen_is_told_when_it_is_back(void **state)
{
    (void)state;
    watcher_open(&world, &a, 0, 0, nothing);
    fake_world_run(&world, 500 * MS);
    fake_world_cut(&world, 0, true);
    fake_world_run(&world, 100 * MS);
    put_keys(&world, 1, 0, 10);
    put_keys(&world, 2, 10, 10);
    fake_world_run(&world, 20000 * MS);
    assert_int_equal(gaps_seen(&a, FEED_GAP_AWAY), 2);
    assert_int_equal(a.count, 2);
    fake_world_cut(&world, 0, false);
    fake_world_run(&world, 20000 * MS);
    assert_int_equal(backs_seen(&a), 2);
    assert_keys(&a, 0, 20);
    assert_int_equal(a.count, 24);
    watcher_close(&world, &a, 0, 0);
}

/* Its operator has it keep no feed for a while. */
static void a_node_without_a_feed_that_was_away_is_back_only_when_it_keeps_one_again(void **state)
{
    (void)state;
    watcher_open(&world, &a, 0, 0, nothing);
    fake_world_run(&world, 500 * MS);
    fake_world_stop(&world, 1);
    world.nodes[1].feed_bytes = 0;
    assert_int_equal(fake_world_start(&world, 1), 0);
    fake_world_run(&world, 10000 * MS);
    assert_int_equal(gaps_seen(&a, FEED_GAP_LOST), 1);
    uint32_t backs = backs_seen(&a);
    fake_world_kill(&world, 1);
    fake_world_run(&world, 20000 * MS);
    assert_int_equal(fake_world_start(&world, 1), 0);
    fake_world_run(&world, 20000 * MS);
    assert_int_equal(backs_seen(&a), backs);
    fake_world_stop(&world, 1);
    world.nodes[1].feed_bytes = 1u << 20;
    assert_int_equal(fake_world_start(&world, 1), 0);
    fake_world_run(&world, 20000 * MS);
    assert_int_equal(backs_seen(&a), backs + 1);
    put_keys(&world, 1, 0, 10);
    fake_world_run(&world, 2000 * MS);
    assert_keys(&a, 0, 10);
    watcher_close(&world, &a, 0, 0);
}

static void a_tail_that_is_lost_is_told(void **state)
{
    (void)state;
    watcher_open(&world, &a, 0, 0, nothing);
    fake_world_run(&world, 500 * MS);
    put_keys(&world, 1, 0, 10);
    uint8_t cursor[CURSOR_MAX];
    struct bytes at = worker_feed_cursor(&a.reader);
    memcpy(cursor, at.data, at.len);
    fake_world_kill(&world, 1);
    fake_world_lose_tails(&world, 1);
    fake_world_run(&world, 1000 * MS);
    assert_int_equal(fake_world_start(&world, 1), 0);
    fake_world_run(&world, 5000 * MS);
    assert_int_equal(gaps_seen(&a, FEED_GAP_LOST), 2); /* one a worker */
    put_keys(&world, 1, 10, 10);
    fake_world_run(&world, 2000 * MS);
    assert_keys(&a, 0, 20);
    watcher_open(&world, &b, 2, 0, bytes_make(cursor, at.len));
    fake_world_run(&world, 5000 * MS);
    assert_int_equal(gaps_seen(&b, FEED_GAP_LOST), 2);
    assert_keys(&b, 10, 10);
    watcher_close(&world, &a, 0, 0);
    watcher_close(&world, &b, 2, 0);
}

/* One event's value, on its way. */
static void garble_one(uint8_t *payload, size_t len)
{
    uint32_t kind;
    uint64_t id;
    uint8_t *found = memmem(payload, len, "value13", 7);
    bool fed = frame_peek(bytes_make(payload, len), &kind, &id) == 0 && kind == MESSAGE_FED;
    if (fed && found != NULL) {
        *found ^= 1;
    }
}

static void an_event_that_does_not_check_out_is_told_as_gone(void **state)
{
    (void)state;
    watcher_open(&world, &a, 0, 0, nothing);
    watcher_open(&world, &b, 2, 0, nothing);
    watcher_open(&world, &c, 1, 0, nothing);
    fake_world_run(&world, 500 * MS);
    uint8_t cursor[CURSOR_MAX];
    struct bytes at = worker_feed_cursor(&c.reader);
    memcpy(cursor, at.data, at.len);
    watcher_close(&world, &c, 1, 0);
    fake_world_run(&world, 15000 * MS); /* nobody follows there any more */
    world.garble = garble_one;
    put_keys(&world, 2, 0, 26);
    fake_world_run(&world, 5000 * MS);
    watcher_open(&world, &c, 1, 0, bytes_make(cursor, at.len)); /* out of step, it asks itself */
    fake_world_run(&world, 5000 * MS);
    world.garble = NULL;
    struct watcher *watchers[] = {&a, &b, &c};
    for (uint32_t i = 0; i < 3; i++) {
        assert_keys(watchers[i], 0, 13);
        assert_keys(watchers[i], 14, 12);
        uint32_t gaps = gaps_seen(watchers[i], FEED_GAP_TRIMMED);
        assert_int_equal(keys_seen(watchers[i], "key013") + gaps, 1);
        assert_int_equal(watchers[i]->count, 26);
    }
    assert_int_equal(gaps_seen(&c, FEED_GAP_TRIMMED), 1);
    /* One of the two is where it was coordinated, and sent nowhere. */
    assert_int_equal(gaps_seen(&a, FEED_GAP_TRIMMED) + gaps_seen(&b, FEED_GAP_TRIMMED), 1);
    watcher_close(&world, &a, 0, 0);
    watcher_close(&world, &b, 2, 0);
    watcher_close(&world, &c, 1, 0);
}

static void a_new_member_is_told_of_from_its_beginning(void **state)
{
    (void)state;
    world.nodes[3].worker_count = 2;
    world.nodes[3].feed_bytes = 1u << 20;
    watcher_open(&world, &a, 0, 0, nothing);
    fake_world_run(&world, 500 * MS);
    assert_int_equal(fake_world_start(&world, 3), 0);
    fake_world_run(&world, 300 * MS);
    struct world_answer *join = fake_world_join(&world, 3, world_port(0));
    fake_world_run(&world, 3000 * MS);
    assert_int_equal(join->code, 0);
    put_keys(&world, 3, 0, 20);
    fake_world_run(&world, 5000 * MS);
    assert_keys(&a, 0, 20);
    assert_int_equal(a.count, 20);
    watcher_close(&world, &a, 0, 0);
}

static void a_removed_node_is_told_of_and_leaves_the_cursor(void **state)
{
    (void)state;
    watcher_open(&world, &a, 0, 0, nothing);
    fake_world_run(&world, 500 * MS);
    put_keys(&world, 2, 0, 10);
    uint8_t cursor[CURSOR_MAX];
    struct bytes at = worker_feed_cursor(&a.reader);
    memcpy(cursor, at.data, at.len);
    fake_world_kill(&world, 2);
    fake_world_run(&world, 20000 * MS);
    struct message_change change = {
        .op = CHANGE_REMOVE, .force = true, .node = bytes_from_string(world.nodes[2].config.name)};
    struct world_answer *removal = fake_world_change(&world, 0, 0, &change);
    fake_world_run(&world, 10000 * MS);
    assert_int_equal(removal->code, 0);
    assert_int_equal(gaps_seen(&a, FEED_GAP_REMOVED), 1);
    assert_true(worker_feed_cursor(&a.reader).len < at.len);
    watcher_open(&world, &b, 1, 0, bytes_make(cursor, at.len));
    fake_world_run(&world, 5000 * MS);
    assert_int_equal(gaps_seen(&b, FEED_GAP_REMOVED), 1);
    put_keys(&world, 1, 10, 1);
    fake_world_run(&world, 1000 * MS);
    assert_true(b.seen[b.count - 1].serial != 0);
    watcher_close(&world, &a, 0, 0);
    watcher_close(&world, &b, 1, 0);
}

/* It hears of nobody any more: who reads there, and whoever comes, has to go on elsewhere. */
static void readers_at_a_removed_node_are_ended_and_go_on_elsewhere(void **state)
{
    (void)state;
    watcher_open(&world, &b, 2, 1, nothing);
    fake_world_run(&world, 500 * MS);
    fake_world_cut(&world, 2, true);
    fake_world_run(&world, 20000 * MS);
    uint8_t cursor[CURSOR_MAX];
    struct bytes at = worker_feed_cursor(&b.reader);
    memcpy(cursor, at.data, at.len);
    struct message_change change = {
        .op = CHANGE_REMOVE, .force = true, .node = bytes_from_string(world.nodes[2].config.name)};
    struct world_answer *removal = fake_world_change(&world, 0, 0, &change);
    fake_world_run(&world, 10000 * MS);
    assert_int_equal(removal->code, 0);
    assert_false(b.ended); /* nobody has told it */
    fake_world_cut(&world, 2, false);
    fake_world_run(&world, 10000 * MS);
    assert_true(b.ended);
    assert_int_equal(b.code, SHOAL_ECONNECT);
    assert_int_equal(
        worker_feed_open(world.nodes[2].workers[1], &b.reader, bytes_make(cursor, at.len)),
        SHOAL_ECONNECT);
    put_keys(&world, 1, 0, 5);
    watcher_open(&world, &a, 0, 0, bytes_make(cursor, at.len));
    fake_world_run(&world, 5000 * MS);
    assert_keys(&a, 0, 5);
    assert_int_equal(gaps_seen(&a, FEED_GAP_REMOVED), 1);
    watcher_close(&world, &a, 0, 0);
}

/* Node 3 joins, does something, and is removed by force. */
static void come_and_go(void)
{
    world.nodes[3].worker_count = 2;
    world.nodes[3].feed_bytes = 1u << 20;
    assert_int_equal(fake_world_start(&world, 3), 0);
    fake_world_run(&world, 300 * MS);
    struct world_answer *join = fake_world_join(&world, 3, world_port(0));
    fake_world_run(&world, 3000 * MS);
    assert_int_equal(join->code, 0);
    put_keys(&world, 3, 0, 10);
    fake_world_kill(&world, 3);
    fake_world_run(&world, 20000 * MS);
    struct message_change change = {
        .op = CHANGE_REMOVE, .force = true, .node = bytes_from_string(world.nodes[3].config.name)};
    struct world_answer *removal = fake_world_change(&world, 0, 0, &change);
    fake_world_run(&world, 10000 * MS);
    assert_int_equal(removal->code, 0);
}

static void a_member_that_came_and_went_unseen_is_told_as_removed(void **state)
{
    (void)state;
    watcher_open(&world, &a, 0, 0, nothing);
    watcher_open(&world, &b, 1, 0, nothing);
    fake_world_run(&world, 500 * MS);
    uint8_t cursor[CURSOR_MAX];
    struct bytes at = worker_feed_cursor(&a.reader);
    memcpy(cursor, at.data, at.len);
    watcher_close(&world, &a, 0, 0);
    fake_world_cut(&world, 1, true);
    come_and_go();
    assert_int_equal(gaps_seen(&b, FEED_GAP_REMOVED), 0); /* neither heard of it, ... */
    fake_world_cut(&world, 1, false);
    fake_world_run(&world, 20000 * MS);
    watcher_open(&world, &a, 0, 0, bytes_make(cursor, at.len));
    fake_world_run(&world, 5000 * MS);
    assert_int_equal(gaps_seen(&a, FEED_GAP_REMOVED), 1); /* ... and both are told, ... */
    assert_int_equal(gaps_seen(&b, FEED_GAP_REMOVED), 1);
    at = worker_feed_cursor(&a.reader);
    memcpy(cursor, at.data, at.len);
    watcher_open(&world, &c, 2, 0, bytes_make(cursor, at.len));
    put_keys(&world, 0, 20, 5);
    fake_world_run(&world, 5000 * MS);
    assert_int_equal(gaps_seen(&c, FEED_GAP_REMOVED), 0); /* ... but once */
    assert_keys(&c, 20, 5);
    watcher_close(&world, &a, 0, 0);
    watcher_close(&world, &b, 1, 0);
    watcher_close(&world, &c, 2, 0);
}

static void readers_are_ended_when_their_worker_stops(void **state)
{
    (void)state;
    watcher_open(&world, &a, 0, 0, nothing);
    watcher_open(&world, &b, 2, 2, nothing);
    fake_world_run(&world, 500 * MS);
    fake_world_stop(&world, 2);
    assert_false(a.ended);
    assert_true(b.ended);
    assert_int_equal(b.code, SHOAL_ESHUTDOWN);
    watcher_close(&world, &a, 0, 0);
}

static void a_node_follows_only_while_it_has_readers(void **state)
{
    (void)state;
    watcher_open(&world, &a, 0, 0, nothing);
    fake_world_run(&world, 500 * MS);
    assert_true(world.nodes[1].workers[0]->lane.waiter_count > 0);
    watcher_close(&world, &a, 0, 0);
    fake_world_run(&world, 30000 * MS);
    assert_int_equal(world.nodes[1].workers[0]->lane.waiter_count, 0);
    put_keys(&world, 1, 0, 5);
    watcher_open(&world, &a, 0, 0, nothing);
    fake_world_run(&world, 500 * MS);
    put_keys(&world, 1, 5, 5);
    fake_world_run(&world, 500 * MS);
    assert_int_equal(a.count, 5);
    watcher_close(&world, &a, 0, 0);
}

#define TEST(name, how) cmocka_unit_test_setup_teardown(name, setup_##how, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_reader_is_told_of_changes_from_when_it_has_a_place, one),
        TEST(changes_of_all_nodes_are_told_at_every_node_once, three),
        TEST(readers_in_step_share_what_is_made_of_an_event, three),
        TEST(prefixes_and_ops_are_kept_to, three),
        TEST(lists_and_reads_are_told_at_their_node_to_who_wants_them, three),
        TEST(a_slow_reader_gets_everything_in_the_end, three),
        TEST(a_cursor_goes_on_at_another_node, three),
        TEST(what_no_cursor_is_is_refused, one),
        TEST(a_reader_that_was_away_for_long_is_told_how_much_is_gone, small),
        TEST(a_cursor_from_the_future_is_told_that_something_is_lost, three),
        TEST(what_is_gone_of_nodes_that_were_never_heard_is_told, small),
        TEST(what_a_new_member_lost_before_anybody_heard_of_it_is_told, three),
        TEST(a_node_that_dies_is_told_away_once_and_back_once, three),
        TEST(what_a_node_did_unseen_is_told_when_it_is_back, three),
        TEST(a_node_without_a_feed_that_was_away_is_back_only_when_it_keeps_one_again, three),
        TEST(a_tail_that_is_lost_is_told, three),
        TEST(an_event_that_does_not_check_out_is_told_as_gone, three),
        TEST(a_new_member_is_told_of_from_its_beginning, three),
        TEST(a_removed_node_is_told_of_and_leaves_the_cursor, three),
        TEST(readers_at_a_removed_node_are_ended_and_go_on_elsewhere, three),
        TEST(a_member_that_came_and_went_unseen_is_told_as_removed, three),
        TEST(readers_are_ended_when_their_worker_stops, three),
        TEST(a_node_follows_only_while_it_has_readers, three),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
