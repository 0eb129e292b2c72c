/* What all codecs share: the beginning and end of a message, arrays that may grow, bounded fields,
 * and the parts that stand in several messages (quorum options, nodes, records). Private to wire.
 *
 * Both directions keep to the same bounds, so whatever encode accepts, decode accepts. */
#ifndef WIRE_CODEC_H
#define WIRE_CODEC_H

#include "wire/messages.h"
#include "wire/reader.h"
#include "wire/writer.h"

/* ---- a message being written ----------------------------------------------------------------- */

struct encoder {
    struct writer writer;
    size_t start;
};

/* Begins the frame and writes kind and id; `fields` is how many follow. */
struct encoder encoder_begin(struct buffer *out, enum message_kind kind, uint64_t id,
                             uint32_t fields);

/* Ends the frame: 0, or the first failure, and then the buffer is as it was before. */
int encoder_end(struct encoder *encoder);

/* Over the bound: SHOAL_ETOOBIG. */
void write_bin_within(struct writer *writer, struct bytes bytes, size_t len_max);
void write_optional_bin_within(struct writer *writer, struct bytes bytes, size_t len_max);
void write_str_within(struct writer *writer, struct bytes bytes, size_t len_max);
void write_optional_str_within(struct writer *writer, struct bytes bytes, size_t len_max);
void write_array_within(struct writer *writer, uint32_t count, uint32_t max);
/* Over the bound: SHOAL_EINVAL. */
void write_u64_within(struct writer *writer, uint64_t value, uint64_t max);
void write_name(struct writer *writer, const char name[LIMIT_NAME_BYTES + 1]);
void write_hash(struct writer *writer, const struct content_hash *hash);
void write_code(struct writer *writer, int32_t code);
void write_options(struct writer *writer, const struct request_options *options);
void write_status_nodes(struct writer *writer, const struct status_node *nodes, uint32_t count);
void write_records(struct writer *writer, const struct wire_record *records, uint32_t count);
void write_scan_entries(struct writer *writer, const struct scan_entry *entries, uint32_t count);
void write_sum(struct writer *writer, struct wire_sum sum);
/* All in one bin. */
void write_sums(struct writer *writer, const struct wire_sum *sums, uint32_t count);
/* At most LIMIT_SYNC_NODES. */
void write_indexes(struct writer *writer, const uint64_t *indexes, uint32_t count);

/* codec_trace.c: a field that is there only when the trace is: how many that makes, and it. */
static inline uint32_t trace_fields(const struct trace *trace)
{
    return trace_there(trace) ? 1 : 0;
}
void write_trace(struct writer *writer, const struct trace *trace);

/* ---- a message being read -------------------------------------------------------------------- */

struct decoder {
    struct reader reader;
    uint64_t id;
    uint32_t unknown; /* fields at the end, of a later version */
};

/* Checks the kind and that at least `fields` follow kind and id. */
struct decoder decoder_begin(struct bytes payload, enum message_kind kind, uint32_t fields);

/* Passes over unknown fields: 0, or the first failure. */
int decoder_end(struct decoder *decoder);

/* For a field that earlier versions don't send, at the end of those of a message, or of an array of
 * which `unknown` fields are left: true when it is there, and to be read now. */
bool read_later_field(uint32_t *unknown);

/* An array of at least `known` fields; returns how many more there are, to be passed over with
 * read_skip_many when the known ones have been read. */
uint32_t read_fields(struct reader *reader, uint32_t known);

/* An array of at most max items, with room for them (`size` bytes each) in the arena. NULL, and a
 * count of 0, when there are none or on failure. */
void *read_items(struct reader *reader, struct arena *arena, uint32_t max, size_t size,
                 uint32_t *count);

uint32_t read_u32(struct reader *reader);
struct content_hash read_hash(struct reader *reader);
int32_t read_code(struct reader *reader);
struct request_options read_options(struct reader *reader);
const struct status_node *read_status_nodes(struct reader *reader, struct arena *arena,
                                            uint32_t *count);
const struct wire_record *read_records(struct reader *reader, struct arena *arena, uint32_t *count);
const struct scan_entry *read_scan_entries(struct reader *reader, struct arena *arena,
                                           uint32_t *count);
struct wire_sum read_sum(struct reader *reader);
const struct wire_sum *read_sums(struct reader *reader, struct arena *arena, uint32_t *count);
const uint64_t *read_indexes(struct reader *reader, struct arena *arena, uint32_t *count);
/* All zero when the message has none: it ends before, or what stands there is not bytes. Bytes that
 * are no trace are SHOAL_EPROTO. */
struct trace read_trace(struct reader *reader, uint32_t *unknown);

#endif
