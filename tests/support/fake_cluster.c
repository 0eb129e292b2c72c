#include "support/fake_cluster.h"

#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/queue.h"
#include "model/counter.h"
#include "ring/partition.h"
#include "ring/view.h"
#include "shoal/error.h"
#include "wire/frame.h"
#include "wire/messages.h"

struct record {
    struct queue link;
    struct bytes key;
    struct bytes value;
    uint64_t version; /* what its context says */
};

struct served {
    struct fake_node public;
    struct evconnlistener *listener;
    struct queue visitors;
};

struct visitor {
    struct queue link;
    struct served *node;
    struct bufferevent *stream;
    bool greeted;
};

struct fake_cluster {
    struct event_base *base;
    struct served nodes[FAKE_NODES_MAX];
    uint32_t node_count;
    struct queue records;
    uint32_t record_count;
    uint64_t version;
    struct arena arena;
};

/* ---- the store ------------------------------------------------------------------------------- */

static struct bytes copy(struct bytes from)
{
    uint8_t *data = malloc(from.len + 1);
    ASSERT(data != NULL);
    if (from.len > 0) {
        memcpy(data, from.data, from.len);
    }
    return bytes_make(data, from.len);
}

static struct record *find(struct fake_cluster *cluster, struct bytes key)
{
    for (struct queue *at = cluster->records.next; at != &cluster->records; at = at->next) {
        struct record *record = QUEUE_ITEM(at, struct record, link);
        if (bytes_equal(record->key, key)) {
            return record;
        }
    }
    return NULL;
}

static void forget(struct fake_cluster *cluster, struct record *record)
{
    queue_remove(&record->link);
    free((void *)(uintptr_t)record->key.data);
    free((void *)(uintptr_t)record->value.data);
    free(record);
    cluster->record_count--;
}

static void keep(struct fake_cluster *cluster, struct bytes key, struct bytes value)
{
    struct record *record = calloc(1, sizeof(*record));
    ASSERT(record != NULL);
    record->key = copy(key);
    record->value = copy(value);
    record->version = ++cluster->version;
    queue_push(&cluster->records, &record->link);
    cluster->record_count++;
}

/* A counter, of which the store keeps the digits. */
static int64_t add(struct fake_cluster *cluster, struct bytes key, int64_t delta)
{
    struct record *record = find(cluster, key);
    int64_t number = 0;
    char digits[NUMBER_DIGITS_MAX];
    if (record != NULL) {
        ASSERT(number_parse(record->value, &number));
        forget(cluster, record);
    }
    keep(cluster, key, bytes_make(digits, number_print(number + delta, digits)));
    return number + delta;
}

static struct message_result apply(struct fake_cluster *cluster,
                                   const struct message_request *request, char context[32],
                                   struct result_value *value)
{
    struct message_result result = {.id = request->id, .owners = 1, .needed = 1};
    struct record *record = find(cluster, request->key);
    if (request->op == REQUEST_GET && record == NULL) {
        result.code = SHOAL_ENOTFOUND;
        return result;
    }
    if (request->op == REQUEST_GET) {
        *value = (struct result_value){
            .value = record->value, .hlc = record->version, .expiry_ms = 77, .counter = true};
        result.values = value;
        result.value_count = 1;
        (void)snprintf(context, 32, "v%u", (unsigned)record->version);
    } else if (request->op == REQUEST_ADD) {
        result.number = add(cluster, request->key, request->delta);
        (void)snprintf(context, 32, "v%u", (unsigned)cluster->version);
    } else if (request->op == REQUEST_EXPIRE) {
        result.number = (int64_t)request->expiry_ms - 1; /* that which it had */
        (void)snprintf(context, 32, "v%u", (unsigned)cluster->version);
    } else {
        if (record != NULL) {
            forget(cluster, record);
        }
        if (request->op == REQUEST_PUT) {
            keep(cluster, request->key, request->value);
        }
        (void)snprintf(context, 32, "v%u", (unsigned)cluster->version);
    }
    result.context = bytes_from_string(context);
    return result;
}

/* ---- answers --------------------------------------------------------------------------------- */

static void send_buffer(struct visitor *visitor, struct buffer *frame)
{
    ASSERT(bufferevent_write(visitor->stream, frame->data, frame->len) == 0);
    buffer_deinit(frame);
}

static void send_result(struct visitor *visitor, const struct message_result *result)
{
    struct buffer frame;
    buffer_init(&frame, 0);
    ASSERT(message_result_encode(result, &frame) == 0);
    send_buffer(visitor, &frame);
}

