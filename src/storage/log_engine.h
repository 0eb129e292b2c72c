/* The log engine: a log-structured hash table after Bitcask (Sheehy and Smith, 2010). What is
 * written is appended to segments and never changed there; an index in memory leads from 80 keyed
 * bits of a key to its record; what was overwritten is left behind by copying what is alive. One
 * engine serves one worker's partitions; all engines of a node stand on one volume (log_volume.h).
 *
 * It promises that what it said is durable is there after any crash, that nothing that was removed
 * or dropped comes back, and that no call blocks: files are touched from within offloaded jobs, or
 * by reads that give up rather than wait. */
#ifndef STORAGE_LOG_ENGINE_H
#define STORAGE_LOG_ENGINE_H

#include "storage/engine.h"
#include "storage/log_volume.h"
#include "storage/offload.h"

/* All may be left 0 for what is said here. */
struct log_engine_tuning {
    uint64_t segment_bytes_min;   /* 4 MiB */
    uint64_t segment_bytes_max;   /* 64 MiB */
    uint64_t queue_bytes_max;     /* 64 MiB: of what is not yet written; beyond, puts are refused */
    uint32_t dead_percent;        /* 50: of a segment, from which on it is compacted */
    uint64_t compact_bytes_per_s; /* 16 MiB: while nothing is written; what is written adds to it */
    uint64_t scrub_interval_us;   /* 7 days: in which all is read again once; UINT64_MAX: never */
    bool never_compacts;          /* for tests */
    bool never_fills; /* the next segment is reserved, but not written over in advance */
};

struct log_engine_options {
    struct engine_options engine; /* memory_bytes_max bounds the index */
    struct log_volume *volume;    /* outlives the engine */
    struct offload offload;
    uint32_t worker; /* whose partitions these are: engine_worker_of */
    uint32_t workers;
    uint64_t interval_us; /* durability `interval`: how long what was settled may not be durable */
    bool compress;
    struct log_engine_tuning tuning;
    /* While loading, every now and then; NULL: no interest. */
    void (*progress)(void *self, uint32_t partitions_done, uint32_t partitions);
    void *progress_self;
};

/* Loads the index of the worker's partitions, and creates the segment to write to. Blocks: to be
 * called on any thread before the worker runs; engines of one volume may be made at the same time.
 * 0 or a code and the words for it. */
int log_engine_new(const struct log_engine_options *options, struct engine **out, char text[512]);

/* Asserts the invariants; walks everything. */
void log_engine_check(const struct engine *engine);

/* Figures for metrics and tests. */
struct log_engine_figures {
    uint64_t segments;
    uint64_t used_bytes; /* of records written, by size class; dead = used - live - markers */
    uint64_t live_bytes;
    uint64_t marker_bytes; /* removals and drops that are still needed */
    uint64_t syncs;        /* of batches, and by interval */
    uint64_t batches;
    uint64_t compacted; /* segments */
    uint64_t moved_bytes;
    uint64_t scrubbed; /* segments */
    uint64_t damaged;  /* records known to be damaged */
};
void log_engine_figures(const struct engine *engine, struct log_engine_figures *out);

/* Is there nothing to do until something is asked of it: nothing to write, to compact, to create?
 */
bool log_engine_idle(const struct engine *engine);

/* From now on everything that is dead is compacted away, however little it is. */
void log_engine_compact_all(struct engine *engine);

/* Compacts a volume that no engine uses, to the end, on this thread: for a program that does only
 * that. Blocks. 0 or a code and the words for it. */
int log_compact_offline(struct log_volume *volume, char text[512]);

#endif
