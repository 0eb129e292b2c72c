/* One event log a worker, under a mutex, as the test looks at it from its own thread. */
#include "support/fake_worker.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/assert.h"
#include "base/memory.h"
#include "base/queue.h"
#include "base/table.h"
#include "base/timers.h"
#include "shoal/error.h"
#include "support/fake_core.h"
#include "wire/frame.h"

#define WAIT_S 60
#define HELD_MAX 8192u

enum { LETTER_CALL = 1, LETTER_NUMBER, LETTER_REQUEST, LETTER_REQUEST_BACK };

struct worker {
    struct worker_options options;
    struct snapshot *snapshot;
    struct fake_core core;
    struct request *held[HELD_MAX];
    uint32_t held_count;
    struct request *later[HELD_MAX];
    uint32_t later_count;
    struct request *joining;
    struct source source;
    bool answers_frames;
    bool stopping;
    uint32_t crossing;

    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct fake_event *events;
    uint32_t event_count;
    uint32_t event_capacity;
    uint32_t counts[FAKE_STOPPED + 1]; /* by kind */
};

struct call_letter {
    struct letter letter;
    fake_call call;
    void *self;
    bool done;
};

struct number_letter {
    struct letter letter;
    uint64_t number;
};

/* ---- events ---------------------------------------------------------------------------------- */

static void note(struct worker *worker, enum fake_event_kind kind, uint64_t number, int code,
                 struct bytes payload)
{
    pthread_mutex_lock(&worker->lock);
    if (worker->event_count == worker->event_capacity) {
        worker->event_capacity = worker->event_capacity == 0 ? 64 : worker->event_capacity * 2;
        worker->events =
            mem_realloc(worker->events, worker->event_capacity * sizeof(*worker->events));
        ASSERT(worker->events != NULL);
    }
    struct fake_event *event = &worker->events[worker->event_count++];
    worker->counts[kind]++;
    event->kind = kind;
    event->number = number;
    event->code = code;
    event->payload_len = payload.len;
    if (payload.len > 0) {
        memcpy(event->payload, payload.data,
               payload.len < FAKE_PAYLOAD_BYTES ? payload.len : FAKE_PAYLOAD_BYTES);
    }
    pthread_cond_broadcast(&worker->changed);
    pthread_mutex_unlock(&worker->lock);
}

static const struct fake_event *find(const struct worker *worker, enum fake_event_kind kind,
                                     uint32_t count)
{
    if (worker->counts[kind] < count) {
        return NULL;
    }
    for (uint32_t i = 0; i < worker->event_count; i++) {
        if (worker->events[i].kind == kind && --count == 0) {
            return &worker->events[i];
        }
    }
    return NULL;
}

bool fake_worker_wait(struct worker *worker, enum fake_event_kind kind, uint32_t count,
                      struct fake_event *out)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += WAIT_S;
    const struct fake_event *found;
    pthread_mutex_lock(&worker->lock);
    while ((found = find(worker, kind, count)) == NULL) {
        if (pthread_cond_timedwait(&worker->changed, &worker->lock, &until) != 0) {
            break;
        }
    }
    if (found != NULL && out != NULL) {
        *out = *found;
    }
    pthread_mutex_unlock(&worker->lock);
    return found != NULL;
}

uint32_t fake_worker_count(struct worker *worker, enum fake_event_kind kind)
{
    pthread_mutex_lock(&worker->lock);
    uint32_t count = worker->counts[kind];
    pthread_mutex_unlock(&worker->lock);
    return count;
}

void fake_worker_call(struct worker *worker, fake_call call, void *self)
{
    struct call_letter letter = {.letter = {.kind = LETTER_CALL}, .call = call, .self = self};
    worker->options.ports.post(worker->options.ports.self, worker->options.index, &letter.letter);
    pthread_mutex_lock(&worker->lock);
    while (!letter.done) {
        pthread_cond_wait(&worker->changed, &worker->lock);
    }
    pthread_mutex_unlock(&worker->lock);
}

