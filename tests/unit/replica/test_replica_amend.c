/* Writes that depend on what they replace: read, made and put as one. */
#include "replica_fixture.h"

static const struct object nothing;

/* Puts the first value twice over, or fails with `code`. */
struct doubling {
    int code;
    struct dot dot; /* that it was told */
    uint32_t siblings;
    char value[64];
};

static int make_double(void *self, const struct object *object, struct dot dot, struct sibling *out)
{
    struct doubling *doubling = self;
    doubling->dot = dot;
    doubling->siblings = object->sibling_count;
    size_t len = object->sibling_count == 0 ? 0 : object->siblings[0].value.len;
    if (len > 0) {
        memcpy(doubling->value, object->siblings[0].value.data, len);
        memcpy(doubling->value + len, object->siblings[0].value.data, len);
    }
    *out = (struct sibling){.value = bytes_make(doubling->value, 2 * len)};
    return doubling->code;
}

static int amend(struct fixture *fixture, const struct object *quorum, struct doubling *doubling,
                 struct replica_written *out)
{
    struct replica_amendment amendment = {.self = doubling, .make = make_double};
    int result;
    do {
        result = replica_amend(&fixture->replica, fixture->holding, &fixture->key, quorum,
                               &amendment, WALL_MS, out);
        fickle_engine_read_all(fixture->fickle);
    } while (result == REPLICA_PENDING);
    return result;
}

static void what_is_held_is_amended_and_replaced(void **state)
{
    struct fixture *fixture = *state;
    struct replica_written written;
    struct doubling doubling = {0};
    assert_true(write_unseen(fixture, "ab", &written) >= 0);
    assert_true(store(fixture, foreign(fixture, 70, 1, "cd")) >= 0);
    assert_true(amend(fixture, &nothing, &doubling, &written) >= 0);
    assert_int_equal(doubling.siblings, 2);
    struct object object = held(fixture);
    assert_int_equal(object.sibling_count, 1);
    assert_int_equal(object.siblings[0].value.len, 4);
    assert_true(dot_equal(object.siblings[0].dot, doubling.dot));
    assert_true(dot_equal(written.dot, doubling.dot));
    assert_int_equal(written.own_counter_before, 1);
    assert_true(version_vector_covers(written.seen, (struct dot){70, 1}));
}

static void an_amendment_that_refuses_costs_no_dot(void **state)
{
    struct fixture *fixture = *state;
    struct replica_written written;
    struct doubling doubling = {.code = SHOAL_EINVAL};
    uint64_t before = fixture->holding->counter;
    assert_int_equal(amend(fixture, &nothing, &doubling, &written), SHOAL_EINVAL);
    assert_int_equal(fixture->holding->counter, before);
    assert_int_equal(held(fixture).sibling_count, 0);
}

static struct object decoded(struct fixture *fixture, struct bytes encoded)
{
    struct object object;
    assert_int_equal(object_decode(&fixture->arena, encoded, &object), 0);
    return object;
}

/* Takes in what the quorum answered, too. */
static struct object answer(struct fixture *fixture, struct bytes encoded)
{
    assert_true(store(fixture, encoded) >= 0);
    return decoded(fixture, encoded);
}

/* Another's write that has seen (80, 1) comes in. */
static void replace(struct fixture *fixture, const char *value)
{
    struct dot context[] = {{80, 1}, {90, 1}};
    struct sibling sibling = {.dot = {90, 1}, .hlc = 6, .value = bytes_from_string(value)};
    assert_true(store(fixture, made(fixture, context, 2, &sibling, 1)) >= 0);
}

static void a_holding_that_refills_goes_by_the_quorum_and_its_own_writes(void **state)
{
    struct fixture *fixture = *state;
    struct replica_written written;
    struct doubling doubling = {0};
    replica_renew(&fixture->replica, fixture->holding, true);
    struct object quorum = answer(fixture, foreign(fixture, 80, 1, "xy"));
    assert_true(amend(fixture, &quorum, &doubling, &written) >= 0);
    assert_int_equal(doubling.siblings, 1);
    assert_memory_equal(doubling.value, "xyxy", 4);
    assert_true(amend(fixture, &quorum, &doubling, &written) >= 0);
    assert_int_equal(doubling.siblings, 1);
    assert_memory_equal(doubling.value, "xyxyxyxy", 8);
    assert_int_equal(held(fixture).sibling_count, 1);
}

