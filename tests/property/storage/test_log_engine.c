/* The log engine over many random lives: small segments, compaction all the time, any number of
 * workers, jobs that come back in any order, clean stops, kills and power losses in the middle of
 * anything, full disks and failing ones. After each start what is there is what was there after
 * some number of writes, and no fewer than had been confirmed. */
#include "property.h"

#include "base/byteorder.h"
#include "base/hash.h"
#include "base/log.h"
#include "log_history.h"
#include "model/object.h"
#include "model/varint.h"
#include "shoal/error.h"
#include "support/log_rig.h"
#include "support/model_disk.h"

#define VALUE_BYTES_MAX 12000u
#define TURNS_MAX 200000u
#define VALUES_MAX (UINT64_C(1) << 32)

struct life;

/* Who an engine talks to. */
struct ear {
    struct life *life;
    uint32_t worker;
};

struct life {
    struct random *random;
    struct model_disk *disk;
    struct log_rig rig;
    struct history history;
    struct hash_secret secret;
    struct ear ears[HISTORY_WORKERS_MAX];
    bool failed; /* an engine said so */
    bool power;  /* what the last life left can stand a power loss: it was taken as durable */
    /* What is pending. */
    uint64_t ticket;
    bool ready;
};

/* ---- keys and values ---- */

static struct engine_key key_of(const struct life *life, uint32_t partition, uint32_t number,
                                char text[16])
{
    snprintf(text, 16, "key %u", (unsigned)number);
    return engine_key_of(&life->secret, partition, bytes_from_string(text));
}

static struct dot dot_of(uint64_t value)
{
    return (struct dot){.actor = 1 + value % 3, .counter = value};
}

/* Everything of a value follows from its number: a simple object if it is even, else any bytes. */
static struct bytes value_bytes(uint64_t value, uint8_t out[VALUE_BYTES_MAX])
{
    uint64_t mixed = hash_mix(value);
    size_t len = mixed % 100 < 90 ? mixed / 100 % 300 : mixed / 100 % 4000;
    len = mixed % 100 == 99 ? 9000 : len;
    uint8_t *at = out;
    *at++ = value % 2 == 0 ? 0x11 : 0x10;
    if (value % 2 == 0) {
        *at++ = SIBLING_VALUE;
        store_u64_le(at, dot_of(value).actor);
        store_u64_le(at + 8, 5);
        at = varint_store(at + 16, value);
    }
    store_u64_le(at, value);
    at += 8;
    for (size_t i = 0; i < len; i++) {
        *at++ = (uint8_t)(value % 5 == 0 ? mixed >> (i % 8) : mixed * (i + 1) >> 13);
    }
    return bytes_make(out, (size_t)(at - out));
}

/* The number of which these are the bytes. */
static uint64_t value_number(struct bytes bytes)
{
    static uint8_t expected[VALUE_BYTES_MAX];
    for (size_t at = 1; at + 8 <= bytes.len && at < 40; at++) {
        uint64_t value = load_u64_le(bytes.data + at);
        if (value != 0 && value < VALUES_MAX && bytes_equal(bytes, value_bytes(value, expected))) {
            return value;
        }
    }
    CHECK(!"bytes that nobody wrote");
    return 0;
}

/* ---- events ---- */

static void on_ready(void *self, uint64_t ticket, int code)
{
    struct ear *ear = self;
    CHECK(code == 0);
    CHECK(ticket == ear->life->ticket);
    ear->life->ready = true;
}

static void on_settled(void *self, uint64_t sequence)
{
    struct ear *ear = self;
    uint64_t *settled = &ear->life->history.settled[ear->worker];
    CHECK(sequence >= *settled);
    *settled = sequence;
}

static void on_durable(void *self, uint64_t sequence)
{
    struct ear *ear = self;
    uint64_t *durable = &ear->life->history.durable[ear->worker];
    CHECK(sequence >= *durable && sequence <= ear->life->history.settled[ear->worker]);
    *durable = sequence;
}

static void on_failed(void *self, int code)
{
    struct ear *ear = self;
    CHECK(code == SHOAL_EIO);
    ear->life->failed = true;
}

static void on_damaged(void *self, uint32_t partition)
{
    const struct ear *ear = self;
    (void)partition;
    CHECK(model_disk_stopped(ear->life->disk)); /* then nothing can be read */
}

/* ---- time ---- */

static void step(struct life *life)
{
    if (random_chance(life->random, 0.3)) {
        log_rig_flush(&life->rig);
    } else {
        (void)manual_offload_any(&life->rig.offload, life->random);
    }
}

