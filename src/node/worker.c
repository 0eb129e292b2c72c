/* The entry points of a worker: what happens goes to the part that it concerns, and to the worker
 * that owns the partition. See worker.h for the contract and core.h for the parts. */
#include "node/worker.h"

#include "base/assert.h"
#include "base/log.h"
#include "base/memory.h"
#include "node/core.h"
#include "node/steward.h"
#include "ring/partition.h"
#include "shoal/error.h"
#include "wire/frame.h"

#include <stdio.h>

/* ---- metrics ---- */

static const struct {
    enum metric_kind kind;
    const char *name;
    const char *help;
} worker_metric_list[] = {
    {METRIC_COUNTER, "shoal_quorum_failures_total",
     "Requests refused because too few owners could be reached; nothing was applied."},
    {METRIC_COUNTER, "shoal_unknown_outcomes_total",
     "Writes whose outcome was reported as unknown."},
    {METRIC_COUNTER, "shoal_hedges_total", "Times another owner was asked as well."},
    {METRIC_COUNTER, "shoal_read_repairs_total", "Objects sent to owners found behind by a read."},
    {METRIC_COUNTER, "shoal_forwards_total", "Requests passed on to the key's coordinator."},
    {METRIC_COUNTER, "shoal_sibling_reads_total", "Reads that found concurrent values."},
};

#define WORKER_METRICS (sizeof(worker_metric_list) / sizeof(worker_metric_list[0]))

int worker_declare_metrics(struct metrics *metrics)
{
    for (size_t i = 0; i < WORKER_METRICS; i++) {
        metric_id id;
        int result =
            metrics_declare(metrics, worker_metric_list[i].kind, worker_metric_list[i].name, NULL,
                            worker_metric_list[i].help, &id);
        if (result < 0 && result != SHOAL_ECONFLICT) {
            return result;
        }
    }
    return 0;
}

static void worker_find_metrics(struct worker *worker)
{
    struct coordinator_metrics *found = &worker->coordinator.metrics;
    *found = (struct coordinator_metrics){.shard = worker->index};
    metric_id *ids[WORKER_METRICS] = {&found->quorum_failures, &found->unknowns, &found->hedges,
                                      &found->read_repairs,    &found->forwards, &found->siblings};
    if (worker->metrics == NULL) {
        return;
    }
    for (size_t i = 0; i < WORKER_METRICS; i++) {
        if (metrics_find(worker->metrics, worker_metric_list[i].name, NULL, ids[i]) < 0) {
            return; /* not declared: nothing is counted */
        }
    }
    found->registry = worker->metrics;
}

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
    if (frame_peek(payload, &kind, &id) < 0 || kind != MESSAGE_SCAN ||
        message_scan_decode(payload, &worker->arena, &scan) < 0) {
        return SHOAL_EINTERNAL; /* only lists ask themselves */
    }
    return worker_post_frame(worker, worker_of_partition(worker, scan.partition), LETTER_FRAME,
                             source, payload);
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

static bool worker_clock_ahead(void *self, uint64_t node)
{
    const struct worker *worker = self;
    const struct snapshot_node *found = snapshot_find(worker->snapshot, node);
    return found != NULL && found->clock_ahead;
}

/* ---- completing requests ---- */

static struct bytes outcome_copy_bytes(uint8_t **at, struct bytes from)
{
    if (from.data == NULL) {
        return from;
    }
    struct bytes copy = bytes_make(*at, from.len);
    memcpy(*at, from.data, from.len);
    *at += from.len;
    return copy;
}

static size_t outcome_size(const struct outcome *outcome)
{
    size_t size = outcome->text.len + outcome->context.len + outcome->after.len +
                  outcome->value_count * sizeof(struct result_value);
    for (uint32_t i = 0; i < outcome->value_count; i++) {
        size += outcome->values[i].value.len;
    }
    return size;
}

