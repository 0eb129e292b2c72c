/* Frames of WebSocket (RFC 6455, section 5) as a server writes them: whole messages, unmasked.
 * Pure.
 */
#ifndef API_HTTP_WEBSOCKET_FRAME_H
#define API_HTTP_WEBSOCKET_FRAME_H

#include "base/buffer.h"

enum websocket_opcode {
    WEBSOCKET_CONTINUATION = 0x0,
    WEBSOCKET_TEXT = 0x1,
    WEBSOCKET_BINARY = 0x2,
    WEBSOCKET_CLOSE = 0x8,
    WEBSOCKET_PING = 0x9,
    WEBSOCKET_PONG = 0xa,
};

/* Why a connection ends (section 7.4.1). */
enum websocket_code {
    WEBSOCKET_NORMAL = 1000,
    WEBSOCKET_GOING_AWAY = 1001,
    WEBSOCKET_PROTOCOL_ERROR = 1002,
    WEBSOCKET_NO_CODE = 1005, /* never sent: the other side's close had none */
    WEBSOCKET_BAD_DATA = 1007,
    WEBSOCKET_TOO_BIG = 1009,
    WEBSOCKET_INTERNAL = 1011,
    WEBSOCKET_TRY_LATER = 1013,
};

#define WEBSOCKET_HEADER_BYTES_MAX 10u
#define WEBSOCKET_CONTROL_BYTES_MAX 125u
#define WEBSOCKET_REASON_BYTES_MAX (WEBSOCKET_CONTROL_BYTES_MAX - 2u)

/* The header of a whole message of this length; how long it is. */
size_t websocket_header(enum websocket_opcode opcode, uint64_t len,
                        uint8_t out[WEBSOCKET_HEADER_BYTES_MAX]);

/* Appends a whole message. As buffer_append. */
int websocket_append(struct buffer *out, enum websocket_opcode opcode, struct bytes payload);

/* Appends a close; WEBSOCKET_NO_CODE: one without code and reason. The reason is cut where it is
 * too long, between characters. */
int websocket_append_close(struct buffer *out, uint16_t code, struct bytes reason);

/* May an endpoint send this code? */
bool websocket_code_valid(uint16_t code);

#endif
