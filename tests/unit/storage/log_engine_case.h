/* What the tests of the log engine share: a rig on a model disk, keys and records by number, and
 * what the engine has told. */
#ifndef UNIT_LOG_ENGINE_CASE_H
#define UNIT_LOG_ENGINE_CASE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "shoal/error.h"
#include "support/log_rig.h"
#include "support/model_disk.h"

#define CASE_PARTITIONS 4u
#define CASE_RECORD_BYTES 200u

struct log_case {
    struct log_rig rig;
    struct model_disk *disk;
    struct hash_secret secret;
    uint32_t wrote; /* counted by those who want it */
    uint64_t settled;
    uint64_t durable;
    uint32_t ready;
    int ready_code;
    uint32_t failed;
    uint32_t damaged;
    uint32_t damaged_partition;
};

static void case_ready(void *self, uint64_t ticket, int code)
{
    struct log_case *test = self;
    (void)ticket;
    test->ready++;
    test->ready_code = code;
}

static void case_settled(void *self, uint64_t sequence)
{
    ((struct log_case *)self)->settled = sequence;
}

static void case_durable(void *self, uint64_t sequence)
{
    ((struct log_case *)self)->durable = sequence;
}

static void case_failed(void *self, int code)
{
    (void)code;
    ((struct log_case *)self)->failed++;
}

static void case_damaged(void *self, uint32_t partition)
{
    struct log_case *test = self;
    test->damaged++;
    test->damaged_partition = partition;
}

static inline void case_init(struct log_case *test, enum log_durability durability)
{
    const uint8_t seed[32] = {5};
    *test = (struct log_case){.disk = model_disk_new(1)};
    hash_secret_init(&test->secret, seed);
    log_rig_init(&test->rig, model_disk_port(test->disk), CASE_PARTITIONS);
    test->rig.volume_options.durability = durability;
    test->rig.events = (struct engine_events){.self = test,
                                              .ready = case_ready,
                                              .settled = case_settled,
                                              .durable = case_durable,
                                              .failed = case_failed,
                                              .damaged = case_damaged};
}

static inline void case_open(struct log_case *test)
{
    int code = log_rig_open(&test->rig);
    if (code != 0) {
        print_error("%s\n", test->rig.text);
    }
    assert_int_equal(code, 0);
}

static inline void case_end(struct log_case *test)
{
    log_rig_kill(&test->rig);
    model_disk_free(test->disk);
}

static inline struct engine_key case_key(const struct log_case *test, uint32_t number,
                                         char text[16])
{
    snprintf(text, 16, "key %u", (unsigned)number);
    return engine_key_of(&test->secret, number % (2 * CASE_PARTITIONS), bytes_from_string(text));
}

/* A record that depends on the number and the version. */
static inline struct bytes case_record(uint32_t number, uint32_t version, uint8_t *out)
{
    for (uint32_t i = 0; i < CASE_RECORD_BYTES; i++) {
        out[i] = (uint8_t)(number * 7 + version * 131 + i * (version + 3));
    }
    return bytes_make(out, CASE_RECORD_BYTES);
}

static inline int case_put(struct log_case *test, uint32_t number, uint32_t version)
{
    char text[16];
    uint8_t bytes[CASE_RECORD_BYTES];
    struct engine_key key = case_key(test, number, text);
    struct engine *engine = log_rig_engine(&test->rig, key.partition);
    uint64_t sequence;
    return engine->ops->put(engine, &key, case_record(number, version, bytes), &sequence);
}

static inline int case_remove(struct log_case *test, uint32_t number)
{
    char text[16];
    struct engine_key key = case_key(test, number, text);
    struct engine *engine = log_rig_engine(&test->rig, key.partition);
    uint64_t sequence;
    return engine->ops->remove(engine, &key, &sequence);
}

/* The outcome of a get, waited for. */
static inline int case_read(struct log_case *test, uint32_t number, struct bytes *record)
{
    char text[16];
    struct engine_key key = case_key(test, number, text);
    struct engine *engine = log_rig_engine(&test->rig, key.partition);
    int code = engine->ops->get(engine, &key, 1, record);
    for (uint32_t i = 0; code == 1; i++) {
        assert_true(i < 100);
        log_rig_turn(&test->rig);
        code = engine->ops->get(engine, &key, 1, record);
    }
    return code;
}

/* Is that the outcome and, when it is 0, the record of that version? */
static inline bool case_is(struct log_case *test, uint32_t number, int code, uint32_t version)
{
    uint8_t bytes[CASE_RECORD_BYTES];
    struct bytes record;
    int found = case_read(test, number, &record);
    return found == code && (code != 0 || bytes_equal(record, case_record(number, version, bytes)));
}

/* The outcome; when it is 0 the record must be of that version. */
static inline int case_get(struct log_case *test, uint32_t number, uint32_t version)
{
    uint8_t bytes[CASE_RECORD_BYTES];
    struct bytes record;
    int code = case_read(test, number, &record);
    assert_true(code != 0 || bytes_equal(record, case_record(number, version, bytes)));
    return code;
}

static inline struct log_engine_figures case_figures(const struct log_case *test)
{
    struct log_engine_figures figures;
    log_engine_figures(test->rig.engines[0], &figures);
    return figures;
}

#endif
