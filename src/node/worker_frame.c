/* Frames from peers: each is decoded by the worker of its partition (or by worker 0 for the
 * steward's) and handed to the part it concerns. Malformed ones are dropped: their sender times
 * out. */
#include "base/memory.h"
#include "node/core.h"
#include "node/steward.h"
#include "ring/partition.h"
#include "shoal/error.h"
#include "wire/frame.h"

/* ---- requests of peers ---- */

/* The worker a request frame is for; this one when it can't be told. */
static uint32_t worker_for_frame(struct worker *worker, uint32_t kind, uint32_t partition)
{
    switch (kind) {
    case MESSAGE_GOSSIP:
    case MESSAGE_ADMIT:
    case MESSAGE_GOODBYE:
    case MESSAGE_INVITE:
    case MESSAGE_JOIN:
        return 0;
    default:
        return worker_of_partition(worker, partition);
    }
}

static void worker_store_frame(struct worker *worker, struct source source, struct bytes payload,
                               int code)
{
    struct message_store store;
    if (message_store_decode(payload, &worker->arena, &store) == 0) {
        if (worker_of_partition(worker, store.partition) == worker->index) {
            serve_store(worker, source, &store, code);
        } else {
            (void)worker_post_frame(worker, worker_of_partition(worker, store.partition),
                                    LETTER_FRAME, source, payload);
        }
    }
}

static void worker_fetch_frame(struct worker *worker, struct source source, struct bytes payload,
                               int code)
{
    struct message_fetch fetch;
    if (message_fetch_decode(payload, &worker->arena, &fetch) == 0) {
        if (worker_of_partition(worker, fetch.partition) == worker->index) {
            serve_fetch(worker, source, &fetch, code);
        } else {
            (void)worker_post_frame(worker, worker_of_partition(worker, fetch.partition),
                                    LETTER_FRAME, source, payload);
        }
    }
}

static void worker_scan_frame(struct worker *worker, struct source source, struct bytes payload,
                              int code)
{
    struct message_scan scan;
    if (message_scan_decode(payload, &worker->arena, &scan) == 0) {
        if (worker_of_partition(worker, scan.partition) == worker->index) {
            serve_scan(worker, source, &scan, code);
        } else {
            (void)worker_post_frame(worker, worker_of_partition(worker, scan.partition),
                                    LETTER_FRAME, source, payload);
        }
    }
}

static void worker_forward_frame(struct worker *worker, struct source source, struct bytes payload)
{
    struct message_forward forward;
    if (message_forward_decode(payload, &worker->arena, &forward) == 0) {
        uint32_t partition =
            partition_of_key(forward.request.key, view_facts(worker->snapshot->view)->partitions);
        if (worker_of_partition(worker, partition) == worker->index) {
            inbound_forward(worker, source, &forward);
        } else {
            (void)worker_post_frame(worker, worker_of_partition(worker, partition), LETTER_FRAME,
                                    source, payload);
        }
    }
}

/* Frames for the steward. */
static void worker_steward_frame(struct worker *worker, struct source source, uint32_t kind,
                                 struct bytes payload)
{
    if (worker->steward == NULL) {
        (void)worker_post_frame(worker, worker_for_frame(worker, kind, 0), LETTER_FRAME, source,
                                payload);
        return;
    }
    struct message_gossip gossip;
    struct message_admit admit;
    struct message_goodbye goodbye;
    struct message_invite invite;
    struct message_join join;
    if (kind == MESSAGE_GOSSIP && message_gossip_decode(payload, &worker->arena, &gossip) == 0) {
        steward_count_received(worker->steward, payload.len);
        steward_on_gossip(worker->steward, source, &gossip);
    } else if (kind == MESSAGE_ADMIT &&
               message_admit_decode(payload, &worker->arena, &admit) == 0) {
        steward_on_admit(worker->steward, source, &admit);
    } else if (kind == MESSAGE_GOODBYE &&
               message_goodbye_decode(payload, &worker->arena, &goodbye) == 0) {
        steward_on_goodbye(worker->steward, &goodbye);
    } else if (kind == MESSAGE_INVITE &&
               message_invite_decode(payload, &worker->arena, &invite) == 0) {
        steward_on_invite(worker->steward, &invite);
    } else if (kind == MESSAGE_JOIN && message_join_decode(payload, &worker->arena, &join) == 0) {
        steward_on_told_to_join(worker->steward, source, &join);
    }
}

