/* A queue under a mutex: blocking work is rare and never on a request's path. */
#include "net/blocking.h"

#include <time.h>

#include "shoal/error.h"

static void come_back(struct errand *errand, struct loop *loop, bool dropped)
{
    (void)loop;
    struct blocking_job *job = QUEUE_ITEM(errand, struct blocking_job, errand);
    job->done(job, dropped);
}

static void send_back(struct blocking_job *job)
{
    job->errand.run = come_back;
    loop_errand(job->loop, &job->errand);
}

/* The next job, waiting for one; NULL at the end. */
static struct blocking_job *take(struct blocking *blocking)
{
    pthread_mutex_lock(&blocking->lock);
    while (blocking->first == NULL && !blocking->stopping) {
        pthread_cond_wait(&blocking->changed, &blocking->lock);
    }
    struct blocking_job *job = blocking->first;
    if (blocking->stopping && !blocking->finish) {
        job = NULL;
    }
    if (job != NULL) {
        blocking->first = job->next;
    }
    pthread_mutex_unlock(&blocking->lock);
    return job;
}

static void *run(void *self)
{
    struct blocking *blocking = self;
    struct blocking_job *job;
    while ((job = take(blocking)) != NULL) {
        job->run(job);
        send_back(job);
    }
    return NULL;
}

int blocking_start(struct blocking *blocking, const char *name)
{
    *blocking = (struct blocking){0};
    pthread_mutex_init(&blocking->lock, NULL);
    pthread_cond_init(&blocking->changed, NULL);
    if (pthread_create(&blocking->thread, NULL, run, blocking) != 0) {
        pthread_cond_destroy(&blocking->changed);
        pthread_mutex_destroy(&blocking->lock);
        return SHOAL_EIO;
    }
    pthread_setname_np(blocking->thread, name);
    blocking->started = true;
    return 0;
}

void blocking_give(struct blocking *blocking, struct blocking_job *job)
{
    job->next = NULL;
    pthread_mutex_lock(&blocking->lock);
    if (blocking->first == NULL) {
        blocking->first = job;
    } else {
        blocking->last->next = job;
    }
    blocking->last = job;
    pthread_cond_signal(&blocking->changed);
    pthread_mutex_unlock(&blocking->lock);
}

bool blocking_stop(struct blocking *blocking, bool finish, unsigned patience_s)
{
    if (!blocking->started) {
        return true;
    }
    pthread_mutex_lock(&blocking->lock);
    blocking->stopping = true;
    blocking->finish = finish;
    pthread_cond_signal(&blocking->changed);
    pthread_mutex_unlock(&blocking->lock);
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += (time_t)patience_s;
    if (pthread_timedjoin_np(blocking->thread, NULL, &until) != 0) {
        return false;
    }
    for (struct blocking_job *job = blocking->first; job != NULL;) {
        struct blocking_job *next = job->next;
        send_back(job);
        job = next;
    }
    blocking->first = NULL;
    pthread_cond_destroy(&blocking->changed);
    pthread_mutex_destroy(&blocking->lock);
    blocking->started = false;
    return true;
}