static void what_refills_keeps_what_no_quorum_answered_beside_the_write(void **state)
{
    struct fixture *fixture = *state;
    struct replica_written written;
    struct doubling doubling = {0};
    replica_renew(&fixture->replica, fixture->holding, true);
    assert_true(store(fixture, foreign(fixture, 70, 1, "stale")) >= 0);
    struct object quorum = answer(fixture, foreign(fixture, 80, 1, "xy"));
    assert_true(amend(fixture, &quorum, &doubling, &written) >= 0);
    assert_int_equal(doubling.siblings, 1);
    assert_memory_equal(doubling.value, "xyxy", 4);
    assert_int_equal(held(fixture).sibling_count, 2);
}

static void what_refills_amends_the_quorums_answer_though_another_has_replaced_it_here(void **state)
{
    struct fixture *fixture = *state;
    struct replica_written written;
    struct doubling doubling = {0};
    replica_renew(&fixture->replica, fixture->holding, true);
    replace(fixture, "new");
    struct object quorum = answer(fixture, foreign(fixture, 80, 1, "xy"));
    assert_true(amend(fixture, &quorum, &doubling, &written) >= 0);
    assert_int_equal(doubling.siblings, 1);
    assert_memory_equal(doubling.value, "xyxy", 4);
    assert_int_equal(held(fixture).sibling_count, 2);
}

static void what_refills_refuses_when_its_own_write_or_anothers_replaced_the_answer(void **state)
{
    struct fixture *fixture = *state;
    struct replica_written written;
    struct doubling doubling = {0};
    replica_renew(&fixture->replica, fixture->holding, true);
    struct object quorum = answer(fixture, foreign(fixture, 80, 1, "xy"));
    assert_true(amend(fixture, &quorum, &doubling, &written) >= 0);
    replace(fixture, "new");
    uint64_t before = fixture->holding->counter;
    assert_int_equal(amend(fixture, &quorum, &doubling, &written), SHOAL_EREFILLING);
    assert_int_equal(fixture->holding->counter, before);
    assert_int_equal(held(fixture).sibling_count, 2);
    quorum = held(fixture); /* read again, by a quorum that has both */
    assert_true(amend(fixture, &quorum, &doubling, &written) >= 0);
    assert_int_equal(doubling.siblings, 2);
    assert_int_equal(held(fixture).sibling_count, 1);
}

static void storage_that_fails_in_the_middle_leaves_it_unknown(void **state)
{
    struct fixture *fixture = *state;
    struct replica_written written;
    struct doubling doubling = {0};
    uint64_t actor = fixture->holding->actor;
    fixture->fickle->put_code = SHOAL_EIO;
    fixture->fickle->puts_failing = 1;
    assert_int_equal(amend(fixture, &nothing, &doubling, &written), SHOAL_EUNKNOWN);
    assert_true(fixture->holding->actor != actor);
    fixture->fickle->put_code = SHOAL_ENOSPC;
    fixture->fickle->puts_failing = 1;
    assert_int_equal(amend(fixture, &nothing, &doubling, &written), SHOAL_ENOSPC);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_held_is_amended_and_replaced),
        TEST(an_amendment_that_refuses_costs_no_dot),
        TEST(a_holding_that_refills_goes_by_the_quorum_and_its_own_writes),
        TEST(what_refills_keeps_what_no_quorum_answered_beside_the_write),
        TEST(what_refills_amends_the_quorums_answer_though_another_has_replaced_it_here),
        TEST(what_refills_refuses_when_its_own_write_or_anothers_replaced_the_answer),
        TEST(storage_that_fails_in_the_middle_leaves_it_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
