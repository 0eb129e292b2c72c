/* The threads of a benchmark, from writing the keys to adding up what each has measured. What a
 * thread sends and how its answers count is in bench_request.c. */
#include <event2/event.h>
#include <stdio.h>

#include "base/memory.h"
#include "cli/bench_thread.h"

#define TICK_MS 50
#define VALUE_SEED 42u

void bench_errors_add(struct bench_errors *errors, int code, const char *text, uint64_t count)
{
    uint32_t i = 0;
    while (i < errors->count && errors->rows[i].code != code) {
        i++;
    }
    if (i == BENCH_ERRORS_MAX) {
        i--;
    } else if (i == errors->count) {
        errors->count++;
        errors->rows[i].code = code;
        (void)snprintf(errors->rows[i].text, sizeof(errors->rows[i].text), "%s", text);
    }
    errors->rows[i].count += count;
}

static void run_phase(struct bench_thread *thread)
{
    const struct bench_plan *plan = &thread->bench->plan;
    uint32_t size = plan->lockstep ? plan->pipeline : 1;
    for (uint32_t i = 0; i < plan->in_flight; i++) {
        struct group *group = &thread->groups[i / size];
        thread->slots[i].thread = thread;
        thread->slots[i].group = group;
        *group = (struct group){.slots = &thread->slots[i - i % size], .count = i % size + 1};
    }
    for (uint32_t i = 0; i < plan->in_flight; i += size) {
        bench_group_begin(&thread->groups[i / size]);
    }
    if (thread->active > 0) {
        (void)event_base_dispatch(thread->base);
    }
}

static int thread_init(struct bench_thread *thread)
{
    const struct bench_plan *plan = &thread->bench->plan;
    thread->key_count = plan->keys / plan->threads + (thread->index < plan->keys % plan->threads);
    thread->next_key = plan->prepared ? thread->key_count : 0;
    thread->left =
        plan->requests / plan->threads + (thread->index < plan->requests % plan->threads);
    histogram_init(&thread->figures.puts);
    histogram_init(&thread->figures.gets);
    random_init(&thread->random, thread->index + 1u);
    thread->states = mem_alloc_zeroed(thread->key_count, sizeof(*thread->states));
    thread->slots = mem_alloc_zeroed(plan->in_flight, sizeof(*thread->slots));
    thread->groups = mem_alloc_zeroed(plan->in_flight, sizeof(*thread->groups));
    thread->base = event_base_new();
    if (thread->states == NULL || thread->slots == NULL || thread->groups == NULL ||
        thread->base == NULL) {
        return SHOAL_ENOMEM;
    }
    struct shoal_config config = {
        .hosts = plan->hosts,
        .port = plan->port,
        .routing = plan->routing,
        .name = "shoal bench",
        .connections = plan->connections,
        .in_flight_max = plan->pipeline,
        .timeout_ms = plan->timeout_ms,
        .connect_timeout_ms = plan->connect_timeout_ms,
        .waiting_max = plan->in_flight,
        .waiting_bytes_max = SIZE_MAX / 2,
    };
    return shoal_client_new(&config, thread->base, &thread->client);
}

static void thread_deinit(struct bench_thread *thread)
{
    shoal_client_free(thread->client);
    if (thread->base != NULL) {
        event_base_free(thread->base);
    }
    for (uint64_t i = 0; thread->states != NULL && i < thread->key_count; i++) {
        mem_free(thread->states[i].context);
    }
    mem_free(thread->states);
    mem_free(thread->slots);
    mem_free(thread->groups);
}

/* With keys of which none could be written there is nothing to measure. */
static void check_filled(struct bench_thread *thread)
{
    const struct bench_errors *errors = &thread->figures.filling_errors;
    if (thread->filled == 0 && errors->count > 0 &&
        shoal_error_nothing_applied(errors->rows[0].code)) {
        bench_give_up(thread, errors->rows[0].code, errors->rows[0].text);
    }
}

