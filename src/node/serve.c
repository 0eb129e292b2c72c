/* What peers ask of this node's holdings. An answer is given only by an owner, with the digest of
 * the whole view taken as the object is applied or read, and with the view itself when the asker's
 * differs; a store is confirmed only when it is as durable as configured. */
#include "base/assert.h"
#include "base/hash.h"
#include "base/memory.h"
#include "node/core.h"
#include "shoal/error.h"

/* A store that waits for its durability. */
struct confirm {
    struct durable_waiter waiter;
    struct queue link;
    struct worker *worker;
    struct source source;
    uint64_t id;
    uint64_t asked_digest;
    uint64_t view_digest; /* at apply time */
};

/* The whole view for one whose digest differs; data NULL when it doesn't. Lives in the arena. */
static struct bytes serve_view(struct worker *worker, uint64_t asked_digest)
{
    const struct view *view = worker->snapshot->view;
    struct bytes none = bytes_make(NULL, 0);
    if (asked_digest == view->digest) {
        return none;
    }
    struct buffer encoded;
    buffer_init(&encoded, 0);
    struct bytes copy = none;
    if (view_encode(view, &encoded) == 0) {
        copy = arena_copy(&worker->arena, buffer_bytes(&encoded));
    }
    buffer_deinit(&encoded);
    return copy;
}

static bool serve_owns(const struct worker *worker, uint32_t partition)
{
    return partition < view_facts(worker->snapshot->view)->partitions &&
           view_owns(worker->snapshot->view, worker->snapshot->self, partition) &&
           replica_holding(&worker->replica, partition) != NULL;
}

/* ---- store ---- */

static void serve_stored(struct worker *worker, struct source source, uint64_t id, int code,
                         uint64_t view_digest, struct bytes view)
{
    if (id == 0) {
        return; /* a repair, which nobody counts */
    }
    struct message_stored stored = {
        .id = id,
        .code = code,
        .durable = code == 0 && worker->engine->keeps_data,
        .view_digest = view_digest,
        .view = view,
    };
    buffer_clear(&worker->reply);
    if (message_stored_encode(&stored, &worker->reply) == 0) {
        worker_reply(worker, source, buffer_bytes(&worker->reply));
    }
}

static void serve_confirm_free(struct confirm *confirm)
{
    queue_remove(&confirm->link);
    confirm->worker->confirm_count--;
    mem_free(confirm);
}

static void serve_on_durable(struct durable_waiter *waiter, int code)
{
    struct confirm *confirm = QUEUE_ITEM(waiter, struct confirm, waiter);
    struct worker *worker = confirm->worker;
    /* The digest is of apply time; the view of now includes that of then. */
    struct bytes view = confirm->asked_digest == confirm->view_digest
                            ? bytes_make(NULL, 0)
                            : serve_view(worker, confirm->asked_digest);
    serve_stored(worker, confirm->source, confirm->id, code, confirm->view_digest, view);
    serve_confirm_free(confirm);
}

static int serve_confirm_later(struct worker *worker, struct source source,
                               const struct message_store *store)
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
    confirm->id = store->id;
    confirm->asked_digest = store->view_digest;
    confirm->view_digest = worker->snapshot->view->digest;
    confirm->waiter.fire = serve_on_durable;
    queue_push(&worker->confirms, &confirm->link);
    worker->confirm_count++;
    durability_wait(&worker->replica.durability, &confirm->waiter);
    return 0;
}

void serve_store(struct worker *worker, struct source source, const struct message_store *store)
{
    int result = SHOAL_ENOTOWNER;
    if (serve_owns(worker, store->partition)) {
        struct engine_key key = replica_key(&worker->replica, store->partition, store->key);
        result = replica_store(&worker->replica, &key, store->object, worker->now.wall_ms);
    }
    if (result == 1) {
        result = serve_confirm_later(worker, source, store);
        if (result == 0) {
            return;
        }
    }
    serve_stored(worker, source, store->id, result, worker->snapshot->view->digest,
                 serve_view(worker, store->view_digest));
}

/* ---- fetch ---- */

static int serve_strip(struct worker *worker, struct bytes *encoded)
{
    struct object object;
    int result = object_decode(&worker->arena, *encoded, &object);
    if (result < 0) {
        return result;
    }
    struct buffer stripped;
    buffer_init(&stripped, 0);
    result = object_encode_stripped(&object, &stripped);
    if (result == 0) {
        *encoded = arena_copy(&worker->arena, buffer_bytes(&stripped));
        result = encoded->data == NULL ? SHOAL_ENOMEM : 0;
    }
    buffer_deinit(&stripped);
    return result;
}

static int serve_read(struct worker *worker, const struct message_fetch *fetch,
                      struct message_fetched *fetched)
{
    if (!serve_owns(worker, fetch->partition)) {
        return SHOAL_ENOTOWNER;
    }
    if (replica_holding(&worker->replica, fetch->partition)->refilling) {
        return SHOAL_EREFILLING;
    }
    struct engine_key key = replica_key(&worker->replica, fetch->partition, fetch->key);
    struct bytes encoded;
    int result = replica_read_encoded(&worker->replica, &key, &encoded);
    if (result < 0 || encoded.data == NULL) {
        return result;
    }
    fetched->digest = hash_xxh3(encoded);
    if (fetch->mode == FETCH_VERSIONS) {
        result = serve_strip(worker, &encoded);
    }
    if (fetch->mode != FETCH_DIGEST) {
        fetched->object = encoded;
    }
    return result;
}

