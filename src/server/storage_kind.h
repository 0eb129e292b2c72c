/* What storage.c needs of each kind of engine: how its data is opened, loaded, closed, verified and
 * compacted. Private to the storage_*.c files. */
#ifndef SERVER_STORAGE_KIND_H
#define SERVER_STORAGE_KIND_H

#include <stdio.h>

#include "base/histogram.h"
#include "server/storage.h"

/* For telling how long something took. */
uint64_t storage_mono_ms(void);

/* What is being opened. */
struct storage_opening {
    const struct config *config;
    char path[CONFIG_PATH_BYTES + 16]; /* of the kind's own folder in data_dir */
    uint32_t partitions;
    uint64_t boot; /* of the machine's running */
    storage_tick tick;
};

struct storage_loading {
    uint32_t worker;
    uint32_t workers;
    struct offload offload;
    uint64_t memory_bytes_max; /* of this engine */
    void (*progress)(void *self, uint32_t partitions_done, uint32_t partitions);
    void *progress_self; /* called on the thread that loads */
};

/* What verifying finds. */
struct storage_verdict {
    FILE *out;        /* a line for each damaged place, as it is found */
    uint64_t damaged; /* places */
    char summary[256];
};

struct storage_kind {
    bool offloads;
    /* All block. Outcomes as in storage.h; `data` is the kind's own. */
    int (*open)(const struct storage_opening *opening, void **data, char text[STORAGE_TEXT_BYTES]);
    int (*load)(void *data, const struct storage_opening *opening,
                const struct storage_loading *loading, struct engine **out,
                char text[STORAGE_TEXT_BYTES]);
    void (*loaded)(void *data);
    void (*close)(void *data, bool clean);
    /* Adds how long syncs of files have taken. Any thread. NULL: it doesn't know. */
    void (*sync_times)(void *data, struct histogram *out);
    /* Offline, of the kind's own folder. Damage is no error. */
    int (*verify)(const char *path, uint32_t partitions, struct storage_verdict *verdict,
                  char text[STORAGE_TEXT_BYTES]);
    int (*compact)(const char *path, uint32_t partitions, char text[STORAGE_TEXT_BYTES]);
};

/* NULL when this build hasn't that engine. */
const struct storage_kind *storage_kind_of(enum config_engine engine);

extern const struct storage_kind storage_memory;
extern const struct storage_kind storage_log;
const struct storage_kind *storage_lsm(void); /* NULL when this build hasn't it */

/* storage_load.c: an engine for each worker, by the kind's `load`. 0, or a negative code with its
 * text and no engines. */
int storage_load_all(const struct storage_kind *kind, void *data,
                     const struct storage_opening *opening, uint32_t workers,
                     const struct offload *offloads, struct engine **engines,
                     char text[STORAGE_TEXT_BYTES]);

/* Which running of the machine this is; never the same twice, as far as the kernel tells. */
uint64_t storage_boot(void);

#endif
