/* A connection's input. Bytes are read into the loop's shared block and handed over there; only
 * half a message is moved to a block of the connection's own, where the rest of it joins it.
 * Level-triggered: one read a turn, so that one busy client does not starve the others. */
#include <errno.h>
#include <sys/socket.h>

#include "base/assert.h"
#include "base/limits.h"
#include "net/connection_state.h"
#include "shoal/error.h"

#define SHARED_ROOM_BYTES_MIN 16384u
#define OWN_BLOCK_BYTES_MIN 4096u

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

void connection_read(struct connection *connection)
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

/* ---- its part of the connection's life ------------------------------------------------------- */

int connection_input_init(struct connection *connection)
{
    connection->read_event = event_new(connection->loop->base, connection->fd, EV_READ | EV_PERSIST,
                                       on_readable, connection);
    if (connection->read_event == NULL || event_add(connection->read_event, NULL) != 0) {
        return SHOAL_ENOMEM;
    }
    connection->reading = true;
    return 0;
}

void connection_input_deinit(struct connection *connection)
{
    drop_block(connection);
    if (connection->read_event != NULL) {
        event_free(connection->read_event);
    }
}

void connection_go_on(struct connection *connection)
{
    if (takes_input(connection)) {
        hand_over_own(connection);
    }
    if (takes_input(connection)) {
        connection_read(connection);
    }
}
