/* Bounds that need no cluster to be judged. Whether R fits N is the core's business, which knows N.
 */
#include "api/native_check.h"

#include <inttypes.h>
#include <stdio.h>

#include "shoal/error.h"

#define TIMEOUT_US_MAX UINT64_C(3600000000) /* an hour */
#define TTL_MS_MAX (UINT64_C(100) * 365 * 24 * 3600 * 1000)
#define FRAME_SPARE_BYTES (4u * LIMIT_KIB)
#define FRAME_BYTES_LEAST LIMIT_MIB /* a list's cursor is longer than short keys and values */

static int check_key(const struct native_bounds *bounds, struct bytes key,
                     char text[NATIVE_TEXT_BYTES])
{
    if (key.len == 0) {
        snprintf(text, NATIVE_TEXT_BYTES, "the key is empty: a key has 1 to %" PRIu64 " bytes",
                 bounds->key_bytes);
        return SHOAL_EINVAL;
    }
    if (key.len > bounds->key_bytes) {
        snprintf(text, NATIVE_TEXT_BYTES,
                 "the key has %zu bytes, the limit is %" PRIu64 " (limits.key_bytes)", key.len,
                 bounds->key_bytes);
        return SHOAL_ETOOBIG;
    }
    return 0;
}

static int check_number(const char *name, int32_t number, int32_t least,
                        char text[NATIVE_TEXT_BYTES])
{
    if (number >= QUORUM_ALL && number < 0 && least < 0) {
        return 0;
    }
    if (number < 0 || number > (int32_t)LIMIT_REPLICAS) {
        snprintf(text, NATIVE_TEXT_BYTES, "%s is %d: it is a number from 1 to %u%s", name, number,
                 LIMIT_REPLICAS, least < 0 ? ", one, quorum or all" : "");
        return SHOAL_EINVAL;
    }
    return 0;
}

static int check_options(const struct request_options *options, char text[NATIVE_TEXT_BYTES])
{
    const struct {
        const char *name;
        int32_t number;
        int32_t least;
    } numbers[] = {
        {"n", options->n, 0},
        {"r", options->r, QUORUM_ALL},
        {"w", options->w, QUORUM_ALL},
        {"pr", options->pr, QUORUM_ALL},
        {"pw", options->pw, QUORUM_ALL},
        {"dw", options->dw, QUORUM_ALL},
    };
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        int code = check_number(numbers[i].name, numbers[i].number, numbers[i].least, text);
        if (code != 0) {
            return code;
        }
    }
    if (options->timeout_us > TIMEOUT_US_MAX) {
        snprintf(text, NATIVE_TEXT_BYTES, "the timeout is %" PRIu64 " us: an hour is the most",
                 options->timeout_us);
        return SHOAL_EINVAL;
    }
    return 0;
}

int native_check_request(const struct native_bounds *bounds, const struct message_request *request,
                         char text[NATIVE_TEXT_BYTES])
{
    int code = check_key(bounds, request->key, text);
    if (code != 0) {
        return code;
    }
    if (request->value.len > bounds->value_bytes) {
        snprintf(text, NATIVE_TEXT_BYTES,
                 "the value has %zu bytes, the limit is %" PRIu64 " (limits.value_bytes)",
                 request->value.len, bounds->value_bytes);
        return SHOAL_ETOOBIG;
    }
    if (request->ttl_ms > TTL_MS_MAX) {
        snprintf(text, NATIVE_TEXT_BYTES, "the ttl is %" PRIu64 " ms: 100 years is the most",
                 request->ttl_ms);
        return SHOAL_EINVAL;
    }
    bool amends = request->op == REQUEST_ADD || request->op == REQUEST_EXPIRE;
    if (amends && request->context.data != NULL) {
        snprintf(text, NATIVE_TEXT_BYTES, "an add or expire takes no context");
        return SHOAL_EINVAL;
    }
    return check_options(&request->options, text);
}

int native_check_list(const struct native_bounds *bounds, const struct message_list *list,
                      char text[NATIVE_TEXT_BYTES])
{
    if (list->prefix.len > bounds->key_bytes) {
        snprintf(text, NATIVE_TEXT_BYTES,
                 "the prefix has %zu bytes, keys have at most %" PRIu64 " (limits.key_bytes)",
                 list->prefix.len, bounds->key_bytes);
        return SHOAL_ETOOBIG;
    }
    if (list->limit > LIMIT_LIST_KEYS) {
        snprintf(text, NATIVE_TEXT_BYTES, "the limit is %u keys: %u is the most a page carries",
                 list->limit, LIMIT_LIST_KEYS);
        return SHOAL_EINVAL;
    }
    return check_options(&list->options, text);
}

