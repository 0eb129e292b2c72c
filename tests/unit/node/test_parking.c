/* What peers ask and this node's disk must be read for first: answered when it is there, by the
 * state of then, and refused at once when too much waits already. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/memory.h"
#include "node/core.h"
#include "shoal/error.h"
#include "support/fake_world.h"

#define PARTITION 1u

struct fixture {
    struct fake_world world;
    struct arena arena;
    struct buffer frame;
    struct fickle_engine *fickle;
};

static int setup(void **state)
{
    static struct fixture fixture;
    *state = &fixture;
    fake_world_init(&fixture.world, 1, 1, 1);
    arena_init(&fixture.arena, 0);
    buffer_init(&fixture.frame, 0);
    if (fake_world_start(&fixture.world, 0) < 0) {
        return -1;
    }
    fake_world_run(&fixture.world, 300 * MS);
    fixture.fickle = fixture.world.nodes[0].engines[0];
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    fake_world_deinit(&fixture->world);
    arena_deinit(&fixture->arena);
    buffer_deinit(&fixture->frame);
    return 0;
}

static struct worker *worker_of(struct fixture *fixture)
{
    return fixture->world.nodes[0].workers[0];
}

static void ask(struct fixture *fixture)
{
    fake_world_ask(&fixture->world, 0, buffer_bytes(&fixture->frame));
    buffer_clear(&fixture->frame);
}

/* An object of one value by an actor, encoded, in the arena. */
static struct bytes object_by(struct fixture *fixture, uint64_t actor, uint64_t counter)
{
    struct dot dot = {.actor = actor, .counter = counter};
    struct sibling sibling = {.dot = dot, .hlc = 9, .value = bytes_from_string("value")};
    struct object object = {
        .context = {.entries = &dot, .count = 1}, .siblings = &sibling, .sibling_count = 1};
    struct buffer encoded;
    buffer_init(&encoded, 0);
    assert_int_equal(object_encode(&object, &encoded), 0);
    struct bytes copy = arena_copy(&fixture->arena, buffer_bytes(&encoded));
    buffer_deinit(&encoded);
    return copy;
}

static void send_store(struct fixture *fixture, uint64_t id, const char *key, uint64_t actor)
{
    struct message_store store = {.id = id,
                                  .partition = PARTITION,
                                  .key = bytes_from_string(key),
                                  .object = object_by(fixture, actor, 1)};
    assert_int_equal(message_store_encode(&store, &fixture->frame), 0);
    ask(fixture);
}

static void send_fetch(struct fixture *fixture, const char *key)
{
    struct message_fetch fetch = {
        .id = 5, .partition = PARTITION, .key = bytes_from_string(key), .mode = FETCH_OBJECT};
    assert_int_equal(message_fetch_encode(&fetch, &fixture->frame), 0);
    ask(fixture);
}

static void send_scan(struct fixture *fixture, uint64_t position)
{
    struct message_scan scan = {.id = 6,
                                .partition = PARTITION,
                                .position = position,
                                .keys_max = 1000,
                                .bytes_max = 1000000,
                                .prefix = bytes_make("", 0)};
    assert_int_equal(message_scan_encode(&scan, &fixture->frame), 0);
    ask(fixture);
}

static struct message_stored stored(struct fixture *fixture)
{
    struct message_stored out;
    struct bytes reply = buffer_bytes(&fixture->world.reply);
    assert_int_equal(message_stored_decode(reply, &fixture->arena, &out), 0);
    return out;
}

static struct message_fetched fetched(struct fixture *fixture)
{
    struct message_fetched out;
    struct bytes reply = buffer_bytes(&fixture->world.reply);
    assert_int_equal(message_fetched_decode(reply, &fixture->arena, &out), 0);
    return out;
}

static struct message_scanned scanned(struct fixture *fixture)
{
    struct message_scanned out;
    struct bytes reply = buffer_bytes(&fixture->world.reply);
    assert_int_equal(message_scanned_decode(reply, &fixture->arena, &out), 0);
    return out;
}

/* Siblings, so that only reading tells what is held; from here on everything waits. */
static void plant(struct fixture *fixture)
{
    send_store(fixture, 3, "key", 77);
    send_store(fixture, 3, "key", 78);
    fixture->world.replies = 0;
    fixture->fickle->cold_percent = 100;
    fixture->fickle->disk_us = 5 * MS;
}

