/* Writing JSON as the surfaces do: appended piece by piece to a buffer that the caller sends on.
 * Bytes that aren't UTF-8 travel as base64 under a name that says so, for JSON has no bytes. */
#ifndef API_JSON_WRITE_H
#define API_JSON_WRITE_H

#include "base/buffer.h"

/* All append, or fail as buffer_append does; a failed one may leave a part behind. */

/* A string. The bytes are valid UTF-8. */
int json_write_text(struct buffer *out, struct bytes text);

/* "name":"..." or "name_base64":"...". */
int json_write_field(struct buffer *out, const char *name, struct bytes bytes);

/* A string; {"name_base64":"..."} for bytes that aren't UTF-8: where they stand without a name. */
int json_write_item(struct buffer *out, const char *name, struct bytes bytes);

#endif
