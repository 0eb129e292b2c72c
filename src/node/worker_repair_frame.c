/* Frames of repair: questions go to the worker of their partition, comparisons to worker 0, answers
 * to the syncs that wait for them. Malformed ones are dropped: their sender asks again. */
#include "node/core.h"

/* ---- questions ------------------------------------------------------------------------------- */

/* True when the partition is this worker's; else the frame has been passed on. */
static bool repair_is_here(struct worker *worker, struct source source, uint32_t partition,
                           struct bytes payload)
{
    uint32_t to = worker_of_partition(worker, partition);
    if (to != worker->index) {
        (void)worker_post_frame(worker, to, LETTER_FRAME, source, payload);
    }
    return to == worker->index;
}

static void repair_root_frame(struct worker *worker, struct source source, struct bytes payload)
{
    struct message_sync_root ask;
    if (message_sync_root_decode(payload, &worker->arena, &ask) == 0 &&
        repair_is_here(worker, source, ask.partition, payload)) {
        serve_sync_root(worker, source, &ask);
    }
}

static void repair_nodes_frame(struct worker *worker, struct source source, struct bytes payload)
{
    struct message_sync_nodes ask;
    if (message_sync_nodes_decode(payload, &worker->arena, &ask) == 0 &&
        repair_is_here(worker, source, ask.partition, payload)) {
        serve_sync_nodes(worker, source, &ask);
    }
}

static void repair_leaves_frame(struct worker *worker, struct source source, struct bytes payload,
                                int code)
{
    struct message_sync_leaves ask;
    if (message_sync_leaves_decode(payload, &worker->arena, &ask) == 0 &&
        repair_is_here(worker, source, ask.partition, payload)) {
        serve_sync_leaves(worker, source, &ask, code);
    }
}

static void repair_fetch_frame(struct worker *worker, struct source source, struct bytes payload,
                               int code)
{
    struct message_sync_fetch ask;
    if (message_sync_fetch_decode(payload, &worker->arena, &ask) == 0 &&
        repair_is_here(worker, source, ask.partition, payload)) {
        serve_sync_fetch(worker, source, &ask, code);
    }
}

static void repair_ended_frame(struct worker *worker, struct source source, struct bytes payload)
{
    struct message_ended ask;
    if (message_ended_decode(payload, &worker->arena, &ask) == 0 &&
        repair_is_here(worker, source, ask.partition, payload)) {
        serve_ended(worker, source, &ask);
    }
}

static void repair_release_frame(struct worker *worker, struct source source, struct bytes payload)
{
    struct message_release ask;
    if (message_release_decode(payload, &worker->arena, &ask) == 0 &&
        repair_is_here(worker, source, ask.partition, payload)) {
        serve_release(worker, source, &ask);
    }
}

static void repair_compare_frame(struct worker *worker, struct source source, struct bytes payload)
{
    struct message_compare ask;
    if (worker->index != 0) {
        (void)worker_post_frame(worker, 0, LETTER_FRAME, source, payload);
    } else if (message_compare_decode(payload, &worker->arena, &ask) == 0) {
        serve_compare(worker, source, &ask);
    }
}

void worker_repair_frame(struct worker *worker, struct source source, uint32_t kind,
                         struct bytes payload, int code)
{
    switch (kind) {
    case MESSAGE_COMPARE:
        repair_compare_frame(worker, source, payload);
        return;
    case MESSAGE_ENDED:
        repair_ended_frame(worker, source, payload);
        return;
    case MESSAGE_RELEASE:
        repair_release_frame(worker, source, payload);
        return;
    case MESSAGE_SYNC_ROOT:
        repair_root_frame(worker, source, payload);
        return;
    case MESSAGE_SYNC_NODES:
        repair_nodes_frame(worker, source, payload);
        return;
    case MESSAGE_SYNC_LEAVES:
        repair_leaves_frame(worker, source, payload, code);
        return;
    case MESSAGE_SYNC_FETCH:
        repair_fetch_frame(worker, source, payload, code);
        return;
    default:
        return;
    }
}

/* ---- answers --------------------------------------------------------------------------------- */

void worker_repair_answer(struct worker *worker, uint64_t node, uint32_t kind, struct bytes payload)
{
    struct arena *arena = &worker->arena;
    struct message_compared compared;
    struct message_sync_rooted rooted;
    struct message_sync_sums sums;
    struct message_sync_listed listed;
    struct message_sync_fetched fetched;
    struct message_ended_reply ended;
    struct message_released released;
    if (kind == MESSAGE_COMPARED && message_compared_decode(payload, arena, &compared) == 0) {
        anti_entropy_on_compared(&worker->anti_entropy, node, &compared);
    } else if (kind == MESSAGE_SYNC_ROOTED &&
               message_sync_rooted_decode(payload, arena, &rooted) == 0) {
        syncs_on_rooted(&worker->syncs, node, &rooted);
    } else if (kind == MESSAGE_SYNC_SUMS && message_sync_sums_decode(payload, arena, &sums) == 0) {
        syncs_on_sums(&worker->syncs, node, &sums);
    } else if (kind == MESSAGE_SYNC_LISTED &&
               message_sync_listed_decode(payload, arena, &listed) == 0) {
        syncs_on_listed(&worker->syncs, node, &listed, payload);
    } else if (kind == MESSAGE_SYNC_FETCHED &&
               message_sync_fetched_decode(payload, arena, &fetched) == 0) {
        syncs_on_fetched(&worker->syncs, node, &fetched, payload);
    } else if (kind == MESSAGE_ENDED_REPLY &&
               message_ended_reply_decode(payload, arena, &ended) == 0) {
        closing_on_reply(&worker->closing, node, &ended);
    } else if (kind == MESSAGE_RELEASED &&
               message_released_decode(payload, arena, &released) == 0) {
        release_on_released(&worker->release, node, &released);
    }
}
