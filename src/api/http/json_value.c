/* See json_value.h for the table. */
#include "api/http/json_value.h"

#include "api/json_read.h"
#include "api/json_write.h"
#include "shoal/error.h"

int json_value_store(struct arena *arena, struct bytes value, struct bytes *stored)
{
    struct bytes text;
    struct bytes inner;
    *stored = value;
    if (json_kind(value) != JSON_STRING) {
        return 0;
    }
    int code = json_unescape(arena, value, &text);
    if (code == SHOAL_ENOMEM) {
        return code;
    }
    if (code == 0 && json_check(text, &inner, NULL) != 0) {
        *stored = text.len > 0 ? text : bytes_make("", 0);
    }
    return 0;
}

int json_value_field(struct buffer *out, struct bytes stored)
{
    static const char name[] = "\"value\":";
    struct bytes value;
    if (json_check(stored, &value, NULL) != 0) {
        return json_write_field(out, "value", stored);
    }
    int code = buffer_append(out, name, sizeof(name) - 1);
    return code == 0 ? buffer_append_bytes(out, value) : code;
}

int json_value_item(struct buffer *out, struct bytes stored)
{
    struct bytes value;
    if (json_check(stored, &value, NULL) != 0) {
        return json_write_item(out, "value", stored);
    }
    return buffer_append_bytes(out, value);
}
