/* One job a partition: whom to ask next, and when to drop. See release.h. */
#include "repair/release.h"

#include "base/assert.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/mutant.h"
#include "repair/release_words.h"
#include "shoal/error.h"

#define RELEASE_ANSWER_US UINT64_C(15000000) /* moving a partition takes a while */
#define RELEASE_PAUSE_US_MIN UINT64_C(200000)
#define RELEASE_PAUSE_US_MAX UINT64_C(10000000)
#define RELEASE_DROPS_MAX 64u /* in one event */

struct release_job {
    struct queue link;
    struct release *release;
    uint32_t partition;
    struct release_words words;
    uint32_t out; /* questions under way */
    bool asking;
    uint64_t pause_us;
    struct timer timer; /* ask again */
};

static void release_on_timer(struct timer *timer, uint64_t now_us);
static void release_on_going_on(struct timer *timer, uint64_t now_us);

/* ---- life ------------------------------------------------------------------------------------ */

void release_init(struct release *release, uint64_t id_first, uint32_t concurrent_max)
{
    *release = (struct release){.next_id = id_first,
                                .concurrent_max = concurrent_max,
                                .going_on = {.fire = release_on_going_on}};
    table_init(&release->jobs);
    table_init(&release->questions);
    queue_init(&release->waiting);
    queue_init(&release->asking);
}

static struct release_job *release_find(const struct release *release, uint32_t partition)
{
    return table_get(&release->jobs, (uint64_t)partition + 1);
}

static void release_word_end(struct release_job *job, struct release_word *word)
{
    if (word->id != 0) {
        (void)table_remove(&job->release->questions, word->id);
        word->id = 0;
        job->out--;
    }
}

/* Waits for its turn; answers that come yet are not its own any more. */
static void release_rest(struct release_job *job)
{
    struct release *release = job->release;
    for (uint32_t i = 0; i < job->words.count; i++) {
        release_word_end(job, &job->words.all[i]);
    }
    timers_stop(release->timers, &job->timer);
    if (job->asking) {
        job->asking = false;
        release->asking_count--;
        queue_remove(&job->link);
        queue_push(&release->waiting, &job->link);
    }
}

static void release_pause(struct release_job *job)
{
    struct release *release = job->release;
    uint64_t pause_us = job->pause_us * 2;
    pause_us = pause_us < RELEASE_PAUSE_US_MIN ? RELEASE_PAUSE_US_MIN : pause_us;
    job->pause_us = pause_us > RELEASE_PAUSE_US_MAX ? RELEASE_PAUSE_US_MAX : pause_us;
    (void)timers_start(release->timers, &job->timer, release->now.mono_us + job->pause_us);
}

static void release_free(struct release_job *job)
{
    release_rest(job);
    queue_remove(&job->link);
    (void)table_remove(&job->release->jobs, (uint64_t)job->partition + 1);
    release_words_deinit(&job->words);
    mem_free(job);
}

void release_forget(struct release *release)
{
    while (!queue_empty(&release->asking)) {
        release_free(QUEUE_ITEM(release->asking.next, struct release_job, link));
    }
    while (!queue_empty(&release->waiting)) {
        release_free(QUEUE_ITEM(release->waiting.next, struct release_job, link));
    }
    timers_stop(release->timers, &release->going_on);
}

void release_deinit(struct release *release)
{
    release_forget(release);
    table_deinit(&release->questions);
    table_deinit(&release->jobs);
}

void release_stop(struct release *release)
{
    release->stopped = true;
    timers_stop(release->timers, &release->going_on);
    while (!queue_empty(&release->asking)) {
        release_rest(QUEUE_ITEM(release->asking.next, struct release_job, link));
    }
    struct queue *link = release->waiting.next;
    for (; link != &release->waiting; link = link->next) {
        timers_stop(release->timers, &QUEUE_ITEM(link, struct release_job, link)->timer);
    }
}

int release_want(struct release *release, uint32_t partition)
{
    if (release_find(release, partition) != NULL) {
        return 0;
    }
    struct release_job *job = mem_alloc_zeroed(1, sizeof(*job));
    if (job == NULL) {
        return SHOAL_ENOMEM;
    }
    job->release = release;
    job->partition = partition;
    job->timer.fire = release_on_timer;
    int result = table_put(&release->jobs, (uint64_t)partition + 1, job);
    if (result < 0) {
        mem_free(job);
        return result;
    }
    queue_push(&release->waiting, &job->link);
    return 0;
}