void fake_worker_send_letter(struct worker *worker, uint32_t to, uint64_t number)
{
    struct number_letter *letter = mem_alloc_zeroed(1, sizeof(*letter));
    ASSERT(letter != NULL);
    letter->letter.kind = LETTER_NUMBER;
    letter->letter.from = worker->options.index;
    letter->number = number;
    worker->options.ports.post(worker->options.ports.self, to, &letter->letter);
}

struct source fake_worker_source(const struct worker *worker)
{
    return worker->source;
}

void fake_worker_answer_frames(struct worker *worker, bool answer)
{
    worker->answers_frames = answer;
}

/* ---- requests -------------------------------------------------------------------------------- */

static bool begins(struct bytes key, const char *word)
{
    return bytes_starts_with(key, bytes_from_string(word));
}

/* Two of three nodes; partition 3 differs, and with values 5 is not known. */
static void answer_cluster(struct request *request)
{
    static const uint32_t partitions[] = {3, 5};
    struct message_verify_reply reply = {.digest = {.low = 1, .high = 2},
                                         .partitions = 16,
                                         .with_values = request->with_values,
                                         .siblings = 77,
                                         .differing = partitions,
                                         .differing_count = 1};
    struct outcome outcome = {.owners = 2, .needed = 3};
    if (request->op == REQUEST_VERIFY) {
        outcome.verification = &reply;
        reply.unverified = partitions + 1;
        reply.unverified_count = request->with_values ? 1 : 0;
    }
    outcome.text = bytes_from_string("node3 is away");
    reply.text = request->with_values ? outcome.text : bytes_make(NULL, 0);
    request->done(request, &outcome);
}

/* Says back whom and what for how long. */
static void answer_operator(struct request *request)
{
    const struct message_change *change = request->change;
    const struct plan_row row = {.node = 7,
                                 .name = change->node,
                                 .zone = change->zone,
                                 .weight = change->weight,
                                 .bytes_in = request->options.timeout_us};
    const struct message_change_reply plan = {
        .changes = true, .partitions = 16, .moves = change->op, .rows = &row, .count = 1};
    struct outcome outcome = {.changed = &plan};
    request->done(request, &outcome);
}

static void join(struct worker *worker, struct request *request)
{
    struct buffer frame;
    char host[256] = "";
    memcpy(host, request->key.data, request->key.len);
    buffer_init(&frame, 0);
    int code = message_ping_encode(7, &frame);
    ASSERT(code == 0 && worker->joining == NULL);
    worker->joining = request;
    worker->options.ports.contact(worker->options.ports.self, host, (uint16_t)request->limit,
                                  buffer_bytes(&frame), 1, request->options.timeout_us);
    buffer_deinit(&frame);
}

static void release_held(struct worker *worker)
{
    while (worker->held_count > 0) {
        fake_core_answer(&worker->core, worker->held[--worker->held_count]);
    }
}

void worker_submit(struct worker *worker, struct moment now, struct request *request)
{
    (void)now;
    note(worker, FAKE_SUBMITTED, request->op, 0, request->key);
    if (worker->stopping) {
        struct outcome outcome = {.code = SHOAL_ESHUTDOWN};
        request->done(request, &outcome);
    } else if (request->op == REQUEST_JOIN) {
        join(worker, request);
    } else if (request->op == REQUEST_CHANGE) {
        answer_operator(request);
    } else if (request->op == REQUEST_VERIFY || request->op == REQUEST_REPAIR) {
        answer_cluster(request);
    } else if (begins(request->key, "hold:")) {
        ASSERT(worker->held_count < HELD_MAX);
        worker->held[worker->held_count++] = request;
    } else if (begins(request->key, "later:")) {
        ASSERT(worker->later_count < HELD_MAX);
        worker->later[worker->later_count++] = request;
    } else if (begins(request->key, "cross:")) {
        worker->crossing++;
        request->origin = worker->options.index;
        request->letter.kind = LETTER_REQUEST;
        worker->options.ports.post(worker->options.ports.self,
                                   (worker->options.index + 1) % worker->options.count,
                                   &request->letter);
    } else {
        bool release = begins(request->key, "release");
        fake_core_answer(&worker->core, request);
        if (release) {
            release_held(worker);
        }
    }
}

