/* What peers ask of this node's holdings. An answer is given only by an owner, with the digest of
 * the whole view taken as the object is applied or read, and with the view itself when the asker's
 * differs; a store is confirmed only when it is as durable as configured. */
#include "base/assert.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/mutant.h"
#include "node/core.h"
#include "shoal/error.h"

#define CONFIRM_KEY_BYTES 32u

/* A store that waits for its durability. */
struct confirm {
    struct durable_waiter waiter;
    struct queue link;
    struct worker *worker;
    struct source source;
    uint64_t asked_digest;
    struct message_stored stored; /* the answer, as far as it is known at apply time */
    struct served served;
    uint8_t key[CONFIRM_KEY_BYTES]; /* the beginning of it, for the log */
};

struct bytes serve_view(struct worker *worker, uint64_t asked_digest)
{
    const struct view *view = worker->snapshot->view;
    struct bytes none = bytes_make(NULL, 0);
    if (asked_digest == view->digest) {
        return none;
    }
    struct buffer names;
    struct buffer encoded;
    buffer_init(&names, 0);
    buffer_init(&encoded, 0);
    struct bytes copy = none;
    /* While a layout comes into force views differ by marks most of the time. */
    bool brief = view_parts_same(asked_digest, view->digest) && view_names(view, &names) == 0;
    int result = brief ? view_encode_brief(view, buffer_bytes(&names), &encoded)
                       : view_encode(view, &encoded);
    if (result == 0) {
        copy = arena_copy(&worker->arena, buffer_bytes(&encoded));
    }
    buffer_deinit(&names);
    buffer_deinit(&encoded);
    return copy;
}

bool serve_owns(const struct worker *worker, uint32_t partition)
{
    return partition < view_facts(worker->snapshot->view)->partitions &&
           (view_owns(worker->snapshot->view, worker->snapshot->self, partition) ||
            MUTANT(serve_unowned)) &&
           replica_holding(&worker->replica, partition) != NULL;
}

bool serve_holds(const struct worker *worker, uint32_t partition)
{
    const struct view *view = worker->snapshot->view;
    return partition < view_facts(view)->partitions &&
           !view_removed(view, worker->snapshot->self) &&
           replica_holding(&worker->replica, partition) != NULL;
}

/* ---- store ---- */

static void serve_stored(struct worker *worker, struct source source,
                         const struct message_stored *stored)
{
    if (stored->id == 0) {
        return; /* a repair, which nobody counts */
    }
    buffer_clear(&worker->reply);
    if (message_stored_encode(stored, &worker->reply) == 0) {
        worker_reply(worker, source, buffer_bytes(&worker->reply));
    }
}

static void serve_confirm_free(struct confirm *confirm)
{
    queue_remove(&confirm->link);
    confirm->worker->confirm_count--;
    mem_free(confirm);
}

static void serve_on_confirm(struct durable_waiter *waiter, int code)
{
    struct confirm *confirm = QUEUE_ITEM(waiter, struct confirm, waiter);
    struct worker *worker = confirm->worker;
    struct message_stored *stored = &confirm->stored;
    stored->code = code;
    stored->durable = code == 0 && replica_durable(&worker->replica, waiter->sequence);
    if (MUTANT(digest_late)) {
        stored->view_digest = worker->snapshot->view->digest;
    }
    /* The digest is of apply time; the view of now includes that of then. */
    stored->view = confirm->asked_digest == stored->view_digest
                       ? bytes_make(NULL, 0)
                       : serve_view(worker, confirm->asked_digest);
    serve_stored(worker, confirm->source, stored);
    account_served(worker, &confirm->served, stored->code);
    serve_confirm_free(confirm);
}

/* What is told of it in the end; the key's own bytes are gone by then. */
static void serve_confirm_keep(struct confirm *confirm, const struct served *served)
{
    size_t len = served->key.len < CONFIRM_KEY_BYTES ? served->key.len : CONFIRM_KEY_BYTES;
    confirm->served = *served;
    confirm->served.waited = true;
    confirm->served.key = bytes_make(confirm->key, len);
    if (len > 0) {
        memcpy(confirm->key, served->key.data, len);
    }
}

static int serve_confirm_later(struct worker *worker, struct source source,
                               const struct message_store *store,
                               const struct message_stored *stored, const struct served *served)
{
    if (store->id == 0) {
        return 0;
    }
    if (worker->confirm_count >= LIMIT_REQUESTS_PER_WORKER) {
        return SHOAL_EOVERLOAD;
    }
    struct confirm *confirm = mem_alloc_zeroed(1, sizeof(*confirm));
    if (confirm == NULL) {
        return SHOAL_ENOMEM;
    }
    confirm->worker = worker;
    confirm->source = source;
    confirm->stored = *stored;
    confirm->asked_digest = store->view_digest;
    serve_confirm_keep(confirm, served);
    confirm->waiter.fire = serve_on_confirm;
    queue_push(&worker->confirms, &confirm->link);
    worker->confirm_count++;
    durability_wait(&worker->replica.durability,
                    store->durable ? DURABILITY_DURABLE : DURABILITY_SETTLED, &confirm->waiter);
    if (store->durable) {
        worker->engine->ops->harden(worker->engine);
    }
    return 0;
}

/* Held, but not yet as durable as its sender wants to hear? */
static bool serve_confirms_later(const struct worker *worker, const struct message_store *store,
                                 int outcome)
{
    const struct durability *durability = &worker->replica.durability;
    return outcome == REPLICA_HELD ||
           (outcome == REPLICA_DONE && store->durable && durability->failed == 0 &&
            !durability_reached(durability, DURABILITY_DURABLE));
}

