/* Making calls: options are checked, bytes copied behind the struct in the same allocation. What is
 * wrong with a request is noted in it and told through its callback, like any other outcome. */
#include "client/call.h"

#include "base/memory.h"
#include "shoal/error.h"

/* Of the time that is left, what the node is given: the rest is for the way back, so that the
 * node's own explanation of a timeout arrives before the client's patience ends. */
#define NODE_SHARE(us) ((us) - (us) / 10)

#define QUORUM_NUMBER_MAX INT32_C(1024)

static struct bytes bytes_of(struct shoal_bytes bytes)
{
    return bytes_make(bytes.data, bytes.len);
}

static struct call *call_new(enum message_kind kind, size_t extra,
                             const struct shoal_options *options)
{
    struct call *call = mem_alloc(sizeof(*call) + extra);
    if (call == NULL) {
        return NULL;
    }
    memset(call, 0, sizeof(*call));
    queue_init(&call->link);
    call->kind = kind;
    call->counted = sizeof(*call) + extra;
    call->timeout_us = 0;
    if (options != NULL) {
        uint64_t ms_max = UINT64_MAX / 4000;
        call->timeout_us =
            (options->timeout_ms < ms_max ? options->timeout_ms : ms_max) * UINT64_C(1000);
    }
    return call;
}

static void refuse(struct call *call, int code, const char *text)
{
    if (call->refusal == 0) {
        call->refusal = code;
        call->refusal_text = text;
    }
}

static bool quorum_number_wrong(int32_t number)
{
    return number < QUORUM_ALL || number > QUORUM_NUMBER_MAX;
}

static struct request_options take_options(struct call *call, const struct shoal_options *options)
{
    struct request_options taken = {0};
    if (options == NULL) {
        return taken;
    }
    taken = (struct request_options){
        .n = options->n,
        .r = options->r,
        .w = options->w,
        .pr = options->pr,
        .pw = options->pw,
        .dw = options->dw,
    };
    if (quorum_number_wrong(taken.n) || quorum_number_wrong(taken.r) ||
        quorum_number_wrong(taken.w) || quorum_number_wrong(taken.pr) ||
        quorum_number_wrong(taken.pw) || quorum_number_wrong(taken.dw)) {
        refuse(call, SHOAL_EINVAL,
               "n, r, w, pr, pw and dw are numbers of nodes, SHOAL_QUORUM or SHOAL_ALL");
    }
    return taken;
}

static struct trace take_trace(struct call *call, const struct shoal_options *options)
{
    struct trace trace = {0};
    if (options != NULL && options->traceparent != NULL &&
        trace_parse(bytes_from_string(options->traceparent), &trace) != 0) {
        refuse(call, SHOAL_EINVAL,
               "traceparent is none: \"00-<32 hex digits>-<16 hex digits>-<2 hex digits>\"");
    }
    return trace;
}

/* Copies bytes to *at and moves it on. "None" and "empty" stay apart. */
static struct bytes take_bytes(uint8_t **at, struct bytes from)
{
    if (from.data == NULL) {
        return (struct bytes){0};
    }
    struct bytes copy = bytes_make(*at, from.len);
    if (from.len > 0) {
        memcpy(*at, from.data, from.len);
    }
    *at += from.len;
    return copy;
}

static void check_request(struct call *call)
{
    const struct message_request *request = &call->request;
    if (request->key.len == 0) {
        refuse(call, SHOAL_EINVAL, "the key is empty: a key has at least one byte");
    } else if (request->key.len > LIMIT_KEY_BYTES_MAX) {
        refuse(call, SHOAL_ETOOBIG, "the key is over 256 KiB, the most any cluster takes");
    } else if (request->value.len > LIMIT_VALUE_BYTES_MAX) {
        refuse(call, SHOAL_ETOOBIG, "the value is over 64 MiB, the most any cluster takes");
    } else if (request->context.len > LIMIT_TOKEN_BYTES) {
        refuse(call, SHOAL_ECONTEXT, "the context is none that Shoal has given: it is too long");
    }
}