/* ---- the rest of the contract ---------------------------------------------------------------- */

int worker_declare_metrics(struct metrics *metrics)
{
    (void)metrics;
    return 0;
}

static struct snapshot *found_cluster(const struct worker_options *options)
{
    const struct node_config *config = options->config;
    struct cluster_facts facts = {
        .id = hash_xxh3(bytes_from_string(config->cluster_name)),
        .partitions = config->partitions,
        .n = config->n,
        .r = config->r,
        .w = config->w,
    };
    struct role role = {.node = options->random_seed, .stamp = 1, .weight = 1};
    memcpy(facts.name, config->cluster_name, sizeof(facts.name));
    memcpy(role.name, config->name, sizeof(role.name));
    memcpy(role.zone, config->zone, sizeof(role.zone));
    struct snapshot *snapshot = mem_alloc_zeroed(1, sizeof(*snapshot));
    ASSERT(snapshot != NULL);
    snapshot->self = options->random_seed;
    snapshot->nodes = mem_alloc_zeroed(1, sizeof(*snapshot->nodes));
    ASSERT(snapshot->nodes != NULL);
    snapshot->node_count = 1;
    snapshot->nodes[0].weight = 1;
    struct node_record *record = &snapshot->nodes[0].record;
    record->id = options->random_seed;
    record->client_port = config->client_port;
    record->peer_port = config->peer_port;
    memcpy(record->name, config->name, sizeof(record->name));
    memcpy(record->zone, config->zone, sizeof(record->zone));
    memcpy(record->host, config->advertise_host, sizeof(record->host));
    int code = view_found(&facts, &role, &snapshot->view);
    ASSERT(code == 0);
    return snapshot;
}

int worker_new(const struct worker_options *options, struct worker **out)
{
    struct worker *worker = mem_alloc_zeroed(1, sizeof(*worker));
    ASSERT(worker != NULL);
    worker->options = *options;
    worker->answers_frames = true;
    fake_core_init(&worker->core);
    pthread_mutex_init(&worker->lock, NULL);
    pthread_cond_init(&worker->changed, NULL);
    if (options->config->n != 0) {
        worker->snapshot = found_cluster(options);
    }
    *out = worker;
    return 0;
}

void worker_free(struct worker *worker)
{
    if (worker == NULL) {
        return;
    }
    fake_core_deinit(&worker->core);
    if (worker->snapshot != NULL) {
        view_unref(worker->snapshot->view);
        mem_free(worker->snapshot->nodes);
        mem_free(worker->snapshot);
    }
    pthread_cond_destroy(&worker->changed);
    pthread_mutex_destroy(&worker->lock);
    mem_free(worker->events);
    mem_free(worker);
}

void worker_start(struct worker *worker, struct moment now)
{
    (void)worker;
    (void)now;
}

int worker_check_hello(struct worker *worker, const struct message_hello *hello, char text[256])
{
    bool foreign = worker->snapshot != NULL && hello->cluster != 0 &&
                   hello->cluster != view_facts(worker->snapshot->view)->id;
    if (foreign) {
        snprintf(text, 256, "that is another cluster");
        return SHOAL_ECLUSTER;
    }
    return 0;
}

void worker_frame(struct worker *worker, struct moment now, struct source source,
                  struct bytes payload)
{
    (void)now;
    uint32_t kind;
    uint64_t id;
    note(worker, FAKE_FRAME, source.serial, 0, payload);
    worker->source = source;
    if (worker->answers_frames && frame_peek(payload, &kind, &id) == 0) {
        struct buffer frame;
        buffer_init(&frame, 0);
        struct message_stored stored = {.id = id};
        int code = message_stored_encode(&stored, &frame);
        ASSERT(code == 0);
        worker->options.ports.reply(worker->options.ports.self, source, buffer_bytes(&frame));
        buffer_deinit(&frame);
    }
}

