/* The jobs of filling: which owner is synced from next, and what that was worth. See filler.h. */
#include "repair/filler.h"

#include "base/memory.h"
#include "base/mutant.h"
#include "member/tracker.h"
#include "shoal/error.h"

#define FILLER_RETRY_US UINT64_C(200000)

struct fill_job {
    struct queue link;
    struct filler *filler;
    struct fill fill;
    struct timer timer; /* look again */
    struct sync *sync;  /* NULL: none under way */
    bool for_target;    /* it was begun after all had seen the target */
    bool source_counts; /* for refilling: see fill.h */
    uint32_t attempts;  /* rotates through the candidates */

    /* What was stored must be settled before anything rests on it. */
    uint64_t sequence;
    struct durable_waiter settling;
    bool settles;
};

static void filler_on_settled(struct durable_waiter *waiter, int code);
static void filler_on_timer(struct timer *timer, uint64_t now_us);
static void filler_on_sync(void *self, const struct sync_outcome *outcome);
static void filler_look(struct fill_job *job);
static void filler_go_on(struct filler *filler);

void filler_init(struct filler *filler)
{
    *filler = (struct filler){0};
    table_init(&filler->jobs);
    queue_init(&filler->waiting);
    queue_init(&filler->active);
}

static struct fill_job *filler_find(const struct filler *filler, uint32_t partition)
{
    return table_get(&filler->jobs, (uint64_t)partition + 1);
}

/* ---- jobs ------------------------------------------------------------------------------------ */

/* The sync, if any, is no more. */
static void filler_rest(struct fill_job *job)
{
    if (job->sync != NULL) {
        job->sync = NULL;
        job->filler->transfers->used--;
        queue_remove(&job->link);
        queue_push(&job->filler->waiting, &job->link);
    }
}

static void filler_free(struct fill_job *job)
{
    struct filler *filler = job->filler;
    timers_stop(filler->syncs->timers, &job->timer);
    if (job->sync != NULL) {
        sync_cancel(job->sync);
        filler_rest(job);
    }
    if (job->settles) {
        durability_cancel(&job->settling);
    }
    queue_remove(&job->link);
    (void)table_remove(&filler->jobs, (uint64_t)job->fill.partition + 1);
    mem_free(job);
}

void filler_deinit(struct filler *filler)
{
    while (!queue_empty(&filler->waiting)) {
        filler_free(QUEUE_ITEM(filler->waiting.next, struct fill_job, link));
    }
    while (!queue_empty(&filler->active)) {
        filler_free(QUEUE_ITEM(filler->active.next, struct fill_job, link));
    }
    table_deinit(&filler->jobs);
}

static int filler_add(struct filler *filler, uint32_t partition, struct fill_job **out)
{
    struct fill_job *job = mem_alloc_zeroed(1, sizeof(*job));
    if (job == NULL) {
        return SHOAL_ENOMEM;
    }
    job->filler = filler;
    job->timer.fire = filler_on_timer;
    job->settling.fire = filler_on_settled;
    fill_init(&job->fill, partition);
    int result = table_put(&filler->jobs, (uint64_t)partition + 1, job);
    if (result < 0) {
        mem_free(job);
        return result;
    }
    queue_push(&filler->waiting, &job->link);
    *out = job;
    return 0;
}

int filler_want(struct filler *filler, uint32_t partition, const struct content_hash *target)
{
    struct fill_job *job = filler_find(filler, partition);
    if (job == NULL) {
        int result = filler_add(filler, partition, &job);
        if (result < 0) {
            return result;
        }
    }
    if (job->fill.has_target != (target != NULL) ||
        (target != NULL && !content_hash_equal(&job->fill.target, target))) {
        job->for_target = false; /* a sync under way was begun too early for the new target */
    }
    fill_set_target(&job->fill, target);
    return 0;
}

void filler_forget(struct filler *filler, uint32_t partition)
{
    struct fill_job *job = filler_find(filler, partition);
    if (job != NULL) {
        filler_free(job);
    }
}

/* A sync under way has been told by the replica as well, and ends by itself. */
void filler_restart(struct filler *filler, uint32_t partition)
{
    struct fill_job *job = filler_find(filler, partition);
    if (job != NULL) {
        fill_forget(&job->fill);
        timers_stop(filler->syncs->timers, &job->timer); /* at the next review */
    }
}

void filler_stop(struct filler *filler)
{
    filler->stopped = true;
    while (!queue_empty(&filler->active)) {
        struct fill_job *job = QUEUE_ITEM(filler->active.next, struct fill_job, link);
        sync_cancel(job->sync);
        filler_rest(job);
    }
}

/* ---- syncs ----------------------------------------------------------------------------------- */

static void filler_pause(struct fill_job *job)
{
    struct syncs *syncs = job->filler->syncs;
    (void)timers_start(syncs->timers, &job->timer, syncs->now.mono_us + FILLER_RETRY_US);
}

static bool filler_target_ready(const struct fill_job *job)
{
    const struct view *view = job->filler->syncs->view;
    int target = job->fill.has_target ? view_find(view, &job->fill.target) : -1;
    return target >= 0 && tracker_sync_ready(view, (uint32_t)target);
}

static bool filler_refilling(const struct fill_job *job)
{
    const struct holding *holding =
        replica_holding(job->filler->syncs->replica, job->fill.partition);
    return holding != NULL && holding->refilling;
}

