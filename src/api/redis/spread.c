/* Commands on keys where there is more than one owner, or may be. Without a leader no step can both
 * look and write, so each command is made of requests that stand for themselves: reads by quorum,
 * writes by quorum, increments and expiries that the core amends. `run` is the same function as on
 * a standalone node, over cells that were read, or that nobody looks at.
 *
 *      READ    read all --> run --> reply
 *      WRITE              run --> write what changed --> reply
 *      UPDATE  read all --> run --> write what changed --> reply
 *      EXPIRE             run on a key as if it were there --> amend it --> reply
 *
 * What can't be made so is refused with the reason: a silent half-truth would lose somebody's
 * write. */
#include "api/redis/spread.h"

#include "api/redis/desk.h"
#include "api/redis/keys.h"
#include "base/limits.h"
#include "shoal/error.h"

void redis_reply_linear(struct redis_pending *pending, const char *what)
{
    if (worker_starting(pending->session->loop->worker)) {
        redis_pending_write_error(pending, SHOAL_EREFILLING, bytes_from_string(UNIT_STARTING_TEXT));
        return;
    }
    reply_error_format(&pending->reply,
                       "ERR '%s' needs a linearizable key: it reads and writes in one step, which "
                       "several owners without a leader can't promise; on a standalone node "
                       "(quorum.n = 1) it is exact; see docs/redis.md",
                       what);
}

static void run(struct redis_spread *spread)
{
    struct redis_pending *pending = spread->pending;
    pending->call.memory = &spread->memory;
    pending->call.now_ms = loop_now(pending->session->loop).wall_ms;
    pending->call.command->run(&pending->call);
}

/* ---- writing what changed -------------------------------------------------------------------- */

/* In spread->user: the cells that changed. */
static struct unit_cell *changed_cell(const struct redis_spread *spread, uint32_t item)
{
    struct unit_cell **changed = spread->user;
    return changed[item];
}

static void ask_write(struct redis_spread *spread, uint32_t item, struct request *request)
{
    const struct unit_cell *cell = changed_cell(spread, item);
    request->key = cell->key;
    request->op = cell->change == UNIT_PUT ? REQUEST_PUT : REQUEST_DELETE;
    if (cell->change == UNIT_PUT) {
        request->value = cell->value;
        request->expiry_ms = cell->expiry_ms;
        if (request->value.data == NULL) {
            request->value.data = (const uint8_t *)""; /* empty, not absent */
        }
    }
}

static void after_writes(struct redis_spread *spread)
{
    if (spread->failed > 0) {
        redis_spread_fail(spread, "written");
    } else {
        redis_pending_done(spread->pending);
    }
}

static const struct redis_row write_row = {.ask = ask_write, .next = after_writes};

static uint32_t count_changed(const struct redis_cells *cells)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < cells->count; i++) {
        count += cells->items[i].change != UNIT_KEEP ? 1 : 0;
    }
    return count;
}

/* Writes what `run` has changed; the reply is there already, and holds if all goes well. */
static void write_changes(struct redis_spread *spread)
{
    const struct redis_cells *cells = &spread->pending->cells;
    uint32_t count = count_changed(cells);
    if (count == 0) {
        redis_pending_done(spread->pending);
        return;
    }
    struct unit_cell **changed =
        arena_alloc_array(&spread->memory, count, sizeof(struct unit_cell *));
    if (changed == NULL) {
        redis_pending_fail(spread->pending, SHOAL_ENOMEM, bytes_make(NULL, 0));
        return;
    }
    uint32_t at = 0;
    for (uint32_t i = 0; i < cells->count; i++) {
        if (cells->items[i].change != UNIT_KEEP) {
            changed[at++] = &cells->items[i];
        }
    }
    spread->user = changed;
    redis_spread_ask(spread, &write_row, count);
}

/* ---- reading --------------------------------------------------------------------------------- */

static void ask_read(struct redis_spread *spread, uint32_t item, struct request *request)
{
    request->op = REQUEST_GET;
    request->key = spread->pending->cells.items[item].key;
}

/* Does it look at values, not only at whether they are there? */
static bool looks_at_values(const struct command *command)
{
    return command->run != key_del && command->run != key_exists && command->run != key_ttl;
}

/* The value stays only for the call, so of several it is kept. 0, SHOAL_EOVERLOAD, SHOAL_ENOMEM. */
static int fill(struct redis_spread *spread, struct unit_cell *cell,
                const struct result_value *winner)
{
    cell->found = true;
    cell->expiry_ms = winner->expiry_ms;
    cell->value = winner->value;
    if (spread->count == 1) {
        return 0;
    }
    if (!looks_at_values(spread->pending->call.command)) {
        cell->value = bytes_make(NULL, 0);
        return 0;
    }
    spread->bytes += winner->value.len;
    if (spread->bytes > LIMIT_REDIS_REPLY_BYTES_MAX ||
        redis_spread_count(spread, winner->value.len) != 0) {
        return SHOAL_EOVERLOAD;
    }
    cell->value = arena_copy(&spread->memory, winner->value);
    return cell->value.len > 0 && cell->value.data == NULL ? SHOAL_ENOMEM : 0;
}

