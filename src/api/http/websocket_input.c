/* See websocket_input.h. */
#include "api/http/websocket_input.h"

#define FIN 0x80u
#define RESERVED 0x70u
#define OPCODE 0x0fu
#define CONTROL 0x08u
#define MASKED 0x80u
#define LENGTH 0x7fu
#define LENGTH_IN_2 126u
#define LENGTH_IN_8 127u
#define KEY_BYTES 4u

/* ---- UTF-8 ----------------------------------------------------------------------------------- */

/* RFC 3629: no overlongs, no surrogates, nothing above U+10FFFF. */
static bool text_begin(struct websocket_text *state, uint8_t byte)
{
    *state = (struct websocket_text){.low = 0x80, .high = 0xbf};
    if (byte < 0x80) {
        return true;
    }
    if (byte < 0xc2 || byte > 0xf4) {
        return false;
    }
    state->left = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
    if (byte == 0xe0) {
        state->low = 0xa0;
    } else if (byte == 0xed) {
        state->high = 0x9f;
    } else if (byte == 0xf0) {
        state->low = 0x90;
    } else if (byte == 0xf4) {
        state->high = 0x8f;
    }
    return true;
}

static bool text_take(struct websocket_text *state, struct bytes bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        uint8_t byte = bytes.data[i];
        if (state->left == 0) {
            if (!text_begin(state, byte)) {
                return false;
            }
        } else if (byte < state->low || byte > state->high) {
            return false;
        } else {
            *state = (struct websocket_text){
                .left = (uint8_t)(state->left - 1), .low = 0x80, .high = 0xbf};
        }
    }
    return true;
}

/* ---- headers --------------------------------------------------------------------------------- */

static void fault(struct websocket_input *input, struct websocket_event *out, uint16_t code,
                  const char *text)
{
    input->over = true;
    *out = (struct websocket_event){.found = WEBSOCKET_FOUND_FAULT, .code = code, .text = text};
}

static uint8_t opcode_of(const struct websocket_input *input)
{
    return input->header[0] & OPCODE;
}

static bool is_control(const struct websocket_input *input)
{
    return (input->header[0] & CONTROL) != 0;
}

static size_t length_bytes(const struct websocket_input *input)
{
    uint8_t first = input->header[1] & LENGTH;
    return first == LENGTH_IN_2 ? 2 : first == LENGTH_IN_8 ? 8 : 0;
}

/* What the first two bytes say. */
static const char *offence_of_start(const struct websocket_input *input)
{
    uint8_t opcode = opcode_of(input);
    if ((input->header[0] & RESERVED) != 0) {
        return "reserved bits are set, and no extension is in use";
    }
    if (opcode > WEBSOCKET_PONG || (opcode > WEBSOCKET_BINARY && opcode < WEBSOCKET_CLOSE)) {
        return "a reserved opcode";
    }
    if ((input->header[1] & MASKED) == 0) {
        return "frames of a client must be masked";
    }
    if (is_control(input)) {
        if ((input->header[0] & FIN) == 0) {
            return "a control frame in fragments";
        }
        return length_bytes(input) > 0 ? "a control frame of more than 125 bytes" : NULL;
    }
    if (opcode == WEBSOCKET_CONTINUATION && !input->in_message) {
        return "a continuation of nothing";
    }
    return opcode != WEBSOCKET_CONTINUATION && input->in_message
               ? "a message within the fragments of another"
               : NULL;
}

static uint64_t read_length(const struct websocket_input *input)
{
    size_t digits = length_bytes(input);
    uint64_t len = digits == 0 ? input->header[1] & LENGTH : 0;
    for (size_t i = 0; i < digits; i++) {
        len = len << 8 | input->header[2 + i];
    }
    return len;
}

static bool is_shortest(const struct websocket_input *input, uint64_t len)
{
    size_t digits = length_bytes(input);
    return digits == 0 || (digits == 2 && len >= LENGTH_IN_2) ||
           (digits == 8 && len > UINT16_MAX && len <= INT64_MAX);
}

/* What the length says, when all of it has come. */
static void judge_length(struct websocket_input *input, struct websocket_event *out)
{
    uint64_t len = read_length(input);
    if (!is_shortest(input, len)) {
        fault(input, out, WEBSOCKET_PROTOCOL_ERROR, "a length that is not in its shortest form");
        return;
    }
    input->payload_len = len;
    input->payload_taken = 0;
    if (is_control(input)) {
        return;
    }
    if (!input->in_message) {
        input->in_message = true;
        input->message_is_text = opcode_of(input) == WEBSOCKET_TEXT;
        input->message_bytes = 0;
        input->text = (struct websocket_text){0};
    }
    if (len > WEBSOCKET_MESSAGE_BYTES_MAX - input->message_bytes) {
        fault(input, out, WEBSOCKET_TOO_BIG, "no message may be longer than 64 KiB");
        return;
    }
    input->message_bytes += len;
}

