/* The part of the conformance suite about reads that have to wait: what was pending is ready once
 * for each time it was asked for, and what was written meanwhile counts. A restart before makes
 * engines that read from disk forget what they had in memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "shoal/error.h"
#include "support/engine_conformance_parts.h"

#define KEYS 600u
#define TURNS_MAX 10000u

/* Reads of many keys, all at once, each asked for twice: the ticket is the place in the table. */
struct crowd {
    struct trial *trial;
    struct engine_events events; /* the trial's */
    bool pending[2 * KEYS];
    uint32_t waiting;
    uint64_t writes; /* in ready */
};

static struct engine_key number_key(const struct trial *trial, uint32_t number, char text[24])
{
    snprintf(text, 24, "key %u", (unsigned)number);
    return trial_key(trial, number % TRIAL_PARTITIONS, text);
}

static void fill(struct trial *trial)
{
    char text[24];
    for (uint32_t i = 0; i < KEYS; i++) {
        struct engine_key key = number_key(trial, i, text);
        trial_put(trial, key, trial_bytes(trial, 30 + i % 400, (uint8_t)i));
    }
    trial_settle(trial);
    if (trial->subject->keeps_data) {
        trial_restart(trial, true);
    }
}

/* The answer must be what the model says. */
static void ask(struct crowd *crowd, uint64_t ticket)
{
    struct trial *trial = crowd->trial;
    char text[24];
    struct engine_key key = number_key(trial, (uint32_t)(ticket % KEYS), text);
    struct bytes record;
    int code = trial->engine->ops->get(trial->engine, &key, ticket, &record);
    if (code == 1) {
        assert_false(crowd->pending[ticket]);
        crowd->pending[ticket] = true;
        crowd->waiting++;
        return;
    }
    const struct engine_model_entry *expected = engine_model_get(&trial->model, &key);
    assert_int_equal(code, expected == NULL ? SHOAL_ENOTFOUND : 0);
    if (expected != NULL) {
        assert_true(bytes_equal(record, bytes_make(expected->record, expected->record_len)));
    }
}

static void crowd_ready(void *self, uint64_t ticket, int code)
{
    struct crowd *crowd = self;
    assert_int_equal(code, 0);
    assert_true(ticket < 2 * KEYS && crowd->pending[ticket]);
    crowd->pending[ticket] = false;
    crowd->waiting--;
    ask(crowd, ticket);
    if (crowd->writes == 0) {
        assert_false(crowd->pending[ticket]); /* nothing was changed */
    }
}

static void crowd_settled(void *self, uint64_t sequence)
{
    struct crowd *crowd = self;
    crowd->events.settled(crowd->events.self, sequence);
}

static void crowd_durable(void *self, uint64_t sequence)
{
    struct crowd *crowd = self;
    crowd->events.durable(crowd->events.self, sequence);
}

static void crowd_begin(struct crowd *crowd, struct trial *trial)
{
    *crowd = (struct crowd){.trial = trial, .events = trial->engine->events};
    trial->engine->events.self = crowd;
    trial->engine->events.ready = crowd_ready;
    trial->engine->events.settled = crowd_settled;
    trial->engine->events.durable = crowd_durable;
}

static void crowd_end(struct crowd *crowd)
{
    for (uint32_t i = 0; crowd->waiting > 0; i++) {
        assert_true(i < TURNS_MAX);
        trial_turn(crowd->trial);
    }
    crowd->trial->engine->events = crowd->events;
}

void many_reads_at_once_are_each_ready_once(void **state)
{
    struct trial *trial = *state;
    struct crowd crowd;
    fill(trial);
    crowd_begin(&crowd, trial);
    for (uint32_t i = 0; i < KEYS; i++) {
        ask(&crowd, i * 7 % KEYS);
        ask(&crowd, KEYS + i);
    }
    assert_true(crowd.waiting > 0 || !trial->subject->reads_wait);
    crowd_end(&crowd);
    trial_check_all(trial);
}

/* What was written after the first question is what the second one finds. */
void what_is_written_while_a_read_waits_is_what_it_finds(void **state)
{
    struct trial *trial = *state;
    struct crowd crowd;
    char text[24];
    fill(trial);
    crowd_begin(&crowd, trial);
    crowd.writes = 1;
    for (uint32_t i = 0; i < KEYS; i++) {
        ask(&crowd, i);
        struct engine_key key = number_key(trial, i, text);
        if (i % 4 == 1) {
            trial_put(trial, key, trial_bytes(trial, 60, (uint8_t)(i + 5)));
        } else if (i % 4 == 2) {
            trial_remove(trial, key);
        } else if (i % 97 == 3) {
            trial_drop(trial, key.partition);
        }
    }
    crowd_end(&crowd);
    trial_check_all(trial);
}

/* A walk that goes on wherever it was, over entries of which some change between its parts. */
struct stroll {
    struct trial *trial;
    uint32_t partition;
    uint64_t next;
    int code;
    uint64_t last; /* position of the entry before */
    bool seen[KEYS];
};

static uint32_t number_of(struct bytes key)
{
    uint32_t number = 0;
    for (size_t i = strlen("key "); i < key.len; i++) {
        number = number * 10 + (uint32_t)(key.data[i] - '0');
    }
    return number;
}

static bool stroll_visit(void *self, const struct engine_entry *entry)
{
    struct stroll *stroll = self;
    uint32_t number = number_of(entry->key);
    assert_true(number < KEYS && !stroll->seen[number]);
    assert_true(entry->position >= stroll->last);
    stroll->seen[number] = true;
    stroll->last = entry->position;
    stroll->next = entry->position + 1;
    return number % 5 != 0; /* now and then it rests */
}

static bool stroll_on(void *self, int code)
{
    struct stroll *stroll = self;
    struct trial *trial = stroll->trial;
    uint64_t next = stroll->next;
    assert_int_equal(code, 0);
    stroll->code = trial->engine->ops->walk(trial->engine, stroll->partition, next, ++trial->ticket,
                                            stroll_visit, stroll, &next);
    if (stroll->code == 2) {
        assert_true(next >= stroll->next);
        stroll->next = next;
    }
    return stroll->code == 2;
}

void a_walk_goes_on_while_entries_come_and_go(void **state)
{
    struct trial *trial = *state;
    char text[24];
    fill(trial);
    struct stroll stroll = {.trial = trial, .partition = 2, .code = 1};
    uint32_t number = 2;
    while (stroll.code != 0) {
        if (stroll_on(&stroll, 0)) {
            trial_wait(trial, stroll_on, &stroll);
        }
        /* Of every third number, those that the walk may or may not have passed. */
        number = (number + 3 * TRIAL_PARTITIONS) % KEYS;
        struct engine_key key = number_key(trial, number, text);
        if (number % TRIAL_PARTITIONS == 2 && number % 3 == 2) {
            if (number % 2 == 0) {
                trial_remove(trial, key);
            } else {
                trial_put(trial, key, trial_bytes(trial, 10, 1));
            }
        }
    }
    assert_true(trial->pendings > 0 || !trial->subject->reads_wait);
    for (uint32_t i = 2; i < KEYS; i += TRIAL_PARTITIONS) {
        assert_true(stroll.seen[i] || i % 3 == 2);
    }
    trial_check_all(trial);
}