static int take_read(struct redis_spread *spread, uint32_t item, const struct outcome *outcome)
{
    struct redis_session *session = spread->pending->session;
    struct unit_cell *cell = &spread->pending->cells.items[item];
    int code = outcome->code == SHOAL_ENOTFOUND ? 0 : outcome->code;
    *cell = (struct unit_cell){.key = cell->key};
    if (outcome->code == 0 && outcome->value_count > 0) {
        cell->siblings = outcome->value_count;
        code = fill(spread, cell, &outcome->values[0]);
        redis_count(session, session->shared->options.metric_ids.siblings,
                    outcome->value_count - 1);
    }
    if (code == 0 && spread->count == 1) {
        run(spread); /* while the value is there */
        cell->value = cell->change == UNIT_KEEP ? bytes_make(NULL, 0) : cell->value;
    }
    return code;
}

static void after_reads(struct redis_spread *spread)
{
    if (spread->failed > 0) {
        redis_spread_fail(spread, "read");
        return;
    }
    if (spread->count > 1) {
        run(spread);
    }
    write_changes(spread);
}

static const struct redis_row read_row = {.ask = ask_read, .take = take_read, .next = after_reads};

static void read_and_run(struct redis_spread *spread)
{
    redis_spread_ask(spread, &read_row, spread->pending->cells.count);
}

/* ---- counters -------------------------------------------------------------------------------- */

static void ask_add(struct redis_spread *spread, uint32_t item, struct request *request)
{
    const int64_t *delta = spread->user;
    (void)item;
    request->op = REQUEST_ADD;
    request->key = spread->pending->cells.items[0].key;
    request->delta = *delta;
}

static int take_add(struct redis_spread *spread, uint32_t item, const struct outcome *outcome)
{
    (void)item;
    if (outcome->code == 0) {
        reply_integer(&spread->pending->reply, outcome->number);
    }
    return outcome->code;
}

static const struct redis_row add_row = {.ask = ask_add, .take = take_add, .next = after_writes};

static void add(struct redis_spread *spread)
{
    int64_t *delta = arena_alloc(&spread->memory, sizeof(*delta));
    if (delta == NULL) {
        redis_pending_fail(spread->pending, SHOAL_ENOMEM, bytes_make(NULL, 0));
    } else if (!redis_take_delta(&spread->pending->call, delta)) {
        redis_pending_done(spread->pending);
    } else {
        spread->user = delta;
        redis_spread_ask(spread, &add_row, 1);
    }
}

/* ---- expiry ---------------------------------------------------------------------------------- */

static void ask_expire(struct redis_spread *spread, uint32_t item, struct request *request)
{
    const struct unit_cell *cell = &spread->pending->cells.items[0];
    (void)item;
    request->op = REQUEST_EXPIRE;
    request->key = cell->key;
    request->expiry_ms = cell->expiry_ms;
}

static int take_expire(struct redis_spread *spread, uint32_t item, const struct outcome *outcome)
{
    (void)item;
    if (outcome->code == SHOAL_ENOTFOUND) {
        redis_pending_rewind(spread->pending);
        reply_integer(&spread->pending->reply, 0);
        return 0;
    }
    return outcome->code;
}

static const struct redis_row expire_row = {
    .ask = ask_expire, .take = take_expire, .next = after_writes};

static void after_persist_read(struct redis_spread *spread)
{
    if (spread->failed > 0) {
        redis_spread_fail(spread, "read");
    } else if (spread->pending->cells.items[0].change == UNIT_PUT) {
        redis_spread_ask(spread, &expire_row, 1);
    } else {
        redis_pending_done(spread->pending);
    }
}

static const struct redis_row persist_row = {
    .ask = ask_read, .take = take_read, .next = after_persist_read};

/* What the command would do to a key that is there: amend it, and the core says whether it was;
 * delete it, its time being past, which is done as by DEL; or nothing, and it has said why. */
static void expire(struct redis_spread *spread)
{
    struct redis_pending *pending = spread->pending;
    struct unit_cell *cell = &pending->cells.items[0];
    if (pending->call.command->run == key_persist) {
        redis_spread_ask(spread, &persist_row, 1);
        return;
    }
    cell->found = true;
    run(spread);
    if (cell->change == UNIT_PUT) {
        redis_spread_ask(spread, &expire_row, 1);
    } else if (cell->change == UNIT_DELETE) {
        redis_pending_rewind(pending);
        read_and_run(spread);
    } else {
        redis_pending_done(pending);
    }
}

/* ---- which ----------------------------------------------------------------------------------- */

const char *redis_linear_part(const struct redis_call *call)
{
    const struct command *command = call->command;
    if (command->spread == SPREAD_LINEAR) {
        return command->name;
    }
    return command->linear == NULL ? NULL : command->linear(call->argv, call->argc);
}

void redis_spread_begin(struct redis_pending *pending)
{
    const char *linear = redis_linear_part(&pending->call);
    if (linear != NULL) {
        redis_reply_linear(pending, linear);
        redis_pending_done(pending);
        return;
    }
    int code = redis_cells_of(pending);
    if (code != 0) {
        redis_pending_fail(pending, code, bytes_make(NULL, 0));
        return;
    }
    struct redis_spread *spread = redis_spread_new(pending);
    if (spread == NULL) {
        return;
    }
    switch (pending->call.command->spread) {
    case SPREAD_WRITE:
        run(spread);
        write_changes(spread);
        return;
    case SPREAD_ADD:
        add(spread);
        return;
    case SPREAD_EXPIRE:
        expire(spread);
        return;
    default:
        read_and_run(spread);
        return;
    }
}
