/* Each job is a timer that fires twice: to run, and to be done. */
#include "sim_offload.h"

#include "base/assert.h"
#include "base/memory.h"
#include "sim_world.h"

#include <math.h>

#define RESUMED_US_MAX 1000u

struct sim_job {
    struct queue link;
    struct timer timer;
    struct sim_offload *offload;
    struct offload_job *job;
    enum offload_lane lane;
    bool ran;
};

static struct sim_job *job_at(struct queue *link)
{
    return QUEUE_ITEM(link, struct sim_job, link);
}

static uint64_t wait_us(struct sim_world *world, enum offload_lane lane)
{
    double mean = (double)world->options.store.wait_us_mean[lane];
    return (uint64_t)(-log(1.0 - random_unit(&world->random)) * mean);
}

static void trace(const struct sim_job *job, uint32_t kind)
{
    const struct sim_worker *worker = job->offload->worker;
    struct sim_world *world = worker->node->world;
    uint8_t lane = (uint8_t)job->lane;
    sim_trace_event(&world->trace, world->now_us, kind, worker->node->index, worker->index,
                    bytes_make(&lane, 1));
}

static void job_free(struct sim_job *job)
{
    timers_stop(&job->offload->worker->node->world->timers, &job->timer);
    queue_remove(&job->link);
    mem_free(job);
}

static void job_done(struct sim_job *job)
{
    struct sim_worker *worker = job->offload->worker;
    struct sim_world *world = worker->node->world;
    struct offload_job *core = job->job;
    trace(job, 35);
    job_free(job);
    worker_offloaded(worker->core, sim_clock_moment(&worker->node->clock, world->now_us), core,
                     false);
    sim_node_after_event(worker);
}

static void job_fires(struct timer *timer, uint64_t now_us)
{
    struct sim_job *job = QUEUE_ITEM(timer, struct sim_job, timer);
    struct sim_node *node = job->offload->worker->node;
    struct sim_world *world = node->world;
    if (node->paused) {
        return; /* resuming starts it again */
    }
    if (job->ran) {
        job_done(job);
        return;
    }
    trace(job, 34);
    job->ran = true;
    world->counts.jobs++;
    timers_start(&world->timers, timer, now_us + wait_us(world, OFFLOAD_READ));
    job->job->run(job->job);
    sim_node_after_job(node); /* which may end the process, and this job */
}

static void submit(void *self, enum offload_lane lane, struct offload_job *core)
{
    struct sim_offload *offload = self;
    struct sim_world *world = offload->worker->node->world;
    struct sim_job *job = mem_alloc_zeroed(1, sizeof(*job));
    ASSERT(job != NULL);
    ASSERT(lane < OFFLOAD_LANES);
    *job = (struct sim_job){
        .timer = {.fire = job_fires}, .offload = offload, .job = core, .lane = lane};
    queue_push(&offload->jobs, &job->link);
    timers_start(&world->timers, &job->timer, world->now_us + wait_us(world, lane));
}

void sim_offload_init(struct sim_offload *offload, struct sim_worker *worker)
{
    *offload = (struct sim_offload){.port = {.self = offload, .submit = submit}, .worker = worker};
    queue_init(&offload->jobs);
}

void sim_offload_resume(struct sim_offload *offload)
{
    struct sim_world *world = offload->worker->node->world;
    for (struct queue *at = offload->jobs.next; at != &offload->jobs; at = at->next) {
        if (!timer_running(&job_at(at)->timer)) {
            timers_start(&world->timers, &job_at(at)->timer,
                         world->now_us + random_below(&world->random, RESUMED_US_MAX));
        }
    }
}

/* ---- the end of a process ---- */

void sim_offload_end(struct sim_offload *offload, bool told)
{
    struct sim_worker *worker = offload->worker;
    struct sim_node *node = worker->node;
    /* A job that is done may hand in another. */
    while (!queue_empty(&offload->jobs)) {
        struct sim_job *job = job_at(offload->jobs.next);
        struct offload_job *core = job->job;
        bool ran = job->ran;
        job_free(job);
        if (told) {
            worker_offloaded(worker->core, sim_clock_moment(&node->clock, node->world->now_us),
                             core, !ran);
        } else {
            core->done(core, !ran);
        }
    }
}
