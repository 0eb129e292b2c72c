/* The phases of a run. */
#include "sim_run.h"

#include "base/assert.h"
#include "base/memory.h"
#include "ring/partition.h"
#include "shoal/error.h"
#include "sim_changes.h"
#include "sim_clients.h"
#include "sim_converge.h"
#include "sim_counters.h"
#include "sim_faults.h"
#include "sim_joins.h"
#include "sim_watch.h"

#define SECOND_US UINT64_C(1000000)
#define FORM_US (60 * SECOND_US)
#define TIDY_US (120 * SECOND_US)
#define SETTLE_US (120 * SECOND_US)
#define QUIET_US (20 * SECOND_US)
#define REQUESTS_MAX 2500u

struct run {
    struct sim_world world;
    struct sim_faults faults;
    struct sim_clients clients;
    struct sim_joins joins;
    struct sim_changes changes;
    struct sim_watchers watchers;
};

static bool run_idle(struct sim_world *world)
{
    return queue_empty(&world->requests);
}

/* Why the world has not settled, for people. */
static void describe(const struct sim_world *world, char *out, size_t size)
{
    size_t len = 0;
    for (uint32_t i = 0; i < world->node_count && len < size; i++) {
        const struct sim_node *node = &world->nodes[i];
        const struct snapshot *snapshot = sim_node_snapshot(node);
        if (node->life == 0) {
            continue;
        }
        if (node->buried) {
            len += (size_t)snprintf(out + len, size - len, " node%u: dead%s;", i,
                                    node->removed ? " and removed" : "");
            continue;
        }
        if (snapshot == NULL) {
            len += (size_t)snprintf(out + len, size - len, " node%u: state %d, in no cluster;", i,
                                    node->state);
            continue;
        }
        const struct snapshot_node *self = snapshot_find(snapshot, snapshot->self);
        len += (size_t)snprintf(out + len, size - len,
                                " node%u: state %d, says %s, %u live layouts, newest %llu of %u "
                                "members, pending %llu, releasing %llu, hints %llu%s%s%s%s;",
                                i, node->state,
                                self == NULL ? "nothing" : node_state_text(self->state),
                                snapshot->view->live_count,
                                (unsigned long long)view_newest(snapshot->view)->key.version,
                                view_newest(snapshot->view)->member_count,
                                self == NULL ? 0 : (unsigned long long)self->record.pending_sync,
                                self == NULL ? 0 : (unsigned long long)self->record.releasing,
                                (unsigned long long)sim_node_hints(node),
                                view_due(snapshot->view) ? ", changes due" : "",
                                view_staged(snapshot->view) > 0 ? ", changes staged" : "",
                                node->removed ? ", removed" : "", node->buried ? ", dead" : "");
    }
}

static bool settle(struct sim_world *world, uint64_t timeout_us, const char *when)
{
    if (sim_world_run_until(world, sim_world_settled, timeout_us)) {
        return true;
    }
    char text[800] = "";
    describe(world, text, sizeof(text));
    sim_world_fail(world, SIM_CONVERGENCE, "%s the cluster does not settle:%s", when, text);
    return false;
}

/* ---- convergence ---- */

static void probe_answered(struct sim_request *request)
{
    *(int *)request->user = request->done ? request->code : SHOAL_EUNKNOWN;
}

/* Asks of a node until the answer is no failure; false, and the run is failed, when none comes. */
static bool probe(struct sim_world *world, const struct sim_ask *wanted)
{
    int code = SHOAL_EUNKNOWN;
    uint64_t end_us = world->now_us + QUIET_US;
    while (world->now_us < end_us && !world->verdict.broken) {
        struct sim_ask ask = *wanted;
        ask.completed = probe_answered;
        ask.user = &code;
        sim_request_submit(world, &ask);
        sim_world_run_until(world, run_idle, QUIET_US);
        if (code == 0 || code == SHOAL_ENOTFOUND) {
            return true;
        }
        sim_world_run_us(world, SECOND_US / 2);
    }
    sim_world_fail(world, SIM_CONVERGENCE, "after all healed a request on %.*s at node%u fails: %s",
                   (int)wanted->key.len, (const char *)wanted->key.data, wanted->node,
                   shoal_error_text(code));
    return false;
}

