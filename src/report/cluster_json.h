/* Status and ring as JSON, in the shape that `status --json` and `ring --json` print and /v1/status
 * and /v1/ring answer. Ids are strings of hex digits: they are 64 bits, more than a JSON number
 * holds in most languages. */
#ifndef REPORT_CLUSTER_JSON_H
#define REPORT_CLUSTER_JSON_H

#include <jansson.h>

#include "shoal/cluster.h"

/* New references; NULL when there is no memory. */
json_t *json_of_id(uint64_t id);
json_t *json_of_node(const struct shoal_node *node);
json_t *json_of_status(const struct shoal_status *status);
json_t *json_of_ring(const struct shoal_ring *ring);
/* Where one key lies. */
json_t *json_of_place(const struct shoal_ring *ring, struct shoal_bytes key, uint32_t partition);
json_t *json_of_repair(const struct shoal_repair *repair);

#endif
