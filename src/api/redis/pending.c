/* A command between its arrival and its reply: what it holds meanwhile, and how replies that were
 * ready early wait for their turn. */
#include <stdio.h>

#include "api/redis/desk.h"
#include "api/redis/spread.h"
#include "base/assert.h"
#include "base/limits.h"
#include "base/memory.h"
#include "shoal/error.h"

#define FREE_PENDING_KEPT 1024u
#define OUT_BYTES_KEPT 1024u   /* of a recycled one's own buffer */
#define REPLY_BYTES_SHORT 256u /* not worth replacing by an error */
#define ARGUMENTS_INSIDE (sizeof(((struct redis_pending *)0)->arguments) / sizeof(struct bytes))

/* ---- memory ---------------------------------------------------------------------------------- */

struct piece {
    struct piece *next;
    _Alignas(16) uint8_t data[];
};

void *redis_pending_alloc(struct redis_pending *pending, size_t bytes)
{
    struct piece *piece =
        bytes > SIZE_MAX - sizeof(*piece) ? NULL : mem_alloc(sizeof(*piece) + bytes);
    if (piece == NULL) {
        return NULL;
    }
    piece->next = pending->kept;
    pending->kept = piece;
    return piece->data;
}

static void free_pieces(struct redis_pending *pending)
{
    struct piece *piece = pending->kept;
    while (piece != NULL) {
        struct piece *next = piece->next;
        mem_free(piece);
        piece = next;
    }
    pending->kept = NULL;
}

static struct redis_pending *take_free(struct redis_desk *desk)
{
    struct queue *link = queue_pop(&desk->free_pending);
    if (link != NULL) {
        desk->free_pending_count--;
        return QUEUE_ITEM(link, struct redis_pending, link);
    }
    struct redis_pending *pending = mem_alloc_zeroed(1, sizeof(*pending));
    if (pending != NULL) {
        queue_init(&pending->link);
        queue_init(&pending->desk_link);
        buffer_init(&pending->out, 0);
    }
    return pending;
}

struct redis_pending *redis_pending_new(struct redis_session *session)
{
    struct redis_pending *pending = take_free(session->desk);
    if (pending == NULL) {
        return NULL;
    }
    pending->session = session;
    pending->flow = session->flow;
    pending->call = (struct redis_call){.session = session, .reply = &pending->reply};
    pending->since_us = loop_now(session->loop).mono_us;
    pending->bytes = 0;
    pending->copied = pending->keeps = pending->silent = false;
    pending->transaction = NULL;
    pending->spread = NULL;
    pending->answered = pending->begun = pending->done = false;
    pending->refused = NULL;
    pending->code = 0;
    return pending;
}

static void discard(struct redis_pending *pending)
{
    buffer_deinit(&pending->out);
    mem_free(pending);
}

void redis_pending_free(struct redis_pending *pending)
{
    struct redis_desk *desk = pending->session->desk;
    if (pending->block != NULL) {
        input_block_unref(&pending->session->loop->input, pending->block);
        pending->block = NULL;
    }
    if (pending->spread != NULL) {
        redis_spread_free(pending->spread);
        pending->spread = NULL;
    }
    if (pending->kept != NULL) {
        free_pieces(pending);
    }
    if (pending->transaction != NULL) {
        redis_transaction_drop(pending->transaction);
    }
    ASSERT(queue_empty(&pending->link));
    if (desk->free_pending_count == FREE_PENDING_KEPT) {
        discard(pending);
        return;
    }
    if (pending->out.capacity > OUT_BYTES_KEPT) {
        buffer_deinit(&pending->out);
    }
    buffer_clear(&pending->out);
    queue_push(desk->free_pending.next, &pending->link); /* the last used first */
    desk->free_pending_count++;
}

/* ---- arguments ------------------------------------------------------------------------------- */

static struct bytes *room_for_arguments(struct redis_pending *pending)
{
    uint32_t count = pending->call.argc;
    return count <= ARGUMENTS_INSIDE ? pending->arguments
                                     : redis_pending_alloc(pending, count * sizeof(struct bytes));
}

static int copy_bytes(struct redis_pending *pending, struct bytes *argv)
{
    size_t all = 0;
    for (uint32_t i = 0; i < pending->call.argc; i++) {
        all += argv[i].len;
    }
    uint8_t *at = redis_pending_alloc(pending, all);
    if (at == NULL) {
        return SHOAL_ENOMEM;
    }
    for (uint32_t i = 0; i < pending->call.argc; i++) {
        if (argv[i].len > 0) {
            memcpy(at, argv[i].data, argv[i].len);
        }
        argv[i].data = at;
        at += argv[i].len;
    }
    return 0;
}

