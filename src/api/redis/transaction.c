/* What a connection queues and watches, and the five commands about it. Carrying it out is
 * exec.c's.
 */
#include "api/redis/transaction.h"

#include "api/redis/desk.h"
#include "api/redis/exec.h"
#include "api/redis/spread.h"
#include "base/memory.h"
#include "base/mutant.h"
#include "shoal/error.h"

#define ROOM_FIRST 16u
#define ARENA_KEEP_BYTES 0u

/* ---- its life -------------------------------------------------------------------------------- */

static struct redis_transaction *transaction_of(struct redis_session *session)
{
    if (session->transaction == NULL) {
        session->transaction = mem_alloc_zeroed(1, sizeof(*session->transaction));
        if (session->transaction != NULL) {
            arena_init(&session->transaction->memory, ARENA_KEEP_BYTES);
            buffer_init(&session->transaction->replies, TRANSACTION_REPLY_BYTES_MAX);
        }
    }
    return session->transaction;
}

void redis_transaction_drop(struct redis_transaction *transaction)
{
    if (transaction == NULL) {
        return;
    }
    arena_deinit(&transaction->memory);
    buffer_deinit(&transaction->replies);
    mem_free(transaction->queued);
    mem_free(transaction->watched);
    mem_free(transaction->cells_memory);
    mem_free(transaction);
}

static void show(struct redis_session *session)
{
    const struct redis_transaction *transaction = session->transaction;
    bool open = transaction != NULL && transaction->open;
    atomic_store_explicit(&session->card.queued, open ? (int32_t)transaction->queued_count : -1,
                          memory_order_relaxed);
    atomic_store_explicit(&session->card.doomed, open && transaction->spoiled,
                          memory_order_relaxed);
}

void redis_transaction_free(struct redis_session *session)
{
    redis_transaction_drop(session->transaction);
    session->transaction = NULL;
    show(session);
}

static void spoil(struct redis_session *session)
{
    if (session->transaction != NULL && session->transaction->open) {
        session->transaction->spoiled = true;
        show(session);
    }
}

void redis_transaction_spoil(struct redis_session *session, struct bytes name)
{
    if (redis_is(name, "exec")) {
        redis_transaction_free(session);
    } else {
        spoil(session);
    }
}

/* Room for one more item; false: no memory. */
static bool grow(void **items, uint32_t count, uint32_t *room, size_t item_bytes)
{
    if (count < *room) {
        return true;
    }
    uint32_t more = *room == 0 ? ROOM_FIRST : *room * 2;
    void *grown = mem_realloc(*items, more * item_bytes);
    if (grown == NULL) {
        return false;
    }
    *items = grown;
    *room = more;
    return true;
}

/* ---- queuing --------------------------------------------------------------------------------- */

/* A copy of the arguments in the transaction's memory; NULL: there is none. */
static const struct bytes *keep_arguments(struct redis_transaction *transaction,
                                          const struct bytes *argv, uint32_t argc)
{
    struct bytes *kept = arena_alloc_array(&transaction->memory, argc, sizeof(*kept));
    for (uint32_t i = 0; i < argc && kept != NULL; i++) {
        kept[i] = arena_copy(&transaction->memory, argv[i]);
        if (kept[i].data == NULL && kept[i].len > 0) {
            return NULL;
        }
    }
    return kept;
}

static size_t bytes_of(const struct bytes *argv, uint32_t argc)
{
    size_t bytes = sizeof(struct transaction_queued);
    for (uint32_t i = 0; i < argc; i++) {
        bytes += sizeof(*argv) + argv[i].len;
    }
    return bytes;
}

/* 0, SHOAL_ETOOBIG, SHOAL_ENOMEM. */
static int enqueue(struct redis_transaction *transaction, const struct redis_call *call)
{
    size_t bytes = bytes_of(call->argv, call->argc);
    if (transaction->queued_count == TRANSACTION_COMMANDS_MAX ||
        bytes > TRANSACTION_BYTES_MAX - transaction->bytes) {
        return SHOAL_ETOOBIG;
    }
    if (!grow((void **)&transaction->queued, transaction->queued_count, &transaction->queued_room,
              sizeof(*transaction->queued))) {
        return SHOAL_ENOMEM;
    }
    const struct bytes *argv = keep_arguments(transaction, call->argv, call->argc);
    if (argv == NULL) {
        return SHOAL_ENOMEM;
    }
    transaction->bytes += bytes;
    transaction->queued[transaction->queued_count++] = (struct transaction_queued){
        .command = call->command,
        .argv = argv,
        .argc = call->argc,
        .value_bytes_max = call->value_bytes_max,
    };
    return 0;
}

