/* What a unit over one key costs in process on the memory engine: one that reads, one that writes
 * without looking, one that writes what it has read; and beside them the engine's own get and put
 * of the same keys, hashing included. The worker is a real one of a node that is alone, with ports
 * that lead nowhere. CPU time, the best of some rounds: on a shared machine that is the steadier.
 *
 *      bench_units [KEYS]       default 100000 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/random.h"
#include "node/unit.h"
#include "node/worker.h"
#include "ring/partition.h"
#include "storage/memory_engine.h"

#define KEYS_DEFAULT 100000u
#define KEY_BYTES 16u
#define VALUE_BYTES 100u
#define OBJECT_BYTES (VALUE_BYTES + 22u)
#define OPERATIONS 1000000u
#define ROUNDS 7u
#define PARTITIONS 256u
#define LETTERS_MAX 64u

struct node {
    struct worker *worker;
    struct engine *engine;
    struct moment now;
    struct letter *letters[LETTERS_MAX];
    uint32_t letter_count;
    uint64_t kept;
    uint32_t keys;
    uint8_t names[OPERATIONS][KEY_BYTES]; /* of the keys asked for, one after another */
    uint8_t value[OBJECT_BYTES];
    uint64_t found;
};

static void fail(const char *what)
{
    (void)fprintf(stderr, "bench_units: %s\n", what);
    exit(1);
}

/* ---- ports ---- */

static int port_send(void *self, uint64_t to, struct bytes frame)
{
    (void)self;
    (void)to;
    (void)frame;
    return -1;
}

static void port_reply(void *self, struct source source, struct bytes frame)
{
    (void)self;
    (void)source;
    (void)frame;
}

static void port_link(void *self, uint64_t id, const char *host, uint16_t port)
{
    (void)self;
    (void)id;
    (void)host;
    (void)port;
}

static void port_unlink(void *self, uint64_t id)
{
    (void)self;
    (void)id;
}

static void port_contact(void *self, const char *host, uint16_t port, struct bytes frame,
                         uint64_t ticket, uint64_t timeout_us)
{
    (void)frame;
    (void)ticket;
    (void)timeout_us;
    port_link(self, 0, host, port);
}

static void port_post(void *self, uint32_t to, struct letter *letter)
{
    struct node *node = self;
    (void)to;
    if (node->letter_count == LETTERS_MAX) {
        fail("too many letters");
    }
    node->letters[node->letter_count++] = letter;
}

static void port_keep(void *self, struct bytes record, uint64_t sequence)
{
    struct node *node = self;
    (void)record;
    node->kept = sequence;
}

/* ---- the node ---- */

static void node_turn(struct node *node)
{
    node->now.mono_us += 10000;
    node->now.wall_ms += 10;
    uint32_t count = node->letter_count;
    struct letter *letters[LETTERS_MAX];
    for (uint32_t i = 0; i < count; i++) {
        letters[i] = node->letters[i];
    }
    node->letter_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        worker_letter(node->worker, node->now, letters[i]);
    }
    if (node->kept != 0) {
        uint64_t sequence = node->kept;
        node->kept = 0;
        worker_kept(node->worker, node->now, sequence, 0);
    }
    worker_tick(node->worker, node->now);
    worker_flush(node->worker, node->now);
}

static void node_begin(struct node *node, struct node_config *config)
{
    struct engine_options options = {.partitions = PARTITIONS};
    *config = (struct node_config){.weight = 1,
                                   .partitions = PARTITIONS,
                                   .n = 1,
                                   .r = 1,
                                   .w = 1,
                                   .heartbeat_interval_us = 1000000,
                                   .heartbeat_fanout = 1,
                                   .phi_threshold = 8,
                                   .request_timeout_us = 1000000,
                                   .clock_ahead_ms_max = 500,
                                   .key_bytes_max = 1024,
                                   .value_bytes_max = 1024,
                                   .peer_port = 1,
                                   .client_port = 2};
    (void)snprintf(config->name, sizeof(config->name), "bench");
    (void)snprintf(config->zone, sizeof(config->zone), "bench");
    (void)snprintf(config->cluster_name, sizeof(config->cluster_name), "bench");
    (void)snprintf(config->advertise_host, sizeof(config->advertise_host), "127.0.0.1");
    node->now = (struct moment){.mono_us = 1000000, .wall_ms = UINT64_C(1700000000000)};
    if (memory_engine_new(&options, &node->engine) != 0) {
        fail("no engine");
    }
    struct worker_options made = {.count = 1,
                                  .config = config,
                                  .ports = {.self = node,
                                            .send = port_send,
                                            .reply = port_reply,
                                            .link = port_link,
                                            .unlink = port_unlink,
                                            .contact = port_contact,
                                            .post = port_post,
                                            .keep = port_keep},
                                  .engine = node->engine,
                                  .random_seed = 1,
                                  .now = node->now};
    if (worker_new(&made, &node->worker) != 0) {
        fail("no worker");
    }
    worker_start(node->worker, node->now);
    for (uint32_t i = 0; i < 1000 && !worker_alone(node->worker); i++) {
        node_turn(node);
    }
    if (!worker_alone(node->worker)) {
        fail("the node is not alone");
    }
}

