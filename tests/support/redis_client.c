#include "support/redis_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/assert.h"

#define PATIENCE_S 60
#define TEXT_BYTES_MAX (1u << 20)

void redis_client_open(struct redis_client *client, uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct timeval patience = {.tv_sec = PATIENCE_S};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    client->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ASSERT(client->fd >= 0);
    int code = setsockopt(client->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    ASSERT(code == 0);
    code = connect(client->fd, (struct sockaddr *)&address, sizeof(address));
    ASSERT(code == 0);
    buffer_init(&client->in, 0);
    buffer_init(&client->shown, 0);
}

void redis_client_close(struct redis_client *client)
{
    close(client->fd);
    buffer_deinit(&client->in);
    buffer_deinit(&client->shown);
}

void redis_client_send(struct redis_client *client, const char *line)
{
    char *text = NULL;
    int len = asprintf(&text, "%s\r\n", line);
    ASSERT(len > 0);
    ssize_t sent = send(client->fd, text, (size_t)len, MSG_NOSIGNAL);
    ASSERT(sent == len);
    free(text);
}

/* ---- how long a reply is --------------------------------------------------------------------- */

/* Of the line at the start, with its end; 0: it isn't whole. */
static size_t line_length(struct bytes bytes)
{
    const uint8_t *end = bytes.len == 0 ? NULL : memmem(bytes.data, bytes.len, "\r\n", 2);
    return end == NULL ? 0 : (size_t)(end - bytes.data) + 2;
}

static size_t reply_length(struct bytes bytes);

/* So many replies, after those bytes. */
static size_t replies_length(struct bytes bytes, size_t from, long count)
{
    for (long i = 0; i < count; i++) {
        size_t one = reply_length(bytes_make(bytes.data + from, bytes.len - from));
        if (one == 0) {
            return 0;
        }
        from += one;
    }
    return from;
}

/* 0: it isn't whole. */
static size_t reply_length(struct bytes bytes)
{
    size_t line = line_length(bytes);
    if (line == 0) {
        return 0;
    }
    long number = strtol((const char *)bytes.data + 1, NULL, 10);
    switch (bytes.data[0]) {
    case '$':
    case '=':
        if (number < 0) {
            return line;
        }
        return bytes.len < line + (size_t)number + 2 ? 0 : line + (size_t)number + 2;
    case '*':
    case '~':
        return replies_length(bytes, line, number);
    case '%':
        return replies_length(bytes, line, 2 * number);
    default:
        return line;
    }
}

/* ---- showing it ------------------------------------------------------------------------------ */

static void show(struct redis_client *client, size_t len)
{
    buffer_clear(&client->shown);
    for (size_t i = 0; i + 2 < len; i++) {
        bool end = client->in.data[i] == '\r' && client->in.data[i + 1] == '\n';
        int code = buffer_append_u8(&client->shown, end ? ' ' : client->in.data[i]);
        ASSERT(code == 0);
        i += end;
    }
    int code = buffer_append_u8(&client->shown, 0);
    ASSERT(code == 0);
    memmove(client->in.data, client->in.data + len, client->in.len - len);
    client->in.len -= len;
}

const char *redis_client_receive(struct redis_client *client)
{
    size_t len;
    while ((len = reply_length(buffer_bytes(&client->in))) == 0) {
        int code = buffer_reserve(&client->in, TEXT_BYTES_MAX);
        ASSERT(code == 0);
        ssize_t got;
        do {
            got = recv(client->fd, client->in.data + client->in.len, TEXT_BYTES_MAX, 0);
        } while (got < 0 && errno == EINTR); /* the process was stopped and goes on */
        if (got <= 0) {
            return "";
        }
        client->in.len += (size_t)got;
    }
    show(client, len);
    return (const char *)client->shown.data;
}

const char *redis_client_ask(struct redis_client *client, const char *line)
{
    redis_client_send(client, line);
    return redis_client_receive(client);
}