void worker_answer(struct worker *worker, struct moment now, uint64_t node, struct bytes payload)
{
    (void)now;
    note(worker, FAKE_ANSWER, node, 0, payload);
}

void worker_link(struct worker *worker, struct moment now, uint64_t node, bool up)
{
    (void)now;
    note(worker, up ? FAKE_LINK_UP : FAKE_LINK_DOWN, node, 0, bytes_make(NULL, 0));
}

void worker_stranger(struct worker *worker, struct moment now, uint64_t node)
{
    (void)now;
    note(worker, FAKE_STRANGER, node, 0, bytes_make(NULL, 0));
}

void worker_contacted(struct worker *worker, struct moment now, uint64_t ticket, int code,
                      struct bytes payload)
{
    (void)now;
    note(worker, FAKE_CONTACTED, ticket, code, payload);
    struct request *request = worker->joining;
    worker->joining = NULL;
    if (request != NULL) {
        struct outcome outcome = {.code = code};
        request->done(request, &outcome);
    }
}

static void run_call(struct worker *worker, struct call_letter *letter)
{
    letter->call(worker, &worker->options.ports, letter->self);
    pthread_mutex_lock(&worker->lock);
    letter->done = true;
    pthread_cond_broadcast(&worker->changed);
    pthread_mutex_unlock(&worker->lock);
}

void worker_letter(struct worker *worker, struct moment now, struct letter *letter)
{
    (void)now;
    struct request *request = QUEUE_ITEM(letter, struct request, letter);
    switch (letter->kind) {
    case LETTER_CALL:
        run_call(worker, QUEUE_ITEM(letter, struct call_letter, letter));
        break;
    case LETTER_NUMBER:
        note(worker, FAKE_LETTER, QUEUE_ITEM(letter, struct number_letter, letter)->number,
             (int)letter->from, bytes_make(NULL, 0));
        mem_free(letter);
        break;
    case LETTER_REQUEST:
        letter->kind = LETTER_REQUEST_BACK;
        worker->options.ports.post(worker->options.ports.self, request->origin, letter);
        break;
    default:
        worker->crossing--;
        fake_core_answer(&worker->core, request);
    }
}

void worker_kept(struct worker *worker, struct moment now, uint64_t sequence, int code)
{
    (void)now;
    note(worker, FAKE_KEPT, sequence, code, bytes_make(NULL, 0));
}

void worker_offloaded(struct worker *worker, struct moment now, struct offload_job *job,
                      bool dropped)
{
    (void)now;
    note(worker, FAKE_OFFLOADED, (uint64_t)(uintptr_t)job, dropped ? 1 : 0, bytes_make(NULL, 0));
    job->done(job, dropped);
}

uint64_t worker_next_us(const struct worker *worker)
{
    (void)worker;
    return TIMERS_NEVER;
}

void worker_tick(struct worker *worker, struct moment now)
{
    (void)worker;
    (void)now;
}

void worker_flush(struct worker *worker, struct moment now)
{
    (void)now;
    for (uint32_t i = 0; i < worker->later_count; i++) {
        fake_core_answer(&worker->core, worker->later[i]);
    }
    worker->later_count = 0;
}

void worker_stop(struct worker *worker, struct moment now)
{
    (void)now;
    worker->stopping = true;
    note(worker, FAKE_STOPPED, 0, 0, bytes_make(NULL, 0));
}

bool worker_idle(const struct worker *worker)
{
    return worker->held_count == 0 && worker->crossing == 0 && worker->joining == NULL;
}

const struct snapshot *worker_snapshot(const struct worker *worker)
{
    return worker->snapshot;
}

uint64_t worker_node_id(const struct worker *worker)
{
    return worker->options.random_seed;
}

const struct node_config *worker_config(const struct worker *worker)
{
    return worker->options.config;
}

bool worker_stopping(const struct worker *worker)
{
    return worker->stopping;
}