static void wait_ready(struct life *life)
{
    for (uint32_t i = 0; !life->ready; i++) {
        CHECK(i < TURNS_MAX);
        step(life);
    }
}

/* ---- reading ---- */

/* The number of the value that a key has; 0: none. */
static uint64_t read_key(struct life *life, uint32_t partition, uint32_t number)
{
    char text[16];
    struct engine *engine = log_rig_engine(&life->rig, partition);
    struct engine_key key = key_of(life, partition, number, text);
    struct bytes record;
    for (uint32_t i = 0; i < 1000; i++) {
        life->ticket++;
        life->ready = false;
        int code = engine->ops->get(engine, &key, life->ticket, &record);
        if (code == 1) {
            wait_ready(life);
            continue;
        }
        if (code == SHOAL_EDAMAGED) {
            CHECK(model_disk_stopped(life->disk));
            return UINT64_MAX;
        }
        CHECK(code == 0 || code == SHOAL_ENOTFOUND);
        return code == 0 ? value_number(record) : 0;
    }
    CHECK(!"a read that is pending for ever");
    return 0;
}

static void check_brief(struct life *life, uint32_t partition, uint32_t number, uint64_t value)
{
    char text[16];
    struct engine *engine = log_rig_engine(&life->rig, partition);
    struct engine_key key = key_of(life, partition, number, text);
    struct engine_brief brief;
    int code = engine->ops->brief(engine, &key, &brief);
    CHECK(code == (value == 0 ? SHOAL_ENOTFOUND : 0));
    if (code == 0) {
        CHECK(brief.simple == (value % 2 == 0));
        CHECK(!brief.simple || dot_equal(brief.dot, dot_of(value)));
    }
}

struct stroll {
    struct history_state *found;
    uint64_t next;
    bool rests;
};

static bool visit(void *self, const struct engine_entry *entry)
{
    struct stroll *stroll = self;
    CHECK(entry->position >= stroll->next);
    uint32_t number = 0;
    for (size_t i = strlen("key "); i < entry->key.len; i++) {
        number = number * 10 + (uint32_t)(entry->key.data[i] - '0');
    }
    CHECK(number < HISTORY_KEYS && stroll->found->values[number] == 0);
    stroll->found->values[number] = value_number(entry->record);
    stroll->next = entry->position + 1;
    return !stroll->rests;
}

static void walk_partition(struct life *life, uint32_t partition, struct history_state *found)
{
    struct engine *engine = log_rig_engine(&life->rig, partition);
    struct stroll stroll = {.found = found, .rests = random_chance(life->random, 0.2)};
    int code = 1;
    for (uint32_t i = 0; code != 0; i++) {
        CHECK(i < 1000);
        life->ticket++;
        life->ready = false;
        code = engine->ops->walk(engine, partition, stroll.next, life->ticket, visit, &stroll,
                                 &stroll.next);
        CHECK(code >= 0 && code <= 2);
        if (code == 2) {
            wait_ready(life);
        }
    }
}

/* All that the engines hold, by walks; gets and briefs must say the same. */
static void look(struct life *life, struct history_state found[HISTORY_PARTITIONS])
{
    for (uint32_t i = 0; i < HISTORY_PARTITIONS; i++) {
        found[i] = (struct history_state){0};
        walk_partition(life, i, &found[i]);
        for (uint32_t key = 0; key < HISTORY_KEYS; key++) {
            CHECK(read_key(life, i, key) == found[i].values[key]);
            check_brief(life, i, key, found[i].values[key]);
        }
        struct engine *engine = log_rig_engine(&life->rig, i);
        struct bytes holding;
        if (engine->ops->get_holding(engine, i, &holding) == 0) {
            found[i].holding = load_u64_le(holding.data);
        }
    }
}

/* ---- writing ---- */

static void write_any(struct life *life)
{
    static uint8_t bytes[VALUE_BYTES_MAX];
    struct random *random = life->random;
    struct history_write write = {.partition = (uint32_t)random_below(random, HISTORY_PARTITIONS),
                                  .key = (uint32_t)random_below(random, HISTORY_KEYS)};
    struct engine *engine = log_rig_engine(&life->rig, write.partition);
    char text[16];
    struct engine_key key = key_of(life, write.partition, write.key, text);
    uint64_t dice = random_below(random, 100);
    int code;
    if (dice < 75) {
        write.kind = HISTORY_PUT;
        write.value = life->history.last_value + 1;
        code = engine->ops->put(engine, &key, value_bytes(write.value, bytes), &write.sequence);
    } else if (dice < 94) {
        write.kind = HISTORY_REMOVE;
        code = engine->ops->remove(engine, &key, &write.sequence);
    } else if (dice < 98) {
        write.kind = HISTORY_HOLDING;
        write.value = life->history.last_value + 1;
        store_u64_le(bytes, write.value);
        code = engine->ops->put_holding(engine, write.partition, bytes_make(bytes, 8),
                                        &write.sequence);
    } else {
        write.kind = HISTORY_DROP;
        code = engine->ops->drop(engine, write.partition, &write.sequence);
    }
    CHECK(code == 1 || code == SHOAL_ENOSPC || code == SHOAL_EIO || code == SHOAL_EOVERLOAD);
    if (code == 1) {
        life->history.last_value += write.value > 0 ? 1 : 0;
        history_add(&life->history, &write);
    }
}

