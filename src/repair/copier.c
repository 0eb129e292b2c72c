/* The jobs of copying and their pages. See copier.h. */
#include "repair/copier.h"

#include "base/assert.h"
#include "base/log.h"
#include "base/memory.h"
#include "member/tracker.h"
#include "shoal/error.h"

#define COPIER_RETRY_US UINT64_C(200000)
#define COPIER_ANSWER_US_MAX UINT64_C(2000000)

struct copy_job {
    struct queue link;
    struct copier *copier;
    struct fill fill;
    struct timer timer; /* active: the answer is late; waiting: look again */
    bool is_active;
    uint64_t id; /* of the page asked for */
    uint64_t source;
    uint64_t position;
    bool for_target;    /* this copy was begun after all had seen the target */
    bool source_counts; /* for refilling: see fill.h */
    bool source_refilling;
    uint32_t attempts; /* rotates through the candidates */

    /* A page whose next entry can't be stored before what is held has been read. */
    struct buffer page; /* the answer's payload; empty: none */
    uint32_t page_at;   /* the next entry */
    struct read_waiter reading;

    /* What was copied must be settled before anything rests on it. */
    uint64_t sequence;
    struct durable_waiter settling;
    bool settles;
};

/* A page's memory is kept for the next one up to this. */
#define COPIER_KEEP_BYTES (2u * LIMIT_PAGE_BYTES)

static void copier_on_read(struct read_waiter *waiter, int code);
static void copier_on_settled(struct durable_waiter *waiter, int code);
static void copier_on_timer(struct timer *timer, uint64_t now_us);

void copier_init(struct copier *copier, uint64_t id_first)
{
    table_init(&copier->jobs);
    queue_init(&copier->waiting);
    queue_init(&copier->active);
    copier->id_first = id_first;
    copier->next_id = id_first;
}

static struct copy_job *copier_find(const struct copier *copier, uint32_t partition)
{
    return table_get(&copier->jobs, (uint64_t)partition + 1);
}

/* Gives up the page that is kept, if any. */
static void copier_drop_page(struct copy_job *job)
{
    if (job->page.len > 0) {
        waiting_leave(&job->reading);
        buffer_clear(&job->page);
    }
    if (job->page.capacity > COPIER_KEEP_BYTES) {
        buffer_deinit(&job->page);
        buffer_init(&job->page, 0);
    }
}

static void copier_free(struct copier *copier, struct copy_job *job)
{
    timers_stop(copier->timers, &job->timer);
    copier_drop_page(job);
    buffer_deinit(&job->page);
    if (job->settles) {
        durability_cancel(&job->settling);
    }
    queue_remove(&job->link);
    if (job->is_active) {
        copier->active_count--;
    }
    (void)table_remove(&copier->jobs, (uint64_t)job->fill.partition + 1);
    mem_free(job);
}

void copier_deinit(struct copier *copier)
{
    while (!queue_empty(&copier->waiting)) {
        copier_free(copier, QUEUE_ITEM(copier->waiting.next, struct copy_job, link));
    }
    while (!queue_empty(&copier->active)) {
        copier_free(copier, QUEUE_ITEM(copier->active.next, struct copy_job, link));
    }
    table_deinit(&copier->jobs);
}

int copier_want(struct copier *copier, uint32_t partition, const struct content_hash *target)
{
    struct copy_job *job = copier_find(copier, partition);
    if (job == NULL) {
        job = mem_alloc_zeroed(1, sizeof(*job));
        if (job == NULL) {
            return SHOAL_ENOMEM;
        }
        job->copier = copier;
        job->timer.fire = copier_on_timer;
        job->reading.fire = copier_on_read;
        job->settling.fire = copier_on_settled;
        queue_init(&job->reading.link);
        buffer_init(&job->page, 0);
        fill_init(&job->fill, partition);
        int result = table_put(&copier->jobs, (uint64_t)partition + 1, job);
        if (result < 0) {
            mem_free(job);
            return result;
        }
        queue_push(&copier->waiting, &job->link);
    }
    if (job->fill.has_target != (target != NULL) ||
        (target != NULL && !content_hash_equal(&job->fill.target, target))) {
        job->for_target = false; /* a copy under way was begun too early for the new target */
    }
    fill_set_target(&job->fill, target);
    return 0;
}

void copier_forget(struct copier *copier, uint32_t partition)
{
    struct copy_job *job = copier_find(copier, partition);
    if (job != NULL) {
        copier_free(copier, job);
    }
}

static void copier_park(struct copy_job *job)
{
    struct copier *copier = job->copier;
    copier_drop_page(job);
    if (job->is_active) {
        job->is_active = false;
        copier->active_count--;
        queue_remove(&job->link);
        queue_push(&copier->waiting, &job->link);
    }
    (void)timers_start(copier->timers, &job->timer, copier->now.mono_us + COPIER_RETRY_US);
}

