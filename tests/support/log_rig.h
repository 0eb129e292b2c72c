/* A volume and the log engines on it, one or several, with an offload whose jobs run by hand: what
 * tests of the log engine stand on. Its disk is the test's. */
#ifndef SUPPORT_LOG_RIG_H
#define SUPPORT_LOG_RIG_H

#include "storage/log_engine.h"
#include "support/manual_offload.h"

#define LOG_RIG_WORKERS_MAX 8u
#define LOG_RIG_TURN_US 1000u

struct log_rig {
    /* Set by the test, kept over restarts. */
    struct log_volume_options volume_options;
    struct log_engine_options options; /* volume, offload, worker are the rig's */
    struct engine_events events;
    /* The rig's. */
    struct manual_offload offload;
    struct log_volume *volume;
    struct engine *engines[LOG_RIG_WORKERS_MAX];
    uint64_t now_us;
    char text[512]; /* why it could not be opened */
};

/* Small segments, one worker, no scrub, events that are ignored. */
void log_rig_init(struct log_rig *rig, struct disk *disk, uint32_t partitions);

/* Opens volume and engines: 0 or why not. */
int log_rig_open(struct log_rig *rig);

struct engine *log_rig_engine(const struct log_rig *rig, uint32_t partition);

/* One turn of every engine; jobs are left alone. */
void log_rig_flush(struct log_rig *rig);
/* The same, and all jobs are run. */
void log_rig_turn(struct log_rig *rig);
/* Turns until the engines have nothing to do. */
void log_rig_rest(struct log_rig *rig);
void log_rig_check(const struct log_rig *rig);

/* All that was written becomes durable; engines and volume are closed as at an orderly end. False
 * when an engine has failed: then it was no such end. */
bool log_rig_stop(struct log_rig *rig);
/* As if the process were killed: what is under way is dropped. Nothing must be open, or all be dead
 * handles of a disk that crashed. */
void log_rig_kill(struct log_rig *rig);

#endif
