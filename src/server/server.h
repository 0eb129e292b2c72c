/* A node as a process: everything wired together in order, and taken apart in reverse. */
#ifndef SERVER_SERVER_H
#define SERVER_SERVER_H

#include "server/config.h"

struct server;

/* Opens the data folder and the ports, and starts the workers; says so in the log. 0, or a negative
 * code with a text that says what is wrong. The configuration is copied. */
int server_start(const struct config *config, struct server **out, char text[512]);

/* Takes over what can change while the node runs from a configuration just loaded, and says in the
 * log what can't. */
void server_reload(struct server *server, const struct config *config);

/* Begins the end: no new connections, requests in flight are finished, peers are told. */
void server_stop(struct server *server);
/* Ends at once. */
void server_stop_now(struct server *server);
/* Readable when the workers have ended. */
int server_ended_fd(const struct server *server);

/* Ends the workers, if they haven't yet, and frees everything. NULL is fine. */
void server_free(struct server *server);

#endif
