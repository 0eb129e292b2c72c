/* A ring with one writer and one reader (Lamport, 1983): each of the two counters has one owner, so
 * neither side ever waits. See spans.h. */
#include "base/spans.h"

#include <stdatomic.h>

#include "base/assert.h"
#include "base/memory.h"
#include "shoal/error.h"

#define SECOND_US UINT64_C(1000000)

struct spans {
    struct spans_options options;
    struct random random;
    uint64_t second_us; /* when the present second of asking began */
    uint32_t asked;     /* in it */
    _Atomic uint64_t written;
    uint8_t apart[64]; /* the two are written by different threads */
    _Atomic uint64_t taken;
    struct span ring[];
};

int spans_new(const struct spans_options *options, struct spans **out)
{
    ASSERT(options->capacity > 0 && (options->capacity & (options->capacity - 1)) == 0);
    struct spans *spans = mem_alloc(sizeof(*spans) + options->capacity * sizeof(struct span));
    if (spans == NULL) {
        return SHOAL_ENOMEM;
    }
    spans->options = *options;
    random_init(&spans->random, options->seed);
    spans->second_us = 0;
    spans->asked = 0;
    atomic_init(&spans->written, 0);
    atomic_init(&spans->taken, 0);
    *out = spans;
    return 0;
}

void spans_free(struct spans *spans)
{
    mem_free(spans);
}

/* A client that sets the flag on everything must not turn tracing into a load. */
static bool may_ask(struct spans *spans, uint64_t now_us)
{
    if (now_us - spans->second_us >= SECOND_US) {
        spans->second_us = now_us;
        spans->asked = 0;
    }
    if (spans->asked >= SPANS_ASKED_MAX) {
        return false;
    }
    spans->asked++;
    return true;
}

bool spans_sample(struct spans *spans, struct trace *trace, uint64_t now_us)
{
    bool sampled;
    if (trace_sampled(trace)) {
        sampled = may_ask(spans, now_us);
    } else {
        sampled = trace->span == 0 && random_chance(&spans->random, spans->options.sample);
    }
    if (sampled && !trace_there(trace)) {
        trace_begin(trace, &spans->random);
    }
    trace->flags = sampled ? trace->flags | TRACE_SAMPLED : trace->flags & ~TRACE_SAMPLED;
    return sampled;
}

uint64_t spans_now_ns(const struct spans *spans)
{
    return spans->options.clock(spans->options.clock_self);
}

uint64_t spans_id(struct spans *spans)
{
    return random_id(&spans->random);
}

void spans_record(struct spans *spans, const struct span *span)
{
    uint64_t written = atomic_load_explicit(&spans->written, memory_order_relaxed);
    uint64_t taken = atomic_load_explicit(&spans->taken, memory_order_acquire);
    if (written - taken >= spans->options.capacity) {
        if (spans->options.metrics != NULL) {
            metrics_add(spans->options.metrics, spans->options.shard, spans->options.dropped, 1);
        }
        return;
    }
    struct span *slot = &spans->ring[written & (spans->options.capacity - 1)];
    *slot = *span;
    if (slot->end_ns < slot->begin_ns) {
        slot->end_ns = slot->begin_ns; /* the clock was set back meanwhile */
    }
    atomic_store_explicit(&spans->written, written + 1, memory_order_release);
}

uint32_t spans_take(struct spans *spans, struct span *out, uint32_t max)
{
    uint64_t taken = atomic_load_explicit(&spans->taken, memory_order_relaxed);
    uint64_t written = atomic_load_explicit(&spans->written, memory_order_acquire);
    uint32_t count = 0;
    while (taken < written && count < max) {
        out[count++] = spans->ring[taken & (spans->options.capacity - 1)];
        taken++;
    }
    atomic_store_explicit(&spans->taken, taken, memory_order_release);
    return count;
}
