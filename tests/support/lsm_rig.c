#include "support/lsm_rig.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/assert.h"

#define TURN_US 1000u
#define TURNS_MAX 1000u

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *at)
{
    (void)status;
    (void)type;
    return at->level == 0 ? 0 : remove(path);
}

void lsm_rig_wipe(struct lsm_rig *rig)
{
    ASSERT(nftw(rig->folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS) == 0);
}

void lsm_rig_init(struct lsm_rig *rig, const char *parent)
{
    const char *base = parent;
    if (base == NULL) {
        base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    }
    *rig = (struct lsm_rig){0};
    snprintf(rig->folder, sizeof(rig->folder), "%.40s/shoal-lsm-XXXXXX", base);
    ASSERT(mkdtemp(rig->folder) != NULL);
    rig->options = (struct lsm_store_options){.folder = rig->folder, .partitions = 16, .boot = 1};
    random_init(&rig->random, 7);
}

void lsm_rig_deinit(struct lsm_rig *rig)
{
    lsm_rig_wipe(rig);
    ASSERT(rmdir(rig->folder) == 0);
}

/* ---- events: the worker's number is in the place that self points to ---- */

struct voice {
    struct lsm_rig *rig;
    uint32_t worker;
};

static struct voice voices[RIG_WORKERS_MAX];

static void ask(struct lsm_rig *rig)
{
    struct engine *engine = rig->asked_engine;
    rig->answer = engine->ops->get(engine, rig->asked, 1, &rig->answer_record);
    rig->asked = rig->answer == 1 ? rig->asked : NULL;
}

static void on_ready(void *self, uint64_t ticket, int code)
{
    struct voice *voice = self;
    (void)ticket;
    voice->rig->ready++;
    voice->rig->ready_code = code;
    if (voice->rig->asked != NULL) {
        ask(voice->rig);
    }
}

static void on_settled(void *self, uint64_t sequence)
{
    struct voice *voice = self;
    voice->rig->settled[voice->worker] = sequence;
}

static void on_durable(void *self, uint64_t sequence)
{
    struct voice *voice = self;
    voice->rig->durable[voice->worker] = sequence;
    on_settled(self, sequence);
}

static void on_failed(void *self, int code)
{
    struct voice *voice = self;
    (void)code;
    voice->rig->failures++;
}

static void on_damaged(void *self, uint32_t partition)
{
    struct voice *voice = self;
    (void)partition;
    voice->rig->wounds++;
}

/* ---- opening and closing ---- */

static void open_engine(struct lsm_rig *rig, uint32_t worker)
{
    const struct lsm_engine_options options = {.store = rig->store,
                                               .offload = manual_offload_port(&rig->offload),
                                               .worker = worker,
                                               .workers = rig->workers,
                                               .interval_us = 20000};
    ASSERT(lsm_engine_new(&options, &rig->engines[worker]) == 0);
    voices[worker] = (struct voice){.rig = rig, .worker = worker};
    rig->engines[worker]->events = (struct engine_events){.self = &voices[worker],
                                                          .ready = on_ready,
                                                          .settled = on_settled,
                                                          .durable = on_durable,
                                                          .failed = on_failed,
                                                          .damaged = on_damaged};
    rig->settled[worker] = 0;
    rig->durable[worker] = 0;
}

int lsm_rig_open(struct lsm_rig *rig, uint32_t workers)
{
    ASSERT(workers <= RIG_WORKERS_MAX);
    int code = lsm_store_open(&rig->options, &rig->store, rig->text);
    if (code != 0) {
        return code;
    }
    rig->workers = workers;
    manual_offload_init(&rig->offload);
    for (uint32_t i = 0; i < workers; i++) {
        open_engine(rig, i);
    }
    return 0;
}

void lsm_rig_close(struct lsm_rig *rig, bool clean)
{
    for (uint32_t turn = 0; clean && turn < 3; turn++) {
        for (uint32_t i = 0; i < rig->workers; i++) {
            rig->engines[i]->ops->harden(rig->engines[i]);
        }
        lsm_rig_turn(rig);
    }
    manual_offload_end(&rig->offload);
    for (uint32_t i = 0; i < rig->workers; i++) {
        rig->engines[i]->ops->free(rig->engines[i]);
    }
    lsm_store_close(rig->store, clean);
}

/* ---- turns ---- */

static void flush(struct lsm_rig *rig)
{
    for (uint32_t i = 0; i < rig->workers; i++) {
        rig->engines[i]->now_us += TURN_US;
        rig->engines[i]->ops->flush(rig->engines[i]);
    }
}

void lsm_rig_turn(struct lsm_rig *rig)
{
    flush(rig);
    (void)manual_offload_run(&rig->offload);
}

void lsm_rig_jobs(struct lsm_rig *rig)
{
    for (uint64_t i = random_below(&rig->random, 6); i > 0; i--) {
        (void)manual_offload_any(&rig->offload, &rig->random);
    }
}

/* ---- writing and reading ---- */

struct engine_key lsm_rig_key(uint32_t partition, const char *key)
{
    static struct hash_secret secret;
    static bool made = false;
    if (!made) {
        const uint8_t seed[32] = {5};
        hash_secret_init(&secret, seed);
        made = true;
    }
    return engine_key_of(&secret, partition, bytes_from_string(key));
}

int lsm_rig_put(struct lsm_rig *rig, uint32_t partition, const char *key, const char *record)
{
    struct engine *engine =
        rig->engines[engine_worker_of(partition, rig->options.partitions, rig->workers)];
    struct engine_key place = lsm_rig_key(partition, key);
    uint64_t sequence;
    return engine->ops->put(engine, &place, bytes_from_string(record), &sequence);
}

int lsm_rig_get(struct lsm_rig *rig, uint32_t partition, const char *key, struct bytes *record)
{
    struct engine_key place = lsm_rig_key(partition, key);
    rig->asked = &place;
    rig->asked_engine =
        rig->engines[engine_worker_of(partition, rig->options.partitions, rig->workers)];
    ask(rig);
    for (uint32_t i = 0; rig->asked != NULL; i++) {
        ASSERT(i < TURNS_MAX);
        lsm_rig_turn(rig);
    }
    *record = rig->answer_record;
    return rig->answer;
}
