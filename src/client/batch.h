/* One operation of a batch as the request it is; shared by the asynchronous batch, which takes all
 * of them at once, and the synchronous one, which keeps a window of them in flight. */
#ifndef CLIENT_BATCH_H
#define CLIENT_BATCH_H

#include "shoal/client.h"

int batch_start_operation(struct shoal_client *client, const struct shoal_operation *operation,
                          const struct shoal_options *options, shoal_done_fn done, void *user);

#endif
