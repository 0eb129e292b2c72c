/* Nodes as clients see them (in STATUS_REPLY and RING_REPLY): where each is, what it is doing, and
 * what it holds. */
#include "base/limits.h"
#include "wire/codec.h"

#define STATUS_NODE_FIELDS 15u
/* storage (ok when left out), releasing, sync_rate, marks, change, staged, memory, ops, ops_rate
 * (0, false) */
#define STATUS_NODE_LATER_FIELDS 9u

static void write_status_node(struct writer *writer, const struct status_node *node)
{
    write_array(writer, STATUS_NODE_FIELDS + STATUS_NODE_LATER_FIELDS);
    write_u64(writer, node->id);
    write_str_within(writer, node->name, LIMIT_NAME_BYTES);
    write_str_within(writer, node->zone, LIMIT_NAME_BYTES);
    write_str_within(writer, node->host, LIMIT_NAME_BYTES);
    write_u64_within(writer, node->client_port, UINT16_MAX);
    write_u64_within(writer, node->peer_port, UINT16_MAX);
    write_u64_within(writer, node->redis_port, UINT16_MAX);
    write_u64_within(writer, node->http_port, UINT16_MAX);
    write_u64(writer, node->state);
    write_u64(writer, node->partitions);
    write_u64(writer, node->keys);
    write_u64(writer, node->bytes);
    write_u64(writer, node->hints);
    write_u64(writer, node->pending_sync);
    write_u64(writer, node->weight);
    write_u64(writer, node->storage);
    write_u64(writer, node->releasing);
    write_u64(writer, node->sync_rate);
    write_u64(writer, node->marks);
    write_u64(writer, node->change);
    write_bool(writer, node->staged);
    write_u64(writer, node->memory);
    write_u64(writer, node->ops);
    write_u64(writer, node->ops_rate);
}

void write_status_nodes(struct writer *writer, const struct status_node *nodes, uint32_t count)
{
    write_array_within(writer, count, LIMIT_MEMBERS);
    for (uint32_t i = 0; i < count && writer->error == 0; i++) {
        write_status_node(writer, &nodes[i]);
    }
}

static void read_status_node(struct reader *reader, struct status_node *node)
{
    uint32_t unknown = read_fields(reader, STATUS_NODE_FIELDS);
    node->id = read_u64(reader);
    node->name = read_bin(reader, LIMIT_NAME_BYTES);
    node->zone = read_bin(reader, LIMIT_NAME_BYTES);
    node->host = read_bin(reader, LIMIT_NAME_BYTES);
    node->client_port = (uint32_t)read_u64_max(reader, UINT16_MAX);
    node->peer_port = (uint32_t)read_u64_max(reader, UINT16_MAX);
    node->redis_port = (uint32_t)read_u64_max(reader, UINT16_MAX);
    node->http_port = (uint32_t)read_u64_max(reader, UINT16_MAX);
    node->state = read_u32(reader);
    node->partitions = read_u64(reader);
    node->keys = read_u64(reader);
    node->bytes = read_u64(reader);
    node->hints = read_u64(reader);
    node->pending_sync = read_u64(reader);
    node->weight = read_u64(reader);
    node->storage = read_later_field(&unknown) ? read_u32(reader) : NODE_STORAGE_OK;
    node->releasing = read_later_field(&unknown) ? read_u64(reader) : 0;
    node->sync_rate = read_later_field(&unknown) ? read_u64(reader) : 0;
    node->marks = read_later_field(&unknown) ? read_u32(reader) : 0;
    node->change = read_later_field(&unknown) ? read_u32(reader) : CHANGE_STAYS;
    node->staged = read_later_field(&unknown) && read_bool(reader);
    node->memory = read_later_field(&unknown) ? read_u64(reader) : 0;
    node->ops = read_later_field(&unknown) ? read_u64(reader) : 0;
    node->ops_rate = read_later_field(&unknown) ? read_u64(reader) : 0;
    read_skip_many(reader, unknown);
}

const struct status_node *read_status_nodes(struct reader *reader, struct arena *arena,
                                            uint32_t *count)
{
    struct status_node *nodes = read_items(reader, arena, LIMIT_MEMBERS, sizeof(*nodes), count);
    for (uint32_t i = 0; i < *count && reader->error == 0; i++) {
        read_status_node(reader, &nodes[i]);
    }
    return nodes;
}
