/* Drawing a run's temper. In the manner of TigerBeetle's simulator each kind of trouble is switched
 * off in many seeds and exaggerated in some: a run in which everything happens at once explores
 * less than many runs that each overdo something else. */
#include "sim_options.h"

#include "base/random.h"

#include <stdio.h>

#define SECOND_US UINT64_C(1000000)

void sim_options_quiet(struct sim_options *options)
{
    *options = (struct sim_options){
        .seed = 1,
        .nodes = 3,
        .partitions = 8,
        .n = 3,
        .r = 2,
        .w = 2,
        .setup = SIM_SETUP_SEEDS,
        .store = {.kind = SIM_STORE_LOG,
                  .durability = LOG_SYNC,
                  .interval_us = SECOND_US / 10,
                  .wait_us_mean = {200, 100, 1000},
                  .segment_bytes = 65536,
                  .scrub_us = UINT64_MAX},
        .keep_us_mean = 1000,
        .sloppy = true,
        .hints_bytes_max = 64 << 20,
        .heartbeat_us = SECOND_US / 2,
        .request_timeout_us = 2 * SECOND_US,
        .load_us = 10 * SECOND_US,
        .network = {.delay_us_min = 100, .delay_us_mean = 200},
        .client = {.clients = 4,
                   .keys = 4,
                   .think_us_mean = 100000,
                   .put_weight = 5,
                   .get_weight = 4,
                   .delete_weight = 1,
                   .context_rate = 0.5},
        .check_every = 1,
    };
    for (uint32_t i = 0; i < SIM_NODES_MAX; i++) {
        options->workers[i] = 1;
    }
}

void sim_options_speed(struct sim_options *options, uint64_t seed)
{
    sim_options_quiet(options);
    options->seed = seed;
    options->nodes = 5;
    options->partitions = 32;
    options->repair_us = SECOND_US;
    options->load_us = 25 * SECOND_US;
    options->client.clients = 10;
    options->client.keys = 16;
    options->check_every = 128;
}

static uint64_t choose(struct random *random, const uint64_t *values, uint32_t count)
{
    return values[random_below(random, count)];
}

#define CHOOSE(random, ...)                                                                        \
    choose((random), (const uint64_t[]){__VA_ARGS__},                                              \
           (uint32_t)(sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t)))

/* Clusters that grow under load, some from next to nothing. */
static void draw_growth(struct sim_options *options, struct random *random)
{
    if (!random_chance(random, 0.45)) {
        return;
    }
    options->joiners = (uint32_t)CHOOSE(random, 1, 1, 2, 3);
    if (options->nodes > options->w && random_chance(random, 0.3)) {
        options->nodes = options->w; /* the fewest that can take a write */
    }
    /* In the end there are enough for every default quorum. */
    uint32_t fewest = options->r > options->w ? options->r : options->w;
    if (options->nodes + options->joiners < fewest) {
        options->joiners = fewest - options->nodes;
    }
    if (options->nodes + options->joiners > SIM_NODES_DRAWN_MAX) {
        options->joiners = SIM_NODES_DRAWN_MAX - options->nodes;
    }
}

static void draw_cluster(struct sim_options *options, struct random *random)
{
    static const struct {
        uint32_t nodes, n, r, w;
    } shapes[] = {
        {5, 3, 2, 2}, {5, 3, 2, 2}, {5, 3, 2, 2}, {5, 3, 2, 2}, {4, 3, 2, 2},
        {4, 3, 2, 2}, {4, 3, 2, 2}, {4, 3, 2, 2}, {3, 3, 2, 2}, {3, 3, 2, 2},
        {3, 3, 2, 2}, {1, 1, 1, 1}, {3, 3, 1, 3}, {3, 2, 1, 2}, {3, 2, 2, 2},
        {3, 1, 1, 1}, {2, 3, 2, 2}, {5, 5, 3, 3}, {4, 3, 3, 1}, {4, 3, 3, 2},
    };
    uint32_t pick = (uint32_t)random_below(random, sizeof(shapes) / sizeof(shapes[0]));
    options->nodes = shapes[pick].nodes;
    options->n = shapes[pick].n;
    options->r = shapes[pick].r;
    options->w = shapes[pick].w;
    options->partitions = (uint32_t)CHOOSE(random, 8, 8, 16, 32);
    options->setup = random_chance(random, 0.5) ? SIM_SETUP_SEEDS : SIM_SETUP_JOIN;
    options->faults_in_setup = options->setup == SIM_SETUP_SEEDS && random_chance(random, 0.15);
    draw_growth(options, random);
    for (uint32_t i = 0; i < SIM_NODES_DRAWN_MAX; i++) {
        options->workers[i] = (uint32_t)CHOOSE(random, 1, 1, 2, 3);
    }
    options->heartbeat_us = CHOOSE(random, 200000, 500000, 1000000);
    options->request_timeout_us = CHOOSE(random, 500000, 2000000, 5000000);
    options->batch_rate = random_chance(random, 0.5) ? 0.3 : 0.0;
    options->sloppy = random_chance(random, 0.7);
    options->repair_us = CHOOSE(random, 300000, 1000000, 3000000);
}

