/* Listening sockets: one a worker and address, sharing a port by SO_REUSEPORT, so that the kernel
 * spreads new connections over the workers without a word between them. Since two processes may
 * share a port just so, the first bind of a port is tried without it: a port another process
 * already listens on is an error. */
#ifndef NET_LISTENER_H
#define NET_LISTENER_H

#include "net/address.h"
#include "net/loop.h"

/* A connection has come in; takes over the socket. */
typedef void (*listener_accepted)(void *self, struct loop *loop, int fd);

struct listener;

/* Decides the addresses of a host to listen on, and the port if it is 0: the outcome is what
 * listener_new needs. 0, or a negative code with a text. Blocks on a name. */
int listener_choose(const char *host, uint16_t port, struct addresses *out, uint16_t *port_out,
                    char text[256]);

/* One for each of the loop's sockets: before the loop runs. Accepting begins with the first turn.
 * 0, or a negative code with a text. */
int listener_new(struct loop *loop, const struct addresses *addresses, listener_accepted accepted,
                 void *self, struct listener **out, char text[256]);

/* On the loop's thread, or when it is over. NULL is fine. */
void listener_free(struct listener *listener);

#endif
