/* The memory engine: the fastest, for caches and tests; a restarted member is refilled by its
 * peers. What it does not promise: nothing survives the process. Over options.memory_bytes_max a
 * put is refused with SHOAL_ENOMEM and changes nothing; nothing is ever evicted. */
#ifndef STORAGE_MEMORY_ENGINE_H
#define STORAGE_MEMORY_ENGINE_H

#include "storage/engine.h"

/* 0 and the engine, SHOAL_EINVAL for a number of partitions that is 0 or over LIMIT_PARTITIONS_MAX,
 * or SHOAL_ENOMEM. Freed by engine->ops->free. */
int memory_engine_new(const struct engine_options *options, struct engine **out);

/* Asserts the invariants of an engine made by memory_engine_new; walks everything. */
void memory_engine_check(const struct engine *engine);

#endif
