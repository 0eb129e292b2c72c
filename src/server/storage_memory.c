/* The memory engine has nothing to open, and nothing to keep. */
#include <stdio.h>

#include "base/log.h"
#include "server/storage_kind.h"
#include "shoal/error.h"
#include "storage/memory_engine.h"

static int open_memory(const struct storage_opening *opening, void **data,
                       char text[STORAGE_TEXT_BYTES])
{
    (void)opening;
    (void)text;
    log_info("storage: in memory: nothing is kept over a restart but who this node is");
    *data = NULL;
    return 0;
}

static int load_memory(void *data, const struct storage_opening *opening,
                       const struct storage_loading *loading, struct engine **out,
                       char text[STORAGE_TEXT_BYTES])
{
    (void)data;
    struct engine_options options = {
        .partitions = opening->partitions,
        .memory_bytes_max = loading->memory_bytes_max,
    };
    int code = memory_engine_new(&options, out);
    if (code != 0) {
        snprintf(text, STORAGE_TEXT_BYTES, "can't make the memory engine: %s",
                 shoal_error_text(code));
    }
    return code;
}

static void loaded_memory(void *data)
{
    (void)data;
}

static void close_memory(void *data, bool clean)
{
    (void)data;
    (void)clean;
}

static int verify_memory(const char *path, uint32_t partitions, struct storage_verdict *verdict,
                         char text[STORAGE_TEXT_BYTES])
{
    (void)path;
    (void)partitions;
    (void)text;
    snprintf(verdict->summary, sizeof(verdict->summary), "engine memory: there is no data on disk");
    return 0;
}

static int compact_memory(const char *path, uint32_t partitions, char text[STORAGE_TEXT_BYTES])
{
    (void)path;
    (void)partitions;
    (void)text;
    return 0;
}

const struct storage_kind storage_memory = {
    .open = open_memory,
    .load = load_memory,
    .loaded = loaded_memory,
    .close = close_memory,
    .verify = verify_memory,
    .compact = compact_memory,
};
