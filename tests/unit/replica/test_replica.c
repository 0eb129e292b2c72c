/* What one worker holds: stores merge, writes give dots, and whatever fails leaves everything as it
 * was, or ends the holding where that can't be known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/limits.h"
#include "base/memory.h"
#include "replica/replica.h"
#include "shoal/error.h"
#include "support/fickle_engine.h"

#define PARTITION 2u
#define WALL_MS 1000000u

struct fixture {
    struct fickle_engine *fickle;
    struct random random;
    struct arena arena;
    struct replica replica;
    struct holding *holding;
    struct engine_key key;
};

static int setup(void **state)
{
    static struct fixture fixture;
    fixture = (struct fixture){.fickle = fickle_engine_new(4)};
    random_init(&fixture.random, 7);
    arena_init(&fixture.arena, 65536);
    replica_init(&fixture.replica, &fixture.fickle->engine, &fixture.random, &fixture.arena, 1000);
    *state = &fixture;
    if (replica_begin(&fixture.replica, PARTITION, false, &fixture.holding) < 0) {
        return -1;
    }
    fixture.key = replica_key(&fixture.replica, PARTITION, bytes_from_string("key"));
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    mem_fail_never();
    replica_check(&fixture->replica);
    replica_deinit(&fixture->replica);
    fixture->fickle->engine.ops->free(&fixture->fickle->engine);
    arena_deinit(&fixture->arena);
    return 0;
}

/* The outcome of a write that replaces what `seen` covers. */
static int write_over(struct fixture *fixture, struct version_vector seen, const char *value,
                      struct replica_written *out)
{
    struct sibling added = {.kind = SIBLING_VALUE, .value = bytes_from_string(value)};
    return replica_write(&fixture->replica, fixture->holding, &fixture->key, seen, &added, WALL_MS,
                         out);
}

static int write_blind(struct fixture *fixture, const char *value, struct replica_written *out)
{
    return write_over(fixture, (struct version_vector){0}, value, out);
}

static struct object held(struct fixture *fixture)
{
    struct object object;
    assert_int_equal(replica_read(&fixture->replica, &fixture->key, &object), 0);
    return object;
}

/* An object of one value by another node's actor, encoded. */
static struct bytes foreign(struct fixture *fixture, uint64_t actor, uint64_t counter,
                            const char *value)
{
    struct dot *dot = arena_alloc(&fixture->arena, sizeof(*dot));
    struct sibling *sibling = arena_alloc(&fixture->arena, sizeof(*sibling));
    struct buffer buffer;
    *dot = (struct dot){.actor = actor, .counter = counter};
    *sibling = (struct sibling){.dot = *dot, .hlc = 5, .value = bytes_from_string(value)};
    struct object object = {
        .context = {.entries = dot, .count = 1}, .siblings = sibling, .sibling_count = 1};
    buffer_init(&buffer, 0);
    assert_int_equal(object_encode(&object, &buffer), 0);
    struct bytes copy = arena_copy(&fixture->arena, buffer_bytes(&buffer));
    buffer_deinit(&buffer);
    return copy;
}

static int store(struct fixture *fixture, struct bytes encoded)
{
    return replica_store(&fixture->replica, &fixture->key, encoded, WALL_MS);
}

static void assert_value(struct sibling sibling, const char *value)
{
    assert_true(bytes_equal(sibling.value, bytes_from_string(value)));
}

/* ---- reading and writing ---- */

static void nothing_is_held_at_first(void **state)
{
    struct fixture *fixture = *state;
    struct bytes encoded = bytes_from_string("untouched?");
    assert_int_equal(replica_read_encoded(&fixture->replica, &fixture->key, &encoded), 0);
    assert_null(encoded.data);
    assert_int_equal(held(fixture).sibling_count, 0);
    assert_null(replica_holding(&fixture->replica, PARTITION + 1));
}

static void a_write_is_read_back_with_the_dot_it_was_given(void **state)
{
    struct fixture *fixture = *state;
    struct replica_written written;
    assert_int_equal(write_blind(fixture, "one", &written), 0);
    assert_true(written.dot.actor == fixture->holding->actor);
    assert_true(written.dot.counter == 1);
    assert_true(written.own_counter_before == 0);
    struct object object = held(fixture);
    assert_int_equal(object.sibling_count, 1);
    assert_true(dot_equal(object.siblings[0].dot, written.dot));
    assert_value(object.siblings[0], "one");
    struct bytes encoded;
    assert_int_equal(replica_read_encoded(&fixture->replica, &fixture->key, &encoded), 0);
    assert_true(bytes_equal(encoded, written.encoded));
}