static struct sim_ask ask_of(struct run *run, uint32_t op, uint32_t key)
{
    struct sim_world *world = &run->world;
    const struct sim_key *at = &world->oracle.history.keys[key];
    uint32_t node;
    do {
        node = (uint32_t)random_below(&world->random, world->node_count);
    } while (world->nodes[node].state != SIM_UP || world->nodes[node].removed);
    return (struct sim_ask){
        .node = node,
        .worker = (uint32_t)random_below(&world->random, world->nodes[node].worker_count),
        .op = op,
        .key = bytes_make(at->name, at->name_len)};
}

static bool read_all(struct run *run, uint32_t key)
{
    struct sim_ask strict = ask_of(run, REQUEST_GET, key);
    struct sim_ask every = ask_of(run, REQUEST_GET, key);
    const struct snapshot *snapshot = sim_node_snapshot(&run->world.nodes[every.node]);
    /* All that there are: a cluster may have fewer members than N. */
    every.options.r = (int32_t)view_newest(snapshot->view)->replicas;
    return probe(&run->world, &strict) && probe(&run->world, &every);
}

/* Every key is read once, from R owners and from all. */
static void read_everything(struct run *run)
{
    for (uint32_t key = 0; key < run->world.oracle.history.key_count; key++) {
        if (!read_all(run, key)) {
            return;
        }
    }
    sim_world_check_holdings(&run->world);
}

/* One put until it is taken. What was refused left nothing behind and may be tried again: nodes
 * need a moment to see that the others' clocks agree with theirs once more. Values are unique. */
static bool put_last(struct run *run, uint32_t key)
{
    struct sim_world *world = &run->world;
    uint64_t end_us = world->now_us + QUIET_US;
    int code = SHOAL_EUNKNOWN;
    for (uint32_t attempt = 0; world->now_us < end_us && !world->verdict.broken; attempt++) {
        char value[32];
        snprintf(value, sizeof(value), "last%u.%u", key, attempt);
        struct sim_ask ask = ask_of(run, REQUEST_PUT, key);
        ask.value = bytes_from_string(value);
        ask.completed = probe_answered;
        ask.user = &code;
        sim_request_submit(world, &ask);
        sim_world_run_until(world, run_idle, QUIET_US);
        if (code == 0 || !shoal_error_nothing_applied(code)) {
            break;
        }
        sim_world_run_us(world, SECOND_US / 2);
    }
    if (code != 0) {
        sim_world_fail(world, SIM_CONVERGENCE, "after all healed a put fails: %s",
                       shoal_error_text(code));
    }
    return code == 0;
}

/* Writes are taken again, and read everywhere. */
static void write_again(struct run *run)
{
    const struct sim_history *history = &run->world.oracle.history;
    for (uint32_t key = 0; key < history->key_count && key < 8; key++) {
        const struct sim_key *at = &history->keys[key];
        struct bytes name = bytes_make(at->name, at->name_len);
        /* A probe may ask twice: only what is free of sums is written. */
        if (!sim_counters_named(name) && !sim_counters_wild(name) &&
            (!put_last(run, key) || !read_all(run, key))) {
            return;
        }
    }
}

/* ---- phases ---- */

static void form(struct run *run)
{
    struct sim_world *world = &run->world;
    sim_joins_begin(&run->joins);
    if (world->options.faults_in_setup) {
        sim_faults_begin(&run->faults);
        sim_world_run_us(world, 5 * SECOND_US);
        sim_faults_end(&run->faults);
        world->network.calm = false;
    }
    settle(world, FORM_US, "at the beginning");
}

static void load(struct run *run)
{
    struct sim_world *world = &run->world;
    const struct sim_options *options = &world->options;
    sim_trace_say(&world->trace, world->now_us, "---- load ----");
    sim_watchers_begin(&run->watchers);
    sim_clients_begin(&run->clients);
    sim_faults_begin(&run->faults);
    sim_changes_begin(&run->changes);
    for (uint32_t i = options->nodes; i < options->nodes + options->joiners; i++) {
        uint64_t at_us = world->now_us + 1 + random_below(&world->random, options->load_us);
        sim_joins_late(&run->joins, i, at_us);
        if (options->faults.around_joins) {
            sim_faults_trouble(&run->faults, at_us);
        }
    }
    sim_world_run_us(world, options->load_us);
    sim_clients_end(&run->clients);
}

