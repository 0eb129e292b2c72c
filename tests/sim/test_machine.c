/* The parts of a simulated machine by themselves: its clocks, its storage, the jobs that it runs,
 * and the tap on its engines. */
#include "sim_world.h"

#include "base/crypto.h"
#include "base/log.h"
#include "shoal/error.h"
#include "storage/memory_engine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

/* ---- clocks ---- */

static void the_monotonic_clock_runs_evenly_whatever_the_wall_clock_does(void **state)
{
    (void)state;
    struct sim_clock_options options = {
        .skew_ms_max = 1000, .drift_ppm_max = 5000, .jump_ms_max = 60000};
    struct sim_clock clock;
    struct random random;
    random_init(&random, 3);
    sim_clock_init(&clock, &options, &random);
    uint64_t before_us = sim_clock_moment(&clock, 0).mono_us;
    bool back = false;
    uint64_t wall_ms = 0;
    for (uint64_t second = 1; second <= 100; second++) {
        sim_clock_jump(&clock, &options, &random);
        struct moment now = sim_clock_moment(&clock, second * 1000000);
        assert_int_equal(now.mono_us, before_us + 1000000);
        assert_int_equal(sim_clock_world_us(&clock, now.mono_us), second * 1000000);
        before_us = now.mono_us;
        back = back || now.wall_ms < wall_ms;
        wall_ms = now.wall_ms;
    }
    assert_true(back);
}

/* ---- storage ---- */

static void open_store(struct sim_store *store, enum log_durability durability,
                       struct random *random)
{
    static struct sim_store_options options;
    options = (struct sim_store_options){.kind = SIM_STORE_LOG, .durability = durability};
    random_init(random, 5);
    sim_store_init(store, &options, 8, random);
}

static void an_end_forgets_what_its_durability_does_not_cover(void **state)
{
    (void)state;
    static const enum log_durability durabilities[] = {LOG_SYNC, LOG_INTERVAL, LOG_OS};
    for (uint32_t i = 0; i < 3; i++) {
        struct sim_store store;
        struct random random;
        open_store(&store, durabilities[i], &random);
        assert_false(sim_store_forgets(&store, SIM_EXIT_STOP));
        assert_false(sim_store_forgets(&store, SIM_EXIT_KILL));
        assert_int_equal(sim_store_forgets(&store, SIM_EXIT_POWER), i > 0);
        sim_store_deinit(&store);
    }
    struct sim_store_options options = {.kind = SIM_STORE_MEMORY};
    struct sim_store store;
    struct random random;
    random_init(&random, 1);
    sim_store_init(&store, &options, 8, &random);
    assert_true(sim_store_forgets(&store, SIM_EXIT_STOP));
    sim_store_deinit(&store);
}

static void only_closed_segments_rot(void **state)
{
    (void)state;
    struct sim_store store;
    struct random random;
    open_store(&store, LOG_SYNC, &random);
    assert_false(sim_store_rot(&store, &random));
    model_disk_put_file(store.disk, "1.seg", bytes_from_string("closed"));
    model_disk_put_file(store.disk, "1.hint", bytes_from_string("hint"));
    model_disk_put_file(store.disk, "2.seg", bytes_from_string("open"));
    for (uint32_t i = 0; i < 20; i++) {
        assert_true(sim_store_rot(&store, &random));
    }
    assert_true(store.rotten);
    struct disk *disk = model_disk_port(store.disk);
    struct disk_file *file;
    char text[8] = "";
    size_t got;
    assert_int_equal(disk->ops->open(disk, "2.seg", DISK_OPEN_READ, &file), 0);
    assert_int_equal(disk->ops->read(file, 0, text, sizeof(text), &got), 0);
    disk->ops->close(file);
    assert_string_equal(text, "open");
    sim_store_wipe(&store);
    assert_false(store.rotten);
    sim_store_deinit(&store);
}