static void send_code(struct visitor *visitor, uint64_t id, int code, const char *text)
{
    struct message_result result = {.id = id, .code = code, .text = bytes_from_string(text)};
    send_result(visitor, &result);
}

static void fill_nodes(const struct fake_cluster *cluster, struct status_node *nodes)
{
    static const char *const names[FAKE_NODES_MAX] = {"fake1", "fake2", "fake3", "fake4"};
    for (uint32_t i = 0; i < cluster->node_count; i++) {
        nodes[i] = (struct status_node){
            .id = i + 1,
            .name = bytes_from_string(names[i]),
            .zone = bytes_from_string("a"),
            .host = bytes_from_string("127.0.0.1"),
            .client_port = cluster->nodes[i].public.port,
            .state = NODE_UP,
            .partitions = FAKE_PARTITIONS,
            .keys = cluster->record_count,
            .weight = 1,
        };
    }
}

static void send_ring(struct visitor *visitor, uint64_t id)
{
    struct fake_cluster *cluster = visitor->node->public.cluster;
    struct status_node nodes[FAKE_NODES_MAX];
    uint16_t owners[FAKE_PARTITIONS * FAKE_NODES_MAX];
    fill_nodes(cluster, nodes);
    for (uint32_t i = 0; i < FAKE_PARTITIONS * cluster->node_count; i++) {
        owners[i] =
            (uint16_t)((i / cluster->node_count + i % cluster->node_count) % cluster->node_count);
    }
    struct message_ring_reply ring = {
        .id = id,
        .layout_version = 1,
        .partitions = FAKE_PARTITIONS,
        .replicas = cluster->node_count,
        .nodes = nodes,
        .node_count = cluster->node_count,
        .owners = owners,
    };
    struct buffer frame;
    buffer_init(&frame, 0);
    ASSERT(message_ring_reply_encode(&ring, &frame) == 0);
    send_buffer(visitor, &frame);
}

static void send_status(struct visitor *visitor, uint64_t id)
{
    struct fake_cluster *cluster = visitor->node->public.cluster;
    struct status_node nodes[FAKE_NODES_MAX];
    fill_nodes(cluster, nodes);
    struct message_status_reply status = {
        .id = id,
        .node = 1,
        .cluster = 7,
        .cluster_name = bytes_from_string("fake"),
        .layout_version = 1,
        .live_layouts = 1,
        .partitions = FAKE_PARTITIONS,
        .n = 3,
        .r = 2,
        .w = 2,
        .nodes = nodes,
        .node_count = cluster->node_count,
        .staged = 1,
        .may_lose = 2,
        .oldest_version = 6,
    };
    if (cluster->node_count > 1) {
        nodes[1].releasing = 9;
        nodes[1].sync_rate = 1000;
        nodes[1].marks = MARK_SEEN | MARK_ALL_SYNCED;
        nodes[1].change = CHANGE_LEAVES;
        nodes[1].staged = true;
    }
    struct buffer frame;
    buffer_init(&frame, 0);
    ASSERT(message_status_reply_encode(&status, &frame) == 0);
    send_buffer(visitor, &frame);
}

/* Two keys a page, in the order they were written; the cursor is a number. */
static void send_list(struct visitor *visitor, const struct message_list *list)
{
    struct fake_cluster *cluster = visitor->node->public.cluster;
    struct list_entry entries[2];
    struct message_list_reply reply = {.id = list->id, .entries = entries};
    uint32_t skip = list->after.len == 1 ? list->after.data[0] : 0;
    uint32_t seen = 0;
    static uint8_t cursor;
    for (struct queue *at = cluster->records.next; at != &cluster->records; at = at->next) {
        const struct record *record = QUEUE_ITEM(at, struct record, link);
        if (!bytes_starts_with(record->key, list->prefix) || seen++ < skip) {
            continue;
        }
        if (reply.count == 2) {
            cursor = (uint8_t)(skip + 2);
            reply.after = bytes_make(&cursor, 1);
            break;
        }
        entries[reply.count].key = record->key;
        entries[reply.count].value = list->with_values ? record->value : (struct bytes){0};
        reply.count++;
    }
    struct buffer frame;
    buffer_init(&frame, 0);
    ASSERT(message_list_reply_encode(&reply, &frame) == 0);
    send_buffer(visitor, &frame);
}

