/* The export of spans to a collector, by OTLP over HTTP (docs/tracing.md): one thread with a loop
 * of its own takes them out of the workers' rings, in batches, and posts these one after another.
 * Nothing in the node waits for it. What can't be delivered after a few attempts is dropped and
 * counted; while the collector is away the rings fill up, and then new spans are dropped. */
#ifndef SERVER_TRACING_H
#define SERVER_TRACING_H

#include "base/spans.h"
#include "server/config.h"

struct tracing;

/* Declares its metrics in any case. The registry has a shard of its own for the thread: `shard`.
 * 0 and *out, which is NULL where no endpoint is configured; SHOAL_ENOMEM, SHOAL_EIO. */
int tracing_new(const struct config *config, struct metrics *metrics, uint32_t workers,
                uint32_t shard, struct tracing **out);

/* The worker's ring; NULL where `tracing` is. */
struct spans *tracing_spans(struct tracing *tracing, uint32_t worker);

/* Starts the thread: 0 or SHOAL_EIO. NULL is fine. */
int tracing_start(struct tracing *tracing);

/* The workers are freed: what they left is posted if that goes at once. NULL is fine. */
void tracing_free(struct tracing *tracing);

#endif
