/* Reading and writing trace ids. See trace.h. */
#include "base/trace.h"

#include <inttypes.h>
#include <stdio.h>

#include "shoal/error.h"

void trace_begin(struct trace *trace, struct random *random)
{
    *trace = (struct trace){.id_high = random_u64(random), .id_low = random_u64(random) | 1};
}

void trace_text(const struct trace *trace, char out[33])
{
    snprintf(out, 33, "%016" PRIx64 "%016" PRIx64, trace->id_high, trace->id_low);
}

/* Lower case only, as the specification has it. */
static bool take_hex(const uint8_t **at, uint32_t digits, uint64_t *out)
{
    uint64_t value = 0;
    for (uint32_t i = 0; i < digits; i++) {
        uint8_t c = *(*at)++;
        if (c >= '0' && c <= '9') {
            value = value << 4 | (uint64_t)(c - '0');
        } else if (c >= 'a' && c <= 'f') {
            value = value << 4 | (uint64_t)(c - 'a' + 10);
        } else {
            return false;
        }
    }
    *out = value;
    return true;
}

static bool take_dash(const uint8_t **at)
{
    return *(*at)++ == '-';
}

int trace_parse(struct bytes traceparent, struct trace *out)
{
    const uint8_t *at = traceparent.data;
    uint64_t version;
    uint64_t flags;
    struct trace trace = {0};
    if (traceparent.len < TRACE_PARENT_BYTES - 1 || !take_hex(&at, 2, &version) ||
        !take_dash(&at) || !take_hex(&at, 16, &trace.id_high) ||
        !take_hex(&at, 16, &trace.id_low) || !take_dash(&at) || !take_hex(&at, 16, &trace.span) ||
        !take_dash(&at) || !take_hex(&at, 2, &flags)) {
        return SHOAL_EINVAL;
    }
    bool longer = traceparent.len > TRACE_PARENT_BYTES - 1;
    if (version == 0xff || (longer && (version == 0 || *at != '-')) || !trace_there(&trace) ||
        trace.span == 0) {
        return SHOAL_EINVAL;
    }
    trace.flags = (uint32_t)flags & TRACE_SAMPLED;
    *out = trace;
    return 0;
}

void trace_format(const struct trace *trace, char out[TRACE_PARENT_BYTES])
{
    snprintf(out, TRACE_PARENT_BYTES, "00-%016" PRIx64 "%016" PRIx64 "-%016" PRIx64 "-%02x",
             trace->id_high, trace->id_low, trace->span, trace->flags & TRACE_SAMPLED);
}
