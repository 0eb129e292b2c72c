/* What peers ask of a node's holdings: only an owner answers, with its whole view where the asker's
 * differs, and confirms what is as durable as it will be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/hash.h"
#include "base/memory.h"
#include "node/core.h"
#include "ring/partition.h"
#include "shoal/error.h"
#include "support/fake_world.h"
#include "wire/frame.h"

struct fixture {
    struct fake_world world;
    struct arena arena;
    struct buffer frame;
    uint64_t digest; /* of node 0's view */
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
    fixture.digest = world_snapshot(&fixture.world, 0)->view->digest;
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

static struct replica *replica_of(struct fixture *fixture)
{
    return &fixture->world.nodes[0].workers[0]->replica;
}

/* An object of one value, encoded. */
static struct bytes object_by(struct fixture *fixture, uint64_t counter, const char *value)
{
    struct dot dot = {.actor = 77, .counter = counter};
    struct sibling sibling = {.dot = dot, .hlc = 9, .value = bytes_from_string(value)};
    struct object object = {
        .context = {.entries = &dot, .count = 1}, .siblings = &sibling, .sibling_count = 1};
    struct buffer encoded;
    buffer_init(&encoded, 0);
    assert_int_equal(object_encode(&object, &encoded), 0);
    struct bytes copy = arena_copy(&fixture->arena, buffer_bytes(&encoded));
    buffer_deinit(&encoded);
    return copy;
}

static struct bytes object_of(struct fixture *fixture, const char *value)
{
    return object_by(fixture, 3, value);
}

static void ask(struct fixture *fixture)
{
    fixture->world.replies = 0;
    fake_world_ask(&fixture->world, 0, buffer_bytes(&fixture->frame));
    fake_world_run(&fixture->world, 2 * MS); /* the disk may have to be read */
    buffer_clear(&fixture->frame);
}

static void send_store(struct fixture *fixture, uint64_t id, uint32_t partition, const char *key,
                       struct bytes object, uint64_t digest)
{
    struct message_store store = {.id = id,
                                  .partition = partition,
                                  .key = bytes_from_string(key),
                                  .object = object,
                                  .view_digest = digest};
    assert_int_equal(message_store_encode(&store, &fixture->frame), 0);
    ask(fixture);
}

static struct message_stored stored(struct fixture *fixture)
{
    struct message_stored stored;
    assert_int_equal(fixture->world.replies, 1);
    assert_int_equal(
        message_stored_decode(buffer_bytes(&fixture->world.reply), &fixture->arena, &stored), 0);
    return stored;
}

static struct message_fetched fetch_as(struct fixture *fixture, struct message_fetch fetch)
{
    struct message_fetched fetched;
    fetch.id = 5;
    fetch.view_digest = fixture->digest;
    assert_int_equal(message_fetch_encode(&fetch, &fixture->frame), 0);
    ask(fixture);
    assert_int_equal(fixture->world.replies, 1);
    assert_int_equal(
        message_fetched_decode(buffer_bytes(&fixture->world.reply), &fixture->arena, &fetched), 0);
    assert_true(fetched.id == 5);
    return fetched;
}

static struct message_fetched fetch(struct fixture *fixture, const char *key, uint32_t partition,
                                    uint32_t mode)
{
    return fetch_as(fixture, (struct message_fetch){.partition = partition,
                                                    .key = bytes_from_string(key),
                                                    .mode = mode});
}

static struct message_fetched fetch_known(struct fixture *fixture, const char *key,
                                          uint32_t partition, uint64_t known)
{
    return fetch_as(fixture, (struct message_fetch){.partition = partition,
                                                    .key = bytes_from_string(key),
                                                    .has_known = true,
                                                    .known = known});
}

static struct message_scanned scan(struct fixture *fixture, struct message_scan ask_for)
{
    struct message_scanned scanned;
    ask_for.id = 6;
    ask_for.view_digest = fixture->digest;
    if (ask_for.prefix.data == NULL) {
        ask_for.prefix = bytes_from_string("");
    }
    assert_int_equal(message_scan_encode(&ask_for, &fixture->frame), 0);
    ask(fixture);
    assert_int_equal(fixture->world.replies, 1);
    assert_int_equal(
        message_scanned_decode(buffer_bytes(&fixture->world.reply), &fixture->arena, &scanned), 0);
    return scanned;
}

/* ---- store ---- */

