/* CHANGE and its answer: what an operator asks of the cluster's membership, and what that moves.
 *
 *      [20, id, op, stage, force, node | nil, host, port, weight, zone | nil, nodes, timeout_us]
 *      [21, id, changes, committed, version_before, version_after, partitions, replicas_before,
 *       replicas_after, moves, moves_least, zones_before, zones_after, share_excess_before_milli,
 *       share_excess_after_milli, may_lose, bytes_in, reason | nil, text | nil,
 *       [[node, name, zone, kind, weight, partitions_before, partitions_after, partitions_in,
 *         bytes_in], ...]]
 *
 * Names hold no NUL, in both directions: who decides on them compares them as text. */
#include "base/limits.h"
#include "shoal/error.h"
#include "wire/codec.h"

#include <string.h>

#define CHANGE_FIELDS 10u
#define CHANGE_REPLY_FIELDS 18u
#define PLAN_ROW_FIELDS 9u

const char *change_kind_text(uint32_t kind)
{
    static const char *const texts[] = {
        [CHANGE_STAYS] = "stays",     [CHANGE_JOINS] = "joins",         [CHANGE_LEAVES] = "leaves",
        [CHANGE_REMOVED] = "removed", [CHANGE_REWEIGHED] = "reweighed",
    };
    return kind < sizeof(texts) / sizeof(texts[0]) ? texts[kind] : "unknown";
}

static bool has_nul(struct bytes text)
{
    return text.len > 0 && memchr(text.data, '\0', text.len) != NULL;
}

static void write_optional_name(struct writer *writer, struct bytes name)
{
    if (has_nul(name)) {
        writer_fail(writer, SHOAL_EINVAL);
    }
    write_optional_str_within(writer, name, LIMIT_NAME_BYTES);
}

static struct bytes read_optional_name(struct reader *reader)
{
    struct bytes name = read_optional_bin(reader, LIMIT_NAME_BYTES);
    if (has_nul(name)) {
        reader_fail(reader, SHOAL_EPROTO);
    }
    return name;
}

int message_change_encode(const struct message_change *message, struct buffer *out)
{
    struct encoder encoder = encoder_begin(out, MESSAGE_CHANGE, message->id, CHANGE_FIELDS);
    struct writer *writer = &encoder.writer;
    write_u64(writer, message->op);
    write_bool(writer, message->stage);
    write_bool(writer, message->force);
    write_optional_name(writer, message->node);
    write_name(writer, message->host);
    write_u64_within(writer, message->port, UINT16_MAX);
    write_u64(writer, message->weight);
    write_optional_name(writer, message->zone);
    write_u64(writer, message->nodes);
    write_u64(writer, message->timeout_us);
    return encoder_end(&encoder);
}

int message_change_decode(struct bytes payload, struct arena *arena, struct message_change *out)
{
    (void)arena;
    struct decoder decoder = decoder_begin(payload, MESSAGE_CHANGE, CHANGE_FIELDS);
    struct reader *reader = &decoder.reader;
    struct message_change message = {.id = decoder.id};
    message.op = read_u32(reader);
    message.stage = read_bool(reader);
    message.force = read_bool(reader);
    message.node = read_optional_name(reader);
    read_text(reader, message.host, sizeof(message.host));
    message.port = (uint32_t)read_u64_max(reader, UINT16_MAX);
    message.weight = read_u32(reader);
    message.zone = read_optional_name(reader);
    message.nodes = read_u32(reader);
    message.timeout_us = read_u64(reader);
    int error = decoder_end(&decoder);
    if (error == 0) {
        *out = message;
    }
    return error;
}

