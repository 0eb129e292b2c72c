/* The process as the kernel shows it; see process.h. */
#include "net/process.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define PROC_TEXT_BYTES 1024u

/* The file's text, cut to what fits; "" when there is none. */
static void read_text(const char *path, char out[PROC_TEXT_BYTES])
{
    ssize_t len = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        len = read(fd, out, PROC_TEXT_BYTES - 1);
        close(fd);
    }
    out[len > 0 ? len : 0] = '\0';
}

static void look_memory(struct process_state *out)
{
    char text[PROC_TEXT_BYTES];
    uint64_t pages;
    uint64_t resident;
    uint64_t page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);
    read_text("/proc/self/statm", text);
    if (sscanf(text, "%" SCNu64 " %" SCNu64, &pages, &resident) == 2) {
        out->virtual_bytes = pages * page_bytes;
        out->resident_bytes = resident * page_bytes;
    }
}

/* Fields are counted behind the program's name, which may have blanks: the third is the first
 * there, threads are the 20th, the start (in ticks since the machine's) is the 22nd. */
static void look_stat(struct process_state *out)
{
    char text[PROC_TEXT_BYTES];
    uint64_t started;
    read_text("/proc/self/stat", text);
    const char *rest = strrchr(text, ')');
    if (rest == NULL || sscanf(rest + 1,
                               " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d "
                               "%*d %" SCNu64 " %*d %" SCNu64,
                               &out->threads, &started) != 2) {
        return;
    }
    struct timespec wall;
    struct timespec since_boot;
    clock_gettime(CLOCK_REALTIME, &wall);
    clock_gettime(CLOCK_BOOTTIME, &since_boot);
    uint64_t now_ms = (uint64_t)wall.tv_sec * 1000 + (uint64_t)wall.tv_nsec / 1000000;
    uint64_t up_ms = (uint64_t)since_boot.tv_sec * 1000 + (uint64_t)since_boot.tv_nsec / 1000000;
    out->started_ms = now_ms - up_ms + started * 1000 / (uint64_t)sysconf(_SC_CLK_TCK);
}

static uint64_t us_of(const struct timeval *time)
{
    return (uint64_t)time->tv_sec * 1000000 + (uint64_t)time->tv_usec;
}

static void look_files(struct process_state *out)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        out->open_files_max = limit.rlim_cur;
    }
    DIR *folder = opendir("/proc/self/fd");
    if (folder == NULL) {
        return;
    }
    const struct dirent *entry;
    while ((entry = readdir(folder)) != NULL) {
        out->open_files += entry->d_name[0] != '.' ? 1 : 0;
    }
    out->open_files -= out->open_files > 0 ? 1 : 0; /* the folder itself */
    closedir(folder);
}

void process_look(struct process_state *out)
{
    struct rusage usage;
    *out = (struct process_state){0};
    look_memory(out);
    look_stat(out);
    look_files(out);
    if (getrusage(RUSAGE_SELF, &usage) == 0) {
        out->cpu_us = us_of(&usage.ru_utime) + us_of(&usage.ru_stime);
    }
}

uint64_t process_resident_bytes(void)
{
    struct process_state state = {0};
    look_memory(&state);
    return state.resident_bytes;
}