static void refuse(struct redis_pending *pending, int code)
{
    if (code == SHOAL_ETOOBIG) {
        reply_error_format(&pending->reply,
                           "ERR a transaction takes at most %u commands and %u bytes: EXEC will "
                           "refuse it",
                           TRANSACTION_COMMANDS_MAX, TRANSACTION_BYTES_MAX);
    } else {
        reply_error(&pending->reply, "OOM out of memory: EXEC will refuse the transaction");
    }
    spoil(pending->session);
}

/* Was it sent before the client could know that its MULTI was refused? */
static bool belongs_to_refused(const struct redis_pending *pending)
{
    const struct redis_transaction *transaction = pending->session->transaction;
    return transaction != NULL && transaction->refused &&
           (int32_t)(pending->flow - transaction->refused_flow) <= 0;
}

/* True: refused, with what MULTI was refused for. */
static bool refuse_with_multi(struct redis_pending *pending)
{
    const struct command *command = pending->call.command;
    if (!belongs_to_refused(pending)) {
        redis_transaction_free(pending->session); /* the client goes on, and knows */
        return false;
    }
    if (command->kind == COMMAND_CONTROL || command->barrier) {
        return false;
    }
    redis_reply_linear(pending, "multi");
    return true;
}

bool redis_transaction_takes(struct redis_pending *pending)
{
    struct redis_session *session = pending->session;
    struct redis_transaction *transaction = session->transaction;
    const struct command *command = pending->call.command;
    if (transaction != NULL && transaction->refused) {
        return refuse_with_multi(pending);
    }
    if (transaction == NULL || !transaction->open || command->kind == COMMAND_CONTROL ||
        command->barrier) {
        return false;
    }
    if ((command->flags & COMMAND_NO_MULTI) != 0 || command->kind == COMMAND_CONTEXT) {
        reply_error(&pending->reply, "ERR Command not allowed inside a transaction");
        spoil(session);
        return true;
    }
    int code = transaction->spoiled ? 0 : enqueue(transaction, &pending->call);
    if (code != 0) {
        refuse(pending, code);
        return true;
    }
    reply_simple(&pending->reply, "QUEUED");
    show(session);
    return true;
}

/* ---- MULTI, DISCARD, UNWATCH ----------------------------------------------------------------- */

static bool is_alone(const struct redis_pending *pending)
{
    return worker_alone(pending->session->loop->worker);
}

static void refuse_multi(struct redis_pending *pending)
{
    struct redis_session *session = pending->session;
    struct redis_transaction *transaction = transaction_of(session);
    if (transaction == NULL) {
        connection_close(session->connection); /* what follows would be carried out */
        return;
    }
    transaction->refused = true;
    transaction->refused_flow = session->flow;
    redis_reply_linear(pending, "multi");
}

static void begin_multi(struct redis_pending *pending)
{
    struct redis_session *session = pending->session;
    if (session->transaction != NULL && session->transaction->open) {
        reply_error(&pending->reply, "ERR MULTI calls can not be nested");
    } else if (!is_alone(pending)) {
        refuse_multi(pending);
    } else if (transaction_of(session) == NULL) {
        reply_error(&pending->reply, "OOM out of memory");
    } else {
        session->transaction->open = true;
        show(session);
        reply_simple(&pending->reply, "OK");
    }
}

static void begin_discard(struct redis_pending *pending)
{
    struct redis_session *session = pending->session;
    bool open = session->transaction != NULL && session->transaction->open;
    if (!open && !belongs_to_refused(pending)) {
        reply_error(&pending->reply, "ERR DISCARD without MULTI");
        return;
    }
    redis_transaction_free(session);
    reply_simple(&pending->reply, "OK");
}

/* Within MULTI it is queued, and then there is nothing watched any more. */
static void run_unwatch(struct redis_call *call)
{
    struct redis_session *session = call->session;
    if (session->transaction != NULL && !session->transaction->open) {
        redis_transaction_free(session);
    }
    reply_simple(call->reply, "OK");
}

/* ---- WATCH ----------------------------------------------------------------------------------- */

#define WATCHED_LOOKED_THROUGH 256u

/* Among the first so many. More are not looked through: a key that is watched twice is only looked
 * at twice. */
static bool is_watched(const struct redis_transaction *transaction, uint32_t count,
                       struct bytes key)
{
    for (uint32_t i = 0; i < count && i < WATCHED_LOOKED_THROUGH; i++) {
        if (bytes_equal(transaction->watched[i].key, key)) {
            return true;
        }
    }
    return false;
}

