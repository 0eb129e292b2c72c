/* A queue under a mutex for each lane, and a lock-free stack for each worker on the way back: jobs
 * are system calls that take microseconds at least, so a lock at the entrance doesn't show; but a
 * loop never waits for another. */
#include "net/offload.h"

#include <stdio.h>
#include <time.h>

#include "base/assert.h"
#include "shoal/error.h"

static const char *const lane_names[OFFLOAD_LANES] = {
    [OFFLOAD_WRITE] = "write",
    [OFFLOAD_READ] = "read",
    [OFFLOAD_SLOW] = "slow",
};

static const char *const lane_labels[OFFLOAD_LANES] = {
    [OFFLOAD_WRITE] = "lane=\"write\"",
    [OFFLOAD_READ] = "lane=\"read\"",
    [OFFLOAD_SLOW] = "lane=\"slow\"",
};

int offload_declare_metrics(struct metrics *metrics, struct offload_metrics *ids)
{
    int code = 0;
    for (uint32_t lane = 0; lane < OFFLOAD_LANES && code == 0; lane++) {
        code = metrics_declare(
            metrics, METRIC_COUNTER, "shoal_offload_jobs_total", lane_labels[lane],
            "Blocking work of the storage engines given to other threads.", &ids->jobs[lane]);
        if (code == 0) {
            code = metrics_declare(metrics, METRIC_GAUGE, "shoal_offload_jobs", lane_labels[lane],
                                   "Blocking work of the storage engines that waits or runs.",
                                   &ids->under[lane]);
        }
    }
    return code;
}

/* ---- the pool's threads ---------------------------------------------------------------------- */

/* The next job, waiting for one; NULL at the end. */
static struct offload_job *take(struct offload_threads *lane)
{
    pthread_mutex_lock(&lane->lock);
    while (lane->first == NULL && !lane->stopping) {
        lane->sleeping++;
        pthread_cond_wait(&lane->changed, &lane->lock);
        lane->sleeping--;
    }
    struct offload_job *job = lane->stopping ? NULL : lane->first;
    if (job != NULL) {
        lane->first = job->next;
    }
    pthread_mutex_unlock(&lane->lock);
    return job;
}

/* The first on an empty stack sends the errand; until it has run, the others only lie down on top.
 */
static void give_back(struct offload_job *job)
{
    struct offload_desk *desk = ((struct offload_tray *)job->port)->desk;
    struct offload_job *top = atomic_load_explicit(&desk->returned, memory_order_relaxed);
    do {
        job->next = top;
    } while (!atomic_compare_exchange_weak_explicit(&desk->returned, &top, job,
                                                    memory_order_release, memory_order_relaxed));
    if (top == NULL) {
        loop_errand(desk->loop, &desk->errand);
    }
}

static void *run(void *self)
{
    struct offload_threads *lane = self;
    struct offload_job *job;
    while ((job = take(lane)) != NULL) {
        job->run(job);
        give_back(job);
    }
    return NULL;
}

/* ---- the loop's side ------------------------------------------------------------------------- */

static void count_under(struct offload_tray *tray, int change)
{
    struct offload_desk *desk = tray->desk;
    tray->under += (uint32_t)change;
    if (desk->metrics != NULL) {
        metrics_set(desk->metrics, desk->loop->index, desk->metric_ids.under[tray->lane],
                    tray->under);
        if (change > 0) {
            metrics_add(desk->metrics, desk->loop->index, desk->metric_ids.jobs[tray->lane], 1);
        }
    }
}

static void submit(void *self, enum offload_lane which, struct offload_job *job)
{
    struct offload_desk *desk = self;
    struct offload_threads *lane = &desk->pool->lanes[which];
    ASSERT(desk->pool->open);
    job->port = &desk->trays[which];
    job->next = NULL;
    count_under(&desk->trays[which], 1);
    pthread_mutex_lock(&lane->lock);
    if (lane->first == NULL) {
        lane->first = job;
    } else {
        lane->last->next = job;
    }
    lane->last = job;
    bool wake = lane->sleeping > 0;
    pthread_mutex_unlock(&lane->lock);
    if (wake) {
        pthread_cond_signal(&lane->changed);
    }
}

static void tell(struct offload_job *job, bool dropped)
{
    struct offload_tray *tray = job->port;
    struct loop *loop = tray->desk->loop;
    count_under(tray, -1);
    worker_offloaded(loop->worker, loop_now(loop), job, dropped);
}

/* All that have come back, in the order in which they were done. */
static bool tell_returned(struct offload_desk *desk)
{
    struct offload_job *job = atomic_exchange_explicit(&desk->returned, NULL, memory_order_acquire);
    struct offload_job *oldest = NULL;
    while (job != NULL) {
        struct offload_job *next = job->next;
        job->next = oldest;
        oldest = job;
        job = next;
    }
    bool any = oldest != NULL;
    while (oldest != NULL) {
        job = oldest;
        oldest = job->next; /* it is its owner's once told */
        tell(job, false);
    }
    return any;
}

/* Errands that a loop could not run any more leave the jobs to offload_desk_settle. */
static void come_back(struct errand *errand, struct loop *loop, bool dropped)
{
    (void)loop;
    if (!dropped) {
        tell_returned(QUEUE_ITEM(errand, struct offload_desk, errand));
    }
}