int redis_pending_keep(struct redis_pending *pending)
{
    struct redis_session *session = pending->session;
    if (session->loop->input.bytes > LIMIT_INPUT_BYTES_PER_WORKER) {
        return SHOAL_EOVERLOAD;
    }
    struct bytes *argv = room_for_arguments(pending);
    if (argv == NULL) {
        return SHOAL_ENOMEM;
    }
    memcpy(argv, pending->call.argv, pending->call.argc * sizeof(*argv));
    if (pending->copied) {
        int code = copy_bytes(pending, argv);
        if (code != 0) {
            return code;
        }
    } else {
        pending->block = connection_hold(session->connection);
    }
    pending->call.argv = argv;
    pending->keeps = true;
    return 0;
}

void redis_pending_push(struct redis_pending *pending)
{
    struct redis_session *session = pending->session;
    pending->reply = (struct reply){
        .out = &pending->out, .resp3 = session->protocol == 3, .len_max = REDIS_REPLY_BYTES_MAX};
    pending->mark = 0;
    queue_push(&session->pending, &pending->link);
    session->pending_count++;
    session->pending_bytes += pending->bytes;
}

/* ---- errors ---------------------------------------------------------------------------------- */

void redis_pending_rewind(struct redis_pending *pending)
{
    pending->reply.out->len = pending->mark;
}

/* Redis's own word for what happened, which clients go by. */
static const char *word_for(const struct redis_pending *pending, int code)
{
    const struct command *command = pending->call.command;
    bool writes = command != NULL && (command->flags & COMMAND_WRITE) != 0;
    switch (code) {
    case SHOAL_ENOMEM:
        return "OOM";
    case SHOAL_ENOSPC:
    case SHOAL_EIO:
        return writes ? "MISCONF" : "ERR";
    case SHOAL_EREFILLING:
        return "LOADING";
    case SHOAL_EPERM:
        return "NOPERM";
    case SHOAL_EQUORUM:
        return writes ? "NOREPLICAS" : "ERR";
    default:
        return "ERR";
    }
}

void redis_pending_write_error(struct redis_pending *pending, int code, struct bytes text)
{
    const char *word = word_for(pending, code);
    pending->code = code;
    const char *what = shoal_error_text(code);
    if (code == SHOAL_ENOMEM && text.len == 0) {
        reply_error(&pending->reply, "OOM command not allowed when used memory > 'maxmemory'.");
    } else if (code == SHOAL_EINVAL && text.len > 0) {
        reply_error_format(&pending->reply, "ERR %.*s", (int)text.len, (const char *)text.data);
    } else if (text.len > 0) {
        reply_error_format(&pending->reply, "%s %s: %.*s", word, what, (int)text.len,
                           (const char *)text.data);
    } else {
        reply_error_format(&pending->reply, "%s %s", word, what);
    }
}

void redis_pending_fail(struct redis_pending *pending, int code, struct bytes text)
{
    redis_pending_rewind(pending);
    redis_pending_write_error(pending, code, text);
    redis_pending_done(pending);
}

/* ---- replies --------------------------------------------------------------------------------- */

static void count_error(const struct redis_pending *pending)
{
    const struct buffer *out = pending->reply.out;
    if (out->len > pending->mark && out->data[pending->mark] == '-') {
        const struct redis_session *session = pending->session;
        redis_count(session, session->shared->options.metric_ids.errors, 1);
    }
}

static bool has_changed_nothing(const struct redis_pending *pending)
{
    const struct command *command = pending->call.command;
    return command != NULL && (command->flags & COMMAND_WRITE) == 0 &&
           (pending->transaction == NULL || pending->unit.reads_only);
}

/* Instead of more than can be sent; what has changed something goes without a reply, and its
 * connection with it. */
static void guard_length(struct redis_pending *pending)
{
    if (pending->reply.too_long && has_changed_nothing(pending)) {
        pending->reply.failed = pending->reply.too_long = false;
        redis_pending_rewind(pending);
        reply_error_format(&pending->reply,
                           "ERR the reply would have more than %u bytes: ask for less at once",
                           REDIS_REPLY_BYTES_MAX);
    }
}

void redis_pending_sent(struct redis_pending *pending)
{
    struct connection *connection = pending->session->connection;
    guard_length(pending);
    count_error(pending);
    redis_count_served(pending, true);
    if (pending->silent) {
        redis_pending_rewind(pending);
    }
    connection_send(connection);
    if (pending->reply.failed) {
        connection_close(connection);
    }
    redis_pending_free(pending);
}

