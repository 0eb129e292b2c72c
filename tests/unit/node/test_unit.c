/* Units of work on a node that is alone: what they read and write, at once or later. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/memory.h"
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
    bool flush;
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
    unit->flush = trial->flush;
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

static uint64_t stamp_of(struct fake_world *world, const char *key)
{
    struct trial trial;
    trial_init(&trial, key, NULL);
    trial.cells[0].stamped = true;
    submit(world, &trial, 0);
    return trial.seen[0].stamp;
}

static void a_stamp_is_another_for_every_write_be_it_of_the_same_value(void **state)
{
    struct trial trial;
    assert_true(stamp_of(*state, "a") == 0);
    (void)once(*state, &trial, "a", "1");
    assert_true(trial.seen[0].stamp == 0); /* nobody asked */
    uint64_t first = stamp_of(*state, "a");
    assert_true(first != 0 && stamp_of(*state, "a") == first);
    (void)once(*state, &trial, "a", "1");
    assert_true(stamp_of(*state, "a") != first);
    (void)once(*state, &trial, "a", "-");
    assert_true(stamp_of(*state, "a") == 0);
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

/* It is another's that a unit of several workers may come to so early, too. */
static void before_the_first_layout_units_are_told_to_come_again(void **state)
{
    struct fake_world *world = *state;
    struct trial trial;
    int code;
    assert_int_equal(fake_world_start(world, 1), 0);
    struct worker *worker = world->nodes[1].workers[0];
    assert_true(worker_starting(worker));
    trial_init(&trial, "a", "1");
    assert_false(worker_unit_now(worker, world->now, &trial.unit, &code));
    worker_unit(worker, world->now, &trial.unit);
    assert_int_equal(trial.code, SHOAL_EREFILLING);
    assert_string_equal(trial.text, UNIT_STARTING_TEXT);
    trial.done = false;
    worker->units.count++;
    unit_begin(worker, &trial.unit, worker->index);
    assert_int_equal(trial.code, SHOAL_EREFILLING);
    fake_world_run(world, 300 * MS);
    assert_false(worker_starting(worker));
    assert_true(worker_alone(worker));
    assert_int_equal(trial.runs, 0);
}

/* ---- over several workers ---- */

static int setup_three_durable(void **state)
{
    return begin(state, true, 3);
}

/* A key of the worker; another for every number. */
static const char *key_at(struct fake_world *world, uint32_t worker, uint32_t number)
{
    static char keys[8][16];
    static uint32_t next;
    char *key = keys[next++ % 8];
    uint32_t partitions = view_facts(world_snapshot(world, 0)->view)->partitions;
    for (uint32_t i = 0, found = 0;; i++) {
        (void)snprintf(key, sizeof(keys[0]), "k%u", (unsigned)i);
        if (partition_of_key(bytes_from_string(key), partitions) % 3 == worker &&
            found++ == number) {
            return key;
        }
    }
}

static void begin_trial(struct fake_world *world, struct trial *trial, uint32_t worker)
{
    worker_unit(worker_of(world, worker), world->now, &trial->unit);
    for (uint32_t i = 0; i < world->nodes[0].worker_count; i++) {
        worker_flush(worker_of(world, i), world->now);
    }
}

/* One over a key of each worker. */
static void trial_three(struct fake_world *world, struct trial *trial, const char *put)
{
    trial_init(trial, key_at(world, 2, 0), put);
    trial_add(trial, key_at(world, 0, 0), put);
    trial_add(trial, key_at(world, 1, 0), put);
}

static void a_unit_over_several_workers_is_one_step(void **state)
{
    struct fake_world *world = *state;
    struct trial trial;
    for (uint32_t i = 0; i < 6; i++) {
        char now[16];
        char before[16];
        (void)snprintf(now, sizeof(now), "%u", (unsigned)i);
        (void)snprintf(before, sizeof(before), "%u", (unsigned)i - 1);
        trial_three(world, &trial, now);
        submit(world, &trial, i % 3);
        assert_int_equal(trial.code, 0);
        assert_int_equal(trial.runs, 1);
        for (uint32_t j = 0; j < 3; j++) {
            assert_string_equal(trial.values[j], i == 0 ? "-" : before);
        }
        fake_world_run(world, 20 * MS);
        for (uint32_t j = 0; j < 3; j++) {
            assert_true(units_idle(worker_of(world, j)));
            assert_int_equal(worker_of(world, j)->units.locks.held, 0);
        }
    }
}

static void a_unit_that_only_reads_crosses_too(void **state)
{
    struct fake_world *world = *state;
    struct trial trial;
    trial_three(world, &trial, "1");
    submit(world, &trial, 0);
    trial_three(world, &trial, NULL);
    trial.unit.reads_only = true;
    submit(world, &trial, 1);
    assert_int_equal(trial.code, 0);
    assert_string_equal(trial.values[0], "1");
    assert_string_equal(trial.values[2], "1");
    trial_three(world, &trial, "2");
    trial.abandon = true;
    submit(world, &trial, 2);
    trial_three(world, &trial, NULL);
    submit(world, &trial, 2);
    assert_string_equal(trial.values[1], "1");
}

