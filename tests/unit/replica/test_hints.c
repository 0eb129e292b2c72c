/* The hint store: objects are kept merged, every change has a new arrival number, the bound
 * refuses, and what is counted is what is there, over restarts and whatever fails. */
#include "replica_fixture.h"

#include "replica/hints.h"

#define PARTITIONS 4u /* of the fixture's engine: the hints lie in 4 to 7 */
#define ROOM 100000u
#define HINT_TEST(name) cmocka_unit_test_setup_teardown(name, hints_setup, hints_teardown)

static struct hints hints;

static int hints_setup(void **state)
{
    if (fixture_setup(state) < 0) {
        return -1;
    }
    struct fixture *fixture = *state;
    hints_init(&hints, &fixture->replica, ROOM);
    return hints_begin(&hints, PARTITIONS, 0, 1, WALL_MS);
}

static int hints_teardown(void **state)
{
    mem_fail_never();
    hints_check(&hints);
    hints_deinit(&hints);
    return fixture_teardown(state);
}

static int keep(const char *key, struct bytes object)
{
    return hints_store(&hints, PARTITION, bytes_from_string(key), object);
}

/* What is met on a walk. */
struct met {
    struct fixture *fixture;
    uint32_t count;
    uint64_t arrivals[8];
    struct object objects[8];
    char keys[8][8];
};

static bool on_entry(void *self, const struct hint_entry *entry)
{
    struct met *met = self;
    assert_true(met->count < 8);
    met->arrivals[met->count] = entry->arrival;
    memcpy(met->keys[met->count], entry->key.data, entry->key.len);
    met->keys[met->count][entry->key.len] = '\0';
    met->objects[met->count] = object_empty();
    if (entry->object.data != NULL) {
        struct bytes copy = arena_copy(&met->fixture->arena, entry->object);
        assert_int_equal(object_decode(&met->fixture->arena, copy, &met->objects[met->count]), 0);
    }
    met->count++;
    return true;
}

static struct met walk(struct fixture *fixture, uint32_t partition)
{
    struct met met = {.fixture = fixture};
    uint64_t next;
    uint32_t cold_percent = fixture->fickle->cold_percent;
    fixture->fickle->cold_percent = 0;
    assert_int_equal(hints_walk(&hints, partition, 0, on_entry, &met, &next), 0);
    fixture->fickle->cold_percent = cold_percent;
    return met;
}

static void what_is_kept_is_met_on_a_walk_and_nowhere_else(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(keep("key", foreign(fixture, 9, 1, "value")), REPLICA_DONE);
    struct met met = walk(fixture, PARTITION);
    assert_int_equal(met.count, 1);
    assert_string_equal(met.keys[0], "key");
    assert_true(met.objects[0].siblings[0].dot.actor == 9);
    assert_int_equal(walk(fixture, PARTITION + 1).count, 0);
    assert_true(hints_pile(&hints, PARTITION).keys == 1);
    assert_true(hints_pile(&hints, PARTITION).newest == met.arrivals[0]);
    assert_true(hints_pile(&hints, PARTITION + 1).keys == 0);
    assert_int_equal(held(fixture).sibling_count, 0); /* it is not held by the partition itself */
}

static void hints_of_one_key_are_merged(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(keep("key", foreign(fixture, 9, 1, "one")), REPLICA_DONE);
    uint64_t before = walk(fixture, PARTITION).arrivals[0];
    assert_int_equal(keep("key", foreign(fixture, 8, 1, "two")), REPLICA_DONE);
    struct met met = walk(fixture, PARTITION);
    assert_int_equal(met.count, 1);
    assert_int_equal(met.objects[0].sibling_count, 2);
    assert_true(met.arrivals[0] > before);

    /* One that covers an earlier one takes its place. */
    assert_int_equal(keep("key", foreign(fixture, 9, 2, "three")), REPLICA_DONE);
    met = walk(fixture, PARTITION);
    assert_int_equal(met.objects[0].sibling_count, 2);
    assert_true(hints_pile(&hints, PARTITION).keys == 1);
}

static void what_is_kept_already_keeps_its_arrival(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(keep("key", foreign(fixture, 9, 2, "new")), REPLICA_DONE);
    uint64_t before = walk(fixture, PARTITION).arrivals[0];
    assert_int_equal(keep("key", foreign(fixture, 9, 2, "new")), REPLICA_DONE);
    assert_int_equal(keep("key", foreign(fixture, 9, 1, "older")), REPLICA_DONE);
    struct met met = walk(fixture, PARTITION);
    assert_true(met.arrivals[0] == before);
    assert_true(met.objects[0].siblings[0].dot.counter == 2);
}

static void what_is_known_is_confirmed_no_sooner_than_it_is_settled(void **state)
{
    struct fixture *fixture = *state;
    fixture->fickle->slow = true;
    struct bytes object = foreign(fixture, 9, 1, "value");
    assert_int_equal(keep("key", object), REPLICA_HELD);
    assert_int_equal(keep("key", object), REPLICA_HELD);
    fickle_engine_settle(fixture->fickle);
    assert_int_equal(keep("key", object), REPLICA_DONE);
    fickle_engine_break(fixture->fickle, SHOAL_EIO);
    assert_int_equal(keep("key", object), SHOAL_EIO);
    assert_int_equal(keep("other", object), SHOAL_EIO);
}

