/* What a worker sends: letters to its fellows, answers to whoever asked, request frames to nodes,
 * and views to the steward. */
#include "base/memory.h"
#include "node/core.h"
#include "shoal/error.h"
#include "wire/frame.h"

/* ---- letters and frames between workers ---- */

void worker_post(struct worker *worker, uint32_t to, struct letter *letter, uint32_t kind)
{
    letter->kind = kind;
    letter->from = worker->index;
    worker->ports.post(worker->ports.self, to, letter);
}

int worker_post_frame(struct worker *worker, uint32_t to, uint32_t kind, struct source source,
                      struct bytes bytes)
{
    struct letter_frame *letter = mem_alloc(sizeof(*letter) + bytes.len);
    if (letter == NULL) {
        return SHOAL_ENOMEM;
    }
    letter->source = source;
    letter->len = bytes.len;
    memcpy(letter->bytes, bytes.data, bytes.len);
    worker_post(worker, to, &letter->letter, kind);
    return 0;
}

void worker_reply(struct worker *worker, struct source source, struct bytes frame)
{
    if (source.worker == worker->index && source.slot != SOURCE_SELF) {
        worker->ports.reply(worker->ports.self, source, frame);
        return;
    }
    (void)worker_post_frame(worker, source.worker, LETTER_REPLY, source, frame);
}

/* A frame to this node itself goes to the worker of its partition, as if it had come from a peer.
 */
static int worker_send_self(struct worker *worker, struct bytes frame)
{
    struct bytes payload =
        bytes_make(frame.data + FRAME_PREFIX_BYTES, frame.len - FRAME_PREFIX_BYTES);
    struct source source = {.worker = worker->index, .slot = SOURCE_SELF};
    uint32_t kind;
    uint64_t id;
    struct message_scan scan;
    struct message_store store;
    struct message_sync_root root;
    struct message_sync_fetch fetch;
    struct message_feed feed;
    uint32_t partition;
    if (frame_peek(payload, &kind, &id) < 0) {
        return SHOAL_EINTERNAL;
    }
    if (kind == MESSAGE_SCAN && message_scan_decode(payload, &worker->arena, &scan) == 0) {
        partition = scan.partition;
    } else if (kind == MESSAGE_STORE &&
               message_store_decode(payload, &worker->arena, &store) == 0) {
        partition = store.partition;
    } else if (kind == MESSAGE_SYNC_ROOT &&
               message_sync_root_decode(payload, &worker->arena, &root) == 0) {
        partition = root.partition;
    } else if (kind == MESSAGE_SYNC_FETCH &&
               message_sync_fetch_decode(payload, &worker->arena, &fetch) == 0) {
        partition = fetch.partition;
    } else if (kind == MESSAGE_FEED && message_feed_decode(payload, &worker->arena, &feed) == 0) {
        partition = feed.lane; /* which worker keeps it goes by the same rule */
    } else {
        return SHOAL_EINTERNAL; /* lists, repairs, verifying, feeds: all that it sends itself */
    }
    return worker_post_frame(worker, worker_of_partition(worker, partition), LETTER_FRAME, source,
                             payload);
}

int worker_send(void *self, uint64_t node, struct bytes frame)
{
    struct worker *worker = self;
    if (node == worker_node_id(worker)) {
        return worker_send_self(worker, frame);
    }
    return worker->ports.send(worker->ports.self, node, frame);
}

const char *worker_node_name(void *self, uint64_t node)
{
    const struct worker *worker = self;
    const struct snapshot_node *found =
        worker->snapshot == NULL ? NULL : snapshot_find(worker->snapshot, node);
    return found == NULL || found->record.name[0] == '\0' ? "(a node not heard of)"
                                                          : found->record.name;
}

const char *worker_node_address(void *self, uint64_t node, uint16_t *port)
{
    const struct worker *worker = self;
    const struct snapshot_node *found =
        worker->snapshot == NULL ? NULL : snapshot_find(worker->snapshot, node);
    *port = found == NULL ? 0 : (uint16_t)found->record.peer_port;
    return found == NULL ? "" : found->record.host;
}

bool worker_clock_ahead(void *self, uint64_t node)
{
    const struct worker *worker = self;
    const struct snapshot_node *found = snapshot_find(worker->snapshot, node);
    return found != NULL && found->clock_ahead;
}

uint32_t worker_own_storage(const struct worker *worker)
{
    static const uint32_t storage_of[] = {[ENGINE_HEALTHY] = NODE_STORAGE_OK,
                                          [ENGINE_FULL] = NODE_STORAGE_FULL,
                                          [ENGINE_FAILED] = NODE_STORAGE_FAILED};
    return storage_of[replica_health(&worker->replica)];
}

uint32_t worker_storage(void *self, uint64_t node)
{
    const struct worker *worker = self;
    const struct snapshot_node *found = snapshot_find(worker->snapshot, node);
    uint32_t told = found == NULL ? NODE_STORAGE_OK : found->record.storage;
    uint32_t own = node == worker->snapshot->self ? worker_own_storage(worker) : NODE_STORAGE_OK;
    return own > told ? own : told;
}

/* ---- learning views ---- */

uint64_t worker_learn(void *self, uint64_t view_digest, struct bytes view)
{
    struct worker *worker = self;
    for (uint32_t i = 0; i < LEARNED_VIEWS; i++) {
        if (worker->learned[i] == view_digest && view_digest != 0 &&
            worker->learned_ticket[i] > worker->coordinator.ticket_void) {
            return worker->learned_ticket[i];
        }
    }
    struct letter_view *letter = mem_alloc(sizeof(*letter) + view.len);
    if (letter == NULL) {
        return COURIER_NO_TICKET;
    }
    letter->ticket = ++worker->ticket;
    letter->len = view.len;
    memcpy(letter->bytes, view.data, view.len);
    worker->learned[worker->learned_next] = view_digest;
    worker->learned_ticket[worker->learned_next] = letter->ticket;
    worker->learned_next = (worker->learned_next + 1) % LEARNED_VIEWS;
    worker_post(worker, 0, &letter->letter, LETTER_VIEW);
    return worker->ticket;
}
