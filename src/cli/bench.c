/* The threads of a benchmark. With contexts, a key that has a put in flight gets no second one: two
 * puts with the same context are concurrent by definition and would leave siblings. */
#include "cli/bench.h"

#include <event2/event.h>
#include <stdio.h>
#include <time.h>

#include "base/memory.h"

#define TICK_MS 50
#define VALUE_SEED 42u
#define KEY_PREFIX "bench:"
#define KEY_DIGITS 20u
#define KEY_DIGITS_MIN 10u
#define BUSY_TRIES 64u

struct key_state {
    uint8_t *context;
    uint32_t context_len;
    bool busy;
};

/* Slots that go together: `pipeline` of them in lockstep, else each is alone. */
struct group {
    struct slot *slots;
    uint32_t count;
    uint32_t active;
};

struct slot {
    struct bench_thread *thread;
    struct group *group;
    uint64_t key; /* index among the thread's own */
    uint64_t started_ns;
    bool is_put;
};

struct bench_thread {
    struct bench *bench;
    uint32_t index;
    pthread_t id;
    bool running;
    struct event_base *base;
    struct shoal_client *client;
    struct random random;
    uint64_t key_count; /* its own: index, index + threads, ... */
    struct key_state *states;
    struct slot *slots;
    struct group *groups;
    uint32_t active; /* slots in flight */
    bool measuring;
    uint64_t next_key; /* to be prepared */
    uint64_t filled;   /* prepared */
    uint32_t failures_in_a_row;
    uint64_t left; /* requests to start, when they are counted */
    uint64_t end_ns;
    struct bench_figures figures;
};

