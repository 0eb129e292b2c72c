/* What a get, a put and a walk of the memory engine cost in process, what a key costs in memory
 * beyond itself and its value, and how long the longest put holds the worker up. Keys have 16 bytes
 * and values 100, in the 22 bytes of a simple object; every operation includes making the key and
 * both of its hashes. For scale it measures a dependent random load from memory first, with and
 * without huge pages.
 *
 *      bench_memory_engine [KEYS...]       default 100000, and 10000000 if there is memory for it
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/random.h"
#include "storage/memory_engine.h"

#define PARTITIONS 256u
#define PARTITION_BITS 8u
#define KEY_BYTES 16u
#define VALUE_BYTES 100u
#define OBJECT_BYTES (VALUE_BYTES + 22u)
#define CHASE_NODES (UINT64_C(1) << 23) /* of 64 bytes: 512 MiB */
#define CHASE_STEPS 4000000u
#define READS_MIN 4000000u
#define PUTS_A_PAUSE 16u

struct fixture {
    struct engine *engine;
    struct hash_secret secret;
    uint64_t keys;
    uint8_t object[OBJECT_BYTES + 64];
};

struct moment {
    uint64_t wall_ns;
    uint64_t cpu_ns;
};

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static struct moment moment_now(void)
{
    return (struct moment){.wall_ns = clock_ns(CLOCK_MONOTONIC),
                           .cpu_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID)};
}

static double print_since(const char *what, struct moment begin, uint64_t operations)
{
    struct moment end = moment_now();
    double wall = (double)(end.wall_ns - begin.wall_ns) / (double)operations;
    double cpu = (double)(end.cpu_ns - begin.cpu_ns) / (double)operations;
    printf("  %-44s %8.1f ns/op %8.1f CPU ns/op\n", what, wall, cpu);
    return wall;
}

static void fail(const char *what)
{
    fprintf(stderr, "bench_memory_engine: %s\n", what);
    exit(1);
}