/* Of one worker, and of several: what another has written is not settled yet. */
static void what_a_lasting_unit_has_read_is_settled_first(void **state)
{
    struct fake_world *world = *state;
    uint32_t last = world->nodes[0].worker_count - 1;
    struct fickle_engine *engine = world->nodes[0].engines[last];
    struct trial write;
    struct trial read;
    struct trial reads[2];
    int code;
    engine->settles = false;
    trial_init(&write, key_at(world, last, 0), "1");
    begin_trial(world, &write, last);
    trial_init(&read, key_at(world, last, 0), NULL);
    read.unit.reads_only = true;
    submit(world, &read, last);
    assert_string_equal(read.values[0], "1");
    for (uint32_t i = 0; i < 2; i++) {
        trial_init(&reads[i], key_at(world, last, 0), NULL);
        trial_add(&reads[i], key_at(world, 0, i + 1), NULL);
        reads[i].unit.reads_only = i == 0;
        reads[i].abandon = i == 1;
        reads[i].unit.lasting = true;
        assert_false(worker_unit_now(worker_of(world, last), world->now, &reads[i].unit, &code));
        begin_trial(world, &reads[i], last);
    }
    fake_world_run(world, 20 * MS);
    assert_false(write.done || reads[0].done || reads[1].done);
    engine->settles = true;
    fickle_engine_settle(engine);
    fake_world_run(world, 20 * MS);
    assert_true(write.done);
    for (uint32_t i = 0; i < 2; i++) {
        assert_true(reads[i].done);
        assert_int_equal(reads[i].code, 0);
        assert_int_equal(reads[i].runs, 1);
        assert_string_equal(reads[i].values[0], "1");
    }
    for (uint32_t i = 0; i <= last; i++) {
        assert_true(units_idle(worker_of(world, i)));
        assert_int_equal(worker_of(world, i)->units.locks.held, 0);
    }
}

static void a_lasting_unit_does_not_wait_for_storage_that_has_failed(void **state)
{
    struct fake_world *world = *state;
    uint32_t last = world->nodes[0].worker_count - 1;
    struct fickle_engine *engine = world->nodes[0].engines[last];
    struct trial write;
    struct trial trial;
    engine->settles = false;
    trial_init(&write, key_at(world, last, 0), "1");
    begin_trial(world, &write, last);
    trial_init(&trial, key_at(world, last, 0), NULL);
    trial_add(&trial, key_at(world, 0, 1), NULL);
    trial.unit.lasting = true;
    begin_trial(world, &trial, last);
    fake_world_run(world, 20 * MS);
    assert_false(trial.done);
    fickle_engine_break(engine, SHOAL_EIO);
    fake_world_run(world, 20 * MS);
    assert_true(trial.done);
    assert_int_equal(write.code, SHOAL_EUNKNOWN);
    assert_int_equal(trial.code, 0);
    assert_string_equal(trial.values[0], "1");
}

/* The disk of one worker stands still: what is told to come again later leaves nothing behind. */
static void a_lasting_unit_whose_time_is_over_keeps_nothing_locked(void **state)
{
    struct fake_world *world = *state;
    uint32_t last = world->nodes[0].worker_count - 1;
    struct fickle_engine *engine = world->nodes[0].engines[last];
    struct trial write;
    struct trial trial;
    engine->settles = false;
    trial_init(&write, key_at(world, last, 0), "1");
    begin_trial(world, &write, last);
    trial_init(&trial, key_at(world, last, 0), NULL);
    trial_add(&trial, key_at(world, 0, 1), NULL);
    trial.unit.lasting = true;
    trial.unit.timeout_us = 50 * MS;
    begin_trial(world, &trial, last);
    fake_world_run(world, 100 * MS);
    assert_true(trial.done);
    assert_int_equal(trial.code, SHOAL_ETIMEOUT);
    assert_false(write.done);
    for (uint32_t i = 0; i <= last; i++) {
        assert_true(queue_empty(&worker_of(world, i)->units.crossings));
        assert_int_equal(worker_of(world, i)->units.locks.held, 0);
    }
    engine->settles = true;
    fickle_engine_settle(engine);
    fake_world_run(world, 20 * MS);
    assert_true(write.done);
    assert_true(units_idle(worker_of(world, last)));
}

/* Each adds one to all its keys, as numbers, many at the same time. */
static void count_run(struct unit *unit, uint64_t now_ms)
{
    (void)now_ms;
    for (uint32_t i = 0; i < unit->count; i++) {
        struct unit_cell *cell = &unit->cells[i];
        char digits[16] = "0";
        if (cell->found) {
            (void)snprintf(digits, sizeof(digits), "%.*s", (int)cell->value.len,
                           (const char *)cell->value.data);
        }
        (void)snprintf(digits, sizeof(digits), "%d", atoi(digits) + 1);
        cell->value = arena_copy(unit->memory, bytes_from_string(digits));
        cell->change = UNIT_PUT;
        cell->expiry_ms = 0;
    }
}

