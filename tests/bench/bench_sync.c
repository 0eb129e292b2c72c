/* What a sync costs in messages, bytes and CPU time, for two holdings in process that share most of
 * their keys: nearly in proportion to what differs, and one pair of messages where nothing does. Of
 * the keys that differ a third are missing here, a third are older here and a third are missing
 * there (those cost their listing only). Keys have 16 bytes and values 100. The last line of each
 * size is a refill: nothing is here, everything is there.
 *
 *      bench_sync [KEYS...]       default 10000 100000 1000000
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "support/sync_rig.h"

#define P 0u
#define VALUE_BYTES 100u

static struct sync_rig rig;
static char value[VALUE_BYTES + 1];

static uint64_t cpu_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void fail(const char *what)
{
    fprintf(stderr, "bench_sync: %s\n", what);
    exit(1);
}

static const char *key_of(uint64_t number)
{
    static char key[32];
    (void)snprintf(key, sizeof(key), "%016llx", (unsigned long long)hash_mix(number + 1));
    return key;
}

static void plant(uint64_t keys)
{
    for (uint64_t i = 0; i < keys; i++) {
        (void)rig_write(&rig, 2, P, key_of(i), value);
        rig_send(&rig, 2, 1, P, key_of(i));
        arena_reset(&rig.arena);
    }
    rig_upkeep(&rig);
}

/* Makes so many keys differ that nothing was made of yet. */
static void differ(uint64_t keys, uint64_t from, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        uint64_t fresh = keys + from + i;
        switch (i % 3) {
        case 0:
            (void)rig_write(&rig, 2, P, key_of(fresh), value);
            break;
        case 1:
            (void)rig_write(&rig, 2, P, key_of((from + i) % keys), value);
            break;
        default:
            (void)rig_write(&rig, 1, P, key_of(fresh), value);
            break;
        }
        arena_reset(&rig.arena);
    }
}

static void sync_once(uint64_t keys, uint64_t differing, const char *what)
{
    rig.messages = 0;
    rig.bytes = 0;
    uint64_t moved = rig.syncs.counts.objects;
    uint64_t begin_ns = cpu_ns();
    if (rig_sync(&rig, P, 2) != 0) {
        fail("a sync failed");
    }
    double cpu_ms = (double)(cpu_ns() - begin_ns) / 1e6;
    moved = rig.syncs.counts.objects - moved;
    printf("%10llu %10llu %10llu %10llu %12llu %10.2f", (unsigned long long)keys,
           (unsigned long long)differing, (unsigned long long)moved,
           (unsigned long long)rig.messages, (unsigned long long)rig.bytes, cpu_ms);
    if (differing > 0) {
        printf(" %10.0f %8.2f", (double)rig.bytes / (double)differing,
               cpu_ms * 1000 / (double)differing);
    }
    printf("  %s\n", what);
}

/* Node 1's holding has lost everything. */
static void refill(uint64_t keys)
{
    rig_self(&rig, 3); /* it has nothing of the partition */
    sync_once(keys, rig_keys(&rig, 2, P), "refill");
}

static void bench(uint64_t keys)
{
    static const uint64_t differences[] = {0, 1, 10, 100, 1000, 10000, 100000};
    uint64_t made = 0;
    sync_rig_init(&rig, false);
    plant(keys);
    for (size_t i = 0; i < sizeof(differences) / sizeof(differences[0]); i++) {
        uint64_t count = differences[i];
        if (count > keys) {
            break;
        }
        rig_self(&rig, 1);
        differ(keys, made, count);
        made += count;
        rig_upkeep(&rig);
        sync_once(keys, count, "");
        rig_self(&rig, 2); /* so that the next one begins with equal holdings */
        if (rig_sync(&rig, P, 1) != 0 || !rig_same(&rig, 1, 2, P)) {
            fail("the holdings differ after syncs both ways");
        }
    }
    refill(keys);
    sync_rig_deinit(&rig);
}

int main(int argc, char **argv)
{
    static const uint64_t sizes[] = {10000, 100000, 1000000};
    memset(value, 'v', VALUE_BYTES);
    printf("%10s %10s %10s %10s %12s %10s %10s %8s\n", "keys", "differ", "moved", "messages",
           "bytes", "CPU ms", "bytes/diff", "us/diff");
    for (int i = 1; i < argc; i++) {
        uint64_t keys = strtoull(argv[i], NULL, 10);
        if (keys == 0) {
            fprintf(stderr, "Usage: bench_sync [KEYS...]\n");
            return 1;
        }
        bench(keys);
    }
    for (size_t i = 0; argc == 1 && i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        bench(sizes[i]);
    }
    return 0;
}
