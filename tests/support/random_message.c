/* Generators of random messages, a function each. */
#include "support/random_message.h"

#include "support/random_field.h"

static int32_t quorum(struct random *random)
{
    return (int32_t)random_below(random, 12) - 2;
}

static struct request_options some_options(struct random *random)
{
    if (chance(random, 0.5)) {
        return (struct request_options){0};
    }
    return (struct request_options){
        .n = quorum(random),
        .r = quorum(random),
        .w = quorum(random),
        .pr = quorum(random),
        .pw = quorum(random),
        .dw = quorum(random),
        .timeout_us = number(random),
    };
}

/* Or none, as in most messages. */
static struct trace some_trace(struct random *random)
{
    struct trace trace = {0};
    if (chance(random, 0.3)) {
        trace_begin(&trace, random);
        trace.span = number(random);
        trace.flags = chance(random, 0.5) ? TRACE_SAMPLED : 0;
    }
    return trace;
}

void random_hello(struct random *random, struct arena *arena, struct message_hello *out)
{
    *out = (struct message_hello){
        .id = number(random),
        .version_min = number32(random),
        .version_max = number32(random),
        .features = number(random),
        .role = number32(random),
        .cluster = number(random),
        .node = number(random),
        .worker = number32(random),
    };
    fill_name(random, out->name);
    struct bytes credentials = some_bytes(random, arena);
    credentials.len %= LIMIT_CREDENTIALS_BYTES + 1;
    out->credentials = or_none(random, credentials);
}

void random_hello_reply(struct random *random, struct arena *arena, struct message_hello_reply *out)
{
    (void)arena;
    *out = (struct message_hello_reply){
        .id = number(random),
        .version = number32(random),
        .features = number(random),
        .cluster = number(random),
        .node = number(random),
        .frame_bytes_max = number(random),
    };
    fill_name(random, out->name);
}

void random_request(struct random *random, struct arena *arena, struct message_request *out)
{
    *out = (struct message_request){
        .id = number(random),
        .op = (uint32_t)random_below(random, 5),
        .key = some_bytes(random, arena),
        .context = or_none(random, some_token(random, arena)),
        .options = some_options(random),
        .trace = some_trace(random),
    };
    if (out->op == REQUEST_PUT) {
        out->value = some_bytes(random, arena);
        out->ttl_ms = chance(random, 0.5) ? number(random) : 0;
    }
    if (out->ttl_ms == 0 && (out->op == REQUEST_PUT || out->op == REQUEST_EXPIRE)) {
        out->expiry_ms = chance(random, 0.5) ? number(random) : 0;
    }
    if (out->op == REQUEST_ADD) {
        out->delta = (int64_t)(chance(random, 0.5) ? number(random) : 0 - number(random));
    }
}

void random_forward(struct random *random, struct arena *arena, struct message_forward *out)
{
    random_request(random, arena, &out->request);
    out->view_digest = number(random);
}

void random_result(struct random *random, struct arena *arena, struct message_result *out)
{
    *out = (struct message_result){
        .id = number(random),
        .code = code(random),
        .text = or_none(random, some_text(random, arena)),
        .context = or_none(random, some_token(random, arena)),
        .owners = number32(random),
        .fallbacks = number32(random),
        .needed = number32(random),
        .number = chance(random, 0.3) ? (int64_t)(0 - number(random)) : 0,
    };
    struct result_value *values = some_items(random, arena, sizeof(*values), &out->value_count);
    for (uint32_t i = 0; i < out->value_count; i++) {
        values[i].value = some_bytes(random, arena);
        values[i].hlc = number(random);
        values[i].expiry_ms = chance(random, 0.5) ? number(random) : 0;
        values[i].counter = chance(random, 0.5);
    }
    out->values = values;
}

void random_list(struct random *random, struct arena *arena, struct message_list *out)
{
    *out = (struct message_list){
        .id = number(random),
        .prefix = some_bytes(random, arena),
        .after = or_none(random, some_bytes(random, arena)),
        .limit = number32(random),
        .with_values = chance(random, 0.5),
        .options = some_options(random),
        .trace = some_trace(random),
    };
}

void random_list_reply(struct random *random, struct arena *arena, struct message_list_reply *out)
{
    *out = (struct message_list_reply){
        .id = number(random),
        .after = or_none(random, some_bytes(random, arena)),
    };
    struct list_entry *entries = some_items(random, arena, sizeof(*entries), &out->count);
    for (uint32_t i = 0; i < out->count; i++) {
        entries[i].key = some_bytes(random, arena);
        entries[i].value = or_none(random, some_bytes(random, arena));
    }
    out->entries = entries;
}