/* Begins a sync from the node: false where that can't be done now. */
static bool filler_sync(struct fill_job *job, uint64_t node)
{
    struct filler *filler = job->filler;
    bool for_target = filler_target_ready(job);
    struct sync_wish wish = {
        .partition = job->fill.partition,
        .node = node,
        .target = for_target ? &job->fill.target : NULL,
        .self = job,
        .done = filler_on_sync,
    };
    if (sync_begin(filler->syncs, &wish, &job->sync) < 0) {
        return false;
    }
    job->for_target = for_target;
    job->source_counts =
        layout_owns(view_read_layout(filler->syncs->view), node, job->fill.partition) ||
        MUTANT(fill_source_any);
    filler->transfers->used++;
    queue_remove(&job->link);
    queue_push(&filler->active, &job->link);
    return true;
}

static void filler_begin(struct fill_job *job)
{
    struct filler *filler = job->filler;
    struct syncs *syncs = filler->syncs;
    uint64_t candidates[LIMIT_REQUEST_TARGETS];
    uint32_t count =
        fill_candidates(&job->fill, syncs->view, syncs->self, filler_refilling(job), candidates);
    if (replica_health(syncs->replica) != ENGINE_HEALTHY) {
        count = 0; /* there is no place for what would come */
    }
    for (uint32_t i = 0; i < count; i++) {
        uint64_t node = candidates[(job->attempts + i) % count];
        if (reach_linked(filler->reach, node)) {
            job->attempts++;
            if (filler_sync(job, node)) {
                return;
            }
            break;
        }
    }
    if (!timer_running(&job->timer)) {
        filler_pause(job);
    }
}

static void filler_on_sync(void *self, const struct sync_outcome *outcome)
{
    struct fill_job *job = self;
    struct filler *filler = job->filler;
    filler_rest(job);
    filler_pause(job);
    if (outcome->code == 0) {
        bool refilling = outcome->refilling && !MUTANT(refill_by_refilling);
        job->for_target = job->for_target || (MUTANT(target_late) && filler_target_ready(job));
        job->sequence = filler->syncs->replica->durability.issued;
        fill_note(&job->fill, outcome->node, job->source_counts, refilling, job->for_target);
        if (!outcome->refilling) {
            /* At once; else whoever is next may be complete later. */
            timers_stop(filler->syncs->timers, &job->timer);
        }
    }
    filler->ports.ended(filler->ports.self, outcome);
    filler_look(job); /* the same partition first: it counts again the sooner */
    filler_go_on(filler);
}

/* ---- what that comes to ---------------------------------------------------------------------- */

/* Is what was stored as durable as a confirmed write? If not, it will be looked at again when it
 * is. */
static bool filler_settled(struct fill_job *job)
{
    struct replica *replica = job->filler->syncs->replica;
    struct durability *durability = &replica->durability;
    if (!replica->engine->keeps_data || MUTANT(fill_unsettled) ||
        durability->reached[DURABILITY_SETTLED] >= job->sequence) {
        return true;
    }
    if (!job->settles && durability->failed == 0) {
        job->settles = true;
        durability_wait(durability, DURABILITY_SETTLED, &job->settling);
    }
    return false;
}

static void filler_on_settled(struct durable_waiter *waiter, int code)
{
    struct fill_job *job = QUEUE_ITEM(waiter, struct fill_job, settling);
    job->settles = false;
    if (code == 0) {
        filler_look(job);
    }
}

/* Reports what is complete; true when nothing is left to do and the job is gone. */
static bool filler_settle(struct fill_job *job)
{
    struct filler *filler = job->filler;
    struct syncs *syncs = filler->syncs;
    uint32_t partition = job->fill.partition;
    if (!filler_settled(job)) {
        return false;
    }
    bool refilling = filler_refilling(job);
    if (refilling && fill_refilled(&job->fill, syncs->view, syncs->self)) {
        filler->ports.refilled(filler->ports.self, partition);
        refilling = filler_refilling(job);
    }
    bool synced = !job->fill.has_target;
    if (job->fill.has_target && fill_synced(&job->fill, syncs->view, syncs->self, refilling)) {
        filler->ports.synced(filler->ports.self, partition, &job->fill.target);
        synced = true;
    }
    if (refilling || !synced) {
        return false;
    }
    filler_free(job);
    return true;
}

/* Has it come to its end, or can it begin now? It may be gone then. */
static void filler_look(struct fill_job *job)
{
    struct filler *filler = job->filler;
    if (!filler->stopped && job->sync == NULL && !filler_settle(job) &&
        transfers_free(filler->transfers) && !timer_running(&job->timer)) {
        filler_begin(job);
    }
}

/* Begins with those that have waited longest. Not all are looked at whenever one has ended: of
 * thousands that wait nearly all wait for their turn, or for their timers. */
static void filler_go_on(struct filler *filler)
{
    struct queue *link = filler->waiting.next;
    while (link != &filler->waiting && transfers_free(filler->transfers)) {
        struct queue *next = link->next; /* looking frees, or moves, at most this one */
        struct fill_job *job = QUEUE_ITEM(link, struct fill_job, link);
        if (!timer_running(&job->timer)) {
            filler_look(job);
        }
        link = next;
    }
}

void filler_resume(struct filler *filler)
{
    filler_go_on(filler);
}

void filler_review(struct filler *filler)
{
    struct queue *link = filler->waiting.next;
    while (link != &filler->waiting) {
        struct queue *next = link->next;
        filler_look(QUEUE_ITEM(link, struct fill_job, link));
        link = next;
    }
}

static void filler_on_timer(struct timer *timer, uint64_t now_us)
{
    (void)now_us;
    filler_look(QUEUE_ITEM(timer, struct fill_job, timer));
}

bool filler_has(const struct filler *filler, uint32_t partition)
{
    return filler_find(filler, partition) != NULL;
}

uint32_t filler_pending(const struct filler *filler)
{
    return (uint32_t)filler->jobs.count;
}