bool release_has(const struct release *release, uint32_t partition)
{
    return release_find(release, partition) != NULL;
}

uint32_t release_pending(const struct release *release)
{
    return (uint32_t)release->jobs.count;
}

static bool release_is_confirmed(const struct release_job *job)
{
    return release_words_whole(&job->words) || MUTANT(release_unasked);
}

/* ---- letting go ------------------------------------------------------------------------------ */

/* Nothing lies there: there is nothing to ask about. */
static bool release_is_empty(const struct release_job *job)
{
    struct engine *engine = job->release->replica->engine;
    struct engine_stats stats;
    engine->ops->stats(engine, job->partition, &stats);
    return stats.keys == 0;
}

/* Drops it, if that can be done now. */
static bool release_drop(struct release_job *job)
{
    struct release *release = job->release;
    int result = release->ports.drop(release->ports.self, job->partition);
    if (result < 0) {
        log_warning("partition: it is let go, but can't be removed from the disk yet",
                    LOG_U64("partition", job->partition),
                    LOG_TEXT("cause", shoal_error_text(result)));
        return false;
    }
    release->counts.released++;
    log_debug("partition: let go", LOG_U64("partition", job->partition));
    release_free(job);
    return true;
}

static int release_ask(struct release_job *job, struct release_word *word)
{
    struct release *release = job->release;
    struct message_release message = {
        .id = release->next_id++,
        .partition = job->partition,
        .node = release->self,
        .actor = job->words.actor,
        .view_digest = release->digest,
    };
    buffer_clear(release->frame);
    int result = message_release_encode(&message, release->frame);
    if (result == 0) {
        result = table_put(&release->questions, message.id, job);
    }
    if (result < 0) {
        return result;
    }
    result = release->ports.send(release->ports.self, word->node, buffer_bytes(release->frame));
    if (result < 0) {
        (void)table_remove(&release->questions, message.id);
        return result;
    }
    word->id = message.id;
    job->out++;
    release->counts.questions++;
    return 0;
}

/* Asks everybody who has not confirmed and can be reached. */
static void release_ask_all(struct release_job *job)
{
    struct release *release = job->release;
    for (uint32_t i = 0; i < job->words.count; i++) {
        struct release_word *word = &job->words.all[i];
        if (word->actor == 0 && reach_linked(release->reach, word->node)) {
            (void)release_ask(job, word);
        }
    }
    if (job->out == 0) {
        release_pause(job);
        return;
    }
    job->asking = true;
    release->asking_count++;
    queue_remove(&job->link);
    queue_push(&release->asking, &job->link);
    (void)timers_start(release->timers, &job->timer, release->now.mono_us + RELEASE_ANSWER_US);
}

/* The job's turn has come; true when it was dropped, and is gone. */
static bool release_begin(struct release_job *job)
{
    const struct holding *holding = replica_holding(job->release->replica, job->partition);
    if (release_words_plan(&job->words, job->release->view, job->partition) < 0) {
        release_pause(job);
        return false;
    }
    if (holding != NULL) {
        release_words_about(&job->words, holding->actor);
    }
    if (release_is_empty(job) || release_is_confirmed(job)) {
        if (release_drop(job)) {
            return true;
        }
        release_pause(job);
    } else if (holding == NULL) {
        release_pause(job); /* what is on the disk is not taken up yet */
    } else {
        release_ask_all(job);
    }
    return false;
}

/* Those that have waited longest first. */
static void release_go_on(struct release *release)
{
    uint32_t dropped = 0;
    struct queue *link = release->waiting.next;
    while (!release->stopped && release->view != NULL && link != &release->waiting &&
           release->asking_count < release->concurrent_max) {
        struct queue *next = link->next; /* beginning frees, or moves, at most this one */
        struct release_job *job = QUEUE_ITEM(link, struct release_job, link);
        if (dropped == RELEASE_DROPS_MAX) {
            (void)timers_start(release->timers, &release->going_on, release->now.mono_us);
            return;
        }
        if (!timer_running(&job->timer)) {
            dropped += release_begin(job) ? 1 : 0;
        }
        link = next;
    }
}

static void release_on_going_on(struct timer *timer, uint64_t now_us)
{
    (void)now_us;
    release_go_on(QUEUE_ITEM(timer, struct release, going_on));
}

