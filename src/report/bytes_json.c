/* Bytes in JSON; see bytes_json.h. */
#include "report/bytes_json.h"

#include <stdio.h>

#include "base/buffer.h"
#include "base/text.h"

#define NAME_BYTES 64u

typedef int (*encoder_fn)(struct bytes in, struct buffer *out);

static bool set_encoded(json_t *object, const char *name, struct shoal_bytes bytes,
                        encoder_fn encode)
{
    struct buffer text;
    buffer_init(&text, 0);
    bool done =
        encode(bytes_make(bytes.data, bytes.len), &text) == 0 &&
        json_object_set_new(
            object, name,
            json_stringn_nocheck(text.len == 0 ? "" : (const char *)text.data, text.len)) == 0;
    buffer_deinit(&text);
    return done;
}

bool json_set_token(json_t *object, const char *name, struct shoal_bytes token)
{
    if (token.data == NULL) {
        return json_object_set_new(object, name, json_null()) == 0;
    }
    return set_encoded(object, name, token, text_base64url_encode);
}

bool json_set_bytes(json_t *object, const char *name, struct shoal_bytes bytes)
{
    if (bytes.data == NULL) {
        return json_object_set_new(object, name, json_null()) == 0;
    }
    if (text_is_utf8(bytes_make(bytes.data, bytes.len))) {
        return json_object_set_new(object, name, json_stringn_nocheck(bytes.data, bytes.len)) == 0;
    }
    char encoded_name[NAME_BYTES];
    (void)snprintf(encoded_name, sizeof(encoded_name), "%s_base64", name);
    return set_encoded(object, encoded_name, bytes, text_base64_encode);
}
