/* A client as simple as can be, for tests of servers: a blocking socket, frames out of the codecs
 * (or any bytes at all), frames in. What doesn't come within seconds fails the test. */
#ifndef SUPPORT_WIRE_CLIENT_H
#define SUPPORT_WIRE_CLIENT_H

#include "base/arena.h"
#include "base/buffer.h"
#include "wire/messages.h"

struct wire_client {
    int fd;
    struct buffer in;
    size_t taken; /* of in: the frame last received */
    struct buffer out;
    struct arena arena;
};

void wire_client_open(struct wire_client *client, uint16_t port);
void wire_client_close(struct wire_client *client);

/* Frames appended to client->out by the codecs go out. */
void wire_client_send(struct wire_client *client);
void wire_client_send_bytes(struct wire_client *client, const void *data, size_t len);

/* The next frame's payload, valid until the next call; *kind and *id of it. False: the other side
 * has closed the connection. */
bool wire_client_receive(struct wire_client *client, struct bytes *payload, uint32_t *kind,
                         uint64_t *id);
/* The same, and it must be a RESULT. */
struct message_result wire_client_result(struct wire_client *client);
/* Nothing more comes: true when the other side has closed. */
bool wire_client_is_closed(struct wire_client *client);

/* Says hello and takes the answer. */
void wire_client_hello(struct wire_client *client);
struct message_hello wire_client_plain_hello(void);

/* Appends a request frame to client->out. */
void wire_client_put(struct wire_client *client, uint64_t id, const char *key, struct bytes value);
void wire_client_get(struct wire_client *client, uint64_t id, const char *key);

#endif
