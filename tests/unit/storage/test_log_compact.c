/* The log engine's housekeeping: compaction, scrub, damage, backups, and who else needs a segment.
 */
#include "log_engine_case.h"

#define KEYS 300u

static void fill(struct log_case *test, uint32_t version)
{
    for (uint32_t i = 0; i < KEYS; i++) {
        assert_int_equal(case_put(test, i, version), 1);
        if (i % 10 == 0) {
            log_rig_turn(&test->rig);
        }
    }
    log_rig_rest(&test->rig);
}

static void expect_all(struct log_case *test, uint32_t version)
{
    for (uint32_t i = 0; i < KEYS; i++) {
        assert_int_equal(case_get(test, i, version), 0);
    }
    log_rig_check(&test->rig);
}

static void what_is_overwritten_gives_its_space_back(void **state)
{
    (void)state;
    struct log_case test;
    case_init(&test, LOG_SYNC);
    case_open(&test);
    for (uint32_t version = 0; version < 20; version++) {
        fill(&test, version);
    }
    struct log_engine_figures figures = case_figures(&test);
    assert_true(figures.compacted > 20);
    assert_true(figures.used_bytes < 5 * figures.live_bytes);
    uint64_t bytes;
    (void)model_disk_count(test.disk, ".seg", &bytes);
    assert_true(bytes < 6 * figures.live_bytes + 3 * 65536);
    expect_all(&test, 19);
    log_rig_stop(&test.rig);
    case_open(&test);
    expect_all(&test, 19);
    case_end(&test);
}

static void removals_are_kept_while_they_hide_something_and_not_longer(void **state)
{
    (void)state;
    struct log_case test;
    case_init(&test, LOG_SYNC);
    case_open(&test);
    fill(&test, 1);
    for (uint32_t i = 0; i < KEYS; i++) {
        assert_int_equal(case_remove(&test, i), 1);
    }
    log_rig_rest(&test.rig);
    for (uint32_t round = 0; round < 3; round++) {
        (void)log_rig_stop(&test.rig);
        case_open(&test);
        log_engine_compact_all(test.rig.engines[0]);
        log_rig_rest(&test.rig);
        for (uint32_t i = 0; i < KEYS; i++) {
            assert_int_equal(case_get(&test, i, 1), SHOAL_ENOTFOUND);
        }
    }
    assert_int_equal(case_figures(&test).marker_bytes, 0);
    assert_int_equal(case_figures(&test).used_bytes, 0);
    case_end(&test);
}

static void a_segment_of_two_workers_goes_when_both_are_done_with_it(void **state)
{
    (void)state;
    struct log_case test;
    case_init(&test, LOG_SYNC);
    case_open(&test);
    fill(&test, 1);
    assert_true(log_rig_stop(&test.rig));
    test.rig.options.workers = 2;
    case_open(&test);
    expect_all(&test, 1);
    fill(&test, 2);
    for (uint32_t i = 0; i < 2; i++) {
        log_engine_compact_all(test.rig.engines[i]);
    }
    log_rig_rest(&test.rig);
    expect_all(&test, 2);
    char name[LOG_NAME_BYTES];
    log_segment_name(1, name);
    uint8_t identity[DISK_IDENTITY_BYTES];
    struct disk *disk = model_disk_port(test.disk);
    assert_int_equal(disk->ops->identity(disk, name, identity), SHOAL_ENOTFOUND);
    assert_true(log_rig_stop(&test.rig));
    test.rig.options.workers = 3;
    case_open(&test);
    expect_all(&test, 2);
    case_end(&test);
}

/* Flips a bit in the first record of the first segment: that of key 0. */
static void damage_key_0(struct log_case *test)
{
    char name[LOG_NAME_BYTES];
    log_segment_name(1, name);
    assert_true(model_disk_flip(test->disk, name, LOG_HEADER_BYTES + LOG_BATCH_BYTES + 100, 3));
}

static void a_read_that_fails_once_is_no_damage_and_one_that_always_fails_is(void **state)
{
    (void)state;
    struct log_case test;
    case_init(&test, LOG_SYNC);
    test.rig.options.tuning.never_compacts = true;
    case_open(&test);
    fill(&test, 1);
    static const struct model_fault once[] = {
        {.calls = MODEL_READ_NOW, .suffix = ".seg", .nth = 1, .code = SHOAL_EIO},
        {.calls = MODEL_READ, .suffix = ".seg", .nth = 1, .code = SHOAL_EIO},
    };
    model_disk_fault(test.disk, &once[0]);
    model_disk_fault(test.disk, &once[1]);
    assert_int_equal(case_get(&test, 0, 1), 0);
    assert_int_equal(test.damaged, 0);
    model_disk_mend(test.disk);
    static const struct model_fault always = {.calls = MODEL_READ_NOW | MODEL_READ,
                                              .suffix = ".seg",
                                              .nth = 1,
                                              .lasting = true,
                                              .code = SHOAL_EIO};
    model_disk_fault(test.disk, &always);
    assert_int_equal(case_get(&test, 4, 1), SHOAL_EDAMAGED);
    assert_int_equal(test.damaged, 1);
    model_disk_mend(test.disk);
    case_end(&test);
}