/* ---- visitors -------------------------------------------------------------------------------- */

static void visitor_free(struct visitor *visitor)
{
    queue_remove(&visitor->link);
    bufferevent_free(visitor->stream);
    free(visitor);
}

static void serve_data(struct visitor *visitor, uint32_t kind, struct bytes payload)
{
    struct fake_cluster *cluster = visitor->node->public.cluster;
    if (kind == MESSAGE_LIST) {
        struct message_list list;
        ASSERT(message_list_decode(payload, &cluster->arena, &list) == 0);
        send_list(visitor, &list);
        return;
    }
    struct message_request request;
    char context[32];
    struct result_value value;
    ASSERT(message_request_decode(payload, &cluster->arena, &request) == 0);
    atomic_store(&visitor->node->public.timeout_us, request.options.timeout_us);
    struct message_result result = apply(cluster, &request, context, &value);
    if (atomic_load(&visitor->node->public.manner) != FAKE_APPLIES_AND_HANGS_UP) {
        send_result(visitor, &result);
    }
}

/* False when the visitor is gone. */
static bool take_data(struct visitor *visitor, uint32_t kind, uint64_t id, struct bytes payload)
{
    struct fake_node *node = &visitor->node->public;
    atomic_fetch_add(&node->requests, 1);
    switch (atomic_load(&node->manner)) {
    case FAKE_KEEPS_SILENT:
        return true;
    case FAKE_HANGS_UP:
        visitor_free(visitor);
        return false;
    case FAKE_APPLIES_AND_HANGS_UP:
        serve_data(visitor, kind, payload);
        visitor_free(visitor);
        return false;
    case FAKE_REFUSES:
        send_code(visitor, id, atomic_load(&node->code), "as told");
        return true;
    case FAKE_TALKS_RUBBISH:
        (void)bufferevent_write(visitor->stream, "\0\0\0\4junk", 8);
        return true;
    case FAKE_ANSWERS_SOMETHING_ELSE:
        send_status(visitor, id);
        return true;
    default:
        serve_data(visitor, kind, payload);
        return true;
    }
}

static void greet(struct visitor *visitor, uint64_t id)
{
    int greeting = atomic_load(&visitor->node->public.greeting);
    if (greeting == FAKE_SAYS_NOTHING) {
        return;
    }
    if (greeting == FAKE_REFUSES_VERSION) {
        send_code(visitor, id, SHOAL_EVERSION, "this node speaks versions 2 to 3");
        return;
    }
    struct message_hello_reply reply = {
        .id = id,
        .version = PROTOCOL_VERSION,
        .node = 1,
        .name = "fake",
        .frame_bytes_max = 32u * LIMIT_MIB,
    };
    struct buffer frame;
    buffer_init(&frame, 0);
    ASSERT(message_hello_reply_encode(&reply, &frame) == 0);
    send_buffer(visitor, &frame);
    visitor->greeted = true;
}

/* One backup at a time, into the folder that was asked for last; it never gets further. */
static void send_backup(struct visitor *visitor, uint64_t id, struct bytes payload)
{
    struct arena *arena = &visitor->node->public.cluster->arena;
    struct message_backup asked;
    ASSERT(message_backup_decode(payload, arena, &asked) == 0);
    struct message_backup_reply reply = {
        .id = id,
        .number = 77,
        .state = BACKUP_SEALING,
        .path = asked.path.data == NULL ? bytes_from_string("/the/last") : asked.path,
        .files = 3,
        .bytes = 1000,
        .bytes_done = 10,
    };
    struct buffer frame;
    buffer_init(&frame, 0);
    ASSERT(message_backup_reply_encode(&reply, &frame) == 0);
    send_buffer(visitor, &frame);
}

/* Identical, unless values are wanted: then partition 3 differs, and 5 is not known. */
static void send_verification(struct visitor *visitor, uint64_t id, struct bytes payload)
{
    static const uint32_t partitions[] = {3, 5};
    struct message_verify asked;
    ASSERT(message_verify_decode(payload, &visitor->node->public.cluster->arena, &asked) == 0);
    struct message_verify_reply reply = {
        .id = id,
        .digest = {.low = 0xabc, .high = UINT64_C(0x1234567890abcdef)},
        .partitions = FAKE_PARTITIONS,
        .with_values = asked.with_values,
        .siblings = 77,
    };
    if (asked.with_values) {
        reply.differing = partitions;
        reply.differing_count = 1;
        reply.unverified = partitions + 1;
        reply.unverified_count = 1;
        reply.text = bytes_from_string("node3 is away");
    }
    struct buffer frame;
    buffer_init(&frame, 0);
    ASSERT(message_verify_reply_encode(&reply, &frame) == 0);
    send_buffer(visitor, &frame);
}

