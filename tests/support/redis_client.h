/* A Redis client for tests: one command line out, its reply as text back. */
#ifndef SUPPORT_REDIS_CLIENT_H
#define SUPPORT_REDIS_CLIENT_H

#include "base/buffer.h"

struct redis_client {
    int fd;
    struct buffer in; /* received and not shown yet */
    struct buffer shown;
};

/* Fails the test if it can't. */
void redis_client_open(struct redis_client *client, uint16_t port);
void redis_client_close(struct redis_client *client);

/* As typed: an inline command without its end. */
void redis_client_send(struct redis_client *client, const char *line);

/* The next whole reply, its line ends but the last as spaces: "*2 $1 a :3". Until the next. "" when
 * the connection has ended. */
const char *redis_client_receive(struct redis_client *client);

/* Both. */
const char *redis_client_ask(struct redis_client *client, const char *line);

#define REDIS_ANSWERS(client, line, reply)                                                         \
    assert_string_equal(redis_client_ask(client, line), reply)

#endif