/* Operators finish what they have begun. */
static bool tidy(struct run *run)
{
    struct sim_world *world = &run->world;
    uint64_t end_us = world->now_us + TIDY_US;
    while (!sim_changes_tidy(&run->changes) && world->now_us < end_us && !world->verdict.broken) {
        sim_world_run_us(world, SECOND_US / 10);
    }
    if (!world->verdict.broken && !sim_changes_tidy(&run->changes)) {
        char text[800] = "";
        describe(world, text, sizeof(text));
        sim_world_fail(world, SIM_CONVERGENCE, "operators do not get done:%s", text);
    }
    sim_changes_rest(&run->changes);
    return !world->verdict.broken;
}

static void heal(struct run *run)
{
    struct sim_world *world = &run->world;
    sim_faults_end(&run->faults);
    sim_changes_end(&run->changes);
    sim_world_run_us(world, SECOND_US);
    if (!tidy(run) || !settle(world, SETTLE_US, "after all healed")) {
        return;
    }
    sim_oracle_delivered(&world->oracle);
    sim_oracle_loss(&world->oracle);
    world->oracle.unstable = false;
    if (!sim_world_run_until(world, run_idle, QUIET_US)) {
        sim_world_fail(world, SIM_LIVENESS, "requests of the load are never answered");
        return;
    }
    sim_converge(world);
    if (!world->verdict.broken) {
        read_everything(run);
    }
    if (!world->verdict.broken) {
        write_again(run);
    }
    if (!world->verdict.broken) {
        sim_watchers_judge(&run->watchers);
    }
}

static void collect(const struct run *run, struct sim_result *result)
{
    const struct sim_world *world = &run->world;
    const struct sim_oracle *oracle = &world->oracle;
    *result = (struct sim_result){.verdict = world->verdict,
                                  .counts = world->counts,
                                  .trace_hash = world->trace.hash,
                                  .events = world->trace.events,
                                  .simulated_us = world->now_us,
                                  .frames = world->network.frames,
                                  .dropped = world->network.dropped,
                                  .duplicated = world->network.duplicated,
                                  .connects = world->network.connects,
                                  .acked = oracle->acked,
                                  .nothing = oracle->nothing,
                                  .unknown = oracle->unknown,
                                  .dots = oracle->dots,
                                  .holdings_judged = oracle->holdings_judged,
                                  .reads_judged = oracle->reads_judged,
                                  .reads_strict = oracle->reads_strict,
                                  .sibling_reads = oracle->sibling_reads,
                                  .blind_judged = oracle->blind_judged,
                                  .counters_judged = oracle->counters_judged,
                                  .dropped_tombstones = oracle->dropped,
                                  .hinted = oracle->hinted};
}

void sim_run(const struct sim_options *options, FILE *trace, struct sim_result *result)
{
    struct run *run = mem_alloc_zeroed(1, sizeof(*run));
    ASSERT(run != NULL);
    ASSERT(sim_world_init(&run->world, options, trace) == 0);
    sim_joins_init(&run->joins, &run->world);
    sim_faults_init(&run->faults, &run->world);
    sim_changes_init(&run->changes, &run->world, &run->faults, &run->joins);
    sim_clients_init(&run->clients, &run->world, REQUESTS_MAX);
    sim_watchers_init(&run->watchers, &run->world, options->watchers);
    form(run);
    if (!run->world.verdict.broken) {
        load(run);
    }
    if (!run->world.verdict.broken) {
        heal(run);
    }
    if (run->world.verdict.broken) {
        sim_trace_say(&run->world.trace, run->world.now_us, "VIOLATION %s: %s",
                      sim_invariant_text(run->world.verdict.invariant), run->world.verdict.text);
    }
    timers_stop(&run->world.timers, &run->joins.timer);
    sim_changes_deinit(&run->changes);
    sim_clients_deinit(&run->clients);
    for (uint32_t i = 0; i < run->world.node_count; i++) {
        sim_life_end(&run->world.nodes[i]);
    }
    sim_watchers_deinit(&run->watchers);
    collect(run, result);
    sim_world_deinit(&run->world);
    mem_free(run);
}
