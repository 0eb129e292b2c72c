#include "sim_store.h"

#include "base/assert.h"
#include "shoal/error.h"
#include "storage/log_engine.h"
#include "storage/memory_engine.h"

#include <stdio.h>

/* Calls that change the disk before a doomed process ends at one of them. */
#define DOOM_CALLS_MAX 12u
#define FULL_BYTES_MAX 40000u
#define HINT_ROT_CHANCE 0.3

void sim_store_init(struct sim_store *store, const struct sim_store_options *options,
                    uint32_t partitions, struct random *random)
{
    *store = (struct sim_store){
        .options = options, .partitions = partitions, .random = random, .boot = 1};
    if (options->kind == SIM_STORE_LOG) {
        store->disk = model_disk_new(random_u64(random));
        model_disk_options(store->disk)->cold_rate = options->cold_rate;
    }
}

void sim_store_deinit(struct sim_store *store)
{
    ASSERT(store->volume == NULL);
    model_disk_free(store->disk);
    model_disk_free(store->copy);
    store->disk = NULL;
    store->copy = NULL;
}

/* ---- a process ---- */

int sim_store_open(struct sim_store *store, char text[512])
{
    if (store->disk == NULL) {
        return 0;
    }
    struct log_volume_options options = {.disk = model_disk_port(store->disk),
                                         .partitions = store->partitions,
                                         .durability = store->options->durability,
                                         .boot = store->boot,
                                         .id = random_id(store->random)};
    return log_volume_open(&options, &store->volume, text);
}

int sim_store_engine(struct sim_store *store, uint32_t worker, uint32_t workers,
                     const struct offload *offload, struct engine **out, char text[512])
{
    struct engine_options common = {.partitions = store->partitions};
    if (store->disk == NULL) {
        snprintf(text, 512, "no memory");
        return memory_engine_new(&common, out);
    }
    struct log_engine_options options = {
        .engine = common,
        .volume = store->volume,
        .offload = *offload,
        .worker = worker,
        .workers = workers,
        .interval_us = store->options->interval_us,
        .compress = store->options->compress,
        .tuning = {.segment_bytes_min = store->options->segment_bytes,
                   .segment_bytes_max = 4 * store->options->segment_bytes,
                   .scrub_interval_us = store->options->scrub_us},
    };
    return log_engine_new(&options, out, text);
}

void sim_store_loaded(struct sim_store *store)
{
    if (store->volume != NULL) {
        log_volume_loaded(store->volume);
    }
}

void sim_store_check(const struct sim_store *store, const struct engine *engine)
{
    if (store->disk != NULL) {
        log_engine_check(engine);
    }
}

void sim_store_tell(const struct sim_store *store, const struct engine *engine,
                    struct sim_store_figures *figures)
{
    struct log_engine_figures told;
    if (store->disk != NULL) {
        log_engine_figures(engine, &told);
        figures->compacted += told.compacted;
        figures->scrubbed += told.scrubbed;
    }
}

void sim_store_close(struct sim_store *store, bool clean)
{
    if (store->volume != NULL) {
        log_volume_close(store->volume, clean);
        store->volume = NULL;
    }
}

uint64_t sim_store_end(struct sim_store *store, enum sim_exit how)
{
    static const enum model_crash outages[] = {
        MODEL_POWER_ANY, MODEL_POWER_ANY, MODEL_POWER_ORDERED, MODEL_POWER_DROP, MODEL_POWER_KEEP};
    ASSERT(store->volume == NULL);
    if (store->disk == NULL) {
        return 0;
    }
    enum model_crash crash = MODEL_KILL;
    if (how == SIM_EXIT_POWER) {
        crash = outages[random_below(store->random, sizeof(outages) / sizeof(outages[0]))];
        store->boot = random_id(store->random);
    }
    return model_disk_crash(store->disk, store->random, crash);
}

bool sim_store_forgets(const struct sim_store *store, enum sim_exit how)
{
    if (store->disk == NULL) {
        return true;
    }
    return how == SIM_EXIT_POWER && store->options->durability != LOG_SYNC;
}

void sim_store_freeze(struct sim_store *store)
{
    if (store->disk != NULL) {
        model_disk_stop(store->disk);
    }
}

void sim_store_doom(struct sim_store *store, enum sim_exit how)
{
    ASSERT(store->disk != NULL);
    store->doom = how;
    model_disk_stop_at(store->disk, 1 + random_below(store->random, DOOM_CALLS_MAX),
                       random_chance(store->random, 0.5));
}

