/* The memory engine: the fastest, for caches and tests; a restarted member is refilled by its peers.
 * What it does not promise: nothing survives the process. */
#ifndef STORAGE_MEMORY_ENGINE_H
#define STORAGE_MEMORY_ENGINE_H

#include "storage/engine.h"

/* 0 and the engine, or SHOAL_ENOMEM. Freed by engine->ops->free. */
int memory_engine_new(const struct engine_options *options, struct engine **out);

#endif