static void take_header(struct websocket_input *input, uint8_t byte, struct websocket_event *out)
{
    input->header[input->header_len++] = byte;
    if (input->header_len < 2) {
        return;
    }
    size_t lengths_end = 2 + length_bytes(input);
    if (input->header_len == 2) {
        const char *offence = offence_of_start(input);
        if (offence != NULL) {
            fault(input, out, WEBSOCKET_PROTOCOL_ERROR, offence);
            return;
        }
    }
    if (input->header_len == lengths_end) {
        judge_length(input, out);
    }
    input->in_payload = input->header_len == lengths_end + KEY_BYTES;
}

/* ---- payloads -------------------------------------------------------------------------------- */

static void end_close(struct websocket_input *input, struct websocket_event *out)
{
    size_t len = (size_t)input->payload_len;
    uint16_t code = len == 0 ? WEBSOCKET_NO_CODE
                             : (uint16_t)((unsigned)input->control[0] << 8 | input->control[1]);
    struct bytes reason = bytes_make(input->control + 2, len < 2 ? 0 : len - 2);
    struct websocket_text text = {0};
    if (len == 1 || (len > 1 && !websocket_code_valid(code))) {
        fault(input, out, WEBSOCKET_PROTOCOL_ERROR, "a close without a valid code");
    } else if (!text_take(&text, reason) || text.left > 0) {
        fault(input, out, WEBSOCKET_BAD_DATA, "the reason of a close is not UTF-8");
    } else {
        input->over = true;
        *out = (struct websocket_event){
            .found = WEBSOCKET_FOUND_CLOSE, .code = code, .payload = reason};
    }
}

static void end_control(struct websocket_input *input, struct websocket_event *out)
{
    uint8_t opcode = opcode_of(input);
    if (opcode == WEBSOCKET_CLOSE) {
        end_close(input, out);
        return;
    }
    *out = (struct websocket_event){
        .found = opcode == WEBSOCKET_PING ? WEBSOCKET_FOUND_PING : WEBSOCKET_FOUND_PONG,
        .payload = bytes_make(input->control, (size_t)input->payload_len)};
}

static void end_data(struct websocket_input *input, struct websocket_event *out)
{
    if ((input->header[0] & FIN) == 0) {
        return;
    }
    input->in_message = false;
    if (input->message_is_text && input->text.left > 0) {
        fault(input, out, WEBSOCKET_BAD_DATA, "a text that ends within a character");
    } else {
        *out = (struct websocket_event){.found = WEBSOCKET_FOUND_DATA};
    }
}

static void end_frame(struct websocket_input *input, struct websocket_event *out)
{
    input->in_payload = false;
    input->header_len = 0;
    if (is_control(input)) {
        end_control(input, out);
    } else {
        end_data(input, out);
    }
}

/* As much of the payload as is there, in pieces that are unmasked beside the input. */
static size_t take_payload(struct websocket_input *input, struct bytes bytes,
                           struct websocket_event *out)
{
    const uint8_t *key = input->header + 2 + length_bytes(input);
    uint64_t left = input->payload_len - input->payload_taken;
    size_t len = left < bytes.len ? (size_t)left : bytes.len;
    for (size_t i = 0; i < len; i++) {
        uint8_t byte = bytes.data[i] ^ key[(input->payload_taken + i) % KEY_BYTES];
        if (is_control(input)) {
            input->control[input->payload_taken + i] = byte;
        } else if (input->message_is_text && !text_take(&input->text, bytes_make(&byte, 1))) {
            fault(input, out, WEBSOCKET_BAD_DATA, "a text that is not UTF-8");
            return bytes.len;
        }
    }
    input->payload_taken += len;
    return len;
}

size_t websocket_input_take(struct websocket_input *input, struct bytes bytes,
                            struct websocket_event *out)
{
    *out = (struct websocket_event){.found = WEBSOCKET_FOUND_NOTHING};
    size_t at = 0;
    while (!input->over && out->found == WEBSOCKET_FOUND_NOTHING && at < bytes.len) {
        if (!input->in_payload) {
            take_header(input, bytes.data[at++], out);
        } else {
            at += take_payload(input, bytes_make(bytes.data + at, bytes.len - at), out);
        }
        if (!input->over && input->in_payload && input->payload_taken == input->payload_len) {
            end_frame(input, out);
        }
    }
    return input->over ? bytes.len : at;
}