int native_check_timeout(uint64_t timeout_us, char text[NATIVE_TEXT_BYTES])
{
    if (timeout_us > TIMEOUT_US_MAX) {
        snprintf(text, NATIVE_TEXT_BYTES, "the timeout is %" PRIu64 " us: an hour is the most",
                 timeout_us);
        return SHOAL_EINVAL;
    }
    return 0;
}

/* Where a node is. */
static int check_address(const char *host, uint32_t port, const char *what,
                         char text[NATIVE_TEXT_BYTES])
{
    if (host[0] == '\0') {
        snprintf(text, NATIVE_TEXT_BYTES, "the host is empty: give HOST:PEER_PORT of %s", what);
        return SHOAL_EINVAL;
    }
    if (port == 0 || port > UINT16_MAX) {
        snprintf(text, NATIVE_TEXT_BYTES, "the port is %u: it is a number from 1 to 65535", port);
        return SHOAL_EINVAL;
    }
    return 0;
}

int native_check_join(const struct message_join *join, char text[NATIVE_TEXT_BYTES])
{
    int code = check_address(join->host, join->port, "a node in the cluster", text);
    return code != 0 ? code : native_check_timeout(join->timeout_us, text);
}

static int refuse(int code, char text[NATIVE_TEXT_BYTES], const char *why)
{
    snprintf(text, NATIVE_TEXT_BYTES, "%s", why);
    return code;
}

static int check_set(const struct message_change *change, char text[NATIVE_TEXT_BYTES])
{
    if (change->weight == 0 && change->zone.data == NULL) {
        return refuse(SHOAL_EINVAL, text, "nothing is to be set: give a weight or a zone");
    }
    if (change->weight > LIMIT_WEIGHT) {
        snprintf(text, NATIVE_TEXT_BYTES, "the weight is %u: it is a number from 1 to %u",
                 change->weight, LIMIT_WEIGHT);
        return SHOAL_EINVAL;
    }
    return 0;
}

static int check_by_op(const struct message_change *change, char text[NATIVE_TEXT_BYTES])
{
    bool named = change->node.data != NULL;
    switch (change->op) {
    case CHANGE_PLAN:
        if (change->nodes > LIMIT_MEMBERS) {
            snprintf(text, NATIVE_TEXT_BYTES, "%u nodes are more than a cluster may have (%u)",
                     change->nodes, LIMIT_MEMBERS);
            return SHOAL_EINVAL;
        }
        return 0;
    case CHANGE_COMMIT:
    case CHANGE_CANCEL:
    case CHANGE_LEAVE:
        return 0;
    case CHANGE_REMOVE:
        return named ? 0 : refuse(SHOAL_EINVAL, text, "name the node that is to be removed");
    case CHANGE_REPLACE:
        if (!named) {
            return refuse(SHOAL_EINVAL, text, "name the node that is to be replaced");
        }
        return check_address(change->host, change->port, "the new node", text);
    case CHANGE_SET:
        return check_set(change, text);
    default:
        snprintf(text, NATIVE_TEXT_BYTES, "this node knows no change of number %u", change->op);
        return SHOAL_EUNSUPPORTED;
    }
}

int native_check_change(const struct message_change *change, char text[NATIVE_TEXT_BYTES])
{
    if (change->node.data != NULL && change->node.len == 0) {
        return refuse(SHOAL_EINVAL, text, "the node's name is empty");
    }
    int code = check_by_op(change, text);
    return code != 0 ? code : native_check_timeout(change->timeout_us, text);
}

size_t native_frame_bytes_max(const struct native_bounds *bounds)
{
    size_t most =
        (size_t)(bounds->key_bytes + bounds->value_bytes) + LIMIT_TOKEN_BYTES + FRAME_SPARE_BYTES;
    return most < FRAME_BYTES_LEAST ? FRAME_BYTES_LEAST : most;
}

void native_explain_frame(const struct native_bounds *bounds, size_t len,
                          char text[NATIVE_TEXT_BYTES])
{
    snprintf(text, NATIVE_TEXT_BYTES,
             "a request of %zu bytes is too large: a key may have %" PRIu64
             " bytes (limits.key_bytes) and a value %" PRIu64 " (limits.value_bytes)",
             len, bounds->key_bytes, bounds->value_bytes);
}
