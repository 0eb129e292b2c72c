/* What the table of commands about the node takes from several files. */
#ifndef API_REDIS_SERVER_H
#define API_REDIS_SERVER_H

#include "api/redis/call.h"

extern const struct command config_parts[];   /* config.c */
void redis_run_info(struct redis_call *call); /* info.c */

#endif
