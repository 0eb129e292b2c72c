/* The running hash is order-dependent: each event is mixed into what stands. */
#include "sim_trace.h"

#include "base/hash.h"
#include "wire/messages.h"

#include <stdarg.h>

void sim_trace_event(struct sim_trace *trace, uint64_t now_us, uint32_t kind, uint32_t node,
                     uint32_t worker, struct bytes payload)
{
    uint64_t place = (uint64_t)kind << 32 | (uint64_t)node << 16 | worker;
    uint64_t hash = hash_mix(trace->hash + now_us);
    hash = hash_mix(hash ^ place);
    if (payload.len > 0) {
        hash = hash_mix(hash ^ hash_xxh3(payload));
    }
    trace->hash = hash;
    trace->events++;
}

void sim_trace_say(struct sim_trace *trace, uint64_t now_us, const char *format, ...)
{
    if (trace->out == NULL) {
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    fprintf(trace->out, "%10.6f  ", (double)now_us / 1e6);
    vfprintf(trace->out, format, arguments);
    fputc('\n', trace->out);
    va_end(arguments);
}

const char *sim_trace_frame(uint32_t kind)
{
    static const char *const names[] = {
        [MESSAGE_PING] = "ping",
        [MESSAGE_PONG] = "pong",
        [MESSAGE_REQUEST] = "request",
        [MESSAGE_RESULT] = "result",
        [MESSAGE_LIST] = "list",
        [MESSAGE_LIST_REPLY] = "list-reply",
        [MESSAGE_STATUS] = "status",
        [MESSAGE_STATUS_REPLY] = "status-reply",
        [MESSAGE_FORWARD] = "forward",
        [MESSAGE_STORE] = "store",
        [MESSAGE_STORED] = "stored",
        [MESSAGE_FETCH] = "fetch",
        [MESSAGE_FETCHED] = "fetched",
        [MESSAGE_SCAN] = "scan",
        [MESSAGE_SCANNED] = "scanned",
        [MESSAGE_GOSSIP] = "gossip",
        [MESSAGE_GOSSIP_REPLY] = "gossip-reply",
        [MESSAGE_ADMIT] = "admit",
        [MESSAGE_ADMIT_REPLY] = "admit-reply",
        [MESSAGE_GOODBYE] = "goodbye",
    };
    if (kind >= sizeof(names) / sizeof(names[0]) || names[kind] == NULL) {
        return "other";
    }
    return names[kind];
}
