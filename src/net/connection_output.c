/* A connection's output. Messages are encoded straight into the newest run; at the end of the turn
 * all runs of a connection go out in one call, and what the socket doesn't take waits for it. */
#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/assert.h"
#include "base/limits.h"
#include "base/memory.h"
#include "net/connection_state.h"
#include "shoal/error.h"

#define RUN_BYTES_FULL 131072u /* a longer run takes no more messages */
#define RUN_BYTES_KEPT 262144u /* a larger one is not kept for reuse */
#define RUNS_KEPT 64u
#define RUNS_A_WRITE 16

static void flush(struct connection *connection);

static struct output_run *run_of(struct queue *link)
{
    return QUEUE_ITEM(link, struct output_run, link);
}

static void free_run(struct output_run *run)
{
    queue_remove(&run->link);
    buffer_deinit(&run->buffer);
    mem_free(run);
}

/* Runs are recycled by the loop, the last used first: idle connections hold none. */
static void put_back(struct loop *loop, struct output_run *run)
{
    if (run->buffer.capacity > RUN_BYTES_KEPT || loop->free_run_count == RUNS_KEPT) {
        free_run(run);
        return;
    }
    queue_remove(&run->link);
    buffer_clear(&run->buffer);
    queue_push(loop->free_runs.next, &run->link);
    loop->free_run_count++;
}

static struct output_run *take_run(struct loop *loop)
{
    struct queue *link = queue_pop(&loop->free_runs);
    if (link != NULL) {
        loop->free_run_count--;
        return run_of(link);
    }
    struct output_run *run = mem_alloc(sizeof(*run));
    if (run != NULL) {
        queue_init(&run->link);
        buffer_init(&run->buffer, 0);
    }
    return run;
}

void connections_free_runs(struct loop *loop)
{
    struct output_run *run;
    while (!queue_empty(&loop->free_runs) && (run = take_run(loop)) != NULL) {
        free_run(run);
    }
}

static void on_writable(evutil_socket_t fd, short what, void *self)
{
    (void)fd;
    (void)what;
    flush(self);
}

void connection_output_init(struct connection *connection)
{
    queue_init(&connection->runs);
    queue_init(&connection->dirty_link);
    connection_marks(connection, CONNECTION_QUEUE_HIGH_BYTES, CONNECTION_QUEUE_LOW_BYTES);
    connection->write_event = event_new(connection->loop->base, connection->fd,
                                        EV_WRITE | EV_PERSIST, on_writable, connection);
}

/* Changes what is queued, in all three places that count it. */
static void count(struct connection *connection, size_t more, size_t less)
{
    connection->queued += more;
    connection->queued -= less;
    if (connection->output_counted) {
        connection->loop->output_bytes += more;
        connection->loop->output_bytes -= less;
    }
}

void connection_output_deinit(struct connection *connection)
{
    queue_remove(&connection->dirty_link);
    while (!queue_empty(&connection->runs)) {
        free_run(run_of(connection->runs.next));
    }
    count(connection, 0, connection->queued);
}

void connection_count_output(struct connection *connection)
{
    ASSERT(!connection->output_counted);
    connection->output_counted = true;
    connection->loop->output_bytes += connection->queued;
}

void connection_marks(struct connection *connection, size_t high_bytes, size_t low_bytes)
{
    connection->high_bytes = high_bytes;
    connection->low_bytes = low_bytes;
}

size_t connection_queued(const struct connection *connection)
{
    return connection->queued;
}

uint64_t connection_sent(const struct connection *connection)
{
    return connection->sent_bytes;
}

struct buffer *connection_output(struct connection *connection)
{
    if (!queue_empty(&connection->runs)) {
        struct output_run *newest = run_of(connection->runs.previous);
        if (newest->buffer.len < RUN_BYTES_FULL) {
            return &newest->buffer;
        }
    }
    struct output_run *run = take_run(connection->loop);
    if (run == NULL) {
        connection_fail(connection, SHOAL_ENOMEM);
        return NULL;
    }
    queue_push(&connection->runs, &run->link);
    connection->counted_run_len = 0;
    return &run->buffer;
}