static void a_store_is_held_and_confirmed_with_the_views_digest(void **state)
{
    struct fixture *fixture = *state;
    send_store(fixture, 3, 1, "key", object_of(fixture, "value"), fixture->digest);
    struct message_stored answer = stored(fixture);
    assert_true(answer.id == 3);
    assert_int_equal(answer.code, 0);
    assert_false(answer.durable); /* this engine keeps nothing */
    assert_true(answer.view_digest == fixture->digest);
    assert_null(answer.view.data);
    assert_true(fetch(fixture, "key", 1, FETCH_OBJECT).object.data != NULL);
}

/* What a store that came with this digest is told. */
static struct bytes view_told(struct fixture *fixture, uint64_t digest)
{
    send_store(fixture, 3, 1, "key", object_of(fixture, "value"), digest);
    return stored(fixture).view;
}

static void whoever_has_another_view_is_told_all_of_it(void **state)
{
    struct fixture *fixture = *state;
    struct view *view;
    assert_int_equal(view_decode(view_told(fixture, ~fixture->digest), &view), 0);
    assert_true(view->digest == fixture->digest);

    /* Who has the same layouts, and so is behind by marks only, in brief. */
    const struct view *known = view;
    struct view *again;
    struct bytes brief = view_told(fixture, fixture->digest ^ 1);
    assert_true(view_decode(brief, &again) < 0);
    assert_int_equal(view_decode_any(brief, &known, 1, &again), 0);
    assert_true(again->digest == fixture->digest);
    view_unref(again);
    view_unref(view);
}

static void what_is_not_owned_here_is_refused(void **state)
{
    struct fixture *fixture = *state;
    send_store(fixture, 3, WORLD_PARTITIONS, "key", object_of(fixture, "value"), 0);
    assert_int_equal(stored(fixture).code, SHOAL_ENOTOWNER);
    send_store(fixture, 3, 50 * WORLD_PARTITIONS, "key", object_of(fixture, "value"), 0);
    assert_int_equal(stored(fixture).code, SHOAL_ENOTOWNER);
    assert_int_equal(fetch(fixture, "key", WORLD_PARTITIONS, FETCH_OBJECT).code, SHOAL_ENOTOWNER);
    struct message_scan ask_for = {.partition = WORLD_PARTITIONS + 9, .keys_max = 10};
    assert_int_equal(scan(fixture, ask_for).code, SHOAL_ENOTOWNER);
}

/* Node 1 joins, and gets half of the partitions, which node 0 goes on holding. */
static void lose_half(struct fixture *fixture)
{
    struct fake_world *world = &fixture->world;
    assert_int_equal(fake_world_start(world, 1), 0);
    release_stop(&world->nodes[0].workers[0]->release); /* lets go of nothing */
    fake_world_run(world, 300 * MS);
    struct world_answer *join = fake_world_join(world, 1, world_port(0));
    fake_world_run(world, 5000 * MS);
    assert_int_equal(join->code, 0);
    fixture->digest = world_snapshot(world, 0)->view->digest;
}

static void what_it_holds_but_owns_no_more_is_refused_too(void **state)
{
    struct fixture *fixture = *state;
    lose_half(fixture);
    uint32_t gone = 0;
    for (uint32_t p = 0; p < WORLD_PARTITIONS; p++) {
        const struct snapshot *snapshot = world_snapshot(&fixture->world, 0);
        bool owns = view_owns(snapshot->view, snapshot->self, p);
        assert_non_null(replica_holding(replica_of(fixture), p));
        send_store(fixture, 3, p, "key", object_of(fixture, "value"), fixture->digest);
        assert_int_equal(stored(fixture).code, owns ? 0 : SHOAL_ENOTOWNER);
        assert_int_equal(fetch(fixture, "key", p, FETCH_VERSIONS).code, owns ? 0 : SHOAL_ENOTOWNER);
        gone += owns ? 0 : 1;
    }
    assert_int_equal(gone, WORLD_PARTITIONS / 2);
}

static void a_write_of_a_node_that_is_not_known_yet_is_refused(void **state)
{
    struct fixture *fixture = *state;
    uint64_t self = world_snapshot(&fixture->world, 0)->self;
    const uint64_t senders[] = {self, self + 1};
    for (uint32_t i = 0; i < 2; i++) {
        struct message_store store = {.id = 4,
                                      .key = bytes_from_string("k"),
                                      .object = object_of(fixture, "v"),
                                      .view_digest = fixture->digest + i,
                                      .actor = 77};
        assert_int_equal(message_store_encode(&store, &fixture->frame), 0);
        fixture->world.replies = 0;
        fake_world_ask_as(&fixture->world, 0, senders[i], buffer_bytes(&fixture->frame));
        fake_world_run(&fixture->world, 2 * MS);
        buffer_clear(&fixture->frame);
        struct message_stored answer = stored(fixture);
        assert_int_equal(answer.code, i == 0 ? 0 : SHOAL_ENOTOWNER);
        assert_int_equal(answer.view.data != NULL, i == 1); /* so that it knows why */
    }
}