void copier_restart(struct copier *copier, uint32_t partition)
{
    struct copy_job *job = copier_find(copier, partition);
    if (job != NULL) {
        fill_forget(&job->fill);
        copier_park(job);
        timers_stop(copier->timers, &job->timer); /* at the next review */
    }
}

/* Asks for the page at job->position; parks the job when that can't be done now. */
static void copier_ask(struct copy_job *job)
{
    struct copier *copier = job->copier;
    job->id = copier->next_id++;
    struct message_scan scan = {
        .id = job->id,
        .partition = job->fill.partition,
        .position = job->position,
        .keys_max = LIMIT_PAGE_KEYS,
        .bytes_max = LIMIT_PAGE_BYTES,
        .prefix = bytes_make("", 0),
        .for_copy = true,
        .view_digest = copier->view->digest,
    };
    if (job->for_target) {
        scan.target = job->fill.target;
    }
    buffer_clear(copier->frame);
    if (message_scan_encode(&scan, copier->frame) < 0 ||
        timers_start(copier->timers, &job->timer, copier->now.mono_us + COPIER_ANSWER_US_MAX) < 0 ||
        copier->ports.send(copier->ports.self, job->source, buffer_bytes(copier->frame)) < 0) {
        copier_park(job);
    }
}

static bool copier_target_ready(const struct copy_job *job)
{
    const struct view *view = job->copier->view;
    int target = job->fill.has_target ? view_find(view, &job->fill.target) : -1;
    return target >= 0 && tracker_sync_ready(view, (uint32_t)target);
}

static bool copier_refilling(const struct copy_job *job)
{
    const struct holding *holding = replica_holding(job->copier->replica, job->fill.partition);
    return holding != NULL && holding->refilling;
}

static void copier_begin(struct copy_job *job)
{
    struct copier *copier = job->copier;
    uint64_t candidates[LIMIT_REQUEST_TARGETS];
    uint32_t count =
        fill_candidates(&job->fill, copier->view, copier->self, copier_refilling(job), candidates);
    if (replica_health(copier->replica) != ENGINE_HEALTHY) {
        count = 0; /* there is no place for what would come */
    }
    for (uint32_t i = 0; i < count; i++) {
        uint64_t node = candidates[(job->attempts + i) % count];
        if (!reach_linked(copier->reach, node)) {
            continue;
        }
        job->attempts++;
        job->source = node;
        job->position = 0;
        job->source_counts = layout_owns(view_read_layout(copier->view), node, job->fill.partition);
        job->source_refilling = false;
        job->for_target = copier_target_ready(job);
        job->is_active = true;
        copier->active_count++;
        queue_remove(&job->link);
        queue_push(&copier->active, &job->link);
        copier_ask(job);
        return;
    }
    if (!timer_running(&job->timer)) {
        (void)timers_start(copier->timers, &job->timer, copier->now.mono_us + COPIER_RETRY_US);
    }
}

/* Is what was copied as durable as a confirmed write? If not, it will be looked at again when it
 * is. */
static bool copier_settled(struct copy_job *job)
{
    struct durability *durability = &job->copier->replica->durability;
    if (!job->copier->replica->engine->keeps_data ||
        durability->reached[DURABILITY_SETTLED] >= job->sequence) {
        return true;
    }
    if (!job->settles && durability->failed == 0) {
        job->settles = true;
        durability_wait(durability, DURABILITY_SETTLED, &job->settling);
    }
    return false;
}

static void copier_on_settled(struct durable_waiter *waiter, int code)
{
    struct copy_job *job = QUEUE_ITEM(waiter, struct copy_job, settling);
    job->settles = false;
    if (code == 0) {
        copier_review(job->copier);
    }
}

/* Reports what is complete; true when nothing is left to do and the job is gone. */
static bool copier_settle(struct copy_job *job)
{
    struct copier *copier = job->copier;
    uint32_t partition = job->fill.partition;
    if (!copier_settled(job)) {
        return false;
    }
    bool refilling = copier_refilling(job);
    if (refilling && fill_refilled(&job->fill, copier->view, copier->self)) {
        copier->ports.refilled(copier->ports.self, partition);
        refilling = copier_refilling(job);
    }
    bool synced = !job->fill.has_target;
    if (job->fill.has_target && fill_synced(&job->fill, copier->view, copier->self, refilling)) {
        copier->ports.synced(copier->ports.self, partition, &job->fill.target);
        synced = true;
    }
    if (refilling || !synced) {
        return false;
    }
    copier_free(copier, job);
    return true;
}

void copier_stop(struct copier *copier)
{
    copier->stopped = true;
    while (!queue_empty(&copier->active)) {
        copier_park(QUEUE_ITEM(copier->active.next, struct copy_job, link));
    }
}