static void draw_network(struct sim_options *options, struct random *random)
{
    struct sim_network_options *network = &options->network;
    network->delay_us_min = CHOOSE(random, 20, 100, 500);
    network->delay_us_mean = CHOOSE(random, 50, 300, 3000, 20000);
    network->slow_rate = random_chance(random, 0.3) ? 0.02 : 0.0;
    network->refuse_rate = random_chance(random, 0.1) ? 0.01 : 0.0;
    if (random_chance(random, 0.3)) {
        network->hostile = true;
        network->drop_rate = random_chance(random, 0.6) ? 0.05 : 0.0;
        network->duplicate_rate = random_chance(random, 0.6) ? 0.05 : 0.0;
    }
}

static void draw_store(struct sim_options *options, struct random *random)
{
    struct sim_store_options *store = &options->store;
    store->kind = random_chance(random, 0.15) ? SIM_STORE_MEMORY : SIM_STORE_LOG;
    if (options->w == 1 && options->nodes > 1) {
        store->kind = SIM_STORE_LOG; /* none may forget anything */
    }
    store->durability =
        (enum log_durability)CHOOSE(random, LOG_SYNC, LOG_SYNC, LOG_INTERVAL, LOG_OS);
    store->interval_us = CHOOSE(random, 10000, 100000, SECOND_US);
    store->wait_us_mean[OFFLOAD_WRITE] = CHOOSE(random, 50, 300, 2000, 20000);
    store->wait_us_mean[OFFLOAD_READ] = CHOOSE(random, 20, 200, 3000);
    store->wait_us_mean[OFFLOAD_SLOW] = CHOOSE(random, 200, 2000, 50000);
    store->cold_rate = (double)CHOOSE(random, 0, 0, 1, 5, 10) / 10.0;
    store->segment_bytes = CHOOSE(random, 8192, 16384, 65536);
    store->scrub_us = random_chance(random, 0.5) ? 5 * SECOND_US : UINT64_MAX;
    store->compress = random_chance(random, 0.3);
    store->rework_rate = random_chance(random, 0.5) ? 0.5 : 0.0;
    options->keep_us_mean = CHOOSE(random, 200, 2000, 50000);
}

static void draw_clock(struct sim_options *options, struct random *random)
{
    if (random_chance(random, 0.5)) {
        options->clock.skew_ms_max = CHOOSE(random, 5, 200, 5000, 600000);
        options->clock.drift_ppm_max = (uint32_t)CHOOSE(random, 0, 100, 5000);
        options->clock.jump_ms_max = CHOOSE(random, 0, 500, 60000, 3600000);
    }
}

static uint64_t rate(struct random *random, double chance, uint64_t mean_us)
{
    return random_chance(random, chance) ? mean_us / 2 + random_below(random, mean_us) : 0;
}

static void draw_faults(struct sim_options *options, struct random *random)
{
    struct sim_fault_rates *faults = &options->faults;
    if (random_chance(random, 0.1)) {
        return; /* a healthy cluster has promises of its own */
    }
    faults->around_joins = options->joiners > 0 && random_chance(random, 0.6);
    faults->crash_us = rate(random, 0.5, 5 * SECOND_US);
    faults->power_us = rate(random, 0.4, 5 * SECOND_US);
    faults->black_us = rate(random, 0.2, 6 * SECOND_US);
    faults->stop_us = rate(random, 0.3, 6 * SECOND_US);
    faults->pause_us = rate(random, 0.4, 3 * SECOND_US);
    faults->partition_us = rate(random, 0.5, 5 * SECOND_US);
    faults->break_us = rate(random, 0.4, 2 * SECOND_US);
    faults->clock_us = options->clock.jump_ms_max > 0 ? rate(random, 0.5, 5 * SECOND_US) : 0;
    faults->full_us = rate(random, 0.2, 5 * SECOND_US);
    faults->fail_us = rate(random, 0.2, 5 * SECOND_US);
    if (options->w > 1) {
        faults->loss_us = rate(random, 0.3, 8 * SECOND_US);
        faults->restore_us = rate(random, 0.3, 3 * SECOND_US);
        faults->rot_us = rate(random, 0.25, 2 * SECOND_US);
    }
}

