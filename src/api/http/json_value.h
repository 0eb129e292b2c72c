/* Values as /data and /v1/execute have them: JSON in and out, though what is stored are bytes that
 * every other surface sees, too.
 *
 *      JSON                         stored                      why
 *      12, 1.0, {"a": [null]}       the text as it was sent     comes back byte for byte
 *      "hello"                      hello                       what GET and get answer elsewhere
 *      "12", "true", "{}"           "12", "true", "{}"          without quotes it would come back
 *                                                               as another value
 *      value_base64                 the bytes
 *
 * And back: bytes that are JSON are that value, other UTF-8 is a string, the rest base64. Pure. */
#ifndef API_HTTP_JSON_VALUE_H
#define API_HTTP_JSON_VALUE_H

#include "base/arena.h"
#include "base/buffer.h"

/* What is stored for a value that json_check has passed: borrowed from it, or in the arena; data is
 * never NULL. 0 or SHOAL_ENOMEM. */
int json_value_store(struct arena *arena, struct bytes value, struct bytes *stored);

/* Append what stands for stored bytes, or fail as buffer_append does: "value":... or
 * "value_base64":"..."; alone the value, or {"value_base64":"..."}. */
int json_value_field(struct buffer *out, struct bytes stored);
int json_value_item(struct buffer *out, struct bytes stored);

#endif
