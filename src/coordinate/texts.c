/* The words of messages: what was asked, of whom, and why not. All in the event's arena. */
#include "coordinate/fallback.h"
#include "shoal/error.h"

#include <stdio.h>

const char *request_op_text(uint32_t op)
{
    switch (op) {
    case REQUEST_PUT:
        return "put";
    case REQUEST_GET:
        return "get";
    case REQUEST_DELETE:
        return "delete";
    case REQUEST_ADD:
        return "add";
    case REQUEST_EXPIRE:
        return "expire";
    case REQUEST_LIST:
        return "list";
    case REQUEST_JOIN:
        return "join";
    case REQUEST_BACKUP:
        return "backup";
    default:
        return "request";
    }
}

const char *request_key_text(struct coordinator *coordinator, struct bytes key)
{
    enum { SHOWN = 48 };
    char *text = arena_alloc(coordinator->arena, SHOWN * 4 + 8);
    if (text == NULL) {
        return "";
    }
    size_t shown = key.len < SHOWN ? key.len : SHOWN;
    char *at = text;
    for (size_t i = 0; i < shown; i++) {
        uint8_t c = key.data[i];
        if (c >= 0x20 && c < 0x7f && c != '\\') {
            *at++ = (char)c;
        } else {
            at += snprintf(at, 5, "\\x%02x", c);
        }
    }
    (void)snprintf(at, 8, "%s", key.len > SHOWN ? "..." : "");
    return text;
}

const char *operation_reached(const struct operation *operation)
{
    enum { TEXT_BYTES = 128 };
    char *text = arena_alloc(operation->coordinator->arena, TEXT_BYTES);
    if (text == NULL) {
        return "too few confirmed";
    }
    uint32_t fallbacks = fallback_votes(operation);
    int len = snprintf(text, TEXT_BYTES, "%u of W=%u owners confirmed",
                       fallback_owner_votes(operation), operation->quorum.w);
    if (fallbacks > 0 && len > 0) {
        (void)snprintf(text + len, TEXT_BYTES - (size_t)len, ", %u fallback%s", fallbacks,
                       fallbacks == 1 ? "" : "s");
    }
    return text;
}

const char *operation_fate(const struct operation *operation)
{
    enum { TEXT_BYTES = 128 };
    char *text = operation->begun ? arena_alloc(operation->coordinator->arena, TEXT_BYTES) : NULL;
    if (text == NULL) {
        return operation->begun ? "it may or may not be kept" : "nothing was applied";
    }
    (void)snprintf(text, TEXT_BYTES,
                   "the %s may or may not be kept: read the key before trying again",
                   request_op_text(operation->request->op));
    return text;
}

const char *operation_names(const struct operation *operation, uint64_t targets)
{
    struct coordinator *coordinator = operation->coordinator;
    enum { TEXT_BYTES = 1024 };
    char *text = arena_alloc(coordinator->arena, TEXT_BYTES);
    if (text == NULL || targets == 0) {
        return "none";
    }
    size_t len = 0;
    text[0] = '\0';
    while (targets != 0) {
        uint32_t i = (uint32_t)__builtin_ctzll(targets);
        targets &= targets - 1;
        const char *name =
            coordinator->courier.name(coordinator->courier.self, operation->placement.nodes[i]);
        int wrote = snprintf(text + len, TEXT_BYTES - len, "%s%s", len == 0 ? "" : ", ", name);
        if (wrote < 0 || (size_t)wrote >= TEXT_BYTES - len) {
            break;
        }
        len += (size_t)wrote;
    }
    return text;
}

const char *operation_reasons(const struct operation *operation, uint64_t targets)
{
    struct coordinator *coordinator = operation->coordinator;
    enum { TEXT_BYTES = 1024 };
    char *text = arena_alloc(coordinator->arena, TEXT_BYTES);
    if (text == NULL || targets == 0) {
        return "none";
    }
    size_t len = 0;
    text[0] = '\0';
    for (; targets != 0; targets &= targets - 1) {
        uint32_t i = (uint32_t)__builtin_ctzll(targets);
        int wrote = snprintf(
            text + len, TEXT_BYTES - len, "%s%s: %s", len == 0 ? "" : ", ",
            coordinator->courier.name(coordinator->courier.self, operation->placement.nodes[i]),
            shoal_error_text(operation->refusals[i]));
        if (wrote < 0 || (size_t)wrote >= TEXT_BYTES - len) {
            break;
        }
        len += (size_t)wrote;
    }
    return text;
}