/* A copy with memory of its own, for crossing to another thread. Lists never cross. */
static int outcome_copy(const struct outcome *from, struct outcome *out, void **memory)
{
    ASSERT(from->entry_count == 0);
    uint8_t *block = mem_alloc(outcome_size(from));
    if (block == NULL) {
        return SHOAL_ENOMEM;
    }
    struct result_value *values = (struct result_value *)(void *)block;
    uint8_t *at = block + from->value_count * sizeof(*values);
    *out = *from;
    for (uint32_t i = 0; i < from->value_count; i++) {
        values[i] = (struct result_value){.value = outcome_copy_bytes(&at, from->values[i].value),
                                          .hlc = from->values[i].hlc};
    }
    out->values = values;
    out->text = outcome_copy_bytes(&at, from->text);
    out->context = outcome_copy_bytes(&at, from->context);
    out->after = outcome_copy_bytes(&at, from->after);
    *memory = block;
    return 0;
}

void worker_complete(struct worker *worker, struct request *request, const struct outcome *outcome)
{
    if (request->origin == worker->index) {
        request->done(request, outcome);
        return;
    }
    request->outcome_memory = NULL;
    if (outcome_copy(outcome, &request->outcome, &request->outcome_memory) < 0) {
        /* What was done stands; the answer is lost to lack of memory, a failure's text only. */
        bool changes = request->op == REQUEST_PUT || request->op == REQUEST_DELETE;
        int lost = changes ? SHOAL_EUNKNOWN : SHOAL_ENOMEM;
        request->outcome = (struct outcome){
            .code = outcome->code == 0 ? lost : outcome->code,
            .text = bytes_from_string("there is no memory for all of the answer"),
        };
    }
    worker_post(worker, request->origin, &request->letter, LETTER_DONE);
}

static void worker_on_complete(void *self, struct request *request, const struct outcome *outcome)
{
    worker_complete(self, request, outcome);
}

static void worker_reroute(void *self, struct request *request)
{
    struct worker *worker = self;
    uint32_t to = worker_of_partition(worker, request->partition);
    if (to != worker->index && request->origin == worker->index) {
        worker->crossing++;
    }
    worker_post(worker, to, &request->letter, LETTER_REQUEST);
}

static void worker_on_done(struct worker *worker, struct request *request)
{
    void *memory = request->outcome_memory;
    struct outcome outcome = request->outcome;
    worker->crossing--;
    request->done(request, &outcome);
    mem_free(memory);
}

/* ---- learning views ---- */

static uint64_t worker_learn(void *self, uint64_t view_digest, struct bytes view)
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

/* ---- life ---- */

static void worker_wire(struct worker *worker)
{
    struct coordinator *coordinator = &worker->coordinator;
    coordinator->courier = (struct courier){
        .self = worker,
        .send = worker_send,
        .learn = worker_learn,
        .complete = worker_on_complete,
        .reroute = worker_reroute,
        .clock_ahead = worker_clock_ahead,
        .name = worker_node_name,
    };
    coordinator->replica = &worker->replica;
    coordinator->reach = &worker->reach;
    coordinator->timers = &worker->timers;
    coordinator->arena = &worker->arena;
    coordinator->frame = &worker->frame;
    coordinator->request_timeout_us = worker->config->request_timeout_us;

    struct copier *copier = &worker->copier;
    copier->ports = (struct copier_ports){.self = worker,
                                          .send = worker_send,
                                          .refilled = worker_on_refilled,
                                          .synced = worker_on_synced};
    copier->replica = &worker->replica;
    copier->reach = &worker->reach;
    copier->timers = &worker->timers;
    copier->arena = &worker->arena;
    copier->frame = &worker->frame;
}

int worker_new(const struct worker_options *options, struct worker **out)
{
    struct worker *worker = mem_alloc_zeroed(1, sizeof(*worker));
    if (worker == NULL) {
        return SHOAL_ENOMEM;
    }
    ASSERT(options->count > 0 && options->index < options->count);
    worker->index = options->index;
    worker->count = options->count;
    worker->config = options->config;
    worker->ports = options->ports;
    worker->metrics = options->metrics;
    worker->now = options->now;
    worker->engine = options->engine;
    random_init(&worker->random, options->random_seed);
    arena_init(&worker->arena, LIMIT_ARENA_KEEP_BYTES);
    timers_init(&worker->timers);
    buffer_init(&worker->frame, 0);
    buffer_init(&worker->reply, 0);
    queue_init(&worker->inbound);
    queue_init(&worker->confirms);
    reach_init(&worker->reach);
    replica_init(&worker->replica, options->engine, &worker->random, &worker->arena,
                 options->config->clock_ahead_ms_max);
    coordinator_init(&worker->coordinator);
    copier_init(&worker->copier, COPIER_ID_FIRST);
    worker_wire(worker);
    worker_find_metrics(worker);
    worker->synced_count = options->config->partitions / options->count + 1;
    worker->synced = mem_alloc_zeroed(worker->synced_count, sizeof(*worker->synced));
    int result = worker->synced == NULL ? SHOAL_ENOMEM : 0;
    if (result == 0 && worker->index == 0) {
        result = steward_new(worker, options->kept, &worker->steward);
    }
    if (result < 0) {
        worker->engine = NULL; /* stays the caller's */
        worker_free(worker);
        return result;
    }
    *out = worker;
    return 0;
}

