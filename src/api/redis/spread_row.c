/* Rows of requests (spread.h). Each lane carries one request at a time; a lane that has its answer
 * takes the next item, so that a row of any length needs the memory of a few. */
#include <stdio.h>

#include "api/redis/desk.h"
#include "api/redis/spread.h"
#include "base/memory.h"
#include "shoal/error.h"

static void go_on(struct redis_spread *spread);

static void run_task(struct task *task)
{
    go_on(QUEUE_ITEM(task, struct redis_spread, task));
}

struct redis_spread *redis_spread_new(struct redis_pending *pending)
{
    struct redis_spread *spread = mem_alloc(sizeof(*spread));
    if (spread == NULL) {
        redis_pending_fail(pending, SHOAL_ENOMEM, bytes_make(NULL, 0));
        return NULL;
    }
    *spread = (struct redis_spread){.pending = pending, .lane_count = 1, .text = ""};
    spread->lanes = &spread->lane;
    arena_init(&spread->memory, 0);
    buffer_init(&spread->body, 0);
    task_init(&spread->task, run_task);
    pending->spread = spread;
    return spread;
}

void redis_spread_free(struct redis_spread *spread)
{
    if (spread == NULL) {
        return;
    }
    spread->pending->session->desk->reply_bytes -= spread->counted;
    loop_forget(&spread->task);
    arena_deinit(&spread->memory);
    buffer_deinit(&spread->body);
    mem_free(spread);
}

int redis_spread_count(struct redis_spread *spread, size_t bytes)
{
    const struct redis_session *session = spread->pending->session;
    session->desk->reply_bytes += bytes;
    spread->counted += bytes;
    return redis_flow_full(session) ? SHOAL_EOVERLOAD : 0;
}

bool redis_spread_abandoned(const struct redis_spread *spread)
{
    return spread->pending->session->connection == NULL;
}

/* ---- answers --------------------------------------------------------------------------------- */

/* An unknown outcome is told rather than one that is known to have changed nothing. */
static void note_failure(struct redis_spread *spread, int code, struct bytes text)
{
    spread->failed++;
    if (spread->failed > 1 && (code != SHOAL_EUNKNOWN || spread->code == SHOAL_EUNKNOWN)) {
        return;
    }
    size_t len = text.len < SPREAD_TEXT_BYTES ? text.len : SPREAD_TEXT_BYTES - 1;
    char *copy = len == 0 ? NULL : arena_alloc(&spread->memory, len + 1);
    spread->code = code;
    spread->text = "";
    if (copy != NULL) {
        memcpy(copy, text.data, len);
        copy[len] = '\0';
        spread->text = copy;
    }
}

/* The row is over. It may be gone afterwards. */
static void step(struct redis_spread *spread)
{
    spread->stepping = true;
    spread->row->next(spread);
}

static void on_done(struct request *request, const struct outcome *outcome)
{
    struct redis_lane *lane = request->user;
    struct redis_spread *spread = lane->spread;
    const struct redis_row *row = spread->row;
    int code = row->take == NULL ? outcome->code : row->take(spread, lane->item, outcome);
    lane->busy = false;
    spread->answered++;
    if (code != 0) {
        note_failure(spread, code, code == outcome->code ? outcome->text : bytes_make(NULL, 0));
    }
    if (spread->asking) {
        return; /* whoever asks sees it */
    }
    if (spread->answered == spread->count) {
        step(spread);
    } else if (spread->asked < spread->count) {
        loop_defer(spread->pending->session->loop, &spread->task);
    }
}

/* ---- asking ---------------------------------------------------------------------------------- */

static void submit(struct redis_spread *spread, struct redis_lane *lane)
{
    const struct redis_session *session = spread->pending->session;
    lane->spread = spread;
    lane->item = spread->asked++;
    lane->busy = true;
    lane->request = (struct request){
        .options = {.r = session->r, .w = session->w},
        .surface = SURFACE_REDIS,
        .done = on_done,
        .user = lane,
    };
    spread->row->ask(spread, lane->item, &lane->request);
    worker_submit(session->loop->worker, loop_now(session->loop), &lane->request);
}

static void go_on(struct redis_spread *spread)
{
    spread->asking = true;
    for (uint32_t i = 0; i < spread->lane_count; i++) {
        while (spread->asked < spread->count && !spread->lanes[i].busy) {
            submit(spread, &spread->lanes[i]);
        }
    }
    spread->asking = false;
    if (spread->answered == spread->count) {
        step(spread);
    }
}

/* Enough lanes for the row, if there is memory; one will do. */
static void widen(struct redis_spread *spread, uint32_t count)
{
    uint32_t wanted = count < SPREAD_LANES ? count : SPREAD_LANES;
    if (wanted <= spread->lane_count) {
        return;
    }
    struct redis_lane *lanes = redis_pending_alloc(spread->pending, wanted * sizeof(*lanes));
    if (lanes != NULL) {
        for (uint32_t i = 0; i < wanted; i++) {
            lanes[i].busy = false;
        }
        spread->lanes = lanes;
        spread->lane_count = wanted;
    }
}

void redis_spread_ask(struct redis_spread *spread, const struct redis_row *row, uint32_t count)
{
    widen(spread, count);
    spread->row = row;
    spread->count = count;
    spread->asked = 0;
    spread->answered = 0;
    spread->failed = 0;
    spread->code = 0;
    spread->text = "";
    if (spread->stepping) {
        spread->stepping = false;
        loop_defer(spread->pending->session->loop, &spread->task);
    } else {
        go_on(spread);
    }
}

/* ---- failing --------------------------------------------------------------------------------- */

void redis_spread_fail(struct redis_spread *spread, const char *what)
{
    struct redis_pending *pending = spread->pending;
    if (spread->count == 1) {
        redis_pending_fail(pending, spread->code, bytes_from_string(spread->text));
        return;
    }
    const char *text = spread->text[0] != '\0' ? spread->text : shoal_error_text(spread->code);
    char whole[SPREAD_TEXT_BYTES + 128];
    (void)snprintf(whole, sizeof(whole), "%u of %u keys were not %s, one because: %s",
                   spread->failed, spread->count, what, text);
    redis_pending_fail(pending, spread->code, bytes_from_string(whole));
}
