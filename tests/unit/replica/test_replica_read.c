/* Reads that must wait change nothing and are tried again; what the engine's index tells is not
 * read at all. */
#include "replica_fixture.h"

/* Two values that don't know of each other: only reading tells what is there. */
static void plant_siblings(struct fixture *fixture)
{
    struct replica_written written;
    assert_int_equal(write_unseen(fixture, "one", &written), 0);
    assert_int_equal(write_unseen(fixture, "two", &written), 0);
    fixture->fickle->cold_percent = 100;
    fixture->fickle->gets = 0;
}

static void plant_simple(struct fixture *fixture)
{
    assert_int_equal(store(fixture, foreign(fixture, 99, 4, "theirs")), 0);
    fixture->fickle->cold_percent = 100;
    fixture->fickle->gets = 0;
}

/* ---- waiting ---- */

struct retry {
    struct read_waiter waiter;
    struct fixture *fixture;
    int result;
    struct replica_written written;
};

static void on_ready_write(struct read_waiter *waiter, int code)
{
    struct retry *retry = QUEUE_ITEM(waiter, struct retry, waiter);
    assert_int_equal(code, 0);
    retry->result = write_unseen(retry->fixture, "three", &retry->written);
}

static void a_write_that_must_read_first_changes_nothing_until_it_has(void **state)
{
    struct fixture *fixture = *state;
    struct retry retry = {.fixture = fixture, .waiter = {.fire = on_ready_write}};
    plant_siblings(fixture);
    uint64_t counter = fixture->holding->counter;
    assert_int_equal(write_unseen(fixture, "three", &retry.written), REPLICA_PENDING);
    assert_true(fixture->holding->counter == counter);
    replica_wait(&fixture->replica, &retry.waiter);
    assert_int_equal(held(fixture).sibling_count, 2);
    fickle_engine_read_all(fixture->fickle);
    assert_int_equal(retry.result, REPLICA_DONE);
    assert_int_equal(held(fixture).sibling_count, 3);
    assert_true(retry.written.dot.counter == counter + 1);
}

static void a_store_and_a_read_wait_alike(void **state)
{
    struct fixture *fixture = *state;
    struct object object;
    struct bytes encoded;
    plant_siblings(fixture);
    uint32_t puts = fixture->fickle->puts;
    assert_int_equal(store(fixture, foreign(fixture, 99, 4, "theirs")), REPLICA_PENDING);
    assert_int_equal(replica_read(&fixture->replica, &fixture->key, &object), REPLICA_PENDING);
    assert_int_equal(replica_read_encoded(&fixture->replica, &fixture->key, &encoded),
                     REPLICA_PENDING);
    assert_int_equal(fixture->fickle->puts, puts);
    fickle_engine_read_all(fixture->fickle); /* nobody waits for any of them */
}

/* ---- reading nothing ---- */

static void the_context_of_one_value_needs_no_read(void **state)
{
    struct fixture *fixture = *state;
    struct version_vector context;
    struct bytes encoded;
    struct object object;
    plant_simple(fixture);
    assert_int_equal(replica_context(&fixture->replica, &fixture->key, &context), REPLICA_DONE);
    assert_int_equal(context.count, 1);
    assert_true(version_vector_get(context, 99) == 4);
    assert_int_equal(replica_versions(&fixture->replica, &fixture->key, &encoded), REPLICA_DONE);
    assert_int_equal(object_decode(&fixture->arena, encoded, &object), 0);
    assert_true(version_vector_get(object.context, 99) == 4);
    assert_int_equal(object.siblings[0].value.len, 0);
    assert_int_equal(fixture->fickle->gets + fixture->fickle->reads_waited, 0);
}

static void the_context_of_siblings_does(void **state)
{
    struct fixture *fixture = *state;
    struct version_vector context;
    struct bytes encoded;
    plant_siblings(fixture);
    assert_int_equal(replica_context(&fixture->replica, &fixture->key, &context), REPLICA_PENDING);
    assert_int_equal(replica_versions(&fixture->replica, &fixture->key, &encoded), REPLICA_PENDING);
    fixture->fickle->cold_percent = 0;
    assert_int_equal(replica_context(&fixture->replica, &fixture->key, &context), REPLICA_DONE);
    assert_true(version_vector_get(context, fixture->holding->actor) == 2);
    struct object object;
    assert_int_equal(replica_versions(&fixture->replica, &fixture->key, &encoded), REPLICA_DONE);
    assert_int_equal(object_decode(&fixture->arena, encoded, &object), 0);
    assert_int_equal(object.sibling_count, 2);
}