void worker_free(struct worker *worker)
{
    if (worker == NULL) {
        return;
    }
    steward_free(worker->steward);
    serve_close(worker);
    copier_deinit(&worker->copier);
    coordinator_deinit(&worker->coordinator);
    inbound_close(worker);
    replica_deinit(&worker->replica);
    reach_deinit(&worker->reach);
    snapshot_unref(worker->snapshot);
    timers_deinit(&worker->timers);
    buffer_deinit(&worker->frame);
    buffer_deinit(&worker->reply);
    arena_deinit(&worker->arena);
    mem_free(worker->synced);
    if (worker->engine != NULL) {
        worker->engine->ops->free(worker->engine);
    }
    mem_free(worker);
}

/* Every entry point begins here, and ends with worker_leave. */
static void worker_enter(struct worker *worker, struct moment now)
{
    ASSERT(worker->serving == 0);
    worker->serving = 1;
    worker->now = now;
    worker->coordinator.now = now;
    worker->copier.now = now;
    arena_reset(&worker->arena);
}

static void worker_leave(struct worker *worker)
{
    worker->serving = 0;
}

void worker_start(struct worker *worker, struct moment now)
{
    worker_enter(worker, now);
    if (worker->steward != NULL) {
        steward_start(worker->steward);
    }
    worker_leave(worker);
}

/* ---- requests ---- */

static void worker_refuse(struct worker *worker, struct request *request, int code,
                          const char *text)
{
    struct outcome outcome = {.code = code, .text = bytes_from_string(text)};
    worker_complete(worker, request, &outcome);
}

/* Carries out a request here, whichever worker it came from. */
static void worker_execute(struct worker *worker, struct request *request)
{
    bool changes = request->op == REQUEST_PUT || request->op == REQUEST_DELETE;
    if (request->op == REQUEST_JOIN) {
        steward_join(worker->steward, request);
    } else if (worker->snapshot == NULL) {
        worker_refuse(worker, request, SHOAL_EQUORUM,
                      "this node is in no cluster yet: wait for it to join, or join it with "
                      "join-cluster; nothing was applied");
    } else if (changes && worker->snapshot->closed) {
        worker_refuse(
            worker, request, SHOAL_EQUORUM,
            "this node is joining a cluster and takes no writes until it has; nothing was "
            "applied");
    } else {
        coordinator_start(&worker->coordinator, request);
    }
}

static uint32_t worker_for(struct worker *worker, struct request *request)
{
    if (request->op == REQUEST_JOIN) {
        return 0;
    }
    if (worker->snapshot == NULL || request->op == REQUEST_LIST) {
        return worker->index;
    }
    request->partition =
        partition_of_key(request->key, view_facts(worker->snapshot->view)->partitions);
    request->forward = !coordinator_is_ours(&worker->coordinator, request, request->partition);
    return !request->forward ? worker_of_partition(worker, request->partition) : worker->index;
}

void worker_submit(struct worker *worker, struct moment now, struct request *request)
{
    worker_enter(worker, now);
    request->origin = worker->index;
    request->forward = false;
    request->deadline_us = worker_deadline_us(worker, request->options.timeout_us);
    if (worker->stopping) {
        worker_refuse(worker, request, SHOAL_ESHUTDOWN,
                      "this node is stopping; nothing was applied, try another");
    } else {
        uint32_t to = worker_for(worker, request);
        if (to == worker->index) {
            worker_execute(worker, request);
        } else {
            worker->crossing++;
            worker_post(worker, to, &request->letter, LETTER_REQUEST);
        }
    }
    worker_leave(worker);
}

/* ---- frames from peers ---- */