static void units_at_the_same_time_are_one_after_another(void **state)
{
    enum { TRIALS = 60 };
    struct fake_world *world = *state;
    static struct trial trials[TRIALS];
    for (uint32_t i = 0; i < TRIALS; i++) {
        trial_three(world, &trials[i], NULL);
        if (i % 3 == 0) { /* of one worker */
            trial_init(&trials[i], key_at(world, i / 3 % 3, 0), NULL);
        }
        trials[i].unit.run = count_run;
        worker_unit(worker_of(world, i % 3), world->now, &trials[i].unit);
        if (i % 7 == 0) {
            fake_world_run(world, MS / 4);
        }
    }
    fake_world_run(world, 500 * MS);
    uint32_t ones[3] = {0};
    for (uint32_t i = 0; i < TRIALS; i++) {
        assert_true(trials[i].done);
        assert_int_equal(trials[i].code, 0);
        ones[i / 3 % 3] += i % 3 == 0 ? 1 : 0;
    }
    struct trial trial;
    trial_three(world, &trial, NULL);
    submit(world, &trial, 0);
    assert_int_equal(atoi(trial.values[0]), TRIALS / 3 * 2 + ones[2]);
    assert_int_equal(atoi(trial.values[1]), TRIALS / 3 * 2 + ones[0]);
    assert_int_equal(atoi(trial.values[2]), TRIALS / 3 * 2 + ones[1]);
}

static void plain_requests_wait_for_locked_keys(void **state)
{
    struct fake_world *world = *state;
    struct trial trial;
    trial_three(world, &trial, "1");
    begin_trial(world, &trial, 0); /* worker 0's key is locked, the others' are asked for */
    assert_false(trial.done);
    struct world_answer *put = fake_world_put(world, 0, 0, key_at(world, 0, 0), "2");
    struct world_answer *get = fake_world_get(world, 0, 0, key_at(world, 0, 0));
    struct world_answer *other = fake_world_get(world, 0, 0, key_at(world, 0, 1));
    assert_false(put->done);
    assert_false(get->done);
    assert_true(other->done);
    fake_world_run(world, 100 * MS);
    assert_true(trial.done);
    assert_int_equal(put->code, 0);
    assert_string_equal(get->value, "2");
    assert_string_equal(once(world, &trial, key_at(world, 0, 0), NULL), "2");
}

/* It came before the transaction and had to wait for the disk; by then the transaction knows what
 * was held before it. Written in between it would be confirmed, and then overwritten unseen. */
static void a_write_that_waited_for_the_disk_waits_for_who_has_locked_its_key_since(void **state)
{
    struct fake_world *world = *state;
    struct fickle_engine *engine = world->nodes[0].engines[0];
    struct trial trial;
    trial_three(world, &trial, "1");
    submit(world, &trial, 0);
    engine->is_secretive = true;
    engine->cold_percent = 100;
    struct world_answer *put = fake_world_put(world, 0, 0, key_at(world, 0, 0), "5");
    assert_int_equal(engine->read_count, 1);
    engine->cold_percent = 0;
    trial_three(world, &trial, NULL);
    trial.unit.run = count_run;
    begin_trial(world, &trial, 0); /* it has found 1, and asks for the others' keys */
    assert_false(trial.done);
    fickle_engine_read_all(engine);
    assert_int_equal(engine->read_count, 0);
    assert_false(put->done);
    fake_world_run(world, 100 * MS);
    assert_int_equal(trial.code, 0);
    assert_int_equal(put->code, 0);
    trial_three(world, &trial, NULL);
    submit(world, &trial, 0);
    assert_string_equal(trial.values[0], "2");
    assert_string_equal(trial.values[1], "5");
    assert_string_equal(trial.values[2], "2");
}

static void everything_can_be_locked_listed_and_flushed(void **state)
{
    struct fake_world *world = *state;
    struct trial trial;
    for (uint32_t i = 0; i < 9; i++) {
        (void)once(world, &trial, key_at(world, i % 3, i), "1");
    }
    trial_init(&trial, key_at(world, 1, 50), "2");
    trial.unit.with_names = true;
    trial.flush = true;
    begin_trial(world, &trial, 0);
    struct world_answer *put = fake_world_put(world, 0, 0, key_at(world, 0, 60), "3");
    struct world_answer *list = fake_world_list(world, 0, 0);
    assert_false(put->done);
    assert_false(list->done);
    fake_world_run(world, 300 * MS);
    assert_int_equal(trial.code, 0);
    assert_int_equal(trial.unit.name_count, 9);
    assert_int_equal(put->code, 0);
    assert_int_equal(list->code, 0);
    assert_int_equal(list->key_count, 2);
    assert_string_equal(once(world, &trial, key_at(world, 1, 50), NULL), "2");
    assert_string_equal(once(world, &trial, key_at(world, 0, 0), NULL), "-");
    assert_int_equal(trial.seen[0].version, 0);
}

