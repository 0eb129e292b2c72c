/* The peer port: connections that other nodes open to this one. Requests come in, answers go out;
 * each connection has a slot, and a slot's serial tells an answer for a connection that has gone
 * (and whose slot another now has) from one that is still wanted. Clients may call here too, for
 * the few things the peer port serves them: after their hello they are handed on. */
#ifndef NET_INBOUND_H
#define NET_INBOUND_H

#include "net/connection.h"
#include "wire/messages.h"

/* Every accepted connection must say hello within this. */
#define INBOUND_HELLO_US 10000000u
/* A peer that has said nothing for so long is gone: its own link would have sent PINGs. */
#define INBOUND_SILENCE_US 15000000u

/* Takes over a client's connection on the peer port, with its hello, which is still to be answered.
 * Bytes behind the hello are handed to whatever handler it sets. */
typedef void (*inbound_client)(void *self, struct connection *connection,
                               const struct message_hello *hello);

struct inbound_peer;

struct inbound {
    struct loop *loop;
    inbound_client client;
    void *client_self;
    struct inbound_peer **slots; /* NULL: free */
    uint32_t slot_count;         /* allocated */
    uint32_t peer_count;
    uint32_t next_slot; /* where to look for a free one */
    uint64_t next_serial;
    uint64_t refusal_logged_us;
};

void inbound_init(struct inbound *inbound, struct loop *loop, inbound_client client, void *self);
/* Once the loop is over and its connections are closed. */
void inbound_deinit(struct inbound *inbound);

/* A listener_accepted; self is the struct inbound. */
void inbound_accept(void *self, struct loop *loop, int fd);

/* As ports.reply. */
void inbound_reply(struct inbound *inbound, struct source source, struct bytes frame);

#endif
