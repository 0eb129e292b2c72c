/* What a get, a put and a walk of the memory engine cost in process, what a key costs in memory
 * beyond itself and its value, and how long the longest put holds the worker up. Keys have 16 bytes
 * and values 100, in the 22 bytes of a simple object. Keys come hashed, as the port takes them;
 * what the hashing costs is printed by itself. For scale it measures a dependent random load from
 * memory. Every figure is the median and the best of some rounds: on a shared machine the best is
 * the steadier.
 *
 *      bench_memory_engine [KEYS...]       default 100000, and 10000000 if there is memory for it
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/random.h"
#include "measure.h"
#include "storage/memory_engine.h"

#define PARTITIONS 256u
#define PARTITION_BITS 8u
#define KEY_BYTES 16u
#define VALUE_BYTES 100u
#define OBJECT_BYTES (VALUE_BYTES + 22u)
#define OBJECT_BYTES_MAX (OBJECT_BYTES + 32u)
#define ROUNDS 7u
#define OPERATIONS 1000000u /* a round, each with a prepared key */
#define PUTS_A_PAUSE 16u

struct prepared_key {
    struct engine_key key;
    uint64_t content[2]; /* a mix of the number, the number */
};

struct fixture {
    struct engine *engine;
    struct hash_secret secret;
    struct random random;
    uint64_t keys;
    uint64_t empty_bytes;          /* what the engine holds when it is empty */
    struct prepared_key *prepared; /* OPERATIONS */
    uint8_t object[OBJECT_BYTES_MAX];
    uint64_t wrong; /* answers */
};

static void fail(const char *what)
{
    fprintf(stderr, "bench_memory_engine: %s\n", what);
    exit(1);
}

static void key_prepare(const struct fixture *fixture, struct prepared_key *out, uint64_t number)
{
    out->content[0] = hash_mix(number + 1);
    out->content[1] = number;
    struct bytes key = bytes_make(out->content, KEY_BYTES);
    uint32_t partition = (uint32_t)(hash_xxh3(key) >> (64 - PARTITION_BITS));
    out->key = engine_key_of(&fixture->secret, partition, key);
}

static void prepare_random(struct fixture *fixture, uint64_t first)
{
    for (uint32_t i = 0; i < OPERATIONS; i++) {
        key_prepare(fixture, &fixture->prepared[i],
                    first + random_below(&fixture->random, fixture->keys));
    }
}

/* The object is marked with the number of the key. */
static void put(struct fixture *fixture, const struct prepared_key *prepared, size_t object_len)
{
    uint64_t sequence;
    memcpy(fixture->object, &prepared->content[1], sizeof(uint64_t));
    struct bytes object = bytes_make(fixture->object, object_len);
    if (fixture->engine->ops->put(fixture->engine, &prepared->key, object, &sequence) != 0) {
        fail("put failed");
    }
}

static uint64_t get(const struct fixture *fixture, const struct prepared_key *prepared)
{
    struct bytes record;
    uint64_t mark = UINT64_MAX;
    if (fixture->engine->ops->get(fixture->engine, &prepared->key, 0, &record) == 0) {
        memcpy(&mark, record.data, sizeof(mark));
    }
    return mark;
}

static void engine_make(struct fixture *fixture)
{
    const struct engine_options options = {.partitions = PARTITIONS};
    if (memory_engine_new(&options, &fixture->engine) != 0) {
        fail("no memory for the engine");
    }
    struct engine_stats stats;
    fixture->engine->ops->stats(fixture->engine, UINT32_MAX, &stats);
    fixture->empty_bytes = stats.memory_bytes;
}

static double overhead(const struct fixture *fixture, uint64_t keys)
{
    struct engine_stats stats;
    fixture->engine->ops->stats(fixture->engine, UINT32_MAX, &stats);
    return (double)(stats.memory_bytes - keys * (KEY_BYTES + VALUE_BYTES)) / (double)keys;
}

/* Fills the engine; as it grows, the worst memory a key from half of the keys on, and the longest
 * run of a few puts, in CPU time so that other processes do not count. */
static void bench_insert(struct fixture *fixture)
{
    struct prepared_key prepared[PUTS_A_PAUSE];
    double worst = 0;
    uint64_t pause_ns = 0;
    uint64_t long_pauses = 0;
    uint64_t total_ns = 0;
    for (uint64_t i = 0; i + PUTS_A_PAUSE <= fixture->keys; i += PUTS_A_PAUSE) {
        for (uint64_t j = 0; j < PUTS_A_PAUSE; j++) {
            key_prepare(fixture, &prepared[j], i + j);
        }
        uint64_t begin = cpu_ns();
        for (uint64_t j = 0; j < PUTS_A_PAUSE; j++) {
            put(fixture, &prepared[j], OBJECT_BYTES);
        }
        uint64_t took = cpu_ns() - begin;
        total_ns += took;
        pause_ns = took > pause_ns ? took : pause_ns;
        long_pauses += took > 1000000;
        double now = overhead(fixture, i + PUTS_A_PAUSE);
        worst = i > fixture->keys / 2 && now > worst ? now : worst;
    }
    value_print("put, new key", (double)total_ns / (double)fixture->keys, "CPU ns/op");
    printf("  %-40s %38.1f us (%llu over 1 ms)\n", "the longest run of 16 of these",
           (double)pause_ns / 1000, (unsigned long long)long_pauses);
    printf("  %-40s %38.1f bytes/key, worst from half the keys on %.1f\n",
           "overhead, 22 of it the object's", overhead(fixture, fixture->keys), worst);
}

static void round_get(struct fixture *fixture)
{
    for (uint32_t i = 0; i < OPERATIONS; i++) {
        const struct prepared_key *prepared = &fixture->prepared[i];
        fixture->wrong += get(fixture, prepared) != prepared->content[1];
    }
}

