/* Healthy nodes: figures of faults at this size would say little that small clusters don't. */
#include "sim_scale.h"

#include "base/assert.h"
#include "base/memory.h"
#include "sim_clients.h"
#include "sim_joins.h"
#include "sim_world.h"

#include <time.h>

#define SECOND_US UINT64_C(1000000)
#define FORM_US (900 * SECOND_US)
#define CHANGE_US (300 * SECOND_US)
#define QUIET_US (20 * SECOND_US)
#define SPARES 11u
#define SEEDS 3u
#define PARTITIONS 1024u
#define CLIENTS 40u

struct scale {
    struct sim_world world;
    struct sim_joins joins;
    struct sim_clients clients;
    FILE *out;
    /* When the present step began. */
    uint64_t began_us;
    clock_t began_cpu;
    struct sim_traffic before;
};

static void options_of(struct sim_options *options, uint32_t nodes, uint64_t seed)
{
    sim_options_quiet(options);
    options->seed = seed;
    options->nodes = nodes;
    options->spares = SPARES;
    options->seeds = SEEDS;
    options->partitions = PARTITIONS;
    options->store.kind = SIM_STORE_MEMORY;
    options->repair_us = 10 * SECOND_US;
    options->request_timeout_us = 5 * SECOND_US;
    options->client.clients = CLIENTS;
    options->client.keys = 32;
    options->check_every = 1000000;
}

static void begin(struct scale *scale)
{
    scale->began_us = scale->world.now_us;
    scale->began_cpu = clock();
    scale->before = scale->world.network.traffic;
}

static void tell(struct scale *scale, const char *what, uint32_t nodes)
{
    const struct sim_traffic *now = &scale->world.network.traffic;
    const struct sim_traffic *before = &scale->before;
    double seconds = (double)(scale->world.now_us - scale->began_us) / 1e6;
    double cpu_s = (double)(clock() - scale->began_cpu) / CLOCKS_PER_SEC;
    double share = seconds * nodes;
    uint64_t gossip = sim_traffic_gossip_bytes(now) - sim_traffic_gossip_bytes(before);
    uint64_t all = sim_traffic_bytes(now) - sim_traffic_bytes(before);
    fprintf(scale->out, "%-28s %8.1f s %10.0f %10.0f %8llu %10.1f %9.2f\n", what, seconds,
            (double)gossip / share, (double)all / share,
            (unsigned long long)(now->views - before->views),
            (double)(now->view_bytes - before->view_bytes) / 1e6, cpu_s * 1000.0 / share);
    fflush(scale->out);
}

/* Runs until one layout remains and nobody owes anything. */
static bool settle(struct scale *scale, const char *what, uint32_t nodes, uint64_t patience_us)
{
    struct sim_world *world = &scale->world;
    if (!sim_world_run_until(world, sim_world_settled, patience_us)) {
        const struct snapshot *snapshot = sim_members_snapshot(world);
        fprintf(scale->out, "%s: not settled after %.0f s: %s; %u layouts live, newest of %u\n",
                what, (double)patience_us / 1e6, world->verdict.text,
                snapshot == NULL ? 0 : snapshot->view->live_count,
                snapshot == NULL ? 0 : view_newest(snapshot->view)->member_count);
        return false;
    }
    tell(scale, what, nodes);
    return true;
}

static void start_spares(struct scale *scale, uint32_t from, uint32_t count)
{
    for (uint32_t i = from; i < from + count; i++) {
        ASSERT(sim_node_start(&scale->world.nodes[i]) == 0);
    }
}

static void ask_leave(struct scale *scale, uint32_t node)
{
    static const struct message_change leave = {.op = CHANGE_LEAVE, .timeout_us = 5 * SECOND_US};
    struct sim_ask ask = {.node = node, .op = REQUEST_CHANGE, .change = &leave};
    (void)sim_request_submit(&scale->world, &ask);
}

static bool run(struct scale *scale, uint32_t nodes)
{
    struct sim_world *world = &scale->world;
    begin(scale);
    sim_joins_begin(&scale->joins);
    if (!settle(scale, "formed", nodes, FORM_US)) {
        return false;
    }
    sim_clients_begin(&scale->clients);
    begin(scale);
    sim_world_run_us(world, QUIET_US);
    tell(scale, "nothing changes", nodes);
    begin(scale);
    world->oracle.unstable = true;
    start_spares(scale, nodes, 1);
    if (!settle(scale, "one joins", nodes + 1, CHANGE_US)) {
        return false;
    }
    begin(scale);
    start_spares(scale, nodes + 1, 10);
    if (!settle(scale, "ten join at once", nodes + 11, CHANGE_US)) {
        return false;
    }
    begin(scale);
    ask_leave(scale, nodes / 2);
    sim_world_run_us(world, SECOND_US);
    return settle(scale, "one leaves", nodes + 11, CHANGE_US);
}

bool sim_scale(uint32_t nodes, uint64_t seed, FILE *out)
{
    struct sim_options options;
    struct scale *scale = mem_alloc_zeroed(1, sizeof(*scale));
    ASSERT(scale != NULL);
    options_of(&options, nodes, seed);
    ASSERT(sim_world_init(&scale->world, &options, NULL) == 0);
    scale->world.network.traffic.wanted = true;
    scale->out = out;
    sim_joins_init(&scale->joins, &scale->world);
    sim_clients_init(&scale->clients, &scale->world, UINT64_MAX);
    fprintf(out,
            "%u nodes, %u partitions, N=3 R=W=2, %u clients; bytes a node a second, views in "
            "gossip, CPU a node a simulated second\n%-28s %10s %10s %10s %8s %10s %9s\n",
            nodes, PARTITIONS, CLIENTS, "", "until one", "gossip B/s", "all B/s", "views",
            "views MB", "CPU ms");
    bool good = run(scale, nodes) && !scale->world.verdict.broken;
    if (scale->world.verdict.broken) {
        fprintf(out, "invariant %s: %s\n", sim_invariant_text(scale->world.verdict.invariant),
                scale->world.verdict.text);
    }
    sim_clients_deinit(&scale->clients);
    timers_stop(&scale->world.timers, &scale->joins.timer);
    sim_world_deinit(&scale->world);
    mem_free(scale);
    return good;
}
