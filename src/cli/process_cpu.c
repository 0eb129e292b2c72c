/* Reading /proc/PID/stat: fields 14 and 15, counted behind the command's name, which stands in
 * brackets and may itself hold blanks and brackets. */
#include "cli/process_cpu.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "shoal/error.h"

#define PID_MAX UINT64_C(4194304)
#define FIELDS_BEFORE_TIMES 11u /* behind the name: state is the first */
#define STAT_BYTES 1024u

int process_cpu_parse(struct process_cpu *processes, const char *list)
{
    struct process_cpu parsed = {0};
    const char *at = list;
    while (at != NULL) {
        char text[16];
        size_t len = strcspn(at, ",");
        uint64_t pid;
        if (len >= sizeof(text) || parsed.count == PROCESS_CPU_MAX) {
            return SHOAL_EINVAL;
        }
        memcpy(text, at, len);
        text[len] = '\0';
        if (text_parse_u64(text, 1, PID_MAX, &pid) != 0) {
            return SHOAL_EINVAL;
        }
        parsed.pids[parsed.count++] = (int64_t)pid;
        at = at[len] == ',' ? at + len + 1 : NULL;
    }
    *processes = parsed;
    return 0;
}

int process_cpu_of_stat(const char *line, uint64_t ticks_a_second, uint64_t *us)
{
    const char *at = strrchr(line, ')');
    for (uint32_t i = 0; i <= FIELDS_BEFORE_TIMES && at != NULL; i++) {
        at = strchr(at + 1, ' ');
    }
    if (at == NULL || ticks_a_second == 0) {
        return SHOAL_EPROTO;
    }
    char *end;
    unsigned long long user = strtoull(at, &end, 10);
    if (end == at || *end != ' ') {
        return SHOAL_EPROTO;
    }
    const char *second = end;
    unsigned long long system = strtoull(second, &end, 10);
    if (end == second) {
        return SHOAL_EPROTO;
    }
    *us = (user + system) * UINT64_C(1000000) / ticks_a_second;
    return 0;
}

static int read_one(int64_t pid, uint64_t *us)
{
    char path[64];
    char line[STAT_BYTES];
    (void)snprintf(path, sizeof(path), "/proc/%lld/stat", (long long)pid);
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return SHOAL_ENOTFOUND;
    }
    bool there = fgets(line, sizeof(line), file) != NULL;
    (void)fclose(file);
    long ticks = sysconf(_SC_CLK_TCK);
    if (!there || ticks <= 0 || process_cpu_of_stat(line, (uint64_t)ticks, us) != 0) {
        return SHOAL_ENOTFOUND;
    }
    return 0;
}

int process_cpu_read(const struct process_cpu *processes, uint64_t *us)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < processes->count; i++) {
        uint64_t one;
        int error = read_one(processes->pids[i], &one);
        if (error != 0) {
            return error;
        }
        sum += one;
    }
    *us = sum;
    return 0;
}
