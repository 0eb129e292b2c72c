/* A node alone, with one copy of everything, and a power loss in the middle of each thing that its
 * storage does: what it has confirmed is there when it comes back. */
#include "scenario.h"

#define KEYS 20u
#define WRITES_MAX 1500u
#define TURNS 6u

struct point {
    const char *what;
    const char *suffix;
    uint32_t calls;
    uint32_t turns; /* how many of those calls are tried */
};

static const struct point points[] = {
    {"a new segment", ".new", MODEL_CREATE, TURNS},
    {"reserving it", ".new", MODEL_RESERVE, TURNS},
    {"naming it", ".new", MODEL_RENAME, TURNS},
    {"a write to a segment", ".seg", MODEL_WRITE, 2 * TURNS},
    {"a sync of a segment", ".seg", MODEL_SYNC, 2 * TURNS},
    {"cutting a segment that is closed", ".seg", MODEL_TRUNCATE, TURNS},
    {"writing a hint", ".tmp", MODEL_WRITE, TURNS},
    {"naming a hint", ".tmp", MODEL_RENAME, TURNS},
    {"removing what was compacted", ".seg", MODEL_REMOVE, TURNS},
    {"removing its hint", ".hint", MODEL_REMOVE, TURNS},
    {"syncing the folder", NULL, MODEL_SYNC_FOLDER, TURNS},
    {"anything", NULL, MODEL_CHANGES, 4 * TURNS},
};

struct lonely {
    struct cluster cluster;
    char values[KEYS][64]; /* as confirmed */
    uint32_t written;
};

static void lonely_open(struct lonely *lonely, uint64_t seed)
{
    struct sim_options options;
    memset(lonely, 0, sizeof(*lonely));
    sim_options_quiet(&options);
    options.seed = seed;
    options.nodes = 1;
    options.n = 1;
    options.r = 1;
    options.w = 1;
    options.workers[0] = 1 + (uint32_t)(seed % 3);
    options.store.segment_bytes = 4096;
    options.store.wait_us_mean[OFFLOAD_SLOW] = 200;
    options.check_every = 1000;
    cluster_open(&lonely->cluster, &options);
}

/* Writes until the node ends; false when it did not. */
static bool write_until_end(struct lonely *lonely)
{
    struct cluster *cluster = &lonely->cluster;
    const struct sim_node *node = cluster_node(cluster, 0);
    for (uint32_t i = 0; i < WRITES_MAX && node->state == SIM_UP; i++) {
        uint32_t at = (uint32_t)random_below(&cluster->world.random, KEYS);
        char key[32];
        char value[64];
        snprintf(key, sizeof(key), "key %u", at);
        snprintf(value, sizeof(value), "write %u, and then some", lonely->written++);
        struct answer answer = cluster_put(cluster, 0, key, value, NULL);
        if (answer.orphaned) {
            /* It may be there or not; a read says which, and that stands. */
            return true;
        }
        assert_int_equal(answer.code, 0);
        snprintf(lonely->values[at], sizeof(lonely->values[at]), "%s", value);
    }
    return node->state == SIM_DOWN;
}

static void read_back(struct lonely *lonely)
{
    char last[64];
    snprintf(last, sizeof(last), "write %u, and then some", lonely->written - 1);
    for (uint32_t i = 0; i < KEYS; i++) {
        char key[32];
        snprintf(key, sizeof(key), "key %u", i);
        struct answer answer = cluster_get(&lonely->cluster, 0, key);
        if (lonely->values[i][0] == '\0' && answer.code == SHOAL_ENOTFOUND) {
            continue;
        }
        assert_int_equal(answer.code, 0);
        assert_int_equal(answer.value_count, 1);
        if (strcmp(answer.values[0], last) == 0) {
            snprintf(lonely->values[i], sizeof(lonely->values[i]), "%s", last);
        }
        assert_string_equal(answer.values[0], lonely->values[i]);
    }
}