static void bytes_that_are_no_object_are_refused(void **state)
{
    struct fixture *fixture = *state;
    send_store(fixture, 3, 1, "key", bytes_from_string("nonsense"), fixture->digest);
    assert_true(stored(fixture).code < 0);
    assert_null(fetch(fixture, "key", 1, FETCH_OBJECT).object.data);
}

static uint64_t ended_in(struct fixture *fixture, uint32_t partition, uint64_t actor, bool certain,
                         uint64_t digest)
{
    struct message_ended question = {.id = 8,
                                     .partition = partition,
                                     .view_digest = digest,
                                     .actors = &actor,
                                     .count = 1,
                                     .certain = certain};
    struct message_ended_reply reply;
    assert_int_equal(message_ended_encode(&question, &fixture->frame), 0);
    ask(fixture);
    assert_int_equal(fixture->world.replies, 1);
    struct bytes payload = buffer_bytes(&fixture->world.reply);
    assert_int_equal(message_ended_reply_decode(payload, &fixture->arena, &reply), 0);
    assert_true(reply.id == 8 && reply.view_digest == fixture->digest);
    assert_true((reply.view.data != NULL) == (digest != fixture->digest));
    return reply.confirmed;
}

static uint64_t ended(struct fixture *fixture, uint64_t actor, bool certain, uint64_t digest)
{
    return ended_in(fixture, 1, actor, certain, digest);
}

static int store_by(struct fixture *fixture, uint64_t actor)
{
    struct message_store store = {.id = 3,
                                  .partition = 1,
                                  .key = bytes_from_string("key"),
                                  .object = object_of(fixture, "value"),
                                  .actor = actor,
                                  .view_digest = fixture->digest};
    assert_int_equal(message_store_encode(&store, &fixture->frame), 0);
    ask(fixture);
    return stored(fixture).code;
}

static void nothing_more_is_taken_from_an_actor_whose_end_was_confirmed(void **state)
{
    struct fixture *fixture = *state;
    uint64_t mine = replica_holding(replica_of(fixture), 1)->actor;
    assert_true(ended(fixture, 77, false, fixture->digest) == 1);
    assert_true(ended(fixture, mine, false, fixture->digest) == 0);
    assert_true(ended(fixture, mine, true, fixture->digest) == 0);
    assert_true(ended(fixture, 77, true, fixture->digest + 1) == 0);
    assert_int_equal(store_by(fixture, 77), 0);
    assert_true(ended(fixture, 77, true, fixture->digest) == 1);
    assert_int_equal(store_by(fixture, 77), SHOAL_ECONFLICT);
    assert_int_equal(store_by(fixture, 78), 0);
    assert_int_equal(store_by(fixture, 0), 0); /* a delivered hint, a repair */
}

/* It may have more of that actor, and of what that has replaced. */
static void who_has_a_partition_to_let_go_confirms_no_end(void **state)
{
    struct fixture *fixture = *state;
    lose_half(fixture);
    for (uint32_t p = 0; p < WORLD_PARTITIONS; p++) {
        const struct snapshot *snapshot = world_snapshot(&fixture->world, 0);
        assert_non_null(replica_holding(replica_of(fixture), p));
        bool owns = view_owns(snapshot->view, snapshot->self, p);
        uint64_t mine = replica_holding(replica_of(fixture), p)->actor;
        assert_true(ended_in(fixture, p, 77, false, fixture->digest) == 1);
        assert_true(ended_in(fixture, p, mine, false, fixture->digest) == 0);
        assert_true(ended_in(fixture, p, 77, true, fixture->digest) == (owns ? 1 : 0));
        assert_true(replica_holding(replica_of(fixture), p)->actor == mine);
        if (!owns) {
            assert_int_equal(replica_drop(replica_of(fixture), p), 0);
            assert_true(ended_in(fixture, p, 77, true, fixture->digest) == 1);
            assert_true(ended_in(fixture, p, mine, true, fixture->digest) == 1);
        }
    }
}

