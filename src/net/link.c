/*      resting (backoff) -> dialling -> up -> resting ...
 *
 * The worker hears of up and down only from tasks, timers and input, never from within links_want.
 */
#include "net/link.h"

#include <stdio.h>

#include "base/limits.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/mutant.h"
#include "net/connection.h"
#include "net/dial.h"
#include "net/frame_input.h"
#include "net/hello.h"
#include "shoal/error.h"

/* A link that lasted so long begins again with the shortest backoff. */
#define STABLE_US 5000000u

struct link {
    struct links *links;
    uint64_t node;
    char host[LIMIT_NAME_BYTES + 1];
    uint16_t port;

    struct timer rest;
    uint64_t backoff_us;
    struct dial *dial;
    char trouble[256]; /* what was last logged, so that it is logged once */

    /* While up. */
    struct connection *connection;
    struct frame_input frames;
    struct timer check;
    uint64_t up_since_us;
    uint64_t check_due_us;
    uint64_t heard_us;
    uint64_t pinged_us; /* 0: no PING is unanswered */
    uint64_t pings;

    struct task later; /* of a link that was moved while up, or is wanted no more */
    bool unwanted;
};

static void start_dial(struct link *link);

/* ---- down ------------------------------------------------------------------------------------ */

/* Half to one and a half of the backoff, which doubles. */
static void start_rest(struct link *link)
{
    struct loop *loop = link->links->loop;
    if (link->links->stopping) {
        return;
    }
    uint64_t delay_us = link->backoff_us / 2 + random_below(&loop->random, link->backoff_us);
    link->backoff_us *= 2;
    if (link->backoff_us > LINK_BACKOFF_US_MAX) {
        link->backoff_us = LINK_BACKOFF_US_MAX;
    }
    loop_start_timer(loop, &link->rest, delay_us);
}

static void on_rested(struct timer *timer, uint64_t now_us)
{
    (void)now_us;
    start_dial(QUEUE_ITEM(timer, struct link, rest));
}

/* Once, and by one worker for all: each has its own link, and they mostly fail together. */
static void report_trouble(struct link *link, const char *text)
{
    if (strcmp(link->trouble, text) == 0 || link->links->stopping) {
        return;
    }
    snprintf(link->trouble, sizeof(link->trouble), "%s", text);
    log_at(link->links->loop->index == 0 ? LOG_WARNING : LOG_DEBUG, "link: no connection to peer",
           LOG_HEX("peer", link->node), LOG_TEXT("host", link->host), LOG_U64("port", link->port),
           LOG_TEXT("reason", link->trouble));
}

static void tell_down(struct link *link)
{
    struct loop *loop = link->links->loop;
    if (!loop->ended) {
        worker_link(loop->worker, loop_now(loop), link->node, false);
    }
}

static void went_down(struct link *link, const char *why)
{
    struct loop *loop = link->links->loop;
    timers_stop(&loop->timers, &link->check);
    if (loop_now(loop).mono_us - link->up_since_us > STABLE_US) {
        link->backoff_us = LINK_BACKOFF_US_MIN;
    }
    report_trouble(link, why);
    start_rest(link);
    tell_down(link);
}

static void cut(struct link *link, const char *why)
{
    connection_abandon(link->connection);
    link->connection = NULL;
    went_down(link, why);
}

/* The worker is still to be told of a link that was moved; one that is unwanted goes only now,
 * since the worker may have said so while it was being handed what came over it. */
static void run_later(struct task *task)
{
    struct link *link = QUEUE_ITEM(task, struct link, later);
    if (link->unwanted) {
        mem_free(link);
    } else {
        tell_down(link);
    }
}

/* ---- up -------------------------------------------------------------------------------------- */

static void send_ping(struct link *link, uint64_t now_us)
{
    struct buffer *out = connection_output(link->connection);
    if (out != NULL && message_ping_encode(++link->pings, out) == 0) {
        connection_send(link->connection);
        link->pinged_us = now_us;
    }
}

