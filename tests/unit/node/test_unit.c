/* Units of work on a node that is alone: what they read and write, at once or later. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "node/core.h"
#include "ring/partition.h"
#include "shoal/error.h"
#include "support/fake_world.h"

enum { CELLS = 6 };

/* A unit that notes what it finds and does what it was told to. */
struct trial {
    struct unit unit;
    struct unit_cell cells[CELLS];
    char keys[CELLS][16];
    struct unit_cell seen[CELLS];
    char values[CELLS][32]; /* as found; "-" where nothing was */
    const char *put[CELLS]; /* NULL: keep; "-": delete */
    uint64_t expiry_ms[CELLS];
    bool abandon;
    uint32_t runs;
    bool done;
    int code;
    char text[200];
};

static void trial_run(struct unit *unit, uint64_t now_ms)
{
    struct trial *trial = unit->user;
    (void)now_ms;
    trial->runs++;
    unit->abandon = trial->abandon;
    for (uint32_t i = 0; i < unit->count; i++) {
        struct unit_cell *cell = &unit->cells[i];
        trial->seen[i] = *cell;
        (void)snprintf(trial->values[i], sizeof(trial->values[i]), "%.*s",
                       cell->found ? (int)cell->value.len : 1,
                       cell->found ? (const char *)cell->value.data : "-");
        if (trial->put[i] == NULL) {
            continue;
        }
        bool delete = trial->put[i][0] == '-';
        cell->change = delete ? UNIT_DELETE : UNIT_PUT;
        cell->found = !delete;
        cell->value = arena_copy(unit->memory, bytes_from_string(trial->put[i]));
        cell->expiry_ms = trial->expiry_ms[i];
    }
}

static void trial_done(struct unit *unit, int code, struct bytes text)
{
    struct trial *trial = unit->user;
    assert_false(trial->done);
    trial->done = true;
    trial->code = code;
    (void)snprintf(trial->text, sizeof(trial->text), "%.*s", (int)text.len,
                   (const char *)text.data);
}

static void trial_add(struct trial *trial, const char *key, const char *put)
{
    uint32_t i = trial->unit.count++;
    (void)snprintf(trial->keys[i], sizeof(trial->keys[i]), "%s", key);
    trial->cells[i].key = bytes_from_string(trial->keys[i]);
    trial->put[i] = put;
}

static void trial_init(struct trial *trial, const char *key, const char *put)
{
    *trial = (struct trial){.code = WORLD_PENDING};
    trial->unit.cells = trial->cells;
    trial->unit.run = trial_run;
    trial->unit.done = trial_done;
    trial->unit.user = trial;
    trial_add(trial, key, put);
}

static struct worker *worker_of(struct fake_world *world, uint32_t worker)
{
    return world->nodes[0].workers[worker];
}

static void submit(struct fake_world *world, struct trial *trial, uint32_t worker)
{
    worker_unit(worker_of(world, worker), world->now, &trial->unit);
    worker_flush(worker_of(world, worker), world->now);
    fake_world_run(world, 20 * MS);
    assert_true(trial->done);
}

/* Does a unit over one key, and returns what it found. */
static const char *once(struct fake_world *world, struct trial *trial, const char *key,
                        const char *put)
{
    trial_init(trial, key, put);
    submit(world, trial, 0);
    assert_int_equal(trial->code, 0);
    return trial->values[0];
}

static int begin(void **state, bool durable, uint32_t workers)
{
    static struct fake_world world;
    fake_world_init(&world, 1, 1, 1);
    world.nodes[0].worker_count = workers;
    world.nodes[0].durable = durable;
    *state = &world;
    if (fake_world_start(&world, 0) < 0) {
        return -1;
    }
    fake_world_run(&world, 300 * MS);
    return 0;
}

static int setup_memory(void **state)
{
    return begin(state, false, 1);
}

static int setup_durable(void **state)
{
    return begin(state, true, 1);
}

static int setup_three_workers(void **state)
{
    return begin(state, false, 3);
}

static int teardown(void **state)
{
    fake_world_deinit(*state);
    return 0;
}

static void a_unit_sees_what_the_one_before_wrote(void **state)
{
    struct trial trial;
    assert_true(worker_alone(worker_of(*state, 0)));
    assert_string_equal(once(*state, &trial, "a", "1"), "-");
    assert_int_equal(trial.seen[0].version, 0);
    assert_string_equal(once(*state, &trial, "a", "2"), "1");
    uint64_t version = trial.seen[0].version;
    assert_true(version != 0);
    assert_string_equal(once(*state, &trial, "a", "-"), "2");
    assert_true(trial.seen[0].version != version);
    assert_string_equal(once(*state, &trial, "a", NULL), "-");
    assert_int_equal(trial.runs, 1);
}

static void deleting_what_was_never_there_writes_nothing(void **state)
{
    struct trial trial;
    (void)once(*state, &trial, "a", "-");
    (void)once(*state, &trial, "a", NULL);
    assert_int_equal(trial.seen[0].version, 0);
    (void)once(*state, &trial, "a", "1");
    (void)once(*state, &trial, "a", "-");
    (void)once(*state, &trial, "a", "-");
    uint64_t version = trial.seen[0].version;
    (void)once(*state, &trial, "a", NULL);
    assert_int_equal(trial.seen[0].version, version);
}

