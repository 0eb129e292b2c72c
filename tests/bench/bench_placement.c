/* What a request pays to learn whom to ask and whether enough have answered: the key's partition,
 * the placement in the view, and the judgement of two votes; with one live layout, the usual case,
 * and with two. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/random.h"
#include "ring/partition.h"
#include "ring/view.h"
#include "support/ring_history.h"

#define KEYS 1024u
#define ROUNDS 20000u

static double now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static void measure(const char *what, const struct view *view)
{
    static uint64_t keys[KEYS][2];
    struct random random;
    uint64_t met = 0;
    random_init(&random, 1);
    for (uint32_t i = 0; i < KEYS; i++) {
        keys[i][0] = random_u64(&random);
        keys[i][1] = random_u64(&random);
    }
    double begin = now_ns();
    for (uint32_t round = 0; round < ROUNDS; round++) {
        for (uint32_t i = 0; i < KEYS; i++) {
            struct placement placement;
            uint32_t partition = partition_of_key(bytes_make(keys[i], sizeof(keys[i])),
                                                  view_facts(view)->partitions);
            if (view_place(view, partition, &placement) != 0) {
                exit(1);
            }
            met += placement_write_met(&placement, 3, 2);
        }
    }
    printf("  %-20s %6.1f CPU ns/request   (%llu met)\n", what,
           (now_ns() - begin) / ((double)KEYS * ROUNDS), (unsigned long long)met);
}

int main(void)
{
    struct cluster_facts facts = ring_facts(4096, 3, 2, 2);
    struct role joiner = ring_role(21, ROLE_IN);
    struct view *view = ring_view_of(&facts, 20);
    measure("one live layout", view);
    view = ring_view_commit(view, &joiner);
    measure("two live layouts", view);
    view_unref(view);
    return 0;
}