static void a_copy_takes_the_place_of_the_disk(void **state)
{
    (void)state;
    struct sim_store store;
    struct random random;
    open_store(&store, LOG_SYNC, &random);
    assert_false(sim_store_put_back(&store));
    model_disk_put_file(store.disk, "old", bytes_from_string("old"));
    sim_store_copy_aside(&store);
    model_disk_put_file(store.disk, "new", bytes_from_string("new"));
    assert_true(sim_store_put_back(&store));
    assert_int_equal(model_disk_count(store.disk, "", NULL), 1);
    assert_false(sim_store_put_back(&store));
    sim_store_deinit(&store);
}

/* ---- jobs ---- */

struct trial {
    struct sim_world world;
    struct offload_job job;
    uint32_t ran, done, dropped;
};

static struct trial *trial_of(struct offload_job *job)
{
    return QUEUE_ITEM(job, struct trial, job);
}

static void on_run(struct offload_job *job)
{
    trial_of(job)->ran++;
}

static void on_done(struct offload_job *job, bool dropped)
{
    trial_of(job)->done++;
    trial_of(job)->dropped += dropped;
}

static void discard(void *self, enum log_level level, struct bytes line)
{
    (void)self;
    (void)level;
    (void)line;
}

static struct sim_node *open_trial(struct trial *trial, uint64_t wait_us)
{
    struct sim_options options;
    memset(trial, 0, sizeof(*trial));
    sim_options_quiet(&options);
    options.nodes = 1;
    options.store.kind = SIM_STORE_MEMORY;
    options.store.wait_us_mean[OFFLOAD_SLOW] = wait_us;
    assert_int_equal(crypto_init(), 0);
    log_configure(LOG_ERROR, LOG_FORMAT_TEXT, NULL, discard, NULL);
    assert_int_equal(sim_world_init(&trial->world, &options, NULL), 0);
    assert_int_equal(sim_node_start(&trial->world.nodes[0]), 0);
    trial->job = (struct offload_job){.run = on_run, .done = on_done};
    struct offload *port = &trial->world.nodes[0].workers[0].offload.port;
    port->submit(port->self, OFFLOAD_SLOW, &trial->job);
    return &trial->world.nodes[0];
}

static void a_job_runs_later_and_is_done_after_that(void **state)
{
    (void)state;
    struct trial trial;
    open_trial(&trial, 1000);
    assert_int_equal(trial.ran, 0);
    while (trial.ran == 0) {
        assert_true(sim_world_step(&trial.world));
    }
    assert_int_equal(trial.done, 0);
    sim_world_run_us(&trial.world, 100000);
    assert_int_equal(trial.ran, 1);
    assert_int_equal(trial.done, 1);
    assert_int_equal(trial.dropped, 0);
    sim_world_deinit(&trial.world);
}

static void a_job_of_a_paused_process_waits(void **state)
{
    (void)state;
    struct trial trial;
    struct sim_node *node = open_trial(&trial, 1000);
    sim_node_pause(node);
    sim_world_run_us(&trial.world, 1000000);
    assert_int_equal(trial.ran, 0);
    sim_node_resume(node);
    sim_world_run_us(&trial.world, 1000000);
    assert_int_equal(trial.done, 1);
    sim_world_deinit(&trial.world);
}

static void a_crash_drops_what_has_not_run(void **state)
{
    (void)state;
    struct trial trial;
    struct sim_node *node = open_trial(&trial, UINT64_C(1000000000));
    sim_node_crash(node, SIM_EXIT_KILL);
    assert_int_equal(trial.ran, 0);
    assert_int_equal(trial.done, 1);
    assert_int_equal(trial.dropped, 1);
    sim_world_deinit(&trial.world);
    node = open_trial(&trial, 0);
    while (trial.ran == 0) {
        assert_true(sim_world_step(&trial.world));
    }
    sim_node_crash(node, SIM_EXIT_POWER);
    assert_int_equal(trial.done, 1);
    assert_int_equal(trial.dropped, 0);
    sim_world_deinit(&trial.world);
}

