/* The node's own record: who it is, its cluster's secret, the view it has acted on, and where the
 * other nodes are. Kept by the world in place of the one before, read at the next start.
 *
 *      u8 format (2), u64 XXH3 of all that follows, u64 generation, 32 bytes secret,
 *      u8 has a previous secret, 32 bytes previous secret (zeros: none), then a GOSSIP payload:
 *      cluster, node id, view, records
 *
 * Format 1, of a node that knew one secret only, lacks the two fields before the payload.
 */
#include "base/byteorder.h"
#include "base/hash.h"
#include "node/steward_inside.h"
#include "shoal/error.h"
#include "wire/frame.h"

#include <stdio.h>

#define RECORD_FORMAT 2u
#define RECORD_FORMAT_ONE_SECRET 1u
#define RECORD_HASHED_FROM (1u + 8u)
#define RECORD_SECRET_AT (RECORD_HASHED_FROM + 8u)
#define RECORD_HAS_PREVIOUS_AT (RECORD_SECRET_AT + CRYPTO_KEY_BYTES)
#define RECORD_PREVIOUS_AT (RECORD_HAS_PREVIOUS_AT + 1u)
#define RECORD_HEAD_BYTES (RECORD_PREVIOUS_AT + CRYPTO_KEY_BYTES)
#define RECORD_HEAD_BYTES_ONE_SECRET RECORD_HAS_PREVIOUS_AT

static uint64_t record_hash(struct bytes record)
{
    return hash_xxh3(bytes_make(record.data + RECORD_HASHED_FROM, record.len - RECORD_HASHED_FROM));
}

int steward_record_encode(const struct steward *steward, const struct view *view,
                          struct buffer *out)
{
    uint8_t head[RECORD_HEAD_BYTES] = {RECORD_FORMAT};
    store_u64_le(head + RECORD_HASHED_FROM, steward->generation);
    memcpy(head + RECORD_SECRET_AT, steward->secret.bytes, CRYPTO_KEY_BYTES);
    if (steward->has_previous_secret) {
        head[RECORD_HAS_PREVIOUS_AT] = 1;
        memcpy(head + RECORD_PREVIOUS_AT, steward->secret_previous.bytes, CRYPTO_KEY_BYTES);
    }
    struct message_gossip told = {.from = steward->id, .view = bytes_make(NULL, 0)};
    struct buffer encoded;
    buffer_init(&encoded, 0);
    int result = 0;
    if (view != NULL) {
        result = view_encode(view, &encoded);
        told.cluster = view_facts(view)->id;
        told.view_digest = view->digest;
        told.view = buffer_bytes(&encoded);
    }
    if (result == 0) {
        result =
            gossip_records(&steward->gossip, &steward->worker->arena, &told.records, &told.count);
    }
    struct buffer frame;
    buffer_init(&frame, 0);
    if (result == 0) {
        result = message_gossip_encode(&told, &frame);
    }
    if (result == 0) {
        result = buffer_reserve(out, sizeof(head) + frame.len);
    }
    if (result == 0) {
        size_t start = out->len;
        (void)buffer_append(out, head, sizeof(head));
        (void)buffer_append(out, frame.data + FRAME_PREFIX_BYTES, frame.len - FRAME_PREFIX_BYTES);
        struct bytes record = bytes_make(out->data + start, out->len - start);
        store_u64_le(out->data + start + 1, record_hash(record));
    }
    buffer_deinit(&frame);
    buffer_deinit(&encoded);
    return result;
}

int steward_compare_facts(const struct node_config *config, const struct cluster_facts *facts,
                          char why[640])
{
    if (strcmp(config->cluster_name, facts->name) != 0) {
        (void)snprintf(why, 640, "cluster.name is '%s' there and '%s' here", facts->name,
                       config->cluster_name);
    } else if (config->partitions != facts->partitions) {
        (void)snprintf(why, 640, "cluster.partitions is %u there and %u here", facts->partitions,
                       config->partitions);
    } else if (config->n != facts->n || config->r != facts->r || config->w != facts->w) {
        (void)snprintf(why, 640, "the quorum is n=%u r=%u w=%u there and n=%u r=%u w=%u here",
                       facts->n, facts->r, facts->w, config->n, config->r, config->w);
    } else {
        return 0;
    }
    return SHOAL_EINVAL;
}

/* The payload behind a head that is whole: 0, SHOAL_EVERSION, SHOAL_EPROTO. */
static int record_payload(struct bytes kept, struct bytes *out)
{
    if (kept.len == 0) {
        return SHOAL_EPROTO;
    }
    size_t head;
    if (kept.data[0] == RECORD_FORMAT) {
        head = RECORD_HEAD_BYTES;
    } else if (kept.data[0] == RECORD_FORMAT_ONE_SECRET) {
        head = RECORD_HEAD_BYTES_ONE_SECRET;
    } else {
        return SHOAL_EVERSION;
    }
    if (kept.len < head || load_u64_le(kept.data + 1) != record_hash(kept)) {
        return SHOAL_EPROTO;
    }
    if (kept.data[0] == RECORD_FORMAT && kept.data[RECORD_HAS_PREVIOUS_AT] > 1) {
        return SHOAL_EPROTO;
    }
    *out = bytes_make(kept.data + head, kept.len - head);
    return 0;
}

static void record_secrets(struct steward *steward, struct bytes kept)
{
    memcpy(steward->secret.bytes, kept.data + RECORD_SECRET_AT, CRYPTO_KEY_BYTES);
    steward->has_previous_secret =
        kept.data[0] == RECORD_FORMAT && kept.data[RECORD_HAS_PREVIOUS_AT] == 1;
    if (steward->has_previous_secret) {
        memcpy(steward->secret_previous.bytes, kept.data + RECORD_PREVIOUS_AT, CRYPTO_KEY_BYTES);
    }
}

int steward_record_decode(struct steward *steward, struct bytes kept, struct message_gossip *told)
{
    struct bytes payload;
    int result = record_payload(kept, &payload);
    if (result < 0) {
        return result;
    }
    uint64_t generation = load_u64_le(kept.data + RECORD_HASHED_FROM);
    if (generation == UINT64_MAX) {
        return SHOAL_EPROTO;
    }
    result = frame_validate(payload);
    if (result == 0) {
        result = message_gossip_decode(payload, &steward->worker->arena, told);
    }
    if (result == 0 && told->from == 0) {
        result = SHOAL_EPROTO;
    }
    if (result == 0 && told->view.data != NULL) {
        result = view_decode(told->view, &steward->view);
    }
    if (result < 0) {
        return result;
    }
    steward->id = told->from;
    steward->generation = generation + 1;
    record_secrets(steward, kept);
    return 0;
}

int steward_record_nodes(struct steward *steward, const struct message_gossip *told)
{
    bool twin;
    for (uint32_t i = 0; i < told->count; i++) {
        if (told->records[i].id == steward->id) {
            continue;
        }
        /* Heard long ago: worth an address, not a sign of life. */
        struct wire_record record = told->records[i];
        record.heartbeat = 0;
        record.generation = 0;
        record.version = 0;
        int result = gossip_receive(&steward->gossip, 0, &record, 1, 0, &twin);
        if (result < 0) {
            return result;
        }
    }
    return 0;
}
