/* What every surface counts of what it serves, under the same names: connections, requests by
 * operation and result, and how long they took. Labels are few and fixed, so that no client can
 * make more of them.
 *
 * Time is measured from turn to turn of the loop, which reads the clock anyway: what is done within
 * one turn counts as zero. */
#ifndef API_SERVED_H
#define API_SERVED_H

#include "base/metrics.h"
#include "coordinate/request.h"

enum served_op {
    SERVED_OTHER, /* what is about no key: connections, status, pages */
    SERVED_GET,
    SERVED_PUT,
    SERVED_DELETE,
    SERVED_ADD,
    SERVED_EXPIRE,
    SERVED_LIST,
    SERVED_EXECUTE, /* several of them in one step */
    SERVED_ADMIN,   /* members, backups, verifying, repair */
    SERVED_OPS,
};

enum served_result {
    SERVED_OK,
    SERVED_MISSING, /* no such key */
    SERVED_REFUSED, /* by what was asked for: malformed, too large, forbidden, another version */
    SERVED_FAILED,  /* by how things are: no quorum, no room, too much in flight; not applied */
    SERVED_UNKNOWN, /* nobody can say whether it was applied */
    SERVED_RESULTS,
};

struct served_metrics {
    metric_id connections;
    metric_id refused; /* connections and requests that were no use */
    metric_id requests[SERVED_OPS][SERVED_RESULTS];
    metric_id seconds[SERVED_OPS];
};

/* The surface's series; of enum request_surface. Once a registry and surface. As metrics_declare.
 */
int served_declare_metrics(struct metrics *metrics, uint32_t surface, struct served_metrics *ids);

enum served_result served_result_of(int code);

/* From the thread that owns the shard; NULL: nothing is counted. */
void served_count(struct metrics *metrics, uint32_t shard, const struct served_metrics *ids,
                  enum served_op op, enum served_result result, uint64_t us);

/* What comes many at a time and is done at once is counted in runs: one addition each, and the
 * registry is told when a run is over. */
struct served_run {
    enum served_op op;
    enum served_result result;
    uint64_t times;
};

void served_run_tell(struct metrics *metrics, uint32_t shard, const struct served_metrics *ids,
                     struct served_run *run);

static inline void served_run_add(struct metrics *metrics, uint32_t shard,
                                  const struct served_metrics *ids, struct served_run *run,
                                  enum served_op op, enum served_result result)
{
    if (run->op != op || run->result != result) {
        served_run_tell(metrics, shard, ids, run);
        run->op = op;
        run->result = result;
    }
    run->times++;
}

#endif
