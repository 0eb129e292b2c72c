/* Asking for memory before units need it: commands arrive in bunches, and what one of them waits
 * for comes while those before it are carried out. In three short steps, each for all keys of a
 * bunch, so that the misses of one step overlap too. */
#include "node/core.h"
#include "node/unit.h"
#include "ring/partition.h"

#define NOWHERE UINT32_MAX

void worker_unit_find(const struct worker *worker, struct bytes key, struct engine_key *place)
{
    place->partition = NOWHERE;
    if (!worker->units.ready) {
        return;
    }
    uint32_t partition = partition_of_key(key, worker->units.partitions);
    if (worker->count == 1 || worker_of_partition(worker, partition) == worker->index) {
        *place = replica_key(&worker->replica, partition, key);
    }
}

void worker_unit_expect(const struct worker *worker, const struct engine_key *place)
{
    if (place->partition != NOWHERE) {
        replica_expect(&worker->replica, place);
    }
}

void worker_unit_expect_more(const struct worker *worker, const struct engine_key *place)
{
    if (place->partition != NOWHERE) {
        replica_expect_more(&worker->replica, place);
    }
}
