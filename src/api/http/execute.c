/* Transactions of a standalone node: POST /v1/execute carries its commands out in order, as one
 * unit over all their keys (node/unit.h): atomic, isolated, as durable as a single write. Each
 * command sees what those before it did. All of the body is judged before anything is applied. */
#include <stdlib.h>

#include "api/http/body_read.h"
#include "api/http/json_value.h"
#include "api/http/key_request.h"
#include "shoal/error.h"

#define RESULTS_BYTES_MAX (64u * LIMIT_MIB)

/* Of one request; in its arena, at exchange->user. */
struct execute {
    struct http_exchange *exchange;
    struct body_command *commands;
    uint32_t count;
    struct unit_cell *cells;
    uint32_t cell_count;
    struct key_options options;
    struct buffer results;
    int code; /* of writing the results */
};

/* ---- the run --------------------------------------------------------------------------------- */

static int write_found(struct buffer *out, const struct unit_cell *cell)
{
    return cell->found ? json_value_item(out, cell->value) : buffer_append(out, "null", 4);
}

static void set_cell(struct unit_cell *cell, struct bytes value)
{
    cell->change = UNIT_PUT;
    cell->found = true;
    cell->value = value;
    cell->expiry_ms = 0;
}

static void delete_cell(struct unit_cell *cell)
{
    cell->change = UNIT_DELETE;
    cell->found = false;
}

/* A set answers the new value, a delete what it has taken away. */
static int run_command(const struct body_command *command, struct unit_cell *cell,
                       struct buffer *out)
{
    if (command->type == BODY_SET) {
        set_cell(cell, command->value);
    }
    int code = write_found(out, cell);
    if (command->type == BODY_DELETE) {
        delete_cell(cell);
    }
    return code;
}

/* On any worker's thread; what it writes is its own. */
static void run(struct unit *unit, uint64_t now_ms)
{
    static const char head[] = "{\"results\":[";
    struct execute *execute = unit->user;
    (void)now_ms;
    struct buffer *out = &execute->results;
    int code = buffer_append(out, head, sizeof(head) - 1);
    for (uint32_t i = 0; i < execute->count && code == 0; i++) {
        const struct body_command *command = &execute->commands[i];
        code = i == 0 ? 0 : buffer_append_u8(out, ',');
        code = code == 0 ? run_command(command, &unit->cells[command->cell], out) : code;
    }
    code = code == 0 ? buffer_append(out, "]}", 2) : code;
    execute->code = code;
    unit->abandon = code != 0;
}

/* ---- the answer ------------------------------------------------------------------------------ */

static void on_done(struct unit *unit, int code, struct bytes text)
{
    struct execute *execute = unit->user;
    struct http_exchange *exchange = execute->exchange;
    struct buffer results = execute->results; /* the exchange goes with its answer */
    if (code == 0 && execute->code == 0) {
        http_answer(exchange, 200, "application/json", buffer_bytes(&results));
    } else if (code == 0 && execute->code == SHOAL_ETOOBIG) {
        http_fail(exchange, 413,
                  "the results would come to more than %u MiB: nothing was carried out; read less "
                  "at once",
                  RESULTS_BYTES_MAX / LIMIT_MIB);
    } else {
        http_fail_code(exchange, code != 0 ? code : execute->code, text);
    }
    buffer_deinit(&results);
}

/* ---- the cells ------------------------------------------------------------------------------- */

static int compare_keys(const void *a, const void *b)
{
    const struct body_command *const *one = a;
    const struct body_command *const *other = b;
    int order = bytes_compare((*one)->key, (*other)->key);
    return order != 0 ? order : (*one > *other) - (*one < *other);
}