/* 0, SHOAL_ETOOBIG, SHOAL_ENOMEM. */
static int watch(struct redis_transaction *transaction, const struct transaction_watched *seen)
{
    size_t bytes = sizeof(*seen) + seen->key.len;
    if (transaction->watched_count == TRANSACTION_WATCHED_MAX ||
        bytes > TRANSACTION_BYTES_MAX - transaction->bytes) {
        return SHOAL_ETOOBIG;
    }
    struct transaction_watched kept = *seen;
    kept.key = arena_copy(&transaction->memory, seen->key);
    if ((kept.key.data == NULL && kept.key.len > 0) ||
        !grow((void **)&transaction->watched, transaction->watched_count,
              &transaction->watched_room, sizeof(kept))) {
        return SHOAL_ENOMEM;
    }
    transaction->bytes += bytes;
    transaction->watched[transaction->watched_count++] = kept;
    return 0;
}

/* In the pending command's memory until the unit is done: on its own worker's thread again. */
struct watching {
    uint32_t count;
    struct transaction_watched seen[];
};

static void run_watch(struct unit *unit, uint64_t now_ms)
{
    (void)now_ms;
    struct redis_pending *pending = unit->user;
    struct watching *watching = pending->watching;
    for (uint32_t i = 0; i < unit->count; i++) {
        const struct unit_cell *cell = &unit->cells[i];
        watching->seen[i] = (struct transaction_watched){
            .key = cell->key, .version = cell->version, .found = cell->found};
    }
    watching->count = unit->count;
}

static void end_watch(struct redis_pending *pending)
{
    struct redis_session *session = pending->session;
    const struct watching *watching = pending->watching;
    struct redis_transaction *transaction =
        session->connection == NULL ? NULL : transaction_of(session);
    int code = transaction == NULL ? SHOAL_ENOMEM : 0;
    uint32_t before = code == 0 ? transaction->watched_count : 0;
    for (uint32_t i = 0; i < watching->count && code == 0; i++) {
        if (!is_watched(transaction, before, watching->seen[i].key)) {
            code = watch(transaction, &watching->seen[i]); /* else as it was when first seen */
        }
    }
    if (code == 0) {
        reply_simple(&pending->reply, "OK");
        redis_pending_done(pending);
    } else {
        redis_pending_fail(pending, code, bytes_make(NULL, 0));
    }
}

static void on_watched(struct unit *unit, int code, struct bytes text)
{
    struct redis_pending *pending = unit->user;
    if (code == 0) {
        end_watch(pending);
    } else {
        redis_pending_fail(pending, code, text);
    }
}

static int prepare_watch(struct redis_pending *pending)
{
    int code = redis_cells_of(pending);
    if (code != 0) {
        return code;
    }
    pending->watching =
        redis_pending_alloc(pending, sizeof(struct watching) +
                                         pending->cells.count * sizeof(struct transaction_watched));
    if (pending->watching == NULL) {
        return SHOAL_ENOMEM;
    }
    pending->unit = (struct unit){
        .cells = pending->cells.items,
        .count = pending->cells.count,
        .reads_only = true,
        .run = run_watch,
        .done = on_watched,
        .user = pending,
        .name = "watch",
        .surface = SURFACE_REDIS,
    };
    return 0;
}

/* True: it is done later. */
static bool begin_watch(struct redis_pending *pending)
{
    struct redis_session *session = pending->session;
    struct loop *loop = session->loop;
    if (session->transaction != NULL && session->transaction->open) {
        reply_error(&pending->reply, "ERR WATCH inside MULTI is not allowed");
        return false;
    }
    if (!is_alone(pending)) {
        redis_reply_linear(pending, "watch");
        return false;
    }
    int code = prepare_watch(pending);
    if (code != 0) {
        redis_pending_fail(pending, code, bytes_make(NULL, 0));
    } else if (!worker_unit_now(loop->worker, loop_now(loop), &pending->unit, &code)) {
        worker_unit(loop->worker, loop_now(loop), &pending->unit);
    } else {
        on_watched(&pending->unit, code, bytes_make(NULL, 0));
    }
    return true;
}

/* ---- EXEC ------------------------------------------------------------------------------------ */

/* True: it is done later. */
static bool begin_exec(struct redis_pending *pending)
{
    struct redis_session *session = pending->session;
    struct redis_transaction *transaction = session->transaction;
    if (belongs_to_refused(pending)) {
        redis_transaction_free(session);
        reply_error(&pending->reply, "EXECABORT Transaction discarded because 'multi' was refused");
        return false;
    }
    if (transaction == NULL || !transaction->open) {
        reply_error(&pending->reply, "ERR EXEC without MULTI");
        return false;
    }
    if (transaction->spoiled && !MUTANT(exec_spoiled)) {
        redis_transaction_free(session);
        reply_error(&pending->reply, "EXECABORT Transaction discarded because of previous errors.");
        return false;
    }
    if (redis_flow_full(session)) {
        redis_transaction_free(session);
        reply_error(&pending->reply, "EXECABORT Transaction discarded because of: too many replies "
                                     "wait to be read");
        return false;
    }
    session->transaction = NULL; /* what the client says next is about another one */
    show(session);
    pending->transaction = transaction;
    redis_exec_begin(pending);
    return true;
}

