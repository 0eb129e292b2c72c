/* The CPU time other processes have used, as /proc tells it: to count what the servers spend on a
 * benchmark. It is exact to a clock tick (10 ms), so only long runs say much. */
#ifndef CLI_PROCESS_CPU_H
#define CLI_PROCESS_CPU_H

#include <stdint.h>

#define PROCESS_CPU_MAX 64u

struct process_cpu {
    int64_t pids[PROCESS_CPU_MAX];
    uint32_t count;
};

/* From "PID,PID": 0 or SHOAL_EINVAL. NULL is none. */
int process_cpu_parse(struct process_cpu *processes, const char *list);

/* User and system time of one process so far, from a line of /proc/PID/stat: 0 or SHOAL_EPROTO. */
int process_cpu_of_stat(const char *line, uint64_t ticks_a_second, uint64_t *us);

/* The sum over all: 0, or SHOAL_ENOTFOUND when one of them is not there. */
int process_cpu_read(const struct process_cpu *processes, uint64_t *us);

#endif