/* The worker a request frame is for; this one when it can't be told. */
static uint32_t worker_for_frame(struct worker *worker, uint32_t kind, uint32_t partition)
{
    switch (kind) {
    case MESSAGE_GOSSIP:
    case MESSAGE_ADMIT:
    case MESSAGE_GOODBYE:
        return 0;
    default:
        return worker_of_partition(worker, partition);
    }
}

static void worker_store_frame(struct worker *worker, struct source source, struct bytes payload)
{
    struct message_store store;
    if (message_store_decode(payload, &worker->arena, &store) == 0) {
        if (worker_of_partition(worker, store.partition) == worker->index) {
            serve_store(worker, source, &store);
        } else {
            (void)worker_post_frame(worker, worker_of_partition(worker, store.partition),
                                    LETTER_FRAME, source, payload);
        }
    }
}

static void worker_fetch_frame(struct worker *worker, struct source source, struct bytes payload)
{
    struct message_fetch fetch;
    if (message_fetch_decode(payload, &worker->arena, &fetch) == 0) {
        if (worker_of_partition(worker, fetch.partition) == worker->index) {
            serve_fetch(worker, source, &fetch);
        } else {
            (void)worker_post_frame(worker, worker_of_partition(worker, fetch.partition),
                                    LETTER_FRAME, source, payload);
        }
    }
}

static void worker_scan_frame(struct worker *worker, struct source source, struct bytes payload)
{
    struct message_scan scan;
    if (message_scan_decode(payload, &worker->arena, &scan) == 0) {
        if (worker_of_partition(worker, scan.partition) == worker->index) {
            serve_scan(worker, source, &scan);
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
    if (kind == MESSAGE_GOSSIP && message_gossip_decode(payload, &worker->arena, &gossip) == 0) {
        steward_on_gossip(worker->steward, source, &gossip);
    } else if (kind == MESSAGE_ADMIT &&
               message_admit_decode(payload, &worker->arena, &admit) == 0) {
        steward_on_admit(worker->steward, source, &admit);
    } else if (kind == MESSAGE_GOODBYE &&
               message_goodbye_decode(payload, &worker->arena, &goodbye) == 0) {
        steward_on_goodbye(worker->steward, &goodbye);
    }
}

/* Malformed frames of a known kind are dropped: their sender is a peer, times out and says so. */
static void worker_dispatch(struct worker *worker, struct source source, struct bytes payload)
{
    uint32_t kind;
    uint64_t id;
    if (frame_peek(payload, &kind, &id) < 0) {
        return;
    }
    if (kind == MESSAGE_GOSSIP || kind == MESSAGE_ADMIT || kind == MESSAGE_GOODBYE) {
        worker_steward_frame(worker, source, kind, payload);
        return;
    }
    if (worker->snapshot == NULL) {
        return; /* in no cluster yet: the asker tries again */
    }
    switch (kind) {
    case MESSAGE_STORE:
        worker_store_frame(worker, source, payload);
        return;
    case MESSAGE_FETCH:
        worker_fetch_frame(worker, source, payload);
        return;
    case MESSAGE_SCAN:
        worker_scan_frame(worker, source, payload);
        return;
    case MESSAGE_FORWARD:
        worker_forward_frame(worker, source, payload);
        return;
    default:
        return;
    }
}

void worker_frame(struct worker *worker, struct moment now, struct source source,
                  struct bytes payload)
{
    worker_enter(worker, now);
    worker_dispatch(worker, source, payload);
    worker_leave(worker);
}

/* ---- answers from peers ---- */

static void worker_take_answer(struct worker *worker, uint64_t node, struct bytes payload)
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
            steward_on_gossip_reply(worker->steward, node, &reply);
        }
        return;
    }
    if (worker->snapshot == NULL) {
        return;
    }
    if (kind == MESSAGE_STORED && message_stored_decode(payload, &worker->arena, &stored) == 0) {
        coordinator_on_stored(&worker->coordinator, node, &stored);
    } else if (kind == MESSAGE_FETCHED &&
               message_fetched_decode(payload, &worker->arena, &fetched) == 0) {
        coordinator_on_fetched(&worker->coordinator, node, &fetched);
    } else if (kind == MESSAGE_RESULT &&
               message_result_decode(payload, &worker->arena, &result) == 0) {
        coordinator_on_result(&worker->coordinator, node, &result);
    } else if (kind == MESSAGE_SCANNED &&
               message_scanned_decode(payload, &worker->arena, &scanned) == 0) {
        if (scanned.id >= COPIER_ID_FIRST) {
            copier_on_scanned(&worker->copier, node, &scanned);
        } else {
            coordinator_on_scanned(&worker->coordinator, node, &scanned, payload);
        }
    }
}