static void a_write_replaces_what_it_has_seen_and_nothing_else(void **state)
{
    struct fixture *fixture = *state;
    struct replica_written first;
    struct replica_written second;
    assert_int_equal(write_blind(fixture, "one", &first), 0);
    assert_int_equal(write_blind(fixture, "two", &second), 0);
    assert_int_equal(held(fixture).sibling_count, 2);
    assert_true(second.own_counter_before == 1);
    struct version_vector seen = {.entries = &second.dot, .count = 1};
    assert_int_equal(write_over(fixture, seen, "three", &second), 0);
    struct object object = held(fixture);
    assert_int_equal(object.sibling_count, 1);
    assert_value(object.siblings[0], "three");
}

static void later_writes_have_later_times_even_if_the_clock_steps_back(void **state)
{
    struct fixture *fixture = *state;
    struct replica_written first;
    struct replica_written second;
    assert_int_equal(write_blind(fixture, "one", &first), 0);
    uint64_t before = held(fixture).siblings[0].hlc;
    struct sibling added = {.value = bytes_from_string("two")};
    assert_int_equal(replica_write(&fixture->replica, fixture->holding, &fixture->key,
                                   first.object.context, &added, WALL_MS - 500, &second),
                     0);
    assert_true(held(fixture).siblings[0].hlc > before);
}

/* ---- storing what others send ---- */

static void what_others_send_is_merged(void **state)
{
    struct fixture *fixture = *state;
    struct replica_written written;
    assert_int_equal(write_blind(fixture, "mine", &written), 0);
    assert_int_equal(store(fixture, foreign(fixture, 99, 4, "theirs")), 0);
    struct object object = held(fixture);
    assert_int_equal(object.sibling_count, 2);
    assert_true(version_vector_get(object.context, 99) == 4);
    assert_true(version_vector_get(object.context, written.dot.actor) == 1);
}

static void what_is_known_already_is_not_written_again(void **state)
{
    struct fixture *fixture = *state;
    struct bytes theirs = foreign(fixture, 99, 4, "theirs");
    assert_int_equal(store(fixture, theirs), 0);
    uint32_t puts = fixture->fickle->puts;
    assert_int_equal(store(fixture, theirs), 0);
    assert_int_equal(store(fixture, foreign(fixture, 99, 3, "older")), 0);
    assert_int_equal(fixture->fickle->puts, puts);
}

static void bytes_that_are_no_object_are_refused(void **state)
{
    struct fixture *fixture = *state;
    struct bytes good = foreign(fixture, 99, 4, "theirs");
    for (size_t len = 0; len + sizeof("theirs") < good.len; len++) {
        assert_true(store(fixture, bytes_make(good.data, len)) < 0);
    }
    assert_int_equal(held(fixture).sibling_count, 0);
}

static void more_siblings_than_a_key_may_have_are_refused_and_change_nothing(void **state)
{
    struct fixture *fixture = *state;
    for (uint64_t i = 1; i <= LIMIT_SIBLINGS; i++) {
        assert_int_equal(store(fixture, foreign(fixture, i, 1, "v")), 0);
    }
    assert_int_equal(store(fixture, foreign(fixture, 5000, 1, "v")), SHOAL_EOVERLOAD);
    struct replica_written written;
    assert_int_equal(write_blind(fixture, "one more", &written), SHOAL_EOVERLOAD);
    assert_int_equal(held(fixture).sibling_count, LIMIT_SIBLINGS);
    struct version_vector seen = held(fixture).context;
    assert_int_equal(write_over(fixture, seen, "resolved", &written), 0);
    assert_int_equal(held(fixture).sibling_count, 1);
}

/* ---- durability ---- */

static void a_slow_write_is_held_at_once_and_confirmed_later(void **state)
{
    struct fixture *fixture = *state;
    struct replica_written written;
    fixture->fickle->slow = true;
    assert_int_equal(write_blind(fixture, "one", &written), 1);
    assert_int_equal(held(fixture).sibling_count, 1);
    assert_false(durability_reached(&fixture->replica.durability, DURABILITY_SETTLED));
    fickle_engine_settle(fixture->fickle);
    assert_true(durability_reached(&fixture->replica.durability, DURABILITY_SETTLED));
}

