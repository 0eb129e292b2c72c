/* A connection's life: opened, finished (what waits is sent, then the other side has its time to
 * close), failed, freed. It is freed by a task, so that no caller finds it gone under its feet. */
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"
#include "net/address.h"
#include "net/connection_state.h"
#include "shoal/error.h"

struct loop *connection_loop(const struct connection *connection)
{
    return connection->loop;
}

bool connection_over(const struct connection *connection)
{
    return connection->phase != CONNECTION_OPEN;
}

const char *connection_peer(const struct connection *connection)
{
    return connection->peer[0] == 0 ? "?" : connection->peer;
}

static void release(struct connection *connection)
{
    struct loop *loop = connection->loop;
    loop_forget(&connection->task);
    timers_stop(&loop->timers, &connection->linger);
    queue_remove(&connection->link);
    connection_input_deinit(connection);
    connection_output_deinit(connection);
    if (connection->write_event != NULL) {
        event_free(connection->write_event);
    }
    mem_free(connection);
}

static void run_task(struct task *task)
{
    struct connection *connection = QUEUE_ITEM(task, struct connection, task);
    if (connection->phase == CONNECTION_CLOSED) {
        if (connection->handler != NULL) {
            connection->handler->closed(connection->self, connection, connection->code);
        }
        release(connection);
        return;
    }
    connection_go_on(connection);
}

/* Whoever still reads what waits is given the time for it. */
static void on_linger_over(struct timer *timer, uint64_t now_us)
{
    (void)now_us;
    struct connection *connection = QUEUE_ITEM(timer, struct connection, linger);
    if (connection->phase == CONNECTION_FINISHING &&
        connection->sent_bytes != connection->linger_sent_bytes) {
        connection->linger_sent_bytes = connection->sent_bytes;
        loop_start_timer(connection->loop, timer, CONNECTION_UNREAD_US);
        return;
    }
    connection_fail(connection, 0);
}

int connection_new(struct loop *loop, int fd, const struct connection_handler *handler, void *self,
                   struct connection **out)
{
    struct connection *connection = mem_alloc_zeroed(1, sizeof(*connection));
    if (connection == NULL) {
        return SHOAL_ENOMEM;
    }
    connection->loop = loop;
    connection->handler = handler;
    connection->self = self;
    connection->linger.fire = on_linger_over;
    task_init(&connection->task, run_task);
    queue_init(&connection->link);
    connection->fd = fd;
    connection_output_init(connection);
    if (connection->write_event == NULL || connection_input_init(connection) != 0) {
        release(connection);
        return SHOAL_ENOMEM;
    }
    address_of_peer(fd, connection->peer, sizeof(connection->peer));
    queue_push(&loop->connections, &connection->link);
    *out = connection;
    return 0;
}

void connection_handle(struct connection *connection, const struct connection_handler *handler,
                       void *self)
{
    connection->handler = handler;
    connection->self = self;
}

void connection_fail(struct connection *connection, int code)
{
    if (connection->phase == CONNECTION_CLOSED) {
        return;
    }
    connection->phase = CONNECTION_CLOSED;
    connection->code = code;
    event_del(connection->read_event);
    event_del(connection->write_event);
    connection->reading = false;
    connection->writing = false;
    queue_remove(&connection->dirty_link);
    timers_stop(&connection->loop->timers, &connection->linger);
    close(connection->fd);
    connection->fd = -1;
    loop_defer(connection->loop, &connection->task);
}

void connection_close(struct connection *connection)
{
    connection_fail(connection, 0);
}

void connection_abandon(struct connection *connection)
{
    connection->handler = NULL;
    connection_fail(connection, 0);
}

void connection_finish(struct connection *connection)
{
    if (connection->phase != CONNECTION_OPEN) {
        return;
    }
    connection->phase = CONNECTION_FINISHING;
    if (connection->queued == 0) {
        connection_linger(connection);
        return;
    }
    connection_read(connection);
    connection->linger_sent_bytes = connection->sent_bytes;
    loop_start_timer(connection->loop, &connection->linger, CONNECTION_LINGER_US);
}

void connection_linger(struct connection *connection)
{
    connection->phase = CONNECTION_LINGERING;
    if (connection->input_ended || shutdown(connection->fd, SHUT_WR) != 0) {
        connection_fail(connection, 0);
        return;
    }
    connection_read(connection);
    loop_start_timer(connection->loop, &connection->linger, CONNECTION_LINGER_US);
}

void connections_close_all(struct loop *loop)
{
    struct queue *link = loop->connections.next;
    while (link != &loop->connections) {
        struct connection *connection = QUEUE_ITEM(link, struct connection, link);
        link = link->next;
        connection_fail(connection, 0);
    }
}
