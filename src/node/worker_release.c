/* How letting go is tied to the rest of a worker: what is dropped, what an old owner is answered,
 * and the transfers that this shares with fills. */
#include "base/log.h"
#include "base/memory.h"
#include "base/mutant.h"
#include "node/core.h"
#include "shoal/error.h"

/* An old owner that waits for its answer. */
struct release_ask {
    struct worker *worker;
    struct source source;
    uint64_t id;
    uint64_t view_digest;
};

/* ---- this node lets go ----------------------------------------------------------------------- */

static void release_learn(void *self, uint64_t digest, struct bytes view)
{
    (void)worker_learn(self, digest, view);
}

/* The clock goes with the holding, before the data. Its actor has ended. */
static int release_drop_partition(void *self, uint32_t partition)
{
    struct worker *worker = self;
    worker->synced[partition / worker->count] = (struct content_hash){0};
    worker->released = true;
    return replica_drop(&worker->replica, partition);
}

void worker_release_want(struct worker *worker, uint32_t partition)
{
    const struct snapshot *snapshot = worker->snapshot;
    struct replica *replica = &worker->replica;
    struct holding *holding = replica_holding(replica, partition);
    if (view_removed(snapshot->view, snapshot->self) || release_has(&worker->release, partition) ||
        (holding == NULL && !replica_knows(replica, partition))) {
        return;
    }
    int result = 0;
    if (holding == NULL) { /* left by an earlier run */
        result = replica_resume(replica, partition, snapshot->returning, &holding);
    }
    if (result == 0) {
        result = release_want(&worker->release, partition);
    }
    if (result < 0) {
        log_error("partition: it is another node's now, and can't be let go yet",
                  LOG_U64("partition", partition), LOG_TEXT("cause", shoal_error_text(result)));
        worker->holdings_missing = true;
    }
}

/* Who was removed by force lets go of nothing. */
uint32_t worker_releasing(const struct worker *worker)
{
    const struct snapshot *snapshot = worker->snapshot;
    uint32_t count = 0;
    size_t cursor = 0;
    uint64_t key;
    void *value;
    if (snapshot == NULL || view_removed(snapshot->view, snapshot->self)) {
        return 0;
    }
    while (table_next(&worker->replica.holdings, &cursor, &key, &value)) {
        const struct holding *holding = value;
        count += !layout_owns(view_newest(snapshot->view), snapshot->self, holding->partition) &&
                         !release_has(&worker->release, holding->partition)
                     ? 1
                     : 0;
    }
    return count + release_pending(&worker->release);
}

void worker_release_leave(struct worker *worker)
{
    if (worker->released && release_pending(&worker->release) == 0) {
        worker_tell(worker, LETTER_TALLY);
    }
    worker->released = false;
}

/* ---- others let go --------------------------------------------------------------------------- */

static void release_reply(struct worker *worker, const struct release_ask *ask, int code,
                          uint64_t actor)
{
    struct message_released reply = {
        .id = ask->id,
        .code = code,
        .actor = actor,
        .view_digest = worker->snapshot->view->digest,
        .view = serve_view(worker, ask->view_digest),
    };
    buffer_clear(&worker->reply);
    if (message_released_encode(&reply, &worker->reply) == 0) {
        worker_reply(worker, ask->source, buffer_bytes(&worker->reply));
    }
}

static void release_answer(void *self, int code, uint64_t actor)
{
    struct release_ask *ask = self;
    release_reply(ask->worker, ask, code, actor);
    mem_free(ask);
}

void serve_release(struct worker *worker, struct source source, const struct message_release *ask)
{
    struct release_ask here = {
        .worker = worker, .source = source, .id = ask->id, .view_digest = ask->view_digest};
    struct release_ask *kept = mem_alloc(sizeof(*kept));
    int result = kept == NULL ? SHOAL_ENOMEM : 0;
    if (result == 0) {
        *kept = here;
        struct taking_asker asker = {.self = kept, .answer = release_answer};
        result = taking_begin(&worker->taking, ask, &asker);
    }
    if (result < 0) {
        mem_free(kept);
        release_reply(worker, &here, result, 0);
    }
}

/* It says nothing of this holding: neither fills nor closing hear of it. */
static void release_on_taken(void *self, const struct sync_outcome *outcome)
{
    struct worker *worker = self;
    if (MUTANT(release_fills) && outcome->code == 0) {
        worker_on_refilled(worker, outcome->partition);
    }
    if (worker->observer.synced != NULL) {
        worker->observer.synced(worker->observer.self, worker_node_id(worker), outcome);
    }
}

static void release_on_room(void *self)
{
    struct worker *worker = self;
    filler_resume(&worker->filler);
}

/* ---- life ------------------------------------------------------------------------------------ */

void worker_release_init(struct worker *worker)
{
    struct release *release = &worker->release;
    release_init(release, RELEASE_ID_FIRST, worker->transfers.max);
    release->ports = (struct release_ports){.self = worker,
                                            .send = worker_send,
                                            .learn = release_learn,
                                            .drop = release_drop_partition};
    release->replica = &worker->replica;
    release->reach = &worker->reach;
    release->timers = &worker->timers;
    release->frame = &worker->frame;

    struct taking *taking = &worker->taking;
    taking_init(taking);
    taking->ports =
        (struct taking_ports){.self = worker, .ended = release_on_taken, .room = release_on_room};
    taking->syncs = &worker->syncs;
    taking->transfers = &worker->transfers;
}

void worker_release_deinit(struct worker *worker)
{
    release_deinit(&worker->release);
    taking_deinit(&worker->taking, mem_free);
}
