/*      looking up -> connecting, hello queued -> hello answered -> done
 *           |              |  ^   (the next address)      |
 *           '--------------'--'---- failed, timed out ----'
 */
#include "net/dial.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/memory.h"
#include "net/address.h"
#include "net/blocking.h"
#include "net/frame_input.h"
#include "net/hello.h"
#include "shoal/error.h"

#define HELLO_ID 1u

struct dial {
    struct loop *loop;
    struct blocking *names;
    dial_done done;
    void *self;
    bool with_cluster;
    uint16_t port;
    char host[LIMIT_NAME_BYTES + 1];

    struct blocking_job job;
    bool looking_up; /* the job is away: the dial can't be freed */
    bool cancelled;
    const char *why;
    struct addresses addresses;
    uint32_t next_address;

    struct task start;
    struct timer timeout;
    struct frame_input frames;
    struct connection *connection;
    int failure; /* of the attempt before */
    char text[256];
};

static void try_next(struct dial *dial);

static void free_dial(struct dial *dial)
{
    loop_forget(&dial->start);
    timers_stop(&dial->loop->timers, &dial->timeout);
    if (dial->connection != NULL) {
        connection_abandon(dial->connection);
        dial->connection = NULL;
    }
    if (dial->looking_up) {
        dial->cancelled = true;
    } else {
        mem_free(dial);
    }
}

void dial_cancel(struct dial *dial)
{
    if (dial != NULL) {
        free_dial(dial);
    }
}

static void conclude(struct dial *dial, const struct dial_outcome *outcome)
{
    dial_done done = dial->done;
    void *self = dial->self;
    free_dial(dial);
    done(self, outcome);
}

static void fail(struct dial *dial, int code, const char *text)
{
    struct dial_outcome outcome = {.code = code};
    snprintf(outcome.text, sizeof(outcome.text), "%s", text);
    conclude(dial, &outcome);
}

/* ---- the hello's answer ---------------------------------------------------------------------- */

static void succeed(struct dial *dial, const struct message_hello_reply *reply)
{
    struct dial_outcome outcome = {.connection = dial->connection, .hello = *reply};
    dial->connection = NULL;
    conclude(dial, &outcome);
}

static void refused(struct dial *dial, struct bytes payload)
{
    struct message_result result;
    if (message_result_decode(payload, &dial->loop->arena, &result) != 0 || result.code >= 0) {
        fail(dial, SHOAL_EPROTO, "the answer to the hello is malformed");
        return;
    }
    char text[256];
    snprintf(text, sizeof(text), "%.*s", (int)(result.text.len < 255 ? result.text.len : 255),
             result.text.data == NULL ? "" : (const char *)result.text.data);
    fail(dial, result.code, text);
}

static void answered(struct dial *dial, const struct frame *frame)
{
    struct message_hello_reply reply;
    if (frame->kind == MESSAGE_RESULT) {
        refused(dial, frame->payload);
    } else if (frame->kind != MESSAGE_HELLO_REPLY ||
               message_hello_reply_decode(frame->payload, &dial->loop->arena, &reply) != 0) {
        fail(dial, SHOAL_EPROTO, "the answer to the hello is malformed: is this a peer port?");
    } else if (reply.version < 1 || reply.version > PROTOCOL_VERSION) {
        fail(dial, SHOAL_EVERSION, "the other side chose a protocol version unknown here");
    } else {
        succeed(dial, &reply);
    }
}

static size_t on_input(void *self, struct connection *connection, struct bytes bytes, size_t *need)
{
    (void)connection;
    struct dial *dial = self;
    struct frame frame;
    size_t taken;
    int outcome = frame_input_next(&dial->frames, bytes, false, &frame, &taken, need);
    arena_reset(&dial->loop->arena);
    if (outcome == FRAME_READY) {
        answered(dial, &frame);
    } else if (outcome != FRAME_MORE) {
        fail(dial, SHOAL_EPROTO, "what answers there does not speak Shoal's protocol");
    }
    return taken;
}

/* ---- connecting ------------------------------------------------------------------------------ */

