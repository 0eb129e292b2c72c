/* EXEC: one unit over the cells of all queued commands and of what is watched. It runs on any
 * worker's thread, so that only commands on keys run in it, each reply going into the transaction's
 * buffer; commands about the session (CLIENT SETNAME, INFO), which touch no key, run when it is
 * done, at home, each in its place among the replies. If it is abandoned, they don't run either. */
#include "api/redis/exec.h"

#include "api/redis/connection.h"
#include "base/memory.h"
#include "base/mutant.h"
#include "shoal/error.h"

/* ---- the cells ------------------------------------------------------------------------------- */

static bool in_unit(const struct command *command)
{
    return command->kind == COMMAND_KEYS || command->kind == COMMAND_SWEEP;
}

static uint64_t count_keys(const struct redis_transaction *transaction)
{
    uint64_t count = transaction->watched_count;
    uint32_t first;
    uint32_t step;
    for (uint32_t i = 0; i < transaction->queued_count; i++) {
        const struct transaction_queued *queued = &transaction->queued[i];
        count += redis_keys_of(queued->command, queued->argc, &first, &step);
    }
    return count;
}

static void take_cell(struct redis_cells *cells, struct bytes key, bool blind)
{
    uint32_t before = cells->count;
    struct unit_cell *cell = redis_cells_take(cells, key);
    cell->blind = blind && (cells->count > before || cell->blind);
}

static void take_cells(struct redis_cells *cells, const struct transaction_queued *queued)
{
    uint32_t first = 0;
    uint32_t step = 1;
    uint32_t count = redis_keys_of(queued->command, queued->argc, &first, &step);
    bool blind = redis_is_blind(queued->command, queued->argv, queued->argc);
    for (uint32_t i = 0; i < count; i++) {
        take_cell(cells, queued->argv[first + (i * step)], blind);
    }
}

/* 0 or SHOAL_ENOMEM. */
static int gather_cells(struct redis_transaction *transaction)
{
    uint64_t count = count_keys(transaction);
    size_t bytes = count > UINT32_MAX ? 0 : redis_cells_bytes((uint32_t)count);
    if (count == 0) {
        return 0;
    }
    transaction->cells_memory = bytes == 0 ? NULL : mem_alloc(bytes);
    if (transaction->cells_memory == NULL) {
        return SHOAL_ENOMEM;
    }
    redis_cells_init(&transaction->cells, transaction->cells_memory, (uint32_t)count);
    for (uint32_t i = 0; i < transaction->queued_count; i++) {
        take_cells(&transaction->cells, &transaction->queued[i]);
    }
    for (uint32_t i = 0; i < transaction->watched_count; i++) {
        take_cell(&transaction->cells, transaction->watched[i].key, false);
    }
    return 0;
}

/* ---- the run --------------------------------------------------------------------------------- */

/* What has expired since counts as changed, as in Redis. What was absent and is absent again does
 * not: how it came and went leaves no trace for good, and the transaction is serializable all the
 * same. */
static bool has_changed(struct redis_transaction *transaction)
{
    struct redis_call look = {.cells = &transaction->cells};
    for (uint32_t i = 0; i < transaction->watched_count && !MUTANT(watch_ignored); i++) {
        const struct transaction_watched *watched = &transaction->watched[i];
        const struct unit_cell *cell = redis_cell(&look, watched->key);
        if (cell->found != watched->found || (cell->found && cell->version != watched->version)) {
            return true;
        }
    }
    return false;
}

/* HELLO among the commands changes how those after it reply, though it runs later. */
static void foresee_hello(const struct transaction_queued *queued, struct reply *reply)
{
    if (strcmp(queued->command->name, "hello") != 0) {
        return;
    }
    size_t len = reply->out->len;
    struct redis_call call = {
        .command = queued->command, .argv = queued->argv, .argc = queued->argc, .reply = reply};
    uint8_t protocol = connection_hello_protocol(&call);
    reply->out->len = len; /* it replies when it runs */
    if (protocol != 0) {
        reply->resp3 = protocol == 3;
    }
}

static void run_one(struct redis_transaction *transaction, struct transaction_queued *queued,
                    struct unit *unit, uint64_t now_ms, struct reply *reply)
{
    struct redis_call call = {
        .command = queued->command,
        .argv = queued->argv,
        .argc = queued->argc,
        .reply = reply,
        .cells = &transaction->cells,
        .memory = unit->memory,
        .now_ms = now_ms,
        .value_bytes_max = queued->value_bytes_max,
        .in_transaction = true,
        .unit = unit,
    };
    if (in_unit(queued->command)) {
        queued->command->run(&call);
    }
    queued->reply_end = transaction->replies.len;
}

