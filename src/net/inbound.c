/* Accepted peers: hello, then request frames to the worker, and its answers back. */
#include "net/inbound.h"

#include <stdio.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/log.h"
#include "base/memory.h"
#include "net/frame_input.h"
#include "net/hello.h"
#include "shoal/error.h"

#define REFUSAL_LOG_US 5000000u

struct inbound_peer {
    struct inbound *inbound;
    struct connection *connection;
    struct source source;
    struct frame_input frames;
    struct timer silence;
    uint64_t heard_us;
    uint64_t node; /* 0 until its hello is accepted */
};

/* ---- slots ----------------------------------------------------------------------------------- */

static int grow_slots(struct inbound *inbound)
{
    uint32_t count = inbound->slot_count == 0 ? 16 : inbound->slot_count * 2;
    struct inbound_peer **slots =
        mem_realloc(inbound->slots, count * sizeof(struct inbound_peer *));
    if (slots == NULL) {
        return SHOAL_ENOMEM;
    }
    for (uint32_t i = inbound->slot_count; i < count; i++) {
        slots[i] = NULL;
    }
    inbound->slots = slots;
    inbound->slot_count = count;
    return 0;
}

static int take_slot(struct inbound *inbound, struct inbound_peer *peer)
{
    if (inbound->peer_count == inbound->slot_count && grow_slots(inbound) != 0) {
        return SHOAL_ENOMEM;
    }
    while (inbound->slots[inbound->next_slot % inbound->slot_count] != NULL) {
        inbound->next_slot++;
    }
    uint32_t slot = inbound->next_slot++ % inbound->slot_count;
    inbound->slots[slot] = peer;
    inbound->peer_count++;
    peer->source = (struct source){
        .worker = inbound->loop->index, .slot = slot, .serial = ++inbound->next_serial};
    return 0;
}

static void free_peer(struct inbound_peer *peer)
{
    struct inbound *inbound = peer->inbound;
    timers_stop(&inbound->loop->timers, &peer->silence);
    inbound->slots[peer->source.slot] = NULL;
    inbound->peer_count--;
    mem_free(peer);
}

/* ---- refusing -------------------------------------------------------------------------------- */

/* Loudly, but a misconfigured node that keeps trying doesn't flood the log. */
static void log_refusal(struct inbound_peer *peer, const char *text)
{
    struct inbound *inbound = peer->inbound;
    uint64_t now_us = loop_now(inbound->loop).mono_us;
    if (now_us - inbound->refusal_logged_us >= REFUSAL_LOG_US) {
        inbound->refusal_logged_us = now_us;
        log_warning("peer: refused", LOG_TEXT("from", connection_peer(peer->connection)),
                    LOG_HEX("node", peer->node), LOG_TEXT("reason", text));
    }
}

static void answer_error(struct inbound_peer *peer, uint64_t id, int code, const char *text)
{
    struct buffer *out = connection_output(peer->connection);
    if (out == NULL || hello_refuse(out, id, code, text) != 0) {
        connection_close(peer->connection);
        return;
    }
    connection_send(peer->connection);
}

static void refuse(struct inbound_peer *peer, uint64_t id, int code, const char *text)
{
    log_refusal(peer, text);
    answer_error(peer, id, code, text);
    connection_finish(peer->connection);
}

/* ---- the hello ------------------------------------------------------------------------------- */

static void welcome_peer(struct inbound_peer *peer, const struct message_hello *hello)
{
    struct loop *loop = peer->inbound->loop;
    uint32_t version;
    char text[256] = "";
    int code = hello_agree(hello, &version, text);
    if (code == 0 && hello->node == 0) {
        code = SHOAL_EPROTO;
        snprintf(text, sizeof(text), "a peer's hello must say which node it is");
    }
    if (code == 0) {
        code = worker_check_hello(loop->worker, hello, text);
    }
    if (code != 0) {
        refuse(peer, hello->id, code, text[0] == 0 ? shoal_error_text(code) : text);
        return;
    }
    struct message_hello_reply reply = hello_answer(loop, hello, version, LIMIT_FRAME_BYTES);
    struct buffer *out = connection_output(peer->connection);
    if (out == NULL || message_hello_reply_encode(&reply, out) != 0) {
        connection_close(peer->connection);
        return;
    }
    connection_send(peer->connection);
    peer->node = hello->node;
    peer->source.node = hello->node;
    peer->frames.len_max = LIMIT_FRAME_BYTES;
    peer->frames.len_max_hard = LIMIT_FRAME_BYTES;
    log_debug("peer: connected", LOG_HEX("node", hello->node), LOG_TEXT("name", hello->name),
              LOG_TEXT("from", connection_peer(peer->connection)));
}

static void take_hello(struct inbound_peer *peer, const struct frame *frame)
{
    struct inbound *inbound = peer->inbound;
    struct message_hello hello;
    if (frame->kind != MESSAGE_HELLO) {
        refuse(peer, frame->id, SHOAL_EPROTO, "the first message must be a HELLO");
        return;
    }
    if (message_hello_decode(frame->payload, &inbound->loop->arena, &hello) != 0) {
        refuse(peer, frame->id, SHOAL_EPROTO, "the HELLO is malformed");
        return;
    }
    if (hello.role == ROLE_PEER) {
        welcome_peer(peer, &hello);
        return;
    }
    struct connection *connection = peer->connection;
    free_peer(peer);
    inbound->client(inbound->client_self, connection, &hello);
}