static void on_closed(void *self, struct connection *connection, int code)
{
    (void)connection;
    (void)code;
    struct dial *dial = self;
    dial->connection = NULL;
    dial->failure = SHOAL_ECONNECT;
    snprintf(dial->text, sizeof(dial->text), "could not be reached");
    try_next(dial);
}

static const struct connection_handler handler = {.input = on_input, .closed = on_closed};

static int connect_to(struct dial *dial, const struct address *address)
{
    int fd = socket(address->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return SHOAL_ECONNECT;
    }
    hello_socket_options(fd);
    int code = 0;
    if (connect(fd, (const struct sockaddr *)&address->storage, address->len) != 0 &&
        errno != EINPROGRESS) {
        code = SHOAL_ECONNECT;
    }
    if (code == 0) {
        code = connection_new(dial->loop, fd, &handler, dial, &dial->connection);
    }
    if (code != 0) {
        close(fd);
        return code;
    }
    struct message_hello hello = hello_to_peer(dial->loop, HELLO_ID, dial->with_cluster);
    struct buffer *out = connection_output(dial->connection);
    if (out == NULL || message_hello_encode(&hello, out) != 0) {
        connection_abandon(dial->connection);
        dial->connection = NULL;
        return SHOAL_ENOMEM;
    }
    connection_send(dial->connection);
    return 0;
}

/* Runs as a task, a timer or a connection's end: never within a call of dial.h. */
static void try_next(struct dial *dial)
{
    while (dial->next_address < dial->addresses.count) {
        const struct address *address = &dial->addresses.items[dial->next_address++];
        dial->failure = connect_to(dial, address);
        if (dial->failure == 0) {
            return;
        }
        snprintf(dial->text, sizeof(dial->text), "could not be reached");
    }
    fail(dial, dial->failure, dial->text);
}

/* ---- looking up ------------------------------------------------------------------------------ */

static void look_up(struct blocking_job *job)
{
    struct dial *dial = QUEUE_ITEM(job, struct dial, job);
    dial->failure = address_look_up(dial->host, dial->port, false, &dial->addresses, &dial->why);
}

static void looked_up(struct blocking_job *job, bool dropped)
{
    struct dial *dial = QUEUE_ITEM(job, struct dial, job);
    dial->looking_up = false;
    if (dial->cancelled || dropped) {
        mem_free(dial);
        return;
    }
    if (dial->failure != 0) {
        snprintf(dial->text, sizeof(dial->text), "the name can't be looked up: %s", dial->why);
    }
    try_next(dial);
}

static void start(struct task *task)
{
    struct dial *dial = QUEUE_ITEM(task, struct dial, start);
    if (address_parse(dial->host, dial->port, &dial->addresses) == 0) {
        try_next(dial);
        return;
    }
    dial->looking_up = true;
    dial->job = (struct blocking_job){.loop = dial->loop, .run = look_up, .done = looked_up};
    blocking_give(dial->names, &dial->job);
}

static void on_timeout(struct timer *timer, uint64_t now_us)
{
    (void)now_us;
    struct dial *dial = QUEUE_ITEM(timer, struct dial, timeout);
    fail(dial, SHOAL_ETIMEOUT, "no answer in time");
}

int dial_start(struct loop *loop, struct blocking *names, const struct dial_options *options,
               struct dial **out)
{
    struct dial *dial = mem_alloc_zeroed(1, sizeof(*dial));
    if (dial == NULL) {
        return SHOAL_ENOMEM;
    }
    dial->loop = loop;
    dial->names = names;
    dial->done = options->done;
    dial->self = options->self;
    dial->with_cluster = options->with_cluster;
    dial->port = options->port;
    snprintf(dial->host, sizeof(dial->host), "%s", options->host);
    dial->frames = (struct frame_input){.len_max = LIMIT_FRAME_BYTES_BEFORE_HELLO,
                                        .len_max_hard = LIMIT_FRAME_BYTES_BEFORE_HELLO};
    dial->failure = SHOAL_ECONNECT;
    dial->timeout.fire = on_timeout;
    task_init(&dial->start, start);
    loop_defer(loop, &dial->start);
    loop_start_timer(loop, &dial->timeout, options->timeout_us);
    *out = dial;
    return 0;
}
