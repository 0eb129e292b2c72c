/* A contact lives from its question to its answer or its timeout, whichever comes first. */
#include "net/contact.h"

#include <stdio.h>

#include "base/assert.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/memory.h"
#include "net/connection.h"
#include "net/dial.h"
#include "net/frame_input.h"
#include "shoal/error.h"

struct contact {
    struct contacts *contacts;
    struct queue link;
    uint64_t ticket;
    struct timer timeout;
    struct dial *dial;
    struct connection *connection;
    struct frame_input frames;
    struct buffer question;
    char host[LIMIT_NAME_BYTES + 1];
    uint16_t port;
};

static void release(struct contact *contact)
{
    timers_stop(&contact->contacts->loop->timers, &contact->timeout);
    queue_remove(&contact->link);
    dial_cancel(contact->dial);
    if (contact->connection != NULL) {
        connection_abandon(contact->connection);
    }
    buffer_deinit(&contact->question);
    mem_free(contact);
}

/* The payload is borrowed from the connection, which outlives the contact by a task. */
static void conclude(struct contact *contact, int code, struct bytes payload)
{
    struct loop *loop = contact->contacts->loop;
    uint64_t ticket = contact->ticket;
    release(contact);
    if (!loop->ended) {
        worker_contacted(loop->worker, loop_now(loop), ticket, code, payload);
    }
}

static void fail(struct contact *contact, int code, const char *why)
{
    char text[256];
    snprintf(text, sizeof(text), "%s", why); /* it may be the dial's, or the contact's, and go */
    log_debug("contact: failed", LOG_TEXT("host", contact->host), LOG_U64("port", contact->port),
              LOG_TEXT("reason", text));
    conclude(contact, code, bytes_from_string(text));
}

static size_t on_input(void *self, struct connection *connection, struct bytes bytes, size_t *need)
{
    (void)connection;
    struct contact *contact = self;
    struct frame frame;
    size_t taken;
    int outcome = frame_input_next(&contact->frames, bytes, false, &frame, &taken, need);
    if (outcome == FRAME_READY) {
        conclude(contact, 0, frame.payload);
    } else if (outcome != FRAME_MORE) {
        fail(contact, SHOAL_EPROTO, "the answer is no frame");
    }
    return taken;
}

static void on_closed(void *self, struct connection *connection, int code)
{
    (void)connection;
    (void)code;
    struct contact *contact = self;
    contact->connection = NULL;
    fail(contact, SHOAL_ECONNECT, "the connection was closed without an answer");
}

static const struct connection_handler handler = {.input = on_input, .closed = on_closed};

/* A name may stand for several nodes, this one among them: it has nothing to ask itself. */
static int judge(void *self, const struct message_hello_reply *reply, char text[256])
{
    const struct contact *contact = self;
    if (reply->node != worker_node_id(contact->contacts->loop->worker)) {
        return 0;
    }
    snprintf(text, 256, "it is the address of this node itself");
    return SHOAL_ECONFLICT;
}

static void on_dialled(void *self, const struct dial_outcome *outcome)
{
    struct contact *contact = self;
    contact->dial = NULL;
    if (outcome->code != 0) {
        /* ECONFLICT is this file's own word, or none that a peer answers a hello with. */
        fail(contact, outcome->code == SHOAL_ECONFLICT ? CONTACT_SELF : outcome->code,
             outcome->text);
        return;
    }
    contact->connection = outcome->connection;
    connection_handle(contact->connection, &handler, contact);
    if (connection_write(contact->connection, buffer_bytes(&contact->question)) != 0) {
        fail(contact, SHOAL_ENOMEM, "out of memory");
    }
}

static void on_timeout(struct timer *timer, uint64_t now_us)
{
    (void)now_us;
    fail(QUEUE_ITEM(timer, struct contact, timeout), SHOAL_ETIMEOUT, "no answer in time");
}

void contact_start(struct contacts *contacts, const char *host, uint16_t port, struct bytes frame,
                   uint64_t ticket, uint64_t timeout_us)
{
    struct contact *contact = mem_alloc_zeroed(1, sizeof(*contact));
    ASSERT(contact != NULL); /* an operator's command at a time: there is no one to tell */
    contact->contacts = contacts;
    contact->ticket = ticket;
    contact->port = port;
    contact->timeout.fire = on_timeout;
    contact->frames =
        (struct frame_input){.len_max = LIMIT_FRAME_BYTES, .len_max_hard = LIMIT_FRAME_BYTES};
    strncpy(contact->host, host, LIMIT_NAME_BYTES);
    queue_init(&contact->link);
    queue_push(&contacts->all, &contact->link);
    buffer_init(&contact->question, 0);
    struct dial_options options = {
        .host = contact->host,
        .port = port,
        .any_order = true,
        .timeout_us = timeout_us,
        .judge = judge,
        .done = on_dialled,
        .self = contact,
    };
    /* Either failure shows as the timeout. */
    if (buffer_append_bytes(&contact->question, frame) != 0 ||
        dial_start(contacts->loop, contacts->names, &options, &contact->dial) != 0) {
        log_error("contact: out of memory", LOG_TEXT("host", contact->host));
    }
    loop_start_timer(contacts->loop, &contact->timeout, timeout_us);
}

void contacts_init(struct contacts *contacts, struct loop *loop, struct resolver *names)
{
    contacts->loop = loop;
    contacts->names = names;
    queue_init(&contacts->all);
}

void contacts_deinit(struct contacts *contacts)
{
    struct queue *link;
    while ((link = contacts->all.next) != &contacts->all) {
        release(QUEUE_ITEM(link, struct contact, link));
    }
}