/* Is the sender in a view that this node doesn't have yet? Then its dots are not to lie here: the
 * actor would belong to nobody who is asked, be closed as one that has ended, and what it writes
 * next would be taken for gone. It asks again once its view has come. (Who has been removed is not
 * asked either, and known.) */
static bool serve_is_stranger(const struct worker *worker, uint64_t node)
{
    return node != 0 && !worker_closing_asks(worker, node) &&
           !view_removed(worker->snapshot->view, node) && !MUTANT(store_of_stranger);
}

/* Stores it, and says of which holding, and what that keeps beside it. */
static int serve_apply(struct worker *worker, struct source source,
                       const struct message_store *store, struct message_stored *stored)
{
    if (serve_is_stranger(worker, source.node)) {
        return SHOAL_ENOTOWNER;
    }
    if (ended_refuses(&worker->ended, store->partition,
                      replica_holding(&worker->replica, store->partition), store->actor)) {
        return SHOAL_ECONFLICT;
    }
    if (serve_is_hint(worker, store)) {
        return serve_hint(worker, store);
    }
    if (!serve_owns(worker, store->partition)) {
        return SHOAL_ENOTOWNER;
    }
    struct replica_stored kept = {0};
    struct engine_key key = replica_key(&worker->replica, store->partition, store->key);
    const struct holding *holding = replica_holding(&worker->replica, store->partition);
    bool refilling = holding->refilling;
    int result = replica_store(&worker->replica, &key, store->object, worker->now.wall_ms, &kept);
    stored->concurrent = kept.concurrent;
    stored->refilling = refilling || holding->refilling; /* it may just have found damage */
    stored->actor = holding->actor;
    return result;
}

void serve_store(struct worker *worker, struct source source, const struct message_store *store,
                 int code)
{
    struct message_stored stored = {.id = store->id, .view_digest = worker->snapshot->view->digest};
    const struct served served =
        account_serve(worker, "STORE", &store->trace, store->partition, store->key);
    int result = code != 0 ? code : serve_apply(worker, source, store, &stored);
    if (MUTANT(confirm_early) && result == REPLICA_HELD) {
        result = REPLICA_DONE;
    }
    bool later = serve_confirms_later(worker, store, result);
    if (later) {
        result = serve_confirm_later(worker, source, store, &stored, &served);
    } else if (result == REPLICA_PENDING) {
        result = parking_take(worker);
        later = true;
    }
    if (!later || result < 0) {
        stored.code = result;
        stored.durable =
            result == 0 && replica_durable(&worker->replica, worker->replica.durability.issued);
        stored.view = serve_view(worker, store->view_digest);
        serve_stored(worker, source, &stored);
        account_served(worker, &served, result);
    }
}

/* ---- fetch ---- */

int serve_clock(struct worker *worker, const struct holding *holding, struct bytes *out)
{
    struct buffer encoded;
    buffer_init(&encoded, 0);
    int result = partition_clock_encode(&holding->clock, &encoded);
    if (result == 0) {
        *out = arena_copy(&worker->arena, buffer_bytes(&encoded));
        result = out->data == NULL ? SHOAL_ENOMEM : 0;
    }
    buffer_deinit(&encoded);
    return result;
}

static int serve_read(struct worker *worker, const struct message_fetch *fetch,
                      struct message_fetched *fetched)
{
    if (!serve_owns(worker, fetch->partition)) {
        return SHOAL_ENOTOWNER;
    }
    const struct holding *holding = replica_holding(&worker->replica, fetch->partition);
    if (holding->refilling && !MUTANT(count_refilling)) {
        return SHOAL_EREFILLING;
    }
    struct engine_key key = replica_key(&worker->replica, fetch->partition, fetch->key);
    struct bytes encoded;
    int result = fetch->mode == FETCH_VERSIONS
                     ? replica_versions(&worker->replica, &key, &encoded)
                     : replica_read_encoded(&worker->replica, &key, &encoded);
    if (result != REPLICA_DONE) {
        return result;
    }
    fetched->digest = encoded.data == NULL ? 0 : hash_xxh3(encoded);
    if (fetch->mode == FETCH_OBJECT && fetch->has_known && fetch->known == fetched->digest) {
        return REPLICA_DONE;
    }
    fetched->object = encoded;
    return fetch->mode == FETCH_OBJECT ? serve_clock(worker, holding, &fetched->clock)
                                       : REPLICA_DONE;
}

void serve_fetch(struct worker *worker, struct source source, const struct message_fetch *fetch,
                 int code)
{
    struct message_fetched fetched = {
        .id = fetch->id,
        .object = bytes_make(NULL, 0),
        .clock = bytes_make(NULL, 0),
        .view_digest = worker->snapshot->view->digest,
    };
    const struct served served =
        account_serve(worker, "FETCH", &fetch->trace, fetch->partition, fetch->key);
    fetched.code = code == 0 ? serve_read(worker, fetch, &fetched) : code;
    if (fetched.code == REPLICA_PENDING) {
        fetched.code = parking_take(worker);
        if (fetched.code == 0) {
            return;
        }
    }
    fetched.view = serve_view(worker, fetch->view_digest);
    buffer_clear(&worker->reply);
    if (message_fetched_encode(&fetched, &worker->reply) == 0) {
        worker_reply(worker, source, buffer_bytes(&worker->reply));
    }
    account_served(worker, &served, fetched.code);
}

void serve_close(struct worker *worker)
{
    while (!queue_empty(&worker->confirms)) {
        struct confirm *confirm = QUEUE_ITEM(worker->confirms.next, struct confirm, link);
        durability_cancel(&confirm->waiter);
        serve_confirm_free(confirm);
    }
}