/* The time of one load that the next one waits for, over far more memory than the caches hold. */
static double chase_ns(bool huge_pages)
{
    const size_t bytes = CHASE_NODES * 64;
    uint64_t *nodes = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (nodes == MAP_FAILED) {
        fail("no memory for the pointer chase");
    }
    (void)madvise(nodes, bytes, huge_pages ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
    for (uint64_t i = 0; i < CHASE_NODES; i++) {
        /* One cycle through all nodes: a full-period linear congruence. */
        nodes[i * 8] = (i * UINT64_C(2862933555777941757) + 3037000493u) % CHASE_NODES;
    }
    uint64_t begin = clock_ns(CLOCK_MONOTONIC);
    uint64_t at = 0;
    for (uint32_t i = 0; i < CHASE_STEPS; i++) {
        at = nodes[at * 8];
    }
    uint64_t end = clock_ns(CLOCK_MONOTONIC);
    munmap(nodes, bytes);
    return at == UINT64_MAX ? 0 : (double)(end - begin) / CHASE_STEPS;
}

static void key_make(const struct fixture *fixture, uint64_t number, uint64_t storage[2],
                     struct engine_key *key)
{
    storage[0] = hash_mix(number + 1);
    storage[1] = number;
    key->key = bytes_make(storage, KEY_BYTES);
    key->partition = (uint32_t)(hash_xxh3(key->key) >> (64 - PARTITION_BITS));
    key->position = engine_position(&fixture->secret, key->key);
}

static void put(struct fixture *fixture, uint64_t number, size_t object_len)
{
    uint64_t storage[2];
    struct engine_key key;
    uint64_t sequence;
    key_make(fixture, number, storage, &key);
    memcpy(fixture->object, &number, sizeof(number));
    struct bytes object = bytes_make(fixture->object, object_len);
    if (fixture->engine->ops->put(fixture->engine, &key, object, &sequence) != 0) {
        fail("put failed");
    }
}

/* Returns the bytes that `put` marked the record with. */
static uint64_t get(struct fixture *fixture, uint64_t number)
{
    uint64_t storage[2];
    struct engine_key key;
    struct bytes record;
    key_make(fixture, number, storage, &key);
    if (fixture->engine->ops->get(fixture->engine, &key, 0, &record) != 0) {
        return UINT64_MAX;
    }
    uint64_t mark;
    memcpy(&mark, record.data, sizeof(mark));
    return mark;
}

static double overhead(const struct fixture *fixture, uint64_t keys)
{
    struct engine_stats stats;
    fixture->engine->ops->stats(fixture->engine, UINT32_MAX, &stats);
    return (double)(stats.memory_bytes - keys * (KEY_BYTES + VALUE_BYTES)) / (double)keys;
}

static void engine_make(struct fixture *fixture)
{
    const struct engine_options options = {.partitions = PARTITIONS};
    if (memory_engine_new(&options, &fixture->engine) != 0) {
        fail("no memory for the engine");
    }
}

static void bench_insert(struct fixture *fixture)
{
    struct moment begin = moment_now();
    for (uint64_t i = 0; i < fixture->keys; i++) {
        put(fixture, i, OBJECT_BYTES);
    }
    print_since("put, new key", begin, fixture->keys);
}

/* As above on an engine of its own: the worst memory a key at any size from a half of the keys on,
 * and the longest run of a few puts, in CPU time so that other processes do not count. */
static void bench_growth(struct fixture *fixture)
{
    double worst = 0;
    uint64_t worst_at = 0;
    uint64_t pause_ns = 0;
    engine_make(fixture);
    for (uint64_t i = 0; i + PUTS_A_PAUSE <= fixture->keys; i += PUTS_A_PAUSE) {
        uint64_t begin = clock_ns(CLOCK_THREAD_CPUTIME_ID);
        for (uint64_t j = i; j < i + PUTS_A_PAUSE; j++) {
            put(fixture, j, OBJECT_BYTES);
        }
        uint64_t took = clock_ns(CLOCK_THREAD_CPUTIME_ID) - begin;
        pause_ns = took > pause_ns ? took : pause_ns;
        double now = overhead(fixture, i + PUTS_A_PAUSE);
        if (i > fixture->keys / 2 && now > worst) {
            worst = now;
            worst_at = i;
        }
    }
    printf("  %-44s %8.1f bytes/key (at %llu keys)\n", "worst overhead from half the keys on",
           worst, (unsigned long long)worst_at);
    printf("  %-44s %8.1f us\n", "longest run of 16 puts while growing", (double)pause_ns / 1000);
    fixture->engine->ops->free(fixture->engine);
}

static double bench_get(struct fixture *fixture, uint64_t operations)
{
    struct random random;
    random_init(&random, 2);
    uint64_t wrong = 0;
    struct moment begin = moment_now();
    for (uint64_t i = 0; i < operations; i++) {
        uint64_t number = random_below(&random, fixture->keys);
        wrong += get(fixture, number) != number;
    }
    print_since("get, random, independent", begin, operations);

    uint64_t number = 0;
    begin = moment_now();
    for (uint64_t i = 0; i < operations; i++) {
        number = hash_mix(get(fixture, number) + i) % fixture->keys;
    }
    double dependent = print_since("get, random, each waiting for the last", begin, operations);

    begin = moment_now();
    for (uint64_t i = 0; i < operations; i++) {
        wrong += get(fixture, fixture->keys + random_below(&random, fixture->keys)) != UINT64_MAX;
    }
    print_since("get, no such key", begin, operations);
    if (wrong != 0 || number >= fixture->keys) {
        fail("a get answered wrongly");
    }
    return dependent;
}

static void bench_overwrite(struct fixture *fixture, uint64_t operations)
{
    struct random random;
    random_init(&random, 3);
    struct moment begin = moment_now();
    for (uint64_t i = 0; i < operations; i++) {
        put(fixture, random_below(&random, fixture->keys), OBJECT_BYTES);
    }
    print_since("put, overwrite, same size", begin, operations);

    begin = moment_now();
    for (uint64_t i = 0; i < operations; i++) {
        put(fixture, random_below(&random, fixture->keys),
            OBJECT_BYTES - 32 + random_below(&random, 64));
    }
    print_since("put, overwrite, another size", begin, operations);
    printf("  %-44s %8.1f bytes/key\n", "overhead after it", overhead(fixture, fixture->keys));
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
    struct moment begin = moment_now();
    for (uint32_t p = 0; p < PARTITIONS; p++) {
        fixture->engine->ops->walk(fixture->engine, p, 0, count_entry, &sum);
    }
    print_since("walk, an entry", begin, fixture->keys);

    uint64_t sequence;
    begin = moment_now();
    for (uint32_t p = 0; p < PARTITIONS; p++) {
        fixture->engine->ops->drop(fixture->engine, p, &sequence);
    }
    print_since("drop, an entry", begin, fixture->keys);
    if (sum == 0) {
        fail("the walk saw nothing");
    }
}

static void bench(struct fixture *fixture, double load_ns)
{
    uint64_t operations = fixture->keys > READS_MIN ? fixture->keys : READS_MIN;
    operations = operations > 2 * READS_MIN ? 2 * READS_MIN : operations;
    printf("%llu keys of %u bytes, values of %u bytes\n", (unsigned long long)fixture->keys,
           KEY_BYTES, VALUE_BYTES);
    bench_growth(fixture);
    engine_make(fixture);
    bench_insert(fixture);
    printf("  %-44s %8.1f bytes/key (22 of them the object's)\n", "overhead",
           overhead(fixture, fixture->keys));
    double get_ns = bench_get(fixture, operations);
    printf("  %-44s %8.2f random loads\n", "one waiting get", get_ns / load_ns);
    bench_overwrite(fixture, operations);
    bench_walk_and_drop(fixture);
    fixture->engine->ops->free(fixture->engine);
}

int main(int argc, char **argv)
{
    struct fixture fixture = {0};
    uint8_t seed[32] = {7};
    hash_secret_init(&fixture.secret, seed);
    double load_small_ns = chase_ns(false);
    double load_ns = chase_ns(true);
    printf("random load: %.1f ns (%.1f ns with 4 KiB pages)\n", load_ns, load_small_ns);
    for (int i = 1; i < argc; i++) {
        fixture.keys = strtoull(argv[i], NULL, 10);
        if (fixture.keys < 2 * PUTS_A_PAUSE) {
            fail("usage: bench_memory_engine [KEYS...], each at least 32");
        }
        bench(&fixture, load_ns);
    }
    if (argc == 1) {
        fixture.keys = 100000;
        bench(&fixture, load_ns);
        const long pages = sysconf(_SC_AVPHYS_PAGES);
        const long page_bytes = sysconf(_SC_PAGESIZE);
        if (pages > 0 && page_bytes > 0 &&
            (uint64_t)pages * (uint64_t)page_bytes > UINT64_C(3) << 30) {
            fixture.keys = 10000000;
            bench(&fixture, load_ns);
        }
    }
    return 0;
}
