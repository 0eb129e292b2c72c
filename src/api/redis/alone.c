/* Commands on keys where the node stands alone: each is one unit over the cells of its keys. What
 * can be done here and now is, with the reply written straight to where it is sent from; the rest
 * goes through the workers that hold the keys, or waits for the disk. */
#include "api/redis/desk.h"
#include "shoal/error.h"

static void run(struct unit *unit, uint64_t now_ms)
{
    struct redis_pending *pending = unit->user;
    pending->call.now_ms = now_ms;
    pending->call.memory = unit->memory;
    pending->call.command->run(&pending->call);
}

/* What others wrote at the same time and a reading command did not show. */
static void count_hidden(const struct redis_pending *pending)
{
    uint64_t hidden = 0;
    for (uint32_t i = 0; i < pending->cells.count; i++) {
        const struct unit_cell *cell = &pending->cells.items[i];
        hidden += cell->found && cell->siblings > 1 ? cell->siblings - 1 : 0;
    }
    if (hidden > 0 && pending->unit.reads_only) {
        const struct redis_session *session = pending->session;
        redis_count(session, session->shared->options.metric_ids.siblings, hidden);
    }
}

static void on_done(struct unit *unit, int code, struct bytes text)
{
    struct redis_pending *pending = unit->user;
    if (code == 0) {
        count_hidden(pending);
        redis_pending_done(pending);
    } else {
        redis_pending_fail(pending, code, text);
    }
}

static int prepare(struct redis_pending *pending)
{
    int code = redis_cells_of(pending);
    pending->unit = (struct unit){
        .cells = pending->cells.items,
        .count = pending->cells.count,
        .reads_only = (pending->call.command->flags & COMMAND_WRITE) == 0,
        .run = run,
        .done = on_done,
        .user = pending,
        .name = pending->call.command->name,
        .surface = SURFACE_REDIS,
    };
    return code;
}

bool redis_alone_now(struct redis_pending *pending)
{
    struct loop *loop = pending->session->loop;
    int code = prepare(pending);
    if (code == 0 && !worker_unit_now(loop->worker, loop_now(loop), &pending->unit, &code)) {
        return false;
    }
    if (code != 0) {
        redis_pending_rewind(pending);
        redis_pending_write_error(pending, code, bytes_make(NULL, 0));
    } else {
        count_hidden(pending);
    }
    return true;
}

void redis_alone_begin(struct redis_pending *pending)
{
    struct loop *loop = pending->session->loop;
    int code = prepare(pending);
    if (code != 0) {
        redis_pending_fail(pending, code, bytes_make(NULL, 0));
        return;
    }
    worker_unit(loop->worker, loop_now(loop), &pending->unit);
}