static void run(struct unit *unit, uint64_t now_ms)
{
    struct redis_pending *pending = unit->user;
    struct redis_transaction *transaction = pending->transaction;
    struct reply reply = {.out = &transaction->replies, .resp3 = transaction->resp3};
    if (has_changed(transaction)) {
        transaction->changed = true;
        unit->abandon = true;
        return;
    }
    for (uint32_t i = 0; i < transaction->queued_count && !reply.failed; i++) {
        run_one(transaction, &transaction->queued[i], unit, now_ms, &reply);
        foresee_hello(&transaction->queued[i], &reply);
    }
    if (reply.failed) {
        transaction->too_much = true;
        unit->abandon = true;
    }
}

/* ---- the replies ----------------------------------------------------------------------------- */

static void run_at_home(struct redis_pending *pending, const struct transaction_queued *queued)
{
    struct redis_call call = {
        .command = queued->command,
        .argv = queued->argv,
        .argc = queued->argc,
        .reply = &pending->reply,
        .in_transaction = true,
        .session = pending->session,
    };
    if (pending->session->connection != NULL) {
        queued->command->run(&call);
    }
}

static void reply_all(struct redis_pending *pending)
{
    struct redis_transaction *transaction = pending->transaction;
    struct reply *reply = &pending->reply;
    size_t from = 0;
    reply_array(reply, transaction->queued_count);
    for (uint32_t i = 0; i < transaction->queued_count; i++) {
        const struct transaction_queued *queued = &transaction->queued[i];
        if (!in_unit(queued->command)) {
            run_at_home(pending, queued);
        } else if (buffer_append(reply->out, transaction->replies.data + from,
                                 queued->reply_end - from) != 0) {
            reply->failed = true;
        }
        from = queued->reply_end;
    }
}

static void on_done(struct unit *unit, int code, struct bytes text)
{
    struct redis_pending *pending = unit->user;
    const struct redis_transaction *transaction = pending->transaction;
    if (code != 0) {
        redis_pending_fail(pending, code, text);
        return;
    }
    if (transaction->changed) {
        reply_null_array(&pending->reply);
    } else if (transaction->too_much) {
        reply_error_format(&pending->reply,
                           "ERR the replies of a transaction may have at most %u bytes: nothing "
                           "was carried out",
                           TRANSACTION_REPLY_BYTES_MAX);
    } else {
        reply_all(pending);
    }
    redis_pending_done(pending);
}

/* ---- how it begins --------------------------------------------------------------------------- */

static void concern(struct unit *unit, const struct redis_transaction *transaction)
{
    unit->reads_only = true;
    unit->lasting = true;
    for (uint32_t i = 0; i < transaction->queued_count; i++) {
        const struct command *command = transaction->queued[i].command;
        if (in_unit(command) && (command->flags & COMMAND_WRITE) != 0) {
            unit->reads_only = false;
        }
        if (command->kind == COMMAND_SWEEP) {
            unit->everything = true;
            unit->with_names |= (command->flags & COMMAND_WRITE) == 0;
        }
    }
}

void redis_exec_begin(struct redis_pending *pending)
{
    struct redis_transaction *transaction = pending->transaction;
    struct loop *loop = pending->session->loop;
    int code = gather_cells(transaction);
    if (code != 0) {
        redis_pending_fail(pending, code, bytes_make(NULL, 0));
        return;
    }
    transaction->resp3 = pending->reply.resp3;
    pending->unit = (struct unit){
        .cells = transaction->cells.items,
        .count = transaction->cells.count,
        .run = run,
        .done = on_done,
        .user = pending,
        .name = "exec",
        .surface = SURFACE_REDIS,
    };
    concern(&pending->unit, transaction);
    if (pending->unit.count == 0 && !pending->unit.everything) {
        on_done(&pending->unit, 0, bytes_make(NULL, 0)); /* no key is concerned */
    } else if (worker_unit_now(loop->worker, loop_now(loop), &pending->unit, &code)) {
        on_done(&pending->unit, code, bytes_make(NULL, 0));
    } else {
        worker_unit(loop->worker, loop_now(loop), &pending->unit);
    }
}
