/* STATUS_REPLY: the cluster as one node sees it.
 *
 *      [10, id, node, cluster, cluster_name, layout_version, layout_hash, live_layouts, partitions,
 *       n, r, w, [node, ...], staged, may_lose, oldest_version]
 *
 * What stands behind the nodes may be left out: 0. */
#include "base/limits.h"
#include "wire/codec.h"

#define STATUS_REPLY_FIELDS 11u
#define STATUS_REPLY_LATER_FIELDS 3u

const char *node_state_text(uint32_t state)
{
    static const char *const texts[] = {
        [NODE_UP] = "up",
        [NODE_SUSPECT] = "suspect",
        [NODE_DOWN] = "down",
        [NODE_JOINING] = "joining",
        [NODE_LEAVING] = "leaving",
        [NODE_LEFT] = "left",
        [NODE_REFILLING] = "refilling",
    };
    return state < sizeof(texts) / sizeof(texts[0]) ? texts[state] : "unknown";
}

const char *node_storage_text(uint32_t storage)
{
    static const char *const texts[] = {
        [NODE_STORAGE_OK] = "ok",
        [NODE_STORAGE_FULL] = "full",
        [NODE_STORAGE_FAILED] = "failed",
    };
    return storage < sizeof(texts) / sizeof(texts[0]) ? texts[storage] : "unknown";
}

int message_status_reply_encode(const struct message_status_reply *message, struct buffer *out)
{
    struct encoder encoder = encoder_begin(out, MESSAGE_STATUS_REPLY, message->id,
                                           STATUS_REPLY_FIELDS + STATUS_REPLY_LATER_FIELDS);
    struct writer *writer = &encoder.writer;
    write_u64(writer, message->node);
    write_u64(writer, message->cluster);
    write_str_within(writer, message->cluster_name, LIMIT_NAME_BYTES);
    write_u64(writer, message->layout_version);
    write_hash(writer, &message->layout_hash);
    write_u64(writer, message->live_layouts);
    write_u64(writer, message->partitions);
    write_u64(writer, message->n);
    write_u64(writer, message->r);
    write_u64(writer, message->w);
    write_status_nodes(writer, message->nodes, message->node_count);
    write_u64(writer, message->staged);
    write_u64(writer, message->may_lose);
    write_u64(writer, message->oldest_version);
    return encoder_end(&encoder);
}

int message_status_reply_decode(struct bytes payload, struct arena *arena,
                                struct message_status_reply *out)
{
    struct decoder decoder = decoder_begin(payload, MESSAGE_STATUS_REPLY, STATUS_REPLY_FIELDS);
    struct reader *reader = &decoder.reader;
    struct message_status_reply message = {.id = decoder.id};
    message.node = read_u64(reader);
    message.cluster = read_u64(reader);
    message.cluster_name = read_bin(reader, LIMIT_NAME_BYTES);
    message.layout_version = read_u64(reader);
    message.layout_hash = read_hash(reader);
    message.live_layouts = read_u32(reader);
    message.partitions = read_u32(reader);
    message.n = read_u32(reader);
    message.r = read_u32(reader);
    message.w = read_u32(reader);
    message.nodes = read_status_nodes(reader, arena, &message.node_count);
    message.staged = read_later_field(&decoder.unknown) ? read_u32(reader) : 0;
    message.may_lose = read_later_field(&decoder.unknown) ? read_u32(reader) : 0;
    message.oldest_version = read_later_field(&decoder.unknown) ? read_u64(reader) : 0;
    int error = decoder_end(&decoder);
    if (error == 0) {
        *out = message;
    }
    return error;
}
