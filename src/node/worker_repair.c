/* How a worker's syncs, fills and rounds are tied to the rest of it: what they send and are told,
 * and the letters by which worker 0 compares for the whole node. */
#include "base/memory.h"
#include "node/core.h"
#include "shoal/error.h"

/* A peer's COMPARE that is being gathered for. */
struct compare_ask {
    struct worker *worker;
    struct source source;
    uint64_t id;
    uint64_t view_digest;
    struct wire_sum sum;
};

/* ---- syncs ----------------------------------------------------------------------------------- */

static void worker_sync_learn(void *self, uint64_t view_digest, struct bytes view)
{
    (void)worker_learn(self, view_digest, view);
}

void worker_on_sync(void *self, const struct sync_outcome *outcome)
{
    struct worker *worker = self;
    closing_on_synced(&worker->closing, outcome);
    if (worker->observer.synced != NULL) {
        worker->observer.synced(worker->observer.self, worker_node_id(worker), outcome);
    }
}

/* ---- letters --------------------------------------------------------------------------------- */

/* A letter to each worker, this one included; it may come without, when there is no memory. */
static void worker_gather(void *self, uint64_t node, uint64_t ticket)
{
    struct worker *worker = self;
    for (uint32_t i = 0; i < worker->count; i++) {
        struct letter_sums *letter = mem_alloc(sizeof(*letter));
        if (letter != NULL) {
            letter->node = node;
            letter->ticket = ticket;
            worker_post(worker, i, &letter->letter, LETTER_SUMS);
        }
    }
}

static void worker_round(void *self, uint64_t node, bool everything)
{
    struct worker *worker = self;
    for (uint32_t i = 0; i < worker->count; i++) {
        struct letter_round *letter = mem_alloc(sizeof(*letter));
        if (letter != NULL) {
            letter->node = node;
            letter->everything = everything;
            worker_post(worker, i, &letter->letter, LETTER_ROUND);
        }
    }
}

static void worker_letter_sums(struct worker *worker, const struct letter_sums *asked)
{
    struct letter_summed *letter = mem_alloc(sizeof(*letter));
    if (letter == NULL || worker->snapshot == NULL) {
        mem_free(letter);
        return;
    }
    letter->ticket = asked->ticket;
    comparison_make(&worker->replica, worker->snapshot->view, worker->rounds.share,
                    worker->snapshot->self, asked->node, &letter->part);
    worker_post(worker, 0, &letter->letter, LETTER_SUMMED);
}

bool worker_letter_repair(struct worker *worker, struct letter *letter)
{
    const struct letter_summed *summed = (struct letter_summed *)(void *)letter;
    const struct letter_round *round = (struct letter_round *)(void *)letter;
    switch (letter->kind) {
    case LETTER_SUMS:
        worker_letter_sums(worker, (struct letter_sums *)(void *)letter);
        break;
    case LETTER_SUMMED:
        anti_entropy_gathered(&worker->anti_entropy, summed->ticket, &summed->part);
        break;
    case LETTER_ROUND:
        if (worker->snapshot != NULL && !worker->stopping) {
            rounds_begin(&worker->rounds, round->node, round->everything);
        }
        break;
    default:
        return false;
    }
    mem_free(letter);
    return true;
}

/* ---- a peer compares ------------------------------------------------------------------------- */

static void worker_answer_compare(void *self, const struct comparison *mine)
{
    struct compare_ask *ask = self;
    struct worker *worker = ask->worker;
    if (mine != NULL) {
        struct message_compared answer = {
            .id = ask->id,
            .code = mine->incomplete ? SHOAL_EREFILLING : 0,
            .equal = !mine->incomplete && mine->sum.low == ask->sum.low &&
                     mine->sum.high == ask->sum.high,
            .view_digest = worker->snapshot->view->digest,
            .view = serve_view(worker, ask->view_digest),
        };
        buffer_clear(&worker->reply);
        if (message_compared_encode(&answer, &worker->reply) == 0) {
            worker_reply(worker, ask->source, buffer_bytes(&worker->reply));
        }
    }
    mem_free(ask);
}