void connection_send(struct connection *connection)
{
    if (queue_empty(&connection->runs)) {
        return;
    }
    size_t len = run_of(connection->runs.previous)->buffer.len;
    count(connection, len - connection->counted_run_len, 0);
    connection->counted_run_len = len;
    if (connection->queued > connection->high_bytes) {
        connection->above_high = true;
    }
    if (connection->phase != CONNECTION_CLOSED && !connection->writing &&
        queue_empty(&connection->dirty_link)) {
        queue_push(&connection->loop->dirty, &connection->dirty_link);
    }
}

int connection_write(struct connection *connection, struct bytes bytes)
{
    struct buffer *out = connection_output(connection);
    int code = out == NULL ? SHOAL_ENOMEM : buffer_append_bytes(out, bytes);
    if (code == 0) {
        connection_send(connection);
    }
    return code;
}

/* ---- sending --------------------------------------------------------------------------------- */

static int gather(const struct connection *connection, struct iovec pieces[RUNS_A_WRITE])
{
    int piece_count = 0;
    size_t skip = connection->sent;
    const struct queue *link = connection->runs.next;
    while (link != &connection->runs && piece_count < RUNS_A_WRITE) {
        const struct output_run *run =
            QUEUE_ITEM((struct queue *)(uintptr_t)link, struct output_run, link);
        pieces[piece_count++] =
            (struct iovec){.iov_base = run->buffer.data + skip, .iov_len = run->buffer.len - skip};
        skip = 0;
        link = link->next;
    }
    return piece_count;
}

/* So many bytes are with the kernel. */
static void pass_over(struct connection *connection, size_t len)
{
    count(connection, 0, len);
    connection->sent += len;
    connection->sent_bytes += len;
    while (!queue_empty(&connection->runs)) {
        struct output_run *run = run_of(connection->runs.next);
        if (connection->sent < run->buffer.len) {
            return;
        }
        connection->sent -= run->buffer.len;
        put_back(connection->loop, run);
    }
    connection->counted_run_len = 0;
}

static void wait_writable(struct connection *connection, bool wait)
{
    if (wait == connection->writing) {
        return;
    }
    if (wait && event_add(connection->write_event, NULL) != 0) {
        connection_fail(connection, SHOAL_ENOMEM);
        return;
    }
    if (!wait) {
        event_del(connection->write_event);
    }
    connection->writing = wait;
}

static void after_sending(struct connection *connection)
{
    if (connection->above_high && connection->queued < connection->low_bytes) {
        connection->above_high = false;
        if (connection->phase == CONNECTION_OPEN && connection->handler != NULL &&
            connection->handler->drained != NULL) {
            connection->handler->drained(connection->self, connection);
        }
    }
    if (connection->phase == CONNECTION_FINISHING && connection->queued == 0) {
        connection_linger(connection);
    }
}

static void flush(struct connection *connection)
{
    while (connection->queued > 0) {
        struct iovec pieces[RUNS_A_WRITE];
        struct msghdr message = {.msg_iov = pieces};
        message.msg_iovlen = (size_t)gather(connection, pieces);
        ssize_t sent = sendmsg(connection->fd, &message, MSG_NOSIGNAL);
        if (sent < 0) {
            if (errno == EINTR) {
                continue;
            }
            if (errno == EAGAIN) {
                break;
            }
            connection_fail(connection, SHOAL_ECONNECT);
            return;
        }
        connection->loop->traffic.sent_bytes += (uint64_t)sent;
        pass_over(connection, (size_t)sent);
    }
    wait_writable(connection, connection->queued > 0);
    if (connection->phase != CONNECTION_CLOSED) {
        after_sending(connection);
    }
}

void connections_flush(struct loop *loop)
{
    struct queue *link;
    while ((link = queue_pop(&loop->dirty)) != NULL) {
        flush(QUEUE_ITEM(link, struct connection, dirty_link));
    }
}

bool connections_sent(const struct loop *loop)
{
    for (const struct queue *link = loop->connections.next; link != &loop->connections;
         link = link->next) {
        const struct connection *connection =
            QUEUE_ITEM((struct queue *)(uintptr_t)link, struct connection, link);
        if (connection->queued > 0 && connection->phase != CONNECTION_CLOSED) {
            return false;
        }
    }
    return true;
}