void worker_answer(struct worker *worker, struct moment now, uint64_t node, struct bytes payload)
{
    worker_enter(worker, now);
    worker_take_answer(worker, node, payload);
    worker_leave(worker);
}

void worker_link(struct worker *worker, struct moment now, uint64_t node, bool up)
{
    worker_enter(worker, now);
    if (reach_link(&worker->reach, node, up) == 0 && worker->snapshot != NULL) {
        coordinator_on_link(&worker->coordinator, node, up);
        copier_review(&worker->copier);
    }
    worker_leave(worker);
}

/* ---- letters ---- */

static void worker_letter_frame(struct worker *worker, struct letter_frame *letter)
{
    struct bytes bytes = bytes_make(letter->bytes, letter->len);
    if (letter->letter.kind == LETTER_FRAME) {
        worker_dispatch(worker, letter->source, bytes);
    } else if (letter->source.slot == SOURCE_SELF) {
        worker_take_answer(
            worker, worker_node_id(worker),
            bytes_make(bytes.data + FRAME_PREFIX_BYTES, bytes.len - FRAME_PREFIX_BYTES));
    } else {
        worker->ports.reply(worker->ports.self, letter->source, bytes);
    }
    mem_free(letter);
}

static void worker_letter_steward(struct worker *worker, struct letter *letter)
{
    struct letter_view *view = (struct letter_view *)(void *)letter;
    struct letter_tally *tally = (struct letter_tally *)(void *)letter;
    struct letter_synced *synced = (struct letter_synced *)(void *)letter;
    switch (letter->kind) {
    case LETTER_VIEW:
        steward_on_view(worker->steward, letter->from, view->ticket,
                        bytes_make(view->bytes, view->len));
        break;
    case LETTER_SYNCED:
        steward_on_synced(worker->steward, letter->from, &synced->target);
        break;
    default:
        steward_on_tally(worker->steward, letter->from, &tally->tally,
                         letter->kind == LETTER_ADOPTED);
        break;
    }
    mem_free(letter);
}

void worker_letter(struct worker *worker, struct moment now, struct letter *letter)
{
    worker_enter(worker, now);
    switch (letter->kind) {
    case LETTER_REQUEST:
        worker_execute(worker, QUEUE_ITEM(letter, struct request, letter));
        break;
    case LETTER_DONE:
        worker_on_done(worker, QUEUE_ITEM(letter, struct request, letter));
        break;
    case LETTER_FRAME:
    case LETTER_REPLY:
        worker_letter_frame(worker, (struct letter_frame *)(void *)letter);
        break;
    case LETTER_SNAPSHOT:
        worker_adopt(worker, ((struct letter_snapshot *)(void *)letter)->snapshot);
        mem_free(letter);
        break;
    default:
        worker_letter_steward(worker, letter);
        break;
    }
    worker_leave(worker);
}

void letter_free(struct letter *letter)
{
    switch (letter->kind) {
    case LETTER_REQUEST:
        return; /* the surface's memory */
    case LETTER_DONE:
        mem_free(QUEUE_ITEM(letter, struct request, letter)->outcome_memory);
        return;
    case LETTER_SNAPSHOT:
        snapshot_unref(((struct letter_snapshot *)(void *)letter)->snapshot);
        mem_free(letter);
        return;
    default:
        mem_free(letter);
        return;
    }
}

void worker_contacted(struct worker *worker, struct moment now, uint64_t ticket, int code,
                      struct bytes payload)
{
    worker_enter(worker, now);
    steward_on_contacted(worker->steward, ticket, code, payload);
    worker_leave(worker);
}

void worker_kept(struct worker *worker, struct moment now, uint64_t sequence, int code)
{
    worker_enter(worker, now);
    steward_on_kept(worker->steward, sequence, code);
    worker_leave(worker);
}

/* ---- time ---- */