/* As without memory a flush leaves it that could neither drop it nor begin it again. */
static void a_flush_takes_a_partition_that_could_not_be_begun(void **state)
{
    struct fake_world *world = *state;
    struct worker *worker = worker_of(world, 0);
    struct fickle_engine *engine = world->nodes[0].engines[0];
    struct trial trial;
    struct engine_stats stats;
    (void)once(world, &trial, "a", "1");
    uint32_t partition = unit_key(worker, bytes_from_string("a")).partition;
    engine->drops_failing = 1;
    assert_int_equal(replica_drop(&worker->replica, partition), SHOAL_ENOMEM);
    trial_init(&trial, "b", NULL);
    trial.unit.count = 0;
    trial.unit.everything = true;
    trial.flush = true;
    submit(world, &trial, 0);
    assert_int_equal(trial.code, 0);
    engine->engine.ops->stats(&engine->engine, partition, &stats);
    assert_int_equal(stats.keys, 0);
    assert_string_equal(once(world, &trial, "a", "2"), "-");
}

static void a_crossing_unit_whose_deadline_passes_has_not_run(void **state)
{
    struct fake_world *world = *state;
    struct trial first;
    struct trial second;
    struct fickle_engine *engine = world->nodes[0].engines[2];
    trial_three(world, &first, "1");
    begin_trial(world, &first, 2);
    fake_world_run(world, 20 * MS);
    engine->settles = false;
    trial_three(world, &first, "2");
    begin_trial(world, &first, 0);
    fake_world_run(world, 20 * MS);
    assert_false(first.done);
    trial_three(world, &second, "3");
    second.unit.timeout_us = 50 * MS;
    begin_trial(world, &second, 0);
    fake_world_run(world, 100 * MS);
    assert_true(second.done);
    assert_int_equal(second.code, SHOAL_ETIMEOUT);
    assert_int_equal(second.runs, 0);
    engine->settles = true;
    fake_world_run(world, 100 * MS);
    assert_true(first.done);
    assert_int_equal(first.code, 0);
    trial_three(world, &first, NULL);
    submit(world, &first, 1);
    assert_string_equal(first.values[0], "2");
}

/* From its deadline until it is back where it came from, its worker still has it. */
static void who_waited_in_vain_is_not_called_afterwards(void **state)
{
    struct fake_world *world = *state;
    struct worker *worker = worker_of(world, 2);
    struct unit_locks *locks = &worker->units.locks;
    struct trial trial;
    trial_init(&trial, key_at(world, 2, 0), "1");
    trial.unit.timeout_us = 50 * MS;
    uint64_t position = unit_key(worker, trial.cells[0].key).position;
    assert_int_equal(unit_lock_take(locks, position, &trial), 0);
    begin_trial(world, &trial, 0);
    fake_world_run(world, 20 * MS);
    assert_false(trial.done);
    world->now.mono_us += 40 * MS;
    world->now.wall_ms += 40;
    worker_tick(worker, world->now);
    unit_lock_release(locks, position, &trial);
    assert_false(trial.done);
    fake_world_run(world, 20 * MS);
    assert_true(trial.done);
    assert_int_equal(trial.code, SHOAL_ETIMEOUT);
    assert_int_equal(trial.runs, 0);
    assert_true(units_idle(worker));
    assert_string_equal(once(world, &trial, key_at(world, 2, 0), NULL), "-");
}

/* ---- all or nothing ---- */

/* What worker 0, 1 and 2 have of their keys, and that nobody holds anything any more. */
static void expect_three(struct fake_world *world, const char *value)
{
    struct trial trial;
    trial_three(world, &trial, NULL);
    submit(world, &trial, 1);
    assert_int_equal(trial.code, 0);
    for (uint32_t i = 0; i < 3; i++) {
        assert_string_equal(trial.values[i], value);
    }
    fake_world_run(world, 50 * MS);
    for (uint32_t i = 0; i < 3; i++) {
        assert_true(units_idle(worker_of(world, i)));
        assert_int_equal(worker_of(world, i)->units.locks.held, 0);
    }
}

static uint64_t records(struct fake_world *world)
{
    uint64_t count = 0;
    for (uint32_t p = 0; p < WORLD_PARTITIONS; p++) {
        struct engine *engine = worker_of(world, p % world->nodes[0].worker_count)->engine;
        struct engine_stats stats;
        engine->ops->stats(engine, engine_partition_of(ENGINE_FAMILY_INTENTS, p, WORLD_PARTITIONS),
                           &stats);
        count += stats.keys;
    }
    return count;
}

static void what_one_worker_refuses_none_does(void **state)
{
    struct fake_world *world = *state;
    struct trial trial;
    trial_three(world, &trial, "1");
    submit(world, &trial, 0);
    for (uint32_t i = 0; i < 9; i++) {
        struct fickle_engine *engine = world->nodes[0].engines[i / 3];
        engine->puts_failing = 1;
        engine->put_code = SHOAL_ENOMEM;
        trial_three(world, &trial, i % 2 == 0 ? "2" : "-");
        submit(world, &trial, i % 3);
        assert_int_equal(trial.code, SHOAL_ENOMEM);
        assert_int_equal(engine->puts_failing, 0);
        expect_three(world, "1");
        assert_int_equal(records(world), 0);
    }
}