/* ---- waiting ---- */

static void a_fetch_is_answered_when_its_record_has_been_read(void **state)
{
    struct fixture *fixture = *state;
    plant(fixture);
    send_fetch(fixture, "key");
    assert_int_equal(fixture->world.replies, 0);
    assert_int_equal(worker_of(fixture)->parking.count, 1);
    fake_world_run(&fixture->world, 4 * MS);
    assert_int_equal(fixture->world.replies, 0);
    fake_world_run(&fixture->world, 2 * MS);
    assert_int_equal(fixture->world.replies, 1);
    assert_int_equal(fetched(fixture).code, 0);
    struct object object;
    assert_int_equal(object_decode(&fixture->arena, fetched(fixture).object, &object), 0);
    assert_int_equal(object.sibling_count, 2);
    assert_int_equal(worker_of(fixture)->parking.count, 0);
    assert_int_equal(worker_of(fixture)->parking.bytes, 0);
}

static void a_store_is_confirmed_when_it_has_been_merged(void **state)
{
    struct fixture *fixture = *state;
    plant(fixture);
    send_store(fixture, 4, "key", 79);
    assert_int_equal(fixture->world.replies, 0);
    fake_world_run(&fixture->world, 6 * MS);
    assert_int_equal(fixture->world.replies, 1);
    assert_int_equal(stored(fixture).code, 0);
    assert_true(stored(fixture).id == 4);
    send_fetch(fixture, "key");
    fake_world_run(&fixture->world, 6 * MS);
    struct object object;
    assert_int_equal(object_decode(&fixture->arena, fetched(fixture).object, &object), 0);
    assert_int_equal(object.sibling_count, 3);
}

static void many_that_wait_for_one_key_all_get_their_turn(void **state)
{
    struct fixture *fixture = *state;
    plant(fixture);
    for (uint64_t actor = 100; actor < 140; actor++) {
        send_store(fixture, actor, "key", actor);
    }
    send_fetch(fixture, "key");
    assert_int_equal(worker_of(fixture)->parking.count, 41);
    fake_world_run(&fixture->world, 1000 * MS);
    assert_int_equal(fixture->world.replies, 41);
    send_fetch(fixture, "key");
    fake_world_run(&fixture->world, 6 * MS);
    struct object object;
    assert_int_equal(object_decode(&fixture->arena, fetched(fixture).object, &object), 0);
    assert_int_equal(object.sibling_count, 42);
}

/* ---- scans ---- */

enum { KEYS = 60 };

static void plant_keys(struct fixture *fixture)
{
    for (uint32_t i = 0; i < KEYS; i++) {
        char key[16];
        (void)snprintf(key, sizeof(key), "key%u", (unsigned)i);
        send_store(fixture, 3, key, 77 + i);
    }
}

static void a_page_of_which_nothing_is_there_waits(void **state)
{
    struct fixture *fixture = *state;
    plant_keys(fixture);
    fixture->fickle->cold_percent = 100;
    fixture->world.replies = 0;
    send_scan(fixture, 0);
    assert_int_equal(fixture->world.replies, 0);
    fake_world_run(&fixture->world, 6 * MS);
    assert_int_equal(fixture->world.replies, 1);
    assert_int_equal(scanned(fixture).count, KEYS);
    assert_true(scanned(fixture).end);
}

static void short_pages_come_to_all_keys_once(void **state)
{
    struct fixture *fixture = *state;
    plant_keys(fixture);
    uint64_t position = 0;
    uint32_t count = 0;
    uint32_t pages = 0;
    bool end = false;
    while (!end) {
        /* Cold when asked, warm when it is tried again. */
        fixture->fickle->cold_percent = 20;
        fixture->world.replies = 0;
        send_scan(fixture, position);
        fake_world_run(&fixture->world, 6 * MS);
        assert_int_equal(fixture->world.replies, 1);
        struct message_scanned page = scanned(fixture);
        assert_int_equal(page.code, 0);
        assert_true(page.count > 0);
        for (uint32_t i = 0; i < page.count; i++) {
            assert_true(page.entries[i].position >= position);
        }
        count += page.count;
        pages++;
        end = page.end;
        assert_true(end || page.next > position);
        position = page.next;
    }
    assert_int_equal(count, KEYS);
    assert_true(pages > 1);
}