/* ---- the tap ---- */

struct tapped {
    struct sim_verdict verdict;
    struct sim_tap tap;
    struct engine *engine;
    uint64_t settled;
};

static void on_settled(void *self, uint64_t sequence)
{
    ((struct tapped *)self)->settled = sequence;
}

static int put_pending(struct engine *engine, const struct engine_key *key, struct bytes record,
                       uint64_t *sequence)
{
    (void)engine;
    (void)key;
    (void)record;
    *sequence = 7;
    return 1;
}

static int put_talking(struct engine *engine, const struct engine_key *key, struct bytes record,
                       uint64_t *sequence)
{
    engine->events.settled(engine->events.self, 7);
    return put_pending(engine, key, record, sequence);
}

static void open_tapped(struct tapped *tapped, struct engine_ops *ops)
{
    struct engine_options options = {.partitions = 8};
    memset(tapped, 0, sizeof(*tapped));
    assert_int_equal(memory_engine_new(&options, &tapped->engine), 0);
    *ops = *tapped->engine->ops;
    tapped->engine->ops = ops;
    tapped->engine->events = (struct engine_events){.self = tapped, .settled = on_settled};
}

static void close_tapped(struct tapped *tapped)
{
    sim_tap_close(&tapped->tap);
    tapped->engine->ops->free(tapped->engine);
}

static void put_something(struct tapped *tapped)
{
    struct engine_key key = {.key = bytes_from_string("key")};
    uint64_t sequence;
    tapped->engine->ops->put(tapped->engine, &key, bytes_from_string("value"), &sequence);
}

static void the_tap_knows_what_is_settled(void **state)
{
    (void)state;
    struct tapped tapped;
    struct engine_ops ops;
    open_tapped(&tapped, &ops);
    ops.put = put_pending;
    sim_tap_open(&tapped.tap, tapped.engine, &tapped.verdict);
    assert_true(sim_tap_settled(&tapped.tap));
    put_something(&tapped);
    assert_false(sim_tap_settled(&tapped.tap));
    tapped.engine->events.settled(tapped.engine->events.self, 6);
    assert_false(sim_tap_settled(&tapped.tap));
    tapped.engine->events.settled(tapped.engine->events.self, 7);
    assert_true(sim_tap_settled(&tapped.tap));
    assert_int_equal(tapped.settled, 7);
    assert_false(tapped.verdict.broken);
    close_tapped(&tapped);
}

static void the_tap_objects_to_events_out_of_turn(void **state)
{
    (void)state;
    struct tapped tapped;
    struct engine_ops ops;
    open_tapped(&tapped, &ops);
    ops.put = put_talking;
    sim_tap_open(&tapped.tap, tapped.engine, &tapped.verdict);
    put_something(&tapped);
    assert_true(tapped.verdict.broken);
    close_tapped(&tapped);
    open_tapped(&tapped, &ops);
    sim_tap_open(&tapped.tap, tapped.engine, &tapped.verdict);
    tapped.engine->events.ready(tapped.engine->events.self, 3, 0);
    assert_true(tapped.verdict.broken);
    close_tapped(&tapped);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_monotonic_clock_runs_evenly_whatever_the_wall_clock_does),
        cmocka_unit_test(an_end_forgets_what_its_durability_does_not_cover),
        cmocka_unit_test(only_closed_segments_rot),
        cmocka_unit_test(a_copy_takes_the_place_of_the_disk),
        cmocka_unit_test(a_job_runs_later_and_is_done_after_that),
        cmocka_unit_test(a_job_of_a_paused_process_waits),
        cmocka_unit_test(a_crash_drops_what_has_not_run),
        cmocka_unit_test(the_tap_knows_what_is_settled),
        cmocka_unit_test(the_tap_objects_to_events_out_of_turn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
