/* Blocking, with the socket's own timeout. */
#include "support/wire_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/assert.h"
#include "wire/frame.h"

void wire_client_open(struct wire_client *client, uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval patience = {.tv_sec = 60};
    *client = (struct wire_client){.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    ASSERT(client->fd >= 0);
    setsockopt(client->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    setsockopt(client->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    buffer_init(&client->in, 0);
    buffer_init(&client->out, 0);
    arena_init(&client->arena, LIMIT_MIB);
    int failed = connect(client->fd, (const struct sockaddr *)&address, sizeof(address));
    ASSERT(failed == 0);
}

void wire_client_close(struct wire_client *client)
{
    close(client->fd);
    buffer_deinit(&client->in);
    buffer_deinit(&client->out);
    arena_deinit(&client->arena);
}

void wire_client_send_bytes(struct wire_client *client, const void *data, size_t len)
{
    const uint8_t *at = data;
    while (len > 0) {
        ssize_t sent = send(client->fd, at, len, MSG_NOSIGNAL);
        ASSERT(sent > 0);
        at += sent;
        len -= (size_t)sent;
    }
}

void wire_client_send(struct wire_client *client)
{
    wire_client_send_bytes(client, client->out.data, client->out.len);
    buffer_clear(&client->out);
}

/* False at the end of the stream, however it ends. */
static bool read_more(struct wire_client *client)
{
    int code = buffer_reserve(&client->in, 65536);
    ASSERT(code == 0);
    ssize_t got;
    do {
        got = recv(client->fd, client->in.data + client->in.len,
                   client->in.capacity - client->in.len, 0);
    } while (got < 0 && errno == EINTR); /* the process was stopped and goes on */
    if (got <= 0) {
        return false;
    }
    client->in.len += (size_t)got;
    return true;
}

bool wire_client_receive(struct wire_client *client, struct bytes *payload, uint32_t *kind,
                         uint64_t *id)
{
    if (client->taken > 0) {
        memmove(client->in.data, client->in.data + client->taken, client->in.len - client->taken);
    }
    client->in.len -= client->taken;
    client->taken = 0;
    for (;;) {
        size_t need;
        int code = frame_next(buffer_bytes(&client->in), LIMIT_FRAME_BYTES, payload, &client->taken,
                              &need);
        ASSERT(code >= 0);
        if (code == 0) {
            break;
        }
        client->taken = 0;
        if (!read_more(client)) {
            return false;
        }
    }
    arena_reset(&client->arena);
    int code = frame_validate(*payload);
    ASSERT(code == 0);
    code = frame_peek(*payload, kind, id);
    ASSERT(code == 0);
    return true;
}

struct message_result wire_client_result(struct wire_client *client)
{
    struct bytes payload;
    uint32_t kind;
    uint64_t id;
    struct message_result result;
    bool received = wire_client_receive(client, &payload, &kind, &id);
    ASSERT(received);
    ASSERT(kind == MESSAGE_RESULT);
    int code = message_result_decode(payload, &client->arena, &result);
    ASSERT(code == 0);
    return result;
}

bool wire_client_is_closed(struct wire_client *client)
{
    struct bytes payload;
    uint32_t kind;
    uint64_t id;
    return !wire_client_receive(client, &payload, &kind, &id);
}

struct message_hello wire_client_plain_hello(void)
{
    return (struct message_hello){.id = 1,
                                  .version_min = PROTOCOL_VERSION,
                                  .version_max = PROTOCOL_VERSION,
                                  .role = ROLE_CLIENT,
                                  .name = "test"};
}

void wire_client_hello(struct wire_client *client)
{
    struct message_hello hello = wire_client_plain_hello();
    struct bytes payload;
    uint32_t kind;
    uint64_t id;
    int code = message_hello_encode(&hello, &client->out);
    ASSERT(code == 0);
    wire_client_send(client);
    bool received = wire_client_receive(client, &payload, &kind, &id);
    ASSERT(received && kind == MESSAGE_HELLO_REPLY);
}

static void append_request(struct wire_client *client, const struct message_request *request)
{
    int code = message_request_encode(request, &client->out);
    ASSERT(code == 0);
}

void wire_client_put(struct wire_client *client, uint64_t id, const char *key, struct bytes value)
{
    struct message_request request = {
        .id = id, .op = REQUEST_PUT, .key = bytes_from_string(key), .value = value};
    append_request(client, &request);
}

void wire_client_get(struct wire_client *client, uint64_t id, const char *key)
{
    struct message_request request = {.id = id, .op = REQUEST_GET, .key = bytes_from_string(key)};
    append_request(client, &request);
}
