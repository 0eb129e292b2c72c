/* A status as people read it: the table of nodes, and below it how the cluster and a change of it
 * stand. */
#ifndef CLI_STATUS_TEXT_H
#define CLI_STATUS_TEXT_H

#include <stdio.h>

#include "shoal/cluster.h"

/* `seconds_left` is the time a change still takes, where the caller knows it better than one status
 * tells; or NULL. */
void status_print(const struct shoal_status *status, const uint64_t *seconds_left, FILE *out);

/* One line of what matters, the same as long as nothing of it changes: for logs. */
#define STATUS_LINE_BYTES 1024u
void status_line(const struct shoal_status *status, char out[STATUS_LINE_BYTES]);

#endif
