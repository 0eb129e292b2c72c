/* One request after another: what is asked next, of which key, and how its answer counts. With
 * contexts, a key that has a put in flight gets no second one: two puts with the same context are
 * concurrent by definition and would leave siblings. */
#include <event2/event.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "cli/bench_thread.h"

#define KEY_PREFIX "bench:"
#define KEY_DIGITS 20u
#define KEY_DIGITS_MIN 10u
#define BUSY_TRIES 64u

uint64_t bench_now_ns(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

void bench_give_up(struct bench_thread *thread, int code, const char *text)
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
        bench_give_up(thread, code, text);
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
                     bench_now_ns() - slot->started_ns);
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
        bench_group_begin(slot->group);
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
    slot->started_ns = bench_now_ns();
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

void bench_group_begin(struct group *group)
{
    for (uint32_t i = 0; i < group->count; i++) {
        (void)slot_begin(&group->slots[i]);
    }
}
