/* How two simulated nodes greet each other: the hellos of the peer protocol, really encoded and
 * decoded, checked by both sides' workers. Follows what src/net does on a peer connection. */
#ifndef SIM_HANDSHAKE_H
#define SIM_HANDSHAKE_H

struct sim_connection;

enum sim_handshake_outcome {
    SIM_HANDSHAKE_DONE,
    SIM_HANDSHAKE_WAIT,    /* one side is paused or cut off: try again later */
    SIM_HANDSHAKE_REFUSED, /* nobody listens there, or one side did not like the other's hello */
};

enum sim_handshake_outcome sim_handshake(struct sim_connection *connection);

#endif
