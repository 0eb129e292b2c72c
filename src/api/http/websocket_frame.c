/* See websocket_frame.h. */
#include "api/http/websocket_frame.h"

#include "base/text.h"

#define FIN 0x80u

size_t websocket_header(enum websocket_opcode opcode, uint64_t len,
                        uint8_t out[WEBSOCKET_HEADER_BYTES_MAX])
{
    out[0] = (uint8_t)(FIN | (unsigned)opcode);
    if (len < 126) {
        out[1] = (uint8_t)len;
        return 2;
    }
    size_t digits = len <= UINT16_MAX ? 2 : 8;
    out[1] = digits == 2 ? 126 : 127;
    for (size_t i = 0; i < digits; i++) {
        out[2 + i] = (uint8_t)(len >> (8 * (digits - 1 - i)));
    }
    return 2 + digits;
}

int websocket_append(struct buffer *out, enum websocket_opcode opcode, struct bytes payload)
{
    uint8_t header[WEBSOCKET_HEADER_BYTES_MAX];
    size_t len = websocket_header(opcode, payload.len, header);
    int code = buffer_reserve(out, len + payload.len);
    if (code == 0) {
        (void)buffer_append(out, header, len);
        (void)buffer_append_bytes(out, payload);
    }
    return code;
}

/* The longest beginning that is no more than this and ends with a character. */
static size_t cut(struct bytes text, size_t len_max)
{
    size_t len = 0;
    while (len < text.len) {
        size_t step = text_utf8_length(bytes_make(text.data + len, text.len - len));
        if (step == 0 || len + step > len_max) {
            break;
        }
        len += step;
    }
    return len;
}

int websocket_append_close(struct buffer *out, uint16_t code, struct bytes reason)
{
    uint8_t payload[WEBSOCKET_CONTROL_BYTES_MAX] = {(uint8_t)(code >> 8), (uint8_t)code};
    if (code == WEBSOCKET_NO_CODE) {
        return websocket_append(out, WEBSOCKET_CLOSE, bytes_make(payload, 0));
    }
    size_t len = cut(reason, WEBSOCKET_REASON_BYTES_MAX);
    if (len > 0) {
        memcpy(payload + 2, reason.data, len);
    }
    return websocket_append(out, WEBSOCKET_CLOSE, bytes_make(payload, 2 + len));
}

/* Those of RFC 6455 and of IANA's registry, then those of libraries (3000) and applications (4000).
 */
bool websocket_code_valid(uint16_t code)
{
    if (code >= 1000 && code <= 1014) {
        return code != 1004 && code != 1005 && code != 1006;
    }
    return code >= 3000 && code <= 4999;
}
