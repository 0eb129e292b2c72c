/* How the closing of ended actors is tied to the rest of a worker: what it sends and is told, and
 * this node's own answer when a peer closes. */
#include "base/limits.h"
#include "base/mutant.h"
#include "node/core.h"
#include "shoal/error.h"

/* ---- this node closes ------------------------------------------------------------------------ */

static void closing_learn(void *self, uint64_t digest, struct bytes view)
{
    (void)worker_learn(self, digest, view);
}

/* While the hint store has not begun nobody knows. */
static bool closing_owes_hints(void *self, uint32_t partition)
{
    const struct worker *worker = self;
    return worker->hints.partitions == 0 || hints_pile(&worker->hints, partition).keys > 0;
}

static int closing_begin_sync(void *self, uint32_t partition, uint64_t node)
{
    struct worker *worker = self;
    struct sync *sync;
    struct sync_wish wish = {
        .partition = partition, .node = node, .self = worker, .done = worker_on_sync};
    return sync_begin(&worker->syncs, &wish, &sync);
}

void worker_closing_init(struct worker *worker)
{
    struct closing *closing = &worker->closing;
    ended_init(&worker->ended);
    closing_init(closing, CLOSING_ID_FIRST);
    closing->ports = (struct closing_ports){.self = worker,
                                            .send = worker_send,
                                            .learn = closing_learn,
                                            .owes_hints = closing_owes_hints,
                                            .sync = closing_begin_sync};
    closing->replica = &worker->replica;
    closing->timers = &worker->timers;
    closing->frame = &worker->frame;
    closing->ended = &worker->ended;
    closing->first = worker->index;
    closing->step = worker->count;
}

void worker_closing_deinit(struct worker *worker)
{
    closing_deinit(&worker->closing);
    ended_deinit(&worker->ended);
}

void worker_closing_forget(struct worker *worker)
{
    closing_forget(&worker->closing);
    ended_forget(&worker->ended);
}

/* Has it left, and let go of everything? Nobody's word but its own says so; and who has not said so
 * is never forgotten, but removed by an operator if it doesn't come back. */
static bool closing_is_gone(const struct snapshot *snapshot, uint64_t node)
{
    const struct snapshot_node *known = snapshot_find(snapshot, node);
    return known == NULL || known->record.state == NODE_LEFT;
}

bool worker_closing_asks(const struct worker *worker, uint64_t node)
{
    const struct view *view = worker->snapshot->view;
    const struct role *role = roles_find(&view->roles, node);
    return view_counted(view, node) ||
           (role != NULL && role->kind == ROLE_OUT && !closing_is_gone(worker->snapshot, node));
}

/* Without memory for who has left nobody is asked, and nothing closed. */
void worker_closing_adopt(struct worker *worker)
{
    const struct snapshot *snapshot = worker->snapshot;
    const struct view *view = snapshot->view;
    const struct roles *roles = &view->roles;
    uint64_t *leavers = arena_alloc_array(&worker->arena, roles->count + 1, sizeof(*leavers));
    uint32_t count = 0;
    if (leavers == NULL) {
        closing_forget(&worker->closing);
        return;
    }
    for (uint32_t i = 0; i < roles->count; i++) {
        uint64_t node = roles->items[i].node;
        if (roles->items[i].kind == ROLE_OUT && !view_removed(view, node) &&
            !view_counted(view, node) && !closing_is_gone(snapshot, node)) {
            leavers[count++] = node;
        }
    }
    closing_adopt(&worker->closing, view, snapshot->self, leavers, count);
}

/* ---- a peer closes --------------------------------------------------------------------------- */

/* What is here of a partition that no live layout names this node for may hold more of any actor,
 * and what that has replaced goes with it where it is taken. It is let go first. */
static bool closing_must_let_go(const struct worker *worker, uint32_t partition)
{
    return !view_owns(worker->snapshot->view, worker->snapshot->self, partition) &&
           replica_knows(&worker->replica, partition) && !MUTANT(close_releasing);
}

/* Nothing is confirmed to one of another view: he doesn't know whom all to ask. */
static uint64_t closing_confirm(struct worker *worker, const struct message_ended *ask)
{
    const struct view *view = worker->snapshot->view;
    if (ask->view_digest != view->digest || ask->partition >= view_facts(view)->partitions) {
        return 0;
    }
    struct ended_standing standing = {
        .holding = replica_holding(&worker->replica, ask->partition),
        .has_record = replica_knows(&worker->replica, ask->partition),
        .owes = closing_owes_hints(worker, ask->partition) ||
                closing_must_let_go(worker, ask->partition),
    };
    return ended_confirm(&worker->ended, ask, &standing);
}

void serve_ended(struct worker *worker, struct source source, const struct message_ended *ask)
{
    struct message_ended_reply reply = {
        .id = ask->id,
        .confirmed = closing_confirm(worker, ask),
        .view_digest = worker->snapshot->view->digest,
        .view = serve_view(worker, ask->view_digest),
    };
    buffer_clear(&worker->reply);
    if (message_ended_reply_encode(&reply, &worker->reply) == 0) {
        worker_reply(worker, source, buffer_bytes(&worker->reply));
    }
}
