/* RING_REPLY: the layout as clients need it to go straight to a key's owners.
 *
 *      [12, id, layout_version, layout_hash, partitions, replicas, [node, ...], owners]
 *
 * `owners` is one bin of partitions * replicas u16 big-endian indexes into the nodes: half a
 * million numbers at most, too many to be elements of their own. */
#include "base/limits.h"
#include "shoal/error.h"
#include "wire/codec.h"

#define RING_REPLY_FIELDS 6u
#define OWNER_BYTES 2u
#define OWNERS_BYTES_MAX ((size_t)LIMIT_PARTITIONS_MAX * LIMIT_REPLICAS * OWNER_BYTES)

/* How many owners a layout of these figures lists; the figures are checked. */
static uint32_t owner_count(uint32_t partitions, uint32_t replicas, int *error)
{
    bool power_of_two = (partitions & (partitions - 1)) == 0;
    if (!power_of_two || partitions > LIMIT_PARTITIONS_MAX || replicas > LIMIT_REPLICAS) {
        *error = SHOAL_EPROTO;
        return 0;
    }
    return partitions * replicas;
}

static void write_owners(struct writer *writer, const struct message_ring_reply *message)
{
    int error = 0;
    uint32_t count = owner_count(message->partitions, message->replicas, &error);
    if (error != 0) {
        writer_fail(writer, SHOAL_EINVAL);
        return;
    }
    write_bin_header(writer, (size_t)count * OWNER_BYTES);
    for (uint32_t i = 0; i < count && writer->error == 0; i++) {
        uint16_t owner = message->owners[i];
        if (owner >= message->node_count) {
            writer_fail(writer, SHOAL_EINVAL);
            return;
        }
        uint8_t bytes[OWNER_BYTES] = {(uint8_t)(owner >> 8), (uint8_t)owner};
        writer->error = buffer_append(writer->out, bytes, sizeof(bytes));
    }
}

int message_ring_reply_encode(const struct message_ring_reply *message, struct buffer *out)
{
    struct encoder encoder = encoder_begin(out, MESSAGE_RING_REPLY, message->id, RING_REPLY_FIELDS);
    struct writer *writer = &encoder.writer;
    write_u64(writer, message->layout_version);
    write_hash(writer, &message->layout_hash);
    write_u64(writer, message->partitions);
    write_u64(writer, message->replicas);
    write_status_nodes(writer, message->nodes, message->node_count);
    write_owners(writer, message);
    return encoder_end(&encoder);
}

static const uint16_t *read_owners(struct reader *reader, struct arena *arena,
                                   const struct message_ring_reply *message)
{
    int error = 0;
    uint32_t count = owner_count(message->partitions, message->replicas, &error);
    struct bytes bytes = read_bin(reader, OWNERS_BYTES_MAX);
    if (error != 0 || bytes.len != (size_t)count * OWNER_BYTES) {
        reader_fail(reader, SHOAL_EPROTO);
    }
    if (reader->error != 0 || count == 0) {
        return NULL;
    }
    uint16_t *owners = arena_alloc_array(arena, count, sizeof(*owners));
    if (owners == NULL) {
        reader_fail(reader, SHOAL_ENOMEM);
        return NULL;
    }
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *at = bytes.data + (size_t)i * OWNER_BYTES;
        owners[i] = (uint16_t)(at[0] << 8 | at[1]);
        if (owners[i] >= message->node_count) {
            reader_fail(reader, SHOAL_EPROTO);
            return NULL;
        }
    }
    return owners;
}

int message_ring_reply_decode(struct bytes payload, struct arena *arena,
                              struct message_ring_reply *out)
{
    struct decoder decoder = decoder_begin(payload, MESSAGE_RING_REPLY, RING_REPLY_FIELDS);
    struct reader *reader = &decoder.reader;
    struct message_ring_reply message = {.id = decoder.id};
    message.layout_version = read_u64(reader);
    message.layout_hash = read_hash(reader);
    message.partitions = read_u32(reader);
    message.replicas = read_u32(reader);
    message.nodes = read_status_nodes(reader, arena, &message.node_count);
    message.owners = read_owners(reader, arena, &message);
    int error = decoder_end(&decoder);
    if (error == 0) {
        *out = message;
    }
    return error;
}
