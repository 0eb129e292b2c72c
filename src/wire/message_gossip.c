/* GOSSIP and its answer: what nodes tell each other about nodes and layouts.
 *
 *      gossip  cluster, from, wall_ms, view_digest, view | nil, [record, ...],
 *              kind, summary | nil, [node, ...], known | nil, brief | nil
 *
 *      [39, id, gossip...]
 *      [40, id, code, text | nil, [gossip...]]
 *
 * The fields from `kind` on came later: without them a message is one of GOSSIP_WHOLE. */
#include "base/limits.h"
#include "wire/codec.h"

#define GOSSIP_FIELDS 6u
#define GOSSIP_LATER_FIELDS 5u
#define GOSSIP_REPLY_FIELDS 3u

static void write_gossip(struct writer *writer, const struct message_gossip *message)
{
    write_u64(writer, message->cluster);
    write_u64(writer, message->from);
    write_u64(writer, message->wall_ms);
    write_u64(writer, message->view_digest);
    write_optional_bin_within(writer, message->view, LIMIT_VIEW_BYTES);
    write_records(writer, message->records, message->count);
    write_u64_within(writer, message->kind, GOSSIP_TELLS);
    write_optional_bin_within(writer, message->summary, LIMIT_GOSSIP_SUMMARY_BYTES);
    write_array_within(writer, message->wanted_count, LIMIT_GOSSIP_RECORDS);
    for (uint32_t i = 0; i < message->wanted_count && writer->error == 0; i++) {
        write_u64(writer, message->wanted[i]);
    }
    write_optional_bin_within(writer, message->known, LIMIT_VIEW_NAMES_BYTES);
    write_optional_bin_within(writer, message->brief, LIMIT_VIEW_BYTES);
}

static const uint64_t *read_wanted(struct reader *reader, struct arena *arena, uint32_t *count)
{
    uint64_t *wanted = read_items(reader, arena, LIMIT_GOSSIP_RECORDS, sizeof(*wanted), count);
    for (uint32_t i = 0; i < *count && reader->error == 0; i++) {
        wanted[i] = read_u64(reader);
    }
    return wanted;
}

/* As far as they are there. */
static void read_later(struct reader *reader, struct arena *arena, uint32_t *unknown,
                       struct message_gossip *message)
{
    if (read_later_field(unknown)) {
        message->kind = (uint32_t)read_u64_max(reader, GOSSIP_TELLS);
    }
    if (read_later_field(unknown)) {
        message->summary = read_optional_bin(reader, LIMIT_GOSSIP_SUMMARY_BYTES);
    }
    if (read_later_field(unknown)) {
        message->wanted = read_wanted(reader, arena, &message->wanted_count);
    }
    if (read_later_field(unknown)) {
        message->known = read_optional_bin(reader, LIMIT_VIEW_NAMES_BYTES);
    }
    if (read_later_field(unknown)) {
        message->brief = read_optional_bin(reader, LIMIT_VIEW_BYTES);
    }
}

static void read_gossip(struct reader *reader, struct arena *arena, uint32_t *unknown,
                        struct message_gossip *message)
{
    message->cluster = read_u64(reader);
    message->from = read_u64(reader);
    message->wall_ms = read_u64(reader);
    message->view_digest = read_u64(reader);
    message->view = read_optional_bin(reader, LIMIT_VIEW_BYTES);
    message->records = read_records(reader, arena, &message->count);
    read_later(reader, arena, unknown, message);
}

int message_gossip_encode(const struct message_gossip *message, struct buffer *out)
{
    struct encoder encoder =
        encoder_begin(out, MESSAGE_GOSSIP, message->id, GOSSIP_FIELDS + GOSSIP_LATER_FIELDS);
    write_gossip(&encoder.writer, message);
    return encoder_end(&encoder);
}

int message_gossip_decode(struct bytes payload, struct arena *arena, struct message_gossip *out)
{
    struct decoder decoder = decoder_begin(payload, MESSAGE_GOSSIP, GOSSIP_FIELDS);
    struct message_gossip message = {.id = decoder.id};
    read_gossip(&decoder.reader, arena, &decoder.unknown, &message);
    int error = decoder_end(&decoder);
    if (error == 0) {
        *out = message;
    }
    return error;
}

int message_gossip_reply_encode(const struct message_gossip_reply *message, struct buffer *out)
{
    struct encoder encoder =
        encoder_begin(out, MESSAGE_GOSSIP_REPLY, message->gossip.id, GOSSIP_REPLY_FIELDS);
    struct writer *writer = &encoder.writer;
    write_code(writer, message->code);
    write_optional_str_within(writer, message->text, LIMIT_TEXT_BYTES);
    write_array(writer, GOSSIP_FIELDS + GOSSIP_LATER_FIELDS);
    write_gossip(writer, &message->gossip);
    return encoder_end(&encoder);
}

int message_gossip_reply_decode(struct bytes payload, struct arena *arena,
                                struct message_gossip_reply *out)
{
    struct decoder decoder = decoder_begin(payload, MESSAGE_GOSSIP_REPLY, GOSSIP_REPLY_FIELDS);
    struct reader *reader = &decoder.reader;
    struct message_gossip_reply message = {.gossip = {.id = decoder.id}};
    message.code = read_code(reader);
    message.text = read_optional_bin(reader, LIMIT_TEXT_BYTES);
    uint32_t unknown = read_fields(reader, GOSSIP_FIELDS);
    read_gossip(reader, arena, &unknown, &message.gossip);
    read_skip_many(reader, unknown);
    int error = decoder_end(&decoder);
    if (error == 0) {
        *out = message;
    }
    return error;
}