static void of_one_worker_all_is_written_or_nothing(void **state)
{
    struct fake_world *world = *state;
    struct trial trial;
    trial_init(&trial, "a", "1");
    trial_add(&trial, "b", "1");
    submit(world, &trial, 0);
    for (uint32_t i = 0; i < 2; i++) {
        struct fickle_engine *engine = world->nodes[0].engines[0];
        trial_init(&trial, "a", "2");
        trial_add(&trial, i == 0 ? "b" : "c", "2");
        trial_add(&trial, i == 0 ? "c" : "b", "2");
        engine->puts_before_failing = 2;
        engine->puts_failing = 1;
        engine->put_code = SHOAL_ENOMEM;
        submit(world, &trial, 0);
        assert_int_equal(trial.code, SHOAL_ENOMEM);
        assert_string_equal(once(world, &trial, "a", NULL), "1");
        uint64_t version = trial.seen[0].version;
        assert_string_equal(once(world, &trial, "b", NULL), "1");
        assert_string_equal(once(world, &trial, "c", NULL), "-");
        assert_string_equal(once(world, &trial, "a", NULL), "1");
        assert_int_equal(trial.seen[0].version, version);
    }
}

/* With the intent on record there is no way back: the rest is written when there is room. */
static void what_is_on_record_is_completed_when_there_is_room(void **state)
{
    struct fake_world *world = *state;
    struct fickle_engine *engine = world->nodes[0].engines[0];
    struct trial trial;
    trial_init(&trial, "a", "1");
    trial_add(&trial, "b", "1");
    engine->puts_before_failing = 2; /* the intent and one of the two */
    engine->puts_failing = 1;
    engine->put_code = SHOAL_ENOSPC;
    begin_trial(world, &trial, 0);
    assert_false(trial.done);
    struct world_answer *get = fake_world_get(world, 0, 0, "a");
    assert_false(get->done);
    fake_world_run(world, 200 * MS);
    assert_true(trial.done);
    assert_int_equal(trial.code, 0);
    assert_true(get->done);
    assert_string_equal(get->value, "1");
    assert_string_equal(once(world, &trial, "b", NULL), "1");
    assert_int_equal(records(world), 0);
}

static void what_is_prepared_and_not_decided_is_forgotten_by_a_crash(void **state)
{
    struct fake_world *world = *state;
    struct trial trial;
    trial_three(world, &trial, "1");
    submit(world, &trial, 0);
    for (uint32_t i = 1; i < 3; i++) {
        world->nodes[0].engines[i]->settles = false;
        trial_three(world, &trial, "2");
        begin_trial(world, &trial, 0);
        fake_world_run(world, 20 * MS);
        assert_false(trial.done);
        assert_true(records(world) > 0);
        fake_world_kill(world, 0);
        assert_int_equal(fake_world_start(world, 0), 0);
        fake_world_run(world, 300 * MS);
        expect_three(world, "1");
        assert_int_equal(records(world), 0);
    }
}

static void what_was_decided_is_completed_after_a_crash(void **state)
{
    struct fake_world *world = *state;
    struct trial trial;
    trial_three(world, &trial, "1");
    submit(world, &trial, 0);
    world->nodes[0].engines[0]->settles = false; /* where it is decided */
    trial_three(world, &trial, "2");
    begin_trial(world, &trial, 0);
    fake_world_run(world, 20 * MS);
    assert_false(trial.done);
    assert_int_equal(records(world), 4);
    fake_world_kill(world, 0);
    assert_int_equal(fake_world_start(world, 0), 0);
    fake_world_run(world, 300 * MS);
    expect_three(world, "2");
    assert_int_equal(records(world), 0);
}

/* What was found by then is found again, and is no other record for that. */
static void what_was_decided_is_completed_where_finding_it_fails_at_first(void **state)
{
    struct fake_world *world = *state;
    struct trial trial;
    trial_three(world, &trial, "1");
    submit(world, &trial, 0);
    world->nodes[0].engines[0]->settles = false; /* where it is decided */
    trial_three(world, &trial, "2");
    begin_trial(world, &trial, 0);
    fake_world_run(world, 20 * MS);
    assert_false(trial.done);
    assert_int_equal(records(world), 4);
    fake_world_kill(world, 0);
    assert_int_equal(fake_world_start(world, 0), 0);
    for (uint32_t i = 0; i < 3; i++) {
        world->nodes[0].engines[i]->walks_failing = 2;
    }
    fake_world_run(world, 300 * MS);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(world->nodes[0].engines[i]->walks_failing, 0);
    }
    expect_three(world, "2");
    assert_int_equal(records(world), 0);
}

/* What it puts is more than one record holds. Everything goes once, before the first of them. */
static void a_flush_of_several_records_is_completed_after_a_crash(void **state)
{
    struct fake_world *world = *state;
    struct fickle_engine *engine = world->nodes[0].engines[0];
    struct trial trial;
    size_t len = (size_t)17 * LIMIT_MIB;
    char *large = malloc(len + 1);
    assert_non_null(large);
    memset(large, 'l', len);
    large[len] = '\0';
    (void)once(world, &trial, "before", "1");
    trial_init(&trial, "a", large);
    trial_add(&trial, "b", large);
    trial.unit.everything = true;
    trial.flush = true;
    engine->puts_before_failing = 2; /* the records */
    engine->puts_failing = UINT32_MAX;
    engine->put_code = SHOAL_ENOSPC;
    begin_trial(world, &trial, 0);
    assert_int_equal(records(world), 2);
    fake_world_kill(world, 0);
    assert_int_equal(fake_world_start(world, 0), 0);
    fake_world_run(world, 300 * MS);
    assert_string_equal(once(world, &trial, "before", NULL), "-");
    assert_memory_equal(once(world, &trial, "a", NULL), "lll", 3);
    assert_memory_equal(once(world, &trial, "b", NULL), "lll", 3);
    assert_int_equal(records(world), 0);
    free(large);
}

