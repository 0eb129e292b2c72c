/* Which request something is done for, across nodes: W3C Trace Context. The trace's id is the
 * request's id in logs and errors; `span` is who caused what is about to be done. */
#ifndef BASE_TRACE_H
#define BASE_TRACE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/random.h"

#define TRACE_SAMPLED 1u /* of flags: spans are to be recorded */

struct trace {
    uint64_t id_high, id_low; /* both 0: none */
    uint64_t span;            /* the parent of what comes; 0: none */
    uint32_t flags;
};

static inline bool trace_there(const struct trace *trace)
{
    return (trace->id_high | trace->id_low) != 0;
}

static inline bool trace_sampled(const struct trace *trace)
{
    return (trace->flags & TRACE_SAMPLED) != 0;
}

/* A new one, not sampled. */
void trace_begin(struct trace *trace, struct random *random);

/* The id as 32 lower-case hex digits and a NUL. */
void trace_text(const struct trace *trace, char out[33]);

/* A `traceparent` field's value: 0; SHOAL_EINVAL: not one, to be passed over. */
int trace_parse(struct bytes traceparent, struct trace *out);

/* "00-...-...-01" and a NUL. */
#define TRACE_PARENT_BYTES 56u
void trace_format(const struct trace *trace, char out[TRACE_PARENT_BYTES]);

#endif
