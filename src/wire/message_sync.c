/* The comparing part of a sync (docs/repair.md): the roots with the clocks, then sums further down.
 *
 *      [46, id, partition, view_digest, target, node, actor, told, release (false when left out)]
 *      [47, id, code, refilling, actor, clock, told | nil, root, bits, siblings, view_digest,
 *       view | nil]
 *      [48, id, partition, actor, view_digest, depth, fan, [index, ...]]
 *      [49, id, code, sums, view_digest, view | nil]
 *
 * `sums` is one bin of 16 bytes each: thousands of them stand in an answer. */
#include "base/limits.h"
#include "wire/codec.h"

#define ROOT_FIELDS 6u
#define ROOT_LATER_FIELDS 1u
#define ROOTED_FIELDS 10u
#define NODES_FIELDS 6u
#define SUMS_FIELDS 4u

/* Of trees that are as fine as positions. */
#define DEPTH_MAX 64u

int message_sync_root_encode(const struct message_sync_root *message, struct buffer *out)
{
    struct encoder encoder =
        encoder_begin(out, MESSAGE_SYNC_ROOT, message->id, ROOT_FIELDS + ROOT_LATER_FIELDS);
    struct writer *writer = &encoder.writer;
    write_u64_within(writer, message->partition, LIMIT_PARTITIONS_MAX - 1);
    write_u64(writer, message->view_digest);
    write_hash(writer, &message->target);
    write_u64(writer, message->node);
    write_u64(writer, message->actor);
    write_bin_within(writer, message->told, LIMIT_CLOCK_BYTES);
    write_bool(writer, message->release);
    return encoder_end(&encoder);
}

int message_sync_root_decode(struct bytes payload, struct arena *arena,
                             struct message_sync_root *out)
{
    (void)arena;
    struct decoder decoder = decoder_begin(payload, MESSAGE_SYNC_ROOT, ROOT_FIELDS);
    struct reader *reader = &decoder.reader;
    struct message_sync_root message = {.id = decoder.id};
    message.partition = (uint32_t)read_u64_max(reader, LIMIT_PARTITIONS_MAX - 1);
    message.view_digest = read_u64(reader);
    message.target = read_hash(reader);
    message.node = read_u64(reader);
    message.actor = read_u64(reader);
    message.told = read_bin(reader, LIMIT_CLOCK_BYTES);
    message.release = read_later_field(&decoder.unknown) && read_bool(reader);
    int error = decoder_end(&decoder);
    if (error == 0) {
        *out = message;
    }
    return error;
}

int message_sync_rooted_encode(const struct message_sync_rooted *message, struct buffer *out)
{
    struct encoder encoder = encoder_begin(out, MESSAGE_SYNC_ROOTED, message->id, ROOTED_FIELDS);
    struct writer *writer = &encoder.writer;
    write_code(writer, message->code);
    write_bool(writer, message->refilling);
    write_u64(writer, message->actor);
    write_bin_within(writer, message->clock, LIMIT_CLOCK_BYTES);
    write_optional_bin_within(writer, message->told, LIMIT_CLOCK_BYTES);
    write_sum(writer, message->root);
    write_u64_within(writer, message->bits, DEPTH_MAX);
    write_u64(writer, message->siblings);
    write_u64(writer, message->view_digest);
    write_optional_bin_within(writer, message->view, LIMIT_VIEW_BYTES);
    return encoder_end(&encoder);
}

int message_sync_rooted_decode(struct bytes payload, struct arena *arena,
                               struct message_sync_rooted *out)
{
    (void)arena;
    struct decoder decoder = decoder_begin(payload, MESSAGE_SYNC_ROOTED, ROOTED_FIELDS);
    struct reader *reader = &decoder.reader;
    struct message_sync_rooted message = {.id = decoder.id};
    message.code = read_code(reader);
    message.refilling = read_bool(reader);
    message.actor = read_u64(reader);
    message.clock = read_bin(reader, LIMIT_CLOCK_BYTES);
    message.told = read_optional_bin(reader, LIMIT_CLOCK_BYTES);
    message.root = read_sum(reader);
    message.bits = (uint32_t)read_u64_max(reader, DEPTH_MAX);
    message.siblings = read_u64(reader);
    message.view_digest = read_u64(reader);
    message.view = read_optional_bin(reader, LIMIT_VIEW_BYTES);
    int error = decoder_end(&decoder);
    if (error == 0) {
        *out = message;
    }
    return error;
}

int message_sync_nodes_encode(const struct message_sync_nodes *message, struct buffer *out)
{
    struct encoder encoder = encoder_begin(out, MESSAGE_SYNC_NODES, message->id, NODES_FIELDS);
    struct writer *writer = &encoder.writer;
    write_u64_within(writer, message->partition, LIMIT_PARTITIONS_MAX - 1);
    write_u64(writer, message->actor);
    write_u64(writer, message->view_digest);
    write_u64_within(writer, message->depth, DEPTH_MAX);
    write_u64_within(writer, message->fan, LIMIT_SYNC_FAN);
    write_indexes(writer, message->indexes, message->count);
    return encoder_end(&encoder);
}

int message_sync_nodes_decode(struct bytes payload, struct arena *arena,
                              struct message_sync_nodes *out)
{
    struct decoder decoder = decoder_begin(payload, MESSAGE_SYNC_NODES, NODES_FIELDS);
    struct reader *reader = &decoder.reader;
    struct message_sync_nodes message = {.id = decoder.id};
    message.partition = (uint32_t)read_u64_max(reader, LIMIT_PARTITIONS_MAX - 1);
    message.actor = read_u64(reader);
    message.view_digest = read_u64(reader);
    message.depth = (uint32_t)read_u64_max(reader, DEPTH_MAX);
    message.fan = (uint32_t)read_u64_max(reader, LIMIT_SYNC_FAN);
    message.indexes = read_indexes(reader, arena, &message.count);
    int error = decoder_end(&decoder);
    if (error == 0) {
        *out = message;
    }
    return error;
}

int message_sync_sums_encode(const struct message_sync_sums *message, struct buffer *out)
{
    struct encoder encoder = encoder_begin(out, MESSAGE_SYNC_SUMS, message->id, SUMS_FIELDS);
    struct writer *writer = &encoder.writer;
    write_code(writer, message->code);
    write_sums(writer, message->sums, message->count);
    write_u64(writer, message->view_digest);
    write_optional_bin_within(writer, message->view, LIMIT_VIEW_BYTES);
    return encoder_end(&encoder);
}

int message_sync_sums_decode(struct bytes payload, struct arena *arena,
                             struct message_sync_sums *out)
{
    struct decoder decoder = decoder_begin(payload, MESSAGE_SYNC_SUMS, SUMS_FIELDS);
    struct reader *reader = &decoder.reader;
    struct message_sync_sums message = {.id = decoder.id};
    message.code = read_code(reader);
    message.sums = read_sums(reader, arena, &message.count);
    message.view_digest = read_u64(reader);
    message.view = read_optional_bin(reader, LIMIT_VIEW_BYTES);
    int error = decoder_end(&decoder);
    if (error == 0) {
        *out = message;
    }
    return error;
}
