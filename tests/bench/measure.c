/* See measure.h. */
#include "measure.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#define CHASE_NODES (UINT64_C(1) << 24) /* of 64 bytes: 1 GiB */
#define CHASE_STEPS 300000u
#define CHASE_ROUNDS 7u

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t cpu_ns(void)
{
    return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

struct moment moment_now(void)
{
    return (struct moment){.wall_ns = clock_ns(CLOCK_MONOTONIC), .cpu_ns = cpu_ns()};
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

void figure_add(struct figure *figure, struct moment begin, uint64_t operations)
{
    struct moment end = moment_now();
    figure->wall[figure->rounds] = (double)(end.wall_ns - begin.wall_ns) / (double)operations;
    figure->cpu[figure->rounds] = (double)(end.cpu_ns - begin.cpu_ns) / (double)operations;
    figure->rounds++;
}

double figure_print(struct figure *figure, const char *what)
{
    qsort(figure->wall, figure->rounds, sizeof(double), compare_doubles);
    qsort(figure->cpu, figure->rounds, sizeof(double), compare_doubles);
    printf("  %-40s %7.1f ns/op   CPU %7.1f ns/op, best %7.1f\n", what,
           figure->wall[figure->rounds / 2], figure->cpu[figure->rounds / 2], figure->cpu[0]);
    return figure->cpu[0];
}

void value_print(const char *what, double value, const char *unit)
{
    printf("  %-40s %38.1f %s\n", what, value, unit);
}

double random_load_print(void)
{
    const size_t bytes = CHASE_NODES * 64;
    uint64_t *nodes = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (nodes == MAP_FAILED) {
        fprintf(stderr, "no memory for the pointer chase\n");
        exit(1);
    }
    (void)madvise(nodes, bytes, MADV_NOHUGEPAGE); /* the engines have none either */
    for (uint64_t i = 0; i < CHASE_NODES; i++) {
        /* One cycle through all nodes: a linear congruence of full period. */
        nodes[i * 8] = (i * UINT64_C(2862933555777941757) + 3037000493u) % CHASE_NODES;
    }
    struct figure figure = {0};
    uint64_t at = 0;
    for (uint32_t round = 0; round < CHASE_ROUNDS; round++) {
        struct moment begin = moment_now();
        for (uint32_t i = 0; i < CHASE_STEPS; i++) {
            at = nodes[at * 8];
        }
        figure_add(&figure, begin, CHASE_STEPS);
    }
    munmap(nodes, bytes);
    if (at >= CHASE_NODES) {
        fprintf(stderr, "the pointer chase went astray\n");
        exit(1);
    }
    return figure_print(&figure, "random load");
}