/* Malformed frames of a known kind are dropped: their sender is a peer, times out and says so. */
void worker_dispatch(struct worker *worker, struct source source, struct bytes payload, int code)
{
    uint32_t kind;
    uint64_t id;
    if (frame_peek(payload, &kind, &id) < 0) {
        return;
    }
    if (kind == MESSAGE_GOSSIP || kind == MESSAGE_ADMIT || kind == MESSAGE_GOODBYE ||
        kind == MESSAGE_INVITE || kind == MESSAGE_JOIN) {
        worker_steward_frame(worker, source, kind, payload);
        return;
    }
    if (kind == MESSAGE_FEED) {
        serve_feed(worker, source, payload);
        return;
    }
    if (worker->snapshot == NULL || worker->units.redo != NULL) {
        return; /* in no cluster yet, or not all of what it holds is done: the asker tries again */
    }
    worker->parking.source = source;
    worker->parking.payload = payload;
    if (worker->parking.resumed == NULL) {
        worker->parking.since_us = worker->now.mono_us;
    }
    switch (kind) {
    case MESSAGE_STORE:
        worker_store_frame(worker, source, payload, code);
        return;
    case MESSAGE_FETCH:
        worker_fetch_frame(worker, source, payload, code);
        return;
    case MESSAGE_SCAN:
        worker_scan_frame(worker, source, payload, code);
        return;
    case MESSAGE_FORWARD:
        worker_forward_frame(worker, source, payload);
        return;
    case MESSAGE_REPAIR:
        serve_repair(worker, source, payload);
        return;
    default:
        worker_repair_frame(worker, source, kind, payload, code);
        return;
    }
}

/* ---- their answers ---- */

void worker_take_answer(struct worker *worker, uint64_t node, struct bytes payload)
{
    uint32_t kind;
    uint64_t id;
    struct message_result result;
    struct message_stored stored;
    struct message_fetched fetched;
    struct message_scanned scanned;
    struct message_gossip_reply reply;
    if (frame_peek(payload, &kind, &id) < 0) {
        return;
    }
    if (kind == MESSAGE_GOSSIP_REPLY) {
        if (worker->steward != NULL &&
            message_gossip_reply_decode(payload, &worker->arena, &reply) == 0) {
            steward_count_received(worker->steward, payload.len);
            steward_on_gossip_reply(worker->steward, node, &reply);
        }
        return;
    }
    if (worker->snapshot == NULL) {
        return;
    }
    if (kind == MESSAGE_REPAIR_REPLY) {
        repair_now_take_answer(worker, node, payload);
        return;
    }
    if (kind == MESSAGE_FED) {
        worker_take_fed(worker, node, payload);
        return;
    }
    if (id >= VERIFY_ID_FIRST && id < HINT_ID_FIRST) {
        verify_take_answer(worker, node, kind, payload);
        return;
    }
    if (kind == MESSAGE_STORED && message_stored_decode(payload, &worker->arena, &stored) == 0) {
        if (stored.id >= HINT_ID_FIRST) {
            hint_delivery_on_stored(&worker->delivery, node, &stored);
        } else {
            coordinator_on_stored(&worker->coordinator, node, &stored);
        }
    } else if (kind == MESSAGE_FETCHED &&
               message_fetched_decode(payload, &worker->arena, &fetched) == 0) {
        coordinator_on_fetched(&worker->coordinator, node, &fetched);
    } else if (kind == MESSAGE_RESULT &&
               message_result_decode(payload, &worker->arena, &result) == 0) {
        coordinator_on_result(&worker->coordinator, node, &result);
    } else if (kind == MESSAGE_SCANNED &&
               message_scanned_decode(payload, &worker->arena, &scanned) == 0) {
        coordinator_on_scanned(&worker->coordinator, node, &scanned, payload);
    } else {
        worker_repair_answer(worker, node, kind, payload);
    }
}
