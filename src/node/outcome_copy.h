/* An outcome on its way from one worker to another: it and all it points to, in one block. */
#ifndef NODE_OUTCOME_COPY_H
#define NODE_OUTCOME_COPY_H

#include "coordinate/request.h"

/* The copy and its memory, for mem_free once it is not needed any more. Lists and verifications
 * never cross. 0 or SHOAL_ENOMEM. */
int outcome_copy(const struct outcome *from, struct outcome *out, void **memory);

#endif
