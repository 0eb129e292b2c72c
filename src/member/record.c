/* Records merge field by field of time: what a node says of itself (generation, version) and that
 * it lives (generation, heartbeat) are two clocks of the same process, so a record may win by one
 * and lose by the other. Merging is commutative, associative and idempotent among the records that
 * one process issues; a generation once passed never counts again, whatever its heartbeat was. */
#include "member/record.h"

#include "base/assert.h"
#include "base/mutant.h"
#include "shoal/error.h"

#include <string.h>

#define PORT_MAX 65535u

int node_record_merge(struct node_record *into, const struct node_record *from)
{
    ASSERT(into->id == from->id);
    if (from->generation < into->generation) {
        return 0;
    }
    if (from->generation > into->generation) {
        *into = *from;
        return 1;
    }
    bool lives = from->heartbeat > into->heartbeat;
    uint64_t heartbeat = lives ? from->heartbeat : into->heartbeat;
    bool newer = from->version > into->version || MUTANT(gossip_older);
    if (newer) {
        *into = *from;
    }
    into->heartbeat = heartbeat;
    if (newer) {
        return 1;
    }
    return lives ? 2 : 0;
}

bool node_record_same_but_counts(const struct node_record *a, const struct node_record *b)
{
    return strcmp(a->name, b->name) == 0 && strcmp(a->zone, b->zone) == 0 &&
           strcmp(a->host, b->host) == 0 && a->client_port == b->client_port &&
           a->peer_port == b->peer_port && a->redis_port == b->redis_port &&
           a->http_port == b->http_port && a->state == b->state && a->storage == b->storage;
}

bool node_record_same(const struct node_record *a, const struct node_record *b)
{
    return node_record_same_but_counts(a, b) && a->keys == b->keys && a->bytes == b->bytes &&
           a->hints == b->hints && a->pending_sync == b->pending_sync &&
           a->releasing == b->releasing && a->sync_rate == b->sync_rate && a->memory == b->memory &&
           a->ops == b->ops && a->ops_rate == b->ops_rate;
}

void node_record_to_wire(const struct node_record *record, struct wire_record *out)
{
    *out = (struct wire_record){
        .id = record->id,
        .generation = record->generation,
        .heartbeat = record->heartbeat,
        .version = record->version,
        .name = bytes_from_string(record->name),
        .zone = bytes_from_string(record->zone),
        .host = bytes_from_string(record->host),
        .client_port = record->client_port,
        .peer_port = record->peer_port,
        .redis_port = record->redis_port,
        .http_port = record->http_port,
        .state = record->state,
        .keys = record->keys,
        .bytes = record->bytes,
        .hints = record->hints,
        .pending_sync = record->pending_sync,
        .storage = record->storage,
        .releasing = record->releasing,
        .sync_rate = record->sync_rate,
        .memory = record->memory,
        .ops = record->ops,
        .ops_rate = record->ops_rate,
    };
}

/* A node can't say of itself that it is silent: suspect and down are others' words. */
static bool state_is_own(uint32_t state)
{
    switch (state) {
    case NODE_UP:
    case NODE_JOINING:
    case NODE_LEAVING:
    case NODE_LEFT:
    case NODE_REFILLING:
        return true;
    default:
        return false;
    }
}

static bool text_fits(struct bytes text)
{
    return text.len <= LIMIT_NAME_BYTES &&
           (text.len == 0 || memchr(text.data, '\0', text.len) == NULL);
}

static void text_copy(char out[LIMIT_NAME_BYTES + 1], struct bytes text)
{
    if (text.len > 0) {
        memcpy(out, text.data, text.len);
    }
    out[text.len] = '\0';
}

bool node_record_valid(const struct wire_record *wire)
{
    return wire->id != 0 && wire->generation <= NODE_RECORD_GENERATION_MAX &&
           text_fits(wire->name) && text_fits(wire->zone) && text_fits(wire->host) &&
           wire->client_port <= PORT_MAX && wire->peer_port <= PORT_MAX &&
           wire->redis_port <= PORT_MAX && wire->http_port <= PORT_MAX && state_is_own(wire->state);
}

int node_record_from_wire(const struct wire_record *wire, struct node_record *out)
{
    if (!node_record_valid(wire)) {
        return SHOAL_EPROTO;
    }
    *out = (struct node_record){
        .id = wire->id,
        .generation = wire->generation,
        .heartbeat = wire->heartbeat,
        .version = wire->version,
        .client_port = wire->client_port,
        .peer_port = wire->peer_port,
        .redis_port = wire->redis_port,
        .http_port = wire->http_port,
        .state = wire->state,
        .keys = wire->keys,
        .bytes = wire->bytes,
        .hints = wire->hints,
        .pending_sync = wire->pending_sync,
        .storage = wire->storage,
        .releasing = wire->releasing,
        .sync_rate = wire->sync_rate,
        .memory = wire->memory,
        .ops = wire->ops,
        .ops_rate = wire->ops_rate,
    };
    text_copy(out->name, wire->name);
    text_copy(out->zone, wire->zone);
    text_copy(out->host, wire->host);
    return 0;
}
