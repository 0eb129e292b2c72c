/* Spans as the OpenTelemetry protocol has them in JSON (OTLP 1.x, ExportTraceServiceRequest): ids
 * in hex, times and 64-bit numbers as strings, enumerations as numbers. Names of attributes follow
 * OpenTelemetry's semantic conventions where these have one, and begin with "shoal." elsewhere. */
#ifndef SERVER_OTLP_H
#define SERVER_OTLP_H

#include "base/spans.h"

/* Whose spans they are. */
struct otlp_resource {
    const char *node;
    const char *cluster;
    const char *zone;
};

/* The body of a request to a collector; to be freed with free(). NULL without memory. */
char *otlp_render(const struct otlp_resource *resource, const struct span *spans, uint32_t count);

/* How many of a batch the collector says, in the body of a successful answer, that it did not
 * take. */
uint64_t otlp_rejected(struct bytes answer);

#endif