void serve_fetch(struct worker *worker, struct source source, const struct message_fetch *fetch)
{
    struct message_fetched fetched = {
        .id = fetch->id,
        .object = bytes_make(NULL, 0),
        .view_digest = worker->snapshot->view->digest,
        .view = serve_view(worker, fetch->view_digest),
    };
    fetched.code = serve_read(worker, fetch, &fetched);
    buffer_clear(&worker->reply);
    if (message_fetched_encode(&fetched, &worker->reply) == 0) {
        worker_reply(worker, source, buffer_bytes(&worker->reply));
    }
}

/* ---- scan ---- */

struct scan {
    struct worker *worker;
    const struct message_scan *ask;
    struct scan_entry *entries;
    uint32_t count;
    uint32_t capacity;
    size_t bytes;
    uint32_t visited;
    uint64_t last; /* the position visited before */
    uint64_t next;
    int error;
};

/* Entries looked at for one page, so that a rare prefix can't hold the loop. */
#define SCAN_VISITS_MAX (16u * LIMIT_PAGE_KEYS)

/* A page ends only between positions, and holds at least one. */
static bool scan_full(const struct scan *scan, uint64_t position)
{
    bool full = scan->count >= scan->ask->keys_max || scan->bytes >= scan->ask->bytes_max ||
                scan->visited >= SCAN_VISITS_MAX;
    return full && scan->visited > 0 && scan->last != position;
}

static bool scan_visit(void *self, const struct engine_entry *entry)
{
    struct scan *scan = self;
    if (scan_full(scan, entry->position)) {
        scan->next = entry->position;
        return false;
    }
    scan->visited++;
    scan->last = entry->position;
    if (!bytes_starts_with(entry->key, scan->ask->prefix)) {
        return true;
    }
    if (scan->count == scan->capacity) {
        uint32_t capacity = scan->capacity * 2;
        struct scan_entry *grown =
            arena_alloc_array(&scan->worker->arena, capacity, sizeof(*grown));
        if (grown == NULL) {
            scan->error = SHOAL_ENOMEM;
            return false;
        }
        memcpy(grown, scan->entries, scan->count * sizeof(*grown));
        scan->entries = grown;
        scan->capacity = capacity;
    }
    struct bytes record = entry->record;
    if (scan->ask->stripped) {
        int result = serve_strip(scan->worker, &record);
        if (result < 0) {
            scan->error = result;
            return false;
        }
    }
    scan->entries[scan->count++] =
        (struct scan_entry){.position = entry->position, .key = entry->key, .object = record};
    scan->bytes += entry->key.len + record.len;
    return true;
}

static int scan_run(struct scan *scan, struct message_scanned *scanned)
{
    struct worker *worker = scan->worker;
    const struct message_scan *ask = scan->ask;
    static const struct content_hash none;
    if (!serve_owns(worker, ask->partition)) {
        return SHOAL_ENOTOWNER;
    }
    if (!content_hash_equal(&ask->target, &none) &&
        view_find(worker->snapshot->view, &ask->target) < 0) {
        return SHOAL_ENOTOWNER; /* it must learn of that layout before it serves for it */
    }
    scanned->refilling = replica_holding(&worker->replica, ask->partition)->refilling;
    if (scanned->refilling && !ask->for_copy) {
        return SHOAL_EREFILLING;
    }
    scan->capacity = 64;
    scan->entries = arena_alloc_array(&worker->arena, scan->capacity, sizeof(*scan->entries));
    if (scan->entries == NULL) {
        return SHOAL_ENOMEM;
    }
    int result = worker->engine->ops->walk(worker->engine, ask->partition, ask->position, 0,
                                           scan_visit, scan, &scan->next);
    if (scan->error < 0 || result < 0) {
        return scan->error < 0 ? scan->error : result;
    }
    scanned->entries = scan->entries;
    scanned->count = scan->count;
    scanned->end = result == 0;
    scanned->next = scan->next;
    return 0;
}

void serve_scan(struct worker *worker, struct source source, const struct message_scan *ask)
{
    struct message_scan bounded = *ask;
    bounded.keys_max = ask->keys_max < LIMIT_PAGE_KEYS ? ask->keys_max : LIMIT_PAGE_KEYS;
    bounded.bytes_max = ask->bytes_max < LIMIT_PAGE_BYTES ? ask->bytes_max : LIMIT_PAGE_BYTES;
    struct scan scan = {.worker = worker, .ask = &bounded};
    struct message_scanned scanned = {
        .id = ask->id,
        .end = true,
        .view_digest = worker->snapshot->view->digest,
        .view = serve_view(worker, ask->view_digest),
    };
    scanned.code = scan_run(&scan, &scanned);
    buffer_clear(&worker->reply);
    if (message_scanned_encode(&scanned, &worker->reply) == 0) {
        worker_reply(worker, source, buffer_bytes(&worker->reply));
    }
}

void serve_close(struct worker *worker)
{
    while (!queue_empty(&worker->confirms)) {
        struct confirm *confirm = QUEUE_ITEM(worker->confirms.next, struct confirm, link);
        durability_cancel(&confirm->waiter);
        serve_confirm_free(confirm);
    }
}
