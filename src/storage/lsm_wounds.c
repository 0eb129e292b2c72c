/* What is known to be damaged in the database. Every reading of it finds it again, but it is news
 * only once: the holding begins anew then, and would never get anywhere if it did at each reading.
 * A drop of the partition makes an end of it. */
#include "base/log.h"
#include "storage/lsm_engine_inside.h"

static bool is_known(const struct lsm_engine *lsm, uint32_t partition, uint64_t low, uint64_t high)
{
    for (uint32_t i = 0; i < lsm->wound_count; i++) {
        const struct lsm_wound *wound = &lsm->wounds[i];
        if (wound->partition == partition && wound->low <= low && high <= wound->high) {
            return true;
        }
    }
    return false;
}

bool lsm_is_wounded(const struct lsm_engine *lsm, const struct engine_key *key)
{
    return lsm->wound_count > 0 && is_known(lsm, key->partition, key->position, key->position);
}

/* Those of the partition that it touches grow together with it. */
static void absorb(struct lsm_engine *lsm, struct lsm_wound *added)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < lsm->wound_count; i++) {
        struct lsm_wound wound = lsm->wounds[i];
        bool touches = wound.partition == added->partition && wound.low <= added->high &&
                       added->low <= wound.high;
        if (touches) {
            added->low = wound.low < added->low ? wound.low : added->low;
            added->high = wound.high > added->high ? wound.high : added->high;
        } else {
            lsm->wounds[kept++] = wound;
        }
    }
    lsm->wound_count = kept;
}

/* With no place left, the oldest is forgotten: met again, it is news again. */
static void add(struct lsm_engine *lsm, struct lsm_wound added)
{
    absorb(lsm, &added);
    if (lsm->wound_count == LSM_WOUNDS_MAX) {
        lsm->wound_count--;
        memmove(&lsm->wounds[0], &lsm->wounds[1], lsm->wound_count * sizeof(added));
    }
    lsm->wounds[lsm->wound_count++] = added;
}

void lsm_wound_found(struct lsm_engine *lsm, uint32_t partition, uint64_t low, uint64_t high)
{
    const struct engine_events *events = &lsm->engine.events;
    if (is_known(lsm, partition, low, high)) {
        return;
    }
    add(lsm, (struct lsm_wound){.partition = partition, .low = low, .high = high});
    log_error("lsm: damaged; what is there is not served", LOG_TEXT("folder", lsm->store->folder),
              LOG_U64("partition", partition), LOG_HEX("from", low), LOG_HEX("to", high));
    events->damaged(events->self, partition);
}

void lsm_wounds_forget(struct lsm_engine *lsm, uint32_t partition)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < lsm->wound_count; i++) {
        if (lsm->wounds[i].partition != partition) {
            lsm->wounds[kept++] = lsm->wounds[i];
        }
    }
    lsm->wound_count = kept;
}
