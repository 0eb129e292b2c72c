/* EXEC: what has been queued, as one unit. */
#ifndef API_REDIS_EXEC_H
#define API_REDIS_EXEC_H

#include "api/redis/transaction.h"

/* Carries out pending->transaction and replies, now or later. */
void redis_exec_begin(struct redis_pending *pending);

#endif