static void a_repair_is_taken_and_not_answered(void **state)
{
    struct fixture *fixture = *state;
    send_store(fixture, 0, 1, "key", object_of(fixture, "value"), fixture->digest);
    assert_int_equal(fixture->world.replies, 0);
    assert_non_null(fetch(fixture, "key", 1, FETCH_OBJECT).object.data);
}

static void a_store_is_confirmed_only_once_it_is_durable(void **state)
{
    struct fixture *fixture = *state;
    struct fickle_engine *fickle = fixture->world.nodes[0].engines[0];
    fickle->slow = true;
    fickle->engine.keeps_data = true;
    send_store(fixture, 3, 1, "key", object_of(fixture, "value"), fixture->digest);
    fake_world_run(&fixture->world, 1000 * MS);
    assert_int_equal(fixture->world.replies, 0);
    assert_false(worker_idle(fixture->world.nodes[0].workers[0]));
    fickle_engine_settle(fickle);
    struct message_stored answer = stored(fixture);
    assert_int_equal(answer.code, 0);
    assert_true(answer.durable);
    assert_true(worker_idle(fixture->world.nodes[0].workers[0]));
}

/* A member comes in between: the store was no promise to its layout. */
static void what_is_confirmed_late_is_confirmed_by_the_view_that_it_was_stored_under(void **state)
{
    struct fixture *fixture = *state;
    struct fickle_engine *fickle = fixture->world.nodes[0].engines[0];
    uint64_t then = fixture->digest;
    fickle->slow = true;
    fickle->engine.keeps_data = true;
    send_store(fixture, 3, 1, "key", object_of(fixture, "value"), then);
    lose_half(fixture);
    assert_true(fixture->digest != then);
    assert_int_equal(fixture->world.replies, 0);
    fickle_engine_settle(fickle);
    struct message_stored answer = stored(fixture);
    assert_int_equal(answer.code, 0);
    assert_true(answer.view_digest == then);
}

static void send_durable_store(struct fixture *fixture, const char *key)
{
    struct message_store store = {.id = 3,
                                  .partition = 1,
                                  .key = bytes_from_string(key),
                                  .object = object_of(fixture, "value"),
                                  .view_digest = fixture->digest,
                                  .durable = true};
    assert_int_equal(message_store_encode(&store, &fixture->frame), 0);
    ask(fixture);
}

static void a_store_that_is_settled_is_not_said_to_be_durable(void **state)
{
    struct fixture *fixture = *state;
    struct fickle_engine *fickle = fixture->world.nodes[0].engines[0];
    fickle->slow = true;
    fickle->engine.keeps_data = true;
    fickle->engine.settles_durable = false;
    send_store(fixture, 3, 1, "key", object_of(fixture, "value"), fixture->digest);
    fickle_engine_settle(fickle);
    assert_int_equal(stored(fixture).code, 0);
    assert_false(stored(fixture).durable);
    assert_int_equal(fickle->hardens, 0);
}

static void a_store_that_must_be_durable_is_confirmed_when_it_is(void **state)
{
    struct fixture *fixture = *state;
    struct fickle_engine *fickle = fixture->world.nodes[0].engines[0];
    fickle->slow = true;
    fickle->engine.keeps_data = true;
    fickle->engine.settles_durable = false;
    for (int i = 0; i < 2; i++) { /* new, and known already but not durable */
        send_durable_store(fixture, "key");
        assert_true(fickle->hardens > 0);
        fickle_engine_settle(fickle);
        assert_int_equal(fixture->world.replies, 0);
    }
    fickle_engine_make_durable(fickle);
    assert_int_equal(fixture->world.replies, 2);
    send_durable_store(fixture, "key"); /* nothing to wait for */
    assert_int_equal(stored(fixture).code, 0);
    assert_true(stored(fixture).durable);
}

static void a_store_that_waits_when_the_storage_fails_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct fickle_engine *fickle = fixture->world.nodes[0].engines[0];
    fickle->slow = true;
    fickle->engine.keeps_data = true;
    send_store(fixture, 3, 1, "key", object_of(fixture, "value"), fixture->digest);
    fickle_engine_break(fickle, SHOAL_EIO);
    struct message_stored answer = stored(fixture);
    assert_int_equal(answer.code, SHOAL_EIO);
    assert_false(answer.durable);
    send_store(fixture, 4, 1, "key", object_of(fixture, "value"), fixture->digest);
    assert_int_equal(stored(fixture).code, SHOAL_EIO); /* the copy held is no better */
}

/* ---- fetch ---- */

