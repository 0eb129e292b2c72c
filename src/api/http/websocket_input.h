/* What a WebSocket client sends, judged by the rules of RFC 6455: bytes in, control messages out.
 * The text and binary messages of clients are checked and otherwise of no interest, so nothing of
 * them is kept, and an offence is found at the first byte that makes it one. Pure.
 *
 *      | fin rsv rsv rsv opcode(4) | mask length(7) | length 0, 2 or 8 | masking key 4 | payload
 *
 * Rejected: wslay. Its layer of messages ends a connection without a code for some offences, lets a
 * close of one byte pass and loses its place in a reason that comes in two pieces; its layer of
 * frames tells of a frame only when payload has come, and keeps 4 KiB for each connection. */
#ifndef API_HTTP_WEBSOCKET_INPUT_H
#define API_HTTP_WEBSOCKET_INPUT_H

#include "api/http/websocket_frame.h"

/* Messages of clients; a longer one ends the connection with 1009. */
#define WEBSOCKET_MESSAGE_BYTES_MAX 65536u

enum websocket_found {
    WEBSOCKET_FOUND_NOTHING,
    WEBSOCKET_FOUND_PING,  /* payload: to be sent back */
    WEBSOCKET_FOUND_PONG,  /* payload */
    WEBSOCKET_FOUND_CLOSE, /* code, as sent or WEBSOCKET_NO_CODE; the last there is */
    WEBSOCKET_FOUND_FAULT, /* code and text to end it with; the last there is */
    WEBSOCKET_FOUND_DATA,  /* a whole message: it was right, and is forgotten */
};

struct websocket_event {
    enum websocket_found found;
    struct bytes payload; /* until the next call */
    uint16_t code;
    const char *text; /* static */
};

#define WEBSOCKET_CLIENT_HEADER_BYTES_MAX 14u

/* Where in a character a text stands. */
struct websocket_text {
    uint8_t left;      /* bytes of the character that are to come */
    uint8_t low, high; /* the next of them is within */
};

/* All zeros is the beginning. */
struct websocket_input {
    uint8_t header[WEBSOCKET_CLIENT_HEADER_BYTES_MAX];
    uint8_t header_len; /* of what has come of it; the frame's payload comes once it is whole */
    bool in_payload;
    bool over;       /* found a close or a fault: nothing further is looked at */
    bool in_message; /* frames of a message have come, and not its last */
    bool message_is_text;
    uint64_t payload_len;
    uint64_t payload_taken;
    uint64_t message_bytes; /* of the frames begun */
    struct websocket_text text;
    uint8_t control[WEBSOCKET_CONTROL_BYTES_MAX]; /* of the control frame that is coming */
};

/* Goes through the bytes until something is found or they are used up: how many it has used. Once a
 * close or a fault is found, all are, and nothing more is found. */
size_t websocket_input_take(struct websocket_input *input, struct bytes bytes,
                            struct websocket_event *out);

#endif