static void where_nothing_is_there_is_nothing_to_read(void **state)
{
    struct fixture *fixture = *state;
    struct version_vector context;
    struct bytes encoded;
    fixture->fickle->cold_percent = 100;
    assert_int_equal(replica_context(&fixture->replica, &fixture->key, &context), REPLICA_DONE);
    assert_int_equal(context.count, 0);
    assert_int_equal(replica_versions(&fixture->replica, &fixture->key, &encoded), REPLICA_DONE);
    assert_null(encoded.data);
    struct replica_written written;
    assert_int_equal(write_unseen(fixture, "first", &written), REPLICA_DONE);
}

static void an_overwrite_of_what_was_seen_needs_no_read(void **state)
{
    struct fixture *fixture = *state;
    struct replica_written written;
    struct dot dot = {.actor = 99, .counter = 4};
    plant_simple(fixture);
    struct version_vector seen = {.entries = &dot, .count = 1};
    assert_int_equal(write_over(fixture, seen, "mine", &written), REPLICA_DONE);
    assert_int_equal(fixture->fickle->gets + fixture->fickle->reads_waited, 0);
    struct object object = held(fixture);
    assert_int_equal(object.sibling_count, 1);
    assert_true(version_vector_get(object.context, 99) == 4);
}

static void an_overwrite_of_what_was_not_seen_reads(void **state)
{
    struct fixture *fixture = *state;
    struct replica_written written;
    struct dot dot = {.actor = 99, .counter = 3};
    plant_simple(fixture);
    struct version_vector seen = {.entries = &dot, .count = 1};
    assert_int_equal(write_over(fixture, seen, "mine", &written), REPLICA_PENDING);
}

/* Each store over one value of (99, 4): does it wait, and what is held in the end? */
static void a_store_reads_only_where_the_dot_does_not_tell(void **state)
{
    struct fixture *fixture = *state;
    plant_simple(fixture);
    uint32_t puts = fixture->fickle->puts;
    assert_int_equal(store(fixture, foreign(fixture, 99, 4, "theirs")), REPLICA_DONE); /* known */
    assert_int_equal(store(fixture, foreign(fixture, 99, 3, "older")), REPLICA_DONE);
    assert_int_equal(fixture->fickle->puts, puts);
    assert_int_equal(store(fixture, foreign(fixture, 98, 1, "apart")), REPLICA_PENDING);
    assert_int_equal(store(fixture, foreign(fixture, 99, 5, "newer")), REPLICA_DONE);
    assert_int_equal(fixture->fickle->puts, puts + 1);
    assert_true(held(fixture).siblings[0].dot.counter == 5);
}

/* No holder makes such an object, but bytes from elsewhere may be anything: the sibling (99, 2) is
 * covered by what is held and not in it, so the merge leaves it out. */
static void a_sibling_that_the_held_range_covers_is_not_brought_back(void **state)
{
    struct fixture *fixture = *state;
    struct dot context[] = {{.actor = 98, .counter = 1}, {.actor = 99, .counter = 4}};
    struct sibling siblings[] = {{.dot = context[0], .value = bytes_from_string("a")},
                                 {.dot = {.actor = 99, .counter = 2}}};
    struct object object = {
        .context = {.entries = context, .count = 2}, .siblings = siblings, .sibling_count = 2};
    struct buffer encoded;
    buffer_init(&encoded, 0);
    assert_int_equal(object_encode(&object, &encoded), 0);
    plant_simple(fixture);
    assert_int_equal(store(fixture, buffer_bytes(&encoded)), REPLICA_PENDING);
    fixture->fickle->cold_percent = 0;
    assert_int_equal(store(fixture, buffer_bytes(&encoded)), REPLICA_DONE);
    assert_int_equal(held(fixture).sibling_count, 1);
    assert_true(held(fixture).siblings[0].dot.actor == 98);
    buffer_deinit(&encoded);
}