/* Which key comes next is known only when the last record has been read. */
static void round_get_waiting(struct fixture *fixture)
{
    uint64_t waiting = 0;
    for (uint32_t i = 0; i < OPERATIONS; i++) {
        const struct prepared_key *prepared = &fixture->prepared[i + waiting];
        waiting = get(fixture, prepared) == UINT64_MAX;
    }
    fixture->wrong += waiting;
}

static void round_get_absent(struct fixture *fixture)
{
    for (uint32_t i = 0; i < OPERATIONS; i++) {
        fixture->wrong += get(fixture, &fixture->prepared[i]) != UINT64_MAX;
    }
}

static void round_put(struct fixture *fixture)
{
    for (uint32_t i = 0; i < OPERATIONS; i++) {
        put(fixture, &fixture->prepared[i], OBJECT_BYTES);
    }
}

static void round_put_resized(struct fixture *fixture)
{
    for (uint32_t i = 0; i < OPERATIONS; i++) {
        uint64_t mix = fixture->prepared[i].content[0] + i;
        put(fixture, &fixture->prepared[i], OBJECT_BYTES_MAX - mix % 64);
    }
}

static double bench_rounds(struct fixture *fixture, const char *what, uint64_t first,
                           void (*run)(struct fixture *fixture))
{
    struct figure figure = {0};
    for (uint32_t i = 0; i < ROUNDS; i++) {
        prepare_random(fixture, first);
        struct moment begin = moment_now();
        run(fixture);
        figure_add(&figure, begin, OPERATIONS);
    }
    return figure_print(&figure, what);
}

static bool count_entry(void *self, const struct engine_entry *entry)
{
    uint64_t *sum = self;
    *sum += entry->record.data[0];
    return true;
}

static void bench_walk_and_drop(struct fixture *fixture)
{
    uint64_t sum = 0;
    struct figure walk = {0};
    struct moment begin = moment_now();
    for (uint32_t i = 0; i < PARTITIONS; i++) {
        uint64_t next;
        (void)fixture->engine->ops->walk(fixture->engine, i, 0, 0, count_entry, &sum, &next);
    }
    figure_add(&walk, begin, fixture->keys);
    figure_print(&walk, "walk, an entry");

    struct figure drop = {0};
    struct engine_stats stats;
    uint64_t sequence;
    uint64_t pause_ns = 0;
    begin = moment_now();
    for (uint32_t i = 0; i < PARTITIONS; i++) {
        fixture->wrong += fixture->engine->ops->drop(fixture->engine, i, &sequence) != 0;
    }
    do {
        uint64_t flush_begin = cpu_ns();
        fixture->engine->ops->flush(fixture->engine);
        uint64_t took = cpu_ns() - flush_begin;
        pause_ns = took > pause_ns ? took : pause_ns;
        fixture->engine->ops->stats(fixture->engine, UINT32_MAX, &stats);
    } while (stats.memory_bytes > fixture->empty_bytes);
    figure_add(&drop, begin, fixture->keys);
    figure_print(&drop, "drop and the flushes that free, an entry");
    value_print("the longest of these flushes", (double)pause_ns / 1000, "us");
    fixture->wrong += sum == 0;
}

static void bench_hashing(struct fixture *fixture)
{
    struct figure figure = {0};
    for (uint32_t i = 0; i < ROUNDS; i++) {
        struct moment begin = moment_now();
        prepare_random(fixture, 0);
        figure_add(&figure, begin, OPERATIONS);
    }
    figure_print(&figure, "making a key and its two hashes");
}

static void bench(struct fixture *fixture)
{
    printf("%llu keys of %u bytes, values of %u bytes\n", (unsigned long long)fixture->keys,
           KEY_BYTES, VALUE_BYTES);
    engine_make(fixture);
    bench_insert(fixture);
    bench_hashing(fixture);
    bench_rounds(fixture, "get", 0, round_get);
    double load_ns =
        random_load_print(); /* next to what it is compared with: the machine may be shared */
    double waiting_ns =
        bench_rounds(fixture, "get, each waiting for the last", 0, round_get_waiting);
    value_print("which is", waiting_ns / load_ns, "random loads");
    bench_rounds(fixture, "get, no such key", fixture->keys, round_get_absent);
    bench_rounds(fixture, "put, overwrite", 0, round_put);
    bench_rounds(fixture, "put, overwrite by another size", 0, round_put_resized);
    bench_walk_and_drop(fixture);
    fixture->engine->ops->free(fixture->engine);
    if (fixture->wrong != 0) {
        fail("an answer was wrong");
    }
}

int main(int argc, char **argv)
{
    static struct fixture fixture;
    uint8_t seed[32] = {7};
    hash_secret_init(&fixture.secret, seed);
    random_init(&fixture.random, 1);
    fixture.prepared = malloc(OPERATIONS * sizeof(fixture.prepared[0]));
    if (fixture.prepared == NULL) {
        fail("no memory for the keys");
    }
    for (int i = 1; i < argc; i++) {
        fixture.keys = strtoull(argv[i], NULL, 10);
        if (fixture.keys < 2 * PUTS_A_PAUSE) { /* and what is not a number */
            fail("usage: bench_memory_engine [KEYS...], each at least 32");
        }
        bench(&fixture);
    }
    if (argc == 1) {
        const uint64_t available =
            (uint64_t)sysconf(_SC_AVPHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
        fixture.keys = 100000;
        bench(&fixture);
        if (available > UINT64_C(3) << 30) {
            fixture.keys = 10000000;
            bench(&fixture);
        }
    }
    free(fixture.prepared);
    return 0;
}