static void a_cold_hint_is_read_before_it_is_merged_with(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(keep("key", foreign(fixture, 9, 1, "one")), REPLICA_DONE);
    fixture->fickle->cold_percent = 100;
    struct bytes two = foreign(fixture, 8, 1, "two");
    assert_int_equal(keep("key", two), REPLICA_PENDING);
    assert_int_equal(walk(fixture, PARTITION).objects[0].sibling_count, 1);
    assert_int_equal(keep("new", two), REPLICA_DONE); /* nothing to read */
    fixture->fickle->cold_percent = 0;
    assert_int_equal(keep("key", two), REPLICA_DONE);
    assert_true(hints_pile(&hints, PARTITION).keys == 2);
}

static void a_hint_that_cannot_be_read_any_more_is_replaced(void **state)
{
    struct fixture *fixture = *state;
    struct bytes name = bytes_from_string("key");
    struct engine_key place = replica_key(&fixture->replica, PARTITIONS + PARTITION, name);
    assert_int_equal(keep("key", foreign(fixture, 9, 1, "one")), REPLICA_DONE);
    fickle_engine_damage(fixture->fickle, &place);
    uint32_t began = fixture->began;
    assert_int_equal(keep("key", foreign(fixture, 8, 1, "two")), REPLICA_DONE);
    struct met met = walk(fixture, PARTITION);
    assert_int_equal(met.count, 1);
    assert_int_equal(met.objects[0].sibling_count, 1);
    assert_int_equal(fixture->began, began); /* no holding has lost anything */
    assert_int_equal(fixture->replica.damaged.count, 0);
    assert_true(hints_pile(&hints, PARTITION).keys == 1);
}

static void no_room_refuses_and_keeps_what_is_there(void **state)
{
    struct fixture *fixture = *state;
    hints.bytes_max = 200;
    assert_int_equal(keep("a", foreign(fixture, 9, 1, "one")), REPLICA_DONE);
    char large[200];
    memset(large, 'x', sizeof(large) - 1);
    large[sizeof(large) - 1] = '\0';
    assert_int_equal(keep("b", foreign(fixture, 9, 2, large)), SHOAL_EOVERLOAD);
    assert_int_equal(keep("a", foreign(fixture, 9, 3, large)), SHOAL_EOVERLOAD);
    assert_true(hints.refused == 2);
    assert_int_equal(walk(fixture, PARTITION).count, 1);

    /* What gets no larger always fits, and what was given back can be used again. */
    hints.bytes_max = 0;
    assert_int_equal(keep("a", foreign(fixture, 9, 4, "two")), REPLICA_DONE);
    assert_int_equal(keep("b", foreign(fixture, 9, 5, "one")), SHOAL_EOVERLOAD);
    hints.bytes_max = 100;
    assert_int_equal(keep("b", foreign(fixture, 9, 5, "one")), REPLICA_DONE);
}

static void nothing_that_is_no_object_is_kept(void **state)
{
    (void)state;
    assert_int_equal(keep("key", bytes_from_string("\x11rubbish")), SHOAL_EPROTO);
    assert_true(hints.keys == 0);
    assert_true(hints.stored == 0);
}

static void removing_gives_back_what_was_taken(void **state)
{
    struct fixture *fixture = *state;
    struct bytes object = foreign(fixture, 9, 1, "one");
    assert_int_equal(keep("a", object), REPLICA_DONE);
    assert_int_equal(keep("b", object), REPLICA_DONE);
    uint64_t bytes = hints.bytes;
    assert_int_equal(
        hints_remove(&hints, PARTITION, bytes_from_string("a"), hints_record_bytes(object)), 0);
    assert_true(hints.bytes == bytes / 2);
    assert_string_equal(walk(fixture, PARTITION).keys[0], "b");
    assert_int_equal(hints_drop(&hints, PARTITION), 0);
    assert_int_equal(walk(fixture, PARTITION).count, 0);
    assert_true(hints.keys == 0 && hints.bytes == 0);
}

/* A process that begins with what the one before left. */
static void restart(uint64_t wall_ms)
{
    struct replica *replica = hints.replica;
    hints_deinit(&hints);
    hints_init(&hints, replica, ROOM);
    assert_int_equal(hints_begin(&hints, PARTITIONS, 0, 1, wall_ms), 0);
}

static void a_restart_goes_on_counting_and_numbers_go_on_rising(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(keep("a", foreign(fixture, 9, 1, "one")), REPLICA_DONE);
    uint64_t before = walk(fixture, PARTITION).arrivals[0];
    restart(WALL_MS + 1);
    assert_true(hints_pile(&hints, PARTITION).keys == 1);
    assert_true(hints_pile(&hints, PARTITION).newest >= before);
    assert_int_equal(keep("b", foreign(fixture, 9, 2, "two")), REPLICA_DONE);
    assert_true(hints_pile(&hints, PARTITION).newest > before);
}