static void write_rows(struct writer *writer, const struct plan_row *rows, uint32_t count)
{
    write_array_within(writer, count, LIMIT_PLAN_ROWS);
    for (uint32_t i = 0; i < count && writer->error == 0; i++) {
        const struct plan_row *row = &rows[i];
        write_array(writer, PLAN_ROW_FIELDS);
        write_u64(writer, row->node);
        write_str_within(writer, row->name, LIMIT_NAME_BYTES);
        write_str_within(writer, row->zone, LIMIT_NAME_BYTES);
        write_u64(writer, row->kind);
        write_u64(writer, row->weight);
        write_u64(writer, row->partitions_before);
        write_u64(writer, row->partitions_after);
        write_u64(writer, row->partitions_in);
        write_u64(writer, row->bytes_in);
    }
}

static void read_row(struct reader *reader, struct plan_row *row)
{
    uint32_t unknown = read_fields(reader, PLAN_ROW_FIELDS);
    row->node = read_u64(reader);
    row->name = read_bin(reader, LIMIT_NAME_BYTES);
    row->zone = read_bin(reader, LIMIT_NAME_BYTES);
    row->kind = read_u32(reader);
    row->weight = read_u32(reader);
    row->partitions_before = read_u32(reader);
    row->partitions_after = read_u32(reader);
    row->partitions_in = read_u32(reader);
    row->bytes_in = read_u64(reader);
    read_skip_many(reader, unknown);
}

static const struct plan_row *read_rows(struct reader *reader, struct arena *arena, uint32_t *count)
{
    struct plan_row *rows = read_items(reader, arena, LIMIT_PLAN_ROWS, sizeof(*rows), count);
    for (uint32_t i = 0; i < *count && reader->error == 0; i++) {
        read_row(reader, &rows[i]);
    }
    return rows;
}

int message_change_reply_encode(const struct message_change_reply *message, struct buffer *out)
{
    struct encoder encoder =
        encoder_begin(out, MESSAGE_CHANGE_REPLY, message->id, CHANGE_REPLY_FIELDS);
    struct writer *writer = &encoder.writer;
    write_bool(writer, message->changes);
    write_bool(writer, message->committed);
    write_u64(writer, message->version_before);
    write_u64(writer, message->version_after);
    write_u64(writer, message->partitions);
    write_u64(writer, message->replicas_before);
    write_u64(writer, message->replicas_after);
    write_u64(writer, message->moves);
    write_u64(writer, message->moves_least);
    write_u64(writer, message->zones_before);
    write_u64(writer, message->zones_after);
    write_u64(writer, message->share_excess_before_milli);
    write_u64(writer, message->share_excess_after_milli);
    write_u64(writer, message->may_lose);
    write_u64(writer, message->bytes_in);
    write_optional_str_within(writer, message->reason, LIMIT_TEXT_BYTES);
    write_optional_str_within(writer, message->text, LIMIT_TEXT_BYTES);
    write_rows(writer, message->rows, message->count);
    return encoder_end(&encoder);
}

int message_change_reply_decode(struct bytes payload, struct arena *arena,
                                struct message_change_reply *out)
{
    struct decoder decoder = decoder_begin(payload, MESSAGE_CHANGE_REPLY, CHANGE_REPLY_FIELDS);
    struct reader *reader = &decoder.reader;
    struct message_change_reply message = {.id = decoder.id};
    message.changes = read_bool(reader);
    message.committed = read_bool(reader);
    message.version_before = read_u64(reader);
    message.version_after = read_u64(reader);
    message.partitions = read_u32(reader);
    message.replicas_before = read_u32(reader);
    message.replicas_after = read_u32(reader);
    message.moves = read_u32(reader);
    message.moves_least = read_u32(reader);
    message.zones_before = read_u32(reader);
    message.zones_after = read_u32(reader);
    message.share_excess_before_milli = read_u32(reader);
    message.share_excess_after_milli = read_u32(reader);
    message.may_lose = read_u32(reader);
    message.bytes_in = read_u64(reader);
    message.reason = read_optional_bin(reader, LIMIT_TEXT_BYTES);
    message.text = read_optional_bin(reader, LIMIT_TEXT_BYTES);
    message.rows = read_rows(reader, arena, &message.count);
    int error = decoder_end(&decoder);
    if (error == 0) {
        *out = message;
    }
    return error;
}