/* ---- lives ---- */

static void choose_options(struct life *life)
{
    struct random *random = life->random;
    static const uint64_t sizes[] = {4096, 8192, 32768};
    struct log_engine_options *options = &life->rig.options;
    life->rig.volume_options.durability = (enum log_durability)random_below(random, 3);
    options->workers = 1 + (uint32_t)random_below(random, HISTORY_WORKERS_MAX);
    options->compress = random_chance(random, 0.5);
    options->tuning.segment_bytes_min = sizes[random_below(random, 3)];
    options->tuning.segment_bytes_max = options->tuning.segment_bytes_min * 2;
    options->tuning.dead_percent = random_chance(random, 0.5) ? 10 : 50;
    options->tuning.never_fills = random_chance(random, 0.5);
    options->tuning.never_compacts = random_chance(random, 0.1);
    options->tuning.scrub_interval_us = random_chance(random, 0.3) ? 1000000 : UINT64_MAX;
    struct model_disk_options *disk = model_disk_options(life->disk);
    disk->cold_rate = random_chance(random, 0.5) ? 0 : random_unit(random);
}

/* A small disk, failing calls, or a world that stops in the middle of one. */
static void choose_faults(struct life *life)
{
    struct random *random = life->random;
    model_disk_options(life->disk)->capacity_bytes =
        random_chance(random, 0.2) ? 100000 + random_below(random, 400000) : 0;
    if (random_chance(random, 0.3)) {
        model_disk_stop_at(life->disk, 1 + random_below(random, 1 + random_below(random, 400)),
                           random_chance(random, 0.5));
    } else if (random_chance(random, 0.1)) {
        const struct model_fault fault = {.calls = MODEL_WRITE | MODEL_SYNC | MODEL_CREATE |
                                                   MODEL_RENAME | MODEL_TRUNCATE,
                                          .nth = 1 + random_below(random, 300),
                                          .lasting = random_chance(random, 0.5),
                                          .code = SHOAL_EIO};
        model_disk_fault(life->disk, &fault);
    } else if (random_chance(random, 0.1)) {
        const struct model_fault fault = {
            .calls = MODEL_WRITE | MODEL_RESERVE, .rate = 0.1, .code = SHOAL_ENOSPC};
        model_disk_fault(life->disk, &fault);
    }
}

static void no_faults(struct life *life)
{
    model_disk_mend(life->disk);
    model_disk_stop_at(life->disk, 0, false);
    model_disk_options(life->disk)->capacity_bytes = 0;
}

static enum model_crash any_crash(struct random *random)
{
    return (enum model_crash)random_below(random, MODEL_POWER_KEEP + 1);
}

/* A start that fails, or a process that ends at once: it must not matter. */
static void stumble(struct life *life)
{
    choose_faults(life);
    int code = log_rig_open(&life->rig);
    CHECK(code == 0 || code == SHOAL_EIO || code == SHOAL_ENOSPC);
    for (uint64_t i = random_below(life->random, 30); code == 0 && i > 0; i--) {
        step(life);
    }
    (void)model_disk_crash(life->disk, life->random,
                           life->power ? any_crash(life->random) : MODEL_KILL);
    if (code == 0) {
        log_rig_kill(&life->rig);
    }
    no_faults(life);
}

static void begin(struct life *life)
{
    while (random_chance(life->random, 0.3)) {
        choose_options(life);
        stumble(life);
    }
    choose_options(life);
    int code = log_rig_open(&life->rig);
    if (code != 0) {
        print_error("%s\n", life->rig.text);
    }
    CHECK(code == 0);
    for (uint32_t i = 0; i < life->rig.options.workers; i++) {
        life->ears[i] = (struct ear){.life = life, .worker = i};
        life->rig.engines[i]->events = (struct engine_events){.self = &life->ears[i],
                                                              .ready = on_ready,
                                                              .settled = on_settled,
                                                              .durable = on_durable,
                                                              .failed = on_failed,
                                                              .damaged = on_damaged};
    }
    life->failed = false;
}