static void *thread_run(void *user)
{
    struct bench_thread *thread = user;
    struct bench *bench = thread->bench;
    int error = thread_init(thread);
    if (error != 0) {
        bench_give_up(thread, error, shoal_error_text(error));
    } else {
        run_phase(thread);
        check_filled(thread);
    }
    atomic_fetch_add(&bench->finished, 1);
    pthread_barrier_wait(&bench->barrier); /* all have prepared */
    if (!atomic_load(&bench->failed)) {
        pthread_barrier_wait(&bench->barrier); /* go */
        thread->measuring = true;
        thread->end_ns = bench_now_ns() + bench->plan.duration_us * 1000;
        run_phase(thread);
    }
    atomic_fetch_add(&bench->finished, 1);
    return NULL;
}

static void fill_value(uint8_t *value, uint64_t size)
{
    struct random random;
    random_init(&random, VALUE_SEED);
    for (uint64_t i = 0; i < size; i++) {
        value[i] = (uint8_t)('a' + random_below(&random, 26));
    }
}

int bench_start(struct bench *bench, const struct bench_plan *plan)
{
    *bench = (struct bench){.plan = *plan};
    bench->value = mem_alloc(plan->value_size);
    bench->threads = mem_alloc_zeroed(plan->threads, sizeof(*bench->threads));
    if (bench->value == NULL || bench->threads == NULL ||
        pthread_barrier_init(&bench->barrier, NULL, plan->threads + 1) != 0) {
        mem_free(bench->value);
        mem_free(bench->threads);
        return SHOAL_ENOMEM;
    }
    fill_value(bench->value, plan->value_size);
    for (uint32_t i = 0; i < plan->threads; i++) {
        struct bench_thread *thread = &bench->threads[i];
        thread->bench = bench;
        thread->index = i;
        if (pthread_create(&thread->id, NULL, thread_run, thread) != 0) {
            /* Those that run wait at a barrier that will never be full; nothing can be saved. */
            return SHOAL_ENOMEM;
        }
        thread->running = true;
    }
    return 0;
}

static void wait_finished(struct bench *bench, uint32_t count, void (*tick)(void *user), void *user)
{
    while (atomic_load(&bench->finished) < count) {
        const struct timespec pause = {.tv_nsec = TICK_MS * 1000000L};
        (void)nanosleep(&pause, NULL);
        tick(user);
    }
}

bool bench_prepared(struct bench *bench, void (*tick)(void *user), void *user)
{
    wait_finished(bench, bench->plan.threads, tick, user);
    pthread_barrier_wait(&bench->barrier);
    return !atomic_load(&bench->failed);
}

void bench_go(struct bench *bench)
{
    pthread_barrier_wait(&bench->barrier);
}

static void add_errors(struct bench_errors *to, const struct bench_errors *from)
{
    for (uint32_t i = 0; i < from->count; i++) {
        bench_errors_add(to, from->rows[i].code, from->rows[i].text, from->rows[i].count);
    }
}

void bench_end(struct bench *bench, void (*tick)(void *user), void *user,
               struct bench_figures *figures)
{
    wait_finished(bench, 2 * bench->plan.threads, tick, user);
    *figures = (struct bench_figures){0};
    histogram_init(&figures->puts);
    histogram_init(&figures->gets);
    for (uint32_t i = 0; i < bench->plan.threads; i++) {
        struct bench_thread *thread = &bench->threads[i];
        pthread_join(thread->id, NULL);
        histogram_add(&figures->puts, &thread->figures.puts);
        histogram_add(&figures->gets, &thread->figures.gets);
        add_errors(&figures->errors, &thread->figures.errors);
        add_errors(&figures->filling_errors, &thread->figures.filling_errors);
        if (figures->failure.code == 0) {
            figures->failure = thread->figures.failure;
        }
        thread_deinit(thread);
    }
    pthread_barrier_destroy(&bench->barrier);
    mem_free(bench->threads);
    mem_free(bench->value);
}
