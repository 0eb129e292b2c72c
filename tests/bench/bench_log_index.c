/* What a key costs in the log engine's index: memory, all of it counted and compared with what the
 * process came to hold, and time, beside a dependent random load from memory. Over 256 partitions.
 * Every figure is the median and the best of some rounds.
 *
 *      bench_log_index [KEYS...]       default 100000, 1000000 and 10000000
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/random.h"
#include "measure.h"
#include "storage/log_index.h"

#define PARTITIONS 256u
#define ROUNDS 7u
#define OPERATIONS 1000000u /* a round */
#define PUTS_A_PAUSE 16u
#define ACTORS 3u
#define AHEAD 8u

struct key {
    uint64_t position;
    uint32_t partition;
    uint16_t tag;
};

struct fixture {
    struct log_index_heap heap;
    struct log_index *indexes[PARTITIONS];
    struct random random;
    uint64_t keys;
    struct key *prepared; /* OPERATIONS */
    uint64_t wrong;       /* answers */
};

static void fail(const char *what)
{
    fprintf(stderr, "bench_log_index: %s\n", what);
    exit(1);
}

static struct key key_make(uint64_t number)
{
    uint64_t mix = hash_mix(number + 1);
    return (struct key){.position = hash_mix(mix ^ UINT64_C(0x5bd1e995)),
                        .partition = (uint32_t)(mix >> 56),
                        .tag = (uint16_t)mix};
}

static struct log_entry entry_make(const struct key *key)
{
    return (struct log_entry){
        .position = key->position,
        .tag = key->tag,
        .place = {.slot = key->tag, .unit = key->partition},
        .size_class = log_size_class(192),
        .simple = true,
        .dot = {.actor = hash_mix(key->tag % ACTORS + 1), .counter = 1 + (uint32_t)key->position}};
}

static int put(struct fixture *fixture, const struct key *key)
{
    struct log_entry before;
    const struct log_entry entry = entry_make(key);
    int code = log_index_put(fixture->indexes[key->partition], &entry, &before);
    if (code < 0) {
        fail("put failed");
    }
    return code;
}

static uint64_t resident_bytes(void)
{
    unsigned long long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file == NULL || fscanf(file, "%*u %llu", &pages) != 1) {
        fail("no /proc/self/statm");
    }
    fclose(file);
    return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static double bytes_a_key(const struct fixture *fixture, uint64_t keys)
{
    return (double)fixture->heap.budget.held_bytes / (double)keys;
}

static void indexes_make(struct fixture *fixture)
{
    log_index_heap_init(&fixture->heap, 0);
    for (uint32_t i = 0; i < PARTITIONS; i++) {
        if (log_index_new(&fixture->heap, &fixture->indexes[i]) != 0) {
            fail("no memory for the indexes");
        }
    }
}

/* Returns the longest step in ns. */
static uint64_t indexes_free(struct fixture *fixture)
{
    uint64_t longest_ns = 0;
    for (uint32_t i = 0; i < PARTITIONS; i++) {
        bool more = true;
        while (more) {
            uint64_t begin = cpu_ns();
            more = log_index_free_some(fixture->indexes[i]);
            uint64_t took = cpu_ns() - begin;
            longest_ns = took > longest_ns ? took : longest_ns;
        }
    }
    log_index_heap_deinit(&fixture->heap);
    return longest_ns;
}

/* Fills the indexes; as they grow, the worst memory a key from half of the keys on, and the longest
 * run of a few puts, in CPU time so that other processes do not count. */
