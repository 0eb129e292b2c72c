/* Results as the caller owns them: one block of memory each, the struct first, then all it points
 * to, so that freeing is one call and nothing in it can be half there. */
#ifndef CLIENT_RESULT_H
#define CLIENT_RESULT_H

#include "shoal/cluster.h"

/* A copy of a borrowed one; NULL when there is no memory. */
struct shoal_result *result_copy(const struct shoal_result *from);
struct shoal_status *status_copy(const struct shoal_status *from);
struct shoal_ring *ring_copy(const struct shoal_ring *from);
struct shoal_backup *backup_copy(const struct shoal_backup *from);
struct shoal_verification *verification_copy(const struct shoal_verification *from);
struct shoal_repair *repair_copy(const struct shoal_repair *from);
struct shoal_plan *plan_copy(const struct shoal_plan *from);

#endif
