/* Status and ring as JSON, in the shape that `status --json` and `ring --json` print. Ids are
 * strings of hex digits: they are 64 bits, more than a JSON number holds in most languages. */
#ifndef CLI_CLUSTER_JSON_H
#define CLI_CLUSTER_JSON_H

#include <jansson.h>

#include "shoal/cluster.h"

/* New references; NULL when there is no memory. */
json_t *json_of_id(uint64_t id);
json_t *json_of_status(const struct shoal_status *status);
json_t *json_of_ring(const struct shoal_ring *ring);
/* The names of a partition's owners, in order. */
json_t *json_of_owners(const struct shoal_ring *ring, uint32_t partition);

#endif