/* Nor this one: it has seen the dot and nothing is left of it. */
static void an_object_that_has_lost_the_dot_takes_it_away(void **state)
{
    struct fixture *fixture = *state;
    struct dot dot = {.actor = 99, .counter = 4};
    struct object object = {.context = {.entries = &dot, .count = 1}};
    struct buffer encoded;
    buffer_init(&encoded, 0);
    assert_int_equal(object_encode(&object, &encoded), 0);
    plant_simple(fixture);
    assert_int_equal(store(fixture, buffer_bytes(&encoded)), REPLICA_PENDING);
    fixture->fickle->cold_percent = 0;
    assert_int_equal(store(fixture, buffer_bytes(&encoded)), REPLICA_DONE);
    assert_int_equal(held(fixture).sibling_count, 0);
    buffer_deinit(&encoded);
}

/* ---- damage ---- */

static void a_damaged_record_is_not_served_but_can_be_replaced(void **state)
{
    struct fixture *fixture = *state;
    struct replica_written written;
    struct object object;
    struct version_vector context;
    assert_int_equal(write_unseen(fixture, "one", &written), 0);
    assert_int_equal(write_unseen(fixture, "two", &written), 0); /* siblings: it must be read */
    uint64_t actor = fixture->holding->actor;
    fickle_engine_damage(fixture->fickle, &fixture->key);
    assert_true(fixture->holding->actor != actor);
    assert_true(fixture->holding->refilling);
    assert_int_equal(fixture->began, 1);
    assert_int_equal(replica_read(&fixture->replica, &fixture->key, &object), SHOAL_EDAMAGED);
    assert_int_equal(replica_context(&fixture->replica, &fixture->key, &context), REPLICA_DONE);
    assert_int_equal(context.count, 0);
    assert_int_equal(write_unseen(fixture, "three", &written), REPLICA_DONE);
    assert_true(written.dot.actor != actor);
    object = held(fixture);
    assert_int_equal(object.sibling_count, 1);
}

static void a_copy_of_what_is_damaged_is_stored_again(void **state)
{
    struct fixture *fixture = *state;
    struct bytes theirs = foreign(fixture, 99, 4, "theirs");
    assert_int_equal(store(fixture, theirs), REPLICA_DONE);
    fickle_engine_damage(fixture->fickle, &fixture->key);
    assert_int_equal(store(fixture, theirs), REPLICA_DONE); /* not "known already" */
    assert_int_equal(held(fixture).sibling_count, 1);
}

static void a_store_over_a_damaged_record_is_all_there_is(void **state)
{
    struct fixture *fixture = *state;
    struct replica_written written;
    assert_int_equal(write_unseen(fixture, "one", &written), 0);
    assert_int_equal(write_unseen(fixture, "two", &written), 0);
    fickle_engine_damage(fixture->fickle, &fixture->key);
    assert_int_equal(store(fixture, foreign(fixture, 99, 4, "theirs")), REPLICA_DONE);
    assert_int_equal(held(fixture).sibling_count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(a_write_that_must_read_first_changes_nothing_until_it_has),
        FIXTURE_TEST(a_store_and_a_read_wait_alike),
        FIXTURE_TEST(the_context_of_one_value_needs_no_read),
        FIXTURE_TEST(the_context_of_siblings_does),
        FIXTURE_TEST(where_nothing_is_there_is_nothing_to_read),
        FIXTURE_TEST(an_overwrite_of_what_was_seen_needs_no_read),
        FIXTURE_TEST(an_overwrite_of_what_was_not_seen_reads),
        FIXTURE_TEST(a_store_reads_only_where_the_dot_does_not_tell),
        FIXTURE_TEST(a_sibling_that_the_held_range_covers_is_not_brought_back),
        FIXTURE_TEST(an_object_that_has_lost_the_dot_takes_it_away),
        FIXTURE_TEST(a_damaged_record_is_not_served_but_can_be_replaced),
        FIXTURE_TEST(a_copy_of_what_is_damaged_is_stored_again),
        FIXTURE_TEST(a_store_over_a_damaged_record_is_all_there_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
