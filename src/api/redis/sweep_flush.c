/* FLUSHALL. On a standalone node it is one step (node/unit.h). Elsewhere it deletes what it sees,
 * page by page, each key by a delete of its own: what is written meanwhile may stay, and where a
 * delete fails it ends and says how far it came. */
#include <inttypes.h>
#include <stdio.h>

#include "api/redis/desk.h"
#include "api/redis/sweep.h"
#include "base/limits.h"
#include "shoal/error.h"

/* ---- alone ----------------------------------------------------------------------------------- */

static void run_flush(struct unit *unit, uint64_t now_ms)
{
    (void)now_ms;
    unit->flush = true;
}

static void on_flushed(struct unit *unit, int code, struct bytes text)
{
    struct redis_pending *pending = unit->user;
    if (code != 0) {
        redis_pending_fail(pending, code, text);
    } else {
        reply_simple(&pending->reply, "OK");
        redis_pending_done(pending);
    }
}

static void flush_alone(struct redis_pending *pending)
{
    struct loop *loop = pending->session->loop;
    pending->unit = (struct unit){
        .everything = true,
        .run = run_flush,
        .done = on_flushed,
        .user = pending,
        .name = "flush",
        .surface = SURFACE_REDIS,
    };
    worker_unit(loop->worker, loop_now(loop), &pending->unit);
}

/* ---- page by page ---------------------------------------------------------------------------- */

static int take_keys(struct redis_spread *spread, uint32_t item, const struct outcome *outcome)
{
    struct sweep *sweep = spread->user;
    (void)item;
    if (outcome->code != 0) {
        return outcome->code;
    }
    sweep_note_page(sweep, outcome);
    arena_reset(&spread->memory);
    struct bytes *keys =
        arena_alloc_array(&spread->memory, outcome->entry_count + 1, sizeof(*keys));
    for (uint32_t i = 0; keys != NULL && i < outcome->entry_count; i++) {
        keys[i] = arena_copy(&spread->memory, outcome->entries[i].key);
        if (keys[i].data == NULL && keys[i].len > 0) {
            return SHOAL_ENOMEM;
        }
    }
    sweep->keys = keys;
    sweep->key_count = outcome->entry_count;
    return keys == NULL ? SHOAL_ENOMEM : 0;
}

static void ask_delete(struct redis_spread *spread, uint32_t item, struct request *request)
{
    const struct sweep *sweep = spread->user;
    request->op = REQUEST_DELETE;
    request->key = sweep->keys[item];
}

static void fail(struct sweep *sweep, const char *what)
{
    struct redis_spread *spread = sweep->spread;
    const char *text = spread->text[0] != '\0' ? spread->text : shoal_error_text(spread->code);
    char whole[SPREAD_TEXT_BYTES + 128];
    (void)snprintf(whole, sizeof(whole),
                   "%" PRIu64 " keys were deleted, then %u could not be %s: %s", sweep->count,
                   spread->failed, what, text);
    redis_pending_fail(spread->pending, spread->code, bytes_from_string(whole));
}

static void after_page(struct redis_spread *spread);
static void after_deletes(struct redis_spread *spread);

static const struct redis_row page_row = {
    .ask = sweep_ask_page_request, .take = take_keys, .next = after_page};
static const struct redis_row delete_row = {.ask = ask_delete, .next = after_deletes};

static void after_page(struct redis_spread *spread)
{
    struct sweep *sweep = spread->user;
    if (spread->failed > 0) {
        fail(sweep, "page listed");
    } else {
        redis_spread_ask(spread, &delete_row, sweep->key_count);
    }
}

static void after_deletes(struct redis_spread *spread)
{
    struct sweep *sweep = spread->user;
    sweep->count += spread->count - spread->failed;
    if (spread->failed > 0) {
        fail(sweep, "deleted");
    } else if (!sweep->ended) {
        sweep_ask_page(sweep, &page_row);
    } else {
        reply_simple(&spread->pending->reply, "OK");
        redis_pending_done(spread->pending);
    }
}

void sweep_flush(struct sweep *sweep)
{
    struct redis_pending *pending = sweep->spread->pending;
    if (worker_alone(pending->session->loop->worker)) {
        flush_alone(pending);
        return;
    }
    sweep->limit = LIMIT_PAGE_KEYS;
    sweep_ask_page(sweep, &page_row);
}