static void a_fetch_answers_the_object_its_versions_or_that_it_is_known(void **state)
{
    struct fixture *fixture = *state;
    struct bytes object = object_of(fixture, "value");
    struct object versions;
    send_store(fixture, 3, 1, "key", object, fixture->digest);
    struct message_fetched answer = fetch(fixture, "key", 1, FETCH_OBJECT);
    assert_int_equal(answer.code, 0);
    assert_true(bytes_equal(answer.object, object));
    assert_true(answer.digest == hash_xxh3(object));
    answer = fetch(fixture, "key", 1, FETCH_VERSIONS);
    assert_int_equal(object_decode(&fixture->arena, answer.object, &versions), 0);
    assert_int_equal(versions.sibling_count, 1);
    assert_true(versions.siblings[0].dot.actor == 77 && versions.siblings[0].value.len == 0);
    assert_true(answer.digest != 0);
    answer = fetch_known(fixture, "key", 1, hash_xxh3(object));
    assert_null(answer.object.data);
    assert_true(answer.digest == hash_xxh3(object));
    answer = fetch_known(fixture, "key", 1, hash_xxh3(object) + 1);
    assert_true(bytes_equal(answer.object, object));
    answer = fetch(fixture, "other", 1, FETCH_OBJECT);
    assert_int_equal(answer.code, 0);
    assert_null(answer.object.data);
    assert_true(answer.digest == 0);
}

static void a_refilling_holding_answers_no_reads(void **state)
{
    struct fixture *fixture = *state;
    send_store(fixture, 3, 1, "key", object_of(fixture, "value"), fixture->digest);
    replica_holding(replica_of(fixture), 1)->refilling = true;
    assert_int_equal(fetch(fixture, "key", 1, FETCH_OBJECT).code, SHOAL_EREFILLING);
    struct message_scan ask_for = {.partition = 1, .keys_max = 10, .bytes_max = 1000};
    assert_int_equal(scan(fixture, ask_for).code, SHOAL_EREFILLING);
}

/* ---- scan ---- */

enum { KEYS = 50 };

static void store_keys(struct fixture *fixture)
{
    for (uint32_t i = 0; i < KEYS; i++) {
        char key[16];
        (void)snprintf(key, sizeof(key), "%s%u", i % 2 == 0 ? "even" : "odd", (unsigned)i);
        send_store(fixture, 3, 1, key, object_by(fixture, i + 1, "value"), fixture->digest);
    }
}

static void pages_of_any_size_come_to_all_keys_in_order(void **state)
{
    struct fixture *fixture = *state;
    store_keys(fixture);
    static const struct {
        uint32_t keys_max;
        uint64_t bytes_max;
    } sizes[] = {{0, 0}, {1, 100000}, {7, 100000}, {1000, 100}, {1000, 100000}};
    for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
        struct message_scan ask_for = {
            .partition = 1, .keys_max = sizes[s].keys_max, .bytes_max = sizes[s].bytes_max};
        uint32_t count = 0;
        uint64_t last = 0;
        bool end = false;
        while (!end) {
            struct message_scanned page = scan(fixture, ask_for);
            assert_int_equal(page.code, 0);
            for (uint32_t i = 0; i < page.count; i++) {
                assert_true(page.entries[i].position >= ask_for.position);
                assert_true(page.entries[i].position > last || count == 0);
                last = page.entries[i].position;
                count++;
            }
            end = page.end;
            assert_true(end || page.next > ask_for.position);
            ask_for.position = page.next;
            assert_true(count <= KEYS);
        }
        assert_int_equal(count, KEYS);
    }
}

static void a_scan_keeps_to_its_prefix_and_leaves_values_out_when_asked(void **state)
{
    struct fixture *fixture = *state;
    store_keys(fixture);
    struct message_scan ask_for = {.partition = 1,
                                   .keys_max = 1000,
                                   .bytes_max = 100000,
                                   .prefix = bytes_from_string("even"),
                                   .stripped = true};
    uint32_t count = 0;
    for (bool end = false; !end;) { /* a page ends early where the disk must be read first */
        struct message_scanned page = scan(fixture, ask_for);
        for (uint32_t i = 0; i < page.count; i++) {
            struct object object;
            assert_true(bytes_starts_with(page.entries[i].key, bytes_from_string("even")));
            assert_int_equal(object_decode(&fixture->arena, page.entries[i].object, &object), 0);
            assert_int_equal(object.siblings[0].value.len, 0);
        }
        count += page.count;
        end = page.end;
        ask_for.position = page.next;
    }
    assert_int_equal(count, KEYS / 2);
}

