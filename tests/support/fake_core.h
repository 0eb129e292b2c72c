/* What a fake worker (fake_worker.h) answers to requests: a table of values, one node's, without
 * versions or clocks. The first part of a key says what is odd about it:
 *
 *      big:N         a get answers N bytes
 *      many:...      a get answers two values, "second" behind the one that is there
 *      gone:...      a get of a missing one answers a context
 *      unknown:...   changes have an unknown outcome
 *      weak:...      everything fails for lack of owners
 *      first:...     lies at the very beginning of the first partition, with all others such
 *      near:...      the same in the last partition
 */
#ifndef SUPPORT_FAKE_CORE_H
#define SUPPORT_FAKE_CORE_H

#include "base/table.h"
#include "coordinate/request.h"

#define FAKE_PARTITIONS 16u

struct fake_core {
    struct table entries; /* by the key's hash */
};

void fake_core_init(struct fake_core *core);
void fake_core_deinit(struct fake_core *core);

/* A get, put, delete, add, expire or list: done within the call. */
void fake_core_answer(struct fake_core *core, struct request *request);

#endif
