/* How long planning takes and how little moves: a layout of 4096 partitions over 200 nodes from
 * nothing, then a node joins, a node leaves, a node doubles its weight; with and without zones. "At
 * least" is planner_report.moves_least. To be met: 100 ms of CPU at 4096 x 200; a join moves at
 * most 1.05 times the least.
 *
 *      bench_planner [PARTITIONS [MEMBERS]]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ring/planner.h"

#define COPIES 3u

static double now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void *need(void *memory)
{
    if (memory == NULL) {
        fprintf(stderr, "bench_planner: out of memory\n");
        exit(1);
    }
    return memory;
}

static void plan(const char *what, struct planner_input *input, uint16_t *owners)
{
    struct planner_report report;
    double begin = now_ms();
    if (planner_plan(input, owners, &report) != 0) {
        fprintf(stderr, "bench_planner: %s: refused\n", what);
        exit(1);
    }
    double took = now_ms() - begin;
    printf("  %-28s %8.2f ms CPU   moved %5u (at least %5u)   off its share by at most %.2f  %s\n",
           what, took, report.moved, report.moves_least, report.share_excess_max, report.reason);
}

static void members_make(struct planner_member *members, uint32_t count, uint32_t zones,
                         bool weighted)
{
    for (uint32_t i = 0; i < count; i++) {
        members[i] = (struct planner_member){
            .node = i + 1, .weight = weighted ? 1 + i % 7 : 1, .zone = i % zones};
    }
}

static void series(uint32_t partitions, uint32_t count, uint32_t zones, bool weighted)
{
    if (count <= zones || count <= COPIES) {
        return; /* too few to take one away */
    }
    size_t slots = (size_t)partitions * COPIES;
    uint16_t *before = need(calloc(slots, sizeof(*before)));
    uint16_t *shifted = need(calloc(slots, sizeof(*before)));
    uint16_t *after = need(calloc(slots, sizeof(*after)));
    struct planner_member *members = need(calloc(count + 1, sizeof(*members)));
    struct planner_input input = {
        .partitions = partitions, .n = COPIES, .members = members, .member_count = count};

    printf("%u partitions, %u members, %u zones%s\n", partitions, count, zones,
           weighted ? ", weights 1 to 7" : "");
    members_make(members, count + 1, zones, weighted);
    plan("from nothing", &input, before);

    input.before = before;
    input.before_replicas = COPIES;
    plan("again", &input, after);

    input.member_count = count + 1;
    plan("a node joins", &input, after);

    input.member_count = count - 1; /* members[0] leaves */
    input.members = members + 1;
    for (size_t i = 0; i < slots; i++) {
        shifted[i] = before[i] == 0 ? PLANNER_NONE : (uint16_t)(before[i] - 1);
    }
    input.before = shifted;
    plan("a node leaves", &input, after);

    input.member_count = count;
    input.members = members;
    input.before = before;
    members[count / 2].weight *= 2;
    plan("a node's weight doubles", &input, after);

    members_make(members, count + 1, zones, !weighted);
    plan("all weights change", &input, after);

    free(members);
    free(after);
    free(shifted);
    free(before);
}

int main(int argc, char **argv)
{
    uint32_t partitions = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 4096;
    uint32_t members = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 200;
    series(partitions, members, 1, false);
    series(partitions, members, 3, false);
    series(partitions, members, 2, false);
    series(partitions, members, 4, true);
    series(partitions, members, 10, true);
    return 0;
}
