/* Rendering with jansson. See otlp.h. */
#include "server/otlp.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

#include "base/text.h"
#include "shoal/error.h"

enum { STATUS_UNSET = 0, STATUS_ERROR = 2 };

/* ---- attributes ------------------------------------------------------------------------------ */

static void add(json_t *attributes, const char *name, const char *type, json_t *value)
{
    json_array_append_new(attributes, json_pack("{s:s, s:{s:o}}", "key", name, "value", type,
                                                value == NULL ? json_null() : value));
}

/* What isn't UTF-8 can't stand in JSON; names of nodes may be any bytes. */
static void add_text(json_t *attributes, const char *name, const char *text)
{
    if (text != NULL && text[0] != 0) {
        bool whole = text_is_utf8(bytes_from_string(text));
        add(attributes, name, "stringValue", json_string(whole ? text : "(not UTF-8)"));
    }
}

static void add_number(json_t *attributes, const char *name, uint64_t number)
{
    char digits[24];
    snprintf(digits, sizeof(digits), "%" PRIu64, number);
    add(attributes, name, "intValue", json_string(digits));
}

static void add_hex(json_t *attributes, const char *name, uint64_t number)
{
    char digits[17];
    snprintf(digits, sizeof(digits), "%016" PRIx64, number);
    add(attributes, name, "stringValue", json_string(digits));
}

static bool is_error(int32_t code)
{
    return code != 0 && code != SHOAL_ENOTFOUND;
}

static void add_request(json_t *attributes, const struct span *span)
{
    add_text(attributes, "db.system.name", "shoal");
    add_text(attributes, "db.operation.name", span->op);
    if (span->quorum) {
        add_number(attributes, "shoal.quorum.reached", (uint64_t)span->owners + span->fallbacks);
        add_number(attributes, "shoal.quorum.needed", span->needed);
    }
}

static void add_call(json_t *attributes, const struct span *span)
{
    add_text(attributes, "rpc.system", "shoal");
    add_text(attributes, "rpc.method", span->name);
    add_text(attributes, "shoal.peer", span->node);
    add_text(attributes, "server.address", span->host);
    if (span->port != 0) {
        add_number(attributes, "server.port", span->port);
    }
}

static json_t *attributes_of(const struct span *span)
{
    json_t *attributes = json_array();
    if (span->op != NULL) {
        add_request(attributes, span);
    } else if (span->kind != SPAN_INTERNAL) {
        add_call(attributes, span);
    }
    add_text(attributes, "shoal.surface", span->surface);
    add_text(attributes, "shoal.waited", span->waited);
    if (span->partition != SPAN_NO_PARTITION) {
        add_number(attributes, "shoal.partition", span->partition);
    }
    if (span->key_hash != 0) {
        add_hex(attributes, "shoal.key.hash", span->key_hash);
    }
    if (span->open) {
        add(attributes, "shoal.unanswered", "boolValue", json_true());
    }
    if (span->code == SHOAL_ENOTFOUND) {
        add(attributes, "shoal.found", "boolValue", json_false());
    } else if (is_error(span->code)) {
        add_text(attributes, "error.type", shoal_error_text(span->code));
    }
    return attributes;
}

/* ---- spans ----------------------------------------------------------------------------------- */

static void set_hex(json_t *object, const char *name, uint64_t number)
{
    char digits[17];
    snprintf(digits, sizeof(digits), "%016" PRIx64, number);
    json_object_set_new(object, name, json_string(digits));
}

static void set_ns(json_t *object, const char *name, uint64_t ns)
{
    char digits[24];
    snprintf(digits, sizeof(digits), "%" PRIu64, ns);
    json_object_set_new(object, name, json_string(digits));
}

static json_t *render_span(const struct span *span)
{
    char trace[33];
    json_t *object = json_object();
    snprintf(trace, sizeof(trace), "%016" PRIx64 "%016" PRIx64, span->id_high, span->id_low);
    json_object_set_new(object, "traceId", json_string(trace));
    set_hex(object, "spanId", span->id);
    if (span->parent != 0) {
        set_hex(object, "parentSpanId", span->parent);
    }
    json_object_set_new(object, "name", json_string(span->name));
    json_object_set_new(object, "kind", json_integer(span->kind));
    set_ns(object, "startTimeUnixNano", span->begin_ns);
    set_ns(object, "endTimeUnixNano", span->end_ns);
    json_object_set_new(object, "attributes", attributes_of(span));
    if (is_error(span->code)) {
        json_object_set_new(
            object, "status",
            json_pack("{s:i, s:s}", "code", STATUS_ERROR, "message", shoal_error_text(span->code)));
    }
    return object;
}

static json_t *render_resource(const struct otlp_resource *resource)
{
    json_t *attributes = json_array();
    add_text(attributes, "service.name", "shoal");
    add_text(attributes, "service.namespace", resource->cluster);
    add_text(attributes, "service.instance.id", resource->node);
    add_text(attributes, "service.version", SHOAL_VERSION);
    add_text(attributes, "shoal.zone", resource->zone);
    return json_pack("{s:o}", "attributes", attributes);
}

char *otlp_render(const struct otlp_resource *resource, const struct span *spans, uint32_t count)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < count; i++) {
        json_array_append_new(list, render_span(&spans[i]));
    }
    json_t *request = json_pack("{s:[{s:o, s:[{s:{s:s, s:s}, s:o}]}]}", "resourceSpans", "resource",
                                render_resource(resource), "scopeSpans", "scope", "name", "shoal",
                                "version", SHOAL_VERSION, "spans", list);
    char *text = request == NULL ? NULL : json_dumps(request, JSON_COMPACT);
    json_decref(request);
    return text;
}

uint64_t otlp_rejected(struct bytes answer)
{
    json_t *root = json_loadb((const char *)answer.data, answer.len, JSON_REJECT_DUPLICATES, NULL);
    const json_t *rejected =
        json_object_get(json_object_get(root, "partialSuccess"), "rejectedSpans");
    uint64_t count = 0;
    if (json_is_integer(rejected) && json_integer_value(rejected) > 0) {
        count = (uint64_t)json_integer_value(rejected);
    } else if (json_is_string(rejected) &&
               text_parse_u64(json_string_value(rejected), 0, UINT64_MAX, &count) != 0) {
        count = 0;
    }
    json_decref(root);
    return count;
}
