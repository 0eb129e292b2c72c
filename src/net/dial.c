/*      looking up -> connecting, hello queued -> hello answered -> judged -> done
 *           |              |  ^   (the next address)      |           |
 *           '--------------'--'---- failed, timed out ----'-----------'
 */
#include "net/dial.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/memory.h"
#include "net/address.h"
#include "net/frame_input.h"
#include "net/hello.h"
#include "net/resolver.h"
#include "shoal/error.h"

#define HELLO_ID 1u

struct dial {
    struct loop *loop;
    struct resolver *names;
    struct dial_options options; /* but for the host */
    char host[LIMIT_NAME_BYTES + 1];
    uint64_t until_us;

    struct lookup lookup;
    bool looking_up; /* the lookup is away: the dial can't be freed */
    bool cancelled;
    struct addresses addresses;
    uint32_t first; /* of them, to be tried */
    uint32_t tried;

    struct task start;
    struct timer timeout; /* of the lookup, then of each address */
    struct frame_input frames;
    struct connection *connection;
    bool judged; /* the failure is a judgement */
    int failure; /* of the address before */
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
    dial_done done = dial->options.done;
    void *self = dial->options.self;
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

/* Somebody answers, but not who is looked for: perhaps at the next address. */
static void pass_over(struct dial *dial, int code, const char *text)
{
    connection_abandon(dial->connection);
    dial->connection = NULL;
    dial->judged = true;
    dial->failure = code;
    snprintf(dial->text, sizeof(dial->text), "%s", text);
    try_next(dial);
}

static void take_node(struct dial *dial, const struct message_hello_reply *reply)
{
    char text[256] = "";
    int code =
        dial->options.judge == NULL ? 0 : dial->options.judge(dial->options.self, reply, text);
    if (code != 0) {
        pass_over(dial, code, text);
        return;
    }
    struct dial_outcome outcome = {.connection = dial->connection, .hello = *reply};
    dial->connection = NULL;
    conclude(dial, &outcome);
}

static void refused(struct dial *dial, struct bytes payload)
{
    struct message_result result;
    if (message_result_decode(payload, &dial->loop->arena, &result) != 0 || result.code >= 0) {
        pass_over(dial, SHOAL_EPROTO, "the answer to the hello is malformed");
        return;
    }
    char text[256];
    snprintf(text, sizeof(text), "%.*s", (int)(result.text.len < 255 ? result.text.len : 255),
             result.text.data == NULL ? "" : (const char *)result.text.data);
    pass_over(dial, result.code, text);
}

static void answered(struct dial *dial, const struct frame *frame)
{
    struct message_hello_reply reply;
    if (frame->kind == MESSAGE_RESULT) {
        refused(dial, frame->payload);
    } else if (frame->kind != MESSAGE_HELLO_REPLY ||
               message_hello_reply_decode(frame->payload, &dial->loop->arena, &reply) != 0) {
        pass_over(dial, SHOAL_EPROTO, "the answer to the hello is malformed: is this a peer port?");
    } else if (reply.version < 1 || reply.version > PROTOCOL_VERSION) {
        pass_over(dial, SHOAL_EVERSION, "the other side chose a protocol version unknown here");
    } else {
        take_node(dial, &reply);
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
        pass_over(dial, SHOAL_EPROTO, "what answers there does not speak Shoal's protocol");
    }
    return taken;
}

/* ---- connecting ------------------------------------------------------------------------------ */

static void note_failure(struct dial *dial, int code, const char *text)
{
    if (!dial->judged) {
        dial->failure = code;
        snprintf(dial->text, sizeof(dial->text), "%s", text);
    }
}

static void on_closed(void *self, struct connection *connection, int code)
{
    (void)connection;
    (void)code;
    struct dial *dial = self;
    dial->connection = NULL;
    note_failure(dial, SHOAL_ECONNECT, "could not be reached");
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
    struct message_hello hello = hello_to_peer(dial->loop, HELLO_ID, dial->options.with_cluster);
    struct buffer *out = connection_output(dial->connection);
    if (out == NULL || message_hello_encode(&hello, out) != 0) {
        connection_abandon(dial->connection);
        dial->connection = NULL;
        return SHOAL_ENOMEM;
    }
    connection_send(dial->connection);
    return 0;
}

/* So long may the next address take: its share of what is left. */
static uint64_t share_us(const struct dial *dial, uint64_t now_us)
{
    uint64_t left_us = dial->until_us > now_us ? dial->until_us - now_us : 0;
    return left_us / (dial->addresses.count - dial->tried + 1);
}

/* Runs as a task, a timer, input or a connection's end: never within a call of dial.h. */
static void try_next(struct dial *dial)
{
    dial->frames = (struct frame_input){.len_max = LIMIT_FRAME_BYTES_BEFORE_HELLO,
                                        .len_max_hard = LIMIT_FRAME_BYTES_BEFORE_HELLO};
    while (dial->tried < dial->addresses.count) {
        uint32_t at = (dial->first + dial->tried++) % dial->addresses.count;
        int code = connect_to(dial, &dial->addresses.items[at]);
        if (code == 0) {
            loop_start_timer(dial->loop, &dial->timeout,
                             share_us(dial, loop_now(dial->loop).mono_us));
            return;
        }
        note_failure(dial, code, "could not be reached");
    }
    fail(dial, dial->failure, dial->text);
}

static void on_timeout(struct timer *timer, uint64_t now_us)
{
    (void)now_us;
    struct dial *dial = QUEUE_ITEM(timer, struct dial, timeout);
    note_failure(dial, SHOAL_ETIMEOUT, "no answer in time");
    if (dial->connection != NULL) {
        connection_abandon(dial->connection);
        dial->connection = NULL;
    }
    try_next(dial); /* while the name is looked up there are none */
}

/* ---- looking up ------------------------------------------------------------------------------ */

static void looked_up(struct lookup *lookup, bool dropped)
{
    struct dial *dial = QUEUE_ITEM(lookup, struct dial, lookup);
    dial->looking_up = false;
    if (dial->cancelled || dropped) {
        mem_free(dial);
        return;
    }
    if (lookup->code == 0) {
        dial->addresses = lookup->addresses;
    } else {
        dial->failure = lookup->code;
        snprintf(dial->text, sizeof(dial->text), "the name can't be looked up: %s", lookup->why);
    }
    if (dial->options.any_order && dial->addresses.count > 1) {
        dial->first = (uint32_t)random_below(&dial->loop->random, dial->addresses.count);
    }
    try_next(dial);
}

static void start(struct task *task)
{
    struct dial *dial = QUEUE_ITEM(task, struct dial, start);
    if (address_parse(dial->host, dial->options.port, &dial->addresses) == 0) {
        try_next(dial);
        return;
    }
    dial->looking_up = true;
    dial->lookup = (struct lookup){
        .loop = dial->loop, .host = dial->host, .port = dial->options.port, .done = looked_up};
    resolver_look_up(dial->names, &dial->lookup);
}

int dial_start(struct loop *loop, struct resolver *names, const struct dial_options *options,
               struct dial **out)
{
    struct dial *dial = mem_alloc_zeroed(1, sizeof(*dial));
    if (dial == NULL) {
        return SHOAL_ENOMEM;
    }
    dial->loop = loop;
    dial->names = names;
    dial->options = *options;
    dial->options.host = NULL;
    snprintf(dial->host, sizeof(dial->host), "%s", options->host);
    dial->failure = SHOAL_ECONNECT;
    dial->until_us = loop_now(loop).mono_us + options->timeout_us;
    dial->timeout.fire = on_timeout;
    task_init(&dial->start, start);
    loop_defer(loop, &dial->start);
    loop_start_timer(loop, &dial->timeout, options->timeout_us);
    *out = dial;
    return 0;
}