static void an_object_stored_again_waits_for_what_is_not_yet_durable(void **state)
{
    struct fixture *fixture = *state;
    struct bytes theirs = foreign(fixture, 99, 4, "theirs");
    fixture->fickle->slow = true;
    assert_int_equal(store(fixture, theirs), 1);
    assert_int_equal(store(fixture, theirs), 1);
    fickle_engine_settle(fixture->fickle);
    assert_int_equal(store(fixture, theirs), 0);
}

static void storage_that_failed_confirms_nothing_any_more(void **state)
{
    struct fixture *fixture = *state;
    struct replica_written written;
    struct bytes theirs = foreign(fixture, 99, 4, "theirs");
    fixture->fickle->slow = true;
    assert_int_equal(store(fixture, theirs), 1);
    fickle_engine_break(fixture->fickle, SHOAL_EIO);
    assert_int_equal(store(fixture, theirs), SHOAL_EIO);
    assert_int_equal(store(fixture, foreign(fixture, 99, 5, "newer")), SHOAL_EIO);
    assert_int_equal(write_blind(fixture, "mine", &written), SHOAL_EIO);
    assert_int_equal(held(fixture).sibling_count, 1); /* reads go on */
}

/* ---- the holding and its dots ---- */

static void a_refused_put_applies_nothing_and_no_dot_is_given_twice(void **state)
{
    static const int codes[] = {SHOAL_ENOMEM, SHOAL_ENOSPC, SHOAL_EIO, SHOAL_ETOOBIG};
    struct fixture *fixture = *state;
    struct replica_written written;
    assert_int_equal(write_blind(fixture, "before", &written), 0);
    struct dot last = written.dot;
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        fixture->fickle->puts_failing = 1;
        fixture->fickle->put_code = codes[i];
        assert_int_equal(write_blind(fixture, "refused", &written), codes[i]);
        assert_int_equal(held(fixture).sibling_count, 1 + (uint32_t)i);
        assert_int_equal(write_blind(fixture, "after", &written), 0);
        assert_true(written.dot.actor != last.actor || written.dot.counter > last.counter);
        last = written.dot;
    }
}

static void a_put_whose_fate_is_uncertain_ends_the_actor_but_not_the_holding(void **state)
{
    struct fixture *fixture = *state;
    struct replica_written written;
    uint64_t actor = fixture->holding->actor;
    fixture->fickle->puts_failing = 1;
    fixture->fickle->put_code = SHOAL_EIO;
    assert_int_equal(write_blind(fixture, "refused", &written), SHOAL_EIO);
    assert_true(fixture->holding->actor != actor);
    assert_false(fixture->holding->refilling);
    assert_ptr_equal(replica_holding(&fixture->replica, PARTITION), fixture->holding);
    assert_int_equal(write_blind(fixture, "next", &written), 0);
    assert_true(fixture->holding->recorded);
}

static void a_holding_that_is_not_on_record_gives_no_dots(void **state)
{
    struct fixture *fixture = *state;
    struct replica_written written;
    struct holding *holding;
    fixture->fickle->holdings_failing = 2;
    assert_int_equal(replica_begin(&fixture->replica, 3, true, &holding), 0);
    assert_true(holding->refilling);
    fixture->holding = holding;
    fixture->key.partition = 3;
    assert_int_equal(write_blind(fixture, "refused", &written), SHOAL_ENOSPC);
    assert_true(holding->counter == 0);
    assert_int_equal(write_blind(fixture, "recorded by now", &written), 0);
    struct bytes record;
    struct engine *engine = &fixture->fickle->engine;
    assert_int_equal(engine->ops->get_holding(engine, 3, &record), 0);
    assert_int_equal(record.len, HOLDING_RECORD_BYTES);
}

static void a_dot_of_its_own_that_it_does_not_remember_ends_the_holding(void **state)
{
    struct fixture *fixture = *state;
    struct replica_written written;
    uint64_t actor = fixture->holding->actor;
    assert_int_equal(store(fixture, foreign(fixture, actor, 8, "from before")), 0);
    assert_int_equal(write_blind(fixture, "now", &written), 0);
    assert_true(written.dot.actor != actor);
    assert_true(fixture->holding->refilling);
    assert_int_equal(held(fixture).sibling_count, 2); /* nothing was swallowed */
}

