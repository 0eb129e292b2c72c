/* A watch's connection: hello, the question, then frames of events for as long as it lasts. It
 * reads a bounded amount at a time, and nothing while what was read before is not told. */
#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client/watch.h"
#include "shoal/error.h"
#include "wire/frame.h"

#define READ_BYTES (64u * LIMIT_KIB)
#define BUFFER_KEEP_BYTES (1u * (size_t)LIMIT_MIB)
#define WATCH_ID 1u
#define HELLO_ID 2u
#define HEARTBEATS_A_SILENCE 3u

/* ---- sending --------------------------------------------------------------------------------- */

static void flush_out(struct shoal_watch *watch)
{
    while (watch->out_start < watch->out.len) {
        ssize_t sent = send(watch->fd, watch->out.data + watch->out_start,
                            watch->out.len - watch->out_start, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) {
            continue;
        }
        if (sent < 0 && errno != EAGAIN && errno != EWOULDBLOCK) {
            watch_lost(watch, SHOAL_ECONNECT, strerror(errno));
            return;
        }
        if (sent < 0) {
            (void)event_add(watch->write_event, NULL);
            return;
        }
        watch->out_start += (size_t)sent;
    }
    buffer_clear(&watch->out);
    watch->out_start = 0;
}

static void on_writable(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    struct shoal_watch *watch = user;
    struct shoal_client *client = watch->client;
    client_enter(client);
    watch->busy++;
    flush_out(watch);
    watch_leave(watch);
    client_leave(client);
}

static void say_hello(struct shoal_watch *watch)
{
    struct message_hello hello = {
        .id = HELLO_ID,
        .version_min = PROTOCOL_VERSION,
        .version_max = PROTOCOL_VERSION,
        .role = ROLE_CLIENT,
    };
    memcpy(hello.name, watch->client->settings.name, sizeof(hello.name));
    if (message_hello_encode(&hello, &watch->out) != 0) {
        watch_lost(watch, SHOAL_ENOMEM, shoal_error_text(SHOAL_ENOMEM));
        return;
    }
    watch->state = WATCH_GREETING;
    flush_out(watch);
}

static void ask(struct shoal_watch *watch)
{
    const struct message_watch message = {
        .id = WATCH_ID,
        .prefix = watch->prefix.len == 0 ? bytes_make("", 0) : buffer_bytes(&watch->prefix),
        .ops = watch->ops,
        .cursor = watch->cursor.len == 0 ? (struct bytes){0} : buffer_bytes(&watch->cursor),
        .heartbeat_us = watch->silence_us / HEARTBEATS_A_SILENCE,
    };
    if (message_watch_encode(&message, &watch->out) != 0) {
        watch_lost(watch, SHOAL_ENOMEM, shoal_error_text(SHOAL_ENOMEM));
        return;
    }
    watch->state = WATCH_ASKING;
    flush_out(watch);
}

/* ---- receiving ------------------------------------------------------------------------------- */

/* Would another node say the same? */
static bool is_final(int code)
{
    return code == SHOAL_EINVAL || code == SHOAL_ETOOBIG || code == SHOAL_EPROTO ||
           code == SHOAL_EPERM || code == SHOAL_EVERSION;
}

static void take_result(struct shoal_watch *watch, struct bytes payload)
{
    struct message_result result;
    char text[CLIENT_TEXT_BYTES];
    if (message_result_decode(payload, &watch->arena, &result) != 0) {
        watch_lost(watch, SHOAL_EPROTO, "its answer makes no sense");
        return;
    }
    int code = result.code == 0 ? SHOAL_ESHUTDOWN : result.code;
    (void)snprintf(text, sizeof(text), "%.*s", (int)(result.text.len < 900 ? result.text.len : 900),
                   result.text.len == 0 ? "" : (const char *)result.text.data);
    const char *why = text[0] == 0 ? shoal_error_text(code) : text;
    if (is_final(code)) {
        watch_end(watch, code, why);
    } else {
        watch_lost(watch, code, why);
    }
}