static void live(struct life *life)
{
    uint64_t writes = random_below(life->random, 600);
    double busy = random_unit(life->random);
    for (uint64_t i = 0; i < writes; i++) {
        write_any(life);
        while (random_chance(life->random, busy)) {
            step(life);
        }
        if (random_chance(life->random, 0.02)) {
            log_rig_check(&life->rig);
        }
        if (random_chance(life->random, 0.02)) {
            uint32_t partition = (uint32_t)random_below(life->random, HISTORY_PARTITIONS);
            struct engine *engine = log_rig_engine(&life->rig, partition);
            engine->ops->harden(engine);
        }
        if (random_chance(life->random, 0.05)) {
            uint32_t partition = (uint32_t)random_below(life->random, HISTORY_PARTITIONS);
            uint32_t key = (uint32_t)random_below(life->random, HISTORY_KEYS);
            uint64_t value = read_key(life, partition, key);
            CHECK(value == life->history.now[partition].values[key] || value == UINT64_MAX);
        }
    }
}

/* What the next start may find, worker by worker. */
struct bounds {
    uint32_t least[HISTORY_WORKERS_MAX];
    bool any; /* not only the state after some number of writes */
};

static struct bounds end(struct life *life)
{
    struct random *random = life->random;
    struct history *history = &life->history;
    struct bounds bounds = {0};
    bool sync = life->rig.volume_options.durability == LOG_SYNC;
    bool power = random_chance(random, 0.5);
    bool full = model_disk_options(life->disk)->capacity_bytes > 0;
    bool well = !life->failed && !full && !model_disk_stopped(life->disk);
    no_faults(life);
    life->power = power || sync;
    bool stopped = well && random_chance(random, 0.3);
    bool clean = stopped && log_rig_stop(&life->rig);
    for (uint32_t i = 0; i < history->workers; i++) {
        uint64_t sequence = power ? history->durable[i] : history->settled[i];
        bounds.least[i] = clean ? history->counts[i] : history_count(history, i, sequence);
    }
    if (clean) {
        life->power = true;
        return bounds;
    }
    bounds.any = power && !sync;
    (void)model_disk_crash(life->disk, random, power ? any_crash(random) : MODEL_KILL);
    if (!stopped) {
        log_rig_kill(&life->rig);
    }
    return bounds;
}

static void adopt(struct life *life, const struct bounds *bounds)
{
    struct history_state found[HISTORY_PARTITIONS];
    look(life, found);
    for (uint32_t i = 0; i < life->history.workers; i++) {
        CHECK(bounds->any ? history_adopt_any(&life->history, i, bounds->least[i], found)
                          : history_adopt_prefix(&life->history, i, bounds->least[i], found));
    }
    for (uint32_t i = 0; i < HISTORY_PARTITIONS; i++) {
        struct engine *engine = log_rig_engine(&life->rig, i);
        CHECK(!engine->ops->lost(engine, i));
    }
    log_rig_check(&life->rig);
}

static void what_is_confirmed_is_there_in_every_later_life(struct random *random)
{
    static struct life life;
    uint8_t seed[32] = {7};
    life = (struct life){.random = random, .disk = model_disk_new(random_u64(random))};
    hash_secret_init(&life.secret, seed);
    log_rig_init(&life.rig, model_disk_port(life.disk), HISTORY_PARTITIONS);
    struct bounds bounds = {0};
    uint64_t lives = 2 + random_below(random, 7);
    life.history.workers = 1;
    for (uint64_t i = 0; i < lives; i++) {
        begin(&life);
        adopt(&life, &bounds);
        history_restart(&life.history, life.rig.options.workers);
        choose_faults(&life);
        live(&life);
        bounds = end(&life);
    }
    begin(&life);
    adopt(&life, &bounds);
    log_rig_kill(&life.rig);
    model_disk_free(life.disk);
}

static void not_logged(void *self, enum log_level level, struct bytes line)
{
    (void)self;
    (void)level;
    (void)line;
}

static void lives(void **state)
{
    (void)state;
    if (getenv("SHOAL_SEED") == NULL) {
        log_configure(LOG_INFO, LOG_FORMAT_TEXT, NULL, not_logged, NULL);
    }
    property_run(what_is_confirmed_is_there_in_every_later_life, 150);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(lives)};
    return cmocka_run_group_tests_name("log engine", tests, NULL, NULL);
}
