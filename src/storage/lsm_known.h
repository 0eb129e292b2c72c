/* What the lsm engine remembers of keys that it has lately read or written: whether there is a
 * record, how long, and its dot if it is simple. It answers briefs, and tells a write what it
 * replaces, so that the figures stay exact without another read. A bounded table without chains:
 * what falls on a taken slot takes it over. 80 keyed bits stand for a key, as in engine.h. */
#ifndef STORAGE_LSM_KNOWN_H
#define STORAGE_LSM_KNOWN_H

#include "storage/engine.h"

#define LSM_KNOWN_SLOTS 16384u

struct lsm_known_slot {
    uint64_t position;
    struct engine_brief brief;
    uint32_t partition;
    uint32_t epoch;        /* of the partition when it was learned: a drop begins another */
    uint32_t record_bytes; /* LIMIT_OBJECT_BYTES fits */
    uint16_t tag;
    bool taken;
    bool present;
};

struct lsm_known {
    struct lsm_known_slot *slots;
};

/* 0 or SHOAL_ENOMEM. */
int lsm_known_init(struct lsm_known *known);
void lsm_known_deinit(struct lsm_known *known);

/* NULL: nothing is known. */
const struct lsm_known_slot *lsm_known_find(const struct lsm_known *known,
                                            const struct engine_key *key, uint32_t epoch);

void lsm_known_record(struct lsm_known *known, const struct engine_key *key, uint32_t epoch,
                      struct bytes record);
void lsm_known_absent(struct lsm_known *known, const struct engine_key *key, uint32_t epoch);

#endif