static bool is_called(const struct redis_pending *pending, const char *name)
{
    return strcmp(pending->call.command->name, name) == 0;
}

void redis_transaction_begin(struct redis_pending *pending)
{
    bool later = false;
    if (is_called(pending, "multi")) {
        begin_multi(pending);
    } else if (is_called(pending, "exec")) {
        later = begin_exec(pending);
    } else if (is_called(pending, "discard")) {
        begin_discard(pending);
    } else {
        later = begin_watch(pending);
    }
    if (!later) {
        redis_pending_done(pending);
    }
}

#define OF_TRANSACTIONS (COMMAND_NOSCRIPT | COMMAND_LOADING | COMMAND_STALE | COMMAND_FAST)

#define REFUSED "Refused: a transaction needs linearizable keys."
#define REFUSED_MULTI                                                                              \
    REFUSED " What was pipelined behind it, up to EXEC, is refused too, rather than carried out "  \
            "as if it stood for itself."
#define BOUNDS "As Redis, up to 262,144 queued commands, 64 MiB of them and 64 MiB of replies."

const struct command commands_transaction[] = {
    {
        .name = "discard",
        .arity = 1,
        .flags = OF_TRANSACTIONS | COMMAND_ALLOW_BUSY,
        .kind = COMMAND_CONTROL,
        .group = "transactions",
        .since = "2.0.0",
        .complexity = "O(N), when N is the number of queued commands",
        .summary = "Forgets what MULTI has queued and WATCH watches.",
        .syntax = "DISCARD",
        .acl = "@fast @transaction",
        .clustered = "`ERR DISCARD without MULTI`, as there can be none.",
    },
    {
        .name = "exec",
        .arity = 1,
        .flags = COMMAND_NOSCRIPT | COMMAND_LOADING | COMMAND_STALE | COMMAND_SKIP_SLOWLOG,
        .kind = COMMAND_CONTROL,
        .group = "transactions",
        .since = "1.2.0",
        .complexity = "Depends on the commands in the transaction",
        .summary = "Carries out all that MULTI has queued, as one step.",
        .syntax = "EXEC",
        .acl = "@slow @transaction",
        .clustered =
            "`EXECABORT` if it was sent with a refused MULTI, of which nothing was carried "
            "out; else `ERR EXEC without MULTI`.",
        .alone = BOUNDS " It is there whole or not at all after a crash too.",
    },
    {
        .name = "multi",
        .arity = 1,
        .flags = OF_TRANSACTIONS | COMMAND_ALLOW_BUSY,
        .kind = COMMAND_CONTROL,
        .spread = SPREAD_LINEAR,
        .group = "transactions",
        .since = "1.2.0",
        .complexity = "O(1)",
        .summary = "Queues the commands that follow, until EXEC.",
        .syntax = "MULTI",
        .acl = "@fast @transaction",
        .clustered = REFUSED_MULTI,
        .alone = BOUNDS,
    },
    {
        .name = "unwatch",
        .arity = 1,
        .flags = OF_TRANSACTIONS | COMMAND_ALLOW_BUSY,
        .kind = COMMAND_SESSION,
        .run = run_unwatch,
        .group = "transactions",
        .since = "2.2.0",
        .complexity = "O(1)",
        .summary = "Forgets what WATCH watches.",
        .syntax = "UNWATCH",
        .acl = "@fast @transaction",
        .clustered = "Answers OK, as nothing is watched.",
    },
    {
        .name = "watch",
        .arity = -2,
        .flags = OF_TRANSACTIONS | COMMAND_ALLOW_BUSY,
        .first_key = 1,
        .last_key = -1,
        .key_step = 1,
        .kind = COMMAND_CONTROL,
        .spread = SPREAD_LINEAR,
        .group = "transactions",
        .since = "2.2.0",
        .complexity = "O(1) for every key",
        .summary = "Has EXEC do nothing if one of the keys has been written by then.",
        .syntax = "WATCH key [key ...]",
        .acl = "@fast @transaction",
        .clustered = REFUSED,
        .alone =
            "As Redis, up to 65,536 keys of a connection. A key that was absent, and is absent "
            "again after somebody set and deleted it, counts as untouched.",
    },
    {0},
};