void release_review(struct release *release)
{
    release_go_on(release);
}

/* All that were asked have answered, or nobody will: drops it, or waits for the next turn. */
static void release_turn_over(struct release_job *job)
{
    const struct holding *holding = replica_holding(job->release->replica, job->partition);
    release_rest(job);
    if (holding != NULL) {
        release_words_about(&job->words, holding->actor);
    }
    if (!release_is_confirmed(job) || !release_drop(job)) {
        release_pause(job);
    }
}

/* ---- events ---------------------------------------------------------------------------------- */

void release_on_released(struct release *release, uint64_t node,
                         const struct message_released *answer)
{
    struct release_job *job = table_get(&release->questions, answer->id);
    if (answer->view.data != NULL) {
        release->ports.learn(release->ports.self, answer->view_digest, answer->view);
    }
    struct release_word *word = job == NULL ? NULL : release_words_of(&job->words, node);
    if (word == NULL || word->id != answer->id) {
        return;
    }
    release_word_end(job, word);
    if (answer->code == 0) {
        word->actor = answer->actor;
        job->pause_us = 0;
    }
    if (job->out == 0) {
        release_turn_over(job);
        release_go_on(release);
    }
}

/* Nobody answers: it may still be busy with what it takes, and is found so when asked again. */
static void release_on_timer(struct timer *timer, uint64_t now_us)
{
    struct release_job *job = QUEUE_ITEM(timer, struct release_job, timer);
    struct release *release = job->release;
    (void)now_us;
    if (job->asking) {
        release_turn_over(job);
    }
    release_go_on(release);
}

void release_adopt(struct release *release, const struct view *view, uint64_t self)
{
    struct queue *queues[] = {&release->asking, &release->waiting};
    bool changed = release->digest != view->digest;
    bool removed = view_removed(view, self);
    release->view = view;
    release->self = self;
    release->digest = view->digest;
    for (uint32_t i = 0; i < 2 && changed; i++) {
        struct queue *link = queues[i]->next;
        while (link != queues[i]) {
            struct queue *next = link->next;
            struct release_job *job = QUEUE_ITEM(link, struct release_job, link);
            bool owns = view_owns(view, self, job->partition) && !MUTANT(release_early);
            if (removed || (owns && !MUTANT(release_stale))) {
                release_free(job);
            } else {
                job->pause_us = 0;
                release_rest(job); /* with other owners it is another question */
            }
            link = next;
        }
    }
}

/* It may not be the process any more that has confirmed. */
static void release_unsay(struct release_job *job, uint64_t node)
{
    struct release_word *word = release_words_of(&job->words, node);
    if (word != NULL) {
        word->actor = 0;
        release_word_end(job, word);
    }
    if (job->asking && job->out == 0) {
        release_rest(job);
        release_pause(job);
    }
}

static bool release_lacks(const struct release_job *job, uint64_t node)
{
    const struct release_word *word = release_words_of(&job->words, node);
    return word == NULL ? job->words.count == 0 : word->actor == 0;
}

void release_on_link(struct release *release, uint64_t node, bool up)
{
    size_t cursor = 0;
    uint64_t key;
    void *value;
    while (table_next(&release->jobs, &cursor, &key, &value)) {
        struct release_job *job = value;
        if (!up) {
            release_unsay(job, node);
        } else if (!job->asking && release_lacks(job, node)) {
            job->pause_us = 0;
            timers_stop(release->timers, &job->timer);
        }
    }
    release_go_on(release);
}

void release_check(const struct release *release)
{
    const struct queue *queues[] = {&release->asking, &release->waiting};
    size_t jobs = 0;
    size_t questions = 0;
    uint32_t asking = 0;
    for (uint32_t i = 0; i < 2; i++) {
        const struct queue *link = queues[i]->next;
        for (; link != queues[i]; link = link->next) {
            const struct release_job *job = QUEUE_ITEM(link, struct release_job, link);
            ASSERT(release_find(release, job->partition) == job);
            ASSERT(job->asking == (i == 0) && (job->asking || job->out == 0));
            jobs++;
            questions += job->out;
            asking += job->asking ? 1 : 0;
        }
    }
    ASSERT(jobs == release->jobs.count);
    ASSERT(questions == release->questions.count);
    ASSERT(asking == release->asking_count);
}
