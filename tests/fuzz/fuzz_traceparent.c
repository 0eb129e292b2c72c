/* A traceparent as any client may send it: what is read is written, and read as the same again. */
#include "base/assert.h"
#include "base/trace.h"
#include "fuzz.h"
#include "shoal/error.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct trace trace;
    struct trace again;
    char text[TRACE_PARENT_BYTES];
    int error = trace_parse(bytes_make(data, size), &trace);
    ASSERT(error == 0 || error == SHOAL_EINVAL);
    if (error != 0) {
        return 0;
    }
    ASSERT(trace_there(&trace) && trace.span != 0 && (trace.flags & ~TRACE_SAMPLED) == 0);
    trace_format(&trace, text);
    ASSERT(trace_parse(bytes_from_string(text), &again) == 0);
    ASSERT(again.id_high == trace.id_high && again.id_low == trace.id_low &&
           again.span == trace.span && again.flags == trace.flags);
    return 0;
}

void fuzz_sample(struct random *random, struct arena *arena, struct buffer *out)
{
    struct trace trace;
    char text[TRACE_PARENT_BYTES];
    (void)arena;
    trace_begin(&trace, random);
    trace.span = random_id(random);
    trace.flags = random_chance(random, 0.5) ? TRACE_SAMPLED : 0;
    trace_format(&trace, text);
    ASSERT(buffer_append(out, text, TRACE_PARENT_BYTES - 1) == 0);
}
