/* A connection's input and its life. Bytes are read into the loop's shared block and handed over
 * there; only half a message is moved to a block of the connection's own, where the rest of it
 * joins it. Level-triggered: one read a turn, so that one busy client does not starve the others.
 */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/limits.h"
#include "base/memory.h"
#include "net/address.h"
#include "net/connection_state.h"
#include "shoal/error.h"

#define SHARED_ROOM_BYTES_MIN 16384u
#define OWN_BLOCK_BYTES_MIN 4096u

struct loop *connection_loop(const struct connection *connection)
{
    return connection->loop;
}

bool connection_over(const struct connection *connection)
{
    return connection->phase != CONNECTION_OPEN;
}

bool connection_paused(const struct connection *connection)
{
    return connection->paused;
}

struct input_block *connection_hold(struct connection *connection)
{
    ASSERT(connection->delivered != NULL);
    connection->held = true;
    return input_block_ref(connection->delivered);
}

size_t connection_waiting(const struct connection *connection)
{
    return connection->block == NULL ? 0 : connection->block->len - connection->start;
}

const char *connection_peer(const struct connection *connection)
{
    return connection->peer[0] == 0 ? "?" : connection->peer;
}

/* ---- handing over ---------------------------------------------------------------------------- */

static bool takes_input(const struct connection *connection)
{
    return connection->phase == CONNECTION_OPEN && !connection->paused &&
           connection->handler != NULL;
}

/* As often as the handler takes something: it may have changed in between. */
static size_t hand_over(struct connection *connection, struct input_block *block,
                        struct bytes bytes)
{
    size_t taken = 0;
    connection->need = 0;
    connection->held = false;
    while (taken < bytes.len && takes_input(connection)) {
        connection->delivered = block;
        size_t now = connection->handler->input(connection->self, connection,
                                                bytes_make(bytes.data + taken, bytes.len - taken),
                                                &connection->need);
        connection->delivered = NULL;
        ASSERT(now <= bytes.len - taken);
        taken += now;
        if (now == 0) {
            break;
        }
    }
    return taken;
}

static void drop_block(struct connection *connection)
{
    if (connection->block != NULL) {
        input_block_unref(&connection->loop->input, connection->block);
    }
    connection->block = NULL;
    connection->start = 0;
    connection->need = 0;
}

/* How large the own block should be for `have` bytes of a message: room for what it is known to
 * need, but never more than twice of what has really come. */
static size_t own_capacity(const struct connection *connection, size_t have)
{
    if (connection->need <= INPUT_BLOCK_BYTES && have < INPUT_BLOCK_BYTES) {
        if (connection->streaming || have > INPUT_BLOCK_BYTES / 2) {
            return INPUT_BLOCK_BYTES;
        }
        size_t capacity = OWN_BLOCK_BYTES_MIN;
        while (capacity <= have || capacity < connection->need) {
            capacity *= 2;
        }
        return capacity;
    }
    size_t capacity = 2 * have < INPUT_BLOCK_BYTES ? INPUT_BLOCK_BYTES : 2 * have;
    if (connection->need > have && capacity > connection->need) {
        capacity = connection->need;
    }
    return capacity;
}

/* The rest of what was handed over moves into a block of the connection's own. */
static int keep_rest(struct connection *connection, struct bytes rest)
{
    struct input_pool *pool = &connection->loop->input;
    struct input_block *block = input_block_new(pool, own_capacity(connection, rest.len));
    if (block == NULL) {
        return SHOAL_ENOMEM;
    }
    memcpy(block->data, rest.data, rest.len);
    block->len = rest.len;
    if (connection->block != NULL) {
        input_block_unref(pool, connection->block);
    }
    connection->block = block;
    connection->start = 0;
    return 0;
}

static void hand_over_own(struct connection *connection)
{
    struct input_block *block = connection->block;
    if (block == NULL || connection->start == block->len) {
        return;
    }
    connection->start +=
        hand_over(connection, block,
                  bytes_make(block->data + connection->start, block->len - connection->start));
    if (connection->start == block->len) {
        drop_block(connection);
    }
}

/* ---- receiving ------------------------------------------------------------------------------- */

static void end_input(struct connection *connection)
{
    connection->input_ended = true;
    if (connection->reading) {
        event_del(connection->read_event);
        connection->reading = false;
    }
    if (connection->phase == CONNECTION_LINGERING) {
        connection_fail(connection, 0);
    } else if (connection->phase == CONNECTION_OPEN) {
        if (connection->handler != NULL && connection->handler->ended != NULL) {
            connection->handler->ended(connection->self, connection);
        } else {
            connection_fail(connection, SHOAL_ECONNECT);
        }
    }
}

/* How many bytes came; 0 when there is nothing to go on with, whatever the reason. */
static size_t receive(struct connection *connection, uint8_t *into, size_t room)
{
    ssize_t received = recv(connection->fd, into, room, 0);
    if (received > 0) {
        connection->loop->traffic.received_bytes += (uint64_t)received;
        connection->streaming = (size_t)received == room;
        return (size_t)received;
    }
    if (received == 0) {
        end_input(connection);
    } else if (errno != EAGAIN && errno != EINTR) {
        connection_fail(connection, SHOAL_ECONNECT);
    }
    return 0;
}

