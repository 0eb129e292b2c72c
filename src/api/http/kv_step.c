/* A write that depends on what is there, where the node stands alone: a unit (node/unit.h) of one
 * key, so that nothing comes between the look and the write. */
#include "api/http/kv.h"

#include "shoal/error.h"

static bool keep_previous(struct kv *kv, const struct unit_cell *cell)
{
    kv->siblings = cell->siblings;
    kv->previous = arena_copy(kv->exchange->arena, cell->value);
    if (kv->previous.len == 0) {
        kv->previous.data = (const uint8_t *)""; /* empty, not absent */
    }
    return kv->previous.data != NULL;
}

/* On any worker's thread: nobody else touches the exchange, nor its arena, while its unit is under
 * way. */
static void run(struct unit *unit, uint64_t now_ms)
{
    struct kv *kv = unit->user;
    struct unit_cell *cell = unit->cells;
    char text[KEY_TAG_BYTES];
    struct bytes tag = cell->found ? key_tag(cell->stamp, text) : bytes_make(NULL, 0);
    if (http_forbids(kv->exchange, tag)) {
        kv->refused = true;
        unit->abandon = true;
        return;
    }
    if (kv->options.previous && cell->found && !keep_previous(kv, cell)) {
        kv->failed = true;
        unit->abandon = true;
        return;
    }
    cell->change = kv->deletes ? UNIT_DELETE : UNIT_PUT;
    cell->found = !kv->deletes;
    cell->value = kv->exchange->body;
    cell->expiry_ms = kv->options.ttl_ms == 0 ? 0 : now_ms + kv->options.ttl_ms;
}

static void on_done(struct unit *unit, int code, struct bytes text)
{
    struct kv *kv = unit->user;
    if (code != 0 || kv->failed) {
        http_fail_code(kv->exchange, code != 0 ? code : SHOAL_ENOMEM, text);
    } else if (kv->refused) {
        http_fail(kv->exchange, 412,
                  "the key's version is not what If-Match or If-None-Match asks for; nothing was "
                  "changed: read it again");
    } else {
        kv_answer_written(kv);
    }
}

void kv_step(struct kv *kv)
{
    struct http_exchange *exchange = kv->exchange;
    struct unit_cell *cell = arena_alloc(exchange->arena, sizeof(*cell));
    int code;
    if (cell == NULL) {
        http_fail_code(exchange, SHOAL_ENOMEM, bytes_make(NULL, 0));
        return;
    }
    *cell = (struct unit_cell){.key = kv->key, .stamped = true};
    exchange->unit = (struct unit){
        .cells = cell,
        .count = 1,
        .timeout_us = kv->options.quorum.timeout_us,
        .name = kv->deletes ? "delete" : "put",
        .surface = SURFACE_HTTP,
        .trace = exchange->request.trace,
        .run = run,
        .done = on_done,
        .user = kv,
    };
    struct moment now = loop_now(exchange->loop);
    if (worker_unit_now(exchange->worker, now, &exchange->unit, &code)) {
        on_done(&exchange->unit, code, bytes_make(NULL, 0));
    } else {
        worker_unit(exchange->worker, now, &exchange->unit);
    }
}