/* A check that comes late says that this process was held up, not the peer: it is not counted. */
static void on_check(struct timer *timer, uint64_t now_us)
{
    struct link *link = QUEUE_ITEM(timer, struct link, check);
    bool late = now_us > link->check_due_us + LINK_CHECK_US / 2;
    if (late) {
        link->pinged_us = 0;
    }
    if (link->pinged_us != 0 && now_us - link->heard_us >= LINK_SILENCE_US) {
        cut(link, "the peer does not answer");
        return;
    }
    if (link->pinged_us == 0 && (late || now_us - link->heard_us >= LINK_CHECK_US)) {
        if (late) {
            link->heard_us = now_us;
        }
        send_ping(link, now_us);
    }
    link->check_due_us = now_us + LINK_CHECK_US;
    loop_start_timer(link->links->loop, &link->check, LINK_CHECK_US);
}

static size_t on_input(void *self, struct connection *connection, struct bytes bytes, size_t *need)
{
    struct link *link = self;
    struct loop *loop = link->links->loop;
    size_t taken = 0;
    link->heard_us = loop_now(loop).mono_us;
    link->pinged_us = 0;
    while (taken < bytes.len && link->connection == connection) {
        struct frame frame;
        size_t now;
        int outcome =
            frame_input_next(&link->frames, bytes_make(bytes.data + taken, bytes.len - taken),
                             false, &frame, &now, need);
        taken += now;
        if (outcome == FRAME_MORE) {
            break;
        }
        if (outcome != FRAME_READY) {
            cut(link, "the peer sent what is no frame");
            break;
        }
        if (frame.kind != MESSAGE_PONG) {
            worker_answer(loop->worker, loop_now(loop), link->node, frame.payload);
        }
    }
    return taken;
}

static void on_closed(void *self, struct connection *connection, int code)
{
    (void)connection;
    (void)code;
    struct link *link = self;
    link->connection = NULL;
    went_down(link, "the connection was closed");
}

static const struct connection_handler handler = {.input = on_input, .closed = on_closed};

static void went_up(struct link *link, const struct dial_outcome *outcome)
{
    struct loop *loop = link->links->loop;
    uint64_t now_us = loop_now(loop).mono_us;
    link->connection = outcome->connection;
    connection_handle(link->connection, &handler, link);
    link->frames =
        (struct frame_input){.len_max = LIMIT_FRAME_BYTES, .len_max_hard = LIMIT_FRAME_BYTES};
    link->up_since_us = now_us;
    link->heard_us = now_us;
    link->pinged_us = 0;
    link->check_due_us = now_us + LINK_CHECK_US;
    loop_start_timer(loop, &link->check, LINK_CHECK_US);
    log_at(loop->index == 0 && link->trouble[0] != 0 ? LOG_INFO : LOG_DEBUG, "link: up",
           LOG_HEX("peer", link->node), LOG_TEXT("name", outcome->hello.name));
    link->trouble[0] = 0;
    worker_link(loop->worker, loop_now(loop), link->node, true);
}

/* ---- dialling -------------------------------------------------------------------------------- */

/* A name may stand for several nodes: it is the right one that counts. */
static int judge(void *self, const struct message_hello_reply *reply, char text[256])
{
    const struct link *link = self;
    if (reply->node != link->node && !MUTANT(other_node)) {
        snprintf(text, 256, "another node (%016llx) answers at this address",
                 (unsigned long long)reply->node);
        return SHOAL_ECLUSTER;
    }
    struct message_hello hello = hello_of_reply(reply);
    return worker_check_hello(link->links->loop->worker, &hello, text);
}

static void fail_dial(struct link *link, int code, const char *text)
{
    struct loop *loop = link->links->loop;
    report_trouble(link, text);
    start_rest(link);
    if (code == SHOAL_ECLUSTER) {
        worker_stranger(loop->worker, loop_now(loop), link->node);
    }
}

