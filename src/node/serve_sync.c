/* What peers ask of this node's holdings to make theirs the same (repair/source.h says what is
 * answered). A sync is begun only from an owner, and for a layout change only from one that knows
 * of it; or from one that is to let go, if that is what the sync is for. Once begun it goes by the
 * holding, which may lose its place meanwhile and is no worse for that. */
#include "base/mutant.h"
#include "node/core.h"
#include "repair/source.h"
#include "shoal/error.h"

static const struct content_hash no_target;

/* A pending outcome parks the frame: true, and there is nothing to answer yet. */
static bool serve_parks(struct worker *worker, int *code)
{
    if (*code == REPLICA_PENDING) {
        *code = parking_take(worker);
        return *code == 0;
    }
    return false;
}

/* Sends what was encoded into worker->reply. */
static void serve_answer(struct worker *worker, struct source source, int encoded)
{
    if (encoded == 0) {
        struct bytes frame = buffer_bytes(&worker->reply);
        worker_reply(worker, source, frame);
    }
}

void serve_sync_root(struct worker *worker, struct source source,
                     const struct message_sync_root *ask)
{
    struct message_sync_rooted answer = {
        .id = ask->id,
        .clock = bytes_make("", 0),
        .view_digest = worker->snapshot->view->digest,
        .view = serve_view(worker, ask->view_digest),
    };
    bool knows = content_hash_equal(&ask->target, &no_target) ||
                 view_find(worker->snapshot->view, &ask->target) >= 0 || MUTANT(source_unlearned);
    bool serves =
        ask->release ? serve_holds(worker, ask->partition) : serve_owns(worker, ask->partition);
    /* It must learn of the layout before it serves for it. */
    answer.code = serves && knows ? source_root(&worker->replica, ask, &answer) : SHOAL_ENOTOWNER;
    buffer_clear(&worker->reply);
    serve_answer(worker, source, message_sync_rooted_encode(&answer, &worker->reply));
}

void serve_sync_nodes(struct worker *worker, struct source source,
                      const struct message_sync_nodes *ask)
{
    struct message_sync_sums answer = {.id = ask->id,
                                       .view_digest = worker->snapshot->view->digest};
    answer.code = serve_holds(worker, ask->partition) ? source_nodes(&worker->replica, ask, &answer)
                                                      : SHOAL_ENOTOWNER;
    buffer_clear(&worker->reply);
    serve_answer(worker, source, message_sync_sums_encode(&answer, &worker->reply));
}

void serve_sync_leaves(struct worker *worker, struct source source,
                       const struct message_sync_leaves *ask, int code)
{
    struct message_sync_listed answer = {.id = ask->id,
                                         .view_digest = worker->snapshot->view->digest};
    if (code == 0) {
        code = serve_holds(worker, ask->partition) ? source_leaves(&worker->replica, ask, &answer)
                                                   : SHOAL_ENOTOWNER;
    }
    if (serve_parks(worker, &code)) {
        return;
    }
    answer.code = code;
    buffer_clear(&worker->reply);
    serve_answer(worker, source, message_sync_listed_encode(&answer, &worker->reply));
}

void serve_sync_fetch(struct worker *worker, struct source source,
                      const struct message_sync_fetch *ask, int code)
{
    struct message_sync_fetched answer = {.id = ask->id,
                                          .view_digest = worker->snapshot->view->digest};
    if (code == 0 && pace_wait_us(&worker->pace, worker->now.mono_us) > 0) {
        code = SHOAL_EOVERLOAD; /* those who are served come first */
    }
    if (code == 0) {
        struct message_sync_fetch bounded = *ask;
        uint64_t bytes_max = pace_page_bytes(&worker->pace, worker->now.mono_us);
        bounded.bytes_max = ask->bytes_max < bytes_max ? ask->bytes_max : bytes_max;
        code = serve_holds(worker, ask->partition)
                   ? source_fetch(&worker->replica, &bounded, &answer)
                   : SHOAL_ENOTOWNER;
    }
    if (serve_parks(worker, &code)) {
        return;
    }
    answer.code = code;
    buffer_clear(&worker->reply);
    serve_answer(worker, source, message_sync_fetched_encode(&answer, &worker->reply));
    pace_moved(&worker->pace, worker->now.mono_us, worker->reply.len);
}