void offload_desk_init(struct offload_desk *desk, struct offload_pool *pool, struct loop *loop,
                       struct metrics *metrics, const struct offload_metrics *metric_ids)
{
    *desk = (struct offload_desk){
        .pool = pool,
        .loop = loop,
        .metrics = metrics,
        .metric_ids = *metric_ids,
        .errand.run = come_back,
    };
    atomic_init(&desk->returned, NULL);
    for (uint32_t lane = 0; lane < OFFLOAD_LANES; lane++) {
        desk->trays[lane] = (struct offload_tray){.desk = desk, .lane = (enum offload_lane)lane};
    }
}

struct offload offload_desk_port(struct offload_desk *desk)
{
    return (struct offload){.self = desk, .submit = submit};
}

/* ---- beginning and end ----------------------------------------------------------------------- */

/* Writes: a batch of each worker may be under way, and syncs of one file system at the same time go
 * into one commit of its journal. Reads: as many as a disk gladly does at once. */
static uint32_t thread_count(enum offload_lane lane, uint32_t workers)
{
    uint32_t wanted = lane == OFFLOAD_WRITE ? workers : lane == OFFLOAD_READ ? 2 * workers : 1;
    uint32_t least = lane == OFFLOAD_WRITE ? 2 : lane == OFFLOAD_READ ? 4 : 1;
    wanted = wanted < least ? least : wanted;
    return wanted > OFFLOAD_THREADS_MAX ? OFFLOAD_THREADS_MAX : wanted;
}

static int start_lane(struct offload_threads *lane, enum offload_lane which, uint32_t workers)
{
    for (uint32_t i = 0; i < thread_count(which, workers); i++) {
        if (pthread_create(&lane->threads[i], NULL, run, lane) != 0) {
            return SHOAL_EIO;
        }
        lane->count = i + 1;
        char name[16];
        (void)snprintf(name, sizeof(name), "disk-%s-%u", lane_names[which], i % 100);
        pthread_setname_np(lane->threads[i], name);
    }
    return 0;
}

int offload_pool_start(struct offload_pool *pool, uint32_t workers)
{
    *pool = (struct offload_pool){.open = true};
    for (uint32_t lane = 0; lane < OFFLOAD_LANES; lane++) {
        pthread_mutex_init(&pool->lanes[lane].lock, NULL);
        pthread_cond_init(&pool->lanes[lane].changed, NULL);
    }
    int code = 0;
    for (uint32_t lane = 0; lane < OFFLOAD_LANES && code == 0; lane++) {
        code = start_lane(&pool->lanes[lane], (enum offload_lane)lane, workers);
    }
    if (code != 0) {
        (void)offload_pool_stop(pool, 1); /* nothing was given, so nothing hangs */
        offload_pool_deinit(pool);
    }
    return code;
}

bool offload_pool_stop(struct offload_pool *pool, unsigned patience_s)
{
    if (!pool->open) {
        return true;
    }
    for (uint32_t i = 0; i < OFFLOAD_LANES; i++) {
        struct offload_threads *lane = &pool->lanes[i];
        pthread_mutex_lock(&lane->lock);
        lane->stopping = true;
        pthread_cond_broadcast(&lane->changed);
        pthread_mutex_unlock(&lane->lock);
    }
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += (time_t)patience_s;
    for (uint32_t i = 0; i < OFFLOAD_LANES; i++) {
        struct offload_threads *lane = &pool->lanes[i];
        while (lane->count > 0) {
            if (pthread_timedjoin_np(lane->threads[lane->count - 1], NULL, &until) != 0) {
                return false;
            }
            lane->count--;
        }
    }
    return true;
}

void offload_pool_deinit(struct offload_pool *pool)
{
    for (uint32_t i = 0; i < OFFLOAD_LANES && pool->open; i++) {
        ASSERT(pool->lanes[i].count == 0);
        pthread_cond_destroy(&pool->lanes[i].changed);
        pthread_mutex_destroy(&pool->lanes[i].lock);
    }
    pool->open = false;
}

/* This desk's jobs among those of a lane, taken out. */
static struct offload_job *take_waiting(struct offload_threads *lane,
                                        const struct offload_desk *desk)
{
    struct offload_job *job = lane->first;
    struct offload_job *before = NULL;
    while (job != NULL && ((struct offload_tray *)job->port)->desk != desk) {
        before = job;
        job = job->next;
    }
    if (job == NULL) {
        return NULL;
    }
    if (before == NULL) {
        lane->first = job->next;
    } else {
        before->next = job->next;
    }
    if (lane->last == job) {
        lane->last = before;
    }
    return job;
}

bool offload_desk_settle(struct offload_desk *desk)
{
    bool any = tell_returned(desk);
    if (!desk->pool->open) {
        return any;
    }
    for (uint32_t lane = 0; lane < OFFLOAD_LANES; lane++) {
        struct offload_threads *threads = &desk->pool->lanes[lane];
        ASSERT(threads->count == 0);
        struct offload_job *job;
        while ((job = take_waiting(threads, desk)) != NULL) {
            any = true;
            tell(job, true);
        }
    }
    return any;
}
