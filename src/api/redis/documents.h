/* What the table of commands says of itself to clients: HELP of any container. */
#ifndef API_REDIS_DOCUMENTS_H
#define API_REDIS_DOCUMENTS_H

#include "api/redis/call.h"

/* The `run` of every "help" part: the container's parts, each with its syntax and what it does. */
void redis_help(struct redis_call *call);

extern const struct command command_parts[];
/* COMMAND alone. */
void redis_run_command(struct redis_call *call);

#endif
