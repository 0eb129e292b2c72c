/* A folder with a store and one engine on it or several, on an offload that runs jobs on this
 * thread: what tests of the lsm engine stand on. */
#ifndef SUPPORT_LSM_RIG_H
#define SUPPORT_LSM_RIG_H

#include "storage/lsm_engine.h"
#include "support/manual_offload.h"

#define RIG_WORKERS_MAX 4u

struct lsm_rig {
    char folder[64];
    char text[512];
    struct lsm_store_options options;
    struct lsm_store *store;
    uint32_t workers;
    struct engine *engines[RIG_WORKERS_MAX];
    struct manual_offload offload;
    struct random random;
    /* What the engines have said. */
    uint64_t settled[RIG_WORKERS_MAX];
    uint64_t durable[RIG_WORKERS_MAX];
    uint32_t ready;
    int ready_code;
    const struct engine_key *asked; /* by lsm_rig_get; NULL once it is answered */
    struct engine *asked_engine;
    int answer;
    struct bytes answer_record;
    uint32_t failures;
    uint32_t wounds; /* damaged events */
};

/* A new folder below `parent`; NULL: in memory, where that is possible. */
void lsm_rig_init(struct lsm_rig *rig, const char *parent);
void lsm_rig_deinit(struct lsm_rig *rig);

/* What is in the folder goes. */
void lsm_rig_wipe(struct lsm_rig *rig);

/* Opens with so many workers: 0, or the code of lsm_store_open, the words in `text`. */
int lsm_rig_open(struct lsm_rig *rig, uint32_t workers);

/* `clean`: all is hardened before; else jobs are dropped. */
void lsm_rig_close(struct lsm_rig *rig, bool clean);

/* A turn of all workers, a millisecond later; all jobs come back. */
void lsm_rig_turn(struct lsm_rig *rig);
/* Only some jobs come back, in any order. */
void lsm_rig_jobs(struct lsm_rig *rig);

/* Puts by the worker whose partition it is; outcome as the port's. */
int lsm_rig_put(struct lsm_rig *rig, uint32_t partition, const char *key, const char *record);

/* Turns until there is an answer: 0 and the record, which lasts until the next turn, or a code. */
int lsm_rig_get(struct lsm_rig *rig, uint32_t partition, const char *key, struct bytes *record);

struct engine_key lsm_rig_key(uint32_t partition, const char *key);

#endif