static const struct status_node *some_nodes(struct random *random, struct arena *arena,
                                            uint32_t *count)
{
    struct status_node *nodes = some_items(random, arena, sizeof(*nodes), count);
    for (uint32_t i = 0; i < *count; i++) {
        nodes[i] = (struct status_node){
            .id = number(random),
            .name = some_name(random, arena),
            .zone = some_name(random, arena),
            .host = some_name(random, arena),
            .client_port = port(random),
            .peer_port = port(random),
            .redis_port = port(random),
            .http_port = port(random),
            .state = number32(random),
            .partitions = number(random),
            .keys = number(random),
            .bytes = number(random),
            .hints = number(random),
            .pending_sync = number(random),
            .weight = number(random),
            .storage = number32(random),
            .releasing = number(random),
            .sync_rate = number(random),
            .memory = number(random),
            .ops = number(random),
            .ops_rate = number(random),
            .marks = number32(random),
            .change = number32(random),
            .staged = chance(random, 0.5),
        };
    }
    return nodes;
}

void random_status_reply(struct random *random, struct arena *arena,
                         struct message_status_reply *out)
{
    *out = (struct message_status_reply){
        .id = number(random),
        .node = number(random),
        .cluster = number(random),
        .cluster_name = some_name(random, arena),
        .layout_version = number(random),
        .layout_hash = some_hash(random),
        .live_layouts = number32(random),
        .partitions = number32(random),
        .n = number32(random),
        .r = number32(random),
        .w = number32(random),
        .staged = number32(random),
        .may_lose = number32(random),
        .oldest_version = number(random),
    };
    out->nodes = some_nodes(random, arena, &out->node_count);
}

void random_ring_reply(struct random *random, struct arena *arena, struct message_ring_reply *out)
{
    *out = (struct message_ring_reply){
        .id = number(random),
        .layout_version = number(random),
        .layout_hash = some_hash(random),
        .partitions = 1u << random_below(random, 11),
    };
    out->nodes = some_nodes(random, arena, &out->node_count);
    if (out->node_count == 0) {
        return;
    }
    out->replicas = (uint32_t)random_below(random, LIMIT_REPLICAS + 1);
    uint32_t count = out->partitions * out->replicas;
    uint16_t *owners = arena_alloc_array(arena, count + 1, sizeof(*owners));
    ASSERT(owners != NULL);
    for (uint32_t i = 0; i < count; i++) {
        owners[i] = (uint16_t)random_below(random, out->node_count);
    }
    out->owners = owners;
}

void random_join(struct random *random, struct arena *arena, struct message_join *out)
{
    (void)arena;
    *out = (struct message_join){
        .id = number(random),
        .port = port(random),
        .timeout_us = number(random),
        .stage = chance(random, 0.5),
    };
    fill_name(random, out->host);
}

void random_backup(struct random *random, struct arena *arena, struct message_backup *out)
{
    *out = (struct message_backup){
        .id = number(random),
        .path = or_none(random, some_path(random, arena)),
    };
}

void random_backup_reply(struct random *random, struct arena *arena,
                         struct message_backup_reply *out)
{
    *out = (struct message_backup_reply){
        .id = number(random),
        .number = number(random),
        .state = (uint32_t)random_below(random, 5),
        .code = code(random),
        .text = or_none(random, some_text(random, arena)),
        .path = some_path(random, arena),
        .files = number(random),
        .bytes = number(random),
        .bytes_done = number(random),
    };
}

void random_store(struct random *random, struct arena *arena, struct message_store *out)
{
    *out = (struct message_store){
        .id = number(random),
        .partition = (uint32_t)random_below(random, LIMIT_PARTITIONS_MAX),
        .key = some_bytes(random, arena),
        .object = some_bytes(random, arena),
        .view_digest = number(random),
        .actor = number(random),
        .durable = chance(random, 0.5),
        .hint = chance(random, 0.5),
        .trace = some_trace(random),
    };
}

void random_stored(struct random *random, struct arena *arena, struct message_stored *out)
{
    *out = (struct message_stored){
        .id = number(random),
        .code = code(random),
        .durable = chance(random, 0.5),
        .concurrent = chance(random, 0.5),
        .refilling = chance(random, 0.5),
        .actor = number(random),
        .view_digest = number(random),
        .view = or_none(random, some_bytes(random, arena)),
    };
}

void random_fetch(struct random *random, struct arena *arena, struct message_fetch *out)
{
    bool has_known = chance(random, 0.5);
    *out = (struct message_fetch){
        .id = number(random),
        .partition = (uint32_t)random_below(random, LIMIT_PARTITIONS_MAX),
        .key = some_bytes(random, arena),
        .mode = (uint32_t)random_below(random, FETCH_VERSIONS + 1),
        .has_known = has_known,
        .known = has_known ? number(random) : 0,
        .view_digest = number(random),
        .trace = some_trace(random),
    };
}