static void send_repair(struct visitor *visitor, uint64_t id)
{
    const struct message_repair_reply reply = {
        .id = id, .told = 2, .nodes = 3, .text = bytes_from_string("node3 is away")};
    struct buffer frame;
    buffer_init(&frame, 0);
    ASSERT(message_repair_reply_encode(&reply, &frame) == 0);
    send_buffer(visitor, &frame);
}

static const char *flags_of(const struct message_change *change)
{
    if (change->stage) {
        return change->force ? "stage force" : "stage";
    }
    return change->force ? "force" : "";
}

/* Says back what was asked; whoever asks that "the last" goes is refused. */
static void send_plan(struct visitor *visitor, uint64_t id, struct bytes payload)
{
    struct message_change asked;
    ASSERT(message_change_decode(payload, &visitor->node->public.cluster->arena, &asked) == 0);
    if (bytes_equal(asked.node, bytes_from_string("the last"))) {
        send_code(visitor, id, SHOAL_EINVAL, "somebody has to stay");
        return;
    }
    const struct plan_row rows[] = {
        {.node = 1,
         .name = asked.node,
         .zone = asked.zone,
         .kind = CHANGE_REWEIGHED,
         .weight = asked.weight,
         .partitions_before = 3,
         .partitions_after = 4,
         .partitions_in = 1,
         .bytes_in = 500},
        {.name = bytes_from_string("+1"), .zone = bytes_make("", 0), .kind = CHANGE_JOINS},
    };
    const struct message_change_reply reply = {
        .id = id,
        .changes = true,
        .committed = asked.op != CHANGE_PLAN,
        .version_before = 7,
        .version_after = 8,
        .partitions = FAKE_PARTITIONS,
        .replicas_before = 2,
        .replicas_after = 3,
        .moves = asked.nodes,
        .moves_least = asked.port,
        .zones_before = 1,
        .zones_after = 2,
        .share_excess_before_milli = 1500,
        .share_excess_after_milli = 250,
        .may_lose = 6,
        .bytes_in = 500,
        .reason = bytes_from_string(asked.host),
        .text = bytes_from_string(flags_of(&asked)),
        .rows = rows,
        .count = 2,
    };
    struct buffer frame;
    buffer_init(&frame, 0);
    ASSERT(message_change_reply_encode(&reply, &frame) == 0);
    send_buffer(visitor, &frame);
}

static void send_place(struct visitor *visitor, uint64_t id)
{
    const struct watched_event place = {.time_ms = 1, .cursor = bytes_from_string("here")};
    const struct message_watched watched = {.id = id, .events = &place, .count = 1};
    struct buffer frame;
    buffer_init(&frame, 0);
    ASSERT(message_watched_encode(&watched, &frame) == 0);
    send_buffer(visitor, &frame);
    atomic_fetch_add(&visitor->node->public.watches, 1);
}

static bool take_frame(struct visitor *visitor, struct bytes payload)
{
    uint32_t kind = 0;
    uint64_t id = 0;
    arena_reset(&visitor->node->public.cluster->arena);
    ASSERT(frame_validate(payload) == 0 && frame_peek(payload, &kind, &id) == 0);
    ASSERT((kind == MESSAGE_HELLO) != visitor->greeted);
    switch (kind) {
    case MESSAGE_HELLO:
        greet(visitor, id);
        return true;
    case MESSAGE_PING: {
        struct buffer frame;
        buffer_init(&frame, 0);
        ASSERT(message_pong_encode(id, &frame) == 0);
        send_buffer(visitor, &frame);
        return true;
    }
    case MESSAGE_STATUS:
        send_status(visitor, id);
        return true;
    case MESSAGE_RING:
        send_ring(visitor, id);
        return true;
    case MESSAGE_JOIN:
        send_code(visitor, id, SHOAL_EHASDATA, "fake nodes join nobody");
        return true;
    case MESSAGE_BACKUP:
        send_backup(visitor, id, payload);
        return true;
    case MESSAGE_VERIFY:
        send_verification(visitor, id, payload);
        return true;
    case MESSAGE_REPAIR:
        send_repair(visitor, id);
        return true;
    case MESSAGE_CHANGE:
        send_plan(visitor, id, payload);
        return true;
    case MESSAGE_WATCH:
        send_place(visitor, id);
        return true;
    default:
        return take_data(visitor, kind, id, payload);
    }
}