/* It is decided and answered, but one of the workers can't write any more: the next start does.
 * Until then nobody sees what was before beside what the others have written. */
static void what_failed_storage_keeps_from_being_written_nobody_sees_half_done(void **state)
{
    struct fake_world *world = *state;
    struct trial trial;
    trial_three(world, &trial, "1");
    submit(world, &trial, 0);
    world->nodes[0].engines[0]->settles = false; /* where it is decided */
    trial_three(world, &trial, "2");
    begin_trial(world, &trial, 0);
    fake_world_run(world, 20 * MS);
    assert_false(trial.done);
    fickle_engine_break(world->nodes[0].engines[1], SHOAL_EIO);
    world->nodes[0].engines[0]->settles = true;
    fake_world_run(world, 100 * MS);
    assert_true(trial.done);
    assert_int_equal(trial.code, 0);
    struct world_answer *get = fake_world_get(world, 0, 1, key_at(world, 1, 0));
    struct world_answer *other = fake_world_get(world, 0, 2, key_at(world, 2, 0));
    fake_world_run(world, 20 * MS);
    assert_false(get->done);
    assert_true(other->done);
    assert_string_equal(other->value, "2");
    fake_world_kill(world, 0);
    assert_int_equal(fake_world_start(world, 0), 0);
    fake_world_run(world, 300 * MS);
    expect_three(world, "2");
    assert_int_equal(records(world), 0);
}

/* The same on one worker, where the disk was full before it failed. */
static void what_is_written_half_when_storage_fails_stays_hidden(void **state)
{
    struct fake_world *world = *state;
    struct fickle_engine *engine = world->nodes[0].engines[0];
    struct trial trial;
    trial_init(&trial, "a", "1");
    trial_add(&trial, "b", "1");
    engine->puts_before_failing = 2; /* the intent and one of the two */
    engine->puts_failing = UINT32_MAX;
    engine->put_code = SHOAL_ENOSPC;
    begin_trial(world, &trial, 0);
    fickle_engine_break(engine, SHOAL_EIO);
    fake_world_run(world, 100 * MS);
    assert_true(trial.done);
    assert_int_equal(trial.code, SHOAL_EUNKNOWN);
    struct world_answer *a = fake_world_get(world, 0, 0, "a");
    struct world_answer *b = fake_world_get(world, 0, 0, "b");
    fake_world_run(world, 20 * MS);
    assert_false(a->done);
    assert_false(b->done);
    fake_world_kill(world, 0);
    assert_int_equal(fake_world_start(world, 0), 0);
    fake_world_run(world, 300 * MS);
    assert_string_equal(once(world, &trial, "a", NULL), "1");
    assert_string_equal(once(world, &trial, "b", NULL), "1");
    assert_int_equal(records(world), 0);
}

/* Until the removal of the intent is settled a crash may leave the intent alone, and all is done.
 */
static void that_nothing_was_applied_is_told_when_it_is_settled(void **state)
{
    struct fake_world *world = *state;
    struct fickle_engine *engine = world->nodes[0].engines[0];
    for (uint32_t i = 0; i < 2; i++) {
        struct trial trial;
        trial_init(&trial, "a", "1");
        trial_add(&trial, "b", "1");
        engine->settles = false;
        engine->puts_before_failing = 1; /* the intent */
        engine->puts_failing = 1;
        engine->put_code = SHOAL_ENOSPC;
        begin_trial(world, &trial, 0);
        fake_world_run(world, 20 * MS);
        assert_false(trial.done);
        if (i == 0) {
            engine->settles = true;
            fake_world_run(world, 100 * MS);
            assert_true(trial.done);
            assert_int_equal(trial.code, SHOAL_ENOSPC);
            assert_int_equal(records(world), 0);
            assert_string_equal(once(world, &trial, "a", NULL), "-");
        } else {
            fickle_engine_break(engine, SHOAL_EIO);
            fake_world_run(world, 20 * MS);
            assert_true(trial.done);
            assert_int_equal(trial.code, SHOAL_EUNKNOWN);
        }
        assert_true(units_idle(worker_of(world, 0)));
    }
}

/* Without memory to wait with it is written later all the same, or at the next start; unlocked, it
 * would be seen by half, and the next start would write over what came after it. */
