/* REQUEST (put, get, delete, add, expire) and FORWARD, which carries one on its hop to the
 * coordinator.
 *
 *      [5, id, op, key, value | nil, context | nil, detail, options | nil (, trace)]
 *      [32, id, view_digest, [op, key, value | nil, context | nil, detail, options | nil (,
 * trace)]]
 *
 * A forwarded request is an array of its own so that either may grow. The value is there exactly in
 * a put. The detail is a put's time to live, an addition's delta, an expiry's wall time; a put that
 * names a wall time itself travels as an operation of its own, which earlier versions refuse
 * instead of keeping the value for ever. Empty keys and keys or values over the configured limits
 * pass: the node refuses those with a text that says so. */
#include "base/limits.h"
#include "shoal/error.h"
#include "wire/codec.h"

#define REQUEST_FIELDS 6u
#define FORWARD_FIELDS 2u

/* Nothing stands in a request of this kind that has no meaning there, beside its value. */
static bool request_plausible(const struct message_request *message)
{
    bool is_put = message->op == REQUEST_PUT;
    return (message->ttl_ms == 0 || (is_put && message->expiry_ms == 0)) &&
           (message->expiry_ms == 0 || is_put || message->op == REQUEST_EXPIRE) &&
           (message->delta == 0 || message->op == REQUEST_ADD);
}

/* A put with an expiry, beside enum request_op. */
#define REQUEST_PUT_UNTIL 5u

static void write_detail(struct writer *writer, const struct message_request *message)
{
    if (message->op == REQUEST_ADD) {
        write_i64(writer, message->delta);
    } else {
        write_u64(writer, message->expiry_ms != 0 ? message->expiry_ms : message->ttl_ms);
    }
}

static void write_request(struct writer *writer, const struct message_request *message)
{
    bool is_put = message->op == REQUEST_PUT;
    if ((!is_put && message->value.len > 0) || !request_plausible(message) ||
        message->op > REQUEST_EXPIRE) {
        writer_fail(writer, SHOAL_EINVAL);
    }
    write_u64(writer, is_put && message->expiry_ms != 0 ? REQUEST_PUT_UNTIL : message->op);
    write_bin_within(writer, message->key, LIMIT_KEY_BYTES_MAX);
    if (is_put) {
        write_bin_within(writer, message->value, LIMIT_VALUE_BYTES_MAX);
    } else {
        write_nil(writer);
    }
    write_optional_bin_within(writer, message->context, LIMIT_TOKEN_BYTES);
    write_detail(writer, message);
    write_options(writer, &message->options);
    write_trace(writer, &message->trace);
}

static void read_detail(struct reader *reader, uint32_t op, struct message_request *message)
{
    switch (op) {
    case REQUEST_ADD:
        message->delta = read_i64(reader);
        break;
    case REQUEST_EXPIRE:
        message->expiry_ms = read_u64(reader);
        break;
    case REQUEST_PUT_UNTIL:
        message->expiry_ms = read_u64(reader);
        message->op = REQUEST_PUT;
        break;
    default:
        message->ttl_ms = read_u64(reader);
        break;
    }
}

static void read_request(struct reader *reader, uint32_t *unknown, struct message_request *message)
{
    message->op = (uint32_t)read_u64_max(reader, REQUEST_PUT_UNTIL);
    message->key = read_bin(reader, LIMIT_KEY_BYTES_MAX);
    message->value = read_optional_bin(reader, LIMIT_VALUE_BYTES_MAX);
    message->context = read_optional_bin(reader, LIMIT_TOKEN_BYTES);
    read_detail(reader, message->op, message);
    message->options = read_options(reader);
    message->trace = read_trace(reader, unknown);
    bool is_put = message->op == REQUEST_PUT;
    if (is_put != (message->value.data != NULL) || !request_plausible(message)) {
        reader_fail(reader, SHOAL_EPROTO);
    }
}

int message_request_encode(const struct message_request *message, struct buffer *out)
{
    struct encoder encoder = encoder_begin(out, MESSAGE_REQUEST, message->id,
                                           REQUEST_FIELDS + trace_fields(&message->trace));
    write_request(&encoder.writer, message);
    return encoder_end(&encoder);
}

int message_request_decode(struct bytes payload, struct arena *arena, struct message_request *out)
{
    (void)arena;
    struct decoder decoder = decoder_begin(payload, MESSAGE_REQUEST, REQUEST_FIELDS);
    struct message_request message = {.id = decoder.id};
    read_request(&decoder.reader, &decoder.unknown, &message);
    int error = decoder_end(&decoder);
    if (error == 0) {
        *out = message;
    }
    return error;
}

int message_forward_encode(const struct message_forward *message, struct buffer *out)
{
    struct encoder encoder =
        encoder_begin(out, MESSAGE_FORWARD, message->request.id, FORWARD_FIELDS);
    write_u64(&encoder.writer, message->view_digest);
    write_array(&encoder.writer, REQUEST_FIELDS + trace_fields(&message->request.trace));
    write_request(&encoder.writer, &message->request);
    return encoder_end(&encoder);
}

int message_forward_decode(struct bytes payload, struct arena *arena, struct message_forward *out)
{
    (void)arena;
    struct decoder decoder = decoder_begin(payload, MESSAGE_FORWARD, FORWARD_FIELDS);
    struct reader *reader = &decoder.reader;
    struct message_forward message = {.request = {.id = decoder.id}};
    message.view_digest = read_u64(reader);
    uint32_t unknown = read_fields(reader, REQUEST_FIELDS);
    read_request(reader, &unknown, &message.request);
    read_skip_many(reader, unknown);
    int error = decoder_end(&decoder);
    if (error == 0) {
        *out = message;
    }
    return error;
}
