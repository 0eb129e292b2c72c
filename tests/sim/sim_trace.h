/* The trace: a hash over everything that happens in a run, which must be the same whenever the same
 * build runs the same seed, and on demand the same events as text for people. */
#ifndef SIM_TRACE_H
#define SIM_TRACE_H

#include "base/bytes.h"

#include <stdint.h>
#include <stdio.h>

struct sim_trace {
    uint64_t hash;
    uint64_t events;
    FILE *out; /* NULL: the hash alone */
};

/* Takes note of an event: what happened, where, and what it carried. */
void sim_trace_event(struct sim_trace *trace, uint64_t now_us, uint32_t kind, uint32_t node,
                     uint32_t worker, struct bytes payload);

static inline bool sim_trace_wanted(const struct sim_trace *trace)
{
    return trace->out != NULL;
}

/* A line, prefixed with the time; only when wanted. */
void sim_trace_say(struct sim_trace *trace, uint64_t now_us, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* "put", "STORE", ...: a frame's kind for people. */
const char *sim_trace_frame(uint32_t kind);

#endif
