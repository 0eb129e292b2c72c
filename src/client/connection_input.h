/* What comes in on a connection: reads, takes whole frames out of the stream, and hands the
 * greeting's answer to the connection and all others to their calls. */
#ifndef CLIENT_CONNECTION_INPUT_H
#define CLIENT_CONNECTION_INPUT_H

#include "client/connection.h"

/* Reads and handles what is there, a bounded amount. 0, or a code for which the connection has to
 * be given up, with *why (valid until the next frame). */
int connection_read(struct connection *connection, const char **why);

#endif
