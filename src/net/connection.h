/* One TCP connection's bytes, in and out: the only code that touches its socket, so that TLS has
 * one place to go. Received bytes are handed to the handler where they lie; what is to be sent is
 * appended to the connection's own buffers and goes out in one write at the end of the turn.
 *
 *        open --- finish ---> finishing --- all sent, shutdown ---> lingering --- other side
 * closes, |                                                                  or patience ends --.
 *          '--- close, error, or end of input as the handler decides --------------------------->
 * closed
 *
 * Lingering reads and drops what still comes: closing a socket with unread input resets it, and the
 * reset would overtake the last answer. */
#ifndef NET_CONNECTION_H
#define NET_CONNECTION_H

#include "base/buffer.h"
#include "net/loop.h"

struct connection;

struct connection_handler {
    /* Takes whole messages from the front of the bytes and returns how many bytes it took. A
     * message that isn't whole is left; `*need` may say how many bytes it will take in all. It
     * stops taking when it has paused or closed the connection. */
    size_t (*input)(void *self, struct connection *connection, struct bytes bytes, size_t *need);
    /* The other side sends no more (it may still read). NULL: close. */
    void (*ended)(void *self, struct connection *connection);
    /* What waits to be sent has fallen below the low mark (connection_marks) after being above the
     * high one. NULL: no interest. */
    void (*drained)(void *self, struct connection *connection);
    /* It is over, whoever ended it; the connection is freed after the call. `code` is 0 when it was
     * ended on purpose, else SHOAL_ECONNECT. Never called from within a call of this header. */
    void (*closed)(void *self, struct connection *connection, int code);
};

#define CONNECTION_QUEUE_HIGH_BYTES (4u * LIMIT_MIB)
#define CONNECTION_QUEUE_LOW_BYTES (1u * LIMIT_MIB)
#define CONNECTION_LINGER_US 3000000u
/* Who has read something of the rest, and then nothing for so long, isn't waited for. */
#define CONNECTION_UNREAD_US 30000000u

/* Takes over the socket (non-blocking, perhaps still connecting) on success. 0, SHOAL_ENOMEM. */
int connection_new(struct loop *loop, int fd, const struct connection_handler *handler, void *self,
                   struct connection **out);

/* From now on another handler: for protocols that find out on the first message whose it is. */
void connection_handle(struct connection *connection, const struct connection_handler *handler,
                       void *self);

struct loop *connection_loop(const struct connection *connection);

/* No input is handed over until resumed; what has arrived waits, the rest stays with the sender. */
void connection_pause(struct connection *connection);
/* Input flows again, what waits first, though never from within this call. */
void connection_resume(struct connection *connection);
bool connection_paused(const struct connection *connection);

/* In the input call only: the bytes that were handed over stay where they are until the block is
 * released by input_block_unref(&loop->input, block). */
struct input_block *connection_hold(struct connection *connection);

/* Where to append what is to be sent; then connection_send, at once, before anything else happens
 * to the connection. Nothing is sent on a closed connection, but appending is harmless. NULL
 * without memory: then the connection has been closed, as an answer would be missing. */
struct buffer *connection_output(struct connection *connection);
void connection_send(struct connection *connection);
/* The two for bytes that are there already. 0 or SHOAL_ENOMEM. */
int connection_write(struct connection *connection, struct bytes bytes);

/* Bytes that wait to be sent. */
size_t connection_queued(const struct connection *connection);
/* Bytes that the system has taken so far: grows as the other side reads. */
uint64_t connection_sent(const struct connection *connection);

/* From now on these marks in place of CONNECTION_QUEUE_HIGH_BYTES and CONNECTION_QUEUE_LOW_BYTES.
 */
void connection_marks(struct connection *connection, size_t high_bytes, size_t low_bytes);

/* What waits to be sent is counted into loop->output_bytes: for clients. */
void connection_count_output(struct connection *connection);

/* Sends what waits, for as long as the other side goes on reading it, then ends the connection as
 * drawn above. No more input is handed over. */
void connection_finish(struct connection *connection);
/* Ends it at once. */
void connection_close(struct connection *connection);
/* Ends it at once, and the handler hears nothing any more. */
void connection_abandon(struct connection *connection);
/* Being finished or closed: nothing more comes from it. */
bool connection_over(const struct connection *connection);

/* Bytes that have come and wait for the rest of their message. */
size_t connection_waiting(const struct connection *connection);

/* The other side's address, for logs; "?" when it can't be told. */
const char *connection_peer(const struct connection *connection);

/* The loop's own: everything queued goes out; all are closed; what is kept for reuse is freed. */
void connections_flush(struct loop *loop);
void connections_close_all(struct loop *loop);
void connections_free_runs(struct loop *loop);
/* True when no connection has anything to send any more. */
bool connections_sent(const struct loop *loop);

#endif