static void take_watched(struct shoal_watch *watch, struct bytes payload)
{
    struct message_watched frame;
    if (message_watched_decode(payload, &watch->arena, &frame) != 0) {
        watch_lost(watch, SHOAL_EPROTO, "its answer makes no sense");
        return;
    }
    watch->frame = frame;
    watch->next = 0;
    if (watch->state == WATCH_ASKING) {
        watch_reading(watch);
    }
    if (!watch->stopped && !watch->client->closing) {
        watch_tell(watch);
    }
}

static void take_hello_reply(struct shoal_watch *watch, struct bytes payload)
{
    struct message_hello_reply reply;
    if (message_hello_reply_decode(payload, &watch->arena, &reply) != 0) {
        watch_lost(watch, SHOAL_EPROTO, "it answers the greeting with something else");
    } else if (reply.version != PROTOCOL_VERSION) {
        watch_lost(watch, SHOAL_EVERSION, "it speaks another version of the protocol");
    } else {
        ask(watch);
    }
}

static void take_frame(struct shoal_watch *watch, struct bytes payload)
{
    uint32_t kind = 0;
    uint64_t id = 0;
    arena_reset(&watch->arena);
    if (frame_validate(payload) != 0 || frame_peek(payload, &kind, &id) != 0) {
        watch_lost(watch, SHOAL_EPROTO, "it sends malformed frames");
    } else if (kind == MESSAGE_RESULT) {
        take_result(watch, payload);
    } else if (kind == MESSAGE_HELLO_REPLY && watch->state == WATCH_GREETING) {
        take_hello_reply(watch, payload);
    } else if (kind == MESSAGE_WATCHED && watch->state >= WATCH_ASKING) {
        take_watched(watch, payload);
    } else {
        watch_lost(watch, SHOAL_EPROTO, "it sends what was not asked for");
    }
}

/* True while frames may be taken: everything told, and the connection still the same. */
static bool may_take(const struct shoal_watch *watch)
{
    return watch->fd >= 0 && !watch->stopped && !watch->paused && !watch->client->closing &&
           !watch->shown_set && !watch->lent && watch->next == watch->frame.count;
}

static void take_frames(struct shoal_watch *watch, size_t *need)
{
    *need = FRAME_PREFIX_BYTES;
    while (may_take(watch)) {
        struct bytes payload;
        size_t taken = 0;
        int found = frame_next(
            bytes_make(watch->in.data + watch->in_start, watch->in.len - watch->in_start),
            LIMIT_FRAME_BYTES, &payload, &taken, need);
        if (found > 0) {
            return;
        }
        if (found < 0) {
            watch_lost(watch, found, "it sends no frames of Shoal's");
            return;
        }
        watch->in_start += taken;
        take_frame(watch, payload);
    }
}

/* At most double what has really come is made room for. */
static int prepare(struct shoal_watch *watch, size_t need)
{
    struct buffer *in = &watch->in;
    size_t left = in->len - watch->in_start;
    if (left == 0 && in->capacity > BUFFER_KEEP_BYTES) {
        buffer_deinit(in);
    } else if (left > 0 && watch->in_start > 0) {
        memmove(in->data, in->data + watch->in_start, left);
    }
    in->len = left;
    watch->in_start = 0;
    size_t more = need > left ? need - left : 0;
    more = more < left ? more : left;
    return buffer_reserve(in, more > READ_BYTES ? more : READ_BYTES);
}

static void receive(struct shoal_watch *watch)
{
    size_t need;
    take_frames(watch, &need);
    if (!may_take(watch)) {
        return;
    }
    if (prepare(watch, need) != 0) {
        watch_lost(watch, SHOAL_ENOMEM, shoal_error_text(SHOAL_ENOMEM));
        return;
    }
    ssize_t got =
        recv(watch->fd, watch->in.data + watch->in.len, watch->in.capacity - watch->in.len, 0);
    if (got > 0) {
        watch->in.len += (size_t)got;
        watch->heard_us = watch->client->now_us;
        take_frames(watch, &need);
    } else if (got == 0) {
        watch_lost(watch, SHOAL_ECONNECT, "it closed the connection");
    } else if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
        watch_lost(watch, SHOAL_ECONNECT, strerror(errno));
    }
}