/* ---- units ---- */

static void run_read(struct unit *unit, uint64_t now_ms)
{
    struct node *node = unit->user;
    (void)now_ms;
    node->found += unit->cells[0].found ? unit->cells[0].value.data[0] + UINT64_C(1) : 0;
}

static void run_write(struct unit *unit, uint64_t now_ms)
{
    struct node *node = unit->user;
    (void)now_ms;
    unit->cells[0].value = bytes_make(node->value, VALUE_BYTES);
    unit->cells[0].expiry_ms = 0;
    unit->cells[0].change = UNIT_PUT;
}

static void run_both(struct unit *unit, uint64_t now_ms)
{
    run_read(unit, now_ms);
    run_write(unit, now_ms);
}

static void unit_once(struct node *node, uint32_t i, unit_run run, bool blind)
{
    struct unit_cell cell = {.key = bytes_make(node->names[i], KEY_BYTES), .blind = blind};
    struct unit unit = {.cells = &cell, .count = 1, .run = run, .user = node};
    int code;
    if (!worker_unit_now(node->worker, node->now, &unit, &code) || code != 0) {
        fail("not done at once");
    }
}

/* ---- what is measured ---- */

static void do_get(struct node *node, uint32_t i)
{
    unit_once(node, i, run_read, false);
}

static void do_set(struct node *node, uint32_t i)
{
    unit_once(node, i, run_write, true);
}

static void do_update(struct node *node, uint32_t i)
{
    unit_once(node, i, run_both, false);
}

static struct engine_key key_of(const struct node *node, uint32_t i)
{
    struct bytes key = bytes_make(node->names[i], KEY_BYTES);
    const struct snapshot *snapshot = worker_snapshot(node->worker);
    return engine_key_of(&snapshot->position_secret, partition_of_key(key, PARTITIONS), key);
}

static void do_engine_get(struct node *node, uint32_t i)
{
    struct engine_key key = key_of(node, i);
    struct bytes record;
    node->found += node->engine->ops->get(node->engine, &key, 0, &record) == 0 ? record.data[0] : 0;
}

static double measure(struct node *node, void (*operation)(struct node *, uint32_t))
{
    double best = 1e9;
    for (uint32_t round = 0; round < ROUNDS; round++) {
        struct timespec begin;
        struct timespec end;
        (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &begin);
        for (uint32_t i = 0; i < OPERATIONS; i++) {
            operation(node, i);
        }
        (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
        double ns =
            (double)(end.tv_sec - begin.tv_sec) * 1e9 + (double)(end.tv_nsec - begin.tv_nsec);
        best = ns / OPERATIONS < best ? ns / OPERATIONS : best;
    }
    return best;
}

int main(int argc, char **argv)
{
    static struct node node;
    static struct node_config config;
    struct random random;
    node.keys = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : KEYS_DEFAULT;
    node_begin(&node, &config);
    random_init(&random, 1);
    for (uint32_t i = 0; i < OPERATIONS; i++) {
        (void)snprintf((char *)node.names[i], KEY_BYTES, "key:%011llu",
                       (unsigned long long)random_below(&random, node.keys));
    }
    double set = measure(&node, do_set);
    double update = measure(&node, do_update);
    double get = measure(&node, do_get);
    double engine_get = measure(&node, do_engine_get);
    (void)printf("%u keys of %u bytes, values of %u: ns of CPU time an operation\n", node.keys,
                 KEY_BYTES, VALUE_BYTES);
    (void)printf("engine get, hashes included   %7.1f\n", engine_get);
    (void)printf("unit that reads               %7.1f\n", get);
    (void)printf("unit that writes              %7.1f\n", set);
    (void)printf("unit that reads and writes    %7.1f\n", update);
    worker_free(node.worker);
    for (uint32_t i = 0; i < node.letter_count; i++) {
        letter_free(node.letters[i]);
    }
    return node.found == 0 ? 1 : 0;
}