static void a_value_is_gone_at_its_very_millisecond(void **state)
{
    struct fake_world *world = *state;
    struct trial trial;
    trial_init(&trial, "a", "1");
    trial.expiry_ms[0] = world->now.wall_ms + 100;
    uint64_t at_ms = trial.expiry_ms[0];
    submit(world, &trial, 0);
    int code;
    struct moment now = world->now;
    now.wall_ms = at_ms - 1;
    trial_init(&trial, "a", NULL);
    assert_true(worker_unit_now(worker_of(world, 0), now, &trial.unit, &code));
    assert_string_equal(trial.values[0], "1");
    assert_int_equal(trial.seen[0].expiry_ms, at_ms);
    now.wall_ms = at_ms;
    trial_init(&trial, "a", NULL);
    assert_true(worker_unit_now(worker_of(world, 0), now, &trial.unit, &code));
    assert_string_equal(trial.values[0], "-");
}

static void in_memory_a_unit_is_done_at_once(void **state)
{
    struct fake_world *world = *state;
    struct trial trial;
    int code = WORLD_PENDING;
    trial_init(&trial, "a", "1");
    trial_add(&trial, "b", "2");
    trial.cells[1].blind = true;
    assert_true(worker_unit_now(worker_of(world, 0), world->now, &trial.unit, &code));
    assert_int_equal(code, 0);
    assert_false(trial.done);
    assert_string_equal(once(world, &trial, "b", NULL), "2");
}

static void what_is_to_be_durable_is_never_done_at_once(void **state)
{
    struct fake_world *world = *state;
    struct trial trial;
    int code;
    assert_string_equal(once(world, &trial, "a", "1"), "-");
    trial_init(&trial, "a", "2");
    assert_false(worker_unit_now(worker_of(world, 0), world->now, &trial.unit, &code));
    assert_int_equal(trial.runs, 0);
    assert_string_equal(once(world, &trial, "a", NULL), "1");
}

static void an_abandoned_unit_writes_nothing(void **state)
{
    struct trial trial;
    trial_init(&trial, "a", "1");
    trial.abandon = true;
    submit(*state, &trial, 0);
    assert_int_equal(trial.code, 0);
    assert_string_equal(once(*state, &trial, "a", NULL), "-");
}

static void a_unit_is_done_by_the_worker_of_its_keys(void **state)
{
    struct fake_world *world = *state;
    struct trial trial;
    char key[16];
    for (uint32_t i = 0; i < 12; i++) {
        (void)snprintf(key, sizeof(key), "{%u}a", (unsigned)i);
        trial_init(&trial, key, "1");
        (void)snprintf(key, sizeof(key), "{%u}b", (unsigned)i);
        trial_add(&trial, key, "2");
        submit(world, &trial, i % 3);
        assert_int_equal(trial.code, 0);
        assert_string_equal(once(world, &trial, key, NULL), "2");
    }
}

static void a_stopping_node_refuses_units(void **state)
{
    struct fake_world *world = *state;
    struct trial trial;
    int code;
    trial_init(&trial, "a", "1");
    worker_stop(worker_of(world, 0), world->now);
    assert_false(worker_unit_now(worker_of(world, 0), world->now, &trial.unit, &code));
    submit(world, &trial, 0);
    assert_int_equal(trial.code, SHOAL_ESHUTDOWN);
}

static void a_node_with_other_members_refuses_units(void **state)
{
    struct fake_world *world = *state;
    struct trial trial;
    int code;
    assert_int_equal(fake_world_start(world, 1), 0);
    fake_world_run(world, 300 * MS);
    const struct world_answer *join = fake_world_join(world, 1, world_port(0));
    fake_world_run(world, 3000 * MS);
    assert_int_equal(join->code, 0);
    assert_false(worker_alone(worker_of(world, 0)));
    trial_init(&trial, "a", "1");
    assert_false(worker_unit_now(worker_of(world, 0), world->now, &trial.unit, &code));
    submit(world, &trial, 0);
    assert_int_equal(trial.code, SHOAL_EUNSUPPORTED);
    assert_int_equal(trial.runs, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_unit_sees_what_the_one_before_wrote, setup_memory,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_unit_sees_what_the_one_before_wrote, setup_durable,
                                        teardown),
        cmocka_unit_test_setup_teardown(deleting_what_was_never_there_writes_nothing, setup_memory,
                                        teardown),
        cmocka_unit_test_setup_teardown(deleting_what_was_never_there_writes_nothing, setup_durable,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_value_is_gone_at_its_very_millisecond, setup_memory,
                                        teardown),
        cmocka_unit_test_setup_teardown(in_memory_a_unit_is_done_at_once, setup_memory, teardown),
        cmocka_unit_test_setup_teardown(what_is_to_be_durable_is_never_done_at_once, setup_durable,
                                        teardown),
        cmocka_unit_test_setup_teardown(an_abandoned_unit_writes_nothing, setup_memory, teardown),
        cmocka_unit_test_setup_teardown(a_unit_is_done_by_the_worker_of_its_keys,
                                        setup_three_workers, teardown),
        cmocka_unit_test_setup_teardown(a_stopping_node_refuses_units, setup_memory, teardown),
        cmocka_unit_test_setup_teardown(a_node_with_other_members_refuses_units, setup_memory,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
