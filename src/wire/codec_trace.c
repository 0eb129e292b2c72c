/* The trace that goes with a request (W3C Trace Context, base/trace.h): the last field of messages
 * that have one, absent otherwise, so that who traces nothing sends nothing. Fixed bytes in the
 * order of a `traceparent`, binary: 16 of the trace's id, 8 of the parent's, 1 of flags. Flags of
 * later versions are passed over.
 *
 * Who has fields to send behind it and no trace puts nil in its place. Anything else there that is
 * not bytes is a surplus field of who knows of no traces: passed over, as it was before there were
 * any. Bytes are meant as a trace, and refused unless they are one. */
#include "base/byteorder.h"
#include "shoal/error.h"
#include "wire/codec.h"

#define TRACE_BYTES 25u

void write_trace(struct writer *writer, const struct trace *trace)
{
    uint8_t bytes[TRACE_BYTES];
    if (!trace_there(trace)) {
        return;
    }
    store_u64_be(bytes, trace->id_high);
    store_u64_be(bytes + 8, trace->id_low);
    store_u64_be(bytes + 16, trace->span);
    bytes[24] = (uint8_t)(trace->flags & TRACE_SAMPLED);
    write_bin(writer, bytes_make(bytes, sizeof(bytes)));
}

struct trace read_trace(struct reader *reader, uint32_t *unknown)
{
    struct trace trace = {0};
    if (!read_later_field(unknown)) {
        return trace;
    }
    if (!reader_at_bin(reader)) {
        read_skip(reader);
        return trace;
    }
    struct bytes bytes = read_bin(reader, SIZE_MAX);
    if (bytes.len != TRACE_BYTES) {
        reader_fail(reader, SHOAL_EPROTO);
        return trace;
    }
    trace.id_high = load_u64_be(bytes.data);
    trace.id_low = load_u64_be(bytes.data + 8);
    trace.span = load_u64_be(bytes.data + 16);
    trace.flags = bytes.data[24] & TRACE_SAMPLED;
    if (!trace_there(&trace)) {
        reader_fail(reader, SHOAL_EPROTO);
    }
    return trace;
}
