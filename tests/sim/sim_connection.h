/* One simulated connection and its frames in flight; see sim_network.h for how it may fail. Private
 * to the network. */
#ifndef SIM_CONNECTION_H
#define SIM_CONNECTION_H

#include "base/limits.h"
#include "sim_network.h"

enum sim_direction { SIM_TO_SERVER = 0, SIM_TO_CLIENT = 1 };

struct sim_end {
    uint32_t node;
    uint32_t worker;
    uint64_t life; /* of the process whose connection this is */
    bool open;     /* what arrives here is still handed over */
};

struct sim_lane {
    struct queue frames; /* in flight, in order of sending */
    uint64_t last_due_us;
    uint64_t blocked_since_us; /* 0: not */
};

struct sim_connection {
    struct queue link; /* in network->connections */
    struct sim_network *network;
    uint64_t serial;
    struct sim_end client;
    struct sim_end server;
    bool established;
    uint64_t give_up_us;  /* connecting beyond it fails */
    uint64_t patience_us; /* a lane blocked for longer breaks it */
    struct timer handshake;
    struct sim_lane lanes[2];

    struct sim_link *owner; /* the wanted link; NULL for a contact and once the client is gone */

    bool is_contact;
    uint64_t ticket;
    struct timer timeout;
    uint8_t *question; /* owned; a whole frame */
    size_t question_len;
};

struct sim_link {
    struct queue link; /* in network->links */
    struct sim_network *network;
    uint32_t node;
    uint32_t worker;
    uint64_t to;
    char host[LIMIT_NAME_BYTES + 1];
    uint16_t port;
    struct sim_connection *connection; /* connecting or up; NULL otherwise */
    bool up;                           /* the worker was told so */
    struct timer timer;                /* to tell it of a break, or to connect again */
};

/* The node that listens at an address; -1 when there is none. */
int sim_network_resolve(const struct sim_network *network, const char *host, uint16_t port);

/* Begins to connect; NULL without memory. */
struct sim_connection *sim_connection_new(struct sim_network *network, uint32_t client_node,
                                          uint32_t client_worker, uint32_t server_node);

/* Puts a frame into flight. */
void sim_connection_carry(struct sim_connection *connection, enum sim_direction direction,
                          struct bytes frame);

/* Breaks it: the client's frames in flight may linger on their way to the server. Frees it, at once
 * or when the last of them has arrived; tells the link's owner or the contact. */
void sim_connection_break(struct sim_connection *connection, bool linger);

/* Frees it without telling anybody. */
void sim_connection_free(struct sim_connection *connection);

/* ---- what the network does when a connection's fate is known ---- */

void sim_link_established(struct sim_link *link);
void sim_link_lost(struct sim_link *link, bool was_established);

/* How long something takes now: from the options. */
uint64_t sim_network_delay(struct sim_network *network);

static inline bool sim_network_is_cut(const struct sim_network *network, uint32_t a, uint32_t b)
{
    return network->cut[a][b];
}

#endif