uint64_t worker_next_us(const struct worker *worker)
{
    return timers_next_us(&worker->timers);
}

void worker_tick(struct worker *worker, struct moment now)
{
    worker_enter(worker, now);
    timers_fire(&worker->timers, now.mono_us);
    worker_leave(worker);
}

void worker_flush(struct worker *worker, struct moment now)
{
    worker_enter(worker, now);
    worker->engine->ops->flush(worker->engine);
    worker_leave(worker);
}

void worker_stop(struct worker *worker, struct moment now)
{
    worker_enter(worker, now);
    if (!worker->stopping) {
        worker->stopping = true;
        if (worker->steward != NULL) {
            steward_stop(worker->steward);
        }
    }
    worker_leave(worker);
}

bool worker_idle(const struct worker *worker)
{
    return coordinator_idle(&worker->coordinator) && worker->crossing == 0 &&
           worker->inbound_count == 0 && worker->confirm_count == 0 &&
           (worker->steward == NULL || steward_idle(worker->steward));
}

/* ---- looking in ---- */

int worker_check_hello(struct worker *worker, const struct message_hello *hello, char text[256])
{
    if (hello->version_min > PROTOCOL_VERSION || hello->version_max < PROTOCOL_VERSION) {
        (void)snprintf(text, 256,
                       "this node speaks version %u of the protocol, the other %u to %u: run "
                       "versions next to each other",
                       PROTOCOL_VERSION, hello->version_min, hello->version_max);
        return SHOAL_EVERSION;
    }
    if (hello->role != ROLE_PEER || hello->cluster == 0 || worker->snapshot == NULL) {
        return 0;
    }
    const struct view *view = worker->snapshot->view;
    const struct cluster_facts *facts = view_facts(view);
    if (hello->cluster != facts->id) {
        (void)snprintf(text, 256,
                       "node '%.40s' is of another cluster (id %016llx) than this one ('%.40s', id "
                       "%016llx): they have nothing to say to each other",
                       hello->name, (unsigned long long)hello->cluster, facts->name,
                       (unsigned long long)facts->id);
        return SHOAL_ECLUSTER;
    }
    if (view_removed(view, hello->node)) {
        (void)snprintf(
            text, 256,
            "node '%.40s' was removed from this cluster by force: start it with an empty "
            "data directory to join anew",
            hello->name);
        return SHOAL_EPERM;
    }
    return 0;
}

const struct snapshot *worker_snapshot(const struct worker *worker)
{
    return worker->snapshot;
}

uint64_t worker_node_id(const struct worker *worker)
{
    if (worker->steward != NULL) {
        return steward_node_id(worker->steward);
    }
    return worker->snapshot == NULL ? 0 : worker->snapshot->self;
}

uint64_t worker_cluster_id(const struct worker *worker)
{
    return worker->snapshot == NULL ? 0 : view_facts(worker->snapshot->view)->id;
}

void worker_check(const struct worker *worker)
{
    replica_check(&worker->replica);
    coordinator_check(&worker->coordinator);
    if (worker->steward != NULL) {
        steward_check(worker->steward);
    }
}

static void worker_issued(void *self, struct bytes key, struct dot dot, struct version_vector seen)
{
    struct worker *worker = self;
    worker->observer.issued(worker->observer.self, worker_node_id(worker), key, dot, seen);
}

void worker_observe(struct worker *worker, const struct worker_observer *observer)
{
    worker->observer = *observer;
    worker->coordinator.issued = observer->issued == NULL ? NULL : worker_issued;
    worker->coordinator.issued_self = worker;
}

int worker_peek(struct worker *worker, struct arena *arena, struct bytes key, struct object *out)
{
    if (worker->snapshot == NULL) {
        return SHOAL_ENOTFOUND;
    }
    uint32_t partition = partition_of_key(key, view_facts(worker->snapshot->view)->partitions);
    struct engine_key wanted = replica_key(&worker->replica, partition, key);
    struct bytes encoded;
    int result = worker->engine->ops->get(worker->engine, &wanted, 0, &encoded);
    if (result != 0) {
        return result == 1 ? SHOAL_EUNSUPPORTED : result;
    }
    struct bytes copy = arena_copy(arena, encoded);
    return copy.data == NULL ? SHOAL_ENOMEM : object_decode(arena, copy, out);
}