static void what_is_written_half_without_memory_stays_hidden(void **state)
{
    struct fake_world *world = *state;
    struct worker *worker = worker_of(world, 0);
    struct fickle_engine *engine = world->nodes[0].engines[0];
    for (uint32_t nth = 1; nth < 30; nth++) {
        struct trial trial;
        char value[32];
        trial_init(&trial, "a", "1");
        trial_add(&trial, "b", "1");
        submit(world, &trial, 0);
        assert_int_equal(trial.code, 0);
        trial_init(&trial, "a", "2");
        trial_add(&trial, "b", "2");
        engine->puts_before_failing = 2;
        engine->puts_failing = 1;
        engine->put_code = SHOAL_ENOSPC;
        struct timers timers = worker->timers;
        worker->timers.capacity = worker->timers.count; /* one more needs memory */
        mem_fail_from(nth);
        worker_unit(worker, world->now, &trial.unit);
        mem_fail_never();
        worker->timers.capacity =
            worker->timers.heap == timers.heap ? timers.capacity : worker->timers.capacity;
        engine->puts_before_failing = 0;
        engine->puts_failing = 0;
        if (records(world) > 0) {
            assert_int_equal(worker->units.locks.held > 0 || worker->units.frozen, true);
        }
        fake_world_kill(world, 0);
        assert_int_equal(fake_world_start(world, 0), 0);
        worker = worker_of(world, 0);
        engine = world->nodes[0].engines[0];
        fake_world_run(world, 300 * MS);
        (void)snprintf(value, sizeof(value), "%s", once(world, &trial, "a", NULL));
        assert_string_equal(once(world, &trial, "b", NULL), value);
        assert_int_equal(records(world), 0);
    }
}

/* A partition that could not be begun is not one that is another's: what is on record for it stays.
 */
static void what_is_on_record_for_a_partition_not_begun_stays_there(void **state)
{
    struct fake_world *world = *state;
    struct trial trial;
    trial_three(world, &trial, "1");
    submit(world, &trial, 0);
    world->nodes[0].engines[0]->settles = false; /* where it is decided */
    trial_three(world, &trial, "2");
    begin_trial(world, &trial, 0);
    fake_world_run(world, 20 * MS);
    for (uint32_t i = 0; i < 2; i++) {
        fake_world_kill(world, 0);
        assert_int_equal(fake_world_start(world, 0), 0);
        struct worker *worker = worker_of(world, 1);
        world->nodes[0].engines[1]->walks_failing = 1; /* it begins again a little later */
        fake_world_run(world, 20 * MS);
        assert_non_null(worker->units.redo);
        worker->holdings_missing = i == 0;
        fake_world_run(world, 300 * MS);
        assert_int_equal(worker->units.closed, i == 0);
        assert_int_equal(records(world) > 0, i == 0);
    }
    expect_three(world, "2");
}

/* What is on record is not known then: nobody may see the half of it, or write what it would undo.
 */
static void without_memory_to_look_for_records_nothing_is_served(void **state)
{
    struct fake_world *world = *state;
    struct worker *worker = worker_of(world, 0);
    mem_fail_from(1);
    unit_redo_begin(worker);
    mem_fail_never();
    struct world_answer *get = fake_world_get(world, 0, 0, key_at(world, 0, 0));
    fake_world_run(world, 20 * MS);
    assert_true(worker->units.closed);
    assert_false(get->done);
}