/* A cell for each key. One that is set before anything else needs no look at what is held. */
static int make_cells(struct execute *execute)
{
    struct arena *arena = execute->exchange->arena;
    struct body_command **order =
        arena_alloc_array(arena, (size_t)execute->count + 1, sizeof(struct body_command *));
    execute->cells = arena_alloc_array(arena, (size_t)execute->count + 1, sizeof(*execute->cells));
    if (order == NULL || execute->cells == NULL) {
        return SHOAL_ENOMEM;
    }
    for (uint32_t i = 0; i < execute->count; i++) {
        order[i] = &execute->commands[i];
    }
    qsort(order, execute->count, sizeof(struct body_command *), compare_keys);
    for (uint32_t i = 0; i < execute->count; i++) {
        struct body_command *command = order[i];
        if (i == 0 || !bytes_equal(command->key, order[i - 1]->key)) {
            execute->cells[execute->cell_count++] =
                (struct unit_cell){.key = command->key, .blind = command->type == BODY_SET};
        }
        command->cell = execute->cell_count - 1;
    }
    return 0;
}

static bool reads_only(const struct execute *execute)
{
    for (uint32_t i = 0; i < execute->count; i++) {
        if (execute->commands[i].type != BODY_GET) {
            return false;
        }
    }
    return true;
}

/* ---- how it begins --------------------------------------------------------------------------- */

static void submit(struct execute *execute)
{
    struct http_exchange *exchange = execute->exchange;
    struct moment now = loop_now(exchange->loop);
    int code;
    exchange->unit = (struct unit){
        .cells = execute->cells,
        .count = execute->cell_count,
        .reads_only = reads_only(execute),
        .lasting = true,
        .timeout_us = execute->options.quorum.timeout_us,
        .name = "execute",
        .surface = SURFACE_HTTP,
        .trace = exchange->request.trace,
        .run = run,
        .done = on_done,
        .user = execute,
    };
    if (execute->count == 0) {
        run(&exchange->unit, now.wall_ms); /* no key is concerned */
        on_done(&exchange->unit, 0, bytes_make(NULL, 0));
    } else if (worker_unit_now(exchange->worker, now, &exchange->unit, &code)) {
        on_done(&exchange->unit, code, bytes_make(NULL, 0));
    } else {
        worker_unit(exchange->worker, now, &exchange->unit);
    }
}

/* 0, or negative after having answered, when all of this is gone. */
static int check_commands(const struct execute *execute)
{
    int code = 0;
    for (uint32_t i = 0; code == 0 && i < execute->count; i++) {
        const struct body_command *command = &execute->commands[i];
        code = key_check(execute->exchange, false, command->key, command->value, &execute->options);
    }
    return code;
}

static void handle_post(struct http_exchange *exchange)
{
    static const char *const parameters[] = {"timeout", NULL};
    char why[BODY_TEXT_BYTES] = "";
    struct execute *execute = arena_alloc(exchange->arena, sizeof(*execute));
    if (execute == NULL) {
        http_fail_code(exchange, SHOAL_ENOMEM, bytes_make(NULL, 0));
        return;
    }
    *execute = (struct execute){.exchange = exchange};
    int code = body_read_commands(exchange->arena, exchange->body, &execute->commands,
                                  &execute->count, why);
    if (code != 0) {
        key_fail_body(exchange, code, why);
        return;
    }
    if (http_parameters_only(exchange, parameters) != 0 ||
        key_take_timeout(exchange, &execute->options.quorum.timeout_us) != 0 ||
        check_commands(execute) != 0) {
        return;
    }
    if (!worker_alone(exchange->worker)) {
        key_fail_linear(exchange, "a transaction (/v1/execute)");
    } else if (make_cells(execute) != 0) {
        http_fail_code(exchange, SHOAL_ENOMEM, bytes_make(NULL, 0));
    } else {
        exchange->user = execute;
        buffer_init(&execute->results, RESULTS_BYTES_MAX);
        submit(execute);
    }
}

static const struct http_route routes[] = {
    {.counted = SERVED_EXECUTE,
     .methods = HTTP_POST,
     .pattern = "/v1/execute",
     .handle = handle_post,
     .takes_body = true},
};

const struct http_table http_execute_table = {.routes = routes,
                                              .count = sizeof(routes) / sizeof(routes[0])};