static uint64_t now_ns(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

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

static void give_up(struct bench_thread *thread, int code, const char *text)
{
    struct bench_error *failure = &thread->figures.failure;
    if (failure->code == 0) {
        failure->code = code;
        (void)snprintf(failure->text, sizeof(failure->text), "%s", text);
    }
    atomic_store(&thread->bench->failed, true);
}

/* What may be better at the next request: nobody reached, a quorum not met, overload, an outcome
 * that is unknown. */
static bool may_pass(int code)
{
    int status = shoal_error_exit_status(code);
    return status == shoal_error_exit_status(SHOAL_ECONNECT) ||
           status == shoal_error_exit_status(SHOAL_EQUORUM) ||
           status == shoal_error_exit_status(SHOAL_EUNKNOWN);
}

/* ---- one request ----------------------------------------------------------------------------- */

static void group_begin(struct group *group);

static void keep_context(struct key_state *state, struct shoal_bytes context)
{
    if (context.len > state->context_len) {
        uint8_t *larger = mem_realloc(state->context, context.len);
        if (larger == NULL) {
            return;
        }
        state->context = larger;
    }
    if (context.len > 0) {
        memcpy(state->context, context.data, context.len);
    }
    state->context_len = (uint32_t)context.len;
}

/* When a node falls silent, all that is in flight may fail together; what is sent after that goes
 * elsewhere. So only more failures in a row than that mean that nothing works. */
static void note_failure(struct bench_thread *thread, int code, const char *text)
{
    if (thread->measuring) {
        bench_errors_add(&thread->figures.errors, code, text, 1);
        return;
    }
    bench_errors_add(&thread->figures.filling_errors, code, text, 1);
    thread->failures_in_a_row++;
    if (!may_pass(code) || thread->failures_in_a_row >= 2 * thread->bench->plan.in_flight) {
        give_up(thread, code, text);
    }
}

static void note_outcome(struct slot *slot, const struct shoal_result *result)
{
    struct bench_thread *thread = slot->thread;
    struct bench *bench = thread->bench;
    bool fine = result->code == 0 || (result->code == SHOAL_ENOTFOUND && !slot->is_put);
    if (!fine) {
        note_failure(thread, result->code, result->text);
        return;
    }
    if (!thread->measuring) {
        thread->failures_in_a_row = 0;
        thread->filled++;
        atomic_fetch_add_explicit(&bench->prepared, 1, memory_order_relaxed);
        return;
    }
    histogram_record(slot->is_put ? &thread->figures.puts : &thread->figures.gets,
                     now_ns() - slot->started_ns);
    atomic_fetch_add_explicit(&bench->done, 1, memory_order_relaxed);
}

static void on_done(struct shoal_client *client, const struct shoal_result *result, void *user)
{
    (void)client;
    struct slot *slot = user;
    struct bench_thread *thread = slot->thread;
    struct key_state *state = &thread->states[slot->key];
    note_outcome(slot, result);
    if (slot->is_put) {
        state->busy = false;
        if (thread->bench->plan.with_context && result->code == 0) {
            keep_context(state, result->context);
        }
    }
    thread->active--;
    if (--slot->group->active == 0) {
        group_begin(slot->group);
    }
    if (thread->active == 0) {
        event_base_loopbreak(thread->base);
    }
}

/* "bench:" and the number, of ten digits at least. Printing it would take as long as the rest of
 * making a request. The bytes used, from the end of `name`. */
static size_t key_name(uint64_t number, char name[sizeof(KEY_PREFIX) - 1 + KEY_DIGITS])
{
    const size_t prefix = sizeof(KEY_PREFIX) - 1;
    size_t digits = 0;
    for (; digits < KEY_DIGITS_MIN || number > 0; digits++, number /= 10) {
        name[prefix + KEY_DIGITS - 1 - digits] = (char)('0' + number % 10);
    }
    memcpy(name + KEY_DIGITS - digits, KEY_PREFIX, prefix);
    return prefix + digits;
}

static int slot_send(struct slot *slot)
{
    struct bench_thread *thread = slot->thread;
    const struct bench_plan *plan = &thread->bench->plan;
    struct key_state *state = &thread->states[slot->key];
    char name[sizeof(KEY_PREFIX) - 1 + KEY_DIGITS];
    size_t len = key_name(slot->key * plan->threads + thread->index, name);
    struct shoal_bytes key = shoal_bytes(name + sizeof(name) - len, len);
    if (!slot->is_put) {
        return shoal_get_start(thread->client, key, NULL, on_done, slot);
    }
    struct shoal_options options = {0};
    if (plan->with_context && state->context_len > 0) {
        options.context = shoal_bytes(state->context, state->context_len);
    }
    state->busy = true;
    return shoal_put_start(thread->client, key, shoal_bytes(thread->bench->value, plan->value_size),
                           &options, on_done, slot);
}

/* A key for a measured request; a few tries to find one without a put in flight. */
static bool pick_key(struct slot *slot)
{
    struct bench_thread *thread = slot->thread;
    const struct bench_plan *plan = &thread->bench->plan;
    for (uint32_t i = 0; i < BUSY_TRIES; i++) {
        slot->key = random_below(&thread->random, thread->key_count);
        if (!slot->is_put || !plan->with_context || !thread->states[slot->key].busy) {
            return true;
        }
    }
    slot->is_put = false; /* all are busy: a read does no harm */
    return true;
}

static bool next_measured(struct slot *slot)
{
    struct bench_thread *thread = slot->thread;
    const struct bench_plan *plan = &thread->bench->plan;
    slot->started_ns = now_ns();
    if (plan->requests > 0 ? thread->left == 0 : slot->started_ns >= thread->end_ns) {
        return false;
    }
    thread->left -= plan->requests > 0 ? 1 : 0;
    slot->is_put = random_below(&thread->random, plan->puts + plan->gets) < plan->puts;
    return pick_key(slot);
}

static bool next_prepared(struct slot *slot)
{
    struct bench_thread *thread = slot->thread;
    if (thread->next_key == thread->key_count || atomic_load(&thread->bench->failed)) {
        return false;
    }
    slot->is_put = true;
    slot->key = thread->next_key++;
    return true;
}

/* Starts the slot's next request; false when there is none to start. Answers come later. */
static bool slot_begin(struct slot *slot)
{
    struct bench_thread *thread = slot->thread;
    if (!(thread->measuring ? next_measured(slot) : next_prepared(slot))) {
        return false;
    }
    int error = slot_send(slot);
    if (error != 0) {
        thread->states[slot->key].busy = false;
        note_failure(thread, error, shoal_error_text(error));
        return false;
    }
    thread->active++;
    slot->group->active++;
    return true;
}

static void group_begin(struct group *group)
{
    for (uint32_t i = 0; i < group->count; i++) {
        (void)slot_begin(&group->slots[i]);
    }
}

/* ---- threads --------------------------------------------------------------------------------- */

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
        group_begin(&thread->groups[i / size]);
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
        give_up(thread, errors->rows[0].code, errors->rows[0].text);
    }
}

static void *thread_run(void *user)
{
    struct bench_thread *thread = user;
    struct bench *bench = thread->bench;
    int error = thread_init(thread);
    if (error != 0) {
        give_up(thread, error, shoal_error_text(error));
    } else {
        run_phase(thread);
        check_filled(thread);
    }
    atomic_fetch_add(&bench->finished, 1);
    pthread_barrier_wait(&bench->barrier); /* all have prepared */
    if (!atomic_load(&bench->failed)) {
        pthread_barrier_wait(&bench->barrier); /* go */
        thread->measuring = true;
        thread->end_ns = now_ns() + bench->plan.duration_us * 1000;
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