/* Nothing is read while something waits to be told. */
static void settle_reading(struct shoal_watch *watch)
{
    if (watch->read_event == NULL) {
        return;
    }
    if (may_take(watch)) {
        (void)event_add(watch->read_event, NULL);
    } else {
        (void)event_del(watch->read_event);
    }
}

static void on_readable(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    struct shoal_watch *watch = user;
    struct shoal_client *client = watch->client;
    client_enter(client);
    watch->busy++;
    receive(watch);
    settle_reading(watch);
    watch_leave(watch);
    client_leave(client);
}

/* The time in which nothing was read tells nothing of the node; all other time does, also where the
 * caller looks in ever so often. */
static void count_no_silence(struct shoal_watch *watch)
{
    uint64_t now_us = watch->client->now_us;
    uint64_t heard_us = watch->heard_us + (now_us - watch->held_us);
    if (watch->held_us != 0) {
        watch->heard_us = heard_us < now_us ? heard_us : now_us;
        watch->held_us = 0;
    }
}

void watch_link_resume(struct shoal_watch *watch)
{
    count_no_silence(watch);
    if (watch->fd < 0) {
        return;
    }
    size_t need;
    watch_tell(watch);
    take_frames(watch, &need);
    settle_reading(watch);
}

/* ---- opening and closing --------------------------------------------------------------------- */

void watch_link_listen(struct shoal_watch *watch)
{
    uint64_t now_us = watch->client->now_us;
    uint64_t due_us = watch->heard_us + watch->silence_us;
    client_start_timer(watch->client, &watch->timer,
                       due_us > now_us ? due_us : now_us + watch->silence_us);
}

static void on_dialled(void *user, int fd, const char *why)
{
    struct shoal_watch *watch = user;
    struct shoal_client *client = watch->client;
    client_enter(client);
    watch->busy++;
    watch->dial = NULL;
    if (fd < 0) {
        watch_lost(watch, SHOAL_ECONNECT, why);
    } else {
        watch->fd = fd;
        watch->heard_us = client->now_us;
        watch->read_event = event_new(client->base, fd, EV_READ | EV_PERSIST, on_readable, watch);
        watch->write_event = event_new(client->base, fd, EV_WRITE, on_writable, watch);
        if (watch->read_event == NULL || watch->write_event == NULL) {
            watch_lost(watch, SHOAL_ENOMEM, shoal_error_text(SHOAL_ENOMEM));
        } else {
            watch_link_listen(watch);
            settle_reading(watch);
            say_hello(watch);
        }
    }
    watch_leave(watch);
    client_leave(client);
}

int watch_link_open(struct shoal_watch *watch, const char *host, uint16_t port)
{
    return dial_start(&watch->client->dialer, host, port, on_dialled, watch, &watch->dial);
}

static void free_event(struct event **event)
{
    if (*event != NULL) {
        event_free(*event);
        *event = NULL;
    }
}

void watch_link_close(struct shoal_watch *watch)
{
    if (watch->dial != NULL) {
        dial_cancel(watch->dial);
        watch->dial = NULL;
    }
    free_event(&watch->read_event);
    free_event(&watch->write_event);
    if (watch->fd >= 0) {
        (void)close(watch->fd);
    }
    watch->fd = -1;
    /* An event of the iterator's that is shown stays readable: its memory is `in` and the arena. */
    watch->in_start = watch->in.len;
    buffer_clear(&watch->out);
    watch->out_start = 0;
    watch->frame = (struct message_watched){0};
    watch->next = 0;
}