static void a_power_loss_in_the_middle_of_anything_loses_nothing_confirmed(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < sizeof(points) / sizeof(points[0]); i++) {
        const struct point *point = &points[i];
        struct lonely lonely;
        uint32_t met = 0;
        lonely_open(&lonely, i + 1);
        struct sim_node *node = cluster_node(&lonely.cluster, 0);
        for (uint32_t turn = 0; turn < point->turns; turn++) {
            struct model_fault fault = {.calls = point->calls,
                                        .suffix = point->suffix,
                                        .nth = 1 + random_below(&lonely.cluster.world.random, 6),
                                        .stops = true};
            node->store.doom = turn % 4 == 0 ? SIM_EXIT_KILL : SIM_EXIT_POWER;
            model_disk_fault(node->store.disk, &fault);
            bool ended = write_until_end(&lonely);
            model_disk_mend(node->store.disk);
            if (!ended) {
                break;
            }
            met++;
            cluster_start(&lonely.cluster, 0);
            cluster_settle(&lonely.cluster);
            read_back(&lonely);
        }
        if (met < point->turns) {
            fail_msg("the node never came to %s (%u of %u times)", point->what, met, point->turns);
        }
        cluster_close(&lonely.cluster);
    }
}

/* The same at the calls that a start makes: it is tried again and again, from whatever the last
 * attempt left. */
static void a_power_loss_in_the_middle_of_a_start_loses_nothing_confirmed(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        struct lonely lonely;
        lonely_open(&lonely, seed);
        struct sim_node *node = cluster_node(&lonely.cluster, 0);
        uint32_t ended = 0;
        for (uint32_t round = 0; round < 4; round++) {
            struct model_fault fault = {
                .calls = MODEL_CHANGES, .nth = 200 + 50 * round, .stops = true};
            node->store.doom = SIM_EXIT_POWER;
            model_disk_fault(node->store.disk, &fault);
            assert_true(write_until_end(&lonely));
            model_disk_mend(node->store.disk);
            for (uint64_t nth = 1; node->state == SIM_DOWN; nth++) {
                model_disk_stop_at(node->store.disk, nth, nth % 2 == 0);
                int code = sim_node_start(node);
                assert_true(code == 0 || code == 1);
                ended += code == 1;
            }
            model_disk_stop_at(node->store.disk, 0, false);
            cluster_settle(&lonely.cluster);
            read_back(&lonely);
        }
        assert_true(ended > 10);
        cluster_close(&lonely.cluster);
    }
}

/* The node is ended within a write to a segment, which leaves the beginning of it behind; and every
 * start has another number of workers, which share the partitions out anew. */
static void a_torn_tail_is_cut_whatever_the_number_of_workers_is_next(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        struct lonely lonely;
        lonely_open(&lonely, seed);
        struct sim_node *node = cluster_node(&lonely.cluster, 0);
        uint32_t torn = 0;
        for (uint32_t turn = 0; turn < 3 * TURNS; turn++) {
            struct model_fault fault = {.calls = MODEL_WRITE,
                                        .suffix = ".seg",
                                        .nth = 1 + random_below(&lonely.cluster.world.random, 12),
                                        .stops = true};
            node->store.doom = turn % 3 == 0 ? SIM_EXIT_KILL : SIM_EXIT_POWER;
            model_disk_fault(node->store.disk, &fault);
            assert_true(write_until_end(&lonely));
            model_disk_mend(node->store.disk);
            node->worker_count = 1 + (node->worker_count + turn % 2) % 3;
            cluster_start(&lonely.cluster, 0);
            torn += node->store.volume->report.torn_tails;
            cluster_settle(&lonely.cluster);
            read_back(&lonely);
        }
        assert_true(torn > TURNS); /* it is what this is about */
        cluster_close(&lonely.cluster);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_power_loss_in_the_middle_of_anything_loses_nothing_confirmed),
        cmocka_unit_test(a_power_loss_in_the_middle_of_a_start_loses_nothing_confirmed),
        cmocka_unit_test(a_torn_tail_is_cut_whatever_the_number_of_workers_is_next),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