static void where_the_clock_went_back_numbers_rise_above_what_is_met(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(keep("a", foreign(fixture, 9, 1, "one")), REPLICA_DONE);
    restart(1);
    struct met met = walk(fixture, PARTITION);
    assert_true(hints_pile(&hints, PARTITION).newest == met.arrivals[0]);
    assert_int_equal(keep("b", foreign(fixture, 9, 2, "two")), REPLICA_DONE);
    assert_true(hints_pile(&hints, PARTITION).newest > met.arrivals[0]);
}

static void a_record_that_is_none_is_met_without_an_object(void **state)
{
    struct fixture *fixture = *state;
    static const uint8_t far_ahead[] = {0x20, 255, 255, 255, 255, 255, 255, 255, 255, 1};
    static const struct {
        const void *data;
        size_t len;
    } records[] = {{"", 0}, {"\x20 short", 7}, {"another format", 14}, {far_ahead, 10}};
    for (size_t i = 0; i < sizeof(records) / sizeof(records[0]); i++) {
        char name[2] = {(char)('a' + i), '\0'};
        struct engine_key place =
            replica_key(&fixture->replica, PARTITIONS + PARTITION, bytes_from_string(name));
        uint64_t sequence;
        assert_int_equal(fixture->fickle->engine.ops->put(
                             &fixture->fickle->engine, &place,
                             bytes_make(records[i].data, records[i].len), &sequence),
                         0);
    }
    restart(WALL_MS);
    uint64_t arrival = hints.arrival;
    struct met met = walk(fixture, PARTITION);
    assert_int_equal(met.count, 4);
    for (uint32_t i = 0; i < met.count; i++) {
        assert_int_equal(met.objects[i].sibling_count, 0);
        assert_true(met.arrivals[i] == 0);
    }
    assert_true(hints.arrival == arrival);
    assert_int_equal(keep("a", foreign(fixture, 9, 1, "one")), REPLICA_DONE);
    assert_true(hints_pile(&hints, PARTITION).keys == 4);
}

static void without_memory_nothing_is_kept_by_halves(void **state)
{
    struct fixture *fixture = *state;
    struct bytes one = foreign(fixture, 9, 1, "one");
    struct bytes two = foreign(fixture, 8, 1, "two");
    assert_int_equal(keep("key", one), REPLICA_DONE);
    int result = SHOAL_ENOMEM;
    for (uint64_t nth = 1; result == SHOAL_ENOMEM; nth++) {
        assert_true(nth < 100);
        struct hint_pile before = hints_pile(&hints, PARTITION);
        mem_fail_from(nth);
        result = keep("key", two);
        mem_fail_never();
        if (result == SHOAL_ENOMEM) {
            struct hint_pile now = hints_pile(&hints, PARTITION);
            assert_memory_equal(&now, &before, sizeof(now));
            assert_int_equal(walk(fixture, PARTITION).objects[0].sibling_count, 1);
        }
    }
    assert_int_equal(result, REPLICA_DONE);
    assert_int_equal(walk(fixture, PARTITION).objects[0].sibling_count, 2);
    mem_fail_from(1);
    assert_int_equal(hints_begin(&hints, PARTITIONS, 0, 1, WALL_MS), SHOAL_ENOMEM);
    mem_fail_never();
    assert_true(hints_pile(&hints, PARTITION).keys == 1); /* as it was */
}

static void a_refused_put_changes_nothing(void **state)
{
    struct fixture *fixture = *state;
    fixture->fickle->puts_failing = 1;
    fixture->fickle->put_code = SHOAL_ENOSPC;
    assert_int_equal(keep("key", foreign(fixture, 9, 1, "one")), SHOAL_ENOSPC);
    assert_true(hints.keys == 0 && hints.bytes == 0 && hints.stored == 0);
    assert_int_equal(walk(fixture, PARTITION).count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        HINT_TEST(what_is_kept_is_met_on_a_walk_and_nowhere_else),
        HINT_TEST(hints_of_one_key_are_merged),
        HINT_TEST(what_is_kept_already_keeps_its_arrival),
        HINT_TEST(what_is_known_is_confirmed_no_sooner_than_it_is_settled),
        HINT_TEST(a_cold_hint_is_read_before_it_is_merged_with),
        HINT_TEST(a_hint_that_cannot_be_read_any_more_is_replaced),
        HINT_TEST(no_room_refuses_and_keeps_what_is_there),
        HINT_TEST(nothing_that_is_no_object_is_kept),
        HINT_TEST(removing_gives_back_what_was_taken),
        HINT_TEST(a_restart_goes_on_counting_and_numbers_go_on_rising),
        HINT_TEST(where_the_clock_went_back_numbers_rise_above_what_is_met),
        HINT_TEST(a_record_that_is_none_is_met_without_an_object),
        HINT_TEST(without_memory_nothing_is_kept_by_halves),
        HINT_TEST(a_refused_put_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