static void a_dropped_partition_forgets_its_holding_and_its_data(void **state)
{
    struct fixture *fixture = *state;
    struct replica_written written;
    struct bytes record;
    struct engine *engine = &fixture->fickle->engine;
    assert_int_equal(write_blind(fixture, "one", &written), 0);
    assert_int_equal(replica_drop(&fixture->replica, PARTITION), 0);
    assert_null(replica_holding(&fixture->replica, PARTITION));
    assert_int_equal(held(fixture).sibling_count, 0);
    assert_int_equal(engine->ops->get_holding(engine, PARTITION, &record), SHOAL_ENOTFOUND);
}

/* ---- without memory ---- */

static void without_memory_a_write_is_whole_or_not_at_all(void **state)
{
    struct fixture *fixture = *state;
    bool failed = true;
    uint32_t wrote = 0;
    for (uint64_t nth = 1; failed; nth++) {
        struct replica_written written;
        arena_deinit(&fixture->arena);
        mem_fail_from(nth);
        int result = write_blind(fixture, "mine", &written);
        mem_fail_never();
        failed = result < 0;
        assert_true(result == 0 || result == SHOAL_ENOMEM);
        wrote += result == 0 ? 1 : 0;
        struct object object = held(fixture);
        assert_int_equal(object.sibling_count, wrote);
    }
    assert_int_equal(wrote, 1);
}

static void without_memory_a_store_is_whole_or_not_at_all(void **state)
{
    struct fixture *fixture = *state;
    struct replica_written written;
    assert_int_equal(write_blind(fixture, "mine", &written), 0);
    struct buffer kept;
    buffer_init(&kept, 0);
    assert_int_equal(buffer_append_bytes(&kept, foreign(fixture, 99, 1, "theirs")), 0);
    bool failed = true;
    for (uint64_t nth = 1; failed; nth++) {
        arena_deinit(&fixture->arena);
        mem_fail_from(nth);
        int result = store(fixture, buffer_bytes(&kept));
        mem_fail_never();
        failed = result < 0;
        assert_true(result == 0 || result == SHOAL_ENOMEM);
        assert_int_equal(held(fixture).sibling_count, failed ? 1 : 2);
    }
    buffer_deinit(&kept);
}

static void without_memory_a_holding_begins_whole_or_not_at_all(void **state)
{
    struct fixture *fixture = *state;
    bool failed = true;
    for (uint64_t nth = 1; failed; nth++) {
        struct holding *holding;
        mem_fail_from(nth);
        int result = replica_begin(&fixture->replica, 1, false, &holding);
        mem_fail_never();
        failed = result < 0;
        assert_true((replica_holding(&fixture->replica, 1) != NULL) == !failed);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nothing_is_held_at_first),
        TEST(a_write_is_read_back_with_the_dot_it_was_given),
        TEST(a_write_replaces_what_it_has_seen_and_nothing_else),
        TEST(later_writes_have_later_times_even_if_the_clock_steps_back),
        TEST(what_others_send_is_merged),
        TEST(what_is_known_already_is_not_written_again),
        TEST(bytes_that_are_no_object_are_refused),
        TEST(more_siblings_than_a_key_may_have_are_refused_and_change_nothing),
        TEST(a_slow_write_is_held_at_once_and_confirmed_later),
        TEST(an_object_stored_again_waits_for_what_is_not_yet_durable),
        TEST(storage_that_failed_confirms_nothing_any_more),
        TEST(a_refused_put_applies_nothing_and_no_dot_is_given_twice),
        TEST(a_put_whose_fate_is_uncertain_ends_the_actor_but_not_the_holding),
        TEST(a_holding_that_is_not_on_record_gives_no_dots),
        TEST(a_dot_of_its_own_that_it_does_not_remember_ends_the_holding),
        TEST(a_dropped_partition_forgets_its_holding_and_its_data),
        TEST(without_memory_a_write_is_whole_or_not_at_all),
        TEST(without_memory_a_store_is_whole_or_not_at_all),
        TEST(without_memory_a_holding_begins_whole_or_not_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