static struct redis_order_claim claim_of(const struct redis_pending *pending)
{
    struct redis_order_claim claim = {.way = pending->way, .argv = pending->call.argv};
    if (pending->call.command != NULL) {
        claim.count =
            redis_keys_of(pending->call.command, pending->call.argc, &claim.first, &claim.step);
    }
    return claim;
}

/* Its turn has come. */
static void send_reply(struct redis_pending *pending)
{
    struct redis_session *session = pending->session;
    struct connection *connection = session->connection;
    bool ok = !pending->reply.failed;
    if (ok && !pending->silent && !connection_over(connection)) {
        ok = connection_write(connection, buffer_bytes(&pending->out)) == 0;
    }
    if (!ok) {
        connection_close(connection);
    }
}

static void leave(struct redis_pending *pending)
{
    struct redis_session *session = pending->session;
    queue_remove(&pending->link);
    session->pending_count--;
    session->pending_bytes -= pending->bytes;
    session->reply_bytes -= pending->out.len;
    session->desk->reply_bytes -= pending->out.len;
    redis_pending_free(pending);
}

/* Everything from the front that is done goes. */
static void send_done(struct redis_session *session)
{
    while (!queue_empty(&session->pending)) {
        struct redis_pending *first = QUEUE_ITEM(session->pending.next, struct redis_pending, link);
        if (!first->done) {
            break;
        }
        if (session->connection != NULL) {
            send_reply(first);
        }
        leave(first);
    }
}

/* What can't be kept until its turn: a reply that changed nothing is replaced. */
static void guard_memory(struct redis_pending *pending)
{
    struct redis_session *session = pending->session;
    if (pending->silent || session->connection == NULL) {
        buffer_deinit(&pending->out);
    } else if (has_changed_nothing(pending) && pending->out.len > REPLY_BYTES_SHORT &&
               redis_flow_full(session)) {
        buffer_deinit(&pending->out);
        redis_pending_write_error(
            pending, SHOAL_EOVERLOAD,
            bytes_from_string("too many replies wait to be read: ask for less at once"));
    }
}

void redis_pending_done(struct redis_pending *pending)
{
    struct redis_session *session = pending->session;
    ASSERT(!pending->done);
    guard_length(pending);
    count_error(pending);
    redis_count_served(pending, false);
    if (pending->begun && pending->talks) {
        redis_flow_left(session, pending->out.len);
    }
    guard_memory(pending);
    pending->done = true;
    session->reply_bytes += pending->out.len;
    session->desk->reply_bytes += pending->out.len;
    if (pending->begun) {
        struct redis_order_claim claim = claim_of(pending);
        queue_remove(&pending->desk_link);
        redis_order_leave(session->order, &claim);
    }
    send_done(session);
    if (session->waiting != &session->pending) {
        redis_session_go_on(session);
    }
    redis_session_review(session);
}

/* ---- order ----------------------------------------------------------------------------------- */

static struct redis_order *order_of(struct redis_session *session)
{
    if (session->order == NULL) {
        session->order = session->desk->spare_order;
        session->desk->spare_order = NULL;
    }
    if (session->order == NULL) {
        session->order = mem_alloc_zeroed(1, sizeof(*session->order));
    }
    return session->order;
}

/* What writes says little but where it says what was there. */
static bool may_reply_at_length(const struct redis_call *call)
{
    return (call->command->flags & COMMAND_WRITE) == 0 || redis_linear_part(call) != NULL;
}

int redis_pending_enter(struct redis_pending *pending)
{
    struct redis_session *session = pending->session;
    struct redis_order *order = order_of(session);
    if (order == NULL) {
        return SHOAL_ENOMEM;
    }
    struct redis_order_claim claim = claim_of(pending);
    if (!redis_order_allows(order, &claim)) {
        return 1;
    }
    redis_order_enter(order, &claim);
    pending->begun = true;
    pending->talks = may_reply_at_length(&pending->call);
    if (pending->talks) {
        redis_flow_entered(session);
    }
    queue_push(&session->desk->begun, &pending->desk_link);
    return 0;
}

void redis_pendings_drop_waiting(struct redis_session *session)
{
    while (session->waiting != &session->pending) {
        struct redis_pending *pending = QUEUE_ITEM(session->waiting, struct redis_pending, link);
        session->waiting = pending->link.next;
        leave(pending);
    }
}

void redis_pendings_free(struct redis_desk *desk)
{
    while (!queue_empty(&desk->begun)) {
        struct redis_pending *pending =
            QUEUE_ITEM(desk->begun.next, struct redis_pending, desk_link);
        redis_pending_done(pending);
    }
    struct queue *link;
    while ((link = queue_pop(&desk->free_pending)) != NULL) {
        discard(QUEUE_ITEM(link, struct redis_pending, link));
    }
    mem_free(desk->spare_order);
}