/* ---- requests -------------------------------------------------------------------------------- */

static void take_frame(struct inbound_peer *peer, const struct frame *frame)
{
    struct loop *loop = peer->inbound->loop;
    if (frame->kind == MESSAGE_PING) {
        struct buffer *out = connection_output(peer->connection);
        if (out != NULL && message_pong_encode(frame->id, out) == 0) {
            connection_send(peer->connection);
        }
    } else if (frame->kind < MESSAGE_JOIN) { /* a join: to replace a member */
        answer_error(peer, frame->id, SHOAL_EPROTO, "peers do not send this kind of message");
    } else {
        worker_frame(loop->worker, loop_now(loop), peer->source, frame->payload);
    }
}

static void take_broken(struct inbound_peer *peer, const struct frame *frame, int code)
{
    char text[128];
    snprintf(text, sizeof(text), "%s",
             code == SHOAL_ETOOBIG ? "the frame is larger than may be sent here"
                                   : "the frame is malformed");
    refuse(peer, frame->id, code, text);
}

static size_t on_input(void *self, struct connection *connection, struct bytes bytes, size_t *need)
{
    struct inbound_peer *peer = self;
    struct loop *loop = peer->inbound->loop;
    size_t taken = 0;
    peer->heard_us = loop_now(loop).mono_us;
    while (taken < bytes.len && !connection_over(connection)) {
        struct frame frame;
        size_t now;
        int outcome =
            frame_input_next(&peer->frames, bytes_make(bytes.data + taken, bytes.len - taken),
                             false, &frame, &now, need);
        taken += now;
        arena_reset(&loop->arena);
        if (outcome == FRAME_MORE) {
            break;
        }
        if (outcome != FRAME_READY) {
            take_broken(peer, &frame, outcome < 0 ? outcome : SHOAL_ETOOBIG);
            break;
        }
        if (peer->node == 0) {
            take_hello(peer, &frame);
            break; /* it may not be ours any more; the rest comes in another call */
        }
        take_frame(peer, &frame);
    }
    return taken;
}

static void on_closed(void *self, struct connection *connection, int code)
{
    (void)connection;
    (void)code;
    free_peer(self);
}

static const struct connection_handler handler = {.input = on_input, .closed = on_closed};

/* ---- life ------------------------------------------------------------------------------------ */

static void on_silence(struct timer *timer, uint64_t now_us)
{
    struct inbound_peer *peer = QUEUE_ITEM(timer, struct inbound_peer, silence);
    if (peer->node == 0 || now_us - peer->heard_us >= INBOUND_SILENCE_US) {
        connection_close(peer->connection);
    } else {
        loop_start_timer(peer->inbound->loop, &peer->silence,
                         INBOUND_SILENCE_US - (now_us - peer->heard_us));
    }
}

static int add_peer(struct inbound *inbound, int fd)
{
    struct inbound_peer *peer = mem_alloc_zeroed(1, sizeof(*peer));
    if (peer == NULL) {
        return SHOAL_ENOMEM;
    }
    peer->inbound = inbound;
    peer->silence.fire = on_silence;
    peer->frames = (struct frame_input){.len_max = LIMIT_FRAME_BYTES_BEFORE_HELLO,
                                        .len_max_hard = LIMIT_FRAME_BYTES_BEFORE_HELLO};
    if (take_slot(inbound, peer) != 0) {
        mem_free(peer);
        return SHOAL_ENOMEM;
    }
    int code = connection_new(inbound->loop, fd, &handler, peer, &peer->connection);
    if (code != 0) {
        free_peer(peer);
        return code;
    }
    loop_start_timer(inbound->loop, &peer->silence, INBOUND_HELLO_US);
    return 0;
}

void inbound_accept(void *self, struct loop *loop, int fd)
{
    (void)loop;
    struct inbound *inbound = self;
    hello_socket_options(fd);
    if (inbound->peer_count >= LIMIT_PEER_CONNECTIONS_PER_WORKER || add_peer(inbound, fd) != 0) {
        close(fd);
    }
}

/* A peer that doesn't read its answers loses the connection, as if the network had. */
void inbound_reply(struct inbound *inbound, struct source source, struct bytes frame)
{
    struct inbound_peer *peer =
        source.slot < inbound->slot_count ? inbound->slots[source.slot] : NULL;
    if (peer == NULL || peer->source.serial != source.serial || connection_over(peer->connection)) {
        return;
    }
    if (connection_queued(peer->connection) + frame.len > LIMIT_QUEUE_BYTES_PER_PEER ||
        connection_write(peer->connection, frame) != 0) {
        log_warning("peer: its answers are not being read: closed", LOG_HEX("node", peer->node));
        connection_close(peer->connection);
    }
}

void inbound_init(struct inbound *inbound, struct loop *loop, inbound_client client, void *self)
{
    *inbound = (struct inbound){.loop = loop, .client = client, .client_self = self};
}

void inbound_deinit(struct inbound *inbound)
{
    mem_free(inbound->slots);
}