void sim_store_spare(struct sim_store *store)
{
    if (store->disk != NULL) {
        model_disk_stop_at(store->disk, 0, false);
    }
}

bool sim_store_doomed(const struct sim_store *store)
{
    return store->disk != NULL && model_disk_stopped(store->disk);
}

/* ---- mishaps ---- */

void sim_store_wipe(struct sim_store *store)
{
    if (store->disk != NULL) {
        model_disk_wipe(store->disk);
        store->rotten = false;
    }
}

void sim_store_copy_aside(struct sim_store *store)
{
    if (store->disk != NULL) {
        model_disk_free(store->copy);
        store->copy = model_disk_copy(store->disk, random_u64(store->random));
        *model_disk_options(store->copy) = *model_disk_options(store->disk);
    }
}

bool sim_store_put_back(struct sim_store *store)
{
    ASSERT(store->volume == NULL);
    if (store->copy == NULL) {
        return false;
    }
    model_disk_free(store->disk);
    store->disk = store->copy;
    store->copy = NULL;
    return true;
}

struct rot_search {
    char hint[DISK_NAME_BYTES];
    char name[DISK_NAME_BYTES];
    uint64_t hint_bytes, bytes;
    uint64_t seen;
    struct random *random;
};

/* One of the hints, each as likely as the others. */
static void visit_hint(void *self, const char *name, uint64_t bytes)
{
    struct rot_search *search = self;
    const char *suffix = strrchr(name, '.');
    if (suffix != NULL && strcmp(suffix, ".hint") == 0 &&
        random_below(search->random, ++search->seen) == 0) {
        snprintf(search->name, sizeof(search->name), "%.*s.seg", (int)(suffix - name), name);
        snprintf(search->hint, sizeof(search->hint), "%s", name);
        search->hint_bytes = bytes;
    }
}

static void visit_size(void *self, const char *name, uint64_t bytes)
{
    struct rot_search *search = self;
    if (strcmp(search->name, name) == 0) {
        search->bytes = bytes;
    }
}

bool sim_store_rot(struct sim_store *store, struct random *random)
{
    struct rot_search search = {.random = random};
    if (store->disk == NULL) {
        return false;
    }
    struct disk *port = model_disk_port(store->disk);
    sim_store_calm(store, true);
    ASSERT(port->ops->list(port, visit_hint, &search) == 0);
    ASSERT(port->ops->list(port, visit_size, &search) == 0);
    sim_store_calm(store, false);
    if (!model_disk_flip(store->disk, search.name, random_below(random, search.bytes),
                         (unsigned)random_below(random, 8))) {
        return false;
    }
    if (random_chance(random, HINT_ROT_CHANCE)) {
        (void)model_disk_flip(store->disk, search.hint, random_below(random, search.hint_bytes),
                              (unsigned)random_below(random, 8));
    }
    store->rotten = true;
    return true;
}

void sim_store_fill(struct sim_store *store, struct random *random)
{
    if (store->disk != NULL) {
        uint64_t used = 0;
        model_disk_count(store->disk, "", &used);
        model_disk_options(store->disk)->capacity_bytes =
            used + random_below(random, FULL_BYTES_MAX);
        store->troubled = true;
    }
}

void sim_store_break(struct sim_store *store, struct random *random, bool reads)
{
    static const uint32_t changes[] = {MODEL_SYNC,
                                       MODEL_WRITE,
                                       MODEL_SYNC | MODEL_WRITE,
                                       MODEL_CREATE | MODEL_RESERVE,
                                       MODEL_RENAME | MODEL_REMOVE | MODEL_TRUNCATE,
                                       MODEL_SYNC_FOLDER,
                                       MODEL_CHANGES};
    if (store->disk == NULL) {
        return;
    }
    uint32_t which = (uint32_t)random_below(random, sizeof(changes) / sizeof(changes[0]));
    struct model_fault fault = {.calls = reads ? MODEL_READ | MODEL_READ_NOW : changes[which],
                                .nth = 1 + random_below(random, 10),
                                .lasting = random_chance(random, 0.3),
                                .code = SHOAL_EIO};
    model_disk_mend(store->disk);
    model_disk_fault(store->disk, &fault);
    store->troubled = true;
    store->rotten = store->rotten || reads;
}

void sim_store_mend(struct sim_store *store)
{
    if (store->disk != NULL) {
        model_disk_mend(store->disk);
        model_disk_options(store->disk)->capacity_bytes = 0;
        store->troubled = false;
    }
}

void sim_store_calm(struct sim_store *store, bool calm)
{
    if (store->disk != NULL) {
        model_disk_calm(store->disk, calm);
    }
}
