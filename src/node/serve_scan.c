/* A page of a partition for a peer's list. */
#include "base/memory.h"
#include "node/core.h"
#include "shoal/error.h"

struct scan {
    struct worker *worker;
    const struct message_scan *ask;
    struct scan_entry *entries;
    uint32_t count;
    uint32_t capacity;
    size_t bytes;
    uint32_t visited;
    uint64_t first; /* position visited */
    uint64_t last;  /* the position visited before */
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
    scan->first = scan->visited == 0 ? entry->position : scan->first;
    scan->last = entry->position;
    scan->visited++;
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
        int result = replica_strip(&scan->worker->replica, &record);
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

/* What lies from this position on is still to be read from the disk: the page ends before it. False
 * when that leaves nothing that was looked at. */
static bool scan_cut(struct scan *scan, uint64_t position)
{
    while (scan->count > 0 && scan->entries[scan->count - 1].position >= position) {
        scan->count--; /* some of one position were there, and some not */
    }
    scan->next = position;
    return scan->visited > 0 && scan->first < position;
}

static int scan_walk(struct scan *scan, bool *end)
{
    struct replica *replica = &scan->worker->replica;
    struct engine *engine = replica->engine;
    uint64_t pending_at = 0;
    int result = engine->ops->walk(engine, scan->ask->partition, scan->ask->position,
                                   waiting_ticket(&replica->reads), scan_visit, scan, &pending_at);
    if (scan->error < 0 || result < 0) {
        return scan->error < 0 ? scan->error : result;
    }
    *end = result == 0;
    return result == 2 && !scan_cut(scan, pending_at) ? REPLICA_PENDING : REPLICA_DONE;
}

static int scan_run(struct scan *scan, struct message_scanned *scanned)
{
    struct worker *worker = scan->worker;
    const struct message_scan *ask = scan->ask;
    if (!serve_owns(worker, ask->partition)) {
        return SHOAL_ENOTOWNER;
    }
    if (replica_holding(&worker->replica, ask->partition)->refilling) {
        return SHOAL_EREFILLING;
    }
    scan->capacity = 64;
    scan->entries = arena_alloc_array(&worker->arena, scan->capacity, sizeof(*scan->entries));
    if (scan->entries == NULL) {
        return SHOAL_ENOMEM;
    }
    int result = scan_walk(scan, &scanned->end);
    if (result == REPLICA_DONE) {
        scanned->entries = scan->entries;
        scanned->count = scan->count;
        scanned->next = scan->next;
        result =
            serve_clock(worker, replica_holding(&worker->replica, ask->partition), &scanned->clock);
    }
    return result;
}

void serve_scan(struct worker *worker, struct source source, const struct message_scan *ask,
                int code)
{
    struct message_scan bounded = *ask;
    bounded.keys_max = ask->keys_max < LIMIT_PAGE_KEYS ? ask->keys_max : LIMIT_PAGE_KEYS;
    bounded.bytes_max = ask->bytes_max < LIMIT_PAGE_BYTES ? ask->bytes_max : LIMIT_PAGE_BYTES;
    struct scan scan = {.worker = worker, .ask = &bounded};
    struct message_scanned scanned = {
        .id = ask->id,
        .end = true,
        .clock = bytes_make(NULL, 0),
        .view_digest = worker->snapshot->view->digest,
    };
    const struct served served =
        account_serve(worker, "SCAN", &ask->trace, ask->partition, ask->prefix);
    scanned.code = code == 0 ? scan_run(&scan, &scanned) : code;
    if (scanned.code == REPLICA_PENDING) {
        scanned.code = parking_take(worker);
        if (scanned.code == 0) {
            return;
        }
    }
    scanned.view = serve_view(worker, ask->view_digest);
    buffer_clear(&worker->reply);
    if (message_scanned_encode(&scanned, &worker->reply) == 0) {
        worker_reply(worker, source, buffer_bytes(&worker->reply));
    }
    account_served(worker, &served, scanned.code);
}
