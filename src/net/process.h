/* What the system says of this process. Each is one look into /proc, so on demand rather than in a
 * loop; any thread. What can't be learned is 0. */
#ifndef NET_PROCESS_H
#define NET_PROCESS_H

#include <stdint.h>

struct process_state {
    uint64_t resident_bytes;
    uint64_t virtual_bytes;
    uint64_t cpu_us; /* of all threads, in user and system mode */
    uint64_t threads;
    uint64_t open_files;
    uint64_t open_files_max;
    uint64_t started_ms; /* wall */
};

void process_look(struct process_state *out);

/* The first of these alone. */
uint64_t process_resident_bytes(void);

#endif