/* ---- what changes meanwhile ---- */

static void a_fetch_that_waits_is_judged_by_the_holding_of_then(void **state)
{
    struct fixture *fixture = *state;
    plant(fixture);
    send_fetch(fixture, "key");
    replica_holding(&worker_of(fixture)->replica, PARTITION)->refilling = true;
    fake_world_run(&fixture->world, 6 * MS);
    assert_int_equal(fixture->world.replies, 1);
    assert_int_equal(fetched(fixture).code, SHOAL_EREFILLING);
}

static void what_can_t_be_read_is_refused_with_the_reason(void **state)
{
    struct fixture *fixture = *state;
    plant(fixture);
    fixture->fickle->read_code = SHOAL_EIO;
    send_fetch(fixture, "key");
    fake_world_run(&fixture->world, 6 * MS);
    assert_int_equal(fetched(fixture).code, SHOAL_EIO);
    send_store(fixture, 4, "key", 79);
    fake_world_run(&fixture->world, 6 * MS);
    assert_int_equal(stored(fixture).code, SHOAL_EIO);
    send_scan(fixture, 0);
    fake_world_run(&fixture->world, 6 * MS);
    assert_int_equal(scanned(fixture).code, SHOAL_EIO);
    assert_int_equal(fixture->world.replies, 3);
    assert_int_equal(worker_of(fixture)->parking.count, 0);
}

static void a_worker_that_ends_takes_what_waits_with_it(void **state)
{
    struct fixture *fixture = *state;
    plant(fixture);
    send_fetch(fixture, "key");
    send_store(fixture, 4, "key", 79);
    send_scan(fixture, 0);
    assert_int_equal(worker_of(fixture)->parking.count, 3);
    fake_world_kill(&fixture->world, 0); /* AddressSanitizer looks on */
}

/* ---- bounds ---- */

static void over_the_bound_the_answer_is_overloaded_at_once(void **state)
{
    struct fixture *fixture = *state;
    plant(fixture);
    fixture->fickle->disk_us = 10000 * MS;
    for (uint32_t i = 0; i < LIMIT_PARKED_FRAMES; i++) {
        send_fetch(fixture, "key");
    }
    assert_int_equal(fixture->world.replies, 0);
    send_fetch(fixture, "key");
    assert_int_equal(fixture->world.replies, 1);
    assert_int_equal(fetched(fixture).code, SHOAL_EOVERLOAD);
    send_store(fixture, 4, "key", 79);
    assert_int_equal(stored(fixture).code, SHOAL_EOVERLOAD);
    send_scan(fixture, 0);
    assert_int_equal(scanned(fixture).code, SHOAL_EOVERLOAD);
    fake_world_run(&fixture->world, 11000 * MS);
    assert_int_equal(fixture->world.replies, LIMIT_PARKED_FRAMES + 3);
}

static void without_memory_to_wait_the_asker_is_told(void **state)
{
    struct fixture *fixture = *state;
    plant(fixture);
    send_fetch(fixture, "key"); /* the arena and buffers have grown */
    fake_world_run(&fixture->world, 6 * MS);
    struct message_fetch fetch = {
        .id = 5, .partition = PARTITION, .key = bytes_from_string("key"), .mode = FETCH_OBJECT};
    assert_int_equal(message_fetch_encode(&fetch, &fixture->frame), 0);
    fixture->world.replies = 0;
    mem_fail_from(1);
    fake_world_ask(&fixture->world, 0, buffer_bytes(&fixture->frame));
    mem_fail_never();
    assert_int_equal(fixture->world.replies, 1);
    assert_int_equal(fetched(fixture).code, SHOAL_ENOMEM);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_fetch_is_answered_when_its_record_has_been_read),
        TEST(a_store_is_confirmed_when_it_has_been_merged),
        TEST(many_that_wait_for_one_key_all_get_their_turn),
        TEST(a_page_of_which_nothing_is_there_waits),
        TEST(short_pages_come_to_all_keys_once),
        TEST(a_fetch_that_waits_is_judged_by_the_holding_of_then),
        TEST(what_can_t_be_read_is_refused_with_the_reason),
        TEST(a_worker_that_ends_takes_what_waits_with_it),
        TEST(over_the_bound_the_answer_is_overloaded_at_once),
        TEST(without_memory_to_wait_the_asker_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