static void another_layout_waits_for_units_under_way(void **state)
{
    struct fake_world *world = *state;
    struct trial trial;
    struct trial late;
    world->nodes[0].engines[2]->settles = false;
    trial_three(world, &trial, "1");
    trial.unit.timeout_us = 10000 * MS;
    begin_trial(world, &trial, 1);
    fake_world_run(world, 5 * MS);
    assert_int_equal(fake_world_start(world, 1), 0);
    fake_world_run(world, 300 * MS);
    const struct world_answer *join = fake_world_join(world, 1, world_port(0));
    fake_world_run(world, 1000 * MS);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(view_newest(worker_of(world, i)->snapshot->view)->member_count, 1);
    }
    trial_three(world, &late, "2");
    begin_trial(world, &late, 0);
    assert_true(late.done);
    assert_int_equal(late.code, SHOAL_EUNSUPPORTED);
    world->nodes[0].engines[2]->settles = true;
    fake_world_run(world, 3000 * MS);
    assert_true(trial.done);
    assert_int_equal(join->code, 0);
    assert_int_equal(view_newest(worker_of(world, 0)->snapshot->view)->member_count, 2);
    struct world_answer *get = fake_world_get(world, 1, 0, key_at(world, 2, 0));
    fake_world_run(world, 100 * MS);
    assert_string_equal(get->value, "1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_unit_sees_what_the_one_before_wrote, setup_memory,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_unit_sees_what_the_one_before_wrote, setup_durable,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_stamp_is_another_for_every_write_be_it_of_the_same_value,
                                        setup_memory, teardown),
        cmocka_unit_test_setup_teardown(a_stamp_is_another_for_every_write_be_it_of_the_same_value,
                                        setup_durable, teardown),
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
        cmocka_unit_test_setup_teardown(a_unit_over_several_workers_is_one_step,
                                        setup_three_workers, teardown),
        cmocka_unit_test_setup_teardown(a_unit_over_several_workers_is_one_step,
                                        setup_three_durable, teardown),
        cmocka_unit_test_setup_teardown(a_unit_that_only_reads_crosses_too, setup_three_workers,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_unit_that_only_reads_crosses_too, setup_three_durable,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_a_lasting_unit_has_read_is_settled_first,
                                        setup_durable, teardown),
        cmocka_unit_test_setup_teardown(what_a_lasting_unit_has_read_is_settled_first,
                                        setup_three_durable, teardown),
        cmocka_unit_test_setup_teardown(a_lasting_unit_does_not_wait_for_storage_that_has_failed,
                                        setup_durable, teardown),
        cmocka_unit_test_setup_teardown(a_lasting_unit_does_not_wait_for_storage_that_has_failed,
                                        setup_three_durable, teardown),
        cmocka_unit_test_setup_teardown(a_lasting_unit_whose_time_is_over_keeps_nothing_locked,
                                        setup_durable, teardown),
        cmocka_unit_test_setup_teardown(a_lasting_unit_whose_time_is_over_keeps_nothing_locked,
                                        setup_three_durable, teardown),
        cmocka_unit_test_setup_teardown(units_at_the_same_time_are_one_after_another,
                                        setup_three_workers, teardown),
        cmocka_unit_test_setup_teardown(units_at_the_same_time_are_one_after_another,
                                        setup_three_durable, teardown),
        cmocka_unit_test_setup_teardown(plain_requests_wait_for_locked_keys, setup_three_workers,
                                        teardown),
        cmocka_unit_test_setup_teardown(plain_requests_wait_for_locked_keys, setup_three_durable,
                                        teardown),
        cmocka_unit_test_setup_teardown(
            a_write_that_waited_for_the_disk_waits_for_who_has_locked_its_key_since,
            setup_three_workers, teardown),
        cmocka_unit_test_setup_teardown(
            a_write_that_waited_for_the_disk_waits_for_who_has_locked_its_key_since,
            setup_three_durable, teardown),
        cmocka_unit_test_setup_teardown(who_waited_in_vain_is_not_called_afterwards,
                                        setup_three_workers, teardown),
        cmocka_unit_test_setup_teardown(who_waited_in_vain_is_not_called_afterwards,
                                        setup_three_durable, teardown),
        cmocka_unit_test_setup_teardown(everything_can_be_locked_listed_and_flushed,
                                        setup_three_workers, teardown),
        cmocka_unit_test_setup_teardown(everything_can_be_locked_listed_and_flushed,
                                        setup_three_durable, teardown),
        cmocka_unit_test_setup_teardown(a_flush_takes_a_partition_that_could_not_be_begun,
                                        setup_memory, teardown),
        cmocka_unit_test_setup_teardown(a_flush_takes_a_partition_that_could_not_be_begun,
                                        setup_durable, teardown),
        cmocka_unit_test_setup_teardown(a_crossing_unit_whose_deadline_passes_has_not_run,
                                        setup_three_durable, teardown),
        cmocka_unit_test_setup_teardown(what_one_worker_refuses_none_does, setup_three_workers,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_one_worker_refuses_none_does, setup_three_durable,
                                        teardown),
        cmocka_unit_test_setup_teardown(of_one_worker_all_is_written_or_nothing, setup_memory,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_is_on_record_is_completed_when_there_is_room,
                                        setup_durable, teardown),
        cmocka_unit_test_setup_teardown(what_is_prepared_and_not_decided_is_forgotten_by_a_crash,
                                        setup_three_durable, teardown),
        cmocka_unit_test_setup_teardown(what_was_decided_is_completed_after_a_crash,
                                        setup_three_durable, teardown),
        cmocka_unit_test_setup_teardown(
            what_was_decided_is_completed_where_finding_it_fails_at_first, setup_three_durable,
            teardown),
        cmocka_unit_test_setup_teardown(a_flush_of_several_records_is_completed_after_a_crash,
                                        setup_durable, teardown),
        cmocka_unit_test_setup_teardown(
            what_failed_storage_keeps_from_being_written_nobody_sees_half_done, setup_three_durable,
            teardown),
        cmocka_unit_test_setup_teardown(what_is_written_half_when_storage_fails_stays_hidden,
                                        setup_durable, teardown),
        cmocka_unit_test_setup_teardown(that_nothing_was_applied_is_told_when_it_is_settled,
                                        setup_durable, teardown),
        cmocka_unit_test_setup_teardown(what_is_written_half_without_memory_stays_hidden,
                                        setup_durable, teardown),
        cmocka_unit_test_setup_teardown(what_is_on_record_for_a_partition_not_begun_stays_there,
                                        setup_three_durable, teardown),
        cmocka_unit_test_setup_teardown(without_memory_to_look_for_records_nothing_is_served,
                                        setup_three_durable, teardown),
        cmocka_unit_test_setup_teardown(another_layout_waits_for_units_under_way,
                                        setup_three_durable, teardown),
        cmocka_unit_test_setup_teardown(a_stopping_node_refuses_units, setup_memory, teardown),
        cmocka_unit_test_setup_teardown(a_node_with_other_members_refuses_units, setup_memory,
                                        teardown),
        cmocka_unit_test_setup_teardown(before_the_first_layout_units_are_told_to_come_again,
                                        setup_memory, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
