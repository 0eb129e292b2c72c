#include "support/manual_offload.h"

#include <stddef.h>

static void jobs_push(struct manual_jobs *jobs, struct offload_job *job)
{
    job->next = NULL;
    if (jobs->first == NULL) {
        jobs->first = job;
    } else {
        jobs->last->next = job;
    }
    jobs->last = job;
    jobs->count++;
}

/* The job after so many others. */
static struct offload_job *jobs_take(struct manual_jobs *jobs, uint32_t index)
{
    struct offload_job *before = NULL;
    struct offload_job *job = jobs->first;
    for (uint32_t i = 0; i < index; i++) {
        before = job;
        job = job->next;
    }
    if (before == NULL) {
        jobs->first = job->next;
    } else {
        before->next = job->next;
    }
    if (jobs->last == job) {
        jobs->last = before;
    }
    jobs->count--;
    return job;
}

static void submit(void *self, enum offload_lane lane, struct offload_job *job)
{
    struct manual_offload *offload = self;
    offload->submitted[lane]++;
    jobs_push(&offload->waiting[lane], job);
}

void manual_offload_init(struct manual_offload *offload)
{
    *offload = (struct manual_offload){0};
}

struct offload manual_offload_port(struct manual_offload *offload)
{
    return (struct offload){.self = offload, .submit = submit};
}

uint32_t manual_offload_count(const struct manual_offload *offload)
{
    uint32_t count = offload->ran.count;
    for (uint32_t i = 0; i < OFFLOAD_LANES; i++) {
        count += offload->waiting[i].count;
    }
    return count;
}

bool manual_offload_step(struct manual_offload *offload, enum offload_lane lane)
{
    if (offload->waiting[lane].count == 0) {
        return false;
    }
    struct offload_job *job = jobs_take(&offload->waiting[lane], 0);
    job->run(job);
    job->done(job, false);
    return true;
}

static bool return_one(struct manual_offload *offload)
{
    if (offload->ran.count == 0) {
        return false;
    }
    struct offload_job *job = jobs_take(&offload->ran, 0);
    job->done(job, false);
    return true;
}

uint32_t manual_offload_run(struct manual_offload *offload)
{
    uint32_t count = 0;
    while (return_one(offload) || manual_offload_step(offload, OFFLOAD_WRITE) ||
           manual_offload_step(offload, OFFLOAD_READ) ||
           manual_offload_step(offload, OFFLOAD_SLOW)) {
        count++;
    }
    return count;
}

bool manual_offload_any(struct manual_offload *offload, struct random *random)
{
    uint32_t count = manual_offload_count(offload);
    if (count == 0) {
        return false;
    }
    uint32_t index = (uint32_t)random_below(random, count);
    if (index < offload->ran.count) {
        struct offload_job *job = jobs_take(&offload->ran, index);
        job->done(job, false);
        return true;
    }
    index -= offload->ran.count;
    uint32_t lane = 0;
    while (index >= offload->waiting[lane].count) {
        index -= offload->waiting[lane++].count;
    }
    struct offload_job *job = jobs_take(&offload->waiting[lane], index);
    job->run(job);
    jobs_push(&offload->ran, job);
    return true;
}

void manual_offload_end(struct manual_offload *offload)
{
    while (manual_offload_count(offload) > 0) {
        while (return_one(offload)) {
        }
        for (uint32_t i = 0; i < OFFLOAD_LANES; i++) {
            while (offload->waiting[i].count > 0) {
                struct offload_job *job = jobs_take(&offload->waiting[i], 0);
                job->done(job, true);
            }
        }
    }
}