/* ---- malformed ---- */

static void frames_that_make_no_sense_are_dropped(void **state)
{
    struct fixture *fixture = *state;
    struct random random;
    random_init(&random, 5);
    struct message_store store = {.id = 9,
                                  .partition = 1,
                                  .key = bytes_from_string("key"),
                                  .object = object_of(fixture, "value"),
                                  .view_digest = fixture->digest};
    assert_int_equal(message_store_encode(&store, &fixture->frame), 0);
    for (uint32_t round = 0; round < 4000; round++) {
        uint8_t bytes[256];
        size_t len = fixture->frame.len - FRAME_PREFIX_BYTES;
        memcpy(bytes, fixture->frame.data + FRAME_PREFIX_BYTES, len);
        for (uint32_t k = 0; k <= random_below(&random, 3); k++) {
            bytes[random_below(&random, len)] = (uint8_t)random_u64(&random);
        }
        struct bytes payload = bytes_make(bytes, len);
        if (frame_validate(payload) == 0) {
            struct source source = {.slot = 99};
            worker_frame(fixture->world.nodes[0].workers[0], fixture->world.now, source, payload);
            worker_answer(fixture->world.nodes[0].workers[0], fixture->world.now, 5, payload);
        }
    }
    worker_check(fixture->world.nodes[0].workers[0]);
}

/* ---- without memory ---- */

static void without_memory_nothing_is_confirmed_that_is_not_held(void **state)
{
    struct fixture *fixture = *state;
    uint32_t done = 0;
    for (uint64_t nth = 1; nth <= 40; nth++) {
        char key[16];
        (void)snprintf(key, sizeof(key), "key%u", (unsigned)nth);
        struct bytes object = object_by(fixture, nth, "value");
        struct worker *worker = fixture->world.nodes[0].workers[0];
        struct message_store store = {.id = 3,
                                      .partition = 1,
                                      .key = bytes_from_string(key),
                                      .object = object,
                                      .view_digest = fixture->digest};
        assert_int_equal(message_store_encode(&store, &fixture->frame), 0);
        arena_deinit(&worker->arena);
        buffer_deinit(&worker->reply);
        buffer_deinit(&worker->replica.scratch);
        assert_int_equal(buffer_reserve(&fixture->world.reply, 4096), 0);
        fixture->world.replies = 0;
        mem_fail_from(nth);
        fake_world_ask(&fixture->world, 0, buffer_bytes(&fixture->frame));
        mem_fail_never();
        buffer_clear(&fixture->frame);
        if (fixture->world.replies == 1 && stored(fixture).code == 0) {
            assert_non_null(fetch(fixture, key, 1, FETCH_OBJECT).object.data);
            done++;
        }
    }
    assert_true(done > 0 && done < 40);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_store_is_held_and_confirmed_with_the_views_digest),
        TEST(whoever_has_another_view_is_told_all_of_it),
        TEST(what_is_not_owned_here_is_refused),
        TEST(what_it_holds_but_owns_no_more_is_refused_too),
        TEST(a_write_of_a_node_that_is_not_known_yet_is_refused),
        TEST(bytes_that_are_no_object_are_refused),
        TEST(nothing_more_is_taken_from_an_actor_whose_end_was_confirmed),
        TEST(who_has_a_partition_to_let_go_confirms_no_end),
        TEST(a_repair_is_taken_and_not_answered),
        TEST(a_store_is_confirmed_only_once_it_is_durable),
        TEST(what_is_confirmed_late_is_confirmed_by_the_view_that_it_was_stored_under),
        TEST(a_store_that_is_settled_is_not_said_to_be_durable),
        TEST(a_store_that_must_be_durable_is_confirmed_when_it_is),
        TEST(a_store_that_waits_when_the_storage_fails_is_refused),
        TEST(a_fetch_answers_the_object_its_versions_or_that_it_is_known),
        TEST(a_refilling_holding_answers_no_reads),
        TEST(pages_of_any_size_come_to_all_keys_in_order),
        TEST(a_scan_keeps_to_its_prefix_and_leaves_values_out_when_asked),
        TEST(frames_that_make_no_sense_are_dropped),
        TEST(without_memory_nothing_is_confirmed_that_is_not_held),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    fickle_engine_cold_percent = 70; /* the same where most reads have to wait for the disk */
    return failed + cmocka_run_group_tests_name("cold", tests, NULL, NULL);
}
