/* A simulated machine's disk and clocks by themselves. */
#include "sim_clock.h"
#include "sim_disk.h"

#include "shoal/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

struct machine {
    struct sim_disk disk;
    struct engine *engine;
    uint64_t wanted; /* the last sync that was asked for */
};

static void on_sync_wanted(void *self, uint32_t worker, uint64_t sequence)
{
    struct machine *machine = self;
    assert_int_equal(worker, 0);
    machine->wanted = sequence;
}

static void open_machine(struct machine *machine, bool delayed)
{
    *machine = (struct machine){0};
    assert_int_equal(sim_disk_init(&machine->disk, 8, delayed), 0);
    struct sim_disk_hooks hooks = {.self = machine, .sync_wanted = on_sync_wanted};
    assert_int_equal(sim_disk_open(&machine->disk, 0, 1, &hooks, &machine->engine), 0);
}

static void close_machine(struct machine *machine)
{
    machine->engine->ops->free(machine->engine);
    sim_disk_deinit(&machine->disk);
}

static struct engine_key key_of(uint32_t i)
{
    static char text[16];
    snprintf(text, sizeof(text), "key%u", i);
    return (struct engine_key){.partition = 3, .position = i, .key = bytes_from_string(text)};
}

static int put(struct machine *machine, uint32_t i, const char *record, uint64_t *sequence)
{
    struct engine_key key = key_of(i);
    return machine->engine->ops->put(machine->engine, &key, bytes_from_string(record), sequence);
}

static bool holds(struct machine *machine, uint32_t i, const char *record)
{
    struct engine_key key = key_of(i);
    struct bytes found;
    int code = machine->engine->ops->get(machine->engine, &key, 0, &found);
    return record == NULL ? code == SHOAL_ENOTFOUND
                          : code == 0 && bytes_equal(found, bytes_from_string(record));
}

static void a_safe_disk_keeps_everything(void **state)
{
    (void)state;
    struct machine machine;
    struct random random;
    uint64_t sequence;
    random_init(&random, 1);
    open_machine(&machine, false);
    assert_int_equal(put(&machine, 1, "one", &sequence), 0);
    assert_int_equal(sim_disk_crash(&machine.disk, &random), 0);
    assert_true(holds(&machine, 1, "one"));
    close_machine(&machine);
}

static void a_crash_takes_back_the_newest_writes_and_no_durable_one(void **state)
{
    (void)state;
    bool all_lost = false;
    bool none_lost = false;
    for (uint64_t seed = 0; seed < 40; seed++) {
        struct machine machine;
        struct random random;
        uint64_t first;
        uint64_t sequence;
        random_init(&random, seed);
        open_machine(&machine, true);
        assert_int_equal(put(&machine, 1, "durable", &first), 1);
        machine.engine->ops->flush(machine.engine);
        assert_int_equal(machine.wanted, first);
        sim_disk_synced(&machine.disk, 0, first);
        assert_int_equal(put(&machine, 1, "second", &sequence), 1);
        assert_int_equal(put(&machine, 2, "new", &sequence), 1);
        assert_int_equal(put(&machine, 1, "third", &sequence), 1);
        static const char *const ones[] = {"third", "second", "second", "durable"};
        uint64_t lost = sim_disk_crash(&machine.disk, &random);
        assert_true(lost <= 3);
        assert_true(holds(&machine, 1, ones[lost]));
        assert_true(holds(&machine, 2, lost < 2 ? "new" : NULL));
        all_lost = all_lost || lost == 3;
        none_lost = none_lost || lost == 0;
        close_machine(&machine);
    }
    assert_true(all_lost);
    assert_true(none_lost);
}

static void a_clean_end_loses_nothing(void **state)
{
    (void)state;
    struct machine machine;
    uint64_t sequence;
    open_machine(&machine, true);
    assert_int_equal(put(&machine, 1, "one", &sequence), 1);
    assert_int_equal(sim_disk_crash(&machine.disk, NULL), 0);
    assert_true(holds(&machine, 1, "one"));
    close_machine(&machine);
}

static void a_dropped_partition_does_not_come_back(void **state)
{
    (void)state;
    struct machine machine;
    struct random random;
    uint64_t sequence;
    random_init(&random, 7);
    open_machine(&machine, true);
    assert_int_equal(put(&machine, 1, "one", &sequence), 1);
    assert_int_equal(put(&machine, 1, "two", &sequence), 1);
    assert_int_equal(machine.engine->ops->drop(machine.engine, 3, &sequence), 0);
    assert_int_equal(sim_disk_crash(&machine.disk, &random), 0);
    assert_true(holds(&machine, 1, NULL));
    close_machine(&machine);
}

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_safe_disk_keeps_everything),
        cmocka_unit_test(a_crash_takes_back_the_newest_writes_and_no_durable_one),
        cmocka_unit_test(a_clean_end_loses_nothing),
        cmocka_unit_test(a_dropped_partition_does_not_come_back),
        cmocka_unit_test(the_monotonic_clock_runs_evenly_whatever_the_wall_clock_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