static void on_read(struct bufferevent *stream, void *user)
{
    struct visitor *visitor = user;
    struct evbuffer *input = bufferevent_get_input(stream);
    for (;;) {
        size_t len = evbuffer_get_length(input);
        struct bytes payload;
        size_t taken = 0;
        size_t need = 0;
        int found = frame_next(bytes_make(evbuffer_pullup(input, -1), len), LIMIT_FRAME_BYTES,
                               &payload, &taken, &need);
        ASSERT(found >= 0);
        if (found != 0 || !take_frame(visitor, payload)) {
            return;
        }
        evbuffer_drain(input, taken);
    }
}

static void on_event(struct bufferevent *stream, short what, void *user)
{
    (void)stream;
    (void)what;
    visitor_free(user);
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address,
                      int length, void *user)
{
    (void)listener;
    (void)address;
    (void)length;
    struct served *node = user;
    struct visitor *visitor = calloc(1, sizeof(*visitor));
    ASSERT(visitor != NULL);
    visitor->node = node;
    visitor->stream = bufferevent_socket_new(node->public.cluster->base, fd, BEV_OPT_CLOSE_ON_FREE);
    ASSERT(visitor->stream != NULL);
    bufferevent_setcb(visitor->stream, on_read, NULL, on_event, visitor);
    bufferevent_enable(visitor->stream, EV_READ | EV_WRITE);
    queue_push(&node->visitors, &visitor->link);
    atomic_fetch_add(&node->public.connections, 1);
}

/* ---- life ------------------------------------------------------------------------------------ */

void fake_node_start(struct fake_node *public)
{
    struct served *node = (struct served *)public;
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons(public->port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    node->listener = evconnlistener_new_bind(public->cluster->base, on_accept, node,
                                             LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE, -1,
                                             (struct sockaddr *)&address, (int)sizeof(address));
    ASSERT(node->listener != NULL);
    socklen_t len = sizeof(address);
    ASSERT(getsockname(evconnlistener_get_fd(node->listener), (struct sockaddr *)&address, &len) ==
           0);
    public->port = ntohs(address.sin_port);
}

void fake_node_stop(struct fake_node *public)
{
    struct served *node = (struct served *)public;
    if (node->listener != NULL) {
        evconnlistener_free(node->listener);
        node->listener = NULL;
    }
    struct queue *next;
    for (struct queue *at = node->visitors.next; at != &node->visitors; at = next) {
        next = at->next;
        visitor_free(QUEUE_ITEM(at, struct visitor, link));
    }
}

struct fake_cluster *fake_cluster_new(struct event_base *base, uint32_t nodes)
{
    struct fake_cluster *cluster = calloc(1, sizeof(*cluster));
    ASSERT(cluster != NULL && nodes <= FAKE_NODES_MAX);
    cluster->base = base;
    cluster->node_count = nodes;
    queue_init(&cluster->records);
    arena_init(&cluster->arena, LIMIT_MIB);
    for (uint32_t i = 0; i < nodes; i++) {
        cluster->nodes[i].public.cluster = cluster;
        queue_init(&cluster->nodes[i].visitors);
        fake_node_start(&cluster->nodes[i].public);
    }
    return cluster;
}

void fake_cluster_free(struct fake_cluster *cluster)
{
    for (uint32_t i = 0; i < cluster->node_count; i++) {
        fake_node_stop(&cluster->nodes[i].public);
    }
    struct queue *next;
    for (struct queue *at = cluster->records.next; at != &cluster->records; at = next) {
        next = at->next;
        forget(cluster, QUEUE_ITEM(at, struct record, link));
    }
    arena_deinit(&cluster->arena);
    free(cluster);
}

struct fake_node *fake_cluster_node(struct fake_cluster *cluster, uint32_t index)
{
    ASSERT(index < cluster->node_count);
    return &cluster->nodes[index].public;
}

uint32_t fake_cluster_owner(const struct fake_cluster *cluster, struct bytes key)
{
    return partition_of_key(key, FAKE_PARTITIONS) % cluster->node_count;
}

uint32_t fake_cluster_keys(const struct fake_cluster *cluster)
{
    return cluster->record_count;
}