static void a_damaged_record_is_told_before_it_is_refused_and_healed_by_a_write(void **state)
{
    (void)state;
    for (uint32_t cold = 0; cold < 2; cold++) {
        struct log_case test;
        struct engine_brief brief;
        char text[16];
        case_init(&test, LOG_SYNC);
        test.rig.options.tuning.never_compacts = true;
        case_open(&test);
        fill(&test, 1);
        damage_key_0(&test);
        model_disk_options(test.disk)->cold_rate = cold;
        struct engine *engine = test.rig.engines[0];
        struct engine_key key = case_key(&test, 0, text);
        struct bytes record;
        assert_int_equal(engine->ops->get(engine, &key, 1, &record), 1);
        assert_int_equal(test.damaged, 0);
        log_rig_turn(&test.rig);
        assert_int_equal(test.ready, 1);
        assert_int_equal(test.damaged, 1);
        assert_int_equal(test.damaged_partition, 0);
        assert_int_equal(case_get(&test, 0, 1), SHOAL_EDAMAGED);
        assert_int_equal(engine->ops->brief(engine, &key, &brief), 0);
        assert_false(brief.simple);
        assert_int_equal(case_get(&test, 4, 1), 0);
        assert_int_equal(test.damaged, 1); /* once */
        assert_int_equal(case_put(&test, 0, 1), 1);
        log_rig_rest(&test.rig);
        expect_all(&test, 1);
        case_end(&test);
    }
}

static void scrub_finds_what_nobody_reads(void **state)
{
    (void)state;
    struct log_case test;
    case_init(&test, LOG_SYNC);
    test.rig.options.tuning.scrub_interval_us = 1000000;
    case_open(&test);
    fill(&test, 1);
    damage_key_0(&test);
    for (uint32_t i = 0; i < 3000 && test.damaged == 0; i++) {
        log_rig_turn(&test.rig);
    }
    assert_int_equal(test.damaged, 1);
    assert_int_equal(case_get(&test, 0, 1), SHOAL_EDAMAGED);
    case_end(&test);
}

static void compaction_leaves_what_is_damaged_until_it_is_healed(void **state)
{
    (void)state;
    struct log_case test;
    case_init(&test, LOG_SYNC);
    case_open(&test);
    fill(&test, 1);
    damage_key_0(&test);
    for (uint32_t i = 1; i < KEYS; i++) {
        assert_int_equal(case_put(&test, i, 2), 1);
    }
    log_engine_compact_all(test.rig.engines[0]);
    log_rig_rest(&test.rig);
    assert_int_equal(test.damaged, 1);
    assert_int_equal(case_get(&test, 0, 1), SHOAL_EDAMAGED);
    uint64_t segments = case_figures(&test).segments;
    assert_int_equal(case_put(&test, 0, 2), 1);
    log_rig_rest(&test.rig);
    assert_true(case_figures(&test).segments < segments);
    assert_int_equal(case_figures(&test).damaged, 0);
    expect_all(&test, 2);
    case_end(&test);
}

static void a_backup_holds_what_was_written_before_it(void **state)
{
    (void)state;
    struct log_case test;
    case_init(&test, LOG_SYNC);
    test.rig.options.workers = 2;
    case_open(&test);
    fill(&test, 1);
    for (uint32_t i = 0; i < 2; i++) {
        struct engine *engine = test.rig.engines[i];
        assert_int_equal(engine->ops->backup(engine, "/backup", 7), 0);
    }
    for (uint32_t i = 0; i < KEYS; i++) {
        assert_int_equal(case_put(&test, i, 2), 1);
    }
    for (uint32_t i = 0; i < 2; i++) {
        log_engine_compact_all(test.rig.engines[i]);
    }
    log_rig_rest(&test.rig);
    assert_int_equal(test.ready, 2);
    assert_int_equal(test.ready_code, 0);
    expect_all(&test, 2);

    struct log_case restored;
    case_init(&restored, LOG_SYNC);
    struct model_disk *own = restored.disk;
    restored.rig.volume_options.disk = model_disk_port(model_disk_folder(test.disk, "/backup"));
    case_open(&restored);
    expect_all(&restored, 1);
    log_rig_kill(&restored.rig);
    model_disk_free(own);
    case_end(&test);
}

static void a_volume_is_compacted_offline(void **state)
{
    (void)state;
    struct log_case test;
    char text[512];
    case_init(&test, LOG_SYNC);
    test.rig.options.tuning.never_compacts = true;
    case_open(&test);
    fill(&test, 1);
    fill(&test, 2);
    fill(&test, 3);
    assert_true(log_rig_stop(&test.rig));
    uint64_t before;
    uint64_t after;
    (void)model_disk_count(test.disk, ".seg", &before);
    struct log_volume *volume;
    assert_int_equal(log_volume_open(&test.rig.volume_options, &volume, text), 0);
    assert_int_equal(log_compact_offline(volume, text), 0);
    log_volume_close(volume, true);
    case_open(&test);
    expect_all(&test, 3);
    assert_true(log_rig_stop(&test.rig));
    (void)model_disk_count(test.disk, ".hint", &after);
    assert_true(after < before);
    case_open(&test);
    case_end(&test);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_overwritten_gives_its_space_back),
        cmocka_unit_test(removals_are_kept_while_they_hide_something_and_not_longer),
        cmocka_unit_test(a_segment_of_two_workers_goes_when_both_are_done_with_it),
        cmocka_unit_test(a_damaged_record_is_told_before_it_is_refused_and_healed_by_a_write),
        cmocka_unit_test(a_read_that_fails_once_is_no_damage_and_one_that_always_fails_is),
        cmocka_unit_test(scrub_finds_what_nobody_reads),
        cmocka_unit_test(compaction_leaves_what_is_damaged_until_it_is_healed),
        cmocka_unit_test(a_backup_holds_what_was_written_before_it),
        cmocka_unit_test(a_volume_is_compacted_offline),
    };
    return cmocka_run_group_tests_name("log compaction", tests, NULL, NULL);
}