void copier_review(struct copier *copier)
{
    if (copier->stopped) {
        return;
    }
    struct queue *link = copier->waiting.next;
    while (link != &copier->waiting) {
        struct queue *next = link->next; /* settling frees, beginning moves, at most this one */
        struct copy_job *job = QUEUE_ITEM(link, struct copy_job, link);
        if (!copier_settle(job) && copier->active_count < COPIER_CONCURRENT_MAX &&
            !timer_running(&job->timer)) {
            copier_begin(job);
        }
        link = next;
    }
}

static void copier_on_timer(struct timer *timer, uint64_t now_us)
{
    struct copy_job *job = QUEUE_ITEM(timer, struct copy_job, timer);
    struct copier *copier = job->copier;
    (void)now_us;
    if (job->is_active) {
        copier_park(job); /* no answer: later, from the next candidate */
        timers_stop(copier->timers, timer);
    }
    copier_review(copier);
}

/* Stores the page from entry job->page_at on: REPLICA_DONE, or at the entry where it stopped
 * REPLICA_PENDING or the code of what could not be stored. */
static int copier_store(struct copy_job *job, const struct message_scanned *scanned)
{
    struct copier *copier = job->copier;
    for (; job->page_at < scanned->count; job->page_at++) {
        const struct scan_entry *entry = &scanned->entries[job->page_at];
        struct engine_key key = replica_key(copier->replica, job->fill.partition, entry->key);
        int result = replica_store(copier->replica, &key, entry->object, copier->now.wall_ms, NULL);
        if (result < 0) {
            log_error("copy: an object could not be stored", LOG_BYTES("key", entry->key),
                      LOG_TEXT("cause", shoal_error_text(result)));
        }
        if (result < 0 || result == REPLICA_PENDING) {
            return result;
        }
        copier->bytes_copied += entry->key.len + entry->object.len;
    }
    return REPLICA_DONE;
}

/* The page is stored: the next one, or the copy is whole. */
static void copier_end_page(struct copy_job *job, const struct message_scanned *scanned)
{
    struct copier *copier = job->copier;
    copier_drop_page(job);
    job->source_refilling = job->source_refilling || scanned->refilling;
    if (!scanned->end) {
        job->position = scanned->next;
        copier_ask(job);
        return;
    }
    job->sequence = copier->replica->durability.issued;
    fill_note(&job->fill, job->source, job->source_counts, job->source_refilling, job->for_target);
    copier_park(job);
    if (!job->source_refilling) {
        timers_stop(copier->timers, &job->timer); /* else whoever is next may be complete later */
    }
    copier_review(copier);
}

/* Takes a page from entry job->page_at on; `kept`: it lies in the job already. */
static void copier_take(struct copy_job *job, const struct message_scanned *scanned,
                        struct bytes payload, bool kept)
{
    int result = copier_store(job, scanned);
    if (result == REPLICA_PENDING) {
        result = kept ? 0 : buffer_append_bytes(&job->page, payload);
        if (result == 0) {
            timers_stop(job->copier->timers, &job->timer); /* the answer has come */
            replica_wait(job->copier->replica, &job->reading);
            return;
        }
    }
    if (result < 0) {
        copier_park(job);
        return;
    }
    copier_end_page(job, scanned);
}

static void copier_on_read(struct read_waiter *waiter, int code)
{
    struct copy_job *job = QUEUE_ITEM(waiter, struct copy_job, reading);
    struct message_scanned scanned;
    if (code == 0) {
        code = message_scanned_decode(buffer_bytes(&job->page), job->copier->arena, &scanned);
    }
    if (code != 0) {
        copier_park(job);
        return;
    }
    copier_take(job, &scanned, buffer_bytes(&job->page), true);
}

static struct copy_job *copier_find_active(struct copier *copier, uint64_t id)
{
    const struct queue *link = copier->active.next;
    for (; link != &copier->active; link = link->next) {
        struct copy_job *job = QUEUE_ITEM(link, struct copy_job, link);
        if (job->id == id) {
            return job;
        }
    }
    return NULL;
}

void copier_on_scanned(struct copier *copier, uint64_t node, const struct message_scanned *scanned,
                       struct bytes payload)
{
    struct copy_job *job = copier_find_active(copier, scanned->id);
    if (job == NULL || job->source != node || job->page.len > 0) {
        return;
    }
    if (scanned->code != 0 || (!scanned->end && scanned->next <= job->position)) {
        copier_park(job);
        return;
    }
    job->page_at = 0;
    copier_take(job, scanned, payload, false);
}

uint32_t copier_pending(const struct copier *copier)
{
    return (uint32_t)copier->jobs.count;
}