struct call *call_new_request(enum request_op op, struct bytes key, struct bytes value,
                              const struct shoal_options *options)
{
    struct bytes context = {0};
    if (options != NULL && (op == REQUEST_PUT || op == REQUEST_DELETE)) {
        context = bytes_of(options->context);
    }
    /* What is far too big is refused, not copied. */
    bool huge = key.len > LIMIT_KEY_BYTES_MAX || value.len > LIMIT_VALUE_BYTES_MAX ||
                context.len > LIMIT_TOKEN_BYTES;
    size_t extra = huge ? 0 : key.len + value.len + context.len;
    struct call *call = call_new(MESSAGE_REQUEST, extra, options);
    if (call == NULL) {
        return NULL;
    }
    call->changes = op != REQUEST_GET;
    struct message_request *request = &call->request;
    request->op = (uint32_t)op;
    request->options = take_options(call, options);
    request->trace = take_trace(call, options);
    request->ttl_ms = options != NULL && op == REQUEST_PUT ? options->ttl_ms : 0;
    request->key = key;
    request->value = value;
    request->context = context;
    check_request(call);
    if (!huge) {
        uint8_t *at = call->memory;
        request->key = take_bytes(&at, key);
        request->value = take_bytes(&at, value);
        request->context = take_bytes(&at, context);
    }
    if (op == REQUEST_PUT && request->value.data == NULL) {
        request->value = bytes_make(call->memory, 0);
    }
    return call;
}

struct call *call_new_list(const struct shoal_list *list, const struct shoal_options *options)
{
    static const struct shoal_list everything = {0};
    if (list == NULL) {
        list = &everything;
    }
    bool huge = list->prefix.len > LIMIT_KEY_BYTES_MAX || list->after.len > LIMIT_CURSOR_BYTES;
    size_t extra = huge ? 0 : list->prefix.len + list->after.len;
    struct call *call = call_new(MESSAGE_LIST, extra, options);
    if (call == NULL) {
        return NULL;
    }
    call->list.options = take_options(call, options);
    call->list.trace = take_trace(call, options);
    call->list.limit = list->limit;
    call->list.with_values = list->with_values != 0;
    if (huge) {
        refuse(call, SHOAL_ETOOBIG, "the prefix or the cursor is longer than any can be");
        return call;
    }
    if (list->limit > LIMIT_LIST_KEYS) {
        refuse(call, SHOAL_ETOOBIG, "a list gives at most 10000 keys a page");
    }
    uint8_t *at = call->memory;
    call->list.prefix = take_bytes(&at, bytes_of(list->prefix));
    call->list.after = take_bytes(&at, bytes_of(list->after));
    return call;
}

struct call *call_new_join(const char *host, uint16_t port, bool stage,
                           const struct shoal_options *options)
{
    struct call *call = call_new(MESSAGE_JOIN, sizeof(struct message_join), options);
    if (call == NULL) {
        return NULL;
    }
    call->changes = true;
    call->join = (struct message_join *)(void *)call->memory;
    *call->join = (struct message_join){.port = port, .stage = stage};
    if (host == NULL || host[0] == '\0' || strlen(host) > LIMIT_NAME_BYTES || port == 0) {
        refuse(call, SHOAL_EINVAL, "give the host and peer port of a node in the cluster");
        return call;
    }
    memcpy(call->join->host, host, strlen(host));
    return call;
}

/* "Not told" and "empty" stay apart. */
static struct bytes name_of(const char *text)
{
    return text == NULL ? (struct bytes){0} : bytes_from_string(text);
}

static void check_change(struct call *call, const struct shoal_change *change)
{
    size_t host_len = change->host == NULL ? 0 : strlen(change->host);
    if ((unsigned)change->op > SHOAL_CHANGE_SET) {
        refuse(call, SHOAL_EINVAL, "there is no such change: see enum shoal_change_op");
    } else if (host_len > LIMIT_NAME_BYTES) {
        refuse(call, SHOAL_EINVAL, "the new node's host is longer than 255 bytes");
    } else if (change->op == SHOAL_CHANGE_REPLACE && (host_len == 0 || change->peer_port == 0)) {
        refuse(call, SHOAL_EINVAL, "give the host and peer port of the new node");
    } else if (name_of(change->node).len > LIMIT_NAME_BYTES ||
               name_of(change->zone).len > LIMIT_NAME_BYTES) {
        refuse(call, SHOAL_EINVAL, "names of nodes and zones have at most 255 bytes");
    }
}