void random_fetched(struct random *random, struct arena *arena, struct message_fetched *out)
{
    *out = (struct message_fetched){
        .id = number(random),
        .code = code(random),
        .object = or_none(random, some_bytes(random, arena)),
        .digest = number(random),
        .clock = or_none(random, some_bytes(random, arena)),
        .view_digest = number(random),
        .view = or_none(random, some_bytes(random, arena)),
    };
}

void random_scan(struct random *random, struct arena *arena, struct message_scan *out)
{
    *out = (struct message_scan){
        .id = number(random),
        .partition = (uint32_t)random_below(random, LIMIT_PARTITIONS_MAX),
        .position = number(random),
        .keys_max = number32(random),
        .bytes_max = number(random),
        .prefix = some_bytes(random, arena),
        .stripped = chance(random, 0.5),
        .view_digest = number(random),
        .trace = some_trace(random),
    };
}

void random_scanned(struct random *random, struct arena *arena, struct message_scanned *out)
{
    *out = (struct message_scanned){
        .id = number(random),
        .code = code(random),
        .next = number(random),
        .end = chance(random, 0.5),
        .clock = or_none(random, some_bytes(random, arena)),
        .view_digest = number(random),
        .view = or_none(random, some_bytes(random, arena)),
    };
    struct scan_entry *entries = some_items(random, arena, sizeof(*entries), &out->count);
    for (uint32_t i = 0; i < out->count; i++) {
        entries[i].position = number(random);
        entries[i].key = some_bytes(random, arena);
        entries[i].object = some_bytes(random, arena);
    }
    out->entries = entries;
}

static const struct wire_record *some_records(struct random *random, struct arena *arena,
                                              uint32_t *count)
{
    struct wire_record *records = some_items(random, arena, sizeof(*records), count);
    for (uint32_t i = 0; i < *count; i++) {
        records[i] = (struct wire_record){
            .id = number(random),
            .generation = number(random),
            .heartbeat = number(random),
            .version = number(random),
            .name = some_name(random, arena),
            .zone = some_name(random, arena),
            .host = some_name(random, arena),
            .client_port = port(random),
            .peer_port = port(random),
            .redis_port = port(random),
            .http_port = port(random),
            .state = number32(random),
            .keys = number(random),
            .bytes = number(random),
            .hints = number(random),
            .pending_sync = number(random),
            .storage = number32(random),
            .releasing = number(random),
            .sync_rate = number(random),
            .memory = number(random),
            .ops = number(random),
            .ops_rate = number(random),
        };
    }
    return records;
}

void random_gossip(struct random *random, struct arena *arena, struct message_gossip *out)
{
    *out = (struct message_gossip){
        .id = number(random),
        .cluster = number(random),
        .from = number(random),
        .wall_ms = number(random),
        .view_digest = number(random),
        .view = or_none(random, some_bytes(random, arena)),
        .kind = (uint32_t)random_below(random, GOSSIP_TELLS + 1),
        .summary = or_none(random, some_bytes(random, arena)),
        .known = or_none(random, some_text(random, arena)),
        .brief = or_none(random, some_bytes(random, arena)),
    };
    out->records = some_records(random, arena, &out->count);
    uint64_t *wanted = some_items(random, arena, sizeof(*wanted), &out->wanted_count);
    for (uint32_t i = 0; i < out->wanted_count; i++) {
        wanted[i] = number(random);
    }
    out->wanted = wanted;
}

void random_gossip_reply(struct random *random, struct arena *arena,
                         struct message_gossip_reply *out)
{
    random_gossip(random, arena, &out->gossip);
    out->code = code(random);
    out->text = or_none(random, some_text(random, arena));
}

void random_admit(struct random *random, struct arena *arena, struct message_admit *out)
{
    *out = (struct message_admit){
        .id = number(random),
        .node = number(random),
        .name = some_name(random, arena),
        .cluster_name = some_name(random, arena),
        .partitions = number32(random),
        .n = number32(random),
        .r = number32(random),
        .w = number32(random),
        .peer_port = port(random),
    };
    fill_name(random, out->host);
}

void random_invite(struct random *random, struct arena *arena, struct message_invite *out)
{
    (void)arena;
    *out = (struct message_invite){.id = number(random), .port = port(random)};
    fill_name(random, out->host);
}

void random_admit_reply(struct random *random, struct arena *arena, struct message_admit_reply *out)
{
    struct bytes secret = some_bytes(random, arena);
    secret.len %= LIMIT_CREDENTIALS_BYTES + 1;
    *out = (struct message_admit_reply){
        .id = number(random),
        .code = code(random),
        .text = or_none(random, some_text(random, arena)),
        .cluster = number(random),
        .secret = or_none(random, secret),
        .view = or_none(random, some_bytes(random, arena)),
        .node = number(random),
    };
    out->records = some_records(random, arena, &out->count);
}

void random_goodbye(struct random *random, struct arena *arena, struct message_goodbye *out)
{
    (void)arena;
    *out = (struct message_goodbye){.id = number(random), .from = number(random)};
}