static struct input_block *shared_block(struct loop *loop)
{
    struct input_block *block = loop->shared_input;
    if (block != NULL && block->capacity - block->len < SHARED_ROOM_BYTES_MIN) {
        input_block_unref(&loop->input, block);
        loop->shared_input = block = NULL;
    }
    if (block == NULL) {
        loop->shared_input = block = input_block_new(&loop->input, INPUT_BLOCK_BYTES);
    }
    return block;
}

static void receive_shared(struct connection *connection)
{
    struct input_block *block = shared_block(connection->loop);
    if (block == NULL) {
        connection_fail(connection, SHOAL_ENOMEM);
        return;
    }
    size_t base = block->len;
    size_t received = receive(connection, block->data + base, block->capacity - base);
    if (received == 0) {
        return;
    }
    size_t taken = hand_over(connection, block, bytes_make(block->data + base, received));
    if (connection->held) {
        block->len = base + taken;
    }
    if (taken < received && !connection_over(connection)) {
        int code = keep_rest(connection, bytes_make(block->data + base + taken, received - taken));
        if (code != 0) {
            connection_fail(connection, code);
        }
    }
}

/* Room behind the half message. A block that requests still point into is left to them. */
static int make_room(struct connection *connection)
{
    struct input_block *block = connection->block;
    size_t have = block->len - connection->start;
    if (block->len < block->capacity && block->capacity - connection->start >= connection->need) {
        return 0;
    }
    if (block->references > 1) {
        return keep_rest(connection, bytes_make(block->data + connection->start, have));
    }
    if (connection->start > 0) {
        memmove(block->data, block->data + connection->start, have);
        block->len = have;
        connection->start = 0;
    }
    size_t capacity = own_capacity(connection, have);
    if (capacity > block->capacity) {
        struct input_block *grown = input_block_grow(&connection->loop->input, block, capacity);
        if (grown == NULL) {
            return SHOAL_ENOMEM;
        }
        connection->block = grown;
    }
    return 0;
}

static void receive_own(struct connection *connection)
{
    int code = make_room(connection);
    if (code != 0) {
        connection_fail(connection, code);
        return;
    }
    struct input_block *block = connection->block;
    size_t received = receive(connection, block->data + block->len, block->capacity - block->len);
    if (received > 0) {
        block->len += received;
        if (connection->need == 0 || block->len - connection->start >= connection->need ||
            connection->loop->input.bytes > LIMIT_INPUT_BYTES_PER_WORKER) {
            hand_over_own(connection);
        }
    }
}

static void drop_input(struct connection *connection)
{
    uint8_t waste[4096];
    size_t budget = 64;
    while (budget-- > 0 && receive(connection, waste, sizeof(waste)) == sizeof(waste)) {
    }
}

static void on_readable(evutil_socket_t fd, short what, void *self)
{
    (void)fd;
    (void)what;
    struct connection *connection = self;
    if (connection->phase != CONNECTION_OPEN) {
        drop_input(connection);
    } else if (connection->block != NULL) {
        receive_own(connection);
    } else {
        receive_shared(connection);
    }
}

static void start_reading(struct connection *connection)
{
    if (!connection->reading && !connection->input_ended &&
        connection->phase != CONNECTION_CLOSED) {
        if (event_add(connection->read_event, NULL) != 0) {
            connection_fail(connection, SHOAL_ENOMEM);
            return;
        }
        connection->reading = true;
    }
}

void connection_pause(struct connection *connection)
{
    connection->paused = true;
    if (connection->reading && connection->phase == CONNECTION_OPEN) {
        event_del(connection->read_event);
        connection->reading = false;
    }
}

void connection_resume(struct connection *connection)
{
    if (connection->paused && connection->phase == CONNECTION_OPEN) {
        connection->paused = false;
        loop_defer(connection->loop, &connection->task);
    }
}

/* ---- life ------------------------------------------------------------------------------------ */

static void release(struct connection *connection)
{
    struct loop *loop = connection->loop;
    loop_forget(&connection->task);
    timers_stop(&loop->timers, &connection->linger);
    queue_remove(&connection->link);
    drop_block(connection);
    connection_output_deinit(connection);
    if (connection->read_event != NULL) {
        event_free(connection->read_event);
    }
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
    if (takes_input(connection)) {
        hand_over_own(connection);
    }
    if (takes_input(connection)) {
        start_reading(connection);
    }
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
    connection->read_event =
        event_new(loop->base, fd, EV_READ | EV_PERSIST, on_readable, connection);
    if (connection->read_event == NULL || connection->write_event == NULL ||
        event_add(connection->read_event, NULL) != 0) {
        release(connection);
        return SHOAL_ENOMEM;
    }
    connection->reading = true;
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
    start_reading(connection);
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
    start_reading(connection);
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
