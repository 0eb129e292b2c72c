/* Loading the workers' engines side by side, a thread for each, since reading an index takes a core
 * and a disk takes several at a time. Meanwhile the main thread tells how far it is, and sees
 * whether it is asked to stop. All engines are there in the end, or none. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "server/storage_kind.h"
#include "shoal/error.h"

#define TICK_NS 100000000
#define PROGRESS_TICKS 20u

struct load {
    const struct storage_kind *kind;
    void *data;
    const struct storage_opening *opening;
    struct storage_loading loading;
    pthread_t thread;
    bool begun;
    int code;
    struct engine **out;
    _Atomic uint32_t done; /* partitions */
    _Atomic uint32_t all;
    char text[STORAGE_TEXT_BYTES];
};

static void on_progress(void *self, uint32_t partitions_done, uint32_t partitions)
{
    struct load *load = self;
    atomic_store(&load->done, partitions_done);
    atomic_store(&load->all, partitions);
}

static void *run_load(void *self)
{
    struct load *load = self;
    load->code = load->kind->load(load->data, load->opening, &load->loading, load->out, load->text);
    return NULL;
}

static void tell_loading(const struct load *loads, uint32_t count)
{
    uint64_t done = 0;
    uint64_t all = 0;
    for (uint32_t i = 0; i < count; i++) {
        done += atomic_load(&loads[i].done);
        all += atomic_load(&loads[i].all);
    }
    log_info("storage: loading the index", LOG_U64("partitions", done), LOG_U64("of", all));
}

static void wait_for(const struct load *loads, uint32_t count, const struct load *load)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    for (uint32_t ticks = 1;; ticks++) {
        until.tv_nsec += TICK_NS;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        if (pthread_timedjoin_np(load->thread, NULL, &until) == 0) {
            return;
        }
        load->opening->tick();
        if (ticks % PROGRESS_TICKS == 0) {
            tell_loading(loads, count);
        }
    }
}

static void run_loads(struct load *loads, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        loads[i].begun = pthread_create(&loads[i].thread, NULL, run_load, &loads[i]) == 0;
        if (!loads[i].begun) {
            run_load(&loads[i]); /* then on this one */
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        if (loads[i].begun) {
            wait_for(loads, count, &loads[i]);
        }
    }
}

static int collect(struct load *loads, uint32_t count, struct engine **engines,
                   char text[STORAGE_TEXT_BYTES])
{
    int code = 0;
    for (uint32_t i = 0; i < count && code == 0; i++) {
        code = loads[i].code;
        memcpy(text, loads[i].text, STORAGE_TEXT_BYTES);
    }
    for (uint32_t i = 0; i < count && code != 0; i++) {
        if (loads[i].code == 0) {
            engines[i]->ops->free(engines[i]);
        }
        engines[i] = NULL;
    }
    return code;
}

int storage_load_all(const struct storage_kind *kind, void *data,
                     const struct storage_opening *opening, uint32_t workers,
                     const struct offload *offloads, struct engine **engines,
                     char text[STORAGE_TEXT_BYTES])
{
    struct load *loads = mem_alloc_zeroed(workers, sizeof(*loads));
    if (loads == NULL) {
        snprintf(text, STORAGE_TEXT_BYTES, "%s", shoal_error_text(SHOAL_ENOMEM));
        return SHOAL_ENOMEM;
    }
    for (uint32_t i = 0; i < workers; i++) {
        loads[i].kind = kind;
        loads[i].data = data;
        loads[i].opening = opening;
        loads[i].out = &engines[i];
        loads[i].loading = (struct storage_loading){
            .worker = i,
            .workers = workers,
            .memory_bytes_max = opening->config->memory_mb * LIMIT_MIB / workers,
            .progress = on_progress,
            .progress_self = &loads[i],
        };
        if (offloads != NULL) {
            loads[i].loading.offload = offloads[i];
        }
    }
    run_loads(loads, workers);
    int code = collect(loads, workers, engines, text);
    mem_free(loads);
    return code;
}