void serve_compare(struct worker *worker, struct source source, const struct message_compare *ask)
{
    struct compare_ask *kept = mem_alloc(sizeof(*kept));
    if (kept == NULL || worker->stopping) {
        mem_free(kept);
        return; /* it asks again after its interval */
    }
    *kept = (struct compare_ask){.worker = worker,
                                 .source = source,
                                 .id = ask->id,
                                 .view_digest = ask->view_digest,
                                 .sum = ask->sum};
    struct comparison_asker asker = {.self = kept, .answer = worker_answer_compare};
    if (anti_entropy_asked(&worker->anti_entropy, ask->node, &asker) < 0) {
        mem_free(kept);
    }
}

/* ---- life ------------------------------------------------------------------------------------ */

static void worker_wire_syncs(struct worker *worker)
{
    struct syncs *syncs = &worker->syncs;
    syncs_init(syncs, SYNC_ID_FIRST);
    pace_init(&worker->pace);
    syncs->ports =
        (struct sync_ports){.self = worker, .send = worker_send, .learn = worker_sync_learn};
    syncs->replica = &worker->replica;
    syncs->timers = &worker->timers;
    syncs->arena = &worker->arena;
    syncs->frame = &worker->frame;
    syncs->pace = &worker->pace;
}

void worker_repair_init(struct worker *worker)
{
    struct worker_share share = {.index = worker->index, .count = worker->count};
    worker_wire_syncs(worker);

    struct filler *filler = &worker->filler;
    filler_init(filler);
    filler->ports = (struct filler_ports){.self = worker,
                                          .refilled = worker_on_refilled,
                                          .synced = worker_on_synced,
                                          .ended = worker_on_sync};
    filler->syncs = &worker->syncs;
    filler->reach = &worker->reach;
    transfers_init(&worker->transfers, worker->config->transfers, worker->index, worker->count);
    filler->transfers = &worker->transfers;

    struct rounds *rounds = &worker->rounds;
    rounds_init(rounds);
    rounds->ports = (struct rounds_ports){.self = worker, .ended = worker_on_sync};
    rounds->syncs = &worker->syncs;
    rounds->share = share;

    struct anti_entropy *anti_entropy = &worker->anti_entropy;
    anti_entropy_init(anti_entropy, SYNC_ID_FIRST);
    anti_entropy->ports = (struct anti_entropy_ports){.self = worker,
                                                      .send = worker_send,
                                                      .gather = worker_gather,
                                                      .round = worker_round,
                                                      .learn = worker_sync_learn};
    anti_entropy->timers = &worker->timers;
    anti_entropy->random = &worker->random;
    anti_entropy->frame = &worker->frame;
    anti_entropy->workers = worker->count;
    anti_entropy->interval_us = worker->config->repair_interval_us;

    worker_closing_init(worker);
    worker_release_init(worker);
}

void worker_repair_deinit(struct worker *worker)
{
    worker_release_deinit(worker);
    worker_closing_deinit(worker);
    anti_entropy_deinit(&worker->anti_entropy);
    rounds_deinit(&worker->rounds);
    filler_deinit(&worker->filler);
    syncs_deinit(&worker->syncs);
}

void worker_repair_enter(struct worker *worker)
{
    worker->syncs.now = worker->now;
    worker->closing.now = worker->now;
    worker->release.now = worker->now;
    worker->anti_entropy.now = worker->now;
}

void worker_repair_adopt(struct worker *worker)
{
    const struct snapshot *snapshot = worker->snapshot;
    worker->syncs.view = snapshot->view;
    worker->syncs.self = snapshot->self;
    pace_disturb(&worker->pace, snapshot->view->live_count > 1);
    worker->anti_entropy.view = snapshot->view;
    worker->anti_entropy.self = snapshot->self;
    worker_closing_adopt(worker);
    release_adopt(&worker->release, snapshot->view, snapshot->self);
}

void worker_repair_link(struct worker *worker, uint64_t node, bool up)
{
    if (worker->index == 0) {
        anti_entropy_link(&worker->anti_entropy, node, up);
    }
    if (worker->snapshot != NULL) {
        filler_review(&worker->filler);
        release_on_link(&worker->release, node, up);
    }
}

void worker_repair_stop(struct worker *worker)
{
    anti_entropy_stop(&worker->anti_entropy);
    rounds_stop(&worker->rounds);
    filler_stop(&worker->filler);
    closing_stop(&worker->closing);
    release_stop(&worker->release);
    taking_stop(&worker->taking);
}