static void bench_insert(struct fixture *fixture)
{
    (void)malloc_trim(0);
    uint64_t resident = resident_bytes();
    uint64_t total_ns = 0;
    uint64_t pause_ns = 0;
    uint64_t long_pauses = 0;
    double worst = 0;
    for (uint64_t i = 0; i + PUTS_A_PAUSE <= fixture->keys; i += PUTS_A_PAUSE) {
        struct key keys[PUTS_A_PAUSE];
        for (uint64_t j = 0; j < PUTS_A_PAUSE; j++) {
            keys[j] = key_make(i + j);
        }
        uint64_t begin = cpu_ns();
        for (uint64_t j = 0; j < PUTS_A_PAUSE; j++) {
            fixture->wrong += put(fixture, &keys[j]) != 0;
        }
        uint64_t took = cpu_ns() - begin;
        total_ns += took;
        pause_ns = took > pause_ns ? took : pause_ns;
        long_pauses += took > 1000000;
        double now = bytes_a_key(fixture, i + PUTS_A_PAUSE);
        worst = i > fixture->keys / 2 && now > worst ? now : worst;
    }
    resident = resident_bytes() - resident;
    value_print("put, new key", (double)total_ns / (double)fixture->keys, "CPU ns/op");
    value_print("the longest run of 16 of these", (double)pause_ns / 1000, "us");
    value_print("of these over 1 ms", (double)long_pauses, "");
    value_print("memory", bytes_a_key(fixture, fixture->keys), "bytes/key");
    value_print("at its worst, from half the keys on", worst, "bytes/key");
    value_print("what the process grew by", (double)resident / (double)fixture->keys, "bytes/key");
}

static void round_find(struct fixture *fixture)
{
    for (uint32_t i = 0; i < OPERATIONS; i++) {
        const struct key *key = &fixture->prepared[i];
        struct log_entry entry;
        fixture->wrong +=
            log_index_find(fixture->indexes[key->partition], key->position, key->tag, &entry) != 0;
    }
}

static void round_find_ahead(struct fixture *fixture)
{
    for (uint32_t i = 0; i < OPERATIONS; i++) {
        const struct key *key = &fixture->prepared[i];
        const struct key *ahead = &fixture->prepared[i + AHEAD < OPERATIONS ? i + AHEAD : i];
        struct log_entry entry;
        log_index_prefetch(fixture->indexes[ahead->partition], ahead->position);
        fixture->wrong +=
            log_index_find(fixture->indexes[key->partition], key->position, key->tag, &entry) != 0;
    }
}

/* Which key comes next is known only when the last entry has been found. */
static void round_find_waiting(struct fixture *fixture)
{
    uint64_t waiting = 0;
    for (uint32_t i = 0; i < OPERATIONS; i++) {
        const struct key *key = &fixture->prepared[i + waiting];
        struct log_entry entry = {0};
        (void)log_index_find(fixture->indexes[key->partition], key->position, key->tag, &entry);
        waiting = entry.place.slot != key->tag;
    }
    fixture->wrong += waiting;
}

static void round_find_absent(struct fixture *fixture)
{
    for (uint32_t i = 0; i < OPERATIONS; i++) {
        const struct key *key = &fixture->prepared[i];
        struct log_entry entry;
        fixture->wrong +=
            log_index_find(fixture->indexes[key->partition], key->position, key->tag, &entry) == 0;
    }
}

static void round_overwrite(struct fixture *fixture)
{
    for (uint32_t i = 0; i < OPERATIONS; i++) {
        fixture->wrong += put(fixture, &fixture->prepared[i]) != 1;
    }
}

static double bench_rounds(struct fixture *fixture, const char *what, uint64_t first,
                           void (*run)(struct fixture *fixture))
{
    struct figure figure = {0};
    for (uint32_t i = 0; i < ROUNDS; i++) {
        for (uint32_t j = 0; j < OPERATIONS; j++) {
            fixture->prepared[j] = key_make(first + random_below(&fixture->random, fixture->keys));
        }
        struct moment begin = moment_now();
        run(fixture);
        figure_add(&figure, begin, OPERATIONS);
    }
    return figure_print(&figure, what);
}

static void bench_range(struct fixture *fixture)
{
    struct log_entry entries[64];
    struct figure figure = {0};
    for (uint32_t round = 0; round < ROUNDS; round++) {
        uint64_t met = 0;
        struct moment begin = moment_now();
        for (uint32_t i = 0; i < PARTITIONS; i++) {
            uint64_t position = 0;
            uint32_t count = 64;
            while (count == 64) {
                count = log_index_range(fixture->indexes[i], position, 0, entries, 64);
                position = count > 0 ? entries[count - 1].position + 1 : 0;
                met += count;
            }
        }
        figure_add(&figure, begin, fixture->keys);
        fixture->wrong += met < fixture->keys - PUTS_A_PAUSE;
    }
    figure_print(&figure, "range by 64, an entry");
}

