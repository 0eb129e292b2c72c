/* What commands about the connection share. */
#ifndef API_REDIS_CONNECTION_H
#define API_REDIS_CONNECTION_H

#include "api/redis/call.h"

/* The Redis whose commands, replies and errors these are: what clients are told as the version. */
#define REDIS_VERSION_EQUALLED "7.0.15"

/* How much of an argument errors quote: all, up to a NUL. For "%.*s". */
static inline int redis_text(struct bytes argument)
{
    return (int)strnlen((const char *)argument.data, argument.len);
}

extern const struct command client_parts[]; /* client.c */

/* CLIENT SETNAME, HELLO ... SETNAME. False: refused, and replied. Without a session it is only
 * checked. */
bool connection_set_name(struct redis_call *call, struct bytes name);

/* What a HELLO will switch its connection to: 2 or 3; 0: to nothing, or it fails, as it will reply.
 * Nothing is changed: the call is without a session. */
uint8_t connection_hello_protocol(struct redis_call *call);

#endif