static void on_dialled(void *self, const struct dial_outcome *outcome)
{
    struct link *link = self;
    link->dial = NULL;
    if (outcome->code != 0) {
        fail_dial(link, outcome->code, outcome->text);
        return;
    }
    went_up(link, outcome);
}

static void start_dial(struct link *link)
{
    struct dial_options options = {
        .host = link->host,
        .port = link->port,
        .with_cluster = true,
        .timeout_us = LINK_DIAL_US,
        .judge = judge,
        .done = on_dialled,
        .self = link,
    };
    if (dial_start(link->links->loop, link->links->names, &options, &link->dial) != 0) {
        start_rest(link);
    }
}

/* ---- wanting --------------------------------------------------------------------------------- */

static void hang_up(struct link *link)
{
    struct loop *loop = link->links->loop;
    timers_stop(&loop->timers, &link->rest);
    timers_stop(&loop->timers, &link->check);
    dial_cancel(link->dial);
    link->dial = NULL;
    if (link->connection != NULL) {
        connection_abandon(link->connection);
        link->connection = NULL;
    }
}

static void set_address(struct link *link, const char *host, uint16_t port)
{
    snprintf(link->host, sizeof(link->host), "%s", host);
    link->port = port;
    link->backoff_us = LINK_BACKOFF_US_MIN;
    link->trouble[0] = 0;
    if (!link->links->stopping) {
        start_dial(link);
    }
}

static struct link *add_link(struct links *links, uint64_t node)
{
    struct link *link = mem_alloc_zeroed(1, sizeof(*link));
    if (link == NULL) {
        return NULL;
    }
    link->links = links;
    link->node = node;
    link->rest.fire = on_rested;
    link->check.fire = on_check;
    task_init(&link->later, run_later);
    if (table_put(&links->by_node, node, link) != 0) {
        mem_free(link);
        return NULL;
    }
    return link;
}

void links_want(struct links *links, uint64_t node, const char *host, uint16_t port)
{
    struct link *link = table_get(&links->by_node, node);
    if (link == NULL) {
        link = add_link(links, node);
        if (link == NULL) {
            log_error("link: out of memory", LOG_HEX("peer", node));
            return;
        }
    } else if (strcmp(link->host, host) == 0 && link->port == port) {
        return;
    } else {
        bool was_up = link->connection != NULL;
        hang_up(link);
        if (was_up) {
            loop_defer(links->loop, &link->later);
        }
    }
    set_address(link, host, port);
}

void links_unwant(struct links *links, uint64_t node)
{
    struct link *link = table_remove(&links->by_node, node);
    if (link != NULL) {
        hang_up(link);
        link->unwanted = true;
        loop_defer(links->loop, &link->later);
    }
}

int links_send(struct links *links, uint64_t node, struct bytes frame)
{
    struct link *link = table_get(&links->by_node, node);
    if (link == NULL || link->connection == NULL || connection_over(link->connection)) {
        return SHOAL_ECONNECT;
    }
    if (connection_queued(link->connection) + frame.len > LIMIT_QUEUE_BYTES_PER_PEER) {
        return SHOAL_EOVERLOAD;
    }
    return connection_write(link->connection, frame) == 0 ? 0 : SHOAL_EOVERLOAD;
}

void links_stop(struct links *links)
{
    size_t cursor = 0;
    uint64_t node;
    void *value;
    links->stopping = true;
    while (table_next(&links->by_node, &cursor, &node, &value)) {
        struct link *link = value;
        timers_stop(&links->loop->timers, &link->rest);
        dial_cancel(link->dial);
        link->dial = NULL;
    }
}

void links_init(struct links *links, struct loop *loop, struct resolver *names)
{
    *links = (struct links){.loop = loop, .names = names};
    table_init(&links->by_node);
}

void links_deinit(struct links *links)
{
    size_t cursor = 0;
    uint64_t node;
    void *value;
    while (table_next(&links->by_node, &cursor, &node, &value)) {
        struct link *link = value;
        hang_up(link);
        loop_forget(&link->later);
        mem_free(link);
    }
    table_deinit(&links->by_node);
}