static int compare_keys(const void *a, const void *b)
{
    const struct key *x = a;
    const struct key *y = b;
    if (x->partition != y->partition) {
        return x->partition < y->partition ? -1 : 1;
    }
    return (x->position > y->position) - (x->position < y->position);
}

static void keys_load(struct fixture *fixture, const struct key *keys)
{
    uint64_t begin = 0;
    while (begin < fixture->keys) {
        uint64_t end = begin;
        while (end < fixture->keys && keys[end].partition == keys[begin].partition) {
            end++;
        }
        log_index_expect(fixture->indexes[keys[begin].partition], end - begin);
        for (; begin < end; begin++) {
            fixture->wrong += put(fixture, &keys[begin]) != 0;
        }
    }
}

/* As at a start: partition by partition, in order of position. */
static void bench_load(struct fixture *fixture)
{
    struct key *keys = malloc(fixture->keys * sizeof(*keys));
    if (keys == NULL) {
        fail("no memory for the keys");
    }
    for (uint64_t i = 0; i < fixture->keys; i++) {
        keys[i] = key_make(i);
    }
    qsort(keys, fixture->keys, sizeof(*keys), compare_keys);
    struct figure figure = {0};
    double memory = 0;
    for (uint32_t round = 0; round < 3; round++) {
        indexes_make(fixture);
        struct moment begin = moment_now();
        keys_load(fixture, keys);
        figure_add(&figure, begin, fixture->keys);
        memory = bytes_a_key(fixture, fixture->keys);
        (void)indexes_free(fixture);
    }
    figure_print(&figure, "put, new keys in order of position");
    value_print("memory then", memory, "bytes/key");
    free(keys);
}

static void bench(struct fixture *fixture)
{
    printf("%llu keys\n", (unsigned long long)fixture->keys);
    indexes_make(fixture);
    bench_insert(fixture);
    bench_rounds(fixture, "find", 0, round_find);
    bench_rounds(fixture, "find, fetched eight ahead", 0, round_find_ahead);
    double load_ns = random_load_print(); /* next to what it is compared with */
    double waiting_ns =
        bench_rounds(fixture, "find, each waiting for the last", 0, round_find_waiting);
    value_print("which is", waiting_ns / load_ns, "random loads");
    bench_rounds(fixture, "find, no such key", fixture->keys, round_find_absent);
    bench_rounds(fixture, "put, overwrite", 0, round_overwrite);
    bench_range(fixture);
    value_print("the longest step of freeing", (double)indexes_free(fixture) / 1000, "us");
    bench_load(fixture);
    if (fixture->wrong != 0) {
        fail("an answer was wrong");
    }
}

int main(int argc, char **argv)
{
    static struct fixture fixture;
    static const uint64_t keys_default[] = {100000, 1000000, 10000000};
    random_init(&fixture.random, 1);
    fixture.prepared = malloc((OPERATIONS + 1) * sizeof(fixture.prepared[0]));
    if (fixture.prepared == NULL) {
        fail("no memory for the keys");
    }
    memset(fixture.prepared, 0, (OPERATIONS + 1) * sizeof(fixture.prepared[0]));
    for (int i = 1; i < argc; i++) {
        fixture.keys = strtoull(argv[i], NULL, 10);
        if (fixture.keys == 0 || fixture.keys % PUTS_A_PAUSE != 0) {
            fail("usage: bench_log_index [KEYS...], multiples of 16");
        }
        bench(&fixture);
    }
    for (uint32_t i = 0; argc == 1 && i < 3; i++) {
        fixture.keys = keys_default[i];
        bench(&fixture);
    }
    free(fixture.prepared);
    return 0;
}