struct call *call_new_change(const struct shoal_change *change, const struct shoal_options *options)
{
    struct bytes node = name_of(change->node);
    struct bytes zone = name_of(change->zone);
    struct message_change *message;
    struct call *call = call_new(MESSAGE_CHANGE, sizeof(*message) + node.len + zone.len, options);
    if (call == NULL) {
        return NULL;
    }
    call->changes = change->op != SHOAL_CHANGE_PLAN;
    message = (struct message_change *)(void *)call->memory;
    uint8_t *at = call->memory + sizeof(*message);
    *message = (struct message_change){
        .op = (uint32_t)change->op,
        .stage = change->stage != 0,
        .force = change->force != 0,
        .node = take_bytes(&at, node),
        .port = change->peer_port,
        .weight = change->weight,
        .zone = take_bytes(&at, zone),
        .nodes = change->nodes,
    };
    call->change = message;
    check_change(call, change);
    if (call->refusal == 0 && change->host != NULL) {
        memcpy(message->host, change->host, strlen(change->host));
    }
    return call;
}

struct call *call_new_backup(const char *path, const struct shoal_options *options)
{
    struct bytes bytes = path == NULL ? (struct bytes){0} : bytes_from_string(path);
    bool wrong = bytes.data != NULL &&
                 (bytes.len == 0 || bytes.len > LIMIT_PATH_BYTES || bytes.data[0] != '/');
    struct call *call = call_new(MESSAGE_BACKUP, wrong ? 0 : bytes.len, options);
    if (call == NULL) {
        return NULL;
    }
    call->changes = path != NULL;
    if (wrong) {
        refuse(call, SHOAL_EINVAL, "give an absolute path, at most 4095 bytes long");
        return call;
    }
    uint8_t *at = call->memory;
    call->backup.path = take_bytes(&at, bytes);
    return call;
}

struct call *call_new_verify(bool with_values, const struct shoal_options *options)
{
    struct call *call = call_new(MESSAGE_VERIFY, 0, options);
    if (call != NULL) {
        call->with_values = with_values;
    }
    return call;
}

struct call *call_new_plain(enum message_kind kind, const struct shoal_options *options)
{
    return call_new(kind, 0, options);
}

void call_free(struct call *call)
{
    mem_free(call);
}

int call_encode(const struct call *call, uint64_t now_us, struct buffer *out)
{
    uint64_t left_us = call->deadline_us > now_us ? call->deadline_us - now_us : 0;
    uint64_t share_us = NODE_SHARE(left_us) > 0 ? NODE_SHARE(left_us) : 1;
    switch (call->kind) {
    case MESSAGE_REQUEST: {
        struct message_request request = call->request;
        request.id = call->id;
        request.options.timeout_us = share_us;
        return message_request_encode(&request, out);
    }
    case MESSAGE_LIST: {
        struct message_list list = call->list;
        list.id = call->id;
        list.options.timeout_us = share_us;
        return message_list_encode(&list, out);
    }
    case MESSAGE_JOIN: {
        struct message_join join = *call->join;
        join.id = call->id;
        join.timeout_us = share_us;
        return message_join_encode(&join, out);
    }
    case MESSAGE_CHANGE: {
        struct message_change change = *call->change;
        change.id = call->id;
        change.timeout_us = share_us;
        return message_change_encode(&change, out);
    }
    case MESSAGE_BACKUP: {
        struct message_backup backup = call->backup;
        backup.id = call->id;
        return message_backup_encode(&backup, out);
    }
    case MESSAGE_VERIFY: {
        const struct message_verify verify = {
            .id = call->id, .with_values = call->with_values, .timeout_us = share_us};
        return message_verify_encode(&verify, out);
    }
    case MESSAGE_REPAIR: {
        const struct message_repair repair = {.id = call->id, .pass_on = true};
        return message_repair_encode(&repair, out);
    }
    case MESSAGE_STATUS:
        return message_status_encode(call->id, out);
    case MESSAGE_RING:
        return message_ring_encode(call->id, out);
    default:
        return message_ping_encode(call->id, out);
    }
}

struct bytes call_key(const struct call *call)
{
    return call->kind == MESSAGE_REQUEST ? call->request.key : (struct bytes){0};
}

bool call_tried(const struct call *call, uint64_t endpoint_serial)
{
    for (uint32_t i = 0; i < call->tries && i < CALL_TRIES_MAX; i++) {
        if (call->tried[i] == endpoint_serial) {
            return true;
        }
    }
    return false;
}

void call_note_try(struct call *call, uint64_t endpoint_serial)
{
    if (call->tries < CALL_TRIES_MAX) {
        call->tried[call->tries] = endpoint_serial;
    }
    call->tries++;
}
