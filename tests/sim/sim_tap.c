#include "sim_tap.h"

#include "base/assert.h"

static struct sim_tap *tap_of(struct engine *engine)
{
    return engine->events.self;
}

/* ---- calls ---- */

/* The tap, on whose engine no event may be raised until the call is over. */
static struct sim_tap *enter(struct engine *engine)
{
    struct sim_tap *tap = tap_of(engine);
    ASSERT(!tap->inside);
    tap->inside = true;
    return tap;
}

static int wrote(struct sim_tap *tap, int code, const uint64_t *sequence)
{
    tap->inside = false;
    if (code == 1) {
        if (*sequence < tap->issued) {
            sim_verdict_fail(tap->verdict, SIM_ROBUSTNESS, "an engine's sequences go back");
        }
        tap->issued = *sequence;
    }
    return code;
}

static void owe(struct sim_tap *tap, uint64_t ticket)
{
    uintptr_t owed = (uintptr_t)table_get(&tap->tickets, ticket + 1);
    ASSERT(table_put(&tap->tickets, ticket + 1, (void *)(owed + 1)) == 0);
}

static int tap_get(struct engine *engine, const struct engine_key *key, uint64_t ticket,
                   struct bytes *record)
{
    struct sim_tap *tap = enter(engine);
    int code = tap->real->get(engine, key, ticket, record);
    tap->inside = false;
    if (code == 1) {
        owe(tap, ticket);
    }
    return code;
}

static int tap_put(struct engine *engine, const struct engine_key *key, struct bytes record,
                   uint64_t *sequence)
{
    struct sim_tap *tap = enter(engine);
    return wrote(tap, tap->real->put(engine, key, record, sequence), sequence);
}

static int tap_remove(struct engine *engine, const struct engine_key *key, uint64_t *sequence)
{
    struct sim_tap *tap = enter(engine);
    return wrote(tap, tap->real->remove(engine, key, sequence), sequence);
}

static int tap_drop(struct engine *engine, uint32_t partition, uint64_t *sequence)
{
    struct sim_tap *tap = enter(engine);
    return wrote(tap, tap->real->drop(engine, partition, sequence), sequence);
}

static int tap_put_holding(struct engine *engine, uint32_t partition, struct bytes record,
                           uint64_t *sequence)
{
    struct sim_tap *tap = enter(engine);
    return wrote(tap, tap->real->put_holding(engine, partition, record, sequence), sequence);
}

static int tap_walk(struct engine *engine, uint32_t partition, uint64_t position, uint64_t ticket,
                    engine_visit visit, void *self, uint64_t *next)
{
    struct sim_tap *tap = enter(engine);
    int code = tap->real->walk(engine, partition, position, ticket, visit, self, next);
    tap->inside = false;
    if (code == 2) {
        owe(tap, ticket);
    }
    return code;
}

static int tap_survey(struct engine *engine, uint32_t partition, uint64_t position, uint64_t ticket,
                      engine_survey_visit visit, void *self, uint64_t *next)
{
    struct sim_tap *tap = enter(engine);
    int code = tap->real->survey(engine, partition, position, ticket, visit, self, next);
    tap->inside = false;
    if (code == 2) {
        owe(tap, ticket);
    }
    return code;
}

static int tap_backup(struct engine *engine, const char *folder, uint64_t ticket)
{
    struct sim_tap *tap = enter(engine);
    int code = tap->real->backup(engine, folder, ticket);
    tap->inside = false;
    if (code == 0) {
        owe(tap, ticket);
    }
    return code;
}

/* ---- events ---- */

static struct sim_tap *raised(void *self)
{
    struct sim_tap *tap = self;
    if (tap->inside) {
        sim_verdict_fail(tap->verdict, SIM_ROBUSTNESS,
                         "an engine raises an event from within another call");
    }
    return tap;
}

static void tap_ready(void *self, uint64_t ticket, int code)
{
    struct sim_tap *tap = raised(self);
    uintptr_t owed = (uintptr_t)table_remove(&tap->tickets, ticket + 1);
    if (owed == 0) {
        sim_verdict_fail(tap->verdict, SIM_ROBUSTNESS,
                         "an engine is ready with what nobody awaits");
        return;
    }
    if (owed > 1) {
        ASSERT(table_put(&tap->tickets, ticket + 1, (void *)(owed - 1)) == 0);
    }
    tap->events.ready(tap->events.self, ticket, code);
}

static void tap_settled(void *self, uint64_t sequence)
{
    struct sim_tap *tap = raised(self);
    if (sequence > tap->settled) {
        tap->settled = sequence;
    }
    tap->events.settled(tap->events.self, sequence);
}

static void tap_durable(void *self, uint64_t sequence)
{
    struct sim_tap *tap = raised(self);
    if (sequence > tap->durable) {
        tap->durable = sequence;
    }
    if (sequence > tap->settled) {
        tap->settled = sequence;
    }
    tap->events.durable(tap->events.self, sequence);
}

static void tap_failed(void *self, int code)
{
    struct sim_tap *tap = raised(self);
    tap->events.failed(tap->events.self, code);
}

static void tap_damaged(void *self, uint32_t partition)
{
    struct sim_tap *tap = raised(self);
    tap->damages++;
    tap->events.damaged(tap->events.self, partition);
}

/* ---- opening and closing ---- */

void sim_tap_open(struct sim_tap *tap, struct engine *engine, struct sim_verdict *verdict)
{
    *tap = (struct sim_tap){.engine = engine,
                            .ops = *engine->ops,
                            .real = engine->ops,
                            .events = engine->events,
                            .verdict = verdict};
    table_init(&tap->tickets);
    tap->ops.get = tap_get;
    tap->ops.put = tap_put;
    tap->ops.remove = tap_remove;
    tap->ops.drop = tap_drop;
    tap->ops.put_holding = tap_put_holding;
    tap->ops.walk = tap_walk;
    tap->ops.survey = tap_survey;
    tap->ops.backup = tap_backup;
    engine->ops = &tap->ops;
    engine->events = (struct engine_events){.self = tap,
                                            .ready = tap_ready,
                                            .settled = tap_settled,
                                            .durable = tap_durable,
                                            .failed = tap_failed,
                                            .damaged = tap_damaged};
}

static void deaf_ticket(void *self, uint64_t ticket, int code)
{
    (void)self;
    (void)ticket;
    (void)code;
}

static void deaf_sequence(void *self, uint64_t sequence)
{
    (void)self;
    (void)sequence;
}

static void deaf_code(void *self, int code)
{
    (void)self;
    (void)code;
}

static void deaf_partition(void *self, uint32_t partition)
{
    (void)self;
    (void)partition;
}

void sim_tap_close(struct sim_tap *tap)
{
    if (tap->engine != NULL) {
        tap->engine->ops = tap->real;
        tap->engine->events = (struct engine_events){.ready = deaf_ticket,
                                                     .settled = deaf_sequence,
                                                     .durable = deaf_sequence,
                                                     .failed = deaf_code,
                                                     .damaged = deaf_partition};
        table_deinit(&tap->tickets);
        tap->engine = NULL;
    }
}

bool sim_tap_settled(const struct sim_tap *tap)
{
    return tap->engine != NULL && tap->settled >= tap->issued;
}
