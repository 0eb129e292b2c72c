/* Where a node keeps what its live feed can still tell: data_dir/feed, or memory alone where the
 * data itself is kept in memory. Opened before the workers are made, closed when they are gone. */
#ifndef SERVER_FEED_STORE_H
#define SERVER_FEED_STORE_H

#include "server/config.h"
#include "storage/tail_set.h"

struct feed_store;

/* `offloads`: the workers', NULL for memory alone. `anew`: the node is known already; where none of
 * its feed is left, readers are to hear that something is missing. A disk that doesn't do costs the
 * durability, is said in the log, and is no error. 0, and a store that has none where feed.tail_mb
 * is 0, and what was kept before is removed; or SHOAL_ENOMEM. */
int feed_store_open(const struct config *config, uint32_t workers, const struct offload *offloads,
                    bool anew, struct feed_store **out);
/* `clean`: whatever was changed is told. NULL is fine. */
void feed_store_close(struct feed_store *store, bool clean);

/* What worker_options wants. */
struct tail *const *feed_store_tails(const struct feed_store *store, uint32_t worker,
                                     uint32_t *count);
uint32_t feed_store_lanes(const struct feed_store *store);

#endif
