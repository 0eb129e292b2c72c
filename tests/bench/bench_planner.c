/* How long planning takes and how little moves: a layout of 4096 partitions over 200 nodes from
 * nothing, then a node joins, a node leaves, a node doubles its weight; with and without zones. The
 * least is what the members' shares alone demand: each must gain what it has less than its floor.
 *
 *      bench_planner [PARTITIONS [MEMBERS]]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ring/planner.h"
#include "ring/shares.h"

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

/* What any plan has to move: members below their floor must gain, and those with a fraction must
 * take up what is left over. */
static uint32_t least_moves(const struct planner_input *input, uint32_t zones)
{
    struct share *shares = need(calloc(input->member_count, sizeof(*shares)));
    uint32_t *had = need(calloc(input->member_count, sizeof(*had)));
    bool bent;
    uint32_t least = 0;
    uint32_t kept = 0;
    if (shares_compute(input, COPIES, zones, shares, &bent) != 0) {
        exit(1);
    }
    for (uint32_t i = 0; input->before != NULL && i < input->partitions * COPIES; i++) {
        if (input->before[i] != PLANNER_NONE) {
            had[input->before[i]]++;
        }
    }
    for (uint32_t i = 0; i < input->member_count; i++) {
        uint32_t most = shares[i].floor + (shares[i].numerator > 0);
        least += shares[i].floor > had[i] ? shares[i].floor - had[i] : 0;
        kept += had[i] < most ? had[i] : most;
    }
    uint32_t missing = input->partitions * COPIES - kept;
    free(had);
    free(shares);
    return missing > least ? missing : least;
}

static void plan(const char *what, struct planner_input *input, uint32_t zones, uint16_t *owners)
{
    struct planner_report report;
    double begin = now_ms();
    if (planner_plan(input, owners, &report) != 0) {
        fprintf(stderr, "bench_planner: %s: refused\n", what);
        exit(1);
    }
    double took = now_ms() - begin;
    printf("  %-28s %8.2f ms CPU   moved %5u (at least %5u)   off its share by at most %.2f  %s\n",
           what, took, report.moved, least_moves(input, zones), report.share_excess_max,
           report.reason);
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
    plan("from nothing", &input, zones, before);

    input.before = before;
    input.before_replicas = COPIES;
    plan("again", &input, zones, after);

    input.member_count = count + 1;
    plan("a node joins", &input, zones, after);

    input.member_count = count - 1; /* members[0] leaves */
    input.members = members + 1;
    for (size_t i = 0; i < slots; i++) {
        shifted[i] = before[i] == 0 ? PLANNER_NONE : (uint16_t)(before[i] - 1);
    }
    input.before = shifted;
    plan("a node leaves", &input, zones, after);

    input.member_count = count;
    input.members = members;
    input.before = before;
    members[count / 2].weight *= 2;
    plan("a node's weight doubles", &input, zones, after);

    members_make(members, count + 1, zones, !weighted);
    plan("all weights change", &input, zones, after);

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