static void draw_clients(struct sim_options *options, struct random *random)
{
    struct sim_client_options *client = &options->client;
    client->clients = 2 + (uint32_t)random_below(random, 7);
    client->keys = (uint32_t)CHOOSE(random, 1, 2, 4, 8, 16);
    client->think_us_mean = CHOOSE(random, 5000, 30000, 100000);
    client->put_weight = (uint32_t)CHOOSE(random, 3, 6, 10);
    client->get_weight = (uint32_t)CHOOSE(random, 3, 6, 10);
    client->delete_weight = (uint32_t)CHOOSE(random, 0, 1, 3);
    client->list_weight = random_chance(random, 0.3) ? 1 : 0;
    client->context_rate = (double)CHOOSE(random, 0, 3, 6, 10) / 10.0;
    client->stale_rate = (double)CHOOSE(random, 0, 2, 6) / 10.0;
    client->forged_rate = random_chance(random, 0.3) ? 0.03 : 0.0;
    client->override_rate = random_chance(random, 0.4) ? 0.2 : 0.0;
    client->large_rate = random_chance(random, 0.2) ? 0.02 : 0.0;
    client->ttl_rate = random_chance(random, 0.3) ? 0.2 : 0.0;
    client->ttl_ms_max = CHOOSE(random, 100, 1000, 5000);
    client->timeout_us = random_chance(random, 0.3) ? CHOOSE(random, 20000, 100000, 500000) : 0;
}

static void draw_changes(struct sim_options *options, struct random *random)
{
    struct sim_change_options *change = &options->change;
    uint32_t room = SIM_NODES_DRAWN_MAX - options->nodes - options->joiners;
    change->change_us = CHOOSE(random, 150000, 400000, SECOND_US);
    change->stage_rate = (double)CHOOSE(random, 0, 2, 5) / 10.0;
    change->troubled = random_chance(random, 0.5);
    change->reckless = random_chance(random, 0.15);
    options->spares = room > 3 ? 3 : room;
    options->reserve = true;
}

void sim_options_random(struct sim_options *options, uint64_t seed)
{
    struct random random;
    random_init(&random, seed ^ UINT64_C(0x7365656473686f61));
    sim_options_quiet(options);
    options->seed = seed;
    draw_cluster(options, &random);
    draw_network(options, &random);
    draw_store(options, &random);
    draw_clock(options, &random);
    draw_faults(options, &random);
    draw_clients(options, &random);
    options->load_us = CHOOSE(&random, 5, 10, 20) * SECOND_US;
    if (random_chance(&random, 0.2)) {
        options->hints_bytes_max = CHOOSE(&random, 0, 600, 20000);
    }
    options->check_every = 128;
    if (random_chance(&random, 0.3)) {
        draw_changes(options, &random);
    }
    options->client.count_weight = (uint32_t)CHOOSE(&random, 0, 2, 6);
    options->watchers = seed % 4 == 3 ? 3 : 0;
}

void sim_options_elastic(struct sim_options *options, uint64_t seed)
{
    struct random random;
    random_init(&random, seed ^ UINT64_C(0x656c6173746963));
    sim_options_random(options, seed);
    draw_changes(options, &random);
    options->load_us = CHOOSE(&random, 10, 20) * SECOND_US;
}

void sim_options_print(const struct sim_options *options, char *out, unsigned long size)
{
    static const char *const durabilities[] = {"sync", "interval", "os"};
    const struct sim_store_options *store = &options->store;
    snprintf(out, size,
             "nodes=%u+%u workers=%u,%u,%u Q=%u N=%u R=%u W=%u setup=%s store=%s cold=%.1f %s "
             "delay=%lluus timeout=%llums repair=%llums%s clients=%u keys=%u load=%llus",
             options->nodes, options->joiners, options->workers[0], options->workers[1],
             options->workers[2], options->partitions, options->n, options->r, options->w,
             options->setup == SIM_SETUP_SEEDS ? "seeds" : "join",
             store->kind == SIM_STORE_LOG ? durabilities[store->durability] : "memory",
             store->cold_rate, options->network.hostile ? "hostile" : "tcp",
             (unsigned long long)options->network.delay_us_mean,
             (unsigned long long)(options->request_timeout_us / 1000),
             (unsigned long long)(options->repair_us / 1000), options->sloppy ? " sloppy" : "",
             options->client.clients, options->client.keys,
             (unsigned long long)(options->load_us / SECOND_US));
}
